
/*
 * The name of a batch on disk, which tells everything about it:
 *
 *     CREATED-EVENTS-OLDEST-WRITER-SEQ-DESTINATION.json.gz
 *
 * CREATED and OLDEST (the oldest event's time) are 13 digits of ms since the
 * epoch, EVENTS decimal without leading zeros, WRITER 16 hex digits, SEQ 8
 * hex digits, DESTINATION 16 hex digits; ".json" instead of ".json.gz" is a
 * batch that is not compressed.  So names sort by age, and two writers
 * never meet.
 */


#ifndef MXT_SPOOL_NAME_H
#define MXT_SPOOL_NAME_H


#include <stdint.h>


#define MXT_SPOOL_NAME_MAX  128


typedef struct {
    uint64_t  created;          /* ms since the epoch */
    uint64_t  oldest;           /* ms since the epoch */
    uint32_t  events;
    uint64_t  writer;
    uint32_t  seq;
    uint64_t  destination;
    unsigned  gzip;             /* 0 or 1 */
} mxt_spool_name_t;


#pragma GCC visibility push(hidden)


/* Writes the name, terminated, into buf of MXT_SPOOL_NAME_MAX bytes.  A time
 * that does not fit into 13 digits (the year 2286) becomes all nines. */
void mxt_spool_format(const mxt_spool_name_t *name, char *buf);

/* 0, or -1 if file is not to the letter what mxt_spool_format() writes. */
int mxt_spool_parse(const char *file, mxt_spool_name_t *name);

/* FNV-1a, 64 bits, of the pieces with a NUL after each: the hash of URL,
 * api and account that names a destination.  Pieces end with NULL. */
uint64_t mxt_spool_destination(const char *piece, ...);


#pragma GCC visibility pop


#endif /* MXT_SPOOL_NAME_H */
