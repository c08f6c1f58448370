
/*
 * URLs, by libcurl's own parser, so that what nginx -t takes is what the
 * client will take.
 */


#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "mxt_url.h"


static int mxt_url_fill(CURLU *u, const char *path, const char *const *query,
    const char **why);
static int mxt_url_speaks_http(CURLU *u, const char **why);
static int mxt_url_has(const char *query, const char *parameter);
static int mxt_url_host_is_loopback(char *host);
static int mxt_url_proxy_parts(CURLU *u, const char **why);
static int mxt_url_copy(CURLU *u, CURLUPart part, unsigned decoded,
    char **value);
static char *mxt_url_of(const char *url, CURLUPart part);
static char *mxt_url_part(CURLU *u, CURLUPart part);


int
mxt_url_complete(const char *url, const char *path, const char *const *query,
    char **out, const char **why)
{
    int         rc;
    char       *s;
    CURLU      *u;
    CURLUcode   code;

    rc = -1;
    *why = "no memory";

    u = curl_url();

    if (u == NULL) {
        return -1;
    }

    code = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER);

    if (code == CURLUE_USER_NOT_ALLOWED) {
        *why = "it must not have a user";

    } else if (code == CURLUE_UNSUPPORTED_SCHEME) {
        *why = "only http and https are supported";

    } else if (code != CURLUE_OK || strstr(url, ":///")) {

        /* three slashes are one too many, but libcurl is lenient */

        *why = "it is malformed";

    } else if (mxt_url_fill(u, path, query, why) == 0) {

        s = mxt_url_part(u, CURLUPART_URL);

        if (s != NULL) {
            *out = strdup(s);
            rc = *out ? 0 : -1;
            curl_free(s);
        }
    }

    curl_url_cleanup(u);

    return rc;
}


static int
mxt_url_fill(CURLU *u, const char *path, const char *const *query,
    const char **why)
{
    int    rc;
    char  *s;

    if (mxt_url_speaks_http(u, why) != 0) {
        return -1;
    }

    s = mxt_url_part(u, CURLUPART_FRAGMENT);

    if (s != NULL) {
        curl_free(s);
        *why = "it has a fragment";
        return -1;
    }

    s = mxt_url_part(u, CURLUPART_PATH);
    rc = (s == NULL || *s == '\0' || strcmp(s, "/") == 0)
         ? (int) curl_url_set(u, CURLUPART_PATH, path, 0) : 0;
    curl_free(s);

    for ( /* void */ ; rc == 0 && *query; query++) {

        s = mxt_url_part(u, CURLUPART_QUERY);

        if (s == NULL || !mxt_url_has(s, *query)) {
            rc = (int) curl_url_set(u, CURLUPART_QUERY, *query,
                                    CURLU_APPENDQUERY);
        }

        curl_free(s);
    }

    return rc ? -1 : 0;
}


static int
mxt_url_speaks_http(CURLU *u, const char **why)
{
    int    rc;
    char  *s;

    s = mxt_url_part(u, CURLUPART_SCHEME);
    rc = (s && (strcmp(s, "http") == 0 || strcmp(s, "https") == 0)) ? 0 : -1;
    curl_free(s);

    if (rc != 0) {
        *why = "only http and https are supported";
        return -1;
    }

    s = mxt_url_part(u, CURLUPART_PORT);
    rc = (s && strcmp(s, "0") == 0) ? -1 : 0;
    curl_free(s);

    if (rc != 0) {
        *why = "its port is 0";
    }

    return rc;
}


/* whether query has a parameter with the name of "name=value" */

static int
mxt_url_has(const char *query, const char *parameter)
{
    size_t  n;

    n = strcspn(parameter, "=") + 1;

    for ( ;; ) {

        if (strncmp(query, parameter, n) == 0) {
            return 1;
        }

        query = strchr(query, '&');

        if (query == NULL) {
            return 0;
        }

        query++;
    }
}


int
mxt_url_is_https(const char *url)
{
    int    rc;
    char  *s;

    s = mxt_url_of(url, CURLUPART_SCHEME);
    rc = s && strcmp(s, "https") == 0;
    curl_free(s);

    return rc;
}


