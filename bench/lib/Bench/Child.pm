package Bench::Child;

# A program on the CPU of the load.  It ends when its standard input does,
# whose other end we hold: with this object, or with us.

use v5.36;

use POSIX ();

use Bench::Machine qw(cpu_load pin_command);

sub new ($class, @command) {
    pipe my $read, my $write or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<&', $read or POSIX::_exit(126);
        close $write;
        exec pin_command(cpu_load()), @command or POSIX::_exit(127);
    }

    return bless {pid => $pid, end => $write}, $class;
}

sub pid ($self) { $self->{pid} }

sub DESTROY ($self) {
    local $?;
    close delete $self->{end} if $self->{end};
    waitpid $self->{pid}, 0;
}

1;
