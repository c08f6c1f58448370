
/*
 * What mxt_agent() said of the clients of late, so that it is asked once for
 * those that come again: most requests are a few browsers'.
 *
 * The invariant: the answer is the one that mxt_agent() would give.
 */


#ifndef MXT_AGENT_MEMO_H
#define MXT_AGENT_MEMO_H


#include "mxt_agent.h"


/* of all headers together; who sends more is asked for each time */
#define MXT_AGENT_MEMO_TEXT   480

/* a power of two */
#define MXT_AGENT_MEMO_SLOTS  256


#pragma GCC visibility push(hidden)


/*
 * As mxt_agent(): the version lies in h's bytes here as well.  It remembers in
 * memory of the process (137 KB at most, touched as it is used), without a
 * lock: one thread of a process may call it.
 */
void mxt_agent_memo(mxt_agent_t *a, const mxt_agent_headers_t *h);


#pragma GCC visibility pop


#endif /* MXT_AGENT_MEMO_H */
