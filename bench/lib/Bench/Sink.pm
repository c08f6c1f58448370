package Bench::Sink;

# bench/sink.c as an object: it ends when we do.

use v5.36;

use Bench::Child;
use Bench::Machine qw($top get get_json port wait_until);

sub new ($class, @options) {
    my $port  = port();
    my $child = Bench::Child->new("$top/build/bench/sink", @options, $port);
    my $self  = bless {port => $port, child => $child}, $class;

    wait_until(sub { get($port, '/stats') }, 10) or die "the sink does not answer\n";
    return $self;
}

sub port_number ($self) { $self->{port} }
sub endpoint ($self)    { "http://127.0.0.1:$self->{port}/track" }
sub stats ($self)       { get_json($self->{port}, '/stats') }
sub event ($self)       { get($self->{port}, '/event') }

1;
