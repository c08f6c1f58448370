package Mixtrack::Lifecycle;

# What the lifecycle tests share: one configuration, numbered requests all
# the while, and the account at the end, that every request which was served
# is an event which was accepted.

use v5.36;

use Compress::Raw::Zlib qw(WANT_GZIP Z_STREAM_END);
use Exporter qw(import);
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until slurp json_decode);

our @EXPORT = qw(lifecycle account at_rest spool_files spooled_events left_lines);

# A configuration: workers, project (more for the project), projects (more
# of them), main, http, server, hit (what is in the location).  What a key
# of the project is given in project replaces what stands here.
sub lifecycle (%o) {
    my %project = (
        token            => 'T',
        endpoint         => '%%INGEST_9%%',
        zone             => '4m',
        batch            => 'interval=100ms',
        timeout          => 'connect=2s total=10s',
        shutdown_timeout => '3s',
        %{$o{project} // {}},
    );
    my $project  = join ' ', map {"$_ $project{$_};"} grep { defined $project{$_} } sort keys %project;
    my $workers  = $o{workers} // 2;
    my $hit      = $o{hit}     // 'mixtrack hit; return 200 "ok\n";';
    my %text     = map { $_ => $o{$_} // '' } qw(main http server projects);

    return <<"EOF2";
%%GLOBALS%%
worker_processes $workers;
$text{main}

events { worker_connections 512; }

http {
    %%GLOBALS_HTTP%%
    keepalive_requests 100000;

    # small events, so that it is the tests that say when a zone is full
    mixtrack_properties minimal;
    mixtrack_property   \$current_url "\$scheme://\$http_host\$request_uri";
    mixtrack_property   method         \$request_method;
    mixtrack_property   status         \$status        type=number;
    mixtrack_property   request_time   \$request_time  type=number;

    mixtrack_project { $project }
    $text{projects}
    $text{http}

    server {
        listen 127.0.0.1:%%PORT_0%%;
        %%STATUS%%
        location = /hit { $hit }
        $text{server}
    }
}
EOF2
}

# Of these loads every request was served, and every one of them is an event
# at the ingest, once.  The exceptions: missing => N, at most so many are
# not; duplicates => 1, an event may come again, byte for byte the same.
# A list of numbers instead of a load is of requests that were served.
sub account ($ingest, $loads, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name = $o{name} ? "$o{name}: " : '';
    my (@served, @ambiguous, @failed, %status);

    for my $load (@$loads) {
        if (ref $load eq 'ARRAY') {
            push @served, @$load;
            next;
        }
        my $r = $load->wait;
        push @served,    @{$r->{served}};
        push @ambiguous, @{$r->{ambiguous}};
        push @failed,    @{$r->{failed}};
        $status{$_}++ for keys %{$r->{status}};
    }

    is(_some(@failed), '', "${name}every request was served");
    is(join(' ', grep { $_ ne '200' } sort keys %status), '', "${name}with 200");

    my $may = $o{missing} // 0;

    $ingest->wait_seqs(\@served, $may, $o{timeout} // 20);

    my @missing = $ingest->missing(@served);
    cmp_ok(scalar(@missing), '<=', $may, "${name}no event of a served request is missing"
        . ($may ? ", but $may" : ''))
        or diag('missing: ' . _some(@missing));

    is(_some($ingest->surplus(@ambiguous)), '', "${name}none is there as two events");

    my $stats = $ingest->stats;
    is($stats->{duplicates}, 0, "${name}none came twice") if !$o{duplicates};
    is(scalar(@{$stats->{differing}}), 0, "${name}what came twice is the same, byte for byte")
        if $o{duplicates};

    return scalar @served;
}

sub _some (@list) {
    my $n = @list;
    return $n > 20 ? join(' ', @list[0 .. 19]) . " ... ($n)" : join ' ', @list;
}

# Nothing on its way, no segment in use, every one sound, the books right.
# slack: workers that were killed; the counters are returned.
sub at_rest ($t, %o) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name    = $o{name} ? "$o{name}: " : '';
    my $project = $o{project} // 'default';

    my $rest = $t->wait_status(
        sub { !$_->{queued} && !$_->{in_flight} && !$_->{segments}{used} && !$_->{requests}{in_flight} },
        project => $project,
        timeout => $o{timeout} // 15,
    );
    ok($rest, "${name}at rest nothing is queued and no segment is used");

    my $status = $t->status;
    my $p      = $status->{projects}{$project};

    if (!$rest) {
        diag(join ', ', map {"$_ $p->{$_}"} qw(tracked delivered spooled adopted queued in_flight));
        diag("$p->{segments}{used} segments used");
    }
    ok($p->{segments}{valid}, "${name}the zone is valid");
    $t->identity_ok($status, "${name}the identity holds", $o{slack} // 0);
    is($p->{rejected} + $p->{expired} + Mixtrack::Nginx::dropped($p), 0, "${name}nothing was given up");

    return $p;
}

# The spool of a project: {name, file, created, events, oldest, writer, seq,
# destination, gz}, by name.  What else is there has no field events.
sub spool_files ($t, $project = 'default', $dir = undef) {
    $dir //= $t->dir . "/spool/$project";
    opendir my $d, $dir or return;

    my @files;
    for my $name (sort grep { !/^\.\.?\z/ } readdir $d) {
        my %f = (name => $name, file => "$dir/$name");
        @f{qw(created events oldest writer seq destination gz)} = ($1, $2, $3, $4, $5, $6, $7 // '')
            if $name =~ /^([0-9]{13})-([1-9][0-9]*)-([0-9]{13})-([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{16})\.json(\.gz)?\z/;
        push @files, \%f;
    }
    return @files;
}

# the events of a spool file, as data
sub spooled_events ($file) {
    my $text = slurp($file->{file});

    if ($file->{gz}) {
        my ($z) = Compress::Raw::Zlib::Inflate->new(-WindowBits => WANT_GZIP, -ConsumeInput => 1);
        $z->inflate($text, my $out) == Z_STREAM_END or die "$file->{name}: no gzip\n";
        $text = $out;
    }
    return @{json_decode($text)};
}

# What the flushers said of their zones when they left, oldest first:
# {project, tracked, adopted, delivered, ...}
sub left_lines ($t) {
    my @left;

    for (split /\n/, $t->error_log) {
        my ($project, $rest) = /mixtrack: project "([^"]*)": flusher leaves: (.*)/ or next;
        push @left, {project => $project, map {/^(.*) (\d+)$/ ? ($1 =~ tr/ /_/r => $2) : ()} split /, /, $rest};
    }
    return @left;
}

1;
