#!/usr/bin/perl

# What nginx -t says: each wrong value in one sentence that names it, the
# file and the line (marked "# here" below); everything right is accepted.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);

my $t = Mixtrack::Nginx->new;

# http: lines in http {}, server, location: in the one server and location,
# main: at the top, project: in the block of the unnamed project, which is
# there by itself unless bare
sub config (%o) {
    my $project = $o{bare} ? '' : "mixtrack_project {\n    token T;\n    " . ($o{project} // '') . "\n}";

    return join "\n", '%%GLOBALS%%', $o{main} // '', 'events { }', 'http {', '%%GLOBALS_HTTP%%',
        $project, $o{http} // '', 'server {', 'listen 127.0.0.1:%%PORT_0%%;', $o{server} // '',
        'location / {', $o{location} // '', '}', '}', '}', '';
}

sub mark ($line) { $line =~ /here$/m ? $line : "$line # here" }

# a wrong line where it belongs; named by these words
sub bad ($name, $where, $line, @words) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    _bad($name, config($where => mark($line)), @words);
}

sub _bad ($name, $conf, @words) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r    = $t->test_config($conf);
    my @line = @{$r->{emerg}};
    my @why;

    push @why, "exit code $r->{rc}"              if $r->{rc} != 1;
    push @why, scalar(@line) . ' emerg lines'    if @line != 1;
    push @why, 'tells a secret'                  if $r->{out} =~ /S3CRET/;
    push @why, 'not a word of why'               if @line && $line[0] !~ /\[emerg\] \S+ \S+/;
    for my $word (@words) {
        push @why, "no \"$word\"" if @line && index($line[0], $word) < 0;
    }

    my ($at) = ($line[-1] // '') =~ / in \Q$r->{file}\E:(\d+)(?: \(\d+: [^()]+\))?$/;
    push @why, 'no file and line at its end' if !defined $at;
    push @why, "line $at, not @{$r->{marked}}" if defined $at && !grep { $_ == $at } @{$r->{marked}};

    is(join('; ', @why), '', $name) or diag($r->{out});
}

# nginx itself finds these, and does not say where
sub unknown_variable ($name, @conf) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = $t->test_config(config(@conf));
    is("$r->{rc} @{$r->{emerg}}", '1 nginx: [emerg] unknown "nobody_knows" variable',
        "$name with an unknown variable");
}

# taken, but not without a word, which names the line as well
sub warned ($name, $conf, @words) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r    = $t->test_config($conf);
    my @warn = grep {/\[warn\]/} split /\n/, $r->{out};
    my ($at) = ($warn[0] // '') =~ / in \Q$r->{file}\E:(\d+)$/;

    ok($r->{rc} == 0 && @warn == 1 && ($at // 0) == $r->{marked}[0]
            && !grep({ index($warn[0], $_) < 0 } @words), $name)
        or diag($r->{out});
}

sub good ($name, $conf) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = $t->test_config($conf);
    ok($r->{rc} == 0 && $r->{out} !~ /\[(?:emerg|alert|crit|error|warn)\]/, $name)
        or diag($r->{out});
}

my $files = $t->dir;

# what files hold
my $pem = "-----BEGIN %s-----\nS3CRET\n-----END %s-----\n";
my %tls = map { $_ => slurp($t->tls->file($_)) } qw(ca.crt good.crt client.crt client.key stranger.key);
$t->write_file('ca.pem',        "of all\n$tls{'good.crt'}\n\n$tls{'client.crt'}and the last\n$tls{'ca.crt'}");
$t->write_file('cert.pem',      $tls{'client.crt'});
$t->write_file('chain.pem',     $tls{'client.crt'} . $tls{'ca.crt'});
$t->write_file('key.pem',       $tls{'client.key'});
$t->write_file('both.pem',      $tls{'client.key'} . $tls{'client.crt'});
$t->write_file('other.pem',     $tls{'stranger.key'});
$t->write_file('fake.pem',      sprintf $pem, ('CERTIFICATE') x 2);
$t->write_file('fakekey.pem',   sprintf $pem, ('PRIVATE KEY') x 2);
$t->write_file('some.pem',      $tls{'ca.crt'} . sprintf $pem, ('CERTIFICATE') x 2);
$t->write_file('half.pem',      $tls{'ca.crt'} . substr $tls{'ca.crt'}, 0, 200);
$t->write_file('request.pem',   $tls{'client.crt'} =~ s/CERTIFICATE/CERTIFICATE REQUEST/gr);
for (['encrypted.pem', 'pkcs8', '-topk8'], ['old.pem', 'ec', '-aes128']) {
    my ($name, @command) = @$_;
    system("openssl @command -in $files/key.pem -out $files/$name -passout pass:S3CRET 2>$files/openssl.out") == 0
        or die slurp("$files/openssl.out");
    chmod 0644, "$files/$name";
}
$t->write_file('not.pem',       "S3CRET\n");
$t->write_file('large.pem',     sprintf($pem, ('CERTIFICATE') x 2) . "x\n" x (1 << 21));
$t->write_file('secret',        "S3CRET\r\n");
$t->write_file('secret255',     'S3CRET' . 's' x 249 . "\n");
$t->write_file('secret256',     'S3CRET' . 's' x 250);
$t->write_file('lines',         "S3CRET\nS3CRET\n");
$t->write_file('none',          "\r\n");
$t->write_file('colon',         "T:S3CRET\n");
mkdir $t->dir . '/directory' or die "directory: $!\n";

# ---- what is right

good 'the smallest configuration', config(location => 'mixtrack "Page View";');
for my $workers (127, 200, 1000) {
    good "it with $workers workers", config(main => "worker_processes $workers;", location => 'mixtrack "Page View";');
    good "$workers workers behind the http block", config(location => 'mixtrack "Page View";') . "worker_processes $workers;\n";
}

good 'everything', config(
    http => <<'EOF',
mixtrack_project all {
    token            T;
    endpoint         http://127.0.0.1:8888/some/track;
    api              track;
    id_merge         original;
    proxy            http://127.0.0.1:3128;
    zone             4m;
    batch            events=100 bytes=100k interval=500ms;
    connections      4;
    rate             events=1000/s bytes=100m/m;
    retry            min=1s max=30s jitter=500ms-2s;
    timeout          connect=2s total=10s;
    gzip             6;
    max_age          4d;
    spool            100m;
    shutdown_timeout 2s;
}
mixtrack_project importer {
    service_account  name S3CRET 12345;
    tls              verify=on ca=%%TESTDIR%%/ca.pem cert=%%TESTDIR%%/cert.pem key=%%TESTDIR%%/key.pem;
    max_age          off;
    api              import;
    endpoint         eu;
    token            T;
}
mixtrack_properties standard;
mixtrack_property   host $host;
mixtrack_ip         on;
mixtrack            "All" project=all if=$http_x_if;
mixtrack            "All again" project=all;
EOF
    server => <<'EOF',
mixtrack_user_id    $cookie_uid;
mixtrack_device_id  $cookie_did;
mixtrack_property   bytes $bytes_sent type=number;
mixtrack_property   cached $upstream_cache_status type=bool;
mixtrack_property   name "$host and $uri" type=string;
location /status { mixtrack_status json; }
EOF
    location => <<'EOF',
mixtrack "View of $host" project=all if=$arg_a;
mixtrack "Here";
mixtrack_properties minimal;
mixtrack_property   host off;
mixtrack_ip         off;
if ($arg_b) {
    mixtrack "If" project=all;
    mixtrack_property b $arg_b;
    mixtrack_properties standard;
    mixtrack_ip on;
    mixtrack_user_id $arg_u;
    mixtrack_device_id $arg_d;
}
if ($arg_c) {
    mixtrack off;
}
EOF
);

