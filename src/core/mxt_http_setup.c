
/*
 * What a conf means in libcurl's options: where to, who we are, whom we
 * believe.
 *
 * The invariant: nothing is left to a default of libcurl's that the
 * environment or a build option can move and that decides who sees an event
 * or a secret.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mxt_http_setup.h"
#include "mxt_url.h"


/* a usual body goes to the socket in one call; allocated when it is used */
#define MXT_HTTP_UPLOAD     (256L * 1024)

/*
 * Seconds.  Connections are kept alive, so that names are resolved rarely
 * enough: an answer is kept just long enough for the connections that are
 * opened together, and for a retry to find the address that has changed.
 */
#define MXT_HTTP_DNS        5L

/* a name whose addresses have changed is followed, however busy we are */
#define MXT_HTTP_LIFETIME   300L

/* before the balancers and NATs on the way forget it: the usual is 60 */
#define MXT_HTTP_IDLE       50L


#define mxt_http_set(e, option, value)                                        \
    (curl_easy_setopt(e, option, value) != CURLE_OK)


/* libcurl's options for one of those whom we have to believe */
typedef struct {
    CURLoption  version;
    CURLoption  peer;
    CURLoption  host;
#if (LIBCURL_VERSION_NUM >= 0x074d00)
    CURLoption  path;
    CURLoption  blob;
#endif
} mxt_http_whom_t;


static int mxt_http_setup_memory(const mxt_http_conf_t *conf,
    const char **why);
static char *mxt_http_setup_move(char *p, mxt_http_pem_t *pem);
static int mxt_http_setup_url(const char *url, char **name,
    const char **why);
static int mxt_http_setup_has(CURLU *u, CURLUPart part);
static int mxt_http_setup_request(CURL *e, const mxt_http_conf_t *conf);
static int mxt_http_setup_route(CURL *e, const mxt_http_conf_t *conf);
static int mxt_http_setup_limits(CURL *e, const mxt_http_conf_t *conf);
static int mxt_http_setup_trust(CURL *e, const mxt_http_conf_t *conf,
    const char **why);
static int mxt_http_setup_believe(CURL *e, const mxt_http_conf_t *conf,
    const mxt_http_whom_t *whom, const char **why);
static int mxt_http_setup_identity(CURL *e, const mxt_http_conf_t *conf,
    const char **why);
#if (LIBCURL_VERSION_NUM >= 0x074700)
static int mxt_http_setup_blob(CURL *e, CURLoption option,
    const mxt_http_pem_t *pem, const char **why);
#endif


static const mxt_http_whom_t  mxt_http_endpoint = {
    CURLOPT_SSLVERSION,
    CURLOPT_SSL_VERIFYPEER,
    CURLOPT_SSL_VERIFYHOST,
#if (LIBCURL_VERSION_NUM >= 0x074d00)
    CURLOPT_CAPATH,
    CURLOPT_CAINFO_BLOB
#endif
};

static const mxt_http_whom_t  mxt_http_proxy = {
    CURLOPT_PROXY_SSLVERSION,
    CURLOPT_PROXY_SSL_VERIFYPEER,
    CURLOPT_PROXY_SSL_VERIFYHOST,
#if (LIBCURL_VERSION_NUM >= 0x074d00)
    CURLOPT_PROXY_CAPATH,
    CURLOPT_PROXY_CAINFO_BLOB
#endif
};

static const char  mxt_http_nomem[] = "no memory";


int
mxt_http_check(const mxt_http_conf_t *conf, const char **why)
{
    char  *name;

    if (mxt_http_setup_check(conf, &name, why) != 0) {
        return -1;
    }

    free(name);

    return 0;
}


