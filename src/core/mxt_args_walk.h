
/*
 * A walk through the arguments of a URL from the left to the right, on which
 * what is hidden, and where a value ends that may be shown, is asked of some of
 * them: each byte is read a few times, however many ask.
 */


#ifndef MXT_ARGS_WALK_H
#define MXT_ARGS_WALK_H


#include "mxt_redact.h"
#include "mxt_redact_arg.h"


typedef struct {
    const mxt_redact_t   *redact;
    const unsigned char  *first;
    const unsigned char  *last;

    /* of the arguments up to the next "&" */
    const unsigned char  *end;      /* the "&", NULL: none looked at yet */
    const unsigned char  *until;    /* what is before is in a hidden value */
    mxt_redact_arg_t      arg;      /* the next one, its eq is end for none */

    /* of the last value that may have arguments within */
    const unsigned char  *whole;    /* its end */
    const unsigned char  *shown;    /* the end of what may be shown of it */
} mxt_args_walk_t;


#pragma GCC visibility push(hidden)


/* Begins a walk from s to last; r may be NULL: nothing is hidden then. */
void mxt_args_walk_start(mxt_args_walk_t *w, const mxt_redact_t *r,
    const unsigned char *s, const unsigned char *last);

/* Whether the mark, a "?" behind those asked for before, is in a value that is
 * hidden: names are looked for in values, too, as the SDK does it. */
unsigned mxt_args_walk_hidden(mxt_args_walk_t *w, const unsigned char *mark);

/* The length of what may be shown of the value behind eq, which is behind those
 * asked for before. */
size_t mxt_args_walk_value(mxt_args_walk_t *w, const unsigned char *eq);


#pragma GCC visibility pop


#endif /* MXT_ARGS_WALK_H */
