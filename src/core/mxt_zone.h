
/*
 * A project's zone: the process table, the segments, the lease, the counters.
 *
 * Everything lives in one piece of shared memory, by offsets only, and stays
 * valid whatever process dies between any two instructions:
 *
 *   - a slot of the process table is taken and given up by swap; a dead one
 *     is buried by one living process at a time, and its counters stay where
 *     they are, for the next owner to count on, so nothing is ever folded;
 *   - a counter has a single writer, the owner of its slot; a total is the
 *     sum over all slots;
 *   - records are settled by the lessee of their segment through the redo
 *     record of its slot, which holds the new values, not the differences:
 *     replaying it is harmless, and the gravedigger does.
 *
 * No function here takes a lock or makes a system call, but those that say
 * so.
 */


#ifndef MXT_ZONE_H
#define MXT_ZONE_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_gate.h"
#include "mxt_process.h"
#include "mxt_rate.h"
#include "mxt_segment.h"


/* part of the zone's name: processes of two layouts never share a zone */
#define MXT_ZONE_LAYOUT  "4"

#define MXT_ZONE_SLOTS_MIN  64
#define MXT_ZONE_SLOTS_MAX  1024   /* as many processes as nginx has */

#define MXT_ZONE_ERROR_MAX  128


typedef enum {
    MXT_WORKER = 1,
    MXT_FLUSHER
} mxt_kind_e;


/* what a worker counts; plain stores in its own slot */
typedef enum {
    MXT_TRACKED = 0,
    MXT_DROPPED_FULL,
    MXT_DROPPED_TOO_LARGE,
    MXT_DROPPED_NO_TOKEN,
    MXT_DROPPED_NO_NAME,
    MXT_SKIPPED_IF,
    MXT_TRUNCATED,
    MXT_MISTYPED,
    MXT_SKIPPED_SAMPLE,
    MXT_SKIPPED_DNT,
    MXT_SKIPPED_GPC,
    MXT_SKIPPED_OPT_OUT,
    MXT_SKIPPED_BOT,
    MXT_DEVICE_ISSUED,
    MXT_DEVICE_SHARED,
    MXT_WORKER_COUNTERS = 16        /* two cache lines, with room */
} mxt_worker_counter_e;


/* what becomes of an event; settled through the redo record */
typedef enum {
    MXT_DELIVERED = 0,
    MXT_REJECTED,
    MXT_EXPIRED,
    MXT_SPOOLED,
    MXT_ADOPTED,
    MXT_OUTCOMES
} mxt_outcome_e;


/* what a flusher counts beside that; plain stores in its own slot */
typedef enum {
    MXT_POSTS_2XX = 0,
    MXT_POSTS_3XX,
    MXT_POSTS_4XX,
    MXT_POSTS_5XX,
    MXT_POSTS_ERROR,
    MXT_RETRIES,
    MXT_BYTES_RAW,
    MXT_BYTES_WIRE,
    MXT_LATENCY_SUM,                /* ms, of all answered posts */
    MXT_SPOOL_ERRORS,
    MXT_FLUSHER_COUNTERS = 16
} mxt_flusher_counter_e;


/* the new values of one settlement */
typedef struct {
    uint64_t       armed;
    uint64_t       segment;         /* none: the number of segments */
    uint64_t       settled;
    uint64_t       outcome[MXT_OUTCOMES];
} mxt_redo_t;


typedef struct {
    uint64_t       word;            /* process << 10 | state; 0 is free */
    uint64_t       inflight;        /* posts on their way, a flusher's */
    uint64_t       reserved[6];
    uint64_t       counter[MXT_WORKER_COUNTERS];
    uint64_t       post[MXT_FLUSHER_COUNTERS];
    uint64_t       outcome[MXT_OUTCOMES];
    mxt_redo_t     redo;
    uint64_t       pad[3];
} mxt_slot_t;                       /* 448 bytes, 7 cache lines */


