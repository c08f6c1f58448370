/* link: src/core/mxt_uri.c src/core/mxt_redact.c src/core/mxt_redact_arg.c src/core/mxt_redact_list.c src/core/mxt_redact_default.c src/core/mxt_args.c src/core/mxt_args_walk.c src/core/mxt_userinfo.c src/core/mxt_json.c */

/*
 * Fuzzes URLs: their parts, what of them is hidden, and the arguments that
 * are properties.  The first byte chooses a list and a limit, the rest is the
 * URL.  What must hold is said by means other than the module's own: the text
 * that came out is read by jansson, and no secret is in it, see uri_none.h.
 *
 * 0x01 in the input stands for a secret behind one of the listed names: so
 * that a secret is looked for which nothing else of the URL can spell.  The
 * byte after it says which name, and how often all of it is encoded.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../src/core/mxt_args.h"
#include "../../src/core/mxt_userinfo.h"


#define FUZZ_OUT    32768
#define FUZZ_MAX    512             /* bytes of input */
#define FUZZ_GROWS  128             /* a byte of input, at most to so many */
#define FUZZ_NAME   (FUZZ_MAX * FUZZ_GROWS)

#include "uri_none.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const char *const  fuzz_keep[] = {
    "a", "page", "utm_source", "q", "tag[]", NULL
};

static const char  fuzz_secret[] = "S3cR3t";

/* arguments of which all have to go, of both lists */
static const char *const  fuzz_hide[] = {
    "&token=", ";Access%5FToken=", "?%70assword=", "&user[pwd]=",
    "&%41%50i-kEy=", "&x.code=", "&+sid=", "&reset_password_token="
};

/* the last ones of these are marks to what is hidden, but not to what is kept:
 * "page=/a=b" is an argument */
static const char  fuzz_marks[] = { 0, '#', '/', '=' };

static mxt_redact_t  *fuzz_list[2];
static unsigned       fuzz_spelt;      /* the input has it by itself */


static mxt_redact_t *
fuzz_make(const char *const *name, unsigned keep)
{
    size_t         n, bytes;
    mxt_redact_t  *r;

    bytes = 0;

    for (n = 0; name[n]; n++) {
        bytes += strlen(name[n]);
    }

    r = mxt_redact_init(malloc(mxt_redact_size(n, bytes)), n, bytes, keep);

    while (n--) {
        check(mxt_redact_add(r, name[n], strlen(name[n])) == 0);
    }

    return r;
}


/* the end of what was written before it, if p lies within s */

static const unsigned char *
fuzz_within(const unsigned char *s, size_t len, mxt_uri_str_t v,
    const unsigned char *after)
{
    if (v.data == NULL) {
        check(v.len == 0);
        return after;
    }

    check(v.data >= after && v.data <= s + len);
    check(v.len <= (size_t) (s + len - v.data));

    return v.data + v.len;
}


static void
fuzz_parts(const unsigned char *s, size_t len, const mxt_uri_t *u)
{
    const unsigned char  *p;

    (void) fuzz_within(s, len, u->scheme, s);
    p = fuzz_within(s, len, u->prefix, s);
    (void) fuzz_within(s, len, u->port, fuzz_within(s, len, u->host, p));
    p = fuzz_within(s, len, u->authority, p);
    p = fuzz_within(s, len, u->path, p);
    p = fuzz_within(s, len, u->query, p);
    (void) fuzz_within(s, len, u->fragment, p);

    check(u->authority.len == 0
          || memchr(u->authority.data, '@', u->authority.len) == NULL);
}


/* What was written, as a reader has it; its room is what it takes. */

static fuzz_text_t
fuzz_read(mxt_json_t *j, unsigned limit, unsigned left, unsigned cut)
{
    json_t        *value;
    fuzz_text_t    text;
    json_error_t   error;

    check(!j->overflow);

    mxt_json_raw(j, "\"]", 2);
    value = json_loadb((char *) j->start, (size_t) (j->pos - j->start),
                       JSON_ALLOW_NUL, &error);
    check(value != NULL);

    text.len = json_string_length(json_array_get(value, 0));
    text.data = malloc(text.len ? text.len : 1);
    text.cut = cut;
    memcpy(text.data, json_string_value(json_array_get(value, 0)), text.len);
    json_decref(value);

    check(cut ? left == 0 && text.len <= limit : text.len == limit - left);

    return text;
}


static fuzz_text_t
fuzz_write(const mxt_redact_t *r, const mxt_uri_t *u, unsigned limit)
{
    unsigned    left, cut;
    mxt_json_t  j;

    static unsigned char  buf[FUZZ_OUT];

    left = limit;

    mxt_json_init(&j, buf, sizeof(buf));
    mxt_json_raw(&j, "[\"", 2);
    cut = mxt_redact_url(r, &j, u, &left);

    return fuzz_read(&j, limit, left, cut);
}


