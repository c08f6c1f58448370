
/*
 * What becomes of a reply, and when to try again.
 *
 * Pure: time and randomness are arguments, nothing is kept but the gate,
 * which lives in the zone and survives every process.
 */


#ifndef MXT_POLICY_H
#define MXT_POLICY_H


#include <stddef.h>
#include <stdint.h>


typedef enum {
    MXT_VERDICT_DELIVERED = 0,
    MXT_VERDICT_RETRY
} mxt_verdict_e;


typedef struct {
    int          error;     /* a CURLcode, 0 if there is a reply */
    long         status;    /* of HTTP, 0 if there is none */
    const char  *retry_after;   /* that header, terminated; NULL if none */
    const char  *body;      /* not terminated; NULL if there is none */
    size_t       len;
    unsigned     cut;       /* the body is not all there */
} mxt_reply_t;


typedef struct {
    uint32_t     min;           /* ms, the first delay */
    uint32_t     max;           /* ms, where doubling ends */
    uint32_t     jitter_min;    /* ms, added to each delay */
    uint32_t     jitter_max;
} mxt_backoff_t;


/*
 * One gate per project.  Times are milliseconds of CLOCK_MONOTONIC, which
 * all processes of a machine share.  Written by the holder of the zone's
 * lease alone.
 */
typedef struct {
    uint64_t     closed_at;     /* when the last failure was counted */
    uint64_t     opens_at;      /* no post before */
    uint32_t     failures;      /* in a row; 0 is an open gate */
    uint32_t     reserved;
} mxt_gate_t;


#pragma GCC visibility push(hidden)


/*
 * Judges a reply.  A short reason, terminated and safe for a log, is put
 * into why, size bytes, when the verdict is not MXT_VERDICT_DELIVERED; else
 * why is left as it is.  It is printable ASCII: "429", "timeout", "status 0:
 * " and at most 100 characters of the server's own words, in which what looks
 * like a token or an id (16 letters, digits, - and _ with a digit among
 * them) is an asterisk, for they may quote the request.
 *
 * Delivered is 200 with the body 1 (white space around it is ignored), or
 * with a JSON object whose "status" is 1 or "1" (verbose=1; clients have
 * seen both).  All else is tried again, for now.
 */
mxt_verdict_e mxt_policy_verdict(const mxt_reply_t *r, char *why, size_t size);

/*
 * The delay in ms before attempt number failures + 1 (failures > 0):
 * min doubled failures - 1 times, at most max, plus a jitter that random
 * (31 bits will do) picks between jitter_min and jitter_max, both included.
 * Mixpanel's own figures are 2 s doubling to 60 s with 1 to 5 s of jitter.
 */
uint64_t mxt_policy_backoff(const mxt_backoff_t *b, uint32_t failures,
    uint32_t random);

/*
 * How many more posts may start now when inflight are on their way and the
 * project may have max: none while the gate is closed, one probe after a
 * failure, whatever is free of max otherwise.
 */
unsigned mxt_gate_allows(const mxt_gate_t *g, uint64_t now, unsigned inflight,
    unsigned max);

/*
 * A post that began at started has failed.  Those which began before the
 * gate was last closed, or in the same millisecond, are part of the same
 * failure and change nothing, also when mxt_gate_passed() came in between.
 * Returns 1 if the gate was closed by this one, else 0.
 */
unsigned mxt_gate_failed(mxt_gate_t *g, const mxt_backoff_t *b,
    uint64_t started, uint64_t now, uint32_t random);

/* A post was answered as it should be: the gate is open. */
void mxt_gate_passed(mxt_gate_t *g);


#pragma GCC visibility pop


#endif /* MXT_POLICY_H */
