#!/usr/bin/perl

# proxy_cache has a manager of its own in the process that the flusher lives
# in, and a loader that is none: both work as they would without the other.

use v5.36;

use File::Find ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time sleep);

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $dir    = $t->dir;

# responses of 8 KB; the manager first looks when it starts, and then when
# the oldest is due to be forgotten, at most ten seconds later
$t->conf(lifecycle(
    http => <<'END',
    proxy_cache_path %%TESTDIR%%/cache keys_zone=cache:1m max_size=400k inactive=30s;
    proxy_cache_path %%TESTDIR%%/brief keys_zone=brief:1m inactive=1s;
    proxy_cache_valid 200 1h;
    proxy_cache_key $request_uri;
    server {
        listen 127.0.0.1:%%PORT_1%%;
        location / { mixtrack off; root %%TESTDIR%%; try_files /body =404; }
    }
END
    hit    => 'mixtrack hit; proxy_cache cache; proxy_pass http://127.0.0.1:%%PORT_1%%;',
    server => 'location = /brief { mixtrack brief; proxy_cache brief; proxy_pass http://127.0.0.1:%%PORT_1%%; }',
));
$t->write_file('body', 'x' x 8192);

# nginx says so when a request takes longer than "inactive"
$t->allow(qr/ignore long locked inactive cache entry/);
$t->run;

sub cached ($name) {
    my ($n, $bytes) = (0, 0);
    File::Find::find({no_chdir => 1, wanted => sub { if (-f $_) { $n++; $bytes += -s _ // 0 } }}, "$dir/$name");
    return ($n, $bytes);
}

ok(wait_until(sub { grep { $_->{title} =~ /cache loader/ } $t->processes }, 5), 'there is a loader');
is(scalar($t->flushers), 1, 'and one manager');
is_deeply($t->status('default')->{processes}, {workers => 2, flushers => 1}, 'which is the flusher, and the loader is none');
my $flusher = $t->flusher;

my $load  = $t->load(count => 4000, rate => 300);
my $brief = $t->load(from => 20001, count => 100, rate => 500, uri => '/brief?seq=%d', connections => 2);
$brief->wait;
my $begin = time;
is((cached('brief'))[0], 100, 'a hundred responses are cached briefly');

# ---- their work is done, and ours is not disturbed

my ($peak, $left) = (0, 0);
ok(wait_until(sub {
    sleep 0.2;
    $left = (cached('cache'))[1];
    $peak = $left if $left > $peak;
    return $peak > 1024 * 1024 && $left < $peak / 3;
}, 20), 'nginx removes what is too much') or diag("$left of $peak bytes are left");

ok(wait_until(sub { (cached('brief'))[0] == 0 }, 10), 'and what is cached briefly');
cmp_ok(time - $begin, '<', 15 * patience(), 'in time');

$load->wait;
is($t->flusher, $flusher, 'by the same process');
ok($t->wait_status(sub { $_->{queued} == 0 }), 'which delivers');

my @time = map { $_->{time} } $ingest->posts;
my ($gap) = sort { $b <=> $a } map { $time[$_] - $time[$_ - 1] } 1 .. $#time;
cmp_ok($gap, '<', 1.5 * patience(), 'without a pause');

account($ingest, [$load, $brief]);
at_rest($t);

# ---- a reload: another manager, at once

$load = $t->load(from => 30001, count => 1500, rate => 1000);
ok($load->wait_served(500), 'requests');
ok($t->reload(drained => 1), 'a reload');
ok(wait_until(sub { (cached('cache'))[1] < 500 * 1024 }, 15), 'what is too much is removed');
account($ingest, [$load], name => 'reload');
at_rest($t, name => 'reload');
is_deeply($t->status('default')->{processes}, {workers => 2, flushers => 1}, 'reload: one flusher');

# ---- and without a spool directory of ours to manage

$t->conf($t->{conf} =~ s/token T;/token T; spool off;/r);
$load = $t->load(from => 40001, count => 1500, rate => 1000);
ok($load->wait_served(300), 'requests');
ok($t->reload(drained => 1), 'a reload with spool off');
account($ingest, [$load], name => 'spool off');
at_rest($t, name => 'spool off');
is_deeply($t->status('default')->{processes}, {workers => 2, flushers => 1}, 'spool off: one flusher');

$t->done;
