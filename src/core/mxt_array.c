
/*
 * A body taken apart again.
 *
 * The invariant: what was accepted is "[", n times an object with a comma
 * behind it, and white space around them; its bytes are those that came, but
 * for the last comma, which stands where the bracket stood.
 */


#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "mxt_array.h"


/* windowBits: 15 for the largest window, 16 for gzip and nothing else */
#define MXT_ARRAY_WINDOW  (15 + 16)

/* what the buffers begin with; they grow by doubling */
#define MXT_ARRAY_BUFFER  65536
#define MXT_ARRAY_FIRST   256

/* objects and arrays within each other, as many as jansson takes */
#define MXT_ARRAY_DEPTH   2048


static const char  mxt_array_torn[] = "torn";
static const char  mxt_array_other[] = "not an array of objects";
static const char  mxt_array_large[] = "larger than 16 MB";


static int mxt_array_copy(mxt_array_t *a, const void *body, size_t len);
static int mxt_array_inflate(mxt_array_t *a, const unsigned char *body,
    size_t len, const char **why);
static int mxt_array_inflate_all(mxt_array_t *a, z_stream *z,
    const char **why);
static int mxt_array_grow(mxt_array_t *a, size_t *size);
static int mxt_array_scan(mxt_array_t *a, const char **why);
static int mxt_array_elements(mxt_array_t *a, const unsigned char *p,
    const unsigned char *last, const char **why);
static const unsigned char *mxt_array_element(const unsigned char *p,
    const unsigned char *last, const char **why);
static int mxt_array_add(mxt_array_t *a, uint32_t end, const char **why);
static const unsigned char *mxt_array_space(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_array_string(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_array_nested(const unsigned char *p,
    const unsigned char *last, const char **why);
static const unsigned char *mxt_array_value(const unsigned char *p,
    const unsigned char *last);
static const unsigned char *mxt_array_member(const unsigned char *p,
    const unsigned char *last, const char *key);
static const unsigned char *mxt_event_property(const unsigned char *event,
    size_t len, const char *key);


int
mxt_array_open(mxt_array_t *a, const void *body, size_t len, unsigned gzip,
    const char **why)
{
    int  rc;

    memset(a, 0, sizeof(mxt_array_t));

    *why = NULL;

    /* neither does what is packed have a reason to be larger than the limit */

    if (len > MXT_ARRAY_MAX) {
        *why = mxt_array_large;
        return -1;
    }

    rc = gzip ? mxt_array_inflate(a, body, len, why)
              : mxt_array_copy(a, body, len);

    if (rc == 0) {
        rc = mxt_array_scan(a, why);
    }

    if (rc != 0) {
        mxt_array_close(a);
    }

    return rc;
}


void
mxt_array_close(mxt_array_t *a)
{
    free(a->data);
    free(a->end);

    memset(a, 0, sizeof(mxt_array_t));
}


void
mxt_array_span(const mxt_array_t *a, uint32_t from, uint32_t to,
    mxt_span_t *span)
{
    size_t  start, end;

    /* the first begins behind the bracket */

    start = from ? a->end[from - 1] : 1;
    end = to ? a->end[to - 1] : 1;

    span->data = a->data + start;
    span->len = end - start;
}


uint64_t
mxt_event_time(const unsigned char *event, size_t len)
{
    uint64_t              time;
    const unsigned char  *p, *last;

    p = mxt_event_property(event, len, "time");

    if (p == NULL) {
        return 0;
    }

    last = event + len;
    time = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        if (time > (UINT64_MAX - 9) / 10) {
            return 0;
        }

        time = time * 10 + (uint64_t) (*p - '0');
    }

    /* a fraction, an exponent, a string: none of ours */

    p = mxt_array_space(p, last);

    return (p < last && (*p == ',' || *p == '}')) ? time : 0;
}


const char *
mxt_event_insert_id(const unsigned char *event, size_t len, size_t *n)
{
    const unsigned char  *p, *end;

    p = mxt_event_property(event, len, "$insert_id");

    if (p == NULL || *p != '"') {
        return NULL;
    }

    p++;

    end = mxt_array_string(p, event + len);

    if (end == NULL) {
        return NULL;
    }

    *n = (size_t) (end - 1 - p);

    return (const char *) p;
}


static int
mxt_array_copy(mxt_array_t *a, const void *body, size_t len)
{
    a->data = malloc(len ? len : 1);

    if (a->data == NULL) {
        return -1;
    }

    if (len) {
        memcpy(a->data, body, len);
    }

    a->len = len;

    return 0;
}


static int
mxt_array_inflate(mxt_array_t *a, const unsigned char *body, size_t len,
    const char **why)
{
    int       rc;
    z_stream  z;

    if ((len > 0 && body[0] != 0x1f) || (len > 1 && body[1] != 0x8b)) {
        *why = "not gzip";
        return -1;
    }

    memset(&z, 0, sizeof(z_stream));

    if (inflateInit2(&z, MXT_ARRAY_WINDOW) != Z_OK) {
        return -1;
    }

    /* zlib reads only; its field has no const in older versions */

    z.next_in = (unsigned char *) (uintptr_t) body;
    z.avail_in = (uInt) len;

    rc = mxt_array_inflate_all(a, &z, why);

    (void) inflateEnd(&z);

    return rc;
}


static int
mxt_array_inflate_all(mxt_array_t *a, z_stream *z, const char **why)
{
    int     rc;
    size_t  size;

    size = 0;

    for ( ;; ) {

        if (a->len == size && mxt_array_grow(a, &size) != 0) {
            return -1;
        }

        z->next_out = a->data + a->len;
        z->avail_out = (uInt) (size - a->len);

        rc = inflate(z, Z_NO_FLUSH);

        a->len = size - z->avail_out;

        if (a->len > MXT_ARRAY_MAX) {
            *why = mxt_array_large;
            return -1;
        }

        if (rc == Z_STREAM_END) {
            break;
        }

        if (rc == Z_MEM_ERROR) {
            return -1;
        }

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            *why = "damaged";
            return -1;
        }

        /* room is left, so it is input that it wants */

        if (z->avail_out) {
            *why = mxt_array_torn;
            return -1;
        }
    }

    if (z->avail_in) {
        *why = "more behind the gzip stream";
        return -1;
    }

    return 0;
}


