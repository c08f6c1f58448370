package Bench::Outage;

# What an outage costs, and what comes after it: the worker's work while the
# endpoint refuses, the flusher's memory while post after post fails and the
# spool turns over, and a full spool that is read back.  And what there is
# to compare it with: the rate that Mixpanel allows, with all well.

use v5.36;

use Compress::Zlib ();
use List::Util qw(max sum);
use Time::HiRes qw(sleep time);

use Bench::Callgrind;
use Bench::Machine qw(
    $tmp cpu_load cpu_ns load load_start load_goes_on load_wait median pin port
    rss slurp spew
);
use Bench::Nginx;
use Bench::Setup qw(project reference);
use Bench::Sink;

use constant {
    RATE    => 30_000,
    DELAY   => 100,
    CORE    => 50,
    BATCH   => 2000,
    NOISE   => 1.02,
    GROWTH  => 256,
    FILE    => 100,
    HELD_MB => 16,
};

# a closed port
sub _refused () { 'http://127.0.0.1:' . port() . '/track' }

# ---- all is well, at the rate that Mixpanel allows

sub pace ($class, $report, $seconds) {
    $report->section('FLUSHER, ' . RATE . ' events a second, ' . DELAY . ' ms to the endpoint');

    my $sink  = Bench::Sink->new('-d', DELAY);
    my $nginx = Bench::Nginx->new(
        location => reference(),
        http     => project(endpoint => $sink->endpoint),
    );

    pin(cpu_load(), $nginx->manager);

    # memory is touched for the first time but once
    load($nginx->ports, n => 100_000, c => 8, p => 64, r => RATE);

    my $ns   = cpu_ns($nginx->manager);
    my $load = load_start($nginx->ports, n => RATE * $seconds, c => 8, p => 64, r => RATE);
    my $from = $nginx->status->{tracked};
    my @waiting;

    while (load_goes_on($load)) {
        my $status = $nginx->status;
        push @waiting, $status->{queued} + $status->{in_flight} if $status->{tracked} > $from;
        sleep 0.02;
    }

    my $took = load_wait($load);
    my $us   = (cpu_ns($nginx->manager) - $ns) / 1000;
    my $cpu  = 100 * $us / 1e6 / $took;

    die "the load was over too soon\n" if @waiting < 20;

    my $fifth = int(@waiting / 5);
    my @mean  = map { sum(@waiting[$_ * $fifth .. ($_ + 1) * $fifth - 1]) / $fifth } 0 .. 4;
    my ($middle, $end) = @mean[2, 4];
    my $rate  = RATE * $seconds / $took;

    $nginx->wait_rest;
    my $status = $nginx->status;
    my $lost   = $status->{dropped}{full};

    $report->say('events that wait or are on their way, by fifths of the run: ' . join ' ',
        map { sprintf '%.0f', $_ } @mean);
    $report->say(sprintf 'at most %d; %d posts, %.2f us of CPU an event', max(@waiting),
        $status->{requests}{'2xx'}, $us / RATE / $seconds);
    $report->load($rate, RATE);
    $report->check('waiting, in the middle and at the end', sprintf('%.0f, %.0f; %d dropped', $middle, $end, $lost),
        'no more, but a batch', !$lost && $end <= $middle + BATCH);
    $report->check('flusher, part of a core', sprintf('%.1f %%', $cpu), 'less than ' . CORE . ' %', $cpu < CORE);
}

# ---- the endpoint refuses: the worker

sub worker ($class, $report, $n, $requests, $rounds) {
    $report->section('OUTAGE, what the worker does not notice of it');

    _instructions($report, $n);
    _cpu($report, $requests, $rounds);
}

# All have the same zone, which the worker goes round more than once.
sub _instructions ($report, $n) {
    my $sink  = Bench::Sink->new;
    my $base  = _callgrind($n, module => 0);
    my @well  = map { _callgrind($n, http => _small($sink->endpoint)) - $base } 1 .. 2;
    my @down  = map { _callgrind($n, http => _small(_refused()), down => 1) - $base } 1 .. 2;

    $report->say(sprintf 'a request without logging: %.0f', $base);
    $report->say(sprintf 'over that: all well %.0f and %.0f, the endpoint refuses %.0f and %.0f', @well, @down);

    my $ratio = ($down[0] + $down[1]) / ($well[0] + $well[1]);
    my $error = max(map { abs($_ - 1) } $well[1] / $well[0], $down[1] / $down[0]);

    $report->row('instructions, all well', sprintf '%.0f', median(@well));
    $report->row('instructions, the endpoint refuses', sprintf '%.0f', median(@down));
    $report->check('    ratio', sprintf('%.3f, error %.3f', $ratio, $error), 'at most ' . NOISE, $ratio <= NOISE);
}

# callgrind slows the flusher, too: some thousand events wait for it
sub _small ($endpoint) { project(endpoint => $endpoint, zone => '4m', spool => '64m') }

