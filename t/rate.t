#!/usr/bin/perl

# rate: no more goes out than it says, over whatever time one looks at, but
# about as much; a reload does not refill the bucket, an idle time fills it
# for one second only.  What waits for the rate is not lost.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

use constant EVENTS => 1000;            # a second
use constant BYTES  => 8 * 1024**2;     # a minute
use constant BATCH  => 100;

# How much later than others a post may come to be looked at, in seconds: two
# posts may seem closer together by that, and no limit at all is much worse.
use constant JITTER => 0.4;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $batch  = 'batch events=' . BATCH . ' interval=50ms';

sub project ($name, $rate) {
    my $port = $t->port(9);
    return "mixtrack_project $name { token T; endpoint http://127.0.0.1:$port/$name; zone 8m; $batch; rate $rate; }";
}

sub conf ($events) {
    return lifecycle(
        project  => {batch => 'interval=50ms'},
        projects => project(events => $events) . project(bytes => 'bytes=' . BYTES . '/m')
            . project(one => 'events=1/s') . project(off => 'off'),
        hit    => 'mixtrack hit project=default; return 200 "ok\n";',
        server => join("\n", map {"location = /$_ { mixtrack hit project=$_; return 200; }"} qw(events bytes one off)),
    ) =~ s/mixtrack_project \{/mixtrack_project default {/r;
}

$t->conf(conf('events=' . EVENTS . '/s'))->run;

# requests all at once: nothing goes out before the last of them is served,
# however long that takes
sub requests ($name, $from, $n) {
    my $flusher = $t->flusher;

    kill 'STOP', $flusher;
    my $load = $t->load(from => $from, count => $n, rate => 1e6, uri => "/$name?seq=%d");
    $load->wait;
    kill 'CONT', $flusher;

    return $load;
}

sub posts ($name) { sort { $a->{time} <=> $b->{time} } $ingest->posts("/$name") }

# the most that came above the rate, looking at all times from one post to
# another: what is (events or raw), so much a second
sub above ($what, $rate, @posts) {
    my ($worst, $least) = (0, undef);
    my $sum = 0;

    # of all that begin earlier, the one that makes it the most
    for my $post (@posts) {
        my $level = $sum - $rate * $post->{time};
        $least = $level if !defined $least || $level < $least;
        $sum += $post->{$what};
        my $above = $sum - $rate * $post->{time} - $least;
        $worst = $above if $above > $worst;
    }
    return $worst;
}

# more: what is beside the rate
sub smooth ($name, $what, $rate, $posts, $more = 0) {
    my ($largest) = sort { $b <=> $a } map { $_->{$what} } @$posts;
    my $most = $rate + $largest + $rate * JITTER * patience() + $more;

    cmp_ok(above($what, $rate, @$posts), '<=', $most, "$name: never more than the rate and a second's worth");
}

# so much in so long, less the second's worth that may come at once
sub full_rate ($name, $what, $rate, $posts) {
    my $n = 0;
    $n += $_->{$what} for @$posts;
    my $ideal = ($n - $rate) / $rate;
    my $took  = $posts->[-1]{time} - $posts->[0]{time};

    cmp_ok($took, '<=', $ideal * 1.5 + patience(), "$name: the rate is used");
    cmp_ok($took, '>=', $ideal * 0.75, "$name: and there is one");
}

# ---- events, bytes, and none

my $load  = requests(events => 1, 4000);
my $load2 = requests(bytes => 10001, 1500);
my $slow  = requests(one => 50001, 5);
my $load3 = requests(off => 20001, 4000);

ok($t->wait_status(sub { $_->{delivered} == 4000 }, project => 'off'), 'off: all of it is there');
ok($t->wait_status(sub { $_->{delivered} == 1500 }, project => 'bytes', timeout => 30), 'bytes: all of it is delivered');
ok($t->wait_status(sub { $_->{delivered} == 4000 }, project => 'events', timeout => 30), 'events: all of it is delivered');

my @posts = posts('events');
smooth(events => events => EVENTS, \@posts);
full_rate(events => events => EVENTS, \@posts);
cmp_ok((sort { $b <=> $a } map { $_->{events} } @posts)[0], '<=', BATCH, 'events: no batch is larger than it may be');

my @bytes = posts('bytes');
smooth(bytes => raw => BYTES / 60, \@bytes);
full_rate(bytes => raw => BYTES / 60, \@bytes);

my @off = posts('off');
cmp_ok(above(events => EVENTS, @off), '>', 2.5 * EVENTS, 'off: there is none');

# ---- after an idle time, which has to pass: no more than a second's worth

my $idle = time;
ok(wait_until(sub { sleep 0.1; time - $idle > 3.2 }, 10), 'an idle time');
my $more = requests(events => 30001, 2500);
ok($t->wait_status(sub { $_->{delivered} == 6500 }, project => 'events', timeout => 30), 'idle: it goes on');
my @later = (posts('events'))[@posts .. $ingest->posts('/events') - 1];
smooth(idle => events => EVENTS, \@later);
smooth('idle, and before' => events => EVENTS, [posts('events')]);

# the first of these come at once, or the above has seen nothing
my $begin = 0;
$begin += $_->{events} for grep { $_->{time} < $later[0]{time} + 0.5 * patience() } @later;
cmp_ok($begin, '>=', EVENTS / 2, 'idle: the second that was saved is used');

# ---- reloads keep the bucket

my $many = requests(events => 40001, 6000);
my $n = () = posts('events');
for (1 .. 4) {
    my $delivered = $t->status('events')->{delivered};
    ok($t->wait_status(sub { $_->{delivered} > $delivered && $_->{queued} > EVENTS }, project => 'events'),
        'events are on their way, and wait');
    ok($t->reload, 'a reload in the middle');
}
ok($t->wait_status(sub { $_->{delivered} == 12500 }, project => 'events', timeout => 30), 'reloads: all of it is delivered');

# the flusher that goes sends what it has begun of a segment, whatever the
# successor sends
my $segment = 65536 / ($posts[0]{raw} / $posts[0]{events});
smooth(reloads => events => EVENTS, [posts('events')], 4 * $segment);
full_rate(reloads => events => EVENTS, [(posts('events'))[$n .. $ingest->posts('/events') - 1]]);

# ---- an event a second, and then another rate

ok($t->wait_status(sub { $_->{delivered} == 5 }, project => 'one', timeout => 15), 'one: they come');
my @one = posts('one');
is(scalar(@one), 5, 'one: each by itself');
smooth(one => events => 1, \@one);

my $last = requests(events => 60001, 6000);
$t->conf(conf('off'))->reload;
my $left = $t->status('events')->{queued};
cmp_ok($left, '<', 6000, 'off: they are on their way');
ok($t->wait_status(sub { $_->{delivered} == 18500 }, project => 'events'), 'off by a reload: all of it');
my @end = posts('events');

cmp_ok(above(events => EVENTS, @end), '>', 3 * EVENTS, 'off by a reload: there is none any more');

# ---- nothing is lost by waiting

account($ingest, [$load, $load2, $load3, $more, $many, $slow, $last]);
at_rest($t, project => $_, name => $_) for qw(events bytes one off);

$t->done;
