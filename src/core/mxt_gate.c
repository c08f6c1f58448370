
/*
 * When a project may post: one gate for all its connections.
 *
 * The invariant: what began before the gate was last closed belongs to the
 * failure that closed it.  It neither closes the gate again nor opens it.
 */


#include "mxt_gate.h"


static unsigned mxt_gate_older(const mxt_gate_t *g, uint64_t started);
static void mxt_gate_close(mxt_gate_t *g, uint64_t now, uint64_t delay);
static void mxt_gate_widen(mxt_gate_t *g, unsigned max);


uint64_t
mxt_gate_backoff(const mxt_backoff_t *b, uint32_t failures, uint32_t random)
{
    uint32_t  doublings;
    uint64_t  delay, jitter;

    delay = b->min;
    doublings = failures ? failures - 1 : 0;

    /* 32 bits shifted by 32 at most: nothing is lost */

    delay <<= doublings < 32 ? doublings : 32;

    if (delay > b->max) {
        delay = b->max;
    }

    jitter = b->jitter_min;

    if (b->jitter_max > b->jitter_min) {
        /* the low bits: random() has no 32nd one */

        jitter += random % ((uint64_t) b->jitter_max - b->jitter_min + 1);
    }

    return delay + jitter;
}


mxt_gate_state_e
mxt_gate_state(const mxt_gate_t *g, uint64_t now)
{
    if (g->hold) {
        return MXT_GATE_HOLD;
    }

    if (g->failures == 0) {
        return MXT_GATE_OPEN;
    }

    return now < g->opens_at ? MXT_GATE_CLOSED : MXT_GATE_HALF_OPEN;
}


unsigned
mxt_gate_allows(const mxt_gate_t *g, uint64_t now, unsigned inflight,
    unsigned max, unsigned probing)
{
    unsigned  limit;

    if (mxt_gate_state(g, now) != MXT_GATE_OPEN) {

        /*
         * posts of before the failure do not stand in for the probe: those
         * that hang do so until their timeout
         */

        return now >= g->opens_at && !probing && inflight < max;
    }

    limit = (g->connections && g->connections < max) ? g->connections : max;

    return inflight < limit ? limit - inflight : 0;
}


unsigned
mxt_gate_failed(mxt_gate_t *g, uint64_t started, uint64_t now, uint64_t delay,
    unsigned slow_down, unsigned max)
{
    unsigned  limit;

    if (mxt_gate_older(g, started)) {
        return 0;
    }

    if (g->failures != UINT32_MAX) {
        g->failures++;
    }

    mxt_gate_close(g, now, delay);

    if (slow_down) {
        limit = (g->connections && g->connections < max) ? g->connections
                                                         : max;

        g->connections = limit > 1 ? limit / 2 : 1;
    }

    return 1;
}


void
mxt_gate_hold(mxt_gate_t *g, uint64_t now, uint64_t delay)
{
    g->hold = 1;

    /* all that is in flight may say the same: not counted one by one */

    if (g->failures == 0) {
        g->failures = 1;
    }

    mxt_gate_close(g, now, delay);
}


void
mxt_gate_retry(mxt_gate_t *g, uint64_t now)
{
    if (g->hold && g->opens_at > now) {
        g->opens_at = now;
    }
}


unsigned
mxt_gate_passed(mxt_gate_t *g, uint64_t started, unsigned max)
{
    unsigned  closed;

    g->refused = 0;

    if (mxt_gate_older(g, started)) {
        return 0;
    }

    mxt_gate_widen(g, max);

    closed = g->hold || g->failures;

    g->hold = 0;
    g->failures = 0;

    return closed;
}


unsigned
mxt_gate_answered(mxt_gate_t *g, uint64_t started, unsigned max)
{
    unsigned  closed;

    if (mxt_gate_older(g, started)) {
        return 0;
    }

    mxt_gate_widen(g, max);

    /* failures stays, too: 0 would be an open gate */

    if (g->hold) {
        return 0;
    }

    closed = g->failures != 0;

    g->failures = 0;

    return closed;
}


/*
 * closed_at outlives mxt_gate_passed(): stragglers of a burst that was
 * counted once are not counted again because one of it came through.
 */

static unsigned
mxt_gate_older(const mxt_gate_t *g, uint64_t started)
{
    return g->closed_at != 0 && started <= g->closed_at;
}


static void
mxt_gate_close(mxt_gate_t *g, uint64_t now, uint64_t delay)
{
    g->closed_at = now;
    g->opens_at = delay < UINT64_MAX - now ? now + delay : UINT64_MAX;
}


static void
mxt_gate_widen(mxt_gate_t *g, unsigned max)
{
    if (g->connections == 0) {
        return;
    }

    /* compared before it is added to: neither wraps */

    g->connections = (max == 0 || g->connections >= max - 1)
                     ? 0 : g->connections + 1;
}
