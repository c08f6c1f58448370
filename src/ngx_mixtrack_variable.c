
/*
 * Variables: what the module knows of a request, for if=, map and log_format.
 */


#include "ngx_mixtrack_visitor.h"


typedef enum {
    NGX_MIXTRACK_VAR_USER_ID = 0,
    NGX_MIXTRACK_VAR_DEVICE_ID,
    NGX_MIXTRACK_VAR_INSERT_ID
} ngx_mixtrack_variable_e;


static ngx_int_t ngx_mixtrack_variable_page_view(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_mixtrack_variable_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const void *data, size_t len);


/* what depends on the response or on the location is not cacheable; what tells
 * the client may be told better, by a map, geo or set of that name */

static ngx_http_variable_t  ngx_mixtrack_variables[] = {

    { ngx_string("mixtrack_page_view"), NULL,
      ngx_mixtrack_variable_page_view, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_bot"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_IS_BOT, NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("mixtrack_browser"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_BROWSER_NAME, NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("mixtrack_browser_version"), NULL,
      ngx_mixtrack_variable_client,
      NGX_MIXTRACK_BROWSER_NUMBER, NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("mixtrack_os"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_OS_NAME, NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("mixtrack_device"), NULL, ngx_mixtrack_variable_client,
      NGX_MIXTRACK_DEVICE_NAME, NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("mixtrack_user_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_USER_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_device_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_DEVICE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mixtrack_insert_id"), NULL, ngx_mixtrack_variable_id,
      NGX_MIXTRACK_VAR_INSERT_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* of those that a map makes now, which are being asked for, a bit each */
static ngx_uint_t  ngx_mixtrack_mapping;


ngx_int_t
ngx_mixtrack_variable_add(ngx_conf_t *cf)
{
    ngx_http_variable_t       *var, *v;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_mixtrack_module);

    for (v = ngx_mixtrack_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;

        if (v->get_handler == ngx_mixtrack_variable_client) {
            mmcf->client[v->data].variable = var;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_mixtrack_variable_init(ngx_conf_t *cf, ngx_mixtrack_main_conf_t *mmcf)
{
    ngx_uint_t              n;
    ngx_http_variable_t    *var;
    ngx_mixtrack_client_t  *client;

    for (n = 0; n < NGX_MIXTRACK_CLIENT_N; n++) {

        client = &mmcf->client[n];
        var = client->variable;

        client->index = ngx_http_get_variable_index(cf, &var->name);
        if (client->index == NGX_ERROR) {
            return NGX_ERROR;
        }

        /* where a map says nothing, it is still ours to answer */

        if (var->get_handler != ngx_mixtrack_variable_client) {
            client->map = var->get_handler;
            client->data = var->data;

            var->get_handler = ngx_mixtrack_variable_client;
            var->data = n;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_variable_page_view(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    /* a subrequest is of the same visitor, but none of his page views */

    v->data = (u_char *) (r == r->main && ngx_mixtrack_visitor_page_view(r)
                          ? "1" : "0");
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
    ngx_int_t                  rc;
    ngx_str_t                  s;
    ngx_uint_t                 bit;
    ngx_mixtrack_client_t     *client;
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_mixtrack_module);

    client = &mmcf->client[data];
    bit = (ngx_uint_t) 1 << data;

    /* a map that asks for itself is told what it is to be better than */

    if (client->map && !(ngx_mixtrack_mapping & bit)) {

        ngx_mixtrack_mapping |= bit;

        rc = client->map(r, v, client->data);

        ngx_mixtrack_mapping &= ~bit;

        if (rc == NGX_OK && v->valid && v->len) {
            return NGX_OK;
        }
    }

    ngx_mixtrack_visitor_own(r->main, data, &s);

    /* constants, or bytes of the request */

    v->data = s.data;
    v->len = (unsigned) s.len & 0xfffffff;
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
