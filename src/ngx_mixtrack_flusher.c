
/*
 * The flusher's process: nginx's cache manager, which nginx creates for the
 * directory we register, with privileges dropped, and respawns and stops.
 * One flusher for each project, each on its own timer; none ever blocks the
 * event loop, which the cache managers of others share.
 *
 * nginx ends that process by exit(), before the workers have drained and
 * without exit_process, so the end is an atexit() handler that keeps the
 * event loop running until every flusher has stopped.
 */


#include "ngx_mixtrack_flusher.h"

#include <dlfcn.h>


/* ms: to the next tick while posts are on their way; with nothing to do;
 * with a zone that fills; and to the next burial */
#define NGX_MIXTRACK_TICK        5
#define NGX_MIXTRACK_REST        110
#define NGX_MIXTRACK_HASTE       10
#define NGX_MIXTRACK_BURY        1000

/* ms: until a flusher that could not be made is tried again */
#define NGX_MIXTRACK_AGAIN       1000


static void ngx_mixtrack_flusher_init_process(ngx_cycle_t *cycle);
static void ngx_mixtrack_flusher_abandon(void);
static void ngx_mixtrack_flusher_atexit(void);
static ngx_uint_t ngx_mixtrack_flusher_running(void);
static void ngx_mixtrack_flusher_tick(ngx_event_t *ev);
static ngx_msec_t ngx_mixtrack_flusher_rest(uint64_t now);
static ngx_msec_t ngx_mixtrack_flusher_run(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static ngx_mixtrack_flusher_t *ngx_mixtrack_flusher_of(
    ngx_mixtrack_project_t *project);


/* this process's; empty everywhere else */
static ngx_mixtrack_flusher_t  **ngx_mixtrack_flushers;
static ngx_uint_t                ngx_mixtrack_nflushers;
static ngx_pid_t                 ngx_mixtrack_flusher_pid;
static ngx_uint_t                ngx_mixtrack_flusher_leaving;

/* the single process's, as long as its zones are those of this cycle */
static ngx_cycle_t              *ngx_mixtrack_flusher_cycle;

/* debug builds read a descriptor through the data of an event */
static ngx_connection_t          ngx_mixtrack_dummy;


ngx_msec_t
ngx_mixtrack_flusher_manager(void *data)
{
    if (!ngx_mixtrack_flusher_leaving && !ngx_quit && !ngx_terminate
        && ngx_mixtrack_flusher_start((ngx_cycle_t *) ngx_cycle) != NGX_OK)
    {
        return NGX_MIXTRACK_AGAIN;
    }

    /* from here on we have timers of our own, and keep out of the way of
     * the other managers, which are called whenever one is */

    return 60 * 60 * 1000;
}


ngx_int_t
ngx_mixtrack_flusher_start(ngx_cycle_t *cycle)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, n, again;
    ngx_mixtrack_flusher_t   *f;
    ngx_mixtrack_project_t  **project;

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_mixtrack_flusher_cycle = cycle;
    }

    project = ngx_mixtrack_projects(cycle, &n);

    if (n == 0) {
        return NGX_OK;
    }

    if (ngx_mixtrack_flusher_pid != ngx_pid) {
        ngx_mixtrack_flusher_init_process(cycle);
    }

    again = (ngx_mixtrack_flushers != NULL);

    if (!again) {
        ngx_mixtrack_flushers = ngx_calloc(n * sizeof(void *), cycle->log);
        if (ngx_mixtrack_flushers == NULL) {
            return NGX_ERROR;
        }
    }

    rc = NGX_OK;

    for (i = 0; i < n; i++) {

        if (ngx_mixtrack_flusher_of(project[i])) {
            continue;
        }

        /* without memory, or a slot, there may be one later; but a zone that
         * a successor has by then is not taken back */

        f = ngx_mixtrack_flusher_create(cycle, project[i], 1, again);

        if (f == NULL) {
            rc = NGX_ERROR;
            continue;
        }

        ngx_mixtrack_flushers[ngx_mixtrack_nflushers++] = f;

        f->timer.handler = ngx_mixtrack_flusher_tick;
        f->timer.data = &ngx_mixtrack_dummy;
        f->timer.log = cycle->log;
        f->timer.cancelable = 1;

        ngx_add_timer(&f->timer, 1);
    }

    return rc;
}


/*
 * A reload of the single process that drops the module calls none of our
 * hooks, and unmaps the zones.  So whoever comes next, a timer or a request of
 * an old connection, has to see that another cycle was entered.  The code is
 * still there: nginx keeps old cycles, and what they have loaded, for half a
 * minute at least.
 */

