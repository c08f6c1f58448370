#!/usr/bin/perl

# The benchmark's table: what went wrong is in it, and says neither more nor
# less than was measured.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/../bench/lib";
use Test::More;

use Bench::Report;

# what a report prints meanwhile
sub quiet ($run) {
    my $out = '';
    open my $f, '>', \$out or die "$!\n";
    my $before = select $f;
    $run->();
    select $before;
    return $out;
}

sub verdicts ($report) {
    return {map { $_->[0] => $_->[3] } grep { @$_ > 1 } @{$report->{rows}}};
}

# ---- a section that dies

my $report = Bench::Report->new;

quiet(sub {
    $report->run(first => sub { $report->section('FIRST'); $report->check('before', 1, 1, 1); die "5 events were dropped\n" });
    $report->run(second => sub { $report->section('SECOND'); $report->check('after', 1, 1, 1) });
});

is_deeply(verdicts($report), {before => 'PASS', 'the section "first" has died' => 'FAIL', after => 'PASS'},
    'a section that dies has failed, the next one goes on');
is($report->failed, 1, 'and so has the run');
like(quiet(sub { $report->print }), qr/the section "first" has died +5 events were dropped +FAIL\n.*\n1 FAILED/s,
    'the table says why');

# ---- a load that does not come

$report = Bench::Report->new;

quiet(sub {
    $report->section('SLOW');
    $report->load(28_000, 30_000);
    $report->check('a limit', 1, 1, 1);
    $report->timed('a time', 1, 1, 0);
    $report->row('a figure', 1);
});

is_deeply(verdicts($report),
    {'requests a second' => 'FAIL', 'a limit' => 'not measured', 'a time' => 'not measured', 'a figure' => ''},
    'without the load nothing was measured');
is($report->failed, 1, 'and the run has failed');

quiet(sub {
    $report->load(29_500, 30_000);
    $report->check('a second limit', 1, 1, 1);
    $report->load(100, 30_000);
    $report->section('NEXT');
    $report->timed('a third limit', 1, 1, 1);
});

is(verdicts($report)->{'a second limit'}, 'PASS', 'with it there are limits again');
is(verdicts($report)->{'a third limit'},  'pass', 'and in the next section');

done_testing();
