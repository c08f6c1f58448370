
/*
 * How a flusher ends, one step at a time.
 *
 *     replaced      a newer flusher has the zone: give back what was not
 *                   posted, settle what was, leave
 *     quit          deliver until the workers have gone and the queue is
 *                   empty; spool what cannot be delivered in time
 *     terminate     abort, give the workers a second, spool
 *
 * And if no flusher is left, the last worker or the master spools.
 */


#include "ngx_mixtrack_flusher.h"

#include <grp.h>


/* between two steps, ms */
#define NGX_MIXTRACK_STOP_STEP      5

/* how often the process table is looked through, ms */
#define NGX_MIXTRACK_STOP_LOOK      50

/* what the workers are given to detach on terminate, ms; nginx itself waits
 * for about three seconds before it kills */
#define NGX_MIXTRACK_STOP_WORKERS   1000

/* after the disk has refused, ms */
#define NGX_MIXTRACK_STOP_AGAIN     100

/* above so many bytes there is no time to compress */
#define NGX_MIXTRACK_STOP_STORED    (128 * 1024 * 1024)


static void ngx_mixtrack_stop_replaced(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static void ngx_mixtrack_stop_back(ngx_mixtrack_flusher_t *f,
    ngx_uint_t all);
static ngx_uint_t ngx_mixtrack_stop_split(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_stop_partial(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static void ngx_mixtrack_stop_rest(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now);
static void ngx_mixtrack_stop_quit(ngx_mixtrack_flusher_t *f, uint64_t now);
static void ngx_mixtrack_stop_terminate(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static void ngx_mixtrack_stop_spool(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_stop_done(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_stop_release(ngx_mixtrack_flusher_t *f);
static void ngx_mixtrack_stop_orphans_master(ngx_cycle_t *cycle,
    ngx_core_conf_t *ccf);
static void ngx_mixtrack_stop_orphans_all(ngx_cycle_t *cycle);
static void ngx_mixtrack_stop_orphan(ngx_cycle_t *cycle,
    ngx_mixtrack_project_t *project);
static ngx_uint_t ngx_mixtrack_stop_idle(ngx_mixtrack_flusher_t *f);


ngx_msec_t
ngx_mixtrack_stop_step(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_mixtrack_sender_receive(f, now);

    if (ngx_terminate && f->stage != NGX_MIXTRACK_TERMINATING) {
        f->stage = NGX_MIXTRACK_TERMINATING;
        f->stopped_at = now;

        ngx_mixtrack_sender_abort(f);
    }

    if (!mxt_zone_holds(&f->zone)) {
        ngx_mixtrack_stop_replaced(f, now);
        return NGX_MIXTRACK_STOP_STEP;
    }

    if (now >= f->bury_at) {
        f->bury_at = now + NGX_MIXTRACK_STOP_LOOK;

        (void) mxt_zone_bury(&f->zone);
        f->workers = mxt_zone_attached(&f->zone, MXT_WORKER);
    }

    if (f->workers == 0 && f->alone_at == 0) {
        f->alone_at = now;
    }

    if (f->stage == NGX_MIXTRACK_TERMINATING) {
        ngx_mixtrack_stop_terminate(f, now);

    } else {
        ngx_mixtrack_stop_quit(f, now);
    }

    return NGX_MIXTRACK_STOP_STEP;
}


/*
 * While a part of a segment is on its way nobody knows what of it will be left
 * for the successor, so nothing is posted until the replies are there.  Then
 * all is given back that has no outcome.  Only if that would send again what
 * was acknowledged, or forget what is known of a refused batch, the rest is
 * posted, too, as long as all is well: gate and probes are the successor's
 * now.  Else the rest goes to disk, and is settled.
 */

static void
ngx_mixtrack_stop_replaced(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_uint_t  i, posts;

    if (f->http && now - f->stopped_at >= f->project->shutdown_timeout) {
        ngx_mixtrack_sender_abort(f);
    }

    ngx_mixtrack_stop_back(f, 0);

    if (ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_POSTING)) {
        return;
    }

    posts = f->http && !f->failed
            && mxt_gate_state(&f->zone.shm->gate, now) == MXT_GATE_OPEN;

    if (ngx_mixtrack_lease_prefix(f)
        && !(posts && ngx_mixtrack_stop_split(f)))
    {
        ngx_mixtrack_stop_back(f, 1);
        ngx_mixtrack_lease_return(f);

    } else if (posts) {
        ngx_mixtrack_sender_send(f, now, 0);

    } else {

        for (i = 0; i < f->nbatches; i++) {
            if (f->batch[i].state == NGX_MIXTRACK_BATCH_READY) {
                ngx_mixtrack_stop_rest(f, &f->batch[i], now);
            }
        }

        ngx_mixtrack_stop_partial(f, now);
    }

    if (f->http == NULL || ngx_mixtrack_stop_idle(f)) {
        f->stage = NGX_MIXTRACK_DONE;
    }
}


/* gives back what waits: files, and batches that share no segment, or all */

static void
ngx_mixtrack_stop_back(ngx_mixtrack_flusher_t *f, ngx_uint_t all)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_READY
            && (all || batch->file.fd != -1
                || ngx_mixtrack_batch_whole(f, batch)))
        {
            ngx_mixtrack_batch_give_back(f, batch);
        }
    }
}


/* was a batch refused, and is in parts since then? */

static ngx_uint_t
ngx_mixtrack_stop_split(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    for (i = 0; i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_READY
            && f->batch[i].posts)
        {
            return 1;
        }
    }

    return 0;
}


/* what is left of a segment of which a part was in batches */

static void
ngx_mixtrack_stop_partial(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_mixtrack_batch_t  *batch;

    while (f->partial != f->zone.shm->segments) {

        batch = ngx_mixtrack_batch_free(f);

        if (batch == NULL
            || ngx_mixtrack_spooler_build(f, batch, 0) != NGX_OK)
        {
            return;
        }

        ngx_mixtrack_stop_rest(f, batch, now);

        if (batch->state != NGX_MIXTRACK_BATCH_FREE) {
            return;
        }
    }
}


/* to disk; without one it is given back in the end, and sent twice */

static void
ngx_mixtrack_stop_rest(ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch,
    uint64_t now)
{
    if (now >= f->write_at) {

        if (ngx_mixtrack_spooler_write(f, batch, 0) == NGX_OK) {
            return;
        }

        f->write_at = now + NGX_MIXTRACK_STOP_AGAIN;
    }

    if (f->http == NULL) {
        ngx_mixtrack_batch_give_back(f, batch);
    }
}


static void
ngx_mixtrack_stop_quit(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_uint_t  i;
    ngx_msec_t  timeout;

    timeout = f->project->shutdown_timeout;

    /* spool files stay where they are for the next start */

    for (i = 0; i < f->nbatches; i++) {
        if (f->batch[i].state == NGX_MIXTRACK_BATCH_READY
            && f->batch[i].file.fd != -1)
        {
            ngx_mixtrack_batch_give_back(f, &f->batch[i]);
        }
    }

    ngx_mixtrack_sender_send(f, now, f->alone_at != 0);

    if (f->alone_at) {

        if (ngx_mixtrack_stop_idle(f) && f->look.queued == 0
            && f->look.in_flight == 0)
        {
            ngx_mixtrack_stop_done(f);

        } else if (now - f->alone_at >= timeout) {
            ngx_mixtrack_sender_abort(f);
            ngx_mixtrack_stop_spool(f);
            ngx_mixtrack_stop_done(f);
        }

        return;
    }

    if (now - f->stopped_at >= timeout && now >= f->spool_at && f->dir != -1
        && mxt_gate_allows(&f->zone.shm->gate, now, 0, 1, 0) == 0)
    {
        f->spool_at = now + f->project->batch_interval;

        (void) ngx_mixtrack_spooler_all(f, 0);
    }
}


static void
ngx_mixtrack_stop_terminate(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    if (f->workers && now - f->stopped_at < NGX_MIXTRACK_STOP_WORKERS) {
        return;
    }

    ngx_mixtrack_stop_spool(f);
    ngx_mixtrack_stop_done(f);
}


static void
ngx_mixtrack_stop_spool(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  stored;

    mxt_zone_seal(&f->zone);
    mxt_zone_look(&f->zone, &f->look);

    stored = f->look.sealed_bytes > NGX_MIXTRACK_STOP_STORED;

    (void) ngx_mixtrack_spooler_all(f, stored);
}


static void
ngx_mixtrack_stop_done(ngx_mixtrack_flusher_t *f)
{
    mxt_zone_t  *z;

    z = &f->zone;

    ngx_mixtrack_stop_release(f);

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "mixtrack: project \"%V\": flusher leaves: tracked %uL, "
                  "adopted %uL, delivered %uL, rejected %uL, expired %uL, "
                  "spooled %uL, queued %uL, in flight %uL",
                  &f->project->name,
                  mxt_zone_counter(z, MXT_TRACKED),
                  mxt_zone_outcome(z, MXT_ADOPTED),
                  mxt_zone_outcome(z, MXT_DELIVERED),
                  mxt_zone_outcome(z, MXT_REJECTED),
                  mxt_zone_outcome(z, MXT_EXPIRED),
                  mxt_zone_outcome(z, MXT_SPOOLED),
                  f->look.queued, f->look.in_flight);

    /* a worker that is still there saves what it can when it leaves */

    if (f->workers == 0) {
        ngx_mixtrack_stop_lost(f->project, z, f->log);
    }

    f->stage = NGX_MIXTRACK_DONE;
}


