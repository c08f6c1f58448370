package Mixtrack::Cases;

# Requests now, their events later.  A request carries its name (?k=NAME),
# which every event of it repeats as the property k; all requests are made
# first, and each name's events are looked at when all have arrived.

use v5.36;

use Test::More;

use Mixtrack::Util qw(json_decode);

sub new ($class, $t) {
    return bless {t => $t, later => [], want => {}, events => {}, raw => {}}, $class;
}

# Requests by how: a sub, or a URI and options of get() (args => '&a=b').
# check is called with the properties, the event and its text, of the first
# event; n events there must be, one unless said otherwise.
sub request ($self, $name, $how, $check = undef, $n = 1) {
    $self->{want}{$name} = $n;
    push @{$self->{later}}, [$name, $check] if $check;

    return $how->() if ref $how eq 'CODE';

    my ($uri, %o) = ref $how ? @$how : ($how);
    return $self->{t}->get("$uri?k=$name" . (delete $o{args} // ''), %o);
}

# Sorts the events, as they were written, by their names; those without one
# are returned.
sub take ($self, @raw) {
    my @other;

    for my $raw (@raw) {
        my $e = json_decode($raw);
        my $k = $e->{properties}{k};

        if (!defined $k) {
            push @other, $e;
            next;
        }
        push @{$self->{events}{$k}}, $e;
        push @{$self->{raw}{$k}},    $raw;
    }

    return @other;
}

sub events ($self, $name) { @{$self->{events}{$name} // []} }

# Looks at all of it.
sub check ($self) {
    for (@{$self->{later}}) {
        my ($name, $check) = @$_;
        subtest $name => sub {
            my ($e) = $self->events($name) or return fail('no event');
            $check->($e->{properties}, $e, $self->{raw}{$name}[0]);
        };
    }

    my %want = %{$self->{want}};
    is_deeply(
        [map {"$_: " . $self->events($_)} sort keys %want],
        [map {"$_: $want{$_}"} sort keys %want],
        'each request has its events'
    );
    is(join(' ', grep { !exists $want{$_} } sort keys %{$self->{events}}), '', 'and nothing else has');
}

1;
