#!/usr/bin/perl

# The real thing: Mixpanel's SDK runs in Chromium, in pages that nginx serves
# with this module on.  For each visit there are two events, the SDK's and
# ours, and they have to agree in everything that both can know.

use v5.36;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Agents qw(@agents);
use Mixtrack::Browser;
use Mixtrack::Cases;
use Mixtrack::Collector;
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_encode slurp);

plan skip_all => 'TEST_NO_CHROMIUM' if $ENV{TEST_NO_CHROMIUM};

my $t       = Mixtrack::Nginx->new;
my $dir     = $t->dir;
my $browser = Mixtrack::Browser->new(dir => $dir)
    or die "no chromium in PATH: make deps installs it, TEST_CHROMIUM names one, TEST_NO_CHROMIUM=1 goes without\n";

my $ingest = $t->ingest(9);
my $bare   = $t->ingest(7, original => 1);
my $sdk    = Mixtrack::Collector->new($t->port(8));
my $cases  = Mixtrack::Cases->new($t);
my $token  = 'b7c1d2e3f4a5968778695a4b3c2d1e0f';
my $second = '0f1e2d3c4b5a69788796a5f4e3d2c1b7';

# ---- the site

my ($archive) = split /\n/, qx(cd '${\$t->root}' && build-aux/browser-sdk build/download);
die "no SDK\n" if $? || !$archive;

mkdir "$dir/site";
system("tar -xzOf '$archive' package/dist/mixpanel.umd.js > '$dir/site/mixpanel.js'") == 0 or die "tar: $?\n";
chmod 0755, "$dir/site";
$t->tls;

