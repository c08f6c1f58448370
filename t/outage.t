#!/usr/bin/perl

# An outage that is longer than the queue: it goes to the spool, and when the
# endpoint comes back all of it is delivered once, the oldest first and in
# turn with live traffic.  Also over one connection, with a stop and a start
# in the middle; and what is given up, and counted, when there is no spool,
# and when the spool is too small: also when the endpoint answers, and fails.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);

sub conf (%o) {
    my $main = delete $o{main} // {};

    $t->conf(lifecycle(
        %$main,
        project => {
            zone             => '1m',
            batch            => 'interval=50ms events=100',
            retry            => 'min=100ms max=400ms jitter=0ms-20ms',
            timeout          => 'connect=1s total=5s',
            shutdown_timeout => '1s',
            %o,
        },
    ));
}

# The number of each spooled event, and of its file in the order of the names;
# one that is being written just now is for later.
sub spooled {
    my @files = grep { $_->{events} } spool_files($t);
    my %file;

    for my $i (0 .. $#files) {
        $file{$_} = $i for map { ($_->{properties}{'$current_url'} =~ /seq=(\d+)/)[0] } spooled_events($files[$i]);
    }
    return \%file;
}

# The numbers of what is delivered from here on, in order.
sub arrived ($from) {
    my @raw = $ingest->raw_events;
    return map {/[?&]seq=(\d+)/} @raw[$from .. $#raw];
}

# Files are read oldest first, and with live events in between: ahead is how
# many posts there may be at a time beside the one that came.
sub in_turn ($file, $seqs, $ahead, $name) {
    my (%came, %first, @bad);
    my $last = (sort { $b <=> $a } values %$file)[0];
    my $live = 0;

    for my $seq (@$seqs) {
        my $i = $file->{$seq};
        if (!defined $i) {
            $live++ if keys %came && keys %came <= $last;
            next;
        }
        next if $came{$i}++;
        my @before = grep { !$came{$_} } 0 .. $i - 1;
        push @bad, "$i before @before" if @before > $ahead;
    }
    cmp_ok($last, '>', 5, "$name: there are files");
    is(scalar(keys %came), $last + 1, "$name: of which each one is read");
    is(join(', ', @bad), '', "$name: oldest first");
    cmp_ok($live, '>', 0, "$name: in turn with live events");
}

# an outage in which n requests are served and part of them is spooled
sub outage ($name, $from, $n, %o) {
    my $before = $t->status('default');
    my $load   = $t->load(from => $from, count => $n, rate => 1200);

    ok($t->wait_status(sub { $_->{gate}{state} ne 'open' }), "$name: the endpoint is gone");
    ok($t->wait_status(sub { $_->{spool}{files} }), "$name: the queue goes to the spool");
    ok($t->reload(drained => 1), "$name: a reload meanwhile") if $o{reload};
    $load->wait;

    my $p = $t->wait_status(sub { 2 * $_->{segments}{used} <= $_->{segments}{total} });
    ok($p, "$name: and has room again");
    cmp_ok(2 * $p->{segments}{high_water}, '>=', $p->{segments}{total}, "$name: it was half full");
    cmp_ok($p->{spooled}, '>', $before->{spooled}, "$name: spooled is counted");
    is($p->{dropped}{full}, 0, "$name: nothing is dropped");
    is($p->{delivered}, $before->{delivered}, "$name: nothing was delivered");
    return $load;
}

# ---- many connections

for my $connections (8, 1) {
    my $name = "connections $connections";
    my $from = $connections * 100000;

    conf(connections => $connections);
    $t->run;

    my $load = outage($name, $from, 2500, reload => 1);
    my $file = spooled();
    my $live = $t->load(from => $from + 50000, count => 40000, rate => 100);
    ok($live->wait_served(50), "$name: live events");

    # and what was tried until it is tired of it is not left behind
    ok($t->wait_status(sub { $_->{retries} > 10 }, timeout => 30), "$name: retries");

    $ingest->start;

    # longer than the interval: there is always a live batch, too
    $ingest->faults({delay => 70});

    # as many as were written before the new ones, which have none
    ok($t->wait_status(sub { $_->{adopted} >= keys %$file }, timeout => 60), "$name: all files are adopted");
    $live->stop;

    account($ingest, [$load, $live], name => $name);
    at_rest($t, name => $name);
    in_turn($file, [arrived(0)], $connections == 1 ? 0 : 5, $name);
    is(scalar(spool_files($t)), 0, "$name: the spool is empty");
    cmp_ok($ingest->stats->{high_water}, '<=', $connections, "$name: and no more");

    like($t->error_log, qr/\[notice\].*posts succeed again after \d+ ms/, "$name: the log says that it is over");
    ok($t->quit, "$name: QUIT");
    $ingest->reset;
    $ingest->kill;
}

# ---- stopped in the outage, and started

$t->run;
my $load = outage('stopped', 10001, 2000, reload => 1);
ok($t->quit, 'stopped: QUIT');
my $n = keys %{spooled()};
is($n, 2000, 'stopped: all is in the spool');
$t->run;
my $live = $t->load(from => 20001, count => 500, rate => 500);
ok($t->wait_status(sub { $_->{gate}{state} ne 'open' }), 'stopped: started in the outage');
$ingest->start;
account($ingest, [$load, $live], name => 'stopped');
my $p = at_rest($t, name => 'stopped');
is($p->{adopted} - $p->{spooled}, $n, 'stopped: what was spooled is adopted');
ok($t->quit, 'stopped: QUIT');

# ---- what is given up: of one connection, so that the numbers are in order

sub gives_up ($name, $from, $count, $what) {
    $ingest->reset;
    $ingest->kill;
    $t->run;

    my $load = $t->load(from => $from, count => $count, rate => 1500, connections => 1);
    ok($t->wait_status($what, timeout => 30), "$name: it happens");
    ok($load->running, "$name: in the middle");
    ok($t->reload(drained => 1), "$name: a reload");

    my $r = $load->wait;
    is(scalar(@{$r->{served}}), $count, "$name: all the same every request is served");
    my $given = $t->status('default');

    # later ones are served as well
    $ingest->start;
    ok($t->wait_rest, "$name: delivered");
    my $more = $t->load(from => $from + 50000, count => 100);
    is(scalar(@{$more->wait->{served}}), 100, "$name: more");
    my $p = $t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{spool}{files} });
    ok($p, "$name: at rest");
    $t->identity_ok($t->status, "$name: the identity holds");
    is(scalar($ingest->missing(@{$more->{result}{served}})), 0, "$name: later ones are there");
    is($ingest->stats->{duplicates}, 0, "$name: nothing came twice");

    my $there = $ingest->seqs;
    return ($p, [grep { !$there->{$_} } $from .. $from + $count - 1]);
}

