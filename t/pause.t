#!/usr/bin/perl

# A worker that is stopped between the bytes of a record and its publication:
# the flusher goes on with all that is published, also with what stands
# before it in the same segment, which it must not free.  Then the worker is
# continued; and another time killed.  And a flusher that dies between the two
# halves of a settlement.
#
# A debugger takes them to that place, and is gone when the test goes on.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(WNOHANG);
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp);

my ($gdb) = grep {-x} map {"$_/gdb"} split /:/, $ENV{PATH};
plan skip_all => 'no gdb' if !$gdb;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

$t->conf(lifecycle(project => {batch => 'interval=500ms'}, hit => 'mixtrack hit; return 200 "$pid\n";'))->run;

my $seq = 0;

sub ask ($s) {
    $seq++;
    syswrite $s, "GET /hit?seq=$seq HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

# one request over a connection; the worker's pid
sub request ($s) {
    ask($s);
    return ($t->read($s, one => 1) =~ /\r\n\r\n(\d+)\n\z/)[0] // 0;
}

sub letter ($pid) { (slurp("/proc/$pid/stat") =~ /^.*\) (\w)/s)[0] // 'X' }

# Stops a worker in the middle of its n-th record from now, of n requests
# over s; or another process in another function, that those requests take
# it to.  What the debugger said if it could not.
sub pause ($pid, $s, $n, $function = 'mxt_segment_publish', $hits = $n) {
    my $out     = $t->dir . '/gdb.out';
    my $earlier = $hits - 1;
    my $script  = $t->write_file('gdb.script', <<"END");
set pagination off
set confirm off
set breakpoint pending off
handle all nostop noprint pass
attach $pid
break $function
ignore 1 $earlier
echo ready\\n
continue
shell kill -STOP $pid
detach
quit
END

    unlink $out;
    my $debugger = fork // die "fork: $!";
    if (!$debugger) {
        delete $ENV{DEBUGINFOD_URLS};
        open STDIN,  '<', '/dev/null' or POSIX::_exit(1);
        open STDOUT, '>', $out        or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT   or POSIX::_exit(1);
        exec $gdb, '-nx', '-batch', '-x', $script or POSIX::_exit(1);
    }
    my $gone = 0;
    my $left = sub { $gone ||= waitpid($debugger, WNOHANG) == $debugger };

    wait_until(sub { $left->() || slurp($out) =~ /^ready$/m }, 60);

    if (!$gone) {
        ask($s) for 1 .. $n;
        wait_until($left, 60);
    }
    if (!$gone) {
        kill 'KILL', $debugger;
        waitpid $debugger, 0;
    }
    return if slurp($out) =~ /Breakpoint 1[.,]/ && wait_until(sub { letter($pid) eq 'T' }, 5);

    kill 'CONT', $pid;
    return slurp($out) || 'nothing';
}

# ---- a connection to each of the two workers

my $s   = $t->send('');
my $pid = request($s);
kill 'STOP', $pid;
my $s2   = $t->send('');
my $pid2 = request($s2);
kill 'CONT', $pid;

ok($pid && $pid2 && $pid != $pid2, 'both workers serve');
ok($t->wait_status(sub { $_->{delivered} == 2 }), 'two events');
at_rest($t, name => 'before');

# ---- stopped

my $error = pause($pid, $s, 10);

if ($error && $error =~ /ptrace|not permitted|could not attach/i) {
    SKIP: { skip 'the debugger may not attach: ' . $error =~ s/\s+/ /gr, 1 }
    $t->done;
    exit;
}
is($error // '', '', 'the worker is stopped in its tenth record');
is($seq, 12, 'of twelve in all');

ok($ingest->wait_events(11), 'all that were published are delivered');
my $p = $t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && $_->{segments}{used} == 1 });
ok($p, 'its segment alone is not freed');
is($p->{tracked}, 12, 'one more was begun');
ok($p->{segments}{valid}, 'the zone is valid');
is(join(' ', $ingest->missing(1 .. 12)), '12', 'it alone is missing');

my $load = $t->load(from => 1001, count => 1000, rate => 1000);
account($ingest, [$load], name => 'stopped');
$p = $t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && $_->{segments}{used} == 1 });
ok($p, 'stopped: its segment is used, and no other');
is($p->{delivered}, 1011, 'stopped: the events of the other worker are delivered');

# another flusher keeps its hands off it, too
ok($t->kill_process($t->flusher), 'the flusher is killed');
$load = $t->load(from => 2001, count => 500, rate => 1000);
account($ingest, [$load], name => 'another flusher', duplicates => 1);
$p = $t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && $_->{segments}{used} == 1 });
ok($p, 'another flusher: the segment is used');
is(letter($pid), 'T', 'another flusher: the worker is still stopped');

# ---- continued

kill 'CONT', $pid;
ok($ingest->wait_events(1512), 'continued: its event arrives');
$t->read($s, timeout => 0.2);
is(request($s), $pid, 'continued: it serves');
account($ingest, [[1 .. 13]], name => 'continued', duplicates => 1);
$p = at_rest($t, name => 'continued');
is($p->{tracked}, 1513, 'continued: all are tracked');
is($p->{delivered}, 1513, 'continued: and delivered');

# ---- stopped in the middle, and killed

$error = pause($pid2, $s2, 5);
is($error // '', '', 'the other worker is stopped in its fifth record');
is($seq, 18, 'of eighteen in all');
ok($ingest->wait_events(1517), 'killed: what was published is delivered');
ok($t->wait_status(sub { $_->{segments}{used} == 1 }), 'killed: the segment is used');
ok($t->kill_process($pid2), 'the worker is killed');
$p = at_rest($t, name => 'killed', slack => 1);
is($p->{tracked} - $p->{delivered}, 1, 'killed: the one it was in is lost');
is(join(' ', $ingest->missing(1 .. 18)), '18', 'killed: and no other');

# ---- a flusher, when a settlement is written but not carried out: what it
# had delivered is not delivered again

my $duplicates = $ingest->stats->{duplicates};
my $flusher = $t->flusher;
$error = pause($flusher, $s, 5, 'mxt_slot_redo', 1);
is($error // '', '', 'the flusher is stopped when it settles five');
ok($ingest->wait_events(1522), 'settling: they are delivered');
ok($t->kill_process($flusher), 'settling: it is killed');
$t->read($s, timeout => 0.2);
is(request($s), $pid, 'settling: another request');
account($ingest, [[1 .. 17, 19 .. $seq]], name => 'settling', duplicates => 1);
is($ingest->stats->{duplicates}, $duplicates, 'settling: nothing is delivered again');
$p = at_rest($t, name => 'settling', slack => 1);
is($p->{tracked} - $p->{delivered}, 1, 'settling: and counted once');

# ---- stopped in the middle, when nginx is to go

my $s3   = $t->send('');
my $pid3 = request($s3);
$error = pause($pid3, $s3, 5);
is($error // '', '', 'a worker is stopped in its fifth record');
$t->quit(wait => 0);
ok(wait_until(sub { 1 == (my @w = grep { $_->{title} =~ /worker/ } $t->processes) }, 15),
    'QUIT, the others have gone');
ok(scalar($t->flushers), 'the flusher waits for it');
kill 'CONT', $pid3;
ok($t->wait_gone([map { $_->{pid} } $t->processes], 15), 'continued, it goes, and all of them');
is(join(' ', $ingest->missing(1 .. 17, 19 .. $seq)), '', 'with its event');
is(scalar(spool_files($t)), 0, 'nothing is in the spool');

$t->run;
$t->done;
