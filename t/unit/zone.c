/* link: src/core/mxt_segment.c */

/*
 * The zone, step by step: several views stand for as many processes, whose
 * lives are an array; what a process was in the middle of when it died is
 * put into the memory by hand.  With real processes: stress.c.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/mxt_zone.c"
#include "../../src/core/mxt_zone_slot.c"

#include "tap.h"
#include "valid.h"


#define SIZE       (1024 * 1024)
#define PROCESSES  600


static void format(void);
static void sizes(void);
static void slots(void);
static void again(void);
static void race(void);
static void append(void);
static void full(void);
static void hint(void);
static void look(void);
static void moved(void);
static void seal(void);
static void lease(void);
static void stale(void);
static void young(void);
static void settle(void);
static void parts(void);
static void late(void);
static void crashes(void);
static void gravediggers(void);
static void freed(void);
static void deaths(void);
static void counters(void);
static void detach(void);
static void valid(void);

static void start(size_t size);
static mxt_zone_t *view(unsigned n);
static mxt_zone_t *attached(unsigned n, mxt_kind_e kind);
static void fill(mxt_zone_t *z, unsigned records);
static unsigned lease_one(mxt_zone_t *z);
static void deliver(mxt_zone_t *z);
static uint64_t total(void);
static int alive(mxt_process_t process);


static unsigned char  *memory;
static size_t          memory_size;
static mxt_zone_t      views[PROCESSES];
static unsigned char   killed[PROCESSES];
static unsigned        asked;

/* called once, by the next alive() */
static void          (*hook)(void);

static const uint32_t  one[MXT_OUTCOMES] = { 1, 0, 0, 0, 0 };
static const uint32_t  two[MXT_OUTCOMES] = { 1, 0, 1, 0, 0 };
static const uint32_t  none[MXT_OUTCOMES];


int
main(void)
{
    format();
    sizes();
    slots();
    again();
    race();
    append();
    full();
    hint();
    look();
    moved();
    seal();
    lease();
    stale();
    young();
    settle();
    parts();
    late();
    crashes();
    gravediggers();
    freed();
    deaths();
    counters();
    detach();
    valid();

    free(memory);

    return tap_done();
}


static void
format(void)
{
    unsigned         n, bad;
    mxt_zone_shm_t  *shm;

    tap_is_u64(sizeof(mxt_slot_t), 448, "a slot is 7 cache lines");
    tap_is_u64(offsetof(mxt_zone_shm_t, freed) % 64, 0, "freed has a line");
    tap_ok(offsetof(mxt_zone_shm_t, hint) / 64
           > offsetof(mxt_zone_shm_t, freed) / 64, "to itself");
    tap_is_u64(offsetof(mxt_slot_t, counter) % 64, 0, "counters have lines");

    memory_size = SIZE;
    memory = aligned_alloc(64, SIZE);
    memset(memory, 0xa5, SIZE);

    tap_is_u64(mxt_zone_format(memory, SIZE), 15, "segments of a megabyte");

    shm = (mxt_zone_shm_t *) (void *) memory;

    tap_is_u64(shm->slots, MXT_ZONE_SLOTS_MIN, "slots");
    tap_ok(shm->slot_offset % 64 == 0 && shm->segment_offset % 64 == 0
           && shm->data_offset % 64 == 0, "all of it aligned");
    tap_ok(shm->slot_offset >= sizeof(mxt_zone_shm_t),
           "slots behind the head");
    tap_ok(shm->segment_offset
           == shm->slot_offset + shm->slots * sizeof(mxt_slot_t),
           "segments behind the slots");
    tap_ok(shm->data_offset
           == shm->segment_offset + shm->segments * sizeof(mxt_segment_t),
           "data behind the segments");

    for (bad = 0, n = sizeof(mxt_zone_shm_t); n < shm->data_offset; n++) {
        bad += memory[n] != 0;
    }

    tap_is_u64(bad, 0, "whatever there was is gone");

    for (n = (unsigned) shm->data_offset; n < SIZE; n++) {
        bad += memory[n] != 0xa5;
    }

    tap_is_u64(bad, 0, "and the data is not touched");

    mxt_zone_view(&views[1], memory, 1, alive);
    tap_ok(zone_valid(&views[1]), "valid");
    tap_ok(views[1].open == shm->segments, "nothing open");
    tap_ok(!mxt_zone_held(&views[1]) && !mxt_zone_holds(&views[1]),
           "held by nobody");
}


/* any size: what is laid out fits, and most of it is data */

