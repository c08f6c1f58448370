
/*
 * The log phase: from a request to an event in the queue.
 *
 * The event is written once, as the JSON that goes over the wire, into a
 * buffer of this process and copied to the queue.  Nothing on this path
 * takes a lock, makes a system call or allocates from the heap; what time,
 * $insert_id, ids and ip are is decided here and never again.
 */


#include "ngx_mixtrack_visitor.h"

#include "mxt_type.h"


#define NGX_MIXTRACK_TOLD_MAX  16


/* the mistyped properties that the log has named in this second */
typedef struct {
    time_t                 second;
    ngx_uint_t             n;
    uint32_t               name[NGX_MIXTRACK_TOLD_MAX];     /* a hash */
} ngx_mixtrack_told_t;


static ngx_uint_t ngx_mixtrack_event_skips(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_event_t *event,
    ngx_mixtrack_ids_t *ids);
static ngx_uint_t ngx_mixtrack_event_sampled(ngx_http_request_t *r,
    ngx_mixtrack_event_t *event, ngx_mixtrack_ids_t *ids);
static void ngx_mixtrack_event_track(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_event_t *event,
    ngx_mixtrack_ids_t *ids, ngx_uint_t n);
static ngx_uint_t ngx_mixtrack_event_head(ngx_http_request_t *r,
    ngx_mixtrack_event_t *event, mxt_json_t *j, ngx_uint_t *cut);
static ngx_uint_t ngx_mixtrack_event_ids(ngx_mixtrack_ids_t *ids,
    ngx_mixtrack_project_t *project, mxt_json_t *j);
static void ngx_mixtrack_event_ip(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, mxt_json_t *j);
static ngx_uint_t ngx_mixtrack_event_property(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property, mxt_json_t *j);
static void ngx_mixtrack_event_mistyped(ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property);
static size_t ngx_mixtrack_event_anonymize(ngx_http_request_t *r, u_char *buf,
    size_t len);


static u_char               ngx_mixtrack_event_buf[MXT_SEGMENT_SIZE];
static ngx_mixtrack_told_t  ngx_mixtrack_told;


ngx_int_t
ngx_mixtrack_event_handler(ngx_http_request_t *r)
{
    ngx_uint_t                i, n, skipped;
    mxt_zone_t               *zone;
    ngx_mixtrack_ids_t        ids;
    ngx_mixtrack_event_t     *event;
    ngx_mixtrack_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_mixtrack_module);

    if (mlcf->events == NULL || r != r->main) {
        return NGX_OK;
    }

    (void) ngx_mixtrack_flusher_left();

    ngx_mixtrack_captures_begin(r);
    ngx_mixtrack_visitor_begin(r);
    ngx_mixtrack_insert_id_begin(r);

    n = 0;
    event = mlcf->events->elts;

    for (i = 0; i < mlcf->events->nelts; i++) {

        zone = event[i].project->zone;
        skipped = ngx_mixtrack_event_skips(r, mlcf, &event[i], &ids);

        if (skipped != MXT_TRACKED) {

            if (zone->own) {
                mxt_zone_count(zone, skipped);
            }

        } else if (zone->own
                   || ngx_mixtrack_queue_attach_again(event[i].project)
                      == NGX_OK)
        {
            ngx_mixtrack_event_track(r, mlcf, &event[i], &ids, ++n);

        } else if (zone->shm) {
            (void) __atomic_add_fetch(&zone->shm->lost, 1, __ATOMIC_RELAXED);
        }
    }

    ngx_mixtrack_visitor_end();
    ngx_mixtrack_captures_end(r);

    return NGX_OK;
}


/* what is tested before an event is built, the cheapest first; MXT_TRACKED,
 * or what to count */

static ngx_uint_t
ngx_mixtrack_event_skips(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_event_t *event, ngx_mixtrack_ids_t *ids)
{
    ngx_str_t                s;
    ngx_uint_t               objects;
    ngx_mixtrack_visitor_t  *v;

    v = ngx_mixtrack_visitor(r);
    v->tracking = event->project;

    if (event->filtered) {

        v->only_bot = 0;

        ngx_mixtrack_value_get(r, &event->filter, &s);

        if (s.len == 0 || (s.len == 1 && s.data[0] == '0')) {
            return v->only_bot ? MXT_SKIPPED_BOT : MXT_SKIPPED_IF;
        }
    }

    objects = ngx_mixtrack_identity_objects(r, mlcf->respect, event->project);

    if (objects != MXT_TRACKED) {
        return objects;
    }

    ids->known = 0;

    if (event->sample == 0) {
        return MXT_TRACKED;
    }

    ngx_mixtrack_identity_ids(r, mlcf, event->project, ids);

    return ngx_mixtrack_event_sampled(r, event, ids) ? MXT_TRACKED
                                                     : MXT_SKIPPED_SAMPLE;
}


/* by the hash of who it is, so that a visitor is in or out */

