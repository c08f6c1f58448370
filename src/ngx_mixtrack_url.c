
/*
 * What URLs tell: the request's own, the referrer's, and those that the SDK's
 * cookie remembers of the visitor's first touch.  Nothing of them is written
 * that is to be hidden.
 */


#include "ngx_mixtrack_visitor.h"

#include "mxt_redact.h"
#include "mxt_userinfo.h"


static void ngx_mixtrack_url_split(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_visitor_t *v);
static void ngx_mixtrack_url_scheme(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, mxt_uri_str_t *scheme);
static ngx_uint_t ngx_mixtrack_url_told(ngx_http_request_t *r,
    ngx_mixtrack_property_t *protocol, mxt_uri_str_t *scheme);
static void ngx_mixtrack_url_server(ngx_http_request_t *r, ngx_str_t *host);
static ngx_uint_t ngx_mixtrack_url_part(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_type_e type, mxt_json_t *j,
    unsigned *left);
static ngx_uint_t ngx_mixtrack_url_whole(ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_visitor_t *v, mxt_json_t *j, unsigned *left);
static ngx_uint_t ngx_mixtrack_url_engine(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left);
static uint32_t ngx_mixtrack_url_stored(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    mxt_uri_str_t *kept);
static ngx_uint_t ngx_mixtrack_url_first(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left);


ngx_uint_t
ngx_mixtrack_url_write(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_project_t *project, ngx_mixtrack_type_e type, mxt_json_t *j,
    unsigned *left)
{
    switch (type) {

    case NGX_MIXTRACK_SEARCH_ENGINE:
    case NGX_MIXTRACK_KEYWORD:
        return ngx_mixtrack_url_engine(r, mlcf, project, type, j, left);

    case NGX_MIXTRACK_INITIAL_REFERRER:
    case NGX_MIXTRACK_INITIAL_DOMAIN:
        return ngx_mixtrack_url_first(r, mlcf, project, type, j, left);

    default:
        return ngx_mixtrack_url_part(r, mlcf, type, j, left);
    }
}


static void
ngx_mixtrack_url_split(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_visitor_t *v)
{
    ngx_str_t      host;
    mxt_uri_str_t  scheme, authority, uri;

    if (v->urls) {
        return;
    }

    v->urls = 1;

    ngx_memzero(&v->url, sizeof(mxt_uri_t));
    ngx_memzero(&v->referrer, sizeof(mxt_uri_t));

    if (r->headers_in.referer) {
        mxt_uri_split(&v->referrer, r->headers_in.referer->value.data,
                      r->headers_in.referer->value.len);
    }

    if (r->unparsed_uri.len == 0) {
        return;
    }

    /* the port is not in r->headers_in.server; and of an absolute URI the
     * host counts, whatever the header says */

    if (r->host_start && r->host_end) {
        host.data = r->host_start;
        host.len = (size_t) (r->host_end - r->host_start);

        /* in a request line there is more behind it, and HTTP/2's authority
         * has its port */

        if (r->http_version <= NGX_HTTP_VERSION_11 && *r->host_end == ':') {
            do {
                host.len++;
            } while (host.data[host.len] >= '0' && host.data[host.len] <= '9');
        }

    } else if (r->headers_in.host && r->headers_in.host->value.len) {
        host = r->headers_in.host->value;

    } else if (r->headers_in.server.len) {
        host = r->headers_in.server;

    } else {
        ngx_mixtrack_url_server(r, &host);
    }

    ngx_mixtrack_url_scheme(r, mlcf, &scheme);

    authority.data = host.data;
    authority.len = host.len;
    uri.data = r->unparsed_uri.data;
    uri.len = r->unparsed_uri.len;

    mxt_uri_request(&v->url, scheme, authority, uri);
}


/* of the connection, unless a property of that name knows it better: TLS may
 * end before nginx */

static void
ngx_mixtrack_url_scheme(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    mxt_uri_str_t *scheme)
{
    if (mlcf->protocol && ngx_mixtrack_url_told(r, mlcf->protocol, scheme)) {
        return;
    }

    scheme->data = (const unsigned char *) "http";
    scheme->len = 4;

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        scheme->data = (const unsigned char *) "https";
        scheme->len = 5;
    }
#endif
}


/* "http" or "https", with a colon or without; anybody may have sent it */

static ngx_uint_t
ngx_mixtrack_url_told(ngx_http_request_t *r,
    ngx_mixtrack_property_t *protocol, mxt_uri_str_t *scheme)
{
    ngx_str_t  s;

    if (protocol->filtered) {

        ngx_mixtrack_value_get(r, &protocol->filter, &s);

        if (s.len == 0 || (s.len == 1 && s.data[0] == '0')) {
            return 0;
        }
    }

    ngx_mixtrack_value_get(r, &protocol->value, &s);

    if (s.len && s.data[s.len - 1] == ':') {
        s.len--;
    }

    if (s.len < 4 || s.len > 5
        || ngx_strncasecmp(s.data, (u_char *) "https", s.len) != 0)
    {
        return 0;
    }

    scheme->data = (const unsigned char *) "https";
    scheme->len = s.len;

    return 1;
}


