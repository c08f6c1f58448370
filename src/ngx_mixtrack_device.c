
/*
 * The module's own device id: a first-party cookie with a UUID, issued with
 * the first document that a visitor navigates to, so that already this page
 * view is his, and the browser SDK can adopt the id.
 *
 * Never without consent, never in place of another one, and never on a
 * response that a shared cache may keep and hand to others.
 */


#include "ngx_mixtrack_visitor.h"

#include <sys/random.h>


/* as long as the SDK's own */
#define NGX_MIXTRACK_DEVICE_AGE  (365 * 86400)

#define ngx_mixtrack_device_begins(device, text)                              \
    (ngx_strncasecmp((device)->name.data, (u_char *) text, sizeof(text) - 1)  \
     == 0)


static char *ngx_mixtrack_device_option(ngx_conf_t *cf,
    ngx_mixtrack_device_t *device, ngx_str_t *value);
static char *ngx_mixtrack_device_name(ngx_mixtrack_device_t *device);
static ngx_uint_t ngx_mixtrack_device_sdks(ngx_str_t *name);
static ngx_int_t ngx_mixtrack_device_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_mixtrack_device_configured(ngx_http_request_t *r);
static ngx_int_t ngx_mixtrack_device_issue(ngx_http_request_t *r,
    ngx_mixtrack_device_t *device);
static ngx_uint_t ngx_mixtrack_device_wanted(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf);
static ngx_uint_t ngx_mixtrack_device_set(ngx_http_request_t *r,
    ngx_mixtrack_device_t *device);


static ngx_http_output_header_filter_pt  ngx_mixtrack_next_header_filter;


char *
ngx_mixtrack_device_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_loc_conf_t *mlcf = conf;

    char                   *rv;
    u_char                 *p;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_mixtrack_device_t  *device;

    if (mlcf->device != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" after "
                               "\"mixtrack_device_cookie off\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        mlcf->device = NULL;
        return NGX_CONF_OK;
    }

    for (i = 0; i < value[1].len; i++) {

        /* the token of RFC 6265, but for what is rather a mistake */

        if (value[1].data[i] <= ' ' || value[1].data[i] >= 0x7f
            || ngx_strchr("()<>@,;:\\\"/[]?={}$", value[1].data[i]))
        {
            break;
        }
    }

    if (value[1].len == 0 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid cookie name \"%V\" in "
                           "\"mixtrack_device_cookie\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    device = ngx_pcalloc(cf->pool, sizeof(ngx_mixtrack_device_t));
    if (device == NULL) {
        return NGX_CONF_ERROR;
    }

    device->name = value[1];
    device->age = NGX_CONF_UNSET;

    for (i = 2; i < cf->args->nelts; i++) {

        rv = ngx_mixtrack_device_option(cf, device, &value[i]);

        if (rv == NGX_CONF_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"mixtrack_device_cookie\"%s", &value[i], rv);
            return NGX_CONF_ERROR;
        }
    }

    rv = ngx_mixtrack_device_name(device);

    if (rv != NGX_CONF_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cookie \"%V\" in \"mixtrack_device_cookie\" %s",
                           &device->name, rv);
        return NGX_CONF_ERROR;
    }

    if (device->age == NGX_CONF_UNSET) {
        device->age = NGX_MIXTRACK_DEVICE_AGE;
    }

    if (device->samesite.data == NULL) {
        ngx_str_set(&device->samesite, "Lax");
    }

    if (device->samesite.data[0] == 'N' && !device->secure) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"samesite=none\" in \"mixtrack_device_cookie\" "
                           "needs \"secure\", or browsers refuse it");
        return NGX_CONF_ERROR;
    }

    /* behind the id; a script is to read it, so it is not HttpOnly */

    device->attributes.data = ngx_pnalloc(cf->pool, 128 + device->domain.len);
    if (device->attributes.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(device->attributes.data,
                    "; Path=/; Max-Age=%T; SameSite=%V", device->age,
                    &device->samesite);

    if (device->domain.len) {
        p = ngx_sprintf(p, "; Domain=%V", &device->domain);
    }

    if (device->secure) {
        p = ngx_sprintf(p, "; Secure");
    }

    device->attributes.len = (size_t) (p - device->attributes.data);
    mlcf->device = device;

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_device_option(ngx_conf_t *cf, ngx_mixtrack_device_t *device,
    ngx_str_t *value)
{
    ngx_str_t   s;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t   name;
        ngx_str_t   text;
    } samesite[] = {
        { ngx_string("samesite=lax"), ngx_string("Lax") },
        { ngx_string("samesite=strict"), ngx_string("Strict") },
        { ngx_string("samesite=none"), ngx_string("None") },
        { ngx_null_string, ngx_null_string }
    };

    if (ngx_strcmp(value->data, "secure") == 0) {

        if (device->secure) {
            return ", it is there twice";
        }

        device->secure = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "if=", 3) == 0) {

        if (device->filtered) {
            return ", it is there twice";
        }

        device->filtered = 1;

        return ngx_mixtrack_value_filter(cf, value, &device->filter) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value->data, "domain=", 7) == 0) {

        if (device->domain.data) {
            return ", it is there twice";
        }

        device->domain.len = value->len - 7;
        device->domain.data = value->data + 7;

        for (i = 0; i < device->domain.len; i++) {
            if (device->domain.data[i] <= ' ' || device->domain.data[i] == ';')
            {
                return ", it is no domain";
            }
        }

        return device->domain.len ? NGX_CONF_OK : ", it is empty";
    }

    if (ngx_strncmp(value->data, "max_age=", 8) == 0) {

        if (device->age != NGX_CONF_UNSET) {
            return ", it is there twice";
        }

        s.len = value->len - 8;
        s.data = value->data + 8;

        device->age = ngx_parse_time(&s, 1);

        return (device->age == (time_t) NGX_ERROR || device->age == 0)
               ? ", it must be a time" : NGX_CONF_OK;
    }

    for (i = 0; samesite[i].name.len; i++) {
        if (ngx_strcmp(value->data, samesite[i].name.data) == 0) {

            if (device->samesite.data) {
                return ", it is there twice";
            }

            device->samesite = samesite[i].text;
            return NGX_CONF_OK;
        }
    }

    return "";
}


