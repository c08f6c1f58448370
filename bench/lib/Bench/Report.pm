package Bench::Report;

# The table: rows of a section, each with what was seen, what it is held
# against and the verdict.  A limit that time decides on is "over", not
# failed: on a machine with other work to do it means little.  And a limit
# that is for a load which did not come has no verdict at all.

use v5.36;

use constant WIDTHS => (42, 38, 26);

# of the requests that are asked for in a second, so many have to come
use constant ENOUGH => 0.97;

sub new ($class) { bless {rows => [], failed => 0, loaded => 1}, $class }

# raw figures, as they come
sub say ($self, @lines) { say "    $_" for @lines }

sub section ($self, $title) {
    say "\n== $title";
    push @{$self->{rows}}, [$title];
    $self->{loaded} = 1;
}

# Runs a section.  One that dies is a row that failed, and all others go on.
sub run ($self, $name, $section) {
    return if eval { $section->(); 1 };

    my ($why) = split /\n/, $@;
    $self->row("the section \"$name\" has died", $why, '', 'FAIL');
}

# The load that the limits from here on are for, in requests a second.
sub load ($self, $seen, $rate) {
    my $least = $rate * ENOUGH;
    $self->{loaded} = 1;
    $self->check('requests a second', sprintf('%.0f', $seen), sprintf('at least %.0f', $least), $seen >= $least);
    $self->{loaded} = $seen >= $least;
}

sub row ($self, $what, $seen, $limit = '', $verdict = '') {
    push @{$self->{rows}}, [$what, $seen, $limit, $verdict];
    $self->{failed}++ if $verdict eq 'FAIL';
    say sprintf '    %s: %s%s%s', $what, $seen, $limit ne '' ? " ($limit)" : '', $verdict ne '' ? " $verdict" : '';
}

# limits that no load of the machine excuses, and those of time
sub check ($self, @row) { $self->_held(@row, 'PASS', 'FAIL') }
sub timed ($self, @row) { $self->_held(@row, 'pass', 'over') }

sub _held ($self, $what, $seen, $limit, $ok, $yes, $no) {
    $self->row($what, $seen, $limit, !$self->{loaded} ? 'not measured' : $ok ? $yes : $no);
}

sub print ($self) {
    my ($w1, $w2, $w3) = WIDTHS;
    say "\n", '=' x ($w1 + $w2 + $w3 + 9);
    for (@{$self->{rows}}) {
        if (@$_ == 1) { say "\n$_->[0]"; next }
        my $line = sprintf "  %-${w1}s %-${w2}s %-${w3}s %s", @$_;
        say $line =~ s/\s+$//r;
    }
    my $over = grep { @$_ > 1 && $_->[3] eq 'over' } @{$self->{rows}};
    say "\n", $self->{failed} ? "$self->{failed} FAILED" : 'nothing failed', $over ? ", $over over their time" : '';
}

sub failed ($self) { $self->{failed} }

1;
