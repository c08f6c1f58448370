
/*
 * What the client hints add to a user agent: for mxt_agent.c alone.
 */


#ifndef MXT_AGENT_HINTS_H
#define MXT_AGENT_HINTS_H


#include "mxt_agent.h"


#pragma GCC visibility push(hidden)


/* Fills in what a, made from the user agent, does not have. */
void mxt_agent_hints(mxt_agent_t *a, const mxt_agent_headers_t *h);

/* *out is the number that begins at the digit p, without zeros that have no
 * meaning; or it is left, when it is too long. */
void mxt_agent_number(mxt_agent_text_t *out, const char *p, const char *last);


#pragma GCC visibility pop


#endif /* MXT_AGENT_HINTS_H */
