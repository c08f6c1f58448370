#!/usr/bin/perl

# 400, and any 4xx that says nothing else: something in the batch is bad.  It
# is looked for by halving, within 4*log2(n) posts, and it alone is rejected;
# delivery goes on, also where every batch has such an event.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until uniq);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $r404   = $t->ingest(8);
my $r422   = $t->ingest(7);

my %whole = (zone => '4m', batch => 'interval=20s events=2000');
my %small = (batch => 'interval=20s events=16');

# floor(4 log2(n)), by its size
my %posts = (16 => 16, 64 => 24, 2000 => 43);

$t->conf(replies({},
    one      => {%whole},
    five     => {%whole},
    hup_one  => {%whole},
    hup_five => {%whole},
    all      => {%small},
    hup_all  => {%small},
    amid     => {batch => 'interval=100ms events=16'},
    site     => {batch => 'interval=500ms events=50'},
    r404     => {batch => 'interval=20s events=64', endpoint => 'http://127.0.0.1:%%PORT_8%%/r404'},
    r422     => {batch => 'interval=20s events=64', endpoint => 'http://127.0.0.1:%%PORT_7%%/r422'},
))->run;

my $why  = 'the data is not to our taste';
my @five = (100, 500, 900, 1300, 1700);

my $match = join '|', '\bone\?seq=777\b', 'hup_one\?seq=777\b', 'five\?seq=(?:' . join('|', @five) . ')\b',
    'all\?seq=', 'amid\?seq=(?:[1-9]|1[0-6])\b', 'site\?seq=\d*[05]0\b';

$ingest->poison({match => $match, error => $why});
$r404->poison({match => 'seq=33\b', error => $why, status => 404});
$r422->poison({match => 'seq=33\b', error => $why, status => 422});

sub requests ($name, $count, %o) {
    my $load = $t->load(count => $count, rate => 1e6, connections => 1, uri => "/$name?seq=%d", %o);
    return $load;
}

# posts of a batch of so many, and of a reload that began it anew
sub within ($server, $name, $n, $times = 1) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @post = $server->posts("/$name");
    ok(scalar(grep { $_->{events} == $n } @post), "$name: the batch was posted as a whole");
    cmp_ok(scalar(@post), '<=', $times * $posts{$n}, "$name: no more than " . $times * $posts{$n} . ' posts');
    note("$name: " . @post . ' posts');
    return scalar @post;
}

# what is refused is a warning, what is rejected an error, and nothing else is
sub told ($name, $code = 400) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines  = lines($t, $name);
    my @errors = errors($t, $name);
    ok(scalar(grep { $_->{level} eq 'warn' && $_->{text} =~ /^a post of \d+ events is refused: $code: \Q$why\E/ } @lines),
        "$name: a refusal is a warning");
    ok(scalar(grep {/^\d+ events rejected: $code: \Q$why\E/} @errors), "$name: what is rejected is an error");
    is(join("\n", grep { !/^\d+ events rejected: / } @errors), '', "$name: and there is no other");
    is(once_a_second(@lines), '', "$name: each once a second at most");
    is(join(', ', uniq(map { $_->{reason} } $t->rejected($name))), "$code: $why", "$name: for the server's reason");
}

# ---- a batch of 2000 with one, and with five

my %load = map { $_ => requests($_, 2000) } qw(one five);
$load{all}  = requests('all',  16);
$load{r404} = requests('r404', 64);
$load{r422} = requests('r422', 64);

my $p = fate($t, $ingest, 'one', [$load{one}], timeout => 30);
is("@{$p->{rejected_seqs}}", '777', 'one: it alone is rejected');
is($p->{delivered}, 1999, 'one: all others are delivered');

# each halving is two posts, and the first is of all
my $n = within($ingest, 'one', 2000);
cmp_ok($n, '<=', 23, 'one: and that is found by halving');
is($p->{requests}{'2xx'} + $p->{requests}{'4xx'}, $n, 'one: each post is counted');
is($p->{gate}{state}, 'open', 'one: the gate is open');
told('one');

