
/*
 * The JSON of an event: see mxt_json.h for the promises.
 *
 * The invariant: a writer first makes sure of its room, then writes, and
 * what must not be torn (an escape, a character, a number) is one write.
 * Who finds no room takes away what there is, by moving the end to pos, so
 * nobody can write after him and nobody has to look at the flag.
 */


#include "mxt_json.h"

#if defined(__SSE2__) && !defined(MXT_JSON_NO_SIMD)
#define MXT_JSON_SSE2         1
#include <emmintrin.h>
#endif


#define MXT_JSON_UTF8         1


static size_t mxt_json_clean(unsigned char *restrict d,
    const unsigned char *restrict s, size_t n);
static unsigned mxt_json_repair(mxt_json_t *j, const unsigned char *s,
    size_t len, unsigned *left);
static size_t mxt_json_utf8(const unsigned char *s, size_t n, unsigned *bad);
static unsigned mxt_json_width(uint64_t n);
static void mxt_json_digits(unsigned char *last, uint64_t n);
static unsigned mxt_json_is(const unsigned char *s, const char *word,
    size_t len);


/* what follows the backslash; 0 for a byte that stands for itself */

static const unsigned char  mxt_json_escape[256] = {
    [0x00 ... 0x07] = 'u',
    ['\b'] = 'b',
    ['\t'] = 't',
    ['\n'] = 'n',
    [0x0b] = 'u',
    ['\f'] = 'f',
    ['\r'] = 'r',
    [0x0e ... 0x1f] = 'u',
    ['"'] = '"',
    ['\\'] = '\\',
    [0x80 ... 0xff] = MXT_JSON_UTF8
};


static const char  mxt_json_pairs[] =
    "00010203040506070809" "10111213141516171819"
    "20212223242526272829" "30313233343536373839"
    "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879"
    "80818283848586878889" "90919293949596979899";


static const uint64_t  mxt_json_powers[20] = {
    0ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL,
    10000000ULL, 100000000ULL, 1000000000ULL, 10000000000ULL,
    100000000000ULL, 1000000000000ULL, 10000000000000ULL,
    100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL,
    100000000000000000ULL, 1000000000000000000ULL, 10000000000000000000ULL
};


void
mxt_json_init(mxt_json_t *j, void *buf, size_t size)
{
    j->start = buf;
    j->pos = buf;
    j->end = j->start + size;
    j->overflow = 0;
}


unsigned
mxt_json_text(mxt_json_t *j, const void *text, size_t len, unsigned *left)
{
    size_t                n;
    const unsigned char  *s;

    s = text;

    if (len <= *left && len <= (size_t) (j->end - j->pos)) {

        n = mxt_json_clean(j->pos, s, len);

        j->pos += n;
        *left -= (unsigned) n;

        if (n == len) {
            return 0;
        }

        s += n;
        len -= n;
    }

    return mxt_json_repair(j, s, len, left);
}


unsigned
mxt_json_string(mxt_json_t *j, const void *s, size_t len)
{
    unsigned  cut, left;

    left = MXT_JSON_STRING_MAX;

    mxt_json_raw(j, "\"", 1);
    cut = mxt_json_text(j, s, len, &left);
    mxt_json_raw(j, "\"", 1);

    return cut;
}


void
mxt_json_uint(mxt_json_t *j, uint64_t n)
{
    unsigned  width;

    width = mxt_json_width(n);

    if ((size_t) (j->end - j->pos) < width) {
        mxt_json_full(j);
        return;
    }

    j->pos += width;
    mxt_json_digits(j->pos, n);
}


void
mxt_json_seconds(mxt_json_t *j, uint64_t ms)
{
    unsigned        width;
    unsigned char  *p;

    width = mxt_json_width(ms / 1000) + 4;

    if ((size_t) (j->end - j->pos) < width) {
        mxt_json_full(j);
        return;
    }

    j->pos += width;
    p = j->pos;

    mxt_json_digits(p - 4, ms / 1000);

    p[-4] = '.';
    p[-3] = (unsigned char) ('0' + ms % 1000 / 100);
    memcpy(p - 2, &mxt_json_pairs[ms % 100 * 2], 2);
}


