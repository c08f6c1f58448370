#!/usr/bin/perl

# mixtrack_device_cookie: who is given a device id, who is not, and that the
# id is in that very request's event and in all that come.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(uniq);
use Mixtrack::Visitor qw(sdk cookies curl2);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# what is deleted from a header stays in its list: njs does so
my ($path) = qx($t->{binary} -V 2>&1) =~ m{--modules-path=(\S+)};
my $js     = ($path // '') . '/ngx_http_js_module.so';
my $njs    = $t->{module} ne 'static' && -e $js;

my %js = $njs
    ? (LOAD => "load_module $js;", IMPORT => 'js_import http from js.js;', FILTER => 'js_header_filter http.unset;')
    : map { $_ => '' } qw(LOAD IMPORT FILTER);

$t->write_file('js.js', "export default {unset: function (r) { delete r.headersOut['Set-Cookie'] }}\n");

$t->conf(<<'EOF' =~ s/JS_(\w+)/$js{$1}/gr)->run;
%%GLOBALS%%
JS_LOAD

events { }

http {
    %%GLOBALS_HTTP%%

    JS_IMPORT

    mixtrack_project { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack_project second { token U; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack hit;
    mixtrack_properties minimal;
    mixtrack_property k  $k;
    mixtrack_property vd $mixtrack_device_id;

    mixtrack_device_cookie dev;

    # $args are not those of the request any more behind an internal redirect
    map $request_uri $k { "~[?]k=(?<n>[0-9]+)" $n; }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location / { return 200 "document\n"; }

        location = /file { try_files /document.html =404; }

        location /domain   { mixtrack_device_cookie a domain=example.com; return 200; }
        location /age      { mixtrack_device_cookie b max_age=2h; return 200; }
        location /strict   { mixtrack_device_cookie c samesite=strict; return 200; }
        location /lax      { mixtrack_device_cookie d samesite=lax; return 200; }
        location /none     { mixtrack_device_cookie e samesite=none secure; return 200; }
        location /secure   { mixtrack_device_cookie f secure; return 200; }
        location /every    { mixtrack_device_cookie g!-_.~'1 secure samesite=strict max_age=1d domain=.example.org; return 200; }

        location /off      { mixtrack_device_cookie off; return 200; location /off/on { mixtrack_device_cookie dev; return 200; } }
        location /other    { mixtrack_device_cookie other; return 200; }
        location /gated    { mixtrack_device_cookie dev if=$http_x_consent; return 200; }
        location /if       { if ($cookie_consent != yes) { mixtrack_device_cookie off; return 200; } return 200; }
        location /no_event { mixtrack off; return 200; }

        location /two_projects { mixtrack a if=0; mixtrack b project=second if=0; return 200; }
        location /respect_none { mixtrack_respect off; return 200; }
        location /respect_gpc  { mixtrack_respect gpc; return 200; }

        location /device { mixtrack_device_id $http_x_device; return 200; }
        location /no_device { mixtrack_device_id ""; return 200; }
        location /userid { userid on; mixtrack_device_id $uid_got$uid_set; return 200; }

        location /set {
            set $seen $mixtrack_device_id;
            add_header X-Seen "[$seen]";
            return 200;
        }

        # what an error makes of it
        location /e404   { return 404; }
        location /e403   { deny all; }
        location /e500   { return 500; }
        location /e503   { return 503 "broken\n"; }
        location /e301   { return 301 /; }
        location /e401   { auth_basic x; auth_basic_user_file %%TESTDIR%%/nobody; }
        location /gone   { root %%TESTDIR%%/nowhere; }
        location /page   { error_page 404 /error.html; return 404; }
        location /named  { error_page 404 = @named; return 404; }
        location /same   { error_page 418 =200 /error.html; return 418; }
        location /down   { error_page 502 /error.html; proxy_pass http://127.0.0.1:%%PORT_7%%; }
        location /caught { error_page 404 /error.html; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%%PORT_2%%/e404; }
        location /accel  { proxy_pass http://127.0.0.1:%%PORT_2%%/accel; }
        location /rewrite { rewrite ^ /rewritten last; }
        location = /error.html { root %%TESTDIR%%; internal; }
        location @named { return 404 "named\n"; }
        location /internal { internal; return 200 "internal\n"; }

        # subrequests
        location /auth   { auth_request /check; root %%TESTDIR%%; try_files /document.html =404; }
        location /mirror { mirror /check; root %%TESTDIR%%; try_files /document.html =404; }
        location /ssi    { ssi on; root %%TESTDIR%%; try_files /ssi.html =404; }
        location /check  { return 204; }

        # what a shared cache may keep
        location /upstream { proxy_pass http://127.0.0.1:%%PORT_2%%/cc; }
        location /add_header { add_header Cache-Control $http_x_cc always; return 200; }
        location /two {
            add_header Cache-Control $http_x_cc always;
            add_header Cache-Control $http_x_cc_2 always;
            return 200;
        }
        location /both { add_header Cache-Control $http_x_cc_2 always; proxy_pass http://127.0.0.1:%%PORT_2%%/cc; }
        location /hidden { proxy_hide_header Cache-Control; proxy_pass http://127.0.0.1:%%PORT_2%%/cc; }
        location /expires/hour  { expires 1h; return 200; }
        location /expires/max   { expires max; return 200; }
        location /expires/epoch { expires epoch; return 200; }
        location /expires/past  { expires -1h; return 200; }
        location /expires/off   { expires off; return 200; }
        location /expires/private { expires 1h; add_header Cache-Control private; return 200; }
        location /expires/error { expires 1h; add_header Cache-Control public always; return 404; }
        location /expires/two   { expires epoch; proxy_pass http://127.0.0.1:%%PORT_2%%/two; }
        location /header {
            add_header Cache-Control $http_x_cc always;
            add_header Expires $http_x_expires always;
            add_header CDN-Cache-Control $http_x_cdn always;
            add_header Surrogate-Control $http_x_surrogate always;
            add_header Edge-Cache-Control $http_x_edge always;
            return 200;
        }
        location /passed { proxy_pass http://127.0.0.1:%%PORT_2%%/header; }
        location /cookie { proxy_pass http://127.0.0.1:%%PORT_2%%/cookie; }
        location /unset  { JS_FILTER proxy_pass http://127.0.0.1:%%PORT_2%%/cookie; }

        location /status { mixtrack off; mixtrack_status json; }
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        mixtrack off;
        mixtrack_device_cookie off;

        location /cc     { add_header Cache-Control $http_x_cc always; return 200; }
        location /two    { add_header Cache-Control $http_x_cc always; add_header Cache-Control $http_x_cc_2 always; return 200; }
        location /header {
            add_header cache-control $http_x_cc always;
            add_header expires $http_x_expires always;
            add_header CDN-CACHE-CONTROL $http_x_cdn always;
            add_header surrogate-control $http_x_surrogate always;
            add_header edge-cache-control $http_x_edge always;
            return 200;
        }
        location /e404   { return 404; }
        location /accel  { add_header X-Accel-Redirect /internal; return 200; }
        location /cookie { add_header Set-Cookie "session=1"; add_header Set-Cookie "dev2=2"; add_header Set-Cookie $http_x_set; return 200; }
    }
}
EOF

$t->write_file('document.html', "document\n");
$t->write_file('error.html', "error\n");
$t->write_file('ssi.html', '<!--#include virtual="/ssi/part" --><!--#include virtual="/check" -->');
$t->write_file('nobody', '');

my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my $own  = '11111111-2222-4333-8444-555555555555';
my $sdk  = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

# who does not say so is a bot
my $agent  = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
my @nav    = ($agent, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document');
my @accept = ('Accept: text/html,application/xhtml+xml,*/*;q=0.8');

my $cases = Mixtrack::Cases->new($t);
my ($issued, $shared, $n) = (0, 0, 0);
my %id;

# how: a URI with headers, or what requests with a number.  The event of it
# is to have this device; there is none with events => 0.
sub request ($how, $device, %o) {
    my $k = ++$n;
    my $events = $o{events} // 1;

    $id{$k} = [$o{name}, $device] if $events;
    return ($k, $cases->request($k, ref $how eq 'CODE' ? sub { $how->($k) } : $how, undef, $events));
}

# A request that is given a cookie with these attributes, and has its id.
sub given ($name, $how, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($k, $reply) = request($how, undef, %o, name => $name);
    my @set = cookies($reply, $o{cookie} // 'dev');

    is(join(' ', map { $_->[0] =~ /^$uuid\z/ ? 'UUID' . $_->[1] : "$_->[0]$_->[1]" } @set),
        'UUID; Path=/; Max-Age=' . ($o{attributes} // '31536000; SameSite=Lax'), "$name: is given one")
        or diag($reply);

    $issued++;
    $id{$k}[1] = $set[0][0] if $id{$k} && @set;
    return @set ? $set[0][0] : undef;
}

# One that is given none; shared => 1 if for Cache-Control, others => 1 if
# somebody else may set that cookie.
sub not_given ($name, $how, $device = undef, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($k, $reply) = request($how, $device, %o, name => $name);
    my @set = grep { !$o{others} || $_->[0] =~ /^$uuid\z/ } map { cookies($reply, $_) } qw(dev other);

    ok($reply =~ m{^HTTP/\S+ \d+} && !@set, "$name: is given none") or diag($reply);
    $shared++ if $o{shared};
}

sub at ($uri, @headers) {
    unshift @headers, $agent if !grep {/^User-Agent/} @headers;
    return [$uri, headers => \@headers];
}


# ---- the first navigation, and the next request

my $first = given 'a navigation', at('/', @nav);
not_given 'the next', at('/', @nav, "Cookie: dev=$first"), $first;
not_given 'an asset of it', at('/file', 'Sec-Fetch-Mode: no-cors', "Cookie: a=b; dev=$first; c=d"), $first;
given 'another visitor', at('/', @nav);
given 'a file', at('/file', @nav);

given 'navigate, no destination', at('/', 'Sec-Fetch-Mode: navigate');
given 'in any case', at('/', 'sec-fetch-mode: Navigate');
given 'passed on by a service worker', at('/', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: empty', @accept);
given 'by Accept', at('/', @accept);
given 'by Accept, html last', at('/', 'Accept: application/xml;q=0.9, text/html');
given 'by Accept, in any case', at('/', 'ACCEPT: Text/HTML');
not_given 'nothing is tracked there', at('/no_event', @nav), undef, events => 0;

not_given 'nobody says what it is', at('/');
not_given 'Accept: */*', at('/', 'Accept: */*');
not_given 'Accept of an image', at('/', 'Accept: image/webp,image/*,*/*;q=0.8');
not_given 'Accept: text/plain', at('/', 'Accept: text/plain, application/html');

# these are no navigation, whatever they accept
not_given "mode $_", at('/', "Sec-Fetch-Mode: $_", @accept) for qw(cors no-cors same-origin websocket navigated);
not_given "destination $_", at('/', 'Sec-Fetch-Mode: navigate', "Sec-Fetch-Dest: $_", @accept)
    for qw(iframe image script embed emptyx);
not_given 'fetched by a script', at('/', 'Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty', @accept);
not_given 'fetched in no mode', at('/', 'Sec-Fetch-Dest: empty', @accept);
not_given $_, at('/', @nav, $_) for 'Sec-Purpose: prefetch;prerender', 'Purpose: prefetch', 'X-Moz: prefetch';
not_given 'a bot', at('/', 'Sec-Fetch-Mode: navigate', @accept, 'User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)');
given 'who does not say what he is', at('/', 'Sec-Fetch-Mode: navigate', @accept, 'User-Agent:');

given 'HTTP/1.0', sub ($k) { $t->http("GET /?k=$k HTTP/1.0\r\n$agent\r\nAccept: text/html\r\n\r\n") };
given 'HEAD',     sub ($k) { $t->http("HEAD /?k=$k HTTP/1.0\r\n$agent\r\nAccept: text/html\r\n\r\n") };
for my $method (qw(POST PUT OPTIONS)) {
    not_given $method, sub ($k) {
        $t->http("$method /?k=$k HTTP/1.0\r\n$agent\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nContent-Length: 0\r\n\r\n");
    };
}
given 'HTTP/2', sub ($k) { curl2($t->port(1), "/?k=$k", @nav) };
given 'HTTP/2, an error', sub ($k) { curl2($t->port(1), "/page?k=$k", @nav) };
not_given 'HTTP/2, an asset', sub ($k) { curl2($t->port(1), "/?k=$k", $agent, 'Sec-Fetch-Mode: no-cors', @accept) };
not_given 'HTTP/2, with one', sub ($k) { curl2($t->port(1), "/?k=$k", @nav, "Cookie: dev=$own") }, $own;

# all that a first page wants at once, its document in the middle
my @pending;

for my $i (1 .. 12) {
    my @head = $i == 5 ? @nav : ($agent, 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image', 'Accept: image/*,*/*');

    request(sub ($k) {
        my $head = join '', map {"$_\r\n"} @head;
        push @pending, [$k, $i, $t->send("GET /?k=$k HTTP/1.1\r\nHost: a\r\nConnection: close\r\n$head\r\n")];
    }, undef, name => "parallel $i");
}

my @minted;
for (@pending) {
    my ($k, $i, $s) = @$_;
    for (cookies($t->read($s), 'dev')) {
        push @minted, $i;
        $id{$k}[1] = $_->[0];
    }
}
is("@minted", '5', 'of parallel requests the document alone is given one');
$issued++;

# two visitors on one connection, as behind a proxy: nothing is kept of the
# first
{
    my ($k, $l) = ($n += 2) && ($n - 1, $n);
    my $head  = "HTTP/1.1\r\nHost: a\r\n$agent\r\nAccept: text/html\r\n";
    my $reply = $cases->request($k, sub {
        $t->http("GET /?k=$k $head\r\nGET /?k=$l ${head}Connection: close\r\n\r\n");
    });
    $cases->request($l, sub { });

    my @set = $reply =~ /^Set-Cookie: dev=($uuid)/mg;
    is(scalar(uniq(@set)), 2, 'pipelined: each has its own');
    @id{$k, $l} = (['pipelined, first', $set[0]], ['pipelined, second', $set[1]]);
    $issued += 2;
}


# ---- attributes

given 'domain', at('/domain', @nav), cookie => 'a', attributes => '31536000; SameSite=Lax; Domain=example.com';
given 'max_age', at('/age', @nav), cookie => 'b', attributes => '7200; SameSite=Lax';
given 'samesite=strict', at('/strict', @nav), cookie => 'c', attributes => '31536000; SameSite=Strict';
given 'samesite=lax', at('/lax', @nav), cookie => 'd';
given 'samesite=none', at('/none', @nav), cookie => 'e', attributes => '31536000; SameSite=None; Secure';
given 'secure', at('/secure', @nav), cookie => 'f', attributes => '31536000; SameSite=Lax; Secure';
given 'all of them', at('/every', @nav), cookie => "g!-_.~'1",
    attributes => '86400; SameSite=Strict; Domain=.example.org; Secure';
not_given 'all of them, the next', at('/every', @nav, "Cookie: g!-_.~'1=$own"), $own;


# ---- where

not_given 'off in a location', at('/off', @nav);
not_given 'off, and the cookie is there', at('/off', @nav, "Cookie: dev=$own");
given 'and on again below', at('/off/on', @nav);
given 'of another name', at('/other', @nav), cookie => 'other';
not_given 'of another name, the next', at('/other', @nav, "Cookie: dev=$sdk; other=$own"), $own;
not_given 'if, without consent', at('/if', @nav);
given 'if, with consent', at('/if', @nav, 'Cookie: consent=yes');
not_given 'if=, without consent', at('/gated', @nav);
not_given 'if=, 0', at('/gated', @nav, 'X-Consent: 0');
given 'if=, with consent', at('/gated', @nav, 'X-Consent: 1');
not_given 'if=, without consent any more', at('/gated', @nav, "Cookie: dev=$own"), $own;
given 'looked at before it is issued', at('/set', @nav);


# ---- error pages and internal redirects: the event has it as well

given 'error 404', at('/e404', @nav);
given 'error 403', at('/e403', @nav);
given 'error 500', at('/e500', @nav);
given 'error 503 with a text', at('/e503', @nav);
given 'a redirect', at('/e301', @nav);
given 'error 401', at('/e401', @nav);
given 'no such file', at('/gone', @nav);
given 'error_page', at('/page', @nav);
given 'error_page, by Accept', at('/page', @accept);
given 'error_page, named', at('/named', @nav);
given 'error_page, 200', at('/same', @nav);
given 'error_page, 502', at('/down', @nav);
given 'error_page, intercepted', at('/caught', @nav);
given 'X-Accel-Redirect', at('/accel', @nav);
given 'rewrite', at('/rewrite', @nav);
not_given 'error_page, an asset', at('/page', 'Sec-Fetch-Mode: no-cors');
not_given 'error_page, with one', at('/page', @nav, "Cookie: dev=$own"), $own;

given 'auth_request', at('/auth', @nav);
given 'mirror', at('/mirror', @nav);
given 'SSI', at('/ssi', @nav);

{
    my $reply;
    given 'beside other cookies', sub ($k) { $reply = $t->get("/cookie?k=$k", headers => \@nav) };
    is(join(' ', sort $reply =~ /^Set-Cookie: (session=1|dev2=2)\r$/mg), 'dev2=2 session=1', 'and those are there');
}
not_given 'the upstream sets it by itself', at('/cookie', @nav, 'X-Set: dev=1; Path=/'), undef, others => 1;
SKIP: {
    skip 'njs is for the distribution\'s nginx alone', 1 if !$njs;
    given 'the upstream sets it, and it is deleted', at('/unset', @nav, 'X-Set: dev=1; Path=/');
}
given 'the upstream sets one that is called nearly so', at('/cookie', @nav, 'X-Set: device=1');


# ---- not with an objection

my @skipped = (undef, events => 0);

not_given 'DNT', at('/', @nav, 'DNT: 1'), @skipped;
not_given 'GPC', at('/', @nav, 'Sec-GPC: 1'), @skipped;
not_given 'opted out', at('/', @nav, 'Cookie: __mp_opt_in_out_T=0'), @skipped;
not_given 'opted out, the old way', at('/', @nav, 'Cookie: mp_optout=1'), @skipped;
not_given 'DNT, an error page', at('/page', @nav, 'DNT: 1'), @skipped;
not_given 'DNT, and no event there', at('/no_event', @nav, 'DNT: 1'), @skipped;
not_given 'GPC is respected', at('/respect_gpc', @nav, 'Sec-GPC: 1'), @skipped;
given 'GPC is respected, DNT is not', at('/respect_gpc', @nav, 'DNT: 1');
given 'DNT: 0', at('/', @nav, 'DNT: 0');
given 'opted in', at('/', @nav, 'Cookie: __mp_opt_in_out_T=1');
given 'opted out of another token', at('/', @nav, 'Cookie: __mp_opt_in_out_U=0');
not_given 'opted out of one project of two', at('/two_projects', @nav, 'Cookie: __mp_opt_in_out_U=0'), @skipped;
not_given 'opted out of the other', at('/two_projects', @nav, 'Cookie: __mp_opt_in_out_T=0'), @skipped;
given 'nothing is respected', at('/respect_none', @nav, 'DNT: 1', 'Sec-GPC: 1', 'Cookie: mp_optout=1');


# ---- never in place of another

not_given 'the SDK has a device', at('/', @nav, sdk('T', distinct_id => "\$device:$sdk", '$device_id' => $sdk)), $sdk;
not_given 'the SDK has it in distinct_id', at('/', @nav, sdk('T', distinct_id => "\$device:$sdk")), $sdk;
not_given 'the SDK has a device and a user',
    at('/', @nav, sdk('T', distinct_id => 'ann', '$user_id' => 'ann', '$device_id' => $sdk)), $sdk;
not_given 'the SDK\'s, on an error page', at('/page', @nav, sdk('T', '$device_id' => $sdk)), $sdk;
not_given 'the SDK\'s before ours', at('/', @nav, sdk('T', '$device_id' => $sdk) . "; dev=$own"), $sdk;
not_given 'a directive has a device', at('/device', @nav, "X-Device: $sdk"), $sdk;
given 'the SDK has none', at('/', @nav, sdk('T', distinct_id => 'ann', '$user_id' => 'ann'));
not_given 'the SDK has none, and names the user in distinct_id alone', at('/', @nav, sdk('T', distinct_id => 'ann'));
not_given 'and there is one', at('/', @nav, sdk('T', distinct_id => 'ann') . "; dev=$own");
given 'the SDK has a banned one', at('/', @nav, sdk('T', '$device_id' => 'undefined'));
given 'the SDK\'s of another token', at('/', @nav, sdk('U', '$device_id' => $sdk));
given 'the SDK\'s is malformed', at('/', @nav, sdk('T', '$device_id' => $sdk) . '%');
given 'the directive has none', at('/device', @nav);

not_given 'the device is off', at('/no_device', @nav);
not_given 'the device is off, and there is one', at('/no_device', @nav, "Cookie: dev=$own");

# $uid_set is of this very request
{
    my ($k, $reply) = request(at('/userid', @nav), undef, name => 'userid');
    is(scalar(my @dev = cookies($reply, 'dev')), 0, 'nginx\'s userid is the device: is given none');
    is(scalar(my @uid = cookies($reply, 'uid')), 1, 'but its own');
    delete $id{$k};
}


# ---- what is there is no id: it is somebody's all the same, and not ours

my %invalid = (
    'a word'       => 'x',
    'upper case'   => uc $sdk,
    'version 1'    => '3f2504e0-4f89-11d3-9a0c-0305e82c3301',
    'no variant'   => '3f2504e0-4f89-41d3-7a0c-0305e82c3301',
    'too short'    => substr($sdk, 0, 35),
    'too long'     => "${sdk}0",
    'in quotes'    => "\"$sdk\"",
    'encoded'      => $sdk =~ s/-/%2D/gr,
    'no dashes'    => $sdk =~ s/-//gr,
    'nil'          => '00000000-0000-0000-0000-000000000000',
    'a script'     => '<script>alert(1)</script>',
    'very long'    => 'a' x 5000,
    'not in ASCII' => "\xff" x 36,
);

for (sort keys %invalid) {
    not_given "invalid: $_", at('/', @nav, "Cookie: dev=$invalid{$_}");
    not_given "invalid, and no navigation: $_", at('/', "Cookie: dev=$invalid{$_}");
    not_given "invalid, but the SDK has one: $_",
        at('/', @nav, sdk('T', '$device_id' => $sdk) . "; dev=$invalid{$_}"), $sdk;
}
given 'an empty one', at('/', @nav, 'Cookie: dev=');
given 'an empty one among others', at('/', @nav, 'Cookie: a=b; dev=; c=d');


# ---- what a shared cache may keep: no cookie, and it is counted

my @keeps = (
    'public', 'Public', 's-maxage=60', 'max-age=60', 'MAX-AGE=60', 'public, max-age=60', 'max-age=0, s-maxage=60',
    'must-revalidate,max-age=31536000', 'no-cache, max-age=60', 'no-transform, public', 'immutable,public',
    'max-age=60,', ',max-age=60', 'max-age="60"', 's-maxage="60"', 'max-age=060', 'private="X-Other", max-age=60',
    'no-storex, public', 'privatex, public', 'max-age=99999999999999999999',
    'max-age=0, stale-while-revalidate=86400', 'no-cache, stale-if-error=86400', 'STALE-IF-ERROR="60"', 'stale-while-revalidate=1,',
);
my @keeps_not = (
    '', 'private', 'no-store', 'no-cache', 'max-age=0', 's-maxage=0', 'private, max-age=60', 'max-age=60, private',
    'max-age=60,PRIVATE', 'no-store, max-age=60', 'public, no-store', 'must-revalidate', 'no-cache, no-store, must-revalidate',
    'max-age=0, stale-while-revalidate=0', 'private, max-age=0, stale-while-revalidate=86400', 'no-store, stale-if-error=60',
    'stale-while-revalidate', 'stale-if-error=', 'xstale-if-error=60', 'x-public', 'publicx', 'nonsense', 'max-age', 'max-age=', 'max-age=x', 'max-age="0"', 'max-age=00', 'private="X-Other", no-store',
);

for my $where ('/upstream', '/add_header', '/both', '/two') {
    not_given "$where: $_", at($where, @nav, "X-CC: $_"), undef, shared => 1 for @keeps;
    given "$where: $_", at($where, @nav, "X-CC: $_") for @keeps_not;
}

# two lines are as one
for my $where ('/two', '/both') {
    not_given "$where: the second line", at($where, @nav, 'X-CC: no-cache', 'X-CC-2: public'), undef, shared => 1;
    given "$where: max-age and private", at($where, @nav, 'X-CC: max-age=60', 'X-CC-2: private');
    given "$where: no-store and public", at($where, @nav, 'X-CC: no-store', 'X-CC-2: public');
}

given 'public, but the client does not see it', at('/hidden', @nav, 'X-CC: public');
not_given "expires $_", at("/expires/$_", @nav), undef, shared => 1 for qw(hour max);
given "expires $_", at("/expires/$_", @nav) for qw(epoch past off private);
given 'expires, which deletes the second line', at('/expires/two', @nav, 'X-CC: no-cache', 'X-CC-2: public');

# other fields, of which some are for shared caches alone
my @future = map { strftime '%a, %d %b %Y %H:%M:%S GMT', gmtime time + $_ } 3600, 86400 * 365 * 20;
my @past   = ((map { strftime '%a, %d %b %Y %H:%M:%S GMT', gmtime time - $_ } 1, 86400), '0', '-1', 'soon');

for my $where ('/header', '/passed') {
    my $to = sub (@headers) { at($where, @nav, @headers) };

    not_given "$where: Expires $_", $to->("X-Expires: $_"), undef, shared => 1 for @future;
    not_given "$where: Expires and $_", $to->("X-Expires: $future[0]", "X-CC: $_"), undef, shared => 1
        for 'must-revalidate', 'public';
    given "$where: Expires $_", $to->("X-Expires: $_") for @past;
    given "$where: Expires and $_", $to->("X-Expires: $future[0]", "X-CC: $_") for 'private', 'no-store';

    for my $field (qw(CDN Surrogate Edge)) {
        not_given "$where: $field $_", $to->("X-$field: $_"), undef, shared => 1
            for 'max-age=600', 'public', 'MAX-AGE=600', 'max-age=0, stale-while-revalidate=60';
        not_given "$where: $field, and no for others: $_", $to->("X-$field: max-age=600", "X-CC: $_"), undef, shared => 1
            for 'private', 'no-store', 'no-cache';
        given "$where: $field $_", $to->("X-$field: $_")
            for 'no-store', 'private', 'max-age=0', 'max-age=600, no-store', 'content="ESI/1.0"';
        not_given "$where: $field no-store, and yes for others", $to->("X-$field: no-store", 'X-CC: public'), undef, shared => 1;
    }
}

not_given 'public, an error', at('/expires/error', @nav), undef, shared => 1;

# who would be given none is not counted
not_given 'public, an asset', at('/add_header', 'X-CC: public');
not_given 'public, with one', at('/add_header', @nav, 'X-CC: public', "Cookie: dev=$own"), $own;
not_given 'public, the SDK has one', at('/add_header', @nav, 'X-CC: public', sdk('T', '$device_id' => $sdk)), $sdk;
not_given 'public, DNT', at('/add_header', @nav, 'X-CC: public', 'DNT: 1'), @skipped;


# ---- all of them

ok($t->wait_rest, 'all is delivered');
is_deeply($t->status('default')->{device_cookie}, {issued => $issued, shared => $shared}, 'counted as they were');

$cases->take($ingest->raw_events);
$cases->check;

for my $k (sort { $a <=> $b } keys %id) {
    my ($name, $device) = @{$id{$k}};
    my ($e) = $cases->events($k);

    is_deeply([$e && @{$e->{properties}}{qw($device_id vd)}], [$device, $device], "$name: its event has the device");
}

my @ids = grep { $_ && $_ ne $own && $_ ne $sdk } map { $_->[1] } values %id;
is(scalar(grep { $_ eq $first } @ids), 3, 'three requests of the first visitor');
is(scalar(uniq(@ids)), @ids - 2, 'and no two others have the same id');


# ---- each is drawn: all bits of it, and in another nginx they are others

ok($t->quit, 'nginx ends');
$t->run;

my @more = map { (cookies($t->get('/', headers => \@nav), 'dev'))[0][0] } 1 .. 20;
is(scalar(uniq(@ids, @more)), @ids - 2 + @more, 'and none of the next nginx');

# version and variant are not
my ($zeros, $ones) = ("\xff" x 16, "\0" x 16);
for my $bits (map { pack 'H*', tr/-//dr } @ids, @more) {
    $zeros &.= $bits;
    $ones  |.= $bits;
}
is(unpack('H*', $zeros), '00000000000040008000000000000000', 'each bit was 0');
is(unpack('H*', $ones),  'ffffffffffff4fffbfffffffffffffff', 'each bit was 1');

$t->done;
