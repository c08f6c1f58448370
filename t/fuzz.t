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
plan(tests => @fuzzers + 2);

$ENV{FUZZ_SECONDS} ||= 10;

foreach my $name (@fuzzers) {
    my $out = `build-aux/fuzz $name 2>&1`;

    is($?, 0, "fuzzing $name finds nothing");
    diag($out) if $?;
    note($out);
}

# by their number
my $out = `FUZZ_SECONDS=1 FUZZ_RUNS=50000 build-aux/fuzz spool_name 2>&1`;
my ($runs) = $out =~ /no finding in ([0-9]+) executions/;

cmp_ok($runs // 0, '>=', 50_000, 'so many executions as FUZZ_RUNS says') or diag($out);
like(`FUZZ_RUNS=1e6 build-aux/fuzz spool_name 2>&1`, qr/FUZZ_RUNS=1e6 is no number/, 'which is a number');
