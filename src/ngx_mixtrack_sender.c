
/*
 * Posts: which batch is next, when, and what becomes of it.
 *
 * The invariant: a batch is on its way, ready to be, or settled; a reply
 * never leaves it anywhere else.
 */


#include "ngx_mixtrack_flusher.h"


/* how long one perform may go on while bytes move, ms */
#define NGX_MIXTRACK_PERFORM  20

/* so many batches of a queue that is filling up go before a spool file */
#define NGX_MIXTRACK_LIVE     8

/* from here on a batch lets so many fresh ones pass */
#define NGX_MIXTRACK_FAILURES 3
#define NGX_MIXTRACK_PASS     8

/* when the disk does not take it, ms */
#define NGX_MIXTRACK_SHELVE_AGAIN 1000


static ngx_mixtrack_batch_t *ngx_mixtrack_sender_next(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_choose(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_ready(
    ngx_mixtrack_flusher_t *f, ngx_uint_t least, ngx_uint_t most);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_fresh(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_int_t ngx_mixtrack_sender_shelve(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static ngx_uint_t ngx_mixtrack_sender_adopts(ngx_mixtrack_flusher_t *f);
static ngx_uint_t ngx_mixtrack_sender_due(ngx_mixtrack_flusher_t *f,
    uint64_t now, ngx_uint_t flush);
static ngx_int_t ngx_mixtrack_sender_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_sender_inflight(ngx_mixtrack_flusher_t *f);


void
ngx_mixtrack_sender_init(ngx_mixtrack_flusher_t *f)
{
    uint64_t  events, bytes;

    events = f->project->batch_events;
    bytes = f->project->batch_bytes;

    mxt_rate_most(&f->project->rate, &events, &bytes);

    f->most.events = (ngx_uint_t) events;
    f->max_bytes = (size_t) bytes;
    f->most.bytes = f->max_bytes;
}


void
ngx_mixtrack_sender_receive(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    mxt_http_result_t  result;

    if (ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_POSTING) == 0) {
        return;
    }

    (void) mxt_http_perform(f->http, NGX_MIXTRACK_PERFORM);

    while (mxt_http_result(f->http, &result)) {
        ngx_mixtrack_reply(f, &result, now);
    }

    ngx_mixtrack_sender_inflight(f);
}


void
ngx_mixtrack_sender_send(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             n;
    ngx_mixtrack_batch_t  *batch;

    mxt_zone_look(&f->zone, &f->look);

    if (f->look.used > f->zone.shm->high_water
        && mxt_zone_holds(&f->zone))
    {
        f->zone.shm->high_water = f->look.used;
    }

    ngx_mixtrack_refuse_alone(f);

    for (n = ngx_mixtrack_sender_room(f, now); n; n--) {

        if (ngx_mixtrack_sender_wait(f, now)) {
            return;
        }

        batch = ngx_mixtrack_sender_next(f, now, flush);

        if (batch == NULL || ngx_mixtrack_sender_post(f, batch, now) != NGX_OK)
        {
            return;
        }
    }
}


ngx_uint_t
ngx_mixtrack_sender_room(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    unsigned  n, inflight;

    /* all flushers of a zone share one count */

    inflight = mxt_zone_inflight(&f->zone);

    n = mxt_gate_allows(&f->zone.shm->gate, now, inflight,
                        (unsigned) f->project->connections, f->probe != NULL);

    /* one at a time, until it is known who is at fault */

    if (f->suspect_at && n) {
        n = ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_POSTING) == 0;
    }

    return n;
}


uint64_t
ngx_mixtrack_sender_wait(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    mxt_rate_t  rate;

    if (mxt_zone_holds(&f->zone)) {
        return mxt_rate_wait(&f->zone.shm->rate, &f->project->rate, now);
    }

    /* it is the successor's */

    rate = f->zone.shm->rate;

    return mxt_rate_wait(&rate, &f->project->rate, now);
}


static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_next(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_mixtrack_batch_t  *batch;

    batch = ngx_mixtrack_sender_choose(f, now, flush);

    if (batch == NULL) {
        return NULL;
    }

    /* if nothing is left of it there is another one in the next tick */

    ngx_mixtrack_reject_old(f, batch, now);

    return ngx_mixtrack_refuse_next(f, batch) == NGX_OK ? batch : NULL;
}


/*
 * A batch that was tried before comes first, but one that failed again and
 * again lets the others pass: it may be the batch that is at fault, and not
 * the server.  Not for ever, for there may always be others; and not for
 * posts that the server never saw.
 */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_choose(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             patience;
    ngx_mixtrack_batch_t  *batch, *tired;

    patience = NGX_MIXTRACK_FAILURES;

    /* on hold there is one probe in a long while, and what comes after a
     * change may be well */

    if (f->zone.shm->gate.hold && f->probes++ % 2) {
        patience = 0;
    }

    tired = ngx_mixtrack_sender_ready(f, patience, NGX_MAX_INT_T_VALUE);

    if (tired && f->passed >= NGX_MIXTRACK_PASS) {
        f->passed = 0;
        return tired;
    }

    batch = patience ? ngx_mixtrack_sender_ready(f, 0, patience - 1) : NULL;

    if (batch == NULL) {
        batch = ngx_mixtrack_sender_fresh(f, now, flush);

        /* it may have gone to the spool, or made room there */

        if (tired && tired->state != NGX_MIXTRACK_BATCH_READY) {
            tired = NULL;
        }
    }

    f->passed = (batch && tired) ? f->passed + 1 : 0;

    return batch ? batch : tired;
}


/* of those ready with so many failures the one with the fewest, and of these
 * the oldest */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_ready(ngx_mixtrack_flusher_t *f, ngx_uint_t least,
    ngx_uint_t most)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch, *ready;

    ready = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_READY && !batch->parked
            && batch->failures >= least && batch->failures <= most
            && (ready == NULL || batch->failures < ready->failures
                || (batch->failures == ready->failures
                    && batch->oldest < ready->oldest)))
        {
            ready = batch;
        }
    }

    return ready;
}


