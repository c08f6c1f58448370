
/*
 * A walk through the arguments of a URL: see mxt_args_walk.h.
 */


#include <string.h>

#include "mxt_args_walk.h"


static void mxt_args_walk_next(mxt_args_walk_t *w, const unsigned char *p);


void
mxt_args_walk_start(mxt_args_walk_t *w, const mxt_redact_t *r,
    const unsigned char *s, const unsigned char *last)
{
    w->redact = r;
    w->first = s;
    w->last = last;
    w->end = NULL;
    w->whole = s;
    w->shown = s;
}


unsigned
mxt_args_walk_hidden(mxt_args_walk_t *w, const unsigned char *mark)
{
    const unsigned char  *p;

    if (w->redact == NULL) {
        return 0;
    }

    if (w->end == NULL || mark > w->end) {

        p = w->end ? w->end : w->first;
        p = memrchr(p, '&', (size_t) (mark - p));

        if (p == NULL) {
            p = memchr(w->first, '?', (size_t) (mark - w->first));
        }

        if (p == NULL) {
            return 0;
        }

        w->end = mxt_redact_byte(mark, w->last, '&');
        w->until = ++p;

        mxt_redact_start(&w->arg, p, w->end);
        mxt_args_walk_next(w, p);
    }

    while (w->until <= mark && w->arg.eq < mark) {

        /* what begins in a hidden value does not end behind it */

        if (w->arg.value >= w->until
            && mxt_redact_hides(w->redact, w->arg.name,
                                (size_t) (w->arg.eq - w->arg.name)))
        {
            w->until = mxt_redact_value(&w->arg, w->end);
        }

        mxt_args_walk_next(w, w->arg.value);
    }

    return mark < w->until;
}


static inline void
mxt_args_walk_next(mxt_args_walk_t *w, const unsigned char *p)
{
    if (!mxt_redact_next(&w->arg, p)) {
        w->arg.eq = w->end;
    }
}


size_t
mxt_args_walk_value(mxt_args_walk_t *w, const unsigned char *eq)
{
    size_t                n;
    unsigned              within;
    const unsigned char  *p, *last;

    eq++;

    /* it is in the last one, of which this is the end of what may be shown */

    if (eq <= w->shown) {
        return (size_t) (w->shown - eq);
    }

    if (eq > w->whole) {
        within = 0;
        last = w->last;

        for (p = eq; p < last && *p != '&' && *p != '#'; p++) {
            within |= (*p == '=' || *p == '%');
        }

        /* most values have no argument within */

        if (!within) {
            return (size_t) (p - eq);
        }

        w->whole = p;
    }

    n = mxt_redact_shown(w->redact, eq, (size_t) (w->whole - eq));
    w->shown = eq + n;

    return n;
}
