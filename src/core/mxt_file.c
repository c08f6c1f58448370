
/*
 * System calls on files and directories, done to the end.
 */


#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "mxt_file.h"


/* a lock is waited for a second: tries, and ns between them */
#define MXT_FILE_LOCK_TRIES  500
#define MXT_FILE_LOCK_REST   2000000L


int
mxt_file_write(int fd, const void *buf, size_t len)
{
    ssize_t               n;
    const unsigned char  *p;

    p = buf;

    while (len) {

        n = write(fd, p, len);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return -1;
        }

        if (n == 0) {
            errno = EIO;
            return -1;
        }

        p += n;
        len -= (size_t) n;
    }

    return 0;
}


int
mxt_file_lock(int fd)
{
    unsigned         tries;
    struct timespec  rest;

    /* a holder is stopped, or its disk hangs: not a reason to hang as well */

    rest.tv_sec = 0;
    rest.tv_nsec = MXT_FILE_LOCK_REST;

    for (tries = 0; tries < MXT_FILE_LOCK_TRIES; tries++) {

        if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
            return 0;
        }

        if (errno != EWOULDBLOCK && errno != EINTR) {
            return -1;
        }

        (void) nanosleep(&rest, NULL);
    }

    errno = EWOULDBLOCK;

    return -1;
}


void
mxt_file_close(int fd)
{
    int  err;

    err = errno;
    (void) close(fd);
    errno = err;
}


DIR *
mxt_file_opendir(int dir)
{
    int   fd;
    DIR  *d;

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    d = fdopendir(fd);
    if (d == NULL) {
        mxt_file_close(fd);
    }

    return d;
}


int
mxt_file_sync_dir(int dir)
{
    /* EINVAL is a file system that has no such thing */

    return (fsync(dir) == -1 && errno != EINVAL) ? -1 : 0;
}


int
mxt_file_inherit(int fd, int dir)
{
    struct stat  st, parent;

    if (geteuid() != 0) {
        return 0;
    }

    if (fstat(fd, &st) == -1 || fstat(dir, &parent) == -1) {
        return -1;
    }

    /* the owner may have put another one in its place */

    if (st.st_uid != 0 || (st.st_mode & (S_IWGRP|S_IWOTH))) {
        return 0;
    }

    return fchown(fd, parent.st_uid, parent.st_gid);
}
