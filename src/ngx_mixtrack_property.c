
/*
 * Properties, as the configuration names them: parsed, and merged by name.
 * What becomes of them until a request comes is ngx_mixtrack_render.c's.
 */


#include "ngx_mixtrack.h"

#include "mxt_type.h"


static ngx_int_t ngx_mixtrack_property_fits(ngx_conf_t *cf,
    ngx_mixtrack_property_t *property);
static ngx_uint_t ngx_mixtrack_property_elements(ngx_mixtrack_value_t *value);
static ngx_uint_t ngx_mixtrack_property_depth(ngx_mixtrack_value_t *value);
static ngx_int_t ngx_mixtrack_property_check(ngx_conf_t *cf,
    ngx_mixtrack_property_t *property, ngx_str_t *value);


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
    { ngx_string("bucket"), "Mixpanel forbids it" },
    { ngx_string("$bucket"), "Mixpanel forbids it" },
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
    u_char      *p, *last;
    ngx_uint_t   i;

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

    /* repaired, two names could be one */

    for (p = value[1].data, last = p + value[1].len; p < last; /* void */ ) {

        if (*p < 0x80) {
            p++;
            continue;
        }

        if (ngx_utf8_decode(&p, (size_t) (last - p)) > 0x10ffff) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "property name \"%V\" in "
                               "\"mixtrack_property\" is not UTF-8",
                               &value[1]);
            return NGX_ERROR;
        }
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


ngx_int_t
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

        if (ngx_mixtrack_property_fits(cf, property) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_mixtrack_render_text(cf, &j, &property->text);
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

    return ngx_mixtrack_render_text(cf, &j, &property->text);
}


/* whether a value with variables can fit at all: what else stands in it does
 * not depend on them */

static ngx_int_t
ngx_mixtrack_property_fits(ngx_conf_t *cf, ngx_mixtrack_property_t *property)
{
    const char            *why;
    ngx_mixtrack_value_t  *value;

    value = &property->value;
    why = NULL;

    if (property->type == NGX_MIXTRACK_STRING) {

        if (ngx_mixtrack_value_fixed(value) >= MXT_JSON_STRING_MAX) {
            why = "a string has at most 255 bytes";
        }

    } else if (property->type == NGX_MIXTRACK_LIST) {

        if (ngx_mixtrack_property_elements(value) > MXT_TYPE_COUNT) {
            why = "a list has at most 254 elements";
        }

    } else if (property->type == NGX_MIXTRACK_JSON) {

        if (ngx_mixtrack_property_depth(value) > MXT_TYPE_DEPTH) {
            why = "JSON has at most 3 levels";
        }

    } else {
        return NGX_OK;
    }

    if (why == NULL) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "value of \"%V\" in \"mixtrack_property\" can never be "
                       "sent whole, %s", &property->name, why);

    return NGX_ERROR;
}


/* at least: the last one may be a variable that is empty */

static ngx_uint_t
ngx_mixtrack_property_elements(ngx_mixtrack_value_t *value)
{
    u_char       last;
    size_t       j;
    ngx_uint_t   i, n;
    ngx_str_t   *s;

    n = 0;

    for (i = 0; i < value->npieces; i++) {

        s = &value->pieces[i].text;
        last = ',';

        for (j = 0; j < s->len; j++) {

            if (s->data[j] == ',') {
                n += (last != ',');
                last = ',';

            } else if (s->data[j] != ' ' && s->data[j] != '\t') {
                last = s->data[j];
            }
        }
    }

    return n;
}


static ngx_uint_t
ngx_mixtrack_property_depth(ngx_mixtrack_value_t *value)
{
    size_t       j;
    ngx_str_t   *s;
    ngx_uint_t   i, quoted, depth, deepest;

    depth = 0;
    deepest = 0;
    quoted = 0;

    for (i = 0; i < value->npieces; i++) {

        s = &value->pieces[i].text;

        for (j = 0; j < s->len; j++) {

            switch (s->data[j]) {

            case '\\':
                j++;
                break;

            case '"':
                quoted = !quoted;
                break;

            case '[':
            case '{':
                depth += !quoted;
                break;

            case ']':
            case '}':
                depth -= (!quoted && depth);
                break;
            }

            deepest = ngx_max(deepest, depth);
        }
    }

    return deepest;
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


ngx_mixtrack_property_t *
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
