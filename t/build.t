#!/usr/bin/perl

# What nginx's configure made of our file config: an nginx with which the
# module is loaded has nothing of it linked in, and could be built as a whole;
# where it is linked in it stands before the filter whose output it is to see.
# Of the trees that make has left.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Util qw(slurp);

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

done_testing();
