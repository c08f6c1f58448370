#!/usr/bin/perl

# Replies that ask for patience: every 5xx, 408 and a redirect are tried
# again for as long as they come, one post at a time, each later than the one
# before; a reload meanwhile changes nothing of that.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# what each of them answers
my %reply = (
    r408 => {status => 408},
    r500 => {status => 500, body => '{"status":0,"error":"internal"}'},
    r502 => {status => 502, body => '<html>bad gateway</html>'},
    r503 => {status => 503},
    r504 => {status => 504},
    r302 => {redirect => '/elsewhere'},
);
my %status = map { $_ => /(\d+)/ } keys %reply;

# of the outage that is timed
my ($min, $max) = (0.2, 1.6);

$t->conf(replies({},
    (map { $_ => {} } keys %reply),
    outage   => {connections => 1, retry => 'min=200ms max=1600ms jitter=0ms-0ms', batch => 'interval=50ms events=100'},
    tired    => {connections => 1, retry => 'min=100ms max=800ms jitter=0ms-0ms', batch => 'interval=50ms events=100'},
    stuck    => {connections => 1, retry => 'min=10ms max=20ms jitter=0ms-1ms', batch => 'interval=20ms events=20'},
    replaced => {retry => 'min=1s max=2s jitter=0ms-0ms', batch => 'interval=50ms events=20', shutdown_timeout => '3s'},
))->run;

$ingest->faults(
    {path => '^/(?:outage|replaced)$', status => 503},
    map { {path => "^/$_\$", %{$reply{$_}}} } sort keys %reply,
);

my $from = 100_000;
my %load = map {
    ($from += 100_000) && ($_ => $t->load(from => $from, count => 400, rate => 400, connections => 2,
        uri => "/$_?seq=%d"))
} sort(keys %reply), 'outage';

# several batches of one segment: the flusher that a reload replaces has to
# see to those of them that were begun
my $few = $t->load(from => 100_001, count => 100, rate => 1e6, connections => 1, uri => '/replaced?seq=%d');
ok($t->wait_status(sub { $_->{gate}{failures} }, project => 'replaced'), 'replaced: a failure');

# ---- all of them at once: some failures, a reload, some more

my $have = sub ($n) {
    return wait_until(sub {
        my $p = $t->status->{projects};
        return !grep { $p->{$_}{gate}{failures} < $n } keys %load;
    }, 15);
};

ok($have->(3), 'three failures of each');

my $before = $t->status->{projects};
ok($t->reload(drained => 1), 'a reload');
my $after = $t->status->{projects};

for my $name (sort keys %load) {
    cmp_ok($after->{$name}{gate}{failures}, '>=', $before->{$name}{gate}{failures},
        "$name: the reload has not reset the failures");
    like($after->{$name}{gate}{state}, qr/^(?:closed|half-open)\z/, "$name: nor opened the gate");
}
ok($have->(6), 'six failures of each');

my $during = $t->status->{projects};
for my $name (sort keys %reply) {
    my $p = $during->{$name};

    is($p->{delivered}, 0, "$name: nothing is delivered meanwhile");
    is($p->{rejected} + $p->{expired} + Mixtrack::Nginx::dropped($p), 0, "$name: and nothing given up");
    like($p->{last_error}, qr/^$status{$name}\b/, "$name: the reason is told");
    cmp_ok($p->{gate}{down_ms}, '>', 0, "$name: and for how long");
}
ok(wait_until(sub { $ingest->posts('/outage') >= 7 }, 20), 'outage: and a seventh post');

# ---- the end of it

my %failed = map { $_ => scalar failed_posts($ingest, $_) } keys %load;
$ingest->faults();

