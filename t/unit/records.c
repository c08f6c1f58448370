/* link: src/core/mxt_gate.c src/core/mxt_policy.c src/core/mxt_retry_after.c src/core/mxt_words.c */

/*
 * The failed_records of /import, in all the forms that were seen, and some
 * that were not: which events they name, and how many.
 */


#include <stdlib.h>

#include <jansson.h>


/* how often a record or a name is looked at */

static unsigned long  looks;


static json_t *
count_array_get(const json_t *array, size_t i)
{
    looks++;

    return json_array_get(array, i);
}


static json_t *
count_object_get(const json_t *object, const char *key)
{
    looks++;

    return json_object_get(object, key);
}


#define json_array_get   count_array_get
#define json_object_get  count_object_get

#include "../../src/core/mxt_records.c"

#undef json_array_get
#undef json_object_get

#include "../../src/core/mxt_policy.h"

#include "tap.h"


#define TOKEN  "0123456789abcdef0123456789abcdef"

/* events of the small requests; their ids are id-0 to id-4 */
#define EVENTS  5

/* MXT_VERDICT_REFUSED, in a row of the table */
#define REFUSED  (-1)


typedef struct {
    const char  *name;
    const char  *records;       /* what is in the array */
    const char  *names;         /* a digit for each event that is named */
    int          failed;
} row_t;


static void rows(void);
static void imported(void);
static void reasons(void);
static void ids(void);
static void others(void);
static void bodies(void);
static void crowd(const char *name, const char *form, unsigned lines,
    unsigned by_id);
static void judge(const char *body, size_t len, uint32_t events,
    mxt_verdict_t *v);
static char *named(const mxt_verdict_t *v);


static const row_t  table[] = {

    { "$insert_id", "{\"index\":0,\"$insert_id\":\"id-3\"}", "3", 1 },
    { "insert_id", "{\"insert_id\":\"id-3\"}", "3", 1 },
    { "both, one of them in vain",
      "{\"$insert_id\":\"id-3\",\"insert_id\":\"id-2\"}", "3", 1 },
    { "$insert_id null", "{\"$insert_id\":null,\"insert_id\":\"id-2\"}", "2",
      1 },
    { "an id and another index",
      "{\"index\":1,\"insert_id\":\"id-4\"}", "4", 1 },
    { "an id of nobody and an index",
      "{\"index\":1,\"insert_id\":\"id-9\"}", "", 1 },
    { "an empty id and an index", "{\"index\":1,\"insert_id\":\"\"}", "1", 1 },
    { "an id that is a number", "{\"index\":1,\"insert_id\":7}", "1", 1 },
    { "an index only", "{\"index\":0}", "0", 1 },
    { "the last index", "{\"index\":4}", "4", 1 },
    { "a plain string", "\"id-2\"", "2", 1 },
    { "many of all kinds",
      "\"id-0\",{\"index\":1},{\"insert_id\":\"id-2\"},"
      "{\"$insert_id\":\"id-3\"}", "0123", 4 },
    { "all of them", "\"id-0\",\"id-1\",\"id-2\",\"id-3\",\"id-4\"", "01234",
      5 },

    { "an id twice", "\"id-0\",{\"insert_id\":\"id-0\"}", "0", 1 },
    { "an index twice", "{\"index\":3},{\"index\":3}", "3", 1 },
    { "an index too far", "{\"index\":5}", "", 1 },
    { "a negative index", "{\"index\":-1}", "", 1 },
    { "the smallest index", "{\"index\":-9223372036854775808}", "", 1 },
    { "the greatest index", "{\"index\":9223372036854775807}", "", 1 },
    { "32 bits more", "{\"index\":4294967296},{\"index\":4294967298}", "", 2 },
    { "an index that is a string", "{\"index\":\"1\"}", "", 1 },
    { "an index that is no integer", "{\"index\":1.0}", "", 1 },
    { "an index that is null", "{\"index\":null}", "", 1 },

    { "a message", "\"properties.time is missing\"", "", 1 },
    { "an empty string", "\"\"", "", 1 },
    { "an empty object", "{}", "", 1 },
    { "null", "null", "", 1 },
    { "numbers", "1,2,3.5", "", 3 },
    { "lists", "[],[\"id-1\"]", "", 2 },
    { "messages and an id", "\"a b\",\"a b\",\"id-1\"", "1", 3 },
    { "more than there are events",
      "1,2,3,4,5,6,7,8,\"id-1\",\"id-9\",\"id-8\"", "1", 5 },
    { "a part of an id", "\"id\",\"id-\",\"id-00\"", "", 3 },
    { "another case", "\"ID-1\"", "", 1 },

    { "an index beyond 64 bits", "{\"index\":9223372036854775808}", "",
      REFUSED },
    { "two ids in one", "{\"insert_id\":\"a\",\"insert_id\":\"b\"}", "",
      REFUSED },
    { "a NUL in an id", "\"id-1\\u0000\"", "", REFUSED }
};


