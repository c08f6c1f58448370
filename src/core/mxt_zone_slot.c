
/*
 * The process table of a zone, and the flusher's lease of it.
 *
 * A slot's word is process << 10 | kind << 2 | state.  It goes from 0 to
 * LIVE and back by its owner; from the LIVE of a dead process to BURIED by a
 * living one, which finishes what the dead had begun and puts 0; and if that
 * one dies as well, from its BURIED to the next one's.  So a slot is in the
 * hands of one living process at a time, and no other.
 */


#include "mxt_zone_slot.h"


#define MXT_SLOT_LIVE     1
#define MXT_SLOT_BURIED   2

#define MXT_SLOT_SHIFT    10

/* ms: between two looks for a free slot */
#define MXT_SLOT_AGAIN    1000

#define mxt_slot_process(w)  ((mxt_process_t) ((w) >> MXT_SLOT_SHIFT))
#define mxt_slot_kind(w)     ((unsigned) ((w) >> 2) & 3)
#define mxt_slot_state(w)    ((unsigned) (w) & 3)

#define mxt_lease_slot(l)    ((unsigned) (l) & 0xffff)


_Static_assert(MXT_PROCESS_BITS + MXT_SLOT_SHIFT <= 64,
               "a process must fit a slot's word");


static uint64_t mxt_slot_sum(const mxt_zone_t *z, size_t offset);
static int mxt_slot_take(mxt_zone_t *z, mxt_kind_e kind);
static int mxt_slot_bury(mxt_zone_t *z, unsigned i, uint64_t word);
static uint64_t mxt_slot_word(mxt_process_t process, unsigned kind,
    unsigned state);


int
mxt_zone_attach(mxt_zone_t *z, mxt_kind_e kind)
{
    if (mxt_slot_take(z, kind) == 0) {
        return 0;
    }

    /* another process may have buried the same dead, and first */

    (void) mxt_zone_bury(z);

    if (mxt_slot_take(z, kind) == 0) {
        return 0;
    }

    z->wanted = kind;

    return -1;
}


int
mxt_zone_attach_again(mxt_zone_t *z, uint64_t now)
{
    if (z->wanted == 0 || now < z->again_at) {
        return -1;
    }

    z->again_at = now + MXT_SLOT_AGAIN;

    return mxt_slot_take(z, (mxt_kind_e) z->wanted);
}


void
mxt_zone_detach(mxt_zone_t *z)
{
    unsigned  i;

    z->wanted = 0;

    if (z->own == NULL) {
        return;
    }

    /* what is to be done for the dead is to be done for the leaving */

    for (i = 0; i < z->shm->segments; i++) {
        (void) mxt_segment_bury(&z->segment[i], z->own_index);
    }

    mxt_store(&z->own->inflight, 0);
    mxt_store(&z->own->word, 0);

    z->own = NULL;
    z->open = z->shm->segments;
}


void
mxt_zone_take(mxt_zone_t *z, uint64_t now)
{
    uint64_t  lease;

    lease = mxt_load(&z->shm->lease);

    do {
        z->generation = (lease >> 16) + 1;

    } while (mxt_swap(&z->shm->lease, &lease,
                      z->generation << 16 | (z->own_index + 1))
             != 0);

    mxt_store(&z->shm->taken_at, now);
}


int
mxt_zone_take_free(mxt_zone_t *z, uint64_t now)
{
    uint64_t  lease;

    lease = mxt_load(&z->shm->lease);

    if (mxt_zone_held(z)) {
        return -1;
    }

    z->generation = (lease >> 16) + 1;

    if (mxt_swap(&z->shm->lease, &lease,
                 z->generation << 16 | (z->own_index + 1))
        != 0)
    {
        return -1;
    }

    mxt_store(&z->shm->taken_at, now);

    return 0;
}


int
mxt_zone_holds(const mxt_zone_t *z)
{
    return mxt_load(&z->shm->lease)
           == (z->generation << 16 | (z->own_index + 1));
}


void
mxt_zone_release(mxt_zone_t *z)
{
    uint64_t  lease;

    lease = z->generation << 16 | (z->own_index + 1);

    (void) mxt_swap(&z->shm->lease, &lease, z->generation << 16);

    /*
     * Who releases looks at the queue once more, who leaves behind records
     * looks at the lease; one of the two sees what the other did.
     */

    mxt_fence();
}


int
mxt_zone_held(const mxt_zone_t *z)
{
    unsigned  n;
    uint64_t  word;

    mxt_fence();

    n = mxt_lease_slot(mxt_load(&z->shm->lease));

    if (n == 0) {
        return 0;
    }

    word = mxt_load(&z->slot[n - 1].word);

    return mxt_slot_state(word) == MXT_SLOT_LIVE
           && mxt_slot_kind(word) == MXT_FLUSHER
           && z->alive(mxt_slot_process(word));
}


int
mxt_zone_died_young(const mxt_zone_t *z, uint64_t now, uint64_t ms)
{
    return mxt_lease_slot(mxt_load(&z->shm->lease)) != 0
           && !mxt_zone_held(z)
           && now < mxt_load(&z->shm->taken_at) + ms;
}


