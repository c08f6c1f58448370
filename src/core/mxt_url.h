
/*
 * An endpoint's URL, completed the way Mixpanel wants it; and a proxy's.
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

/* Of a URL that mxt_url_complete() has made, or mxt_url_proxy() has taken:
 * whether it is https, and whether its host is this machine (127.0.0.0/8,
 * ::1, localhost).  1 or 0; without memory 0. */
int mxt_url_is_https(const char *url);
int mxt_url_is_loopback(const char *url);

/*
 * The user and the password of a URL that mxt_url_proxy() has taken, decoded
 * or as they stand there; both are malloc'ed and the caller's, or NULL where
 * there is none.  0, or -1 without memory, and then both are NULL.
 */
int mxt_url_user(const char *url, unsigned decoded, char **user,
    char **password);

/*
 * Whether url (terminated) is a proxy's: http, or https if libcurl can, a
 * host, maybe a user, a password and a port (else libcurl's own for proxies,
 * 1080 and 443), and nothing behind it but a slash.  This alone decides, for
 * nginx -t and for the client.  0, or -1 and a few words in *why, without a part of url.
 */
int mxt_url_proxy(const char *url, const char **why);


#pragma GCC visibility pop


#endif /* MXT_URL_H */