static void
sizes(void)
{
    size_t           size, round, end;
    unsigned         n, bad, small, waste, zones;
    uint64_t         usable;
    unsigned char   *p;
    mxt_zone_shm_t  *shm;

    /* only the head is ever written: no size needs the memory it names */

    p = aligned_alloc(64, 8 * 1024 * 1024);
    shm = (mxt_zone_shm_t *) (void *) p;

    bad = small = waste = zones = 0;

    for (size = 0; size < 4000000000;
         size += size < 3000000 ? 997 : size / 97 + 1)
    {
        memset(p, 0xa5, sizeof(mxt_zone_shm_t));

        n = mxt_zone_format(p, size);

        if (n == 0) {
            bad += size >= 2 * MXT_SEGMENT_SIZE;
            continue;
        }

        zones++;
        end = shm->data_offset + (size_t) n * MXT_SEGMENT_SIZE;

        bad += n != shm->segments || shm->size != size || end > size;
        bad += shm->data_offset % 64 || shm->slots < MXT_ZONE_SLOTS_MIN
               || shm->slots > MXT_ZONE_SLOTS_MAX
               || shm->slots > MXT_SEGMENT_SLOTS;

        if (size >= 1024 * 1024) {
            small += (uint64_t) n * MXT_SEGMENT_SIZE * 10
                     < (uint64_t) size * 9;
        }

        /* records of 630 bytes and their index, in sizes people write */

        round = size / (1024 * 1024) * (1024 * 1024);

        if (round) {
            n = mxt_zone_format(p, round);
            usable = (uint64_t) n * (MXT_SEGMENT_SIZE / (630 + 8)) * 630;
            waste += usable * 10 < (uint64_t) round * 9;
        }
    }

    tap_ok(zones > 1000, "formats %u zones", zones);
    tap_is_u64(bad, 0, "all of them sound");
    tap_is_u64(small, 0, "nine tenths of them are segments");
    tap_is_u64(waste, 0, "nine tenths hold records of 630 bytes");

    for (bad = 0, n = 1; n < 5000; n++) {
        size = mxt_zone_size(n);
        bad += mxt_zone_format(p, size) != n;
        bad += mxt_zone_format(p, size - 1) != n - 1;
    }

    tap_is_u64(bad, 0, "the least size for any number of segments");

    tap_is_u64(mxt_zone_format(p, 0), 0, "no zone in nothing");
    tap_is_u64(mxt_zone_format(p, MXT_SEGMENT_SIZE), 0,
               "none where there is no room for its head");

    free(p);
}


static void
slots(void)
{
    unsigned  n, k, bad;

    start(SIZE);
    bad = 0;

    for (n = 1; n <= 64; n++) {
        bad += mxt_zone_attach(view(n), n & 1 ? MXT_WORKER : MXT_FLUSHER)
               != 0;
        bad += views[n].own_index != n - 1;
    }

    tap_is_u64(bad, 0, "64 processes attach");
    tap_is_u64(mxt_zone_attached(&views[1], MXT_WORKER), 32, "workers");
    tap_is_u64(mxt_zone_attached(&views[1], MXT_FLUSHER), 32, "flushers");

    asked = 0;
    tap_ok(mxt_zone_attach(view(65), MXT_WORKER) == -1, "no slot for more");
    tap_ok(asked == 64, "all were asked whether they live");
    tap_ok(views[65].own == NULL, "and it is not attached");

    killed[10] = killed[20] = 1;
    tap_is_u64(mxt_zone_attached(&views[1], MXT_WORKER), 32,
               "10 and 20 were flushers");
    tap_is_u64(mxt_zone_attached(&views[1], MXT_FLUSHER), 30,
               "the dead are not attached");
    tap_ok(mxt_zone_attach(&views[65], MXT_WORKER) == 0, "a slot of a dead");
    tap_is_u64(views[65].own_index, 9, "the first of them");
    tap_is_u64(mxt_zone_bury(&views[1]), 0, "both were buried");
    tap_is_u64(mxt_zone_attached(&views[1], MXT_WORKER), 33, "one more");

    mxt_zone_detach(&views[33]);
    tap_ok(views[33].own == NULL && views[33].open == views[33].shm->segments,
           "one leaves");
    mxt_zone_detach(&views[33]);
    tap_ok(views[33].own == NULL, "twice is as once");
    tap_is_u64(mxt_zone_attached(&views[1], MXT_WORKER), 32, "one less");

    /* one process may have two slots, and is not buried by itself */

    views[66] = views[1];
    tap_ok(mxt_zone_attach(&views[66], MXT_FLUSHER) == 0, "one more slot");
    tap_is_u64(views[66].own_index, 19, "the other of the dead");

    killed[1] = 1;
    tap_is_u64(mxt_zone_bury(&views[66]), 0, "who buries is not dead");
    tap_is_u64(mxt_zone_bury(&views[2]), 2, "another sees that it is");

    for (k = 2; k < 66; k++) {
        mxt_zone_detach(&views[k]);
    }

    for (n = 0; n < views[2].shm->slots; n++) {
        bad += views[2].slot[n].word != 0;
    }

    tap_is_u64(bad, 0, "all slots are free");

    /* the largest table, and identities of 54 bits */

    start(136 * 1024 * 1024);
    tap_is_u64(view(1)->shm->slots, MXT_ZONE_SLOTS_MAX, "the largest table");
    views[1].process = (1ULL << MXT_PROCESS_BITS) - 1;

    for (n = 0, k = 0; mxt_zone_attach(&views[1], MXT_FLUSHER) == 0; n++) {
        k += mxt_slot_process(views[1].own->word) != views[1].process
             || mxt_slot_kind(views[1].own->word) != MXT_FLUSHER
             || mxt_slot_state(views[1].own->word) != MXT_SLOT_LIVE;
    }

    tap_is_u64(n, MXT_ZONE_SLOTS_MAX, "is all used");
    tap_is_u64(k, 0, "the largest identity fits in a slot's word");

    start(SIZE);
}


/* a process that got no slot looks for one later */

