
/*
 * What was given up, for a human.
 *
 * The invariant: who appends holds the directory's lock, from before the
 * sizes are looked at until all is on disk or taken back.  So the limit
 * holds for all writers together, and a file that is removed because
 * nothing came into it is not open elsewhere.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "mxt_file.h"
#include "mxt_json.h"
#include "mxt_reject.h"


#define MXT_REJECT_PREFIX  "rejected-"
#define MXT_REJECT_SUFFIX  ".ndjson"

#define MXT_REJECT_NAME    64

/* what stands before the event: time, and a reason at its longest */
#define MXT_REJECT_HEAD    (64 + 6 * MXT_JSON_STRING_MAX + 2)

#define MXT_REJECT_OPEN                                                      \
    (O_RDWR|O_APPEND|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC)

/* lines are gathered to so much for a write(), unless one is longer */
#define MXT_REJECT_BUFFER  (256 * 1024)


/* one call */
typedef struct {
    const mxt_span_t  *event;
    uint32_t           n;
    char               file[MXT_REJECT_NAME];
    unsigned char      head[MXT_REJECT_HEAD];
    size_t             head_len;
    unsigned char     *buf;
    size_t             size;        /* of buf */
    uint64_t           total;       /* bytes of all lines */
} mxt_reject_t;


static int mxt_reject_name(mxt_reject_t *r, uint64_t now);
static void mxt_reject_head(mxt_reject_t *r, uint64_t now,
    const char *reason);
static void mxt_reject_measure(mxt_reject_t *r);
static int mxt_reject_locked(mxt_reject_t *r, int dir, DIR *d, uint64_t max);
static int mxt_reject_sizes(int dir, DIR *d, uint64_t *bytes);
static int mxt_reject_append(mxt_reject_t *r, int fd, uint64_t room);
static int mxt_reject_lines(mxt_reject_t *r, int fd);
static size_t mxt_reject_line(mxt_reject_t *r, const mxt_span_t *event,
    unsigned char *p);
static size_t mxt_reject_event(const mxt_span_t *event,
    const unsigned char **data);


int
mxt_reject(int dir, uint64_t now, const char *reason, const mxt_span_t *event,
    uint32_t n, uint64_t max)
{
    int           rc, err;
    DIR          *d;
    mxt_reject_t  r;

    if (n == 0) {
        return 0;
    }

    r.event = event;
    r.n = n;

    if (mxt_reject_name(&r, now) == -1) {
        return -1;
    }

    mxt_reject_head(&r, now, reason);
    mxt_reject_measure(&r);

    r.buf = malloc(r.size);
    if (r.buf == NULL) {
        return -1;
    }

    d = mxt_file_opendir(dir);

    rc = -1;

    if (d) {
        rc = mxt_reject_locked(&r, dir, d, max);

        err = errno;
        (void) closedir(d);
        errno = err;
    }

    free(r.buf);

    return rc;
}


int
mxt_reject_named(const char *file)
{
    size_t  n;

    n = strlen(file);

    return n >= sizeof(MXT_REJECT_PREFIX) - 1 + sizeof(MXT_REJECT_SUFFIX) - 1
           && memcmp(file, MXT_REJECT_PREFIX, sizeof(MXT_REJECT_PREFIX) - 1)
              == 0
           && strcmp(file + n - (sizeof(MXT_REJECT_SUFFIX) - 1),
                     MXT_REJECT_SUFFIX)
              == 0;
}


static int
mxt_reject_name(mxt_reject_t *r, uint64_t now)
{
    time_t     sec;
    struct tm  tm;

    sec = (time_t) (now / 1000);

    if (gmtime_r(&sec, &tm) == NULL) {
        return -1;
    }

    snprintf(r->file, sizeof(r->file),
             MXT_REJECT_PREFIX "%04d%02d%02d" MXT_REJECT_SUFFIX,
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);

    return 0;
}


static void
mxt_reject_head(mxt_reject_t *r, uint64_t now, const char *reason)
{
    mxt_json_t  j;

    mxt_json_init(&j, r->head, sizeof(r->head));

    mxt_json_raw(&j, "{\"time\":", 8);
    mxt_json_uint(&j, now);
    mxt_json_raw(&j, ",\"reason\":", 10);
    (void) mxt_json_string(&j, reason, strlen(reason));
    mxt_json_raw(&j, ",\"event\":", 9);

    r->head_len = (size_t) (j.pos - j.start);
}


/* how much there is to write, and how much of it at once */

