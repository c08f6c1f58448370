
/*
 * The client of a request: see mxt_agent.h for the promises.
 *
 * The user agent is read once, by mxt_agent_scan(), which leaves a set of
 * bits.  Those of browsers are in the SDK's order of precedence, so that the
 * lowest one is the browser.
 */


#include <string.h>

#include "mxt_agent_hints.h"
#include "mxt_agent_scan.h"


#define MXT_AGENT_OPERA_MINI     MXT_AGENT_BITS_BROWSERS
#define MXT_AGENT_MOBILE_SAFARI  (MXT_AGENT_BITS_BROWSERS + 1)
#define MXT_AGENT_UNKNOWN        (MXT_AGENT_BITS_BROWSERS + 2)

/* a bit of none that was seen */
#define MXT_AGENT_ANY            mxt_agent_bit(63)

#define mxt_agent_text(t)        { t, sizeof(t) - 1 }
#define mxt_agent_is_digit(p, last)                                          \
    ((p) < (last) && *(p) >= '0' && *(p) <= '9')


typedef struct {
    mxt_agent_text_t  name;

    /* what its version follows: the first that a digit comes after */
    mxt_agent_text_t  before[2];

    /* the bit whose place the scan remembers, for a word with a slash or
     * before one; or 0 */
    unsigned          mark;
} mxt_agent_browser_t;


typedef struct {
    uint64_t          bits;
    mxt_agent_text_t  text;
} mxt_agent_name_t;


static unsigned mxt_agent_browser(uint64_t seen);
static void mxt_agent_os(mxt_agent_t *a, uint64_t seen);
static const char *mxt_agent_version(const mxt_agent_scan_t *s, unsigned n);
static const char *mxt_agent_after(const char *p, const char *last,
    const mxt_agent_text_t *word);
static const char *mxt_agent_after_android(const char *p, const char *last);


/* in the SDK's orders, which are not the same */

static const mxt_agent_name_t  mxt_agent_systems[] = {
    { mxt_agent_bit(MXT_AGENT_WINDOWS), mxt_agent_text("Windows") },
    { mxt_agent_bit(MXT_AGENT_IPHONE)
      | mxt_agent_bit(MXT_AGENT_IPAD)
      | mxt_agent_bit(MXT_AGENT_IPOD), mxt_agent_text("iOS") },
    { mxt_agent_bit(MXT_AGENT_ANDROID), mxt_agent_text("Android") },
    { mxt_agent_bit(MXT_AGENT_BLACKBERRY), mxt_agent_text("BlackBerry") },
    { mxt_agent_bit(MXT_AGENT_MAC), mxt_agent_text("Mac OS X") },
    { mxt_agent_bit(MXT_AGENT_LINUX), mxt_agent_text("Linux") },
    { mxt_agent_bit(MXT_AGENT_CROS), mxt_agent_text("Chrome OS") },
    { MXT_AGENT_ANY, mxt_agent_text("") }
};


static const mxt_agent_name_t  mxt_agent_devices[] = {
    { mxt_agent_bit(MXT_AGENT_WINDOWS_PHONE)
      | mxt_agent_bit(MXT_AGENT_WPDESKTOP), mxt_agent_text("Windows Phone") },
    { mxt_agent_bit(MXT_AGENT_IPAD), mxt_agent_text("iPad") },
    { mxt_agent_bit(MXT_AGENT_IPOD), mxt_agent_text("iPod Touch") },
    { mxt_agent_bit(MXT_AGENT_IPHONE), mxt_agent_text("iPhone") },
    { mxt_agent_bit(MXT_AGENT_BLACKBERRY), mxt_agent_text("BlackBerry") },
    { mxt_agent_bit(MXT_AGENT_ANDROID), mxt_agent_text("Android") },
    { MXT_AGENT_ANY, mxt_agent_text("") }
};


/* by their bits */

