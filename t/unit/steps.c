
/*
 * Every step of every act: a process is paused there or dies, another acts
 * meanwhile, whole or until it dies in its turn, and the first goes on.
 * world.h says what is watched.  STEPS_ALL=1 also has the second one die at
 * every step, not at some.
 */


#include "world.h"
#include "tap.h"


typedef struct {
    unsigned     actor;
    unsigned     op;
    unsigned     arg;
    unsigned     at;
    unsigned     die;
} act_t;


static void scene(unsigned n);
static void run(unsigned scene, const act_t *first, const act_t *second);
static void moved(void);


static const char  *scenes[] = {
    "all at work", "a zone that is full", "an empty zone", "a dead flusher",
    "a dead worker", "no slot but a dead one's"
};

static const act_t  acts[] = {
    { 0, WORLD_APPEND, 3, 0, 0 },
    { 0, WORLD_APPEND, 10, 0, 0 },
    { 1, WORLD_APPEND, 11, 0, 0 },
    { 2, WORLD_APPEND, 0, 0, 0 },
    { 0, WORLD_DETACH, 0, 0, 0 },
    { 1, WORLD_BURY, 0, 0, 0 },
    { 1, WORLD_KILL, 0, 0, 0 },
    { 2, WORLD_LOOK, 0, 0, 0 },
    { 3, WORLD_SEAL, 0, 0, 0 },
    { 3, WORLD_LEASE, 0, 0, 0 },
    { 3, WORLD_SETTLE, 0, 0, 0 },
    { 3, WORLD_SETTLE, 65, 0, 0 },
    { 3, WORLD_UNLEASE, 0, 0, 0 },
    { 3, WORLD_SPOOLED, 0, 0, 0 },
    { 3, WORLD_RELEASE, 0, 0, 0 },
    { 3, WORLD_DETACH, 0, 0, 0 },
    { 3, WORLD_KILL, 0, 0, 0 },
    { 4, WORLD_BURY, 0, 0, 0 },
    { 4, WORLD_LOOK, 0, 0, 0 },
    { 4, WORLD_LEASE, 1, 0, 0 },
    { 4, WORLD_SETTLE, 1, 0, 0 },
    { 4, WORLD_DELIVER, 0, 0, 0 },
    { 4, WORLD_TAKE, 0, 0, 0 },
    { 4, WORLD_TAKE_FREE, 0, 0, 0 },
    { 5, WORLD_ATTACH, 0, 0, 0 },
    { 5, WORLD_TAKE_FREE, 0, 0, 0 },
};

/* of the one that acts while the other is paused */
static unsigned      second_steps;

/* what else is done then */
static const act_t  *more;
static unsigned      mores;

#define ACTS    (sizeof(acts) / sizeof(acts[0]))
#define SCENES  (sizeof(scenes) / sizeof(scenes[0]))


int
main(void)
{
    act_t     first, second;
    unsigned  s, i, k, n, m, die, alone, both, runs, stride;

    stride = getenv("STEPS_ALL") ? 1 : 13;

    for (s = 0; s < SCENES; s++) {

        runs = 0;

        for (i = 0; i < ACTS; i++) {

            /* by itself, to know how many steps it takes */

            first = acts[i];
            run(s, &first, NULL);
            alone = world_steps;

            for (n = 1; n <= alone; n++) {
                for (die = 0; die < 2; die++) {

                    first.at = n;
                    first.die = die;

                    run(s, &first, NULL);
                    runs++;

                    for (k = 0; k < ACTS; k++) {

                        if (acts[k].actor == first.actor) {
                            continue;
                        }

                        second = acts[k];
                        run(s, &first, &second);
                        runs++;

                        both = second_steps;

                        for (m = 1 + n % stride; m <= both; m += stride) {
                            second.at = m;
                            second.die = 1;
                            run(s, &first, &second);
                            runs++;
                        }
                    }
                }
            }
        }

        tap_ok(1, "%s: %u ways through it", scenes[s], runs);
    }

    moved();

    return tap_done();
}


