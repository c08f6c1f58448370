
/*
 * Bodies taken apart: as the encoder makes them, with every kind of damage,
 * and with each allocation failing in its turn.  jansson is the oracle for
 * what an array is.
 */


#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>


/* of the calls below, number fail_at (from 0) finds no memory */

static int  fail_at = -1;
static int  fail_seen;

/* malloc'ed now, and at most */
static size_t  held, peak;

static int fault(void);
static void *test_malloc(size_t size);
static void *test_realloc(void *p, size_t size);
static void test_free(void *p);


#define malloc(n)      test_malloc(n)
#define realloc(p, n)  test_realloc(p, n)
#define free(p)        test_free(p)

#undef inflateInit2
#define inflateInit2(z, w)                                                   \
    (fault() ? Z_MEM_ERROR                                                   \
             : inflateInit2_(z, w, ZLIB_VERSION, (int) sizeof(z_stream)))
#define inflate(z, f)  (fault() ? Z_MEM_ERROR : inflate(z, f))

#include "../../src/core/mxt_array.c"

#undef malloc
#undef realloc
#undef free
#undef inflate


#include "../../src/core/mxt_batch.c"
#include "../../src/core/mxt_json.c"

#include "tap.h"


#define BOMB   (1024 * 1024 * 1024)
#define PIECE  (1024 * 1024)

#define HEAD   "{\"event\":\"a\",\"properties\":{\"token\":\"t\""


typedef struct {
    unsigned char  *data;
    size_t          len;
} body_t;


static void plain(void);
static void refused(void);
static void hostile_strings(void);
static void nested(void);
static void counts(void);
static void sizes(void);
static void round_trips(void);
static void damaged(void);
static void members(void);
static void bomb(void);
static void memory(void);
static void times(void);
static void insert_ids(void);
static void hostile_events(void);
static void torn_events(void);
static int opens(const char *text, unsigned n);
static int refuses(const void *body, size_t len, unsigned gzip,
    const char *want);
static unsigned same(const mxt_array_t *a, const char *text, size_t len);
static body_t pack(const void *text, size_t len);
static void exact(body_t *b, const void *data, size_t len);
static uint64_t time_of(const char *event);
static int id_is(const char *event, const char *want);


int
main(void)
{
    plain();
    refused();
    hostile_strings();
    nested();
    counts();
    sizes();
    round_trips();
    damaged();
    members();
    bomb();
    memory();
    times();
    insert_ids();
    hostile_events();
    torn_events();

    tap_is_u64(held, 0, "all memory is freed");

    return tap_done();
}


static void
plain(void)
{
    mxt_span_t   span;
    mxt_array_t  a;
    const char  *why;

    static const char  text[] =
        " \r\n\t[ {\"a\":1} ,{} ,\n {\"b\":[{},{\"c\":[]}]}\t] \n";

    tap_ok(opens("[]", 0), "an array of none");
    tap_ok(opens(" [ \n ] ", 0), "with space in it");
    tap_ok(opens("[{}]", 1), "one event");
    tap_ok(opens("[{},{},{}]", 3), "three events");
    tap_ok(opens(text, 3), "with white space wherever it may be");

    (void) mxt_array_open(&a, text, strlen(text), 0, &why);

    mxt_array_span(&a, 0, 1, &span);
    tap_is_str(span.data, span.len, " {\"a\":1} ,", "the first");
    mxt_array_span(&a, 1, 2, &span);
    tap_is_str(span.data, span.len, "{} ,", "the second");
    mxt_array_span(&a, 2, 3, &span);
    tap_is_str(span.data, span.len, "\n {\"b\":[{},{\"c\":[]}]}\t,",
               "the last, with a comma");
    mxt_array_span(&a, 1, 3, &span);
    tap_is_str(span.data, span.len, "{} ,\n {\"b\":[{},{\"c\":[]}]}\t,",
               "two of them");
    mxt_array_span(&a, 0, 0, &span);
    tap_is_u64(span.len, 0, "none, from the start");
    mxt_array_span(&a, 3, 3, &span);
    tap_is_u64(span.len, 0, "none, at the end");

    mxt_array_close(&a);
    tap_ok(a.data == NULL && a.end == NULL && a.n == 0, "closed");
    mxt_array_close(&a);

    /* numbers and words are the server's to judge */

    tap_ok(opens("[{\"a\":01,\"b\":nul,c:+1}]", 1), "not quite JSON inside");
}


