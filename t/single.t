#!/usr/bin/perl

# master_process off: the flusher lives in the one process there is, over
# its reloads, with other zones and without; QUIT and TERM end it at once.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience json_decode);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

sub config (%o) {
    return $t->conf(lifecycle(
        main     => 'master_process off;',
        project  => {zone => $o{zone} // '2m', shutdown_timeout => '2s'},
        projects => $o{other}
            ? 'mixtrack_project other { token O; endpoint %%INGEST_9%%; zone 1m; batch interval=100ms; }'
            : '',
        hit    => 'mixtrack hit project=default; return 200 "ok\n";',
        server => $o{other}
            ? 'location = /other { mixtrack other project=other; return 200 "ok\n"; }'
            : 'location = /other { return 204; }',
        http   => $o{http} // '',
    ) =~ s/mixtrack_project \{/mixtrack_project default {/r);
}

sub spooled { my $n = 0; $n += $_->{events} // 0 for map { spool_files($t, $_) } qw(default other); return $n }

# ---- reloads: nginx itself cannot accept a connection after one (it has none
# to give, and closes others in the attempt), but serves those it has, with
# the configuration they came by; so one for each, and no other

my $kept;
$SIG{PIPE} = 'IGNORE';

# the status over a connection that is kept
sub status ($project = 'default') {
    syswrite $kept, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my ($json) = $t->read($kept, one => 1) =~ /\r\n\r\n(.*)/s or return {};
    return json_decode($json)->{projects}{$project};
}

sub wait_for ($project, $cond) {
    return wait_until(sub { local $_ = status($project); $cond->() ? $_ : undef }, 15);
}

config(other => 1)->run;
is(scalar($t->processes), 1, 'one process');
is_deeply($t->status('default')->{processes}, {workers => 1, flushers => 1}, 'which is both');

$kept = $t->send('');
$ingest->faults({delay => 100});
my $load  = $t->load(count => 6000, rate => 1000, connections => 1);
my $other = $t->load(from => 20001, count => 900, rate => 600, uri => '/other?seq=%d', connections => 1);
ok($load->wait_served(200) && $other->wait_served(100), 'requests are served');

my $segments = status()->{segments}{total};
for my $n (1 .. 5) {
    ok($t->reload, "reload $n");
    ok($load->wait_served($load->progress + 50), 'requests');
}
is_deeply(status()->{processes}, {workers => 1, flushers => 1}, 'one worker and one flusher');
is(status()->{segments}{total}, $segments, 'the zone is the same');

config(other => 1, zone => '4m');
ok($t->reload, 'a larger zone');
ok($load->wait_served($load->progress + 200), 'requests');
cmp_ok(status()->{segments}{total}, '>', $segments, 'it is larger');

$other->wait;
config(other => 0, zone => '4m');
ok($t->reload, 'a project is removed');
ok($load->wait_served($load->progress + 200), 'requests');
ok(ref status(), 'the status is answered');

config(other => 1, zone => '2m');
ok($t->reload, 'it is added back, and the zone is smaller');
ok($load->wait_served($load->progress + 200), 'requests');
is(status()->{segments}{total}, $segments, 'it is smaller');

$t->allow(qr/\[emerg\]/);
config(http => 'mixtrack_nothing;');
ok(!$t->reload, 'a wrong one is refused');
ok($load->wait_served($load->progress + 200), 'requests');
is(scalar($t->processes), 1, 'one process');

account($ingest, [$load]);
account($ingest, [$other], name => 'the other');
ok(wait_for('default', sub { !$_->{queued} && !$_->{in_flight} && !$_->{segments}{used} }), 'at rest no segment is used');
ok(status()->{segments}{valid}, 'the zone is valid');
is(Mixtrack::Nginx::imbalance(status()), 0, 'the identity holds');
is_deeply(status()->{processes}, {workers => 1, flushers => 1}, 'one worker and one flusher');
close $kept;

config(other => 1)->run if $t->quit(timeout => 10);

# ---- QUIT

$load = $t->load(from => 30001, count => 9000, rate => 1000);
ok($load->wait_served(500), 'requests are served');
ok($t->quit(timeout => 10), 'QUIT');
is(spooled(), 0, 'nothing is spooled, all was delivered');
my ($left) = grep { $_->{project} eq 'default' } reverse left_lines($t);
is($left->{queued} + $left->{in_flight}, 0, 'the zone is empty');

# ---- TERM, and posts on their way

$ingest->faults({delay => 5000});
$t->run;
ok($load->wait_served($load->progress + 500), 'requests are served');
ok($t->wait_status(sub { $_->{requests}{in_flight} }), 'posts are on their way');
my $begin = time;
ok($t->stop(timeout => 10), 'TERM');
cmp_ok(time - $begin, '<', 3 * patience(), 'is quick');
my $n = spooled();
cmp_ok($n, '>', 0, 'what was not delivered is in the spool');

# ---- TERM, and the endpoint is not there

$ingest->kill;
$t->run;
ok($load->wait_served($load->progress + 500), 'requests are served');
ok($t->stop(timeout => 10), 'TERM');
cmp_ok(spooled(), '>', $n, 'there is more in the spool');
$n = spooled();

$ingest->start;
$ingest->faults();
$t->run;
my $p = $t->wait_status(sub { $_->{adopted} == $n }, timeout => 20);
ok($p, 'the next start sends it');
$load->stop;
account($ingest, [$load], name => 'ends', duplicates => 1);
at_rest($t, name => 'ends');
is(spooled(), 0, 'the spool is empty');

$t->done;
