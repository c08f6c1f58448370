
/*
 * When a server asks to be tried again: a number of seconds, or an HTTP date.
 *
 * The days and months are English whatever the locale is: strptime() is not
 * used, and libcurl's parser, which knows no locale, sees only what has the
 * form of an HTTP date, for it takes much else for a date, too.
 */


#include <time.h>

#include <curl/curl.h>

#include "mxt_policy.h"


static unsigned mxt_retry_after_date(const char *s);
static const char *mxt_retry_after_match(const char *s, const char *form);
static unsigned mxt_retry_after_letter(int ch);
static unsigned mxt_retry_after_space(int ch);


/*
 * HTTP dates behind the name of the day: IMF-fixdate, RFC 850, asctime.
 * A is a letter, 0 a digit, _ a digit or a blank.
 */

static const char  *mxt_retry_after_dates[] = {
    ", 00 AAA 0000 00:00:00 GMT",
    ", 00-AAA-00 00:00:00 GMT",
    " AAA _0 00:00:00 0000",
    NULL
};


uint64_t
mxt_policy_retry_after(const char *value, uint64_t now)
{
    time_t       date;
    uint64_t     ms;
    const char  *p;

    while (mxt_retry_after_space(*value)) {
        value++;
    }

    ms = 0;

    for (p = value; *p >= '0' && *p <= '9'; p++) {

        /* any number of digits: beyond the most it only stays there */

        if (ms < MXT_POLICY_RETRY_MAX) {
            ms = ms * 10 + (uint64_t) (*p - '0') * 1000;
        }
    }

    if (p == value) {

        date = mxt_retry_after_date(value) ? curl_getdate(value, NULL) : -1;

        if (date < 0 || (uint64_t) date <= now / 1000) {
            return 0;
        }

        ms = (uint64_t) date * 1000 - now;

    } else {
        while (mxt_retry_after_space(*p)) {
            p++;
        }

        if (*p) {
            return 0;
        }
    }

    return ms < MXT_POLICY_RETRY_MAX ? ms : MXT_POLICY_RETRY_MAX;
}


static unsigned
mxt_retry_after_date(const char *s)
{
    const char   *p;
    const char  **form;

    if (!mxt_retry_after_letter(*s)) {
        return 0;
    }

    while (mxt_retry_after_letter(*s)) {
        s++;
    }

    for (form = mxt_retry_after_dates; *form; form++) {
        p = mxt_retry_after_match(s, *form);

        if (p == NULL) {
            continue;
        }

        while (mxt_retry_after_space(*p)) {
            p++;
        }

        return *p == '\0';
    }

    return 0;
}


/* what follows in s behind that form, or NULL */

static const char *
mxt_retry_after_match(const char *s, const char *form)
{
    unsigned  digit, same;

    for ( /* void */ ; *form; form++, s++) {

        digit = *s >= '0' && *s <= '9';

        switch (*form) {

        case 'A':
            same = mxt_retry_after_letter(*s);
            break;

        case '0':
            same = digit;
            break;

        case '_':
            same = digit || *s == ' ';
            break;

        default:
            same = *s == *form;
        }

        if (!same) {
            return NULL;
        }
    }

    return s;
}


static unsigned
mxt_retry_after_letter(int ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}


static unsigned
mxt_retry_after_space(int ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}