/* one byte beyond the limit is enough to see what is larger */

static int
mxt_array_grow(mxt_array_t *a, size_t *size)
{
    size_t          want;
    unsigned char  *p;

    want = *size ? *size * 2 : MXT_ARRAY_BUFFER;

    if (want >= MXT_ARRAY_MAX) {
        want = MXT_ARRAY_MAX + 1;
    }

    p = realloc(a->data, want);

    if (p == NULL) {
        return -1;
    }

    a->data = p;
    *size = want;

    return 0;
}


static int
mxt_array_scan(mxt_array_t *a, const char **why)
{
    const unsigned char  *p, *last;

    last = a->data + a->len;
    p = mxt_array_space(a->data, last);

    if (p == last) {
        *why = mxt_array_torn;
        return -1;
    }

    if (*p != '[') {
        *why = mxt_array_other;
        return -1;
    }

    /* the first event is looked for behind the first byte */

    if (p > a->data) {
        a->len = (size_t) (last - p);
        memmove(a->data, p, a->len);
        last = a->data + a->len;
    }

    return mxt_array_elements(a, a->data + 1, last, why);
}


static int
mxt_array_elements(mxt_array_t *a, const unsigned char *p,
    const unsigned char *last, const char **why)
{
    p = mxt_array_space(p, last);

    if (p < last && *p == ']') {
        a->len = 1;
        p++;

    } else {

        do {
            p = mxt_array_element(p, last, why);

            if (p == NULL
                || mxt_array_add(a, (uint32_t) (p - a->data), why) != 0)
            {
                return -1;
            }

        } while (p[-1] == ',');

        a->len = (size_t) (p - a->data);
        a->data[a->len - 1] = ',';
    }

    if (mxt_array_space(p, last) != last) {
        *why = "more behind the array";
        return -1;
    }

    return 0;
}


/* to behind the comma or the array's own bracket that ends it */

static const unsigned char *
mxt_array_element(const unsigned char *p, const unsigned char *last,
    const char **why)
{
    p = mxt_array_space(p, last);

    if (p < last && *p == '{') {

        p = mxt_array_nested(p, last, why);

        if (p == NULL) {
            return NULL;
        }

        p = mxt_array_space(p, last);

        if (p < last && (*p == ',' || *p == ']')) {
            return p + 1;
        }
    }

    *why = (p == last) ? mxt_array_torn : mxt_array_other;

    return NULL;
}


