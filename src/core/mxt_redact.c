
/*
 * Arguments that must not leave: see mxt_redact.h for the promises.
 *
 * What is to be hidden is found by its "=": all between it and the mark before
 * it is a name.  What is to be kept is found from the left, argument by
 * argument, because there everything that is not known has to go.
 */


#include <string.h>

#include "mxt_redact.h"
#include "mxt_redact_arg.h"
#include "mxt_userinfo.h"


/* of a part that has user info within: what is behind is not looked at */
#define MXT_REDACT_BARE  4096


static size_t mxt_redact_value_shown(const mxt_redact_t *r,
    const unsigned char *s, size_t len);
static unsigned mxt_redact_rest(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_t *u, unsigned *left);
static unsigned mxt_redact_is_quiet(const mxt_redact_t *r,
    const unsigned char *s, size_t len, unsigned left);
static unsigned mxt_redact_part(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left);
static unsigned mxt_redact_hide(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned *left);
static unsigned mxt_redact_keep(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left);
static unsigned mxt_redact_kept(const mxt_redact_t *r,
    const unsigned char *p, const unsigned char *end, unsigned which,
    unsigned bare);
static unsigned mxt_redact_text(const mxt_redact_t *r, mxt_json_t *j,
    const unsigned char *p, const unsigned char *last, unsigned which,
    unsigned *left);
static unsigned mxt_redact_inner(const mxt_redact_t *r,
    const unsigned char *p, const unsigned char *last, unsigned which,
    unsigned named, mxt_redact_arg_t *a);
static const unsigned char *mxt_redact_end(const unsigned char *p,
    const unsigned char *last, unsigned which);
static unsigned mxt_redact_mark(mxt_json_t *j, unsigned which,
    unsigned *left);


size_t
mxt_redact_shown(const mxt_redact_t *r, const unsigned char *s, size_t len)
{
    size_t                n;
    const unsigned char  *p, *last, *start, *end;

    n = mxt_redact_value_shown(r, s, len);

    if (n == len) {
        return n;
    }

    /* no user info goes on behind one of these */

    for (last = s + n;
         last < s + len && *last != '?' && *last != '#' && *last != '&';
         last++);

    /* user info that would lose its "@" is no such thing any more */

    p = s + n;
    start = mxt_userinfo_find(s, last, 1, &end);

    while (start < p && end <= p) {
        start = mxt_userinfo_next(end, last, 0, &end);
    }

    return start < p ? (size_t) (start - s) : n;
}