/* the server's name, if it is one: nginx keeps the first of them, without the
 * dot of ".example.com", but a regex or a wildcard as it is, and for those
 * who are to have none people write "_" */

static void
ngx_mixtrack_url_server(ngx_http_request_t *r, ngx_str_t *host)
{
    u_char                     c;
    ngx_uint_t                 i, name;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    *host = cscf->server_name;

    name = 0;

    for (i = 0; i < host->len; i++) {

        c = host->data[i];

        if (c == '*' || c == '~') {
            name = 0;
            break;
        }

        c = ngx_tolower(c);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            name = 1;
        }
    }

    if (!name) {
        ngx_str_null(host);
    }
}


static ngx_uint_t
ngx_mixtrack_url_part(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_type_e type, mxt_json_t *j,
    unsigned *left)
{
    mxt_uri_t               *u;
    ngx_uint_t               cut;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);

    ngx_mixtrack_url_split(r, mlcf, v);

    u = &v->url;

    switch (type) {

    case NGX_MIXTRACK_CURRENT_URL:
        return ngx_mixtrack_url_whole(mlcf, v, j, left);

    case NGX_MIXTRACK_DOMAIN:
        return ngx_mixtrack_str(j, u->host, left);

    case NGX_MIXTRACK_PATH:

        if (v->path) {
            mxt_json_raw(j, v->path, (size_t) (v->query - v->path));
            return 0;
        }

        return mxt_redact_path(mlcf->redact, j, u, left);

    case NGX_MIXTRACK_PROTOCOL:

        if (u->scheme.len == 0) {
            return 0;
        }

        cut = ngx_mixtrack_str(j, u->scheme, left);
        return cut | mxt_json_text(j, ":", 1, left);

    case NGX_MIXTRACK_SEARCH:

        if (v->path) {

            /* a "?" alone is no search */

            if (v->end - v->query > 1) {
                mxt_json_raw(j, v->query, (size_t) (v->end - v->query));
            }

            return 0;
        }

        return mxt_redact_search(mlcf->redact, j, u, left);

    case NGX_MIXTRACK_REFERRER:

        if (r->headers_in.referer == NULL) {
            return 0;
        }

        return mxt_redact_url(mlcf->redact, j, &v->referrer, left);

    default: /* NGX_MIXTRACK_REFERRING_DOMAIN */
        return ngx_mixtrack_str(j, v->referrer.authority, left);
    }
}


/* If it was not cut, path and search are parts of what was written. */

