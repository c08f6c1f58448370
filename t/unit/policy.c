/* link: src/core/mxt_gate.c src/core/mxt_records.c src/core/mxt_retry_after.c src/core/mxt_words.c */

/*
 * What becomes of a reply: bodies of all kinds, every status, errors of the
 * transport, and how long to wait.
 */


#include <stdlib.h>

#include "../../src/core/mxt_policy.c"

#include "tap.h"


#define DELIVERED  MXT_VERDICT_DELIVERED
#define PARTIAL    MXT_VERDICT_PARTIAL
#define INVALID    MXT_VERDICT_INVALID
#define REFUSED    MXT_VERDICT_REFUSED
#define TOO_LARGE  MXT_VERDICT_TOO_LARGE
#define BROKEN     MXT_VERDICT_BROKEN
#define HOLD       MXT_VERDICT_HOLD
#define RETRY      MXT_VERDICT_RETRY
#define SLOW_DOWN  MXT_VERDICT_SLOW_DOWN

#define TOKEN      "0123456789abcdef0123456789abcdef"

/* 1994-11-06 08:49:37, the date of all the examples, in ms */
#define NOVEMBER   UINT64_C(784111777000)


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
static void table_of(const char *api, mxt_api_e a, const reply_t *t, size_t n);
static void statuses(void);
static void whose(void);
static void bombs(void);
static void reasons(void);
static void memory(void);
static void broken(void);
static void delays(void);
static void retry_after(void);
static mxt_verdict_e judge(const void *body, size_t len, const char **why);
static char *fill(const char *head, const char *unit, const char *tail,
    size_t size);


static const mxt_backoff_t  backoff = { 2000, 60000, 1000, 5000 };


/* both say the same of these */

