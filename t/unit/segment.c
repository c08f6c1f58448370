
/*
 * The segment's word, one change at a time: every function from every state
 * it may meet, records at the edges of what fits, an owner that is stopped
 * between begin and publish, and damage that mxt_segment_valid() has to see.
 */


#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/mxt_segment.c"

#include "tap.h"


#define FLAGS  (MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY|MXT_SEGMENT_SEALED         \
                |MXT_SEGMENT_LEASED)


static void layout(void);
static void life(void);
static void late(void);
static void refused(void);
static void lost(void);
static void buried(void);
static void frees(void);
static void settled(void);
static void fits(void);
static void records(void);
static void generations(void);
static void valid(void);
static void damage(void);
static void readable(void);

static void start(void);
static int append(const char *record);
static uint64_t word(void);
static int is(uint64_t flags, unsigned count, const char *name);
static int range_is(unsigned from, unsigned to, const char *want,
    const char *name);
static void settle(unsigned n);


static mxt_segment_t   s;
static unsigned char  *data;

/* the owner's copy, and the flusher's */
static uint64_t        own, leased;


int
main(void)
{
    data = aligned_alloc(64, MXT_SEGMENT_SIZE);

    layout();
    life();
    late();
    refused();
    lost();
    buried();
    frees();
    settled();
    fits();
    records();
    generations();
    valid();
    damage();
    readable();

    free(data);

    return tap_done();
}


static void
layout(void)
{
    uint64_t  w;

    tap_is_u64(sizeof(mxt_segment_t), 64, "a segment's head is a cache line");
    tap_is_u64(sizeof(mxt_record_t), 8, "an index entry");
    tap_is_u64(MXT_SEGMENT_ROOM, 65528, "room for one record");

    w = FLAGS | MXT_OWNER_MASK;
    tap_is_u64(mxt_word_owner(w), 1023, "owner's field");
    tap_ok(mxt_word_lessee(w) == 0 && mxt_word_count(w) == 0
           && mxt_word_generation(w) == 0, "is apart from the others");

    w = FLAGS | MXT_LESSEE_MASK;
    tap_is_u64(mxt_word_lessee(w), 1023, "lessee's field");
    tap_ok(mxt_word_owner(w) == 0 && mxt_word_count(w) == 0
           && mxt_word_generation(w) == 0, "is apart from the others");

    w = FLAGS | MXT_SEGMENT_RECORDS * MXT_COUNT_ONE;
    tap_is_u64(mxt_word_count(w), MXT_SEGMENT_RECORDS, "count's field");
    tap_ok(mxt_word_owner(w) == 0 && mxt_word_lessee(w) == 0
           && mxt_word_generation(w) == 0, "is apart from the others");

    w = FLAGS | MXT_GENERATION_MASK;
    tap_is_u64(mxt_word_generation(w), (1 << 27) - 1, "generation's field");
    tap_ok(mxt_word_owner(w) == 0 && mxt_word_lessee(w) == 0
           && mxt_word_count(w) == 0, "is apart from the others");
}


