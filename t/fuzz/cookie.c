/* link: src/core/mxt_cookie.c src/core/mxt_cookie_sdk.c src/core/mxt_cookie_text.c */

/*
 * Fuzzes the reading of cookies.  The first byte of the input says what the
 * rest is:
 *
 *   j  a JSON text, which is percent-encoded before it is read
 *   f  a cookie's name, a line break, and a Cookie header to find it in
 *   _  (any other) the value of the SDK's cookie
 *
 * jansson says what that value is: what is taken is an object to it, with the
 * same values; and what is an object to it, has no key twice and is not too
 * deep, is taken.  A known key that is there twice is left to the unit test.
 * Where else the two may differ is told in fuzz_load().  The reference for
 * finding is the SDK's rule, step by step.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mxt_cookie.h"


#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void *
fuzz_copy(const void *s, size_t n)
{
    void  *p;

    p = malloc(n ? n : 1);

    if (n) {
        memcpy(p, s, n);
    }

    return p;
}


static int
fuzz_digit(int ch)
{
    const char  *p, *hex = "00112233445566778899AaBbCcDdEeFf";

    p = ch ? strchr(hex, ch) : NULL;

    return p ? (int) (p - hex) / 2 : -1;
}


/* percent-decodes n bytes; -1 if they are malformed */

static ssize_t
fuzz_decode(char *dst, const uint8_t *s, size_t n)
{
    char    *d;
    size_t   i;

    d = dst;

    for (i = 0; i < n; i++) {

        if (s[i] != '%') {
            *d++ = (char) s[i];
            continue;
        }

        if (n - i < 3 || fuzz_digit(s[i + 1]) < 0 || fuzz_digit(s[i + 2]) < 0)
        {
            return -1;
        }

        *d++ = (char) (fuzz_digit(s[i + 1]) * 16 + fuzz_digit(s[i + 2]));
        i += 2;
    }

    return d - dst;
}


/* as encodeURIComponent() does it; returns what is behind it */

static uint8_t *
fuzz_encode(uint8_t *d, const uint8_t *s, size_t n)
{
    for ( /* void */ ; n; n--, s++) {

        if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z')
            || (*s >= 'a' && *s <= 'z') || (*s && strchr("-_.!~*'()", *s)))
        {
            *d++ = *s;
            continue;
        }

        *d++ = '%';
        *d++ = (uint8_t) "0123456789ABCDEF"[*s >> 4];
        *d++ = (uint8_t) "0123456789ABCDEF"[*s & 15];
    }

    return d;
}


/* what \uXXXX at s, of n bytes, stands for; -1 if it is none */

static int
fuzz_unit(const char *s, size_t n)
{
    int     unit;
    size_t  i;

    if (n < 6 || s[0] != '\\' || s[1] != 'u') {
        return -1;
    }

    unit = 0;

    for (i = 2; i < 6; i++) {

        if (fuzz_digit(s[i]) < 0) {
            return -1;
        }

        unit = unit * 16 + fuzz_digit(s[i]);
    }

    return unit;
}


/* writes U+FFFD over each \uXXXX that is half a surrogate pair */

static void
fuzz_mend(char *s, size_t n)
{
    int     unit, next;
    size_t  i;

    for (i = 0; i < n; i++) {

        if (s[i] != '\\') {
            continue;
        }

        unit = fuzz_unit(s + i, n - i);

        if (unit < 0) {
            i++;
            continue;
        }

        if (unit >= 0xd800 && unit <= 0xdfff) {

            next = n - i > 6 ? fuzz_unit(s + i + 6, n - i - 6) : -1;

            if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
                i += 6;

            } else {
                memcpy(s + i + 2, "fffd", 4);
            }
        }

        i += 5;
    }
}


static unsigned
fuzz_depth(json_t *v)
{
    size_t       i;
    json_t      *member;
    unsigned     depth, max;
    const char  *key;

    if (!json_is_object(v) && !json_is_array(v)) {
        return 0;
    }

    max = 0;

    if (json_is_object(v)) {
        json_object_foreach(v, key, member) {
            depth = fuzz_depth(member);
            max = depth > max ? depth : max;
        }

    } else {
        json_array_foreach(v, i, member) {
            depth = fuzz_depth(member);
            max = depth > max ? depth : max;
        }
    }

    return max + 1;
}


/*
 * What jansson makes of the value.  It takes no number beyond a double's
 * range and no "\u0000" in a key, both of which are valid JSON: *same is 0
 * then, and nothing is known.  It overlooks a NUL behind a number, which is
 * not.
 */

static json_t *
fuzz_load(const uint8_t *s, size_t n, size_t flags, int *same)
{
    char          *text;
    json_t        *root;
    ssize_t        len;
    json_error_t   error;

    *same = 1;

    text = malloc(n + 1);
    len = fuzz_decode(text, s, n);
    root = NULL;

    if (len >= 0 && memchr(text, '\0', (size_t) len) == NULL) {
        fuzz_mend(text, (size_t) len);

        root = json_loadb(text, (size_t) len,
                          flags | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
                          &error);

        if (root == NULL) {
            *same = json_error_code(&error) != json_error_numeric_overflow
                    && json_error_code(&error)
                       != json_error_null_byte_in_key;
        }
    }

    free(text);

    return root;
}


