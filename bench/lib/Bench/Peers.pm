package Bench::Peers;

# What an event costs in all until it is delivered, worker and whoever posts
# it, beside other ways to do the same: they take the same load at the same
# time, each to a sink of its own, which counts that all of them have come.

use v5.36;

use Time::HiRes qw(sleep);

use Bench::Child;
use Bench::Machine qw($tmp $top cpu_load cpu_ns cpu_worker load median pin pin_command wait_until);
use Bench::Nginx;
use Bench::Setup qw(project reference logged plain_log json_log json_event $cheap_id);
use Bench::Sink;

# mirror needs a handler of the content phase, to which "return" does not come
use constant CONTENT => 'empty_gif;';

# Each of these starts one: {nginx, sink, helper => pid}.

sub _mixtrack ($event, $more = '') {
    my $sink  = Bench::Sink->new('-z');
    my $nginx = Bench::Nginx->new(
        content  => CONTENT,
        location => $event,
        http     => project(endpoint => $sink->endpoint, zone => '64m', more => $more),
    );
    pin(cpu_load(), $nginx->manager);
    return {nginx => $nginx, sink => $sink, helper => $nginx->manager};
}

sub _tailer () {
    my $sink = Bench::Sink->new('-z');
    my $log  = "$tmp/tailer.log";
    my ($location, $http) = json_log($log, $cheap_id);

    my $nginx = Bench::Nginx->new(module => 0, content => CONTENT, location => $location, http => $http);

    my $tailer = Bench::Child->new("$top/build/bench/tailer", $log, $sink->endpoint);
    return {nginx => $nginx, sink => $sink, helper => $tailer->pid, child => $tailer, log => $log};
}

sub _mirror () {
    my $sink  = Bench::Sink->new('-z');
    my $port  = $sink->port_number;
    my $event = json_event($cheap_id);

    my $nginx = Bench::Nginx->new(
        module   => 0,
        content  => CONTENT,
        location => 'mirror /mirror; mirror_request_body off;',
        http     => <<"EOF",
    upstream ingest {
        server 127.0.0.1:$port;
        keepalive 32;
        keepalive_requests 1000000000;
    }
EOF
        server => <<"EOF",
        location = /mirror {
            internal;
            proxy_pass http://ingest/track;
            proxy_method POST;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Type application/json;
            proxy_pass_request_headers off;
            proxy_set_body '$event';
        }
EOF
    );
    return {nginx => $nginx, sink => $sink};
}

