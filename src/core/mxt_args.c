
/*
 * Arguments that tell where a visitor came from: see mxt_args.h.
 *
 * The SDK looks for each name in the whole URL.  Here all are found by their
 * "=" in one pass: what is a letter before it may be a name.
 */


#include <string.h>

#include "mxt_args.h"
#include "mxt_args_walk.h"
#include "mxt_userinfo.h"


#define MXT_ARGS_NAME_MIN  5
#define MXT_ARGS_NAME_MAX  20

#define mxt_args_name(s)                                                     \
    { (const unsigned char *) s, sizeof(s) - 1 }


static unsigned mxt_args_ends(const unsigned char *end);
static unsigned mxt_args_piece(mxt_json_t *j, const unsigned char *s,
    const unsigned char *last, unsigned *left);
static unsigned mxt_args_sound(const unsigned char *s,
    const unsigned char *last);
static size_t mxt_args_decode(unsigned char *d, size_t size,
    const unsigned char **pos, const unsigned char *last);
static unsigned mxt_args_plain(mxt_json_t *j, const unsigned char *p,
    const unsigned char *last, unsigned *left);
static unsigned mxt_args_byte(const unsigned char **pos,
    const unsigned char *last);
static unsigned mxt_args_hex(unsigned char c);
static const char *mxt_args_engine(const unsigned char *s,
    const unsigned char *last);
static unsigned mxt_args_is(const unsigned char *s,
    const unsigned char *last, const char *name, const char *domain);
static void mxt_args_keyword(const mxt_redact_t *r, const unsigned char *s,
    const unsigned char *last, unsigned char name, mxt_uri_str_t *keyword);


const mxt_uri_str_t  mxt_args_names[MXT_ARGS_N] = {
    mxt_args_name("dclid"),
    mxt_args_name("gclid"),
    mxt_args_name("sccid"),
    mxt_args_name("fbclid"),
    mxt_args_name("ttclid"),
    mxt_args_name("twclid"),
    mxt_args_name("wbraid"),
    mxt_args_name("utm_id"),
    mxt_args_name("msclkid"),
    mxt_args_name("utm_term"),
    mxt_args_name("li_fat_id"),
    mxt_args_name("utm_source"),
    mxt_args_name("utm_medium"),
    mxt_args_name("ko_click_id"),
    mxt_args_name("utm_content"),
    mxt_args_name("utm_campaign"),
    mxt_args_name("utm_campaign_id"),
    mxt_args_name("utm_source_platform"),
    mxt_args_name("utm_creative_format"),
    mxt_args_name("utm_marketing_tactic")
};


/* the first of at least so many bytes */

static const unsigned char  mxt_args_first[MXT_ARGS_NAME_MAX + 2] = {
    0, 0, 0, 0, 0, 0, 3, 8, 9, 10, 11, 13, 15, 16, 16, 16, 17, 17, 17, 17, 19,
    MXT_ARGS_N
};


/* 4 less the distance from a byte to the first one of an engine's name, of
 * goog, bing, yaho and duck, which it could be the second, third or first of;
 * 0 for all other bytes */

static const unsigned char  mxt_args_back[256] = {
    ['g'] = 1, ['o'] = 3,
    ['b'] = 1, ['i'] = 2, ['n'] = 3,
    ['y'] = 1, ['a'] = 2, ['h'] = 3,
    ['d'] = 1, ['u'] = 2, ['c'] = 3
};


uint32_t
mxt_args_find(const mxt_redact_t *r, const void *text, size_t len,
    mxt_uri_str_t value[MXT_ARGS_N])
{
    size_t                n;
    unsigned              i;
    uint32_t              found, some;
    mxt_args_walk_t       w;
    const unsigned char  *s, *p, *eq, *name, *last;

    if (len == 0) {
        return 0;
    }

    found = 0;
    some = 0;

    s = text;
    last = s + len;

    mxt_args_walk_start(&w, r, s, last);

    for (p = s; p < last; p = eq + 1) {

        eq = memchr(p, '=', (size_t) (last - p));

        if (eq == NULL) {
            break;
        }

        if (eq - p < MXT_ARGS_NAME_MIN + 1 || !mxt_args_ends(eq)) {
            continue;
        }

        for (name = eq;
             name > p && ((name[-1] >= 'a' && name[-1] <= 'z')
                          || name[-1] == '_');
             name--);

        n = (size_t) (eq - name);

        if (n > MXT_ARGS_NAME_MAX || name == s
            || (name[-1] != '?' && name[-1] != '&'))
        {
            continue;
        }

        for (i = mxt_args_first[n]; i < mxt_args_first[n + 1]; i++) {

            if (mxt_args_names[i].data[n / 2] != name[n / 2]
                || memcmp(mxt_args_names[i].data, name, n) != 0)
            {
                continue;
            }

            if (found & 1U << i) {
                break;
            }

            if (name[-1] == '?' && mxt_args_walk_hidden(&w, name - 1)) {
                break;
            }

            found |= 1U << i;

            if (mxt_redact_hides(r, name, n)) {
                break;
            }

            value[i].data = eq + 1;
            value[i].len = mxt_args_walk_value(&w, eq);

            if (value[i].len) {
                some |= 1U << i;
            }

            break;
        }
    }

    return some;
}


