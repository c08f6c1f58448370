
/*
 * The status: every counter of every project, in JSON.
 *
 * Outcomes are read before what was tracked, so that a reader never sees
 * more delivered than there was.  No lock is taken, and nothing is stopped.
 */


#include "ngx_mixtrack.h"


/* one project's, with its name and the last error escaped at their worst */
#define NGX_MIXTRACK_STATUS_SIZE  4096


static ngx_int_t ngx_mixtrack_status_handler(ngx_http_request_t *r);
static void ngx_mixtrack_status_project(mxt_json_t *j,
    ngx_mixtrack_project_t *project);
static void ngx_mixtrack_status_queue(mxt_json_t *j, mxt_zone_t *zone,
    mxt_look_t *look);
static void ngx_mixtrack_status_posts(mxt_json_t *j, mxt_zone_t *zone);
static void ngx_mixtrack_status_gate(mxt_json_t *j,
    ngx_mixtrack_project_t *project);
static void ngx_mixtrack_status_uint(mxt_json_t *j, const char *name,
    uint64_t n);
static void ngx_mixtrack_status_text(mxt_json_t *j, const char *text);


char *
ngx_mixtrack_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "json") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown format \"%V\" in \"mixtrack_status\", it "
                           "must be \"json\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_mixtrack_status_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_mixtrack_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_mixtrack_status_handler(ngx_http_request_t *r)
{
    size_t                     size;
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_uint_t                 i, n;
    mxt_json_t                 j;
    ngx_chain_t                out;
    ngx_mixtrack_project_t   **project;
    ngx_mixtrack_main_conf_t  *mmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_mixtrack_module);

    size = (mmcf->projects.nelts + 1) * NGX_MIXTRACK_STATUS_SIZE;

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_mixtrack_flusher_left();

    mxt_json_init(&j, b->start, size);

    ngx_mixtrack_raw(&j, "{\"version\":\"" NGX_MIXTRACK_VERSION
                         "\",\"projects\":{");

    project = mmcf->projects.elts;
    n = 0;

    for (i = 0; i < mmcf->projects.nelts; i++) {

        /* of a cycle that is gone, in the single process */

        if (project[i]->zone->shm == NULL) {
            continue;
        }

        if (n++) {
            ngx_mixtrack_raw(&j, ",");
        }

        (void) mxt_json_string(&j, project[i]->name.data,
                               project[i]->name.len);
        ngx_mixtrack_raw(&j, ":");

        ngx_mixtrack_status_project(&j, project[i]);
    }

    ngx_mixtrack_raw(&j, "}}\n");

    if (j.overflow) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = j.pos;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_mixtrack_status_project(mxt_json_t *j, ngx_mixtrack_project_t *project)
{
    uint64_t     outcome[MXT_OUTCOMES], lost;
    ngx_uint_t   i;
    mxt_look_t   look;
    mxt_zone_t  *zone;

    zone = project->zone;

    for (i = 0; i < MXT_OUTCOMES; i++) {
        outcome[i] = mxt_zone_outcome(zone, i);
    }

    mxt_zone_look(zone, &look);

    lost = __atomic_load_n(&zone->shm->lost, __ATOMIC_RELAXED);

    ngx_mixtrack_raw(j, "{\"adopted\":");
    mxt_json_uint(j, outcome[MXT_ADOPTED]);
    ngx_mixtrack_status_uint(j, "delivered", outcome[MXT_DELIVERED]);
    ngx_mixtrack_status_uint(j, "rejected", outcome[MXT_REJECTED]);
    ngx_mixtrack_status_uint(j, "expired", outcome[MXT_EXPIRED]);
    ngx_mixtrack_status_uint(j, "spooled", outcome[MXT_SPOOLED]);
    ngx_mixtrack_status_uint(j, "queued", look.queued);
    ngx_mixtrack_status_uint(j, "in_flight", look.in_flight);

    ngx_mixtrack_raw(j, ",\"dropped\":{\"full\":");
    mxt_json_uint(j, mxt_zone_counter(zone, MXT_DROPPED_FULL));
    ngx_mixtrack_status_uint(j, "too_large",
                           mxt_zone_counter(zone, MXT_DROPPED_TOO_LARGE));
    ngx_mixtrack_status_uint(j, "no_token",
                           mxt_zone_counter(zone, MXT_DROPPED_NO_TOKEN));
    ngx_mixtrack_status_uint(j, "no_name",
                           mxt_zone_counter(zone, MXT_DROPPED_NO_NAME));
    ngx_mixtrack_status_uint(j, "no_slot", lost);

    ngx_mixtrack_raw(j, "},\"skipped\":{\"if\":");
    mxt_json_uint(j, mxt_zone_counter(zone, MXT_SKIPPED_IF));
    ngx_mixtrack_status_uint(j, "sample",
                           mxt_zone_counter(zone, MXT_SKIPPED_SAMPLE));
    ngx_mixtrack_status_uint(j, "dnt",
                           mxt_zone_counter(zone, MXT_SKIPPED_DNT));
    ngx_mixtrack_status_uint(j, "gpc",
                           mxt_zone_counter(zone, MXT_SKIPPED_GPC));
    ngx_mixtrack_status_uint(j, "opt_out",
                           mxt_zone_counter(zone, MXT_SKIPPED_OPT_OUT));
    ngx_mixtrack_status_uint(j, "bot",
                           mxt_zone_counter(zone, MXT_SKIPPED_BOT));

    ngx_mixtrack_raw(j, "},\"device_cookie\":{\"issued\":");
    mxt_json_uint(j, mxt_zone_counter(zone, MXT_DEVICE_ISSUED));
    ngx_mixtrack_status_uint(j, "shared",
                           mxt_zone_counter(zone, MXT_DEVICE_SHARED));
    ngx_mixtrack_raw(j, "}");

    ngx_mixtrack_status_uint(j, "truncated",
                           mxt_zone_counter(zone, MXT_TRUNCATED));
    ngx_mixtrack_status_uint(j, "mistyped",
                           mxt_zone_counter(zone, MXT_MISTYPED));

    ngx_mixtrack_status_posts(j, zone);
    ngx_mixtrack_status_queue(j, zone, &look);
    ngx_mixtrack_status_gate(j, project);

    /* the last, see above */

    ngx_mixtrack_status_uint(j, "tracked",
                           mxt_zone_counter(zone, MXT_TRACKED) + lost);
    ngx_mixtrack_raw(j, "}");
}