static void
refused(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        const char  *why;
    } bad[] = {
        { "", "torn" },
        { "  ", "torn" },
        { "[", "torn" },
        { "[ ", "torn" },
        { "[{", "torn" },
        { "[{}", "torn" },
        { "[{} ", "torn" },
        { "[{},", "torn" },
        { "[{}, ", "torn" },
        { "[{\"a", "torn" },
        { "[{\"a\\", "torn" },
        { "[{\"a\\\"}]", "torn" },
        { "{}", "not an array of objects" },
        { "null", "not an array of objects" },
        { "x[{}]", "not an array of objects" },
        { "\xef\xbb\xbf[{}]", "not an array of objects" },
        { "[,{}]", "not an array of objects" },
        { "[{},]", "not an array of objects" },
        { "[{},,{}]", "not an array of objects" },
        { "[{}{}]", "not an array of objects" },
        { "[{} {}]", "not an array of objects" },
        { "[{}}]", "not an array of objects" },
        { "[{}:{}]", "not an array of objects" },
        { "[{\"a\":[}]}]", "not an array of objects" },
        { "[{\"a\":{]}}]", "not an array of objects" },
        { "[{]", "not an array of objects" },
        { "[1,2,3]", "not an array of objects" },
        { "[\"a\"]", "not an array of objects" },
        { "[[]]", "not an array of objects" },
        { "[[{}]]", "not an array of objects" },
        { "[{},1]", "not an array of objects" },
        { "[{},null]", "not an array of objects" },
        { "[\f{}]", "not an array of objects" },
        { "[{}]x", "more behind the array" },
        { "[{}]]", "more behind the array" },
        { "[{}],", "more behind the array" },
        { "[{}][{}]", "more behind the array" },
        { "[]x", "more behind the array" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(refuses(bad[i].text, strlen(bad[i].text), 0, bad[i].why),
               "%s: %s", bad[i].text, bad[i].why);
    }

    tap_ok(refuses("[{}]\0", 5, 0, "more behind the array"),
           "a NUL behind it");
    tap_ok(refuses(NULL, 0, 0, "torn"), "no body at all");
    tap_ok(refuses(NULL, 0, 1, "torn"), "nothing, packed");
}


static void
hostile_strings(void)
{
    tap_ok(opens("[{\"a\":\"}],[{\"},{\"b\":\"]\"}]", 2), "brackets");
    tap_ok(opens("[{\"a\":\"\\\"},{\\\"\"},{}]", 2), "escaped quotes");
    tap_ok(opens("[{\"\\\\\":1},{\"\\\\\\\"\":\"\\\\\"}]", 2),
           "escaped backslashes");
    tap_ok(opens("[{\"},{\":\"\\u0022\"},{\",\":\",\"}]", 2), "names");
    tap_ok(opens("[{\"a\":[\"]\",{\"b\":\"}\"}]},{}]", 2), "deeper ones");
    tap_ok(opens("[{\"a\":\"\xc3\xa4\xff\"}]", 1),
           "bytes that are not UTF-8");
}


static void
nested(void)
{
    char      *text, *p;
    unsigned   depth, i;

    text = malloc(7 * MXT_ARRAY_DEPTH + 64);

    for (depth = MXT_ARRAY_DEPTH - 1; depth <= MXT_ARRAY_DEPTH + 1; depth++) {

        p = text;
        *p++ = '[';

        for (i = 0; i < depth; i++) {
            p += sprintf(p, (i & 1) ? "[" : "{\"a\":");
        }

        while (i--) {
            *p++ = (i & 1) ? ']' : '}';
        }

        *p++ = ']';

        if (depth <= MXT_ARRAY_DEPTH) {
            *p = '\0';
            tap_ok(opens(text, 1), "%u deep", depth);

        } else {
            tap_ok(refuses(text, (size_t) (p - text), 0, "nested too deep"),
                   "%u deep", depth);
        }
    }

    free(text);

    text = malloc(MXT_ARRAY_MAX);
    memset(text, '{', MXT_ARRAY_MAX);
    text[0] = '[';
    tap_ok(refuses(text, MXT_ARRAY_MAX, 0, "nested too deep"),
           "16 MB of brackets");
    free(text);
}


