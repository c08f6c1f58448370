#!/usr/bin/perl

# Who said no: by DNT, by GPC, by the SDK's opt-out cookie, or to a consent
# manager.  Each is counted apart, and nothing else is kept of him: not in
# the queue, not on disk, not in the log.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);
use Mixtrack::Visitor qw(sdk cookies encode http2);

my $t      = Mixtrack::Nginx->new(level => 'debug');
my $ingest = $t->ingest(9);

# what the README says of consent: its maps, and what is tracked by them
my ($readme) = slurp($t->root . '/README.md') =~ /^## Consent\n.*?^```nginx\n(.*?)^```/ms;
my ($maps, $tracks) = $readme =~ /^(map .*^\})\n+(.*)/ms;
$maps   =~ s/\$consent\b/\$readme/g;
$tracks =~ s/\$consent\b/\$readme/g;
$tracks =~ s/^(mixtrack\s.*);/$1 project=one;/m;

$t->conf(<<'EOF' =~ s/README_MAPS/$maps/r =~ s/README_TRACKS/$tracks/r)->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    map $arg_t $tok { default $arg_t; "" V; }

    # what a consent manager has written: categories, percent-encoded
    map $cookie_consent $consent {
        default                   "";
        "~(^|%2C)analytics%3Atrue" 1;
    }

    # the README's own example, below
    README_MAPS

    mixtrack_project one   { token T; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }
    mixtrack_project two   { token U; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }
    mixtrack_project three { token $tok; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }

    mixtrack hit project=one;
    mixtrack_property k $arg_k;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_4%% http2;

        location / { return 200; }

        location /sample  { mixtrack hit project=one sample=0.000001%; return 200; }
        location /all     { mixtrack_respect dnt gpc opt_out; return 200; }
        location /off     { mixtrack_respect off; return 200; }
        location /dnt     { mixtrack_respect dnt; return 200; }
        location /gpc     { mixtrack_respect gpc; return 200; }
        location /opt_out { mixtrack_respect opt_out; return 200; }
        location /two     { mixtrack_respect gpc dnt; return 200; }

        location /both  { mixtrack one project=one; mixtrack two project=two; return 200; }
        location /token { mixtrack three project=three; return 200; }

        location /cmp {
            mixtrack hit project=one if=$consent;
            mixtrack_device_cookie dev;
            if ($consent = "") { mixtrack_device_cookie off; return 200; }
            return 200;
        }

        location /readme  { default_type text/html; README_TRACKS return 200 "<p>page</p>"; location /readme/image { default_type image/png; return 200; } }

        location /ids {
            mixtrack_user_id $http_x_user;
            add_header X-Id "$mixtrack_user_id/$mixtrack_device_id";
            return 200;
        }

        location /silent  { mixtrack off; return 200; }

        location /status { mixtrack off; mixtrack_status json; }
    }

    # heads that are not read to their end
    server {
        listen 127.0.0.1:%%PORT_2%%;

        client_header_timeout       500ms;
        client_header_buffer_size   1k;
        large_client_header_buffers 2 1k;

        mixtrack_user_id       $http_x_user;
        mixtrack_device_cookie dev;
    }
    server {
        listen 127.0.0.1:%%PORT_3%%;

        client_header_timeout       500ms;
        client_header_buffer_size   1k;
        large_client_header_buffers 2 1k;

        mixtrack_user_id       $http_x_user;
        mixtrack_device_cookie dev;
        mixtrack_respect       off;
        mixtrack_ip            anonymize;
    }

    # inherited, and overridden below
    server {
        listen 127.0.0.1:%%PORT_1%%;
        mixtrack_respect gpc;

        location /     { return 200; }
        location /more { mixtrack_respect dnt gpc; return 200; }
        location /off  { mixtrack_respect off; return 200; }
    }
}
EOF

my $cases = Mixtrack::Cases->new($t);
my $n     = 0;
my %skipped = map { $_ => {dnt => 0, gpc => 0, opt_out => 0, if => 0, bot => 0, sample => 0} } qw(one two three);
my %name;

# A request that is tracked, or skipped for this reason.
sub request ($name, $why, $uri, @headers) {
    my ($port, %o) = (0);
    ($port, $uri) = @$uri if ref $uri;

    my $k = ++$n;
    $name{$k} = $name;
    $skipped{one}{$why}++ if $why;
    return $cases->request($k, [$uri, port => $port, headers => \@headers], undef, $why ? 0 : 1);
}

sub tracked ($name, $uri, @headers) { request($name, undef, $uri, @headers) }

