
/*
 * Fuzzes what takes bodies apart.  The input's first byte tells what the rest
 * is: a body as it came, packed or plain; or a text to be packed, so that the
 * scanner is met behind a good checksum; or objects for the encoder.
 *
 * jansson is the oracle: what was taken is, if jansson loads it, an array of
 * as many objects, and its events together are its bytes; what jansson finds
 * to be an array of objects is taken, and so is all that the encoder made.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>

#include "../../src/core/mxt_array.c"
#include "../../src/core/mxt_batch.c"


#define FUZZ_SPANS_MAX  64

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


enum {
    FUZZ_PLAIN = 0,
    FUZZ_GZIP,
    FUZZ_PACKED,
    FUZZ_ENCODED,
    FUZZ_EVENT,
    FUZZ_KINDS
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* is it an array of objects and of nothing else, and of how many? */

static int
fuzz_objects(json_t *root, size_t *n)
{
    size_t  i;

    if (!json_is_array(root)) {
        return 0;
    }

    *n = json_array_size(root);

    for (i = 0; i < *n; i++) {
        if (!json_is_object(json_array_get(root, i))) {
            return 0;
        }
    }

    return 1;
}


/* each event by itself, and what is read of it */

static void
fuzz_events(const mxt_array_t *a)
{
    size_t       n, len;
    uint32_t     i;
    const char  *id;
    mxt_span_t   span, all;

    len = 0;
    mxt_array_span(a, 0, a->n, &all);

    for (i = 0; i < a->n; i++) {
        mxt_array_span(a, i, i + 1, &span);

        check(span.data == all.data + len);
        check(span.len > 2 && span.data[span.len - 1] == ',');
        len += span.len;

        (void) mxt_event_time(span.data, span.len);
        id = mxt_event_insert_id(span.data, span.len, &n);

        check(id == NULL || ((unsigned char *) id > span.data
                             && (unsigned char *) id + n
                                < span.data + span.len));
    }

    check(len == all.len && (a->n == 0 || len == a->len - 1));
}


static void
fuzz_text(const mxt_array_t *a, const unsigned char *text, size_t len)
{
    mxt_span_t  span;

    while (len && strchr(" \t\r\n", *text) && *text) {
        text++;
        len--;
    }

    while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1]) {
        len--;
    }

    mxt_array_span(a, 0, a->n, &span);

    check(len >= 2 && text[0] == '[' && text[len - 1] == ']');
    check(a->n == 0
          || (span.len == len - 1
              && memcmp(span.data, text + 1, len - 2) == 0));
}


/* body is text, packed or not; text may be unknown */

static int
fuzz_open(const unsigned char *body, size_t len, unsigned gzip,
    const unsigned char *text, size_t size)
{
    int           rc, loaded;
    size_t        n;
    json_t       *root;
    mxt_array_t   a;
    const char   *why;

    rc = mxt_array_open(&a, body, len, gzip, &why);

    check(rc == 0 || (a.data == NULL && a.end == NULL && why != NULL));

    n = 0;
    root = text ? json_loadb((const char *) text, size, JSON_ALLOW_NUL, NULL)
                : NULL;
    loaded = fuzz_objects(root, &n);

    if (rc == 0) {
        check(root == NULL || (loaded && n == a.n));
        fuzz_events(&a);

        if (text) {
            fuzz_text(&a, text, size);
        }

    } else {
        check(!loaded || n > MXT_ARRAY_EVENTS);
    }

    json_decref(root);
    mxt_array_close(&a);

    return rc;
}


static unsigned char *
fuzz_pack(const uint8_t *data, size_t size, size_t *len)
{
    z_stream        z;
    unsigned char  *body;

    memset(&z, 0, sizeof(z));
    check(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY)
          == Z_OK);

    *len = deflateBound(&z, size);
    body = malloc(*len);

    z.next_in = (unsigned char *) (uintptr_t) data;
    z.avail_in = (uInt) size;
    z.next_out = body;
    z.avail_out = (uInt) *len;

    check(deflate(&z, Z_FINISH) == Z_STREAM_END);
    *len = z.total_out;
    (void) deflateEnd(&z);

    return body;
}