static void
mxt_reject_measure(mxt_reject_t *r)
{
    size_t                len, longest;
    uint32_t              i;
    const unsigned char  *data;

    r->total = 0;
    longest = 0;

    for (i = 0; i < r->n; i++) {

        /* and the brace and the line break behind it */

        len = r->head_len + mxt_reject_event(&r->event[i], &data) + 2;

        r->total += len;
        longest = (len > longest) ? len : longest;
    }

    r->size = (longest > MXT_REJECT_BUFFER) ? longest : MXT_REJECT_BUFFER;

    if (r->total < r->size) {
        r->size = (size_t) r->total;
    }
}


static int
mxt_reject_locked(mxt_reject_t *r, int dir, DIR *d, uint64_t max)
{
    int       fd, rc, err, fresh;
    uint64_t  bytes;

    if (mxt_file_lock(dirfd(d)) == -1) {
        return -1;
    }

    bytes = 0;

    if (max) {

        if (mxt_reject_sizes(dir, d, &bytes) == -1) {
            return -1;
        }

        if (bytes > max || r->total > max - bytes) {
            errno = EDQUOT;
            return -1;
        }
    }

    fresh = 0;

    fd = openat(dir, r->file, MXT_REJECT_OPEN);

    if (fd == -1 && errno == ENOENT) {
        fresh = 1;
        fd = openat(dir, r->file, MXT_REJECT_OPEN|O_CREAT|O_EXCL, 0600);
    }

    if (fd == -1) {
        return -1;
    }

    rc = fresh ? mxt_file_inherit(fd, dir) : 0;

    if (rc == 0) {
        rc = mxt_reject_append(r, fd, max ? max - bytes : UINT64_MAX);
    }

    /* a name that is new is not safe before its directory is */

    if (rc == 0 && fresh) {
        rc = mxt_file_sync_dir(dir);
    }

    err = errno;

    if (rc == -1 && fresh) {
        (void) unlinkat(dir, r->file, 0);
    }

    (void) close(fd);

    errno = err;

    return rc;
}


static int
mxt_reject_sizes(int dir, DIR *d, uint64_t *bytes)
{
    struct stat     st;
    struct dirent  *de;

    for ( ;; ) {

        errno = 0;

        de = readdir(d);
        if (de == NULL) {
            return errno ? -1 : 0;
        }

        if (mxt_reject_named(de->d_name)
            && fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(st.st_mode))
        {
            *bytes += (uint64_t) st.st_size;
        }
    }
}


/* all lines, and no more than room bytes in all; or nothing */

static int
mxt_reject_append(mxt_reject_t *r, int fd, uint64_t room)
{
    int          err, torn;
    char         last;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }

    /* a line that a crash has torn ends here */

    torn = st.st_size > 0
           && pread(fd, &last, 1, st.st_size - 1) == 1
           && last != '\n';

    if (torn && r->total == room) {
        errno = EDQUOT;
        return -1;
    }

    if ((torn && mxt_file_write(fd, "\n", 1) == -1)
        || mxt_reject_lines(r, fd) == -1
        || fsync(fd) == -1)
    {
        err = errno;

        if (ftruncate(fd, st.st_size) == -1) {
            /* void */
        }

        errno = err;
        return -1;
    }

    return 0;
}


static int
mxt_reject_lines(mxt_reject_t *r, int fd)
{
    size_t                len, used;
    uint32_t              i;
    const unsigned char  *data;

    used = 0;

    for (i = 0; i < r->n; i++) {

        len = r->head_len + mxt_reject_event(&r->event[i], &data) + 2;

        if (len > r->size - used) {

            if (mxt_file_write(fd, r->buf, used) == -1) {
                return -1;
            }

            used = 0;
        }

        used += mxt_reject_line(r, &r->event[i], r->buf + used);
    }

    return mxt_file_write(fd, r->buf, used);
}


static size_t
mxt_reject_line(mxt_reject_t *r, const mxt_span_t *event, unsigned char *p)
{
    size_t                i, len;
    const unsigned char  *data;

    memcpy(p, r->head, r->head_len);
    p += r->head_len;

    len = mxt_reject_event(event, &data);

    /* in JSON these are white space, and a line is a line */

    for (i = 0; i < len; i++) {
        *p++ = (data[i] == '\n' || data[i] == '\r') ? ' ' : data[i];
    }

    *p++ = '}';
    *p = '\n';

    return r->head_len + len + 2;
}


/* the event itself, without its comma; what is not there is null */

static size_t
mxt_reject_event(const mxt_span_t *event, const unsigned char **data)
{
    size_t  len;

    len = event->len;

    if (len && event->data[len - 1] == ',') {
        len--;
    }

    if (len == 0) {
        *data = (const unsigned char *) "null";
        return 4;
    }

    *data = event->data;

    return len;
}
