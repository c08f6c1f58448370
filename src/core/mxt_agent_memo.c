
/*
 * The clients of late: see mxt_agent_memo.h for the promises.
 *
 * A client is its headers, byte by byte, and has one slot in which it may be,
 * by a hash of them.  Who comes last takes the slot.
 */


#include <stdint.h>
#include <string.h>

#include "mxt_agent_memo.h"


#define MXT_AGENT_MEMO_HEADERS  4


typedef struct {
    mxt_agent_t   agent;

    /* agent.version is none, or lies in a header, from there on */
    unsigned      header;
    size_t        from;

    unsigned      used;
    size_t        len[MXT_AGENT_MEMO_HEADERS];
    char          text[MXT_AGENT_MEMO_TEXT];    /* the headers' */
} mxt_agent_memo_t;


static uint64_t mxt_agent_memo_hash(uint64_t hash,
    const mxt_agent_text_t *s);
static unsigned mxt_agent_memo_is(const mxt_agent_memo_t *m,
    const mxt_agent_text_t *const *s);
static void mxt_agent_memo_set(mxt_agent_memo_t *m, const mxt_agent_t *a,
    const mxt_agent_text_t *const *s);


static mxt_agent_memo_t  mxt_agent_memos[MXT_AGENT_MEMO_SLOTS];


void
mxt_agent_memo(mxt_agent_t *a, const mxt_agent_headers_t *h)
{
    size_t             len;
    uint64_t           hash;
    unsigned           i;
    mxt_agent_memo_t  *m;

    const mxt_agent_text_t *const  s[MXT_AGENT_MEMO_HEADERS] = {
        &h->user_agent, &h->brands, &h->versions, &h->platform
    };

    len = 0;
    hash = 0;

    for (i = 0; i < MXT_AGENT_MEMO_HEADERS; i++) {

        /* before it is added up, lest it overflow */

        if (s[i]->len > MXT_AGENT_MEMO_TEXT - len) {
            mxt_agent(a, h);
            return;
        }

        len += s[i]->len;
        hash = mxt_agent_memo_hash(hash, s[i]);
    }

    m = &mxt_agent_memos[(hash >> 32) & (MXT_AGENT_MEMO_SLOTS - 1)];

    if (!mxt_agent_memo_is(m, s)) {
        mxt_agent(a, h);
        mxt_agent_memo_set(m, a, s);
        return;
    }

    *a = m->agent;

    if (a->version.len) {
        a->version.data = s[m->header]->data + m->from;
    }
}


/* of 8 bytes at a time; the last of them may be looked at twice */

static inline uint64_t
mxt_agent_memo_hash(uint64_t hash, const mxt_agent_text_t *s)
{
    size_t    i;
    uint64_t  v;

    if (s->len < 8) {

        for (i = 0; i < s->len; i++) {
            hash = (hash ^ (unsigned char) s->data[i]) * 0x9e3779b97f4a7c15ULL;
        }

        return hash;
    }

    for (i = 0; /* void */ ; i = (s->len - i < 16) ? s->len - 8 : i + 8) {

        memcpy(&v, s->data + i, 8);

        hash = (hash ^ v) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 32;

        if (i == s->len - 8) {
            return hash;
        }
    }
}


static inline unsigned
mxt_agent_memo_is(const mxt_agent_memo_t *m, const mxt_agent_text_t *const *s)
{
    unsigned     i;
    const char  *text;

    if (!m->used) {
        return 0;
    }

    text = m->text;

    for (i = 0; i < MXT_AGENT_MEMO_HEADERS; i++) {

        if (s[i]->len != m->len[i]
            || (s[i]->len && memcmp(text, s[i]->data, s[i]->len) != 0))
        {
            return 0;
        }

        text += s[i]->len;
    }

    return 1;
}


static void
mxt_agent_memo_set(mxt_agent_memo_t *m, const mxt_agent_t *a,
    const mxt_agent_text_t *const *s)
{
    char       *text;
    unsigned    i;
    uintptr_t   version;

    m->agent = *a;
    m->used = 1;

    text = m->text;
    version = (uintptr_t) a->version.data;

    for (i = 0; i < MXT_AGENT_MEMO_HEADERS; i++) {

        m->len[i] = s[i]->len;

        if (s[i]->len == 0) {
            continue;
        }

        memcpy(text, s[i]->data, s[i]->len);
        text += s[i]->len;

        if (a->version.len && version >= (uintptr_t) s[i]->data
            && version < (uintptr_t) s[i]->data + s[i]->len)
        {
            m->header = i;
            m->from = (size_t) (version - (uintptr_t) s[i]->data);
        }
    }
}