ngx_uint_t
ngx_mixtrack_flusher_left(void)
{
    if (ngx_mixtrack_flusher_cycle == NULL
        || ngx_mixtrack_flusher_cycle == ngx_cycle)
    {
        return 0;
    }

    ngx_mixtrack_flusher_abandon();

    return 1;
}


static void
ngx_mixtrack_flusher_abandon(void)
{
    ngx_uint_t                i, n;
    ngx_mixtrack_project_t  **project;

    project = ngx_mixtrack_projects(ngx_mixtrack_flusher_cycle, &n);

    for (i = 0; i < n; i++) {
        ngx_memzero(project[i]->zone, sizeof(mxt_zone_t));
    }

    ngx_mixtrack_flusher_cycle = NULL;

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {
        ngx_mixtrack_flusher_forget(ngx_mixtrack_flushers[i]);
    }

    ngx_free(ngx_mixtrack_flushers);

    ngx_mixtrack_flushers = NULL;
    ngx_mixtrack_nflushers = 0;
}


static ngx_mixtrack_flusher_t *
ngx_mixtrack_flusher_of(ngx_mixtrack_project_t *project)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {
        if (ngx_mixtrack_flushers[i]->project == project) {
            return ngx_mixtrack_flushers[i];
        }
    }

    return NULL;
}


static void
ngx_mixtrack_flusher_init_process(ngx_cycle_t *cycle)
{
    Dl_info  info;

    ngx_mixtrack_flusher_pid = ngx_pid;
    ngx_mixtrack_dummy.fd = (ngx_socket_t) -1;

    if (mxt_http_global_init() != 0) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "mixtrack: libcurl cannot be used");
    }

    if (!mxt_http_resolves_async()) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "mixtrack: this libcurl blocks while names do not "
                      "resolve, use 7.87.0 or later and build for it");
    }

    if (ngx_process == NGX_PROCESS_SINGLE) {
        return;
    }

    /* the handler must still be there at exit */

    if (dladdr((void *) &ngx_mixtrack_module, &info) != 0 && info.dli_fname) {
        (void) dlopen(info.dli_fname, RTLD_NOW|RTLD_NOLOAD|RTLD_NODELETE);
    }

    if (atexit(ngx_mixtrack_flusher_atexit) != 0) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "mixtrack: atexit() failed");
    }
}


static void
ngx_mixtrack_flusher_atexit(void)
{
    if (getpid() != ngx_mixtrack_flusher_pid || ngx_mixtrack_flusher_leaving) {
        return;
    }

    ngx_mixtrack_flusher_leaving = 1;

    ngx_mixtrack_flusher_stop();
}


void
ngx_mixtrack_flusher_stop(void)
{
    ngx_uint_t               i;
    ngx_mixtrack_flusher_t  *f;

    ngx_time_update();

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {

        f = ngx_mixtrack_flushers[i];

        if (f->stage == NGX_MIXTRACK_RUNNING) {
            f->stage = NGX_MIXTRACK_QUITTING;
            f->stopped_at = ngx_current_msec;
            f->bury_at = 0;
        }

        if (f->stage != NGX_MIXTRACK_DONE && f->timer.timer_set) {
            ngx_del_timer(&f->timer);
            ngx_add_timer(&f->timer, 1);
        }
    }

    while (ngx_mixtrack_flusher_running()) {

        /* a single process would go on accepting in its event loop */

        if (ngx_process != NGX_PROCESS_SINGLE) {
            ngx_process_events_and_timers((ngx_cycle_t *) ngx_cycle);
            continue;
        }

        ngx_msleep(NGX_MIXTRACK_TICK);
        ngx_time_update();

        for (i = 0; i < ngx_mixtrack_nflushers; i++) {
            f = ngx_mixtrack_flushers[i];

            if (f->stage != NGX_MIXTRACK_DONE) {
                ngx_mixtrack_flusher_tick(&f->timer);
            }
        }
    }

    ngx_mixtrack_flusher_cycle = NULL;
}


