
/*
 * Batches: from segments or a file to a body, and back to what became of
 * the events.
 *
 * The invariant: an event has an outcome when, and only when, it was
 * acknowledged, set aside or is on disk.  A segment is settled when all of its
 * records have one, whatever batches they are in, a file when all of its
 * events have; until then both stay where they are.
 */


#include "ngx_mixtrack_flusher.h"


static ngx_uint_t ngx_mixtrack_batch_add(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t segment,
    const ngx_mixtrack_size_t *most);
static ngx_int_t ngx_mixtrack_batch_begin(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);
static void ngx_mixtrack_batch_whole_part(ngx_mixtrack_batch_t *batch);
static ngx_uint_t ngx_mixtrack_batch_spans(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    mxt_span_t *span);
static void ngx_mixtrack_batch_deflating(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t on);
static ngx_uint_t ngx_mixtrack_batch_find(ngx_mixtrack_batch_t *batch,
    uint32_t event, uint32_t *record, uint32_t *end);
static void ngx_mixtrack_batch_outcome(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t event, mxt_outcome_e outcome);
static void ngx_mixtrack_batch_release(ngx_mixtrack_batch_t *batch);


ngx_int_t
ngx_mixtrack_batch_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const ngx_mixtrack_size_t *size,
    ngx_uint_t stored)
{
    ngx_uint_t  i, n, segment, none;

    batch->nranges = 0;
    batch->events = 0;
    batch->raw = 0;
    batch->oldest = 0;
    batch->file.fd = -1;

    none = f->zone.shm->segments;

    /* before anything is leased, for it may fail */

    batch->fate = ngx_calloc(size->events, f->log);

    if (batch->fate == NULL) {
        return NGX_ERROR;
    }

    if (f->partial != none
        && !ngx_mixtrack_batch_add(f, batch, f->partial, size))
    {
        return ngx_mixtrack_batch_begin(f, batch, stored);
    }

    /* a replaced flusher finishes what it has begun, and no more */

    n = mxt_zone_holds(&f->zone) ? ngx_mixtrack_lease_order(f) : 0;

    for (i = 0; i < n; i++) {

        segment = f->order[i].segment;

        if (ngx_mixtrack_lease(f, segment) == NGX_OK
            && !ngx_mixtrack_batch_add(f, batch, segment, size))
        {
            break;
        }
    }

    if (batch->nranges == 0) {
        ngx_mixtrack_batch_release(batch);
        return NGX_DECLINED;
    }

    return ngx_mixtrack_batch_begin(f, batch, stored);
}


/* as many of the segment's records as fit; 1 when there is room for more */

