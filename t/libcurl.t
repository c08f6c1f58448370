#!/usr/bin/perl

# A libcurl that cannot do what a configuration asks for: nginx -t says so,
# not the flusher when it is too late.  t/lib/libcurl.c stands in for it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;

my $t   = Mixtrack::Nginx->new;
my $tls = $t->tls;
my $lib = $t->dir . '/libcurl.so';
my $cc  = $ENV{CC} // 'cc';

is(system($cc, split(' ', '-O1 -g -fPIC -shared -D_GNU_SOURCE'), '-o', $lib, $t->root . '/t/lib/libcurl.c', '-ldl'), 0,
    'the other libcurl builds') or BAIL_OUT('no library');

# a sanitizer's library wants to be the first of all
my ($asan) = `ldd '$t->{binary}'` =~ m{=> (\S*/lib[act]\w*san\S*)};

# What nginx -t says of a project, with another libcurl; the directive is on
# the line that is marked.
sub says ($project, %env) {
    local $ENV{LD_PRELOAD} = join ' ', grep {$_} $asan, $lib;
    local @ENV{keys %env} = values %env;
    return $t->test_config(<<"END");
%%GLOBALS%%
events { }
http {
    %%GLOBALS_HTTP%%
    mixtrack_project {
        token T;
        $project # here
    }
    server { listen 127.0.0.1:%%PORT_0%%; location / { mixtrack a; } }
}
END
}

sub refused ($name, $project, $env, @words) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r    = says($project, %$env);
    my @line = @{$r->{emerg}};
    my @why  = grep { index($line[0] // '', $_) < 0 } @words;

    ok($r->{rc} == 1 && @line == 1 && !@why && $line[0] =~ / in \Q$r->{file}\E:$r->{marked}[0]$/, $name) or diag($r->{out});
    is(says($project)->{rc}, 0, '... which another one can') or diag($r->{out});
}

my $cert = 'tls cert=%%TESTDIR%%/tls/client.crt key=%%TESTDIR%%/tls/client.key;';
my $ca   = 'tls ca=%%TESTDIR%%/tls/ca.crt;';

refused 'no https to a proxy', 'proxy https://proxy.test:3128;', {LIBCURL_LACKS => '200000'}, '"proxy"', 'https';

my %gnutls = (LIBCURL_TLS => 'GnuTLS/3.7.9', LIBCURL_NUMBER => '75801');
refused 'GnuTLS has no certificates of clients from memory', $cert, \%gnutls, '"tls"', 'certificate', 'OpenSSL';
refused 'nor those of authorities', $ca, \%gnutls, '"tls"', 'CA certificates', 'OpenSSL';
is(says($ca, %gnutls, LIBCURL_NUMBER => '81200')->{rc}, 0, '... but since 8.18');

refused 'libcurl before 7.77 has none of authorities', $ca, {LIBCURL_NUMBER => '74c01'}, '"tls"', '7.77';
refused 'and before 7.71 none of clients', $cert, {LIBCURL_NUMBER => '74600'}, '"tls"', '7.71';

is(says('proxy http://proxy.test;', LIBCURL_NUMBER => '73e00', LIBCURL_TLS => '', LIBCURL_LACKS => '200000')->{rc}, 0,
    'nothing of it is asked of others');

$t->done;
