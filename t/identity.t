#!/usr/bin/perl

# Who it is: what the directives say, what the browser SDK's cookie says, what
# our own cookie says, in this order; and nobody.  Each request is tracked for
# a project of either way to merge ids.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_encode slurp);
use Mixtrack::Visitor qw(encode sdk cookies http2 @banned);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $other  = $t->ingest(8, original => 1);

# the README's example of nginx's own userid
my ($readme) = slurp($t->root . '/README.md') =~ /^### mixtrack_device_id\n.*?^```nginx\n(userid .*?)^```/ms;
my ($map, $userid) = ($readme =~ /^(map .*?^\})/ms, $readme =~ s/^map .*?^\}//msr);

$t->conf(<<'EOF' =~ s/README_MAP/$map/r =~ s/README_USERID/$userid/r)->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    map $arg_t $tok { default $arg_t; "" A; }

    README_MAP

    mixtrack_project simplified { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }
    mixtrack_project original   { token T; id_merge original; endpoint %%INGEST_8%%; zone 2m; batch interval=50ms; }
    mixtrack_project variable   { token $tok; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack simplified project=simplified;
    mixtrack original   project=original;

    mixtrack_properties minimal;
    mixtrack_property   k  $arg_k;
    mixtrack_property   vu $mixtrack_user_id;
    mixtrack_property   vd $mixtrack_device_id;

    mixtrack_device_cookie dev;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location / {
            mixtrack_user_id   $http_x_user;
            mixtrack_device_id $http_x_device;
            return 200;
        }

        # a cookie's key of one kind is another's property
        location /std {
            mixtrack_properties standard;
            return 200;
        }

        location /no_user {
            mixtrack_user_id "";
            mixtrack_properties standard;
            return 200;
        }

        location /no_device {
            mixtrack_user_id $http_x_user;
            mixtrack_device_id "";
            mixtrack_device_cookie off;
            mixtrack_properties standard;
            return 200;
        }

        location /no_cookies {
            mixtrack_user_id   "";
            mixtrack_device_id "";
            mixtrack_device_cookie off;
            mixtrack_properties standard;
            return 200;
        }

        # it says nothing now, and may later
        location /empty {
            mixtrack_user_id   $http_x_nothing;
            mixtrack_device_id $http_x_nothing;
            return 200;
        }

        location /variable {
            mixtrack variable project=variable;
            return 200;
        }

        location /userid {
            userid             on;
            userid_name        uid;
            mixtrack_device_id $uid_got$uid_set;
            return 200;
        }

        # each by its own cookie, whatever the first one's variable says between
        location /projects {
            mixtrack one project=simplified;
            mixtrack "two $mixtrack_user_id" project=variable;
            mixtrack three project=original;
            mixtrack_properties standard;
            return 200;
        }

        location /readme { README_USERID return 200; }

        location /status { mixtrack off; mixtrack_status json; }
    }

    server {
        listen 127.0.0.1:%%PORT_1%% http2;
        location / { return 200; }
    }
}
EOF

my $own = '11111111-2222-4333-8444-555555555555';
my $sdk = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
my $new = '9b2d1e34-7777-4abc-8def-0123456789ab';

my $cases = Mixtrack::Cases->new($t);
my $n     = 0;
my %want;

# how: as Cases wants it; who: distinct_id (on a simplified project, and on an
# original one, if that is another), $device_id, $user_id
sub who ($name, $how, $who) {
    my ($distinct, $device, $user) = @$who;
    my ($simplified, $original) = ref $distinct ? @$distinct : ($distinct, $distinct);
    my $k = ++$n;

    $cases->request($k, ref $how eq 'CODE' ? sub { $how->($k) } : $how, undef, 2);
    $want{$k} = [$name, {
        simplified => [$simplified, $device, $user, $device, $user],
        original   => [$original, $device, $user, $device, $user],
    }];
}

