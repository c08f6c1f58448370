
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

/* from here on a batch waits until there is no other */
#define NGX_MIXTRACK_ATTEMPTS 3



static void ngx_mixtrack_sender_result(ngx_mixtrack_flusher_t *f,
    mxt_http_result_t *result, uint64_t now);
static void ngx_mixtrack_sender_judge(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_reply_t *reply, mxt_verdict_t *v);
static void ngx_mixtrack_sender_delivered(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now);
static void ngx_mixtrack_sender_again(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static void ngx_mixtrack_sender_refused(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now);
static void ngx_mixtrack_sender_held(ngx_mixtrack_flusher_t *f,
    mxt_verdict_t *v, uint64_t now);
static void ngx_mixtrack_sender_failed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, const char *text,
    uint64_t now);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_next(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_choose(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_fresh(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_uint_t ngx_mixtrack_sender_adopts(ngx_mixtrack_flusher_t *f);
static ngx_uint_t ngx_mixtrack_sender_due(ngx_mixtrack_flusher_t *f,
    uint64_t now, ngx_uint_t flush);
static ngx_int_t ngx_mixtrack_sender_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static ngx_int_t ngx_mixtrack_sender_dry(ngx_mixtrack_flusher_t *f,
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
        ngx_mixtrack_sender_result(f, &result, now);
    }

    ngx_mixtrack_sender_inflight(f);
}


static void
ngx_mixtrack_sender_result(ngx_mixtrack_flusher_t *f,
    mxt_http_result_t *result, uint64_t now)
{
    long                   status;
    mxt_verdict_t          v;
    ngx_mixtrack_batch_t  *batch;
    mxt_flusher_counter_e  counter;

    batch = result->data;
    batch->state = NGX_MIXTRACK_BATCH_READY;

    if (f->probe == batch) {
        f->probe = NULL;
    }

    status = result->reply.error ? 0 : result->reply.status;

    counter = (status >= 200 && status < 300) ? MXT_POSTS_2XX
              : (status >= 300 && status < 400) ? MXT_POSTS_3XX
              : (status >= 400 && status < 500) ? MXT_POSTS_4XX
              : (status >= 500 && status < 600) ? MXT_POSTS_5XX
              : MXT_POSTS_ERROR;

    mxt_zone_add(&f->zone, counter, 1);
    mxt_zone_add(&f->zone, MXT_LATENCY_SUM, result->ms);

    ngx_mixtrack_sender_judge(f, batch, &result->reply, &v);

    switch (v.verdict) {

    case MXT_VERDICT_DELIVERED:
    case MXT_VERDICT_PARTIAL:
        ngx_mixtrack_sender_delivered(f, batch, &v, now);
        break;

    case MXT_VERDICT_INVALID:
    case MXT_VERDICT_REFUSED:
    case MXT_VERDICT_TOO_LARGE:
        ngx_mixtrack_sender_refused(f, batch, &v, now);
        break;

    case MXT_VERDICT_HOLD:
        ngx_mixtrack_sender_held(f, &v, now);
        break;

    default: /* MXT_VERDICT_RETRY, MXT_VERDICT_SLOW_DOWN */
        ngx_mixtrack_sender_failed(f, batch, &v, result->text, now);
    }

    mxt_verdict_done(&v);
}


static void
ngx_mixtrack_sender_judge(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_reply_t *reply, mxt_verdict_t *v)
{
    ngx_time_t    *tp;
    mxt_attempt_t  a;

    batch->broken = (reply->error == MXT_POLICY_SEND_ERROR)
                    ? batch->broken + 1 : 0;

    tp = ngx_timeofday();

    a.api = f->project->api;
    a.events = batch->sent;
    a.broken = (uint32_t) batch->broken;
    a.failures = f->zone.shm->gate.failures + 1;
    a.now = (uint64_t) tp->sec * 1000 + tp->msec;
    a.random = (uint32_t) ngx_random();
    a.backoff = &f->project->backoff;

    mxt_policy_judge(reply, &a, v);
}


static void
ngx_mixtrack_sender_delivered(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now)
{
    uint32_t              pair;
    uint64_t              started;
    ngx_mixtrack_part_t  *part;

    started = batch->started;
    part = &batch->part[batch->current];
    pair = part->pair;

    mxt_zone_add(&f->zone, MXT_BYTES_RAW, batch->raw);
    mxt_zone_add(&f->zone, MXT_BYTES_WIRE, batch->len);

    /* what was too large once may have been so by a whim of the server */

    if (f->most.bytes < f->max_bytes && batch->raw >= f->most.bytes / 2) {
        f->most.bytes += f->most.bytes / 64 + 1;
        f->most.bytes = ngx_min(f->most.bytes, f->max_bytes);
    }

    if (v && v->verdict == MXT_VERDICT_PARTIAL) {
        ngx_mixtrack_reject_named(f, batch, v);
    }

    ngx_mixtrack_batch_decide(f, batch, part->from, part->to, MXT_DELIVERED);

    if (batch->left == 0) {
        ngx_mixtrack_batch_finish(f, batch);

    } else {
        ngx_mixtrack_refuse_delivered(batch, pair);
    }

    ngx_mixtrack_refuse_judge(f);

    if (mxt_zone_holds(&f->zone)) {
        (void) mxt_gate_passed(&f->zone.shm->gate, started,
                               (unsigned) f->project->connections);
        ngx_mixtrack_sender_again(f, now);
    }
}


/* the first success after an outage says how long that was */

static void
ngx_mixtrack_sender_again(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    mxt_look_t       look;
    mxt_zone_shm_t  *shm;

    shm = f->zone.shm;

    if (shm->failed_at == 0 || shm->gate.failures || shm->gate.hold) {
        return;
    }

    mxt_zone_look(&f->zone, &look);

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "mixtrack: project \"%V\": posts succeed again after %uL "
                  "ms, %uL events are waiting, and %uL spool files",
                  &f->project->name, now - shm->failed_at,
                  look.queued + look.in_flight, shm->spool_files);

    shm->failed_at = 0;
}


static void
ngx_mixtrack_sender_refused(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now)
{
    ngx_mixtrack_say_error(f, v->why);

    if (mxt_zone_holds(&f->zone)) {
        (void) mxt_gate_answered(&f->zone.shm->gate, batch->started,
                                 (unsigned) f->project->connections);
        ngx_mixtrack_sender_again(f, now);
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_POST, NGX_LOG_WARN, 0, 1,
                     "a post of %uD events is refused: %s", batch->sent,
                     v->why);

    ngx_mixtrack_refuse(f, batch, v, now);
}


static void
ngx_mixtrack_sender_held(ngx_mixtrack_flusher_t *f, mxt_verdict_t *v,
    uint64_t now)
{
    ngx_mixtrack_say_error(f, v->why);

    if (mxt_zone_holds(&f->zone)) {

        if (f->zone.shm->failed_at == 0) {
            f->zone.shm->failed_at = now;
        }

        mxt_gate_hold(&f->zone.shm->gate, now, v->delay);

    } else {
        f->failed = 1;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_HOLD, NGX_LOG_ERR, 0, 1,
                     "the endpoint refuses us (%s): delivery is on hold, "
                     "events are kept; check token, account and endpoint, and "
                     "reload", v->why);
}


static void
ngx_mixtrack_sender_failed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, const char *text,
    uint64_t now)
{
    ngx_mixtrack_say_error(f, text ? text : v->why);

    if (mxt_zone_holds(&f->zone)) {

        if (f->zone.shm->failed_at == 0) {
            f->zone.shm->failed_at = now;
        }

        (void) mxt_gate_failed(&f->zone.shm->gate, batch->started, now,
                               v->delay,
                               v->verdict == MXT_VERDICT_SLOW_DOWN,
                               (unsigned) f->project->connections);

    } else {
        f->failed = 1;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_POST, NGX_LOG_WARN, 0, 1,
                     "a post failed: %s", f->zone.shm->error);
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

    (void) ngx_mixtrack_reject_old(f, batch, now);

    return ngx_mixtrack_refuse_next(f, batch) == NGX_OK ? batch : NULL;
}


