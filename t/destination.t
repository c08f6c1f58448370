#!/usr/bin/perl

# Where a project's events go: the URL that is asked, and the destination in
# the name of a spool file, which decides who may send it.  Nobody answers
# here, so that each event ends in such a file.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::INET;
use Test::More;

use Mixtrack::Nginx;

my $t = Mixtrack::Nginx->new;

# port, what the URL has behind it, directives; the request line
my @asked = (
    [1, '', '', '/track?ip=0&verbose=1'],
    [2, '/own?ip=1', '', '/own?ip=1&verbose=1'],
    [3, '', 'api import;', '/import?strict=1'],
    [4, '/?a=b', 'service_account n s 77; api import;', '/import?a=b&strict=1&project_id=77'],
    [5, '/own?project_id=5&strict=0', 'api import; service_account n s 77;', '/own?project_id=5&strict=0'],
);

# port 9; those with the same letter are the same destination
my $fixed = '/?project_id=0';
my @same = (
    [A => '',     'token T;'],
    [A => '',     'token U; api track; id_merge original; max_age 1h;'],
    [B => '/',    'token T; api import;'],
    [C => '/',    'token U; api import;'],
    [D => $fixed, 'token T; api import; service_account n one 1;'],
    [D => $fixed, 'token U; service_account n two 1; api import;'],
    [D => $fixed, 'token T; api import; service_account n file:%%TESTDIR%%/secret 1;'],
    [E => $fixed, 'token T; api import; service_account m one 1;'],
    [F => $fixed, 'token T; api import; service_account n one 2;'],
    [G => $fixed, 'token T; api import;'],
    [H => '/import?ip=0&verbose=1', 'token T;'],
);

$t->write_file('secret', "three\n");

my (@project, @event);

for (@asked) {
    my ($n, $url, $more) = @$_;
    push @project, "mixtrack_project asked$n { token T; endpoint http://127.0.0.1:%%PORT_$n%%$url; $more";
    push @event, "mixtrack e project=asked$n;";
}

for my $n (0 .. $#same) {
    my ($letter, $url, $more) = @{$same[$n]};
    push @project, "mixtrack_project same$n { endpoint http://127.0.0.1:%%PORT_9%%$url; $more";
    push @event, "mixtrack e project=same$n;";
}

my %listen = map { $_->[0] => IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $t->port($_->[0]), Listen => 8, ReuseAddr => 1) } @asked;

$t->conf(join "\n", '%%GLOBALS%%', 'events { }', 'http {', '%%GLOBALS_HTTP%%',
    (map {"$_ zone 1m; batch interval=10ms; }"} @project), @event,
    'server {', 'listen 127.0.0.1:%%PORT_0%%;', '%%STATUS%%', 'location / { return 200; }', '}', '}')->run;

like($t->get('/'), qr/ 200 /, 'a request');

for (@asked) {
    my ($n, $url, $more, $want) = @$_;
    my $c = IO::Select->new($listen{$n})->can_read(15) ? $listen{$n}->accept : undef;
    my $line = $c ? <$c> // '' : 'nobody came';
    is($line =~ s/\r\n//r, "POST $want HTTP/1.1", "\"$url\" with \"$more\"");
}

ok($t->stop, 'stops');

my %destination;
for my $n (0 .. $#same) {
    my @file = glob $t->dir . "/spool/same$n/*.json.gz";
    is(scalar(@file), 1, "project $n has spooled") or next;

    my ($hash) = $file[0] =~ /-([0-9a-f]{16})\.json\.gz\z/;
    push @{$destination{$hash // 'none'}}, $same[$n][0];
}

is(join(' ', sort map { join '', @$_ } values %destination), 'AA B C DDD E F G H',
    'a destination is a URL, an API and an account, and no secret');

$t->done;