/* lines that are objects, in spans of one or more */

static void
fuzz_encoded(const uint8_t *data, size_t size, unsigned how)
{
    size_t          len, line;
    unsigned        n, level;
    uint32_t        events;
    json_t         *object;
    mxt_span_t      span[FUZZ_SPANS_MAX];
    const uint8_t  *end;
    mxt_array_t     a;
    const char     *why;
    mxt_encoder_t  *e;
    unsigned char  *text, *body, *p;

    text = malloc(2 * size + 2);
    p = text;
    n = 0;
    events = 0;

    while (size && n < FUZZ_SPANS_MAX) {

        end = memchr(data, '\n', size);
        line = end ? (size_t) (end - data) : size;

        object = json_loadb((const char *) data, line, JSON_ALLOW_NUL, NULL);

        if (json_is_object(object)) {

            if (n == 0 || (how >> n % 3 & 1)) {
                span[n].data = p;
                span[n++].len = 0;
            }

            memcpy(p, data, line);
            p[line] = ',';
            p += line + 1;
            span[n - 1].len += line + 1;
            events++;
        }

        json_decref(object);

        line += (end != NULL);
        data += line;
        size -= line;
    }

    if (n) {
        level = how / 8 % 4;
        e = mxt_encoder_create((int) level);

        check(e && mxt_encoder_encode(e, span, n, how & 1, &body, &len) == 0);
        check(mxt_array_open(&a, body, len, level != 0, &why) == 0);
        check(a.n == events);
        check(a.len == (size_t) (p - text) + 1
              && memcmp(a.data + 1, text, a.len - 1) == 0);

        mxt_array_close(&a);
        mxt_encoder_destroy(e);
        free(body);
    }

    free(text);
}


/* a time that was found is one that jansson finds in the same place */

static void
fuzz_event(const uint8_t *data, size_t size)
{
    size_t       n, len;
    json_t      *root, *properties, *value;
    uint64_t     time;
    const char  *id;

    time = mxt_event_time(data, size);
    id = mxt_event_insert_id(data, size, &n);

    check(id == NULL || (id > (const char *) data
                         && id + n < (const char *) data + size));

    len = size;

    if (len && data[len - 1] == ',') {
        len--;
    }

    /* which of two equal keys is meant, and how else a key can be spelled, is
     * no concern of ours */

    root = json_loadb((const char *) data, len,
                      JSON_ALLOW_NUL|JSON_REJECT_DUPLICATES, NULL);

    if (root && (len == 0 || memchr(data, '\\', len) == NULL)) {

        properties = json_object_get(root, "properties");

        value = json_object_get(properties, "time");
        check(time == (json_is_integer(value) && json_integer_value(value) > 0
                       ? (uint64_t) json_integer_value(value) : 0));

        value = json_object_get(properties, "$insert_id");
        check((id != NULL) == json_is_string(value));
        check(id == NULL
              || (n == json_string_length(value)
                  && memcmp(id, json_string_value(value), n) == 0));
    }

    json_decref(root);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len;
    unsigned        how;
    unsigned char  *body;

    if (size == 0) {
        return 0;
    }

    how = data[0] / FUZZ_KINDS;

    switch (*data++ % FUZZ_KINDS) {

    case FUZZ_PLAIN:
        (void) fuzz_open(data, size - 1, 0, data, size - 1);
        break;

    case FUZZ_GZIP:
        (void) fuzz_open(data, size - 1, 1, NULL, 0);
        break;

    case FUZZ_PACKED:
        body = fuzz_pack(data, size - 1, &len);
        (void) fuzz_open(body, len, 1, data, size - 1);
        free(body);
        break;

    case FUZZ_ENCODED:
        fuzz_encoded(data, size - 1, how);
        break;

    case FUZZ_EVENT:
        fuzz_event(data, size - 1);
        break;
    }

    return 0;
}
