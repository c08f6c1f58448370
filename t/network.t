#!/usr/bin/perl

# The network between us and the endpoint is broken: in each way, and with a
# reload in the middle, requests are served as before, posts are few, and in
# the end every event was delivered.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Breakage;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;

# more than the buffers of a connection take: see below
use constant EVENTS => 300;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $narrow = $t->ingest(8, rcvbuf => 4096);
my $n      = 500000;
my $fill   = join ' ', map {"mixtrack_property p$_ \$arg_fill;"} 1 .. 60;

$t->conf(breakable(
    project  => {timeout => 'connect=300ms total=1s'},
    projects => <<'END',
    mixtrack_project big {
        token B; endpoint %%INGEST_8%%; zone 16m; gzip off; connections 1; batch interval=200ms bytes=9m;
        retry min=100ms max=400ms jitter=0ms-20ms; timeout connect=2s total=20s;
    }
END
    hit    => 'mixtrack hit project=default; return 200 "ok\n";',
    server => "location = /big { $fill mixtrack big project=big; return 200; }",
) =~ s/mixtrack_project \{/mixtrack_project default {/r)->run;

# A fault that the ingest plays to each post, and has really played.
sub played ($name, $fault, %o) {
    breakage($t, $ingest, $name,
        break => sub { $ingest->faults($fault) },
        heal  => sub { $ingest->faults },
        %o);
    my $n = grep { $_->{fault} } $ingest->posts;
    cmp_ok($n, '>=', 2, "$name: the ingest has done it");
}

# ---- there is nobody

breakage($t, $ingest, 'refused',
    break      => sub { $ingest->kill },
    heal       => sub { $ingest->start },
    why        => qr/Failed to connect to 127\.0\.0\.1 port \d+/,
    duplicates => 1);

my $hole;
breakage($t, $ingest, 'black hole',
    break      => sub { $ingest->kill; $hole = $t->hole(9, 'full') },
    heal       => sub { $hole->stop; $ingest->start },
    why        => qr/Failed to connect to 127\.0\.0\.1 port \d+ .*[Tt]ime/,
    duplicates => 1);

# ---- it breaks off

played('closed', {close => 1}, why => qr/Empty reply/);
played('reset', {reset => 'sending'}, why => qr/reset by peer/);
played('reset in the reply', {reset => 'reply', accept => 1}, why => qr/reset by peer/, duplicates => 1);

# ---- it does not end

played('no reply', {hang => 1}, why => qr/timed out/);
played('a byte each 100 ms', {drip => 100}, why => qr/timed out/, duplicates => 1);

# ---- reset while the body is sent

# One whole batch; what became of its posts.  It is larger than the real one
# takes, which the ingest knows: but a smaller one would be in the buffers,
# and sent as far as anybody can see.
sub big ($name, $times) {
    my $from = $n += 1000;
    my $before = $t->status('big');

    $narrow->reset->faults({reset => 'sending', times => $times});
    my $load = $t->load(from => $from, count => EVENTS, rate => 10000, uri => '/big?seq=%d&fill=' . 'x' x 250);
    ok($t->wait_status(sub { $_->{gate}{failures} }, project => 'big'), "$name: the flusher sees it");
    ok($t->reload, "$name: a reload meanwhile") if $times > 3;

    account($narrow, [$load], name => $name);
    my $p = at_rest($t, name => $name, project => 'big');
    is($p->{delivered} - $before->{delivered}, EVENTS, "$name: delivered");

    my @posts = $narrow->posts;
    is(scalar(grep { $_->{fault} eq 'reset' } @posts), $times, "$name: the ingest has done it so often");
    is(scalar(grep { $_->{fault} eq 'reset' && $_->{wire} > 2_000_000 } @posts), 0, "$name: early");
    return @posts;
}

my @posts = big('reset once', 1);
cmp_ok(scalar(@posts), '<=', 4, 'reset once: a post more');
@posts = big('reset three times', 3);
cmp_ok(scalar(@posts), '<=', 6, 'reset three times: few more');

# libcurl sends once more by itself what dies on a connection it had used
# before, so three resets are two or three failures to us.  The third of a
# flusher halves: one that leaves after two takes with it what it has learned,
# and the next one has three again.
@posts = big('reset seven times', 7);
my ($most) = sort { $b <=> $a } map { $_->{events} } @posts;
cmp_ok($most, '<=', EVENTS / 2, 'reset seven times: then it is halved');
$narrow->reset;

# Nobody has answered, however often it was: that is an outage, and nothing of it
# is the batch's fault.
my $at     = length $t->error_log;
my $before = $t->status('big');
$narrow->faults({reset => 'sending'});
my $load = $t->load(from => 900_001, count => EVENTS, rate => 10000, uri => '/big?seq=%d&fill=' . 'x' x 250);
my ($failures, $down, @less) = (0, 0);
ok($t->wait_status(sub {
    my $gate = $_->{gate};
    push @less, "$gate->{failures} after $failures" if $gate->{failures} < $failures;
    push @less, "$gate->{down_ms} ms after $down"   if $gate->{down_ms} < $down;
    ($failures, $down) = @$gate{qw(failures down_ms)};
    return $failures >= 11;
}, project => 'big', timeout => 30), 'reset for ever: failures are counted');
is(join(', ', @less), '', 'reset for ever: all in a row');
$narrow->faults();
account($narrow, [$load], name => 'reset for ever');
my $end = at_rest($t, name => 'reset for ever', project => 'big');
is($end->{rejected}, $before->{rejected}, 'reset for ever: nothing is rejected');

my $log = substr $t->error_log, $at;
unlike($log, qr/"big": (?:the endpoint answers again|a post of \d+ events is refused)/, 'reset for ever: nobody has answered');
my @over = $log =~ /"big": posts succeed again after (\d+) ms/g;
is(scalar(@over), 1, 'reset for ever: and then it is over, once');
cmp_ok($over[0] // 0, '>=', $down, 'reset for ever: all of it');

$t->done;
