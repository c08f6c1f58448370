package Bench::Sink;

# bench/sink.c as an object: it ends when we do.

use v5.36;

use POSIX ();

use Bench::Machine qw($top cpu_load get get_json pin_command port wait_until);

sub new ($class, @options) {
    my $port = port();

    pipe my $read, my $write or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<&', $read or POSIX::_exit(126);
        close $write;
        exec pin_command(cpu_load()), "$top/build/bench/sink", @options, $port or POSIX::_exit(127);
    }

    my $self = bless {port => $port, pid => $pid, end => $write}, $class;
    wait_until(sub { get($port, '/stats') }, 10) or die "the sink does not answer\n";
    return $self;
}

sub port_number ($self) { $self->{port} }
sub endpoint ($self)    { "http://127.0.0.1:$self->{port}/track" }
sub stats ($self)       { get_json($self->{port}, '/stats') }
sub event ($self)       { get($self->{port}, '/event') }

sub DESTROY ($self) {
    local $?;
    close delete $self->{end} if $self->{end};
    waitpid $self->{pid}, 0;
}

1;
