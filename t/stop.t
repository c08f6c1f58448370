#!/usr/bin/perl

# TERM: nginx gives its processes three seconds; what is on its way is
# aborted, everything lies in the spool, and the next start sends it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

$t->conf(lifecycle(
    project => {zone => '8m'},
    server  => 'location = /slow { mixtrack slow; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
))->run;

my $backend = $t->backend(8);

# how many events are in the spool then
sub stopped ($name) {
    my $begin = time;
    ok($t->stop(timeout => 10), "$name: TERM");
    cmp_ok(time - $begin, '<', 2.9 * patience(), "$name: is within nginx's own limit");
    is($t->tree, '', "$name: no process is left");

    my ($left) = (left_lines($t))[-1];
    my $n = 0;
    $n += $_->{events} // 0 for spool_files($t);

    is($left->{queued} + $left->{in_flight}, 0, "$name: the zone is empty");
    is($left->{delivered} + $left->{spooled}, $left->{tracked} + $left->{adopted},
        "$name: everything was delivered or spooled");
    return $n;
}

sub adopted ($name, $n) {
    my $p = $t->wait_status(sub { $_->{adopted} >= $n }, timeout => 20) || $t->status('default');
    is($p->{adopted}, $n, "$name: all that was spooled is adopted");
    ok(wait_until(sub { !spool_files($t) }, 5), "$name: the spool is empty")
        or diag(map {"$_->{name}\n"} spool_files($t));
}

my $load = $t->load(count => 7000, rate => 1000);
ok($load->wait_served(500), 'requests are served');

# ---- at once, with the endpoint well

my $n = stopped('well');
$t->run;
adopted('well', $n);

# ---- with posts on their way that take longer than that

$ingest->faults({delay => 8000});
ok($load->wait_served(2000), 'more requests');
ok($t->wait_status(sub { $_->{in_flight} }), 'posts are on their way');

$n = stopped('slow');
cmp_ok($n, '>', 0, 'slow: what was on its way is spooled');

# the ingest had taken them by then, so they come again
$ingest->faults();
$t->run;
adopted('slow', $n);

# ---- with a request that is still running: it is cut off

my $slow = $t->send("GET /slow?seq=900001 HTTP/1.0\r\n\r\n");
ok($backend->hold, 'a slow request');
$n = stopped('slow request');
is($t->read($slow), '', 'slow request: is cut off');
$backend->release;

# ---- nobody there; and again, with what is in the spool already

$ingest->kill;
$t->run;
ok($load->wait_served(4000), 'requests while the endpoint is not there');

my $m = stopped('dead');
cmp_ok($m, '>', $n, 'dead: what could not be delivered is spooled');
$t->run;
ok($load->wait_served(5000), 'more');
cmp_ok(stopped('dead again'), '>', $m, 'dead again: there is more of it');

# ---- while the spool is being sent

$ingest->start;
$ingest->faults({delay => 300});
$t->run;
ok($t->wait_status(sub { $_->{adopted} > 0 }), 'the spool is being sent');
$n = stopped('half');
$ingest->faults();
$t->run;
adopted('half', $n);

account($ingest, [$load], duplicates => 1);
at_rest($t);

unlike($t->error_log, qr/exited on signal 9/, 'nobody had to be killed');
$t->done;
