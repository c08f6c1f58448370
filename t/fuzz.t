#!/usr/bin/perl

# Each fuzzer of t/fuzz for FUZZ_SECONDS (10 unless said otherwise), started
# from its seeds and from what earlier runs found to be of interest.

use warnings;
use strict;

use Test::More;

my @fuzzers = map { m{^t/fuzz/(\w+)\.c$} } sort glob('t/fuzz/*.c');

plan(skip_all => 'no fuzzers') unless @fuzzers;
if (system('clang --version >/dev/null 2>&1')) {
    # "make test" installs it
    die "clang is not installed\n" if $ENV{TEST_COMPLETE};
    plan(skip_all => 'clang is not installed');
}
plan(tests => scalar @fuzzers);

$ENV{FUZZ_SECONDS} ||= 10;

foreach my $name (@fuzzers) {
    my $out = `build-aux/fuzz $name 2>&1`;

    is($?, 0, "fuzzing $name finds nothing");
    diag($out) if $?;
    note($out);
}
