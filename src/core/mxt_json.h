
/*
 * The JSON of an event, written once and in place.
 *
 * The invariant: whatever bytes go in, what lies between start and pos is
 * a prefix of a valid JSON text in valid UTF-8, and never passes the end
 * of the buffer.  A writer that ran out of room says so and writes no more.
 */


#ifndef MXT_JSON_H
#define MXT_JSON_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* Mixpanel cuts longer strings (import-events, "255 bytes" being the
 * stricter of the two readings of its documentation) */
#define MXT_JSON_STRING_MAX  255


typedef struct {
    unsigned char  *start;
    unsigned char  *pos;
    unsigned char  *end;        /* of the buffer; pos after an overflow */
    unsigned        overflow;   /* something did not fit; sticky */
} mxt_json_t;


#pragma GCC visibility push(hidden)


/* Writes into buf, size bytes; the caller owns it.  No allocation, ever. */
void mxt_json_init(mxt_json_t *j, void *buf, size_t size);

/*
 * Appends len bytes as they are: JSON rendered at configuration time.
 * All of it or, when it does not fit, nothing and overflow.
 */
static inline void mxt_json_raw(mxt_json_t *j, const void *text, size_t len);

/*
 * Appends len bytes as the inside of a JSON string: escaped, and with each
 * maximal ill-formed sequence replaced by one U+FFFD (the Unicode
 * standard's "maximal subpart", section 3.9).  s may be NULL when len is 0.
 *
 * *left is what remains of the string's limit, in bytes of UTF-8 as the
 * reader will see them (unescaped, repaired); it is lowered by what was
 * written.  A character that does not fit whole ends the string: nothing
 * after it is written, *left becomes 0, and the result is 1 (cut);
 * otherwise 0.  A string of several pieces passes the same *left again;
 * a character must not be split between two of them.  After an overflow
 * *left and the result mean nothing.
 */
unsigned mxt_json_text(mxt_json_t *j, const void *s, size_t len,
    unsigned *left);

/* Appends a whole string with its quotes, cut at MXT_JSON_STRING_MAX bytes;
 * 1 if it was cut, else 0. */
unsigned mxt_json_string(mxt_json_t *j, const void *s, size_t len);

/* Appends n in decimal. */
void mxt_json_uint(mxt_json_t *j, uint64_t n);

/* Appends ms milliseconds as seconds with three decimals: 1205 as 1.205. */
void mxt_json_seconds(mxt_json_t *j, uint64_t ms);

/*
 * Appends the text of a number if it is one: an optional sign, digits, an
 * optional fraction and exponent, with white space around it ignored.
 * Leading zeros, a leading plus and a bare point are mended ("+.5" is 0.5)
 * and an exponent is written out ("1e+06" is 1000000, "1.5e-3" is 0.0015)
 * if that takes at most 18 digits before the point and 17 zeros behind it.
 * Digits are moved and never computed with: every number is as exact as it
 * came, and an integer an integer, beyond 2^53 too.
 *
 * Returns 0, or -1 with nothing written for any other text (empty, "-",
 * "1,000", "0x10", "1 2", NaN) and for what a double or a 64-bit integer
 * could not hold (an integer beyond 9223372036854775807 either way, a number
 * of 1e300 or more or one below 1e-300, more than 64 bytes).
 */
int mxt_json_number(mxt_json_t *j, const void *s, size_t len);

/*
 * Appends true for 1, true, on, yes, and false for 0, false, off, no, in
 * any case of letters; returns 0, or -1 with nothing written for any other
 * text.
 */
int mxt_json_bool(mxt_json_t *j, const void *s, size_t len);


/* Nothing more fits: nor will anything that comes after. */
static inline void
mxt_json_full(mxt_json_t *j)
{
    j->end = j->pos;
    j->overflow = 1;
}


static inline void
mxt_json_raw(mxt_json_t *j, const void *text, size_t len)
{
    if ((size_t) (j->end - j->pos) < len) {
        mxt_json_full(j);
        return;
    }

    /* a NULL text is fine when there is nothing of it */
    if (len) {
        memcpy(j->pos, text, len);
        j->pos += len;
    }
}


#pragma GCC visibility pop


#endif /* MXT_JSON_H */
