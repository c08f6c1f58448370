#!/usr/bin/perl

# kill -9 where it hurts: of the flusher when a post was accepted and its
# reply never came, which costs duplicates and no event; and of everything,
# the master too, which costs what the queue held and nothing that was on
# disk or delivered.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until uniq);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

sub conf ($zone) {
    return $t->conf(lifecycle(
        project => {
            zone    => $zone,
            batch   => 'interval=50ms events=100',
            retry   => 'min=100ms max=400ms jitter=0ms-20ms',
            timeout => 'connect=1s total=1500ms',
        },
    ));
}

# ---- accepted, and the reply never comes

conf('8m')->run;

my $from = 100001;
for my $fault ({hang => 1}, {reset => 'reply'}, {close => 1}) {
    my ($name) = keys %$fault;
    my $load = $t->load(from => $from, count => 1200, rate => 800);
    $from += 10000;

    ok($load->wait_served(200), "$name: requests");
    my $before = $ingest->stats;
    $ingest->faults({%$fault, accept => 1});

    # what came, and of what we do not know it
    ok(wait_until(sub { $ingest->stats->{distinct} > $before->{distinct} + 100 }, 10), "$name: events are accepted");
    my $p = $t->status('default');
    cmp_ok($p->{delivered}, '<', $ingest->stats->{distinct}, "$name: but not acknowledged");
    ok($t->kill_process($t->flusher), "$name: the flusher is killed");
    ok(wait_until(sub { $t->flushers }, 10), "$name: another one is there");
    ok($t->reload, "$name: a reload");

    $ingest->faults();
    account($ingest, [$load], name => $name, duplicates => 1, timeout => 30);
    at_rest($t, name => $name);
    cmp_ok($ingest->stats->{duplicates}, '>', $before->{duplicates}, "$name: some came twice");
}

# ---- all of it

sub seqs ($file) { map { ($_->{properties}{'$current_url'} =~ /seq=(\d+)/)[0] } spooled_events($file) }

# All processes at once, and a new start while the load goes on.  Returns the
# numbers that are safe by then, delivered or on disk, and how many served
# ones may be gone.
sub crash ($name, $load) {
    my $served = $load->progress;
    my $p      = $t->status('default');
    my @pids   = map { $_->{pid} } $t->processes;

    kill 'KILL', @pids;
    ok($t->wait_gone(\@pids), "$name: all of it is killed");

    my (@safe, @torn);
    for my $f (grep { $_->{events} } spool_files($t)) {
        my @seqs = eval { seqs($f) };
        push @torn, $f->{name} if @seqs != $f->{events};
        push @safe, @seqs;
    }
    is("@torn", '', "$name: the spool is intact");
    my $disk = @safe;
    push @safe, keys %{$ingest->seqs} if $ingest->{pid};

    my $lost = $p->{queued} + $p->{in_flight} + $load->progress - $served;
    $t->run;
    return ($disk, $lost, @safe);
}

# Everything that was served is there but for so many, and all that was safe.
sub recovers ($name, $load, $lost, @safe) {
    my $r = $load->stop;

    is(join(' ', @{$r->{failed}}), '', "$name: every request was served in the end");
    ok($t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{spool}{files} }, timeout => 30), "$name: at rest");
    ok(wait_until(sub { !$ingest->missing(uniq(@safe)) }, 10), "$name: what was delivered or on disk is there")
        or diag(join ' ', ($ingest->missing(@safe))[0 .. 9]);

    my @missing = $ingest->missing(@{$r->{served}});
    cmp_ok(scalar(@missing), '<=', $lost, "$name: what is lost was in the queue");
    is(join(' ', $ingest->surplus(@{$r->{ambiguous}})), '', "$name: none is there as two events");
    is(scalar(@{$ingest->stats->{differing}}), 0, "$name: what came twice is the same");
    is(scalar(grep { $_->{events} } spool_files($t)), 0, "$name: the spool is empty");
    at_rest($t, name => $name);
    return scalar @missing;
}

# ---- while posts are on their way

$ingest->reset;
ok($t->quit, 'QUIT');
conf('1m')->run;
$ingest->faults({delay => 50});
my $load = $t->load(from => 200001, count => 100000, rate => 800);
my (@safe, $lost);
for my $n (1 .. 2) {
    ok($t->wait_status(sub { $_->{requests}{in_flight} && $_->{delivered} > 200 }), "posting $n: posts are on their way");
    ok($t->reload, "posting $n: a reload") if $n == 2;
    my (undef, $may, @now) = crash("posting $n", $load);
    $lost += $may;
    push @safe, @now;
}
my $gone = recovers('posting', $load, $lost, @safe);
cmp_ok($gone, '<', @{$load->wait->{served}} / 2, 'posting: most of it is there');

# ---- in the middle of spooling, again and again: what was written stays

$ingest->reset;
$ingest->kill;
$load = $t->load(from => 300001, count => 100000, rate => 2000);
(@safe, $lost) = ();
my $disk = 0;
for my $n (1 .. 3) {
    ok($t->wait_status(sub { $_->{spooled} > 200 }, timeout => 20), "spooling $n: the queue goes to the spool");
    ok($t->reload, "spooling $n: a reload") if $n == 2;
    my ($there, $may, @now) = crash("spooling $n", $load);
    cmp_ok($there, '>', $disk, "spooling $n: there is more of it");
    $disk = $there;
    $lost += $may;
    push @safe, @now;
}

# ---- and in the middle of reading it

$ingest->start->faults({delay => 100});
ok($t->wait_status(sub { $_->{adopted} > 200 }, timeout => 20), 'reading: files are read');
ok($t->reload, 'reading: a reload');
my ($left, $may, @now) = crash('reading', $load);
cmp_ok($left, '>', 0, 'reading: there are more of them');
$ingest->faults();
recovers('spooling and reading', $load, $lost + $may, @safe, @now);

$t->done;
