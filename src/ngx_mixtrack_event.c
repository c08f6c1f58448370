
/*
 * The log phase: from a request to an event in the queue.
 *
 * The event is written once, as the JSON that goes over the wire, into a
 * buffer of this process and copied to the queue.  Nothing on this path
 * takes a lock, makes a system call or allocates from the heap; what time,
 * $insert_id, ids and ip are is decided here and never again.
 */


#include "ngx_mixtrack.h"

#include <sys/random.h>


/* 96 random bits and a counter leave three of the API's 36 bytes: "-99" */
#define NGX_MIXTRACK_RANDOM   12
#define NGX_MIXTRACK_PREFIX   (2 * NGX_MIXTRACK_RANDOM)
#define NGX_MIXTRACK_ID       (NGX_MIXTRACK_PREFIX + 9)
#define NGX_MIXTRACK_ID_MAX   99

#define NGX_MIXTRACK_DEVICE   "$device:"

/* the longest of the words that mean nobody; the first of them is a UUID */
#define NGX_MIXTRACK_BANNED_MAX  9


static void ngx_mixtrack_event_track(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_event_t *event, ngx_uint_t n);
static ngx_uint_t ngx_mixtrack_event_head(ngx_http_request_t *r,
    ngx_mixtrack_event_t *event, mxt_json_t *j, ngx_uint_t *cut);
static void ngx_mixtrack_event_insert_id(mxt_json_t *j, ngx_uint_t n);
static ngx_uint_t ngx_mixtrack_event_ids(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    mxt_json_t *j);
static void ngx_mixtrack_event_id(ngx_http_request_t *r,
    ngx_mixtrack_value_t *value, ngx_uint_t device, ngx_str_t *id);
static void ngx_mixtrack_event_ip(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, mxt_json_t *j);
static ngx_uint_t ngx_mixtrack_event_property(ngx_http_request_t *r,
    ngx_mixtrack_property_t *property, mxt_json_t *j, mxt_zone_t *zone);
static ngx_uint_t ngx_mixtrack_event_url(ngx_http_request_t *r,
    mxt_json_t *j);
static void ngx_mixtrack_event_status(ngx_http_request_t *r, mxt_json_t *j);
static void ngx_mixtrack_event_time(ngx_http_request_t *r, mxt_json_t *j);


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


static u_char  ngx_mixtrack_event_buf[MXT_SEGMENT_SIZE];
static u_char  ngx_mixtrack_insert_id[NGX_MIXTRACK_ID];


ngx_int_t
ngx_mixtrack_event_handler(ngx_http_request_t *r)
{
    ngx_str_t                 s;
    ngx_uint_t                i, n;
    mxt_zone_t               *zone;
    ngx_mixtrack_event_t     *event;
    ngx_mixtrack_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_mixtrack_module);

    if (mlcf->events == NULL || r != r->main) {
        return NGX_OK;
    }

    n = 0;
    event = mlcf->events->elts;

    for (i = 0; i < mlcf->events->nelts; i++) {

        zone = event[i].project->zone;

        if (event[i].filtered) {

            ngx_mixtrack_value_get(r, &event[i].filter, &s);

            if (s.len == 0 || (s.len == 1 && s.data[0] == '0')) {

                if (zone->own) {
                    mxt_zone_count(zone, MXT_SKIPPED_IF);
                }

                continue;
            }
        }

        if (zone->own) {
            ngx_mixtrack_event_track(r, mlcf, &event[i], ++n);

        } else if (zone->shm) {
            (void) __atomic_add_fetch(&zone->shm->lost, 1, __ATOMIC_RELAXED);
        }
    }

    return NGX_OK;
}


