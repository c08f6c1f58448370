
/*
 * What a request tells of its visitor.
 *
 * The invariant: nothing here changes the request, and whatever a client
 * sends is at most not understood.
 */


#include "ngx_mixtrack_visitor.h"


/* the longest header name below, and how many names one length has */
#define NGX_MIXTRACK_HEADER_MAX  27


static ngx_uint_t ngx_mixtrack_visitor_document(ngx_http_request_t *r);
static ngx_uint_t ngx_mixtrack_visitor_html(ngx_http_request_t *r);
static ngx_uint_t ngx_mixtrack_is(ngx_str_t *s, char *word, size_t len);
static ngx_uint_t ngx_mixtrack_has(ngx_str_t *s, char *word, size_t len);


static struct {
    ngx_str_t   name;
    ngx_uint_t  hash;
} ngx_mixtrack_headers[NGX_MIXTRACK_HEADERS] = {
    { ngx_string("dnt"), 0 },
    { ngx_string("sec-gpc"), 0 },
    { ngx_string("sec-fetch-dest"), 0 },
    { ngx_string("sec-fetch-mode"), 0 },
    { ngx_string("sec-purpose"), 0 },
    { ngx_string("purpose"), 0 },
    { ngx_string("x-purpose"), 0 },
    { ngx_string("x-moz"), 0 },
    { ngx_string("accept"), 0 },
    { ngx_string("sec-ch-ua"), 0 },
    { ngx_string("sec-ch-ua-full-version-list"), 0 },
    { ngx_string("sec-ch-ua-platform"), 0 }
};


/* by length: which of them, a bit each */
static uint32_t  ngx_mixtrack_lengths[NGX_MIXTRACK_HEADER_MAX + 1];


static ngx_mixtrack_visitor_t  ngx_mixtrack_the_visitor;


void
ngx_mixtrack_visitor_init(void)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    for (i = 0; i < NGX_MIXTRACK_HEADERS; i++) {

        name = &ngx_mixtrack_headers[i].name;

        ngx_mixtrack_headers[i].hash = ngx_hash_key(name->data, name->len);
        ngx_mixtrack_lengths[name->len] |= (uint32_t) 1 << i;
    }
}


void
ngx_mixtrack_visitor_begin(ngx_http_request_t *r)
{
    ngx_mixtrack_visitor_t  *v;

    v = &ngx_mixtrack_the_visitor;

    v->request = r;
    v->headers = 0;
    v->agent = 0;
    v->search = 0;
    v->urls = 0;
    v->only_bot = 0;
    v->tracking = NULL;
    v->project = NULL;
}


void
ngx_mixtrack_visitor_end(void)
{
    ngx_mixtrack_the_visitor.request = NULL;
}


ngx_uint_t
ngx_mixtrack_visitor_unread(ngx_http_request_t *r)
{
#if (NGX_STAT_STUB)

    /*
     * nginx counts it among those it reads until its head is there, and later
     * only if it refuses the certificate of the client; http_state alone will
     * not do: an error page that is not sent at once makes it "writing"
     */

    return r->stat_reading && r->http_state != NGX_HTTP_PROCESS_REQUEST_STATE;

#else

    /* HTTP/3 and HTTP/0.9 do not say */

    return r->http_state < NGX_HTTP_PROCESS_REQUEST_STATE
           && r->http_version > NGX_HTTP_VERSION_9
           && r->http_version < NGX_MIXTRACK_HTTP_3;

#endif
}


void
ngx_mixtrack_visitor_method(ngx_http_request_t *r, ngx_str_t *method)
{
    u_char  *p;

    /* of what nginx could not parse nothing is a method */

    if (r->method_name.len == 0) {
        ngx_str_null(method);
        return;
    }

    *method = r->request_line;

    p = ngx_strlchr(method->data, method->data + method->len, ' ');

    if (method->len == 0 || p == NULL) {
        *method = r->method_name;
        return;
    }

    method->len = (size_t) (p - method->data);
}


ngx_mixtrack_visitor_t *
ngx_mixtrack_visitor(ngx_http_request_t *r)
{
    if (ngx_mixtrack_the_visitor.request != r) {

        /* before the log phase: a variable is kept by nginx, not by us */

        ngx_mixtrack_visitor_begin(r);
        ngx_mixtrack_visitor_end();
    }

    return &ngx_mixtrack_the_visitor;
}


