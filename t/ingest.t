#!/usr/bin/perl

# The mock ingest by itself, through plain HTTP: each fault of its script and
# each of its rules once, so that nobody has to look for its errors through
# nginx.

use v5.36;

use Errno qw(ECONNRESET EPIPE);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::HTTP ();
use Mixtrack::Nginx;
use Mixtrack::Util qw(json_decode json_encode patience wait_until);

my $t      = Mixtrack::Nginx->new(module => 0);
my $ingest = $t->ingest(9);
my $good   = '{"error":null,"status":1}';

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
like($r->{error}, qr/^(?:@{[ECONNRESET]}|@{[EPIPE]})\z/, 'reset while sending');
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

done_testing();