/*
 * A batch that was tried before comes first, but one that failed again and
 * again lets the others pass: it may be the batch that is at fault, and not
 * the server.
 */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_choose(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             i, patience;
    ngx_mixtrack_batch_t  *batch, *ready;

    ready = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_READY && !batch->parked
            && (ready == NULL || batch->attempts < ready->attempts
                || (batch->attempts == ready->attempts
                    && batch->oldest < ready->oldest)))
        {
            ready = batch;
        }
    }

    patience = NGX_MIXTRACK_ATTEMPTS;

    /* on hold there is one probe in a long while, and what comes after a
     * change may be well */

    if (f->zone.shm->gate.hold && f->probes++ % 2) {
        patience = 0;
    }

    if (ready && ready->attempts < patience) {
        return ready;
    }

    batch = ngx_mixtrack_sender_fresh(f, now, flush);

    return batch ? batch : ready;
}


/* a spool file's batch, or one of the zone: in turn, when there are both */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_fresh(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             due;
    ngx_mixtrack_batch_t  *batch;

    /* one is kept for the spool */

    if (ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_FREE) < 2) {
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
              && !batch->parked && batch->attempts <= NGX_MIXTRACK_ATTEMPTS);
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
                                 lease->next, lease->to, &len);

        records = (uint64_t) (lease->to - lease->next);
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
        return ngx_mixtrack_sender_dry(f, batch, now);
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


/* the dry run: a line for each event, and no network */

static ngx_int_t
ngx_mixtrack_sender_dry(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    mxt_verdict_t  v;

    batch->attempts++;
    batch->started = now;

    if (ngx_mixtrack_dry_write(f, batch) == NGX_OK) {
        ngx_mixtrack_sender_delivered(f, batch, NULL, now);
        return NGX_OK;
    }

    ngx_memzero(&v, sizeof(mxt_verdict_t));

    v.verdict = MXT_VERDICT_RETRY;
    v.delay = mxt_gate_backoff(&f->project->backoff,
                               f->zone.shm->gate.failures + 1,
                               (uint32_t) ngx_random());

    ngx_mixtrack_sender_failed(f, batch, &v, "the file of \"endpoint\" cannot "
                               "be written", now);

    return NGX_DECLINED;
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
