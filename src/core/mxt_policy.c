
/*
 * What becomes of a reply.
 *
 * The invariant: nothing here waits or keeps anything, but for the names in
 * a verdict; and what is not understood is tried again, for an event that
 * arrives twice is one event, and one that was given up is none.
 */


#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "mxt_policy.h"
#include "mxt_records.h"


#define MXT_POLICY_BODY    65536

/* so often broken off while it was sent: it is rather too large */
#define MXT_POLICY_BROKEN  3


typedef struct {
    int          error;
    const char  *text;
} mxt_policy_error_t;


static mxt_verdict_e mxt_policy_ok(const mxt_reply_t *r,
    const mxt_attempt_t *a, mxt_verdict_t *v);
static mxt_verdict_e mxt_policy_digit(int ch, mxt_verdict_t *v);
static mxt_verdict_e mxt_policy_object(json_t *root, const mxt_attempt_t *a,
    mxt_verdict_t *v);
static unsigned mxt_policy_is(const json_t *value, int n, const char *digit);
static mxt_verdict_e mxt_policy_unknown(const mxt_reply_t *r,
    const mxt_attempt_t *a, mxt_verdict_t *v, const char *what);
static mxt_verdict_e mxt_policy_transport(const mxt_reply_t *r,
    const mxt_attempt_t *a, mxt_verdict_t *v);
static mxt_verdict_e mxt_policy_status(const mxt_reply_t *r,
    const mxt_attempt_t *a, mxt_verdict_t *v);
static mxt_verdict_e mxt_policy_by_status(long status);
static mxt_verdict_e mxt_policy_records(json_t *root, const mxt_attempt_t *a,
    mxt_verdict_t *v, mxt_verdict_e otherwise);
static uint64_t mxt_policy_delay(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_e verdict);
static json_t *mxt_policy_parse(const char *body, size_t len);
static void mxt_policy_why(mxt_verdict_t *v, const char *what, json_t *root);
static unsigned mxt_policy_space(int ch);


/* short, and without the host's name, which libcurl's own texts have */

static const mxt_policy_error_t  mxt_policy_errors[] = {
    { CURLE_COULDNT_RESOLVE_HOST, "host not found" },
    { CURLE_COULDNT_CONNECT, "cannot connect" },
    { CURLE_PARTIAL_FILE, "reply incomplete" },
    { CURLE_OPERATION_TIMEDOUT, "timeout" },
    { CURLE_SSL_CONNECT_ERROR, "TLS handshake failed" },
    { CURLE_GOT_NOTHING, "no reply" },
    { CURLE_SEND_ERROR, "send failed" },
    { CURLE_RECV_ERROR, "receive failed" },
    { CURLE_SSL_CERTPROBLEM, "our certificate or its key cannot be used" },
    { CURLE_PEER_FAILED_VERIFICATION, "certificate not trusted" },
    { CURLE_SSL_CACERT_BADFILE, "certificates of authorities cannot be used" },
    { 0, NULL }
};


void
mxt_policy_judge(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_t *v)
{
    v->ours = 0;
    v->failed = 0;
    v->records = NULL;
    v->words = a->words;
    v->why[0] = '\0';

    if (r->status >= 400) {
        v->verdict = mxt_policy_status(r, a, v);

    } else if (r->status == 200) {
        v->verdict = mxt_policy_ok(r, a, v);

    } else if (r->error) {
        v->verdict = mxt_policy_transport(r, a, v);

    } else {
        v->verdict = MXT_VERDICT_RETRY;

        if (r->status) {
            snprintf(v->why, sizeof(v->why), "%ld", r->status);

        } else {
            snprintf(v->why, sizeof(v->why), "no reply");
        }
    }

    v->delay = mxt_policy_delay(r, a, v->verdict);
}


int
mxt_verdict_names(const mxt_verdict_t *v, uint32_t index,
    const char *insert_id, size_t len, char *why, size_t size)
{
    char     words[MXT_WORDS_MAX + 1];
    json_t  *record;

    if (v->records == NULL) {
        return 0;
    }

    record = mxt_records_find(v->records, index, insert_id, len);

    if (record == NULL) {
        return 0;
    }

    /* without a reason of its own it has that of them all */

    snprintf(why, size, "%s",
             mxt_records_reason(record, words, sizeof(words), v->words)
             ? words : v->why);

    return 1;
}


