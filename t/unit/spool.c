
/*
 * The spool against a real directory: claims by several processes, whatever
 * may lie in the place of a file, and each system call failing in its turn.
 */


#include "files.h"

#include "../../src/core/mxt_file.c"
#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_reject.c"
#include "../../src/core/mxt_spool.c"
#include "../../src/core/mxt_spool_name.c"


#define DEST  0xfeedfacecafebeefULL


static void opening(void);
static void writing(void);
static void claiming(void);
static void on_nfs(void);
static void lost_race(void);
static void claimants(unsigned hold);
static void strange_files(void);
static void listing(void);
static void sweeping(void);
static void beside(void);
static void ten_thousand(void);
static void no_room(void);
static void full_disk(void);
static void no_access(void);
static void read_only(int fd);
static void removed(void);
static void faults(void);
static mxt_spool_name_t name_of(uint32_t seq);


int
main(void)
{
    files_start();

    opening();
    writing();
    claiming();
    on_nfs();
    lost_race();
    claimants(0);
    claimants(1);
    strange_files();
    listing();
    sweeping();
    beside();
    ten_thousand();
    no_room();
    full_disk();
    no_access();
    removed();
    faults();

    files_end();

    return tap_done();
}


static void
opening(void)
{
    int          fd;
    size_t       i;
    struct stat  st;

    static const char *const  bad[] = { "", ".", "..", "a/b", "/", "../x" };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        tap_ok(mxt_spool_open(top, bad[i]) == -1 && errno == EINVAL,
               "\"%s\" is no directory of ours", bad[i]);
    }

    tap_ok(mxt_spool_open("/nonexistent/mxt", "p") == -1 && errno == ENOENT,
           "a missing directory is not made");

    fd = mxt_spool_open(top, "new");
    tap_ok(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700,
           "mode of a new one");
    (void) close(fd);

    fd = mxt_spool_open(top, "p");
    tap_ok(fd != -1 && (fcntl(fd, F_GETFD) & FD_CLOEXEC),
           "one that is there is opened");
    (void) close(fd);

    put("file", "x");
    (void) symlinkat(".", dir, "link");
    fd = openat(AT_FDCWD, top, O_RDONLY|O_DIRECTORY);
    (void) renameat(dir, "file", fd, "file");
    (void) renameat(dir, "link", fd, "link");

    tap_ok(mxt_spool_open(top, "file") == -1 && errno == ENOTDIR,
           "a file in its place");
    tap_ok(mxt_spool_open(top, "link") == -1
           && (errno == ELOOP || errno == ENOTDIR),
           "a symbolic link in its place");

    (void) unlinkat(fd, "file", 0);
    (void) unlinkat(fd, "link", 0);
    (void) unlinkat(fd, "new", AT_REMOVEDIR);
    (void) close(fd);
}


static void
writing(void)
{
    int               fd;
    char              file[MXT_SPOOL_NAME_MAX], buf[64];
    void             *big;
    ssize_t           n;
    struct stat       st;
    mxt_spool_name_t  name;

    name = name_of(1);
    mxt_spool_format(&name, file);

    tap_ok(mxt_spool_write(dir, &name, "[{\"a\":1}]", 9) == 0, "a batch");
    tap_is_u64(entries(), 1, "one file");

    tap_ok(fstatat(dir, file, &st, 0) == 0 && (st.st_mode & 07777) == 0600,
           "its mode");

    fd = openat(dir, file, O_RDONLY);
    n = read(fd, buf, sizeof(buf));
    (void) close(fd);
    tap_is_str(buf, (size_t) n, "[{\"a\":1}]", "its content");

    name = name_of(2);
    write_max = 1;
    tap_ok(mxt_spool_write(dir, &name, "0123456789", 10) == 0,
           "byte by byte");
    write_max = SIZE_MAX;
    mxt_spool_format(&name, file);
    tap_ok(fstatat(dir, file, &st, 0) == 0 && st.st_size == 10, "is whole");

    name = name_of(3);
    errno = 0;
    tap_ok(mxt_spool_write(dir, &name, "", 0) == -1 && errno == EINVAL,
           "an empty batch");

    big = calloc(1, MXT_SPOOL_FILE_MAX + 1);
    errno = 0;
    tap_ok(mxt_spool_write(dir, &name, big, MXT_SPOOL_FILE_MAX + 1) == -1
           && errno == EFBIG, "one too large");
    free(big);

    tap_is_u64(entries(), 2, "nothing is left of them");

    empty();
}


