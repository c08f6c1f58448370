
/*
 * The client: libcurl's multi interface behind four calls that never block.
 *
 * The invariant: an easy handle is made once and is either free, or in the
 * multi handle with a body of the caller's that nobody copies.  It becomes
 * free again in mxt_http_result() only.
 */


#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "mxt_http.h"


/* a usual body goes to the socket in one call; allocated when it is used */
#define MXT_HTTP_UPLOAD     (256L * 1024)

/* the first piece of a reply's buffer: more than Mixpanel ever answers */
#define MXT_HTTP_REPLY_MIN  1024


typedef struct {
    CURL               *easy;
    unsigned            busy;
    unsigned            cut;
    unsigned            nomem;
    void               *data;
    char               *body;       /* of the reply */
    size_t              len;
    size_t              size;
    char                text[CURL_ERROR_SIZE];
} mxt_http_post_t;


struct mxt_http_s {
    CURLM              *multi;
    struct curl_slist  *plain;
    struct curl_slist  *gzip;
    unsigned            busy;       /* posts without a result taken */
    unsigned            n;
    mxt_http_post_t     post[];
};


static int mxt_http_valid_url(const char *url);
static int mxt_http_headers(struct curl_slist **list, unsigned gzip);
static int mxt_http_setup(mxt_http_post_t *p, const mxt_http_conf_t *conf);
static size_t mxt_http_write(char *buf, size_t size, size_t n, void *data);
static void mxt_http_reply(mxt_http_post_t *p, CURLcode code,
    mxt_http_result_t *result);
static uint64_t mxt_http_now(void);


int
mxt_http_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}


int
mxt_http_resolves_async(void)
{
    return (curl_version_info(CURLVERSION_NOW)->features
            & CURL_VERSION_ASYNCHDNS) != 0;
}


mxt_http_t *
mxt_http_create(const mxt_http_conf_t *conf)
{
    unsigned     i;
    mxt_http_t  *h;

    if (mxt_http_valid_url(conf->url) != 0) {
        return NULL;
    }

    h = calloc(1, sizeof(mxt_http_t)
                  + conf->connections * sizeof(mxt_http_post_t));
    if (h == NULL) {
        return NULL;
    }

    h->n = conf->connections;

    h->multi = curl_multi_init();
    if (h->multi == NULL) {
        goto failed;
    }

    if (curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long) h->n)
        != CURLM_OK)
    {
        goto failed;
    }

    if (mxt_http_headers(&h->plain, 0) != 0
        || mxt_http_headers(&h->gzip, 1) != 0)
    {
        goto failed;
    }

    for (i = 0; i < h->n; i++) {
        if (mxt_http_setup(&h->post[i], conf) != 0) {
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
    p->len = 0;
    p->text[0] = '\0';
    p->data = data;

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


static int
mxt_http_valid_url(const char *url)
{
    int     rc;
    char   *scheme;
    CURLU  *u;

    u = curl_url();
    if (u == NULL) {
        return -1;
    }

    rc = -1;
    scheme = NULL;

    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
        && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0))
    {
        rc = 0;
    }

    curl_free(scheme);
    curl_url_cleanup(u);

    return rc;
}


static int
mxt_http_headers(struct curl_slist **list, unsigned gzip)
{
    unsigned            i;
    struct curl_slist  *l;

    /* an empty header is one that is not sent */

    static const char *const  header[] = {
        "Expect:",
        "Content-Type: application/json",
        "Content-Encoding: gzip"
    };

    for (i = 0; i < (gzip ? 3 : 2); i++) {

        l = curl_slist_append(*list, header[i]);
        if (l == NULL) {
            return -1;
        }

        *list = l;
    }

    return 0;
}


static int
mxt_http_setup(mxt_http_post_t *p, const mxt_http_conf_t *conf)
{
    CURL  *e;

    e = curl_easy_init();
    if (e == NULL) {
        return -1;
    }

    p->easy = e;

    /* no signals: nginx has its own use for SIGALRM and ignores SIGPIPE */

    if (curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PRIVATE, (void *) p) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->text) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, mxt_http_write)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEDATA, (void *) p) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_URL, conf->url) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_USERAGENT, conf->user_agent)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_POST, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK)
    {
        return -1;
    }

    /* over HTTP/2 all posts would share one connection's window */

    if (curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, MXT_HTTP_UPLOAD)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) conf->connect_timeout)
            != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) conf->total_timeout)
            != CURLE_OK)
    {
        return -1;
    }

    /* the environment has no say in where events go */

    if (curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK) {
        return -1;
    }

#if (LIBCURL_VERSION_NUM >= 0x075500)
    if (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK) {
        return -1;
    }
#else
    if (curl_easy_setopt(e, CURLOPT_PROTOCOLS,
                         (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS))
        != CURLE_OK)
    {
        return -1;
    }
#endif

#if (LIBCURL_VERSION_NUM >= 0x075700)
    /* a name that does not resolve must not hold up the exit */

    if (curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK) {
        return -1;
    }
#endif

    return 0;
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
    curl_off_t  us;

    us = 0;
    status = 0;

    (void) curl_easy_getinfo(p->easy, CURLINFO_TOTAL_TIME_T, &us);
    (void) curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);

    if (p->nomem) {
        code = CURLE_OUT_OF_MEMORY;
        p->text[0] = '\0';
    }

    /*
     * a server that refuses a body need not read it, and its reply may end
     * with a broken connection; the status is what counts
     */

    if (code != CURLE_OK && (p->cut || status >= 400)) {
        p->cut = 1;
        code = CURLE_OK;
    }

    result->data = p->data;
    result->ms = (uint64_t) us / 1000;
    result->text = NULL;

    if (code != CURLE_OK) {
        result->text = p->text[0] ? p->text : curl_easy_strerror(code);
    }

    result->reply.error = (int) code;
    result->reply.status = status;
    result->reply.body = p->len ? p->body : NULL;
    result->reply.len = p->len;
    result->reply.cut = p->cut;
}


static uint64_t
mxt_http_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
