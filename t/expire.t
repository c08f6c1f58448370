#!/usr/bin/perl

# How events expire.  Of a spool file whose events are by turns too old and not
# the old ones go to the rejected file in one write, however many runs of them
# there are, for each write is an fsync() in the event loop; the others are
# sent.  And they are in that file even if its directory was removed.

use v5.36;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp spew);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);

$t->conf(lifecycle(workers => 1, project => {gzip => 'off', max_age => '1h', shutdown_timeout => '1s'}))->run;

my $load = $t->load(count => 400, rate => 4000);
$load->wait;
ok($t->stop, 'TERM in an outage');

my (%old, $n);
for my $file (spool_files($t)) {
    my $text = slurp($file->{file});
    my $i    = 0;
    $text =~ s/("time":)([0-9]+)/$1 . ($i++ % 2 ? $2 : $2 - 7200 * ($2 > 1e11 ? 1000 : 1))/ge;
    is($i, $file->{events}, 'each event has a time');
    spew($file->{file}, $text);
    chmod 0644, $file->{file};
    $old{$file->{name}} = int(($i + 1) / 2);
    $n += $old{$file->{name}};

    # its name tells the oldest
    my $name = $file->{name} =~ s/^([0-9]+-[0-9]+)-([0-9]+)/"$1-" . ($2 - 7200000)/er;
    rename $file->{file}, $file->{file} =~ s/\Q$file->{name}\E\z/$name/r or die "$name: $!\n";
}
my ($most) = sort { $b <=> $a } values %old;
cmp_ok($most, '>=', 50, 'a file with many runs');

$ingest->start;
$t->run;
ok($t->wait_status(sub { $_->{adopted} == 400 }, timeout => 20), 'the files are adopted');

my $p = $t->status('default');
is($p->{expired},   $n,       'every other event expires');
is($p->{delivered}, 400 - $n, 'the others are delivered');
is($ingest->stats->{distinct}, 400 - $n, 'and nothing else was sent');

my @rejected = map { split /\n/, slurp($_) } glob $t->dir . '/spool/default/rejected-*.ndjson';
is(scalar(grep {/"reason":"older than max_age, 3600s"/} @rejected), $n, 'the old ones are in the rejected file');

# one line a second, of what one write has
my ($said) = $t->error_log =~ /\[error\].*project "default": ([0-9]+) events expired, older than max_age/;
ok((grep { $_ == $said } values %old), "those of a file at once: $said");

# ---- in an outage, and the directory was removed since it was last used

ok($t->stop, 'TERM');
$ingest->kill;
remove_tree($t->dir . '/spool/default');
$t->conf(lifecycle(workers => 1, project => {zone => '1m', gzip => 'off', max_age => '2s', retry => 'min=60s max=60s'}))
    ->run;

$load = $t->load(from => 10001, count => 300, rate => 4000);
$load->wait;
ok($t->wait_status(sub { $_->{gate}{down_ms} > 3500 }), 'events become old in an outage');
is($t->status('default')->{expired}, 0, 'and are not looked at');

remove_tree($t->dir . '/spool/default');
$load = $t->load(from => 20001, count => 2500, rate => 4000);
$load->wait;
ok($t->wait_status(sub { $_->{spooled} }, timeout => 20), 'the queue is half full');
$p = $t->status('default');
cmp_ok($p->{expired}, '>=', 300, 'they expire');
@rejected = map { split /\n/, slurp($_) } glob $t->dir . '/spool/default/rejected-*.ndjson';
cmp_ok(scalar(@rejected), '>=', $p->{expired}, 'each of them is in the rejected file');
is(scalar(() = $t->error_log =~ /rejected events could not be written/g), 0, 'and nothing failed');

$t->done;