int
mxt_json_bool(mxt_json_t *j, const void *text, size_t len)
{
    const unsigned char  *s;

    s = text;

    switch (len) {

    case 1:
        if (s[0] == '1') {
            goto yes;
        }

        if (s[0] == '0') {
            goto no;
        }

        break;

    case 2:
        if (mxt_json_is(s, "on", 2)) {
            goto yes;
        }

        if (mxt_json_is(s, "no", 2)) {
            goto no;
        }

        break;

    case 3:
        if (mxt_json_is(s, "yes", 3)) {
            goto yes;
        }

        if (mxt_json_is(s, "off", 3)) {
            goto no;
        }

        break;

    case 4:
        if (mxt_json_is(s, "true", 4)) {
            goto yes;
        }

        break;

    case 5:
        if (mxt_json_is(s, "false", 5)) {
            goto no;
        }

        break;
    }

    return -1;

yes:

    mxt_json_raw(j, "true", 4);

    return 0;

no:

    mxt_json_raw(j, "false", 5);

    return 0;
}


#if (MXT_JSON_SSE2)

/* a bit for each byte that does not stand for itself */

static inline unsigned
mxt_json_test16(__m128i v)
{
    __m128i  m;

    /* signed: 0x80 and above are below 0x20 as well */
    m = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));

    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    return (unsigned) _mm_movemask_epi8(m);
}


/* how many of the bytes at v come before the first such, 8 for all */

static inline size_t
mxt_json_first8(const uint64_t *v)
{
    __m128i  x;

    x = _mm_loadl_epi64((const __m128i *) (const void *) v);

    return (size_t) __builtin_ctz(mxt_json_test16(x) | 0x100);
}

#else

static inline size_t
mxt_json_first8(const uint64_t *p)
{
    uint64_t  v, m, quote, slash, ones;

    v = *p;

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    v = __builtin_bswap64(v);
#endif

    ones = 0x0101010101010101ULL;
    quote = v ^ ones * '"';
    slash = v ^ ones * '\\';

    /* a borrow may mark others, but only above a byte rightly marked */
    m = (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote)
         | ((slash - ones) & ~slash) | v)
        & ones * 0x80;

    return m ? (size_t) __builtin_ctzll(m) >> 3 : 8;
}

#endif


/*
 * Copies the bytes that stand for themselves up to the first that does not,
 * and returns how many there were.  Anything may be left in the rest of the
 * n bytes of d.  The last step of each loop steps back, to end with n.
 */

static inline size_t
mxt_json_clean(unsigned char *restrict d, const unsigned char *restrict s,
    size_t n)
{
    size_t    i, k;
    uint64_t  v;

#if (MXT_JSON_SSE2)

    __m128i   x;
    unsigned  bits;

    if (n >= 16) {

        for (i = 0; /* void */ ; i = (n - i < 32) ? n - 16 : i + 16) {

            x = _mm_loadu_si128((const __m128i *) (const void *) (s + i));
            _mm_storeu_si128((__m128i *) (void *) (d + i), x);

            bits = mxt_json_test16(x);

            if (bits) {
                return i + (size_t) __builtin_ctz(bits);
            }

            if (i == n - 16) {
                return n;
            }
        }
    }

#endif

    if (n >= 8) {

        for (i = 0; /* void */ ; i = (n - i < 16) ? n - 8 : i + 8) {

            memcpy(&v, s + i, 8);
            memcpy(d + i, &v, 8);

            k = mxt_json_first8(&v);

            if (k < 8) {
                return i + k;
            }

            if (i == n - 8) {
                return n;
            }
        }
    }

    if (n >= 4) {

        memcpy(&v, s, 4);
        memcpy((unsigned char *) &v + 4, s + n - 4, 4);
        memcpy(d, s, 4);
        memcpy(d + n - 4, s + n - 4, 4);

        k = mxt_json_first8(&v);

        return k < 4 ? k : n - 8 + k;
    }

    for (i = 0; i < n && !mxt_json_escape[s[i]]; i++) {
        d[i] = s[i];
    }

    return i;
}


