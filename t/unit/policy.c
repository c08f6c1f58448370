
/*
 * What becomes of a reply, and when to try again: bodies of all kinds, the
 * doubling at its edges, and the gate under a clock of its own.
 */


#include <stdlib.h>

#include "../../src/core/mxt_policy.c"

#include "tap.h"


#define DELIVERED  MXT_VERDICT_DELIVERED
#define RETRY      MXT_VERDICT_RETRY

#define TOKEN      "0123456789abcdef0123456789abcdef"


typedef struct {
    const char     *name;
    int             error;
    long            status;
    const char     *body;
    unsigned        cut;
    mxt_verdict_e   verdict;
    const char     *why;        /* NULL if delivered */
} reply_t;


static void replies(void);
static void bombs(void);
static void reasons(void);
static void memory(void);
static void backoff(void);
static void gate(void);
static void gate_flaps(void);
static mxt_verdict_e judge(const void *body, size_t len, const char **why);
static char *fill(const char *head, const char *unit, const char *tail,
    size_t size);


static const reply_t  table[] = {

    { "1", 0, 200, "1", 0, DELIVERED, NULL },
    { "1 and a line feed", 0, 200, "1\n", 0, DELIVERED, NULL },
    { "1 within white space", 0, 200, " \t\r\n1 \t\r\n", 0, DELIVERED, NULL },
    { "status 1", 0, 200, "{\"status\":1}", 0, DELIVERED, NULL },
    { "status \"1\"", 0, 200, "{\"status\":\"1\"}", 0, DELIVERED, NULL },
    { "status 1 with more", 0, 200,
      " {\"error\" : null, \"status\" : 1 }\r\n", 0, DELIVERED, NULL },

    { "nothing", 0, 200, "", 0, RETRY, "200 with an empty body" },
    { "no body", 0, 200, NULL, 0, RETRY, "200 with an empty body" },
    { "white space", 0, 200, " \r\n\t ", 0, RETRY, "200 with an empty body" },
    { "0", 0, 200, "0", 0, RETRY, "200 with 0" },
    { "0 and a line feed", 0, 200, "0\n", 0, RETRY, "200 with 0" },
    { "11", 0, 200, "11", 0, RETRY, "200 with an unknown body" },
    { "1 twice", 0, 200, "1 1", 0, RETRY, "200 with an unknown body" },
    { "1.0", 0, 200, "1.0", 0, RETRY, "200 with an unknown body" },
    { "a string", 0, 200, "\"1\"", 0, RETRY, "200 with an unknown body" },
    { "a list", 0, 200, "[{\"status\":1}]", 0, RETRY,
      "200 with an unknown body" },
    { "status 0", 0, 200, "{\"status\":0}", 0, RETRY, "status 0" },
    { "status \"0\"", 0, 200, "{\"status\":\"0\"}", 0, RETRY, "status 0" },
    { "status 0 and why", 0, 200, "{\"status\":0,\"error\":\"x\"}", 0, RETRY,
      "status 0: x" },
    { "status 0 and an empty why", 0, 200, "{\"status\":0,\"error\":\"\"}", 0,
      RETRY, "status 0" },
    { "status 0 and a list", 0, 200, "{\"status\":0,\"error\":[\"x\"]}", 0,
      RETRY, "status 0" },
    { "status true", 0, 200, "{\"status\":true}", 0, RETRY,
      "200 with an unknown status" },
    { "status 1.0", 0, 200, "{\"status\":1.0}", 0, RETRY,
      "200 with an unknown status" },
    { "status null", 0, 200, "{\"status\":null}", 0, RETRY,
      "200 with an unknown status" },
    { "status 2", 0, 200, "{\"status\":2,\"error\":\"y\"}", 0, RETRY,
      "200 with an unknown status: y" },
    { "status \" 1\"", 0, 200, "{\"status\":\" 1\"}", 0, RETRY,
      "200 with an unknown status" },
    { "status 4294967297", 0, 200, "{\"status\":4294967297}", 0, RETRY,
      "200 with an unknown status" },
    { "status too large", 0, 200, "{\"status\":99999999999999999999}", 0,
      RETRY, "200 with an unknown body" },
    { "no status", 0, 200, "{\"error\":\"z\"}", 0, RETRY,
      "200 with an unknown status: z" },
    { "status within", 0, 200, "{\"a\":{\"status\":1}}", 0, RETRY,
      "200 with an unknown status" },
    { "two statuses", 0, 200, "{\"status\":0,\"status\":1}", 0, RETRY,
      "200 with an unknown body" },
    { "JSON cut off", 0, 200, "{\"status\":1", 0, RETRY,
      "200 with an unknown body" },
    { "JSON and more", 0, 200, "{\"status\":1} 1", 0, RETRY,
      "200 with an unknown body" },
    { "not UTF-8", 0, 200, "{\"status\":1,\"error\":\"\xff\"}", 0, RETRY,
      "200 with an unknown body" },
    { "HTML", 0, 200, "<html><body>1</body></html>", 0, RETRY,
      "200 with an unknown body" },
    { "a longer body", 0, 200, "1", 1, RETRY, "200 with a body too long" },

    { "201", 0, 201, "1", 0, RETRY, "201" },
    { "204", 0, 204, NULL, 0, RETRY, "204" },
    { "302", 0, 302, "1", 0, RETRY, "302" },
    { "400", 0, 400, "{\"status\":1}", 0, RETRY, "400" },
    { "401", 0, 401, "{\"error\":\"x\",\"status\":\"error\"}", 0, RETRY,
      "401" },
    { "403", 0, 403, "1", 0, RETRY, "403" },
    { "413", 0, 413, "1", 1, RETRY, "413" },
    { "429", 0, 429, "{\"code\":429}", 0, RETRY, "429" },
    { "500", 0, 500, "1", 0, RETRY, "500" },
    { "503", 0, 503, NULL, 0, RETRY, "503" },
    { "999", 0, 999, "1", 0, RETRY, "999" },
    { "no status at all", 0, 0, "1", 0, RETRY, "no reply" },

    { "host not found", 6, 0, NULL, 0, RETRY, "host not found" },
    { "refused", 7, 0, NULL, 0, RETRY, "cannot connect" },
    { "timeout", 28, 0, NULL, 0, RETRY, "timeout" },
    { "timeout after a 1", 28, 200, "1", 0, RETRY, "timeout" },
    { "broken off after a 1", 18, 200, "1", 0, RETRY, "reply incomplete" },
    { "another error", 4711, 0, NULL, 0, RETRY, "transport error 4711" },
    { "a negative error", -1, 0, NULL, 0, RETRY, "transport error -1" }
};


