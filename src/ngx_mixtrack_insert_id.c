
/*
 * The $insert_id of a request's events: random bits of the process and a
 * counter.  It is fixed when it is first asked for, be that the event itself
 * or a variable long before, and Mixpanel takes what has it twice for one.
 */


#include "ngx_mixtrack_visitor.h"

#include <sys/random.h>


/* 96 random bits and a counter leave three of the API's 36 bytes: "-99" */
#define NGX_MIXTRACK_RANDOM   12
#define NGX_MIXTRACK_PREFIX   (2 * NGX_MIXTRACK_RANDOM)
#define NGX_MIXTRACK_ID       (NGX_MIXTRACK_PREFIX + 9)
#define NGX_MIXTRACK_ID_MAX   99


static void ngx_mixtrack_insert_id_fix(ngx_http_request_t *r);
static ngx_uint_t ngx_mixtrack_insert_id_logged(ngx_http_request_t *r);
static void ngx_mixtrack_insert_id_next(void);
static void ngx_mixtrack_ctx_cleanup(void *data);


/* the last one of this process */
static u_char      ngx_mixtrack_last_id[NGX_MIXTRACK_ID];

/* of the request that is being logged, or was last, once it is known */
static u_char      ngx_mixtrack_current_id[NGX_MIXTRACK_ID];
static ngx_uint_t  ngx_mixtrack_current;

/* which one that is: its memory and its connection are used again */
static struct {
    ngx_http_request_t  *request;
    ngx_atomic_uint_t    connection;
    ngx_uint_t           number;
} ngx_mixtrack_logged;


void
ngx_mixtrack_insert_id_begin(ngx_http_request_t *r)
{
    ngx_mixtrack_current = 0;

    ngx_mixtrack_logged.request = r;
    ngx_mixtrack_logged.connection = r->connection->number;
    ngx_mixtrack_logged.number = r->connection->requests;
}


/* the first event of a request has the next id, the others add -2, -3, ... */

void
ngx_mixtrack_insert_id_write(ngx_http_request_t *r, mxt_json_t *j,
    ngx_uint_t n)
{
    if (n > 1 && n % NGX_MIXTRACK_ID_MAX == 1) {
        ngx_mixtrack_insert_id_next();
        ngx_memcpy(ngx_mixtrack_current_id, ngx_mixtrack_last_id,
                   NGX_MIXTRACK_ID);

    } else {
        ngx_mixtrack_insert_id_fix(r);
    }

    ngx_mixtrack_raw(j, ",\"$insert_id\":\"");
    mxt_json_raw(j, ngx_mixtrack_current_id, NGX_MIXTRACK_ID);

    n = (n - 1) % NGX_MIXTRACK_ID_MAX + 1;

    if (n > 1) {
        ngx_mixtrack_raw(j, "-");
        mxt_json_uint(j, n);
    }
}


/* the id of the request that is being logged: as it was told, or a new one */

static void
ngx_mixtrack_insert_id_fix(ngx_http_request_t *r)
{
    ngx_mixtrack_ctx_t  *ctx;

    if (ngx_mixtrack_current) {
        return;
    }

    ngx_mixtrack_current = 1;

    ctx = ngx_mixtrack_ctx(r, 0);

    if (ctx && ctx->insert_id.len) {
        ngx_memcpy(ngx_mixtrack_current_id, ctx->insert_id.data,
                   NGX_MIXTRACK_ID);
        return;
    }

    ngx_mixtrack_insert_id_next();
    ngx_memcpy(ngx_mixtrack_current_id, ngx_mixtrack_last_id,
               NGX_MIXTRACK_ID);
}


/* whether it is the last one whose log phase has begun: log handlers after
 * ours may still ask for its id */

static ngx_uint_t
ngx_mixtrack_insert_id_logged(ngx_http_request_t *r)
{
    return ngx_mixtrack_logged.request == r
           && ngx_mixtrack_logged.connection == r->connection->number
           && ngx_mixtrack_logged.number == r->connection->requests;
}


static void
ngx_mixtrack_insert_id_next(void)
{
    u_char  *p;

    for (p = ngx_mixtrack_last_id + NGX_MIXTRACK_ID - 1; *p == 'f'; p--) {

        if (p == ngx_mixtrack_last_id + NGX_MIXTRACK_PREFIX) {
            ngx_mixtrack_insert_id_init_process();
            p = ngx_mixtrack_last_id + NGX_MIXTRACK_ID - 1;
            break;
        }

        *p = '0';
    }

    *p = (*p == '9') ? 'a' : *p + 1;
}


ngx_int_t
ngx_mixtrack_insert_id_get(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_mixtrack_ctx_t  *ctx;

    if (ngx_mixtrack_insert_id_logged(r)) {
        ngx_mixtrack_insert_id_fix(r);
        id->data = ngx_mixtrack_current_id;
        id->len = NGX_MIXTRACK_ID;
        return NGX_OK;
    }

    ctx = ngx_mixtrack_ctx(r, 1);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->insert_id.len == 0) {

        ctx->insert_id.data = ngx_pnalloc(r->pool, NGX_MIXTRACK_ID);
        if (ctx->insert_id.data == NULL) {
            return NGX_ERROR;
        }

        ngx_mixtrack_insert_id_next();
        ngx_memcpy(ctx->insert_id.data, ngx_mixtrack_last_id,
                   NGX_MIXTRACK_ID);
        ctx->insert_id.len = NGX_MIXTRACK_ID;
    }

    *id = ctx->insert_id;

    return NGX_OK;
}


/* nginx forgets a module's own at an internal redirect, but no cleanup */

ngx_mixtrack_ctx_t *
ngx_mixtrack_ctx(ngx_http_request_t *r, ngx_uint_t create)
{
    ngx_mixtrack_ctx_t  *ctx;
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_mixtrack_ctx_cleanup) {
            return cln->data;
        }
    }

    if (!create) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_mixtrack_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_mixtrack_ctx_t));

    cln->handler = ngx_mixtrack_ctx_cleanup;

    return ctx;
}


static void
ngx_mixtrack_ctx_cleanup(void *data)
{
    /* it marks the context, and the pool frees it */
}


void
ngx_mixtrack_insert_id_init_process(void)
{
    u_char      bits[NGX_MIXTRACK_RANDOM];
    ngx_uint_t  i;

    if (getrandom(bits, sizeof(bits), 0) != (ssize_t) sizeof(bits)) {

        /* a kernel without it has more to worry about */

        for (i = 0; i < sizeof(bits); i++) {
            bits[i] = (u_char) (ngx_random() ^ ngx_pid >> (i & 7));
        }
    }

    ngx_memset(ngx_mixtrack_last_id, '0', NGX_MIXTRACK_ID);
    (void) ngx_hex_dump(ngx_mixtrack_last_id, bits, sizeof(bits));
}
