#!/usr/bin/perl

# Segments in shared memory that somebody has written to who must not: what
# can be read of them is delivered, the rest is rejected and counted, all
# others are delivered, and the flusher lives.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(lacks slurp);

plan skip_all => lacks('the memory of another process is not ours to write to') if $> != 0;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

use constant SEGMENT => 65536;

# The zone in the memory of the master: {file, at, segments}, segments are
# [number, word] of those in use; at is where each one's state, and its data, is.
sub zone {
    my $pid = $t->master;

    for (split /\n/, slurp("/proc/$pid/maps")) {
        my ($from, $to) = m{^([0-9a-f]+)-([0-9a-f]+) .*/dev/zero} or next;
        ($from, $to) = map { unpack 'Q>', pack 'H16', substr "0000000000000000$_", -16 } $from, $to;
        next if $to - $from != 2 * 1024 * 1024;

        open my $mem, '+<:raw', "/proc/$pid/mem" or die "mem: $!\n";
        sysseek $mem, $from, 0;
        sysread($mem, my $all, $to - $from) == $to - $from or die "mem: $!\n";

        # its head is behind what nginx keeps there
        for (my $i = 0; $i < 65536; $i += 64) {
            my ($size, $slots, $n, undef, $state, $data) = unpack 'QLLQQQ', substr $all, $i, 40;
            next if $slots != 64 || !$n || $n > 40 || $data + $n * SEGMENT > $size || $size > $to - $from;

            my @word = map { unpack 'Q', substr $all, $i + $state + 64 * $_, 8 } 0 .. $n - 1;
            return {
                mem      => $mem,
                state    => $from + $i + $state,
                data     => $from + $i + $data,
                segments => [map { [$_, $word[$_]] } grep { $word[$_] & 1 } 0 .. $n - 1],
            };
        }
    }
    die "no zone\n";
}

sub poke ($zone, $at, $bytes) {
    sysseek $zone->{mem}, $at, 0;
    syswrite($zone->{mem}, $bytes) == length $bytes or die "mem: $!\n";
}

# where the end of a segment's record is
sub index_at ($zone, $segment, $record) { $zone->{data} + SEGMENT * ($segment + 1) - 8 * ($record + 1) }

$t->conf(lifecycle(
    workers => 1,
    project => {zone => '2m', batch => 'interval=50ms events=50', retry => 'min=100ms max=400ms jitter=0ms-20ms'},
))->run;

# the endpoint is down, and what comes now waits
$ingest->kill;
my $first = $t->load(count => 10, rate => 1e6, connections => 1);
$first->wait;
ok($t->wait_status(sub { $_->{gate}{state} ne 'open' }), 'the endpoint is down');
my $load = $t->load(from => 1001, count => 2000, rate => 1e6);
$load->wait;

my $pid  = $t->flusher;
my $zone = zone();

# sealed, and not leased
my @waiting = grep { ($_->[1] & 12) == 4 } @{$zone->{segments}};
cmp_ok(scalar(@waiting), '>=', 3, 'segments wait');

my ($all, $half, $deadly) = @waiting;
my ($nall, $nhalf, $ndeadly) = map { $_->[1] >> 24 & 8191 } @waiting;

# an end far beyond, in the first record, and in one in the middle; and of one
# of which three flushers have died already
poke($zone, index_at($zone, $all->[0], 0), pack 'L', 0xf0000000);
poke($zone, index_at($zone, $half->[0], 20), pack 'L', 0xf0000000);
poke($zone, index_at($zone, $deadly->[0], 30), pack 'L', 0xf0000000);
poke($zone, $zone->{state} + 64 * $deadly->[0] + 16, pack 'Q', ($deadly->[1] >> 37) << 13 | 3);

$ingest->start;
ok($t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{segments}{used} }, timeout => 20),
    'everything has an outcome');
is($t->flusher, $pid, 'the flusher lives');

my $p       = $t->status('default');
my $damaged = $nall + $nhalf - 20;
my $total   = 2010;

is($p->{rejected}, $damaged + $ndeadly, 'what is damaged is rejected');
is($p->{delivered} + $p->{spooled} - $p->{adopted}, $total - $p->{rejected}, 'all else is delivered');
is(Mixtrack::Nginx::imbalance($p), 0, 'the identity holds');
ok(!$p->{segments}{valid}, 'the zone is not valid');

my @rejected = $t->rejected;
my %reason;
$reason{$_->{reason}}[$_->{event} ? 1 : 0]++ for @rejected;
is_deeply(\%reason, {'the queue is damaged' => [$damaged], 'flushers died of it' => [$ndeadly - 30, 30]},
    'a line tells of each, with its event where that can be read');

my %given = map { $_ => 1 } $t->rejected_seqs;
is(scalar(keys %given), 30, 'those are 30');
is($ingest->stats->{distinct}, $total - $p->{rejected}, 'so many have come');
is($ingest->stats->{duplicates}, 0, 'none twice');
is(scalar(grep { $ingest->seqs->{$_} } keys %given), 0, 'none that is rejected');

my @lines = $t->error_log =~ /\[error\] .*: (a segment of the queue is damaged.*)/g;
like($lines[0], qr/^a segment of the queue is damaged, [0-9]+ events rejected/, 'the log says so');

# ---- and it goes on

$load = $t->load(from => 10_001, count => 1000, rate => 1e6);
account($ingest, [$load], name => 'after');
is($t->flusher, $pid, 'after: the same flusher');

$t->done;
