package Bench::Nginx;

# One nginx of a section, in a directory of its own, with a server that
# answers every request alike.
#
#   http, location   what goes there in the configuration
#   content          what answers, instead of "return"
#   server           more of the server
#   servers          or several locations, each on a port of its own
#   module => 0      without our module
#   load             a list: other modules, their files
#   workers          1
#   valgrind         a list: run by it, with these options
#   cpu              of all its processes
#   manager          wait for a cache manager, even without our module

use v5.36;

use Bench::Machine qw(
    $tmp $top cpu_worker get get_json pin_command port reap slurp spawn spew wait_until
);

my $count = 0;

sub new ($class, %o) {
    my $self = bless {workers => 1, module => 1, http => '', server => '', cpu => cpu_worker(), %o}, $class;

    $self->{locations} = $o{servers} // [$o{location} // ''];
    $self->{ports}     = [map { port() } @{$self->{locations}}];
    $self->{port}      = $self->{ports}[0];
    $self->{dir}       = "$tmp/" . ++$count;

    mkdir $self->{dir}, 0755 or die "$self->{dir}: $!\n";
    spew("$self->{dir}/nginx.conf", $self->_conf);

    $self->_start;
    return $self;
}

sub port_number ($self) { $self->{port} }
sub ports ($self)       { $self->{ports} }
sub workers ($self)     { @{$self->{pids}{worker}} }
sub worker ($self)      { $self->{pids}{worker}[0] }
sub manager ($self)     { $self->{pids}{'cache manager'}[-1] }

# the counters of the only project
sub status ($self) {
    my $all = get_json($self->{port}, '/status') // die "no status of nginx\n";
    return $all->{projects}{default};
}

# waits for a condition of them; they are in $_
sub wait_status ($self, $cond, $seconds = 30) {
    my $status;
    wait_until(sub { local $_ = $status = $self->status; $cond->() }, $seconds)
        or die "waited in vain for nginx's status\n";
    return $status;
}

sub wait_rest ($self, $seconds = 60) {
    return $self->wait_status(sub { !$_->{queued} && !$_->{in_flight} }, $seconds);
}

sub _conf ($self) {
    my $dir  = $self->{dir};
    my $load = $self->{module} ? "load_module $top/build/ngx_mixtrack_module.so;" : '';
    $load .= "\nload_module $_;" for @{$self->{load} // []};
    my $user = $> == 0         ? 'user root;'                                     : '';
    my $how  = $self->{workers} > 1 ? ' reuseport' : '';
    my $temp = join "\n    ", map {"${_}_temp_path $dir/$_;"} qw(client_body proxy fastcgi uwsgi scgi);

    my $spool  = $self->{module} ? "mixtrack_spool_path $dir/spool;"     : '';
    my $status = $self->{module} ? 'mixtrack off; mixtrack_status json;' : 'return 200 "ok\n";';

    my $content = $self->{content} // 'return 200 "ok\n";';
    my $servers = '';
    for my $i (0 .. $#{$self->{ports}}) {
        $servers .= <<"EOF";
    server {
        listen 127.0.0.1:$self->{ports}[$i]$how;
        location / {
            $content
            $self->{locations}[$i]
        }
        location = /status {
            access_log off;
            $status
        }
$self->{server}
    }
EOF
    }

    return <<"EOF";
$load
$user
daemon off;
worker_processes $self->{workers};
pid $dir/nginx.pid;
error_log $dir/error.log notice;

events {
    worker_connections 1024;
}

http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    $temp
    $spool
$self->{http}
$servers
}
EOF
}

sub _start ($self) {
    my $dir    = $self->{dir};
    my $binary = $ENV{NGINX} // 'nginx';
    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/usr/local/sbin:/usr/local/nginx/sbin";

    my @command = ($binary, '-p', "$dir/", '-c', "$dir/nginx.conf", '-e', "$dir/error.log");
    unshift @command, 'valgrind', @{$self->{valgrind}} if $self->{valgrind};

    my $patience = $self->{valgrind} ? 120 : 20;

    $self->{pid} = spawn("$dir/out", pin_command($self->{cpu}), @command);

    my $want = $self->{module} || $self->{manager} ? 1 : 0;

    wait_until(sub {
        $self->_pids;
        return @{$self->{pids}{worker}} == $self->{workers}
            && @{$self->{pids}{'cache manager'}} >= $want;
    }, $patience) or die "nginx has not started:\n" . slurp("$dir/out") . slurp("$dir/error.log");

    wait_until(sub { get($self->{port}, '/status') }, $patience)
        or die "nginx does not answer:\n" . slurp("$dir/error.log");

    return if !$self->{module};

    $self->wait_status(sub {
        $_->{processes}{flushers} && $_->{processes}{workers} == $self->{workers}
    }, $patience);
}

# valgrind hides their titles, but not what they say
sub _pids ($self) {
    $self->{pids} = {worker => [], 'cache manager' => []};
    for (slurp("$self->{dir}/error.log") =~ /: start ((?:worker|cache manager) process \d+)$/mg) {
        my ($what, $pid) = /^(.*) process (\d+)$/;
        push @{$self->{pids}{$what}}, $pid;
    }
}

sub stop ($self) {
    my $master = delete $self->{pid} // return;
    my @pids   = map {@$_} values %{$self->{pids} // {}};

    kill 'CONT', @pids;
    kill 'QUIT', $master;
    return if defined reap($master, $self->{valgrind} ? 60 : 15);

    kill 'TERM', $master;
    return if defined reap($master, 10);

    kill 'KILL', $master, @pids;
    reap($master, 10);
}

sub DESTROY ($self) {
    local ($?, $@);
    $self->stop;
}

1;
