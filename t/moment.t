#!/usr/bin/perl

# kill -9 of the flusher at the worst moments, of a batch from the queue and
# of one from a file: when the reply has come and is not read, when it is read
# and not settled, when it is settled and the file is still there, when it is
# on disk and in the queue as well.  A duplicate is allowed, a loss is not.
#
# And a flusher that dies of what it deflates: of that, and of nothing else,
# is given up what killed three of them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Halt;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

use constant EVENTS => 40;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $halt   = Mixtrack::Halt->new($t);

sub conf (%more) {
    return $t->conf(lifecycle(workers => 1, project => {
        batch   => 'interval=1s',
        retry   => 'min=100ms max=300ms jitter=0ms-20ms',
        timeout => 'connect=1s total=20s',
        gzip    => 1,
        %more,
    }));
}

conf();
$halt->run;

my $from = 1;

# these are all of the events that are to come, in one batch: they are served
# within its interval
sub requests ($n = EVENTS) {
    my $load = $t->load(from => $from, count => $n, rate => 1e6, connections => 1);
    $load->wait;
    $from += 1000;
    return $load;
}

# The flusher is stopped: its events are accepted, and it is killed.  All are
# there in the end, and came again if they were to.
sub dies ($name, $pid, $load, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $before = $o{before};
    ok(wait_until(sub { my $s = $ingest->stats; $s->{distinct} == $before->{distinct} + EVENTS && !$s->{running} }, 15),
        "$name: the ingest has accepted and answered");
    my $p = $t->status('default');
    is($p->{delivered} - $o{delivered}, $o{settled} // 0, "$name: " . ($o{settled} ? 'it is settled' : 'it is not settled'));
    is(scalar(grep { $_->{events} } spool_files($t)), $o{files} // 0, "$name: so many files are there");

    ok($t->kill_process($pid), "$name: the flusher is killed");
    account($ingest, [$load], name => $name, duplicates => 1);
    at_rest($t, name => $name);
    ok($t->wait_status(sub { !$_->{spool}{files} }), "$name: the spool is empty");
    is($ingest->stats->{duplicates} - $before->{duplicates}, EVENTS, "$name: they came twice");
    is(scalar(grep { $_->{events} } spool_files($t)), 0, "$name: and no file is left");
}

# ---- a batch from the queue

for my $moment ('not read', 'read') {
    my $name    = "queue, $moment";
    my $pid     = $t->flusher;
    my %o       = (before => $ingest->stats, delivered => $t->status('default')->{delivered});
    my $load;

    if ($moment eq 'read') {
        $halt->at(recv => $pid);
        $load = requests();
    }
    else {
        $ingest->faults({delay => 1000, times => 1});
        $load = requests();
        ok($t->wait_status(sub { $_->{requests}{in_flight} }), "$name: a post is on its way");
        ok($ingest->wait_posts($o{before}{posts} + 1), "$name: it has come");
        kill 'STOP', $pid;
    }
    ok($halt->stopped($pid), "$name: the flusher is stopped");
    dies($name, $pid, $load, %o);
}

# ---- a batch from a file: one of an outage that nginx did not survive

for my $moment ('not read', 'read', 'not removed') {
    my $name = "file, $moment";

    $ingest->kill;
    my $load = requests();
    ok($t->stop, "$name: TERM");
    is(scalar(grep { $_->{events} } spool_files($t)), 1, "$name: a file is there");
    $halt->run;
    ok($t->wait_status(sub { $_->{requests}{error} && $_->{gate}{state} ne 'open' }), "$name: it is tried");

    my $pid = $t->flusher;
    kill 'STOP', $pid;
    $ingest->start->faults({delay => 1000, times => 1});
    my %o = (before => $ingest->stats, delivered => 0, files => 1, settled => $moment eq 'not removed' ? EVENTS : 0);

    $halt->at(recv     => $pid) if $moment eq 'read';
    $halt->at(unlinkat => $pid) if $moment eq 'not removed';
    kill 'CONT', $pid;

    if ($moment eq 'not read') {
        ok($t->wait_status(sub { $_->{requests}{in_flight} }), "$name: a post is on its way");
        ok($ingest->wait_posts($o{before}{posts} + 1), "$name: it has come");
        kill 'STOP', $pid;
    }
    ok($halt->stopped($pid), "$name: the flusher is stopped");
    dies($name, $pid, $load, %o);
}

# ---- on its way to the disk: it is there, and nobody has counted it

$ingest->reset;
ok($t->quit, 'spooling: QUIT');
conf(zone => '600k');
$halt->run;
$ingest->kill;
my $pid = $t->flusher;
$halt->at(renameat => $pid);
my $load = $t->load(from => 500_001, count => 100_000, rate => 1500);
ok($halt->stopped($pid), 'spooling: the flusher is stopped');
my @files = grep { $_->{events} } spool_files($t);
is(scalar(@files), 1, 'spooling: a file is there');
is($t->status('default')->{spooled}, 0, 'spooling: and not counted');
ok($t->kill_process($pid), 'spooling: the flusher is killed');
$load->stop;
$ingest->start;
ok($t->wait_status(sub { !$_->{spool}{files} && !$_->{queued} && !$_->{in_flight} }, timeout => 30), 'spooling: all is sent');
my $p = at_rest($t, name => 'spooling');
account($ingest, [$load], name => 'spooling', duplicates => 1);
is($ingest->stats->{duplicates}, $files[0]{events}, 'spooling: its events came twice');
is($p->{adopted} - $p->{spooled}, $files[0]{events}, 'spooling: and were read without being counted before');

# ---- what kills three flushers

$ingest->reset;
ok($t->quit, 'deadly: QUIT');
conf(batch => 'interval=100ms events=10', connections => 1);
$halt->run;

# its batch ends with its segment, and what is leased behind it kills nobody
$halt->deadly('seq=600005"');
my %killed = map { $_ => 1 } $t->error_log =~ / cache manager process (\d+) exited on signal 9/g;
my @bad    = 600_001 .. 600_010;
$load = $t->load(from => $bad[0], count => scalar(@bad), rate => 1e6, connections => 1);
$load->wait;

# once it is sealed there come others, which are in other segments
my $died = sub { grep { !$killed{$_} } $t->error_log =~ / cache manager process (\d+) exited on signal 9/g };
ok(wait_until(sub { $died->() }, 15), 'deadly: a flusher dies');
my $others = $t->load(from => 700_001, count => 100_000, rate => 200);
ok($t->wait_status(sub { $_->{rejected} }, timeout => 30), 'deadly: something is given up');
my @died = $died->();
$t->allow(map {qr/ $_ exited on signal 9/} @died);
is(scalar(@died), 3, 'deadly: three flushers have died');
$pid = $t->flusher;
my $n = $others->progress;
ok($others->wait_served($n + 100), 'deadly: requests are served');
$others->stop;
$p = fate($t, $ingest, 'default', [$load, $others], path => '/track');
is("@{$p->{rejected_seqs}}", "@bad", 'deadly: what is given up is that segment, and no other');
my %reason = map { $_->{reason} => 1 } $t->rejected;
is(join(', ', keys %reason), 'flushers died of it', 'deadly: for this reason');
is($t->flusher, $pid, 'deadly: the flusher lives');
is(scalar($died->()), 3, 'deadly: no other has died');
like(join("\n", errors($t, 'default')), qr/^10 events rejected: flushers died of it/m, 'deadly: the log says so');

$t->done;