static void
counts(void)
{
    char      *text;
    unsigned   i, n;

    text = malloc(3 * (MXT_ARRAY_EVENTS + 1) + 2);
    text[0] = '[';

    for (i = 0; i <= MXT_ARRAY_EVENTS; i++) {
        memcpy(text + 1 + 3 * i, "{},", 3);
    }

    for (n = 255; n <= 1025; n = (n == 257) ? 1023 : n + 1) {
        memcpy(text + 3 * n, "]", 2);
        tap_ok(opens(text, n), "%u events", n);
        text[3 * n] = ',';
        text[3 * n + 1] = '{';
    }

    n = MXT_ARRAY_EVENTS + 1;
    memcpy(text + 3 * n, "]", 2);
    tap_ok(refuses(text, strlen(text), 0, "more than 65536 events"),
           "one event too many");

    n--;
    memcpy(text + 3 * n, "]", 2);
    tap_ok(opens(text, n), "%u events", n);

    free(text);
}


/* at the limit and one byte beyond it, plain and packed */

static void
sizes(void)
{
    int           rc;
    char         *text;
    body_t        b;
    size_t        len;
    mxt_array_t   a;
    const char   *why;

    text = malloc(MXT_ARRAY_MAX + 1);

    for (len = MXT_ARRAY_MAX; len <= MXT_ARRAY_MAX + 1; len++) {

        memset(text, 'x', len);
        memcpy(text, "[{\"a\":\"", 7);
        memcpy(text + len - 3, "\"}]", 3);

        b = pack(text, len);

        if (len == MXT_ARRAY_MAX) {
            rc = mxt_array_open(&a, text, len, 0, &why);
            tap_ok(rc == 0 && a.n == 1 && same(&a, text, len), "16 MB");
            mxt_array_close(&a);

            peak = held;
            rc = mxt_array_open(&a, b.data, b.len, 1, &why);
            tap_ok(rc == 0 && a.n == 1 && same(&a, text, len),
                   "16 MB, packed");
            tap_ok(peak <= 2 * MXT_ARRAY_MAX, "in twice the memory");
            mxt_array_close(&a);

        } else {
            tap_ok(refuses(text, len, 0, "larger than 16 MB"),
                   "and one byte");
            tap_ok(refuses(b.data, b.len, 1, "larger than 16 MB"),
                   "and one byte, packed");
            tap_ok(refuses(text, len, 1, "larger than 16 MB"),
                   "what is packed and larger is not even looked at");
        }

        free(b.data);
    }

    free(text);
}


/* what the encoder made, and its encoding of what came out of it */