static fuzz_text_t
fuzz_url(const mxt_redact_t *r, const unsigned char *s, size_t len,
    unsigned limit)
{
    mxt_uri_t  u;

    mxt_uri_split(&u, s, len);
    fuzz_parts(s, len, &u);

    return fuzz_write(r, &u, limit);
}


static void
fuzz_no_secret(const fuzz_text_t *t)
{
    check(fuzz_spelt || memmem(t->data, t->len, fuzz_secret,
                               sizeof(fuzz_secret) - 1) == NULL);
}


static void
fuzz_again(const mxt_redact_t *r, const fuzz_text_t *t, unsigned limit)
{
    size_t                i;
    fuzz_text_t           again;
    const unsigned char  *end;

    /* what is left of an escape that was cut would be part of a value */

    for (i = t->len; t->cut && i && isxdigit(t->data[i - 1]); i--);

    if (t->cut && i && t->data[i - 1] == '%') {
        return;
    }

    /* what is removed from between "://" and an "@", or hidden with the "?"
     * that parted them, leaves them together */

    if (r && mxt_userinfo_find((const unsigned char *) t->data,
                               (const unsigned char *) t->data + t->len, 0,
                               &end)
             < (const unsigned char *) t->data + t->len)
    {
        return;
    }

    again = fuzz_url(r, t->data, t->len, limit);

    check(again.len == t->len);
    check(memcmp(again.data, t->data, t->len) == 0);

    free(again.data);
}


/* an "=", however often it is encoded */

static int
fuzz_equals(const unsigned char *s, size_t len)
{
    size_t  i, k;

    for (i = 0; i < len; i++) {

        if (s[i] == '=') {
            return 1;
        }

        for (k = i + 1;
             s[i] == '%' && len - k >= 2 && memcmp(s + k, "25", 2) == 0;
             k += 2);

        if (s[i] == '%' && len - k >= 2 && s[k] == '3'
            && (s[k + 1] | 0x20) == 'd')
        {
            return 1;
        }
    }

    return 0;
}


/* that user info of other URLs is left out of it is not ruled out */

static int
fuzz_at(const unsigned char *s, size_t len)
{
    return memchr(s, '@', len) != NULL || memmem(s, len, "40", 2) != NULL;
}


/* UTF-8, which is written as it is */

static int
fuzz_utf8(mxt_uri_str_t v)
{
    json_t  *value;

    value = json_stringn(v.len ? (const char *) v.data : "", v.len);
    json_decref(value);

    return value != NULL;
}


/* the same in pieces, of which the first len bytes are the host: nothing of the
 * URI is lost, and what is written are the parts, one after the other */

static void
fuzz_request(const mxt_redact_t *r, const unsigned char *s, size_t size,
    size_t len, unsigned limit)
{
    size_t                n;
    mxt_uri_t             u;
    fuzz_text_t           t;
    mxt_uri_str_t         scheme, host, uri;
    unsigned char        *name;
    const unsigned char  *p;

    /* of its exact size, too */

    name = malloc(len ? len : 1);
    memcpy(name, s, len);

    scheme.data = (const unsigned char *) "https";
    scheme.len = 5;
    host.data = name;
    host.len = len;
    uri.data = s + len;
    uri.len = size - len;

    mxt_uri_request(&u, scheme, host, uri);

    check(u.prefix.data == NULL && u.scheme.data == scheme.data);

    /* behind the last "@", unless it has arguments */

    for (n = len; n && name[n - 1] != '@'; n--);

    check(u.authority.data == (len ? name + n : NULL));
    check(u.authority.len == (fuzz_equals(name + n, len - n) ? 0 : len - n));

    p = fuzz_within(u.authority.data, u.authority.len, u.host,
                    u.authority.data);
    (void) fuzz_within(u.authority.data, u.authority.len, u.port, p);

    check(u.host.data == u.authority.data);
    check(u.host.len + u.port.len + (u.port.data != NULL) == u.authority.len);

    p = fuzz_within(s, size, u.path, uri.data);
    p = fuzz_within(s, size, u.query, p);
    (void) fuzz_within(s, size, u.fragment, p);

    check(u.path.len + u.query.len + u.fragment.len + (u.query.data != NULL)
          + (u.fragment.data != NULL) == uri.len);

    t = fuzz_write(NULL, &u, limit);

    check(memcmp(t.data, "https://", t.len < 8 ? t.len : 8) == 0);

    if (!t.cut && fuzz_utf8(u.authority) && fuzz_utf8(uri)) {

        check(t.len <= 8 + u.authority.len + uri.len);
        check(u.authority.len == 0
              || memcmp(t.data + 8, u.authority.data, u.authority.len) == 0);

        if (!fuzz_at(uri.data, uri.len)) {
            check(t.len == 8 + u.authority.len + uri.len);
            check(memcmp(t.data + t.len - uri.len, uri.data, uri.len) == 0);
        }
    }

    free(t.data);

    /* a name and its value are not in two pieces */

    if (uri.len == 0 || uri.data[0] == '/') {

        t = fuzz_write(r, &u, limit);

        fuzz_no_secret(&t);

        if (!mxt_redact_keeps(r)) {
            fuzz_none_within(&t);
        }

        free(t.data);
    }

    free(name);
}


