package Mixtrack::Breakage;

# What the tests of a broken way to the endpoint share: a configuration that
# tries again soon, and one breakage, from a healthy state to a healthy state,
# with a reload in the middle of it:
#
#     breakage($t, $ingest, 'refused',
#         break => sub { $ingest->kill },
#         heal  => sub { $ingest->start },
#         why   => qr/connect/i);
#
# What is looked at is always the same: that the flusher has seen the fault
# and says why, before the reload and after it; that the gate closes and posts
# are few; that requests are served as if nothing were; that it was worth no
# more than a warning; and that in the end each request is one event.

use v5.36;

use Exporter qw(import);
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until monotonic slurp);

our @EXPORT = qw(breakable breakage posts);

use constant CONNECTIONS => 4;
use constant RATE        => 250;

# what a request costs is measured with so many of them, and how many times as
# much would be too much
use constant REQUESTS => 100;
use constant TIMES    => 3;

# the delays of the retry below: 100, 200, then 400 ms each
use constant FIRST_DELAYS => 3;
use constant MAX_DELAY    => 0.4;

# As lifecycle(), with a batch each 20 ms: without the gate there would be
# many posts.
sub breakable (%o) {
    return lifecycle(%o, project => {
        batch            => 'interval=20ms',
        connections      => CONNECTIONS,
        retry            => 'min=100ms max=400ms jitter=0ms-20ms',
        timeout          => 'connect=1s total=2s',
        shutdown_timeout => '1s',
        %{$o{project} // {}},
    });
}

# how many posts have ended
sub posts ($p) {
    my $n = 0;
    $n += $p->{requests}{$_} for qw(2xx 3xx 4xx 5xx error);
    return $n;
}

# Breaks it, reloads, heals it.  The subs break, heal, and middle, if there is
# one, instead of a mere reload; why: what last_error is like; counter: which
# of the requests the fault counts as (error); duplicates => 1: replies are
# lost, so events may come again; level => 'error' where an operator has to
# act; state: what the gate may be meanwhile; more => sub: other checks while it
# is broken; no_post => 1: the ingest gets none meanwhile; to => ingest: where the
# events are in the end, if not at the one where they were before.  The number
# of posts that the ingest had when it broke is broken_at of what is returned,
# which are the counters in the end.
sub breakage ($t, $ingest, $name, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    state $n = 0;

    my $counter = $o{counter} // 'error';
    my $state   = $o{state}   // qr/^(?:closed|half-open)$/;
    my $to      = $o{to}      // $ingest;
    my $log     = length $t->error_log;

    # what came before has an account of its own
    is(join("\n", $ingest->check), '', "$name: before it all is well");
    $ingest->reset;

    my $start = $t->status('default');
    my $load  = $t->load(from => 10000 * ++$n, count => 9000, rate => RATE, connections => 4);
    my $good  = _cost($t, $load);
    ok($t->wait_status(sub { $_->{delivered} > $start->{delivered} }), "$name: at first events are delivered")
        if !$o{from_start};

    # ---- broken

    $o{break}->();
    my $begin  = monotonic();
    my $before = $t->status('default');
    my $had    = $ingest->{pid} ? $ingest->stats->{posts} : 0;

    my $see = sub ($when) {
        my $seen = $t->status('default')->{requests}{$counter};
        my $p    = $t->wait_status(sub {
            $_->{requests}{$counter} > $seen && $_->{last_error} =~ $o{why} && $_->{gate}{state} =~ $state;
        });
        ok($p, "$name: the flusher sees it$when, and closes the gate") or do {
            my $now = $t->status('default');
            diag("gate $now->{gate}{state}, $now->{requests}{$counter} $counter, last_error $now->{last_error}");
        };
    };

    $see->('');
    my $stopped = $t->status('default')->{delivered};

    if ($o{middle}) {
        $o{middle}->();
    }
    else {
        ok($t->reload, "$name: a reload meanwhile");
    }

    $see->(' after the reload, too');

    # unless others took the machine meanwhile
    my ($bad, $slow) = ({});
    wait_until(sub {
        $bad  = _cost($t, $load);
        $slow = join ', ', map {"$_ $bad->{$_}, once $good->{$_}"} grep { $bad->{$_} > TIMES * $good->{$_} } sort keys %$good;
        return $slow eq '';
    }, 5);
    is($slow, '', "$name: requests are served as fast as before, and cost the workers no more");

    # a line a second for each cause: the first may be another's
    ok(wait_until(sub { substr($t->error_log, $log) =~ / mixtrack: .*$o{why}/ }), "$name: the log tells the reason");
    $o{more}->() if $o{more};
    is($ingest->stats->{posts}, $had, "$name: it gets no post") if $o{no_post};

    my $p    = $t->status('default');
    my $took = monotonic() - $begin;
    cmp_ok($p->{queued} + $p->{in_flight}, '>', 0, "$name: events wait");
    is($p->{delivered}, $stopped, "$name: none is said to be delivered") if !$o{some};

    # those which were on their way when it broke, a reload's, and one after
    # each delay
    my $most = CONNECTIONS + 1 + FIRST_DELAYS + int($took / MAX_DELAY);
    cmp_ok(posts($p) - posts($before), '<=', $most, "$name: and posts are few");

    # ---- and well again

    $o{heal}->();
    ok($t->wait_status(sub { $_->{delivered} > $p->{delivered} }), "$name: delivered again");
    $load->stop;

    my $served = account($to, [$load, $o{also} // []], name => $name, duplicates => $o{duplicates});
    my $end = at_rest($t, name => $name);
    is($end->{gate}{state}, 'open', "$name: the gate is open");
    is($end->{tracked} - $start->{tracked}, $served, "$name: each request is one event")
        if !@{$load->wait->{ambiguous}};
    is($end->{delivered} - $start->{delivered}, $end->{tracked} - $start->{tracked},
        "$name: and each of them is delivered");

    _lines($t, $name, substr($t->error_log, $log), %o);
    return {%$end, broken_at => $had};
}

# What a request takes, of so many: seconds until the next one is served, which
# are those of the load unless it has to wait, and seconds of the workers' own.
sub _cost ($t, $load) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my %ran   = map { $_ => _ran($_) } $t->workers;
    my $n     = $load->progress;
    my $begin = monotonic();
    ok($load->wait_served($n + REQUESTS), 'requests are served');

    my %cost = (pace => monotonic() - $begin, worker => 0);
    for my $pid (keys %ran) {
        my $now = _ran($pid);
        $cost{worker} += $now - $ran{$pid} if $now;
    }
    $n = $load->progress - $n;
    return {map { $_ => sprintf '%.6f', $cost{$_} / $n } keys %cost};
}

# seconds that a process was on a processor, 0 when it is gone; the kernel's
# usual ticks are too long for a request
sub _ran ($pid) { ((split ' ', slurp("/proc/$pid/schedstat"))[0] // 0) / 1e9 }

sub _lines ($t, $name, $log, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $level = $o{level} // 'warn';
    my @said  = $log =~ /\[(\w+)\] .* mixtrack: project "default": (?:a post failed|the endpoint refuses us)/g;

    cmp_ok(scalar(@said), '>=', 1, "$name: the log has it");
    is(join(' ', grep { $_ ne $level } @said), '', "$name: as $level");
    is(join("\n", grep { !/\[$level\]/ } $log =~ /^.*\[(?:error|crit|alert|emerg)\].*$/mg), '',
        "$name: and nothing is louder");
    ok($log =~ /\[notice\] .*mixtrack: project "default": posts succeed again after \d+ ms/,
        "$name: and that it is over");
}

1;
