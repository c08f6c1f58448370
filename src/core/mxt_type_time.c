
/*
 * Dates of all sorts to the one that Mixpanel takes: see mxt_type.h.
 *
 * The invariant: whatever came is first taken apart into fields, which are
 * looked at one by one, then one number of seconds, and only that is
 * written.  So no date that does not exist comes out.
 */


#include "mxt_type.h"


#define MXT_TIME_MIN   31536000LL       /* 1971-01-01T00:00:00 */
#define MXT_TIME_MAX   253402300799LL   /* 9999-12-31T23:59:59 */

/* of milliseconds: until the year 2286 */
#define MXT_TIME_DIGITS  13

/* from March 1st of year 0 to the epoch, and in 400 years */
#define MXT_TIME_EPOCH   719468
#define MXT_TIME_ERA     146097


typedef enum {
    MXT_TIME_YEAR = 0,
    MXT_TIME_MONTH,
    MXT_TIME_DAY,
    MXT_TIME_HOUR,
    MXT_TIME_MINUTE,
    MXT_TIME_SECOND,
    MXT_TIME_FIELDS
} mxt_time_field_e;


typedef struct {
    unsigned  field[MXT_TIME_FIELDS];
    int       offset;           /* seconds east of UTC */
    unsigned  day_alone;
} mxt_time_t;


static int mxt_time_number(const unsigned char *s, const unsigned char *last,
    int64_t *sec);
static int mxt_time_iso(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last);
static int mxt_time_zone(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last);
static int mxt_time_http(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last);
static const unsigned char *mxt_time_weekday(const unsigned char *s,
    const unsigned char *last);
static const unsigned char *mxt_time_match(mxt_time_t *t,
    const unsigned char *s, const unsigned char *last, const char *form);
static unsigned mxt_time_month(const unsigned char *s,
    const unsigned char *last);
static int mxt_time_seconds(const mxt_time_t *t, int64_t *sec);
static void mxt_time_fields(mxt_time_t *t, int64_t sec);
static void mxt_time_write(mxt_json_t *j, const mxt_time_t *t);
static unsigned mxt_time_digit(unsigned char c);
static unsigned mxt_time_same(const unsigned char *s, const char *word,
    size_t len);


/*
 * HTTP's dates behind the name of the day.  y, o, d, h, i and s are a digit
 * of year, month, day, hour, minute and second, B is the month's name, _ a
 * digit of the day or a blank.
 */

static const char  *mxt_time_forms[] = {
    ", dd B yyyy hh:ii:ss GMT",
    ", dd-B-yy hh:ii:ss GMT",
    " B _d hh:ii:ss yyyy",
    NULL
};


static const char  mxt_time_months[] = "janfebmaraprmayjunjulaugsepoctnovdec";


static const char  *mxt_time_weekdays[] = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday", NULL
};


