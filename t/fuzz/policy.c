/* link: src/core/mxt_policy.c src/core/mxt_gate.c src/core/mxt_records.c src/core/mxt_retry_after.c src/core/mxt_words.c */

/*
 * Fuzzes what becomes of a reply: a body of any bytes, with any status, broken
 * off or not.  The first bytes are the reply but for its body, and what was
 * asked; the rest is the body.
 *
 * What must hold is said by jansson, which decides what of a body is JSON, and
 * by the table of mxt_policy.h: whatever it is, the verdict is one that the
 * status has, no event is named that was not in the request, and neither one
 * of the secrets nor what may be a token gets into a log.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "../../src/core/mxt_policy.h"


#define FUZZ_HEAD  8
#define FUZZ_MAX   65536            /* bytes of a body that count */

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* of the events, which are as many as there are of these, or more */
static const char *const  fuzz_ids[] = {
    "a", "b", "0", "1", "id-3", "$insert_id", "ab", "2000"
};

/* the one begins as the other, and does not end where an id would; nothing
 * else has its "~" */
static const char *const  fuzz_secrets[] = { "S3cr~et", "S3cr" };

static const mxt_backoff_t  fuzz_backoff = { 2000, 60000, 1000, 5000 };

static mxt_words_t  fuzz_hide;
static unsigned     fuzz_spelt;     /* the body has a "~" of its own */


/* the body, if it is a JSON object */

static json_t *
fuzz_object(const mxt_reply_t *r)
{
    json_t  *root;

    if (r->body == NULL || r->len == 0 || r->len > FUZZ_MAX) {
        return NULL;
    }

    root = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }

    return root;
}


/* the body without white space around it is this digit alone */

static int
fuzz_digit(const mxt_reply_t *r, char digit)
{
    size_t  i, digits;

    digits = 0;

    for (i = 0; r->body && i < r->len; i++) {

        if (r->body[i] == digit) {
            digits++;

        } else if (memchr(" \t\r\n", r->body[i], 4) == NULL) {
            return 0;
        }
    }

    return digits == 1 && r->len <= FUZZ_MAX;
}


static int
fuzz_status(const json_t *root, json_int_t n, const char *digit)
{
    json_t  *status;

    status = json_object_get(root, "status");

    return json_is_integer(status) ? json_integer_value(status) == n
           : json_is_string(status)
             && strcmp(json_string_value(status), digit) == 0;
}


/* with failed_records it is those that were named; unless none was taken, and
 * there are too few to name them all */

static unsigned
fuzz_records(const mxt_attempt_t *a, const json_t *root)
{
    size_t         n;
    const json_t  *imported;

    n = json_array_size(json_object_get(root, "failed_records"));
    imported = json_object_get(root, "num_records_imported");

    if (a->api != MXT_API_IMPORT || n == 0) {
        return 0;
    }

    if (!json_is_number(imported) || json_number_value(imported) > 0) {
        return 1 << MXT_VERDICT_PARTIAL;
    }

    return n < a->events ? 1 << MXT_VERDICT_REFUSED
           : 1 << MXT_VERDICT_PARTIAL | 1 << MXT_VERDICT_REFUSED;
}


/* a reply of 200 says that something was taken */

static int
fuzz_taken(const json_t *root, const mxt_attempt_t *a)
{
    json_t  *code, *status;

    code = json_object_get(root, "code");
    status = json_object_get(root, "status");

    return fuzz_status(root, 1, "1")
           || (a->api == MXT_API_IMPORT
               && ((json_is_integer(code) && json_integer_value(code) == 200)
                   || (json_is_string(status)
                       && strcmp(json_string_value(status), "OK") == 0)));
}


/* does the body have a "~", or an escape that may be one, but in the secret? */

static unsigned
fuzz_spells(const char *s, size_t len)
{
    size_t  i, n;

    n = strlen(fuzz_secrets[0]);

    for (i = 0; i < len; i++) {

        if (len - i >= n && memcmp(s + i, fuzz_secrets[0], n) == 0) {
            i += n - 1;

        } else if (s[i] == '~' || s[i] == '\\') {
            return 1;
        }
    }

    return 0;
}


/* a bit for each verdict that the table allows */

static unsigned
fuzz_allowed(const mxt_reply_t *r, const mxt_attempt_t *a,
    const json_t *root)
{
    unsigned  records, retry;

    records = fuzz_records(a, root);

    retry = (r->error == MXT_POLICY_SEND_ERROR && a->broken >= 3
             && a->events > 1 && r->status < 400)
            ? 1 << MXT_VERDICT_BROKEN : 1 << MXT_VERDICT_RETRY;

    if (r->status == 200) {

        if (fuzz_digit(r, '1')) {
            return 1 << MXT_VERDICT_DELIVERED;
        }

        if (fuzz_digit(r, '0')) {
            return 1 << MXT_VERDICT_INVALID;
        }

        if (root == NULL) {
            return r->error ? retry : 1 << MXT_VERDICT_RETRY;
        }

        if (fuzz_taken(root, a)) {
            return records ? records : 1 << MXT_VERDICT_DELIVERED;
        }

        return fuzz_status(root, 0, "0") ? 1 << MXT_VERDICT_INVALID
                                         : 1 << MXT_VERDICT_RETRY;
    }

    if (r->status < 400) {
        return r->error ? retry : 1 << MXT_VERDICT_RETRY;
    }

    switch (r->status) {

    case 400:
        return records ? records : 1 << MXT_VERDICT_REFUSED;

    case 401:
    case 403:
        return 1 << MXT_VERDICT_HOLD;

    case 413:
        return 1 << MXT_VERDICT_TOO_LARGE;

    case 429:
        return 1 << MXT_VERDICT_SLOW_DOWN;

    case 408:
        return 1 << MXT_VERDICT_RETRY;
    }

    return r->status < 500 ? 1 << MXT_VERDICT_REFUSED
                           : 1 << MXT_VERDICT_RETRY;
}