good "endpoint $_", config(project => "endpoint $_;") for qw(
    us eu in
    http://127.0.0.1 http://localhost:80 https://example.com/ https://example.com/a/b
    http://[::1]:8888/track
);
good "gzip $_", config(project => "gzip $_;") for qw(1 9 off);
good "connections $_", config(project => "connections $_;") for 1, 20;
good 'batch of 2000 events', config(project => 'batch events=2000;');
good 'batch of one event',   config(project => 'batch events=1;');
good 'batch by interval only', config(project => 'batch interval=10ms;');
good "spool $_", config(project => "spool $_;") for qw(10m 1g off);

# where events go
good "api $_", config(project => "api $_;") for qw(track import);
good "import to $_", config(project => "endpoint $_;\napi import;") for qw(
    us eu in https://example.com https://example.com/import?strict=0&project_id=1
    http://127.0.0.1:8888/import http://127.9.9.9 http://localhost http://[::1]:8888
);
my @account = ('token T;', 'api import;', 'service_account name S3CRET 12345;');
good 'a service account', config(bare => 1, http => "mixtrack_project {\n@account\n}");
good 'a service account, the other way round', config(bare => 1, http => "mixtrack_project {\n@{[reverse @account]}\n}");
good "a service account's secret from $_", config(project => "api import; service_account name file:$files/$_ 1;")
    for qw(secret secret255);
good 'a secret beside nginx.conf', config(project => 'api import; service_account name file:secret 1;');
good 'a token from a file for import',
    config(bare => 1, http => "mixtrack_project { token file:$files/secret; api import; }");
good 'a token with a colon for track', config(bare => 1, http => 'mixtrack_project { token a:b; }');
good "tls $_", config(project => "tls $_;") for
    'verify=on', 'verify=off', "ca=$files/ca.pem", "cert=$files/cert.pem key=$files/key.pem",
    "key=$files/key.pem cert=$files/cert.pem verify=off", "cert=$files/chain.pem key=$files/both.pem",
    "cert=$files/both.pem key=$files/both.pem ca=$files/both.pem", "verify=on ca=$files/ca.pem", 'ca=ca.pem';
good "proxy $_", config(project => "proxy $_;") for qw(
    http://proxy.test:3128 http://10.0.0.1:3128/ https://proxy.test http://[::1]:3128
    http://user:S3CRET@proxy.test:3128 http://user@proxy.test https://user:S3CRET@proxy.test:3128
);
good 'tls for a proxy of https', config(project => "tls ca=$files/ca.pem; endpoint http://127.0.0.1:1; proxy https://proxy.test;");
good 'a proxy on loopback for import on loopback',
    config(project => 'api import; endpoint http://127.0.0.1:1; proxy http://localhost:3128;');
good 'a proxy elsewhere for import by https', config(project => 'api import; proxy http://proxy.test:3128;');
good "endpoint file:$_", config(project => "endpoint file:$_;") for
    "$files/dry.ndjson", "$files/secret", 'dry.ndjson', '/dev/null';
good 'a file for two projects', config(
    project => "endpoint file:$files/dry.ndjson; api track;",
    http    => "mixtrack_project b { token \$host; endpoint file:$files/dry.ndjson; }",
);
warned 'tls without https',
    config(project => "tls verify=off; # here\nendpoint http://127.0.0.1:1;\nproxy http://proxy.test;"), 'tls', 'no effect';

# how
good "id_merge $_", config(project => "id_merge $_;") for qw(simplified original);
good "rate $_", config(project => "rate $_;") for
    'off', 'events=1/s', 'events=1000000/s', 'bytes=1k/m', 'bytes=10g/m', 'bytes=2048/m events=5/s';
good "retry $_", config(project => "retry $_;") for
    'min=1ms', 'max=1d', 'min=1d', 'max=1ms', 'min=5s max=5s', 'jitter=1s', 'jitter=0-0', 'jitter=0',
    'jitter=1s-1s', 'jitter=100ms-2s min=100ms max=1s', 'min=1 max=2';
good "max_age $_", config(project => "max_age $_;") for qw(1s 1000ms 118h 120h 5d 432000s 1m);
good "max_age $_ for import", config(project => "max_age $_;\napi import;") for qw(off 1s 1500ms 121h 30d 1y), q("1y 6M");

good 'token with variables', config(
    bare     => 1,
    http     => 'mixtrack_project { token $http_x_token; }',
    location => 'mixtrack a;',
);

# what a variable makes of it is not known yet
good "token $_", config(bare => 1, http => "mixtrack_project { token $_; }", location => 'mixtrack a;') for
    '"$http_x_token $arg_a"', "\xc3\xa9\$host", '!"#%&()*+,-./:<=>?@[]^_`|~0aA';

for (['T', 'as it is'], ["T\n", 'with a line break'], ["T\r\n", 'with one of DOS'], ["\$host\n", 'that is no variable']) {
    $t->write_file('token', $_->[0]);
    good "token from a file $_->[1]", config(bare => 1, http => 'mixtrack_project { token file:%%TESTDIR%%/token; }');
}

$t->write_file('token', "FROM_FILE\n");
good 'token from a file', config(
    bare     => 1,
    http     => 'mixtrack_project { token file:%%TESTDIR%%/token; }',
    location => 'mixtrack a;',
);

good 'no project and no mixtrack', config(bare => 1);
good 'the only project needs no name', config(
    bare     => 1,
    http     => 'mixtrack_project only { token T; }',
    location => 'mixtrack a;',
);
good 'the unnamed one is the default', config(
    http     => 'mixtrack_project other { token T; }',
    location => 'mixtrack a; mixtrack b project=other;',
);
good 'a project after its use', config(
    bare => 1,
    http => "mixtrack a project=late;\nmixtrack_project late { token T; }\nmixtrack_project { token T; }",
);

$t->write_file('project.conf', 'mixtrack_project included { token T; endpoint eu; }');
$t->write_file('inside.conf',  "token T;\nendpoint in;\n");
good 'a project from an included file', config(
    http => "include %%TESTDIR%%/project.conf;\nmixtrack a project=included;");
good 'include within a project', config(
    bare => 1,
    http => "mixtrack_project { include %%TESTDIR%%/inside.conf; }\nmixtrack a;");

good 'off over a list', config(http => 'mixtrack a;', location => 'mixtrack off;');
good 'a list over off', config(http => 'mixtrack off;', location => 'mixtrack a;');
good 'a property again one level below', config(
    http => 'mixtrack_property a b;', location => 'mixtrack_property a c; mixtrack d;');
