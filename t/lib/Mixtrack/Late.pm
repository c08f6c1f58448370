package Mixtrack::Late;

# t/lib/late.c, built for the nginx of a test: its log handler comes after all
# others.  It takes the headers that the module was built with, which make has
# left; the file to load, or nothing when they are not there.

use v5.36;

use Exporter qw(import);

our @EXPORT = qw(late_module);

sub late_module ($t) {
    my $tree = $t->root . ($t->{module} eq 'static' ? '/build/asan/tree' : '/build/module/src');
    my $file = $t->dir . '/late.so';
    my @inc  = map {"-I$_"} glob "$tree/objs $tree/src/* $tree/src/*/*/";

    return if !-e "$tree/objs/ngx_auto_config.h";

    system($ENV{CC} // 'cc', qw(-O1 -g -fPIC -shared), @inc, '-o', $file, $t->root . '/t/lib/late.c') == 0
        or die "t/lib/late.c does not build\n";

    return $file;
}

1;
