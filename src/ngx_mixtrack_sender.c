
/*
 * Posts: which batch is next, when, and what becomes of it.
 *
 * The invariant: a batch is on its way, ready to be, or settled; a reply
 * never leaves it anywhere else.
 */


#include "ngx_mixtrack_flusher.h"


/* how long one perform may go on while bytes move, ms */
#define NGX_MIXTRACK_PERFORM  20

/* from here on a batch waits until there is no other */
#define NGX_MIXTRACK_ATTEMPTS 3


static void ngx_mixtrack_sender_result(ngx_mixtrack_flusher_t *f,
    mxt_http_result_t *result, uint64_t now);
static void ngx_mixtrack_sender_succeeded(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_next(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_mixtrack_batch_t *ngx_mixtrack_sender_fresh(
    ngx_mixtrack_flusher_t *f, uint64_t now, ngx_uint_t flush);
static ngx_uint_t ngx_mixtrack_sender_due(ngx_mixtrack_flusher_t *f,
    uint64_t now, ngx_uint_t flush);
static ngx_int_t ngx_mixtrack_sender_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_sender_inflight(ngx_mixtrack_flusher_t *f);


static const mxt_backoff_t  ngx_mixtrack_backoff = { 2000, 60000, 1000, 5000 };


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
    long                      status;
    uint64_t                  started;
    mxt_gate_t               *gate;
    mxt_attempt_t             a;
    mxt_verdict_t             v;
    ngx_mixtrack_batch_t     *batch;
    mxt_flusher_counter_e     counter;

    batch = result->data;
    gate = &f->zone.shm->gate;
    status = result->reply.error ? 0 : result->reply.status;

    counter = (status >= 200 && status < 300) ? MXT_POSTS_2XX
              : (status >= 300 && status < 400) ? MXT_POSTS_3XX
              : (status >= 400 && status < 500) ? MXT_POSTS_4XX
              : (status >= 500 && status < 600) ? MXT_POSTS_5XX
              : MXT_POSTS_ERROR;

    mxt_zone_add(&f->zone, counter, 1);
    mxt_zone_add(&f->zone, MXT_LATENCY_SUM, result->ms);

    ngx_memzero(&a, sizeof(mxt_attempt_t));

    a.events = batch->events;
    a.failures = gate->failures + 1;
    a.random = (uint32_t) ngx_random();
    a.backoff = &ngx_mixtrack_backoff;

    mxt_policy_judge(&result->reply, &a, &v);
    mxt_verdict_done(&v);

    if (v.verdict == MXT_VERDICT_DELIVERED) {
        mxt_zone_add(&f->zone, MXT_BYTES_RAW, batch->raw);
        mxt_zone_add(&f->zone, MXT_BYTES_WIRE, batch->len);

        started = batch->started;

        ngx_mixtrack_batch_finish(f, batch, MXT_DELIVERED);

        if (mxt_zone_holds(&f->zone)) {
            (void) mxt_gate_passed(gate, started,
                                   (unsigned) f->project->connections);
        }

        ngx_mixtrack_sender_succeeded(f, now);
        return;
    }

    batch->state = NGX_MIXTRACK_BATCH_READY;

    if (mxt_zone_holds(&f->zone)) {
        if (v.delay == 0) {
            v.delay = mxt_gate_backoff(&ngx_mixtrack_backoff, a.failures,
                                       a.random);
        }

        (void) mxt_gate_failed(gate, batch->started, now, v.delay,
                               v.verdict == MXT_VERDICT_SLOW_DOWN,
                               (unsigned) f->project->connections);
    }

    ngx_mixtrack_sender_failed(f, result->text ? result->text : v.why, now);
}


static void
ngx_mixtrack_sender_succeeded(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    if (f->failed_at == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "mixtrack: project \"%V\": posts succeed again after %uL ms",
                  &f->project->name, now - f->failed_at);

    f->failed_at = 0;
    f->unlogged = 0;
}


void
ngx_mixtrack_sender_failed(ngx_mixtrack_flusher_t *f, const char *text,
    uint64_t now)
{
    char  *error;

    error = f->zone.shm->error;

    (void) ngx_cpystrn((u_char *) error, (u_char *) text, MXT_ZONE_ERROR_MAX);

    if (f->failed_at == 0) {
        f->failed_at = now;
    }

    f->unlogged++;

    if (f->logged_at && now - f->logged_at < 1000) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, f->log, 0,
                  "mixtrack: project \"%V\": %ui failed: %s",
                  &f->project->name, f->unlogged, error);

    f->logged_at = now;
    f->unlogged = 0;
}


void
ngx_mixtrack_sender_send(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    unsigned               n, inflight;
    mxt_gate_t            *gate;
    ngx_mixtrack_batch_t  *batch;

    gate = &f->zone.shm->gate;

    mxt_zone_look(&f->zone, &f->look);

    if (f->look.used > f->zone.shm->high_water
        && mxt_zone_holds(&f->zone))
    {
        f->zone.shm->high_water = f->look.used;
    }

    /* all flushers of a zone share one count */

    inflight = mxt_zone_inflight(&f->zone);
    n = mxt_gate_allows(gate, now, inflight,
                        (unsigned) f->project->connections, inflight != 0);

    for ( /* void */ ; n; n--) {

        batch = ngx_mixtrack_sender_next(f, now, flush);

        if (batch == NULL || ngx_mixtrack_sender_post(f, batch, now) != NGX_OK)
        {
            break;
        }
    }
}


/*
 * A batch that was tried before comes first, but one that was refused again
 * and again lets the others pass: it may be the batch that is at fault, and
 * not the server.
 */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_next(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch, *ready;

    ready = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_READY
            && (ready == NULL || batch->attempts < ready->attempts
                || (batch->attempts == ready->attempts
                    && batch->oldest < ready->oldest)))
        {
            ready = batch;
        }
    }

    if (ready && ready->attempts < NGX_MIXTRACK_ATTEMPTS) {
        return ready;
    }

    batch = ngx_mixtrack_sender_fresh(f, now, flush);

    return batch ? batch : ready;
}


/* a spool file's batch, or one of the zone */

static ngx_mixtrack_batch_t *
ngx_mixtrack_sender_fresh(ngx_mixtrack_flusher_t *f, uint64_t now,
    ngx_uint_t flush)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch;

    batch = ngx_mixtrack_batch_free(f);

    if (batch == NULL) {
        return NULL;
    }

    /* one file at a time, so that live events are never behind the spool */

    if (f->stage == NGX_MIXTRACK_RUNNING) {

        for (i = 0; i < f->nbatches; i++) {
            if (f->batch[i].file.fd != -1) {
                break;
            }
        }

        if (i == f->nbatches
            && ngx_mixtrack_spooler_claim(f, batch, now) == NGX_OK)
        {
            return batch;
        }
    }

    if (!ngx_mixtrack_sender_due(f, now, flush)
        || ngx_mixtrack_batch_build(f, batch, 0) != NGX_OK)
    {
        return NULL;
    }

    mxt_zone_look(&f->zone, &f->look);

    return batch;
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

    if (records + look->sealed_records >= project->batch_events
        || bytes + look->sealed_bytes >= project->batch_bytes)
    {
        return 1;
    }

    if (records + look->queued == 0) {
        return 0;
    }

    if (flush || now >= oldest + project->batch_interval
        || records + look->queued >= project->batch_events
        || bytes + look->sealed_bytes + look->open_bytes
           >= project->batch_bytes)
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
