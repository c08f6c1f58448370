/* link: src/core/mxt_segment.c src/core/mxt_zone.c src/core/mxt_zone_slot.c src/core/mxt_process.c */

/*
 * The zone under real processes: owners append numbered records and flushers
 * deliver them, while the parent kills, stops, continues and replaces them
 * for a few seconds.  Then every record that was published has been read
 * whole, in order, and settled once; each owner that was killed may have
 * published one more than it could say.
 *
 * STRESS_SECONDS and STRESS_SEED are taken from the environment.
 */


#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mxt_zone.h"

#include "tap.h"
#include "valid.h"


#define SIZE       (1536 * 1024)    /* 23 segments: full now and then */

#define OWNERS     3
#define FLUSHERS   2
#define CHILDREN   (OWNERS + FLUSHERS)

#define LIVES      2048             /* owners, one after another */
#define RECORDS    (256 * 1024)     /* of one of them, at most */

#define RECORD_MAX  2000


/* behind each record's JSON, if it were any, a comma */
typedef struct {
    uint32_t       life;
    uint32_t       seq;
    uint32_t       len;
} record_t;


typedef struct {
    uint32_t       begun;       /* records it has tried to append */
    uint32_t       published;   /* those it knows of */
    uint32_t       done;        /* it has left by itself */
} life_t;


/* what the children tell */
typedef struct {
    uint32_t       stop;        /* owners are to leave */
    uint32_t       lives;
    uint32_t       torn;        /* records that were not whole */
    uint32_t       disorder;    /* ... or not in order */
    uint32_t       invalid;
    uint32_t       replaced;    /* flushers that found they were */
    uint32_t       resent;
    uint32_t       unattached;
    life_t         life[LIVES];
} tell_t;


typedef struct {
    pid_t          pid;
    uint32_t       life;        /* of an owner */
    unsigned       stopped;
} child_t;


static void supervise(double seconds);
static void torment(child_t *c, unsigned n);
static void spawn(child_t *c, unsigned n);
static void end(void);
static void owner(uint32_t life);
static void flusher(void);
static unsigned tick(mxt_zone_t *z);
static void take(mxt_zone_t *z, unsigned segment, uint64_t w);
static void read_records(mxt_zone_t *z, unsigned segment, unsigned from,
    unsigned to);
static void check(void);
static size_t record(unsigned char *p, uint32_t life, uint32_t seq);
static uint32_t rnd(uint32_t n);
static double now(void);


static unsigned char  *memory;
static tell_t         *tell;

/* how often each record of each life was delivered */
static unsigned char  *seen[LIVES];
static unsigned char  *seen_base;
static size_t          seen_size;

static child_t         child[CHILDREN];
static unsigned        killed_owners, killed_flushers, stops;
static uint32_t        seed;


