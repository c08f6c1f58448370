#!/usr/bin/perl

# Clocks: max_age, in memory and in spool files, and a clock that is set an
# hour back and forth while events wait: nothing expires before its time or
# is lost, nothing waits for longer, and what is old stays old.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Clock;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until spew json_encode);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $dir    = $t->dir . '/spool/default';

my %project = (
    zone    => '4m',
    batch   => 'interval=50ms events=100',
    retry   => 'min=100ms max=400ms jitter=0ms-20ms',
    timeout => 'connect=1s total=5s',
    gzip    => 'off',
);

sub conf ($max_age, %more) {
    return $t->conf(lifecycle(project => {%project, max_age => $max_age, %more}));
}

# These numbers and no others are given up, each once, for this reason.
sub expired ($name, $seconds, @seqs) {
    my @rejected = $t->rejected;
    my @there    = sort { $a <=> $b } $t->rejected_seqs;

    is("@there", join(' ', sort { $a <=> $b } @seqs), "$name: the rejected file has each of them, once");
    is(scalar(grep { $_->{reason} ne "older than max_age, ${seconds}s" } @rejected), 0, "$name: with the reason");
    is($t->status('default')->{expired}, scalar(@seqs), "$name: they are counted as expired");
    is(scalar(grep { $ingest->seqs->{$_} } @seqs), 0, "$name: and were not sent");
    like($t->error_log, qr/\[error\].*mixtrack.*\d+ events expired, older than max_age, ${seconds}s/, "$name: the log says so");
}

# these are there, once, and nothing is left
sub delivered ($name, @seqs) {
    ok($t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{spool}{files} }, timeout => 20), "$name: at rest");
    is(join(' ', ($ingest->missing(@seqs))), '', "$name: the others are delivered");
    is($ingest->stats->{duplicates}, 0, "$name: none twice");
    $t->identity_ok($t->status, "$name: the identity holds");
}

sub again {
    ok($t->quit, 'QUIT');
    unlink glob "$dir/rejected-*";
    $ingest->reset;
}

# ---- in memory

conf('2s')->run;
$ingest->faults({status => 503});
my $load = $t->load(count => 300, rate => 2000);
ok($load->wait_served(300), 'memory: requests');
ok($t->reload(drained => 1), 'memory: a reload');
ok($t->wait_status(sub { $_->{expired} == 300 }), 'memory: all are too old in the end');
cmp_ok($ingest->stats->{posts}, '>', 1, 'memory: they were tried');
expired('memory', 2, 1 .. 300);
$ingest->faults();
my $young = $t->load(from => 1001, count => 200, rate => 2000);
$young->wait;
delivered('memory', 1001 .. 1200);

# ---- in the spool: by hand, of events of an hour and of a minute ago

$ingest->faults({status => 503});
$t->load(from => 2001, count => 1, rate => 100)->wait;
ok($t->stop, 'TERM');
my ($model) = spool_files($t);
my ($like)  = spooled_events($model);
unlink $model->{file};
again();

my $seq = 0;

sub file (%age) {
    my $now = int(time * 1000);
    my $oldest = 0;
    my @events;

    for my $n (sort keys %age) {
        push @events, {%$like, properties => {
            %{$like->{properties}},
            '$insert_id'   => "by-hand-$n",
            '$current_url' => "http://localhost/hit?seq=$n",
            time           => $now - $age{$n} * 1000,
        }};
        $oldest = $age{$n} if $age{$n} > $oldest;
    }
    my $name = sprintf '%013d-%d-%013d-%s-%08x-%s.json', $now, scalar @events, $now - 1000 * $oldest, 'f' x 16, $seq++,
        $model->{destination};
    spew("$dir/.hand", json_encode(\@events));
    chown((stat $dir)[4, 5], "$dir/.hand") if $> == 0;
    rename "$dir/.hand", "$dir/$name" or die "$name: $!\n";
}

file(map { $_ => $_ % 3 ? 60 : 3700 } 3001 .. 3100);
file(map { $_ => 3700 } 3101 .. 3110);
file(map { $_ => 60 } 3111 .. 3120);
conf('1h')->run;

my @old = grep { $_ > 3100 || !($_ % 3) } 3001 .. 3110;
delivered('spool', grep { $_ % 3 } 3001 .. 3100);
delivered('spool', 3111 .. 3120);
expired('spool', 3600, @old);
is($t->status('default')->{adopted}, 120, 'spool: all are adopted');
is($ingest->stats->{posts}, 2, 'spool: of the file that is too old as a whole there is no post');
again();

# ---- the clock is set

my $clock = Mixtrack::Clock->new($t);
my $step  = sub ($by) { ok($clock->step($by), "the clock is set to $by") };

conf('118h', zone => '1m');
$clock->run;

# in an outage, with a part of it in the spool
$ingest->faults({status => 503});
$load = $t->load(from => 4001, count => 100000, rate => 600);
for my $by ('-3600', '+0', '+3600', '-3600', '+0') {
    $step->($by);
    my $posts = $ingest->stats->{posts};
    ok($ingest->wait_posts($posts + 3, 10), "$by: the retries go on");
    ok($t->reload, "$by: a reload") if $by eq '+3600';
}
ok($t->wait_status(sub { $_->{spool}{files} }), 'some are in the spool');
$ingest->faults();
ok($t->wait_status(sub { $_->{delivered} > 1000 }), 'and they are delivered');
$step->('-3600');
$step->('+0');
$load->stop;
account($ingest, [$load], name => 'clock');
my $p = at_rest($t, name => 'clock');
is($p->{expired}, 0, 'clock: nothing expired');
again();

# old and young in one batch
conf('1h');
$clock->run;
$ingest->faults({status => 503});
$t->load(from => 500001, count => 60, rate => 2000)->wait;
$step->('+3000');
$t->load(from => 500101, count => 60, rate => 2000)->wait;
$step->('+4200');
# counted when all of their segment is decided
ok(wait_until(sub { $t->rejected_seqs == 60 }, 15), 'forth: what is too old expires');
$ingest->faults();
delivered('forth', 500101 .. 500160);
expired('forth', 3600, 500001 .. 500060);
again();

# a clock that is set back makes nothing young
$clock->set('+0');
conf('2s');
$clock->run;
$ingest->faults({status => 503});
$t->load(from => 500201, count => 100, rate => 2000)->wait;
$step->('-3600');
ok($t->wait_status(sub { $_->{expired} == 100 }), 'back: what waited for too long expires');
$ingest->faults();
$t->load(from => 500301, count => 100, rate => 2000)->wait;
delivered('back', 500301 .. 500400);
expired('back', 2, 500201 .. 500300);

$t->done;
