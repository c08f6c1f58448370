package Mixtrack::Clock;

# An nginx whose wall clock is set while it runs: by t/lib/clock.c, which is
# loaded into it before the C library.
#
#     my $clock = Mixtrack::Clock->new($t);
#     $clock->run;
#     ok $clock->step(-3600), 'it is an hour earlier';

use v5.36;

use Time::HiRes qw(time);

use Mixtrack::Util qw(wait_until spew);

sub new ($class, $t) {
    my $self = bless {t => $t, file => $t->dir . '/clock', lib => $t->dir . '/clock.so'}, $class;
    my $cc   = $ENV{CC} // 'cc';

    system($cc, split(' ', '-O1 -g -fPIC -shared -D_GNU_SOURCE'), '-o', $self->{lib}, $t->root . '/t/lib/clock.c') == 0
        or die "t/lib/clock.c does not build\n";
    $self->set(0);
    return $self;
}

# As run() of nginx.  A sanitizer's library wants to be the first of all.
sub run ($self) {
    my ($asan) = `ldd '$self->{t}{binary}'` =~ m{=> (\S*/lib[act]\w*san\S*)};

    local $ENV{LD_PRELOAD} = join ' ', grep {$_} $asan, $self->{lib};
    local $ENV{MIXTRACK_CLOCK} = $self->{file};
    return $self->{t}->run;
}

# so many seconds from ours
sub set ($self, $by) {
    spew("$self->{file}.new", $by);
    chmod 0644, "$self->{file}.new";
    rename "$self->{file}.new", $self->{file} or die "$self->{file}: $!\n";
}

# how far nginx's time is from ours
sub _off ($self) {
    my ($h, $m, $s) = $self->{t}->get('/status') =~ /^Date: .* (\d+):(\d+):(\d+) GMT/m;
    return ($h * 3600 + $m * 60 + $s - time() % 86400 + 43200) % 86400 - 43200;
}

# set, and seen by a worker
sub step ($self, $by) {
    $self->set($by);
    return wait_until(sub { abs($self->_off - $by) < 60 }, 10);
}

1;