static void
again(void)
{
    unsigned     n;
    mxt_zone_t  *z;

    start(SIZE);

    for (n = 1; n <= 64; n++) {
        (void) attached(n, MXT_WORKER);
    }

    z = view(65);

    tap_ok(mxt_zone_attach_again(z, 5000) == -1, "nothing to do again");
    tap_ok(mxt_zone_attach(z, MXT_WORKER) == -1, "there is no slot");

    asked = 0;
    killed[7] = 1;
    tap_ok(mxt_zone_attach_again(z, 5000) == -1 && z->own == NULL,
           "nor is there again");
    tap_is_u64(asked, 0, "and nobody is asked whether it lives");

    mxt_zone_detach(&views[20]);
    tap_ok(mxt_zone_attach_again(z, 5999) == -1, "not within a second");
    tap_ok(mxt_zone_attach_again(z, 6000) == 0, "after it");
    tap_is_u64(z->own_index, 19, "the one that is free");
    tap_is_u64(mxt_zone_attached(z, MXT_WORKER), 63, "as what it was to be");
    tap_ok(mxt_zone_attach_again(z, 9000) == -1 && z->own_index == 19,
           "and no other");

    mxt_zone_count(z, MXT_TRACKED);
    fill(z, 1);
    mxt_zone_detach(z);
    tap_ok(mxt_zone_attach_again(z, 12000) == -1 && z->own == NULL,
           "who has left stays away");

    /* also who never had one */

    (void) attached(20, MXT_WORKER);
    (void) mxt_zone_bury(&views[1]);
    (void) attached(7, MXT_WORKER);
    killed[7] = 0;

    tap_ok(mxt_zone_attach(view(66), MXT_WORKER) == -1, "all are taken");
    mxt_zone_detach(&views[66]);
    mxt_zone_detach(&views[1]);
    tap_ok(mxt_zone_attach_again(&views[66], 5000) == -1,
           "who leaves without one wants none");

    start(SIZE);
}


/* another process buries the dead while we look for them */

static void
race_hook(void)
{
    (void) mxt_zone_bury(&views[64]);
}


static void
race(void)
{
    unsigned  n;

    start(SIZE);

    for (n = 1; n <= 64; n++) {
        (void) attached(n, MXT_WORKER);
    }

    killed[63] = 1;
    hook = race_hook;

    tap_ok(mxt_zone_attach(view(65), MXT_WORKER) == 0,
           "a slot that another process freed meanwhile");
    tap_is_u64(views[65].own_index, 62, "the dead one's");

    /* the same word is not buried twice */

    n = 62;
    killed[65] = 1;
    tap_is_u64((uint64_t) mxt_slot_bury(&views[1], n, views[1].slot[n].word
                                        ^ 4), 0, "not if it changed");
    tap_ok(views[1].slot[n].word != 0, "and then it stays");
}


static void
append(void)
{
    unsigned       n;
    mxt_zone_t    *z;
    unsigned char *big;

    big = malloc(MXT_SEGMENT_SIZE);
    memset(big, ',', MXT_SEGMENT_SIZE);

    start(SIZE);
    z = attached(1, MXT_WORKER);

    tap_ok(!mxt_zone_full(z), "not full at first");
    tap_ok(mxt_zone_append(z, "abc,", 4, 100, 7) == 0, "appends");
    tap_is_u64(z->open, 0, "to the first segment");
    tap_is_u64(z->segment[0].opened, 100, "opened at that time");
    tap_is_u64(mxt_segment_record(z->data, 0)->time, 7, "time of the event");

    tap_ok(mxt_zone_append(z, big, MXT_SEGMENT_ROOM + 1, 101, 7) == -1,
           "larger than a segment");
    tap_is_u64(mxt_zone_counter(z, MXT_DROPPED_TOO_LARGE), 1, "is counted");
    tap_is_u64(z->open, 0, "and costs no segment");

    tap_ok(mxt_zone_append(z, big, (size_t) -1, 101, 7) == -1,
           "larger than anything");

    tap_ok(mxt_zone_append(z, big, MXT_SEGMENT_ROOM, 102, 8) == 0,
           "as large as a segment");
    tap_is_u64(z->open, 1, "takes one of its own");
    tap_ok(mxt_segment_word(&z->segment[0]) & MXT_SEGMENT_SEALED,
           "the one before is sealed");
    tap_ok(mxt_zone_append(z, ",", 1, 103, 8) == 0, "the next record");
    tap_is_u64(z->open, 2, "the next segment");

    /* sealed behind its back */

    (void) mxt_segment_seal(&z->segment[2], 0);
    tap_ok(mxt_zone_append(z, ",", 1, 104, 8) == 0, "sealed by another");
    tap_is_u64(z->open, 3, "the next segment");

    /* buried alive */

    (void) mxt_segment_bury(&z->segment[3], z->own_index);
    tap_ok(mxt_zone_append(z, ",", 1, 105, 8) == 0, "taken for dead");
    tap_is_u64(z->open, 4, "the next segment");

    for (n = 0; n < 5; n++) {
        tap_is_u64(mxt_word_count(mxt_segment_word(&z->segment[n])), 1,
                   "each holds one record");
    }

    tap_ok(zone_valid(z), "valid");

    free(big);
}


static void
full(void)
{
    unsigned     n;
    mxt_zone_t  *w, *other, *f;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    other = attached(2, MXT_WORKER);
    f = attached(3, MXT_FLUSHER);

    (void) mxt_zone_append(other, "other,", 6, 1, 1);

    for (n = 0; mxt_zone_append(w, "abc,", 4, 1, 1) == 0; n++) { /* void */ }

    tap_is_u64(n, 14 * (MXT_SEGMENT_SIZE / 12), "records until it is full");
    tap_ok(mxt_zone_full(w), "it is full");
    tap_ok(!mxt_zone_full(other), "but not for one with room in a segment");
    tap_is_u64(mxt_zone_counter(w, MXT_DROPPED_FULL), 1, "one was dropped");
    tap_ok(mxt_zone_append(w, "abc,", 4, 1, 1) == -1, "the next one, too");
    tap_is_u64(mxt_zone_counter(w, MXT_DROPPED_FULL), 2, "and counted");

    tap_ok(mxt_zone_append(other, "other,", 6, 1, 1) == 0, "room is room");

    deliver(f);

    tap_ok(!mxt_zone_full(w), "not full when one was freed");
    tap_ok(mxt_zone_append(w, "abc,", 4, 1, 1) == 0, "appends again");
    tap_ok(!mxt_zone_full(w), "and is not full");
    tap_is_u64(total(), n, "all were delivered but the other's");
    tap_is_u64(mxt_zone_counter(w, MXT_DROPPED_FULL), 2, "no more dropped");
}


