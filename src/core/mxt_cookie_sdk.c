
/*
 * The SDK's cookie, decoded and parsed in one pass: see mxt_cookie.h for the
 * promises.
 *
 * The invariant: a byte is never less than 0; the end and a malformed
 * sequence are, so neither is ever taken for what should be there.
 */


#include <stdint.h>
#include <string.h>

#include "mxt_cookie.h"
#include "mxt_cookie_text.h"


#define mxt_bit(key)     (1u << MXT_COOKIE_##key)
#define mxt_text(s)      { (const unsigned char *) s, sizeof(s) - 1 }


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


/* the rest of mxt_cookie_token(): ch has been read */

static int
mxt_cookie_space(mxt_cookie_in_t *in, int ch)
{
    while (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r') {
        ch = mxt_cookie_byte(in);
    }

    return ch;
}