static void
round_trips(void)
{
    int             level, rc;
    char            text[4000], event[40];
    size_t          len, again_len, n;
    unsigned        i, bad;
    mxt_span_t      span[3], other[3], one;
    mxt_array_t     a, again;
    const char     *why;
    mxt_encoder_t  *e;
    unsigned char  *body, *body_again;

    for (i = 0, n = 0; i < 100; i++) {
        n += (size_t) sprintf(text + n, "{\"event\":\"%u\",\"x\":\"]},\"},",
                              i);

        if (i == 9 || i == 49) {
            span[i / 40].data = (unsigned char *) text;
            span[i / 40].len = n;
        }
    }

    span[2].data = span[0].data + span[1].len;
    span[2].len = n - span[1].len;
    span[1].data += span[0].len;
    span[1].len -= span[0].len;

    for (level = 0; level <= 9; level += 3) {

        e = mxt_encoder_create(level);
        (void) mxt_encoder_encode(e, span, 3, level == 3, &body, &len);

        rc = mxt_array_open(&a, body, len, level != 0, &why);
        tap_ok(rc == 0 && a.n == 100, "level %d is taken apart", level);

        for (i = 0, bad = 0; i < a.n; i++) {
            mxt_array_span(&a, i, i + 1, &one);
            n = (size_t) snprintf(event, sizeof(event),
                                  "{\"event\":\"%u\",\"x\":\"]},\"},", i);
            bad += one.len != n || memcmp(one.data, event, n) != 0;
        }

        tap_is_u64(bad, 0, "into what it was made of");

        /* in other company */

        mxt_array_span(&a, 40, 100, &other[0]);
        mxt_array_span(&a, 0, 1, &other[1]);
        mxt_array_span(&a, 1, 40, &other[2]);
        (void) mxt_encoder_encode(e, other, 3, 0, &body_again, &again_len);

        rc = mxt_array_open(&again, body_again, again_len, level != 0, &why);
        tap_ok(rc == 0 && again.n == 100 && again.len == a.len,
               "and put together in another order");

        for (i = 0, bad = 0; rc == 0 && i < 100; i++) {
            mxt_array_span(&a, (i + 40) % 100, (i + 40) % 100 + 1, &one);
            mxt_array_span(&again, i, i + 1, &other[0]);
            bad += one.len != other[0].len
                   || memcmp(one.data, other[0].data, one.len) != 0;
        }

        tap_is_u64(bad, 0, "it has the same events");

        mxt_array_close(&again);
        mxt_array_close(&a);
        mxt_encoder_destroy(e);
        free(body_again);
        free(body);
    }
}


/* a small body torn after each byte, and with each bit of it flipped */

static void
damaged(void)
{
    int           rc;
    body_t        b, torn;
    size_t        i;
    unsigned      bit, bad;
    mxt_array_t   a;
    const char   *why;

    static const char  text[] =
        "[{\"event\":\"a\",\"properties\":{\"time\":1}},{\"event\":\"b\"}]";

    b = pack(text, strlen(text));

    for (i = 0, bad = 0; i < b.len; i++) {
        exact(&torn, b.data, i);
        bad += !refuses(torn.data, i, 1, "torn");
        free(torn.data);
    }

    tap_is_u64(bad, 0, "torn after each byte");

    for (i = 0, bad = 0; i < strlen(text); i++) {
        exact(&torn, text, i);
        bad += !refuses(torn.data, i, 0, "torn");
        free(torn.data);
    }

    tap_is_u64(bad, 0, "and the same of a plain one");

    for (i = b.len - 8; i < b.len; i++) {
        b.data[i] ^= 0x10;
        tap_ok(refuses(b.data, b.len, 1, "damaged"),
               "byte %zu of checksum and length", i + 8 - b.len);
        b.data[i] ^= 0x10;
    }

    /* time, flags and system of the header mean nothing to us */

    for (i = 0, bad = 0; i < b.len; i++) {
        for (bit = 1; bit < 256; bit <<= 1) {

            b.data[i] ^= (unsigned char) bit;
            rc = mxt_array_open(&a, b.data, b.len, 1, &why);
            b.data[i] ^= (unsigned char) bit;

            bad += (rc == 0) ? !same(&a, text, strlen(text))
                             : why == NULL || a.data != NULL || i == 4;
            mxt_array_close(&a);
        }
    }

    tap_is_u64(bad, 0, "each bit flipped: refused, or the same");

    tap_ok(refuses(b.data, b.len, 0, "not an array of objects"),
           "packed, but not said to be");
    tap_ok(refuses(text, strlen(text), 1, "not gzip"),
           "plain, but said to be packed");

    free(b.data);

    /* zlib's own format is another one */

    b.len = compressBound(sizeof(text));
    b.data = malloc(b.len);
    (void) compress(b.data, &b.len, (const unsigned char *) text,
                    strlen(text));
    tap_ok(refuses(b.data, b.len, 1, "not gzip"), "zlib");
    b.data[0] = 0x1f;
    tap_ok(refuses(b.data, b.len, 1, "not gzip"), "half the magic");
    free(b.data);
}


