
/*
 * Requests that differ, and an exact number of them:
 *
 *     load [-n REQUESTS] [-c CONNECTIONS] [-p DEPTH] [-o | -r RATE]
 *          [-k TOKEN] [-u] -a AGENTS PORT...
 *
 * Each port gets REQUESTS over CONNECTIONS of its own.  In a round, all
 * connections of all ports send DEPTH pipelined requests each, then all
 * replies are awaited: so several servers take the same load at the same
 * time.  -o has one request under way at a time, of all: then a server makes
 * the same system calls whenever it is asked.  -r sends RATE requests a
 * second in all, DEPTH of them at a time.
 *
 * What is sent is the same in every run: a table of requests with URI,
 * arguments, user agent (a line of AGENTS each), referrer, address
 * (X-Forwarded-For) and cookies of their own.  The table is far larger than
 * gzip's window.  With -k the browser SDK's cookie for that token is among
 * the cookies, of a visitor who has come from a campaign and signed in.  With
 * -u no user agent of the table is there twice.
 *
 * The sockets block: the waiting is for the server under test.
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOAD_REQUESTS   8192        /* a power of two */
#define LOAD_AGENTS     256
#define LOAD_PORTS      16
#define LOAD_REPLIES    65536

/* a server has accepted all connections before the first request */
#define LOAD_SETTLE_MS  300


typedef struct {
    int       fd;
    unsigned  port;                 /* of which of them */
    unsigned  due;                  /* replies under way */
} load_conn_t;


static void load_agents(const char *file);
static void load_render(void);
static int load_cookie(char *p, uint32_t user);
static int load_uri(char *p, size_t size);
static const char *load_word(void);
static uint32_t load_random(uint32_t n);
static void load_connect(load_conn_t *c, unsigned port);
static void load_rounds(uint64_t n, unsigned depth);
static void load_one_by_one(uint64_t n);
static void load_rate(uint64_t n, uint64_t rate, unsigned depth);
static void load_send(load_conn_t *c, unsigned depth);
static void load_write(int fd, const char *p, size_t len);
static void load_receive(load_conn_t *c);
static uint64_t load_now(void);
static void load_die(const char *what);


static const char  *load_words[] = {
    "garden", "chair", "oak", "table", "lamp", "linen", "winter", "summer",
    "outdoor", "kitchen", "copper", "steel", "cotton", "wool", "blue",
    "green", "natural", "compact", "folding", "large", "small", "classic",
    "modern", "travel", "coffee", "grinder", "bottle", "backpack", "desk",
    "shelf", "carpet", "mirror", "candle", "basket", "blanket", "pillow",
    "heater", "cooler", "stove", "kettle", "knife", "board", "spoon", "plate",
    "glass", "bowl", "tray", "rack", "hook", "frame", "clock", "radio",
    "speaker", "cable", "charger", "case", "stand", "mount", "bag", "belt",
    "jacket", "scarf", "glove", "boot"
};

static const char  *load_sources[] = {
    "newsletter", "google", "facebook", "partner", "instagram", "bing"
};

static const char  *load_referrers[] = {
    "https://www.google.com/", "https://duckduckgo.com/",
    "https://www.bing.com/search?q=garden+chairs+for+the+balcony",
    "https://news.example.org/reviews/the-best-garden-furniture",
    "https://www.facebook.com/", "http://www.shop.example.com",
    "http://www.shop.example.com", "http://www.shop.example.com"
};


static char         *load_agent[LOAD_AGENTS];
static unsigned      load_nagents;
static unsigned      load_unique;
static const char   *load_token;

/* one behind the other, so that a run of them is one write */
static char         *load_text;
static size_t        load_at[LOAD_REQUESTS + 1];
static unsigned      load_next;

static unsigned      load_ports[LOAD_PORTS];
static unsigned      load_nports;
static unsigned      load_nconns;               /* of all ports */
static load_conn_t  *load_conns;

/* all replies of a port have one length, which the first one tells */
static size_t        load_reply[LOAD_PORTS];


