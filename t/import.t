#!/usr/bin/perl

# api import: what is posted and as whom; that those events are rejected
# that the server names, in whatever form, and the rest is delivered by the
# same post; wrong credentials, which a reload puts right; old events.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(decode_base64);
use Test::More;

use Mixtrack::Lifecycle;
use Mixtrack::Nginx;
use Mixtrack::Outcome;
use Mixtrack::Util qw(wait_until json_encode json_decode slurp spew uniq);

my $t       = Mixtrack::Nginx->new;
my $ingest  = $t->ingest(9);
my $account = $t->ingest(8);

# read by the master alone, if that is root
my $secret = $t->write_file('secret', "one secret\n");
chmod 0600, $secret;

my $common = 'zone 4m; batch interval=100ms; retry min=100ms max=400ms jitter=0ms-20ms;';

$t->conf(lifecycle(
    project => {
        api      => 'import',
        endpoint => '%%IMPORT_9%%',
        retry    => 'min=100ms max=400ms jitter=0ms-20ms',
    },
    projects => <<"END",
    mixtrack_project account {
        token A; api import; endpoint %%IMPORT_8%%; service_account nginx.abc file:secret 1234567; $common
    }
    mixtrack_project short { token S; api import; endpoint %%IMPORT_8%%; max_age 1d; service_account nginx.abc file:secret 77; $common }
END
    server => join("\n", map {"location = /$_ { mixtrack $_ project=$_; return 200; }"} qw(account short)),
))->run;

$ingest->auth(user => 'T', password => '');
$account->auth(user => 'nginx.abc', password => 'one secret');