good 'a name of 255 bytes', config(location => 'mixtrack a; mixtrack_property ' . 'n' x 255 . ' v;');
good 'an own standard property', config(
    location => 'mixtrack a; mixtrack_property method GET; mixtrack_property $current_url off;');

# the API's own and the standard ones count as well
good '240 properties and nothing else', config(
    location => join("\n", 'mixtrack a; mixtrack_properties minimal;', map {"mixtrack_property p$_ v;"} 1 .. 240));
good '202 properties beside the standard ones', config(
    location => join("\n", 'mixtrack a;', map {"mixtrack_property p$_ v;"} 1 .. 202));
good 'a name of 255 bytes with its variables', config(
    location => 'mixtrack "${request_method}' . 'x' x 254 . '";');
good 'a list that may have 254 elements', config(
    location => 'mixtrack a; mixtrack_property p "' . 'x,' x 253 . '$uri" type=list;');
good 'JSON of three levels', config(
    location => q(mixtrack a; mixtrack_property p '{"[[[":[[$status]]}' type=json;));
good 'a string that may be whole', config(location => 'mixtrack a; mixtrack_property p "' . 'x' x 254 . '$uri";');
good 'ids that may be whole', config(location => 'mixtrack_user_id "' . 'x' x 254 . '$arg_u"; mixtrack_device_id "'
    . 'x' x 246 . '$arg_d";');
good '300 properties of nothing', config(
    location => join("\n", map {"mixtrack_property p$_ v;"} 1 .. 300));
good 'as many as there may be', config(location => join("\n", 'mixtrack a; mixtrack_properties minimal;',
    map {"mixtrack_property p$_ v;"} 1 .. 247));

my %most = (
    'a list of 254'         => "'" . join(',', 1 .. 254) . "' type=list",
    'a json of 254'         => "'[" . join(',', 1 .. 254) . "]' type=json",
    'a json of 254 names'   => "'{" . join(',', map {"\"k$_\":1"} 1 .. 254) . "}' type=json",
    'a json of three levels' => q('{"a":{"b":{"c":1}}}' type=json),
    'a string of 255 bytes' => 'v' x 255,
);
good "$_ as it is", config(location => "mixtrack a; mixtrack_property p $most{$_};") for sort keys %most;

# of whom, and when
good "mixtrack a $_", config(location => "mixtrack a $_;") for
    qw(sample=10% sample=0.5% sample=.5% sample=100% sample=99.999999% sample=0.000001%),
    'if=$arg_a sample=50%', 'sample=50% if=1';
good 'a sample of a project if', config(
    http => 'mixtrack_project b { token T; }', location => 'mixtrack a project=b sample=1% if=$arg_a;');
good "mixtrack_property with $_", config(location => "mixtrack_property a b $_;") for
    'if=$arg_a', 'if=1', '"if=$arg_a$arg_b"', 'type=string if=$arg_a', 'if=$arg_a type=string';
good "a $_->[0] of $_->[1]", config(location => "mixtrack_property a '$_->[1]' type=$_->[0];") for
    ['number', '-1.5e3'], ['bool', 'off'], ['string', 'off'], ['time', '1700000000.5'], ['time', '2026-02-28T12:00:00Z'],
    ['list', 'a, b,c'], ['list', ','], ['json', '{"a":[1,true,null,"x"]}'], ['json', '"x"'];
good "mixtrack_ip $_", config(location => "mixtrack_ip $_;") for qw(on off anonymize);
good $_, config(http => 'map $uri $mixtrack_user_identity { default 1; }', location => "$_;") for
    'mixtrack_user_id $mixtrack_user_identity', 'mixtrack_device_id "${mixtrack_user_identity}"', 'mixtrack_user_id "$1$mixtrack_user_identity"';
good "$_ of nobody", config(location => "$_ \"\";") for qw(mixtrack_user_id mixtrack_device_id);

# what is kept to ourselves
good "mixtrack_respect $_", config(location => "mixtrack_respect $_;") for
    qw(off dnt gpc opt_out), 'dnt gpc', 'opt_out gpc dnt';
for my $name (qw(mixtrack_redact_args mixtrack_keep_args)) {
    good "$name $_", config(location => "$name $_;") for
        'off', 'a', 'a b c', 'Token %74oken', "\xc3\xa9", 'on', 'a a', 'off-peak', join(' ', 'aa' .. 'dz'), 'n' x 64;
}
good 'both lists of arguments', config(location => "mixtrack_redact_args a;\nmixtrack_keep_args b;");
good "mixtrack_device_cookie $_", config(location => "mixtrack_device_cookie $_;") for
    'off', 'd', '__Host-d secure', 'a.b_c-d!#&', 'd max_age=1s', 'd max_age=2y', 'd domain=example.com',
    'd domain=.example.com', 'd samesite=lax', 'd samesite=strict', 'd samesite=none secure', 'd if=$arg_a', 'd secure if=1',
    'd secure samesite=none', 'd domain=example.com max_age=30d samesite=strict secure';

# at any level, one replacing the other
my $visitors = <<'EOF';
mixtrack               a sample=20% if=$mixtrack_page_view;
mixtrack_property      b $arg_b if=$mixtrack_bot;
mixtrack_respect       dnt;
mixtrack_redact_args   x y;
mixtrack_keep_args     z;
mixtrack_ip            anonymize;
mixtrack_device_cookie d max_age=1d;
EOF
my $nobody = <<'EOF';
mixtrack               off;
mixtrack_property      b off;
mixtrack_respect       off;
mixtrack_redact_args   off;
mixtrack_keep_args     off;
mixtrack_ip            off;
mixtrack_device_cookie off;
EOF
for my $case (['everything', $visitors, $visitors], ['nothing', $nobody, $nobody],
    ['everything and nothing in turn', $visitors, $nobody], ['nothing and everything in turn', $nobody, $visitors])
{
    my ($name, $one, $other) = @$case;
    good "$name at each level",
        config(http => $one, server => $other, location => "$one\nif (\$arg_a) {\n$other\n}");
}

my @variables = map {"mixtrack_$_"} qw(page_view bot browser browser_version os device user_id device_id insert_id);
good 'each variable anywhere', config(
    http     => join("\n", map {"log_format $_ '\$$_';\nmap \$$_ \$${_}_mapped { default \$$_; }"} @variables),
    location => join("\n", 'mixtrack a;', map {"mixtrack_property $_ \$${_}_mapped;\nadd_header $_ \$$_;"} @variables),
);
good 'each variable, and no project', config(bare => 1, location => 'return 200 "' . join(' ', map {"\$$_"} @variables) . '";');
good 'zone 1g', config(project => 'zone 1g;');
good 'sixteen workers', config(main => 'worker_processes 16;', project => 'zone 8m;');

# ---- projects

_bad 'no token', config(bare => 1, http => "mixtrack_project { # here\nzone 1m;\n} # here\nmixtrack a;"),
    'token', 'mixtrack_project';
_bad 'no token in a project nobody uses',
    config(http => "mixtrack_project other { # here\n} # here"), 'token';
