#!/usr/bin/perl

# endpoint file:PATH: events become lines of a local file, which is rotated
# as a log is.  A full disk is an outage like any other; HUP, QUIT, TERM and
# a killed flusher lose nothing.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

# a disk of our own, in a name space that goes with us, if we may have one
BEGIN {
    if ($> == 0 && !exists $ENV{MIXTRACK_UNSHARED}) {
        $ENV{MIXTRACK_UNSHARED} = system('unshare -m true 2>/dev/null') == 0;
        exec 'unshare', '-m', $^X, $0, @ARGV if $ENV{MIXTRACK_UNSHARED};
    }
}

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Outcome;
use Mixtrack::Util qw(wait_until slurp json_decode uniq);

my $t    = Mixtrack::Nginx->new;
my $dir  = $t->dir;
my $disk = "$dir/disk";
my $own  = $ENV{MIXTRACK_UNSHARED} && mkdir($disk) && system("mount -t tmpfs -o size=128k mixtrack $disk 2>/dev/null") == 0;

mkdir $disk;

$t->write_file('events.ndjson', qq({"was":"here"}\n));

$t->conf(lifecycle(
    project => {
        endpoint => "file:$dir/events.ndjson",
        batch    => 'interval=50ms',
        retry    => 'min=50ms max=200ms jitter=0ms-20ms',
    },
    projects => <<'END',
    mixtrack_project full {
        token F; endpoint file:disk/full.ndjson; zone 4m;
        batch interval=50ms events=50; retry min=50ms max=200ms jitter=0ms-20ms;
    }
END
    server => 'location = /full { mixtrack full project=full; return 200; }',
))->run;