int
mxt_http_setup_check(const mxt_http_conf_t *conf, char **name,
    const char **why)
{
    if (conf->user && strchr(conf->user, ':')) {
        *why = "a user name of Basic auth cannot have a colon";
        return -1;
    }

    if (conf->key.len && conf->cert.len == 0) {
        *why = "a key without a certificate";
        return -1;
    }

    if (mxt_http_setup_memory(conf, why) != 0) {
        return -1;
    }

    /* what nginx -t takes, and in words that have no part of it */

    if (conf->proxy && mxt_url_proxy(conf->proxy, why) != 0) {
        *why = "its proxy cannot be used";
        return -1;
    }

    return mxt_http_setup_url(conf->url, name, why);
}


/* whether this libcurl takes from memory what there is of certificates */

static int
mxt_http_setup_memory(const mxt_http_conf_t *conf, const char **why)
{
    unsigned                 gnutls, nss;
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    gnutls = info->ssl_version && strstr(info->ssl_version, "GnuTLS");
    nss = info->ssl_version && strstr(info->ssl_version, "NSS");

    if (conf->cert.len
        && (LIBCURL_VERSION_NUM < 0x074700 || info->version_num < 0x074700))
    {
        *why = "a client certificate from memory needs libcurl 7.71 or later";
        return -1;
    }

    /* libcurl takes the option all the same, and sends no certificate */

    if (conf->cert.len && (gnutls || nss)) {
        *why = "this libcurl takes no client certificate from memory:"
               " its TLS is not OpenSSL's";
        return -1;
    }

    if (conf->ca.len
        && (LIBCURL_VERSION_NUM < 0x074d00 || info->version_num < 0x074d00))
    {
        *why = "CA certificates from memory need libcurl 7.77 or later";
        return -1;
    }

    if (conf->ca.len && (nss || (gnutls && info->version_num < 0x081200))) {
        *why = "this libcurl takes no CA certificates from memory:"
               " its TLS is not OpenSSL's";
        return -1;
    }

    return 0;
}


int
mxt_http_setup_async(void)
{
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
        return 0;
    }

    /* CURLOPT_QUICK_EXIT is known to both, see mxt_http_setup_limits() */

    if (LIBCURL_VERSION_NUM >= 0x075700 && info->version_num >= 0x075700) {
        return 1;
    }

    /* c-ares has no threads */

    return info->ares != NULL;
}


int
mxt_http_setup_keep(mxt_http_conf_t *conf, char **pem)
{
    char    *p;
    size_t   len;

    len = conf->ca.len + conf->cert.len + conf->key.len;

    if (len == 0) {
        return 0;
    }

    p = calloc(1, len);
    if (p == NULL) {
        return -1;
    }

    *pem = p;

    p = mxt_http_setup_move(p, &conf->ca);
    p = mxt_http_setup_move(p, &conf->cert);
    (void) mxt_http_setup_move(p, &conf->key);

    return 0;
}


static char *
mxt_http_setup_move(char *p, mxt_http_pem_t *pem)
{
    if (pem->len) {
        memcpy(p, pem->data, pem->len);
        pem->data = p;
    }

    return p + pem->len;
}


int
mxt_http_setup(CURL *e, const mxt_http_conf_t *conf, const char **why)
{
    *why = mxt_http_nomem;

    if (mxt_http_setup_request(e, conf) != 0
        || mxt_http_setup_route(e, conf) != 0
        || mxt_http_setup_limits(e, conf) != 0
        || mxt_http_setup_trust(e, conf, why) != 0
        || mxt_http_setup_identity(e, conf, why) != 0)
    {
        return -1;
    }

    return 0;
}


int
mxt_http_setup_headers(struct curl_slist **list, unsigned gzip)
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
mxt_http_setup_url(const char *url, char **name, const char **why)
{
    int     rc;
    char   *host, *port, *scheme;
    CURLU  *u;
    size_t  size;

    u = curl_url();
    if (u == NULL) {
        *why = mxt_http_nomem;
        return -1;
    }

    rc = -1;
    host = port = scheme = NULL;

    *why = "not a URL of http or https";

    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK
        || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
    {
        goto done;
    }

    if (mxt_http_setup_has(u, CURLUPART_USER)
        || mxt_http_setup_has(u, CURLUPART_PASSWORD))
    {
        *why = "the URL holds a user";
        goto done;
    }

    *why = mxt_http_nomem;

    if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)
           != CURLUE_OK)
    {
        goto done;
    }

    size = strlen(host) + sizeof(":") + strlen(port);

    *name = calloc(1, size);

    if (*name) {
        (void) snprintf(*name, size, "%s:%s", host, port);
        rc = 0;
    }

