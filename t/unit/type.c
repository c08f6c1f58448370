
/*
 * Times, lists and JSON values.  Inputs and buffers lie in allocations of
 * their exact size, for the sanitizers to see a byte too far; each row of
 * the tables is also put to the references, so that these are tested too.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "tap.h"
#include "type_ref.h"

#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_number.c"
#include "../../src/core/mxt_type.c"
#include "../../src/core/mxt_type_time.c"
#include "../../src/core/mxt_unescape.c"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define S(s)        s, sizeof(s) - 1
#define BAD         "\xef\xbf\xbd"
#define ROOM        (2 * MXT_TYPE_SIZE)


typedef struct {
    const char  *in;
    size_t       len;
    const char  *want;      /* NULL: mistyped, "": empty */
} row_t;


static unsigned
time_type(mxt_json_t *j, const void *text, size_t len, unsigned *cut)
{
    (void) cut;

    return mxt_type_time(j, text, len);
}


typedef unsigned (*type_pt)(mxt_json_t *j, const void *text, size_t len,
    unsigned *cut);


static const struct {
    const char  *name;
    type_pt      write;
    ref_type_t (*ref)(const char *s, size_t n);
} types[] = {
    { "time", time_type, ref_time },
    { "list", mxt_type_list, ref_list },
    { "json", mxt_type_json, ref_json }
};

enum { TIME = 0, LIST, JSON };


static uint64_t  seed = 88172645463325252ULL;


static uint64_t
rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
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


/*
 * Writes the value into room bytes, behind "[".  Does it do what the result
 * ref says, whatever the room?
 */

static int
does(int kind, const char *s, size_t n, size_t room, const ref_type_t *ref)
{
    int             ok;
    void           *p;
    size_t          len;
    unsigned        type, cut;
    mxt_json_t      j;
    unsigned char  *buf, *end;

    p = copy(s, n);
    buf = malloc(room + 1);

    mxt_json_init(&j, buf, room + 1);
    mxt_json_raw(&j, "[", 1);

    end = j.end;
    cut = 0;

    type = types[kind].write(&j, p, n, &cut);

    len = (size_t) (j.pos - buf) - 1;

    if (j.overflow) {
        ok = type == MXT_TYPE_OK && j.end == j.pos && room < REF_SIZE
             && (ref->type == REF_MISTYPED
                 || (ref->len > room && memcmp(buf + 1, ref->text, len) == 0));

    } else if (ref->type == REF_OK) {
        ok = type == MXT_TYPE_OK && len == ref->len && cut == ref->cut
             && memcmp(buf + 1, ref->text, len) == 0 && j.end == end;

    } else {
        ok = (int) type == ref->type && len == 0 && cut == 0 && j.end == end;
    }

    if (!ok) {
        tap_diag("%s \"%.*s\" in %zu bytes: %u, \"%.*s\", cut %u, overflow "
                 "%u; expected %d, \"%.*s\", cut %u", types[kind].name,
                 (int) n, s, room, type, (int) len, (char *) buf + 1, cut,
                 j.overflow, ref->type, (int) ref->len, ref->text, ref->cut);
    }

    free(buf);
    free(p);

    return ok;
}


/* and as the reference says? */

static int
same(int kind, const char *s, size_t n)
{
    int         ok;
    ref_type_t  ref;

    ref = types[kind].ref(s, n);
    ok = ref.type == REF_UNKNOWN || does(kind, s, n, ROOM, &ref);

    free(ref.text);

    return ok;
}


static void
test_rows(int kind, const row_t *row, size_t n)
{
    int         ok;
    char       *name;
    size_t      i, k, room;
    ref_type_t  want, ref;

    for (i = 0; i < n; i++) {

        memset(&want, 0, sizeof(want));

        want.type = row[i].want == NULL ? REF_MISTYPED
                    : row[i].want[0] == '\0' ? REF_EMPTY : REF_OK;
        want.text = (char *) row[i].want;
        want.len = row[i].want ? strlen(row[i].want) : 0;

        ok = does(kind, row[i].in, row[i].len, ROOM, &want);

        for (room = 0; room <= want.len; room++) {
            ok = does(kind, row[i].in, row[i].len, room, &want) && ok;
        }

        ref = types[kind].ref(row[i].in, row[i].len);

        if (ref.type != REF_UNKNOWN
            && (ref.type != want.type
                || (want.type == REF_OK
                    && (ref.len != want.len
                        || memcmp(ref.text, want.text, ref.len) != 0))))
        {
            tap_diag("the reference says %d, \"%.*s\"", ref.type,
                     (int) ref.len, ref.text);
            ok = 0;
        }

        free(ref.text);

        name = copy(row[i].in, row[i].len + 1);

        for (k = 0; k < row[i].len; k++) {
            if (name[k] < ' ' || name[k] == '#' || name[k] == 0x7f) {
                name[k] = '?';
            }
        }

        tap_ok(ok, "%s \"%s\" is %s", types[kind].name, name,
               row[i].want == NULL ? "mistyped"
               : row[i].want[0] ? row[i].want : "empty");
        free(name);
    }
}


