
/*
 * Values of a type that is more than one word of JSON: time, list, json.
 * Strings, numbers and bools are mxt_json.h's.
 *
 * The invariant: a value is written whole and as its type promises, or not
 * at all.  No heap, no locale, no clock, no system call; time is linear in
 * the input but for the names of an object (see mxt_type.c), the stack below
 * 4 KB.
 */


#ifndef MXT_TYPE_H
#define MXT_TYPE_H


#include "mxt_json.h"


/* Mixpanel's limits: "8KB" for a list or an object of an event, here of
 * JSON as it is written, fewer than 255 names or elements, three levels */
#define MXT_TYPE_SIZE   8192
#define MXT_TYPE_COUNT  254
#define MXT_TYPE_DEPTH  3


enum {
    MXT_TYPE_OK = 0,
    MXT_TYPE_EMPTY,         /* nothing in it: to be omitted, nobody's fault */
    MXT_TYPE_MISTYPED       /* no such thing, or too much of it */
};


#pragma GCC visibility push(hidden)


/*
 * Each appends the value in text, len bytes that end nowhere but there, with
 * blanks and tabs around it ignored, and returns one of the above.  For any
 * but MXT_TYPE_OK nothing was written.  After an overflow of the buffer the
 * result means nothing.
 */

/*
 * A date as Mixpanel and its SDK write one, "YYYY-MM-DDTHH:MM:SS" in UTC.
 * What it is made of:
 *
 * - seconds since 1970 with or without a fraction, up to year 9999
 *   (253402300799); from there on up to 13 digits are milliseconds, which
 *   begins with 1978.  More digits are refused: they may be microseconds or
 *   a date without its dashes;
 * - HTTP's dates: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94
 *   08:49:37 GMT" and "Sun Nov  6 08:49:37 1994", in any case of letters.
 *   Two digits are a year from 1971 to 2070.  The day of the week has to be
 *   one but need not be the right one;
 * - ISO 8601, "YYYY-MM-DD", "T" or a space, "HH:MM", ":SS", a fraction
 *   behind "." or ",", and "Z" or an offset (+HH, +HHMM, +HH:MM); from the
 *   seconds on all may be absent.  Without an offset it is UTC.  A day alone
 *   stays a day alone, for it says nothing of an hour.
 *
 * Fractions are dropped.  Second 60 is the next minute's first.  What would
 * be before 1971 or after 9999, in UTC, is mistyped.
 */
unsigned mxt_type_time(mxt_json_t *j, const void *text, size_t len);

/*
 * A list of strings: the text cut at its commas, blanks and tabs around each
 * element removed, empty ones left out.  Each is as of mxt_json_string(),
 * and *cut grows by how many were cut.  No element is MXT_TYPE_EMPTY; more
 * than MXT_TYPE_COUNT, or more than MXT_TYPE_SIZE bytes written, is
 * MXT_TYPE_MISTYPED.
 */
unsigned mxt_type_list(mxt_json_t *j, const void *text, size_t len,
    unsigned *cut);

/*
 * Any JSON value, written again without white space.  Numbers are as of
 * mxt_json_number().  Names and strings are as of mxt_json_string(), unescaped first;
 * half a surrogate pair becomes U+FFFD as any ill-formed byte does, and so
 * does a NUL in a name, which some readers refuse.  *cut as above.
 *
 * Mistyped is what is not JSON, one thing of this apart: ill-formed UTF-8 in
 * a string is repaired.  Mistyped are also a number that mxt_json_number()
 * would refuse, a name that comes twice in an object (readers differ on what
 * that means; also two that differ only behind their 255th byte), arrays and
 * objects within each other deeper than MXT_TYPE_DEPTH, with more than
 * MXT_TYPE_COUNT elements or names, and more than MXT_TYPE_SIZE bytes
 * written.
 */
unsigned mxt_type_json(mxt_json_t *j, const void *text, size_t len,
    unsigned *cut);


#pragma GCC visibility pop


#endif /* MXT_TYPE_H */
