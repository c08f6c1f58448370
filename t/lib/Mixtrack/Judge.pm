package Mixtrack::Judge;

# What the ingest answers by itself: the replies of /track and of /import
# (a path that ends so), and the settings a test can make, each in force
# until it is made again (undef: no more).
#
#     auth    {user, password, project_id}: what /import accepts.  Without it
#             any user that is not empty.  With a password (a service
#             account) there must be a project_id in the query.  401
#
#     limit   {bytes => N}: a post whose body, uncompressed, is larger is
#             answered 413 in JSON; with html => 1 as Google's front end
#             does; with reset => 1 as soon as so much has come, and the
#             connection is reset behind it
#
#     rate    {events => N, retry_after => SECONDS}: a post is answered 429
#             when it is more than is left of N events a second.  A second's
#             events may come at once; one that is larger by itself waits
#             for a whole second's and is a debt then
#
#     poison  {match => REGEX, status => N, body, error, records => FORM}:
#             events that match, as they were written, are bad.
#             /track: a post with one of them is answered 400 (or status) as
#             a whole and nothing of it is accepted; with status => 200 they
#             are dropped without a word, and only a post of nothing else is
#             answered status 0 with error.
#             /import: they are in failed_records, with error as message,
#             and the others are accepted.  FORM is what such a record is:
#               objects    index, insert_id, field, message
#               insert_id  $insert_id, field, message
#               index      index, field, message
#               strings    the $insert_id itself
#             body is sent instead of a reply that tells of them
#
# The first of them that has something against a post is why; a scripted
# answer comes before all of them.  The real thing is not known to say which.
#
# /import without strict=1, and /track without verbose=1, answer 1 or 0.

use v5.36;

use Cpanel::JSON::XS ();
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(time);

use Mixtrack::Util qw(monotonic);

my $json = Cpanel::JSON::XS->new->utf8->canonical->allow_nonref;

my %word = (
    400 => 'Bad Request',
    401 => 'Unauthorized',
    413 => 'Request Entity Too Large',
    429 => 'Too Many Requests',
);

# as its front end answers, but for the style sheet and the robot
my $html = <<'END';
<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 413 (Request Entity Too Large)!!1</title>
  <a href=//www.google.com/><span id=logo aria-label=Google></span></a>
  <p><b>413.</b> <ins>That’s an error.</ins>
  <p>Your client issued a request that was too large.
 <ins>That’s all we know.</ins>
END

sub new ($class, $rules) { bless {rules => $rules}, $class }

sub set ($self, $name, $value) {
    $self->{$name} = $value;
    $self->{bucket} = undef if $name eq 'rate';
    $self->{match} = $value && qr/$value->{match}/ if $name eq 'poison';
}

sub clear ($self) { $self->set($_, undef) for qw(auth limit rate poison) }

sub import_api ($post) { $post->{path} =~ m{/import\z} }
sub _query ($post, $name) { $post->{query} =~ /(?:^|&)\Q$name\E=([^&]*)/ ? $1 : '' }
sub poisoned ($self, $raw) { $self->{match} && $raw =~ $self->{match} }

# What is wrong with an event: [field, message], or nothing.
sub wrong ($self, $post, $event, $raw) {
    return $self->{rules}->invalid($event, length $raw, time) if import_api($post);

    my $why = $self->{rules}->drops($event, time);
    return $why && ['', $why];
}

# ---- replies: {status, body, headers}, and why for the record

