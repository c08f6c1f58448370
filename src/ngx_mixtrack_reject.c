
/*
 * What is given up: events that are too old, and those that the server does
 * not want.  Each goes to the rejected file with the reason, and is counted.
 */


#include "ngx_mixtrack_flusher.h"

#include "mxt_reject.h"


/* different ones in a reply that are told apart */
#define NGX_MIXTRACK_REASONS  16

/* as an event's fate, in here only: too old, but not written yet */
#define NGX_MIXTRACK_OLD      0xff


typedef struct {
    uint32_t  event;
    unsigned  reject;
} ngx_mixtrack_name_t;


static void ngx_mixtrack_reject_all(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to, u_char fate,
    mxt_outcome_e outcome, const char *reason);
static void ngx_mixtrack_reject_write(ngx_mixtrack_flusher_t *f,
    const char *reason, mxt_span_t *span, uint32_t n);
static uint32_t ngx_mixtrack_reject_reason(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v,
    ngx_mixtrack_name_t *name, uint32_t n, ngx_uint_t any);
static void ngx_mixtrack_reject_unnamed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v, uint32_t n);
static uint64_t ngx_mixtrack_reject_age(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static uint64_t ngx_mixtrack_reject_queued(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_range_t *range, uint64_t now);
static void ngx_mixtrack_reject_range(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_mixtrack_range_t *range, uint32_t first,
    uint64_t now);
static void ngx_mixtrack_reject_file(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static uint64_t ngx_mixtrack_reject_wall(void);


void
ngx_mixtrack_reject(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    uint32_t from, uint32_t to, mxt_outcome_e outcome, const char *reason)
{
    ngx_mixtrack_reject_all(f, batch, from, to, 0, outcome, reason);
}


/* those of [from, to) that have this fate, in one write */

static void
ngx_mixtrack_reject_all(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint32_t from, uint32_t to, u_char fate,
    mxt_outcome_e outcome, const char *reason)
{
    uint32_t     i, n;
    mxt_span_t  *span;

    n = 0;

    for (i = from; i < to; i++) {
        n += (batch->fate[i] == fate);
    }

    if (n == 0) {
        return;
    }

    span = ngx_alloc(n * sizeof(mxt_span_t), f->log);

    if (span) {

        n = 0;

        for (i = from; i < to; i++) {
            if (batch->fate[i] == fate) {
                ngx_mixtrack_batch_event(f, batch, i, &span[n++]);
            }
        }
    }

    /* on disk first, then counted: a crash in between writes it twice */

    ngx_mixtrack_reject_write(f, reason, span, n);
    ngx_free(span);

    for (i = from; i < to; i++) {
        if (batch->fate[i] == fate) {
            batch->fate[i] = 0;
            ngx_mixtrack_batch_decide(f, batch, i, i + 1, outcome);
        }
    }

    if (outcome == MXT_EXPIRED) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_EXPIRED, NGX_LOG_ERR, 0, n,
                         "%uD events expired, %s", n, reason);
        return;
    }

    ngx_mixtrack_say_error(f, reason);
    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REJECTED, NGX_LOG_ERR, 0, n,
                     "%uD events rejected: %s", n, reason);
}


/* by reason, for there are few of them, and a write is not for nothing */

void
ngx_mixtrack_reject_named(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v)
{
    uint32_t              i, n, named;
    ngx_uint_t            reasons;
    ngx_mixtrack_part_t  *part;
    ngx_mixtrack_name_t  *name;

    part = &batch->part[batch->current];
    named = 0;

    name = ngx_alloc(batch->sent * sizeof(ngx_mixtrack_name_t), f->log);

    if (name) {

        n = 0;

        for (i = part->from; i < part->to; i++) {
            if (batch->fate[i] == 0) {
                name[n++].event = i;
            }
        }

        for (reasons = 0; reasons < NGX_MIXTRACK_REASONS; reasons++) {

            i = ngx_mixtrack_reject_reason(f, batch, v, name, n,
                                           reasons + 1
                                           == NGX_MIXTRACK_REASONS);
            if (i == 0) {
                break;
            }

            named += i;
        }

        ngx_free(name);
    }

    if (v->failed > named) {
        ngx_mixtrack_reject_unnamed(f, batch, v, v->failed - named);
    }
}


/* Rejects the first of these events that is named, and all that are for the
 * same reason, or whatever the reason.  Returns how many. */