ngx_str_t *
ngx_mixtrack_visitor_header(ngx_http_request_t *r, ngx_mixtrack_header_e n)
{
    uint32_t                 bits;
    ngx_uint_t               i, k;
    ngx_list_part_t         *part;
    ngx_table_elt_t         *h;
    ngx_mixtrack_visitor_t  *v;

    v = &ngx_mixtrack_the_visitor;

    if (v->headers) {
        return &v->header[n];
    }

    v->headers = 1;

    ngx_memzero(v->header, sizeof(v->header));

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len > NGX_MIXTRACK_HEADER_MAX) {
            continue;
        }

        /* a bit less for each that it is not */

        for (bits = ngx_mixtrack_lengths[h[i].key.len];
             bits;
             bits &= bits - 1)
        {
            k = (ngx_uint_t) __builtin_ctz(bits);

            /* of several lines the first, but any that objects; the name is
             * NULL in the last one of a request that ended without memory */

            if (h[i].hash == ngx_mixtrack_headers[k].hash
                && h[i].lowcase_key
                && (v->header[k].data == NULL
                    || (k <= NGX_MIXTRACK_GPC
                        && mxt_cookie_objects(h[i].value.data,
                                              h[i].value.len)))
                && ngx_memcmp(h[i].lowcase_key,
                              ngx_mixtrack_headers[k].name.data,
                              h[i].key.len)
                   == 0)
            {
                v->header[k] = h[i].value;
                break;
            }
        }
    }

    return &v->header[n];
}


mxt_agent_t *
ngx_mixtrack_visitor_agent(ngx_http_request_t *r)
{
    ngx_str_t               *s;
    mxt_agent_headers_t      h;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);

    if (v->agent) {
        return &v->client;
    }

    v->agent = 1;

    ngx_memzero(&h, sizeof(mxt_agent_headers_t));

    if (r->headers_in.user_agent) {
        h.user_agent.data = (char *) r->headers_in.user_agent->value.data;
        h.user_agent.len = r->headers_in.user_agent->value.len;
    }

    s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_CH_UA);
    h.brands.data = (char *) s->data;
    h.brands.len = s->len;

    s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_CH_VERSIONS);
    h.versions.data = (char *) s->data;
    h.versions.len = s->len;

    s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_CH_PLATFORM);
    h.platform.data = (char *) s->data;
    h.platform.len = s->len;

    mxt_agent_memo(&v->client, &h);

    return &v->client;
}


ngx_uint_t
ngx_mixtrack_visitor_client(ngx_http_request_t *r, ngx_mixtrack_client_e n,
    ngx_str_t *s)
{
    ngx_mixtrack_client_t      *client;
    ngx_http_variable_value_t  *v;
    ngx_mixtrack_main_conf_t   *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_mixtrack_module);

    client = &mmcf->client[n];

    /* "set" leaves its value, a map is to be asked */

    v = &r->variables[client->index];

    if (client->map && !v->valid) {
        ngx_mixtrack_captures_renew(r);
        v = ngx_http_get_indexed_variable(r, client->index);
    }

    if (v && v->valid && v->len) {
        s->data = v->data;
        s->len = v->len;
        return 1;
    }

    ngx_mixtrack_visitor_own(r, n, s);

    return 0;
}


void
ngx_mixtrack_visitor_own(ngx_http_request_t *r, ngx_mixtrack_client_e n,
    ngx_str_t *s)
{
    mxt_agent_t       *agent;
    mxt_agent_text_t  *text;

    agent = ngx_mixtrack_visitor_agent(r);

    switch (n) {

    case NGX_MIXTRACK_BROWSER_NAME:
        text = &agent->browser;
        break;

    case NGX_MIXTRACK_BROWSER_NUMBER:
        text = &agent->version;
        break;

    case NGX_MIXTRACK_OS_NAME:
        text = &agent->os;
        break;

    case NGX_MIXTRACK_DEVICE_NAME:
        text = &agent->device;
        break;

    default: /* NGX_MIXTRACK_IS_BOT */
        s->data = (u_char *) (agent->bot ? "1" : "0");
        s->len = 1;
        return;
    }

    s->data = (u_char *) (uintptr_t) text->data;
    s->len = text->len;
}


ngx_uint_t
ngx_mixtrack_visitor_bot(ngx_http_request_t *r)
{
    ngx_str_t  s;

    (void) ngx_mixtrack_visitor_client(r, NGX_MIXTRACK_IS_BOT, &s);

    return s.len != 1 || s.data[0] != '0';
}