static const row_t  times[] = {

    /* numbers */
    { S("1700000000"), "\"2023-11-14T22:13:20\"" },
    { S("1700000000.123"), "\"2023-11-14T22:13:20\"" },
    { S("1700000000.999999999999999999999"), "\"2023-11-14T22:13:20\"" },
    { S(" \t1700000000 "), "\"2023-11-14T22:13:20\"" },
    { S("1700000000123"), "\"2023-11-14T22:13:20\"" },
    { S("1700000000999.9"), "\"2023-11-14T22:13:20\"" },
    { S("31536000"), "\"1971-01-01T00:00:00\"" },
    { S("31535999"), NULL },
    { S("31535999.999"), NULL },
    { S("0"), NULL },
    { S("0031536000"), "\"1971-01-01T00:00:00\"" },
    { S("253402300799"), "\"9999-12-31T23:59:59\"" },
    { S("253402300799.999"), "\"9999-12-31T23:59:59\"" },
    { S("253402300800"), "\"1978-01-11T21:31:40\"" },
    { S("253402300800.5"), "\"1978-01-11T21:31:40\"" },
    { S("9999999999999"), "\"2286-11-20T17:46:39\"" },
    { S("10000000000000"), NULL },
    { S("1700000000123456"), NULL },
    { S("20240229123456"), NULL },
    { S("20240229"), NULL },
    { S("18446744073709551616"), NULL },
    { S("-1700000000"), NULL },
    { S("+1700000000"), NULL },
    { S("1.7e9"), NULL },
    { S("1700000000."), NULL },
    { S("1700000000.1.2"), NULL },
    { S("1700000000,1"), NULL },
    { S(".5"), NULL },
    { S("1700000000s"), NULL },
    { S("1700000000 1"), NULL },
    { S("1700000000\n"), NULL },
    { S("1700000000\0"), NULL },
    { S("0x6553f100"), NULL },
    { S("NaN"), NULL },

    /* HTTP's dates */
    { S("Sun, 06 Nov 1994 08:49:37 GMT"), "\"1994-11-06T08:49:37\"" },
    { S("Sunday, 06-Nov-94 08:49:37 GMT"), "\"1994-11-06T08:49:37\"" },
    { S("Sun Nov  6 08:49:37 1994"), "\"1994-11-06T08:49:37\"" },
    { S("Wed Nov 16 08:49:37 1994"), "\"1994-11-16T08:49:37\"" },
    { S("sun, 06 NOV 1994 08:49:37 gmt"), "\"1994-11-06T08:49:37\"" },
    { S("Mon, 06 Nov 1994 08:49:37 GMT"), "\"1994-11-06T08:49:37\"" },
    { S("Thu, 01 Jan 1970 00:00:00 GMT"), NULL },
    { S("Fri, 01 Jan 1971 00:00:00 GMT"), "\"1971-01-01T00:00:00\"" },
    { S("Thu, 29 Feb 2024 23:59:59 GMT"), "\"2024-02-29T23:59:59\"" },
    { S("Thu, 29 Feb 2023 23:59:59 GMT"), NULL },
    { S("Sat, 31 Dec 2016 23:59:60 GMT"), "\"2017-01-01T00:00:00\"" },
    { S("Sat, 31 Dec 2016 23:59:61 GMT"), NULL },
    { S("Sat, 31 Dec 2016 24:00:00 GMT"), NULL },
    { S("Sat, 31 Dec 2016 23:60:00 GMT"), NULL },
    { S("Sat, 00 Dec 2016 23:00:00 GMT"), NULL },
    { S("Sunday, 06-Nov-70 08:49:37 GMT"), "\"2070-11-06T08:49:37\"" },
    { S("Sunday, 06-Nov-71 08:49:37 GMT"), "\"1971-11-06T08:49:37\"" },
    { S("Sunday, 06-Nov-99 08:49:37 GMT"), "\"1999-11-06T08:49:37\"" },
    { S("Sunday, 06-Nov-00 08:49:37 GMT"), "\"2000-11-06T08:49:37\"" },
    { S("Sun, 06-Nov-94 08:49:37 GMT"), "\"1994-11-06T08:49:37\"" },
    { S("Sunday, 06-Nov-1994 08:49:37 GMT"), NULL },
    { S("Sun, 06 Nov 94 08:49:37 GMT"), NULL },
    { S("Sun, 6 Nov 1994 08:49:37 GMT"), NULL },
    { S("Sun, 06 Nov 1994 08:49:37"), NULL },
    { S("Sun, 06 Nov 1994 08:49:37 UTC"), NULL },
    { S("Sun, 06 Nov 1994 08:49:37 +0000"), NULL },
    { S("Sun, 06 Nov 1994 08:49:37 GMT!"), NULL },
    { S("Sun, 06 Nov 1994 08:49 GMT"), NULL },
    { S("Sun, 06 Now 1994 08:49:37 GMT"), NULL },
    { S("Son, 06 Nov 1994 08:49:37 GMT"), NULL },
    { S("Sund, 06 Nov 1994 08:49:37 GMT"), NULL },
    { S("06 Nov 1994 08:49:37 GMT"), NULL },
    { S("Sun Nov   08:49:37 1994"), NULL },
    { S("Sun Nov 6 08:49:37 1994"), NULL },
    { S("Su"), NULL },
    { S("Sun"), NULL },
    { S("Sun Nov"), NULL },
    { S("Sun, 06 No"), NULL },

    /* ISO 8601 */
    { S("2026-11-23T23:05:39"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05:39Z"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23t23:05:39z"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23 23:05:39"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05:39.123456789Z"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05:39,9Z"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05"), "\"2026-11-23T23:05:00\"" },
    { S("2026-11-23T23:05Z"), "\"2026-11-23T23:05:00\"" },
    { S("2026-11-23T23:05+01:00"), "\"2026-11-23T22:05:00\"" },
    { S("2026-11-23T23:05:39+00:00"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05:39-00:00"), "\"2026-11-23T23:05:39\"" },
    { S("2026-11-23T23:05:39+05:30"), "\"2026-11-23T17:35:39\"" },
    { S("2026-11-23T23:05:39+0530"), "\"2026-11-23T17:35:39\"" },
    { S("2026-11-23T23:05:39.5-08"), "\"2026-11-24T07:05:39\"" },
    { S("2026-11-23 23:05:39-08:00"), "\"2026-11-24T07:05:39\"" },
    { S("2024-02-28T23:05:39-08:00"), "\"2024-02-29T07:05:39\"" },
    { S("2024-03-01T00:00:00+00:01"), "\"2024-02-29T23:59:00\"" },
    { S("2023-03-01T00:00:00+00:01"), "\"2023-02-28T23:59:00\"" },
    { S("2026-11-23T23:05:39+23:59"), "\"2026-11-22T23:06:39\"" },
    { S("2026-11-23T23:05:39+24:00"), NULL },
    { S("2026-11-23T23:05:39+23:60"), NULL },
    { S("2026-11-23"), "\"2026-11-23\"" },
    { S(" 2026-11-23\t"), "\"2026-11-23\"" },
    { S("1971-01-01"), "\"1971-01-01\"" },
    { S("1970-12-31"), NULL },
    { S("9999-12-31"), "\"9999-12-31\"" },
    { S("1971-01-01T00:00:00Z"), "\"1971-01-01T00:00:00\"" },
    { S("1971-01-01T00:00:00+00:01"), NULL },
    { S("1970-12-31T23:59:59Z"), NULL },
    { S("1970-12-31T23:30:00-01:00"), "\"1971-01-01T00:30:00\"" },
    { S("1970-12-31T23:59:60Z"), "\"1971-01-01T00:00:00\"" },
    { S("9999-12-31T23:59:59Z"), "\"9999-12-31T23:59:59\"" },
    { S("9999-12-31T23:59:60Z"), NULL },
    { S("9999-12-31T23:59:59-00:01"), NULL },
    { S("0000-01-01"), NULL },
    { S("0000-12-31T00:00:00Z"), NULL },
    { S("0001-01-01T00:00:00Z"), NULL },
    { S("1969-07-20T20:17:40Z"), NULL },
    { S("10000-01-01"), NULL },
    { S("+2026-11-23"), NULL },
    { S("2024-02-29"), "\"2024-02-29\"" },
    { S("2023-02-29"), NULL },
    { S("2000-02-29"), "\"2000-02-29\"" },
    { S("2100-02-29"), NULL },
    { S("2400-02-29"), "\"2400-02-29\"" },
    { S("2024-02-30"), NULL },
    { S("2026-04-31"), NULL },
    { S("2026-06-31"), NULL },
    { S("2026-09-31"), NULL },
    { S("2026-11-31"), NULL },
    { S("2026-01-32"), NULL },
    { S("2026-01-00"), NULL },
    { S("2026-00-01"), NULL },
    { S("2026-13-01"), NULL },
    { S("2026-1-1"), NULL },
    { S("2026-11"), NULL },
    { S("2026-"), NULL },
    { S("2026-11-2"), NULL },
    { S("2026/11/23"), NULL },
    { S("20261123T230539Z"), NULL },
    { S("2026-W48-1"), NULL },
    { S("2026-327"), NULL },
    { S("2026-11-23T"), NULL },
    { S("2026-11-23T23"), NULL },
    { S("2026-11-23T23:"), NULL },
    { S("2026-11-23T23:0"), NULL },
    { S("2026-11-23T23:05:"), NULL },
    { S("2026-11-23T23:05:3"), NULL },
    { S("2026-11-23T24:00:00"), NULL },
    { S("2026-11-23T23:60:00"), NULL },
    { S("2026-11-23T23:05:61"), NULL },
    { S("2026-11-23T23:05:39."), NULL },
    { S("2026-11-23T23:05:39.Z"), NULL },
    { S("2026-11-23T23:05.5"), NULL },
    { S("2026-11-23T23:05:39ZZ"), NULL },
    { S("2026-11-23T23:05:39 Z"), NULL },
    { S("2026-11-23T23:05:39+"), NULL },
    { S("2026-11-23T23:05:39+1"), NULL },
    { S("2026-11-23T23:05:39+01:"), NULL },
    { S("2026-11-23T23:05:39+01:0"), NULL },
    { S("2026-11-23T23:05:39+010"), NULL },
    { S("2026-11-23T23:05:39+01:00x"), NULL },
    { S("2026-11-23_23:05:39"), NULL },
    { S("2026-11-23  23:05:39"), NULL },
    { S("2026-11-23T23:05:39\0"), NULL },

    { S(""), NULL },
    { S(" "), NULL },
    { S("now"), NULL },
    { S("\xff\xfe"), NULL },
};


static const row_t  lists[] = {
    { S("a"), "[\"a\"]" },
    { S("a,b"), "[\"a\",\"b\"]" },
    { S(" a , b\t,\tc c "), "[\"a\",\"b\",\"c c\"]" },
    { S("a,,b,"), "[\"a\",\"b\"]" },
    { S(",a"), "[\"a\"]" },
    { S("1,true,null"), "[\"1\",\"true\",\"null\"]" },
    { S("\"a,b\""), "[\"\\\"a\",\"b\\\"\"]" },
    { S("[a]"), "[\"[a]\"]" },
    { S("\xff,b\xc3\xa9"), "[\"" BAD "\",\"b\xc3\xa9\"]" },
    { S("\xc3,\xa9"), "[\"" BAD "\",\"" BAD "\"]" },
    { S("a\nb,\0"), "[\"a\\nb\",\"\\u0000\"]" },
    { S("a;b"), "[\"a;b\"]" },
    { S(""), "" },
    { S(" "), "" },
    { S(","), "" },
    { S(" , ,\t,,"), "" },
};


static const row_t  jsons[] = {
    { S("{}"), "{}" },
    { S("[]"), "[]" },
    { S("\"\""), "\"\"" },
    { S("null"), "null" },
    { S("true"), "true" },
    { S(" false\r\n"), "false" },
    { S("0"), "0" },
    { S("-0"), "-0" },
    { S("12"), "12" },
    { S("1.10"), "1.10" },
    { S("1e+06"), "1000000" },
    { S("1E5"), "100000" },
    { S("9007199254740993"), "9007199254740993" },
    { S("9223372036854775807"), "9223372036854775807" },
    { S("0.1000000000000000055511151231257827"),
      "0.1000000000000000055511151231257827" },
    { S("{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }"), "{\"a\":1,\"b\":[1,2]}" },
    { S("\t{\n\"a\"\r:\n{\t}\n}\n"), "{\"a\":{}}" },
    { S("[[],{},[[]]]"), "[[],{},[[]]]" },
    { S("{\"a\":{\"b\":{\"c\":1}}}"), "{\"a\":{\"b\":{\"c\":1}}}" },
    { S("{\"a\":{\"b\":{\"c\":{}}}}"), NULL },
    { S("[[[[]]]]"), NULL },
    { S("[{\"a\":[{}]}]"), NULL },
    { S("[[[1]],[[2]],[[3]]]"), "[[[1]],[[2]],[[3]]]" },

    /* strings */
    { S("\" a b \""), "\" a b \"" },
    { S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
    { S("\"\\u0041\\u00e9\\u20AC\""), "\"A\xc3\xa9\xe2\x82\xac\"" },
    { S("\"\\ud83d\\ude00\""), "\"\xf0\x9f\x98\x80\"" },
    { S("\"\\uDBFF\\uDFFF\""), "\"\xf4\x8f\xbf\xbf\"" },
    { S("\"\\u0000\""), "\"\\u0000\"" },
    { S("\"\\u001f\\u007f\""), "\"\\u001f\x7f\"" },
    { S("\"\\ud800\""), "\"" BAD "\"" },
    { S("\"\\ud800x\""), "\"" BAD "x\"" },
    { S("\"\\udc00\\ud800\""), "\"" BAD BAD "\"" },
    { S("\"\\ud800\\ud800\\udc00\""), "\"" BAD "\xf0\x90\x80\x80\"" },
    { S("\"\\ud800\\u0041\""), "\"" BAD "A\"" },
    { S("\"\\ud800\\n\""), "\"" BAD "\\n\"" },
    { S("\"\xff\xc3\""), "\"" BAD BAD "\"" },
    { S("\"\xe2\x82\\u00e9\""), "\"" BAD "\xc3\xa9\"" },
    { S("\"\xed\xa0\x80\""), "\"" BAD BAD BAD "\"" },
    { S("\"\xc3\xa9\""), "\"\xc3\xa9\"" },
    { S("\"a"), NULL },
    { S("\""), NULL },
    { S("\"\\"), NULL },
    { S("\"\\\""), NULL },
    { S("\"\\x41\""), NULL },
    { S("\"\\'\""), NULL },
    { S("\"\\\0\""), NULL },
    { S("\"\\u\""), NULL },
    { S("\"\\u004\""), NULL },
    { S("\"\\u004g\""), NULL },
    { S("\"\\U0041\""), NULL },
    { S("\"\\ud800\\u\""), NULL },
    { S("\"\\ud800\\udc0\""), NULL },
    { S("\"\\ud800\\"), NULL },
    { S("\"\\ud800\\u"), NULL },
    { S("\"\\ud800"), NULL },
    { S("\"\\ud80"), NULL },
    { S("\"a\nb\""), NULL },
    { S("\"a\0b\""), NULL },
    { S("\"a\tb\""), NULL },
    { S("'a'"), NULL },

    /* names */
    { S("{\"\":1}"), "{\"\":1}" },
    { S("{\"\\u0061\":1}"), "{\"a\":1}" },
    { S("{\"a\\u0000\":1}"), "{\"a" BAD "\":1}" },
    { S("{\"\xff\":1}"), "{\"" BAD "\":1}" },
    { S("{\"a\":1,\"a\":2}"), NULL },
    { S("{\"a\":1,\"\\u0061\":2}"), NULL },
    { S("{\"a\":1,\"b\":{\"a\":2},\"a\":3}"), NULL },
    { S("{\"\xff\":1,\"\xfe\":2}"), NULL },
    { S("{\"a\":{\"a\":{\"a\":1}}}"), "{\"a\":{\"a\":{\"a\":1}}}" },
    { S("[{\"a\":1},{\"a\":1}]"), "[{\"a\":1},{\"a\":1}]" },
    { S("{\"a\":1,\"aa\":2,\"\":3,\"a\\\"\":4}"),
      "{\"a\":1,\"aa\":2,\"\":3,\"a\\\"\":4}" },
    { S("{a:1}"), NULL },
    { S("{1:1}"), NULL },
    { S("{\"a\"}"), NULL },
    { S("{\"a\":}"), NULL },
    { S("{\"a\":1,}"), NULL },
    { S("{,}"), NULL },
    { S("{\"a\":1 \"b\":2}"), NULL },
    { S("{\"a\":1]"), NULL },
    { S("{\"a\" 1}"), NULL },
    { S("{\"a\""), NULL },
    { S("{\"a\":"), NULL },
    { S("{\"a\":1"), NULL },
    { S("{\"a\":1,"), NULL },
    { S("{"), NULL },
    { S("}"), NULL },

    /* arrays */
    { S("[1,2"), NULL },
    { S("[1,"), NULL },
    { S("["), NULL },
    { S("]"), NULL },
    { S("[,]"), NULL },
    { S("[1,]"), NULL },
    { S("[,1]"), NULL },
    { S("[1 2]"), NULL },
    { S("[1}"), NULL },

    /* words and numbers that are none */
    { S("tru"), NULL },
    { S("True"), NULL },
    { S("truex"), NULL },
    { S("nul"), NULL },
    { S("undefined"), NULL },
    { S("NaN"), NULL },
    { S("Infinity"), NULL },
    { S("-Infinity"), NULL },
    { S("[NaN]"), NULL },
    { S("+1"), NULL },
    { S("01"), NULL },
    { S("-01"), NULL },
    { S("00"), NULL },
    { S("1."), NULL },
    { S(".5"), NULL },
    { S("-.5"), NULL },
    { S("1.e5"), NULL },
    { S("1e"), NULL },
    { S("1e+"), NULL },
    { S("-"), NULL },
    { S("0x10"), NULL },
    { S("1,000"), NULL },
    { S("1-2"), NULL },
    { S("1e400"), NULL },
    { S("9223372036854775808"), NULL },
    { S("-9223372036854775808"), NULL },
    { S("0.000000000000000000000000000000000000000000000000000000000000001"),
      NULL },

    { S("1 2"), NULL },
    { S("{} {}"), NULL },
    { S("{}x"), NULL },
    { S("{}\0"), NULL },
    { S("\xef\xbb\xbf{}"), NULL },
    { S("// a\n1"), NULL },
    { S("\xff"), NULL },
    { S(""), NULL },
    { S(" "), NULL },
};


/* every day there is, in each form, against a calendar that counts */

static void
test_days(void)
{
    int          y, m, d, wday;
    char         in[64], text[64];
    unsigned     failed;
    long long    sec;
    ref_type_t   want;

    static const char  *days[] = {
        "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday",
        "Wednesday"
    };
    static const char  *months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    memset(&want, 0, sizeof(want));
    want.text = text;

    failed = 0;
    sec = 365 * 86400LL;

    for (y = 1971; y <= 9999; y++) {
        for (m = 1; m <= 12; m++) {

            /* and the days before and behind those of the month */

            for (d = 0; d <= 32; d++) {

                want.type = (d < 1 || d > ref_month_days(y, m))
                            ? REF_MISTYPED : REF_OK;

                snprintf(in, sizeof(in), "%04d-%02d-%02d", y, m, d);
                snprintf(text, sizeof(text), "\"%.60s\"", in);
                want.len = strlen(text);
                failed += !does(TIME, in, strlen(in), 32, &want);

                /* the rest is the same calendar */

                if (y > 2110 && y % 100 > 1 && y < 9990) {
                    sec += want.type == REF_OK ? 86400 : 0;
                    continue;
                }

                wday = (int) (sec / 86400 % 7);
                snprintf(text, sizeof(text), "\"%04d-%02d-%02dT12:34:56\"",
                         y, m, d);
                want.len = strlen(text);

                snprintf(in, sizeof(in), "%04d-%02d-%02d 12:34:56", y, m, d);
                failed += !does(TIME, in, strlen(in), 32, &want);

                snprintf(in, sizeof(in), "%.3s, %02d %s %04d 12:34:56 GMT",
                         days[wday], d, months[m - 1], y);
                failed += !does(TIME, in, strlen(in), 32, &want);

                snprintf(in, sizeof(in), "%.3s %s %2d 12:34:56 %04d",
                         days[wday], months[m - 1], d, y);
                failed += !does(TIME, in, strlen(in), 32, &want);

                if (y <= 2070) {
                    snprintf(in, sizeof(in), "%s, %02d-%s-%02d 12:34:56 GMT",
                             days[wday], d, months[m - 1], y % 100);
                    failed += !does(TIME, in, strlen(in), 32, &want);
                }

                if (want.type != REF_OK) {
                    continue;
                }

                snprintf(in, sizeof(in), "%lld.5", sec + 45296);
                failed += !does(TIME, in, strlen(in), 32, &want);

                if (sec > 253402301 && sec < 9999900000LL) {
                    snprintf(in, sizeof(in), "%lld999", sec + 45296);
                    failed += !does(TIME, in, strlen(in), 32, &want);
                }

                sec += 86400;
            }
        }
    }

    tap_is_u64(failed, 0, "time: every day from 1971 to 9999");
    tap_is_u64((uint64_t) sec, 253402300800ULL, "time: of which none lacks");
}


static void
test_seconds(void)
{
    int         k;
    char        in[64], text[32];
    size_t      i;
    time_t      t;
    unsigned    failed;
    ref_type_t  want;
    struct tm   tm;

    memset(&want, 0, sizeof(want));
    want.text = text;
    want.len = 21;
    failed = 0;

    for (i = 0; i < 200000; i++) {

        t = (time_t) (31536000 + rnd(253402300800ULL - 31536000));
        gmtime_r(&t, &tm);
        strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%S\"", &tm);

        snprintf(in, sizeof(in), "%lld", (long long) t);
        failed += !does(TIME, in, strlen(in), 32, &want);

        k = (int) rnd(2 * 1439 + 1) - 1439;
        t += k * 60;

        if (t < 31536000 || t > 253402300799LL) {
            continue;
        }

        gmtime_r(&t, &tm);
        strftime(in, sizeof(in), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(in + 19, sizeof(in) - 19, ".%u%c%02d%s%02d",
                 (unsigned) rnd(1000), k < 0 ? '-' : '+', abs(k) / 60,
                 rnd(2) ? ":" : "", abs(k) % 60);
        failed += !does(TIME, in, strlen(in), 32, &want);
    }

    tap_is_u64(failed, 0, "time: random seconds, random offsets");
}


/* each row of the tables damaged: a byte less, more, or another */

static void
test_damage(int kind, const row_t *row, size_t n)
{
    char      in[256];
    size_t    i, k, r, len;
    unsigned  failed;

    static const char  bytes[] =
        "\0\t\n \"+,-./0123456789:Z[\\]_abetuz{}~\x7f\x80\xc3\xed\xff";

    failed = 0;

    for (r = 0; r < n; r++) {

        len = row[r].len;

        for (i = 0; i <= len; i++) {

            failed += !same(kind, row[r].in, i);
            failed += !same(kind, row[r].in + i, len - i);

            for (k = 0; k < sizeof(bytes) - 1; k++) {

                memcpy(in, row[r].in, len);
                memmove(in + i + 1, in + i, len - i);
                in[i] = bytes[k];
                failed += !same(kind, in, len + 1);

                if (i < len) {
                    memcpy(in, row[r].in, len);
                    in[i] = bytes[k];
                    failed += !same(kind, in, len);
                }
            }
        }
    }

    tap_is_u64(failed, 0, "each of these damaged in every place");
}


/* n elements of each text, between the brackets, as they should come out */

static void
test_many(int kind, const char *element, size_t n, int type,
    const char *name)
{
    char        *in;
    size_t       i, len;
    ref_type_t   ref;

    in = malloc(n * 600 + 3);
    len = 0;

    if (kind == JSON) {
        in[len++] = element[0] == '\"' && strchr(element, ':') ? '{' : '[';
    }

    for (i = 0; i < n; i++) {
        len += (size_t) sprintf(in + len, "%s", i ? "," : "");
        len += (size_t) sprintf(in + len, element, (int) i);
    }

    if (kind == JSON) {
        in[len++] = in[0] == '{' ? '}' : ']';
    }

    ref = types[kind].ref(in, len);

    tap_ok(ref.type == type && does(kind, in, len, ROOM, &ref), "%s", name);

    free(ref.text);
    free(in);
}


static void
test_limits(void)
{
    char        *s, *e;
    size_t       i;
    unsigned     failed;
    ref_type_t   ref;

    test_many(LIST, "%d", 254, REF_OK, "list: 254 elements");
    test_many(LIST, "%d", 255, REF_MISTYPED, "list: 255 elements");
    test_many(LIST, ",%d, ", 254, REF_OK, "list: empty ones do not count");
    test_many(LIST, " ", 70000, REF_EMPTY, "list: nothing, much of it");
    test_many(JSON, "%d", 254, REF_OK, "json: 254 elements");
    test_many(JSON, "%d", 255, REF_MISTYPED, "json: 255 elements");
    test_many(JSON, "\"%d\":0", 254, REF_OK, "json: 254 names");
    test_many(JSON, "\"%d\":0", 255, REF_MISTYPED, "json: 255 names");
    test_many(JSON, "{\"a\":[%d]}", 254, REF_OK, "json: 254 objects");
    test_many(JSON, "[", 100000, REF_MISTYPED, "json: as deep as it likes");

    /* around 8 KB, which 28 make it: 32 elements of 255 with what is around
     * them, and one of i with its quotes, and the brackets */

    s = malloc(10000);
    failed = 0;

    for (i = 1; i < 80; i++) {

        memset(s, 'x', 10000);

        for (e = s; e < s + 32 * 253; e += 253) {
            e[252] = ',';
        }

        ref = ref_list(s, 32 * 253 + i);
        failed += ref.type != (i > 28 ? REF_MISTYPED : REF_OK);
        failed += !does(LIST, s, 32 * 253 + i, ROOM, &ref);
        failed += !does(LIST, s, 32 * 253 + i, REF_SIZE, &ref);
        failed += !does(LIST, s, 32 * 253 + i, REF_SIZE - 1, &ref);

        e = copy(ref.text, ref.len);
        failed += !same(JSON, e, ref.len);
        free(e);
        free(ref.text);
    }

    tap_is_u64(failed, 0, "list and json: around 8 KB");

    /* around 255 bytes, with two bytes and with six in the way */

    failed = 0;

    for (i = 240; i < 270; i++) {

        memset(s, 'x', 1000);
        failed += !same(LIST, s, i);

        memcpy(s + i, "\xc3\xa9y", 3);
        failed += !same(LIST, s, i + 3);

        memset(s, 'x', 1000);
        s[0] = '"';
        memcpy(s + i, "\\u00e9y\"", 8);
        failed += !same(JSON, s, i + 8);

        memcpy(s + i, "\\ud83d\\ude00y\"", 14);
        failed += !same(JSON, s, i + 14);

        memcpy(s + i, "\xff\\n\"", 4);
        failed += !same(JSON, s, i + 4);

        /* two names that differ there */

        s[0] = '{';
        s[1] = '"';
        memcpy(s + i, "\":1,\"", 5);
        memcpy(s + i + 5, s + 2, i - 2);
        memcpy(s + 2 * i + 3, "y\":1}", 5);
        failed += !same(JSON, s, 2 * i + 8);
    }

    tap_is_u64(failed, 0, "list and json: around 255 bytes");

    free(s);
}


static void
test_cut(void)
{
    char        s[300];
    unsigned    cut;
    mxt_json_t  j;

    static char  buf[2000], two[519 + 1];

    memset(two, 'x', sizeof(two));
    two[259] = ',';

    memset(s, 'x', sizeof(s));
    s[0] = '"';
    s[299] = '"';

    cut = 0;
    mxt_json_init(&j, buf, sizeof(buf));
    mxt_type_json(&j, s, 300, &cut);
    tap_ok(cut == 1, "json: a string that was cut is told");

    cut = 1;
    mxt_type_json(&j, "1", 1, &cut);
    tap_ok(cut == 1, "json: nor is one before it forgotten");

    cut = 0;
    mxt_type_list(&j, s, 300, &cut);
    tap_ok(cut == 1, "list: a string that was cut is told");

    s[149] = ',';
    cut = 0;
    mxt_type_list(&j, s, 300, &cut);
    tap_ok(cut == 0, "list: none that was not");

    tap_ok(mxt_type_list(&j, two, sizeof(two) - 1, &cut) == MXT_TYPE_OK
           && cut == 2, "list: each one is");

    two[0] = two[258] = two[260] = two[518] = '"';
    tap_ok(mxt_type_json(&j, two, 259, &cut) == MXT_TYPE_OK && cut == 3,
           "json: and so it is");

    tap_ok(mxt_type_list(&j, NULL, 0, &cut) == MXT_TYPE_EMPTY
           && mxt_type_json(&j, NULL, 0, &cut) == MXT_TYPE_MISTYPED
           && mxt_type_time(&j, NULL, 0) == MXT_TYPE_MISTYPED,
           "no text at all");
}


/* names that all fall into one chain: slow, but found all the same */

static void
test_chain(void)
{
    char        *s, name[4];
    size_t       n, len, k;
    json_t      *root;
    unsigned     hash, cut;
    mxt_json_t   j;

    static char  buf[ROOM];

    s = malloc(10000);
    s[0] = '{';
    len = 1;
    n = 0;

    for (k = 0; n < 254; k++) {

        name[0] = (char) ('0' + k % 64);
        name[1] = (char) ('0' + k / 64 % 44);
        name[2] = (char) ('a' + k / 2816 % 26);
        name[3] = '\0';

        if (strpbrk(name, "\\\"")) {
            continue;
        }

        hash = (('"' * 31u + (unsigned char) name[0]) * 31
                + (unsigned char) name[1]) * 31 + (unsigned char) name[2];
        hash = hash * 31 + '"';
        hash = (hash ^ hash >> 8) % MXT_TYPE_CHAINS;

        if (hash == 7) {
            len += (size_t) sprintf(s + len, "%s\"%s\":0", n++ ? "," : "",
                                    name);
        }
    }

    s[len++] = '}';

    tap_ok(same(JSON, s, len), "json: 254 names in one chain");

    /* the last is the first once more */

    memcpy(s + len - 8, s + 1, 5);

    mxt_json_init(&j, buf, sizeof(buf));
    cut = 0;
    root = json_loadb(s, len, 0, NULL);
    tap_ok(json_object_size(root) == 253
           && mxt_type_json(&j, s, len, &cut) == MXT_TYPE_MISTYPED
           && j.pos == j.start,
           "json: and one of them comes twice");

    json_decref(root);
    free(s);
}


int
main(void)
{
    test_rows(TIME, times, countof(times));
    test_damage(TIME, times, countof(times));
    test_days();
    test_seconds();

    test_rows(LIST, lists, countof(lists));
    test_damage(LIST, lists, countof(lists));

    test_rows(JSON, jsons, countof(jsons));
    test_damage(JSON, jsons, countof(jsons));
    test_limits();
    test_cut();
    test_chain();

    return tap_done();
}
