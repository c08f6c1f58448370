#!/usr/bin/perl

# When there is no room: a full zone drops the newest events, an event larger
# than a segment is dropped, both are counted, no request suffers, and
# afterwards all is as before.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(wait_until);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9, start => 0);
my $large  = $t->ingest(8);

# 255 bytes that need six each: 1530, so 40 of them fit 64 KB and 43 do not
my %many = map {
    my $n = $_;
    ($n => join '', map {"mixtrack_property p$_ \$http_x_h;\n"} 1 .. $n);
} 40, 43, 230;

$t->conf(<<"EOF")->run;
%%GLOBALS%%

worker_processes 1;

events { }

http {
    %%GLOBALS_HTTP%%
    keepalive_requests 100000;
    large_client_header_buffers 4 8k;

    mixtrack_project {
        token    T;
        endpoint %%INGEST_9%%;
        zone     1m;
        spool    off;
        batch    interval=100ms;
        timeout  connect=1s total=2s;
    }

    mixtrack_project large {
        token    T;
        endpoint http://127.0.0.1:%%PORT_8%%/large;
        zone     1m;
        batch    interval=100ms;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        %%STATUS%%

        location /hit { mixtrack hit; return 200 "ok\\n"; }

        location /40  { mixtrack large project=large; $many{40}  return 200 "ok\\n"; }
        location /43  { mixtrack large project=large; $many{43}  return 200 "ok\\n"; }
        location /230 { mixtrack large project=large; mixtrack_properties minimal; $many{230} return 200 "ok\\n"; }
    }
}
EOF

# ---- larger than a segment

my $bytes = 'X-H: ' . "\x01" x 255;

like($t->get('/230?k=small'), qr/ 200 OK.*ok$/s, 'a small event of many properties');
like($t->get('/230', headers => [$bytes]), qr/ 200 OK.*ok$/s, 'an event of 350 KB');
like($t->get('/43',  headers => [$bytes]), qr/ 200 OK.*ok$/s, 'an event of 66 KB');
like($t->get('/40',  headers => [$bytes]), qr/ 200 OK.*ok$/s, 'an event of 62 KB');
like($t->get('/40',  headers => [$bytes]), qr/ 200 OK.*ok$/s, 'and another');
like($t->get('/43'), qr/ 200 OK.*ok$/s, 'a small one again');

ok($t->wait_status(sub { $_->{delivered} == 4 }, project => 'large'), 'what fits is delivered');
my $p = $t->status('large');
is($p->{dropped}{too_large}, 2, 'what does not is dropped and counted');
is($p->{dropped}{full}, 0, 'as that and nothing else');
is($p->{tracked}, 6, 'all were tracked');
is(scalar($large->events), 4, 'and came whole');
is(length(($large->events)[1]{properties}{p40}), 255, 'whatever their size');

# ---- full

my $load = $t->load(count => 6000, rate => 1e6, connections => 1);
is(scalar(@{$load->wait->{served}}), 6000, 'the requests are served');
is_deeply($load->wait->{status}, {200 => 6000}, 'all of them');

my $full = $t->status('default');
cmp_ok($full->{dropped}{full}, '>', 0, 'the zone is full');
is($full->{tracked}, 6000, 'all were tracked');
is($full->{delivered}, 0, 'none delivered');
is($full->{queued} + $full->{in_flight} + $full->{dropped}{full}, 6000, 'kept or dropped');
$t->identity_ok($t->status, 'the identity holds');

my $kept = 6000 - $full->{dropped}{full};
cmp_ok($kept, '>', 1000, 'the zone holds what fits into it');
is($full->{segments}{used}, $full->{segments}{total}, 'every segment is used');
is($full->{segments}{high_water}, $full->{segments}{total}, 'so says the high-water mark');

my $before = $t->status('default')->{dropped}{full};
like($t->get('/hit?seq=6001'), qr/ 200 /, 'one more request');
is($t->status('default')->{dropped}{full}, $before + 1, 'one more drop');

# the log tells each once, with the sum
my $said = sub {
    my @line = $t->error_log =~ /\[error\] .* project "default": the queue is full, (\d+ events were dropped \(\d+ in all\))/g;
    my ($sum, @wrong) = (0);
    for (@line) {
        my ($n, $all) = /(\d+)/g;
        push @wrong, $_ if $all != ($sum += $n);
    }
    return ($sum, "@wrong");
};
ok(wait_until(sub { ($said->())[0] == $before + 1 }, 10), 'the log tells of them all');
is(($said->())[1], '', 'with the running count');

# ---- and room again

$ingest->start;
ok($t->wait_status(sub { $_->{delivered} == $kept }, timeout => 90), 'all that was kept is delivered');

my $seqs = $ingest->seqs;
is(join(' ', grep { !$seqs->{$_} } 1 .. $kept), '', 'those are the oldest');
is(scalar(keys %$seqs), $kept, 'and nothing else');

my $again = $t->load(count => 500, from => 10001, rate => 2000);
is(scalar(@{$again->wait->{served}}), 500, 'requests again');
ok($t->wait_status(sub { $_->{delivered} == $kept + 500 }), 'are delivered');
is(join(' ', $ingest->missing(10001 .. 10500)), '', 'every one of them');
is($t->status('default')->{dropped}{full}, $before + 1, 'and no more is dropped');
is($ingest->stats->{duplicates}, 0, 'nothing came twice');

$t->done;
