
/*
 * Batches: from segments to a body, and back to what became of them.
 *
 * The invariant: a record is settled when, and only when, its batch was
 * acknowledged, set aside or is on disk; until then its segment stays where
 * it is.  A segment that is in several batches is settled with the last.
 */


#include "ngx_mixtrack_flusher.h"


/* a segment at whose deflating so many flushers died is not tried again */
#define NGX_MIXTRACK_DEATHS  3


static ngx_uint_t ngx_mixtrack_batch_order(ngx_mixtrack_flusher_t *f);
static int ngx_libc_cdecl ngx_mixtrack_batch_compare(const void *one,
    const void *two);
static ngx_int_t ngx_mixtrack_batch_lease(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment);
static ngx_uint_t ngx_mixtrack_batch_add(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t segment);
static ngx_int_t ngx_mixtrack_batch_encode(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored);
static void ngx_mixtrack_batch_release(ngx_mixtrack_batch_t *batch);


ngx_int_t
ngx_mixtrack_batch_build(ngx_mixtrack_flusher_t *f,
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

    if (f->partial != none && !ngx_mixtrack_batch_add(f, batch, f->partial)) {
        return ngx_mixtrack_batch_encode(f, batch, stored);
    }

    /* a replaced flusher finishes what it has begun, and no more */

    n = mxt_zone_holds(&f->zone) ? ngx_mixtrack_batch_order(f) : 0;

    for (i = 0; i < n; i++) {

        segment = f->order[i].segment;

        if (ngx_mixtrack_batch_lease(f, segment) == NGX_OK
            && !ngx_mixtrack_batch_add(f, batch, segment))
        {
            break;
        }
    }

    if (batch->nranges == 0) {
        return NGX_DECLINED;
    }

    return ngx_mixtrack_batch_encode(f, batch, stored);
}


/* the sealed segments that are nobody's, the oldest first */

static ngx_uint_t
ngx_mixtrack_batch_order(ngx_mixtrack_flusher_t *f)
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
              ngx_mixtrack_batch_compare);

    return n;
}


static int ngx_libc_cdecl
ngx_mixtrack_batch_compare(const void *one, const void *two)
{
    const ngx_mixtrack_order_t *a = one;
    const ngx_mixtrack_order_t *b = two;

    return (a->opened > b->opened) - (a->opened < b->opened);
}


static ngx_int_t
ngx_mixtrack_batch_lease(ngx_mixtrack_flusher_t *f, ngx_uint_t segment)
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
ngx_mixtrack_batch_add(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
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
ngx_mixtrack_batch_encode(ngx_mixtrack_flusher_t *f,
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
        ngx_mixtrack_batch_give_back(f, batch);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_mixtrack_batch_finish(ngx_mixtrack_flusher_t *f,
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

        ngx_mixtrack_batch_release(batch);
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

    ngx_mixtrack_batch_release(batch);
}


void
ngx_mixtrack_batch_give_back(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t             i;
    ngx_mixtrack_range_t  *range;

    if (batch->file.fd != -1) {
        mxt_spool_release(&batch->file);
        ngx_mixtrack_batch_release(batch);
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

    return 1;
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


static void
ngx_mixtrack_batch_release(ngx_mixtrack_batch_t *batch)
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
