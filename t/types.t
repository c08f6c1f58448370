#!/usr/bin/perl

# type= of a property, through nginx: what is sent, byte for byte; what does
# not fit is left out, counted, and each is named in the log once a second at
# most.
# What each type takes in all its forms is in unit/type.c.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my @types = qw(string number bool time list json);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);

my %property = map { $_ => "mixtrack_property p_$_ \$http_x_$_ type=$_;" } @types;
my $all      = join ' ', @property{@types};
my $each     = join "\n", map {"location /$_ { mixtrack hit; $property{$_} return 200; }"} @types;

$t->conf(<<'EOC' =~ s/ALL/$all/r =~ s/EACH/$each/r)->run;
%%GLOBALS%%

worker_processes 1;

events { }

http {
    %%GLOBALS_HTTP%%

    large_client_header_buffers 4 16k;

    mixtrack_project { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack_properties minimal;
    mixtrack_property   k $arg_k;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        %%STATUS%%

        location / {
            mixtrack hit;
            ALL
            return 200;
        }

        EACH

        # of more than one piece, of none, of what nginx knows by itself
        location /pieces {
            mixtrack hit;
            mixtrack_property n -$http_x_n.5 type=number;
            mixtrack_property b $http_x_n type=bool;
            mixtrack_property l "a,$http_x_n, b" type=list;
            mixtrack_property j '{"n":$http_x_n}' type=json;
            mixtrack_property t ${http_x_n}970-01-02T00:00:00Z type=time;
            mixtrack_property length $sent_http_content_length type=number;
            return 200 "1234567";
        }

        location /file {
            mixtrack hit;
            mixtrack_property modified $sent_http_last_modified type=time;
            alias %%TESTDIR%%/file;
        }

        location /literal {
            mixtrack hit;
            mixtrack_property n  1e3 type=number;
            mixtrack_property n2 007.50 type=number;
            mixtrack_property b  Off type=bool;
            mixtrack_property t  "Tue, 24 Nov 2026 10:15:00 GMT" type=time;
            mixtrack_property l  " a ,, b" type=list;
            mixtrack_property j  ' { "a" : [ 1 , true ] } ' type=json;
            mixtrack_property e1 "" type=number;
            mixtrack_property e2 "" type=list;
            mixtrack_property e3 "" type=json;
            mixtrack_property e4 "" type=time;
            mixtrack_property e5 "" type=bool;
            return 200;
        }
    }
}
EOC

my $cases = Mixtrack::Cases->new($t);
my $n     = 0;

# what is sent for a value, as text; undef if nothing is
sub sends ($type, $value, $want) {
    $cases->request("$type-" . ++$n, ["/$type", headers => ["X-$type: $value"]], sub ($p, $e, $raw) {
        my ($sent) = $raw =~ /,"k":"[^"]*",?(.*)\}\}\z/s;
        is($sent, defined $want ? "\"p_$type\":$want" : '', "$type: " . substr $value, 0, 60);
    });
}

my $before  = $t->status->{projects}{default}{mistyped};
my $omitted = 0;

sub omits ($type, $value) { $omitted++; sends($type, $value, undef) }

# ---- numbers: digit by digit

sends('number', @$_) for
    ['0', '0'], ['-0', '-0'], ['42', '42'], ['+42', '42'], ['-3.25', '-3.25'], ['.5', '0.5'], ['5.', '5'], ['007', '7'],
    ['1000000', '1000000'], ['1e6', '1000000'], ['1E+06', '1000000'], ['1.5e3', '1500'], ['25e-1', '2.5'], ['1e-6', '0.000001'],
    ['123456789.125', '123456789.125'], ['0.1', '0.1'], ['0.30000000000000004', '0.30000000000000004'], ['1.10', '1.10'],
    ['9007199254740991', '9007199254740991'], ['9007199254740992', '9007199254740992'],
    ['-9007199254740991', '-9007199254740991'], ['4503599627370497', '4503599627370497'],
    ['9223372036854775807', '9223372036854775807'];
omits('number', $_) for
    'abc', '1,5', '1.000.000', "1'000", '1 000', '0x10', 'NaN', 'nan', 'inf', '-Infinity', '--1', '1e', '1e+', '12abc', '-', '+', '.', 'e5',
    '1e999', '99999999999999999999e999', "\xd9\xa1";

# ---- bool

sends('bool', $_, 'true')  for qw(true TRUE True 1 on On yes YES);
sends('bool', $_, 'false') for qw(false FALSE 0 off Off no NO);
omits('bool', $_) for qw(maybe 2 -1 t f y n truely 00 null), '1 0';

# ---- time: seconds with a fraction, HTTP's dates, ISO 8601

sends('time', @$_) for
    ['1795515300', '"2026-11-24T10:15:00"'], ['1795515300.25', '"2026-11-24T10:15:00"'], ['1795515300250', '"2026-11-24T10:15:00"'],
    ['Tue, 24 Nov 2026 10:15:00 GMT', '"2026-11-24T10:15:00"'], ['Tuesday, 24-Nov-26 10:15:00 GMT', '"2026-11-24T10:15:00"'],
    ['Tue Nov 24 10:15:00 2026', '"2026-11-24T10:15:00"'],
    ['2026-11-24T10:15:00Z', '"2026-11-24T10:15:00"'], ['2026-11-24T10:15:00', '"2026-11-24T10:15:00"'],
    ['2026-11-24T12:15:00+02:00', '"2026-11-24T10:15:00"'], ['2026-11-24T00:15:00.123-10:00', '"2026-11-24T10:15:00"'],
    ['2026-11-24 10:15:00', '"2026-11-24T10:15:00"'], ['2026-11-24T10:15', '"2026-11-24T10:15:00"'], ['2026-11-24', '"2026-11-24"'], ['2028-02-29', '"2028-02-29"'];
