
/*
 * What becomes of a reply, and when to try again.
 *
 * The invariant: nothing here waits, allocates beyond its own return, or
 * keeps anything; and what is not understood is tried again, for an event
 * that arrives twice is one event, and one that was given up is none.
 */


#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "mxt_policy.h"


/* of the server's own words, that much goes into a log */
#define MXT_POLICY_WORDS    100

/* a word this long with a digit in it is rather a token or an id */
#define MXT_POLICY_SECRET   16

#define MXT_POLICY_BODY     65536


typedef struct {
    int          error;
    const char  *text;
} mxt_policy_error_t;


static mxt_verdict_e mxt_policy_ok(const mxt_reply_t *r, char *why,
    size_t size);
static void mxt_policy_verbose(json_t *root, char *why, size_t size);
static void mxt_policy_transport(int error, char *why, size_t size);
static void mxt_policy_clean(char *dst, size_t size, const char *src);
static unsigned mxt_policy_word(int ch);
static unsigned mxt_policy_space(int ch);


/* the numbers of libcurl's errors are part of its ABI */

static const mxt_policy_error_t  mxt_policy_errors[] = {
    {  6, "host not found" },
    {  7, "cannot connect" },
    { 18, "reply incomplete" },
    { 28, "timeout" },
    { 35, "TLS handshake failed" },
    { 52, "no reply" },
    { 55, "send failed" },
    { 56, "receive failed" },
    { 60, "certificate not trusted" },
    {  0, NULL }
};


mxt_verdict_e
mxt_policy_verdict(const mxt_reply_t *r, char *why, size_t size)
{
    if (r->error) {
        mxt_policy_transport(r->error, why, size);
        return MXT_VERDICT_RETRY;
    }

    if (r->status == 200) {
        return mxt_policy_ok(r, why, size);
    }

    if (r->status == 0) {
        snprintf(why, size, "no reply");
        return MXT_VERDICT_RETRY;
    }

    snprintf(why, size, "%ld", r->status);

    return MXT_VERDICT_RETRY;
}


uint64_t
mxt_policy_backoff(const mxt_backoff_t *b, uint32_t failures, uint32_t random)
{
    uint32_t  doublings;
    uint64_t  delay, jitter;

    delay = b->min;
    doublings = failures ? failures - 1 : 0;

    /* 32 bits shifted by 32 at most: nothing is lost */

    delay <<= doublings < 32 ? doublings : 32;

    if (delay > b->max) {
        delay = b->max;
    }

    jitter = b->jitter_min;

    if (b->jitter_max > b->jitter_min) {
        /* the low bits: random() has no 32nd one */

        jitter += random % ((uint64_t) b->jitter_max - b->jitter_min + 1);
    }

    return delay + jitter;
}


unsigned
mxt_gate_allows(const mxt_gate_t *g, uint64_t now, unsigned inflight,
    unsigned max)
{
    if (inflight >= max) {
        return 0;
    }

    if (g->failures == 0) {
        return max - inflight;
    }

    if (now < g->opens_at) {
        return 0;
    }

    /* posts of before the failure are as good a probe as another one */

    return inflight == 0;
}


unsigned
mxt_gate_failed(mxt_gate_t *g, const mxt_backoff_t *b, uint64_t started,
    uint64_t now, uint32_t random)
{
    /*
     * closed_at outlives mxt_gate_passed(): stragglers of a burst that was
     * counted once are not counted again because one of it came through
     */

    if (g->closed_at != 0 && started <= g->closed_at) {
        return 0;
    }

    if (g->failures != UINT32_MAX) {
        g->failures++;
    }

    g->closed_at = now;
    g->opens_at = now + mxt_policy_backoff(b, g->failures, random);

    return 1;
}


void
mxt_gate_passed(mxt_gate_t *g)
{
    g->failures = 0;
}


