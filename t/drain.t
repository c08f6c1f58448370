#!/usr/bin/perl

# Workers that drain for longer than shutdown_timeout, which is one second
# here: at QUIT the flusher goes on delivering, or, when the endpoint is not
# there, spools what comes as it comes; at HUP the new flusher has it all.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

$t->conf(lifecycle(
    project => {shutdown_timeout => '1s', batch => 'interval=200ms', timeout => 'connect=1s total=2s'},
    server  => 'location = /slow { mixtrack slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
))->run;

my @slow;

# slow requests, one after the other released
sub slow (@seq) {
    for my $seq (@seq) {
        push @slow, $t->send("GET /slow?seq=$seq HTTP/1.0\r\n\r\n");
        like($backend->hold, qr/seq=$seq/, "slow request $seq");
    }
}

sub late {
    $backend->release;
    like($t->read(shift @slow), qr/late$/, 'a slow request is answered');
}

sub spooled { my $n = 0; $n += $_->{events} // 0 for spool_files($t); return $n }

# longer than shutdown_timeout
sub drains ($flusher) {
    my $begin = time;
    return wait_until(sub { time - $begin > 1.5 || !Mixtrack::Process::alive($flusher) }, 10)
        && Mixtrack::Process::alive($flusher);
}

# ---- HUP

my $load = $t->load(count => 3000, rate => 1000);
slow(900001 .. 900002);
my ($old) = $t->flushers;
ok($t->reload, 'HUP: a reload');
is(scalar($t->draining) > 0, 1, 'HUP: workers drain');
ok($t->wait_gone([$old], 10), 'HUP: the old flusher does not wait for them');
$load->wait;
late();
ok(wait_until(sub { $ingest->seqs->{900001} }, 5), 'HUP: the new flusher delivers what they have');
late();
ok(wait_until(sub { !$t->draining }, 10), 'HUP: they leave');

account($ingest, [$load, [900001 .. 900002]], name => 'HUP');
my $p = at_rest($t, name => 'HUP');
is($p->{spooled}, 0, 'HUP: nothing was spooled');

# ---- QUIT

$load = $t->load(from => 10001, count => 2500, rate => 1000);
ok($load->wait_served(300), 'requests are served');
slow(900003 .. 900005);
my $master  = $t->master;
my $flusher = $t->flusher;
$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers && $t->draining }, 10), 'QUIT: workers drain');
ok(drains($flusher), 'QUIT: for longer than shutdown_timeout, and the flusher is still there');

for my $seq (900003 .. 900005) {
    late();
    ok(wait_until(sub { $ingest->seqs->{$seq} }, 5), "QUIT: $seq is delivered");
    # behind the last one it may be gone already
    is(scalar(my @f = $t->flushers), 1, 'QUIT: by the flusher that waits') if $seq < 900005;
}
ok($t->wait_gone([$master], 10), 'QUIT: nginx goes');
is($t->tree, '', 'QUIT: and all of it');
is(spooled(), 0, 'QUIT: nothing is in the spool');

# ---- QUIT, and the endpoint is not there

$t->run;
$load->wait;
ok($t->wait_rest, 'all is delivered');
$ingest->kill;
$load = $t->load(from => 20001, count => 1500, rate => 1000);
slow(900006 .. 900008);
ok($load->wait_served(500), 'requests while the endpoint is not there');
ok($t->wait_status(sub { $_->{gate}{failures} }), 'which the flusher has seen');

$master  = $t->master;
$flusher = $t->flusher;
$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers }, 10), 'down: workers drain');
ok(wait_until(sub { sleep 0.1; spooled() == $load->progress }, 10), 'down: all that was served is spooled by then');
ok(Mixtrack::Process::alive($flusher), 'down: the flusher is still there');

my $n = spooled();
late();
ok(wait_until(sub { spooled() == $n + 1 }, 10), 'down: what comes later is spooled as it comes');
late();
ok(wait_until(sub { spooled() == $n + 2 }, 10), 'down: each time');
ok(Mixtrack::Process::alive($flusher), 'down: and the flusher waits');
late();
ok($t->wait_gone([$master], 10), 'down: nginx goes');
is($t->tree, '', 'down: and all of it');
is(spooled(), $n + 3, 'down: everything is in the spool');

my ($left) = (left_lines($t))[-1];
is($left->{spooled} + $left->{delivered}, $left->{tracked}, 'down: so says the flusher');
is($left->{queued} + $left->{in_flight}, 0, 'down: nothing is left in the zone');

$ingest->start;
$t->run;
$load->wait;
ok($t->wait_status(sub { $_->{adopted} == $n + 3 }, timeout => 20), 'the next start sends it');
account($ingest, [$load, [900003 .. 900008], [10001 .. 12500]], name => 'down');
at_rest($t, name => 'down', timeout => 30);
is(scalar(spool_files($t)), 0, 'the spool is empty');

$t->done;