static void
life(void)
{
    start();

    is(0, 0, "free at first");
    tap_ok(mxt_segment_valid(&s, data, 8), "and valid");

    tap_ok(mxt_segment_open(&s, 5, 1234, &own) == 0, "opens");
    is(MXT_SEGMENT_TAKEN, 0, "taken");
    tap_is_u64(mxt_word_owner(word()), 5, "by its owner");
    tap_is_u64(s.opened, 1234, "at its time");
    tap_ok(own == word(), "the owner knows");

    tap_ok(mxt_segment_open(&s, 6, 1235, &leased) == -1, "opens once");
    tap_is_u64(s.opened, 1234, "and nothing is changed by the other");

    tap_ok(mxt_segment_begin(&s, &own) == 0, "begin");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY, 0, "busy");
    mxt_segment_write(data, own, "abc,", 4, 77);
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY, 0, "not visible yet");
    tap_ok(mxt_segment_publish(&s, &own) == 0, "publish");
    is(MXT_SEGMENT_TAKEN, 1, "visible");
    tap_ok(own == word(), "the owner knows");

    tap_ok(append("defgh,") == 0 && append(",") == 0, "two more");
    is(MXT_SEGMENT_TAKEN, 3, "three");

    range_is(0, 3, "abc,defgh,,", "all of them");
    range_is(0, 1, "abc,", "the first");
    range_is(1, 2, "defgh,", "the second");
    range_is(2, 3, ",", "the third");
    range_is(1, 3, "defgh,,", "two of them");
    range_is(1, 1, "", "none of them");
    range_is(0, 0, "", "none from the start");
    range_is(3, 3, "", "none at the end");

    tap_is_u64(mxt_segment_record(data, 0)->time, 77, "time of the first");
    tap_is_u64(mxt_segment_record(data, 1)->end, 10, "end of the second");

    tap_ok(mxt_segment_lease(&s, 7, &leased) == -1, "not to be leased open");
    tap_ok(mxt_segment_free(&s, 7) == -1, "nor freed");
    tap_ok(mxt_segment_unlease(&s, 7) == -1, "nor given back");

    tap_ok(mxt_segment_seal(&s, 1) == -1, "not sealed in another life");
    is(MXT_SEGMENT_TAKEN, 3, "and not changed");
    tap_ok(mxt_segment_seal(&s, 0) == 0, "sealed");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 3, "is sealed");
    tap_ok(mxt_segment_seal(&s, 0) == 0, "sealed again");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 3, "is no change");

    tap_ok(mxt_segment_begin(&s, &own) == -1, "no begin when sealed");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 3, "and no change");

    tap_ok(mxt_segment_free(&s, 8) == -1, "not freed unsettled");

    tap_ok(mxt_segment_lease(&s, 7, &leased) == 0, "leased");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED|MXT_SEGMENT_LEASED, 3,
       "is leased");
    tap_is_u64(mxt_word_lessee(word()), 7, "to its lessee");
    tap_is_u64(mxt_word_owner(word()), 5, "of its owner");
    tap_ok(leased == word(), "the lessee knows");
    tap_ok(mxt_segment_valid(&s, data, 8), "valid");

    tap_ok(mxt_segment_lease(&s, 6, &leased) == -1, "leased once");
    tap_ok(mxt_segment_unlease(&s, 6) == -1, "given back by none but him");
    tap_ok(mxt_segment_unlease(&s, 7) == 0, "given back");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 3, "is back");
    tap_is_u64(mxt_word_lessee(word()), 0, "to nobody");

    tap_ok(mxt_segment_lease(&s, 6, &leased) == 0, "leased again");
    tap_is_u64(mxt_word_lessee(word()), 6, "to another");

    settle(2);
    tap_ok(mxt_segment_free(&s, 6) == -1, "not freed settled in part");
    settle(3);
    tap_ok(mxt_segment_free(&s, 7) == -1, "not freed by one not the lessee");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED|MXT_SEGMENT_LEASED, 3,
       "still leased");
    tap_ok(mxt_segment_free(&s, 6) == 0, "freed");

    is(0, 0, "free");
    tap_is_u64(word(), MXT_GENERATION_ONE, "nothing is left but a generation");
    tap_ok(mxt_segment_free(&s, 6) == -1, "not freed twice");
    tap_ok(mxt_segment_unlease(&s, 6) == -1, "nor given back");
    tap_ok(mxt_segment_lease(&s, 6, &leased) == -1, "nor leased");
    tap_ok(mxt_segment_seal(&s, 1) == -1, "nor sealed");
    tap_ok(mxt_segment_bury(&s, 0) == 0, "nor buried");
    tap_is_u64(word(), MXT_GENERATION_ONE, "nothing changed");
    tap_ok(mxt_segment_valid(&s, data, 8), "valid");

    tap_ok(mxt_segment_begin(&s, &own) == -1, "no begin in a life that is "
           "over");
    tap_is_u64(mxt_segment_settled(&s, word()), 0,
               "what was settled then is not now");
}


/* sealed, leased and settled around an owner that is stopped in a record */

