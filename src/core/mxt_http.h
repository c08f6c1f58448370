
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


/* of all headers of one post's responses, an interim one's too; beyond it
 * the post has failed */
#define MXT_HTTP_HEAD_MAX   65536

/* a longer Retry-After is neither a number nor a date */
#define MXT_HTTP_RETRY_MAX  127


/* PEM, in memory: the master has read it */
typedef struct {
    const char  *data;
    size_t       len;               /* 0 is none */
} mxt_http_pem_t;


typedef struct {
    const char      *url;               /* with its query; copied */
    const char      *user_agent;        /* copied */
    const char      *user;              /* of Basic auth, NULL is none;
                                           copied */
    const char      *password;          /* "" if there is none; copied */
    const char      *proxy;             /* a CONNECT proxy's URL, NULL is
                                           none; copied; may hold a user and
                                           a password */
    unsigned         insecure;          /* 1: whoever answers is believed, the
                                           proxy, too */
    mxt_http_pem_t   ca;                /* instead of the system's, also for
                                           the proxy's; copied */
    mxt_http_pem_t   cert;              /* the client's; copied */
    mxt_http_pem_t   key;               /* copied */
    unsigned         connections;       /* at most at once */
    uint32_t         connect_timeout;   /* ms */
    uint32_t         total_timeout;     /* ms, of one post */
} mxt_http_conf_t;


typedef struct mxt_http_s  mxt_http_t;


/* a finished post */
typedef struct {
    void        *data;          /* what the caller gave with it */
    uint64_t     ms;            /* how long it took */
    uint64_t     sent;          /* bytes of the body, before it ended */
    const char  *text;          /* of the transport's error, or NULL:
                                   "host:port: " and libcurl's own words in
                                   printable ASCII; neither a user, a secret,
                                   the query nor a header is in it */
    mxt_reply_t  reply;         /* valid until the next call of any kind */
} mxt_http_result_t;


#pragma GCC visibility push(hidden)


/*
 * Once in a process, after the fork that made it, before the first
 * mxt_http_create(); 0, or -1.  There is no counterpart: the process that
 * calls it exits without taking libcurl down.
 */
int mxt_http_global_init(void);

/* 1 if this libcurl is not blocked by a name, whether it resolves or not,
 * else 0: one that resolves in line, or by a thread whose end it waits for
 * (before 7.87, or with a module that was built for such a one). */
int mxt_http_resolves_async(void);

/*
 * Whether mxt_http_create() would take the conf, as far as that can be known
 * without the network and without mxt_http_global_init(): it is one that can
 * be posted to, and libcurl has what it asks for (certificates from memory
 * came with 7.71 and 7.77; its GnuTLS has none for clients, and those of
 * authorities since 8.18).  0, or -1 with a few static words in *why.
 */
int mxt_http_check(const mxt_http_conf_t *conf, const char **why);

/*
 * NULL when there is no memory, or when mxt_http_check() does not take the
 * conf.  Then a few static words are in *why, if why is not NULL.
 *
 * The URL is one of http or https, without a user.  Basic auth goes with
 * every post, before it is asked for, and to the URL's host only: not to the
 * proxy, and redirects are not followed.  The proxy's URL is one that
 * mxt_url_proxy() takes; it is asked to CONNECT for http, too, so that it sees
 * neither requests nor secrets that are not meant for it.  One of https is
 * believed as the endpoint is, and gets no certificate of the client's.  No
 * environment variable has a say in any of this.
 *
 * TLS is 1.2 or later.  A client's key may lie in one PEM with its
 * certificate; then conf->key is empty.  An encrypted key is not asked a
 * passphrase for, its posts fail.
 *
 * A name is resolved anew for a new connection unless that was done seconds
 * ago, and no connection is used for more than minutes (libcurl 7.80).
 */
mxt_http_t *mxt_http_create(const mxt_http_conf_t *conf, const char **why);

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
 * reply.error is a CURLcode.  A reply that broke off while it was read
 * (connection closed or reset, timeout) has an error and its status and what
 * there is of its body all the same.  Two things are replies with error 0 and
 * cut set, judged by their status: a body beyond MXT_HTTP_REPLY_MAX, of which
 * the first MXT_HTTP_REPLY_MAX bytes are kept and the rest is not read; and a
 * status of 400 or more, whatever became of its body, for a server that
 * refuses a request need not read it to the end, and its connection breaks.
 *
 * Status, retry_after and body are those of the endpoint's final response.
 * One that has only an interim one (100) has status 0, and so has a post that
 * the proxy did not let through, whatever the proxy's status.
 */
int mxt_http_result(mxt_http_t *h, mxt_http_result_t *result);


#pragma GCC visibility pop


#endif /* MXT_HTTP_H */
