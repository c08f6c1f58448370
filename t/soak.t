#!/usr/bin/perl

# A short one of t/soak, one deck and always the same: "make soak" is long, and
# another one each time.

use v5.36;

use FindBin;

$ENV{SOAK_SECONDS} ||= 30;
$ENV{SOAK_SEED} //= 1;

exec $^X, "$FindBin::Bin/soak" or die "t/soak: $!\n";
