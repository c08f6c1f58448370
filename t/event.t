#!/usr/bin/perl

# The event itself: what a request becomes, by which directive.
#
# What the standard properties are worth is in standard.t.  Hostile bytes and lengths are in bytes.t.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(2);
my $ipv6    = !!IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

my $conf = <<'EOF';
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

    mixtrack_project "tokens" {
        token    $arg_token;
        endpoint http://127.0.0.1:%%PORT_9%%/tokens;
        zone     2m;
        batch    interval=50ms;
    }

    mixtrack_property k $arg_k;


    map $arg_if $condition {
        default $arg_if;
        none    "";
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        IPV6 listen [::1]:%%PORT_0%%;
        listen unix:%%TESTDIR%%/nginx.sock;
        server_name here.test;

        %%STATUS%%

        location /standard {
            mixtrack "Page View";
            return 200 "yes\n";
        }

        location /minimal {
            mixtrack "Minimal";
            mixtrack_properties minimal;
            return 204;
        }

        location /untracked { return 200; }

        location /redirect { mixtrack redirect; return 301 /elsewhere; }
        location /teapot   { mixtrack teapot; return 418; }

        location /types {
            mixtrack types;
            mixtrack_properties minimal;
            mixtrack_property n $arg_n type=number;
            mixtrack_property b $arg_b type=bool;
            mixtrack_property s $arg_s type=string;
            mixtrack_property status $status type=number;
            mixtrack_property status_text $status;
            mixtrack_property time_taken $request_time type=number;
            mixtrack_property sent $bytes_sent type=number;
            mixtrack_property five 5 type=number;
            mixtrack_property yes true type=bool;
            mixtrack_property t $arg_t type=time;
            mixtrack_property l $arg_l type=list;
            mixtrack_property j $arg_j type=json;
            mixtrack_property empty $arg_nothing;
            mixtrack_property nothing "";
            return 200;
        }

        location /literals {
            mixtrack "Lit \"eral\" é \\ /";
            mixtrack_properties minimal;
            mixtrack_property "näme \"q\" \\" "välue \"q\" \\ \t tab";
            mixtrack_property mixed "on $host, $arg_x!";
            mixtrack_property captured "$1";
            return 200;
        }

        location ~ ^/captured/([a-z]+)/([a-z]+) {
            mixtrack "Seen $1";
            mixtrack_properties minimal;
            mixtrack_property second $2;
            return 200;
        }

        location /override {
            mixtrack override;
            mixtrack_property method   "own $request_method";
            mixtrack_property status   off;
            mixtrack_property $referrer literal;
            mixtrack_property $current_url off;
            mixtrack_property request_time 7 type=number;
            return 200;
        }

        location /no-ip  { mixtrack no_ip; mixtrack_ip off; return 200; }

        location /ids {
            mixtrack ids;
            mixtrack_user_id   $arg_u;
            mixtrack_device_id $arg_d;
            return 200;
        }

        location /header-ids {
            mixtrack ids;
            mixtrack_user_id   $http_x_user;
            mixtrack_device_id $http_x_device;
            return 200;
        }

        location /several {
            mixtrack "First";
            mixtrack "Second";
            mixtrack "Third";
            return 200;
        }

        location /if {
            mixtrack conditional if=$condition;
            return 200;
        }

        location /if-several {
            mixtrack A if=$arg_a;
            mixtrack B if=$arg_b;
            mixtrack C;
            return 200;
        }

        location /named {
            mixtrack "$arg_name";
            return 200;
        }

        location /named-partly {
            mixtrack "Got $arg_name";
            return 200;
        }

        location /token {
            mixtrack tokens project=tokens;
            return 200;
        }

        location /two-projects {
            mixtrack one;
            mixtrack two project=tokens;
            return 200;
        }

        location /missing {
            mixtrack missing;
            error_page 404 /not-found?k=$arg_k;
        }

        location = /not-found {
            mixtrack "Not Found";
            internal;
            return 404 "nothing\n";
        }

        location /named-error {
            mixtrack "never";
            error_page 410 = @gone;
            return 410;
        }

        location @gone { mixtrack "Gone"; return 200 "gone\n"; }

        location /rewrite  { mixtrack "before"; rewrite ^ /rewritten last; }
        location /rewritten { mixtrack "after"; return 200; }

        location /subrequests {
            log_subrequest on;
            mixtrack "Main";
            mirror /mirror;
            auth_request /auth;
            proxy_pass http://127.0.0.1:%%PORT_0%%/untracked;
        }

        location /auth   { internal; mixtrack "Auth"; log_subrequest on; return 204; }
        location /mirror { internal; mixtrack "Mirror"; log_subrequest on; return 204; }

        location /slow {
            mixtrack slow;
            proxy_read_timeout 10s;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }

        location /many {
            mixtrack many;
            mixtrack_properties minimal;
            MANY
            return 200;
        }
    }

    # merging
    server {
        listen 127.0.0.1:%%PORT_3%%;

        mixtrack "Server";
        mixtrack_properties minimal;
        mixtrack_property a server;
        mixtrack_property b server;
        mixtrack_property c server;

        location / { return 200; }

        location /location {
            mixtrack_property b location;
            mixtrack_property d location;
            mixtrack_property c off;
            return 200;
        }

        location /replaced {
            mixtrack "Location";
            mixtrack "Another";
            return 200;
        }

        location /off { mixtrack off; return 200; }

        location /nested {
            mixtrack_property b outer;

            location /nested/inner {
                mixtrack_property d inner;
                mixtrack_property c $arg_c;
                return 200;
            }

            return 200;
        }

        location /if {
            mixtrack_property b location;

            if ($arg_go) {
                mixtrack "In If";
                mixtrack_property b if;
                mixtrack_property e if;
                mixtrack_property a off;
                mixtrack_properties standard;
                return 200;
            }

            if ($arg_stop) {
                mixtrack off;
                return 200;
            }

            return 200;
        }
    }
}
EOF

