#!/usr/bin/perl

# The parts of a refused batch are posts like any others: they pass the rate,
# and the gate, when the server is busy or down in the middle of a halving.
# And how many posts it takes, to the post, where that is certain: of one bad
# event in a batch of 64, and of a batch eight times too large.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $large  = $t->ingest(8);

use constant RATE => 100;
use constant WAIT => 2;      # what Retry-After asks for

my %whole = (batch => 'interval=20s events=64', connections => 1, gzip => 'off');
my %tests = (
    plain => {%whole},
    r503  => {%whole, retry => 'min=1s max=2s jitter=0ms-0ms'},
    r429  => {%whole, retry => 'min=10ms max=20ms jitter=0ms-1ms'},
    down  => {%whole, retry => 'min=1s max=2s jitter=0ms-0ms', timeout => 'connect=1s total=1s'},
    rate  => {batch => 'interval=20s events=64', rate => 'events=' . RATE . '/s'},
    large => {%whole, endpoint => 'http://127.0.0.1:%%PORT_8%%/large'},
    one   => {%whole, endpoint => 'http://127.0.0.1:%%PORT_8%%/one'},
);

# of an event with a pad in its URL it makes 30 KB
my $pad = join '', map {"mixtrack_property p$_ \$arg_pad; "} 1 .. 120;

$t->conf(replies({hit => $pad}, %tests))->run;

$ingest->poison({match => '/(?:plain|r503|r429|down)\?seq=33"|/rate\?seq=\d*[05]33"', error => 'bad'});

sub requests ($name, $from = 1, $count = 64, %o) {
    my $load = $t->load(from => $from, count => $count, rate => 1e6, connections => 1, uri => "/$name?seq=%d", %o);
    $load->wait;
    return $load;
}

sub sizes (@posts) { join ' ', map { $_->{events} } @posts }

# ---- one bad event in 64, the first of the second half: of two halves the good
# one is posted first, each time, and what is left need not be asked for

my $halves = '64 32 16 8 4 2 1 1';

my $load = requests('plain');
my $p    = fate($t, $ingest, 'plain', [$load]);
is("@{$p->{rejected_seqs}}", '33', 'plain: it is rejected');
is(sizes($ingest->posts('/plain')), $halves, 'plain: found by halving, to the post');

# ---- the same, and the fifth post fails: the sixth is the same again, not
# before the gate opens

for (
    [r503 => {status => 503}, 1],
    [r429 => {status => 429, headers => {'Retry-After' => WAIT}}, WAIT],
    [down => {hang => 1}, 2],
) {
    my ($name, $fault, $wait) = @$_;

    $ingest->faults({path => "^/$name\$", every => 5, times => 1, %$fault});
    my $load = requests($name);
    my $p    = fate($t, $ingest, $name, [$load]);
    my @post = $ingest->posts("/$name");

    is("@{$p->{rejected_seqs}}", '33', "$name: the bad one is rejected");
    is(sizes(@post), $halves =~ s/ 4 / 4 4 /r, "$name: one post more than without");
    isnt($post[4]{fault}, '', "$name: it was in the middle");
    is($post[5]{md5}, $post[4]{md5}, "$name: what failed is posted again");
    cmp_ok($post[5]{time} - $post[4]{time}, '>=', 0.95 * $wait, "$name: not before the gate opens");
    is(scalar(grep { $_->{fault} } @post), 1, "$name: and once");
    is($p->{gate}{state}, 'open', "$name: the gate is open in the end");
}
$ingest->faults();

# ---- as many events a second as rate says, though most of them are of parts

my @loads = map { requests('rate', 500 * $_ + 501, 64) } 0 .. 4;
$p = fate($t, $ingest, 'rate', \@loads, timeout => 40);
is("@{$p->{rejected_seqs}}", '533 1033 1533 2033 2533', 'rate: the bad ones are rejected');

my @post = sort { $a->{time} <=> $b->{time} } $ingest->posts('/rate');
my ($all, $fresh) = (0, 0);
for my $post (@post) {
    $all   += $post->{events};
    $fresh += $post->{events} if $post->{events} == 64;
}
my $took = $post[-1]{time} - $post[0]{time};
cmp_ok($all, '>=', 2 * $fresh, 'rate: half of the events are of parts');
cmp_ok($took, '>=', 0.75 * ($all - RATE - $post[-1]{events}) / RATE, 'rate: and take their time')
    or diag("$all events, $fresh of them of whole batches");

# ---- 413: a batch of 64 where eight of them fit

my $each;
$load = requests('large');
fate($t, $large, 'large', [$load]);
($each) = map { $_->{raw} / $_->{events} } $large->posts('/large');
my $before = $large->posts('/large');

# a few bytes more than eight, for the numbers differ in length
$large->limit(bytes => int(8.5 * $each));
$load = [$load, requests('large', 101)];
$p = fate($t, $large, 'large', $load);
is($p->{rejected}, 0, 'large: nothing is rejected');
@post = $large->posts('/large');
@post = @post[$before .. $#post];
is(sizes(grep { $_->{status} == 413 } @post), '64 32 16', 'large: so many are too large, each half of the one before');
is(sizes(grep { $_->{status} == 200 } @post), join(' ', (8) x 8), 'large: and what fits is as much as may be');

# ---- and one that is too large by itself

$large->limit();
$p = fate($t, $large, 'one', [my $first = requests('one', 1, 64)]);
$before = $large->posts('/one');
$large->limit(bytes => int(33.5 * $each));
$load = $t->load(from => 101, count => 1, rate => 1e6, uri => '/one?seq=%d&pad=' . 'x' x 250);
$load->wait;
$load = [$first, $load, requests('one', 201, 63)];
$p = fate($t, $large, 'one', $load, timeout => 30);
is("@{$p->{rejected_seqs}}", '101', 'one: it alone is rejected');
@post = $large->posts('/one');
@post = @post[$before .. $#post];
is(sizes(grep { $_->{status} == 413 } @post), '64 32 16 8 4 2 1', 'one: found by halving, to the post');
is(sizes(grep { $_->{status} == 200 } @post), '1 2 4 8 16 32', 'one: and the others go as they were halved');

$t->done;
