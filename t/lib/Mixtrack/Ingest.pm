package Mixtrack::Ingest;

# The test's side of the ingest: starts and stops it, always on the same port
# and with the same memory, plays faults to it and asks what it saw.

use v5.36;

use HTTP::Tiny;
use POSIX ();
use Time::HiRes qw(time);

use Mixtrack::Process qw(alive);
use Mixtrack::Util qw(wait_until json_decode json_encode slurp);

# dir, lib, port; rcvbuf => BYTES of every connection: with a small one a
# body is still being sent when a fault resets it.
#
# original => 1 is that of a project with Original ID Merge.
#
# tls => 'good', 'expired', 'wrong_name' or 'self_signed' makes it https, with
# this certificate of certs, a Mixtrack::TLS; client_ca => 1 lets in who has
# one of the authority's, only.  Posts have tls then: {version, sni, client},
# the name that was asked for (none for an address) and the client's.  What
# the test asks goes through the port control, in plain.
sub new ($class, %o) {
    # a kept-alive one may be closed just when it is asked again
    return bless {
        %o,
        http   => HTTP::Tiny->new(timeout => 300, keep_alive => 0),
        record => "$o{dir}/ingest-$o{port}.record",
        log    => "$o{dir}/ingest-$o{port}.log",
        judge  => {},
        parent => $$,
    }, $class;
}

# where it is, without a path
sub url ($self) { $self->{tls} ? "https://localhost:$self->{port}" : "http://127.0.0.1:$self->{port}" }

sub _control ($self, $what) {
    my $port = $self->{tls} ? $self->{control} : $self->{port};
    return "http://127.0.0.1:$port/_control/$what";
}

# Another certificate, from the next start on.
sub tls ($self, $name) { $self->{tls} = $name; $self }

sub start ($self) {
    return $self if $self->{pid};

    # it ends when our end of this pipe does
    pipe my $read, $self->{pipe} or die "pipe: $!";

    $self->{pid} = fork // die "fork: $!";
    if (!$self->{pid}) {
        open STDIN,  '<&', $read            or POSIX::_exit(1);
        open STDOUT, '>>', $self->{log}     or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT         or POSIX::_exit(1);
        exec $^X, "$self->{lib}/ingest", '--port', $self->{port}, '--record', $self->{record}, '--watch',
            $self->_options or POSIX::_exit(1);
    }
    close $read;

    wait_until(sub { !alive($self->{pid}) || $self->{http}->get($self->_control('stats'))->{success} }, 20)
        && alive($self->{pid})
        or die "the ingest does not start: " . slurp($self->{log}) . "\n";

    $self->_tell($_, $self->{judge}{$_}) for sort keys %{$self->{judge}};

    return $self;
}

sub _options ($self) {
    my @options;
    push @options, '--rcvbuf', $self->{rcvbuf} if $self->{rcvbuf};
    push @options, '--original' if $self->{original};
    return @options if !$self->{tls};

    my $certs = $self->{certs};
    push @options, '--control', $self->{control};
    push @options, map { ("--$_", $certs->file("$self->{tls}." . ($_ eq 'cert' ? 'crt' : 'key'))) } qw(cert key);
    push @options, '--client-ca', $certs->file('ca.crt') if $self->{client_ca};
    return @options;
}

# with everything it took checked before
sub stop ($self) {
    return if !$self->{pid};
    $self->check;
    $self->kill;
}

# as it is
sub kill ($self) {
    return if !$self->{pid};
    CORE::kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    close delete $self->{pipe};
    $self->{pid} = 0;
}

sub DESTROY ($self) {
    return if $self->{parent} != $$;
    local ($?, $!, $@);
    $self->kill;
}

sub _ask ($self, $what) {
    my $r = $self->{http}->get($self->_control($what));
    die "ingest $what: $r->{status} $r->{content}\n" if !$r->{success};
    return $r->{content};
}

sub _tell ($self, $what, $data) {
    my $r = $self->{http}->post($self->_control($what), {content => json_encode($data)});
    die "ingest $what: $r->{status} $r->{content}\n" if !$r->{success};
    return $self;
}

# counts: posts events distinct duplicates invalid running high_water ...
# poisoned, posts with poison in them; why => {auth limit rate poison}, posts
# that were refused for it
sub stats ($self) { json_decode($self->_ask('stats')) }

# every post in order: n path query headers encoding wire raw events md5 time
# conn status accepted poisoned (events) why (it was refused: auth limit rate
# poison) fault (the names of what the script did to it)
sub posts ($self, $path = undef) {
    return grep { !defined $path || $_->{path} eq $path } @{json_decode($self->_ask('posts'))};
}

# the accepted events, as they were written; duplicates with them
sub raw_events ($self, $path = undef) {
    return split /\n/, $self->_ask('events' . (defined $path ? "?path=$path" : ''));
}

sub events ($self, $path = undef) { map { json_decode($_) } $self->raw_events($path) }

# what is wrong with what it got, first with all of it looked at
sub check ($self) {
    my $c = json_decode($self->_ask('check'));
    return (@{$c->{faults}}, map {"resent, but not the same: $_->[0] and $_->[1]"} @{$c->{differing}});
}

sub reset ($self) {
    $self->{judge} = {};
    return $self->_tell('reset', {});
}

# the script, see Mixtrack::Faults; an empty one makes it well again
sub faults ($self, @script) { $self->_tell('faults', \@script) }

# for the lots of the script
sub seed ($self, $seed) { $self->_tell('seed', $seed) }

# What it judges by, see Mixtrack::Judge; with nothing: no more.  Unlike the
# script these outlive its death, but not reset().
sub auth ($self, %o)   { $self->_judge('auth', %o) }
sub limit ($self, %o)  { $self->_judge('limit', %o) }
sub rate ($self, %o)   { $self->_judge('rate', %o) }
sub poison ($self, $poison = undef) { $self->_judge('poison', %{$poison // {}}) }

sub _judge ($self, $name, %o) {
    $self->{judge}{$name} = %o ? \%o : undef;
    return $self->_tell($name, $self->{judge}{$name});
}

# until n different events were accepted
sub wait_events ($self, $n, $timeout = 15) {
    return wait_until(sub { $self->stats->{distinct} >= $n }, $timeout);
}

# until all of these numbers are there, but for so many
sub wait_seqs ($self, $served, $may = 0, $timeout = 15) {
    my $before = -1;

    return wait_until(sub {
        my $distinct = $self->stats->{distinct};
        return 0 if $distinct == $before;
        $before = $distinct;
        return $self->missing(@$served) <= $may;
    }, $timeout);
}

sub wait_posts ($self, $n, $timeout = 15) {
    return wait_until(sub { $self->stats->{posts} >= $n }, $timeout);
}

# seq => how many different events of it
sub seqs ($self) {
    my (%seq, %seen);
    for ($self->raw_events) {
        my ($id)  = /"\$insert_id":\s*"([^"]*)"/;
        my ($seq) = /[?&]seq=(\d+)/ or next;
        $seq{$seq}++ if !$seen{$id // ''}++;
    }
    return \%seq;
}

# Of these numbers, which never came, and which came as two different events
# without being ambiguous?
sub missing ($self, @served) {
    my $seq = $self->seqs;
    return grep { !$seq->{$_} } @served;
}

sub surplus ($self, @ambiguous) {
    my $seq  = $self->seqs;
    my %okay = map { $_ => 1 } @ambiguous;
    return grep { $seq->{$_} > 1 && !$okay{$_} } sort { $a <=> $b } keys %$seq;
}

1;
