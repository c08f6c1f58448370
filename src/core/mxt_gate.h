
/*
 * When a project may post: one gate for all its connections.
 *
 * Closed by a failure, for a delay that doubles; then one probe decides.
 * Pure, time and randomness are arguments; the gate itself lives in the zone
 * and survives every process.
 */


#ifndef MXT_GATE_H
#define MXT_GATE_H


#include <stdint.h>


typedef struct {
    uint32_t     min;           /* ms, the first delay */
    uint32_t     max;           /* ms, where doubling ends */
    uint32_t     jitter_min;    /* ms, added to each delay */
    uint32_t     jitter_max;
} mxt_backoff_t;


typedef enum {
    MXT_GATE_OPEN = 0,
    MXT_GATE_CLOSED,            /* until opens_at */
    MXT_GATE_HALF_OPEN,         /* one probe at a time */
    MXT_GATE_HOLD               /* a fault of the configuration: closed, or
                                   one probe at a time */
} mxt_gate_state_e;


/*
 * Times are milliseconds of CLOCK_MONOTONIC, which all processes of a
 * machine share.  Written by the holder of the zone's lease alone, read by
 * anybody.  All zeros is an open gate.
 */
typedef struct {
    uint64_t     closed_at;     /* when the last failure was counted */
    uint64_t     opens_at;      /* no post before */
    uint32_t     failures;      /* in a row; 0 is an open gate */
    uint32_t     hold;          /* 0 or 1 */
    uint32_t     connections;   /* at most, for 429s; 0 is no such limit */
    uint32_t     refused;       /* whole batches in a row */
} mxt_gate_t;


#pragma GCC visibility push(hidden)


/*
 * The delay in ms before attempt number failures + 1 (failures > 0):
 * min doubled failures - 1 times, at most max, plus a jitter that random
 * (31 bits will do) picks between jitter_min and jitter_max, both included.
 * Mixpanel's own figures are 2 s doubling to 60 s with 1 to 5 s of jitter.
 */
uint64_t mxt_gate_backoff(const mxt_backoff_t *b, uint32_t failures,
    uint32_t random);

/* What it is at now, monotonic ms. */
mxt_gate_state_e mxt_gate_state(const mxt_gate_t *g, uint64_t now);

/*
 * How many more posts may start now when inflight are on their way and the
 * project may have max: none while the gate is closed; one when it is half
 * open, unless probing says that a probe is out, and whatever else is still
 * on its way from before, as long as it is fewer than max; when it is open,
 * what is free of max and of what 429s have left of it.
 */
unsigned mxt_gate_allows(const mxt_gate_t *g, uint64_t now, unsigned inflight,
    unsigned max, unsigned probing);

/*
 * A post that began at started has failed, and delay ms from now is the next
 * attempt.  Those which began before the gate was last closed, or in the same
 * millisecond, are part of the same failure and change nothing, also when
 * mxt_gate_passed() came in between.  With slow_down (429) the number of
 * connections is halved, from max or from what it is, to 1 at least.
 * Returns 1 if the gate was closed by this one, else 0.
 */
unsigned mxt_gate_failed(mxt_gate_t *g, uint64_t started, uint64_t now,
    uint64_t delay, unsigned slow_down, unsigned max);

/*
 * The configuration is at fault: closes the gate for delay ms, whatever it
 * was, and one probe after the other until one has passed.  It is a failure
 * if there was none: several posts may say the same.
 */
void mxt_gate_hold(mxt_gate_t *g, uint64_t now, uint64_t delay);

/* What was held may be tried at once: the configuration is another one.
 * Nothing to do if it is not on hold. */
void mxt_gate_retry(mxt_gate_t *g, uint64_t now);

/*
 * A post that began at started was answered as it should be: refused is 0;
 * and unless that post is older than the failure that closed the gate last
 * (or of the same millisecond), the gate opens, with one connection more
 * after 429s (up to max, then there is no such limit).  An older one says
 * nothing of the fewer connections: else the rest of a burst would undo at
 * once what its 429 has halved.  Returns 1 if the gate was not open and is
 * now, else 0.
 */
unsigned mxt_gate_passed(mxt_gate_t *g, uint64_t started, unsigned max);

/* A post that began at started was refused for what is in it (400, 413, 200
 * with 0): the server is there.  As mxt_gate_passed(), but refused stays as
 * it is, and so does a hold. */
unsigned mxt_gate_answered(mxt_gate_t *g, uint64_t started, unsigned max);


#pragma GCC visibility pop


#endif /* MXT_GATE_H */