static void
members(void)
{
    body_t  b, two;

    b = pack("[{}]", 4);
    exact(&two, b.data, b.len);
    two.data = realloc(two.data, 2 * b.len);

    memcpy(two.data + b.len, b.data, b.len);
    tap_ok(refuses(two.data, 2 * b.len, 1, "more behind the gzip stream"),
           "two members");

    tap_ok(refuses(two.data, b.len + 1, 1, "more behind the gzip stream"),
           "a byte of a second");

    two.data[b.len] = '\0';
    tap_ok(refuses(two.data, b.len + 1, 1, "more behind the gzip stream"),
           "a NUL behind it");

    free(two.data);
    free(b.data);

    b = pack("", 0);
    tap_ok(refuses(b.data, b.len, 1, "torn"), "nothing in it");
    free(b.data);

    b = pack("[{}", 3);
    tap_ok(refuses(b.data, b.len, 1, "torn"), "half an array in it");
    free(b.data);
}


/* 1 GB, which is nowhere at any time */

static void
bomb(void)
{
    int             rc;
    body_t          b;
    size_t          left;
    z_stream        z;
    unsigned char  *piece;

    b.len = 8 * 1024 * 1024;
    b.data = malloc(b.len);

    piece = malloc(PIECE);
    memset(piece, ' ', PIECE);

    memset(&z, 0, sizeof(z));
    (void) deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    z.next_out = b.data;
    z.avail_out = (uInt) b.len;

    rc = Z_OK;

    for (left = BOMB; left && rc == Z_OK; left -= PIECE) {
        z.next_in = piece;
        z.avail_in = PIECE;
        rc = deflate(&z, left == PIECE ? Z_FINISH : Z_NO_FLUSH);
    }

    b.len = z.total_out;

    tap_ok(rc == Z_STREAM_END && z.total_in == BOMB, "a bomb of %zu bytes",
           b.len);

    (void) deflateEnd(&z);
    free(piece);

    peak = held;
    tap_ok(refuses(b.data, b.len, 1, "larger than 16 MB"), "is refused");
    tap_ok(peak > MXT_ARRAY_MAX && peak <= 2 * MXT_ARRAY_MAX,
           "for %zu bytes of memory", peak);

    free(b.data);
}


/* without memory it is nobody's fault, and nothing is held */

static void
memory(void)
{
    int           i, rc, bad, gzip, calls[2];
    body_t        b, body[2];
    char         *text;
    size_t        n, before;
    mxt_array_t   a;
    const char   *why;

    text = malloc(4 * 70000 + 2);

    /* as large as to grow both buffers */

    text[0] = '[';

    for (n = 0; n < 60000; n++) {
        memcpy(text + 1 + 4 * n, n < 59999 ? "{ }," : "{ }]", 5);
    }

    exact(&body[0], text, strlen(text));
    body[1] = pack(text, strlen(text));
    before = held;

    for (gzip = 0; gzip < 2; gzip++) {

        b = body[gzip];

        for (i = 0, rc = -1, bad = 0; i < 100; i++) {
            why = "?";
            fail_at = i;
            fail_seen = 0;
            rc = mxt_array_open(&a, b.data, b.len, (unsigned) gzip, &why);
            fail_at = -1;

            if (rc == 0) {
                break;
            }

            bad += why != NULL || held != before || a.data || a.end;
        }

        calls[gzip] = i;

        tap_ok(rc == 0 && a.n == 60000 && bad == 0,
               "each of %d failures leaves nothing", i);
        mxt_array_close(&a);
    }

    /* the text, or inflate and three times a buffer and inflate again, from
     * 64 KB to 256 KB; 256 to 65536 events */

    tap_is_u64((uint64_t) calls[0], 1 + 9, "all of them seen");
    tap_is_u64((uint64_t) calls[1], 1 + 2 * 3 + 9, "and of a packed one");

    free(body[0].data);
    free(body[1].data);
    free(text);
}


