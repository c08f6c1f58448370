#!/usr/bin/perl

# The endpoint's name: it does not resolve yet, or no more, or to another
# address, or to two of which one is a black hole.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use Socket qw(:DEFAULT SOCK_NONBLOCK pack_sockaddr_in6 inet_pton);
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Breakage;
use Mixtrack::Lifecycle;
use Mixtrack::Names;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp lacks);

my $t     = Mixtrack::Nginx->new;
my $names = Mixtrack::Names->new($t) // plan skip_all => lacks('there is no libnss_wrapper');
my $name  = $names->name;

my $ingest = bless $t->ingest(9, start => 0), 'Mixtrack::Names::Ingest';
$ingest->move('127.0.0.1');

$t->conf(breakable(
    main    => $names->main,
    project => {endpoint => "http://$name:%%PORT_9%%/track", timeout => 'connect=10s total=20s'},
));
$names->run;

my $unknown = qr/Could not resolve host/;

breakage($t, $ingest, 'no such name at the start',
    break      => sub { },
    from_start => 1,
    no_post    => 1,
    heal       => sub { $names->set($name => '127.0.0.1') },
    why        => $unknown);

# ---- it is there no more

my $load = $t->load(from => 900000, count => 500, rate => 250);
ok($load->wait_served(50), 'no such name any more: requests are served');
$names->set;
my $before = $t->status('default');
ok($t->wait_status(sub { $_->{delivered} > $before->{delivered} + 200 }),
    'no such name any more: what is connected goes on');
is($t->status('default')->{requests}{error}, $before->{requests}{error}, 'no such name any more: without an error');
account($ingest, [$load], name => 'no such name any more');
at_rest($t, name => 'no such name any more');

# what was looked up is kept for some seconds, also by a new connection
$names->set($name => '127.0.0.1');
breakage($t, $ingest, 'no such name, and no connection',
    break => sub {
        $names->set;
        $ingest->kill;
        my $errors = $t->status('default')->{requests}{error};
        ok($t->wait_status(sub { $_->{requests}{error} > $errors && $_->{last_error} =~ $unknown }, timeout => 30),
            'it is looked up again');
        $ingest->start;
    },
    heal       => sub { $names->set($name => '127.0.0.1') },
    why        => $unknown,
    duplicates => 1);

# ---- it is somewhere else

breakage($t, $ingest, 'another address',
    break      => sub { $ingest->move('127.0.0.2') },
    no_post    => 1,
    heal       => sub { $names->set($name => '127.0.0.2') },
    why        => qr/Failed to connect/,
    duplicates => 1);
$ingest->move('127.0.0.1');

# ---- of two addresses one is no good

# From the first request until all of them are delivered, with a reload in the
# middle; and whether somebody was seen knocking at [::1].
sub seconds ($name, $from) {
    my $port    = sprintf '%04X', $t->port(9);
    my $knocked = 0;

    # a flusher that has no connection yet
    ok($t->reload(drained => 1), "$name: a reload before");
    $ingest->reset;
    my $start = $t->status('default');
    my $begin = time;
    my $load  = $t->load(from => $from, count => 400, rate => 250);

    my $look = sub { $knocked++ if slurp('/proc/net/tcp6') =~ /: \S+ 0{24}01000000:$port 02 /; };
    ok(wait_until(sub { $look->(); $load->progress >= 100 }), "$name: requests are served");
    my $reloaded;
    wait_until(sub {
        $look->();
        $reloaded //= $t->signal('HUP') if $load->progress >= 200;
        return $t->status('default')->{delivered} >= $start->{delivered} + 400;
    }, 30);
    my $took = time - $begin;

    ok($reloaded, "$name: with a reload meanwhile");
    account($ingest, [$load], name => $name);
    my $end = at_rest($t, name => $name);
    is($end->{requests}{error}, $start->{requests}{error}, "$name: no post has failed");
    return ($took, $knocked);
}

SKIP: {
    my $hole = hole6($t->port(9)) or skip 'there is no IPv6', 1;

    $names->set($name => '127.0.0.1');
    my ($good, $knocked) = seconds('a good address', 700000);
    is($knocked, 0, 'a good address: and no other');

    $names->set($name => '::1', '127.0.0.1');
    (my $both, $knocked) = seconds('a black hole and a good one', 710000);
    cmp_ok($knocked, '>', 0, 'a black hole and a good one: both were tried');
    cmp_ok($both, '<', 2 * $good, 'a black hole and a good one: delivery does not stall');
}

# [::1] with a queue that is full; a socket that must be kept, with others.
sub hole6 ($port) {
    socket my $listen, AF_INET6, SOCK_STREAM, 0 or return;
    my $address = pack_sockaddr_in6($port, inet_pton(AF_INET6, '::1'));
    bind $listen, $address or return;
    listen $listen, 0      or return;

    my @held = ($listen);
    for (1 .. 16) {
        socket my $s, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0 or return;
        connect $s, $address;
        return \@held if !IO::Select->new($s)->can_write(0.5);
        push @held, $s;
    }
    return;
}

$t->done;
