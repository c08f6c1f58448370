#!/usr/bin/perl

# One worker, sixteen, two: by a reload, and from the start.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

# 64 segments, the least sixteen workers may have
sub config ($n) {
    return $t->conf(lifecycle(
        workers => $n,
        project => {zone => '4400k', batch => 'interval=50ms'},
        hit     => 'mixtrack hit; mixtrack_property pid $pid; return 200 "ok\n";',
    ));
}

my $from = 1;

# the workers whose events these are
sub writers ($first) {
    my %pid;
    $pid{$_->{properties}{pid}}++ for grep { $_->{properties}{'$current_url'} =~ /seq=(\d+)/ && $1 >= $first }
        $ingest->events;
    return sort keys %pid;
}

sub serves ($n, $name) {
    my $first = $from;
    my @pids;

    # which of them accept is the kernel's choice: some more until they do
    for (1 .. 6) {
        my $load = $t->load(from => $from, count => 2000, rate => 2000, connections => 48);
        $from += 10000;
        account($ingest, [$load], name => $name);
        @pids = writers($first);
        last if @pids >= 3 || @pids == $n;
    }
    my $p = at_rest($t, name => $name);
    is($p->{processes}{workers}, $n, "$name: so many are attached");
    is($p->{processes}{flushers}, 1, "$name: and one flusher");
    is($p->{spooled}, 0, "$name: nothing was spooled");

    is("@pids", join(' ', sort $t->workers), "$name: each has its events") if $n == 1;
    cmp_ok(scalar(@pids), '>=', $n > 2 ? 3 : 1, "$name: workers share them") if $n > 1;
}

config(1)->run;
serves(1, 'one');

for my $n (16, 2, 1, 16) {
    my $load = $t->load(from => $from, count => 1000, rate => 1000, connections => 16);
    $from += 10000;
    config($n);
    ok($t->reload(drained => 1), "a reload with $n");
    account($ingest, [$load], name => "to $n");
    serves($n, $n);
}

ok($t->quit, 'QUIT');
$t->run;
serves(16, 'sixteen from the start');

# all of them at once
my $load = $t->load(from => $from, count => 2000, rate => 2000, connections => 48);
ok($load->wait_served(500), 'requests');
ok($t->stop, 'TERM');
$t->run;
account($ingest, [$load], name => 'TERM', duplicates => 1);
at_rest($t, name => 'TERM');

$t->done;