sub skipped_by ($project) { return {%{$t->status($project)->{skipped}}{qw(dnt gpc opt_out if bot sample)}} }

# the counters after what has been requested so far
sub counted ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply(skipped_by('one'), $skipped{one}, "counted: $name");
}

my $out    = '__mp_opt_in_out_T=0';
my $in     = '__mp_opt_in_out_T=1';
my $legacy = 'mp_optout=1';


# ---- by default, and when all three are named

for my $uri ('/', '/all') {
    tracked "$uri: nobody objects", $uri;

    request "$uri: DNT", 'dnt', $uri, 'DNT: 1';
    request "$uri: dnt", 'dnt', $uri, 'dnt: 1';
    request "$uri: DNT, spaces", 'dnt', $uri, 'DNT:   1  ';
    tracked "$uri: DNT $_", $uri, "DNT: $_" for '0', '', 'null', 'unspecified', '11', '1, 1', '10', 'yes';
    counted "$uri: dnt";

    request "$uri: GPC", 'gpc', $uri, 'Sec-GPC: 1';
    request "$uri: gpc", 'gpc', $uri, 'sec-gpc: 1';
    tracked "$uri: GPC $_", $uri, "Sec-GPC: $_" for '0', '', '?1', '11', 'true';
    counted "$uri: gpc";

    request "$uri: opted out", 'opt_out', $uri, "Cookie: $out";
    request "$uri: opted out, encoded", 'opt_out', $uri, 'Cookie: __mp_opt_in_out_T=%30';
    request "$uri: opted out, among others", 'opt_out', $uri, "Cookie: a=b; $out; c=d";
    request "$uri: opted out, in the second line", 'opt_out', $uri, 'Cookie: a=b', "Cookie: $out";
    request "$uri: opted out, and identified", 'opt_out', $uri,
        sdk('T', '$user_id' => 'ann', distinct_id => 'ann') . "; $out";
    tracked "$uri: opted in", $uri, "Cookie: $in";
    tracked "$uri: opted $_", $uri, "Cookie: __mp_opt_in_out_T=$_" for '', '00', '2', 'null', 'false', '%31';
    tracked "$uri: opted out of another token", $uri, 'Cookie: __mp_opt_in_out_U=0';
    tracked "$uri: of no token", $uri, 'Cookie: __mp_opt_in_out_=0';
    tracked "$uri: of a longer one", $uri, 'Cookie: __mp_opt_in_out_TT=0; x__mp_opt_in_out_T=0';
    request "$uri: of both, the first counts, out", 'opt_out', $uri, "Cookie: $out; $in";
    tracked "$uri: of both, the first counts, in", $uri, "Cookie: $in; $out";

    request "$uri: legacy", 'opt_out', $uri, "Cookie: $legacy";
    request "$uri: legacy, whatever it says: $_", 'opt_out', $uri, "Cookie: mp_optout=$_" for qw(0 true false x);
    tracked "$uri: legacy, nothing", $uri, 'Cookie: mp_optout=';
    tracked "$uri: legacy, and opted in since", $uri, "Cookie: $legacy; $in";
    request "$uri: legacy, and out", 'opt_out', $uri, "Cookie: $legacy; $out";
    request "$uri: legacy, and in for another token", 'opt_out', $uri, "Cookie: $legacy; __mp_opt_in_out_U=1";
    tracked "$uri: nearly legacy", $uri, 'Cookie: xmp_optout=1; mp_optout2=1';
    counted "$uri: opt_out";

    request "$uri: all at once is one", 'dnt', $uri, 'DNT: 1', 'Sec-GPC: 1', "Cookie: $out; $legacy";
    request "$uri: GPC and a cookie", 'gpc', $uri, 'DNT: 0', 'Sec-GPC: 1', "Cookie: $out";
    counted "$uri: the first of several";
}

# any line that objects
request 'DNT in the second line', 'dnt', '/', 'DNT: 0', 'DNT: 1';
request 'DNT in the first line', 'dnt', '/', 'DNT: 1', 'DNT: 0';
request 'GPC in the third line', 'gpc', '/', 'Sec-GPC: 0', 'Sec-GPC: ', 'Sec-GPC: 1';

