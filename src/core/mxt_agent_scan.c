
/*
 * What a user agent has in it, found in one pass.
 *
 * Each of the words looked for has a byte that is rare in user agents: a
 * capital, or one of b c f g p w x.  A browser's has some twenty of them; the
 * bytes between are passed 16 at a time, and words are only compared around
 * those, within mxt_agent_look().
 *
 * The SDK looks for some of its words in any case.  Those are compared
 * around a byte of the second kind, whose capital is one of the first.
 */


#include <string.h>

#include "mxt_agent_scan.h"

#if defined(__SSE2__) && !defined(MXT_AGENT_NO_SIMD)
#define MXT_AGENT_SSE2       1
#include <emmintrin.h>
#endif


#define MXT_AGENT_STEP       16

#define mxt_agent_set(s, n)  (s)->seen |= mxt_agent_bit(n)

/* text, in this case, at p; a word in any case, given in small letters, at p
 * or up to p; of what lies within the user agent */

#define mxt_agent_is(s, p, text)                                             \
    ((size_t) ((s)->last - (p)) >= sizeof(text) - 1                          \
     && memcmp(p, text, sizeof(text) - 1) == 0)

#define mxt_agent_try(s, p, text, n)                                         \
    mxt_agent_try_word(s, p, text, sizeof(text) - 1, n)

#define mxt_agent_word(s, p, text)                                           \
    mxt_agent_fold(p, (size_t) ((s)->last - (p)), text, sizeof(text) - 1)

#define mxt_agent_behind(s, p, text)                                         \
    ((size_t) ((p) - (s)->start) >= sizeof(text) - 1                         \
     && mxt_agent_word(s, (p) - (sizeof(text) - 1), text))

#define mxt_agent_around(s, p, before, after)                                \
    (mxt_agent_word(s, p, after) && mxt_agent_behind(s, p, before))

/* the byte at a distance in small letters, or 0 outside */

#define mxt_agent_next(s, p)                                                 \
    (unsigned char) ((s)->last - (p) > 1 ? (p)[1] | 0x20 : 0)
#define mxt_agent_prev(s, p)                                                 \
    (unsigned char) ((p) > (s)->start ? (p)[-1] | 0x20 : 0)


