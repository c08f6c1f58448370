/* spin: -DCRASHES=2 -DRECORDS=3 -DLOOPS -DANY -DPARTS -DMIXED | -DCOLLAPSE */
/* spin: -DFLUSHERS=2 | -DCOLLAPSE */
/* spin: -DOWNERS=2 -DOTHERS=1 | -DCOLLAPSE */
/* spin-long: -DOWNERS=2 -DFLUSHERS=2 -DOTHERS=1 -DSEGMENTS=1 | -DCOLLAPSE */
/* spin-long: -DOWNERS=2 -DFLUSHERS=2 -DRECORDS=1 | -DCOLLAPSE */
/* spin-long: -DFLUSHERS=2 -DCRASHES=2 -DSEGMENTS=1 | -DCOLLAPSE */
/* spin-long: -DOWNERS=2 -DCRASHES=2 -DRECORDS=1 | -DCOLLAPSE */

/*
 * The protocol of src/core/mxt_segment.c and of the owners, flushers and
 * gravediggers of src/core/mxt_zone.c; README.md says what stands for what.
 *
 * A step is one access to shared memory.  A line of processes is a place
 * that one process has at a time: when it dies, the next may follow.  A
 * process is killed between any two steps, and pauses there for as long as
 * the others like.
 */

#ifndef OWNERS
#define OWNERS    1
#endif
#ifndef FLUSHERS
#define FLUSHERS  1
#endif
#ifndef CRASHES
#define CRASHES   1
#endif
#ifndef SEGMENTS
#define SEGMENTS  2             /* at most 2 */
#endif
#ifndef RECORDS
#define RECORDS   2             /* what the first line of owners appends */
#endif
#ifndef OTHERS
#define OTHERS    RECORDS       /* and the others */
#endif
#ifndef ROOM
#define ROOM      2             /* records in a segment, at most 3 */
#endif
#ifndef BREAK
#define BREAK     0             /* see README.md */
#endif

#define SLOTS     (OWNERS + FLUSHERS)   /* at most 4 */
#define NONE      7

#define TAKEN     1
#define BUSY      2
#define SEALED    4
#define LEASED    8

#define OWNER     (3 << 4)
#define LESSEE    (3 << 6)
#define COUNT     (1 << 8)
#define LIFE      (1 << 10)

#define owner(w)   (((w) >> 4) & 3)
#define lessee(w)  (((w) >> 6) & 3)
#define count(w)   (((w) >> 8) & 3)
#define life(w)    (((w) >> 10) & 15)

/*
 * The word of a slot; DEAD is what alive() would say of its process, put
 * there by the killer.  None but one that has seen it compares such a word.
 */

#define LIVE      1
#define BURIED    2
#define DEAD      4

#define slot_word(id, state)  (((id) << 3) | (state))
#define process(w)            ((w) >> 3)


/* the shared memory */

short  word[SEGMENTS];
byte   settled[SEGMENTS];       /* life << 2 | records */
byte   record[SEGMENTS * ROOM]; /* of what life: 2 * life + 2, or half of it */

byte   slot[SLOTS];
byte   outcome[SLOTS];
byte   another[SLOTS];          /* a second outcome */

bit    armed[SLOTS];
byte   r_segment[SLOTS];
byte   r_settled[SLOTS];
byte   r_outcome[SLOTS];
byte   r_another[SLOTS];

/* the world, and what the monitors know */

byte   killed;                  /* a bit for each line */
byte   crashes;
byte   running = SLOTS;

short  unsettled;               /* published less the counters */
byte   writer[SEGMENTS];        /* line + 1 of who lives and is writing */
byte   m_published[SEGMENTS];   /* in this life of the segment, a bit each */
byte   m_settled[SEGMENTS];


/* the changes of a word, as functions of it */

#define opened(w, who)    ((w) | TAKEN | ((who) << 4))
#define leased(w, who)    ((w) | LEASED | ((who) << 6))
#define unleased(w)       ((w) & ~(LEASED | LESSEE))

#if BREAK == 6
#define freed(w)          ((w) & ~(LIFE - 1))
#else
#define freed(w)          (((w) & ~(LIFE - 1)) + LIFE)
#endif

#if BREAK == 7
#define sealed(w)         (((w) | SEALED) & ~BUSY)
#else
#define sealed(w)         ((w) | SEALED)
#endif