static void
times(void)
{
    tap_is_u64(time_of(HEAD ",\"time\":1700000000123,\"$insert_id\":\"x\"}},"),
               1700000000123ULL, "the time of an event");
    tap_is_u64(time_of(" { \"event\" : \"a\" , \"properties\" : { \"time\" :"
                       " 17 } } ,"), 17, "with white space");
    tap_is_u64(time_of("{\"properties\":{\"time\":17},\"event\":\"a\"}"), 17,
               "in another order");
    tap_is_u64(time_of(HEAD ",\"time\":17}"), 17, "the rest missing");
    tap_is_u64(time_of(HEAD ",\"time\":18446744073709551599}}"),
               18446744073709551599ULL, "a large one");

    tap_is_u64(time_of(HEAD ",\"time\":18446744073709551616}}"), 0,
               "one too large");
    tap_is_u64(time_of(HEAD ",\"time\":99999999999999999999999}}"), 0,
               "one far too large");
    tap_is_u64(time_of(HEAD ",\"time\":17.5}}"), 0, "a fraction");
    tap_is_u64(time_of(HEAD ",\"time\":17e3}}"), 0, "an exponent");
    tap_is_u64(time_of(HEAD ",\"time\":-17}}"), 0, "a negative one");
    tap_is_u64(time_of(HEAD ",\"time\":\"17\"}}"), 0, "a string");
    tap_is_u64(time_of(HEAD ",\"time\":null}}"), 0, "null");
    tap_is_u64(time_of(HEAD ",\"time\":}}"), 0, "nothing");
    tap_is_u64(time_of(HEAD ",\"time\":17"), 0, "torn");
    tap_is_u64(time_of(HEAD "}}"), 0, "none");
    tap_is_u64(time_of("{\"event\":\"a\",\"time\":17}"), 0,
               "not in properties");
    tap_is_u64(time_of("{\"properties\":17,\"time\":17}"), 0,
               "properties of another kind");
    tap_is_u64(time_of("{\"properties\":[{\"time\":17}]}"), 0,
               "an array of properties");
    tap_is_u64(time_of("{\"a\":{\"properties\":{\"time\":17}}}"), 0,
               "deeper");
    tap_is_u64(time_of("{\"properties\":{\"a\":{\"time\":17}}}"), 0,
               "deeper still");
    tap_is_u64(time_of("{\"properties\":{\"a\":[{\"time\":17}],\"b\":nul,"
                       "\"c\":{},\"time\":18}}"), 18, "behind others");
    tap_is_u64(time_of("[{\"properties\":{\"time\":17}}]"), 0, "an array");
    tap_is_u64(time_of("null,"), 0, "null for an event");
    tap_is_u64(time_of(""), 0, "no event");
}


static void
insert_ids(void)
{
    tap_ok(id_is(HEAD ",\"time\":17,\"$insert_id\":\"0a1b-2\",\"x\":1}},",
                 "0a1b-2"), "the $insert_id of an event");
    tap_ok(id_is(HEAD ",\"$insert_id\":\"\"}}", ""), "an empty one");
    tap_ok(id_is(HEAD ",\"$insert_id\":\"a\\\"b\"}}", "a\\\"b"),
           "one with an escape, as it is written");
    tap_ok(id_is(HEAD ",\"$insert_id\":17}}", NULL), "a number");
    tap_ok(id_is(HEAD ",\"$insert_id\":\"abc", NULL), "torn");
    tap_ok(id_is(HEAD ",\"$insert_id\":\"abc\\", NULL), "torn in an escape");
    tap_ok(id_is(HEAD ",\"$insert_id\"}}", NULL), "no value");
    tap_ok(id_is(HEAD ",\"insert_id\":\"abc\",\"$insert_i\":\"d\"}}", NULL),
           "other names");
    tap_ok(id_is(HEAD "}}", NULL), "none");
    tap_ok(id_is("", NULL), "no event");
}


