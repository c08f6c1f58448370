package Mixtrack::Browser;

# A headless Chromium, told what to do through a pipe in its DevTools
# protocol, and whoever visits with it:
#
#     my $browser = Mixtrack::Browser->new(dir => $t->dir) // die 'no chromium';
#     my $page    = $browser->visitor;
#     $page->go('http://localhost:1234/');
#     is($page->run('document.title'), 'Hello', 'a title');
#
# It ends with stop(), with the test, and by itself when the test is killed:
# the pipe is then closed.  Nothing it asks for leaves the machine: every name
# is 127.0.0.1.  What waits lets Mojo::IOLoop run, so that a server of the
# test's own can answer it.
#
# The environment: TEST_CHROMIUM names one that is not "chromium" in PATH.

use v5.36;

use Mojo::IOLoop;
use Mojo::IOLoop::Stream;
use POSIX qw(WNOHANG);
use Scalar::Util qw(weaken);

use Mixtrack::Process qw(alive);
use Mixtrack::Util qw(wait_until monotonic patience slurp json_decode json_encode);

my @all;

my @options = qw(
    --headless
    --no-sandbox
    --remote-debugging-pipe
    --no-first-run
    --no-default-browser-check
    --no-proxy-server
    --disable-gpu
    --disable-dev-shm-usage
    --disable-background-networking
    --disable-component-update
    --disable-breakpad
    --disable-sync
    --disable-extensions
    --password-store=basic
    --ignore-certificate-errors
);

push @options, '--disable-features=' . join ',',
    qw(HttpsUpgrades HttpsFirstBalancedMode OptimizationHints MediaRouter Translate);

sub _binary {
    return $ENV{TEST_CHROMIUM} if $ENV{TEST_CHROMIUM};
    for (split(/:/, $ENV{PATH} // ''), '/usr/bin') {
        return "$_/chromium" if -x "$_/chromium";
    }
    return;
}

# dir is for its files; nothing when there is no Chromium
sub new ($class, %o) {
    my $binary = _binary() // return;
    my $home   = "$o{dir}/chromium";

    mkdir $home or die "$home: $!\n";

    pipe my $theirs_in, my $ours_out or die "pipe: $!";
    pipe my $ours_in, my $theirs_out or die "pipe: $!";

    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp;
        chdir $home                              or POSIX::_exit(126);
        open STDIN,  '<', '/dev/null'            or POSIX::_exit(126);
        open STDOUT, '>', "$o{dir}/chromium.log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT              or POSIX::_exit(126);

        # neither of them may be where the other goes
        my ($in, $out) = map { POSIX::fcntl($_, POSIX::F_DUPFD(), 10) } $theirs_in, $theirs_out;
        POSIX::dup2($in, 3);
        POSIX::dup2($out, 4);
        POSIX::close($_) for $in, $out;

        @ENV{qw(HOME TMPDIR XDG_CONFIG_HOME XDG_CACHE_HOME)} = ($home) x 4;
        delete @ENV{qw(DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS)};

        exec $binary, @options, "--user-data-dir=$home/profile", '--host-resolver-rules=MAP * 127.0.0.1',
            'about:blank' or POSIX::_exit(127);
    }

    # theirs to close, which tells us of their end
    close $_ for $theirs_in, $theirs_out;

    my $self = bless {
        pid    => $pid,
        parent => $$,
        home   => $home,
        log    => "$o{dir}/chromium.log",
        buf    => '',
        n      => 0,
        reply  => {},
        pages  => {},
    }, $class;

    $_->blocking(0) for $ours_in, $ours_out;
    $self->{in}  = Mojo::IOLoop::Stream->new($ours_in)->timeout(0);
    $self->{out} = Mojo::IOLoop::Stream->new($ours_out)->timeout(0);

    weaken(my $weak = $self);
    $self->{in}->on(read  => sub ($, $bytes) { $weak->_take($bytes) if $weak });
    $self->{in}->on(close => sub { $weak->{gone} = 1 if $weak });
    $self->{out}->on(error => sub { $weak->{gone} = 1 if $weak });
    Mojo::IOLoop->stream($self->{in});
    Mojo::IOLoop->stream($self->{out});

    push @all, $self;
    weaken $all[-1];

    $self->{version} = $self->call('Browser.getVersion');
    return $self;
}

