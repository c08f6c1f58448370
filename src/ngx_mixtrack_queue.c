
/*
 * The zone as nginx sees it: shared memory that survives a reload, and the
 * workers that attach to it.  What it holds, and why it needs no lock, is
 * core/mxt_zone.h's to tell.
 */


#include "ngx_mixtrack.h"


#define NGX_MIXTRACK_SEGMENTS_PER_WORKER  4

/* a size nobody has given grows in steps of this */
#define NGX_MIXTRACK_ZONE_STEP            (1024 * 1024)


static char *ngx_mixtrack_queue_grow(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_mixtrack_queue_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_mixtrack_queue_check(ngx_mixtrack_project_t *project,
    ngx_log_t *log);
static size_t ngx_mixtrack_queue_wants(ngx_cycle_t *cycle,
    ngx_uint_t *workers);


/*
 * What depends on directives behind the http block cannot be done at its end,
 * and before zones are made nginx calls none but modules of its core.
 */

static ngx_core_module_t  ngx_mixtrack_conf_module_ctx = {
    ngx_string("mixtrack_conf"),
    NULL,
    ngx_mixtrack_queue_grow
};


ngx_module_t  ngx_mixtrack_conf_module = {
    NGX_MODULE_V1,
    &ngx_mixtrack_conf_module_ctx,         /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* of a worker without memory: nothing is queued there */
static mxt_zone_t  ngx_mixtrack_queue_none;


ngx_int_t
ngx_mixtrack_queue_add(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    u_char     *p;
    ngx_str_t   name;

    /* the layout is part of the name: another one is another zone */

    name.len = sizeof("mixtrack" MXT_ZONE_LAYOUT ":") - 1 + project->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, "mixtrack" MXT_ZONE_LAYOUT ":",
                   sizeof("mixtrack" MXT_ZONE_LAYOUT ":") - 1);
    ngx_memcpy(p, project->name.data, project->name.len);

    project->shm_zone = ngx_shared_memory_add(cf, &name, project->zone_size,
                                              &ngx_mixtrack_module);
    if (project->shm_zone == NULL) {
        return NGX_ERROR;
    }

    project->shm_zone->init = ngx_mixtrack_queue_init_zone;
    project->shm_zone->data = project;

    return NGX_OK;
}


/* makes zones whose size was not given large enough for all workers */

static char *
ngx_mixtrack_queue_grow(ngx_cycle_t *cycle, void *conf)
{
    size_t                    size;
    ngx_uint_t                i, n, workers;
    ngx_mixtrack_project_t  **project;

    size = mxt_zone_size(ngx_mixtrack_queue_wants(cycle, &workers));

    /* nginx has its table of pages before them, one for its own head, and
     * loses one more to alignment */

    size = (size / ngx_pagesize + 3)
           * (ngx_pagesize + sizeof(ngx_slab_page_t));
    size = ngx_align(size, NGX_MIXTRACK_ZONE_STEP);

    project = ngx_mixtrack_projects(cycle, &n);

    for (i = 0; i < n; i++) {

        if (project[i]->zone_given || size <= project[i]->zone_size) {
            continue;
        }

        project[i]->zone_size = size;
        project[i]->shm_zone->shm.size = size;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_mixtrack_queue_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_mixtrack_project_t *oproject = data;

    void                    *memory;
    size_t                   size;
    ngx_slab_pool_t         *shpool;
    ngx_mixtrack_project_t  *project;

    project = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (oproject) {

        /* live, and the cycle may yet fail: nothing is written here */

        project->shm = oproject->shm;

        return ngx_mixtrack_queue_check(project, shm_zone->shm.log);
    }

    if (shm_zone->shm.exists) {
        project->shm = shpool->data;
        return ngx_mixtrack_queue_check(project, shm_zone->shm.log);
    }

    shpool->log_nomem = 0;

    size = shpool->pfree * ngx_pagesize;

    memory = ngx_slab_alloc(shpool, size);

    if (memory == NULL || mxt_zone_format(memory, size) == 0) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "invalid \"%V\" in \"zone\" of "
                      "\"mixtrack_project\", it is too small, in %V:%ui",
                      &project->zone_place.value,
                      &project->zone_place.file, project->zone_place.line);
        return NGX_ERROR;
    }

    shpool->data = memory;
    project->shm = memory;

    ngx_mixtrack_path_count(project);

    return ngx_mixtrack_queue_check(project, shm_zone->shm.log);
}


static ngx_int_t
ngx_mixtrack_queue_check(ngx_mixtrack_project_t *project, ngx_log_t *log)
{
    ngx_uint_t  workers;

    if (project->shm->segments
        >= ngx_mixtrack_queue_wants(project->cycle, &workers))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "invalid \"%V\" in \"zone\" of \"mixtrack_project\", it is "
                  "too small for %ui workers: it holds %uD segments of 64k and "
                  "each takes %d, in %V:%ui",
                  &project->zone_place.value, workers, project->shm->segments,
                  NGX_MIXTRACK_SEGMENTS_PER_WORKER,
                  &project->zone_place.file, project->zone_place.line);

    return NGX_ERROR;
}


/* how many segments a zone must have at least, and for how many workers */

static size_t
ngx_mixtrack_queue_wants(ngx_cycle_t *cycle, ngx_uint_t *workers)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    *workers = ccf->master ? ngx_max(ccf->worker_processes, 1) : 1;

    return NGX_MIXTRACK_SEGMENTS_PER_WORKER * *workers;
}


void
ngx_mixtrack_queue_attach(ngx_cycle_t *cycle)
{
    ngx_uint_t                i, n;
    ngx_mixtrack_project_t  **project;

    project = ngx_mixtrack_projects(cycle, &n);

    for (i = 0; i < n; i++) {

        if (project[i]->zone == NULL) {
            project[i]->zone = ngx_alloc(sizeof(mxt_zone_t), cycle->log);
        }

        if (project[i]->zone == NULL) {
            project[i]->zone = &ngx_mixtrack_queue_none;
            continue;
        }

        mxt_zone_view(project[i]->zone, project[i]->shm, mxt_process_self(),
                      mxt_process_alive);

        if (mxt_zone_attach(project[i]->zone, MXT_WORKER) != 0) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "mixtrack: no slot for this worker in the zone of "
                          "project \"%V\", its events are dropped until one "
                          "is free; too many old workers drain, or the zone "
                          "is too small", &project[i]->name);
        }
    }
}


ngx_int_t
ngx_mixtrack_queue_attach_again(ngx_mixtrack_project_t *project)
{
    if (mxt_zone_attach_again(project->zone, ngx_current_msec) != 0) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "mixtrack: this worker has a slot in the zone of project "
                  "\"%V\" by now, its events are queued", &project->name);

    return NGX_OK;
}


void
ngx_mixtrack_queue_detach(ngx_cycle_t *cycle)
{
    ngx_uint_t                i, n;
    ngx_mixtrack_project_t  **project;

    project = ngx_mixtrack_projects(cycle, &n);

    for (i = 0; i < n; i++) {
        if (project[i]->zone) {
            mxt_zone_detach(project[i]->zone);
        }
    }
}
