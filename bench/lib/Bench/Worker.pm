package Bench::Worker;

# What a request pays: instructions, by callgrind; system calls, by strace;
# and CPU time, of several nginx that take the same load at the same time.

use v5.36;

use Time::HiRes qw(sleep);

use Bench::Callgrind;
use Bench::Machine qw($tmp cpu_load cpu_ns load median pin port reap slurp spawn wait_until);
use Bench::Nginx;
use Bench::Setup qw(TOKEN project reference logged minimal user_id plain_log json_log describe $random_id $cheap_id);
use Bench::Sink;

use constant {
    HANDLER => 'ngx_mixtrack_event_handler',
    LIMIT   => 5000,
    AIM     => 3000,
};

# what the path of an event must not reach: locks, the heap, the kernel;
# names come with or without the prefixes of the C library
my $forbidden = qr/
    ^_*(?: libc_ | GI_+ )?
    (?: pthread_ | lll_ | sem_ | ngx_shmtx | ngx_rwlock | ngx_slab | epoll_
      | clock_ | gettimeofday | ngx_alloc$ | ngx_calloc$ | ngx_time_update
      | ngx_log_error_core
      | (?: int_ )? (?: m | c | re | mem | aligned_ )? alloc(?: array | _consolidate )?$
      | (?: int_ )? c?free$ | posix_memalign$ | sysmalloc$ | mmap | munmap$ | madvise$ | s?brk$
      | (?: p?read | p?write | readv | writev | send | sendto | sendmsg | recv
          | recvfrom | recvmsg | open | openat | close | fsync | fdatasync
          | poll | select | ioctl | fcntl | getrandom | getentropy | futex | syscall
          | kill | usleep | nanosleep | sched_yield )(?: 64 )?(?: _nocancel )?$
    )
/x;

# A closed port: what is not delivered stays.
sub _refused () { 'http://127.0.0.1:' . port() . '/track' }

sub _full () { project(endpoint => _refused(), zone => '1m') }

# ---- instructions

# A row: name, what nginx is made of, and whether the zone is filled first.
# All of them with one request under way at a time, so that the event loop
# does the same in each.
sub instructions ($class, $report, $n) {
    $report->section('WORKER, instructions an event in user space, over no logging at all');

    my $sink = Bench::Sink->new('-z');
    my $to   = project(endpoint => $sink->endpoint);
    my $log  = "$tmp/access.log";

    my ($plain, undef)          = plain_log($log);
    my ($random, $random_http)  = json_log($log, $random_id);
    my ($cheap, $cheap_http)    = json_log($log, $cheap_id);

    my $base = _measure($n, module => 0);
    $report->row('no logging: a request in all', sprintf '%.0f', $base);

    my %over;
    my $row = sub ($key, $what, %o) {
        $over{$key} = _measure($n, %o) - $base;
        my $seen = sprintf '%.0f', $over{$key};
        my $limit = delete $o{limit};
        return $report->row($what, $seen) if !defined $limit;
        $report->check($what, $seen, "at most $limit, aim " . AIM, $over{$key} <= $limit);
    };

    $row->(plain => 'access_log, plain, buffered', module => 0, location => $plain);
    $row->(json => 'access_log, JSON, $request_id', module => 0, location => $random, http => $random_http);
    $row->(cheap => 'access_log, JSON, a cheap id', module => 0, location => $cheap, http => $cheap_http);

    $sink->event;
    $sink->stats;
    $row->(reference => 'mixtrack, the reference event', location => reference(), http => $to);

    my $stats = $sink->stats;
    my $event = $sink->event;
    $report->say("the first of them: $event");
    $report->row('    that is', sprintf '%s, %.0f bytes', describe($event), $stats->{bytes} / $stats->{events});

    $row->(user => 'mixtrack, and user_id from a cookie', location => user_id(), http => $to);
    $sink->event;
    $row->(logged => 'mixtrack, with the properties of JSON alone', location => logged(), http => $to);

    # the log has no others, and what is new would be one
    my $logged = describe($sink->event);
    $report->check('    that is', $logged, '11 properties', $logged eq '11 properties');

    $row->(minimal => 'mixtrack, minimal properties', location => minimal(), http => $to, limit => LIMIT);

    $over{full} = _measure($n, location => reference(), http => _full(), fill => 1) - $base;
    $report->check('mixtrack, the zone is full', sprintf('%.0f', $over{full}),
        'no more than an event', $over{full} <= $over{reference});

    # what is parsed for the standard properties
    my $deaf  = reference() . join('', map {" mixtrack_property $_ off;"} qw($browser $browser_version $os $device));
    my $blind = _measure($n, location => $deaf, http => $to) - $base;
    $report->row('    of these, the user agent', sprintf '%.0f', $over{reference} - $blind);

    my $new = _measure($n, location => reference(), http => $to, unique => 1)
        - _measure($n, location => $deaf, http => $to, unique => 1);
    $report->row('    of these, one that was not there before', sprintf '%.0f', $new);

    $sink->event;
    my $known = _measure($n, location => reference(), http => $to, cookie => TOKEN);
    die "the SDK's cookie is in no event\n" if $sink->event !~ /"\$user_id":"user-\d+"/;

    $known -= _measure($n, module => 0, cookie => TOKEN);
    $report->row("    with the SDK's cookie of 500 bytes, more", sprintf '%.0f', $known - $over{reference});

    my $whole = ($base + $over{reference}) / ($base + $over{minimal});
    $report->check('a worker, standard to minimal', sprintf('%.2f', $whole), 'at most 2', $whole <= 2);
    $report->check('minimal to plain access_log', sprintf('%.2f', $over{minimal} / $over{plain}),
        'less than 1', $over{minimal} < $over{plain});
    $report->row('mixtrack to plain access_log', sprintf '%.2f', $over{reference} / $over{plain});
    $report->row('with the properties of JSON to that, a cheap id', sprintf '%.2f', $over{logged} / $over{cheap});
    $report->row('with the properties of JSON to that, $request_id', sprintf '%.2f', $over{logged} / $over{json});
}