/* names, tokens and values that would be keys if they could */

static void
hostile_events(void)
{
    char        buf[8192];
    size_t      i, k, n;
    unsigned    bad;
    mxt_json_t  j;

    static const char *const  text[] = {
        "\",\"time\":666,\"$insert_id\":\"evil\",\"x\":\"",
        "\"},\"properties\":{\"time\":666,\"$insert_id\":\"evil\"}},{\"x\":\"",
        "a\",\"properties\":{\"token\":\"t\",\"time\":666,\"$insert_id\":\"e",
        "\\", "\\\\", "\\\"", "\\\",\"time\":666", "\"", "\"}}", "{", "}", "[",
        "],[", "time", "$insert_id", "properties", ",\"time\":666,", ":", ",",
        "\",\"time\":666,\"$insert_id\":\"evil\\", "\n\t\x01\x7f\xff"
    };

    static const char *const  before[] = {
        "{\"event\":", ",\"properties\":{\"token\":",
        ",\"time\":1700000000123,\"$insert_id\":\"good\",\"a\":", ",\"b\":"
    };

    bad = 0;

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {

        mxt_json_init(&j, buf, sizeof(buf));

        for (k = 0; k < 4; k++) {
            mxt_json_raw(&j, before[k], strlen(before[k]));
            (void) mxt_json_string(&j, text[i], strlen(text[i]));
        }

        mxt_json_raw(&j, "}},", 4);

        if (time_of(buf) != 1700000000123ULL || !id_is(buf, "good")) {
            tap_diag("%s", buf);
            bad++;
        }

        /* and without any time or id of its own */

        mxt_json_init(&j, buf, sizeof(buf));

        for (k = 0; k < 4; k++) {
            n = (k == 2) ? 0 : strlen(before[k]);
            mxt_json_raw(&j, k == 2 ? ",\"c\":" : before[k], k == 2 ? 5 : n);
            (void) mxt_json_string(&j, text[i], strlen(text[i]));
        }

        mxt_json_raw(&j, "}},", 4);

        if (time_of(buf) != 0 || !id_is(buf, NULL)) {
            tap_diag("%s", buf);
            bad++;
        }
    }

    tap_is_u64(bad, 0, "hostile names, tokens and values");
}


/* an event that ends anywhere is read no further */

static void
torn_events(void)
{
    size_t       i, n;
    body_t       b;
    unsigned     bad;
    uint64_t     time;
    const char  *id;

    static const char  event[] =
        "{\"event\":\"a\\\"\",\"properties\":{\"x\":[{}],\"y\":tru,"
        "\"time\":17,\"$insert_id\":\"id\"}},";

    bad = 0;

    for (i = 0; i <= strlen(event); i++) {
        exact(&b, event, i);

        time = mxt_event_time(b.data, i);
        id = mxt_event_insert_id(b.data, i, &n);

        bad += time != (i > (size_t) (strstr(event, ",\"$i") - event)
                        ? 17 : 0);
        bad += (id != NULL) != (i > (size_t) (strstr(event, "\"}},") - event));

        free(b.data);
    }

    tap_is_u64(bad, 0, "torn after each byte");
}


/* a plain text is taken, with n events, as jansson sees it if it can, and
 * so is its gzip */

static int
opens(const char *text, unsigned n)
{
    int           gzip, rc;
    body_t        b;
    size_t        before;
    json_t       *array;
    unsigned      ok;
    mxt_array_t   a;
    const char   *why;

    ok = 1;
    array = json_loads(text, 0, NULL);

    for (gzip = 0; gzip < 2; gzip++) {

        if (gzip) {
            b = pack(text, strlen(text));

        } else {
            exact(&b, text, strlen(text));
        }

        before = held;
        rc = mxt_array_open(&a, b.data, b.len, (unsigned) gzip, &why);

        if (rc != 0) {
            tap_diag("%s: %s", gzip ? "packed" : "plain",
                     why ? why : "no memory");
        }

        ok &= rc == 0 && a.n == n && same(&a, text, strlen(text))
              && (array == NULL || json_array_size(array) == n);

        mxt_array_close(&a);
        ok &= held == before;
        free(b.data);
    }

    json_decref(array);

    return (int) ok;
}


