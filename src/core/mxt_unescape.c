
/*
 * A string of somebody's JSON, as one of ours: see mxt_unescape.h.
 *
 * The invariant: what goes to the writer is a run of bytes between two
 * escapes, or the one character an escape stands for, so no character is
 * ever split.
 */


#include "mxt_unescape.h"


#define MXT_UNESCAPE_BAD  0xfffd


static const unsigned char *mxt_unescape_code(const unsigned char *s,
    const unsigned char *last, uint32_t *code);
static const unsigned char *mxt_unescape_unicode(const unsigned char *s,
    const unsigned char *last, uint32_t *code);
static int mxt_unescape_hex(const unsigned char *s,
    const unsigned char *last, uint32_t *code);
static size_t mxt_unescape_utf8(unsigned char *d, uint32_t code);


/* what ends a run of bytes: those below are in no JSON string */

static const unsigned char  mxt_unescape_special[256] = {
    [0x00 ... 0x1f] = 1,
    ['"'] = 1,
    ['\\'] = 1
};


/* what a letter behind the backslash stands for; 0: nothing */

static const unsigned char  mxt_unescape_short[256] = {
    ['"'] = '"',
    ['/'] = '/',
    ['\\'] = '\\',
    ['b'] = '\b',
    ['f'] = '\f',
    ['n'] = '\n',
    ['r'] = '\r',
    ['t'] = '\t'
};


int
mxt_unescape(mxt_json_t *j, const unsigned char **pos,
    const unsigned char *last, unsigned name, unsigned *cut)
{
    size_t                n;
    uint32_t              code;
    unsigned              left, some;
    unsigned char         buf[4];
    const unsigned char  *s, *p;

    s = *pos;
    some = 0;

    if (*s++ != '"') {
        return -1;
    }

    left = MXT_JSON_STRING_MAX;

    mxt_json_raw(j, "\"", 1);

    for ( ;; ) {

        for (p = s; p < last && !mxt_unescape_special[*p]; p++) {
            /* void */
        }

        if (p == last) {
            return -1;
        }

        some |= mxt_json_text(j, s, (size_t) (p - s), &left);
        s = p + 1;

        if (*p == '"') {
            break;
        }

        if (*p != '\\') {
            return -1;
        }

        s = mxt_unescape_code(s, last, &code);

        if (s == NULL) {
            return -1;
        }

        if (code == 0 && name) {
            code = MXT_UNESCAPE_BAD;
        }

        n = mxt_unescape_utf8(buf, code);

        some |= mxt_json_text(j, buf, n, &left);
    }

    mxt_json_raw(j, "\"", 1);
    *cut += some;
    *pos = s;

    return 0;
}


/* what follows the escape behind a backslash, or NULL if it is none */

static const unsigned char *
mxt_unescape_code(const unsigned char *s, const unsigned char *last,
    uint32_t *code)
{
    if (s == last) {
        return NULL;
    }

    if (*s == 'u') {
        return mxt_unescape_unicode(s + 1, last, code);
    }

    *code = mxt_unescape_short[*s];

    return *code ? s + 1 : NULL;
}


/*
 * Four digits behind "\u", and the other half if they are the first of a
 * pair.
 */

static const unsigned char *
mxt_unescape_unicode(const unsigned char *s, const unsigned char *last,
    uint32_t *code)
{
    uint32_t  low;

    if (mxt_unescape_hex(s, last, code) != 0) {
        return NULL;
    }

    s += 4;

    if (*code < 0xd800 || *code > 0xdfff) {
        return s;
    }

    if (*code < 0xdc00 && last - s > 2 && s[0] == '\\' && s[1] == 'u'
        && mxt_unescape_hex(s + 2, last, &low) == 0
        && low >= 0xdc00 && low <= 0xdfff)
    {
        *code = 0x10000 + ((*code & 0x3ff) << 10 | (low & 0x3ff));
        return s + 6;
    }

    *code = MXT_UNESCAPE_BAD;

    return s;
}


static int
mxt_unescape_hex(const unsigned char *s, const unsigned char *last,
    uint32_t *code)
{
    unsigned       i;
    unsigned char  c;

    if (last - s < 4) {
        return -1;
    }

    *code = 0;

    for (i = 0; i < 4; i++) {

        c = s[i];

        if (c >= '0' && c <= '9') {
            *code = *code << 4 | (uint32_t) (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        *code = *code << 4 | (uint32_t) (c - 'a' + 10);
    }

    return 0;
}


static size_t
mxt_unescape_utf8(unsigned char *d, uint32_t code)
{
    if (code < 0x80) {
        d[0] = (unsigned char) code;
        return 1;
    }

    if (code < 0x800) {
        d[0] = (unsigned char) (0xc0 | code >> 6);
        d[1] = (unsigned char) (0x80 | (code & 0x3f));
        return 2;
    }

    if (code < 0x10000) {
        d[0] = (unsigned char) (0xe0 | code >> 12);
        d[1] = (unsigned char) (0x80 | (code >> 6 & 0x3f));
        d[2] = (unsigned char) (0x80 | (code & 0x3f));
        return 3;
    }

    d[0] = (unsigned char) (0xf0 | code >> 18);
    d[1] = (unsigned char) (0x80 | (code >> 12 & 0x3f));
    d[2] = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    d[3] = (unsigned char) (0x80 | (code & 0x3f));

    return 4;
}