# with the properties of one event
sub of_one ($name, $how, $check) { $cases->request($name =~ s/\W+/-/gr, $how, $check, 2) }

# of a directive or our own cookie; of the SDK's
sub device ($id) { [["\$device:$id", $id], $id, undef] }
sub of_sdk ($id) { ["\$device:$id", $id, undef] }

my @nobody = ('', undef, undef);

# The anonymous visitor of a browser, as the SDK keeps him; identified.
my %anonymous  = (distinct_id => "\$device:$sdk", '$device_id' => $sdk);
my %identified = (distinct_id => 'ann', '$device_id' => $sdk, '$user_id' => 'ann', '$had_persisted_distinct_id' => \1);

# a location, with headers; "dev" is our own cookie
sub at ($uri, @headers) { [$uri, headers => \@headers] }

sub with_own (@headers) {
    my @cookie = map {/^Cookie: (.*)/} @headers;
    return ((grep { !/^Cookie: / } @headers), 'Cookie: ' . join '; ', "dev=$own", @cookie);
}


# ---- the order

for my $uri ('/', '/empty') {
    who "$uri: nobody", at($uri), \@nobody;
    who "$uri: our own cookie", at($uri, with_own()), device($own);
    who "$uri: the SDK's, anonymous", at($uri, sdk('T', %anonymous)), of_sdk($sdk);
    who "$uri: the SDK's, identified", at($uri, sdk('T', %identified)), ['ann', $sdk, 'ann'];
    who "$uri: the SDK's before ours", at($uri, with_own(sdk('T', %anonymous))), of_sdk($sdk);
    who "$uri: the SDK's, identified, before ours", at($uri, with_own(sdk('T', %identified))), ['ann', $sdk, 'ann'];
}

my @user   = ('X-User: bob');
my @device = ("X-Device: $new");

who 'a user by the directive', at('/', @user), ['bob', undef, 'bob'];
who 'a user by the directive, our device', at('/', with_own(@user)), ['bob', $own, 'bob'];
who 'a user by the directive, the SDK\'s device', at('/', @user, sdk('T', %anonymous)), ['bob', $sdk, 'bob'];
who 'a user by the directive, not the SDK\'s', at('/', @user, sdk('T', %identified)), ['bob', $sdk, 'bob'];
who 'a device by the directive', at('/', @device), device($new);
who 'a device by the directive, not ours', at('/', with_own(@device)), device($new);
who 'a device by the directive, not the SDK\'s', at('/', @device, sdk('T', %anonymous)), device($new);
who 'a device by the directive, the SDK\'s user in distinct_id alone',
    at('/', @device, sdk('T', distinct_id => 'ann', '$device_id' => $sdk)), ['ann', $new, undef];
who 'a device by the directive, the SDK\'s user', at('/', @device, sdk('T', %identified)), ['ann', $new, 'ann'];
who 'both by the directives', at('/', @user, @device, with_own(sdk('T', %identified))), ['bob', $new, 'bob'];


# ---- what SDKs of all ages leave

who 'distinct_id alone, of a device', at('/', sdk('T', distinct_id => "\$device:$sdk")), of_sdk($sdk);
who 'distinct_id alone, of a device, before ours', at('/', with_own(sdk('T', distinct_id => "\$device:$sdk"))), of_sdk($sdk);
who 'the device in both, bare', at('/', sdk('T', distinct_id => $sdk, '$device_id' => $sdk)), device($sdk);
who 'two devices', at('/', sdk('T', distinct_id => "\$device:$new", '$device_id' => $sdk)),
    [["\$device:$sdk", "\$device:$new"], $sdk, undef];
who 'two devices, one of nobody', at('/', sdk('T', distinct_id => '$device:null', '$device_id' => $sdk)), of_sdk($sdk);
who 'two devices, one of a directive', at('/', @device, sdk('T', distinct_id => "\$device:$sdk", '$device_id' => $sdk)),
    device($new);
