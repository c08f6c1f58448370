package Mixtrack::Names;

# Names that resolve to what a test says, for one nginx: by libnss_wrapper,
# which is loaded into it before the C library.
#
#     my $names = Mixtrack::Names->new($t) // plan skip_all => ...;
#     $names->set($names->name => '127.0.0.1');
#     $names->run;
#
# The configuration needs $names->main among its first lines.

use v5.36;

use Mixtrack::Util qw(slurp spew);

# undef when there is no such library
sub new ($class, $t) {
    my ($lib) = grep { -e $_ } glob '/usr/lib/*/libnss_wrapper.so /usr/lib{,64}/libnss_wrapper.so';
    return if !$lib;

    my $self = bless {t => $t, lib => $lib, file => $t->dir . '/hosts', mtime => 1_000_000_000}, $class;
    $self->set;
    return $self;
}

# A name nobody else is asked for: a label that long is in no query, so the C
# library says by itself that there is none.
sub name ($self) { 'n' x 64 . '.test' }

# From now on these names have these addresses, and no others.  What was
# looked up is looked up again when the file is of another second.
sub set ($self, $name = undef, @addresses) {
    my $new = "$self->{file}.new";
    spew($new, join '', map {"$_ $name\n"} @addresses);
    chmod 0644, $new;
    utime((++$self->{mtime}) x 2, $new) or die "$new: $!\n";
    rename $new, $self->{file}          or die "$new: $!\n";
}

sub main ($self) {'env NSS_WRAPPER_HOSTS;'}

# As run() of nginx.  A sanitizer's library wants to be the first of all.
sub run ($self) {
    my ($asan) = `ldd '$self->{t}{binary}'` =~ m{=> (\S*/lib[act]\w*san\S*)};

    local $ENV{LD_PRELOAD} = join ' ', grep {$_} $asan, $self->{lib};
    local $ENV{NSS_WRAPPER_HOSTS} = $self->{file};
    return $self->{t}->run;
}

package Mixtrack::Names::Ingest;

# An ingest on another address, which can move: $ingest->move('127.0.0.2').

use parent -norequire, 'Mixtrack::Ingest';

sub _options ($self) { ($self->{host} ? ('--host', $self->{host}) : (), $self->SUPER::_options) }

sub _control ($self, $what) { $self->SUPER::_control($what) =~ s/127\.0\.0\.1/$self->{host}/r }

# It takes what it knows along.
sub move ($self, $host) {
    $self->kill;
    $self->{host} = $host;
    return $self->start;
}

1;
