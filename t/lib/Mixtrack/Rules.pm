package Mixtrack::Rules;

# What a post to /track or /import must be.  The description beside the
# ingest says most of it, and JSON::Validator holds every body to it; what a
# schema cannot say (bytes, depths, ids that belong together) is here.
#
# Two ways to ask: drops() and invalid() are quick, and are what the reply
# goes by, for /track, which drops what is bad and says nothing of it, and
# for /import, which names it; faults() is the whole truth of what this
# module promises, and slow (about 0.2 ms an event).

use v5.36;

use Compress::Raw::Zlib qw(WANT_GZIP Z_OK Z_STREAM_END);
use Cpanel::JSON::XS ();
use Encode ();
use JSON::Validator;

use constant BODY_MAX   => 2 * 1024 * 1024;
use constant EVENTS_MAX => 2000;
use constant TEXT_MAX   => 255;
use constant EVENT_MAX  => 1024 * 1024;

# seconds; /track takes nothing older, /import nothing that is so far ahead,
# nor from before 1971
use constant AGE_MAX   => 5 * 86400;
use constant AHEAD_MAX => 3600;
use constant TIME_MIN  => 365 * 86400;

my $json = Cpanel::JSON::XS->new->utf8;

my %banned = map { $_ => 1 } qw(
    00000000-0000-0000-0000-000000000000 anon anonymous nil none null n/a na
    undefined unknown <nil> 0 -1 true false [] {}
);

