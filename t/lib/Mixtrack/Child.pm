package Mixtrack::Child;

# A process of the test's own that does one thing over and over, and ends
# with the test, however that ends.

use v5.36;

use POSIX ();

# Calls step until stop(), or until the parent is gone; it should return
# within a second.
sub new ($class, $step) {
    my $parent = $$;
    my $pid    = fork // die "fork: $!";
    return bless {pid => $pid, parent => $parent}, $class if $pid;

    # the test's own END and DESTROY are not for us: leave by _exit
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', '/dev/null';

    my $ok = eval { $step->() while getppid == $parent; 1 };
    warn $@ if !$ok;
    POSIX::_exit($ok ? 0 : 1);
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    CORE::kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub DESTROY ($self) {
    return if $self->{parent} != $$;
    local ($?, $!, $@);
    $self->stop;
}

1;