# over HTTP/2, where each cookie may be a field of its own
for (
    ['nobody objects', undef],
    ['DNT', 'dnt', [dnt => 1]],
    ['GPC', 'gpc', ['sec-gpc' => 1]],
    ['opted out', 'opt_out', [cookie => 'a=b'], [cookie => $out], [cookie => 'c=d']],
    ['legacy', 'opt_out', [cookie => 'a=b'], [cookie => $legacy]],
    ['legacy, and opted in since', undef, [cookie => $legacy], [cookie => $in]],
) {
    my ($name, $why, @fields) = @$_;
    my $k = ++$n;

    $name{$k} = "HTTP/2: $name";
    $skipped{one}{$why}++ if $why;
    $cases->request($k, sub { ok(http2($t->port(4), "/?k=$k", @fields), $name{$k}) }, undef, $why ? 0 : 1);
}
counted 'lines, and fields of HTTP/2';

# what others are told of him
for (['', 'X-Other: 1'], ['dnt', 'DNT: 1'], ['gpc', 'Sec-GPC: 1'], ['opt_out', "Cookie: $out"]) {
    my ($name, $header) = @$_;
    my $reply = request("ids, $name", $name || undef, '/ids', 'X-User: ann',
        sdk('T', '$device_id' => 'dev-1', distinct_id => '$device:dev-1'), $header);
    like($reply, !$name ? qr{^X-Id: ann/dev-1\r}m : qr{^X-Id: /\r}m, "ids, $name: what the variables tell");
}
counted 'ids';

# whatever is answered, whoever asks
request 'an error', 'dnt', '/nowhere', 'DNT: 1';
request 'a bot', 'gpc', '/', 'Sec-GPC: 1', 'User-Agent: Googlebot/2.1';
counted 'all others';


# ---- single ones

my %objection = (
    dnt     => ['DNT: 1'],
    gpc     => ['Sec-GPC: 1'],
    opt_out => ["Cookie: $out"],
    legacy  => ["Cookie: $legacy"],
);

my %respects = (
    '/off'     => {},
    '/dnt'     => {dnt => 'dnt'},
    '/gpc'     => {gpc => 'gpc'},
    '/opt_out' => {opt_out => 'opt_out', legacy => 'opt_out'},
    '/two'     => {dnt => 'dnt', gpc => 'gpc'},
);

for my $uri (sort keys %respects) {
    for (sort keys %objection) {
        request "$uri: $_", $respects{$uri}{$_}, $uri, @{$objection{$_}};
    }
    tracked "$uri: nobody objects", $uri;
    counted $uri;
}
tracked 'off: all of them', '/off', map {@$_} @objection{qw(dnt gpc opt_out)};

# by a server, and by its locations
my %inherits = ('/' => ['gpc'], '/more' => ['gpc', 'dnt'], '/off' => []);

for my $uri (sort keys %inherits) {
    for my $o (sort keys %objection) {
        my ($why) = grep { $_ eq $o } @{$inherits{$uri}};
        request "server, $uri: $o", $why, [1, $uri], @{$objection{$o}};
    }
    counted "server, $uri";
}


# ---- who may have objected in what was not read

my %who = ('$device_id' => 'd-1', '$user_id' => 'joe', distinct_id => 'joe', utm_term => 'stored', '$initial_referrer' => 'https://from.test/',
    '$search_engine' => 'google', mp_keyword => 'stored');
my $head  = join "\r\n", 'Host: a', 'Accept: text/html', 'Sec-Fetch-Mode: navigate', 'X-User: ann',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', sdk('T', %who);
my $fresh = join "\r\n", grep { !/^(?:Cookie|X-User)/ } split /\r\n/, $head;
my %cut   = (
    'too large'   => ["X: " . 'x' x 3000 . "\r\nDNT: 1\r\n\r\n"],
    'malformed'   => ["X\x01: y\r\nDNT: 1\r\n\r\n"],
    'too late'    => ["DN"],
    'given up'    => ["DN", shutdown => 1],
);

# lines that were read, and the next that was not; skipped for that reason
sub cut ($name, $port, $lines, $why, $check) {
    my ($end, %o) = @{$cut{$name}};
    my $k = 'head-' . ++$n;
    my $reply;

    $skipped{one}{$why}++ if $why;
    $cases->request($k, sub { $reply = $t->http("GET /?k=$k HTTP/1.1\r\n$lines\r\n$end", port => $port, %o) }, $check, $why ? 0 : 1);
    unlike($reply, qr/^Set-Cookie/m, "a head that is $name: no device cookie");
}