/* the hint may be anything */

static void
hint(void)
{
    unsigned     n;
    mxt_zone_t  *z, *f;

    start(SIZE);
    z = attached(1, MXT_WORKER);

    z->shm->hint = (uint64_t) -1;
    tap_ok(mxt_zone_append(z, ",", 1, 1, 1) == 0, "a hint of nonsense");
    tap_is_u64(z->open, (uint64_t) -1 % 15, "is taken modulo");

    for (n = 1; n < 15; n++) {
        (void) mxt_segment_seal(&z->segment[z->open], 0);
        tap_ok(mxt_zone_append(z, ",", 1, 1, 1) == 0, "goes round");
    }

    (void) mxt_segment_seal(&z->segment[z->open], 0);
    tap_ok(mxt_zone_append(z, ",", 1, 1, 1) == -1, "once");

    /* the lowest first, so that a short queue stays where it is */

    start(SIZE);
    z = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);

    for (n = 0; n < 30; n++) {
        fill(z, 1);
        (void) mxt_segment_seal(&z->segment[z->open],
                                mxt_word_generation(z->word));

        if (n % 3 == 2) {
            deliver(f);
        }

        if (z->open > 2) {
            break;
        }
    }

    tap_is_u64(n, 30, "what was freed is taken first");
}


static void
look(void)
{
    mxt_look_t   l;
    mxt_zone_t  *w, *v, *f;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    v = attached(2, MXT_WORKER);
    f = attached(3, MXT_FLUSHER);

    memset(&l, 0xff, sizeof(l));
    mxt_zone_look(f, &l);
    tap_ok(l.used == 0 && l.queued == 0 && l.in_flight == 0 && l.oldest == 0
           && l.sealed_records == 0 && l.sealed_bytes == 0
           && l.open_bytes == 0, "nothing in an empty zone");

    (void) mxt_zone_append(w, "abc,", 4, 500, 1);
    (void) mxt_zone_append(w, "defgh,", 6, 501, 1);
    (void) mxt_zone_append(v, "ijk,", 4, 400, 1);

    mxt_zone_look(f, &l);
    tap_is_u64(l.used, 2, "two are used");
    tap_is_u64(l.queued, 3, "three are queued");
    tap_is_u64(l.open_bytes, 14, "in open segments");
    tap_is_u64(l.oldest, 400, "the oldest");
    tap_ok(l.sealed_records == 0 && l.sealed_bytes == 0, "none is sealed");

    (void) mxt_segment_seal(&f->segment[0], 0);
    mxt_zone_look(f, &l);
    tap_is_u64(l.sealed_records, 2, "two are sealed");
    tap_is_u64(l.sealed_bytes, 10, "of ten bytes");
    tap_is_u64(l.open_bytes, 4, "the others are open");
    tap_is_u64(l.queued, 3, "all are queued");

    tap_is_u64(lease_one(f), 0, "one is leased");
    mxt_zone_look(f, &l);
    tap_is_u64(l.in_flight, 2, "two are in flight");
    tap_is_u64(l.queued, 1, "one is queued");
    tap_ok(l.sealed_records == 1 && l.sealed_bytes == 4, "and sealed");
    tap_is_u64(l.oldest, 400, "the oldest");

    mxt_zone_settle(f, 0, 1, one);
    mxt_zone_look(f, &l);
    tap_ok(l.in_flight == 0 && l.queued == 2, "settled in part");
    tap_ok(l.sealed_records == 2 && l.sealed_bytes == 10, "the rest is left");

    (void) lease_one(f);
    mxt_zone_settle(f, 0, 2, one);
    mxt_zone_look(f, &l);
    tap_ok(l.used == 1 && l.queued == 1, "settled whole");

    /* an empty open one is used, and no more */

    (void) mxt_segment_open(&f->segment[5], 9, 1, &w->word);
    mxt_zone_look(f, &l);
    tap_ok(l.used == 2 && l.queued == 1 && l.oldest == 400, "an empty one");

    (void) mxt_segment_bury(&f->segment[5], 9);
    mxt_zone_look(f, &l);
    tap_ok(l.used == 1 && mxt_segment_word(&f->segment[5]) == 1ULL << 37,
           "sealed and empty is freed by a look");
    tap_is_u64(f->shm->freed, 2, "which says so");
}


/* what was freed and taken again under a look counts for nothing */

static void
moved(void)
{
    mxt_look_t   l;
    mxt_zone_t  *w, *f;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);

    fill(w, 3);
    (void) mxt_segment_seal(&w->segment[0], 0);
    w->segment[0].settled = mxt_segment_settled_value(w->segment[0].word, 9);

    mxt_zone_look(f, &l);
    tap_ok(l.queued == 0, "more settled than we know of is none left");
}


static void
seal(void)
{
    uint64_t     w;
    mxt_zone_t  *z;

    start(SIZE);
    z = attached(1, MXT_WORKER);

    (void) mxt_segment_open(&z->segment[3], 0, 1, &w);
    (void) mxt_zone_append(z, "abc,", 4, 1, 1);
    mxt_zone_seal(z);

    tap_ok(mxt_segment_word(&z->segment[0]) & MXT_SEGMENT_SEALED,
           "what holds a record is sealed");
    tap_ok(!(mxt_segment_word(&z->segment[3]) & MXT_SEGMENT_SEALED),
           "what is empty is not");
    tap_ok(!(mxt_segment_word(&z->segment[4]) & MXT_SEGMENT_SEALED),
           "nor what is free");
}