/* whether one of the names could end here: most others end in other pairs of
 * letters */

static unsigned
mxt_args_ends(const unsigned char *end)
{
    unsigned char  c;

    c = end[-2];

    switch (end[-1]) {

    case 'd':                           /* id */
    case 'c':                           /* tactic */
        return c == 'i';

    case 'm':                           /* term and platform, medium */
        return c == 'r' || c == 'u';

    case 't':                           /* content, format */
        return c == 'n' || c == 'a';

    case 'e':                           /* source */
        return c == 'c';

    case 'n':                           /* campaign */
        return c == 'g';

    default:
        return 0;
    }
}


unsigned
mxt_args_text(mxt_json_t *j, const void *text, size_t len, unsigned *left)
{
    const unsigned char  *s, *last, *start, *end;

    if (len == 0) {
        return 0;
    }

    s = text;
    last = s + len;

    /* most have nothing to decode, and no user info */

    while (s < last && *s != '%' && *s != '+' && *s != '@') {
        s++;
    }

    if (s == last) {
        return mxt_json_text(j, text, len, left);
    }

    s = text;

    start = mxt_userinfo_find(s, last, 1, &end);

    for ( ;; ) {

        if (mxt_args_piece(j, s, start, left)) {
            return 1;
        }

        if (start == last) {
            return 0;
        }

        s = end;
        start = mxt_userinfo_next(s, last, 0, &end);
    }
}


static unsigned
mxt_args_piece(mxt_json_t *j, const unsigned char *s,
    const unsigned char *last, unsigned *left)
{
    size_t         n;
    unsigned char  buf[MXT_JSON_STRING_MAX + 1];

    if (memchr(s, '%', (size_t) (last - s)) == NULL
        || !mxt_args_sound(s, last))
    {
        return mxt_args_plain(j, s, last, left);
    }

    while (s < last) {

        n = mxt_args_decode(buf, sizeof(buf), &s, last);

        if (mxt_json_text(j, buf, n, left)) {
            return 1;
        }
    }

    return 0;
}


/* whether decodeURIComponent() would take it */

static unsigned
mxt_args_sound(const unsigned char *s, const unsigned char *last)
{
    unsigned  c, low, high, more;

    more = 0;
    low = 0;
    high = 0;

    while (s < last) {

        c = mxt_args_byte(&s, last);

        if (more) {

            if (c < low || c > high) {
                return 0;
            }

            more--;
            low = 0x80;
            high = 0xbf;
            continue;
        }

        if (c < 0x80) {
            continue;
        }

        if (c < 0xc2 || c > 0xf4) {
            return 0;
        }

        more = (c < 0xe0) ? 1 : (c < 0xf0) ? 2 : 3;
        low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
        high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;
    }

    return more == 0;
}


/* what is sound, as far as there is room for whole characters */

static size_t
mxt_args_decode(unsigned char *d, size_t size, const unsigned char **pos,
    const unsigned char *last)
{
    size_t                n, more;
    unsigned              c;
    const unsigned char  *s;

    n = 0;
    more = 0;

    while (*pos < last) {

        s = *pos;
        c = mxt_args_byte(&s, last);

        if (c >= 0xc0) {
            more = (c < 0xe0) ? 1 : (c < 0xf0) ? 2 : 3;

        } else if (c >= 0x80) {
            more--;
        }

        if (n + more >= size) {
            break;
        }

        d[n++] = (unsigned char) (c == '+' ? ' ' : c);
        *pos = s;
    }

    return n;
}


