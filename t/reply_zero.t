#!/usr/bin/perl

# 200 with 0, and with a verbose status of 0: none of the events was valid,
# says the server.  It is asked once more, for either half: what is taken
# then is delivered, what is refused with the same words is rejected.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until uniq);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $judge  = $t->ingest(8);

my $said = '{"status":0,"error":"not today, thank you"}';

# the reply; how many get it; how many of forty events are rejected; why
my %case = (
    plain        => [{body => '0'},   1e6, 40, '200 with 0'],
    verbose      => [{body => $said}, 1e6, 40, 'status 0: not today, thank you'],
    plain_once   => [{body => '0'},   1,   0],
    verbose_once => [{body => $said}, 1,   0],
    half         => [{body => '0'},   2,   20, '200 with 0'],
    verbose_half => [{body => $said}, 2,   20, 'status 0: not today, thank you'],
);

$t->conf(replies({},
    (map { $_ => {batch => 'interval=20s events=40'} } keys %case),
    (map { ("hup_$_" => {batch => 'interval=20s events=40'}) } keys %case),
    invalid => {batch => 'interval=20s events=40', endpoint => 'http://127.0.0.1:%%PORT_8%%/invalid'},
    mixed   => {batch => 'interval=20s events=40', endpoint => 'http://127.0.0.1:%%PORT_8%%/mixed'},
))->run;

my $from = 0;
my %served;

sub forty ($name) {
    $from += 1000;
    my $load = $t->load(from => $from, count => 40, rate => 1e6, connections => 1, uri => "/$name?seq=%d");
    $served{$name} = $load->wait->{served};
    return is(scalar(@{$served{$name}}), 40, "$name: forty requests");
}

# what it says is that of the ingest's own judgement, too
$judge->poison({match => 'invalid|seq=2000.|seq=2001.', status => 200, error => 'the time is out of joint'});

# ---- nothing else happens

$ingest->faults(map { {path => "^/$_\$", times => $case{$_}[1], status => 200, %{$case{$_}[0]}} } sort keys %case);

forty('invalid');
$from = 19_000;
forty('mixed');
forty($_) for sort keys %case;

for my $name (sort keys %case) {
    my (undef, undef, $rejected, $why) = @{$case{$name}};

    my $p = fate($t, $ingest, $name, [$served{$name}]);
    is(scalar($ingest->posts("/$name")), 3, "$name: three posts");
    is(join(' ', sort { $b <=> $a } map { $_->{events} } $ingest->posts("/$name")), '40 20 20',
        "$name: the whole, and its halves");
    is($p->{rejected}, $rejected, "$name: so many are rejected");
    is($p->{requests}{'2xx'}, 3, "$name: the replies are counted");
    is($p->{gate}{state}, 'open', "$name: the gate is open");
    is($p->{gate}{failures}, 0, "$name: it is no failure");

    my @lines = lines($t, $name);
    ok(scalar(grep { $_->{level} eq 'warn' && $_->{text} =~ /^a post of 40 events is refused: / } @lines),
        "$name: the log tells of the refusal as a warning");

    if (!$rejected) {
        is(join("\n", errors($t, $name)), '', "$name: and of no error");
        next;
    }
    is(join(', ', uniq(map { $_->{reason} } $t->rejected($name))), $why, "$name: for the server's reason");
    like(join("\n", errors($t, $name)), qr/^\d+ events rejected: \Q$why\E(?: \(.*\))?\z/m,
        "$name: what is rejected is an error");
}

my $p = fate($t, $judge, 'invalid', [$served{invalid}]);
is($p->{rejected}, 40, 'invalid: all are rejected');
is($judge->posts('/invalid') + 0, 3, 'invalid: by three posts');
like(($t->rejected('invalid'))[0]{reason}, qr/status 0: the time is out of joint/, "invalid: in the server's words");

# /track says nothing of the bad ones of a mixed batch
$p = $t->wait_rest(project => 'mixed');
is($p->{delivered}, 40, 'mixed: what is dropped without a word is acknowledged');
is(scalar($judge->posts('/mixed')), 1, 'mixed: by one post');

# ---- with a reload between the posts

$ingest->faults(map { {path => "^/hup_$_\$", times => $case{$_}[1], status => 200, delay => 250, %{$case{$_}[0]}} }
    sort keys %case);
forty("hup_$_") for sort keys %case;
ok(wait_until(sub { !grep { !$ingest->posts("/hup_$_") } keys %case }, 10), 'reload: a post of each');
ok($t->reload, 'reload: done');

for my $name (sort keys %case) {
    my (undef, $times, undef, $why) = @{$case{$name}};

    # the new flusher begins anew with what it is given back
    my $p = fate($t, $ingest, "hup_$name", [$served{"hup_$name"}]);
    my $n = $ingest->posts("/hup_$name");
    cmp_ok($n, '>=', 2, "hup_$name: more than one post");
    cmp_ok($n, '<=', 6, "hup_$name: six posts at most");
    is($p->{rejected}, 40, "hup_$name: all are rejected") if $times > 2;
    is($p->{rejected}, 0,  "hup_$name: none is rejected") if $times == 1;
    cmp_ok($p->{rejected}, '<=', 20, "hup_$name: half are rejected at most") if $times == 2;
    is($p->{gate}{state}, 'open', "hup_$name: the gate is open");
    is(join("\n", grep { !/^\d+ events rejected: / } errors($t, "hup_$name")), '', "hup_$name: no other error");
}

$t->done;
