
/*
 * What the JSON writer should have done, for its unit test and its fuzzer:
 * byte by byte, and by other means than the writer's own (a sequence is
 * judged by the range of code points it may still become, a number by
 * strtod).
 */


#ifndef MXT_JSON_REF_H
#define MXT_JSON_REF_H


#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    int        valid;       /* -1: too near a limit to tell */
    int        integer;
    int        exponent;    /* has one, which may make an integer of it */
    double     real;
    long long  whole;
} ref_number_t;


/* The bytes of the sequence s begins, by its first byte; 0 if none. */

static size_t
ref_size(unsigned char c)
{
    if ((c & 0x80) == 0) {
        return 1;
    }

    if ((c & 0xe0) == 0xc0) {
        return 2;
    }

    if ((c & 0xf0) == 0xe0) {
        return 3;
    }

    return (c & 0xf8) == 0xf0 ? 4 : 0;
}


/* May the k bytes at s become, or are they, a character? */

static int
ref_possible(const unsigned char *s, size_t k)
{
    size_t         i, size;
    unsigned long  low, high, min, max;

    size = ref_size(s[0]);

    if (size == 0 || k > size) {
        return 0;
    }

    low = (size == 1) ? s[0] : s[0] & (0x7fu >> size);
    high = low;

    for (i = 1; i < size; i++) {

        if (i < k && (s[i] & 0xc0) != 0x80) {
            return 0;
        }

        low = low << 6 | (i < k ? s[i] & 0x3fu : 0);
        high = high << 6 | (i < k ? s[i] & 0x3fu : 0x3f);
    }

    min = (size == 1) ? 0 : (size == 2) ? 0x80 : (size == 3) ? 0x800 : 0x10000;
    max = (size == 1) ? 0x7f : (size == 2) ? 0x7ff : (size == 3) ? 0xffff
                                                                : 0x10ffff;

    if (high < min || low > max) {
        return 0;
    }

    return !(low >= 0xd800 && high <= 0xdfff);
}


/*
 * What a reader of the string gets; out has room for 3 * n.  *left and *cut
 * as of mxt_json_text().
 */

static size_t
ref_repair(unsigned char *out, const unsigned char *s, size_t n,
    unsigned *left, unsigned *cut)
{
    size_t                i, k, len, size;
    const unsigned char  *from;

    *cut = 0;
    len = 0;

    for (i = 0; i < n; i += k) {

        for (k = 0; i + k < n && ref_possible(s + i, k + 1); k++);

        if (k && k == ref_size(s[i])) {
            from = s + i;
            size = k;

        } else {
            from = (const unsigned char *) "\xef\xbf\xbd";
            size = 3;
            k = k ? k : 1;
        }

        if (*left < size) {
            *left = 0;
            *cut = 1;
            break;
        }

        *left -= (unsigned) size;
        memcpy(out + len, from, size);
        len += size;
    }

    return len;
}


/* How that is written; out has room for 6 * n + 1. */

static size_t
ref_escape(char *out, const unsigned char *s, size_t n)
{
    char        *p;
    size_t       i;
    const char  *e;

    static const char  plain[] = "\"\\\b\f\n\r\t";
    static const char  escaped[] = "\"\\bfnrt";

    p = out;

    for (i = 0; i < n; i++) {

        e = s[i] ? strchr(plain, s[i]) : NULL;

        if (e) {
            *p++ = '\\';
            *p++ = escaped[e - plain];

        } else if (s[i] < 0x20) {
            p += snprintf(p, 7, "\\u%04x", s[i]);

        } else {
            *p++ = (char) s[i];
        }
    }

    return (size_t) (p - out);
}


static __attribute__((unused)) ref_number_t
ref_number(const char *s, size_t n)
{
    char          buf[128], *end, *e, *p;
    size_t        i;
    double        size;
    ref_number_t  r;

    memset(&r, 0, sizeof(r));

    if (n > 64) {
        return r;
    }

    while (n && strchr(" \t", s[0]) && s[0]) {
        s++;
        n--;
    }

    while (n && strchr(" \t", s[n - 1]) && s[n - 1]) {
        n--;
    }

    for (i = 0; i < n; i++) {
        if (s[i] == '\0' || strchr("0123456789+-.eE", s[i]) == NULL) {
            return r;
        }

        buf[i] = s[i];
    }

    buf[n] = '\0';

    r.real = strtod(buf, &end);

    if (n == 0 || *end != '\0') {
        return r;
    }

    e = strpbrk(buf, "eE");
    r.exponent = (e != NULL);
    p = strchr(buf, '.');

    r.integer = (e == NULL && (p == NULL || p[1] == '\0'));

    if (r.integer) {
        errno = 0;
        r.whole = strtoll(buf, NULL, 10);
        r.valid = (errno == 0 && r.whole != LLONG_MIN);
        return r;
    }

    size = fabs(r.real);

    if (strcspn(buf, "123456789") >= (e ? (size_t) (e - buf) : n)) {
        r.valid = (e == NULL || labs(strtol(e + 1, NULL, 10)) < 300
                   || strtol(e + 1, NULL, 10) == -300);

    } else if ((size > 0.999999e300 && size < 1.000001e300)
               || (size > 0.999999e-300 && size < 1.000001e-300))
    {
        r.valid = -1;

    } else {
        r.valid = (size < 1e300 && size > 1e-300);
    }

    return r;
}


#endif /* MXT_JSON_REF_H */
