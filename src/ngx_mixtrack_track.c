
/*
 * The directive "mixtrack": which requests are which events.
 */


#include "ngx_mixtrack.h"


static ngx_int_t ngx_mixtrack_track_sample(ngx_str_t *s, uint64_t *sample);


char *
ngx_mixtrack_track(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_loc_conf_t *mlcf = conf;

    size_t                 len;
    ngx_str_t             *value, s;
    ngx_uint_t             i;
    ngx_mixtrack_event_t  *event;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" after "
                               "\"mixtrack off\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        if (mlcf->off != NGX_CONF_UNSET) {
            return "is duplicate";
        }

        mlcf->off = 1;

        return mlcf->events ? "off is used beside an event" : NGX_CONF_OK;
    }

    if (mlcf->off != NGX_CONF_UNSET) {
        return "is used beside \"mixtrack off\"";
    }

    if (mlcf->events == NULL) {
        mlcf->events = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_mixtrack_event_t));
        if (mlcf->events == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    event = ngx_array_push(mlcf->events);
    if (event == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(event, sizeof(ngx_mixtrack_event_t));

    ngx_mixtrack_place(cf, &event->place);

    if (ngx_mixtrack_value_compile(cf, &value[1], &event->name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* what a variable adds would always be cut */

    len = ngx_mixtrack_value_fixed(&event->name);

    if (value[1].len == 0
        || len + !ngx_mixtrack_value_is_literal(&event->name)
           > MXT_JSON_STRING_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid event name \"%V\" in \"mixtrack\", "
                           "it must have 1 to %d bytes",
                           &value[1], MXT_JSON_STRING_MAX);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "if=", 3) == 0
            && !event->filtered)
        {
            if (ngx_mixtrack_value_filter(cf, &value[i], &event->filter)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            event->filtered = 1;

            continue;
        }

        if (ngx_strncmp(value[i].data, "sample=", 7) == 0
            && event->sample == 0)
        {
            s.len = value[i].len - 7;
            s.data = value[i].data + 7;

            if (ngx_mixtrack_track_sample(&s, &event->sample) != NGX_OK) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid rate \"%V\" in \"mixtrack\", it "
                                   "must be a percentage above 0%% and up to "
                                   "100%%, such as \"sample=10%%\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "project=", 8) == 0
            && value[i].len > 8 && event->project_name.len == 0)
        {
            event->project_name.len = value[i].len - 8;
            event->project_name.data = value[i].data + 8;

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"mixtrack\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "10%", "0.5%": of 2^32, and 100% is all of them */

static ngx_int_t
ngx_mixtrack_track_sample(ngx_str_t *s, uint64_t *sample)
{
    ngx_int_t  n;

    if (s->len < 2 || s->data[s->len - 1] != '%') {
        return NGX_ERROR;
    }

    /* in millionths of a percent */

    n = ngx_atofp(s->data, s->len - 1, 6);

    if (n == NGX_ERROR || n < 1 || n > 100 * 1000000) {
        return NGX_ERROR;
    }

    *sample = ((uint64_t) n << 32) / (100 * 1000000);

    return NGX_OK;
}
