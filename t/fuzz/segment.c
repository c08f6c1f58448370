
/*
 * Fuzzes the segments and the zone: the input is a program of acts of
 * several processes, any of which may be paused between any two of its
 * accesses to the shared memory, while others act, and then go on or die.
 * After each act everything is compared with a plain queue; see
 * t/unit/world.h.
 *
 * An act is a byte of actor (3 bits), whether it is paused (1) and op (4),
 * and a byte of argument.  If it is paused there follow a byte of whether it
 * then dies (1), whether a byte with two more bits of the step comes behind
 * (1), and the step (6), the number of acts meanwhile, and those.
 */


#include "../unit/world.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void act(void);
static unsigned byte(void);


static const uint8_t  *input, *input_end;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_end = data + size;

    world_start();

    while (input < input_end) {
        act();
        world_check();
    }

    world_end();

    return 0;
}


static void
act(void)
{
    unsigned  b, op, arg, at, die;

    b = byte();
    op = b & 15;
    arg = byte();
    at = 0;
    die = 0;

    if (b & 16) {
        at = byte();
        die = at >> 7;
        at = (at & 64) ? (at & 63) << 2 | (byte() & 3) : at & 63;
        at++;
    }

    world_act(b >> 5, op, arg, at, die, NULL);
}


static void
world_paused(world_frame_t *f)
{
    unsigned  n;

    (void) f;

    for (n = byte() % 8; n && input < input_end; n--) {
        act();
    }
}


static unsigned
byte(void)
{
    return input < input_end ? *input++ : 0;
}
