
/*
 * Variables: what the module knows of a request, for if=, map and log_format.
 */


#include "ngx_mixtrack_visitor.h"


typedef enum {
    NGX_MIXTRACK_VAR_PAGE_VIEW = 0,
    NGX_MIXTRACK_VAR_BOT,
    NGX_MIXTRACK_VAR_BROWSER,
    NGX_MIXTRACK_VAR_VERSION,
    NGX_MIXTRACK_VAR_OS,
    NGX_MIXTRACK_VAR_DEVICE,
    NGX_MIXTRACK_VAR_USER_ID,
    NGX_MIXTRACK_VAR_DEVICE_ID,
    NGX_MIXTRACK_VAR_INSERT_ID
} ngx_mixtrack_variable_e;


static ngx_int_t ngx_mixtrack_variable_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const void *data, size_t len);


/* what depends on the response or on the location is not cacheable */

static ngx_http_variable_t  ngx_mixtrack_variables[] = {

    { ngx_string("mixtrack_page_view"), NULL, ngx_mixtrack_variable_get,
      NGX_MIXTRACK_VAR_PAGE_VIEW, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_bot"), NULL, ngx_mixtrack_variable_get,
      NGX_MIXTRACK_VAR_BOT, 0, 0 },

    { ngx_string("mixtrack_browser"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_VAR_BROWSER, 0, 0 },

    { ngx_string("mixtrack_browser_version"), NULL,
      ngx_mixtrack_variable_client, NGX_MIXTRACK_VAR_VERSION, 0, 0 },

    { ngx_string("mixtrack_os"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_VAR_OS, 0, 0 },

    { ngx_string("mixtrack_device"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_VAR_DEVICE, 0, 0 },

    { ngx_string("mixtrack_user_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_USER_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_device_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_DEVICE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_insert_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_INSERT_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_mixtrack_variable_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_mixtrack_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_variable_get(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_uint_t  on;

    /* a subrequest is of the same visitor, but none of his page views */

    on = (data == NGX_MIXTRACK_VAR_BOT)
         ? ngx_mixtrack_visitor_agent(r->main)->bot
         : (r == r->main && ngx_mixtrack_visitor_page_view(r));

    v->data = (u_char *) (on ? "1" : "0");
    v->len = 1;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    mxt_agent_t       *agent;
    mxt_agent_text_t  *s;

    agent = ngx_mixtrack_visitor_agent(r->main);

    s = (data == NGX_MIXTRACK_VAR_BROWSER) ? &agent->browser
        : (data == NGX_MIXTRACK_VAR_VERSION) ? &agent->version
        : (data == NGX_MIXTRACK_VAR_OS) ? &agent->os
        : &agent->device;

    /* constants, or bytes of the request */

    v->data = (u_char *) (uintptr_t) s->data;
    v->len = (unsigned) s->len & 0xfffffff;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_variable_id(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                 s;
    ngx_mixtrack_ids_t        ids;
    ngx_mixtrack_project_t   *project;
    ngx_mixtrack_loc_conf_t  *mlcf;

    r = r->main;

    if (data == NGX_MIXTRACK_VAR_INSERT_ID) {

        if (ngx_mixtrack_insert_id_get(r, &s) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_mixtrack_variable_set(r, v, s.data, s.len);
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_mixtrack_module);
    project = ngx_mixtrack_project_of(r, mlcf);

    if (project == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* who objects has none, for others neither */

    if (ngx_mixtrack_identity_objects(r, mlcf->respect, project)
        != MXT_TRACKED)
    {
        return ngx_mixtrack_variable_set(r, v, NULL, 0);
    }

    ngx_mixtrack_identity_ids(r, mlcf, project, &ids);

    if (data == NGX_MIXTRACK_VAR_DEVICE_ID) {
        return ngx_mixtrack_variable_set(r, v, ids.device.data,
                                         ids.device.len);
    }

    return ngx_mixtrack_variable_set(r, v, ids.user.data, ids.user.len);
}


/* ids may lie in a buffer that the next request uses */

static ngx_int_t
ngx_mixtrack_variable_set(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const void *data, size_t len)
{
    if (len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, len);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(v->data, data, len);

    v->len = (unsigned) len & 0xfffffff;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
