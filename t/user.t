#!/usr/bin/perl

# `user`: whoever starts nginx, what is in the spool belongs to the workers'
# user, whoever wrote it: the flusher, a worker, or the master at its end; the
# user before this one; or root, as the single process.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until uniq slurp spew);

plan skip_all => 'only root may choose' if $> != 0;

# not the harness's own choice, and with another group
my ($user, $other) = grep { defined getpwnam $_ } qw(daemon games nobody www-data);
my ($uid, $gid) = (getpwnam $user)[2, 3];

my $t      = Mixtrack::Nginx->new(user => $user);
my $ingest = $t->ingest(9);
my $dir    = $t->dir . '/spool';

$t->conf(lifecycle(project => {shutdown_timeout => '1s'}))->run;

sub owners ($name, @files) {
    is(join(' ', uniq(map { join ':', (stat $_)[4, 5] } @files)), "$uid:$gid", "$name: belong to $user");
    is(join(' ', uniq(map { sprintf '%o', (stat $_)[2] & 07077 } @files)), '0', "$name: and to nobody else");
}

sub written ($name) {
    my @files = spool_files($t);
    ok(scalar(@files), "$name: there are files");
    owners($name, map { $_->{file} } @files);
    my $n = 0;
    $n += $_->{events} for @files;
    return $n;
}

sub of ($pid) { join ' ', map { (split ' ', $_)[1] } slurp("/proc/$pid/status") =~ /^(Uid:.*|Gid:.*)$/mg }

is(of($t->flusher), "$uid $gid", "the flusher is $user");
is((stat $dir)[4], $uid, 'and so is the owner of the directory');
owners('the directories', "$dir/default");

# ---- the flusher writes

my $load = $t->load(count => 6000, rate => 1000);
ok($load->wait_served(300), 'requests are served');
$ingest->kill;
ok($load->wait_served(1000), 'and more, when the endpoint is not there');
ok($t->stop, 'TERM');
my $n = written('the flusher');

$ingest->start;
$t->run;
ok($t->wait_status(sub { $_->{adopted} == $n }), 'the next start sends them');

# ---- the flusher is dead: the last worker writes, or the master

$ingest->faults({hang => 1});
ok($load->wait_served(2500), 'requests, and the endpoint hangs');

my $flusher = $t->flusher;
$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers && !$t->draining }, 10), 'QUIT, the workers have gone');
$t->kill_process($flusher);
ok(wait_until(sub { !$t->processes }, 10), 'the flusher is killed, and nginx goes');
$n = written('the master');

$ingest->faults();
$t->run;
ok($t->wait_status(sub { $_->{adopted} == $n }), 'the next start sends them');
ok($load->wait_served(3200), 'requests');
$ingest->faults({hang => 1});
ok($load->wait_served(3900), 'and the endpoint hangs');