int
main(void)
{
    replies();
    bombs();
    reasons();
    memory();
    backoff();
    gate();
    gate_flaps();

    return tap_done();
}


static void
replies(void)
{
    char            why[128];
    char           *body;
    size_t          i;
    mxt_reply_t     r;
    mxt_verdict_e   verdict;
    const reply_t  *t;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        t = &table[i];

        memset(&r, 0, sizeof(r));

        r.error = t->error;
        r.status = t->status;
        r.cut = t->cut;
        r.len = 1;
        body = NULL;

        /* not terminated, so that a byte too far is seen */

        if (t->body) {
            r.len = strlen(t->body);
            body = malloc(r.len ? r.len : 1);
            memcpy(body, t->body, r.len);
            r.body = body;
        }

        strcpy(why, "untouched");

        verdict = mxt_policy_verdict(&r, why, sizeof(why));

        tap_ok(verdict == t->verdict, "%s", t->name);
        tap_is_str(why, strlen(why), t->why ? t->why : "untouched", t->name);

        free(body);
    }
}


static void
bombs(void)
{
    char        *body;
    const char  *why;

    body = fill("{\"status\":1,\"a\":", "[", "", 65536);
    tap_ok(judge(body, 65536, &why) == RETRY, "65521 open brackets");
    tap_is_str(why, strlen(why), "200 with an unknown body", "its reason");
    free(body);

    body = fill("", "{\"a\":", "", 65536);
    tap_ok(judge(body, 65536, &why) == RETRY, "13107 open braces");
    free(body);

    body = fill("{\"status\":1,\"a\":[", "[],", "0]}", 65536);
    tap_ok(judge(body, 65536, &why) == DELIVERED, "64K of JSON");
    free(body);

    body = fill("1", " ", "", 65536);
    tap_ok(judge(body, 65536, &why) == DELIVERED, "1 and white space to 64K");
    free(body);

    body = fill("1", " ", "", 65537);
    tap_ok(judge(body, 65537, &why) == RETRY, "beyond 64K");
    tap_is_str(why, strlen(why), "200 with a body too long", "its reason");
    free(body);

    tap_ok(judge("1\0", 2, &why) == RETRY, "1 and a NUL");
    tap_ok(judge("{\"status\":1}\0", 13, &why) == RETRY, "JSON and a NUL");
    tap_ok(judge("{\"status\":\"1\\u0000\"}", 19, &why) == RETRY,
           "a NUL in the status");
}