static ngx_uint_t
ngx_mixtrack_event_sampled(ngx_http_request_t *r, ngx_mixtrack_event_t *event,
    ngx_mixtrack_ids_t *ids)
{
    uint32_t    hash;
    ngx_str_t  *s;

    s = ids->distinct.len ? &ids->distinct : &ids->device;

    if (s->len) {
        hash = ngx_murmur_hash2(s->data, s->len);

    } else {

        /* nobody: the address and the browser are the best there is */

        hash = ngx_murmur_hash2(r->connection->addr_text.data,
                                r->connection->addr_text.len);

        if (r->headers_in.user_agent) {
            s = &r->headers_in.user_agent->value;
            hash ^= ngx_murmur_hash2(s->data, s->len);
        }
    }

    return hash < event->sample;
}


static void
ngx_mixtrack_event_track(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    ngx_mixtrack_event_t *event, ngx_mixtrack_ids_t *ids, ngx_uint_t n)
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

    ngx_mixtrack_visitor(r)->path = NULL;

    if (!ids->known) {
        ngx_mixtrack_identity_ids(r, mlcf, event->project, ids);
    }

    cut = 0;

    i = ngx_mixtrack_event_head(r, event, &j, &cut);

    if (i != MXT_TRACKED) {
        mxt_zone_count(zone, i);
        return;
    }

    mxt_json_uint(&j, (uint64_t) r->start_sec * 1000 + r->start_msec);

    ngx_mixtrack_insert_id_write(r, &j, n);

    cut += ngx_mixtrack_event_ids(ids, event->project, &j);

    ngx_mixtrack_event_ip(r, mlcf, &j);

    for (i = 0; i < mlcf->nrendered; i++) {
        cut += ngx_mixtrack_event_property(r, mlcf, event->project,
                                           &mlcf->rendered[i], &j);
    }

    ngx_mixtrack_raw(&j, "}},");

    if (j.overflow) {
        mxt_zone_count(zone, MXT_DROPPED_TOO_LARGE);
        return;
    }

    if (cut) {
        mxt_zone_count_by(zone, MXT_TRUNCATED, cut);
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
        *cut += ngx_mixtrack_value_write(r, &event->name, j, &left);

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
    *cut += ngx_mixtrack_value_write(r, token, j, &left);

    if (j->pos == start) {
        return MXT_DROPPED_NO_TOKEN;
    }

    ngx_mixtrack_raw(j, NGX_MIXTRACK_BEFORE_TIME);

    return MXT_TRACKED;
}


/*
 * A known user is the distinct_id, else the device is.  Simplified ID merge
 * tells a device by its prefix, and merges by the properties in which both
 * travel as well.  Original ID merge merges by distinct_id alone, and wants
 * ids of one's own bare: so those of the directives are.  The SDK has its
 * prefix there, too, and $identify names it: what is the SDK's is forwarded
 * as the SDK sends it.  It is never absent: Mixpanel would hash our address.
 */

static ngx_uint_t
ngx_mixtrack_event_ids(ngx_mixtrack_ids_t *ids,
    ngx_mixtrack_project_t *project, mxt_json_t *j)
{
    unsigned    left;
    ngx_str_t  *device;
    ngx_uint_t  cut;

    cut = 0;

    /* the quote before closes $insert_id */

    ngx_mixtrack_raw(j, "\",\"distinct_id\":\"");

    if (ids->distinct.len) {
        left = MXT_JSON_STRING_MAX;
        cut += mxt_json_text(j, ids->distinct.data, ids->distinct.len, &left);

    } else if (ids->device.len) {

        device = &ids->device;

        if (project->id_merge == NGX_MIXTRACK_SIMPLIFIED) {
            ngx_mixtrack_raw(j, NGX_MIXTRACK_DEVICE);

        } else if (ids->sdk.len) {
            ngx_mixtrack_raw(j, NGX_MIXTRACK_DEVICE);
            device = &ids->sdk;
        }

        left = MXT_JSON_STRING_MAX - (sizeof(NGX_MIXTRACK_DEVICE) - 1);
        cut += mxt_json_text(j, device->data, device->len, &left);
    }

    ngx_mixtrack_raw(j, "\"");

    if (ids->device.len) {

        /* as far as it fits distinct_id, or the two would differ */

        ngx_mixtrack_raw(j, ",\"$device_id\":\"");
        left = MXT_JSON_STRING_MAX - (sizeof(NGX_MIXTRACK_DEVICE) - 1);
        cut += mxt_json_text(j, ids->device.data, ids->device.len, &left);
        ngx_mixtrack_raw(j, "\"");
    }

    if (ids->user.len) {
        ngx_mixtrack_raw(j, ",\"$user_id\":\"");
        left = MXT_JSON_STRING_MAX;
        cut += mxt_json_text(j, ids->user.data, ids->user.len, &left);
        ngx_mixtrack_raw(j, "\"");
    }

    return cut;
}


/* always sent, or the address of this server would be geolocated */

