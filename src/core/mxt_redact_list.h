
/*
 * A list of names of arguments: those to hide, or those to keep.
 */


#ifndef MXT_REDACT_LIST_H
#define MXT_REDACT_LIST_H


#include <stddef.h>


/* bytes of a name that count */
#define MXT_REDACT_NAME_MAX  64


typedef struct mxt_redact_s  mxt_redact_t;


#pragma GCC visibility push(hidden)


/* The usual secrets, for mxt_redact_add(); the last one is NULL. */
extern const char *const  mxt_redact_default[];


/*
 * Makes a list in mem, which is the caller's, aligned as malloc() aligns, and
 * of mxt_redact_size() bytes: for n names of together so many bytes.
 *
 * Without keep the list says what to hide: the values of these arguments
 * become MXT_REDACT_WORD.  Letters and digits alone count, in any case of
 * letters: "access_token" is also "accessToken" and "Access-Token".  A name
 * of several parts ("user[password]", "login.password") is hidden if any of
 * the parts is on the list, all together are, or all behind the last of
 * "&;?#/=".  "*token" is every name that ends so.
 *
 * With keep it says what to leave: arguments that are not on it are removed.
 * Names are compared as a whole and byte by byte, but in any case of letters.
 *
 * In both forms names in a URL are percent-decoded first, and "+" is a space.
 * What is encoded more than once ("user%255Bpassword%255D") is listed if it is
 * after the first decoding or after the last.
 */
size_t mxt_redact_size(size_t n, size_t bytes);
mxt_redact_t *mxt_redact_init(void *mem, size_t n, size_t bytes,
    unsigned keep);

/* Adds a name, not encoded; 0, or -1 for one of which nothing counts (of a
 * tail one byte at most) or more than MXT_REDACT_NAME_MAX bytes, or if there
 * is no room. */
int mxt_redact_add(mxt_redact_t *r, const void *name, size_t len);

/* Is an argument of that name, as it is in a URL, hidden?  Of no list
 * (NULL) nothing is. */
unsigned mxt_redact_hides(const mxt_redact_t *r, const void *name,
    size_t len);

/*
 * 1: in the len bytes of a URL, which begin where a name may, one pass has
 * found that nothing is to be hidden, and no user info.  0: somebody has to
 * look closer; so always with keep.  r is not NULL.
 */
unsigned mxt_redact_quiet(const mxt_redact_t *r, const void *s, size_t len);

/* Is that the form with keep? */
unsigned mxt_redact_keeps(const mxt_redact_t *r);


#pragma GCC visibility pop


#endif /* MXT_REDACT_LIST_H */