# instructions a request
sub _measure ($n, %o) {
    my $fill = delete $o{fill};
    my @as = (k => delete $o{cookie}, u => delete $o{unique});
    delete $o{limit};

    my $callgrind = Bench::Callgrind->new;
    my $nginx     = Bench::Nginx->new(%o, valgrind => $callgrind->options);

    load($nginx->ports, n => 256, c => 2, o => 1, @as);

    if ($fill) {
        load($nginx->ports, n => 3000, c => 4, p => 16);
        die "the zone has not become full\n" if !$nginx->status->{dropped}{full};
    }

    my $dropped = $fill ? $nginx->status->{dropped}{full} : 0;

    $callgrind->zero($nginx->worker);
    load($nginx->ports, n => $n, c => 2, o => 1, @as);
    my $total = $callgrind->dump($nginx->worker)->{total};

    die "not every event was dropped\n" if $fill && $nginx->status->{dropped}{full} - $dropped != $n;

    return $total / $n;
}

# ---- the same with more workers, and what is reached

sub workers ($class, $report, $n) {
    $report->section('WORKER, instructions of the handler alone, summed over all workers');

    my $sink = Bench::Sink->new;
    my (@seen, $first);

    for my $workers (1, 2, 4, 8, 16) {
        my $profile = _profile($n, workers => $workers, servers => [reference()],
            http => project(endpoint => $sink->endpoint));

        push @seen, $profile->{total} / $n;
        $first //= $profile;
        $report->say(sprintf '%2d workers: %.1f', $workers, $seen[-1]);
    }

    my ($least, $most) = (sort { $a <=> $b } @seen)[0, -1];
    my $spread = 100 * ($most - $least) / $least;

    $report->row('with 1, 2, 4, 8, 16 workers', join ', ', map { sprintf '%.0f', $_ } @seen);
    $report->check('    they differ by', sprintf('%.1f %%', $spread), 'at most 10 %', $spread <= 10);

    $report->say('where they go, with one worker:', Bench::Callgrind->top($first, $n, 16));
}

