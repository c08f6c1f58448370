
/*
 * What the types should have made of a value, for their unit test and their
 * fuzzer, by other means than theirs: regular expressions and a calendar
 * counted year by year for time, jansson for JSON.
 */


#ifndef MXT_TYPE_REF_H
#define MXT_TYPE_REF_H


#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_ref.h"


#define REF_SIZE   8192
#define REF_COUNT  254
#define REF_DEPTH  3


enum {
    REF_OK = 0,
    REF_EMPTY,
    REF_MISTYPED,
    REF_UNKNOWN         /* the reference cannot tell */
};


/* what is to be written; freed by the caller */

typedef struct {
    int        type;
    char      *text;
    size_t     len;
    unsigned   cut;
} ref_type_t;


static void
ref_trim(const char **s, size_t *n)
{
    while (*n && (**s == ' ' || **s == '\t')) {
        (*s)++;
        (*n)--;
    }

    while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t')) {
        (*n)--;
    }
}


/* Appends a string as it is to be written; r->text has room for it. */

static void
ref_append_string(ref_type_t *r, const void *s, size_t n)
{
    size_t          len;
    unsigned        left, cut;
    unsigned char  *text;

    text = malloc(3 * n + 1);
    left = 255;

    len = ref_repair(text, s, n, &left, &cut);

    r->cut += cut;
    r->text[r->len++] = '"';
    r->len += ref_escape(r->text + r->len, text, len);
    r->text[r->len++] = '"';

    free(text);
}


static ref_type_t
ref_list(const char *s, size_t n)
{
    size_t       i, k, count;
    ref_type_t   r;
    const char  *e;

    memset(&r, 0, sizeof(r));

    r.text = malloc(20 * n + 8);
    count = 0;

    for (i = 0; i <= n; i = k + 1) {

        for (k = i; k < n && s[k] != ','; k++);

        e = s + i;
        i = k - i;
        ref_trim(&e, &i);

        if (i) {
            r.text[r.len++] = count++ ? ',' : '[';
            ref_append_string(&r, e, i);
        }
    }

    r.text[r.len++] = ']';
    r.type = count == 0 ? REF_EMPTY
             : (count > REF_COUNT || r.len > REF_SIZE) ? REF_MISTYPED
             : REF_OK;

    return r;
}


static int
ref_leap(int year)
{
    return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
}


static int
ref_month_days(int year, int month)
{
    return month == 2 ? 28 + ref_leap(year)
           : 30 + (month == 1 || month == 3 || month == 5 || month == 7
                   || month == 8 || month == 10 || month == 12);
}


/* seconds since 1970 of what a calendar has, else -1 */

static long long
ref_seconds(int year, int month, int day, int hour, int minute, int second)
{
    int        y, m;
    long long  days;

    if (year < 1970 || month < 1 || month > 12 || day < 1
        || day > ref_month_days(year, month) || hour > 23 || minute > 59
        || second > 60)
    {
        return -1;
    }

    days = day - 1;

    for (y = 1970; y < year; y++) {
        days += 365 + ref_leap(y);
    }

    for (m = 1; m < month; m++) {
        days += ref_month_days(year, m);
    }

    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}


/* out has room for 32 bytes; 0 if it is not within the years */

static int
ref_date(char *out, long long sec, int alone)
{
    int        year, month;
    long long  days;

    if (sec < ref_seconds(1971, 1, 1, 0, 0, 0)
        || sec > ref_seconds(9999, 12, 31, 23, 59, 59))
    {
        return 0;
    }

    days = sec / 86400;
    sec %= 86400;

    for (year = 1970; days >= 365 + ref_leap(year); year++) {
        days -= 365 + ref_leap(year);
    }

    for (month = 1; days >= ref_month_days(year, month); month++) {
        days -= ref_month_days(year, month);
    }

    if (alone) {
        snprintf(out, 32, "\"%04d-%02d-%02d\"", year, month, (int) days + 1);

    } else {
        snprintf(out, 32, "\"%04d-%02d-%02dT%02d:%02d:%02d\"", year, month,
                 (int) days + 1, (int) sec / 3600, (int) sec / 60 % 60,
                 (int) sec % 60);
    }

    return 1;
}


#define REF_DAY                                                              \
    "^(sun|mon|tue|wed|thu|fri|sat|sunday|monday|tuesday|wednesday"          \
    "|thursday|friday|saturday)"
