#!/usr/bin/perl

# kill -9: of the flusher, four times; of a worker; of both at once; and of
# everything but the master.  A flusher's death costs nothing, a worker's at
# most the request it was in.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $killed = 0;

$t->conf(lifecycle(workers => 3, project => {batch => 'interval=50ms'}))->run;

# kill -9 of all of them in the same moment; true when others are there
sub killed (@pids) {
    my %old = map { $_ => 1 } @pids;

    $t->allow(qr/ $_ exited on signal 9/, qr/was locked by $_/) for @pids;
    kill 'KILL', @pids;

    return $t->wait_gone(\@pids) && wait_until(sub {
        my @w = $t->workers;
        my @f = $t->flushers;
        return @w == 3 && @f == 1 && !grep { $old{$_} } @w, @f;
    }, 10);
}

# ---- the flusher, while posts are on their way

$ingest->faults({delay => 150});

my $load = $t->load(count => 8000, rate => 1200);
ok($load->wait_served(300), 'requests are served');

for my $n (1 .. 4) {
    ok($t->wait_status(sub { $_->{requests}{in_flight} }, timeout => 10), "flusher $n posts");
    ok(killed($t->flusher), "flusher $n is killed, and another one there");

    my $delivered = $t->status('default')->{delivered};
    ok($t->wait_status(sub { $_->{delivered} > $delivered }, timeout => 10), 'it delivers');
}
is($t->status('default')->{processes}{flushers}, 1, 'the dead are buried');
ok($load->running, 'requests all the while');
$load->wait;
$ingest->faults();

account($ingest, [$load], name => 'flusher', duplicates => 1);
my $p = at_rest($t, name => 'flusher');
is($p->{spooled}, 0, 'flusher: nothing was spooled');
is($p->{tracked}, scalar(@{$load->wait->{served}}), 'flusher: tracked is exact');

# ---- one worker, then another, then all of them

$load = $t->load(from => 10001, count => 4000, rate => 1200);
ok($load->wait_served(500), 'requests are served');

for my $n (1, 1, 3) {
    my @pids = ($t->workers)[0 .. $n - 1];
    ok(killed(@pids), "$n workers are killed, and others there");
    $killed += $n;
    my $at = $load->progress;
    ok($load->wait_served($at + 300), 'they serve');
}
$load->wait;

account($ingest, [$load], name => 'worker', duplicates => 1, missing => $killed);
at_rest($t, name => 'worker', slack => $killed);
ok($t->wait_status(sub { $_->{processes}{workers} == 3 }), 'worker: the dead are buried');

# ---- a worker and the flusher at once

$load = $t->load(from => 20001, count => 4000, rate => 1200);
ok($load->wait_served(500), 'requests are served');

$ingest->faults({delay => 150});
for (1 .. 2) {
    ok($t->wait_status(sub { $_->{requests}{in_flight} }, timeout => 10), 'the flusher posts');
    ok(killed(($t->workers)[0], $t->flusher), 'a worker and the flusher are killed at once');
    $killed++;
    my $delivered = $t->status('default')->{delivered};
    ok($t->wait_status(sub { $_->{delivered} > $delivered }, timeout => 10), 'others go on');
}
ok(killed($t->workers, $t->flusher), 'all of them are killed at once');
$killed += 3;

$load->wait;
$ingest->faults();

account($ingest, [$load], name => 'both', duplicates => 1, missing => 5);
at_rest($t, name => 'both', slack => $killed);
is($t->status('default')->{segments}{used}, 0, 'no segment is lost');

# ---- the flusher, while it stops

$load = $t->load(from => 30001, count => 1000, rate => 1e6);
ok($load->wait_served(1000), 'requests are served');
$ingest->faults({hang => 1});
$load = $t->load(from => 31001, count => 1000, rate => 1e6);
ok($load->wait_served(1000), 'more, and the endpoint hangs');
ok($t->wait_status(sub { $_->{requests}{in_flight} }), 'posts are on their way');

my $flusher = $t->flusher;
$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers && !$t->draining }, 10), 'QUIT, the workers have gone');
$t->kill_process($flusher);
ok($t->wait_gone([map { $_->{pid} } $t->processes]), 'the flusher is killed, and nginx goes');
my $n = 0;
$n += $_->{events} for spool_files($t);
cmp_ok($n, '>=', 1000, 'the master has spooled what was left');

$ingest->faults();
$t->run;
ok($t->wait_status(sub { $_->{adopted} == $n }, timeout => 20), 'the next start sends it');
account($ingest, [[30001 .. 32000]], name => 'last', duplicates => 1);
at_rest($t, name => 'last');
is(scalar(spool_files($t)), 0, 'the spool is empty');

$t->done(slack => 0);
