/* link: src/core/mxt_uri.c src/core/mxt_redact.c src/core/mxt_redact_arg.c src/core/mxt_redact_list.c src/core/mxt_redact_default.c src/core/mxt_args.c src/core/mxt_args_walk.c src/core/mxt_userinfo.c src/core/mxt_json.c */

/*
 * Anybody may send any URL and any Referer: what eight times as long a one
 * takes is about eight times as much.  Where something is done again for each
 * of n it would be 64 times.  No time is looked at but as a part of another.
 */


#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#include "../../src/core/mxt_args.h"
#include "../../src/core/mxt_userinfo.h"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define SHORT       15800
#define TIMES       8
#define RUNS        2
#define TRIES       5


/* what it begins with, and what it repeats */

typedef struct {
    const char  *head;
    const char  *again;
    const char  *tail;
} url_t;


static const url_t  urls[] = {

    { "http://google.com/?", "a=b&cde=fgh&", "q=x" },

    /* names in values that are hidden, or not */
    { "http://google.com/?x=1&token=", "?q=", "" },
    { "http://google.com/?x=1&token=", "?utm_id=", "" },
    { "http://google.com/?x=1", "?utm_id=", "" },
    { "http://google.com/?", "?a=?q=", "" },
    { "http://google.com/?", "?a=?q=", "token=?q=" },
    { "http://google.com/?x=1", "?a=?utm_id=&", "" },

    /* hidden arguments that are encoded, and have an end */
    { "http://google.com/?x=1", "token%3D%26?utm_id=?q=", "" },
    { "http://google.com/?q=1&utm_id=", "%26token%3D", "" },
    { "http://google.com/?page=", "%26x%3D", "" },
    { "http://google.com/?page=", "%2526x%253D?q=", "" },
    { "http://google.com/?token%253D", "token%253D%26", "?q=" },

    /* user info of other URLs */
    { "http://google.com/?utm_id=&q=", "=//%40h/", "" },
    { "http://google.com/?utm_id=", "=//%40h/", "?token=1&q=" },
    { "http://google.com/", "=//%40h/", "" },
    { "http://google.com/?q=", "//@", "?token=1" },
    { "http://", "a@/", "" },

    { "http://google.com/?q=", "%25", "%41" },
    { "http://google.com/?q=", "%25+", "%" },
    { "http://", "google", "" }
};


static unsigned char  out[4096];


static mxt_redact_t *
list(const char *const *name, unsigned keep)
{
    size_t         n, bytes;
    mxt_redact_t  *r;

    bytes = 0;

    for (n = 0; name[n]; n++) {
        bytes += strlen(name[n]);
    }

    r = mxt_redact_init(malloc(mxt_redact_size(n, bytes)), n, bytes, keep);

    while (n--) {
        (void) mxt_redact_add(r, name[n], strlen(name[n]));
    }

    return r;
}


static void
text(const unsigned char *s, size_t len)
{
    unsigned    left;
    mxt_json_t  j;

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    (void) mxt_args_text(&j, s, len, &left);
}


/* all that a request does with its URL and its Referer */

static void
look(const mxt_redact_t *r, const unsigned char *s, size_t len)
{
    size_t         i, n;
    unsigned       left;
    uint32_t       some;
    mxt_uri_t      u;
    mxt_json_t     j;
    mxt_uri_str_t  value[MXT_ARGS_N], keyword;

    some = mxt_args_find(r, s, len, value);

    for (i = 0; i < MXT_ARGS_N; i++) {
        if (some >> i & 1) {
            text(value[i].data, value[i].len);
        }
    }

    (void) mxt_args_search(r, s, len, &keyword);
    text(keyword.data, keyword.len);

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    mxt_uri_split(&u, s, len);
    (void) mxt_redact_url(r, &j, &u, &left);

    /* what a cookie has of them */

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    n = mxt_redact_shown(r, s, len);
    (void) mxt_userinfo_text(&j, s, n, 1, &left);
}


static unsigned char *
make(const url_t *url, size_t len)
{
    size_t          n, k, tail;
    unsigned char  *s;

    s = malloc(len);
    n = strlen(url->head);
    k = strlen(url->again);
    tail = strlen(url->tail);

    memcpy(s, url->head, n);

    for ( /* void */ ; n + k + tail <= len; n += k) {
        memcpy(s + n, url->again, k);
    }

    memset(s + n, 'x', len - n);
    memcpy(s + len - tail, url->tail, tail);

    return s;
}


static double
spent(const mxt_redact_t *r, const unsigned char *s, size_t len, unsigned runs)
{
    struct timespec  from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);

    while (runs--) {
        look(r, s, len);
    }

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

    return (double) (to.tv_sec - from.tv_sec) * 1e9
           + (double) (to.tv_nsec - from.tv_nsec);
}


/* the least of some tries: others may be at work here, too */

static void
test_linear(const mxt_redact_t *r, const url_t *url, const char *name)
{
    double          once, more, least, most;
    unsigned        i;
    unsigned char  *few, *many;

    few = make(url, SHORT);
    many = make(url, TIMES * SHORT);

    least = 1e18;
    most = 1e18;

    for (i = 0; i < TRIES; i++) {
        once = spent(r, few, SHORT, TIMES * RUNS) / TIMES;
        more = spent(r, many, TIMES * SHORT, RUNS);

        least = once < least ? once : least;
        most = more < most ? more : most;
    }

    if (!tap_ok(most < 3 * TIMES * least, "%s%s...%s%s, %s", url->head,
                url->again, url->again, url->tail, name))
    {
        tap_diag("%u times as long takes %.1f times as much", TIMES,
                 most / least);
    }

    free(few);
    free(many);
}


int
main(void)
{
    size_t         i;
    mxt_redact_t  *hide, *keep;

    static const char *const  keeps[] = {
        "page", "q", "utm_id", NULL
    };

    hide = list(mxt_redact_default, 0);
    keep = list(keeps, 1);

    for (i = 0; i < countof(urls); i++) {
        test_linear(hide, &urls[i], "less what is hidden");
        test_linear(keep, &urls[i], "less what is not kept");
    }

    free(hide);
    free(keep);

    return tap_done();
}
