
/*
 * When a project may post: the doubling at its edges, and the gate under a
 * clock of its own.
 */


#include <stdlib.h>

#include "../../src/core/mxt_gate.c"

#include "tap.h"


static void backoff(void);
static void zeroed(void);
static void burst(void);
static void outage(void);
static void flaps(void);
static void probe(void);
static void slow_down(void);
static void hold(void);
static void answered(void);
static void extremes(void);


int
main(void)
{
    backoff();
    zeroed();
    burst();
    outage();
    flaps();
    probe();
    slow_down();
    hold();
    answered();
    extremes();

    return tap_done();
}


static void
backoff(void)
{
    size_t         i;
    uint64_t       delay, least, most;
    uint32_t       random;
    mxt_backoff_t  b;

    static const struct {
        uint32_t  min;
        uint32_t  max;
        uint32_t  failures;
        uint64_t  delay;
    } steps[] = {
        { 2000, 60000, 1, 2000 },
        { 2000, 60000, 2, 4000 },
        { 2000, 60000, 3, 8000 },
        { 2000, 60000, 4, 16000 },
        { 2000, 60000, 5, 32000 },
        { 2000, 60000, 6, 60000 },
        { 2000, 60000, 7, 60000 },
        { 2000, 60000, 32, 60000 },
        { 2000, 60000, 33, 60000 },
        { 2000, 60000, 34, 60000 },
        { 2000, 60000, 64, 60000 },
        { 2000, 60000, 65, 60000 },
        { 2000, 60000, 66, 60000 },
        { 2000, 60000, UINT32_MAX - 1, 60000 },
        { 2000, 60000, UINT32_MAX, 60000 },
        { 2000, 60000, 0, 2000 },
        { 1, UINT32_MAX, 32, 2147483648U },
        { 1, UINT32_MAX, 33, UINT32_MAX },
        { 1, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { 5000, 1000, 1, 1000 },
        { 0, 60000, UINT32_MAX, 0 },
        { 3000, 0, 5, 0 }
    };

    memset(&b, 0, sizeof(b));

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        b.min = steps[i].min;
        b.max = steps[i].max;

        delay = mxt_gate_backoff(&b, steps[i].failures, 12345);

        if (!tap_ok(delay == steps[i].delay, "%u doubled to %u, failure %u",
                    b.min, b.max, steps[i].failures))
        {
            tap_diag("got %llu", (unsigned long long) delay);
        }
    }

    b.min = 2000;
    b.max = 60000;
    b.jitter_min = 1000;
    b.jitter_max = 5000;

    tap_is_u64(mxt_gate_backoff(&b, 1, 0), 3000, "least jitter");
    tap_is_u64(mxt_gate_backoff(&b, 1, 4000), 7000, "most jitter");
    tap_is_u64(mxt_gate_backoff(&b, 1, 4001), 3000, "and round again");
    tap_is_u64(mxt_gate_backoff(&b, 9, 4000), 65000,
               "jitter comes on top of the longest");

    least = UINT64_MAX;
    most = 0;

    for (i = 0, random = 1; i < 100000; i++) {
        random = random * 1664525 + 1013904223;
        delay = mxt_gate_backoff(&b, 1, random >> 1);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }

    tap_ok(least >= 3000 && least < 3010 && most > 6990 && most <= 7000,
           "31 bits of randomness spread over the range");

    b.jitter_max = 1000;
    tap_is_u64(mxt_gate_backoff(&b, 1, UINT32_MAX), 3000, "fixed jitter");

    b.jitter_max = 500;
    tap_is_u64(mxt_gate_backoff(&b, 1, UINT32_MAX), 3000,
               "jitter the wrong way round");

    b.min = b.max = b.jitter_max = UINT32_MAX;
    b.jitter_min = 0;
    tap_is_u64(mxt_gate_backoff(&b, UINT32_MAX, UINT32_MAX),
               2 * (uint64_t) UINT32_MAX, "the most there is");
}