static void
reasons(void)
{
    char         *body, small[8];
    size_t        i;
    mxt_reply_t   r;
    const char   *why;

    body = "{\"status\":0,\"error\":\"a\\nb\\u001b[2Jc\\u00e9\\u007f\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why), "status 0: a?b?[2Jc???",
               "printable ASCII only");

    body = "{\"status\":0,\"error\":\"token '" TOKEN "' of joe is wrong\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why), "status 0: token '*' of joe is wrong",
               "no token");

    body = "{\"status\":0,\"error\":\"$insert_id "
           "550e8400-e29b-41d4-a716-446655440000, properties_are_invalid\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why),
               "status 0: $insert_id *, properties_are_invalid",
               "no id, but long words");

    body = fill("{\"status\":0,\"error\":\"", "ab ", "\"}", 1000);
    judge(body, 1000, &why);
    tap_is_u64(strlen(why), sizeof("status 0: ") - 1 + 100, "100 characters");
    free(body);

    body = fill("{\"status\":0,\"error\":\"", "xy z ", TOKEN "\"}",
                20 + 95 + 32 + 2);
    judge(body, strlen(body), &why);
    tap_ok(strchr(why, '*') != NULL && strstr(why, "0123") == NULL,
           "a token at the end is not cut, but gone");
    free(body);

    body = fill("{\"status\":0,\"error\":\"", "a", TOKEN "\"}", 1000);
    judge(body, 1000, &why);
    tap_is_str(why, strlen(why), "status 0: *", "one long word");
    free(body);

    memset(&r, 0, sizeof(r));
    r.status = 200;
    r.body = "{\"status\":0,\"error\":\"x\"}";
    r.len = strlen(r.body);

    for (i = 1; i <= sizeof(small); i++) {
        memset(small, 'x', sizeof(small));
        mxt_policy_verdict(&r, small, i);

        if (strlen(small) != i - 1) {
            break;
        }
    }

    tap_ok(i == sizeof(small) + 1, "small buffers are terminated");

    memset(small, 'x', sizeof(small));
    tap_ok(mxt_policy_verdict(&r, small, 0) == RETRY && small[0] == 'x',
           "and one of no size is left alone");
}


static unsigned  allocations;


static void *
failing_malloc(size_t size)
{
    if (allocations == 0) {
        return NULL;
    }

    allocations--;

    return malloc(size);
}


static void
memory(void)
{
    unsigned     n;
    const char  *why, *body;

    body = "{\"status\":1,\"error\":null,\"a\":[1,{\"b\":\"c\"}]}";

    json_set_alloc_funcs(failing_malloc, free);

    for (n = 0; n < 1000; n++) {
        allocations = n;

        if (judge(body, strlen(body), &why) == DELIVERED) {
            break;
        }
    }

    json_set_alloc_funcs(malloc, free);

    tap_ok(n > 3 && n < 1000, "without memory it is tried again (%u)", n);
}


