
/*
 * The parts of a URL, as far as events need them: of the request and of its
 * Referer.
 *
 * The invariant: every part lies within what was passed, in its order, and
 * none holds user info.
 */


#ifndef MXT_URI_H
#define MXT_URI_H


#include <stddef.h>


/* not terminated; data is NULL for what is not there at all */

typedef struct {
    const unsigned char  *data;
    size_t                len;
} mxt_uri_str_t;


/*
 * "https://user:secret@example.com:8443/plans?from=mail#top" has
 *
 *     prefix     https://
 *     scheme     https             and ":" is current_url_protocol
 *     authority  example.com:8443  $referring_domain
 *     host       example.com       current_domain
 *     port       8443
 *     path       /plans            current_url_path
 *     query      from=mail         "?" and it is current_url_search
 *     fragment   top
 *
 * prefix and authority, path, "?" and query, "#" and fragment are the URL
 * without its user info.  A URL that came in pieces has no prefix; scheme and
 * "://" stand for it.  What is empty in a URL but has its mark ("?", "#", ":")
 * has data and no len.
 */

typedef struct {
    mxt_uri_str_t  prefix;
    mxt_uri_str_t  scheme;
    mxt_uri_str_t  authority;
    mxt_uri_str_t  host;
    mxt_uri_str_t  port;
    mxt_uri_str_t  path;
    mxt_uri_str_t  query;
    mxt_uri_str_t  fragment;
} mxt_uri_t;


#pragma GCC visibility push(hidden)


/*
 * Splits a URL, len bytes of anything: what is not a URL has some of these
 * parts (all of it may be path).  s may be NULL when len is 0.
 *
 * User info is what lies before the last "@" of the authority.  A parser that
 * errs may not let a password through, so the authority is sought as
 * leniently as a browser would: http and https may be followed by any number
 * of slashes, and where there is no authority to be seen, all in front of an
 * "@" before the first of "/?#" is dropped.
 */
void mxt_uri_split(mxt_uri_t *u, const void *s, size_t len);

/*
 * The same for a request, of which scheme ("https"), host (what the client
 * sent, port included) and URI (path, query) are known apart.
 */
void mxt_uri_request(mxt_uri_t *u, mxt_uri_str_t scheme, mxt_uri_str_t host,
    mxt_uri_str_t uri);

/*
 * The escape of a mark, if the "%" at p begins one, before last: its length
 * and which of "&;?#/=" it is, else 0.  The percent sign may be encoded again,
 * any number of times ("%26", "%2526", "%25253d"), so the length says how
 * often the mark is encoded.
 */
size_t mxt_uri_escape(const unsigned char *p, const unsigned char *last,
    unsigned char *mark);


#pragma GCC visibility pop


#endif /* MXT_URI_H */
