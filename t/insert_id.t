#!/usr/bin/perl

# $mixtrack_insert_id is the event's, whoever asks for it first: the response,
# access_log, which is before us, or the log handler of a module that is
# loaded later (t/lib/late.c).  And it is that of this request: its memory and
# its connection serve the next one, too.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Late;
use Mixtrack::Nginx;
use Mixtrack::Util qw(lacks slurp);

my $t      = Mixtrack::Nginx->new;
my $ingest = $t->ingest(9);
my $late   = late_module($t) // plan skip_all => lacks('there are no headers of nginx');

$t->conf(<<"EOF" =~ s/\@/\$/gr)->run;
%%GLOBALS%%
load_module $late;

events { }

http {
    %%GLOBALS_HTTP%%
    late "\@arg_k=\@mixtrack_insert_id";
    log_format id "\@arg_k=\@mixtrack_insert_id";

    mixtrack_project {
        token    TOKEN;
        endpoint %%INGEST_9%%;
        zone     1m;
        batch    interval=50ms;
    }

    mixtrack_property k \@arg_k;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        access_log off;
        %%STATUS%%

        location /late { mixtrack one; mixtrack two; return 200; }

        location /header {
            mixtrack one;
            mixtrack two;
            add_header X-Id \@mixtrack_insert_id;
            return 200;
        }

        location /log { mixtrack one; mixtrack two; access_log %%TESTDIR%%/access.log id; return 200; }

        location /refused { mixtrack one if=0; return 200; }
        location /off { return 200; }
    }
}
EOF

# all of them over one connection, twice
my @uri = ('/late', '/header', '/late', '/log', '/late', '/late', '/refused', '/late', '/off', '/late') x 2;
my $s   = $t->send('');
my (@name, %told);

for my $i (0 .. $#uri) {
    my $name = substr($uri[$i], 1) . $i;

    syswrite $s, "GET $uri[$i]?k=$name HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $reply = $t->read($s, one => 1);

    push @name, $name;
    $told{$name} = $1 if $reply =~ /^X-Id: (\w+)\r$/m;
}
close $s;

ok($t->wait_rest, 'all events are on their way out');

my %event;
push @{$event{$_->{k}}}, $_->{'$insert_id'} for map { $_->{properties} } $ingest->events;

my %late = $t->error_log =~ /late: (\w+)=(\w+)\./g;
my %log  = slurp($t->dir . '/access.log') =~ /^(\w+)=(\w+)$/mg;
my @with = grep {!/refused|off/} @name;

is_deeply([sort keys %late], [sort @name], 'a later log handler was told one each time');
is(scalar(keys %{{reverse %late}}), scalar(@name), 'each time another one');

is_deeply(\%event, {map { $_ => [$late{$_}, "$late{$_}-2"] } @with}, 'which the events have');

is_deeply(\%told, {map { $_ => $late{$_} } grep {/header/} @name}, 'and the response had');
is_deeply(\%log,  {map { $_ => $late{$_} } grep {/log/} @name},    'and access_log');

$t->done;
