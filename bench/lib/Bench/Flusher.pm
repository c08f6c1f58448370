package Bench::Flusher;

# What the flusher takes to deliver: CPU, for each level of gzip; events a
# second over a slow line; memory; and what it does at rest.
#
# A backlog is made by stopping the flusher (SIGSTOP) while the worker fills
# the zone.  A first round of everything is not counted: memory is touched
# for the first time but once.

use v5.36;

use Time::HiRes qw(sleep time);

use Bench::Callgrind;
use Bench::Machine qw(cpu_load cpu_ns cpu_worker load median pin rss switches wait_until);
use Bench::Nginx;
use Bench::Setup qw(project reference logged);
use Bench::Sink;

use constant {
    US        => 3.5,
    US_AIM    => 3.0,
    PER_SEC   => 100_000,
    RTT       => 100,
    WAKES     => 10,
    MEMORY_MB => 16,
    HELD      => 90,
};

# n events wait, and nobody takes them
sub _backlog ($nginx, $n) {
    kill 'STOP', $nginx->manager;
    load($nginx->ports, n => $n, c => 4, p => 64);

    my $status = $nginx->status;
    die "$status->{dropped}{full} events did not fit the zone\n" if $status->{dropped}{full};
}

# Lets it go; us of CPU an event, and the seconds it took.
sub _drain ($nginx, $n, $look = sub { }) {
    my $ns    = cpu_ns($nginx->manager);
    my $start = time;

    kill 'CONT', $nginx->manager;
    $nginx->wait_status(sub { $look->(); !$_->{queued} && !$_->{in_flight} }, 120);

    my $seconds = time - $start;
    sleep 0.05;

    return ((cpu_ns($nginx->manager) - $ns) / 1000 / $n, $seconds);
}

# MB of zone for n events of logged(), or of reference()
sub _zone ($n, $bytes = 700) { int($n * $bytes / 1024 / 1024) + 4 . 'm' }

# ---- CPU

# All levels at the same time, round by round: the speed of a machine drifts,
# but not against one of them.  The best round counts, as the others were
# disturbed.  "standard" is the default level, and all standard properties.
sub gzip ($class, $report, $n, $rounds, @levels) {
    $report->section('FLUSHER, us of CPU an event, loopback, a backlog of events that differ');

    my $sink = Bench::Sink->new;
    my (%nginx, %us);

    for my $level (@levels) {
        my $standard = $level eq 'standard';

        $nginx{$level} = Bench::Nginx->new(
            location => $standard ? reference() : logged(),
            cpu      => cpu_load(),
            http     => project(
                endpoint => $sink->endpoint,
                zone     => _zone($n, $standard ? 1200 : 700),
                more     => $level =~ /^(?:default|standard)\z/ ? '' : "gzip $level;",
            ),
        );
        pin(cpu_worker(), $nginx{$level}->manager);
    }

    for my $round (0 .. $rounds) {
        for my $level (@levels) {
            _backlog($nginx{$level}, $n);
            my ($us) = _drain($nginx{$level}, $n);
            push @{$us{$level}}, $us if $round;
        }
    }

    for my $level (@levels) {
        my $status = $nginx{$level}->status;
        my ($raw, $wire) = @{$status->{bytes}}{qw(raw wire)};
        my $us = (sort { $a <=> $b } @{$us{$level}})[0];

        $report->say("gzip $level: " . join ' ', map { sprintf '%.2f', $_ } @{$us{$level}});

        my $seen = sprintf '%.2f us, %.0f/s, 1:%.1f, %.0f of %.0f B', $us, 1e6 / $us, $raw / $wire,
            map { $_ / $status->{delivered} } $wire, $raw;

        if ($level eq 'default') {
            $report->timed('gzip default', $seen, 'at most ' . US . ' us, aim ' . US_AIM, $us <= US);
        }
        else {
            $report->row($level eq 'standard' ? 'all standard properties' : "gzip $level", $seen);
        }
    }

    $report->say('(the best round; events a second and core; compression; bytes of the wire an event)');
}

# The same in instructions, of which no other load takes away: the default.
sub profile ($class, $report, $n) {
    $report->section('FLUSHER, instructions an event in user space');

    my $sink      = Bench::Sink->new;
    my $callgrind = Bench::Callgrind->new;
    my $nginx     = Bench::Nginx->new(
        location => logged(),
        http     => project(endpoint => $sink->endpoint),
        valgrind => $callgrind->options,
    );

    load($nginx->ports, n => 2000, c => 4, p => 16);
    $nginx->wait_rest;

    $callgrind->zero($nginx->manager);
    load($nginx->ports, n => $n, c => 4, p => 64);
    $nginx->wait_rest;

    my $profile = $callgrind->dump($nginx->manager);

    $report->row('gzip default', sprintf '%.0f', $profile->{total} / $n);
    $report->say(Bench::Callgrind->top($profile, $n, 25));
}

