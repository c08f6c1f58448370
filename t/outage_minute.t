#!/usr/bin/perl

# A minute of 503 with the schedule that a project has by default: 2 s,
# doubled each time, with 1 to 5 s on top by lot.  Requests trickle in all the
# while, and each is one event in the end.  This takes its time; prove -j runs
# others meanwhile.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until monotonic);

use constant OUTAGE => 60;
use constant MIN    => 2;
use constant JITTER => [1, 5];
use constant SLACK  => 1.15;     # a busy machine is late

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# a project as it comes, with one connection: nothing else is on its way
# when the first post fails
$t->conf(lifecycle(project => {
    connections => 1, map { $_ => undef } qw(zone batch timeout shutdown_timeout)
}))->run;

$ingest->faults({status => 503});
my $load = $t->load(count => 1e6, rate => 20, connections => 2, timeout => 3 * OUTAGE);
ok($ingest->wait_posts(1), 'a post fails');

my $begin = monotonic();
ok(wait_until(sub { monotonic() > $begin + OUTAGE }, 2 * OUTAGE), 'for a minute');

my $p = $t->status('default');
my @failed = $ingest->posts;
is($p->{delivered}, 0, 'nothing is delivered meanwhile');
is($p->{gate}{failures}, scalar(@failed), 'each post is a failure');
is($p->{spooled}, 0, 'nothing needs the disk');
cmp_ok($p->{queued} + $p->{in_flight}, '>', 0.8 * 20 * OUTAGE, 'all of it waits');

$ingest->faults();
my $after = $ingest->wait_posts(@failed + 1, 60) && $t->wait_status(sub { $_->{gate}{state} eq 'open' });
ok($after, 'the next post is accepted, and the gate is open');
cmp_ok($p->{tracked}, '<', $after->{tracked}, 'requests came all the while');
$load->stop;

my @post = $ingest->posts;
my @gap  = map { $post[$_]{time} - $post[$_ - 1]{time} } 1 .. @failed;
note('after ' . join ', ', map { sprintf '%.1f s', $_ } @gap);

# 2 + 4 + 8 + 16 s and four jitters are less than a minute, with the next 32 s more
is(scalar(@failed), 5, 'five posts in a minute');
my ($jitter, $most) = @{JITTER()};
for my $n (0 .. $#gap) {
    my $delay = MIN * 2**$n;
    cmp_ok($gap[$n], '>=', $delay + 0.9 * $jitter, "delay $n: $delay s and a jitter at least");
    cmp_ok($gap[$n], '<=', SLACK * ($delay + $most), "delay $n: and no more than its jitter may be");
}
cmp_ok($post[$#gap]{events}, '<=', $post[$#gap + 1]{events}, 'the post that succeeds is no smaller');

account($ingest, [$load]);
$p = at_rest($t);
is($p->{spooled}, 0, 'it was in memory all the time');
is($p->{retries}, 5, 'five posts were retries');
like($t->error_log, qr/posts succeed again after \d{5} ms/, 'the log says how long it was');

$t->done;
