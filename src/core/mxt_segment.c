
/*
 * The segment's word and every change it can make; see the header.  The
 * invariant: no store but a compare-and-swap ever touches a word.
 *
 * t/model/segment.pml is this file as a model; a change here is a change
 * there.
 */


#include <string.h>

#include "mxt_segment.h"


#define mxt_word_set(field, shift)  ((uint64_t) (field) << (shift))

#define MXT_OWNER_MASK       mxt_word_set(1023, 4)
#define MXT_LESSEE_MASK      mxt_word_set(1023, 14)
#define MXT_COUNT_ONE        mxt_word_set(1, 24)
#define MXT_GENERATION_ONE   mxt_word_set(1, 37)
#define MXT_GENERATION_MASK  (~(MXT_GENERATION_ONE - 1))


static int mxt_word_swap(mxt_segment_t *s, uint64_t *expected, uint64_t word);
static mxt_record_t *mxt_record(const unsigned char *data, unsigned n);
static uint32_t mxt_record_end(const unsigned char *data, unsigned n);


uint64_t
mxt_segment_word(const mxt_segment_t *s)
{
    return __atomic_load_n(&s->word, __ATOMIC_ACQUIRE);
}


int
mxt_segment_open(mxt_segment_t *s, unsigned owner, uint64_t now,
    uint64_t *word)
{
    uint64_t  w, open;

    w = mxt_segment_word(s);

    if (w & MXT_SEGMENT_TAKEN) {
        return -1;
    }

    open = w | MXT_SEGMENT_TAKEN | mxt_word_set(owner, 4);

    if (mxt_word_swap(s, &w, open) != 0) {
        return -1;
    }

    /* nobody looks before the first record is published */

    __atomic_store_n(&s->opened, now, __ATOMIC_RELAXED);

    *word = open;

    return 0;
}


int
mxt_segment_fits(const unsigned char *data, uint64_t word, size_t len)
{
    unsigned  n;

    n = mxt_word_count(word);

    return n < MXT_SEGMENT_RECORDS
           && mxt_record_end(data, n) + len + (n + 1) * sizeof(mxt_record_t)
              <= MXT_SEGMENT_SIZE;
}


int
mxt_segment_begin(mxt_segment_t *s, uint64_t *word)
{
    uint64_t  w;

    w = *word;

    /* our copy may know already that it was sealed behind the last record */

    if (w & MXT_SEGMENT_SEALED) {
        return -1;
    }

    /* whatever else the word has become, it is not ours to append to */

    if (mxt_word_swap(s, &w, w | MXT_SEGMENT_BUSY) != 0) {
        return -1;
    }

    *word |= MXT_SEGMENT_BUSY;

    return 0;
}


void
mxt_segment_write(unsigned char *data, uint64_t word, const void *record,
    size_t len, uint32_t time)
{
    unsigned       n;
    uint32_t       end;
    mxt_record_t  *r;

    n = mxt_word_count(word);
    end = mxt_record_end(data, n);

    memcpy(data + end, record, len);

    r = mxt_record(data, n);
    __atomic_store_n(&r->end, end + (uint32_t) len, __ATOMIC_RELAXED);
    r->time = time;
}


int
mxt_segment_publish(mxt_segment_t *s, uint64_t *word)
{
    uint64_t  w, next;

    w = *word;

    for ( ;; ) {

        next = (w & ~MXT_SEGMENT_BUSY) + MXT_COUNT_ONE;

        if (mxt_word_swap(s, &w, next) == 0) {
            *word = next;
            return 0;
        }

        /* sealed and leased it may be by now, but still ours and busy */

        if (!(w & MXT_SEGMENT_BUSY)
            || ((w ^ *word) & (MXT_GENERATION_MASK | MXT_OWNER_MASK)))
        {
            return -1;
        }
    }
}


int
mxt_segment_seal(mxt_segment_t *s, uint64_t generation)
{
    uint64_t  w;

    w = mxt_segment_word(s);

    for ( ;; ) {

        if (!(w & MXT_SEGMENT_TAKEN) || mxt_word_generation(w) != generation) {
            return -1;
        }

        if (w & MXT_SEGMENT_SEALED) {
            return 0;
        }

        if (mxt_word_swap(s, &w, w | MXT_SEGMENT_SEALED) == 0) {
            return 0;
        }
    }
}


int
mxt_segment_lease(mxt_segment_t *s, unsigned lessee, uint64_t *word)
{
    uint64_t  w, leased;

    w = mxt_segment_word(s);

    for ( ;; ) {

        if (!(w & MXT_SEGMENT_SEALED) || (w & MXT_SEGMENT_LEASED)) {
            return -1;
        }

        leased = w | MXT_SEGMENT_LEASED | mxt_word_set(lessee, 14);

        if (mxt_word_swap(s, &w, leased) == 0) {
            *word = leased;
            return 0;
        }
    }
}


int
mxt_segment_unlease(mxt_segment_t *s, unsigned lessee)
{
    uint64_t  w;

    w = mxt_segment_word(s);

    for ( ;; ) {

        if (!(w & MXT_SEGMENT_LEASED) || mxt_word_lessee(w) != lessee) {
            return -1;
        }

        if (mxt_word_swap(s, &w, w & ~(MXT_SEGMENT_LEASED | MXT_LESSEE_MASK))
            == 0)
        {
            return 0;
        }
    }
}