int
mxt_url_is_loopback(const char *url)
{
    int    rc;
    char  *s;

    s = mxt_url_of(url, CURLUPART_HOST);
    rc = s && mxt_url_host_is_loopback(s);
    curl_free(s);

    return rc;
}


static int
mxt_url_host_is_loopback(char *host)
{
    size_t           len;
    struct in_addr   in;
    struct in6_addr  in6;

    if (strcasecmp(host, "localhost") == 0) {
        return 1;
    }

    if (inet_pton(AF_INET, host, &in) == 1) {
        return (ntohl(in.s_addr) >> 24) == 127;
    }

    len = strlen(host);

    if (len < 2 || host[0] != '[' || host[len - 1] != ']') {
        return 0;
    }

    host[len - 1] = '\0';

    return inet_pton(AF_INET6, host + 1, &in6) == 1
           && IN6_IS_ADDR_LOOPBACK(&in6);
}


int
mxt_url_proxy(const char *url, const char **why)
{
    int         rc;
    CURLU      *u;
    CURLUcode   code;

    rc = -1;
    *why = "no memory";

    u = curl_url();

    if (u == NULL) {
        return -1;
    }

    code = curl_url_set(u, CURLUPART_URL, url, 0);

    if (code == CURLUE_UNSUPPORTED_SCHEME) {
        *why = "only http and https are supported";

    } else if (code == CURLUE_OUT_OF_MEMORY) {
        /* void */

    } else if (code != CURLUE_OK || strstr(url, ":///")) {
        *why = "it is malformed";

    } else {
        rc = mxt_url_proxy_parts(u, why);
    }

    curl_url_cleanup(u);

    return rc;
}


static int
mxt_url_proxy_parts(CURLU *u, const char **why)
{
    int    rc;
    char  *path, *query, *fragment, *scheme;

    if (mxt_url_speaks_http(u, why) != 0) {
        return -1;
    }

    scheme = mxt_url_part(u, CURLUPART_SCHEME);
    rc = (scheme && strcmp(scheme, "https") == 0
          && !(curl_version_info(CURLVERSION_NOW)->features
               & CURL_VERSION_HTTPS_PROXY));
    curl_free(scheme);

    if (rc) {
        *why = "this libcurl has no https to a proxy";
        return -1;
    }

    path = mxt_url_part(u, CURLUPART_PATH);
    query = mxt_url_part(u, CURLUPART_QUERY);
    fragment = mxt_url_part(u, CURLUPART_FRAGMENT);

    rc = ((path && *path && strcmp(path, "/") != 0) || query || fragment);

    curl_free(path);
    curl_free(query);
    curl_free(fragment);

    if (rc) {
        *why = "a proxy has no path";
        return -1;
    }

    return 0;
}


int
mxt_url_user(const char *url, unsigned decoded, char **user, char **password)
{
    int     rc;
    CURLU  *u;

    rc = -1;
    *user = *password = NULL;

    u = curl_url();

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
        && mxt_url_copy(u, CURLUPART_USER, decoded, user) == 0
        && mxt_url_copy(u, CURLUPART_PASSWORD, decoded, password) == 0)
    {
        rc = 0;

    } else {
        free(*user);
        *user = NULL;
    }

    curl_url_cleanup(u);

    return rc;
}


static int
mxt_url_copy(CURLU *u, CURLUPart part, unsigned decoded, char **value)
{
    char       *s;
    CURLUcode   code;

    s = NULL;
    code = curl_url_get(u, part, &s, decoded ? CURLU_URLDECODE : 0);

    if (code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD) {
        return 0;
    }

    if (code != CURLUE_OK) {
        return -1;
    }

    *value = strdup(s);
    curl_free(s);

    return *value ? 0 : -1;
}


static char *
mxt_url_of(const char *url, CURLUPart part)
{
    char   *s;
    CURLU  *u;

    s = NULL;
    u = curl_url();

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        s = mxt_url_part(u, part);
    }

    curl_url_cleanup(u);

    return s;
}


static char *
mxt_url_part(CURLU *u, CURLUPart part)
{
    char  *s;

    s = NULL;

    return curl_url_get(u, part, &s, 0) == CURLUE_OK ? s : NULL;
}
