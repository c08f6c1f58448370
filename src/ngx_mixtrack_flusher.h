
/*
 * The flusher's own rooms:
 *
 *     flusher    the process: start, ticks, ownership of the zone
 *     stop       quit and terminate, and what is left by the dead
 *     batch      lease -> batch -> settle
 *     sender     post, and what is due when
 *     spooler    batches to and from the disk
 *
 * Its memory is fixed when it starts, but for the bodies on their way: at
 * most one for each connection.
 */


#ifndef NGX_MIXTRACK_FLUSHER_H
#define NGX_MIXTRACK_FLUSHER_H


#include "ngx_mixtrack.h"

#include "mxt_batch.h"
#include "mxt_http.h"
#include "mxt_reject.h"
#include "mxt_spool.h"


/* pieces of segments in one batch: 31 full ones make 2 MB, but there may be
 * many workers with a few records each */
#define NGX_MIXTRACK_RANGES       256

/* names of spool files kept at a time */
#define NGX_MIXTRACK_SPOOL_NAMES  64


typedef struct {
    uint32_t                   segment;
    uint16_t                   from;       /* records */
    uint16_t                   to;
} ngx_mixtrack_range_t;


typedef enum {
    NGX_MIXTRACK_BATCH_FREE = 0,
    NGX_MIXTRACK_BATCH_READY,              /* has its body, waits */
    NGX_MIXTRACK_BATCH_POSTING
} ngx_mixtrack_batch_state_e;


/* from records of the zone, or from a spool file */
typedef struct {
    ngx_mixtrack_batch_state_e state;

    ngx_mixtrack_range_t      *range;
    ngx_uint_t                 nranges;

    mxt_spool_file_t           file;       /* fd -1 is none */

    unsigned char             *body;       /* the file's, or malloc'ed */
    size_t                     len;
    size_t                     raw;        /* 0 for a file's */
    unsigned                   gzip;

    uint32_t                   events;
    uint64_t                   oldest;     /* ms since the epoch */
    ngx_uint_t                 attempts;
    uint64_t                   started;    /* of the last, monotonic ms */
} ngx_mixtrack_batch_t;


/* a segment leased by this process: [base, to), of which [base, next) is in
 * batches, and done records have an outcome */
typedef struct {
    uint16_t                   base;
    uint16_t                   next;
    uint16_t                   done;
    uint16_t                   to;         /* 0 is not leased */
    uint32_t                   outcome[MXT_OUTCOMES];
} ngx_mixtrack_lease_t;


typedef struct {
    uint64_t                   opened;
    uint32_t                   segment;
} ngx_mixtrack_order_t;


typedef enum {
    NGX_MIXTRACK_RUNNING = 0,
    NGX_MIXTRACK_QUITTING,
    NGX_MIXTRACK_TERMINATING,
    NGX_MIXTRACK_DONE
} ngx_mixtrack_stage_e;


typedef struct {
    ngx_mixtrack_project_t    *project;
    ngx_log_t                 *log;
    ngx_str_t                  spool_path;

    mxt_zone_t                 zone;
    mxt_http_t                *http;       /* NULL: nothing is posted */
    mxt_encoder_t             *encoder;

    ngx_mixtrack_batch_t      *batch;      /* one for each connection */
    ngx_uint_t                 nbatches;
    ngx_mixtrack_lease_t      *lease;      /* by segment */
    ngx_mixtrack_order_t      *order;      /* scratch, by segment */
    ngx_uint_t                 partial;    /* leased, not all of it in batches;
                                              the number of segments is none */
    mxt_look_t                 look;       /* the last */

    int                        dir;        /* of the spool, or -1 */
    uint64_t                   writer;
    uint32_t                   seq;
    char                     (*names)[MXT_SPOOL_NAME_MAX];
    ngx_uint_t                 nnames;
    ngx_uint_t                 name;       /* the next to claim */
    uint64_t                   listed;     /* when, monotonic ms; 0 is never */
    uint64_t                   disk;       /* bytes of our files there */
    ngx_uint_t                 looked;     /* disk is known */

    ngx_event_t                timer;
    ngx_mixtrack_stage_e       stage;
    uint64_t                   start_at;   /* nothing is done before */
    uint64_t                   bury_at;
    ngx_uint_t                 workers;    /* attached, when we last looked */
    uint64_t                   stopped_at; /* asked to stop */
    uint64_t                   alone_at;   /* the last worker had gone */
    uint64_t                   spool_at;   /* stopping, the next time */

    uint64_t                   failed_at;  /* the first of these failures */
    uint64_t                   logged_at;
    ngx_uint_t                 unlogged;
} ngx_mixtrack_flusher_t;


