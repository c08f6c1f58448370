#!/usr/bin/perl

# Spool files that cannot be removed, while the endpoint is well: none is sent
# more than once, live events are delivered, and when the directory is well
# again, so is the spool.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $dir    = $t->dir . '/spool/default';
my $from   = 1;
my $at     = 0;

plan skip_all => 'root may do anything' if $> == 0 && !$t->{user};

sub conf (%o) {
    return lifecycle(project => {
        zone             => '1m',
        batch            => 'interval=50ms events=100',
        retry            => 'min=100ms max=400ms jitter=0ms-20ms',
        timeout          => 'connect=1s total=5s',
        shutdown_timeout => '1s',
        gzip             => 'off',
        %o,
    });
}

sub load ($count, $rate) {
    my $load = $t->load(from => $from, count => $count, rate => $rate);
    $from += 10000;
    return $load;
}

sub status { $t->status('default') }
sub files { scalar grep { $_->{events} } spool_files($t) }
sub mark { $at = length $t->error_log }
sub said ($re) { scalar(() = substr($t->error_log, $at) =~ /$re/g) }

# The files of an outage, and a start with the endpoint there; what is done
# between.
sub outage ($count, $fault) {
    $ingest->kill;
    my $load = load($count, 2000);
    $load->wait;
    ok($t->stop(timeout => 10), 'TERM in an outage');
    my $files = files();
    mark();
    $ingest->start;
    $fault->();
    $t->run;
    return ($load, $files);
}

# the directory is looked at each second, and this is longer
sub live { load(1500, 500) }

# ---- it cannot be written to

$t->conf(conf())->run;

my ($spooled, $files) = outage(300, sub { chmod 0500, $dir });
account($ingest, [live()], name => 'read-only, live events');

is(files(), $files, 'read-only: no file is gone');
is(status()->{adopted}, 0, 'read-only: none is sent');
is(status()->{spool}{files}, $files, 'read-only: spool.files');
is(status()->{spool}{errors}, 1, 'read-only: spool.errors');
is(said(qr/\[error\].*spool files could not be removed, none is sent.*Permission denied/), 1,
    'read-only: the log says so, once');

chmod 0700, $dir;
account($ingest, [$spooled], name => 'read-only');
ok(wait_until(sub { !files() }, 10), 'read-only: the spool is empty');
is(at_rest($t, name => 'read-only')->{adopted}, 300, 'read-only: each event is adopted once');
is(status()->{spool}{files}, 0, 'read-only: spool.files');

# ---- it can, until files are on their way

$ingest->reset;
($spooled, $files) = outage(300, sub { $ingest->faults({delay => 1000}) });
ok($t->wait_status(sub { $_->{requests}{in_flight} }), 'in flight: a file is');
chmod 0500, $dir;
ok($t->wait_status(sub { $_->{adopted} }), 'in flight: it is delivered');
$ingest->faults();
account($ingest, [live()], name => 'in flight, live events');
my $n = status()->{adopted};
cmp_ok(files(), '>', 0, 'in flight: it is still there');
is(status()->{adopted}, $n, 'in flight: and none is sent');
is(status()->{spool}{files}, files(), 'in flight: spool.files');
is(said(qr/\[error\].*a delivered spool file could not be removed.*Permission denied/), 1,
    'in flight: the log says so, once');

chmod 0700, $dir;
account($ingest, [$spooled], name => 'in flight');
ok(wait_until(sub { !files() }, 10), 'in flight: the spool is empty');
is(at_rest($t, name => 'in flight')->{adopted}, 300, 'in flight: each event is adopted once');
ok($t->wait_status(sub { !$_->{spool}{files} }), 'in flight: spool.files');

# ---- the mode does not tell: files that are somebody else's, where only he
# may remove them

SKIP: {
    skip 'only root may give them away', 1 if $> != 0;

    $ingest->reset;
    my ($owner, $group) = (stat $dir)[4, 5];
    ($spooled) = outage(300, sub { $ingest->faults({delay => 1000}) });
    ok($t->wait_status(sub { $_->{requests}{in_flight} }), 'sticky: a file is in flight');
    for (spool_files($t)) {
        chown 0, 0, $_->{file};
        chmod 0644, $_->{file};
    }
    chown 0, 0, $dir;
    chmod 01777, $dir;
    $files = files();
    $ingest->faults();

    account($ingest, [$spooled, live()], name => 'sticky');
    is(at_rest($t, name => 'sticky')->{adopted}, 300, 'sticky: each event is adopted once');
    is(files(), $files, 'sticky: the files are still there');
    is(status()->{spool}{files}, $files, 'sticky: spool.files');
    is(status()->{spool}{errors}, $files, 'sticky: spool.errors');

    chown $owner, $group, $dir;
    chmod 0700, $dir;
    ok(wait_until(sub { !files() }, 10), 'sticky: the spool is empty');
    ok($t->wait_status(sub { !$_->{spool}{files} }), 'sticky: spool.files');
    is($ingest->stats->{duplicates}, 0, 'sticky: none came twice');
}

# ---- it is full, too

ok($t->stop, 'TERM');
$ingest->reset->kill;
$t->conf(conf(spool => '64k'))->run;

load(4000, 4000)->wait;
ok($t->wait_status(sub { $_->{expired} }, timeout => 20), 'full: the oldest events expire');
load(2000, 4000)->wait;
ok($t->wait_status(sub { 2 * $_->{segments}{used} <= $_->{segments}{total} }, timeout => 20), 'full: it is written to');
ok(wait_until(sub { status()->{spool}{files} == files() }, 10), 'full: spool.files');

chmod 0500, $dir;
$files = files();
mark();
$n = status()->{expired};
my $errors = status()->{spool}{errors};
load(3000, 4000)->wait;
ok($t->wait_status(sub { $_->{spool}{errors} >= $errors + 2 }, timeout => 20), 'full and read-only: spool.errors');
is(status()->{expired}, $n, 'full and read-only: nothing that is there expires');
is(files(), $files, 'full and read-only: all of it is there');
is(status()->{spool}{files}, $files, 'full and read-only: spool.files');
is(said(qr/events of "[^"]*" are expired/), 0, 'full and read-only: nor does the log say so');

chmod 0700, $dir;
ok($t->wait_status(sub { $_->{expired} > $n }, timeout => 20), 'full: it goes on');
$ingest->start;
ok($t->wait_status(sub { !$_->{queued} && !$_->{in_flight} && !$_->{spool}{files} }, timeout => 20),
    'full: all is delivered');
is($ingest->stats->{duplicates}, 0, 'full: nothing twice');
$t->identity_ok($t->status, 'full: the identity holds');

$t->done;
