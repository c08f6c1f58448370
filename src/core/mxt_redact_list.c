
/*
 * A list of names of arguments: see mxt_redact_list.h for the promises.
 *
 * A name is looked for as what counts of it, in a buffer that has its last
 * bytes.  So a name may be of any length, and nothing is kept of it.
 */


#include <stdint.h>
#include <string.h>

#include "mxt_redact_list.h"


#define MXT_REDACT_SKIP     0   /* nothing */
#define MXT_REDACT_PART     1   /* another part of the name begins */
#define MXT_REDACT_MARK     2   /* a name may begin, see mxt_redact.h */
#define MXT_REDACT_ESCAPE   3
#define MXT_REDACT_PLUS     4
#define MXT_REDACT_SPECIAL  4   /* the last of these */

#define MXT_REDACT_DEEP     1
#define MXT_REDACT_DEEPER   2


#define MXT_REDACT_ENDS     1024


typedef struct {
    size_t          len;            /* 0: none */
    unsigned char  *name;
    size_t          next;           /* of tails: with the same last byte */
} mxt_redact_name_t;


struct mxt_redact_s {
    unsigned char       map[256];   /* what a byte of a name counts as */
    uint64_t            ends[MXT_REDACT_ENDS / 64];     /* a bit for the two
                                       bytes that tails end with */
    uint64_t            all[MXT_REDACT_ENDS / 64];      /* that any does, */
    uint64_t            two[MXT_REDACT_ENDS / 64];      /* that is no longer, */
    uint64_t            three[MXT_REDACT_ENDS / 64];    /* or its last three
                                                           are these */
    size_t              last[256];  /* the last tail with this last byte, 1 for
                                       the first one */
    unsigned            keep;
    uint32_t            mask;
    size_t              room;       /* names there may still be */
    size_t              bytes;      /* and their bytes */
    size_t              ntails;
    mxt_redact_name_t  *names;      /* by hash, at most half of it used */
    mxt_redact_name_t  *tails;      /* what was given with an asterisk */
    unsigned char      *text;
};


static void mxt_redact_map(mxt_redact_t *r);
static unsigned mxt_redact_plain(const mxt_redact_t *r,
    const unsigned char *s, const unsigned char *last);
static unsigned mxt_redact_may(const mxt_redact_t *r,
    const unsigned char *s, size_t len);
static unsigned mxt_redact_ends(const mxt_redact_t *r,
    const unsigned char *s, const unsigned char *last);
static unsigned mxt_redact_match(const mxt_redact_t *r,
    const unsigned char *s, const unsigned char *last, unsigned *deep);
static unsigned char mxt_redact_decode(const mxt_redact_t *r,
    const unsigned char **pos, const unsigned char *last, unsigned *deep);
static unsigned char mxt_redact_count(const mxt_redact_t *r,
    unsigned char c);
static unsigned mxt_redact_find(const mxt_redact_t *r,
    const unsigned char *end, size_t len);
static mxt_redact_name_t *mxt_redact_slot(const mxt_redact_t *r,
    const unsigned char *name, size_t len);
static unsigned mxt_redact_bit(const unsigned char *end);
static unsigned mxt_redact_bit3(const unsigned char *end);
static uint32_t mxt_redact_mask(size_t n);
static unsigned mxt_redact_hex(unsigned char c);


size_t
mxt_redact_size(size_t n, size_t bytes)
{
    return sizeof(mxt_redact_t)
           + ((size_t) mxt_redact_mask(n) + 1 + n) * sizeof(mxt_redact_name_t)
           + bytes;
}


mxt_redact_t *
mxt_redact_init(void *mem, size_t n, size_t bytes, unsigned keep)
{
    mxt_redact_t  *r;

    memset(mem, 0, mxt_redact_size(n, bytes));

    r = mem;
    r->keep = (keep != 0);
    r->mask = mxt_redact_mask(n);
    r->room = n;
    r->bytes = bytes;
    r->names = (mxt_redact_name_t *) (void *) (r + 1);
    r->tails = r->names + r->mask + 1;
    r->text = (unsigned char *) (r->tails + n);

    mxt_redact_map(r);

    return r;
}


