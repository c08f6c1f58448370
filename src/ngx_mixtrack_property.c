
/*
 * Properties, from the directive to the form in which they are written:
 * parsed, merged by name, and rendered as far as the configuration alone
 * determines them.
 */


#include "ngx_mixtrack.h"

#include "mxt_args.h"
#include "mxt_type.h"


static ngx_int_t ngx_mixtrack_property_check(ngx_conf_t *cf,
    ngx_mixtrack_property_t *property, ngx_str_t *value);
static ngx_int_t ngx_mixtrack_property_text(ngx_conf_t *cf,
    ngx_mixtrack_property_t *property);
static ngx_int_t ngx_mixtrack_property_standard(ngx_conf_t *cf,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_array_t *rendered);
static ngx_int_t ngx_mixtrack_property_push(ngx_conf_t *cf,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_array_t *rendered,
    ngx_mixtrack_property_t *property);
static ngx_mixtrack_property_t *ngx_mixtrack_property_find(
    ngx_array_t *properties, ngx_str_t *name);
static ngx_int_t ngx_mixtrack_render(ngx_conf_t *cf, mxt_json_t *j,
    ngx_str_t *text);


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


/* what the API or another directive sets */

static const struct {
    ngx_str_t            name;
    char                *why;
} ngx_mixtrack_reserved_properties[] = {
    { ngx_string("token"), "it is the API's own, set by \"token\"" },
    { ngx_string("time"), "it is the API's own" },
    { ngx_string("distinct_id"), "it is the API's own, set by "
                                 "\"mixtrack_user_id\" and "
                                 "\"mixtrack_device_id\"" },
    { ngx_string("$insert_id"), "it is the API's own" },
    { ngx_string("$device_id"), "it is set by \"mixtrack_device_id\"" },
    { ngx_string("$user_id"), "it is set by \"mixtrack_user_id\"" },
    { ngx_string("ip"), "it is set by \"mixtrack_ip\"" },
    { ngx_null_string, NULL }
};


static const struct {
    ngx_str_t            name;
    ngx_mixtrack_type_e  type;
} ngx_mixtrack_types[] = {
    { ngx_string("string"), NGX_MIXTRACK_STRING },
    { ngx_string("number"), NGX_MIXTRACK_NUMBER },
    { ngx_string("bool"), NGX_MIXTRACK_BOOL },
    { ngx_string("time"), NGX_MIXTRACK_TIME },
    { ngx_string("list"), NGX_MIXTRACK_LIST },
    { ngx_string("json"), NGX_MIXTRACK_JSON },
    { ngx_null_string, 0 }
};