static const reply_t  common[] = {

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
    { "0", 0, 200, "0", 0, INVALID, "200 with 0" },
    { "0 and a line feed", 0, 200, "0\n", 0, INVALID, "200 with 0" },
    { "11", 0, 200, "11", 0, RETRY, "200 with an unknown body" },
    { "1 twice", 0, 200, "1 1", 0, RETRY, "200 with an unknown body" },
    { "1.0", 0, 200, "1.0", 0, RETRY, "200 with an unknown body" },
    { "a string", 0, 200, "\"1\"", 0, RETRY, "200 with an unknown body" },
    { "a list", 0, 200, "[{\"status\":1}]", 0, RETRY,
      "200 with an unknown body" },
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

    { "a longer body", 0, 200, "x", 1, RETRY, "200 with a body too long" },
    { "a longer body, and nothing", 0, 200, NULL, 1, RETRY,
      "200 with a body too long" },
    { "JSON of a longer body", 0, 200, "{\"status\":1,", 1, RETRY,
      "200 with a body too long" },

    { "200 that broke off", 18, 200, "{\"status\":", 0, RETRY,
      "reply incomplete" },
    { "200 that broke off before its body", 56, 200, NULL, 0, RETRY,
      "receive failed" },
    { "a timeout in another body", 28, 200, "<html>", 0, RETRY, "timeout" },
    { "a timeout behind a 1", 28, 200, "1", 0, DELIVERED, NULL },
    { "broken off behind a 1", 18, 200, "1\n", 0, DELIVERED, NULL },
    { "broken off behind a 0", 18, 200, "0\n", 0, INVALID, "200 with 0" },
    { "broken off behind an object", 56, 200, "{\"status\":1}", 1, DELIVERED,
      NULL },
    { "cut off behind a 1", 0, 200, "1   ", 1, DELIVERED, NULL },

    { "100", 0, 100, NULL, 0, RETRY, "100" },
    { "201", 0, 201, "1", 0, RETRY, "201" },
    { "204", 0, 204, NULL, 0, RETRY, "204" },
    { "302", 0, 302, "1", 0, RETRY, "302" },
    { "400", 0, 400, "{\"status\":1}", 0, REFUSED, "400" },
    { "400 and 1", 0, 400, "1", 0, REFUSED, "400" },
    { "400 and HTML", 0, 400, "<html>no</html>", 0, REFUSED, "400" },
    { "400 and nothing", 0, 400, NULL, 0, REFUSED, "400" },
    { "400 that broke off", 56, 400, "{\"err", 0, REFUSED, "400" },
    { "400 and why", 0, 400, "{\"error\":\"bad\",\"code\":400}", 0, REFUSED,
      "400: bad" },
    { "401", 0, 401, "{\"error\":\"Invalid credentials\"}", 0, HOLD,
      "401: Invalid credentials" },
    { "401 that broke off", 55, 401, NULL, 1, HOLD, "401" },
    { "403", 0, 403, "1", 0, HOLD, "403" },
    { "404", 0, 404, "{\"error\":\"token " TOKEN "\"}", 0, REFUSED,
      "404: token *" },
    { "408", 0, 408, "{\"error\":\"x\"}", 0, RETRY, "408" },
    { "410", 0, 410, NULL, 0, REFUSED, "410" },
    { "413", 0, 413, "{\"error\":\"request exceeds max limit of 2097152 "
      "bytes\"}", 0, TOO_LARGE,
      "413: request exceeds max limit of 2097152 bytes" },
    { "413 and HTML", 0, 413, "Error 413 (Request Entity Too Large)!!1", 1,
      TOO_LARGE, "413" },
    { "413 while it was sent", 55, 413, NULL, 0, TOO_LARGE, "413" },
    { "429", 0, 429, "{\"code\":429,\"error\":\"Project exceeded\"}", 0,
      SLOW_DOWN, "429" },
    { "429 that broke off", 56, 429, NULL, 0, SLOW_DOWN, "429" },
    { "499", 0, 499, NULL, 0, REFUSED, "499" },
    { "500", 0, 500, "1", 0, RETRY, "500" },
    { "502", 0, 502, "upstream connect error", 0, RETRY, "502" },
    { "503", 0, 503, NULL, 0, RETRY, "503" },
    { "503 that broke off", 28, 503, NULL, 1, RETRY, "503" },
    { "504", 0, 504, NULL, 0, RETRY, "504" },
    { "505", 0, 505, NULL, 0, RETRY, "505" },
    { "999", 0, 999, "1", 0, RETRY, "999" },
    { "no status at all", 0, 0, "1", 0, RETRY, "no reply" },
    { "a negative status", 0, -1, "1", 0, RETRY, "-1" },

    { "host not found", 6, 0, NULL, 0, RETRY, "host not found" },
    { "refused", 7, 0, NULL, 0, RETRY, "cannot connect" },
    { "timeout", 28, 0, NULL, 0, RETRY, "timeout" },
    { "TLS", 35, 0, NULL, 0, RETRY, "TLS handshake failed" },
    { "certificate", 60, 0, NULL, 0, RETRY, "certificate not trusted" },
    { "nothing came", 52, 0, NULL, 0, RETRY, "no reply" },
    { "send", 55, 0, NULL, 0, RETRY, "send failed" },
    { "a timeout with a 302", 28, 302, NULL, 0, RETRY, "timeout" },
    { "another error", 4711, 0, NULL, 0, RETRY, "transport error 4711" },
    { "a certificate of ours", 58, 0, NULL, 0, RETRY,
      "our certificate or its key cannot be used" },
    { "certificates of authorities", 77, 0, NULL, 0, RETRY,
      "certificates of authorities cannot be used" },
    { "a negative error", -1, 0, NULL, 0, RETRY, "transport error -1" }
};


static const reply_t  track[] = {

    { "status 0", 0, 200, "{\"status\":0}", 0, INVALID, "status 0" },
    { "status \"0\"", 0, 200, "{\"status\":\"0\"}", 0, INVALID, "status 0" },
    { "status 0 and why", 0, 200, "{\"status\":0,\"error\":\"x\"}", 0, INVALID,
      "status 0: x" },
    { "status 0 and an empty why", 0, 200, "{\"status\":0,\"error\":\"\"}", 0,
      INVALID, "status 0" },
    { "status 0 and a list", 0, 200, "{\"status\":0,\"error\":[\"x\"]}", 0,
      INVALID, "status 0" },
    { "status OK", 0, 200, "{\"status\":\"OK\"}", 0, RETRY,
      "200 with an unknown status" },
    { "code 200", 0, 200, "{\"code\":200}", 0, RETRY,
      "200 with an unknown status" },
    { "failed_records", 0, 200, "{\"status\":1,\"failed_records\":[\"a\"]}", 0,
      DELIVERED, NULL },
    { "400 with failed_records", 0, 400, "{\"failed_records\":[\"a\"]}", 0,
      REFUSED, "400" }
};


