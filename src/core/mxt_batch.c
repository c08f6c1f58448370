
/*
 * The encoder: one zlib stream and one scratch buffer, used again for every
 * batch.  The scratch buffer is as large as the worst case and touched only
 * as far as the result reaches; a body is copied out of it at its own size.
 */


#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "mxt_batch.h"


/* windowBits: 15 for the largest window, 16 for a gzip header */
#define MXT_GZIP_WINDOW  (15 + 16)

#define MXT_GZIP_MEMORY  9


struct mxt_encoder_s {
    int             level;
    unsigned        live;           /* there is a stream ... */
    unsigned        stored;         /* ... and that is how it is set */
    z_stream        stream;
    unsigned char  *scratch;
    size_t          size;
};


static int mxt_encoder_begin(mxt_encoder_t *e, size_t raw, unsigned stored);
static int mxt_encoder_reset(mxt_encoder_t *e, unsigned stored);
static int mxt_encoder_put(mxt_encoder_t *e, const void *data, size_t len,
    int flush);


mxt_encoder_t *
mxt_encoder_create(int level)
{
    mxt_encoder_t  *e;

    e = calloc(1, sizeof(mxt_encoder_t));

    if (e == NULL) {
        return NULL;
    }

    e->level = level;

    if (level && mxt_encoder_reset(e, 0) != 0) {
        free(e);
        return NULL;
    }

    return e;
}


void
mxt_encoder_destroy(mxt_encoder_t *e)
{
    if (e->live) {
        (void) deflateEnd(&e->stream);
    }

    free(e->scratch);
    free(e);
}


int
mxt_encoder_encode(mxt_encoder_t *e, const mxt_span_t *span, unsigned n,
    unsigned stored, unsigned char **body, size_t *len)
{
    size_t          raw;
    unsigned        i;
    unsigned char  *p;

    raw = 2;

    for (i = 0; i < n; i++) {
        raw += span[i].len;
    }

    if (mxt_encoder_begin(e, raw, stored) != 0
        || mxt_encoder_put(e, "[", 1, Z_NO_FLUSH) != 0)
    {
        return -1;
    }

    for (i = 0; i < n; i++) {

        if (mxt_encoder_put(e, span[i].data, span[i].len - (i + 1 == n),
                            Z_NO_FLUSH)
            != 0)
        {
            return -1;
        }
    }

    if (mxt_encoder_put(e, "]", 1, Z_FINISH) != 0) {
        return -1;
    }

    raw = (size_t) (e->stream.next_out - e->scratch);

    p = malloc(raw);

    if (p == NULL) {
        return -1;
    }

    memcpy(p, e->scratch, raw);

    *body = p;
    *len = raw;

    return 0;
}


static int
mxt_encoder_begin(mxt_encoder_t *e, size_t raw, unsigned stored)
{
    size_t  bound;

    bound = raw;

    if (e->level) {

        if (mxt_encoder_reset(e, stored) != 0) {
            return -1;
        }

        /* a stream of many pieces may end some blocks more than one of a
         * single piece, of which deflateBound() speaks */

        bound = deflateBound(&e->stream, (uLong) raw) + raw / 1024 + 64;
    }

    if (bound > e->size) {

        free(e->scratch);

        e->size = 0;
        e->scratch = malloc(bound);

        if (e->scratch == NULL) {
            return -1;
        }

        e->size = bound;
    }

    e->stream.next_out = e->scratch;
    e->stream.avail_out = (uInt) e->size;

    return 0;
}


/*
 * Another level is another stream.  deflateParams() would do, but zlib before
 * 1.2.12 takes what the last batch left behind for input that is still to be
 * written, and deflateReset() for no cure: the head of the next body goes to
 * where the last one ended.  With a later zlib no test can see that.
 */

static int
mxt_encoder_reset(mxt_encoder_t *e, unsigned stored)
{
    if (e->live && stored == e->stored) {
        return deflateReset(&e->stream) == Z_OK ? 0 : -1;
    }

    if (e->live) {
        (void) deflateEnd(&e->stream);
        e->live = 0;
    }

    if (deflateInit2(&e->stream, stored ? 0 : e->level, Z_DEFLATED,
                     MXT_GZIP_WINDOW, MXT_GZIP_MEMORY, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        return -1;
    }

    e->live = 1;
    e->stored = stored;

    return 0;
}


static int
mxt_encoder_put(mxt_encoder_t *e, const void *data, size_t len, int flush)
{
    int  rc;

    if (e->level == 0) {
        memcpy(e->stream.next_out, data, len);
        e->stream.next_out += len;
        return 0;
    }

    /* zlib reads only; its field has no const in older versions */

    e->stream.next_in = (unsigned char *) (uintptr_t) data;
    e->stream.avail_in = (uInt) len;

    rc = deflate(&e->stream, flush);

    return (flush == Z_FINISH ? rc == Z_STREAM_END
                              : rc == Z_OK && e->stream.avail_in == 0)
           ? 0 : -1;
}