static void
ngx_mixtrack_status_posts(mxt_json_t *j, mxt_zone_t *zone)
{
    ngx_mixtrack_raw(j, ",\"requests\":{\"2xx\":");
    mxt_json_uint(j, mxt_zone_post(zone, MXT_POSTS_2XX));
    ngx_mixtrack_status_uint(j, "3xx", mxt_zone_post(zone, MXT_POSTS_3XX));
    ngx_mixtrack_status_uint(j, "4xx", mxt_zone_post(zone, MXT_POSTS_4XX));
    ngx_mixtrack_status_uint(j, "5xx", mxt_zone_post(zone, MXT_POSTS_5XX));
    ngx_mixtrack_status_uint(j, "error", mxt_zone_post(zone, MXT_POSTS_ERROR));
    ngx_mixtrack_status_uint(j, "in_flight", mxt_zone_inflight(zone));
    ngx_mixtrack_raw(j, "}");

    ngx_mixtrack_status_uint(j, "retries", mxt_zone_post(zone, MXT_RETRIES));

    ngx_mixtrack_status_uint(j, "latency_ms_sum",
                           mxt_zone_post(zone, MXT_LATENCY_SUM));

    ngx_mixtrack_raw(j, ",\"bytes\":{\"raw\":");
    mxt_json_uint(j, mxt_zone_post(zone, MXT_BYTES_RAW));
    ngx_mixtrack_status_uint(j, "wire", mxt_zone_post(zone, MXT_BYTES_WIRE));
    ngx_mixtrack_raw(j, "}");
}


