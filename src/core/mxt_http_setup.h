
/*
 * What a conf means in libcurl's options: where to, who we are, whom we
 * believe.  Used by mxt_http.c alone.
 */


#ifndef MXT_HTTP_SETUP_H
#define MXT_HTTP_SETUP_H


#include <curl/curl.h>

#include "mxt_http.h"


#pragma GCC visibility push(hidden)


/*
 * Whether the conf can be posted to, as far as that can be known without the
 * network.  0 with "host:port" of the URL in *name, to be freed with
 * free(); or -1 with a few static words in *why.
 */
int mxt_http_setup_check(const mxt_http_conf_t *conf, char **name,
    const char **why);

/* As mxt_http_resolves_async(). */
int mxt_http_setup_async(void);

/*
 * Makes one copy of all PEMs, *pem, to be freed with free(), and points the
 * conf's at it; *pem stays as it is if there are none.  0, or -1 when there is
 * no memory.
 */
int mxt_http_setup_keep(mxt_http_conf_t *conf, char **pem);

/*
 * Sets the options that follow from the conf alone.  libcurl keeps pointers
 * to the PEMs (it would copy them for each handle), and copies all else; they
 * must live as long as the handle.  0, or -1 with static words in *why.
 */
int mxt_http_setup(CURL *e, const mxt_http_conf_t *conf, const char **why);

/*
 * Makes the list of a post's headers, with Content-Encoding if gzip is set.
 * 0, or -1 when there is no memory; *list, NULL before, is the caller's to
 * free either way.
 */
int mxt_http_setup_headers(struct curl_slist **list, unsigned gzip);


#pragma GCC visibility pop


#endif /* MXT_HTTP_SETUP_H */
