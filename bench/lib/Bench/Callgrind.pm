package Bench::Callgrind;

# nginx under callgrind: instructions of its processes in user space, and
# which functions they are spent in.

use v5.36;

use Bench::Machine qw($tmp slurp wait_until);

my $count = 0;

# Options of valgrind for one nginx; with only => FUNCTION, what is done
# outside of it does not count.
sub new ($class, %o) {
    my $dir = "$tmp/callgrind-" . ++$count;
    mkdir $dir, 0755 or die "$dir: $!\n";
    return bless {dir => $dir, only => $o{only}, n => {}}, $class;
}

sub options ($self) {
    my @options = (
        '-q', '--tool=callgrind', '--trace-children=yes', '--compress-pos=no',
        "--callgrind-out-file=$self->{dir}/out.%p",
        "--vgdb-prefix=$tmp/vgdb", "--log-file=$self->{dir}/log.%p"
    );
    push @options, "--toggle-collect=$self->{only}" if $self->{only};
    return \@options;
}

sub _vgdb ($self, $pid, $command) {
    my $out = `vgdb --wait=60 --vgdb-prefix=$tmp/vgdb --pid=$pid $command 2>&1`;
    die "vgdb $command: $out\n" if $? != 0;
}

# forgets what a process has done so far
sub zero ($self, $pid) { $self->_vgdb($pid, 'zero') }

# what it has done since
sub dump ($self, $pid) {
    my $n = ++$self->{n}{$pid};
    $self->_vgdb($pid, 'dump');
    return $self->_read("$self->{dir}/out.$pid.$n");
}

# all, after it has ended
sub final ($self, $pid) { $self->_read("$self->{dir}/out.$pid") }

# {total, self => {function => n}}
sub _read ($self, $file) {
    wait_until(sub { slurp($file) =~ /^totals:/m }, 20) or die "callgrind wrote no $file\n";

    my (%name, %object, %self, $function, $object, $called);
    my $total = 0;

    # a name is given once, and from then on its number
    open my $f, '<', $file or die "$file: $!\n";
    while (<$f>) {
        if (/^\d+ (\d+)$/) {
            $self{$function} += $1 if !$called;
            $called = 0;
        }
        elsif (/^(c?)fn=(\(\d+\))(?: (.*))?$/) {
            $name{$2} = $3 if defined $3;
            next if $1;
            $function = $name{$2};
            $function .= " of $object" if $function =~ /^0x/;
        }
        elsif (/^(c?)ob=(\(\d+\))(?: (?:.*\/)?(.*))?$/) {
            $object{$2} = $3         if defined $3;
            $object     = $object{$2} if !$1;
        }
        elsif (/^calls=/)        { $called = 1 }
        elsif (/^totals: (\d+)/) { $total  = $1 }
    }

    return {total => $total, self => \%self};
}

# sums up the profiles of several processes
sub add ($class, @profiles) {
    my %sum = (total => 0, self => {});
    for my $profile (@profiles) {
        $sum{total} += $profile->{total};
        $sum{self}{$_} += $profile->{self}{$_} for keys %{$profile->{self}};
    }
    return \%sum;
}

# the dearest functions, as lines
sub top ($class, $profile, $per, $most = 20) {
    my $self = $profile->{self};
    my @by   = sort { $self->{$b} <=> $self->{$a} } keys %$self;
    $#by = $most - 1 if @by > $most;
    return map { sprintf '%10.1f  %s', $self->{$_} / $per, $_ } @by;
}

1;