done:

    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_url_cleanup(u);

    return rc;
}


static int
mxt_http_setup_has(CURLU *u, CURLUPart part)
{
    char  *value;

    value = NULL;

    if (curl_url_get(u, part, &value, 0) != CURLUE_OK) {
        return 0;
    }

    curl_free(value);

    return 1;
}


static int
mxt_http_setup_request(CURL *e, const mxt_http_conf_t *conf)
{
    /* over HTTP/2 all posts would share one connection's window */

    if (mxt_http_set(e, CURLOPT_URL, conf->url)
        || mxt_http_set(e, CURLOPT_USERAGENT, conf->user_agent)
        || mxt_http_set(e, CURLOPT_POST, 1L)
        || mxt_http_set(e, CURLOPT_FOLLOWLOCATION, 0L)
        || mxt_http_set(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1)
        || mxt_http_set(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED))
    {
        return -1;
    }

    /* what does not begin with a status line is not taken for a reply */

#if (LIBCURL_VERSION_NUM >= 0x074000)
    if (mxt_http_set(e, CURLOPT_HTTP09_ALLOWED, 0L)) {
        return -1;
    }
#endif

#if (LIBCURL_VERSION_NUM >= 0x075500)
    if (mxt_http_set(e, CURLOPT_PROTOCOLS_STR, "http,https")) {
        return -1;
    }
#else
    if (mxt_http_set(e, CURLOPT_PROTOCOLS,
                     (long) (CURLPROTO_HTTP|CURLPROTO_HTTPS)))
    {
        return -1;
    }
#endif

    if (conf->user == NULL) {
        return 0;
    }

    return mxt_http_set(e, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC)
           || mxt_http_set(e, CURLOPT_USERNAME, conf->user)
           || mxt_http_set(e, CURLOPT_PASSWORD,
                           conf->password ? conf->password : "");
}


static int
mxt_http_setup_route(CURL *e, const mxt_http_conf_t *conf)
{
    /* with both of them set the environment has no say in where events go */

    if (mxt_http_set(e, CURLOPT_PROXY, conf->proxy ? conf->proxy : "")
        || mxt_http_set(e, CURLOPT_NOPROXY, ""))
    {
        return -1;
    }

    if (conf->proxy == NULL) {
        return 0;
    }

    /* or the headers of its response would be told as the endpoint's */

    return mxt_http_set(e, CURLOPT_HTTPPROXYTUNNEL, 1L)
           || mxt_http_set(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L)
           || mxt_http_set(e, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE)
           || mxt_http_set(e, CURLOPT_PROXYAUTH, (long) CURLAUTH_BASIC);
}


static int
mxt_http_setup_limits(CURL *e, const mxt_http_conf_t *conf)
{
    /* no signals: nginx has its own use for SIGALRM and ignores SIGPIPE */

    if (mxt_http_set(e, CURLOPT_NOSIGNAL, 1L)
        || mxt_http_set(e, CURLOPT_TCP_KEEPALIVE, 1L)
        || mxt_http_set(e, CURLOPT_UPLOAD_BUFFERSIZE, MXT_HTTP_UPLOAD)
        || mxt_http_set(e, CURLOPT_DNS_CACHE_TIMEOUT, MXT_HTTP_DNS)
        || mxt_http_set(e, CURLOPT_CONNECTTIMEOUT_MS,
                        (long) conf->connect_timeout)
        || mxt_http_set(e, CURLOPT_TIMEOUT_MS, (long) conf->total_timeout))
    {
        return -1;
    }

#if (LIBCURL_VERSION_NUM >= 0x074100)
    if (mxt_http_set(e, CURLOPT_MAXAGE_CONN, MXT_HTTP_IDLE)) {
        return -1;
    }
#endif

#if (LIBCURL_VERSION_NUM >= 0x075000)
    if (mxt_http_set(e, CURLOPT_MAXLIFETIME_CONN, MXT_HTTP_LIFETIME)) {
        return -1;
    }
#endif

#if (LIBCURL_VERSION_NUM >= 0x075700)
    /* a name that does not resolve must not hold up the exit */

    if (mxt_http_set(e, CURLOPT_QUICK_EXIT, 1L)) {
        return -1;
    }
#endif

    return 0;
}


