#!/usr/bin/perl

# A spool that cannot be written or read while the endpoint is away: the disk
# is full, the directory is gone, it is not ours to write to, or to read.
# nginx serves, the events stay in the queue, the log and the counters tell,
# and when it is well again it goes on where it was.

use v5.36;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

# the disk that gets full is one that nobody else sees, and goes with us
if ($> == 0 && !$ENV{TEST_MOUNTS} && system('unshare -m true 2>/dev/null') == 0) {
    $ENV{TEST_MOUNTS} = 1;
    exec 'unshare', '-m', $^X, $0 or die "unshare: $!\n";
}

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Reply qw(lines once_a_second);
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $dir    = $t->dir . '/spool';
my $from   = 100001;
my $mounted;

END {
    local $?;
    system 'umount', '-l', $dir if $mounted;
}

$t->conf(lifecycle(
    project => {
        zone             => '1m',
        batch            => 'interval=50ms events=100',
        retry            => 'min=100ms max=400ms jitter=0ms-20ms',
        timeout          => 'connect=1s total=5s',
        shutdown_timeout => '1s',
        gzip             => 'off',
    },
));

sub status { $t->status('default') }

# more than half of the queue, and a good deal less than all of it: each worker
# of before and after a reload has a part-filled segment
my $count = 2300;

sub load {
    my $load = $t->load(from => $from, count => $count, rate => 1500);
    $from += 10000;
    return $load;
}

# what the log says from here on
my $at = 0;
sub mark { $at = length $t->error_log }
sub said ($re, $name) { ok(wait_until(sub { substr($t->error_log, $at) =~ $re }, 10), $name) }

# An outage in which the spool fails, what is to be said of it, and how it
# gets well.
sub fails ($name, $fault, $heal, $re) {
    my $errors = status()->{spool}{errors};

    mark();
    $fault->();
    my $load = load();
    ok($t->wait_status(sub { $_->{spool}{errors} > $errors }, timeout => 20), "$name: spool.errors");
    said($re, "$name: the log says so");
    ok($t->reload(drained => 1), "$name: a reload");
    is(scalar(@{$load->wait->{served}}), $count, "$name: requests are served");
    is(status()->{dropped}{full}, 0, "$name: nothing is dropped");

    my $before = status();
    $heal->();
    ok($t->wait_status(sub { $_->{spooled} > $before->{spooled} && 2 * $_->{segments}{used} <= $_->{segments}{total} }),
        "$name: it is well again, and the queue goes to it");
    return $load;
}

# Where a batch behind another one went to the disk before that was full, and a
# reload came, what the rest of its segment is sent with comes twice.
sub delivered ($load, $name, %o) {
    $ingest->start;
    account($ingest, [$load], name => $name, %o);
    my $p = at_rest($t, name => $name);
    my $twice = $o{duplicates} ? $ingest->stats->{duplicates} : 0;
    is($p->{adopted}, $p->{spooled} + $twice, "$name: each event that was spooled is adopted");
    is(scalar(grep { $_->{events} } spool_files($t)), 0, "$name: the spool is empty");
    $ingest->reset;
    $ingest->kill;
}

# ---- the disk is full

SKIP: {
    skip 'no mounts', 1 if !$ENV{TEST_MOUNTS};

    mkdir $dir;
    $mounted = system('mount', '-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', $dir) == 0
        or die "there is a namespace of our own, but no mount\n";
    $t->run;

    my $load = fails('full', sub { }, sub { system 'mount', '-o', 'remount,size=16m', $dir },
        qr/\[error\].*\d+ events could not be spooled.*No space left/);
    delivered($load, 'full', duplicates => 1);

    is(join(' ', grep {/tmp/} map { $_->{name} } spool_files($t)), '', 'full: no half file is left');
    ok($t->quit, 'full: QUIT');
    system('umount', $dir) == 0 and $mounted = 0;
}

$t->run;

# ---- it is gone: below its directory it is made again, by the flusher

# a flusher that has not opened it yet would find it gone, and say nothing
ok(wait_until(sub { grep { (readlink // '') eq "$dir/default" } glob '/proc/' . $t->flusher . '/fd/*' }, 10),
    'removed: the flusher has it');
mark();
remove_tree("$dir/default");
my $load = load();
said(qr/\[error\].*the spool's directory was removed/, 'removed: the log says so');
ok(wait_until(sub { spool_files($t) }, 10), 'removed: it is made again, and used');
ok($t->reload(drained => 1), 'removed: a reload');
$load->wait;
is(status()->{dropped}{full}, 0, 'removed: nothing is dropped');
delivered($load, 'removed');

# ---- all of it is gone: that is for the master to make, at a reload

SKIP: {
    skip 'the flusher may make it itself', 1 if $> != 0 || !$t->{user};

    mark();
    remove_tree($dir);
    my $errors = status()->{spool}{errors};
    $load = load();
    ok($t->wait_status(sub { $_->{spool}{errors} > $errors }, timeout => 20), 'all removed: spool.errors');
    said(qr/\[error\].*project "default": no spool, "[^"]*" cannot be used/, 'all removed: the log says so');
    $load->wait;
    ok(!-e $dir, 'all removed: the flusher cannot make it');
    ok($t->reload(drained => 1), 'all removed: a reload');
    ok(wait_until(sub { spool_files($t) }, 10), 'all removed: it is there again, and used');
    is(status()->{dropped}{full}, 0, 'all removed: nothing is dropped');
    delivered($load, 'all removed');
}

# ---- it cannot be written to, and not be read

SKIP: {
    skip 'root may do anything', 1 if $> == 0 && !$t->{user};

    $load = fails('read-only', sub { chmod 0500, "$dir/default" }, sub { chmod 0700, "$dir/default" },
        qr/\[error\].*\d+ events could not be spooled.*Permission denied/);

    mark();
    chmod 0300, "$dir/default";
    $ingest->start;
    my $live = $t->load(from => $from, count => 500, rate => 1000);
    account($ingest, [$live], name => 'unreadable, live events');
    said(qr/\[error\].*the spool cannot be listed.*Permission denied/, 'unreadable: the log says so');
    chmod 0700, "$dir/default";
    delivered($load, 'unreadable');
}

is(once_a_second(lines($t, 'default')), '', 'of each cause a line a second at most, with a count of its own');

$t->done;
