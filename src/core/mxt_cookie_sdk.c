
/*
 * The SDK's cookie, decoded and parsed in one pass: see mxt_cookie.h for the
 * promises.
 *
 * The invariant: the text is read by mxt_cookie_byte() alone, which takes the
 * percent-encoding away and knows where it ends, and, as far as it stands for
 * itself, by mxt_cookie_run().  A byte is never less than 0; the end and a
 * malformed sequence are, so neither is ever taken for what should be there.
 */


#include <stdint.h>
#include <string.h>

#include "mxt_cookie.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


#define MXT_COOKIE_END  -1
#define MXT_COOKIE_BAD  -2

#define mxt_bit(key)     (1u << MXT_COOKIE_##key)
#define mxt_text(s)      { (const unsigned char *) s, sizeof(s) - 1 }


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *last;
    unsigned char        *text;     /* scratch behind what is kept */
} mxt_cookie_in_t;


static int mxt_cookie_object(mxt_cookie_in_t *in, mxt_cookie_t *c,
    unsigned depth);
static unsigned mxt_cookie_key(const mxt_cookie_str_t *name);
static int mxt_cookie_array(mxt_cookie_in_t *in, unsigned depth);
static int mxt_cookie_value(mxt_cookie_in_t *in, int ch, unsigned depth,
    mxt_cookie_str_t *value);
static int mxt_cookie_word(mxt_cookie_in_t *in, const char *rest);
static int mxt_cookie_number(mxt_cookie_in_t *in, int ch,
    mxt_cookie_str_t *value);
static int mxt_cookie_digits(mxt_cookie_in_t *in, int ch, unsigned char **d);
static int mxt_cookie_string(mxt_cookie_in_t *in, mxt_cookie_str_t *value);
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
static int mxt_cookie_space(mxt_cookie_in_t *in, int ch);


const mxt_cookie_str_t  mxt_cookie_names[MXT_COOKIE_KEYS] = {
    mxt_text("distinct_id"),
    mxt_text("$device_id"),
    mxt_text("$user_id"),
    mxt_text("$initial_referrer"),
    mxt_text("$initial_referring_domain"),
    mxt_text("$search_engine"),
    mxt_text("mp_keyword"),
    mxt_text("utm_source"),
    mxt_text("utm_medium"),
    mxt_text("utm_campaign"),
    mxt_text("utm_content"),
    mxt_text("utm_term"),
    mxt_text("utm_id"),
    mxt_text("utm_source_platform"),
    mxt_text("utm_campaign_id"),
    mxt_text("utm_creative_format"),
    mxt_text("utm_marketing_tactic")
};


/* which of them are that long */

static const uint32_t  mxt_cookie_of_len[] = {
    [6] = mxt_bit(UTM_ID),
    [8] = mxt_bit(USER_ID) | mxt_bit(UTM_TERM),
    [10] = mxt_bit(DEVICE_ID) | mxt_bit(KEYWORD) | mxt_bit(UTM_SOURCE)
           | mxt_bit(UTM_MEDIUM),
    [11] = mxt_bit(DISTINCT_ID) | mxt_bit(UTM_CONTENT),
    [12] = mxt_bit(UTM_CAMPAIGN),
    [14] = mxt_bit(SEARCH_ENGINE),
    [15] = mxt_bit(UTM_CAMPAIGN_ID),
    [17] = mxt_bit(INITIAL_REFERRER),
    [19] = mxt_bit(UTM_SOURCE_PLATFORM) | mxt_bit(UTM_CREATIVE_FORMAT),
    [20] = mxt_bit(UTM_MARKETING_TACTIC),
    [25] = mxt_bit(INITIAL_DOMAIN)
};


/* bytes of a string that stand for themselves, encoded as they are */

static const unsigned char  mxt_cookie_plain[256] = {
    [' ' ... '!'] = 1,
    ['#' ... '$'] = 1,
    ['&' ... '['] = 1,
    [']' ... 0x7f] = 1
};


/* hexadecimal digits, less than 0 for what is none */

