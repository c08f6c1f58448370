/* link: src/core/mxt_agent_scan.c src/core/mxt_agent_hints.c */

/*
 * Fuzzes what tells browsers: the input is the headers, a line for each,
 * first the user agent.  Oracles are the SDK's rules as they read, one search
 * over the user agent for each word; what the results may be made of; that
 * hints add to the user agent's values and never change them; and that what is
 * remembered is what was found.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../src/core/mxt_agent.c"
#include "../../src/core/mxt_agent_odd.c"
#include "../../src/core/mxt_agent_memo.c"


#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static mxt_agent_text_t  ua;
static char              folded[65536];


/* is the word in the user agent */

static unsigned
has(const char *word)
{
    return ua.len && memmem(ua.data, ua.len, word, strlen(word)) != NULL;
}


/* in any case, the word in small letters */

static unsigned
has_fold(const char *word)
{
    return ua.len && memmem(folded, ua.len, word, strlen(word)) != NULL;
}


static void
fold(void)
{
    size_t  i;

    for (i = 0; i < ua.len; i++) {
        folded[i] = ua.data[i];

        if (folded[i] >= 'A' && folded[i] <= 'Z') {
            folded[i] = (char) (folded[i] + 32);
        }
    }
}


static unsigned
is_blackberry(void)
{
    return has_fold("blackberry") || has_fold("playbook") || has_fold("bb10");
}


static const char *
browser(void)
{
    unsigned  webkit;

    webkit = has("AppleWebKit");

    if (has(" OPR/") || ((has("Opera/") || has("Opera ")) && !webkit)) {
        return has("Mini") ? "Opera Mini" : "Opera";
    }

    return is_blackberry() ? "BlackBerry"
           : has("IEMobile") || has("WPDesktop") ? "Internet Explorer Mobile"
           : has("SamsungBrowser/") ? "Samsung Internet"
           : has("Edge") || has("Edg/") ? "Microsoft Edge"
           : has("FBIOS") ? "Facebook Mobile"
           : has("Whale/") ? "Whale Browser"
           : has("Chrome") ? "Chrome"
           : has("CriOS") ? "Chrome iOS"
           : has("UCWEB") || has("UCBrowser") ? "UC Browser"
           : has("FxiOS") ? "Firefox iOS"
           : webkit && !has("Android")
             ? (has("Mobile") ? "Mobile Safari" : "Safari")
           : has("Android") ? "Android Mobile"
           : has("Konqueror") ? "Konqueror"
           : has("Firefox") ? "Firefox"
           : has("MSIE") || has("Trident/") ? "Internet Explorer"
           : has("Gecko") ? "Mozilla"
           : "";
}


static const char *
os(void)
{
    return has_fold("windows")
             ? (has("Phone") || has("WPDesktop") ? "Windows Phone"
                                                 : "Windows")
           : has("iPhone") || has("iPad") || has("iPod") ? "iOS"
           : has("Android") ? "Android"
           : is_blackberry() ? "BlackBerry"
           : has_fold("mac") ? "Mac OS X"
           : has("Linux") ? "Linux"
           : has("CrOS") ? "Chrome OS"
           : "";
}


static const char *
device(void)
{
    return has_fold("windows phone") || has("WPDesktop") ? "Windows Phone"
           : has("iPad") ? "iPad"
           : has("iPod") ? "iPod Touch"
           : has("iPhone") ? "iPhone"
           : is_blackberry() ? "BlackBerry"
           : has("Android") ? "Android"
           : "";
}


static unsigned
blocked(void)
{
    size_t  i;

    static const char *const  names[] = {
        "ahrefsbot", "ahrefssiteaudit", "amazonbot", "baiduspider",
        "bingbot", "bingpreview", "chrome-lighthouse", "facebookexternal",
        "petalbot", "pinterest", "screaming frog", "yahoo! slurp", "yandex",
        "adsbot-google", "apis-google", "duplexweb-google",
        "feedfetcher-google", "google favicon", "google web preview",
        "google-read-aloud", "googlebot", "googleweblight",
        "mediapartners-google", "storebot-google"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (has_fold(names[i])) {
            return 1;
        }
    }

    return 0;
}


static unsigned
is(const mxt_agent_text_t *got, const char *want)
{
    return got->data != NULL && got->len == strlen(want)
           && memcmp(got->data, want, got->len) == 0;
}


/* the place of the first digit behind any of the words */

static const char *
version_at(const char *const *words)
{
    size_t       i, n;
    const char  *p;

    for (i = 0; i < ua.len; i++) {
        for (n = 0; words[n]; n++) {

            if (ua.len - i <= strlen(words[n])
                || memcmp(ua.data + i, words[n], strlen(words[n])) != 0)
            {
                continue;
            }

            p = ua.data + i + strlen(words[n]);

            if (*p >= '0' && *p <= '9') {
                return p;
            }
        }
    }

    return NULL;
}


/* the value of a version, for the browsers whose rule is of this kind */

