
/*
 * TAP for the unit tests in C: a line for each check, the plan at the end.
 *
 * A test file includes this and the .c it tests, and its main() ends with
 * "return tap_done();".  For a loop of thousands of checks count the
 * failures, tell of them with tap_diag(), and check the count once.
 */


#ifndef MXT_TAP_H
#define MXT_TAP_H


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>


#define TAP_UNUSED        __attribute__((unused))
#define TAP_PRINTF(f, a)  __attribute__((unused, format(printf, f, a)))


static unsigned  tap_count;
static unsigned  tap_failed;


/* all of these return whether the check passed */

static int tap_ok(int cond, const char *fmt, ...) TAP_PRINTF(2, 3);
static int tap_is_u64(uint64_t got, uint64_t want, const char *name)
    TAP_UNUSED;
static int tap_is_str(const void *got, size_t len, const char *want,
    const char *name) TAP_UNUSED;

/* a comment in the output */
static void tap_diag(const char *fmt, ...) TAP_PRINTF(1, 2);

/* prints the plan; returns what main() returns */
static int tap_done(void) TAP_UNUSED;


static int
tap_ok(int cond, const char *fmt, ...)
{
    va_list  args;

    tap_count++;

    if (!cond) {
        tap_failed++;
    }

    printf("%sok %u - ", cond ? "" : "not ", tap_count);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return cond;
}


static int
tap_is_u64(uint64_t got, uint64_t want, const char *name)
{
    if (tap_ok(got == want, "%s", name)) {
        return 1;
    }

    tap_diag("     got: %llu", (unsigned long long) got);
    tap_diag("expected: %llu", (unsigned long long) want);

    return 0;
}


static int
tap_is_str(const void *got, size_t len, const char *want, const char *name)
{
    size_t  n;

    n = strlen(want);

    if (tap_ok(len == n && (n == 0 || memcmp(got, want, n) == 0), "%s", name))
    {
        return 1;
    }

    tap_diag("     got: %.*s (%zu bytes)", (int) len,
             len ? (const char *) got : "", len);
    tap_diag("expected: %s (%zu bytes)", want, n);

    return 0;
}


static void
tap_diag(const char *fmt, ...)
{
    va_list  args;

    printf("# ");

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);
}


static int
tap_done(void)
{
    printf("1..%u\n", tap_count);

    if (tap_failed) {
        tap_diag("%u of %u failed", tap_failed, tap_count);
    }

    return tap_failed != 0;
}


#endif /* MXT_TAP_H */
