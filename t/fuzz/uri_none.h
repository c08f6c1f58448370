
/*
 * What must not be in a URL that was written, for its fuzzer, and by means
 * other than the module's own: the text is cut into arguments at every mark
 * there is, their names decoded and reduced one by one, and compared with all
 * names.  Whoever includes this has set FUZZ_NAME, the longest text.
 */


#ifndef MXT_URI_NONE_H
#define MXT_URI_NONE_H


#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/mxt_redact.h"


#define FUZZ_NAMES  128
#define FUZZ_DEPTH  3

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


typedef struct {
    unsigned char  *data;
    size_t          len;
    unsigned        cut;
} fuzz_text_t;


/* NUL is none of them */

static int
fuzz_is(int c, const char *bytes)
{
    return c != '\0' && strchr(bytes, c) != NULL;
}


/* the name's letters and digits, all or those of its last part */

static size_t
fuzz_letters(char *d, const char *s, size_t n)
{
    size_t  i, k;

    for (i = 0, k = 0; i < n; i++) {

        if (s[i] >= 'A' && s[i] <= 'Z') {
            d[k++] = (char) (s[i] + 32);

        } else if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9')
                   || (s[i] & 0x80))
        {
            d[k++] = s[i];
        }
    }

    d[k] = '\0';

    return k;
}


