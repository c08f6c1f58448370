
/*
 * The text of the SDK's cookie, byte by byte with the percent-encoding taken
 * away: the SDK's parser reads it, and nobody else.
 */


#ifndef MXT_COOKIE_TEXT_H
#define MXT_COOKIE_TEXT_H


#include <stddef.h>

#include "mxt_cookie.h"


#define MXT_COOKIE_END  -1
#define MXT_COOKIE_BAD  -2


/* what is left of the text */
typedef struct {
    const unsigned char  *pos;
    const unsigned char  *last;
    unsigned char        *text;     /* scratch behind what is kept */
} mxt_cookie_in_t;


#pragma GCC visibility push(hidden)


/* the value of a hexadecimal digit, less than 0 for what is none */
extern const signed char  mxt_cookie_digit[256];

/*
 * A string behind its quote, as UTF-8 at in->text, which is the caller's to
 * move on.  It never becomes longer than it was, and may write on as much as
 * there was text left: scratch as large as the whole text has room for it.
 * 0; or -1 if it is malformed, has a control character or is cut off.
 */
int mxt_cookie_string(mxt_cookie_in_t *in, mxt_cookie_str_t *value);


#pragma GCC visibility pop


/* The next byte; MXT_COOKIE_END, or MXT_COOKIE_BAD when a percent sign has no
 * two digits behind it. */

static inline int
mxt_cookie_byte(mxt_cookie_in_t *in)
{
    int                   ch;
    const unsigned char  *p;

    p = in->pos;

    if (p == in->last) {
        return MXT_COOKIE_END;
    }

    if (*p != '%') {
        in->pos = p + 1;
        return *p;
    }

    if (in->last - p < 3) {
        return MXT_COOKIE_BAD;
    }

    ch = mxt_cookie_digit[p[1]] * 16 | mxt_cookie_digit[p[2]];

    if (ch < 0) {
        return MXT_COOKIE_BAD;
    }

    in->pos = p + 3;

    return ch;
}


#endif /* MXT_COOKIE_TEXT_H */