ngx_uint_t
ngx_mixtrack_visitor_page_view(ngx_http_request_t *r)
{
    ngx_str_t               *s, method;
    ngx_uint_t               status;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);

    ngx_mixtrack_visitor_method(r, &method);

    if (r->method != NGX_HTTP_GET || r != r->main
        || method.len != 3 || ngx_strncmp(method.data, "GET", 3) != 0)
    {
        return 0;
    }

    status = ngx_mixtrack_visitor_status(r);

    if ((status < 200 || status > 299) && status != NGX_HTTP_NOT_MODIFIED) {
        return 0;
    }

    if (!ngx_mixtrack_visitor_document(r)) {
        return 0;
    }

    /* without those, as of plain http, an image is known by what it accepts:
     * a favicon, say, that a fallback answers with a page */

    s = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_ACCEPT);

    if (s->len > sizeof("image/") - 1
        && ngx_strncasecmp(s->data, (u_char *) "image/", sizeof("image/") - 1)
           == 0)
    {
        return 0;
    }

    if (ngx_mixtrack_visitor_speculates(r) || !ngx_mixtrack_visitor_html(r)) {
        return 0;
    }

    if (ngx_mixtrack_visitor_bot(r)) {
        v->only_bot = 1;
        return 0;
    }

    return 1;
}


/* by Sec-Fetch-*; a header that is not there says nothing */

static ngx_uint_t
ngx_mixtrack_visitor_document(ngx_http_request_t *r)
{
    ngx_str_t   *mode, *dest;
    ngx_uint_t   navigates;

    mode = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_FETCH_MODE);
    dest = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_FETCH_DEST);

    navigates = ngx_mixtrack_is(mode, "navigate", sizeof("navigate") - 1);

    if (mode->len && !navigates) {
        return 0;
    }

    /* "empty" is the navigation that a service worker has passed on: there
     * only the mode is still the visitor's own */

    return dest->len == 0
           || ngx_mixtrack_is(dest, "document", sizeof("document") - 1)
           || (navigates && ngx_mixtrack_is(dest, "empty",
                                            sizeof("empty") - 1));
}


/* a document; a 304 has no type, but then the request says what it wants */

static ngx_uint_t
ngx_mixtrack_visitor_html(ngx_http_request_t *r)
{
    ngx_str_t   *type;
    ngx_uint_t   i;

    static ngx_str_t  html[] = {
        ngx_string("text/html"),
        ngx_string("application/xhtml+xml"),
        ngx_null_string
    };

    type = &r->headers_out.content_type;

    if (type->len == 0) {
        return ngx_mixtrack_visitor_status(r) == NGX_HTTP_NOT_MODIFIED
               && ngx_mixtrack_visitor_navigates(r);
    }

    for (i = 0; html[i].len; i++) {

        if (type->len >= html[i].len
            && ngx_strncasecmp(type->data, html[i].data, html[i].len) == 0
            && (type->len == html[i].len || type->data[html[i].len] == ';'
                || type->data[html[i].len] == ' '))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_mixtrack_visitor_navigates(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    (void) ngx_mixtrack_visitor(r);

    if (ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_FETCH_MODE)->len
        || ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_FETCH_DEST)->len)
    {
        return ngx_mixtrack_visitor_document(r);
    }

    accept = ngx_mixtrack_visitor_header(r, NGX_MIXTRACK_ACCEPT);

    return ngx_mixtrack_has(accept, "text/html", sizeof("text/html") - 1);
}


/* nobody may ever look at it */

ngx_uint_t
ngx_mixtrack_visitor_speculates(ngx_http_request_t *r)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    static const ngx_mixtrack_header_e  headers[] = {
        NGX_MIXTRACK_SEC_PURPOSE,
        NGX_MIXTRACK_PURPOSE,
        NGX_MIXTRACK_X_PURPOSE,
        NGX_MIXTRACK_X_MOZ
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        s = ngx_mixtrack_visitor_header(r, headers[i]);

        if (ngx_mixtrack_has(s, "prefetch", sizeof("prefetch") - 1)
            || ngx_mixtrack_has(s, "prerender", sizeof("prerender") - 1)
            || ngx_mixtrack_has(s, "preview", sizeof("preview") - 1))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_mixtrack_visitor_status(ngx_http_request_t *r)
{
    if (r->err_status) {
        return r->err_status;
    }

    if (r->headers_out.status) {
        return r->headers_out.status;
    }

    return (r->http_version == NGX_HTTP_VERSION_9) ? 9 : 0;
}


static ngx_uint_t
ngx_mixtrack_is(ngx_str_t *s, char *word, size_t len)
{
    return s->len == len
           && ngx_strncasecmp(s->data, (u_char *) word, len) == 0;
}


static ngx_uint_t
ngx_mixtrack_has(ngx_str_t *s, char *word, size_t len)
{
    return s->len >= len
           && ngx_strlcasestrn(s->data, s->data + s->len, (u_char *) word,
                               len - 1)
              != NULL;
}
