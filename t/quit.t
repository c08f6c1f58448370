#!/usr/bin/perl

# QUIT: the flusher outlives the workers and delivers what they had, also of
# a request that is still running; what cannot be delivered in time is in
# the spool, and comes with the next start.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

$t->conf(lifecycle(
    project => {shutdown_timeout => '2s'},
    server  => 'location = /slow { mixtrack slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
))->run;

sub slow ($seq) {
    my $s = $t->send("GET /slow?seq=$seq HTTP/1.0\r\n\r\n");
    like($backend->hold, qr/seq=$seq/, 'a slow request');
    return $s;
}

sub spooled { my $n = 0; $n += $_->{events} // 0 for spool_files($t); return $n }

# ---- while a request is still running

$ingest->faults({delay => 100});
my $slow = slow(900001);
my $load = $t->load(count => 4000, rate => 1000);
ok($load->wait_served(1000), 'requests are served');

my ($flusher) = $t->flushers;
my $master = $t->master;

$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers }, 10), 'no worker serves');
is(scalar($t->draining), 1, 'one drains');

# this one may have many posts behind the last of the other
ok(wait_until(sub { $ingest->stats->{running} == 0 && $ingest->stats->{distinct} >= $load->progress }, 10),
    'what was served is delivered');
ok(Mixtrack::Process::alive($flusher), 'the flusher waits for the worker that drains');
is(scalar(spool_files($t)), 0, 'and spools nothing');

$backend->release;
like($t->read($slow), qr/late$/, 'the slow request is answered');
ok($t->wait_gone([$master], 10), 'nginx goes');
is($t->tree, '', 'with all of its processes');

account($ingest, [[900001]], name => 'slow request');
my ($left) = left_lines($t);
is($left->{delivered}, $left->{tracked}, 'all that was tracked was delivered');
cmp_ok($left->{tracked}, '>=', 1000, 'all of it');
is($left->{spooled}, 0, 'nothing was spooled');
is(scalar(spool_files($t)), 0, 'nothing is in the spool');

# ---- the same requests go on with the next start

$t->run;
ok($load->wait_served(2000), 'started again, requests are served');

# ---- the endpoint hangs

$ingest->faults({hang => 1});
ok($load->wait_served(2500), 'more');
my $begin = time;
ok($t->quit(timeout => 15), 'QUIT while the endpoint hangs');
cmp_ok(time - $begin, '>=', 1.9, 'after shutdown_timeout');
cmp_ok(time - $begin, '<', 5 * patience(), 'and not much more');

$left = (left_lines($t))[-1];
is($left->{queued} + $left->{in_flight}, 0, 'the zone is empty');
cmp_ok($left->{spooled}, '>', 0, 'what could not be delivered was spooled');
is($left->{delivered} + $left->{spooled}, $left->{tracked}, 'all of it');
is(spooled(), $left->{spooled}, 'it is in the spool');

$ingest->faults();
my $spooled = spooled();
$t->run;
ok($t->wait_status(sub { $_->{adopted} == $spooled }), 'the next start sends it');
is(scalar(spool_files($t)), 0, 'the spool is empty');

# ---- TERM when QUIT takes too long: nginx itself complains of the sockets

$t->allow(qr/open socket #\d+ left in connection/, qr/: aborting$/);
$slow = slow(900002);
$master = $t->master;
$t->quit(wait => 0);
ok(wait_until(sub { $t->draining && !$t->workers }, 10), 'QUIT waits for a slow request');
$begin = time;
ok($t->stop(master => $master, timeout => 10), 'TERM does not');
cmp_ok(time - $begin, '<', 3 * patience(), 'it is quick');

$t->run;
# what was on its way when TERM came is sent again
account($ingest, [$load], duplicates => 1);
at_rest($t);
is(scalar(spool_files($t)), 0, 'nothing is left in the spool');

$t->done;