static void
lease(void)
{
    mxt_zone_t  *a, *b, *c;

    start(SIZE);
    a = attached(1, MXT_FLUSHER);
    b = attached(2, MXT_FLUSHER);
    c = attached(3, MXT_WORKER);

    tap_ok(!mxt_zone_holds(a) && !mxt_zone_held(c), "nobody's");
    mxt_zone_release(a);
    tap_ok(a->shm->lease == 0, "released by nobody");

    tap_ok(mxt_zone_take_free(a, 1000) == 0, "a free one is taken");
    tap_ok(mxt_zone_holds(a) && mxt_zone_held(c), "and held");
    tap_is_u64(a->shm->taken_at, 1000, "since then");
    tap_ok(!mxt_zone_holds(b), "by one");

    tap_ok(mxt_zone_take_free(b, 1001) == -1, "it is not free");
    tap_ok(mxt_zone_holds(a), "and stays");

    mxt_zone_take(b, 1002);
    tap_ok(mxt_zone_holds(b) && !mxt_zone_holds(a), "the newest wins");
    tap_is_u64(a->shm->taken_at, 1002, "from then");
    mxt_zone_release(a);
    tap_ok(mxt_zone_holds(b), "the old one's release is none");

    mxt_zone_take(a, 1003);
    tap_ok(mxt_zone_holds(a) && !mxt_zone_holds(b), "taken back");
    mxt_zone_release(a);
    tap_ok(!mxt_zone_holds(a) && !mxt_zone_held(c), "released");
    mxt_zone_release(a);

    tap_ok(mxt_zone_take_free(b, 1004) == 0, "free again");
    tap_is_u64(b->generation, 4, "the fourth");

    killed[2] = 1;
    tap_ok(!mxt_zone_held(c), "a dead one does not hold it");
    tap_ok(mxt_zone_take_free(a, 1005) == 0, "it is free without a burial");

    mxt_zone_release(a);
    mxt_zone_take(a, 1006);
    killed[1] = 1;
    (void) mxt_zone_bury(c);
    tap_ok(!mxt_zone_held(c), "nor does a buried one");
}


/* a slot is used again whose last owner died with the lease */

static void
lease_hook(void)
{
    mxt_zone_take(&views[9], 5);
}


static void
stale(void)
{
    mxt_zone_t  *a, *b, *c;

    start(SIZE);
    a = attached(1, MXT_FLUSHER);
    c = attached(3, MXT_WORKER);

    mxt_zone_take(a, 1000);
    killed[1] = 1;
    (void) mxt_zone_bury(c);

    b = attached(4, MXT_FLUSHER);
    tap_is_u64(b->own_index, 0, "the slot of the dead");
    tap_ok(!mxt_zone_held(c), "does not hold what the dead held");
    tap_ok(!mxt_zone_holds(b), "nor thinks so");
    tap_ok(mxt_zone_take_free(b, 1001) == 0, "it is free to be taken");
    tap_ok(mxt_zone_holds(b), "and is");

    /* ... nor one that left with it */

    mxt_zone_detach(b);
    b = attached(5, MXT_FLUSHER);
    tap_ok(!mxt_zone_held(c), "nor what one that left held");

    /* taken by another between our two looks at it */

    (void) attached(9, MXT_FLUSHER);
    killed[5] = 1;
    b->generation = 9;
    mxt_zone_take(b, 1002);
    hook = lease_hook;
    tap_ok(mxt_zone_take_free(c, 1003) == -1, "not if another was first");
    tap_ok(mxt_zone_holds(&views[9]), "who keeps it");
}


static void
young(void)
{
    mxt_zone_t  *a, *b;

    start(SIZE);
    a = attached(1, MXT_FLUSHER);
    b = attached(2, MXT_FLUSHER);

    tap_ok(!mxt_zone_died_young(b, 1000, 1000), "nobody has died");
    mxt_zone_take(a, 1000);
    tap_ok(!mxt_zone_died_young(b, 1001, 1000), "nor one that lives");
    killed[1] = 1;
    tap_ok(mxt_zone_died_young(b, 1999, 1000), "one that died young");
    tap_ok(!mxt_zone_died_young(b, 2000, 1000), "one that did not");
    (void) mxt_zone_bury(b);
    tap_ok(mxt_zone_died_young(b, 1999, 1000), "buried or not");
    mxt_zone_take(b, 1999);
    mxt_zone_release(b);
    tap_ok(!mxt_zone_died_young(b, 2000, 1000), "one that left is not dead");
}


static void
settle(void)
{
    mxt_zone_t      *w, *f;
    const uint32_t   mixed[MXT_OUTCOMES] = { 1, 2, 3, 4, 0 };
    const uint32_t   more[MXT_OUTCOMES] = { 0, 0, 0, 7, 5 };

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);

    fill(w, 10);
    (void) lease_one(f);
    mxt_zone_settle(f, 0, 10, mixed);

    tap_is_u64(mxt_zone_outcome(w, MXT_DELIVERED), 1, "delivered");
    tap_is_u64(mxt_zone_outcome(w, MXT_REJECTED), 2, "rejected");
    tap_is_u64(mxt_zone_outcome(w, MXT_EXPIRED), 3, "expired");
    tap_is_u64(mxt_zone_outcome(w, MXT_SPOOLED), 4, "spooled");
    tap_is_u64(mxt_segment_word(&w->segment[0]), 1ULL << 37, "freed");
    tap_is_u64(w->shm->freed, 1, "which is told");
    tap_is_u64(f->own->redo.armed, 0, "and over");

    mxt_zone_settle_spooled(f, more);
    tap_is_u64(mxt_zone_outcome(w, MXT_SPOOLED), 11, "adds up");
    tap_is_u64(mxt_zone_outcome(w, MXT_ADOPTED), 5, "adopted");
    tap_is_u64(mxt_segment_word(&w->segment[0]), 1ULL << 37,
               "what concerns no segment changes none");
    tap_is_u64(w->segment[0].settled, 10, "nor what is settled of it");
}