_bad 'no token in an empty block', config(bare => 1, http => 'mixtrack_project { } # here'), 'token';
_bad 'empty token', config(bare => 1, http => "mixtrack_project {\ntoken \"\"; # here\n}"), 'token';
_bad 'token file that is not there',
    config(bare => 1, http => "mixtrack_project {\ntoken file:%%TESTDIR%%/nothing; # here\n}"),
    'token', 'nothing';
$t->write_file('empty', "\n");
# what is in a file is not seen, and would be a token all the same
my %token = (
    'two line breaks'       => "S3CRET\n\n",
    'a space behind it'     => "S3CRET \n",
    'a space before it'     => " S3CRET\n",
    'a tab in it'           => "S3\tCRET\n",
    'two lines'             => "S3CRET\nS3CRET\n",
    'two lines of DOS'      => "S3CRET\r\n\r\n",
    'half a line break'     => "S3CRET\r",
    'the wrong line break'  => "S3CRET\n\r",
    'a byte order mark'     => "\xef\xbb\xbfS3CRET\n",
    'a byte that is none'   => "S3CRET\x7f",
    'a byte of no text'     => "S3CRET\0S3CRET",
    'letters of a language' => "S3CRET\xc3\xa9\n",
);
for my $what (sort keys %token) {
    $t->write_file('bad token', $token{$what});
    _bad "token file with $what",
        config(bare => 1, http => "mixtrack_project {\ntoken 'file:%%TESTDIR%%/bad token'; # here\n}"),
        '"token"', '/bad token"', 'printable ASCII';
}
_bad "token with $_->[0]", config(bare => 1, http => "mixtrack_project {\n# here\ntoken $_->[1]; # here\n}"),
    '"token"', 'printable ASCII' for
    ['a space', '"a S3CRET"'], ['a line break', qq("S3CRET\n")], ['other letters', "S3CRET\xc3\xa9"];

_bad 'token file that is empty',
    config(bare => 1, http => "mixtrack_project {\ntoken file:%%TESTDIR%%/empty; # here\n}"), 'token';
unknown_variable 'token', bare => 1, http => 'mixtrack_project { token $nobody_knows; }', location => 'mixtrack a;';

_bad 'unnamed project twice', config(http => "mixtrack_project { # here\ntoken T;\n}"), 'duplicate';
_bad 'named project twice',
    config(http => "mixtrack_project a { token T; }\nmixtrack_project a { # here\ntoken T;\n}"),
    'duplicate', '"a"';
bad 'project with two names', http => 'mixtrack_project a b { token T; }', 'mixtrack_project';
bad 'project with an empty name', http => 'mixtrack_project "" { token T; }', 'mixtrack_project';
bad 'project without a block', http => 'mixtrack_project a;', 'mixtrack_project';
bad 'project in a server', server => 'mixtrack_project a { token T; }', 'mixtrack_project';

bad 'unknown region', project => 'endpoint asia;', 'endpoint', 'asia';
# with scheme and host alone: who knows what the rest was meant to be
bad "malformed URL $_->[0]", project => "endpoint '$_->[0]';", 'endpoint', qq("$_->[1]") for
    ['http://', 'http://'], ['https://', 'https://'], ['http:///track', 'http://'], ['http://:80/track', 'http://'],
    ['http://host:0/', 'http://host'], ['http://host:99999/', 'http://host'], ['http://host:x/', 'http://host'],
    ['http://[::1/', 'http://[::1'], ['http://[::1]:0/', 'http://[::1]'], ['http:host', 'http'], ['ftp://host/', 'ftp://host'],
    ['htp://host/track', 'htp://host'], ['http//host', 'http'], ['host', 'host'],
    ['https://host?key=S3CRET#f', 'https://host'], ['https://host/S3CRET#f', 'https://host'], ['https://host#S3CRET', 'https://host'],
    ['ftp://host/?key=S3CRET', 'ftp://host'], ['https://user:S3CRET', 'https://user'], ['https://[S3CRET', 'https://['],
    ['host/?key=S3CRET', 'host'], ['host?S3CRET', 'host'], ['host:S3CRET', 'host'], ['http:host/S3CRET', 'http'],
    ['https://host/?mail=S3CRET@host#f', '...'];
bad 'URL with a space', project => 'endpoint "http://host/a b";', 'endpoint';
bad 'empty endpoint', project => 'endpoint "";', 'endpoint';
bad 'endpoint without a value', project => 'endpoint;', 'endpoint';

bad "zone $_", project => "zone $_;", 'zone', '"' . tr/"//dr . '"' for qw(0 -1 abc 1x 8k 32q "");
for my $workers (4, 16, 64, 128) {
    my $size = $workers * 4 * 64 - 64;
    _bad "zone of ${size}k for $workers workers",
        config(project => "zone ${size}k; # here", main => "worker_processes $workers;"),
        'zone', 'mixtrack_project', "\"${size}k\"";
}

bad "batch $_", project => "batch $_;", 'batch', $_ for
    qw(events=0 events=2001 events=-1 events=abc events= bytes=0 bytes=abc bytes=11m bytes=
       interval=abc interval= size=5 2000);
bad 'batch without a value', project => 'batch;', 'batch';

bad "connections $_", project => "connections $_;", 'connections', '"' . tr/"//dr . '"' for qw(0 21 -1 abc "");
bad "timeout $_", project => "timeout $_;", 'timeout' for qw(connect=abc total=0 total= other=1s 5s);
bad "gzip $_",  project => "gzip $_;",  'gzip' for qw(10 -1 abc on "");
bad "spool $_", project => "spool $_;", 'spool', '"' . tr/"//dr . '"' for qw(abc on "");
bad "shutdown_timeout $_", project => "shutdown_timeout $_;", 'shutdown_timeout', '"' . tr/"//dr . '"' for qw(abc -1 "");

bad "$_->[0] twice", project => "$_->[0] $_->[1];\n$_->[0] $_->[1]; # here", $_->[0] for
    ['endpoint', 'us'], ['zone', '4m'], ['batch', 'events=10'], ['connections', '2'],
    ['timeout', 'total=5s'], ['gzip', '1'], ['spool', '1m'], ['shutdown_timeout', '1s'], ['api', 'track'],
    ['service_account', 'a S3CRET 1'], ['tls', 'verify=on'], ['proxy', 'http://proxy'], ['id_merge', 'original'],
    ['rate', 'off'], ['retry', 'jitter=1s'], ['max_age', '1h'], ['endpoint', 'file:/dev/null'];
bad "$_->[0] in two parts", project => "$_->[0] $_->[1];\n$_->[0] $_->[2]; # here", $_->[0], 'duplicate' for
    ['batch', 'events=10', 'bytes=1m'], ['timeout', 'total=5s', 'connect=1s'], ['retry', 'min=1s', 'max=2s'],
    ['rate', 'events=1/s', 'bytes=1m/m'], ['tls', 'verify=on', "ca=$files/ca.pem"];
bad 'a file and a region', project => "endpoint file:/dev/null;\nendpoint us; # here", 'endpoint', 'duplicate';
bad 'token twice', project => 'token T;', 'token';

