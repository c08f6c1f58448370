#!/usr/bin/perl

# A request whose head was not read to its end: whether it would have said no
# is not known, and so its event tells of nobody, however the error is
# answered.  One that was read is not taken for one, in any version of HTTP.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::HTTP qw(http_connect http_read);
use Mixtrack::Nginx;
use Mixtrack::Visitor qw(sdk http2 http2_reset);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# slow: the page is not sent at once
sub server ($n, $error_page, $more = '') {
    return <<"END";
    server {
        listen 127.0.0.1:%%PORT_$n%% @{[$n == 5 ? 'http2' : '']};

        client_header_timeout       500ms;
        client_header_buffer_size   512;
        large_client_header_buffers 2 1k;

        $error_page
        $more
        @{[$n == 0 ? '%%STATUS%%' : '']}

        location = /page { return 200 "page\\n"; }
        location = /slow { limit_rate 50k; try_files /slow.txt =404; }
        location / { return 200 "read\\n"; }
    }
END
}

$t->write_file('slow.txt', 'x' x 60_000);

my $conf = <<'EOF';
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project { token T; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }

    mixtrack              hit;
    mixtrack_property     request $request;
    mixtrack_user_id      $http_x_user;
EOF

my $errors = 'error_page 400 408 494';

$conf .= server(0, '') . server(1, "$errors /page;") . server(2, "$errors /slow;")
    . server(3, "$errors =200 \@here;", 'location @here { limit_rate 50k; try_files /slow.txt =404; }')
    . server(4, '', 'mixtrack_respect off;') . server(5, '') . "}\n";

$t->conf($conf)->run;

my @who = ('X-User: ann', sdk('T', distinct_id => 'bob', '$user_id' => 'bob', '$device_id' => 'dev-1'));

sub ask ($port, $head) {
    my $s = http_connect(port => $t->port($port));
    print {$s} $head;
    return http_read($s, timeout => 10);
}

my %head = (
    large => sub ($k) { join "\r\n", "GET /$k HTTP/1.1", 'Host: a.test', @who, 'X: ' . 'y' x 3000, 'DNT: 1', '', '' },
    wrong => sub ($k) { join "\r\n", "GET /$k HTTP/1.1", 'Host: a.test', @who, "X\0: y", 'DNT: 1', '', '' },
    late  => sub ($k) { join "\r\n", "GET /$k HTTP/1.1", 'Host: a.test', @who, 'X: y' },
);

my %unread;

for my $port (0 .. 4) {
    for my $why (sort keys %head) {
        $unread{"$why-$port"} = $port;
        ask($port, $head{$why}->("$why-$port"));
    }
}

my %read = (
    1.1 => sub ($k) { ask(0, join "\r\n", "GET /$k HTTP/1.1", 'Host: a.test', 'Connection: close', @who, '', '') },
    '1.0' => sub ($k) { ask(0, join "\r\n", "GET /$k HTTP/1.0", @who, '', '') },
    'slow' => sub ($k) { ask(2, join "\r\n", "GET /slow?$k HTTP/1.0", @who, '', '') },
    2.0 => sub ($k) { http2($t->port(5), "/$k", ['x-user', 'ann']) },
);
$read{$_}->("read-$_") for sort keys %read;

# which has no head
ask(0, "GET /read-0.9\r\n");

# which is no request
ask(0, "FROB\r\n\r\n");

ok($t->wait_rest, 'all has arrived');

my %event;
my $frob;
for my $e ($ingest->events) {
    if ($e->{properties}{request} eq 'FROB') {
        $frob = $e->{properties};
        next;
    }
    my ($k) = $e->{properties}{request} =~ m{^GET /(?:slow\?)?(\S+)};
    push @{$event{$k}}, $e->{properties};
}
is(join(' ', sort keys %event), join(' ', sort keys %unread, 'read-0.9', map {"read-$_"} keys %read), 'an event of each');

for my $k (sort keys %unread) {
    is(scalar(@{$event{$k}}), 1, "$k: one event");

    my $p    = $event{$k}[0];
    my %have = map { $_ => $p->{$_} } grep { exists $p->{$_} } qw(distinct_id $user_id $device_id ip);

    # who respects nothing may take what there is
    if ($unread{$k} == 4) {
        is($have{ip}, '127.0.0.1', "$k: off: the address is there");
        is($have{distinct_id}, 'ann', "$k: off: and who it is");
        next;
    }
    is_deeply(\%have, {distinct_id => '', ip => '0'}, "$k: of nobody");
}

for my $k (sort map {"read-$_"} keys %read) {
    is($event{$k}[0]{distinct_id}, 'ann', "$k: who it is");
    is($event{$k}[0]{ip}, '127.0.0.1', "$k: and where");
}
is($event{'read-0.9'}[0]{ip}, '127.0.0.1', 'HTTP/0.9 has no head, and so all of it was read');

is(join(' ', grep { exists $frob->{$_} } qw(method http_version $current_url)), '', 'of what is no request nothing is told');
is($frob->{status}, 400, 'but the status');
is($event{'read-1.1'}[0]{http_version}, '1.1', 'of one it is');

# ---- a stream of HTTP/2 that is malformed, here by a name with a capital, is
# reset: no reply, no status

ok(http2_reset($t->port(5), '/reset', ['x-user', 'ann'], ['X-Bad', 'y']), 'a malformed stream is reset');
ok($t->wait_rest, 'its event is on its way');

my ($reset, @more) = grep { ($_->{properties}{current_url_path} // '') eq '/reset' } $ingest->events;
is(scalar(@more), 0, 'reset: one event');
is($reset->{properties}{status}, 0, 'reset: with status 0');
is_deeply([@{$reset->{properties}}{qw(distinct_id ip)}], ['', '0'], 'reset: of nobody');

$t->done;