static uint32_t
ngx_mixtrack_reject_reason(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v,
    ngx_mixtrack_name_t *name, uint32_t n, ngx_uint_t any)
{
    char         first[MXT_POLICY_WHY], why[MXT_POLICY_WHY];
    size_t       len;
    uint32_t     i, k;
    mxt_span_t  *span;
    const char  *id;

    span = ngx_alloc(n * sizeof(mxt_span_t), f->log);

    if (span == NULL) {
        return 0;
    }

    k = 0;

    for (i = 0; i < n; i++) {

        name[i].reject = 0;

        if (batch->fate[name[i].event]) {
            continue;
        }

        ngx_mixtrack_batch_event(f, batch, name[i].event, &span[k]);
        id = mxt_event_insert_id(span[k].data, span[k].len, &len);

        if (!mxt_verdict_names(v, i, id, id ? len : 0, why, sizeof(why))) {
            continue;
        }

        if (k == 0) {
            ngx_memcpy(first, why, sizeof(first));

        } else if (!any && ngx_strcmp(why, first) != 0) {
            continue;
        }

        name[i].reject = 1;
        k++;
    }

    if (k) {
        ngx_mixtrack_reject_write(f, first, span, k);

        ngx_mixtrack_say_error(f, first);
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REJECTED, NGX_LOG_ERR, 0, k,
                         "%uD events rejected: %s", k, first);
    }

    for (i = 0; i < n; i++) {
        if (name[i].reject) {
            ngx_mixtrack_batch_decide(f, batch, name[i].event,
                                      name[i].event + 1, MXT_REJECTED);
        }
    }

    ngx_free(span);

    return k;
}


/*
 * The server says how many it did not take, but not which.  The rest is never
 * sent again, so as many of it are counted, and a line each tells of them
 * without the event.
 */

static void
ngx_mixtrack_reject_unnamed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_verdict_t *v, uint32_t n)
{
    uint32_t              i, count;
    mxt_span_t           *span;
    ngx_mixtrack_part_t  *part;

    part = &batch->part[batch->current];

    i = ngx_mixtrack_batch_undecided(batch, part->from, part->to);
    n = ngx_min(n, i);

    /* a span without bytes is written as null */

    span = ngx_calloc(n * sizeof(mxt_span_t), f->log);

    ngx_mixtrack_reject_write(f, v->why, span, n);
    ngx_free(span);

    count = n;

    for (i = part->from; i < part->to && count; i++) {
        if (batch->fate[i] == 0) {
            ngx_mixtrack_batch_decide(f, batch, i, i + 1, MXT_REJECTED);
            count--;
        }
    }

    ngx_mixtrack_say_error(f, v->why);
    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REJECTED, NGX_LOG_ERR, 0, n,
                     "%uD events rejected, the server does not say which: %s",
                     n, v->why);
}


/*
 * Too old is what is too old by the wall clock, as the API sees it (a
 * request may have lasted for days before it was logged), or was queued too
 * long ago (the clock may have been set back).  For the latter, an event is
 * as much younger than its segment as its time is later than the first
 * one's.
 */

void
ngx_mixtrack_reject_old(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    uint64_t now)
{
    u_char      reason[64];
    uint32_t    first, to;
    ngx_uint_t  i;

    if (f->project->max_age == 0
        || ngx_mixtrack_reject_age(f, batch, now) <= f->project->max_age)
    {
        return;
    }

    (void) ngx_snprintf(reason, sizeof(reason), "older than max_age, %uLs%Z",
                        f->project->max_age / 1000);

    first = 0;

    if (batch->file.fd != -1) {
        ngx_mixtrack_reject_file(f, batch);
    }

    for (i = 0; i < batch->nranges; i++) {

        to = first + (uint32_t) (batch->range[i].to - batch->range[i].from);

        /* what is settled may be another's by now */

        if (ngx_mixtrack_batch_undecided(batch, first, to)) {
            ngx_mixtrack_reject_range(f, batch, &batch->range[i], first, now);
        }

        first = to;
    }

    /* all at once: a write of each run would be an fsync() of each */

    first = batch->left;

    ngx_mixtrack_reject_all(f, batch, 0, batch->events, NGX_MIXTRACK_OLD,
                            MXT_EXPIRED, (char *) reason);

    if (batch->left < first) {
        ngx_mixtrack_batch_unmake(batch);
    }
}