/* ngx_mixtrack_flusher.c */

/*
 * Makes a flusher for a project and takes its zone; without http it only
 * spools.  With only_free, a zone in living hands is left alone.  NULL, with
 * the reason logged, or without a word where only_free was in vain.
 */
ngx_mixtrack_flusher_t *ngx_mixtrack_flusher_create(ngx_cycle_t *cycle,
    ngx_mixtrack_project_t *project, ngx_uint_t http, ngx_uint_t only_free);

/* Gives back what it leases, releases the zone, frees everything. */
void ngx_mixtrack_flusher_destroy(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_stop.c */

/* Says, once, how many records of a zone nobody is left to save. */
void ngx_mixtrack_stop_lost(ngx_mixtrack_project_t *project, mxt_zone_t *z,
    ngx_log_t *log);

/* One step of stopping; the stage becomes NGX_MIXTRACK_DONE at its end.
 * Returns the ms to the next step. */
ngx_msec_t ngx_mixtrack_stop_step(ngx_mixtrack_flusher_t *f, uint64_t now);


/* ngx_mixtrack_sender.c */

/* Takes the replies that are there and settles their batches. */
void ngx_mixtrack_sender_receive(ngx_mixtrack_flusher_t *f, uint64_t now);

/* Posts what is due, as far as gate and connections allow; with flush,
 * part-filled segments too. */
void ngx_mixtrack_sender_send(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush);

/* Aborts what is on its way; those batches are ready again. */
void ngx_mixtrack_sender_abort(ngx_mixtrack_flusher_t *f);

/* One line a second at most; the last text is kept for the status. */
void ngx_mixtrack_sender_failed(ngx_mixtrack_flusher_t *f, const char *text,
    uint64_t now);


/* ngx_mixtrack_batch.c */

/*
 * Leases records and makes a batch of them, at most one batch's worth.
 * NGX_OK, NGX_DECLINED when there is nothing to lease, or NGX_ERROR.
 * stored: gzip without compression.
 */
ngx_int_t ngx_mixtrack_batch_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);

/* All of the batch has this outcome; it is free again. */
void ngx_mixtrack_batch_finish(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_outcome_e outcome);

/* Gives the batch's segments, or its file, back as they are. */
void ngx_mixtrack_batch_give_back(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* Whether every segment of the batch is in no other batch. */
ngx_uint_t ngx_mixtrack_batch_whole(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* How many batches are in this state. */
ngx_uint_t ngx_mixtrack_batch_count(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_state_e state);

/* A free batch, or NULL. */
ngx_mixtrack_batch_t *ngx_mixtrack_batch_free(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_spooler.c */

/* Opens the project's directory; without it the flusher goes on without a
 * spool, with the reason logged. */
void ngx_mixtrack_spooler_open(ngx_mixtrack_flusher_t *f);

/* Claims the oldest file that is to be had.  NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_mixtrack_spooler_claim(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);

/* Writes a batch of records to a file and settles it.  NGX_OK, or NGX_ERROR
 * with the reason logged and the batch as it was. */
ngx_int_t ngx_mixtrack_spooler_write(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* Spools every batch that is ready, and all that can be leased; NGX_ERROR
 * when a file could not be written. */
ngx_int_t ngx_mixtrack_spooler_all(ngx_mixtrack_flusher_t *f,
    ngx_uint_t stored);

/* Sets one segment's records aside as rejected, raw. */
void ngx_mixtrack_spooler_reject(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment, const char *reason);


#endif /* NGX_MIXTRACK_FLUSHER_H */
