#!/usr/bin/perl

# Somebody answers, but not as Mixpanel does: garbage, a page for people, a
# length that is wrong, a reply of 10 MB.  What is no answer is no loss
# either: with a reload in the middle, requests are served as before, posts
# are few, and in the end every event was delivered.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Breakage;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

$t->conf(breakable())->run;

# A fault that the ingest plays to each post, and has really played.
sub played ($name, $fault, %o) {
    breakage($t, $ingest, $name,
        break => sub { $ingest->faults($fault) },
        heal  => sub { $ingest->faults },
        %o);
    my $n = grep { $_->{fault} } $ingest->posts;
    cmp_ok($n, '>=', 2, "$name: the ingest has done it");
}

# ---- it is not what was asked for

played('garbage', {garbage => 1, accept => 1}, why => qr/HTTP\/0\.9/, duplicates => 1);
played('a header without end', {garbage => "HTTP/1.1 200 OK\r\nX: " . 'x' x 200_000}, why => qr/header|memory/i);
played('a length too small', {length => -3}, counter => '2xx', why => qr/200 with an unknown body/, duplicates => 1);
played('a length too large', {length => 9, body => '{"status":', accept => 1}, why => qr/9 bytes remaining/,
    duplicates => 1);
played('an empty 200', {status => 200, body => ''}, counter => '2xx', why => qr/200 with an empty body/);
played('a captive portal',
    {status => 200, body => '<html><form action="/1">', headers => {'Content-Type' => 'text/html'}},
    counter => '2xx', why => qr/200 with an unknown body/);

# KB, of a flusher that has seen nothing large
my $size = peak();
played('10 MB before the reply', {large => 10_000_000, front => 1}, counter => '2xx',
    why => qr/200 with a body too long/, duplicates => 1);
cmp_ok(peak(), '<', $size + 6000, 'of which the flusher has not kept all');

# ---- odd, but the answer is in it: no reason to send anything again

my $n = 500000;
for (
    ['10 MB behind the answer' => {large => 10_000_000}],
    ['without end' => {endless => 1}],
    ['a length too large behind the answer' => {length => 1000}],
) {
    my ($name, $fault) = @$_;
    my $from = $n += 1000;

    is(join("\n", $ingest->check), '', "$name: before it all is well");
    $ingest->reset->faults($fault);
    my $load = $t->load(from => $from, count => 200, rate => 250, connections => 4);
    ok($load->wait_served(50), "$name: requests are served");
    ok($t->reload, "$name: a reload meanwhile");
    account($ingest, [$load], name => $name);
    my $p = at_rest($t, name => $name);
    is($p->{gate}{failures}, 0, "$name: it is taken for the answer it is");
    is(scalar(grep { !$_->{fault} } $ingest->posts), 0, "$name: the ingest has answered so each time");
    cmp_ok(peak(), '<', $size + 6000, "$name: the flusher has not kept 10 MB of it");
    $ingest->faults;
}

sub peak { my ($kb) = slurp('/proc/' . $t->flusher . '/status') =~ /^VmHWM:\s*(\d+)/m; return $kb }

$t->done;