static void
claiming(void)
{
    char              file[MXT_SPOOL_NAME_MAX], bad[MXT_SPOOL_NAME_MAX + 8];
    mxt_spool_file_t  f, other;
    mxt_spool_name_t  name;

    name = name_of(7);
    mxt_spool_format(&name, file);

    tap_ok(mxt_spool_claim(dir, file, &f) == 0 && f.fd == -1,
           "nothing to claim");
    mxt_spool_release(&f);

    (void) mxt_spool_write(dir, &name, "[1,2,3]", 7);

    tap_ok(mxt_spool_claim(dir, file, &f) == 1 && f.fd != -1 && f.dir == dir
           && f.name.seq == 7 && f.name.events == name.events
           && strcmp(f.file, file) == 0, "claimed");
    tap_is_str(f.body, f.len, "[1,2,3]", "with its body");
    tap_ok(fcntl(f.fd, F_GETFD) & FD_CLOEXEC, "close-on-exec");

    tap_ok(mxt_spool_claim(dir, file, &other) == 0,
           "not twice, not even by the same process");

    mxt_spool_release(&f);
    tap_ok(f.fd == -1 && f.body == NULL && f.len == 0, "released");
    mxt_spool_release(&f);
    tap_ok(exists(file), "and still there");

    errno = 0;
    tap_ok(mxt_spool_done(&f) == -1 && errno == EBADF && exists(file),
           "only a claimed file is done with");
    errno = 0;
    tap_ok(mxt_spool_unlink(&f) == -1 && errno == EBADF && exists(file),
           "or unlinked");

    tap_ok(mxt_spool_claim(dir, file, &f) == 1 && mxt_spool_unlink(&f) == 0
           && !exists(file) && f.fd != -1 && f.body && f.len,
           "unlinked, and still claimed");
    tap_ok(mxt_spool_unlink(&f) == 0 && mxt_spool_done(&f) == 0 && f.fd == -1,
           "done with after that");
    (void) mxt_spool_write(dir, &name, "[1]", 3);

    tap_ok(mxt_spool_claim(dir, file, &f) == 1 && mxt_spool_done(&f) == 0
           && !exists(file) && f.fd == -1, "acknowledged and gone");

    (void) mxt_spool_write(dir, &name, "[1]", 3);
    (void) mxt_spool_claim(dir, file, &f);
    (void) unlinkat(dir, file, 0);
    tap_ok(mxt_spool_done(&f) == 0 && f.fd == -1, "gone before");

    (void) mxt_spool_write(dir, &name, "[1]", 3);
    (void) mxt_spool_claim(dir, file, &f);
    snprintf(bad, sizeof(bad), "%s.bad", file);
    tap_ok(mxt_spool_set_aside(&f) == 0 && f.fd == -1 && !exists(file)
           && exists(bad), "set aside");

    (void) mxt_spool_write(dir, &name, "[1]", 3);
    (void) mxt_spool_claim(dir, file, &f);
    (void) unlinkat(dir, file, 0);
    errno = 0;
    tap_ok(mxt_spool_set_aside(&f) == -1 && errno == ENOENT && f.fd == -1,
           "gone before it could be");

    memset(&f, 0, sizeof(f));
    f.fd = -1;
    errno = 0;
    tap_ok(mxt_spool_set_aside(&f) == -1 && errno == EINVAL,
           "nothing to set aside");

    empty();
}


static void
on_nfs(void)
{
    char              file[MXT_SPOOL_NAME_MAX], bad[MXT_SPOOL_NAME_MAX + 8];
    mxt_spool_file_t  f;
    mxt_spool_name_t  name;

    name = name_of(8);
    mxt_spool_format(&name, file);
    snprintf(bad, sizeof(bad), "%s.bad", file);

    over_nfs = 1;

    tap_ok(mxt_spool_write(dir, &name, "[1]", 3) == 0
           && mxt_spool_claim(dir, file, &f) == 1 && mxt_spool_done(&f) == 0,
           "over NFS: written, claimed, done");

    put(file, "");
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EINVAL
           && mxt_spool_set_aside(&f) == 0 && exists(bad),
           "over NFS: set aside");

    over_nfs = 0;
    empty();

    /* one that may only be read is claimed all the same */

    put(file, "[1]");
    (void) fchmodat(dir, file, 0444, 0);
    forbidden(0777);
    tap_ok(mxt_spool_claim(dir, file, &f) == 1 && mxt_spool_done(&f) == 0,
           "a file that may only be read");
    allowed();
    empty();
}


static char  raced[MXT_SPOOL_NAME_MAX];


static void
shrink(void)
{
    int  fd;

    fd = openat(dir, raced, O_WRONLY);
    (void) ftruncate(fd, 3);
    (void) close(fd);
}


static void
vanish(void)
{
    (void) unlinkat(dir, raced, 0);
}


static unsigned  locks;


static void
count(void)
{
    locks++;
}


static void
replace(void)
{
    vanish();
    put(raced, "another");
}