unsigned
mxt_segment_settled(const mxt_segment_t *s, uint64_t word)
{
    uint64_t  settled;

    settled = __atomic_load_n(&s->settled, __ATOMIC_ACQUIRE);

    /* left over from an earlier life of the segment */

    if (settled >> 13 != mxt_word_generation(word)) {
        return 0;
    }

    return (unsigned) settled & 8191;
}


uint64_t
mxt_segment_settled_value(uint64_t word, unsigned n)
{
    return mxt_word_generation(word) << 13 | n;
}


int
mxt_segment_free(mxt_segment_t *s, unsigned lessee)
{
    uint64_t  w;

    w = mxt_segment_word(s);

    for ( ;; ) {

        if (!(w & MXT_SEGMENT_SEALED)
            || (w & MXT_SEGMENT_BUSY)
            || ((w & MXT_SEGMENT_LEASED) && mxt_word_lessee(w) != lessee)
            || mxt_segment_settled(s, w) != mxt_word_count(w))
        {
            return -1;
        }

        if (mxt_word_swap(s, &w,
                          (w & MXT_GENERATION_MASK) + MXT_GENERATION_ONE)
            == 0)
        {
            return 0;
        }
    }
}


int
mxt_segment_bury(mxt_segment_t *s, unsigned slot)
{
    int       leased;
    uint64_t  w, next;

    w = mxt_segment_word(s);

    for ( ;; ) {

        next = w;
        leased = 0;

        if (!(w & MXT_SEGMENT_TAKEN)) {
            return 0;
        }

        if (mxt_word_owner(w) == slot
            && (w & (MXT_SEGMENT_BUSY | MXT_SEGMENT_SEALED))
               != MXT_SEGMENT_SEALED)
        {
            next = (next & ~MXT_SEGMENT_BUSY) | MXT_SEGMENT_SEALED;
        }

        if ((w & MXT_SEGMENT_LEASED) && mxt_word_lessee(w) == slot) {
            next &= ~(MXT_SEGMENT_LEASED | MXT_LESSEE_MASK);
            leased = 1;
        }

        if (next == w || mxt_word_swap(s, &w, next) == 0) {
            return leased;
        }
    }
}


const unsigned char *
mxt_segment_range(const unsigned char *data, unsigned from, unsigned to,
    size_t *len)
{
    uint32_t  start, end;

    start = mxt_record_end(data, from);
    end = mxt_record_end(data, to);

    /* damaged since somebody looked: not what was written, but ours */

    end = (end > MXT_SEGMENT_SIZE) ? MXT_SEGMENT_SIZE : end;
    start = (start > end) ? end : start;

    *len = end - start;

    return data + start;
}


const mxt_record_t *
mxt_segment_record(const unsigned char *data, unsigned n)
{
    return mxt_record(data, n);
}


int
mxt_segment_sound(const mxt_segment_t *s, unsigned slots)
{
    unsigned  sound;
    uint64_t  w;

    w = mxt_segment_word(s);

    if (!(w & MXT_SEGMENT_TAKEN)) {
        sound = !(w & ~MXT_GENERATION_MASK);

    } else {
        sound = mxt_word_owner(w) < slots
                && mxt_segment_settled(s, w) <= mxt_word_count(w)
                && (!(w & MXT_SEGMENT_LEASED)
                    || ((w & MXT_SEGMENT_SEALED)
                        && mxt_word_lessee(w) < slots));
    }

    /* what moved on while we looked says nothing */

    return sound || mxt_segment_word(s) != w;
}


unsigned
mxt_segment_readable(const unsigned char *data, unsigned from, unsigned to)
{
    unsigned  n;
    uint32_t  end, last;

    last = 0;

    /* a record begins at the end of the one before it */

    for (n = from ? from - 1 : 0; n < to; n++) {

        end = mxt_record_end(data, n + 1);

        if (end <= last || end > MXT_SEGMENT_SIZE - to * sizeof(mxt_record_t)
            || data[end - 1] != ',')
        {
            break;
        }

        last = end;
    }

    return n > from ? n : from;
}


int
mxt_segment_valid(const mxt_segment_t *s, const unsigned char *data,
    unsigned slots)
{
    unsigned  count;
    uint64_t  w;

    w = mxt_segment_word(s);
    count = mxt_word_count(w);

    return (mxt_segment_sound(s, slots)
            && mxt_segment_readable(data, 0, count) == count)
           || mxt_segment_word(s) != w;
}


/* on failure *expected becomes what the word is */

static int
mxt_word_swap(mxt_segment_t *s, uint64_t *expected, uint64_t word)
{
    return __atomic_compare_exchange_n(&s->word, expected, word, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
           ? 0 : -1;
}


static mxt_record_t *
mxt_record(const unsigned char *data, unsigned n)
{
    return (mxt_record_t *) (uintptr_t) (data + MXT_SEGMENT_SIZE) - (n + 1);
}


/*
 * The end of the first n records.  One that has lost the segment and does not
 * know yet, or only looks, may read what the next owner writes; either checks
 * the word before it believes it.
 */

static uint32_t
mxt_record_end(const unsigned char *data, unsigned n)
{
    return n ? __atomic_load_n(&mxt_record(data, n - 1)->end, __ATOMIC_RELAXED)
             : 0;
}
