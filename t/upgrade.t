#!/usr/bin/perl

# Another binary (USR2), with the old master told to go, or the new one; and
# WINCH by itself.  Two masters have two zones, and one spool directory.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

$t->conf(lifecycle(
    server => 'location = /slow { mixtrack slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
))->run;

my ($slow, @slow, @load);

# a request that an old worker is left with
sub slow ($seq) {
    push @slow, $seq;
    $slow = $t->send("GET /slow?seq=$seq HTTP/1.0\r\n\r\n");
    like($backend->hold, qr/seq=$seq/, 'a slow request');
}

sub late {
    $backend->release;
    like($t->read($slow), qr/late$/, 'the slow request is answered');
}

sub requests ($from, $count) {
    push @load, $t->load(from => $from, count => $count, rate => 1000);
    ok($load[-1]->wait_served(200), 'requests are served');
    return $load[-1];
}

# in all of its lines a flusher says that it left nothing behind
sub left_nothing ($name, $n) {
    my @left = left_lines($t);
    is(scalar(@left), $n, "$name: so many flushers have said their lines");
    is(scalar(grep { $_->{queued} || $_->{in_flight} || $_->{spooled} } @left), 0, "$name: and left nothing")
        or diag($t->error_log =~ /^.*flusher leaves.*$/mg);
}

$ingest->faults({delay => 100});

# ---- USR2, QUIT of the old master

my $load = requests(1, 4000);
slow(900001);
my $old = $t->master;
ok($t->usr2, 'USR2: a new master and its processes');
my $new = $t->master;
is(scalar($t->flushers($old)), 1, 'the old one has its flusher');
is(scalar($t->flushers($new)), 1, 'and the new one');
ok($load->wait_served($load->progress + 500), 'both serve');

$t->quit(master => $old, wait => 0);
ok(wait_until(sub { !$t->workers($old) }, 10), 'QUIT of the old master');
is(scalar($t->flushers($old)), 1, 'its flusher waits for the slow request');
late();
ok($t->wait_gone([$old], 10), 'and then it goes');
is(scalar($t->flushers), 1, 'one flusher is left');
ok($load->running, 'requests all the while');

account($ingest, [$load, [@slow]], name => 'upgrade');
at_rest($t, name => 'upgrade');
left_nothing('upgrade', 1);

# ---- USR2, WINCH of the old one, and back

$load = requests(10001, 5000);
$old = $t->master;
ok($t->usr2, 'USR2');
$new = $t->master;
slow(900002);

ok($t->signal('WINCH', $old), 'WINCH of the old master');
ok(wait_until(sub { !$t->workers($old) }, 10), 'its workers do not serve');
late();
ok(wait_until(sub { !$t->draining($old) && !$t->flushers($old) }, 15), 'its processes have gone');
ok($load->wait_served($load->progress + 500), 'the new ones serve');

$t->signal('HUP', $old);
ok(wait_until(sub { 2 == (my @w = $t->workers($old)) && $t->flushers($old) }, 15), 'HUP brings them back');
ok($load->wait_served($load->progress + 300), 'both serve');

ok($t->quit(master => $new, timeout => 15), 'QUIT of the new master');
ok(wait_until(sub { ($t->master // 0) == $old }, 5), 'the old one is the master again');
ok($load->wait_served($load->progress + 300), 'and serves');
ok($load->running, 'requests all the while');

account($ingest, [$load, [@slow]], name => 'roll-back');
my $p = at_rest($t, name => 'roll-back');
is($p->{processes}{flushers}, 1, 'roll-back: one flusher');
is($p->{processes}{workers}, 2, 'roll-back: two workers');
left_nothing('roll-back', 3);

# ---- WINCH alone, and HUP

$load = requests(20001, 3000);
my $master = $t->master;
ok($t->winch($master), 'WINCH: no worker and no flusher');
is(scalar($t->processes), 1, 'the master is alone');
left_nothing('winch', 4);

ok($t->reload, 'HUP: there they are');
ok($load->wait_served($load->progress + 300), 'and serve');

account($ingest, [$load], name => 'winch');
at_rest($t, name => 'winch');

# ---- an old master that leaves a spool behind: the new one sends it

$ingest->kill;
$load = requests(30001, 1500);
$old = $t->master;
ok($t->usr2, 'USR2 while the endpoint is not there');
ok($t->stop(master => $old, timeout => 10), 'TERM of the old master');
my $n = 0;
$n += $_->{events} // 0 for spool_files($t);
cmp_ok($n, '>', 0, 'it leaves a spool');

$ingest->start;
account($ingest, [$load], name => 'spool', timeout => 60);
$p = at_rest($t, name => 'spool', timeout => 60);
is($p->{adopted}, $n, 'the new one has sent it');
is(scalar(spool_files($t)), 0, 'the spool is empty');

$t->done;