static void
fuzz_compare(const mxt_cookie_str_t *s, json_t *v)
{
    char    *text, *end;
    double   number;

    if (json_is_string(v)) {
        check(s->len == json_string_length(v));
        check(s->len == 0
              || memcmp(s->data, json_string_value(v), s->len) == 0);

    } else if (json_is_real(v)) {
        check(s->len);

        text = malloc(s->len + 1);
        memcpy(text, s->data, s->len);
        text[s->len] = '\0';

        number = strtod(text, &end);
        check(*end == '\0' && number == json_real_value(v));

        free(text);

    } else {
        check(s->len == 0);
    }
}


static void
fuzz_value(const uint8_t *data, size_t size)
{
    int             rc, same;
    json_t         *root;
    size_t          n;
    uint8_t        *s, *scratch;
    unsigned        i;
    mxt_cookie_t    c;

    s = fuzz_copy(data, size);
    scratch = malloc(size ? size : 1);

    memset(&c, 0xff, sizeof(c));
    rc = mxt_cookie_parse(&c, s, size, scratch);

    if (rc == 0) {
        check(size <= MXT_COOKIE_MAX);

        root = fuzz_load(s, size, 0, &same);
        check(root || !same);
        check(root == NULL || json_is_object(root));

        for (i = 0; i < MXT_COOKIE_KEYS; i++) {

            check(c.value[i].len == 0
                  || (c.value[i].data >= scratch && c.value[i].len <= size
                      && (size_t) (c.value[i].data - scratch)
                         <= size - c.value[i].len));

            if (root) {
                fuzz_compare(&c.value[i],
                             json_object_get(root, (const char *)
                                             mxt_cookie_names[i].data));
            }
        }

    } else {
        check(rc == -1);

        for (i = 0; i < MXT_COOKIE_KEYS; i++) {
            check(c.value[i].len == 0 && c.value[i].data == NULL);
        }

        root = fuzz_load(s, size, JSON_REJECT_DUPLICATES, &same);

        check(!json_is_object(root) || fuzz_depth(root) > MXT_COOKIE_DEPTH
              || size > MXT_COOKIE_MAX);
    }

    json_decref(root);

    /* cut somewhere, it is for the sanitizers to find a byte too far */

    if (size) {
        n = size * data[size / 2] / 256;

        free(s);
        s = fuzz_copy(data, n);

        scratch = realloc(scratch, n ? n : 1);
        mxt_cookie_parse(&c, s, n, scratch);
    }

    free(s);
    free(scratch);
}


/*
 * The SDK's rule: split at each ";", drop the spaces in front of a part, and
 * take the first that begins with the name and "=".
 */

static void
fuzz_find(const uint8_t *data, size_t size)
{
    char              *name, *line;
    size_t             n, len, i, end, from;
    const uint8_t     *brk;
    mxt_cookie_str_t   value;

    brk = size ? memchr(data, '\n', size) : NULL;

    if (brk == NULL || brk == data) {
        return;
    }

    n = (size_t) (brk - data);
    len = size - n - 1;

    name = fuzz_copy(data, n);
    line = fuzz_copy(brk + 1, len);
    from = 0;

    for (i = 0; i < len; i = end + 1) {

        for (end = i; end < len && line[end] != ';'; end++) { /* void */ }

        while (i < end && line[i] == ' ') {
            i++;
        }

        if (end - i < n + 1 || memcmp(line + i, name, n)
            || line[i + n] != '=')
        {
            continue;
        }

        check(mxt_cookie_find(line, len, &from, name, n, &value) == 1);
        check(value.data == (unsigned char *) line + i + n + 1);
        check(value.len == end - i - n - 1);
        check(from == end);

        /* whatever it is */
        mxt_cookie_opt(value.data, value.len);
        mxt_cookie_objects(value.data, value.len);
        mxt_uuid_valid(value.data, value.len);
    }

    check(mxt_cookie_find(line, len, &from, name, n, &value) == 0);
    check(from == len);
    check(mxt_cookie_find(line, len, &from, name, n, &value) == 0);

    free(name);
    free(line);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *encoded, *end;

    if (size == 0) {
        return 0;
    }

    switch (data[0]) {

    case 'j':
        encoded = malloc(3 * size);
        end = fuzz_encode(encoded, data + 1, size - 1);
        fuzz_value(encoded, (size_t) (end - encoded));
        free(encoded);
        break;

    case 'f':
        fuzz_find(data + 1, size - 1);
        break;

    default:
        fuzz_value(data + 1, size - 1);
        break;
    }

    return 0;
}