static void
ngx_mixtrack_event_track(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_event_t *event, ngx_uint_t n)
{
    ngx_uint_t   i, cut;
    mxt_json_t   j;
    mxt_zone_t  *zone;

    zone = event->project->zone;

    mxt_zone_count(zone, MXT_TRACKED);

    if (mxt_zone_full(zone)) {
        mxt_zone_count(zone, MXT_DROPPED_FULL);
        return;
    }

    mxt_json_init(&j, ngx_mixtrack_event_buf, sizeof(ngx_mixtrack_event_buf));

    cut = 0;

    i = ngx_mixtrack_event_head(r, event, &j, &cut);

    if (i != MXT_TRACKED) {
        mxt_zone_count(zone, i);
        return;
    }

    mxt_json_uint(&j, (uint64_t) r->start_sec * 1000 + r->start_msec);

    ngx_mixtrack_event_insert_id(&j, n);

    cut |= ngx_mixtrack_event_ids(r, mlcf, event->project, &j);

    ngx_mixtrack_event_ip(r, mlcf, &j);

    for (i = 0; i < mlcf->nrendered; i++) {
        cut |= ngx_mixtrack_event_property(r, &mlcf->rendered[i], &j, zone);
    }

    ngx_mixtrack_raw(&j, "}},");

    if (j.overflow) {
        mxt_zone_count(zone, MXT_DROPPED_TOO_LARGE);
        return;
    }

    if (cut) {
        mxt_zone_count(zone, MXT_TRUNCATED);
    }

    (void) mxt_zone_append(zone, j.start, j.pos - j.start, ngx_current_msec,
                           (uint32_t) r->start_sec);
}


/* MXT_TRACKED, or what the event is dropped for */

static ngx_uint_t
ngx_mixtrack_event_head(ngx_http_request_t *r, ngx_mixtrack_event_t *event,
    mxt_json_t *j, ngx_uint_t *cut)
{
    u_char                *start;
    unsigned               left;
    ngx_mixtrack_value_t  *token;

    mxt_json_raw(j, event->head.data, event->head.len);

    if (!ngx_mixtrack_value_is_literal(&event->name)) {

        start = j->pos;
        left = MXT_JSON_STRING_MAX;
        *cut |= ngx_mixtrack_value_write(r, &event->name, j, &left);

        if (j->pos == start) {
            return MXT_DROPPED_NO_NAME;
        }

        ngx_mixtrack_raw(j, NGX_MIXTRACK_BEFORE_TOKEN);
    }

    token = &event->project->token;

    if (ngx_mixtrack_value_is_literal(token)
        && ngx_mixtrack_value_is_literal(&event->name))
    {
        return MXT_TRACKED;
    }

    start = j->pos;
    left = MXT_JSON_STRING_MAX;
    *cut |= ngx_mixtrack_value_write(r, token, j, &left);

    if (j->pos == start) {
        return MXT_DROPPED_NO_TOKEN;
    }

    ngx_mixtrack_raw(j, NGX_MIXTRACK_BEFORE_TIME);

    return MXT_TRACKED;
}


/* the first event of a request has the next id, the others add -2, -3, ... */

static void
ngx_mixtrack_event_insert_id(mxt_json_t *j, ngx_uint_t n)
{
    u_char  *p;

    if (n % NGX_MIXTRACK_ID_MAX == 1) {

        for (p = ngx_mixtrack_insert_id + NGX_MIXTRACK_ID - 1; *p == 'f'; p--)
        {
            if (p == ngx_mixtrack_insert_id + NGX_MIXTRACK_PREFIX) {
                ngx_mixtrack_event_init_process();
                p = ngx_mixtrack_insert_id + NGX_MIXTRACK_ID - 1;
                break;
            }

            *p = '0';
        }

        *p = (*p == '9') ? 'a' : *p + 1;
    }

    ngx_mixtrack_raw(j, ",\"$insert_id\":\"");
    mxt_json_raw(j, ngx_mixtrack_insert_id, NGX_MIXTRACK_ID);

    n = (n - 1) % NGX_MIXTRACK_ID_MAX + 1;

    if (n > 1) {
        ngx_mixtrack_raw(j, "-");
        mxt_json_uint(j, n);
    }
}


void
ngx_mixtrack_event_init_process(void)
{
    u_char      bits[NGX_MIXTRACK_RANDOM];
    ngx_uint_t  i;

    if (getrandom(bits, sizeof(bits), 0) != (ssize_t) sizeof(bits)) {

        /* a kernel without it has more to worry about */

        for (i = 0; i < sizeof(bits); i++) {
            bits[i] = (u_char) (ngx_random() ^ ngx_pid >> (i & 7));
        }
    }

    ngx_memset(ngx_mixtrack_insert_id, '0', NGX_MIXTRACK_ID);
    (void) ngx_hex_dump(ngx_mixtrack_insert_id, bits, sizeof(bits));
}


