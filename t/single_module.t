#!/usr/bin/perl

# master_process off, and a reload that drops the module, or adds it.  nginx
# calls nothing of a module that is dropped, and unmaps its zones: no timer and
# no request of an old connection may touch them then.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode);

my $t = Mixtrack::Nginx->new;

if ($t->{module} eq 'static') {
    plan skip_all => 'a module that is linked in cannot be dropped';
}

my $ingest = $t->ingest(9);

$SIG{PIPE} = 'IGNORE';

sub with { $t->conf(lifecycle(main => 'master_process off;', hit => 'mixtrack hit; return 200 "ok\n";')) }

sub without {
    my $conf = $t->expand(<<'EOF2');
%%GLOBALS%%
master_process off;
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /hit { return 200 "ok\n"; }
    }
}
EOF2
    $conf =~ s/^load_module \Q$t->{module}\E;\n//m or die "no load_module\n";
    $conf =~ s/^mixtrack_spool_path .*\n//m;
    return $t->conf($conf);
}

# nginx cannot accept a connection after a reload, see t/single.t
my $kept;

sub get ($uri) {
    syswrite $kept, "GET $uri HTTP/1.1\r\nHost: localhost\r\n\r\n";
    return $t->read($kept, one => 1);
}

sub projects {
    my ($json) = get('/status') =~ /\r\n\r\n(.*)/s or return 'no answer';
    return join ' ', keys %{json_decode($json)->{projects}};
}

sub events ($file) { my $n = 0; $n += $_->{events} // 0 for @$file; return $n }

# ---- it is added, and finds what an earlier start has left

$ingest->kill;
with()->run;
my $load = $t->load(count => 300, rate => 1e6);
$load->wait;
ok($t->stop(timeout => 10), 'TERM, and the endpoint is not there');
is(events([spool_files($t)]), 300, 'all is in the spool');

$ingest->start;
without()->run;
my $pid = $t->master;
$kept = $t->send('');
like(get('/hit'), qr/ok/, 'without the module');

with();
ok($t->reload, 'a reload adds it');
account($ingest, [$load], name => 'added', duplicates => 1);
is(scalar($t->master), $pid, 'the process lives');
like(get('/hit'), qr/ok/, 'and answers');
close $kept;
ok($t->quit(timeout => 10), 'QUIT');
is((left_lines($t))[-1]{delivered}, 300, 'the flusher has delivered');

# ---- it is dropped, with events in the queue, in batches and on their way

$ingest->faults({hang => 1});
with()->run;
$pid  = $t->master;
$kept = $t->send('');
$load = $t->load(from => 1001, count => 3000, rate => 1e6);
$load->wait;
ok($t->wait_status(sub { $_->{requests}{in_flight} }), 'posts are on their way');
is(projects(), 'default', 'the status is answered');

without();
ok($t->reload, 'a reload drops it');
like(get('/hit?seq=1'), qr/ok/, 'an old connection is served');
ok($t->wait_log(qr/project "default": a reload without a master has removed the module/), 'the log says so');
is(projects(), '', 'there is no project any more');
like(get("/hit?seq=$_"), qr/ok/, 'it is served') for 2 .. 3;
is(scalar($t->master), $pid, 'the process lives');

# ---- and added again, with the code where it was

$ingest->faults();
with();
ok($t->reload, 'a reload adds it again');
like(get("/hit?seq=$_"), qr/ok/, 'it is served') for 4 .. 5;
is(scalar($t->master), $pid, 'the process lives');

# perhaps no timer expires in between
without();
ok($t->reload, 'a reload drops it');
with();
ok($t->reload, 'and the next one adds it');
like(get('/hit?seq=6'), qr/ok/, 'it is served');
is(scalar($t->master), $pid, 'the process lives');
close $kept;

my $left = left_lines($t);
ok($t->quit(timeout => 10), 'QUIT');
cmp_ok(scalar(left_lines($t)), '>', $left, 'the flusher was there');

$t->done;