static void
lost_race(void)
{
    mxt_spool_file_t  f;
    mxt_spool_name_t  name;

    name = name_of(8);
    mxt_spool_format(&name, raced);

    put(raced, "x");
    before_lock = vanish;
    tap_ok(mxt_spool_claim(dir, raced, &f) == 0 && f.fd == -1,
           "sent by another one between open and lock");

    put(raced, "x");
    before_lock = replace;
    tap_ok(mxt_spool_claim(dir, raced, &f) == 0 && f.fd == -1,
           "and another file under its name");

    before_lock = NULL;
    tap_ok(mxt_spool_claim(dir, raced, &f) == 1, "which can be claimed");
    tap_is_str(f.body, f.len, "another", "for what it is");
    mxt_spool_release(&f);

    before_read = shrink;
    errno = 0;
    tap_ok(mxt_spool_claim(dir, raced, &f) == -1 && errno == EIO
           && f.fd == -1 && f.body == NULL, "cut off as it is read");
    before_read = NULL;

    empty();
}


/*
 * Several processes after the same files, each from another one on: each file
 * is had by one of them.  With hold set nobody lets go of what he has before
 * all have tried all.
 */

static void
claimants(unsigned hold)
{
    int                i, n, rc, status, out[2], go[2], stay[2];
    char               file[MXT_SPOOL_NAME_MAX], byte;
    unsigned           total[64], bad, tried;
    mxt_spool_file_t   f[64];
    mxt_spool_name_t   name;

    for (i = 0; i < 64; i++) {
        name = name_of((uint32_t) i);
        (void) mxt_spool_write(dir, &name, "[1]", 3);
    }

    if (pipe(out) == -1 || pipe(go) == -1 || pipe(stay) == -1) {
        tap_ok(0, "pipe");
        return;
    }

    for (n = 0; n < 4; n++) {

        if (fork() != 0) {
            continue;
        }

        (void) close(go[1]);
        (void) close(stay[1]);
        (void) !read(go[0], &byte, 1);

        for (i = n * 16; i < n * 16 + 64; i++) {
            name = name_of((uint32_t) i % 64);
            mxt_spool_format(&name, file);

            rc = mxt_spool_claim(dir, file, &f[i % 64]);

            if (rc == 1) {
                byte = (char) (i % 64);
                (void) !write(out[1], &byte, 1);
                rc = hold ? 0 : mxt_spool_done(&f[i % 64]);
            }

            if (rc == -1) {
                (void) !write(out[1], "e", 1);
            }
        }

        (void) !write(out[1], "t", 1);

        if (hold) {
            (void) !read(stay[0], &byte, 1);
        }

        for (i = 0; i < 64; i++) {
            if (f[i].fd != -1 && mxt_spool_done(&f[i]) == -1) {
                (void) !write(out[1], "e", 1);
            }
        }

        _exit(0);
    }

    (void) close(out[1]);
    (void) close(go[0]);
    (void) close(go[1]);
    (void) close(stay[0]);

    memset(total, 0, sizeof(total));
    bad = 0;
    tried = 0;

    while (read(out[0], &byte, 1) == 1) {
        if (byte >= 0 && byte < 64) {
            total[(int) byte]++;

        } else if (byte != 't') {
            bad++;

        } else if (++tried == 4) {
            (void) close(stay[1]);
        }
    }

    while (wait(&status) > 0) { /* void */ }

    for (i = 0; i < 64; i++) {
        bad += total[i] != 1;
    }

    tap_ok(bad == 0 && tried == 4, "four claimants, each file once%s",
           hold ? ", and for long" : "");
    tap_is_u64(entries(), 0, "and none is left");

    (void) close(out[0]);
}


static void
strange_files(void)
{
    int               fd, rc;
    char              file[MXT_SPOOL_NAME_MAX], bad[MXT_SPOOL_NAME_MAX + 8];
    mxt_spool_file_t  f, other;
    mxt_spool_name_t  name;

    name = name_of(9);
    mxt_spool_format(&name, file);
    snprintf(bad, sizeof(bad), "%s.bad", file);

    put("target", "[1]");
    (void) symlinkat("target", dir, file);
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == ELOOP
           && f.fd == -1, "a symbolic link");
    empty();

    (void) mkdirat(dir, file, 0700);
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EINVAL,
           "a directory");
    tap_ok(mxt_spool_set_aside(&f) == 0 && exists(bad), "is set aside");
    empty();

    (void) mkfifoat(dir, file, 0600);
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EINVAL,
           "a pipe does not block");
    empty();

    put(file, "");
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EINVAL
           && f.fd == -1 && f.body == NULL, "an empty file");

    fd = openat(dir, file, O_RDONLY);
    (void) flock(fd, LOCK_EX);
    errno = 0;
    rc = mxt_spool_set_aside(&f);
    tap_ok(rc == -1 && errno == EWOULDBLOCK && exists(file),
           "is not set aside while another one has it");
    (void) close(fd);

    other = f;
    tap_ok(mxt_spool_set_aside(&f) == 0 && exists(bad) && !exists(file),
           "but then");
    errno = 0;
    tap_ok(mxt_spool_set_aside(&other) == -1 && errno == ENOENT,
           "and not twice");
    empty();

    put(file, "");
    fd = openat(dir, file, O_WRONLY);
    (void) ftruncate(fd, MXT_SPOOL_FILE_MAX + 1);
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EFBIG
           && f.fd == -1 && f.body == NULL, "a file too large");

    (void) ftruncate(fd, MXT_SPOOL_FILE_MAX);
    (void) close(fd);
    tap_ok(mxt_spool_claim(dir, file, &f) == 1
           && f.len == MXT_SPOOL_FILE_MAX, "and the largest");
    mxt_spool_release(&f);
    empty();

    errno = 0;
    tap_ok(mxt_spool_claim(dir, "../../etc/passwd", &f) == -1
           && errno == EINVAL && f.fd == -1 && f.file[0] == '\0',
           "a name that is not ours");
}


