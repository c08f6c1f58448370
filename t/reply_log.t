#!/usr/bin/perl

# What the log says of replies, number by number: each cause has a running
# count of its own; the first success after an outage says how long it was and
# how much was waiting; of a hold one line is an error.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# longer than the second in which a cause has one line, so that each has one
my %slow = (retry => 'min=1200ms max=1200ms jitter=0ms-0ms', batch => 'interval=20ms');

$t->conf(replies({},
    outage => {%slow},
    turned => {%slow},
    held   => {%slow, spool => 'off'},
    replay => {%slow, spool => '1m'},
    late   => {%slow, connections => 4, timeout => 'connect=5s total=6s', retry => 'min=100ms max=100ms jitter=0ms-0ms'},
))->run;

sub texts ($name, $re) { map { $_->{text} } grep { $_->{text} =~ $re } lines($t, $name) }
sub hits  ($name, @k)  { $t->get("/$name?seq=$_") for @k }

# ---- what the tests of replies look at their lines with

sub said (@text) { once_a_second(map { {at => $_, level => 'warn', pid => 1, text => $text[$_]} } 0 .. $#text) }

is(said('a post failed: 503', 'a post failed: 500 (3 in all)', 'a post failed: 503 (4 in all)'), '', 'a running count');
isnt(said('a post failed: 503', 'a post failed: 503 (1 in all)'), '', 'one that does not run');
isnt(said('a post failed: 503', 'a post failed: 503'),            '', 'one that is not there');
isnt(said('a post of 5 events is refused: 400 (8 in all)'),       '', 'one of something else');
is(said('5 events rejected: 400', '3 events rejected: 413 (8 in all)'), '', 'events');
isnt(said('5 events rejected: 400', '3 events rejected: 413 (7 in all)'), '', 'fewer than there were');

# ---- an outage: four posts in vain, and what waited for the fifth

$ingest->faults(
    {path => '^/outage$', status => 503, times => 4},
    {path => '^/turned$', status => 503, times => 1},
    {path => '^/turned$', status => 400, body => '{"status":0,"error":"not like this"}', times => 1},
    {path => '^/held$', status => 401, times => 4},
);

hits('outage', 1 .. 3);
ok($t->wait_status(sub { $_->{gate}{failures} }, project => 'outage'), 'outage: a failure');
hits('outage', 4 .. 7);
hits('turned', 11);
hits('held', 21 .. 22);

ok($t->wait_status(sub { $_->{delivered} == 7 }, project => 'outage'), 'outage: all is delivered');
ok(wait_until(sub { texts('outage', qr/succeed/) }, 5), 'outage: the log says so');

is(join(', ', map { /\((\d+) in all\)$/ ? $1 : 1 } texts('outage', qr/^a post failed: 503/)), '1, 2, 3, 4',
    'outage: a running count');

my @post = $ingest->posts('/outage');
my $took = $post[-1]{time} - $post[0]{time};
my ($end, @more) = texts('outage', qr/^posts succeed again/);
is(scalar(@more), 0, 'outage: one line of its end');
like($end, qr/^posts succeed again after (\d+) ms, 7 events were waiting, and 0 spool files$/, 'outage: with what was waiting');
my ($ms) = $end =~ /after (\d+) ms/;
cmp_ok(abs($ms / 1000 - $took), '<', 1, 'outage: and how long it was') or diag("$ms ms, $took s");

# ---- a refusal is no success, and has a count of its own

ok($t->wait_status(sub { $_->{delivered} + $_->{rejected} == 1 }, project => 'turned'), 'turned: it comes to an end');
is_deeply([texts('turned', qr/^a post /)],
    ['a post failed: 503', 'a post of 1 events is refused: 400: not like this'], 'turned: neither is counted as the other')
    or diag(join "\n", texts('turned', qr/./));
like((texts('turned', qr/ again after/))[0], qr/^the endpoint answers again after \d+ ms, 1 events were waiting, and 0 spool files$/,
    'turned: no post has succeeded');

# ---- a hold: its begin is an error, and a probe that is told the same is none

ok($t->wait_status(sub { $_->{delivered} == 2 }, project => 'held', timeout => 40), 'held: all is delivered in the end');
my @held = grep { $_->{text} =~ /^the endpoint refuses us/ } lines($t, 'held');
is(join(' ', map { $_->{level} } @held), 'error warn warn warn', 'held: one error');
like($held[-1]{text}, qr/\(4 in all\)$/, 'held: and a running count');
like((texts('held', qr/succeed again/))[0], qr/, 2 events were waiting, and 0 spool files$/, 'held: and its end');

# ---- a post of before the outage that fails behind it begins no other one

$ingest->faults({path => '^/late$', hang => 1, times => 1}, {path => '^/late$', status => 503, times => 1});
hits('late', 41);
ok(wait_until(sub { $ingest->stats->{script} == 1 }), 'late: a post that hangs');
hits('late', 42);
ok($t->wait_status(sub { $_->{delivered} == 1 && $_->{gate}{state} eq 'open' }, project => 'late'),
    'late: another one fails, and is delivered');
ok($t->wait_status(sub { $_->{requests}{error} == 1 }, project => 'late', timeout => 20), 'late: then the first one fails');
my $late = $t->status('late');
is($late->{gate}{state},   'open', 'late: the gate is open');
is($late->{gate}{down_ms}, 0,      'late: there is no outage');
ok($t->wait_status(sub { $_->{delivered} == 2 }, project => 'late'), 'late: all is delivered');
is(scalar(texts('late', qr/succeed again/)), 1, 'late: the one outage has one end');

# ---- what waits on disk is told as well

$ingest->faults({path => '^/replay$', status => 503});
hits('replay', 31 .. 33);
ok($t->wait_status(sub { $_->{gate}{failures} }, project => 'replay'), 'replay: a failure');
ok($t->stop, 'a stop in the outage');
$t->run;
hits('replay', 34);
ok($t->wait_status(sub { $_->{gate}{failures} && $_->{spool}{files} == 1 }, project => 'replay'), 'replay: a failure, and a file');
$ingest->faults();
ok($t->wait_status(sub { $_->{delivered} == 4 }, project => 'replay'), 'replay: all is delivered');
ok(wait_until(sub { texts('replay', qr/succeed/) }, 5), 'replay: the log says so');
like((texts('replay', qr/succeed/))[0], qr/, 1 events were waiting, and 1 spool files$/, 'replay: with the file');

$t->done;