static void
backoff(void)
{
    size_t         i;
    uint64_t       delay, least, most;
    uint32_t       random;
    mxt_backoff_t  b;

    static const struct {
        uint32_t  min;
        uint32_t  max;
        uint32_t  failures;
        uint64_t  delay;
    } steps[] = {
        { 2000, 60000, 1, 2000 },
        { 2000, 60000, 2, 4000 },
        { 2000, 60000, 3, 8000 },
        { 2000, 60000, 4, 16000 },
        { 2000, 60000, 5, 32000 },
        { 2000, 60000, 6, 60000 },
        { 2000, 60000, 7, 60000 },
        { 2000, 60000, 32, 60000 },
        { 2000, 60000, 33, 60000 },
        { 2000, 60000, 34, 60000 },
        { 2000, 60000, 64, 60000 },
        { 2000, 60000, 65, 60000 },
        { 2000, 60000, 66, 60000 },
        { 2000, 60000, UINT32_MAX - 1, 60000 },
        { 2000, 60000, UINT32_MAX, 60000 },
        { 2000, 60000, 0, 2000 },
        { 1, UINT32_MAX, 32, 2147483648U },
        { 1, UINT32_MAX, 33, UINT32_MAX },
        { 1, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { 5000, 1000, 1, 1000 },
        { 0, 60000, UINT32_MAX, 0 },
        { 3000, 0, 5, 0 }
    };

    memset(&b, 0, sizeof(b));

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        b.min = steps[i].min;
        b.max = steps[i].max;

        delay = mxt_policy_backoff(&b, steps[i].failures, 12345);

        if (!tap_ok(delay == steps[i].delay, "%u doubled to %u, failure %u",
                    b.min, b.max, steps[i].failures))
        {
            tap_diag("got %llu", (unsigned long long) delay);
        }
    }

    b.min = 2000;
    b.max = 60000;
    b.jitter_min = 1000;
    b.jitter_max = 5000;

    tap_is_u64(mxt_policy_backoff(&b, 1, 0), 3000, "least jitter");
    tap_is_u64(mxt_policy_backoff(&b, 1, 4000), 7000, "most jitter");
    tap_is_u64(mxt_policy_backoff(&b, 1, 4001), 3000, "and round again");
    tap_is_u64(mxt_policy_backoff(&b, 9, 4000), 65000,
               "jitter comes on top of the longest");

    least = UINT64_MAX;
    most = 0;

    for (i = 0, random = 1; i < 100000; i++) {
        random = random * 1664525 + 1013904223;
        delay = mxt_policy_backoff(&b, 1, random >> 1);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }

    tap_ok(least >= 3000 && least < 3010 && most > 6990 && most <= 7000,
           "31 bits of randomness spread over the range");

    b.jitter_max = 1000;
    tap_is_u64(mxt_policy_backoff(&b, 1, UINT32_MAX), 3000, "fixed jitter");

    b.jitter_max = 500;
    tap_is_u64(mxt_policy_backoff(&b, 1, UINT32_MAX), 3000,
               "jitter the wrong way round");

    b.min = b.max = b.jitter_max = UINT32_MAX;
    b.jitter_min = 0;
    tap_is_u64(mxt_policy_backoff(&b, UINT32_MAX, UINT32_MAX),
               2 * (uint64_t) UINT32_MAX, "the most there is");
}


