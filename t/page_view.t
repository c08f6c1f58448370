#!/usr/bin/perl

# What is a page view, cell by cell of its rule, and the other variables: the
# same by if=, in a map, in a log_format, in a header.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp json_decode);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $adds   = qx($t->{binary} -V 2>&1) =~ /--with-http_addition_module/;

my $browser = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36';

# ---- the cells: name => URI, and what there is to a request besides; not =>
# 'if' or 'bot' for what is none, and so counted

my %cell;
my %location;    # what answers, by its path

sub cell ($name, $uri, %o) {
    die "$name: there are two\n" if $cell{$name};
    $cell{$name} = {uri => $uri, %o};
}

sub answers ($path, $conf) { $location{$path} = $conf; $path }

my $page = answers('/page', 'default_type text/html; return 200 "<p>page</p>";');

cell('plain', $page);

# the method
cell($_, $page, method => $_, not => 'if') for qw(HEAD POST PUT DELETE OPTIONS PATCH PROPFIND BREW);

# the status
for my $status (200, 201, 202, 203, 206, 226, 299, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 418, 429,
    451, 499, 500, 502, 503, 504, 599)
{
    cell("status-$status", answers("/status/$status", "default_type text/html; return $status \"<p>\";"),
        $status < 300 ? () : (not => 'if'));
}
cell('status-204', answers('/status/204', 'default_type text/html; return 204;'), not => 'if', header => 0);

# the type
for my $type ('text/html', 'text/html; charset=utf-8', 'text/html;charset=utf-8', 'TEXT/HTML', 'Text/Html ; a=b',
    'application/xhtml+xml', 'application/xhtml+xml; charset=utf-8')
{
    cell("type-$type", answers("/type/$type" =~ s/[^\w\/+-]/_/gr, "default_type \"$type\"; return 200 \"<p>\";"));
}
for my $type ('', 'text/plain', 'text/htm', 'text/htmlx', 'text/html-x', 'text/html/', 'xtext/html', 'text/xml', 'text/css',
    'application/json', 'application/octet-stream', 'application/xhtml', 'application/xhtml+xmlx', 'application/html',
    'image/png', 'image/svg+xml', 'text/event-stream', 'multipart/text/html', 'text', ' ')
{
    cell("type-$type", answers("/type/$type" =~ s/[^\w\/+-]/_/gr, "default_type \"$type\"; return 200 \"<p>\";"),
        not => 'if');
}

# where to and how
cell("dest-$_", $page, headers => ["Sec-Fetch-Dest: $_"]) for qw(document Document);
cell("dest-$_", $page, headers => ["Sec-Fetch-Dest: $_"], not => 'if') for
    qw(iframe frame empty image script style font embed object worker fencedframe report documents doc),
    'document iframe';
cell("mode-$_", $page, headers => ["Sec-Fetch-Mode: $_"]) for qw(navigate NAVIGATE);
cell("mode-$_", $page, headers => ["Sec-Fetch-Mode: $_"], not => 'if') for
    qw(cors no-cors same-origin websocket navigat navigates);
for my $dest ('', 'document', 'iframe', 'empty') {
    for my $mode ('', 'navigate', 'cors') {
        cell("dest-$dest-mode-$mode", $page, headers => ["Sec-Fetch-Dest: $dest", "Sec-Fetch-Mode: $mode"],
            $dest =~ /^(?:document)?$/ && $mode =~ /^(?:navigate)?$/ || "$dest-$mode" eq 'empty-navigate'
            ? () : (not => 'if'));
    }
}
cell('dest-EMPTY-mode-NAVIGATE', $page, headers => ['Sec-Fetch-Dest: EMPTY', 'Sec-Fetch-Mode: NAVIGATE']);
cell("dest-$_-mode-navigate", $page, headers => ["Sec-Fetch-Dest: $_", 'Sec-Fetch-Mode: navigate'], not => 'if') for
    qw(empt emptyx frame fencedframe embed object);
