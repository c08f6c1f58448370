#!/usr/bin/perl

# The mock ingest by itself, through plain HTTP: each fault of its script and
# each of its rules once, so that nobody has to look for its errors through
# nginx.

use v5.36;

use Compress::Zlib ();
use Errno qw(ECONNRESET EPIPE);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::HTTP ();
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode json_encode patience slurp wait_until);

my $t      = Mixtrack::Nginx->new(module => 0);
my $ingest = $t->ingest(9);
my $good   = '{"error":null,"status":1}';
my $broken = qr/^(?:@{[ECONNRESET]}|@{[EPIPE]})\z/;

# an event as the module writes it, but for what is given: undef is absent
sub event ($seq, %more) {
    my %p = (
        token          => 'T',
        time           => int(time * 1000),
        '$insert_id'   => sprintf('%032x', $seq),
        distinct_id    => '',
        ip             => '0',
        '$current_url' => "http://localhost/?seq=$seq",
        %more,
    );
    delete @p{grep { !defined $p{$_} } keys %p};
    return {event => 'hit', properties => \%p};
}

# a post as it goes over the wire
sub bytes ($path, $events, %o) {
    my $body = ref $events ? json_encode($events) : $events;
    my $head = join '', map {"$_: $o{headers}{$_}\r\n"} sort keys %{$o{headers} // {}};

    return "POST $path HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n$head\r\n$body";
}

# Sends it and reads what comes: {status, head, body, error, took}.  Reads at
# most limit bytes, and so long.
sub answer ($bytes, %o) {
    local $SIG{PIPE} = 'IGNORE';

    my $begin = time;
    my $s     = Mixtrack::HTTP::http_connect(port => $t->port($o{port} // 9));
    my $sel   = IO::Select->new($s);
    my ($got, $error) = ('', '');

    $s->blocking(0);
    while (length $bytes) {
        last if !$sel->can_write(10 * patience());
        my $n = syswrite $s, $bytes;
        $error = $! + 0, last if !defined $n && !$!{EAGAIN};
        substr $bytes, 0, $n // 0, '';
    }
    while (length $got < ($o{limit} // 1e9)) {
        $error = 'timeout', last if !$sel->can_read(($o{timeout} // 10) * patience());
        my $n = sysread $s, $got, 65536, length $got;
        next if !defined $n && $!{EAGAIN};
        $error ||= $! + 0 if !defined $n;
        last if !$n;
    }

    my ($head, $body) = $got =~ /^(HTTP.*?\r\n)\r\n(.*)/s;
    my ($status) = ($head // '') =~ /^\S+ (\d+)/;

    return {
        got    => $got,
        status => $status // 0,
        head   => $head // '',
        body   => $body // '',
        error  => $error,
        took   => time - $begin,
    };
}

my $seq = 0;

# a good event through a fault: what came, and the post as it was recorded
sub faulty ($fault, %o) {
    $ingest->faults({times => 1, %$fault});
    my $n = $ingest->stats->{posts};
    my $r = answer(bytes('/track?ip=0&verbose=1', $o{events} // [event(++$seq)]), %o);
    $ingest->wait_posts($n + 1);
    my $post = ($ingest->posts)[$n];
    return ($r, $post);
}

# ---- well

my ($r, $post) = faulty({});
is($r->{status}, 200, 'a post is answered');
is($r->{body}, $good, 'with a verdict');
is("$post->{status} $post->{events} $post->{accepted} '$post->{fault}'", "200 1 1 ''", 'and recorded');

# ---- the script: answers

($r, $post) = faulty({status => 500});
is("$r->{status} $r->{body}", '500 {"error":"scripted","status":0}', 'status');
is("$post->{accepted} $post->{fault}", '0 status', 'status: not accepted');

($r, $post) = faulty({status => 200, body => '1', accept => 1, headers => {'X-Y' => 'z'}});
is("$r->{status} $r->{body} $post->{accepted}", '200 1 1', 'body, and it is accepted');
like($r->{head}, qr/^X-Y: z\r$/m, 'headers');

($r, $post) = faulty({redirect => 'http://localhost/elsewhere'});
is("$r->{status} $post->{status} $post->{accepted}", '302 302 0', 'redirect');
like($r->{head}, qr{^Location: http://localhost/elsewhere\r$}m, 'redirect: Location');

($r, $post) = faulty({large => 100_000});
is(length $r->{body}, 100_000, 'large');
is($r->{body} =~ s/ +\z//r . $post->{accepted}, "${good}1", 'large: the verdict, and blanks behind it');
($r, $post) = faulty({large => 70_000, front => 1});
is(length($r->{body}) . ' ' . $r->{body} =~ s/^ +//r, "70000 $good", 'large: or before it');

($r, $post) = faulty({garbage => 1});
is("$r->{head}$post->{accepted}", '0', 'garbage is no HTTP');
cmp_ok(length $r->{got}, '>', 1000, 'garbage: but a lot');
($r) = faulty({garbage => "SSH-2.0-x\r\n"});
is($r->{got}, "SSH-2.0-x\r\n", 'garbage: as it is given');

# ---- the script: how it is answered

($r, $post) = faulty({delay => 300});
cmp_ok($r->{took}, '>=', 0.3, 'delay');
is("$r->{body}$post->{accepted}", "${good}1", 'delay: and the verdict');

($r, $post) = faulty({hang => 1}, timeout => 0.2);
is("$r->{error}$r->{got}$post->{accepted}", 'timeout0', 'hang');

($r, $post) = faulty({close => 1});
is("$r->{error}$r->{got}$post->{accepted}", '0', 'close');

($r, $post) = faulty({drip => 5});
is("$r->{status} $r->{body} $post->{accepted}", "200 $good 1", 'drip');
cmp_ok($r->{took}, '>=', 0.005 * (length($r->{got}) - 1), 'drip: byte by byte');

($r, $post) = faulty({endless => 1}, limit => 200_000);
like($r->{body}, qr/^\Q$good\E +\z/, 'endless');
is($post->{accepted}, 1, 'endless: accepted');
unlike($r->{head}, qr/Content-Length/, 'endless: no length');

($r, $post) = faulty({length => 10});
like($r->{head}, qr/^Content-Length: 35\r$/m, 'length: too large');
is("$r->{body}$r->{error}$post->{accepted}", "${good}1", 'length: and closed');
($r) = faulty({length => -10});
like($r->{head}, qr/^Content-Length: 15\r$/m, 'length: too small');
is($r->{body}, $good, 'length: all of the body');

($r, $post) = faulty({truncate => 5});
like($r->{head}, qr/^Content-Length: 25\r$/m, 'truncate');
is("$r->{body}$r->{error}$post->{accepted}", '{"err1', 'truncate: and closed');

($r, $post) = faulty({reset => 'reply'});
is("$r->{status} $r->{error}", '200 ' . ECONNRESET, 'reset of the reply');
is(length $r->{body}, length(verdict('scripted')) / 2 | 0, 'reset of the reply: half of it came');
is($post->{accepted}, 0, 'reset of the reply: not accepted');
($r, $post) = faulty({reset => 'reply', accept => 1});
is("$r->{body}$post->{accepted}", substr($good, 0, length($good) / 2) . 1, 'reset of the reply: or accepted');

($r, $post) = faulty({reset => 'sending'});
is("$r->{error} '$r->{got}'", ECONNRESET . " ''", 'reset while sending: a body shorter than that');
is("$post->{events} $post->{accepted} $post->{fault}", '1 0 reset', 'reset while sending: recorded');

my $many = [map { event(++$seq, pad => 'p' x 250) } 1 .. 20000];
($r, $post) = faulty({reset => 'sending', after => 5000}, events => $many);
like($r->{error}, $broken, 'reset while sending');
is($r->{got}, '', 'reset while sending: no answer');
is("$post->{events} $post->{accepted} $post->{status}", '0 0 0', 'reset while sending: recorded');
cmp_ok($post->{wire}, '>=', 5000, 'reset while sending: after so much');
cmp_ok($post->{wire}, '<', length json_encode($many), 'reset while sending: and before all of it');

($r) = faulty({});
is($r->{body}, $good, 'and well again');

sub verdict ($why) { json_encode({status => 0, error => $why}) }

# ---- the script: which posts

sub statuses ($n, $path = '/track') {
    join ' ', map { answer(bytes("$path?ip=0&verbose=1", [event(++$seq)]))->{status} } 1 .. $n;
}

$ingest->faults({path => '^/a$', status => 500}, {times => 2, status => 503});
is(statuses(2, '/track') . ' ' . statuses(2, '/a'), '503 503 500 500', 'path, times');
is(statuses(2), '200 200', 'times: no more');

$ingest->faults({every => 3, status => 500});
is(statuses(7), '200 200 500 200 200 500 200', 'every');

$ingest->faults({every => 2, times => 1, status => 500});
is(statuses(4), '200 500 200 200', 'every, and times');

my @lots;
for my $seed (1, 1, 2) {
    $ingest->reset;
    $ingest->seed($seed);
    $ingest->faults({chance => 0.3, status => 500}, {chance => 0.5, status => 503});
    push @lots, statuses(40);
}
is($lots[0], $lots[1], 'chance: the same seed, the same lots');
isnt($lots[0], $lots[2], 'chance: another one, others');
like($lots[0], qr/$_/, "chance: $_ among them") for 200, 500, 503;

$ingest->reset;
is(statuses(1), '200', 'reset: no script');

is(join("\n", $ingest->check), '', 'the checker has nothing to complain of');

# ---- /track

sub track ($events, $query = '?ip=0&verbose=1', %o) { answer(bytes("/track$query", $events, %o)) }

sub seqs_of { join ' ', sort { $a <=> $b } keys %{$ingest->seqs} }

$ingest->reset;

my $old = int((time - 5 * 86400 - 10) * 1000);
is(track([event(1), event(2, time => $old)])->{body}, $good, 'a batch with an event that is too old');
is(seqs_of(), '1', 'which is dropped without a word');
is(track([event(2, time => $old)])->{body}, '{"error":"event 0: time: too old","status":0}', 'alone it is told');
is(track([event(3, distinct_id => undef)])->{body}, '{"error":"event 0: distinct_id: missing","status":0}',
    'as is one without distinct_id');
is(track([event(4)], '?ip=0')->{body}, '1', 'not verbose: 1');
is(track([event(5, '$insert_id' => 'a_b')], '?ip=0')->{body}, '0', 'not verbose: 0');
is(track('[{]')->{status}, 400, 'no JSON');
is($ingest->stats->{invalid}, 4, 'all of them are counted');

# ---- ids that belong together, and what a value may hold

for my $case (
    ['nobody',                      '',                [distinct_id => '']],
    ['a user',                      '',                [distinct_id => 'joe', '$user_id' => 'joe']],
    ['a device',                    '',                [distinct_id => '$device:d', '$device_id' => 'd']],
    ['a user of a device',          '',                [distinct_id => 'joe', '$user_id' => 'joe', '$device_id' => 'd']],
    ['a user by distinct_id',       '',                [distinct_id => 'joe']],
    ['a user by distinct_id of a device', '',          [distinct_id => 'joe', '$device_id' => 'd']],
    ['another user',                'is not $user_id', [distinct_id => 'ann', '$user_id' => 'joe']],
    ['the device of a user',        'is not $user_id', [distinct_id => '$device:d', '$user_id' => 'joe', '$device_id' => 'd']],
    ['a bare device',               'is not $device_id', [distinct_id => 'd', '$device_id' => 'd']],
    ['another device',              'is not $device_id', [distinct_id => '$device:e', '$device_id' => 'd']],
    ['nobody with a device',        'is not $device_id', [distinct_id => '', '$device_id' => 'd']],
    ['a device without $device_id', 'not told',        [distinct_id => '$device:d']],
    ['null',                        'is null',         [a => undef]],
    ['null in a list',              '',                [a => [1, undef]]],
    ['null in an object',           '',                [a => {b => undef}]],
    ['a long text in a list',       'longer than 255', [a => [undef, 'x' x 256]]],
) {
    my ($name, $fault, $properties) = @$case;

    $ingest->reset;
    my $e = event(1);
    %{$e->{properties}} = (%{$e->{properties}}, @$properties);
    track([$e]);
    my @faults = $ingest->check;
    ok(length $fault ? @faults == 1 && index($faults[0], $fault) >= 0 : !@faults, "$name: " . ($fault || 'right'))
        or diag("@faults");
}
$ingest->reset;

# ---- the same of a project with Original ID Merge

my $original = $t->ingest(2, original => 1);

for my $case (
    ['nobody',                   '',                  [distinct_id => '']],
    ['a user of a device',       '',                  [distinct_id => 'joe', '$user_id' => 'joe', '$device_id' => 'd']],
    ['a bare device',            '',                  [distinct_id => 'd', '$device_id' => 'd']],
    ['the SDK\'s device',        '',                  [distinct_id => '$device:d', '$device_id' => 'd']],
    ['the device of a user',     'is not $user_id',   [distinct_id => 'd', '$user_id' => 'joe', '$device_id' => 'd']],
    ['nobody with a device',     'is not $device_id', [distinct_id => '', '$device_id' => 'd']],
    ['a prefix with a device',   'is not $device_id', [distinct_id => '$device:', '$device_id' => 'd']],
    ['a device without $device_id', 'not told',       [distinct_id => '$device:d']],
) {
    my ($name, $fault, $properties) = @$case;

    $original->reset;
    answer(bytes('/track?ip=0&verbose=1', [event(1, @$properties)]), port => 2);
    my @faults = $original->check;
    ok(length $fault ? @faults == 1 && index($faults[0], $fault) >= 0 : !@faults, "original, $name: " . ($fault || 'right'))
        or diag("@faults");
}
$original->reset;

# ---- poison

my %one = (match => 'seq=66"', error => 'bad apple');

sub why { my $s = $ingest->stats; "$s->{poisoned} $s->{why}{poison}" }

$ingest->reset;
$ingest->poison({%one});
$r = track([event(65), event(66), event(67)]);
is("$r->{status} $r->{body}", '400 {"code":400,"error":"bad apple","status":"Bad Request"}', 'poison: 400');
is(track([event(68)])->{body}, $good, 'poison: not for others');
is(seqs_of(), '68', 'poison: of the whole nothing is taken');
is(why(), '1 1', 'poison: counted');
is(join(' ', map {"$_->{poisoned}"} $ingest->posts), '1 0', 'poison: the post knows');

$ingest->poison({%one, status => 422, body => '<no>'});
$r = track([event(66)]);
is("$r->{status} $r->{body}", '422 <no>', 'poison: another status and body');

$ingest->reset;
$ingest->poison({%one, status => 200});
is(track([event(65), event(66)])->{body}, $good, 'poison: 200, a mixed post');
is(seqs_of(), '65', 'poison: 200, is dropped');
is(track([event(66)])->{body}, '{"error":"bad apple","status":0}', 'poison: 200, nothing but it');
$ingest->poison({%one, status => 200, body => '0'});
is(track([event(66)])->{body}, '0', 'poison: 200, and a body');
is(seqs_of(), '65', 'poison: 200, nothing of these');
is(why(), '3 0', 'poison: 200, counted');
$ingest->kill;
$ingest->start;
is(track([event(66)])->{body}, '0', 'poison: 200, after a death');
$ingest->poison;
is(track([event(66)])->{body}, $good, 'poison: no more');

# ---- deaths in the middle of a line

$ingest->reset;
my $line = 'accepted /track ' . json_encode(event(90));
for my $n (90, 91) {
    $ingest->kill;
    open my $record, '>>', $ingest->{record} or die "record: $!";
    print {$record} substr $line, 0, -20;
    close $record;
    $ingest->start;
    is(track([event($n)])->{body}, $good, "torn: event $n");
}
$ingest->kill;
$ingest->start;
is(seqs_of(), '90 91', 'torn: all is remembered after two deaths');
is(join("\n", $ingest->check), '', 'torn: and nothing is wrong with it');

# ---- limit

$ingest->reset;
my $size = length json_encode([event(101)]);
$ingest->limit(bytes => $size);
is(track([event(101)])->{status}, 200, 'limit: just so');
$r = track([event(101), event(102)]);
is("$r->{status} " . json_decode($r->{body})->{code}, '413 413', 'limit: larger');
$ingest->limit(bytes => $size, html => 1);
$r = track([event(101), event(102)]);
like("$r->{status} $r->{head} $r->{body}",
    qr{^413 .*text/html.*Error 413 \(Request Entity Too Large\)!!1}s, 'limit: html');
$ingest->limit(bytes => 10000, reset => 1);
is(track([event(103)])->{status}, 200, 'limit: reset, not of a small one');

my $plain = json_encode([@$many[0 .. 199]]);
my $gzip  = Compress::Zlib::memGzip($plain);
cmp_ok(length $gzip, '<', 10000, 'packed it is small');
for ([$plain, 'plain'], [$gzip, 'gzip', 'Content-Encoding' => 'gzip']) {
    my ($body, $name, %headers) = @$_;
    $r = track($body, '?ip=0&verbose=1', headers => \%headers);
    like($r->{status}, qr/^(?:413|0)\z/, "limit: reset, $name");
    like($r->{error}, $broken, "limit: reset, $name: the connection is");
}
is($ingest->stats->{why}{limit}, 4, 'limit: counted');
is(seqs_of(), '101 103', 'limit: taken is the rest');

# ---- rate

$ingest->reset;
$ingest->rate(events => 100, retry_after => 7);

sub many ($n) { track([map { event(++$seq) } 1 .. $n]) }

my $begin = time;
is(many(100)->{status}, 200, 'rate: a second\'s at once');
$r = many(100);
is("$r->{status} " . json_decode($r->{body})->{code}, '429 429', 'rate: and then no more');
like($r->{head}, qr/^Retry-After: 7\r$/m, 'rate: Retry-After');
ok(wait_until(sub { many(100)->{status} == 200 }, 10), 'rate: until there is time again');
cmp_ok(time - $begin, '>=', 1, 'rate: a second later');
$begin = time;
ok(wait_until(sub { many(150)->{status} == 200 }, 10), 'rate: more than fit, when all is there');
ok(wait_until(sub { many(1)->{status} == 200 }, 10), 'rate: and then');
cmp_ok(time - $begin, '>=', 1.5, 'rate: they are a debt');
ok($ingest->stats->{why}{rate} >= 2, 'rate: counted');
$ingest->rate;
is(track([event(++$seq)])->{status}, 200, 'rate: no more');

# ---- /import

# what is wrong with it there: status, the records
sub import_ ($events, %o) {
    my $auth = exists $o{auth} ? $o{auth} : 'T:';
    my %head = defined $auth ? (Authorization => 'Basic ' . encode_base64($auth, '')) : ();
    my $r    = answer(bytes('/x/import' . ($o{query} // '?strict=1'), $events, headers => \%head));
    $r->{data} = json_decode($r->{body}) if $r->{body} =~ /^\{/;
    return $r;
}

$ingest->reset;
$r = import_([event(1), event(2, token => undef)]);
is("$r->{status} $r->{body}", '200 {"code":200,"num_records_imported":2,"status":"OK"}', 'import');
is(import_([event(3)], query => '')->{body}, '1', 'import: not strict: 1');
is(import_([event(4, time => undef)], query => '?strict=0')->{body}, '0', 'import: not strict: 0');

$r = import_([event(3, time => $old), event(4, distinct_id => undef), event(5), event(6, '$insert_id' => 'a_b')]);
is("$r->{status} $r->{data}{code} $r->{data}{num_records_imported} $r->{data}{status}", '400 400 2 Bad Request',
    'import: one is bad, two are');
is(seqs_of(), '1 2 3 5', 'import: the others are taken, also an old one');
is_deeply($r->{data}{failed_records}, [
    {
        index     => 1,
        insert_id => sprintf('%032x', 4),
        field     => 'properties.distinct_id',
        message   => 'properties.distinct_id is invalid: is required',
    },
    {
        index     => 3,
        insert_id => 'a_b',
        field     => 'properties.$insert_id',
        message   => 'properties.$insert_id is invalid: not alphanumeric or -',
    },
], 'import: those are named');

my %bad = (
    'no object'                  => [''                       => 5],
    'no event'                   => ['event'                  => {properties => {}}],
    'no properties'              => ['properties'             => {event => 'e'}],
    'an id of 37'                => ['properties.$insert_id'  => event(7, '$insert_id' => 'a' x 37)],
    'no id'                      => ['properties.$insert_id'  => event(7, '$insert_id' => undef)],
    'a banned id'                => ['properties.$insert_id'  => event(7, '$insert_id' => 'undefined')],
    'a banned distinct_id'       => ['properties.distinct_id' => event(7, distinct_id => 'anon')],
    'no time'                    => ['properties.time'        => event(7, time => undef)],
    'a time that is none'        => ['properties.time'        => event(7, time => 'now')],
    'a time before 1971'         => ['properties.time'        => event(7, time => 31535999)],
    'a time two hours ahead'     => ['properties.time'        => event(7, time => int(time + 7200))],
    '255 properties'             => ['properties'             => event(7, map { ("p$_" => 1) } 1 .. 249)],
    'a list of 255'              => ['properties.l'           => event(7, l => [1 .. 255])],
    'an object four deep'        => ['properties.o'           => event(7, o => {a => {b => {c => {}}}})],
    'a megabyte'                 => [''                       => event(7, map { ("p$_" => 'x' x 9000) } 1 .. 120)],
);
for my $name (sort keys %bad) {
    $r = import_([$bad{$name}[1], event(8)]);
    is("$r->{status} " . ($r->{data}{failed_records}[0]{field} // '-') . " $r->{data}{num_records_imported}",
        "400 $bad{$name}[0] 1", "import: $name");
}
is(import_([event(9, l => [1 .. 254], o => {a => {b => {c => 1}}}, map { ("p$_" => 1) } 1 .. 246)])->{status}, 200,
    'import: as much as may be');

my $id = sprintf '%032x', 66;
for (
    [objects   => {index => 1, insert_id => $id, field => 'properties', message => 'bad apple'}],
    [insert_id => {'$insert_id' => $id, field => 'properties', message => 'bad apple'}],
    [index     => {index => 1, field => 'properties', message => 'bad apple'}],
    [strings   => $id],
) {
    my ($form, $record) = @$_;
    $ingest->reset;
    $ingest->poison({%one, records => $form});
    $r = import_([event(65), event(66), event(67)]);
    is("$r->{status} $r->{data}{num_records_imported} " . seqs_of(), '400 2 65 67', "import: poison, $form");
    is_deeply($r->{data}{failed_records}, [$record], "import: poison, $form: so it is named");
}
$ingest->poison({%one, status => 200});
is(import_([event(66)])->{data}{code}, 200, 'import: poison, 200');
$ingest->poison({%one, body => '{}'});
is(import_([event(66)])->{body}, '{}', 'import: poison, with a body');
$ingest->poison;

sub may ($auth, $query = '?strict=1') { import_([event(++$seq)], auth => $auth, query => $query)->{status} }

my $project = '?strict=1&project_id=7';

is(may(undef), 401, 'import: nobody');
is(may('T'),   401, 'import: no colon');
is(may(':'),   401, 'import: no user');
is(may('u:s'), 401, 'import: a password and no project');
is(may('u:s', $project), 200, 'import: a password and a project');
$ingest->auth(user => 'u', password => 's', project_id => 7);
is(may('u:s', $project), 200, 'import: this account');
is(may('u:t', $project), 401, 'import: not that password');
is(may('v:s', $project), 401, 'import: not that user');
is(may('u:s', '?strict=1&project_id=8'), 401, 'import: not that project');
is(may('T:'), 401, 'import: not the token');
is(import_([event(1)])->{body}, '{"code":401,"error":"Invalid credentials","status":"Unauthorized"}', 'import: 401');
$ingest->auth(user => 'T');
is(may('T:') . may('U:') . may('T:s', $project), '200401401', 'import: this token');
is($ingest->stats->{why}{auth}, 11, 'import: counted');

$ingest->reset;
import_([event(1, token => undef)]);
import_([event(2)], query => $project, auth => 'u:s');
is(join("\n", $ingest->check), '', 'import: nothing to complain of');
import_([event(3)], query => '?ip=0');
like(join("\n", $ingest->check), qr/query: ip=0.*strict/s, 'import: of that there is');

# ---- a body that is still being sent

my $narrow = $t->ingest(8, rcvbuf => 4096);
my $large  = bytes('/track?ip=0&verbose=1', [@$many[0 .. 1999]]);

$narrow->faults({reset => 'sending'});
$r = answer($large, port => 8);
like($r->{error}, $broken, 'rcvbuf: reset while sending');
cmp_ok(($narrow->posts)[0]{wire}, '<', 100_000, 'rcvbuf: early');
$narrow->faults;
$narrow->limit(bytes => 10000, reset => 1);
$r = answer($large, port => 8);
like($r->{error}, $broken, 'rcvbuf: limit, reset');
is(($narrow->posts)[1]{status}, 413, 'rcvbuf: limit, recorded');
is(answer(bytes('/track?ip=0&verbose=1', [event(++$seq)]), port => 8)->{status}, 200, 'rcvbuf: a small one passes');

# ---- TLS

# what curl says of a post: its exit code, the reply
sub curl ($url, @args) {
    my $file = $t->write_file('body', json_encode([event(++$seq)]));
    my @post = ('--data-binary', "\@$file", '-H', 'Content-Type: application/json');
    open my $out, '-|', 'curl', '-sS', '-m', 10, @post, @args, "$url/track?ip=0&verbose=1"
        or die "curl: $!";
    local $/;
    my $said = <$out> // '';
    close $out;
    return ($? >> 8) . " $said";
}

my $tls  = $t->ingest(7, tls => 'good');
my $port = $t->port(7);
my @ca   = ('--cacert', $t->ca);

# what it has to say
my $said = $t->dir . '/curl.err';

open my $stderr, '>&', \*STDERR or die;
open STDERR, '>>', $said or die;

is($t->expand('%%INGEST_7%% %%IMPORT_7%% %%INGEST_9%%'),
    "https://localhost:$port/track https://localhost:$port/import http://127.0.0.1:" . $t->port(9) . '/track',
    'tls: the macros');
is(curl($tls->url, @ca), "0 $good", 'tls: a good one');
is(curl("https://127.0.0.1:$port", @ca), "0 $good", 'tls: by its address, too');
is(curl($tls->url), '60 ', 'tls: not without the authority');
is(($tls->posts)[0]{tls}{sni}, 'localhost', 'tls: the name that was asked for');
is(($tls->posts)[1]{tls}{sni}, undef, 'tls: none');
like(($tls->posts)[0]{tls}{version}, qr/^TLSv1_[23]\z/, 'tls: the version');
$tls->faults({times => 1, reset => 'reply'}, {times => 1, drip => 1}, {times => 1, large => 100_000});
like(curl($tls->url, @ca), qr/^56 /, 'tls: reset of the reply');
is(curl($tls->url, @ca), "0 $good", 'tls: drip');
is(length curl($tls->url, @ca), 100_002, 'tls: large');

my %why = (expired => qr/expired/, wrong_name => qr/name.*localhost/, self_signed => qr/self.signed/i);

for my $cert (sort keys %why) {
    $tls->kill;
    $tls->tls($cert)->start;
    is(curl($tls->url, @ca), '60 ', "tls: $cert");
    like((split /\n/, slurp($said) =~ s/\n(?!curl:)/ /gr)[-1], $why{$cert}, "tls: $cert, and that is why");
    is(curl($tls->url, '-k'), "0 $good", "tls: $cert, who does not look");
}

my $strict = $t->ingest(6, tls => 'good', client_ca => 1);
like(curl($strict->url, @ca), qr/^(?:35|55|56) \z/, 'tls: a client without a certificate');
like(curl($strict->url, @ca, '--cert', $t->tls->file('stranger.crt'), '--key', $t->tls->file('stranger.key')),
    qr/^(?:35|55|56) \z/, 'tls: a client with one of its own');
is(curl($strict->url, @ca, '--cert', $t->client_cert, '--key', $t->client_key), "0 $good", 'tls: a client with one');
is(join(' ', map { $_->{tls}{client} } $strict->posts), 'client', 'tls: whose name is recorded');

# ---- what is no ingest

my $hole = $t->hole(5, 'full');
my @connect = ('-m', 1, '--write-out', '%{time_connect}');
is(curl('http://127.0.0.1:' . $t->port(5), @connect), '28 0.000000', 'hole: a connect hangs');
$hole->stop;
is(curl('http://127.0.0.1:' . $t->port(5)), '7 ', 'hole: stopped it refuses');
$hole = $t->hole(5, 'silent');
like(curl('http://127.0.0.1:' . $t->port(5), @connect), qr/^28 (?!0\.000000)/, 'hole: connected, and no answer');
$hole->stop;
$hole = $t->hole(5, 'reset');
like(curl('http://127.0.0.1:' . $t->port(5)), qr/^(?:55|56) \z/, "hole: reset ($_)") for 1 .. 3;
$hole->stop;
is($t->ingest(5)->stats->{posts}, 0, 'hole: and then there is an ingest');

my $proxy = $t->proxy(4);
$tls->kill;
$tls->tls('good')->start;
is(curl($tls->url, @ca, '-x', $proxy->url), "0 $good", 'proxy: https');
is(curl($ingest->url, '-x', $proxy->url), "0 $good", 'proxy: http');
is(curl($ingest->url, '-p', '-x', $proxy->url), "0 $good", 'proxy: http through CONNECT');
is(curl('http://127.0.0.1:' . $t->port(3), '-x', $proxy->url), '0 ', 'proxy: nobody there');
is(join(' ', map { "$_->{method} $_->{target} " . ($_->{status} // '-') } $proxy->requests),
    "CONNECT localhost:$port - POST http://127.0.0.1:@{[$t->port(9)]}/track?ip=0&verbose=1 -"
    . " CONNECT 127.0.0.1:@{[$t->port(9)]} - POST http://127.0.0.1:@{[$t->port(3)]}/track?ip=0&verbose=1 502",
    'proxy: it knows');
$proxy->set(auth => 'u:s');
is(curl($tls->url, @ca, '-x', $proxy->url), '56 ', 'proxy: who are you?');
is(curl($tls->url, @ca, '-x', $proxy->url, '-U', 'u:s'), "0 $good", 'proxy: u');
is(join(' ', map { $_->{status} // '-' } ($proxy->requests)[-2, -1]), '407 -', 'proxy: 407');
$proxy->set(status => 503);
is(curl($tls->url, @ca, '-x', $proxy->url), '56 ', 'proxy: 503');
$proxy->set(hang => 1);
is(curl($tls->url, @ca, '-x', $proxy->url, '-m', 1), '28 ', 'proxy: hangs');
$proxy->set(to => $t->port(9));
is(curl('http://mixpanel.invalid', '-p', '-x', $proxy->url), "0 $good", 'proxy: a name that nobody resolves');
$proxy->stop;
is(curl($tls->url, @ca, '-x', $proxy->url), '7 ', 'proxy: stopped');
$proxy->set->start;
is(curl($tls->url, @ca, '-x', $proxy->url), "0 $good", 'proxy: and started');

open STDERR, '>&', $stderr or die;

# ---- what was rejected

mkdir $t->dir . "/$_" for qw(spool spool/default spool/p);

sub line ($n, $event) { json_encode({time => $n, reason => "r$n", event => $event}) . "\n" }

$t->write_file('spool/default/rejected-20260102.ndjson', line(2, event(12)) . line(3, undef));
$t->write_file('spool/default/rejected-20260101.ndjson', line(1, event(11)));
is(join(' ', map {"$_->{time}$_->{reason}"} $t->rejected), '1r1 2r2 3r3', 'rejected');
is(join(' ', $t->rejected_seqs), '11 12', 'rejected: the numbers');
is(scalar(() = $t->rejected('p')), 0, 'rejected: none');

done_testing();
