package Mixtrack::Backend;

# An upstream the test answers by hand: a request through it is as slow as
# the test wants.

use v5.36;

use IO::Select;
use IO::Socket::INET;

use Mixtrack::Util qw(monotonic patience);

sub new ($class, $port) {
    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $port,
        Listen    => 128,
        ReuseAddr => 1,
    ) or die "backend: $!";

    return bless {listen => $listen, held => []}, $class;
}

# Waits for a request and holds it; its head, or nothing.
sub hold ($self, $timeout = 10) {
    return if !IO::Select->new($self->{listen})->can_read($timeout * patience());

    my $s   = $self->{listen}->accept or return;
    my $end = monotonic() + $timeout;
    my $buf = '';

    while ($buf !~ /\r\n\r\n/ && monotonic() < $end) {
        next if !IO::Select->new($s)->can_read($end - monotonic());
        sysread $s, $buf, 65536, length $buf or last;
    }

    push @{$self->{held}}, $s;
    return $buf;
}

# Answers the oldest request that is held.
sub release ($self, $body = "late\n") {
    my $s = shift @{$self->{held}} or return;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, "HTTP/1.0 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $s;
}

1;