static void
listing(void)
{
    char                (*file)[MXT_SPOOL_NAME_MAX], want[MXT_SPOOL_NAME_MAX];
    uint32_t              i, seq, bad;
    mxt_spool_list_t      list;
    mxt_spool_name_t      name;

    file = malloc(1000 * sizeof(*file));

    memset(&list, 0xff, sizeof(list));
    list.file = file;
    list.max = 16;
    list.after = NULL;

    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 0
           && list.files == 0 && list.foreign == 0 && list.bytes == 0,
           "an empty directory");

    /* made in no order; 1000 steps of 7 go round once */

    for (i = 0, seq = 0; i < 1000; i++, seq = (seq + 7) % 1000) {
        name = name_of(seq);
        name.created = NOW + seq / 3;
        mxt_spool_format(&name, want);
        put(want, "abc");
    }

    for (i = 0; i < 5; i++) {
        name = name_of(i);
        name.created = 1;
        name.destination = DEST + 1;
        mxt_spool_format(&name, want);
        put(want, "foreign");
    }

    name = name_of(5000);
    name.created = 2;
    mxt_spool_format(&name, want);
    (void) mkdirat(dir, want, 0700);
    name = name_of(5001);
    mxt_spool_format(&name, want);
    (void) symlinkat("README", dir, want);
    put("README", "not ours");
    put("rejected-20231114.ndjson", "{}\n");

    tap_ok(mxt_spool_list(dir, DEST, &list) == 0, "a thousand files");
    tap_is_u64(list.n, 16, "the oldest of them");
    tap_is_u64(list.files, 1000, "their number");
    tap_is_u64(list.bytes, 3000, "their bytes");
    tap_is_u64(list.foreign, 5, "those of others");
    tap_is_u64(list.strange, 3, "a directory, a link, and a name of nobody");

    for (i = 0, bad = 0; i < list.n; i++) {
        name = name_of(i);
        name.created = NOW + i / 3;
        mxt_spool_format(&name, want);
        bad += strcmp(file[i], want) != 0;
    }

    tap_is_u64(bad, 0, "in order");

    list.max = 1000;
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 1000,
           "all of them");

    for (i = 0, bad = 0; i < list.n; i++) {
        name = name_of(i);
        name.created = NOW + i / 3;
        mxt_spool_format(&name, want);
        bad += strcmp(file[i], want) != 0;
    }

    tap_is_u64(bad, 0, "in order, too");

    name = name_of(989);
    name.created = NOW + 989 / 3;
    mxt_spool_format(&name, want);
    list.after = want;
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 10
           && strcmp(file[0], want) > 0 && list.files == 1000
           && list.bytes == 3000, "those behind a name, and the totals of all");

    name = name_of(999);
    name.created = NOW + 999 / 3;
    mxt_spool_format(&name, want);
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 0
           && list.files == 1000, "none behind the last");
    list.after = "";
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 1000,
           "no name is all of them");
    list.after = NULL;

    list.max = 1;
    (void) mxt_spool_list(dir, DEST, &list);
    name = name_of(0);
    mxt_spool_format(&name, want);
    tap_ok(list.n == 1 && strcmp(file[0], want) == 0, "the oldest one");

    list.max = 0;
    list.file = NULL;
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.n == 0
           && list.files == 1000, "the totals alone");

    free(file);
    empty();
}


