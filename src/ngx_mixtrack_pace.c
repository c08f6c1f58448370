
/*
 * How much a project sends at a time, how often, how long it waits, and when
 * it gives up.
 */


#include "ngx_mixtrack.h"


/* what the API takes a minute, and, in events, a second */
#define NGX_MIXTRACK_RATE_EVENTS      30000
#define NGX_MIXTRACK_RATE_BYTES       ((uint64_t) 2 * 1024 * 1024 * 1024)

/* beyond all sense, but no overflow in the bucket */
#define NGX_MIXTRACK_RATE_EVENTS_MAX  1000000000
#define NGX_MIXTRACK_RATE_BYTES_MAX   ((off_t) 1024 * 1024 * 1024 * 1024)

/* ms: libcurl takes a zero for its own default, and has 31 bits */
#define NGX_MIXTRACK_DAY              86400000

/* ms: /track drops what is older than five days, and says nothing; the
 * default leaves it two hours for clocks that differ */
#define NGX_MIXTRACK_AGE_MAX          (5 * (uint64_t) NGX_MIXTRACK_DAY)
#define NGX_MIXTRACK_AGE_DEFAULT      (118 * (uint64_t) 3600000)


static char *ngx_mixtrack_pace_jitter(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *s, mxt_backoff_t *backoff);
static ngx_int_t ngx_mixtrack_pace_ms(ngx_str_t *s, ngx_int_t least);
static ngx_uint_t ngx_mixtrack_pace_per(ngx_str_t *s, const char *unit);
static void ngx_mixtrack_pace_defaults(ngx_mixtrack_project_t *project);


char *
ngx_mixtrack_pace_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    size_t       size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_mixtrack_option_is(&value[i], "events=", &s)
            && project->batch_events == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(s.data, s.len);

            if (n < 1 || n > NGX_MIXTRACK_EVENTS_MAX) {
                return ngx_mixtrack_option_invalid(cf, &value[i],
                              "the API takes 1 to 2000 events a request");
            }

            project->batch_events = n;

        } else if (ngx_mixtrack_option_is(&value[i], "bytes=", &s)
                   && project->batch_bytes == NGX_CONF_UNSET_SIZE)
        {
            size = (size_t) ngx_parse_size(&s);

            if (size == (size_t) NGX_ERROR || size < 1
                || size > NGX_MIXTRACK_BYTES_MAX)
            {
                return ngx_mixtrack_option_invalid(cf, &value[i],
                              "the API takes 1 to 10000000 bytes a request");
            }

            project->batch_bytes = size;

        } else if (ngx_mixtrack_option_is(&value[i], "interval=", &s)
                   && project->batch_interval == NGX_CONF_UNSET_MSEC)
        {
            n = ngx_parse_time(&s, 0);

            if (n < 1) {
                return ngx_mixtrack_option_invalid(cf, &value[i],
                              "it must be a time of at least 1ms");
            }

            project->batch_interval = n;

        } else {
            return ngx_mixtrack_option_invalid(cf, &value[i], NULL);
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_pace_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    off_t        size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        project->rate.events = 0;
        project->rate.bytes = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_mixtrack_option_is(&value[i], "events=", &s)
            && project->rate.events == NGX_MIXTRACK_UNSET_64)
        {
            n = ngx_mixtrack_pace_per(&s, "/s") ? ngx_atoi(s.data, s.len)
                                                  : NGX_ERROR;

            if (n < 1 || n > NGX_MIXTRACK_RATE_EVENTS_MAX) {
                return ngx_mixtrack_option_invalid(cf, &value[i],
                              "it must be a number from 1 to 1000000000 and "
                              "\"/s\"");
            }

            project->rate.events = n;

        } else if (ngx_mixtrack_option_is(&value[i], "bytes=", &s)
                   && project->rate.bytes == NGX_MIXTRACK_UNSET_64)
        {
            size = ngx_mixtrack_pace_per(&s, "/m") ? ngx_parse_offset(&s)
                                                     : NGX_ERROR;

            if (size < 1024 || size > NGX_MIXTRACK_RATE_BYTES_MAX) {
                return ngx_mixtrack_option_invalid(cf, &value[i],
                              "it must be a size from 1k to 1024g and "
                              "\"/m\"");
            }

            project->rate.bytes = size;

        } else {
            return ngx_mixtrack_option_invalid(cf, &value[i], NULL);
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_pace_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char           *rv;
    uint32_t       *bound;
    ngx_int_t       ms;
    ngx_str_t      *value, s;
    ngx_uint_t      i;
    mxt_backoff_t  *backoff;

    value = cf->args->elts;
    backoff = &project->backoff;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_mixtrack_option_is(&value[i], "jitter=", &s)
            && backoff->jitter_max == NGX_MIXTRACK_UNSET_32)
        {
            rv = ngx_mixtrack_pace_jitter(cf, &value[i], &s, backoff);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_mixtrack_option_is(&value[i], "min=", &s)) {
            bound = &backoff->min;

        } else if (ngx_mixtrack_option_is(&value[i], "max=", &s)) {
            bound = &backoff->max;

        } else {
            bound = NULL;
        }

        if (bound == NULL || *bound != NGX_MIXTRACK_UNSET_32) {
            return ngx_mixtrack_option_invalid(cf, &value[i], NULL);
        }

        ms = ngx_mixtrack_pace_ms(&s, 1);

        if (ms == NGX_ERROR) {
            return ngx_mixtrack_option_invalid(cf, &value[i],
                                         "it must be a time of 1ms to 1d");
        }

        *bound = (uint32_t) ms;
    }

    if (backoff->min != NGX_MIXTRACK_UNSET_32 && backoff->min > backoff->max) {
        return "has a \"min=\" that is greater than its \"max=\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_pace_jitter(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *s,
    mxt_backoff_t *backoff)
{
    u_char     *dash;
    ngx_int_t   from, to;
    ngx_str_t   end;

    end = *s;
    dash = ngx_strlchr(s->data, s->data + s->len, '-');

    if (dash) {
        end.len = s->data + s->len - (dash + 1);
        end.data = dash + 1;
        s->len = dash - s->data;
    }

    from = ngx_mixtrack_pace_ms(s, 0);
    to = ngx_mixtrack_pace_ms(&end, 0);

    if (from == NGX_ERROR || to == NGX_ERROR || from > to) {
        return ngx_mixtrack_option_invalid(cf, value,
                     "it must be two times of at most 1d, the lesser first");
    }

    backoff->jitter_min = (uint32_t) from;
    backoff->jitter_max = (uint32_t) to;

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_pace_max_age(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_int_t   ms, seconds;
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_mixtrack_place(cf, &project->max_age_place);

    if (ngx_strcmp(value[1].data, "off") == 0) {
        project->max_age = 0;
        return NGX_CONF_OK;
    }

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR) {

        /* months and years are known to seconds only */

        seconds = ngx_parse_time(&value[1], 1);

        if (seconds > 0 && seconds <= NGX_MAX_INT_T_VALUE / 1000) {
            ms = seconds * 1000;
        }
    }

    if (ms < 1000) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                         "it must be a time of at least 1s, or \"off\" "
                         "with \"api import\"");
    }

    project->max_age = ms;

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_pace_timeout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_int_t    ms;
    ngx_str_t   *value, s;
    ngx_uint_t   i;
    ngx_msec_t  *timeout;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_mixtrack_option_is(&value[i], "connect=", &s)) {
            timeout = &project->connect_timeout;

        } else if (ngx_mixtrack_option_is(&value[i], "total=", &s)) {
            timeout = &project->total_timeout;

        } else {
            timeout = NULL;
        }

        if (timeout == NULL || *timeout != NGX_CONF_UNSET_MSEC) {
            return ngx_mixtrack_option_invalid(cf, &value[i], NULL);
        }

        ms = ngx_mixtrack_pace_ms(&s, 1);

        if (ms == NGX_ERROR) {
            return ngx_mixtrack_option_invalid(cf, &value[i],
                                         "it must be a time of 1ms to 1d");
        }

        *timeout = ms;
    }

    return NGX_CONF_OK;
}