static const reply_t  import[] = {

    { "all of them", 0, 200,
      "{\"code\":200,\"num_records_imported\":10,\"status\":\"OK\"}", 0,
      DELIVERED, NULL },
    { "code 200", 0, 200, "{\"code\":200}", 0, DELIVERED, NULL },
    { "status OK", 0, 200, "{\"status\":\"OK\"}", 0, DELIVERED, NULL },
    { "status ok", 0, 200, "{\"status\":\"ok\"}", 0, RETRY,
      "200 with an unknown status" },
    { "status 0", 0, 200, "{\"status\":0,\"error\":\"x\"}", 0, INVALID,
      "status 0: x" },
    { "code 400", 0, 200, "{\"code\":400,\"error\":\"x\"}", 0, RETRY,
      "200 with an unknown status: x" },
    { "code \"200\"", 0, 200, "{\"code\":\"200\"}", 0, RETRY,
      "200 with an unknown status" },
    { "no failed_records", 0, 200, "{\"code\":200,\"failed_records\":[]}", 0,
      DELIVERED, NULL },
    { "null of failed_records", 0, 200,
      "{\"code\":200,\"failed_records\":null}", 0, DELIVERED, NULL },
    { "failed_records all the same", 0, 200,
      "{\"code\":200,\"failed_records\":[{\"index\":1}]}", 0, PARTIAL,
      "200 with failed records" },
    { "failed_records of somebody", 0, 200,
      "{\"failed_records\":[{\"index\":1}]}", 0, RETRY,
      "200 with an unknown status" },
    { "200, and none taken", 0, 200, "{\"code\":200,"
      "\"num_records_imported\":0,\"failed_records\":[{\"index\":1}]}", 0,
      REFUSED, "200 with failed records" },

    { "400 with failed_records", 0, 400,
      "{\"code\":400,\"error\":\"some data points in the request failed "
      "validation\",\"status\":\"Bad Request\",\"num_records_imported\":9,"
      "\"failed_records\":[{\"index\":0,\"$insert_id\":\"a\","
      "\"field\":\"properties.time\",\"message\":\"x\"}]}", 0, PARTIAL,
      "400: some data points in the request failed validation" },
    { "400 with failed_records alone", 0, 400,
      "{\"failed_records\":[{\"index\":0}]}", 0, PARTIAL, "400" },
    { "400 that broke off behind them", 56, 400,
      "{\"failed_records\":[{\"index\":0}]}", 1, PARTIAL, "400" },
    { "400 that broke off within them", 0, 400,
      "{\"failed_records\":[{\"index\":0}", 1, REFUSED, "400" },
    { "400 with none taken", 0, 400, "{\"num_records_imported\":0,"
      "\"failed_records\":[{\"index\":0}]}", 0, REFUSED, "400" },
    { "400 with null taken", 0, 400, "{\"num_records_imported\":null,"
      "\"failed_records\":[{\"index\":0}]}", 0, PARTIAL, "400" },
    { "400 with no failed_records", 0, 400, "{\"failed_records\":[]}", 0,
      REFUSED, "400" },
    { "400 with an object of them", 0, 400,
      "{\"failed_records\":{\"index\":0}}", 0, REFUSED, "400" },
    { "400 with a number of them", 0, 400, "{\"failed_records\":1}", 0,
      REFUSED, "400" },
    { "400 with two of them", 0, 400, "{\"failed_records\":[\"a\"],"
      "\"failed_records\":[\"b\"]}", 0, REFUSED, "400" },
    { "422 with failed_records", 0, 422, "{\"failed_records\":[\"a\"]}", 0,
      REFUSED, "422" },
    { "413 with failed_records", 0, 413, "{\"failed_records\":[\"a\"]}", 0,
      TOO_LARGE, "413" }
};


int
main(void)
{
    replies();
    statuses();
    whose();
    bombs();
    reasons();
    memory();
    broken();
    delays();
    retry_after();

    return tap_done();
}


static void
replies(void)
{
    table_of("/track", MXT_API_TRACK, common,
             sizeof(common) / sizeof(common[0]));
    table_of("/track", MXT_API_TRACK, track, sizeof(track) / sizeof(track[0]));

    table_of("/import", MXT_API_IMPORT, common,
             sizeof(common) / sizeof(common[0]));
    table_of("/import", MXT_API_IMPORT, import,
             sizeof(import) / sizeof(import[0]));
}


