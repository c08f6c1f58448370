
/*
 * The parts of a URL: see mxt_uri.h for the promises.
 *
 * A Referer comes from a browser, which has normalized it, or from somebody
 * who may send anything.  For the former all of this agrees with what the
 * SDK reads from location and document.referrer.
 */


#include <string.h>

#include "mxt_uri.h"


#define MXT_URI_OTHER   0
#define MXT_URI_AT      1
#define MXT_URI_ARGS    2
#define MXT_URI_ESCAPE  3
#define MXT_URI_END     4


static const unsigned char *mxt_uri_blank(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_uri_scheme(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_uri_slashes(const unsigned char *p,
    const unsigned char *last);
static unsigned mxt_uri_is_http(const unsigned char *p, size_t len);
static const unsigned char *mxt_uri_end(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_uri_user(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_uri_authority(mxt_uri_t *u,
    const unsigned char *p, const unsigned char *last, unsigned lenient);
static const unsigned char *mxt_uri_host(mxt_uri_t *u,
    const unsigned char *p, const unsigned char *end);
static unsigned mxt_uri_is_equals(const unsigned char *p,
    const unsigned char *last);
static void mxt_uri_port(mxt_uri_t *u);
static void mxt_uri_rest(mxt_uri_t *u, const unsigned char *p,
    const unsigned char *last);
static void mxt_uri_set(mxt_uri_str_t *part, const unsigned char *p,
    const unsigned char *last);


/* what a byte of an authority is to it */

static const unsigned char  mxt_uri_kind[256] = {
    ['@'] = MXT_URI_AT,
    ['='] = MXT_URI_ARGS, ['&'] = MXT_URI_ARGS, [';'] = MXT_URI_ARGS,
    ['%'] = MXT_URI_ESCAPE,
    ['/'] = MXT_URI_END, ['?'] = MXT_URI_END, ['#'] = MXT_URI_END
};


void
mxt_uri_split(mxt_uri_t *u, const void *s, size_t len)
{
    unsigned              http;
    const unsigned char  *p, *q, *last, *user;

    memset(u, 0, sizeof(mxt_uri_t));

    if (len == 0) {
        return;
    }

    p = s;
    last = p + len;

    for ( ;; ) {

        p = mxt_uri_blank(p, last);
        q = mxt_uri_scheme(p, last);
        http = 0;

        if (q != NULL) {
            http = mxt_uri_is_http(p, (size_t) (q - p));
            q++;

        } else {
            q = p;
        }

        if (http || (last - q >= 2 && q[0] == '/' && q[1] == '/')) {
            break;
        }

        /* at most once: there is no other before the end */

        user = mxt_uri_user(q, last);

        if (user == q) {
            mxt_uri_set(&u->prefix, p, q);

            if (q > p) {
                mxt_uri_set(&u->scheme, p, q - 1);
            }

            mxt_uri_rest(u, q, last);
            return;
        }

        p = user;
    }

    if (q > p) {
        mxt_uri_set(&u->scheme, p, q - 1);
    }

    q = http ? mxt_uri_slashes(q, last) : q + 2;

    mxt_uri_set(&u->prefix, p, q);
    mxt_uri_rest(u, mxt_uri_authority(u, q, last, http), last);
}


void
mxt_uri_request(mxt_uri_t *u, mxt_uri_str_t scheme, mxt_uri_str_t host,
    mxt_uri_str_t uri)
{
    const unsigned char  *at, *last;

    memset(u, 0, sizeof(mxt_uri_t));

    u->scheme = scheme;

    if (host.len) {
        last = host.data + host.len;
        at = memrchr(host.data, '@', host.len);

        (void) mxt_uri_host(u, at ? at + 1 : host.data, last);
    }

    if (uri.len) {
        mxt_uri_rest(u, uri.data, uri.data + uri.len);
    }
}


static const unsigned char *
mxt_uri_blank(const unsigned char *p, const unsigned char *last)
{
    while (p < last && *p <= ' ') {
        p++;
    }

    return p;
}


/* where the colon is, NULL if there is no scheme */

static const unsigned char *
mxt_uri_scheme(const unsigned char *p, const unsigned char *last)
{
    const unsigned char  *q;

    for (q = p; q < last; q++) {

        switch (*q) {

        case ':':
            return q > p ? q : NULL;

        case '%':
            if (mxt_uri_is_equals(q, last)) {
                return NULL;
            }

            break;

        case '/':
        case '?':
        case '#':
        case '@':
        case '[':
        case '=':
        case '&':
        case ';':
            return NULL;
        }
    }

    return NULL;
}


static unsigned
mxt_uri_is_http(const unsigned char *p, size_t len)
{
    size_t  i;

    if (len != 4 && len != 5) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if ((p[i] | 0x20) != "https"[i]) {
            return 0;
        }
    }

    return 1;
}


static const unsigned char *
mxt_uri_slashes(const unsigned char *p, const unsigned char *last)
{
    while (p < last && (*p == '/' || *p == '\\' || *p <= ' ')) {
        p++;
    }

    return p;
}


static const unsigned char *
mxt_uri_end(const unsigned char *p, const unsigned char *last)
{
    while (p < last && mxt_uri_kind[*p] != MXT_URI_END) {
        p++;
    }

    return p;
}


/* what comes after the user info, if there is any */

static const unsigned char *
mxt_uri_user(const unsigned char *p, const unsigned char *last)
{
    unsigned              args;
    unsigned char         mark;
    const unsigned char  *at, *end;

    if (memchr(p, '@', (size_t) (last - p)) == NULL) {
        return p;
    }

    args = 0;

    /* "=", "&" or ";", or a mark that is encoded, behind the last "@" */

    for (end = p; end < last; end++) {

        switch (mxt_uri_kind[*end]) {

        case MXT_URI_OTHER:
            continue;

        case MXT_URI_AT:
            p = end + 1;
            args = 0;
            continue;

        case MXT_URI_ARGS:
            args = 1;
            continue;

        case MXT_URI_ESCAPE:
            args |= mxt_uri_escape(end, last, &mark) && mark != '/';
            continue;
        }

        break;
    }

    if (!args) {
        return p;
    }

    /*
     * No host, but arguments: the slash may be part of one that is not
     * written, and what comes after it would then be user info.
     */

    while (end < last && *end != '?' && *end != '#') {
        end++;
    }

    at = memrchr(p, '@', (size_t) (end - p));

    return at ? at + 1 : p;
}


/* what comes after the authority */

static const unsigned char *
mxt_uri_authority(mxt_uri_t *u, const unsigned char *p,
    const unsigned char *last, unsigned lenient)
{
    const unsigned char  *end, *host;

    for ( ;; ) {

        host = mxt_uri_user(p, last);
        end = mxt_uri_end(host, last);

        /* "http://a@/b@host/" would be "http:///b@host/", and has a host */

        if (!lenient || host == p || mxt_uri_slashes(host, end) < end
            || end == last || *end != '/')
        {
            break;
        }

        p = mxt_uri_slashes(end, last);
    }

    return mxt_uri_host(u, host, end);
}


/* arguments in the place of a host shall not pass for one */

static const unsigned char *
mxt_uri_host(mxt_uri_t *u, const unsigned char *p, const unsigned char *end)
{
    const unsigned char  *q;

    if (memchr(p, '=', (size_t) (end - p)) != NULL) {
        end = p;
    }

    for (q = p; (q = memchr(q, '%', (size_t) (end - q))) != NULL; q++) {

        if (mxt_uri_is_equals(q, end)) {
            end = p;
            break;
        }
    }

    mxt_uri_set(&u->authority, p, end);
    mxt_uri_port(u);

    return end;
}


/* does an encoded "=" begin here? */

static unsigned
mxt_uri_is_equals(const unsigned char *p, const unsigned char *last)
{
    unsigned char  mark;

    return mxt_uri_escape(p, last, &mark) && mark == '=';
}


static void
mxt_uri_port(mxt_uri_t *u)
{
    const unsigned char  *p, *last, *colon, *host;

    host = u->authority.data;
    last = host + u->authority.len;
    u->host = u->authority;

    if (host == last) {
        return;
    }

    if (*host == '[') {
        p = memchr(host, ']', u->authority.len);

        if (p == NULL || p + 1 == last || p[1] != ':') {
            return;
        }

        colon = p + 1;

    } else {
        colon = memchr(host, ':', u->authority.len);

        if (colon == NULL) {
            return;
        }
    }

    /* an IPv6 address without its brackets has no port, nor has garbage */

    for (p = colon + 1; p < last; p++) {
        if (*p < '0' || *p > '9') {
            return;
        }
    }

    mxt_uri_set(&u->host, host, colon);
    mxt_uri_set(&u->port, colon + 1, last);
}


static void
mxt_uri_rest(mxt_uri_t *u, const unsigned char *p, const unsigned char *last)
{
    const unsigned char  *q;

    q = memchr(p, '#', (size_t) (last - p));

    if (q != NULL) {
        mxt_uri_set(&u->fragment, q + 1, last);
        last = q;
    }

    q = memchr(p, '?', (size_t) (last - p));

    if (q != NULL) {
        mxt_uri_set(&u->query, q + 1, last);
        last = q;
    }

    mxt_uri_set(&u->path, p, last);
}


static void
mxt_uri_set(mxt_uri_str_t *part, const unsigned char *p,
    const unsigned char *last)
{
    part->data = p;
    part->len = (size_t) (last - p);
}


size_t
mxt_uri_escape(const unsigned char *p, const unsigned char *last,
    unsigned char *mark)
{
    const unsigned char  *s;

    /* an encoded "%" is the next one's "%" */

    for (s = p + 1; last - s >= 2 && s[0] == '2' && s[1] == '5'; s += 2);

    if (last - s < 2) {
        return 0;
    }

    switch (s[0] << 8 | s[1]) {

    case '2' << 8 | '3':
        *mark = '#';
        break;

    case '2' << 8 | '6':
        *mark = '&';
        break;

    case '2' << 8 | 'F':
    case '2' << 8 | 'f':
        *mark = '/';
        break;

    case '3' << 8 | 'B':
    case '3' << 8 | 'b':
        *mark = ';';
        break;

    case '3' << 8 | 'D':
    case '3' << 8 | 'd':
        *mark = '=';
        break;

    case '3' << 8 | 'F':
    case '3' << 8 | 'f':
        *mark = '?';
        break;

    default:
        return 0;
    }

    return (size_t) (s + 2 - p);
}
