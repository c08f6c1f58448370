
/*
 * The zone; see the header for what holds it together.  Who is attached to
 * it, and who has its lease, is mxt_zone_slot.c's to tell.
 */


#include <string.h>

#include "mxt_zone_slot.h"


#define MXT_CACHE_LINE    64

#define MXT_ZONE_HEAD     ((sizeof(mxt_zone_shm_t) + MXT_CACHE_LINE - 1)      \
                           & ~((size_t) MXT_CACHE_LINE - 1))


_Static_assert(MXT_ZONE_SLOTS_MAX <= MXT_SEGMENT_SLOTS,
               "a slot's number must fit a segment's word");


static size_t mxt_zone_slots(size_t segments);
static int mxt_zone_find(mxt_zone_t *z, uint64_t now);


unsigned
mxt_zone_format(void *memory, size_t size)
{
    size_t           n, slots, slot_offset, segment_offset, data_offset;
    mxt_zone_shm_t  *shm;

    shm = memory;

    slot_offset = MXT_ZONE_HEAD;

    for (n = size / MXT_SEGMENT_SIZE; n; n--) {

        slots = mxt_zone_slots(n);
        segment_offset = slot_offset + slots * sizeof(mxt_slot_t);
        data_offset = segment_offset + n * sizeof(mxt_segment_t);

        if (data_offset + n * MXT_SEGMENT_SIZE > size) {
            continue;
        }

        /* the data is not touched, and takes no memory until it is used */

        memset(memory, 0, data_offset);

        shm->size = size;
        shm->slots = (uint32_t) slots;
        shm->segments = (uint32_t) n;
        shm->slot_offset = slot_offset;
        shm->segment_offset = segment_offset;
        shm->data_offset = data_offset;

        return (unsigned) n;
    }

    return 0;
}


size_t
mxt_zone_size(size_t segments)
{
    return MXT_ZONE_HEAD + mxt_zone_slots(segments) * sizeof(mxt_slot_t)
           + segments * (sizeof(mxt_segment_t) + MXT_SEGMENT_SIZE);
}


static size_t
mxt_zone_slots(size_t segments)
{
    size_t  slots;

    slots = segments / 2;

    if (slots < MXT_ZONE_SLOTS_MIN) {
        return MXT_ZONE_SLOTS_MIN;
    }

    return slots < MXT_ZONE_SLOTS_MAX ? slots : MXT_ZONE_SLOTS_MAX;
}


void
mxt_zone_view(mxt_zone_t *z, void *memory, mxt_process_t process,
    int (*alive)(mxt_process_t process))
{
    unsigned char   *p;
    mxt_zone_shm_t  *shm;

    p = memory;
    shm = memory;

    memset(z, 0, sizeof(mxt_zone_t));

    z->shm = shm;
    z->slot = (mxt_slot_t *) (void *) (p + shm->slot_offset);
    z->segment = (mxt_segment_t *) (void *) (p + shm->segment_offset);
    z->data = p + shm->data_offset;
    z->process = process;
    z->alive = alive;
    z->open = shm->segments;
}


int
mxt_zone_append(mxt_zone_t *z, const void *record, size_t len, uint64_t now,
    uint32_t time)
{
    mxt_segment_t  *s;
    unsigned char  *data;

    if (len > MXT_SEGMENT_ROOM) {
        mxt_zone_count(z, MXT_DROPPED_TOO_LARGE);
        return -1;
    }

    for ( ;; ) {

        if (z->open != z->shm->segments) {

            s = &z->segment[z->open];
            data = mxt_zone_data(z, z->open);

            if (!mxt_segment_fits(data, z->word, len)) {
                (void) mxt_segment_seal(s, mxt_word_generation(z->word));

            } else if (mxt_segment_begin(s, &z->word) == 0) {

                mxt_segment_write(data, z->word, record, len, time);

                if (mxt_segment_publish(s, &z->word) == 0) {
                    return 0;
                }
            }

            z->open = z->shm->segments;
        }

        if (mxt_zone_full(z) || mxt_zone_find(z, now) != 0) {
            mxt_zone_count(z, MXT_DROPPED_FULL);
            return -1;
        }
    }
}


int
mxt_zone_full(const mxt_zone_t *z)
{
    return z->open == z->shm->segments
           && z->full == mxt_load(&z->shm->freed) + 1;
}


void
mxt_zone_look(mxt_zone_t *z, mxt_look_t *look)
{
    size_t          len;
    unsigned        i, n, count, settled;
    uint64_t        w, opened;
    mxt_segment_t  *s;

    memset(look, 0, sizeof(mxt_look_t));

    for (i = 0; i < z->shm->segments; i++) {

        s = &z->segment[i];
        w = mxt_segment_word(s);

        if (!(w & MXT_SEGMENT_TAKEN)) {
            continue;
        }

        look->used++;

        count = mxt_word_count(w);
        settled = mxt_segment_settled(s, w);
        n = count > settled ? count - settled : 0;

        if (w & MXT_SEGMENT_LEASED) {
            look->in_flight += n;
            continue;
        }

        if (n == 0) {

            if ((w & MXT_SEGMENT_SEALED)
                && mxt_segment_free(s, z->shm->slots) == 0)
            {
                mxt_zone_freed(z, i);
                look->used--;
            }

            continue;
        }

        (void) mxt_segment_range(mxt_zone_data(z, i), settled, count, &len);
        opened = __atomic_load_n(&s->opened, __ATOMIC_RELAXED);

        /* freed and taken again meanwhile: that was of another life */

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (mxt_word_generation(mxt_segment_word(s)) != mxt_word_generation(w))
        {
            continue;
        }

        look->queued += n;

        if (w & MXT_SEGMENT_SEALED) {
            look->sealed_records += n;
            look->sealed_bytes += len;

        } else {
            look->open_bytes += len;
        }

        if (look->oldest == 0 || opened < look->oldest) {
            look->oldest = opened;
        }
    }
}