static void
late(void)
{
    unsigned  step;

    for (step = 0; step < 4; step++) {

        start();

        (void) mxt_segment_open(&s, 1, 1, &own);
        (void) append("one,");
        (void) mxt_segment_begin(&s, &own);

        if (step & 1) {
            mxt_segment_write(data, own, "two,", 4, 2);
        }

        tap_ok(mxt_segment_seal(&s, 0) == 0, "sealed while busy");
        is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY|MXT_SEGMENT_SEALED, 1,
           "keeps BUSY");
        tap_ok(mxt_segment_lease(&s, 2, &leased) == 0, "leased while busy");
        tap_is_u64(mxt_word_count(leased), 1, "with what was published");
        range_is(0, 1, "one,", "which may be read");

        if (step & 2) {

            /* the record comes before the settlement */

            mxt_segment_write(data, own, "two,", 4, 2);
            tap_ok(mxt_segment_publish(&s, &own) == 0, "publishes late");
            is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED|MXT_SEGMENT_LEASED, 2,
               "and leaves it sealed and leased");
            tap_is_u64(mxt_word_lessee(word()), 2, "to its lessee");
            settle(1);
            tap_ok(mxt_segment_free(&s, 2) == -1, "too late to be freed");

        } else {

            settle(1);
            tap_ok(mxt_segment_free(&s, 2) == -1, "not freed while busy");
            tap_ok(mxt_segment_unlease(&s, 2) == 0, "given back");
            tap_ok(mxt_segment_free(&s, 8) == -1,
                   "not freed by one that looks, either");
            mxt_segment_write(data, own, "two,", 4, 2);
            tap_ok(mxt_segment_publish(&s, &own) == 0, "publishes late");
            is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 2, "still sealed");
            tap_ok(mxt_segment_free(&s, 8) == -1, "and not settled whole");
            tap_ok(mxt_segment_lease(&s, 2, &leased) == 0, "leased again");
        }

        tap_is_u64(mxt_segment_settled(&s, word()), 1, "one is settled");
        range_is(1, 2, "two,", "the other is the late one");

        settle(2);
        tap_ok(mxt_segment_begin(&s, &own) == -1, "no more of them");
        tap_ok(mxt_segment_free(&s, 2) == 0, "freed");
    }
}


/* begin from an out-dated copy of the word */

static void
refused(void)
{
    uint64_t  was;

    start();

    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");

    was = own;

    (void) mxt_segment_seal(&s, 0);
    tap_ok(mxt_segment_begin(&s, &own) == -1, "sealed behind its back");
    tap_ok(own == was, "the copy is not changed");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "nor the word");

    /* the same owner's, in its next life */

    settle(1);
    (void) mxt_segment_free(&s, 8);
    (void) mxt_segment_open(&s, 1, 2, &leased);

    own = was;
    tap_ok(mxt_segment_begin(&s, &own) == -1, "another life");
    is(MXT_SEGMENT_TAKEN, 0, "is not disturbed");
}


/* an owner that was buried alive notices */

static void
lost(void)
{
    start();

    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    (void) mxt_segment_begin(&s, &own);
    mxt_segment_write(data, own, "two,", 4, 2);

    tap_ok(mxt_segment_bury(&s, 1) == 0, "buried alive");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "sealed, and not busy");

    tap_ok(mxt_segment_publish(&s, &own) == -1, "no publish after that");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "and no change");

    /* ... nor into the record of another owner */

    settle(1);
    (void) mxt_segment_free(&s, 8);
    (void) mxt_segment_open(&s, 2, 2, &leased);
    (void) mxt_segment_begin(&s, &leased);

    tap_ok(mxt_segment_publish(&s, &own) == -1, "not into another's");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY, 0, "which stays busy");
    tap_is_u64(mxt_word_owner(word()), 2, "and the other's");

    /* ... nor of the next one in its own slot */

    (void) mxt_segment_bury(&s, 2);
    (void) mxt_segment_free(&s, 8);
    (void) mxt_segment_open(&s, 1, 2, &leased);
    (void) mxt_segment_begin(&s, &leased);

    tap_ok(mxt_segment_publish(&s, &own) == -1, "not into another life");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY, 0, "which stays busy");
}