$p = fate($t, $ingest, 'five', [$load{five}], timeout => 30);
my %rejected = map { $_ => 1 } @{$p->{rejected_seqs}};
is(join(' ', grep { !$rejected{$_} } @five), '', 'five: all of them are rejected');
within($ingest, 'five', 2000);

# the posts do not suffice to find each: what is left goes with them
cmp_ok($p->{rejected}, '<=', 5 * 2000 / 16, 'five: with few that were near them');
told('five');

# ---- small ones of which nothing is good, and nothing else is there

$p = fate($t, $ingest, 'all', [$load{all}]);
is($p->{rejected}, 16, 'all: all are rejected');
within($ingest, 'all', 16);
is($p->{gate}{state}, 'open', 'all: the gate is open');
told('all');

# ---- other replies of the kind

for (['r404', $r404, 404], ['r422', $r422, 422]) {
    my ($name, $server, $code) = @$_;
    my $p = fate($t, $server, $name, [$load{$name}]);
    is("@{$p->{rejected_seqs}}", '33', "$name: one is rejected");
    within($server, $name, 64);
    told($name, $code);
}

# ---- among good ones: first bad ones only, which are not rejected before
# something was delivered

$load{amid} = requests('amid', 300, rate => 300);
$p = fate($t, $ingest, 'amid', [$load{amid}]);
is("@{$p->{rejected_seqs}}", '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', 'amid: the bad ones are rejected');
unlike($t->error_log, qr/"amid": every batch is refused/, 'amid: which holds nothing');

# ---- with a reload in the middle

$ingest->faults({path => '^/hup_', delay => 60});
$load{"hup_$_"} = requests("hup_$_", $_ eq 'all' ? 16 : 2000) for qw(one five all);
ok(wait_until(sub {
    my @posts = $ingest->posts;
    return !grep { my $name = "/hup_$_"; 2 > grep { $_->{path} eq $name } @posts } qw(one five all);
}, 20), 'reload: two posts of each');
ok($t->reload, 'reload: done');

for my $name (qw(hup_one hup_five hup_all)) {
    my $n = $name eq 'hup_all' ? 16 : 2000;
    my $p = fate($t, $ingest, $name, [$load{$name}], timeout => 30);

    my %rejected = map { $_ => 1 } @{$p->{rejected_seqs}};
    my @bad      = $name eq 'hup_one' ? 777 : $name eq 'hup_five' ? @five : 1 .. 16;
    is(join(' ', grep { !$rejected{$_} } @bad), '', "$name: the bad ones are rejected");
    is($p->{rejected}, scalar(@bad), "$name: and no others") if $name ne 'hup_five';
    cmp_ok($p->{rejected}, '<=', 5 * 2000 / 16, "$name: with few others") if $name eq 'hup_five';
    within($ingest, $name, $n, 2);
    told($name);
}

# ---- a site where every batch has one

$load{site} = requests('site', 1200, rate => 600);
ok($t->wait_status(sub { $_->{rejected} >= 3 && $_->{delivered} >= 150 }, project => 'site'), 'site: delivery goes on');
ok($t->reload, 'site: a reload');
ok($t->wait_status(sub { $_->{rejected} >= 8 }, project => 'site', timeout => 30), 'site: and on');

$p = fate($t, $ingest, 'site', [$load{site}], timeout => 40);
my @bad  = map { 50 * $_ } 1 .. 24;
my %good = map { $_ => 1 } @{$p->{delivered_seqs}};
is(join(' ', grep { $good{$_} } @bad), '', 'site: no bad one is delivered');
cmp_ok($p->{rejected}, '<=', 1.5 * @bad, 'site: and hardly a good one rejected');
is($p->{gate}{state}, 'open', 'site: the gate is open');
unlike($t->error_log, qr/"site": .*on hold/, 'site: it never was on hold');
told('site');

$t->done;
