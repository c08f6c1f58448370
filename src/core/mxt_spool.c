
/*
 * The spool: batches on disk.
 *
 * The invariant: under the name of a batch lies the whole batch, fsynced,
 * or nothing; and only the holder of the file's lock, having seen that the
 * name is still this file, takes the name away.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "mxt_file.h"
#include "mxt_reject.h"
#include "mxt_spool.h"


/* seconds after which a writer that left a temporary file is dead */
#define MXT_SPOOL_TEMP_AGE  3600

#define MXT_SPOOL_CLAIM     (O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC)


static int mxt_spool_lock(int dir, const char *file, struct stat *st);
static int mxt_spool_read(mxt_spool_file_t *f, const struct stat *st);
static int mxt_spool_walk(int dir, uint64_t destination,
    mxt_spool_list_t *list, unsigned sweep);
static mxt_spool_kind_e mxt_spool_look(int dir, const char *file,
    uint64_t destination, mxt_spool_list_t *list);
static void mxt_spool_insert(mxt_spool_list_t *list, const char *file);
static void mxt_spool_sweep(int dir, const char *file);


int
mxt_spool_open(const char *directory, const char *sub)
{
    int       parent, fd;
    unsigned  made;

    if (*sub == '\0' || strchr(sub, '/') || strcmp(sub, ".") == 0
        || strcmp(sub, "..") == 0)
    {
        errno = EINVAL;
        return -1;
    }

    parent = open(directory, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (parent == -1) {
        return -1;
    }

    made = (mkdirat(parent, sub, 0700) == 0);

    if (made) {

        /* or a crash may take the directory and the batches in it */

        if (mxt_file_sync_dir(parent) == -1) {
            mxt_file_close(parent);
            return -1;
        }

    } else if (errno != EEXIST) {
        mxt_file_close(parent);
        return -1;
    }

    fd = openat(parent, sub, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (made && fd != -1 && mxt_file_inherit(fd, parent) == -1) {
        mxt_file_close(fd);
        fd = -1;
    }

    mxt_file_close(parent);

    return fd;
}


int
mxt_spool_write(int dir, const mxt_spool_name_t *name, const void *body,
    size_t len)
{
    int          fd, err;
    char         temp[sizeof(MXT_SPOOL_TEMP) + MXT_SPOOL_NAME_MAX];
    const char  *file;

    if (len == 0 || len > MXT_SPOOL_FILE_MAX) {
        errno = len ? EFBIG : EINVAL;
        return -1;
    }

    memcpy(temp, MXT_SPOOL_TEMP, sizeof(MXT_SPOOL_TEMP));
    mxt_spool_format(name, temp + sizeof(MXT_SPOOL_TEMP) - 1);

    file = temp + sizeof(MXT_SPOOL_TEMP) - 1;

    fd = openat(dir, temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == -1) {
        return -1;
    }

    /* the lock tells mxt_spool_list() that the writer lives */

    if (flock(fd, LOCK_EX|LOCK_NB) == -1
        || mxt_file_inherit(fd, dir) == -1
        || mxt_file_write(fd, body, len) == -1
        || fsync(fd) == -1
        || renameat(dir, temp, dir, file) == -1)
    {
        err = errno;
        (void) unlinkat(dir, temp, 0);
        close(fd);
        errno = err;
        return -1;
    }

    /* the file is still locked: nobody can have claimed it */

    if (mxt_file_sync_dir(dir) == -1) {
        err = errno;
        (void) unlinkat(dir, file, 0);
        close(fd);
        errno = err;
        return -1;
    }

    close(fd);

    return 0;
}


int
mxt_spool_list(int dir, uint64_t destination, mxt_spool_list_t *list)
{
    return mxt_spool_walk(dir, destination, list, 1);
}


int
mxt_spool_count(int dir, uint64_t destination, mxt_spool_list_t *list)
{
    return mxt_spool_walk(dir, destination, list, 0);
}


int
mxt_spool_claim(int dir, const char *file, mxt_spool_file_t *f)
{
    int          fd;
    struct stat  st;

    memset(f, 0, sizeof(mxt_spool_file_t));

    f->fd = -1;
    f->dir = dir;

    if (mxt_spool_parse(file, &f->name) != 0) {
        errno = EINVAL;
        return -1;
    }

    memcpy(f->file, file, strlen(file) + 1);

    fd = mxt_spool_lock(dir, file, &st);

    if (fd == -1) {
        return (errno == ENOENT || errno == EWOULDBLOCK) ? 0 : -1;
    }

    f->fd = fd;

    if (mxt_spool_read(f, &st) == -1) {
        mxt_spool_release(f);
        return -1;
    }

    return 1;
}


int
mxt_spool_unlink(mxt_spool_file_t *f)
{
    int          err;
    struct stat  st;

    if (f->fd == -1) {
        errno = EBADF;
        return -1;
    }

    if (unlinkat(f->dir, f->file, 0) == 0 || errno == ENOENT) {
        return 0;
    }

    err = errno;

    /* with its directory the file may be gone, and f->dir another's by now */

    if (fstat(f->fd, &st) == 0 && st.st_nlink == 0) {
        return 0;
    }

    errno = err;
    return -1;
}


int
mxt_spool_done(mxt_spool_file_t *f)
{
    int  err;

    if (mxt_spool_unlink(f) == -1) {

        /* as long as it is locked, nobody sends it again */

        err = errno;

        free(f->body);
        f->body = NULL;
        f->len = 0;

        errno = err;
        return -1;
    }

    mxt_spool_release(f);

    return 0;
}


int
mxt_spool_writable(int dir)
{
    return faccessat(dir, ".", W_OK|X_OK, AT_EACCESS);
}


void
mxt_spool_release(mxt_spool_file_t *f)
{
    free(f->body);
    f->body = NULL;
    f->len = 0;

    if (f->fd != -1) {
        mxt_file_close(f->fd);
        f->fd = -1;
    }
}


int
mxt_spool_set_aside(mxt_spool_file_t *f)
{
    int          rc;
    char         bad[MXT_SPOOL_NAME_MAX + sizeof(MXT_SPOOL_BAD)];
    struct stat  st;

    if (f->file[0] == '\0') {
        errno = EINVAL;
        return -1;
    }

    /* one that could not be read was let go of */

    if (f->fd == -1) {
        f->fd = mxt_spool_lock(f->dir, f->file, &st);

        /* who may not open it cannot lock it, but then he cannot send it */

        if (f->fd == -1 && !mxt_spool_hopeless(errno)) {
            return -1;
        }
    }

    snprintf(bad, sizeof(bad), "%s%s", f->file, MXT_SPOOL_BAD);

    rc = renameat(f->dir, f->file, f->dir, bad);

    mxt_spool_release(f);

    return rc;
}


int
mxt_spool_hopeless(int err)
{
    return err == EINVAL || err == EFBIG || err == EACCES || err == EPERM
           || err == ELOOP || err == EIO;
}


/*
 * Opens and locks a batch, if it is one.  A descriptor, or -1: ENOENT if it
 * is gone, EWOULDBLOCK if another process has it.
 */

static int
mxt_spool_lock(int dir, const char *file, struct stat *st)
{
    int          fd;
    struct stat  named;

    /* NFS has no exclusive lock for who cannot write */

    fd = openat(dir, file, MXT_SPOOL_CLAIM|O_RDWR);

    if (fd == -1
        && (errno == EACCES || errno == EPERM || errno == EROFS
            || errno == ETXTBSY || errno == EISDIR))
    {
        fd = openat(dir, file, MXT_SPOOL_CLAIM|O_RDONLY);
    }

    if (fd == -1) {
        return -1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1
        || fstat(fd, st) == -1
        || fstatat(dir, file, &named, AT_SYMLINK_NOFOLLOW) == -1)
    {
        mxt_file_close(fd);
        return -1;
    }

    /* sent and unlinked between open and lock, perhaps written anew since */

    if (named.st_dev != st->st_dev || named.st_ino != st->st_ino) {
        mxt_file_close(fd);
        errno = ENOENT;
        return -1;
    }

    return fd;
}


static int
mxt_spool_read(mxt_spool_file_t *f, const struct stat *st)
{
    size_t   size;
    ssize_t  n;

    if (!S_ISREG(st->st_mode) || st->st_size == 0) {
        errno = EINVAL;
        return -1;
    }

    if (st->st_size > MXT_SPOOL_FILE_MAX) {
        errno = EFBIG;
        return -1;
    }

    size = (size_t) st->st_size;

    f->body = malloc(size);
    if (f->body == NULL) {
        return -1;
    }

    while (f->len < size) {

        n = read(f->fd, f->body + f->len, size - f->len);

        if (n > 0) {
            f->len += (size_t) n;
            continue;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        /* somebody cuts it off under our hands */

        if (n == 0) {
            errno = EIO;
        }

        return -1;
    }

    return 0;
}


static int
mxt_spool_walk(int dir, uint64_t destination, mxt_spool_list_t *list,
    unsigned sweep)
{
    int                err;
    DIR               *d;
    struct stat        st;
    struct dirent     *de;
    mxt_spool_kind_e   kind;

    list->n = 0;
    list->files = 0;
    list->foreign = 0;
    list->bad = 0;
    list->strange = 0;
    list->bytes = 0;

    d = mxt_file_opendir(dir);
    if (d == NULL) {
        return -1;
    }

    for ( ;; ) {

        errno = 0;

        de = readdir(d);
        if (de == NULL) {
            break;
        }

        kind = mxt_spool_look(dir, de->d_name, destination, list);

        if (sweep && kind == MXT_SPOOL_IS_TEMP) {
            mxt_spool_sweep(dir, de->d_name);
        }
    }

    err = errno;

    /* one that was removed is read as if it were empty */

    if (err == 0 && fstat(dir, &st) == -1) {
        err = errno;

    } else if (err == 0 && st.st_nlink == 0) {
        err = ENOENT;
    }

    (void) closedir(d);

    if (err) {
        errno = err;
        return -1;
    }

    return 0;
}


/* whatever it is, it is counted once or not at all */

static mxt_spool_kind_e
mxt_spool_look(int dir, const char *file, uint64_t destination,
    mxt_spool_list_t *list)
{
    struct stat       st;
    mxt_spool_kind_e  kind;
    mxt_spool_name_t  name;

    kind = mxt_spool_kind(file, &name);

    if (kind == MXT_SPOOL_IS_BAD) {
        list->bad++;
        return kind;
    }

    if (kind == MXT_SPOOL_IS_TEMP) {
        return kind;
    }

    /* among those with a dot are what NFS has of a file that is unlinked, and
     * the directory itself */

    if ((kind == MXT_SPOOL_IS_FOREIGN && file[0] == '.')
        || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
    {
        return kind;
    }

    if (!S_ISREG(st.st_mode)
        || (kind == MXT_SPOOL_IS_FOREIGN && !mxt_reject_named(file)))
    {
        list->strange++;
        return kind;
    }

    if (kind == MXT_SPOOL_IS_FOREIGN) {
        return kind;
    }

    if (name.destination != destination) {
        list->foreign++;

    } else {
        list->files++;
        list->bytes += (uint64_t) st.st_size;

        if (list->after == NULL || strcmp(file, list->after) > 0) {
            mxt_spool_insert(list, file);
        }
    }

    return kind;
}


/* keeps the list sorted, and the oldest when it is full */

static void
mxt_spool_insert(mxt_spool_list_t *list, const char *file)
{
    uint32_t  low, high, mid;

    low = 0;
    high = list->n;

    while (low < high) {
        mid = low + (high - low) / 2;

        if (strcmp(list->file[mid], file) < 0) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    if (low == list->max) {
        return;
    }

    if (list->n < list->max) {
        list->n++;
    }

    memmove(list->file[low + 1], list->file[low],
            (list->n - low - 1) * (size_t) MXT_SPOOL_NAME_MAX);
    memcpy(list->file[low], file, strlen(file) + 1);
}


/* what a writer that died has left behind */

static void
mxt_spool_sweep(int dir, const char *file)
{
    int          fd;
    struct stat  st;

    /* a young one is not even locked for a look: its writer may be about to */

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1
        || !S_ISREG(st.st_mode)
        || time(NULL) - st.st_mtime <= MXT_SPOOL_TEMP_AGE)
    {
        return;
    }

    fd = mxt_spool_lock(dir, file, &st);
    if (fd == -1) {
        return;
    }

    (void) unlinkat(dir, file, 0);
    mxt_file_close(fd);
}