static void
zeroed(void)
{
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));

    tap_ok(mxt_gate_state(&g, 0) == MXT_GATE_OPEN, "a new gate is open");
    tap_is_u64(mxt_gate_allows(&g, 1000, 0, 8, 0), 8, "all may go");
    tap_is_u64(mxt_gate_allows(&g, 1000, 5, 8, 0), 3, "what is free");
    tap_is_u64(mxt_gate_allows(&g, 1000, 5, 8, 1), 3, "probes are no matter");
    tap_is_u64(mxt_gate_allows(&g, 1000, 8, 8, 0), 0, "nothing is free");
    tap_is_u64(mxt_gate_allows(&g, 1000, 9, 8, 0), 0, "more than allowed");
    tap_is_u64(mxt_gate_allows(&g, 0, 0, 0, 0), 0, "nothing is allowed");

    tap_is_u64(mxt_gate_passed(&g, 0, 8), 0, "a success opens nothing");
    tap_is_u64(mxt_gate_answered(&g, 0, 8), 0, "nor does a refusal");

    mxt_gate_retry(&g, 1000);

    tap_ok(mxt_gate_state(&g, 0) == MXT_GATE_OPEN && g.failures == 0
           && g.hold == 0 && g.closed_at == 0 && g.opens_at == 0
           && g.connections == 0 && g.refused == 0,
           "and it is still as new");
}


static void
burst(void)
{
    unsigned    i, n;
    uint64_t    now;
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));
    now = 1000000;

    /* eight posts begin within 80 ms and fail within 80 more */

    n = 0;

    for (i = 0; i < 8; i++) {
        n += mxt_gate_failed(&g, now + i * 10, now + 100 + i * 10, 3000, 0, 8);
    }

    tap_is_u64(n, 1, "a burst closes the gate once");
    tap_is_u64(g.failures, 1, "and is one failure");
    tap_is_u64(g.opens_at, now + 100 + 3000, "closed from the first of them");
    tap_is_u64(g.connections, 0, "with as many connections as before");

    now += 100;

    tap_is_u64(mxt_gate_failed(&g, now, now, 3000, 0, 8), 0,
               "one that began as it was closed is of the burst");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 8, 0), 0, "closed");
    tap_is_u64(mxt_gate_allows(&g, now + 2999, 0, 8, 0), 0,
               "until the last ms");
    tap_ok(mxt_gate_state(&g, now + 2999) == MXT_GATE_CLOSED, "and so called");
    tap_ok(mxt_gate_state(&g, now + 3000) == MXT_GATE_HALF_OPEN,
           "then half open");

    now += 3000;

    tap_is_u64(mxt_gate_failed(&g, now, now + 50, 9000, 0, 8), 1,
               "a failed probe closes the gate");
    tap_is_u64(g.opens_at, now + 50 + 9000, "for as long as it is told");
    tap_is_u64(mxt_gate_failed(&g, now - 3050, now + 60, 1, 0, 8), 0,
               "a straggler changes nothing");
    tap_is_u64(g.failures, 2, "two failures");
    tap_is_u64(g.closed_at, now + 50, "closed by the probe");
    tap_is_u64(g.opens_at, now + 50 + 9000, "and for as long");

    tap_is_u64(mxt_gate_passed(&g, now - 3050, 8), 0,
               "an old success does not open it");
    tap_is_u64(mxt_gate_passed(&g, now + 50, 8), 0,
               "nor does one of the very millisecond");
    tap_is_u64(g.failures, 2, "still two failures");

    now = g.opens_at;

    tap_is_u64(mxt_gate_passed(&g, now, 8), 1, "the next probe opens it");
    tap_is_u64(mxt_gate_passed(&g, now + 1, 8), 0, "once");
    tap_ok(mxt_gate_state(&g, now) == MXT_GATE_OPEN, "open");
    tap_is_u64(mxt_gate_allows(&g, now, 1, 8, 1), 7, "for all");
}


