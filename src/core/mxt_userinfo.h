
/*
 * User info ("user:password@") of URLs that stand in other ones: as an
 * argument's value, in a path, behind "view-source:".
 */


#ifndef MXT_USERINFO_H
#define MXT_USERINFO_H


#include <stddef.h>

#include "mxt_json.h"


#pragma GCC visibility push(hidden)


/*
 * Finds the first user info from p on: what is between "://", or a "//" that
 * a value begins with, and the last "@" before the next of "/?#" or "&".  But
 * for the "&" these count in their encoded form as well ("%3A", "%2540"), and
 * "\" as "/", for so browsers have it.  "/?#" that are encoded more often than
 * that "//" and than an "@" behind them do not end it: the password of
 * "https%3A%2F%2Fu%3Aa%252Fb%40h" is "a/b".  With value a value begins at p.
 * Returns where it begins and in *end where it ends, behind the "@"; or last, and
 * *end is last, too.  p and last may be equal.
 */
const unsigned char *mxt_userinfo_find(const unsigned char *p,
    const unsigned char *last, unsigned value, const unsigned char **end);

/* The same for those behind the first one.  Whether there is any "@" is not
 * looked for, because it would be as often as there is user info. */
const unsigned char *mxt_userinfo_next(const unsigned char *p,
    const unsigned char *last, unsigned value, const unsigned char **end);

/* Copies a text without any to buf, as much of it as size holds; how much. */
size_t mxt_userinfo_strip(unsigned char *buf, size_t size,
    const unsigned char *s, size_t len);

/* Writes a text without any, as the inside of a JSON string: left, cutting
 * and result are those of mxt_json_text(). */
unsigned mxt_userinfo_text(mxt_json_t *j, const void *s, size_t len,
    unsigned value, unsigned *left);


#pragma GCC visibility pop


#endif /* MXT_USERINFO_H */