static void
fuzz_version(const mxt_agent_t *a)
{
    char         text[64];
    size_t       i, n;
    double       want;
    unsigned     points;
    const char  *p;

    static const char *const  rules[][4] = {
        { "Opera", "Opera/", "OPR/" },
        { "BlackBerry", "BlackBerry " },
        { "Internet Explorer Mobile", "rv:" },
        { "Samsung Internet", "SamsungBrowser/" },
        { "Microsoft Edge", "Edge/", "Edg/" },
        { "Facebook Mobile" },
        { "Whale Browser", "Whale/" },
        { "Chrome", "Chrome/" },
        { "Chrome iOS", "CriOS/" },
        { "UC Browser", "UCBrowser/", "UCWEB/" },
        { "Firefox iOS", "FxiOS/" },
        { "Safari", "Version/" },
        { "Mobile Safari", "Version/" },
        { "Konqueror", "Konqueror:" },
        { "Firefox", "Firefox/" },
        { "Internet Explorer", "rv:", "MSIE " },
        { "Mozilla", "rv:" },
        { "Opera Mini" },
        { "" },
        { "Android Mobile", "android ", "android\t" }
    };

    for (i = 0; !is(&a->browser, rules[i][0]); i++) {
        check(i + 1 < sizeof(rules) / sizeof(rules[0]));
    }

    p = version_at(&rules[i][1]);

    if (p == NULL) {
        check(a->version.len == 0 || is(&a->browser, "Android Mobile"));
        return;
    }

    points = 0;

    for (n = 0; n < sizeof(text) - 1 && p + n < ua.data + ua.len; n++) {

        if (p[n] == '.') {
            points++;
        }

        if ((p[n] != '.' && (p[n] < '0' || p[n] > '9')) || points > 1) {
            break;
        }

        text[n] = p[n];
    }

    text[n] = '\0';

    /* it may be too long */

    if (a->version.len == 0) {
        check(n > 15);
        return;
    }

    if (n == sizeof(text) - 1) {
        return;
    }

    want = strtod(text, NULL);

    memcpy(text, a->version.data, a->version.len);
    text[a->version.len] = '\0';

    check(strtod(text, NULL) == want || is(&a->browser, "Android Mobile"));
}


static void
fuzz_number(const mxt_agent_text_t *version)
{
    json_t  *number;

    if (version->len == 0) {
        return;
    }

    check(version->len <= 16);

    number = json_loadb(version->data, version->len, JSON_DECODE_ANY, NULL);
    check(json_is_number(number));
    json_decref(number);

    if (memchr(version->data, '.', version->len)) {
        check(version->data[version->len - 1] != '0'
              && version->data[version->len - 1] != '.');
    }
}


static unsigned
within(const mxt_agent_text_t *part, const mxt_agent_text_t *all)
{
    return all->len && part->data >= all->data
           && part->data + part->len <= all->data + all->len;
}


static mxt_agent_text_t
line(const uint8_t **data, size_t *size)
{
    char              *copy;
    size_t             n;
    const uint8_t     *end;
    mxt_agent_text_t   text;

    end = *size ? memchr(*data, '\n', *size) : NULL;
    n = end ? (size_t) (end - *data) : *size;

    copy = n ? malloc(n) : NULL;

    if (n) {
        memcpy(copy, *data, n);
    }

    text.data = copy;
    text.len = n;

    n += (end != NULL);
    *data += n;
    *size -= n;

    return text;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned             i;
    mxt_agent_t          a, b;
    mxt_agent_headers_t  h, bare;

    if (size > sizeof(folded)) {
        return 0;
    }

    h.user_agent = line(&data, &size);
    h.brands = line(&data, &size);
    h.versions = line(&data, &size);
    h.platform = line(&data, &size);

    ua = h.user_agent;
    fold();

    memset(&bare, 0, sizeof(bare));
    bare.user_agent = ua;

    memset(&a, 0xff, sizeof(a));
    mxt_agent(&a, &bare);

    check(is(&a.browser, browser()));
    check(is(&a.os, os()));
    check(is(&a.device, device()));
    check(a.blocked == blocked());
    check(a.bot || !a.blocked);
    check(a.version.data != NULL);
    check(a.version.len == 0 || within(&a.version, &ua));

    fuzz_number(&a.version);
    fuzz_version(&a);

    memset(&b, 0xff, sizeof(b));
    mxt_agent(&b, &h);

    check(a.browser.len == 0 || b.browser.data == a.browser.data);
    check(a.version.len == 0 || b.version.data == a.version.data);
    check(a.os.len == 0 || b.os.data == a.os.data);
    check(a.os.len == 0 || b.device.data == a.device.data);
    check(b.blocked == a.blocked);
    check(b.bot >= a.bot);
    check(b.browser.data && b.version.data && b.os.data && b.device.data);
    check(b.version.len == 0 || within(&b.version, &ua)
          || within(&b.version, &h.brands)
          || within(&b.version, &h.versions));

    fuzz_number(&b.version);

    /* for the first time, perhaps, and then not */

    for (i = 0; i < 2; i++) {
        memset(&a, 0xff, sizeof(a));
        mxt_agent_memo(&a, &h);

        check(a.browser.data == b.browser.data);
        check(a.version.data == b.version.data);
        check(a.version.len == b.version.len);
        check(a.os.data == b.os.data && a.device.data == b.device.data);
        check(a.bot == b.bot && a.blocked == b.blocked);
    }

    free((void *) (uintptr_t) h.user_agent.data);
    free((void *) (uintptr_t) h.brands.data);
    free((void *) (uintptr_t) h.versions.data);
    free((void *) (uintptr_t) h.platform.data);

    return 0;
}
