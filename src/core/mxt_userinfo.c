
/*
 * User info within other text: see mxt_userinfo.h for the promises.
 *
 * Most texts have no "@", nor what could be one that is encoded, and are not
 * read any further.
 */


#include <string.h>

#include "mxt_userinfo.h"


/* how much of "://" there was: none, ":" or "=", a slash behind it */

#define MXT_USERINFO_NONE   0
#define MXT_USERINFO_COLON  1
#define MXT_USERINFO_SLASH  2

/* bytes of a slash that is encoded three times: behind "//" of such what is
 * encoded once more is no longer told apart, or one pass would be many */
#define MXT_USERINFO_DEEP   7


static const unsigned char *mxt_userinfo_host(const unsigned char **pos,
    const unsigned char *last, size_t slash, unsigned *state);
static unsigned mxt_userinfo_may(const unsigned char *p,
    const unsigned char *last);
static size_t mxt_userinfo_mark(const unsigned char *p,
    const unsigned char *last, unsigned char *mark);


const unsigned char *
mxt_userinfo_find(const unsigned char *p, const unsigned char *last,
    unsigned value, const unsigned char **end)
{
    *end = last;

    return mxt_userinfo_may(p, last) ? mxt_userinfo_next(p, last, value, end)
                                     : last;
}


const unsigned char *
mxt_userinfo_next(const unsigned char *p, const unsigned char *last,
    unsigned value, const unsigned char **end)
{
    size_t                n;
    unsigned              state;
    unsigned char         c;
    const unsigned char  *start;

    state = value ? MXT_USERINFO_COLON : MXT_USERINFO_NONE;

    while (p < last) {

        n = mxt_userinfo_mark(p, last, &c);
        p += n;

        if (c == ':' || c == '=') {
            state = MXT_USERINFO_COLON;

        } else if (c != '/' || state == MXT_USERINFO_NONE) {
            state = MXT_USERINFO_NONE;

        } else if (state == MXT_USERINFO_COLON) {
            state = MXT_USERINFO_SLASH;

        } else {
            start = mxt_userinfo_host(&p, last, n, &state);

            if (start) {
                *end = p;
                return start;
            }
        }
    }

    *end = last;

    return last;
}


/*
 * The user info at *pos, which is behind a "//" whose last slash has so many
 * bytes, encoded or not; *pos is then behind its "@".  Without, NULL, and *pos
 * is what ends the host: there another URL may begin, in that state.
 */

static const unsigned char *
mxt_userinfo_host(const unsigned char **pos, const unsigned char *last,
    size_t slash, unsigned *state)
{
    size_t                n, once;
    unsigned char         c, before, inner_before;
    const unsigned char  *p, *start, *host, *at, *inner;

    start = *pos;
    host = start;
    at = NULL;
    inner = NULL;           /* what is encoded more often than the slash, and */
    once = (size_t) -1;     /* the least bytes of such */
    inner_before = '/';
    before = '/';
    c = '/';

    for (p = start; p < last; p += n) {

        before = c;
        n = mxt_userinfo_mark(p, last, &c);

        if (c == '@') {

            if (n < once) {
                at = p + n;
                host = at;
                inner = NULL;
                once = (size_t) -1;
            }

            continue;
        }

        /* an encoded "&" may be a password's */

        if (c != '/' && c != '?' && c != '#' && (c != '&' || n > 1)) {
            continue;
        }

        /* "http:///a@b" has a host to a browser, and "http://a@/b@c" would be
         * one without its "a@" */

        if (c == '/' && p == host) {
            host = p + n;
            start = at ? start : host;
            continue;
        }

        if (n <= slash || slash > MXT_USERINFO_DEEP) {
            break;
        }

        /* so may these, if the "@" is not encoded as often */

        if (inner == NULL) {
            inner = p;
            inner_before = before;
        }

        once = (n < once) ? n : once;
    }

    if (at) {
        *pos = at;
        return start;
    }

    /* it ends there, after all */

    if (inner) {
        p = inner;
        before = inner_before;
    }

    *pos = p;
    *state = (before == ':' || before == '=') ? MXT_USERINFO_COLON
                                              : MXT_USERINFO_NONE;

    return NULL;
}


size_t
mxt_userinfo_strip(unsigned char *buf, size_t size, const unsigned char *s,
    size_t len)
{
    size_t                n, k;
    const unsigned char  *last, *start, *end;

    last = s + len;

    for (n = 0; s < last; s = end, n += k) {

        start = mxt_userinfo_next(s, last, 0, &end);

        k = (size_t) (start - s);
        k = k < size - n ? k : size - n;

        memcpy(buf + n, s, k);
    }

    return n;
}


unsigned
mxt_userinfo_text(mxt_json_t *j, const void *text, size_t len, unsigned value,
    unsigned *left)
{
    const unsigned char  *p, *last, *start, *end;

    if (len == 0) {
        return 0;
    }

    p = text;
    last = p + len;

    start = mxt_userinfo_find(p, last, value, &end);

    for ( ;; ) {

        if (mxt_json_text(j, p, (size_t) (start - p), left)) {
            return 1;
        }

        if (start == last) {
            return 0;
        }

        p = end;
        start = mxt_userinfo_next(p, last, 0, &end);
    }
}


static inline unsigned
mxt_userinfo_may(const unsigned char *p, const unsigned char *last)
{
    size_t  len;

    len = (size_t) (last - p);

    if (len == 0) {
        return 0;
    }

    return memchr(p, '@', len) != NULL
           || (memchr(p, '%', len) != NULL && memmem(p, len, "40", 2) != NULL);
}


/* the byte at p, or what is encoded there if it matters; and its length */

static inline size_t
mxt_userinfo_mark(const unsigned char *p, const unsigned char *last,
    unsigned char *mark)
{
    const unsigned char  *s;

    *mark = *p;

    if (*p != '%') {

        if (*p == '\\') {
            *mark = '/';
        }

        return 1;
    }

    /* an encoded "%" is the next one's "%" */

    for (s = p + 1; last - s >= 2 && s[0] == '2' && s[1] == '5'; s += 2);

    if (last - s < 2) {
        return 1;
    }

    switch (s[0] << 8 | s[1]) {

    case '4' << 8 | '0':
        *mark = '@';
        break;

    case '3' << 8 | 'A':
    case '3' << 8 | 'a':
        *mark = ':';
        break;

    case '2' << 8 | 'F':
    case '2' << 8 | 'f':
    case '5' << 8 | 'C':
    case '5' << 8 | 'c':
        *mark = '/';
        break;

    case '3' << 8 | 'F':
    case '3' << 8 | 'f':
        *mark = '?';
        break;

    case '2' << 8 | '3':
        *mark = '#';
        break;

    case '2' << 8 | '6':
        *mark = '&';
        break;

    case '3' << 8 | 'D':
    case '3' << 8 | 'd':
        *mark = '=';
        break;

    default:
        return 1;
    }

    return (size_t) (s + 2 - p);
}