static void
ngx_mixtrack_status_queue(mxt_json_t *j, mxt_zone_t *zone, mxt_look_t *look)
{
    mxt_zone_shm_t  *shm;

    shm = zone->shm;

    ngx_mixtrack_raw(j, ",\"segments\":{\"total\":");
    mxt_json_uint(j, shm->segments);
    ngx_mixtrack_status_uint(j, "used", look->used);
    ngx_mixtrack_status_uint(j, "high_water",
                           ngx_max(shm->high_water, look->used));
    ngx_mixtrack_raw(j, ",\"valid\":");
    (void) mxt_json_bool(j, mxt_zone_valid(zone) ? "1" : "0", 1);
    ngx_mixtrack_raw(j, "}");

    ngx_mixtrack_status_uint(j, "oldest_ms",
                           (look->oldest && look->oldest < ngx_current_msec)
                           ? ngx_current_msec - look->oldest : 0);

    ngx_mixtrack_raw(j, ",\"spool\":{\"files\":");
    mxt_json_uint(j, shm->spool_files);
    ngx_mixtrack_status_uint(j, "bytes", shm->spool_bytes);
    ngx_mixtrack_status_uint(j, "foreign", shm->spool_foreign);
    ngx_mixtrack_status_uint(j, "bad", shm->spool_bad);
    ngx_mixtrack_status_uint(j, "strange", shm->spool_strange);
    ngx_mixtrack_status_uint(j, "errors",
                           mxt_zone_post(zone, MXT_SPOOL_ERRORS));
    ngx_mixtrack_raw(j, "}");

    ngx_mixtrack_raw(j, ",\"processes\":{\"workers\":");
    mxt_json_uint(j, mxt_zone_attached(zone, MXT_WORKER));
    ngx_mixtrack_status_uint(j, "flushers",
                           mxt_zone_attached(zone, MXT_FLUSHER));
    ngx_mixtrack_raw(j, "}");
}


static void
ngx_mixtrack_status_gate(mxt_json_t *j, ngx_mixtrack_project_t *project)
{
    size_t       len;
    uint64_t     now, failed_at, connections;
    mxt_gate_t  *gate;
    mxt_zone_t  *zone;

    static const char *const  state[] = {
        "open", "closed", "half-open", "hold"
    };

    now = ngx_current_msec;
    zone = project->zone;
    gate = &zone->shm->gate;
    failed_at = zone->shm->failed_at;

    ngx_mixtrack_raw(j, ",\"gate\":{\"state\":");

    ngx_mixtrack_status_text(j, state[mxt_gate_state(gate, now)]);
    ngx_mixtrack_status_uint(j, "failures", gate->failures);
    ngx_mixtrack_status_uint(j, "opens_in_ms",
                             gate->opens_at > now
                             && (gate->failures || gate->hold)
                             ? gate->opens_at - now : 0);

    /* those that 429s have left; with 0 there is no such limit, and one of
     * before a reload may be above what is allowed now */

    connections = (uint64_t) project->connections;

    if (gate->connections) {
        connections = ngx_min(connections, gate->connections);
    }

    ngx_mixtrack_status_uint(j, "connections", connections);

    ngx_mixtrack_status_uint(j, "down_ms",
                             failed_at && failed_at < now
                             ? now - failed_at : 0);

    /* it may be written at this moment, and is repaired if it was torn */

    len = strnlen(zone->shm->error, MXT_ZONE_ERROR_MAX);

    ngx_mixtrack_raw(j, "},\"last_error\":");
    (void) mxt_json_string(j, zone->shm->error, len);
}


static void
ngx_mixtrack_status_uint(mxt_json_t *j, const char *name, uint64_t n)
{
    ngx_mixtrack_raw(j, ",");
    ngx_mixtrack_status_text(j, name);
    ngx_mixtrack_raw(j, ":");
    mxt_json_uint(j, n);
}


static void
ngx_mixtrack_status_text(mxt_json_t *j, const char *text)
{
    (void) mxt_json_string(j, text, ngx_strlen(text));
}