static ngx_uint_t
ngx_mixtrack_batch_add(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    ngx_uint_t segment, const ngx_mixtrack_size_t *most)
{
    size_t                 len, size;
    unsigned               to;
    uint64_t               time;
    const mxt_record_t    *record;
    const unsigned char   *data;
    ngx_mixtrack_range_t  *range;
    ngx_mixtrack_lease_t  *lease;

    data = mxt_zone_data(&f->zone, (unsigned) segment);
    lease = &f->lease[segment];

    size = 0;

    /* the brackets, and at least one record whatever its size */

    for (to = lease->next; to < lease->sound; to++) {

        (void) mxt_segment_range(data, to, to + 1, &len);

        if (batch->events == most->events
            || (batch->events && 2 + batch->raw + size + len > most->bytes))
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

    f->partial = (to >= lease->sound) ? f->zone.shm->segments : segment;

    return to >= lease->sound && batch->nranges < NGX_MIXTRACK_RANGES;
}


static ngx_int_t
ngx_mixtrack_batch_begin(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored)
{
    batch->gzip = f->project->gzip ? 1 : 0;
    batch->size = batch->raw;

    ngx_mixtrack_batch_whole_part(batch);

    /* without memory it is ready, and its body is made another time: segments
     * that other batches have a part in cannot be given back */

    return ngx_mixtrack_batch_encode(f, batch, 0, batch->events, stored);
}


ngx_int_t
ngx_mixtrack_batch_adopt(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    batch->nranges = 0;
    batch->events = batch->array.n;
    batch->oldest = batch->file.name.oldest;
    batch->gzip = batch->file.name.gzip;

    batch->body = batch->file.body;
    batch->len = batch->file.len;
    batch->raw = batch->array.len;
    batch->size = batch->array.len;
    batch->sent = batch->events;

    batch->fate = ngx_calloc(ngx_max(batch->events, 1), f->log);

    ngx_mixtrack_batch_whole_part(batch);

    return batch->fate ? NGX_OK : NGX_ERROR;
}


/* nothing was tried yet */

static void
ngx_mixtrack_batch_whole_part(ngx_mixtrack_batch_t *batch)
{
    batch->state = NGX_MIXTRACK_BATCH_READY;
    batch->left = batch->events;
    batch->attempts = 0;
    batch->failures = 0;
    batch->broken = 0;
    batch->broke = 0;
    batch->posts = 0;
    batch->pairs = 0;
    batch->counted = 0;
    batch->large = 0;
    batch->accepted = 0;
    batch->parked = 0;
    batch->current = 0;
    batch->nparts = 1;

    ngx_memzero(&batch->part[0], sizeof(ngx_mixtrack_part_t));
    batch->part[0].to = batch->events;

    ngx_memzero(batch->outcome, sizeof(batch->outcome));
}


ngx_int_t
ngx_mixtrack_batch_encode(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    ngx_uint_t stored)
{
    int          rc;
    ngx_uint_t   i, n;
    mxt_span_t  *span;

    ngx_mixtrack_batch_unmake(batch);

    n = ngx_mixtrack_batch_spans(f, batch, from, to, NULL);

    if (n == 0) {
        return NGX_OK;
    }

    span = ngx_alloc(n * sizeof(mxt_span_t), f->log);

    if (span == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_mixtrack_batch_spans(f, batch, from, to, span);

    batch->raw = 2;

    for (i = 0; i < n; i++) {
        batch->raw += span[i].len;
    }

    ngx_mixtrack_batch_deflating(f, batch, 1);

    rc = mxt_encoder_encode(f->encoder, span, (unsigned) n, (unsigned) stored,
                            &batch->body, &batch->len);

    ngx_mixtrack_batch_deflating(f, batch, 0);

    ngx_free(span);

    batch->gzip = f->project->gzip ? 1 : 0;
    batch->broken = 0;

    if (rc != 0) {
        batch->body = NULL;
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_NO_MEMORY, NGX_LOG_ERR, 0, 1,
                         "no memory for a batch");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The undecided events of [from, to), in runs as long as may be.  Returns how
 * many there are; span may be NULL.  batch->sent becomes their events.
 */

static ngx_uint_t
ngx_mixtrack_batch_spans(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to, mxt_span_t *span)
{
    uint32_t              i, k, end, record;
    ngx_uint_t            n, r;
    const unsigned char  *data;

    n = 0;
    batch->sent = 0;

    for (i = from; i < to; i = k) {

        if (batch->fate[i]) {
            k = i + 1;
            continue;
        }

        r = 0;
        record = 0;
        end = to;

        if (batch->file.fd == -1) {
            r = ngx_mixtrack_batch_find(batch, i, &record, &end);
            end = ngx_min(end, to);
        }

        for (k = i + 1; k < end && batch->fate[k] == 0; k++) { /* void */ }

        if (span && batch->file.fd != -1) {
            mxt_array_span(&batch->array, i, k, &span[n]);

        } else if (span) {
            data = mxt_zone_data(&f->zone, batch->range[r].segment);
            span[n].data = mxt_segment_range(data, record, record + k - i,
                                             &span[n].len);
        }

        batch->sent += k - i;
        n++;
    }

    return n;
}


void
ngx_mixtrack_batch_event(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t i, mxt_span_t *span)
{
    uint32_t              record, end;
    ngx_uint_t            r;
    const unsigned char  *data;

    if (batch->file.fd != -1) {
        mxt_array_span(&batch->array, i, i + 1, span);
        return;
    }

    r = ngx_mixtrack_batch_find(batch, i, &record, &end);
    data = mxt_zone_data(&f->zone, batch->range[r].segment);

    span->data = mxt_segment_range(data, record, record + 1, &span->len);
}


/* the range of an event, its record there, and the first event behind the
 * range */

static ngx_uint_t
ngx_mixtrack_batch_find(ngx_mixtrack_batch_t *batch, uint32_t event,
    uint32_t *record, uint32_t *end)
{
    uint32_t    first, n;
    ngx_uint_t  r;

    first = 0;

    for (r = 0; /* void */ ; r++) {

        n = (uint32_t) (batch->range[r].to - batch->range[r].from);

        if (event < first + n) {
            *record = batch->range[r].from + event - first;
            *end = first + n;
            return r;
        }

        first += n;
    }
}


/* a flusher that dies of a segment is to be found out */

static void
ngx_mixtrack_batch_deflating(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t on)
{
    uint32_t    n, first;
    ngx_uint_t  i;

    first = 0;

    for (i = 0; i < batch->nranges; i++) {

        n = (uint32_t) (batch->range[i].to - batch->range[i].from);

        if (ngx_mixtrack_batch_undecided(batch, first, first + n)) {
            mxt_zone_deflating(&f->zone, batch->range[i].segment,
                               (unsigned) on);
        }

        first += n;
    }
}


uint32_t
ngx_mixtrack_batch_undecided(ngx_mixtrack_batch_t *batch, uint32_t from,
    uint32_t to)
{
    uint32_t  i, n;

    if (batch->left == batch->events) {
        return to - from;
    }

    n = 0;

    for (i = from; i < to; i++) {
        n += (batch->fate[i] == 0);
    }

    return n;
}


void
ngx_mixtrack_batch_decide(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to,
    mxt_outcome_e outcome)
{
    uint32_t  i;

    for (i = from; i < to; i++) {

        if (batch->fate[i]) {
            continue;
        }

        batch->fate[i] = (unsigned char) (outcome + 1);
        batch->outcome[outcome]++;
        batch->left--;

        if (batch->file.fd == -1) {
            ngx_mixtrack_batch_outcome(f, batch, i, outcome);
        }
    }
}


static void
ngx_mixtrack_batch_outcome(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t event, mxt_outcome_e outcome)
{
    uint32_t    record, end;
    ngx_uint_t  r;

    r = ngx_mixtrack_batch_find(batch, event, &record, &end);

    ngx_mixtrack_lease_outcome(f, batch->range[r].segment, record, outcome);
}


void
ngx_mixtrack_batch_finish(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    if (batch->file.fd == -1) {
        ngx_mixtrack_batch_release(batch);
        return;
    }

    batch->outcome[MXT_ADOPTED] = batch->events;

    mxt_zone_settle_spooled(&f->zone, batch->outcome);

    ngx_mixtrack_batch_unmake(batch);
    ngx_mixtrack_directory_remove(f, &batch->file);
    ngx_mixtrack_batch_release(batch);
}


void
ngx_mixtrack_batch_give_back(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    uint32_t               n, first;
    ngx_uint_t             i;
    ngx_mixtrack_range_t  *range;

    if (batch->file.fd != -1) {

        /* what has an outcome is not to have another one */

        if (batch->left != batch->events
            && ngx_mixtrack_spooler_write(f, batch, 0) == NGX_OK)
        {
            return;
        }

        ngx_mixtrack_batch_unmake(batch);
        mxt_spool_release(&batch->file);
        ngx_mixtrack_batch_release(batch);
        return;
    }

    first = 0;

    for (i = 0; i < batch->nranges; i++) {

        range = &batch->range[i];
        n = (uint32_t) (range->to - range->from);

        /* a segment that is settled, or will be with another batch, is not
         * this one's to give back */

        if (!ngx_mixtrack_batch_undecided(batch, first, first + n)) {
            first += n;
            continue;
        }

        first += n;

        ngx_mixtrack_lease_give_back(f, range->segment);
    }

    ngx_mixtrack_batch_release(batch);
}


ngx_uint_t
ngx_mixtrack_batch_whole(ngx_mixtrack_flusher_t *f,
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

    return batch->left == batch->events;
}


ngx_uint_t
ngx_mixtrack_batch_count(ngx_mixtrack_flusher_t *f,
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
ngx_mixtrack_batch_free(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_FREE) {
            return &f->batch[i];
        }
    }

    return NULL;
}


/* a file's body goes with the file */

void
ngx_mixtrack_batch_unmake(ngx_mixtrack_batch_t *batch)
{
    if (batch->file.fd == -1 || batch->body != batch->file.body) {
        free(batch->body);
    }

    batch->body = NULL;
    batch->len = 0;
    batch->raw = 0;
    batch->sent = 0;
}


static void
ngx_mixtrack_batch_release(ngx_mixtrack_batch_t *batch)
{
    ngx_mixtrack_batch_unmake(batch);

    mxt_array_close(&batch->array);
    ngx_memzero(&batch->array, sizeof(mxt_array_t));

    ngx_free(batch->fate);

    batch->fate = NULL;
    batch->nranges = 0;
    batch->file.fd = -1;
    batch->state = NGX_MIXTRACK_BATCH_FREE;
}
