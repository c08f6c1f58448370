
/*
 * A project: its block, and which events mean it.
 *
 * What can only be judged when all is read is judged at the end, and
 * reported with the place of the directive that asked for it.
 */


#include "ngx_mixtrack.h"


static char *ngx_mixtrack_project_finish(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);
static ngx_int_t ngx_mixtrack_project_resolve(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf, ngx_mixtrack_event_t *event);


char *
ngx_mixtrack_project_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_main_conf_t *mmcf = conf;

    char                     *rv;
    u_char                    ch;
    ngx_uint_t                i;
    ngx_str_t                *value;
    ngx_conf_t                save;
    ngx_mixtrack_project_t   *project, **p;

    value = cf->args->elts;

    project = ngx_pcalloc(cf->pool, sizeof(ngx_mixtrack_project_t));
    if (project == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&project->name, NGX_MIXTRACK_DEFAULT);

    if (cf->args->nelts == 2) {
        project->name = value[1];
        project->named = 1;
    }

    /* it becomes a directory's name */

    for (i = 0; i < project->name.len; i++) {
        ch = project->name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'
              || (ch == '.' && i > 0)))
        {
            break;
        }
    }

    if (project->name.len == 0 || i < project->name.len || i > 64) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"mixtrack_project\", it "
                           "must have 1 to 64 letters, digits, \"_\", \"-\" "
                           "or \".\"", &project->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_mixtrack_project_find(mmcf, &project->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate project \"%V\" in \"mixtrack_project\"",
                           &project->name);
        return NGX_CONF_ERROR;
    }

    ngx_mixtrack_place(cf, &project->place);

    project->cycle = cf->cycle;
    project->zone_size = NGX_CONF_UNSET_SIZE;
    project->batch_events = NGX_CONF_UNSET_UINT;
    project->batch_bytes = NGX_CONF_UNSET_SIZE;
    project->batch_interval = NGX_CONF_UNSET_MSEC;
    project->connections = NGX_CONF_UNSET;
    project->connect_timeout = NGX_CONF_UNSET_MSEC;
    project->total_timeout = NGX_CONF_UNSET_MSEC;
    project->rate.events = NGX_MIXTRACK_UNSET_64;
    project->rate.bytes = NGX_MIXTRACK_UNSET_64;
    project->backoff.min = NGX_MIXTRACK_UNSET_32;
    project->backoff.max = NGX_MIXTRACK_UNSET_32;
    project->backoff.jitter_max = NGX_MIXTRACK_UNSET_32;
    project->max_age = NGX_MIXTRACK_UNSET_64;
    project->gzip = NGX_CONF_UNSET;
    project->spool = NGX_CONF_UNSET;
    project->shutdown_timeout = NGX_CONF_UNSET_MSEC;

    save = *cf;
    cf->handler = ngx_mixtrack_option;
    cf->handler_conf = (char *) project;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    p = ngx_array_push(&mmcf->projects);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = project;

    return ngx_mixtrack_project_finish(cf, project);
}


static char *
ngx_mixtrack_project_finish(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    char  *rv;

    if (ngx_mixtrack_value_is_literal(&project->token)
        && project->token.literal.len == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"token\" in \"mixtrack_project\" in %V:%ui",
                      &project->place.file, project->place.line);
        return NGX_CONF_ERROR;
    }

    if (ngx_mixtrack_identity_names(cf, project) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_mixtrack_option_defaults(cf, project);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_mixtrack_queue_add(cf, project) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_mixtrack_project_init(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf)
{
    ngx_uint_t                i;
    ngx_mixtrack_event_t    **event;
    ngx_mixtrack_project_t  **project;

    event = mmcf->events.elts;

    for (i = 0; i < mmcf->events.nelts; i++) {
        if (ngx_mixtrack_project_resolve(cf, mmcf, event[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (mmcf->projects.nelts == 0) {
        return NGX_OK;
    }

    project = mmcf->projects.elts;

    for (i = 0; i < mmcf->projects.nelts; i++) {
        if (project[i]->spool) {
            return ngx_mixtrack_path_add(cf, mmcf);
        }
    }

    return ngx_mixtrack_path_borrow(cf, mmcf);
}


static ngx_int_t
ngx_mixtrack_project_resolve(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf,
    ngx_mixtrack_event_t *event)
{
    ngx_uint_t                i;
    ngx_mixtrack_project_t  **project;

    project = mmcf->projects.elts;

    if (event->project_name.len) {

        event->project = ngx_mixtrack_project_find(mmcf, &event->project_name);

        if (event->project == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown project \"%V\" in \"mixtrack\" in %V:%ui",
                          &event->project_name,
                          &event->place.file, event->place.line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    for (i = 0; i < mmcf->projects.nelts; i++) {
        if (!project[i]->named) {
            event->project = project[i];
            return NGX_OK;
        }
    }

    if (mmcf->projects.nelts == 1) {
        event->project = project[0];
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "%s in \"mixtrack\" in %V:%ui",
                  mmcf->projects.nelts
                  ? "no \"project=\", and no project is unnamed,"
                  : "unknown project, there is no \"mixtrack_project\",",
                  &event->place.file, event->place.line);

    return NGX_ERROR;
}


ngx_mixtrack_project_t *
ngx_mixtrack_project_find(ngx_mixtrack_main_conf_t *mmcf, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_mixtrack_project_t  **project;

    if (mmcf == NULL) {
        return NULL;
    }

    project = mmcf->projects.elts;

    for (i = 0; i < mmcf->projects.nelts; i++) {

        if (project[i]->name.len == name->len
            && ngx_strncmp(project[i]->name.data, name->data, name->len) == 0)
        {
            return project[i];
        }
    }

    return NULL;
}


ngx_mixtrack_project_t *
ngx_mixtrack_project_of(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf)
{
    ngx_mixtrack_event_t       *event;
    ngx_mixtrack_project_t    **project;
    ngx_mixtrack_main_conf_t   *mmcf;

    if (mlcf->events) {
        event = mlcf->events->elts;
        return event[0].project;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_mixtrack_module);

    project = mmcf->projects.elts;

    return mmcf->projects.nelts ? project[0] : NULL;
}