static void
buried(void)
{
    /* an owner, open */

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    tap_ok(mxt_segment_bury(&s, 4) == 0, "another's death");
    is(MXT_SEGMENT_TAKEN, 0, "changes nothing");
    tap_ok(mxt_segment_bury(&s, 3) == 0, "the owner's, before a record");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 0, "seals");
    tap_ok(mxt_segment_free(&s, 8) == 0, "an empty one is freed at once");

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    (void) append("one,");
    (void) mxt_segment_begin(&s, &own);
    tap_ok(mxt_segment_bury(&s, 3) == 0, "in the middle of one");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "seals, and clears BUSY");

    /* sealed and busy */

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    (void) append("one,");
    (void) mxt_segment_begin(&s, &own);
    (void) mxt_segment_seal(&s, 0);
    tap_ok(mxt_segment_bury(&s, 3) == 0, "sealed already");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "clears BUSY");
    tap_ok(mxt_segment_bury(&s, 3) == 0, "buried twice");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "is no change");

    /* a lessee, an owner, and both in one */

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    (void) append("one,");
    (void) mxt_segment_begin(&s, &own);
    (void) mxt_segment_seal(&s, 0);
    (void) mxt_segment_lease(&s, 4, &leased);
    tap_ok(mxt_segment_bury(&s, 4) == 1, "the lessee's death");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_BUSY|MXT_SEGMENT_SEALED, 1,
       "gives it back, still busy");
    tap_is_u64(mxt_word_owner(word()), 3, "still the owner's");
    tap_is_u64(mxt_word_lessee(word()), 0, "and nobody's");

    (void) mxt_segment_lease(&s, 5, &leased);
    tap_ok(mxt_segment_bury(&s, 3) == 0, "the owner's, of a leased one");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED|MXT_SEGMENT_LEASED, 1,
       "clears BUSY only");
    tap_is_u64(mxt_word_lessee(word()), 5, "the lessee keeps it");
    settle(1);
    tap_ok(mxt_segment_free(&s, 5) == 0, "and frees it");

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    (void) append("one,");
    (void) mxt_segment_begin(&s, &own);
    (void) mxt_segment_seal(&s, 0);
    (void) mxt_segment_lease(&s, 3, &leased);
    tap_ok(mxt_segment_bury(&s, 3) == 1, "of one that was both");
    is(MXT_SEGMENT_TAKEN|MXT_SEGMENT_SEALED, 1, "does both");

    /* slot 0 is in the field of every segment that is not leased */

    start();
    (void) mxt_segment_open(&s, 3, 1, &own);
    (void) append("one,");
    tap_ok(mxt_segment_bury(&s, 0) == 0, "slot 0 is a slot like others");
    is(MXT_SEGMENT_TAKEN, 1, "and not everybody's");
}


/* of what is not leased and what is, by whom it may be freed */

static void
frees(void)
{
    start();
    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    settle(1);
    tap_ok(mxt_segment_free(&s, 8) == -1, "settled, but not sealed");

    (void) mxt_segment_seal(&s, 0);
    (void) mxt_segment_lease(&s, 0, &leased);
    tap_ok(mxt_segment_free(&s, 8) == -1, "leased to slot 0");
    tap_ok(mxt_segment_free(&s, 1) == -1, "not the owner's to free");
    tap_ok(mxt_segment_free(&s, 0) == 0, "slot 0 frees its own");

    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    (void) mxt_segment_seal(&s, 1);
    settle(1);
    tap_ok(mxt_segment_free(&s, 8) == 0, "sealed, settled, nobody's");
    tap_is_u64(mxt_word_generation(word()), 2, "two lives are over");
}


static void
settled(void)
{
    uint64_t  w;

    start();

    w = MXT_SEGMENT_TAKEN | 8191 * MXT_COUNT_ONE | MXT_GENERATION_MASK;

    s.settled = mxt_segment_settled_value(w, 8191);
    tap_is_u64(mxt_segment_settled(&s, w), 8191, "the most there can be");
    tap_is_u64(mxt_segment_settled(&s, w - MXT_GENERATION_ONE), 0,
               "not in the life before");

    s.settled = mxt_segment_settled_value(w, 0);
    tap_is_u64(mxt_segment_settled(&s, w), 0, "none");
    tap_is_u64(mxt_segment_settled(&s, 0), 0, "none in another life");
}


static void
fits(void)
{
    unsigned  n;
    uint64_t  w;

    static unsigned char  big[MXT_SEGMENT_SIZE];

    memset(big, ',', sizeof(big));

    start();
    (void) mxt_segment_open(&s, 1, 1, &own);

    tap_ok(mxt_segment_fits(data, own, MXT_SEGMENT_ROOM), "the largest");
    tap_ok(!mxt_segment_fits(data, own, MXT_SEGMENT_ROOM + 1), "no more");

    (void) mxt_segment_begin(&s, &own);
    mxt_segment_write(data, own, big, MXT_SEGMENT_ROOM, 1);
    (void) mxt_segment_publish(&s, &own);

    tap_ok(!mxt_segment_fits(data, own, 1), "nothing fits behind it");
    tap_ok(mxt_segment_valid(&s, data, 8), "a full one is valid");

    /* two that fill it to the last byte */

    start();
    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    n = MXT_SEGMENT_SIZE - 4 - 2 * sizeof(mxt_record_t);
    tap_ok(mxt_segment_fits(data, own, n), "the rest of it");
    tap_ok(!mxt_segment_fits(data, own, n + 1), "and no more");
    (void) mxt_segment_begin(&s, &own);
    mxt_segment_write(data, own, big, n, 1);
    (void) mxt_segment_publish(&s, &own);
    tap_ok(mxt_segment_valid(&s, data, 8), "a full one is valid");
    range_is(0, 1, "one,", "the first is as it was");

    /* as many as there can be */

    start();
    (void) mxt_segment_open(&s, 1, 1, &own);

    for (n = 0; mxt_segment_fits(data, own, 1); n++) {
        (void) append(",");
    }

    tap_is_u64(n, MXT_SEGMENT_SIZE / (1 + sizeof(mxt_record_t)),
               "records of one byte");
    tap_ok(mxt_segment_valid(&s, data, 8), "are valid");
    tap_ok(mxt_word_count(word()) == n, "and counted");

    w = word() | MXT_SEGMENT_RECORDS * MXT_COUNT_ONE;
    tap_ok(!mxt_segment_fits(data, w, 0), "the count does not overflow");
}


