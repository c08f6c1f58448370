
/*
 * For tests of what works on files: a directory of their own, and the system
 * calls failing in their turn.  A test includes this, and then the .c files
 * that it tests; what comes behind them has calls that can fail, too, but
 * only does so while fail_at is set.
 */


#ifndef MXT_FILES_H
#define MXT_FILES_H


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"


#define NOW   1700000000123ULL      /* 2023-11-14T22:13:20.123Z */


static void files_start(void);
static void files_end(void);
static void put(const char *file, const char *text);
static unsigned entries(void);
static unsigned exists(const char *file);
static void empty(void);
static int descriptors(void);
static int mounted(const char *options, const char *name);
static void unmounted(int fd);
static void forbidden(unsigned mode);
static void allowed(void);
static int fault(void);
static void *test_malloc(size_t size);
static ssize_t test_write(int fd, const void *buf, size_t len);
static ssize_t test_read(int fd, void *buf, size_t len);
static int test_flock(int fd, int op);
static int test_openat(int fd, const char *file, int flags, ...);
static int test_fchown(int fd, uid_t uid, gid_t gid);


/* of the calls below, number fail_at (from 0) fails, with EIO or NULL */

static int  fail_at = -1;
static int  fail_seen;

/* a write() takes no more than that at once */
static size_t  write_max = SIZE_MAX;

/* and how many of them there were, and of malloc() */
static unsigned  writes, mallocs;

/* whether it is NFS, where a lock that is exclusive is for who may write */
static unsigned  over_nfs;

/* called by flock() and read() before they do it */
static void  (*before_lock)(void);
static void  (*before_read)(void);

/* and by openat(), of that file, and by fchown() */
static void  (*before_open)(void);
static void  (*before_chown)(void);
static const char  *before_open_file;

/* the directory, a new one in top; how many descriptors there were with it */
static char  top[] = "/tmp/mxt-files-XXXXXX";
static int   dir;
static int   files_before;


static void
files_start(void)
{
    char  name[sizeof(top) + 2];

    (void) signal(SIGXFSZ, SIG_IGN);

    if (mkdtemp(top) == NULL) {
        perror(top);
        exit(1);
    }

    snprintf(name, sizeof(name), "%s/p", top);

    if (mkdir(name, 0700) == -1
        || (dir = open(name, O_RDONLY|O_DIRECTORY|O_CLOEXEC)) == -1)
    {
        perror(name);
        exit(1);
    }

    files_before = descriptors();
}


static void
files_end(void)
{
    tap_is_u64((uint64_t) descriptors(), (uint64_t) files_before,
               "all descriptors are closed");

    empty();
    (void) close(dir);

    if (chdir(top) == 0) {
        (void) rmdir("p");
        (void) rmdir(top);
    }
}


static void
put(const char *file, const char *text)
{
    int  fd;

    fd = openat(dir, file, O_WRONLY|O_CREAT|O_TRUNC, 0600);

    if (fd == -1
        || write(fd, text, strlen(text)) != (ssize_t) strlen(text))
    {
        perror(file);
        exit(1);
    }

    (void) close(fd);
}


static DIR *
look(void)
{
    return fdopendir(openat(dir, ".", O_RDONLY|O_DIRECTORY));
}


static unsigned
entries(void)
{
    DIR            *d;
    unsigned        n;
    struct dirent  *de;

    n = 0;
    d = look();

    while ((de = readdir(d)) != NULL) {
        n += strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
    }

    closedir(d);

    return n;
}


static unsigned
exists(const char *file)
{
    struct stat  st;

    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
}


static void
empty(void)
{
    DIR            *d;
    struct dirent  *de;

    d = look();

    while ((de = readdir(d)) != NULL) {
        if (unlinkat(dir, de->d_name, 0) == -1) {
            (void) unlinkat(dir, de->d_name, AT_REMOVEDIR);
        }
    }

    closedir(d);
}


static int
descriptors(void)
{
    int   n;
    DIR  *d;

    n = 0;
    d = opendir("/proc/self/fd");

    while (d && readdir(d)) {
        n++;
    }

    if (d) {
        closedir(d);
    }

    return n;
}