#define REF_MONTH                                                            \
    "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
#define REF_TIME   "([0-9]{2}):([0-9]{2}):([0-9]{2})"
#define REF_ZONE   "([zZ]|([+-])([0-9]{2})(:?([0-9]{2}))?)?"
#define REF_FORMS  5


static int
ref_field(const char *s, regmatch_t *m)
{
    int  i, n;

    n = 0;

    for (i = m->rm_so; i < m->rm_eo; i++) {
        n = n * 10 + (s[i] == ' ' ? 0 : s[i] - '0');
    }

    return n;
}


static int
ref_month(const char *s)
{
    int  i;

    static const char  *names[] = {
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
        "nov", "dec"
    };

    for (i = 0; strncasecmp(s, names[i], 3) != 0; i++);

    return i + 1;
}


static ref_type_t
ref_time(const char *text, size_t n)
{
    int           i, year, alone, digits;
    char         *s;
    size_t        k;
    long long     sec;
    ref_type_t    r;
    regmatch_t    m[16];

    static const char  *forms[REF_FORMS] = {
        "^([0-9]{1,13})([.][0-9]+)?$",
        "^([0-9]{4})-([0-9]{2})-([0-9]{2})([tT ]([0-9]{2}):([0-9]{2})"
        "(:([0-9]{2})([.,][0-9]+)?)?" REF_ZONE ")?$",
        REF_DAY ", ([0-9]{2}) " REF_MONTH " ([0-9]{4}) " REF_TIME " gmt$",
        REF_DAY ", ([0-9]{2})-" REF_MONTH "-([0-9]{2}) " REF_TIME " gmt$",
        REF_DAY " " REF_MONTH " ([ 0-9][0-9]) " REF_TIME " ([0-9]{4})$",
    };

    static int      compiled;
    static regex_t  regex[REF_FORMS];

    for ( /* void */ ; compiled < REF_FORMS; compiled++) {
        if (regcomp(&regex[compiled], forms[compiled],
                    REG_EXTENDED | (compiled > 1 ? REG_ICASE : 0)))
        {
            abort();
        }
    }

    memset(&r, 0, sizeof(r));
    r.type = REF_MISTYPED;
    r.text = malloc(32);

    ref_trim(&text, &n);

    if (memchr(text, '\0', n)) {
        return r;
    }

    s = malloc(n + 1);
    k = 0;
    digits = 0;

    /* 20 digits in a row are too many anywhere but in a fraction, and there
     * they are as good as more, which would be slow */

    for (i = 0; i < (int) n; i++) {
        digits = (text[i] >= '0' && text[i] <= '9') ? digits + 1 : 0;

        if (digits <= 20) {
            s[k++] = text[i];
        }
    }

    s[k] = '\0';

    if (k > 80) {
        free(s);
        return r;
    }

    i = (k && s[0] >= '0' && s[0] <= '9') ? 0 : 2;

    while (i < REF_FORMS && regexec(&regex[i], s, 16, m, 0) != 0) {
        i++;
    }

#define F(k)  ref_field(s, &m[k])

    alone = 0;
    sec = -1;

    switch (i) {

    case 0:
        sec = atoll(s);
        sec = sec > 253402300799LL ? sec / 1000 : sec;
        break;

    case 1:
        alone = m[4].rm_so == -1;
        sec = ref_seconds(F(1), F(2), F(3), F(5), F(6), F(8));

        if (F(12) > 23 || F(14) > 59) {
            sec = -1;

        } else if (sec >= 0 && m[11].rm_so != -1) {
            sec -= (s[m[11].rm_so] == '-' ? -1 : 1)
                   * (F(12) * 60LL + F(14)) * 60;
        }

        break;

    case 2:
        sec = ref_seconds(F(4), ref_month(s + m[3].rm_so), F(2), F(5), F(6),
                          F(7));
        break;

    case 3:
        year = F(4);
        year += year < 71 ? 2000 : 1900;
        sec = ref_seconds(year, ref_month(s + m[3].rm_so), F(2), F(5), F(6),
                          F(7));
        break;

    case 4:
        sec = ref_seconds(F(7), ref_month(s + m[2].rm_so), F(3), F(4), F(5),
                          F(6));
        break;
    }

#undef F

    if (ref_date(r.text, sec, alone)) {
        r.type = REF_OK;
        r.len = strlen(r.text);
    }

    free(s);

    return r;
}