/* it never came to the network, and the reply says nothing else */

static unsigned
fuzz_ours(const mxt_reply_t *r, const json_t *root)
{
    return (r->error == CURLE_SSL_CERTPROBLEM
            || r->error == CURLE_SSL_CACERT_BADFILE)
           && r->status < 400 && (r->status != 200 || root == NULL);
}


/* short, printable, without any of a secret, and what looks like a token */

static void
fuzz_words(const char *why, size_t size, const mxt_words_t *words)
{
    size_t    i, n;
    unsigned  digit;

    check(memchr(why, '\0', size) != NULL);

    for (i = 0; words && i < words->n; i++) {
        check(strstr(why, words->secret[i]) == NULL);
    }

    check(words == NULL || fuzz_spelt || strchr(why, '~') == NULL);

    for (i = 0, n = 0, digit = 0; why[i]; i++) {

        check(why[i] >= 0x20 && why[i] < 0x7f);

        if (why[i] == '-' || why[i] == '_'
            || (why[i] >= '0' && why[i] <= '9')
            || ((why[i] | 0x20) >= 'a' && (why[i] | 0x20) <= 'z'))
        {
            digit |= (why[i] >= '0' && why[i] <= '9');
            n++;
            check(n < 16 || !digit);

        } else {
            n = 0;
            digit = 0;
        }
    }
}


/* events that are named were asked for, and are not more than have failed */

static void
fuzz_names(const mxt_verdict_t *v, const mxt_attempt_t *a)
{
    char         why[MXT_POLICY_WHY];
    uint32_t     i, named;
    const char  *id;

    named = 0;

    for (i = 0; i < a->events + 3; i++) {

        id = (i < sizeof(fuzz_ids) / sizeof(fuzz_ids[0]) && i < a->events)
             ? fuzz_ids[i] : NULL;

        memset(why, 'x', sizeof(why));

        if (!mxt_verdict_names(v, i, id, id ? strlen(id) : 0, why,
                               sizeof(why)))
        {
            check(why[0] == 'x' && why[sizeof(why) - 1] == 'x');
            continue;
        }

        check(i < a->events);
        fuzz_words(why, sizeof(why), a->words);
        named++;
    }

    check(named <= v->failed);
    check(v->verdict == MXT_VERDICT_PARTIAL || named == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *body;
    size_t          i;
    json_t         *root;
    mxt_reply_t     r;
    mxt_attempt_t   a;
    mxt_verdict_t   v;

    static const long  often[] = { 200, 400 };

    for (i = fuzz_hide.n; i < sizeof(fuzz_secrets) / sizeof(fuzz_secrets[0]);
         i++)
    {
        mxt_words_hide(&fuzz_hide, fuzz_secrets[i]);
    }

    if (size < FUZZ_HEAD) {
        return 0;
    }

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));

    a.api = (data[0] & 1) ? MXT_API_IMPORT : MXT_API_TRACK;
    a.events = (data[1] == 0xff) ? 2000 : 1 + data[1] % 10;
    a.broken = data[2] % 5;
    a.failures = 1 + data[2] / 5;
    a.now = 1700000000000ULL;
    a.random = (uint32_t) data[3] << 23;
    a.backoff = &fuzz_backoff;
    a.words = (data[0] & 0x40) ? NULL : &fuzz_hide;

    r.cut = (data[0] & 2) != 0;
    r.retry_after = (data[0] & 4) ? "99999999" : NULL;
    r.status = (data[0] & 8) ? often[data[4] & 1]
               : (data[4] | data[5] << 8) % 1000;
    r.error = (data[0] & 0x10) ? data[6] % 100 : 0;

    /* of its exact size, for the sanitizers to see a byte too far */

    size -= FUZZ_HEAD;
    body = malloc(size ? size : 1);
    memcpy(body, data + FUZZ_HEAD, size);

    r.body = (data[0] & 0x20) ? NULL : body;
    r.len = size;

    fuzz_spelt = fuzz_spells(body, size);

    memset(&v, 0xee, sizeof(v));
    mxt_policy_judge(&r, &a, &v);

    root = fuzz_object(&r);

    check((unsigned) v.verdict <= MXT_VERDICT_SLOW_DOWN);
    check(fuzz_allowed(&r, &a, root) >> v.verdict & 1);

    check((v.why[0] == '\0') == (v.verdict == MXT_VERDICT_DELIVERED));
    fuzz_words(v.why, sizeof(v.why), a.words);

    check(v.failed <= a.events);
    check((v.failed != 0) == (v.verdict == MXT_VERDICT_PARTIAL));
    check(v.ours == (v.verdict == MXT_VERDICT_RETRY && fuzz_ours(&r, root)));

    if (v.verdict == MXT_VERDICT_RETRY || v.verdict == MXT_VERDICT_BROKEN
        || v.verdict == MXT_VERDICT_SLOW_DOWN)
    {
        check(v.delay >= 3000 && v.delay <= MXT_POLICY_RETRY_MAX);
        check(r.retry_after == NULL || v.delay == MXT_POLICY_RETRY_MAX);

    } else if (v.verdict == MXT_VERDICT_HOLD) {
        check(v.delay >= 61000 && v.delay <= 65000);

    } else {
        check(v.delay == 0);
    }

    fuzz_names(&v, &a);

    mxt_verdict_done(&v);
    fuzz_names(&v, &a);

    json_decref(root);
    free(body);

    return 0;
}