# the events of all servers, each with n requests
sub _profile ($n, %o) {
    my $callgrind = Bench::Callgrind->new(only => HANDLER);
    my $nginx     = Bench::Nginx->new(%o, valgrind => $callgrind->options);

    # over enough connections for each worker to have some, all at once
    load($nginx->ports, n => $n, c => 8 * ($o{workers} // 1));

    my @pids = $nginx->workers;
    $nginx->stop;

    my @profiles = map { $callgrind->final($_) } @pids;
    die "a worker had nothing to do\n" if grep { !$_->{total} } @profiles;

    return Bench::Callgrind->add(@profiles);
}

# ---- no system call, no lock

sub calls ($class, $report, $n) {
    $report->section('WORKER, no system call and no lock for an event');

    my $sink = Bench::Sink->new;
    my $to   = project(endpoint => $sink->endpoint);

    # functions, also those of a full zone and of roll-overs

    my @servers = (reference(), user_id(), minimal(), q(mixtrack $request_method; mixtrack $uri;)
        . ' mixtrack_property n $bytes_sent type=number; mixtrack_property b $is_args type=bool;'
        . ' mixtrack_property joined "$scheme:$server_port"; mixtrack_device_id $cookie_sid;');

    my $profile = Bench::Callgrind->add(
        _profile(1000, servers => \@servers, http => $to),
        _profile(3000, servers => [reference()], http => _full())
    );
    my @names = sort map {s/(?:'\d+|\@.*)$//r} keys %{$profile->{self}};
    my @bad   = grep { $_ =~ $forbidden } @names;

    $report->say('reached from the handler:', map {"    $_"} grep { !/^0x/ } @names);
    $report->check('functions: locks, heap, kernel', @bad ? "@bad" : scalar(@names) . ' reached, none of these',
        'none', !@bad);

    # and what the kernel sees

    my %calls = (
        'without mixtrack' => _trace($n, module => 0),
        'with mixtrack'    => _trace($n, location => reference(), http => $to),
        'a full zone'      => _trace($n, location => reference(), http => _full(), fill => 1),
    );

    my $expected = _describe_calls($calls{'without mixtrack'});
    $report->row("system calls of $n requests", $expected);

    for ('with mixtrack', 'a full zone') {
        my $seen = _describe_calls($calls{$_});
        $report->check("    $_", $seen eq $expected ? 'the same' : $seen, 'the same', $seen eq $expected);
    }
}

# {name => count} from the first request to the last reply
sub _trace ($n, %o) {
    my $fill  = delete $o{fill};
    my $nginx = Bench::Nginx->new(%o);
    my $file  = $nginx->{dir} . '/strace';

    load($nginx->ports, n => 3000, c => 4, p => 16) if $fill;

    my $strace = spawn("$file.out", 'strace', '-f', '-s', '16', '-o', $file, '-p', $nginx->worker);
    wait_until(sub { slurp("$file.out") =~ /attached/ }, 10) or die 'strace: ' . slurp("$file.out");

    load($nginx->ports, n => $n, c => 4, o => 1);

    kill 'INT', $strace;
    reap($strace, 10) // die "strace does not end\n";

    my (%count, $last, %until);

    open my $f, '<', $file or die "$file: $!\n";
    while (<$f>) {
        my ($name, $args) = /^\d+ +(?:<\.\.\. )?(\w+)(.*)/ or next;
        next if $args =~ /^ resumed/ || (!%count && $args !~ /"GET /);
        $count{$name}++;
        %until = %count if $args =~ m{"HTTP/1\.1 200};
    }

    return \%until;
}

sub _describe_calls ($count) {
    return join ', ', map {"$count->{$_} $_"} sort keys %$count;
}

# ---- CPU time, side by side on one CPU

sub cpu ($class, $report, $n, $rounds) {
    $report->section('WORKER, us of CPU a request, several nginx on one CPU at the same time');

    my $sink = Bench::Sink->new;
    my $log  = "$tmp/cpu.log";

    my ($plain, undef)          = plain_log("$log.1");
    my ($random, $random_http)  = json_log("$log.2", $random_id);
    my ($cheap, $cheap_http)    = json_log("$log.3", $cheap_id);

    my @kinds = (
        ['no logging', module => 0],
        ['no logging, once more: the error', module => 0],
        ['access_log, plain, buffered', module => 0, location => $plain],
        ['access_log, JSON, $request_id', module => 0, location => $random, http => $random_http],
        ['access_log, JSON, a cheap id', module => 0, location => $cheap, http => $cheap_http],
        ['mixtrack, the reference event', location => reference(),
            http => project(endpoint => $sink->endpoint, zone => '64m')],
        ['mixtrack, with the properties of JSON alone', location => logged(),
            http => project(endpoint => $sink->endpoint, zone => '64m')],
    );

    my @nginx = map { my (undef, %o) = @$_; Bench::Nginx->new(%o) } @kinds;
    my @ports = map { $_->port_number } @nginx;

    pin(cpu_load(), $_->manager) for @nginx[-2, -1];
    # once through all of the zone, whose memory is touched for the first time
    load(\@ports, n => 120_000, c => 16, p => 16);
    $_->wait_rest for @nginx[-2, -1];

    my (@us, @flusher);

    for (1 .. $rounds) {
        my @before  = map { cpu_ns($_->worker) } @nginx;
        my $flusher = cpu_ns($nginx[-1]->manager);

        load(\@ports, n => $n, c => 16);
        sleep 0.2;

        for my $i (0 .. $#nginx) {
            push @{$us[$i]}, (cpu_ns($nginx[$i]->worker) - $before[$i]) / 1000 / $n;
        }

        $_->wait_rest for @nginx[-2, -1];
        push @flusher, (cpu_ns($nginx[-1]->manager) - $flusher) / 1000 / $n;
    }

    # what each is over none, round by round

    my @over = map { my $i = $_; median(map { $us[$i][$_] - $us[0][$_] } 0 .. $rounds - 1) } 0 .. $#kinds;

    $report->row('no logging: a request in all', sprintf '%.2f us', median(@{$us[0]}));

    $report->row($kinds[1][0], sprintf '%.2f us', $over[1]);

    for my $i (2 .. $#kinds) {
        my @seen = map { sprintf '%.2f', $us[$i][$_] - $us[0][$_] } 0 .. $rounds - 1;
        $report->say("$kinds[$i][0]: @seen");
        $report->row($kinds[$i][0], sprintf '%.2f us, %.2f of plain', $over[$i], $over[$i] / $over[2]);
    }

    my $flusher = median(@flusher);
    $report->row('    that, worker and flusher in all', sprintf '%.2f us', $over[-1] + $flusher);
}

1;
