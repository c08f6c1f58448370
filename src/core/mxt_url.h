
/*
 * An endpoint's URL, completed the way Mixpanel wants it.
 */


#ifndef MXT_URL_H
#define MXT_URL_H


#pragma GCC visibility push(hidden)


/*
 * Parses url (terminated; http or https, a host, no user, no fragment) and
 * completes it: path where it has none of its own, and each "name=value" of
 * query (NULL ends the list) whose name is not in its query.  *out is
 * malloc'ed and the caller's.  0, or -1 and a few words in *why.
 *
 * Uses libcurl's parser, no network, and needs no mxt_http_global_init().
 */
int mxt_url_complete(const char *url, const char *path,
    const char *const *query, char **out, const char **why);


#pragma GCC visibility pop


#endif /* MXT_URL_H */