/* an hour of it: probes as a flusher sends them, a millisecond at a time */

static void
outage(void)
{
    unsigned       probes, wrong, opened;
    uint32_t       random;
    uint64_t       now, delay, least, closed;
    mxt_gate_t     g;
    mxt_backoff_t  b = { 2000, 60000, 1000, 5000 };

    memset(&g, 0, sizeof(g));

    random = 4711;
    probes = 0;
    wrong = 0;
    least = 2000;
    now = 5000;

    (void) mxt_gate_failed(&g, now - 10, now,
                           mxt_gate_backoff(&b, 1, random), 0, 8);
    closed = now;

    while (now < 3600 * 1000) {
        now++;

        if (mxt_gate_allows(&g, now, 0, 8, 0) == 0) {
            continue;
        }

        probes++;

        delay = now - closed;

        if (delay < least + b.jitter_min || delay > least + b.jitter_max) {
            wrong++;
            tap_diag("probe %u after %llu ms", probes,
                     (unsigned long long) delay);
        }

        least = least * 2 < 60000 ? least * 2 : 60000;
        random = random * 1664525 + 1013904223;

        if (mxt_gate_allows(&g, now, 0, 8, 0) != 1
            || mxt_gate_failed(&g, now, now + 7,
                               mxt_gate_backoff(&b, g.failures + 1,
                                                random >> 1),
                               0, 8)
               != 1)
        {
            wrong++;
        }

        now += 7;
        closed = now;
    }

    tap_is_u64(wrong, 0, "each delay twice the one before, and its jitter");
    tap_ok(probes > 55 && probes < 65, "about one a minute (%u)", probes);
    tap_is_u64(g.failures, probes + 1, "all counted");

    opened = mxt_gate_passed(&g, g.opens_at, 8);

    tap_ok(opened == 1 && mxt_gate_allows(&g, g.opens_at, 1, 8, 0) == 7,
           "opened at once by a success");
}


static void
flaps(void)
{
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));

    tap_is_u64(mxt_gate_failed(&g, 0, 500, 2000, 0, 8), 1,
               "the first failure ever, of a post at 0");

    /* of a burst one fails, one comes through, one fails */

    tap_is_u64(mxt_gate_passed(&g, 400, 8), 0,
               "a success of before does not reopen a gate just closed");
    tap_is_u64(mxt_gate_allows(&g, 510, 0, 8, 0), 0, "closed");

    tap_is_u64(mxt_gate_passed(&g, 2500, 8), 1, "the probe does");

    tap_is_u64(mxt_gate_failed(&g, 410, 2600, 2000, 0, 8), 0,
               "what is left of the burst is no second failure");
    tap_is_u64(mxt_gate_allows(&g, 2600, 0, 8, 0), 8, "still open");

    tap_is_u64(mxt_gate_failed(&g, 2501, 2700, 2000, 0, 8), 1,
               "a later one is");
    tap_is_u64(g.failures, 1, "and counts from one again");
}


static void
probe(void)
{
    unsigned    inflight, wrong;
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));
    (void) mxt_gate_failed(&g, 900, 1000, 2000, 1, 8);

    wrong = 0;

    for (inflight = 0; inflight < 8; inflight++) {
        wrong += mxt_gate_allows(&g, 3000, inflight, 8, 0) != 1;
        wrong += mxt_gate_allows(&g, 3000, inflight, 8, 1) != 0;
        wrong += mxt_gate_allows(&g, 2999, inflight, 8, 0) != 0;
    }

    tap_is_u64(wrong, 0,
               "one probe at a time, whatever is left of the burst");
    tap_is_u64(mxt_gate_allows(&g, 3000, 8, 8, 0), 0,
               "but within what is allowed");
    tap_is_u64(mxt_gate_allows(&g, 3000, 0, 0, 0), 0,
               "none if none is allowed");
}