int
main(int argc, char **argv)
{
    int              opt;
    double           seconds;
    uint64_t         n, rate, start;
    unsigned         i, k, conns, depth, one;
    const char      *agents;
    struct timespec  settle;

    n = 1000;
    conns = 1;
    depth = 1;
    one = 0;
    rate = 0;
    agents = NULL;

    while ((opt = getopt(argc, argv, "n:c:p:r:a:k:ou")) != -1) {

        switch (opt) {

        case 'n':
            n = strtoull(optarg, NULL, 10);
            break;

        case 'c':
            conns = (unsigned) atoi(optarg);
            break;

        case 'p':
            depth = (unsigned) atoi(optarg);
            break;

        case 'r':
            rate = strtoull(optarg, NULL, 10);
            break;

        case 'a':
            agents = optarg;
            break;

        case 'k':
            load_token = optarg;
            break;

        case 'o':
            one = 1;
            break;

        case 'u':
            load_unique = 1;
            break;

        default:
            return 2;
        }
    }

    while (optind < argc && load_nports < LOAD_PORTS) {
        load_ports[load_nports++] = (unsigned) atoi(argv[optind++]);
    }

    if (load_nports == 0 || agents == NULL || conns == 0 || depth == 0
        || depth > LOAD_REQUESTS)
    {
        fprintf(stderr, "usage: load [-n REQUESTS] [-c CONNECTIONS] "
                        "[-p DEPTH] [-o | -r RATE] [-k TOKEN] [-u] "
                        "-a AGENTS PORT...\n");
        return 2;
    }

    (void) signal(SIGPIPE, SIG_IGN);

    load_agents(agents);
    load_render();

    load_nconns = conns * load_nports;
    load_conns = calloc(load_nconns, sizeof(load_conn_t));

    if (load_conns == NULL) {
        load_die("memory");
    }

    /* port by port in turn, as they are used */

    for (i = 0, k = 0; i < conns; i++) {
        for (unsigned p = 0; p < load_nports; p++, k++) {
            load_connect(&load_conns[k], p);
        }
    }

    settle.tv_sec = 0;
    settle.tv_nsec = LOAD_SETTLE_MS * 1000000L;
    (void) nanosleep(&settle, NULL);

    start = load_now();

    if (rate) {
        load_rate(n * load_nports, rate, depth);

    } else if (one) {
        load_one_by_one(n * load_nports);

    } else {
        load_rounds(n, depth);
    }

    seconds = (double) (load_now() - start) / 1e9;

    printf("%.3f\n", seconds);

    return 0;
}


static void
load_agents(const char *file)
{
    char   line[1024];
    FILE  *f;

    f = fopen(file, "r");

    if (f == NULL) {
        load_die(file);
    }

    while (load_nagents < LOAD_AGENTS && fgets(line, sizeof(line), f)) {

        line[strcspn(line, "\r\n")] = '\0';

        if (line[0]) {
            load_agent[load_nagents++] = strdup(line);
        }
    }

    (void) fclose(f);

    if (load_nagents == 0) {
        load_die("no agents");
    }
}


static void
load_render(void)
{
    char      *p, referrer[256], unique[16];
    size_t     len, size;
    unsigned   i;
    uint32_t   user;

    size = (size_t) LOAD_REQUESTS * 2304;
    load_text = malloc(size);

    if (load_text == NULL) {
        load_die("memory");
    }

    p = load_text;

    for (i = 0; i < LOAD_REQUESTS; i++) {

        load_at[i] = (size_t) (p - load_text);

        user = load_random(50000);
        unique[0] = '\0';

        if (load_unique) {
            (void) snprintf(unique, sizeof(unique), " n/%04x", i);
        }

        len = (size_t) snprintf(referrer, sizeof(referrer), "%s",
                                load_referrers[load_random(8)]);

        if (referrer[4] == ':') {
            (void) load_uri(referrer + len, sizeof(referrer) - len);
        }

        p += sprintf(p, "GET ");
        p += load_uri(p, 256);
        p += sprintf(p, " HTTP/1.1\r\n"
                        "Host: www.shop.example.com\r\n"
                        "User-Agent: %s%s\r\n"
                        "Accept: text/html,application/xhtml+xml,"
                        "application/xml;q=0.9,*/*;q=0.8\r\n"
                        "Accept-Language: en-US,en;q=0.5\r\n"
                        "Accept-Encoding: gzip, deflate, br\r\n"
                        "Referer: %s\r\n"
                        "X-Forwarded-For: %u.%u.%u.%u\r\n"
                        "Cookie: sid=%08x%08x; uid=user-%06u",
                     load_agent[load_random(load_nagents)], unique, referrer,
                     11 + user % 180, user / 180 % 250, load_random(250),
                     1 + load_random(250), user * 2654435761u,
                     load_random(0xffffffff), user);

        if (load_token) {
            p += load_cookie(p, user);
        }

        p += sprintf(p, "\r\n\r\n");
    }

    load_at[i] = (size_t) (p - load_text);
}


