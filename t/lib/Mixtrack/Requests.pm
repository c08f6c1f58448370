package Mixtrack::Requests;

# Requests nobody has thought of, for t/fuzz_requests.t: what browsers send,
# what attackers send, and both with bytes changed.  The connection n of a
# seed is always the same one, whatever was made before it.

use v5.36;

use Digest::MD5 qw(md5 md5_hex);
use List::Util qw(shuffle);

# where there is something to find, and how many events an answer there has;
# undef: that depends
my %location = (
    '/'                            => 1,
    '/ssi'                         => 1,
    '/auth'                        => 1,
    '/mirror'                      => 1,
    '/spa'                         => 1,
    '/two'                         => undef,
    '/keep'                        => 1,
    '/no_respect'                  => 1,
    '/ids'                         => 1,
    '/named'                       => 1,
    '/post'                        => 1,
    '/nothing/%2e%2e/x'            => 1,
    '/inc'                         => 1,
    '/e404'                        => 1,
    '/deep/path;jsessionid=CANARY' => 1,
);
my @locations = sort keys %location;

# arguments that are hidden by default, and some that are not
my @hidden = qw(
    token access_token %74oken to%6ben TOKEN password new_password user[password] user%5Bpassword%5D
    client_secret api_key X-Amz-Signature sid PHPSESSID code email jwt
);
my @shown = qw(utm_source utm_medium utm_campaign gclid fbclid q a b page num if n uid);

my @agents = (
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/115.0.0.0 Safari/537.36',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
        . ' CriOS/114.0.5735.124 Mobile/15E148 Safari/604.1',
    'Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10',
    'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2)',
    'Mozilla/5.0 (X11; Linux) Gecko Firefox/00.00',
    'curl/7',
    'Googlebot/2.1',
);

# values of the SDK's cookie, to be changed as well; the secret one is not, or
# the names would be others
my @sdk = (
    '{"distinct_id":"$device:0190c1f0-aaaa-4bbb-8ccc-000000000001",'
        . '"$device_id":"0190c1f0-aaaa-4bbb-8ccc-000000000001",'
        . '"$initial_referrer":"$direct","$initial_referring_domain":"$direct"}',
    '{"distinct_id":42,"utm_term":"\ud83d","__mps":{"a":[1,{"b":null}]}}',
    '{"distinct_id":"anonymous","$device_id":"null"}',
    '{"$user_id":"' . "\xc3\xa9" x 300 . '","$device_id":"$device:' . 'd' x 300 . '"}',
    '{"distinct_id":"user-1","$user_id":"user-1","$device_id":"d1","utm_source":"stored \u20ac",'
        . '"$search_engine":"google","mp_keyword":"q"}',
);
my $sdk_secret = '{"distinct_id":"user-1","$user_id":"user-1","$device_id":"d1","utm_source":"a&token=CANARY",'
    . '"$initial_referrer":"https://u:CANARY@x.test/?token=CANARY&a=2"}';

# fields that are there now and then; a code is called for a value
my @fields = (
    ['Sec-Fetch-Mode', qw(navigate cors NAVIGATE)],
    ['Sec-Fetch-Dest', qw(document image empty)],
    ['Sec-Purpose',    'prefetch', 'prefetch;prerender'],
    ['X-Moz',          'prefetch'],
    ['DNT',            '0', '1', '1 ', 'null'],
    ['Sec-GPC',        '1', '0'],
    ['X-CC',           'public', 'private', 'max-age=1', sub { _bytes(30) }],
    ['X-D',            'dev1', '$device:x', sub { _bytes(300) }],
    ['X-F',            sub { _bytes(600) }],
    ['X-JS',           map { _spoilt($_) } '{"a":[1,2,{"b":null}],"c":"\u00e9"}', '"x"',
        '[1,1.50,-0,1e5,12345678901234567890]', '{"a":{"b":{"c":{"d":1}}}}', '["x",' x 40 . '1' . ']' x 40],
    ['X-TI',           map { _spoilt($_) } '1700000000.123', '2024-02-30',
        'Sun, 06 Nov 1994 08:49:37 GMT', '2024-02-29T12:00:00.5+02:00'],
    ['Sec-CH-UA',      map { _spoilt($_) } '"Chromium";v="115", "Not;A=Brand";v="8"'],
    ['Sec-CH-UA-Full-Version-List', map { _spoilt($_) } '"Google Chrome";v="115.0.5790.99"'],
    ['Sec-CH-UA-Platform', map { _spoilt($_) } '"Windows"', '"Android"'],
    ['Sec-CH-UA-Mobile',   '?0', '?1'],
    ['If-Modified-Since',  'Fri, 01 Jan 2038 00:00:00 GMT'],
    ['Range',              'bytes=0-1', 'bytes=9-'],
    ['Expect',             '100-continue'],
);