my $many = join "\n", map {"mixtrack_property p$_ \"$_\";"} 1 .. 235;
$conf =~ s/IPV6/$ipv6 ? '' : '#'/e;
$conf =~ s/MANY/$many/;

$t->conf($conf)->run;

my $host = 'localhost:' . $t->port(0);
my $cases = Mixtrack::Cases->new($t);

sub request (@how) { $cases->request(@how) }

sub keys_are ($p, @keys) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply([sort keys %$p], [sort 'k', @keys], 'these properties and no others');
}

my @minimal  = qw(token time $insert_id distinct_id ip);
my @standard = (@minimal, qw(
    $current_url current_domain current_url_path current_url_protocol current_url_search
    method status bytes_sent request_time http_version mp_lib $lib_version
));

# ---- standard and minimal

my $before = time;

like request('standard', ['/standard', headers => ['Referer: http://r.test/a?b=c']], sub ($p, $e, $raw) {
    keys_are($p, @standard, '$referrer', '$referring_domain');
    is_deeply([sort keys %$e], [qw(event properties)], 'event and properties');
    is($e->{event}, 'Page View', 'event');
    is($p->{token}, 'TOKEN', 'token');
    like($raw, qr/"time":[0-9]{13}[,}]/, 'time is an integer of 13 digits');
    cmp_ok($p->{time}, '>=', ($before - 1) * 1000, 'time is not before the request');
    cmp_ok($p->{time}, '<=', ($before + 2) * 1000, 'time is not long after');
    like($p->{'$insert_id'}, qr/^[A-Za-z0-9-]{1,36}$/, '$insert_id');
    is($p->{distinct_id}, '', 'nobody is known');
    is($p->{ip}, '127.0.0.1', 'ip');
    is($p->{'$current_url'}, "http://$host/standard?k=standard", '$current_url');
    is($p->{'$referrer'}, 'http://r.test/a?b=c', '$referrer');
    is($p->{method}, 'GET', 'method');
    like($raw, qr/"status":200[,}]/, 'status is a number');
    like($raw, qr/"request_time":[0-9]+\.[0-9]{3}[,}]/, 'request_time is a number of seconds');
    cmp_ok($p->{request_time}, '<', 2, 'request_time is short');
}), qr/yes/, 'a request';

