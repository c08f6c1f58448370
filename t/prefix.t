#!/usr/bin/perl

# nginx -t starts nothing, leaves nothing and touches nothing, also beside
# an nginx that runs; and a prefix that cannot be written to is no reason
# not to start, as long as nothing is to be written there.

use v5.36;

use File::Find ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $dir    = $t->dir;

# every file below it with its size and owner, but for the test's own and the
# pid file, which nginx -t makes, empty
sub files {
    my %f;
    File::Find::find({no_chdir => 1, wanted => sub {
        my @s = lstat $_ or return;
        return if -d _ || m{/(?:ingest|nginx\.out|test-early|load-|test\.conf|error\.log|test\.log|\w+\.pid)};
        $f{$_} = "$s[4] $s[7] $s[1]";
    }}, $dir);
    return \%f;
}

# ---- -t, and nothing else

$t->conf(lifecycle());
my $before = files();
my $r = $t->test_config;
is($r->{rc}, 0, '-t accepts the configuration') or diag($r->{out});
is($t->tree, '', '-t starts no process');
is_deeply(files(), $before, '-t leaves no file');
is(join(' ', glob "$dir/spool/*"), '', '-t puts nothing into the spool');
is($ingest->stats->{posts}, 0, '-t sends nothing');

# ---- -t beside it, with something in the spool

$ingest->kill;
$t->run;
my $load = $t->load(count => 1000, rate => 2000);
$load->wait;
ok($t->stop, 'TERM while the endpoint is not there');
my @spool = spool_files($t);
ok(scalar(@spool), 'there is a spool');
$ingest->start;
$before = files();
is($t->test_config->{rc}, 0, '-t with a spool');
is_deeply(files(), $before, 'leaves it alone');
is($ingest->stats->{posts}, 0, 'and sends nothing');
is(slurp("$dir/nginx.pid"), '', 'nor is there a pid');

$t->run;
account($ingest, [$load], name => 'start');

my $pids = join ' ', sort map { $_->{pid} } $t->processes;
$load = $t->load(from => 10001, count => 3000, rate => 1000);
ok($load->wait_served(300), 'requests are served');
for my $n (1 .. 3) {
    is($t->test_config->{rc}, 0, "-t beside them $n");
    my $more = $t->test_config(lifecycle(project => {zone => '8m'}, projects =>
        'mixtrack_project other { token O; endpoint %%INGEST_9%%; zone 1m; }', hit => 'return 200;'));
    is($more->{rc}, 0, "-t of another configuration $n") or diag($more->{out});
}
is(join(' ', sort map { $_->{pid} } $t->processes), $pids, 'the processes are the same');
account($ingest, [$load], name => 'beside');
my $p = at_rest($t, name => 'beside');
is($p->{processes}{workers}, 2, 'beside: nobody else is in the zone');
ok($t->quit, 'QUIT');

# ---- a prefix that is read-only: a mount of our own when we are root, whom
# no mode stops

my $prefix  = "$dir/prefix";
my $wrapper = $t->write_file('wrapper', <<"END");
#!/bin/sh
if [ "\$(id -u)" = 0 ]; then
    test -n "\$IN_MOUNT" || IN_MOUNT=1 exec unshare --mount --propagation private "\$0" "\$@"
    mount --bind $prefix $prefix && mount -o remount,bind,ro $prefix || exit 99
fi
touch $prefix/probe 2>/dev/null && exit 98
exec $t->{binary} "\$@" -p $prefix/
END
chmod 0755, $wrapper;
mkdir $prefix;
mkdir "$prefix/spool";
chown((getpwnam $t->{user})[2], -1, "$prefix/spool") if $t->{user} && $> == 0;
chmod 0555, $prefix;

SKIP: {
    my $binary = $t->{binary};
    $t->{binary} = $wrapper;
    my ($rc, $out) = $t->_nginx(20, '-v');

    if ($rc != 0) {
        $t->{binary} = $binary;
        skip "no read-only prefix can be had here ($rc $out)", 1;
    }

    # what nginx itself writes is elsewhere in all of them
    my %how = (
        'spool elsewhere'    => lifecycle(),
        'no spool'           => lifecycle(project => {spool => 'off'}),
        'spool within'       => lifecycle(http => 'mixtrack_spool_path spool;'),
    );
    my $from = 100001;

    for my $name (sort keys %how) {
        $t->conf($how{$name})->run;
        $load = $t->load(from => $from, count => 800, rate => 1000);
        $from += 1000;
        ok($load->wait_served(200), "$name: requests");
        ok($t->reload(drained => 1), "$name: a reload");
        account($ingest, [$load], name => $name);
        at_rest($t, name => $name);
        ok($t->quit, "$name: QUIT");
        is(join(' ', glob "$prefix/* $prefix/*/*"), "$prefix/spool", "$name: nothing was written there");
    }
    like($t->error_log, qr/\[error\].*project "default": no spool.*Read-only/, 'a spool that cannot be used is told');

    $t->conf(lifecycle(http => 'mixtrack_spool_path nowhere; # here'));
    $r = $t->test_config;
    isnt($r->{rc}, 0, 'a spool that cannot be made is refused');
    is(scalar(@{$r->{emerg}}), 1, 'in one sentence');
    like($r->{emerg}[0] // '', qr/directory.*nowhere.*mixtrack_spool_path.*:$r->{marked}[0]\b/, 'with file and line')
        or diag($r->{out});
    $t->{binary} = $binary;
}

$t->conf(lifecycle())->run;
$t->done;