/* the head of the shared memory */
typedef struct {
    uint64_t       size;            /* of the whole, bytes */
    uint32_t       slots;
    uint32_t       segments;
    uint64_t       slot_offset;
    uint64_t       segment_offset;
    uint64_t       data_offset;
    uint64_t       pad0[3];

    uint64_t       freed;           /* bumped after each segment freed; the
                                       workers' one read when all are taken */
    uint64_t       pad1[7];

    uint64_t       lost;            /* tracked by workers without a slot, and
                                       dropped; atomic */
    uint64_t       hint;            /* no free one below, most likely */
    uint64_t       damaged;         /* segments that were, when leased; atomic */
    uint64_t       pad2[5];

    uint64_t       lease;           /* generation << 16 | slot + 1, or 0 */
    uint64_t       taken_at;        /* ms of CLOCK_MONOTONIC */
    uint64_t       high_water;      /* segments; the lease holder's */
    uint64_t       spool_files;     /* gauges, the lease holder's; but a file
                                       more or less may be by anybody */
    uint64_t       spool_bytes;
    uint64_t       spool_foreign;
    uint64_t       spool_bad;
    uint64_t       spool_strange;
    uint64_t       lost_told;       /* records left at an end, as logged */
    uint64_t       failed_at;       /* ms of CLOCK_MONOTONIC: since then posts
                                       fail; the lease holder's */
    mxt_gate_t     gate;            /* the lease holder's */
    mxt_rate_t     rate;            /* the lease holder's */
    char           error[MXT_ZONE_ERROR_MAX];   /* the last; terminated */
} mxt_zone_shm_t;


/* a process's view of a zone; a process may hold several */
typedef struct {
    mxt_zone_shm_t  *shm;
    mxt_slot_t      *slot;          /* the table */
    mxt_segment_t   *segment;       /* the array */
    unsigned char   *data;

    mxt_process_t    process;
    int            (*alive)(mxt_process_t process);

    mxt_slot_t      *own;           /* our slot, NULL when not attached */
    unsigned         own_index;
    unsigned         wanted;        /* the kind of it, while there is none */
    uint64_t         again_at;      /* ms of CLOCK_MONOTONIC: not before */

    /* a worker's open segment */
    unsigned         open;          /* its number, or the number of segments */
    uint64_t         word;
    uint64_t         full;          /* freed when none was found, plus 1 */

    /* a flusher's lease */
    uint64_t         generation;
} mxt_zone_t;


/* what a look at the segments found */
typedef struct {
    uint64_t       queued;          /* records not settled, not leased */
    uint64_t       in_flight;       /* records not settled, leased */
    uint64_t       sealed_records;  /* sealed, not settled, not leased */
    uint64_t       sealed_bytes;
    uint64_t       open_bytes;      /* not sealed, not leased */
    uint64_t       oldest;          /* ms of CLOCK_MONOTONIC: the first of the
                                       queued segments was opened; 0 is none */
    unsigned       used;            /* segments that are not free */
} mxt_look_t;


#pragma GCC visibility push(hidden)


/*
 * Lays out a zone in size bytes of memory, aligned to 64 bytes; whatever it
 * held is of no account.  Returns the number of segments, 0 if not one fits.
 */
unsigned mxt_zone_format(void *memory, size_t size);

/* The least size that is laid out with so many segments, from 1. */
size_t mxt_zone_size(size_t segments);

/* A view of a formatted zone for this process; alive is
 * mxt_process_alive(), or a test's own. */
void mxt_zone_view(mxt_zone_t *z, void *memory, mxt_process_t process,
    int (*alive)(mxt_process_t process));

/*
 * Takes a slot of the process table, burying the dead if none is free
 * (system calls: alive()).  0, or -1 when all slots are held by the living.
 */
int mxt_zone_attach(mxt_zone_t *z, mxt_kind_e kind);

/*
 * Once mxt_zone_attach() has failed: takes a slot if one is free by now, and
 * looks for it at most once a second; now in ms of CLOCK_MONOTONIC.  The dead
 * are left to others.  0, or -1; always -1 if nothing has failed, and after
 * mxt_zone_detach().
 */
int mxt_zone_attach_again(mxt_zone_t *z, uint64_t now);

/* Seals the open segment, gives back leases, and gives up the slot, or the
 * wish for one. */
void mxt_zone_detach(mxt_zone_t *z);

/*
 * A worker's append: copies a record of len bytes (an event and a comma)
 * into its open segment, or into a fresh one; now in ms of CLOCK_MONOTONIC,
 * time in s since the epoch.  Counts what it drops, but not MXT_TRACKED.
 * 0, or -1 when the record was dropped: the zone is full, or the record is
 * larger than a segment.
 */