static unsigned
mxt_args_plain(mxt_json_t *j, const unsigned char *p,
    const unsigned char *last, unsigned *left)
{
    const unsigned char  *plus;

    for ( ;; ) {

        plus = memchr(p, '+', (size_t) (last - p));

        if (plus == NULL) {
            return mxt_json_text(j, p, (size_t) (last - p), left);
        }

        if (mxt_json_text(j, p, (size_t) (plus - p), left)
            || mxt_json_text(j, " ", 1, left))
        {
            return 1;
        }

        p = plus + 1;
    }
}


/* the next byte; more than one can be for a bad escape */

static inline unsigned
mxt_args_byte(const unsigned char **pos, const unsigned char *last)
{
    unsigned              c, high, low;
    const unsigned char  *s;

    s = *pos;
    c = *s++;

    if (c == '%') {

        if (last - s < 2) {
            return 0x100;
        }

        high = mxt_args_hex(s[0]);
        low = mxt_args_hex(s[1]);

        if (high > 15 || low > 15) {
            return 0x100;
        }

        c = high << 4 | low;
        s += 2;
    }

    *pos = s;

    return c;
}


static inline unsigned
mxt_args_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned) (c - '0');
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? (unsigned) (c - 'a' + 10) : 16;
}


const char *
mxt_args_search(const mxt_redact_t *r, const void *text, size_t len,
    mxt_uri_str_t *keyword)
{
    const char           *engine;
    const unsigned char  *s, *last;

    s = text;

    keyword->data = NULL;
    keyword->len = 0;

    if (len < 8 || memcmp(s, "http", 4) != 0) {
        return NULL;
    }

    s += (s[4] == 's') ? 5 : 4;

    if (memcmp(s, "://", 3) != 0) {
        return NULL;
    }

    last = (const unsigned char *) text + len;
    s += 3;

    engine = mxt_args_engine(s, last);

    if (engine == NULL) {
        return NULL;
    }

    mxt_args_keyword(r, s, last, engine[0] == 'y' ? 'p' : 'q', keyword);

    return engine;
}


/*
 * The SDK's patterns are this broad: any text before the name, be it a path
 * or an argument, and any one character after it.  Of several the first in
 * this order counts.
 */

static const char *
mxt_args_engine(const unsigned char *s, const unsigned char *last)
{
    const char  *engine;

    static const char *const  name[] = {
        "google", "bing", "yahoo", "duckduckgo"
    };

    engine = NULL;

    /* how far none of them can begin is known from the fourth byte */

    for ( /* void */ ; last - s > 3; s += 4 - mxt_args_back[s[3]]) {

        switch (s[3]) {

        case 'g':
            if (mxt_args_is(s, last, name[0], "")) {
                return name[0];
            }

            if (mxt_args_is(s, last, name[1], "com")) {
                engine = name[1];
            }

            break;

        case 'o':
            if (engine != name[1] && mxt_args_is(s, last, name[2], "com")) {
                engine = name[2];
            }

            break;

        case 'k':
            if (engine == NULL && mxt_args_is(s, last, name[3], "com")) {
                engine = name[3];
            }

            break;
        }
    }

    return engine;
}


/* a name, a character and a domain */

static inline unsigned
mxt_args_is(const unsigned char *s, const unsigned char *last,
    const char *name, const char *domain)
{
    size_t  n, len;

    if (*s != (unsigned char) *name) {
        return 0;
    }

    n = strlen(name);
    len = strlen(domain);

    return (size_t) (last - s) >= n + 1 + len
           && memcmp(s, name, n) == 0
           && memcmp(s + n + 1, domain, len) == 0;
}


static void
mxt_args_keyword(const mxt_redact_t *r, const unsigned char *s,
    const unsigned char *last, unsigned char name, mxt_uri_str_t *keyword)
{
    mxt_args_walk_t       w;
    const unsigned char  *p, *eq;

    mxt_args_walk_start(&w, r, s, last);

    for (p = s; p < last; p = eq + 1) {

        eq = memchr(p, '=', (size_t) (last - p));

        if (eq == NULL) {
            return;
        }

        if (eq - s < 2 || eq[-1] != name || (eq[-2] != '?' && eq[-2] != '&')
            || (eq[-2] == '?' && mxt_args_walk_hidden(&w, eq - 2)))
        {
            continue;
        }

        if (!mxt_redact_hides(r, &name, 1)) {
            keyword->data = eq + 1;
            keyword->len = mxt_args_walk_value(&w, eq);
        }

        return;
    }
}
