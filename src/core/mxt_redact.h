
/*
 * What of a URL's arguments may leave this machine.
 *
 * The invariant: the value of an argument that a list hides is not written,
 * however its name is encoded, and however often what it stands in is (but
 * for escapes of which the digits are escaped).  In doubt it is longer than it
 * was meant to be.
 */


#ifndef MXT_REDACT_H
#define MXT_REDACT_H


#include <stddef.h>

#include "mxt_json.h"
#include "mxt_redact_list.h"
#include "mxt_uri.h"


/* it stands for a value, in a URL as in JSON without being escaped */
#define MXT_REDACT_WORD      "REDACTED"


#pragma GCC visibility push(hidden)


/*
 * In all of these r may be NULL: then nothing is hidden.
 *
 * How many of the first bytes of a value may be shown: not all, if it holds
 * another argument that is hidden ("a;token=secret", "//x/?token=secret",
 * "a%26token%3Dsecret").
 */
size_t mxt_redact_shown(const mxt_redact_t *r, const unsigned char *s,
    size_t len);

/*
 * Write a URL without its user info, its path alone, and "?" with its query,
 * as the inside of a JSON string: left, cutting, repair and result are those
 * of mxt_json_text().  The user info of other URLs within is left out as well,
 * see mxt_userinfo.h.  The search writes nothing if there is no query, or if
 * nothing is left of it.
 *
 * The name of an argument to hide begins after any of "&;?#/=", because who
 * wrote the URL and who reads it may have different ideas of that.  Its value
 * ends with the part of the URL or at "&", and nowhere else: a password may
 * hold any of the others.  Path and fragment may have arguments, too
 * (";jsessionid=", "#access_token=").
 *
 * A value may be a URL or a query in its turn, and is encoded then.  So all of
 * these marks count in their encoded form as well, also if it is encoded again
 * ("%3F", "%253f").  What they hide ends at an "&" that is encoded as often as
 * the "=" was or less often, and the rest stays as it came.
 *
 * With a list of what to keep, arguments begin after "&" and, if there is a
 * "=" to them, after ";", "?" (but in a path) and "#" (in a fragment).  A word
 * without "=" is an argument in a query only, and a path's begin is none.
 * Within one that stays they begin after "&", ";", "?", "#" in encoded form,
 * if there is a "=" to them, encoded or not, and are removed like those
 * outside; "a%3Db" and "%2Fa%3Db" are no more of an argument than "a=b" is.
 */
unsigned mxt_redact_url(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_t *u, unsigned *left);
unsigned mxt_redact_path(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_t *u, unsigned *left);
unsigned mxt_redact_search(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_t *u, unsigned *left);


#pragma GCC visibility pop


#endif /* MXT_REDACT_H */
