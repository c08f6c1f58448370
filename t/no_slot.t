#!/usr/bin/perl

# Reloads while old workers drain, until they have all slots of the zone: the
# new workers have none, and what they track is dropped and counted.  When the
# old ones have left the new ones take a slot each, without another reload.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

# 64 slots, the least there are
my $workers = 16;
my $slots   = 64;

$t->conf(lifecycle(
    workers => $workers,
    project => {zone => '4400k'},
    hit     => 'mixtrack hit; mixtrack_property pid $pid; return 200 "$pid\n";',
    server  => 'location = /slow { proxy_set_header X-Worker $pid; proxy_pass http://127.0.0.1:%%PORT_8%%; }',
) =~ s/(listen 127[^;]*);/$1 reuseport;/r)->run;

my ($seq, @slow) = (0);

# one more slow request in each worker; the kernel chooses whose it is
sub hold () {
    my %idle = map { $_ => 1 } $t->workers;

    for (1 .. 1000) {
        last if !%idle;
        push @slow, $t->send("GET /slow HTTP/1.0\r\n\r\n");
        my ($pid) = ($backend->hold // '') =~ /^X-Worker: (\d+)/m or last;
        delete $idle{$pid};
    }
    is(join(' ', keys %idle), '', 'each worker has a slow request');
}

# n requests; those of them that were served, by worker
sub hit ($n) {
    my %pid;

    for (1 .. $n) {
        my ($pid) = $t->get('/hit?seq=' . ++$seq) =~ /\r\n\r\n(\d+)\n\z/;
        push @{$pid{$pid // 'none'}}, $seq;
    }
    return \%pid;
}

# the slots in use, once a flusher that was replaced has left its own
sub attached () {
    my $p = $t->wait_status(sub { $_->{processes}{flushers} == 1 }) // return 0;
    return $p->{processes}{workers} + 1;
}

for my $reload (1 .. 6) {
    last if attached() == $slots;
    hold();
    ok($t->reload, "reload $reload");
}
is(attached(), $slots, 'no slot is free');

hold();
ok($t->reload, 'one more reload');
is(attached(), $slots, 'nobody has left');

my @pids = sort $t->workers;
my $drop = hit(200);
my $p    = $t->status('default');

is($p->{dropped}{no_slot}, 200, 'without a slot events are dropped, and counted');
is($p->{tracked}, 200, 'as tracked, too');
like($t->error_log, qr/\[error\] \d+#\d+: mixtrack: no slot for this worker in the zone of project "default"/, 'the log tells');

# ---- the old workers leave

$backend->release for @slow;
ok(wait_until(sub { !$t->draining }, 20), 'the old workers leave');
ok($t->wait_status(sub { !$_->{processes}{workers} }), 'no worker has a slot');

# each takes one at its first event, but a second after it has last looked
ok(wait_until(sub { hit(10); $t->status('default')->{processes}{workers} == $workers }, 30),
    'each worker takes a slot');

my $before = $t->status('default');
my $served = hit(200);
my $after  = $t->wait_rest;

is(join(' ', sort keys %$served), join(' ', grep { $served->{$_} } @pids), 'by the same workers requests are served');
is($after->{dropped}{no_slot}, $before->{dropped}{no_slot}, 'nothing is dropped any more');
is($after->{tracked} - $before->{tracked}, 200, 'all of it is tracked');

my @seqs = map {@$_} values %$served;
$ingest->wait_seqs(\@seqs, 0, 20);
is(scalar($ingest->missing(@seqs)), 0, 'and delivered');
is(join(' ', sort $t->workers), "@pids", 'there was no other worker');

my %told;
$told{$_}++ for $t->error_log =~ /\[notice\] (\d+)#\d+: mixtrack: this worker has a slot in the zone of project "default" by now/g;
is(join(' ', map {"$_ $told{$_}"} sort keys %told), join(' ', map {"$_ 1"} @pids), 'each of them has told, once');

# ---- and they give it back

ok($t->reload(drained => 1), 'a reload');
hit(50);
ok($t->wait_status(sub { $_->{processes}{workers} == $workers && $_->{processes}{flushers} == 1 }),
    'the slots of those that leave are free');

$t->done;
