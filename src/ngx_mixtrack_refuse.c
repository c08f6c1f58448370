
/*
 * Batches that the server does not want.
 *
 * A refused batch is halved, and its halves, until what is bad stands alone;
 * the parts are posted one after the other, the largest first.  What was
 * refused for good stays undecided until something is delivered, of this
 * batch or another: only then is it known that the fault was the events',
 * and not the configuration's.  A batch of which nothing was wanted waits for
 * that with all it has, unless there is nothing else to try; and the third
 * of them in a row holds the project.
 *
 * The bounds: 4 log2(n) posts for a batch, and what is left then is rejected
 * together.  413 says nothing of the events, so there only posts that
 * brought nothing count.
 */


#include "ngx_mixtrack_flusher.h"


/* of so many whole batches in a row the configuration is the cause */
#define NGX_MIXTRACK_REFUSED  3


static void ngx_mixtrack_refuse_first(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static void ngx_mixtrack_refuse_count(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static void ngx_mixtrack_refuse_halve(ngx_mixtrack_batch_t *batch,
    ngx_mixtrack_part_t *part, uint32_t error, ngx_uint_t pair);
static ngx_mixtrack_part_t *ngx_mixtrack_refuse_split(
    ngx_mixtrack_batch_t *batch, ngx_mixtrack_part_t *part, uint32_t n);
static uint32_t ngx_mixtrack_refuse_fits(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static void ngx_mixtrack_refuse_whole(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_refuse_hold(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_refuse_restore(ngx_mixtrack_batch_t *batch);
static void ngx_mixtrack_refuse_give_up(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static ngx_mixtrack_part_t *ngx_mixtrack_refuse_choose(
    ngx_mixtrack_batch_t *batch);
static ngx_uint_t ngx_mixtrack_refuse_others(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static void ngx_mixtrack_refuse_bound(ngx_mixtrack_batch_t *batch);
static ngx_uint_t ngx_mixtrack_refuse_posts(uint32_t events);
static uint32_t ngx_mixtrack_refuse_hash(const char *text);


void
ngx_mixtrack_refuse(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    mxt_verdict_t *v, uint64_t now)
{
    uint32_t              n, error;
    ngx_mixtrack_part_t  *part;

    batch->state = NGX_MIXTRACK_BATCH_READY;

    if (batch->posts++ == 0) {
        batch->most = f->most.bytes;
        ngx_mixtrack_refuse_first(f, batch);
    }

    part = &batch->part[batch->current];
    n = batch->sent;
    error = 0;

    batch->large = (v->verdict == MXT_VERDICT_TOO_LARGE);

    if (batch->large && n > 1) {
        f->most.bytes = ngx_min(f->most.bytes, batch->raw / 2 + 1);

    } else if (batch->large) {

        /* it was for this event, the others may go together */

        f->most.bytes = ngx_max(f->most.bytes, batch->most);

    } else if (v->verdict == MXT_VERDICT_INVALID) {
        error = ngx_mixtrack_refuse_hash(v->why);
    }

    (void) ngx_cpystrn((u_char *) part->why, (u_char *) v->why,
                       sizeof(part->why));

    if (n == 1 || (error && part->error == error)) {
        part->refused = 1;

    } else {
        ngx_mixtrack_refuse_halve(batch, part, error,
                                  v->verdict == MXT_VERDICT_REFUSED);
    }

    ngx_mixtrack_refuse_bound(batch);

    /* what comes next is another body */

    ngx_mixtrack_batch_unmake(batch);

    if (mxt_zone_holds(&f->zone)
        && (f->zone.shm->gate.hold
            || f->zone.shm->gate.refused >= NGX_MIXTRACK_REFUSED))
    {
        ngx_mixtrack_refuse_hold(f, batch, now);
        return;
    }

    batch->attempts = 0;
    batch->failures = 0;

    if (ngx_mixtrack_refuse_choose(batch) == NULL) {
        ngx_mixtrack_refuse_whole(f, batch, now);
    }
}


/* nobody has answered: it is as if the batch had always been two; but the
 * parts that a refusal may need are left to it */

void
ngx_mixtrack_refuse_broken(ngx_mixtrack_batch_t *batch)
{
    uint32_t              n;
    ngx_mixtrack_part_t  *part, *half;

    if (batch->nparts + ngx_mixtrack_refuse_posts(batch->events)
        > NGX_MIXTRACK_PARTS + batch->posts)
    {
        return;
    }

    part = &batch->part[batch->current];
    n = ngx_mixtrack_batch_undecided(batch, part->from, part->to);
    half = ngx_mixtrack_refuse_split(batch, part, (n + 1) / 2);

    if (half == NULL) {
        return;
    }

    part->pair = 0;
    half->pair = 0;

    batch->broke = batch->raw;

    ngx_mixtrack_batch_unmake(batch);

    /* another body; but failures stay: others are to pass */

    batch->attempts = 0;
}


/*
 * Those that were on their way when the first was refused say the same thing
 * at the same time, and do not count.
 */

static void
ngx_mixtrack_refuse_first(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    if (f->suspect_at == 0 || batch->started > f->suspect_at) {
        ngx_mixtrack_refuse_count(f, batch);
    }
}


static void
ngx_mixtrack_refuse_count(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    if (batch->counted) {
        return;
    }

    batch->counted = 1;
    f->suspect_at = ngx_current_msec;

    if (mxt_zone_holds(&f->zone)) {
        f->zone.shm->gate.refused++;
    }
}


/*
 * Of two halves of which one was delivered the other has all that is bad, and
 * need not be posted to know.
 */

static void
ngx_mixtrack_refuse_halve(ngx_mixtrack_batch_t *batch,
    ngx_mixtrack_part_t *part, uint32_t error, ngx_uint_t pair)
{
    uint32_t              n;
    ngx_mixtrack_part_t  *half;

    n = ngx_mixtrack_batch_undecided(batch, part->from, part->to);
    half = ngx_mixtrack_refuse_split(batch, part, (n + 1) / 2);

    if (half == NULL) {
        part->refused = 1;
        return;
    }

    half->error = error;
    part->error = error;

    part->pair = pair ? ++batch->pairs : 0;
    half->pair = part->pair;
}


void
ngx_mixtrack_refuse_delivered(ngx_mixtrack_batch_t *batch, uint32_t pair)
{
    ngx_uint_t            i;
    ngx_mixtrack_part_t  *part;

    ngx_mixtrack_batch_unmake(batch);

    batch->attempts = 0;
    batch->failures = 0;

    /* 413 says nothing of the events: what fits is no loss of patience */

    if (batch->posts) {
        batch->posts = batch->large ? 1 : batch->posts + 1;
        batch->accepted = 1;
    }

    for (i = 0; pair && i < batch->nparts; i++) {

        part = &batch->part[i];

        if (part->pair == pair && !part->refused
            && ngx_mixtrack_batch_undecided(batch, part->from, part->to) > 1)
        {
            ngx_mixtrack_refuse_halve(batch, part, 0, 1);
            return;
        }
    }
}


/* Leaves the first n undecided events to the part, and makes another one of
 * the rest, which is returned; or NULL when there are too many. */

static ngx_mixtrack_part_t *
ngx_mixtrack_refuse_split(ngx_mixtrack_batch_t *batch,
    ngx_mixtrack_part_t *part, uint32_t n)
{
    uint32_t              i;
    ngx_uint_t            k;
    ngx_mixtrack_part_t  *rest;

    /* the place of one that is done with, or a new one */

    for (k = 0; k < batch->nparts; k++) {

        rest = &batch->part[k];

        if (ngx_mixtrack_batch_undecided(batch, rest->from, rest->to) == 0) {
            break;
        }
    }

    if (k == NGX_MIXTRACK_PARTS) {
        return NULL;
    }

    if (k == batch->nparts) {
        batch->nparts++;
    }

    for (i = part->from; n; i++) {
        n -= (batch->fate[i] == 0);
    }

    rest = &batch->part[k];

    *rest = *part;
    rest->from = i;
    part->to = i;

    return rest;
}


/* nothing of the batch is left to post */

static void
ngx_mixtrack_refuse_whole(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    if (batch->accepted) {
        ngx_mixtrack_refuse_give_up(f, batch);
        return;
    }

    ngx_mixtrack_refuse_count(f, batch);

    if (f->zone.shm->gate.refused >= NGX_MIXTRACK_REFUSED
        && mxt_zone_holds(&f->zone))
    {
        ngx_mixtrack_refuse_hold(f, batch, now);
        return;
    }

    if (ngx_mixtrack_refuse_others(f, batch)) {
        batch->parked = 1;
        return;
    }

    ngx_mixtrack_refuse_give_up(f, batch);
}


/*
 * It is not the events: nothing is given up for what is said now, and what was
 * set aside is whole again.  The probes go on with halves, for there may be
 * a bad event in every batch when the endpoint is well again.
 */

static void
ngx_mixtrack_refuse_hold(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    uint64_t    delay;
    ngx_uint_t  i, held;

    held = f->zone.shm->gate.hold;

    for (i = 0; !held && i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_READY) {
            ngx_mixtrack_refuse_restore(&f->batch[i]);
        }
    }

    for (i = 0; i < batch->nparts; i++) {
        if (batch->part[i].refused) {
            ngx_mixtrack_refuse_restore(batch);
        }
    }

    delay = mxt_gate_backoff(&f->project->backoff, 32,
                             (uint32_t) ngx_random());

    mxt_gate_hold(&f->zone.shm->gate, now, delay);

    if (f->zone.shm->failed_at == 0) {
        f->zone.shm->failed_at = now;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_NONE_TAKEN,
                     held ? NGX_LOG_WARN : NGX_LOG_ERR, 0, 1,
                     "every batch is refused (%s): delivery is on hold, "
                     "events are kept; check endpoint and properties",
                     f->zone.shm->error);
}


/* as if it had never been refused */

static void
ngx_mixtrack_refuse_restore(ngx_mixtrack_batch_t *batch)
{
    if (batch->posts == 0) {
        return;
    }

    batch->posts = 0;
    batch->counted = 0;
    batch->parked = 0;
    batch->accepted = 0;
    batch->current = 0;
    batch->nparts = 1;

    ngx_memzero(&batch->part[0], sizeof(ngx_mixtrack_part_t));
    batch->part[0].to = batch->events;

    ngx_mixtrack_batch_unmake(batch);
}


void
ngx_mixtrack_refuse_judge(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i, k;
    ngx_mixtrack_batch_t  *batch;

    f->suspect_at = 0;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_FREE || batch->posts == 0) {
            continue;
        }

        batch->counted = 0;

        if (batch->state == NGX_MIXTRACK_BATCH_READY && batch->parked) {
            ngx_mixtrack_refuse_give_up(f, batch);
            continue;
        }

        for (k = 0; k < batch->nparts; k++) {
            if (batch->part[k].refused) {
                ngx_mixtrack_reject(f, batch, batch->part[k].from,
                                    batch->part[k].to, MXT_REJECTED,
                                    batch->part[k].why);
            }
        }

        if (batch->state == NGX_MIXTRACK_BATCH_READY && batch->left == 0) {
            ngx_mixtrack_batch_finish(f, batch);
        }
    }
}


static void
ngx_mixtrack_refuse_give_up(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t  i;

    for (i = 0; i < batch->nparts; i++) {
        ngx_mixtrack_reject(f, batch, batch->part[i].from,
                            batch->part[i].to, MXT_REJECTED,
                            batch->part[i].why);
    }

    ngx_mixtrack_batch_finish(f, batch);
}


ngx_int_t
ngx_mixtrack_refuse_next(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    uint32_t              n, fits;
    ngx_mixtrack_part_t  *part, *rest;

    if (batch->left == 0) {
        ngx_mixtrack_batch_finish(f, batch);
        return NGX_DECLINED;
    }

    if (batch->parked) {
        return NGX_DECLINED;
    }

    part = &batch->part[batch->current];
    n = ngx_mixtrack_batch_undecided(batch, part->from, part->to);
    fits = ngx_mixtrack_refuse_fits(f, batch);

    /* the same body again, unless something has become of it */

    if (batch->body && !part->refused && batch->sent == n && n <= fits) {
        return NGX_OK;
    }

    ngx_mixtrack_refuse_bound(batch);

    part = ngx_mixtrack_refuse_choose(batch);

    if (part == NULL) {
        ngx_mixtrack_refuse_give_up(f, batch);
        return NGX_DECLINED;
    }

    /* a file may be larger than what is posted at once */

    n = ngx_mixtrack_batch_undecided(batch, part->from, part->to);

    if (n > fits) {
        rest = ngx_mixtrack_refuse_split(batch, part, fits);

        /* they are no halves any more */

        part->pair = 0;

        if (rest) {
            rest->pair = 0;
        }
    }

    batch->current = (ngx_uint_t) (part - batch->part);

    return ngx_mixtrack_batch_encode(f, batch, part->from, part->to, 0);
}


/* how many events may be posted at once: of a batch from the zone as many as
 * it has; of one from a file, or that was too large, by their size on average
 */

static uint32_t
ngx_mixtrack_refuse_fits(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    uint64_t  n;

    if (batch->file.fd == -1 && !batch->large) {
        return batch->events;
    }

    n = (uint64_t) batch->events * f->most.bytes / batch->size;
    n = ngx_min(n, f->most.events);

    return n ? (uint32_t) n : 1;
}


/* the largest, so that what is left when patience ends is small; but the
 * smallest to find out what is not too large */

static ngx_mixtrack_part_t *
ngx_mixtrack_refuse_choose(ngx_mixtrack_batch_t *batch)
{
    uint32_t              n, best;
    ngx_uint_t            i;
    ngx_mixtrack_part_t  *part;

    best = 0;
    part = NULL;

    for (i = 0; i < batch->nparts; i++) {

        if (batch->part[i].refused) {
            continue;
        }

        n = ngx_mixtrack_batch_undecided(batch, batch->part[i].from,
                                         batch->part[i].to);

        if (n && (part == NULL || (batch->large ? n < best : n > best))) {
            best = n;
            part = &batch->part[i];
        }
    }

    return part;
}


/* those that wait for each other are judged by themselves */

void
ngx_mixtrack_refuse_alone(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *parked;

    if (f->suspect_at == 0) {
        return;
    }

    parked = NULL;

    for (i = 0; i < f->nbatches; i++) {

        if (f->batch[i].state == NGX_MIXTRACK_BATCH_FREE) {
            continue;
        }

        if (!f->batch[i].parked) {
            return;
        }

        parked = &f->batch[i];
    }

    if (parked && !ngx_mixtrack_refuse_others(f, parked)) {
        ngx_mixtrack_refuse_judge(f);
    }
}


/* whether there is another batch that may be delivered */

static ngx_uint_t
ngx_mixtrack_refuse_others(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t  i;

    for (i = 0; i < f->nbatches; i++) {
        if (&f->batch[i] != batch && !f->batch[i].parked
            && f->batch[i].state != NGX_MIXTRACK_BATCH_FREE)
        {
            return 1;
        }
    }

    return f->look.queued || f->name < f->nnames
           || f->partial != f->zone.shm->segments;
}


/* what is left when the posts are used up is refused together */

static void
ngx_mixtrack_refuse_bound(ngx_mixtrack_batch_t *batch)
{
    ngx_uint_t  i;

    if (batch->posts < ngx_max(ngx_mixtrack_refuse_posts(batch->events), 1)) {
        return;
    }

    for (i = 0; i < batch->nparts; i++) {
        batch->part[i].refused = 1;
    }
}


/* 4 log2(n), that of the whole batch included: the bits of n^4 */

static ngx_uint_t
ngx_mixtrack_refuse_posts(uint32_t events)
{
    uint64_t    n;
    ngx_uint_t  posts;

    n = ngx_min(events, 65535);
    n = n * n * n * n;

    for (posts = 0; n > 1; posts++) {
        n /= 2;
    }

    return posts;
}


static uint32_t
ngx_mixtrack_refuse_hash(const char *text)
{
    uint32_t  hash;

    hash = ngx_crc32_short((u_char *) text, ngx_strlen(text));

    return hash ? hash : 1;
}
