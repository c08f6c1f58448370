
/*
 * The front door: directives, their inheritance, and the hooks by which
 * nginx enters the module.
 */


#include "ngx_mixtrack_visitor.h"


static char *ngx_mixtrack_id(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_mixtrack_enum(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

static ngx_int_t ngx_mixtrack_add_variables(ngx_conf_t *cf);
static void *ngx_mixtrack_create_main_conf(ngx_conf_t *cf);
static void *ngx_mixtrack_create_loc_conf(ngx_conf_t *cf);
static char *ngx_mixtrack_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_mixtrack_init(ngx_conf_t *cf);

static ngx_int_t ngx_mixtrack_init_module(ngx_cycle_t *cycle);
static ngx_uint_t ngx_mixtrack_loaded(ngx_cycle_t *cycle);
static ngx_int_t ngx_mixtrack_init_process(ngx_cycle_t *cycle);
static void ngx_mixtrack_exit_process(ngx_cycle_t *cycle);
static void ngx_mixtrack_exit_master(ngx_cycle_t *cycle);



static ngx_conf_enum_t  ngx_mixtrack_standard[] = {
    { ngx_string("standard"), 1 },
    { ngx_string("minimal"), 0 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_mixtrack_ip[] = {
    { ngx_string("on"), 1 },
    { ngx_string("off"), 0 },
    { ngx_string("anonymize"), NGX_MIXTRACK_IP_ANONYMIZE },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_mixtrack_commands[] = {

    { ngx_string("mixtrack_project"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_mixtrack_project_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack_spool_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_mixtrack_spool_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE1234,
      ngx_mixtrack_track,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack_property"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE23|NGX_CONF_TAKE4,
      ngx_mixtrack_property,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack_properties"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE1,
      ngx_mixtrack_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, standard),
      &ngx_mixtrack_standard },

    { ngx_string("mixtrack_user_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE1,
      ngx_mixtrack_id,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, user_id),
      NULL },

    { ngx_string("mixtrack_device_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE1,
      ngx_mixtrack_id,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, device_id),
      NULL },

    { ngx_string("mixtrack_ip"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE1,
      ngx_mixtrack_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, ip),
      &ngx_mixtrack_ip },

    { ngx_string("mixtrack_device_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_1MORE,
      ngx_mixtrack_device_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack_respect"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_TAKE123,
      ngx_mixtrack_respect,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mixtrack_redact_args"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_1MORE,
      ngx_mixtrack_args,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, redact_args),
      NULL },

    { ngx_string("mixtrack_keep_args"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                        |NGX_CONF_1MORE,
      ngx_mixtrack_args,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_mixtrack_loc_conf_t, keep_args),
      NULL },

    { ngx_string("mixtrack_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_mixtrack_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_mixtrack_module_ctx = {
    ngx_mixtrack_add_variables,            /* preconfiguration */
    ngx_mixtrack_init,                     /* postconfiguration */

    ngx_mixtrack_create_main_conf,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_mixtrack_create_loc_conf,          /* create location configuration */
    ngx_mixtrack_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_mixtrack_module = {
    NGX_MODULE_V1,
    &ngx_mixtrack_module_ctx,              /* module context */
    ngx_mixtrack_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_mixtrack_init_module,              /* init module */
    ngx_mixtrack_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_mixtrack_exit_process,             /* exit process */
    ngx_mixtrack_exit_master,              /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_mixtrack_main_conf_t *
ngx_mixtrack_main_conf(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle, ngx_mixtrack_module);
}


ngx_mixtrack_project_t **
ngx_mixtrack_projects(ngx_cycle_t *cycle, ngx_uint_t *n)
{
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    *n = mmcf ? mmcf->projects.nelts : 0;

    return mmcf ? mmcf->projects.elts : NULL;
}


void
ngx_mixtrack_place(ngx_conf_t *cf, ngx_mixtrack_place_t *place)
{
    ngx_str_t  *value;

    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;

    if (cf->args->nelts > 1) {
        value = cf->args->elts;
        place->value = value[1];
    }
}


static char *
ngx_mixtrack_id(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    size_t                  max;
    ngx_str_t              *value, *literal;
    ngx_mixtrack_value_t  **id;

    id = (ngx_mixtrack_value_t **) (p + cmd->offset);

    if (*id != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_mixtrack_value_names(&value[1], "mixtrack_user_id")
        || ngx_mixtrack_value_names(&value[1], "mixtrack_device_id"))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" is made of these directives "
                           "itself", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *id = ngx_palloc(cf->pool, sizeof(ngx_mixtrack_value_t));
    if (*id == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_mixtrack_value_compile(cf, &value[1], *id) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    literal = &(*id)->literal;

    max = MXT_JSON_STRING_MAX;

    /* a device has a prefix in distinct_id */

    if (cmd->offset == offsetof(ngx_mixtrack_loc_conf_t, device_id)) {
        max -= sizeof(NGX_MIXTRACK_DEVICE) - 1;
    }

    if (!ngx_mixtrack_value_is_literal(*id)) {

        /* cut, they would all be one */

        if (ngx_mixtrack_value_fixed(*id) >= max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"%V\" is too long, an id has at "
                               "most %uz bytes", &value[1], &value[0], max);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_mixtrack_identity_banned(literal)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" means nobody to Mixpanel, for "
                           "no id write \"\"", literal, &value[0]);
        return NGX_CONF_ERROR;
    }

    if (literal->len > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "id of %uz bytes in \"%V\", it must have at most "
                           "%uz", literal->len, &value[0], max);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* as nginx's own slot, but it names the directive and what it takes */

static char *
ngx_mixtrack_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t        *value;
    ngx_uint_t       *np;
    ngx_conf_enum_t  *e;

    np = (ngx_uint_t *) (p + cmd->offset);

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (e = cmd->post; e->name.len; e++) {

        if (e->name.len == value[1].len
            && ngx_strcmp(e->name.data, value[1].data) == 0)
        {
            *np = e->value;
            return NGX_CONF_OK;
        }
    }

    e = cmd->post;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must be \"%V\"%s "
                       "or \"%V\"", &value[1], &value[0], &e[0].name,
                       e[2].name.len ? ", \"off\"" : "",
                       e[2].name.len ? &e[2].name : &e[1].name);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_mixtrack_add_variables(ngx_conf_t *cf)
{
    ngx_mixtrack_visitor_init();

    return ngx_mixtrack_variable_add(cf);
}


static void *
ngx_mixtrack_create_main_conf(ngx_conf_t *cf)
{
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_mixtrack_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mmcf->projects, cf->pool, 1, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mmcf->events, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&mmcf->locations, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    return mmcf;
}


static void *
ngx_mixtrack_create_loc_conf(ngx_conf_t *cf)
{
    ngx_mixtrack_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_mixtrack_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mlcf->events = NULL;
     *     mlcf->properties = NULL;
     *     mlcf->alike = NULL;
     *     mlcf->rendered = NULL;
     *     mlcf->nrendered = 0;
     */

    mlcf->off = NGX_CONF_UNSET;
    mlcf->standard = NGX_CONF_UNSET_UINT;
    mlcf->ip = NGX_CONF_UNSET_UINT;
    mlcf->user_id = NGX_CONF_UNSET_PTR;
    mlcf->device_id = NGX_CONF_UNSET_PTR;
    mlcf->device = NGX_CONF_UNSET_PTR;
    mlcf->respect = NGX_CONF_UNSET_UINT;
    mlcf->redact_args = NGX_CONF_UNSET_PTR;
    mlcf->keep_args = NGX_CONF_UNSET_PTR;

    return mlcf;
}


static char *
ngx_mixtrack_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_mixtrack_loc_conf_t *prev = parent;
    ngx_mixtrack_loc_conf_t *conf = child;

    ngx_uint_t                 i;
    ngx_mixtrack_event_t     **event, *events;
    ngx_mixtrack_loc_conf_t  **location;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_mixtrack_module);

    /* the http level is nobody's child, but everything's ancestor */

    if (prev->off == NGX_CONF_UNSET) {
        prev->off = 0;
    }

    ngx_conf_init_uint_value(prev->standard, 1);

    if (conf->events == NULL && conf->off == NGX_CONF_UNSET) {
        conf->events = prev->events;
        conf->off = prev->off;
    }

    if (conf->off == NGX_CONF_UNSET) {
        conf->off = 0;
    }

    ngx_conf_init_uint_value(conf->standard, prev->standard);
    ngx_conf_merge_uint_value(conf->ip, prev->ip, 1);
    ngx_conf_merge_ptr_value(conf->user_id, prev->user_id, NULL);
    ngx_conf_merge_ptr_value(conf->device_id, prev->device_id, NULL);
    ngx_conf_merge_ptr_value(conf->device, prev->device, NULL);
    ngx_conf_merge_uint_value(conf->respect, prev->respect,
                              NGX_MIXTRACK_RESPECT_DNT
                              |NGX_MIXTRACK_RESPECT_GPC
                              |NGX_MIXTRACK_RESPECT_OPT_OUT);

    if (ngx_mixtrack_args_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (prev->properties || conf->properties) {
        conf->properties = ngx_mixtrack_property_merge(cf, prev->properties,
                                                       conf->properties);
        if (conf->properties == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->properties == prev->properties
        && conf->standard == prev->standard)
    {
        conf->alike = prev;
    }

    if (conf->events == NULL) {
        return NGX_CONF_OK;
    }

    location = ngx_array_push(&mmcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    *location = conf;

    events = conf->events->elts;

    for (i = 0; i < conf->events->nelts; i++) {

        event = ngx_array_push(&mmcf->events);
        if (event == NULL) {
            return NGX_CONF_ERROR;
        }

        *event = &events[i];
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_mixtrack_init(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_handler_pt         *h;
    ngx_mixtrack_event_t       **event;
    ngx_mixtrack_loc_conf_t    **location;
    ngx_mixtrack_main_conf_t    *mmcf;
    ngx_http_core_main_conf_t   *cmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_mixtrack_module);

    if (ngx_mixtrack_project_init(cf, mmcf) != NGX_OK
        || ngx_mixtrack_variable_init(cf, mmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    event = mmcf->events.elts;

    for (i = 0; i < mmcf->events.nelts; i++) {
        if (ngx_mixtrack_render_event(cf, event[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    location = mmcf->locations.elts;

    for (i = 0; i < mmcf->locations.nelts; i++) {
        if (ngx_mixtrack_render_properties(cf, location[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (mmcf->projects.nelts) {
        ngx_mixtrack_device_init();
    }

    if (mmcf->locations.nelts == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_mixtrack_event_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_init_module(ngx_cycle_t *cycle)
{
    /* the cycle is committed, and its processes are yet to come */

    ngx_mixtrack_path_give(cycle);
    ngx_mixtrack_path_stray(cycle);

    ngx_mixtrack_captures_init_module(cycle);

    if (ngx_process != NGX_PROCESS_SINGLE
        || ngx_is_init_cycle(cycle->old_cycle))
    {
        return NGX_OK;
    }

    /* in the single process, a reload that adds the module begins as a new
     * process would, and one that has it unmaps the old zones soon after this;
     * one that drops it does not call us at all */

    if (!ngx_mixtrack_loaded(cycle->old_cycle)) {
        (void) ngx_mixtrack_flusher_left();
        return ngx_mixtrack_init_process(cycle);
    }

    ngx_mixtrack_flusher_reload(cycle);

    return NGX_OK;
}


static ngx_uint_t
ngx_mixtrack_loaded(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i]; i++) {
        if (cycle->modules[i] == &ngx_mixtrack_module) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_mixtrack_init_process(ngx_cycle_t *cycle)
{
    /* the cache manager and loader come here as well */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_mixtrack_insert_id_init_process();

    ngx_mixtrack_queue_attach(cycle);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        (void) ngx_mixtrack_flusher_start(cycle);
    }

    return NGX_OK;
}


static void
ngx_mixtrack_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    ngx_mixtrack_queue_detach(cycle);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_mixtrack_flusher_stop();
    }

    ngx_mixtrack_stop_orphans(cycle);
}


static void
ngx_mixtrack_exit_master(ngx_cycle_t *cycle)
{
    /* the single process has been through its own end already */

    if (ngx_process != NGX_PROCESS_SINGLE) {
        ngx_mixtrack_stop_orphans(cycle);
    }
}
