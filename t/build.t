#!/usr/bin/perl

# What nginx's configure made of our file config: an nginx with which the
# module is loaded has nothing of it linked in, and could be built as a whole;
# where it is linked in it stands before the filter whose output it is to see.
# Of the trees that make has left.  And what config says of another target.

use v5.36;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Util qw(slurp spew);

my $build = "$FindBin::Bin/../build";
my %tree  = (loaded => "$build/module/src/objs", 'linked in' => "$build/asan/tree/objs");

# the modules that are linked in, in their order
sub modules ($objs) {
    my ($list) = slurp("$objs/ngx_modules.c") =~ /ngx_modules\[\] = \{(.*?)\};/s or return;
    return $list =~ /&(\w+)/g;
}

for my $how (sort keys %tree) {
    my @modules = modules($tree{$how});

SKIP: {
        skip "$how: was not built", 2 if !@modules;

        my %at = map { $modules[$_] => $_ } 0 .. $#modules;
        my ($headers, $own) = @at{qw(ngx_http_headers_filter_module ngx_mixtrack_module)};

        ok(defined $headers, "$how: there is a list of modules");

        # the last in the list is the first to see a response
        if ($how eq 'loaded') {
            ok(!defined $own, "$how: and the module is not in it");
        }
        else {
            is($own, $headers - 1, "$how: and the module is in its place");
        }
    }
}

# nginx's own auto/feature would need the libraries of that target; of all that
# config asks for, only its size is asked of the compiler

my $root = "$FindBin::Bin/..";
my $dir  = tempdir('mixtrack-build-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

mkdir "$dir/auto";
spew("$dir/auto/module", '');
spew("$dir/auto/feature", <<'EOF');
ngx_found=yes
if [ "$ngx_feature" = "64-bit target" ]; then
    echo "int main(void) { $ngx_feature_test; return 0; }" \
        | ${CC:-cc} $CFLAGS -x c -fsyntax-only - 2>/dev/null || ngx_found=no
fi
EOF

sub config ($flags) {
    my $out = qx(cd '$dir' && CFLAGS='$flags' ngx_module_link=DYNAMIC ngx_addon_dir='$root' sh -c '. "$root/config"' 2>&1);
    return ($? >> 8, $out);
}

is_deeply([config('')], [0, ''], 'this target will do');

SKIP: {
    skip 'the compiler knows no other target', 2
        if system("echo 'int n;' | \${CC:-cc} -m32 -x c -fsyntax-only - 2>/dev/null") != 0;

    my ($rc, $out) = config('-m32');
    is($rc, 1, 'one of 32 bits will not');
    like($out, qr/\A\n\S+: error: ngx_mixtrack_module requires a 64-bit target\.\n\n\z/, 'and that is said');
}

done_testing();