who 'identified before there was $user_id', at('/', sdk('T', distinct_id => 'ann', '$device_id' => $sdk)),
    ['ann', $sdk, undef];
who 'identified in distinct_id alone', at('/', sdk('T', distinct_id => 'ann')), ['ann', undef, undef];

# to Mixpanel a device would be who he is, and not the SDK's user
my @alone = ('ann', undef, undef);

who 'and our own device', at('/', with_own(sdk('T', distinct_id => 'ann'))), \@alone;
who 'and a device by the directive', at('/', @device, sdk('T', distinct_id => 'ann')), \@alone;
who 'and a device as user', at('/', 'X-User: $device:front', sdk('T', distinct_id => 'ann')), \@alone;
who 'and our own device, and a banned one', at('/', with_own(sdk('T', distinct_id => 'ann', '$device_id' => 'null'))), \@alone;
who 'and our own device, and a user by the directive', at('/', @user, with_own(sdk('T', distinct_id => 'ann'))),
    ['bob', $own, 'bob'];

who '$device_id alone', at('/', sdk('T', '$device_id' => $sdk)), of_sdk($sdk);
who '$device_id with the prefix', at('/', sdk('T', '$device_id' => "\$device:$sdk")), of_sdk($sdk);
who '$user_id alone', at('/', sdk('T', '$user_id' => 'ann')), ['ann', undef, 'ann'];
who '$user_id alone, our device', at('/', with_own(sdk('T', '$user_id' => 'ann'))), ['ann', $own, 'ann'];
who 'a number', at('/', sdk('T', distinct_id => 42, '$device_id' => $sdk, '$user_id' => 42)), ['42', $sdk, '42'];
who 'quotes and backslashes', at('/', sdk('T', '$user_id' => 'a"b\\c;d, e')), ['a"b\\c;d, e', undef, 'a"b\\c;d, e'];
who 'not in ASCII', at('/', sdk('T', '$user_id' => "Zo\x{eb} \x{1f600}")), [("Zo\x{eb} \x{1f600}", undef, "Zo\x{eb} \x{1f600}")];
who 'neither encoded', at('/', 'Cookie: mp_T_mixpanel=' . json_encode(\%identified) =~ s/,/%2C/gr), ['ann', $sdk, 'ann'];
who 'keys that are none of ours', at('/', sdk('T', %anonymous, __timers => {}, __mps => {'$user_id' => 'x'}, __alias => 'y',
    plan => 'gold', list => [1, {'$user_id' => 'z'}], no => undef)), of_sdk($sdk);
who 'ids of a type that is none', at('/', sdk('T', distinct_id => ['ann'], '$user_id' => {a => 1}, '$device_id' => \1)),
    \@nobody;
who 'empty ids', at('/', with_own(sdk('T', distinct_id => '', '$user_id' => '', '$device_id' => ''))), device($own);
who 'a prefix and nothing', at('/', with_own(sdk('T', distinct_id => '$device:', '$device_id' => '$device:'))), device($own);

my $long = 'u' x 300;
my $cut  = 'u' x 255;
who 'a user too long', at('/', sdk('T', '$user_id' => $long)), [$cut, undef, $cut];


# ---- banned ids are none: the next source is asked

for my $id (@banned, 'Anonymous', 'NULL', 'N/A', 'True') {
    who "banned $id: a user by the directive", at('/', "X-User: $id", sdk('T', %identified)), ['ann', $sdk, 'ann'];
    who "banned $id: a device by the directive", at('/', "X-Device: $id", sdk('T', %anonymous)), of_sdk($sdk);
    who "banned $id: \$user_id", at('/', sdk('T', %anonymous, '$user_id' => $id)), of_sdk($sdk);
    who "banned $id: \$device_id", at('/', with_own(sdk('T', '$device_id' => $id))), device($own);
    who "banned $id: distinct_id", at('/', with_own(sdk('T', distinct_id => $id))), device($own);
    who "banned $id: a device in distinct_id", at('/', with_own(sdk('T', distinct_id => "\$device:$id"))), device($own);
    who "banned $id: all", at('/', "X-User: $id", "X-Device: $id", "Cookie: dev=$id",
        sdk('T', distinct_id => $id, '$device_id' => $id, '$user_id' => $id)), \@nobody;
}
who 'nearly banned', at('/', 'X-User: anonymous1', "X-Device: nulls"), ['anonymous1', 'nulls', 'anonymous1'];


