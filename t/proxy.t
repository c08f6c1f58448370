#!/usr/bin/perl

# A proxy on the way, of http or https: what it gets to see, what nobody else
# does, and what happens while it is down, refuses or hangs.  The environment's
# proxies are none of ours.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use Mixtrack::Breakage;
use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until uniq slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $secure = $t->ingest(8, tls => 'good');
my $direct = $t->ingest(5);
my $auth   = 'carol:pa:ss@wörd';
my $proxy  = $t->proxy(7, auth => $auth);
my $tls    = $t->proxy(4, auth => $auth, tls => 'good');
my $trap   = $t->proxy(6);

# as a URL has it, and as it is
my @secret = ('pa%3Ass%40w%C3%B6rd', 'pa:ss@w', 'sErvIce-secret', encode_base64($auth, ''),
    encode_base64('alice:sErvIce-secret', ''));

$t->conf(breakable(
    project => {
        endpoint        => 'http://localhost:%%PORT_9%%/import',
        api             => 'import',
        service_account => 'alice sErvIce-secret 4711',
        proxy           => "http://carol:$secret[0]\@127.0.0.1:%%PORT_7%%",
        timeout         => 'connect=700ms total=2s',
    },
    projects => <<"END",
    mixtrack_project secure {
        token S; endpoint https://localhost:%%PORT_8%%/track; zone 1m; batch interval=20ms;
        tls ca=%%TESTDIR%%/tls/ca.crt; proxy http://carol:$secret[0]\@127.0.0.1:%%PORT_7%%;
    }
    mixtrack_project locked {
        token L; endpoint https://localhost:%%PORT_8%%/track; zone 1m; batch interval=20ms;
        tls ca=%%TESTDIR%%/tls/ca.crt; proxy https://carol:$secret[0]\@localhost:%%PORT_4%%;
    }
    mixtrack_project half {
        token H; endpoint %%INGEST_5%%; zone 1m; batch interval=20ms;
        tls ca=%%TESTDIR%%/tls/ca.crt; proxy https://carol:$secret[0]\@127.0.0.1:%%PORT_4%%;
    }
    mixtrack_project direct { token D; endpoint %%INGEST_5%%; zone 1m; batch interval=20ms; }
END
    main => join("\n", map {"env $_;"} qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY)),
    hit    => 'mixtrack hit project=default; return 200 "ok\n";',
    server => join("\n", map {"location = /$_ { mixtrack $_ project=$_; return 200; }"} qw(secure locked half direct)),
) =~ s/mixtrack_project \{/mixtrack_project default {/r);

# for nginx alone
{
    local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ($trap->url) x 5;
    local @ENV{qw(no_proxy NO_PROXY)} = ('localhost') x 2;
    $t->run;
}

# The same, and no tunnel of before is left.
sub change (%o) {
    $proxy->stop;
    $proxy->set(%o)->start;
}

# ---- it is down, refuses, hangs

breakage($t, $ingest, 'down',
    break      => sub { $proxy->stop },
    heal       => sub { $proxy->start },
    why        => qr/Failed to connect to 127\.0\.0\.1 port \d+/,
    duplicates => 1);

my %answer = (
    403 => [status => 403],
    407 => [auth   => 'carol:another'],
    502 => [status => 502],
);
for my $status (sort keys %answer) {
    my $from;
    breakage($t, $ingest, $status,
        break => sub { $from = $proxy->requests; change(@{$answer{$status}}) },
        heal  => sub { change(auth => $auth) },
        why   => qr/$status/,
        duplicates => 1);
    my @requests = $proxy->requests;
    cmp_ok(scalar(grep { ($_->{status} // 0) == $status } @requests[$from .. $#requests]), '>=', 2,
        "$status: the proxy has said so");
}

my $from = $proxy->requests;
breakage($t, $ingest, 'hanging',
    break      => sub { change(hang => 1) },
    heal       => sub { change(auth => $auth) },
    why        => qr/time/i,
    duplicates => 1);
my @requests = $proxy->requests;
cmp_ok(scalar(grep { !defined $_->{status} } @requests[$from .. $#requests]), '>=', 2,
    'hanging: the proxy got requests');

# ---- the others, at the same time

for my $other ([secure => $secure, 50], [locked => $secure, 51], [half => $direct, 52], [direct => $direct, 53]) {
    my ($project, $its, $from) = @$other;
    my $load = $t->load(from => $from * 10000, count => 300, rate => 400, uri => "/$project?seq=%d", connections => 4);
    ok($load->wait_served(50), "$project: requests are served");
    ok($t->reload, "$project: a reload");
    account($its, [$load], name => $project);
    at_rest($t, name => $project, project => $project);
}

# ---- who has seen what

my @known = ([$proxy, map { 'localhost:' . $t->port($_) } 8, 9], [$tls, 'localhost:' . $t->port(8), '127.0.0.1:' . $t->port(5)]);
for (@known) {
    my ($which, @endpoints) = @$_;
    my $name = $which == $tls ? 'the proxy of https' : 'the proxy';

    @requests = $which->requests;
    is(join(' ', uniq(map { $_->{method} } @requests)), 'CONNECT', "$name is asked for a tunnel, always");
    is(join(' ', sort(uniq(map { $_->{target} } @requests))), join(' ', sort @endpoints), 'to the endpoints');
    is(join(' ', uniq(map { $_->{headers}{'proxy-authorization'} } @requests)), 'Basic ' . encode_base64($auth, ''),
        'we say who we are');
    is(join(' ', grep { !/^(?:connect .*|host|user-agent|proxy-.*)$/ } uniq(map { keys %{$_->{headers}} } @requests)), '',
        'and nothing else; not what is for the endpoint');
}

my @posts = $ingest->posts;
is(join(' ', uniq(map { $_->{headers}{authorization} } @posts)), "Basic $secret[-1]", 'the endpoint gets that');
is(scalar(grep {/^proxy-/} map { keys %{$_->{headers}} } map { $_->posts } $ingest, $secure, $direct), 0,
    'and nothing that is for the proxy');
is(join(' ', uniq(map { $_->{path} } @posts)), '/import', 'there where it should be');

is(scalar($trap->requests), 0, 'the proxy of the environment gets nothing');

# ---- who has not

my %text = (
    log       => $t->error_log,
    output    => slurp($t->dir . '/nginx.out'),
    processes => join("\n", map { $_->{title} } $t->processes),
    status    => $t->get('/status'),
);
like($text{processes}, qr/nginx: cache manager/, 'processes');
like($text{status}, qr/ 200 .*"default"/s, 'status');
like($text{log}, qr/mixtrack: project "default": a post failed/, 'log');

for my $name (sort keys %text) {
    is(join(' ', grep { index($text{$name}, $_) >= 0 } @secret), '', "$name: no secret is in it");
}

# ---- whatever nginx -t takes, the flusher does

$t->conf(lifecycle(projects => join "\n", map {"mixtrack_project $_->[0] { token T; zone 1m; spool off; proxy $_->[1]; }"}
    [a => 'http://127.250.3.7'], [b => 'https://127.250.3.7/'], [c => "https://carol:$secret[0]\@127.250.3.7:3128"]));
is($t->test_config->{rc}, 0, 'proxies without a port, and of https: nginx -t is content');
ok($t->reload(drained => 1), 'and with a reload');
is(join(' ', grep { !$t->status($_)->{processes}{flushers} } qw(default a b c)), '', 'each has its flusher');

$t->done;
