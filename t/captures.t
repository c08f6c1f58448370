#!/usr/bin/perl

# $1 is what the location has made it, in every value of an event, whatever
# maps with regular expressions are asked for before it; and in all that comes
# after us: the response's body, access_log, and the log handler of a module
# that is loaded later (t/lib/late.c).

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Late;
use Mixtrack::Nginx;
use Mixtrack::Util qw(lacks slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $cases  = Mixtrack::Cases->new($t);
my $subs   = qx($t->{binary} -V 2>&1) =~ /--with-http_sub_module/;
my $late   = late_module($t);

my %has = (
    LOAD => $late ? "load_module $late;"    : '',
    LATE => $late ? 'late "$arg_k=$1";'     : '',
    SUB  => $subs ? 'sub_filter __ID__ $1;' : '',
);

$t->write_file('page.html', 'ID=__ID__');

$t->conf(<<'EOF' =~ s/HAS_(\w+)/$has{$1}/gr)->run;
%%GLOBALS%%
HAS_LOAD

events { }

http {
    %%GLOBALS_HTTP%%
    HAS_LATE

    map $uri $tracked {
        ~^/product/      1;
        ~^/(pair)/(\w+)  $1$2;
    }
    map $uri $none {
        ~^/(no)/(where)  1;
    }
    map $uri $kind {
        ~^/(\w+)/        $1;
    }
    map $uri $kind_again {
        volatile;
        ~^/(\w+)/        $1;
    }
    map $http_user_agent $mixtrack_bot {
        ~(Silent)        "";
        ~(Trident)       0;
    }
    map $arg_k $by_default {
        ~^(none)$        "";
        default          $1;
    }
    map "" $one {
        volatile;
        default          $1;
    }
    log_format one "$arg_k=$one";

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     1m;
        batch    interval=50ms;
    }

    mixtrack_property k $arg_k;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        default_type text/html;
        access_log %%TESTDIR%%/access.log one;
        location = /status { mixtrack off; mixtrack_status json; access_log off; }

        location ~ ^/product/(\d+)$ {
            mixtrack          Product   if=$tracked;
            mixtrack_property id $1     type=number;
            return 200;
        }

        location ~ ^/pair/(\w+)-(\w+)$ {
            mixtrack          "$2 $1"   if=$tracked;
            mixtrack_user_id  "user-$1";
            mixtrack_property a         $1  if=$mixtrack_page_view;
            mixtrack_property b         $2  "if=$1$kind";
            mixtrack_property both      "$1|$kind|$2";
            mixtrack_property again     "$1|$kind_again|$2";
            mixtrack_property none      "$1|$none|$2";
            mixtrack_property maps      "$kind|$tracked";
            mixtrack_property default   $by_default;
            return 200;
        }

        location ~ ^/view/(\w+)$ {
            mixtrack          "View $1" if=$mixtrack_page_view;
            return 200;
        }

        location ~ ^/c/(\w+)$ {
            mixtrack          Page;
            mixtrack_property id $1;
            mixtrack_device_cookie dev  "if=$kind$1";
            try_files /page.html =404;
            HAS_SUB
        }

        location /plain {
            mixtrack          Plain     if=$kind$mixtrack_page_view;
            mixtrack_property id "<$1>";
            return 200;
        }

        location ~ ^/moved/(\w+)$ {
            error_page 418 = @there;
            return 418;
        }

        location @there {
            mixtrack          Moved     if=$kind;
            mixtrack_property id $1;
            return 200;
        }
    }
}
EOF

my @one;

# What $1 is after a request, and what its event has.
sub request ($name, $uri, $one, $check, $agent = 'Trident') {
    push @one, "$name=$one";
    return $cases->request($name, [$uri, headers => ["User-Agent: Mozilla/5.0 $agent", 'Accept: text/html']], $check);
}

request('product', '/product/42', '42', sub ($p, $e, @) { is($p->{id}, 42, 'the property') });

request('pair', '/pair/left-right', 'left', sub ($p, $e, @) {
    is($e->{event},       'right left',      'the name');
    is($p->{distinct_id}, 'user-left',       'the user');
    is($p->{a},           'left',            'with a condition');
    is($p->{b},           'right',           'with one that has captures');
    is($p->{both},        'left|pair|right', 'a map in the middle');
    is($p->{again},       'left|pair|right', 'one that is asked each time');
    is($p->{none},        'left||right',     'one that does not match');
    is($p->{maps},        'pair|pairleft',   'maps have their own');
    is($p->{default},     'left',            'and where they have none, those of the location');
});

request('view', '/view/item', 'item', sub ($p, $e, @) { is($e->{event}, 'View item', 'the name') });

# the map matches, and leaves it to us
request('silent', '/view/item', 'item', sub ($p, $e, @) { is($e->{event}, 'View item', 'the name') },
    'Silent Chrome/124.0.0.0');

my $reply = request('cookie', '/c/bob', 'bob', sub ($p, @) { is($p->{id}, 'bob', 'the property') });

like($reply, qr/^Set-Cookie: dev=/m, 'a device cookie');
like($reply, $subs ? qr/ID=bob\b/ : qr/ID=__ID__/, 'and the body');

request('plain', '/plain', '', sub ($p, @) { is($p->{id}, '<>', 'the property') });
request('moved', '/moved/away', 'away', sub ($p, @) { is($p->{id}, 'away', 'the property') });

ok($t->wait_rest, 'all events are on their way out');
$cases->take($ingest->raw_events);
$cases->check;

is_deeply([split /\n/, slurp($t->dir . '/access.log')], \@one, 'access_log');

SKIP: {
    skip lacks('there are no headers of nginx'), 1 if !$late;
    is_deeply([$t->error_log =~ /late: (\w+=\w*)\./g], \@one, 'a later log handler');
}

$t->done;
