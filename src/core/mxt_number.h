
/*
 * The text of a number, taken apart.
 */


#ifndef MXT_NUMBER_H
#define MXT_NUMBER_H


#include <stddef.h>


typedef struct {
    const unsigned char  *whole;        /* behind the sign and leading zeros */
    const unsigned char  *fraction;     /* behind the point */
    const unsigned char  *exponent;     /* "e" and what follows, or NULL */
    size_t                nwhole;
    size_t                nfraction;
    size_t                nexponent;
    int                   power;        /* what the exponent says */
    unsigned              minus;
    unsigned              json;         /* JSON as it stands, every byte */
} mxt_number_t;


#pragma GCC visibility push(hidden)


/*
 * Takes the len bytes at s apart, which must be one number and nothing
 * beside it: an optional sign, digits with an optional point among, before
 * or behind them, an optional exponent.  Returns 0, or -1 if they are none
 * or one that mxt_json_number() refuses for its size.
 */
int mxt_number_parse(mxt_number_t *n, const unsigned char *s, size_t len);


#pragma GCC visibility pop


#endif /* MXT_NUMBER_H */