request('no_referrer', '/standard', sub ($p, @) { keys_are($p, @standard) });

request('minimal', ['/minimal', headers => ['Referer: http://r.test/']], sub ($p, $e, @) {
    keys_are($p, @minimal);
    is($e->{event}, 'Minimal', 'event');
});

request('head', sub { $t->http("HEAD /standard?k=head HTTP/1.0\r\n\r\n") }, sub ($p, @) {
    is($p->{method}, 'HEAD', 'method');
    like($p->{'$current_url'}, qr{^http://[^/]+/standard\?k=head$}, 'without Host a server name');
});

request('post', sub {
    $t->http("POST /standard?k=post HTTP/1.1\r\nHost: a.test:81\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
}, sub ($p, @) {
    is($p->{method}, 'POST', 'method');
    is($p->{'$current_url'}, 'http://a.test:81/standard?k=post', 'the port of the Host header');
});

request('redirect', '/redirect', sub ($p, @) { is($p->{status}, 301, 'status') });
request('teapot',   '/teapot',   sub ($p, @) { is($p->{status}, 418, 'status') });

request('untracked', '/untracked', undef, 0);

request('encoded', sub { $t->get('/standard/%41%20%e4%bd%a0?k=encoded&x=%22%C3%28') }, sub ($p, @) {
    is($p->{'$current_url'}, "http://$host/standard/%41%20%e4%bd%a0?k=encoded&x=%22%C3%28",
        '$current_url as it was sent');
});

# ---- the ways in

SKIP: {
    skip 'no IPv6 loopback', 1 if !$ipv6;
    request('ipv6', ['/standard', addr => '::1'], sub ($p, @) { is($p->{ip}, '::1', 'ip') });
    pass('IPv6');
}

request('unix', sub {
    $t->http("GET /standard?k=unix HTTP/1.0\r\nHost: u\r\n\r\n", unix => $t->dir . '/nginx.sock');
}, sub ($p, @) { is($p->{ip}, '0', 'a unix socket has no address') });

request('keepalive', sub {
    my $s = $t->send(join '', map {"GET /standard?k=keepalive&n=$_ HTTP/1.1\r\nHost: h\r\n\r\n"} 1 .. 4);
    my $got = '';
    wait_until(sub { sysread $s, $got, 65536, length $got; 4 == (() = $got =~ m{^HTTP/1.1 200}gm) });
    syswrite $s, "GET /standard?k=keepalive&n=5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    $t->read($s);
}, undef, 5);

request('no_ip', '/no-ip', sub ($p, @) { is($p->{ip}, '0', 'ip off is "0", not absent') });

# ---- types

my $mistyped = $t->status('default')->{mistyped};

my @number = (
    ['42', '42'], ['0', '0'], ['-3.25', '-3.25'], ['1e3', '1000'], ['0.001', '0.001'],
    ['9007199254740993', '9007199254740993'],
);
for my $i (0 .. $#number) {
    my ($in, $out) = @{$number[$i]};
    request("number$i", ['/types', args => "&n=$in"], sub ($p, $e, $raw) {
        cmp_ok($p->{n}, '==', $out, "$in is $out");
        like($raw, qr/"n":-?[0-9.eE+-]+[,}]/, 'and a number');
    });
}

my @no_number = ('abc', '1,2', '0x10', 'NaN', 'inf', '--1', '1e', '12abc', '-', '1e999');
for my $i (0 .. $#no_number) {
    request("no_number$i", ['/types', args => "&n=$no_number[$i]"], sub ($p, @) {
        ok(!exists $p->{n}, "$no_number[$i] is omitted");
    });
}

my @bool = (['1', 1], ['true', 1], ['on', 1], ['0', 0], ['false', 0], ['off', 0]);
for my $i (0 .. $#bool) {
    my ($in, $out) = @{$bool[$i]};
    request("bool$i", ['/types', args => "&b=$in"], sub ($p, $e, $raw) {
        my $text = $out ? 'true' : 'false';
        like($raw, qr/"b":$text[,}]/, "$in is $text");
    });
}

my @no_bool = ('maybe', '2', 'truely');
for my $i (0 .. $#no_bool) {
    request("no_bool$i", ['/types', args => "&b=$no_bool[$i]"], sub ($p, @) {
        ok(!exists $p->{b}, "$no_bool[$i] is omitted");
    });
}

request('no_types', ['/types', args => '&n=&b=&s=&t=&l=&j='], sub ($p, $e, $raw) {
    keys_are($p, @minimal, qw(status status_text time_taken sent five yes));
    like($raw, qr/"status":200[,}]/,            'a variable as a number');
    like($raw, qr/"status_text":"200"[,}]/,     'and as a string');
    like($raw, qr/"time_taken":[0-9]+\.[0-9]+/, '$request_time as a number');
    like($raw, qr/"sent":[0-9]+[,}]/,           '$bytes_sent as a number');
    like($raw, qr/"five":5[,}]/,                'a literal number');
    like($raw, qr/"yes":true[,}]/,              'a literal bool');
});