static void
scene(unsigned n)
{
    unsigned  i;

    world_start();

    if (n == 2) {
        return;
    }

    world_act(3, WORLD_TAKE, 0, 0, 0, NULL);
    world_act(0, WORLD_APPEND, 3, 0, 0, NULL);
    world_act(0, WORLD_APPEND, 2, 0, 0, NULL);
    world_act(3, WORLD_SEAL, 0, 0, 0, NULL);
    world_act(3, WORLD_LEASE, 0, 0, 0, NULL);
    world_act(0, WORLD_APPEND, 0, 0, 0, NULL);
    world_act(0, WORLD_APPEND, 1, 0, 0, NULL);
    world_act(1, WORLD_APPEND, 4, 0, 0, NULL);

    if (n == 1) {
        for (i = 0; i < 3; i++) {
            world_act(2, WORLD_APPEND, 11, 0, 0, NULL);
        }
    }

    if (n == 5) {
        world_act(2, WORLD_ATTACH, 0, 0, 0, NULL);
        world_act(4, WORLD_ATTACH, 0, 0, 0, NULL);
    }

    if (n == 3 || n == 5) {

        /* in the middle of a settlement */

        world_act(3, WORLD_SETTLE, 0, 14, 1, NULL);
    }

    if (n == 4) {

        /* in the middle of a record */

        world_act(1, WORLD_APPEND, 3, 4, 1, NULL);
        world_act(3, WORLD_SEAL, 0, 0, 0, NULL);
    }
}


static void
run(unsigned s, const act_t *first, const act_t *second)
{
    unsigned  steps;

    scene(s);

    second_steps = 0;

    world_act(first->actor, first->op, first->arg, first->at, first->die,
              second);

    steps = world_steps;

    world_check();

    world_act(0, WORLD_APPEND, 3, 0, 0, NULL);
    world_act(4, WORLD_BURY, 0, 0, 0, NULL);
    world_act(4, WORLD_LOOK, 0, 0, 0, NULL);
    world_check();
    world_act(4, WORLD_LEASE, 0, 0, 0, NULL);
    world_act(4, WORLD_SETTLE, 0, 0, 0, NULL);
    world_act(2, WORLD_APPEND, 3, 0, 0, NULL);
    world_end();

    world_steps = steps;
}


/* a look at a segment that is settled, freed and filled meanwhile */

static void
moved(void)
{
    unsigned  n, steps;

    static const act_t  meanwhile[] = {
        { 3, WORLD_DELIVER, 0, 0, 0 },
        { 1, WORLD_APPEND, 9, 0, 0 },
        { 0, WORLD_APPEND, 9, 0, 0 },
    };

    for (n = 1, steps = 1; n <= steps; n++) {

        world_start();

        world_act(0, WORLD_APPEND, 3, 0, 0, NULL);
        world_act(0, WORLD_APPEND, 3, 0, 0, NULL);
        world_act(3, WORLD_SEAL, 0, 0, 0, NULL);
        world_act(3, WORLD_LEASE, 0, 0, 0, NULL);
        world_act(3, WORLD_SETTLE, 64, 0, 0, NULL);

        more = meanwhile + 1;
        mores = 2;

        world_act(4, WORLD_LOOK, 0, n, 0, meanwhile);
        steps = world_steps;

        mores = 0;

        world_end();
    }

    tap_ok(steps > 3, "a segment that lives another life under a look");
}


static void
world_paused(world_frame_t *f)
{
    unsigned      n;
    const act_t  *a;

    a = f->data;

    if (a == NULL) {
        return;
    }

    world_act(a->actor, a->op, a->arg, a->at, a->die, NULL);
    second_steps = world_steps;

    for (n = 0; n < mores; n++) {
        world_act(more[n].actor, more[n].op, more[n].arg, 0, 0, NULL);
    }
}
