
/*
 * The other end of the wire, as cheap as it can be: takes POSTs, waits, and
 * answers "1".
 *
 *     sink [-d MS] [-z] PORT
 *
 * -d waits MS after the last byte of a request: a round trip.  -z unpacks
 * the bodies and looks at the "time" of each event, for how long it was on
 * its way.
 *
 *     GET /stats    what came, as JSON, and forgets it
 *     GET /event    the first event that came (-z)
 *
 * One thread, one epoll descriptor.  It ends when standard input does.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>


#define SINK_CONNS      256
#define SINK_EVENTS     64
#define SINK_HEAD       8192
#define SINK_BODY       (16 * 1024 * 1024)
#define SINK_RAW        (64 * 1024 * 1024)
#define SINK_LATENCIES  60000       /* ms */
#define SINK_TEXT       65536


typedef struct {
    int       fd;                   /* 0 is free */
    unsigned  reading;              /* the body */
    unsigned  gzip;
    size_t    len;                  /* of the head so far */
    size_t    want;                 /* of the body, still */
    size_t    have;                 /* of it, in body */
    char     *body;
    char      head[SINK_HEAD + 1];
} sink_conn_t;


typedef struct {
    unsigned  conn;
    int       fd;
    uint64_t  at;                   /* ms */
} sink_reply_t;


static int sink_listen(unsigned port);
static void sink_accept(int epoll, int fd);
static void sink_close(sink_conn_t *c);
static void sink_read(sink_conn_t *c);
static void sink_head(sink_conn_t *c);
static void sink_done(sink_conn_t *c);
static void sink_look(const char *text, size_t len);
static void sink_get(sink_conn_t *c);
static void sink_stats(char *p, size_t size);
static unsigned sink_percentile(double part);
static void sink_answer(int fd, const char *type, const char *text,
    size_t len);
static uint64_t sink_now(clockid_t clock);
static void sink_die(const char *what);


static sink_conn_t   sink_conns[SINK_CONNS];

/* all wait equally long, so they are answered in the order they came in; a
 * connection has one at most */
static sink_reply_t  sink_replies[SINK_CONNS];
static unsigned      sink_first;
static unsigned      sink_nreplies;

static unsigned      sink_delay;
static unsigned      sink_unpack;
static unsigned char *sink_raw;

static uint64_t      sink_posts;
static uint64_t      sink_wire;
static uint64_t      sink_bytes;
static uint64_t      sink_count;
static uint32_t      sink_latency[SINK_LATENCIES];
static char          sink_event[SINK_TEXT];


int
main(int argc, char **argv)
{
    int                 opt, fd, epoll, n, i, wait;
    uint64_t            now;
    sink_reply_t       *r;
    struct epoll_event  ev, events[SINK_EVENTS];

    while ((opt = getopt(argc, argv, "d:z")) != -1) {

        switch (opt) {

        case 'd':
            sink_delay = (unsigned) atoi(optarg);
            break;

        case 'z':
            sink_unpack = 1;
            break;

        default:
            return 2;
        }
    }

    if (optind + 1 != argc) {
        fprintf(stderr, "usage: sink [-d MS] [-z] PORT\n");
        return 2;
    }

    (void) signal(SIGPIPE, SIG_IGN);

    sink_raw = malloc(SINK_RAW);
    epoll = epoll_create1(0);
    fd = sink_listen((unsigned) atoi(argv[optind]));

    if (epoll == -1 || sink_raw == NULL) {
        sink_die("start");
    }

    ev.events = EPOLLIN;
    ev.data.ptr = NULL;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == -1) {
        sink_die("epoll_ctl");
    }

    /* the one who started us holds the other end */

    ev.events = EPOLLIN|EPOLLHUP;
    ev.data.ptr = sink_replies;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &ev) == -1) {
        sink_die("epoll_ctl of standard input");
    }

    for ( ;; ) {

        wait = -1;

        if (sink_nreplies) {
            now = sink_now(CLOCK_MONOTONIC);
            r = &sink_replies[sink_first];
            wait = r->at > now ? (int) (r->at - now) : 0;
        }

        n = epoll_wait(epoll, events, SINK_EVENTS, wait);

        if (n == -1 && errno != EINTR) {
            sink_die("epoll_wait");
        }

        for (i = 0; i < n; i++) {

            if (events[i].data.ptr == NULL) {
                sink_accept(epoll, fd);

            } else if (events[i].data.ptr == sink_replies) {
                return 0;

            } else {
                sink_read(events[i].data.ptr);
            }
        }

        now = sink_nreplies ? sink_now(CLOCK_MONOTONIC) : 0;

        while (sink_nreplies && sink_replies[sink_first].at <= now) {

            r = &sink_replies[sink_first];

            /* unless it has gone away meanwhile */

            if (sink_conns[r->conn].fd == r->fd) {
                sink_answer(r->fd, "text/plain", "1", 1);
            }

            sink_first = (sink_first + 1) % SINK_CONNS;
            sink_nreplies--;
        }
    }
}