cell('dest-twice', $page, headers => ['Sec-Fetch-Dest: document', 'Sec-Fetch-Dest: image']);
cell('dest-twice-other', $page, headers => ['Sec-Fetch-Dest: image', 'Sec-Fetch-Dest: document'], not => 'if');
cell('dest-name', $page, headers => ['SEC-fetch-DEST: image'], not => 'if');
cell("other-$_", $page, headers => [$_]) for
    'Sec-Fetch-Site: cross-site', 'Sec-Fetch-User: ?0', 'Sec-Fetch-Des: image', 'Sec-Fetch-Dest-: image',
    'X-Sec-Fetch-Dest: image', 'Accept:', 'X-Requested-With: XMLHttpRequest', 'DNT: 0';

# what it accepts, where nobody says where to: an image is none
cell("accept-$_", $page, headers => ["Accept: $_"], not => 'if') for
    'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/png', 'IMAGE/*,text/html';
cell("accept-$_", $page, headers => ["Accept: $_"]) for
    '*/*', 'text/html', 'text/html,image/webp', 'application/xhtml+xml,image/*', 'imag', 'images/png', 'text/plain';

# what nobody looks at yet
cell("ahead-$_", $page, headers => [$_], not => 'if') for
    'Sec-Purpose: prefetch', 'Sec-Purpose: prefetch;prerender', 'Sec-Purpose: prefetch;anonymous-client-ip',
    'Sec-Purpose: PREFETCH', 'Sec-Purpose: prerender', 'Purpose: prefetch', 'Purpose: preview', 'X-Purpose: preview',
    'X-Purpose: prefetch', 'X-Moz: prefetch', 'X-moz: Prefetch';
cell("not-ahead-$_", $page, headers => [$_]) for
    'Sec-Purpose:', 'Sec-Purpose: fetch', 'Purpose: prefetc', 'X-Moz: yes', 'X-Prefetch: prefetch',
    'Sec-Purposes: prefetch';

# who
cell("bot-$_", $page, agent => $_, not => 'bot') for
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'curl/8.1.2', 'Wget/1.21', 'python-requests/2.31',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36', '-';
cell('no-agent', $page, agent => '');
cell('bot-post', $page, agent => 'curl/8.1.2', method => 'POST', not => 'if');
cell('bot-404', '/status/404', agent => 'curl/8.1.2', not => 'if');
cell('bot-image', '/type/image/png', agent => 'curl/8.1.2', not => 'if');
cell('bot-ahead', $page, agent => 'curl/8.1.2', headers => ['Purpose: prefetch'], not => 'if');

