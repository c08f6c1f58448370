package Mixtrack::Faults;

# What the ingest does to a post instead of, or beside, answering it: the
# script that a test gives it, and how each entry is played.
#
# A post takes the first entry that wants it:
#
#     path => REGEX     its path matches
#     every => N        each Nth of those that came so far
#     chance => P       by lot, 0 to 1; the lots depend on the seed, on the
#                       post's number and on the entry, on nothing else
#     times => N        only so often; then the entry is gone
#
# What it is answered, and how, is up to the rest of the entry:
#
#     status => N, body => TEXT, headers => {}
#     echo => 1         with a status, whose reason quotes the request: its
#                       token, and its credentials as they came and as they
#                       are meant; so does a record of its first event
#     redirect => URL   302 with this Location
#     large => BYTES    the body filled up with blanks to so many; with
#                       front => 1 they stand before it
#     garbage => 1      bytes that are no HTTP, or a text as it is given
#
#     delay => MS       before any of the others
#     hang => 1         no answer, the connection stays
#     close => 1        no answer, the connection is closed
#     reset => 'sending'  as soon as after => BYTES (1000) of the body are
#                       there the connection is reset; of a shorter one when
#                       it is all there.  What a reset finds on its way is
#                       up to the buffers: see rcvbuf in Mixtrack::Ingest
#     reset => 'reply'  in the middle of the reply's body
#     drip => MS        a byte of the reply, its head included, each so often
#     endless => 1      the reply's body goes on with blanks for ever, 16 KB
#                       each 10 ms
#     length => +N, -N  a Content-Length that is so much too large or small
#     truncate => N     N bytes of the body, the length of the whole one
#
#     accept => 0, 1    whether its events count as accepted
#
# Without accept they do when the ingest itself gave its verdict, whatever
# became of the reply (drip, endless, large, length, truncate), and do not
# when the script answered (status, body, redirect, garbage), when nothing
# answered, or with a reset.
#
# After reset, garbage, drip, endless, length and truncate the connection is
# closed.

use v5.36;

use Digest::MD5 qw(md5);
use MIME::Base64 qw(decode_base64);
use Socket qw(SOL_SOCKET SO_LINGER);

use Mixtrack::Util qw(json_encode);

use constant BLANKS => 16384;

my %reason = (
    200 => 'OK',
    302 => 'Found',
    400 => 'Bad Request',
    401 => 'Unauthorized',
    413 => 'Request Entity Too Large',
    429 => 'Too Many Requests',
    500 => 'Internal Server Error',
    503 => 'Service Unavailable',
);

sub new ($class) { bless {script => [], seed => 0}, $class }

sub set ($self, @script) { $self->{script} = [@script] }
sub seed ($self, $seed)  { $self->{seed} = $seed }
sub left ($self)         { scalar @{$self->{script}} }

# The entry for post n; {} if there is none.
sub choose ($self, $path, $n) {
    my $script = $self->{script};

    for my $i (0 .. $#$script) {
        my $act = $script->[$i];

        next if defined $act->{path}   && $path !~ /$act->{path}/;
        next if defined $act->{every}  && ++$act->{came} % $act->{every};
        next if defined $act->{chance} && _lot($self->{seed}, $n, $i) >= $act->{chance};

        splice @$script, $i, 1 if defined $act->{times} && --$act->{times} <= 0;
        return $act;
    }
    return {};
}

# Perl's own generator is drawn from by others as well
sub _lot ($seed, $n, $i) { unpack('N', md5("$seed $n $i")) / 2**32 }

# Does the entry keep the events from being accepted?
sub refuses ($act) {
    return !$act->{accept} if defined $act->{accept};
    return !!grep { defined $act->{$_} } qw(hang close status body reset garbage redirect);
}