static int
mxt_array_add(mxt_array_t *a, uint32_t end, const char **why)
{
    size_t     size;
    uint32_t  *p;

    if (a->n == MXT_ARRAY_EVENTS) {
        *why = "more than 65536 events";
        return -1;
    }

    /* full at each power of two, from the first */

    if (a->n == 0 || (a->n >= MXT_ARRAY_FIRST && (a->n & (a->n - 1)) == 0)) {

        size = a->n ? (size_t) a->n * 2 : MXT_ARRAY_FIRST;

        p = realloc(a->end, size * sizeof(uint32_t));

        if (p == NULL) {
            return -1;
        }

        a->end = p;
    }

    a->end[a->n++] = end;

    return 0;
}


static const unsigned char *
mxt_array_space(const unsigned char *p, const unsigned char *last)
{
    while (p < last
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


/* from behind the opening quote to behind the closing one; NULL is torn */

static const unsigned char *
mxt_array_string(const unsigned char *p, const unsigned char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\' && ++p == last) {
            break;
        }
    }

    return NULL;
}


/*
 * From an opening bracket to behind the one that closes it.  A bit for each
 * level tells objects from arrays, so that what follows a damaged event is
 * never taken for a part of it.
 */

static const unsigned char *
mxt_array_nested(const unsigned char *p, const unsigned char *last,
    const char **why)
{
    unsigned       depth, bit;
    unsigned char  object[MXT_ARRAY_DEPTH / CHAR_BIT];

    memset(object, 0, sizeof(object));

    depth = 0;

    while (p < last) {

        switch (*p++) {

        case '"':
            p = mxt_array_string(p, last);

            if (p == NULL) {
                *why = mxt_array_torn;
                return NULL;
            }

            break;

        case '{':
        case '[':
            if (depth == MXT_ARRAY_DEPTH) {
                *why = "nested too deep";
                return NULL;
            }

            bit = 1U << (depth % CHAR_BIT);

            if (p[-1] == '{') {
                object[depth / CHAR_BIT] |= (unsigned char) bit;

            } else {
                object[depth / CHAR_BIT] &= (unsigned char) ~bit;
            }

            depth++;
            break;

        case '}':
        case ']':
            depth--;

            if ((object[depth / CHAR_BIT] >> (depth % CHAR_BIT) & 1)
                != (p[-1] == '}'))
            {
                *why = mxt_array_other;
                return NULL;
            }

            if (depth == 0) {
                return p;
            }

            break;

        default:
            break;
        }
    }

    *why = mxt_array_torn;

    return NULL;
}


/* behind a value of any kind, as far as it has to be understood; or NULL */

static const unsigned char *
mxt_array_value(const unsigned char *p, const unsigned char *last)
{
    const char  *why;

    if (p == last) {
        return NULL;
    }

    if (*p == '"') {
        return mxt_array_string(p + 1, last);
    }

    if (*p == '{' || *p == '[') {
        return mxt_array_nested(p, last, &why);
    }

    while (p < last && *p != ',' && *p != '}') {

        /* neither number nor word has these */

        if (*p == '"' || *p == '{' || *p == '[' || *p == ']') {
            return NULL;
        }

        p++;
    }

    return p;
}


/* The value of a key of the object at p, behind its colon; NULL if there is
 * no such key, or before it no JSON. */

static const unsigned char *
mxt_array_member(const unsigned char *p, const unsigned char *last,
    const char *key)
{
    size_t                n;
    const unsigned char  *name;

    if (p == last || *p != '{') {
        return NULL;
    }

    do {
        p = mxt_array_space(p + 1, last);

        if (p == last || *p != '"') {
            return NULL;
        }

        name = p + 1;
        p = mxt_array_string(name, last);

        if (p == NULL) {
            return NULL;
        }

        n = (size_t) (p - 1 - name);

        p = mxt_array_space(p, last);

        if (p == last || *p != ':') {
            return NULL;
        }

        p = mxt_array_space(p + 1, last);

        if (p == last) {
            return NULL;
        }

        if (n == strlen(key) && memcmp(name, key, n) == 0) {
            return p;
        }

        p = mxt_array_value(p, last);

        if (p == NULL) {
            return NULL;
        }

        p = mxt_array_space(p, last);

    } while (p < last && *p == ',');

    return NULL;
}


static const unsigned char *
mxt_event_property(const unsigned char *event, size_t len, const char *key)
{
    const unsigned char  *p, *last;

    last = event + len;

    p = mxt_array_member(mxt_array_space(event, last), last, "properties");

    return p ? mxt_array_member(p, last, key) : NULL;
}