static void
table_of(const char *api, mxt_api_e which, const reply_t *t, size_t n)
{
    char           *body, name[128];
    size_t          i;
    unsigned        waits;
    mxt_reply_t     r;
    mxt_attempt_t   a;
    mxt_verdict_t   v;

    memset(&a, 0, sizeof(a));

    a.api = which;
    a.events = 10;
    a.failures = 1;
    a.backoff = &backoff;

    for (i = 0; i < n; i++, t++) {

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

        /* what was in it before is of no account */

        memset(&v, 0x5a, sizeof(v));

        mxt_policy_judge(&r, &a, &v);

        free(body);

        snprintf(name, sizeof(name), "%s, %s", api, t->name);

        tap_ok(v.verdict == t->verdict, "%s", name);
        tap_is_str(v.why, strlen(v.why), t->why ? t->why : "", name);

        waits = v.verdict == RETRY || v.verdict == SLOW_DOWN
                || v.verdict == HOLD;

        tap_ok((v.delay != 0) == waits
               && (v.failed != 0) == (v.verdict == PARTIAL)
               && (v.records != NULL) == (v.verdict == PARTIAL),
               "%s: a delay or names only where they belong", name);

        mxt_verdict_done(&v);
    }
}


/* no status is forgotten, and none is delivered but 200 */

static void
statuses(void)
{
    long            status;
    unsigned        wrong;
    mxt_reply_t     r;
    mxt_attempt_t   a;
    mxt_verdict_t   v;
    mxt_verdict_e   want;

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    a.events = 1;
    a.backoff = &backoff;
    r.body = "1";
    r.len = 1;
    wrong = 0;

    for (status = 0; status < 1000; status++) {
        for (a.api = MXT_API_TRACK; a.api <= MXT_API_IMPORT; a.api++) {

            r.status = status;
            mxt_policy_judge(&r, &a, &v);

            want = status == 200 ? DELIVERED
                   : status == 401 || status == 403 ? HOLD
                   : status == 413 ? TOO_LARGE
                   : status == 429 ? SLOW_DOWN
                   : status == 408 || status < 400 || status > 499 ? RETRY
                   : REFUSED;

            wrong += v.verdict != want || (status != 200 && !v.why[0]);

            mxt_verdict_done(&v);
        }
    }

    tap_is_u64(wrong, 0, "every status");
}


/* which of the transport's errors somebody has to act on */

static void
whose(void)
{
    int            error;
    unsigned       wrong;
    mxt_reply_t    r;
    mxt_attempt_t  a;
    mxt_verdict_t  v;

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    a.events = 1;
    a.backoff = &backoff;
    wrong = 0;

    for (error = 0; error < 128; error++) {

        /* what was in it before is of no account */

        memset(&v, 0x5a, sizeof(v));

        r.error = error;
        mxt_policy_judge(&r, &a, &v);

        wrong += v.ours != (error == CURLE_SSL_CERTPROBLEM
                            || error == CURLE_SSL_CACERT_BADFILE);
        wrong += v.verdict != RETRY;
    }

    r.error = CURLE_SSL_CERTPROBLEM;
    r.status = 503;
    mxt_policy_judge(&r, &a, &v);

    wrong += v.ours;

    tap_is_u64(wrong, 0, "whose fault it is");
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
    char         *body, small[9];
    size_t        i;
    const char   *why;

    body = "{\"status\":0,\"error\":\"a\\nb\\u001b[2Jc\\u00e9\\u007f\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why), "status 0: a?b?[2Jc???",
               "printable ASCII only");

    body = "{\"status\":0,\"error\":\"token '" TOKEN "' of joe is wrong\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why), "status 0: token '*' of joe is wrong",
               "no token");

    body = "{\"status\":0,\"error\":\"token 'S3cr/et' of joe is wrong\"}";
    judge(body, strlen(body), &why);
    tap_is_str(why, strlen(why), "status 0: token '*' of joe is wrong",
               "nor one that does not look like it");

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

    for (i = 1; i <= sizeof(small); i++) {
        memset(small, 'x', sizeof(small));

        if (mxt_words_clean(small, i, "words " TOKEN, NULL) != i - 1
            || strlen(small) != i - 1)
        {
            /* the token is one character */
            break;
        }
    }

    tap_ok(i == sizeof(small) && strcmp(small, "words *") == 0,
           "small buffers are terminated");
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
    unsigned        n, wrong;
    const char     *why, *body;
    mxt_reply_t     r;
    mxt_attempt_t   a;
    mxt_verdict_t   v;

    body = "{\"status\":1,\"error\":null,\"a\":[1,{\"b\":\"c\"}]}";

    json_set_alloc_funcs(failing_malloc, free);

    for (n = 0; n < 1000; n++) {
        allocations = n;

        if (judge(body, strlen(body), &why) == DELIVERED) {
            break;
        }
    }

    tap_ok(n > 3 && n < 1000, "without memory it is tried again (%u)", n);

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    r.status = 400;
    r.body = "{\"failed_records\":"
             "[{\"index\":1},\"abc\",{\"insert_id\":\"d\"}]}";
    r.len = strlen(r.body);

    a.api = MXT_API_IMPORT;
    a.events = 10;
    a.backoff = &backoff;

    wrong = 0;

    for (n = 0; n < 1000; n++) {
        allocations = n;
        mxt_policy_judge(&r, &a, &v);

        if (v.verdict == PARTIAL) {
            break;
        }

        wrong += (v.verdict != REFUSED && v.verdict != RETRY)
                 || v.records != NULL;
    }

    wrong += v.failed != 3;
    mxt_verdict_done(&v);

    json_set_alloc_funcs(malloc, free);

    tap_ok(n > 10 && n < 1000 && wrong == 0,
           "and nothing is taken for delivered (%u)", n);
}


