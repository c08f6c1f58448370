#!/usr/bin/perl

# What is kept to ourselves: arguments of URLs, user info, addresses.  A
# secret is always S3CRET, and no event of a location that hides it has it in
# any of its properties.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);
use Mixtrack::Visitor qw(sdk);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# is there IPv6?
my $inet6 = slurp('/proc/net/if_inet6') =~ /^0{31}1 /m;

$t->conf(<<'EOF' =~ s/^.*INET6.*\n//mr =~ s/^(\s*listen \[.*)/$inet6 ? $1 : ''/megr)->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack hit;
    mixtrack_property k $k;

    map $request_uri $k { "~[?&]k=(?<n>\w+)" $n; }

    # no directive at all
    server {
        listen 127.0.0.1:%%PORT_0%%;

        location / { return 200; }

        location /off   { mixtrack_redact_args off; return 200; }
        location /own   { mixtrack_redact_args voucher "Promo-Code" q utm_term "a b" cust*; return 200; }
        location /tail  { mixtrack_redact_args *number; return 200; }

        location /own/p { mixtrack_redact_args p; return 200; }
        location /keep  {
            mixtrack_keep_args k page utm_source Sort_By "a b" token;
            return 200;
            location /keep/off { mixtrack_keep_args off; return 200; }
            location /keep/less { mixtrack_keep_args k page; return 200; }
            location /keep/redact { mixtrack_redact_args page; return 200; }
        }

        location /rewritten { rewrite ^ /other?token=S3CRET2 last; }
        location /other     { return 200; }
        location /redirect  { error_page 404 /other?token=S3CRET; return 404; }

        location /anonymize { mixtrack_ip anonymize; return 200; }
        location /ip_on     { mixtrack_ip on; return 200; }
        location /ip_off    { mixtrack_ip off; return 200; }

        location /status { mixtrack off; mixtrack_status json; }
    }

    # by a server, and what its locations make of it
    server {
        listen 127.0.0.1:%%PORT_1%%;
        mixtrack_redact_args voucher;

        location / { return 200; location /deep { location /deep/er { return 200; } } }
        location /replaced { mixtrack_redact_args promo; return 200; }
        location /off { mixtrack_redact_args off; return 200; location /off/on { mixtrack_redact_args promo; return 200; } }
        location /keep { mixtrack_keep_args k page; return 200; location /keep/off { mixtrack_keep_args off; return 200; } }
    }

    server {
        listen 127.0.0.1:%%PORT_2%%;
        mixtrack_keep_args k page;

        location / { return 200; }
        location /redact { mixtrack_redact_args promo; return 200; }
        location /keep { mixtrack_keep_args k promo; return 200; }
        location /off { mixtrack_keep_args off; return 200; }
        location /if { if ($arg_page) { return 200; } return 200; }
    }

    # by the front that has sent it
    server {
        listen 127.0.0.1:%%PORT_3%%;
        listen unix:%%TESTDIR%%/nginx.sock;
        listen [::]:%%PORT_4%% ipv6only=off;

        set_real_ip_from 127.0.0.1;
        set_real_ip_from unix:;
        real_ip_header   X-Real-IP;
        mixtrack_ip      anonymize;

        location / { return 200; }
        location /on { mixtrack_ip on; return 200; }
    }
}
EOF

my $cases = Mixtrack::Cases->new($t);
my (%name, %shows, $n);

# A request, and what its event has of these properties (undef: it has none).
# shows => 1 if a secret is to be seen.
sub shows ($name, $uri, $want, %o) {
    my $k = ++$n;

    $name{$k}  = $name;
    $shows{$k} = $o{shows};

    my $args = $uri =~ s/([?].*)//s ? $1 : '';
    my $sep  = $args eq '' ? '' : '&' . substr $args, 1;

    $cases->request($k, sub { $t->get("$uri?k=$k$sep", %o) }, sub ($p, $e, $raw) {
        my %got = map { ($_ => $p->{$_}) } keys %$want;
        s/^(.*?[?])k=$k&?/$1/ for grep {defined} @got{grep {/url/} keys %got};

        # the first argument takes the question mark with it
        s/[?]\z// for grep {defined} @got{grep {/url/} keys %got};
        $got{current_url_search} = undef if exists $got{current_url_search} && $got{current_url_search} eq '';

        is_deeply(\%got, $want, 'the properties');
    });
}