# ---- a device where a user should be: front ends forward what
# get_distinct_id() says

my @front = ('X-User: $device:front');
my %front = ('$user_id' => '$device:front');

who 'a device as user', at('/', @front), of_sdk('front');
who 'a device as user, one by the directive', at('/', @front, @device), device($new);
who 'a device as user, our own', at('/', with_own(@front)), device($own);
who 'a device as user, the SDK\'s', at('/', @front, sdk('T', %anonymous)), of_sdk($sdk);
who 'a device as user, the SDK\'s user', at('/', @front, sdk('T', %identified)), ['ann', $sdk, 'ann'];
who 'a device as user, off', at('/no_device', @front), \@nobody;
who 'a device as user, off, the SDK\'s user', at('/no_device', @front, sdk('T', %identified)), ['ann', undef, 'ann'];
who 'a device as user, in the cookie', at('/', sdk('T', %front)), of_sdk('front');
who 'a device as user, in the cookie, and one there', at('/', sdk('T', %anonymous, %front)), of_sdk($sdk);
who 'a device as user, in the cookie, our own', at('/', with_own(sdk('T', %front))), device($own);
who 'a device as user, in both', at('/', @front, sdk('T', '$user_id' => '$device:cookie')), of_sdk('front');
who 'a device as user, a user by the directive', at('/', @user, sdk('T', %front)), ['bob', undef, 'bob'];
who 'nearly a device as user', at('/', 'X-User: $devices:front'), ['$devices:front', undef, '$devices:front'];
who 'a prefix as user', at('/', 'X-User: $device:'), \@nobody;

for my $id ('null', 'NULL', '-', '00000000-0000-0000-0000-000000000000') {
    who "banned $id: a device as user", at('/', "X-User: \$device:$id"), \@nobody;
    who "banned $id: a device as user, our own", at('/', with_own("X-User: \$device:$id")), device($own);
    who "banned $id: a device as user, in the cookie", at('/', sdk('T', '$user_id' => "\$device:$id")), \@nobody;
    who "banned $id: a device as user, another one in the cookie",
        at('/', "X-User: \$device:$id", sdk('T', %front)), of_sdk('front');
}


# ---- which cookie it is

my $ann = 'mp_T_mixpanel=' . encode(json_encode({%identified}));
my $bob = 'mp_T_mixpanel=' . encode(json_encode({distinct_id => 'bob', '$device_id' => $new, '$user_id' => 'bob'}));
my @ann = ('ann', $sdk, 'ann');
my @bob = ('bob', $new, 'bob');
my $bad = 'mp_T_mixpanel=%7Bx';

who 'among others', at('/', "Cookie: a=b; c=d;$ann; e=f"), \@ann;
who 'of two of that name the first', at('/', "Cookie: $ann; $bob"), \@ann;
who 'of two of that name the first, the other way round', at('/', "Cookie: $bob; $ann"), \@bob;
who 'of two of that name the first, malformed', at('/', "Cookie: $bad; $ann"), \@nobody;
who 'of two of that name the first, empty', at('/', "Cookie: mp_T_mixpanel=; $ann"), \@nobody;
who 'in the second line', at('/', 'Cookie: a=b', "Cookie: $ann"), \@ann;
who 'in the third', at('/', 'Cookie: a=b', "Cookie: dev=$own", "Cookie: c=d; $ann"), \@ann;
who 'in two lines, the first', at('/', "Cookie: $ann", "Cookie: $bob"), \@ann;
who 'in two lines, the first, the other way round', at('/', "Cookie: $bob", "Cookie: $ann"), \@bob;
who 'our own in the second line', at('/', 'Cookie: a=b', "Cookie: dev=$own"), device($own);

