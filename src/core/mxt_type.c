
/*
 * Lists and JSON values: see mxt_type.h.
 *
 * The invariant: a value is written through a writer of its own, which ends
 * where MXT_TYPE_SIZE does, or where the event's buffer does.  The event's
 * writer moves only when all is written and known to be right.
 *
 * JSON is scanned and written again here, in one pass, and not loaded by
 * jansson.  That would take the heap, or replace the allocator of the whole
 * process, which other modules and their threads may be using; it would ask
 * the kernel for random bytes; and it reads a fraction into a double, by the
 * locale, so that 1.10 would not come out as it went in.
 *
 * The one thing not linear is a look for a name that comes twice: names are
 * hashed to 256 chains, and one who knows the hash makes it 254 * 254 / 2
 * comparisons an object, of which 8 KB hold six.
 */


#include "mxt_type.h"
#include "mxt_number.h"
#include "mxt_unescape.h"


#define MXT_TYPE_CHAINS  256


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *last;
    mxt_json_t           *json;
    unsigned              depth;
    unsigned              cut;
} mxt_scan_t;


/* an object's names, by where they are in what was written */

typedef struct {
    unsigned              n;
    uint16_t              start[MXT_TYPE_COUNT];
    unsigned char         next[MXT_TYPE_COUNT];
    unsigned char         first[MXT_TYPE_CHAINS];   /* from 1, 0 is none */
} mxt_names_t;


static size_t mxt_type_begin(mxt_json_t *v, const mxt_json_t *j);
static unsigned mxt_type_end(mxt_json_t *v, mxt_json_t *j, size_t size,
    int rc);
static unsigned mxt_type_trim(const unsigned char **s,
    const unsigned char **last);
static void mxt_scan_space(mxt_scan_t *x);
static int mxt_scan_value(mxt_scan_t *x);
static int mxt_scan_object(mxt_scan_t *x);
static int mxt_scan_name(mxt_scan_t *x, mxt_names_t *names);
static int mxt_scan_array(mxt_scan_t *x);
static int mxt_scan_next(mxt_scan_t *x, unsigned char end);
static int mxt_scan_number(mxt_scan_t *x);
static int mxt_scan_word(mxt_scan_t *x, const char *word, size_t len);


unsigned
mxt_type_list(mxt_json_t *j, const void *text, size_t len, unsigned *cut)
{
    int                   rc;
    size_t                size;
    unsigned              n, some;
    mxt_json_t            v;
    const unsigned char  *s, *last, *end, *next;

    if (len == 0) {
        return MXT_TYPE_EMPTY;
    }

    s = text;
    last = s + len;

    size = mxt_type_begin(&v, j);

    rc = 0;
    some = 0;

    for (n = 0; s < last && !v.overflow; s = next) {

        end = memchr(s, ',', (size_t) (last - s));
        next = end ? end + 1 : last;
        end = end ? end : last;

        if (!mxt_type_trim(&s, &end)) {
            continue;
        }

        if (n++ == MXT_TYPE_COUNT) {
            rc = -1;
            break;
        }

        mxt_json_raw(&v, n == 1 ? "[" : ",", 1);
        some += mxt_json_string(&v, s, (size_t) (end - s));
    }

    if (n == 0) {
        return MXT_TYPE_EMPTY;
    }

    mxt_json_raw(&v, "]", 1);

    rc = (int) mxt_type_end(&v, j, size, rc);

    if (rc == MXT_TYPE_OK) {
        *cut += some;
    }

    return (unsigned) rc;
}


unsigned
mxt_type_json(mxt_json_t *j, const void *text, size_t len, unsigned *cut)
{
    int         rc;
    size_t      size;
    unsigned    type;
    mxt_json_t  v;
    mxt_scan_t  x;

    if (len == 0) {
        return MXT_TYPE_MISTYPED;
    }

    size = mxt_type_begin(&v, j);

    x.pos = text;
    x.last = x.pos + len;
    x.json = &v;
    x.depth = 0;
    x.cut = 0;

    rc = mxt_scan_value(&x);

    if (rc == 0) {
        mxt_scan_space(&x);
        rc = (x.pos == x.last) ? 0 : -1;
    }

    type = mxt_type_end(&v, j, size, rc);

    if (type == MXT_TYPE_OK) {
        *cut += x.cut;
    }

    return type;
}


/* a writer for a value; returns its size */

static size_t
mxt_type_begin(mxt_json_t *v, const mxt_json_t *j)
{
    size_t  size;

    size = (size_t) (j->end - j->pos);

    if (size > MXT_TYPE_SIZE) {
        size = MXT_TYPE_SIZE;
    }

    mxt_json_init(v, j->pos, size);

    return size;
}


static unsigned
mxt_type_end(mxt_json_t *v, mxt_json_t *j, size_t size, int rc)
{
    if (v->overflow && size < MXT_TYPE_SIZE) {

        /* what ended is the event's buffer */

        j->pos = v->pos;
        mxt_json_full(j);

        return MXT_TYPE_OK;
    }

    if (v->overflow || rc != 0) {
        return MXT_TYPE_MISTYPED;
    }

    j->pos = v->pos;

    return MXT_TYPE_OK;
}


/* is there anything between the blanks? */

static unsigned
mxt_type_trim(const unsigned char **s, const unsigned char **last)
{
    const unsigned char  *p, *end;

    p = *s;
    end = *last;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < end && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    *s = p;
    *last = end;

    return p < end;
}


