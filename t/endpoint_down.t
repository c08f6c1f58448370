#!/usr/bin/perl

# The endpoint is not there, or does not answer, when nginx starts: it
# starts all the same and serves, and what happened meanwhile is delivered
# when the endpoint comes, goes, and comes again.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $silent = $t->backend(8);

# the other one is connected to, and says nothing
$t->conf(lifecycle(
    project  => {zone => '8m'},
    projects => <<'END',
    mixtrack_project silent {
        token S; endpoint http://127.0.0.1:%%PORT_8%%/track; zone 1m; batch interval=100ms;
        timeout connect=1s total=1s;
    }
END
    hit    => 'mixtrack hit project=default; return 200 "ok\n";',
    server => 'location = /silent { mixtrack silent project=silent; return 200; }',
) =~ s/mixtrack_project \{/mixtrack_project default {/r);

my $begin = time;
$t->run;
cmp_ok(time - $begin, '<', 5 * patience(), 'nginx starts');

my $load = $t->load(count => 8000, rate => 1000);
$t->get("/silent?seq=$_") for 900001 .. 900005;

ok($t->wait_status(sub { $_->{gate}{failures} && $_->{tracked} >= 1000 }), 'and serves');
my $p = $t->status('default');
is($p->{delivered}, 0, 'nothing is delivered');
is($p->{dropped}{full}, 0, 'nothing is dropped');
cmp_ok($p->{requests}{error}, '<=', 3, 'the endpoint is not asked all the time');
like($p->{last_error}, qr/connect/i, 'the reason is told');
ok($t->wait_status(sub { $_->{requests}{error} >= 1 }, project => 'silent'), 'silent: no answer is an error');

$ingest->start;
ok($t->wait_status(sub { $_->{delivered} > 1000 }, timeout => 20), 'it comes, and all is delivered');
ok($load->running, 'while requests go on');

# ---- and goes: without a word, and then by refusing

$ingest->faults({hang => 1});
ok($load->wait_served($load->progress + 500), 'it hangs');
$ingest->kill;
ok($t->wait_status(sub { $_->{gate}{failures} }), 'it is gone');
ok($t->reload(drained => 1), 'a reload meanwhile');
ok($t->kill_process($t->flusher), 'and the flusher is killed');
$ingest->start;
$ingest->faults();

account($ingest, [$load], duplicates => 1, timeout => 40);
at_rest($t, timeout => 30);

# ---- the silent one speaks

my $posts = 0;
my $end = time + 20 * patience();
while (time < $end && $t->status('silent')->{delivered} < 5) {
    my $head = $silent->hold(1) or next;
    $posts++;
    $silent->release('1');
}
$p = $t->status('silent');
is($p->{delivered}, 5, 'silent: an answer, and they are delivered');
ok($t->wait_rest(project => 'silent'), 'silent: all of them');

# ---- it never comes: a start and a stop without it

$ingest->kill;
ok($t->quit, 'QUIT');
$t->run;
$load = $t->load(from => 20001, count => 500, rate => 1000);
$load->wait;
ok($t->quit(timeout => 15), 'a start and QUIT without it');
$t->run;
ok($t->stop(timeout => 15), 'a start and TERM without it');
my $n = 0;
$n += $_->{events} for spool_files($t);
is($n, 500, 'all is in the spool');

$ingest->start;
$t->run;
account($ingest, [$load], name => 'in the end', duplicates => 1);
at_rest($t, name => 'in the end');
is(scalar(spool_files($t)), 0, 'the spool is empty');

$t->done;
