package Mixtrack::Proxy;

# A small HTTP proxy on loopback: CONNECT, and requests of whole http:// URLs.
#
#     auth => 'USER:PASSWORD'    anybody else is answered 407
#     status => N                the answer to everything
#     hang => 1                  none
#     tls => [CERT, KEY]         it is spoken to by TLS; the files are PEM
#     to => PORT                 where it goes on loopback, whatever was asked
#                                for: so the target may be a name that nobody
#                                resolves
#
# set() changes them for the connections to come.  Of a connection it reads
# and records the first request alone; the rest it passes on unseen.

use v5.36;

use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64 qw(encode_base64);
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);

use Mixtrack::Child;
use Mixtrack::Util qw(json_decode json_encode slurp spew);

use constant CONNECTIONS => 64;
use constant HEAD_MAX    => 65536;

# dir, port, and the above
sub new ($class, %o) {
    my ($dir, $port) = delete @o{qw(dir port)};
    my $self = bless {
        port   => $port,
        conf   => "$dir/proxy-$port.json",
        record => "$dir/proxy-$port.record",
    }, $class;

    return $self->set(%o)->start;
}

sub url ($self) {"http://127.0.0.1:$self->{port}"}

sub set ($self, %o) {
    spew("$self->{conf}.new", json_encode(\%o));
    rename "$self->{conf}.new", $self->{conf};
    return $self;
}

# in order: method target headers (small letters) time, and status: what it
# answered, or undef when it let it through or hangs
sub requests ($self) { map { json_decode($_) } split /\n/, slurp($self->{record}) }

sub start ($self) {
    return $self if $self->{child};

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $self->{port},
        Listen    => 128,
        ReuseAddr => 1,
    ) or die "proxy: $!\n";

    my $sel = IO::Select->new($listen);
    my $n   = 0;

    $self->{child} = Mixtrack::Child->new(sub {
        $n-- while waitpid(-1, WNOHANG) > 0;
        return select undef, undef, undef, 0.05 if $n >= CONNECTIONS;
        return if !$sel->can_read(0.2);

        my $s = $listen->accept or return;
        $n++;
        my $parent = $$;
        return if fork;
        close $listen;
        eval { $self->_serve($s, sub { getppid == $parent }) };
        POSIX::_exit(0);
    });
    return $self;
}

# the port is free then; what goes through it ends within a second
sub stop ($self) { (delete $self->{child} // return)->stop }

sub _serve ($self, $s, $alive) {
    my $conf = json_decode(slurp($self->{conf}));
    my $buf  = '';

    if (my $tls = $conf->{tls}) {
        IO::Socket::SSL->start_SSL($s, SSL_server => 1, SSL_cert_file => $tls->[0], SSL_key_file => $tls->[1], Timeout => 5)
            or return;
    }

    while ($buf !~ /\r\n\r\n/ && length $buf < HEAD_MAX && $alive->()) {
        next if !IO::Select->new($s)->can_read(0.5);
        sysread $s, $buf, 65536, length $buf or return;
    }

    my ($head, $rest) = split /(?<=\r\n)\r\n/, $buf, 2;
    my ($method, $target) = $head =~ /^(\S+) (\S+)/;
    my %headers = map {/^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : ()} split /\r\n/, $head;
    my ($host, $port) = $target =~ m{^(?:http://)?([^:/]+)(?::(\d+))?};

    my $up;
    my $status = $conf->{status};
    my $known  = 'Basic ' . encode_base64($conf->{auth} // '', '');

    $status //= 407 if defined $conf->{auth} && ($headers{'proxy-authorization'} // '') ne $known;
    $status //= 502 if !$conf->{hang} && !($up = IO::Socket::INET->new(
        PeerAddr => $conf->{to} ? '127.0.0.1' : $host,
        PeerPort => $conf->{to} // $port // 80,
        Timeout  => 5,
    ));

    $self->_note({method => $method, target => $target, headers => \%headers, time => time, status => $status});

    if ($status) {
        syswrite $s, "HTTP/1.1 $status Proxy\r\nContent-Length: 0\r\nConnection: close\r\n"
            . ($status == 407 ? "Proxy-Authenticate: Basic realm=\"test\"\r\n" : '') . "\r\n";
        shutdown $s, 1;
        return;
    }
    while ($conf->{hang}) {
        return if !$alive->();
        return if IO::Select->new($s)->can_read(0.5) && !sysread $s, my $more, 65536;
    }

    my $connect = $method eq 'CONNECT';
    syswrite $s, "HTTP/1.1 200 Connection established\r\n\r\n" if $connect;
    _all($up, $connect ? $rest : $buf);
    _pump($s, $up, $alive);
}

sub _note ($self, $request) {
    sysopen my $fh, $self->{record}, O_WRONLY | O_APPEND | O_CREAT or return;
    syswrite $fh, json_encode($request) . "\n";
}

sub _all ($s, $bytes) {
    while (length $bytes) {
        my $n = syswrite $s, $bytes or die "write: $!";
        substr $bytes, 0, $n, '';
    }
}

# both ways until both are done; a record of TLS is less than what is read at
# once, so nothing is left behind that nobody would wait for
sub _pump ($one, $other, $alive) {
    my $sel = IO::Select->new($one, $other);

    while ($sel->count && $alive->()) {
        for my $from ($sel->can_read(0.5)) {
            my $to = $from == $one ? $other : $one;
            my $n  = sysread $from, my $bytes, 65536;

            return if !defined $n;
            $sel->remove($from), shutdown($to, 1), next if !$n;
            _all($to, $bytes);
        }
    }
}

1;