# the events pass to the spool while the worker is looked at
sub _callgrind ($n, %o) {
    my $down      = delete $o{down};
    my $callgrind = Bench::Callgrind->new;
    my $nginx     = Bench::Nginx->new(%o, location => $o{http} ? reference() : '',
        valgrind => $callgrind->options);

    load($nginx->ports, n => 4000, c => 2, r => 1500);
    _wait_spool($nginx, 1) if $down;

    my $before = $o{http} ? $nginx->status : undef;

    $callgrind->zero($nginx->worker);
    load($nginx->ports, n => $n, c => 2, o => 1);
    my $total = $callgrind->dump($nginx->worker)->{total};

    _as_meant($nginx, $before, $down) if $before;

    return $total / $n;
}

sub _wait_spool ($nginx, $files) {
    $nginx->wait_status(sub { $_->{gate}{state} ne 'open' && $_->{spool}{files} >= $files }, 60);
}

# Nothing was dropped, which costs less than an event; and files were
# written if, and only if, the endpoint refuses.
sub _as_meant ($nginx, $before, $down) {
    my $status = $nginx->status;

    die "$status->{dropped}{full} events were dropped\n" if $status->{dropped}{full} != $before->{dropped}{full};
    die "a gate was $status->{gate}{state}\n" if $down ? $status->{gate}{state} eq 'open' : $status->{gate}{failures};
    die "nothing was spooled\n" if $down && $status->{spooled} == $before->{spooled};
}

# several nginx take the same load at the same time, on one CPU
sub _cpu ($report, $n, $rounds) {
    my $sink  = Bench::Sink->new;
    my @kinds = (
        [$sink->endpoint, 0],
        [$sink->endpoint, 0],
        [_refused(), 1],
        [_refused(), 1],
    );

    my @nginx = map {
        Bench::Nginx->new(location => reference(),
            http => project(endpoint => $_->[0], zone => '16m', spool => '512m'))
    } @kinds;
    my @ports = map { $_->port_number } @nginx;

    pin(cpu_load(), $_->manager) for @nginx;
    load(\@ports, n => 60_000, c => 16, p => 4);
    _wait_spool($nginx[$_], 1) for grep { $kinds[$_][1] } 0 .. $#nginx;

    my @us;

    for (1 .. $rounds) {
        my @status = map { $_->status } @nginx;
        my @before = map { cpu_ns($_->worker) } @nginx;

        load(\@ports, n => $n, c => 16);
        sleep 0.2;

        for my $i (0 .. $#nginx) {
            push @{$us[$i]}, (cpu_ns($nginx[$i]->worker) - $before[$i]) / 1000 / $n;
        }

        _as_meant($nginx[$_], $status[$_], $kinds[$_][1]) for 0 .. $#nginx;
    }

    my @ratio = map { ($us[2][$_] + $us[3][$_]) / ($us[0][$_] + $us[1][$_]) } 0 .. $rounds - 1;
    my @error = map { abs($us[1][$_] / $us[0][$_] - 1), abs($us[3][$_] / $us[2][$_] - 1) } 0 .. $rounds - 1;

    $report->say('ratios: ' . join ' ', map { sprintf '%.3f', $_ } @ratio);
    $report->row('us of CPU a request, all well', sprintf '%.2f', median(@{$us[0]}, @{$us[1]}));
    $report->row('us of CPU a request, the endpoint refuses', sprintf '%.2f', median(@{$us[2]}, @{$us[3]}));

    my $ratio = median(@ratio);
    my $error = median(@error);
    $report->timed('    ratio', sprintf('%.3f, error %.3f', $ratio, $error), 'at most 1, but two errors',
        $ratio <= 1 + 2 * $error);
}

# ---- the endpoint refuses, for long: the flusher's memory

# An hour has about sixty attempts with the default "retry"; here are some
# thousands, and as many files that are written and thrown away.
sub memory ($class, $report, $seconds) {
    $report->section('OUTAGE, the flusher\'s memory');

    my $nginx = Bench::Nginx->new(
        location => reference(),
        http     => project(
            endpoint => _refused(),
            zone     => '4m',
            spool    => '2m',
            more     => 'batch events=100; retry min=1ms max=2ms jitter=0;',
        ),
    );

    pin(cpu_load(), $nginx->manager);

    my $ns   = cpu_ns($nginx->manager);
    my $wall = time;
    my $rate = 8000;
    my $load = load_start($nginx->ports, n => $rate * $seconds, c => 8, p => 64, r => $rate);
    my @kb;

    while (load_goes_on($load)) {
        push @kb, rss($nginx->manager);
        sleep 0.1;
    }

    load_wait($load);

    my $status = $nginx->status;
    my $cpu    = 100 * (cpu_ns($nginx->manager) - $ns) / 1e9 / (time - $wall);
    my $posts  = $status->{requests}{error};

    # a flusher numbers its files

    my @left    = glob "$nginx->{dir}/spool/default/*.json.gz";
    my $written = 1 + max(map { /-([0-9a-f]{8})-[0-9a-f]{16}\.json/ ? hex $1 : -1 } @left);
    my $expired = $written - @left;

    # an eighth to warm up

    die "the load was over too soon\n" if @kb < 32;

    my $eighth = int(@kb / 8);
    my $early  = median(@kb[$eighth .. 2 * $eighth - 1]);
    my $late   = median(@kb[-$eighth .. -1]);

    $report->say('KB, by eighths of the run: ' . join ' ',
        map { sprintf '%.0f', median(@kb[$_ * $eighth .. ($_ + 1) * $eighth - 1]) } 0 .. 7);
    $report->say(sprintf '%.0f %% of a core, %d events dropped', $cpu, $status->{dropped}{full});
    $report->row('posts that failed; files written, expired', "$posts; $written, $expired");
    $report->check('resident, early and late', sprintf('%.0f KB, %.0f KB', $early, $late),
        'no more than ' . GROWTH . ' KB more',
        $late <= $early + GROWTH && $posts >= 10 * $seconds && $expired >= $posts);
}