# A page: a script before the SDK, what config is, a script that follows.
sub page ($name, %o) {
    my $config = $o{config} // '';
    my $token  = $o{token} // $token;

    $t->write_file("site/$name.html", <<"END");
<!DOCTYPE html>
<meta charset="utf-8">
<title>A page</title>
<script>
${\($o{before} // '')}
</script>
<script src="/mixpanel.js"></script>
<script>
mixpanel.init('$token', {
    api_host: location.origin + '/mp',
    batch_requests: false,
    opt_out_tracking_persistence_type: 'cookie',
    $config
});
${\($o{after} // '')}
</script>
END
}

page('page', after => 'mixpanel.track_pageview();');

# the README's: the SDK is to begin with the id that nginx has issued
my ($adopts) = slurp($t->root . '/README.md') =~ /^```html\n<script>\n(.*?)^<\/script>/ms
    or die "the README has no script\n";
page('adopt', config => 'track_pageview: true', before => $adopts =~ s/YOUR_PROJECT_TOKEN/$token/r =~ s/'mp_device'/'visitor'/r);

# of a project with Original ID Merge
page('original', token => $second, after => 'mixpanel.track_pageview();');
page('original-adopt', token => $second, config => 'track_pageview: true',
    before => $adopts =~ s/YOUR_PROJECT_TOKEN/$second/r =~ s/'mp_device'/'visitor'/r =~ s/'\$device:' \+ //r);

# of a site with a service worker, which passes on what it is asked for
page('worked', after => <<'END');
mixpanel.track_pageview();
navigator.serviceWorker.register('/worked/worker.js');
END
$t->write_file('site/worker.js', <<'END');
addEventListener('activate', function (event) { event.waitUntil(clients.claim()) });
addEventListener('fetch', function (event) { event.respondWith(fetch(event.request)) });
END

$t->write_file('site/results.html', "<!DOCTYPE html>\n<title>Results of a search</title>\n");

$t->conf(<<'EOF' =~ s/TOKEN/$token/r =~ s/SECOND/$second/r)->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project { token TOKEN; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack_project original { token SECOND; id_merge original; endpoint %%INGEST_7%%; zone 2m; batch interval=50ms; }

    mixtrack          "Page View" if=$mixtrack_page_view;
    mixtrack_property k $arg_k;

    ssl_certificate     %%TESTDIR%%/tls/good.crt;
    ssl_certificate_key %%TESTDIR%%/tls/good.key;

    default_type text/html;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% ssl http2;

        root %%TESTDIR%%/site;

        location / { rewrite ^ /page.html break; }

        location /adopt {
            mixtrack_device_cookie visitor;
            rewrite ^ /adopt.html break;
        }

        location /original {
            mixtrack "Page View" if=$mixtrack_page_view project=original;
            rewrite  ^ /original.html break;
        }

        location /original/adopt {
            mixtrack               "Page View" if=$mixtrack_page_view project=original;
            mixtrack_device_cookie visitor;
            rewrite                ^ /original-adopt.html break;
        }

        location /worked {
            mixtrack_property dest $http_sec_fetch_dest;
            mixtrack_property mode $http_sec_fetch_mode;
            rewrite ^ /worked.html break;
        }

        location = /worked/worker.js { mixtrack off; default_type text/javascript; rewrite ^ /worker.js break; }

        location = /mixpanel.js { mixtrack off; default_type text/javascript; }

        location /mp/ {
            mixtrack   off;
            proxy_pass http://127.0.0.1:%%PORT_8%%/;
        }

        # somebody else's site

        location /search {
            mixtrack   off;
            add_header Referrer-Policy unsafe-url;
            rewrite    ^ /results.html break;
        }

        location /shy {
            mixtrack   off;
            rewrite    ^ /results.html break;
        }

        %%STATUS%%
    }
}
EOF

my $port  = $t->port(0);
my $local = "http://localhost:$port";
my $ip    = "http://127.0.0.1:$port";
my $tls   = 'https://localhost:' . $t->port(1);

# ---- visitors

# Without its head it is a bot to us; with it, it is this.
my ($version) = $browser->agent =~ m{HeadlessChrome/(\d+)} or die 'not headless: ' . $browser->agent . "\n";
my $agent = $browser->agent =~ s/Headless//r;

my %hints = (
    brands => [
        {brand => 'Chromium',      version => $version},
        {brand => 'Google Chrome', version => $version},
        {brand => 'Not/A)Brand',   version => '8'},
    ],
    fullVersion     => "$version.0.0.0",
    platform        => 'Linux',
    platformVersion => '6.1.0',
    architecture    => 'x86',
    model           => '',
    mobile          => \0,
);

sub visitor { $browser->visitor->agent($agent, hints => \%hints) }

# ---- both events of a visit

# The SDK's alone: what only the page knows.
my %sdks = map { $_ => 1 } qw($screen_height $screen_width $mp_autocapture current_page_title);

# Ours alone: what only the edge knows.
my %ours = map { $_ => 1 } qw(
    method status bytes_sent request_time upstream_response_time upstream_cache_status http_version tls_version ip k
    dest mode);

# Each its own.
my %own = map { $_ => 1 } qw(time $insert_id mp_lib $lib_version);

# Ours has none of these before the SDK has set its cookie; and where he came
# from is forgotten by reset(), until the next page.
my @first  = qw($initial_referrer $initial_referring_domain);
my @cookie = (qw(distinct_id $device_id $user_id), @first);

# name => the SDK's page view
my %seen;

# in front, as both events have no more than 255 characters of a URL
sub with_k ($url, $k) { $url =~ s/^([^?#]*)(?:\?([^#]*))?/"$1?k=$k" . (length($2 \/\/ '') ? "&$2" : '')/er }

sub sdk_events ($k) {
    return grep { $_->{properties}{'$current_url'} =~ /[?&]k=\Q$k\E(?:[&#]|\z)/ } $sdk->events;
}

# Visits url once, as $page->go does (how => 'follow': as a link there), and
# later both events are compared, except => [of these]; ours has all of has,
# and of undef there nothing.  The SDK's.
sub visit ($page, $k, $url, %o) {
    my $how = $o{how} // 'go';

    $cases->request($k, sub {
        $page->$how(with_k($url, $k));
        $seen{$k} = $browser->await(sub {
            my ($e) = grep { $_->{event} eq '$mp_web_page_view' } sdk_events($k);
            return $e;
        }, "the SDK's event of $k")->{properties};
    }, sub ($p, $e, $raw) { agree($seen{$k}, $p, %o) });

    return $seen{$k};
}

# The first of a visitor.
sub arrive ($page, $k, $url, %o) {
    return visit($page, $k, $url, %o, except => \@cookie,
        has => {distinct_id => '', '$device_id' => undef, %{$o{has} // {}}});
}

# A visit of which neither tells anything.
sub silent ($page, $k, $url) {
    $cases->request($k, sub { $page->go(with_k($url, $k)) }, undef, 0);
    is(join(' ', grep {m{/mp/}} $page->requests), '', "$k: the SDK sends nothing");
}

sub text ($v) { defined $v ? json_encode($v) : 'nothing' }

sub agree ($theirs, $mine, %o) {
    my %skip = (%own, map { $_ => 1 } @{$o{except} // []});
    my (@differ, $n);

    for my $name (sort keys %{{%$theirs, %$mine}}) {
        next if $skip{$name};
        my ($it, $we) = ($theirs->{$name}, $mine->{$name});

        # never in a request
        $it =~ s/#.*// if $name eq '$current_url';

        next if defined $it ? $sdks{$name} && !defined $we : $ours{$name} || !defined $we;
        $n++;
        push @differ, "$name: the SDK says " . text($it) . ', the module ' . text($we) if text($it) ne text($we);
    }

    is(join("\n", @differ), '', "agree in all of $n");

    my %has = %{$o{has} // {}};
    is(text($mine->{$_}), text($has{$_}), $_) for sort keys %has;
}

sub is_device ($p, $name) {
    like($p->{'$device_id'}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/, "$name: a device");
    is($p->{distinct_id}, "\$device:$p->{'$device_id'}", "$name: nobody but that");
    return $p->{'$device_id'};
}

# ---- a visitor, from the first page to another one

{
    my $page = visitor();
    my $p    = arrive($page, 'first', "$local/", has => {
        '$browser'             => 'Chrome',
        '$browser_version'     => $version + 0,
        '$os'                  => 'Linux',
        '$device'              => undef,
        '$referrer'            => undef,
        '$current_url'         => "$local/?k=first",
        current_url_protocol   => 'http:',
        current_domain         => 'localhost',
        current_url_path       => '/',
        current_url_search     => '?k=first',
        http_version           => '1.1',
    });
    my $device = is_device($p, 'first');

    $p = visit($page, 'second', "$local/plans", has => {'$device_id' => $device, '$initial_referrer' => '$direct'});
    is_device($p, 'second');

    visit($page, 'link', "$local/link", how => 'follow',
        has => {'$referrer' => "$local/plans?k=second", '$referring_domain' => "localhost:$port"});

    visit($page, 'odd', "$local/caf%C3%A9/a%20b;c/%7Eme?q=%22x%22+y&name=J%C3%BCrgen&e=#top");
    visit($page, 'typed', "$local/café 😀/'quoted'?<b>=\"ü\"|[]{}^`\\");
    visit($page, 'long', "$local/" . 'long/' x 30 . '?' . join '&', map {"argument$_=value"} 1 .. 20);

    $page->run('mixpanel.identify("j\u00fcrgen@ex\u00e4mple.test"); 1');
    my $user = 'jürgen@exämple.test';
    $p = visit($page, 'identified', "$local/",
        has => {distinct_id => $user, '$user_id' => $user, '$device_id' => $device});
    is($p->{'$user_id'}, $user, 'identified: by the SDK');

    $page->run('mixpanel.reset(); 1');
    $p = visit($page, 'reset', "$local/", except => \@first, has => {'$user_id' => undef});
    isnt(is_device($p, 'reset'), $device, 'reset: another device');
}

# ---- where from: campaigns, advertisers, search engines

{
    my @utm   = qw(source medium campaign content term id source_platform campaign_id creative_format marketing_tactic);
    my @click = qw(dclid fbclid gclid ko_click_id li_fat_id msclkid sccid ttclid twclid wbraid);
    my %utm   = map { ("utm_$_" => "the $_, & \"größe\"+") } @utm;
    my %click = map { ($_ => "$_-1.A_b") } @click;

    # "+" is a space to the SDK, even when it was "%2B"
    my $escape = sub ($s) { utf8::encode($s); $s =~ s/([^A-Za-z0-9 ])/sprintf '%%%02X', ord $1/ger =~ tr/ /+/r };
    my $args   = sub (%arg) { join '&', map { "$_=" . $escape->($arg{$_}) } sort keys %arg };
    my %plain  = map { $_ => $utm{$_} =~ tr/+/ /r } keys %utm;

    my $page = visitor();
    arrive($page, 'campaign', "$ip/sale?" . $args->(%utm), has => {%plain, current_domain => '127.0.0.1'});
    visit($page, 'campaign-kept', "$ip/", has => \%plain);
    visit($page, 'campaign-part', "$ip/?utm_source=other&UTM_MEDIUM=no&utm_content=&xutm_term=no",
        has => {%plain, utm_source => 'other'});
    visit($page, 'clicks', "$ip/?" . $args->(%click), has => \%click);
    visit($page, 'clicks-gone', "$ip/", has => {map { $_ => undef } @click});
    visit($page, 'malformed', "$ip/?utm_source=%E4%zz&utm_medium=%80&gclid=%&twclid=a=b?c&fbclid=1&fbclid=2");
    visit($page, 'in-path', "$ip/p&utm_source=path/x");

    my %engine = (
        'google'     => ['www.google.test', 'q'],
        'bing'       => ['www.bing.com.test', 'q'],
        'yahoo'      => ['search.yahoo.com.test', 'p'],
        'duckduckgo' => ['duckduckgo.com.test', 'q'],
    );

    for my $name (sort keys %engine) {
        my ($host, $arg) = @{$engine{$name}};
        my $from = "http://$host:$port";
        my %has  = ('$search_engine' => $name, '$referring_domain' => "$host:$port");

        $page->forget->go("$from/shy?$arg=red+shoes");
        arrive($page, "$name-shy", "$ip/", how => 'follow',
            has => {%has, mp_keyword => undef, '$referrer' => "$from/"});

        $page->forget->go("$from/search?ie=UTF-8&$arg=red+shoes+%26+gr%C3%B6%C3%9Fe&x=1");
        arrive($page, $name, "$ip/", how => 'follow', has => {%has, mp_keyword => 'red shoes & größe'});

        # the SDK remembers all of it
        visit($page, "$name-later", "$ip/", has => {
            '$search_engine'            => $name,
            mp_keyword                  => 'red shoes & größe',
            '$referrer'                 => undef,
            '$initial_referrer'         => "$from/search?ie=UTF-8&$arg=red+shoes+%26+gr%C3%B6%C3%9Fe&x=1",
            '$initial_referring_domain' => "$host:$port",
        });
    }

    # another one, that keeps to itself what was sought: the old word stays
    $page->go("http://www.google.test:$port/shy");
    visit($page, 'engine-other', "$ip/", how => 'follow', except => ['mp_keyword'], has => {'$search_engine' => 'google'});

    $page->forget->go("http://blog.test:$port/search?q=none");
    arrive($page, 'blog', "$ip/", how => 'follow', has => {
        '$referrer'      => "http://blog.test:$port/search?q=none",
        '$search_engine' => undef,
        mp_keyword       => undef,
    });
}

# ---- other names, and over TLS

{
    my $page = visitor();

    my $device = is_device(arrive($page, 'www', "http://www.shop.test:$port/"), 'www');
    visit($page, 'subdomain', "http://pay.shop.test:$port/", has => {
        '$device_id'   => $device,
        current_domain => 'pay.shop.test',
        '$current_url' => "http://pay.shop.test:$port/?k=subdomain",
    });
    visit($page, 'spelling', "http://WWW.Shop.TEST:$port/", has => {current_domain => 'www.shop.test'});

    arrive($page, 'tls', "$tls/", has => {current_url_protocol => 'https:', http_version => '2'});
    $page->run('document.cookie = "other=1; path=/"; document.cookie = "more=%7B%22; path=/"; mixpanel.identify("ann"); 1');
    visit($page, 'tls-link', "$tls/a", how => 'follow', has => {'$user_id' => 'ann', '$referrer' => "$tls/?k=tls"});
    visit($page, 'tls-left', "$ip/", how => 'follow', has => {'$user_id' => undef, '$referrer' => undef},
        except => \@cookie);
}

# ---- through a service worker

{
    my $page = visitor();

    arrive($page, 'worker-first', "$local/worked/", has => {dest => 'document', mode => 'navigate'});
    $page->run('navigator.serviceWorker.ready.then(function () { return 1 })');
    $page->worker_agent($agent);

    visit($page, 'worker', "$local/worked/on", has => {dest => 'empty', mode => 'navigate'});
    visit($page, 'worker-link', "$local/worked/link", how => 'follow',
        has => {dest => 'empty', mode => 'navigate', '$referrer' => "$local/worked/on?k=worker"});
}

# ---- browsers, each by its own name

{
    my $page = $browser->visitor;

    for (@agents) {
        my ($name, $vendor, $ua, $is, $v, $os, $device) = @$_;

        $page->forget->agent($ua, vendor => $vendor, script => $ua =~ /Presto/ ? 'window.opera = {};' : '');
        arrive($page, $name, "$local/",
            has => {'$browser' => $is, '$browser_version' => $v, '$os' => $os, '$device' => $device});
    }
}

# ---- nobody is there

{
    my $bots = sub { $t->status('default')->{skipped}{bot} };
    my $n    = $bots->();

    silent($browser->visitor->agent("$agent (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        'googlebot', "$local/");
    is($bots->(), $n + 1, 'googlebot: counted');

    # to the SDK it is Chrome
    $cases->request('headless', sub { $browser->visitor->go("$local/?k=headless") }, undef, 0);
    is($bots->(), $n + 2, 'headless: counted');
}

# ---- no

{
    my $skipped = sub ($why) { $t->status('default')->{skipped}{$why} };
    my $page    = visitor();
    my $p       = arrive($page, 'asked', "$local/");
    my $n       = $skipped->('opt_out');

    $page->run('mixpanel.opt_out_tracking(); 1');
    ok(!grep(/^mp_/, keys %{{$page->cookies($local)}}), 'opted out: the SDK has forgotten him');

    silent($page, 'opted-out', "$local/");
    silent($page, 'opted-out-still', "$local/adopt");
    is($skipped->('opt_out'), $n + 2, 'opted out: counted');
    is_deeply([grep { !/opt_in_out/ } keys %{{$page->cookies($local)}}], [], 'opted out: no device');

    $page->run('mixpanel.opt_in_tracking(); 1');
    $p = visit($page, 'opted-in', "$local/", except => \@cookie);
    visit($page, 'opted-in-still', "$local/");
    is($skipped->('opt_out'), $n + 2, 'opted in: no more of it');

    # of older SDKs; this one makes its own of it
    arrive($page->forget, 'legacy', "$local/");
    $page->run('document.cookie = "mp_optout=1; path=/"; 1');
    silent($page, 'mp-optout', "$local/");
    ok(!{$page->cookies($local)}->{mp_optout}, 'mp_optout: the SDK has replaced it');
    silent($page, 'mp-optout-still', "$local/");
    is($skipped->('opt_out'), $n + 4, 'mp_optout: counted');

    # DNT has an effect on the SDK as well
    $page->forget->headers(DNT => '1');
    $page->before('Object.defineProperty(Navigator.prototype, "doNotTrack", {get: function () { return "1" }});');
    $n = $skipped->('dnt');
    silent($page, 'dnt', "$local/adopt");
    is($skipped->('dnt'), $n + 1, 'dnt: counted');
    ok(!{$page->cookies($local)}->{visitor}, 'dnt: no device');
}

# ---- the device that nginx issues is the SDK's

for my $site (['localhost', $local], ['name', "http://www.shop.test:$port"], ['tls', $tls]) {
    my ($name, $url) = @$site;
    my $page = visitor();
    my $n    = $t->status('default')->{device_cookie}{issued};

    # the SDK's page view, and so ours, of the first page already
    my $p      = visit($page, "adopt-$name", "$url/adopt", except => \@first);
    my $device = is_device($p, "adopt $name");
    my %cookie = $page->cookies($url);

    is($cookie{visitor}, $device, "adopt $name: it is the cookie's");
    is($t->status('default')->{device_cookie}{issued}, $n + 1, "adopt $name: one was issued");

    visit($page, "adopt-$name-then", "$url/adopt/then", has => {'$device_id' => $device});
    visit($page, "adopt-$name-else", "$url/else", has => {'$device_id' => $device});

    $page->run('mixpanel.identify("bob"); 1');
    visit($page, "adopt-$name-bob", "$url/adopt", has => {'$device_id' => $device, distinct_id => 'bob'});

    $page->run('mixpanel.reset(); 1');
    $p = visit($page, "adopt-$name-reset", "$url/adopt", except => \@first, has => {'$user_id' => undef});
    isnt(is_device($p, "adopt $name reset"), $device, "adopt $name reset: another device");
    is($t->status('default')->{device_cookie}{issued}, $n + 1, "adopt $name reset: none was issued");
}

# ---- a project with Original ID Merge: $identify connects the user with the
# one id that the SDK had before, and with no other

# whom the SDK has told to be the same as the user from now on
sub identify ($page, $k, $user) {
    $page->run("mixpanel.identify('$user'); 1");
    return $browser->await(sub {
        my ($e) = grep { $_->{event} eq '$identify' } sdk_events($k);
        return $e;
    }, "the SDK identifies $user")->{properties}{'$anon_distinct_id'};
}

{
    my $page   = visitor();
    my $device = is_device(arrive($page, 'original', "$local/original"), 'original');

    visit($page, 'original-then', "$local/original",
        has => {distinct_id => "\$device:$device", '$device_id' => $device, '$user_id' => undef});

    is(identify($page, 'original-then', 'ann'), "\$device:$device", 'original: that is who ann was');
    visit($page, 'original-ann', "$local/original",
        has => {distinct_id => 'ann', '$device_id' => $device, '$user_id' => 'ann'});

    $page->run('mixpanel.reset(); 1');
    my $p = visit($page, 'original-reset', "$local/original", except => \@first, has => {'$user_id' => undef});
    isnt(is_device($p, 'original reset'), $device, 'original reset: another device');

    # the first of these is bare, so the others are
    $page = visitor();
    $p    = visit($page, 'original-adopt', "$local/original/adopt", except => \@first);
    $device = {$page->cookies($local)}->{visitor};

    my %device = (distinct_id => $device, '$device_id' => $device, '$user_id' => undef);
    is_deeply({map { $_ => $p->{$_} } keys %device}, \%device, 'original adopt: the device is nginx\'s, and bare');
    visit($page, 'original-adopt-then', "$local/original/adopt", has => \%device);
    visit($page, 'original-adopt-else', "$local/original", has => \%device);

    is(identify($page, 'original-adopt-else', 'bob'), $device, 'original adopt: that is who bob was');
    visit($page, 'original-adopt-bob', "$local/original/adopt", has => {%device, distinct_id => 'bob', '$user_id' => 'bob'});

    $page->run('mixpanel.reset(); 1');
    $p = visit($page, 'original-adopt-reset', "$local/original/adopt", except => \@first, has => {'$user_id' => undef});
    isnt(is_device($p, 'original adopt reset'), $device, 'original adopt reset: another device');
}

# ---- what it came to

ok($t->wait_rest && $t->wait_rest(project => 'original'), 'all events have arrived');
my @others = map { $_->{properties}{'$current_url'} } map { $cases->take($_->raw_events) } $ingest, $bare;
is(join(' ', @others), '', 'no others, of a favicon neither');
$cases->check;

# the one thing that is not the SDK's: a word goes with the engine it was
# sought with
my ($other) = $cases->events('engine-other');
ok(defined $seen{'engine-other'}{mp_keyword}, 'the SDK keeps the word of another engine');
ok(!exists $other->{properties}{mp_keyword}, 'and we do not');

is(join("\n", $sdk->faults), '', 'the SDK sends events');

$browser->stop;
is(join(' ', $browser->processes), '', 'Chromium leaves nobody behind');

$t->done;
