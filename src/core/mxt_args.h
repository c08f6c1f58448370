
/*
 * Where a visitor came from: the arguments that campaigns and advertisers put
 * into links, and the search engine that a Referer tells of.
 *
 * The names, and what is taken from which text, are the browser SDK's, so that
 * a report makes no difference between its events and ours.
 */


#ifndef MXT_ARGS_H
#define MXT_ARGS_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_json.h"
#include "mxt_redact.h"
#include "mxt_uri.h"


/* how many there are */
#define MXT_ARGS_N  20


#pragma GCC visibility push(hidden)


/* Their names, which are the properties' names as well. */
extern const mxt_uri_str_t  mxt_args_names[MXT_ARGS_N];


/*
 * Finds the arguments of these names in a URL or request URI, and puts what
 * is between "=" and the next "&" or "#" into value, by the index of the name.
 * A name counts as it stands in mxt_args_names, after "?" or "&" anywhere
 * (also in a path), and the first of each.  Returns a bit for each that is
 * not empty, 1 << index; the other elements of value are not set.
 *
 * What r hides (it may be NULL) is not found, and a value that holds what r
 * hides ends before that.
 */
uint32_t mxt_args_find(const mxt_redact_t *r, const void *s, size_t len,
    mxt_uri_str_t value[MXT_ARGS_N]);

/*
 * Writes such a value, percent-decoded, as the inside of a JSON string (left,
 * cutting and result are those of mxt_json_text()).  A value in which
 * anything is amiss, an escape or the UTF-8 they make, is not decoded at all.
 * "+" is a space, and so is "%2B", because to the SDK it is.  User info of a
 * URL is left out, see mxt_userinfo.h.
 */
unsigned mxt_args_text(mxt_json_t *j, const void *s, size_t len,
    unsigned *left);

/*
 * The $search_engine of a Referer, NULL for none, and in keyword the
 * mp_keyword as mxt_args_find() does it (len 0 for none).
 */
const char *mxt_args_search(const mxt_redact_t *r, const void *s, size_t len,
    mxt_uri_str_t *keyword);


#pragma GCC visibility pop


#endif /* MXT_ARGS_H */
