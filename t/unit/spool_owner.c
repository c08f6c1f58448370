
/*
 * Who owns what root makes in the spool, and what root gives to another user
 * and what it does not, for somebody may have put it there to have it.  Only
 * root can try.
 */


#include "files.h"

#include "../../src/core/mxt_file.c"
#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_reject.c"
#include "../../src/core/mxt_spool.c"
#include "../../src/core/mxt_spool_name.c"
#include "../../src/core/mxt_spool_owner.c"


#define DEST   0xfeedfacecafebeefULL
#define DAY    "rejected-20231114.ndjson"

/* three users that need not exist */
#define ONE    60001
#define TWO    60002
#define THREE  60003


static void made(void);
static void given(void);
static void not_given(void);
static void not_ours(void);
static void replaced(void);
static void meanwhile(void);
static void faults(void);
static mxt_spool_name_t name_of(uint32_t seq);
static const char *batch(uint32_t seq, const char *format);
static void put_of(uid_t uid, const char *file);
static uid_t owner(const char *file);
static int give(uid_t uid);


int
main(void)
{
    files_start();

    if (geteuid() == 0) {
        made();
        given();
        not_given();
        not_ours();
        replaced();
        meanwhile();
        faults();

    } else {
        tap_ok(1, "giving # SKIP only root can");
    }

    files_end();

    return tap_done();
}


static void
made(void)
{
    int               fd;
    mxt_span_t        event;
    struct stat       st;
    mxt_spool_name_t  name;

    event.data = (const unsigned char *) "1";
    event.len = 1;

    (void) fchown(dir, ONE, TWO);

    name = name_of(1);
    tap_ok(mxt_spool_write(dir, &name, "[1]", 3) == 0
           && owner(batch(1, "%s")) == ONE, "a batch is the directory's");
    tap_ok(mxt_reject(dir, NOW, "x", &event, 1, 0) == 0 && owner(DAY) == ONE,
           "and rejected events are");

    (void) fchownat(dir, DAY, TWO, TWO, 0);
    tap_ok(mxt_reject(dir, NOW, "x", &event, 1, 0) == 0 && owner(DAY) == TWO,
           "a file that was there stays whose it is");

    fd = openat(AT_FDCWD, top, O_RDONLY|O_DIRECTORY);
    (void) fchown(fd, ONE, TWO);

    (void) close(mxt_spool_open(top, "q"));
    tap_ok(fstatat(fd, "q", &st, 0) == 0 && st.st_uid == ONE
           && st.st_gid == TWO && (st.st_mode & 07777) == 0700,
           "and a directory is");

    (void) fchownat(fd, "q", THREE, THREE, 0);
    (void) close(mxt_spool_open(top, "q"));
    tap_ok(fstatat(fd, "q", &st, 0) == 0 && st.st_uid == THREE,
           "one that was there stays whose it is");

    (void) unlinkat(fd, "q", AT_REMOVEDIR);
    (void) fchown(fd, 0, 0);
    (void) close(fd);

    (void) fchown(dir, 0, 0);
    empty();
}


static void
given(void)
{
    struct stat  st;

    put_of(ONE, batch(1, "%s"));
    put_of(ONE, batch(2, "%s.bad"));
    put_of(ONE, batch(3, ".tmp-%s"));
    put_of(ONE, DAY);

    (void) fchown(dir, ONE, ONE);

    tap_ok(give(TWO) == 0 && fstat(dir, &st) == 0 && st.st_uid == TWO
           && st.st_gid == THREE, "the directory is given");
    tap_ok(owner(batch(1, "%s")) == TWO, "a batch in it");
    tap_ok(owner(batch(2, "%s.bad")) == TWO, "one that was set aside");
    tap_ok(owner(batch(3, ".tmp-%s")) == TWO, "one that is being written");
    tap_ok(owner(DAY) == TWO, "rejected events");

    put_of(ONE, batch(1, "%s"));
    tap_ok(give(TWO) == 0 && owner(batch(1, "%s")) == ONE,
           "nothing is done when the directory is the user's");

    put_of(0, batch(1, "%s"));
    (void) fchown(dir, 0, 0);
    tap_ok(give(TWO) == 0 && owner(batch(1, "%s")) == TWO,
           "what root has made is given as well");

    tap_ok(mxt_spool_give(top, "none", TWO, TWO) == 0
           && mxt_spool_give("/nonexistent/mxt", "p", TWO, TWO) == 0,
           "nothing is there");

    (void) fchown(dir, 0, 0);
    empty();
}


static void
not_given(void)
{
    char         link[300];
    struct stat  st;

    put_of(ONE, "foreign");
    put_of(ONE, ".tmp-foreign");
    put_of(THREE, batch(1, "%s"));
    put_of(0, batch(2, "%s"));

    /* of another directory, which the owner has linked or moved here */

    put_of(ONE, "target");
    (void) symlinkat("target", dir, batch(3, "%s"));
    (void) linkat(dir, "target", dir, batch(4, "%s"), 0);
    (void) mkdirat(dir, batch(5, "%s"), 0700);
    (void) fchownat(dir, batch(5, "%s"), ONE, ONE, 0);
    (void) mkfifoat(dir, batch(6, "%s"), 0600);
    (void) fchownat(dir, batch(6, "%s"), ONE, ONE, 0);

    (void) fchown(dir, ONE, ONE);

    tap_ok(give(TWO) == 0 && fstat(dir, &st) == 0 && st.st_uid == TWO,
           "a directory with strange files is given");
    tap_ok(owner("foreign") == ONE && owner(".tmp-foreign") == ONE,
           "not what has no name of ours");
    tap_ok(owner(batch(1, "%s")) == THREE, "nor what is another user's");
    tap_ok(owner(batch(2, "%s")) == 0, "nor what is root's");
    tap_ok(owner("target") == ONE, "nor what a link leads to, of any kind");
    tap_ok(owner(batch(3, "%s")) != TWO, "nor a link");
    tap_ok(owner(batch(5, "%s")) == ONE && owner(batch(6, "%s")) == ONE,
           "nor what is no file");

    (void) fchown(dir, 0, 0);
    (void) snprintf(link, sizeof(link), "%s/link", top);
    (void) symlink(".", link);
    errno = 0;
    tap_ok(mxt_spool_give(top, "link", TWO, TWO) == -1
           && (errno == ELOOP || errno == ENOTDIR) && stat(top, &st) == 0
           && st.st_uid == 0, "nor a directory that a link leads to");
    (void) unlink(link);

    empty();
}