unsigned
mxt_zone_bury(mxt_zone_t *z)
{
    unsigned  i, n;
    uint64_t  word;

    n = 0;

    for (i = 0; i < z->shm->slots; i++) {

        word = mxt_load(&z->slot[i].word);

        if (word == 0
            || mxt_slot_process(word) == z->process
            || z->alive(mxt_slot_process(word)))
        {
            continue;
        }

        n += (unsigned) mxt_slot_bury(z, i, word);
    }

    return n;
}


unsigned
mxt_zone_attached(const mxt_zone_t *z, mxt_kind_e kind)
{
    unsigned  i, n;
    uint64_t  word;

    n = 0;

    for (i = 0; i < z->shm->slots; i++) {

        word = mxt_load(&z->slot[i].word);

        if (mxt_slot_state(word) == MXT_SLOT_LIVE
            && mxt_slot_kind(word) == (unsigned) kind
            && z->alive(mxt_slot_process(word)))
        {
            n++;
        }
    }

    return n;
}


unsigned
mxt_zone_inflight(const mxt_zone_t *z)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < z->shm->slots; i++) {
        n += (unsigned) mxt_load(&z->slot[i].inflight);
    }

    return n;
}


uint64_t
mxt_zone_counter(const mxt_zone_t *z, mxt_worker_counter_e counter)
{
    return mxt_slot_sum(z, offsetof(mxt_slot_t, counter)
                           + counter * sizeof(uint64_t));
}


uint64_t
mxt_zone_outcome(const mxt_zone_t *z, mxt_outcome_e outcome)
{
    return mxt_slot_sum(z, offsetof(mxt_slot_t, outcome)
                           + outcome * sizeof(uint64_t));
}


uint64_t
mxt_zone_post(const mxt_zone_t *z, mxt_flusher_counter_e counter)
{
    return mxt_slot_sum(z, offsetof(mxt_slot_t, post)
                           + counter * sizeof(uint64_t));
}


/* over all slots, of the number that lies at that place in each */

static uint64_t
mxt_slot_sum(const mxt_zone_t *z, size_t offset)
{
    unsigned         i;
    uint64_t         sum;
    const uint64_t  *p;

    sum = 0;

    for (i = 0; i < z->shm->slots; i++) {
        p = (const void *) ((const unsigned char *) &z->slot[i] + offset);
        sum += mxt_load(p);
    }

    return sum;
}


static int
mxt_slot_take(mxt_zone_t *z, mxt_kind_e kind)
{
    unsigned  i;
    uint64_t  word, lease;

    for (i = 0; i < z->shm->slots; i++) {

        word = 0;

        if (mxt_swap(&z->slot[i].word, &word,
                     mxt_slot_word(z->process, kind, MXT_SLOT_LIVE))
            == 0)
        {
            /* a lease that its last owner died with is not ours */

            lease = mxt_load(&z->shm->lease);

            if (mxt_lease_slot(lease) == i + 1) {
                (void) mxt_swap(&z->shm->lease, &lease, lease & ~0xffffULL);
            }

            z->own = &z->slot[i];
            z->own_index = i;
            z->wanted = 0;
            z->open = z->shm->segments;
            z->full = 0;
            return 0;
        }
    }

    return -1;
}


static int
mxt_slot_bury(mxt_zone_t *z, unsigned i, uint64_t word)
{
    unsigned        k;
    uint64_t        w, deaths;
    mxt_slot_t     *slot;
    mxt_segment_t  *s;

    slot = &z->slot[i];

    if (mxt_swap(&slot->word, &word,
                 mxt_slot_word(z->process, mxt_slot_kind(word),
                               MXT_SLOT_BURIED))
        != 0)
    {
        return 0;
    }

    if (mxt_load(&slot->redo.armed)) {
        mxt_slot_redo(z, slot);
    }

    for (k = 0; k < z->shm->segments; k++) {

        s = &z->segment[k];
        w = mxt_segment_word(s);

        if ((w & MXT_SEGMENT_LEASED) && mxt_word_lessee(w) == i
            && mxt_load(&s->deflating))
        {
            deaths = mxt_zone_deaths(z, k) + 1;
            mxt_store(&s->deaths, mxt_word_generation(w) << 13 | deaths);
            mxt_store(&s->deflating, 0);
        }

        (void) mxt_segment_bury(s, i);
    }

    /* the dead may have freed one and not said so */

    mxt_zone_freed(z, 0);

    mxt_store(&slot->inflight, 0);
    mxt_store(&slot->word, 0);

    return 1;
}


void
mxt_slot_redo(mxt_zone_t *z, mxt_slot_t *slot)
{
    unsigned     i;
    mxt_redo_t  *redo;

    redo = &slot->redo;

    for (i = 0; i < MXT_OUTCOMES; i++) {
        mxt_store(&slot->outcome[i], redo->outcome[i]);
    }

    if (redo->segment != z->shm->segments) {
        mxt_store(&z->segment[redo->segment].settled, redo->settled);
    }

    mxt_store(&redo->armed, 0);
}


static uint64_t
mxt_slot_word(mxt_process_t process, unsigned kind, unsigned state)
{
    return process << MXT_SLOT_SHIFT | kind << 2 | state;
}
