#!/usr/bin/perl

# The client over TLS and through a proxy: whom it believes, and who gets to
# see what.  Servers and certificates are made here; the client is t/lib/post.c.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IPC::Open3 qw(open3);
use MIME::Base64 qw(encode_base64);
use Mixtrack::Util qw(slurp spew json_encode json_decode);
use POSIX ();
use Test::More;

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";

my $dir   = tempdir('mixtrack-tls-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $owner = $$;
my @pids;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'KILL', @pids;
        waitpid $_, 0 for @pids;
        $? = $status;
    }
}
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 1 };
$SIG{PIPE} = 'IGNORE';

# any of these would lead nowhere

my $nowhere = 'http://env-user:env-secret@127.0.0.1:1';

$ENV{$_} = $nowhere
    for qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY);
delete @ENV{qw(no_proxy NO_PROXY)};

my $cc    = $ENV{CC} // 'cc';
my @flags = split ' ', '-O1 -g -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined -Isrc/core';

is(system($cc, @flags, '-o', "$dir/post", 't/lib/post.c', glob('src/core/mxt_http*.c'), 'src/core/mxt_url.c', '-lcurl'), 0, 'the client builds')
    or BAIL_OUT('no client');


# ---- certificates

my $now = time;
my @ca  = cert('ca',    CN => 'Test CA', CA => 1);
my @bad = cert('other', CN => 'Other CA', CA => 1);

cert('good', CN => 'localhost', issuer => \@ca, names => [[DNS => 'localhost'], [IP => '127.0.0.1']]);
cert('wrong', CN => 'elsewhere.test', issuer => \@ca, names => [[DNS => 'elsewhere.test']]);
cert('self', CN => 'localhost', names => [[DNS => 'localhost'], [IP => '127.0.0.1']]);
cert('expired', CN => 'localhost', issuer => \@ca, names => [[DNS => 'localhost'], [IP => '127.0.0.1']],
    not_before => $now - 3 * 86400, not_after => $now - 86400);
cert('client', CN => 'mxt client', issuer => \@ca);
cert('stranger', CN => 'mxt client', issuer => \@bad);
spew("$dir/both.pem", slurp("$dir/client.pem") . slurp("$dir/client.key"));

sub cert ($file, %arg) {
    my ($cert, $key) = CERT_create(
        subject    => { commonName => $arg{CN} },
        not_before => $arg{not_before} // $now - 86400,
        not_after  => $arg{not_after}  // $now + 86400,
        purpose    => $arg{CA} ? 'ca' : 'server,client',
        CA         => $arg{CA} // 0,
        $arg{issuer} ? (issuer          => $arg{issuer}) : (),
        $arg{names}  ? (subjectAltNames => $arg{names})  : (),
    );
    spew("$dir/$file.pem", PEM_cert2string($cert));
    spew("$dir/$file.key", PEM_key2string($key));
    return ($cert, $key);
}


# ---- servers: what each has seen is in its file, a JSON object a line

# Runs code for each connection to a port, in a process of its own.
sub serve ($name, $code) {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1) or die "listen: $!";
    my $pid    = fork // die "fork: $!";

    if (!$pid) {
        @pids = ();
        $SIG{TERM} = 'DEFAULT';
        while (my $client = $listen->accept) {
            $code->($client);
            close $client;
        }
        POSIX::_exit(1);
    }
    push @pids, $pid;
    return $listen->sockport;
}

sub note_down ($name, %what) {
    open my $fh, '>>', "$dir/$name.seen" or die "$name: $!";
    print {$fh} json_encode(\%what) . "\n";
    close $fh;
}

sub seen ($name) {
    my @line = map { json_decode($_) } split /\n/, slurp("$dir/$name.seen");
    unlink "$dir/$name.seen";
    return @line;
}

# How many posts a server has seen.
sub count ($name) { return scalar(() = seen($name)) }

sub head ($fh) {
    my $head = '';
    while ($head !~ /\r\n\r\n$/) {
        sysread($fh, $head, 1, length $head) or return;
    }
    return $head;
}

my %port;

