
/*
 * What the parts of the work take with nothing around them:
 *
 *     bare LOG
 *
 * LOG has the events of a JSON-shaped access_log, one a line.  They are taken
 * apart first; then each step is timed, several times over all of them, and
 * the best time counts.
 *
 * Prints us of CPU an event: to format it with snprintf, to copy it, to gzip
 * it at level 1 and at level 2 in batches of 2000, and to build and dump it
 * with jansson.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <zlib.h>


#define BARE_EVENTS  8000
#define BARE_BATCH   2000
#define BARE_ROUNDS  7
#define BARE_LINE    4096
#define BARE_FIELDS  11


typedef struct {
    char    *value[BARE_FIELDS];            /* without quotes */
    char    *text;                          /* all of it */
    size_t   len;
} bare_event_t;


static unsigned bare_split(bare_event_t *e, char *line);
static void bare_format(void);
static void bare_copy(void);
static void bare_gzip(int level);
static void bare_gzip_1(void);
static void bare_gzip_2(void);
static void bare_jansson(void);
static double bare_us(void (*step)(void));
static void bare_die(const char *what);


static const char    *bare_key[BARE_FIELDS + 1] = {
    "\"token\":", ",\"time\":", ",\"insert_id\":", ",\"distinct_id\":",
    ",\"ip\":", ",\"current_url\":", ",\"referrer\":", ",\"method\":",
    ",\"status\":", ",\"request_time\":", ",\"user_agent\":", "}}"
};

static bare_event_t   bare_events[BARE_EVENTS];
static unsigned       bare_n;

static char           bare_line[BARE_LINE];
static char           bare_room[BARE_BATCH * BARE_LINE];
static size_t         bare_sum;             /* keeps the work from vanishing */


int
main(int argc, char **argv)
{
    FILE  *f;

    if (argc != 2) {
        fprintf(stderr, "usage: bare LOG\n");
        return 2;
    }

    f = fopen(argv[1], "r");

    if (f == NULL) {
        bare_die(argv[1]);
    }

    while (bare_n < BARE_EVENTS && fgets(bare_line, BARE_LINE, f)) {
        bare_n += bare_split(&bare_events[bare_n], bare_line);
    }

    (void) fclose(f);

    if (bare_n < BARE_BATCH) {
        fprintf(stderr, "bare: too few events\n");
        return 1;
    }

    printf("%.2f %.2f %.2f %.2f %.2f\n", bare_us(bare_format),
           bare_us(bare_copy), bare_us(bare_gzip_1), bare_us(bare_gzip_2),
           bare_us(bare_jansson));

    return bare_sum == 0;
}


static unsigned
bare_split(bare_event_t *e, char *line)
{
    char      *p, *end;
    unsigned   i;

    e->len = strcspn(line, "\n");
    e->text = strndup(line, e->len);
    p = strstr(line, bare_key[0]);

    for (i = 0; i < BARE_FIELDS; i++) {

        if (p == NULL || e->text == NULL) {
            return 0;
        }

        p += strlen(bare_key[i]);
        end = strstr(p, bare_key[i + 1]);

        if (end == NULL) {
            return 0;
        }

        e->value[i] = (*p == '"') ? strndup(p + 1, (size_t) (end - p) - 2)
                                  : strndup(p, (size_t) (end - p));

        if (e->value[i] == NULL) {
            return 0;
        }

        p = end;
    }

    return 1;
}


static void
bare_format(void)
{
    char      **v;
    unsigned    i;

    for (i = 0; i < bare_n; i++) {

        v = bare_events[i].value;

        bare_sum += (size_t) snprintf(bare_line, BARE_LINE,
                        "{\"event\":\"Page View\",\"properties\":{"
                        "\"token\":\"%s\",\"time\":%s,\"$insert_id\":\"%s\","
                        "\"distinct_id\":\"%s\",\"ip\":\"%s\","
                        "\"$current_url\":\"%s\",\"$referrer\":\"%s\","
                        "\"method\":\"%s\",\"status\":%s,"
                        "\"request_time\":%s,\"user_agent\":\"%s\"}}",
                        v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8],
                        v[9], v[10]);
    }
}


static void
bare_copy(void)
{
    char      *p;
    unsigned   i;

    p = bare_room;

    for (i = 0; i < bare_n; i++) {

        if (i % BARE_BATCH == 0) {
            p = bare_room;
        }

        memcpy(p, bare_events[i].text, bare_events[i].len);
        p += bare_events[i].len;
        *p++ = ',';
    }

    bare_sum += (size_t) (p - bare_room);
}


static void
bare_gzip(int level)
{
    unsigned   i;
    z_stream   z;

    memset(&z, 0, sizeof(z));

    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        bare_die("deflateInit2");
    }

    for (i = 0; i < bare_n; i++) {

        if (i % BARE_BATCH == 0) {
            (void) deflateReset(&z);
            z.next_out = (unsigned char *) bare_room;
            z.avail_out = sizeof(bare_room);
        }

        z.next_in = (unsigned char *) bare_events[i].text;
        z.avail_in = (uInt) bare_events[i].len;

        (void) deflate(&z, (i + 1) % BARE_BATCH ? Z_NO_FLUSH : Z_FINISH);
    }

    bare_sum += z.total_out;

    (void) deflateEnd(&z);
}


static void
bare_gzip_1(void)
{
    bare_gzip(1);
}


static void
bare_gzip_2(void)
{
    bare_gzip(2);
}


static void
bare_jansson(void)
{
    char      **v, *text;
    json_t     *event;
    unsigned    i;

    for (i = 0; i < bare_n; i++) {

        v = bare_events[i].value;

        event = json_pack("{s:s,s:{s:s,s:f,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:f,"
                          "s:s}}",
                          "event", "Page View", "properties",
                          "token", v[0], "time", strtod(v[1], NULL),
                          "$insert_id", v[2], "distinct_id", v[3],
                          "ip", v[4], "$current_url", v[5],
                          "$referrer", v[6], "method", v[7],
                          "status", atoi(v[8]),
                          "request_time", strtod(v[9], NULL),
                          "user_agent", v[10]);

        text = event ? json_dumps(event, JSON_COMPACT) : NULL;

        if (text == NULL) {
            bare_die("jansson");
        }

        bare_sum += strlen(text);

        free(text);
        json_decref(event);
    }
}


static double
bare_us(void (*step)(void))
{
    double           us, best;
    unsigned         i;
    struct timespec  from, to;

    best = 0;

    for (i = 0; i < BARE_ROUNDS; i++) {

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        step();
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

        us = ((double) (to.tv_sec - from.tv_sec) * 1e6
              + (double) (to.tv_nsec - from.tv_nsec) / 1e3) / bare_n;

        if (i == 0 || us < best) {
            best = us;
        }
    }

    return best;
}


static void
bare_die(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(1);
}
