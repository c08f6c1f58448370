#!/usr/bin/perl

# What lies in the spool after a stop: whose it is, what it is called, what
# is in it; that the next start sends it and leaves alone what is not its
# own; that it keeps to its size; and how it is to have none.

use v5.36;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp spew uniq patience);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9, start => 0);
my $ingest2 = $t->ingest(8, start => 0);
my $dir     = $t->dir . '/spool';

my $conf = lifecycle(
    project  => {zone => '2m'},
    projects => <<'END',
    mixtrack_project plain {
        token P; endpoint %%INGEST_8%%; zone 1m; batch interval=100ms events=100; gzip off;
    }
    mixtrack_project none {
        token O; endpoint http://127.0.0.1:%%PORT_8%%/none; zone 1m; batch interval=100ms; spool off;
        timeout connect=1s total=2s;
    }
    mixtrack_project small {
        token S; endpoint http://127.0.0.1:%%PORT_8%%/small; zone 1m; batch interval=100ms events=20;
        gzip off; spool 40k;
    }
END
    hit    => 'mixtrack hit project=default; return 200 "ok\n";',
    server => join("\n", map {"location = /$_ { mixtrack $_ project=$_; return 200; }"} qw(plain none small)),
) =~ s/mixtrack_project \{/mixtrack_project default {/r;

ok(!-e $dir, 'no directory yet');
$t->conf($conf)->run;
ok(-d $dir, 'the start makes it');

my @load = ($t->load(count => 1500, rate => 2000));
push @load, $t->load(from => 10001, count => 450, rate => 2000, uri => '/plain?seq=%d', connections => 2);
push @load, $t->load(from => 20001, count => 300, rate => 2000, uri => '/small?seq=%d', connections => 2);
$_->wait for @load;
my $before = int(time * 1000);

ok($t->stop(timeout => 10), 'TERM, and the endpoints are not there');

# ---- what they are

my $oldest = 0;
my @plain = spool_files($t, 'plain');
for my $project (qw(default plain)) {
    my @files = spool_files($t, $project);
    my $n     = 0;

    ok(scalar(@files), "$project has files");
    is(join(' ', map { $_->{name} } grep { !$_->{events} } @files), '', "$project: their names are of the form");

    my @uid  = uniq(map { (stat $_->{file})[4] } @files);
    my @mode = uniq(map { sprintf '%o', (stat $_->{file})[2] & 07777 } @files);
    is("@mode", '600', "$project: nobody else reads them");
    is(sprintf('%o', (stat "$dir/$project")[2] & 07777), '700', "$project: nor the directory");
    is(scalar(uniq(map { $_->{destination} } @files)), 1, "$project: of one destination");
    is(scalar(uniq(map {"$_->{writer} $_->{seq}"} @files)), scalar(@files), "$project: none has another's number");
    is(join(' ', grep { !defined } map { $_->{gz} } @files) . join(' ', uniq(map { $_->{gz} } @files)),
        $project eq 'plain' ? '' : '.gz', "$project: gzip or not");

    my @wrong;
    for my $f (@files) {
        my @e = spooled_events($f);
        my ($first) = sort { $a <=> $b } map { $_->{properties}{time} } @e;
        $n += @e;

        push @wrong, "$f->{name}: " . @e . ' events' if @e != $f->{events};
        push @wrong, "$f->{name}: created" if $f->{created} < $before - 60000 || $f->{created} > time * 1000 + 1000;
        push @wrong, "$f->{name}: oldest, $first" if abs($f->{oldest} - $first) > 1500;
        push @wrong, "$f->{name}: token" if grep { $_->{properties}{token} ne ($project eq 'plain' ? 'P' : 'T') } @e;
    }
    is(join("\n", @wrong), '', "$project: what their names say is what is in them");
    is($n, $project eq 'plain' ? 450 : 1500, "$project: all events are there");
}
cmp_ok(scalar(spool_files($t, 'plain')), '>=', 5, 'plain: no batch is larger than it may be');

isnt((spool_files($t))[0]{destination}, (spool_files($t, 'plain'))[0]{destination}, 'two destinations');
ok(!-e "$dir/none", 'none has no directory');

# ---- what does not fit

my @small = spool_files($t, 'small');
my $bytes = 0;
$bytes += -s $_->{file} for @small;
my $kept = 0;
$kept += $_->{events} for @small;
cmp_ok($bytes, '<=', 40 * 1024, 'small: keeps to its size');
cmp_ok($bytes, '>',  24 * 1024, 'small: and uses it');
like($t->error_log, qr/project "small": the spool is full/, 'small: says so');
my %kept = map { $_ => 1 } map { ($_->{properties}{'$current_url'} =~ /seq=(\d+)/)[0] }
    map { spooled_events($_) } @small;
ok($kept{20300}, 'small: the newest are kept');
ok(!$kept{20001}, 'small: the oldest are not');

# ---- what is not its own

my ($own)   = spool_files($t);
my $another = $own->{name} =~ s/$own->{destination}/0123456789abcdef/r;
my $odd     = $own->{name} =~ s/\.json\.gz/.json.gz.bad/r;
my $large   = $own->{name} =~ s/^[0-9]/x/r;

my %foreign = (
    'notes.txt'  => "not ours\n",
    $another     => slurp($own->{file}),
    $odd         => slurp($own->{file}),
    $large       => slurp($own->{file}),
    '.hidden'    => "hidden\n",
    'rejected-20200101.ndjson' => "{}\n",
);
spew("$dir/default/$_", $foreign{$_}) for keys %foreign;
mkdir "$dir/default/directory";
spew("$dir/default/directory/file", "below\n");
symlink "$dir/default/notes.txt", "$dir/default/link";
symlink "$dir/default/directory/file", "$dir/default/" . ($own->{name} =~ s/-/-1/r);
spew("$dir/stranger", "not a project\n");

$ingest->start;
$ingest2->start;
$t->run;

my ($load, $plain, $small) = @load;
account($ingest, [$load]);
account($ingest2, [$plain], name => 'plain');
ok($t->wait_status(sub { $_->{adopted} == 1500 }), 'all of it is adopted');
ok($t->wait_status(sub { $_->{adopted} == 450 }, project => 'plain'), 'plain: all of it');
ok($t->wait_status(sub { $_->{adopted} == $kept }, project => 'small'), 'small: what was kept');
ok($t->wait_status(sub { !$_->{spool}{files} && $_->{spool}{foreign} == 1 }, timeout => 5),
    'one file is of another destination');
is(scalar(spool_files($t, $_)), 0, "$_: the spool is empty") for qw(plain small);

my @lost = grep { slurp("$dir/default/$_") ne $foreign{$_} } keys %foreign;
is("@lost", '', 'what is not its own is as it was');
is(slurp("$dir/default/directory/file"), "below\n", 'also what is below');
ok(-l "$dir/default/link", 'and the links');
is(slurp("$dir/stranger"), "not a project\n", 'and beside it');
is($ingest->stats->{distinct}, 1500, 'nothing of it was sent');
is($ingest2->stats->{duplicates}, 0, 'nothing was sent twice');

is(scalar(grep { $_->{events} && $_->{name} ne $another && !-l $_->{file} } spool_files($t)), 0,
    'nothing of its own is left');

# ---- a file that cannot be read, or is torn, is in nobody's way

my $empty = $own->{name} =~ s/-([0-9a-f]{8})-/-ffffffff-/r;
spew("$dir/default/$empty", '');

my $torn = "$plain[0]{name}";
spew("$dir/plain/$torn", '[{"event":');

$load = $t->load(from => 30001, count => 500, rate => 1000);
my $load2 = $t->load(from => 35001, count => 1500, rate => 500, uri => '/plain?seq=%d', connections => 2);
account($ingest, [$load], name => 'empty file');
at_rest($t, name => 'empty file');
ok(wait_until(sub { !-e "$dir/default/$empty" && -e "$dir/default/$empty.bad" }, 5), 'an empty file is set aside');
my $said = () = $t->error_log =~ /"\Q$empty\E" cannot be read/g;
is($said, 1, 'which is said once');

account($ingest2, [$load2], name => 'torn file', timeout => 40);
is(scalar(grep { $_->{status} == 400 } $ingest2->posts), 0, 'torn file: nothing of it was sent');
ok(wait_until(sub { !-e "$dir/plain/$torn" && -e "$dir/plain/$torn.bad" }, 5), 'it is set aside');
like($t->error_log, qr/\[error\].*project "plain": spool file "\Q$torn\E" is set aside/, 'which is said');
is($t->status('plain')->{spool}{bad}, 1, 'and counted');

# ---- the directory is gone when it is needed

$ingest->kill;
$load = $t->load(from => 40001, count => 300, rate => 1000);
$load->wait;
remove_tree($dir);
my $at    = length $t->error_log;
my $begin = time;
ok($t->stop(timeout => 10), 'TERM, when the spool is gone');
cmp_ok(time - $begin, '<', 2.9 * patience(), 'does not take longer');
like(substr($t->error_log, $at), qr/\[error\].*project "default".*\b300\b/, 'what is lost is told');

$ingest->start;
$t->run;
ok(wait_until(sub { -d "$dir/default" }), 'the next start makes it again');

# ---- one that is off

$ingest2->kill;
$load = $t->load(from => 50001, count => 200, rate => 1000, uri => '/none?seq=%d');
$load->wait;
$at = length $t->error_log;
ok($t->quit(timeout => 15), 'QUIT, with a project that has no spool');
like(substr($t->error_log, $at), qr/\[error\].*project "none".*\b200\b/, 'what is lost is told');

# ---- all of them off: no directory is wanted

$ingest->start;
remove_tree($dir);
$t->conf(lifecycle(
    project => {spool => 'off'},
    http    => 'mixtrack_spool_path %%TESTDIR%%/no/where;',
))->run;

$load = $t->load(from => 60001, count => 1500, rate => 1000);
ok($load->wait_served(300), 'off: requests');
ok($t->reload(drained => 1), 'off: a reload');
ok($t->kill_process($t->flusher), 'off: the flusher is killed');
account($ingest, [$load], name => 'off', duplicates => 1);
at_rest($t, name => 'off');
ok(!-e $t->dir . '/no', 'off: there is no directory');
ok(!-e $dir, 'off: nowhere');

$t->done;