static void
broken(void)
{
    size_t         i;
    mxt_reply_t    r;
    mxt_attempt_t  a;
    mxt_verdict_t  v;

    static const struct {
        int            error;
        long           status;
        uint32_t       broken;
        uint32_t       events;
        mxt_verdict_e  verdict;
    } rows[] = {
        { 55, 0, 0, 2000, RETRY },
        { 55, 0, 1, 2000, RETRY },
        { 55, 0, 2, 2000, RETRY },
        { 55, 0, 3, 2000, BROKEN },
        { 55, 0, 4, 2, BROKEN },
        { 55, 0, UINT32_MAX, 2, BROKEN },
        { 55, 0, 1, 1, RETRY },
        { 55, 0, 2, 1, RETRY },
        { 55, 0, 3, 1, RETRY },
        { 55, 0, 3, 0, RETRY },
        { 56, 0, 3, 2000, RETRY },
        { 28, 0, 3, 2000, RETRY },
        { 55, 429, 3, 2000, SLOW_DOWN },
        { 55, 503, 3, 2000, RETRY }
    };

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));
    a.backoff = &backoff;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.error = rows[i].error;
        r.status = rows[i].status;
        a.broken = rows[i].broken;
        a.events = rows[i].events;

        mxt_policy_judge(&r, &a, &v);

        tap_ok(v.verdict == rows[i].verdict
               && v.delay != 0,
               "broken, row %zu", i);

        mxt_verdict_done(&v);
    }
}


static void
delays(void)
{
    size_t         i;
    char           name[64];
    mxt_reply_t    r;
    mxt_attempt_t  a;
    mxt_verdict_t  v;

    static const struct {
        long         status;
        const char  *after;
        uint32_t     failures;
        uint32_t     random;
        uint64_t     delay;
    } rows[] = {
        { 503, NULL, 1, 0, 3000 },
        { 503, NULL, 1, 4000, 7000 },
        { 503, NULL, 3, 0, 9000 },
        { 503, NULL, UINT32_MAX, 4000, 65000 },
        { 503, "", 1, 0, 3000 },
        { 503, "2", 1, 0, 3000 },
        { 503, "4", 1, 0, 4000 },
        { 429, "120", 1, 0, 120000 },
        { 429, "120", 9, 4000, 120000 },
        { 429, "9999", 1, 0, 600000 },
        { 408, "Sun, 06 Nov 1994 08:50:37 GMT", 1, 0, 60000 },
        { 204, "30", 1, 0, 30000 },
        { 0, "30", 1, 0, 30000 },
        { 401, NULL, 1, 0, 61000 },
        { 403, "300", 1, 4000, 65000 },
        { 400, "300", 1, 0, 0 },
        { 413, "300", 1, 0, 0 },
        { 200, "300", 1, 0, 0 }
    };

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    r.body = "1";
    r.len = 1;
    a.events = 5;
    a.backoff = &backoff;
    a.now = NOVEMBER;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.status = rows[i].status;
        r.retry_after = rows[i].after;
        a.failures = rows[i].failures;
        a.random = rows[i].random;

        mxt_policy_judge(&r, &a, &v);

        snprintf(name, sizeof(name), "delay after %ld, Retry-After %s",
                 r.status, r.retry_after ? r.retry_after : "none");
        tap_is_u64(v.delay, rows[i].delay, name);

        mxt_verdict_done(&v);
    }
}


