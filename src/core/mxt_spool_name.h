
/*
 * The name of a batch on disk, which tells everything about it:
 *
 *     CREATED-EVENTS-OLDEST-WRITER-SEQ-DESTINATION.json.gz
 *
 * CREATED and OLDEST (the oldest event's time) are 13 digits of ms since the
 * epoch, EVENTS decimal without leading zeros, WRITER 16 hex digits, SEQ 8
 * hex digits, DESTINATION 16 hex digits; ".json" instead of ".json.gz" is a
 * batch that is not compressed.  So names sort by age, and two writers
 * never meet.  As long as it is written it has MXT_SPOOL_TEMP before it; set
 * aside it has MXT_SPOOL_BAD behind it.
 */


#ifndef MXT_SPOOL_NAME_H
#define MXT_SPOOL_NAME_H


#include <stdint.h>


#define MXT_SPOOL_NAME_MAX  128

#define MXT_SPOOL_TEMP      ".tmp-"
#define MXT_SPOOL_BAD       ".bad"


typedef enum {
    MXT_SPOOL_IS_FOREIGN = 0,   /* no name of ours */
    MXT_SPOOL_IS_BATCH,
    MXT_SPOOL_IS_TEMP,
    MXT_SPOOL_IS_BAD
} mxt_spool_kind_e;


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

/* What file is the name of; name is filled in unless that is foreign. */
mxt_spool_kind_e mxt_spool_kind(const char *file, mxt_spool_name_t *name);

/* FNV-1a, 64 bits, of the pieces with a NUL after each: the hash of URL,
 * api and account that names a destination.  Pieces end with NULL. */
uint64_t mxt_spool_destination(const char *piece, ...);


#pragma GCC visibility pop


#endif /* MXT_SPOOL_NAME_H */
