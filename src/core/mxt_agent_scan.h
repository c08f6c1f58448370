
/*
 * What a user agent has in it, found in one pass: for mxt_agent.c alone.
 */


#ifndef MXT_AGENT_SCAN_H
#define MXT_AGENT_SCAN_H


#include <stdint.h>

#include "mxt_agent.h"


/* the browsers first, in the SDK's order of precedence */

enum {
    MXT_AGENT_OPERA = 0,            /* " OPR/" */
    MXT_AGENT_BLACKBERRY,           /* in any case, PlayBook and BB10, too */
    MXT_AGENT_IEMOBILE,
    MXT_AGENT_SAMSUNG,
    MXT_AGENT_EDGE,                 /* "Edge" or "Edg/" */
    MXT_AGENT_FBIOS,
    MXT_AGENT_WHALE,
    MXT_AGENT_CHROME,
    MXT_AGENT_CRIOS,
    MXT_AGENT_UC,
    MXT_AGENT_FXIOS,
    MXT_AGENT_WEBKIT,               /* AppleWebKit */
    MXT_AGENT_ANDROID,
    MXT_AGENT_KONQUEROR,
    MXT_AGENT_FIREFOX,
    MXT_AGENT_MSIE,                 /* "Trident/", too */
    MXT_AGENT_GECKO,
    MXT_AGENT_BITS_BROWSERS,

    MXT_AGENT_OPERA_VERSION = MXT_AGENT_BITS_BROWSERS,  /* OPR/, Opera/ */
    MXT_AGENT_VERSION,              /* "Version/" */
    MXT_AGENT_BITS_PLACES,

    MXT_AGENT_PRESTO = MXT_AGENT_BITS_PLACES,   /* "Opera/" or "Opera " */
    MXT_AGENT_MINI,
    MXT_AGENT_MOBILE,

    MXT_AGENT_WINDOWS,              /* in any case */
    MXT_AGENT_WINDOWS_PHONE,        /* in any case */
    MXT_AGENT_WPDESKTOP,
    MXT_AGENT_PHONE,
    MXT_AGENT_IPHONE,
    MXT_AGENT_IPAD,
    MXT_AGENT_IPOD,
    MXT_AGENT_MAC,                  /* in any case */
    MXT_AGENT_LINUX,
    MXT_AGENT_CROS,

    MXT_AGENT_COMPATIBLE,
    MXT_AGENT_BLOCKED,
    MXT_AGENT_BOT
};


#define mxt_agent_bit(n)  (1ULL << (n))

#define MXT_AGENT_ANY_BROWSER  (mxt_agent_bit(MXT_AGENT_BITS_BROWSERS) - 1)


typedef struct {
    uint64_t     seen;              /* mxt_agent_bit()s */
    const char  *start;
    const char  *last;

    /* what follows the first word of a bit that is set; the scan does not
     * remember it of words in any case, nor of OPERA */
    const char  *at[MXT_AGENT_BITS_PLACES];
} mxt_agent_scan_t;


#pragma GCC visibility push(hidden)


/* Reads ua, any bytes of any length. */
void mxt_agent_scan(mxt_agent_scan_t *s, const mxt_agent_text_t *ua);

/* Whether ua, of which seen is what the scan saw, is none of a human's by
 * how it begins, or for what else it has or lacks. */
unsigned mxt_agent_is_odd(const mxt_agent_text_t *ua, uint64_t seen);


#pragma GCC visibility pop


#endif /* MXT_AGENT_SCAN_H */
