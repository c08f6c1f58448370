
/*
 * The standard properties: those of the browser SDK, by its names and in its
 * forms, and what only the edge knows.  Written natively, without a variable
 * of nginx's.
 */


#include "ngx_mixtrack_visitor.h"


static ngx_uint_t ngx_mixtrack_standard_client(ngx_http_request_t *r,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left);
static void ngx_mixtrack_standard_time(ngx_http_request_t *r, mxt_json_t *j);
static void ngx_mixtrack_standard_upstream(ngx_http_request_t *r,
    mxt_json_t *j);
static ngx_uint_t ngx_mixtrack_standard_cache(ngx_http_request_t *r,
    mxt_json_t *j, unsigned *left);
static ngx_uint_t ngx_mixtrack_standard_http(ngx_http_request_t *r,
    mxt_json_t *j, unsigned *left);
static ngx_uint_t ngx_mixtrack_standard_tls(ngx_http_request_t *r,
    mxt_json_t *j, unsigned *left);


ngx_uint_t
ngx_mixtrack_standard_write(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property, mxt_json_t *j)
{
    unsigned   left;
    ngx_str_t  method;

    left = MXT_JSON_STRING_MAX;

    switch (property->type) {

    case NGX_MIXTRACK_CURRENT_URL:
    case NGX_MIXTRACK_DOMAIN:
    case NGX_MIXTRACK_PATH:
    case NGX_MIXTRACK_PROTOCOL:
    case NGX_MIXTRACK_SEARCH:
    case NGX_MIXTRACK_REFERRER:
    case NGX_MIXTRACK_REFERRING_DOMAIN:
    case NGX_MIXTRACK_SEARCH_ENGINE:
    case NGX_MIXTRACK_KEYWORD:
    case NGX_MIXTRACK_INITIAL_REFERRER:
    case NGX_MIXTRACK_INITIAL_DOMAIN:
        return ngx_mixtrack_url_write(r, mlcf, project, property->type, j,
                                      &left);

    case NGX_MIXTRACK_BROWSER:
    case NGX_MIXTRACK_BROWSER_VERSION:
    case NGX_MIXTRACK_OS:
    case NGX_MIXTRACK_CLIENT_DEVICE:
        return ngx_mixtrack_standard_client(r, property->type, j, &left);

    case NGX_MIXTRACK_METHOD:
        ngx_mixtrack_visitor_method(r, &method);
        return ngx_mixtrack_str(j, method, &left);

    case NGX_MIXTRACK_STATUS:
        mxt_json_uint(j, ngx_mixtrack_visitor_status(r));
        return 0;

    case NGX_MIXTRACK_REQUEST_TIME:
        ngx_mixtrack_standard_time(r, j);
        return 0;

    case NGX_MIXTRACK_BYTES_SENT:
        mxt_json_uint(j, (uint64_t) r->connection->sent);
        return 0;

    case NGX_MIXTRACK_UPSTREAM_TIME:
        ngx_mixtrack_standard_upstream(r, j);
        return 0;

    case NGX_MIXTRACK_CACHE_STATUS:
        return ngx_mixtrack_standard_cache(r, j, &left);

    case NGX_MIXTRACK_HTTP:
        return ngx_mixtrack_standard_http(r, j, &left);

    case NGX_MIXTRACK_TLS:
        return ngx_mixtrack_standard_tls(r, j, &left);

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_mixtrack_standard_client(ngx_http_request_t *r, ngx_mixtrack_type_e type,
    mxt_json_t *j, unsigned *left)
{
    ngx_str_t  s;

    switch (type) {

    case NGX_MIXTRACK_BROWSER:
        ngx_mixtrack_visitor_client(r, NGX_MIXTRACK_BROWSER_NAME, &s);
        break;

    case NGX_MIXTRACK_BROWSER_VERSION:

        /* the SDK's is a number, and so is what it finds; a map may say what
         * it likes */

        if (ngx_mixtrack_visitor_client(r, NGX_MIXTRACK_BROWSER_NUMBER, &s)) {
            (void) mxt_json_number(j, s.data, s.len);

        } else {
            mxt_json_raw(j, s.data, s.len);
        }

        return 0;

    case NGX_MIXTRACK_OS:
        ngx_mixtrack_visitor_client(r, NGX_MIXTRACK_OS_NAME, &s);
        break;

    default: /* NGX_MIXTRACK_CLIENT_DEVICE */
        ngx_mixtrack_visitor_client(r, NGX_MIXTRACK_DEVICE_NAME, &s);
    }

    return ngx_mixtrack_str(j, s, left);
}


static void
ngx_mixtrack_standard_time(ngx_http_request_t *r, mxt_json_t *j)
{
    int64_t      ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    ms = ((int64_t) tp->sec - r->start_sec) * 1000
         + ((int64_t) tp->msec - (int64_t) r->start_msec);

    mxt_json_seconds(j, (ms > 0) ? (uint64_t) ms : 0);
}


/* of the last one asked, if it has answered */

static void
ngx_mixtrack_standard_upstream(ngx_http_request_t *r, mxt_json_t *j)
{
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL || r->upstream_states->nelts == 0) {
        return;
    }

    state = r->upstream_states->elts;
    state += r->upstream_states->nelts - 1;

    if (state->response_time == (ngx_msec_t) -1) {
        return;
    }

    mxt_json_seconds(j, state->response_time);
}


static ngx_uint_t
ngx_mixtrack_standard_cache(ngx_http_request_t *r, mxt_json_t *j,
    unsigned *left)
{
#if (NGX_HTTP_CACHE)
    ngx_uint_t  n;

    if (r->upstream == NULL || r->upstream->cache_status == 0) {
        return 0;
    }

    n = r->upstream->cache_status - 1;

    return ngx_mixtrack_str(j, ngx_http_cache_status[n], left);
#else
    return 0;
#endif
}


static ngx_uint_t
ngx_mixtrack_standard_http(ngx_http_request_t *r, mxt_json_t *j,
    unsigned *left)
{
    const char  *version;

    /* of what could not be read nginx itself says 1.0 */

    if (r->http_protocol.len == 0 && r->http_version != NGX_HTTP_VERSION_9) {
        return 0;
    }

    switch (r->http_version) {

    case NGX_HTTP_VERSION_9:
        version = "0.9";
        break;

    case NGX_HTTP_VERSION_10:
        version = "1.0";
        break;

    case NGX_HTTP_VERSION_11:
        version = "1.1";
        break;

    case NGX_HTTP_VERSION_20:
        version = "2";
        break;

    case NGX_MIXTRACK_HTTP_3:
        version = "3";
        break;

    default:
        return 0;
    }

    return mxt_json_text(j, version, ngx_strlen(version), left);
}


static ngx_uint_t
ngx_mixtrack_standard_tls(ngx_http_request_t *r, mxt_json_t *j,
    unsigned *left)
{
#if (NGX_HTTP_SSL)
    const char  *version;

    if (r->connection->ssl == NULL) {
        return 0;
    }

    version = SSL_get_version(r->connection->ssl->connection);

    return mxt_json_text(j, version, ngx_strlen(version), left);
#else
    return 0;
#endif
}
