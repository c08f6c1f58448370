#!/usr/bin/perl

# A HUP that nginx refuses, early (it cannot be parsed, a zone is too small)
# or late (an address cannot be bound, when the zones have been gone through
# already): the same processes go on as if nothing had been.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $good   = lifecycle();

$t->conf($good)->run;
$t->allow(qr/\[emerg\]/);

my %bad = (
    'no such directive' => lifecycle(http => 'mixtrack_nothing on;'),
    'no token'          => lifecycle(project => {token => undef}),
    'zone too small'    => lifecycle(workers => 16),
    'spool in nowhere'  => lifecycle(http => 'mixtrack_spool_path %%TESTDIR%%/no/where;'),
    'address in use'    => lifecycle(http => 'server { listen 127.0.0.1:%%PORT_9%%; }'),
    'address in use, larger zone' => lifecycle(
        project  => {zone => '8m'},
        projects => 'mixtrack_project other { token O; endpoint %%INGEST_9%%; zone 2m; }',
        http     => 'server { listen 127.0.0.1:%%PORT_9%%; }',
        hit      => 'mixtrack hit project=other; return 200;',
    ),
);
$bad{'zone too small'} =~ s/zone 4m/zone 2m/;

my $pids = join ' ', sort { $a <=> $b } $t->workers, $t->flushers;

$ingest->faults({delay => 100});
my $load = $t->load(count => 10000, rate => 1000);
ok($load->wait_served(200), 'requests are served');

for my $name (sort keys %bad) {
    my $at = length $t->error_log;

    $t->conf($bad{$name});
    ok(!$t->reload, "$name: a reload is refused");

    # the late ones try again for two seconds and more
    $name =~ /address/
        ? ok(wait_until(sub { substr($t->error_log, $at) =~ /still could not bind/ }), "$name: late")
        : unlike(substr($t->error_log, $at), qr/bind\(\)/, "$name: early");

    my $served = $load->progress;
    ok($load->wait_served($served + 200), "$name: requests go on");
    my $delivered = $t->status('default')->{delivered};
    ok($t->wait_status(sub { $_->{delivered} > $delivered }), "$name: and are delivered");
    is(join(' ', sort { $a <=> $b } $t->workers, $t->flushers), $pids, "$name: by the same processes");
    ok(!$t->draining, "$name: and no others");
}

$t->conf($good);
ok($t->reload(drained => 1), 'the good one is accepted');
ok($load->wait_served($load->progress + 200), 'and serves');
ok($load->running, 'requests all the while');
$load->stop;

account($ingest, [$load]);
my $p = at_rest($t);
is($p->{tracked}, scalar(@{$load->wait->{served}}) + surplus(), 'the zone has been the same all the while');
is($p->{spooled}, 0, 'nothing was spooled');

sub surplus {
    my $n = 0;
    $n += $_ - 1 for values %{$ingest->seqs};
    return $n;
}

# ---- the same where the zone is the first of its kind: at the start

ok($t->quit, 'QUIT');
for my $name (grep { !/larger/ } sort keys %bad) {
    $t->conf($bad{$name});
    my ($rc) = $t->_nginx(20, '-c', $t->dir . '/nginx.conf', '-e', $t->dir . '/error.log');
    isnt($rc, 0, "$name: nginx does not start");
    is($t->tree, '', "$name: and leaves no process");
}
is(scalar(spool_files($t)), 0, 'nor a file');

$t->conf($good)->run;
$t->done;
