#!/usr/bin/perl

# The ids of an event under both ways in which Mixpanel merges them: the same
# requests, tracked for a project of each.  Simplified is in event.t and
# bytes.t as well; here it is what must not change.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Cases;
use Mixtrack::Nginx;
use Mixtrack::Visitor qw(sdk);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $other  = $t->ingest(8, original => 1);

$t->conf(<<'EOF')->run;
%%GLOBALS%%

events { }

http {
    %%GLOBALS_HTTP%%

    mixtrack_project by_default { token T; endpoint %%INGEST_9%%; zone 2m; batch interval=50ms; }

    mixtrack_project simplified {
        token    T;
        id_merge simplified;
        endpoint %%INGEST_9%%;
        zone     2m;
        batch    interval=50ms;
    }

    mixtrack_project original {
        token    T;
        id_merge original;
        endpoint %%INGEST_8%%;
        zone     2m;
        batch    interval=50ms;
    }

    mixtrack by_default project=by_default;
    mixtrack simplified project=simplified;
    mixtrack original   project=original;

    mixtrack_properties minimal;
    mixtrack_property   k $arg_k;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location / {
            mixtrack_user_id   $http_x_user;
            mixtrack_device_id $http_x_device;
            return 200;
        }

        location /nobody { return 200; }

        location /status { mixtrack off; mixtrack_status json; }
    }
}
EOF

my $uuid  = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
my $cases = Mixtrack::Cases->new($t);
my $n     = 0;
my %want;

# user and device as they come; distinct_id on a simplified project, and on an
# original one; $device_id and $user_id, which are the same on both
sub ids ($name, $user, $device, @ids) { from($name, ["X-User: $user", "X-Device: $device"], @ids) }

sub from ($name, $headers, $simplified, $original, $device_id, $user_id) {
    my $k = ++$n;

    $cases->request($k, ['/', headers => $headers], undef, 3);
    $want{$k} = [$name, [$simplified, $device_id, $user_id], [$original, $device_id, $user_id]];
}

ids 'nobody', '', '', '', '', undef, undef;
ids 'a device', '', $uuid, "\$device:$uuid", $uuid, $uuid, undef;
ids 'a user', 'ann', '', 'ann', 'ann', undef, 'ann';
ids 'a user on a device', 'ann', $uuid, 'ann', 'ann', $uuid, 'ann';
ids 'a device with its prefix', '', "\$device:$uuid", "\$device:$uuid", $uuid, $uuid, undef;
ids 'a prefix and no device', '', '$device:', '', '', undef, undef;

for my $banned ('anonymous', 'NULL', '-', '0', '00000000-0000-0000-0000-000000000000') {
    ids "device $banned", '', $banned, '', '', undef, undef;
    ids "device $banned behind the prefix", '', "\$device:$banned", '', '', undef, undef;
    ids "user $banned on a device", $banned, $uuid, "\$device:$uuid", $uuid, $uuid, undef;
}

# the device's id is one and the same, wherever it stands
my $long = 'd' x 300;
my $cut  = 'd' x 247;
ids 'a device too long', '', $long, "\$device:$cut", $cut, $cut, undef;
ids 'a device of 247 bytes', '', $cut, "\$device:$cut", $cut, $cut, undef;
ids 'a device with a quote', '', 'a"b\\c', '$device:a"b\\c', 'a"b\\c', 'a"b\\c', undef;

# the SDK has its prefix on both, and $identify names it
my $new    = '9b2d1e34-7777-4abc-8def-0123456789ab';
my %device = (distinct_id => "\$device:$uuid", '$device_id' => $uuid);
my %ann    = (distinct_id => 'ann', '$device_id' => $uuid, '$user_id' => 'ann');

from 'the SDK\'s device', [sdk('T', %device)], ("\$device:$uuid") x 2, $uuid, undef;
from 'the SDK\'s device, in distinct_id alone', [sdk('T', distinct_id => "\$device:$uuid")],
    ("\$device:$uuid") x 2, $uuid, undef;
from 'the SDK\'s device, adopted bare', [sdk('T', distinct_id => $uuid, '$device_id' => $uuid)],
    "\$device:$uuid", $uuid, $uuid, undef;
from 'the SDK\'s user', [sdk('T', %ann)], 'ann', 'ann', $uuid, 'ann';
from 'the SDK\'s user, who is none', [sdk('T', %ann, '$user_id' => 'null', distinct_id => 'null')],
    ("\$device:$uuid") x 2, $uuid, undef;
from 'the SDK\'s device, a user by the directive', ['X-User: bob', sdk('T', %device)], 'bob', 'bob', $uuid, 'bob';
from 'the SDK\'s device, one by the directive', ["X-Device: $new", sdk('T', %device)],
    "\$device:$new", $new, $new, undef;
from 'the SDK\'s device, too long', [sdk('T', distinct_id => "\$device:$long", '$device_id' => $long)],
    ("\$device:$cut") x 2, $cut, undef;

$cases->request('nobody', '/nobody', undef, 3);
$want{nobody} = ['no ids at all', ['', undef, undef], ['', undef, undef]];

ok($ingest->wait_events(2 * keys %want) && $other->wait_events(scalar keys %want), 'all events have arrived');
$cases->take($_->raw_events) for $ingest, $other;
$cases->check;

for my $k (sort keys %want) {
    my ($name, $simplified, $original) = @{$want{$k}};
    my %got = map { $_->{event} => [@{$_->{properties}}{qw(distinct_id $device_id $user_id)}] } $cases->events($k);

    is_deeply(
        \%got,
        {by_default => $simplified, simplified => $simplified, original => $original},
        $name
    );
}

$t->done;