# the query alone, in both properties that have it
sub query ($name, $uri, $search, %o) {
    my ($path) = $uri =~ /^([^?]*)/;
    my $port = $t->port($o{port} // 0);
    my $want = defined $search ? "?$search" : undef;

    shows($name, $uri, {
        current_url_search => $want,
        '$current_url'     => "http://localhost:$port$path" . ($want // ''),
    }, %o);
}

sub referrer ($name, $uri, $from, $to, %o) {
    shows($name, $uri, {'$referrer' => $to, %{$o{more} // {}}}, %o, headers => ["Referer: $from", @{$o{headers} // []}]);
}

my $hidden = 'REDACTED';


# ---- what is hidden when nobody asks for it

for my $name (qw(
    token access_token id_token refreshToken csrf-token reset_token password user_password passwd newpwd pass pw
    passphrase passcode secret client_secret api_key apikey access_key secret_key private_key key auth authorization
    bearer credentials csrf xsrf signature X-Amz-Signature X-Goog-Signature X-Amz-Security-Token X-Amz-Credentials sig
    hmac session_id sessid PHPSESSID JSESSIONID ASP.NET_SessionId session sid jwt assertion SAMLResponse code auth_code
    code_verifier otp totp pin ssn card_number cvv cvc iban email user_email phone phone_number
)) {
    query "default: $name", "/?$name=S3CRET&page=2", "$name=$hidden&page=2";
}

# and what tells an analyst something
for my $name (qw(
    q page id user name login uid lang sort utm_source gclid ref state tokens2 tokenize passage compass monkey
    keyboard author codec sides phonetic pinned emails2 S3CRET
)) {
    query "default: not $name", "/?$name=v&page=2", "$name=v&page=2", shows => $name eq 'S3CRET';
}


# ---- however it is spelled

my %spelled = (
    'in capitals'       => 'TOKEN',
    'in both'           => 'ToKeN',
    'with a percent'    => 'to%6ben',
    'with capital hex'  => 'to%6Ben',
    'all percent'       => '%74%6f%6b%65%6e',
    'capitals, percent' => '%54OKEN',
    'underscore'        => 'access_token',
    'underscore, percent' => 'access%5Ftoken',
    'dash'              => 'access-token',
    'space, plus'       => 'access+token',
    'space, percent'    => 'access%20token',
    'space before'      => '+token',
    'space behind'      => 'token+',
    'in brackets'       => 'user[token]',
    'in brackets, percent' => 'user%5Btoken%5D',
    'a list'            => 'token[]',
    'with a dot'        => 'user.token',
    'with NUL'          => 'token%00',
    'with a control'    => 'to%0aken',
);

for (sort keys %spelled) {
    query "spelled: $_", "/?a=1&$spelled{$_}=S3CRET&b=2", "a=1&$spelled{$_}=$hidden&b=2";
    query "spelled, keep: $_", "/keep?page=1&x$spelled{$_}=S3CRET&page=2", 'page=1&page=2';
}


# ---- where it is, and where it ends

# user and password of a URL in a URL, whatever the directives say
query "user info inside, $_", "$_?next=https%3A%2F%2Fme%3AS3CRET%40h%2F&a=http://me:S3CRET\@h/",
    'next=https%3A%2F%2Fh%2F&a=http://h/' for '/', '/off';
shows 'user info inside: a campaign', '/?utm_source=https://me:S3CRET@h/&utm_term=https%3A%2F%2Fme%3AS3CRET%40h',
    {utm_source => 'https://h/', utm_term => 'https://h'};
shows 'user info inside: as the SDK has stored it', '/', {utm_term => 'https://h/', mp_keyword => 'https://h/'},
    headers => [sdk('T', utm_term => 'https://me:S3CRET@h/', '$search_engine' => 'google', mp_keyword => 'https://me:S3CRET@h/')];
referrer "user info inside: $_", '/', "${_}https://me:S3CRET\@h/", "${_}https://h/" for 'view-source:', 'blob:';

# names that are met, and those that only look like them
query "met: $_", "/?$_=S3CRET", "$_=REDACTED" for qw(
    oobCode id_token_hint password_confirmation password1 activation_key user_phone client_assertion SAMLart auth_key
    consumer_key subscription-key activation_code reset_code user_code device_code new_pass pass1 token_id creditcard
    auth_session X-Amz-Credential);
query "like them: $_", "/?$_=shown", "$_=shown" for qw(monkey keyword author passage compass phones zipcode country_code sessions);

query 'alone', '/?token=S3CRET', "token=$hidden";
query 'first', '/?token=S3CRET&a=1', "token=$hidden&a=1";
query 'twice', '/?token=S3CRET&a=1&token=S3CRET2', "token=$hidden&a=1&token=$hidden";
query 'two of them', '/?token=S3CRET&password=S3CRET', "token=$hidden&password=$hidden";
query 'empty', '/?token=&a=1', 'token=&a=1';
query 'without a value', '/?token&a=1', 'token&a=1';
query 'a value with =', '/?token=S3CRET==&a=1', "token=$hidden&a=1";
query 'a value with ;', '/?password=S3;CRET;S3CRET&a=1', "password=$hidden&a=1";
query 'a value with ?', '/?password=?S3CRET?x&a=1', "password=$hidden&a=1";
query 'a value with /', '/?password=/S3CRET/x&a=1', "password=$hidden&a=1";
query 'a value with +', '/?password=+S3CRET+x&a=1', "password=$hidden&a=1";
query 'a value with %26', '/?password=a%26S3CRET&a=1', "password=$hidden&a=1";
query 'a value of bytes', "/?password=\xff\xfeS3CRET&a=1", "password=$hidden&a=1";
query 'behind ;', '/?a=1;token=S3CRET&b=2', "a=1;token=$hidden&b=2";
query 'behind ; alone', '/?a;token=S3CRET;b=2', "a;token=$hidden";
query 'behind a second ?', '/?a=1?token=S3CRET', "a=1?token=$hidden";
query 'behind = ', '/?a=token=S3CRET', "a=token=$hidden";
query 'behind &&', '/?a=1&&token=S3CRET', "a=1&&token=$hidden";
query 'in a URL that is a value', '/?next=/login?token=S3CRET&a=1', "next=/login?token=$hidden&a=1";
query 'an empty name', '/?=S3CRET', '=S3CRET', shows => 1;
query 'a long value', '/?token=' . 'S3CRET' x 200 . '&a=1', "token=$hidden&a=1";
shows 'a long name', '/?' . 'a' x 300 . '_token=S3CRET', {};
shows 'a long URL', '/?a=' . 'a' x 245 . '&token=S3CRET', {};

shows 'the path', '/a;jsessionid=S3CRET/b?a=1', {current_url_path => "/a;jsessionid=$hidden"};
shows 'behind a rewrite', '/rewritten?token=S3CRET', {current_url_search => "?token=$hidden", current_url_path => '/rewritten'};
shows 'behind an error_page', '/redirect?token=S3CRET', {current_url_search => "?token=$hidden", current_url_path => '/redirect'};


# ---- within the value of another argument, which is encoded

# as encodeURIComponent() does it, so many times
sub coded ($s, $times = 1) {
    $s =~ s/([^A-Za-z0-9_.!~*'()-])/sprintf '%%%02X', ord $1/ge for 1 .. $times;
    return $s;
}

my %inner = (
    'a path'          => ['/reset?token=', ''],
    'a URL'           => ['https://a.test/?a=1&token=', '&b=2#top'],
    'a fragment'      => ['/#/r?access_token=', '&b=2'],
    'a query'         => ['a=1&user[pass]=', '&b=2'],
    'a path with ;'   => ['/a;jsessionid=', '&b'],
    'an argument'     => ['token=', ''],
);

for my $what (sort keys %inner) {
    for my $times (1 .. 3) {
        my ($before, $behind) = map { coded($_, $times) } @{$inner{$what}};
        my $name = "$what inside, encoded $times times";

        query $name, "/?next=${before}S3CRET$behind&page=2", "next=$before$hidden$behind&page=2";
        query "$name, in small letters", lc("/?next=$before") . 'S3CRET' . lc("$behind&page=2"),
            lc("next=$before") . $hidden . lc("$behind&page=2");
        query "$name: off", "/off?next=${before}S3CRET$behind&page=2", "next=${before}S3CRET$behind&page=2", shows => 1;
        referrer "referrer: $name", '/', "https://example.com/?next=${before}S3CRET$behind&page=2#r=${before}S3CRET$behind",
            "https://example.com/?next=$before$hidden$behind&page=2#r=$before$hidden$behind";
    }
}

query 'inside: what is encoded again is of the value', '/?next=%3Fpassword%3DS3CRET%2526S3CRET%26b%3D2',
    "next=%3Fpassword%3D$hidden%26b%3D2";
query 'inside: a mark that is encoded, and "=" is not', '/?next=a%26token=S3CRET&b=2', "next=a%26token=$hidden&b=2";
query 'inside: "=" alone is encoded', '/?a=1&token%3DS3CRET&b=2', "a=1&token%3D$hidden&b=2";
query 'inside: own', '/own?next=%2F%3Fvoucher%3DS3CRET%26c%3D3', "next=%2F%3Fvoucher%3D$hidden%26c%3D3";
query "inside: nothing to hide, $_", "/?q=$_", "q=$_"
    for qw(a%20b %2Fhome 50%25 b%3Dc %2Fx%3Fpage%3D2%26sort%3Dup%23top AT%26T %3Ftoken%3D %26token%3 %26token%);

shows 'inside: the path', '/a%3Ftoken%3DS3CRET', {current_url_path => "/a%3Ftoken%3D$hidden"};

query 'inside, keep', '/keep?page=%2Fx%3Fa%3DS3CRET%26page%3D2%26token%3D3%26b%3DS3CRET', 'page=%2Fx%3Fpage%3D2%26token%3D3';
query 'inside, keep: a URL', '/keep?page=' . coded('https://a.test/?a=S3CRET&b=S3CRET#c=S3CRET') . '&a=S3CRET',
    'page=' . coded('https://a.test/');
query 'inside, keep: encoded twice', '/keep?page=%252Fx%253Fa%253DS3CRET&token=1', 'page=%252Fx&token=1';
query 'inside, keep: "=" is not encoded', '/keep?page=1%26a=S3CRET&token=1', 'page=1&token=1';
query "inside, keep: nothing else, $_", "/keep?page=$_", "page=$_" for qw(a%20b %2Fhome AT%26T YQ%3D%3D b%3Dc 50%25);
referrer 'inside, keep: referrer', '/keep', 'https://example.com/?page=%2Fx%3Fa%3DS3CRET&b=S3CRET#/r%3Fa%3DS3CRET',
    'https://example.com/?page=%2Fx#/r';


# ---- the Referer

referrer 'referrer', '/', 'https://example.com/a?token=S3CRET&b=1', "https://example.com/a?token=$hidden&b=1",
    more => {'$referring_domain' => 'example.com'};
referrer 'referrer: a fragment', '/', 'https://example.com/#access_token=S3CRET&state=1',
    "https://example.com/#access_token=$hidden&state=1";
referrer 'referrer: a route in the fragment', '/', 'https://example.com/#/login?token=S3CRET',
    "https://example.com/#/login?token=$hidden";
referrer 'referrer: a path', '/', 'https://example.com/a;jsessionid=S3CRET?b=1', "https://example.com/a;jsessionid=$hidden?b=1";
referrer 'referrer: percent', '/', 'https://example.com/?to%6Ben=S3CRET', "https://example.com/?to%6Ben=$hidden";
referrer 'referrer: capitals', '/', 'HTTPS://EXAMPLE.COM/?TOKEN=S3CRET', "HTTPS://EXAMPLE.COM/?TOKEN=$hidden";
referrer 'referrer: no URL', '/', 'token=S3CRET', "token=$hidden";
referrer 'referrer: of an app', '/', 'android-app://com.example/?token=S3CRET', "android-app://com.example/?token=$hidden";

my @search = (more => {'$search_engine' => 'google', mp_keyword => 'shoes'});
referrer 'referrer: a search', '/', 'https://www.google.com/search?q=shoes&token=S3CRET',
    "https://www.google.com/search?q=shoes&token=$hidden", @search;
referrer 'referrer: a search with an argument inside', '/', 'https://www.google.com/search?q=shoes%26token%3DS3CRET',
    "https://www.google.com/search?q=shoes%26token%3D$hidden", @search;
referrer 'referrer: a search that is hidden', '/own', 'https://www.google.com/search?q=S3CRET',
    "https://www.google.com/search?q=$hidden", more => {'$search_engine' => 'google', mp_keyword => undef};
referrer 'referrer: a search that is not kept', '/keep', 'https://www.google.com/search?q=S3CRET',
    'https://www.google.com/search', more => {'$search_engine' => 'google', mp_keyword => undef};


# ---- the first touch, as the SDK keeps it

sub first_touch ($name, $uri, $from, $to, $domain, %o) {
    shows($name, $uri, {'$initial_referrer' => $to, '$initial_referring_domain' => $domain}, %o,
        headers => [sdk('T', '$initial_referrer' => $from, '$initial_referring_domain' => $domain)]);
}

first_touch 'first touch', '/', 'https://example.com/?token=S3CRET&b=1', "https://example.com/?token=$hidden&b=1", 'example.com';
first_touch 'first touch: a fragment', '/', 'https://example.com/#id_token=S3CRET', "https://example.com/#id_token=$hidden",
    'example.com';
first_touch 'first touch: inside', '/', 'https://example.com/?next=%2F%3Ftoken%3DS3CRET%26a%3D1#/r%3Fcode%3DS3CRET',
    "https://example.com/?next=%2F%3Ftoken%3D$hidden%26a%3D1#/r%3Fcode%3D$hidden", 'example.com';
first_touch 'first touch: inside, keep', '/keep', 'https://example.com/?page=%2F%3Fa%3DS3CRET%26page%3D2',
    'https://example.com/?page=%2F%3Fpage%3D2', 'example.com';
first_touch 'first touch: user info', '/', 'https://me:S3CRET@example.com/', 'https://example.com/', 'example.com';
shows 'first touch: user info of the domain', '/', {'$initial_referring_domain' => 'example.com:81'},
    headers => [sdk('T', '$initial_referring_domain' => 'me:S3CRET@example.com:81/S3CRET')];
shows 'first touch: not quite $direct', '/', {'$initial_referrer' => "\$direct?token=$hidden"},
    headers => [sdk('T', '$initial_referrer' => '$direct?token=S3CRET')];
first_touch 'first touch: own', '/own', 'https://example.com/?voucher=S3CRET', "https://example.com/?voucher=$hidden",
    'example.com';
first_touch 'first touch: keep', '/keep', 'https://example.com/?a=S3CRET&page=2', 'https://example.com/?page=2', 'example.com';
first_touch 'first touch: off', '/off', 'https://example.com/?token=S3CRET', 'https://example.com/?token=S3CRET',
    'example.com', shows => 1;
first_touch 'first touch: $direct', '/keep', '$direct', '$direct', '$direct';


# ---- utm_* and click ids are arguments as well

shows 'utm', '/?utm_source=a&utm_term=b&gclid=c', {utm_source => 'a', utm_term => 'b', gclid => 'c'};
shows 'utm: with an argument inside', '/?utm_source=a;token=S3CRET&utm_term=b', {utm_source => 'a', utm_term => 'b'};
shows 'utm: with a URL inside', '/?utm_source=/x?token=S3CRET', {utm_source => '/x'};
shows 'utm: with an encoded argument inside', '/?utm_content=a%26token%3DS3CRET&utm_term=b',
    {utm_content => 'a', utm_term => 'b', current_url_search => "?utm_content=a%26token%3D$hidden&utm_term=b"};
shows 'utm: encoded twice', '/?utm_content=a%2526token%253DS3CRET', {utm_content => 'a'};
shows 'utm: with an encoded URL inside', '/?utm_content=' . coded('https://a.test/x?a=1&token=S3CRET'),
    {utm_content => 'https://a.test/x?a=1'};
shows 'utm: with nothing to hide inside', '/?utm_content=AT%26T&utm_term=b%3Dc', {utm_content => 'AT&T', utm_term => 'b=c'};
shows 'utm: kept, with an encoded argument inside', '/keep?utm_source=a%26b%3DS3CRET',
    {utm_source => 'a', current_url_search => '?utm_source=a'};
shows 'utm: hidden', '/own?utm_term=S3CRET&utm_source=a',
    {utm_source => 'a', utm_term => undef, current_url_search => "?utm_term=$hidden&utm_source=a"};
shows 'utm: kept', '/keep?utm_term=S3CRET&utm_source=a&gclid=S3CRET',
    {utm_source => 'a', utm_term => undef, gclid => undef, current_url_search => '?utm_source=a'};
shows 'utm: off', '/off?utm_term=S3CRET', {utm_term => 'S3CRET'}, shows => 1;

# as the SDK has stored them of an earlier URL
shows 'utm: stored', '/', {utm_term => 'b'}, headers => [sdk('T', utm_term => 'b')];
shows 'utm: stored, hidden', '/own', {utm_term => undef}, headers => [sdk('T', utm_term => 'S3CRET')];
shows 'utm: stored, not kept', '/keep', {utm_term => undef}, headers => [sdk('T', utm_term => 'S3CRET')];
shows 'utm: stored, with an argument inside', '/', {utm_term => 'b'}, headers => [sdk('T', utm_term => 'b;token=S3CRET')];

# the SDK has decoded them once
shows 'utm: stored, with an encoded argument inside', '/', {utm_term => 'b'},
    headers => [sdk('T', utm_term => 'b%26token%3DS3CRET')];
shows 'utm: stored, kept, with an argument inside', '/keep', {utm_source => 'b'},
    headers => [sdk('T', utm_source => 'b#a=S3CRET')];
shows 'utm: stored, kept, with an encoded argument inside', '/keep', {utm_source => 'b'},
    headers => [sdk('T', utm_source => 'b%26a%3DS3CRET')];

# the keyword was an argument of the engine's URL, q of Google's
shows 'search: stored, not kept', '/keep', {'$search_engine' => 'google', mp_keyword => undef},
    headers => [sdk('T', '$search_engine' => 'google', mp_keyword => 'S3CRET')];
shows 'search: stored of yahoo, hidden', '/own/p', {'$search_engine' => 'yahoo', mp_keyword => undef},
    headers => [sdk('T', '$search_engine' => 'yahoo', mp_keyword => 'S3CRET')];
shows 'search: stored of another, not hidden', '/own/p', {'$search_engine' => 'google', mp_keyword => 'shoes'},
    headers => [sdk('T', '$search_engine' => 'google', mp_keyword => 'shoes')];
shows 'search: stored, hidden', '/own', {'$search_engine' => 'google', mp_keyword => undef},
    headers => [sdk('T', '$search_engine' => 'google', mp_keyword => 'S3CRET')];
shows "search: stored, with an argument inside, $_", '/', {mp_keyword => 'shoes'},
    headers => [sdk('T', '$search_engine' => 'google', mp_keyword => "shoes$_")]
    for '&token=S3CRET', '%26token%3DS3CRET';
shows 'search: stored', '/', {'$search_engine' => 'google', mp_keyword => 'shoes'},
    headers => [sdk('T', '$search_engine' => 'google', mp_keyword => 'shoes')];


# ---- user info: never, whatever the directives say

for my $uri ('/', '/off', '/keep', '/keep/off') {
    my $none = $uri eq '/keep' ? '' : '?b=1';

    referrer "user info: $uri", $uri, 'https://me:S3CRET@example.com:8443/a?b=1', "https://example.com:8443/a$none",
        more => {'$referring_domain' => 'example.com:8443'};
    referrer "user info: $uri, no user", $uri, 'https://:S3CRET@example.com/', 'https://example.com/';
    referrer "user info: $uri, no password", $uri, 'https://S3CRET@example.com/', 'https://example.com/',
        more => {'$referring_domain' => 'example.com'};
    referrer "user info: $uri, two", $uri, 'https://a@b:S3CRET@example.com/', 'https://example.com/',
        more => {'$referring_domain' => 'example.com'};
    referrer "user info: $uri, no path", $uri, 'https://me:S3CRET@example.com', 'https://example.com',
        more => {'$referring_domain' => 'example.com'};
    referrer "user info: $uri, ftp", $uri, 'ftp://me:S3CRET@example.com/', 'ftp://example.com/';
}
referrer 'user info: what a browser forgives', '/', 'https:/me:S3CRET@example.com/', 'https:/example.com/';
shows 'user info: in Host', '/', {current_domain => 'example.com'}, host => 'me:S3CRET@example.com';


# ---- names of one's own come to the defaults

query 'own', '/own?voucher=S3CRET&page=2', "voucher=$hidden&page=2";
query 'own: and the defaults', '/own?token=S3CRET&voucher=S3CRET', "token=$hidden&voucher=$hidden";
query 'own: in any spelling', '/own?PROMO_CODE=S3CRET&promocode=S3CRET&promo%2Dcode=S3CRET',
    "PROMO_CODE=$hidden&promocode=$hidden&promo%2Dcode=$hidden";
query 'own: a space', '/own?a+b=S3CRET&a%20b=S3CRET', "a+b=$hidden&a%20b=$hidden";
query 'own: not in another location', '/?voucher=S3CRET', 'voucher=S3CRET', shows => 1;
query 'own: a tail', '/tail?order_number=S3CRET&number=S3CRET&numbers=3', "order_number=$hidden&number=$hidden&numbers=3";
query 'off', '/off?token=S3CRET&password=S3CRET', 'token=S3CRET&password=S3CRET', shows => 1;


# ---- what is kept, and nothing else

query 'keep', '/keep?page=2&a=S3CRET&q=S3CRET', 'page=2';
query 'keep: none of them', '/keep?a=S3CRET', undef;
query 'keep: in the middle', '/keep?a=S3CRET&page=2&b=S3CRET', 'page=2';
query 'keep: twice', '/keep?page=2&page=3', 'page=2&page=3';
query 'keep: capitals', '/keep?PAGE=2&sort_by=x', 'PAGE=2&sort_by=x';
query 'keep: percent', '/keep?p%61ge=2&sort%5Fby=x', 'p%61ge=2&sort%5Fby=x';
query 'keep: a space', '/keep?a+b=1&a%20b=2', 'a+b=1&a%20b=2';
query 'keep: not what is nearly so', '/keep?pages=S3CRET&mypage=S3CRET&pag=S3CRET&sortby=S3CRET&sort-by=S3CRET', undef;
query 'keep: even what is hidden by default', '/keep?token=2', 'token=2';
query 'keep: without a value', '/keep?page&S3CRET', 'page';
query 'keep: a word', '/keep?S3CRET', undef;
query 'keep: behind ;', '/keep?page=2;a=S3CRET', 'page=2';
query 'keep: kept behind ;', '/keep?page=2;utm_source=x', 'page=2;utm_source=x';
query 'keep: behind ?', '/keep?page=2?a=S3CRET', 'page=2';
query 'keep: a location below', '/keep/less?page=2&utm_source=S3CRET', 'page=2';
query 'keep: off below', '/keep/off?a=1&token=S3CRET', "a=1&token=$hidden";
query 'keep: less what is hidden below', '/keep/redact?page=S3CRET&a=S3CRET&sort_by=2', 'sort_by=2';
referrer 'keep: referrer', '/keep', 'https://example.com/a?x=S3CRET&page=2#y=S3CRET', 'https://example.com/a?page=2';
referrer 'keep: a fragment without arguments', '/keep', 'https://example.com/a?x=S3CRET#top', 'https://example.com/a#top';


# ---- by http, server, location

query 'server', '/?voucher=S3CRET&promo=1', "voucher=$hidden&promo=1", port => 1;
query 'server: two locations below', '/deep/er?voucher=S3CRET', "voucher=$hidden", port => 1;
query 'server: replaced', '/replaced?promo=S3CRET&voucher=1&token=S3CRET', "promo=$hidden&voucher=1&token=$hidden", port => 1;
query 'server: off', '/off?voucher=S3CRET&token=S3CRET', 'voucher=S3CRET&token=S3CRET', port => 1, shows => 1;
query 'server: off, and on', '/off/on?promo=S3CRET&voucher=1&token=S3CRET', "promo=$hidden&voucher=1&token=$hidden", port => 1;
query 'server: kept', '/keep?voucher=S3CRET&page=2', 'page=2', port => 1;
query 'server: kept, off', '/keep/off?voucher=S3CRET&page=2', "voucher=$hidden&page=2", port => 1;
query 'server keeps', '/?a=S3CRET&page=2', 'page=2', port => 2;
query 'server keeps: if', '/if?page=2&a=S3CRET', 'page=2', port => 2;
query 'server keeps: redact below', '/redact?a=S3CRET&promo=S3CRET&page=2', 'page=2', port => 2;
query 'server keeps: replaced', '/keep?page=S3CRET&promo=2', 'promo=2', port => 2;
query 'server keeps: off', '/off?a=1&token=S3CRET', "a=1&token=$hidden", port => 2;


# ---- requests that are none

for my $request (
    "GET /?token=S3CRET HTTP/1.1\r\n\r\n",
    "GET /?token=S3CRET HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET http://me:S3CRET\@localhost/?token=S3CRET HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET http://localhost/?token=S3CRET HTTP/1.1\r\nHost: me:S3CRET\@localhost\r\nConnection: close\r\n\r\n",
    "GET /?token=S3CRET HTTP/1.1\r\nHost: me:x\@/b:S3CRET\@localhost\r\nConnection: close\r\n\r\n",
    "GET /?token=S3CRET\r\n",
    "GET /?token=S3CRET HTTP/9\r\n\r\n",
    "GET /?token=S3CRET&x=" . 'x' x 40000 . " HTTP/1.1\r\nHost: a\r\n\r\n",
) {
    $t->http($request);
}


# ---- addresses

sub address ($name, $uri, $want, %o) {
    my ($k, $real) = (++$n, delete $o{real});

    $name{$k} = "address: $name";
    $cases->request($k, [$uri, %o, headers => [$real ? "X-Real-IP: $real" : ()]], sub ($p, @) {
        is($p->{ip}, $want, 'ip');
    });
}

address 'on by default', '/', '127.0.0.1';
address 'on', '/ip_on', '127.0.0.1';
address 'off', '/ip_off', '0';
address 'IPv4', '/anonymize', '127.0.0.0';

my %real = (
    '203.0.113.77'               => '203.0.113.0',
    '203.0.113.0'                => '203.0.113.0',
    '223.255.255.255'            => '223.255.255.0',
    '1.2.3.4'                    => '1.2.3.0',
    '2001:db8:1:2:3:4:5:6'       => '2001:db8:1::',
    '2001:db8:ffff:ffff::1'      => '2001:db8:ffff::',
    'fe80::1'                    => 'fe80::',
    '::1'                        => '::',
    '::ffff:203.0.113.77'        => '::ffff:203.0.113.0',
);
my @socket = (unix => $t->dir . '/nginx.sock');

for (sort keys %real) {
    address "realip $_", '/', $real{$_}, port => 3, real => $_;
    address "realip $_, unix", '/', $real{$_}, @socket, real => $_;
}
address 'realip, on', '/on', '203.0.113.77', port => 3, real => '203.0.113.77';
address 'realip, who may not say so', '/anonymize', '127.0.0.0', real => '203.0.113.77';
address 'realip, nonsense', '/', '127.0.0.0', port => 3, real => 'nonsense';
address 'unix', '/', '0', @socket;
address 'unix, on', '/on', '0', @socket;

if ($inet6) {
    address 'IPv6', '/', '::', port => 4, addr => '::1';
    address 'IPv6, on', '/on', '::1', port => 4, addr => '::1';
    address 'mapped', '/', '::ffff:127.0.0.0', port => 4;
    address 'mapped, on', '/on', '::ffff:127.0.0.1', port => 4;
}


# ---- all of them

ok($t->wait_rest, 'all is delivered');

my @raw = $ingest->raw_events;
$cases->take(@raw);

for (sort { $a->[0] <=> $b->[0] } @{$cases->{later}}) {
    my ($k, $check) = @$_;

    subtest $name{$k} => sub {
        my ($e) = $cases->events($k) or return fail('no event');
        my $raw = $cases->{raw}{$k}[0];

        $check->($e->{properties}, $e, $raw);
        is(index($raw, 'S3CRET') >= 0, !!$shows{$k}, $shows{$k} ? 'it is to be seen' : 'no secret');
    };
}
@{$cases->{later}} = ();
$cases->check;

my @none = grep { !/"k":/ } @raw;
ok(scalar(@none), 'requests that are none have events');
is(join("\n", grep {/S3CRET/} @none), '', 'and no secret');

$t->done;