static void
fuzz_properties(const mxt_redact_t *r, const unsigned char *s, size_t len,
    unsigned limit)
{
    size_t          i;
    unsigned        left, cut;
    uint32_t        some;
    mxt_json_t      j;
    fuzz_text_t     t;
    mxt_uri_str_t   value[MXT_ARGS_N + 1];

    static unsigned char  buf[FUZZ_OUT];

    some = mxt_args_find(r, s, len, value);

    if (mxt_args_search(r, s, len, &value[MXT_ARGS_N])
        && value[MXT_ARGS_N].len)
    {
        some |= 1U << MXT_ARGS_N;
    }

    for (i = 0; i <= MXT_ARGS_N; i++) {

        if (!(some >> i & 1)) {
            continue;
        }

        (void) fuzz_within(s, len, value[i], s);
        check(value[i].len);
        check(value[i].data[-1] == '=');

        left = limit;
        mxt_json_init(&j, buf, sizeof(buf));
        mxt_json_raw(&j, "[\"", 2);
        cut = mxt_args_text(&j, value[i].data, value[i].len, &left);

        t = fuzz_read(&j, limit, left, cut);

        check(memchr(t.data, '+', t.len) == NULL);
        fuzz_no_secret(&t);

        free(t.data);
    }
}


/* as encodeURIComponent() does it, so many times */

static size_t
fuzz_encode(unsigned char *s, size_t n, unsigned times)
{
    size_t  i, k;
    char    buf[FUZZ_GROWS];

    while (times--) {

        for (i = 0, k = 0; i < n; i++) {

            if (isalnum(s[i]) || fuzz_is(s[i], "-_.!~*'()")) {
                buf[k++] = (char) s[i];

            } else {
                k += (size_t) sprintf(buf + k, "%%%02X", s[i]);
            }
        }

        check(k < sizeof(buf));
        memcpy(s, buf, k);
        n = k;
    }

    return n;
}


/* The input, of its exact size, with its secrets. */

static unsigned char *
fuzz_input(const uint8_t *data, size_t size, unsigned keep, size_t *len)
{
    size_t          i, n, m;
    unsigned        k, depth;
    unsigned char  *s;
    const char     *name;

    s = malloc(size * FUZZ_GROWS + 1);

    for (i = 0, n = 0; i < size; i++) {

        if (data[i] != 0x01) {
            s[n++] = data[i];
            continue;
        }

        /* which name, which mark, encoded how often, the mark more often */
        k = (i + 1 < size) ? data[++i] : 0;

        name = fuzz_hide[k & 7];
        depth = (k >> 3) & 3;
        m = (k >> 5) & (keep ? 1 : 3);

        s[n] = (unsigned char) (fuzz_marks[m] ? fuzz_marks[m] : name[0]);
        n += fuzz_encode(s + n, 1, depth + (k >> 7 & (depth != 0)));

        m = strlen(name + 1);
        memcpy(s + n, name + 1, m);
        memcpy(s + n + m, fuzz_secret, sizeof(fuzz_secret) - 1);
        n += fuzz_encode(s + n, m + sizeof(fuzz_secret) - 1, depth);
    }

    *len = n;

    return realloc(s, n ? n : 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               len;
    unsigned             limit, keep;
    fuzz_text_t          t;
    unsigned char       *s;
    const mxt_redact_t  *r;

    if (fuzz_list[0] == NULL) {
        fuzz_list[0] = fuzz_make(mxt_redact_default, 0);
        fuzz_list[1] = fuzz_make(fuzz_keep, 1);
    }

    if (size == 0 || size > FUZZ_MAX) {
        return 0;
    }

    keep = data[0] & 1;
    limit = (data[0] & 2) ? MXT_JSON_STRING_MAX
            : (data[0] & 4) ? data[0] >> 3 : FUZZ_OUT / 6 - 8;

    fuzz_spelt = memmem(data, size, fuzz_secret, sizeof(fuzz_secret) - 1)
                 != NULL;

    s = fuzz_input(data + 1, size - 1, keep, &len);
    r = fuzz_list[keep];

    t = fuzz_url(r, s, len, limit);

    fuzz_no_secret(&t);

    if (!keep) {
        fuzz_none_within(&t);
        fuzz_again(r, &t, limit);

    } else if (!t.cut) {
        fuzz_again(r, &t, limit);
    }

    free(t.data);

    fuzz_properties(r, s, len, limit);

    fuzz_request(r, s, len, (data[0] >> 1) % (len + 1), limit);

    t = fuzz_url(NULL, s, len, limit);

    if (!t.cut) {
        fuzz_again(NULL, &t, limit);
    }

    free(t.data);
    free(s);

    return 0;
}
