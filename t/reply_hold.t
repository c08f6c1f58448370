#!/usr/bin/perl

# What only an operator can put right: 401, 403, and batches that are all
# refused.  The project is on hold: nothing is given up, it is hardly asked,
# one line says what to do, and after a reload that puts it right all is
# delivered at once.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Lifecycle qw(spool_files);
use Mixtrack::Nginx;
use Mixtrack::Reply;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $import = $t->ingest(8);

sub conf ($secret) {
    # far longer than the test: what comes in time comes by the reload
    my %slow = (retry => 'min=100ms max=300s jitter=0ms-20ms', shutdown_timeout => '2s');
    my %fast = (shutdown_timeout => '2s');

    return replies({},
        account => {
            %slow,
            api             => 'import',
            endpoint        => '%%IMPORT_8%%',
            service_account => "robot $secret 77",
        },
        r401    => {%slow},
        r403    => {%fast, batch => 'interval=50ms events=50', zone => '2m'},
        refused => {%slow, batch => 'interval=50ms events=50'},
        suspect => {%fast, batch => 'interval=50ms events=8'},
    );
}
$t->conf(conf('wrong'))->run;

$import->auth(user => 'robot', password => 'right', project_id => '77');
$ingest->faults(
    {path => '^/r401$', status => 401, body => '{"status":0,"error":"no such token"}'},
    {path => '^/r403$', status => 403},
    {path => '^/(?:refused|suspect)$', status => 400, body => '{"status":0,"error":"not like this"}'},
);

my %code = (account => 401, r401 => 401, r403 => 403, refused => 400, suspect => 400);
my $from = 0;
my %load = map {
    ($from += 100_000) && ($_ => $t->load(from => $from, count => $_ eq 'r403' ? 4500 : 1500, connections => 2,
        rate => $_ eq 'r403' ? 1000 : 500, uri => "/$_?seq=%d"))
} sort keys %code;

sub asked ($p) { $p->{requests}{'4xx'} + $p->{requests}{'2xx'} }

# the posts of one, and of nobody else
sub posts_of ($name) { $name eq 'account' ? $import->posts('/import') : $ingest->posts("/$name") }

# ---- on hold

for my $name (sort keys %code) {
    my $p = $t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => $name, timeout => 10);
    ok($p, "$name: on hold");
    like($p->{last_error} // '', qr/^$code{$name}/, "$name: the reason is told");
}
ok(wait_until(sub { !grep { $load{$_}->progress < 600 } keys %load }, 10), 'requests are served all the while');

my %then = %{$t->status->{projects}};
ok($t->reload(drained => 1), 'a reload that changes nothing');
for my $name (sort keys %code) {
    is($t->status($name)->{gate}{state}, 'hold', "$name: is still on hold after it");
}
$_->wait for values %load;
ok($t->wait_status(sub { $_->{spooled} > 0 }, project => 'r403'), 'r403: what the memory has no room for is spooled');
cmp_ok(scalar(spool_files($t, 'r403')), '>', 0, 'r403: in files');

# the reload is one probe, or what a new configuration may try
for my $name (sort keys %code) {
    ok($t->wait_status(sub { asked($_) > asked($then{$name}) }, project => $name), "$name: asked by the reload");
}

my $status = $t->status;
$t->identity_ok($status, 'on hold: the identity holds');
for my $name (sort keys %code) {
    my $p = $status->{projects}{$name};

    is($p->{gate}{state}, 'hold', "$name: on hold");
    cmp_ok($p->{gate}{down_ms}, '>', 0, "$name: for some time");
    is($p->{delivered}, 0, "$name: nothing is delivered");
    is($p->{rejected} + $p->{expired} + Mixtrack::Nginx::dropped($p), 0, "$name: nothing is given up");
    is($p->{tracked}, scalar(@{$load{$name}->wait->{served}}), "$name: all is tracked");
    is(scalar($t->rejected($name)), 0, "$name: and nothing is in the file of the rejected");

    my $more = asked($p) - asked($then{$name});
    cmp_ok($more, '<=', 3, "$name: and hardly more") if $name !~ /r403|suspect/;
}

# those that are tried at 400 ms: no more than that
for my $name (qw(r403 suspect)) {
    my @at = map { $_->{time} } posts_of($name);
    ok(wait_until(sub { posts_of($name) >= @at + 2 }, 10), "$name: it is tried now and then");
    @at = map { $_->{time} } posts_of($name);
    my @quick = grep { $at[$_] - $at[$_ - 1] < 0.35 } @at - 2 .. $#at;
    is(scalar(@quick), 0, "$name: at the longest delay");
}

# ---- what is said of it

for my $name (sort keys %code) {
    my @errors = grep { $_->{level} eq 'error' } lines($t, $name);

    is(scalar(@errors), 1, "$name: it is an error, and its probes are none");
    is(join("\n", grep { $_->{text} !~ /delivery is on hold, events are kept; check / } @errors), '',
        "$name: that says what to do");
    is(join("\n", grep { $_->{text} !~ /\($code{$name}\b/ } @errors), '', "$name: and why");
    is(once_a_second(lines($t, $name)), '', "$name: once a second at most, with a count");
}
unlike($t->error_log, qr/right|wrong/, 'no secret is in the log');

# ---- put right: two by themselves, three by a reload

# If a probe were halved like a batch that has a bad event, this is when
# single events were refused, which the first success would have rejected.
my $probes = posts_of('suspect');
wait_until(sub { my @at = posts_of('suspect'); grep { $_->{events} == 1 } @at[$probes .. $#at] }, 4);
cmp_ok(scalar(posts_of('suspect')), '>', $probes, 'suspect: it is still tried');

$ingest->faults();

for my $name (qw(r403 suspect)) {
    my $p = fate($t, $ingest, $name, [$load{$name}], timeout => 30);
    is($p->{rejected}, 0, "$name: well again, all is delivered, and nothing rejected");
    is($p->{gate}{state}, 'open', "$name: the gate is open");
}
for my $name (qw(account r401 refused)) {
    is($t->status($name)->{gate}{state}, 'hold', "$name: on hold until the reload");
}

$t->conf(conf('right'));
my $begin = time;
ok($t->reload, 'a reload that puts it right');

for my $name (qw(account r401 refused)) {
    my $p = fate($t, $name eq 'account' ? $import : $ingest, $name, [$load{$name}],
        timeout => 30, path => $name eq 'account' ? '/import' : "/$name");
    is($p->{rejected}, 0, "$name: all is delivered, and nothing rejected");
    is($p->{gate}{state}, 'open', "$name: the gate is open");
    is($p->{gate}{failures}, 0, "$name: without a failure");
    is($p->{gate}{down_ms}, 0, "$name: and not down any more");
}
cmp_ok(time - $begin, '<', 250, 'long before a probe was due');

for my $name (sort keys %code) {
    my @notice = grep { $_->{level} eq 'notice' && $_->{text} =~ /^posts succeed again after \d+ ms/ } lines($t, $name);
    is(scalar(@notice), 1, "$name: the log tells of the end of it, once");
}

# what was refused before it was on hold: at most three batches, to the last
# of the posts that a batch may cost
for my $name (qw(refused suspect)) {
    my @before = grep { $_->{status} == 400 } posts_of($name);
    cmp_ok(scalar(@before), '>=', 3, "$name: more than one batch was refused");
}
cmp_ok(scalar(grep { $_->{status} == 400 } posts_of('refused')), '<=', 3 * 22, 'refused: by few posts');
is($import->stats->{why}{auth}, scalar(grep { $_->{status} == 401 } posts_of('account')), 'account: it was the secret');

$t->done;
