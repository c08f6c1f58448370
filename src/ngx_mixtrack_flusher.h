
/*
 * The flusher's own rooms:
 *
 *     flusher    the process: start, ticks, ownership of the zone
 *     stop       quit and terminate, and what is left by the dead
 *     batch      lease -> batch -> settle
 *     lease      segments that are ours for a while
 *     sender     post, and what is due when
 *     reply      what becomes of it
 *     dry        or a local file, for the dry run
 *     refuse     batches that the server does not want: halve, reject, hold
 *     reject     what is given up: too old, or refused
 *     spooler    batches to and from the disk
 *     directory  where they lie there
 *     say        lines in the log
 *
 * Its memory is fixed when it starts, but for the batches under way: some
 * more than there are connections.
 */


#ifndef NGX_MIXTRACK_FLUSHER_H
#define NGX_MIXTRACK_FLUSHER_H


#include "ngx_mixtrack.h"

#include "mxt_array.h"
#include "mxt_batch.h"
#include "mxt_http.h"
#include "mxt_reject.h"
#include "mxt_spool.h"


/* pieces of segments in one batch: 31 full ones make 2 MB, but there may be
 * many workers with a few records each */
#define NGX_MIXTRACK_RANGES       256

/* names of spool files kept at a time */
#define NGX_MIXTRACK_SPOOL_NAMES  1024

/* delivered files that cannot be removed: with so many nothing is adopted any
 * more; and room for the batches that are under way then */
#define NGX_MIXTRACK_SPOOL_KEPT   32
#define NGX_MIXTRACK_SPOOL_UNDER_WAY  32

/* batches beyond one for each connection: refused ones, which wait for the
 * verdict on others, and one to spool with */
#define NGX_MIXTRACK_SPARE        4

/* parts of a refused batch: one more with each post, and those are at most
 * 4 log2(65536) */
#define NGX_MIXTRACK_PARTS       72


typedef struct {
    uint32_t                   segment;
    uint16_t                   from;       /* records */
    uint16_t                   to;
} ngx_mixtrack_range_t;


typedef struct {
    ngx_uint_t                 events;
    size_t                     bytes;      /* uncompressed */
} ngx_mixtrack_size_t;


typedef enum {
    NGX_MIXTRACK_BATCH_FREE = 0,
    NGX_MIXTRACK_BATCH_READY,              /* has its body, waits */
    NGX_MIXTRACK_BATCH_POSTING
} ngx_mixtrack_batch_state_e;


/*
 * A part of a batch that is posted by itself: its events [from, to), of which
 * some may have an outcome already.  At first there is one, the whole.
 */
typedef struct {
    uint32_t                   from;
    uint32_t                   to;
    uint32_t                   error;      /* a hash of the words with which
                                              200/0 came; 0 is none */
    uint32_t                   pair;       /* both halves have the same; 0 is
                                              no half, or was posted */
    unsigned                   refused:1;  /* for good, and why: */
    char                       why[MXT_POLICY_WHY];
} ngx_mixtrack_part_t;


/* from records of the zone, or from a spool file */
typedef struct {
    ngx_mixtrack_batch_state_e state;

    ngx_mixtrack_range_t      *range;
    ngx_uint_t                 nranges;

    mxt_spool_file_t           file;       /* fd -1 is none */
    mxt_array_t                array;      /* its events, once looked at */

    uint32_t                   events;
    uint32_t                   left;       /* without an outcome */
    size_t                     size;       /* of all, uncompressed */
    unsigned char             *fate;       /* by event: 0, or outcome + 1 */
    uint32_t                   outcome[MXT_OUTCOMES];
    uint64_t                   oldest;     /* ms since the epoch */

    ngx_mixtrack_part_t      *part;
    ngx_uint_t                 nparts;
    ngx_uint_t                 current;    /* the body's */

    unsigned char             *body;       /* the file's, or malloc'ed */
    size_t                     len;
    size_t                     raw;        /* uncompressed */
    uint32_t                   sent;       /* events in it */
    unsigned                   gzip;

    ngx_uint_t                 attempts;   /* posts since its parts changed */
    ngx_uint_t                 failures;   /* posts in vain, of which the server
                                              saw a part, since one was not */
    ngx_uint_t                 broken;     /* in a row, while it was sent */
    size_t                     broke;      /* bytes of the body that was halved
                                              for it, until one is taken */
    ngx_uint_t                 posts;      /* since it was refused; 0: not */
    size_t                     most;       /* bytes of one post, before */
    uint32_t                   pairs;      /* of halves, so far */
    unsigned                   counted:1;  /* among those refused in a row */
    unsigned                   large:1;    /* it was for its size */
    unsigned                   accepted:1; /* a part of it, since then */
    unsigned                   parked:1;   /* refused whole, to be judged when
                                              another one was */
    uint64_t                   started;    /* of the last, monotonic ms */
} ngx_mixtrack_batch_t;


