
/*
 * Whether all of a zone is sound, each record in it: what mxt_zone_valid() would
 * take too long for.
 */


#ifndef MXT_VALID_H
#define MXT_VALID_H


#include "mxt_zone.h"


static int
zone_valid(const mxt_zone_t *z)
{
    unsigned  i;

    for (i = 0; i < z->shm->segments; i++) {

        if (!mxt_segment_valid(&z->segment[i], mxt_zone_data(z, i),
                               z->shm->slots))
        {
            return 0;
        }
    }

    return mxt_zone_valid(z);
}


#endif /* MXT_VALID_H */
