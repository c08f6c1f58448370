#!/usr/bin/perl

# The protocols of the queue, checked exhaustively by spin: each model of
# t/model in its short form.

use warnings;
use strict;

use Test::More;

my @models = sort glob('t/model/*.pml');

plan(skip_all => 'no models') unless @models;
if (system('spin -V >/dev/null 2>&1')) {
    # "make test" installs it
    die "spin is not installed\n" if $ENV{TEST_COMPLETE};
    plan(skip_all => 'spin is not installed');
}
plan(tests => scalar @models);

foreach my $model (@models) {
    my $out = `build-aux/model short $model 2>&1`;

    is($?, 0, "$model holds");
    diag($out) if $?;
    note($out);
}
