
/*
 * Replies: from a verdict to what becomes of the batch, and of the gate.
 *
 * Only the holder of the zone's lease writes to gate and books; a replaced
 * flusher settles what it has, and no more.
 */


#include "ngx_mixtrack_flusher.h"


static void ngx_mixtrack_reply_judge(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, const mxt_reply_t *reply, mxt_verdict_t *v);
static uint64_t ngx_mixtrack_reply_waiting(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_reply_again(ngx_mixtrack_flusher_t *f,
    const char *what, uint64_t waiting, uint64_t files, uint64_t now);
static void ngx_mixtrack_reply_refused(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now);
static void ngx_mixtrack_reply_held(ngx_mixtrack_flusher_t *f,
    mxt_verdict_t *v, uint64_t now);


void
ngx_mixtrack_reply(ngx_mixtrack_flusher_t *f,
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

    if (result->sent) {
        batch->failures++;
    }

    ngx_mixtrack_reply_judge(f, batch, &result->reply, &v);

    switch (v.verdict) {

    case MXT_VERDICT_DELIVERED:
    case MXT_VERDICT_PARTIAL:
        ngx_mixtrack_reply_delivered(f, batch, &v, now);
        break;

    case MXT_VERDICT_INVALID:
    case MXT_VERDICT_REFUSED:
    case MXT_VERDICT_TOO_LARGE:
        ngx_mixtrack_reply_refused(f, batch, &v, now);
        break;

    case MXT_VERDICT_HOLD:
        ngx_mixtrack_reply_held(f, &v, now);
        break;

    default: /* MXT_VERDICT_RETRY, _BROKEN, _SLOW_DOWN */
        ngx_mixtrack_reply_failed(f, batch, &v, result->text, now);

        if (v.verdict == MXT_VERDICT_BROKEN) {
            ngx_mixtrack_refuse_broken(batch);
        }
    }

    mxt_verdict_done(&v);
}


static void
ngx_mixtrack_reply_judge(ngx_mixtrack_flusher_t *f,
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
    a.words = &f->project->words;

    mxt_policy_judge(reply, &a, v);
}


void
ngx_mixtrack_reply_delivered(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now)
{
    uint32_t              pair;
    uint64_t              started, waiting, files;
    ngx_mixtrack_part_t  *part;

    started = batch->started;

    /* what is settled below has waited as well */

    waiting = ngx_mixtrack_reply_waiting(f);
    files = f->zone.shm->spool_files;

    part = &batch->part[batch->current];
    pair = part->pair;

    mxt_zone_add(&f->zone, MXT_BYTES_RAW, batch->raw);
    mxt_zone_add(&f->zone, MXT_BYTES_WIRE, batch->len);

    /* what was too large once may have been so by a whim of the server */

    if (f->most.bytes < f->max_bytes && batch->raw >= f->most.bytes / 2) {
        f->most.bytes += f->most.bytes / 64 + 1;
        f->most.bytes = ngx_min(f->most.bytes, f->max_bytes);
    }

    /* a half goes through at once: it was the size, and no outage */

    if (batch->broke && batch->attempts == 1) {
        f->most.bytes = ngx_min(f->most.bytes, batch->broke / 2 + 1);
    }

    batch->broke = 0;

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
        ngx_mixtrack_reply_again(f, "posts succeed again", waiting, files,
                                 now);
    }
}


/* events in the queue, if it is an outage that they have waited for */

static uint64_t
ngx_mixtrack_reply_waiting(ngx_mixtrack_flusher_t *f)
{
    mxt_look_t  look;

    if (f->zone.shm->failed_at == 0) {
        return 0;
    }

    mxt_zone_look(&f->zone, &look);

    return look.queued + look.in_flight;
}


/* the first success after an outage says how long that was, and what waited
 * for it */

static void
ngx_mixtrack_reply_again(ngx_mixtrack_flusher_t *f, const char *what,
    uint64_t waiting, uint64_t files, uint64_t now)
{
    mxt_zone_shm_t  *shm;

    shm = f->zone.shm;

    if (shm->failed_at == 0 || shm->gate.failures || shm->gate.hold) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "mixtrack: project \"%V\": %s after %uL ms, %uL events "
                  "were waiting, and %uL spool files",
                  &f->project->name, what, now - shm->failed_at, waiting,
                  files);

    shm->failed_at = 0;
}


static void
ngx_mixtrack_reply_refused(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, uint64_t now)
{
    ngx_mixtrack_say_error(f, v->why);

    if (mxt_zone_holds(&f->zone)) {
        (void) mxt_gate_answered(&f->zone.shm->gate, batch->started,
                                 (unsigned) f->project->connections);
        ngx_mixtrack_reply_again(f, "the endpoint answers again",
                                 ngx_mixtrack_reply_waiting(f),
                                 f->zone.shm->spool_files, now);
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_REFUSED, NGX_LOG_WARN, 0, 1,
                     "a post of %uD events is refused: %s", batch->sent,
                     v->why);

    ngx_mixtrack_refuse(f, batch, v, now);
}


static void
ngx_mixtrack_reply_held(ngx_mixtrack_flusher_t *f, mxt_verdict_t *v,
    uint64_t now)
{
    ngx_uint_t  held;

    ngx_mixtrack_say_error(f, v->why);

    if (mxt_zone_holds(&f->zone)) {

        if (f->zone.shm->failed_at == 0) {
            f->zone.shm->failed_at = now;
        }

        held = f->zone.shm->gate.hold;

        mxt_gate_hold(&f->zone.shm->gate, now, v->delay);

    } else {
        f->failed = 1;
        held = 1;
    }

    /* what a probe is told is no news */

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_HOLD,
                     held ? NGX_LOG_WARN : NGX_LOG_ERR, 0, 1,
                     "the endpoint refuses us (%s): delivery is on hold, "
                     "events are kept; check token, account and endpoint, and "
                     "reload", v->why);
}


void
ngx_mixtrack_reply_failed(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, mxt_verdict_t *v, const char *text,
    uint64_t now)
{
    ngx_mixtrack_say_error(f, text ? text : v->why);

    if (mxt_zone_holds(&f->zone)) {

        /* one that began before the last success is of an outage that is over,
         * and was told of */

        if (mxt_gate_failed(&f->zone.shm->gate, batch->started, now, v->delay,
                            v->verdict == MXT_VERDICT_SLOW_DOWN,
                            (unsigned) f->project->connections)
            && f->zone.shm->failed_at == 0)
        {
            f->zone.shm->failed_at = now;
        }

    } else {
        f->failed = 1;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_FAILED,
                     v->ours ? NGX_LOG_ERR : NGX_LOG_WARN, 0, 1,
                     "a post failed: %s", f->zone.shm->error);
}
