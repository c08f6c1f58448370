
/*
 * A body taken apart again: the events of a batch that came from a file.
 *
 * Byte for byte: an event that is sent again, in another company, is the
 * event that was sent before.  The text may be anybody's: torn, huge, hostile.
 */


#ifndef MXT_ARRAY_H
#define MXT_ARRAY_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_batch.h"


/* a body is bounded by the API's 10 MB; what is larger is a bomb */
#define MXT_ARRAY_MAX  (16 * 1024 * 1024)

/* events in one body: the API's 2000, and some more for what the future or a
 * human may write */
#define MXT_ARRAY_EVENTS  65536


typedef struct {
    unsigned char  *data;       /* malloc'ed: [ event , event , */
    size_t          len;
    uint32_t       *end;        /* malloc'ed: behind each event's comma */
    uint32_t        n;          /* events */
} mxt_array_t;


#pragma GCC visibility push(hidden)


/*
 * Takes a body of len bytes apart: inflates it if gzip is set (one member,
 * whole, its checksum right, nothing behind it), and finds the elements of
 * the JSON array that it is.  Each must be an object; strings, nesting and
 * the array's own commas are looked at, numbers and words are not: the
 * server's opinion counts.  White space around elements is fine, and so is
 * an array of none.
 *
 * 0, or -1 with a few words in *why ("torn", "not gzip", "larger than
 * 16 MB", "not an array of objects", ...; NULL when there is no memory), and
 * then nothing is held.  Memory is never more than twice MXT_ARRAY_MAX,
 * whatever the body.
 */
int mxt_array_open(mxt_array_t *a, const void *body, size_t len,
    unsigned gzip, const char **why);

/* Frees it; an array of zeros is fine. */
void mxt_array_close(mxt_array_t *a);

/* The events [from, to), as the encoder takes them: each with its comma. */
void mxt_array_span(const mxt_array_t *a, uint32_t from, uint32_t to,
    mxt_span_t *span);

/*
 * What we need to know of an event as this module writes it (from the zone
 * or from a file): its properties.time, ms since the epoch, 0 if it is not
 * there; and its $insert_id, which points into event, or NULL.  The key must
 * be a key of "properties" and not part of a string; an event that is not of
 * our form is harmless.
 */
uint64_t mxt_event_time(const unsigned char *event, size_t len);
const char *mxt_event_insert_id(const unsigned char *event, size_t len,
    size_t *n);


#pragma GCC visibility pop


#endif /* MXT_ARRAY_H */
