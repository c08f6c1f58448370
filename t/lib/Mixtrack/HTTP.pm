package Mixtrack::HTTP;

# Requests, byte by byte where it matters.

use v5.36;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;

use Mixtrack::Util qw(monotonic patience);

our @EXPORT_OK = qw(http_connect http_read http);

# port => N, addr => '127.0.0.1' or '::1', or unix => PATH
sub http_connect (%o) {
    my $s = $o{unix}
        ? IO::Socket::UNIX->new(Peer => $o{unix})
        : IO::Socket::IP->new(
            PeerHost => $o{addr} // '127.0.0.1',
            PeerPort => $o{port},
            Timeout  => 5,
        );
    die "connect " . ($o{unix} // $o{port}) . ": $@ $!\n" if !$s;
    $s->autoflush(1);
    binmode $s;
    return $s;
}

# What comes until the peer closes; with one => 1 the first response only
# (by its length or its last chunk).
sub http_read ($s, %o) {
    my $end = monotonic() + ($o{timeout} // 10) * patience();
    my $sel = IO::Select->new($s);
    my $buf = $o{buf} // '';

    while ((my $left = $end - monotonic()) > 0) {
        last if $o{one} && complete($buf);
        next if !$sel->can_read($left);
        my $n = sysread $s, $buf, 65536, length $buf;
        last if !$n;
    }
    return $buf;
}

# Is there a whole response in buf?  Its length.
sub complete ($buf) {
    my $at = index $buf, "\r\n\r\n";
    return 0 if $at < 0;

    my $head = substr $buf, 0, $at + 4;
    return $at + 4 if $head =~ m{^HTTP/1\.\d (?:204|304)};

    if ($head =~ /^Content-Length:\s*(\d+)/mi) {
        my $all = $at + 4 + $1;
        return length $buf >= $all ? $all : 0;
    }
    if ($head =~ /^Transfer-Encoding:\s*chunked/mi) {
        my $last = index $buf, "0\r\n\r\n", $at;
        return $last < 0 ? 0 : $last + 5;
    }
    return 0;
}

# Sends bytes as they are and reads until the peer closes.  When it has
# closed, nginx has logged the request.
sub http ($bytes, %o) {
    local $SIG{PIPE} = 'IGNORE';

    my $s = http_connect(%o);
    print {$s} $bytes;
    shutdown $s, 1 if $o{shutdown};
    return http_read($s, %o);
}

1;