static void
sweeping(void)
{
    int               fd;
    char              temp[3][MXT_SPOOL_NAME_MAX + 8];
    uint32_t          i;
    struct timespec   ts[2];
    mxt_spool_list_t  list;
    mxt_spool_name_t  name;

    memset(&list, 0, sizeof(list));

    for (i = 0; i < 3; i++) {
        name = name_of(i);
        memcpy(temp[i], ".tmp-", 5);
        mxt_spool_format(&name, temp[i] + 5);
        put(temp[i], "[1");
    }

    put(".tmp-other", "[1");

    before_lock = count;
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 0
           && entries() == 4, "young temporary files stay, uncounted");
    tap_is_u64(locks, 0, "and are not touched");
    before_lock = NULL;

    memset(ts, 0, sizeof(ts));
    ts[0].tv_sec = ts[1].tv_sec = time(NULL) - 3610;
    (void) utimensat(dir, temp[0], ts, 0);
    (void) utimensat(dir, temp[1], ts, 0);
    (void) utimensat(dir, ".tmp-other", ts, 0);

    fd = openat(dir, temp[1], O_WRONLY);
    (void) flock(fd, LOCK_EX);

    put("rejected-20231114.ndjson", "{}\n");
    tap_ok(mxt_spool_count(dir, DEST, &list) == 0 && entries() == 5
           && list.bad == 0, "who only counts removes nothing");

    (void) mxt_spool_list(dir, DEST, &list);

    tap_ok(!exists(temp[0]), "an old one is removed");
    tap_ok(exists(temp[1]), "not under its writer's hands");
    tap_ok(exists(temp[2]), "nor a young one");
    tap_ok(exists(".tmp-other"), "nor one that is not ours");

    (void) close(fd);
    (void) mxt_spool_list(dir, DEST, &list);
    tap_ok(!exists(temp[1]), "but when the writer is dead");

    empty();
}


static void
no_room(void)
{
    int               rc;
    char              body[4096];
    struct rlimit     old, rl;
    mxt_spool_name_t  name;

    memset(body, 'x', sizeof(body));

    name = name_of(1);

    (void) getrlimit(RLIMIT_FSIZE, &old);
    rl = old;
    rl.rlim_cur = 1000;
    (void) setrlimit(RLIMIT_FSIZE, &rl);

    errno = 0;
    rc = mxt_spool_write(dir, &name, body, sizeof(body));
    tap_ok(rc == -1 && errno == EFBIG && entries() == 0,
           "no room: nothing is left");

    (void) setrlimit(RLIMIT_FSIZE, &old);

    empty();
}


/* what lies beside the batches is counted, too */

static void
beside(void)
{
    char              file[MXT_SPOOL_NAME_MAX], bad[300];
    unsigned          i;
    mxt_spool_file_t  f;
    mxt_spool_list_t  list;
    mxt_spool_name_t  name;

    memset(&list, 0xff, sizeof(list));
    list.max = 0;
    list.after = NULL;

    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.bad == 0
           && list.files == 0, "nothing beside");

    for (i = 0; i < 3; i++) {
        name = name_of(i);
        name.destination += i;
        mxt_spool_format(&name, file);
        snprintf(bad, sizeof(bad), "%s.bad", file);

        if (i < 2) {
            put(bad, "[1]");

        } else {
            (void) mkdirat(dir, bad, 0700);
        }
    }

    /* none of ours */

    put(".bad", "[1]");
    put("x.bad", "[1]");
    memcpy(bad + strlen(bad), ".bad", 5);
    put(bad, "[1]");
    memset(bad, '1', 251);
    memcpy(bad + 251, ".bad", 5);
    put(bad, "[1]");
    bad[124] = bad[125] = bad[126] = bad[127] = '.';
    memcpy(bad + 127, ".bad", 5);
    put(bad, "[1]");
    memcpy(bad + 128, ".bad", 5);
    put(bad, "[1]");

    put("rejected-20231114.ndjson", "0123456789");
    put("rejected-20231115.ndjson", "01234");
    put("rejected-20231115.ndjson.1", "01234");
    (void) mkdirat(dir, "rejected-dir.ndjson", 0700);

    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 0
           && list.foreign == 0 && list.bytes == 0, "no batch");
    tap_is_u64(list.bad, 3, "what was set aside");
    tap_is_u64(list.strange, 7, "what is no file of ours, without the dots");

    empty();

    name = name_of(1);
    mxt_spool_format(&name, file);
    put(file, "[1]");
    (void) mxt_spool_claim(dir, file, &f);
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 1
           && list.bytes == 3, "a batch that is claimed is still there");
    (void) mxt_spool_set_aside(&f);
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 0
           && list.bytes == 0 && list.bad == 1, "and then set aside");

    empty();
}


/* the processor's time for a look, the least of some */

static uint64_t
look_time(mxt_spool_list_t *list)
{
    int              i;
    uint64_t         ns, least;
    struct timespec  from, to;

    least = UINT64_MAX;

    for (i = 0; i < 5; i++) {
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        (void) mxt_spool_list(dir, DEST, list);
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

        ns = (uint64_t) (to.tv_sec - from.tv_sec) * 1000000000
             + (uint64_t) to.tv_nsec - (uint64_t) from.tv_nsec;
        least = (ns < least) ? ns : least;
    }

    return least;
}


