#!/usr/bin/perl

# What $current_url begins with where the request does not say it: the host
# that nginx knows the server by, if that is a name, and the scheme that it had
# before a proxy took the TLS away.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Sys::Hostname qw(hostname);
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

$t->tls;

# what server_name says => the host of it
my @names = (
    ['',                           undef],
    ['server_name "";',            undef],
    ['server_name here.test;',     'here.test'],
    ['server_name Here.TEST b.test;', 'here.test'],
    ['server_name my_host;',       'my_host'],
    ['server_name 127.0.0.1;',     '127.0.0.1'],
    ['server_name $hostname;',     lc hostname],
    ['server_name .example.com;',  'example.com'],
    ['server_name _;',             undef],
    ['server_name _ here.test;',   undef],
    ['server_name here.test _;',   'here.test'],
    ['server_name --;',            undef],
    ['server_name !@#;',           undef],
    ['server_name *.example.com;', undef],
    ['server_name www.example.*;', undef],
    ['server_name ~^(www\.)?x\.test$;',        undef],
    ['server_name "~^(?<sub>.+)\.(x|y)\.test$" here.test;', undef],
);

my $servers = join '', map {
    my $port = 10 + $_;
    "server { listen 127.0.0.1:%%PORT_$port%%; $names[$_][0] location / { return 200; } }\n"
} 0 .. $#names;

$t->conf(<<'EOF' =~ s/SERVERS/$servers/r)->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack          hit;
    mixtrack_property k $arg_k;

    map $http_x_forwarded_proto $protocol {
        https    "https:";
        default  "$scheme:";
    }

    SERVERS

    server {
        listen 127.0.0.1:%%PORT_1%%;
        listen 127.0.0.1:%%PORT_2%% ssl;

        ssl_certificate     %%TESTDIR%%/tls/good.crt;
        ssl_certificate_key %%TESTDIR%%/tls/good.key;

        mixtrack_property current_url_protocol $http_x_forwarded_proto;

        location / {
            return 200;
            location /map     { mixtrack_property current_url_protocol $protocol; return 200; }
            location /https   { mixtrack_property current_url_protocol https; return 200; }
            location /https:  { mixtrack_property current_url_protocol https:; return 200; }
            location /http    { mixtrack_property current_url_protocol http; return 200; }
            location /empty   { mixtrack_property current_url_protocol ""; return 200; }
            location /off     { mixtrack_property current_url_protocol off; return 200; }
            location /if      { mixtrack_property current_url_protocol $http_x_forwarded_proto if=$arg_if; return 200; }
            location /number  { mixtrack_property current_url_protocol 5 type=number; return 200; }
            location /minimal {
                mixtrack_properties minimal;
                mixtrack_property   current_url_protocol https;
                return 200;
            }
        }
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        mixtrack off;
        %%STATUS%%
    }
}
EOF

my $cases = Mixtrack::Cases->new($t);

my @parts = qw($current_url current_domain current_url_path current_url_search current_url_protocol);

sub parts ($p) { return {map { $_ => $p->{$_} } @parts} }

# ---- the host

for my $i (0 .. $#names) {
    my ($name, $host) = @{$names[$i]};

    for my $sent ('', 'sent.test') {
        my $head   = $sent ? "Host: $sent\r\n" : '';
        my $domain = $sent || $host;
        my $k      = "$i-$sent";

        $cases->request($k, sub { $t->http("GET /a?k=$k HTTP/1.0\r\n$head\r\n", port => 10 + $i) }, sub ($p, @) {
            is_deeply(parts($p), {
                '$current_url'       => defined $domain ? "http://$domain/a?k=$k" : undef,
                current_domain       => $domain,
                current_url_path     => '/a',
                current_url_search   => "?k=$k",
                current_url_protocol => 'http:',
            }, join ', ', $name || 'no server_name', $sent ? 'and Host' : ());
        });
    }
}

# ---- the scheme; what is hidden remains so

my $n = 0;

sub scheme ($uri, $proto, $scheme, $protocol, %o) {
    my $k    = 'scheme-' . ++$n;
    my $args = "k=$k&if=" . ($o{if} // '') . '&token=';
    my @head = ('Host: a.test', defined $proto ? "X-Forwarded-Proto: $proto" : ());
    my $at   = $o{tls} ? 'https://127.0.0.1:' . $t->port(2) : 'http://127.0.0.1:' . $t->port(1);

    $cases->request($k, sub {
        system('curl', '-sSk', '-m', 10, (map { ('-H', $_) } @head), "$at$uri?${args}hush") == 0 or die "curl: $?\n";
    }, sub ($p, @) {
        is_deeply(
            [@$p{qw($current_url current_url_search current_url_protocol)}],
            [$scheme ? ("$scheme://a.test$uri?${args}REDACTED", "?${args}REDACTED") : (undef, undef), $protocol],
            "$uri, " . ($proto // 'nothing') . ($o{tls} ? ', TLS' : '')
        );
    });
}

for my $tls (0, 1) {
    my $own = $tls ? 'https' : 'http';
    my @tls = (tls => $tls);

    scheme('/', $_, 'https', $_, @tls) for qw(https https: HTTPS Https:);
    scheme('/', $_, 'http',  $_, @tls) for qw(http http: HTTP);
    scheme('/', $_, $own,    $_, @tls)
        for qw(httpss httpx ttps htt h : :: https:: ftp wss javascript: https://evil.test/), 'https, http', 'x' x 255;
    scheme('/', $_, $own, undef, @tls) for undef, '';

    scheme('/map',    'https', 'https', 'https:', @tls);
    scheme('/map',    $_, $own, "$own:", @tls) for undef, 'ftp';
    scheme('/https',  undef,   'https', 'https',  @tls);
    scheme('/https:', undef,   'https', 'https:', @tls);
    scheme('/http',   'https', 'http',  'http',   @tls);
    scheme('/empty',  'https', $own,    undef,    @tls);
    scheme('/off',    'https', $own,    undef,    @tls);
    scheme('/number', 'https', $own,    5,        @tls);
    scheme('/if', 'https', 'https', 'https', @tls, if => 1);
    scheme('/if', $tls ? 'http' : 'https', $own, undef, @tls, if => $_) for '', 0;
}
scheme('/minimal', undef, undef, 'https');

# ---- all of them

ok($t->wait_rest, 'all is delivered');
$cases->take($ingest->raw_events);
$cases->check;

$t->done;
