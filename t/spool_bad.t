#!/usr/bin/perl

# What may lie in the spool under the name of a batch and is none: torn,
# tampered with, a bomb, another destination's, no file at all.  It is set
# aside or left alone, told of once, counted, and in nobody's way: nginx
# starts, serves, and delivers the other files.

use v5.36;

use Compress::Raw::Zlib qw(WANT_GZIP Z_FINISH);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp spew);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $dir    = $t->dir . '/spool/default';

$t->conf(lifecycle(project => {
    zone    => '1m',
    batch   => 'interval=50ms events=100',
    retry   => 'min=100ms max=400ms jitter=0ms-20ms',
    timeout => 'connect=1s total=5s',
}))->run;

sub gzip (@pieces) {
    my ($z) = Compress::Raw::Zlib::Deflate->new(-WindowBits => WANT_GZIP, -AppendOutput => 1);
    my $out = '';
    $z->deflate($_, $out) for @pieces;
    $z->flush($out, Z_FINISH);
    return $out;
}

my $load = $t->load(count => 1000, rate => 2000);
$load->wait;
ok($t->stop(timeout => 10), 'TERM, and the endpoint is not there');
my @good = spool_files($t);
cmp_ok(scalar(@good), '>=', 10, 'there are files');

# ---- names like theirs: as old as the first, of a writer that is nobody

my $model = $good[0];
my $seq   = 0;

sub name ($events = $model->{events}, $destination = $model->{destination}) {
    return sprintf '%s-%d-%s-%s-%08x-%s.json.gz', $model->{created}, $events, $model->{oldest}, 'f' x 16, $seq++,
        $destination;
}

my $whole = slurp($model->{file});
my $event = '{"event":"e","properties":{"token":"T","$insert_id":"bad-1","time":1,"distinct_id":""}}';

sub flip ($text, $at) { substr($text, $at, 1) ^.= "\x55"; $text }