request('string', ['/types', args => '&s=42'], sub ($p, $e, $raw) {
    like($raw, qr/"s":"42"[,}]/, 'a string stays one');
});

is($t->status('default')->{mistyped} - $mistyped, @no_number + @no_bool,
    'what is not of its type is counted, what is empty is not');

# ---- literals, captures, overriding

request('literals', ['/literals', args => '&x=y', host => 'lit.test:80'], sub ($p, $e, @) {
    is($e->{event}, "Lit \"eral\" \x{e9} \\ /", 'event');
    is($p->{"n\x{e4}me \"q\" \\"}, "v\x{e4}lue \"q\" \\ \t tab", 'name and value');
    is($p->{mixed}, 'on lit.test, y!', 'text and variables');
    ok(!exists $p->{captured}, 'a capture of nothing is empty');
});

request('captures', '/captured/one/two', sub ($p, $e, @) {
    is($e->{event}, 'Seen one', 'event');
    is($p->{second}, 'two', 'value');
});

request('override', ['/override', headers => ['Referer: http://r.test/']],
    sub ($p, $e, $raw) {
        keys_are($p, grep({ !/^(?:status|\$current_url)$/ } @standard), qw($referrer $referring_domain));
        is($p->{method}, 'own GET', 'a standard property by its name');
        is($p->{'$referrer'}, 'literal', 'another');
        is($p->{request_time}, 7, 'and another');
        is(scalar(() = $raw =~ /"method":/g), 1, 'it is there once');
    }
);

request('many', '/many', sub ($p, @) {
    is($p->{p235}, '235', 'many properties');
});

# ---- merging by name

sub merged ($name, $uri, $event, $want, $standard = 0) {
    my ($path, $args) = (split(/\?/, $uri), '');

    request($name, [$path, args => length $args ? "&$args" : '', port => 3],
        sub ($p, $e, @) {
            is($e->{event}, $event, 'event');
            is_deeply({map { $_ => $p->{$_} } grep {/^[a-e]$/} keys %$p}, $want, 'merged by name');
            is(exists $p->{method}, !!$standard, 'standard or minimal');
        });
}

merged('merge_server', '/', 'Server', {a => 'server', b => 'server', c => 'server'});
merged('merge_location', '/location', 'Server', {a => 'server', b => 'location', d => 'location'});
merged('merge_nested', '/nested/inner?c=arg', 'Server',
    {a => 'server', b => 'outer', c => 'arg', d => 'inner'});
merged('merge_nested_empty', '/nested/inner', 'Server', {a => 'server', b => 'outer', d => 'inner'});
merged('merge_no_if', '/if', 'Server', {a => 'server', b => 'location', c => 'server'});
merged('merge_if', '/if?go=1', 'In If', {b => 'if', c => 'server', e => 'if'}, 1);