static size_t
mxt_redact_value_shown(const mxt_redact_t *r, const unsigned char *s,
    size_t len)
{
    mxt_redact_arg_t      a;
    const unsigned char  *p, *q, *last;

    if (r == NULL || len == 0) {
        return len;
    }

    last = s + len;

    if (mxt_redact_keeps(r)) {

        /* it may be decoded already, and then have marks of all parts */

        for (p = mxt_redact_end(s, last, MXT_REDACT_INNER);
             p < last;
             p = q)
        {
            q = mxt_redact_end(p + 1, last, MXT_REDACT_INNER);

            if (!mxt_redact_kept(r, p + 1, q, MXT_REDACT_INNER, 1)) {
                last = p;
            }
        }

        return (size_t) ((mxt_redact_inner(r, s, last, MXT_REDACT_INNER, 0,
                                           &a)
                          ? a.mark : last) - s);
    }

    mxt_redact_start(&a, s, last);

    for (p = s; mxt_redact_next(&a, p); p = a.value) {

        if (mxt_redact_hides(r, a.name, (size_t) (a.eq - a.name))) {
            return (size_t) (a.mark - s);
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
           || mxt_redact_rest(r, j, u, left);
}


/* what is behind the authority, which is one piece */

static unsigned
mxt_redact_rest(const mxt_redact_t *r, mxt_json_t *j, const mxt_uri_t *u,
    unsigned *left)
{
    size_t                len;
    const mxt_uri_str_t  *last;

    if (u->path.data == NULL) {
        return 0;
    }

    last = u->fragment.data ? &u->fragment
           : u->query.data ? &u->query : &u->path;

    len = (size_t) (last->data + last->len - u->path.data);

    if (mxt_redact_is_quiet(r, u->path.data, len, *left)) {
        return mxt_json_text(j, u->path.data, len, left);
    }

    return mxt_redact_part(r, j, &u->path, MXT_REDACT_PATH, left)
           || mxt_redact_part(r, j, &u->query, MXT_REDACT_QUERY, left)
           || mxt_redact_part(r, j, &u->fragment, MXT_REDACT_FRAGMENT, left);
}


unsigned
mxt_redact_path(const mxt_redact_t *r, mxt_json_t *j, const mxt_uri_t *u,
    unsigned *left)
{
    if (mxt_redact_is_quiet(r, u->path.data, u->path.len, *left)) {
        return mxt_json_text(j, u->path.data, u->path.len, left);
    }

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

    if (mxt_redact_is_quiet(r, u->query.data, u->query.len, *left)) {
        return mxt_redact_mark(j, MXT_REDACT_QUERY, left)
               || mxt_json_text(j, u->query.data, u->query.len, left);
    }

    return mxt_redact_part(r, j, &u->query, MXT_REDACT_QUERY, left);
}


/* of a long one most is not written, and who looks closer stops there */

static inline unsigned
mxt_redact_is_quiet(const mxt_redact_t *r, const unsigned char *s, size_t len,
    unsigned left)
{
    return r != NULL && s != NULL && len <= left
           && mxt_redact_quiet(r, s, len);
}


/* a part of a URL, with its mark */

static unsigned
mxt_redact_part(const mxt_redact_t *r, mxt_json_t *j,
    const mxt_uri_str_t *part, unsigned which, unsigned *left)
{
    mxt_uri_str_t         bare;
    unsigned char         buf[MXT_REDACT_BARE];
    const unsigned char  *end;

    if (part->data == NULL) {
        return 0;
    }

    /* first of all: what is hidden or kept may be half of it */

    if (mxt_userinfo_find(part->data, part->data + part->len, 0, &end)
        < part->data + part->len)
    {
        bare.data = buf;
        bare.len = mxt_userinfo_strip(buf, sizeof(buf), part->data,
                                      part->len);
        part = &bare;
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
    mxt_redact_arg_t      a;
    const unsigned char  *p, *from, *last;

    p = part->data;
    from = p;
    last = p + part->len;

    if (r == NULL) {
        return mxt_json_text(j, p, part->len, left);
    }

    mxt_redact_start(&a, p, last);

    /* a long URL is cut: what comes after p will not be written any more */

    while ((size_t) (p - from) <= *left && mxt_redact_next(&a, p)) {

        p = a.value;

        if (p == last || *p == '&') {
            continue;
        }

        /* a name that goes on behind a hidden value has that argument in it */

        if ((a.name != a.first || a.first == part->data)
            && !mxt_redact_hides(r, a.name, (size_t) (a.eq - a.name)))
        {
            continue;
        }

        p = mxt_redact_value(&a, last);

        if (p == a.value) {
            continue;
        }

        if (mxt_json_text(j, from, (size_t) (a.value - from), left)
            || mxt_json_text(j, MXT_REDACT_WORD, sizeof(MXT_REDACT_WORD) - 1,
                             left))
        {
            return 1;
        }

        from = p;
        a.first = p;
    }

    return mxt_json_text(j, from, (size_t) (last - from), left);
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
            || mxt_redact_kept(r, p, end, which,
                               which != MXT_REDACT_QUERY))
        {
            /* what is the first now takes the mark of the first */

            if (some ? mxt_json_text(j, p - 1, 1, left)
                     : mxt_redact_mark(j, which, left))
            {
                return 1;
            }

            if (mxt_redact_text(r, j, p, end, which, left)) {
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
    const unsigned char *end, unsigned which, unsigned bare)
{
    mxt_redact_arg_t      a;
    const unsigned char  *eq;

    eq = mxt_redact_byte(p, end, '=');

    if (eq == end && bare) {
        return !mxt_redact_inner(r, p, end, which, 1, &a) || a.mark > p;
    }

    return !mxt_redact_hides(r, p, (size_t) (eq - p));
}


/* an argument that is kept, without what its value has of others */

static unsigned
mxt_redact_text(const mxt_redact_t *r, mxt_json_t *j, const unsigned char *p,
    const unsigned char *last, unsigned which, unsigned *left)
{
    size_t                n;
    unsigned              some;
    unsigned char         c;
    mxt_redact_arg_t      a;
    const unsigned char  *mark, *end;

    n = 0;
    mark = NULL;

    for ( ;; ) {

        some = mxt_redact_inner(r, p, last, which, 0, &a);
        end = some ? a.mark : last;

        if (end > p || n == 0) {

            /* what is behind others that were left out takes their mark */

            if (n) {
                if (mxt_json_text(j, mark, n, left)) {
                    return 1;
                }

                p += mxt_uri_escape(p, last, &c);
            }

            if (mxt_json_text(j, p, (size_t) (end - p), left)) {
                return 1;
            }

            mark = end;
            n = some ? (size_t) (a.name - mark) : 0;
        }

        if (!some) {
            return 0;
        }

        p = mxt_redact_value(&a, last);
    }
}


/*
 * The first argument that a value holds and that is not kept, if it has an
 * encoded mark.  With named the value's begin is that of a name.
 */

static unsigned
mxt_redact_inner(const mxt_redact_t *r, const unsigned char *p,
    const unsigned char *last, unsigned which, unsigned named,
    mxt_redact_arg_t *a)
{
    size_t         n;
    unsigned char  c;

    if (mxt_redact_byte(p, last, '%') == last) {
        return 0;
    }

    a->mark = named ? p : NULL;
    a->name = p;

    for ( /* void */ ; p < last; p += n) {

        c = *p;
        n = 1;

        if (c == '%') {
            n = mxt_uri_escape(p, last, &c);

            if (n == 0) {
                n = 1;
                continue;
            }

            if (mxt_redact_marks[c] & MXT_REDACT_INNER) {
                a->mark = p;
                a->name = p + n;
                continue;
            }

        } else if (mxt_redact_marks[c] & which) {
            a->mark = p;
            a->name = p + 1;
            continue;
        }

        if (c != '=' || a->mark == NULL) {
            continue;
        }

        if (mxt_redact_hides(r, a->name, (size_t) (p - a->name))) {
            a->eq = p;
            a->value = p + n;
            return 1;
        }

        a->mark = NULL;
    }

    return 0;
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