bad 'unknown directive in a project', project => 'colour red;', 'colour';
bad 'a block in a project', project => 'zone 1m { }', '{';

# ---- where events go

bad "api $_", project => "api $_;", 'api', tr/"//dr for qw(engage Import "" off);
bad 'api without a value', project => 'api;', 'api';

bad 'a service account for track', project => "service_account a S3CRET 1; # here\napi track;",
    'service_account', 'api import';
bad 'a service account for the default api', project => 'service_account a S3CRET 1;',
    'service_account', 'api import';
bad "service account $_->[0]", project => "api import;\nservice_account $_->[1]; # here", 'service_account' for
    ['without a value', ''], ['without a secret', 'S3CRET'], ['without an id', 'a S3CRET'],
    ['with too much', 'a S3CRET 1 S3CRET'], ['with an empty name', '"" S3CRET 1'],
    ['with an empty secret', 'S3CRET "" 1'], ['with an empty id', 'a S3CRET ""'],
    ['with an id that is none', 'a 1 S3CRET'], ['with a negative id', 'a S3CRET -1'],
    ['with an id of 21 digits', 'a S3CRET ' . '1' x 21],
    ['with a colon in its name', 'a:S3CRET b 1'], ['with a line in its name', "\"S3CRET\nb\" b 1"],
    ['with a line in its secret', "a \"S3CRET\nb\" 1"],
    ['with a secret of 256 bytes', 'a S3CRET' . 's' x 250 . ' 1'];
