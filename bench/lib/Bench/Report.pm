package Bench::Report;

# The table: rows of a section, each with what was seen, what it is held
# against and the verdict.  A limit that time decides on is "over", not
# failed: on a machine with other work to do it means little.

use v5.36;

use constant WIDTHS => (42, 38, 26);

sub new ($class) { bless {rows => [], failed => 0}, $class }

# raw figures, as they come
sub say ($self, @lines) { say "    $_" for @lines }

sub section ($self, $title) {
    say "\n== $title";
    push @{$self->{rows}}, [$title];
}

sub row ($self, $what, $seen, $limit = '', $verdict = '') {
    push @{$self->{rows}}, [$what, $seen, $limit, $verdict];
    $self->{failed}++ if $verdict eq 'FAIL';
    say sprintf '    %s: %s%s%s', $what, $seen, $limit ne '' ? " ($limit)" : '', $verdict ne '' ? " $verdict" : '';
}

# limits that no load of the machine excuses, and those of time
sub check ($self, $what, $seen, $limit, $ok) { $self->row($what, $seen, $limit, $ok ? 'PASS' : 'FAIL') }
sub timed ($self, $what, $seen, $limit, $ok) { $self->row($what, $seen, $limit, $ok ? 'pass' : 'over') }

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