# Debian's packages; where they are not is no reason to fail
sub _lua () {
    my $binary = $ENV{NGINX} // 'nginx';
    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/usr/local/sbin:/usr/local/nginx/sbin";

    my ($dir)   = `$binary -V 2>&1` =~ /--modules-path=(\S+)/;
    my @modules = map { ($dir // '') . "/$_" } qw(ndk_http_module.so ngx_http_lua_module.so);
    die "no lua-nginx-module\n" if grep { !-e } @modules;

    my $sink  = Bench::Sink->new('-z');
    my $port  = $sink->port_number;
    my $nginx = eval {
        Bench::Nginx->new(
            module   => 0,
            load     => \@modules,
            content  => CONTENT,
            location => 'log_by_lua_block { require("logger").log() }',
            http     => <<"EOF",
    lua_package_path "$top/bench/?.lua;;";
    init_worker_by_lua_block { require("logger").start("127.0.0.1", $port) }
EOF
        );
    };

    if (!$nginx) {
        my ($why) = $@ =~ /\[(?:emerg|error)\] (?:\d+#\d+: )?(.*)/;
        die 'nginx does not start with it' . ($why ? ": $why" : '') . "\n";
    }

    return {nginx => $nginx, sink => $sink};
}

sub _none ($location = '') {
    return {nginx => Bench::Nginx->new(module => 0, content => CONTENT, location => $location)};
}

sub run ($class, $report, $n, $warm, $rounds) {
    $report->section('DELIVERED, us of CPU an event in all, several nginx at the same time');

    my ($plain) = plain_log("$tmp/peers.log");

    my @rows = (
        ['no logging', sub { _none() }],
        ['no logging, once more: the error', sub { _none() }],
        ['access_log, plain, buffered', sub { _none($plain) }],
        ['mixtrack', sub { _mixtrack(logged()) }],
        ['mixtrack, gzip off', sub { _mixtrack(logged(), 'gzip off;') }],
        ['mixtrack, all standard properties', sub { _mixtrack(reference()) }],
        ['access_log, JSON, cheap id, and a tailer', \&_tailer],
        ['Lua: cjson and a cosocket, no gzip', \&_lua],
        ['mirror, a post an event, no gzip', \&_mirror],
    );

    my (@peers, %skipped);

    for (@rows) {
        my ($name, $start) = @$_;
        my $peer = eval { $start->() };

        if (!$peer) {
            die $@ if $name !~ /^Lua/;
            $skipped{$name} = $@ =~ s/\n.*//sr;
            next;
        }

        push @peers, {%$peer, name => $name};
    }

    my @ports = map { $_->{nginx}->port_number } @peers;

    _round(\@peers, \@ports, $warm, 16);

    for (1 .. $rounds) {
        my @before = map { [_ns($_)] } @peers;

        _round(\@peers, \@ports, $n);

        for my $i (0 .. $#peers) {
            my @ns = _ns($peers[$i]);
            push @{$peers[$i]{us}[$_]}, ($ns[$_] - $before[$i][$_]) / 1000 / $n for 0, 1;
        }
    }

    # the worker's part is what it is over none, the mean of the two, round by
    # round

    my @none = map { $_->{us}[0] } @peers[0, 1];
    my $none = [map { ($none[0][$_] + $none[1][$_]) / 2 } 0 .. $rounds - 1];

    for my $peer (@peers) {
        my @worker = map { $peer->{us}[0][$_] - $none->[$_] } 0 .. $rounds - 1;
        my @all    = map { $worker[$_] + $peer->{us}[1][$_] } 0 .. $rounds - 1;
        @$peer{qw(over helped us_all)} = (median(@worker), median(@{$peer->{us}[1]}), median(@all));
        $report->say("$peer->{name}: " . join ' ', map { sprintf '%.2f', $_ } @all);
    }

    my ($mixtrack) = map { $_->{us_all} } grep { $_->{name} eq 'mixtrack' } @peers;

    for my $peer (@peers) {
        my $name = $peer->{name};

        if ($peer == $peers[0]) {
            $report->row("$name: a request in all", sprintf '%.2f us', median(@$none));
        }
        elsif ($peer == $peers[1]) {
            $report->row($name, sprintf '%.2f us', median(map { $none[1][$_] - $none[0][$_] } 0 .. $rounds - 1));
        }
        elsif (!$peer->{sink}) {
            $report->row($name, sprintf '%.2f us, delivers nothing', $peer->{us_all});
        }
        else {
            my $parts = $peer->{helper} ? sprintf ' (%.2f + %.2f)', @$peer{qw(over helped)} : '';
            $report->row($name, sprintf '%.2f us%s, %.2f of mixtrack', $peer->{us_all}, $parts,
                $peer->{us_all} / $mixtrack);
        }
    }

    $report->row($_, "skipped: $skipped{$_}") for sort keys %skipped;
    $report->say('(in brackets: the worker over no logging, and the process that posts)');

    _bare($report, grep {defined} map { $_->{log} } @peers);
}

# the parts of the work with nothing around them, on the events of that log
sub _bare ($report, $log) {
    open my $f, '-|', pin_command(cpu_worker()), "$top/build/bench/bare", $log or die "bare: $!\n";
    my @us = split ' ', <$f> // '';
    close $f or die "bare failed\n";

    my @steps = ('snprintf', 'memcpy', 'zlib, level 1', 'zlib, level 2', 'jansson, build and dump');
    $report->row("a bare loop: $steps[$_]", "$us[$_] us") for 0 .. $#steps;
}

# ns of CPU of the worker, and of the process that delivers
sub _ns ($peer) { (cpu_ns($peer->{nginx}->worker), $peer->{helper} ? cpu_ns($peer->{helper}) : 0) }

# the load, and until all of it has been delivered
sub _round ($peers, $ports, $n, $depth = 1) {
    load($ports, n => $n, c => 16, p => $depth);

    for my $peer (grep { $_->{sink} } @$peers) {
        my $come = 0;

        wait_until(sub { ($come += $peer->{sink}->stats->{events}) >= $n }, 20, 0.1)
            or die "$peer->{name}: $come of $n events have come\n";
        die "$peer->{name}: $come events have come, not $n\n" if $come != $n;
    }

    sleep 0.2;
}

1;