static void
ten_thousand(void)
{
    char              (*file)[MXT_SPOOL_NAME_MAX], want[MXT_SPOOL_NAME_MAX];
    uint32_t            i, seq, bad;
    uint64_t            few, all;
    mxt_spool_list_t    list;
    mxt_spool_name_t    name;

    /* of their exact size, for the sanitizer to see */

    list.after = NULL;
    list.max = 100;
    file = malloc(list.max * sizeof(*file));
    list.file = file;
    few = 0;

    /* in no order; 10000 steps of 7919 go round once */

    for (i = 0, seq = 0; i < 10000; i++, seq = (seq + 7919) % 10000) {

        if (i == 1000) {
            few = look_time(&list);
        }

        name = name_of(seq);
        name.created = NOW + seq;
        mxt_spool_format(&name, want);
        put(want, "abc");
    }

    mallocs = 0;
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 10000
           && list.bytes == 30000 && list.n == 100, "ten thousand files");
    tap_is_u64(mallocs, 0, "without any memory for them");

    for (i = 0, bad = 0; i < list.n; i++) {
        name = name_of(i);
        name.created = NOW + i;
        mxt_spool_format(&name, want);
        bad += strcmp(file[i], want) != 0;
    }

    tap_is_u64(bad, 0, "the oldest of them, in order");

    /* were each file compared with each, it would be a hundred times */

    all = look_time(&list);
    tap_ok(all < 40 * few, "ten times as many take %.1f times as long",
           (double) all / (double) few);

    free(file);
    empty();
}


/* a tmpfs of a few pages */

static void
full_disk(void)
{
    int                fd, i, rc;
    char               body[65536];
    DIR               *d;
    mxt_span_t         event;
    struct stat        st, again;
    mxt_spool_list_t   list;
    mxt_spool_name_t   name;

    fd = mounted("size=64k,nr_inodes=8", "a full disk");
    if (fd == -1) {
        return;
    }

    memset(&list, 0, sizeof(list));
    memset(body, 'x', sizeof(body));

    name = name_of(1);
    tap_ok(mxt_spool_write(fd, &name, body, 40000) == 0, "a disk");

    name = name_of(2);
    errno = 0;
    rc = mxt_spool_write(fd, &name, body, 40000);
    tap_ok(rc == -1 && errno == ENOSPC, "that is full");

    event.data = (unsigned char *) body;
    event.len = 40000;
    errno = 0;
    rc = mxt_reject(fd, NOW, "x", &event, 1, 0);
    tap_ok(rc == -1 && errno == ENOSPC, "for rejected events, too");

    event.len = 10;
    (void) mxt_reject(fd, NOW, "x", &event, 1, 0);
    (void) fstatat(fd, "rejected-20231114.ndjson", &st, 0);

    event.len = 40000;
    errno = 0;
    rc = mxt_reject(fd, NOW, "x", &event, 1, 0);
    tap_ok(rc == -1 && errno == ENOSPC, "or more of them");

    (void) fstatat(fd, "rejected-20231114.ndjson", &again, 0);
    tap_ok(st.st_size && again.st_size == st.st_size,
           "of which there are as many");

    (void) mxt_spool_list(fd, DEST, &list);

    for (i = 0, d = mxt_file_opendir(fd); readdir(d); i++) { /* void */ }

    closedir(d);

    tap_ok(i == 4 && list.files == 1 && list.bytes == 40000,
           "nothing of it is left");

    /* small files, until it has no more of them */

    for (i = 0, rc = 0; rc == 0 && i < 100; i++) {
        name = name_of((uint32_t) i + 10);
        errno = 0;
        rc = mxt_spool_write(fd, &name, "x", 1);
    }

    tap_ok(rc == -1 && errno == ENOSPC && i > 1, "a disk with no more inodes");
    tap_ok(mxt_spool_list(fd, DEST, &list) == 0
           && list.files == (uint32_t) i, "the others are there");

    (void) close(fd);

    fd = mounted(NULL, "a read-only disk");
    if (fd != -1) {
        read_only(fd);
    }

    unmounted(fd);
}


static void
read_only(int fd)
{
    int               rc;
    char              file[MXT_SPOOL_NAME_MAX];
    mxt_span_t        event;
    mxt_spool_file_t  f;
    mxt_spool_list_t  list;
    mxt_spool_name_t  name;

    list.max = 0;
    list.after = NULL;
    event.data = (const unsigned char *) "1";
    event.len = 1;

    name = name_of(5000);
    errno = 0;
    tap_ok(mxt_spool_write(fd, &name, "x", 1) == -1 && errno == EROFS,
           "a read-only disk: write");
    errno = 0;
    tap_ok(mxt_reject(fd, NOW, "x", &event, 1, 0) == -1 && errno == EROFS,
           "reject");
    tap_ok(mxt_spool_list(fd, DEST, &list) == 0 && list.files > 1, "list");

    name = name_of(1);
    mxt_spool_format(&name, file);
    rc = mxt_spool_claim(fd, file, &f);
    tap_ok(rc == 1 && f.len == 40000, "claim");
    errno = 0;
    tap_ok(mxt_spool_unlink(&f) == -1 && errno == EROFS && f.fd != -1
           && f.body && f.len == 40000, "unlink, which changes nothing");
    errno = 0;
    tap_ok(mxt_spool_done(&f) == -1 && errno == EROFS && f.fd != -1
           && f.body == NULL, "done, which keeps its lock");
    mxt_spool_release(&f);
    errno = 0;
    tap_ok(mxt_spool_writable(fd) == -1 && errno == EROFS, "not writable");
    (void) mxt_spool_claim(fd, file, &f);
    errno = 0;
    tap_ok(mxt_spool_set_aside(&f) == -1 && errno == EROFS && f.fd == -1,
           "set aside, as well");
}


