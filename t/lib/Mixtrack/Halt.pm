package Mixtrack::Halt;

# An nginx whose processes stop, or die, at a certain step: by t/lib/halt.c,
# which is loaded into it before the C library.
#
#     my $halt = Mixtrack::Halt->new($t);
#     $halt->run;
#     $halt->at(recv => $t->flusher);
#     ...
#     ok $halt->stopped($pid), 'it is there';

use v5.36;

use Mixtrack::Util qw(wait_until slurp spew);

sub new ($class, $t) {
    my $self = bless {t => $t, dir => $t->dir . '/halt', lib => $t->dir . '/halt.so'}, $class;
    my $cc   = $ENV{CC} // 'cc';

    system($cc, split(' ', '-O1 -g -fPIC -shared -D_GNU_SOURCE'), '-o', $self->{lib}, $t->root . '/t/lib/halt.c', '-ldl')
        == 0 or die "t/lib/halt.c does not build\n";

    # its files are removed by who finds them
    mkdir $self->{dir} or die "$self->{dir}: $!\n";
    chmod 0777, $self->{dir};
    return $self;
}

# As run() of nginx.  A sanitizer's library wants to be the first of all.
sub run ($self) {
    my ($asan) = `ldd '$self->{t}{binary}'` =~ m{=> (\S*/lib[act]\w*san\S*)};

    local $ENV{LD_PRELOAD} = join ' ', grep {$_} $asan, $self->{lib};
    local $ENV{MIXTRACK_HALT} = $self->{dir};
    return $self->{t}->run;
}

# Process pid is to stop at its next step of this kind.
sub at ($self, $step, $pid) { spew("$self->{dir}/$step.$pid", '') }

# Whoever deflates this text dies; nothing: nobody any more.
sub deadly ($self, $text = undef) {
    my $file = "$self->{dir}/deflate";

    if (!defined $text) {
        unlink $file;
        return;
    }
    spew("$file.new", $text);
    chmod 0644, "$file.new";
    rename "$file.new", $file or die "$file: $!\n";
}

sub stopped ($self, $pid) {
    return wait_until(sub { slurp("/proc/$pid/stat") =~ /^.*\) T /s }, 15);
}

1;
