
/*
 * What the client hints add to a user agent: see mxt_agent_hints.h.
 *
 * Sec-CH-UA and its full versions are a list of structured fields (RFC 8941):
 *
 *   "Not(A:Brand";v="99", "Google Chrome";v="121", "Chromium";v="121"
 *
 * It is read a string and its v at a time, and given up where it is no list.
 */


#include <string.h>

#include "mxt_agent_hints.h"


#define MXT_AGENT_DIGITS_MAX  15

#define mxt_agent_text(t)     { t, sizeof(t) - 1 }


typedef struct {
    mxt_agent_text_t  name;
    mxt_agent_text_t  v;
} mxt_agent_brand_t;


static unsigned mxt_agent_is_headless(const mxt_agent_text_t *list);
static unsigned mxt_agent_brands(const mxt_agent_text_t *list,
    const mxt_agent_text_t *browser, mxt_agent_text_t *v);
static unsigned mxt_agent_rank(const mxt_agent_text_t *name);
static const char *mxt_agent_item(const char *p, const char *last,
    mxt_agent_brand_t *brand);
static const char *mxt_agent_params(const char *p, const char *last,
    mxt_agent_text_t *v);
static const char *mxt_agent_string(const char *p, const char *last,
    mxt_agent_text_t *value);
static const char *mxt_agent_space(const char *p, const char *last);
static void mxt_agent_platform(mxt_agent_t *a, const mxt_agent_text_t *hint);
static unsigned mxt_agent_same(const mxt_agent_text_t *a,
    const mxt_agent_text_t *b);


/* what a parameter's name is made of */
static const char  mxt_agent_key[] =
    "abcdefghijklmnopqrstuvwxyz0123456789_-.*";


/* the first words of a brand, and what the SDK calls it; in the SDK's order,
 * for a browser names its parents, too */

static const struct {
    mxt_agent_text_t  brand;
    mxt_agent_text_t  browser;
} mxt_agent_known[] = {
    { mxt_agent_text("Opera"), mxt_agent_text("Opera") },
    { mxt_agent_text("Samsung Internet"), mxt_agent_text("Samsung Internet") },
    { mxt_agent_text("Microsoft Edge"), mxt_agent_text("Microsoft Edge") },
    { mxt_agent_text("Whale"), mxt_agent_text("Whale Browser") },
    { mxt_agent_text("Google Chrome"), mxt_agent_text("Chrome") },
    { mxt_agent_text("HeadlessChrome"), mxt_agent_text("Chrome") },
    { mxt_agent_text("Android WebView"), mxt_agent_text("Chrome") },
    { mxt_agent_text("Chromium"), mxt_agent_text("Chrome") }
};

#define MXT_AGENT_KNOWN                                                      \
    (sizeof(mxt_agent_known) / sizeof(mxt_agent_known[0]))


static const struct {
    mxt_agent_text_t  platform;
    mxt_agent_text_t  os;
    mxt_agent_text_t  device;
} mxt_agent_platforms[] = {
    { mxt_agent_text("Windows"),
      mxt_agent_text("Windows"), mxt_agent_text("") },
    { mxt_agent_text("macOS"),
      mxt_agent_text("Mac OS X"), mxt_agent_text("") },
    { mxt_agent_text("Android"),
      mxt_agent_text("Android"), mxt_agent_text("Android") },
    { mxt_agent_text("iOS"),
      mxt_agent_text("iOS"), mxt_agent_text("") },
    { mxt_agent_text("Linux"),
      mxt_agent_text("Linux"), mxt_agent_text("") },
    { mxt_agent_text("Chrome OS"),
      mxt_agent_text("Chrome OS"), mxt_agent_text("") },
    { mxt_agent_text("Chromium OS"),
      mxt_agent_text("Chrome OS"), mxt_agent_text("") }
};

#define MXT_AGENT_PLATFORMS                                                  \
    (sizeof(mxt_agent_platforms) / sizeof(mxt_agent_platforms[0]))


void
mxt_agent_hints(mxt_agent_t *a, const mxt_agent_headers_t *h)
{
    unsigned          n;
    mxt_agent_text_t  v;

    /* the only thing that a user agent may say otherwise */

    if (!a->bot && mxt_agent_is_headless(&h->brands)) {
        a->bot = 1;
    }

    if (a->os.len == 0 && h->platform.len) {
        mxt_agent_platform(a, &h->platform);
    }

    if (a->browser.len == 0) {
        n = mxt_agent_brands(&h->brands, NULL, &v);

        if (n == MXT_AGENT_KNOWN) {
            n = mxt_agent_brands(&h->versions, NULL, &v);
        }

        if (n == MXT_AGENT_KNOWN) {
            return;
        }

        a->browser = mxt_agent_known[n].browser;
    }

    if (a->version.len == 0
        && (mxt_agent_brands(&h->versions, &a->browser, &v) < MXT_AGENT_KNOWN
            || mxt_agent_brands(&h->brands, &a->browser, &v)
               < MXT_AGENT_KNOWN)
        && v.len && v.data[0] >= '0' && v.data[0] <= '9')
    {
        mxt_agent_number(&a->version, v.data, v.data + v.len);
    }
}


/* its capital is in few lists */

