/* spin: -DWORKERS=3 */
/* spin: -DWORKERS=3 -DDIES */

/*
 * Who leaves last: workers that go one by one, and a flusher that stops at
 * any moment, or died before.  Nothing may be left in the queue when all
 * have left, though each of them looks at the lease and at the queue in two
 * steps.
 *
 * Who releases the lease looks at the queue again, and again after each time
 * it took the lease back for that: another may have left its records behind
 * because it saw the lease held.
 */

#ifndef WORKERS
#define WORKERS   2
#endif

#define FLUSHER   WORKERS           /* its number; the workers' are below */
#define NOBODY    (WORKERS + 1)

/* with ONCE the second look is the last one: spin sees what gets lost */

byte  lease = FLUSHER;
bit   dead;                         /* the flusher */
byte  queued;
byte  running = WORKERS + 1;

#define held(l)  ((l) != NOBODY && !((l) == FLUSHER && dead))


/* mxt_zone_take_free(): the lease, who has it, the swap */

inline take_free(taken)
{
    seen = lease;
    if
    :: held(lease) -> taken = 0
    :: else ->
        atomic {
            if
            :: lease == seen -> lease = me; taken = 1
            :: else -> taken = 0
            fi
        }
    fi
}


/* what is there when each segment is looked at */

inline spool()
{
    queued = 0
}


inline release()
{
    atomic {
        if
        :: lease == me -> lease = NOBODY
        :: else
        fi
    }
}


inline leave()
{
    do
    :: held(lease) -> break
    :: else ->
        if
        :: queued == 0 -> break
        :: else ->
            take_free(taken);
            if
            :: taken ->
                spool();
                release();
#ifdef ONCE
                break
#endif
            :: else -> break
            fi
        fi
    od
}


proctype Worker(byte me)
{
    byte  seen;
    bit   taken;

    /* some of them have something to leave behind */

    if
    :: queued++
    :: skip
    fi;

    leave();

    running--
}


proctype Flusher(byte me)
{
    byte  seen;
    bit   taken;

    do
    :: spool()
    :: break
    od;

    release();
    leave();

    running--
}


init
{
    byte  i;

    atomic {
        do
        :: i < WORKERS -> run Worker(i); i++
        :: else -> break
        od;
#ifdef DIES
        dead = 1;
        running--
#else
        run Flusher(FLUSHER)
#endif
    }

    running == 0;

    assert(queued == 0);
    assert(!held(lease))
}
