#!/usr/bin/perl

# More workers than the default of "zone" was made for: it grows with them.
# So a reload that goes beyond that number, or back, has another zone, and the
# events in the old one are delivered as with any other.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $from   = 1;

# where the number of workers stands is all the same
sub config ($n) {
    my $conf = lifecycle(workers => $n, project => {zone => undef})
        =~ s/worker_connections \d+/worker_connections 64/r;

    $conf =~ s/^(worker_processes .*)\n//m;
    return $t->conf("$conf\n$1\n");
}

sub load ($n) {
    my $load = $t->load(from => $from, count => $n, rate => 1000, connections => 8);
    $from += 100000;
    return $load;
}

config(126)->run;
account($ingest, [load(500)], name => '126');

my $total = at_rest($t, name => '126')->{segments}{total};
cmp_ok($total, '>=', 4 * 126, '126: four segments for each');

for my $n (127, 140, 2) {
    my $load = load(4000);
    ok($load->wait_served(500), "$n: requests are served");

    $ingest->faults({delay => 100});
    config($n);
    ok($t->reload(drained => 1, timeout => 60), "$n: a reload");
    $ingest->faults();

    my $left = (left_lines($t))[-1];
    is($left->{delivered}, $left->{tracked}, "$n: the old zone is empty");
    is($left->{queued} + $left->{in_flight} + $left->{spooled}, 0, "$n: nothing of it is lost, or in the spool");

    account($ingest, [$load], name => $n);

    my $p = at_rest($t, name => $n);
    is($p->{processes}{workers}, $n, "$n: so many are attached");
    cmp_ok($p->{segments}{total}, '>=', 4 * $n, "$n: four segments for each");
    cmp_ok($p->{segments}{total}, '<=', 4 * $n + 20, "$n: and not many more") if $n > 126;
    is($p->{segments}{total}, $total, "$n: no less than before") if $n <= 126;
}

# ---- and as long as the size is the same, so is the zone

my $tracked = $t->status('default')->{tracked};
config(4);
ok($t->reload(drained => 1), '4: a reload');
account($ingest, [load(500)], name => '4');
is(at_rest($t, name => '4')->{tracked}, $tracked + 500, '4: the zone is the same');

$t->done;