# ---- and after it: a spool that is read back

sub spool ($class, $report, $files) {
    $report->section("SPOOL, $files files that are read back");

    my $sink  = Bench::Sink->new;
    my $nginx = Bench::Nginx->new(
        location => reference(),
        http     => project(endpoint => $sink->endpoint, spool => '1g'),
    );

    pin(cpu_load(), $nginx->manager);

    load($nginx->ports, n => 1000);
    $nginx->wait_rest;
    sleep 1;
    my $start_kb = rss($nginx->manager);
    $sink->stats;

    kill 'STOP', $nginx->manager;
    my $bytes = _fill("$nginx->{dir}/spool/default", $sink->endpoint, $files);

    my $ns    = cpu_ns($nginx->manager);
    my $start = time;
    my $most  = 0;
    kill 'CONT', $nginx->manager;

    $nginx->wait_status(sub {
        my $kb = rss($nginx->manager);
        $most = max($most, $kb);
        die "$_->{spool}{foreign} files are of another destination\n" if $_->{spool}{foreign};
        die "$_->{spool}{bad} files are set aside\n"                  if $_->{spool}{bad};
        return $_->{adopted} == $files * FILE && !$_->{spool}{files};
    }, 60 + $files / 20);

    my $seconds = time - $start;
    my $us      = (cpu_ns($nginx->manager) - $ns) / 1000 / $files;
    my $end_kb  = rss($nginx->manager);

    my $stats = $sink->stats;
    die "$stats->{posts} posts for $files files\n" if $stats->{posts} != $files;

    $report->say(sprintf '%d events, %.0f bytes each file', FILE, $bytes / $files);
    $report->row('files a second; CPU each', sprintf '%.0f; %.0f us', $files / $seconds, $us);
    $report->row('resident at the start, at most, at the end', "$start_kb, $most, $end_kb KB");
    $report->check('    more than at the start', sprintf('%.1f MB', ($most - $start_kb) / 1024),
        'at most ' . HELD_MB . ' MB', $most - $start_kb <= HELD_MB * 1024);
}

# Files as the flusher would have written them, all at once.  Their events
# are such as a dry run writes them.
sub _fill ($dir, $endpoint, $n) {
    my @body        = _bodies();
    my $destination = _destination("$endpoint?ip=0&verbose=1", 'track', '');
    my $now         = int(time * 1000);
    my $bytes       = 0;
    my $made        = "$dir.made";

    mkdir $made, 0700 or die "$made: $!\n";

    my @names = map { sprintf '%013d-%d-%013d-%016x-%08x-%s.json.gz', $now - $n + $_, FILE, $now - 60_000, $$, $_,
        $destination } 1 .. $n;

    for my $i (0 .. $#names) {
        my $body = $body[$i % @body];
        spew("$made/$names[$i]", $body);
        $bytes += length $body;
    }

    rename "$made/$_", "$dir/$_" or die "$dir/$_: $!\n" for @names;

    return $bytes;
}

sub _bodies () {
    my $file  = "$tmp/events.ndjson";
    my $nginx = Bench::Nginx->new(location => reference(), http => project(endpoint => "file:$file"));
    my $n     = 80 * FILE;

    load($nginx->ports, n => $n, c => 4, p => 16);
    $nginx->wait_rest;
    $nginx->stop;

    my @events = split /\n/, slurp($file);
    die scalar(@events) . " of $n events in $file\n" if @events != $n;

    my @body;
    push @body, Compress::Zlib::memGzip('[' . join(',', splice @events, 0, FILE) . ']') while @events;
    return @body;
}

# FNV-1a, as mxt_spool_destination() has it
sub _destination (@pieces) {
    use integer;
    my $hash = 0xcbf29ce4 << 32 | 0x84222325;
    for (unpack 'C*', join '', map {"$_\0"} @pieces) {
        $hash ^= $_;
        $hash = ($hash << 40) + $hash * 0x1b3;
    }
    return sprintf '%016x', $hash;
}

1;
