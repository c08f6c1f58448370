#!/usr/bin/perl

# A map of a variable's name tells the client better: wherever the variable
# or a standard property is, for a page view and for the device cookie.  Where
# it says nothing, or asks for the variable itself, all is as without it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $cases  = Mixtrack::Cases->new($t);

my $browser = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36';

$t->conf(<<'EOF');
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    map $http_user_agent $mixtrack_bot {
        ~^ShopApp/  0;
        ~Hotjar     1;
        ~^Wget/     "";
        default     $mixtrack_bot;
    }
    map $http_user_agent $mixtrack_browser {
        ~^ShopApp/  "Shop \"App\"";
        default     $mixtrack_browser;
    }
    map $http_user_agent $mixtrack_browser_version {
        volatile;
        ~^ShopApp/(?<shop_version>[\d.a-z]+)  $shop_version;
    }
    map $http_user_agent $mixtrack_os {
        ~^ShopApp/  ShopOS;
    }
    geo $mixtrack_device {
        default     "";
        127.0.0.1   Loopback;
    }

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     1m;
        batch    interval=50ms;
    }

    mixtrack_property k    $arg_k;
    mixtrack_property seen "$mixtrack_bot|$mixtrack_browser|$mixtrack_browser_version|$mixtrack_os|$mixtrack_device";
    mixtrack_property view $mixtrack_page_view;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        default_type text/html;
        %%STATUS%%

        mixtrack any;
        mixtrack_device_cookie dev;
        add_header X-Bot $mixtrack_bot;

        location / { return 200; }

        location /set {
            set $mixtrack_bot 1;
            set $mixtrack_os  SetOS;
            return 200;
        }
    }
}
EOF
$t->run;

# Requests of an agent, and what the variables are to say; properties if those
# of the event are others.
sub client ($name, $agent, $uri, $want, %o) {
    my ($bot, @said) = @$want;

    my $reply = $cases->request($name, [$uri, headers => ["User-Agent: $agent", 'Accept: text/html']], sub ($p, @) {
        is($p->{seen}, join('|', @$want), 'the variables');
        is_deeply([map { $_ // '' } @$p{'$browser', '$browser_version', '$os', '$device'}],
            $o{properties} // \@said, 'the properties');
        is($p->{view}, $bot eq '0' ? 1 : 0, 'a page view');
    });

    my ($issued) = $reply =~ /^Set-Cookie: dev=/m ? 1 : 0;
    like($reply, qr/^X-Bot: $bot\r$/m, "$name: in a header");
    is($issued, $bot eq '0' ? 1 : 0, "$name: the device cookie");
}

client('ours', 'ShopApp/1.20 okhttp/4 (+https://x.test)', '/', [0, 'Shop "App"', '1.20', 'ShopOS', 'Loopback'],
    properties => ['Shop "App"', 1.2, 'ShopOS', 'Loopback']);
client('no-number', 'ShopApp/beta', '/', [0, 'Shop "App"', 'beta', 'ShopOS', 'Loopback'],
    properties => ['Shop "App"', '', 'ShopOS', 'Loopback']);
client('bot-now',        "$browser Hotjar", '/',    [1, 'Chrome', '124', 'Linux', 'Loopback']);
client('as-it-is',       $browser,          '/',    [0, 'Chrome', '124', 'Linux', 'Loopback']);
client('bot-as-it-is',  'curl/8.1.2',      '/',    [1, '', '', '', 'Loopback']);
client('nothing-said',   'Wget/1.21',       '/',    [1, '', '', '', 'Loopback']);
client('set',            $browser,          '/set', [1, 'Chrome', '124', 'SetOS', 'Loopback']);

ok($t->wait_rest, 'all events are on their way out');
$cases->take($ingest->raw_events);
$cases->check;

$t->done;
