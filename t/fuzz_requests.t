#!/usr/bin/perl

# Fuzzes the log handler through a real nginx: some thousand requests of
# Mixtrack::Requests, and then what became of them.  Whatever comes:
#
#     nginx lives, the sanitizers are silent, and the counters add up;
#     each event that arrives is valid, by all rules of the ingest;
#     a request that was answered has its events, and no other has;
#     what stands behind a hidden name (CANARY) is in none of them;
#     who objects has none, nor a cookie; if his header was not read to its
#     end, his event tells nothing of him;
#     the device id of a cookie is the event's, and nobody else's.
#
#     FUZZ_SECONDS       for how long, each time with other requests; without
#                        it the same few, as a part of "make test"
#     FUZZ_SEED          which requests
#     FUZZ_CONNECTION    play this one alone

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use Test::More;
use Time::HiRes qw(time);

use Mixtrack::Cases;
use Mixtrack::HTTP qw(http_connect);
use Mixtrack::Nginx;
use Mixtrack::Requests;
use Mixtrack::Util qw(json_decode patience wait_until);

use constant ROUND   => 2000;    # connections between two looks
use constant AT_ONCE => 8;
use constant TOLD    => 5;       # of what is wrong in a round

my $seconds = $ENV{FUZZ_SECONDS};
my $seed    = $ENV{FUZZ_SEED} // ($seconds ? int(time) ^ $$ << 8 : 1);
my $single  = $ENV{FUZZ_CONNECTION};

