#!/usr/bin/perl

# Tokens, secrets and passwords: what a process of nginx shows of itself, the
# log at its most talkative, the status and the messages of a configuration
# that is refused have none of them.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Outcome;
use Mixtrack::Util qw(wait_until slurp spew uniq);

my $t      = Mixtrack::Nginx->new(level => 'debug');
my $ingest = $t->ingest(9);
my $other  = $t->ingest(8);

# as they are written, and as they go over the wire
my %secret = (
    token   => 'tok-S3CRET-1',
    file    => 'tok-S3CRET-2',
    account => 'acc-S3CRET-3',
    inline  => 'acc-S3CRET-4',
    proxy   => 'pro-S3CRET-5',
    changed => 'acc-S3CRET-6',
    variable => 'var-S3CRET-7',
);
my @needle = ('S3CRET', map { substr encode_base64($_, ''), 0, 20 } "$secret{token}:", "$secret{file}:",
    "name-a:$secret{account}", "name-a:$secret{changed}", "name-i:$secret{inline}", "user:$secret{proxy}");

sub told ($text) { join ' ', grep { index($text, $_) >= 0 } @needle }

$t->write_file('token', "$secret{file}\n");
my $file = $t->write_file('secret', "$secret{account}\r\n");
chmod 0600, $file, $t->dir . '/token';

my $proxy = $t->proxy(7, auth => "user:$secret{proxy}");

my $common = 'zone 1m; batch interval=100ms; retry min=100ms max=400ms jitter=0ms-20ms; timeout connect=1s total=2s;';
my @names  = qw(file account inline proxied variable);