sub basic ($post) { decode_base64(($post->{headers}{authorization} // '') =~ s/^Basic //r) }

# ---- what is posted

my $load  = $t->load(count => 300, rate => 1000);
my $load2 = $t->load(from => 1001, count => 300, rate => 1000, uri => '/account?seq=%d', connections => 2);
account($ingest, [$load]);
account($account, [$load2], name => 'account');
at_rest($t);
at_rest($t, name => 'account', project => 'account');

for (['default', $ingest, 'strict=1', 'T:'], ['account', $account, 'project_id=1234567&strict=1', 'nginx.abc:one secret']) {
    my ($name, $in, $query, $who) = @$_;
    my @posts = $in->posts;

    cmp_ok(scalar(@posts), '>=', 1, "$name: there are posts");
    is(join(' ', uniq(map { $_->{path} } @posts)), '/import', "$name: the path");
    is(join(' ', uniq(map { join '&', sort split /&/, $_->{query} } @posts)), $query, "$name: the query");
    is(join(' ', uniq(map { basic($_) } @posts)), $who, "$name: user and password");
    is(join(' ', uniq(map { $_->{encoding} } @posts)), 'gzip', "$name: gzip");
    is(join(' ', uniq(map { $_->{headers}{'content-type'} } @posts)), 'application/json', "$name: JSON");
    is(join(' ', uniq(map { $_->{status} } @posts)), '200', "$name: 200");
}
is(join(' ', uniq(map { $_->{properties}{token} } $ingest->events)), 'T', 'each event has its token');

# ---- those that are named, in each form: one post each

my $seq  = 2000;
my $sent = 0;

# n requests whose events are one post; then what the ingest saw of them
sub batch ($n, $name, %o) {
    my @seqs  = map { ++$seq } 1 .. $n;
    my $posts = $ingest->stats->{posts};

    # over one connection: in this order
    ok(in_one_batch($t, $n, sub {
        $t->load(from => $seqs[0], count => $n, rate => 1e6, connections => 1)->wait;
    }), "$name: $n requests");

    settled($t, name => $name);
    outcome($t, $ingest, [\@seqs], name => $name, %o);

    my @posts = $ingest->posts;
    return @posts[$posts .. $#posts];
}

# events of a number that ends in 7
my $match = '[?&]seq=[0-9]*7"';
my $bad   = sub ($seq) { $seq =~ /7\z/ };
my $words = 'properties.x is invalid';

sub rejected ($from, $to) {
    return grep { ($_->{event}{properties}{'$current_url'} // '') =~ /seq=(\d+)/ && $1 >= $from && $1 <= $to }
        $t->rejected;
}

for my $form (qw(objects insert_id index strings)) {
    my $before = $t->status('default');

    $ingest->poison({match => $match, error => $words, records => $form});
    my $from  = $seq + 1;
    my @posts = batch(40, $form, bad => $bad);

    is(join(' ', map {"$_->{status}:$_->{events}:$_->{poisoned}"} @posts), '400:40:4', "$form: one post");

    my $p = $t->status('default');
    is($p->{rejected} - $before->{rejected}, 4, "$form: four are rejected");
    is($p->{delivered} - $before->{delivered}, 36, "$form: the rest is delivered");

    my @rejected = rejected($from, $seq);
    my $want = $form eq 'strings' ? '400: some data points in the request failed validation' : "properties: $words";
    is(join('; ', uniq(map { $_->{reason} } @rejected)), $want, "$form: the server's words");
    is(scalar(@rejected), 4, "$form: each is in the file");
    is(join(' ', uniq(map { $_->{event}{properties}{token} } @rejected)), 'T', "$form: as it was sent");

    # one line a second: that of the first is certain
    ok($t->error_log =~ /\[error\].*project "default": 4 events rejected: \Q$want\E/, "$form: and in the log")
        if $form eq 'objects';
}

# a reply that says 200 and names some nonetheless
$ingest->poison({match => $match, status => 200, error => $words});
my @posts = batch(40, '200', bad => $bad);
is(join(' ', map {"$_->{status}:$_->{events}"} @posts), '200:40', '200: one post');

# ---- a reason for each: by index, and in both of the other ways

my %at = map { $_ => 1 } 3, 5, 20;
my ($from, $to) = ($seq + 1, $seq + 30);
my %other = map { $from + $_ => 1 } keys %at;
$ingest->poison({
    match => '[?&]seq=(?:' . join('|', keys %other) . ')"',
    body  => json_encode({
        code => 400, status => 'Bad Request', error => 'some failed', num_records_imported => 27,
        failed_records => [
            {index => 3,  field => 'properties.a', message => "is bad\nand two lines"},
            {index => 5,  field => 'properties.b', message => 'is worse'},
            {index => 20, message => 'x' x 3000},
        ],
    }),
});
@posts = batch(30, 'reasons', bad => sub ($seq) { $other{$seq} });
is(join(' ', map {"$_->{status}:$_->{events}"} @posts), '400:30', 'reasons: one post');
my %reason = map { ($_->{event}{properties}{'$current_url'} =~ /seq=(\d+)/)[0] - $from => $_->{reason} } rejected($from, $to);
like($reason{3}, qr/^properties\.a: is bad.and two lines\z/s, 'reasons: of the first');
is($reason{5}, 'properties.b: is worse', 'reasons: of the second');
like($reason{20}, qr/^x{50,255}\z/, 'reasons: a long one is cut');
is(scalar(grep {/and two lines/ && !/mixtrack: /} split /\n/, $t->error_log), 0, 'reasons: what is told is a line');

# ---- how many, but not which

$ingest->poison;
my $before = $t->status('default');
$ingest->faults({times => 1, accept => 1, status => 400, body => json_encode({
    code => 400, status => 'Bad Request', error => 'one failed', num_records_imported => 29,
    failed_records => ['no-event-of-yours'],
})});
$from = $seq + 1;
@posts = batch(30, 'unnamed');
is(scalar(@posts), 1, 'unnamed: one post, and nothing is sent again');
my $p = $t->status('default');
is($p->{rejected} - $before->{rejected}, 1, 'unnamed: one is counted');
is($p->{delivered} - $before->{delivered}, 29, 'unnamed: the others are delivered');
my ($line) = grep { $_->{reason} =~ /one failed/ } $t->rejected;
ok($line && !defined $line->{event}, 'unnamed: the file tells of it, without an event');

# ---- none was imported: of all that are named, and of some

$ingest->poison({match => 'seq=', error => $words});
@posts = batch(20, 'all', bad => sub ($seq) { 1 });
is(join(' ', map {"$_->{status}:$_->{events}"} @posts), '400:20', 'all: one post');
$ingest->poison;

$ingest->faults({times => 1, status => 400, body => json_encode({
    code => 400, status => 'Bad Request', error => 'none was taken', num_records_imported => 0,
    failed_records => [{index => 2, field => 'event', message => 'is bad'}],
})});
$before = $t->status('default');
@posts = batch(20, 'none');
my ($whole, @parts) = @posts;
is("$whole->{status}:$whole->{events}", '400:20', 'none: the post is refused');
$sent = 0;
$sent += $_->{events} for grep { $_->{status} == 200 } @parts;
is($sent, 20, 'none: all of it is sent again, in parts');
cmp_ok((sort { $b <=> $a } map { $_->{events} } @parts)[0], '<=', 10, 'none: of a half at most');
is($t->status('default')->{rejected}, $before->{rejected}, 'none: and none is given up');

# ---- many batches at once, and a reload in the middle

$ingest->poison({match => $match, error => $words});
$load = $t->load(from => 20001, count => 4000, rate => 1500);
ok($load->wait_served(500), 'requests are served');
ok($t->reload, 'a reload');
ok($load->running, 'in the middle');
$load->wait;
settled($t, name => 'many');
my ($served, $refused) = outcome($t, $ingest, [$load], name => 'many', bad => $bad);
is($refused, 400, 'many: a tenth is refused');
$sent = 0;
$sent += $_->{events} for grep { $_->{poisoned} } $ingest->posts;
cmp_ok($sent, '>=', 2000, 'many: by posts that had others in them');
$ingest->poison;

# ---- 401: a secret that was changed

$account->auth(user => 'nginx.abc', password => 'another secret');
$load2 = $t->load(from => 40001, count => 3000, rate => 600, uri => '/account?seq=%d', connections => 2);

ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => 'account'), '401: on hold');
ok(wait_until(sub { $account->stats->{why}{auth} >= 2 }), '401: it was asked, and is asked again');
ok($t->error_log =~ /\[error\].*project "account".*the endpoint refuses us \(401: Invalid credentials\).*on hold/,
    '401: the log tells');
$p = $t->status('account');
is($p->{rejected} + $p->{expired} + Mixtrack::Nginx::dropped($p), 0, '401: nothing is given up');
like($p->{last_error}, qr/^401/, '401: the status says why');

my $asked = $account->stats->{why}{auth};
ok($t->reload, '401: a reload with the same secret');
ok(wait_until(sub { $account->stats->{why}{auth} > $asked }), '401: asks again');
ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => 'account'), '401: and is on hold');

my $delivered = $t->status('account')->{delivered};
spew($secret, "another secret\n");
is(sprintf('%o', (stat $secret)[2] & 0777), '600', '401: nobody else reads it');
ok($t->wait_status(sub { $_->{gate}{state} eq 'hold' }, project => 'account'), '401: a file alone changes nothing');
is($t->status('account')->{delivered}, $delivered, '401: and nothing is delivered');
ok($t->reload, '401: a reload with the other secret');
ok($t->wait_status(sub { $_->{gate}{state} eq 'open' && $_->{delivered} > $delivered }, project => 'account'),
    '401: it is well again');
ok($load2->running, '401: requests all the while');

$load2->wait;
$p = settled($t, name => '401', project => 'account');
outcome($t, $account, [$load2], name => '401', project => 'account');
is($p->{rejected}, 0, '401: nothing was rejected');
is(join(' ', uniq(map { basic($_) } ($account->posts)[-1])), 'nginx.abc:another secret', '401: by the other secret');

# ---- old events: found in the spool, ten days later

$account->auth(user => 'nginx.abc', password => 'another secret');
$_->kill for $ingest, $account;
my @load = ($t->load(from => 50001, count => 100, rate => 1e6, connections => 2));
push @load, $t->load(from => 60001, count => 100, rate => 1e6, connections => 2, uri => '/short?seq=%d');
$_->wait for @load;
ok($t->stop(timeout => 15), 'TERM, and the endpoint is not there');

my $long = 10 * 86400 * 1000;
for my $project (qw(default short)) {
    my @files = grep { $_->{events} } spool_files($t, $project);
    my $n = 0;
    for my $f (@files) {
        my @events = spooled_events($f);
        $_->{properties}{time} -= $long for @events;
        my $old = join('-', $f->{created} - $long, $f->{events}, $f->{oldest} - $long, @$f{qw(writer seq destination)});
        open my $fh, '+<', $f->{file} or die "$f->{file}: $!";
        truncate $fh, 0;
        print {$fh} json_encode(\@events);
        close $fh;
        rename $f->{file}, $t->dir . "/spool/$project/$old.json" or die "$old: $!";
        $n += @events;
    }
    is($n, 100, "$project: they are in the spool, and ten days old");
}

$_->start for $ingest, $account;
$t->run;
$p = settled($t, name => 'old');
outcome($t, $ingest, [$load[0]], name => 'old');
is($p->{adopted} - $p->{delivered}, 0, 'old: all of them were delivered');
is($p->{expired}, 0, 'old: none is too old');
my ($first) = sort { $a <=> $b } map { $_->{properties}{time} } $ingest->events;
cmp_ok($first, '<', (time - 9 * 86400) * 1000, 'old: as they were');

$p = settled($t, name => 'max_age', project => 'short');
is($p->{expired}, 100, 'max_age: where there is one they are expired');

$t->done;
