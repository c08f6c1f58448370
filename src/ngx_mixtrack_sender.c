
/*
 * Lease -> batch -> post -> settle.
 *
 * The invariant: a record is settled when, and only when, its batch was
 * acknowledged or is on disk; until then its segment stays where it is.
 */


#include "ngx_mixtrack_flusher.h"


/* how long one perform may go on while bytes move, ms */
#define NGX_MIXTRACK_PERFORM  20

/* a segment at whose deflating so many flushers died is not tried again */
#define NGX_MIXTRACK_DEATHS   3

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
static ngx_uint_t ngx_mixtrack_sender_order(ngx_mixtrack_flusher_t *f);
static int ngx_libc_cdecl ngx_mixtrack_sender_compare(const void *one,
    const void *two);
static ngx_int_t ngx_mixtrack_sender_lease(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment);
static ngx_uint_t ngx_mixtrack_sender_add(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t segment);
static ngx_int_t ngx_mixtrack_sender_encode(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);
static ngx_int_t ngx_mixtrack_sender_post(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_sender_inflight(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_sender_release(ngx_mixtrack_batch_t *batch);


static const mxt_backoff_t  ngx_mixtrack_backoff = { 2000, 60000, 1000, 5000 };


void
ngx_mixtrack_sender_receive(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    mxt_http_result_t  result;

    if (ngx_mixtrack_sender_batches(f, NGX_MIXTRACK_BATCH_POSTING) == 0) {
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
    char                      why[MXT_ZONE_ERROR_MAX];
    long                      status;
    mxt_gate_t               *gate;
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

    if (mxt_policy_verdict(&result->reply, why, sizeof(why))
        == MXT_VERDICT_DELIVERED)
    {
        mxt_zone_add(&f->zone, MXT_BYTES_RAW, batch->raw);
        mxt_zone_add(&f->zone, MXT_BYTES_WIRE, batch->len);

        ngx_mixtrack_sender_finish(f, batch, MXT_DELIVERED);

        if (mxt_zone_holds(&f->zone)) {
            mxt_gate_passed(gate);
        }

        ngx_mixtrack_sender_succeeded(f, now);
        return;
    }

    batch->state = NGX_MIXTRACK_BATCH_READY;

    if (mxt_zone_holds(&f->zone)) {
        (void) mxt_gate_failed(gate, &ngx_mixtrack_backoff, batch->started,
                               now, (uint32_t) ngx_random());
    }

    ngx_mixtrack_sender_failed(f, result->text ? result->text : why, now);
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
                        (unsigned) f->project->connections);

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

    batch = ngx_mixtrack_sender_free(f);

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
        || ngx_mixtrack_sender_build(f, batch, 0) != NGX_OK)
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
        (void) mxt_segment_range(mxt_zone_data(&f->zone, (unsigned) f->partial),
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


ngx_int_t
ngx_mixtrack_sender_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored)
{
    ngx_uint_t  i, n, segment, none;

    batch->nranges = 0;
    batch->events = 0;
    batch->raw = 0;
    batch->oldest = 0;
    batch->attempts = 0;
    batch->file.fd = -1;

    none = f->zone.shm->segments;

    if (f->partial != none && !ngx_mixtrack_sender_add(f, batch, f->partial)) {
        return ngx_mixtrack_sender_encode(f, batch, stored);
    }

    /* a replaced flusher finishes what it has begun, and no more */

    n = mxt_zone_holds(&f->zone) ? ngx_mixtrack_sender_order(f) : 0;

    for (i = 0; i < n; i++) {

        segment = f->order[i].segment;

        if (ngx_mixtrack_sender_lease(f, segment) == NGX_OK
            && !ngx_mixtrack_sender_add(f, batch, segment))
        {
            break;
        }
    }

    if (batch->nranges == 0) {
        return NGX_DECLINED;
    }

    return ngx_mixtrack_sender_encode(f, batch, stored);
}


/* the sealed segments that are nobody's, the oldest first */

static ngx_uint_t
ngx_mixtrack_sender_order(ngx_mixtrack_flusher_t *f)
{
    uint64_t        w;
    ngx_uint_t      i, n;
    mxt_segment_t  *s;

    n = 0;

    for (i = 0; i < f->zone.shm->segments; i++) {

        s = &f->zone.segment[i];
        w = mxt_segment_word(s);

        if ((w & (MXT_SEGMENT_SEALED|MXT_SEGMENT_LEASED)) == MXT_SEGMENT_SEALED
            && mxt_word_count(w) > mxt_segment_settled(s, w))
        {
            f->order[n].opened = __atomic_load_n(&s->opened,
                                                 __ATOMIC_RELAXED);
            f->order[n].segment = (uint32_t) i;
            n++;
        }
    }

    ngx_qsort(f->order, (size_t) n, sizeof(ngx_mixtrack_order_t),
              ngx_mixtrack_sender_compare);

    return n;
}


static int ngx_libc_cdecl
ngx_mixtrack_sender_compare(const void *one, const void *two)
{
    const ngx_mixtrack_order_t *a = one;
    const ngx_mixtrack_order_t *b = two;

    return (a->opened > b->opened) - (a->opened < b->opened);
}


static ngx_int_t
ngx_mixtrack_sender_lease(ngx_mixtrack_flusher_t *f, ngx_uint_t segment)
{
    uint64_t               w;
    mxt_segment_t         *s;
    ngx_mixtrack_lease_t  *lease;

    s = &f->zone.segment[segment];
    lease = &f->lease[segment];

    if (mxt_segment_lease(s, f->zone.own_index, &w) != 0) {
        return NGX_DECLINED;
    }

    ngx_memzero(lease, sizeof(ngx_mixtrack_lease_t));

    lease->base = (uint16_t) mxt_segment_settled(s, w);
    lease->next = lease->base;
    lease->to = (uint16_t) mxt_word_count(w);

    /* it may have been settled between our look and our lease */

    if (lease->base == lease->to) {
        lease->to = 0;
        (void) mxt_segment_unlease(s, f->zone.own_index);
        return NGX_DECLINED;
    }

    if (mxt_zone_deaths(&f->zone, (unsigned) segment) >= NGX_MIXTRACK_DEATHS) {
        ngx_mixtrack_spooler_reject(f, segment, "flushers died of it");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* as many of the segment's records as fit; 1 when there is room for more */

static ngx_uint_t
ngx_mixtrack_sender_add(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    ngx_uint_t segment)
{
    size_t                  len, size;
    unsigned                to;
    uint64_t                time;
    const mxt_record_t     *record;
    const unsigned char    *data;
    ngx_mixtrack_range_t   *range;
    ngx_mixtrack_lease_t   *lease;

    data = mxt_zone_data(&f->zone, (unsigned) segment);
    lease = &f->lease[segment];

    size = 0;

    /* the brackets, and at least one record whatever its size */

    for (to = lease->next; to < lease->to; to++) {

        (void) mxt_segment_range(data, to, to + 1, &len);

        if (batch->events == f->project->batch_events
            || (batch->events
                && 2 + batch->raw + size + len > f->project->batch_bytes))
        {
            break;
        }

        record = mxt_segment_record(data, to);
        time = (uint64_t) record->time * 1000;

        if (batch->oldest == 0 || time < batch->oldest) {
            batch->oldest = time;
        }

        size += len;
        batch->events++;
    }

    if (to > lease->next) {
        range = &batch->range[batch->nranges++];
        range->segment = (uint32_t) segment;
        range->from = lease->next;
        range->to = (uint16_t) to;

        batch->raw += size;
        lease->next = (uint16_t) to;
    }

    f->partial = (to == lease->to) ? f->zone.shm->segments : segment;

    return to == lease->to && batch->nranges < NGX_MIXTRACK_RANGES;
}


static ngx_int_t
ngx_mixtrack_sender_encode(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored)
{
    int                     rc;
    ngx_uint_t              i;
    mxt_span_t              span[NGX_MIXTRACK_RANGES];
    ngx_mixtrack_range_t   *range;

    for (i = 0; i < batch->nranges; i++) {

        range = &batch->range[i];

        span[i].data = mxt_segment_range(mxt_zone_data(&f->zone,
                                                       range->segment),
                                         range->from, range->to,
                                         &span[i].len);

        mxt_zone_deflating(&f->zone, range->segment, 1);
    }

    rc = mxt_encoder_encode(f->encoder, span, (unsigned) batch->nranges,
                            (unsigned) stored, &batch->body, &batch->len);

    for (i = 0; i < batch->nranges; i++) {
        mxt_zone_deflating(&f->zone, batch->range[i].segment, 0);
    }

    batch->gzip = f->project->gzip ? 1 : 0;
    batch->state = NGX_MIXTRACK_BATCH_READY;

    if (rc != 0) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "mixtrack: project \"%V\": no memory for a batch",
                      &f->project->name);
        batch->body = NULL;
        ngx_mixtrack_sender_give_back(f, batch);
        return NGX_ERROR;
    }

    return NGX_OK;
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
ngx_mixtrack_sender_finish(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_outcome_e outcome)
{
    uint32_t               n, outcomes[MXT_OUTCOMES];
    ngx_uint_t             i;
    ngx_mixtrack_range_t  *range;
    ngx_mixtrack_lease_t  *lease;

    if (batch->file.fd != -1) {

        ngx_memzero(outcomes, sizeof(outcomes));
        outcomes[MXT_ADOPTED] = batch->events;
        outcomes[outcome] = batch->events;

        mxt_zone_settle_spooled(&f->zone, outcomes);

        if (mxt_spool_done(&batch->file) != 0) {
            ngx_log_error(NGX_LOG_ERR, f->log, ngx_errno,
                          "mixtrack: project \"%V\": a delivered spool file "
                          "could not be removed", &f->project->name);
        }

        ngx_mixtrack_sender_release(batch);
        return;
    }

    for (i = 0; i < batch->nranges; i++) {

        range = &batch->range[i];
        lease = &f->lease[range->segment];

        n = (uint32_t) (range->to - range->from);

        lease->done += (uint16_t) n;
        lease->outcome[outcome] += n;

        if (lease->done == lease->to - lease->base) {
            mxt_zone_settle(&f->zone, range->segment, lease->to,
                            lease->outcome);
            lease->to = 0;
        }
    }

    ngx_mixtrack_sender_release(batch);
}


void
ngx_mixtrack_sender_give_back(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t             i;
    ngx_mixtrack_range_t  *range;

    if (batch->file.fd != -1) {
        mxt_spool_release(&batch->file);
        ngx_mixtrack_sender_release(batch);
        return;
    }

    for (i = 0; i < batch->nranges; i++) {

        range = &batch->range[i];

        (void) mxt_segment_unlease(&f->zone.segment[range->segment],
                                   f->zone.own_index);

        f->lease[range->segment].to = 0;

        if (f->partial == range->segment) {
            f->partial = f->zone.shm->segments;
        }
    }

    ngx_mixtrack_sender_release(batch);
}


ngx_uint_t
ngx_mixtrack_sender_whole(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t             i;
    ngx_mixtrack_range_t  *range;
    ngx_mixtrack_lease_t  *lease;

    for (i = 0; i < batch->nranges; i++) {

        range = &batch->range[i];
        lease = &f->lease[range->segment];

        if (range->from != lease->base || range->to != lease->to) {
            return 0;
        }
    }

    return 1;
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


ngx_uint_t
ngx_mixtrack_sender_batches(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_state_e state)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < f->nbatches; i++) {
        n += (f->batch[i].state == state);
    }

    return n;
}


ngx_mixtrack_batch_t *
ngx_mixtrack_sender_free(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_FREE) {
            return &f->batch[i];
        }
    }

    return NULL;
}


static void
ngx_mixtrack_sender_inflight(ngx_mixtrack_flusher_t *f)
{
    __atomic_store_n(&f->zone.own->inflight,
                     ngx_mixtrack_sender_batches(f,
                                                 NGX_MIXTRACK_BATCH_POSTING),
                     __ATOMIC_RELEASE);
}


static void
ngx_mixtrack_sender_release(ngx_mixtrack_batch_t *batch)
{
    if (batch->file.fd == -1 && batch->raw) {
        free(batch->body);
    }

    batch->body = NULL;
    batch->nranges = 0;
    batch->raw = 0;
    batch->file.fd = -1;
    batch->state = NGX_MIXTRACK_BATCH_FREE;
}