static ngx_uint_t
ngx_mixtrack_flusher_running(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {
        if (ngx_mixtrack_flushers[i]->stage != NGX_MIXTRACK_DONE) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_mixtrack_flusher_tick(ngx_event_t *ev)
{
    ngx_msec_t               next;
    ngx_mixtrack_flusher_t  *f;

    if (ngx_mixtrack_flusher_left()) {
        return;
    }

    f = (ngx_mixtrack_flusher_t *)
            ((u_char *) ev - offsetof(ngx_mixtrack_flusher_t, timer));

    next = (f->stage == NGX_MIXTRACK_RUNNING)
           ? ngx_mixtrack_flusher_run(f, ngx_current_msec)
           : ngx_mixtrack_stop_step(f, ngx_current_msec);

    if (f->stage == NGX_MIXTRACK_DONE) {
        ngx_mixtrack_lease_return(f);
        mxt_zone_detach(&f->zone);
        return;
    }

    /* deflating takes some of nginx's idea of now */

    ngx_time_update();

    if (!f->timer.timer_set) {
        ngx_add_timer(&f->timer, next);
    }
}


/* on one grid for all projects, so that they wake up together */

static ngx_msec_t
ngx_mixtrack_flusher_rest(uint64_t now)
{
    return (ngx_msec_t) (NGX_MIXTRACK_REST - now % NGX_MIXTRACK_REST);
}


static ngx_msec_t
ngx_mixtrack_flusher_run(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    uint64_t    due, oldest;
    ngx_msec_t  rest;

    if (now < f->start_at) {
        return (ngx_msec_t) (f->start_at - now);
    }

    if (!mxt_zone_holds(&f->zone)) {
        f->stage = NGX_MIXTRACK_QUITTING;
        f->stopped_at = now;

        return ngx_mixtrack_stop_step(f, now);
    }

    if (now >= f->bury_at) {
        f->bury_at = now + NGX_MIXTRACK_BURY;
        (void) mxt_zone_bury(&f->zone);
        ngx_mixtrack_say_dropped(f);
    }

    ngx_mixtrack_sender_receive(f, now);
    ngx_mixtrack_sender_send(f, now, 0);
    ngx_mixtrack_spooler_relieve(f, now);
    ngx_mixtrack_directory_look(f, now);

    if (ngx_mixtrack_batch_count(f, NGX_MIXTRACK_BATCH_POSTING)
        || f->relieving)
    {
        return NGX_MIXTRACK_TICK;
    }

    oldest = f->look.oldest;

    if (f->partial != f->zone.shm->segments) {
        oldest = f->zone.segment[f->partial].opened;
    }

    if (oldest == 0
        || ngx_mixtrack_sender_room(f, now) == 0
        || ngx_mixtrack_sender_wait(f, now))
    {
        return ngx_mixtrack_flusher_rest(now);
    }

    due = oldest + f->project->batch_interval;
    due = (due > now) ? due - now : 1;

    rest = (f->look.used * 4 < f->zone.shm->segments) ? NGX_MIXTRACK_REST
                                                      : NGX_MIXTRACK_HASTE;

    return ngx_min(due, rest);
}


/*
 * In the single process the new cycle is entered without a new process, and
 * a zone that is not part of it is unmapped as soon as we return.  Waits for
 * what is on its way, at most for shutdown_timeout: that mode is not meant
 * for production, and a loss would be worse than a pause.
 */

void
ngx_mixtrack_flusher_reload(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i, n;
    ngx_mixtrack_flusher_t    *f;
    ngx_mixtrack_project_t   **project, *next;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    ngx_mixtrack_queue_detach(cycle->old_cycle);

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {

        f = ngx_mixtrack_flushers[i];

        /* a zone that stays has its next flusher as soon as we return */

        next = ngx_mixtrack_project_find(mmcf, &f->project->name);

        if (next && next->shm == f->project->shm) {
            mxt_zone_release(&f->zone);
        }
    }

    ngx_mixtrack_flusher_stop();

    for (i = 0; i < ngx_mixtrack_nflushers; i++) {
        ngx_mixtrack_flusher_destroy(ngx_mixtrack_flushers[i]);
    }

    ngx_free(ngx_mixtrack_flushers);

    ngx_mixtrack_flushers = NULL;
    ngx_mixtrack_nflushers = 0;

    /* requests of older cycles go on with their configurations, which all
     * have the view that the new cycle takes over */

    project = ngx_mixtrack_projects(cycle->old_cycle, &n);

    for (i = 0; i < n; i++) {

        next = ngx_mixtrack_project_find(mmcf, &project[i]->name);

        ngx_memzero(project[i]->zone, sizeof(mxt_zone_t));

        if (next) {
            next->zone = project[i]->zone;
        }
    }

    ngx_mixtrack_queue_attach(cycle);

    (void) ngx_mixtrack_flusher_start(cycle);
}