# the events in some files: those of the numbers, in the order of the file;
# every line is to be one
sub events (@files) {
    my @events;
    for my $file (@files) {
        my $text = slurp($file);
        push @events, map { json_decode($_) } split /\n/, $text;
        is(substr($text, -1), "\n", 'the last line of ' . $file =~ s/.*\///r . ' is whole') if length $text;
    }
    return grep { $_->{event} } @events;
}

sub seq ($event) { ($event->{properties}{'$current_url'} =~ /seq=(\d+)/)[0] }

# every request of these loads is a line, once; with duplicates => 1 the same
# line may come again
sub lines_ok ($name, $loads, $files, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my (%n, %id, %raw);
    for (events(@$files)) {
        $n{seq($_)}++;
        $id{seq($_)}{$_->{properties}{'$insert_id'}}++;
    }
    my @result = map { $_->wait } @$loads;
    my @served = map { @{$_->{served}} } @result;

    is(join(' ', map { @{$_->{failed}} } @result), '', "$name: every request was served");
    my %ambiguous = map { $_ => 1 } map { @{$_->{ambiguous}} } @result;
    is(join(' ', grep { !$n{$_} } @served), '', "$name: each is a line");
    is(join(' ', grep { keys %{$id{$_} // {}} > 1 && !$ambiguous{$_} } @served), '', "$name: and one event");
    is(join(' ', grep { ($n{$_} // 0) > 1 && !$ambiguous{$_} } @served), '', "$name: which came once") if !$o{duplicates};
    return scalar @served;
}

my $file = "$dir/events.ndjson";
my @files = ($file);

# ---- what is in it

my $load = $t->load(count => 500, rate => 2000);
$load->wait;
my $p = settled($t);
is($p->{delivered}, 500, 'they count as delivered');
is($p->{requests}{'2xx'} + $p->{requests}{error}, 0, 'and nothing was posted');
lines_ok('at first', [$load], \@files);

my ($first) = split /\n/, slurp($file);
is($first, '{"was":"here"}', 'it is appended to');
my ($e) = events($file);
is($e->{event}, 'hit', 'a line is an event');
is($e->{properties}{token}, 'T', 'with all its properties');
like($e->{properties}{'$insert_id'}, qr/^[0-9a-f]{33}\z/, 'as it would be sent');
is($e->{properties}{status}, 200, 'with numbers');

is(sprintf('%o', (stat "$disk/full.ndjson")[2] & 0777), '644', 'one that was not there is made, as a log is');

# ---- USR1, while requests go on

$load = $t->load(from => 1001, count => 4000, rate => 1500);
for my $n (1 .. 3) {
    ok($load->wait_served($n * 500), 'requests are served');
    rename $file, "$file.$n";
    unshift @files, "$file.$n";
    $t->signal('USR1');
    ok(wait_until(sub { -e $file && -s $file }), "USR1: a new file, $n");
}

# no process has the old one open, and it does not grow
ok(wait_until(sub {
    !grep { (readlink($_) // '') eq "$file.1" } map { glob "/proc/$_->{pid}/fd/*" } $t->processes;
}), 'USR1: nobody has the old one any more');
my $size = -s "$file.1";
$load->wait;
settled($t, name => 'USR1');
is(-s "$file.1", $size, 'USR1: and nobody writes to it');
lines_ok('USR1', [$load], \@files);

# ---- HUP, also with another file

$load = $t->load(from => 10001, count => 4000, rate => 1500);
ok($load->wait_served(500), 'requests are served');
ok($t->reload, 'HUP');
ok($load->wait_served($load->progress + 500), 'requests are served');
$t->conf($t->{conf} =~ s/events\.ndjson/other.ndjson/r);
ok($t->reload, 'HUP, and another file');
ok($load->running, 'requests all the while');
$load->wait;
settled($t, name => 'HUP');
push @files, "$dir/other.ndjson";
ok(-s $files[-1], 'HUP: there is something in it');
lines_ok('HUP', [$load], \@files);

# ---- the flusher is killed: lines may come again, but the same ones

$load = $t->load(from => 20001, count => 9000, rate => 1500);
for (1 .. 3) {
    ok($load->wait_served($load->progress + 400), 'requests are served');
    ok($t->kill_process($t->flusher), 'the flusher is killed');
    my $delivered = $t->status('default')->{delivered};
    ok($t->wait_status(sub { $_->{delivered} > $delivered }), 'another one goes on');
}
$load->stop;
settled($t, name => 'kill');
lines_ok('kill', [$load], \@files, duplicates => 1);

# ---- QUIT and TERM

for my $how (qw(quit stop)) {
    my $from = $how eq 'quit' ? 30001 : 40001;
    $load = $t->load(from => $from, count => 1500, rate => 1e6);
    ok($load->wait_served(1500), "$how: requests");
    ok($t->$how(timeout => 15), "$how: nginx goes");
    my $spooled = 0;
    $spooled += $_->{events} // 0 for spool_files($t);
    is($spooled, 0, 'quit: nothing is left to the next start') if $how eq 'quit';
    $t->run;
    settled($t, name => $how);
    lines_ok($how, [$load], \@files);
}

# ---- a full disk

SKIP: {
    skip 'no disk of our own', 1 if !$own;

    my $full = "$disk/full.ndjson";
    my $at   = length $t->error_log;

    $load = $t->load(from => 50001, count => 3000, rate => 1000, uri => '/full?seq=%d', connections => 2);
    ok($t->wait_status(sub { $_->{gate}{failures} >= 2 }, project => 'full'), 'full: it is an outage');
    my $log = substr $t->error_log, $at;
    ok($log =~ /\[error\].*project "full".*"\Q$dir\E\S*full\.ndjson" cannot be written.*28: No space left/, 'full: the log tells')
        or diag($log);
    like($t->status('full')->{last_error}, qr/file of "endpoint" cannot be written/, 'full: the status tells');
    ok($load->wait_served($load->progress + 200), 'full: nginx serves');
    ok($t->reload, 'full: a reload in the middle');
    ok($load->wait_served($load->progress + 200), 'full: and goes on');

    my $p = $t->wait_status(sub { $_->{gate}{failures} >= 1 }, project => 'full');
    ok($p, 'full: it is still');
    cmp_ok($p->{tracked}, '>', $p->{delivered} + 200, 'full: events wait');

    # but for the moment in which one is tried
    my $n;
    wait_until(sub { ($n = () = slurp($full) =~ /\n/g) == $t->status('full')->{delivered} });
    is($n, $t->status('full')->{delivered}, 'full: a batch is there or is not');

    system("mount -o remount,size=8m $disk") == 0 or die "remount: $?";
    ok($t->wait_status(sub { $_->{delivered} > $n }, project => 'full'), 'full: there is room, and it goes on');
    ok($t->wait_log(qr/\[notice\].*project "full": posts succeed again/), 'full: the log tells of that, too');
    $load->wait;
    $p = settled($t, name => 'full', project => 'full');
    is($p->{delivered}, 3000, 'full: all is written');
    lines_ok('full', [$load], [$full]);

    # full again, and QUIT: what has no room there is spooled
    my $used = -s $full;
    open my $fh, '>', "$disk/other" or die;
    1 while syswrite $fh, 'x' x 4096;
    close $fh;
    $load = $t->load(from => 60001, count => 800, rate => 1e6, uri => '/full?seq=%d', connections => 2);
    ok($load->wait_served(800), 'full, QUIT: requests');
    ok($t->quit(timeout => 20), 'full, QUIT: nginx goes');
    my $spooled = 0;
    $spooled += $_->{events} for grep { $_->{events} } spool_files($t, 'full');
    cmp_ok($spooled, '>=', 700, 'full, QUIT: they are in the spool');
    unlink "$disk/other";
    $t->run;
    settled($t, name => 'full, QUIT', project => 'full');
    lines_ok('full, QUIT', [$load], [$full]);
}

settled($t, name => 'in the end');
$t->done;
