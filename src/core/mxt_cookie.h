
/*
 * What a request's cookies tell of the visitor: the browser SDK's memory of
 * him, his consent, and the module's own device id.
 *
 * The invariant: what the SDK in the page would not take for its cookie is
 * none here either; a cookie is taken as a whole or not at all.  Anybody can
 * send any cookie, so what comes out are strings and no more: not checked
 * against banned ids, not cut.
 */


#ifndef MXT_COOKIE_H
#define MXT_COOKIE_H


#include <stddef.h>


/* encoded; browsers keep no cookie whose name and value are longer */
#define MXT_COOKIE_MAX    4096

/* objects and arrays within each other, the outermost being the first; the
 * API takes three */
#define MXT_COOKIE_DEPTH  16

#define MXT_UUID_LEN      36


/* not terminated; data may be NULL when len is 0 */

typedef struct {
    const unsigned char  *data;
    size_t                len;
} mxt_cookie_str_t;


typedef enum {
    MXT_COOKIE_DISTINCT_ID = 0,     /* "$device:ID", or what was identified */
    MXT_COOKIE_DEVICE_ID,           /* without "$device:" */
    MXT_COOKIE_USER_ID,             /* after identify() only */
    MXT_COOKIE_INITIAL_REFERRER,    /* "$direct" when there was none */
    MXT_COOKIE_INITIAL_DOMAIN,
    MXT_COOKIE_SEARCH_ENGINE,
    MXT_COOKIE_KEYWORD,
    MXT_COOKIE_UTM_SOURCE,          /* utm_* with stop_utm_persistence false */
    MXT_COOKIE_UTM_MEDIUM,
    MXT_COOKIE_UTM_CAMPAIGN,
    MXT_COOKIE_UTM_CONTENT,
    MXT_COOKIE_UTM_TERM,
    MXT_COOKIE_UTM_ID,
    MXT_COOKIE_UTM_SOURCE_PLATFORM,
    MXT_COOKIE_UTM_CAMPAIGN_ID,
    MXT_COOKIE_UTM_CREATIVE_FORMAT,
    MXT_COOKIE_UTM_MARKETING_TACTIC,
    MXT_COOKIE_KEYS
} mxt_cookie_key_e;


/* by mxt_cookie_key_e; empty for what is not there */

typedef struct {
    mxt_cookie_str_t  value[MXT_COOKIE_KEYS];
} mxt_cookie_t;


typedef enum {
    MXT_COOKIE_OPT_NONE = 0,
    MXT_COOKIE_OPT_IN,
    MXT_COOKIE_OPT_OUT
} mxt_cookie_opt_e;


#pragma GCC visibility push(hidden)


/* the properties' names, by mxt_cookie_key_e; none needs escaping in JSON */
extern const mxt_cookie_str_t  mxt_cookie_names[MXT_COOKIE_KEYS];


/*
 * Finds a cookie in one Cookie header's value, len bytes, from *from on (0 at
 * first).  1 with its value as it was sent and *from behind it, or 0.  Of
 * several lines and several cookies of that name the first counts; that is
 * for the caller to stop at.
 *
 * As the SDK does it: cookies are separated by ";", spaces before a name are
 * skipped, the name (n bytes, n > 0) is followed by "=" at once and compared
 * byte for byte, and all up to the next ";" is the value, quotes and spaces
 * included.  line may be NULL when len is 0.
 */
int mxt_cookie_find(const void *line, size_t len, size_t *from,
    const void *name, size_t n, mxt_cookie_str_t *value);

/*
 * Reads the value of the SDK's cookie: a percent-encoded JSON object.  0; or
 * -1, and all is empty, when it is longer than MXT_COOKIE_MAX or anything in
 * it is malformed, known or not: percent signs, UTF-8, JSON, nesting beyond
 * MXT_COOKIE_DEPTH, bytes behind it.
 *
 * What is returned lies in scratch, which has room for len bytes (never more
 * than MXT_COOKIE_MAX are used) and may not overlap with s.  It is valid
 * UTF-8.  s may be NULL when len is 0.
 *
 * A value is a string, unescaped, or a number, as it is spelled: identify(42)
 * leaves a number, and the API takes ids for strings.  Other types are as if
 * the key were not there, so is the empty string.  A known key that is there
 * twice spoils the cookie, as in the SDK; other keys are not compared.
 * Half a surrogate pair, which the SDK writes as an escape when a site has
 * cut a string in two, is U+FFFD.
 */
int mxt_cookie_parse(mxt_cookie_t *c, const void *s, size_t len,
    unsigned char *scratch);

/*
 * Whether the visitor has opted out: opt is the value of the cookie
 * __mp_opt_in_out_TOKEN, legacy that of mp_optout; empty for one that is not
 * there.  1 or 0.  mp_optout says so with any value ("0" and "false" as well)
 * unless he has opted in since.
 */
int mxt_cookie_opted_out(const mxt_cookie_str_t *opt,
    const mxt_cookie_str_t *legacy);

/* The value of __mp_opt_in_out_TOKEN by itself: 0 is out, 1 is in (either
 * may be percent-encoded), all else is neither. */
mxt_cookie_opt_e mxt_cookie_opt(const void *s, size_t len);

/* Whether the value of a header DNT or Sec-GPC objects: 1 if it is "1" and
 * nothing else, or 0. */
int mxt_cookie_objects(const void *s, size_t len);

/* Writes MXT_UUID_LEN characters to dst, no terminator: a UUID of version 4
 * in lower case, of 16 random bytes, of which it takes 122 bits. */
void mxt_uuid_format(unsigned char *dst, const unsigned char *random);

/* Whether s is what mxt_uuid_format() may have written: 1 or 0. */
int mxt_uuid_valid(const void *s, size_t len);


#pragma GCC visibility pop


#endif /* MXT_COOKIE_H */
