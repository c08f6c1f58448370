
/*
 * Who lives: ourselves, children that are running, stopped, killed, reaped,
 * and what /proc may say, or refuse to say, of them.
 */


#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int proc_open(const char *path, int flags);

#define open(path, flags)  proc_open(path, flags)

#include "../../src/core/mxt_process.c"

#undef open

#include "tap.h"


#define PID_MASK  (((mxt_process_t) 1 << 22) - 1)


static void ourselves(void);
static void children(void);
static void starts(void);
static void names(void);
static void proc(void);
static mxt_process_t child(const char *name, pid_t *pid);


/* NULL is the real one, else a text, "" being none at all */
static const char  *proc_text;


int
main(void)
{
    ourselves();
    children();
    starts();
    names();
    proc();

    return tap_done();
}


static void
ourselves(void)
{
    mxt_process_t  self;

    self = mxt_process_self();

    tap_is_u64(self & PID_MASK, (uint64_t) getpid(), "our pid");
    tap_ok(self >> 22 != 0, "our start");
    tap_ok(self >> MXT_PROCESS_BITS == 0, "fits in MXT_PROCESS_BITS");
    tap_is_u64(mxt_process_self(), self, "we stay who we are");
    tap_ok(mxt_process_alive(self) == 1, "we live");
    tap_ok(mxt_process_alive(1) == 1, "so does init, of whatever start");
}


static void
children(void)
{
    pid_t          pid, other;
    siginfo_t      info;
    mxt_process_t  p, q;

    p = child(NULL, &pid);
    q = child(NULL, &other);

    tap_is_u64(p & PID_MASK, (uint64_t) pid, "a child's pid");
    tap_ok(p != q && p != mxt_process_self(), "each is another");
    tap_ok(mxt_process_alive(p) == 1, "a child lives");

    (void) kill(pid, SIGSTOP);
    (void) waitpid(pid, NULL, WUNTRACED);

    tap_ok(mxt_process_alive(p) == 1, "a stopped one, too");

    (void) kill(pid, SIGKILL);

    /* dead, and not reaped */

    (void) waitid(P_PID, (id_t) pid, &info, WEXITED|WNOWAIT);

    tap_ok(kill(pid, 0) == 0, "there is a zombie");
    tap_ok(mxt_process_alive(p) == 0, "which is dead");

    (void) waitpid(pid, NULL, 0);

    tap_ok(mxt_process_alive(p) == 0, "as it is when reaped");
    tap_ok(mxt_process_alive(q) == 1, "the other lives");

    (void) kill(other, SIGKILL);
    (void) waitpid(other, NULL, 0);

    tap_ok(mxt_process_alive(q) == 0, "and dies");
}


static void
starts(void)
{
    mxt_process_t  self;

    self = mxt_process_self();

    tap_ok(mxt_process_alive(self + PID_MASK + 1) == 0,
           "our pid with a later start is another, dead one");
    tap_ok(mxt_process_alive(self - PID_MASK - 1) == 0,
           "with an earlier one, too");
    tap_ok(mxt_process_alive(self ^ ((mxt_process_t) 1 << 53)) == 0,
           "all bits of the start count");
    tap_ok(mxt_process_alive(self & PID_MASK) == 1,
           "a start that was not known is no reason to bury");
    tap_ok(mxt_process_alive((self & ~PID_MASK) | PID_MASK) == 0,
           "no such pid");
}


/* a name is the process's own choice */

static void
names(void)
{
    unsigned       i;
    pid_t          pid;
    mxt_process_t  p;

    static const char  *name[] = {
        "a b c", ")", ") Z 1 1 1 1", "(", "", ") X (", "\n) Z 0"
    };

    for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {

        p = child(name[i], &pid);

        tap_ok(p >> 22 >= mxt_process_self() >> 22 && mxt_process_alive(p),
               "one named %u lives, as young as it is", i);

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
    }
}


static void
proc(void)
{
    unsigned       i;
    mxt_process_t  self;

    static const struct {
        const char  *text;
        int          alive;
        const char  *what;
    } stat[] = {
        { "1 (x) S 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 77 1 1\n", 1,
          "as it was" },
        { "1 (x) Z 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 77 1 1\n", 0,
          "a zombie" },
        { "1 (x) X 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 77 1 1\n", 0,
          "dying" },
        { "1 (x) S 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 78 1 1\n", 0,
          "of another start" },
        { "1 (x) S 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0 4294967373 1\n", 1,
          "of the same start, as far as it is kept" },
        { "", 1, "not there" },
        { "1 (x", 1, "cut in the name" },
        { "1 (x)", 1, "cut behind it" },
        { "1 (x) S 1 1 1 0 -1 1 0 0 0 0 0 0 0 0 20 0 1 0", 1,
          "cut before the start" },
        { "garbage", 1, "not a line of stat" },
    };

    self = (mxt_process_t) 77 << 22 | (mxt_process_t) getpid();

    for (i = 0; i < sizeof(stat) / sizeof(stat[0]); i++) {
        proc_text = stat[i].text;
        tap_ok(mxt_process_alive(self) == stat[i].alive, "/proc: %s",
               stat[i].what);
    }

    proc_text = "";
    tap_is_u64(mxt_process_self(), (uint64_t) getpid(),
               "without /proc we are our pid");
    tap_ok(mxt_process_alive(mxt_process_self()) == 1, "and live");

    proc_text = stat[0].text;
    tap_is_u64(mxt_process_self(), self, "the start is field 22");

    proc_text = NULL;
}


/* one that sleeps until it is killed; p is who it says it is */

static mxt_process_t
child(const char *name, pid_t *pid)
{
    int            fd[2];
    mxt_process_t  p;

    if (pipe(fd) != 0) {
        abort();
    }

    *pid = fork();

    if (*pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        if (name) {
            (void) prctl(PR_SET_NAME, name);
        }

        p = mxt_process_self();

        if (write(fd[1], &p, sizeof(p)) != sizeof(p)) {
            _exit(1);
        }

        for ( ;; ) {
            (void) pause();
        }
    }

    p = 0;

    if (*pid == -1 || read(fd[0], &p, sizeof(p)) != sizeof(p)) {
        abort();
    }

    (void) close(fd[0]);
    (void) close(fd[1]);

    return p;
}


static int
proc_open(const char *path, int flags)
{
    int     fd[2];
    size_t  len;

    if (proc_text == NULL) {
        return open(path, flags);
    }

    len = strlen(proc_text);

    if (len == 0 || pipe(fd) != 0) {
        errno = ENOENT;
        return -1;
    }

    if (write(fd[1], proc_text, len) != (ssize_t) len) {
        abort();
    }

    (void) close(fd[1]);

    return fd[0];
}
