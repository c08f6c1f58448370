
/*
 * A module whose log handler comes after all others: "late VALUE" in http is
 * what it writes to error.log, of every request.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


static void *late_create_main_conf(ngx_conf_t *cf);
static ngx_int_t late_init(ngx_conf_t *cf);
static ngx_int_t late_handler(ngx_http_request_t *r);


typedef struct {
    ngx_http_complex_value_t  *value;
} late_main_conf_t;


static ngx_command_t  late_commands[] = {

    { ngx_string("late"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(late_main_conf_t, value),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  late_module_ctx = {
    NULL,                                  /* preconfiguration */
    late_init,                             /* postconfiguration */

    late_create_main_conf,                 /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  late_module = {
    NGX_MODULE_V1,
    &late_module_ctx,                      /* module context */
    late_commands,                         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* what nginx's configure makes for a module that is to be loaded */

ngx_module_t  *ngx_modules[] = {
    &late_module,
    NULL
};

char  *ngx_module_names[] = {
    "late_module",
    NULL
};

char  *ngx_module_order[] = {
    NULL
};


static void *
late_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(late_main_conf_t));
}


static ngx_int_t
late_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = late_handler;

    return NGX_OK;
}


static ngx_int_t
late_handler(ngx_http_request_t *r)
{
    ngx_str_t          s;
    late_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, late_module);

    if (ngx_http_complex_value(r, lmcf->value, &s) == NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "late: %V.", &s);
    }

    return NGX_OK;
}
