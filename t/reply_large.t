#!/usr/bin/perl

# 413, as the API says it, as the front end before it does, and with the
# connection reset in the middle of the body: says nothing against the events.
# Batches become smaller, those that come later, too, and nothing is given up
# but an event that is too large by itself.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

my $t = Mixtrack::Nginx->new;

# with a small buffer a body is still being sent when it is reset
my %limit  = (json => {}, html => {html => 1}, reset => {reset => 1});
my %port   = (json => 9, html => 8, reset => 7);
my %server = map { $_ => $t->ingest($port{$_}, $_ eq 'reset' ? (rcvbuf => 4096) : ()) } keys %port;

my ($some, $little) = (15_000, 4_000);

my $pad = join ' ', map { "mixtrack_property p$_ \$arg_pad;" } 1 .. 30;

$t->conf(replies(
    {
        hit    => $pad . ' ',
    },
    map {
        ($_ => {
            endpoint => "http://127.0.0.1:%%PORT_$port{$_}%%/$_",
            batch    => 'interval=1s events=200',
            retry    => 'min=20ms max=100ms jitter=0ms-5ms',
            gzip     => 'off',
        })
    } keys %limit
))->run;

sub requests ($name, $from, $count, %o) {
    return $t->load(from => $from, count => $count, rate => 1e6, connections => 1,
        uri => "/$name?seq=%d" . ($o{pad} ? "&pad=$o{pad}" : ''), %o);
}

# ---- a batch that is far too large, a reload while it is halved, and some
# that come later

$server{$_}->limit(bytes => $some, %{$limit{$_}}) for keys %limit;
$server{$_}->faults({delay => 40}) for keys %limit;

my %load = map { $_ => [requests($_, 1, 1000)] } keys %limit;
for my $name (sort keys %limit) {
    ok(wait_until(sub { $server{$name}->stats->{why}{limit} >= 2 }, 15), "$name: the batch is too large");
}
ok($t->reload(drained => 1), 'a reload');

# the flusher that came with it may have to learn the size anew
$server{$_}->faults() for keys %limit;
my %posts;

for my $from (10_001, 50_001) {
    for my $name (sort keys %limit) {
        ok($t->wait_rest(project => $name), "$name: all before $from is settled");
        $posts{$name} = $server{$name}->posts;
        push @{$load{$name}}, requests($name, $from, 1000);
    }
}
for my $name (sort keys %limit) {
    my $p = fate($t, $server{$name}, $name, $load{$name}, timeout => 30);

    is($p->{rejected}, 0, "$name: nothing is rejected");
    is(scalar(@{$p->{delivered_seqs}}), 3000, "$name: all is delivered");
    is($p->{gate}{state}, 'open', "$name: the gate is open");

    my @all   = $server{$name}->posts;
    my @later = @all[$posts{$name} .. $#all];
    my @no    = grep { ($_->{why} // '') eq 'limit' } @all;
    my $later = grep { ($_->{why} // '') eq 'limit' } @later;
    note("$name: " . @all . ' posts, ' . @no . " too large, $later of them later");

    # by their own word, for of one that was reset not all has come; they
    # grow again bit by bit, and several may be on their way when it is too
    # much
    my @size = map { $_->{headers}{'content-length'} } @later;
    is(few(grep { $_ > 1.5 * $some } @size), '', "$name: later ones are smaller");
    cmp_ok($later, '<', 0.5 * @later, "$name: and most of them go through");
    cmp_ok((sort { $b <=> $a } map { $_->{headers}{'content-length'} } @all)[0], '>', 3 * $some,
        "$name: than the first was");
    is($p->{requests}{'4xx'} + $p->{requests}{error}, scalar(@no), "$name: each post is counted");

    my @lines = lines($t, $name);
    ok(scalar(grep { $_->{level} eq 'warn' } @lines), "$name: the log tells of it as a warning");
    is(join("\n", errors($t, $name)), '', "$name: and of no error");
    ok(scalar(grep { $_->{text} =~ /^a post of \d+ events is refused: 413/ } @lines), "$name: with the status")
        if $name ne 'reset';
}

# ---- an event that is too large by itself, among others

$server{$_}->limit(bytes => $little, %{$limit{$_}}) for keys %limit;
$server{$_}->faults({delay => 40}) for keys %limit;

for my $name (sort keys %limit) {
    push @{$load{$name}}, requests($name, 20_001, 10), requests($name, 30_001, 1, pad => 'x' x 250),
        requests($name, 40_001, 10);
}
ok(wait_until(sub {
    !grep { my $n = $_; !grep { ($_->{why} // '') eq 'limit' && $_->{raw} < $some } $server{$n}->posts } keys %limit;
}, 15), 'little: batches are too large again');
ok($t->reload, 'little: a reload');

for my $name (sort keys %limit) {
    my $p = fate($t, $server{$name}, $name, $load{$name}, timeout => 30);
    is("@{$p->{rejected_seqs}}", '30001', "$name: the one that is too large is rejected");
    is(scalar(@{$p->{delivered_seqs}}), 3020, "$name: all others are delivered");

    my ($r) = $t->rejected($name);
    like($r->{reason}, qr/^413/, "$name: with the reason");
    like(join("\n", errors($t, $name)), qr/^1 events rejected: 413.*\z/, "$name: which is the only error");
}

$t->done;
