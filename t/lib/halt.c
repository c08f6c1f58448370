/*
 * Stands before the C library and zlib, for t/moment.t: stops a process, or
 * ends it, at a certain step.  MIXTRACK_HALT names a directory; there a file
 *
 *     recv.PID       stops process PID as soon as it has received something
 *     renameat.PID   ... has renamed a file
 *     unlinkat.PID   ... is about to remove a file
 *     deflate        kills who is about to deflate the text that is in it
 *
 * The first three are gone when they have done so.
 */


#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zlib.h>


static char  dir[512];


/* nginx drops its environment */

static void __attribute__((constructor))
halt_init(void)
{
    const char  *p = getenv("MIXTRACK_HALT");

    if (p) {
        snprintf(dir, sizeof(dir), "%s", p);
    }
}


static void
halt_at(const char *step)
{
    char  file[600];

    snprintf(file, sizeof(file), "%s/%s.%d", dir, step, (int) getpid());

    if (dir[0] && unlink(file) == 0) {
        raise(SIGSTOP);
    }
}


ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
    ssize_t  n;

    static ssize_t  (*real)(int, void *, size_t, int);

    if (real == NULL) {
        real = (ssize_t (*)(int, void *, size_t, int)) dlsym(RTLD_NEXT, "recv");
    }

    n = real(fd, buf, len, flags);

    if (n > 0) {
        halt_at("recv");
    }

    return n;
}


int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int  rc;

    static int  (*real)(int, const char *, int, const char *);

    if (real == NULL) {
        real = (int (*)(int, const char *, int, const char *))
                   dlsym(RTLD_NEXT, "renameat");
    }

    rc = real(from_dir, from, to_dir, to);

    halt_at("renameat");

    return rc;
}


int
unlinkat(int fd, const char *file, int flags)
{
    static int  (*real)(int, const char *, int);

    if (real == NULL) {
        real = (int (*)(int, const char *, int)) dlsym(RTLD_NEXT, "unlinkat");
    }

    halt_at("unlinkat");

    return real(fd, file, flags);
}


int
deflate(z_streamp stream, int flush)
{
    int      fd;
    char     file[600], text[64];
    ssize_t  n;

    static int  (*real)(z_streamp, int);

    if (real == NULL) {
        real = (int (*)(z_streamp, int)) dlsym(RTLD_NEXT, "deflate");
    }

    snprintf(file, sizeof(file), "%s/deflate", dir);
    fd = open(file, O_RDONLY);

    if (fd != -1) {
        n = read(fd, text, sizeof(text));
        close(fd);

        if (n > 0 && memmem(stream->next_in, stream->avail_in, text,
                            (size_t) n))
        {
            raise(SIGKILL);
        }
    }

    return real(stream, flush);
}