/* what browsers want of a name with a prefix, in any case of letters; what
 * is wrong with it, or NGX_CONF_OK */

static char *
ngx_mixtrack_device_name(ngx_mixtrack_device_t *device)
{
    ngx_uint_t  host;

    if (ngx_mixtrack_device_sdks(&device->name)) {
        return "is one of Mixpanel's SDK";
    }

    if (ngx_mixtrack_device_begins(device, "__Http-")
        || ngx_mixtrack_device_begins(device, "__Host-Http-"))
    {
        return "needs \"HttpOnly\", or browsers refuse it, and a script is to "
               "read it";
    }

    host = ngx_mixtrack_device_begins(device, "__Host-");

    if ((host || ngx_mixtrack_device_begins(device, "__Secure-"))
        && !device->secure)
    {
        return "needs \"secure\", or browsers refuse it";
    }

    if (host && device->domain.len) {
        return "cannot have \"domain=\", or browsers refuse it";
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_mixtrack_device_sdks(ngx_str_t *name)
{
    size_t  begin, end;

    begin = sizeof("mp_") - 1;
    end = sizeof("_mixpanel") - 1;

    if (name->len >= begin + end
        && ngx_strncmp(name->data, "mp_", begin) == 0
        && ngx_strncmp(name->data + name->len - end, "_mixpanel", end) == 0)
    {
        return 1;
    }

    return ngx_strncmp(name->data, "__mp_opt_in_out_",
                       sizeof("__mp_opt_in_out_") - 1)
           == 0
           || ngx_strcmp(name->data, "mp_optout") == 0;
}


void
ngx_mixtrack_device_init(void)
{
    ngx_mixtrack_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_mixtrack_device_filter;
}


void
ngx_mixtrack_device_get(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_str_t *id)
{
    ngx_mixtrack_ctx_t  *ctx;
    mxt_cookie_str_t     value;

    ngx_str_null(id);

    if (mlcf->device == NULL) {
        return;
    }

    ctx = ngx_mixtrack_ctx(r, 0);

    if (ctx && ctx->issued) {
        id->data = ctx->device;
        id->len = MXT_UUID_LEN;
        return;
    }

    if (ngx_mixtrack_identity_find(r, &mlcf->device->name, &value) == NGX_OK
        && mxt_uuid_valid(value.data, value.len))
    {
        id->data = (u_char *) (uintptr_t) value.data;
        id->len = value.len;
    }
}


static ngx_int_t
ngx_mixtrack_device_filter(ngx_http_request_t *r)
{
    ngx_uint_t                what, wanted;
    mxt_zone_t               *zone;
    ngx_mixtrack_loc_conf_t  *mlcf;

    if (!ngx_mixtrack_device_configured(r)) {
        return ngx_mixtrack_next_header_filter(r);
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_mixtrack_module);

    /* where nothing is tracked nobody needs an id */

    if (mlcf->device == NULL || mlcf->events == NULL || r != r->main
        || (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD))
    {
        return ngx_mixtrack_next_header_filter(r);
    }

    ngx_mixtrack_captures_begin(r);
    wanted = ngx_mixtrack_device_wanted(r, mlcf);
    ngx_mixtrack_captures_end(r);

    if (!wanted) {
        return ngx_mixtrack_next_header_filter(r);
    }

    what = MXT_DEVICE_SHARED;

    if (!ngx_mixtrack_shared(r)) {

        if (ngx_mixtrack_device_issue(r, mlcf->device) != NGX_OK) {
            return ngx_mixtrack_next_header_filter(r);
        }

        what = MXT_DEVICE_ISSUED;
    }

    zone = ngx_mixtrack_project_of(r, mlcf)->zone;

    if (zone->own) {
        mxt_zone_count(zone, what);
    }

    return ngx_mixtrack_next_header_filter(r);
}


/* in the single process there are requests of cycles that did not have the
 * module, and their configuration has no place for it; where something is
 * tracked the log phase has our handler */

static ngx_uint_t
ngx_mixtrack_device_configured(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_process != NGX_PROCESS_SINGLE) {
        return 1;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    h = cmcf->phases[NGX_HTTP_LOG_PHASE].handlers.elts;

    for (i = 0; i < cmcf->phases[NGX_HTTP_LOG_PHASE].handlers.nelts; i++) {
        if (h[i] == ngx_mixtrack_event_handler) {
            return 1;
        }
    }

    return 0;
}


/* a visitor who navigates, has none yet, and objects to no project */

static ngx_uint_t
ngx_mixtrack_device_wanted(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf)
{
    ngx_str_t              s;
    ngx_uint_t             i;
    mxt_cookie_str_t       value;
    ngx_mixtrack_ids_t     ids;
    ngx_mixtrack_event_t  *event;

    if (ngx_mixtrack_is_empty(mlcf->device_id)
        || !ngx_mixtrack_visitor_navigates(r)
        || ngx_mixtrack_visitor_unread(r)
        || ngx_mixtrack_visitor_speculates(r)
        || ngx_mixtrack_visitor_bot(r))
    {
        return 0;
    }

    /* whatever it holds, it is somebody's */

    if (ngx_mixtrack_identity_find(r, &mlcf->device->name, &value) == NGX_OK
        && value.len)
    {
        return 0;
    }

    if (mlcf->device->filtered) {

        ngx_mixtrack_value_get(r, &mlcf->device->filter, &s);

        if (s.len == 0 || (s.len == 1 && s.data[0] == '0')) {
            return 0;
        }
    }

    event = mlcf->events->elts;

    for (i = 0; i < mlcf->events->nelts; i++) {
        if (ngx_mixtrack_identity_objects(r, mlcf->respect, event[i].project)
            != MXT_TRACKED)
        {
            return 0;
        }
    }

    /* who has a device already, by the SDK or a directive, keeps it */

    ngx_mixtrack_identity_ids(r, mlcf, event->project, &ids);

    if (ids.device.len) {
        return 0;
    }

    /* nor would the events of whom an older SDK names have it */

    if (ids.distinct.len && ids.user.len == 0) {
        return 0;
    }

    return !ngx_mixtrack_device_set(r, mlcf->device);
}


/* whether the response sets that cookie by itself */

static ngx_uint_t
ngx_mixtrack_device_set(ngx_http_request_t *r, ngx_mixtrack_device_t *device)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash && h[i].key.len == sizeof("Set-Cookie") - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Set-Cookie",
                               sizeof("Set-Cookie") - 1)
               == 0
            && h[i].value.len > device->name.len
            && h[i].value.data[device->name.len] == '='
            && ngx_strncmp(h[i].value.data, device->name.data,
                           device->name.len)
               == 0)
        {
            return 1;
        }
    }
}


static ngx_int_t
ngx_mixtrack_device_issue(ngx_http_request_t *r,
    ngx_mixtrack_device_t *device)
{
    u_char              *p, random[16];
    ngx_table_elt_t     *h;
    ngx_mixtrack_ctx_t  *ctx;

    /* without randomness, or memory, there is no id: the request goes on */

    if (getrandom(random, sizeof(random), GRND_NONBLOCK)
        != (ssize_t) sizeof(random))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_mixtrack_ctx(r, 1);

    p = ngx_pnalloc(r->pool, device->name.len + 1 + MXT_UUID_LEN
                             + device->attributes.len);

    if (ctx == NULL || p == NULL) {
        return NGX_DECLINED;
    }

    h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_DECLINED;
    }

    mxt_uuid_format(ctx->device, random);
    ctx->issued = 1;

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    ngx_str_set(&h->key, "Set-Cookie");
    h->value.data = p;

    p = ngx_cpymem(p, device->name.data, device->name.len);
    *p++ = '=';
    p = ngx_cpymem(p, ctx->device, MXT_UUID_LEN);
    p = ngx_cpymem(p, device->attributes.data, device->attributes.len);

    h->value.len = (size_t) (p - h->value.data);

    return NGX_OK;
}
