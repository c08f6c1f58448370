package Mixtrack::Hole;

# A port that is no good, until stop():
#
#     full      no connection comes to be: it hangs, as where packets are
#               dropped
#     silent    it is connected to, and says nothing; what is sent to it stays
#               in the buffers
#     reset     every connection is reset when the first bytes come over it,
#               or else after a moment: at once would be before the client
#               has seen that it is connected, or after, who knows

use v5.36;

use IO::Select;
use Socket qw(:DEFAULT SOCK_NONBLOCK);

use Mixtrack::Child;

sub new ($class, $port, $mode) {
    my $self = bless {address => pack_sockaddr_in($port, INADDR_LOOPBACK), mode => $mode}, $class;
    my $do   = {full => '_fill', silent => '_wait', reset => '_reset'}->{$mode} or die "no such hole: $mode\n";

    socket $self->{listen}, AF_INET, SOCK_STREAM, 0                  or die "socket: $!\n";
    setsockopt $self->{listen}, SOL_SOCKET, SO_REUSEADDR, pack 'i', 1 or die "setsockopt: $!\n";
    bind $self->{listen}, $self->{address}                           or die "port $port: $!\n";
    listen $self->{listen}, $mode eq 'full' ? 0 : SOMAXCONN          or die "listen: $!\n";

    $self->$do;
    return $self;
}

sub _wait ($self) { }

# a queue that nobody takes from takes no more when it is full
sub _fill ($self) {
    for (1 .. 16) {
        socket my $s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0 or die "socket: $!\n";
        connect $s, $self->{address};
        return if !IO::Select->new($s)->can_write(0.5);
        push @{$self->{held}}, $s;
    }
    die "the port takes connections without end\n";
}

sub _reset ($self) {
    my $sel = IO::Select->new($self->{listen});

    $self->{child} = Mixtrack::Child->new(sub {
        return if !$sel->can_read(0.5);
        accept my $s, $self->{listen} or return;
        IO::Select->new($s)->can_read(0.2);
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    });
}

# the port is free then
sub stop ($self) {
    $self->{child}->stop if $self->{child};
    delete @$self{qw(child held listen)};
}

1;