static void
slow_down(void)
{
    unsigned    i, n;
    uint64_t    now;
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));
    now = 1000;
    n = 0;

    for (i = 0; i < 8; i++) {
        n += mxt_gate_failed(&g, now + i, now + 100 + i, 2000, 1, 8);
    }

    tap_is_u64(n, 1, "a burst of 429s closes the gate once");
    tap_is_u64(g.connections, 4, "and halves once");

    for (i = 0; i < 8; i++) {
        (void) mxt_gate_passed(&g, now + i, 8);
        (void) mxt_gate_answered(&g, now + i, 8);
    }

    tap_is_u64(g.connections, 4, "which the rest of it does not undo");

    now = g.opens_at;

    tap_is_u64(mxt_gate_failed(&g, now, now + 10, 2000, 1, 8), 1,
               "the probe meets a 429, too");
    tap_is_u64(g.connections, 2, "a quarter");

    for (i = 0; i < 5; i++) {
        now = g.opens_at;
        (void) mxt_gate_failed(&g, now, now + 10, 2000, 1, 8);
    }

    tap_is_u64(g.connections, 1, "never none");

    now = g.opens_at;
    (void) mxt_gate_failed(&g, now, now + 10, 2000, 0, 8);

    tap_is_u64(g.connections, 1, "a 503 leaves them alone");

    now = g.opens_at;

    tap_is_u64(mxt_gate_passed(&g, now, 8), 1, "the gate opens");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 8, 0), 2, "for two");
    tap_is_u64(mxt_gate_allows(&g, now, 1, 8, 0), 1, "for one more");
    tap_is_u64(mxt_gate_allows(&g, now, 2, 8, 0), 0, "for no more");
    tap_is_u64(mxt_gate_allows(&g, now, 5, 8, 0), 0, "nor with many out");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 1, 0), 1, "and max counts still");

    n = 0;

    for (i = 3; i < 8; i++) {
        (void) mxt_gate_passed(&g, now + i, 8);
        n += mxt_gate_allows(&g, now + i, 0, 8, 0) != i;
    }

    tap_is_u64(n, 0, "each success allows one more");

    (void) mxt_gate_passed(&g, now + 10, 8);

    tap_is_u64(g.connections, 0, "up to max, then there is no limit");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 20, 0), 20, "of any kind");

    g.connections = 2;
    (void) mxt_gate_answered(&g, now + 20, 8);
    tap_is_u64(g.connections, 3, "a refusal is an answer, too");

    (void) mxt_gate_passed(&g, now + 30, 2);
    tap_is_u64(g.connections, 0, "no limit when max has come down to it");

    /* max was 20, is 4 now */

    g.connections = 15;
    now += 100;
    (void) mxt_gate_failed(&g, now, now + 1, 2000, 1, 4);
    tap_is_u64(g.connections, 2, "half of what there really was");
}


