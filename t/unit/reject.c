
/*
 * Rejected events against a real directory: what a line is, whatever lies in
 * the place of the file, several writers, the limit, and each system call
 * failing in its turn.
 */


#include <jansson.h>

#include "files.h"

#include "../../src/core/mxt_file.c"
#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_reject.c"


#define DAY   "rejected-20231114.ndjson"


static void rejecting(void);
static void many(void);
static void large(void);
static void quota(void);
static void torn_quota(void);
static void rejecting_together(void);
static void quota_together(void);
static void no_room(void);
static void gone(void);
static void faults(void);
static void file_names(void);
static int reject(uint64_t now, const char *reason, const char *text,
    size_t len);
static mxt_span_t span(const char *text);
static uint64_t size_of(const char *file);
static int loadable(const char *file, unsigned lines, json_t **last);


int
main(void)
{
    files_start();

    file_names();
    rejecting();
    many();
    large();
    quota();
    torn_quota();
    rejecting_together();
    quota_together();
    no_room();
    gone();
    faults();

    files_end();

    return tap_done();
}


static void
file_names(void)
{
    tap_ok(mxt_reject_named(DAY) && mxt_reject_named("rejected-.ndjson")
           && mxt_reject_named("rejected-123450101.ndjson"),
           "names of rejected files");

    tap_ok(!mxt_reject_named("") && !mxt_reject_named("rejected-")
           && !mxt_reject_named(".ndjson")
           && !mxt_reject_named("rejected.ndjson")
           && !mxt_reject_named(DAY ".gz") && !mxt_reject_named("x" DAY)
           && !mxt_reject_named("rejected-20231114"), "and of others");
}