static inline unsigned mxt_agent_mask(const char *p);
static inline void mxt_agent_look(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_opera(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_phone(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_b(mxt_agent_scan_t *s, const char *p);
static void mxt_agent_bot(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_c(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_f(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_g(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_p(mxt_agent_scan_t *s, const char *p);
static inline void mxt_agent_w(mxt_agent_scan_t *s, const char *p);
static inline unsigned mxt_agent_try_word(mxt_agent_scan_t *s, const char *p,
    const char *word, size_t len, unsigned n);
static unsigned mxt_agent_fold(const char *p, size_t n, const char *word,
    size_t len);
static unsigned mxt_agent_is_letter(unsigned char ch);


void
mxt_agent_scan(mxt_agent_scan_t *s, const mxt_agent_text_t *ua)
{
    char         tail[MXT_AGENT_STEP];
    size_t       left;
    unsigned     mask;
    const char  *p;

    s->seen = 0;
    s->start = ua->len ? ua->data : "";
    s->last = s->start + ua->len;

    for (p = s->start; p < s->last; p += MXT_AGENT_STEP) {

        left = (size_t) (s->last - p);

        if (left >= MXT_AGENT_STEP) {
            mask = mxt_agent_mask(p);

        } else {
            memset(tail, 0, sizeof(tail));
            memcpy(tail, p, left);
            mask = mxt_agent_mask(tail);
        }

        for ( /* void */ ; mask; mask &= mask - 1) {
            mxt_agent_look(s, p + __builtin_ctz(mask));
        }

        if (left < MXT_AGENT_STEP) {
            break;
        }
    }
}


/* a bit for each byte of 16 at which a word may be found */

#if (MXT_AGENT_SSE2)

static inline unsigned
mxt_agent_mask(const char *p)
{
    __m128i  v, m;

    v = _mm_loadu_si128((const __m128i *) (const void *) p);

    /* a capital: moved down to where signed bytes begin */
    m = _mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(128 - 'A')),
                       _mm_set1_epi8(-128 + 26));

    /* b, c, f and g; p and x: but for these bits they are the same */
    m = _mm_or_si128(m, _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8(~5)),
                                       _mm_set1_epi8('b')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8(~8)),
                                       _mm_set1_epi8('p')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('w')));

    return (unsigned) _mm_movemask_epi8(m);
}

#else

static inline unsigned
mxt_agent_mask(const char *p)
{
    unsigned  i, mask;

    static const unsigned char  rare[256] = {
        ['A' ... 'Z'] = 1,
        ['b'] = 1, ['c'] = 1, ['f'] = 1, ['g'] = 1,
        ['p'] = 1, ['w'] = 1, ['x'] = 1
    };

    mask = 0;

    for (i = 0; i < MXT_AGENT_STEP; i++) {
        mask |= (unsigned) rare[(unsigned char) p[i]] << i;
    }

    return mask;
}

#endif


/* the words around p; a letter's case falls through to what is looked for in
 * any case */

static inline void
mxt_agent_look(mxt_agent_scan_t *s, const char *p)
{
    switch (*p) {

    case 'A':
        (void) (mxt_agent_try(s, p, "Android", MXT_AGENT_ANDROID)
                || mxt_agent_try(s, p, "AppleWebKit", MXT_AGENT_WEBKIT));
        return;

    case 'C':
        (void) (mxt_agent_try(s, p, "Chrome", MXT_AGENT_CHROME)
                || mxt_agent_try(s, p, "CriOS", MXT_AGENT_CRIOS)
                || mxt_agent_try(s, p, "CrOS", MXT_AGENT_CROS));
        /* fall through */

    case 'c':
        mxt_agent_c(s, p);
        return;

    case 'E':
        (void) (mxt_agent_try(s, p, "Edg/", MXT_AGENT_EDGE)
                || mxt_agent_try(s, p, "Edge", MXT_AGENT_EDGE));
        return;

    case 'F':
        (void) (mxt_agent_try(s, p, "Firefox", MXT_AGENT_FIREFOX)
                || mxt_agent_try(s, p, "FBIOS", MXT_AGENT_FBIOS)
                || mxt_agent_try(s, p, "FxiOS", MXT_AGENT_FXIOS));
        /* fall through */

    case 'f':
        mxt_agent_f(s, p);
        return;

    case 'G':
        (void) (mxt_agent_try(s, p, "Gecko", MXT_AGENT_GECKO)
                || mxt_agent_try(s, p, "GTmetrix", MXT_AGENT_BOT));
        /* fall through */

    case 'g':
        mxt_agent_g(s, p);
        return;

    case 'H':
        (void) mxt_agent_try(s, p, "Headless", MXT_AGENT_BOT);
        return;

    case 'I':
        (void) mxt_agent_try(s, p, "IEMobile", MXT_AGENT_IEMOBILE);
        return;

    case 'K':
        (void) mxt_agent_try(s, p, "Konqueror", MXT_AGENT_KONQUEROR);
        return;

    case 'L':
        (void) mxt_agent_try(s, p, "Linux", MXT_AGENT_LINUX);
        return;

    case 'M':
        (void) (mxt_agent_try(s, p, "Mobile", MXT_AGENT_MOBILE)
                || mxt_agent_try(s, p, "MSIE", MXT_AGENT_MSIE)
                || mxt_agent_try(s, p, "Mini", MXT_AGENT_MINI));
        return;

    case 'O':
        mxt_agent_opera(s, p);
        return;

    case 'P':
        mxt_agent_phone(s, p);
        /* fall through */

    case 'p':
        mxt_agent_p(s, p);
        return;

    case 'S':
        (void) (mxt_agent_try(s, p, "SamsungBrowser/", MXT_AGENT_SAMSUNG)
                || mxt_agent_try(s, p, "Synthetic", MXT_AGENT_BOT)
                || mxt_agent_try(s, p, "Selenium", MXT_AGENT_BOT)
                || mxt_agent_try(s, p, "StatusCake", MXT_AGENT_BOT)
                || mxt_agent_try(s, p, "Site24x7", MXT_AGENT_BOT));
        return;

    case 'T':
        (void) mxt_agent_try(s, p, "Trident/", MXT_AGENT_MSIE);
        return;

    case 'U':
        (void) (mxt_agent_try(s, p, "UCWEB", MXT_AGENT_UC)
                || mxt_agent_try(s, p, "UCBrowser", MXT_AGENT_UC));
        return;

    case 'V':
        (void) mxt_agent_try(s, p, "Version/", MXT_AGENT_VERSION);
        return;

    case 'W':
        (void) (mxt_agent_try(s, p, "Whale/", MXT_AGENT_WHALE)
                || mxt_agent_try(s, p, "WPDesktop", MXT_AGENT_WPDESKTOP));
        /* fall through */

    case 'w':
        mxt_agent_w(s, p);
        return;

    case 'B':
    case 'b':
        mxt_agent_b(s, p);
        return;

    case 'X':
    case 'x':
        if (mxt_agent_behind(s, p, "yande")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;
    }
}


static inline void
mxt_agent_opera(mxt_agent_scan_t *s, const char *p)
{
    if (mxt_agent_try(s, p, "OPR/", MXT_AGENT_OPERA_VERSION)) {

        if (p > s->start && p[-1] == ' ') {
            mxt_agent_set(s, MXT_AGENT_OPERA);
        }

    } else if (mxt_agent_try(s, p, "Opera/", MXT_AGENT_OPERA_VERSION)
               || mxt_agent_is(s, p, "Opera "))
    {
        mxt_agent_set(s, MXT_AGENT_PRESTO);
    }
}


static inline void
mxt_agent_phone(mxt_agent_scan_t *s, const char *p)
{
    if (p > s->start && p[-1] == 'i') {

        if (mxt_agent_try(s, p, "Phone", MXT_AGENT_IPHONE)) {
            mxt_agent_set(s, MXT_AGENT_PHONE);
            return;
        }

        (void) (mxt_agent_try(s, p, "Pad", MXT_AGENT_IPAD)
                || mxt_agent_try(s, p, "Pod", MXT_AGENT_IPOD));
        return;
    }

    (void) (mxt_agent_try(s, p, "Phone", MXT_AGENT_PHONE)
            || mxt_agent_try(s, p, "PhantomJS", MXT_AGENT_BOT)
            || mxt_agent_try(s, p, "Pingdom", MXT_AGENT_BOT)
            || mxt_agent_try(s, p, "Playwright", MXT_AGENT_BOT)
            || mxt_agent_try(s, p, "PTST/", MXT_AGENT_BOT));
}


/* what has a b in it, which decides little: the byte behind it does */

static inline void
mxt_agent_b(mxt_agent_scan_t *s, const char *p)
{
    switch (mxt_agent_next(s, p)) {

    case 'o':
        mxt_agent_bot(s, p);
        return;

    case 'a':
        if (mxt_agent_word(s, p, "baiduspider")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case 'b':
        if (mxt_agent_word(s, p, "bb10")) {
            mxt_agent_set(s, MXT_AGENT_BLACKBERRY);
        }

        return;

    case 'i':
        if (mxt_agent_word(s, p, "bingpreview")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case 'l':
        if (mxt_agent_word(s, p, "blackberry")) {
            mxt_agent_set(s, MXT_AGENT_BLACKBERRY);

        } else if (mxt_agent_around(s, p, "googlewe", "blight")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case ' ':
        if (mxt_agent_around(s, p, "google we", "b preview")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case '-':
        if (mxt_agent_around(s, p, "duplexwe", "b-google")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;
    }
}


/* a bot, or a book */

static void
mxt_agent_bot(mxt_agent_scan_t *s, const char *p)
{
    if (mxt_agent_word(s, p, "book")) {

        if (mxt_agent_behind(s, p, "play")) {
            mxt_agent_set(s, MXT_AGENT_BLACKBERRY);

        } else if (mxt_agent_around(s, p, "face", "bookexternal")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;
    }

    if (!mxt_agent_word(s, p, "bot")) {
        return;
    }

    if (mxt_agent_behind(s, p, "google")
        || mxt_agent_behind(s, p, "bing")
        || mxt_agent_behind(s, p, "amazon")
        || mxt_agent_behind(s, p, "ahrefs")
        || mxt_agent_behind(s, p, "petal")
        || mxt_agent_around(s, p, "ads", "bot-google")
        || mxt_agent_around(s, p, "store", "bot-google"))
    {
        mxt_agent_set(s, MXT_AGENT_BLOCKED);
        return;
    }

    if (s->last - p > 3 && mxt_agent_is_letter((unsigned char) p[3])) {
        return;
    }

    if (!mxt_agent_behind(s, p, "cu")) {
        mxt_agent_set(s, MXT_AGENT_BOT);
    }
}


static inline void
mxt_agent_c(mxt_agent_scan_t *s, const char *p)
{
    if (mxt_agent_prev(s, p) == 'a' && mxt_agent_behind(s, p, "ma")) {
        mxt_agent_set(s, MXT_AGENT_MAC);
    }

    switch (mxt_agent_next(s, p)) {

    case 'h':
        if (mxt_agent_word(s, p, "check")) {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        return;

    case 'o':
        if (mxt_agent_word(s, p, "compatible")) {
            mxt_agent_set(s, MXT_AGENT_COMPATIBLE);
        }

        return;

    case 'r':
        if (mxt_agent_word(s, p, "crawl")) {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        return;
    }
}


static inline void
mxt_agent_f(mxt_agent_scan_t *s, const char *p)
{
    switch (mxt_agent_prev(s, p)) {

    case 'e':
        if (mxt_agent_around(s, p, "ahre", "fssiteaudit")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case ' ':
        if (mxt_agent_around(s, p, "google ", "favicon")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;
    }
}


static inline void
mxt_agent_g(mxt_agent_scan_t *s, const char *p)
{
    if (mxt_agent_next(s, p) == 'o' && mxt_agent_word(s, p, "google")) {

        if (mxt_agent_word(s, p, "google-read-aloud")
            || mxt_agent_behind(s, p, "apis-")
            || mxt_agent_behind(s, p, "feedfetcher-")
            || mxt_agent_behind(s, p, "mediapartners-"))
        {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);

        } else if (mxt_agent_word(s, p, "google-")
                   || mxt_agent_word(s, p, "googleother")
                   || mxt_agent_word(s, p, "googleimageproxy"))
        {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }
    }

    switch (mxt_agent_prev(s, p)) {

    case 'i':
        if (mxt_agent_around(s, p, "chrome-li", "ghthouse")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case 'o':
        if (mxt_agent_behind(s, p, "screaming fro")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;
    }
}


static inline void
mxt_agent_p(mxt_agent_scan_t *s, const char *p)
{
    switch (mxt_agent_prev(s, p)) {

    case 'a':
        if (mxt_agent_behind(s, p, "scra")) {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        break;

    case 'r':
        if (mxt_agent_behind(s, p, "yahoo! slur")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        break;

    case 's':
        if (mxt_agent_word(s, p, "pider")
            && !(s->last - p > 5
                 && mxt_agent_is_letter((unsigned char) p[5])))
        {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        break;

    case 't':
        if (mxt_agent_behind(s, p, "htt")
            && (mxt_agent_word(s, p, "p://")
                || mxt_agent_word(s, p, "ps://")))
        {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        break;
    }

    switch (mxt_agent_next(s, p)) {

    case 'i':
        if (mxt_agent_word(s, p, "pinterest")) {
            mxt_agent_set(s, MXT_AGENT_BLOCKED);
        }

        return;

    case 'r':
        if (mxt_agent_word(s, p, "preview")) {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        return;
    }
}


static inline void
mxt_agent_w(mxt_agent_scan_t *s, const char *p)
{
    switch (mxt_agent_next(s, p)) {

    case 'i':
        if (mxt_agent_is(s, p, "Windows")
            || mxt_agent_word(s, p, "windows"))
        {
            mxt_agent_set(s, MXT_AGENT_WINDOWS);

            if (mxt_agent_is(s, p + 7, " ")
                && mxt_agent_next(s, p + 7) == 'p'
                && mxt_agent_word(s, p + 8, "phone"))
            {
                mxt_agent_set(s, MXT_AGENT_WINDOWS_PHONE);
            }
        }

        return;

    case 'w':
        if (mxt_agent_word(s, p, "www.")) {
            mxt_agent_set(s, MXT_AGENT_BOT);
        }

        return;
    }
}


/* if the word, in this case, is at p, the bit is set */

static inline unsigned
mxt_agent_try_word(mxt_agent_scan_t *s, const char *p, const char *word,
    size_t len, unsigned n)
{
    if ((size_t) (s->last - p) < len || memcmp(p, word, len) != 0) {
        return 0;
    }

    if (n < MXT_AGENT_BITS_PLACES && !(s->seen & mxt_agent_bit(n))) {
        s->at[n] = p + len;
    }

    s->seen |= mxt_agent_bit(n);

    return 1;
}


/* do the n bytes at p begin with the word, given in small letters */

static unsigned
mxt_agent_fold(const char *p, size_t n, const char *word, size_t len)
{
    size_t  i;

    if (n < len) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (p[i] == word[i]) {
            continue;
        }

        if (word[i] < 'a' || word[i] > 'z' || (p[i] | 0x20) != word[i]) {
            return 0;
        }
    }

    return 1;
}


static unsigned
mxt_agent_is_letter(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}