static void
mxt_scan_space(mxt_scan_t *x)
{
    while (x->pos < x->last
           && (*x->pos == ' ' || *x->pos == '\t' || *x->pos == '\n'
               || *x->pos == '\r'))
    {
        x->pos++;
    }
}


/*
 * Each of these takes one thing from the input and writes it; 0, or -1 if it
 * is not there.  After an overflow it is -1 soon, nothing being left to do.
 */

static int
mxt_scan_value(mxt_scan_t *x)
{
    mxt_scan_space(x);

    if (x->pos == x->last) {
        return -1;
    }

    switch (*x->pos) {

    case '{':
        return mxt_scan_object(x);

    case '[':
        return mxt_scan_array(x);

    case '"':
        return mxt_unescape(x->json, &x->pos, x->last, 0, &x->cut);

    case 't':
        return mxt_scan_word(x, "true", 4);

    case 'f':
        return mxt_scan_word(x, "false", 5);

    case 'n':
        return mxt_scan_word(x, "null", 4);

    default:
        return mxt_scan_number(x);
    }
}


static int
mxt_scan_object(mxt_scan_t *x)
{
    int          rc;
    mxt_names_t  names;

    if (x->depth++ == MXT_TYPE_DEPTH) {
        return -1;
    }

    names.n = 0;
    memset(names.first, 0, sizeof(names.first));

    mxt_json_raw(x->json, "{", 1);
    x->pos++;

    mxt_scan_space(x);

    if (x->pos < x->last && *x->pos == '}') {
        x->pos++;
        rc = 0;

    } else {
        do {
            rc = mxt_scan_name(x, &names);

            if (rc == 0) {
                rc = mxt_scan_value(x);
            }

            if (rc == 0) {
                rc = mxt_scan_next(x, '}');
            }

        } while (rc > 0);
    }

    mxt_json_raw(x->json, "}", 1);
    x->depth--;

    return rc;
}


/* a name, which is to be a new one, and the colon behind it */

static int
mxt_scan_name(mxt_scan_t *x, mxt_names_t *names)
{
    size_t          len;
    unsigned        i, hash;
    mxt_json_t     *j;
    unsigned char  *p, *start;

    j = x->json;

    mxt_scan_space(x);

    if (x->pos == x->last || *x->pos != '"' || names->n == MXT_TYPE_COUNT) {
        return -1;
    }

    start = j->pos;

    if (mxt_unescape(j, &x->pos, x->last, 1, &x->cut) != 0) {
        return -1;
    }

    mxt_scan_space(x);

    if (x->pos == x->last || *x->pos != ':') {
        return -1;
    }

    x->pos++;
    len = (size_t) (j->pos - start);
    mxt_json_raw(j, ":", 1);

    if (j->overflow) {
        return -1;
    }

    /* there is one way to write a name, so the same name is the same text */

    hash = 0;

    for (p = start; p < start + len; p++) {
        hash = hash * 31 + *p;
    }

    hash = (hash ^ hash >> 8) % MXT_TYPE_CHAINS;

    for (i = names->first[hash]; i; i = names->next[i - 1]) {

        /* with its quotes, so none is the beginning of another */

        if (memcmp(j->start + names->start[i - 1], start, len) == 0) {
            return -1;
        }
    }

    names->start[names->n] = (uint16_t) (start - j->start);
    names->next[names->n] = names->first[hash];
    names->first[hash] = (unsigned char) ++names->n;

    return 0;
}


static int
mxt_scan_array(mxt_scan_t *x)
{
    int       rc;
    unsigned  n;

    if (x->depth++ == MXT_TYPE_DEPTH) {
        return -1;
    }

    mxt_json_raw(x->json, "[", 1);
    x->pos++;

    mxt_scan_space(x);

    if (x->pos < x->last && *x->pos == ']') {
        x->pos++;
        rc = 0;

    } else {
        n = 0;

        do {
            if (n++ == MXT_TYPE_COUNT) {
                return -1;
            }

            rc = mxt_scan_value(x);

            if (rc == 0) {
                rc = mxt_scan_next(x, ']');
            }

        } while (rc > 0);
    }

    mxt_json_raw(x->json, "]", 1);
    x->depth--;

    return rc;
}


/* 1: a comma, so there is another; 0: that was all */

static int
mxt_scan_next(mxt_scan_t *x, unsigned char end)
{
    mxt_scan_space(x);

    if (x->pos == x->last || x->json->overflow) {
        return -1;
    }

    if (*x->pos == end) {
        x->pos++;
        return 0;
    }

    if (*x->pos != ',') {
        return -1;
    }

    x->pos++;
    mxt_json_raw(x->json, ",", 1);

    return 1;
}


static int
mxt_scan_number(mxt_scan_t *x)
{
    size_t                len;
    mxt_number_t          n;
    const unsigned char  *p;

    for (p = x->pos; p < x->last; p++) {

        if ((*p < '0' || *p > '9') && *p != '-' && *p != '+' && *p != '.'
            && *p != 'e' && *p != 'E')
        {
            break;
        }
    }

    len = (size_t) (p - x->pos);

    if (mxt_number_parse(&n, x->pos, len) != 0 || !n.json) {
        return -1;
    }

    (void) mxt_json_number(x->json, x->pos, len);
    x->pos = p;

    return 0;
}


static int
mxt_scan_word(mxt_scan_t *x, const char *word, size_t len)
{
    if ((size_t) (x->last - x->pos) < len || memcmp(x->pos, word, len) != 0) {
        return -1;
    }

    mxt_json_raw(x->json, word, len);
    x->pos += len;

    return 0;
}