static void
gate(void)
{
    unsigned       i, n;
    uint64_t       now;
    mxt_gate_t     g;
    mxt_backoff_t  b = { 2000, 60000, 1000, 5000 };

    memset(&g, 0, sizeof(g));
    now = 1000000;

    tap_is_u64(mxt_gate_allows(&g, now, 0, 8), 8, "a new gate is open");
    tap_is_u64(mxt_gate_allows(&g, now, 5, 8), 3, "what is free");
    tap_is_u64(mxt_gate_allows(&g, now, 8, 8), 0, "nothing is free");
    tap_is_u64(mxt_gate_allows(&g, now, 9, 8), 0, "more than allowed");
    tap_is_u64(mxt_gate_allows(&g, 0, 0, 0), 0, "nothing is allowed");

    /* eight posts begin within 80 ms and fail within 80 more */

    n = 0;

    for (i = 0; i < 8; i++) {
        n += mxt_gate_failed(&g, &b, now + i * 10, now + 100 + i * 10, 0);
    }

    tap_is_u64(n, 1, "a burst closes the gate once");
    tap_is_u64(g.failures, 1, "and is one failure");
    tap_is_u64(g.opens_at, now + 100 + 3000, "closed from the first of them");

    now += 100;

    tap_is_u64(mxt_gate_failed(&g, &b, now, now, 0), 0,
               "one that began as it was closed is of the burst");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 8), 0, "closed");
    tap_is_u64(mxt_gate_allows(&g, now + 2999, 0, 8), 0, "until the last ms");
    tap_is_u64(mxt_gate_allows(&g, now + 3000, 7, 8), 0,
               "no probe with the burst on its way");
    tap_is_u64(mxt_gate_allows(&g, now + 3000, 0, 8), 1, "one probe");
    tap_is_u64(mxt_gate_allows(&g, now + 3000, 1, 8), 0, "and one only");
    tap_is_u64(mxt_gate_allows(&g, now + 3000, 0, 0), 0,
               "none if none is allowed");

    /* the probe fails; a late one of the burst, too */

    now += 3000;

    tap_is_u64(mxt_gate_failed(&g, &b, now, now + 50, 4000), 1,
               "a failed probe closes the gate");
    tap_is_u64(g.opens_at, now + 50 + 4000 + 5000, "for twice as long");
    tap_is_u64(mxt_gate_failed(&g, &b, now - 3050, now + 60, 0), 0,
               "a straggler changes nothing");
    tap_is_u64(g.failures, 2, "two failures");
    tap_is_u64(g.closed_at, now + 50, "closed by the probe");

    /* down for hours */

    for (i = 0; i < 1000; i++) {
        now = g.opens_at;

        if (mxt_gate_allows(&g, now, 0, 8) != 1
            || mxt_gate_failed(&g, &b, now, now + 5, i) != 1
            || g.opens_at < now + 5 + b.min + b.jitter_min
            || g.opens_at > now + 5 + b.max + b.jitter_max)
        {
            break;
        }
    }

    tap_is_u64(i, 1000, "a thousand probes");
    tap_is_u64(g.opens_at, now + 5 + 61000 + 999, "the longest delay");

    g.failures = UINT32_MAX;
    now = g.opens_at;

    tap_is_u64(mxt_gate_failed(&g, &b, now, now + 5, 0), 1, "one too many");
    tap_is_u64(g.failures, UINT32_MAX, "does not wrap");
    tap_is_u64(g.opens_at, now + 5 + 61000, "nor shorten the delay");

    mxt_gate_passed(&g);

    tap_is_u64(mxt_gate_allows(&g, now + 6, 1, 8), 7,
               "opened at once by a success");
}


static void
gate_flaps(void)
{
    mxt_gate_t     g;
    mxt_backoff_t  b = { 2000, 60000, 0, 0 };

    memset(&g, 0, sizeof(g));

    tap_is_u64(mxt_gate_failed(&g, &b, 0, 500, 0), 1,
               "the first failure ever, of a post at 0");

    /* of a burst one fails, one comes through, one fails */

    mxt_gate_passed(&g);

    tap_is_u64(mxt_gate_failed(&g, &b, 400, 510, 0), 0,
               "a success does not make two failures of one");
    tap_is_u64(mxt_gate_allows(&g, 510, 0, 8), 8, "still open");

    tap_is_u64(mxt_gate_failed(&g, &b, 501, 520, 0), 1, "a later one does");
    tap_is_u64(g.failures, 1, "and counts from one again");
    tap_is_u64(g.opens_at, 2520, "with the shortest delay");
}


static mxt_verdict_e
judge(const void *body, size_t len, const char **why)
{
    mxt_reply_t  r;
    static char  buf[256];

    memset(&r, 0, sizeof(r));

    r.status = 200;
    r.body = body;
    r.len = len;

    buf[0] = '\0';
    *why = buf;

    return mxt_policy_verdict(&r, buf, sizeof(buf));
}


/* head, as many units as fit, tail; blanks in between make up the size */

static char *
fill(const char *head, const char *unit, const char *tail, size_t size)
{
    char    *p, *start;
    size_t   n;

    n = strlen(unit);
    p = start = malloc(size + 1);

    p = stpcpy(p, head);

    while (p + n + strlen(tail) <= start + size) {
        p = stpcpy(p, unit);
    }

    while (p + strlen(tail) < start + size) {
        *p++ = ' ';
    }

    strcpy(p, tail);

    return start;
}