# its user agent, which says that it has no head
sub agent ($self) { $self->{version}{userAgent} }

# ---- the protocol: messages in JSON, each with a NUL behind it

sub _take ($self, $bytes) {
    $self->{buf} .= $bytes;

    while ($self->{buf} =~ s/^([^\0]*)\0//) {
        my $m = json_decode($1);

        if (defined $m->{id}) {
            $self->{reply}{$m->{id}} = $m;
        }
        elsif (my $page = $self->{pages}{$m->{sessionId} // ''}) {
            push @{$page->{events}}, $m;
        }
    }
}

# Lets the loop run until cond is true, and returns that.  It is an error
# when that takes longer than timeout seconds, or Chromium is gone.
sub await ($self, $cond, $what, $timeout = 30) {
    my $end  = monotonic() + $timeout * patience();
    my $tick = Mojo::IOLoop->recurring(0.05 => sub { });
    my $value;

    while (!($value = $cond->())) {
        last if $self->{gone} || monotonic() > $end;
        Mojo::IOLoop->one_tick;
    }
    Mojo::IOLoop->remove($tick);

    die "$what: " . ($self->{gone} ? 'Chromium is gone' : 'waited in vain') . "\n" . $self->_log
        if !$value;
    return $value;
}

sub _log ($self) {
    my @line = grep { !/dbus/ } split /\n/, slurp($self->{log});
    return join '', map {"$_\n"} @line > 10 ? @line[-10 .. -1] : @line;
}

# Asks for something, of a page or of the browser; the result, or an error.
sub call ($self, $method, $params = {}, $session = undef) {
    my $id = ++$self->{n};

    $self->{out}->write(json_encode({
        id     => $id,
        method => $method,
        params => $params,
        defined $session ? (sessionId => $session) : (),
    }) . "\0");

    my $m = $self->await(sub { delete $self->{reply}{$id} }, $method);
    die "$method: $m->{error}{message}\n" if $m->{error};
    return $m->{result};
}

# ---- visitors

# A page of somebody who was never here before: without cookies, and without
# anything in common with another visitor.
sub visitor ($self) {
    my $context = $self->call('Target.createBrowserContext')->{browserContextId};
    my $target  = $self->call('Target.createTarget', {url => 'about:blank', browserContextId => $context})->{targetId};
    my $session = $self->call('Target.attachToTarget', {targetId => $target, flatten => \1})->{sessionId};

    my $page = bless {browser => $self, session => $session, context => $context, events => []},
        'Mixtrack::Browser::Page';
    $self->{pages}{$session} = $page;
    weaken $self->{pages}{$session};

    $page->call($_) for qw(Page.enable Network.enable);
    return $page;
}

# ---- the end

# politely at first
sub stop ($self) {
    my $pid = delete $self->{pid} or return;

    if (!$self->{gone} && alive($pid)) {
        eval { $self->call('Browser.close') };
        wait_until(sub { !alive($pid) }, 10);
    }
    $_->close for grep {$_} delete @$self{qw(in out)};

    wait_until(sub {
        my @left = $self->processes or return 1;
        CORE::kill 'KILL', @left;
        return 0;
    }, 10);
}

# Pids of its processes, which are where it was started, or name its profile.
sub processes ($self) {
    return grep {
        alive($_)
            && ((readlink("/proc/$_/cwd") // '') eq $self->{home}
                || index(slurp("/proc/$_/cmdline"), "=$self->{home}/") >= 0)
    } map {m{^/proc/(\d+)$}} glob '/proc/[0-9]*';
}

sub DESTROY ($self) {
    return if $self->{parent} != $$;
    local ($?, $!, $@);
    $self->stop;
}

END {
    local $?;
    $_->stop for grep { $_ && $_->{parent} == $$ } @all;
}

package Mixtrack::Browser::Page;

use v5.36;

sub call ($self, $method, $params = {}) { $self->{browser}->call($method, $params, $self->{session}) }

# What it says it is from the next page on, in the header and to scripts:
# vendor is what such a browser has for navigator.vendor, script what else is
# to run before all others.  Without hints (userAgentMetadata) it sends none of
# Sec-CH-UA.
sub agent ($self, $agent, %o) {
    $self->call('Network.setUserAgentOverride', {
        userAgent => $agent,
        $o{hints} ? (userAgentMetadata => $o{hints}) : (),
    });

    my $script = $o{script} // '';
    $script .= 'Object.defineProperty(Navigator.prototype, "vendor", {get: function () { return '
        . Mixtrack::Util::json_encode($o{vendor}) . ' }});' if defined $o{vendor};

    $self->call('Page.removeScriptToEvaluateOnNewDocument', {identifier => $_}) for delete $self->{script} // ();
    $self->{script} = $self->before($script) if length $script;
    return $self;
}

# a script to run before all others, in every page from the next on
sub before ($self, $script) {
    return $self->call('Page.addScriptToEvaluateOnNewDocument', {source => $script})->{identifier};
}

# The same of the service worker that this page has got, which asks for things
# by itself.
sub worker_agent ($self, $agent) {
    my $browser = $self->{browser};

    my $target = $browser->await(sub {
        my ($target) = grep { $_->{type} eq 'service_worker' && $_->{browserContextId} eq $self->{context} }
            @{$browser->call('Target.getTargets')->{targetInfos}};
        return $target;
    }, 'a service worker');

    my $session = $browser->call('Target.attachToTarget', {targetId => $target->{targetId}, flatten => \1})->{sessionId};
    $browser->call('Network.setUserAgentOverride', {userAgent => $agent}, $session);
    return $self;
}

# As somebody else: without a cookie.
sub forget ($self) {
    $self->call('Network.clearBrowserCookies');
    return $self;
}

sub headers ($self, %header) {
    $self->call('Network.setExtraHTTPHeaders', {headers => \%header});
    return $self;
}

# As if the address had been typed, and as a link of the present page would
# lead there.  Back when the page and its scripts are loaded.
sub go ($self, $url) {
    return $self->_loads($url, sub {
        my $r = $self->call('Page.navigate', {url => $url, transitionType => 'typed'});
        die "$url: $r->{errorText}\n" if defined $r->{errorText};
    });
}

sub follow ($self, $url) {
    return $self->_loads($url, sub {
        $self->run('location.href = ' . Mixtrack::Util::json_encode($url) . '; 1');
    });
}

sub _loads ($self, $what, $how) {
    $self->{events} = [];
    $how->();
    $self->{browser}->await(sub { grep { $_->{method} eq 'Page.loadEventFired' } @{$self->{events}} }, $what);

    my $url = $self->run('location.href');
    die "$what: there is $url\n" if $url !~ /^https?:/;
    return $url;
}

# what the present page has asked for, itself first
sub requests ($self) {
    return map { $_->{params}{request}{url} } grep { $_->{method} eq 'Network.requestWillBeSent' } @{$self->{events}};
}

# The value of an expression, of a promise when it is one.
sub run ($self, $expression) {
    my $r = $self->call('Runtime.evaluate', {
        expression    => $expression,
        returnByValue => \1,
        awaitPromise  => \1,
    });
    die "$expression: " . ($r->{exceptionDetails}{exception}{description} // $r->{exceptionDetails}{text}) . "\n"
        if $r->{exceptionDetails};
    return $r->{result}{value};
}

# name => value of what the browser would send there
sub cookies ($self, $url) {
    my $r = $self->call('Network.getCookies', {urls => [$url]});
    return map { $_->{name} => $_->{value} } @{$r->{cookies}};
}

1;