static int
sink_listen(unsigned port)
{
    int                 fd, on;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((uint16_t) port);

    on = 1;
    fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
        || bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 128) == -1)
    {
        sink_die("listen");
    }

    return fd;
}


static void
sink_accept(int epoll, int fd)
{
    int                 s, on;
    unsigned            i;
    struct epoll_event  ev;

    s = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

    if (s == -1) {
        return;
    }

    for (i = 0; i < SINK_CONNS && sink_conns[i].fd; i++) { /* void */ }

    on = 1;
    ev.events = EPOLLIN;
    ev.data.ptr = &sink_conns[i];

    if (i == SINK_CONNS
        || setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1
        || epoll_ctl(epoll, EPOLL_CTL_ADD, s, &ev) == -1)
    {
        (void) close(s);
        return;
    }

    sink_conns[i].fd = s;
    sink_conns[i].len = 0;
    sink_conns[i].reading = 0;
}


static void
sink_close(sink_conn_t *c)
{
    (void) close(c->fd);
    c->fd = 0;
}


static void
sink_read(sink_conn_t *c)
{
    size_t       room;
    ssize_t      n;
    static char  waste[256 * 1024];

    while (c->fd) {

        if (!c->reading) {
            n = recv(c->fd, c->head + c->len, SINK_HEAD - c->len, 0);

        } else if (sink_unpack) {
            n = recv(c->fd, c->body + c->have, c->want, 0);

        } else {
            room = c->want < sizeof(waste) ? c->want : sizeof(waste);
            n = recv(c->fd, waste, room, 0);
        }

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {
            sink_close(c);
            return;
        }

        if (c->reading) {
            c->have += (size_t) n;
            c->want -= (size_t) n;

        } else {
            c->len += (size_t) n;
            sink_head(c);
        }

        if (c->fd && c->reading && c->want == 0) {
            sink_done(c);
        }
    }
}


static void
sink_head(sink_conn_t *c)
{
    char    *end, *p;
    size_t   rest;

    c->head[c->len] = '\0';
    end = strstr(c->head, "\r\n\r\n");

    if (end == NULL) {

        if (c->len == SINK_HEAD) {
            sink_close(c);
        }

        return;
    }

    end += 4;

    if (strncmp(c->head, "GET ", 4) == 0) {
        sink_get(c);
        return;
    }

    p = strcasestr(c->head, "\r\nContent-Length:");
    c->want = (p && p < end) ? strtoull(p + 17, NULL, 10) : 0;

    p = strcasestr(c->head, "\r\nContent-Encoding: gzip");
    c->gzip = (p && p < end);

    rest = c->len - (size_t) (end - c->head);

    if (c->want > SINK_BODY || rest > c->want) {
        sink_close(c);
        return;
    }

    if (sink_unpack) {

        if (c->body == NULL) {
            c->body = malloc(SINK_BODY);
        }

        if (c->body == NULL) {
            sink_die("memory");
        }

        memcpy(c->body, end, rest);
    }

    c->reading = 1;
    c->have = rest;
    c->want -= rest;
}


