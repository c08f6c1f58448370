#!/usr/bin/perl

# The core by itself: every t/unit/*.c is built with the sanitizers, run, and
# its TAP told here.  A first line "/* link: FILE... */" names further sources.

use v5.36;

use File::Temp qw(tempdir);
use FindBin;
use IO::Select;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";

my $cc    = $ENV{CC} // 'cc';
my @flags = split ' ', '-O1 -g -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined -Isrc/core';
my @libs  = qw(-lcurl -ljansson -lz);
my $dir   = tempdir('mixtrack-unit-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my @files = sort glob 't/unit/*.c';
my $running;

$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 1 };
END { kill 'KILL', -$running if $running }

plan skip_all => 'no unit tests' if !@files;

for my $file (@files) {
    my ($name) = $file =~ m{([^/]+)\.c$};

    subtest $name => sub {
        open my $fh, '<', $file or return fail("$file: $!");
        my @more = (<$fh> // '') =~ m{^/\* link: (.*?) \*/} ? split(' ', $1) : ();

        my $said = output($cc, @flags, '-o', "$dir/$name", $file, @more, @libs);
        ok($? == 0, "$name builds") or return diag($said);

        my @line = split /\n/, output("$dir/$name");
        my $rc   = $?;
        my ($plan, $n) = (undef, 0);

        for (@line) {
            if (/^1\.\.([0-9]+)/) {
                $plan = $1;
            }
            elsif (/^(not )?ok\b *[0-9]* *-? *(.*)/) {
                my ($not, $what) = ($1, $2);
                $n++;
                ok(!$not, $what =~ /[a-z]/i ? $what : "test $n: $what");
            }
            elsif (/^#/) {
                diag(s/^# ?//r);
            }
        }

        is($n, $plan, "$name runs all it planned");
        is($rc, 0, "$name ends well") or diag(join "\n", grep { !/^(not )?ok|^1\.\./ } @line);
    };
}

done_testing();

# Runs a command in a process group of its own, for two minutes at most; what
# it said, standard error with it, and its status in $?.  Whatever it started
# is gone afterwards, and not waited for.
sub output (@command) {

    # a pipe, not a file: some tests limit the size of those
    pipe my $from, my $to or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if (!$pid) {
        setpgrp;
        open STDOUT, '>&', $to      or die "stdout: $!";
        open STDERR, '>&', \*STDOUT or die "stderr: $!";
        exec @command or die "$command[0]: $!\n";
    }
    close $to;
    $running = $pid;

    my ($end, $said, $status) = (time + 120, '', undef);

    while (time < $end) {
        $status = $? if !defined $status && waitpid($pid, WNOHANG) == $pid;

        if (!IO::Select->new($from)->can_read(0.1)) {
            last if defined $status;
            next;
        }
        if (!sysread $from, $said, 65536, length $said) {
            last if defined $status;
            sleep 0.02;
        }
    }

    kill 'KILL', -$pid;
    undef $running;
    if (!defined $status) {
        waitpid $pid, 0;
        $status = $? || -1;
        $said .= "# killed after two minutes\n";
    }
    $? = $status;
    return $said;
}