for my $name (qw(mp_T_mixpanelx xmp_T_mixpanel MP_T_MIXPANEL mp_U_mixpanel mp__mixpanel mp_T_ mp_T mixpanel)) {
    who "not $name", at('/', 'Cookie: ' . $ann =~ s/^\w+/$name/r), \@nobody;
}
who 'not in another\'s value', at('/', "Cookie: a=$ann"), \@nobody;

my $port = $t->port(1);

for my $crumbs ([$ann], ['a=b', $ann], [$ann, 'c=d'], ['a=b', "dev=$own", $ann, 'e=f'], [$ann, $bob]) {
    who 'HTTP/2, crumbs: ' . @$crumbs,
        sub ($k) { ok(http2($port, "/?k=$k", map { [cookie => $_] } @$crumbs), "HTTP/2 $k") }, \@ann;
}
who 'HTTP/2, in one', sub ($k) { http2($port, "/?k=$k", [cookie => "a=b; $ann; c=d"]) }, \@ann;
who 'HTTP/2, our own', sub ($k) { http2($port, "/?k=$k", [cookie => 'a=b'], [cookie => "dev=$own"]) }, device($own);
who 'HTTP/2, nobody', sub ($k) { http2($port, "/?k=$k") }, \@nobody;


# ---- malformed: as if it were not there, and our own is asked

my $good = json_encode({%identified});

my %malformed = (
    'no object'         => encode('[1]'),
    'a string'          => encode('"ann"'),
    'a word'            => 'ann',
    'empty'             => '',
    'a percent sign'    => encode($good) . '%',
    'half an escape'    => encode($good) =~ s/%7D$/%7/r,
    'no hexadecimal'    => encode($good) =~ s/%7D$/%7G/r,
    'bytes behind it'   => encode("$good x"),
    'twice'             => encode($good . $good),
    'encoded twice'     => encode(encode($good)),
    'no quotes'         => encode('{distinct_id:"ann"}'),
    'single quotes'     => encode("{'distinct_id':'ann'}"),
    'a comma too many'  => encode('{"distinct_id":"ann",}'),
    'a key twice'       => encode('{"distinct_id":"ann","distinct_id":"bob"}'),
    'no UTF-8'          => encode('{"distinct_id":"ann","x":"') . '%ff' . encode('"}'),
    'overlong UTF-8'    => encode('{"distinct_id":"ann","x":"') . '%c0%af' . encode('"}'),
    'a control byte'    => encode("{\"distinct_id\":\"a\nn\"}"),
    'NUL'               => encode("{\"distinct_id\":\"a\0n\"}"),
    'a bad escape'      => encode('{"distinct_id":"\\x61"}'),
    'half \\u'          => encode('{"distinct_id":"\\u12"}'),
    'too deep'          => encode('{"distinct_id":"ann","x":' . '[' x 100 . ']' x 100 . '}'),
    'a number that is none' => encode('{"distinct_id":"ann","x":1.}'),
    'a word that is none'   => encode('{"distinct_id":"ann","x":nil}'),
);

for (sort keys %malformed) {
    who "malformed: $_", at('/', "Cookie: dev=$own; mp_T_mixpanel=$malformed{$_}; z=1"), device($own);
}

# cut off anywhere, whatever is behind it
my $whole = encode($good);

for (my $len = 0; $len < length $whole; $len += 7) {
    who "cut off at $len", at('/', 'Cookie: mp_T_mixpanel=' . substr $whole, 0, $len), \@nobody;
}
who 'cut off before the last byte', at('/', "Cookie: a=b; mp_T_mixpanel=" . substr($whole, 0, -1) . '; c=d'), \@nobody;

# of so many bytes, encoded
sub of_size ($size) {
    my $text = encode(json_encode({%identified, x => ''}));
    return encode(json_encode({%identified, x => 'y' x ($size - length $text)}));
}