static int
fuzz_listed(const char *s, size_t n)
{
    char    name[FUZZ_NAME];
    size_t  i, k, len;

    static char    want[FUZZ_NAMES][FUZZ_NAME];
    static size_t  size[FUZZ_NAMES];

    len = fuzz_letters(name, s, n);

    for (i = 0; mxt_redact_default[i]; i++) {

        if (size[i] == 0) {
            size[i] = fuzz_letters(want[i], mxt_redact_default[i],
                                   strlen(mxt_redact_default[i]));
        }

        k = size[i];

        if ((len == k || (len > k && mxt_redact_default[i][0] == '*'))
            && memcmp(name + len - k, want[i], k) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
fuzz_hidden(const unsigned char *s, size_t n)
{
    char    name[FUZZ_NAME], hex[3];
    size_t  i, k, from;
    int     is;

    hex[2] = '\0';

    for (i = 0, k = 0; i < n; i++) {

        name[k] = (char) (s[i] == '+' ? ' ' : s[i]);

        if (s[i] == '%' && n - i > 2 && isxdigit(s[i + 1])
            && isxdigit(s[i + 2]))
        {
            hex[0] = (char) s[i + 1];
            hex[1] = (char) s[i + 2];
            name[k] = (char) strtoul(hex, NULL, 16);
            i += 2;
        }

        k++;
    }

    is = fuzz_listed(name, k);

    for (i = 0, from = 0; i <= k; i++) {
        if (i == k
            || fuzz_is(name[i], "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"))
        {
            is |= fuzz_listed(name + from, i - from);
            from = i + 1;
        }
    }

    return is;
}


/* the end of the last mark in a name that is encoded, however often */

static const unsigned char *
fuzz_marked(const unsigned char *p, const unsigned char *last)
{
    char                  hex[3];
    const unsigned char  *q, *end;

    hex[2] = '\0';

    for (end = p; p < last; p++) {

        if (*p != '%') {
            continue;
        }

        for (q = p + 1; last - q >= 2 && memcmp(q, "25", 2) == 0; q += 2);

        if (last - q >= 2 && isxdigit(q[0]) && isxdigit(q[1])) {
            memcpy(hex, q, 2);

            if (fuzz_is((int) strtol(hex, NULL, 16), "&;?#/=")) {
                end = q + 2;
            }
        }
    }

    return end;
}


/* a scheme is no name, nor is it one with an encoded "=" */

static size_t
fuzz_scheme(const fuzz_text_t *t)
{
    size_t  i, k;

    for (i = 0; i < t->len && !fuzz_is(t->data[i], "/?#@[=&;:"); i++) {

        for (k = i + 1;
             t->data[i] == '%' && k + 2 < t->len
             && memcmp(t->data + k, "25", 2) == 0;
             k += 2);

        if (t->data[i] == '%' && t->len - i > 2 && k + 2 <= t->len
            && t->data[k] == '3' && (t->data[k + 1] | 0x20) == 'd')
        {
            return 0;
        }
    }

    return (i < t->len && t->data[i] == ':') ? i + 1 : 0;
}


/* no name of the list has a value that is not the word; inner: a name begins
 * behind encoded marks, too */

static void
fuzz_none(const fuzz_text_t *t, unsigned inner)
{
    size_t                n;
    const unsigned char  *p, *from, *last, *end;

    from = t->data;
    last = from + t->len;

    if (!inner) {
        from += fuzz_scheme(t);
    }

    for (p = from; p < last; p++) {

        if (!fuzz_is(*p, "&;?#/=")) {
            continue;
        }

        if (*p == '=' && inner) {
            from = fuzz_marked(from, p);
        }

        if (*p == '=' && fuzz_hidden(from, (size_t) (p - from))) {

            for (end = p + 1; end < last && !fuzz_is(*end, "&?#"); end++);

            n = (size_t) (end - p) - 1;

            check(n == 0
                  || (n == sizeof(MXT_REDACT_WORD) - 1
                      || (end == last && t->cut
                          && n < sizeof(MXT_REDACT_WORD))));
            check(memcmp(p + 1, MXT_REDACT_WORD, n) == 0);
        }

        from = p + 1;
    }
}


/* what is decoded as often as it goes is what it is when decoded at once; it
 * may be otherwise if an escape is made of others ("%%33d", "%25%33d") */

static int
fuzz_odd(const fuzz_text_t *t)
{
    size_t  i, k;
    char    hex[3];
    long    c;

    hex[2] = '\0';

    for (i = 0; i < t->len; i++) {

        if (t->data[i] != '%') {
            continue;
        }

        for (k = i + 1;
             k + 1 < t->len && t->data[k] == '2' && t->data[k + 1] == '5';
             k += 2);

        if ((k < t->len && t->data[k] == '%')
            || (k + 1 < t->len && t->data[k + 1] == '%'))
        {
            return 1;
        }

        if (k < i + 5 || k + 1 >= t->len || !isxdigit(t->data[k])
            || !isxdigit(t->data[k + 1]))
        {
            continue;
        }

        /* or of a name's letters: "%2525bearer" has a reading between that
         * after the first decoding and that after the last */

        hex[0] = (char) t->data[k];
        hex[1] = (char) t->data[k + 1];
        c = strtol(hex, NULL, 16);

        if (c >= 0x80 || isalnum((int) c)) {
            return 1;
        }
    }

    return 0;
}


static void
fuzz_decode(fuzz_text_t *t)
{
    size_t  i, n;
    char    hex[3];

    hex[2] = '\0';

    for (i = 0, n = 0; i < t->len; i++, n++) {

        t->data[n] = t->data[i];

        if (t->data[i] == '%' && t->len - i > 2 && isxdigit(t->data[i + 1])
            && isxdigit(t->data[i + 2]))
        {
            hex[0] = (char) t->data[i + 1];
            hex[1] = (char) t->data[i + 2];
            t->data[n] = (unsigned char) strtoul(hex, NULL, 16);
            i += 2;

            /* only one that was never encoded is a space */
            if (t->data[n] == '+') {
                t->data[n] = ',';
            }
        }
    }

    t->len = n;
}


/* nor has any argument that is in another one's value, decoded */

static void
fuzz_none_within(const fuzz_text_t *t)
{
    size_t       n;
    unsigned     i;
    fuzz_text_t  inner;

    fuzz_none(t, 0);

    if (t->cut || fuzz_odd(t)) {
        return;
    }

    n = fuzz_scheme(t);
    inner.cut = 0;
    inner.len = t->len - n;
    inner.data = malloc(t->len ? t->len : 1);
    memcpy(inner.data, t->data + n, inner.len);

    for (i = 0; i < FUZZ_DEPTH; i++) {
        fuzz_decode(&inner);
        fuzz_none(&inner, 1);
    }

    free(inner.data);
}


#endif /* MXT_URI_NONE_H */