# a worker that drains is the last
my $backend = $t->backend(8);
$flusher = $t->flusher;
my @workers = $t->workers;
kill 'STOP', @workers;
$t->quit(wait => 0);
ok(wait_until(sub { slurp('/proc/' . $t->master . '/status') && $t->error_log =~ /$flusher#$flusher: exiting/ }, 10),
    'QUIT, the flusher was told');
$t->kill_process($flusher);
kill 'CONT', @workers;
ok(wait_until(sub { !$t->processes }, 10), 'the flusher is killed before the workers go');
$n = written('a worker');

$ingest->faults();
$t->run;
ok($t->wait_status(sub { $_->{adopted} == $n }), 'the next start sends them');

account($ingest, [$load], duplicates => 1);
at_rest($t);
is(scalar(spool_files($t)), 0, 'the spool is empty');

# ---- what root may do by its groups the master does not, as the workers' user

ok($t->quit, 'QUIT');

my $conf = $t->{conf};
$t->conf($conf =~ s/shutdown_timeout 1s/shutdown_timeout 30s/r);
{
    local $) = '0 4242';
    $t->run;
}
$ingest->faults({hang => 1});
$t->load(from => 7001, count => 50, rate => 1000)->wait;

$flusher = $t->flusher;
$t->quit(wait => 0);
ok(wait_until(sub { !$t->workers && !$t->draining }, 10), 'QUIT, the workers have gone');

# the way to the spool is open to that group alone
my ($mode, $group) = (stat $t->dir)[2, 5];
chown 0, 4242, $t->dir or die "chown: $!";
chmod 0710, $t->dir or die "chmod: $!";
$t->kill_process($flusher);
ok(wait_until(sub { !$t->processes }, 10), 'the flusher is killed, and nginx goes');
chown 0, $group, $t->dir or die "chown: $!";
chmod $mode & 07777, $t->dir or die "chmod: $!";

is(scalar(spool_files($t)), 0, 'the master has not written');
like($t->error_log, qr/"\Q$dir\E\/default" cannot be used \(13:/, 'it may not');

$ingest->faults();
$t->conf($conf)->run;

# ---- the spool is counted before a flusher has looked: here it cannot

$ingest->kill;
$t->load(from => 8001, count => 100, rate => 1000)->wait;
ok($t->stop, 'TERM, and the endpoint is not there');
my $files = spool_files($t);
ok($files, 'events are in the spool');

# one that was being written when its writer died, long ago
my $temp = "$dir/default/.tmp-" . (spool_files($t))[0]{name};
spew($temp, 'x');
chown $uid, $gid, $temp or die "chown: $!";
utime 1, 1, $temp or die "utime: $!";

chmod 0, "$dir/default" or die "chmod: $!";
$ingest->start;
$t->run;
is($t->status('default')->{spool}{files}, $files, 'the files are counted from the first moment');
ok(wait_until(sub { $t->error_log =~ m{no spool, "\Q$dir\E/default" cannot be used} }, 10), 'the flusher cannot look');
is($t->status('default')->{spool}{files}, $files, 'and has not');
ok(-e $temp, 'and who counted has removed nothing');
chmod 0700, "$dir/default" or die "chmod: $!";
ok($t->wait_status(sub { $_->{delivered} == 100 && !$_->{spool}{files} }), 'when it can it sends them');
ok(!-e $temp, 'and removes what a writer has left');
ok($t->quit, 'QUIT');

# ---- another one, by a reload: what the first has left is his

SKIP: {
    skip 'there is no other user', 1 if !$other;

    $ingest->kill;
    $t->run;
    my @load = ($t->load(from => 10001, count => 300, rate => 1000));
    $load[0]->wait;
    ok($t->stop, 'TERM, and the endpoint is not there');
    written("$user writes");

    $t->run;
    push @load, $t->load(from => 11001, count => 300, rate => 1000);
    $load[1]->wait;

    my $log = length $t->error_log;
    ($uid, $gid) = (getpwnam $other)[2, 3];
    $t->conf($t->{conf} =~ s/^user \w+;/user $other;/mr);
    ok($t->reload(drained => 1), "HUP, and the user is $other");
    is(of($t->flusher), "$uid $gid", 'and the flusher');
    $user = $other;
    owners('the directory', "$dir/default");

    push @load, $t->load(from => 12001, count => 300, rate => 1000);
    $load[2]->wait;
    ok($t->quit, 'QUIT');
    is(written("$other writes"), 900, 'every event is in the spool');
    unlike(substr($t->error_log, $log), qr/cannot be|could not|are lost/, 'and nothing went wrong');

    # ---- root, as the single process

    $conf = $t->{conf};
    $t->conf("master_process off;\n$conf")->run;
    push @load, $t->load(from => 13001, count => 300, rate => 1000);
    $load[3]->wait;
    is(of($t->master), '0 0', 'the single process is root');
    ok($t->stop, 'TERM');
    $n = written('root writes');
    is($n, 1200, 'every event is in the spool');

    $ingest->start;
    $t->conf($conf)->run;
    ok($t->wait_status(sub { $_->{adopted} == $n }), 'the next start sends them');
    account($ingest, \@load, name => $other, duplicates => 1);
    at_rest($t, name => $other);
    is(scalar(spool_files($t)), 0, 'the spool is empty');
}

$t->done;
