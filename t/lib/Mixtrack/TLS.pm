package Mixtrack::TLS;

# Certificates of one test, made when the first of them is asked for, below
# DIR/tls; all are PEM, and readable for everybody, as workers are not root:
#
#     ca.crt                      the authority a client should be given
#     good.crt, .key              localhost and 127.0.0.1, by it
#     expired.crt, .key           the same, until yesterday
#     wrong_name.crt, .key        for another host
#     self_signed.crt, .key       localhost, by nobody but itself
#     client.crt, .key            a client's, by the authority
#     stranger.crt, .key          a client's, by nobody but itself
#     weak.crt, .key              a client's, by the authority, of so few bits
#                                 that OpenSSL does not use it any more

use v5.36;

use IO::Socket::SSL::Utils;

use constant DAY => 86400;

sub new ($class, $dir) {
    my $self = bless {dir => "$dir/tls"}, $class;
    my @here = ([DNS => 'localhost'], [IP => '127.0.0.1']);
    my $now  = time;

    mkdir $self->{dir} or die "$self->{dir}: $!\n";
    chmod 0755, $self->{dir};

    # a clock that is a little off does no harm
    my @valid = (not_before => $now - 30 * DAY, not_after => $now + 30 * DAY);
    my @past  = (not_before => $now - 30 * DAY, not_after => $now - DAY);

    my $ca = $self->_make('ca', 'Test CA', CA => 1, @valid);

    my @ours = (issuer => $ca, purpose => 'server');
    $self->_make('good',       'localhost',     @ours, @valid, subjectAltNames => \@here);
    $self->_make('expired',    'localhost',     @ours, @past,  subjectAltNames => \@here);
    $self->_make('wrong_name', 'other.example', @ours, @valid, subjectAltNames => [[DNS => 'other.example']]);

    $self->_make('self_signed', 'localhost', purpose => 'server', @valid, subjectAltNames => \@here);

    $self->_make('client', 'client', issuer => $ca, purpose => 'client', @valid);
    $self->_make('stranger', 'stranger', purpose => 'client', @valid);
    $self->_make('weak', 'client', issuer => $ca, purpose => 'client', key => KEY_create_rsa(512), @valid);

    return $self;
}

sub _make ($self, $name, $cn, %o) {
    my ($cert, $key) = CERT_create(subject => {commonName => $cn}, key => KEY_create_ec('prime256v1'), %o);

    PEM_cert2file($cert, $self->file("$name.crt"));
    PEM_key2file($key, $self->file("$name.key"));
    chmod 0644, map { $self->file("$name.$_") } qw(crt key);

    return [$cert, $key];
}

sub file ($self, $name) {"$self->{dir}/$name"}

1;
