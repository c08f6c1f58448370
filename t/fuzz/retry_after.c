/* link: src/core/mxt_retry_after.c */

/*
 * Fuzzes when a server asks to be tried again.  The first bytes are the time
 * it is, the rest is the header's value.
 *
 * What must hold: the result is bounded; a number of seconds is that number,
 * or the most there may be; and a date is the same moment whenever it is read,
 * to the second.
 */


#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/mxt_policy.h"


#define FUZZ_HEAD   6
#define FUZZ_SPACE  " \t\r\n"

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* digits, with white space around them and nothing else */

static void
fuzz_number(const char *s, uint64_t ms)
{
    double  seconds;
    size_t  n;

    n = strspn(s, "0123456789");

    if (s[n + strspn(s + n, FUZZ_SPACE)] != '\0') {
        check(ms == 0);
        return;
    }

    seconds = strtod(s, NULL);

    check(ms == (uint64_t) fmin(seconds * 1000, MXT_POLICY_RETRY_MAX));
}


static void
fuzz_date(const char *value, uint64_t now, uint64_t ms)
{
    uint64_t  later;

    if (ms) {
        check(isalpha((unsigned char) value[strspn(value, FUZZ_SPACE)]));
        check(strpbrk(value, "0123456789") != NULL);
    }

    /* a second later it is a second nearer, or past */

    later = mxt_policy_retry_after(value, now + 1000);

    if (ms < MXT_POLICY_RETRY_MAX) {
        check(ms == 0 || (now + ms) % 1000 == 0);
        check(later == (ms > 1000 ? ms - 1000 : 0));

    } else {
        check(later <= ms && later >= ms - 1000);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char      *value;
    size_t     i;
    uint64_t   now, ms;

    if (size < FUZZ_HEAD) {
        return 0;
    }

    /* until the year 10889 */

    for (i = 0, now = 0; i < FUZZ_HEAD; i++) {
        now = now << 8 | data[i];
    }

    /* of its exact size, for the sanitizers to see a byte too far */

    size -= FUZZ_HEAD;
    value = malloc(size + 1);
    memcpy(value, data + FUZZ_HEAD, size);
    value[size] = '\0';

    ms = mxt_policy_retry_after(value, now);

    check(ms <= MXT_POLICY_RETRY_MAX);

    i = strspn(value, FUZZ_SPACE);

    if (isdigit((unsigned char) value[i])) {
        fuzz_number(value + i, ms);

    } else {
        fuzz_date(value, now, ms);
    }

    free(value);

    return 0;
}
