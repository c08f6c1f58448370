
/*
 * Batches: what zlib's own inflate and jansson make of a body, with spans of
 * every shape, compressed, stored and plain, from one encoder after another.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tap.h"
#include "../../src/core/mxt_batch.c"


#define RECORDS  4000


static char         text[RECORDS * 64];
static size_t       end[RECORDS + 1];


static void
records(void)
{
    unsigned  i;

    for (i = 0; i < RECORDS; i++) {
        end[i + 1] = end[i] + (size_t) sprintf(text + end[i],
                                  "{\"n\":%u,\"x\":%u},", i, i * 2654435761u);
    }
}


static size_t
inflate_all(const unsigned char *body, size_t len, unsigned char *out,
    size_t size)
{
    int       rc;
    z_stream  z;

    memset(&z, 0, sizeof(z_stream));

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        return 0;
    }

    z.next_in = (unsigned char *) (uintptr_t) body;
    z.avail_in = (uInt) len;
    z.next_out = out;
    z.avail_out = (uInt) size;

    rc = inflate(&z, Z_FINISH);
    size = z.total_out;

    (void) inflateEnd(&z);

    return (rc == Z_STREAM_END && z.avail_in == 0) ? size : 0;
}


/* n spans of per records each make an array of n * per numbered events */

static void
batch(mxt_encoder_t *e, int level, unsigned n, unsigned per, unsigned stored)
{
    size_t           len;
    json_t          *array;
    unsigned         i, right;
    mxt_span_t      *span;
    unsigned char   *body, *plain;

    span = calloc(n, sizeof(mxt_span_t));
    plain = malloc(sizeof(text) + 2);

    for (i = 0; i < n; i++) {
        span[i].data = (unsigned char *) text + end[i * per];
        span[i].len = end[(i + 1) * per] - end[i * per];
    }

    body = NULL;

    if (mxt_encoder_encode(e, span, n, stored, &body, &len) != 0) {
        tap_ok(0, "level %d, %u spans of %u: encoded", level, n, per);
        goto done;
    }

    if (level) {
        len = inflate_all(body, len, plain, sizeof(text) + 2);

    } else {
        memcpy(plain, body, len);
    }

    array = json_loadb((char *) plain, len, JSON_REJECT_DUPLICATES, NULL);
    right = array && json_array_size(array) == n * per;

    for (i = 0; right && i < n * per; i++) {
        right = json_integer_value(json_object_get(json_array_get(array, i),
                                                   "n"))
                == (json_int_t) i;
    }

    tap_ok((int) right, "level %d, %u spans of %u%s", level, n, per,
           stored ? ", stored" : "");

    json_decref(array);

done:

    free(body);
    free(plain);
    free(span);
}


int
main(void)
{
    int               level;
    unsigned          i;
    mxt_encoder_t    *e;

    static const unsigned  shape[][2] = {
        { 1, 1 }, { 1, 2 }, { 2, 1 }, { 1, RECORDS }, { RECORDS, 1 },
        { 31, 129 }, { 3, 7 }
    };

    records();

    for (level = 0; level <= 9; level++) {

        e = mxt_encoder_create(level);

        for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
            batch(e, level, shape[i][0], shape[i][1], 0);
        }

        if (level) {
            batch(e, level, 5, 11, 1);
            batch(e, level, 5, 11, 1);
            batch(e, level, 5, 11, 0);
        }

        mxt_encoder_destroy(e);
    }


    return tap_done();
}