for my $name (sort keys %cut) {
    cut($name, 2, $head, undef, sub ($p, @) {
        like($p->{status}, qr/^40[08]\z/, 'a bad request');
        is_deeply([grep { exists $p->{$_} } grep { $_ ne 'distinct_id' } sort keys %who], [], 'nothing of who it is');
        is($p->{distinct_id}, '', 'nobody');
        is($p->{ip}, '0', 'from nowhere');
    });
    cut($name, 2, $fresh, undef, sub ($p, @) { is($p->{distinct_id}, '', 'nobody') });
    cut($name, 2, "$head\r\nSec-GPC: 1", 'gpc', undef);
    cut($name, 3, $head, undef, sub ($p, @) {
        is($p->{distinct_id}, 'ann', 'with "mixtrack_respect off" what there is');
        is($p->{'$user_id'}, 'ann', 'by the directive');
        is($p->{ip}, '127.0.0.0', 'and the address');
    });
    cut($name, 3, $fresh, undef, sub ($p, @) { is($p->{distinct_id}, '', 'nobody') });
}
counted 'a head that was not read';


# ---- consent is asked before the sample

my %before = %{$t->status('one')->{skipped}};
request 'DNT, and a sample', 'dnt', '/sample', 'DNT: 1';
counted 'a sample is not looked at';
$t->get('/sample', headers => ['User-Agent: nobody']);
is($t->status('one')->{skipped}{sample}, $before{sample} + 1, 'but for who does not object');
$skipped{one}{sample}++;


# ---- each project by its own token

sub projects ($k, $want, @headers) {
    my %want = map { $_ => 1 } @$want;
    $skipped{$_}{opt_out}++ for grep { !$want{$_} } qw(one two);
    $name{$k} = $k;
    $cases->request($k, ['/both', headers => \@headers], undef, scalar @$want);
    return $k;
}

my %projects = (
    projects('projects-none', ['one', 'two']) => 'one two',
    projects('projects-first',  ['two'], "Cookie: $out")                              => 'two',
    projects('projects-second', ['one'], 'Cookie: __mp_opt_in_out_U=0')               => 'one',
    projects('projects-both',   [], "Cookie: $out; __mp_opt_in_out_U=0")              => '',
    projects('projects-legacy', [], "Cookie: $legacy")                                => '',
    projects('projects-legacy-in', ['two'], "Cookie: $legacy; __mp_opt_in_out_U=1")   => 'two',
);
is_deeply(skipped_by('two'), $skipped{two}, 'counted: by the project');

# a token that is a variable
for (['V', '', 1], ['V', 'W', 0], ['W', 'W', 1], ['W', '', 0], ['T', 'W', 0]) {
    my ($opted, $token, $skip) = @$_;
    my $k = ++$n;

    $name{$k} = "opted out of $opted, token " . ($token || 'by default');
    $skipped{three}{opt_out} += $skip;
    $cases->request($k, ['/token', args => "&t=$token", headers => ["Cookie: __mp_opt_in_out_$opted=0"]], undef, 1 - $skip);
}
is_deeply(skipped_by('three'), $skipped{three}, 'counted: by a token that is a variable');


# ---- a consent manager's cookie