/* The half of a pair in the four digits at s: 1 the first, 2 the other. */

static int
ref_half(const char *s, const char *last)
{
    int   i;
    char  hex[5];

    if (last - s < 4) {
        return 0;
    }

    for (i = 0; i < 4; i++) {
        if (s[i] == '\0' || !strchr("0123456789abcdefABCDEF", s[i])) {
            return 0;
        }

        hex[i] = s[i];
    }

    hex[4] = '\0';

    switch (strtol(hex, NULL, 16) >> 10) {

    case 0xd800 >> 10:
        return 1;

    case 0xdc00 >> 10:
        return 2;

    default:
        return 0;
    }
}


/* A NUL in a name, which jansson refuses, is U+FFFD. */

static void
ref_names(char *p, char *last)
{
    char  *e, *q;

    for ( /* void */ ; p < last; p = e + 1) {

        e = p;

        if (*p != '"') {
            continue;
        }

        for (e = p + 1; e < last && *e != '"'; e++) {
            e += (*e == '\\');
        }

        for (q = e + 1; q < last && strchr(" \t\r\n", *q); q++);

        if (q >= last || *q != ':') {
            continue;
        }

        for (q = p; q < e; q++) {
            if (*q == '\\' && *++q == 'u' && strncmp(q + 1, "0000", 4) == 0) {
                memcpy(q + 1, "fffd", 4);
            }
        }
    }
}


/* What is ill-formed, in UTF-8 or as half an escaped pair, mended: a text
 * that jansson takes if it is JSON otherwise. */

static char *
ref_mend(const char *s, size_t n, size_t *len)
{
    int        half;
    char      *p, *out, *last;
    unsigned   left, cut;

    left = (unsigned) -1;
    out = malloc(3 * n + 1);
    *len = ref_repair((unsigned char *) out, (const unsigned char *) s, n,
                      &left, &cut);
    last = out + *len;

    for (p = out; p < last; p++) {

        if (*p != '\\') {
            continue;
        }

        if (++p == last || *p != 'u') {
            continue;
        }

        half = ref_half(p + 1, last);

        if (half == 1 && last - p > 6 && p[5] == '\\' && p[6] == 'u'
            && ref_half(p + 7, last) == 2)
        {
            p += 10;

        } else if (half) {
            memcpy(p + 1, "fffd", 4);
        }
    }

    *last = '\0';
    ref_names(out, last);

    return out;
}


/* Is it within the limits?  REF_OK, or what it is instead. */

static int
ref_limits(json_t *v, int depth)
{
    int          type;
    size_t       i, n, k, left;
    double       real;
    json_t      *e;
    const char  *key;
    const char  *seen[REF_COUNT];
    size_t       lens[REF_COUNT];

    if (json_is_integer(v)) {
        return json_integer_value(v) == LLONG_MIN ? REF_MISTYPED : REF_OK;
    }

    if (json_is_real(v)) {
        real = fabs(json_real_value(v));

        /* 0 may be too small or just 0 */
        return (real > 0.999999e300 || real < 1.000001e-300) ? REF_UNKNOWN
                                                             : REF_OK;
    }

    if (!json_is_object(v) && !json_is_array(v)) {
        return REF_OK;
    }

    n = json_is_object(v) ? json_object_size(v) : json_array_size(v);

    if (depth == REF_DEPTH || n > REF_COUNT) {
        return REF_MISTYPED;
    }

    type = REF_OK;

    if (json_is_array(v)) {
        for (i = 0; i < n && type != REF_MISTYPED; i++) {
            k = (size_t) ref_limits(json_array_get(v, i), depth + 1);
            type = k ? (int) k : type;
        }

        return type;
    }

    n = 0;

    json_object_foreach(v, key, e) {

        /* names that are the same when cut */

        left = strlen(key);

        for (k = left < 255 ? left : 255;
             left > 255 && (key[k] & 0xc0) == 0x80;
             k--);

        for (i = 0; left > 255 - 3 && i < n; i++) {
            if (lens[i] == k && memcmp(seen[i], key, k) == 0) {
                return REF_MISTYPED;
            }
        }

        seen[n] = key;
        lens[n++] = k;

        i = (size_t) ref_limits(e, depth + 1);

        if (i == REF_MISTYPED) {
            return REF_MISTYPED;
        }

        type = i ? (int) i : type;
    }

    return type;
}


