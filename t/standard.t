#!/usr/bin/perl

# The standard properties, each by what it is made of; who is in a sample;
# and that a request is one event or none, whatever becomes of it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::IP;
use Socket qw(SO_LINGER SOL_SOCKET);
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);
my $built   = qx($t->{binary} -V 2>&1);
my $ipv6    = !!IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

$t->tls;

my $conf = <<'EOF';
%%GLOBALS%%

worker_processes 2;

events { }

http {
    %%GLOBALS_HTTP%%

    proxy_cache_path %%TESTDIR%%/cache keys_zone=cache:1m;
    proxy_cache_key  $uri;

    map $http_x_map $map { default 0; yes 1; }

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     8m;
        batch    interval=50ms;
    }

    mixtrack_project "other" {
        token    OTHER;
        endpoint %%INGEST_9%%;
        zone     2m;
        batch    interval=50ms;
    }

    mixtrack_property k $arg_k;
    mixtrack_redact_args off;

    upstream dead_first {
        server 127.0.0.1:%%PORT_7%% max_fails=0;
        server 127.0.0.1:%%PORT_8%% backup;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% ssl http2;
        IPV6 listen [::1]:%%PORT_0%%;
        server_name here.test;

        ssl_certificate     %%TESTDIR%%/tls/good.crt;
        ssl_certificate_key %%TESTDIR%%/tls/good.key;
        ssl_protocols       TLSv1.2 TLSv1.3;

        %%STATUS%%

        mixtrack "Page View";
        location / { return 200 "standard\n"; }

        location /nowhere { mixtrack off; alias %%TESTDIR%%/file.html; }
        location /file    { alias %%TESTDIR%%/file.html; }

        location /minimal { mixtrack_properties minimal; return 200; }

        location /override {
            mixtrack_property $browser      own;
            mixtrack_property $os           off;
            mixtrack_property $device       "";
            mixtrack_property utm_source    "own $arg_utm_source";
            mixtrack_property gclid         off;
            mixtrack_property mp_lib        "edge";
            mixtrack_property $lib_version  off;
            mixtrack_property bytes_sent    $bytes_sent;
            mixtrack_property status        "$status!";
            mixtrack_property $referrer     "from $http_referer";
            mixtrack_property http_version  off;
            location /override/again {
                mixtrack_property $os          again;
                mixtrack_property utm_source   off;
                mixtrack_property $browser     $mixtrack_browser;
                mixtrack_property http_version $server_protocol;
                return 200;
            }
            return 200;
        }

        location /if {
            mixtrack_properties minimal;
            mixtrack_property always   yes if=1;
            mixtrack_property never    yes if=0;
            mixtrack_property arg      yes if=$arg_if;
            mixtrack_property text     $arg_text "if=$arg_if$arg_else";
            mixtrack_property number   5 if=$arg_if type=number;
            mixtrack_property mapped   yes if=$map;
            mixtrack_property failed   yes if=$is_args$arg_fails;
            return 200;
        }

        # several of a request
        location /several {
            mixtrack A;
            mixtrack B project=other if=$arg_b;
            mixtrack C if=$arg_c;
            mixtrack D project=other;
            mixtrack E sample=100%;
            return 200;
        }

        # what is behind
        location /upstream { proxy_pass http://127.0.0.1:%%PORT_6%%; }
        location /slow     { proxy_pass http://127.0.0.1:%%PORT_8%%; }
        location /refused  { proxy_pass http://127.0.0.1:%%PORT_7%%; }
        location /second   { proxy_pass http://dead_first; }
        location /cache {
            proxy_cache           cache;
            proxy_cache_bypass    $arg_bypass;
            proxy_no_cache        $arg_bypass;
            proxy_cache_use_stale http_500 updating;
            proxy_set_header      X-Fail $arg_fail;
            proxy_pass            http://127.0.0.1:%%PORT_6%%;

            location /cache/revalidated {
                proxy_cache_revalidate on;
                proxy_pass http://127.0.0.1:%%PORT_6%%;
            }
            location /cache/background {
                proxy_cache_background_update on;
                proxy_pass http://127.0.0.1:%%PORT_6%%;
            }
        }
        location /peek {
            mixtrack         off;
            add_header       X-Cache $upstream_cache_status;
            proxy_cache      cache;
            proxy_cache_key  /cache/background;
            proxy_cache_use_stale updating;
            proxy_pass       http://127.0.0.1:%%PORT_6%%/cache/background;
        }
    }

    # who is in a sample
    server {
        listen 127.0.0.1:%%PORT_2%%;
        keepalive_requests 10000;
        set_real_ip_from   127.0.0.1;
        real_ip_header     X-Real-IP;

        mixtrack_properties minimal;

        location /user {
            mixtrack_user_id   $arg_u;
            mixtrack_device_id $arg_d;
            mixtrack "S 0.5" sample=0.5%;
            mixtrack "S 10"  sample=10%;
            mixtrack "S 50"  sample=50%;
            mixtrack "S 90"  sample=90%;
            mixtrack "S 100" sample=100%;
            mixtrack "S if"  sample=50% if=$arg_if;
            return 204;
        }

        location /nobody {
            mixtrack_property ua $http_user_agent;
            mixtrack_property ra $remote_addr;
            mixtrack "S 50"  sample=50%;
            mixtrack "S 100";
            return 204;
        }
    }

    # one event or none
    server {
        listen 127.0.0.1:%%PORT_3%%;
        listen 127.0.0.1:%%PORT_4%% ssl http2;

        ssl_certificate     %%TESTDIR%%/tls/good.crt;
        ssl_certificate_key %%TESTDIR%%/tls/good.key;

        client_header_timeout       500ms;
        client_body_timeout         500ms;
        client_header_buffer_size   512;
        large_client_header_buffers 2 1k;
        keepalive_timeout           2s;
        log_subrequest              on;

        mixtrack "Server";
        mixtrack_properties minimal;
        mixtrack_property request $request;
        mixtrack_property status  $status type=number;
        mixtrack_property version $server_protocol;

        location / { mixtrack Slash; return 200 "slash\n"; }

        location /part     { mixtrack Part; return 200 "part\n"; }
        location /dropped  { return 444; }
        location /if       { mixtrack Outside; if ($arg_go) { mixtrack Inside; return 200; } return 404; }
        location /socket   { mixtrack Socket; mixtrack_property time_taken $request_time type=number; proxy_http_version 1.1;
                             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:%%PORT_8%%; }
        location /body     { mixtrack Body; client_max_body_size 1k; proxy_pass http://127.0.0.1:%%PORT_6%%/untracked; }
        location /slow     { mixtrack Slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }

        location /ssi      { mixtrack SSI; ssi on; ssi_types *; alias %%TESTDIR%%/ssi.html; }
        location /auth     { mixtrack Auth; auth_request /part; return 200; try_files /file.html =404; }
        location /denied   { mixtrack Denied; auth_request /deny; try_files /file.html =404; }
        location /deny     { mixtrack Deny; return 403; }
        location /mirror   { mixtrack Mirror; mirror /part; mirror /deny; try_files /file.html =404; }
        ADDITION location /addition { mixtrack Addition; add_before_body /part; add_after_body /part; addition_types *; try_files /file.html =404; }
        SLICE location /slice { mixtrack Slice; slice 4; proxy_set_header Range $slice_range; proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%PORT_6%%/file; }

        location /rewrite  { mixtrack Rewrite; rewrite ^ /rewritten last; }
        location /rewritten { mixtrack Rewritten; return 200; }
        location /cycle    { mixtrack Cycle; rewrite ^ /cycle last; }
        location /try      { mixtrack Try; try_files /none /none2 /rewritten; }
        location /named    { mixtrack Named; try_files /none @named; }
        location @named    { mixtrack At; return 200; }
        location /silent   { mixtrack Silent; try_files /none @silent; }
        location @silent   { mixtrack off; return 200; }
        location /found    { mixtrack off; try_files /none @named; }
        location /error    { mixtrack Error; error_page 404 /page; return 404; }
        location /page     { mixtrack Page; return 200 "page\n"; }
        location /inherit  { mixtrack Inherit; error_page 404 /here; return 404; }
        location /here     { internal; return 200 "here\n"; }
        location /error-named { mixtrack Error; error_page 502 @named; proxy_pass http://127.0.0.1:%%PORT_7%%; }
        location /errors   { mixtrack Errors; error_page 404 /deny2; recursive_error_pages on; return 404; }
        location /deny2    { mixtrack Deny2; error_page 403 /page; recursive_error_pages on; return 403; }
        location /elsewhere { mixtrack Elsewhere; error_page 404 http://elsewhere.test/; return 404; }
        location /accel    { mixtrack Accel; proxy_pass http://127.0.0.1:%%PORT_6%%; }
        location /accel-named { mixtrack Accel; proxy_pass http://127.0.0.1:%%PORT_6%%; }
        location /no       { mixtrack No if=0; error_page 404 /page; return 404; }
        location /off      { mixtrack off; return 404; }
        location /off-error { mixtrack off; error_page 404 /page; return 404; }
        location /page-off { mixtrack Error; error_page 404 /off; return 404; }
    }

    # no location is looked for
    server {
        listen 127.0.0.1:%%PORT_5%%;

        mixtrack Returned;
        mixtrack_properties minimal;
        mixtrack_property request $request;
        mixtrack_property status  $status type=number;

        if ($arg_gone) { return 410; }
        return 403;
    }

    server {
        listen 127.0.0.1:%%PORT_6%%;
        mixtrack off;

        location / { return 200 "upstream\n"; }
        location /file { alias %%TESTDIR%%/file.html; }
        location = /accel { add_header X-Accel-Redirect /page; return 200; }
        location = /accel-named { add_header X-Accel-Redirect @named; return 200; }

        location /cache {
            if ($http_x_fail) { return 500; }
            add_header Cache-Control "max-age=1, stale-while-revalidate=1000";
            return 200 "cached\n";

            location /cache/none        { return 200 "none\n"; }
            location /cache/expired     { expires 1s; return 200 "expired\n"; }
            location /cache/revalidated { expires 1s; alias %%TESTDIR%%/file.html; }
            location /cache/stale {
                if ($http_x_fail) { return 500; }
                expires 1s;
                return 200 "stale\n";
            }
        }
    }
}
EOF

# what not every nginx is built with
my %has = (IPV6 => $ipv6, map { uc $_ => $built =~ /--with-http_${_}_module/ } qw(addition slice));
$t->conf($conf =~ s/^( +)(IPV6|ADDITION|SLICE) /$1 . ($has{$2} ? '' : '#')/gemr);
$t->write_file('file.html', "file of 17 bytes\n");
$t->write_file('ssi.html', qq{<!--#include virtual="/part" --><!--#include virtual="/part" wait="yes" -->} . "\n");
$t->run;

my $cases = Mixtrack::Cases->new($t);
my $host  = 'localhost:' . $t->port(0);
my $ca    = $t->ca;

sub request (@how) { $cases->request(@how) }

# all of the properties, those that are always others apart
sub whole ($p, %want) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    like($p->{time}, qr/^\d{13}\z/, 'time');
    like($p->{'$insert_id'}, qr/^[0-9a-f]{33}(?:-\d+)?\z/, '$insert_id');
    like($p->{request_time}, qr/^[0-9.]+\z/, 'request_time');
    like($p->{bytes_sent}, qr/^\d+\z/, 'bytes_sent');

    my %p = %$p;
    delete @p{qw(time $insert_id request_time bytes_sent upstream_response_time k)};

    my %always = (token => 'TOKEN', distinct_id => '', ip => '127.0.0.1', mp_lib => 'nginx', '$lib_version' => $t->{status}{version},
        method => 'GET', status => 200, http_version => '1.1', current_url_protocol => 'http:');
    my %all = (%always, %want);
    delete @all{grep { !defined $all{$_} } keys %all};
    is_deeply(\%p, \%all, 'all properties');
}

$t->status;

# ---- what each is made of

my %bytes;

$bytes{plain} = length request('plain', '/', sub ($p, $e, $raw) {
    whole($p, '$current_url' => "http://$host/?k=plain", current_domain => 'localhost', current_url_path => '/',
        current_url_search => '?k=plain');
    is($p->{bytes_sent}, $bytes{plain}, 'bytes_sent is all that was sent');
    like($raw, qr/"bytes_sent":\d+[,}]/, 'and a number');
    like($raw, qr/"http_version":"1\.1"[,}]/, 'http_version is a string');
});

request('full', sub {
    $bytes{full} = length $t->get(
        '/a/b.html?k=full&utm_source=news&gclid=G1',
        host    => 'www.example.com:8443',
        headers => [
            'User-Agent: Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) '
                . 'Version/12.1.2 Mobile/15E148 Safari/604.1',
            'Referer: https://user:pass@www.google.com/search?q=nginx+analytics&x=%20',
        ]
    );
}, sub ($p, $e, $raw) {
    whole($p,
        '$current_url'      => 'http://www.example.com:8443/a/b.html?k=full&utm_source=news&gclid=G1',
        current_domain      => 'www.example.com',
        current_url_path    => '/a/b.html',
        current_url_search  => '?k=full&utm_source=news&gclid=G1',
        '$referrer'         => 'https://www.google.com/search?q=nginx+analytics&x=%20',
        '$referring_domain' => 'www.google.com',
        '$search_engine'    => 'google',
        mp_keyword          => 'nginx analytics',
        '$browser'          => 'Mobile Safari',
        '$browser_version'  => '12.1',
        '$os'               => 'iOS',
        '$device'           => 'iPad',
        utm_source          => 'news',
        gclid               => 'G1',
    );
    like($raw, qr/"\$browser_version":12\.1[,}]/, 'the version is a number, as the SDK\'s');
    is($p->{bytes_sent}, $bytes{full}, 'bytes_sent');
});

# the port is of $current_url, the domain is without it
for my $case (
    ['host-upper',  'WWW.Example.COM', 'WWW.Example.COM', 'WWW.Example.COM'],
    ['host-port',   'a.test:1',        'a.test:1',        'a.test'],
    ['host-dot',    'a.test.:80',      'a.test.:80',      'a.test.'],
    ['host-ipv4',   '192.0.2.1:8080',  '192.0.2.1:8080',  '192.0.2.1'],
    ['host-ipv6',   '[2001:db8::1]',   '[2001:db8::1]',   '[2001:db8::1]'],
    ['host-ipv6-port', '[::1]:8080',   '[::1]:8080',      '[::1]'],
) {
    my ($name, $sent, $authority, $domain) = @$case;
    request($name, ['/', host => $sent], sub ($p, @) {
        is($p->{'$current_url'}, "http://$authority/?k=$name", '$current_url');
        is($p->{current_domain}, $domain, 'current_domain');
    });
}
request('host-none', sub { $t->http("GET /?k=host-none HTTP/1.0\r\n\r\n") }, sub ($p, @) {
    whole($p, '$current_url' => 'http://here.test/?k=host-none', current_domain => 'here.test', current_url_path => '/',
        current_url_search => '?k=host-none', http_version => '1.0');
});
request('version-1.2', sub { $t->http("GET /?k=version-1.2 HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\n") }, sub ($p, @) {
    whole($p, '$current_url' => 'http://a/?k=version-1.2', current_domain => 'a', current_url_path => '/',
        current_url_search => '?k=version-1.2', http_version => undef);
});
request('absolute-query', sub {
    $t->http("GET http://other.test?k=absolute-query&y=b/c?d HTTP/1.1\r\nHost: header.test\r\nConnection: close\r\n\r\n");
}, sub ($p, @) {
    is($p->{'$current_url'}, 'http://other.test?k=absolute-query&y=b/c?d', 'an absolute URI without a path');
    is($p->{current_url_search}, '?k=absolute-query&y=b/c?d', 'its search');
    is($p->{current_url_path}, undef, 'and it has none');
});
request('host-absolute', sub {
    $t->http("GET http://other.test:81/x?k=host-absolute HTTP/1.1\r\nHost: header.test\r\nConnection: close\r\n\r\n");
}, sub ($p, @) {
    is($p->{'$current_url'}, 'http://other.test:81/x?k=host-absolute', 'an absolute URI is before Host');
    is($p->{current_domain}, 'other.test', 'current_domain');
    is($p->{current_url_path}, '/x', 'current_url_path');
});

SKIP: {
    skip 'no IPv6 loopback', 1 if !$ipv6;
    request('ipv6', ['/', addr => '::1', host => '[::1]:' . $t->port(0)], sub ($p, @) {
        whole($p, ip => '::1', '$current_url' => 'http://[::1]:' . $t->port(0) . '/?k=ipv6', current_domain => '[::1]',
            current_url_path => '/', current_url_search => '?k=ipv6');
    });
    pass('IPv6');
}

# the URL as it was sent, and its parts
for my $case (
    ['encoded',  '/%41%20%c3%a9/./x/../b%2Fc?k=%s', '/%41%20%c3%a9/./x/../b%2Fc', '?k=%s'],
    ['slashes',  '//a///b?k=%s',       '//a///b', '?k=%s'],
    ['question', '/a?k=%s&b?c&d=e?f',  '/a',      '?k=%s&b?c&d=e?f'],
    ['fragment', '/a?k=%s#b',          '/a',      '?k=%s'],
    ['empty',    '/a?k=%s&',           '/a',      '?k=%s&'],
    ['bytes',    "/\xc3\xa9?k=%s&\xff", "/\x{e9}", "?k=%s&\x{fffd}"],
) {
    my ($name, @want) = @$case;
    s/%s/url-$name/ for @want;
    my ($uri, $path, $search) = @want;
    request("url-$name", sub { $t->get($uri) }, sub ($p, @) {
        is($p->{current_url_path}, $path, 'current_url_path');
        is($p->{current_url_search}, $search, 'current_url_search');
        like($p->{'$current_url'}, qr{^\Qhttp://$host$path$search\E}, '$current_url');
    });
}

# a long one is cut, and its parts are whole
my ($path, $query) = ('/' . 'p' x 200, '&q=' . 'q' x 200);
request('long', [$path, args => "$query&utm_campaign=" . 'c' x 250 . '&utm_term=end'], sub ($p, @) {
    is($p->{'$current_url'}, substr("http://$host$path?k=long$query", 0, 255), '$current_url is cut at 255 bytes');
    is($p->{current_url_path}, $path, 'current_url_path is whole');
    is($p->{current_url_search}, substr("?k=long$query&utm_campaign=" . 'c' x 250, 0, 255), 'current_url_search is cut by itself');
    is($p->{utm_campaign}, 'c' x 250, 'an argument is whole behind all that was cut');
    is($p->{utm_term}, 'end', 'and the next');
    is($p->{current_domain}, 'localhost', 'current_domain');
});
request('long-path', ['/' . 'p' x 300, args => '&utm_source=s'], sub ($p, @) {
    is($p->{current_url_path}, '/' . 'p' x 254, 'a longer path is cut');
    is($p->{current_url_search}, '?k=long-path&utm_source=s', 'but not its query');
    is($p->{utm_source}, 's', 'nor its arguments');
});
request('long-arg', ['/', args => '&utm_source=' . '%C3%A9' x 200], sub ($p, @) {
    is($p->{utm_source}, "\x{e9}" x 127, 'an argument is cut on a character, decoded');
});

# campaigns and clicks
my @utm   = qw(utm_source utm_medium utm_campaign utm_content utm_term utm_id utm_source_platform utm_campaign_id
    utm_creative_format utm_marketing_tactic);
my @click = qw(dclid fbclid gclid ko_click_id li_fat_id msclkid sccid ttclid twclid wbraid);

request('campaign', ['/', args => join '', map {"&$_=of+$_%21"} @utm, @click], sub ($p, @) {
    is_deeply({map { $_ => $p->{$_} } @utm, @click}, {map { $_ => "of $_!" } @utm, @click}, 'all utm_* and click ids');
});
request('campaign-none', ['/', args => '&utm_source=&gclid&UTM_MEDIUM=a&utm_sources=b&xutm_term=c&gbraid=d'], sub ($p, @) {
    is_deeply([grep { exists $p->{$_} } @utm, @click, qw(UTM_MEDIUM utm_sources xutm_term gbraid)], [],
        'neither the empty nor others');
});
request('campaign-odd', ['/', args => '&utm_source=%zz&utm_medium=%C3&utm_term=a%22%5C&utm_term=b&utm_id=a=b'], sub ($p, @) {
    is($p->{utm_source}, '%zz', 'what cannot be decoded stays as it is');
    is($p->{utm_medium}, '%C3', 'no UTF-8 neither');
    is($p->{utm_term}, 'a"\\', 'the first of two');
    is($p->{utm_id}, 'a=b', 'all behind the first =');
});
request('campaign-redirected', sub {
    $t->get('/rewrite?k=campaign-redirected&utm_source=s', port => 3);
});

# where from
for my $case (
    ['site',        'https://other.test/a?b=c', 'https://other.test/a?b=c', 'other.test'],
    ['port',        'http://other.test:8080',   'http://other.test:8080',   'other.test:8080'],
    ['user',        'http://u:p@other.test/',   'http://other.test/',       'other.test'],
    ['ipv6',        'http://[::1]:80/x',        'http://[::1]:80/x',        '[::1]:80'],
    ['word',        'foo',                      'foo',                      undef],
    ['app',         'android-app://com.app/',   'android-app://com.app/',   'com.app'],
    ['google',      'https://www.google.de/search?q=a%20b', 'https://www.google.de/search?q=a%20b', 'www.google.de', 'google', 'a b'],
    ['google-none', 'https://www.google.com/',  'https://www.google.com/',  'www.google.com', 'google'],
    ['bing',        'https://www.bing.com/search?q=c%C3%A9', 'https://www.bing.com/search?q=c%C3%A9', 'www.bing.com', 'bing', "c\x{e9}"],
    ['yahoo',       'https://search.yahoo.com/search?p=d&q=e', 'https://search.yahoo.com/search?p=d&q=e', 'search.yahoo.com', 'yahoo', 'd'],
    ['duckduckgo',  'https://duckduckgo.com/?q=f+g', 'https://duckduckgo.com/?q=f+g', 'duckduckgo.com', 'duckduckgo', 'f g'],
    ['q-elsewhere', 'https://other.test/?q=a',  'https://other.test/?q=a',  'other.test'],
    ['long',        'https://other.test/' . 'r' x 300, 'https://other.test/' . 'r' x 236, 'other.test'],
) {
    my ($name, $sent, $referrer, $domain, $engine, $keyword) = @$case;
    request("referrer-$name", ['/', headers => ["Referer: $sent"]], sub ($p, @) {
        is($p->{'$referrer'}, $referrer, '$referrer');
        is($p->{'$referring_domain'}, $domain, '$referring_domain');
        is($p->{'$search_engine'}, $engine, '$search_engine');
        is($p->{mp_keyword}, $keyword, 'mp_keyword');
    });
}
request('referrer-empty', ['/', headers => ['Referer:']], sub ($p, @) {
    is_deeply([grep {/referr|search_engine|keyword/} keys %$p], [], 'an empty one is none');
});

# what the answer was
request('not-found', '/file/none', sub ($p, @) { is($p->{status}, 404, 'status') });
request('not-modified', ['/file', headers => ['If-Modified-Since: ' . ($t->get('/nowhere') =~ /^Last-Modified: (.*?)\r/m)[0]]],
    sub ($p, @) { is($p->{status}, 304, 'status') });
request('method', sub {
    $t->http("POST /upstream?k=method HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
}, sub ($p, @) { is($p->{method}, 'POST', 'method'); is($p->{status}, 200, 'status') });

# ---- TLS and HTTP/2

sub curl ($name, $version, @args) {
    my $url = 'https://localhost:' . $t->port(1) . "/tls?k=$name";
    return sub {
        open my $out, '-|', 'curl', '-sS', '-m', 10, '--cacert', $ca, '-A', 'curl/8', '-o', '/dev/null', '-w',
            '%{http_version} %{http_code}', @args, $url or die "curl: $!";
        local $/;
        is(scalar(<$out>), "$version 200", "$name: by HTTP/$version");
    };
}

for my $case (
    ['https-1.2', '1.1', 'TLSv1.2', '--http1.1', '--tlsv1.2', '--tls-max', '1.2'],
    ['https-1.3', '1.1', 'TLSv1.3', '--http1.1', '--tlsv1.3'],
    ['http2-1.2', '2',   'TLSv1.2', '--http2',   '--tlsv1.2', '--tls-max', '1.2'],
    ['http2-1.3', '2',   'TLSv1.3', '--http2',   '--tlsv1.3'],
) {
    my ($name, $version, $tls, @args) = @$case;
    request($name, curl($name, $version, @args), sub ($p, @) {
        whole($p, '$current_url' => 'https://localhost:' . $t->port(1) . "/tls?k=$name", current_domain => 'localhost',
            current_url_path => '/tls', current_url_search => "?k=$name", current_url_protocol => 'https:',
            http_version => $version, tls_version => $tls);
    });
}

# ---- upstream and cache

sub upstream ($p, $raw, $status) {
    if (defined $status) {
        is($p->{upstream_cache_status}, $status, 'upstream_cache_status');
    }
    else {
        ok(!exists $p->{upstream_cache_status}, 'no upstream_cache_status');
    }
    like($raw, qr/"upstream_response_time":\d+\.\d{3}[,}]/, 'upstream_response_time is a number of seconds');
}

request('upstream', '/upstream', sub ($p, $e, $raw) { upstream($p, $raw, undef) });
request('upstream-none', '/', sub ($p, @) {
    is_deeply([grep {/upstream/} keys %$p], [], 'nothing of an upstream where there is none');
});
for my $case (['slow', '/slow', 'a slow upstream'], ['second', '/second', 'a slow one behind one that is dead']) {
    my ($name, $uri, $what) = @$case;
    request("upstream-$name", sub {
        my $s = $t->send("GET $uri?k=upstream-$name HTTP/1.0\r\n\r\n");
        ok($backend->hold, $what);
        sleep 0.4;
        $backend->release;
        like($t->read($s), qr/late/, 'answers');
    }, sub ($p, $e, $raw) {
        upstream($p, $raw, undef);
        is($p->{status}, 200, 'status');
        cmp_ok($p->{upstream_response_time}, '>=', 0.35, 'and so long it took');
        cmp_ok($p->{upstream_response_time}, '<=', $p->{request_time} + 0.01, 'no longer than the request');
    });
}
request('upstream-refused', '/refused', sub ($p, $e, $raw) { upstream($p, $raw, undef); is($p->{status}, 502, 'status') });

sub cached ($name, $uri, $args, $status, $asks) {
    request("cache-$name", [$uri, args => $args], sub ($p, $e, $raw) {
        is($p->{status}, 200, 'status');
        return upstream($p, $raw, $status) if $asks;
        is($p->{upstream_cache_status}, $status, 'upstream_cache_status');
        ok(!exists $p->{upstream_response_time}, 'nobody was asked');
    });
}

cached('miss',   '/cache/one', '', 'MISS', 1);
cached('hit',    '/cache/one', '', 'HIT',  0);
cached('bypass', '/cache/one', '&bypass=1', 'BYPASS', 1);

cached("$_-miss", "/cache/$_", '', 'MISS', 1) for qw(expired revalidated stale background);

# they are good for one second, and nginx counts whole ones
my $old = time + 2;
wait_until(sub { time > $old }, 5);
cached('expired',     '/cache/expired',     '',        'EXPIRED', 1);
cached('revalidated', '/cache/revalidated', '',        'REVALIDATED', 1);
cached('stale',       '/cache/stale',       '&fail=1', 'STALE', 1);
cached('background',  '/cache/background',  '',        'STALE', 0);
ok(wait_until(sub { $t->get('/peek') =~ /^X-Cache: HIT/m }, 5),
    'and what was asked for in the background is no event');

# ---- minimal, by name, if=

request('minimal', ['/minimal', args => '&utm_source=a', headers => ['Referer: http://r.test/', 'User-Agent: x']], sub ($p, @) {
    is_deeply([sort keys %$p], [sort qw(token time $insert_id distinct_id ip k)], 'what the API requires, and no more');
});

my @browser = ('User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36');

request('override', ['/override', args => '&utm_source=a&gclid=b&utm_term=c', headers => [@browser, 'Referer: http://r.test/']], sub ($p, $e, $raw) {
    whole($p, '$current_url' => "http://$host/override?k=override&utm_source=a&gclid=b&utm_term=c", current_domain => 'localhost',
        current_url_path => '/override', current_url_search => '?k=override&utm_source=a&gclid=b&utm_term=c', '$browser' => 'own',
        '$browser_version' => 124, utm_source => 'own a', utm_term => 'c', mp_lib => 'edge', '$lib_version' => undef,
        http_version => undef, status => '200!', '$referrer' => 'from http://r.test/', '$referring_domain' => 'r.test');
    like($raw, qr/"bytes_sent":"\d+"/, 'of its own type');
    for my $name (qw($browser utm_source mp_lib status bytes_sent $referrer)) {
        is(scalar(() = $raw =~ /"\Q$name\E":/g), 1, "$name is there once");
    }
});
request('override-again', ['/override/again', args => '&utm_source=a&gclid=b', headers => \@browser], sub ($p, @) {
    is_deeply({map { $_ => $p->{$_} } grep { /^\$os|^\$browser$|source|gclid|http_version|mp_lib|\$device/ } keys %$p},
        {'$os' => 'again', '$browser' => 'Chrome', http_version => 'HTTP/1.1', mp_lib => 'edge'}, 'one level below');
});

for my $case (
    ['none', '', [], [qw(always failed)]],
    ['arg',  '&if=1&text=t', [], [qw(always arg text number failed)]],
    ['zero', '&if=0&text=t', [], [qw(always failed)]],
    ['00',   '&if=00&text=t', [], [qw(always arg text number failed)]],
    ['else', '&else=x&text=t', [], [qw(always text failed)]],
    ['both zero', '&if=0&else=0&text=t', [], [qw(always text failed)]],
    ['no text', '&if=1', [], [qw(always arg number failed)]],
    ['map',  '', ['X-Map: yes'], [qw(always mapped failed)]],
    ['no map', '', ['X-Map: no'], [qw(always failed)]],
) {
    my ($name, $args, $headers, $want) = @$case;
    request('if-' . $name =~ tr/ /-/r, ['/if', args => $args, headers => $headers], sub ($p, @) {
        is_deeply([sort grep { !/^(?:token|time|\$insert_id|distinct_id|ip|k)$/ } keys %$p], [sort @$want], 'if= of properties');
    });
}

# ---- several events

request('several', ['/several', args => '&c=1'], undef, 4);
request('several-b', ['/several', args => '&b=1'], undef, 4);

# ---- samples

# through one connection, as many at once as nginx has read
sub pipeline (@requests) {
    my $s = $t->send('', port => 2);

    while (my @some = splice @requests, 0, 50) {
        my $got = '';
        syswrite $s, join '', map { my ($uri, @head) = @$_; join "\r\n", "GET $uri HTTP/1.1", 'Host: a', @head, '', '' } @some;
        wait_until(sub { sysread $s, $got, 65536, length $got; @some == (() = $got =~ m{^HTTP/1\.1 204}gm) })
            or die "pipeline: $got\n";
    }
    close $s;
}

my %skipped = %{$t->status('default')->{skipped}};

pipeline(map { ["/user?k=s-user&u=user-$_"] } 1 .. 2000);
pipeline(map { ["/user?k=s-again&u=user-$_"] } reverse 1 .. 2000);
pipeline(map { ["/user?k=s-device&u=&d=device-$_&if=1"] } 1 .. 500);
pipeline(map { ["/user?k=s-device-user&u=user-$_&d=device-$_"] } 1 .. 500);
pipeline(map { ["/user?k=s-cookie", 'Cookie: mp_TOKEN_mixpanel=' . "%7B%22distinct_id%22%3A%22user-$_%22%2C%22%24user_id%22%3A%22user-$_%22%7D"] } 1 .. 500);
pipeline(map { ["/nobody?k=s-agent", "User-Agent: agent $_"] } 1 .. 500, 1 .. 500);
pipeline(map { ["/nobody?k=s-address", 'X-Real-IP: 192.0.' . int($_ / 250) . '.' . $_ % 250] } 1 .. 500, 1 .. 500);

ok($t->reload, 'a reload');
pipeline(map { ["/user?k=s-reload&u=user-$_"] } 1 .. 500);

# ---- one event or none

my %one;

# what comes of a request to the last server, and how often
sub one ($event, $status, $request, $how, %o) {
    my $n = $o{n} // 1;
    my $reply = ref $how ? $how->() : $t->http($how, port => 3);
    $one{"$event|$status|$request"} += $n if $n;
    return $reply;
}

sub get_one ($event, $status, $uri, %o) {
    my $reply = one($event, $status, "GET $uri HTTP/1.1", sub { $t->get($uri, port => 3) }, %o);
    is(($reply =~ m{^HTTP/1\.1 (\d+)})[0], $o{answer} // $status, "$uri: $status");
}

get_one('Slash',     200, '/');
get_one('SSI',       200, '/ssi');
get_one('Auth',      200, '/auth');
get_one('Denied',    403, '/denied');
get_one('Mirror',    200, '/mirror');
get_one('Addition',  200, '/addition') if $has{ADDITION};
get_one('Slice',     200, '/slice')    if $has{SLICE};
get_one('Rewritten', 200, '/rewrite');
get_one('Cycle',     500, '/cycle');
get_one('Rewritten', 200, '/try');
get_one('At',        200, '/named');
get_one('Silent',    200, '/silent', n => 0);
get_one('At',        200, '/found');
get_one('Page',      404, '/error');
get_one('Server',    404, '/inherit');
get_one('At',        502, '/error-named');
get_one('Page',      403, '/errors');
get_one('Elsewhere', 302, '/elsewhere');
get_one('Page',      200, '/accel');
get_one('At',        200, '/accel-named');
get_one('Page',      404, '/no');
get_one('Off',       404, '/off', n => 0);
get_one('Page',      404, '/off-error');
get_one('Off',       404, '/page-off', n => 0);
get_one('Part',      200, '/part');
get_one('Outside',   404, '/if');
get_one('Inside',    200, '/if?go=1');

like(one('Slash', 200, 'GET /10 HTTP/1.0', "GET /10 HTTP/1.0\r\n\r\n"), qr/slash/, 'HTTP/1.0');
like(one('Slash', 200, 'GET /09', "GET /09\r\n"), qr/^slash/, 'HTTP/0.9');
my $piped = one('Slash', 200, "GET /p HTTP/1.1", join('', map {"GET /p HTTP/1.1\r\nHost: a\r\n$_\r\n"} ('') x 4, "Connection: close\r\n"), n => 5);
is(scalar(() = $piped =~ m{^HTTP/1\.1 200}mg), 5, 'pipelined');

# no location was chosen, so it is the server's
like(one('Server', 400, 'GET /h HTTP/1.1', "GET /h HTTP/1.1\r\n\r\n"), qr/ 400 /, '400: no Host');
like(one('Server', 400, 'FROB', "FROB\r\n\r\n"), qr/ 400 /, '400: no request');
like(one('Server', 400, 'GET /b HTTP/1.0', "GET /b HTTP/1.0\r\nX: " . 'h' x 3000 . "\r\n\r\n"), qr/ 400 /, '400: a long header');
one('Server', 408, 'GET /t HTTP/1.1', "GET /t HTTP/1.1\r\nHost: a\r\nX: ");
like(one('Server', 414, 'GET /' . 'u' x 250, 'GET /' . 'u' x 3000 . " HTTP/1.0\r\n\r\n"), qr/ 414 /, '414: so it is answered');
like(one('Body', 413, 'POST /body HTTP/1.0', "POST /body HTTP/1.0\r\nContent-Length: 5000\r\n\r\n"), qr/ 413 /, '413: so it is answered');
is(one('Server', 444, 'GET /dropped HTTP/1.0', "GET /dropped HTTP/1.0\r\n\r\n"), '', '444: nothing is answered');
one('Slow', 499, 'GET /slow HTTP/1.0', sub {
    my $s = $t->send("GET /slow HTTP/1.0\r\n\r\n", port => 3);
    ok($backend->hold, '499: a client that does not wait');
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $s;
});
like(one('Server', 400, 'GET /tls HTTP/1.0', sub { $t->http("GET /tls HTTP/1.0\r\n\r\n", port => 4) }), qr/ 400 /, '400: plain HTTP for HTTPS');

# the server's own level has answered
for (['/', 403], ['/?gone=1', 410]) {
    my ($uri, $status) = @$_;
    like(one('Returned', $status, "GET $uri HTTP/1.0", sub { $t->http("GET $uri HTTP/1.0\r\n\r\n", port => 5) }), qr/ $status /,
        "return $status of a server");
}

# what is announced does not come; who asks does not wait for his own words
like(one('Body', 408, 'POST /body HTTP/1.0', "POST /body HTTP/1.0\r\nContent-Length: 100\r\n\r\nhalf"), qr/^(?:$|HTTP\S+ 408 )/,
    '408: a body that does not come');
one('Server', 400, 'GET /half HTTP/1.1', sub { $t->http("GET /half HTTP/1.1\r\nHost: a\r\nX: ", port => 3, shutdown => 1) });

# a connection that becomes another one is a request until it ends
my $opened = int(time * 1000);
one('Socket', 101, 'GET /socket HTTP/1.1', sub {
    my $s = $t->send("GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", port => 3);
    like($backend->hold, qr/^Upgrade: websocket\r$/m, 'a WebSocket is asked for');
    my $up = pop @{$backend->{held}};
    syswrite $up, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    my $got = '';
    ok(wait_until(sub { sysread $s, $got, 65536, length $got; $got =~ m{^HTTP/1.1 101 .*\r\n\r\n}s }, 5), 'and is there');
    my $open = time + 0.4;
    wait_until(sub { time > $open }, 5);
    syswrite $up, 'frames';
    close $up;
    like($got . $t->read($s), qr/frames\z/, 'until it ends');
});

# two streams of a connection
one('Slash', 200, "GET /h2 HTTP/2.0", sub {
    my $url = 'https://localhost:' . $t->port(4);
    is(system('curl', '-sS', '-m', 10, '--http2', '--cacert', $ca, '-o', '/dev/null', "$url/h2", '-o', '/dev/null', "$url/h2"), 0, 'HTTP/2');
}, n => 2);

# and one that is given up
one('Slow', 499, 'GET /slow HTTP/2.0', sub {
    my $curl = open my $out, '-|', 'curl', '-sS', '-m', 20, '--http2', '--cacert', $ca, 'https://localhost:' . $t->port(4) . '/slow'
        or die "curl: $!";
    ok($backend->hold, '499: nor over HTTP/2');
    kill 'KILL', $curl;
    close $out;
});

# no request at all
{
    my $s = $t->send("\x16\x03\x01\x00\x05hello\x15\x03\x01", port => 4);
    shutdown $s, 1;
    unlike($t->read($s), qr/HTTP/, 'a TLS handshake that fails');
}
close $t->send('', port => 3);
close $t->send('', port => 4);
{
    my $s = $t->send("GET /keepalive HTTP/1.1\r\nHost: a\r\n\r\n", port => 3);
    $one{'Slash|200|GET /keepalive HTTP/1.1'} = 1;
    like($t->read($s), qr/slash/, 'a connection that is closed for nothing more comes');
}

# ---- all are there

ok($t->wait_rest && $t->wait_rest(project => 'other'), 'all events are on their way out');

my @raw   = $ingest->raw_events;
my @other = $cases->take(@raw);

# those are not of one request each
my %sample;
for my $name (grep {/^s-/} keys %{$cases->{events}}) {
    $sample{$name} = delete $cases->{events}{$name};
}
$cases->{want}{'campaign-redirected'} = 1;

$cases->check;

my ($redirected) = $cases->events('campaign-redirected');
is($redirected->{event}, 'Rewritten', 'arguments are there after an internal redirect');

# several: the numbers go on over projects
my $numbers = sub ($name) {
    my @e = sort { $a->{event} cmp $b->{event} } $cases->events($name);
    my ($first) = map { $_->{properties}{'$insert_id'} =~ /^(\w+)/ } @e;
    return join ' ', map { "$_->{event}$_->{properties}{token}" . ($_->{properties}{'$insert_id'} =~ s/^\Q$first\E//r) } @e;
};
is($numbers->('several'),   'ATOKEN CTOKEN-2 DOTHER-3 ETOKEN-4', 'several events of two projects');
is($numbers->('several-b'), 'ATOKEN BOTHER-2 DOTHER-3 ETOKEN-4', 'and others of them');

# who is in: event => {who => times}
sub in ($name, $by) {
    my %in;
    $in{$_->{event}}{$_->{properties}{$by}}++ for @{$sample{$name}};
    return \%in;
}

my $user  = in('s-user', 'distinct_id');
my @rates = ('S 0.5', 'S 10', 'S 50', 'S 90', 'S 100');

for (['S 0.5', 1, 30], ['S 10', 130, 270], ['S 50', 890, 1110], ['S 90', 1730, 1870], ['S 100', 2000, 2000]) {
    my ($rate, $min, $max) = @$_;
    my $n = keys %{$user->{$rate}};
    cmp_ok($n, '>=', $min, "of 2000, $rate%");
    cmp_ok($n, '<=', $max, "$rate%: $n");
}
for my $i (1 .. $#rates) {
    my ($less, $more) = @$user{@rates[$i - 1, $i]};
    is(scalar(grep { !$more->{$_} } keys %$less), 0, "who is in $rates[$i - 1]% is in $rates[$i]%");
}
ok(!exists $user->{'S if'}, 'a condition is before the sample');
is_deeply(in('s-again', 'distinct_id'), $user, 'the same another time, in another order');

my $some = sub ($all) {
    return {map { my $e = $_; $e => {map { $_ => 1 } grep { /^user-(\d+)/ && $1 <= 500 } keys %{$all->{$e}}} } keys %$all};
};
is_deeply($some->(in('s-reload', 'distinct_id')),      $some->($user), 'and after a reload');
is_deeply($some->(in('s-cookie', 'distinct_id')),      $some->($user), 'and by the cookie of the SDK');
is_deeply($some->(in('s-device-user', 'distinct_id')), $some->($user), 'whatever the device is');

my $device = in('s-device', 'distinct_id');
my $n      = keys %{$device->{'S 50'}};
cmp_ok(abs($n - 250), '<', 60, "devices without a user: $n of 500");
is_deeply($device->{'S if'}, $device->{'S 50'}, 'the same ones for each event of that rate');

for my $case (['s-agent', 'ua', 'user agent'], ['s-address', 'ra', 'address']) {
    my ($name, $by, $what) = @$case;
    my $in = in($name, $by);
    my $n  = keys %{$in->{'S 50'}};
    is(scalar(keys %{$in->{'S 100'}}), 500, "nobody, by $what: there are 500");
    cmp_ok(abs($n - 250), '<', 60, "of which $n are in");
    is_deeply([sort { $a <=> $b } values %{$in->{'S 50'}}], [(2) x $n], 'each of them both times');
}

my %now      = %{$t->status('default')->{skipped}};
my $sampled  = grep { $_->{event} ne 'S 100' } map {@$_} values %sample;
my $asked    = 4 * (2000 + 2000 + 500 + 500 + 500 + 500) + 500 + 1000 + 1000;
my $not_if   = 2000 + 2000 + 500 + 500 + 500 + 1;
is($now{sample} - $skipped{sample}, $asked - $sampled, 'what is not in a sample is counted');
is($now{if} - $skipped{if}, $not_if - 1, 'and what is not of its condition apart');

# one or none
my %got;
for my $e (@other) {
    my $p = $e->{properties};
    $got{join '|', $e->{event}, $p->{status}, substr($p->{request} // '', 0, 255)}++ if defined $p->{request} || $e->{event} eq 'Server';
}
is_deeply(\%got, \%one, 'one event or none') or diag(explain([\%got, \%one]));

my ($socket) = grep { $_->{event} eq 'Socket' } @other;
cmp_ok(abs($socket->{properties}{time} - $opened), '<', 350, 'a WebSocket has the time when it began');
cmp_ok($socket->{properties}{time_taken}, '>=', 0.4, 'and is told when it has ended');

cmp_ok(scalar(grep { $_->{properties}{time} % 1000 } @other), '>', @other / 2, 'times are of milliseconds');

my %id;
$id{json_decode($_)->{properties}{'$insert_id'}}++ for @raw;
is(scalar(keys %id), scalar(@raw), 'every $insert_id is another');

$t->done;