int mxt_zone_append(mxt_zone_t *z, const void *record, size_t len,
    uint64_t now, uint32_t time);

/*
 * Whether an append would drop for want of a segment; counts nothing.  Two
 * reads when it would, one when there is an open segment.
 */
int mxt_zone_full(const mxt_zone_t *z);

/*
 * The flusher's lease of the whole zone.  mxt_zone_take() always succeeds:
 * the newest flusher wins.  mxt_zone_take_free() takes it only from nobody
 * or from the dead (system calls: alive()); 0, or -1.
 */
void mxt_zone_take(mxt_zone_t *z, uint64_t now);
int mxt_zone_take_free(mxt_zone_t *z, uint64_t now);
int mxt_zone_holds(const mxt_zone_t *z);
void mxt_zone_release(mxt_zone_t *z);

/* Whether somebody holds the lease, and lives (system calls: alive()). */
int mxt_zone_held(const mxt_zone_t *z);

/* Whether the lease is a dead process's that took it less than ms before
 * now: a flusher that may die again (system calls: alive()). */
int mxt_zone_died_young(const mxt_zone_t *z, uint64_t now, uint64_t ms);

/*
 * Buries every dead process (system calls: alive() for each slot in use).
 * A segment that was being deflated at the death of its lessee has its
 * deaths raised.  Returns how many were buried.
 */
unsigned mxt_zone_bury(mxt_zone_t *z);

/* How many living processes of this kind are attached, ourselves included. */
unsigned mxt_zone_attached(const mxt_zone_t *z, mxt_kind_e kind);

/* Posts on their way, of all flushers of the zone. */
unsigned mxt_zone_inflight(const mxt_zone_t *z);

/* Sums up the segments; frees what is sealed, settled and nobody's. */
void mxt_zone_look(mxt_zone_t *z, mxt_look_t *look);

/* Seals every open segment that holds a record. */
void mxt_zone_seal(mxt_zone_t *z);

/*
 * Settles records [.., settled) of a segment that is leased to us, with one
 * or more outcomes, and frees the segment, or gives it back to the queue if
 * its owner is still in the middle of a record.  outcome[] are differences.
 */
void mxt_zone_settle(mxt_zone_t *z, unsigned segment, unsigned settled,
    const uint32_t outcome[MXT_OUTCOMES]);

/* Counts outcomes that concern no segment (batches of the spool), in one. */
void mxt_zone_settle_spooled(mxt_zone_t *z,
    const uint32_t outcome[MXT_OUTCOMES]);

/* Notes that a segment leased to us is being deflated, or no longer is. */
void mxt_zone_deflating(mxt_zone_t *z, unsigned segment, unsigned on);

/* How often a flusher died while it was deflating this segment. */
unsigned mxt_zone_deaths(const mxt_zone_t *z, unsigned segment);

/* Totals over all slots. */
uint64_t mxt_zone_counter(const mxt_zone_t *z, mxt_worker_counter_e i);
uint64_t mxt_zone_outcome(const mxt_zone_t *z, mxt_outcome_e i);
uint64_t mxt_zone_post(const mxt_zone_t *z, mxt_flusher_counter_e i);

/* The data of a segment. */
unsigned char *mxt_zone_data(const mxt_zone_t *z, unsigned segment);

/* Whether every segment is sound: its word is, and mxt_zone_check() has never
 * found one that was not.  Reads the words alone: about 10 ns for each. */
int mxt_zone_valid(const mxt_zone_t *z);

/* Looks at the records [from, to) of a segment, which the caller has leased.
 * 0, or -1 if they are not sound, or its word is not: of those that may be
 * read *sound is the end. */
int mxt_zone_check(mxt_zone_t *z, unsigned segment, unsigned from,
    unsigned to, unsigned *sound);


/* a worker's or flusher's own counters; attached only */

#define mxt_zone_count(z, i)  mxt_zone_count_by(z, i, 1)

#define mxt_zone_count_by(z, i, n)                                            \
    __atomic_store_n(&(z)->own->counter[i], (z)->own->counter[i] + (n),       \
                     __ATOMIC_RELAXED)

#define mxt_zone_add(z, i, n)                                                 \
    __atomic_store_n(&(z)->own->post[i], (z)->own->post[i] + (n),             \
                     __ATOMIC_RELAXED)


#pragma GCC visibility pop


#endif /* MXT_ZONE_H */