# A connection: n, bytes, shutdown (the client says that it has no more), and
# its requests in order, each with
#     k          its name, the argument k
#     whole      it is sent as it was made
#     cut        its end is missing
#     events     that it has when it is answered; undef if nobody can tell
#     objects    '', 'all', or 'T': to the project with this token; '' as well
#                if what he says of it may not get there
sub connection ($class, $seed, $n) {
    srand unpack 'N', md5("$seed $n");

    my $count    = _chance(.3) ? 1 + int rand 6 : 1;
    my @requests = map { _request(substr(md5_hex("$seed $n $_"), 0, 12), $_ < $count) } 1 .. $count;
    my $whole    = !grep { !$_->{whole} } @requests;

    # behind one that is spoilt nobody knows where the next begins
    if (!$whole) { $_->{whole} = 0 for @requests }

    # and behind one that is cut off its first line goes on with the other's
    # last: that an id is a URL, or that an "@" is missing, nothing can hide
    for (grep { $requests[$_ - 1]{cut} } 1 .. $#requests) {
        $requests[$_ - 1]{bytes} =~ s/([^\n]*)\z/$1 =~ s{CANARY}{canary}gr/e;
        $requests[$_]{bytes} =~ s/\A([^\n]*)/$1 =~ s{CANARY}{canary}gr/e;
    }

    return {
        n        => $n,
        requests => \@requests,
        bytes    => join('', map { $_->{bytes} } @requests),
        shutdown => !$whole || _chance(.3),
    };
}