void
mxt_verdict_done(mxt_verdict_t *v)
{
    mxt_records_done(v->records);
    v->records = NULL;
}


static mxt_verdict_e
mxt_policy_ok(const mxt_reply_t *r, const mxt_attempt_t *a, mxt_verdict_t *v)
{
    size_t          len;
    json_t         *root;
    const char     *p;
    mxt_verdict_e   verdict;

    p = r->body;
    len = p ? r->len : 0;

    if (len > MXT_POLICY_BODY) {
        return mxt_policy_unknown(r, a, v, "200 with a body too long");
    }

    while (len && mxt_policy_space(p[0])) {
        p++;
        len--;
    }

    while (len && mxt_policy_space(p[len - 1])) {
        len--;
    }

    if (len == 0) {
        return mxt_policy_unknown(r, a, v, "200 with an empty body");
    }

    if (len == 1 && (p[0] == '0' || p[0] == '1')) {
        return mxt_policy_digit(p[0], v);
    }

    root = mxt_policy_parse(p, len);

    if (root == NULL) {
        return mxt_policy_unknown(r, a, v, "200 with an unknown body");
    }

    verdict = mxt_policy_object(root, a, v);

    json_decref(root);

    return verdict;
}


static mxt_verdict_e
mxt_policy_digit(int ch, mxt_verdict_t *v)
{
    if (ch == '1') {
        return MXT_VERDICT_DELIVERED;
    }

    snprintf(v->why, sizeof(v->why), "200 with 0");

    return MXT_VERDICT_INVALID;
}


static mxt_verdict_e
mxt_policy_object(json_t *root, const mxt_attempt_t *a, mxt_verdict_t *v)
{
    json_t      *status, *code;
    unsigned     ok;
    const char  *word;

    status = json_object_get(root, "status");
    ok = mxt_policy_is(status, 1, "1");

    if (a->api == MXT_API_IMPORT) {
        code = json_object_get(root, "code");
        word = json_string_value(status);

        if (ok
            || (json_is_integer(code) && json_integer_value(code) == 200)
            || (word && strcmp(word, "OK") == 0))
        {
            return mxt_policy_records(root, a, v, MXT_VERDICT_DELIVERED);
        }

    } else if (ok) {
        return MXT_VERDICT_DELIVERED;
    }

    if (mxt_policy_is(status, 0, "0")) {
        mxt_policy_why(v, "status 0", root);
        return MXT_VERDICT_INVALID;
    }

    mxt_policy_why(v, "200 with an unknown status", root);

    return MXT_VERDICT_RETRY;
}


/* clients have seen a number, and a string */

static unsigned
mxt_policy_is(const json_t *value, int n, const char *digit)
{
    return (json_is_integer(value) && json_integer_value(value) == n)
           || (json_is_string(value)
               && strcmp(json_string_value(value), digit) == 0);
}


/* not Mixpanel's, or not the whole of it */

static mxt_verdict_e
mxt_policy_unknown(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_t *v, const char *what)
{
    if (r->error) {
        return mxt_policy_transport(r, a, v);
    }

    snprintf(v->why, sizeof(v->why), "%s",
             r->cut ? "200 with a body too long" : what);

    return MXT_VERDICT_RETRY;
}


static mxt_verdict_e
mxt_policy_transport(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_t *v)
{
    const mxt_policy_error_t  *e;

    for (e = mxt_policy_errors; e->text; e++) {
        if (e->error == r->error) {
            break;
        }
    }

    if (e->text) {
        snprintf(v->why, sizeof(v->why), "%s", e->text);

    } else {
        snprintf(v->why, sizeof(v->why), "transport error %d", r->error);
    }

    v->ours = (r->error == CURLE_SSL_CERTPROBLEM
               || r->error == CURLE_SSL_CACERT_BADFILE);

    if (r->error == CURLE_SEND_ERROR
        && a->broken >= MXT_POLICY_BROKEN
        && a->events > 1)
    {
        return MXT_VERDICT_BROKEN;
    }

    return MXT_VERDICT_RETRY;
}


