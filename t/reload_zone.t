#!/usr/bin/perl

# HUP with a larger and with a smaller zone, one that removes a project and
# one that adds it back: the old zone is another one, with workers and a
# flusher of its own until the last of its events is delivered.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $backend = $t->backend(8);

my ($slow, @slow);

# zone, and whether the other project is there
sub config ($zone, $other) {
    my $slow = 'proxy_pass http://127.0.0.1:%%PORT_8%%;';

    return $t->conf(lifecycle(
        project  => {zone => $zone, shutdown_timeout => '1s'},
        projects => $other
            ? 'mixtrack_project other { token O; endpoint %%INGEST_9%%; zone 1m; batch interval=300ms; }'
            : '',
        hit    => 'mixtrack hit project=default; return 200 "ok\n";',
        server => join "\n",
            $other
            ? ('location = /other { mixtrack other project=other; return 200 "ok\n"; }',
               "location = /slow-other { mixtrack slow project=other; $slow }")
            : 'location = /other { return 204; }',
            "location = /slow { mixtrack slow project=default; $slow }",
    ) =~ s/mixtrack_project \{/mixtrack_project default {/r);
}

sub slow ($uri, $seq) {
    push @slow, $seq;
    $slow = $t->send("GET $uri?seq=$seq HTTP/1.0\r\n\r\n");
    like($backend->hold, qr/seq=$seq/, 'a slow request');
}

sub late ($name) {
    $backend->release;
    like($t->read($slow), qr/late$/, "$name: the slow request is answered");
    ok(wait_until(sub { !$t->draining && 1 == (my @f = $t->flushers) }, 10),
        "$name: the old workers and their flusher leave");
}

sub segments { $t->status('default')->{segments}{total} }

# the last line a flusher of this zone said
sub left ($project) { (grep { $_->{project} eq $project } left_lines($t))[-1] // {} }

config('2m', 1)->run;
$ingest->faults({delay => 100});

my $load  = $t->load(count => 9000, rate => 1000);
my $other = $t->load(from => 20001, count => 2400, rate => 400, uri => '/other?seq=%d', connections => 4);
ok($load->wait_served(500), 'requests are served');

# ---- larger

my $total = segments();
slow('/slow', 900001);

config('6m', 1);
ok($t->reload, 'larger: a reload');
cmp_ok(segments(), '>', 2 * $total, 'larger: the zone is larger');
is(scalar($t->flushers), 2, 'larger: the old flusher waits for the slow request');
ok($load->wait_served($load->progress + 500), 'larger: requests');
late('larger');
is(left('default')->{delivered}, left('default')->{tracked}, 'larger: the old zone is empty');

# ---- smaller

slow('/slow', 900002);
config('2m', 1);
ok($t->reload, 'smaller: a reload');
is(segments(), $total, 'smaller: the zone is smaller');
ok($load->wait_served($load->progress + 500), 'smaller: requests');
late('smaller');
is(left('default')->{delivered}, left('default')->{tracked}, 'smaller: the old zone is empty');

# ---- one project removed, the other goes on

slow('/slow-other', 900003);
config('2m', 0);
ok($t->reload, 'removed: a reload');
is_deeply([keys %{$t->status->{projects}}], ['default'], 'removed: it is not there');
ok($load->wait_served($load->progress + 500), 'removed: requests');
late('removed');
is(left('other')->{delivered}, left('other')->{tracked}, 'removed: its zone is empty');

# ---- added back

my $delivered = $t->status('default')->{delivered};
config('2m', 1);
ok($t->reload(drained => 1), 'added: a reload');
cmp_ok($t->status('default')->{delivered}, '>=', $delivered, 'added: the zone of the other is the same');
$t->get("/other?seq=$_") for 30001 .. 30010;

ok($load->running, 'requests all the while');
$load->wait;
my $by = $other->wait->{by_status};
cmp_ok(scalar(@{$by->{200}}), '>', 100, 'some were served with the project');
cmp_ok(scalar(@{$by->{204}}), '>', 100, 'and some without');

account($ingest, [$load, [@slow], $by->{200}, [30001 .. 30010]]);
at_rest($t);
at_rest($t, project => 'other');

my %ambiguous = map { $_ => 1 } @{$other->wait->{ambiguous}};
my $seqs = $ingest->seqs;
is(join(' ', grep { $seqs->{$_} && !$ambiguous{$_} } @{$by->{204}}), '', 'no events without it');
is(scalar(grep { $_->{spooled} || $_->{queued} || $_->{in_flight} } left_lines($t)), 0, 'nobody left anything');

# ---- larger while the endpoint is not there: the old zone goes by the spool

$ingest->kill;
$load = $t->load(from => 40001, count => 2000, rate => 1000);
ok($load->wait_served(700), 'down: requests');
my ($old) = $t->flushers;
config('6m', 1);
ok($t->reload, 'down: a reload with a larger zone');
ok($t->wait_gone([$old], 15), 'down: the old flusher leaves');
my $spooled = 0;
$spooled += $_->{events} for spool_files($t);
cmp_ok($spooled, '>=', 500, 'down: its zone is in the spool');
is(left('default')->{spooled}, $spooled, 'down: all of it');
is(left('default')->{queued} + left('default')->{in_flight}, 0, 'down: it is empty');

$ingest->start;
$ingest->faults();
$load->wait;
account($ingest, [$load], name => 'down');
my $p = at_rest($t, name => 'down', timeout => 30);
is($p->{adopted}, $spooled, 'down: the new flusher has sent the spool');

# ---- nothing of ours any more, and again

$t->conf(lifecycle(hit => 'return 204;') =~ s/^\s*(?:mixtrack_project.*|location = .status.*|mixtrack_spool.*)\n//gmr
    =~ s/location = .status.*//r);
$load = $t->load(from => 50001, count => 3000, rate => 1000);
ok($load->wait_served(200), 'nothing: requests');
$t->signal('HUP');
ok(wait_until(sub { !$t->flushers }, 15), 'nothing: no flusher is wanted');
ok($load->wait_served($load->progress + 200), 'nothing: requests');
config('2m', 1);
ok($t->reload(drained => 1), 'again');
$by = $load->wait->{by_status};
ok($by->{204}, 'some were served without');

account($ingest, [$by->{200}], name => 'again');
at_rest($t, name => 'again');

$t->done;