static const mxt_agent_browser_t  mxt_agent_browsers[] = {

    [MXT_AGENT_OPERA] =
        { mxt_agent_text("Opera"),
          { mxt_agent_text("OPR/"), mxt_agent_text("Opera/") },
          MXT_AGENT_OPERA_VERSION },

    [MXT_AGENT_BLACKBERRY] =
        { mxt_agent_text("BlackBerry"),
          { mxt_agent_text("BlackBerry ") }, 0 },

    [MXT_AGENT_IEMOBILE] =
        { mxt_agent_text("Internet Explorer Mobile"),
          { mxt_agent_text("rv:") }, 0 },

    [MXT_AGENT_SAMSUNG] =
        { mxt_agent_text("Samsung Internet"),
          { mxt_agent_text("SamsungBrowser/") }, MXT_AGENT_SAMSUNG },

    [MXT_AGENT_EDGE] =
        { mxt_agent_text("Microsoft Edge"),
          { mxt_agent_text("Edg/"), mxt_agent_text("Edge/") },
          MXT_AGENT_EDGE },

    [MXT_AGENT_FBIOS] =
        { .name = mxt_agent_text("Facebook Mobile") },

    [MXT_AGENT_WHALE] =
        { mxt_agent_text("Whale Browser"),
          { mxt_agent_text("Whale/") }, MXT_AGENT_WHALE },

    [MXT_AGENT_CHROME] =
        { mxt_agent_text("Chrome"),
          { mxt_agent_text("Chrome/") }, MXT_AGENT_CHROME },

    [MXT_AGENT_CRIOS] =
        { mxt_agent_text("Chrome iOS"),
          { mxt_agent_text("CriOS/") }, MXT_AGENT_CRIOS },

    [MXT_AGENT_UC] =
        { mxt_agent_text("UC Browser"),
          { mxt_agent_text("UCBrowser/"), mxt_agent_text("UCWEB/") }, 0 },

    [MXT_AGENT_FXIOS] =
        { mxt_agent_text("Firefox iOS"),
          { mxt_agent_text("FxiOS/") }, MXT_AGENT_FXIOS },

    [MXT_AGENT_WEBKIT] =
        { mxt_agent_text("Safari"),
          { mxt_agent_text("Version/") }, MXT_AGENT_VERSION },

    /* its version has a rule of its own */
    [MXT_AGENT_ANDROID] =
        { .name = mxt_agent_text("Android Mobile") },

    [MXT_AGENT_KONQUEROR] =
        { mxt_agent_text("Konqueror"),
          { mxt_agent_text("Konqueror:") }, 0 },

    [MXT_AGENT_FIREFOX] =
        { mxt_agent_text("Firefox"),
          { mxt_agent_text("Firefox/") }, MXT_AGENT_FIREFOX },

    [MXT_AGENT_MSIE] =
        { mxt_agent_text("Internet Explorer"),
          { mxt_agent_text("rv:"), mxt_agent_text("MSIE ") }, 0 },

    [MXT_AGENT_GECKO] =
        { mxt_agent_text("Mozilla"),
          { mxt_agent_text("rv:") }, 0 },

    [MXT_AGENT_OPERA_MINI] =
        { .name = mxt_agent_text("Opera Mini") },

    [MXT_AGENT_MOBILE_SAFARI] =
        { mxt_agent_text("Mobile Safari"),
          { mxt_agent_text("Version/") }, MXT_AGENT_VERSION },

    [MXT_AGENT_UNKNOWN] =
        { .name = mxt_agent_text("") }
};


void
mxt_agent(mxt_agent_t *a, const mxt_agent_headers_t *h)
{
    unsigned           n;
    const char        *p;
    mxt_agent_scan_t   s;

    mxt_agent_scan(&s, &h->user_agent);

    n = mxt_agent_browser(s.seen);

    a->browser = mxt_agent_browsers[n].name;

    a->version.data = "";
    a->version.len = 0;

    p = mxt_agent_version(&s, n);

    if (p) {
        mxt_agent_number(&a->version, p, s.last);
    }

    mxt_agent_os(a, s.seen);

    a->blocked = (s.seen & mxt_agent_bit(MXT_AGENT_BLOCKED)) != 0;
    a->bot = a->blocked
             || (s.seen & mxt_agent_bit(MXT_AGENT_BOT)) != 0
             || mxt_agent_is_odd(&h->user_agent, s.seen);

    mxt_agent_hints(a, h);
}