/* the directory, a file in it, and what it is in */

static void
no_access(void)
{
    int               i;
    char              file[MXT_SPOOL_NAME_MAX], bad[MXT_SPOOL_NAME_MAX + 8];
    mxt_span_t        event;
    mxt_spool_file_t  f, claimed;
    mxt_spool_list_t  list;
    mxt_spool_name_t  name, other;

    static const int  moment[] = { ENOMEM, EMFILE, ENFILE, ENOLCK, EBADF };

    list.max = 0;
    list.after = NULL;
    event.data = (const unsigned char *) "1";
    event.len = 1;

    name = name_of(1);
    mxt_spool_format(&name, file);
    put(file, "[1]");
    (void) mxt_spool_claim(dir, file, &claimed);
    other = name_of(2);

    forbidden(0);

    errno = 0;
    tap_ok(mxt_spool_write(dir, &other, "x", 1) == -1 && errno == EACCES,
           "no access: write");
    errno = 0;
    tap_ok(mxt_reject(dir, NOW, "x", &event, 1, 0) == -1 && errno == EACCES,
           "reject");
    errno = 0;
    tap_ok(mxt_spool_list(dir, DEST, &list) == -1 && errno == EACCES, "list");
    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EACCES
           && f.fd == -1, "claim");
    errno = 0;
    tap_ok(mxt_spool_unlink(&claimed) == -1 && errno == EACCES
           && claimed.fd != -1 && claimed.body && claimed.len == 3,
           "unlink, which changes nothing");
    errno = 0;
    tap_ok(mxt_spool_done(&claimed) == -1 && errno == EACCES
           && claimed.fd != -1 && claimed.body == NULL && claimed.len == 0,
           "done, which keeps its lock");
    errno = 0;
    tap_ok(mxt_spool_writable(dir) == -1 && errno == EACCES, "not writable");

    allowed();
    tap_is_u64(entries(), 1, "nothing happened");

    tap_ok(mxt_spool_claim(dir, file, &f) == 0, "it is not claimed again");
    tap_ok(mxt_spool_writable(dir) == 0, "writable");
    tap_ok(mxt_spool_done(&claimed) == 0 && claimed.fd == -1 && !exists(file),
           "done, the second time");
    put(file, "[1]");

    /* one may look and take nothing */

    (void) fchmodat(dir, file, 0, 0);
    forbidden(0555);

    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EACCES
           && f.fd == -1, "a file that may not be read");
    errno = 0;
    tap_ok(mxt_spool_set_aside(&f) == -1 && errno == EACCES && f.fd == -1,
           "nor is it set aside");
    tap_ok(mxt_spool_list(dir, DEST, &list) == 0 && list.files == 1,
           "but it is there");
    errno = 0;
    tap_ok(mxt_spool_write(dir, &other, "x", 1) == -1 && errno == EACCES
           && mxt_spool_writable(dir) == -1,
           "a directory that may only be read");

    allowed();
    tap_is_u64(entries(), 1, "nothing is left in it");

    forbidden(0777);

    errno = 0;
    tap_ok(mxt_spool_claim(dir, file, &f) == -1 && errno == EACCES
           && mxt_spool_hopeless(errno), "a file that may not be read");
    snprintf(bad, sizeof(bad), "%s.bad", file);
    tap_ok(mxt_spool_set_aside(&f) == 0 && f.fd == -1 && exists(bad)
           && !exists(file), "is set aside, where one may write");

    allowed();

    for (i = 0; i < 5; i++) {
        tap_ok(!mxt_spool_hopeless(moment[i]), "of the moment: %s",
               strerror(moment[i]));
    }

    empty();
}


/* a descriptor of a directory that was removed, with a file claimed in it */

