#!/usr/bin/perl

# 429: fewer connections, and more of them again with each success; what the
# server asks for with Retry-After is kept; and when that is over one probe
# goes, and not all that has gathered.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $rated  = $t->ingest(8);
my $asking = $t->ingest(7);

# a post's answer is so late, ms, where it is to be seen how many there are
my $late = 300;

$t->conf(replies({},
    burst  => {
        batch            => 'interval=50ms events=20',
        retry            => 'min=1s max=2s jitter=0ms-20ms',
        shutdown_timeout => '1s',
    },
    storm  => {batch => 'interval=50ms events=100', zone => '8m', endpoint => 'http://127.0.0.1:%%PORT_8%%/storm'},
    asking => {
        batch       => 'interval=50ms events=100',
        zone        => '8m',
        connections => 2,
        endpoint    => 'http://127.0.0.1:%%PORT_7%%/asking',
    },
))->run;

# ---- a burst of eight that get 429 together, and Retry-After

$rated->rate(events => 800);
$asking->rate(events => 800, retry_after => 1);
$ingest->faults({status => 429, headers => {'Retry-After' => '5'}, delay => $late});

my $load   = $t->load(from => 100_001, count => 2000, rate => 1000, connections => 2, uri => '/burst?seq=%d');

ok($t->wait_status(sub { $_->{requests}{'4xx'} >= 1 && !$_->{requests}{in_flight} }, project => 'burst'),
    'burst: 429');
my $p = $t->status('burst');
my $n = $p->{requests}{'4xx'};
cmp_ok($n, '>', 1, 'burst: to more than one post');
cmp_ok($n, '<=', 8, 'burst: and no more than there are connections');
is($p->{gate}{failures}, 1, 'burst: is one failure');
is($p->{gate}{connections}, 4, 'burst: the connections are halved once');
is($p->{gate}{state}, 'closed', 'burst: the gate is closed');
cmp_ok($p->{gate}{opens_in_ms}, '>', 3000, 'burst: for as long as is asked for');
like($p->{last_error}, qr/^429/, 'burst: the reason is told');

$ingest->faults({delay => $late});

# the posts that come are those of one flusher: see reply_retry.t for two
ok($t->reload, 'a reload meanwhile');
ok(wait_until(sub { $t->flushers == 1 }, 10), 'the old flusher is gone');

# meanwhile, to two other servers: nothing goes out before all is there, which is
# more than they take in a second, however long that lasts
my $flusher = $t->flusher;
kill 'STOP', $flusher;
my $storm = $t->load(from => 200_001, count => 3000, rate => 2000, connections => 2, uri => '/storm?seq=%d');
my $asking_load
    = $t->load(from => 300_001, count => 3000, rate => 2000, connections => 2, uri => '/asking?seq=%d');
$_->wait for $storm, $asking_load;
kill 'CONT', $flusher;

$p = $t->status('burst');
is($p->{gate}{failures}, 1, 'burst: forgets none');
is($p->{gate}{connections}, 4, 'burst: nor of the connections');
is($p->{requests}{'4xx'} + $p->{requests}{'2xx'}, $n, 'burst: nobody has posted');

$p = $t->wait_status(sub { $_->{gate}{state} eq 'open' }, project => 'burst');
ok($p, 'burst: the gate opens');
like($p->{gate}{connections}, qr/^[5-7]\z/, 'burst: with the connections there were, and what successes have added');

$load->wait;
my $more = $t->load(from => 110_001, count => 300, rate => 1000, connections => 2, uri => '/burst?seq=%d');
$p = fate($t, $ingest, 'burst', [$load, $more]);
is($p->{gate}{connections}, 8, 'burst: in the end there are all of them');
is($p->{rejected}, 0, 'burst: nothing is rejected');

my @post  = $ingest->posts('/burst');
my @burst = grep { $_->{status} == 429 } @post;
my @after = grep { $_->{status} == 200 } @post;
is(scalar(@burst), $n, 'burst: that was all of it');
cmp_ok($after[0]{time} - $burst[0]{time}, '>', 4.9, 'burst: Retry-After is kept');

# a post is on its way from its time on, for as long as it is late
my $over  = sub ($post) { $post->{time} + 0.95 * $late / 1000 };
my @early = grep { $_->{time} < $over->($after[0]) } @after;
is(scalar(@early), 1, 'burst: a single probe goes first');

my @wide;
for my $post (@after) {
    my $done = grep { $over->($_) <= $post->{time} } @after;
    my $way  = grep { $_->{time} <= $post->{time} && $over->($_) > $post->{time} } @after;
    push @wide, "$way at once after $done" if $way > 4 + $done;
}
is(join(', ', @wide), '', 'burst: each success allows one more');

# ---- the rate limit of a server, without and with Retry-After

for ([storm => $rated, $storm], [asking => $asking, $asking_load]) {
    my ($name, $server, $load) = @$_;

    my $p    = fate($t, $server, $name, [$load], timeout => 40);
    my @post = $server->posts("/$name");
    my @no   = grep { $_->{status} == 429 } @post;

    is($server->stats->{why}{rate}, scalar(@no), "$name: the limit was met");
    cmp_ok(scalar(@no), '>=', 2, "$name: more than once");
    cmp_ok(scalar(@no), '<', scalar(@post) - @no + 12, "$name: and is not run against") or diag(@no . " of " . @post);
    is($p->{requests}{'4xx'}, scalar(@no), "$name: each is counted");
    is($p->{rejected}, 0, "$name: nothing is rejected");
    is($p->{gate}{state}, 'open', "$name: the gate is open");
}

# but one that was on its way with it
my @no    = grep { $_->{status} == 429 } $asking->posts;
my @hasty = grep { $_ > 1 } map {
    my $no = $_;
    scalar grep { $_->{time} > $no->{time} && $_->{time} - $no->{time} < 0.9 } $asking->posts;
} @no;
is("@hasty", '', 'asking: nothing is posted while it is asked to wait');

for my $name (qw(burst storm asking)) {
    my @lines = lines($t, $name);
    ok(scalar(grep { $_->{level} eq 'warn' && $_->{text} =~ /^a post failed: 429\b/ } @lines),
        "$name: the log tells of it as a warning");
    is(join("\n", errors($t, $name)), '', "$name: and of no error");
    ok(scalar(grep { $_->{level} eq 'notice' && $_->{text} =~ /^posts succeed again after/ } @lines),
        "$name: and of its end");
}

$t->done;