/*
 * A worker that leaves while we hold the lease leaves its records to us, one
 * that leaves after the release spools them itself: so after each release
 * there is one more look.  t/model/lease.pml is this loop.
 */

static void
ngx_mixtrack_stop_release(ngx_mixtrack_flusher_t *f)
{
    uint64_t  before;

    mxt_zone_release(&f->zone);

    for ( ;; ) {

        mxt_zone_look(&f->zone, &f->look);

        before = f->look.queued;

        if (before == 0
            || mxt_zone_take_free(&f->zone, ngx_current_msec) != 0)
        {
            return;
        }

        ngx_mixtrack_stop_spool(f);

        mxt_zone_look(&f->zone, &f->look);
        mxt_zone_release(&f->zone);

        if (f->look.queued >= before) {
            return;
        }
    }
}


void
ngx_mixtrack_stop_lost(ngx_mixtrack_project_t *project, mxt_zone_t *z,
    ngx_log_t *log)
{
    mxt_look_t  look;

    mxt_zone_look(z, &look);

    look.queued += look.in_flight;

    if (look.queued == 0 || look.queued == z->shm->lost_told) {
        return;
    }

    z->shm->lost_told = look.queued;

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "mixtrack: project \"%V\": %uL events are lost, they could "
                  "neither be delivered nor spooled",
                  &project->name, look.queued);
}


