
/*
 * Who it is, and whether he wants to be known: ids, the browser SDK's cookies,
 * consent.
 *
 * The invariant: an id that means nobody is none, and in doubt somebody who
 * may have objected is nobody.
 */


#include "ngx_mixtrack_visitor.h"


/* the SDK's cookies: what it knows, and what the visitor wants */
#define NGX_MIXTRACK_COOKIE_SDK   0
#define NGX_MIXTRACK_COOKIE_OPT   1

#define NGX_MIXTRACK_COOKIE_NAME  (sizeof("__mp_opt_in_out_") - 1             \
                                   + NGX_MIXTRACK_SECRET_MAX)

/* the longest of the words that mean nobody; the first of them is a UUID */
#define NGX_MIXTRACK_BANNED_MAX  9


static void ngx_mixtrack_identity_name(ngx_http_request_t *r,
    ngx_mixtrack_project_t *project, ngx_uint_t cookie, u_char *buf,
    ngx_str_t *name);
static void ngx_mixtrack_identity_render(ngx_str_t *token, ngx_uint_t cookie,
    u_char *buf, ngx_str_t *name);
static void ngx_mixtrack_identity_device(ngx_str_t *distinct,
    ngx_mixtrack_ids_t *ids);
static void ngx_mixtrack_identity_known(mxt_cookie_t *cookie,
    mxt_cookie_key_e key, ngx_str_t *id);
static void ngx_mixtrack_identity_id(ngx_http_request_t *r,
    ngx_mixtrack_value_t *value, ngx_str_t *id);
static void ngx_mixtrack_identity_user(ngx_str_t *user, ngx_str_t *device);
static ngx_uint_t ngx_mixtrack_identity_strip(ngx_str_t *id);
static ngx_uint_t ngx_mixtrack_identity_same(ngx_str_t *one, ngx_str_t *two);
static void ngx_mixtrack_identity_allowed(ngx_str_t *id);


/* what Mixpanel takes for nobody, and what nginx users log for it */

static ngx_str_t  ngx_mixtrack_banned[] = {
    ngx_string("00000000-0000-0000-0000-000000000000"),
    ngx_string("anon"),
    ngx_string("anonymous"),
    ngx_string("nil"),
    ngx_string("none"),
    ngx_string("null"),
    ngx_string("n/a"),
    ngx_string("na"),
    ngx_string("undefined"),
    ngx_string("unknown"),
    ngx_string("<nil>"),
    ngx_string("0"),
    ngx_string("-1"),
    ngx_string("true"),
    ngx_string("false"),
    ngx_string("[]"),
    ngx_string("{}"),
    ngx_string("-"),
    ngx_null_string
};


/* the cookie of the project whose event is written, and of another one */
static u_char  ngx_mixtrack_cookie_buf[2][MXT_COOKIE_MAX];


ngx_uint_t
ngx_mixtrack_identity_objects(ngx_http_request_t *r, ngx_uint_t respect,
    ngx_mixtrack_project_t *project)
{
    u_char             buf[NGX_MIXTRACK_COOKIE_NAME];
    ngx_str_t         *s, name;
    mxt_cookie_str_t   opt, legacy;

    if (respect == 0) {
        return MXT_TRACKED;
    }

    (void) ngx_mixtrack_visitor(r);

    if (respect & NGX_MIXTRACK_RESPECT_DNT) {
        s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_DNT);

        if (mxt_cookie_objects(s->data, s->len)) {
            return MXT_SKIPPED_DNT;
        }
    }

    if (respect & NGX_MIXTRACK_RESPECT_GPC) {
        s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_GPC);

        if (mxt_cookie_objects(s->data, s->len)) {
            return MXT_SKIPPED_GPC;
        }
    }

    if (!(respect & NGX_MIXTRACK_RESPECT_OPT_OUT)
        || !ngx_mixtrack_has_cookies(r))
    {
        return MXT_TRACKED;
    }

    ngx_mixtrack_identity_name(r, project, NGX_MIXTRACK_COOKIE_OPT, buf,
                               &name);

    (void) ngx_mixtrack_identity_find(r, &name, &opt);

    ngx_str_set(&name, "mp_optout");

    (void) ngx_mixtrack_identity_find(r, &name, &legacy);

    return mxt_cookie_opted_out(&opt, &legacy) ? MXT_SKIPPED_OPT_OUT
                                               : MXT_TRACKED;
}