request('merge_replaced', ['/replaced', port => 3], undef, 2);
request('merge_off', ['/off', port => 3], undef, 0);
request('merge_if_off', ['/if', args => '&stop=1', port => 3], undef, 0);

# ---- identity

sub ids ($name, $args, $distinct, $user = undef, $device = undef) {
    request($name, ['/ids', args => $args], sub ($p, @) {
        is($p->{distinct_id}, $distinct, 'distinct_id');
        is($p->{'$user_id'},   $user,   '$user_id');
        is($p->{'$device_id'}, $device, '$device_id');
    });
}

ids('id_none',   '',              '');
ids('id_empty',  '&u=&d=',        '');
ids('id_user',   '&u=joe',        'joe', 'joe');
ids('id_device', '&d=d-1',        '$device:d-1', undef, 'd-1');
ids('id_both',   '&u=joe&d=d-1',  'joe', 'joe', 'd-1');
ids('id_prefix', '&d=$device:d-1', '$device:d-1', undef, 'd-1');
ids('id_prefix_banned', '&d=$device:null', '');
ids('id_prefix_empty',  '&d=$device:', '');

my @banned = qw(
    00000000-0000-0000-0000-000000000000 anon anonymous nil none null n/a na
    undefined unknown <nil> 0 -1 true false [] {}
);
for my $i (0 .. $#banned) {
    ids("banned_user$i",   "&u=$banned[$i]",         '');
    ids("banned_device$i", "&d=$banned[$i]",         '');
    ids("banned_both$i",   "&u=$banned[$i]&d=d$i",   "\$device:d$i", undef, "d$i");
}
ids('not_banned', '&u=anonymous2', 'anonymous2', 'anonymous2');

request('id_long', ['/header-ids',
    headers => ['X-User: ' . 'u' x 300, 'X-Device: ' . 'd' x 300]], sub ($p, @) {
    is($p->{distinct_id}, 'u' x 255, 'distinct_id is cut');
    is($p->{'$user_id'},  'u' x 255, '$user_id, too');
    like($p->{'$device_id'}, qr/^d{240,255}$/, 'and $device_id');
});
request('id_long_device', ['/header-ids', headers => ["X-Device: " . "\xc3\xa9" x 200]],
    sub ($p, @) {
        is($p->{distinct_id}, "\$device:$p->{'$device_id'}", 'a long device id is the same in both');
    });
request('id_bytes', ['/header-ids', headers => ["X-User: a\xff\"b\\"]], sub ($p, @) {
    is($p->{distinct_id}, "a\x{fffd}\"b\\", 'an id of any bytes');
});

# ---- several events, conditions, names, tokens

request('several', '/several', undef, 3);

my $skipped = $t->status('default')->{skipped}{if};

request('if_1',    ['/if', args => '&if=1']);
request('if_text', ['/if', args => '&if=no']);
request('if_00',   ['/if', args => '&if=00']);
request('if_0',    ['/if', args => '&if=0'],    undef, 0);
request('if_none', ['/if', args => '&if=none'], undef, 0);
request('if_not',  '/if', undef, 0);
request('if_some', ['/if-several', args => '&b=1'], undef, 2);

is($t->status('default')->{skipped}{if} - $skipped, 4, 'what a condition left out is counted');

request('name', ['/named', args => '&name=By+Name'], sub ($p, $e, @) {
    is($e->{event}, 'By+Name', 'event');
});
request('name_bytes', sub { $t->get("/named?k=name_bytes&name=a\xe4\"\\b") }, sub ($p, $e, @) {
    is($e->{event}, "a\x{fffd}\"\\b", 'event');
});
request('name_partly', ['/named-partly', args => '&name=it'], sub ($p, $e, @) {
    is($e->{event}, 'Got it', 'event');
});
request('name_long', ['/named', args => '&name=' . 'n' x 300], sub ($p, $e, @) {
    is($e->{event}, 'n' x 255, 'event');
});
request('name_empty', '/named', undef, 0);