/* nothing of ours is on its way, or waits to be */

static ngx_uint_t
ngx_mixtrack_stop_idle(ngx_mixtrack_flusher_t *f)
{
    return f->partial == f->zone.shm->segments
           && ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_FREE)
              == f->nbatches;
}


void
ngx_mixtrack_stop_orphans(ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    if (ngx_mixtrack_main_conf(cycle) == NULL) {
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (ngx_process == NGX_PROCESS_MASTER && geteuid() == 0 && ccf->user) {
        ngx_mixtrack_stop_orphans_master(cycle, ccf);

    } else {
        ngx_mixtrack_stop_orphans_all(cycle);
    }
}


/* root, who has no business in a directory of the workers' user, is that user
 * for a while, in all that decides who may do what to a file */

static void
ngx_mixtrack_stop_orphans_master(ngx_cycle_t *cycle, ngx_core_conf_t *ccf)
{
    int     n;
    gid_t   egid, *groups;

    egid = getegid();

    n = getgroups(0, NULL);

    groups = (n == -1) ? NULL
                       : ngx_alloc((n + 1) * sizeof(gid_t), cycle->log);

    if (groups == NULL || getgroups(n, groups) != n) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "mixtrack: getgroups() failed");
        ngx_free(groups);
        return;
    }

    if (initgroups(ccf->username, ccf->group) == -1
        || setegid(ccf->group) == -1
        || seteuid(ccf->user) == -1)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "mixtrack: cannot become the workers' user");

    } else {
        ngx_mixtrack_stop_orphans_all(cycle);
    }

    if (seteuid(0) == -1 || setegid(egid) == -1
        || setgroups((size_t) n, groups) == -1)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "mixtrack: cannot become root again");
    }

    ngx_free(groups);
}


static void
ngx_mixtrack_stop_orphans_all(ngx_cycle_t *cycle)
{
    ngx_uint_t                i, n;
    ngx_mixtrack_project_t  **project;

    project = ngx_mixtrack_projects(cycle, &n);

    for (i = 0; i < n; i++) {
        ngx_mixtrack_stop_orphan(cycle, project[i]);
    }
}


static void
ngx_mixtrack_stop_orphan(ngx_cycle_t *cycle,
    ngx_mixtrack_project_t *project)
{
    mxt_zone_t               zone;
    mxt_look_t               look;
    ngx_mixtrack_flusher_t  *f;

    mxt_zone_view(&zone, project->shm, mxt_process_self(), mxt_process_alive);

    if (mxt_zone_held(&zone)) {
        return;
    }

    mxt_zone_look(&zone, &look);

    if (look.queued == 0 && look.in_flight == 0) {
        return;
    }

    f = project->spool ? ngx_mixtrack_flusher_create(cycle, project, 0, 1)
                       : NULL;

    if (f) {
        (void) mxt_zone_bury(&f->zone);
        (void) ngx_mixtrack_spooler_all(f, 0);

        ngx_mixtrack_stop_release(f);
        ngx_mixtrack_flusher_destroy(f);
    }

    /* behind the master comes nobody */

    if (ngx_process == NGX_PROCESS_MASTER) {
        ngx_mixtrack_stop_lost(project, &zone, cycle->log);
    }
}