static void
sink_done(sink_conn_t *c)
{
    int            rc;
    z_stream       z;
    sink_reply_t  *r;

    c->reading = 0;
    c->len = 0;

    sink_posts++;
    sink_wire += c->have;

    r = &sink_replies[(sink_first + sink_nreplies) % SINK_CONNS];
    r->conn = (unsigned) (c - sink_conns);
    r->fd = c->fd;
    r->at = sink_now(CLOCK_MONOTONIC) + sink_delay;

    if (sink_delay) {
        sink_nreplies++;

    } else {
        sink_answer(c->fd, "text/plain", "1", 1);
    }

    if (!sink_unpack) {
        return;
    }

    if (!c->gzip) {
        sink_look(c->body, c->have);
        return;
    }

    memset(&z, 0, sizeof(z));
    z.next_in = (unsigned char *) c->body;
    z.avail_in = (uInt) c->have;
    z.next_out = sink_raw;
    z.avail_out = SINK_RAW;

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        sink_die("inflateInit2");
    }

    rc = inflate(&z, Z_FINISH);
    (void) inflateEnd(&z);

    if (rc != Z_STREAM_END) {
        fprintf(stderr, "sink: a body is no gzip: %d\n", rc);
        exit(1);
    }

    sink_look((char *) sink_raw, z.total_out);
}


/* the module writes "time" as thirteen digits and each "event" first */

static void
sink_look(const char *text, size_t len)
{
    size_t       n;
    uint64_t     now, time, ms;
    const char  *p, *end, *next;

    now = sink_now(CLOCK_REALTIME);
    end = text + len;

    sink_bytes += len;

    for (p = text; p < end; p = next) {

        p = memmem(p, (size_t) (end - p), "\"time\":", 7);

        if (p == NULL) {
            break;
        }

        next = p + 7;
        time = strtoull(next, NULL, 10);
        ms = now > time ? now - time : 0;

        sink_latency[ms < SINK_LATENCIES ? ms : SINK_LATENCIES - 1]++;
        sink_count++;
    }

    if (sink_event[0] == '\0') {

        next = memmem(text + 1, len - 1, "{\"event\":", 9);
        next = next ? memmem(next + 1, (size_t) (end - next) - 1,
                             ",{\"event\":", 10)
                    : NULL;
        n = (size_t) ((next ? next : end - 1) - text) - 1;

        if (n < SINK_TEXT) {
            memcpy(sink_event, text + 1, n);
            sink_event[n] = '\0';
        }
    }
}


static void
sink_get(sink_conn_t *c)
{
    char  text[1024];

    if (strncmp(c->head, "GET /event ", 11) == 0) {
        sink_answer(c->fd, "application/json", sink_event,
                    strlen(sink_event));
        sink_event[0] = '\0';

    } else {
        sink_stats(text, sizeof(text));
        sink_answer(c->fd, "application/json", text, strlen(text));
    }

    c->len = 0;
}


static void
sink_stats(char *p, size_t size)
{
    (void) snprintf(p, size, "{\"posts\":%llu,\"wire\":%llu,\"bytes\":%llu,"
                    "\"events\":%llu,\"p50\":%u,\"p90\":%u,\"p99\":%u,"
                    "\"p999\":%u,\"max\":%u}\n",
                    (unsigned long long) sink_posts,
                    (unsigned long long) sink_wire,
                    (unsigned long long) sink_bytes,
                    (unsigned long long) sink_count,
                    sink_percentile(0.5), sink_percentile(0.9),
                    sink_percentile(0.99), sink_percentile(0.999),
                    sink_percentile(1));

    sink_posts = 0;
    sink_wire = 0;
    sink_bytes = 0;
    sink_count = 0;
    memset(sink_latency, 0, sizeof(sink_latency));
}


/* the least ms within which this part of the events came */

static unsigned
sink_percentile(double part)
{
    double    sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < SINK_LATENCIES - 1; i++) {

        sum += sink_latency[i];

        if (sum >= part * (double) sink_count) {
            break;
        }
    }

    return i;
}


static void
sink_answer(int fd, const char *type, const char *text, size_t len)
{
    int          n;
    ssize_t      sent;
    static char  buf[SINK_TEXT + 256];

    n = snprintf(buf, 256, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                           "Content-Length: %zu\r\n\r\n", type, len);

    memcpy(buf + n, text, len);

    /* it fits the socket's buffer: there was nothing in it */

    sent = send(fd, buf, (size_t) n + len, 0);
    (void) sent;
}


static uint64_t
sink_now(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
sink_die(const char *what)
{
    fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(1);
}