static void
removed(void)
{
    int               gone, before;
    char              file[MXT_SPOOL_NAME_MAX];
    mxt_span_t        event;
    mxt_spool_file_t  f, claimed, bad;
    mxt_spool_list_t  list;
    mxt_spool_name_t  name;

    list.max = 0;
    list.after = NULL;
    event.data = (const unsigned char *) "1";
    event.len = 1;

    name = name_of(1);
    mxt_spool_format(&name, file);

    before = descriptors();

    (void) mkdirat(dir, "gone", 0700);
    gone = openat(dir, "gone", O_RDONLY|O_DIRECTORY);

    (void) mxt_spool_write(gone, &name, "[1]", 3);
    (void) mxt_spool_claim(gone, file, &claimed);
    bad = claimed;
    bad.fd = -1;
    bad.body = NULL;

    (void) unlinkat(gone, file, 0);
    (void) unlinkat(dir, "gone", AT_REMOVEDIR);

    errno = 0;
    tap_ok(mxt_spool_write(gone, &name, "x", 1) == -1 && errno == ENOENT,
           "a removed directory: write");
    errno = 0;
    tap_ok(mxt_reject(gone, NOW, "x", &event, 1, 0) == -1 && errno == ENOENT,
           "reject");
    errno = 0;
    tap_ok(mxt_spool_list(gone, DEST, &list) == -1 && errno == ENOENT,
           "list");
    tap_ok(mxt_spool_claim(gone, file, &f) == 0 && f.fd == -1, "claim");
    claimed.dir = -1;
    tap_ok(mxt_spool_done(&claimed) == 0 && claimed.fd == -1
           && claimed.body == NULL, "done, even if another one has its number");
    errno = 0;
    tap_ok(mxt_spool_set_aside(&bad) == -1 && errno == ENOENT && bad.fd == -1,
           "set aside");

    (void) close(gone);

    tap_is_u64((uint64_t) descriptors(), (uint64_t) before,
               "no descriptor is lost of it");

    errno = 0;
    tap_ok(mxt_spool_list(-1, DEST, &list) == -1 && errno == EBADF,
           "no descriptor");
}


/* each call in its turn, until it works without one failing */

static void
faults(void)
{
    int                fd, i, rc, before, bad, root;
    char               file[MXT_SPOOL_NAME_MAX];
    mxt_spool_file_t   f;
    mxt_spool_list_t   list;
    mxt_spool_name_t   name;

    /* root looks who owns them, twice, and gives what it makes away */

    root = (geteuid() == 0) ? 3 : 0;

    memset(&list, 0, sizeof(list));

    name = name_of(1);
    mxt_spool_format(&name, file);

    before = descriptors();

    for (i = 0, rc = -1, bad = 0; i < 100; i++) {
        fail_at = i;
        fail_seen = 0;
        errno = 0;
        rc = mxt_spool_write(dir, &name, "[1]", 3);
        fail_at = -1;

        if (rc == 0) {
            break;
        }

        bad += errno != EIO || entries() != 0;
    }

    tap_ok(rc == 0 && i == 6 + root && bad == 0,
           "writing: each of %d failures leaves nothing", i);

    for (i = 0, rc = -1, bad = 0; i < 100; i++) {
        fail_at = i;
        fail_seen = 0;
        errno = 0;
        rc = mxt_spool_claim(dir, file, &f);
        fail_at = -1;

        if (rc == 1) {
            break;
        }

        bad += rc != -1 || errno != EIO || f.fd != -1 || f.body != NULL
               || entries() != 1;
    }

    tap_ok(rc == 1 && i == 5 && bad == 0,
           "claiming: each of %d failures lets go of it", i);

    fail_at = 0;
    fail_seen = 0;
    rc = mxt_spool_set_aside(&f);
    tap_ok(rc == -1 && f.fd == -1 && exists(file),
           "setting aside: released when it fails");
    fail_at = -1;
    empty();

    for (i = 0, rc = -1, bad = 0; i < 100; i++) {
        fail_at = i;
        fail_seen = 0;
        errno = 0;
        rc = mxt_spool_list(dir, DEST, &list);
        fail_at = -1;

        if (rc == 0) {
            break;
        }

        bad += errno != EIO;
    }

    tap_ok(rc == 0 && i == 3 && bad == 0, "listing: %d failures", i);

    for (i = 0, fd = -1, bad = 0; i < 100; i++) {
        fail_at = i;
        fail_seen = 0;
        errno = 0;
        fd = mxt_spool_open(top, "q");
        fail_at = -1;

        if (fd != -1) {
            break;
        }

        bad += errno != EIO;
    }

    tap_ok(fd != -1 && i == 3 && bad == 0, "opening: %d failures", i);
    (void) close(fd);

    fd = openat(AT_FDCWD, top, O_RDONLY|O_DIRECTORY);
    (void) unlinkat(fd, "q", AT_REMOVEDIR);
    (void) close(fd);

    tap_is_u64((uint64_t) descriptors(), (uint64_t) before,
               "no descriptor is lost");
}


static mxt_spool_name_t
name_of(uint32_t seq)
{
    mxt_spool_name_t  name;

    name.created = NOW;
    name.oldest = NOW - 1000;
    name.events = 3;
    name.writer = 0x1234;
    name.seq = seq;
    name.destination = DEST;
    name.gzip = 0;

    return name;
}
