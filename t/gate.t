#!/usr/bin/perl

# While the gate is closed nothing is posted, and what is part-filled stays
# open: a trickle of requests to eight workers uses no more segments than
# those have, however long it lasts.  The spool is looked at.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until monotonic patience uniq);

use constant WORKERS  => 8;
use constant REQUESTS => 100;
use constant CLOSED   => 10;     # seconds, at most: see below

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

$t->conf(lifecycle(
    workers => WORKERS,
    project => {batch => 'interval=10ms events=20', retry => 'min=200ms max=400ms jitter=0ms-20ms', zone => '4m'},
    hit     => 'mixtrack hit; return 200 "$pid\n";',
))->run;

# a request over a connection of its own; the worker's pid
my $seq = 0;
sub request { ($t->get('/hit?seq=' . ++$seq) =~ /\r\n\r\n(?:\w+\r\n)?(\d+)\n/)[0] // die "no answer\n" }

# ---- closed by a batch of one event, which is one segment

$ingest->faults({status => 503, headers => {'Retry-After' => CLOSED * patience()}});
request();
my $p = $t->wait_status(sub { $_->{gate}{state} eq 'closed' && !$_->{requests}{in_flight} });
ok($p, 'the gate is closed');
my $opens = monotonic() + $p->{gate}{opens_in_ms} / 1000;
is($p->{segments}{used}, 1, 'with a segment in use');

# ---- more than a batch, over many ticks of the flusher

my %pid;
for (1 .. REQUESTS) {
    $pid{request()} = 1;
    last if monotonic() > $opens - 3;
    select undef, undef, undef, 0.01;
}
$p = $t->status('default');
is($p->{gate}{state}, 'closed', 'the gate is closed still');
cmp_ok($seq, '>', 4 * WORKERS, 'there were many requests');
cmp_ok(scalar(keys %pid), '>', 1, 'to several workers');
is($p->{segments}{used}, 1 + keys %pid, 'each of them has a single segment in use');
is($ingest->stats->{posts}, 1, 'nothing was posted meanwhile');

# the flusher that comes has no more right to it

ok($t->reload(drained => 1), 'a reload');
my %new;
$new{request()} = 1 for 1 .. 20;
$p = $t->status('default');
is($p->{gate}{state}, 'closed', 'reload: the gate is closed still');
cmp_ok($p->{segments}{used}, '<=', 1 + keys(%pid) + keys(%new), 'reload: nor have the new ones more than one');
is($ingest->stats->{posts}, 1, 'reload: nothing was posted');

$ingest->faults();
account($ingest, [[1 .. $seq]]);
at_rest($t);

# ---- what lies in the spool is looked at all the same: a file is taken away,
# and comes back

sub files { grep { $_->{events} } spool_files($t) }

sub seen ($n, $name) {
    my @files = files();
    my $bytes = 0;
    $bytes += -s $_->{file} for @files;

    is(scalar(@files), $n, "spool: $name");
    ok($t->wait_status(sub { $_->{spool}{files} == $n && $_->{spool}{bytes} == $bytes }, timeout => 20),
        "spool: $name: the status tells files and bytes");
    is($t->status('default')->{gate}{state}, 'closed', "spool: $name: the gate is closed still");
}

$ingest->faults({status => 503, headers => {'Retry-After' => 3600}});
my $from = $seq + 1;
request() for 1 .. REQUESTS;
ok($t->stop(timeout => 10), 'spool: TERM');
my $n = files();
cmp_ok($n, '>', 1, 'spool: there are files');

$t->run;
ok($t->wait_status(sub { $_->{gate}{state} eq 'closed' && !$_->{requests}{in_flight} }), 'spool: the gate is closed');
my $posts = $ingest->stats->{posts};
seen($n, 'as it was');

my $file  = (files())[-1]{file};
my $aside = $t->dir . '/aside';
rename $file, $aside or die "rename: $!";
seen($n - 1, 'without one');

rename $aside, $file or die "rename: $!";
ok($t->reload(drained => 1), 'spool: a reload');
seen($n, 'after a reload');
is($ingest->stats->{posts}, $posts, 'spool: nothing was posted');

ok($t->stop(timeout => 10), 'spool: TERM');
$ingest->faults();
$t->run;
account($ingest, [[$from .. $seq]], name => 'spool');
at_rest($t, name => 'spool');

$t->done;