my @nav = ('Accept: text/html', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0');

sub cmp_cookie (%o) { 'Cookie: consent=' . encode(join ',', map {"$_:$o{$_}"} sort keys %o) }

my @asked = (
    ['he was not asked yet', 'if'],
    ['an empty cookie', 'if', 'Cookie: consent='],
    ['a cookie that is none', 'if', 'Cookie: consent=yes'],
    ['he has refused', 'if', cmp_cookie(analytics => 'false', necessary => 'true')],
    ['he agreed to something else', 'if', cmp_cookie(xanalytics => 'true', marketing => 'true')],
    ['he agreed', undef, cmp_cookie(analytics => 'true', necessary => 'true')],
    ['he agreed, last', undef, cmp_cookie(advertising => 'false', analytics => 'true')],
    ['he agreed, but his browser does not', 'dnt', cmp_cookie(analytics => 'true'), 'DNT: 1'],
    ['he agreed, but opted out', 'opt_out', cmp_cookie(analytics => 'true') . "; $out"],
    ['neither', 'if', 'DNT: 1'],
);

for (@asked) {
    my ($name, $why, @headers) = @$_;
    my @set = cookies(request("a consent manager: $name", $why, '/cmp', @nav, @headers), 'dev');
    is(scalar(@set), $why ? 0 : 1, "a consent manager: $name: " . ($why ? 'no cookie' : 'a device cookie'));
}
counted 'a consent manager';

# and as the README does it
for (
    ['he was not asked yet', 'if', 0, '/readme'],
    ['he has refused', 'if', 0, '/readme', 'Cookie: consent=necessary'],
    ['he agreed', undef, 1, '/readme', 'Cookie: consent=necessary,analytics'],
    ['he agreed, to an image', 'if', 1, '/readme/image', 'Cookie: consent=analytics'],
    ['he agreed, but his browser does not', 'dnt', 0, '/readme', 'Cookie: consent=analytics', 'DNT: 1'],
) {
    my ($name, $why, $cookie, $uri, @headers) = @$_;
    my @set = cookies(request("README: $name", $why, $uri, @nav, @headers), 'mp_device');
    is(scalar(@set), $cookie, "README: $name: " . ($cookie ? 'a device cookie' : 'no cookie'));
}
counted 'the README\'s example';


# ---- nothing is stored of who objects

# the zones as the worker sees them: shared and without a file
sub memory ($pid) {
    my $all = '';
    no warnings 'portable';
    open my $mem, '<:raw', "/proc/$pid/mem" or return;

    for (split /\n/, slurp("/proc/$pid/maps")) {
        my ($from, $to) = m{^(\w+)-(\w+) rw-s \S+ \S+ \S+\s+/dev/zero} or next;
        sysseek $mem, hex $from, 0;
        sysread $mem, $all, hex($to) - hex $from, length $all;
    }
    return $all;
}

# what the log says of a request, its address, its connection and its
# numbers taken away
sub said ($marker, $from) {
    my $log = substr $t->error_log, $from;
    return map { s/^\S+ \S+ \[(\w+)\] \d+#\d+: \*\d+ /[$1] /r =~ s/[0-9A-F]{8,}|\d+/N/gr =~ s/\Q$marker\E/MARKER/gr }
        grep {/\Q$marker\E/} split /\n/, $log;
}

sub marked ($uri, $marker, @headers) {
    my $from = length $t->error_log;

    $t->get("$uri?secret=$marker", headers => [
        "User-Agent: Mozilla/$marker", "Referer: http://example.com/$marker",
        "X-Marker: $marker", @headers,
    ]);

    # it closes when it has logged
    return said($marker, $from);
}

ok($t->wait_rest(project => $_), "$_: all is delivered") for qw(one two three);

my ($worker) = $t->workers;
my $debug = $t->error_log =~ /\[debug\]/;

# with DNT the request is to leave what one leaves that nobody tracks
my $i = 0;
my %marker;
my $marker = sub ($name) { return $marker{$name} = 'marker-' . join '', map { chr(97 + $_) } 7, 8, $i++ };

my @silent = map {s{/silent}{/}r} marked('/silent', $marker->('off'), 'DNT: 1', 'Sec-GPC: 1', "Cookie: $out; x=$marker{off}",
    "Cookie: $legacy; x=$marker{off}");
marked('/', $marker->('tracked'));

for my $why (sort keys %objection) {
    my $m    = $marker->($why);
    my @said = marked('/', $m, map { /^Cookie/ ? "$_; x=$m" : $_ } @{$objection{$why}});
    my @mine = grep {/mixtrack|mxt/i} @said;

    is("@mine", '', "$why: the module says nothing of him in the log");

    # nginx itself names its headers at debug
    my @more = grep { my $line = $_; !grep { $line eq $_ } @silent } @said;
    is(join("\n", @more), '', "$why: and nobody says more than without the module");
}

ok($t->wait_status(sub { !$_->{queued} && !$_->{in_flight} }, project => 'one'), 'delivered');

SKIP: {
    my $memory = memory($worker);

    # root can
    skip 'the memory of a worker cannot be read', scalar keys %marker if !defined $memory && $> != 0;
    $memory //= '';

    ok(index($memory, $marker{tracked}) >= 0, 'memory: who was tracked is still to be seen in the queue');
    for my $why (sort grep { $_ ne 'tracked' } keys %marker) {
        ok(index($memory, $marker{$why}) < 0, "memory: $why, he is not");
    }
}

my $arrived = join "\n", $ingest->raw_events;
ok(index($arrived, $marker{tracked}) >= 0, 'who was tracked has arrived');
is(join(' ', grep { $_ ne 'tracked' && index($arrived, $marker{$_}) >= 0 } sort keys %marker), '', 'and nobody else');
ok($debug, 'the log was at debug') or diag('nginx is built without it');
is(join(' ', glob $t->dir . '/spool/*/*'), '', 'nothing is on disk');


# ---- all of them

$cases->take(grep { !/marker-/ } $ingest->raw_events);

for my $k (sort { $a <=> $b } grep {/^\d+$/} keys %name) {
    my $want = $cases->{want}{$k};
    is(scalar(my @e = $cases->events($k)), $want, $name{$k} . ($want ? '' : ': nothing'));
}

for my $k (sort keys %projects) {
    is(join(' ', sort map { $_->{event} } $cases->events($k)), $projects{$k}, $k);
}
$cases->check;

$t->done;