static void
parts(void)
{
    mxt_zone_t  *w, *f, *g;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);
    g = attached(3, MXT_FLUSHER);

    fill(w, 3);
    (void) lease_one(f);
    mxt_zone_settle(f, 0, 1, one);

    tap_ok(!(mxt_segment_word(&w->segment[0]) & MXT_SEGMENT_LEASED),
           "settled in part is given back");
    tap_is_u64(lease_one(g), 0, "to be had by another");
    tap_is_u64(mxt_segment_settled(&w->segment[0],
                                   mxt_segment_word(&w->segment[0])), 1,
               "who sees where to go on");
    mxt_zone_settle(g, 0, 3, two);
    tap_is_u64(mxt_segment_word(&w->segment[0]), 1ULL << 37, "freed");
    tap_is_u64(total(), 3, "each counted once");
}


/* the record of a stopped owner, after its segment was settled */

static void
late(void)
{
    mxt_look_t      l;
    mxt_zone_t     *w, *f;
    mxt_segment_t  *s;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);

    fill(w, 1);
    s = &w->segment[0];
    (void) mxt_segment_begin(s, &w->word);
    (void) lease_one(f);
    mxt_zone_settle(f, 0, 1, one);

    tap_ok((mxt_segment_word(s) & MXT_SEGMENT_BUSY)
           && !(mxt_segment_word(s) & MXT_SEGMENT_LEASED),
           "settled around a stopped owner");
    mxt_zone_look(f, &l);
    tap_ok(l.used == 1 && l.queued == 0, "not freed by a look");

    mxt_segment_write(w->data, w->word, "late,", 5, 1);
    tap_ok(mxt_segment_publish(s, &w->word) == 0, "the owner goes on");
    mxt_zone_look(f, &l);
    tap_ok(l.used == 1 && l.queued == 1 && l.sealed_bytes == 5,
           "its record is queued");

    deliver(f);
    mxt_zone_look(f, &l);
    tap_ok(l.used == 0, "and settled");
    tap_is_u64(total(), 2, "each counted once");

    /* ... or dies */

    fill(w, 1);
    s = &w->segment[w->open];
    (void) mxt_segment_begin(s, &w->word);
    (void) lease_one(f);
    mxt_zone_settle(f, w->open, 1, one);
    killed[1] = 1;
    mxt_zone_look(f, &l);
    tap_ok(l.used == 1, "dead, and not buried");
    tap_is_u64(mxt_zone_bury(f), 1, "buried");
    mxt_zone_look(f, &l);
    tap_ok(l.used == 0 && l.queued == 0, "freed by a look");
    tap_is_u64(total(), 3, "what was half-written does not count");
}


/*
 * A flusher dies behind each store of a settlement, and each gravedigger
 * behind each store of his; at the end everything was counted once.
 */

static void
crashes(void)
{
    unsigned       n, k, i, bad, leak, rounds;
    uint64_t       value;
    mxt_look_t     l;
    mxt_redo_t    *redo;
    mxt_zone_t    *w, *f, *g, *h;
    mxt_segment_t *s;

    bad = leak = rounds = 0;

    for (n = 0; n < 10; n++) {
        for (k = 0; k < 10; k++) {

            start(SIZE);
            w = attached(1, MXT_WORKER);
            f = attached(2, MXT_FLUSHER);
            g = attached(3, MXT_FLUSHER);

            /* so that no new value is the same as its difference */

            mxt_zone_settle_spooled(f, two);

            fill(w, 3);
            (void) lease_one(f);
            s = &w->segment[0];

            value = mxt_segment_settled_value(mxt_segment_word(s), 2);
            redo = &f->own->redo;

            redo->segment = 0;
            redo->settled = value;

            for (i = 0; i < MXT_OUTCOMES; i++) {
                redo->outcome[i] = f->own->outcome[i] + two[i];
            }

            if (n > 0) {
                redo->armed = 1;
            }

            for (i = 0; i < MXT_OUTCOMES && i + 2 <= n; i++) {
                f->own->outcome[i] = redo->outcome[i];
            }

            if (n >= 7) {
                s->settled = redo->settled;
            }

            if (n >= 8) {
                redo->armed = 0;
            }

            if (n >= 9) {
                (void) mxt_segment_unlease(s, f->own_index);
            }

            killed[2] = 1;

            /* the gravedigger's way */

            if (k > 0) {
                f->own->word = mxt_slot_word(3, MXT_FLUSHER,
                                             MXT_SLOT_BURIED);
                killed[3] = 1;
            }

            if (redo->armed && k > 1) {

                for (i = 0; i < MXT_OUTCOMES && i + 2 <= k; i++) {
                    f->own->outcome[i] = redo->outcome[i];
                }

                if (k >= 7) {
                    s->settled = redo->settled;
                }

                if (k >= 8) {
                    redo->armed = 0;
                }
            }

            if (k >= 9) {
                (void) mxt_segment_bury(s, f->own_index);
            }

            h = attached(4, MXT_FLUSHER);
            bad += mxt_zone_bury(h) != (killed[3] ? 2 : 1);
            bad += g->own->word != 0 && killed[3];
            bad += total() != (n ? 4 : 2);
            bad += !zone_valid(h);

            mxt_zone_look(h, &l);
            bad += l.queued != (n ? 1 : 3) || l.in_flight != 0;

            deliver(h);
            bad += total() != 5;

            mxt_zone_look(h, &l);
            leak += l.used != 0;
            rounds++;
        }
    }

    tap_is_u64(rounds, 100, "deaths in pairs");
    tap_is_u64(bad, 0, "all is counted once");
    tap_is_u64(leak, 0, "no segment is lost");
}