static mxt_verdict_e
mxt_policy_ok(const mxt_reply_t *r, char *why, size_t size)
{
    size_t         len;
    json_t        *root, *status;
    const char    *p;
    json_error_t   err;
    mxt_verdict_e  verdict;

    p = r->body;
    len = p ? r->len : 0;

    if (r->cut || len > MXT_POLICY_BODY) {
        snprintf(why, size, "200 with a body too long");
        return MXT_VERDICT_RETRY;
    }

    while (len && mxt_policy_space(p[0])) {
        p++;
        len--;
    }

    while (len && mxt_policy_space(p[len - 1])) {
        len--;
    }

    if (len == 0) {
        snprintf(why, size, "200 with an empty body");
        return MXT_VERDICT_RETRY;
    }

    if (len == 1 && p[0] == '1') {
        return MXT_VERDICT_DELIVERED;
    }

    if (len == 1 && p[0] == '0') {
        snprintf(why, size, "200 with 0");
        return MXT_VERDICT_RETRY;
    }

    /* jansson goes 2048 levels deep at most, then it is an error */

    root = p[0] == '{' ? json_loadb(p, len, JSON_REJECT_DUPLICATES, &err)
                       : NULL;

    if (root == NULL) {
        snprintf(why, size, "200 with an unknown body");
        return MXT_VERDICT_RETRY;
    }

    status = json_object_get(root, "status");

    if ((json_is_integer(status) && json_integer_value(status) == 1)
        || (json_is_string(status)
            && strcmp(json_string_value(status), "1") == 0))
    {
        verdict = MXT_VERDICT_DELIVERED;

    } else {
        mxt_policy_verbose(root, why, size);
        verdict = MXT_VERDICT_RETRY;
    }

    json_decref(root);

    return verdict;
}


static void
mxt_policy_verbose(json_t *root, char *why, size_t size)
{
    char         words[MXT_POLICY_WORDS + 1];
    json_t      *status;
    const char  *error, *what;

    status = json_object_get(root, "status");

    what = ((json_is_integer(status) && json_integer_value(status) == 0)
            || (json_is_string(status)
                && strcmp(json_string_value(status), "0") == 0))
           ? "status 0" : "200 with an unknown status";

    error = json_string_value(json_object_get(root, "error"));

    if (error == NULL || *error == '\0') {
        snprintf(why, size, "%s", what);
        return;
    }

    mxt_policy_clean(words, sizeof(words), error);
    snprintf(why, size, "%s: %s", what, words);
}


static void
mxt_policy_transport(int error, char *why, size_t size)
{
    const mxt_policy_error_t  *e;

    for (e = mxt_policy_errors; e->text; e++) {
        if (e->error == error) {
            snprintf(why, size, "%s", e->text);
            return;
        }
    }

    snprintf(why, size, "transport error %d", error);
}


/*
 * Copies what of the server's words a log may hold.  They may quote the
 * request: what looks like a token or an id becomes one asterisk.
 */

static void
mxt_policy_clean(char *dst, size_t size, const char *src)
{
    char         ch, *end;
    size_t       n;
    unsigned     digit;

    end = dst + size - 1;

    while (*src && dst < end) {

        digit = 0;

        for (n = 0; mxt_policy_word(src[n]); n++) {
            digit |= src[n] >= '0' && src[n] <= '9';
        }

        if (n >= MXT_POLICY_SECRET && digit) {
            *dst++ = '*';
            src += n;
            continue;
        }

        if (n == 0) {
            n = 1;
        }

        while (n-- && dst < end) {
            ch = *src++;
            *dst++ = (ch >= 0x20 && ch < 0x7f) ? ch : '?';
        }
    }

    *dst = '\0';
}


static unsigned
mxt_policy_word(int ch)
{
    return (ch >= '0' && ch <= '9')
           || (ch >= 'a' && ch <= 'z')
           || (ch >= 'A' && ch <= 'Z')
           || ch == '-' || ch == '_';
}


static unsigned
mxt_policy_space(int ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}
