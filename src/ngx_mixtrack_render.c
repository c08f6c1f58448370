
/*
 * What the configuration alone determines of an event, in the form in which it
 * is written: once for each level, and not for each request.
 */


#include "ngx_mixtrack.h"

#include "mxt_args.h"


static ngx_int_t ngx_mixtrack_render_standard(ngx_conf_t *cf,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_array_t *rendered);
static ngx_int_t ngx_mixtrack_render_push(ngx_conf_t *cf,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_array_t *rendered,
    ngx_mixtrack_property_t *property);


/* the standard properties, written without a variable */

static const struct {
    ngx_str_t            name;
    ngx_mixtrack_type_e  type;
} ngx_mixtrack_standard_properties[] = {
    { ngx_string("$current_url"), NGX_MIXTRACK_CURRENT_URL },
    { ngx_string("current_domain"), NGX_MIXTRACK_DOMAIN },
    { ngx_string("current_url_path"), NGX_MIXTRACK_PATH },
    { ngx_string("current_url_protocol"), NGX_MIXTRACK_PROTOCOL },
    { ngx_string("current_url_search"), NGX_MIXTRACK_SEARCH },
    { ngx_string("$referrer"), NGX_MIXTRACK_REFERRER },
    { ngx_string("$referring_domain"), NGX_MIXTRACK_REFERRING_DOMAIN },
    { ngx_string("$initial_referrer"), NGX_MIXTRACK_INITIAL_REFERRER },
    { ngx_string("$initial_referring_domain"), NGX_MIXTRACK_INITIAL_DOMAIN },
    { ngx_string("$search_engine"), NGX_MIXTRACK_SEARCH_ENGINE },
    { ngx_string("mp_keyword"), NGX_MIXTRACK_KEYWORD },
    { ngx_string("$browser"), NGX_MIXTRACK_BROWSER },
    { ngx_string("$browser_version"), NGX_MIXTRACK_BROWSER_VERSION },
    { ngx_string("$os"), NGX_MIXTRACK_OS },
    { ngx_string("$device"), NGX_MIXTRACK_CLIENT_DEVICE },
    { ngx_string("method"), NGX_MIXTRACK_METHOD },
    { ngx_string("status"), NGX_MIXTRACK_STATUS },
    { ngx_string("bytes_sent"), NGX_MIXTRACK_BYTES_SENT },
    { ngx_string("request_time"), NGX_MIXTRACK_REQUEST_TIME },
    { ngx_string("upstream_response_time"), NGX_MIXTRACK_UPSTREAM_TIME },
    { ngx_string("upstream_cache_status"), NGX_MIXTRACK_CACHE_STATUS },
    { ngx_string("http_version"), NGX_MIXTRACK_HTTP },
    { ngx_string("tls_version"), NGX_MIXTRACK_TLS },
    { ngx_null_string, 0 }
};


/* those that say nothing of the request */

static const struct {
    ngx_str_t  name;
    ngx_str_t  value;
} ngx_mixtrack_constant_properties[] = {
    { ngx_string("mp_lib"), ngx_string("nginx") },
    { ngx_string("$lib_version"), ngx_string(NGX_MIXTRACK_VERSION) },
    { ngx_null_string, ngx_null_string }
};


ngx_int_t
ngx_mixtrack_render_properties(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf)
{
    size_t                    len;
    ngx_uint_t                i, n, total;
    ngx_array_t               rendered;
    ngx_mixtrack_place_t     *place;
    ngx_mixtrack_property_t  *property, *p;

    static ngx_str_t  protocol = ngx_string("current_url_protocol");

    if (mlcf->rendered) {
        return NGX_OK;
    }

    /* most levels have nothing to add, and there may be many of them */

    if (mlcf->alike) {

        if (ngx_mixtrack_render_properties(cf, mlcf->alike) != NGX_OK) {
            return NGX_ERROR;
        }

        mlcf->rendered = mlcf->alike->rendered;
        mlcf->nrendered = mlcf->alike->nrendered;
        mlcf->protocol = mlcf->alike->protocol;

        return NGX_OK;
    }

    place = NULL;
    property = mlcf->properties ? mlcf->properties->elts : NULL;
    n = mlcf->properties ? mlcf->properties->nelts : 0;

    if (n) {
        p = ngx_mixtrack_property_find(mlcf->properties, &protocol);
        mlcf->protocol = (p && !p->off) ? p : NULL;
    }

    if (ngx_array_init(&rendered, cf->pool, n + 8,
                       sizeof(ngx_mixtrack_property_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mlcf->standard
        && ngx_mixtrack_render_standard(cf, mlcf, &rendered) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        place = &property[i].place;

        if (property[i].off || property[i].text.len == 0) {
            continue;
        }

        p = ngx_array_push(&rendered);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *p = property[i];
    }

    p = rendered.elts;
    total = NGX_MIXTRACK_OWN_PROPERTIES;

    for (i = 0; i < rendered.nelts; i++) {
        total += (p[i].type == NGX_MIXTRACK_ARGS)
                 ? (ngx_uint_t) __builtin_popcount(p[i].args) : 1;
    }

    if (total > NGX_MIXTRACK_PROPERTIES_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%ui properties of an event by \"mixtrack_property\", "
                      "the API takes %d, in %V:%ui",
                      total, NGX_MIXTRACK_PROPERTIES_MAX,
                      &place->file, place->line);
        return NGX_ERROR;
    }

    p = rendered.elts;
    len = 0;

    for (i = 0; i < rendered.nelts; i++) {
        if (p[i].type == NGX_MIXTRACK_LITERAL && !p[i].filtered) {
            len += p[i].text.len;
        }
    }

    if (len > MXT_SEGMENT_ROOM - NGX_MIXTRACK_OWN_SIZE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%uz bytes of fixed values in each event by "
                      "\"mixtrack_property\", an event has at most %uz, "
                      "in %V:%ui", len, (size_t) MXT_SEGMENT_ROOM,
                      &place->file, place->line);
        return NGX_ERROR;
    }

    mlcf->rendered = rendered.elts;
    mlcf->nrendered = rendered.nelts;

    return NGX_OK;
}