#define not_of(w, who)    (!((w) & TAKEN) || owner(w) != (who))
#define not_for(w, who)   (!((w) & LEASED) || lessee(w) != (who))
#define finished(w)       (((w) & (BUSY | SEALED)) == SEALED)
#define unfinished(w)     (((w) & TAKEN) && !((w) & SEALED))
#define idle(w)           (((w) & SEALED) && !((w) & LEASED))

#define given_up(w)       (((w) & ~BUSY) | SEALED)
#define given_up_by(w, who)                                                   \
    (not_of(w, who) || finished(w) -> (w) : given_up(w))
#define given_back_by(w, who)                                                 \
    (not_for(w, who) -> (w) : unleased(w))

#define buried(w, who)    given_back_by(given_up_by(w, who), who)

/* how many of the records of w, by the value of settled */

#define of_life(w, t)     (((t) >> 2) == life(w) -> (t) & 3 : 0)


/* what must hold when a word changes so */

inline monitor_open(s)
{
    assert(writer[s] == 0);
    assert(m_published[s] == 0 && m_settled[s] == 0);
}

inline monitor_free(s)
{
    assert(writer[s] == 0);
    assert(m_published[s] == m_settled[s]);

    m_published[s] = 0;
    m_settled[s] = 0;

    /* of another life, as good as none: fewer states */

    record[s * ROOM] = 0;
#if ROOM > 1
    record[s * ROOM + 1] = 0;
#endif
#if ROOM > 2
    record[s * ROOM + 2] = 0;
#endif
}

/* records [from, to) of segment s are read by a flusher */

inline monitor_read(s, from, to, born)
{
    k = from;
    do
    :: k < to ->
        assert(record[s * ROOM + k] == 2 * (born) + 2);
        k++
    :: else -> break
    od;
    k = 0
}

/* records [from, to) of segment s are settled, and had not been */

inline monitor_settle(s, from, to)
{
    k = ((1 << to) - 1) & ~((1 << from) - 1);
    assert((m_settled[s] & k) == 0);
    m_settled[s] = m_settled[s] | k;
    k = 0
}


/*
 * A loop of a load and a swap whose outcome depends on the word alone is the
 * same as one step at the moment of the swap: whatever comes between the
 * two makes it try again.  With LOOPS it is a load and a swap nevertheless.
 */

#ifdef LOOPS
#define between  }; atomic {
#else
#define between
#endif


/* mxt_segment_bury() */

inline segment_bury(s, who)
{
    do
    :: atomic {
        w = word[s];
        if
        :: buried(w, who) == w -> w = 0; break
        :: else
        fi;
        between
        if
        :: word[s] == w -> word[s] = buried(w, who); w = 0; break
        :: else -> w = 0
        fi
       }
    od
}

#if SEGMENTS > 1
#define segments_bury(who)  segment_bury(0, who); segment_bury(1, who)
#else
#define segments_bury(who)  segment_bury(0, who)
#endif


/* mxt_segment_seal(), of the life that was seen in w */

inline segment_seal(s)
{
    do
    :: atomic {
        if
        :: life(word[s]) == life(w) && unfinished(word[s]) -> w = word[s]
        :: else -> w = 0; break
        fi;
        between
        if
        :: word[s] == w -> word[s] = sealed(w); w = 0; break
        :: else
        fi
       }
    od
}


/* mxt_segment_unlease() */

inline segment_unlease(s, who)
{
    do
    :: atomic {
        w = word[s];
        if
        :: not_for(w, who) -> w = 0; break
        :: else
        fi;
        between
        if
        :: word[s] == w -> word[s] = unleased(w); w = 0; break
        :: else -> w = 0
        fi
       }
    od
}


/*
 * mxt_segment_free(): the word, settled, the swap.  Goes to next, or falls
 * through if it is not to be freed.
 */

#if BREAK == 3
#define writing(w)  0
#else
#define writing(w)  ((w) & BUSY)
#endif

#if BREAK == 12
#define whole(w, t)  1
#else
#define whole(w, t)  (of_life(w, t) == count(w))
#endif

inline segment_free(s, who)
{
    do
    :: atomic {
        w = word[s];
        if
        :: !(w & SEALED) || writing(w) || !(idle(w) || !not_for(w, who)) ->
            w = 0;
            break
        :: else
        fi
       };
       atomic {
        if
        :: !whole(w, settled[s]) -> w = 0; break
        :: else
        fi
       };
       atomic {
        if
        :: word[s] == w ->
            monitor_free(s);
            word[s] = freed(w);
            w = 0;
            s = NONE;
            goto next
        :: else -> w = 0
        fi
       }
    od
}


/* mxt_slot_redo() of slot x */

