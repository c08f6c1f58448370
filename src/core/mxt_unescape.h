
/*
 * A string of somebody's JSON, as one of ours.
 */


#ifndef MXT_UNESCAPE_H
#define MXT_UNESCAPE_H


#include "mxt_json.h"


#pragma GCC visibility push(hidden)


/*
 * Appends the JSON string that begins with the quote at *pos, as of
 * mxt_json_string(): unescaped, repaired, cut and escaped again, always in
 * the same way, so that equal strings are equal bytes.  Half a surrogate
 * pair is an ill-formed sequence.  If it is a name, a NUL in it becomes
 * U+FFFD: readers that keep names as C strings refuse it.
 *
 * Returns 0 with *pos behind the string and *cut one more if it was cut, else
 * as it was; or -1 if there is no whole string before last.  Then, and after
 * an overflow, the caller takes back what was written and what *pos and *cut
 * are.  *pos must be before last.
 */
int mxt_unescape(mxt_json_t *j, const unsigned char **pos,
    const unsigned char *last, unsigned name, unsigned *cut);


#pragma GCC visibility pop


#endif /* MXT_UNESCAPE_H */