int
main(void)
{
    rows();
    imported();
    reasons();
    ids();
    others();
    bodies();

    crowd("indices", "{\"index\":%u}", 2000, 0);
    crowd("plain ids", "\"%024x\"", 2000, 1);
    crowd("ids", "{\"$insert_id\":\"%024x\"}", 1500, 1);

    return tap_done();
}


static void
rows(void)
{
    char            body[1024];
    char           *names;
    size_t          i;
    const row_t    *t;
    mxt_verdict_t   v;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        t = &table[i];

        snprintf(body, sizeof(body), "{\"code\":400,\"failed_records\":[%s]}",
                 t->records);
        judge(body, strlen(body), EVENTS, &v);

        names = named(&v);

        tap_is_str(names, strlen(names), t->names, t->name);

        if (t->failed == REFUSED) {
            tap_ok(v.verdict == MXT_VERDICT_REFUSED && v.records == NULL
                   && v.failed == 0, "%s: refused", t->name);

        } else {
            tap_ok(v.verdict == MXT_VERDICT_PARTIAL, "%s: partial", t->name);
            tap_is_u64(v.failed, (uint64_t) t->failed, "so many failed");
        }

        mxt_verdict_done(&v);

        names = named(&v);
        tap_ok(*names == '\0' && v.records == NULL, "%s: and done", t->name);

        mxt_verdict_done(&v);
    }
}


static void
imported(void)
{
    char           body[1024];
    size_t         i;
    mxt_verdict_t  v;

    static const struct {
        const char     *number;
        const char     *records;
        mxt_verdict_e   verdict;
    } t[] = {
        { "0", "\"id-0\"", MXT_VERDICT_REFUSED },
        { "0", "\"id-0\",\"id-1\",\"id-2\",\"id-3\"", MXT_VERDICT_REFUSED },
        { "0", "\"id-0\",\"id-1\",\"id-2\",\"id-3\",\"id-3\"",
          MXT_VERDICT_REFUSED },
        { "0", "\"id-0\",\"id-1\",\"id-2\",\"id-3\",\"not an id\"",
          MXT_VERDICT_REFUSED },
        { "0", "\"id-0\",\"id-1\",\"id-2\",\"id-3\",{\"index\":5}",
          MXT_VERDICT_REFUSED },
        { "0", "\"id-0\",\"id-1\",\"id-2\",\"id-3\",\"id-4\"",
          MXT_VERDICT_PARTIAL },
        { "0", "\"id-0\",\"id-1\",\"id-2\",{\"index\":3},{\"index\":4}",
          MXT_VERDICT_PARTIAL },
        { "0.0", "\"id-0\"", MXT_VERDICT_REFUSED },
        { "-1", "\"id-0\"", MXT_VERDICT_REFUSED },
        { "1", "\"id-0\"", MXT_VERDICT_PARTIAL },
        { "4", "\"id-0\"", MXT_VERDICT_PARTIAL },
        { "5000000000", "\"id-0\"", MXT_VERDICT_PARTIAL },
        { "null", "\"id-0\"", MXT_VERDICT_PARTIAL },
        { "\"0\"", "\"id-0\"", MXT_VERDICT_PARTIAL }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        snprintf(body, sizeof(body), "{\"num_records_imported\":%s,"
                 "\"failed_records\":[%s]}", t[i].number, t[i].records);
        judge(body, strlen(body), EVENTS, &v);

        tap_ok(v.verdict == t[i].verdict, "imported %s, failed %s",
               t[i].number, t[i].records);

        mxt_verdict_done(&v);
    }
}