int
main(void)
{
    const char  *value;
    double       seconds;

    value = getenv("STRESS_SECONDS");
    seconds = value ? atof(value) : 5;

    value = getenv("STRESS_SEED");
    seed = value ? (uint32_t) atoi(value) : (uint32_t) time(NULL);

    printf("# STRESS_SEED=%u\n", seed);

    seen_size = (size_t) LIVES * RECORDS;

    memory = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    tell = mmap(NULL, sizeof(tell_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    seen_base = mmap(NULL, seen_size, PROT_READ|PROT_WRITE,
                     MAP_SHARED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED || tell == MAP_FAILED || seen_base == MAP_FAILED)
    {
        tap_ok(0, "mmap: %s", strerror(errno));
        return tap_done();
    }

    for (unsigned i = 0; i < LIVES; i++) {
        seen[i] = seen_base + (size_t) i * RECORDS;
    }

    (void) mxt_zone_format(memory, SIZE);

    supervise(seconds);
    end();
    check();

    return tap_done();
}


static void
supervise(double seconds)
{
    unsigned    i;
    double      last;
    mxt_zone_t  z;

    mxt_zone_view(&z, memory, mxt_process_self(), mxt_process_alive);

    for (i = 0; i < CHILDREN; i++) {
        spawn(&child[i], i);
    }

    last = now() + seconds;

    while (now() < last && tell->lives < LIVES - OWNERS) {
        (void) usleep(rnd(rnd(8) ? 3000 : 20000));

        i = rnd(CHILDREN);
        torment(&child[i], i);

        if (!zone_valid(&z)) {
            __atomic_add_fetch(&tell->invalid, 1, __ATOMIC_RELAXED);
        }
    }
}


static void
torment(child_t *c, unsigned n)
{
    int  status;

    if (c->stopped) {
        c->stopped--;

        if (c->stopped == 0) {
            (void) kill(c->pid, rnd(4) ? SIGCONT : SIGKILL);
        }
    }

    /* a flusher that was replaced has left */

    if (waitpid(c->pid, &status, WNOHANG) == c->pid) {

        if (WIFSIGNALED(status)) {
            *(n < OWNERS ? &killed_owners : &killed_flushers) += 1;
        }

        spawn(c, n);
        return;
    }

    switch (rnd(5)) {

    case 0:
    case 1:
        /* it is a zombie until we come by again */
        (void) kill(c->pid, SIGKILL);
        break;

    case 2:
        (void) kill(c->pid, SIGSTOP);
        c->stopped = 1 + rnd(4);
        stops++;
        break;
    }
}


static void
spawn(child_t *c, unsigned n)
{
    uint32_t  life;

    life = (n < OWNERS) ? tell->lives++ : 0;

    c->life = life;
    c->stopped = 0;
    seed = seed * 1664525 + 1013904223;

    c->pid = fork();

    if (c->pid == -1) {
        abort();
    }

    if (c->pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

        if (n < OWNERS) {
            owner(life);

        } else {
            flusher();
        }

        _exit(0);
    }
}


/* owners leave or are killed, flushers are killed */

static void
end(void)
{
    int       status;
    unsigned  i;

    for (i = 0; i < CHILDREN; i++) {
        (void) kill(child[i].pid, SIGCONT);
    }

    __atomic_store_n(&tell->stop, 1, __ATOMIC_SEQ_CST);

    for (i = 0; i < CHILDREN; i++) {

        if (i >= OWNERS || i == 0) {
            (void) kill(child[i].pid, SIGKILL);
        }

        (void) waitpid(child[i].pid, &status, 0);

        if (WIFSIGNALED(status)) {
            *(i < OWNERS ? &killed_owners : &killed_flushers) += 1;
        }
    }
}


static void
owner(uint32_t life)
{
    size_t                len;
    uint32_t              seq;
    mxt_zone_t            z;
    static unsigned char  buf[RECORD_MAX];

    mxt_zone_view(&z, memory, mxt_process_self(), mxt_process_alive);

    if (mxt_zone_attach(&z, MXT_WORKER) != 0) {
        __atomic_add_fetch(&tell->unattached, 1, __ATOMIC_RELAXED);
        return;
    }

    for (seq = 0; seq < RECORDS && !__atomic_load_n(&tell->stop,
                                                    __ATOMIC_RELAXED); )
    {
        len = record(buf, life, seq);

        __atomic_store_n(&tell->life[life].begun, seq + 1, __ATOMIC_RELEASE);

        if (mxt_zone_append(&z, buf, len, 1, seq) != 0) {
            mxt_zone_count(&z, MXT_TRACKED);

            /* full: the number is used again */

            (void) usleep(200);
            continue;
        }

        mxt_zone_count(&z, MXT_TRACKED);

        seq++;
        __atomic_store_n(&tell->life[life].published, seq, __ATOMIC_RELEASE);

        if (rnd(2000) == 0) {
            (void) usleep(500);
        }
    }

    mxt_zone_detach(&z);

    tell->life[life].done = 1;
}


static void
flusher(void)
{
    mxt_zone_t  z;

    mxt_zone_view(&z, memory, mxt_process_self(), mxt_process_alive);

    if (mxt_zone_attach(&z, MXT_FLUSHER) != 0) {
        __atomic_add_fetch(&tell->unattached, 1, __ATOMIC_RELAXED);
        return;
    }

    mxt_zone_take(&z, 1);

    while (mxt_zone_holds(&z)) {

        if (rnd(16) == 0) {
            (void) mxt_zone_bury(&z);
        }

        if (rnd(8) == 0) {
            mxt_zone_seal(&z);
        }

        if (tick(&z) == 0) {
            (void) usleep(300);
        }
    }

    __atomic_add_fetch(&tell->replaced, 1, __ATOMIC_RELAXED);

    /* some more of it, as one that has posts on their way */

    if (rnd(2)) {
        (void) tick(&z);
    }

    mxt_zone_detach(&z);
}


/* leases several, settles some of them, gives back others */

static unsigned
tick(mxt_zone_t *z)
{
    unsigned    i, k, n, segment[8];
    uint64_t    w, word[8];
    mxt_look_t  look;

    mxt_zone_look(z, &look);

    n = 0;

    for (i = 0; i < z->shm->segments && n < 8; i++) {

        w = mxt_segment_word(&z->segment[i]);

        if ((w & MXT_SEGMENT_SEALED)
            && mxt_word_count(w) > mxt_segment_settled(&z->segment[i], w)
            && mxt_segment_lease(&z->segment[i], z->own_index, &w) == 0)
        {
            segment[n] = i;
            word[n++] = w;
        }
    }

    for (i = n; i > 1; i--) {
        k = rnd(i);

        w = word[k]; word[k] = word[i - 1]; word[i - 1] = w;
        w = segment[k]; segment[k] = segment[i - 1];
        segment[i - 1] = (unsigned) w;
    }

    for (i = 0; i < n; i++) {

        if (rnd(16) == 0) {
            (void) mxt_segment_unlease(&z->segment[segment[i]], z->own_index);
            continue;
        }

        take(z, segment[i], word[i]);
    }

    return n;
}


static void
take(mxt_zone_t *z, unsigned segment, uint64_t w)
{
    unsigned  i, from, to;
    uint32_t  outcome[MXT_OUTCOMES];

    from = mxt_segment_settled(&z->segment[segment], w);
    to = mxt_word_count(w);

    if (to > from && rnd(4) == 0) {
        to = from + 1 + rnd(to - from);
    }

    mxt_zone_deflating(z, segment, 1);
    read_records(z, segment, from, to);
    mxt_zone_deflating(z, segment, 0);

    memset(outcome, 0, sizeof(outcome));

    for (i = from; i < to; i++) {
        outcome[i % MXT_ADOPTED]++;
    }

    mxt_zone_settle(z, segment, to, outcome);
}


static void
read_records(mxt_zone_t *z, unsigned segment, unsigned from, unsigned to)
{
    size_t                len;
    unsigned              i;
    uint32_t              last, life;
    record_t              r;
    unsigned char        *base;
    const unsigned char  *p;
    static unsigned char  buf[RECORD_MAX];

    base = mxt_zone_data(z, segment);
    last = life = 0;

    for (i = from; i < to; i++) {

        p = mxt_segment_range(base, i, i + 1, &len);

        if (len < sizeof(record_t) || len > RECORD_MAX) {
            __atomic_add_fetch(&tell->torn, 1, __ATOMIC_RELAXED);
            return;
        }

        memcpy(&r, p, sizeof(r));

        if (r.life >= LIVES || r.seq >= RECORDS
            || record(buf, r.life, r.seq) != len || memcmp(buf, p, len) != 0
            || mxt_segment_record(base, i)->time != r.seq)
        {
            __atomic_add_fetch(&tell->torn, 1, __ATOMIC_RELAXED);
            return;
        }

        /* a segment's records are of one owner, one after another */

        if (i > from && (r.life != life || r.seq != last + 1)) {
            __atomic_add_fetch(&tell->disorder, 1, __ATOMIC_RELAXED);
        }

        life = r.life;
        last = r.seq;

        if (__atomic_add_fetch(&seen[life][last], 1, __ATOMIC_RELAXED) > 1) {
            __atomic_add_fetch(&tell->resent, 1, __ATOMIC_RELAXED);
        }
    }
}


static void
check(void)
{
    unsigned    i, n, lost, more, beyond, cut;
    uint64_t    sum, published, distinct, tracked, dropped;
    mxt_zone_t  z;
    mxt_look_t  look;

    mxt_zone_view(&z, memory, mxt_process_self(), mxt_process_alive);

    tap_ok(zone_valid(&z), "the zone is valid");
    tap_ok(mxt_zone_attach(&z, MXT_FLUSHER) == 0, "one more flusher");

    (void) mxt_zone_bury(&z);

    for (i = 0, n = 0; i < z.shm->slots; i++) {
        n += z.slot[i].word != 0;
    }

    tap_is_u64(n, 1, "all the others are buried");

    mxt_zone_seal(&z);

    for (i = 0; tick(&z) && i < 10000; i++) { /* void */ }

    mxt_zone_look(&z, &look);

    tap_is_u64(look.used, 0, "every segment is free");
    tap_is_u64(look.queued + look.in_flight, 0, "nothing is left");
    tap_is_u64(tell->torn, 0, "no record was torn");
    tap_is_u64(tell->disorder, 0, "none was out of order");
    tap_is_u64(tell->invalid, 0, "the zone was valid all the time");
    tap_is_u64(tell->unattached, 0, "there was always a slot");

    lost = more = beyond = cut = 0;
    published = distinct = 0;

    for (i = 0; i < tell->lives; i++) {

        published += tell->life[i].published;

        for (n = 0; n < tell->life[i].begun; n++) {

            if (seen[i][n]) {
                distinct++;
            }

            if (n < tell->life[i].published) {
                lost += seen[i][n] == 0;

            } else if (seen[i][n]) {
                more++;
                beyond += n > tell->life[i].published || tell->life[i].done;
            }
        }

        cut += !tell->life[i].done;
    }

    for (i = 0, sum = 0; i < MXT_ADOPTED; i++) {
        sum += mxt_zone_outcome(&z, i);
    }

    tracked = mxt_zone_counter(&z, MXT_TRACKED);
    dropped = mxt_zone_counter(&z, MXT_DROPPED_FULL);

    tap_diag("%u owners, %u killed; flushers: %u killed, %u replaced; "
             "%u stops", tell->lives, killed_owners, killed_flushers,
             tell->replaced, stops);
    tap_diag("%llu records published and known, %u not; %u sent again; "
             "%llu dropped", (unsigned long long) published, more,
             tell->resent, (unsigned long long) dropped);

    tap_is_u64(lost, 0, "nothing that was published is lost");
    tap_is_u64(beyond, 0, "one that was not told of for a killed owner");
    tap_ok(more <= killed_owners && cut <= killed_owners + OWNERS,
           "and for no other");
    tap_is_u64(sum, distinct, "each was settled once");

    /* counted after the append, so the killed have counted one less */

    tap_ok(sum + dropped >= tracked && sum + dropped <= tracked
                                                        + killed_owners,
           "tracked is delivered and dropped");
    tap_ok(killed_owners && killed_flushers && tell->resent && dropped
           && tell->replaced && stops, "there was something to withstand");
}


/* the record of that number: none but the owner needs to know it */

static size_t
record(unsigned char *p, uint32_t life, uint32_t seq)
{
    size_t    i, len;
    uint32_t  x;
    record_t  r;

    x = (life * 2654435761U ^ seq) * 2246822519U;

    len = sizeof(record_t) + 1 + (x >> 8) % 300;

    if (x % 64 == 0) {
        len += x % (RECORD_MAX - 400);
    }

    r.life = life;
    r.seq = seq;
    r.len = (uint32_t) len;

    memcpy(p, &r, sizeof(r));

    for (i = sizeof(r); i < len - 1; i++) {
        p[i] = (unsigned char) (x + i);
    }

    p[len - 1] = ',';

    return len;
}


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;

    return (uint32_t) ((uint64_t) seed * n >> 32);
}


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}
