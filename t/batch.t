#!/usr/bin/perl

# From the queue to the endpoint: where a batch ends, how it is packed, how
# many are under way, and that nothing is lost whatever the endpoint does.
# Each case is a project of its own, so that their waits overlap.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until patience);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $narrow = $t->ingest(8);
my $down   = $t->ingest(7, start => 0);

# name => its directives; the endpoint is /NAME unless it says so
my %project = (
    events   => 'batch events=10 interval=8s;',
    bytes    => 'batch bytes=20k interval=20s;',
    interval => 'batch interval=1s;',
    quick    => 'batch interval=20ms;',
    plain    => 'batch interval=50ms; gzip off;',
    level1   => 'batch interval=50ms; gzip 1;',
    level9   => 'batch interval=50ms; gzip 9;',
    large    => 'zone 4m; batch interval=200ms;',
    narrow   => 'endpoint http://127.0.0.1:%%PORT_8%%/narrow; batch events=5 interval=50ms; connections 3;',
    down     => 'endpoint http://127.0.0.1:%%PORT_7%%/down; batch interval=50ms;',
    path     => 'endpoint http://localhost:%%PORT_9%%/a/b/; batch interval=50ms;',
    nopath   => 'endpoint http://127.0.0.1:%%PORT_9%%; batch interval=50ms;',
    slow     => 'batch interval=50ms; timeout total=5s;',
    ack      => 'batch interval=50ms;',
);

# what each of these gets for its first post
my %fault = (
    r500     => {status => 500},
    r503     => {status => 503, body => '<html>not JSON</html>'},
    r429     => {status => 429, headers => {'Retry-After' => '1'}},
    r302     => {status => 302, headers => {Location => '/elsewhere'}},
    rnothing => {status => 200, body => ''},
    rgarbage => {status => 200, body => 'come again'},
    rhang    => {hang   => 1},
    rclose   => {close  => 1},
    rlost    => {close  => 1, accept => 1},
);
$project{$_} //= 'batch events=5 interval=5s; timeout connect=1s total=1s;' for keys %fault;

my $projects = join '', map {
    my $endpoint = $project{$_} =~ /endpoint/ ? '' : "endpoint http://127.0.0.1:%%PORT_9%%/$_;";
    "mixtrack_project $_ { token T; zone 1m; $endpoint $project{$_} }\n" =~ s/zone 1m; (.*zone)/$1/r;
} sort keys %project;

my $locations = join '', map {"location /$_ { mixtrack hit project=$_; return 200; }\n"} sort keys %project;

$t->conf(<<"EOF")->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%
    keepalive_requests 100000;
    mixtrack_property n \$arg_n type=number;
    mixtrack_property pad \$arg_pad;

    $projects

    server {
        listen 127.0.0.1:%%PORT_0%%;
        %%STATUS%%
        $locations
    }
}
EOF

# n requests over one connection
sub requests ($project, $n, %o) {
    my $args = ($o{pad} ? '&pad=' . 'p' x $o{pad} : '');
    my $load = $t->load(count => $n, rate => 1e6, connections => 1, uri => "/$project?n=%d$args");
    return @{$load->wait->{served}} == $n;
}

sub sizes ($path) { map { $_->{events} } $ingest->posts($path) }

# ---- what takes long is begun first

$ingest->faults(
    (map { +{path => "^/$_\$", times => 1, %{$fault{$_}}} } sort keys %fault),
    {path => '^/slow$', delay => 2500},
    {path => '^/ack$', times => 1, status => 200, body => '1', accept => 1},
);
$narrow->faults({delay => 300});

for my $name (sort keys %fault) {
    ok(requests($name, 5), "$name: five requests");
}
ok(requests('slow', 3), 'slow: three requests');
ok(requests('down', 20), 'down: twenty requests while the endpoint is not there');

# ---- where a batch ends

ok(requests('events', 35), '35 requests');
ok(wait_until(sub { sizes('/events') >= 3 }), 'full batches do not wait');
is(join(' ', sizes('/events')), '10 10 10', 'for the interval');
ok(wait_until(sub { sizes('/events') == 4 }, 15), 'the rest comes with the interval');
is(join(' ', sort { $b <=> $a } sizes('/events')), '10 10 10 5', 'batches of ten events');

ok(requests('bytes', 100, pad => 200), '100 requests');
ok(wait_until(sub { sizes('/bytes') >= 2 }, 5), 'full batches do not wait');
is(join(' ', grep { $_ > 20 * 1024 } map { $_->{raw} } $ingest->posts('/bytes')), '',
    'no batch is larger than its bytes');
cmp_ok((sort { $a <=> $b } map { $_->{raw} } $ingest->posts('/bytes'))[-1], '>', 15 * 1024,
    'nor much smaller');

# from the first event of a batch to its post, seconds
sub waited ($path) {
    my ($post)  = $ingest->posts($path);
    my ($first) = sort { $a <=> $b } map { $_->{properties}{time} } $ingest->events($path);
    return $post->{time} - $first / 1000;
}

ok(requests('interval', 3), 'three requests');
ok(wait_until(sub { sizes('/interval') }, 5), 'come with the interval');
is(join(' ', sizes('/interval')), '3', 'together');
cmp_ok(waited('/interval'), '>=', 0.9, 'and not before');

ok(requests('quick', 1), 'a request');
ok(wait_until(sub { sizes('/quick') }, 5), 'comes');
cmp_ok(waited('/quick'), '<', waited('/interval'), 'sooner with a short interval');