# status and body, if the entry has an answer of its own; body for the
# one that it does not name
sub answer ($act, $body) {
    return if !grep { defined $act->{$_} } qw(status body redirect);
    return ($act->{status} // ($act->{redirect} ? 302 : 200), $act->{body} // $body);
}

# The entry with the body that it has as an echo of a request with these.
sub echo ($act, $token, $authorization) {
    return $act if !$act->{echo};

    my ($basic) = ($authorization // '') =~ /^Basic (\S+)/;
    my $words = join ', ', grep { length($_ // '') } $token, $basic, decode_base64($basic // '');

    return {%$act, body => json_encode({
        code           => $act->{status},
        error          => "no $words",
        failed_records => [{index => 0, field => 'token', message => "not $words"}],
    })};
}

# Which of them it is, for the record.
sub name ($act) {
    return join ' ', grep { defined $act->{$_} }
        qw(status echo body redirect large garbage delay hang close reset drip endless length truncate);
}

# ---- to a reply that is ready: {status, body, headers}

# What can be said within HTTP.
sub dress ($act, $reply) {
    my %headers = (%{$reply->{headers}}, %{$act->{headers} // {}});

    $headers{Location} = $act->{redirect} if defined $act->{redirect};

    my $body = $reply->{body};
    if (my $more = ($act->{large} // 0) - length $body) {
        $body = $act->{front} ? ' ' x $more . $body : $body . ' ' x $more if $more > 0;
    }
    return {status => $reply->{status}, body => $body, headers => \%headers};
}

# Does it need the connection for itself?
sub raw ($act) {
    return grep { defined $act->{$_} } qw(close reset garbage drip endless length truncate);
}

# Answers on the bare connection.
sub play ($act, $reply, $stream) {
    return               if !$stream;
    return $stream->close if $act->{close};
    return cut($stream)  if ($act->{reset} // '') eq 'sending';

    my ($head, $body) = bytes($act, $reply);

    return cut($stream, $head . substr $body, 0, length($body) / 2) if defined $act->{reset};
    return _endless($stream, $head . $body)                         if $act->{endless};
    return _drip($stream, $head . $body, $act->{drip} / 1000)       if $act->{drip};

    $stream->write($head . $body);
    $stream->close_gracefully;
}

# Resets a connection, with some bytes on their way before.
sub cut ($stream, $bytes = '') {
    my $now = sub ($stream) {
        my $handle = $stream->handle or return;
        setsockopt $handle, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        undef $handle;
        $stream->close;
    };

    return $now->($stream) if !length $bytes;
    $stream->write($bytes => $now);
}

# Head and body of a reply that closes.
sub bytes ($act, $reply) {
    if (defined(my $garbage = $act->{garbage})) {
        return ('', $garbage eq '1' ? "\x16\x03\x00\xff" . join '', map { chr($_ * 37 % 256) } 1 .. 2000 : $garbage);
    }

    my ($status, $body, $headers) = @$reply{qw(status body headers)};
    my %headers = (%$headers, Connection => 'close');

    $headers{'Content-Length'} = length($body) + ($act->{length} // 0) if !$act->{endless};
    $body = substr $body, 0, $act->{truncate} if defined $act->{truncate};

    my $head = join '', map {"$_: $headers{$_}\r\n"} sort keys %headers;
    return ("HTTP/1.1 $status " . ($reason{$status} // 'Unknown') . "\r\n$head\r\n", $body);
}

sub _endless ($stream, $bytes) {
    $stream->write($bytes);
    _again($stream, 0.01, sub { $stream->write(' ' x BLANKS) if $stream->can_write; 1 });
}

sub _drip ($stream, $bytes, $each) {
    _again($stream, $each, sub {
        $stream->write(substr $bytes, 0, 1, '');
        return 1 if length $bytes;
        $stream->close_gracefully;
        return 0;
    });
}

# calls until it returns 0 or the connection is closed
sub _again ($stream, $each, $call) {
    my $loop = $stream->reactor;
    my $id;

    $id = $loop->recurring($each => sub { $loop->remove($id) if !$call->() });
    $stream->on(close => sub { $loop->remove($id) });
}

1;