unsigned
mxt_type_time(mxt_json_t *j, const void *text, size_t len)
{
    int                   rc;
    int64_t               sec;
    mxt_time_t            t;
    const unsigned char  *s, *last;

    if (len == 0) {
        return MXT_TYPE_MISTYPED;
    }

    s = text;
    last = s + len;

    while (s < last && (*s == ' ' || *s == '\t')) {
        s++;
    }

    while (s < last && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    if (s == last) {
        return MXT_TYPE_MISTYPED;
    }

    memset(&t, 0, sizeof(mxt_time_t));

    if (!mxt_time_digit(*s)) {
        rc = mxt_time_http(&t, s, last);
        rc = rc ? rc : mxt_time_seconds(&t, &sec);

    } else if (last - s > 4 && s[4] == '-') {
        rc = mxt_time_iso(&t, s, last);
        rc = rc ? rc : mxt_time_seconds(&t, &sec);

    } else {
        rc = mxt_time_number(s, last, &sec);
    }

    if (rc != 0 || sec < MXT_TIME_MIN || sec > MXT_TIME_MAX) {
        return MXT_TYPE_MISTYPED;
    }

    mxt_time_fields(&t, sec);
    mxt_time_write(j, &t);

    return MXT_TYPE_OK;
}


static int
mxt_time_number(const unsigned char *s, const unsigned char *last,
    int64_t *sec)
{
    int64_t               n;
    const unsigned char  *p;

    n = 0;

    for (p = s; p < last && mxt_time_digit(*p); p++) {

        if (p - s == MXT_TIME_DIGITS) {
            return -1;
        }

        n = n * 10 + (*p - '0');
    }

    if (p < last) {

        if (*p++ != '.' || p == last) {
            return -1;
        }

        while (p < last && mxt_time_digit(*p)) {
            p++;
        }

        if (p < last) {
            return -1;
        }
    }

    *sec = (n > MXT_TIME_MAX) ? n / 1000 : n;

    return 0;
}


static int
mxt_time_iso(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last)
{
    const unsigned char  *p;

    s = mxt_time_match(t, s, last, "yyyy-oo-dd");

    if (s == NULL) {
        return -1;
    }

    if (s == last) {
        t->day_alone = 1;
        return 0;
    }

    if (*s != 'T' && *s != 't' && *s != ' ') {
        return -1;
    }

    s = mxt_time_match(t, s + 1, last, "hh:ii");

    if (s == NULL) {
        return -1;
    }

    if (s < last && *s == ':') {

        s = mxt_time_match(t, s, last, ":ss");

        if (s == NULL) {
            return -1;
        }

        if (s < last && (*s == '.' || *s == ',')) {

            for (p = ++s; s < last && mxt_time_digit(*s); s++) {
                /* void */
            }

            if (s == p) {
                return -1;
            }
        }
    }

    return mxt_time_zone(t, s, last);
}


static int
mxt_time_zone(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last)
{
    unsigned              hour, minute;
    mxt_time_t            zone;
    const unsigned char  *p;

    if (s == last) {
        return 0;
    }

    if (*s == 'Z' || *s == 'z') {
        return s + 1 == last ? 0 : -1;
    }

    if (*s != '+' && *s != '-') {
        return -1;
    }

    memset(&zone, 0, sizeof(mxt_time_t));

    p = mxt_time_match(&zone, s + 1, last, "hh");

    if (p && p < last) {
        p = mxt_time_match(&zone, p, last, *p == ':' ? ":ii" : "ii");
    }

    hour = zone.field[MXT_TIME_HOUR];
    minute = zone.field[MXT_TIME_MINUTE];

    if (p != last || hour > 23 || minute > 59) {
        return -1;
    }

    t->offset = (int) (hour * 3600 + minute * 60);

    if (*s == '-') {
        t->offset = -t->offset;
    }

    return 0;
}


static int
mxt_time_http(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last)
{
    unsigned             *year;
    const char          **form;
    const unsigned char  *p;

    s = mxt_time_weekday(s, last);

    if (s == NULL) {
        return -1;
    }

    for (form = mxt_time_forms; *form; form++) {

        memset(t, 0, sizeof(mxt_time_t));

        p = mxt_time_match(t, s, last, *form);

        if (p == last) {
            break;
        }
    }

    if (*form == NULL) {
        return -1;
    }

    if (form == &mxt_time_forms[1]) {
        year = &t->field[MXT_TIME_YEAR];
        *year += (*year > 70) ? 1900 : 2000;
    }

    return 0;
}


/* what follows the name of a day, or NULL */

static const unsigned char *
mxt_time_weekday(const unsigned char *s, const unsigned char *last)
{
    size_t        n, len;
    const char  **day;

    n = (size_t) (last - s);

    if (n < 3) {
        return NULL;
    }

    for (day = mxt_time_weekdays; *day; day++) {

        if (!mxt_time_same(s, *day, 3)) {
            continue;
        }

        len = strlen(*day);

        return s + (len <= n && mxt_time_same(s, *day, len) ? len : 3);
    }

    return NULL;
}


/* what follows in s behind that form, or NULL */

static const unsigned char *
mxt_time_match(mxt_time_t *t, const unsigned char *s,
    const unsigned char *last, const char *form)
{
    unsigned  *field;

    for ( /* void */ ; *form; form++, s++) {

        if (s == last) {
            return NULL;
        }

        switch (*form) {

        case 'y':
            field = &t->field[MXT_TIME_YEAR];
            break;

        case 'o':
            field = &t->field[MXT_TIME_MONTH];
            break;

        case '_':
            if (*s == ' ') {
                continue;
            }

            /* fall through */

        case 'd':
            field = &t->field[MXT_TIME_DAY];
            break;

        case 'h':
            field = &t->field[MXT_TIME_HOUR];
            break;

        case 'i':
            field = &t->field[MXT_TIME_MINUTE];
            break;

        case 's':
            field = &t->field[MXT_TIME_SECOND];
            break;

        case 'B':
            t->field[MXT_TIME_MONTH] = mxt_time_month(s, last);

            if (t->field[MXT_TIME_MONTH] == 0) {
                return NULL;
            }

            s += 2;
            continue;

        default:
            if (*s != (unsigned char) *form
                && *s != ((unsigned char) *form | 0x20))
            {
                return NULL;
            }

            continue;
        }

        if (!mxt_time_digit(*s)) {
            return NULL;
        }

        *field = *field * 10 + (unsigned) (*s - '0');
    }

    return s;
}


/* 1 to 12, or 0 */

static unsigned
mxt_time_month(const unsigned char *s, const unsigned char *last)
{
    unsigned  i;

    if (last - s < 3) {
        return 0;
    }

    for (i = 0; i < 12; i++) {
        if (mxt_time_same(s, mxt_time_months + 3 * i, 3)) {
            return i + 1;
        }
    }

    return 0;
}


/*
 * The fields to seconds since the epoch; -1 if no calendar has them.  The
 * year is taken to begin in March, so that the leap day is its last.
 */

static int
mxt_time_seconds(const mxt_time_t *t, int64_t *sec)
{
    int64_t          days;
    unsigned         year, month, length;
    const unsigned  *f;

    static const unsigned char  lengths[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    f = t->field;
    year = f[MXT_TIME_YEAR];
    month = f[MXT_TIME_MONTH];

    if (month < 1 || month > 12) {
        return -1;
    }

    length = lengths[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        length++;
    }

    /* the year before is needed below */

    if (year == 0 || f[MXT_TIME_DAY] < 1 || f[MXT_TIME_DAY] > length
        || f[MXT_TIME_HOUR] > 23 || f[MXT_TIME_MINUTE] > 59
        || f[MXT_TIME_SECOND] > 60)
    {
        return -1;
    }

    if (month > 2) {
        month -= 3;

    } else {
        month += 9;
        year--;
    }

    days = (int64_t) (year * 365 + year / 4 - year / 100 + year / 400
                      + (153 * month + 2) / 5 + f[MXT_TIME_DAY] - 1)
           - MXT_TIME_EPOCH;

    *sec = days * 86400 + f[MXT_TIME_HOUR] * 3600 + f[MXT_TIME_MINUTE] * 60
           + f[MXT_TIME_SECOND] - t->offset;

    return 0;
}


/* and back; sec is between the bounds above */

static void
mxt_time_fields(mxt_time_t *t, int64_t sec)
{
    unsigned   days, rest, era, day, year, month;
    unsigned  *f;

    f = t->field;

    days = (unsigned) (sec / 86400);
    rest = (unsigned) (sec % 86400);

    f[MXT_TIME_HOUR] = rest / 3600;
    f[MXT_TIME_MINUTE] = rest / 60 % 60;
    f[MXT_TIME_SECOND] = rest % 60;

    days += MXT_TIME_EPOCH;
    era = days / MXT_TIME_ERA;
    day = days % MXT_TIME_ERA;

    /* less the leap days so far, of 4, 100 and 400 years */
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;

    month = (5 * day + 2) / 153;

    f[MXT_TIME_DAY] = day - (153 * month + 2) / 5 + 1;
    f[MXT_TIME_MONTH] = (month < 10) ? month + 3 : month - 9;
    f[MXT_TIME_YEAR] = era * 400 + year + (month >= 10);
}


static void
mxt_time_write(mxt_json_t *j, const mxt_time_t *t)
{
    unsigned        i, n;
    unsigned char  *p, buf[sizeof("\"YYYY-MM-DDTHH:MM:SS\"")];

    static const char  before[MXT_TIME_FIELDS] = "\0--T::";

    p = buf;
    n = t->field[MXT_TIME_YEAR];

    *p++ = '"';
    *p++ = (unsigned char) ('0' + n / 1000);
    *p++ = (unsigned char) ('0' + n / 100 % 10);
    *p++ = (unsigned char) ('0' + n / 10 % 10);
    *p++ = (unsigned char) ('0' + n % 10);

    n = t->day_alone ? MXT_TIME_HOUR : MXT_TIME_FIELDS;

    for (i = MXT_TIME_MONTH; i < n; i++) {
        *p++ = (unsigned char) before[i];
        *p++ = (unsigned char) ('0' + t->field[i] / 10);
        *p++ = (unsigned char) ('0' + t->field[i] % 10);
    }

    *p++ = '"';

    mxt_json_raw(j, buf, (size_t) (p - buf));
}


static inline unsigned
mxt_time_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}


/* word is of small letters, which one bit tells from the great */

static inline unsigned
mxt_time_same(const unsigned char *s, const char *word, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((s[i] | 0x20) != word[i]) {
            return 0;
        }
    }

    return 1;
}