static void
mxt_redact_map(mxt_redact_t *r)
{
    unsigned  c;

    for (c = 0; c < 256; c++) {

        if (c == '%') {
            r->map[c] = MXT_REDACT_ESCAPE;

        } else if (c == '+') {
            r->map[c] = MXT_REDACT_PLUS;

        } else if (c >= 'A' && c <= 'Z') {
            r->map[c] = (unsigned char) (c | 0x20);

        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                   || c >= 0x80)
        {
            r->map[c] = (unsigned char) c;

        } else if (r->keep) {
            r->map[c] = (unsigned char) (c > MXT_REDACT_SPECIAL
                                         ? c : MXT_REDACT_SPECIAL + 1);

        } else if (c <= ' ' || c == '-' || c == '_' || c == 0x7f) {
            r->map[c] = MXT_REDACT_SKIP;

        } else if (c == '&' || c == ';' || c == '?' || c == '#' || c == '/'
                   || c == '=')
        {
            r->map[c] = MXT_REDACT_MARK;

        } else {
            r->map[c] = MXT_REDACT_PART;
        }
    }
}


int
mxt_redact_add(mxt_redact_t *r, const void *name, size_t len)
{
    size_t                i, n;
    unsigned              tail;
    unsigned char         c, buf[MXT_REDACT_NAME_MAX];
    const unsigned char  *s;
    mxt_redact_name_t    *slot;

    s = name;
    n = 0;
    tail = !r->keep && len && s[0] == '*';

    for (i = tail; i < len; i++) {

        c = mxt_redact_count(r, s[i]);

        if (c <= MXT_REDACT_SPECIAL) {
            continue;
        }

        if (n == MXT_REDACT_NAME_MAX) {
            return -1;
        }

        buf[n++] = c;
    }

    /* a tail of one byte would be a great many names */

    if (n < 1 + tail) {
        return -1;
    }

    slot = tail ? &r->tails[r->ntails] : mxt_redact_slot(r, buf, n);

    if (!tail && slot->len) {
        return 0;
    }

    if (r->room == 0 || r->bytes < n) {
        return -1;
    }

    if (tail) {
        r->ntails++;
        slot->next = r->last[buf[n - 1]];
        r->last[buf[n - 1]] = r->ntails;
        i = mxt_redact_bit(buf + n);
        r->ends[i >> 6] |= 1ULL << (i & 63);
    }

    if (n > 1) {
        i = mxt_redact_bit(buf + n);
        r->all[i >> 6] |= 1ULL << (i & 63);

        if (n == 2) {
            r->two[i >> 6] |= 1ULL << (i & 63);

        } else {
            i = mxt_redact_bit3(buf + n);
            r->three[i >> 6] |= 1ULL << (i & 63);
        }
    }

    memcpy(r->text, buf, n);

    slot->len = n;
    slot->name = r->text;

    r->text += n;
    r->bytes -= n;
    r->room--;

    return 0;
}


unsigned
mxt_redact_hides(const mxt_redact_t *r, const void *name, size_t len)
{
    unsigned              deep, listed;
    const unsigned char  *s;

    if (r == NULL) {
        return 0;
    }

    s = name;

    if (!mxt_redact_may(r, s, len)) {
        return r->keep;
    }

    /* again only if there is something to decode again */

    for (deep = 0; /* void */ ; deep = MXT_REDACT_DEEP) {

        listed = mxt_redact_match(r, s, s + len, &deep);

        if (listed || deep != MXT_REDACT_DEEPER) {
            return listed != r->keep;
        }
    }
}


unsigned
mxt_redact_quiet(const mxt_redact_t *r, const void *text, size_t len)
{
    unsigned char         c;
    const unsigned char  *s, *p, *last, *name, *first;

    s = text;
    last = s + len;

    if (r->keep || memchr(s, '@', len) != NULL) {
        return 0;
    }

    /* an encoded "=", "@" or "%" */

    for (p = s; (p = memchr(p, '%', (size_t) (last - p))) != NULL; p++) {

        if (last - p < 3) {
            break;
        }

        switch (p[1] << 8 | p[2]) {

        case '3' << 8 | 'D':
        case '3' << 8 | 'd':
        case '4' << 8 | '0':
        case '2' << 8 | '5':
            return 0;
        }
    }

    first = s;

    for (p = s; (p = memchr(p, '=', (size_t) (last - p))) != NULL; p++) {

        /* most names have nothing but letters, and end as none on the list */

        for (name = p; name > first; name--) {

            c = r->map[name[-1]];

            if (c <= MXT_REDACT_SPECIAL && c != MXT_REDACT_SKIP) {
                break;
            }
        }

        if (name > first && c != MXT_REDACT_MARK) {

            do {
                name--;
            } while (name > first && r->map[name[-1]] != MXT_REDACT_MARK);

            if (mxt_redact_hides(r, name, (size_t) (p - name))) {
                return 0;
            }

        } else if (mxt_redact_ends(r, name, p) && mxt_redact_plain(r, name, p))
        {
            return 0;
        }

        first = p + 1;
    }

    return 1;
}