#if BREAK == 10
#define total(n)        0
#define redone(old, n)  ((old) + (n))
#else
#define total(n)        (n)
#define redone(old, n)  (n)
#endif

inline slot_redo(x)
{
    outcome[x] = redone(outcome[x], r_outcome[x]);
#ifdef MIXED
    another[x] = redone(another[x], r_another[x]);
#endif
#if BREAK == 14
    atomic { armed[x] = 0; counted(x) };
    settled[r_segment[x]] = r_settled[x];
    forgotten(x)
#else
    settled[r_segment[x]] = r_settled[x];
    atomic { armed[x] = 0; counted(x); forgotten(x) }
#endif
}

/* only what is added to a counter matters: start from 0 again */

inline counted(x)
{
    unsettled = unsettled - outcome[x] - another[x];
    outcome[x] = 0;
    another[x] = 0
}

/* what is not armed is not looked at: fewer states */

inline forgotten(x)
{
    r_segment[x] = 0;
    r_settled[x] = 0;
    r_outcome[x] = 0;
    r_another[x] = 0
}


/*
 * mxt_slot_bury() of a slot that was seen as the word of a dead process.
 * To look at a slot of a living one is no step: it stays so in our eyes.
 */

#if BREAK == 5
#define claimable(x)  1
#else
#define claimable(x)  (slot[x] == v)
#endif

inline bury()
{
    atomic {
        if
        :: slot[0] & DEAD -> x = 0
#if SLOTS > 1
        :: slot[1] & DEAD -> x = 1
#endif
#if SLOTS > 2
        :: slot[2] & DEAD -> x = 2
#endif
#if SLOTS > 3
        :: slot[3] & DEAD -> x = 3
#endif
        fi;
        v = slot[x]
    }

    if
    :: atomic { claimable(x) -> slot[x] = slot_word(id, BURIED); v = 0 }

#if BREAK == 9
        slot[x] = 0;
#endif
#if BREAK != 8
        if
        :: armed[x] -> slot_redo(x)
        :: else
        fi;
#endif
        segments_bury(x);

        atomic {
#if BREAK != 9
            slot[x] = 0;
#endif
            x = NONE
        }

    :: atomic { !claimable(x) -> v = 0; x = NONE }
    fi
}


/* mxt_zone_attach(): when there is no free slot, after a burial */

inline attach()
{
    do
    :: atomic {
        if
        :: slot[0] == 0 -> mine = 0
#if SLOTS > 1
        :: slot[0] != 0 && slot[1] == 0 -> mine = 1
#endif
#if SLOTS > 2
        :: slot[0] != 0 && slot[1] != 0 && slot[2] == 0 -> mine = 2
#endif
#if SLOTS > 3
        :: slot[0] != 0 && slot[1] != 0 && slot[2] != 0 && slot[3] == 0 ->
            mine = 3
#endif
        fi;
        assert(!armed[mine]);
        slot[mine] = slot_word(id, LIVE);
        break
       }
    :: bury()
    od
}


/* mxt_zone_detach() */

inline detach()
{
    segments_bury(mine);

    atomic { slot[mine] = 0; mine = NONE; id = NONE; running-- }
}


/* the search begins anywhere; of two free ones either is as good */

#ifdef ANY
#define first_free(s)  !(word[s] & TAKEN)
#else
#define first_free(s)  (!(word[s] & TAKEN) && (s == 0 || (word[0] & TAKEN)))
#endif

#if SEGMENTS > 1
#define none_free      (word[0] & word[1] & TAKEN)
#else
#define none_free      (word[0] & TAKEN)
#endif

#define needs_segment  (left && open == NONE)
#define has_room       (left && open != NONE && count(own) < ROOM)
#define has_no_room    (left && open != NONE && count(own) == ROOM)

#if BREAK == 1
#define may_begin      1
#define seen           word[open]
#elif BREAK == 13
#define may_begin      (life(seen) == life(own) && !not_of(seen, mine))
#define seen           word[open]
#else
#define may_begin      (!(own & SEALED) && word[open] == own)
#define seen           own
#endif

#if BREAK == 2
#define may_publish    1
#else
#define may_publish    (word[open] == w)
#endif

#define cell           record[open * ROOM + count(own)]


