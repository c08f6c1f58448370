#!/usr/bin/perl

# What $current_url begins with where the request does not say it: the host
# that nginx knows the server by, if that is a name.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Sys::Hostname qw(hostname);
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

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

    SERVERS

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

# ---- all of them

ok($t->wait_rest, 'all is delivered');
$cases->take($ingest->raw_events);
$cases->check;

$t->done;