/* no event of the batch is older */

static uint64_t
ngx_mixtrack_reject_age(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    uint64_t now)
{
    uint64_t    age, queued, wall;
    ngx_uint_t  i;

    wall = ngx_mixtrack_reject_wall();
    age = wall > batch->oldest ? wall - batch->oldest : 0;

    for (i = 0; i < batch->nranges; i++) {

        queued = ngx_mixtrack_reject_queued(f, &batch->range[i], now);

        if (queued > age) {
            age = queued;
        }
    }

    return age;
}


/* a worker may have opened it after the now of this tick */

static uint64_t
ngx_mixtrack_reject_queued(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_range_t *range, uint64_t now)
{
    uint64_t  opened;

    opened = f->zone.segment[range->segment].opened;

    return now > opened ? now - opened : 0;
}


/* first is the number of the range's first event in the batch */

static void
ngx_mixtrack_reject_range(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_mixtrack_range_t *range, uint32_t first,
    uint64_t now)
{
    u_char               *fate;
    int64_t               younger;
    uint32_t              i, begin;
    uint64_t              wall, time, age, queued;
    const unsigned char  *data;

    data = mxt_zone_data(&f->zone, range->segment);
    wall = ngx_mixtrack_reject_wall();
    begin = mxt_segment_record(data, 0)->time;
    age = ngx_mixtrack_reject_queued(f, range, now);

    fate = batch->fate + first;

    for (i = range->from; i < range->to; i++, fate++) {

        time = mxt_segment_record(data, i)->time;
        younger = ((int64_t) time - begin) * 1000;
        time *= 1000;

        queued = age;

        if (younger > 0) {
            queued -= ngx_min(queued, (uint64_t) younger);
        }

        if (*fate == 0
            && ((wall > time && wall - time > f->project->max_age)
                || queued > f->project->max_age))
        {
            *fate = NGX_MIXTRACK_OLD;
        }
    }
}


static void
ngx_mixtrack_reject_file(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    uint32_t    i;
    uint64_t    wall, time;
    mxt_span_t  span;

    wall = ngx_mixtrack_reject_wall();

    for (i = 0; i < batch->events; i++) {

        if (batch->fate[i]) {
            continue;
        }

        ngx_mixtrack_batch_event(f, batch, i, &span);
        time = mxt_event_time(span.data, span.len);

        /* one that says no time got that of its file */

        if (time == 0) {
            time = batch->oldest;
        }

        if (wall > time && wall - time > f->project->max_age) {
            batch->fate[i] = NGX_MIXTRACK_OLD;
        }
    }
}


void
ngx_mixtrack_reject_segment(ngx_mixtrack_flusher_t *f, ngx_uint_t segment,
    uint32_t from, const char *reason)
{
    uint32_t               i, to;
    mxt_span_t            *span;
    const unsigned char   *data;
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];
    data = mxt_zone_data(&f->zone, (unsigned) segment);
    to = lease->to;

    /* a span without bytes is written as null */

    span = ngx_calloc((to - from) * sizeof(mxt_span_t), f->log);

    for (i = from; span && i < lease->sound; i++) {
        span[i - from].data = mxt_segment_range(data, i, i + 1,
                                                &span[i - from].len);
    }

    ngx_mixtrack_reject_write(f, reason, span, to - from);
    ngx_free(span);

    ngx_mixtrack_say_error(f, reason);

    for (i = from; i < to; i++) {
        ngx_mixtrack_lease_outcome(f, segment, i, MXT_REJECTED);
    }
}


/* span may be NULL: there was no memory */

static void
ngx_mixtrack_reject_write(ngx_mixtrack_flusher_t *f, const char *reason,
    mxt_span_t *span, uint32_t n)
{
    if (f->project->spool == 0) {
        return;
    }

    if (span
        && ngx_mixtrack_directory_there(f, ngx_current_msec) == NGX_OK
        && mxt_reject(f->dir, ngx_mixtrack_reject_wall(), reason, span, n,
                      (uint64_t) f->project->spool)
           == 0)
    {
        return;
    }

    mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_RECORD, NGX_LOG_ERR, ngx_errno, n,
                     "%uD rejected events could not be written to the file of "
                     "those", n);
}


static uint64_t
ngx_mixtrack_reject_wall(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
