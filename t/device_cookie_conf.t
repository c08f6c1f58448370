#!/usr/bin/perl

# mixtrack_device_cookie: what nginx -t finds wrong with it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;

my $t = Mixtrack::Nginx->new;

sub config ($line) {
    return "%%GLOBALS%%\nevents { }\nhttp {\n%%GLOBALS_HTTP%%\nmixtrack_project { token T; }\n$line # here\n"
        . "server { listen 127.0.0.1:%%PORT_0%%; }\n}\n";
}

my %bad = (
    '"";'                      => ['invalid cookie name'],
    '"a b";'                   => ['invalid cookie name', '"a b"'],
    '"a;b";'                   => ['invalid cookie name', '"a;b"'],
    'a=b;'                     => ['invalid cookie name', '"a=b"'],
    '$a;'                      => ['invalid cookie name', '"$a"'],
    "d\xc3\xa9v;"              => ['invalid cookie name'],
    'dev domain=;'             => ['"domain="'],
    'dev "domain=a b";'        => ['"domain=a b"'],
    'dev "domain=a;Secure";'   => ['"domain=a;Secure"'],
    'dev max_age=;'            => ['"max_age="'],
    'dev max_age=0;'           => ['"max_age=0"'],
    'dev max_age=-1;'          => ['"max_age=-1"'],
    'dev max_age=soon;'        => ['"max_age=soon"'],
    'dev samesite=;'           => ['"samesite="'],
    'dev samesite=Maybe;'      => ['"samesite=Maybe"'],
    'dev samesite=none;'       => ['"samesite=none"', '"secure"'],
    '__Host-dev;'              => ['"__Host-dev"', '"secure"'],
    '__host-dev domain=a;'     => ['"__host-dev"', '"secure"'],
    '__Host-dev secure domain=a;' => ['"__Host-dev"', '"domain="'],
    '__Secure-dev;'            => ['"__Secure-dev"', '"secure"'],
    '__SECURE-dev domain=a;'   => ['"__SECURE-dev"', '"secure"'],
    '__Http-dev secure;'       => ['"__Http-dev"', '"HttpOnly"'],
    '__Host-Http-dev secure;'  => ['"__Host-Http-dev"', '"HttpOnly"'],
    'mp_T_mixpanel;'           => ['"mp_T_mixpanel"', 'SDK'],
    'mp_0123_mixpanel secure;' => ['"mp_0123_mixpanel"', 'SDK'],
    'mp__mixpanel;'            => ['"mp__mixpanel"', 'SDK'],
    '__mp_opt_in_out_T;'       => ['"__mp_opt_in_out_T"', 'SDK'],
    'mp_optout;'               => ['"mp_optout"', 'SDK'],
    'dev secure secure;'       => ['"secure"'],
    'dev samesite=lax samesite=strict;' => ['"samesite=strict"'],
    'dev max_age=1d max_age=2d;' => ['"max_age=2d"'],
    'dev domain=a domain=b;'   => ['"domain=b"'],
    'dev if=;'                 => ['"if="'],
    'dev if=$host if=$args;'   => ['"if=$args"'],
    'dev secure=yes;'          => ['"secure=yes"'],
    'dev httponly;'            => ['"httponly"'],
    'off secure;'              => ['off'],
    ';'                        => ['invalid number of arguments'],
    'a; mixtrack_device_cookie b;' => ['duplicate'],
);

for my $args (sort keys %bad) {
    my $r    = $t->test_config(config("mixtrack_device_cookie $args"));
    my @why  = grep { index($r->{emerg}[0] // '', $_) < 0 } 'mixtrack_device_cookie', @{$bad{$args}};
    my ($at) = ($r->{emerg}[0] // '') =~ / in \Q$r->{file}\E:(\d+)$/;

    is_deeply([$r->{rc}, scalar @{$r->{emerg}}, "@why", $at], [1, 1, '', $r->{marked}[0]],
        "nginx -t: mixtrack_device_cookie $args") or diag($r->{out});
}

for my $args (
    'dev domain=example.com max_age=365d samesite=none secure',
    '__Host-dev secure', '__Secure-dev secure', '__Secure-dev domain=example.com secure',
    '__Hostdev', '__Secure', '__Hos', '__Httpdev', 'x__Host-dev',
    'mp_device', 'mp_mixpanel', 'mp_T_mixpanelx', 'xmp_T_mixpanel', 'mp_optouts', '__mp_opt_in_ou', '_mp_opt_in_out_T',
) {
    my $r = $t->test_config(config("mixtrack_device_cookie $args;"));
    is($r->{rc}, 0, "nginx -t: mixtrack_device_cookie $args, which is right") or diag($r->{out});
}

$t->done;
