package Bench::Machine;

# What the sections measure with: the two CPUs, the programs of our own, and
# what /proc tells of a process.

use v5.36;

use Exporter qw(import);
use Fcntl qw(:flock);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
    $top $tmp cpu_worker cpu_load pinned pin pin_command port slurp spew
    wait_until get get_json build load load_start load_goes_on load_wait
    spawn reap
    cpu_ns switches rss median
);

our ($top, $tmp);

my %spawned;

sub setup ($class, $root) {
    $top = $root;
    $tmp = tempdir('mixtrack-bench-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $tmp;
}

# ---- CPUs: the worker has one, load and sink the other

my @cpus = _cpus();

sub _cpus () {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    return map { /^(\d+)-(\d+)$/ ? ($1 .. $2) : $_ } split /,/, $list // '0';
}

sub cpu_worker () { $cpus[0] }
sub cpu_load ()   { $cpus[1] // $cpus[0] }
sub pinned ()     { @cpus > 1 }

sub pin_command ($cpu) { pinned() ? ('taskset', '-c', $cpu) : () }

sub pin ($cpu, @pids) {
    return if !pinned();
    system "taskset -a -cp $cpu $_ >/dev/null" for @pids;
}

# ---- small things

sub slurp ($file) {
    open my $f, '<', $file or return '';
    local $/;
    return <$f> // '';
}

sub spew ($file, $text) {
    open my $f, '>', $file or die "$file: $!\n";
    print $f $text;
    close $f or die "$file: $!\n";
}

sub wait_until ($cond, $seconds = 20, $step = 0.02) {
    my $end = time + $seconds;
    while (1) {
        my $rc = $cond->();
        return $rc if $rc;
        return     if time > $end;
        sleep $step;
    }
}

sub median (@n) {
    @n = sort { $a <=> $b } @n;
    return @n % 2 ? $n[@n / 2] : ($n[@n / 2 - 1] + $n[@n / 2]) / 2;
}

my %ports;

sub port () {
    for (1 .. 50) {
        my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', ReuseAddr => 1) or last;
        return $s->sockport if !$ports{$s->sockport}++;
    }
    die "no free port: $!\n";
}

sub get ($port, $uri) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20) or return;
    print $s "GET $uri HTTP/1.0\r\nHost: bench\r\n\r\n";
    my $reply = '';
    while (sysread $s, $reply, 65536, length $reply) {
        my ($head, $body) = split /\r\n\r\n/, $reply, 2;
        last if defined $body && $head =~ /^Content-Length: (\d+)/mi && length $body >= $1;
    }
    return $reply =~ m{^HTTP/1\.[01] 200 .*?\r\n\r\n(.*)}s ? $1 : undef;
}

sub get_json ($port, $uri) { JSON::PP::decode_json(get($port, $uri) // return) }

# ---- processes of ours

sub spawn ($out, @command) {
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>>', $out      or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT  or POSIX::_exit(126);
        exec @command or POSIX::_exit(127);
    }

    $spawned{$pid} = 1;
    return $pid;
}

# waits for one of them; its status, or nothing if it goes on
sub reap ($pid, $seconds) {
    my $status;
    wait_until(sub { waitpid($pid, WNOHANG) == $pid ? (($status = $?), 1)[1] : 0 }, $seconds) or return;
    delete $spawned{$pid};
    return $status;
}

END {
    local $?;
    for my $pid (keys %spawned) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

# ---- our programs

sub build () {
    my $dir = "$top/build/bench";
    make_path($dir);

    open my $lock, '>', "$dir/.lock" or die "$dir/.lock: $!\n";
    flock $lock, LOCK_EX;

    for (['load'], ['sink', '-lz'], ['tailer', '-lcurl', '-lz'], ['bare', '-ljansson', '-lz']) {
        my ($name, @libs) = @$_;
        next if -e "$dir/$name" && -M "$dir/$name" < -M "$top/bench/$name.c";
        system($ENV{CC} // 'cc', qw(-O2 -D_GNU_SOURCE -o), "$dir/$name", "$top/bench/$name.c", @libs) == 0
            or die "$name.c could not be compiled\n";
    }
}

# Requests for all of the ports; the seconds they took.
sub load ($ports, %o) { load_wait(load_start($ports, %o)) }

# the same, while something else is done
sub load_start ($ports, %o) {
    my @options = map { defined $o{$_} ? ("-$_", $o{$_}) : () } qw(n c p r k);
    push @options, map {"-$_"} grep { $o{$_} } qw(o u);

    my @command = (pin_command(cpu_load()), "$top/build/bench/load", @options,
        '-a', "$top/bench/agents.txt", @$ports);

    open my $f, '-|', @command or die "load: $!\n";
    return $f;
}

sub load_goes_on ($f) { !IO::Select->new($f)->can_read(0) }

sub load_wait ($f) {
    my $seconds = <$f> // '';
    close $f or die "load failed\n";
    chomp $seconds;
    return $seconds;
}

# ---- /proc

# ns of CPU, exact for a process that sleeps
sub cpu_ns ($pid) { (split ' ', slurp("/proc/$pid/schedstat"))[0] // 0 }

sub switches ($pid) {
    my ($n) = slurp("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
    return $n // 0;
}

# KB that are resident, but for shared memory
sub rss ($pid) {
    my %kb = slurp("/proc/$pid/status") =~ /^(RssAnon|RssFile):\s*(\d+) kB/mg;
    return ($kb{RssAnon} // 0) + ($kb{RssFile} // 0);
}

1;
