package Mixtrack::Visitor;

# What a browser sends of its visitor: the SDK's cookie, cookies as crumbs
# over HTTP/2; and what it is given.

use v5.36;

use Exporter qw(import);

use Mixtrack::HTTP qw(http_connect);
use Mixtrack::Util qw(json_encode monotonic patience);
use IO::Select;

our @EXPORT_OK = qw(encode sdk cookies http2 http2_reset curl2 @banned);

# what Mixpanel takes for nobody, and "-", which is nginx's word for it
our @banned = qw(
    00000000-0000-0000-0000-000000000000 anon anonymous nil none null n/a na undefined unknown
    <nil> 0 -1 true false [] {} -
);

# encodeURIComponent()
sub encode ($text) { $text =~ s/([^A-Za-z0-9_.!~*'()-])/sprintf '%%%02X', ord $1/ger }

# A header with the SDK's cookie for a token.
sub sdk ($token, %props) { "Cookie: mp_${token}_mixpanel=" . encode(json_encode(\%props)) }

# The Set-Cookie lines of a response that set this name, as [value, rest].
sub cookies ($reply, $name) {
    my ($head) = $reply =~ /^(.*?)\r?\n\r?\n/s or return;
    return map { [$_ =~ /^Set-Cookie: \Q$name\E=([^;]*)(.*?)\r?$/i] }
        grep {/^Set-Cookie: \Q$name\E=/i} split /\n/, $head;
}

# A request over HTTP/2, with each header a field of its own as it is given:
# [name => value], ...; true when it was answered.
sub http2 ($port, $path, @headers) { _http2(sub ($type, $flags) { $flags & 1 }, $port, $path, @headers) }

# The same; true when its stream was reset.
sub http2_reset ($port, $path, @headers) { _http2(sub ($type, $flags) { $type == 3 }, $port, $path, @headers) }

sub _http2 ($is, $port, $path, @headers) {
    my $s = http_connect(port => $port);
    my $block = join '', map { _field(@$_) } [':method' => 'GET'], [':scheme' => 'http'],
        [':path' => $path], [':authority' => "localhost:$port"], @headers;

    print {$s} "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", _frame(4, 0, 0, ''), _frame(1, 5, 1, $block);

    my $end = monotonic() + 10 * patience();
    my $sel = IO::Select->new($s);
    my $buf = '';

    while ((my $left = $end - monotonic()) > 0) {

        # its length, its type, its flags, its stream: the last of stream 1?
        while (length $buf >= 9 && length $buf >= 9 + (my $len = unpack 'N', "\0$buf")) {
            my ($type, $flags, $stream) = unpack 'x3 C C N', $buf;
            return 1 if $stream == 1 && $is->($type, $flags);
            substr $buf, 0, 9 + $len, '';
        }
        next if !$sel->can_read($left);
        sysread $s, $buf, 65536, length $buf or last;
    }
    return 0;
}

sub _frame ($type, $flags, $stream, $data) {
    return substr(pack('N', length $data), 1) . pack('CCN', $type, $flags, $stream) . $data;
}

# literal, neither indexed nor packed
sub _field ($name, $value) { "\0" . join '', map { _int(length) . $_ } $name, $value }

sub _int ($n) {
    return chr $n if $n < 127;
    my $bytes = chr 127;
    for ($n -= 127; $n > 127; $n >>= 7) { $bytes .= chr($n & 127 | 128) }
    return $bytes . chr $n;
}

# The same by curl, which reads what is answered: the head and the body.
sub curl2 ($port, $path, @headers) {
    open my $out, '-|', 'curl', '-sS', '-i', '-m', 10, '--http2-prior-knowledge',
        (map { ('-H', $_) } @headers), "http://127.0.0.1:$port$path"
        or die "curl: $!";
    local $/;
    my $reply = <$out> // '';
    close $out;
    return $reply;
}

1;
