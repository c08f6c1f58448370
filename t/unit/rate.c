
/*
 * The client's own shaping under a clock of its own: never more than is
 * promised, and hardly less.
 */


#include <stdlib.h>

#include "../../src/core/mxt_rate.c"

#include "tap.h"


#define HOUR    3600000
#define MINUTE  60000

/* posts a simulated hour may have */
#define POSTS   400000


typedef struct {
    uint64_t  at;
    uint64_t  events;
    uint64_t  bytes;
} post_t;


typedef struct {
    const char       *name;
    mxt_rate_conf_t   conf;
    uint64_t          most;     /* events of a batch, 1 to that */
    uint64_t          size;     /* of an event, 1 to that */
    unsigned          tick;     /* ms, of a flusher that looks now and then */
} hour_t;


static void hours(void);
static unsigned hour(const hour_t *h);
static void window(const hour_t *h, unsigned n);
static void average(const hour_t *h, unsigned n);
static void fresh(void);
static void idle(void);
static void waits(void);
static void clocks(void);
static void changes(void);
static void most(void);
static void extremes(void);
static uint64_t dice(uint64_t n);


static const hour_t  table[] = {
    { "the defaults", { 30000, UINT64_C(2147483648) }, 2000, 500, 1 },
    { "the defaults, large events", { 30000, UINT64_C(2147483648) }, 2000,
      40000, 1 },
    { "few a second", { 7, 0 }, 3, 1000, 1 },
    { "one a second", { 1, 0 }, 1, 1000, 1 },
    { "batches of many seconds", { 10, 0 }, 300, 100, 1 },
    { "bytes alone", { 0, 60000000 }, 2000, 1000, 1 },
    { "few bytes", { 0, 59 }, 1, 2, 1 },
    { "an odd tick", { 3000, 30000000 }, 500, 300, 37 },
    { "a slow tick", { 3000, 30000000 }, 500, 300, 500 }
};


static post_t   *posts;
static uint64_t  seed;


int
main(void)
{
    posts = malloc(POSTS * sizeof(post_t));

    hours();
    fresh();
    idle();
    waits();
    clocks();
    changes();
    most();
    extremes();

    free(posts);

    return tap_done();
}


static void
hours(void)
{
    size_t    i;
    unsigned  n;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        seed = i + 1;
        n = hour(&table[i]);

        tap_ok(n > 100 && n < POSTS, "%s: an hour of %u posts",
               table[i].name, n);

        window(&table[i], n);
        average(&table[i], n);
    }
}


/* there is always a batch to send, as soon as it may be sent */

static unsigned
hour(const hour_t *h)
{
    unsigned    n;
    uint64_t    now, wait;
    mxt_rate_t  r;

    memset(&r, 0, sizeof(r));

    n = 0;
    now = 123456;

    while (now < 123456 + HOUR && n < POSTS) {

        wait = mxt_rate_wait(&r, &h->conf, now);

        if (wait) {
            now += (wait + h->tick - 1) / h->tick * h->tick;
            continue;
        }

        posts[n].at = now;
        posts[n].events = 1 + dice(h->most);
        posts[n].bytes = posts[n].events * (1 + dice(h->size));

        mxt_rate_take(&r, &h->conf, now, posts[n].events, posts[n].bytes);
        n++;
    }

    return n;
}


static void
window(const hour_t *h, unsigned n)
{
    unsigned  first, last, wrong;
    uint64_t  events, bytes, batch, size;

    batch = h->most;
    size = h->most * h->size;

    first = 0;
    wrong = 0;
    events = 0;
    bytes = 0;

    for (last = 0; last < n; last++) {
        events += posts[last].events;
        bytes += posts[last].bytes;

        while (posts[first].at + MINUTE <= posts[last].at) {
            events -= posts[first].events;
            bytes -= posts[first].bytes;
            first++;
        }

        wrong += h->conf.events && events > 61 * h->conf.events + batch;
        wrong += h->conf.bytes
                 && bytes > h->conf.bytes + h->conf.bytes / 60 + 1 + size;
    }

    tap_is_u64(wrong, 0, "no minute of it has more than is promised");
}


/* of what is the narrower limit, without the first minute's second */

