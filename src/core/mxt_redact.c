
/*
 * Arguments that must not leave: see mxt_redact.h for the promises.
 *
 * What is to be hidden is found by its "=": all between it and the mark before
 * it is a name.  What is to be kept is found from the left, argument by
 * argument, because there everything that is not known has to go.
 */


#include <string.h>

#include "mxt_redact.h"


#define MXT_REDACT_HIDE      0x01   /* a name to be hidden begins after it */
#define MXT_REDACT_PATH      0x02   /* an argument begins after it */
#define MXT_REDACT_QUERY     0x04
#define MXT_REDACT_FRAGMENT  0x08


static unsigned mxt_redact_part(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left);
static unsigned mxt_redact_hide(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned *left);
static const unsigned char *mxt_redact_name(const unsigned char *p,
    const unsigned char *eq);
static unsigned mxt_redact_keep(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left);
static unsigned mxt_redact_kept(const mxt_redact_t *r,
    const unsigned char *p, const unsigned char *end, unsigned bare);
static const unsigned char *mxt_redact_end(const unsigned char *p,
    const unsigned char *last, unsigned which);
static unsigned mxt_redact_mark(mxt_json_t *j, unsigned which,
    unsigned *left);


/* ";" begins an argument, "/" does where nothing is lost if it does not */

static const unsigned char  mxt_redact_marks[256] = {
    ['&'] = MXT_REDACT_HIDE|MXT_REDACT_PATH|MXT_REDACT_QUERY
            |MXT_REDACT_FRAGMENT,
    [';'] = MXT_REDACT_HIDE|MXT_REDACT_PATH|MXT_REDACT_QUERY
            |MXT_REDACT_FRAGMENT,
    ['?'] = MXT_REDACT_HIDE|MXT_REDACT_QUERY|MXT_REDACT_FRAGMENT,
    ['#'] = MXT_REDACT_HIDE|MXT_REDACT_FRAGMENT,
    ['/'] = MXT_REDACT_HIDE,
    ['='] = MXT_REDACT_HIDE
};


size_t
mxt_redact_shown(const mxt_redact_t *r, const unsigned char *s, size_t len)
{
    const unsigned char  *p, *q, *eq, *last, *name;

    if (r == NULL || len == 0) {
        return len;
    }

    last = s + len;

    if (mxt_redact_keeps(r)) {

        for (p = mxt_redact_end(s, last, MXT_REDACT_QUERY);
             p < last;
             p = q)
        {
            q = mxt_redact_end(p + 1, last, MXT_REDACT_QUERY);

            if (!mxt_redact_kept(r, p + 1, q, 1)) {
                return (size_t) (p - s);
            }
        }

        return len;
    }

    for (p = s; p < last; p = eq + 1) {

        eq = memchr(p, '=', (size_t) (last - p));

        if (eq == NULL) {
            break;
        }

        name = mxt_redact_name(p, eq);

        if (mxt_redact_hides(r, name, (size_t) (eq - name))) {
            return (size_t) (name > s ? name - 1 - s : 0);
        }
    }

    return len;
}


unsigned
mxt_redact_url(const mxt_redact_t *r, mxt_json_t *j, const mxt_uri_t *u,
    unsigned *left)
{
    unsigned  cut;

    if (u->prefix.len) {
        cut = mxt_json_text(j, u->prefix.data, u->prefix.len, left);

    } else if (u->scheme.len) {
        cut = mxt_json_text(j, u->scheme.data, u->scheme.len, left)
              || mxt_json_text(j, "://", 3, left);

    } else {
        cut = 0;
    }

    return cut
           || mxt_json_text(j, u->authority.data, u->authority.len, left)
           || mxt_redact_part(r, j, &u->path, MXT_REDACT_PATH, left)
           || mxt_redact_part(r, j, &u->query, MXT_REDACT_QUERY, left)
           || mxt_redact_part(r, j, &u->fragment, MXT_REDACT_FRAGMENT, left);
}


unsigned
mxt_redact_path(const mxt_redact_t *r, mxt_json_t *j, const mxt_uri_t *u,
    unsigned *left)
{
    return mxt_redact_part(r, j, &u->path, MXT_REDACT_PATH, left);
}