# one object, whole, as it was written
my $object = qr/(\{(?:[^{}"]++|"(?:[^"\\]++|\\.)*+"|(?1))*+\})/s;

# original => 1: the project merges ids in the original way
sub new ($class, $file, %o) {
    my $schema = JSON::Validator->new->schema("file://$file")->schema;

    die "$file: @{$schema->errors}\n" if @{$schema->errors};

    $schema->formats->{bytes255}
        = sub ($v) { _bytes($v) > TEXT_MAX ? 'longer than 255 bytes' : undef };
    $schema->coerce({});    # "1" is no number

    return bless {schema => $schema, ids => $o{original} ? \&_original : \&_simplified}, $class;
}

# The text of a body, or undef and the reason.
sub inflate ($self, $body, $encoding) {
    return ($body) if !length($encoding // '');
    return (undef, "Content-Encoding: $encoding") if $encoding ne 'gzip';

    my ($z) = Compress::Raw::Zlib::Inflate->new(
        -WindowBits   => WANT_GZIP,
        -ConsumeInput => 1,
        -LimitOutput  => 0,
    );
    my $rc = $z->inflate($body, my $text);

    return (undef, "gzip: " . ($rc == Z_OK ? 'cut off' : "$rc"))
        if $rc != Z_STREAM_END;
    return (undef, 'gzip: bytes behind the end') if length $body;
    return ($text);
}

# For a body that comes bit by bit: a sub that takes the next bytes and tells
# how many there are so far, uncompressed.
sub meter ($self, $encoding) {
    my $total = 0;
    my $z;

    $z = Compress::Raw::Zlib::Inflate->new(-WindowBits => WANT_GZIP, -ConsumeInput => 1)
        if ($encoding // '') eq 'gzip';

    return sub ($bytes) {
        my $text = $bytes;
        $z->inflate($bytes, $text) if $z;
        return $total += length($text // '');
    };
}

# The events of a body, as data, or undef and the reason.
sub decode ($self, $text) {

    # the decoder forgives an encoded surrogate, Encode does not; what
    # Encode calls strict rejects the non-characters, which are valid
    if ($text =~ /[^\x00-\x7f]/) {
        my $copy = $text =~ s/\xef\xb7[\x90-\xaf]|\xef\xbf[\xbe\xbf]
                              |[\xf0-\xf4][\x80-\xbf]\xbf[\xbe\xbf]/??/grx;
        return (undef, "not UTF-8: $@" =~ s/ at \S+ line.*//sr)
            if !eval { Encode::decode('UTF-8', $copy, Encode::FB_CROAK); 1 };
    }

    my $data = eval { $json->decode($text) };
    return (undef, "not JSON: $@" =~ s/ at \S+ line.*//sr) if !$data;
    return (undef, 'not an array') if ref $data ne 'ARRAY';
    return ($data);
}

# The same events, as they were written.
sub split ($self, $text, $data) {
    my @raw;

    pos($text) = 0;
    push @raw, $1 while $text =~ /\G[\s,\[]*+$object/gc;

    # not objects only: then as good as it gets
    @raw = map { Cpanel::JSON::XS->new->utf8->canonical->allow_nonref->encode($_) } @$data
        if @raw != @$data;

    return map {tr/\n\r/  /r} @raw;
}

# Would /track drop this event?  The reason, or undef.
sub drops ($self, $event, $now) {
    return 'not an object'      if ref $event ne 'HASH';
    return 'event: missing'     if !length($event->{event} // '') || ref $event->{event};
    return 'event: too long'    if _bytes($event->{event}) > TEXT_MAX;

    my $p = $event->{properties};

    return 'properties: missing'  if ref $p ne 'HASH';
    return 'properties: too many' if keys %$p > 254;
    return 'token: missing'       if !length($p->{token} // '') || ref $p->{token};
    return 'time: bad'            if ($p->{time}       // '') !~ /^[0-9]{13}\z/;
    return 'time: too old'        if $p->{time} / 1000 < $now - AGE_MAX;
    return '$insert_id: bad'      if ($p->{'$insert_id'} // '') !~ /^[A-Za-z0-9-]{1,36}\z/;
    return 'distinct_id: missing' if !defined $p->{distinct_id} || ref $p->{distinct_id};
    return 'distinct_id: banned'  if $banned{$p->{distinct_id}};
    return undef;
}

# Would /import refuse this event, of so many bytes?  [field, message], or
# undef.  Longer strings it cuts.
sub invalid ($self, $event, $bytes, $now) {
    return ['', 'must be an object']                  if ref $event ne 'HASH';
    return ['', 'event is larger than 1 MB']          if $bytes >= EVENT_MAX;
    return ['event', 'event is required']             if !length($event->{event} // '') || ref $event->{event};
    return ['event', 'event is longer than 255']      if _bytes($event->{event}) > TEXT_MAX;

    my $p = $event->{properties};

    return ['properties', 'properties is required']             if ref $p ne 'HASH';
    return ['properties', 'properties has 255 keys or more']    if keys %$p >= 255;

    my $wrong = sub ($name, $what) { ["properties.$name", "properties.$name is invalid: $what"] };
    my ($time, $id, $distinct) = @$p{qw(time $insert_id distinct_id)};

    return $wrong->(time => 'must be a number') if ref $time || ($time // '') !~ /^[0-9]+(?:\.[0-9]+)?\z/;

    $time /= 1000 if $time > 1e11;
    return $wrong->(time => 'before 1971-01-01') if $time < TIME_MIN;
    return $wrong->(time => 'in the future')     if $time > $now + AHEAD_MAX;

    return $wrong->('$insert_id' => 'is required')   if !length($id // '') || ref $id;
    return $wrong->('$insert_id' => 'longer than 36 bytes')      if _bytes($id) > 36;
    return $wrong->('$insert_id' => 'not alphanumeric or -')     if $id !~ /^[A-Za-z0-9-]+\z/;
    return $wrong->('$insert_id' => 'not a valid value')         if $banned{$id};
    return $wrong->(distinct_id => 'is required')                if !defined $distinct || ref $distinct;
    return $wrong->(distinct_id => 'not a valid value')          if $banned{$distinct};

    for my $k (sort keys %$p) {
        my $deep = _shape($p->{$k}, 0);
        return $wrong->($k => $deep) if $deep;
    }
    return undef;
}

# Everything that is wrong with a post; with none the answer is empty.  A
# request is a hash of path, query, headers, and text, the body inflated.
sub faults ($self, $r) {
    my $data   = $r->{data};
    my $import = $r->{path} =~ m{/import\z};
    my @faults;

    push @faults, "body: " . length($r->{text}) . " bytes" if length $r->{text} >= BODY_MAX;
    push @faults, "Expect: $r->{headers}{expect}" if defined $r->{headers}{expect};
    push @faults, "query: $r->{query_text}"
        if join(' ', sort keys %{$r->{query}}) !~ ($import ? qr/^(?:project_id )?strict\z/ : qr/^ip verbose\z/);
    push @faults, 'no Basic authorization'
        if $import && ($r->{headers}{authorization} // '') !~ /^Basic \S+\z/;

    push @faults, map {"$_"} $self->{schema}->validate_request(
        [post => $import ? '/import' : '/track'],
        {   query  => sub ($n, $) { _given($r->{query}{$n}) },
            header => sub ($n, $) { _given($r->{headers}{lc $n}) },
            body   => sub (@) {
                my $type = $r->{headers}{'content-type'} // '';
                return {exists => 1, value => $data, content_type => $type =~ s/\s*;.*//r};
            },
        }
    );

    for my $i (0 .. $#$data) {
        my $p = ref $data->[$i] eq 'HASH' ? $data->[$i]{properties} : undef;
        next if ref $p ne 'HASH';

        push @faults, map {"/body/$i/properties: $_"} $self->{ids}->($p);

        for my $k (keys %$p) {
            my $fault = _bytes($k) > TEXT_MAX ? 'a name too long' : _value($p->{$k}, 0);
            push @faults, "/body/$i/properties/$k: $fault" if $fault;
        }
    }

    return @faults;
}

sub _given ($v) {
    return {exists => 0} if !defined $v;
    $v += 0 if $v =~ /^[0-9]+\z/;
    return {exists => 1, value => $v};
}

# ids that belong together, in the simplified form; an older SDK's cookie tells
# a user by distinct_id alone, which has no prefix then
sub _simplified ($p) {
    my ($user, $device, $distinct) = @$p{qw($user_id $device_id distinct_id)};

    return () if !defined $distinct;
    return $distinct eq $user ? () : 'distinct_id is not $user_id' if defined $user;

    my $prefixed = $distinct =~ /^\$device:/;

    return $prefixed ? 'distinct_id of a device that is not told' : () if !defined $device;
    return $distinct eq "\$device:$device" ? ()
        : $prefixed || $distinct eq '' || $distinct eq $device ? 'distinct_id is not $device_id' : ();
}

# the same in the original form: a device is bare, but that of the SDK, which has
# its prefix there as well
sub _original ($p) {
    my ($user, $device, $distinct) = @$p{qw($user_id $device_id distinct_id)};

    return () if !defined $distinct;
    return $distinct eq $user ? () : 'distinct_id is not $user_id' if defined $user;
    return $distinct =~ /^\$device:/ ? 'distinct_id of a device that is not told' : () if !defined $device;
    return $distinct eq '' || $distinct eq '$device:' ? 'distinct_id is not $device_id' : ();
}

sub _value ($v, $depth) {
    return _shape($v, $depth) // (defined $v ? _texts($v) : 'is null');
}

# lists and objects
sub _shape ($v, $depth) {
    return undef if ref $v ne 'HASH' && ref $v ne 'ARRAY';

    my @v = ref $v eq 'HASH' ? values %$v : @$v;

    return 'deeper than 3' if $depth >= 3;
    return '255 elements'  if @v >= 255;
    for (@v) { my $e = _shape($_, $depth + 1); return $e if $e }
    return undef;
}

# what is in them
sub _texts ($v) {
    return undef if !defined $v;

    if (ref $v eq 'HASH' || ref $v eq 'ARRAY') {
        for (ref $v eq 'HASH' ? keys %$v   : ()) { return 'a name longer than 255 bytes' if _bytes($_) > TEXT_MAX }
        for (ref $v eq 'HASH' ? values %$v : @$v) { my $e = _texts($_); return $e if $e }
        return undef;
    }

    return _bytes($v) > TEXT_MAX ? 'longer than 255 bytes' : undef;
}

sub _bytes ($s) {
    utf8::encode($s);
    return length $s;
}

1;