my $conf = lifecycle(
    workers => 1,
    project => {
        token => $secret{token}, api => 'import', endpoint => '%%IMPORT_9%%', zone => '1m',
        retry => 'min=100ms max=400ms jitter=0ms-20ms',
    },
    projects => <<"END",
    mixtrack_project file     { token file:token; api import; endpoint %%IMPORT_9%%; $common }
    mixtrack_project account  { token A; api import; endpoint %%IMPORT_8%%; service_account name-a file:secret 1; $common }
    mixtrack_project inline   { token I; api import; endpoint %%IMPORT_9%%; service_account name-i $secret{inline} 2; $common }
    mixtrack_project proxied  { token P; endpoint http://127.0.0.1:%%PORT_9%%/proxied/track; proxy http://user:$secret{proxy}\@127.0.0.1:%%PORT_7%%; $common }
    mixtrack_project variable { token \$tok; endpoint %%INGEST_9%%; $common }
END
    http   => "map \$arg_seq \$tok { default $secret{variable}; }",
    server => join("\n", map {"location = /$_ { mixtrack $_ project=$_; return 200; }"} @names),
);
$t->conf($conf)->run;

# no answer to a wrong one
$other->auth(user => 'name-a', password => $secret{account}, project_id => '1');

my ($seq, %all) = (0);

sub requests ($n) {
    for my $name ('hit', @names) {
        $t->get("/$name?seq=" . ++$seq), push @{$all{$name}}, $seq for 1 .. $n;
    }
}

# but for what nginx itself writes of a variable
sub log_ok ($name) {
    my @line = grep { told($_) && !/\[debug\] [0-9#:]+ \*\d+ http map: / } split /\n/, $t->error_log . slurp($t->dir . '/nginx.out');
    $#line = 4 if @line > 5;
    is(join("\n", @line), '', "$name: no line of the log tells");
}

sub processes_tell ($name) {
    my @pids = map { $_->{pid} } $t->processes;

    cmp_ok(scalar(@pids), '>=', 3, "$name: there are processes");
    for my $what (qw(cmdline environ comm status)) {
        my %text = map { $_ => slurp("/proc/$_/$what") } @pids;
        is(join(' ', grep { !length $text{$_} } @pids), '', "$name: $what is seen") if $what eq 'cmdline';
        is(join(' ', grep {length} map { told($_) } values %text), '', "$name: no $what tells");
    }
}

# ---- they are used, so there is something to tell

requests(20);
ok($t->wait_status(sub { $_->{delivered} >= 20 }, project => $_), "$_ is delivered") for 'default', @names;

my %auth = map { ($_->{headers}{authorization} // '') => 1 } $ingest->posts, $other->posts;
is(scalar(grep { $auth{'Basic ' . encode_base64($_, '')} }
    "$secret{token}:", "$secret{file}:", "name-a:$secret{account}", "name-i:$secret{inline}"), 4, 'each as it is');
is(scalar(grep { $_->{properties}{token} eq $secret{variable} } $ingest->events), 20, 'and a token of each event');
is(scalar(grep { ($_->{headers}{'proxy-authorization'} // '') =~ /^Basic / } $proxy->requests) > 0, 1, 'and a password');

SKIP: {
    skip 'only root has files that others cannot read', 2 if $> != 0;
    my ($uid) = slurp('/proc/' . $t->flusher . '/status') =~ /^Uid:\s+(\d+)/m;
    is(sprintf('%o %d', (stat $file)[2] & 07777, (stat $file)[4]), '600 0', 'the secret is for root alone');
    isnt($uid, '0', 'which the flusher is not');
}

processes_tell('at first');

# ---- everything that gives reason to talk

$ingest->faults({status => 503, times => 8}, {garbage => 1, times => 2}, {status => 400, times => 3}, {close => 1, times => 2});
$other->auth(user => 'name-a', password => $secret{changed}, project_id => '1');
requests(5);
ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => 'account'), 'a secret that is wrong: on hold');
ok(wait_until(sub { !$ingest->stats->{script} }), 'and other faults');

my $said = told($t->get('/status'));
is($said, '', 'the status does not tell');

$t->allow(qr/\[emerg\].*cannot open the file "\Q$file\E"/);
unlink $file;
ok(!$t->reload, 'a reload without the file is refused');
log_ok('a reload that is refused');

# ---- a server that quotes what it was told

sub quotes ($name, $re, $projects, @faults) {
    my %left = map { $_ => 1 } @$projects;
    my $told = 0;

    $_->faults(@faults) for $ingest, $other;
    requests(5);
    my $all = wait_until(sub {
        for my $p (keys %left) {
            my $why = $t->status($p)->{last_error};
            $told++            if told($why);
            delete $left{$p} if $why =~ $re;
        }
        return !%left;
    });
    ok($all, "$name: they say why") or diag(map {"$_: " . $t->status($_)->{last_error} . "\n"} keys %left);
    is($told, 0, "$name: the status does not tell");
    log_ok($name);
    $_->faults for $ingest, $other;
}

$other->auth;
my @basic = qw(default file account inline);
quotes('401', qr/^401: no (?:[A-Z], )?\*/, \@basic, {path => 'import$', status => 401, echo => 1});
quotes('400', qr/^token: not (?:[A-Z], )?\*/, \@basic, {path => 'import$', status => 400, echo => 1});
quotes('the password of a proxy', qr/^400: of user:\*, \*=* and \* by/, ['proxied'], {
    path => 'proxied', status => 400,
    body => sprintf '{"error":"of user:%s, %s and %s by a proxy"}', $secret{proxy}, encode_base64("user:$secret{proxy}", ''), $secret{proxy},
});
is(told(join ' ', map { $_->{reason} } map { $t->rejected($_) } @basic, 'proxied'), '', 'nor do the reasons of what is rejected');
ok(scalar(map { $t->rejected($_) } @basic), 'of which there are some');
$other->auth(user => 'name-a', password => $secret{changed}, project_id => '1');

spew($file, "$secret{changed}\n");
chmod 0600, $file;
ok($t->reload, 'a reload with another one');
ok($t->wait_status(sub { $_->{delivered} >= 25 }, project => 'account'), 'which is right');
$ingest->auth(user => 'nobody');
$other->kill;
$proxy->stop;
requests(5);
ok($t->wait_status(sub { $_->{gate}{failures} }, project => $_), "$_: nobody there") for qw(account proxied);
ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => $_), "$_: not wanted") for qw(default file inline);
is(told($t->get('/status')), '', 'the status does not tell, in an outage');
processes_tell('in an outage');

ok($t->kill_process($t->flusher), 'the flusher is killed');
ok(wait_until(sub { $t->flusher }), 'and there is another');
ok($t->stop(timeout => 15), 'TERM: all of it is spooled');
is(told(join ' ', map { $_->{name} } map { spool_files($t, $_) } 'default', @names), '', 'no name of a file tells');
ok(scalar(map { spool_files($t, $_) } qw(default account)), 'of which there are some');

$ingest->auth;
$other->start;
$proxy = $t->proxy(6, auth => "user:$secret{proxy}");
$t->conf($conf =~ s/PORT_7/PORT_6/r)->run;
my @given_up = map { my $p = settled($t, name => $_, project => $_); $p->{rejected} } 'default', @names;
processes_tell('at the end');

# ---- the log

my $log = $t->error_log . slurp($t->dir . '/nginx.out');
SKIP: {
    skip 'an nginx without debug', 1 if $log !~ /\[debug\]/;
    like(scalar(() = $log =~ /\[debug\]/g), qr/^\d{3,}\z/, 'the log is at debug');
}
cmp_ok(scalar(() = $log =~ /mixtrack: project /g), '>=', 10, 'the module has said something');
log_ok('at the end');

# ---- configurations that are refused

sub refused ($name, $project, @words) {
    my $r = $t->test_config(<<"END");
%%GLOBALS%%
events { }
http {
    %%GLOBALS_HTTP%%
    mixtrack_project { $project }
    server { listen 127.0.0.1:%%PORT_0%%; location / { mixtrack a; } }
}
END
    my @why;
    push @why, "exit code $r->{rc}" if $r->{rc} != 1;
    push @why, 'tells: ' . told($r->{out}) if told($r->{out});
    push @why, "no \"$_\"" for grep { index($r->{out}, $_) < 0 } @words;
    is(join('; ', @why), '', "refused: $name") or diag($r->{out});
}

my $s = $secret{inline};
$t->write_file('long',  $s . 'x' x 300);
$t->write_file('nul',   "$s\nand more\n");

refused 'plain http to another machine', "token T; api import; service_account n $s 1; endpoint http://192.0.2.1/import?key=$s;",
    'plain text', 'https', '"http://192.0.2.1"';
refused 'a key of an endpoint', "token T; endpoint https://example.com/?key=$s#f;", '"https://example.com"', 'fragment';
refused 'and with a token', "token $s; api import; endpoint http://relay.example.com/;", 'plain text';
refused "plain http to $_", "token $s; api import; endpoint http://$_/;", 'plain text'
    for qw(127.0.0.1.example.com localhost.example.com 0.0.0.0 [::2] 128.0.0.1 10.0.0.1);
refused 'through a proxy elsewhere',
    "token $s; api import; endpoint http://127.0.0.1/; proxy http://u:$s\@192.0.2.1:3128;", 'proxy', 'plain text';
refused 'a file that is not there', "token T; api import; service_account n file:nothing 1;", '/nothing';
refused 'a file that is too long', "token T; api import; service_account n file:long 1;", '/long';
refused 'a file of two lines', "token T; api import; service_account n file:nul 1;", 'service_account';
refused 'a token file that is too long', 'token file:long;', '/long';
refused 'no id', "token T; api import; service_account n $s;", 'service_account';
refused 'no name', "token T; api import; service_account \"\" $s 1;", 'service_account';
refused 'an id that is none', "token T; api import; service_account n $s x;", 'service_account';
refused 'id and secret the wrong way round', "token T; api import; service_account n 1 $s;", 'service_account';
refused 'name and secret with a colon', "token T; api import; service_account n:$s $s 1;", 'service_account';
refused 'a secret that is too long', "token T; api import; service_account n $s" . 'x' x 300 . ' 1;', 'service_account';
refused 'a secret with a control character', "token T; api import; service_account n \"$s\t\" 1;", 'service_account';
refused 'an account without import', "token T; service_account n $s 1;", 'service_account', 'import';
refused 'an account twice', "token T; api import; service_account n $s 1; service_account n $s 1;", 'service_account';
refused 'a token twice', "token $s; token $s;", 'token';
refused 'two tokens', "token $s $s;", 'token';
refused 'no semicolon behind a token', "token $s", '';
refused 'no semicolon, and more', "token $s api import;", 'token';
refused 'a token for Basic with a colon', "token $s:$s; api import;", 'token';
refused 'a password in the endpoint', "token T; endpoint https://u:$s\@example.com/;", 'endpoint';
refused 'a password in an endpoint that is none', "token T; endpoint htp://u:$s\@example.com/;", 'endpoint';
refused 'a password in a proxy without a host', "token T; proxy http://u:$s;", 'proxy';
refused 'a password in a proxy that is none', "token T; proxy ftp://u:$s\@example.com/;", 'proxy';
refused 'a password in a proxy with a bad port', "token T; proxy http://u:$s\@example.com:0/;", 'proxy';
refused 'something else that is wrong', "token $s; api import; service_account n $s 1; zone 1x;", 'zone';

$t->write_file('right', "$s\n");
my $r = $t->test_config(<<'END');
%%GLOBALS%%
events { }
http {
    %%GLOBALS_HTTP%%
    mixtrack_project { token T; api import; endpoint http://127.0.0.1:9/; service_account n file:right 1; }
    server { listen 127.0.0.1:%%PORT_0%%; location / { mixtrack a; } }
}
END
is($r->{rc}, 0, 'loopback, and a secret from a file, are fine') or diag($r->{out});

$t->done;
