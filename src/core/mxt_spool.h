
/*
 * The spool: batches on disk.
 *
 * A file is one batch exactly as it goes over the wire.  It appears under
 * its name whole and fsynced or not at all; it is sent by the process that
 * holds its lock and still sees its name, and unlinked only after the
 * batch was acknowledged.  Until it is whole it is named .tmp-NAME and locked;
 * what a writer that died left so is removed by mxt_spool_list() after an
 * hour.  What the name tells is in mxt_spool_name.h.  A file that cannot be
 * sent is set aside as NAME.bad; rejected events lie beside it, see
 * mxt_reject.h.  Everything else in the directory is strange and left alone.
 */


#ifndef MXT_SPOOL_H
#define MXT_SPOOL_H


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mxt_spool_name.h"


/* a batch is bounded by the API's 10 MB; what is larger is not ours */
#define MXT_SPOOL_FILE_MAX  (16 * 1024 * 1024)


/* a claimed file */
typedef struct {
    int               fd;       /* locked; -1 is none */
    int               dir;      /* the caller's */
    char              file[MXT_SPOOL_NAME_MAX];
    mxt_spool_name_t  name;
    unsigned char    *body;     /* malloc'ed by mxt_spool_claim() */
    size_t            len;
} mxt_spool_file_t;


/* what a look at the directory found */
typedef struct {
    uint32_t          n;                /* names in file[] */
    uint32_t          files;            /* of this destination, in all */
    uint32_t          foreign;          /* of another destination */
    uint32_t          bad;              /* set aside, of any destination */
    uint32_t          strange;          /* no name of ours, or no file */
    uint64_t          bytes;            /* of this destination's files */
    char            (*file)[MXT_SPOOL_NAME_MAX];    /* the caller's array */
    uint32_t          max;              /* its size */
    const char       *after;            /* no older names; NULL is all */
} mxt_spool_list_t;


#pragma GCC visibility push(hidden)


/*
 * Opens directory/sub for the calls below, making sub (mode 0700) if it is
 * not there.  A descriptor that the caller closes, or -1 with errno (EINVAL
 * if sub is empty, ".", ".." or has a slash in it).  What root makes, here
 * and below, belongs to the owner of the directory that it is made in.
 */
int mxt_spool_open(const char *directory, const char *sub);

/*
 * Root gives directory/sub to a user, with all in it that has a name of ours
 * and is the owner's that sub has had: regular files, and with one name only.
 * 0, also if it is the user's already or not there; or -1 with errno (EPERM
 * if others may write to it), and some of it is given or nothing.
 */
int mxt_spool_give(const char *directory, const char *sub, uid_t uid,
    gid_t gid);

/*
 * Writes one batch: to a temporary name (O_EXCL, O_NOFOLLOW, 0600), fsync,
 * rename, fsync of the directory.  0, or -1 with errno, and then nothing of
 * it is left (EINVAL if it is empty, EFBIG beyond MXT_SPOOL_FILE_MAX: nobody
 * could claim it).  Blocks for the time of two fsyncs.
 */
int mxt_spool_write(int dir, const mxt_spool_name_t *name, const void *body,
    size_t len);

/*
 * Fills list with the oldest files of destination, sorted by name, at most
 * list->max of them, behind list->after, and the totals of all.  Bounded
 * memory whatever the number of files; one fstatat() for each.  Only regular
 * files count, whether claimed or not, but for those set aside, which may be
 * anything.  What begins with a dot is ours or nobody's, and never strange.
 * 0, or -1 with errno (ENOENT if the directory was removed).  Removes what
 * writers that died have left.
 */
int mxt_spool_list(int dir, uint64_t destination, mxt_spool_list_t *list);

/* The same, for who only looks: nothing is removed. */
int mxt_spool_count(int dir, uint64_t destination, mxt_spool_list_t *list);

/*
 * Claims a file: opens it (no symbolic link, regular files only), locks it
 * without waiting, looks that the name is still this file, reads it.
 * 1 if claimed; 0 if another process has it or it is gone; -1 with errno if
 * it cannot be read (EFBIG beyond MXT_SPOOL_FILE_MAX; EINVAL if empty, not a
 * regular file, or not a name of ours; ELOOP if a symbolic link).  Whatever
 * it returns, f may be given to mxt_spool_release(), which has nothing to do
 * unless it was 1; after -1 also to mxt_spool_set_aside().
 */
int mxt_spool_claim(int dir, const char *file, mxt_spool_file_t *f);

/* Unlinks a claimed file, which stays claimed, and has its body.  0, also if it
 * is gone already; or -1 with errno. */
int mxt_spool_unlink(mxt_spool_file_t *f);

/*
 * The batch was acknowledged: unlinks the file, then releases it.  0, or -1
 * with errno if it could not be unlinked: then it has no body any more, but
 * its lock, so that nobody sends it again, and this may be tried another time.
 * That it is gone already is no error.
 */
int mxt_spool_done(mxt_spool_file_t *f);

/* May files be taken out of the directory, as far as its mode and file system
 * tell?  0, or -1 with errno. */
int mxt_spool_writable(int dir);

/* Frees the body, lets go of the lock; the file stays.  Idempotent. */
void mxt_spool_release(mxt_spool_file_t *f);

/* Is an error of mxt_spool_claim() one that will be the same next time (it may
 * not be read, the disk is bad, it is no batch), and not of the moment? */
int mxt_spool_hopeless(int err);

/* Renames a claimed file to its name with ".bad" behind it and releases it:
 * set aside for a human.  0, or -1 with errno.  One that could not be read
 * is locked again first, if it may be opened: then also -1 with EWOULDBLOCK or
 * ENOENT. */
int mxt_spool_set_aside(mxt_spool_file_t *f);


#pragma GCC visibility pop


#endif /* MXT_SPOOL_H */
