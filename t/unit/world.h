
/*
 * A zone and the processes around it, all in one thread: each access of the
 * core to the shared memory is a step, before which the process may be
 * paused, so that others act, or die.
 *
 * Beside the zone stands what it ought to be: a plain queue of records for
 * each segment, changed at the very swap that changes the word.  A word may
 * only change as the protocol allows, and what is read, counted and freed is
 * compared with the queue.  Whatever is not as it should be aborts.
 *
 * The including file defines world_paused(), called between two steps of the
 * process that world_frame() says.
 */


#ifndef MXT_WORLD_H
#define MXT_WORLD_H


#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define WORLD_SEGMENTS   4
#define WORLD_SLOTS      5
#define WORLD_WORKERS    3
#define WORLD_ACTORS     6          /* one more than there are slots */
#define WORLD_DEPTH      5
#define WORLD_PROCESSES  4096

#define WORLD_SIZE       (WORLD_SEGMENTS * 65536 + 64 * 1024)


/* before the core: its accesses come here */

static void world_access(const void *p, unsigned load);
static uint64_t world_loaded(const void *p, uint64_t value);
static void world_store(const void *p, uint64_t value);
static int world_swap(uint64_t *p, uint64_t *expected, uint64_t value);
static void world_copy(void *to, const void *from, size_t len);