/*
 * A known user is the distinct_id, else the device is.  Simplified ID merge
 * tells a device by its prefix, and merges by the properties in which both
 * travel as well; Original ID merge wants the device's id bare, and merges by
 * distinct_id alone.  It is never absent: Mixpanel would hash our address.
 */

static ngx_uint_t
ngx_mixtrack_event_ids(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_project_t *project, mxt_json_t *j)
{
    unsigned    left;
    ngx_str_t   user, device;
    ngx_uint_t  cut;

    /* the quote before closes $insert_id */

    ngx_mixtrack_raw(j, "\",\"distinct_id\":\"");

    if (mlcf->user_id == NULL && mlcf->device_id == NULL) {
        ngx_mixtrack_raw(j, "\"");
        return 0;
    }

    cut = 0;

    ngx_mixtrack_event_id(r, mlcf->user_id, 0, &user);
    ngx_mixtrack_event_id(r, mlcf->device_id, 1, &device);

    if (user.len) {
        left = MXT_JSON_STRING_MAX;
        cut |= mxt_json_text(j, user.data, user.len, &left);

    } else if (device.len) {

        if (project->id_merge == NGX_MIXTRACK_SIMPLIFIED) {
            ngx_mixtrack_raw(j, NGX_MIXTRACK_DEVICE);
        }

        left = MXT_JSON_STRING_MAX - (sizeof(NGX_MIXTRACK_DEVICE) - 1);
        cut |= mxt_json_text(j, device.data, device.len, &left);
    }

    ngx_mixtrack_raw(j, "\"");

    if (device.len) {

        /* as far as it fits distinct_id, or the two would differ */

        ngx_mixtrack_raw(j, ",\"$device_id\":\"");
        left = MXT_JSON_STRING_MAX - (sizeof(NGX_MIXTRACK_DEVICE) - 1);
        cut |= mxt_json_text(j, device.data, device.len, &left);
        ngx_mixtrack_raw(j, "\"");
    }

    if (user.len) {
        ngx_mixtrack_raw(j, ",\"$user_id\":\"");
        left = MXT_JSON_STRING_MAX;
        cut |= mxt_json_text(j, user.data, user.len, &left);
        ngx_mixtrack_raw(j, "\"");
    }

    return cut;
}


/* empty when there is none, or one of those that mean nobody */

static void
ngx_mixtrack_event_id(ngx_http_request_t *r, ngx_mixtrack_value_t *value,
    ngx_uint_t device, ngx_str_t *id)
{
    ngx_str_t  *banned;

    if (value == NULL) {
        ngx_str_null(id);
        return;
    }

    ngx_mixtrack_value_get(r, value, id);

    /* a device may come with the prefix that only distinct_id has */

    if (device && id->len >= sizeof(NGX_MIXTRACK_DEVICE) - 1
        && ngx_strncmp(id->data, NGX_MIXTRACK_DEVICE,
                       sizeof(NGX_MIXTRACK_DEVICE) - 1)
           == 0)
    {
        id->len -= sizeof(NGX_MIXTRACK_DEVICE) - 1;
        id->data += sizeof(NGX_MIXTRACK_DEVICE) - 1;
    }

    if (id->len > NGX_MIXTRACK_BANNED_MAX
        && id->len != ngx_mixtrack_banned[0].len)
    {
        return;
    }

    for (banned = ngx_mixtrack_banned; banned->len; banned++) {

        if (banned->len == id->len
            && banned->data[0] == ngx_tolower(id->data[0])
            && ngx_strncasecmp(banned->data, id->data, id->len) == 0)
        {
            ngx_str_null(id);
            return;
        }
    }
}


/* always sent, or the address of this server would be geolocated */

static void
ngx_mixtrack_event_ip(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    mxt_json_t *j)
{
    ngx_str_t  *addr;

    addr = &r->connection->addr_text;

    if (!mlcf->ip || addr->len == 0 || addr->data[0] == 'u' /* unix: */) {
        ngx_mixtrack_raw(j, ",\"ip\":\"0\"");
        return;
    }

    ngx_mixtrack_raw(j, ",\"ip\":\"");
    mxt_json_raw(j, addr->data, addr->len);
    ngx_mixtrack_raw(j, "\"");
}


