#!/usr/bin/perl

# Which level's word holds: http, server, location, if, in all sixteen ways in
# which they may speak or be silent, for each directive; and the example in
# the README's "Levels", cell by cell.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);

my @levels = qw(http server location if);

# ---- what each level says, and what is to be seen of it

my %uuid = map { $levels[$_] => "$_$_$_$_$_$_$_$_-2222-4333-8444-555555555555" } 0 .. $#levels;

my %says = (
    event => {
        http     => 'mixtrack A; mixtrack A2;',
        server   => 'mixtrack B;',
        location => 'mixtrack off;',
        if       => 'mixtrack D; mixtrack D2;',
    },
    rest => {
        http => 'mixtrack_ip off; mixtrack_properties minimal; mixtrack_redact_args a_http; mixtrack_respect dnt;',
        server => 'mixtrack_ip on; mixtrack_properties standard; mixtrack_redact_args a_server; mixtrack_respect gpc;',
        location => 'mixtrack_ip anonymize; mixtrack_properties minimal; mixtrack_redact_args off; mixtrack_respect opt_out;',
        if => 'mixtrack_ip off; mixtrack_properties standard; mixtrack_redact_args a_if; mixtrack_respect off;',
    },
    keep => {
        http     => 'mixtrack_keep_args k a_http;',
        server   => 'mixtrack_keep_args k a_server;',
        location => 'mixtrack_keep_args off;',
        if       => 'mixtrack_keep_args k a_if;',
    },
);

for my $level (@levels) {
    $says{rest}{$level} .= " mixtrack_user_id u-$level; mixtrack_device_id \$http_x_$level;"
        . ' mixtrack_device_cookie ' . ($level eq 'location' ? 'off' : "c_$level") . ';'
        . " mixtrack_property p $level; mixtrack_property p_$level yes;"
        . ' mixtrack_property q ' . ($level eq 'location' ? 'off' : $level) . ';';
}

my %events = ('' => [], http => ['A', 'A2'], server => ['B'], location => [], if => ['D', 'D2']);

my %ip = ('' => '127.0.0.1', http => '0', server => '127.0.0.1', location => '127.0.0.0', if => '0');

my %respects = (
    ''       => {dnt => 1, gpc => 1, opt_out => 1},
    http     => {dnt => 1},
    server   => {gpc => 1},
    location => {opt_out => 1},
    if       => {},
);

my @args = ('token', map {"a_$_"} @levels);

