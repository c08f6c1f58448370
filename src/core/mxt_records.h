
/*
 * The failed_records of /import: which events it did not take, and why.
 *
 * Found by key: 2000 events and 2000 records are 2000 look-ups.
 */


#ifndef MXT_RECORDS_H
#define MXT_RECORDS_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "mxt_words.h"


/* a longer $insert_id is none; Mixpanel's own limit is 36 bytes */
#define MXT_RECORDS_ID  255


#pragma GCC visibility push(hidden)


/*
 * The names in list, an array of failed_records to a request of that many
 * events.  *named is how many of its events they name, as far as one can
 * know without the request; *failed is that and one for each record that
 * names none; both are at most events.  NULL without memory.
 *
 * A record is an object with "$insert_id" or "insert_id", or one with an
 * "index" only, or a plain string, which is an $insert_id if it looks like
 * one (36 letters, digits and - at most), else a message.
 */
json_t *mxt_records_create(json_t *list, uint32_t events, uint32_t *failed,
    uint32_t *named);

/* The record that names this event, or NULL; insert_id is not terminated,
 * and NULL if there is none. */
json_t *mxt_records_find(const json_t *records, uint32_t index,
    const char *insert_id, size_t len);

/*
 * The server's reason in a record, "field: message" or either, cleaned as by
 * mxt_words_clean(), at most MXT_WORDS_MAX characters, in size bytes (size >
 * 0).  Returns how many characters there are; 0 if there is no reason in it.
 */
size_t mxt_records_reason(const json_t *record, char *why, size_t size,
    const mxt_words_t *words);

/* Frees them; NULL is fine. */
void mxt_records_done(json_t *records);


#pragma GCC visibility pop


#endif /* MXT_RECORDS_H */
