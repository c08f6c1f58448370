
/*
 * The client's own shaping: a token bucket on events and on uncompressed
 * bytes, so that Mixpanel's limits over a rolling minute are never met.
 *
 * Smooth: a bucket holds what one second brings, never a whole minute.  A
 * post takes what it has, and may take the bucket below zero, which the next
 * one waits out.  Lives in the zone; pure, time is an argument.
 */


#ifndef MXT_RATE_H
#define MXT_RATE_H


#include <stdint.h>


typedef struct {
    uint64_t  events;           /* a second; 0 is no limit */
    uint64_t  bytes;            /* a minute; 0 is no limit */
} mxt_rate_conf_t;


/* Written by the holder of the zone's lease alone; all zeros is a full
 * bucket that nobody has used.  What has no limit is kept at 0: a limit that
 * comes later starts without stock and without debt. */
typedef struct {
    uint64_t  at;               /* ms of CLOCK_MONOTONIC, of these figures */
    int64_t   events;           /* what is there, in 1/1000 */
    int64_t   bytes;            /* what is there, in 1/60000 */
} mxt_rate_t;


#pragma GCC visibility push(hidden)


/* The ms until something may be posted, 0 if now; at least 1 otherwise.
 * After a change of conf a bucket holds at most what the new one allows. */
uint64_t mxt_rate_wait(mxt_rate_t *r, const mxt_rate_conf_t *conf,
    uint64_t now);

/* A post of so much has started. */
void mxt_rate_take(mxt_rate_t *r, const mxt_rate_conf_t *conf, uint64_t now,
    uint64_t events, uint64_t bytes);

/* The largest post that is smooth: a second's worth, but at least one event;
 * lowers what is in *events and *bytes to that. */
void mxt_rate_most(const mxt_rate_conf_t *conf, uint64_t *events,
    uint64_t *bytes);


#pragma GCC visibility pop


#endif /* MXT_RATE_H */