for my $cert (qw(good wrong self expired)) {
    $port{$cert} = serve($cert, sub ($client) { tls($client, $cert, $cert) });
}
$port{old}    = serve('old',    sub ($client) { tls($client, 'old', 'good', SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0') });
$port{h2}     = serve('h2',     sub ($client) { tls($client, 'h2', 'good', SSL_alpn_protocols => ['h2', 'http/1.1']) });
$port{client} = serve('client', sub ($client) {
    tls($client, 'client', 'good', SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_ca_file => "$dir/ca.pem");
});
$port{rude}  = serve('rude', sub ($client) { syswrite $client, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"; sysread $client, my $buf, 65536 });
$port{plain} = serve('plain', sub ($client) { reply($client, 'plain') });

sub tls ($client, $name, $cert, %more) {
    IO::Socket::SSL->start_SSL(
        $client,
        SSL_server    => 1,
        SSL_cert_file => "$dir/$cert.pem",
        SSL_key_file  => "$dir/$cert.key",
        %more,
    ) or return;
    reply(
        $client, $name,
        sni     => scalar $client->get_servername,
        version => scalar $client->get_sslversion,
        alpn    => $more{SSL_alpn_protocols} ? scalar $client->alpn_selected : undef,
        cn      => $more{SSL_verify_mode} ? scalar $client->peer_certificate('cn') : undef,
    );
}

sub reply ($client, $name, %what) {
    while (my $head = head($client)) {
        my $len   = $head =~ /^Content-Length: (\d+)/m ? $1 : 0;
        my $body  = '';
        while (length $body < $len) {
            sysread($client, $body, $len - length $body, length $body) or return;
        }
        note_down($name, %what, head => $head, body => $body);
        syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    }
}

# A proxy for CONNECT and nothing else; the user says what it does.
sub tunnel ($client) {
    my $head   = head($client) // return;
    my ($user) = $head =~ /^Proxy-Authorization: Basic (\S+)/m ? MIME::Base64::decode_base64($1) =~ /(.*?):/ : '';
    note_down('proxy', head => $head);

    my $cheat = "Retry-After: 99\r\nContent-Length: 5\r\n\r\nproxy";
    return syswrite $client, "HTTP/1.1 $1 No\r\n$cheat"           if $user =~ /^say([0-9]{3})$/;
    return syswrite $client, "HTTP/1.1 100 Go\r\n$cheat"          if $user eq 'interim';
    return syswrite $client, "hello " x 100                       if $user eq 'garbage';
    return                                                        if $user eq 'close';

    if ($user eq 'endless') {
        1 while syswrite $client, "HTTP/1.1 407 No\r\nContent-Length: 1000000000\r\n\r\n" . 'x' x 65536;
        return;
    }
    if ($user eq 'headers') {
        syswrite $client, "HTTP/1.1 200 OK\r\n";
        1 while syswrite $client, "X-Header: xxx\r\n" x 1000;
        return;
    }

    my ($to)   = $head =~ m{^CONNECT (\S+) HTTP/1\.1\r\n} or return;
    my $server = IO::Socket::INET->new(PeerAddr => $to) or return syswrite $client, "HTTP/1.1 502 No\r\n\r\n";
    my $bytes  = '';

    syswrite $client, "HTTP/1.1 200 Connected\r\nRetry-After: 99\r\nX-Proxy: yes\r\n\r\n";

    my $select = IO::Select->new($client, $server);
    while () {
        for my $fh ($select->can_read) {
            if (!sysread $fh, my $buf, 65536) {
                note_down('relay', bytes => $bytes) if $bytes;
                return;
            }
            else {
                $bytes .= $buf =~ s/[^\x20-\x7e\n]/?/gr;
                syswrite $fh == $client ? $server : $client, $buf;
            }
        }
    }
}

$port{proxy} = serve('proxy', \&tunnel);

# the same over TLS
for my $cert (qw(good wrong self expired)) {
    $port{"proxy_$cert"} = serve('proxy', sub ($client) {
        IO::Socket::SSL->start_SSL(
            $client,
            SSL_server      => 1,
            SSL_cert_file   => "$dir/$cert.pem",
            SSL_key_file    => "$dir/$cert.key",
            SSL_ca_file     => "$dir/ca.pem",
            SSL_verify_mode => SSL_VERIFY_PEER,
        ) or return;
        note_down('who', cn => scalar $client->peer_certificate('cn'));
        tunnel($client);
    });
}


# ---- the client; nobody is asked anything: it has no terminal

sub post (%arg) {
    my $pid = open3(my $in, my $out, undef, 'setsid', '-w', "$dir/post", map { "$_=$arg{$_}" } sort keys %arg);
    close $in;
    my $said = do { local $/; <$out> };
    waitpid $pid, 0;

    my %r = (said => $said, rc => $?);
    for (split /\n/, $said) {
        push @{$r{$1}}, $2 if /^(\w+) (.*)/;
    }
    $r{$_} &&= $r{$_}[-1] for qw(error status body retry_after text why);
    $r{n} = ($said =~ s/^error //gmr) =~ tr/\n// ? scalar(() = $said =~ /^error /gm) : 0;
    return \%r;
}

sub url ($name, $host = 'localhost', $scheme = 'https') {
    return "$scheme://$host:$port{$name}/track?ip=0&secret=query-secret";
}

# A whole reply.
sub passes ($r, $name) {
    ok($r->{rc} == 0 && ($r->{error} // -1) == 0 && $r->{status} == 200 && $r->{body} eq '1' && !defined $r->{retry_after}, $name)
        or diag($r->{said});
}

# None, with one of these codes.
sub fails ($r, $codes, $name) {
    ok($r->{rc} == 0 && (grep { $_ == ($r->{error} // -1) } @$codes) && $r->{status} == 0 && !defined $r->{body}
            && !defined $r->{retry_after}, $name)
        or diag($r->{said});
    unlike($r->{said}, qr/secret|env-|Authorization|user/, '... and nothing is told that is nobody\'s business');
    like($r->{text} // '', qr/^localhost:\d+: [ -~]+$/, '... but host and port are');
    note($r->{text} // '');
}

my @ca_file = (ca => "$dir/ca.pem");

$SIG{ALRM} = sub { diag('ten minutes are over'); exit 1 };
alarm 600;


# ---- whom it believes

passes(post(url => url('good'), @ca_file), 'a good certificate');
my @seen = seen('good');
is(scalar @seen, 1, 'the post arrives');
is($seen[0]{sni}, 'localhost', 'with the server\'s name in the greeting');
like($seen[0]{version}, qr/^TLSv1_[23]$/, 'over a TLS of today');
is($seen[0]{body}, '[{"event":1}]', 'as it is');

passes(post(url => url('good', '127.0.0.1'), @ca_file), 'and one for an address');

fails(post(url => url('good')), [60], 'a CA that the system does not know');
fails(post(url => url('good'), ca => "$dir/other.pem"), [60], 'another CA');

for my $name (qw(wrong self expired)) {
    fails(post(url => url($name), @ca_file), [60], "certificate: $name");
    is(count($name), 0, '... and nothing is sent');
    passes(post(url => url($name), @ca_file, insecure => 1), "certificate: $name, and insecure");
    passes(post(url => url($name), insecure => 1), '... and without a CA');
    seen($name);
}

{
    # an OpenSSL that would not mind
    spew("$dir/openssl.cnf", <<'END');
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
END
    local $ENV{OPENSSL_CONF} = "$dir/openssl.cnf";
    fails(post(url => url('old'), @ca_file), [35], 'TLS 1.1');
}
fails(post(url => url('rude'), @ca_file, insecure => 1), [35], 'no TLS');

spew("$dir/none.pem", "no certificate\n");
fails(post(url => url('good'), ca => "$dir/none.pem"), [60, 77], 'a CA that is none');


# ---- what it speaks: a server that would rather have HTTP/2 does not get it

my $h2 = post(url => url('h2'), @ca_file);
@seen = seen('h2');
isnt($seen[0]{alpn} // 'none', 'h2', 'HTTP/2 is not asked for');
like($seen[0]{head}, qr{^POST /track\?\S* HTTP/1\.1\r\n}, 'and HTTP/1.1 is what it gets');
passes($h2, 'which is all it takes');


# ---- who we are

my %cert = (cert => "$dir/client.pem", key => "$dir/client.key");

seen('client');
passes(post(url => url('client'), @ca_file, %cert), 'a client\'s certificate');
is((seen('client'))[0]{cn}, 'mxt client', 'seen by the server');
passes(post(url => url('client'), @ca_file, cert => "$dir/both.pem"), 'with its key in the same PEM');
seen('client');

# with TLS 1.3 the server says so when we think that the handshake is over
fails(post(url => url('client'), @ca_file), [35, 55, 56], 'no certificate');
fails(post(url => url('client'), @ca_file, cert => "$dir/stranger.pem", key => "$dir/stranger.key"), [35, 55, 56], 'somebody else\'s');
fails(post(url => url('client'), @ca_file, cert => "$dir/client.pem", key => "$dir/stranger.key"), [58], 'another\'s key');
fails(post(url => url('client'), @ca_file, cert => "$dir/none.pem", key => "$dir/client.key"), [58], 'a certificate that is none');

is(system('openssl', 'pkcs8', '-topk8', '-in', "$dir/client.key", '-out', "$dir/locked.key", '-passout', 'pass:secret'), 0, 'a locked key');
fails(post(url => url('client'), @ca_file, cert => "$dir/client.pem", key => "$dir/locked.key"), [58], 'is not asked a passphrase for');
is(count('client'), 0, 'none of these is let in');


# ---- Basic auth and a proxy: who sees what

my @auth  = (user => 'auth-user', password => 'auth-secret');
my $auth  = encode_base64('auth-user:auth-secret', '');
my $proxy = encode_base64('proxy-user:proxy-secret', '');

sub proxy ($user) { return (proxy => "http://$user:proxy-secret\@127.0.0.1:$port{proxy}") }

seen('good');
passes(post(url => url('good'), @ca_file, @auth), 'Basic auth, and the environment\'s proxy is not used');
like((seen('good'))[0]{head}, qr/^Authorization: Basic \Q$auth\E\r$/m, 'is sent at once');

for my $case (['good', 'https'], ['plain', 'http']) {
    my ($name, $scheme) = @$case;

    seen($_) for $name, 'proxy', 'relay';
    my $r = post(url => url($name, 'localhost', $scheme), @ca_file, @auth, proxy('proxy-user'), posts => 2);
    passes($r, "$scheme through a proxy");

    my @proxy = seen('proxy');
    is(scalar @proxy, 1, 'which is asked once for two posts');
    like($proxy[0]{head}, qr/^CONNECT localhost:$port{$name} HTTP/, 'to CONNECT');
    like($proxy[0]{head}, qr/^Proxy-Authorization: Basic \Q$proxy\E\r$/m, 'with its own user');
    unlike($proxy[0]{head}, qr/^Authorization|\Q$auth\E|query-secret|^Content-|gzip/m, 'and sees nothing that is the endpoint\'s');

    my @end = seen($name);
    is(scalar @end, 2, 'both arrive');
    like($end[1]{head}, qr/^Authorization: Basic \Q$auth\E\r$/m, 'with the endpoint\'s user');
    unlike($end[0]{head}, qr/^Proxy-|\Q$proxy\E/m, 'and nothing that is the proxy\'s');
}

{
    local $ENV{NO_PROXY} = '*';
    local $ENV{no_proxy} = 'localhost';
    seen('proxy');
    passes(post(url => url('good'), @ca_file, proxy('proxy-user')), 'with NO_PROXY in the environment');
    is(count('proxy'), 1, 'it is a proxy\'s all the same');
}

seen('good');
fails(post(url => url('wrong'), @ca_file, proxy('proxy-user')), [60], 'a wrong name behind a proxy');

# a proxy of https is one of those whom it has to believe

sub secure ($cert, $host = 'localhost') { return (proxy => "https://proxy-user:proxy-secret\@$host:" . $port{"proxy_$cert"}) }

for my $case (['good', 'https'], ['plain', 'http']) {
    my ($name, $scheme) = @$case;
    my @to = (url => url($name, 'localhost', $scheme), @auth, %cert);

    seen($_) for $name, 'proxy', 'relay', 'who';
    passes(post(@to, @ca_file, secure('good'), posts => 2), "$scheme through a proxy of https");
    my @proxy = seen('proxy');
    is(scalar @proxy, 1, 'which is asked once for two posts');
    like($proxy[0]{head}, qr/^CONNECT localhost:$port{$name} HTTP.*^Proxy-Authorization: Basic \Q$proxy\E\r$/ms, 'to CONNECT');
    unlike($proxy[0]{head}, qr/^Authorization|\Q$auth\E/m, 'and sees nothing that is the endpoint\'s');
    is((seen('who'))[0]{cn}, undef, 'nor the client\'s certificate');
    is(count($name), 2, 'both arrive');

    passes(post(@to, @ca_file, secure('good', '127.0.0.1')), 'also by its address');
    seen('proxy');

    fails(post(@to, @ca_file, secure($_)), [60], "a proxy's certificate: $_, $scheme") for qw(wrong self expired);
    fails(post(@to, secure('good')), [60], "a proxy by a CA that the system does not know, $scheme");
    is(count('proxy'), 0, '... and the proxy is told nothing');
    passes(post(@to, secure($_), insecure => 1), "a proxy's certificate: $_, $scheme and insecure") for qw(wrong self expired);

    fails(post(@to, @ca_file, proxy => "https://proxy-user:proxy-secret\@127.0.0.1:$port{proxy}", timeout => 2000),
        [28, 35], "a proxy of http by https, $scheme");
    seen($_) for $name, 'proxy';
}

# whatever a proxy says, it is not the endpoint's reply

for my $user (qw(say403 say407 say413 say429 say503 say302 interim garbage close)) {
    fails(post(url => url($_->[0], 'localhost', $_->[1]), @ca_file, @auth, proxy($user), timeout => 3000), [5, 7, 8, 28, 35, 43, 52, 56, 97, 1], "a proxy: $user, $_->[1]")
        for ['good', 'https'], ['plain', 'http'];
}
for my $user (qw(endless headers)) {
    my $r = post(url => url('good'), @ca_file, proxy($user), timeout => 1000);
    fails($r, [7, 8, 23, 27, 28, 56, 97, 100], "a proxy: $user");
}

fails(post(url => url('good'), @ca_file, proxy => 'http://proxy-user:proxy-secret@127.0.0.1:1'), [7], 'a proxy that is not there');
fails(post(url => url('good'), @ca_file, proxy => 'http://proxy-user:proxy-secret@proxy.invalid:3128', timeout => 5000), [5, 28], 'nor its name');

is(count('good') + count('plain'), 0, 'nothing goes past the proxy');

done_testing();