static void
average(const hour_t *h, unsigned n)
{
    double    events, bytes;
    unsigned  i;

    events = 0;
    bytes = 0;

    for (i = 0; i < n; i++) {
        events += (double) posts[i].events;
        bytes += (double) posts[i].bytes;
    }

    events = h->conf.events ? events / (3600.0 * (double) h->conf.events) : 0;
    bytes = h->conf.bytes ? bytes / (60.0 * (double) h->conf.bytes) : 0;

    tap_ok((events > 0.98 || bytes > 0.98) && events < 1.02 && bytes < 1.02,
           "and the hour all that may be (%.4f of events, %.4f of bytes)",
           events, bytes);
}


static void
fresh(void)
{
    mxt_rate_t       r;
    mxt_rate_conf_t  conf = { 100, 6000 };

    memset(&r, 0, sizeof(r));

    tap_is_u64(mxt_rate_wait(&r, &conf, 0), 0, "a zeroed bucket, at 0");
    mxt_rate_take(&r, &conf, 0, 100, 100);
    tap_is_u64(mxt_rate_wait(&r, &conf, 0), 0, "a second's worth is in it");
    mxt_rate_take(&r, &conf, 0, 10, 1);
    tap_is_u64(mxt_rate_wait(&r, &conf, 1), 100, "no more, and it is used");

    memset(&r, 0, sizeof(r));
    mxt_rate_take(&r, &conf, 500, 110, 0);
    tap_is_u64(mxt_rate_wait(&r, &conf, 500), 100,
               "taken from without a look");

    memset(&r, 0, sizeof(r));
    conf.events = conf.bytes = 0;
    mxt_rate_take(&r, &conf, 500, UINT64_MAX, UINT64_MAX);
    tap_is_u64(mxt_rate_wait(&r, &conf, 500), 0, "no limit at all");
}


static void
idle(void)
{
    uint64_t         n;
    mxt_rate_t       r;
    mxt_rate_conf_t  conf = { 100, 0 };

    memset(&r, 0, sizeof(r));
    (void) mxt_rate_wait(&r, &conf, 1000);

    for (n = 0; n < 100000 && mxt_rate_wait(&r, &conf, 90000000) == 0; n++) {
        mxt_rate_take(&r, &conf, 90000000, 1, 1);
    }

    tap_is_u64(n, 101, "a second's worth and one post after a day");
}


static void
waits(void)
{
    mxt_rate_t       r;
    mxt_rate_conf_t  conf = { 3, 0 };

    memset(&r, 0, sizeof(r));

    mxt_rate_take(&r, &conf, 1000, 4, 0);
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 334, "a third of a second");
    tap_is_u64(mxt_rate_wait(&r, &conf, 1333), 1, "at least 1 ms");
    tap_is_u64(mxt_rate_wait(&r, &conf, 1334), 0, "and then at once");

    conf.bytes = 60000;

    memset(&r, 0, sizeof(r));
    mxt_rate_take(&r, &conf, 1000, 4, 6000);
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 5000, "the longer of the two");
    tap_is_u64(mxt_rate_wait(&r, &conf, 5999), 1, "to the end");
    tap_is_u64(mxt_rate_wait(&r, &conf, 6000), 0, "all of it");
}


static void
clocks(void)
{
    unsigned         n;
    mxt_rate_t       r;
    mxt_rate_conf_t  conf = { 10, 0 };

    memset(&r, 0, sizeof(r));

    for (n = 0; n < 1000 && mxt_rate_wait(&r, &conf, 5000) == 0; n++) {
        mxt_rate_take(&r, &conf, 5000, 1, 0);
    }

    tap_is_u64(n, 11, "a clock that does not move brings nothing");
    tap_is_u64(mxt_rate_wait(&r, &conf, 5000), 100, "and nothing in the end");

    tap_is_u64(mxt_rate_wait(&r, &conf, 4000), 100, "one read before that");
    tap_is_u64(mxt_rate_wait(&r, &conf, 5000), 100,
               "does not bring the same second twice");
    tap_is_u64(mxt_rate_wait(&r, &conf, 5100), 0, "it goes on");
}