/* a segment leased by this process: [base, to), of which [base, next) is in
 * batches, [sound, to) is damaged and not read, and done records have an
 * outcome */
typedef struct {
    unsigned char             *fate;       /* by record from base: 0, or
                                              outcome + 1; NULL: no memory */
    uint16_t                   base;
    uint16_t                   next;
    uint16_t                   done;
    uint16_t                   sound;
    uint16_t                   to;         /* 0 is not leased */
    uint32_t                   outcome[MXT_OUTCOMES];
} ngx_mixtrack_lease_t;


typedef struct {
    uint64_t                   opened;
    uint32_t                   segment;
} ngx_mixtrack_order_t;


/* what a line in the log is about: one a second of each, and a count of it */
typedef enum {
    NGX_MIXTRACK_SAY_FAILED = 0,
    NGX_MIXTRACK_SAY_REFUSED,
    NGX_MIXTRACK_SAY_HOLD,
    NGX_MIXTRACK_SAY_NONE_TAKEN,
    NGX_MIXTRACK_SAY_REJECTED,
    NGX_MIXTRACK_SAY_EXPIRED,
    NGX_MIXTRACK_SAY_NO_SPOOL,
    NGX_MIXTRACK_SAY_NO_ROOM,
    NGX_MIXTRACK_SAY_NO_MEMORY,
    NGX_MIXTRACK_SAY_WRITE,
    NGX_MIXTRACK_SAY_READ,
    NGX_MIXTRACK_SAY_LIST,
    NGX_MIXTRACK_SAY_UNLINK,
    NGX_MIXTRACK_SAY_LOCKED,
    NGX_MIXTRACK_SAY_REMOVED,
    NGX_MIXTRACK_SAY_DRY,
    NGX_MIXTRACK_SAY_FULL,
    NGX_MIXTRACK_SAY_BAD,
    NGX_MIXTRACK_SAY_FOREIGN,
    NGX_MIXTRACK_SAY_STRANGE,
    NGX_MIXTRACK_SAY_RECORD,
    NGX_MIXTRACK_SAY_DROPPED,
    NGX_MIXTRACK_SAY_DAMAGED,
    NGX_MIXTRACK_CAUSES
} ngx_mixtrack_cause_e;


typedef struct {
    uint64_t                   at;         /* the last line; 0 is never */
    uint64_t                   n;          /* in all */
} ngx_mixtrack_say_t;


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

    ngx_mixtrack_batch_t      *batch;      /* and some more than connections */
    ngx_uint_t                 nbatches;
    ngx_mixtrack_batch_t      *probe;      /* that of a half-open gate */
    ngx_uint_t                 probes;     /* of a hold */
    ngx_mixtrack_size_t        most;       /* of one post: what is configured,
                                              or smooth by rate, or less ... */
    size_t                     max_bytes;  /* ... of these after a 413 */
    uint64_t                   suspect_at; /* a batch was refused whole */
    ngx_uint_t                 failed;     /* a post did, of a replaced one */
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
    ngx_uint_t                 more;       /* than nnames */
    ngx_uint_t                 name;       /* the next to claim */
    ngx_uint_t                 vain;       /* of nnames, claimed in vain */
    ngx_uint_t                 stuck;      /* of those, neither to be read nor
                                              to be set aside ... */
    ngx_uint_t                 told;       /* ... as was told */
    char                       after[MXT_SPOOL_NAME_MAX];   /* the names are
                                              of younger files, "" is all */
    uint64_t                   listed;     /* when, monotonic ms; 0 is never */
    uint64_t                   disk;       /* bytes of our files there */
    ngx_uint_t                 looked;     /* disk is known */
    uint64_t                   count_at;   /* them, unless the directory is
                                              read before */
    ngx_uint_t                 foreign;    /* as last told */
    ngx_uint_t                 strange;    /* the same */
    mxt_spool_file_t           kept[NGX_MIXTRACK_SPOOL_KEPT
                                    + NGX_MIXTRACK_SPOOL_UNDER_WAY];
    ngx_uint_t                 nkept;      /* delivered, locked, still there */
    ngx_uint_t                 locked;     /* files cannot be removed */
    uint64_t                   reopen_at;  /* the directory, if it is gone */
    uint64_t                   write_at;   /* after an error, not before */
    ngx_uint_t                 relieving;  /* the queue */
    ngx_uint_t                 live;       /* batches since the last file */
    ngx_uint_t                 passed;     /* others, since one that failed
                                              again and again waits */

    ngx_event_t                timer;
    ngx_mixtrack_stage_e       stage;
    uint64_t                   start_at;   /* nothing is done before */
    uint64_t                   bury_at;
    uint64_t                   dropped;    /* by workers, as it was told */
    ngx_uint_t                 workers;    /* attached, when we last looked */
    uint64_t                   stopped_at; /* asked to stop */
    uint64_t                   alone_at;   /* the last worker had gone */
    uint64_t                   spool_at;   /* stopping, the next time */

    ngx_mixtrack_say_t         say[NGX_MIXTRACK_CAUSES];
} ngx_mixtrack_flusher_t;


