package Mixtrack::Outcome;

# What became of numbered requests when the ingest does not want all of them:
# each one that was served is an event that was accepted, or is in the
# rejected file, never both, never neither.

use v5.36;

use Exporter qw(import);
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp uniq);

our @EXPORT = qw(outcome settled in_one_batch);

# Waits until nothing of a project is on its way, and nothing on disk; the
# counters.
sub settled ($t, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name    = $o{name} ? "$o{name}: " : '';
    my $project = $o{project} // 'default';

    my $rest = $t->wait_status(
        sub { !$_->{queued} && !$_->{in_flight} && !$_->{segments}{used} && !$_->{spool}{files} },
        project => $project,
        timeout => $o{timeout} // 20,
    );
    my $status = $t->status;
    my $p      = $status->{projects}{$project};

    ok($rest, "${name}nothing is on its way, and nothing on disk")
        or diag(join ', ', (map {"$_ $p->{$_}"} qw(tracked delivered rejected spooled adopted queued in_flight)),
            "$p->{segments}{used} segments", "$p->{spool}{files} files", "$p->{gate}{state}, $p->{last_error}");
    ok($p->{segments}{valid}, "${name}the zone is valid");
    $t->identity_ok($status, "${name}the identity holds", $o{slack} // 0);

    return $p;
}

# Loads, or lists of numbers that were served; call settled() before.  bad
# tells of a number whether its event is one that is refused.  project;
# missing => N, at most so many are nowhere; duplicates => 1, an event may
# come again, byte for byte the same.  Returns how many were served, and how
# many of them are bad.
sub outcome ($t, $ingest, $loads, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name = $o{name} ? "$o{name}: " : '';
    my $bad  = $o{bad} // sub ($) { 0 };
    my (@served, %ambiguous, @failed, %status);

    for my $load (@$loads) {
        my $r = ref $load eq 'ARRAY' ? {served => $load} : $load->wait;
        push @served, @{$r->{served}};
        push @failed, @{$r->{failed} // []};
        $ambiguous{$_} = 1 for @{$r->{ambiguous} // []};
        $status{$_}++ for keys %{$r->{status} // {}};
    }
    is(_some(@failed), '', "${name}every request was served");
    is(join(' ', grep { $_ ne '200' } sort keys %status), '', "${name}with 200");

    my %served   = map { $_ => 1 } @served;
    my @rejected = grep { $served{$_} } $t->rejected_seqs($o{project} // 'default');
    my $accepted = $ingest->seqs;
    my %given_up;
    $given_up{$_}++ for @rejected;

    my @bad     = sort { $a <=> $b } grep { $bad->($_) } @served;
    my @nowhere = grep { !$accepted->{$_} && !$given_up{$_} } @served;
    my $may     = $o{missing} // 0;

    is(_some(grep { !$bad->($_) } sort { $a <=> $b } keys %given_up), '', "${name}only those are rejected that are bad")
        or diag('reasons: ' . join '; ', uniq(map { $_->{reason} } $t->rejected($o{project} // 'default')));
    cmp_ok(scalar(@nowhere), '<=', $may, "${name}no request that was served is without an event"
        . ($may ? ", but $may" : '')) or do {
        my $p = $t->status($o{project} // 'default');
        diag('nowhere: ' . _some(@nowhere));
        diag(join ', ', "dropped " . Mixtrack::Nginx::dropped($p), map {"$_ $p->{$_}"} qw(tracked delivered rejected expired));
    };
    is(_some(sort { $a <=> $b } grep { $accepted->{$_} } keys %given_up), '', "${name}none is rejected and accepted");
    is(_some(sort { $a <=> $b } grep { ($accepted->{$_} // 0) > 1 && !$ambiguous{$_} } @served), '',
        "${name}none is there as two events");

    if ($o{duplicates}) {
        my $stats = $ingest->stats;
        is(scalar(@{$stats->{differing}}), 0, "${name}what came twice is the same, byte for byte");
    }
    else {
        is($ingest->stats->{duplicates}, 0, "${name}none came twice");
        is(_some(sort { $a <=> $b } grep { $given_up{$_} > 1 && !$ambiguous{$_} } keys %given_up), '',
            "${name}none is rejected twice");
    }

    return (scalar @served, scalar @bad);
}

# Has the flusher sleep while requests are made, so that their events are in
# one batch (if it may be so large); n of them.
sub in_one_batch ($t, $n, $requests, %o) {
    my $project = $o{project} // 'default';
    my $flusher = $t->flusher;
    my $tracked = $t->wait_rest(project => $project)->{tracked};

    kill 'STOP', $flusher;
    wait_until(sub { slurp("/proc/$flusher/stat") =~ /\) T / }, 10) or die "the flusher does not stop\n";

    $requests->();
    my $all = $t->wait_status(sub { $_->{tracked} >= $tracked + $n }, project => $project);

    kill 'CONT', $flusher;
    return $all;
}

sub _some (@list) {
    my $n = @list;
    return $n > 20 ? join(' ', @list[0 .. 19]) . " ... ($n)" : join ' ', @list;
}

1;