conf(main => {workers => 1}, spool => 'off');
my ($q, $gone) = gives_up('no spool', 300001, 4000, sub { $_->{dropped}{full} });
is(scalar(@$gone), $q->{dropped}{full}, 'no spool: what is missing was counted as dropped');
is(join(' ', $gone->[0], $gone->[-1]), join(' ', 304001 - @$gone, 304000), 'no spool: the newest are');
is($q->{expired} + $q->{rejected} + $q->{spooled}, 0, 'no spool: and nothing else');
ok($t->quit, 'no spool: QUIT');

conf(main => {workers => 1}, spool => '200k', gzip => 'off');
($q, $gone) = gives_up('small spool', 400001, 4000, sub { $_->{expired} });
is(scalar(@$gone), $q->{expired}, 'small spool: what is missing was counted as expired');
is($q->{dropped}{full} + $q->{rejected}, 0, 'small spool: and nothing else is');
cmp_ok(scalar(@$gone), '>', 500, 'small spool: it is more than a file');
is(join(' ', grep { $_ > 400000 + @$gone + 200 } @$gone), '', 'small spool: the oldest are');
like($t->error_log, qr/\[error\].*the spool is full, \d+ events of "[^"]*" are expired/, 'small spool: the log says so');
ok($t->quit, 'small spool: QUIT');

# ---- the endpoint answers, so that files are tried again and again: those are
# the oldest, and given up first all the same

conf(main => {workers => 1}, spool => '40k', gzip => 'off', batch => 'interval=100ms events=100');
$ingest->reset;
$ingest->faults({status => 503});
$t->run;

$load = $t->load(from => 500001, count => 12000, rate => 1500, connections => 1);
ok($t->wait_status(sub { $_->{spool}{files} && $_->{retries} }), 'tried: there are files, and retries');
is(scalar(@{$load->wait->{served}}), 12000, 'tried: every request is served');
my $given = $t->wait_status(sub { 2 * $_->{segments}{used} <= $_->{segments}{total} });
ok($given, 'tried: the queue has room again');

$ingest->faults();
$p = $t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{spool}{files} }, timeout => 20);
ok($p, 'tried: delivered');
$t->identity_ok($t->status, 'tried: the identity holds');
is($ingest->stats->{duplicates}, 0, 'tried: nothing came twice');

my $there = $ingest->seqs;
$gone = [grep { !$there->{$_} } 500001 .. 512000];
is(scalar(@$gone), $p->{expired}, 'tried: what is missing was counted as expired');
is($p->{dropped}{full} + $p->{rejected}, 0, 'tried: and nothing else is');
cmp_ok(scalar(@$gone), '>', 5000, 'tried: it is most of it');
is(scalar(grep { $_ > 500000 + @$gone + 500 } @$gone), 0, 'tried: the oldest are');

$t->done;
