package Bench::Latency;

# How long an event is on its way, from its request to the ingest, as the
# ingest sees it by the event's own time.

use v5.36;

use Time::HiRes qw(sleep);

use Bench::Machine qw(cpu_load load pin);
use Bench::Nginx;
use Bench::Setup qw(project reference);
use Bench::Sink;

use constant BEHIND => 150;

# a case is requests a second, and interval
sub run ($class, $report, $seconds, @cases) {
    $report->section('LATENCY, from the request to the ingest');

    for (@cases) {
        my ($rate, $interval) = @$_;
        my $sink  = Bench::Sink->new('-z');
        my $nginx = Bench::Nginx->new(
            location => reference(),
            http     => project(endpoint => $sink->endpoint, more => "batch interval=${interval}ms;"),
        );

        pin(cpu_load(), $nginx->manager);

        my $n    = $rate * $seconds;
        my $took = load($nginx->ports, n => $n, c => 64, r => $rate);
        $nginx->wait_rest;
        sleep 0.1;

        my $stats = $sink->stats;
        die "$stats->{events} of $n events have come\n" if $stats->{events} != $n;

        my $limit = $interval + BEHIND;
        $report->say(sprintf 'half %d, 90 %% %d, 99 %% %d, 99.9 %% %d, all %d ms; %d posts',
            @$stats{qw(p50 p90 p99 p999 max posts)});
        $report->load($n / $took, $rate);
        $report->timed("    interval=${interval}ms",
            "99th percentile $stats->{p99} ms", "at most $limit ms", $stats->{p99} <= $limit);
    }
}

1;