/* a time of least ms to a day, or NGX_ERROR */

static ngx_int_t
ngx_mixtrack_pace_ms(ngx_str_t *s, ngx_int_t least)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(s, 0);

    return (ms < least || ms > NGX_MIXTRACK_DAY) ? NGX_ERROR : ms;
}


/* whether s ends with a unit, which is then taken away */

static ngx_uint_t
ngx_mixtrack_pace_per(ngx_str_t *s, const char *unit)
{
    size_t  len;

    len = ngx_strlen(unit);

    if (s->len < len || ngx_strncmp(s->data + s->len - len, unit, len) != 0) {
        return 0;
    }

    s->len -= len;

    return 1;
}


char *
ngx_mixtrack_pace_init(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    ngx_mixtrack_pace_defaults(project);

    if (project->max_age == NGX_MIXTRACK_UNSET_64) {
        project->max_age = (project->api == MXT_API_TRACK)
                           ? NGX_MIXTRACK_AGE_DEFAULT : 0;

    } else if (project->api == MXT_API_TRACK
               && (project->max_age == 0
                   || project->max_age > NGX_MIXTRACK_AGE_MAX))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid \"%V\" in \"max_age\" of "
                      "\"mixtrack_project\", with \"api track\", which drops "
                      "events older than five days, it must be a time from "
                      "1s to 120h, in %V:%ui",
                      &project->max_age_place.value,
                      &project->max_age_place.file,
                      project->max_age_place.line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* a bound that is not set gives way to one that is */

static void
ngx_mixtrack_pace_defaults(ngx_mixtrack_project_t *project)
{
    mxt_backoff_t    *backoff;
    mxt_rate_conf_t  *rate;

    rate = &project->rate;
    backoff = &project->backoff;

    ngx_conf_init_uint_value(project->batch_events, NGX_MIXTRACK_EVENTS_MAX);
    ngx_conf_init_size_value(project->batch_bytes, NGX_MIXTRACK_BYTES_DEFAULT);
    ngx_conf_init_msec_value(project->batch_interval, 1000);
    ngx_conf_init_msec_value(project->connect_timeout, 5000);
    ngx_conf_init_msec_value(project->total_timeout, 30000);

    if (rate->events == NGX_MIXTRACK_UNSET_64) {
        rate->events = NGX_MIXTRACK_RATE_EVENTS;
    }

    if (rate->bytes == NGX_MIXTRACK_UNSET_64) {
        rate->bytes = NGX_MIXTRACK_RATE_BYTES;
    }

    if (backoff->min == NGX_MIXTRACK_UNSET_32) {
        backoff->min = ngx_min(2000, backoff->max);
    }

    if (backoff->max == NGX_MIXTRACK_UNSET_32) {
        backoff->max = ngx_max(60000, backoff->min);
    }

    if (backoff->jitter_max == NGX_MIXTRACK_UNSET_32) {
        backoff->jitter_min = 1000;
        backoff->jitter_max = 5000;
    }
}