static int
refuses(const void *body, size_t len, unsigned gzip, const char *want)
{
    int           rc;
    size_t        before;
    mxt_array_t   a;
    const char   *why;

    memset(&a, 0xff, sizeof(a));
    why = NULL;
    before = held;

    rc = mxt_array_open(&a, body, len, gzip, &why);

    if (rc == 0 || why == NULL || strcmp(why, want) != 0) {
        tap_diag("%s, and not %s", rc == 0 ? "taken" : why ? why : "no memory",
                 want);
        mxt_array_close(&a);
        return 0;
    }

    return held == before && a.data == NULL && a.end == NULL && a.n == 0;
}


/* is it the text again, between its white space? */

static unsigned
same(const mxt_array_t *a, const char *text, size_t len)
{
    size_t      n;
    unsigned    i;
    mxt_span_t  span;

    while (len && strchr(" \t\r\n", text[0])) {
        text++;
        len--;
    }

    while (len && strchr(" \t\r\n", text[len - 1])) {
        len--;
    }

    if (a->n == 0) {
        return len >= 2 && text[0] == '[' && text[len - 1] == ']';
    }

    /* piece by piece, and all at once */

    for (i = 0, n = 1; i < a->n; i++) {
        mxt_array_span(a, i, i + 1, &span);

        if (span.len < 2 || n + span.len > len
            || memcmp(span.data, text + n, span.len - 1) != 0
            || span.data[span.len - 1] != ','
            || text[n + span.len - 1] != (i + 1 == a->n ? ']' : ','))
        {
            return 0;
        }

        n += span.len;
    }

    mxt_array_span(a, 0, a->n, &span);

    return n == len && span.len == len - 1
           && memcmp(span.data, text + 1, len - 2) == 0;
}


static body_t
pack(const void *text, size_t len)
{
    body_t    b;
    z_stream  z;

    memset(&z, 0, sizeof(z));
    (void) deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);

    b.len = deflateBound(&z, len);
    b.data = malloc(b.len);

    z.next_in = (unsigned char *) (uintptr_t) text;
    z.avail_in = (uInt) len;
    z.next_out = b.data;
    z.avail_out = (uInt) b.len;

    (void) deflate(&z, Z_FINISH);
    b.len = z.total_out;
    (void) deflateEnd(&z);

    return b;
}


/* a copy with nothing behind it that could be read */

static void
exact(body_t *b, const void *data, size_t len)
{
    b->data = malloc(len);
    b->len = len;

    if (len) {
        memcpy(b->data, data, len);
    }
}


static uint64_t
time_of(const char *event)
{
    body_t    b;
    uint64_t  time;

    exact(&b, event, strlen(event));
    time = mxt_event_time(b.data, b.len);
    free(b.data);

    return time;
}


static int
id_is(const char *event, const char *want)
{
    int          is;
    body_t       b;
    size_t       n;
    const char  *id;

    exact(&b, event, strlen(event));

    id = mxt_event_insert_id(b.data, b.len, &n);

    is = (id == NULL || want == NULL)
         ? id == NULL && want == NULL
         : n == strlen(want) && memcmp(id, want, n) == 0;

    free(b.data);

    return is;
}


static int
fault(void)
{
    return fail_at != -1 && fail_seen++ == fail_at;
}


static void *
test_malloc(size_t size)
{
    return test_realloc(NULL, size);
}


/* while it moves, the old one is there beside the new one */

static void *
test_realloc(void *p, size_t size)
{
    size_t  old;

    if (fault()) {
        return NULL;
    }

    old = malloc_usable_size(p);

    p = realloc(p, size);
    size = malloc_usable_size(p);

    held += size;
    peak = (held > peak) ? held : peak;
    held -= old;

    return p;
}


static void
test_free(void *p)
{
    held -= malloc_usable_size(p);
    free(p);
}