sub _reply ($status, $data, %o) {
    return {
        status  => $status,
        body    => ref $data ? $json->encode($data) : $data,
        headers => {'Content-Type' => $o{type} // 'application/json', %{$o{headers} // {}}},
        why     => $o{why},
    };
}

sub _error ($status, $error, %o) {
    return _reply($status, {code => $status, error => $error, status => $word{$status} // 'Error'}, %o);
}

# A body that is none.
sub malformed ($self, $post, $why) {
    return import_api($post) ? _error(400, $why) : _reply(400, {status => 0, error => $why});
}

# Why nothing of a post is taken, or nothing.
sub refusal ($self, $post) {
    return $self->too_large if $self->{limit} && $post->{raw} > $self->{limit}{bytes};

    return _error(401, 'Invalid credentials', why => 'auth')
        if import_api($post) && !$self->_authorized($post);

    if ($self->{rate} && !$self->_in_time($post->{events})) {
        my $after = $self->{rate}{retry_after};
        return _error(429, 'Project exceeded rate limits. Please retry the request with exponential backoff.',
            why => 'rate', headers => {defined $after ? ('Retry-After' => $after) : ()});
    }

    my $poison = $self->{poison};
    if ($poison && $post->{poisoned} && !import_api($post) && ($poison->{status} // 400) != 200) {
        my $reply = _error($poison->{status} // 400, _poison_error($poison), why => 'poison');
        $reply->{body} = $poison->{body} if defined $poison->{body};
        return $reply;
    }
    return;
}

sub too_large ($self) {
    my $limit = $self->{limit};
    return _reply(413, $html, why => 'limit', type => 'text/html; charset=UTF-8') if $limit->{html};
    return _error(413, "request exceeds max limit of $limit->{bytes} bytes", why => 'limit');
}

# For a limit that resets: a sub that is given the body bit by bit and tells
# when it is too large.
sub overflow ($self, $encoding, $length) {
    my $limit = $self->{limit};
    return if !$limit || !$limit->{reset};

    my $size = $self->{rules}->meter($encoding);
    my $plain = length $encoding ? 0 : $length;
    return sub ($bytes) { $plain > $limit->{bytes} || $size->($bytes) > $limit->{bytes} };
}

sub _authorized ($self, $post) {
    my ($basic) = ($post->{headers}{authorization} // '') =~ /^Basic +(\S+)\z/i or return 0;
    my ($user, $password) = decode_base64($basic) =~ /^([^:]+):(.*)\z/s or return 0;

    my $project = _query($post, 'project_id');
    return 0 if length $password && !length $project;

    my $auth = $self->{auth} // return 1;
    return $user eq ($auth->{user} // $user)
        && $password eq ($auth->{password} // '')
        && $project eq ($auth->{project_id} // $project);
}

sub _in_time ($self, $events) {
    my $rate   = $self->{rate}{events};
    my $bucket = $self->{bucket} //= {left => $rate, at => monotonic()};
    my $now    = monotonic();

    $bucket->{left} += ($now - $bucket->{at}) * $rate;
    $bucket->{left} = $rate if $bucket->{left} > $rate;
    $bucket->{at}   = $now;

    return 0 if $bucket->{left} < ($events < $rate ? $events : $rate);
    $bucket->{left} -= $events;
    return 1;
}

sub _poison_error ($poison) { $poison->{error} // 'some data points in the request failed validation' }

# Of a post that was taken: good is how many events were, bad what was not:
# {index, id, field, message, poison}.
sub verdict ($self, $post, $good, $bad) {
    my $poison = $self->{poison};
    my ($told) = grep { $_->{poison} } @$bad;

    if (import_api($post) && _query($post, 'strict') eq '1') {
        return _reply(200, {code => 200, num_records_imported => $good, status => 'OK'}) if !@$bad;

        my $status = $told ? $poison->{status} // 400 : 400;
        my $form   = $told ? $poison->{records} : undef;
        my $reply  = _reply($status, {
            code                 => $status,
            error                => 'some data points in the request failed validation',
            status               => $word{$status} // 'OK',
            num_records_imported => $good,
            failed_records       => [map { _record($_, $form // 'objects') } @$bad],
        });
        $reply->{body} = $poison->{body} if $told && defined $poison->{body};
        return $reply;
    }

    return _reply(200, $good ? '1' : '0', type => 'text/plain')
        if import_api($post) || _query($post, 'verbose') ne '1';

    return _reply(200, {status => 1, error => undef}) if $good;
    return _reply(200, $poison->{body})               if $told && defined $poison->{body};

    my $last = $bad->[-1];
    return _reply(200, {status => 0, error => !$last ? 'no events' : $told ? _poison_error($poison)
        : "event $last->{index}: $last->{message}"});
}

# One that was not taken, with its number and the reason; for verdict()
sub bad ($self, $index, $event, $wrong) {
    my $p  = ref $event eq 'HASH' && ref $event->{properties} eq 'HASH' ? $event->{properties} : {};
    my $id = $p->{'$insert_id'};

    return {
        index   => $index,
        id      => ref $id ? undef : $id,
        field   => $wrong ? $wrong->[0] : 'properties',
        message => $wrong ? $wrong->[1] : _poison_error($self->{poison}),
        poison  => !$wrong,
    };
}

sub _record ($bad, $form) {
    my %r = map { $_ => $bad->{$_} } qw(field message);

    return $bad->{id}                              if $form eq 'strings';
    return {%r, '$insert_id' => $bad->{id}}        if $form eq 'insert_id';
    return {%r, index => $bad->{index}}            if $form eq 'index';
    return {%r, index => $bad->{index}, insert_id => $bad->{id}};
}

1;
