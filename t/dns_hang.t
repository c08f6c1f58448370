#!/usr/bin/perl

# The usual outage of the DNS: the resolver does not say no, it says nothing.
# Only the posts to that name wait for it: requests are served, other projects
# deliver, and reload, quit and stop take no longer than they may.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Lifecycle qw(account at_rest spool_files);
use Mixtrack::Reply qw(replies);
use Mixtrack::Util qw(spew);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $name   = 'hangs.test';
my $hangs  = $t->dir . '/hangs';
my $lib    = $t->dir . '/resolver.so';

is(system($ENV{CC} // 'cc', qw(-O1 -D_GNU_SOURCE -fPIC -shared -o), $lib, $t->root . '/t/lib/resolver.c', '-ldl'), 0,
    'the resolver builds')
    or BAIL_OUT('no resolver');
chmod 0755, $lib;

# a sanitizer's library wants to be the first of all
sub run {
    my ($asan) = `ldd '$t->{binary}'` =~ m{=> (\S*/lib[act]\w*san\S*)};

    local $ENV{LD_PRELOAD} = join ' ', grep {$_} $asan, $lib;
    local @ENV{qw(RESOLVER_NAME RESOLVER_HANGS)} = ($name, $hangs);
    $t->run;
}

my %project = (timeout => 'connect=500ms total=20s', shutdown_timeout => '1s');

$t->conf(replies({},
    lost => {%project, endpoint => "http://$name:%%PORT_9%%/lost"},
    well => {%project},
));

my $n = 0;
my %seqs = (lost => [], well => []);

# so many requests for each, which are served
sub hits ($count) {
    for my $project (sort keys %seqs) {
        for (1 .. $count) {
            like($t->get("/$project?seq=" . ++$n), qr{^HTTP/1\.1 200 }, "a request is served: $project");
            push @{$seqs{$project}}, $n;
        }
    }
}

# The resolver is asked, and given up again; the others deliver meanwhile.
sub hanging ($when) {
    my ($errors, $delivered) = map { $t->status($_->[0])->{$_->[1]} } [lost => 'requests'], [well => 'delivered'];
    $errors = $errors->{error};

    hits(5);
    ok($t->wait_status(sub { $_->{delivered} >= $delivered + 5 }, project => 'well'), "$when: the other project delivers");
    my $p = $t->wait_status(sub { $_->{requests}{error} >= $errors + 2 }, project => 'lost');
    ok($p, "$when: posts fail in time");
    like($p->{last_error} // '', qr/Resolving timed out/, "$when: the reason is told");
    is($p->{delivered}, 0, "$when: nothing is delivered to it");
}

spew($hangs, '');
run();

SKIP: {
    skip 'this libcurl cannot but wait', 1 if $t->error_log =~ /this libcurl blocks while names do not resolve/;

    hanging('at the start');
    ok($t->wait_log(qr/\[warn\].* project "lost": a post failed: \S+ Resolving timed out after \d+ milli/), 'the log says so');

    ok($t->reload(drained => 1), 'a reload');
    hanging('after the reload');

    ok($t->quit(timeout => 15), 'QUIT');
    is(files(), 10, 'QUIT: all of it is in the spool');

    run();
    hanging('started again');
    ok($t->stop(timeout => 15), 'TERM');
    is(files(), 15, 'TERM: all of it is in the spool');
    unlike($t->error_log, qr/exited on signal/, 'nobody had to be killed');

    run();
    hanging('once more');
    unlink $hangs;

    account($ingest, [map { $seqs{$_} } sort keys %seqs], name => 'in the end');
    at_rest($t, name => "in the end, $_", project => $_) for sort keys %seqs;
    is(scalar(spool_files($t, 'lost')), 0, 'the spool is empty');
}

# the events in files of the one that hangs
sub files {
    my $events = 0;
    $events += $_->{events} // 0 for spool_files($t, 'lost');
    return $events;
}

$t->done;