mxt_cookie_t *
ngx_mixtrack_identity_cookie(ngx_http_request_t *r,
    ngx_mixtrack_project_t *project)
{
    u_char                   buf[NGX_MIXTRACK_COOKIE_NAME];
    ngx_str_t                name;
    mxt_cookie_str_t         value;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);

    if (v->project == project) {
        return &v->cookie;
    }

    v->project = project;

    if (ngx_mixtrack_has_cookies(r) && !ngx_mixtrack_visitor_unread(r)) {

        ngx_mixtrack_identity_name(r, project, NGX_MIXTRACK_COOKIE_SDK, buf,
                                   &name);

        if (ngx_mixtrack_identity_find(r, &name, &value) == NGX_OK
            && mxt_cookie_parse(&v->cookie, value.data, value.len,
                                ngx_mixtrack_cookie_buf[project
                                                        != v->tracking])
               == 0)
        {
            return &v->cookie;
        }
    }

    ngx_memzero(&v->cookie, sizeof(mxt_cookie_t));

    return &v->cookie;
}


static void
ngx_mixtrack_identity_name(ngx_http_request_t *r,
    ngx_mixtrack_project_t *project, ngx_uint_t cookie, u_char *buf,
    ngx_str_t *name)
{
    ngx_str_t  token;

    *name = project->cookie[cookie];

    if (name->len) {
        return;
    }

    ngx_mixtrack_value_get(r, &project->token, &token);

    /* a longer one is no token, and what is not there has no address */

    token.len = ngx_min(token.len, NGX_MIXTRACK_SECRET_MAX);

    if (token.len == 0) {
        ngx_str_set(&token, "");
    }

    ngx_mixtrack_identity_render(&token, cookie, buf, name);
}


static void
ngx_mixtrack_identity_render(ngx_str_t *token, ngx_uint_t cookie, u_char *buf,
    ngx_str_t *name)
{
    name->data = buf;
    name->len = ngx_sprintf(buf, cookie == NGX_MIXTRACK_COOKIE_SDK
                                 ? "mp_%V_mixpanel" : "__mp_opt_in_out_%V",
                            token)
                - buf;
}


ngx_int_t
ngx_mixtrack_identity_names(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    u_char      *p;
    ngx_uint_t   i;

    if (!ngx_mixtrack_value_is_literal(&project->token)) {
        return NGX_OK;
    }

    for (i = 0; i < 2; i++) {

        p = ngx_pnalloc(cf->pool, NGX_MIXTRACK_COOKIE_NAME);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_mixtrack_identity_render(&project->token.literal, i, p,
                                     &project->cookie[i]);
    }

    return NGX_OK;
}


ngx_int_t
ngx_mixtrack_identity_find(ngx_http_request_t *r, ngx_str_t *name,
    mxt_cookie_str_t *value)
{
    size_t             from;
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h;

    for (h = r->headers_in.cookie; h; h = h->next) {

        from = 0;

        if (mxt_cookie_find(h->value.data, h->value.len, &from, name->data,
                            name->len, value))
        {
            return NGX_OK;
        }
    }
#else
    ngx_uint_t         i;
    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {

        from = 0;

        if (mxt_cookie_find(h[i]->value.data, h[i]->value.len, &from,
                            name->data, name->len, value))
        {
            return NGX_OK;
        }
    }
#endif

    value->data = NULL;
    value->len = 0;

    return NGX_DECLINED;
}


void
ngx_mixtrack_identity_ids(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_project_t *project, ngx_mixtrack_ids_t *ids)
{
    ngx_str_t      distinct, sdk, other;
    ngx_uint_t     user, device;
    mxt_cookie_t  *cookie;

    ids->known = 1;

    ngx_str_null(&ids->distinct);
    ngx_str_null(&ids->device);
    ngx_str_null(&ids->user);
    ngx_str_null(&ids->sdk);

    if (mlcf->respect && ngx_mixtrack_visitor_unread(r)) {
        return;
    }

    ngx_str_null(&other);

    ngx_mixtrack_identity_id(r, mlcf->user_id, &ids->user);
    ngx_mixtrack_identity_id(r, mlcf->device_id, &ids->device);

    ngx_mixtrack_identity_user(&ids->user, &other);

    (void) ngx_mixtrack_identity_strip(&ids->device);
    ngx_mixtrack_identity_allowed(&ids->device);

    /* a literal "" in a directive means: not from a cookie either */

    user = ids->user.len == 0 && !ngx_mixtrack_is_empty(mlcf->user_id);
    device = ids->device.len == 0 && !ngx_mixtrack_is_empty(mlcf->device_id);

    ngx_str_null(&distinct);
    ngx_str_null(&sdk);

    if (user || device) {

        cookie = ngx_mixtrack_identity_cookie(r, project);

        ngx_mixtrack_identity_known(cookie, MXT_COOKIE_DISTINCT_ID, &distinct);
        ngx_mixtrack_identity_known(cookie, MXT_COOKIE_DEVICE_ID, &sdk);

        if (user) {
            ngx_mixtrack_identity_known(cookie, MXT_COOKIE_USER_ID,
                                        &ids->user);
            ngx_mixtrack_identity_user(&ids->user, &other);
        }

        if (device) {
            ids->device = sdk;
            ngx_mixtrack_identity_device(&distinct, ids);
        }

        if (ngx_mixtrack_identity_strip(&distinct)) {
            ngx_str_null(&distinct);
        }
    }

    if (ids->device.len == 0 && !ngx_mixtrack_is_empty(mlcf->device_id)) {
        ngx_mixtrack_device_get(r, mlcf, &ids->device);

        if (ids->device.len == 0) {
            ids->device = other;
            ids->sdk = other;
        }
    }

    if (ids->user.len) {
        ids->distinct = ids->user;

    } else if (user && distinct.len
               && !ngx_mixtrack_identity_same(&distinct, &ids->device))
    {
        /* an older SDK: it has told who he is, in distinct_id alone */

        ids->distinct = distinct;

        /* Mixpanel would take another device for him, the SDK sends none */

        if (sdk.len == 0) {
            ngx_str_null(&ids->device);
        }
    }
}


