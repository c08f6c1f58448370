
/*
 * Names of batches: what is written is read, and nothing else is.
 */


#include "tap.h"
#include "../../src/core/mxt_spool_name.c"


#define NOW   1700000000123ULL
#define DEST  0xfeedfacecafebeefULL


static void names(void);
static void kinds(void);
static void destinations(void);


int
main(void)
{
    names();
    kinds();
    destinations();

    return tap_done();
}


static void
names(void)
{
    char              buf[MXT_SPOOL_NAME_MAX], again[MXT_SPOOL_NAME_MAX];
    size_t            i, n, bad;
    unsigned          ch;
    mxt_spool_name_t  name, got;

    static const char  good[] =
        "1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
        "feedfacecafebeef.json.gz";

    static const char *const  hostile[] = {
        "", "-", ".", "..", ".json.gz", "rejected-20231114.ndjson",
        "/etc/passwd", "../../etc/passwd",
        ".tmp-1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz.bad",
        "1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef",
        "1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz ",
        "1700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json/../../x",
        "1700000000123-02000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123--1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123--1-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-4294967296-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-9999999999-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "170000000012-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "17000000001234-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "+700000000123-2000-1699999999000-00000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-2000-1699999999000-00000000000000AB-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-2000-1699999999000-0x000000000000ab-0000001f-"
            "feedfacecafebeef.json.gz",
        "1700000000123-2000-1699999999000-00000000000000ab-00000001f-"
            "feedfacecafebeef.json.gz"
    };

    memset(&name, 0, sizeof(name));

    name.created = NOW;
    name.oldest = 1699999999000ULL;
    name.events = 2000;
    name.writer = 0xab;
    name.seq = 31;
    name.destination = DEST;
    name.gzip = 1;

    mxt_spool_format(&name, buf);
    tap_is_str(buf, strlen(buf), good, "a name");

    tap_ok(mxt_spool_parse(buf, &got) == 0
           && got.created == name.created && got.oldest == name.oldest
           && got.events == name.events && got.writer == name.writer
           && got.seq == name.seq && got.destination == name.destination
           && got.gzip == 1, "is read back");

    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        tap_ok(mxt_spool_parse(hostile[i], &got) == -1, "not ours: %s",
               hostile[i]);
    }

    /* each prefix, and each byte replaced by each other */

    n = strlen(good);
    bad = 0;

    for (i = 0; i < n; i++) {
        memcpy(buf, good, i);
        buf[i] = '\0';
        bad += i != n - 3 && mxt_spool_parse(buf, &got) == 0;

        for (ch = 1; ch < 256; ch++) {
            memcpy(buf, good, n + 1);
            buf[i] = (char) ch;

            if (mxt_spool_parse(buf, &got) == 0) {
                mxt_spool_format(&got, again);
                bad += strcmp(buf, again) != 0;
            }
        }
    }

    tap_is_u64(bad, 0, "what is read would be written so");

    memset(&name, 0xff, sizeof(name));
    mxt_spool_format(&name, buf);
    tap_is_str(buf, strlen(buf),
               "9999999999999-4294967295-9999999999999-ffffffffffffffff-"
               "ffffffff-ffffffffffffffff.json.gz", "the longest name");
    tap_ok(mxt_spool_parse(buf, &got) == 0 && got.events == UINT32_MAX
           && got.writer == UINT64_MAX && got.seq == UINT32_MAX
           && got.created == 9999999999999ULL, "is read back");

    memset(&name, 0, sizeof(name));
    mxt_spool_format(&name, buf);
    tap_is_str(buf, strlen(buf),
               "0000000000000-0-0000000000000-0000000000000000-00000000-"
               "0000000000000000.json", "the shortest name");
    tap_ok(mxt_spool_parse(buf, &got) == 0 && got.gzip == 0, "is read back");
}


static void
kinds(void)
{
    char              file[2 * MXT_SPOOL_NAME_MAX], batch[MXT_SPOOL_NAME_MAX];
    size_t            i;
    mxt_spool_name_t  name, got;

    static const struct {
        const char        *format;
        mxt_spool_kind_e   kind;
    } kind[] = {
        { "%s", MXT_SPOOL_IS_BATCH },
        { ".tmp-%s", MXT_SPOOL_IS_TEMP },
        { "%s.bad", MXT_SPOOL_IS_BAD },
        { "%s ", MXT_SPOOL_IS_FOREIGN },
        { ".tmp%s", MXT_SPOOL_IS_FOREIGN },
        { ".tmp-.tmp-%s", MXT_SPOOL_IS_FOREIGN },
        { ".tmp-%s.bad", MXT_SPOOL_IS_FOREIGN },
        { "%s.bad.bad", MXT_SPOOL_IS_FOREIGN },
        { "%sbad", MXT_SPOOL_IS_FOREIGN },
        { "%s.bax", MXT_SPOOL_IS_FOREIGN },
        { ".tmp-%.0s", MXT_SPOOL_IS_FOREIGN },
        { ".bad%.0s", MXT_SPOOL_IS_FOREIGN },
        { "bad%.0s", MXT_SPOOL_IS_FOREIGN },
        { "%.0s", MXT_SPOOL_IS_FOREIGN }
    };

    memset(&name, 0xff, sizeof(name));
    mxt_spool_format(&name, batch);

    for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {

        (void) snprintf(file, sizeof(file), kind[i].format, batch);
        memset(&got, 0, sizeof(got));

        tap_ok(mxt_spool_kind(file, &got) == kind[i].kind
               && (kind[i].kind == MXT_SPOOL_IS_FOREIGN
                   || got.writer == name.writer),
               "kind %u: \"%s\"", (unsigned) kind[i].kind, file);
    }
}


static void
destinations(void)
{
    uint64_t  a;

    tap_is_u64(mxt_spool_destination(NULL), 0xcbf29ce484222325ULL,
               "the offset basis");
    tap_is_u64(mxt_spool_destination("", NULL), 0xaf63bd4c8601b7dfULL,
               "one NUL");

    /* the published hash of "foobar", and a NUL */

    tap_is_u64(mxt_spool_destination("foobar", NULL),
               (0x85944171f73967e8ULL * 0x100000001b3ULL), "foobar");

    a = mxt_spool_destination("ab", "c", NULL);

    tap_ok(a != mxt_spool_destination("a", "bc", NULL)
           && a != mxt_spool_destination("abc", NULL)
           && a != mxt_spool_destination("ab", "c", "", NULL)
           && a == mxt_spool_destination("ab", "c", NULL),
           "pieces are told apart");
}
