
/*
 * The endpoint's URL, by libcurl's own parser, so that what nginx -t takes
 * is what the client will take.
 */


#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "mxt_url.h"


static int mxt_url_fill(CURLU *u, const char *path, const char *const *query,
    const char **why);
static int mxt_url_has(const char *query, const char *parameter);
static char *mxt_url_part(CURLU *u, CURLUPart part);


int
mxt_url_complete(const char *url, const char *path, const char *const *query,
    char **out, const char **why)
{
    int     rc;
    char   *s;
    CURLU  *u;

    rc = -1;
    *why = "no memory";

    u = curl_url();

    if (u == NULL) {
        return -1;
    }

    /* three slashes are one too many, but libcurl is lenient */

    if (strstr(url, ":///")
        || curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER)
           != CURLUE_OK)
    {
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


static char *
mxt_url_part(CURLU *u, CURLUPart part)
{
    char  *s;

    s = NULL;

    return curl_url_get(u, part, &s, 0) == CURLUE_OK ? s : NULL;
}