static void
changes(void)
{
    unsigned         n;
    mxt_rate_t       r;
    mxt_rate_conf_t  conf = { 30000, 0 };

    memset(&r, 0, sizeof(r));
    (void) mxt_rate_wait(&r, &conf, 1000);

    conf.events = 10;

    for (n = 0; n < 1000 && mxt_rate_wait(&r, &conf, 1000) == 0; n++) {
        mxt_rate_take(&r, &conf, 1000, 1, 0);
    }

    tap_is_u64(n, 11, "a full bucket holds what a smaller one may");

    conf.events = 1000;
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 1, "a debt is paid faster");

    conf.events = 0;
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 0, "no limit, no debt");
    mxt_rate_take(&r, &conf, 1000, 1000000, 1000000);

    conf.events = 10;
    conf.bytes = 60000;
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 0, "a limit of a sudden");
    mxt_rate_take(&r, &conf, 1000, 1, 10);
    tap_is_u64(mxt_rate_wait(&r, &conf, 1000), 100, "starts with nothing");
}


static void
most(void)
{
    size_t    i;
    uint64_t  events, bytes;

    static const struct {
        mxt_rate_conf_t  conf;
        uint64_t         events;
        uint64_t         bytes;
    } rows[] = {
        { { 30000, UINT64_C(2147483648) }, 2000, 2000000 },
        { { 100, 0 }, 100, 2000000 },
        { { 1, 0 }, 1, 2000000 },
        { { 2000, 120000000 }, 2000, 2000000 },
        { { 1999, 119999999 }, 1999, 1999999 },
        { { 0, 60 }, 2000, 1 },
        { { 0, 59 }, 2000, 1 },
        { { 0, 1 }, 2000, 1 },
        { { 0, 0 }, 2000, 2000000 },
        { { UINT64_MAX, UINT64_MAX }, 2000, 2000000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        events = 2000;
        bytes = 2000000;

        mxt_rate_most(&rows[i].conf, &events, &bytes);

        tap_ok(events == rows[i].events && bytes == rows[i].bytes,
               "the most, row %zu (%llu events, %llu bytes)", i,
               (unsigned long long) events, (unsigned long long) bytes);
    }
}


static void
extremes(void)
{
    size_t           i, j;
    uint64_t         wait;
    unsigned         wrong;
    mxt_rate_t       r;
    mxt_rate_conf_t  conf;

    static const uint64_t edge[] = {
        0, 1, 2, 999, 1000, 1001, INT64_MAX / 60000, INT64_MAX / 60000 + 1,
        INT64_MAX / 1000, INT64_MAX / 1000 + 1, INT64_MAX,
        (uint64_t) INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX
    };

    const size_t n = sizeof(edge) / sizeof(edge[0]);

    /* UBSan looks on: every limit, post and leap of the clock */

    wrong = 0;

    for (i = 0; i < n * n * n; i++) {
        conf.events = edge[i % n];
        conf.bytes = edge[i / n % n];

        memset(&r, 0, sizeof(r));

        for (j = 0; j < n; j++) {
            wait = mxt_rate_wait(&r, &conf, edge[j]);

            wrong += wait != 0
                     && mxt_rate_wait(&r, &conf, edge[j]) != wait;

            mxt_rate_take(&r, &conf, edge[j], edge[i / n / n],
                          edge[(i + j) % n]);
            mxt_rate_take(&r, &conf, edge[j], UINT64_MAX, 1);

            wrong += (conf.events == 0 && r.events != 0)
                     || (conf.bytes == 0 && r.bytes != 0)
                     || (conf.events && r.events > 0);
        }
    }

    tap_is_u64(wrong, 0, "all the edges at once");

    conf.events = 1;
    conf.bytes = 0;
    memset(&r, 0, sizeof(r));
    mxt_rate_take(&r, &conf, 1, UINT64_MAX, 0);
    mxt_rate_take(&r, &conf, 1, UINT64_MAX, 0);
    tap_is_u64(mxt_rate_wait(&r, &conf, 1), UINT64_C(1) << 63,
               "the deepest debt there is");
    tap_is_u64(mxt_rate_wait(&r, &conf, UINT64_MAX), 0,
               "which the longest wait pays");
    tap_is_u64((uint64_t) r.events, 1000, "and fills the bucket");

    conf.events = UINT64_MAX;
    memset(&r, 0, sizeof(r));
    mxt_rate_take(&r, &conf, 1, 1, 0);
    tap_ok(r.events > INT64_MAX / 2, "the widest limit is hardly used");
}


/* 0 to n - 1 */

static uint64_t
dice(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005)
           + UINT64_C(1442695040888963407);

    return (seed >> 33) % n;
}
