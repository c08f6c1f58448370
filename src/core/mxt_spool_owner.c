
/*
 * What root gives away.
 *
 * The directory is in the hands of a user whom root does not trust: what lies
 * there, under whatever name, may be a link to another's file, or another's
 * file itself, moved here.  So root changes the owner of what it has opened
 * and looked at, not of a name; and what is not the directory's owner's, or
 * has a second name, is left alone.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "mxt_file.h"
#include "mxt_reject.h"
#include "mxt_spool.h"


/* from whom, to whom */
typedef struct {
    uid_t  owner;
    uid_t  uid;
    gid_t  gid;
} mxt_spool_owner_t;


static int mxt_spool_give_all(int dir, const mxt_spool_owner_t *o);
static int mxt_spool_give_files(int dir, const mxt_spool_owner_t *o);
static int mxt_spool_give_file(int dir, const char *file,
    const mxt_spool_owner_t *o);
static unsigned mxt_spool_givable(const struct stat *st,
    const mxt_spool_owner_t *o);


int
mxt_spool_give(const char *directory, const char *sub, uid_t uid, gid_t gid)
{
    int                parent, dir, rc;
    struct stat        st;
    mxt_spool_owner_t  o;

    parent = open(directory, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (parent == -1) {
        return (errno == ENOENT) ? 0 : -1;
    }

    dir = openat(parent, sub, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    mxt_file_close(parent);

    if (dir == -1) {
        return (errno == ENOENT) ? 0 : -1;
    }

    rc = fstat(dir, &st);

    if (rc == 0 && st.st_uid != uid) {

        o.owner = st.st_uid;
        o.uid = uid;
        o.gid = gid;

        /* what others may write to is not of our making */

        if (st.st_mode & (S_IWGRP|S_IWOTH)) {
            errno = EPERM;
            rc = -1;

        } else {
            rc = mxt_spool_give_all(dir, &o);
        }
    }

    mxt_file_close(dir);

    return rc;
}


static int
mxt_spool_give_all(int dir, const mxt_spool_owner_t *o)
{
    /* the directory is the last: who is killed before has not begun */

    if (mxt_spool_give_files(dir, o) == -1
        || fchown(dir, o->uid, o->gid) == -1)
    {
        return -1;
    }

    /* and what the former owner has written meanwhile */

    return mxt_spool_give_files(dir, o);
}


static int
mxt_spool_give_files(int dir, const mxt_spool_owner_t *o)
{
    int             err;
    DIR            *d;
    struct dirent  *de;

    d = mxt_file_opendir(dir);
    if (d == NULL) {
        return -1;
    }

    err = 0;

    for ( ;; ) {

        errno = 0;

        de = readdir(d);
        if (de == NULL) {
            break;
        }

        if (mxt_spool_give_file(dir, de->d_name, o) == -1) {
            err = errno;
        }
    }

    if (errno) {
        err = errno;
    }

    (void) closedir(d);

    errno = err;

    return err ? -1 : 0;
}


/* 0 also for what is not ours, or is gone */

static int
mxt_spool_give_file(int dir, const char *file, const mxt_spool_owner_t *o)
{
    int               fd, rc;
    struct stat       st;
    mxt_spool_name_t  name;

    if (mxt_spool_kind(file, &name) == MXT_SPOOL_IS_FOREIGN
        && !mxt_reject_named(file))
    {
        return 0;
    }

    /* opening a device may already be too much */

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return (errno == ENOENT) ? 0 : -1;
    }

    if (!mxt_spool_givable(&st, o)) {
        return 0;
    }

    fd = openat(dir, file, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        return (errno == ENOENT || errno == ELOOP) ? 0 : -1;
    }

    /* by its name it may be another one since */

    rc = fstat(fd, &st);

    if (rc == 0 && mxt_spool_givable(&st, o)) {
        rc = fchown(fd, o->uid, o->gid);
    }

    mxt_file_close(fd);

    return rc;
}


static unsigned
mxt_spool_givable(const struct stat *st, const mxt_spool_owner_t *o)
{
    return S_ISREG(st->st_mode) && st->st_nlink == 1
           && st->st_uid == o->owner;
}