/* sizes at random: what comes out is what went in, in order */

static void
records(void)
{
    size_t                len;
    uint32_t              random;
    unsigned              n, k, round, bad;
    const unsigned char  *p;

    static unsigned char  ref[MXT_SEGMENT_SIZE];
    static size_t         end[MXT_SEGMENT_RECORDS + 1];

    random = 1;
    bad = 0;

    for (round = 0; round < 200; round++) {

        start();
        (void) mxt_segment_open(&s, 1, 1, &own);

        end[0] = 0;

        for (n = 0; ; n++) {

            random = random * 1664525 + 1013904223;
            len = 1 + (random >> 16) % (round % 10 ? 700 : 9000);

            if (!mxt_segment_fits(data, own, len)) {
                break;
            }

            for (k = 0; k < len; k++) {
                ref[end[n] + k] = (unsigned char) (n + k * 7);
            }

            ref[end[n] + len - 1] = ',';

            (void) mxt_segment_begin(&s, &own);
            mxt_segment_write(data, own, ref + end[n], len, n ^ 0x5a5a);
            (void) mxt_segment_publish(&s, &own);

            end[n + 1] = end[n] + len;
        }

        bad += mxt_word_count(word()) != n;
        bad += !mxt_segment_valid(&s, data, 8);
        bad += memcmp(data, ref, end[n]) != 0;

        for (k = 0; k <= n; k++) {
            p = mxt_segment_range(data, k, n, &len);
            bad += p != data + end[k] || len != end[n] - end[k];
            bad += k < n && mxt_segment_record(data, k)->time != (k ^ 0x5a5a);
        }
    }

    tap_is_u64(bad, 0, "200 segments of random records");
}


/* over the end of the generation's field */

static void
generations(void)
{
    start();

    s.word = MXT_GENERATION_MASK;

    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    (void) mxt_segment_seal(&s, (1 << 27) - 1);
    (void) mxt_segment_lease(&s, 1, &leased);
    settle(1);

    tap_ok(mxt_segment_free(&s, 1) == 0, "the last generation");
    tap_is_u64(word(), 0, "is followed by the first");
    tap_is_u64(mxt_segment_settled(&s, 0), 0, "of which nothing is settled");
}


static void
valid(void)
{
    start();
    (void) mxt_segment_open(&s, 7, 1, &own);
    tap_ok(mxt_segment_valid(&s, data, 8), "the last slot's is valid");
    tap_ok(!mxt_segment_valid(&s, data, 7), "one beyond is not");

    (void) append("one,");
    (void) append("two,");
    (void) mxt_segment_begin(&s, &own);
    memset(data + 8, 'x', 100);
    tap_ok(mxt_segment_valid(&s, data, 8), "whatever is half-written");
    (void) mxt_segment_seal(&s, 0);
    tap_ok(mxt_segment_valid(&s, data, 8), "sealed");
    (void) mxt_segment_lease(&s, 7, &leased);
    tap_ok(mxt_segment_valid(&s, data, 8), "leased");
    settle(2);
    tap_ok(mxt_segment_valid(&s, data, 8), "settled");
}


/* each thing mxt_segment_valid() looks at, broken by itself */

