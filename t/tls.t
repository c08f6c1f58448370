#!/usr/bin/perl

# TLS, and who the endpoint is: one that cannot show it gets no event.  They
# wait until the endpoint, or our configuration, is right.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Breakage;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(uniq);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, tls => 'good');
my $ca     = 'ca=%%TESTDIR%%/tls/ca.crt';

sub conf ($tls, %project) { $t->conf(breakable(project => {tls => $tls, %project})) }

# The endpoint comes back as another one.
sub become ($tls) {
    $ingest->kill;
    $ingest->tls($tls)->start;
}

# What the posts since the nth have in common.
sub posts_have ($name, $n, $what, $value) {
    my @posts = $ingest->posts;
    is(join(' ', uniq(map { $_->{tls}{$what} // 'none' } @posts[$n .. $#posts])), $value, $name);
}

conf($ca)->run;

# ---- it is not who it should be

my %why = (
    expired     => qr/certificate has expired/,
    wrong_name  => qr/certificate subject name .*'localhost'/,
    self_signed => qr/self.signed certificate/,
);

for my $cert (qw(expired wrong_name)) {
    breakage($t, $ingest, $cert,
        break      => sub { become($cert) },
        no_post    => 1,
        heal       => sub { become('good') },
        why        => $why{$cert},
        duplicates => 1);
}

posts_have('it is told for whom the posts are', 0, sni => 'localhost');
like(($ingest->posts)[-1]{tls}{version}, qr/^TLSv1_[23]$/, 'in a TLS of today');

breakage($t, $ingest, 'self_signed',
    break => sub { become('self_signed') },
    no_post => 1,
    heal  => sub {
        conf('verify=off');
        ok($t->reload, 'self_signed: a reload with verify=off');
    },
    why        => $why{self_signed},
    duplicates => 1);

# the system knows no authority of ours
become('good');
breakage($t, $ingest, 'an unknown authority',
    break => sub {
        conf('verify=on');
        ok($t->reload(drained => 1), 'an unknown authority: a reload to those of the system');
    },
    no_post => 1,
    heal  => sub { conf($ca); ok($t->reload, 'an unknown authority: a reload with ours') },
    why   => qr/certificate/,

    # the first reload is of a healthy endpoint: a reply may be too late for it
    duplicates => 1);

$t->done;