/* A tmpfs of its own, which nobody else sees and which ends with us.  With
 * options of NULL it becomes read-only.  A descriptor of it, or -1 and a test
 * that was skipped: only root may. */

static TAP_UNUSED int
mounted(const char *options, const char *name)
{
    int   rc;
    char  path[sizeof(top) + 2];

    snprintf(path, sizeof(path), "%s/m", top);

    if (options == NULL) {
        rc = mount(NULL, path, NULL, MS_REMOUNT|MS_RDONLY, NULL);

    } else if (unshare(CLONE_NEWNS) == -1
               || mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1)
    {
        rc = -1;

    } else {
        (void) mkdir(path, 0700);
        rc = mount("none", path, "tmpfs", 0, options);
    }

    if (rc == -1) {
        tap_ok(1, "%s # SKIP no mount: %s", name, strerror(errno));
        (void) rmdir(path);
        return -1;
    }

    return open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
}


static TAP_UNUSED void
unmounted(int fd)
{
    char  path[sizeof(top) + 2];

    snprintf(path, sizeof(path), "%s/m", top);

    (void) close(fd);
    (void) umount2(path, MNT_DETACH);
    (void) rmdir(path);
}


/* the directory gets that mode, and root becomes nobody */

static TAP_UNUSED void
forbidden(unsigned mode)
{
    if (fchmod(dir, (mode_t) mode) == -1
        || (geteuid() == 0 && seteuid(65534) == -1))
    {
        perror("forbidden");
        exit(1);
    }
}


static TAP_UNUSED void
allowed(void)
{
    if ((getuid() == 0 && seteuid(0) == -1) || fchmod(dir, 0700) == -1) {
        perror("allowed");
        exit(1);
    }
}


static int
fault(void)
{
    if (fail_at == -1 || fail_seen++ != fail_at) {
        return 0;
    }

    errno = EIO;

    return 1;
}


static void *
test_malloc(size_t size)
{
    mallocs++;

    return fault() ? NULL : malloc(size);
}


static ssize_t
test_write(int fd, const void *buf, size_t len)
{
    writes++;

    if (len <= write_max) {
        return fault() ? -1 : write(fd, buf, len);
    }

    /* an invitation to others to write in between */

    (void) sched_yield();

    return fault() ? -1 : write(fd, buf, write_max);
}


static ssize_t
test_read(int fd, void *buf, size_t len)
{
    if (before_read) {
        before_read();
    }

    return fault() ? -1 : read(fd, buf, len);
}


static int
test_flock(int fd, int op)
{
    if (before_lock) {
        before_lock();
    }

    if (over_nfs && (op & LOCK_EX)
        && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
    {
        errno = EBADF;
        return -1;
    }

    return fault() ? -1 : flock(fd, op);
}


static TAP_UNUSED int
test_openat(int fd, const char *file, int flags, ...)
{
    va_list   args;
    unsigned  mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, unsigned) : 0;
    va_end(args);

    if (before_open && strcmp(file, before_open_file) == 0) {
        before_open();
    }

    return fault() ? -1 : openat(fd, file, flags, mode);
}


static TAP_UNUSED int
test_fchown(int fd, uid_t uid, gid_t gid)
{
    if (before_chown) {
        before_chown();
    }

    return fault() ? -1 : fchown(fd, uid, gid);
}


#define malloc(n)             test_malloc(n)
#define write(f, b, n)        test_write(f, b, n)
#define read(f, b, n)         test_read(f, b, n)
#define flock(f, o)           test_flock(f, o)
#define fsync(f)              (fault() ? -1 : fsync(f))
#define openat(...)           test_openat(__VA_ARGS__)
#define fchown(f, u, g)       test_fchown(f, u, g)
#define open(...)             (fault() ? -1 : open(__VA_ARGS__))
#define renameat(a, b, c, d)  (fault() ? -1 : renameat(a, b, c, d))
#define fstat(f, s)           (fault() ? -1 : fstat(f, s))
#define fdopendir(f)          (fault() ? NULL : fdopendir(f))
#define mkdirat(d, n, m)      (fault() ? -1 : mkdirat(d, n, m))


#endif /* MXT_FILES_H */
