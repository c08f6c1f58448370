
/*
 * Finding a cookie, and those that are a word: see mxt_cookie.h for the
 * promises, and mxt_cookie_sdk.c for the one that is not.
 */


#include <string.h>

#include "mxt_cookie.h"


int
mxt_cookie_find(const void *line, size_t len, size_t *from, const void *name,
    size_t n, mxt_cookie_str_t *value)
{
    const unsigned char  *p, *end, *last;

    if (*from >= len) {
        return 0;
    }

    p = (const unsigned char *) line + *from;
    last = (const unsigned char *) line + len;

    for ( ;; ) {

        while (p < last && *p == ' ') {
            p++;
        }

        end = memchr(p, ';', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) > n && p[n] == '=' && memcmp(p, name, n) == 0) {
            p += n + 1;
            value->data = p;
            value->len = (size_t) (end - p);
            *from = (size_t) (end - (const unsigned char *) line);
            return 1;
        }

        if (end == last) {
            *from = len;
            return 0;
        }

        p = end + 1;
    }
}


int
mxt_cookie_opted_out(const mxt_cookie_str_t *opt,
    const mxt_cookie_str_t *legacy)
{
    switch (mxt_cookie_opt(opt->data, opt->len)) {

    case MXT_COOKIE_OPT_OUT:
        return 1;

    case MXT_COOKIE_OPT_IN:
        return 0;

    default:
        return legacy->len != 0;
    }
}


mxt_cookie_opt_e
mxt_cookie_opt(const void *s, size_t len)
{
    const unsigned char  *p;

    p = s;

    /* the SDK decodes it as any other: "0" may be "%30" */

    if (len == 3 && p[0] == '%' && p[1] == '3') {
        p += 2;
        len = 1;
    }

    if (len == 1 && *p == '0') {
        return MXT_COOKIE_OPT_OUT;
    }

    if (len == 1 && *p == '1') {
        return MXT_COOKIE_OPT_IN;
    }

    return MXT_COOKIE_OPT_NONE;
}


int
mxt_cookie_objects(const void *s, size_t len)
{
    return len == 1 && *(const unsigned char *) s == '1';
}


void
mxt_uuid_format(unsigned char *dst, const unsigned char *random)
{
    unsigned       i;
    unsigned char  byte;

    static const unsigned char  hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {

        byte = random[i];

        if (i == 6) {
            byte = 0x40 | (byte & 0x0f);

        } else if (i == 8) {
            byte = 0x80 | (byte & 0x3f);
        }

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *dst++ = '-';
        }

        *dst++ = hex[byte >> 4];
        *dst++ = hex[byte & 0x0f];
    }
}


int
mxt_uuid_valid(const void *s, size_t len)
{
    unsigned              i, ok;
    const unsigned char  *p;

    if (len != MXT_UUID_LEN) {
        return 0;
    }

    p = s;

    for (i = 0; i < MXT_UUID_LEN; i++) {

        switch (i) {

        case 8:
        case 13:
        case 18:
        case 23:
            ok = p[i] == '-';
            break;

        case 14:
            ok = p[i] == '4';
            break;

        case 19:
            ok = p[i] == '8' || p[i] == '9' || p[i] == 'a' || p[i] == 'b';
            break;

        default:
            ok = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f');
        }

        if (!ok) {
            return 0;
        }
    }

    return 1;
}
