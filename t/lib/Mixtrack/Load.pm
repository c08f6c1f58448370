package Mixtrack::Load;

# A client that sends numbered requests, in a process of its own, at a
# bounded rate over several kept-alive connections, and tells which of them
# got a whole response.
#
# A number whose connection closed under it is sent again over another one:
# it counts once as served.  Whether the first one was served nobody knows,
# so it is named among the ambiguous: its event may come twice, with two
# $insert_ids.

use v5.36;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep);

use Mixtrack::HTTP;
use Mixtrack::Util qw(json_decode json_encode slurp spew wait_until monotonic patience);

# file, port; count, from => 1, rate => per second, connections => 8,
# uri => '/hit?seq=%d', headers => "A: b\r\n", timeout => seconds in all
sub new ($class, %o) {
    my $self = bless {
        from        => 1,
        count       => 1000,
        rate        => 2000,
        connections => 8,
        uri         => '/hit?seq=%d',
        headers     => '',
        %o,
    }, $class;
    $self->{timeout} //= 30 + 3 * $self->{count} / $self->{rate};

    $self->{parent} = $$;
    $self->{pid} = fork // die "fork: $!";
    return $self if $self->{pid};

    # the test's own END and DESTROY are not for us: leave by _exit
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    my $ok = eval { $self->_run; 1 };
    warn $@ if !$ok;
    POSIX::_exit($ok ? 0 : 1);
}

# how many were served so far, about
sub progress ($self) { (split ' ', slurp("$self->{file}.n"))[0] // 0 }

# until n were served
sub wait_served ($self, $n, $timeout = 30) {
    return wait_until(sub { $self->progress >= $n || !$self->running }, $timeout);
}

sub running ($self) {
    return 0 if !$self->{pid};
    return 1 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
    $self->{pid} = 0;
    return 0;
}

# sends no more, and waits
sub stop ($self) {
    CORE::kill 'TERM', $self->{pid} if $self->{pid};
    return $self->wait;
}

# {served => [...], ambiguous => [...], failed => [...], status => {200 => n},
# by_status => {200 => [...]}}
sub wait ($self) {
    return $self->{result} if $self->{result};

    wait_until(sub { !$self->running }, $self->{timeout} + 10)
        or $self->kill;

    my $text = slurp($self->{file}) or die "the load generator died\n";
    return $self->{result} = json_decode($text);
}

sub kill ($self) {
    return if !$self->{pid} || $self->{parent} != $$;
    CORE::kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->kill;
}

# for progress(), which is never to read half of it
sub _tell ($self, $n) {
    spew("$self->{file}.new", $n);
    rename "$self->{file}.new", "$self->{file}.n";
}

sub _run ($self) {
    my $stop = 0;
    $SIG{TERM} = sub { $stop = 1 };
    $SIG{INT} = $SIG{PIPE} = 'IGNORE';

    my $start = monotonic();
    my $end   = $start + $self->{timeout} * patience();
    my $last  = $self->{from} + $self->{count} - 1;
    my $next  = $self->{from};
    my $said  = 0;
    my $pause = 0;
    my (@again, %served, %ambiguous, %status, %by, %conn);

    my $sel  = IO::Select->new;
    my $drop = sub ($c, $sent) {
        $sel->remove($c->{s});
        delete $conn{fileno $c->{s}};
        close $c->{s};
        return if !defined $c->{seq};
        $ambiguous{$c->{seq}} = 1 if $sent;
        push @again, $c->{seq};
    };
    my $send = sub ($c, $seq) {
        my $uri = sprintf $self->{uri}, $seq;
        @$c{qw(seq buf)} = ($seq, '');
        my $text = "GET $uri HTTP/1.1\r\nHost: localhost:$self->{port}\r\n$self->{headers}\r\n";
        my $n = syswrite $c->{s}, $text;
        $drop->($c, 0) if ($n // 0) != length $text;
    };

    while (monotonic() < $end) {
        my $now     = monotonic();
        my $allowed = $self->{from} + ($now - $start) * $self->{rate};
        my $more    = @again || (!$stop && $next <= $last);
        my @idle    = grep { !defined $_->{seq} } values %conn;

        last if !$more && @idle == keys %conn;

        while ($more && $now >= $pause) {
            last if !@again && $next > $allowed;
            my $c = shift @idle;
            if (!$c) {
                last if keys %conn >= $self->{connections};
                my $s = IO::Socket::INET->new(
                    PeerAddr => '127.0.0.1',
                    PeerPort => $self->{port},
                    Timeout  => 2,
                );
                if (!$s) {
                    $pause = $now + 0.02;
                    last;
                }
                $s->blocking(0);
                setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
                $conn{fileno $s} = $c = {s => $s};
                $sel->add($s);
            }
            $send->($c, @again ? shift @again : $next++);
            $more = @again || (!$stop && $next <= $last);
        }

        # of none there is nothing to wait for
        sleep 0.002 if !$sel->count;

        for my $s ($sel->can_read(0.002)) {
            my $c = $conn{fileno $s};
            my $n = sysread $s, $c->{buf}, 65536, length($c->{buf} // '');

            # closed, by a reload or at its end: what was asked is open
            if (!$n) {
                next if !defined $n && $!{EAGAIN};
                $drop->($c, 1);
                next;
            }

            next if !defined $c->{seq} || !Mixtrack::HTTP::complete($c->{buf});

            $served{$c->{seq}} = 1;
            $status{substr $c->{buf}, 9, 3}++;
            push @{$by{substr $c->{buf}, 9, 3}}, $c->{seq};
            my $closes = $c->{buf} =~ /^Connection: close/mi;
            $c->{seq} = undef;
            $c->{buf} = '';
            $drop->($c, 0) if $closes;
        }

        if ($now - $said > 0.02) {
            return if getppid != $self->{parent};
            $self->_tell(scalar keys %served);
            $said = $now;
        }
    }

    my @asked = $self->{from} .. $next - 1;
    $self->_tell(scalar keys %served);
    spew($self->{file}, json_encode({
        served    => [sort { $a <=> $b } keys %served],
        ambiguous => [sort { $a <=> $b } keys %ambiguous],
        failed    => [grep { !$served{$_} } @asked],
        status    => \%status,
        by_status => \%by,
        seconds   => monotonic() - $start,
    }));
}

1;