for ([4095, \@ann], [4096, \@ann], [4097, \@nobody], [5000, \@nobody], [7000, \@nobody]) {
    my ($size, $who) = @$_;
    my $value = of_size($size);
    is(length $value, $size, "a cookie of $size bytes");
    who "$size bytes", at('/', "Cookie: mp_T_mixpanel=$value"), $who;
}


# ---- the SDK's cookie for a token that is a variable

my $both = 'Cookie: mp_A_mixpanel=' . encode(json_encode({'$device_id' => $sdk})) . '; mp_B_mixpanel='
    . encode(json_encode({'$device_id' => $new, '$user_id' => 'ann'}));

my %by_token = (
    ''  => ["\$device:$sdk", $sdk, undef],
    'A' => ["\$device:$sdk", $sdk, undef],
    'B' => ['ann', $new, 'ann'],
    'C' => [@nobody],
);

for my $token (sort keys %by_token) {
    $cases->request("token-$token", ['/variable', args => "&t=$token", headers => [$both]], sub ($p, @) {
        is($p->{token}, $token || 'A', 'the token');
        is_deeply([@{$p}{qw(distinct_id $device_id $user_id)}], $by_token{$token}, 'the ids of its cookie');
    });
}


# ---- two tokens at once, each by its own cookie

my @both = ("Cookie: mp_T_mixpanel=" . encode(json_encode({%identified, utm_term => 'of T', '$initial_referrer' => 'https://t.test/'})),
    "Cookie: mp_A_mixpanel=" . encode(json_encode({distinct_id => 'bob', '$device_id' => $new, '$user_id' => 'bob', utm_term => 'of A',
        '$initial_referrer' => 'https://a.test/'})));

$cases->request('projects', ['/projects', headers => \@both], undef, 3);


# ---- nginx's own userid as the device: set now, got later, and the same

my ($set) = cookies($cases->request('userid', '/userid', undef, 2), 'uid');
ok($set, 'userid sets a cookie');
my $reply = $cases->request('userid-again', ['/userid', headers => ["Cookie: uid=$set->[0]"]], undef, 2);
is_deeply([cookies($reply, 'uid')], [], 'and not again');

# without the name of the cookie, as the README says
my ($visitor) = cookies($cases->request('readme', '/readme', undef, 2), 'visitor');
ok($visitor, 'the README\'s example sets a cookie');
$reply = $cases->request('readme-again', ['/readme', headers => ["Cookie: visitor=$visitor->[0]"]], undef, 2);
is_deeply([cookies($reply, 'visitor')], [], 'and not again');


# ---- all keys of the SDK's cookie

my %utm = map { ("utm_$_" => "stored $_") }
    qw(source medium campaign content term id source_platform campaign_id creative_format marketing_tactic);
my %search = ('$search_engine' => 'google', mp_keyword => 'shoes');
my %first = (%search, '$initial_referrer' => 'https://example.com/a?b=c', '$initial_referring_domain' => 'example.com');
my %all   = (%identified, %utm, %first);
my @keys  = sort keys %utm, keys %first;

sub taken ($p) { return {map { ($_ => $p->{$_}) } grep { defined $p->{$_} } @keys} }

of_one('all keys', ['/std', headers => [sdk('T', %all)]], sub ($p, @) {
    is_deeply(taken($p), {%utm, %first}, 'each is a property');
    is_deeply([@{$p}{qw(distinct_id $device_id $user_id)}], \@ann, 'and who it is');
});

for my $key (sort keys %utm) {
    of_one("$key alone", ['/std', headers => [sdk('T', %anonymous, $key => 'x y')]],
        sub ($p, @) { is_deeply(taken($p), {$key => 'x y'}, 'it and no other') });
}