static void
hold(void)
{
    uint64_t    now;
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));
    now = 10000;

    mxt_gate_hold(&g, now, 62000);

    tap_ok(mxt_gate_state(&g, now) == MXT_GATE_HOLD, "on hold");
    tap_is_u64(g.failures, 1, "and not open by any reading");
    tap_is_u64(mxt_gate_allows(&g, now + 61999, 0, 8, 0), 0, "closed");
    tap_is_u64(mxt_gate_allows(&g, now + 62000, 3, 8, 0), 1, "one probe");
    tap_is_u64(mxt_gate_allows(&g, now + 62000, 3, 8, 1), 0, "and no other");
    tap_ok(mxt_gate_state(&g, now + 62000) == MXT_GATE_HOLD, "still on hold");

    mxt_gate_hold(&g, now + 5, 62000);

    tap_is_u64(g.opens_at, now + 62005, "another 401 of the burst");
    tap_is_u64(g.failures, 1, "is not counted");

    tap_is_u64(mxt_gate_passed(&g, now - 100, 8), 0, "an old success");
    tap_is_u64(mxt_gate_failed(&g, now - 100, now + 9, 1, 1, 8), 0,
               "and an old failure");
    tap_ok(g.hold == 1 && g.opens_at == now + 62005 && g.connections == 0,
           "change nothing");

    mxt_gate_retry(&g, now + 100);

    tap_is_u64(mxt_gate_allows(&g, now + 100, 0, 8, 0), 1,
               "a new configuration is tried at once");
    tap_is_u64(mxt_gate_allows(&g, now + 100, 0, 8, 1), 0, "by one probe");
    tap_ok(g.hold == 1, "and it is still on hold");

    mxt_gate_retry(&g, now + 200);
    tap_is_u64(g.opens_at, now + 100, "a retry never closes it");

    tap_is_u64(mxt_gate_failed(&g, now + 200, now + 210, 3000, 0, 8), 1,
               "a probe that meets a 503");
    tap_ok(g.hold == 1 && g.failures == 2 && g.opens_at == now + 3210,
           "is a failure, and no end of the hold");

    now += 3210;

    tap_is_u64(mxt_gate_answered(&g, now, 8), 0, "nor is one that is refused");
    tap_ok(mxt_gate_state(&g, now) == MXT_GATE_HOLD, "on hold");
    tap_is_u64(mxt_gate_allows(&g, now, 0, 8, 0), 1, "one after another");

    tap_is_u64(mxt_gate_passed(&g, now, 8), 1, "until one has passed");
    tap_ok(mxt_gate_state(&g, now) == MXT_GATE_OPEN && g.failures == 0,
           "then it is open");

    (void) mxt_gate_failed(&g, now + 1, now + 2, 5000, 0, 8);
    mxt_gate_retry(&g, now + 3);

    tap_is_u64(mxt_gate_allows(&g, now + 3, 0, 8, 0), 0,
               "a retry is nothing to a gate that is only closed");

    mxt_gate_hold(&g, now + 10, 1000);

    tap_is_u64(g.opens_at, now + 1010, "a hold decides, also for less time");
}


static void
answered(void)
{
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));

    g.refused = 2;
    (void) mxt_gate_failed(&g, 100, 200, 1000, 0, 8);

    tap_is_u64(mxt_gate_answered(&g, 150, 8), 0,
               "an old refusal does not open the gate");
    tap_is_u64(mxt_gate_answered(&g, 1200, 8), 1, "the probe's does");
    tap_is_u64(mxt_gate_answered(&g, 1201, 8), 0, "once");
    tap_is_u64(g.refused, 2, "refused is the caller's");

    (void) mxt_gate_failed(&g, 1300, 1400, 1000, 0, 8);
    tap_is_u64(g.refused, 2, "a failure is no success between");

    tap_is_u64(mxt_gate_passed(&g, 1350, 8), 0, "an old success is");
    tap_is_u64(g.refused, 0, "and ends the row");
}


static void
extremes(void)
{
    mxt_gate_t  g;

    memset(&g, 0, sizeof(g));

    g.failures = UINT32_MAX;
    g.closed_at = 1;

    tap_is_u64(mxt_gate_failed(&g, 5, 10, UINT64_MAX, 1, 0), 1,
               "one failure too many");
    tap_is_u64(g.failures, UINT32_MAX, "does not wrap");
    tap_is_u64(g.opens_at, UINT64_MAX, "nor does the time");
    tap_is_u64(g.connections, 1, "one connection, of no connections at all");

    mxt_gate_hold(&g, UINT64_MAX, UINT64_MAX);
    tap_is_u64(g.opens_at, UINT64_MAX, "nor that of a hold");

    memset(&g, 0, sizeof(g));
    g.connections = UINT32_MAX - 1;
    (void) mxt_gate_passed(&g, 1, UINT32_MAX);
    tap_is_u64(g.connections, 0, "nor the connections");

    g.connections = 3;
    (void) mxt_gate_passed(&g, 1, 0);
    tap_is_u64(g.connections, 0, "none is allowed: no limit of its own");
}