for my $name (sort keys %load) {
    my $p    = fate($t, $ingest, $name, [$load{$name}]);
    my $kind = ($status{$name} // 503) =~ s/..\z/xx/r;
    my @bad  = failed_posts($ingest, $name);

    is($p->{rejected}, 0, "$name: nothing is rejected");
    is($p->{gate}{state}, 'open', "$name: the gate is open");
    is($p->{gate}{failures}, 0, "$name: no failure is left");
    is($p->{gate}{connections}, $name eq "outage" ? 1 : 8, "$name: it never had fewer connections");
    is(join(' ', grep { $_->{status} != ($status{$name} // 503) } @bad), '', "$name: it was asked so often");
    cmp_ok(scalar(@bad), '>=', 6, "$name: it was refused that often");
    is($p->{requests}{$kind}, scalar(@bad), "$name: and each is counted as $kind");
    cmp_ok($p->{retries}, '>=', 1, "$name: retries are counted");
    cmp_ok($p->{retries}, '<=', scalar(@bad), "$name: and no more than there were");

    # an outage that passes is nobody's work
    my @lines = lines($t, $name);
    my $code  = $status{$name} // 503;
    ok(scalar(grep { $_->{level} eq 'warn' && $_->{text} =~ /^a post failed: $code\b/ } @lines),
        "$name: the log tells of it as a warning");
    is(join("\n", errors($t, $name)), '', "$name: and of no error");
    is(once_a_second(grep { $_->{level} eq 'warn' } @lines), '', "$name: once a second at most");
    is(scalar(grep { $_->{level} eq 'notice' && $_->{text} =~ /^posts succeed again after \d+ ms/ } @lines), 1,
        "$name: and of its end, once");
}
is(scalar($ingest->posts('/elsewhere')), 0, 'r302: a redirect is not followed');

# ---- what was refused often lets others pass, but not for ever

# nor do those go before it that fail once, of which there may always be some, too
$ingest->faults({path => '^/tired$', status => 503, times => 4}, {path => '^/tired$', status => 503, every => 4},
    {path => '^/tired$', delay => 70});
$t->get('/tired?seq=990001');
ok($t->wait_status(sub { $_->{gate}{failures} == 4 }, project => 'tired'), 'tired: refused four times');
my $busy = $t->load(from => 1_000_001, count => 30_000, rate => 200, uri => '/tired?seq=%d');
ok(wait_until(sub { $ingest->seqs->{990001} }, 20), 'tired: it is delivered');
ok($busy->running, 'tired: while there are always others');
$ingest->faults();
$busy->stop;
fate($t, $ingest, 'tired', [$busy]);

# ---- more batches that always fail than may wait at a time: they go to the
# end of the line, on disk

$ingest->poison({match => '/stuck.*seq=11[0-9]{5}"', status => 503, error => 'of no use'});
my $poison = $t->load(from => 1_100_001, count => 200, rate => 2000, connections => 1, uri => '/stuck?seq=%d');
$poison->wait;
my $well = $t->load(from => 1_200_001, count => 1000, rate => 1000, uri => '/stuck?seq=%d');
ok($t->wait_status(sub { $_->{delivered} >= 300 }, project => 'stuck', timeout => 30), 'stuck: others are delivered');
my $shelf = $t->status('stuck');
cmp_ok($shelf->{spooled}, '>', 0, 'stuck: what is in the way is on disk');
is($shelf->{rejected} + $shelf->{expired}, 0, 'stuck: and not given up');
ok($t->reload, 'stuck: a reload');
$ingest->poison();
fate($t, $ingest, 'stuck', [$poison, $well], timeout => 40);

# ---- a flusher that was replaced keeps to the gate, too

my $p = fate($t, $ingest, 'replaced', [$few]);
my @late = map { $_->{time} } failed_posts($ingest, 'replaced');
my $first = $late[0];
@late = grep { $_ > $first + 0.5 } @late;
cmp_ok(scalar(@late), '>=', 1, 'replaced: the outage goes on after the reload');
is(scalar(grep { $late[$_] - $late[$_ - 1] < 0.9 } 1 .. $#late), 0, 'replaced: one post at a time, each after the delay')
    or diag(@late . ' posts');

# ---- the delays of the outage

# of one connection: what others had begun before would be among them
my @at  = map { $_->{time} } failed_posts($ingest, 'outage');
my @gap = map { $at[$_ + 1] - $at[$_] } 0 .. $#at - 1;

cmp_ok(scalar(@gap), '>=', 5, 'outage: so many delays');
my @short = grep { $gap[$_] < 0.9 * ($min * 2**$_ < $max ? $min * 2**$_ : $max) } 0 .. $#gap;
is("@short", '', 'outage: each twice as long as the one before, up to the longest')
    or diag("@gap");
cmp_ok($gap[3], '>', 3 * $gap[0], 'outage: they grow');
cmp_ok($gap[4], '<', 1.7 * $gap[3], 'outage: and stay at the longest') or diag("@gap");

$t->done;
