
/*
 * The identity of a process.  The start time is the one of /proc/PID/stat,
 * in clock ticks since the boot; its low 32 bits wrap in more than a year,
 * and the pid has to be used again in the very same tick.
 */


#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "mxt_process.h"


#define MXT_PID_BITS  22        /* the kernel's PID_MAX_LIMIT is 4194304 */

/* a line of stat is about 350 bytes, the name in it at most 64 */
#define MXT_STAT_MAX  1024


_Static_assert(32 + MXT_PID_BITS == MXT_PROCESS_BITS, "start time and pid");


static int mxt_process_stat(pid_t pid, char *state, uint32_t *start);


mxt_process_t
mxt_process_self(void)
{
    char      state;
    pid_t     pid;
    uint32_t  start;

    pid = getpid();

    if (mxt_process_stat(pid, &state, &start) != 0) {
        start = 0;
    }

    return (mxt_process_t) start << MXT_PID_BITS | (uint32_t) pid;
}


int
mxt_process_alive(mxt_process_t process)
{
    char      state;
    pid_t     pid;
    uint32_t  start;

    pid = (pid_t) (process & ((1 << MXT_PID_BITS) - 1));

    if (kill(pid, 0) != 0 && errno == ESRCH) {
        return 0;
    }

    if (process >> MXT_PID_BITS == 0
        || mxt_process_stat(pid, &state, &start) != 0)
    {
        return 1;
    }

    return start == (uint32_t) (process >> MXT_PID_BITS)
           && state != 'Z' && state != 'X';
}


static int
mxt_process_stat(pid_t pid, char *state, uint32_t *start)
{
    int      fd, field;
    char     path[32], buf[MXT_STAT_MAX], digit[16], *p, *d;
    ssize_t  n;

    d = digit + sizeof(digit) - 1;
    *d = '\0';

    do {
        *--d = (char) ('0' + pid % 10);
        pid /= 10;
    } while (pid);

    p = stpcpy(path, "/proc/");
    p = stpcpy(p, d);
    (void) stpcpy(p, "/stat");

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    n = read(fd, buf, sizeof(buf) - 1);

    (void) close(fd);

    if (n <= 0) {
        return -1;
    }

    buf[n] = '\0';

    /* the name in parentheses may hold anything, more of them too */

    p = strrchr(buf, ')');

    if (p == NULL || p[1] != ' ') {
        return -1;
    }

    *state = p[2];

    /* the state is field 3, the start time field 22 */

    for (field = 2; field < 22; field++) {
        p = strchr(p + 1, ' ');

        if (p == NULL) {
            return -1;
        }
    }

    *start = (uint32_t) strtoull(p + 1, NULL, 10);

    return 0;
}
