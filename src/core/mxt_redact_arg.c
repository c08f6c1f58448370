
/*
 * Arguments by their "=": see mxt_redact_arg.h for the promises.
 *
 * The next "=" and the next that is encoded are both remembered, so that each
 * byte is looked at once for either.  Most URLs have none that is encoded, and
 * are done without this.
 */


#include "mxt_redact_arg.h"


static void mxt_redact_coded(mxt_redact_arg_t *a, const unsigned char *p);


/* ";" begins an argument, "/" does where nothing is lost if it does not */

const unsigned char  mxt_redact_marks[256] = {
    ['&'] = MXT_REDACT_HIDE|MXT_REDACT_PATH|MXT_REDACT_QUERY
            |MXT_REDACT_FRAGMENT,
    [';'] = MXT_REDACT_HIDE|MXT_REDACT_PATH|MXT_REDACT_QUERY
            |MXT_REDACT_FRAGMENT,
    ['?'] = MXT_REDACT_HIDE|MXT_REDACT_QUERY|MXT_REDACT_FRAGMENT,
    ['#'] = MXT_REDACT_HIDE|MXT_REDACT_FRAGMENT,
    ['/'] = MXT_REDACT_HIDE,
    ['='] = MXT_REDACT_HIDE
};


void
mxt_redact_start_coded(mxt_redact_arg_t *a, const unsigned char *p)
{
    a->plain = mxt_redact_byte(p, a->last, '=');
    a->before = p;
    a->after = p;

    mxt_redact_coded(a, p);
}


unsigned
mxt_redact_next_coded(mxt_redact_arg_t *a, const unsigned char *p)
{
    const unsigned char  *first;

    if (a->plain < p) {
        a->plain = mxt_redact_byte(p, a->last, '=');
    }

    if (a->coded < p) {
        a->before = (a->coded + a->len == p) ? a->coded : p;
        a->after = p;

        mxt_redact_coded(a, p);
    }

    if (a->plain < a->coded) {
        a->eq = a->plain;
        a->value = a->eq + 1;
        a->mark = a->first;
        first = a->first;

    } else if (a->coded < a->last) {
        a->eq = a->coded;
        a->value = a->eq + a->len;
        a->mark = a->before;
        first = a->after;

    } else {
        return 0;
    }

    a->name = mxt_redact_name(a->eq, first);

    if (a->name > first) {
        a->mark = a->name - 1;
    }

    return 1;
}


/* the first encoded "=" from p on, and the last encoded mark before it */

static void
mxt_redact_coded(mxt_redact_arg_t *a, const unsigned char *p)
{
    unsigned char  mark;

    for ( ;; ) {

        p = mxt_redact_byte(p, a->last, '%');

        if (p == a->last) {
            break;
        }

        a->len = mxt_uri_escape(p, a->last, &mark);

        if (a->len == 0) {
            p++;
            continue;
        }

        if (mark == '=') {
            break;
        }

        a->before = p;
        p += a->len;
        a->after = p;
    }

    a->coded = p;
}


const unsigned char *
mxt_redact_value(const mxt_redact_arg_t *a, const unsigned char *last)
{
    size_t                n, len;
    unsigned char         mark;
    const unsigned char  *p;

    p = a->value;
    len = (size_t) (p - a->eq);

    if (len == 1) {
        return mxt_redact_byte(p, last, '&');
    }

    /* not further than to its end: there may be a great many */

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case '&':
            return p;

        case '=':
            return mxt_redact_byte(p, last, '&');

        case '%':
            break;

        default:
            continue;
        }

        n = mxt_uri_escape(p, last, &mark);

        if (n && n <= len && mark == '&') {
            return p;
        }

        /* another one that is less deep: this is in its value by now */

        if (n && n < len && mark == '=') {
            len = n;
        }
    }

    return last;
}