static void
ngx_mixtrack_event_ip(ngx_http_request_t *r, ngx_mixtrack_loc_conf_t *mlcf,
    mxt_json_t *j)
{
    u_char      buf[NGX_SOCKADDR_STRLEN];
    ngx_str_t   addr;

    addr = r->connection->addr_text;

    /* who may have objected in what was not read is not told */

    if ((mlcf->respect && ngx_mixtrack_visitor_unread(r))
        || !mlcf->ip || addr.len == 0 || addr.data[0] == 'u' /* unix: */) {
        ngx_mixtrack_raw(j, ",\"ip\":\"0\"");
        return;
    }

    if (mlcf->ip == NGX_MIXTRACK_IP_ANONYMIZE) {
        addr.len = ngx_mixtrack_event_anonymize(r, buf, sizeof(buf));
        addr.data = buf;
    }

    ngx_mixtrack_raw(j, ",\"ip\":\"");
    mxt_json_raw(j, addr.data, addr.len);
    ngx_mixtrack_raw(j, "\"");
}


/* /24 and /48, as others do it */

static size_t
ngx_mixtrack_event_anonymize(ngx_http_request_t *r, u_char *buf, size_t len)
{
    ngx_sockaddr_t  sa;

    ngx_memzero(&sa, sizeof(ngx_sockaddr_t));
    ngx_memcpy(&sa, r->connection->sockaddr,
               ngx_min(r->connection->socklen, sizeof(ngx_sockaddr_t)));

    switch (sa.sockaddr.sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:

        if (IN6_IS_ADDR_V4MAPPED(&sa.sockaddr_in6.sin6_addr)) {
            sa.sockaddr_in6.sin6_addr.s6_addr[15] = 0;

        } else {
            ngx_memzero(&sa.sockaddr_in6.sin6_addr.s6_addr[6], 10);
        }

        break;
#endif

    case AF_INET:
        sa.sockaddr_in.sin_addr.s_addr &= htonl(0xffffff00);
        break;

    default:
        buf[0] = '0';
        return 1;
    }

    return ngx_sock_ntop(&sa.sockaddr, r->connection->socklen, buf, len, 0);
}


/* an empty value leaves nothing behind; returns how many strings were cut */

static ngx_uint_t
ngx_mixtrack_event_property(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property, mxt_json_t *j)
{
    u_char     *mark, *start;
    unsigned    left;
    ngx_str_t   s;
    ngx_uint_t  rc, cut;

    if (property->filtered) {

        ngx_mixtrack_value_get(r, &property->filter, &s);

        if (s.len == 0 || (s.len == 1 && s.data[0] == '0')) {
            return 0;
        }
    }

    if (property->type == NGX_MIXTRACK_ARGS) {
        return ngx_mixtrack_url_args(r, mlcf, project, property->args, j);
    }

    mark = j->pos;

    mxt_json_raw(j, property->text.data, property->text.len);

    start = j->pos;
    cut = 0;

    switch (property->type) {

    case NGX_MIXTRACK_LITERAL:
        return 0;

    case NGX_MIXTRACK_STRING:
        left = MXT_JSON_STRING_MAX;
        cut = ngx_mixtrack_value_write(r, &property->value, j, &left);
        break;

    case NGX_MIXTRACK_NUMBER:
    case NGX_MIXTRACK_BOOL:
    case NGX_MIXTRACK_TIME:
    case NGX_MIXTRACK_LIST:
    case NGX_MIXTRACK_JSON:

        ngx_mixtrack_value_get(r, &property->value, &s);

        left = 0;
        rc = s.len ? ngx_mixtrack_property_typed(property->type, j, &s, &left)
                   : MXT_TYPE_EMPTY;

        if (rc != MXT_TYPE_OK) {
            j->pos = mark;

            if (rc == MXT_TYPE_MISTYPED) {
                ngx_mixtrack_event_mistyped(project, property);
            }
        }

        return left;

    default:
        cut = ngx_mixtrack_standard_write(r, mlcf, project, property, j);
    }

    if (j->pos == start) {
        j->pos = mark;
        return 0;
    }

    if (property->quoted) {
        ngx_mixtrack_raw(j, "\"");
    }

    return cut;
}


/*
 * Which one, but never what it was, nor of which request: hence not the log of
 * the connection, which adds its URL and referrer.  A line a second for each
 * name, and no more of them than these.
 */

static void
ngx_mixtrack_event_mistyped(ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property)
{
    uint32_t              name;
    ngx_uint_t            i;
    ngx_mixtrack_told_t  *told;

    mxt_zone_count(project->zone, MXT_MISTYPED);

    told = &ngx_mixtrack_told;

    if (ngx_time() != told->second) {
        told->second = ngx_time();
        told->n = 0;
    }

    name = ngx_crc32_short(property->name.data, property->name.len);

    for (i = 0; i < told->n; i++) {
        if (told->name[i] == name) {
            return;
        }
    }

    if (told->n == NGX_MIXTRACK_TOLD_MAX) {
        return;
    }

    told->name[told->n++] = name;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "mixtrack: property \"%V\" is left out, its value does not "
                  "fit the type (%uL in all)", &property->name,
                  project->zone->own->counter[MXT_MISTYPED]);
}
