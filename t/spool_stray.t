#!/usr/bin/perl

# Spool files of a project that has another name by now, or no spool: they are
# not sent, and the log says so at each start and reload, until somebody sees to
# them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $dir    = $t->dir . '/spool';
my $at     = 0;

sub conf ($name, %o) {
    my $conf = lifecycle(project => {gzip => 'off', shutdown_timeout => '1s', %o});
    return $t->conf($conf =~ s/mixtrack_project \{/mixtrack_project $name {/r);
}

# how often the log said it since the last time, and of how many files
sub said ($sub) {
    my @n = substr($t->error_log, $at) =~ /\[warn\].*mixtrack: ([0-9]+) files in "\Q$dir\E\/$sub" belong to no project/g;
    $at = length $t->error_log;
    return "@n";
}

conf('')->run;
my $load = $t->load(count => 300, rate => 2000);
$load->wait;
ok($t->stop, 'TERM in an outage');
my $n = spool_files($t);
cmp_ok($n, '>=', 1, 'there are files');
is(said('default'), '', 'of a project');

$ingest->start;
conf('web')->run;
is(said('default'), $n, 'the project has another name: the log says so');
ok($t->reload(drained => 1), 'a reload');
is(said('default'), $n, 'and says it again');
is(scalar(spool_files($t)), $n, 'they are still there');
ok($t->stop, 'TERM');

conf('', spool => 'off')->run;
is(said('default'), $n, 'it has no spool: the log says so');
is($t->test_config->{rc}, 0, 'nginx -t');
is(said('default'), '', 'and does not');
ok($t->stop, 'TERM');

# not directories of files of ours
mkdir "$dir/other";
mkdir "$dir/.default";
symlink 'default', "$dir/link";
rename $_->{file}, "$dir/.default/$_->{name}" for (spool_files($t))[0];

conf('', spool => 'off')->run;
is(said('[^"]*'), $n - 1 || '', 'nothing is said of others');
ok($t->stop, 'TERM');
rename $_->{file}, "$dir/default/$_->{name}" for spool_files($t, '.default', "$dir/.default");

conf('')->run;
is(said('default'), '', 'as it was: nothing to say');
account($ingest, [$load], name => 'as it was');
is(at_rest($t)->{adopted}, 300, 'and they are sent');
is(scalar(spool_files($t)), 0, 'all of them');

$t->done;
