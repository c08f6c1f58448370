
/*
 * The text of a number as JSON wants it: see mxt_json_number().
 *
 * The invariant: digits are moved, never computed with, so no locale and no
 * rounding comes near them.
 */


#include "mxt_json.h"


#define MXT_JSON_NUMBER_MAX   64    /* bytes of input */
#define MXT_JSON_INTEGER_MAX  18    /* digits */
#define MXT_JSON_EXPONENT_MAX 300


static size_t mxt_json_mend(unsigned char *d, const unsigned char *s,
    const unsigned char *last);


int
mxt_json_number(mxt_json_t *j, const void *text, size_t len)
{
    size_t                n;
    unsigned char         buf[MXT_JSON_NUMBER_MAX + 1];
    const unsigned char  *s, *last;

    if (len == 0 || len > MXT_JSON_NUMBER_MAX) {
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

    n = mxt_json_mend(buf, s, last);

    if (n == 0) {
        return -1;
    }

    mxt_json_raw(j, buf, n);

    return 0;
}


/*
 * A number as JSON wants it, at most one byte longer than the text; returns
 * the length, 0 if it is none.
 */

static size_t
mxt_json_mend(unsigned char *d, const unsigned char *s,
    const unsigned char *last)
{
    int                   exp, lead, minus;
    size_t                whole;
    unsigned              zero, integer;
    unsigned char        *p;
    const unsigned char  *digits;

    p = d;

    if (s < last && (*s == '-' || *s == '+')) {
        if (*s == '-') {
            *p++ = '-';
        }

        s++;
    }

    digits = s;

    while (s < last && *s == '0') {
        s++;
    }

    whole = 0;

    while (s < last && *s >= '0' && *s <= '9') {
        *p++ = *s++;
        whole++;
    }

    /* the power of ten of the first digit that is not 0 */
    lead = (int) whole - 1;
    zero = (whole == 0);
    integer = 1;

    if (zero) {
        *p++ = '0';
    }

    if (s < last && *s == '.') {

        if (s == digits) {
            digits++;
        }

        s++;

        if (s < last && *s >= '0' && *s <= '9') {
            *p++ = '.';
            integer = 0;
        }

        while (s < last && *s >= '0' && *s <= '9') {

            if (zero) {
                if (*s == '0') {
                    lead--;

                } else {
                    zero = 0;
                }
            }

            *p++ = *s++;
        }
    }

    if (s == digits) {
        return 0;
    }

    exp = 0;

    if (s < last && (*s == 'e' || *s == 'E')) {

        integer = 0;
        minus = 0;
        *p++ = *s++;

        if (s < last && (*s == '-' || *s == '+')) {
            minus = (*s == '-');
            *p++ = *s++;
        }

        if (s == last) {
            return 0;
        }

        while (s < last && *s >= '0' && *s <= '9') {

            if (exp <= 2 * MXT_JSON_EXPONENT_MAX) {
                exp = exp * 10 + (*s - '0');
            }

            *p++ = *s++;
        }

        if (minus) {
            exp = -exp;
        }
    }

    if (s != last || (integer && whole > MXT_JSON_INTEGER_MAX)) {
        return 0;
    }

    exp += zero ? 0 : lead;

    if (exp >= MXT_JSON_EXPONENT_MAX || exp < -MXT_JSON_EXPONENT_MAX) {
        return 0;
    }

    return (size_t) (p - d);
}
