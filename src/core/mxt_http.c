
/*
 * The client: libcurl's multi interface behind four calls that never block.
 *
 * The invariant: an easy handle is made once and is either free, or in the
 * multi handle with a body of the caller's that nobody copies.  It becomes
 * free again in mxt_http_result() only.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "mxt_http_setup.h"


/* the first piece of a reply's buffer: more than Mixpanel ever answers */
#define MXT_HTTP_REPLY_MIN  1024

/* a host's name, a port, libcurl's words */
#define MXT_HTTP_TEXT_MAX   (272 + CURL_ERROR_SIZE)


typedef struct {
    CURL               *easy;
    unsigned            busy;
    unsigned            cut;
    unsigned            nomem;
    unsigned            flood;      /* of headers */
    void               *data;
    size_t              upload;     /* bytes of the request's body */
    mxt_http_t         *whole;
    char               *body;       /* of the reply */
    size_t              len;
    size_t              size;
    size_t              head;       /* bytes of headers so far */
    char                retry_after[MXT_HTTP_RETRY_MAX + 1];
    char                error[CURL_ERROR_SIZE];
    char                text[MXT_HTTP_TEXT_MAX];
} mxt_http_post_t;


struct mxt_http_s {
    CURLM              *multi;
    struct curl_slist  *plain;
    struct curl_slist  *gzip;
    char               *name;       /* host:port */
    char               *pem;        /* what libcurl has pointers into */
    unsigned            steps;      /* of all, in one call of libcurl's */
    unsigned            busy;       /* posts without a result taken */
    unsigned            n;
    mxt_http_post_t     post[];
};


static int mxt_http_prepare(mxt_http_post_t *p, unsigned proxy);
static int mxt_http_step(void *data, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow);
static size_t mxt_http_header(char *buf, size_t size, size_t n, void *data);
static size_t mxt_http_write(char *buf, size_t size, size_t n, void *data);
static void mxt_http_reply(mxt_http_post_t *p, CURLcode code,
    mxt_http_result_t *result);
static CURLcode mxt_http_error(mxt_http_post_t *p, CURLcode code,
    long status, curl_off_t sent);
static void mxt_http_text(mxt_http_post_t *p, CURLcode code);
static uint64_t mxt_http_now(void);


int
mxt_http_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}


int
mxt_http_resolves_async(void)
{
    return mxt_http_setup_async();
}


mxt_http_t *
mxt_http_create(const mxt_http_conf_t *conf, const char **why)
{
    char             *name;
    unsigned          i;
    mxt_http_t       *h;
    const char       *ignored;
    mxt_http_conf_t   kept;

    if (why == NULL) {
        why = &ignored;
    }

    if (mxt_http_setup_check(conf, &name, why) != 0) {
        return NULL;
    }

    *why = "no memory";

    h = calloc(1, sizeof(mxt_http_t)
                  + conf->connections * sizeof(mxt_http_post_t));
    if (h == NULL) {
        free(name);
        return NULL;
    }

    h->n = conf->connections;
    h->name = name;

    kept = *conf;

    if (mxt_http_setup_keep(&kept, &h->pem) != 0) {
        goto failed;
    }

    h->multi = curl_multi_init();
    if (h->multi == NULL) {
        goto failed;
    }

    if (curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long) h->n)
        != CURLM_OK)
    {
        goto failed;
    }

    if (mxt_http_setup_headers(&h->plain, 0) != 0
        || mxt_http_setup_headers(&h->gzip, 1) != 0)
    {
        goto failed;
    }

    for (i = 0; i < h->n; i++) {
        h->post[i].whole = h;

        if (mxt_http_prepare(&h->post[i], conf->proxy != NULL) != 0
            || mxt_http_setup(h->post[i].easy, &kept, why) != 0)
        {
            goto failed;
        }
    }

    return h;

failed:

    mxt_http_destroy(h);

    return NULL;
}


void
mxt_http_destroy(mxt_http_t *h)
{
    unsigned          i;
    mxt_http_post_t  *p;

    for (i = 0; i < h->n; i++) {
        p = &h->post[i];

        if (p->busy) {
            (void) curl_multi_remove_handle(h->multi, p->easy);
        }

        curl_easy_cleanup(p->easy);
        free(p->body);
    }

    if (h->multi) {
        (void) curl_multi_cleanup(h->multi);
    }

    curl_slist_free_all(h->plain);
    curl_slist_free_all(h->gzip);
    free(h->name);
    free(h->pem);
    free(h);
}


