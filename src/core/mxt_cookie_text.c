
/*
 * The strings of the SDK's cookie, and their escapes.
 *
 * The invariant: the text is read by mxt_cookie_byte() alone, which takes the
 * percent-encoding away and knows where it ends, and, as far as it stands for
 * itself, by mxt_cookie_run().
 */


#include "mxt_cookie_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


static size_t mxt_cookie_run(unsigned char *d, const unsigned char *s,
    size_t len);
static unsigned char *mxt_cookie_escape(mxt_cookie_in_t *in,
    unsigned char *d);
static unsigned char *mxt_cookie_unicode(mxt_cookie_in_t *in,
    unsigned char *d);
static int mxt_cookie_low(mxt_cookie_in_t *in);
static int mxt_cookie_hex4(mxt_cookie_in_t *in);
static unsigned char *mxt_cookie_utf8(mxt_cookie_in_t *in, int lead,
    unsigned char *d);


/* bytes of a string that stand for themselves, encoded as they are */

static const unsigned char  mxt_cookie_plain[256] = {
    [' ' ... '!'] = 1,
    ['#' ... '$'] = 1,
    ['&' ... '['] = 1,
    [']' ... 0x7f] = 1
};


const signed char  mxt_cookie_digit[256] = {
    [0 ... '/'] = -1,
    ['0'] = 0, ['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4,
    ['5'] = 5, ['6'] = 6, ['7'] = 7, ['8'] = 8, ['9'] = 9,
    [':' ... '@'] = -1,
    ['A'] = 10, ['B'] = 11, ['C'] = 12, ['D'] = 13, ['E'] = 14, ['F'] = 15,
    ['G' ... '`'] = -1,
    ['a'] = 10, ['b'] = 11, ['c'] = 12, ['d'] = 13, ['e'] = 14, ['f'] = 15,
    ['g' ... 255] = -1
};


int
mxt_cookie_string(mxt_cookie_in_t *in, mxt_cookie_str_t *value)
{
    int             ch;
    size_t          n;
    unsigned char  *d;

    d = in->text;

    for ( ;; ) {

        n = mxt_cookie_run(d, in->pos, (size_t) (in->last - in->pos));

        d += n;
        in->pos += n;

        ch = mxt_cookie_byte(in);

        if (ch == '"') {
            break;
        }

        if (ch < ' ') {
            /* the end, a malformed sequence, or a control character */
            return -1;
        }

        if (ch == '\\') {
            d = mxt_cookie_escape(in, d);

        } else if (ch < 0x80) {
            *d++ = (unsigned char) ch;

        } else {
            d = mxt_cookie_utf8(in, ch, d);
        }

        if (d == NULL) {
            return -1;
        }
    }

    value->data = in->text;
    value->len = (size_t) (d - in->text);

    return 0;
}


/*
 * Copies the plain characters at s, of len bytes, and tells how many there
 * are.  It may write over all of the len bytes at d: behind what has been
 * unescaped there is at least as much room as there is text to come.
 */

static size_t
mxt_cookie_run(unsigned char *d, const unsigned char *s, size_t len)
{
    size_t   n;

#if defined(__SSE2__)

    __m128i  v, m;
    int      stop;

    for (n = 0; len - n >= 16; n += 16) {

        v = _mm_loadu_si128((const __m128i *) (const void *) (s + n));

        /* signed: 0x80 and above are below 0x20 as well */

        m = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
        m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('%')));
        m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

        _mm_storeu_si128((__m128i *) (void *) (d + n), v);

        stop = _mm_movemask_epi8(m);

        if (stop) {
            return n + (size_t) __builtin_ctz((unsigned) stop);
        }
    }

#else

    n = 0;

#endif

    while (n < len && mxt_cookie_plain[s[n]]) {
        d[n] = s[n];
        n++;
    }

    return n;
}


/* these write what they have read to d, and return what is behind it, or
 * NULL */

static unsigned char *
mxt_cookie_escape(mxt_cookie_in_t *in, unsigned char *d)
{
    int  ch;

    ch = mxt_cookie_byte(in);

    switch (ch) {

    case '"':
    case '\\':
    case '/':
        break;

    case 'b':
        ch = '\b';
        break;

    case 'f':
        ch = '\f';
        break;

    case 'n':
        ch = '\n';
        break;

    case 'r':
        ch = '\r';
        break;

    case 't':
        ch = '\t';
        break;

    case 'u':
        return mxt_cookie_unicode(in, d);

    default:
        return NULL;
    }

    *d++ = (unsigned char) ch;

    return d;
}


static unsigned char *
mxt_cookie_unicode(mxt_cookie_in_t *in, unsigned char *d)
{
    int  ch, low;

    ch = mxt_cookie_hex4(in);

    if (ch < 0) {
        return NULL;
    }

    if (ch >= 0xd800 && ch <= 0xdfff) {
        low = ch < 0xdc00 ? mxt_cookie_low(in) : -1;
        ch = low < 0 ? 0xfffd : 0x10000 + (ch - 0xd800) * 0x400 + low;
    }

    if (ch < 0x80) {
        *d++ = (unsigned char) ch;
        return d;
    }

    if (ch < 0x800) {
        *d++ = (unsigned char) (0xc0 | ch >> 6);

    } else if (ch < 0x10000) {
        *d++ = (unsigned char) (0xe0 | ch >> 12);
        *d++ = (unsigned char) (0x80 | (ch >> 6 & 0x3f));

    } else {
        *d++ = (unsigned char) (0xf0 | ch >> 18);
        *d++ = (unsigned char) (0x80 | (ch >> 12 & 0x3f));
        *d++ = (unsigned char) (0x80 | (ch >> 6 & 0x3f));
    }

    *d++ = (unsigned char) (0x80 | (ch & 0x3f));

    return d;
}


/* the ten bits of a low surrogate, if its escape is next; else -1, and what
 * is there is still to be read */

static int
mxt_cookie_low(mxt_cookie_in_t *in)
{
    int                   low;
    const unsigned char  *pos;

    pos = in->pos;

    if (mxt_cookie_byte(in) == '\\' && mxt_cookie_byte(in) == 'u') {

        low = mxt_cookie_hex4(in);

        if (low >= 0xdc00 && low <= 0xdfff) {
            return low - 0xdc00;
        }
    }

    in->pos = pos;

    return -1;
}


static int
mxt_cookie_hex4(mxt_cookie_in_t *in)
{
    int       ch, n;
    unsigned  i;

    n = 0;

    for (i = 0; i < 4; i++) {
        ch = mxt_cookie_byte(in);

        if (ch < 0 || mxt_cookie_digit[ch] < 0) {
            return -1;
        }

        n = n * 16 + mxt_cookie_digit[ch];
    }

    return n;
}


static unsigned char *
mxt_cookie_utf8(mxt_cookie_in_t *in, int lead, unsigned char *d)
{
    int       ch, min, max;
    unsigned  n;

    if (lead < 0xc2 || lead > 0xf4) {
        return NULL;
    }

    *d++ = (unsigned char) lead;

    n = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;

    /* neither overlong, nor a surrogate, nor above U+10FFFF */

    min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    do {
        ch = mxt_cookie_byte(in);

        if (ch < min || ch > max) {
            return NULL;
        }

        *d++ = (unsigned char) ch;

        min = 0x80;
        max = 0xbf;

    } while (--n);

    return d;
}
