
/*
 * The client of a request, named as Mixpanel's SDK for browsers names it.
 *
 * The invariant: for the same browser the values are those of the SDK, in
 * its order of precedence and with its errors (Firefox on Android is "Android
 * Mobile", Edge on iOS is "Mobile Safari"), so that the events of a server
 * and of a page fall into the same groups.
 *
 * The SDK also looks at what no header has:
 * - window.opera, which Presto had, is "Opera/" or "Opera " in a user agent
 *   without "AppleWebKit";
 * - navigator.vendor, for what it decides, is Apple's when there is
 *   "AppleWebKit" and no "Android" (and, all the engines built on it being
 *   found before, no Chrome).
 *
 * An iPad with iPadOS 13 or later sends a Mac's user agent unless the page
 * is set to be asked for as a mobile one.  To the SDK it is "Safari" on "Mac
 * OS X" without a device, and so it is here; nothing in a request tells.
 */


#ifndef MXT_AGENT_H
#define MXT_AGENT_H


#include <stddef.h>


/* any bytes, not terminated; data may be NULL when len is 0 */

typedef struct {
    const char        *data;
    size_t             len;
} mxt_agent_text_t;


/*
 * The headers; one that is absent is empty.  Sec-CH-UA-Mobile, -Model and
 * -Platform-Version are not asked for: the SDK has no value that they could
 * tell ("Windows" is 10 and 11, a telephone with Android is "Android", and so
 * is a tablet).
 */

typedef struct {
    mxt_agent_text_t   user_agent;
    mxt_agent_text_t   brands;      /* Sec-CH-UA */
    mxt_agent_text_t   versions;    /* Sec-CH-UA-Full-Version-List */
    mxt_agent_text_t   platform;    /* Sec-CH-UA-Platform */
} mxt_agent_headers_t;


typedef struct {
    mxt_agent_text_t   browser;
    mxt_agent_text_t   version;     /* a JSON number, as short as it can be */
    mxt_agent_text_t   os;
    mxt_agent_text_t   device;
    unsigned           blocked:1;   /* the SDK would send nothing */
    unsigned           bot:1;       /* that, or no human to all appearance */
} mxt_agent_t;


#pragma GCC visibility push(hidden)


/*
 * Tells who sent h.  What is not known has the length 0, and no data is ever
 * NULL.  Browser, os and device are constants; the version lies in h's bytes.
 * It has at most 15 digits, which a double holds exactly; a longer one is
 * none.
 *
 * The client hints fill in what the user agent does not tell, each by
 * itself: the browser, its version, and the os with the device.  So a user
 * agent frozen by Chromium's reduction keeps the SDK's values: Windows 11 is
 * "Windows", the model "K" is "Android", Brave and Vivaldi are "Chrome".
 * Malformed hints are as none.
 *
 * blocked is the SDK's own list of crawlers, anywhere in the user agent and
 * in any case; so the browsers within the apps of Pinterest and Yandex are
 * blocked, too, as in the SDK.  bot, which is $mixtrack_bot, is 1 for them
 * and for
 * - "bot" and "spider" at the end of a word ("Cubot", a maker of telephones,
 *   excepted); "crawl", "scrap", "check" and "preview" anywhere; in any case;
 * - a web address ("http://", "https://", "www."), which no browser sends;
 * - browsers without a head, also by their hints, what drives browsers, well
 *   known monitors, and what Google calls "Google-...";
 * - "compatible", without the browsers that said so long ago;
 * - HTTP libraries, command line clients and services, by how the user agent
 *   begins; so those apps are bots, too, that have no name but their
 *   library's, while one with a name of its own is none;
 * - "Mozilla/5.0" and no more, and a user agent without a letter.
 * Who sends no user agent has said nothing: that is no bot, as in the SDK.
 *
 * One pass for nearly all of it, and time linear in the lengths.
 */
void mxt_agent(mxt_agent_t *a, const mxt_agent_headers_t *h);


#pragma GCC visibility pop


#endif /* MXT_AGENT_H */
