
/*
 * The client: libcurl's multi interface behind four calls that never block.
 *
 * A body is the caller's and stays unchanged until its reply is taken, or
 * the whole is destroyed.
 */


#ifndef MXT_HTTP_H
#define MXT_HTTP_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_policy.h"


/* what is kept of a response */
#define MXT_HTTP_REPLY_MAX  65536


typedef struct {
    const char  *url;               /* with its query; copied */
    const char  *user_agent;        /* copied */
    unsigned     connections;       /* at most at once */
    uint32_t     connect_timeout;   /* ms */
    uint32_t     total_timeout;     /* ms, of one post */
} mxt_http_conf_t;


typedef struct mxt_http_s  mxt_http_t;


/* a finished post */
typedef struct {
    void        *data;          /* what the caller gave with it */
    uint64_t     ms;            /* how long it took */
    const char  *text;          /* of the transport's error, or NULL; names
                                   the host, never the query or a header */
    mxt_reply_t  reply;         /* valid until the next call of any kind */
} mxt_http_result_t;


#pragma GCC visibility push(hidden)


/*
 * Once in a process, after the fork that made it, before the first
 * mxt_http_create(); 0, or -1.  There is no counterpart: the process that
 * calls it exits without taking libcurl down.
 */
int mxt_http_global_init(void);

/* 1 if resolving a name does not block this libcurl, else 0. */
int mxt_http_resolves_async(void);

/* NULL when there is no memory or the URL is not one that libcurl takes
 * (http and https only). */
mxt_http_t *mxt_http_create(const mxt_http_conf_t *conf);

/* Aborts what is in flight, without a result; frees everything. */
void mxt_http_destroy(mxt_http_t *h);

/*
 * Starts to POST len bytes of body as application/json, with
 * Content-Encoding: gzip if gzip is set.  data comes back with the result.
 * 0, or -1 when all connections are taken or there is no memory.
 */
int mxt_http_post(mxt_http_t *h, const void *body, size_t len, unsigned gzip,
    void *data);

/*
 * Moves what can be moved without waiting, again and again while bytes
 * move, but for about budget ms at most.  Returns the number of posts whose
 * result is not there yet.
 */
unsigned mxt_http_perform(mxt_http_t *h, unsigned budget);

/*
 * Takes the next finished post; 1, or 0 when there is none.
 *
 * reply.error is a CURLcode; it may be set with a status when a reply broke
 * off.  Two things are replies all the same (error 0, cut set), judged by
 * their status: a body beyond MXT_HTTP_REPLY_MAX, of which the first
 * MXT_HTTP_REPLY_MAX bytes are kept and the rest is not read; and a status
 * of 400 or more, whatever became of its body, for a server that refuses a
 * request need not read it to the end, and its connection breaks.
 */
int mxt_http_result(mxt_http_t *h, mxt_http_result_t *result);


#pragma GCC visibility pop


#endif /* MXT_HTTP_H */