int
mxt_http_post(mxt_http_t *h, const void *body, size_t len, unsigned gzip,
    void *data)
{
    unsigned          i;
    mxt_http_post_t  *p;

    for (i = 0; i < h->n; i++) {
        if (!h->post[i].busy) {
            break;
        }
    }

    if (i == h->n) {
        return -1;
    }

    p = &h->post[i];

    p->cut = 0;
    p->nomem = 0;
    p->flood = 0;
    p->len = 0;
    p->head = 0;
    p->retry_after[0] = '\0';
    p->error[0] = '\0';
    p->data = data;
    p->upload = len;

    /* without a pointer libcurl would read standard input */

    if (curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS,
                         len ? (const char *) body : "")
            != CURLE_OK
        || curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) len)
            != CURLE_OK
        || curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER,
                            gzip ? h->gzip : h->plain)
            != CURLE_OK
        || curl_multi_add_handle(h->multi, p->easy) != CURLM_OK)
    {
        return -1;
    }

    p->busy = 1;
    h->busy++;

    return 0;
}


unsigned
mxt_http_perform(mxt_http_t *h, unsigned budget)
{
    int       ready, running;
    uint64_t  end;

    if (h->busy == 0) {
        return 0;
    }

    end = mxt_http_now() + budget;
    running = (int) h->busy;

    for ( ;; ) {

        h->steps = 0;

        /* what fails here fails again or reaches its timeout */

        if (curl_multi_perform(h->multi, &running) != CURLM_OK
            || running == 0)
        {
            break;
        }

        /*
         * one poll() of all sockets says whether there is more to do; a
         * call of curl_multi_perform() would poll each of them
         */

        if (curl_multi_wait(h->multi, NULL, 0, 0, &ready) != CURLM_OK
            || ready == 0
            || mxt_http_now() >= end)
        {
            break;
        }
    }

    return (unsigned) running;
}


int
mxt_http_result(mxt_http_t *h, mxt_http_result_t *result)
{
    int               left;
    char             *priv;
    CURLMsg          *msg;
    CURLcode          code;
    mxt_http_post_t  *p;

    if (h->busy == 0) {
        return 0;
    }

    do {
        msg = curl_multi_info_read(h->multi, &left);

        if (msg == NULL) {
            return 0;
        }

    } while (msg->msg != CURLMSG_DONE);

    /* the message is gone when its handle is removed */

    code = msg->data.result;
    priv = NULL;

    (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &priv);

    p = (mxt_http_post_t *) (void *) priv;

    mxt_http_reply(p, code, result);

    (void) curl_multi_remove_handle(h->multi, p->easy);

    p->busy = 0;
    h->busy--;

    return 1;
}


/* what ties a handle to its post */

static int
mxt_http_prepare(mxt_http_post_t *p, unsigned proxy)
{
    CURL  *e;

    e = curl_easy_init();
    if (e == NULL) {
        return -1;
    }

    p->easy = e;

    if (curl_easy_setopt(e, CURLOPT_PRIVATE, (void *) p) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->error) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, mxt_http_write)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEDATA, (void *) p) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, mxt_http_header)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERDATA, (void *) p) != CURLE_OK)
    {
        return -1;
    }

    if (proxy
        && (curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, mxt_http_step)
                != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_XFERINFODATA, (void *) p)
                != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L) != CURLE_OK))
    {
        return -1;
    }

    return 0;
}


/*
 * libcurl reads a proxy's response byte by byte, calls this for each, and
 * looks at no timeout while there are more: a proxy that goes on and on would
 * hold up the process
 */

static int
mxt_http_step(void *data, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    mxt_http_post_t  *p = data;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    if (p->whole->steps++ < MXT_HTTP_HEAD_MAX) {
        return 0;
    }

    p->flood = 1;

    return 1;
}


/* a line, not terminated; interim responses and trailers come here, too */

