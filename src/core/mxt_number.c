
/*
 * The text of a number as JSON wants it: see mxt_json_number().
 *
 * The invariant: digits are moved, never computed with, so no locale and no
 * rounding comes near them.
 */


#include "mxt_json.h"
#include "mxt_number.h"


#define MXT_NUMBER_MAX        64    /* bytes of input */
#define MXT_NUMBER_INTEGER    19    /* digits of the greatest integer */
#define MXT_NUMBER_EXPONENT   300

/* how many digits an exponent may become, before and behind the point */
#define MXT_NUMBER_PLAIN      18


static size_t mxt_number_power(mxt_number_t *n, const unsigned char *s,
    const unsigned char *last);
static int mxt_number_fits(const mxt_number_t *n);
static size_t mxt_number_write(unsigned char *d, const mxt_number_t *n);
static size_t mxt_number_plain(unsigned char *d, const mxt_number_t *n);
static size_t mxt_number_lead(const mxt_number_t *n, int *lead);
static size_t mxt_number_digits(const unsigned char *s,
    const unsigned char *last);


int
mxt_json_number(mxt_json_t *j, const void *text, size_t len)
{
    mxt_number_t          n;
    unsigned char         buf[MXT_NUMBER_MAX + MXT_NUMBER_PLAIN + 2];
    const unsigned char  *s, *last;

    if (len == 0 || len > MXT_NUMBER_MAX) {
        return -1;
    }

    s = text;
    last = s + len;

    while (s < last && (*s == ' ' || *s == '\t')) {
        s++;
    }

    while (s < last && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    len = (size_t) (last - s);

    if (mxt_number_parse(&n, s, len) != 0) {
        return -1;
    }

    if (n.json && n.exponent == NULL) {
        mxt_json_raw(j, s, len);
        return 0;
    }

    len = n.exponent ? mxt_number_plain(buf, &n) : 0;

    if (len == 0) {
        len = mxt_number_write(buf, &n);
    }

    mxt_json_raw(j, buf, len);

    return 0;
}


int
mxt_number_parse(mxt_number_t *n, const unsigned char *s, size_t len)
{
    size_t                zeros;
    unsigned              point;
    const unsigned char  *last;

    if (len == 0 || len > MXT_NUMBER_MAX) {
        return -1;
    }

    last = s + len;

    n->minus = (*s == '-');
    n->json = (*s != '+');
    s += (*s == '-' || *s == '+');

    n->whole = s;

    while (s < last && *s == '0') {
        s++;
    }

    zeros = (size_t) (s - n->whole);

    n->whole = s;
    n->nwhole = mxt_number_digits(s, last);
    s += n->nwhole;

    point = (s < last && *s == '.');
    s += point;

    n->fraction = s;
    n->nfraction = point ? mxt_number_digits(s, last) : 0;
    s += n->nfraction;

    if (zeros + n->nwhole + n->nfraction == 0) {
        return -1;
    }

    /* "0" and "0.5", but not "00", "05", ".5" or "5." */
    n->json = n->json && (n->nwhole ? zeros == 0 : zeros == 1)
              && (!point || n->nfraction);

    s += mxt_number_power(n, s, last);

    return (s == last && mxt_number_fits(n)) ? 0 : -1;
}


/* The exponent, if a whole one is there; returns its length. */

static size_t
mxt_number_power(mxt_number_t *n, const unsigned char *s,
    const unsigned char *last)
{
    size_t                i, digits;
    unsigned              minus;
    const unsigned char  *p;

    n->exponent = NULL;
    n->nexponent = 0;
    n->power = 0;

    if (s == last || (*s != 'e' && *s != 'E')) {
        return 0;
    }

    p = s + 1;
    minus = (p < last && *p == '-');
    p += (p < last && (*p == '-' || *p == '+'));

    digits = mxt_number_digits(p, last);

    if (digits == 0) {
        return 0;
    }

    /* beyond twice the most no digit matters any more */

    for (i = 0; i < digits && n->power <= 2 * MXT_NUMBER_EXPONENT; i++) {
        n->power = n->power * 10 + (p[i] - '0');
    }

    n->power = minus ? -n->power : n->power;
    n->exponent = s;
    n->nexponent = (size_t) (p - s) + digits;

    return n->nexponent;
}


/* Does a 64-bit integer hold it, or else a double? */

static int
mxt_number_fits(const mxt_number_t *n)
{
    int  lead;

    static const char  most[] = "9223372036854775807";

    if (n->exponent == NULL && n->nfraction == 0) {
        return n->nwhole < MXT_NUMBER_INTEGER
               || (n->nwhole == MXT_NUMBER_INTEGER
                   && memcmp(n->whole, most, MXT_NUMBER_INTEGER) <= 0);
    }

    (void) mxt_number_lead(n, &lead);

    lead += n->power;

    return lead < MXT_NUMBER_EXPONENT && lead >= -MXT_NUMBER_EXPONENT;
}


/* with its exponent, if any, as it came */

static size_t
mxt_number_write(unsigned char *d, const mxt_number_t *n)
{
    unsigned char  *p;

    p = d;

    if (n->minus) {
        *p++ = '-';
    }

    if (n->nwhole == 0) {
        *p++ = '0';
    }

    memcpy(p, n->whole, n->nwhole);
    p += n->nwhole;

    if (n->nfraction) {
        *p++ = '.';
        memcpy(p, n->fraction, n->nfraction);
        p += n->nfraction;
    }

    if (n->exponent) {
        memcpy(p, n->exponent, n->nexponent);
        p += n->nexponent;
    }

    return (size_t) (p - d);
}


/*
 * Without its exponent: 1e+06 is 1000000 and stays an integer to whoever
 * reads it.  Returns 0 if that would take too many zeros.
 */

static size_t
mxt_number_plain(unsigned char *d, const mxt_number_t *n)
{
    int             point;
    size_t          len, whole;
    unsigned char  *p, digits[MXT_NUMBER_MAX];

    len = mxt_number_lead(n, &point);
    point += n->power + 1;

    if (len && (point > MXT_NUMBER_PLAIN || point <= -MXT_NUMBER_PLAIN)) {
        return 0;
    }

    /* the digits from the first that is not 0, which may be a fraction's */

    whole = len < n->nfraction ? 0 : len - n->nfraction;

    memcpy(digits, n->whole, whole);
    memcpy(digits + whole, n->fraction + n->nfraction - (len - whole),
           len - whole);

    p = d;

    if (n->minus) {
        *p++ = '-';
    }

    if (len == 0 || point <= 0) {
        *p++ = '0';
        whole = 0;

    } else {
        whole = (len < (size_t) point) ? len : (size_t) point;

        memcpy(p, digits, whole);
        p += whole;

        memset(p, '0', (size_t) point - whole);
        p += (size_t) point - whole;
    }

    if (len > whole) {
        *p++ = '.';

        if (point < 0) {
            memset(p, '0', (size_t) -point);
            p += -point;
        }

        memcpy(p, digits + whole, len - whole);
        p += len - whole;
    }

    return (size_t) (p - d);
}


/*
 * How many digits there are from the first that is not 0, and the power of
 * ten of that one, the exponent aside; 0 and a lead of 0 if all are.
 */

static size_t
mxt_number_lead(const mxt_number_t *n, int *lead)
{
    size_t  i;

    *lead = 0;

    if (n->nwhole) {
        *lead = (int) n->nwhole - 1;
        return n->nwhole + n->nfraction;
    }

    for (i = 0; i < n->nfraction && n->fraction[i] == '0'; i++) {
        /* void */
    }

    if (i < n->nfraction) {
        *lead = -1 - (int) i;
    }

    return n->nfraction - i;
}


static size_t
mxt_number_digits(const unsigned char *s, const unsigned char *last)
{
    size_t  n;

    n = 0;

    while (s + n < last && s[n] >= '0' && s[n] <= '9') {
        n++;
    }

    return n;
}