/* mxt_json_text() for what is not clean, or may not fit */

static unsigned
mxt_json_repair(mxt_json_t *j, const unsigned char *s, size_t len,
    unsigned *left)
{
    size_t          i, k, n, room, limit;
    unsigned        bad, cut;
    unsigned char   c, *d;

    d = j->pos;
    cut = 0;

    /* where in s the string's limit would be, were it all well-formed */
    limit = *left;

    for (i = 0; i < len; i += k, d += n) {

        if (i == limit) {
            cut = 1;
            break;
        }

        c = mxt_json_escape[s[i]];
        room = (size_t) (j->end - d);

        if (c == 0) {
            n = (len < limit ? len : limit) - i;
            n = mxt_json_clean(d, s + i, n < room ? n : room);
            k = n;

            if (n == 0) {
                goto overflow;
            }

        } else if (c == MXT_JSON_UTF8) {
            k = mxt_json_utf8(s + i, len - i, &bad);
            n = bad ? 3 : k;

            if (limit - i < n) {
                cut = 1;
                break;
            }

            if (room < n) {
                goto overflow;
            }

            if (bad) {
                memcpy(d, "\xef\xbf\xbd", 3);
                limit -= 3 - k;

            } else {
                memcpy(d, s + i, n);
            }

        } else if (c == 'u') {
            k = 1;
            n = 6;

            if (room < n) {
                goto overflow;
            }

            memcpy(d, "\\u00", 4);
            d[4] = (unsigned char) ('0' + (s[i] >> 4));
            d[5] = (unsigned char) "0123456789abcdef"[s[i] & 0xf];

        } else {
            k = 1;
            n = 2;

            if (room < n) {
                goto overflow;
            }

            d[0] = '\\';
            d[1] = c;
        }
    }

    j->pos = d;
    *left = cut ? 0 : (unsigned) (limit - i);

    return cut;

overflow:

    j->pos = d;
    mxt_json_full(j);

    return 0;
}


/*
 * The length of the character, or of the maximal part of one if bad (the
 * well-formed sequences are table 3-7 of the Unicode standard).
 */

static size_t
mxt_json_utf8(const unsigned char *s, size_t n, unsigned *bad)
{
    size_t         k, size;
    unsigned char  c, low, high;

    c = s[0];

    if (c < 0xc2 || c > 0xf4) {
        *bad = 1;
        return 1;
    }

    size = (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

    /* what is overlong, a surrogate or too great shows in the second byte */
    low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
    high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;

    for (k = 1; k < size; k++) {

        if (k == n || s[k] < low || s[k] > high) {
            *bad = 1;
            return k;
        }

        low = 0x80;
        high = 0xbf;
    }

    *bad = 0;

    return size;
}


static inline unsigned
mxt_json_width(uint64_t n)
{
    unsigned  width;

    /* the bits times log10(2), which is one too few at most */
    width = ((64 - (unsigned) __builtin_clzll(n | 1)) * 1233) >> 12;

    return width + (n >= mxt_json_powers[width]);
}


/* the digits of n, so that they end before last */

static inline void
mxt_json_digits(unsigned char *last, uint64_t n)
{
    uint64_t  rest;

    while (n >= 100) {
        rest = n / 100;
        last -= 2;
        memcpy(last, &mxt_json_pairs[(n - rest * 100) * 2], 2);
        n = rest;
    }

    if (n >= 10) {
        memcpy(last - 2, &mxt_json_pairs[n * 2], 2);

    } else {
        last[-1] = (unsigned char) ('0' + n);
    }
}


/* word is of small letters, which one bit tells from the great */

static inline unsigned
mxt_json_is(const unsigned char *s, const char *word, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((s[i] | 0x20) != word[i]) {
            return 0;
        }
    }

    return 1;
}