# a name, what is in it, and why it is no good
my @bad = (
    [name(), substr($whole, 0, length($whole) / 2),   'torn'],
    [name(), substr($whole, 0, 5),                    'torn in its head'],
    [name(), "$whole trailing garbage",               'garbage behind it'],
    [name(), $whole . $whole,                         'twice'],
    [name(), flip($whole, length($whole) - 6),        'a checksum that is wrong'],
    [name($model->{events} + 1), $whole,              'a name that tells of more events'],
    [name($model->{events} - 1), $whole,              'a name that tells of less'],
    [name(1), gzip('[', (' ' x 1e6) x 64, ']'),       'a bomb'],
    [name(1), gzip('[' x 1e6),                        'a deep one'],
    [name(1), gzip($event),                           'no array'],
    [name(1), gzip("[$event"),                        'an array without an end'],
    [name(1), gzip('["a word"]'),                     'no events'],
    [name(),  '',                                     'nothing'],
    [name(),  "no gzip\n",                            'no gzip'],
    [name() =~ s/\.gz\z//r, $whole,                   'gzip that does not say so'],
);

my $foreign = name($model->{events}, '0123456789abcdef');
my $folder  = name();
my $link    = name();

sub put ($name, $text) {
    spew("$dir/.put", $text);
    chown((stat $model->{file})[4, 5], "$dir/.put") if $> == 0;
    rename "$dir/.put", "$dir/$name" or die "$name: $!\n";
}

spew($t->dir . '/elsewhere.json.gz', $whole);
chmod 0644, $t->dir . '/elsewhere.json.gz';

# the last of them comes later
my $later = pop @bad;
put(@$_[0, 1]) for @bad;
put($foreign, $whole);
mkdir "$dir/$folder";
symlink $t->dir . '/elsewhere.json.gz', "$dir/$link";

# names that are not ours, and one that is nobody's business
my @strange = ('hello.txt', 'junk.gz', name() =~ s/^[0-9]/x/r, name() =~ s/^[0-9]//r);
put($_, $whole) for @strange, '.hidden';

# ---- it starts, serves, delivers

my $at = length $t->error_log;
$ingest->start;
$t->run;

my $live = $t->load(from => 10001, count => 1000, rate => 500);
ok($live->wait_served(100), 'it starts and serves');
ok($t->wait_status(sub { $_->{spool}{bad} == @bad }, timeout => 20), 'what is bad is set aside, and counted')
    or diag(join "\n", map { $_->{name} } spool_files($t));
ok($t->reload(drained => 1), 'a reload');

account($ingest, [$load, $live]);
my $p = at_rest($t);
is($p->{adopted}, 1000, 'of what is bad nothing is adopted');
is($ingest->stats->{distinct}, 2000, 'and nothing was sent');

for (@bad, [$foreign, $whole, 'another destination']) {
    my ($name, $text, $what) = @$_;
    my $file = $name eq $foreign ? "$dir/$name" : "$dir/$name.bad";
    ok(-f $file && slurp($file) eq $text, "$what: it is there as it was");
}
ok(-d "$dir/$folder", 'a directory is left alone');
ok(-l "$dir/$link" && -f $t->dir . '/elsewhere.json.gz', 'a link is left alone');
ok(-f "$dir/$_" && slurp("$dir/$_") eq $whole, "$_ is left alone") for @strange;
is(scalar(spool_files($t)), @bad + 3 + @strange + 1, 'nothing else is left');

$p = $t->status('default');
is($p->{spool}{bad},     scalar(@bad), 'spool.bad, after the reload, too');
is($p->{spool}{foreign}, 1,            'spool.foreign');
is($p->{spool}{strange}, @strange + 2, 'spool.strange: those names, the directory and the link');
is($p->{spool}{files},   0,            'spool.files');
is($p->{spool}{errors},  scalar(@bad), 'spool.errors: each of them once');

# ---- the log: those of one second in one line

my $log = substr $t->error_log, $at;
cmp_ok(scalar(() = $log =~ /\[error\].*spool file "[^"]*" (?:is set aside: \w|cannot be read)/g), '>=', 1, 'the log says so');
is(scalar(() = $log =~ /\[warn\].*files of the spool are of another destination/g), 2,
    'also of another destination, at the start and at the reload');
is(scalar(() = $log =~ /\[warn\].*project "default": @{[@strange + 2]} entries of the spool's directory are no files/g), 2,
    'and of what is not ours');
unlike($log, qr/\Q$link\E|\Q$folder\E/, 'what is no file is not named');

# ---- one that comes later

$at = length $t->error_log;
my ($name, $text, $what) = @$later;
put($name, $text);
ok($t->wait_status(sub { $_->{spool}{bad} == @bad + 1 }), "$what: later, and it is set aside");
$live = $t->load(from => 20001, count => 300, rate => 200);
account($ingest, [$live], name => 'later');
$log = substr $t->error_log, $at;
is(scalar(() = $log =~ /\[error\].*spool file "\Q$name\E" is set aside: \w/g), 1, 'the log names it, once');
is(scalar(() = $log =~ /\[(?:error|warn)\].*mixtrack/g), 1, 'and says nothing else');
is($t->status('default')->{spool}{errors}, @bad + 1, 'spool.errors');

# ---- something strange that comes later

$at = length $t->error_log;
spew("$dir/more.txt", '');
ok($t->wait_status(sub { $_->{spool}{strange} == @strange + 3 }), 'one more is counted');
ok($t->wait_log(qr/\[warn\].*@{[@strange + 3]} entries of the spool's directory/), 'and told of');
unlink "$dir/more.txt";
ok($t->wait_status(sub { $_->{spool}{strange} == @strange + 2 }), 'one less is counted');

# ---- more than it keeps the names of, none of which may be read

SKIP: {
    skip 'root may do anything', 1 if $> == 0 && !$t->{user};

    my ($owner, $group) = (stat $dir)[4, 5];
    my $n     = 1100;
    my $older = sub { name() =~ s/^([0-9]+)/$1 - 1000/er };

    my $locked = sub ($owner, $name) {
        for (1 .. $n) {
            my $file = "$dir/" . $older->();
            spew("$dir/.put", $whole);
            chmod 0, "$dir/.put";
            chown $owner, $group, "$dir/.put" if $> == 0;
            rename "$dir/.put", $file or die "$file: $!\n";
        }
        spew("$dir/.put", $whole);
        chown $owner == 0 ? (stat $t->dir . '/spool')[4, 5] : ($owner, $group), "$dir/.put" if $> == 0;
        rename "$dir/.put", "$dir/" . name();
    };

    my $before = $t->status('default');
    $locked->($owner, 'unreadable');
    ok($t->wait_status(sub { $_->{adopted} == $before->{adopted} + $model->{events} }, timeout => 20),
        'unreadable files hide no other one');
    ok($t->wait_status(sub { $_->{spool}{bad} == $before->{spool}{bad} + $n }), 'they are set aside');
    is($t->status('default')->{spool}{errors}, $before->{spool}{errors} + $n, 'spool.errors: each of them once');
    like($t->error_log, qr/\[error\].*spool file "[^"]*" cannot be read, it is set aside.*Permission denied/,
        'the log says so');

    skip 'only root may give them away', 1 if $> != 0;

    chown 0, 0, $dir;
    chmod 01777, $dir;
    $before = $t->status('default');
    $locked->(0, 'neither');
    ok($t->wait_status(sub { $_->{adopted} == $before->{adopted} + $model->{events} }, timeout => 20),
        'those that cannot be set aside, either, hide no other one');
    $live = $t->load(from => 30001, count => 1500, rate => 500);
    account($ingest, [$live], name => 'neither', duplicates => 1);
    my $errors = $t->status('default')->{spool}{errors};
    cmp_ok($errors, '<=', $before->{spool}{errors} + $n, 'spool.errors: each of them once');
    $at   = length $t->error_log;
    $live = $t->load(from => 40001, count => 1500, rate => 500);
    account($ingest, [$live], name => 'neither, later', duplicates => 1);
    is($t->status('default')->{spool}{errors}, $errors, 'spool.errors: and no more');
    unlike(substr($t->error_log, $at), qr/spool file/, 'and the log says no more');
    is($t->status('default')->{spool}{bad}, $before->{spool}{bad}, 'spool.bad');

    chown $owner, $group, $dir;
    chmod 0700, $dir;
    ok($t->wait_status(sub { $_->{spool}{bad} == $before->{spool}{bad} + $n }, timeout => 20),
        'they are set aside when that is allowed');
}

$t->done;