/* as the SDK writes it: JSON, percent-encoded */

static int
load_cookie(char *p, uint32_t user)
{
    return sprintf(p, "; mp_%s_mixpanel=%%7B%%22distinct_id%%22%%3A%%20"
                      "%%22user-%06u%%22%%2C%%22%%24device_id%%22%%3A%%20"
                      "%%22%08x-%04x-4c5d-8e6f-%012u%%22%%2C"
                      "%%22%%24initial_referrer%%22%%3A%%20%%22"
                      "https%%3A%%2F%%2Fnews.example.org%%2F%%22%%2C"
                      "%%22%%24initial_referring_domain%%22%%3A%%20%%22"
                      "news.example.org%%22%%2C%%22__mps%%22%%3A%%20%%7B%%7D"
                      "%%2C%%22__mpso%%22%%3A%%20%%7B%%7D%%2C%%22__mpus%%22"
                      "%%3A%%20%%7B%%7D%%2C%%22utm_source%%22%%3A%%20%%22"
                      "%s%%22%%2C%%22utm_medium%%22%%3A%%20%%22email%%22%%2C"
                      "%%22%%24user_id%%22%%3A%%20%%22user-%06u%%22%%7D",
                   load_token, user, user * 2654435761u, user & 0xffff, user,
                   load_sources[load_random(6)], user);
}


static int
load_uri(char *p, size_t size)
{
    const char  *a, *b, *c;

    a = load_word();
    b = load_word();
    c = load_word();

    switch (load_random(6)) {

    case 0:
    case 1:
        return snprintf(p, size, "/products/%06u-%s-%s-%s?variant=%u&color=%s"
                        "&utm_source=%s&utm_medium=email"
                        "&utm_campaign=%s-%s-%02u",
                        load_random(1000000), a, b, c, load_random(90000),
                        load_word(), load_sources[load_random(6)],
                        load_word(), load_word(), load_random(53));

    case 2:
        return snprintf(p, size, "/category/%s/%s/%s?page=%u&per_page=48"
                        "&sort=price_asc&min_price=%u&max_price=%u"
                        "&material=%s&session=%08x",
                        a, b, c, load_random(40), load_random(100),
                        100 + load_random(900), load_word(),
                        load_random(0xffffffff));

    case 3:
        return snprintf(p, size, "/search?q=%s+%s+%s&page=%u&in_stock=1"
                        "&sort=relevance&brand=%s&suggestion=%s&ref=%08x",
                        a, b, c, load_random(20), load_word(), load_word(),
                        load_random(0xffffffff));

    case 4:
        return snprintf(p, size, "/blog/20%02u/%02u/%s-%s-%s-for-the-%s"
                        "?utm_source=%s&utm_medium=%s&utm_content=%s"
                        "&click=%08x",
                        10 + load_random(16), 1 + load_random(12), a, b, c,
                        load_word(), load_sources[load_random(6)],
                        load_word(), load_word(), load_random(0xffffffff));

    default:
        return snprintf(p, size, "/api/v2/customers/%u/orders/%u/%s"
                        "?fields=id,name,price,%s,%s&limit=%u"
                        "&request_id=%08x-%04x-%08x",
                        load_random(1000000), load_random(10000000), a, b, c,
                        1 + load_random(100), load_random(0xffffffff),
                        load_random(0xffff), load_random(0xffffffff));
    }
}


static const char *
load_word(void)
{
    return load_words[load_random(sizeof(load_words) / sizeof(char *))];
}


/* xorshift, from the same seed in every run */

static uint32_t
load_random(uint32_t n)
{
    static uint64_t  x = 88172645463325252ULL;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return (uint32_t) (x >> 16) % n;
}


static void
load_connect(load_conn_t *c, unsigned port)
{
    int                 on;
    struct timeval      tv;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((uint16_t) load_ports[port]);

    on = 1;
    tv.tv_sec = 30;
    tv.tv_usec = 0;

    c->port = port;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd == -1
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1
        || setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1
        || connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1)
    {
        load_die("connect");
    }
}