of_one('direct', ['/std', headers => [sdk('T', %anonymous, '$initial_referrer' => '$direct',
    '$initial_referring_domain' => '$direct')]],
    sub ($p, @) {
        is_deeply(taken($p), {'$initial_referrer' => '$direct', '$initial_referring_domain' => '$direct'}, '$direct');
    });

of_one('of this URL first', ['/std', args => '&utm_source=now&utm_term=', headers => [sdk('T', %all)]],
    sub ($p, @) {
        is_deeply(taken($p), {%utm, %first, utm_source => 'now'}, 'and what it does not have as it was stored');
    });

of_one('no cookie, no keys', '/std', sub ($p, @) { is_deeply(taken($p), {}, 'none') });
of_one('of another token', ['/std', headers => [sdk('U', %all)]], sub ($p, @) {
    is_deeply(taken($p), {}, 'none');
});
of_one('malformed, no keys', ['/std', headers => [sdk('T', %all) . '%']], sub ($p, @) {
    is_deeply(taken($p), {}, 'none');
});
of_one('minimal', ['/', headers => [sdk('T', %all)]], sub ($p, @) {
    is_deeply(taken($p), {}, 'not asked for');
});


# ---- a literal "" is an order: not from a cookie either

of_one('no cookies', ['/no_cookies', headers => [sdk('T', %all)]], sub ($p, @) {
    is_deeply(taken($p), {}, 'none of its keys');
});
$want{'no-cookies'} = ['"" and "": nobody', {map { ($_ => ['', undef, undef, undef, undef]) } qw(simplified original)}];

who '"" for the device, identified', at('/no_device', sdk('T', %identified)), ['ann', undef, 'ann'];
who '"" for the device, anonymous', at('/no_device', sdk('T', %anonymous)), \@nobody;
who '"" for the user, anonymous', at('/no_user', sdk('T', %anonymous)), of_sdk($sdk);

# what he is called is not told by distinct_id instead
who '"" for the user, identified', at('/no_user', sdk('T', %identified)), of_sdk($sdk);
who '"" for the user, in distinct_id alone', at('/no_user', sdk('T', distinct_id => 'ann')), \@nobody;


# ---- all of them

ok($t->wait_rest(project => $_), "$_ is delivered") for qw(simplified original variable);

$cases->take($_->raw_events) for $ingest, $other;
$cases->check;

for my $k (sort { ($a =~ /^\d+$/ && $b =~ /^\d+$/) ? $a <=> $b : $a cmp $b } keys %want) {
    my ($name, $want) = @{$want{$k}};
    my %got = map { $_->{event} => [@{$_->{properties}}{qw(distinct_id $device_id $user_id vd vu)}] } $cases->events($k);
    is_deeply(\%got, $want, $name);
}

my @uid = map { $_->{properties} } map { $cases->events($_) } 'userid', 'userid-again';
like($uid[0]{'$device_id'}, qr/^uid=[0-9A-F]{32}\z/, 'userid: the device is what it calls it');
is(scalar(grep { $_->{'$device_id'} eq $uid[0]{'$device_id'} } @uid), 4, 'userid: of all events the same');

my @names = qw(distinct_id $device_id $user_id utm_term $initial_referrer vu);
is_deeply(
    {map { my $e = $_; $e->{event} => [@{$e->{properties}}{@names}] } $cases->events('projects')},
    {
        one       => ['ann', $sdk, 'ann', 'of T', 'https://t.test/', 'ann'],
        'two ann' => ['bob', $new, 'bob', 'of A', 'https://a.test/', 'ann'],
        three     => ['ann', $sdk, 'ann', 'of T', 'https://t.test/', 'ann'],
    },
    'two tokens: each by its own cookie'
);

my @visitor = map { $_->{properties}{'$device_id'} } map { $cases->events($_) } 'readme', 'readme-again';
like($visitor[0], qr/^[0-9A-F]{32}\z/, 'the README\'s example: the device is its value');
is(scalar(grep { $_ eq $visitor[0] } @visitor), 4, 'of all events the same');

$t->done;
