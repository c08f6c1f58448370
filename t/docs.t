#!/usr/bin/perl

# The documentation, held against the module: each configuration in it is
# accepted by nginx -t, each directive and each variable has its entry, the
# status has no counter, an event no property and the log no line that is not
# explained, and links lead somewhere.  The event in docs/events.md is in docs_event.t.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Mixtrack::Nginx;
use Mixtrack::Util qw(slurp);

my $t    = Mixtrack::Nginx->new(spool_path => 0);
my $root = $t->root;
my %doc  = map { $_ => slurp("$root/$_") } 'README.md', map {s{^\Q$root/}{}r} glob "$root/docs/*.md";

# ---- what it says works: a block may be a whole file, or what belongs in
# http, server or location

my $project = 'mixtrack_project { token T; }';
my %http    = map { $_ => 1 } qw(mixtrack_project mixtrack_spool_path map log_format server userid);

# the first word of each directive at the top of a block
sub top ($text) {
    $text =~ s/^\s*#.*//mg;
    $text =~ s/"[^"]*"/""/g;
    1 while $text =~ s/(\{)[^{}]*\}/;/g;
    return map {/^\s*(\w+)/} split /;/, $text;
}

sub whole ($text) {
    my @top = top($text);

    # what this machine has not, and what it must not touch
    $text =~ s/^\s*load_module\s.*\n//mg;
    $text =~ s/^\s*listen\s.*\n//mg;
    $text =~ s/\bserver \{/server { listen 127.0.0.1:%%PORT_0%%;/g;
    $text =~ s{file:/[^\s;]+}{file:%%TESTDIR%%/token}g;
    $text =~ s{\b(ca|cert|key)=/[^\s;]+}{$1=%%TESTDIR%%/pem}g;
    $text =~ s{^(\s*(?:mixtrack_spool_path|root)\s+)/[^;]*}{$1%%TESTDIR%%/spool}mg;
    $text =~ s{^(\s*(access_log|proxy_cache_path)\s+)/[^;\s]*}{$1%%TESTDIR%%/$2}mg;
    $text =~ s{^(\s*ssl_certificate(?:_key)?\s.*\n)}{}mg;

    if (grep { $_ eq 'http' } @top) {
        $text =~ s/\bhttp \{/http {\n%%GLOBALS_HTTP%%/;
        $text = "events { }\n$text" if !grep { $_ eq 'events' } @top;
        return "%%GLOBALS%%\n$text";
    }

    if (!grep { $http{$_} } @top) {
        $text = "location / {\n$text\n}" if !grep { $_ eq 'location' } @top;
        $text = "server {\nlisten 127.0.0.1:%%PORT_0%%;\n$text\n}";
    }
    $text = "$project\n$text" if $text !~ /^\s*mixtrack_project\b/m;

    my $spool = $text =~ /mixtrack_spool_path/ ? '' : 'mixtrack_spool_path %%TESTDIR%%/spool;';
    return "%%GLOBALS%%\nevents { }\nhttp {\n%%GLOBALS_HTTP%%\n$spool\n$text\n}\n";
}

$t->write_file('token', "T\n");
$t->write_file('pem',   join '', map { slurp($t->tls->file($_)) } qw(client.crt client.key));

my $blocks = 0;

for my $file (sort keys %doc) {
    while ($doc{$file} =~ /^```nginx\n(.*?)^```/msg) {
        my $text = $1;
        my $line = 1 + (substr($doc{$file}, 0, $-[1]) =~ tr/\n//);
        my $conf = whole($text);
        my $r    = $t->test_config($conf);

        $blocks++;
        ok($r->{rc} == 0 && $r->{out} !~ /\[(?:emerg|alert|crit|error|warn)\]/, "$file:$line")
            or diag("$r->{out}\n" . $t->expand($conf, 'test'));
    }
}

cmp_ok($blocks, '>', 15, 'there are configurations');

# ---- every directive has its entry

my @directives;

for my $source (glob "$root/src/*.c") {
    my $c = slurp($source);
    while ($c =~ /static ngx_command_t\s+\w+\[\] = \{(.*?)^\};/msg) {
        push @directives, $1 =~ /\{ ngx_string\("(\w+)"\),/g;
    }
}

cmp_ok(scalar(@directives), '>', 15, 'there are directives');

for my $name (@directives) {
    like($doc{'README.md'},
        qr/^### \Q$name\E\n\n- Syntax: .*`\Q$name\E.*\n- Default: .+\n- Context: .+\n\n.+?\n```nginx\n[^`]*\b\Q$name\E\b/ms,
        "$name: syntax, default, context and an example");
}

for my $name ($doc{'README.md'} =~ /^### (\w+)$/mg) {
    ok(scalar(grep { $_ eq $name } @directives), "$name is a directive");
}

# ---- every variable: named by a heading, or by the text below it, and used
# in the example there

my ($variables) = slurp("$root/src/ngx_mixtrack_variable.c") =~ /ngx_mixtrack_variables\[\] = \{(.*?)^\};/ms;
my @variables = map {"\$$_"} $variables =~ /ngx_string\("(\w+)"\)/g;

cmp_ok(scalar(@variables), '>', 5, 'there are variables');

my ($section) = $doc{'README.md'} =~ /^## Variables\n(.*?)^## /ms;
my @entries = split /^(?=### )/m, $section;

for my $name (@variables) {
    my @entry = grep {/\Q$name\E(?!\w)(?:.*\n)*```nginx\n/} @entries;
    my @used  = grep {/^```nginx\n[^`]*\Q$name\E(?!\w)/m} @entry;
    ok(scalar(@used), "$name: an entry with an example");
}

for my $file (sort keys %doc) {
    my %named = map { $_ => 1 } $doc{$file} =~ /(\$mixtrack_\w+)/g;
    for my $name (sort keys %named) {
        ok(scalar(grep { $_ eq $name } @variables), "$file: $name is a variable");
    }
}

# ---- every argument that is hidden by itself

my ($hidden) = slurp("$root/src/core/mxt_redact_default.c") =~ /mxt_redact_default\[\] = \{(.*?)^\};/ms;
my @hidden = $hidden =~ /"([^"]+)"/g;
my ($list) = $doc{'README.md'} =~ /^### mixtrack_redact_args\n(.*?)^### /ms;

cmp_ok(scalar(@hidden), '>', 10, 'there is a list of what is hidden');
is(join(' ', grep { index($list, "`$_`") < 0 } @hidden), '', 'all of it is in the README');

# ---- every header that is looked at

my ($headers) = slurp("$root/src/ngx_mixtrack_visitor.c") =~ /ngx_mixtrack_headers\[NGX_MIXTRACK_HEADERS\] = \{(.*?)^\};/ms;
my @headers = $headers =~ /ngx_string\("([\w-]+)"\)/g;

cmp_ok(scalar(@headers), '>', 10, 'there are headers');
is(join(' ', grep { $doc{'README.md'} !~ /`\Q$_\E[`:]/i } @headers), '', 'all of them are in the README');

# and those of a page view in its one table
my ($rule) = $doc{'README.md'} =~ /^\| it is a page view if \| \|\n(.*?)\n\n/ms;
is(join(' ', grep { $rule !~ /`\Q$_\E`/i } grep { /^(?:sec-fetch|.*purpose$|x-moz|accept)/ } @headers), '',
    'those of a page view are in its table');

# ---- every counter, every property

$t->conf(<<'EOC')->run;
%%GLOBALS%%
events { }
http {
    %%GLOBALS_HTTP%%
    mixtrack_spool_path %%TESTDIR%%/spool;
    mixtrack_project { token T; endpoint http://127.0.0.1:%%PORT_9%%; }
    server { listen 127.0.0.1:%%PORT_0%%; %%STATUS%% }
}
EOC

my $status = $t->status;
is(join(' ', sort keys %$status), 'projects version', 'the status is as described');

my $p = $status->{projects}{default};
for my $k (sort map { my $k = $_; ref $p->{$k} eq 'HASH' ? map {[$k, $_]} keys %{$p->{$k}} : [$k] } keys %$p) {
    my ($name, $part) = @$k;
    my $known = defined $part
        ? $doc{'docs/operations.md'} =~ /^\|[^\n]*`$name\.$part`|^\| `$name`[^\n]*`$part`/m
        : $doc{'docs/operations.md'} =~ /^\|[^|\n]*`$name`/m;
    ok($known, join('.', @$k) . ' is explained');
}

my $source     = slurp("$root/src/ngx_mixtrack_render.c");
my @properties = qw(token time $insert_id distinct_id $device_id $user_id ip);

for my $table (qw(standard constant)) {
    my ($rows) = $source =~ /ngx_mixtrack_${table}_properties\[\] = \{(.*?)^\};/ms;
    push @properties, $rows =~ /\{ ngx_string\("([^"]+)"\)/g;
}
my ($args) = slurp("$root/src/core/mxt_args.c") =~ /mxt_args_names\[MXT_ARGS_N\] = \{(.*?)^\};/ms;
push @properties, $args =~ /mxt_args_name\("(\w+)"\)/g;

cmp_ok(scalar(@properties), '>', 40, 'there are properties');

for my $file ('README.md', 'docs/events.md') {
    is(join(' ', grep { $doc{$file} !~ /^\|[^|\n]*`\Q$_\E`[^|\n]*\| .+ \|$/m } @properties),
        '', "$file: each property is in a table");
}

# the same way round
my ($table) = $doc{'README.md'} =~ /^\| property \| what it is \| left out \|\n(.*?)\n\n/ms;
for my $name (map {/`([^`]+)`/g} $table =~ /^\|([^|\n]*)\|/mg) {
    ok(scalar(grep { $_ eq $name } @properties), "$name is a property");
}

# ---- every line of the log

# {text, levels}, with a bar for what is filled in; and what is no line of its
# own, or tells by itself what to do
my @said;
my %told = (
    'ngx_mixtrack_say.c: |' => 'the line of ngx_mixtrack_say(), whose texts are here',
    'ngx_mixtrack_endpoint.c: "tls" in "mixtrack_project" has no effect on an "endpoint" of plain http in |:|' =>
        'it names what is to be changed, and where',
);

for my $file (sort glob "$root/src/*.c $root/src/core/*.c") {
    my ($source, $name) = (slurp($file), $file =~ s{.*/}{}r);
    my $args = qr/(?<args>\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?&args))*+\))/;

    # but for the definition
    my $calls = () = $source =~ /^ +ngx_(?:log_error|mixtrack_say)\(/mg;
    my $found = 0;

    while ($source =~ /^ +ngx_(?:log_error|mixtrack_say)$args;/mg) {
        my $call   = $+{args};
        my @levels = map { {ERR => 'error'}->{$_} // lc } $call =~ /\bNGX_LOG_([A-Z]+)\b/g;
        my ($text) = $call =~ s/"\s*"//gr =~ /"((?:[^"\\]|\\.)*)"/;
        $found++;

        # nginx does not start, and the line names what is wrong in which file
        next if "@levels" eq 'emerg';

        $text = ($text // '') =~ s/\\"/"/gr =~ s/%\*?u?[VsdizDL]/|/gr =~ s/^mixtrack: (?:project "\|": )?//r;
        push @said, {text => $text, levels => \@levels} if !delete $told{"$name: $text"};
    }
    is($found, $calls, "$name: each call was looked at") if $calls;
}

cmp_ok(scalar(@said), '>', 30, 'there are lines of the log');
is(join("\n", sort keys %told), '', 'no exception is for nothing');

my ($log) = $doc{'docs/operations.md'} =~ /^\| level \| line \| what to do \|\n\| --- .*\n((?:\|.*\n)+)/m;
my @lines;
for ($log =~ /^(.*)$/mg) {
    my ($levels, $line) = /^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$/ or next;
    push @lines, map { {text => s/^mixtrack: //r, levels => $levels} } $line =~ /`([^`]+)`/g;
}

# a part of the sentence is enough, and so is an instance of it
sub tells ($line, $said) {
    my $row = join '', map { /^N$/ ? '\\|' : /^(?:REASON|NAME|FILE|\.\.\.)$/ ? '.*?' : quotemeta }
        split /(\b(?:N|REASON|NAME|FILE)\b|\.\.\.)/, $line->{text};
    my $text = join '.+?', map {quotemeta} split /\|/, $said->{text}, -1;
    return $said->{text} =~ /^$row(?=\z|[,:;]| \()/ || $line->{text} =~ /^$text/;
}

for my $said (@said) {
    my @rows   = grep { tells($_, $said) } @lines;
    my @levels = grep { my $level = $_; !grep { $_->{levels} =~ /\b$level\b/ } @rows } @{$said->{levels}};

    ok(scalar(@rows), "the log's table has: $said->{text}");
    is("@levels", '', '... as what it is') if @rows;
}
for my $line (@lines) {
    ok(scalar(grep { tells($line, $_) } @said), "the source has: $line->{text}");
}

# ---- links to files and to headings

sub headings ($text) {
    return map { lc =~ s/[^\w\s-]//gr =~ s/ /-/gr } $text =~ /^#+ (.+)$/mg;
}

for my $file (sort keys %doc) {
    my ($dir) = "$root/$file" =~ m{^(.*)/};
    for my $link ($doc{$file} =~ /\]\(([^):]+)\)/g) {
        my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $text = $path eq '' ? $doc{$file} : -f "$dir/$path" ? slurp("$dir/$path") : '';

        ok($path eq '' || -e "$dir/$path", "$file: $path is there") if !defined $anchor;
        ok(scalar(grep { $_ eq $anchor } headings($text)), "$file: $link is there") if defined $anchor;
    }
}

$t->done;