static void
reasons(void)
{
    char           why[256], small[4];
    size_t         i;
    const char    *body;
    mxt_verdict_t  v;

    static const char *want[] = {
        "properties.time: must be a number",
        "properties.utm_source",
        "no good",
        "400: some failed",
        "400: some failed",
        "*: token * of joe?",
        "properties.*: * is * wrong",
    };

    body = "{\"error\":\"some failed\",\"failed_records\":["
           "{\"index\":0,\"field\":\"properties.time\","
               "\"message\":\"must be a number\"},"
           "{\"index\":1,\"field\":\"properties.utm_source\"},"
           "{\"index\":2,\"field\":\"\",\"message\":\"no good\"},"
           "{\"index\":3,\"field\":1,\"message\":[]},"
           "\"id-4\","
           "{\"index\":5,\"field\":\"" TOKEN "\","
               "\"message\":\"token " TOKEN " of joe\\n\"},"
           "{\"index\":6,\"field\":\"properties.S3cr/et\","
               "\"message\":\"S3cr/et is S3cr/et wrong\"},"
           "{\"index\":7,\"message\":\""
               "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa "
               "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaa " TOKEN "\"},"
           "{\"index\":8,\"field\":\""
               "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa "
               "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa a\","
               "\"message\":\"a b c d e f g\"}]}";

    judge(body, strlen(body), 10, &v);

    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        strcpy(why, "untouched");
        tap_ok(mxt_verdict_names(&v, (uint32_t) i, "id-4", i == 4 ? 4 : 0,
                                 why, sizeof(why)) == 1,
               "event %zu is named", i);
        tap_is_str(why, strlen(why), want[i], "with a reason");
    }

    (void) mxt_verdict_names(&v, 7, NULL, 0, why, sizeof(why));
    tap_ok(strchr(why, '*') != NULL && strstr(why, "0123") == NULL,
           "a token at the end is not cut, but gone");

    (void) mxt_verdict_names(&v, 8, NULL, 0, why, sizeof(why));
    tap_is_u64(strlen(why), 100, "100 characters in all");

    strcpy(why, "untouched");
    tap_is_u64((uint64_t) mxt_verdict_names(&v, 9, "x", 1, why, sizeof(why)),
               0, "one that is not named");
    tap_is_str(why, strlen(why), "untouched", "has no reason");

    for (i = 1; i <= sizeof(small); i++) {
        memset(small, 'x', sizeof(small));
        (void) mxt_verdict_names(&v, 0, NULL, 0, small, i);

        if (strlen(small) != i - 1) {
            break;
        }
    }

    tap_ok(i == sizeof(small) + 1, "small buffers are terminated");
    tap_is_u64((uint64_t) mxt_verdict_names(&v, 0, NULL, 0, NULL, 0), 1,
               "and none is needed");

    mxt_verdict_done(&v);
}


/* ids of odd lengths and bytes, on both sides */

static void
ids(void)
{
    char           body[2048], id[300], copy[4];
    mxt_verdict_t  v;

    memset(id, 'a', sizeof(id));

    snprintf(body, sizeof(body),
             "{\"failed_records\":[{\"index\":0,\"insert_id\":\"%.255s\"},"
             "{\"index\":1,\"insert_id\":\"%.256s\"},\"%.36s\",\"%.37s\"]}",
             id, id, id, id);
    judge(body, strlen(body), 10, &v);

    tap_is_u64(v.failed, 4, "long ids");
    tap_ok(mxt_verdict_names(&v, 7, id, 255, copy, 4) == 1, "255 bytes");
    tap_ok(mxt_verdict_names(&v, 7, id, 256, copy, 4) == 0,
           "256 bytes are no id");
    tap_ok(mxt_verdict_names(&v, 1, id, 256, copy, 4) == 1,
           "but there is the index");
    tap_ok(mxt_verdict_names(&v, 0, id, 300, copy, 4) == 0,
           "which does not count beside an id");
    tap_ok(mxt_verdict_names(&v, 7, id, 36, copy, 4) == 1,
           "a string of 36 bytes is an id");
    tap_ok(mxt_verdict_names(&v, 7, id, 37, copy, 4) == 0,
           "one of 37 is a message");
    tap_ok(mxt_verdict_names(&v, 7, "a\0b", 3, copy, 4) == 0, "a NUL");
    tap_ok(mxt_verdict_names(&v, 7, "", 0, copy, 4) == 0, "an empty id");
    tap_ok(mxt_verdict_names(&v, 7, "\xff\xfe", 2, copy, 4) == 0,
           "not UTF-8");
    tap_ok(mxt_verdict_names(&v, UINT32_MAX, NULL, 0, copy, 4) == 0,
           "the last index of all");

    mxt_verdict_done(&v);
}


/* a verdict that is not partial names nobody */

static void
others(void)
{
    char           why[16];
    mxt_verdict_t  v;

    judge("{\"error\":\"id-1\"}", 16, EVENTS, &v);

    tap_ok(v.verdict == MXT_VERDICT_REFUSED
           && mxt_verdict_names(&v, 1, "id-1", 4, why, sizeof(why)) == 0,
           "no failed_records, no names");

    mxt_verdict_done(&v);

    judge("{\"failed_records\":[\"a\"]}", 24, 0, &v);
    tap_ok(v.verdict == MXT_VERDICT_PARTIAL && v.failed == 0,
           "none of no events");

    mxt_verdict_done(&v);
}