/* only one of several buries, and not the living */

static unsigned  others;

static void
bury_hook(void)
{
    others = mxt_zone_bury(&views[3]);
}


static void
gravediggers(void)
{
    mxt_zone_t  *w;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    (void) attached(2, MXT_FLUSHER);
    (void) attached(3, MXT_FLUSHER);

    fill(w, 2);
    killed[1] = 1;
    others = 0;
    hook = bury_hook;

    tap_is_u64(mxt_zone_bury(&views[2]) + others, 1, "one of two buries");
    tap_is_u64(others, 1, "the one that was first");

    /* in the hands of one that lives */

    (void) attached(4, MXT_WORKER);
    w->slot[0].word = mxt_slot_word(2, MXT_WORKER, MXT_SLOT_BURIED);
    tap_is_u64(mxt_zone_bury(&views[3]), 0, "none while one is at it");
    tap_is_u64(mxt_zone_attached(&views[3], MXT_WORKER), 0,
               "but it is not attached");
    tap_ok(mxt_slot_take(view(5), MXT_WORKER) == 0
           && views[5].own_index == 3, "and not free");
    killed[2] = 1;
    tap_is_u64(mxt_zone_bury(&views[3]), 2, "when he is dead, both are");
    tap_ok(w->slot[0].word == 0 && w->slot[1].word == 0, "and free");
}


/* one that dies between freeing and telling */

static void
freed(void)
{
    mxt_zone_t  *w, *f, *g;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);
    g = attached(3, MXT_FLUSHER);

    while (mxt_zone_append(w, "abc,", 4, 1, 1) == 0) { /* void */ }

    (void) lease_one(f);
    f->segment[0].settled =
        mxt_segment_settled_value(mxt_segment_word(&f->segment[0]),
                                  mxt_word_count(f->segment[0].word));
    (void) mxt_segment_free(&f->segment[0], f->own_index);

    tap_ok(mxt_zone_full(w), "full, for all he knows");
    killed[2] = 1;
    (void) mxt_zone_bury(g);
    tap_ok(!mxt_zone_full(w), "the gravedigger tells");
    tap_ok(mxt_zone_append(w, "abc,", 4, 1, 1) == 0, "and it is found");
}


static void
deaths(void)
{
    unsigned     n;
    mxt_zone_t  *w, *f, *h;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    h = attached(2, MXT_FLUSHER);
    fill(w, 3);

    for (n = 0; n < 3; n++) {
        f = attached(3 + n, MXT_FLUSHER);
        (void) lease_one(f);
        tap_is_u64(mxt_zone_deaths(f, 0), n, "deaths so far");
        mxt_zone_deflating(f, 0, 1);
        killed[3 + n] = 1;
        (void) mxt_zone_bury(h);
        tap_is_u64(w->segment[0].deflating, 0, "not deflating any more");
    }

    f = attached(10, MXT_FLUSHER);
    (void) lease_one(f);
    tap_is_u64(mxt_zone_deaths(f, 0), 3, "three deaths");
    mxt_zone_deflating(f, 0, 1);
    mxt_zone_deflating(f, 0, 0);
    killed[10] = 1;
    (void) mxt_zone_bury(h);
    tap_is_u64(mxt_zone_deaths(h, 0), 3, "one that died later is no fourth");

    deliver(h);
    tap_is_u64(mxt_zone_deaths(h, 0), 0, "none in its next life");
    tap_is_u64(mxt_zone_deaths(h, 1), 0, "none of another segment");
}


static void
counters(void)
{
    mxt_zone_t  *w, *v, *f;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    v = attached(2, MXT_WORKER);
    f = attached(3, MXT_FLUSHER);

    mxt_zone_count(w, MXT_TRACKED);
    mxt_zone_count(w, MXT_TRACKED);
    mxt_zone_count(v, MXT_TRACKED);
    mxt_zone_count(v, MXT_WORKER_COUNTERS - 1);
    mxt_zone_add(f, MXT_BYTES_RAW, 1ULL << 40);
    mxt_zone_add(f, MXT_FLUSHER_COUNTERS - 1, 5);
    f->own->inflight = 3;

    tap_is_u64(mxt_zone_counter(f, MXT_TRACKED), 3, "summed up");
    tap_is_u64(mxt_zone_counter(f, MXT_WORKER_COUNTERS - 1), 1, "the last");
    tap_is_u64(mxt_zone_post(w, MXT_BYTES_RAW), 1ULL << 40, "a flusher's");
    tap_is_u64(mxt_zone_post(w, MXT_FLUSHER_COUNTERS - 1), 5, "the last");
    tap_is_u64(mxt_zone_inflight(w), 3, "in flight");
    tap_is_u64(mxt_zone_outcome(w, MXT_DELIVERED), 0, "apart from outcomes");

    killed[1] = killed[3] = 1;
    (void) mxt_zone_bury(v);
    tap_is_u64(mxt_zone_inflight(v), 0, "the dead have none in flight");
    tap_is_u64(mxt_zone_counter(v, MXT_TRACKED), 3, "but have counted");

    w = attached(4, MXT_WORKER);
    mxt_zone_count(w, MXT_TRACKED);
    tap_is_u64(mxt_zone_counter(v, MXT_TRACKED), 4,
               "the next one counts from there");
    mxt_zone_detach(w);
    tap_is_u64(mxt_zone_counter(v, MXT_TRACKED), 4, "and leaves it");
}


