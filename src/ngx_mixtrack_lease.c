
/*
 * Leases: segments that are this process's for a while, and what became of
 * their records, whatever batches those are in.
 */


#include "ngx_mixtrack_flusher.h"


/* a segment at whose deflating so many flushers died is not tried again */
#define NGX_MIXTRACK_DEATHS  3


static int ngx_libc_cdecl ngx_mixtrack_lease_compare(const void *one,
    const void *two);
static void ngx_mixtrack_lease_settle(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment);
static void ngx_mixtrack_lease_drop(ngx_mixtrack_lease_t *lease);


ngx_uint_t
ngx_mixtrack_lease_order(ngx_mixtrack_flusher_t *f)
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
              ngx_mixtrack_lease_compare);

    return n;
}


static int ngx_libc_cdecl
ngx_mixtrack_lease_compare(const void *one, const void *two)
{
    const ngx_mixtrack_order_t *a = one;
    const ngx_mixtrack_order_t *b = two;

    return (a->opened > b->opened) - (a->opened < b->opened);
}


ngx_int_t
ngx_mixtrack_lease(ngx_mixtrack_flusher_t *f, ngx_uint_t segment)
{
    int                    rc;
    uint32_t               n;
    uint64_t               w;
    unsigned               sound;
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

    if (lease->base >= lease->to) {
        lease->to = 0;
        (void) mxt_segment_unlease(s, f->zone.own_index);
        return NGX_DECLINED;
    }

    lease->fate = ngx_calloc((size_t) (lease->to - lease->base), f->log);

    rc = mxt_zone_check(&f->zone, (unsigned) segment, lease->base, lease->to,
                        &sound);

    lease->sound = (uint16_t) sound;

    if (rc != 0) {

        n = (uint32_t) (lease->to - lease->sound);

        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_DAMAGED, NGX_LOG_ERR, 0, n,
                         "a segment of the queue is damaged, %uD events "
                         "rejected", n);
    }

    if (mxt_zone_deaths(&f->zone, (unsigned) segment) >= NGX_MIXTRACK_DEATHS) {

        n = (uint32_t) (lease->to - lease->base);

        ngx_mixtrack_reject_segment(f, segment, lease->base,
                                    "flushers died of it");
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REJECTED, NGX_LOG_ERR, 0, n,
                         "%uD events rejected: flushers died of it", n);

    } else if (lease->sound != lease->to) {
        ngx_mixtrack_reject_segment(f, segment, lease->sound,
                                    "the queue is damaged");
    }

    return lease->to ? NGX_OK : NGX_DECLINED;
}


void
ngx_mixtrack_lease_outcome(ngx_mixtrack_flusher_t *f, ngx_uint_t segment,
    uint32_t record, mxt_outcome_e outcome)
{
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];

    /* given back with another batch */

    if (lease->to == 0) {
        return;
    }

    lease->done++;
    lease->outcome[outcome]++;

    if (lease->fate) {
        lease->fate[record - lease->base] = (unsigned char) (outcome + 1);
    }

    if (lease->done == lease->to - lease->base) {
        ngx_mixtrack_lease_settle(f, segment);
    }
}


static void
ngx_mixtrack_lease_settle(ngx_mixtrack_flusher_t *f, ngx_uint_t segment)
{
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];

    mxt_zone_settle(&f->zone, (unsigned) segment, lease->to, lease->outcome);

    ngx_mixtrack_lease_drop(lease);
}


void
ngx_mixtrack_lease_give_back(ngx_mixtrack_flusher_t *f, ngx_uint_t segment)
{
    uint32_t               n, outcome[MXT_OUTCOMES];
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];

    if (lease->to == 0) {
        return;
    }

    ngx_memzero(outcome, sizeof(outcome));

    for (n = 0;
         lease->fate && n < (uint32_t) (lease->to - lease->base)
         && lease->fate[n];
         n++)
    {
        outcome[lease->fate[n] - 1]++;
    }

    if (n) {
        mxt_zone_settle(&f->zone, (unsigned) segment, lease->base + n,
                        outcome);

    } else {
        (void) mxt_segment_unlease(&f->zone.segment[segment],
                                   f->zone.own_index);
    }

    ngx_mixtrack_lease_drop(lease);

    if (f->partial == segment) {
        f->partial = f->zone.shm->segments;
    }
}


ngx_uint_t
ngx_mixtrack_lease_prefix(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i;
    ngx_mixtrack_lease_t  *lease;

    for (i = 0; i < f->zone.shm->segments; i++) {

        lease = &f->lease[i];

        if (lease->to == 0 || lease->done == 0) {
            continue;
        }

        if (lease->fate == NULL
            || memchr(lease->fate, 0, (size_t) lease->done) != NULL)
        {
            return 0;
        }
    }

    return 1;
}


void
ngx_mixtrack_lease_return(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < f->zone.shm->segments; i++) {
        ngx_mixtrack_lease_give_back(f, i);
    }
}


static void
ngx_mixtrack_lease_drop(ngx_mixtrack_lease_t *lease)
{
    ngx_free(lease->fate);

    lease->fate = NULL;
    lease->to = 0;
}
