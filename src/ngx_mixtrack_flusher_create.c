
/*
 * A project's flusher: how it comes into being, and how it goes.
 */


#include "ngx_mixtrack_flusher.h"

#include <sys/random.h>


/* ms: a predecessor with a shorter life is not succeeded at once */
#define NGX_MIXTRACK_SHORT_LIFE  1000


static ngx_int_t ngx_mixtrack_flusher_alloc(ngx_mixtrack_flusher_t *f,
    ngx_uint_t http);


/* in the place of a zone that is unmapped: it has no segments */
static mxt_zone_shm_t  ngx_mixtrack_flusher_no_zone;


ngx_mixtrack_flusher_t *
ngx_mixtrack_flusher_create(ngx_cycle_t *cycle,
    ngx_mixtrack_project_t *project, ngx_uint_t http, ngx_uint_t only_free)
{
    uint64_t                   now;
    ngx_mixtrack_flusher_t    *f;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    f = ngx_calloc(sizeof(ngx_mixtrack_flusher_t), cycle->log);
    if (f == NULL) {
        return NULL;
    }

    f->project = project;
    f->log = cycle->log;
    f->spool_path = mmcf->spool_path;
    f->dir = -1;

    mxt_zone_view(&f->zone, project->shm, mxt_process_self(),
                  mxt_process_alive);

    if (ngx_mixtrack_flusher_alloc(f, http) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "mixtrack: project \"%V\": no memory for the flusher",
                      &project->name);
        goto failed;
    }

    if (mxt_zone_attach(&f->zone, MXT_FLUSHER) != 0) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "mixtrack: project \"%V\": no slot for the flusher, "
                      "nothing is delivered", &project->name);
        goto failed;
    }

    now = ngx_current_msec;

    if (mxt_zone_died_young(&f->zone, now, NGX_MIXTRACK_SHORT_LIFE)) {
        f->start_at = now + NGX_MIXTRACK_SHORT_LIFE;
    }

    if (only_free) {
        if (mxt_zone_take_free(&f->zone, now) != 0) {
            goto failed;
        }

    } else {
        mxt_zone_take(&f->zone, now);
    }

    /* whoever was here before has told of those */

    f->dropped = mxt_zone_counter(&f->zone, MXT_DROPPED_FULL);

    /* whatever was wrong with the configuration, it may be right by now */

    if (http) {
        mxt_gate_retry(&f->zone.shm->gate, now);
    }

    ngx_mixtrack_directory_open(f);

    return f;

failed:

    ngx_mixtrack_flusher_destroy(f);

    return NULL;
}


static ngx_int_t
ngx_mixtrack_flusher_alloc(ngx_mixtrack_flusher_t *f, ngx_uint_t http)
{
    size_t                   segments;
    ngx_uint_t               i;
    const char              *why;
    ngx_mixtrack_project_t  *project;

    project = f->project;
    segments = f->zone.shm->segments;
    f->partial = segments;

    if (getrandom(&f->writer, sizeof(f->writer), 0) == -1) {
        f->writer = mxt_process_self();
    }

    f->nbatches = project->connections + NGX_MIXTRACK_SPARE;
    f->batch = ngx_calloc(f->nbatches * sizeof(ngx_mixtrack_batch_t), f->log);
    f->lease = ngx_calloc(segments * sizeof(ngx_mixtrack_lease_t), f->log);
    f->order = ngx_calloc(segments * sizeof(ngx_mixtrack_order_t), f->log);
    f->names = ngx_calloc(NGX_MIXTRACK_SPOOL_NAMES * MXT_SPOOL_NAME_MAX,
                          f->log);
    f->encoder = mxt_encoder_create((int) project->gzip);

    if (f->batch == NULL || f->lease == NULL || f->order == NULL
        || f->names == NULL || f->encoder == NULL)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < f->nbatches; i++) {

        f->batch[i].file.fd = -1;
        f->batch[i].range = ngx_calloc(NGX_MIXTRACK_RANGES
                                       * sizeof(ngx_mixtrack_range_t), f->log);
        f->batch[i].part = ngx_calloc(NGX_MIXTRACK_PARTS
                                       * sizeof(ngx_mixtrack_part_t), f->log);

        if (f->batch[i].range == NULL || f->batch[i].part == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_mixtrack_sender_init(f);

    if (!http) {
        return NGX_OK;
    }

    /* a dry run goes to a file */

    if (project->http.url == NULL) {
        return NGX_OK;
    }

    f->http = mxt_http_create(&project->http, &why);

    if (f->http == NULL) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "mixtrack: project \"%V\": libcurl cannot be used as "
                      "configured, %s", &project->name, why);
    }

    return f->http ? NGX_OK : NGX_ERROR;
}


void
ngx_mixtrack_flusher_destroy(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t  i;

    for (i = 0; f->batch && i < f->nbatches; i++) {

        if (f->batch[i].state != NGX_MIXTRACK_BATCH_FREE) {
            ngx_mixtrack_batch_give_back(f, &f->batch[i]);
        }

        ngx_free(f->batch[i].range);
        ngx_free(f->batch[i].part);
    }

    if (f->http) {
        mxt_http_destroy(f->http);
    }

    if (f->zone.own) {
        ngx_mixtrack_lease_return(f);
        mxt_zone_release(&f->zone);
        mxt_zone_detach(&f->zone);
    }

    if (f->encoder) {
        mxt_encoder_destroy(f->encoder);
    }

    ngx_mixtrack_directory_close(f);

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    ngx_free(f->names);
    ngx_free(f->order);
    ngx_free(f->lease);
    ngx_free(f->batch);
    ngx_free(f);
}


void
ngx_mixtrack_flusher_forget(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i, k;
    ngx_mixtrack_batch_t  *batch;
    ngx_mixtrack_lease_t  *lease;

    f->log = ngx_cycle->log;
    f->zone.shm = &ngx_mixtrack_flusher_no_zone;
    f->zone.own = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state == NGX_MIXTRACK_BATCH_FREE) {
            continue;
        }

        /* or its outcomes would be counted */

        batch->left = batch->events;

        for (k = 0; k < batch->nranges; k++) {
            lease = &f->lease[batch->range[k].segment];

            ngx_free(lease->fate);
            ngx_memzero(lease, sizeof(ngx_mixtrack_lease_t));
        }
    }

    while (f->nkept) {
        mxt_spool_release(&f->kept[--f->nkept]);
    }

    ngx_log_error(NGX_LOG_ERR, f->log, 0,
                  "mixtrack: project \"%V\": a reload without a master has "
                  "removed the module, what was queued is lost",
                  &f->project->name);

    ngx_mixtrack_flusher_destroy(f);
}