omits('time', $_) for
    'yesterday', '2026-02-29', '2026-13-01', '2026-11-24T25:00:00Z', '24.11.2026', '-1', '1', '1e9', '10:15',
    '2026-11-24T10:15:00Zx', 'Tue, 24 Nov 2026', '99999999999999999';

# ---- list: trimmed, fewer than 255

sends('list', @$_) for
    ['a', '["a"]'], ['a,b,c', '["a","b","c"]'], ["a ,  b\t,c", '["a","b","c"]'], ['a,,b,', '["a","b"]'], ['"a", b c', '["\"a\"","b c"]'],
    ["\xc3\xa9,\xff", "[\"\xc3\xa9\",\"\xef\xbf\xbd\"]"], ['1,true', '["1","true"]'],
    [join(',', 1 .. 254), '[' . join(',', map {"\"$_\""} 1 .. 254) . ']'],
    ['x' x 300 . ',b', '["' . 'x' x 255 . '","b"]'];
sends('list', $_, undef) for ',', ' , ,, ';
omits('list', $_) for join(',', 1 .. 255), join(',', 1 .. 1000), join(',', ('y' x 250) x 40);

# ---- json: parsed, its depth and size looked at

sends('json', @$_) for
    ['{"a":1}', '{"a":1}'], [' { "a" : [ 1 , 2.5 , true , "x" ] } ', '{"a":[1,2.5,true,"x"]}'], ['"text"', '"text"'], ['5', '5'], ['false', 'false'],
    ['[]', '[]'], ['{}', '{}'], ['{"a":{"b":{"c":1}}}', '{"a":{"b":{"c":1}}}'], ['[[[1]]]', '[[[1]]]'],
    ['[9007199254740993,1000000]', '[9007199254740993,1000000]'],
    ['["\u00e9\/\ud83d\ude00"]', "[\"\xc3\xa9/\xf0\x9f\x98\x80\"]"],
    ['["\ud800"]', "[\"\xef\xbf\xbd\"]"], ["[\"\xff\"]", "[\"\xef\xbf\xbd\"]"],
    ['[' . join(',', 1 .. 254) . ']', '[' . join(',', 1 .. 254) . ']'],
    ['["' . 'x' x 300 . '"]', '["' . 'x' x 255 . '"]'];
omits('json', $_) for
    '{', '{"a":1}x', '{"a":1,}', "{'a':1}", '{a:1}', '{"a":1,"a":2}', '[[[[1]]]]', '{"a":{"b":{"c":{}}}}', '[1e999]', '[NaN]', '[01]',
    'text', '[' x 5000, '[' . join(',', 1 .. 255) . ']', '{' . join(',', map {"\"k$_\":1"} 1 .. 255) . '}',
    '["' . join('","', ('y' x 250) x 40) . '"]';

# ---- string: anything

sends('string', @$_) for ['42', '"42"'], ['true', '"true"'], ['[1]', '"[1]"'], ['a"\\', '"a\"\\\\"'];

is($t->status->{projects}{default}{mistyped} - $before, $omitted, 'what is not of its type is counted');

# ---- an empty value is no fault, and nothing

$before += $omitted;
$cases->request('empty', ['/', headers => [map {"X-$_:"} @types]], sub ($p, @) {
    is_deeply([grep { exists $p->{"p_$_"} } @types], [], 'empty ones are left out');
});
is($t->status->{projects}{default}{mistyped} - $before, 0, 'what is empty is not');

# ---- of pieces, and by literals

$cases->request('pieces', ['/pieces', headers => ['X-N: 1']], sub ($p, $e, $raw) {
    like($raw, qr/"n":-1\.5,"b":true,"l":\["a","1","b"\],"j":\{"n":1\}/, 'values of several pieces');
    like($raw, qr/"length":7[,}]/, 'Content-Length as a number');
});

$t->write_file('file', "file\n");
utime 1795515300, 1795515300, $t->dir . '/file' or die;
$cases->request('file', '/file', sub ($p, @) { is($p->{modified}, '2026-11-24T10:15:00', 'Last-Modified as a time') });
$cases->request('literal', '/literal', sub ($p, $e, $raw) {
    like($raw, qr/"k":"literal","n":1000,"n2":7\.50,"b":false,"t":"2026-11-24T10:15:00","l":\["a","b"\],"j":\{"a":\[1,true\]\}\}\}\z/,
        'literals, by nginx -t already');
});

# ---- the log names the property, and neither its value nor all of them

sub said { return map {/^(\S+ \S+) \[info\] .*mixtrack: property "([^"]*)" is left out/ ? [$1, $2] : ()} split /\n/, $t->error_log }

my $i = 0;
my %second;
ok(wait_until(sub {
    $cases->request("told-" . ++$i, ['/', args => '&password=S3CRET',
        headers => ['X-Number: S3CRET', 'X-Bool: S3CRET', 'Referer: http://a.test/?token=S3CRET']]);
    %second = ();
    $second{"@$_"}++ for said();
    return keys %second > 6;
}, 10), 'the log says it again in the next seconds');
my @said = said();
is(join(' ', grep { my $name = $_; !grep { $name eq $_->[1] } @said } qw(p_number p_bool)), '', 'each of them');
is(join(', ', grep { $second{$_} > 1 } sort keys %second), '', 'each once a second at most');
is(join(' ', grep { my $name = $_; !grep { $_ eq $name } 't', map {"p_$_"} @types } map { $_->[1] } @said), '', 'it names the property');
unlike($t->error_log, qr/S3CRET|yesterday/, 'and neither a value nor a request');

# ---- all are there

ok($t->wait_rest, 'all events are on their way out');
$cases->take($ingest->raw_events);
$cases->check;
$t->done;