static void
load_rounds(uint64_t n, unsigned depth)
{
    unsigned      i, k, conns, part, swap;
    unsigned      turn[LOAD_PORTS];
    uint64_t      left[LOAD_PORTS];
    load_conn_t  *c;

    for (i = 0; i < load_nports; i++) {
        left[i] = n;
        turn[i] = i;
    }

    for ( ;; ) {

        conns = 0;

        /*
         * who is asked first is woken for less, and what one leaves in the
         * CPU's caches the next one finds there: they take random turns
         */

        for (i = load_nports - 1; i > 0; i--) {
            k = load_random(i + 1);
            swap = turn[k];
            turn[k] = turn[i];
            turn[i] = swap;
        }

        for (i = 0; i < load_nconns; i++) {

            k = turn[i % load_nports];
            c = &load_conns[i - i % load_nports + k];
            part = left[k] < depth ? (unsigned) left[k] : depth;

            if (part) {
                load_send(c, part);
                left[k] -= part;
                conns++;
            }
        }

        if (conns == 0) {
            break;
        }

        for (i = 0; i < load_nconns; i++) {
            load_receive(&load_conns[i]);
        }
    }
}


static void
load_one_by_one(uint64_t n)
{
    uint64_t  i;

    for (i = 0; i < n; i++) {
        load_send(&load_conns[i % load_nconns], 1);
        load_receive(&load_conns[i % load_nconns]);
    }
}


static void
load_rate(uint64_t n, uint64_t rate, unsigned depth)
{
    uint64_t         sent, due, start;
    unsigned         i, part, most, first, conns;
    struct timespec  tick;

    tick.tv_sec = 0;
    tick.tv_nsec = 1000000;

    start = load_now();
    first = 0;

    for (sent = 0; sent < n; sent += most) {

        due = (load_now() - start) * rate / 1000000000;

        if (due > n) {
            due = n;
        }

        most = due > sent ? (unsigned) (due - sent) : 0;

        if (most > load_nconns * depth) {
            most = load_nconns * depth;
        }

        conns = (most + depth - 1) / depth;

        for (i = 0; i < conns; i++) {
            part = (i + 1 < conns) ? depth : most - i * depth;
            load_send(&load_conns[(first + i) % load_nconns], part);
        }

        for (i = 0; i < conns; i++) {
            load_receive(&load_conns[(first + i) % load_nconns]);
        }

        first += conns;

        (void) nanosleep(&tick, NULL);
    }
}


static void
load_send(load_conn_t *c, unsigned depth)
{
    unsigned  n;

    c->due += depth;

    while (depth) {

        n = LOAD_REQUESTS - load_next;

        if (n > depth) {
            n = depth;
        }

        load_write(c->fd, load_text + load_at[load_next],
                   load_at[load_next + n] - load_at[load_next]);

        load_next = (load_next + n) & (LOAD_REQUESTS - 1);
        depth -= n;
    }
}


static void
load_write(int fd, const char *p, size_t len)
{
    ssize_t  n;

    while (len) {

        n = send(fd, p, len, 0);

        if (n == -1) {
            load_die("send");
        }

        p += n;
        len -= (size_t) n;
    }
}


/* all replies that are due; each begins as it should, or we end */

static void
load_receive(load_conn_t *c)
{
    char           *body, *length;
    size_t          have, used, *size;
    ssize_t         n;
    static char     buf[LOAD_REPLIES + 1];

    size = &load_reply[c->port];
    have = 0;
    used = 0;

    while (c->due) {

        if (have == LOAD_REPLIES) {
            memmove(buf, buf + used, have - used);
            have -= used;
            used = 0;
        }

        n = recv(c->fd, buf + have, LOAD_REPLIES - have, 0);

        if (n <= 0) {
            load_die(n ? "recv" : "closed by the server");
        }

        have += (size_t) n;
        buf[have] = '\0';

        if (*size == 0) {
            body = strstr(buf, "\r\n\r\n");
            length = strstr(buf, "Content-Length: ");

            if (body == NULL) {
                continue;
            }

            *size = (size_t) (body - buf) + 4
                    + (length ? (size_t) atoi(length + 16) : 0);
        }

        while (c->due && have - used >= *size) {

            if (memcmp(buf + used, "HTTP/1.1 20", 11) != 0) {
                buf[used + 40 < have ? used + 40 : have] = '\0';
                fprintf(stderr, "load: unexpected reply: %s\n", buf + used);
                exit(1);
            }

            used += *size;
            c->due--;
        }
    }

    if (have != used) {
        load_die("more than was asked for");
    }
}


static uint64_t
load_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
load_die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}