void
mxt_zone_seal(mxt_zone_t *z)
{
    unsigned  i;
    uint64_t  w;

    for (i = 0; i < z->shm->segments; i++) {

        w = mxt_segment_word(&z->segment[i]);

        if ((w & MXT_SEGMENT_TAKEN) && mxt_word_count(w)) {
            (void) mxt_segment_seal(&z->segment[i], mxt_word_generation(w));
        }
    }
}


void
mxt_zone_settle(mxt_zone_t *z, unsigned segment, unsigned settled,
    const uint32_t outcome[MXT_OUTCOMES])
{
    unsigned        i;
    mxt_redo_t     *redo;
    mxt_segment_t  *s;

    redo = &z->own->redo;

    /* none of these stores may move before the last one disarmed it */

    mxt_store(&redo->segment, segment);

    if (segment != z->shm->segments) {
        mxt_store(&redo->settled,
                  mxt_segment_settled_value(
                      mxt_segment_word(&z->segment[segment]), settled));
    }

    for (i = 0; i < MXT_OUTCOMES; i++) {
        mxt_store(&redo->outcome[i], z->own->outcome[i] + outcome[i]);
    }

    mxt_store(&redo->armed, 1);

    mxt_slot_redo(z, z->own);

    if (segment == z->shm->segments) {
        return;
    }

    s = &z->segment[segment];

    if (mxt_segment_free(s, z->own_index) == 0) {
        mxt_zone_freed(z, segment);
        return;
    }

    (void) mxt_segment_unlease(s, z->own_index);
}


void
mxt_zone_settle_spooled(mxt_zone_t *z, const uint32_t outcome[MXT_OUTCOMES])
{
    mxt_zone_settle(z, z->shm->segments, 0, outcome);
}


void
mxt_zone_deflating(mxt_zone_t *z, unsigned segment, unsigned on)
{
    mxt_store(&z->segment[segment].deflating, on);
}


unsigned
mxt_zone_deaths(const mxt_zone_t *z, unsigned segment)
{
    uint64_t        deaths;
    mxt_segment_t  *s;

    s = &z->segment[segment];
    deaths = mxt_load(&s->deaths);

    if (deaths >> 13 != mxt_word_generation(mxt_segment_word(s))) {
        return 0;
    }

    return (unsigned) deaths & 8191;
}


unsigned char *
mxt_zone_data(const mxt_zone_t *z, unsigned segment)
{
    return z->data + (size_t) segment * MXT_SEGMENT_SIZE;
}


int
mxt_zone_valid(const mxt_zone_t *z)
{
    unsigned  i;

    for (i = 0; i < z->shm->segments; i++) {
        if (!mxt_segment_sound(&z->segment[i], z->shm->slots)) {
            return 0;
        }
    }

    return mxt_load(&z->shm->damaged) == 0;
}


int
mxt_zone_check(mxt_zone_t *z, unsigned segment, unsigned from, unsigned to,
    unsigned *sound)
{
    *sound = mxt_segment_readable(mxt_zone_data(z, segment), from, to);

    if (*sound == to
        && mxt_segment_sound(&z->segment[segment], z->shm->slots))
    {
        return 0;
    }

    (void) __atomic_add_fetch(&z->shm->damaged, 1, __ATOMIC_RELAXED);

    return -1;
}


static int
mxt_zone_find(mxt_zone_t *z, uint64_t now)
{
    unsigned  i, k, n;
    uint64_t  freed;

    /* before the search: what is freed behind it then shows */

    freed = mxt_load(&z->shm->freed);

    n = z->shm->segments;
    k = (unsigned) (mxt_load(&z->shm->hint) % n);

    for (i = 0; i < n; i++) {

        if (mxt_segment_open(&z->segment[k], z->own_index, now, &z->word)
            == 0)
        {
            mxt_store(&z->shm->hint, k + 1);
            z->open = k;
            z->full = 0;
            return 0;
        }

        k = (k + 1 == n) ? 0 : k + 1;
    }

    z->full = freed + 1;

    return -1;
}


/*
 * The lowest free segment is the next to be taken: a queue that is short, as
 * it is most of the time, stays in the same few pages, and in the cache.
 */

void
mxt_zone_freed(mxt_zone_t *z, unsigned segment)
{
    if (segment < mxt_load(&z->shm->hint)) {
        mxt_store(&z->shm->hint, segment);
    }

    (void) __atomic_add_fetch(&z->shm->freed, 1, __ATOMIC_ACQ_REL);
}