/* a spool file's batch, or one of the zone: in turn, when there are both */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_fresh(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             due;
    ngx_mixtrack_batch_t  *batch;

    /* one is kept for the spool */

    if (ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_FREE) < 2
        && (ngx_mixtrack_sender_shelve(f, now) != NGX_OK
            || ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_FREE) < 2))
    {
        return NULL;
    }

    batch = ngx_mixtrack_batch_free(f);
    due = ngx_mixtrack_sender_due(f, now, flush);

    /* in turn; but what is on disk can wait when the queue cannot, only not
     * for ever */

    if ((!due
         || (f->live && 2 * f->look.used < f->zone.shm->segments)
         || f->live >= NGX_MIXTRACK_LIVE)
        && ngx_mixtrack_sender_adopts(f)
        && ngx_mixtrack_spooler_claim(f, batch, now) == NGX_OK)
    {
        f->live = 0;
        return batch;
    }

    if (!due || ngx_mixtrack_batch_build(f, batch, &f->most, 0) != NGX_OK) {
        return NULL;
    }

    f->live++;

    mxt_zone_look(&f->zone, &f->look);

    return batch;
}


/*
 * All that is there failed again and again: the one that did most often goes
 * to the end of the spool, or they would be in the way of all others.  Nothing
 * is given up for that: there has to be room.
 */

static ngx_int_t
ngx_mixtrack_sender_shelve(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch, *worst;

    if (f->stage != NGX_MIXTRACK_RUNNING || !f->looked || now < f->write_at) {
        return NGX_DECLINED;
    }

    worst = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_READY && !batch->parked
            && batch->posts == 0 && batch->failures >= NGX_MIXTRACK_FAILURES
            && (worst == NULL || batch->failures > worst->failures))
        {
            worst = batch;
        }
    }

    if (worst == NULL
        || f->disk + worst->size > (uint64_t) f->project->spool)
    {
        return NGX_DECLINED;
    }

    if (ngx_mixtrack_spooler_write(f, worst, 0) != NGX_OK) {
        f->write_at = now + NGX_MIXTRACK_SHELVE_AGAIN;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* never more than half of the connections are behind with the spool; what is
 * parked, or fails again and again, is in nobody's way */

static ngx_uint_t
ngx_mixtrack_sender_adopts(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i, n;
    ngx_mixtrack_batch_t  *batch;

    if (f->stage != NGX_MIXTRACK_RUNNING) {
        return 0;
    }

    n = 0;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        n += (batch->state != NGX_MIXTRACK_BATCH_FREE && batch->file.fd != -1
              && !batch->parked && batch->failures < NGX_MIXTRACK_FAILURES);
    }

    return n == 0 || 2 * n < (ngx_uint_t) f->project->connections;
}


