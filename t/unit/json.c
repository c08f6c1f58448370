
/*
 * The JSON writer by itself.  Buffers and inputs lie in allocations of
 * their exact size, for the sanitizers to see a byte too far.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tap.h"
#include "json_ref.h"

#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_number.c"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define S(s)        s, sizeof(s) - 1
#define BAD         "\xef\xbf\xbd"


typedef struct {
    unsigned char  *buf;
    mxt_json_t      json;
} test_buf_t;


static uint64_t  seed = 88172645463325252ULL;


static uint64_t
rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static mxt_json_t *
buf_new(test_buf_t *b, size_t size)
{
    b->buf = malloc(size);

    mxt_json_init(&b->json, b->buf, size);

    return &b->json;
}


static void
buf_free(test_buf_t *b)
{
    free(b->buf);
}


static size_t
written(mxt_json_t *j)
{
    return (size_t) (j->pos - j->start);
}


static void *
copy(const void *s, size_t n)
{
    void  *p;

    p = malloc(n ? n : 1);

    if (n) {
        memcpy(p, s, n);
    }

    return p;
}


/* does mxt_json_text() do with s what the reference does? */

static int
same(const void *s, size_t n, unsigned limit)
{
    int             ok;
    char           *out;
    void           *p;
    size_t          len, size;
    unsigned        left, cut, left_ref, cut_ref;
    test_buf_t      b;
    mxt_json_t     *j;
    unsigned char  *text;

    text = malloc(3 * n + 1);
    out = malloc(18 * n + 1);

    left_ref = limit;
    len = ref_repair(text, s, n, &left_ref, &cut_ref);
    size = ref_escape(out, text, len);

    p = copy(s, n);
    j = buf_new(&b, size);
    left = limit;

    cut = mxt_json_text(j, p, n, &left);

    ok = !j->overflow && written(j) == size && cut == cut_ref
         && left == left_ref && (size == 0 || memcmp(b.buf, out, size) == 0);

    if (!ok) {
        tap_diag("text of %zu bytes, limit %u: got %zu bytes, cut %u, "
                 "left %u, overflow %u; expected %zu, %u, %u",
                 n, limit, written(j), cut, left, j->overflow, size, cut_ref,
                 left_ref);
    }

    buf_free(&b);
    free(p);
    free(text);
    free(out);

    return ok;
}