char *
ngx_mixtrack_property(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_loc_conf_t *mlcf = conf;

    ngx_str_t                *value, type;
    ngx_uint_t                i, n, typed;
    ngx_mixtrack_property_t  *property;

    value = cf->args->elts;

    if (mlcf->properties == NULL) {
        mlcf->properties = ngx_array_create(cf->pool, 4,
                                            sizeof(ngx_mixtrack_property_t));
        if (mlcf->properties == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_mixtrack_property_find(mlcf->properties, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate property \"%V\" in "
                           "\"mixtrack_property\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    property = ngx_array_push(mlcf->properties);
    if (property == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(property, sizeof(ngx_mixtrack_property_t));

    property->name = value[1];
    ngx_mixtrack_place(cf, &property->place);

    if (ngx_mixtrack_property_check(cf, property, value) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3 && ngx_strcmp(value[2].data, "off") == 0) {
        property->off = 1;
        return NGX_CONF_OK;
    }

    if (ngx_mixtrack_value_compile(cf, &value[2], &property->value) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    typed = 0;

    for (n = 3; n < cf->args->nelts; n++) {

        if (ngx_strncmp(value[n].data, "if=", 3) == 0
            && !property->filtered)
        {
            if (ngx_mixtrack_value_filter(cf, &value[n], &property->filter)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            property->filtered = 1;

            continue;
        }

        if (typed++ || ngx_strncmp(value[n].data, "type=", 5) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"mixtrack_property\"", &value[n]);
            return NGX_CONF_ERROR;
        }

        type.len = value[n].len - 5;
        type.data = value[n].data + 5;

        for (i = 0; /* void */ ; i++) {

            if (ngx_mixtrack_types[i].name.len == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "unknown type \"%V\" in "
                                   "\"mixtrack_property\", it must be "
                                   "\"string\", \"number\", \"bool\", "
                                   "\"time\", \"list\" or \"json\"",
                                   &type);
                return NGX_CONF_ERROR;
            }

            if (ngx_strcmp(type.data, ngx_mixtrack_types[i].name.data) == 0) {
                break;
            }
        }

        property->type = ngx_mixtrack_types[i].type;
    }

    /* these two have a shorter way than their variable */

    if (property->type == NGX_MIXTRACK_NUMBER) {

        if (ngx_strcmp(value[2].data, "$status") == 0) {
            property->type = NGX_MIXTRACK_STATUS;

        } else if (ngx_strcmp(value[2].data, "$request_time") == 0) {
            property->type = NGX_MIXTRACK_REQUEST_TIME;
        }
    }

    return ngx_mixtrack_property_text(cf, property) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_mixtrack_property_check(ngx_conf_t *cf, ngx_mixtrack_property_t *property,
    ngx_str_t *value)
{
    ngx_uint_t  i;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty property name in \"mixtrack_property\"");
        return NGX_ERROR;
    }

    if (value[1].len > MXT_JSON_STRING_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "property name of %uz bytes in "
                           "\"mixtrack_property\", the API takes %d",
                           value[1].len, MXT_JSON_STRING_MAX);
        return NGX_ERROR;
    }

    for (i = 0; ngx_mixtrack_reserved_properties[i].why; i++) {

        if (ngx_strcmp(value[1].data,
                       ngx_mixtrack_reserved_properties[i].name.data)
            == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "property \"%V\" cannot be set by "
                               "\"mixtrack_property\", %s", &value[1],
                               ngx_mixtrack_reserved_properties[i].why);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Renders ,"name": and, for a literal, the value behind it; an empty literal
 * is rendered as nothing, which is what becomes of any empty value.
 */

static ngx_int_t
ngx_mixtrack_property_text(ngx_conf_t *cf, ngx_mixtrack_property_t *property)
{
    /* a name, each byte an escape of six, and the largest of the values */
    u_char       buf[6 * MXT_JSON_STRING_MAX + MXT_TYPE_SIZE + 16];
    unsigned     cut;
    mxt_json_t   j;
    ngx_str_t   *literal;

    literal = &property->value.literal;

    mxt_json_init(&j, buf, sizeof(buf));
    mxt_json_raw(&j, ",", 1);
    (void) mxt_json_string(&j, property->name.data, property->name.len);
    mxt_json_raw(&j, ":", 1);

    if (property->type > NGX_MIXTRACK_JSON
        || !ngx_mixtrack_value_is_literal(&property->value))
    {
        if (property->type == NGX_MIXTRACK_STRING
            || (property->type > NGX_MIXTRACK_LITERAL
                && property->type < NGX_MIXTRACK_BROWSER_VERSION))
        {
            property->quoted = 1;
            mxt_json_raw(&j, "\"", 1);
        }

        return ngx_mixtrack_render(cf, &j, &property->text);
    }

    if (literal->len == 0) {
        property->type = NGX_MIXTRACK_LITERAL;
        return NGX_OK;
    }

    cut = 0;

    switch (ngx_mixtrack_property_typed(property->type, &j, literal, &cut)) {

    case MXT_TYPE_MISTYPED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value for a %V in "
                           "\"mixtrack_property %V\": \"%V\"",
                           &ngx_mixtrack_types[property->type].name,
                           &property->name, literal);
        return NGX_ERROR;

    case MXT_TYPE_EMPTY:
        property->type = NGX_MIXTRACK_LITERAL;
        return NGX_OK;
    }

    if (cut) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value of \"%V\" in \"mixtrack_property\" is too "
                           "long, a string has at most %d bytes",
                           &property->name, MXT_JSON_STRING_MAX);
        return NGX_ERROR;
    }

    property->type = NGX_MIXTRACK_LITERAL;

    return ngx_mixtrack_render(cf, &j, &property->text);
}


ngx_uint_t
ngx_mixtrack_property_typed(ngx_mixtrack_type_e type, mxt_json_t *j,
    ngx_str_t *s, unsigned *cut)
{
    switch (type) {

    case NGX_MIXTRACK_NUMBER:
        return mxt_json_number(j, s->data, s->len) == 0 ? MXT_TYPE_OK
               : s->len ? MXT_TYPE_MISTYPED : MXT_TYPE_EMPTY;

    case NGX_MIXTRACK_BOOL:
        return mxt_json_bool(j, s->data, s->len) == 0 ? MXT_TYPE_OK
               : s->len ? MXT_TYPE_MISTYPED : MXT_TYPE_EMPTY;

    case NGX_MIXTRACK_TIME:
        return mxt_type_time(j, s->data, s->len);

    case NGX_MIXTRACK_LIST:
        return mxt_type_list(j, s->data, s->len, cut);

    case NGX_MIXTRACK_JSON:
        return mxt_type_json(j, s->data, s->len, cut);

    default:
        *cut += mxt_json_string(j, s->data, s->len);
        return MXT_TYPE_OK;
    }
}


ngx_array_t *
ngx_mixtrack_property_merge(ngx_conf_t *cf, ngx_array_t *parent,
    ngx_array_t *child)
{
    ngx_uint_t                i, n;
    ngx_array_t              *merged, *from;
    ngx_mixtrack_property_t  *property, *p;

    if (parent == NULL) {
        return child;
    }

    if (child == NULL) {
        return parent;
    }

    merged = ngx_array_create(cf->pool, parent->nelts + child->nelts,
                              sizeof(ngx_mixtrack_property_t));
    if (merged == NULL) {
        return NULL;
    }

    /* the parent's in the parent's order, then the child's new ones */

    for (n = 0; n < 2; n++) {

        from = n ? child : parent;
        property = from->elts;

        for (i = 0; i < from->nelts; i++) {

            p = ngx_mixtrack_property_find(merged, &property[i].name);

            if (p == NULL) {
                p = ngx_array_push(merged);
                if (p == NULL) {
                    return NULL;
                }
            }

            *p = property[i];
        }
    }

    return merged;
}


static ngx_int_t
ngx_mixtrack_property_standard(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_array_t *rendered)
{
    ngx_str_t                 name;
    ngx_uint_t                i;
    ngx_mixtrack_property_t   p, *args;

    for (i = 0; ngx_mixtrack_standard_properties[i].name.len; i++) {

        ngx_memzero(&p, sizeof(ngx_mixtrack_property_t));

        p.name = ngx_mixtrack_standard_properties[i].name;
        p.type = ngx_mixtrack_standard_properties[i].type;

        if (ngx_mixtrack_property_push(cf, mlcf, rendered, &p) != NGX_OK) {
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

        if (ngx_mixtrack_property_push(cf, mlcf, rendered, &p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* unless the configuration has one of that name */

static ngx_int_t
ngx_mixtrack_property_push(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf,
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
ngx_mixtrack_property_render(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *mlcf)
{
    size_t                    len;
    ngx_uint_t                i, n, total;
    ngx_array_t               rendered;
    ngx_mixtrack_place_t     *place;
    ngx_mixtrack_property_t  *property, *p;

    place = NULL;
    property = mlcf->properties ? mlcf->properties->elts : NULL;
    n = mlcf->properties ? mlcf->properties->nelts : 0;

    if (ngx_array_init(&rendered, cf->pool, n + 8,
                       sizeof(ngx_mixtrack_property_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mlcf->standard
        && ngx_mixtrack_property_standard(cf, mlcf, &rendered) != NGX_OK)
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

    total = rendered.nelts + NGX_MIXTRACK_OWN_PROPERTIES
            + (mlcf->standard ? MXT_ARGS_N : 0);

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
ngx_mixtrack_event_render(ngx_conf_t *cf, ngx_mixtrack_event_t *event)
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

    return ngx_mixtrack_render(cf, &j, &event->head);
}


static ngx_mixtrack_property_t *
ngx_mixtrack_property_find(ngx_array_t *properties, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_mixtrack_property_t  *property;

    property = properties->elts;

    for (i = 0; i < properties->nelts; i++) {

        if (property[i].name.len == name->len
            && ngx_memcmp(property[i].name.data, name->data, name->len) == 0)
        {
            return &property[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_mixtrack_render(ngx_conf_t *cf, mxt_json_t *j, ngx_str_t *text)
{
    text->len = j->pos - j->start;
    text->data = ngx_pnalloc(cf->pool, text->len);

    if (text->data == NULL || j->overflow) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, j->start, text->len);

    return NGX_OK;
}