sub _request ($k, $keep) {
    my $path    = _pick(@locations);
    my $method  = _pick(qw(GET GET GET GET HEAD POST PUT OPTIONS PURGE));
    my $version = _chance(.93) ? ' HTTP/1.1' : _pick(' HTTP/1.0', '', ' HTTP/3.7', ' HTTP/1.1 x');
    my $body    = $method =~ /^P[OU]/ ? 'b' x rand 300 : undef;

    my $line = "$method $path?k=$k&" . _query() . (_chance(.1) ? '#token=CANARY' : '') . $version;
    my ($objects, @head) = _head();
    my $whole  = $version eq ' HTTP/1.1';
    my $heard  = $version ne '';
    my $events = $location{$path};

    # where nobody listens; but a bad header is answered elsewhere
    $events = undef if $objects;
    $heard  = 0 if $objects eq 'maybe' || $path eq '/no_respect';

    if (_chance(.02) && $line !~ /CANARY/) {
        $line = _changed($line);
        $whole = $heard = 0;
    }

    push @head, 'Connection: ' . ($keep ? 'keep-alive' : 'close');
    push @head, 'Content-Length: ' . length $body if defined $body;

    my $bytes = join("\r\n", $line, shuffle(@head)) . "\r\n\r\n" . ($body // '');
    my $cut   = _chance(.01);

    if ($cut) {
        $bytes = substr $bytes, 0, rand length $bytes;
        $whole = $heard = 0;
    }

    return {
        k       => $k,
        bytes   => $bytes,
        whole   => $whole,
        cut     => $cut,
        events  => $whole ? $events : undef,
        objects => $heard ? $objects : '',
    };
}

# Who objects, and the fields.
sub _head {
    my @head = 'Host: ' . _pick('h.test', 'h.test:81', '[::1]:80', 'u:CANARY@h.test', 'H.TEST.', _only(qr/[^\w.]/, 20));

    push @head, 'User-Agent: ' . (_chance(.5) ? _pick(@agents) : _changed(_pick(@agents))) if _chance(.9);
    push @head, 'Accept: text/html,*/*' if _chance(.6);
    push @head, 'Referer: ' . _referrer() if _chance(.6);
    push @head, _only(qr/[^a-z_.-]/i, 30) . ': ' . _bytes(100) if _chance(.15);

    for (@fields) {
        my ($name, @values) = @$_;
        while (_chance(.15)) {
            my $value = _pick(@values);
            push @head, "$name: " . (ref $value ? $value->() : $value);
        }
    }
    my $all = grep {/^(?:DNT|Sec-GPC): 1 ?\z/} @head;

    my @cookies = shuffle(_cookies());
    my $one     = grep {/^(?:__mp_opt_in_out_T=(?:0|%30)|mp_optout=1)\z/} @cookies;

    # unless he has opted in since; when the header is not read to its end,
    # nobody may have heard of that
    $one = 'maybe' if $one && grep {/^__mp_opt_in_out_T=1\z/} @cookies;

    push @head, _chance(.3) ? map {"Cookie: $_"} @cookies : 'Cookie: ' . join _pick('; ', ';'), @cookies if @cookies;

    return ($all ? 'all' : $one eq 'maybe' ? $one : $one ? 'T' : '', @head);
}

sub _cookies {
    my @c;

    push @c, 'mp_T_mixpanel=' . _encode(_pick(@sdk, $sdk_secret, map { _changed($_) } @sdk)) if _chance(.4);
    push @c, 'mp_U_mixpanel=' . _encode(_pick(@sdk)) if _chance(.2);
    push @c, 'tok=' . _pick('U', '', 'x' x 300, _only(qr/[;\s]/, 20)) if _chance(.5);
    push @c, '__mp_opt_in_out_T=' . _pick(0, 1, '%30', 2) if _chance(.15);
    push @c, 'mp_optout=1' if _chance(.05);
    push @c, 'did=' . _pick('0190c1f0-aaaa-4bbb-8ccc-0000000000ff', 'x') if _chance(.2);
    push @c, _only(qr/[;=]/, 60) if _chance(.3);
    push @c, 'big=' . 'y' x 9000 if _chance(.01);
    return @c;
}

sub _referrer {
    my $from = _pick(
        'https://www.google.com/search?q=', 'https://u:CANARY@ref.test/p?', 'http://x/?', '//u:CANARY@h/?',
        'https://r.test:8443/x;jsessionid=CANARY?', 'android-app://com.x/?',
    );
    return $from . _query() . _pick('', '#access_token=CANARY');
}

sub _query {
    return join '&', map {
        _chance(.3) ? _pick(@hidden) . '=CANARY' . int rand 1e6 : _pick(@shown) . _pick('=', '=', '') . _value()
    } 0 .. rand 6;
}

sub _value {
    return _pick(
        qw(x 1 0 % %zz %e2%82%ac %ff a+b %2B 1e999 -0 007 .5), '', 'a' x rand 400,
        _bytes(40) =~ s/[&#\s?=;\/]//gr,
    );
}

# ---- what all of it is made of

sub _chance ($p) { rand() < $p }
sub _pick (@list) { $list[rand @list] }

# printable mostly, and nothing that ends a line
sub _bytes ($n) {
    return join('', map { chr(_chance(.7) ? 33 + rand 94 : 128 + rand 128) } 1 .. rand $n);
}

# at least one
sub _only ($without, $n) { (_bytes($n) =~ s/$without//gr) || 'x' }

sub _changed ($text) {
    for (0 .. rand 4) {
        my $at   = int rand 1 + length $text;
        my $what = rand;

        if    ($what < .3) { substr($text, $at, int rand 5) = '' }
        elsif ($what < .6) { substr($text, $at, 0) = _bytes(6) }
        elsif ($what < .8) {
            substr($text, $at, 0)
                = _pick(qw(. .. - 0 00 999999999999999999 / Version/ Chrome/ rv: e5), 'MSIE ');
        }
        else { $text .= substr $text, 0, rand length $text }
    }
    return $text;
}

# as it is, or changed
sub _spoilt ($text) { ($text, sub { _changed($text) }) }

sub _encode ($text) { $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

1;