/* the SDK's: $device_id, which distinct_id has with the prefix until he has
 * told who he is; an older one has but one of them, or both bare */

static void
ngx_mixtrack_identity_device(ngx_str_t *distinct, ngx_mixtrack_ids_t *ids)
{
    ids->sdk = *distinct;

    if (ngx_mixtrack_identity_strip(&ids->sdk)) {
        ngx_mixtrack_identity_allowed(&ids->sdk);

    } else {
        ngx_str_null(&ids->sdk);
    }

    if (ids->device.len == 0) {
        ids->device = ids->sdk;

    } else if (ids->sdk.len == 0
               && !ngx_mixtrack_identity_same(distinct, &ids->device))
    {
        ids->sdk = ids->device;
    }
}


static void
ngx_mixtrack_identity_known(mxt_cookie_t *cookie, mxt_cookie_key_e key,
    ngx_str_t *id)
{
    id->data = (u_char *) (uintptr_t) cookie->value[key].data;
    id->len = cookie->value[key].len;

    if (key == MXT_COOKIE_DEVICE_ID) {
        (void) ngx_mixtrack_identity_strip(id);
    }

    ngx_mixtrack_identity_allowed(id);
}


/* empty when there is none, or one of those that mean nobody */

static void
ngx_mixtrack_identity_id(ngx_http_request_t *r, ngx_mixtrack_value_t *value,
    ngx_str_t *id)
{
    ngx_str_null(id);

    if (value == NULL) {
        return;
    }

    ngx_mixtrack_value_get(r, value, id);
    ngx_mixtrack_identity_allowed(id);
}


/* what the SDK calls him before he has told who he is may be forwarded as a
 * user: it is none, and in doubt the device */

static void
ngx_mixtrack_identity_user(ngx_str_t *user, ngx_str_t *device)
{
    if (!ngx_mixtrack_identity_strip(user)) {
        return;
    }

    ngx_mixtrack_identity_allowed(user);

    if (device->len == 0) {
        *device = *user;
    }

    ngx_str_null(user);
}


/* a device may come with the prefix that only distinct_id has */

static ngx_uint_t
ngx_mixtrack_identity_strip(ngx_str_t *id)
{
    if (id->len < sizeof(NGX_MIXTRACK_DEVICE) - 1
        || ngx_strncmp(id->data, NGX_MIXTRACK_DEVICE,
                       sizeof(NGX_MIXTRACK_DEVICE) - 1)
           != 0)
    {
        return 0;
    }

    id->len -= sizeof(NGX_MIXTRACK_DEVICE) - 1;
    id->data += sizeof(NGX_MIXTRACK_DEVICE) - 1;

    return 1;
}


static ngx_uint_t
ngx_mixtrack_identity_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_memcmp(one->data, two->data, one->len) == 0;
}


static void
ngx_mixtrack_identity_allowed(ngx_str_t *id)
{
    if (ngx_mixtrack_identity_banned(id)) {
        ngx_str_null(id);
    }
}


ngx_uint_t
ngx_mixtrack_identity_banned(ngx_str_t *id)
{
    ngx_str_t  *banned;

    if (id->len == 0
        || (id->len > NGX_MIXTRACK_BANNED_MAX
            && id->len != ngx_mixtrack_banned[0].len))
    {
        return 0;
    }

    for (banned = ngx_mixtrack_banned; banned->len; banned++) {

        if (banned->len == id->len
            && banned->data[0] == ngx_tolower(id->data[0])
            && ngx_strncasecmp(banned->data, id->data, id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