static void
rejecting(void)
{
    int      fd, rc;
    char     big[2001];
    json_t  *line = NULL;

    rc = reject(NOW, "status 0: \"x\"\n\x01\xff\\",
                "{\"event\":\"a\"}", 13);
    tap_ok(rc == 0 && loadable("rejected-20231114.ndjson", 1, &line),
           "a line, whatever the reason");

    tap_ok(json_integer_value(json_object_get(line, "time")) == NOW
           && json_object_size(line) == 3, "its time");
    tap_is_str(json_string_value(json_object_get(line, "reason")),
               json_string_length(json_object_get(line, "reason")),
               "status 0: \"x\"\n\x01\xef\xbf\xbd\\", "its reason");
    tap_ok(json_object_size(json_object_get(line, "event")) == 1,
           "its event");
    json_decref(line);

    rc = reject(NOW + 1, "", "{\n\"a\":\r\n1 }\n", 12);
    tap_ok(rc == 0 && loadable("rejected-20231114.ndjson", 2, &line),
           "line breaks in an event");
    json_decref(line);

    rc = reject(NOW + 1, "none", NULL, 0);
    tap_ok(rc == 0 && loadable("rejected-20231114.ndjson", 3, &line),
           "no event");
    json_decref(line);

    memset(big, '\x02', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    rc = reject(UINT64_MAX / 1000000, big, "[1]", 3);
    tap_ok(rc == 0 && loadable("rejected-25540721.ndjson", 1, &line),
           "a reason of 2000 control characters");
    tap_is_u64(json_string_length(json_object_get(line, "reason")), 255,
               "is cut");
    json_decref(line);

    write_max = 7;
    rc = reject(NOW + 1, "slow", "{\"event\":\"a\"}", 13);
    write_max = SIZE_MAX;
    tap_ok(rc == 0 && loadable("rejected-20231114.ndjson", 4, &line),
           "in small pieces");
    json_decref(line);

    rc = reject(NOW + 6399877 - 1, "last", "1", 1);
    tap_ok(rc == 0 && loadable("rejected-20231114.ndjson", 5, NULL),
           "the last ms of the day");
    rc = reject(NOW + 6399877, "first", "1", 1);
    tap_ok(rc == 0 && loadable("rejected-20231115.ndjson", 1, NULL),
           "the first of the next");

    /* a crash has torn a line */

    fd = openat(dir, "rejected-20231115.ndjson", O_WRONLY|O_APPEND);
    (void) !write(fd, "{\"time\":1", 9);
    (void) close(fd);
    rc = reject(NOW + 6399877, "next", "1", 1);
    tap_ok(rc == 0 && loadable("rejected-20231115.ndjson", 2, NULL),
           "a torn line spoils no other");

    put("target", "");
    (void) symlinkat("target", dir, "rejected-20231116.ndjson");
    errno = 0;
    tap_ok(reject(NOW + 2 * 86400000, "x", "1", 1) == -1
           && errno == ELOOP, "a symbolic link");

    (void) mkfifoat(dir, "rejected-20231117.ndjson", 0600);
    errno = 0;
    tap_ok(reject(NOW + 3 * 86400000, "x", "1", 1) == -1
           && errno == EINVAL, "a pipe");

    empty();
}


/* many events of one reason: in order, and in one write() */

static void
many(void)
{
    int          rc;
    char         text[3][32];
    FILE        *fp;
    char         line[256], want[256];
    unsigned     i, bad;
    mxt_span_t   event[100];

    tap_ok(mxt_reject(dir, NOW, "none", NULL, 0, 0) == 0 && entries() == 0,
           "no events make no file");

    snprintf(text[0], sizeof(text[0]), "{\"n\":0},");
    snprintf(text[1], sizeof(text[1]), "{\"n\":[1,\n2]}");
    text[2][0] = ',';

    for (i = 0; i < 100; i++) {
        event[i] = span(text[i % 3]);
        event[i].len = (i % 3 == 2) ? i & 1 : event[i].len;
    }

    writes = 0;
    mallocs = 0;
    rc = mxt_reject(dir, NOW, "bad\"", event, 100, 0);

    tap_ok(rc == 0 && loadable(DAY, 100, NULL), "a hundred events");
    tap_is_u64(writes, 1, "in one write");
    tap_is_u64(mallocs, 1, "and one piece of memory");

    fp = fdopen(openat(dir, DAY, O_RDONLY), "r");

    for (i = 0, bad = 0; fgets(line, sizeof(line), fp); i++) {
        snprintf(want, sizeof(want),
                 "{\"time\":%llu,\"reason\":\"bad\\\"\",\"event\":%s}\n",
                 NOW,
                 i % 3 == 0 ? "{\"n\":0}" : i % 3 == 1 ? "{\"n\":[1, 2]}"
                 : "null");
        bad += strcmp(line, want) != 0;
    }

    fclose(fp);

    tap_ok(i == 100 && bad == 0, "in order, without their commas");

    empty();
}


/* one longer than the buffer, and more than it holds at once */

static void
large(void)
{
    int           rc;
    FILE         *fp;
    char         *big, *line;
    size_t        size;
    ssize_t       len;
    unsigned      i, bad;
    mxt_span_t   *event;

    static const char  start[] = "{\"time\":1700000000123,\"reason\":\"x\",";

    size = 2 * MXT_REJECT_BUFFER;
    big = malloc(size + 1);
    memset(big, ' ', size);
    big[0] = '{';
    big[size - 1] = '}';
    big[size] = '\0';

    event = malloc(4001 * sizeof(mxt_span_t));

    for (i = 0; i < 4001; i++) {
        event[i] = span("{\"event\":\"a\",\"properties\":{\"b\":17}},");
    }

    event[1000] = span(big);

    writes = 0;
    rc = mxt_reject(dir, NOW, "x", event, 4001, 0);

    /* what is before the half MB, that, and what is behind it */

    tap_ok(rc == 0 && size_of(DAY) > 2 * MXT_REJECT_BUFFER, "large ones");
    tap_ok(writes == 3, "in %u writes", writes);

    fp = fdopen(openat(dir, DAY, O_RDONLY), "r");
    line = NULL;
    bad = 0;

    for (i = 0; (len = getline(&line, &size, fp)) > 0; i++) {
        bad += (i == 1000) != (len > 2 * MXT_REJECT_BUFFER)
               || strncmp(line, start, strlen(start)) != 0
               || line[len - 2] != '}';
    }

    tap_ok(i == 4001 && bad == 0, "each of them a line");

    fclose(fp);
    (free)(line);
    free(big);
    free(event);
    empty();
}


static void
quota(void)
{
    int          rc;
    uint64_t     line, max;
    mxt_span_t   event[3];

    event[0] = event[1] = event[2] = span("{\"event\":\"a\"},");

    (void) mxt_reject(dir, NOW, "x", event, 1, 0);
    line = size_of(DAY);
    empty();

    rc = mxt_reject(dir, NOW, "x", event, 1, line);
    tap_ok(rc == 0 && size_of(DAY) == line, "a line that just fits");
    empty();

    errno = 0;
    rc = mxt_reject(dir, NOW, "x", event, 1, line - 1);
    tap_ok(rc == -1 && errno == EDQUOT && entries() == 0,
           "a byte more leaves no file");

    /* files of other days and names count, other things do not */

    put("rejected-20200101.ndjson", "0123456789");
    put("rejected-mine.ndjson", "01234");
    put("rejected-20200102.ndjson.gz", "0123456789");
    put("other", "0123456789");
    (void) mkdirat(dir, "rejected-dir.ndjson", 0700);
    (void) symlinkat("other", dir, "rejected-link.ndjson");

    max = 15 + 3 * line;

    rc = mxt_reject(dir, NOW, "x", event, 2, max);
    tap_ok(rc == 0 && size_of(DAY) == 2 * line, "two lines of three");

    errno = 0;
    rc = mxt_reject(dir, NOW, "x", event, 2, max);
    tap_ok(rc == -1 && errno == EDQUOT && size_of(DAY) == 2 * line,
           "two more are refused, both of them");

    rc = mxt_reject(dir, NOW, "x", event, 1, max);
    tap_ok(rc == 0 && size_of(DAY) == 3 * line, "one more fits");

    errno = 0;
    rc = mxt_reject(dir, NOW + 86400000, "x", event, 1, max);
    tap_ok(rc == -1 && errno == EDQUOT && !exists("rejected-20231115.ndjson"),
           "but not tomorrow");

    errno = 0;
    rc = mxt_reject(dir, NOW, "x", event, 1, 1);
    tap_ok(rc == -1 && errno == EDQUOT, "the limit was lowered since");

    rc = mxt_reject(dir, NOW, "x", event, 1, 0);
    tap_ok(rc == 0 && loadable(DAY, 4, NULL), "no limit");

    rc = mxt_reject(dir, NOW, "x", event, 1, UINT64_MAX);
    tap_ok(rc == 0 && loadable(DAY, 5, NULL), "the largest");

    empty();
}


/* the line break that ends a torn line is not free, either */

static void
torn_quota(void)
{
    int         rc;
    uint64_t    line;
    mxt_span_t  event;

    event = span("{}");

    (void) mxt_reject(dir, NOW, "x", &event, 1, 0);
    line = size_of(DAY);

    put(DAY, "torn");
    errno = 0;
    rc = mxt_reject(dir, NOW, "x", &event, 1, 4 + line);
    tap_ok(rc == -1 && errno == EDQUOT && size_of(DAY) == 4,
           "a torn line, and no room to end it");

    rc = mxt_reject(dir, NOW, "x", &event, 1, 4 + 1 + line);
    tap_ok(rc == 0 && size_of(DAY) == 4 + 1 + line, "a byte of room");

    empty();
}


static void
rejecting_together(void)
{
    int         n, i, status, go[2];
    char        byte;
    pid_t       pid;
    mxt_span_t  event[5];

    for (i = 0; i < 5; i++) {
        event[i] = span("{\"event\":\"a\"},");
    }

    if (pipe(go) == -1) {
        tap_ok(0, "pipe");
        return;
    }

    for (n = 0; n < 4; n++) {
        pid = fork();

        if (pid == 0) {
            write_max = 11;

            (void) close(go[1]);
            (void) !read(go[0], &byte, 1);

            for (i = 0; i < 20; i++) {
                while (mxt_reject(dir, NOW, "together", event, 5, 0) != 0
                       && errno == EWOULDBLOCK)
                {
                    /* void */
                }
            }

            _exit(0);
        }
    }

    (void) close(go[0]);
    (void) close(go[1]);

    while (wait(&status) > 0) { /* void */ }

    tap_ok(loadable("rejected-20231114.ndjson", 400, NULL),
           "four writers in small pieces");

    empty();
}


/* on two days, so that only the directory is one */

static void
quota_together(void)
{
    int         n, status, go[2];
    char        byte;
    pid_t       pid;
    uint64_t    line, sum;
    mxt_span_t  event;

    event = span("{\"event\":\"a\"},");

    (void) mxt_reject(dir, NOW, "x", &event, 1, 0);
    line = size_of(DAY);
    empty();

    if (pipe(go) == -1) {
        tap_ok(0, "pipe");
        return;
    }

    for (n = 0; n < 4; n++) {
        pid = fork();

        if (pid == 0) {
            write_max = 11;

            (void) close(go[1]);
            (void) !read(go[0], &byte, 1);

            while (mxt_reject(dir, NOW + (uint64_t) (n & 1) * 86400000, "x",
                              &event, 1, 101 * line - 1)
                   == 0
                   || errno == EWOULDBLOCK)
            {
                /* void */
            }

            _exit(errno != EDQUOT);
        }
    }

    (void) close(go[0]);
    (void) close(go[1]);

    n = 0;

    while (wait(&status) > 0) {
        n += status == 0;
    }

    sum = size_of(DAY) + size_of("rejected-20231115.ndjson");

    tap_ok(n == 4 && sum == 100 * line,
           "four writers fill the room, and no more");

    empty();
}


static void
no_room(void)
{
    int            rc, i;
    char           body[4096];
    uint64_t       size;
    struct rlimit  old, rl;

    memset(body, 'x', sizeof(body));

    for (i = 0; i < 10; i++) {
        (void) reject(NOW, "x", "1", 1);
    }

    size = size_of(DAY);

    (void) getrlimit(RLIMIT_FSIZE, &old);
    rl = old;
    rl.rlim_cur = 1000;
    (void) setrlimit(RLIMIT_FSIZE, &rl);

    errno = 0;
    rc = reject(NOW, "x", body, sizeof(body));
    tap_ok(rc == -1 && errno == EFBIG && size_of(DAY) == size,
           "no room: nothing is left of a line");

    errno = 0;
    rc = reject(NOW + 86400000, "x", body, sizeof(body));
    tap_ok(rc == -1 && errno == EFBIG && entries() == 1,
           "nor of a file that is new");

    (void) setrlimit(RLIMIT_FSIZE, &old);

    empty();
}


static void
gone(void)
{
    int         fd;
    mxt_span_t  event;

    event = span("1");

    (void) mkdirat(dir, "gone", 0700);
    fd = openat(dir, "gone", O_RDONLY|O_DIRECTORY);
    (void) unlinkat(dir, "gone", AT_REMOVEDIR);

    errno = 0;
    tap_ok(mxt_reject(fd, NOW, "x", &event, 1, 0) == -1 && errno == ENOENT,
           "a directory that was removed");
    errno = 0;
    tap_ok(mxt_reject(fd, NOW, "x", &event, 1, 1000) == -1
           && errno == ENOENT, "with a limit");
    (void) close(fd);

    errno = 0;
    tap_ok(mxt_reject(-1, NOW, "x", &event, 1, 0) == -1 && errno == EBADF,
           "no descriptor");

    errno = 0;
    tap_ok(mxt_reject(dir, UINT64_MAX, "x", &event, 1, 0) == 0
           || (errno != 0 && entries() == 0), "the end of time");

    empty();
}


/* each call in its turn, until it works without one failing */

static void
faults(void)
{
    int          i, rc, bad, before, fresh, wanted[2];
    uint64_t     size;
    mxt_span_t   event[2];

    event[0] = event[1] = span("{\"event\":\"a\"},");

    before = descriptors();

    for (fresh = 1; fresh >= 0; fresh--) {

        if (!fresh) {
            put(DAY, "torn");
        }

        size = fresh ? 0 : 4;
        mallocs = 0;

        for (i = 0, rc = -1, bad = 0; i < 100; i++) {
            fail_at = i;
            fail_seen = 0;
            errno = 0;
            write_max = 50;
            rc = mxt_reject(dir, NOW, "y", event, 2, 1000);
            write_max = SIZE_MAX;
            fail_at = -1;

            if (rc == 0) {
                break;
            }

            bad += errno != EIO || size_of(DAY) != size
                   || exists(DAY) == (unsigned) fresh;
        }

        wanted[fresh] = i;

        tap_ok(rc == 0 && bad == 0, "each of %d failures leaves nothing", i);
    }

    /* malloc, openat, fdopendir, flock, two openat, fstat, writes, two fsync;
     * and a write more, but an openat and an fsync less; and for root two
     * fstat and fchown, of a file that is new */

    size = (size_of(DAY) - 5 + 49) / 50;
    tap_is_u64((uint64_t) wanted[1],
               7 + size + 2 + (geteuid() == 0 ? 3 : 0), "all of them seen");
    tap_is_u64((uint64_t) wanted[0], 6 + 1 + size + 1, "with a torn line");

    tap_is_u64((uint64_t) descriptors(), (uint64_t) before,
               "no descriptor is lost");

    empty();
}


static int
reject(uint64_t now, const char *reason, const char *text, size_t len)
{
    mxt_span_t  event;

    event.data = (const unsigned char *) text;
    event.len = len;

    return mxt_reject(dir, now, reason, &event, 1, 0);
}


static mxt_span_t
span(const char *text)
{
    mxt_span_t  s;

    s.data = (const unsigned char *) text;
    s.len = strlen(text);

    return s;
}


static uint64_t
size_of(const char *file)
{
    struct stat  st;

    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0
           ? (uint64_t) st.st_size : 0;
}


/* how many lines are JSON with the three members, and is that as wanted */

static int
loadable(const char *file, unsigned lines, json_t **last)
{
    int       fd;
    FILE     *fp;
    char      line[16384];
    json_t   *j;
    unsigned  n;

    n = 0;
    j = NULL;

    fd = openat(dir, file, O_RDONLY);
    fp = fd == -1 ? NULL : fdopen(fd, "r");

    while (fp && fgets(line, sizeof(line), fp)) {
        json_decref(j);
        j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        n += line[strlen(line) - 1] == '\n' && json_object_size(j) == 3
             && json_is_integer(json_object_get(j, "time"))
             && json_is_string(json_object_get(j, "reason"))
             && json_object_get(j, "event") != NULL;
    }

    if (fp) {
        fclose(fp);
    }

    if (last) {
        *last = j;

    } else {
        json_decref(j);
    }

    return n == lines;
}