my $no_token = $t->status('tokens')->{dropped}{no_token};

request('token', ['/token', args => '&token=abc'], sub ($p, @) { is($p->{token}, 'abc', 'token') });
request('token_other', ['/token', args => '&token=def'],
    sub ($p, @) { is($p->{token}, 'def', 'token') });
request('token_quote', ['/token', args => '&token=a"b'],
    sub ($p, @) { is($p->{token}, 'a"b', 'token') });
request('token_none',  '/token', undef, 0);
request('token_empty', ['/token', args => '&token='], undef, 0);

is($t->status('tokens')->{dropped}{no_token} - $no_token, 2, 'an event without a token is dropped and counted');

request('projects', ['/two-projects', args => '&token=xyz'], undef, 2);

# ---- where the request ended

request('error_page', '/missing/page', sub ($p, $e, @) {
    is($e->{event}, 'Not Found', 'the last location counts');
    is($p->{status}, 404, 'status');
    is($p->{'$current_url'}, "http://$host/missing/page?k=error_page", '$current_url is what was asked for');
});
request('named_error', '/named-error', sub ($p, $e, @) {
    is($e->{event}, 'Gone', 'a named location');
});
request('rewrite', '/rewrite', sub ($p, $e, @) {
    is($e->{event}, 'after', 'the last location');
    like($p->{'$current_url'}, qr{/rewrite\?}, '$current_url is what was asked for');
});
request('subrequests', '/subrequests', sub ($p, $e, @) {
    is($e->{event}, 'Main', 'the main request and no other');
});

my $slow_start = time;
request('slow', sub {
    my $s = $t->send("GET /slow?k=slow HTTP/1.0\r\n\r\n");
    ok($backend->hold, 'a slow request');
    sleep 0.4;
    $backend->release;
    like($t->read($s), qr/late/, 'is answered');
}, sub ($p, @) {
    cmp_ok($p->{request_time}, '>=', 0.35, 'request_time');
    cmp_ok($p->{request_time}, '<',  5,    'is not much more');
    cmp_ok(abs($p->{time} - $slow_start * 1000), '<', 350, 'time is when the request began');
});

# ---- all are there

ok($t->wait_rest && $t->wait_rest(project => 'tokens'), 'all events are on their way out');

my @raw = $ingest->raw_events;

$cases->take(@raw);
$cases->check;

my @several = $cases->events('several');

is_deeply([map { $_->{event} } @several], [qw(First Second Third)], 'several events in their order');
{
    my ($first, @rest) = map { $_->{properties}{'$insert_id'} } @several;
    is_deeply(\@rest, ["$first-2", "$first-3"], '$insert_id of several events');
    is(scalar(grep { $_->{properties}{time} == $several[0]{properties}{time} } @several), 3,
        'they have one time');
}
is_deeply([map { $_->{event} } $cases->events('merge_replaced')], [qw(Location Another)], 'a list is replaced whole');
is_deeply([map { $_->{event} } $cases->events('if_some')], [qw(B C)], 'conditions are for each event');
is_deeply([sort map { $_->{properties}{token} } $cases->events('projects')], [qw(TOKEN xyz)], 'an event for each project');

my %id;
$id{$_->{properties}{'$insert_id'}}++ for map { json_decode($_) } @raw;
is(scalar(keys %id), scalar(@raw), 'every $insert_id is another');

my $status = $t->status;
my ($default, $tokens) = @{$status->{projects}}{qw(default tokens)};

is($default->{delivered} + $tokens->{delivered}, scalar(@raw), 'delivered is what arrived');
is($default->{tracked}, $default->{delivered} + $default->{dropped}{no_name},
    'tracked is what was delivered, and the event without a name');
is($tokens->{tracked}, $tokens->{delivered} + 2, 'and those without a token');
is($ingest->stats->{duplicates}, 0, 'nothing came twice');

$t->done;
