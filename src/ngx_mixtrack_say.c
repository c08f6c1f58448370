
/*
 * Lines in the log: one a second for each cause, with the running count, and
 * never an event, a token or a secret in them.
 */


#include "ngx_mixtrack_flusher.h"


/* ms between two lines of one cause */
#define NGX_MIXTRACK_SAY_REST  1000


static ngx_uint_t ngx_mixtrack_say_rests(ngx_mixtrack_say_t *say);


void ngx_cdecl
ngx_mixtrack_say(ngx_mixtrack_flusher_t *f, ngx_mixtrack_cause_e cause,
    ngx_uint_t level, ngx_err_t err, uint64_t n, const char *fmt, ...)
{
    u_char              *p, *last, text[NGX_MAX_ERROR_STR / 2];
    va_list              args;
    ngx_mixtrack_say_t  *say;

    say = &f->say[cause];
    say->n += n;

    if (ngx_mixtrack_say_rests(say)) {
        return;
    }

    /* 0 is never */

    say->at = ngx_current_msec ? ngx_current_msec : 1;

    last = text + sizeof(text);

    va_start(args, fmt);
    p = ngx_vslprintf(text, last, fmt, args);
    va_end(args);

    if (n && say->n > n) {
        p = ngx_slprintf(p, last, " (%uL in all)", say->n);
    }

    ngx_log_error(level, f->log, err, "mixtrack: project \"%V\": %*s",
                  &f->project->name, (size_t) (p - text), text);
}


static ngx_uint_t
ngx_mixtrack_say_rests(ngx_mixtrack_say_t *say)
{
    return say->at && ngx_current_msec - say->at < NGX_MIXTRACK_SAY_REST;
}


/* the workers have no time to */

void
ngx_mixtrack_say_dropped(ngx_mixtrack_flusher_t *f)
{
    uint64_t  dropped;

    dropped = mxt_zone_counter(&f->zone, MXT_DROPPED_FULL);

    if (dropped == f->dropped
        || ngx_mixtrack_say_rests(&f->say[NGX_MIXTRACK_SAY_DROPPED]))
    {
        return;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_DROPPED, NGX_LOG_ERR, 0, 0,
                     "the queue is full, %uL events were dropped "
                     "(%uL in all)", dropped - f->dropped, dropped);

    f->dropped = dropped;
}


void
ngx_mixtrack_say_error(ngx_mixtrack_flusher_t *f, const char *text)
{
    (void) ngx_cpystrn((u_char *) f->zone.shm->error, (u_char *) text,
                       MXT_ZONE_ERROR_MAX);
}