/*
 * A number of JSON's with its exponent written out, by moving the point one
 * place at a time; as it is if it has none, or if that takes too many zeros.
 */

static size_t
ref_plain(char *out, const char *s, size_t n)
{
    int          power;
    char         text[200 + 1], *p, *point;
    size_t       len, i;
    const char  *e;

    for (e = s; e < s + n && *e != 'e' && *e != 'E'; e++) {
        /* void */
    }

    memcpy(out, s, n);

    if (e == s + n || n > 64) {
        return n;
    }

    memcpy(text, e + 1, (size_t) (s + n - e - 1));
    text[s + n - e - 1] = '\0';
    power = (int) strtol(text, NULL, 10);

    if (power > 400 || power < -400) {
        power = 400;
    }

    /* the mantissa, with zeros enough on either side */

    memset(text, '0', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    len = (size_t) (e - s) - (*s == '-');
    p = text + 70;
    memcpy(p, e - len, len);

    point = memchr(p, '.', len);

    if (point == NULL) {
        point = p + len;
        *point = '.';
        len++;
    }

    if (strspn(p, "0.") >= len) {
        out[0] = '-';
        out[*s == '-'] = '0';
        return 1 + (*s == '-');
    }

    for ( /* void */ ; power > 0 && point < text + 190; power--, point++) {
        *point = point[1];
        point[1] = '.';
    }

    for ( /* void */ ; power < 0 && point > text; power++, point--) {
        *point = point[-1];
        point[-1] = '.';
    }

    p = text + strspn(text, "0");

    /* digits before the point, zeros behind it */

    if (power || (p < point && point - p > 18)
        || (p == point && strspn(p + 1, "0") > 17))
    {
        return n;
    }

    i = 0;

    if (*s == '-') {
        out[i++] = '-';
    }

    if (p == point) {
        out[i++] = '0';
    }

    /* up to the mantissa's last digit, or the point */

    e = text + 70 + len;

    if (point + 1 >= e) {
        e = point;
    }

    memcpy(out + i, p, (size_t) (e - p));

    return i + (size_t) (e - p);
}


static ref_type_t
ref_json(const char *in, size_t n)
{
    char          *s, *p, *e, *last;
    size_t         len;
    json_t        *root, *value;
    ref_type_t     r;

    memset(&r, 0, sizeof(r));

    /* jansson overlooks one behind a number */

    if (memchr(in, '\0', n)) {
        r.type = REF_MISTYPED;
        r.text = malloc(1);
        return r;
    }

    s = ref_mend(in, n, &len);
    last = s + len;
    r.text = malloc(20 * len + 8);

    root = json_loadb(s, len, JSON_DECODE_ANY | JSON_ALLOW_NUL
                              | JSON_REJECT_DUPLICATES, NULL);

    if (root == NULL) {
        r.type = REF_MISTYPED;
        free(s);
        return r;
    }

    r.type = ref_limits(root, 0);

    json_decref(root);

    /* it is JSON: only strings have blanks that count */

    for (p = s; p < last; p = e) {

        e = p + 1;

        if (strchr(" \t\r\n", *p)) {
            continue;
        }

        if (strchr("0123456789-", *p)) {

            while (e < last && strchr("0123456789+-.eE", *e)) {
                e++;
            }

            if (e - p > 64) {
                r.type = REF_MISTYPED;
            }

            r.len += ref_plain(r.text + r.len, p, (size_t) (e - p));
            continue;
        }

        if (*p != '"') {
            memcpy(r.text + r.len, p, (size_t) (e - p));
            r.len += (size_t) (e - p);
            continue;
        }

        while (*e != '"') {
            e += (*e == '\\') ? 2 : 1;
        }

        e++;

        value = json_loadb(p, (size_t) (e - p),
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ref_append_string(&r, json_string_value(value),
                          json_string_length(value));
        json_decref(value);
    }

    if (r.len > REF_SIZE) {
        r.type = REF_MISTYPED;
    }

    free(s);

    return r;
}


#endif /* MXT_TYPE_REF_H */
