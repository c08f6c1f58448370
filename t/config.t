#!/usr/bin/perl

# What nginx -t says: each wrong value in one sentence that names it, the
# file and the line (marked "# here" below); everything right is accepted.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;

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
    push @why, 'not a word of why'               if @line && $line[0] !~ /\[emerg\] \S+ \S+/;
    for my $word (@words) {
        push @why, "no \"$word\"" if @line && index($line[0], $word) < 0;
    }

    my ($at) = ($line[-1] // '') =~ / in \Q$r->{file}\E:(\d+)(?: \(\d+: [^()]+\))?$/;
    push @why, 'no file and line at its end' if !defined $at;
    push @why, "line $at, not @{$r->{marked}}" if defined $at && !grep { $_ == $at } @{$r->{marked}};

    is(join('; ', @why), '', $name) or diag($r->{out});
}

# too small is only known when the whole project is
sub small ($zone, @o) {
    return config(@o, project => $zone) =~ s/mixtrack_project \{/mixtrack_project { # here/r;
}

# nginx itself finds these, and does not say where
sub unknown_variable ($name, @conf) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = $t->test_config(config(@conf));
    is("$r->{rc} @{$r->{emerg}}", '1 nginx: [emerg] unknown "nobody_knows" variable',
        "$name with an unknown variable");
}

sub good ($name, $conf) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = $t->test_config($conf);
    ok($r->{rc} == 0 && $r->{out} !~ /\[(?:emerg|alert|crit|error|warn)\]/, $name)
        or diag($r->{out});
}

# ---- what is right

good 'the smallest configuration', config(location => 'mixtrack "Page View";');

