package Mixtrack::Process;

# The processes of one nginx, found by their working directory, which is the
# test's own, or by descent from one so found; never by name alone.
#
# Orphans come to us where the kernel lets us ask for it, so that a process
# whose master is dead is found, and reaped, as well.

use v5.36;

use Exporter qw(import);
use File::Path qw(remove_tree);
use POSIX qw(WNOHANG setsid);
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(processes alive adopt_orphans guard);

use constant PR_SET_CHILD_SUBREAPER => 36;

sub adopt_orphans {
    my ($machine) = (POSIX::uname())[4];
    my %nr = (x86_64 => 157, aarch64 => 167);

    my $nr = $nr{$machine} or return;
    syscall $nr, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0;
}

# {pid, ppid, title, start, state}, or nothing
sub _read ($pid) {
    open my $fh, '<:raw', "/proc/$pid/stat" or return;
    my $stat = <$fh> // return;

    my ($rest) = $stat =~ /^.*\) (.*)/s or return;
    my @f = split / /, $rest;

    open $fh, '<:raw', "/proc/$pid/cmdline" or return;
    local $/;
    my $title = (<$fh> // '') =~ tr/\0/ /r =~ s/ +\z//r;

    return {pid => $pid, state => $f[0], ppid => $f[1], start => $f[19], title => $title};
}

sub alive ($pid) {
    my $p = _read($pid) or return 0;
    if ($p->{state} eq 'Z') {
        waitpid $pid, WNOHANG if $p->{ppid} == $$;
        return 0;
    }
    return 1;
}

# All living nginx processes of directory dir, oldest first.
sub processes ($dir) {
    my (%all, %ours);

    opendir my $proc, '/proc' or die "/proc: $!";
    for my $pid (grep {/^[0-9]+\z/} readdir $proc) {
        my $p = _read($pid) or next;
        $all{$pid} = $p;
        $ours{$pid} = 1 if (readlink("/proc/$pid/cwd") // '') eq $dir;
    }

    for (1 .. 4) {
        for my $p (values %all) {
            $ours{$p->{pid}} = 1 if $ours{$p->{ppid}};
        }
    }

    my @found;
    for my $p (map { $all{$_} } keys %ours) {
        if ($p->{state} eq 'Z') {
            waitpid $p->{pid}, WNOHANG if $p->{ppid} == $$;
            next;
        }
        push @found, $p if $p->{title} =~ /nginx/;
    }

    @found = sort { $a->{start} <=> $b->{start} || $a->{pid} <=> $b->{pid} } @found;
    return @found;
}

# A process that cleans up when the test cannot: it ends with us, by the pipe
# we hold, kills what is left in dir, and removes it.
sub guard ($dir) {
    pipe my $read, my $write or die "pipe: $!";

    my $pid = fork // die "fork: $!";
    return $write if $pid;

    # the test's own END and DESTROY are not for us: leave by _exit
    close $write;
    setsid;
    chdir '/';
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);

    1 while sysread $read, my $buf, 1;

    for (1 .. 20) {
        my @left = processes($dir) or last;
        kill 'KILL', map { $_->{pid} } @left;
        sleep 0.05;
    }
    remove_tree($dir, {error => \my $ignored}) if !$ENV{TEST_NGINX_LEAVE};
    POSIX::_exit(0);
}

1;