static unsigned
mxt_agent_is_headless(const mxt_agent_text_t *list)
{
    const char  *p, *last;

    static const char  headless[] = "HeadlessChrome";

    if (list->len == 0) {
        return 0;
    }

    p = list->data;
    last = p + list->len;

    for ( ;; ) {
        p = memchr(p, 'H', (size_t) (last - p));

        if (p == NULL || (size_t) (last - p) < sizeof(headless) - 1) {
            return 0;
        }

        if (memcmp(p, headless, sizeof(headless) - 1) == 0) {
            return 1;
        }

        p++;
    }
}


/* the best of the list that is known, and its version; of those which are
 * the browser, if one is given */

static unsigned
mxt_agent_brands(const mxt_agent_text_t *list, const mxt_agent_text_t *browser,
    mxt_agent_text_t *v)
{
    unsigned            n, best;
    const char         *p, *last;
    mxt_agent_brand_t   brand;

    best = MXT_AGENT_KNOWN;

    if (list->len == 0) {
        return best;
    }

    p = list->data;
    last = p + list->len;

    while (p) {
        p = mxt_agent_item(p, last, &brand);

        if (p == NULL) {
            break;
        }

        n = mxt_agent_rank(&brand.name);

        if (n < best
            && (browser == NULL
                || mxt_agent_same(&mxt_agent_known[n].browser, browser)))
        {
            best = n;
            *v = brand.v;
        }

        if (p == last) {
            return best;
        }

        p++;
    }

    return MXT_AGENT_KNOWN;
}


static unsigned
mxt_agent_rank(const mxt_agent_text_t *name)
{
    unsigned                 n;
    const mxt_agent_text_t  *brand;

    for (n = 0; n < MXT_AGENT_KNOWN; n++) {
        brand = &mxt_agent_known[n].brand;

        if (name->len >= brand->len
            && memcmp(name->data, brand->data, brand->len) == 0
            && (name->len == brand->len || name->data[brand->len] == ' '))
        {
            break;
        }
    }

    return n;
}


/* a string and its parameters; returns where the comma or the end is, or
 * NULL if that is not what is there */

static const char *
mxt_agent_item(const char *p, const char *last, mxt_agent_brand_t *brand)
{
    p = mxt_agent_string(mxt_agent_space(p, last), last, &brand->name);

    if (p == NULL) {
        return NULL;
    }

    p = mxt_agent_params(p, last, &brand->v);

    if (p == NULL) {
        return NULL;
    }

    p = mxt_agent_space(p, last);

    return (p == last || *p == ',') ? p : NULL;
}


static const char *
mxt_agent_params(const char *p, const char *last, mxt_agent_text_t *v)
{
    mxt_agent_text_t  key, value;

    v->data = "";
    v->len = 0;

    while (p < last && *p == ';') {

        p = mxt_agent_space(p + 1, last);
        key.data = p;

        while (p < last && strchr(mxt_agent_key, *p) && *p) {
            p++;
        }

        key.len = (size_t) (p - key.data);

        if (p == last || *p != '=') {
            continue;
        }

        p = mxt_agent_string(p + 1, last, &value);

        if (p == NULL) {
            break;
        }

        if (key.len == 1 && key.data[0] == 'v') {
            *v = value;
        }
    }

    return p;
}


/* what is between the quotes, its escapes left as they are; NULL if there
 * are none */

static const char *
mxt_agent_string(const char *p, const char *last, mxt_agent_text_t *value)
{
    if (p == last || *p != '"') {
        return NULL;
    }

    value->data = ++p;

    while (p < last && *p != '"') {
        p += (*p == '\\' && last - p > 1) ? 2 : 1;
    }

    if (p == last) {
        return NULL;
    }

    value->len = (size_t) (p - value->data);

    return p + 1;
}


static const char *
mxt_agent_space(const char *p, const char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}


static void
mxt_agent_platform(mxt_agent_t *a, const mxt_agent_text_t *hint)
{
    size_t             n;
    const char        *p, *last;
    mxt_agent_text_t   name;

    last = hint->data + hint->len;
    p = mxt_agent_string(mxt_agent_space(hint->data, last), last, &name);

    if (p == NULL || mxt_agent_space(p, last) != last) {
        return;
    }

    for (n = 0; n < MXT_AGENT_PLATFORMS; n++) {

        if (mxt_agent_same(&mxt_agent_platforms[n].platform, &name)) {
            a->os = mxt_agent_platforms[n].os;
            a->device = mxt_agent_platforms[n].device;
            break;
        }
    }
}


static unsigned
mxt_agent_same(const mxt_agent_text_t *a, const mxt_agent_text_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


void
mxt_agent_number(mxt_agent_text_t *out, const char *p, const char *last)
{
    size_t       digits;
    const char  *end, *point;

    while (last - p > 1 && p[0] == '0' && p[1] >= '0' && p[1] <= '9') {
        p++;
    }

    end = p;

    while (end < last && *end >= '0' && *end <= '9') {
        end++;
    }

    point = end;

    if (last - end > 1 && *end == '.' && end[1] >= '0' && end[1] <= '9') {
        end++;

        while (end < last && *end >= '0' && *end <= '9') {
            end++;
        }

        while (end[-1] == '0') {
            end--;
        }

        if (end - 1 == point) {
            end = point;
        }
    }

    digits = (size_t) (end - p) - (end > point);

    if (digits <= MXT_AGENT_DIGITS_MAX) {
        out->data = p;
        out->len = (size_t) (end - p);
    }
}