unsigned
mxt_redact_search(const mxt_redact_t *r, mxt_json_t *j, const mxt_uri_t *u,
    unsigned *left)
{
    /* to location.search a question mark alone is none */

    if (u->query.len == 0) {
        return 0;
    }

    return mxt_redact_part(r, j, &u->query, MXT_REDACT_QUERY, left);
}


/* a part of a URL, with its mark */

static unsigned
mxt_redact_part(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left)
{
    if (part->data == NULL) {
        return 0;
    }

    if (r != NULL && mxt_redact_keeps(r)) {
        return mxt_redact_keep(r, j, part, which, left);
    }

    return mxt_redact_mark(j, which, left)
           || mxt_redact_hide(r, j, part, left);
}


static unsigned
mxt_redact_hide(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned *left)
{
    const unsigned char  *p, *from, *eq, *last, *name;

    p = part->data;
    from = p;
    last = p + part->len;

    /* a long URL is cut: what comes after p will not be written any more */

    while (r != NULL && p < last && (size_t) (p - from) <= *left) {

        eq = memchr(p, '=', (size_t) (last - p));

        if (eq == NULL) {
            break;
        }

        name = mxt_redact_name(p, eq);
        p = eq + 1;

        if (p == last || *p == '&'
            || !mxt_redact_hides(r, name, (size_t) (eq - name)))
        {
            continue;
        }

        if (mxt_json_text(j, from, (size_t) (p - from), left)
            || mxt_json_text(j, MXT_REDACT_WORD, sizeof(MXT_REDACT_WORD) - 1,
                             left))
        {
            return 1;
        }

        p = memchr(p, '&', (size_t) (last - p));

        if (p == NULL) {
            p = last;
        }

        from = p;
    }

    return mxt_json_text(j, from, (size_t) (last - from), left);
}


/* where the name before eq begins, not before p */

static inline const unsigned char *
mxt_redact_name(const unsigned char *p, const unsigned char *eq)
{
    while (eq > p && !(mxt_redact_marks[eq[-1]] & MXT_REDACT_HIDE)) {
        eq--;
    }

    return eq;
}


static unsigned
mxt_redact_keep(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left)
{
    unsigned              some;
    const unsigned char  *p, *end, *last;

    some = 0;
    p = part->data;
    last = p + part->len;

    for ( ;; ) {

        end = mxt_redact_end(p, last, which);

        if ((which == MXT_REDACT_PATH && p == part->data)
            || mxt_redact_kept(r, p, end, which != MXT_REDACT_QUERY))
        {
            /* what is the first now takes the mark of the first */

            if (some ? mxt_json_text(j, p - 1, 1, left)
                     : mxt_redact_mark(j, which, left))
            {
                return 1;
            }

            if (mxt_json_text(j, p, (size_t) (end - p), left)) {
                return 1;
            }

            some = 1;

        } else if (end < last) {
            end = memchr(end, '&', (size_t) (last - end));

            if (end == NULL) {
                return 0;
            }
        }

        if (end == last) {
            return 0;
        }

        p = end + 1;
    }
}


/* bare: a word without "=" is no argument */

static unsigned
mxt_redact_kept(const mxt_redact_t *r, const unsigned char *p,
    const unsigned char *end, unsigned bare)
{
    const unsigned char  *eq;

    eq = memchr(p, '=', (size_t) (end - p));

    if (eq == NULL) {
        if (bare) {
            return 1;
        }

        eq = end;
    }

    return !mxt_redact_hides(r, p, (size_t) (eq - p));
}


/* where the argument at p ends: at the next, if that is one */

static const unsigned char *
mxt_redact_end(const unsigned char *p, const unsigned char *last,
    unsigned which)
{
    const unsigned char  *mark;

    mark = NULL;

    for ( /* void */ ; p < last; p++) {

        if (*p == '&') {
            return p;
        }

        if (*p == '=' && mark) {
            return mark;
        }

        if (mxt_redact_marks[*p] & which) {
            mark = p;
        }
    }

    return last;
}


static unsigned
mxt_redact_mark(mxt_json_t *j, unsigned which, unsigned *left)
{
    switch (which) {

    case MXT_REDACT_QUERY:
        return mxt_json_text(j, "?", 1, left);

    case MXT_REDACT_FRAGMENT:
        return mxt_json_text(j, "#", 1, left);
    }

    return 0;
}
