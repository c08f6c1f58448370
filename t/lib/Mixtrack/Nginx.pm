package Mixtrack::Nginx;

# One real nginx, with everything it writes in a directory of its own:
#
#     my $t = Mixtrack::Nginx->new;
#     my $ingest = $t->ingest(9);
#     $t->conf(<<'EOF');
#     %%GLOBALS%%
#     events { }
#     http {
#         %%GLOBALS_HTTP%%
#         mixtrack_project { token T; endpoint %%INGEST_9%%; batch interval=100ms; }
#         server { listen 127.0.0.1:%%PORT_0%%; %%STATUS%% location / { mixtrack hit; return 200; } }
#     }
#     EOF
#     $t->run;
#     like $t->get('/?seq=1'), qr/ 200 /, 'a request';
#     ok $ingest->wait_events(1), 'is an event';
#     $t->done;
#
# done() ends every file: the identity holds, nginx goes by itself and leaves
# nothing behind, error.log has no alert, the sanitizers were silent and the
# ingest saw nothing wrong.
#
# The environment: TEST_NGINX_BINARY, TEST_NGINX_MODULE (a path, or "static"
# when it is linked in), TEST_NGINX_GLOBALS (more for the top of every
# configuration), TEST_NGINX_LEAVE (keeps the directory).

use v5.36;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use POSIX qw(WNOHANG);
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(time sleep);

use Mixtrack::Backend;
use Mixtrack::HTTP ();
use Mixtrack::Hole;
use Mixtrack::Ingest;
use Mixtrack::Load;
use Mixtrack::Process qw(alive adopt_orphans guard);
use Mixtrack::Proxy;
use Mixtrack::Util qw(wait_until free_port slurp spew json_decode);

my $lib  = dirname(dirname(abs_path(__FILE__)));
my $root = dirname(dirname($lib));
my @all;

$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 1 };

# module => 0 leaves it out, spool_path => 0 does not name one,
# level => 'debug' for error.log, user => NAME
sub new ($class, %o) {
    my $self = bless {
        module     => $ENV{TEST_NGINX_MODULE} // "$root/build/ngx_mixtrack_module.so",
        level      => 'info',
        spool_path => 1,
        %o,
        binary  => _binary(),
        port    => {},
        ingests => [],
        loads   => [],
        helpers => [],
        allowed => [],
        status  => undef,
        parent  => $$,
    }, $class;

    die "$self->{module}: no such file; make builds it\n"
        if $self->{module} && $self->{module} ne 'static' && !-e $self->{module};
    $self->{module} = abs_path($self->{module}) if $self->{module} && $self->{module} ne 'static';

    adopt_orphans();

    $self->{dir} = abs_path(File::Temp::tempdir('mixtrack-XXXXXXXX', TMPDIR => 1));
    $self->{guard} = guard($self->{dir});

    # workers that are not root have to get through, and to write there
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/asan";
    chmod 01777, "$self->{dir}/asan";

    if ($> == 0 && !$self->{user}) {
        ($self->{user}) = grep { defined getpwnam $_ } qw(www-data nobody);
    }

    $self->{shm} = {map { $_ => 1 } _shm()};

    push @all, $self;
    return $self;
}

sub _binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};
    for (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        return "$_/nginx" if -x "$_/nginx";
    }
    die "no nginx in PATH; TEST_NGINX_BINARY names one\n";
}

