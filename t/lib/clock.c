/*
 * A wall clock that is set while processes run, for t/clock.t: LD_PRELOADed,
 * it adds the seconds that are in the file MIXTRACK_CLOCK.  The monotonic clock
 * goes on.  By system calls alone, so that a sanitizer's library which comes
 * first finds nothing to wait for in it: libfaketime hangs there.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static char  file[512];


/* nginx drops its environment */

static void __attribute__((constructor))
clock_init(void)
{
    const char  *p = getenv("MIXTRACK_CLOCK");

    if (p) {
        snprintf(file, sizeof(file), "%s", p);
    }
}


static long
clock_offset(void)
{
    int   fd, error;
    char  text[32];
    long  n;

    if (file[0] == '\0') {
        return 0;
    }

    error = errno;
    fd = (int) syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    n = (fd == -1) ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);

    if (fd != -1) {
        syscall(SYS_close, fd);
    }

    text[n > 0 ? n : 0] = '\0';
    errno = error;

    return strtol(text, NULL, 10);
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += clock_offset();
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;
    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