# of these levels the nearest, or ''
sub nearest (@speak) { $speak[-1] // '' }

# names that are still in the URL with their values
sub shown ($p) {
    return join ' ', grep { $p->{'$current_url'} =~ /[?&]\Q$_\E=1(?:&|\z)/ } @args;
}

my %redacted = ('' => ['token'], (map { $_ => ['token', "a_$_"] } qw(http server if)), location => []);
my %kept = ('' => [grep { $_ ne 'token' } @args], (map { $_ => ["a_$_"] } qw(http server if)),
    location => [grep { $_ ne 'token' } @args]);

# ---- each of them by itself, with a word in http or without

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $cases  = Mixtrack::Cases->new($t);

sub locations ($says) {
    my @l = 'location / { return 200; }';

    for my $location (0, 1) {
        for my $if (0, 1) {
            push @l, "location /$location$if { " . ($location ? $says->{location} : '')
                . ' if ($arg_if) { ' . ($if ? $says->{if} : '') . ' return 200; } return 200; }';
        }
    }
    return join "\n", @l;
}

sub visit ($what, $name, $port, $path, $if, @speak) {
    my $of    = nearest(@speak);
    my $args  = ($if ? '&if=1' : '') . join '', map {"&$_=1"} @args;
    my $how   = sub (@headers) { [$path, args => $args, port => $port, headers => \@headers] };

    if ($what eq 'event') {
        my @want = @{$events{$of}};
        $cases->request($name, $how->(), @want ? sub ($p, $e, @) {
            is_deeply([map { $_->{event} } $cases->events($name)], \@want, "mixtrack: that of $of");
        } : undef, scalar @want);
        return;
    }

    if ($what eq 'keep') {
        $cases->request($name, $how->(), sub ($p, @) { is(shown($p), "@{$kept{$of}}", 'mixtrack_keep_args') });
        return;
    }

    my @ids = ((map {"X-$_: d-$_"} @levels), 'Cookie: ' . join '; ', map {"c_$_=$uuid{$_}"} @levels);

    $cases->request($name, $how->(@ids), sub ($p, $e, @) {
        my %p = map { $_ => $p->{$_} } grep {/^[pq](?:_|$)/} keys %$p;
        my %q = $of eq '' || $of eq 'location' ? () : (q => $of);

        is($p->{ip}, $ip{$of}, 'mixtrack_ip');
        is($p->{'$user_id'}, $of ? "u-$of" : undef, 'mixtrack_user_id');
        is($p->{'$device_id'}, $of ? "d-$of" : undef, 'mixtrack_device_id');
        is(exists $p->{method} ? 1 : 0, $of eq '' || $of eq 'server' || $of eq 'if' ? 1 : 0, 'mixtrack_properties');
        is_deeply(\%p, {($of ? (p => $of) : ()), %q, map { ("p_$_" => 'yes') } @speak}, 'mixtrack_property');
        is(shown($p), join(' ', grep { my $a = $_; !grep { $_ eq $a } @{$redacted{$of}} } @args), 'mixtrack_redact_args')
            if exists $p->{'$current_url'};
    });

    # no id by a directive: that of the cookie whose name it is
    $cases->request("$name-cookie", $how->($ids[-1]), sub ($p, @) {
        is($p->{'$device_id'}, $of && $of ne 'location' ? $uuid{$of} : undef, 'mixtrack_device_cookie');
    });

    my %no = (dnt => 'DNT: 1', gpc => 'Sec-GPC: 1', opt_out => 'Cookie: __mp_opt_in_out_T=0');
    $cases->request("$name-$_", $how->($no{$_}), undef, $respects{$of}{$_} ? 0 : 1) for sort keys %no;
}

for my $what (qw(event rest keep)) {
    for my $http (0, 1) {
        my $says = $says{$what};

        $t->conf(join "\n", '%%GLOBALS%%', 'events { }', 'http {', '%%GLOBALS_HTTP%%',
            'mixtrack_project { token T; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }',
            'mixtrack_property k $arg_k;', $what eq 'event' ? () : 'mixtrack hit;', $http ? $says->{http} : (),
            'server { listen 127.0.0.1:%%PORT_0%%;', '%%STATUS%%', locations($says), '}',
            'server { listen 127.0.0.1:%%PORT_1%%;', $says->{server}, locations($says), '}',
            '}', '')->run;

        for my $server (0, 1) {
            my @above = (('http') x $http, ('server') x $server);

            visit($what, "$what-$http-$server", $server, '/', 0, @above);

            for my $location (0, 1) {
                for my $if (0, 1) {
                    my @l = (@above, ('location') x $location);
                    visit($what, "$what-$http-$server$location$if", $server, "/$location$if", 0, @l);
                    visit($what, "$what-$http-$server$location$if-if", $server, "/$location$if", 1, @l, ('if') x $if);
                }
            }
        }

        ok($t->wait_rest, "$what, http $http: all has arrived");
        ok($t->quit, 'QUIT');
    }
}

# ---- the example: | level | mixtrack | mixtrack_property | mixtrack_ip |

my ($section) = slurp($t->root . '/README.md') =~ /^## Levels\n(.*?)^## /ms;
my (%level, %holds, $at);

for my $row ($section =~ /^\| (.* \|)$/mg) {
    my ($level, @cell) = split /\s*\|\s*/, $row, -1;

    if ($level =~ /^`(\w+)` says$/) {
        $at = $1;
        $level{$at} = [map { [/`([^`]+)`/g] } @cell[0 .. 2]];
    }
    elsif ($level eq 'and so there holds') {
        $holds{$at} = [map { [/`([^`]+)`/g] } @cell[0 .. 2]];
    }
}
is(join(' ', sort keys %holds), 'http if location server', 'the README has an example of all levels');

# what a level of it says, as directives
sub directives ($level, $tracks = 1) {
    my ($mixtrack, $property, $ip) = @{$level{$level}};
    return join ' ', ($tracks ? map {"mixtrack $_;"} @$mixtrack : ()), (map {"mixtrack_property $_;"} @$property),
        map {"mixtrack_ip $_;"} @$ip;
}

# its "off" leaves nothing to look at, so there is another one without
$t->conf(join "\n", '%%GLOBALS%%', 'events { }', 'http {', '%%GLOBALS_HTTP%%',
    'mixtrack_project { token T; endpoint %%INGEST_9%%; zone 1m; batch interval=50ms; }',
    'mixtrack_properties minimal;', 'mixtrack_property k $arg_k;', directives('http'),
    'server { listen 127.0.0.1:%%PORT_0%%;', '%%STATUS%%', 'location / { return 200; }', '}',
    'server { listen 127.0.0.1:%%PORT_1%%;', directives('server'), 'location / { return 200; }',
    (map { "location /$_ { " . directives('location') . ' if ($arg_if) { ' . directives('if', $_) . ' return 200; } return 200; }' } 0, 1),
    '}', '}', '')->run;

my %ip_of = (on => '127.0.0.1', off => '0', anonymize => '127.0.0.0');

sub row ($name, $level, $events, @how) {
    my (undef, $properties, $ip) = @{$holds{$level}};

    $cases->request($name, [@how], @$events ? sub ($p, @) {
        is_deeply([map { $_->{event} } $cases->events($name)], $events, 'mixtrack');
        is_deeply({map { $_ => $p->{$_} } grep {/^[xyz]\z/} keys %$p}, {map { split / / } @$properties}, 'mixtrack_property');
        is($p->{ip}, $ip_of{$ip->[0]}, 'mixtrack_ip');
    } : undef, scalar @$events);
}

row('example-http',     'http',     $holds{http}[0], '/');
row('example-server',   'server',   $holds{server}[0], '/', port => 1);
row('example-location', 'location', $holds{location}[0], '/1', port => 1);
row('example-if',       'if',       $holds{if}[0], '/1', port => 1, args => '&if=1');
row('example-if-but',   'if',       $holds{location}[0], '/0', port => 1, args => '&if=1');

ok($t->wait_rest, 'all of the example has arrived');
$cases->take($ingest->raw_events);
$cases->check;
$t->done;
