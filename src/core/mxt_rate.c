
/*
 * The client's own shaping: a token bucket on events and on bytes.
 *
 * The invariant: a level is at most what one second brings, and a post is
 * let through at no less than zero.  So in any time t no more goes through
 * than what t brings, what one second brings, and one post.
 *
 * The units are such that a millisecond brings exactly conf->events and
 * conf->bytes: nothing is ever rounded away.
 */


#include "mxt_rate.h"


#define MXT_RATE_SECOND  1000

/* the units of an event and of a byte */
#define MXT_RATE_EVENT   1000
#define MXT_RATE_BYTE    60000


static void mxt_rate_fill(mxt_rate_t *r, const mxt_rate_conf_t *conf,
    uint64_t now);
static int64_t mxt_rate_level(int64_t level, uint64_t rate, uint64_t ms);
static int64_t mxt_rate_less(int64_t level, uint64_t rate, uint64_t n,
    uint64_t unit);
static uint64_t mxt_rate_ms(int64_t level, uint64_t rate);
static uint64_t mxt_rate_sane(uint64_t rate);


uint64_t
mxt_rate_wait(mxt_rate_t *r, const mxt_rate_conf_t *conf, uint64_t now)
{
    uint64_t  events, bytes;

    mxt_rate_fill(r, conf, now);

    events = mxt_rate_ms(r->events, conf->events);
    bytes = mxt_rate_ms(r->bytes, conf->bytes);

    return events > bytes ? events : bytes;
}


void
mxt_rate_take(mxt_rate_t *r, const mxt_rate_conf_t *conf, uint64_t now,
    uint64_t events, uint64_t bytes)
{
    mxt_rate_fill(r, conf, now);

    r->events = mxt_rate_less(r->events, conf->events, events, MXT_RATE_EVENT);
    r->bytes = mxt_rate_less(r->bytes, conf->bytes, bytes, MXT_RATE_BYTE);
}


void
mxt_rate_most(const mxt_rate_conf_t *conf, uint64_t *events, uint64_t *bytes)
{
    uint64_t  most;

    if (conf->events && *events > conf->events) {
        *events = conf->events;
    }

    if (conf->bytes == 0) {
        return;
    }

    most = conf->bytes / 60;

    if (most == 0) {
        most = 1;
    }

    if (*bytes > most) {
        *bytes = most;
    }
}


static void
mxt_rate_fill(mxt_rate_t *r, const mxt_rate_conf_t *conf, uint64_t now)
{
    uint64_t  ms;

    /* a process may look at a clock that it read a moment ago */

    ms = now > r->at ? now - r->at : 0;

    if (r->at == 0) {
        /* nobody has used it: as after a long time */

        ms = UINT64_MAX;
        r->at = 1;
    }

    if (now > r->at) {
        r->at = now;
    }

    r->events = mxt_rate_level(r->events, conf->events, ms);
    r->bytes = mxt_rate_level(r->bytes, conf->bytes, ms);
}


static int64_t
mxt_rate_level(int64_t level, uint64_t rate, uint64_t ms)
{
    int64_t   full;
    uint64_t  room;

    if (rate == 0) {
        /* without a limit there is neither stock nor debt */
        return 0;
    }

    rate = mxt_rate_sane(rate);
    full = (int64_t) (rate * MXT_RATE_SECOND);

    if (level >= full) {
        return full;
    }

    /* unsigned, for the distance may not fit into 63 bits */

    room = (uint64_t) full - (uint64_t) level;

    if (ms > room / rate) {
        return full;
    }

    return (int64_t) ((uint64_t) level + ms * rate);
}


static int64_t
mxt_rate_less(int64_t level, uint64_t rate, uint64_t n, uint64_t unit)
{
    int64_t  cost;

    if (rate == 0) {
        return 0;
    }

    cost = n < INT64_MAX / unit ? (int64_t) (n * unit) : INT64_MAX;

    if (level < INT64_MIN + cost) {
        return INT64_MIN;
    }

    return level - cost;
}


static uint64_t
mxt_rate_ms(int64_t level, uint64_t rate)
{
    uint64_t  debt;

    if (rate == 0 || level >= 0) {
        return 0;
    }

    rate = mxt_rate_sane(rate);
    debt = 0 - (uint64_t) level;

    return debt / rate + (debt % rate != 0);
}


/* a second of more would not fit into 63 bits, and is no limit anyway */

static uint64_t
mxt_rate_sane(uint64_t rate)
{
    return rate < INT64_MAX / MXT_RATE_SECOND ? rate
                                              : INT64_MAX / MXT_RATE_SECOND;
}
