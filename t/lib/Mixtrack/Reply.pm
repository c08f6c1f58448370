package Mixtrack::Reply;

# What the tests of replies share: several projects in one nginx, each with
# a path of its own at the ingest, and their accounts: what was served is
# delivered, or is in the rejected file with a reason, and never both.

use v5.36;

use Exporter qw(import);
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(uniq);

our @EXPORT = qw(replies fate failed_posts lines errors few once_a_second);

# A configuration: name => its directives.  A project NAME has the location
# /NAME, and the endpoint /NAME of the ingest at port 9 unless it says
# another.  What is in %$o: server, http, hit (more for each location).
sub replies ($o, %project) {
    my %default = (
        token            => 'T',
        zone             => '2m',
        batch            => 'interval=50ms',
        retry            => 'min=100ms max=400ms jitter=0ms-20ms',
        timeout          => 'connect=5s total=20s',
        shutdown_timeout => '20s',
    );
    my ($projects, $locations) = ('', '');

    for my $name (sort keys %project) {
        my %p = (%default, endpoint => "http://127.0.0.1:%%PORT_9%%/$name", %{$project{$name}});
        $projects .= "    mixtrack_project $name { " . join(' ', map {"$_ $p{$_};"} sort keys %p) . " }\n";
        $locations .= "        location = /$name { mixtrack hit project=$name; "
            . ($o->{hit} // '') . "return 200 \"ok\\n\"; }\n";
    }

    my %text = map { $_ => $o->{$_} // '' } qw(http server);

    return <<"EOF2";
%%GLOBALS%%
worker_processes 1;

events { worker_connections 512; }

http {
    %%GLOBALS_HTTP%%
    keepalive_requests 100000;

$projects
    $text{http}

    server {
        listen 127.0.0.1:%%PORT_0%%;
        %%STATUS%%
$locations
        $text{server}
    }
}
EOF2
}

# Of these loads of one project (or lists of numbers that were served) every
# request is an event that is at the ingest's path, once, or in the rejected
# file, once, and the counters say the same.  The project's part of the
# status, with the numbers in delivered_seqs and rejected_seqs.  path => the
# ingest's, if it is not the project's name; duplicates => 1: what was not
# acknowledged may have come twice.
sub fate ($t, $ingest, $project, $loads, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my (@served, @failed, %ambiguous, @status);

    for my $load (@$loads) {
        if (ref $load eq 'ARRAY') {
            push @served, @$load;
            next;
        }
        my $r = $load->wait;
        push @served, @{$r->{served}};
        push @failed, @{$r->{failed}};
        push @status, keys %{$r->{status}};
        $ambiguous{$_} = 1 for @{$r->{ambiguous}};
    }
    is(few(@failed), '', "$project: every request was served");
    is(join(' ', grep { $_ ne 200 } uniq(@status)), '', "$project: with 200");

    my $rest = $t->wait_status(
        sub {
            !$_->{queued} && !$_->{in_flight} && !$_->{segments}{used} && !$_->{requests}{in_flight}
                && !$_->{spool}{files};
        },
        project => $project,
        timeout => $o{timeout} // 20,
    );
    my $status = $t->status;
    my $p      = $status->{projects}{$project};

    ok($rest, "$project: all is settled")
        or diag(join ', ', map {"$_ $p->{$_}"} qw(tracked delivered rejected spooled adopted queued in_flight));
    ok($p->{segments}{valid}, "$project: the zone is valid");
    $t->identity_ok($status, "$project: the identity holds");

    my (%delivered, %event, $copies);

    for ($ingest->raw_events($o{path} // "/$project")) {
        my ($id)  = /"\$insert_id":\s*"([^"]*)"/;
        my ($seq) = /[?&]seq=(\d+)/;
        $delivered{$seq}++ if !$event{$id}++;
        $copies++          if $event{$id} > 1;
    }
    my (%rejected, %given_up);

    for (grep { ref $_->{event} eq 'HASH' } $t->rejected($project)) {
        my ($seq) = $_->{event}{properties}{'$current_url'} =~ /[?&]seq=(\d+)/;
        $rejected{$seq}++;
        $given_up{$_->{event}{properties}{'$insert_id'}}++;
    }

    is(few(grep { !$delivered{$_} && !$rejected{$_} } @served), '', "$project: none is missing");
    is(few(grep { $given_up{$_} } sort keys %event), '', "$project: none is both delivered and rejected");
    is(few(grep { $delivered{$_} > 1 && !$ambiguous{$_} } sort keys %delivered), '',
        "$project: none is there as two events");
    is(few(grep { $given_up{$_} > 1 } sort keys %given_up), '', "$project: none is rejected twice");
    is($copies // 0, 0, "$project: none came twice") if !$o{duplicates};

    is($p->{delivered}, scalar(keys %event),    "$project: so many are counted as delivered") if !$o{duplicates};
    is($p->{rejected},  scalar(keys %given_up), "$project: and so many as rejected");
    is($p->{expired} + Mixtrack::Nginx::dropped($p), 0, "$project: none is expired or dropped");

    $p->{delivered_seqs} = [sort { $a <=> $b } keys %delivered];
    $p->{rejected_seqs}  = [sort { $a <=> $b } keys %rejected];
    return $p;
}

# The posts of a project that were not accepted.
sub failed_posts ($ingest, $project) {
    return grep { $_->{status} != 200 || $_->{accepted} == 0 } $ingest->posts("/$project");
}

# {level, text, pid, at}: what is said of a project
sub lines ($t, $project) {
    my $says = qr{^(\S+ \S+) \[(\w+)\] (\d+)#\d+: .*?mixtrack: project "\Q$project\E": (.*)};
    return map { $_ =~ $says ? {at => $1, level => $2, pid => $3, text => $4} : () } split /\n/, $t->error_log;
}

# those an operator must read
sub errors ($t, $project) { map { $_->{text} } grep { $_->{level} eq 'error' } lines($t, $project) }

sub few (@list) {
    my $n = @list;
    return $n > 20 ? join(' ', @list[0 .. 19]) . " ... ($n)" : join ' ', @list;
}

# what a line is about: its text, but for reasons, names and numbers
sub _cause ($text) { $text =~ s/"[^"]*"/"..."/gr =~ s/\d+/N/gr =~ s/[:(,].*//sr }

# Of these lines no process has said one of the same cause twice in a second
# of the log, and they count right: the first of a cause is all of them, and a
# later one tells of more in all than the one before, by what it is about at
# least.  What is wrong, or nothing.
sub once_a_second (@lines) {
    my (%n, %all, @bad);

    for (@lines) {
        my ($cause, $text) = (_cause($_->{text}), $_->{text});
        push @bad, "twice at $_->{at}: $text" if $n{"$_->{at} $_->{pid} $cause"}++;

        # notices are said each time; and of these the number is how many there are
        next if $_->{level} eq 'notice' || $cause =~ /of another destination|^the queue is full/;

        # events, or how often it has happened
        my ($own) = $cause =~ /^N (?:rejected )?events|^the spool is full/ ? $text =~ /(\d+) (?:rejected )?events/ : 1;
        my ($all) = $text =~ / \((\d+) in all\)/;
        my $before = $all{"$_->{pid} $cause"};

        push @bad, "behind " . ($before // 'nothing') . ": $text"
            if defined $before ? ($all // 0) < $before + $own : defined $all;
        $all{"$_->{pid} $cause"} = $all // $own;
    }
    return join "\n", @bad;
}

1;