static void
test_text_table(void)
{
    size_t       i;
    unsigned     left, cut;
    test_buf_t   b;
    mxt_json_t  *j;

    static const struct {
        const char  *name;
        const char  *in;
        size_t       len;
        const char  *want;
    } table[] = {
        { "empty", S(""), "" },
        { "plain", S("GET /index.html"), "GET /index.html" },
        { "the seven short escapes", S("\"\\\b\f\n\r\t"),
          "\\\"\\\\\\b\\f\\n\\r\\t" },
        { "slash and delete go raw", S("/\x7f"), "/\x7f" },
        { "control bytes", S("\x01\x0b\x1f"), "\\u0001\\u000b\\u001f" },
        { "nul", S("a\0b"), "a\\u0000b" },
        { "2, 3 and 4 bytes", S("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
          "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "U+0080", S("\xc2\x80"), "\xc2\x80" },
        { "U+07FF", S("\xdf\xbf"), "\xdf\xbf" },
        { "U+0800", S("\xe0\xa0\x80"), "\xe0\xa0\x80" },
        { "U+D7FF", S("\xed\x9f\xbf"), "\xed\x9f\xbf" },
        { "U+E000", S("\xee\x80\x80"), "\xee\x80\x80" },
        { "U+FFFF", S("\xef\xbf\xbf"), "\xef\xbf\xbf" },
        { "U+10000", S("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80" },
        { "U+10FFFF", S("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
        { "U+110000", S("\xf4\x90\x80\x80"), BAD BAD BAD BAD },
        { "surrogate U+D800", S("\xed\xa0\x80"), BAD BAD BAD },
        { "surrogate U+DFFF", S("\xed\xbf\xbf"), BAD BAD BAD },
        { "a pair of surrogates", S("\xed\xa0\xbd\xed\xb8\x80"),
          BAD BAD BAD BAD BAD BAD },
        { "overlong slash of 2", S("\xc0\xaf"), BAD BAD },
        { "overlong slash of 3", S("\xe0\x80\xaf"), BAD BAD BAD },
        { "overlong slash of 4", S("\xf0\x80\x80\xaf"), BAD BAD BAD BAD },
        { "overlong U+07FF", S("\xe0\x9f\xbf"), BAD BAD BAD },
        { "overlong U+FFFF", S("\xf0\x8f\xbf\xbf"), BAD BAD BAD BAD },
        { "five bytes", S("\xf8\x88\x80\x80\x80"), BAD BAD BAD BAD BAD },
        { "lone continuation", S("a\x80z"), "a" BAD "z" },
        { "truncated 2", S("\xc3"), BAD },
        { "truncated 3 of 2", S("\xe2\x82"), BAD },
        { "truncated 4 of 3", S("\xf0\x9f\x98"), BAD },
        { "truncated, then text", S("\xf0\x9f\x98z"), BAD "z" },
        { "truncated, then a character", S("\xe2\x82\xc3\xa9"),
          BAD "\xc3\xa9" },
        { "truncated, then a quote", S("\xe2\x82\""), BAD "\\\"" },
        { "the standard's table 3-8",
          S("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
          BAD BAD BAD BAD BAD BAD BAD BAD "A" },
        { "the standard's table 3-9",
          S("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
          BAD BAD BAD BAD BAD BAD BAD BAD "A" },
        { "the standard's table 3-10",
          S("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
          BAD BAD BAD BAD BAD "A" BAD BAD "B" },
        { "the standard's table 3-11",
          S("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
          BAD BAD BAD BAD "A" },
    };

    for (i = 0; i < countof(table); i++) {
        j = buf_new(&b, 6 * table[i].len + 16);
        left = 255;

        cut = mxt_json_text(j, table[i].in, table[i].len, &left);

        tap_is_str(b.buf, written(j), table[i].want, table[i].name);

        if (cut || j->overflow || !same(table[i].in, table[i].len, 255)) {
            tap_ok(0, "%s: not as the reference", table[i].name);
        }

        buf_free(&b);
    }

    j = buf_new(&b, 0);
    left = 7;

    tap_ok(mxt_json_text(j, NULL, 0, &left) == 0 && left == 7
           && !j->overflow, "no text at all");

    left = 0;

    tap_ok(mxt_json_text(j, NULL, 0, &left) == 0,
           "no text is not cut by a limit of 0");

    tap_ok(mxt_json_text(j, "a", 1, &left) == 1 && left == 0 && !j->overflow,
           "a text is, and needs no room");

    buf_free(&b);
}


static void
test_text_bytes(void)
{
    size_t         n, i, pad, tail;
    unsigned       a, c, d, failed;
    unsigned char  s[128];

    static const size_t         pads[] = { 0, 3, 7, 15 };
    static const size_t         tails[] = { 0, 2, 9 };
    static const unsigned char  leads[] = {
        0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5
    };
    static const unsigned char  some[] =
        "ab\"\\\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x01\xc3\xa9";

    /* a byte anywhere among others, so in each step of the fast paths */

    failed = 0;

    for (a = 0; a < 256; a++) {
        for (n = 1; n <= 50; n++) {
            for (i = 0; i < n; i++) {
                memset(s, 'x', n);
                s[i] = (unsigned char) a;
                failed += !same(s, n, 255);
            }
        }
    }

    tap_is_u64(failed, 0, "every byte, everywhere in up to 50");

    failed = 0;

    for (n = 1; n <= 40; n++) {
        for (i = 0; i < n * n; i++) {
            memset(s, '~', n);
            s[i / n] = '"';
            s[i % n] = 0x1f;
            failed += !same(s, n, 255);
        }
    }

    tap_is_u64(failed, 0, "two bytes to escape, everywhere in up to 40");

    failed = 0;

    for (a = 0; a < 65536; a++) {
        for (pad = 0; pad < countof(pads); pad++) {
            for (tail = 0; tail < countof(tails); tail++) {
                n = pads[pad] + 2 + tails[tail];
                memset(s, ' ', n);
                s[pads[pad]] = (unsigned char) (a >> 8);
                s[pads[pad] + 1] = (unsigned char) a;
                failed += !same(s, n, 255);
            }
        }
    }

    tap_is_u64(failed, 0, "every two bytes");

    failed = 0;

    for (a = 0; a < countof(leads); a++) {
        for (c = 0; c < 65536; c++) {
            s[0] = leads[a];
            s[1] = (unsigned char) (c >> 8);
            s[2] = (unsigned char) c;
            failed += !same(s, 3, 255);

            s[3] = s[2];
            failed += !same(s, 4, 255);
        }
    }

    tap_is_u64(failed, 0, "three and four bytes after each kind of lead");

    failed = 0;

    for (d = 0; d < 200000; d++) {
        n = (size_t) rnd(sizeof(s));

        for (i = 0; i < n; i++) {
            s[i] = (unsigned char) rnd(256);

            if (s[i] & 3) {
                s[i] = some[rnd(sizeof(some) - 1)];
            }
        }

        failed += !same(s, n, (unsigned) rnd(140));
    }

    tap_is_u64(failed, 0, "random texts with random limits");
}


static void
test_limit(void)
{
    size_t          i, k, n, size;
    unsigned        cut, left, failed;
    test_buf_t      b;
    mxt_json_t     *j;
    unsigned char   s[600];

    static const char *const  chars[] = {
        "z", "\"", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xff", "\xe2\x82", "\xf0\x9f\x98"
    };

    failed = 0;

    for (i = 0; i < countof(chars); i++) {

        k = strlen(chars[i]);

        for (n = 240; n <= 260; n++) {
            memset(s, 'a', n);
            memcpy(s + n, chars[i], k);
            memset(s + n + k, 'b', 40);

            failed += !same(s, n + k, MXT_JSON_STRING_MAX);
            failed += !same(s, n + k + 1, MXT_JSON_STRING_MAX);
            failed += !same(s, n + k + 40, MXT_JSON_STRING_MAX);
        }

        for (n = 0; n < 40; n++) {
            for (size = 0; size + k < sizeof(s) - n; size += k) {
                memcpy(s + n + size, chars[i], k);
            }

            memset(s, 'a', n);
            failed += !same(s, n + size, MXT_JSON_STRING_MAX);
        }
    }

    tap_is_u64(failed, 0, "characters of 1 to 4 bytes across the limit");

    static const struct {
        const char  *name;
        size_t       pad;       /* bytes of 'a' before the rest */
        const char  *rest;
        unsigned     cut;
        size_t       len;       /* within the quotes */
    } table[] = {
        { "254 bytes are not cut", 254, "", 0, 254 },
        { "255 bytes are not cut", 255, "", 0, 255 },
        { "256 bytes are cut at 255", 256, "", 1, 255 },
        { "2 bytes that end at 255", 253, "\xc3\xa9", 0, 255 },
        { "2 bytes that end at 256", 254, "\xc3\xa9", 1, 254 },
        { "3 bytes that end at 255", 252, "\xe2\x82\xac", 0, 255 },
        { "3 bytes that end at 257", 254, "\xe2\x82\xac", 1, 254 },
        { "4 bytes that end at 255", 251, "\xf0\x9f\x98\x80", 0, 255 },
        { "4 bytes that end at 256", 252, "\xf0\x9f\x98\x80", 1, 252 },
        { "4 bytes that end at 258", 254, "\xf0\x9f\x98\x80", 1, 254 },
        { "what follows a cut is lost as well", 254, "\xc3\xa9z", 1, 254 },
        { "a bad byte that ends at 255", 252, "\xff", 0, 255 },
        { "a bad byte counts three", 253, "\xff", 1, 253 },
        { "a quote counts one", 254, "\"", 0, 256 },
        { "a control byte counts one", 254, "\x01", 0, 260 },
        { "a quote behind the limit", 255, "\"", 1, 255 },
    };

    for (i = 0; i < countof(table); i++) {

        memset(s, 'a', table[i].pad);
        k = strlen(table[i].rest);
        memcpy(s + table[i].pad, table[i].rest, k);

        j = buf_new(&b, 1024);
        cut = mxt_json_string(j, s, table[i].pad + k);
        n = written(j);

        tap_ok(cut == table[i].cut && n == table[i].len + 2
               && b.buf[0] == '"' && b.buf[n - 1] == '"',
               "%s (%zu bytes)", table[i].name, n - 2);

        buf_free(&b);
    }

    j = buf_new(&b, 64);
    left = 10;

    cut = mxt_json_text(j, "http", 4, &left);
    cut |= mxt_json_text(j, NULL, 0, &left);
    cut |= mxt_json_text(j, "://", 3, &left);
    cut |= mxt_json_text(j, "\xff", 1, &left);

    tap_ok(cut == 0 && left == 0, "pieces that fill their limit");

    cut = mxt_json_text(j, "x", 1, &left);
    cut += mxt_json_text(j, "", 0, &left);

    tap_ok(cut == 1 && left == 0, "the piece after them is cut");
    tap_is_str(b.buf, written(j), "http://" BAD, "and leaves no trace");

    buf_free(&b);
}


/* a text in pieces is the text, if no character is split */

static void
test_pieces(void)
{
    size_t          i, n, at, end, size;
    unsigned        k, left, left_whole, cut, cut_whole, failed;
    test_buf_t      b, whole;
    mxt_json_t     *j, *w;
    unsigned char   s[400];

    static const char *const  chars[] = {
        "a", "b", "cdefghijklmnopqrstu", "\"", "\n", "\xc3\xa9",
        "\xe2\x82\xac", "\xf0\x9f\x98\x80"
    };

    failed = 0;

    for (k = 0; k < 20000; k++) {

        j = buf_new(&b, 2400);
        w = buf_new(&whole, 2400);

        left = (unsigned) rnd(300);
        left_whole = left;
        cut = 0;
        n = 0;
        at = 0;
        end = (size_t) rnd(370);

        while (n < end) {
            i = (size_t) rnd(countof(chars));
            size = strlen(chars[i]);
            memcpy(s + n, chars[i], size);
            n += size;

            if (rnd(3) == 0) {
                cut |= mxt_json_text(j, s + at, n - at, &left);
                at = n;
            }
        }

        cut |= mxt_json_text(j, s + at, n - at, &left);
        cut_whole = mxt_json_text(w, s, n, &left_whole);

        failed += (cut != cut_whole || left != left_whole
                   || written(j) != written(w)
                   || memcmp(b.buf, whole.buf, written(w)) != 0);

        buf_free(&b);
        buf_free(&whole);
    }

    tap_is_u64(failed, 0, "a text in pieces is the text");
}


static void
test_raw(void)
{
    size_t       i;
    unsigned     failed;
    test_buf_t   b;
    mxt_json_t  *j;

    j = buf_new(&b, 0);

    mxt_json_raw(j, NULL, 0);
    tap_ok(!j->overflow, "raw: nothing fits into nothing");

    mxt_json_raw(j, "x", 1);
    tap_ok(j->overflow && written(j) == 0, "raw: a byte does not");

    buf_free(&b);

    failed = 0;

    for (i = 0; i < 12; i++) {
        j = buf_new(&b, i);

        mxt_json_raw(j, "{\"a\":", 5);
        mxt_json_raw(j, "true}", 5);

        failed += (j->overflow != (i < 10)
                   || written(j) != (i < 5 ? 0u : i < 10 ? 5u : 10u)
                   || memcmp(b.buf, "{\"a\":true}", written(j)) != 0);

        /* even what would have fitted before */
        if (j->overflow) {
            failed += (j->end != j->pos);
            mxt_json_raw(j, "}", 1);
            failed += (written(j) != (i < 5 ? 0 : 5));
        }

        buf_free(&b);
    }

    tap_is_u64(failed, 0, "raw: all or nothing");
}


static int
uint_is(uint64_t n)
{
    int          ok;
    char         want[32];
    size_t       len, i;
    test_buf_t   b;
    mxt_json_t  *j;

    len = (size_t) snprintf(want, sizeof(want), "%llu",
                            (unsigned long long) n);
    ok = 1;

    for (i = len - 1; i <= len; i++) {
        j = buf_new(&b, i);

        mxt_json_uint(j, n);

        ok &= (i < len) ? (j->overflow && written(j) == 0)
                        : (!j->overflow && written(j) == len
                           && memcmp(b.buf, want, len) == 0);
        buf_free(&b);
    }

    len = (size_t) snprintf(want, sizeof(want), "%llu.%03u",
                            (unsigned long long) n / 1000,
                            (unsigned) (n % 1000));

    for (i = len - 1; i <= len; i++) {
        j = buf_new(&b, i);

        mxt_json_seconds(j, n);

        ok &= (i < len) ? (j->overflow && written(j) == 0)
                        : (!j->overflow && written(j) == len
                           && memcmp(b.buf, want, len) == 0);
        buf_free(&b);
    }

    return ok;
}


static void
test_uint(void)
{
    size_t       i;
    uint64_t     n, power;
    unsigned     failed, k;
    test_buf_t   b;
    mxt_json_t  *j;

    static const struct {
        uint64_t     ms;
        const char  *want;
    } table[] = {
        { 0, "0.000" },
        { 1, "0.001" },
        { 10, "0.010" },
        { 999, "0.999" },
        { 1000, "1.000" },
        { 1205, "1.205" },
        { 60000, "60.000" },
        { 1766666666123ULL, "1766666666.123" },
        { UINT64_MAX, "18446744073709551.615" },
    };

    for (i = 0; i < countof(table); i++) {
        j = buf_new(&b, 32);
        mxt_json_seconds(j, table[i].ms);
        tap_is_str(b.buf, written(j), table[i].want, "seconds");
        buf_free(&b);
    }

    failed = 0;

    for (n = 0; n <= 20000; n++) {
        failed += !uint_is(n);
    }

    tap_is_u64(failed, 0, "uint and seconds: small ones");

    failed = 0;
    power = 1;

    for (k = 0; k < 20; k++) {
        failed += !uint_is(power) + !uint_is(power - 1) + !uint_is(power + 1);
        power *= 10;
    }

    for (k = 0; k < 64; k++) {
        power = 1ULL << k;
        failed += !uint_is(power) + !uint_is(power - 1) + !uint_is(power + 1);
    }

    failed += !uint_is(UINT64_MAX);

    for (k = 0; k < 100000; k++) {
        failed += !uint_is(rnd(UINT64_MAX) >> rnd(64));
    }

    tap_is_u64(failed, 0, "uint and seconds: powers of 10 and 2, random");
}


/* is s taken or refused rightly, and if taken, is the value the same? */

static int
number_is(const char *s, size_t n)
{
    int            rc, ok;
    void          *p;
    size_t         len;
    json_t        *root, *value;
    test_buf_t     b;
    mxt_json_t    *j;
    ref_number_t   ref;

    ref = ref_number(s, n);
    p = copy(s, n);

    j = buf_new(&b, n + 20);
    mxt_json_raw(j, "[", 1);

    rc = mxt_json_number(j, p, n);
    free(p);

    len = written(j) - 1;
    ok = !j->overflow;

    if (rc != 0) {
        ok = ok && rc == -1 && ref.valid != 1 && len == 0;
        goto done;
    }

    ok = ok && ref.valid != 0 && len != 0;

    mxt_json_raw(j, "]", 1);

    root = json_loadb((char *) b.buf, written(j), 0, NULL);
    value = json_array_get(root, 0);

    if (json_is_integer(value)) {
        ok = ok && (ref.integer || ref.exponent)
             && (ref.exponent
                 ? (double) json_integer_value(value) == ref.real
                 : json_integer_value(value) == ref.whole);

    } else {
        ok = ok && !ref.integer;
        ok = ok && json_is_real(value) && json_real_value(value) == ref.real;
    }

    json_decref(root);

done:

    if (!ok) {
        tap_diag("number \"%.*s\": %d, \"%.*s\"; expected %d, %.17g",
                 (int) n, s, rc, (int) len, (char *) b.buf + 1,
                 ref.valid - 1, ref.real);
    }

    buf_free(&b);

    return ok;
}


static void
test_number(void)
{
    int          rc;
    char         s[80];
    size_t       i, k, n, size;
    unsigned     failed;
    test_buf_t   b;
    mxt_json_t  *j;

    static const struct {
        const char  *in;
        const char  *want;      /* NULL: not a number */
    } table[] = {
        { "0", "0" },
        { "7", "7" },
        { "-0", "-0" },
        { "-12", "-12" },
        { "+12", "12" },
        { "007", "7" },
        { "-007", "-7" },
        { "000", "0" },
        { "00.50", "0.50" },
        { ".5", "0.5" },
        { "+.5", "0.5" },
        { "-.5", "-0.5" },
        { "5.", "5" },
        { "5.e3", "5000" },
        { "0.123", "0.123" },
        { " \t42\t ", "42" },
        { "1e5", "100000" },
        { "1E+05", "100000" },
        { "1e+06", "1000000" },
        { "-1.5e+06", "-1500000" },
        { "1234.5678e2", "123456.78" },
        { "1234.5678e4", "12345678" },
        { "1.50e1", "15.0" },
        { "0.00e+3", "0" },
        { "-0e5", "-0" },
        { "0.0012e1", "0.012" },
        { "0.0012e3", "1.2" },
        { "0.0012e5", "120" },
        { "12e-1", "1.2" },
        { "12e-2", "0.12" },
        { "12e-3", "0.012" },
        { "007e1", "70" },
        { "+.5e1", "5" },
        { "1e17", "100000000000000000" },
        { "1e18", "1e18" },
        { "+.1e19", "0.1e19" },
        { "1e-18", "0.000000000000000001" },
        { "1e-19", "1e-19" },
        { "6.02214076E+23", "6.02214076E+23" },
        { "1.5e-3", "0.0015" },
        { "0e0", "0" },
        { "999999999999999999", "999999999999999999" },
        { "-999999999999999999", "-999999999999999999" },
        { "0000000000999999999999999999", "999999999999999999" },
        { "1000000000000000000", "1000000000000000000" },
        { "9007199254740993", "9007199254740993" },
        { "-9007199254740993", "-9007199254740993" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775807", "-9223372036854775807" },
        { "009223372036854775807", "9223372036854775807" },
        { "9223372036854775808", NULL },
        { "-9223372036854775808", NULL },
        { "10000000000000000000", NULL },
        { "9223372036854775808.0", "9223372036854775808.0" },
        { "18446744073709551615", NULL },
        { "1000000000000000000.5", "1000000000000000000.5" },
        { "9.9e299", "9.9e299" },
        { "1e300", NULL },
        { "0.01e301", "0.01e301" },
        { "100e298", NULL },
        { "1e-300", "1e-300" },
        { "0.1e-300", NULL },
        { "1e999", NULL },
        { "1e-999", NULL },
        { "1e99999999999999999999", NULL },
        { "0e299", "0" },
        { "0e99999999999999999999", NULL },
        { "", NULL },
        { " ", NULL },
        { "-", NULL },
        { "+", NULL },
        { ".", NULL },
        { "-.", NULL },
        { "e5", NULL },
        { ".e5", NULL },
        { "1e", NULL },
        { "1e+", NULL },
        { "1e5.", NULL },
        { "1.2.3", NULL },
        { "1, 2", NULL },
        { "1 2", NULL },
        { "--1", NULL },
        { "+-1", NULL },
        { "- 1", NULL },
        { "0x10", NULL },
        { "1f", NULL },
        { "nan", NULL },
        { "inf", NULL },
        { "Infinity", NULL },
        { "1_000", NULL },
        { "1,000", NULL },
        { "1,5", NULL },
    };

    static const char  alphabet[] = "019.-+e ";

    for (i = 0; i < countof(table); i++) {

        n = strlen(table[i].in);

        j = buf_new(&b, n + 18);
        rc = mxt_json_number(j, table[i].in, n);
        k = written(j);

        tap_ok((table[i].want != NULL) == (rc == 0)
               && k == (table[i].want ? strlen(table[i].want) : 0)
               && (k == 0 || memcmp(b.buf, table[i].want, k) == 0)
               && number_is(table[i].in, n),
               "number \"%s\" is %s", table[i].in,
               table[i].want ? table[i].want : "none");

        /* a number is never torn */
        for (size = 0; size < k; size++) {
            buf_free(&b);
            j = buf_new(&b, size);
            rc = mxt_json_number(j, table[i].in, n);

            if (rc != 0 || !j->overflow || written(j) != 0) {
                tap_ok(0, "number \"%s\" in %zu bytes", table[i].in, size);
            }
        }

        buf_free(&b);
    }

    j = buf_new(&b, 4);
    tap_ok(mxt_json_number(j, NULL, 0) == -1 && !j->overflow,
           "number: no text at all");
    buf_free(&b);

    /* the alphabet has 8 letters, all words of 6 of them and less */

    failed = 0;

    for (n = 1; n <= 6; n++) {
        for (i = 0; i < (size_t) 1 << 3 * n; i++) {
            for (k = 0; k < n; k++) {
                s[k] = alphabet[i >> 3 * k & 7];
            }

            failed += !number_is(s, n);
        }
    }

    tap_is_u64(failed, 0, "number: all that looks like one");

    failed = 0;

    for (i = 0; i < 256; i++) {
        s[0] = (char) i;
        s[1] = '1';
        s[2] = (char) i;
        failed += !number_is(s, 1) + !number_is(s, 2) + !number_is(s, 3)
                  + !number_is(s + 1, 2);
    }

    tap_is_u64(failed, 0, "number: every byte");

    failed = 0;

    for (n = 0; n <= sizeof(s); n++) {
        memset(s, '0', sizeof(s));
        failed += !number_is(s, n);

        memset(s, '9', sizeof(s));
        failed += !number_is(s, n);

        s[0] = '-';
        failed += !number_is(s, n);

        s[0] = '.';
        failed += !number_is(s, n);

        if (n) {
            s[n - 1] = '.';
            failed += !number_is(s + 1, n - 1);
        }

        memset(s, ' ', sizeof(s));
        s[n / 2] = '3';
        failed += !number_is(s, n);
    }

    tap_is_u64(failed, 0, "number: every length up to 80 bytes");

    failed = 0;

    for (i = 0; i < 200000; i++) {

        n = 0;
        size = (size_t) rnd(30);

        while (n < size) {
            s[n++] = "0123456789"[rnd(10)];
        }

        if (size && rnd(2)) {
            s[rnd(size)] = '.';
        }

        if (rnd(2)) {
            n += (size_t) snprintf(s + n, sizeof(s) - n, "e%d",
                                   (int) rnd(700) - 350);
        }

        failed += !number_is(s, n);
    }

    tap_is_u64(failed, 0, "number: random ones");
}


/* 1 true, 0 false, -1 neither */

static int
bool_is(const char *s, size_t n)
{
    int          rc, result;
    void        *p;
    test_buf_t   b;
    mxt_json_t  *j;

    p = copy(s, n);
    j = buf_new(&b, 5);

    rc = mxt_json_bool(j, p, n);

    result = -2;

    if (rc == -1 && written(j) == 0) {
        result = -1;

    } else if (rc == 0 && written(j) == 4 && memcmp(b.buf, "true", 4) == 0) {
        result = 1;

    } else if (rc == 0 && written(j) == 5 && memcmp(b.buf, "false", 5) == 0) {
        result = 0;
    }

    if (j->overflow) {
        result = -2;
    }

    buf_free(&b);
    free(p);

    return result;
}


static int
bool_ref(const char *s, size_t n)
{
    int     result;
    char    low[8];
    size_t  i;

    static const char *const  words[] = {
        "0", "1", "false", "true", "off", "on", "no", "yes"
    };

    if (n == 0 || n > 5) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        low[i] = s[i];

        if (s[i] >= 'A' && s[i] <= 'Z') {
            low[i] = (char) (s[i] - 'A' + 'a');
        }
    }

    result = -1;

    for (i = 0; i < countof(words); i++) {
        if (strlen(words[i]) == n && memcmp(words[i], low, n) == 0) {
            result = (int) i & 1;
        }
    }

    return result;
}


static void
test_bool(void)
{
    char         s[8];
    size_t       i, k, n;
    unsigned     c, failed;
    test_buf_t   b;
    mxt_json_t  *j;

    static const char *const  words[] = {
        "0", "1", "false", "true", "off", "on", "no", "yes", "ture", "y",
        "2", "01", "enable", "falsey", "true ", " on"
    };

    for (i = 0; i < countof(words); i++) {

        n = strlen(words[i]);

        tap_ok(bool_is(words[i], n) == bool_ref(words[i], n),
               "bool \"%s\" is %d", words[i], bool_ref(words[i], n));

        failed = 0;

        /* any case, and any byte in any place */

        for (c = 0; c < (1u << n); c++) {
            for (k = 0; k < n; k++) {
                s[k] = words[i][k];

                if (c >> k & 1 && s[k] >= 'a') {
                    s[k] = (char) (s[k] - 'a' + 'A');
                }
            }

            failed += bool_is(s, n) != bool_ref(s, n);
        }

        for (k = 0; k < n; k++) {
            memcpy(s, words[i], n);

            for (c = 0; c < 256; c++) {
                s[k] = (char) c;
                failed += bool_is(s, n) != bool_ref(s, n);
            }
        }

        if (failed) {
            tap_ok(0, "bool \"%s\" and the like", words[i]);
        }
    }

    failed = 0;

    for (c = 0; c < 65536; c++) {
        s[0] = (char) (c >> 8);
        s[1] = (char) c;
        failed += bool_is(s, 1) != bool_ref(s, 1);
        failed += bool_is(s, 2) != bool_ref(s, 2);
    }

    tap_is_u64(failed, 0, "bool: every one and two bytes");

    j = buf_new(&b, 3);
    tap_ok(mxt_json_bool(j, NULL, 0) == -1 && !j->overflow,
           "bool: no text at all");
    tap_ok(mxt_json_bool(j, "on", 2) == 0 && j->overflow && written(j) == 0,
           "bool: true does not fit into three bytes");
    buf_free(&b);
}


static void
event(mxt_json_t *j)
{
    unsigned  left;

    left = MXT_JSON_STRING_MAX;

    mxt_json_raw(j, S("{\"event\":"));
    mxt_json_string(j, S("Page View \"new\""));
    mxt_json_raw(j, S(",\"properties\":{\"token\":"));
    mxt_json_string(j, S("0123456789abcdef0123456789abcdef"));
    mxt_json_raw(j, S(",\"time\":"));
    mxt_json_uint(j, 1766666666123ULL);
    mxt_json_raw(j, S(",\"duration\":"));
    mxt_json_seconds(j, 1205);
    mxt_json_raw(j, S(",\"$current_url\":\""));
    mxt_json_text(j, S("https"), &left);
    mxt_json_text(j, S("://"), &left);
    mxt_json_text(j, S("b\xc3\xbc" "cher.example\x01\xff\xf0\x9f\x98\x80"),
                  &left);
    mxt_json_text(j, S("/a/rather/long/path?with=\t\"quotes\"&and=\\"),
                  &left);
    mxt_json_raw(j, S("\",\"price\":"));
    mxt_json_number(j, S("+012.50"));
    mxt_json_raw(j, S(",\"ok\":"));
    mxt_json_bool(j, S("yes"));
    mxt_json_raw(j, S("}}"));
}


/* overflow at every byte of an event */

static void
test_overflow(void)
{
    char           *edge;
    size_t          i, n, size, used;
    json_t         *root, *p;
    unsigned        failed, left;
    test_buf_t      whole, b;
    mxt_json_t     *j;
    unsigned char  *c;

    j = buf_new(&whole, 4096);
    event(j);
    n = written(j);

    tap_ok(!j->overflow && n > 200, "an event of %zu bytes", n);

    root = json_loadb((char *) whole.buf, n, 0, NULL);
    p = json_object_get(root, "properties");

    tap_ok(root != NULL, "jansson loads it");
    tap_is_u64((uint64_t) json_integer_value(json_object_get(p, "time")),
               1766666666123ULL, "its time");
    tap_ok(json_real_value(json_object_get(p, "duration")) == 1.205,
           "its duration");
    tap_ok(json_real_value(json_object_get(p, "price")) == 12.5,
           "its price");
    tap_ok(json_is_true(json_object_get(p, "ok")), "its flag");
    tap_is_str(json_string_value(json_object_get(p, "$current_url")),
               json_string_length(json_object_get(p, "$current_url")),
               "https://b\xc3\xbc" "cher.example\x01" BAD "\xf0\x9f\x98\x80"
               "/a/rather/long/path?with=\t\"quotes\"&and=\\",
               "its text in pieces");

    json_decref(root);

    /* where the event may break off: not in an escape, not in a character */

    edge = calloc(n + 1, 1);

    for (i = 0; i < n; /* void */ ) {
        edge[i] = 1;
        c = whole.buf + i;

        if (*c == '\\') {
            i += (c[1] == 'u') ? 6 : 2;

        } else {
            i += ref_size(*c) ? ref_size(*c) : 1;
        }
    }

    edge[n] = 1;
    failed = 0;

    for (size = 0; size < n + 20; size++) {

        j = buf_new(&b, size);
        event(j);
        used = written(j);

        failed += (j->overflow != (size < n));
        failed += (used > size || (size >= n && used != n));
        failed += (used <= n && !edge[used]);
        failed += (used && memcmp(b.buf, whole.buf, used) != 0);

        if (j->overflow) {

            /* nothing more is written by any of them */

            left = 255;
            mxt_json_raw(j, "}", 1);
            mxt_json_text(j, "a", 1, &left);
            mxt_json_text(j, "\"", 1, &left);
            mxt_json_text(j, "\xff", 1, &left);
            mxt_json_string(j, "", 0);
            mxt_json_uint(j, 1);
            mxt_json_seconds(j, 1);
            mxt_json_number(j, "1", 1);
            mxt_json_bool(j, "1", 1);

            failed += (written(j) != used || !j->overflow);
        }

        buf_free(&b);
    }

    tap_is_u64(failed, 0, "a buffer of every size up to the event's");

    free(edge);
    buf_free(&whole);
}


int
main(void)
{
    test_raw();
    test_text_table();
    test_text_bytes();
    test_limit();
    test_pieces();
    test_uint();
    test_number();
    test_bool();
    test_overflow();

    return tap_done();
}