static uint64_t
world_load64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static int
world_swap64(uint64_t *p, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(p, expected, value, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void
world_memcpy(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
}

#define __atomic_load_n(p, o)                                                 \
    (world_access(p, 1), world_loaded(p, __atomic_load_n(p, o)))
#define __atomic_store_n(p, v, o)                                             \
    (world_store(p, (uint64_t) (v)), __atomic_store_n(p, v, o))
#define __atomic_add_fetch(p, v, o)                                           \
    (world_access(p, 0), __atomic_add_fetch(p, v, o))
#define __atomic_compare_exchange_n(p, e, v, w, s, f)                         \
    world_swap(p, e, v)
#define memcpy(to, from, len)  world_copy(to, from, len)

#include "../../src/core/mxt_segment.c"
#include "../../src/core/mxt_zone.c"
#include "../../src/core/mxt_zone_slot.c"
#include "valid.h"

#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_add_fetch
#undef __atomic_compare_exchange_n
#undef memcpy


typedef enum {
    WORLD_APPEND = 0,       /* a worker's; arg is the size */
    WORLD_DETACH,
    WORLD_BURY,
    WORLD_LOOK,
    WORLD_ATTACH,
    WORLD_KILL,
    WORLD_WORKER_OPS,

    WORLD_SEAL = WORLD_WORKER_OPS,
    WORLD_LEASE,
    WORLD_SETTLE,           /* arg: which one, and how much of it */
    WORLD_UNLEASE,
    WORLD_SPOOLED,
    WORLD_TAKE,
    WORLD_TAKE_FREE,
    WORLD_RELEASE,
    WORLD_DELIVER,          /* seals, leases and settles all */
    WORLD_OPS
} world_op_e;


typedef struct {
    mxt_zone_t       z;
    mxt_process_t    process;       /* 0: none */
    unsigned         flusher;
    unsigned         running;       /* paused in the middle of something */
    unsigned         leased[WORLD_SEGMENTS];    /* records, plus 1 */

    /* the record it appends */
    unsigned char   *record;
    size_t           len;
    uint32_t         time;
    unsigned         published;
} world_actor_t;


typedef struct {
    world_actor_t   *actor;
    unsigned         steps;
    unsigned         at;            /* to be paused before this step */
    unsigned         die;           /* ... and not to go on */
    const void      *data;          /* of the including file */
    jmp_buf          death;
} world_frame_t;


/* the plain queue */
typedef struct {
    unsigned         count;
    unsigned         settled;
    size_t           end[MXT_SEGMENT_RECORDS + 1];
    uint32_t         time[MXT_SEGMENT_RECORDS];
    unsigned char    data[MXT_SEGMENT_SIZE];
} world_queue_t;


static void world_start(void);
static void world_act(unsigned actor, unsigned op, unsigned arg, unsigned at,
    unsigned die, const void *data);
static void world_check(void);
static void world_end(void);
static void world_paused(world_frame_t *f);


#define world_is(cond)                                                        \
    do {                                                                      \
        if (!(cond)) {                                                        \
            world_fail(#cond, __LINE__);                                      \
        }                                                                     \
    } while (0)


static unsigned char  *world_memory;
static mxt_zone_t      world_zone;      /* nobody's */
static world_actor_t   world_actor[WORLD_ACTORS];
static world_frame_t   world_frames[WORLD_DEPTH];
static unsigned        world_depth;
static world_queue_t   world_queue[WORLD_SEGMENTS];
static uint64_t        world_published;
static uint64_t        world_settled;   /* records, by redo records armed */
static uint64_t        world_spooled;   /* what concerns no segment */
static uint64_t        world_records;
static mxt_process_t   world_next;
static unsigned char   world_lives[WORLD_PROCESSES];
static unsigned        world_steps;     /* of the last act that ended */
static mxt_look_t      world_look;      /* what the last look found */


static void
world_fail(const char *what, int line)
{
    printf("# %s (line %d), process %u at step %u\n", what, line,
           world_depth ? (unsigned) (world_frames[world_depth - 1].actor
                                     - world_actor) : 0,
           world_depth ? world_frames[world_depth - 1].steps : 0);
    fflush(stdout);

    abort();
}


static world_frame_t *
world_frame(void)
{
    return world_depth ? &world_frames[world_depth - 1] : NULL;
}


static int
world_alive(mxt_process_t process)
{
    return world_lives[process];
}


/* what the core would do with it is done first: the next step is a new one */

static void
world_step(void)
{
    unsigned        i;
    world_frame_t  *f;

    f = world_frame();

    if (f == NULL || ++f->steps != f->at) {
        return;
    }

    world_paused(f);

    if (!f->die) {
        return;
    }

    world_lives[f->actor->process] = 0;
    f->actor->process = 0;
    f->actor->running = 0;

    for (i = 0; i < WORLD_SEGMENTS; i++) {
        f->actor->leased[i] = 0;
    }

    world_steps = f->steps;
    world_depth--;

    longjmp(f->death, 1);
}


static unsigned
world_within(const void *p, const void *array, size_t size)
{
    return (const unsigned char *) p >= (const unsigned char *) array
           && (const unsigned char *) p < (const unsigned char *) array + size;
}


static void
world_access(const void *p, unsigned load)
{
    /* looking through a table is not worth a step for each entry */

    if (load
        && (world_within(p, world_zone.slot,
                         WORLD_SLOTS * sizeof(mxt_slot_t))
            || world_within(p, world_zone.data,
                            WORLD_SEGMENTS * MXT_SEGMENT_SIZE)))
    {
        return;
    }

    world_step();
}


/* what is settled says which plain data is read next: that is a step, too */

static uint64_t
world_loaded(const void *p, uint64_t value)
{
    unsigned  i;

    for (i = 0; i < WORLD_SEGMENTS; i++) {
        if (p == &world_zone.segment[i].settled) {
            world_step();
        }
    }

    return value;
}


static void
world_store(const void *p, uint64_t value)
{
    size_t          offset;
    unsigned        i, k;
    uint64_t        w, sum, n, life;
    mxt_redo_t     *redo;
    mxt_slot_t     *slot;
    world_queue_t  *q;

    world_step();

    if (!world_within(p, world_zone.slot, WORLD_SLOTS * sizeof(mxt_slot_t))) {

        for (i = 0; i < WORLD_SEGMENTS; i++) {
            world_is(p != &world_zone.segment[i].word);
        }

        return;
    }

    offset = (size_t) ((const unsigned char *) p
                       - (const unsigned char *) world_zone.slot);
    i = (unsigned) (offset / sizeof(mxt_slot_t));
    slot = &world_zone.slot[i];
    redo = &slot->redo;

    if (p == &slot->word) {

        /* given up: nothing may be left that has its number */

        world_is(value == 0);
        world_is(redo->armed == 0);

        for (k = 0; k < WORLD_SEGMENTS; k++) {
            w = world_load64(&world_zone.segment[k].word);

            world_is(!(w & MXT_SEGMENT_TAKEN) || mxt_word_owner(w) != i
                     || (w & (MXT_SEGMENT_BUSY|MXT_SEGMENT_SEALED))
                        == MXT_SEGMENT_SEALED);
            world_is(!(w & MXT_SEGMENT_LEASED) || mxt_word_lessee(w) != i);
        }

        return;
    }

    if (p != &redo->armed) {
        return;
    }

    for (k = 0, sum = 0; k < MXT_OUTCOMES; k++) {
        sum += redo->outcome[k] - slot->outcome[k];
    }

    if (value == 0) {

        /* all of it is in its place */

        world_is(sum == 0);
        world_is(redo->segment == WORLD_SEGMENTS
                 || world_zone.segment[redo->segment].settled
                    == redo->settled);
        return;
    }

    world_is(redo->armed == 0);
    world_is(world_frame()->actor->z.own == slot);

    if (redo->segment == WORLD_SEGMENTS) {
        world_spooled += sum;
        return;
    }

    world_is(redo->segment < WORLD_SEGMENTS);

    w = world_load64(&world_zone.segment[redo->segment].word);
    q = &world_queue[redo->segment];
    n = redo->settled & 8191;
    life = redo->settled >> 13;

    world_is((w & MXT_SEGMENT_LEASED) && mxt_word_lessee(w) == i);
    world_is(life == mxt_word_generation(w));
    world_is(n > q->settled && n <= q->count);
    world_is(sum == n - q->settled);

    world_settled += sum;
    q->settled = (unsigned) n;
}


static int
world_swap(uint64_t *p, uint64_t *expected, uint64_t value)
{
    unsigned         i, owner, lessee;
    uint64_t         was, change, flags;
    world_queue_t   *q;
    world_actor_t   *a;

    world_step();

    was = *expected;

    if (!world_swap64(p, expected, value)) {
        return 0;
    }

    if (!world_within(p, world_zone.segment,
                      WORLD_SEGMENTS * sizeof(mxt_segment_t)))
    {
        return 1;
    }

    i = (unsigned) (((unsigned char *) p
                     - (unsigned char *) world_zone.segment)
                    / sizeof(mxt_segment_t));

    world_is(p == &world_zone.segment[i].word);

    a = world_frame()->actor;
    q = &world_queue[i];
    change = was ^ value;
    flags = MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY|MXT_SEGMENT_SEALED
            |MXT_SEGMENT_LEASED;

    /* whether the slot in the word is the living actor's */

    owner = a->z.own && mxt_word_owner(was) == a->z.own_index;
    lessee = a->z.own && mxt_word_lessee(was) == a->z.own_index;

    if (mxt_word_generation(change)) {

        world_is(mxt_word_generation(value)
                 == ((mxt_word_generation(was) + 1) & ((1 << 27) - 1)));
        world_is(value << 27 == 0);
        world_is((was & MXT_SEGMENT_SEALED) && !(was & MXT_SEGMENT_BUSY));
        world_is(!(was & MXT_SEGMENT_LEASED) || lessee);
        world_is(q->settled == q->count);

        q->count = 0;
        q->settled = 0;

        return 1;
    }

    if (!(was & MXT_SEGMENT_TAKEN)) {

        world_is((value & flags) == MXT_SEGMENT_TAKEN);
        world_is(mxt_word_owner(value) == a->z.own_index);
        world_is(mxt_word_count(value) == 0 && mxt_word_lessee(value) == 0);
        world_is(q->count == 0 && q->settled == 0);

        return 1;
    }

    world_is(value & MXT_SEGMENT_TAKEN);
    world_is(mxt_word_owner(change) == 0);

    if (mxt_word_count(change)) {

        /* published; what it says it wrote is whole */

        world_is(mxt_word_count(value) == mxt_word_count(was) + 1);
        world_is((change & flags) == MXT_SEGMENT_BUSY);
        world_is((was & MXT_SEGMENT_BUSY) && owner && a->record);
        world_is(mxt_word_count(was) == q->count);
        world_is(a->published++ == 0);
        world_is(q->end[q->count] + a->len <= MXT_SEGMENT_SIZE);

        world_memcpy(q->data + q->end[q->count], a->record, a->len);

        q->time[q->count] = a->time;
        q->end[q->count + 1] = q->end[q->count] + a->len;
        q->count++;
        world_published++;

        return 1;
    }

    if (change & value & MXT_SEGMENT_BUSY) {
        world_is((change & flags) == MXT_SEGMENT_BUSY);
        world_is(!(was & MXT_SEGMENT_SEALED) && owner && a->record);
        return 1;
    }

    if (change & was & MXT_SEGMENT_BUSY) {

        /* buried: its slot is none of a living process */

        world_is(value & MXT_SEGMENT_SEALED);
        world_is(!owner);
        world_is(mxt_slot_state(world_zone.slot[mxt_word_owner(was)].word)
                 == MXT_SLOT_BURIED);
        world_is(mxt_slot_process(world_zone.slot[mxt_word_owner(was)].word)
                 == a->process);
    }

    world_is(!(change & was & MXT_SEGMENT_SEALED));

    if (change & value & MXT_SEGMENT_LEASED) {
        world_is((change & flags) == MXT_SEGMENT_LEASED);
        world_is(was & MXT_SEGMENT_SEALED);
        world_is(mxt_word_lessee(value) == a->z.own_index);
        return 1;
    }

    if (change & was & MXT_SEGMENT_LEASED) {
        world_is(mxt_word_lessee(value) == 0);
        world_is(lessee
                 || mxt_slot_state(world_zone.slot[mxt_word_lessee(was)].word)
                    == MXT_SLOT_BURIED);
    }

    return 1;
}


/* half of it, and then the rest */

static void
world_copy(void *to, const void *from, size_t len)
{
    world_memcpy(to, from, len / 2);
    world_step();
    world_memcpy((unsigned char *) to + len / 2,
                 (const unsigned char *) from + len / 2, len - len / 2);
}


static void
world_start(void)
{
    unsigned  i;

    if (world_memory == NULL) {
        world_memory = aligned_alloc(64, WORLD_SIZE);

        for (i = 0; i < WORLD_ACTORS; i++) {
            world_actor[i].record = malloc(MXT_SEGMENT_SIZE);
        }
    }

    for (i = 0; i < WORLD_ACTORS; i++) {
        world_actor[i].process = 0;
        world_actor[i].running = 0;
        world_actor[i].flusher = i >= WORLD_WORKERS;
        memset(world_actor[i].leased, 0, sizeof(world_actor[i].leased));
    }

    memset(world_lives, 0, sizeof(world_lives));

    world_depth = 0;
    world_published = 0;
    world_settled = 0;
    world_spooled = 0;
    world_records = 0;
    world_next = 1;

    for (i = 0; i < WORLD_SEGMENTS; i++) {
        world_queue[i].count = 0;
        world_queue[i].settled = 0;
    }

    if (mxt_zone_format(world_memory, WORLD_SIZE) < WORLD_SEGMENTS) {
        abort();
    }

    mxt_zone_view(&world_zone, world_memory, WORLD_PROCESSES, world_alive);

    /* a crowd */

    world_zone.shm->segments = WORLD_SEGMENTS;
    world_zone.shm->slots = WORLD_SLOTS;

    mxt_zone_view(&world_zone, world_memory, WORLD_PROCESSES, world_alive);
}


static void
world_append(world_actor_t *a, unsigned arg)
{
    size_t    i, n;
    uint32_t  id;
    uint64_t  w;

    static unsigned char  bytes[256 + MXT_SEGMENT_SIZE];
    static const size_t   sizes[] = {
        1, 2, 9, 630, 631, 5000, 16000, 32756, 32757, 65000,
        MXT_SEGMENT_ROOM - 1, MXT_SEGMENT_ROOM, MXT_SEGMENT_ROOM + 1
    };

    a->len = sizes[arg % (sizeof(sizes) / sizeof(sizes[0]))];

    /* to the last byte of an open segment, or one beyond */

    if (arg >= 240 && a->z.open != WORLD_SEGMENTS) {
        w = a->z.word;
        a->len = MXT_SEGMENT_SIZE
                 - world_queue[a->z.open].end[mxt_word_count(w)]
                 - (mxt_word_count(w) + 1) * sizeof(mxt_record_t)
                 + (arg == 255);
    }

    if (a->len == 0 || a->len > MXT_SEGMENT_ROOM + 1) {
        a->len = 1;
    }

    id = (uint32_t) ++world_records;

    /* each byte is the one before it, and one: copied, as a loop over it all
     * took nine tenths of the fuzzer's time */

    if (bytes[1] == 0) {
        for (i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (unsigned char) i;
        }
    }

    n = (a->len > MXT_SEGMENT_SIZE) ? MXT_SEGMENT_SIZE : a->len;

    memcpy(a->record, bytes + (unsigned char) (id * 37), n);
    a->record[n - 1] = ',';
    a->time = id;
    a->published = 0;

    if (mxt_zone_append(&a->z, a->record, a->len, id, id) == 0) {
        world_is(a->published == 1);

    } else {
        world_is(a->published == 0);
        world_is(a->len > MXT_SEGMENT_ROOM || mxt_zone_full(&a->z)
                 || world_depth > 1 || a->z.open == WORLD_SEGMENTS);
    }

    a->published = 1;
}


/* records [from, to) as a flusher reads them */

static void
world_read(unsigned segment, unsigned from, unsigned to)
{
    size_t                len;
    unsigned              i;
    world_queue_t        *q;
    const unsigned char  *p, *base;

    q = &world_queue[segment];
    base = mxt_zone_data(&world_zone, segment);
    p = mxt_segment_range(base, from, to, &len);

    world_is(p == base + q->end[from]);
    world_is(len == q->end[to] - q->end[from]);
    world_is(memcmp(p, q->data + q->end[from], len) == 0);

    for (i = from; i < to; i++) {
        world_is(mxt_segment_record(base, i)->time == q->time[i]);
        world_is(mxt_segment_record(base, i)->end == q->end[i + 1]);
    }
}


static void
world_lease(world_actor_t *a, unsigned arg)
{
    unsigned  i, k;
    uint64_t  w;

    for (k = 0; k < WORLD_SEGMENTS; k++) {

        i = (arg + k) % WORLD_SEGMENTS;

        if (a->leased[i] == 0
            && mxt_segment_lease(&a->z.segment[i], a->z.own_index, &w) == 0)
        {
            a->leased[i] = mxt_word_count(w) + 1;
            world_read(i, 0, mxt_word_count(w));
            return;
        }
    }
}


static void
world_settle(world_actor_t *a, unsigned arg)
{
    unsigned  i, k, from, to;
    uint64_t  w;
    uint32_t  outcome[MXT_OUTCOMES];

    for (k = 0; k < WORLD_SEGMENTS; k++) {

        i = (arg + k) % WORLD_SEGMENTS;

        if (a->leased[i]) {
            break;
        }
    }

    if (k == WORLD_SEGMENTS) {
        return;
    }

    w = mxt_segment_word(&a->z.segment[i]);
    from = mxt_segment_settled(&a->z.segment[i], w);
    to = a->leased[i] - 1;

    world_is(from == world_queue[i].settled);
    world_is(mxt_word_lessee(w) == a->z.own_index);

    a->leased[i] = 0;

    if (to <= from) {
        world_is(mxt_segment_unlease(&a->z.segment[i], a->z.own_index) == 0);
        return;
    }

    if (arg & 64) {
        to = from + 1 + (arg >> 2) % (to - from);
    }

    world_read(i, from, to);

    memset(outcome, 0, sizeof(outcome));

    for (k = from; k < to; k++) {
        outcome[(arg + k) % MXT_ADOPTED]++;
    }

    mxt_zone_settle(&a->z, i, to, outcome);
}


static void
world_do(world_actor_t *a, unsigned op, unsigned arg)
{
    unsigned    i;
    mxt_look_t  look;

    static const uint32_t  spooled[MXT_OUTCOMES] = { 1, 0, 0, 2, 3 };

    switch (op) {

    case WORLD_APPEND:
        world_append(a, arg);
        break;

    case WORLD_DETACH:
        mxt_zone_detach(&a->z);
        world_lives[a->process] = 0;
        a->process = 0;
        memset(a->leased, 0, sizeof(a->leased));
        break;

    case WORLD_BURY:
        (void) mxt_zone_bury(&a->z);
        break;

    case WORLD_LOOK:
        mxt_zone_look(&a->z, &look);

        /* whatever others do meanwhile, it is of the right size */

        world_is(look.used <= WORLD_SEGMENTS);
        world_is(look.sealed_bytes <= WORLD_SEGMENTS * MXT_SEGMENT_SIZE);
        world_is(look.open_bytes <= WORLD_SEGMENTS * MXT_SEGMENT_SIZE);

        world_look = look;
        break;

    case WORLD_SEAL:
        mxt_zone_seal(&a->z);
        break;

    case WORLD_LEASE:
        world_lease(a, arg);
        break;

    case WORLD_SETTLE:
        world_settle(a, arg);
        break;

    case WORLD_UNLEASE:

        for (i = 0; i < WORLD_SEGMENTS; i++) {
            if (a->leased[i]) {
                a->leased[i] = 0;
                world_is(mxt_segment_unlease(&a->z.segment[i],
                                             a->z.own_index) == 0);
                break;
            }
        }

        break;

    case WORLD_SPOOLED:
        mxt_zone_settle_spooled(&a->z, spooled);
        break;

    case WORLD_TAKE:
        mxt_zone_take(&a->z, 1);
        break;

    case WORLD_TAKE_FREE:
        (void) mxt_zone_take_free(&a->z, 1);
        break;

    case WORLD_DELIVER:
        mxt_zone_seal(&a->z);

        for (i = 0; i < WORLD_SEGMENTS; i++) {
            world_lease(a, i);
        }

        for (i = 0; i < WORLD_SEGMENTS; i++) {
            world_settle(a, i);
        }

        break;

    case WORLD_RELEASE:
        mxt_zone_release(&a->z);
        world_is(!mxt_zone_holds(&a->z));
        break;
    }
}


/*
 * Lets an actor, if it is not in the middle of something, do op; it attaches
 * first if it does not live.  It is paused before step at, 0 is never.
 */

static void
world_act(unsigned actor, unsigned op, unsigned arg, unsigned at,
    unsigned die, const void *data)
{
    world_frame_t  *f;
    world_actor_t  *a;

    a = &world_actor[actor % WORLD_ACTORS];

    if (a->running || world_depth == WORLD_DEPTH
        || world_next == WORLD_PROCESSES)
    {
        return;
    }

    if (a->flusher) {
        op = (op % WORLD_OPS == WORLD_APPEND) ? WORLD_LEASE : op % WORLD_OPS;

    } else {
        op = op % WORLD_WORKER_OPS;
    }

    if (op == WORLD_KILL) {
        world_lives[a->process] = 0;
        a->process = 0;
        memset(a->leased, 0, sizeof(a->leased));
        return;
    }

    f = &world_frames[world_depth++];

    f->actor = a;
    f->steps = 0;
    f->at = at;
    f->die = die;
    f->data = data;

    a->running = 1;

    if (setjmp(f->death)) {
        return;
    }

    if (a->process == 0) {
        a->process = world_next++;
        world_lives[a->process] = 1;
        mxt_zone_view(&a->z, world_memory, a->process, world_alive);

        if (mxt_zone_attach(&a->z, a->flusher ? MXT_FLUSHER : MXT_WORKER)
            != 0)
        {
            world_lives[a->process] = 0;
            a->process = 0;
            goto done;
        }
    }

    world_do(a, op, arg);

done:

    a->running = 0;
    world_steps = f->steps;
    world_depth--;
}


static uint64_t
world_outcomes(void)
{
    unsigned  i;
    uint64_t  sum;

    for (i = 0, sum = 0; i < MXT_OUTCOMES; i++) {
        sum += mxt_zone_outcome(&world_zone, i);
    }

    return sum;
}


/* whether the lessee in the word of segment i knows */

static unsigned
world_leases(unsigned i, uint64_t w)
{
    unsigned  n;

    for (n = 0; n < WORLD_ACTORS; n++) {
        if (world_actor[n].process && world_actor[n].leased[i]
            && world_actor[n].z.own_index == mxt_word_lessee(w))
        {
            return 1;
        }
    }

    return 0;
}


/* between two acts, when nobody is in the middle of one */

static void
world_check(void)
{
    unsigned        i, buried, armed, held, free;
    uint64_t        w, left;
    world_queue_t  *q;
    world_actor_t  *a;

    world_is(zone_valid(&world_zone));

    buried = 1;
    armed = 0;

    for (i = 0; i < WORLD_SLOTS; i++) {
        w = world_zone.slot[i].word;
        buried &= w == 0 || world_alive(mxt_slot_process(w));
        armed |= world_zone.slot[i].redo.armed != 0;
    }

    world_is(!armed || !buried);

    left = 0;
    free = 0;

    for (i = 0; i < WORLD_SEGMENTS; i++) {

        w = world_load64(&world_zone.segment[i].word);
        q = &world_queue[i];

        world_is(mxt_word_count(w) == q->count);
        world_is(armed
                 || mxt_segment_settled(&world_zone.segment[i], w)
                    == q->settled);
        world_is(!buried || !(w & MXT_SEGMENT_BUSY));
        world_is(!buried || !(w & MXT_SEGMENT_LEASED) || world_leases(i, w));

        world_read(i, 0, q->count);

        left += q->count - q->settled;
        free += !(w & MXT_SEGMENT_TAKEN);
    }

    world_is(world_published == world_settled + left);
    world_is(armed || world_outcomes() == world_settled + world_spooled);

    held = 0;

    for (i = 0; i < WORLD_ACTORS; i++) {

        a = &world_actor[i];

        if (a->process == 0) {
            continue;
        }

        held += (unsigned) mxt_zone_holds(&a->z);

        /* who has to drop records is told of what is freed */

        world_is(!buried || free == 0 || !mxt_zone_full(&a->z));
    }

    world_is(held <= 1);
    world_is((unsigned) mxt_zone_held(&world_zone) == held);
}


/* all leave or are dead: one more flusher, and nothing is left */

static void
world_end(void)
{
    unsigned     i, last;
    mxt_zone_t  *z;

    world_check();

    for (i = 0; i < WORLD_ACTORS; i++) {
        if (world_actor[i].process) {
            world_act(i, WORLD_DETACH, 0, 0, 0, NULL);
        }
    }

    world_check();

    last = WORLD_ACTORS - 1;
    z = &world_actor[last].z;

    world_act(last, WORLD_BURY, 0, 0, 0, NULL);
    world_is(world_actor[last].process);

    world_act(last, WORLD_LOOK, 0, 0, 0, NULL);
    world_is(world_look.queued == world_published - world_settled);
    world_is(world_look.sealed_records == world_look.queued);
    world_is(world_look.in_flight == 0);

    for (i = 0; i < WORLD_SEGMENTS; i++) {
        world_act(last, WORLD_LEASE, i, 0, 0, NULL);
        world_act(last, WORLD_SETTLE, 0, 0, 0, NULL);
    }

    world_check();

    world_act(last, WORLD_LOOK, 0, 0, 0, NULL);
    world_is(world_look.used == 0);
    world_is(world_settled == world_published);

    for (i = 0; i < WORLD_SLOTS; i++) {
        world_is(&z->slot[i] == z->own || z->slot[i].word == 0);
    }
}


#endif /* MXT_WORLD_H */
