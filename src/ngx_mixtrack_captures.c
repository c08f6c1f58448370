
/*
 * The captures of a request: what $1 is.
 *
 * They are those of the last regular expression that matched, and a map has
 * some, too: whoever evaluates variables out of turn may take them away from
 * those that come after.  So while we do it matches write into an array of
 * our own; each value has the captures that the request had before, and so
 * has the request afterwards.
 */


#include "ngx_mixtrack.h"


#if (NGX_PCRE)


/* of one request at a time, as it came */
static struct {
    ngx_http_request_t  *request;
    ngx_uint_t           n;
    int                 *captures;
    u_char              *data;
    unsigned             shared:1;
} ngx_mixtrack_kept;


void
ngx_mixtrack_captures_init_module(ngx_cycle_t *cycle)
{
    ngx_mixtrack_main_conf_t   *mmcf;
    ngx_http_core_main_conf_t  *cmcf;

    mmcf = ngx_mixtrack_main_conf(cycle);

    if (mmcf == NULL || mmcf->projects.nelts == 0) {
        return;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (cmcf->ncaptures) {

        /* as many as nginx allocates; without memory all is as it was */

        mmcf->captures = ngx_pcalloc(cycle->pool,
                                     cmcf->ncaptures * sizeof(int));
    }
}


void
ngx_mixtrack_captures_begin(ngx_http_request_t *r)
{
    ngx_mixtrack_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_mixtrack_module);

    if (mmcf->captures == NULL) {
        return;
    }

    ngx_mixtrack_kept.request = r;
    ngx_mixtrack_kept.n = r->ncaptures;
    ngx_mixtrack_kept.captures = r->captures;
    ngx_mixtrack_kept.data = r->captures_data;

    r->captures = mmcf->captures;

#if (nginx_version >= 1015008)

    /* the next match would allocate, and leave what is in there unset */

    ngx_mixtrack_kept.shared = r->realloc_captures;
    r->realloc_captures = 0;

#endif
}


void
ngx_mixtrack_captures_renew(ngx_http_request_t *r)
{
    if (ngx_mixtrack_kept.request != r) {
        return;
    }

    r->ncaptures = ngx_mixtrack_kept.n;
    r->captures_data = ngx_mixtrack_kept.data;

    if (ngx_mixtrack_kept.captures) {
        ngx_memcpy(r->captures, ngx_mixtrack_kept.captures,
                   ngx_mixtrack_kept.n * sizeof(int));
    }
}


void
ngx_mixtrack_captures_end(ngx_http_request_t *r)
{
    if (ngx_mixtrack_kept.request != r) {
        return;
    }

    r->ncaptures = ngx_mixtrack_kept.n;
    r->captures = ngx_mixtrack_kept.captures;
    r->captures_data = ngx_mixtrack_kept.data;

#if (nginx_version >= 1015008)
    r->realloc_captures = ngx_mixtrack_kept.shared;
#endif

    ngx_mixtrack_kept.request = NULL;
}


#endif