# ---- how it is packed

for my $name (qw(plain level1 level9)) {
    ok(requests($name, 50), "$name: fifty requests");
    ok(wait_until(sub { $t->status($name)->{delivered} == 50 }, 10), "$name: fifty events");
}
my ($plain) = $ingest->posts('/plain');
is($plain->{encoding}, '', 'gzip off');
is($plain->{wire}, $plain->{raw}, 'is not compressed');
for my $name (qw(level1 level9 events)) {
    my @bad = grep { $_->{encoding} ne 'gzip' || $_->{wire} >= $_->{raw} } $ingest->posts("/$name");
    is(scalar(@bad), 0, "$name is gzip");
}

# ---- where it goes

for my $name (qw(path nopath ack)) {
    ok(requests($name, 2), "$name: two requests");
    ok(wait_until(sub { $t->status($name)->{delivered} == 2 }, 10), "$name: two events");
}
my %path = (path => '/a/b/', nopath => '/track');
for my $name (sort keys %path) {
    is(scalar($ingest->events($path{$name})), 2, "$name: at the path of its URL");
}
is(join(' ', grep { $_->{query} ne 'ip=0&verbose=1' } $ingest->posts), '', 'every post has its query');
is(join(' ', grep { ($_->{headers}{'content-type'} // '') ne 'application/json' } $ingest->posts), '',
    'and its type');

# ---- how many at once

ok(requests('narrow', 60), 'narrow: sixty requests');
ok(wait_until(sub { $t->status('narrow')->{delivered} == 60 }, 15), 'narrow: sixty events');
is($narrow->stats->{high_water}, 3, 'as many posts at once as there are connections, and no more');
is($narrow->stats->{duplicates}, 0, 'narrow: nothing twice');

# ---- many

ok(requests('large', 6000), 'large: six thousand requests');
ok(wait_until(sub { $t->status('large')->{delivered} == 6000 }, 20), 'large: six thousand events');
is(join(' ', grep { $_->{events} > 2000 || $_->{raw} > 2000000 } $ingest->posts('/large')), '',
    'no batch beyond the limits');
my %n = map { $_->{properties}{n} => 1 } $ingest->events('/large');
is(scalar(keys %n), 6000, 'large: every one of them');

# ---- an endpoint that is not there

my $p = $t->status('down');
is($p->{tracked}, 20, 'down: twenty events');
is($p->{delivered}, 0, 'down: none delivered');
is($p->{queued} + $p->{in_flight}, 20, 'down: all are kept');
cmp_ok($p->{requests}{error}, '>=', 1, 'down: the failed request is counted');
is($p->{dropped}{full}, 0, 'down: nothing is dropped');
isnt($p->{gate}{state}, 'open', 'down: the gate is not open');
cmp_ok(length($p->{last_error} // ''), '>', 0, 'down: the reason is told');

$down->start;
ok($t->wait_status(sub { $_->{delivered} == 20 }, project => 'down', timeout => 30),
    'down: all come when it is there');
is($t->status('down')->{gate}{state}, 'open', 'down: the gate is open again');

# ---- whatever it answers

for my $name (sort keys %fault) {
    ok($t->wait_status(sub { $_->{delivered} == 5 }, project => $name, timeout => 25),
        "$name: delivered in the end");

    my @post = $ingest->posts("/$name");
    is(scalar(@post), 2, "$name: by the second post");
    next if @post < 2;

    my $gap  = $post[1]{time} - $post[0]{time};
    my $kind = $fault{$name}{hang} || $fault{$name}{close} ? 'error' : substr($fault{$name}{status}, 0, 1) . 'xx';
    my $p    = $t->status($name);

    cmp_ok($gap, '>=', 2.9, "$name: after two seconds and some jitter");
    cmp_ok($gap, '<',  9 * patience(), "$name: and not much more");
    is($p->{retries}, 1, "$name: the retry is counted");
    cmp_ok($p->{requests}{$kind} // 0, '>=', 1, "$name: as $kind");
    is($p->{gate}{state}, 'open', "$name: the gate is open again");
    is(scalar(grep { $_ != 5 } sizes("/$name")), 0, "$name: the same batch");
    is($p->{rejected} + $p->{expired}, 0, "$name: nothing is dropped for a reply");
}
is(scalar($ingest->posts('/elsewhere')), 0, 'a redirect is not followed');

ok($t->wait_status(sub { $_->{delivered} == 3 }, project => 'slow', timeout => 10), 'slow: delivered');
is(scalar($ingest->posts('/slow')), 1, 'slow: a late reply is one');
is(scalar($ingest->posts('/ack')), 1, 'a plain 1 is an acknowledgement');

# the acknowledgement of rlost was lost: five came twice, the same bytes
my $stats = $ingest->stats;
is($stats->{duplicates}, 5, 'only what was not acknowledged came twice');
is_deeply($stats->{differing}, [], 'byte for byte');

ok(wait_until(sub { $t->status('bytes')->{delivered} == 100 }, 25), 'bytes: the rest by the interval');

my %total;
for my $p (values %{$t->status->{projects}}) {
    $total{$_} += $p->{$_} for qw(tracked delivered);
}
is($total{delivered}, $total{tracked}, 'all that was tracked is delivered');

my $arrived = 0;
$arrived += $_->stats->{distinct} for $ingest, $narrow, $down;
is($arrived, $total{delivered}, 'and all that is delivered has arrived');

$t->done;
