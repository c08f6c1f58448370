
/*
 * A segment: 64 KB of records and one word that says all there is to know.
 *
 *     FREE -> OPEN (one appends) -> SEALED -> LEASED (one flusher) -> FREE
 *
 * The word holds the flags, the owner's and the lessee's slot, the number of
 * records and a generation that moves on at each return to FREE.  It is
 * changed by compare-and-swap only, so every instant is a valid state,
 * whatever process stops or dies:
 *
 *   - a record is written under BUSY, behind the published ones, and becomes
 *     visible in the swap that clears BUSY and counts it;
 *   - SEALED forbids the next begin, but not the publish of a record that
 *     has begun: one more may appear after sealing, never after both SEALED
 *     was set and BUSY was seen clear;
 *   - a segment is freed when it is SEALED, not BUSY and settled to its last
 *     record; BUSY of a dead owner is cleared by whoever buries it.
 *
 * Records lie from the start of the segment upwards, each an event's JSON
 * and a comma, so that any run of records is a run of a JSON array.  Their
 * index grows downwards from the end.
 */


#ifndef MXT_SEGMENT_H
#define MXT_SEGMENT_H


#include <stddef.h>
#include <stdint.h>


#define MXT_SEGMENT_SIZE     65536

#define MXT_SEGMENT_TAKEN    1ULL
#define MXT_SEGMENT_BUSY     2ULL
#define MXT_SEGMENT_SEALED   4ULL
#define MXT_SEGMENT_LEASED   8ULL

#define MXT_SEGMENT_SLOTS    1024       /* what fits the words' slot fields */
#define MXT_SEGMENT_RECORDS  8191       /* ... and the word's count */

/* what is left for one record in an empty segment */
#define MXT_SEGMENT_ROOM     (MXT_SEGMENT_SIZE - sizeof(mxt_record_t))

#define mxt_word_owner(w)       ((unsigned) ((w) >> 4) & 1023)
#define mxt_word_lessee(w)      ((unsigned) ((w) >> 14) & 1023)
#define mxt_word_count(w)       ((unsigned) ((w) >> 24) & 8191)
#define mxt_word_generation(w)  ((w) >> 37)


/* one cache line each, so that two owners never share one */
typedef struct {
    uint64_t  word;
    uint64_t  settled;      /* generation << 13 | records; the lessee's */
    uint64_t  deaths;       /* generation << 13 | flushers that died on it */
    uint64_t  opened;       /* ms of CLOCK_MONOTONIC; the owner's, before
                               its first publish */
    uint64_t  deflating;    /* the lessee's: not 0 while it deflates */
    uint64_t  reserved[3];
} mxt_segment_t;


/* one entry of the index */
typedef struct {
    uint32_t  end;          /* of this record, from the segment's start */
    uint32_t  time;         /* when the event happened, s since the epoch */
} mxt_record_t;


#pragma GCC visibility push(hidden)


/* One atomic read of the word. */
uint64_t mxt_segment_word(const mxt_segment_t *s);

/*
 * The owner's side.  *word is the owner's own copy of the word and is kept
 * up to date by these calls; the calls of one segment come from one process.
 */

/* FREE to OPEN for slot owner; now in ms of CLOCK_MONOTONIC.  0 and *word,
 * or -1 if it is not free (any more). */
int mxt_segment_open(mxt_segment_t *s, unsigned owner, uint64_t now,
    uint64_t *word);

/* Whether a record of len bytes fits behind those of word. */
int mxt_segment_fits(const unsigned char *data, uint64_t word, size_t len);

/* Sets BUSY.  0, or -1 when the segment is sealed or lost. */
int mxt_segment_begin(mxt_segment_t *s, uint64_t *word);

/* Between begin and publish: copies len bytes of record (they fit) and its
 * index entry behind the published ones. */
void mxt_segment_write(unsigned char *data, uint64_t word, const void *record,
    size_t len, uint32_t time);

/* Publishes the record and clears BUSY.  0, or -1 if the segment is not this
 * owner's any more (it had been taken for dead), and then nothing changed. */
int mxt_segment_publish(mxt_segment_t *s, uint64_t *word);

/*
 * Anybody's side.
 */

/* Adds SEALED to an open segment with this generation.  0, or -1 if it had
 * moved on. */
int mxt_segment_seal(mxt_segment_t *s, uint64_t generation);

/*
 * The flusher's side.
 */

/* SEALED to LEASED by slot lessee; *word is what was leased: its count says
 * how many records may be read.  0, or -1 if it is not to be had. */
int mxt_segment_lease(mxt_segment_t *s, unsigned lessee, uint64_t *word);

/* Gives a segment back to the queue.  0, or -1 if it is not lessee's. */
int mxt_segment_unlease(mxt_segment_t *s, unsigned lessee);

/* The records of word's generation that are settled.  Exact for the lessee,
 * and for all when nobody leases it. */
unsigned mxt_segment_settled(const mxt_segment_t *s, uint64_t word);

/* The value to store in settled for n records of word's generation. */
uint64_t mxt_segment_settled_value(uint64_t word, unsigned n);

/*
 * Frees a segment that is SEALED, not BUSY, settled whole, and leased to
 * lessee or to nobody.  0, or -1 with nothing changed otherwise.
 */
int mxt_segment_free(mxt_segment_t *s, unsigned lessee);

/*
 * The gravedigger's side: slot is dead and cannot act.  Seals its segment
 * and clears its BUSY; gives back what it leased.  Returns 1 if a lease was
 * given back, else 0.
 */
int mxt_segment_bury(mxt_segment_t *s, unsigned slot);

/*
 * Where records [from, to) of the published ones begin, and their length in
 * bytes (the last comma included).  Within the segment, whatever the index
 * says.
 */
const unsigned char *mxt_segment_range(const unsigned char *data,
    unsigned from, unsigned to, size_t *len);

/* The index entry of a published record. */
const mxt_record_t *mxt_segment_record(const unsigned char *data, unsigned n);

/* Whether the word is sound by itself; slots is the size of the process
 * table. */
int mxt_segment_sound(const mxt_segment_t *s, unsigned slots);

/* The end of the published records [from, to) whose index is sound, up to the
 * first that is not: from if there is none, to if all are.  Each of them is
 * looked at, about 20 ns. */
unsigned mxt_segment_readable(const unsigned char *data, unsigned from,
    unsigned to);

/* Whether the word and the index of all its records are sound. */
int mxt_segment_valid(const mxt_segment_t *s, const unsigned char *data,
    unsigned slots);


#pragma GCC visibility pop


#endif /* MXT_SEGMENT_H */