# not modified: a type is a type, and without one it is the request's that
# counts
my $static = answers('/static.html', 'if_modified_since before; add_header X-PV $mixtrack_page_view always;');
my @fresh = ('If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT');
for my $case (
    ['nothing', []],
    ['any',       ['Accept: */*']],
    ['image',     ['Accept: image/avif,image/*;q=0.8']],
    ['json',      ['Accept: application/json']],
    ['xhtml',     ['Accept: application/xhtml+xml']],
    ['cors',      ['Accept: text/html', 'Sec-Fetch-Mode: cors']],
    ['iframe',    ['Accept: text/html', 'Sec-Fetch-Dest: iframe', 'Sec-Fetch-Mode: navigate']],
    ['empty',     ['Accept: text/html', 'Sec-Fetch-Dest: empty']],
    ['prefetch',  ['Accept: text/html', 'Sec-Purpose: prefetch']],
    ['html',      ['Accept: text/html'], 1],
    ['browser',   ['Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'], 1],
    ['last',      ['Accept: application/xml,TEXT/HTML;q=0.1'], 1],
    ['document',  ['Sec-Fetch-Dest: document'], 1],
    ['navigate',  ['Sec-Fetch-Mode: navigate', 'Accept: */*'], 1],
    ['both',      ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'], 1],
    ['worker',    ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: empty'], 1],
) {
    my ($name, $headers, $is) = @$case;
    cell("304-$name", $static, headers => [@fresh, @$headers], status => 304, $is ? () : (not => 'if'));
}
cell('304-bot', $static, headers => [@fresh, 'Accept: text/html'], agent => 'curl/8.1.2', status => 304, not => 'bot');
cell('304-head', $static, headers => [@fresh, 'Accept: text/html'], method => 'HEAD', status => 304, not => 'if');

# an upstream may tell the type of what is not modified
my $upstream = 'proxy_pass http://127.0.0.1:%%PORT_2%%; proxy_set_header If-Modified-Since $http_if_modified_since;';
answers("/upstream/$_", $upstream) for qw(html image none);
cell('304-upstream-html',  '/upstream/html',  headers => ['Accept: */*'], status => 304);
cell('304-upstream-image', '/upstream/image', headers => ['Accept: text/html'], status => 304, not => 'if');
cell('304-upstream-none',  '/upstream/none',  headers => ['Accept: */*'], status => 304, not => 'if');
cell('304-upstream-none-document', '/upstream/none', headers => ['Sec-Fetch-Dest: document'], status => 304);

# where the request ended
answers('/error/none',    'error_page 404 /static.html?k=$arg_k; return 404;');
answers('/error/same',    'error_page 404 = /static.html?k=$arg_k; return 404;');
answers('/error/200',     'error_page 404 =200 /static.html?k=$arg_k; return 404;');
answers('/error/503',     'error_page 404 =503 /static.html?k=$arg_k; return 404;');
answers('/error/named',   'error_page 502 =200 @named; return 502;');
answers('/error/named-502', 'error_page 502 @named; return 502;');
answers('/error/redirect', 'error_page 404 http://elsewhere.test/; return 404;');
answers('@named',         'default_type text/html; return 200 "<p>named</p>";');
answers('/rewrite',       'rewrite ^ /page last;');
answers('/try',           'try_files /nothing /static.html =404;');
answers('/try-named',     'try_files /nothing @named;');
answers('/missing.html',  '');
answers('/index/',        'index static.html;');
answers('/accel',         'proxy_pass http://127.0.0.1:%%PORT_2%%;');
answers('/proxied',       'proxy_pass http://127.0.0.1:%%PORT_2%%;');
answers('/refused',       'proxy_pass http://127.0.0.1:%%PORT_3%%;');
answers('/ssi',           'ssi on; default_type text/html; return 200 "<!--#include virtual=\"/part\" -->";');
answers('/auth',          'auth_request /part; default_type text/html; try_files /static.html =404;');
answers('/no-auth',       'auth_request /status/403; try_files /static.html =404;');
answers('/mirror',        'mirror /part; default_type text/html; try_files /static.html =404;');
answers('/addition',      'add_before_body /part; addition_types *; try_files /static.html =404;') if $adds;
answers('/part',          'log_subrequest on; access_log %%TESTDIR%%/part.log pv; default_type text/html; return 200 "<p>part</p>";');

cell('error-page',          '/error/none',      not => 'if');
cell('error-page-same',     '/error/same');
cell('error-page-200',      '/error/200');
cell('error-page-503',      '/error/503',       not => 'if');
cell('error-page-named',    '/error/named');
cell('error-page-named-502', '/error/named-502', not => 'if');
cell('error-page-redirect', '/error/redirect',  not => 'if');
cell('rewritten',           '/rewrite');
cell('tried',               '/try');
cell('tried-named',         '/try-named');
cell('not-there',           '/missing.html',    not => 'if');
cell('index',               '/index/');
cell('accelerated',         '/accel');
cell('proxied',             '/proxied');
cell('refused',             '/refused',         not => 'if');
cell('included',            '/ssi');
cell('authorized',          '/auth');
cell('not-authorized',      '/no-auth',         not => 'if');
cell('mirrored',            '/mirror');
cell('added',               '/addition') if $adds;
cell('http-1.0',            $page, version => '1.0');

# nginx makes a GET of these, the client did not
my @was_post = (method => 'POST', not => 'if', header => undef);
answers('/error/post', 'error_page 405 =200 /static.html?k=$arg_k; return 405;');
cell('post-error-page',  '/error/post', @was_post);
cell('post-accelerated', '/accel',      @was_post);

# ---- nginx

my @variables = qw(bot browser browser_version os device user_id device_id insert_id);
my $locations = join "\n", map { my $match = /^@/ ? $_ : "= $_"; "location $match { $location{$_} }" } sort keys %location;

$t->conf(<<"EOF" =~ s/%\{(\w+)\}/{variables => join('|', map {"\$mixtrack_$_"} @variables), locations => $locations}->{$1}/ger);
%%GLOBALS%%

worker_processes 2;

events { }

http {
    %%GLOBALS_HTTP%%

    types { text/html html; }

    log_format pv '\$arg_k \$mixtrack_page_view \$mapped';
    access_log %%TESTDIR%%/pv.log pv;

    # each looks at it at another time
    map \$mixtrack_page_view \$mapped {
        volatile;
        1       yes;
        default "";
    }
    map \$mixtrack_page_view \$once {
        1       yes;
        default "";
    }
    map \$mixtrack_browser \$named {
        Chrome  Chromium;
        default \$mixtrack_browser;
    }
    map \$mixtrack_bot:\$http_x_monitor \$machine {
        "~^1:"  1;
        ":"     0;
        default 0;
        "0:yes" 1;
    }

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     4m;
        batch    interval=50ms;
    }
    mixtrack_project "second" {
        token    SECOND;
        endpoint %%INGEST_9%%;
        zone     2m;
        batch    interval=50ms;
    }

    mixtrack_property   k \$arg_k;
    mixtrack_properties minimal;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        mixtrack "Page View" if=\$mixtrack_page_view;
        mixtrack "Mapped"    if=\$mapped project=second;
        mixtrack "Any";
        mixtrack_property pv     \$mixtrack_page_view;
        mixtrack_property mapped \$mapped;
        mixtrack_property once   \$once;
        mixtrack_property only   yes if=\$mixtrack_page_view;

        add_header X-PV \$mixtrack_page_view always;

        %%STATUS%%
        %{locations}
    }

    server {
        listen 127.0.0.1:%%PORT_1%%;

        # before there is a response, and when there is
        location /early {
            set \$early \$mixtrack_page_view;
            set \$kept  \$once;
            mixtrack early if=\$mixtrack_page_view;
            mixtrack_property early  \$early;
            mixtrack_property late   \$mixtrack_page_view;
            mixtrack_property mapped \$mapped;
            mixtrack_property once   x\$once;
            default_type text/html;
            return 200 "\$mixtrack_page_view";
        }

        location /variables {
            mixtrack variables;
            mixtrack variables;
            mixtrack_property bot             \$mixtrack_bot;
            mixtrack_property browser         \$mixtrack_browser;
            mixtrack_property browser_version \$mixtrack_browser_version;
            mixtrack_property os              \$mixtrack_os;
            mixtrack_property device          \$mixtrack_device;
            mixtrack_property user_id         \$mixtrack_user_id;
            mixtrack_property device_id       \$mixtrack_device_id;
            mixtrack_property insert_id       \$mixtrack_insert_id;
            mixtrack_property named           \$named;
            mixtrack_property machine         \$machine;
            mixtrack_user_id   \$arg_u;
            mixtrack_device_id \$arg_d;
            return 200 "%{variables}";
        }

        # a bot is one only where that was the question
        location /bot-else { mixtrack a if=\$mixtrack_page_view; mixtrack b if=\$arg_no; mixtrack c; default_type text/html; return 200; }

        location /insert-id/property {
            mixtrack a; mixtrack b; mixtrack c;
            mixtrack_property insert_id \$mixtrack_insert_id;
            return 200;
        }
        location /insert-id/if {
            mixtrack a if=\$arg_no; mixtrack b if=\$mixtrack_insert_id; mixtrack c;
            mixtrack_property insert_id \$mixtrack_insert_id;
            return 200;
        }
        location /insert-id/none     { mixtrack a if=0; return 200 "\$mixtrack_insert_id\$mixtrack_insert_id"; }
        location /insert-id/redirect {
            set \$id \$mixtrack_insert_id;
            rewrite ^ /insert-id/redirected last;
        }
        location /insert-id/redirected {
            mixtrack a;
            mixtrack_property insert_id \$mixtrack_insert_id;
            return 200 "\$id";
        }

        # of a level, and of none
        location /level         { mixtrack_user_id outer; location /level/none { return 200 "[\$mixtrack_user_id]"; }
                                  location /level/inner { mixtrack_user_id inner; return 200 "[\$mixtrack_user_id]"; } }
        location /level-before  { mixtrack_user_id outer; set \$seen \$mixtrack_user_id; rewrite ^ /level/inner last; }
        location /level-unset   { return 200 "[\$mixtrack_user_id\$mixtrack_device_id]"; }
    }

    # what is behind
    server {
        listen 127.0.0.1:%%PORT_2%%;
        mixtrack off;
        access_log off;

        location = /upstream/html  { default_type text/html; return 304; }
        location = /upstream/image { default_type image/png; return 304; }
        location = /upstream/none  { default_type ""; return 304; }
        location = /accel   { default_type text/html; add_header X-Accel-Redirect /static.html?k=\$arg_k; return 200; }
        location = /proxied { default_type "text/html; charset=koi8-r"; return 200 "<p>"; }
        location / { return 404; }
    }
}
EOF
mkdir $t->dir . '/index' or die;
$t->write_file($_, "<p>static</p>\n") for qw(static.html index/static.html);
$t->run;