static ngx_uint_t
ngx_mixtrack_url_whole(ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_visitor_t *v, mxt_json_t *j, unsigned *left)
{
    u_char      *start, *p;
    ngx_uint_t   cut;

    if (v->url.authority.len == 0) {
        return 0;
    }

    start = j->pos;
    cut = mxt_redact_url(mlcf->redact, j, &v->url, left);

    /* a query may have a slash, and then be taken for the path */

    if (cut || j->overflow || v->url.fragment.data
        || v->url.path.len == 0 || *v->url.path.data != '/'
        || memchr(v->url.authority.data, '/', v->url.authority.len)
        || memchr(v->url.authority.data, '?', v->url.authority.len))
    {
        return cut;
    }

    /* behind scheme and authority, which have no slash */

    start += v->url.scheme.len + sizeof("://") - 1;

    p = memchr(start, '/', (size_t) (j->pos - start));

    if (p) {
        v->path = p;
        v->end = j->pos;
        v->query = memchr(p, '?', (size_t) (j->pos - p));

        if (v->query == NULL) {
            v->query = v->end;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_mixtrack_url_engine(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left)
{
    mxt_cookie_t            *cookie;
    mxt_uri_str_t            keyword;
    mxt_cookie_str_t        *stored;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);

    if (!v->search) {

        v->search = 1;
        v->engine = NULL;

        if (r->headers_in.referer) {
            v->engine = mxt_args_search(mlcf->redact,
                                        r->headers_in.referer->value.data,
                                        r->headers_in.referer->value.len,
                                        &v->keyword);
        }
    }

    /* or the one that the SDK remembers */

    if (v->engine == NULL) {

        if (!ngx_mixtrack_uses_cookie(mlcf)) {
            return 0;
        }

        cookie = ngx_mixtrack_identity_cookie(r, project);

        if (type == NGX_MIXTRACK_SEARCH_ENGINE) {
            return ngx_mixtrack_str(j, cookie->value[MXT_COOKIE_SEARCH_ENGINE],
                                    left);
        }

        /* it was an argument once */

        stored = &cookie->value[MXT_COOKIE_SEARCH_ENGINE];

        if (mxt_redact_hides(mlcf->redact,
                             stored->len == sizeof("yahoo") - 1
                             && ngx_memcmp(stored->data, "yahoo", stored->len)
                                == 0
                             ? "p" : "q", 1))
        {
            return 0;
        }

        keyword.data = cookie->value[MXT_COOKIE_KEYWORD].data;
        keyword.len = mxt_redact_shown(mlcf->redact, keyword.data,
                                       cookie->value[MXT_COOKIE_KEYWORD].len);

        return mxt_userinfo_text(j, keyword.data, keyword.len, 1, left);
    }

    if (type == NGX_MIXTRACK_SEARCH_ENGINE) {
        return mxt_json_text(j, v->engine, ngx_strlen(v->engine), left);
    }

    return mxt_args_text(j, v->keyword.data, v->keyword.len, left);
}


/* of this URL, or as the SDK remembers them of an earlier one */

ngx_uint_t
ngx_mixtrack_url_args(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    uint32_t wanted, mxt_json_t *j)
{
    u_char         *mark, *start;
    uint32_t        found, stored;
    unsigned        left;
    ngx_uint_t      n, cut, once;
    mxt_uri_str_t   value[MXT_ARGS_N], kept[MXT_ARGS_N];

    found = 0;
    cut = 0;

    /* r->args are gone after an internal redirect */

    if (r->unparsed_uri.len
        && memchr(r->unparsed_uri.data, '?', r->unparsed_uri.len))
    {
        found = mxt_args_find(mlcf->redact, r->unparsed_uri.data,
                              r->unparsed_uri.len, value);
    }

    stored = ngx_mixtrack_url_stored(r, mlcf, project, kept) & ~found;

    for (n = 0; (found | stored) & wanted; n++, wanted &= ~(once)) {

        once = (uint32_t) 1 << n;

        if (!((found | stored) & wanted & once)) {
            continue;
        }

        mark = j->pos;
        left = MXT_JSON_STRING_MAX;

        ngx_mixtrack_raw(j, ",\"");
        mxt_json_raw(j, mxt_args_names[n].data, mxt_args_names[n].len);
        ngx_mixtrack_raw(j, "\":\"");

        start = j->pos;

        cut += (found & once)
               ? mxt_args_text(j, value[n].data, value[n].len, &left)
               : mxt_userinfo_text(j, kept[n].data, kept[n].len, 1, &left);

        if (j->pos == start) {
            j->pos = mark;
            continue;
        }

        ngx_mixtrack_raw(j, "\"");
    }

    return cut;
}


/* what the SDK's cookie holds of them, less what is hidden */

static uint32_t
ngx_mixtrack_url_stored(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    mxt_uri_str_t *kept)
{
    uint32_t              stored;
    ngx_uint_t            i, n;
    mxt_cookie_t         *cookie;
    const mxt_uri_str_t  *name;

    if (!ngx_mixtrack_has_cookies(r) || !ngx_mixtrack_uses_cookie(mlcf)
        || (mlcf->respect && ngx_mixtrack_visitor_unread(r)))
    {
        return 0;
    }

    cookie = ngx_mixtrack_identity_cookie(r, project);
    stored = 0;

    for (i = MXT_COOKIE_UTM_SOURCE; i < MXT_COOKIE_KEYS; i++) {

        if (cookie->value[i].len == 0) {
            continue;
        }

        for (n = 0; n < MXT_ARGS_N; n++) {

            name = &mxt_args_names[n];

            if (name->len == mxt_cookie_names[i].len
                && ngx_memcmp(name->data, mxt_cookie_names[i].data, name->len)
                   == 0
                && !mxt_redact_hides(mlcf->redact, name->data, name->len))
            {
                kept[n].data = cookie->value[i].data;
                kept[n].len = mxt_redact_shown(mlcf->redact,
                                               cookie->value[i].data,
                                               cookie->value[i].len);
                stored |= (uint32_t) 1 << n;
                break;
            }
        }
    }

    return stored;
}


/* the first touch, which the SDK keeps in its cookie */

static ngx_uint_t
ngx_mixtrack_url_first(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left)
{
    mxt_uri_t          u;
    mxt_cookie_t      *cookie;
    mxt_uri_str_t      domain;
    mxt_cookie_str_t  *s;

    static const mxt_uri_str_t  none;

    if (!ngx_mixtrack_uses_cookie(mlcf)) {
        return 0;
    }

    cookie = ngx_mixtrack_identity_cookie(r, project);

    s = (type == NGX_MIXTRACK_INITIAL_DOMAIN)
        ? &cookie->value[MXT_COOKIE_INITIAL_DOMAIN]
        : &cookie->value[MXT_COOKIE_INITIAL_REFERRER];

    if (s->len == 0
        || (s->len == sizeof("$direct") - 1
            && ngx_memcmp(s->data, "$direct", s->len) == 0))
    {
        return ngx_mixtrack_str(j, *s, left);
    }

    if (type == NGX_MIXTRACK_INITIAL_DOMAIN) {
        domain.data = s->data;
        domain.len = 0;

        /* what is behind it, and before it, is none of it */

        while (domain.len < s->len && s->data[domain.len] != '/'
               && s->data[domain.len] != '?' && s->data[domain.len] != '#')
        {
            domain.len++;
        }

        mxt_uri_request(&u, none, domain, none);
        return ngx_mixtrack_str(j, u.authority, left);
    }

    mxt_uri_split(&u, s->data, s->len);

    return mxt_redact_url(mlcf->redact, j, &u, left);
}
