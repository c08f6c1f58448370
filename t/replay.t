#!/usr/bin/perl

# docs/operations.md, Replay: each command there does what it says, as it
# stands but for the host and what is written in capitals.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp wait_until lacks);

for my $tool (qw(bash jq curl split zcat)) {
    plan skip_all => lacks("no $tool") if system("command -v $tool >/dev/null") != 0;
}

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $replay = $t->ingest(8);
my $dir    = $t->dir . '/spool/default';

# ---- the commands, by what they are

my ($text) = slurp($t->root . '/docs/operations.md') =~ /^## Replay\n(.*?)^## /ms;
my @block  = $text =~ /^```sh\n(.*?)^```/msg;
my %used;

# the one that all of these match
sub command (@re) {
    my @found = grep { my $b = $_; @re == grep { $block[$b] =~ $_ } @re } 0 .. $#block;
    is(scalar(@found), 1, "one command matches @re") or die "@found\n";
    $used{$found[0]} = 1;
    return $block[$found[0]];
}

# run as an operator would; its output and what it said beside
sub run ($command, %capitals) {
    my $host = $replay->url;
    my @hosts = $command =~ m{https://([^/]+)}g;

    $command =~ s{https://api\.mixpanel\.com/}{$host/}g;
    $command =~ s/\b\Q$_\E\b/$capitals{$_}/g for keys %capitals;
    my $left = join ' ', $command =~ /\b[A-Z]{4,}[A-Z_]*\b/g;
    is($left, '', 'every name is given');
    unlike($command, qr{https:}, 'and the host');

    $t->write_file('command', $command);
    my $out = qx(cd $dir && bash @{[$t->dir]}/command 2>@{[$t->dir]}/command.err);
    return ($out, slurp($t->dir . '/command.err'), $? >> 8);
}

# These came, and what was said is that it is well.
sub came ($name, $out, $err, @seqs) {
    is($err, '', "$name: no complaint");
    is(join(' ', $replay->missing(@seqs)), '', "$name: all of it came");
    is($replay->stats->{distinct}, scalar(@seqs), "$name: and nothing else");
    is(scalar(grep { $_->{status} != 200 && !$_->{fault} } $replay->posts), 0, "$name: each post is taken");
}

# ---- what there is to replay: spool files, and events that are too old

$t->conf(lifecycle(project => {
    zone    => '8m',
    batch   => 'interval=100ms events=100',
    retry   => 'min=100ms max=400ms jitter=0ms-20ms',
    max_age => '1s',
}))->run;

$ingest->faults({status => 503});
my $old = $t->load(count => 2500, rate => 3000);
$old->wait;
ok($t->wait_status(sub { $t->rejected == 2500 && $_->{expired} == 2500 }), 'events are rejected');
ok($t->quit, 'QUIT');
$t->conf($t->{conf} =~ s/max_age 1s/max_age 118h/r)->run;
$t->load(from => 10001, count => 350, rate => 3000)->wait;
ok($t->stop, 'TERM');

my @files = grep { $_->{events} } spool_files($t);
cmp_ok(scalar(@files), '>=', 4, 'and others are in the spool');
my %seqs = map { my $f = $_; $f->{name} => [map { $_->{properties}{'$current_url'} =~ /seq=(\d+)/ } spooled_events($f)] }
    @files;

# ---- to read them

my $first = $files[0];
my $name  = $first->{name} =~ s/\.json\.gz\z//r;

my ($out, $err) = run(command(qr/zcat/, qr/jq \.$/m), FILE => $name);
is(scalar(() = $out =~ /^    "event": "hit"/mg), $first->{events}, 'zcat | jq shows the events');
($out, $err) = run(command(qr/zcat/, qr/uniq/), FILE => $name);
like($out, qr/^ *$first->{events} hit$/, 'and counts them');
($out, $err) = run(command(qr/jq -r \.reason/));
like($out, qr/^ *2500 older than max_age, 1s$/, 'the reasons');

# ---- a file, twice

my $send = command(qr/--data-binary \@FILE/, qr{/track});
for (1, 2) {
    ($out, $err) = run($send, FILE => $name);
    came("a file, $_", $out, $err, @{$seqs{$first->{name}}});
    like($out, qr/"status": ?1\b/, 'with the reply that is told');
}
is($replay->stats->{duplicates}, $first->{events}, 'twice: it came twice');
is(scalar(@{$replay->stats->{differing}}), 0, 'and is the same');

# ---- of /import, by account and by token

for my $who (['SECRET:', {user => 'svc', password => 's3cret', project_id => '123'}], ['TOKEN:', {user => 'T', password => ''}]) {
    my ($what, $auth) = @$who;
    my $re = $what eq 'TOKEN:' ? qr/TOKEN:/ : qr/:SECRET/;
    my %capitals = (FILE => $name, NAME => 'svc', SECRET => 's3cret', PROJECT_ID => 123, YOUR_PROJECT_TOKEN => 'T');

    $replay->reset;
    $replay->auth(%$auth);
    ($out, $err) = run(command($re, qr/FILE/, qr{/import}), %capitals);
    came("/import, $what", $out, $err, @{$seqs{$first->{name}}});
    like($out, qr/"num_records_imported": ?$first->{events}\b/, "/import, $what all of it is taken");

    $replay->reset;
    $replay->auth(%$auth);
    ($out, $err) = run(command($re, qr/rejected/, qr{/import}), %capitals);
    came("rejected by /import, $what", $out, $err, 1 .. 2500);
    is(join(' ', sort { $a <=> $b } map { $_->{events} } $replay->posts), '500 2000', 'in batches of 2000');
}

# ---- rejected ones by /track; one is not known

open my $fh, '>>', (glob "$dir/rejected-*.ndjson")[0] or die "$!\n";
print {$fh} qq({"time":1,"reason":"test","event":null}\n);
close $fh;

$replay->reset;
($out, $err) = run(command(qr/rejected/, qr/split/, qr{/track}));
came('rejected', $out, $err, 1 .. 2500);
is(scalar(() = $out =~ /"status": ?1\b/g), 2, 'rejected: a reply for each batch');

# what is said of the first jq
my ($some) = $text =~ /`'(select\(.*?)'`/s;
$t->write_file('filter', $some);
is(scalar(split /\n/, qx(jq -c -f @{[$t->dir]}/filter $dir/rejected-*.ndjson)), 2500, 'some of them only');
my ($mend) = $text =~ /`'(\.event \| values \|\s+\.properties.*?)'`/s;
$t->write_file('filter', $mend);
is(scalar(grep {/"plan":"free"/} split /\n/, qx(jq -c -f @{[$t->dir]}/filter $dir/rejected-*.ndjson)), 2500, 'mended ones');

# ---- all files: those that are not taken stay

$replay->reset;
$replay->faults({times => 1, status => 503}, {times => 1, body => '{"status":0,"error":"no"}'}, {times => 1, close => 1});
my $all = command(qr/for file/);
($out, $err) = run($all);
is(scalar(() = $out =~ /^kept: /mg), 3, 'all: those that are not taken are told');
is(join(' ', map { $_->{name} } spool_files($t, 'default')) =~ s/ ?rejected\S*//r,
    join(' ', map { $_->{name} } @files[0 .. 2]), 'all: and are still there');
($out, $err) = run($all);
came('all', $out, $err, 10001 .. 10350);
is(scalar(grep { $_->{events} } spool_files($t)), 0, 'all: then none is left');

is(join("\n", map { $block[$_] } grep { !$used{$_} } 0 .. $#block), '', 'every command was tried');

# what it had to say of posts that are not the module's
$replay->reset;
$t->done;