# ---- a slow line, and memory under it

sub line ($class, $report, $n) {
    $report->section('FLUSHER, ' . RTT . ' ms round trip, 8 connections');

    my $idle   = Bench::Nginx->new(module => 0, manager => 1, http => _cache());
    my $idle_kb = do { sleep 1; rss($idle->manager) };

    my $sink  = Bench::Sink->new('-d', RTT);
    my $nginx = Bench::Nginx->new(
        location => logged(),
        cpu      => cpu_load(),
        http     => project(endpoint => $sink->endpoint, zone => _zone($n), more => 'connections 8;'),
    );

    pin(cpu_worker(), $nginx->manager);

    my ($kb, $busy, @per_sec) = (0, 0);

    for my $round (0 .. 1) {
        _backlog($nginx, $n);

        my (undef, $seconds) = _drain($nginx, $n, sub {
            my $now = rss($nginx->manager);
            $kb   = $now                      if $now > $kb;
            $busy = $_->{requests}{in_flight} if $_->{requests}{in_flight} > $busy;
        });

        push @per_sec, $n / $seconds;
    }

    $report->say(sprintf 'round 1: %.0f, round 2: %.0f events/s', @per_sec);
    $report->say("at most $busy posts at a time");
    $report->timed('events a second', sprintf('%.0f', $per_sec[1]), 'at least ' . PER_SEC,
        $per_sec[1] >= PER_SEC);

    my $mb = ($kb - $idle_kb) / 1024;
    $report->say("cache manager: idle and without mixtrack $idle_kb KB, at most $kb KB beyond the zone");
    $report->check('memory beyond the zone and an idle manager', sprintf('%.1f MB', $mb),
        'at most ' . MEMORY_MB . ' MB', $mb <= MEMORY_MB && $busy == 8);
}

# what makes nginx have a cache manager
sub _cache () {
    state $n = 0;
    return "    proxy_cache_path $Bench::Machine::tmp/cache-" . ++$n . " keys_zone=cache:1m;\n";
}

# ---- nothing to do

sub rest ($class, $report, $seconds) {
    $report->section('FLUSHER, at rest');

    my $sink  = Bench::Sink->new;
    my $nginx = Bench::Nginx->new(location => reference(), http => project(endpoint => $sink->endpoint));

    load($nginx->ports, n => 100);
    $nginx->wait_rest;
    sleep 1.5;

    my $before = switches($nginx->manager);
    my $ns     = cpu_ns($nginx->manager);
    sleep $seconds;
    my $wakes = (switches($nginx->manager) - $before) / $seconds;

    $report->say(sprintf '%.0f us of CPU a second', (cpu_ns($nginx->manager) - $ns) / 1000 / $seconds);
    $report->check('wake-ups a second', sprintf('%.1f', $wakes), 'at most ' . WAKES, $wakes <= WAKES);
}

# ---- what a zone holds

sub zone ($class, $report, @sizes) {
    $report->section('ZONE, how much of it are events when it is full');

    for my $size (@sizes) {
        my $sink  = Bench::Sink->new('-z');
        my $nginx = Bench::Nginx->new(
            location => reference(),
            http     => project(endpoint => $sink->endpoint, zone => "${size}m"),
        );

        kill 'STOP', $nginx->manager;
        load($nginx->ports, n => int($size * 1024 * 1024 / 560), c => 4, p => 64);

        my $status = $nginx->status;
        my $queued = $status->{queued};
        die "the zone has not become full\n" if !$status->{dropped}{full};

        kill 'CONT', $nginx->manager;
        $nginx->wait_rest;

        # exactly those have come; the brackets of a batch are none of theirs

        my $stats = $sink->stats;
        die "$stats->{events} of $queued events have come\n" if $stats->{events} != $queued;

        my $bytes = $stats->{bytes} - $stats->{posts};
        my $held  = 100 * $bytes / ($size * 1024 * 1024);

        $report->say(sprintf '%d events of %.1f bytes', $queued, $bytes / $queued);
        $report->check("zone ${size}m, 1 worker", sprintf('%.1f %%', $held), 'at least ' . HELD . ' %',
            $held >= HELD);
    }
}

1;