/* ngx_mixtrack_flusher_create.c */

/*
 * Makes a flusher for a project and takes its zone; without http it only
 * spools.  With only_free, a zone in living hands is left alone.  NULL, with
 * the reason logged, or without a word where only_free was in vain.
 */
ngx_mixtrack_flusher_t *ngx_mixtrack_flusher_create(ngx_cycle_t *cycle,
    ngx_mixtrack_project_t *project, ngx_uint_t http, ngx_uint_t only_free);

/* Gives back what it leases, releases the zone, frees everything. */
void ngx_mixtrack_flusher_destroy(ngx_mixtrack_flusher_t *f);

/* The same, as if it had never had a zone: that is unmapped, and is not touched.
 * Spool files are left to the next start, what was queued is lost and logged. */
void ngx_mixtrack_flusher_forget(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_stop.c */

/* Says, once, how many records of a zone nobody is left to save. */
void ngx_mixtrack_stop_lost(ngx_mixtrack_project_t *project, mxt_zone_t *z,
    ngx_log_t *log);

/* One step of stopping; the stage becomes NGX_MIXTRACK_DONE at its end.
 * Returns the ms to the next step. */
ngx_msec_t ngx_mixtrack_stop_step(ngx_mixtrack_flusher_t *f, uint64_t now);


/* ngx_mixtrack_sender.c */

/* How large a batch may be. */
void ngx_mixtrack_sender_init(ngx_mixtrack_flusher_t *f);

/* Takes the replies that are there and settles their batches. */
void ngx_mixtrack_sender_receive(ngx_mixtrack_flusher_t *f, uint64_t now);

/* Posts what is due, as far as gate and connections allow; with flush,
 * part-filled segments too. */
void ngx_mixtrack_sender_send(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush);

/* The ms until the rate lets the next post pass, 0 if now. */
uint64_t ngx_mixtrack_sender_wait(ngx_mixtrack_flusher_t *f, uint64_t now);

/* How many posts may start now, as far as gate, connections and refused
 * batches allow. */
ngx_uint_t ngx_mixtrack_sender_room(ngx_mixtrack_flusher_t *f, uint64_t now);

/* Aborts what is on its way; those batches are ready again. */
void ngx_mixtrack_sender_abort(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_batch.c */

/*
 * Leases records and makes a batch of them, size at most, but one record at
 * least.  NGX_OK, NGX_DECLINED when there is nothing to lease, or NGX_ERROR.
 * stored: gzip without compression.
 */
ngx_int_t ngx_mixtrack_batch_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const ngx_mixtrack_size_t *size,
    ngx_uint_t stored);

/* Makes a batch of a claimed file, whose events are in batch->array: its body
 * is the file's.  NGX_OK, or NGX_ERROR when there is no memory. */
ngx_int_t ngx_mixtrack_batch_adopt(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* Makes the body out of the events of [from, to) that have no outcome, if
 * there are any.  NGX_OK, or NGX_ERROR with the reason logged. */
ngx_int_t ngx_mixtrack_batch_encode(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    ngx_uint_t stored);

/* Frees the body. */
void ngx_mixtrack_batch_unmake(ngx_mixtrack_batch_t *batch);

/* Event number i, as it was written, with its comma. */
void ngx_mixtrack_batch_event(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t i, mxt_span_t *span);

/* How many events of [from, to) have no outcome yet. */
uint32_t ngx_mixtrack_batch_undecided(ngx_mixtrack_batch_t *batch,
    uint32_t from, uint32_t to);

/* What of [from, to) has no outcome yet gets this one. */
void ngx_mixtrack_batch_decide(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    mxt_outcome_e outcome);

/* Every event has an outcome: counts a file's and removes it; the batch is
 * free again. */
void ngx_mixtrack_batch_finish(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* Gives the batch's segments, or its file, back as they are; but of a file of
 * which a part has an outcome the rest becomes another file. */
void ngx_mixtrack_batch_give_back(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* Whether every segment of the batch is in no other batch, and no event of
 * it has an outcome. */
ngx_uint_t ngx_mixtrack_batch_whole(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);

/* How many batches are in this state. */
ngx_uint_t ngx_mixtrack_batch_count(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_state_e state);

/* A free batch, or NULL. */
ngx_mixtrack_batch_t *ngx_mixtrack_batch_free(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_lease.c */

/* Puts the sealed segments that are nobody's into f->order, the oldest first;
 * returns how many. */
ngx_uint_t ngx_mixtrack_lease_order(ngx_mixtrack_flusher_t *f);

/* NGX_OK, or NGX_DECLINED: somebody else's, or damaged, or flushers died of
 * it, and now it is rejected. */
ngx_int_t ngx_mixtrack_lease(ngx_mixtrack_flusher_t *f, ngx_uint_t segment);

/* What became of a record; the last one settles the segment.  Without effect
 * if the segment was given back. */
void ngx_mixtrack_lease_outcome(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment, uint32_t record, mxt_outcome_e outcome);

/* Ends a lease; what has an outcome, up to the first record that has none, is
 * settled. */
void ngx_mixtrack_lease_give_back(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment);

/* Whether in each leased segment the records with an outcome are the first:
 * given back, none of them has another one. */
ngx_uint_t ngx_mixtrack_lease_prefix(ngx_mixtrack_flusher_t *f);

/* Ends them all. */
void ngx_mixtrack_lease_return(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_refuse.c */

/* The batch's body was refused, as the verdict says: halves it, or gives it
 * up, or finds that the fault is not the batch's.  The batch is ready, or
 * free. */
void ngx_mixtrack_refuse(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now);

/* The batch's body broke off again and again while it was sent: halves it, if
 * there is a place for one more part.  Nothing is refused or given up. */
void ngx_mixtrack_refuse_broken(ngx_mixtrack_batch_t *batch);

/* Something was delivered: what was refused in single parts before was at
 * fault itself, and is rejected. */
void ngx_mixtrack_refuse_judge(ngx_mixtrack_flusher_t *f);

/* Looks whether all that is left was refused and waits for something to be
 * delivered: then it is rejected, too. */
void ngx_mixtrack_refuse_alone(ngx_mixtrack_flusher_t *f);

/* A part was delivered, of a batch that has others: those are posted next,
 * and its other half, which then must be what was refused, in halves. */
void ngx_mixtrack_refuse_delivered(ngx_mixtrack_batch_t *batch,
    uint32_t pair);

/* Chooses the part to post next and makes its body.  NGX_OK; NGX_DECLINED
 * if the batch waits for others, or there was nothing left of it and it is
 * free now; or NGX_ERROR. */
ngx_int_t ngx_mixtrack_refuse_next(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);


/* ngx_mixtrack_reply.c */

/* A post is answered, or has failed: settles its batch, or a part of it, or
 * makes it ready again, and tells the gate. */
void ngx_mixtrack_reply(ngx_mixtrack_flusher_t *f,
    mxt_http_result_t *result, uint64_t now);

/* The batch's body was taken; v is NULL for all of it. */
void ngx_mixtrack_reply_delivered(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now);

/* It is to be tried again, v->delay ms from now; text, or v->why if that is
 * NULL, is the reason. */
void ngx_mixtrack_reply_failed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, const char *text,
    uint64_t now);


/* ngx_mixtrack_dry.c */

/* Appends the events of the batch's body to the project's file, a line each,
 * instead of a post and its reply.  NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_mixtrack_dry_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);


/* ngx_mixtrack_reject.c */

/* Writes the undecided events of [from, to) to the rejected file, and gives
 * them this outcome. */
void ngx_mixtrack_reject(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    mxt_outcome_e outcome, const char *reason);

/* The events that a PARTIAL verdict names, and those it does not. */
void ngx_mixtrack_reject_named(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v);

/* Expires the events of a batch that are too old by now.  If some were, its
 * body is gone, and to be made again if anything is left. */
void ngx_mixtrack_reject_old(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);

/* Sets one leased segment's records from this one on aside as rejected, and
 * logs nothing; of those that are damaged a line each tells. */
void ngx_mixtrack_reject_segment(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment, uint32_t from, const char *reason);


/* ngx_mixtrack_directory.c */

/* Opens the project's directory; without it the flusher goes on without a
 * spool, with the reason logged. */
void ngx_mixtrack_directory_open(ngx_mixtrack_flusher_t *f);

/* Tells the status of one file more, or of one less: also a replaced flusher
 * does, whose files its successor has not seen yet. */
void ngx_mixtrack_directory_count(ngx_mixtrack_flusher_t *f, ngx_uint_t more);

/* Looks whether the directory is there; one that was removed is made again,
 * about once a second.  NGX_OK, or NGX_ERROR. */
ngx_int_t ngx_mixtrack_directory_there(ngx_mixtrack_flusher_t *f,
    uint64_t now);

/* Reads it: f->names are the oldest files, and the status knows the totals.
 * Those that were delivered and could not be removed are tried again first.
 * NGX_OK, or NGX_ERROR with the reason logged. */
ngx_int_t ngx_mixtrack_directory_read(ngx_mixtrack_flusher_t *f);

/*
 * Counts what is there, for the status and the bound, when nobody has read it
 * for a second: with a closed gate nobody does.  Beyond a thousand entries, for
 * as many ms as there are.
 */
void ngx_mixtrack_directory_look(ngx_mixtrack_flusher_t *f, uint64_t now);

/* Could files be removed?  NGX_OK; or NGX_ERROR, logged when it begins: none
 * is to be adopted. */
ngx_int_t ngx_mixtrack_directory_writable(ngx_mixtrack_flusher_t *f);

/* Removes a file all of whose events have an outcome; one that cannot be is
 * kept locked, or it would be sent again.  The file is no longer the
 * caller's. */
void ngx_mixtrack_directory_remove(ngx_mixtrack_flusher_t *f,
    mxt_spool_file_t *file);

/* Closes it, if it is open, and lets go of the files that are kept. */
void ngx_mixtrack_directory_close(ngx_mixtrack_flusher_t *f);


/* ngx_mixtrack_spooler.c */

/* Claims the oldest file that is to be had.  NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_mixtrack_spooler_claim(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);

/* Writes what is left of a batch to a file, and settles it.  NGX_OK, or
 * NGX_ERROR with the reason logged and the batch as it was.  Others that wait,
 * and are of files, may be free then: the oldest files make room. */
ngx_int_t ngx_mixtrack_spooler_write(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);

/* Spools the oldest of what cannot be delivered, one batch for each call,
 * when the queue runs full. */
void ngx_mixtrack_spooler_relieve(ngx_mixtrack_flusher_t *f, uint64_t now);

/* Leases and builds a batch that is to be a file: as one to be posted, but
 * there are never many more files than 64.  As ngx_mixtrack_batch_build(). */
ngx_int_t ngx_mixtrack_spooler_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);

/* Spools every batch that is ready, and all that can be leased; NGX_ERROR
 * when a file could not be written. */
ngx_int_t ngx_mixtrack_spooler_all(ngx_mixtrack_flusher_t *f,
    ngx_uint_t stored);


/* ngx_mixtrack_say.c */

/*
 * A line in the log, unless there was one of the same cause within the last
 * second; with how often (in all, n more now) if n is not 0.
 */
void ngx_cdecl ngx_mixtrack_say(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_cause_e cause, ngx_uint_t level, ngx_err_t err, uint64_t n,
    const char *fmt, ...);

/* Tells of the events that workers have dropped since it was last told, as the
 * queue was full: once a second, by the holder of the zone. */
void ngx_mixtrack_say_dropped(ngx_mixtrack_flusher_t *f);

/* The last error, for the status. */
void ngx_mixtrack_say_error(ngx_mixtrack_flusher_t *f, const char *text);


#endif /* NGX_MIXTRACK_FLUSHER_H */