my $cases   = Mixtrack::Cases->new($t);
my $before  = $t->status('default')->{skipped};
my $before2 = $t->status('second')->{skipped};

# ---- page views

my (%is, %not, %header);

for my $name (sort keys %cell) {
    my $c = $cell{$name};
    my $k = $name =~ s/([^\w.-])/sprintf '_%x', ord $1/ger;
    my $n = $c->{not} ? 0 : 1;

    $is{$k} = $n;
    $not{$c->{not}}++ if !$n;

    my $reply = $cases->request($k, sub {
        my $version = $c->{version} // '1.1';
        my @head    = ("Host: a", 'Connection: close', @{$c->{headers} // []});
        my $agent   = $c->{agent} // $browser;

        push @head, "User-Agent: $agent" if length $agent;
        push @head, 'Content-Length: 0' if ($c->{method} // '') =~ /^P/;
        $t->http(join "\r\n", ($c->{method} // 'GET') . " $c->{uri}?k=$k HTTP/$version", @head, '', '');
    }, sub ($p, $e, @) {
        is($p->{pv}, $n, 'the variable');
        is($p->{mapped}, $n ? 'yes' : undef, 'in a map');
        is($p->{only},   $n ? 'yes' : undef, 'if= of a property');
    }, 1 + 2 * $n);

    # nginx itself takes 400 for no request of these
    my ($status) = $reply =~ m{^HTTP/1\.\d (\d+)};
    my $want = $c->{status} // ($c->{uri} =~ m{^/status/(\d+)} ? $1 : undef);
    is($status, $want, "$name: the status is the one to be tried") if defined $want && $want != 499;

    next if exists $c->{header} && !$c->{header};
    ($header{$k}) = $reply =~ /^X-PV: (.*?)\r$/m;
}

is_deeply(\%header, {map { $_ => $is{$_} } keys %header}, 'in a header');
cmp_ok(scalar(keys %header), '>', keys(%cell) / 2, 'which most of them have');

# ---- before there is a response

my $reply = $cases->request('early', ['/early', port => 1, headers => ["User-Agent: $browser"]], sub ($p, @) {
    is($p->{early}, 0, 'before there is a response there is no page view');
    is($p->{late}, 1, 'afterwards there is');
    is($p->{mapped}, 'yes', 'in a volatile map as well');
    is($p->{once}, 'x', 'and another map remembers what it was asked for first');
});

$cases->request('bot-else', ['/bot-else', port => 1, headers => ['User-Agent: curl/8.1.2']]);

# ---- the other variables

my %said;

sub variables ($name, $headers, $args, %want) {
    my $reply = $cases->request($name, ['/variables', args => $args, port => 1, headers => $headers], sub ($p, $e, @) {
        my %got = map { $_ => $p->{$_} // '' } grep { $_ ne 'insert_id' } @variables, 'named', 'machine';
        $want{named} //= $want{browser};
        $want{machine} //= $want{bot};
        is_deeply(\%got, {(map { $_ => $want{$_} // '' } keys %got)}, 'as properties');

        my @body = split /\|/, $said{$name}, -1;
        is_deeply([@body[0 .. 6]], [map { $want{$_} // '' } @variables[0 .. 6]], 'as text');
        is($body[7], $p->{'$insert_id'}, '$mixtrack_insert_id is the event\'s');
        is($p->{insert_id}, $p->{'$insert_id'}, 'as a property as well');
        is(($cases->events($name))[1]{properties}{'$insert_id'}, "$body[7]-2", 'and the second event\'s with its number');
    }, 2);
    ($said{$name}) = $reply =~ /\r\n\r\n(.*)/s;
}

my %chrome = (bot => 0, browser => 'Chrome', browser_version => 124, os => 'Windows', named => 'Chromium');

variables('chrome', ["User-Agent: $browser"], '', %chrome);
variables('nobody', [], '', bot => 0);
variables('monitor', ["User-Agent: $browser", 'X-Monitor: yes'], '', %chrome, machine => 1);
variables('curl', ['User-Agent: curl/8.1.2'], '', bot => 1);
variables('iphone', ['User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 '
    . '(KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1'], '',
    bot => 0, browser => 'Mobile Safari', browser_version => 17.4, os => 'iOS', device => 'iPhone');
variables('android', ['User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) '
    . 'Chrome/124.0.0.0 Mobile Safari/537.36'], '',
    %chrome, os => 'Android', device => 'Android');
variables('googlebot', ['User-Agent: Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 '
    . '(KHTML, like Gecko) Chrome/124.0.6367.60 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
    '', %chrome, bot => 1, os => 'Android', device => 'Android');
variables('no-letter', ["User-Agent: 1.0 ()"], '', bot => 1);

# hints add what the user agent has not, and take nothing back
my @hints = ('Sec-CH-UA: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"', 'Sec-CH-UA-Platform: "Windows"',
    'Sec-CH-UA-Mobile: ?0', 'Sec-CH-UA-Full-Version-List: "Chromium";v="124.0.6367.60", "Google Chrome";v="124.0.6367.60"');
variables('hints-frozen', ["User-Agent: $browser", @hints], '', %chrome);
variables('hints-other',  ["User-Agent: $browser", @hints[0, 2, 3], 'Sec-CH-UA-Platform: "macOS"'], '', %chrome);
variables('hints-no-os', ['User-Agent: Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
    'Sec-CH-UA-Platform: "Android"'], '', %chrome, os => 'Android', device => 'Android');
variables('hints-no-os-mac', ['User-Agent: Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
    'sec-ch-ua-platform: "macOS"'], '', %chrome, os => 'Mac OS X');
variables('hints-bad', ["User-Agent: $browser", 'Sec-CH-UA: "', 'Sec-CH-UA-Platform: Linux\\', 'Sec-CH-UA-Mobile: "'],
    '', %chrome);
variables('hints-headless', ["User-Agent: $browser", 'Sec-CH-UA: "HeadlessChrome";v="124"'], '', %chrome, bot => 1);

# who
my $sdk = '{"distinct_id":"joe","$device_id":"d-1","$user_id":"joe"}' =~ s/(\W)/sprintf '%%%02X', ord $1/ger;
variables('user', ["User-Agent: $browser"], '&u=joe', %chrome, user_id => 'joe');
variables('device', ["User-Agent: $browser"], '&d=$device:d-7', %chrome, device_id => 'd-7');
variables('both', ["User-Agent: $browser"], '&u=joe&d=d-7', %chrome, user_id => 'joe', device_id => 'd-7');
variables('banned', ["User-Agent: $browser"], '&u=null&d=undefined', %chrome);
variables('cookie', ["User-Agent: $browser", "Cookie: mp_TOKEN_mixpanel=$sdk"], '',
    %chrome, user_id => 'joe', device_id => 'd-1');
variables('cookie-user', ["User-Agent: $browser", "Cookie: mp_TOKEN_mixpanel=$sdk"], '&u=ann',
    %chrome, user_id => 'ann', device_id => 'd-1');
variables('cookie-else', ["User-Agent: $browser", "Cookie: mp_ELSE_mixpanel=$sdk; mp_TOKEN_mixpanel=%7B"], '', %chrome);

like($t->get('/level',       port => 1), qr/404/, 'a location without an answer');
like($t->get('/level/none',  port => 1), qr/\r\n\r\n\[outer\]\z/, '$mixtrack_user_id of the level above');
like($t->get('/level/inner', port => 1), qr/\r\n\r\n\[inner\]\z/, 'and of its own');
like($t->get('/level-before', port => 1), qr/\r\n\r\n\[inner\]\z/, 'of where the request went on, though asked before');
like($t->get('/level-unset', port => 1), qr/\r\n\r\n\[\]\z/, 'of nobody');

# ---- $mixtrack_insert_id

my ($none) = $t->get('/insert-id/none', port => 1) =~ /\r\n\r\n(.*)/s;
like($none, qr/^([0-9a-f]{33})\1$/, 'an id without an event stays the same for its request');

for my $case (['property', 3, 'a'], ['if', 2, 'b']) {
    my ($name, $n, $first) = @$case;

    $cases->request("insert-$name", ["/insert-id/$name", port => 1], sub ($p, $e, @) {
        my @events = $cases->events("insert-$name");
        my $id     = $p->{'$insert_id'};

        is($e->{event}, $first, 'the first event');
        is_deeply([map { $_->{properties}{'$insert_id'} } @events], [$id, map {"$id-$_"} 2 .. $n], 'the ids of a request');
        is_deeply([map { $_->{properties}{insert_id} } @events], [($id) x $n], 'and the variable, asked for by a property');
    }, $n);
}

my $redirected;
$cases->request('insert-redirect', sub {
    ($redirected) = $t->get('/insert-id/redirect?k=insert-redirect', port => 1) =~ /\r\n\r\n(.*)/s;
}, sub ($p, @) {
    is($p->{'$insert_id'}, $redirected, 'of before an internal redirect');
    is($p->{insert_id},    $redirected, 'and after it');
});

# ---- all are there

ok($t->wait_rest && $t->wait_rest(project => 'second'), 'all events are on their way out');
$cases->take($ingest->raw_events);
$cases->check;

is_deeply(
    {map { my $k = $_; $k => join ' ', sort map { $_->{event} } $cases->events($k) } keys %is},
    {map { $_ => $is{$_} ? 'Any Mapped Page View' : 'Any' } keys %is},
    'page views are where they should be'
);

my %log = map { my ($k, @v) = split / /, $_, -1; $k => "@v" } grep { !/^-/ } split /\n/, slurp($t->dir . '/pv.log');
is_deeply({map { $_ => $log{$_} } keys %is}, {map { $_ => $is{$_} ? '1 yes' : '0 ' } keys %is}, 'and so says the log');

# of SSI, auth_request, mirror, addition: not what the visitor has asked for
my @part = map { (split / /, $_, -1)[1] } split /\n/, slurp($t->dir . '/part.log');
cmp_ok(scalar(@part), '>=', 3, 'subrequests have logged');
is(join(' ', grep {$_} @part), '', 'a subrequest is no page view');

my ($default, $second) = map { $t->status($_)->{skipped} } qw(default second);
my %more = (if => 3, bot => 1);    # /insert-id/none and /if, /bot-else
for my $why (qw(if bot)) {
    is($default->{$why} - $before->{$why}, $not{$why} + $more{$why}, "skipped by $why");
    is($second->{$why} - $before2->{$why}, $not{$why}, "by $why in a map, of a project of its own");
}
is($default->{$_} - $before->{$_}, 0, "skipped by $_: none") for qw(sample dnt gpc opt_out);

$t->done;