/* a directory that was moved here by who could write to it */

static void
not_ours(void)
{
    int          rc;
    unsigned     i;
    struct stat  st;

    static const mode_t  mode[] = { 0770, 0707, 0720, 0702 };

    put_of(0, batch(1, "%s"));

    for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
        (void) fchmod(dir, mode[i]);
        errno = 0;
        rc = give(TWO);

        tap_ok(rc == -1 && errno == EPERM && fstat(dir, &st) == 0
               && st.st_uid == 0 && owner(batch(1, "%s")) == 0,
               "a directory of mode %o is not given", (unsigned) mode[i]);
    }

    (void) fchmod(dir, 0700);
    empty();
}


static char  raced[MXT_SPOOL_NAME_MAX];


static void
replace(void)
{
    before_open = NULL;

    (void) unlinkat(dir, raced, 0);
    (void) linkat(dir, "target", dir, raced, 0);
}


static void
replace_link(void)
{
    before_open = NULL;

    (void) unlinkat(dir, raced, 0);
    (void) symlinkat("target", dir, raced);
}


/* between the look and open() */

static void
replaced(void)
{
    unsigned  i;

    static void  (*const how[])(void) = { replace, replace_link };

    for (i = 0; i < 2; i++) {
        memcpy(raced, batch(1, "%s"), sizeof(raced));
        put_of(ONE, raced);
        put_of(ONE, "target");
        (void) fchown(dir, ONE, ONE);

        before_open = how[i];
        before_open_file = raced;

        tap_ok(give(TWO) == 0 && before_open == NULL && owner("target") == ONE,
               "a file is replaced by a %s link", i ? "symbolic" : "hard");

        (void) fchown(dir, 0, 0);
        empty();
    }
}


static void
write_more(void)
{
    before_chown = NULL;

    put_of(ONE, batch(2, "%s"));
}


static void
meanwhile(void)
{
    put_of(ONE, batch(1, "%s"));
    (void) fchown(dir, ONE, ONE);

    before_chown = write_more;

    tap_ok(give(TWO) == 0 && before_chown == NULL
           && owner(batch(1, "%s")) == TWO && owner(batch(2, "%s")) == TWO,
           "what the former owner writes meanwhile is given, too");

    (void) fchown(dir, 0, 0);
    empty();
}


/* each call in its turn; who begins anew gets to the end */

static void
faults(void)
{
    int          i, rc, before, bad;
    struct stat  st;

    put_of(ONE, batch(1, "%s"));
    put_of(ONE, batch(2, "%s"));
    (void) fchown(dir, ONE, ONE);

    before = descriptors();

    for (i = 0, rc = -1, bad = 0; i < 100; i++) {
        fail_at = i;
        fail_seen = 0;
        errno = 0;
        rc = give(TWO);
        fail_at = -1;

        if (rc == 0) {
            break;
        }

        /* unless it was the last look that failed */

        bad += errno != EIO || fstat(dir, &st) == -1
               || (st.st_uid == TWO && owner(batch(2, "%s")) != TWO);
    }

    tap_ok(rc == 0 && bad == 0 && owner(batch(1, "%s")) == TWO
           && owner(batch(2, "%s")) == TWO && fstat(dir, &st) == 0
           && st.st_uid == TWO, "after %d failures all is given", i);
    tap_is_u64((uint64_t) descriptors(), (uint64_t) before,
               "no descriptor is lost");

    (void) fchown(dir, 0, 0);
    empty();
}


static mxt_spool_name_t
name_of(uint32_t seq)
{
    mxt_spool_name_t  name;

    memset(&name, 0, sizeof(name));

    name.created = NOW;
    name.oldest = NOW - 1000;
    name.events = 1;
    name.seq = seq;
    name.destination = DEST;

    return name;
}


static const char *
batch(uint32_t seq, const char *format)
{
    char              name[MXT_SPOOL_NAME_MAX];
    mxt_spool_name_t  n;

    static char  file[2 * MXT_SPOOL_NAME_MAX];

    n = name_of(seq);
    mxt_spool_format(&n, name);
    (void) snprintf(file, sizeof(file), format, name);

    return file;
}


static void
put_of(uid_t uid, const char *file)
{
    put(file, "[1]");
    (void) fchownat(dir, file, uid, uid, 0);
}


static uid_t
owner(const char *file)
{
    struct stat  st;

    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1
           ? (uid_t) -1 : st.st_uid;
}


static int
give(uid_t uid)
{
    return mxt_spool_give(top, "p", uid, THREE);
}
