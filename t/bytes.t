#!/usr/bin/perl

# Any bytes a client can send give valid JSON in valid UTF-8, no longer than
# the API takes; and what is no request at all is an event all the same.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Socket qw(SO_LINGER SOL_SOCKET);
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(2);

$t->conf(<<'EOF')->run;
%%GLOBALS%%

worker_processes 2;

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     4m;
        batch    interval=50ms;
    }

    mixtrack_property k $arg_k;

    large_client_header_buffers 4 2k;
    client_header_timeout 500ms;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        %%STATUS%%

        location /untracked { return 200; }

        location /bytes {
            mixtrack bytes;
            mixtrack_property h   $http_x_h;
            mixtrack_property ua  $http_user_agent;
            mixtrack_property uri $uri;
            mixtrack_property a   $arg_a;
            mixtrack_property mix "<$http_x_h|$http_user_agent>";
            return 200;
        }
    }

    # whatever comes
    server {
        listen 127.0.0.1:%%PORT_4%%;
        mixtrack "Anything";
        mixtrack_property any yes;
        mixtrack_property request "$request";
        mixtrack_property uri $uri;
        mixtrack_property protocol $server_protocol;
        keepalive_timeout 2s;

        location / { return 200 "any\n"; }
        location /slow { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location /body { client_max_body_size 1k; proxy_pass http://127.0.0.1:%%PORT_0%%/untracked; }
    }
}
EOF

my $cases = Mixtrack::Cases->new($t);

sub request (@how) { $cases->request(@how) }

# ---- bytes

my @bytes = (
    ['plain',         'plain',                       'plain'],
    ['quotes',        "\"'`",                        "\"'`"],
    ['backslashes',   "\\ \\n \\u0041 \\\"",         "\\ \\n \\u0041 \\\""],
    ['slashes',       '</script>',                   '</script>'],
    ['controls',      "a\x01\x08\x0b\x0c\x1b\x1fb",  "a\x01\x08\x0b\x0c\x1b\x1fb"],
    ['tab and del',   "a\t\x7fb",                    "a\t\x7fb"],
    ['two bytes',     "\xc3\xa9",                    "\x{e9}"],
    ['three bytes',   "\xe2\x82\xac",                "\x{20ac}"],
    ['four bytes',    "\xf0\x9f\x98\x80",            "\x{1f600}"],
    ['last of all',   "\xf4\x8f\xbf\xbd",            "\x{10fffd}"],
    ['latin-1',       "caf\xe9 au lait",             "caf\x{fffd} au lait"],
    ['continuation',  "a\x80\xbfb",                  "a\x{fffd}\x{fffd}b"],
    ['cut off, 2',    "a\xc3",                       "a\x{fffd}"],
    ['cut off, 3',    "a\xe2\x82",                   "a\x{fffd}"],
    ['cut off, 4',    "a\xf0\x9f\x98",               "a\x{fffd}"],
    ['broken, 3',     "a\xe2\x82b",                  "a\x{fffd}b"],
    ['overlong slash', "\xc0\xaf",                   "\x{fffd}\x{fffd}"],
    ['overlong, 3',   "\xe0\x80\xaf",                "\x{fffd}\x{fffd}\x{fffd}"],
    ['surrogate',     "\xed\xa0\x80",                "\x{fffd}\x{fffd}\x{fffd}"],
    ['too high',      "\xf4\x90\x80\x80",            "\x{fffd}" x 4],
    ['never',         "\xfe\xff\xf8",                "\x{fffd}" x 3],
    ['quote after',   "\xc3\"}",                     "\x{fffd}\"}"],
    ['backslash after', "\xe2\x82\\",                "\x{fffd}\\"],
);

for my $i (0 .. $#bytes) {
    my ($what, $in, $out) = @{$bytes[$i]};
    request("bytes$i", ['/bytes',
        headers => ["X-H: $in", "User-Agent: $in", "Referer: $in"]], sub ($p, @) {
        is($p->{h},           $out,          "$what in a header");
        is($p->{ua},          $out,          "$what in the user agent");
        is($p->{'$referrer'}, $out,          "$what in the referrer");
        is($p->{mix},         "<$out|$out>", "$what in the middle");
    });
}

request('uri_bytes', sub { $t->get("/bytes/%c3%28%01%22%5c%ff%e4?k=uri_bytes&a=\"\\%22\x80\xc3") }, sub ($p, @) {
    is($p->{uri}, "/bytes/\x{fffd}(\x01\"\\\x{fffd}\x{fffd}", 'a URI of any bytes');
    is($p->{a}, "\"\\%22\x{fffd}\x{fffd}", 'an argument of any bytes');
    like($p->{'$current_url'}, qr{/bytes/%c3%28%01%22%5c%ff%e4\?k=uri_bytes&a="\\%22\x{fffd}\x{fffd}$},
        'a URL of any bytes');
});

request('host_bytes', sub {
    $t->http("GET /bytes?k=host_bytes HTTP/1.1\r\nHost: h\xff\"t\r\nConnection: close\r\n\r\n");
}, sub ($p, @) { like($p->{'$current_url'}, qr{^http://h\x{fffd}"t/bytes}i, 'a host of any bytes') });

# ---- lengths

my $truncated = $t->status('default')->{truncated};

my @long = (
    ['255',               'a' x 255,                    'a' x 255],
    ['256',               'a' x 256,                    'a' x 255],
    ['two bytes across',  'a' x 254 . "\xc3\xa9",       'a' x 254],
    ['two bytes to the end', 'a' x 253 . "\xc3\xa9",    'a' x 253 . "\x{e9}"],
    ['four bytes across', 'a' x 252 . "\xf0\x9f\x98\x80" . 'b', 'a' x 252],
    ['repaired across',   'a' x 253 . "\xffbc",         'a' x 253],
    ['escaped',           "\x01" x 300,                 "\x01" x 255],
    ['quotes',            '"' x 300,                    '"' x 255],
    ['replaced',          "\xff" x 300,                 "\x{fffd}" x 85],
    ['euros',             "\xe2\x82\xac" x 100,         "\x{20ac}" x 85],
);
for my $i (0 .. $#long) {
    my ($what, $in, $out) = @{$long[$i]};
    request("long$i", ['/bytes', headers => ["X-H: $in"]], sub ($p, @) {
        is($p->{h}, $out, "$what bytes: cut on a character");
    });
}

request('long_url', ['/bytes', args => '&x=' . 'y' x 600], sub ($p, @) {
    is($p->{'$current_url'}, substr("http://localhost:" . $t->port(0) . "/bytes?k=long_url&x=" . 'y' x 600, 0, 255), 'a long URL');
});
request('long_referrer', ['/bytes', headers => ['Referer: ' . 'r' x 1000]], sub ($p, @) {
    is($p->{'$referrer'}, 'r' x 255, 'a long referrer');
});

# each string of an event: h but for two of @long, mix of all; the long URL and
# its search, and the referrer
is($t->status('default')->{truncated} - $truncated, @long - 2 + @long + 2 + 1, 'each string that was cut is counted');


# ---- requests that are none; named by what was answered

my %any;

sub any ($status, $bytes, %o) {
    $any{$status}++;
    my $reply = $t->http($bytes, port => 4, %o);
    like($reply, $o{like} // qr{^HTTP/1\.1 $status }, "$o{name}: $status") if ($o{like} // 1);
}

my $tls = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . pack('C*', map { $_ * 37 % 256 } 1 .. 200);

any(400, "\x01\x02\x03\xff\xfe\r\n\r\n",                    name => 'bytes');
any(400, $tls,                                              name => 'TLS');
any(400, "GET\r\n\r\n",                                     name => 'no URI');
any(400, "GET / HTTP/x\r\n\r\n",                            name => 'no version');
any(505, "GET / HTTP/9.9\r\n\r\n",                          name => 'a version of the future');
any(400, "GET / HTTP/1.1\r\n\r\n",                          name => 'no Host');
any(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",             name => 'a wrong Host');
any(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",    name => 'two Hosts');
any(400, "GET /%00 HTTP/1.0\r\n\r\n",                       name => 'a zero');
any(400, "GET /%zz HTTP/1.0\r\n\r\n",                       name => 'no hexadecimal');
any(400, "GET /../../etc/passwd HTTP/1.0\r\n\r\n",          name => 'above the root');
any(400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", name => 'a wrong length');
any(400, "\"\\\x00\x1f\x80 \xc3\xa9\xff{}[] HTTP/1.1\r\n\r\n", name => 'what JSON would mind');
any(414, 'GET /' . 'u' x 9000 . " HTTP/1.0\r\n\r\n",        name => 'a long URI');
any(400, "GET / HTTP/1.0\r\nX: " . 'h' x 9000 . "\r\n\r\n", name => 'a long header');
any(413, "POST /body HTTP/1.0\r\nContent-Length: 5000\r\n\r\n", name => 'a long body');
any(405, "TRACE / HTTP/1.0\r\n\r\n",                        name => 'TRACE');
any(200, "GET /\r\n",                                       name => 'HTTP/0.9', like => qr/^any/);
any(200, "FROB / HTTP/1.0\r\n\r\n",                         name => 'a method nobody knows');
any(200, "GET http://other.test/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", name => 'an absolute URI');
any(400, "GET / HTTP/1.0\r\nHost:\r\n\r\n",                 name => 'an empty Host');
any(408, "GET / HTTP/1.1\r\nHost: a\r\nX: ",                name => 'unfinished', like => 0);

any(400, "\r\n", name => 'next to nothing', like => 0, shutdown => 1);

# nothing at all is no event
close $t->send('', port => 4);

$any{499}++;
{
    my $s = $t->send("GET /slow HTTP/1.0\r\n\r\n", port => 4);
    ok($backend->hold, 'a client that will not wait');
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $s;
}

# ---- noise

{
    my @alphabet = map {chr} grep { $_ != 0 && $_ != 10 && $_ != 13 } 0 .. 255;
    my $noise    = sub ($n) { join '', map { $alphabet[rand @alphabet] } 1 .. $n };
    my $seed     = srand;

    for my $i (1 .. 200) {
        my $n = int rand 400;
        request("noise$i", ['/bytes', headers => [
            "X-H: x" . $noise->($n), "User-Agent: x" . $noise->($n), "Referer: x" . $noise->($n)]],
            sub ($p, @) { ok(exists $p->{h}, "noise, seed $seed") });
    }
}

# ---- all are there

ok($t->wait_rest, 'all events are on their way out');

my @other = $cases->take($ingest->raw_events);
$cases->check;

my %status;
$status{$_->{properties}{status}}++ for @other;
is_deeply(\%status, \%any, 'requests that are none have theirs, too') or diag(explain(\%status));

$t->done;