proctype Owner(byte id)
{
    byte   mine = id, open = NONE, x = NONE, v;
    byte   left = (id == 0 -> RECORDS : OTHERS);
    short  own, w;

again:

    {
        if
        :: mine == NONE -> attach()
        :: else
        fi;

        do

        /* mxt_segment_begin(), write and publish */

        :: atomic { has_room && may_begin ->
            own = seen | BUSY;
            word[open] = own;
            writer[open] = id + 1
           };

           cell = 2 * life(own) + 1;
           cell = 2 * life(own) + 2;

           do
           :: atomic {
               w = own;
#if BREAK != 2
               if
               :: word[open] != w ->
                   w = word[open];

                   /* none but a gravedigger takes BUSY away */

                   assert(life(w) == life(own) && !not_of(w, mine));
                   assert(w & BUSY)
               :: else
               fi;
#endif
               between
               if
               :: may_publish ->
                   m_published[open] = m_published[open] | (1 << count(w));
                   assert(writer[open] == id + 1);
                   writer[open] = 0;
                   unsettled++;
                   own = (w & ~BUSY) + COUNT;
                   word[open] = own;
                   left--;
                   w = 0;
                   break
               :: else
               fi
              }
           od

        :: atomic { has_room && !(may_begin) -> open = NONE; own = 0 }

        /* seal what is full and look for another */

        :: atomic { has_no_room ->
            w = own;
            own = 0;
            segment_seal(open);
            open = NONE
           }

        /* mxt_segment_open() */

        :: atomic {
            if
            :: needs_segment && first_free(0) -> open = 0
#if SEGMENTS > 1
            :: needs_segment && first_free(1) -> open = 1
#endif
            fi;
            own = word[open];
            between
            if
            :: word[open] == own ->
                monitor_open(open);
                own = opened(own, mine);
                word[open] = own
            :: else -> open = NONE; own = 0
            fi
           }

        /* dropped */

        :: atomic { needs_segment && none_free -> left-- }

        :: atomic { left == 0 -> open = NONE; own = 0; break }
        od;

        detach()

    } unless {
        atomic { killed & (1 << id) ->
            killed = killed & ~(1 << id);
            mine = NONE; open = NONE; x = NONE; v = 0; own = 0; w = 0;
            if
            :: left -> goto again
            :: left = 0; id = NONE; running--
            fi
        }
    }
}


#if SEGMENTS > 1
#define have_none()    have[0] = 0; have[1] = 0
#else
#define have_none()    have[0] = 0
#endif


proctype Flusher(byte id)
{
    byte   mine = id, x = NONE, v, s = NONE, t, k, n;
    short  w;
    byte   have[SEGMENTS];      /* how many records of what is leased to us */

again:

    {
        if
        :: mine == NONE -> attach()
        :: else
        fi;

next:
        do
        :: bury()

        /* mxt_zone_seal(), of one segment */

        :: atomic {
            if
            :: unfinished(word[0]) && count(word[0]) -> s = 0
#if SEGMENTS > 1
            :: unfinished(word[1]) && count(word[1]) -> s = 1
#endif
            fi;
            w = word[s];
            between
            segment_seal(s);
            s = NONE
           }

        /* mxt_zone_look(), of one segment: it begins with the same load */

        :: atomic {
            if
            :: idle(word[0]) -> s = 0
#if SEGMENTS > 1
            :: idle(word[1]) -> s = 1
#endif
            fi
           };
           segment_free(s, NONE);
           s = NONE

        /* mxt_segment_lease() */

        :: atomic {
            if
            :: idle(word[0]) && count(word[0]) -> s = 0
#if SEGMENTS > 1
            :: idle(word[1]) && count(word[1]) -> s = 1
#endif
            fi;
            w = word[s];
            between
            if
            :: word[s] == w ->
                word[s] = leased(w, mine);
                have[s] = count(w);
                monitor_read(s, 0, count(w), life(w))
            :: else
            fi;
            w = 0;
            s = NONE
           }

        /* given back to the queue */

        :: atomic {
            if
            :: have[0] -> s = 0
#if SEGMENTS > 1
            :: have[1] -> s = 1
#endif
            fi;
            have[s] = 0;
            segment_unlease(s, mine);
            s = NONE
           }

        /*
         * mxt_zone_settle().  Nobody looks at a redo record before it is
         * armed, so what fills it is one step; from then on its records are
         * settled, whoever dies.
         */

        :: atomic {
            if
            :: have[0] > of_life(word[0], settled[0]) -> s = 0
#if SEGMENTS > 1
            :: have[1] > of_life(word[1], settled[1]) -> s = 1
#endif
            fi;

            w = word[s];
            t = of_life(w, settled[s]);
            n = have[s];
            have[s] = 0;
#ifdef PARTS
            if
            :: n > t + 1 -> n--
            :: skip
            fi;
#endif
            monitor_read(s, t, n, life(w));

#if BREAK == 11
            armed[mine] = 1;
           };
           atomic {
#endif
#if BREAK == 4
            unsettled = unsettled - n + t;
           };
           atomic {
            monitor_settle(s, t, n);
            settled[s] = (life(w) << 2) | n;
#else
            r_segment[mine] = s;
            r_settled[mine] = (life(w) << 2) | n;
#ifdef MIXED
            r_outcome[mine] = total(outcome[mine]) + 1;
            r_another[mine] = total(another[mine]) + n - t - 1;
#else
            r_outcome[mine] = total(outcome[mine]) + n - t;
#endif
            armed[mine] = 1;
            monitor_settle(s, t, n);
#endif
            w = 0; t = 0; n = 0
           };

#if BREAK != 4
           slot_redo(mine);
#endif
           segment_free(s, mine);

           atomic {
            segment_unlease(s, mine);
            s = NONE
           }

        /* replaced, or told to stop */

        :: atomic { have_none(); break }
        od;

        detach()

    } unless {
        atomic { killed & (1 << id) ->
            killed = killed & ~(1 << id);
            mine = NONE; x = NONE; v = 0; s = NONE; t = 0; k = 0; n = 0;
            w = 0;
            have_none();
            if
            :: goto again
            :: id = NONE; running--
            fi
        }
    }
}


