
/*
 * What was given up, for a human: rejected-YYYYMMDD.ndjson (UTC) beside the
 * spool's batches, a line for each event:
 *
 *     {"time":MS,"reason":"...","event":{...}}
 */


#ifndef MXT_REJECT_H
#define MXT_REJECT_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_batch.h"


#pragma GCC visibility push(hidden)


/*
 * Appends n events of one reason to the file of the day that now (ms since
 * the epoch) is in, in one open and as few write() as possible; fsynced.
 * Each span is one event; a comma at its end is not part of it, a span of no
 * bytes is written as null.  Line breaks become spaces.  reason is
 * terminated, escaped here, and cut at MXT_JSON_STRING_MAX bytes.
 *
 * All rejected files of the directory together may have max bytes (0 is no
 * limit).  0; or -1 with errno, and then nothing of it is left (EDQUOT when
 * it would be more than max).  Waits while another process appends, but for
 * about a second at most (EWOULDBLOCK).
 */
int mxt_reject(int dir, uint64_t now, const char *reason,
    const mxt_span_t *event, uint32_t n, uint64_t max);

/* Is that the name of a rejected file, of whatever day? */
int mxt_reject_named(const char *file);


#pragma GCC visibility pop


#endif /* MXT_REJECT_H */