static const signed char  mxt_cookie_digit[256] = {
    [0 ... '/'] = -1,
    ['0'] = 0, ['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4,
    ['5'] = 5, ['6'] = 6, ['7'] = 7, ['8'] = 8, ['9'] = 9,
    [':' ... '@'] = -1,
    ['A'] = 10, ['B'] = 11, ['C'] = 12, ['D'] = 13, ['E'] = 14, ['F'] = 15,
    ['G' ... '`'] = -1,
    ['a'] = 10, ['b'] = 11, ['c'] = 12, ['d'] = 13, ['e'] = 14, ['f'] = 15,
    ['g' ... 255] = -1
};


static inline int
mxt_cookie_byte(mxt_cookie_in_t *in)
{
    int                   ch;
    const unsigned char  *p;

    p = in->pos;

    if (p == in->last) {
        return MXT_COOKIE_END;
    }

    if (*p != '%') {
        in->pos = p + 1;
        return *p;
    }

    if (in->last - p < 3) {
        return MXT_COOKIE_BAD;
    }

    ch = mxt_cookie_digit[p[1]] * 16 | mxt_cookie_digit[p[2]];

    if (ch < 0) {
        return MXT_COOKIE_BAD;
    }

    in->pos = p + 3;

    return ch;
}


/* the next byte that is not white space */

static inline int
mxt_cookie_token(mxt_cookie_in_t *in)
{
    int  ch;

    ch = mxt_cookie_byte(in);

    return ch > ' ' ? ch : mxt_cookie_space(in, ch);
}


int
mxt_cookie_parse(mxt_cookie_t *c, const void *s, size_t len,
    unsigned char *scratch)
{
    mxt_cookie_in_t  in;

    memset(c, 0, sizeof(mxt_cookie_t));

    if (len == 0 || len > MXT_COOKIE_MAX) {
        return -1;
    }

    in.pos = s;
    in.last = in.pos + len;
    in.text = scratch;

    if (mxt_cookie_token(&in) == '{'
        && mxt_cookie_object(&in, c, 1) == 0
        && mxt_cookie_token(&in) == MXT_COOKIE_END)
    {
        return 0;
    }

    memset(c, 0, sizeof(mxt_cookie_t));

    return -1;
}


/*
 * An object behind its brace: 0, or -1.  c takes the values of known keys; an
 * object within the cookie has none, whatever its keys are called ("__mpso"
 * has a "$initial_referrer" as well).
 */

static int
mxt_cookie_object(mxt_cookie_in_t *in, mxt_cookie_t *c, unsigned depth)
{
    int               ch;
    unsigned          key, seen;
    mxt_cookie_str_t  str;

    if (depth > MXT_COOKIE_DEPTH) {
        return -1;
    }

    seen = 0;
    ch = mxt_cookie_token(in);

    if (ch == '}') {
        return 0;
    }

    for ( ;; ) {

        if (ch != '"' || mxt_cookie_string(in, &str) != 0) {
            return -1;
        }

        key = c ? mxt_cookie_key(&str) : MXT_COOKIE_KEYS;

        if (mxt_cookie_token(in) != ':') {
            return -1;
        }

        ch = mxt_cookie_value(in, mxt_cookie_token(in), depth, &str);

        if (key != MXT_COOKIE_KEYS) {

            if (seen & 1u << key) {
                return -1;
            }

            seen |= 1u << key;

            c->value[key] = str;
            in->text += str.len;
        }

        if (ch == '}') {
            return 0;
        }

        if (ch != ',') {
            return -1;
        }

        ch = mxt_cookie_token(in);
    }
}


static unsigned
mxt_cookie_key(const mxt_cookie_str_t *name)
{
    unsigned  key, keys;

    if (name->len >= sizeof(mxt_cookie_of_len) / sizeof(uint32_t)) {
        return MXT_COOKIE_KEYS;
    }

    for (keys = mxt_cookie_of_len[name->len]; keys; keys &= keys - 1) {

        key = (unsigned) __builtin_ctz(keys);

        if (memcmp(mxt_cookie_names[key].data, name->data, name->len) == 0) {
            return key;
        }
    }

    return MXT_COOKIE_KEYS;
}


/* an array behind its bracket: 0, or -1 */

static int
mxt_cookie_array(mxt_cookie_in_t *in, unsigned depth)
{
    int               ch;
    mxt_cookie_str_t  str;

    if (depth > MXT_COOKIE_DEPTH) {
        return -1;
    }

    ch = mxt_cookie_token(in);

    if (ch == ']') {
        return 0;
    }

    for ( ;; ) {
        ch = mxt_cookie_value(in, ch, depth, &str);

        if (ch == ']') {
            return 0;
        }

        if (ch != ',') {
            return -1;
        }

        ch = mxt_cookie_token(in);
    }
}


/*
 * A value that begins with ch; returns the token behind it, or
 * MXT_COOKIE_BAD.  *value is what a string or a number holds, in scratch
 * where the next will be written, and empty for all else.
 */

static int
mxt_cookie_value(mxt_cookie_in_t *in, int ch, unsigned depth,
    mxt_cookie_str_t *value)
{
    int  rc;

    value->data = NULL;
    value->len = 0;

    switch (ch) {

    case '"':
        rc = mxt_cookie_string(in, value);
        break;

    case '{':
        rc = mxt_cookie_object(in, NULL, depth + 1);
        break;

    case '[':
        rc = mxt_cookie_array(in, depth + 1);
        break;

    case 't':
        rc = mxt_cookie_word(in, "rue");
        break;

    case 'f':
        rc = mxt_cookie_word(in, "alse");
        break;

    case 'n':
        rc = mxt_cookie_word(in, "ull");
        break;

    default:
        return mxt_cookie_number(in, ch, value);
    }

    return rc == 0 ? mxt_cookie_token(in) : MXT_COOKIE_BAD;
}


static int
mxt_cookie_word(mxt_cookie_in_t *in, const char *rest)
{
    while (*rest) {
        if (mxt_cookie_byte(in) != *rest++) {
            return -1;
        }
    }

    return 0;
}


/* as mxt_cookie_value(); where a number ends is only seen behind it */

static int
mxt_cookie_number(mxt_cookie_in_t *in, int ch, mxt_cookie_str_t *value)
{
    unsigned char  *d;

    d = in->text;

    if (ch == '-') {
        *d++ = '-';
        ch = mxt_cookie_byte(in);
    }

    if (ch == '0') {
        *d++ = '0';
        ch = mxt_cookie_byte(in);

    } else {
        ch = mxt_cookie_digits(in, ch, &d);
    }

    if (ch == '.') {
        *d++ = '.';
        ch = mxt_cookie_digits(in, mxt_cookie_byte(in), &d);
    }

    if (ch == 'e' || ch == 'E') {
        *d++ = (unsigned char) ch;
        ch = mxt_cookie_byte(in);

        if (ch == '+' || ch == '-') {
            *d++ = (unsigned char) ch;
            ch = mxt_cookie_byte(in);
        }

        ch = mxt_cookie_digits(in, ch, &d);
    }

    value->data = in->text;
    value->len = (size_t) (d - in->text);

    return ch > ' ' ? ch : mxt_cookie_space(in, ch);
}


/* one digit or more, the first being ch; returns what is behind them */

static int
mxt_cookie_digits(mxt_cookie_in_t *in, int ch, unsigned char **d)
{
    if (ch < '0' || ch > '9') {
        return MXT_COOKIE_BAD;
    }

    do {
        *(*d)++ = (unsigned char) ch;
        ch = mxt_cookie_byte(in);
    } while (ch >= '0' && ch <= '9');

    return ch;
}


/*
 * A string behind its quote: 0, or -1.  It never becomes longer than it was,
 * so scratch, which is as large as the whole text, has room for it.
 */

static int
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


/* the rest of mxt_cookie_token(): ch has been read */

static int
mxt_cookie_space(mxt_cookie_in_t *in, int ch)
{
    while (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r') {
        ch = mxt_cookie_byte(in);
    }

    return ch;
}