static size_t
mxt_http_header(char *buf, size_t size, size_t n, void *data)
{
    mxt_http_post_t  *p = data;

    char    *end;
    size_t   len;

    static const char  name[] = "Retry-After:";

    len = size * n;
    p->head += len;

    if (p->head > MXT_HTTP_HEAD_MAX) {
        p->flood = 1;
        return 0;
    }

    if (len >= 5 && memcmp(buf, "HTTP/", 5) == 0) {
        p->retry_after[0] = '\0';
        return len;
    }

    if (len < sizeof(name) - 1
        || strncasecmp(buf, name, sizeof(name) - 1) != 0)
    {
        return len;
    }

    end = buf + len;
    buf += sizeof(name) - 1;

    while (buf < end && (*buf == ' ' || *buf == '\t')) {
        buf++;
    }

    while (end > buf && strchr(" \t\r\n", end[-1])) {
        end--;
    }

    /* cut off it would say something else */

    if (end - buf > MXT_HTTP_RETRY_MAX) {
        end = buf;
    }

    memcpy(p->retry_after, buf, (size_t) (end - buf));
    p->retry_after[end - buf] = '\0';

    return len;
}


static size_t
mxt_http_write(char *buf, size_t size, size_t n, void *data)
{
    mxt_http_post_t  *p = data;

    char             *body;
    size_t            len, room;

    len = size * n;
    room = MXT_HTTP_REPLY_MAX - p->len;

    if (len > room) {
        len = room;
        p->cut = 1;
    }

    room = p->size ? p->size : MXT_HTTP_REPLY_MIN;

    while (room < p->len + len) {
        room *= 2;
    }

    if (room > p->size) {

        body = realloc(p->body, room);
        if (body == NULL) {
            p->nomem = 1;
            return 0;
        }

        p->body = body;
        p->size = room;
    }

    if (len) {
        memcpy(p->body + p->len, buf, len);
        p->len += len;
    }

    /* anything else than all of it ends the transfer */

    return p->cut ? 0 : len;
}


static void
mxt_http_reply(mxt_http_post_t *p, CURLcode code, mxt_http_result_t *result)
{
    long        status;
    curl_off_t  us, sent;

    us = 0;
    sent = 0;
    status = 0;

    (void) curl_easy_getinfo(p->easy, CURLINFO_TOTAL_TIME_T, &us);
    (void) curl_easy_getinfo(p->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    (void) curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);

    /* an interim response that nothing followed is no reply */

    if (status < 200) {
        status = 0;
        p->retry_after[0] = '\0';
    }

    code = mxt_http_error(p, code, status, sent);

    result->data = p->data;
    result->ms = (uint64_t) us / 1000;
    result->sent = (uint64_t) sent;
    result->text = NULL;

    if (code != CURLE_OK) {
        mxt_http_text(p, code);
        result->text = p->text;
    }

    result->reply.error = (int) code;
    result->reply.status = status;
    result->reply.retry_after = p->retry_after[0] ? p->retry_after : NULL;
    result->reply.body = p->len ? p->body : NULL;
    result->reply.len = p->len;
    result->reply.cut = p->cut;
}


/* what libcurl calls an error of ours or no error is put right */

static CURLcode
mxt_http_error(mxt_http_post_t *p, CURLcode code, long status,
    curl_off_t sent)
{
    /*
     * a server that refuses a body need not read it, and its reply may end
     * with a broken connection; the status is what counts
     */

    if (code != CURLE_OK && (p->cut || status >= 400)) {
        p->cut = 1;
        return CURLE_OK;
    }

    if (p->nomem) {
        p->error[0] = '\0';
        return CURLE_OUT_OF_MEMORY;
    }

    if (p->flood) {
        (void) snprintf(p->error, sizeof(p->error), "too many headers");
        return CURLE_WEIRD_SERVER_REPLY;
    }

    /* libcurl reads first, and so meets the end of a connection on which it
     * could not send all as an error of reading */

    if (code == CURLE_RECV_ERROR && status == 0
        && sent > 0 && sent < (curl_off_t) p->upload)
    {
        return CURLE_SEND_ERROR;
    }

    return code;
}


/* a certificate's names, for one, are the other side's words */

static void
mxt_http_text(mxt_http_post_t *p, CURLcode code)
{
    char  *c;

    (void) snprintf(p->text, sizeof(p->text), "%s: %s", p->whole->name,
                    p->error[0] ? p->error : curl_easy_strerror(code));

    for (c = p->text; *c; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
}


static uint64_t
mxt_http_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