static mxt_verdict_e
mxt_policy_status(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_t *v)
{
    char            number[24];
    json_t         *root;
    mxt_verdict_e   verdict;

    snprintf(number, sizeof(number), "%ld", r->status);

    verdict = mxt_policy_by_status(r->status);

    /* somebody has to act on the others, and wants to know what is wrong */

    root = (verdict == MXT_VERDICT_RETRY || verdict == MXT_VERDICT_SLOW_DOWN)
           ? NULL : mxt_policy_parse(r->body, r->body ? r->len : 0);

    mxt_policy_why(v, number, root);

    if (r->status == 400 && a->api == MXT_API_IMPORT) {
        verdict = mxt_policy_records(root, a, v, verdict);
    }

    json_decref(root);

    return verdict;
}


static mxt_verdict_e
mxt_policy_by_status(long status)
{
    switch (status) {

    case 401:
    case 403:
        return MXT_VERDICT_HOLD;

    case 408:
        return MXT_VERDICT_RETRY;

    case 413:
        return MXT_VERDICT_TOO_LARGE;

    case 429:
        return MXT_VERDICT_SLOW_DOWN;

    default:
        return status < 500 ? MXT_VERDICT_REFUSED : MXT_VERDICT_RETRY;
    }
}


/* the verdict with what root, which may be NULL, has of failed_records */

static mxt_verdict_e
mxt_policy_records(json_t *root, const mxt_attempt_t *a, mxt_verdict_t *v,
    mxt_verdict_e otherwise)
{
    json_t    *list, *imported;
    uint32_t   named;

    list = json_object_get(root, "failed_records");

    /* also of what is no array */

    if (json_array_size(list) == 0) {
        return otherwise;
    }

    if (otherwise == MXT_VERDICT_DELIVERED) {
        mxt_policy_why(v, "200 with failed records", root);
    }

    v->records = mxt_records_create(list, a->events, &v->failed, &named);

    if (v->records == NULL) {
        snprintf(v->why, sizeof(v->why), "no memory for a reply");
        return MXT_VERDICT_RETRY;
    }

    imported = json_object_get(root, "num_records_imported");

    if (named < a->events
        && json_is_number(imported)
        && json_number_value(imported) <= 0)
    {
        mxt_verdict_done(v);
        v->failed = 0;

        return MXT_VERDICT_REFUSED;
    }

    return MXT_VERDICT_PARTIAL;
}


static uint64_t
mxt_policy_delay(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_e verdict)
{
    uint64_t       delay, asked;
    mxt_backoff_t  longest;

    switch (verdict) {

    case MXT_VERDICT_RETRY:
    case MXT_VERDICT_BROKEN:
    case MXT_VERDICT_SLOW_DOWN:

        delay = mxt_gate_backoff(a->backoff, a->failures, a->random);
        asked = r->retry_after ? mxt_policy_retry_after(r->retry_after, a->now)
                               : 0;

        return asked > delay ? asked : delay;

    case MXT_VERDICT_HOLD:

        longest = *a->backoff;
        longest.min = longest.max;

        return mxt_gate_backoff(&longest, 1, a->random);

    default:
        return 0;
    }
}


/* a JSON object, or NULL */

static json_t *
mxt_policy_parse(const char *body, size_t len)
{
    json_t        *root;
    json_error_t   err;

    if (len == 0 || len > MXT_POLICY_BODY) {
        return NULL;
    }

    /* jansson goes 2048 levels deep at most, then it is an error */

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &err);

    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }

    return root;
}


/* what, and the server's words if root, which may be NULL, has any */

static void
mxt_policy_why(mxt_verdict_t *v, const char *what, json_t *root)
{
    char         words[MXT_WORDS_MAX + 1];
    const char  *error;

    error = json_string_value(json_object_get(root, "error"));

    if (error == NULL || *error == '\0') {
        snprintf(v->why, sizeof(v->why), "%s", what);
        return;
    }

    mxt_words_clean(words, sizeof(words), error, v->words);
    snprintf(v->why, sizeof(v->why), "%s: %s", what, words);
}


static unsigned
mxt_policy_space(int ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}
