#!/usr/bin/perl

# Two nginx in one spool directory, of one project name and one endpoint, as
# two instances on a host may be, or the two of a binary upgrade: each file
# is sent once, whoever wrote it, and the books of both together hold.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until uniq);

my @t      = map { Mixtrack::Nginx->new } 1 .. 2;
my $ingest = $t[0]->ingest(9, start => 0);
my $spool  = $t[0]->dir . '/spool';
my $url    = $ingest->url . '/track';

$_->conf(lifecycle(
    project => {
        endpoint => $url,
        zone     => '1m',
        batch    => 'interval=50ms events=100',
        retry    => 'min=100ms max=400ms jitter=0ms-20ms',
        timeout  => 'connect=1s total=5s',
        gzip     => 'off',
    },
    http => "mixtrack_spool_path $spool;",
))->run for @t;

sub both ($what) {
    my $n = 0;
    $n += $_->{$what} for map { $_->status('default') } @t;
    return $n;
}

# ---- an outage, in which both write

my @load = map { $t[$_]->load(from => 100000 * ($_ + 1), count => 2500, rate => 1000) } 0, 1;

for my $t (@t) {
    ok($t->wait_status(sub { $_->{spooled} >= 300 }, timeout => 20), 'in the outage it spools');
}
$_->wait for @load;

# less one that is being written
my @files = grep { $_->{events} } spool_files($t[0]);
cmp_ok(scalar(uniq(map { $_->{writer} } @files)), '>=', 2, 'two writers');
is(scalar(uniq(map { $_->{destination} } @files)), 1, 'one destination');
is(scalar(uniq(map {"$_->{writer} $_->{seq}"} @files)), scalar(@files), 'none has the number of another');
ok($t[$_]->wait_status(sub { $_->{spool}{files} >= 6 }), "$_ sees the files of both") for 0, 1;

# ---- and in the end both read; one of them reloads meanwhile

my @live = map { $t[$_]->load(from => 100000 * ($_ + 1) + 50000, count => 1500, rate => 500) } 0, 1;
$ingest->start->faults({delay => 40});
ok($t[$_]->wait_status(sub { $_->{adopted} }, timeout => 20), "$_ reads files") for 0, 1;
ok($t[0]->reload(drained => 1), 'one reloads');

account($ingest, [@load, @live], name => 'both');
at_rest($_, name => 'each') for @t;
is(scalar(spool_files($t[0])), 0, 'the spool is empty');
is(both('adopted'), both('spooled'), 'adopted by either is what was spooled by either');
is(both('tracked'), both('delivered'), 'tracked by either is what was delivered by either');
is(both('delivered'), $ingest->stats->{distinct}, 'and what came');

# ---- one dies with files claimed: they are the other's

$ingest->kill;
@load = map { $t[$_]->load(from => 100000 * ($_ + 1) + 10000, count => 2000, rate => 2000) } 0, 1;
ok($t[0]->reload, 'one reloads in the outage');
$_->wait for @load;
ok($t[$_]->stop, 'TERM') for 0, 1;
cmp_ok(scalar(spool_files($t[0])), '>=', 20, 'files');

$ingest->start->faults({hang => 1});
$t[0]->run;
ok($t[0]->wait_status(sub { $_->{requests}{in_flight} }), 'one has claimed some, and the endpoint hangs');

my @pids = map { $_->{pid} } $t[0]->processes;
kill 'KILL', @pids;
ok($t[0]->wait_gone(\@pids), 'kill -9 of all of it');

$ingest->faults();
$t[1]->run;
ok($t[1]->reload, 'the other reloads');
account($ingest, [@load], name => 'the other');
my $p = at_rest($t[1], name => 'the other');
is($p->{adopted}, 4000, 'the other: all are its own');
is(scalar(spool_files($t[0])), 0, 'the other: the spool is empty');

$_->done for @t;
