package Mixtrack::Collector;

# Where the browser SDK sends its events in a test: it takes the SDK's posts
# (an array or one event, in JSON or that in base64, as data=... of a form)
# and keeps what came, in order.  It answers only while Mojo::IOLoop runs.

use v5.36;

use MIME::Base64 qw(decode_base64);
use Mojo::IOLoop;
use Mojo::Server::Daemon;
use Scalar::Util qw(weaken);

use Mixtrack::Util qw(json_decode);

sub new ($class, $port) {
    my $self   = bless {events => [], posts => {}, faults => []}, $class;
    my $daemon = Mojo::Server::Daemon->new(
        listen             => ["http://127.0.0.1:$port"],
        silent             => 1,
        inactivity_timeout => 0,
    );

    weaken(my $weak = $self);
    $daemon->unsubscribe('request')->on(request => sub ($, $tx) {
        $weak->_take($tx->req) if $weak;
        $tx->res->code(200);
        $tx->res->headers->content_type('application/json');
        $tx->res->body(($tx->req->query_params->param('verbose') // '') eq '1' ? '{"error":null,"status":1}' : '1');
        $tx->resume;
    });
    $daemon->start;
    $self->{daemon} = $daemon;

    return $self;
}

sub _take ($self, $req) {
    my $path = $req->url->path->to_string;
    my $data = $req->body_params->param('data') // '';

    $self->{posts}{$path}++;

    my $got = eval { json_decode($data =~ /^\s*[\[{]/ ? $data : decode_base64($data)) };
    return push @{$self->{faults}}, "$path: no events in " . substr $req->body, 0, 200 if !ref $got;
    return if $path !~ m{/track/?\z};

    push @{$self->{events}}, ref $got eq 'ARRAY' ? @$got : $got;
}

sub events ($self) { @{$self->{events}} }

# path => how many posts
sub posts ($self) { %{$self->{posts}} }

# what was none of the SDK's
sub faults ($self) { @{$self->{faults}} }

1;