/* whether a name is on the list that has nothing but letters */

static unsigned
mxt_redact_plain(const mxt_redact_t *r, const unsigned char *s,
    const unsigned char *last)
{
    size_t         n;
    unsigned char  c, buf[2 * MXT_REDACT_NAME_MAX];

    if ((size_t) (last - s) > sizeof(buf)) {
        return mxt_redact_hides(r, s, (size_t) (last - s));
    }

    for (n = 0; s < last; s++) {

        c = r->map[*s];

        if (c != MXT_REDACT_SKIP) {
            buf[n++] = c;
        }
    }

    return mxt_redact_find(r, buf + n, n);
}


/* 0: no name on the list ends as this one does, which has nothing encoded and
 * one part; so it is with most */

static unsigned
mxt_redact_may(const mxt_redact_t *r, const unsigned char *s, size_t len)
{
    size_t         i;
    unsigned char  c;

    if (mxt_redact_ends(r, s, s + len)) {
        return 1;
    }

    for (i = 0; i < len - 2; i++) {

        c = r->map[s[i]];

        if (c <= MXT_REDACT_SPECIAL && c != MXT_REDACT_SKIP) {
            return 1;
        }
    }

    return 0;
}


/* could a name on the list end so? */

static inline unsigned
mxt_redact_ends(const mxt_redact_t *r, const unsigned char *s,
    const unsigned char *last)
{
    unsigned       bit;
    unsigned char  end[3];

    if (last - s < 3) {
        return 1;
    }

    end[2] = r->map[last[-1]];
    end[1] = r->map[last[-2]];

    if (end[2] <= MXT_REDACT_SPECIAL || end[1] <= MXT_REDACT_SPECIAL) {
        return 1;
    }

    bit = mxt_redact_bit(end + 3);

    if (!(r->all[bit >> 6] >> (bit & 63) & 1)) {
        return 0;
    }

    if (r->two[bit >> 6] >> (bit & 63) & 1) {
        return 1;
    }

    /* "request_id" is no "sid" */

    end[0] = r->map[last[-3]];

    if (end[0] == MXT_REDACT_SKIP && last - s > 3) {
        end[0] = r->map[last[-4]];
    }

    if (end[0] <= MXT_REDACT_SPECIAL) {
        return 1;
    }

    bit = mxt_redact_bit3(end + 3);

    return r->three[bit >> 6] >> (bit & 63) & 1;
}


unsigned
mxt_redact_keeps(const mxt_redact_t *r)
{
    return r->keep;
}


/* deep: MXT_REDACT_DEEP decodes what is encoded more than once, as often as it
 * is; without, MXT_REDACT_DEEPER tells that there is such a thing */

static unsigned
mxt_redact_match(const mxt_redact_t *r, const unsigned char *s,
    const unsigned char *last, unsigned *deep)
{
    size_t         n, gone, start, begin;
    unsigned char  c, buf[2 * MXT_REDACT_NAME_MAX];

    n = 0;
    gone = 0;       /* what was in buf, and is not any more */
    start = 0;      /* of this part of the name */
    begin = 0;      /* of the name behind the last mark */

    while (s < last) {

        c = r->map[*s++];

        if (c <= MXT_REDACT_SPECIAL) {

            if (c == MXT_REDACT_ESCAPE || c == MXT_REDACT_PLUS) {
                c = mxt_redact_decode(r, &s, last, deep);
            }

            if (c == MXT_REDACT_PART || c == MXT_REDACT_MARK) {

                if (mxt_redact_find(r, buf + n, gone + n - start)) {
                    return 1;
                }

                start = gone + n;

                if (c == MXT_REDACT_MARK) {
                    begin = start;
                }
            }

            if (c <= MXT_REDACT_SPECIAL) {
                continue;
            }
        }

        if (n == sizeof(buf)) {
            n = MXT_REDACT_NAME_MAX;
            gone += n;
            memcpy(buf, buf + n, n);
        }

        buf[n++] = c;
    }

    return mxt_redact_find(r, buf + n, gone + n - start)
           || (start > begin && mxt_redact_find(r, buf + n, gone + n - begin))
           || (start && mxt_redact_find(r, buf + n, gone + n));
}