static void
bodies(void)
{
    char           *body;
    size_t          i, n, len;
    unsigned        wrong;
    const char     *whole;
    mxt_verdict_t   v;

    static const char head[] = "{\"failed_records\":[\"id-1\"";

    whole = "{\"failed_records\":[{\"index\":1},\"id-2\"],"
            "\"num_records_imported\":3}";

    len = strlen(whole);
    wrong = 0;

    for (n = 0; n < len; n++) {
        body = malloc(n ? n : 1);
        memcpy(body, whole, n);

        judge(body, n, EVENTS, &v);
        wrong += v.verdict != MXT_VERDICT_REFUSED;

        mxt_verdict_done(&v);
        free(body);
    }

    tap_is_u64(wrong, 0, "cut off at every byte: refused, nobody is named");

    body = malloc(70000);

    for (n = 65535; n <= 65537; n++) {
        memset(body, ' ', n);
        memcpy(body, head, sizeof(head) - 1);
        memcpy(body + n - 2, "]}", 2);

        judge(body, n, EVENTS, &v);

        tap_ok(v.verdict == (n <= 65536 ? MXT_VERDICT_PARTIAL
                                        : MXT_VERDICT_REFUSED),
               "%zu bytes of a body", n);

        mxt_verdict_done(&v);
    }

    for (i = 0; i < 3; i++) {
        static const char *unit[] = { "[", "{\"a\":", "{\"index\":[" };

        memcpy(body, head, sizeof(head) - 1);
        len = sizeof(head) - 1;
        body[len++] = ',';

        for (n = 0; n < 6000; n++) {
            memcpy(body + len, unit[i], strlen(unit[i]));
            len += strlen(unit[i]);
        }

        judge(body, len < 65536 ? len : 65536, EVENTS, &v);

        tap_ok(v.verdict == MXT_VERDICT_REFUSED, "6000 times %s", unit[i]);

        mxt_verdict_done(&v);
    }

    free(body);
}


/* that many records, for as many events */

static void
crowd(const char *name, const char *form, unsigned lines, unsigned by_id)
{
    char           *body, *p, id[64], why[64];
    unsigned        i, n, wrong;
    mxt_verdict_t   v;

    body = malloc(lines * 64 + 64);
    p = stpcpy(body, "{\"failed_records\":[");

    for (i = 0; i < lines; i++) {
        if (i) {
            *p++ = ',';
        }

        p += sprintf(p, form, i);
    }

    p = stpcpy(p, "]}");

    tap_ok(p - body <= 65536, "%s: a body of %zu bytes", name,
           (size_t) (p - body));

    looks = 0;

    judge(body, (size_t) (p - body), lines, &v);
    tap_is_u64(v.failed, lines, name);

    wrong = 0;

    for (i = 0; i < lines; i++) {
        n = (unsigned) snprintf(id, sizeof(id), "%024x", i);

        wrong += mxt_verdict_names(&v, by_id ? 0 : i, id, n, why,
                                   sizeof(why))
                 != 1;
    }

    tap_is_u64(wrong, 0, "every one is found");
    tap_ok(looks > lines && looks < 20UL * lines, "by %lu looks", looks);

    mxt_verdict_done(&v);
    free(body);
}


static void
judge(const char *body, size_t len, uint32_t events, mxt_verdict_t *v)
{
    mxt_reply_t    r;
    mxt_backoff_t  b = { 2000, 60000, 1000, 5000 };
    mxt_attempt_t  a;

    static const mxt_words_t  words = { 1, { 7 }, { "S3cr/et" } };

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    r.status = 400;
    r.body = body;
    r.len = len;

    a.api = MXT_API_IMPORT;
    a.events = events;
    a.backoff = &b;
    a.words = &words;

    mxt_policy_judge(&r, &a, v);
}


static char *
named(const mxt_verdict_t *v)
{
    char         id[8], why[MXT_POLICY_WHY], *p;
    unsigned     i;
    static char  names[EVENTS + 1];

    p = names;

    for (i = 0; i < EVENTS; i++) {
        snprintf(id, sizeof(id), "id-%u", i);

        if (mxt_verdict_names(v, i, id, 4, why, sizeof(why))) {
            *p++ = (char) ('0' + i);
        }
    }

    *p = '\0';

    return names;
}