static void
detach(void)
{
    mxt_look_t   l;
    mxt_zone_t  *w, *f, *g;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    f = attached(2, MXT_FLUSHER);
    g = attached(3, MXT_FLUSHER);

    fill(w, 2);
    (void) lease_one(f);
    fill(w, 1);
    f->own->inflight = 2;

    mxt_zone_detach(w);
    tap_ok(mxt_segment_word(&g->segment[1]) & MXT_SEGMENT_SEALED,
           "who leaves seals");
    tap_ok(mxt_segment_word(&g->segment[0]) & MXT_SEGMENT_LEASED,
           "and leaves what is leased");

    mxt_zone_detach(f);
    tap_ok(!(mxt_segment_word(&g->segment[0]) & MXT_SEGMENT_LEASED),
           "gives back leases");
    tap_is_u64(mxt_zone_inflight(g), 0, "and has nothing in flight");

    deliver(g);
    mxt_zone_look(g, &l);
    tap_ok(l.used == 0 && total() == 3, "all is left to others");
}


static void
valid(void)
{
    uint32_t       end;
    unsigned       sound;
    mxt_zone_t    *w;
    mxt_record_t  *last;

    start(SIZE);
    w = attached(1, MXT_WORKER);
    fill(w, 2);

    tap_ok(zone_valid(w), "valid");
    w->segment[14].word = 2;
    tap_ok(!mxt_zone_valid(w), "not if one segment is not");
    w->segment[14].word = 0;
    tap_ok(mxt_zone_valid(w), "and then it is again");

    /* the index is at the end */

    last = (mxt_record_t *) (void *) (mxt_zone_data(w, 0) + MXT_SEGMENT_SIZE)
           - 1;
    end = last->end;
    last->end = 0;

    tap_ok(mxt_zone_valid(w) && !zone_valid(w), "records take a closer look");
    tap_ok(mxt_zone_check(w, 0, 0, 2, &sound) == -1 && sound == 0,
           "which finds them damaged");

    last->end = end;

    tap_ok(mxt_zone_check(w, 0, 0, 2, &sound) == 0 && sound == 2, "or not");
    tap_ok(!mxt_zone_valid(w), "and it is not forgotten");

    (last - 1)->end = 0xf0000000;
    tap_ok(mxt_zone_check(w, 0, 0, 2, &sound) == -1 && sound == 1,
           "the first may be read");

    w->segment[0].word |= MXT_SEGMENT_LEASED;
    tap_ok(mxt_zone_check(w, 0, 0, 1, &sound) == -1 && sound == 1,
           "all of them, if the word alone is wrong");
}


static void
start(size_t size)
{
    if (size != memory_size) {
        free(memory);
        memory = aligned_alloc(64, size);
        memory_size = size;
    }

    memset(views, 0, sizeof(views));
    memset(killed, 0, sizeof(killed));
    hook = NULL;

    (void) mxt_zone_format(memory, size);
}


/* that of process n */

static mxt_zone_t *
view(unsigned n)
{
    mxt_zone_view(&views[n], memory, n, alive);

    return &views[n];
}


static mxt_zone_t *
attached(unsigned n, mxt_kind_e kind)
{
    if (mxt_zone_attach(view(n), kind) != 0) {
        tap_ok(0, "process %u attaches", n);
    }

    return &views[n];
}


static void
fill(mxt_zone_t *z, unsigned records)
{
    while (records--) {
        (void) mxt_zone_append(z, "abc,", 4, 1, 1);
    }
}


/* seals everything and leases the first that is to be had */

static unsigned
lease_one(mxt_zone_t *z)
{
    unsigned  i;
    uint64_t  w;

    mxt_zone_seal(z);

    for (i = 0; i < z->shm->segments; i++) {
        if (mxt_segment_lease(&z->segment[i], z->own_index, &w) == 0) {
            break;
        }
    }

    return i;
}


/* all that is sealed */

static void
deliver(mxt_zone_t *z)
{
    unsigned  i, n;
    uint64_t  w;
    uint32_t  outcome[MXT_OUTCOMES];

    for (i = 0; i < z->shm->segments; i++) {

        if (mxt_segment_lease(&z->segment[i], z->own_index, &w) != 0) {
            continue;
        }

        memcpy(outcome, none, sizeof(outcome));
        n = mxt_word_count(w);
        outcome[MXT_DELIVERED] = n - mxt_segment_settled(&z->segment[i], w);

        mxt_zone_settle(z, i, n, outcome);
    }
}


static uint64_t
total(void)
{
    unsigned    i;
    uint64_t    sum;
    mxt_zone_t  z;

    mxt_zone_view(&z, memory, 0, alive);

    sum = 0;

    for (i = 0; i < MXT_ADOPTED; i++) {
        sum += mxt_zone_outcome(&z, i);
    }

    return sum;
}


static int
alive(mxt_process_t process)
{
    void  (*call)(void);

    asked++;

    if (hook) {
        call = hook;
        hook = NULL;
        call();
    }

    return process >= PROCESSES || !killed[process];
}
