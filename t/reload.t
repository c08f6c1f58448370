#!/usr/bin/perl

# HUP: ten in a row, each with new workers and a new flusher on the same
# zone, and ten that nobody waits for; with a request that outlives them,
# with posts on their way, and with an endpoint that is not there.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

my $conf = lifecycle(
    server => 'location = /slow { mixtrack slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
    hit    => 'mixtrack hit; mixtrack_property generation GENERATION; return 200 "ok\n";',
);

sub generation ($n) { $t->conf($conf =~ s/GENERATION/g$n/r) }

generation(0)->run;

# every post takes longer than a reload
$ingest->faults({delay => 250});

# ---- ten in a row

my $slow = $t->send("GET /slow?seq=900001 HTTP/1.0\r\n\r\n");
like($backend->hold, qr/seq=900001/, 'a request that outlives them');

# until the reloads are done, however long they take
my $load = $t->load(count => 1e6, rate => 1000, timeout => 300);
ok($load->wait_served(200), 'requests are served');

my %pids = map { $_ => 1 } $t->workers, $t->flushers;

for my $n (1 .. 10) {
    generation($n);
    ok($t->reload, "reload $n");
}
is(scalar(grep { $pids{$_} } $t->workers), 0, 'the workers are others');
is(scalar(grep { $pids{$_} } $t->flusher), 0, 'and so is the flusher');
is(scalar($t->draining), 1, 'the slow request still runs');
ok($load->running, 'requests all the while');

ok($t->wait_status(sub { $_->{processes}{flushers} == 1 }), 'replaced flushers leave');
is($t->status('default')->{processes}{workers}, 3, 'the draining worker is attached');

$backend->release;
like($t->read($slow), qr/late$/, 'the slow request is answered');
ok(wait_until(sub { !$t->draining }, 10), 'and its worker leaves');

# ---- ten that nobody waits for

for (1 .. 10) {
    $t->signal('HUP');
    sleep 0.02;
}
ok($t->wait_log(qr/(?:signal 1 \(SIGHUP\) received from.*){12}/s), 'ten more');

$load->stop;
$ingest->faults();

ok(wait_until(sub { my @w = $t->workers; my @f = $t->flushers; @w == 2 && @f == 1 && !$t->draining }, 15),
    'in the end there is one set of processes');
ok($t->wait_status(sub { $_->{processes}{workers} == 2 && $_->{processes}{flushers} == 1 }),
    'so says the zone');

account($ingest, [$load, [900001]]);
my $p = at_rest($t);
is($p->{spooled}, 0, 'nothing was spooled');
is($p->{tracked}, $p->{delivered}, 'all that was tracked is delivered');
is($p->{retries}, 0, 'nothing was posted again');

my %generation;
$generation{$_->{properties}{generation} // ''}++ for $ingest->events;
cmp_ok(scalar(keys %generation), '>=', 8, 'events of all those configurations');
$t->get('/hit?seq=900002');
ok(wait_until(sub { $ingest->seqs->{900002} }, 5), 'and now');
is((grep { $_->{properties}{'$current_url'} =~ /900002/ } $ingest->events)[0]{properties}{generation},
    'g10', 'of the last');

# ---- the endpoint is not there

$ingest->kill;
$load = $t->load(from => 10001, count => 1000, rate => 500);
ok($t->wait_status(sub { $_->{gate}{state} ne 'open' }), 'the gate closes when the endpoint is not there');

my $gate = $t->status('default')->{gate};
ok($t->reload(drained => 1), 'a reload');
is($t->status('default')->{gate}{failures}, $gate->{failures}, 'does not forget it');

$load->wait;
$ingest->start;
account($ingest, [$load, [900001, 900002]], name => 'endpoint down');
at_rest($t, name => 'endpoint down', timeout => 30);

$t->done;
