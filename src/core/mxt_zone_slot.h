
/*
 * What the two halves of a zone share, and nobody else: mxt_zone.c with the
 * segments, mxt_zone_slot.c with the processes.  The interface of both is
 * mxt_zone.h.
 */


#ifndef MXT_ZONE_SLOT_H
#define MXT_ZONE_SLOT_H


#include "mxt_zone.h"


#define mxt_load(p)      __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define mxt_store(p, v)  __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define mxt_fence()      __atomic_thread_fence(__ATOMIC_SEQ_CST)


#pragma GCC visibility push(hidden)


/* A segment was freed, as far as is known none below it is free: tells the
 * workers that found none.  Any process, no lock. */
void mxt_zone_freed(mxt_zone_t *z, unsigned segment);

/* Does what the slot's redo record says, whole or once more, and disarms it:
 * by the slot's owner, or by who buries it. */
void mxt_slot_redo(mxt_zone_t *z, mxt_slot_t *slot);


#pragma GCC visibility pop


/* *p becomes value if it is *expected: 0; or -1, and *expected is what it
 * is. */

static inline int
mxt_swap(uint64_t *p, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(p, expected, value, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
           ? 0 : -1;
}


#endif /* MXT_ZONE_SLOT_H */
