#!/usr/bin/perl

# On hold because the endpoint, or the token, is not the right one, and put
# right by a reload: what is in memory goes where the new configuration says,
# also what the flusher that is replaced had in its hands.  And of replies that
# take their time a reload makes no second event.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $wrong  = $t->ingest(8);

sub conf (%project) {
    return $t->conf(lifecycle(project => {
        batch => 'interval=100ms',
        retry => 'min=100ms max=300ms jitter=0ms-10ms',
        %project,
    }));
}

# every probe takes another batch, and each begins and ends within a segment
sub held ($name, $from, %project) {
    my $load = $t->load(from => $from, count => 5000, rate => 1e6);
    $load->wait;
    ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' && $_->{requests}{'4xx'} >= 8 }), "$name: on hold, and asked");
    is($t->status('default')->{delivered}, 0, "$name: nothing is delivered");

    conf(%project);
    ok($t->reload, "$name: a reload puts it right");
    account($ingest, [$load], name => $name);
    my $p = at_rest($t, name => $name);
    is($p->{spooled}, 0, "$name: nothing has gone to disk");
    is($p->{spool}{foreign} // 0, 0, "$name: nor is anything another destination's");
    ok($t->quit, "$name: QUIT");
    $ingest->reset;
    $wrong->reset;
}

# ---- another region

$wrong->faults({status => 403, body => '{"error":"wrong region"}'});
conf(endpoint => '%%INGEST_8%%');
$t->run;
held('endpoint', 100_001);

# ---- another token

my %import = (api => 'import', endpoint => '%%IMPORT_9%%');
$ingest->auth(user => 'GOOD');
conf(%import, token => 'WRONG');
$t->run;
held('token', 200_001, %import, token => 'GOOD');

# ---- slow replies, many batches of a segment

$ingest->faults({delay => 900});
conf(batch => 'interval=50ms events=20', connections => 2);
$t->run;
my $load = $t->load(from => 300_001, count => 400, rate => 1e6);
$load->wait;
ok($t->wait_status(sub { $_->{delivered} }), 'slow: on their way');
ok($t->reload(drained => 1), 'slow: a reload');
ok($t->status('default')->{delivered} < 400, 'slow: in the middle');
$ingest->faults();
account($ingest, [$load], name => 'slow');
my $p = at_rest($t, name => 'slow');
is($p->{spooled}, 0, 'slow: nothing has gone to disk');

$t->done;