sub dir ($self)        { $self->{dir} }
sub root ($self)       { $root }
sub port ($self, $n)   { $self->{port}{$n} //= free_port() }
sub allow ($self, @re) { push @{$self->{allowed}}, @re; $self }

# The ingest on port n, started unless asked not to (start => 0); what else
# there is to ask for: see Mixtrack::Ingest.  %%INGEST_n%% is its /track and
# %%IMPORT_n%% its /import.
sub ingest ($self, $n, %o) {
    my $ingest = Mixtrack::Ingest->new(
        %o,
        dir  => $self->{dir},
        lib  => $lib,
        port => $self->port($n),
        $o{tls} ? (control => $self->port("$n-control"), certs => $self->tls) : (),
    );
    push @{$self->{ingests}}, $ingest;
    $self->{url}{$n} = $ingest->url;
    $ingest->start if $o{start} // 1;
    return $ingest;
}

# The certificates of the test, see Mixtrack::TLS; and the files of them that
# a configuration names.
sub tls ($self) {
    require Mixtrack::TLS;
    return $self->{tls} //= Mixtrack::TLS->new($self->{dir});
}

sub ca ($self)          { $self->tls->file('ca.crt') }
sub client_cert ($self) { $self->tls->file('client.crt') }
sub client_key ($self)  { $self->tls->file('client.key') }

# Something else than an ingest on port n: see Mixtrack::Hole, ::Proxy (whose
# tls is here the name of one of the test's certificates).
sub hole ($self, $n, $mode) { $self->_helper(Mixtrack::Hole->new($self->port($n), $mode)) }

sub proxy ($self, $n, %o) {
    $o{tls} = [map { $self->tls->file("$o{tls}.$_") } qw(crt key)] if $o{tls};
    $self->_helper(Mixtrack::Proxy->new(%o, dir => $self->{dir}, port => $self->port($n)));
}

sub _helper ($self, $helper) {
    push @{$self->{helpers}}, $helper;
    return $helper;
}

sub backend ($self, $n) { Mixtrack::Backend->new($self->port($n)) }

sub write_file ($self, $name, $text) {
    spew("$self->{dir}/$name", $text);
    chmod 0644, "$self->{dir}/$name";
    return "$self->{dir}/$name";
}

# ---- configuration

sub _globals ($self, $name) {
    my @line;
    push @line, "load_module $self->{module};" if $self->{module} && $self->{module} ne 'static';
    push @line, "pid $self->{dir}/$name.pid;", "error_log $self->{dir}/$name.log $self->{level};";
    push @line, "user $self->{user};" if $self->{user} && $> == 0;
    push @line, 'env ASAN_OPTIONS;', 'env UBSAN_OPTIONS;';
    push @line, $ENV{TEST_NGINX_GLOBALS} if $ENV{TEST_NGINX_GLOBALS};
    return join "\n", @line;
}

sub _globals_http ($self, $text) {
    my $dir  = $self->{dir};
    my @line = ("root $dir;");
    push @line, 'access_log off;' if $text !~ /^\s*access_log/m;
    push @line, map {"${_}_temp_path $dir/$_;"} qw(client_body proxy fastcgi uwsgi scgi);
    push @line, "mixtrack_spool_path $dir/spool;"
        if $self->{module} && $self->{spool_path} && $text !~ /^\s*mixtrack_spool_path/m;
    return join "\n", @line;
}

# also of an ingest that is still to come
sub _url ($self, $n) { $self->{url}{$n} // 'http://127.0.0.1:' . $self->port($n) }

# name becomes name.pid and name.log
sub expand ($self, $text, $name = 'nginx') {
    my %macro = (
        TESTDIR => $self->{dir},
        STATUS  => 'location = /status { mixtrack off; mixtrack_status json; }',
        GLOBALS => $self->_globals($name),
        GLOBALS_HTTP => $self->_globals_http($text),
    );
    $macro{GLOBALS} =~ s/nginx\.log/error.log/;

    $text =~ s{%%PORT_(\d+)%%}{$self->port($1)}ge;
    $text =~ s{%%(INGEST|IMPORT)_(\d+)%%}{$self->_url($2) . ($1 eq 'IMPORT' ? '/import' : '/track')}ge;
    $text =~ s{%%(\w+)%%}{$macro{$1} // die "unknown macro $1\n"}ge;
    return $text;
}

sub conf ($self, $text) {
    $self->{conf} = $self->expand($text);
    $self->write_file('nginx.conf', $self->{conf});
    return $self;
}

sub single ($self) { $self->{conf} =~ /^\s*master_process\s+off/m }

sub _expected ($self) {
    my ($n) = $self->{conf} =~ /^\s*worker_processes\s+(\w+)/m;
    return $n && $n =~ /^\d+$/ ? $n : 1;
}

sub _wants_flusher ($self) {
    return $self->{module} && !$self->single && $self->{conf} =~ /^\s*mixtrack_project/m;
}

# nginx -t: of a text, or of the present configuration.  rc, out, emerg (its
# lines), file, and marked, the numbers of the lines that end in "# here".
sub test_config ($self, $text = undef) {
    my $file = "$self->{dir}/test.conf";
    my $conf = defined $text ? $self->expand($text, 'test') : $self->{conf};
    spew($file, $conf);

    my ($rc, $out) = $self->_nginx(20, '-t', '-c', $file, '-e', "$self->{dir}/test-early.log");
    my @lines = split /\n/, $conf;

    return {
        rc     => $rc,
        out    => $out,
        file   => $file,
        emerg  => [grep {/\[emerg\]/} split /\n/, $out],
        marked => [grep { $lines[$_ - 1] =~ /# here\s*$/ } 1 .. @lines],
    };
}

# ---- start and stop

sub _child ($self, $out, @args) {
    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    my $log = "log_path=$self->{dir}/asan/report";
    $ENV{ASAN_OPTIONS}  = join ':', grep {$_} $ENV{ASAN_OPTIONS}, "detect_leaks=0:$log";
    $ENV{UBSAN_OPTIONS} = join ':', grep {$_} $ENV{UBSAN_OPTIONS}, "print_stacktrace=1:$log";

    chdir $self->{dir}            or POSIX::_exit(126);
    open STDIN,  '<', '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>>', $out       or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT   or POSIX::_exit(126);
    exec $self->{binary}, '-p', "$self->{dir}/", @args or POSIX::_exit(127);
}

# runs nginx to its end; exit code and output
sub _nginx ($self, $timeout, @args) {
    my $out = "$self->{dir}/nginx.out";
    my $at  = -s $out // 0;
    my $pid = $self->_child($out, @args);
    my $rc;

    wait_until(sub { waitpid($pid, WNOHANG) == $pid ? (($rc = $?), 1)[1] : 0 }, $timeout)
        or do { CORE::kill 'KILL', $pid; waitpid $pid, 0; $rc = -1 };

    return ($rc & 127 ? -($rc & 127) : $rc >> 8, substr slurp($out), $at);
}

# Starts, and waits until all of its processes are there.
sub run ($self) {
    my @args = ('-c', "$self->{dir}/nginx.conf", '-e', "$self->{dir}/error.log");

    if ($self->{conf} =~ /^\s*daemon\s+off/m) {
        $self->_child("$self->{dir}/nginx.out", @args);
    }
    else {
        my ($rc, $out) = $self->_nginx(20, @args);
        die "nginx does not start ($rc): $out\n" if $rc != 0;
    }

    wait_until(sub { $self->_complete }, 20)
        or die "nginx has not come up: " . $self->tree . "\n" . $self->error_log . "\n";
    wait_until(sub { $self->_attached }, 5);

    $self->{running} = 1;
    return $self;
}

sub _complete ($self, $master = undef, %not) {
    $master //= $self->master or return 0;
    return 1 if $self->single;

    my @workers = grep { !$not{$_} } $self->workers($master);
    return 0 if @workers < $self->_expected;
    return 1 if !$self->_wants_flusher;
    return grep { !$not{$_} } $self->flushers($master);
}

# Has each project its flusher?  The process is there before.  True if the
# configuration has no way to ask, or no process for it.
sub _attached ($self) {
    return 1 if !$self->_wants_flusher || $self->{conf} !~ /^\s*location = .status.* mixtrack_status\b/m;
    my $status = eval { $self->status } or return 1;
    return !grep { !$_->{processes}{flushers} } values %{$status->{projects}};
}

# The pid of the master (or of the single process), if it lives.
sub master ($self, $file = 'nginx.pid') {
    my ($pid) = slurp("$self->{dir}/$file") =~ /^(\d+)$/m or return;
    return alive($pid) ? $pid : ();
}

sub old_master ($self) { $self->master('nginx.pid.oldbin') }

sub processes ($self) { Mixtrack::Process::processes($self->{dir}) }

# for messages
sub tree ($self) { join ', ', map {"$_->{pid} of $_->{ppid}: $_->{title}"} $self->processes }

sub _of ($self, $master, $title) {
    $master //= $self->master // return;
    return $master if $self->single;
    return map { $_->{pid} }
        grep { $_->{ppid} == $master && $_->{title} =~ /^nginx: $title/ } $self->processes;
}

# Pids: of workers that serve, of those that drain, of the helpers (the
# youngest last), of the youngest helper.
sub workers ($self, $master = undef)  { $self->_of($master, qr/worker process\z/) }
sub draining ($self, $master = undef) { $self->_of($master, qr/worker process is shutting down/) }
sub flushers ($self, $master = undef) { $self->_of($master, qr/cache manager process/) }
sub flusher ($self, $master = undef)  { ($self->flushers($master))[-1] }

sub signal ($self, $signal, $pid = undef) {
    $pid //= $self->master // return 0;
    return CORE::kill $signal, $pid;
}

sub wait_gone ($self, $pids, $timeout = 10) {
    return wait_until(sub { !grep { alive($_) } @$pids }, $timeout);
}

# kill -9 (or another signal) of one process; what nginx says of it is no
# alert of ours.  True when it is gone.
sub kill_process ($self, $pid, $signal = 'KILL') {
    $self->allow(qr/ $pid exited on signal \d+/, qr/was locked by $pid/);
    CORE::kill $signal, $pid;
    return $self->wait_gone([$pid]);
}

# HUP; true when new workers and a new helper serve and no old worker takes
# requests any more, false when nginx refused the configuration.  With
# drained => 1 the old ones are gone, too, and the new helper is at work.
sub reload ($self, %o) {
    my %old = map { $_ => 1 } $self->workers, $self->draining, $self->flushers;
    my $at  = length $self->error_log;
    my $failed;

    $self->signal('HUP');

    if ($self->single) {
        return wait_until(sub {
            my $log = substr $self->error_log, $at;
            $failed = $log =~ /\[emerg\]/;
            return $failed || $log =~ /\] \d+#\d+: reconfiguring.*using the "\w+" event method/s;
        }, 10) && !$failed;
    }

    my $master = $self->master;
    my $done   = wait_until(sub {
        return 1 if $failed = substr($self->error_log, $at) =~ /\[emerg\]/;
        return 0 if !$self->_complete($master, %old);
        return !grep { $old{$_} } $self->workers($master);
    }, $o{timeout} // 15);

    return 0 if !$done || $failed;
    return 1 if !$o{drained};
    return $self->wait_gone([keys %old], $o{timeout} // 30) && wait_until(sub { $self->_attached }, 5);
}

# USR2: true when the new master has all its processes.
sub usr2 ($self) {
    my $old = $self->master;
    $self->signal('USR2', $old);
    return wait_until(sub {
        my $new = $self->master or return 0;
        return $new != $old && ($self->old_master // 0) == $old && $self->_complete($new);
    }, 15);
}

# WINCH: true when no worker and no helper of this master is left.
sub winch ($self, $master, $timeout = 30) {
    $self->signal('WINCH', $master);
    return wait_until(sub {
        return !$self->workers($master) && !$self->draining($master) && !$self->flushers($master);
    }, $timeout);
}

# QUIT and TERM, of the master or of another one; true when it and all its
# processes are gone.  With wait => 0 they only tell it.
sub quit ($self, %o) { $self->_end('QUIT', %o) }
sub stop ($self, %o) { $self->_end('TERM', %o) }

sub _end ($self, $signal, %o) {
    my $master = $o{master} // $self->master // return 1;

    # not the new master of an upgrade
    my @pids = ($master, map { $_->{pid} }
        grep { $_->{ppid} == $master && $_->{title} !~ /^nginx: master/ } $self->processes);

    $self->signal($signal, $master);
    return 1 if !($o{wait} // 1);

    my $gone = $self->wait_gone(\@pids, $o{timeout} // 30);
    $self->{running} = 0 if !$self->processes;
    return $gone;
}

# ---- what it says

sub error_log ($self) { slurp("$self->{dir}/error.log") }

sub wait_log ($self, $re, $timeout = 10) {
    return wait_until(sub { $self->error_log =~ $re }, $timeout);
}

# Requests: raw bytes (port => n for another of our ports, by its number in
# the configuration); a GET that closes; a connection with the bytes sent.
sub _peer ($self, %o) {
    return %o if $o{unix};
    return (%o, port => $self->port($o{port} // 0));
}

sub http ($self, $bytes, %o) { Mixtrack::HTTP::http($bytes, $self->_peer(%o)) }

sub get ($self, $uri, %o) {
    my $port = $self->port($o{port} // 0);
    my $head = join '', map {"$_\r\n"} @{$o{headers} // []};
    my $host = $o{host} // "localhost:$port";
    return $self->http("GET $uri HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n$head\r\n", %o);
}

sub send ($self, $bytes, %o) {
    my $s = Mixtrack::HTTP::http_connect($self->_peer(%o));
    syswrite $s, $bytes;
    return $s;
}

sub read ($self, $s, %o) { Mixtrack::HTTP::http_read($s, %o) }

# Numbered requests in another process, see Mixtrack::Load.
sub load ($self, %o) {
    my $n    = @{$self->{loads}};
    my $load = Mixtrack::Load->new(%o, file => "$self->{dir}/load-$n", port => $self->port($o{port} // 0));

    weaken($self->{loads}[$n] = $load);
    return $load;
}

# ---- counters

# The whole status, or a project's part of it.
sub status ($self, $project = undef) {
    my $reply = $self->get($self->{status_uri} // '/status', port => $self->{status_port} // 0);
    my ($body) = $reply =~ /\r\n\r\n(.*)/s;

    die "status: $reply\n" if $reply !~ m{^HTTP/1\.1 200 };

    # chunked or not
    $body =~ s/^[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+\r\n)/$1/gs, $body =~ s/0\r\n\r\n\z//
        if $reply =~ /^Transfer-Encoding: chunked/mi;

    $self->{status} = json_decode($body);
    return defined $project ? $self->{status}{projects}{$project} : $self->{status};
}

# Polls until the condition holds for a project's counters: those, or nothing.
sub wait_status ($self, $cond, %o) {
    return wait_until(sub {
        my $p = $self->status($o{project} // 'default');
        local $_ = $p;
        return $p && $cond->($p) ? $p : undef;
    }, $o{timeout} // 15);
}

# nothing on its way
sub wait_rest ($self, %o) {
    return $self->wait_status(sub { !$_->{queued} && !$_->{in_flight} }, %o);
}

sub dropped ($p) {
    my $n = 0;
    $n += $_ for values %{$p->{dropped} // {}};
    return $n;
}

# tracked + adopted less all that became of them; 0 when the books are right
sub imbalance ($p) {
    my $n = 0;
    for (qw(tracked adopted delivered rejected expired queued in_flight spooled)) {
        return "no $_" if !defined $p->{$_};
        $n += /^(?:tracked|adopted)$/ ? $p->{$_} : -$p->{$_};
    }
    return $n - dropped($p);
}

sub identity_ok ($self, $status, $name = 'identity', $slack = 0) {
    my @off;

    for my $project (sort keys %{$status->{projects} // {}}) {
        my $off = imbalance($status->{projects}{$project});
        push @off, "$project: $off" if $off !~ /^\d+$/ || $off > $slack;
    }
    push @off, 'no projects' if !%{$status->{projects} // {}};

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is(join(', ', @off), '', $name);
}

# What a project has given up for good, oldest file first: {time, reason,
# event}, event undef when it was none; and the numbers in them, in order.
sub rejected ($self, $project = 'default') {
    return map { json_decode($_) } map { split /\n/, slurp($_) }
        sort glob "$self->{dir}/spool/$project/rejected-*.ndjson";
}

sub rejected_seqs ($self, $project = 'default') {
    return map { (($_->{event}{properties} // {})->{'$current_url'} // '') =~ /[?&]seq=(\d+)/ ? $1 : () }
        grep { ref $_->{event} eq 'HASH' } $self->rejected($project);
}

# What the sanitizers have said.  ASan keeps to its files; UBSan, where ASan is
# there as well, writes to stderr, which is error.log when nginx is up.
sub reports ($self) {
    my @text = map { slurp($_) } glob "$self->{dir}/asan/*";

    for (map { slurp("$self->{dir}/$_") } qw(nginx.out error.log)) {
        my $own = s/^\d{4}\/\d\d\/\d\d .*\n//mgr;
        push @text, $own if $own =~ /Sanitizer|runtime error:/;
    }
    return map { substr $_, 0, 4000 } @text;
}

# ---- the end

# slack is the number of workers that were killed in the middle of an event
sub done ($self, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if ($self->{running} && ($self->{conf} // '') =~ /mixtrack_status/ && $self->master) {
        wait_until(sub {
            my $projects = $self->status->{projects};
            return !grep { my $n = imbalance($_); $n !~ /^\d+$/ || $n > ($o{slack} // 0) } values %$projects;
        }, 5);
        $self->identity_ok($self->{status}, 'identity', $o{slack} // 0);
    }

    my $quit = $self->quit(timeout => 30);
    $quit = 0 if $self->processes;
    Test::More::ok($quit, 'nginx quits and no process is left') or Test::More::diag($self->tree);
    $self->_kill_all;

    my @bad = grep {/\[(?:alert|emerg|crit)\]/} split /\n/, $self->error_log;
    for my $re (@{$self->{allowed}}) { @bad = grep { $_ !~ $re } @bad }
    $#bad = 19 if @bad > 20;
    Test::More::is(join("\n", @bad), '', 'no alerts');

    Test::More::is(join("\n", $self->reports), '', 'no sanitizer reports');

    my @shm = grep { !$self->{shm}{$_} && /nginx|mixtrack|mxt/i } _shm();
    Test::More::is("@shm", '', 'no shared memory left');

    for my $ingest (@{$self->{ingests}}) {
        my @faults = $ingest->start->check;
        Test::More::is(join("\n", splice @faults, 0, 10), '', 'ingest has nothing to complain of');
        $ingest->stop;
    }

    $self->{finished} = 1;
    Test::More::done_testing() if !grep { !$_->{finished} } @all;
}

sub _shm {
    opendir my $d, '/dev/shm' or return;
    return grep { !/^\./ } readdir $d;
}

sub _kill_all ($self) {
    for (1 .. 40) {
        my @left = $self->processes or last;
        CORE::kill 'KILL', map { $_->{pid} } @left;
        sleep 0.05;
    }
}

sub _clean ($self) {
    return if $self->{parent} != $$ || $self->{cleaned}++;

    $_->kill for grep {$_} @{$self->{loads}};
    $self->_kill_all;
    $_->kill for @{$self->{ingests}};
    $_->stop for @{$self->{helpers}};
    close $self->{guard};
    wait_until(sub { waitpid(-1, WNOHANG) == -1 }, 0.5);

    if ($ENV{TEST_NGINX_LEAVE}) {
        Test::More::diag("left: $self->{dir}");
        return;
    }
    remove_tree($self->{dir}, {error => \my $ignored});
}

END {
    local $?;
    $_->_clean for @all;
}

1;