static int
mxt_http_setup_trust(CURL *e, const mxt_http_conf_t *conf, const char **why)
{
    const char  *ssl;

    /* a libcurl without TLS knows none of these */

    ssl = curl_version_info(CURLVERSION_NOW)->ssl_version;

    if (ssl == NULL || *ssl == '\0') {
        return 0;
    }

    if (mxt_http_setup_believe(e, conf, &mxt_http_endpoint, why) != 0) {
        return -1;
    }

    if (conf->proxy == NULL || !mxt_url_is_https(conf->proxy)) {
        return 0;
    }

    return mxt_http_setup_believe(e, conf, &mxt_http_proxy, why);
}


static int
mxt_http_setup_believe(CURL *e, const mxt_http_conf_t *conf,
    const mxt_http_whom_t *whom, const char **why)
{
    if (mxt_http_set(e, whom->version, (long) CURL_SSLVERSION_TLSv1_2)
        || mxt_http_set(e, whom->peer, conf->insecure ? 0L : 1L)
        || mxt_http_set(e, whom->host, conf->insecure ? 0L : 2L))
    {
        return -1;
    }

    if (conf->ca.len == 0) {
        return 0;
    }

#if (LIBCURL_VERSION_NUM >= 0x074d00)
    /* or the system's directory would be believed as well; NULL is no path,
     * whether or not the TLS behind libcurl has a use for one */

    (void) mxt_http_set(e, whom->path, (char *) NULL);

    return mxt_http_setup_blob(e, whom->blob, &conf->ca, why);
#else
    (void) why;

    return -1;
#endif
}


static int
mxt_http_setup_identity(CURL *e, const mxt_http_conf_t *conf,
    const char **why)
{
    if (conf->cert.len == 0) {
        return 0;
    }

#if (LIBCURL_VERSION_NUM >= 0x074700)
    /* or OpenSSL would ask the terminal for a key's passphrase, and wait */

    if (mxt_http_set(e, CURLOPT_KEYPASSWD, "")) {
        return -1;
    }

    return mxt_http_setup_blob(e, CURLOPT_SSLCERT_BLOB, &conf->cert, why)
           || mxt_http_setup_blob(e, CURLOPT_SSLKEY_BLOB,
                                  conf->key.len ? &conf->key : &conf->cert,
                                  why);
#else
    (void) e;
    (void) why;

    return -1;
#endif
}


#if (LIBCURL_VERSION_NUM >= 0x074700)

static int
mxt_http_setup_blob(CURL *e, CURLoption option, const mxt_http_pem_t *pem,
    const char **why)
{
    CURLcode          code;
    struct curl_blob  blob;

    /* libcurl's type has no const; it does not write there */

    memcpy(&blob.data, &pem->data, sizeof(blob.data));
    blob.len = pem->len;
    blob.flags = CURL_BLOB_NOCOPY;

    code = curl_easy_setopt(e, option, &blob);

    if (code == CURLE_OK) {
        return 0;
    }

    if (code != CURLE_OUT_OF_MEMORY) {
        *why = "this libcurl takes no certificates from memory";
    }

    return -1;
}

#endif
