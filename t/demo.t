#!/usr/bin/perl

# make demo, as far as demo/run goes: its visits arrive, an ingest that fails
# is a failure, and whatever ends it, nothing is left.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use File::Path qw(remove_tree);
use File::Temp ();
use POSIX qw(WNOHANG);

use Mixtrack::Util qw(wait_until slurp);

plan skip_all => 'it runs the installed nginx' if ($ENV{TEST_NGINX_MODULE} // '') eq 'static';

my $root = "$FindBin::Bin/..";
my $tmp  = File::Temp::tempdir('mixtrack-XXXXXXXX', TMPDIR => 1);
my $pid  = 0;

chmod 0755, $tmp;

# whose files or working directory lie in ours
sub left {
    return grep {
        my $p = $_;
        grep { index(readlink($_) // '', "$tmp/") == 0 } "/proc/$p/cwd", glob("/proc/$p/fd/*");
    } grep { $_ != $$ && $_ != $pid } map {m{^/proc/(\d+)$}} glob '/proc/[0-9]*';
}

sub start (%env) {
    unlink "$tmp.out";

    $pid = fork // die "fork: $!";
    return if $pid;

    %ENV = (%ENV, TMPDIR => $tmp, %env);
    delete @ENV{grep { !defined $env{$_} } qw(TOKEN REGION DEMO_SECONDS)};
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    setpgrp;
    open STDIN,  '<', '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>', "$tmp.out"  or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT   or POSIX::_exit(126);
    exec "$root/demo/run" or POSIX::_exit(127);
}

sub out { slurp("$tmp.out") }

# what matters of it
sub tail {
    my @line = split /\n/, out();
    return join "\n", @line > 12 ? @line[-12 .. -1] : @line;
}

# the exit code, or what it was killed by
sub ends ($name, $timeout = 60) {
    my $rc;

    my $ended = wait_until(sub { waitpid($pid, WNOHANG) == $pid ? (($rc = $?), 1)[1] : 0 }, $timeout);
    if (!$ended) {
        kill 'KILL', -$pid;
        waitpid $pid, 0;
    }

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($ended, "$name: it ends") or diag(tail());

    my @left = left();
    is("@left", '', "$name: no process is left");
    kill 'KILL', @left;

    is(join(' ', map { s{.*/}{}r } glob "$tmp/*"), '', "$name: no file is left");

    return !$ended ? -1 : $rc & 127 ? -($rc & 127) : $rc >> 8;
}

start(DEMO_SECONDS => 2);
is(ends('visits'), 0, 'visits: all arrived') or diag(tail());
like(out(), qr/^All [1-9]\d* events arrived$/m, 'visits: so it says');
like(out(), qr/"Page View"  GET 200 http.*seq=\d+.*\n.*insert_id [0-9a-f]{33}$/m, 'visits: an event is shown');
like(out(), qr/^counters +tracked (\d+)  delivered \1  queued 0  in flight 0  spooled 0  dropped 0$/m,
    'visits: and the counters');

# the ingest that is told of, found by its port
start(DEMO_SECONDS => 8);
ok(wait_until(sub { out() =~ /delivered [1-9]/ }, 30), 'ingest: events arrive') or diag(tail());
my ($port) = out() =~ m{go to http://127\.0\.0\.1:(\d+)/track};
my @ingest = grep { slurp("/proc/$_/cmdline") =~ /ingest\x00--port\x00${port}\x00/ } left();
is(scalar(@ingest), 1, 'ingest: there it is');
kill 'KILL', @ingest;
is(ends('ingest'), 1, 'ingest: without it the demo fails');
ok(out() =~ /the ingest has ended/, 'ingest: and says so');

for my $case (['Ctrl-C', 'INT', 0], ['TERM', 'TERM', 143]) {
    my ($name, $signal, $rc) = @$case;

    start();
    ok(wait_until(sub { out() =~ /^counters/m }, 30), "$name: the site is there") or diag(tail());
    like(out(), qr{^The site +http://127\.0\.0\.1:\d+/$}m, "$name: and where");
    kill $signal, $signal eq 'INT' ? -$pid : $pid;
    is(ends($name), $rc, "$name: exit code");
}

start(DEMO_SECONDS => 'soon');
is(ends('nonsense'), 1, 'nonsense: is refused');

done_testing();

END {
    local $?;
    kill 'KILL', left();
    unlink "$tmp.out";
    remove_tree($tmp, {error => \my $ignored});
}