bad "secret in a file that $_->[0]", project => "api import;\nservice_account a file:$files/$_->[1] 1; # here",
    'service_account', @$_[2 .. $#$_] for
    ['is not there', 'nothing', '/nothing', 'cannot open'], ['is empty', 'none', '/none', 'is empty'],
    ['is a directory', 'directory', '/directory', 'cannot read'], ['is long', 'secret256', '/secret256', '255 bytes'],
    ['is longer', 'large.pem', '/large.pem', 'bytes'], ['has two lines', 'lines'];
bad 'token in a file that is long', project => "zone 4m;\n}\nmixtrack_project b {\ntoken file:$files/secret256; # here",
    'token', '/secret256';
bad 'no token beside a service account', http => "mixtrack_project b { # here\n@account[1, 2]\n}", 'token';

for my $account ('', 'service_account a S3CRET 1;') {
    my $with = $account ? ' with a service account' : '';

    bad "token with variables for import$with",
        http => "mixtrack_project b {\ntoken \$host;\n$account\napi import; # here\n}", 'token', 'api import';
    bad "import to $_ in plain text$with", project => "endpoint $_; # here\n$account\napi import;",
        'endpoint', m{^(http://(?:\[.*\]|[^:/]+))} ? qq("$1") : '', 'https' for
        qw(http://example.com http://10.0.0.1:8080/import?key=S3CRET http://127.0.0.1.test/ http://localhost.test/ http://[::2]/S3CRET);
    bad "import to another machine in plain text by a proxy$with",
        project => "endpoint http://example.com; # here\n$account\napi import;\nproxy http://127.0.0.1:3128;",
        'endpoint', 'http://example.com';
    bad "import in plain text by a proxy elsewhere$with",
        project => "endpoint http://127.0.0.1:1;\n$account\napi import;\nproxy http://S3CRET\@proxy.test:3128; # here",
        'proxy', 'plain text';
}
bad 'import by a token that Basic cannot carry',
    http => "mixtrack_project b {\ntoken file:$files/colon;\napi import; # here\n}", 'token';

bad 'endpoint with a user', project => 'endpoint https://user:S3CRET@example.com/;', 'endpoint', 'user';
bad 'malformed endpoint with a user', project => 'endpoint https://user:S3CRET@:80/;', 'endpoint';

bad "tls $_", project => "tls $_;", 'tls', (split ' ')[-1] for
    'verify=maybe', 'verify=', 'verify=on verify=off', "ca=$files/ca.pem ca=/x", 'colour=red', 'off',
    'crl=/x';
bad "tls $_->[0]", project => "tls $_->[1];", 'tls', @$_[2 .. $#$_] for
    ['without a value', ''], ['with five values', 'a b c d e'],
    ['with a certificate alone', "cert=$files/cert.pem", 'cert=', 'key='],
    ['with a key alone', "key=$files/key.pem", 'cert=', 'key='],
    ['with a ca nobody looks at', "verify=off ca=$files/ca.pem", 'verify=off', 'ca='],
    ['with an empty ca=', 'ca='],
    ['with a key that is encrypted', "cert=$files/cert.pem key=$files/encrypted.pem", '/encrypted.pem', 'encrypted'],
    ['with a key that is encrypted the old way', "cert=$files/cert.pem key=$files/old.pem", '/old.pem', 'encrypted'];

# only the OpenSSL of nginx can know
SKIP: {
    skip 'an nginx without TLS', 1 if `'$t->{binary}' -V 2>&1` !~ /TLS SNI support/;

    bad "tls $_->[0]", project => "tls $_->[1];", '"tls"', @$_[2 .. $#$_] for
        ['with a key as authority', "ca=$files/key.pem", '"ca="', '/key.pem', 'no certificate'],
        ['with a request as authority', "ca=$files/request.pem", '"ca="', '/request.pem', 'no certificate'],
        ['with an authority that is none', "ca=$files/fake.pem", '"ca="', '/fake.pem', 'broken'],
        ['with another authority that is none', "ca=$files/some.pem", '"ca="', '/some.pem', 'broken'],
        ['with half an authority', "ca=$files/half.pem", '"ca="', '/half.pem', 'broken'],
        ['with a certificate that is none', "cert=$files/fake.pem key=$files/key.pem", '"cert="', '/fake.pem', 'broken'],
        ['with a key that is none', "cert=$files/cert.pem key=$files/fakekey.pem", '"key="', '/fakekey.pem', 'no private key'],
        ['with a certificate as key', "cert=$files/cert.pem key=$files/cert.pem", '"key="', '/cert.pem', 'no private key'],
        ['with a key as certificate', "cert=$files/key.pem key=$files/key.pem", '"cert="', '/key.pem', 'no certificate'],
        ['with both the wrong way round', "cert=$files/key.pem key=$files/cert.pem", '"cert="', '/key.pem', 'no certificate'],
        ["with somebody else's key", "cert=$files/cert.pem key=$files/other.pem", '"key="', '/other.pem', '/cert.pem'],
        ['with a chain that is the wrong way round', "cert=$files/ca.pem key=$files/key.pem", '"key="', '/key.pem', '/ca.pem'];
}

for my $name (qw(ca cert key)) {
    bad "tls $name= that $_->[0]", project => "tls $name=$files/$_->[1];", 'tls', "/$_->[1]", $_->[2] for
        ['is not there', 'nothing', 'cannot open'], ['is a directory', 'directory', 'cannot read'],
        ['is not PEM', 'not.pem', 'PEM'], ['is too large', 'large.pem', 'more than'];
}

bad "proxy $_", project => "proxy $_;", 'invalid URL in "proxy" of "mixtrack_project", ' for
    qw(proxy proxy:3128 http:// http://:3128 http:///x ftp://proxy socks5://proxy:1080 http://proxy:0
       http://proxy:x http://proxy/path http://proxy/?a=b off), 'http://proxy/#f';
bad "proxy $_", project => "proxy '$_';", 'proxy' for
    'http://user:S3CRET', 'http://S3CRET:port', 'S3CRET', 'user:S3CRET', 'http//user:S3CRET', 'http://:S3CRET',
    'http://user/S3CRET', 'http://proxy?S3CRET', 'http://proxy#S3CRET', 'http://user S3CRET', 'S3CRET://proxy';
bad "proxy $_", project => "proxy $_;", 'proxy' for
    qw("" http://user:S3CRET@ http://user:S3CRET@proxy:0 socks5://user:S3CRET@proxy http://user:S3CRET@proxy/x);
bad 'proxy without a value', project => 'proxy;', 'proxy';

# a file
bad "dry run into $_->[0]", project => "endpoint file:$_->[1];", 'endpoint', $_->[1] for
    ['a directory that is not there', "/nobody/has/dry.ndjson"], ['a directory', '/tmp'],
    ['a directory by its slash', '/tmp/'], ['a file below a file', '/dev/null/dry.ndjson'];
bad 'dry run into nothing', project => 'endpoint file:;', 'endpoint';
bad 'dry run of import', project => "api import; # here\nendpoint file:$files/dry.ndjson;", 'api import', 'endpoint';
bad 'dry run of a service account', project => "service_account a S3CRET 1;\nendpoint file:$files/dry.ndjson;\napi import; # here",
    'api import', 'endpoint';
bad "dry run with $_", project => "endpoint file:$files/dry.ndjson;\n$_; # here", (split ' ')[0], 'endpoint' for
    'tls verify=off', 'proxy http://user:S3CRET@proxy.test:3128';
ok(!-e $t->dir . '/never.ndjson', 'there is no such file yet');
bad 'dry run of a configuration that is wrong', project => "endpoint file:$files/never.ndjson;\ngzip on; # here", 'gzip';
ok(!-e $t->dir . '/never.ndjson', 'a refused configuration leaves no file');

# ---- how

bad "id_merge $_", project => "id_merge $_;", 'id_merge', tr/"//dr for qw(both Original "" off);

bad "rate $_", project => "rate $_;", 'rate', (split ' ')[-1] for
    qw(events=0/s events=-1/s events=10 events=10/m events=/s events=x/s events=/ events= events=1k/s
       events=10000000000/s events=99999999999999999999/s events=off
       bytes=0/m bytes=1023/m bytes=1k bytes=1k/s bytes=/m bytes=x/m bytes= bytes=1025g/m bytes=-1k/m on 5),
    'events=1/s events=2/s', 'bytes=1m/m bytes=2m/m', 'events=1/s off', 'off off';
bad 'rate without a value', project => 'rate;', 'rate';
bad 'rate with three values', project => 'rate events=1/s bytes=1k/m off;', 'rate';

bad "retry $_", project => "retry $_;", 'retry', (split ' ')[-1] for
    qw(min=0 min=-1s min=abc min= min=25h max=0 max=abc max= max=2d jitter= jitter=- jitter=1s- jitter=-1s
       jitter=abc jitter=2s-1s jitter=1s-2s-3s jitter=1s-25h jitter=25h other=1s 5s off),
    'min=1s min=2s', 'max=1s max=2s', 'jitter=1s jitter=2s';
bad 'retry whose min is more than its max', project => 'retry min=5s max=4s;', 'retry', 'min=', 'max=';
bad 'retry without a value', project => 'retry;', 'retry';

bad "max_age $_", project => "max_age $_;", 'max_age', tr/"//dr for qw(0 0s 999ms -1 abc "" on 5x 1y1s1y 9999999999999999y);
bad "max_age $_ for track", project => "max_age $_; # here\napi track;", 'max_age', 'track', '120h' for
    qw(off 121h 432001s 6d 1y);
bad 'max_age for import of 0', project => "api import;\nmax_age 0; # here", 'max_age';

# ---- the spool directory

$t->{spool_path} = 0;
$t->write_file('file', '');
bad 'spool directory whose parent is not there', http => 'mixtrack_spool_path %%TESTDIR%%/no/spool;',
    'mixtrack_spool_path', '/no/spool';
bad 'spool directory that is a file', http => 'mixtrack_spool_path %%TESTDIR%%/file;',
    'mixtrack_spool_path', '/file';
bad 'spool directory below a file', http => 'mixtrack_spool_path %%TESTDIR%%/file/spool;',
    'mixtrack_spool_path', '/file/spool';
bad 'spool directory in /proc', http => 'mixtrack_spool_path /proc/mixtrack;',
    'mixtrack_spool_path', '/proc/mixtrack';
bad 'empty spool directory', http => 'mixtrack_spool_path "";', 'mixtrack_spool_path';
bad 'spool directory twice',
    http => "mixtrack_spool_path %%TESTDIR%%/a;\nmixtrack_spool_path %%TESTDIR%%/a; # here",
    'mixtrack_spool_path', 'duplicate';
bad 'spool directory in a server', server => 'mixtrack_spool_path %%TESTDIR%%/a;', 'mixtrack_spool_path';
good 'a spool directory that is made', config(http => 'mixtrack_spool_path %%TESTDIR%%/made;');
$t->{spool_path} = 1;

# ---- mixtrack

bad 'unknown project', location => 'mixtrack a project=nobody;', 'project', 'nobody', 'mixtrack';
_bad 'unknown project in http', config(http => 'mixtrack a project=nobody; # here'), 'nobody';
_bad 'unknown project in if',
    config(location => "if (\$arg_a) {\nmixtrack a project=nobody; # here\n}"), 'nobody';
_bad 'no project= among several',
    config(
        bare     => 1,
        http     => 'mixtrack_project a { token T; } mixtrack_project b { token T; }',
        location => 'mixtrack e; # here',
    ),
    'project', 'mixtrack';
_bad 'no project at all', config(bare => 1, location => 'mixtrack e; # here'), 'project', 'mixtrack';
bad 'empty project=', location => 'mixtrack a project=;', 'project=';
bad "empty if=, $_", location => "$_ if=;", 'empty condition "if="' for
    'mixtrack a', 'mixtrack_property a b', 'mixtrack_device_cookie a';
bad "a quote in the if= of $_", location => "$_;", 'the quote in', 'if=' for
    'mixtrack a if="$arg_a$arg_b"', "mixtrack a if='1'", 'mixtrack_property a b if="$arg_a"', 'mixtrack_device_cookie a if="$arg_a"';
unknown_variable 'if=', location => 'mixtrack a if=$nobody_knows;';
bad 'empty event', location => 'mixtrack "";', 'mixtrack';
bad 'event of 256 bytes', location => 'mixtrack ' . 'e' x 256 . ';', 'mixtrack';
unknown_variable 'event', location => 'mixtrack "a $nobody_knows";';
bad 'unknown parameter', location => 'mixtrack a colour=red;', 'colour=red';
bad "mixtrack $_", location => "mixtrack a $_;", 'mixtrack', (split ' ')[-1] for
    qw(sample= sample=10 sample=% sample=0% sample=0.0% sample=-1% sample=101% sample=100.000001% sample=ten%
       sample=1e1% sample=10%% sample=1.2.3% sample=0.0000001% sample=99999999999999999999% sample=$arg_a
       Sample=10%),
    'sample=1,5%', 'sample=10% sample=20%', 'if=$arg_a if=$arg_b', 'sample=100% sample=100%';
bad 'project= twice', http => "mixtrack_project b { token T; }\nmixtrack a project=b project=c; # here", 'project=c';
bad 'a rate that is no percentage', location => 'mixtrack a sample=1;', 'above 0% and up to 100%, such as "sample=10%"';
bad 'mixtrack with too much', location => 'mixtrack a if=1 sample=1% project=b x;', 'mixtrack';
bad 'mixtrack without a value', location => 'mixtrack;', 'mixtrack';
bad 'off with something behind it', location => 'mixtrack off if=1;', 'mixtrack';
bad 'off twice', location => "mixtrack off;\nmixtrack off; # here", 'mixtrack';
bad 'off after an event', location => "mixtrack a;\nmixtrack off; # here", 'mixtrack', 'off';
bad 'an event after off', location => "mixtrack off;\nmixtrack a; # here", 'mixtrack', 'off';
bad 'mixtrack at the top', main => 'mixtrack a;', 'mixtrack';

# ---- properties and identity

bad "type $_", location => "mixtrack_property a b type=$_;", 'type', $_, 'mixtrack_property' for
    qw(float String int);
bad "a $_->[0] that is none: $_->[1]", location => "mixtrack_property a '$_->[1]' type=$_->[0];",
    'mixtrack_property', $_->[0] for
    ['time', 'yesterday'], ['time', '2026-02-30T00:00:00Z'], ['json', '{'], ['json', '{"a":1} x'], ['json', '[[[[1]]]]'];
bad 'empty type', location => 'mixtrack_property a b type=;', 'type';
bad 'empty property name', location => 'mixtrack_property "" b;', 'mixtrack_property';
bad 'property name of 256 bytes', location => 'mixtrack_property ' . 'n' x 256 . ' b;', 'mixtrack_property';
bad "property $_ of the API's own", location => "mixtrack_property $_ b;", 'mixtrack_property', $_ for
    qw(token time distinct_id $insert_id);
bad "property $_ off, of the API's own", location => "mixtrack_property $_ off;", 'mixtrack_property', $_ for
    qw(token time distinct_id $insert_id);
bad 'property without a value', location => 'mixtrack_property a;', 'mixtrack_property';
bad 'property with an unknown parameter', location => 'mixtrack_property a b colour=red;', 'colour=red';
unknown_variable 'property', location => 'mixtrack_property a $nobody_knows;';
unknown_variable 'if= of a property', location => 'mixtrack_property a b if=$nobody_knows;';
bad "property with $_", location => "mixtrack_property a b $_;", 'mixtrack_property', (split ' ')[-1] for
    qw(if= If=1 sample=10%), 'if=1 if=2', 'type=string type=bool';
bad 'property with too much', location => 'mixtrack_property a b type=string if=1 off;', 'mixtrack_property';
bad 'property twice', location => "mixtrack_property a b;\nmixtrack_property a c; # here",
    'mixtrack_property', '"a"';
bad 'a number that is none', location => 'mixtrack_property a b type=number;', 'mixtrack_property', 'number';
bad 'a bool that is none', location => 'mixtrack_property a b type=bool;', 'mixtrack_property', 'bool';

_bad '255 properties',
    config(location => join("\n", 'mixtrack a; # here', map {"mixtrack_property p$_ v; # here"} 1 .. 255)),
    'properties';
_bad 'a property too many',
    config(location => join("\n", "mixtrack_properties minimal;\nmixtrack a; # here",
        map {"mixtrack_property p$_ v; # here"} 1 .. 248)),
    'properties', '255', '254';
bad 'a name that is always cut', location => 'mixtrack "' . 'x' x 255 . '$uri";', 'mixtrack', '255';
bad 'a string that is always cut', location => 'mixtrack_property p "' . 'x' x 255 . '$uri";', 'mixtrack_property', '"p"', '255';
bad "an id that is always cut, $_->[0]", location => qq($_->[0] ") . 'x' x $_->[1] . '$arg_u";', $_->[0]
    for ['mixtrack_user_id', 255], ['mixtrack_device_id', 247];
bad 'a list of too many elements', location => 'mixtrack_property p "' . 'x, ' x 255 . '$uri" type=list;',
    'mixtrack_property', '"p"', 'elements';
bad 'JSON that is too deep', location => q(mixtrack_property p '[[[[$status]]]]' type=json;), 'mixtrack_property', '"p"', 'levels';
bad 'a name that is not UTF-8', location => "mixtrack_property p\xff v;", 'mixtrack_property', 'UTF-8';
bad "property $_", location => "mixtrack_property $_ v;", 'mixtrack_property', qq("$_") for qw(bucket $bucket);
_bad '203 properties beside the standard ones',
    config(location => join("\n", 'mixtrack a; # here', map {"mixtrack_property p$_ v; # here"} 1 .. 203)),
    'properties', '254';
_bad '255 properties of two levels',
    config(
        http     => join("\n", map {"mixtrack_property p$_ v; # here"} 1 .. 128),
        location => join("\n", 'mixtrack a; # here', map {"mixtrack_property q$_ v; # here"} 1 .. 127),
    ),
    'properties';

_bad "255 properties of four levels, $_->[0] tracks",
    config(
        http     => join("\n", $_->[1] // '', map {"mixtrack_property p$_ v; # here"} 1 .. 64),
        server   => join("\n", $_->[2] // '', map {"mixtrack_property q$_ v; # here"} 1 .. 64),
        location => join("\n", $_->[3] // '', 'mixtrack_properties minimal;', (map {"mixtrack_property r$_ v; # here"} 1 .. 64),
            'if ($arg_a) {', $_->[4] // '', (map {"mixtrack_property s$_ v; # here"} 1 .. 64), '}'),
    ),
    'properties', '254' for
    ['http', 'mixtrack a; # here'], ['server', undef, 'mixtrack a; # here'], ['location', (undef) x 2, 'mixtrack a; # here'],
    ['if', (undef) x 3, 'mixtrack a; # here'];

my %more = (
    'a list of 255'        => "'" . join(',', 1 .. 255) . "' type=list",
    'a json of 255'        => "'[" . join(',', 1 .. 255) . "]' type=json",
    'a json of 255 names'  => "'{" . join(',', map {"\"k$_\":1"} 1 .. 255) . "}' type=json",
    'a json of four levels' => q('{"a":{"b":{"c":{}}}}' type=json),
    'a json with a name twice' => q('{"a":1,"a":2}' type=json),
    'a number without end' => '1e999 type=number',
    'no number'            => 'NaN type=number',
);
# a long value may leave no room for more
bad $_, location => "mixtrack a; mixtrack_property p $more{$_};", 'invalid value' for sort keys %more;
bad 'a token of 256 bytes', http => "mixtrack_project b {\ntoken " . 't' x 256 . "; # here\n}", 'token', '255';

# what is never sent as it is there
bad "$_->[0]", location => "mixtrack a; $_->[1];", $_->[1] =~ /^(\w+)/ for
    ['a string of 256 bytes', 'mixtrack_property p ' . 'v' x 256],
    ['a list with 256 bytes', 'mixtrack_property p ' . 'v' x 256 . ',a type=list'],
    ['a user of 256 bytes', 'mixtrack_user_id ' . 'u' x 256], ['a device of 248 bytes', 'mixtrack_device_id ' . 'd' x 248],
    ['a user that is banned', 'mixtrack_user_id anonymous'], ['a device that is banned', 'mixtrack_device_id null'];

bad "mixtrack_properties $_", location => "mixtrack_properties $_;", 'invalid', tr/"//dr for qw(all "" off);
bad "mixtrack_ip $_", location => "mixtrack_ip $_;", 'invalid', tr/"//dr for qw(maybe Anonymize "");
unknown_variable $_, location => "$_ \$nobody_knows;" for
    qw(mixtrack_user_id mixtrack_device_id);
bad "$_->[0] of @{[length $_->[1]]} bytes", location => "$_->[0] $_->[1];", $_->[0], 'bytes' for
    ['mixtrack_user_id', 'u' x 256], ['mixtrack_device_id', 'd' x 248];
good "$_", config(location => "$_;") for 'mixtrack_user_id ' . 'u' x 255, 'mixtrack_device_id ' . 'd' x 247;
bad "$_->[0] $_->[1], nobody", location => "$_->[0] $_->[1];", $_->[0], 'nobody' for
    ['mixtrack_user_id', 'anonymous'], ['mixtrack_device_id', 'NULL'], ['mixtrack_user_id', '"<nil>"'];

# what an event may not have, and would always have
bad "a $_->[0] of more than 255 bytes", location => "mixtrack_property p '$_->[1]' type=$_->[0];", 'mixtrack_property', '255' for
    ['string', 's' x 256], ['list', 'a,' . 's' x 256], ['json', '["' . 's' x 256 . '"]'];
good "a $_->[0] of 255 bytes", config(location => "mixtrack_property p '$_->[1]' type=$_->[0];") for
    ['string', 's' x 255], ['list', 'a,' . 's' x 255], ['json', '["' . 's' x 255 . '"]'], ['string', "\xc3\xa9" x 127];
my $fixed = sub ($n) { join "\n", 'mixtrack e; mixtrack_properties minimal;', map { sprintf "mixtrack_property p%03d %s;", $_, 'x' x 255 } 1 .. $n };
bad 'fixed values of more than an event takes', location => $fixed->(247) . ' # here', 'mixtrack_property', 'bytes';
good 'fixed values of nearly as much', config(location => $fixed->(240));

bad "$_ of itself", location => $_, (split ' ')[0] for 'mixtrack_user_id "$mixtrack_user_identity $mixtrack_user_id-";', 'mixtrack_user_id $mixtrack_user_id;',
    'mixtrack_user_id a$mixtrack_device_id;', 'mixtrack_device_id ${mixtrack_user_id}b;', 'mixtrack_device_id "$mixtrack_device_id";';
bad "$_->[0] twice", location => "$_->[0] $_->[1];\n$_->[0] $_->[1]; # here", $_->[0] for
    ['mixtrack_properties', 'minimal'], ['mixtrack_ip', 'on'], ['mixtrack_user_id', 'a'],
    ['mixtrack_device_id', 'a'], ['mixtrack_respect', 'dnt'], ['mixtrack_respect', 'off'],
    ['mixtrack_redact_args', 'a'], ['mixtrack_redact_args', 'off'], ['mixtrack_keep_args', 'a'],
    ['mixtrack_keep_args', 'off'], ['mixtrack_device_cookie', 'd'], ['mixtrack_device_cookie', 'off'];

# ---- what is kept to ourselves

bad "mixtrack_respect $_", location => "mixtrack_respect $_;", 'mixtrack_respect', (split ' ')[-1] for
    qw(on DNT no opt-out all), 'dnt dnt', 'dnt gpc dnt', 'dnt off';
bad 'mixtrack_respect off, and more', location => 'mixtrack_respect off dnt;', 'mixtrack_respect', 'off';
bad 'mixtrack_respect with nothing in it', location => 'mixtrack_respect "";', 'mixtrack_respect';
bad 'mixtrack_respect with four values', location => 'mixtrack_respect dnt gpc opt_out off;', 'mixtrack_respect';

for my $name (qw(mixtrack_redact_args mixtrack_keep_args)) {
    bad "$name $_->[0]", location => "$name $_->[1];", $name for
        ['with an empty name', '""'], ['with an empty name behind others', 'a b ""'], ['with a long name', 'n' x 65],
        ['off and more', 'off a'], ['of a name and off', 'a off'];
}

bad "mixtrack_device_cookie $_", location => "mixtrack_device_cookie $_;", 'mixtrack_device_cookie', tr/"//dr for
    qw(a=b $arg_a a/b a@b a[b a?b a(b) ""), 'a,b', "\xc3\xa9", '"a b"', '"a;b"', '"{a}"', "\"a\tb\"";
bad "mixtrack_device_cookie $_", location => "mixtrack_device_cookie $_;", 'mixtrack_device_cookie', (split ' ')[-1] for
    'd max_age=', 'd max_age=0', 'd max_age=-1', 'd max_age=soon', 'd max_age=1.5d', 'd domain=', 'd samesite=',
    'd samesite=Lax', 'd samesite=no', 'd httponly', 'd path=/', 'd secure=1', 'd e', 'd off', 'off secure',
    'd secure secure', 'd if=', 'd if=1 if=2', 'd max_age=1d max_age=2d', 'd domain=a domain=b', 'd samesite=lax samesite=strict';
bad 'mixtrack_device_cookie with a domain that is none', location => 'mixtrack_device_cookie d "domain=a;b";',
    'mixtrack_device_cookie', 'domain=a;b';
bad 'samesite=none without secure', location => 'mixtrack_device_cookie d samesite=none;',
    'mixtrack_device_cookie', 'samesite=none', 'secure';

bad "mixtrack_status $_", location => "mixtrack_status $_;", 'mixtrack_status' for qw(xml "");
bad 'mixtrack_status in a server', server => 'mixtrack_status json;', 'mixtrack_status';
bad "$_ at the top", main => "$_;", (split ' ')[0] for
    'mixtrack_device_cookie d', 'mixtrack_redact_args a', 'mixtrack_keep_args a', 'mixtrack_respect off';
bad "$_ without a value", location => "$_;", $_ for
    qw(mixtrack_device_cookie mixtrack_redact_args mixtrack_keep_args mixtrack_respect mixtrack_ip
       mixtrack_properties mixtrack_user_id mixtrack_device_id mixtrack_property);

# ---- nothing was started, nothing is left

is(scalar($t->processes), 0, 'no process after all of this');
is(join(' ', glob($t->dir . '/spool*/*/*')), '', 'and no file in a spool directory');

$t->done;
