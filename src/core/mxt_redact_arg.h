
/*
 * The arguments of a URL, and those in the value of another one, whose marks
 * are encoded: for mxt_redact.c and mxt_args.c alone.
 *
 * A mark is one of "&;?#/=" or an escape of it, see mxt_uri_escape(): by their
 * length marks are compared.
 */


#ifndef MXT_REDACT_ARG_H
#define MXT_REDACT_ARG_H


#include <stddef.h>
#include <string.h>

#include "mxt_uri.h"


#define MXT_REDACT_HIDE      0x01   /* a name to be hidden begins after it */
#define MXT_REDACT_PATH      0x02   /* an argument begins after it */
#define MXT_REDACT_QUERY     0x04
#define MXT_REDACT_FRAGMENT  0x08

/* in a value, which may be any part of another URL */
#define MXT_REDACT_INNER     (MXT_REDACT_QUERY|MXT_REDACT_FRAGMENT)


/* a "=", and the name before it */

typedef struct {
    const unsigned char  *mark;     /* of the name; without one the name */
    const unsigned char  *name;
    const unsigned char  *eq;
    const unsigned char  *value;

    /* of the search for it */
    const unsigned char  *first;    /* no name begins before */
    const unsigned char  *last;
    const unsigned char  *coded;    /* the next encoded "=", last: none */
    const unsigned char  *plain;    /* the next other one, while there is */
    size_t                len;      /* of that */
    const unsigned char  *before;   /* the last encoded mark before that */
    const unsigned char  *after;    /* and its end */
} mxt_redact_arg_t;


#pragma GCC visibility push(hidden)


/* What each mark is a mark of. */
extern const unsigned char  mxt_redact_marks[256];


/*
 * Where the value ends (eq and value of a are looked at): at an "&" that is
 * encoded as often as its "=" or less often.  One that is encoded more often
 * is a part of the value; and so is what another "=" begins that is encoded
 * less often, up to where that one's value ends.
 */
const unsigned char *mxt_redact_value(const mxt_redact_arg_t *a,
    const unsigned char *last);

/* What the two below do if there is a "%". */
void mxt_redact_start_coded(mxt_redact_arg_t *a, const unsigned char *p);
unsigned mxt_redact_next_coded(mxt_redact_arg_t *a, const unsigned char *p);


/* The next c, or last. */

static inline const unsigned char *
mxt_redact_byte(const unsigned char *p, const unsigned char *last,
    unsigned char c)
{
    p = memchr(p, c, (size_t) (last - p));

    return p ? p : last;
}


/* Where the name before eq begins, not before first. */

static inline const unsigned char *
mxt_redact_name(const unsigned char *eq, const unsigned char *first)
{
    while (eq > first && !(mxt_redact_marks[eq[-1]] & MXT_REDACT_HIDE)) {
        eq--;
    }

    return eq;
}


/*
 * Find one "=" after the other between start and last, from p on, which must
 * not go back; 0 if there is none any more.  The name before a "=" that is
 * encoded begins after any mark, the name before a plain one after a plain one
 * only: the marks that are encoded in it part it, see mxt_redact_hides().  No
 * name begins before a->first, which the caller may set to p.
 */

static inline void
mxt_redact_start(mxt_redact_arg_t *a, const unsigned char *start,
    const unsigned char *last)
{
    a->first = start;
    a->last = last;
    a->coded = mxt_redact_byte(start, last, '%');

    if (a->coded < last) {
        mxt_redact_start_coded(a, start);
    }
}


static inline unsigned
mxt_redact_next(mxt_redact_arg_t *a, const unsigned char *p)
{
    const unsigned char  *eq;

    if (a->coded < a->last) {
        return mxt_redact_next_coded(a, p);
    }

    eq = memchr(p, '=', (size_t) (a->last - p));

    if (eq == NULL) {
        return 0;
    }

    a->eq = eq;
    a->value = eq + 1;
    a->name = mxt_redact_name(eq, a->first);
    a->mark = (a->name > a->first) ? a->name - 1 : a->name;

    return 1;
}


#pragma GCC visibility pop


#endif /* MXT_REDACT_ARG_H */