static unsigned
mxt_agent_browser(uint64_t seen)
{
    unsigned  n;

    /* window.opera */

    if ((seen & mxt_agent_bit(MXT_AGENT_PRESTO))
        && !(seen & mxt_agent_bit(MXT_AGENT_WEBKIT)))
    {
        seen |= mxt_agent_bit(MXT_AGENT_OPERA);
    }

    if (seen & mxt_agent_bit(MXT_AGENT_WPDESKTOP)) {
        seen |= mxt_agent_bit(MXT_AGENT_IEMOBILE);
    }

    /* navigator.vendor */

    if (seen & mxt_agent_bit(MXT_AGENT_ANDROID)) {
        seen &= ~mxt_agent_bit(MXT_AGENT_WEBKIT);
    }

    if (!(seen & MXT_AGENT_ANY_BROWSER)) {
        return MXT_AGENT_UNKNOWN;
    }

    n = (unsigned) __builtin_ctzll(seen);

    if (n == MXT_AGENT_OPERA && (seen & mxt_agent_bit(MXT_AGENT_MINI))) {
        return MXT_AGENT_OPERA_MINI;
    }

    if (n == MXT_AGENT_WEBKIT && (seen & mxt_agent_bit(MXT_AGENT_MOBILE))) {
        return MXT_AGENT_MOBILE_SAFARI;
    }

    return n;
}


static void
mxt_agent_os(mxt_agent_t *a, uint64_t seen)
{
    const mxt_agent_name_t  *name;

    /* the last one has it */
    seen |= MXT_AGENT_ANY;

    for (name = mxt_agent_systems; !(name->bits & seen); name++) {
        /* void */
    }

    a->os = name->text;

    for (name = mxt_agent_devices; !(name->bits & seen); name++) {
        /* void */
    }

    a->device = name->text;

    if ((seen & mxt_agent_bit(MXT_AGENT_WINDOWS))
        && (seen & (mxt_agent_bit(MXT_AGENT_PHONE)
                    | mxt_agent_bit(MXT_AGENT_WPDESKTOP))))
    {
        a->os = mxt_agent_devices[0].text;
    }
}


/* where the browser's version begins; NULL if nowhere */

static const char *
mxt_agent_version(const mxt_agent_scan_t *s, unsigned n)
{
    const char                 *p, *q;
    const mxt_agent_browser_t  *b;

    b = &mxt_agent_browsers[n];

    if (n == MXT_AGENT_ANDROID) {
        return mxt_agent_after_android(s->start, s->last);
    }

    if (b->mark) {

        if (!(s->seen & mxt_agent_bit(b->mark))) {
            return NULL;
        }

        p = s->at[b->mark];

        if (p[-1] != '/' && p < s->last && *p == '/') {
            p++;
        }

        if (p[-1] == '/' && mxt_agent_is_digit(p, s->last)) {
            return p;
        }
    }

    if (b->before[0].len == 0) {
        return NULL;
    }

    p = mxt_agent_after(s->start, s->last, &b->before[0]);

    if (b->before[1].len) {
        q = mxt_agent_after(s->start, s->last, &b->before[1]);

        if (q && (p == NULL
                  || q - b->before[1].len < p - b->before[0].len))
        {
            p = q;
        }
    }

    return p;
}


/* the first digit that comes after the word */

static const char *
mxt_agent_after(const char *p, const char *last, const mxt_agent_text_t *word)
{
    while (p < last) {

        p = memmem(p, (size_t) (last - p), word->data, word->len);

        if (p == NULL) {
            break;
        }

        p += word->len;

        if (mxt_agent_is_digit(p, last)) {
            return p;
        }
    }

    return NULL;
}


/* what the SDK looks for is spelled as in no Android's user agent, and hence
 * its version mostly none */

static const char *
mxt_agent_after_android(const char *p, const char *last)
{
    static const char  word[] = "android";

    while (p < last) {

        p = memmem(p, (size_t) (last - p), word, sizeof(word) - 1);

        if (p == NULL) {
            break;
        }

        p += sizeof(word) - 1;

        if (p < last && (*p == ' ' || (*p >= '\t' && *p <= '\r'))
            && mxt_agent_is_digit(p + 1, last))
        {
            return p + 1;
        }
    }

    return NULL;
}