/*
 * Whether there is a batch to build: there are records for a whole one, or
 * the oldest has waited for long enough.  Open segments are sealed only when
 * those that are sealed already do not suffice.
 */

static ngx_uint_t
ngx_mixtrack_sender_due(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    size_t                   len;
    uint64_t                 records, bytes, oldest;
    mxt_look_t              *look;
    ngx_mixtrack_lease_t    *lease;
    ngx_mixtrack_project_t  *project;

    look = &f->look;
    project = f->project;

    records = 0;
    bytes = 0;
    oldest = look->oldest;

    if (f->partial != f->zone.shm->segments) {

        if (!mxt_zone_holds(&f->zone)) {
            return 1;
        }

        lease = &f->lease[f->partial];
        (void) mxt_segment_range(mxt_zone_data(&f->zone,
                                               (unsigned) f->partial),
                                 lease->next, lease->sound, &len);

        records = (uint64_t) (lease->sound - lease->next);
        bytes = len;
        oldest = f->zone.segment[f->partial].opened;
    }

    if (records + look->sealed_records >= f->most.events
        || bytes + look->sealed_bytes >= f->most.bytes)
    {
        return 1;
    }

    if (records + look->queued == 0) {
        return 0;
    }

    /*
     * each post of part-filled segments takes one of every worker, and with
     * an endpoint that hangs a zone would be full with hardly a byte in it
     */

    if (!flush && 2 * look->used > f->zone.shm->segments
        && ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_POSTING))
    {
        return records + look->sealed_records != 0
               && now >= oldest + project->batch_interval;
    }

    if (flush || now >= oldest + project->batch_interval
        || records + look->queued >= f->most.events
        || bytes + look->sealed_bytes + look->open_bytes >= f->most.bytes)
    {
        mxt_zone_seal(&f->zone);
        return 1;
    }

    return 0;
}


static ngx_int_t
ngx_mixtrack_sender_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    if (f->project->file) {
        return ngx_mixtrack_dry_post(f, batch, now);
    }

    if (mxt_http_post(f->http, batch->body, batch->len, batch->gzip, batch)
        != 0)
    {
        return NGX_DECLINED;
    }

    if (batch->attempts++) {
        mxt_zone_add(&f->zone, MXT_RETRIES, 1);
    }

    batch->state = NGX_MIXTRACK_BATCH_POSTING;
    batch->started = now;

    if (f->zone.shm->gate.failures) {
        f->probe = batch;
    }

    if (mxt_zone_holds(&f->zone)) {
        mxt_rate_take(&f->zone.shm->rate, &f->project->rate, now, batch->sent,
                      batch->raw);
    }

    ngx_mixtrack_sender_inflight(f);

    /* it is on its way while the next one is deflated */

    (void) mxt_http_perform(f->http, 0);

    return NGX_OK;
}


void
ngx_mixtrack_sender_abort(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    if (f->http) {
        mxt_http_destroy(f->http);
        f->http = NULL;
    }

    f->probe = NULL;

    for (i = 0; i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_POSTING) {
            f->batch[i].state = NGX_MIXTRACK_BATCH_READY;
        }
    }

    ngx_mixtrack_sender_inflight(f);
}


static void
ngx_mixtrack_sender_inflight(ngx_mixtrack_flusher_t *f)
{
    __atomic_store_n(&f->zone.own->inflight,
                     ngx_mixtrack_batch_count(f,
                                                 NGX_MIXTRACK_BATCH_POSTING),
                     __ATOMIC_RELEASE);
}