/* kills whoever holds a slot: who does not has done nothing yet */

inline die(x)
{
    if
    :: slot[x] && process(slot[x]) == i -> slot[x] = slot[x] | DEAD
    :: else
    fi
}

inline stop(s)
{
    if
    :: writer[s] == i + 1 -> writer[s] = 0
    :: else
    fi
}

#define lives(x)  (crashes < CRASHES && slot[x] && !(slot[x] & DEAD))

proctype Killer()
{
    byte  i;

end:

    do
    :: atomic {
        if
        :: lives(0) -> i = process(slot[0])
#if SLOTS > 1
        :: lives(1) -> i = process(slot[1])
#endif
#if SLOTS > 2
        :: lives(2) -> i = process(slot[2])
#endif
#if SLOTS > 3
        :: lives(3) -> i = process(slot[3])
#endif
        fi;

        crashes++;
        killed = killed | (1 << i);

        die(0);
#if SLOTS > 1
        die(1);
#endif
#if SLOTS > 2
        die(2);
#endif
#if SLOTS > 3
        die(3);
#endif

        stop(0);
#if SEGMENTS > 1
        stop(1);
#endif
        i = 0
       }
    od
}


/*
 * The end: all have left or died.  One more flusher buries the dead, looks
 * once, and then nothing may be left.
 */

init
{
    byte   i, k, n;
    short  w, rest;

    atomic {
        do
        :: i < OWNERS -> slot[i] = slot_word(i, LIVE); run Owner(i); i++
        :: else -> break
        od;
        do
        :: i < SLOTS -> slot[i] = slot_word(i, LIVE); run Flusher(i); i++
        :: else -> break
        od;
        run Killer();
        i = 0
    }

    d_step {
        running == 0 ->

        do
        :: i < SLOTS ->
            if
            :: slot[i] ->
                assert(slot[i] & DEAD);
#if BREAK != 8
                if
                :: armed[i] ->
                    outcome[i] = redone(outcome[i], r_outcome[i]);
                    another[i] = redone(another[i], r_another[i]);
                    settled[r_segment[i]] = r_settled[i];
                    armed[i] = 0;
                    counted(i)
                :: else
                fi;
#endif
                k = 0;
                do
                :: k < SEGMENTS -> w = word[k]; word[k] = buried(w, i); k++
                :: else -> break
                od;
                slot[i] = 0
            :: else
            fi;
            i++
        :: else -> break
        od;

        k = 0;

        do
        :: k < SEGMENTS ->
            w = word[k];
            if
            :: w & TAKEN ->
                assert(finished(w) && !(w & LEASED));
                n = of_life(w, settled[k]);
                assert(n <= count(w));
                i = n;
                do
                :: i < count(w) ->
                    assert(record[k * ROOM + i] == 2 * life(w) + 2);
                    i++
                :: else -> break
                od;
                assert(m_settled[k] == (1 << n) - 1);
                assert(m_published[k] == (1 << count(w)) - 1);
                rest = rest + count(w) - n
            :: else -> assert(m_published[k] == 0)
            fi;
            k++
        :: else -> break
        od;

        assert(rest == unsettled)
    }
}