static const struct {
    const char  *value;
    uint64_t     ms;
} after[] = {
    { "0", 0 },
    { "1", 1000 },
    { "120", 120000 },
    { " \t120\t ", 120000 },
    { "120\r\n", 120000 },
    { "0000000000000000000000120", 120000 },
    { "600", 600000 },
    { "601", 600000 },
    { "4294967297", 600000 },
    { "18446744073709551617", 600000 },
    { "18446744073709552", 600000 },
    { "99999999999999999999999999999999999999999999", 600000 },
    { "-1", 0 },
    { "-120", 0 },
    { "+120", 0 },
    { "", 0 },
    { "  ", 0 },
    { "1.5", 0 },
    { "1e2", 0 },
    { "0x10", 0 },
    { "12 0", 0 },
    { "120s", 0 },
    { "120, 120", 0 },
    { "soon", 0 },
    { "\xd9\xa1", 0 },

    { "Sun, 06 Nov 1994 08:49:38 GMT", 1000 },
    { "Sun, 06 Nov 1994 08:51:37 GMT", 120000 },
    { "  Sun, 06 Nov 1994 08:51:37 GMT \r\n", 120000 },
    { "Sunday, 06-Nov-94 08:51:37 GMT", 120000 },
    { "Sun Nov  6 08:51:37 1994", 120000 },
    { "Sun Nov 06 08:51:37 1994", 120000 },
    { "Sun, 06 Nov 1994 08:59:37 GMT", 600000 },
    { "Sun, 06 Nov 1994 08:59:38 GMT", 600000 },
    { "Mon, 06 Nov 2034 08:49:37 GMT", 600000 },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 600000 },
    { "Monday, 06-Nov-34 08:51:37 GMT", 600000 },
    { "Mon Nov  6 08:51:37 2034", 600000 },

    { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
    { "Sun, 06 Nov 1994 08:49:36 GMT", 0 },
    { "Saturday, 05-Nov-94 08:51:37 GMT", 0 },
    { "Sun Nov  6 08:49:37 1994", 0 },
    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Wed, 31 Dec 1969 23:59:59 GMT", 0 },

    { "Sun, 06 Nov 2034 08:51:37", 0 },
    { "Sun, 06 Nov 2034 08:51:37 CET", 0 },
    { "Sun, 06 Nov 2034 08:51:37 GMT+1", 0 },
    { "Sun, 06 Nov 2034 08:51:37 GMT and more", 0 },
    { "Sun, 06 Foo 2034 08:51:37 GMT", 0 },
    { "Sun, 06 Nov 2034 25:51:37 GMT", 0 },
    { "Foo, 06 Nov 2034 08:51:37 GMT", 0 },
    { "Sun, 6 Nov 2034 08:51:37 GMT", 0 },
    { "Sun, 06 Nov", 0 },
    { "Sun", 0 },
    { "06 Nov 2034 08:51:37 GMT", 0 },
    { ", 06 Nov 2034 08:51:37 GMT", 0 },
    { "2034-11-06T08:51:37Z", 0 },
    { "20341106", 600000 }      /* seconds, not a date */
};


static void
retry_after(void)
{
    size_t  i;

    for (i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        tap_is_u64(mxt_policy_retry_after(after[i].value, NOVEMBER),
                   after[i].ms, after[i].value);
    }

    tap_is_u64(mxt_policy_retry_after("Sun, 06 Nov 1994 08:49:38 GMT",
                                      NOVEMBER + 999),
               1, "to the millisecond");
    tap_is_u64(mxt_policy_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", 0),
               600000, "a clock at the epoch");
    tap_is_u64(mxt_policy_retry_after("Sun, 06 Nov 1994 08:49:38 GMT",
                                      UINT64_MAX),
               0, "a clock at its end");
}


static mxt_verdict_e
judge(const void *body, size_t len, const char **why)
{
    mxt_reply_t           r;
    mxt_attempt_t         a;
    static mxt_verdict_t  v;

    static const mxt_words_t  words = { 1, { 7 }, { "S3cr/et" } };

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    r.status = 200;
    r.body = body;
    r.len = len;

    a.events = 1;
    a.backoff = &backoff;
    a.words = &words;

    mxt_policy_judge(&r, &a, &v);
    mxt_verdict_done(&v);

    *why = v.why;

    return v.verdict;
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