static void
damage(void)
{
    mxt_segment_t   was;
    mxt_record_t   *r;

    start();
    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    (void) append("two,");

    was = s;
    r = mxt_record(data, 1);

    tap_ok(mxt_segment_valid(&s, data, 8), "not broken");

    s.word = MXT_COUNT_ONE;
    tap_ok(!mxt_segment_valid(&s, data, 8), "free with a count");
    s.word = MXT_SEGMENT_SEALED;
    tap_ok(!mxt_segment_valid(&s, data, 8), "free and sealed");
    s.word = mxt_word_set(1, 4);
    tap_ok(!mxt_segment_valid(&s, data, 8), "free with an owner");
    s.word = mxt_word_set(1, 14);
    tap_ok(!mxt_segment_valid(&s, data, 8), "free with a lessee");

    s.word = was.word | MXT_SEGMENT_LEASED;
    tap_ok(!mxt_segment_valid(&s, data, 8), "leased and not sealed");
    s.word |= MXT_SEGMENT_SEALED | mxt_word_set(8, 14);
    tap_ok(!mxt_segment_valid(&s, data, 8), "leased to a slot beyond");

    s = was;
    s.settled = mxt_segment_settled_value(s.word, 3);
    tap_ok(!mxt_segment_valid(&s, data, 8), "more settled than published");

    s = was;
    r->end = 4;
    tap_ok(!mxt_segment_valid(&s, data, 8), "an empty record");
    r->end = 3;
    tap_ok(!mxt_segment_valid(&s, data, 8), "an end before the last");
    r->end = MXT_SEGMENT_SIZE - 2 * sizeof(mxt_record_t) + 1;
    data[r->end - 1] = ',';
    tap_ok(!mxt_segment_valid(&s, data, 8), "a record in the index");
    r->end = 0xffffffff;
    tap_ok(!mxt_segment_valid(&s, data, 8), "an end beyond");
    r->end = 7;
    tap_ok(!mxt_segment_valid(&s, data, 8), "no comma at the end");
    r->end = 8;
    tap_ok(mxt_segment_valid(&s, data, 8), "repaired");
}


/* what may be read beside a broken one, and where it is */

static void
readable(void)
{
    size_t                len;
    mxt_record_t         *r;
    const unsigned char  *p;

    start();
    (void) mxt_segment_open(&s, 1, 1, &own);
    (void) append("one,");
    (void) append("two,");
    (void) append("three,");
    (void) append("four,");

    tap_is_u64(mxt_segment_readable(data, 0, 4), 4, "all");
    tap_is_u64(mxt_segment_readable(data, 2, 4), 4, "all from one on");
    tap_is_u64(mxt_segment_readable(data, 0, 2), 2, "no further than asked");
    tap_is_u64(mxt_segment_readable(data, 4, 4), 4, "none");

    r = mxt_record(data, 2);
    r->end = 0xf0000000;
    tap_is_u64(mxt_segment_readable(data, 0, 4), 2, "up to the broken one");
    tap_is_u64(mxt_segment_readable(data, 2, 4), 2, "not itself");
    tap_is_u64(mxt_segment_readable(data, 3, 4), 3, "nor what it begins");

    r->end = 0;
    tap_is_u64(mxt_segment_readable(data, 0, 4), 2, "an end of nothing");
    tap_is_u64(mxt_segment_readable(data, 3, 4), 3, "begins nothing");
    r->end = 13;
    tap_is_u64(mxt_segment_readable(data, 3, 4), 3, "nor does a wrong one");

    r->end = 0xf0000000;
    p = mxt_segment_range(data, 2, 3, &len);
    tap_ok(p == data + 8 && len == MXT_SEGMENT_SIZE - 8,
           "an end beyond is cut");
    p = mxt_segment_range(data, 3, 4, &len);
    tap_ok(p <= data + MXT_SEGMENT_SIZE && len == 0, "so is a start");
    r->end = 0;
    (void) mxt_segment_range(data, 2, 3, &len);
    tap_is_u64(len, 0, "an end before the start");
}


static void
start(void)
{
    memset(&s, 0, sizeof(s));
    memset(data, 0xa5, MXT_SEGMENT_SIZE);
}


static int
append(const char *record)
{
    if (mxt_segment_begin(&s, &own) != 0) {
        return -1;
    }

    mxt_segment_write(data, own, record, strlen(record), 77);

    return mxt_segment_publish(&s, &own);
}


static uint64_t
word(void)
{
    return mxt_segment_word(&s);
}


static int
is(uint64_t flags, unsigned count, const char *name)
{
    return tap_ok((word() & FLAGS) == flags && mxt_word_count(word()) == count,
                  "%s", name);
}


static int
range_is(unsigned from, unsigned to, const char *want, const char *name)
{
    size_t                len;
    const unsigned char  *p;

    p = mxt_segment_range(data, from, to, &len);

    return tap_is_str(p, len, want, name);
}


static void
settle(unsigned n)
{
    s.settled = mxt_segment_settled_value(word(), n);
}