die "FUZZ_SECONDS, FUZZ_SEED and FUZZ_CONNECTION are numbers\n"
    if join('', $seconds // 0, $seed, $single // 0) !~ /^[0-9]+\z/;

my $t      = Mixtrack::Nginx->new(level => 'warn');
my $ingest = $t->ingest(9);

# their values are the request's own, as it has them
my %copied = map { $_ => 1 } qw(agent field list list_d json);

$t->write_file('index.html', 'x');
$t->conf(<<'EOC')->run;
%%GLOBALS%%

worker_processes 2;

events { worker_connections 512; }

http {
    %%GLOBALS_HTTP%%

    default_type           text/html;
    underscores_in_headers on;
    client_header_timeout  2s;
    client_body_timeout    2s;
    proxy_read_timeout     2s;
    large_client_header_buffers 4 8k;

    # behind a redirection as well
    map $request_uri $k { "~[?&]k=(?<name>[0-9a-f]{12})(?:&|$)" $name; }

    mixtrack_project   { token T; endpoint %%INGEST_9%%; batch interval=50ms; zone 16m; }
    mixtrack_project b { token $cookie_tok; endpoint %%INGEST_9%%; batch interval=50ms; zone 8m; id_merge original; }

    mixtrack pv;
    mixtrack_device_cookie did samesite=strict;

    mixtrack_property k       $k;
    mixtrack_property agent   $http_user_agent;
    mixtrack_property view    $mixtrack_page_view type=bool;
    mixtrack_property bot     $mixtrack_bot type=bool;
    mixtrack_property who     "$mixtrack_browser/$mixtrack_browser_version/$mixtrack_os/$mixtrack_device";
    mixtrack_property number  $arg_num type=number;
    mixtrack_property device  $mixtrack_device_id;
    mixtrack_property field   $http_x_f;
    mixtrack_property list    $http_x_f type=list;
    mixtrack_property list_d  $http_x_d type=list;
    mixtrack_property time_a  $arg_page type=time;
    mixtrack_property json    $http_x_js type=json;
    mixtrack_property time_h  $http_x_ti type=time;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        error_page 404 418 /e404;
        error_page 400 494 /e400;

        location /e404 { return 200 x; }
        location /e400 { return 200 x; }

        location /ssi    { ssi on; proxy_pass http://127.0.0.1:%%PORT_1%%; }
        location /inc    { mixtrack sub; return 200 "included"; }
        location /auth   { auth_request /authz; try_files /index.html =404; }
        location /authz  { mixtrack sub; return 204; }
        location /mirror { mirror /copy; proxy_pass http://127.0.0.1:%%PORT_1%%; }
        location /copy   { internal; mixtrack sub; proxy_pass http://127.0.0.1:%%PORT_1%%; }
        location /spa    { try_files $uri /index.html; }
        location /named  { error_page 418 = @named; return 418; }
        location @named  { proxy_pass http://127.0.0.1:%%PORT_1%%; }
        location /post   { client_max_body_size 100; proxy_pass http://127.0.0.1:%%PORT_1%%; }

        location /two    { mixtrack "n $arg_n" if=$arg_if; mixtrack b project=b sample=50%; mixtrack c; return 200 x; }
        location /keep   { mixtrack_keep_args k page utm_source; return 200 x; }
        location /ids    { mixtrack_user_id $arg_uid; mixtrack_device_id $http_x_d; return 200 x; }
        location /no_respect { mixtrack_respect off; mixtrack_properties minimal; mixtrack_ip anonymize; return 200 x; }

        location /       { return 200 "hello"; }
    }

    # the application, and what asks after it all
    server {
        listen 127.0.0.1:%%PORT_1%%;
        mixtrack off;
        mixtrack_device_cookie off;

        location / { add_header Cache-Control $http_x_cc; return 200 "<!--# include virtual=\"/inc\" -->up"; }

        location = /active { stub_status; }
        %%STATUS%%
    }
}
EOC
$t->{status_port} = 1;

# ---- requests

# Plays them, some at a time; each has what came as its reply then, and
# whether the server has closed.
sub play (@later) {
    local $SIG{PIPE} = 'IGNORE';

    my $sel = IO::Select->new;
    my %open;

    while (@later || %open) {
        while (@later && keys %open < AT_ONCE) {
            my $c = shift @later;
            my $s = http_connect(port => $t->port(0));

            print {$s} $c->{bytes};
            shutdown $s, 1 if $c->{shutdown};

            @$c{qw(reply end)} = ('', time + 20 * patience());
            $open{$s} = $c;
            $sel->add($s);
        }

        for my $s ($sel->can_read(1)) {
            my $c = $open{$s};
            next if sysread $s, $c->{reply}, 65536, length $c->{reply};
            $c->{closed} = 1;
            $c->{end}    = 0;
        }

        for my $s (grep { $open{$_}{end} < time } $sel->handles) {
            $sel->remove($s);
            delete $open{$s};
            close $s;
        }
    }
}

sub unanswered (@connections) {
    return grep { $_->{reply} eq '' && !$_->{shutdown} } @connections;
}

# Who was answered, by the order of the answers; and the cookie he has got.
sub assign ($c) {
    my @replies = grep { !m{^HTTP/1\.1 100 } } $c->{reply} =~ m{(HTTP/1\.[01] \d{3} .*?)(?=HTTP/1\.[01] \d{3} |\z)}sg;

    for my $r (grep { $_->{whole} } @{$c->{requests}}) {
        $r->{reply} = shift @replies // last;
        ($r->{cookie}) = $r->{reply} =~ /^Set-Cookie: did=([^;\r]*)/mi;
    }
}

# Nothing is on its way any more: a request is logged when its connection is
# closed for good.
sub rest {
    wait_until(sub { $t->get('/active', port => 1) =~ /^Active connections: 1 /m }, 20) or return 0;
    $t->wait_rest(project => $_) or return 0 for qw(default b);
    return 1;
}

# ---- what is wrong

my %issued;

# with all events of the request
sub faults_of ($r, @events) {
    my @faults;

    push @faults, sprintf '%d events and not %d', scalar @events, $r->{events}
        if defined $r->{reply} && defined $r->{events} && !$r->{objects} && @events != $r->{events};

    if ($r->{objects}) {
        my @his = grep { $r->{objects} eq 'all' || $_->{event} ne 'b' } @events;
        push @faults, map {"he objects: $_"} map { identity($_) } @his;
        push @faults, 'he objects, and has a cookie' if defined $r->{cookie};
    }

    if (defined(my $id = $r->{cookie})) {
        push @faults, "the device id $id is another one's" if $issued{$id}++;

        # project b may know him by the SDK's cookie for its own token
        push @faults, map {"the device id $id is not the event's"}
            grep { $_->{event} ne 'b' && ($_->{properties}{'$device_id'} // '') ne $id } @events;
    }

    # that of a subrequest is not logged
    push @faults, map {"an event of $_"} grep { !m{^/inc} }
        map { $_->{properties}{current_url_path} // '' } grep { $_->{event} eq 'sub' } @events
        if $r->{whole};

    return @faults;
}

# What an event tells of its visitor; that of a header which was not read to
# its end may be there, but says nothing.
sub identity ($e) {
    my $p = $e->{properties};

    return 'status ' . ($p->{status} // 'none') if ($p->{status} // '') !~ /^(?:400|408|414|431|494|505)\z/;
    return "ip $p->{ip}" if $p->{ip} ne '0';
    return map {"$_ $p->{$_}"} grep { length($p->{$_} // '') } qw(distinct_id $user_id $device_id device);
}

sub bare ($e) {
    my ($distinct, $device, $user) = @{$e->{properties}}{qw(distinct_id $device_id $user_id)};
    return $e->{event} eq 'b' && !defined $user && defined $device && $distinct eq $device;
}

sub canary ($e) {
    my $p = $e->{properties};
    return grep { !$copied{$_} && ($p->{$_} // '') =~ /CANARY/ } sort keys %$p;
}

sub escaped ($bytes) { $bytes =~ s/([^ -~\n]|\\)/sprintf '\\x%02x', ord $1/ger =~ s/\\x0d\n/\\r\\n\n/gr }

sub replay ($c) {
    return "FUZZ_SEED=$seed FUZZ_CONNECTION=$c->{n} t/fuzz_requests.t\n" . escaped($c->{bytes});
}

# ---- rounds

my ($requests, $events, $rounds, $next) = (0, 0, 0, $single // 1);

sub round ($count) {
    my @connections = map { Mixtrack::Requests->connection($seed, $next++) } 1 .. $count;
    my @workers     = sort $t->workers;
    my $cases       = Mixtrack::Cases->new($t);
    my @wrong;

    play(@connections);
    push @wrong, 'not all of it was logged and delivered' if !rest();

    # what was on its way then
    my @died = $t->reports;
    push @died, 'a worker has died' if "@workers" ne join ' ', sort $t->workers;
    push @wrong, join "\n", @died, map { replay($_) } unanswered(@connections) if @died;

    my @raw   = $ingest->raw_events;
    my @other = $cases->take(@raw);

    push @wrong, map {"shown: $_"} grep {$_} map { my $e = $_; map {"$_ is $e->{properties}{$_}"} canary($e) } @other;

    for my $c (@connections) {
        assign($c);

        my @faults = $c->{closed} ? () : 'the connection was never closed';
        for my $r (@{$c->{requests}}) {
            my @his = $cases->events($r->{k});

            push @faults, map {"$r->{k}: $_"} faults_of($r, @his),
                map { my $e = $_; map {"shown: $_ is $e->{properties}{$_}"} canary($e) } @his;
            $requests++;
            $events += @his;
        }
        push @wrong, join "\n", @faults, replay($c) if @faults;
    }

    # the ingest does not know that b has the original ids: it finds each
    # device that is alone there
    my ($bare, @faults) = (scalar grep { bare(json_decode($_)) } @raw);
    for ($ingest->check) { /distinct_id is not \$device_id\z/ ? $bare-- : push @faults, "the ingest: $_" }
    push @wrong, @faults, $bare ? "the ingest: $bare too few or too many of the original ids" : ();

    $rounds++;
    $events += @other;
    $ingest->reset;

    my $found = @wrong;
    is($found, 0, "round $rounds: no finding");
    diag($_) for splice @wrong, 0, TOLD;
    diag("and ", $found - TOLD, " more") if $found > TOLD;

    return !$found;
}

note("FUZZ_SEED=$seed");

if (defined $single) {
    round(1);
}
else {
    my $end = time + ($seconds // 0);
    1 while round(ROUND) && time < $end;
}

# but those of b for which there was no token
my %dropped;
for my $d (map { $t->status($_)->{dropped} } qw(default b)) { $dropped{$_} += $d->{$_} for keys %$d }
delete $dropped{no_token};
is(join(', ', map {"$_ $dropped{$_}"} grep { $dropped{$_} } sort keys %dropped), '', 'no event was dropped');

note("$requests requests, $events events, FUZZ_SEED=$seed");
cmp_ok($events, '>', $requests / 3, 'many of them have arrived') if !defined $single;

$t->done;