/* what a percent sign or a plus counts as, and what comes after it */

static unsigned char
mxt_redact_decode(const mxt_redact_t *r, const unsigned char **pos,
    const unsigned char *last, unsigned *deep)
{
    unsigned              high, low;
    const unsigned char  *s;

    s = *pos;

    if (s[-1] == '+') {
        return r->map[' '];
    }

    while (last - s >= 4 && s[0] == '2' && s[1] == '5'
           && mxt_redact_hex(s[2]) < 16 && mxt_redact_hex(s[3]) < 16)
    {
        if (*deep != MXT_REDACT_DEEP) {
            *deep = MXT_REDACT_DEEPER;
            break;
        }

        s += 2;
    }

    if (last - s >= 2) {
        high = mxt_redact_hex(s[0]);
        low = mxt_redact_hex(s[1]);

        if (high < 16 && low < 16) {
            *pos = s + 2;
            return mxt_redact_count(r, (unsigned char) (high << 4 | low));
        }
    }

    return mxt_redact_count(r, '%');
}


/* what a byte counts as that is not encoded, or not any more */

static unsigned char
mxt_redact_count(const mxt_redact_t *r, unsigned char c)
{
    if (r->map[c] == MXT_REDACT_ESCAPE || r->map[c] == MXT_REDACT_PLUS) {
        return r->keep ? c : MXT_REDACT_PART;
    }

    return r->map[c];
}


/* whether the len bytes before end are on the list; if there are more of them
 * than any name has, those that count are there */

static unsigned
mxt_redact_find(const mxt_redact_t *r, const unsigned char *end, size_t len)
{
    size_t                    i;
    unsigned                  bit;
    const mxt_redact_name_t  *t;

    if (len == 0) {
        return 0;
    }

    if (len <= MXT_REDACT_NAME_MAX && mxt_redact_slot(r, end - len, len)->len)
    {
        return 1;
    }

    if (len < 2) {
        return 0;
    }

    bit = mxt_redact_bit(end);

    if (!(r->ends[bit >> 6] >> (bit & 63) & 1)) {
        return 0;
    }

    for (i = r->last[end[-1]]; i; i = t->next) {

        t = &r->tails[i - 1];

        if (t->len <= len && memcmp(end - t->len, t->name, t->len) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * Where the name is, or could be.  Most names are not on the list, so three
 * of its bytes have to do for a hash; what they are is up to the list.
 */

static mxt_redact_name_t *
mxt_redact_slot(const mxt_redact_t *r, const unsigned char *name, size_t len)
{
    size_t              i;
    mxt_redact_name_t  *slot;

    i = len * 5 + name[0] * 41U + name[len / 2] * 7U + name[len - 1] * 13U;

    for (i &= r->mask; /* void */ ; i = (i + 1) & r->mask) {

        slot = &r->names[i];

        if (slot->len == 0
            || (slot->len == len && memcmp(slot->name, name, len) == 0))
        {
            return slot;
        }
    }
}


static inline unsigned
mxt_redact_bit(const unsigned char *end)
{
    /* letters are told from each other by these bits */

    return (end[-1] & 31U) << 5 | (end[-2] & 31U);
}


static inline unsigned
mxt_redact_bit3(const unsigned char *end)
{
    return (end[-1] * 37U + end[-2] + end[-3] * 101U) % MXT_REDACT_ENDS;
}


/* slots for n names, less one: a power of two, and half of them free */

static uint32_t
mxt_redact_mask(size_t n)
{
    uint32_t  slots;

    for (slots = 2; slots < 2 * n; slots *= 2);

    return slots - 1;
}


static inline unsigned
mxt_redact_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned) (c - '0');
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? (unsigned) (c - 'a' + 10) : 16;
}
