#!/usr/bin/perl

# TLS, and who we are: an endpoint that wants to see a certificate of ours
# gets no event without; and endpoints that do not speak as we do.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::SSL;
use Socket qw(AF_INET);
use Test::More;

use Mixtrack::Breakage;
use Mixtrack::Child;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(uniq slurp);

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

# ---- it wants to know who we are

my $key = $t->client_key;
if ($> == 0) {
    chmod 0600, $key;
    my ($uid) = slurp('/proc/' . $t->flusher . '/status') =~ /^Uid:\s+(\d+)/m;
    isnt($uid, 0, 'who posts is not root');
    is((stat $key)[4], 0, 'and the key is');
}

sub ours ($name) {"$ca cert=%%TESTDIR%%/tls/$name.crt key=%%TESTDIR%%/tls/$name.key"}

$ingest->{client_ca} = 1;
my $end = breakage($t, $ingest, 'no certificate of ours',
    break  => sub { become('good') },
    middle => sub { conf(ours('stranger')); ok($t->reload, 'a reload with one that is unknown') },
    no_post => 1,
    heal   => sub { conf(ours('client')); ok($t->reload, 'a reload with the one that is known') },
    # TLS 1.3 tells the client late, in as many words as there are moments
    why    => qr/alert|certificate|SSL|reset|Empty|Broken|failure|not connected/,
    duplicates => 1);
posts_have('it knows who we are', $end->{broken_at}, client => 'client');

# nginx -t has looked into it, and only libcurl knows how strong it should be
breakage($t, $ingest, 'a certificate that is too weak',
    break      => sub { conf(ours('weak')); ok($t->reload(drained => 1), 'a reload with one of too few bits') },
    no_post    => 1,
    level      => 'error',
    heal       => sub { conf(ours('client')); ok($t->reload, 'a reload with the good one again') },
    why        => qr/certificate|private key/,
    duplicates => 1);

# what the master has read serves the next flusher, too
ok($t->kill_process($t->flusher), 'the flusher is killed');
$ingest->reset;
my $load = $t->load(from => 900000, count => 200, rate => 400);
account($ingest, [$load], name => 'the next flusher', duplicates => 1);
posts_have('it knows who that is', 0, client => 'client');
delete $ingest->{client_ca};

# ---- they do not speak the same

# A server of an old version only; it is a good one for who speaks that.
my $old;

sub old_server {
    $ingest->kill;
    my $listen = IO::Socket::SSL->new(
        Listen          => 16,
        LocalAddr       => '127.0.0.1',
        LocalPort       => $t->port(9),
        ReuseAddr       => 1,
        SSL_version     => 'TLSv1_1',
        SSL_cipher_list => 'DEFAULT:@SECLEVEL=0',
        SSL_cert_file   => $t->tls->file('good.crt'),
        SSL_key_file    => $t->tls->file('good.key'),
        SSL_server      => 1,
    ) or die "the old server: $SSL_ERROR\n";

    $old = Mixtrack::Child->new(sub {
        return if !IO::Select->new($listen)->can_read(0.5);
        my $s = $listen->accept or return;
        $s->close;
    });
    close $listen;

    my $client = IO::Socket::SSL->new(
        PeerAddr        => 'localhost',
        PeerPort        => $t->port(9),
        Domain          => AF_INET,
        SSL_version     => 'TLSv1_1',
        SSL_cipher_list => 'DEFAULT:@SECLEVEL=0',
        SSL_ca_file     => $t->ca,
    );
    is($client && $client->get_sslversion, 'TLSv1_1', 'an old version: the server speaks it');
}

breakage($t, $ingest, 'an old version',
    break      => sub { old_server() },
    heal       => sub { $old->stop; become('good') },
    why        => qr/alert protocol version|unsupported protocol|SSL/,
    duplicates => 1);

breakage($t, $ingest, 'plain on the port of https',
    break      => sub { become('') },
    no_post => 1,
    heal       => sub { become('good') },
    why        => qr/wrong version number|SSL/,
    duplicates => 1);

breakage($t, $ingest, 'http to the port of https',
    break => sub {
        conf($ca, endpoint => 'http://localhost:%%PORT_9%%/track');
        ok($t->reload(drained => 1), 'http to the port of https: a reload');
    },
    heal => sub { conf($ca); ok($t->reload, 'http to the port of https: a reload to https') },
    why  => qr/Empty reply|reset by peer/);

$t->done;
