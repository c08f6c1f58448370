package Mixtrack::Util;

# What all the others need: conditions instead of sleeps, ports nobody else
# has, files.

use v5.36;

use Cpanel::JSON::XS ();
use Exporter qw(import);
use IO::Socket::INET;
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT_OK = qw(wait_until monotonic patience free_port slurp spew json_decode json_encode uniq lacks);

my $json = Cpanel::JSON::XS->new->utf8->canonical->allow_nonref;

# Sanitizers make everything slower; conditions only wait longer for it.
sub patience {
    return ($ENV{TEST_NGINX_MODULE} // '') eq 'static' ? 3 : 1;
}

# Seconds, for what lasts: the machine's own clock may be set meanwhile.
sub monotonic { clock_gettime(CLOCK_MONOTONIC) }

# Waits for a condition; its value, or nothing after timeout seconds.
sub wait_until ($cond, $timeout = 10) {
    my $end  = monotonic() + $timeout * patience();
    my $step = 0.005;

    while () {
        my $value = $cond->();
        return $value if $value;
        return        if monotonic() > $end;
        sleep $step;
        $step *= 1.5 if $step < 0.05;
    }
}

# Why something is left out.  "make test" has installed all that can be, and root
# may do all that has to be done: there it is a failure (TEST_COMPLETE), for
# what is never run is never seen to break.
sub lacks ($why) {
    die "$why; without TEST_COMPLETE it would be left out\n" if $ENV{TEST_COMPLETE} && $> == 0;
    return $why;
}

# A port on loopback, free, and ours until the test ends: an abstract
# socket is the lock, so nothing is left behind whatever happens.
{
    my %lock;

    sub free_port {
        for (1 .. 500) {
            my $port = 20000 + int rand 12000;
            next if $lock{$port};

            socket my $lock, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
            bind $lock, pack_sockaddr_un("\0mixtrack-test-port-$port") or next;

            my $free = 1;
            for my $addr ('127.0.0.1', '0.0.0.0') {
                my $probe = IO::Socket::INET->new(
                    LocalAddr => $addr,
                    LocalPort => $port,
                    Listen    => 1,
                    ReuseAddr => 1,
                ) or $free = 0;
            }
            next if !$free;

            $lock{$port} = $lock;
            return $port;
        }
        die "no free port\n";
    }
}

sub slurp ($file) {
    open my $fh, '<:raw', $file or return '';
    local $/;
    return <$fh> // '';
}

sub spew ($file, $text) {
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print {$fh} $text;
    close $fh or die "$file: $!\n";
}

sub json_decode ($text) { $json->decode($text) }
sub json_encode ($data) { $json->encode($data) }

sub uniq (@list) {
    my %seen;
    return grep { !$seen{$_}++ } @list;
}

1;