good 'everything', config(
    http => <<'EOF',
mixtrack_project all {
    token            T;
    endpoint         http://127.0.0.1:8888/some/track;
    zone             4m;
    batch            events=100 bytes=100k interval=500ms;
    connections      4;
    timeout          connect=2s total=10s;
    gzip             6;
    spool            100m;
    shutdown_timeout 2s;
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
good 'token with variables', config(
    bare     => 1,
    http     => 'mixtrack_project { token $http_x_token; }',
    location => 'mixtrack a;',
);

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
good '240 properties', config(
    location => join("\n", 'mixtrack a;', map {"mixtrack_property p$_ v;"} 1 .. 240));
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
bad "malformed URL $_", project => "endpoint $_;", 'endpoint', $_ for
    'http://', 'https://', 'http:///track', 'http://:80/track', 'http://host:0/', 'http://host:99999/',
    'http://host:x/', 'http://[::1/', 'http:host', 'ftp://host/', 'htp://host/track', 'http//host';
bad 'URL with a space', project => 'endpoint "http://host/a b";', 'endpoint';
bad 'empty endpoint', project => 'endpoint "";', 'endpoint';
bad 'endpoint without a value', project => 'endpoint;', 'endpoint';

_bad "zone $_", small("zone $_; # here"), 'zone' for qw(0 -1 abc 1x 8k "");
for my $workers (4, 16, 64) {
    my $size = $workers * 4 * 64 - 64;
    _bad "zone of ${size}k for $workers workers",
        small("zone ${size}k; # here", main => "worker_processes $workers;"),
        'zone', 'mixtrack_project';
}

bad "batch $_", project => "batch $_;", 'batch', $_ for
    qw(events=0 events=2001 events=-1 events=abc events= bytes=0 bytes=abc bytes=11m bytes=
       interval=abc interval= size=5 2000);
bad 'batch without a value', project => 'batch;', 'batch';

bad "connections $_", project => "connections $_;", 'connections' for qw(0 21 -1 abc "");
bad "timeout $_", project => "timeout $_;", 'timeout' for qw(connect=abc total=0 total= other=1s 5s);
bad "gzip $_",  project => "gzip $_;",  'gzip' for qw(10 -1 abc on "");
bad "spool $_", project => "spool $_;", 'spool' for qw(abc on "");
bad "shutdown_timeout $_", project => "shutdown_timeout $_;", 'shutdown_timeout' for qw(abc -1 "");

bad "$_->[0] twice", project => "$_->[0] $_->[1];\n$_->[0] $_->[1]; # here", $_->[0] for
    ['endpoint', 'us'], ['zone', '4m'], ['batch', 'events=10'], ['connections', '2'],
    ['timeout', 'total=5s'], ['gzip', '1'], ['spool', '1m'], ['shutdown_timeout', '1s'];
bad 'token twice', project => 'token T;', 'token';

bad 'unknown directive in a project', project => 'colour red;', 'colour';
bad 'a block in a project', project => 'zone 1m { }', '{';
bad "$_ is not here yet", project => "$_;", (split ' ')[0] for
    'api import', 'service_account a b 1', 'id_merge original', 'rate off', 'retry min=1s',
    'max_age 1h', 'tls verify=off', 'proxy http://host/';
bad 'the dry run is not here yet', project => 'endpoint file:/tmp/events;', 'endpoint';

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
bad 'empty if=', location => 'mixtrack a if=;', 'if=', 'mixtrack';
unknown_variable 'if=', location => 'mixtrack a if=$nobody_knows;';
bad 'empty event', location => 'mixtrack "";', 'mixtrack';
bad 'event of 256 bytes', location => 'mixtrack ' . 'e' x 256 . ';', 'mixtrack';
unknown_variable 'event', location => 'mixtrack "a $nobody_knows";';
bad 'unknown parameter', location => 'mixtrack a colour=red;', 'colour=red';
bad 'sample= is not here yet', location => 'mixtrack a sample=10%;', 'sample=10%';
bad 'mixtrack without a value', location => 'mixtrack;', 'mixtrack';
bad 'off with something behind it', location => 'mixtrack off if=1;', 'mixtrack';
bad 'off twice', location => "mixtrack off;\nmixtrack off; # here", 'mixtrack';
bad 'off after an event', location => "mixtrack a;\nmixtrack off; # here", 'mixtrack', 'off';
bad 'an event after off', location => "mixtrack off;\nmixtrack a; # here", 'mixtrack', 'off';
bad 'mixtrack at the top', main => 'mixtrack a;', 'mixtrack';

# ---- properties and identity

bad "type $_", location => "mixtrack_property a b type=$_;", 'type', $_, 'mixtrack_property' for
    qw(float String int);
bad "type $_ is not here yet", location => "mixtrack_property a b type=$_;", $_ for qw(time list json);
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
bad 'property twice', location => "mixtrack_property a b;\nmixtrack_property a c; # here",
    'mixtrack_property', '"a"';
bad 'a number that is none', location => 'mixtrack_property a b type=number;', 'mixtrack_property', 'number';
bad 'a bool that is none', location => 'mixtrack_property a b type=bool;', 'mixtrack_property', 'bool';

_bad '255 properties',
    config(location => join("\n", 'mixtrack a; # here', map {"mixtrack_property p$_ v; # here"} 1 .. 255)),
    'properties';
_bad '255 properties of two levels',
    config(
        http     => join("\n", map {"mixtrack_property p$_ v; # here"} 1 .. 128),
        location => join("\n", 'mixtrack a; # here', map {"mixtrack_property q$_ v; # here"} 1 .. 127),
    ),
    'properties';

bad "mixtrack_properties $_", location => "mixtrack_properties $_;", 'invalid', tr/"//dr for qw(all "" off);
bad "mixtrack_ip $_", location => "mixtrack_ip $_;", 'invalid', tr/"//dr for qw(maybe anonymize "");
unknown_variable $_, location => "$_ \$nobody_knows;" for
    qw(mixtrack_user_id mixtrack_device_id);
bad "$_->[0] twice", location => "$_->[0] $_->[1];\n$_->[0] $_->[1]; # here", $_->[0] for
    ['mixtrack_properties', 'minimal'], ['mixtrack_ip', 'on'], ['mixtrack_user_id', 'a'],
    ['mixtrack_device_id', 'a'];

bad "mixtrack_status $_", location => "mixtrack_status $_;", 'mixtrack_status' for qw(xml "");
bad 'mixtrack_status in a server', server => 'mixtrack_status json;', 'mixtrack_status';
bad "$_ is not here yet", location => "$_;", (split ' ')[0] for
    'mixtrack_device_cookie d', 'mixtrack_redact_args a', 'mixtrack_keep_args a', 'mixtrack_respect off';

# ---- nothing was started, nothing is left

is(scalar($t->processes), 0, 'no process after all of this');
is(join(' ', glob($t->dir . '/spool*/*/*')), '', 'and no file in a spool directory');

$t->done;