/* an empty value leaves nothing behind; 1 is a string that was cut */

static ngx_uint_t
ngx_mixtrack_event_property(ngx_http_request_t *r,
    ngx_mixtrack_property_t *property, mxt_json_t *j, mxt_zone_t *zone)
{
    int         rc;
    u_char     *mark, *start;
    unsigned    left;
    ngx_str_t   s;
    ngx_uint_t  cut;

    mark = j->pos;

    mxt_json_raw(j, property->text.data, property->text.len);

    start = j->pos;
    left = MXT_JSON_STRING_MAX;
    cut = 0;

    switch (property->type) {

    case NGX_MIXTRACK_LITERAL:
        return 0;

    case NGX_MIXTRACK_STRING:
        cut = ngx_mixtrack_value_write(r, &property->value, j, &left);
        break;

    case NGX_MIXTRACK_CURRENT_URL:
        cut = ngx_mixtrack_event_url(r, j);
        break;

    case NGX_MIXTRACK_REFERRER:
        if (r->headers_in.referer) {
            cut = mxt_json_text(j, r->headers_in.referer->value.data,
                                r->headers_in.referer->value.len, &left);
        }

        break;

    case NGX_MIXTRACK_METHOD:
        cut = mxt_json_text(j, r->method_name.data, r->method_name.len, &left);
        break;

    case NGX_MIXTRACK_STATUS:
        ngx_mixtrack_event_status(r, j);
        return 0;

    case NGX_MIXTRACK_REQUEST_TIME:
        ngx_mixtrack_event_time(r, j);
        return 0;

    default: /* NGX_MIXTRACK_NUMBER, NGX_MIXTRACK_BOOL */

        ngx_mixtrack_value_get(r, &property->value, &s);

        rc = (property->type == NGX_MIXTRACK_NUMBER)
             ? mxt_json_number(j, s.data, s.len)
             : mxt_json_bool(j, s.data, s.len);

        if (rc != 0) {
            j->pos = mark;

            if (s.len) {
                mxt_zone_count(zone, MXT_MISTYPED);
            }
        }

        return 0;
    }

    if (j->pos == start) {
        j->pos = mark;
        return 0;
    }

    ngx_mixtrack_raw(j, "\"");

    return cut;
}


static ngx_uint_t
ngx_mixtrack_event_url(ngx_http_request_t *r, mxt_json_t *j)
{
    unsigned                   left;
    ngx_str_t                  host;
    ngx_uint_t                 cut;
    ngx_http_core_srv_conf_t  *cscf;

    if (r->unparsed_uri.len == 0) {
        return 0;
    }

    /* the port is in the header alone */

    if (r->headers_in.host && r->headers_in.host->value.len) {
        host = r->headers_in.host->value;

    } else if (r->headers_in.server.len) {
        host = r->headers_in.server;

    } else {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        host = cscf->server_name;
    }

    left = MXT_JSON_STRING_MAX;

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        left -= sizeof("https://") - 1;
        ngx_mixtrack_raw(j, "https://");

    } else
#endif
    {
        left -= sizeof("http://") - 1;
        ngx_mixtrack_raw(j, "http://");
    }

    cut = mxt_json_text(j, host.data, host.len, &left);

    return cut | mxt_json_text(j, r->unparsed_uri.data, r->unparsed_uri.len,
                               &left);
}


static void
ngx_mixtrack_event_status(ngx_http_request_t *r, mxt_json_t *j)
{
    ngx_uint_t  status;

    if (r->err_status) {
        status = r->err_status;

    } else if (r->headers_out.status) {
        status = r->headers_out.status;

    } else {
        status = (r->http_version == NGX_HTTP_VERSION_9) ? 9 : 0;
    }

    mxt_json_uint(j, status);
}


static void
ngx_mixtrack_event_time(ngx_http_request_t *r, mxt_json_t *j)
{
    int64_t      ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    ms = ((int64_t) tp->sec - r->start_sec) * 1000
         + ((int64_t) tp->msec - (int64_t) r->start_msec);

    mxt_json_seconds(j, (ms > 0) ? (uint64_t) ms : 0);
}
