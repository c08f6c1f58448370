#!/usr/bin/perl

# The events in docs/events.md are real: its requests, byte for byte, to an
# nginx with its configuration make its events.  What is of the moment has to
# have the same form.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::SSL;
use Test::More;

use Mixtrack::HTTP qw(http_read);
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $doc    = slurp($t->root . '/docs/events.md');

sub blocks ($kind) { $doc =~ /^```$kind\n(.*?)^```/msg }

my ($conf)   = blocks('nginx');
my @requests = blocks('http');
my @events   = map { json_decode($_) } blocks('json');

is(scalar(@requests), 2, 'two requests');
is(scalar(@events),   2, 'and their events');

# ---- its configuration, and the application behind it

my $tls = $t->tls;
my ($cert, $key) = map { $tls->file("good.$_") } qw(crt key);

$conf =~ s/\blisten\s+443/listen 127.0.0.1:%%PORT_1%%/;
$conf =~ s{(ssl_certificate\s+)/[^;]+}{$1$cert};
$conf =~ s{(ssl_certificate_key\s+)/[^;]+}{$1$key};
$conf =~ s{(proxy_cache_path\s+)/\S+}{$1%%TESTDIR%%/cache};
$conf =~ s/127\.0\.0\.1:3000/127.0.0.1:%%PORT_0%%/;
$conf =~ s/(token \w+;)/$1 endpoint %%INGEST_9%%; batch interval=50ms;/;
$conf =~ s/\bhttp \{\n/http {\n%%GLOBALS_HTTP%%\n/;
$conf =~ s/\}\s*\z/
    server {
        listen 127.0.0.1:%%PORT_0%%;
        mixtrack off;
        mixtrack_device_cookie off;
        default_type text\/html;
        location = \/status { mixtrack_status json; }
        location \/ { return 200 "<!doctype html><title>Plans<\/title>\\n"; }
    }
}
/;

$t->conf("%%GLOBALS%%\nevents { }\n$conf")->run;

# ---- its requests

my $n       = 0;
my @replies = map {
    my $s = IO::Socket::SSL->new(
        PeerHost        => '127.0.0.1',
        PeerPort        => $t->port(1),
        SSL_hostname    => 'www.example.com',
        SSL_verify_mode => SSL_VERIFY_NONE,
    ) or die "TLS: $SSL_ERROR\n";
    print $s s/\n?\z/\n/r =~ s/\n/\r\n/gr, "\r\n";

    my $r = '';
    while (sysread $s, my $buf, 65536) { $r .= $buf }
    like($r, qr{^HTTP/1\.1 200 }, 'is answered');
    $ingest->wait_events(++$n);
    $r;
} @requests;

my ($id) = $replies[0] =~ /^Set-Cookie: mp_device=([0-9a-f-]{36}); /m;
ok($id, 'the first visit gets an id');
unlike($replies[1], qr/^Set-Cookie:/m, 'the second has one');

# ---- its events

my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my %form = (
    '$insert_id'           => qr/^[0-9a-f]{33}$/,
    time                   => qr/^\d{13}$/,
    bytes_sent             => qr/^\d+$/,
    request_time           => qr/^\d+(?:\.\d{1,3})?$/,
    upstream_response_time => qr/^\d+(?:\.\d{1,3})?$/,
    tls_version            => qr/^TLSv1\.[23]$/,
);

my @seen = $ingest->events;
is($seen[0]{properties}{'$device_id'}, $id, 'the id of the first visit is that of its event');

for my $n (0, 1) {
    my ($is, $says) = map { {event => $_->{event}, %{$_->{properties}}} } $seen[$n], $events[$n];

    for my $name (sort keys %form) {
        like($is->{$name},   $form{$name}, "$n: $name");
        like($says->{$name}, $form{$name}, "$n: $name in the document");
        $_->{$name} = '' for $is, $says;
    }

    # a random one, at the first visit
    if (!$n) {
        for my $event ($is, $says) {
            $event->{$_} =~ s/$uuid$/UUID/ for qw(distinct_id $device_id);
        }
    }

    is_deeply($is, $says, "event $n is as in the document");
}

# ---- the order as well

my @raw = $ingest->raw_events;
my @written = blocks('json');
for my $n (0, 1) {
    is(join(' ', $raw[$n] =~ /"(\$?\w+)":/g), join(' ', $written[$n] =~ /"(\$?\w+)":/g), "event $n: in this order");
}

$t->done;