ngx_int_t
ngx_mixtrack_render_event(ngx_conf_t *cf, ngx_mixtrack_event_t *event)
{
    u_char                 buf[2 * 6 * MXT_JSON_STRING_MAX + 64];
    unsigned               left;
    mxt_json_t             j;
    ngx_mixtrack_value_t  *token;

    /* levels below inherit the very same event */

    if (event->head.data) {
        return NGX_OK;
    }

    token = &event->project->token;

    mxt_json_init(&j, buf, sizeof(buf));
    ngx_mixtrack_raw(&j, NGX_MIXTRACK_BEFORE_NAME);

    /* as far as it is fixed; the handler takes over from there */

    if (ngx_mixtrack_value_is_literal(&event->name)) {

        left = MXT_JSON_STRING_MAX;
        (void) mxt_json_text(&j, event->name.literal.data,
                             event->name.literal.len, &left);

        ngx_mixtrack_raw(&j, NGX_MIXTRACK_BEFORE_TOKEN);

        if (ngx_mixtrack_value_is_literal(token)) {

            left = MXT_JSON_STRING_MAX;
            (void) mxt_json_text(&j, token->literal.data, token->literal.len,
                                 &left);

            ngx_mixtrack_raw(&j, NGX_MIXTRACK_BEFORE_TIME);
        }
    }

    return ngx_mixtrack_render_text(cf, &j, &event->head);
}


static ngx_int_t
ngx_mixtrack_render_standard(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_array_t *rendered)
{
    ngx_str_t                 name;
    ngx_uint_t                i;
    ngx_mixtrack_property_t   p, *args;

    for (i = 0; ngx_mixtrack_standard_properties[i].name.len; i++) {

        ngx_memzero(&p, sizeof(ngx_mixtrack_property_t));

        p.name = ngx_mixtrack_standard_properties[i].name;
        p.type = ngx_mixtrack_standard_properties[i].type;

        if (ngx_mixtrack_render_push(cf, mlcf, rendered, &p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* those of a campaign are one, for most requests have none of them */

    ngx_memzero(&p, sizeof(ngx_mixtrack_property_t));

    p.type = NGX_MIXTRACK_ARGS;

    for (i = 0; i < MXT_ARGS_N; i++) {

        name.data = (u_char *) (uintptr_t) mxt_args_names[i].data;
        name.len = mxt_args_names[i].len;

        if (mlcf->properties == NULL
            || ngx_mixtrack_property_find(mlcf->properties, &name) == NULL)
        {
            p.args |= (uint32_t) 1 << i;
        }
    }

    if (p.args) {
        args = ngx_array_push(rendered);
        if (args == NULL) {
            return NGX_ERROR;
        }

        *args = p;
    }

    for (i = 0; ngx_mixtrack_constant_properties[i].name.len; i++) {

        ngx_memzero(&p, sizeof(ngx_mixtrack_property_t));

        p.name = ngx_mixtrack_constant_properties[i].name;
        p.value.literal = ngx_mixtrack_constant_properties[i].value;

        if (ngx_mixtrack_render_push(cf, mlcf, rendered, &p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* unless the configuration has one of that name */

static ngx_int_t
ngx_mixtrack_render_push(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_array_t *rendered, ngx_mixtrack_property_t *property)
{
    ngx_mixtrack_property_t  *p;

    if (mlcf->properties
        && ngx_mixtrack_property_find(mlcf->properties, &property->name))
    {
        return NGX_OK;
    }

    p = ngx_array_push(rendered);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = *property;

    return ngx_mixtrack_property_text(cf, p);
}


ngx_int_t
ngx_mixtrack_render_text(ngx_conf_t *cf, mxt_json_t *j, ngx_str_t *text)
{
    text->len = j->pos - j->start;
    text->data = ngx_pnalloc(cf->pool, text->len);

    if (text->data == NULL || j->overflow) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, j->start, text->len);

    return NGX_OK;
}
