/* link: src/core/mxt_url.c */

/*
 * The client against servers that do what servers do: answer, hang up,
 * refuse, say too much, or nothing.  What a server does is in the path.
 */


#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <curl/curl.h>


/* allocation number fail_at (from 0) fails, libcurl's and ours */

static long  fail_at = -1;
static long  fail_seen;

/* allocations that are not freed yet */
static long  live;

static int fault(void);
static void *test_malloc(size_t size);
static void *test_calloc(size_t n, size_t size);
static void *test_realloc(void *p, size_t size);
static char *test_strdup(const char *s);
static void test_free(void *p);
static void *counted(void *p);


#define calloc(n, s)   test_calloc(n, s)
#define realloc(p, s)  test_realloc(p, s)

/* each look at the clock takes tick ms if that is set */

static long      tick;
static long      ticked;
static unsigned  performed;

#define clock_gettime(c, ts)      test_clock_gettime(c, ts)
#define curl_multi_perform(m, r)  (performed++, curl_multi_perform(m, r))

static int test_clock_gettime(clockid_t clock, struct timespec *ts);

/* another libcurl than there is, when told is set */

static curl_version_info_data  *told;

static curl_version_info_data *test_version_info(CURLversion version);


#define curl_version_info(v)      test_version_info(v)

/*
 * What is defined here is what libcurl gets, too: a clock that is skew
 * seconds ahead, and a resolver that knows one name, "mxt.test".
 */

static long         skew;
static unsigned     resolved;
static const char  *addresses[3];

#include "../../src/core/mxt_http_setup.c"
#include "../../src/core/mxt_http.c"

#undef calloc
#undef realloc
#undef clock_gettime
#undef curl_multi_perform
#undef curl_version_info


#include "tap.h"


#define MB  (1024 * 1024)

/* a conf as small as it can be, of arrays and constants, too */
#define CONF(u, n, t)                                                         \
    { .url = (u), .user_agent = "mxt", .connections = (n),                    \
      .connect_timeout = (t), .total_timeout = (t) }


/* what the server has seen, shared with it */

typedef struct {
    unsigned  connections;
    unsigned  requests;
    unsigned  turn;
    uint32_t  local;            /* the address last connected to */
    uint64_t  hash;             /* of the last body */
    uint64_t  len;
    char      head[4096];       /* of the last request */
} seen_t;


static void versions(void);
static void creating(void);
static void a_post(void);
static void bodies(void);
static void replies(void);
static void broken(void);
static void retry_after(void);
static void floods(void);
static void too_much(void);
static void basic_auth(void);
static void reuse(void);
static void stale(void);
static void turns(void);
static void concurrent(void);
static void budgets(void);
static void timeouts(void);
static void refused(void);
static void proxy_ports(void);
static void names(void);
static void addresses_change(void);
static void black_hole(void);
static void memory(void);
static void aborting(void);
static void chaos(void);

static mxt_http_t *client(const char *path, unsigned connections,
    uint32_t timeout);
static int await(mxt_http_t *h, mxt_http_result_t *r);
static int post_once(mxt_http_t *h, mxt_http_result_t *r);
static const char *text(const mxt_http_result_t *r);
static int once(const char *path, const void *body, size_t len,
    mxt_http_result_t *r);
static uint64_t hash_of(const void *data, size_t len);

static int listener(int backlog, unsigned *p);
static int listener_at(const char *address, int backlog, unsigned *p);
static pid_t server(int fd);
static void serve(int fd);
static int answer(int fd, char *head);
static int read_head(int fd, char *head, size_t size, size_t *extra);
static int read_body(int fd, char *head, size_t got);
static int say(int fd, const char *text);
static int say_n(int fd, size_t n);


static seen_t      *seen;
static unsigned     port;
static mxt_http_t  *current;        /* of once() */


int
main(void)
{
    int    fd, status;
    pid_t  pid;

    (void) signal(SIGPIPE, SIG_IGN);
    (void) setenv("http_proxy", "http://127.0.0.1:1/", 1);
    (void) setenv("all_proxy", "http://127.0.0.1:1/", 1);
    (void) setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);

    seen = mmap(NULL, sizeof(seen_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    fd = listener(64, &port);

    if (seen == MAP_FAILED || fd == -1) {
        perror("setup");
        return 1;
    }

    pid = server(fd);
    (void) close(fd);

    /* the first one counts, so that allocations can be made to fail */

    (void) curl_global_init_mem(CURL_GLOBAL_ALL, test_malloc, test_free,
                                test_realloc, test_strdup, test_calloc);

    tap_ok(mxt_http_global_init() == 0, "global init");
    versions();
    creating();
    a_post();
    bodies();
    replies();
    broken();
    retry_after();
    floods();
    too_much();
    basic_auth();
    reuse();
    stale();
    turns();
    concurrent();
    budgets();
    timeouts();
    refused();
    proxy_ports();
    names();
    addresses_change();
    black_hole();
    aborting();
    memory();
    chaos();

    (void) kill(-pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    curl_global_cleanup();
    curl_global_cleanup();

    return tap_done();
}


/* a thread that resolves is waited for, unless both know better */

static void
versions(void)
{
    int                     known;
    curl_version_info_data  info;

    known = LIBCURL_VERSION_NUM >= 0x075700;

    info = *curl_version_info(CURLVERSION_NOW);
    told = &info;

    info.features = CURL_VERSION_ASYNCHDNS;
    info.ares = NULL;
    info.version_num = 0x075700;
    tap_ok(mxt_http_resolves_async() == known, "7.87.0, with threads");

    info.version_num = 0x080e01;
    tap_ok(mxt_http_resolves_async() == known, "a later one");

    info.version_num = 0x0756ff;
    tap_ok(!mxt_http_resolves_async(), "one before it is waited for");

    info.ares = "1.18.1";
    tap_ok(mxt_http_resolves_async(), "but not with c-ares");

    info.features = 0;
    info.ares = NULL;
    info.version_num = 0x080e01;
    tap_ok(!mxt_http_resolves_async(), "one that resolves in line");

    told = NULL;
}


static void
creating(void)
{
    size_t           i;
    mxt_http_t      *h;
    const char      *why;
    mxt_http_conf_t  conf = CONF(NULL, 2, 1000);

    static const char *const  bad[] = {
        "", "nonsense", "/track", "http://", "http://a b/",
        "http://a:99999/", "http://a/\r\nX: y", "ftp://a/",
        "file:///etc/passwd", "gopher://a/", "httpx://a/", "//a/track",
        "http://user@a/", "https://user:secret@a/track", "https://:secret@a/"
    };

    static const char *const  bad_proxy[] = {
        "", "nonsense", "a:3128", "http://:3128", "socks5://a:1080",
        "http://a:3128/path", "http://a:3128/?q", "https://a/#f",
        "http://u:p@a b:3128"
    };

    static const char *const  good_proxy[] = {
        "http://a:3128", "http://127.0.0.1:80/", "http://[::1]:3128",
        "http://user@a:3128", "http://us%40er:p%3aass@a:3128",
        "http://a", "http://u:p@a/", "https://a:3128", "https://u:p@a"
    };

    static const char *const  good[] = {
        "http://a", "http://a/track?ip=0&verbose=1", "https://a:8443/track",
        "HTTP://127.0.0.1/", "http://[::1]:8080/"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        conf.url = bad[i];
        why = NULL;
        h = mxt_http_create(&conf, i % 2 ? &why : NULL);

        if (!tap_ok(h == NULL && (why || i % 2 == 0), "bad URL %zu: %s", i,
                    why ? why : ""))
        {
            tap_diag("%s", bad[i]);
            mxt_http_destroy(h);
        }
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        conf.url = good[i];
        h = mxt_http_create(&conf, NULL);

        if (tap_ok(h != NULL, "good URL: %s", good[i])) {
            mxt_http_destroy(h);
        }
    }

    for (i = 0; i < sizeof(bad_proxy) / sizeof(bad_proxy[0]); i++) {
        conf.proxy = bad_proxy[i];
        why = NULL;
        h = mxt_http_create(&conf, &why);

        if (!tap_ok(h == NULL && why && mxt_http_check(&conf, &why) == -1,
                    "bad proxy %zu: %s", i, why ? why : ""))
        {
            tap_diag("%s", bad_proxy[i]);
            mxt_http_destroy(h);
        }
    }

    for (i = 0; i < sizeof(good_proxy) / sizeof(good_proxy[0]); i++) {
        conf.proxy = good_proxy[i];
        h = mxt_http_create(&conf, &why);

        if (tap_ok(h != NULL && mxt_http_check(&conf, &why) == 0,
                   "good proxy: %s", good_proxy[i]))
        {
            mxt_http_destroy(h);
        }
    }

    conf.proxy = NULL;
    conf.user = "a:b";
    tap_ok(mxt_http_create(&conf, &why) == NULL && strstr(why, "colon"),
           "a colon in a user name");

    conf.user = NULL;
    conf.key.data = "key";
    conf.key.len = 3;
    tap_ok(mxt_http_create(&conf, &why) == NULL && strstr(why, "key"),
           "a key without a certificate");
}


static void
a_post(void)
{
    char               url[64], agent[16], want[256];
    mxt_http_t        *h;
    mxt_http_conf_t    conf;
    mxt_http_result_t  r;

    /* both are copied */

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/good?ip=0&verbose=1",
             port);
    strcpy(agent, "mxt/1.0");

    memset(&conf, 0, sizeof(conf));
    conf.url = url;
    conf.user_agent = agent;
    conf.connections = 1;
    conf.connect_timeout = 5000;
    conf.total_timeout = 10000;

    h = mxt_http_create(&conf, NULL);
    memset(url, 'x', sizeof(url));
    memset(agent, 'x', sizeof(agent));

    tap_ok(mxt_http_result(h, &r) == 0, "no result before a post");
    tap_is_u64(mxt_http_perform(h, 1000), 0, "nothing to perform");

    tap_ok(mxt_http_post(h, "[1,2,3]", 7, 1, &conf) == 0, "a post");
    tap_ok(mxt_http_post(h, "[1,2,3]", 7, 1, NULL) == -1,
           "no connection for another one");
    tap_ok(mxt_http_result(h, &r) == 0, "no result at once");

    tap_ok(await(h, &r) == 1, "a result");
    tap_ok(r.data == &conf, "the caller's data");
    tap_ok(r.reply.error == 0 && r.text == NULL, "no error");
    tap_ok(r.reply.status == 200 && !r.reply.cut, "200");
    tap_is_str(r.reply.body, r.reply.len, "1", "its body");
    tap_ok(r.ms < 10000, "took %llu ms", (unsigned long long) r.ms);

    tap_ok(mxt_http_result(h, &r) == 0, "no other one");
    performed = 0;
    tap_ok(mxt_http_perform(h, 1000) == 0 && performed == 0,
           "nothing to perform again");

    snprintf(want, sizeof(want),
             "POST /good?ip=0&verbose=1 HTTP/1.1\r\n"
             "Host: 127.0.0.1:%u\r\n"
             "User-Agent: mxt/1.0\r\n"
             "Accept: */*\r\n"
             "Content-Type: application/json\r\n"
             "Content-Encoding: gzip\r\n"
             "Content-Length: 7\r\n\r\n", port);
    tap_is_str(seen->head, strlen(seen->head), want, "what went out");

    tap_ok(mxt_http_post(h, "[1,2,3]", 7, 0, NULL) == 0
           && await(h, &r) == 1 && r.data == NULL, "one without gzip");
    tap_ok(strstr(seen->head, "Content-Encoding") == NULL
           && strstr(seen->head, "Content-Type: application/json"),
           "says so");

    mxt_http_destroy(h);
}


static void
bodies(void)
{
    char               *body;
    size_t              i, n;
    mxt_http_t         *h;
    mxt_http_result_t   r;

    static const size_t  size[] = {
        0, 1, 16384, 65535, 65536, 65537, 170000, 262143, 262144, 262145,
        MB, 10 * MB
    };

    h = client("/good", 2, 20000);
    body = malloc(10 * MB);

    for (i = 0; i < 10 * MB; i++) {
        body[i] = (char) (i * 2654435761U >> 13);
    }

    for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        n = size[i];

        tap_ok(mxt_http_post(h, n ? body : NULL, n, 1, NULL) == 0
               && await(h, &r) == 1 && r.reply.error == 0
               && r.reply.status == 200, "%zu bytes", n);
        tap_ok(seen->len == n && seen->hash == hash_of(body, n),
               "arrive as they are");
    }

    tap_ok(strstr(seen->head, "Expect") == NULL, "no Expect");

    mxt_http_destroy(h);
    free(body);
}


static void
replies(void)
{
    int                 rc;
    char               *body;
    unsigned            n;
    mxt_http_result_t   r;

    body = calloc(1, 4 * MB);

    rc = once("/503", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 503
           && !r.reply.cut, "503");
    tap_is_str(r.reply.body, r.reply.len, "later", "its body");

    rc = once("/empty", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == 0 && r.reply.body == NULL, "an empty reply");

    rc = once("/chunked", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0, "a chunked reply");
    tap_is_str(r.reply.body, r.reply.len, "{\"status\":1}", "its body");

    rc = once("/continue", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == 1, "100, then 200");

    n = seen->requests;
    rc = once("/302", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 302
           && seen->requests == n + 1, "a redirect is not followed");

    rc = once("/64k", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == MXT_HTTP_REPLY_MAX && !r.reply.cut,
           "a body of 64 KB");

    rc = once("/64k1", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.text == NULL
           && r.reply.status == 200 && r.reply.len == MXT_HTTP_REPLY_MAX
           && r.reply.cut, "and a byte more");

    rc = once("/1m", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == MXT_HTTP_REPLY_MAX && r.reply.cut
           && r.reply.body[0] == 'x'
           && r.reply.body[MXT_HTTP_REPLY_MAX - 1] == 'x',
           "and a MB");

    rc = once("/endless", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.cut && r.ms < 15000,
           "and no end");

    rc = once("/close", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_GOT_NOTHING
           && r.reply.status == 0 && r.reply.body == NULL && r.text != NULL,
           "closed without a reply: %s", text(&r));

    rc = once("/reset", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error != 0 && r.reply.status == 0,
           "reset without a reply");

    rc = once("/garbage", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error != 0, "not HTTP");

    rc = once("/half", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_PARTIAL_FILE
           && r.reply.status == 200 && r.text != NULL,
           "a 200 that broke off is an error");

    rc = once("/half503", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 503
           && r.reply.cut && r.reply.len == 1,
           "a 503 that broke off is a 503");

    rc = once("/early413", body, 4 * MB, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 413,
           "a refusal before the body is read");

    rc = once("/early413-close", body, 4 * MB, &r);
    tap_ok(rc == 1 && ((r.reply.error == 0 && r.reply.status == 413)
                       || r.reply.error == CURLE_SEND_ERROR
                       || r.reply.error == CURLE_RECV_ERROR),
           "and the connection reset: %d, %ld", r.reply.error,
           r.reply.status);

    rc = once("/early200", body, 4 * MB, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == 1, "a 200 before the body is read");

    (void) once(NULL, NULL, 0, NULL);
    free(body);
}


/* what there is of a reply that broke off is given to the caller */

static void
broken(void)
{
    int                rc;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    rc = once("/half", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_PARTIAL_FILE
           && r.reply.status == 200 && !r.reply.cut, "closed: %s", text(&r));
    tap_is_str(r.reply.body, r.reply.len, "1", "its body");

    rc = once("/half-reset", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_RECV_ERROR
           && r.reply.status == 200 && !r.reply.cut, "reset: %s", text(&r));
    tap_is_str(r.reply.body, r.reply.len, "1", "its body");

    rc = once("/half-chunk", "[]", 2, &r);
    tap_ok(rc == 1 && (r.reply.error == CURLE_PARTIAL_FILE
                       || r.reply.error == CURLE_RECV_ERROR)
           && r.reply.status == 200 && !r.reply.cut, "no last chunk: %s",
           text(&r));
    tap_is_str(r.reply.body, r.reply.len, "{\"status\":1}", "its body");

    h = client("/half-never", 1, 300);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_OPERATION_TIMEDOUT
           && r.reply.status == 200 && !r.reply.cut, "no more comes: %s",
           text(&r));
    tap_is_str(r.reply.body, r.reply.len, "1", "its body");
    mxt_http_destroy(h);

    rc = once("/interim-only", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error != 0 && r.reply.status == 0
           && r.reply.retry_after == NULL && r.reply.body == NULL,
           "100 and nothing else: %s", text(&r));

    (void) once(NULL, NULL, 0, NULL);
}


static void
retry_after(void)
{
    int                rc;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    rc = once("/retry", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 429, "429");
    tap_is_str(r.reply.retry_after,
               r.reply.retry_after ? strlen(r.reply.retry_after) : 0,
               "Fri, 31 Dec 1999 23:59:59 GMT", "Retry-After");

    rc = once("/retry127", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.retry_after
           && strlen(r.reply.retry_after) == 127
           && strspn(r.reply.retry_after, "7") == 127, "of 127 bytes");

    rc = once("/retry128", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.status == 429 && r.reply.retry_after == NULL,
           "and of one more");

    rc = once("/retry-empty", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.status == 429 && r.reply.retry_after == NULL,
           "and of none");

    rc = once("/retry-broken", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.status == 503 && r.reply.error == 0
           && r.reply.cut && r.reply.retry_after
           && strcmp(r.reply.retry_after, "7") == 0,
           "of a reply that broke off");

    rc = once("/interim", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.retry_after == NULL, "not that of an interim one");
    tap_is_str(r.reply.body, r.reply.len, "1", "nor a body");

    (void) once(NULL, NULL, 0, NULL);

    h = client("/retry-once", 1, 20000);
    seen->turn = 0;
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.retry_after, "now there is one");
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.status == 503 && r.reply.retry_after == NULL,
           "and now there is none");
    mxt_http_destroy(h);
}


/* none of these may cost more than what is kept of a reply */

static void
floods(void)
{
    int                rc;
    mxt_http_result_t  r;

    rc = once("/headers", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_WEIRD_SERVER_REPLY
           && r.reply.body == NULL, "a MB of headers: %s", text(&r));

    rc = once("/headers503", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 503
           && r.reply.cut, "and of a 503");

    rc = once("/header", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error != 0
           && r.reply.error != CURLE_OPERATION_TIMEDOUT
           && r.reply.body == NULL, "one of a MB: %s", text(&r));

    rc = once("/interims", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_WEIRD_SERVER_REPLY
           && r.reply.status == 0, "100 for ever: %s", text(&r));

    rc = once("/trailers", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_WEIRD_SERVER_REPLY
           && r.reply.status == 200, "trailers for ever: %s", text(&r));
    tap_is_str(r.reply.body, r.reply.len, "1", "after a body");

    rc = once("/10m", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.cut
           && r.reply.len == MXT_HTTP_REPLY_MAX
           && current->post[0].size == MXT_HTTP_REPLY_MAX,
           "10 MB, of which 64 KB are kept");

    rc = once("/http09", "[]", 2, &r);
    tap_ok(rc == 1 && r.reply.error != 0 && r.reply.status == 0
           && r.reply.body == NULL, "HTTP/0.9: %s", text(&r));

    rc = once("/length-none", "[]", 2, &r);
    tap_ok(rc == 1 && (r.reply.error || r.reply.len == 1),
           "a length that is none: %d, %s", r.reply.error, text(&r));

    (void) once(NULL, NULL, 0, NULL);
}


/* what a server says beyond its reply is not the next reply's */

static void
too_much(void)
{
    int                rc;
    unsigned           n;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    h = client("/excess", 1, 20000);
    n = seen->connections;

    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200,
           "more than the length says");
    tap_is_str(r.reply.body, r.reply.len, "1", "is not read");

    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == 0 && r.reply.status == 200
           && r.reply.len == 1 && *r.reply.body == '1'
           && seen->connections - n == 2, "nor by the next one");
    mxt_http_destroy(h);
}


static void
basic_auth(void)
{
    char               user[16], password[16], url[64];
    mxt_http_t        *h;
    mxt_http_conf_t    conf = CONF(url, 1, 20000);
    mxt_http_result_t  r;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/good", port);
    strcpy(user, "token");
    conf.user = user;

    h = mxt_http_create(&conf, NULL);
    strcpy(user, "xxx");
    (void) post_once(h, &r);
    tap_ok(strstr(seen->head, "\r\nAuthorization: Basic dG9rZW46\r\n")
           != NULL, "a user without a password");
    mxt_http_destroy(h);

    strcpy(user, "a b");
    strcpy(password, "c:%d");
    conf.password = password;

    h = mxt_http_create(&conf, NULL);
    strcpy(password, "xxx");
    (void) post_once(h, &r);
    tap_ok(strstr(seen->head, "\r\nAuthorization: Basic YSBiOmM6JWQ=\r\n")
           != NULL, "and with one, as it is");
    mxt_http_destroy(h);

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/302", port);

    h = mxt_http_create(&conf, NULL);
    (void) post_once(h, &r);
    tap_ok(strncmp(seen->head, "POST /302 ", 10) == 0
           && r.reply.status == 302, "a redirect gets none");
    mxt_http_destroy(h);
}


static void
reuse(void)
{
    int                i;
    unsigned           n;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    h = client("/good", 4, 10000);
    n = seen->connections;

    for (i = 0; i < 20; i++) {
        if (mxt_http_post(h, "[]", 2, 0, NULL) != 0 || await(h, &r) != 1
            || r.reply.status != 200)
        {
            break;
        }
    }

    tap_is_u64((uint64_t) i, 20, "twenty posts in a row");
    tap_is_u64(seen->connections - n, 1, "one connection");

    mxt_http_destroy(h);
}


static void
stale(void)
{
    int                i;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    /* the server closes what it has promised to keep */

    h = client("/keep-not", 1, 10000);

    for (i = 0; i < 20; i++) {
        if (mxt_http_post(h, "[]", 2, 0, NULL) != 0 || await(h, &r) != 1
            || r.reply.error != 0 || r.reply.status != 200)
        {
            tap_diag("%d %s", r.reply.error, text(&r));
            break;
        }
    }

    tap_is_u64((uint64_t) i, 20, "idle connections that are closed");

    mxt_http_destroy(h);
}


static void
turns(void)
{
    int                i, rc;
    mxt_http_t        *h;
    mxt_http_result_t  r;

    /* a handle keeps nothing of the reply before */

    h = client("/turns", 1, 20000);
    seen->turn = 0;

    for (i = 0; i < 6; i++) {
        rc = post_once(h, &r);

        switch (i % 3) {

        case 0:
            tap_ok(rc == 1 && r.reply.error == 0 && r.reply.cut
                   && r.reply.len == MXT_HTTP_REPLY_MAX, "a long reply");
            break;

        case 1:
            tap_ok(rc == 1 && r.reply.error == 0 && !r.reply.cut
                   && r.reply.len == 1 && *r.reply.body == '1',
                   "then a short one");
            break;

        default:
            tap_ok(rc == 1 && r.reply.error == 0 && !r.reply.cut
                   && r.reply.len == 0 && r.reply.body == NULL,
                   "then an empty one");
        }
    }

    mxt_http_destroy(h);
}


static void
concurrent(void)
{
    char               *body;
    int                 data[8];
    unsigned            i, n, before, posted, done;
    mxt_http_t         *h;
    mxt_http_result_t   r;

    h = client("/good", 8, 20000);
    body = calloc(1, 170000);
    before = seen->connections;
    memset(data, 0, sizeof(data));
    done = posted = 0;

    for (i = 0; i < 8; i++) {
        posted += mxt_http_post(h, body, 170000, 1, &data[i]) == 0;
    }

    tap_is_u64(posted, 8, "eight at once");
    tap_ok(mxt_http_post(h, body, 170000, 1, NULL) == -1, "and no more");

    while (done < 400 && await(h, &r) == 1) {
        done += r.reply.status == 200 && r.reply.error == 0;
        ++*(int *) r.data;

        if (posted < 400) {
            posted += mxt_http_post(h, body, 170000, 1, r.data) == 0;
        }
    }

    tap_is_u64(done, 400, "four hundred posts");

    for (i = 0, n = 0; i < 8; i++) {
        n += (unsigned) data[i];
    }

    tap_is_u64(n, 400, "each with its data");
    tap_is_u64(seen->connections - before, 8, "on eight connections");

    mxt_http_destroy(h);
    free(body);
}


static void
budgets(void)
{
    char               *body;
    unsigned            left, most;
    uint64_t            start;
    mxt_http_t         *h;
    mxt_http_result_t   r;

    h = client("/good", 1, 60000);
    body = calloc(1, 64 * MB);
    most = 0;

    /* once the clock is looked at to begin with, then after each round */

    (void) mxt_http_post(h, body, 64 * MB, 0, NULL);
    tick = 1;

    do {
        performed = 0;
        left = mxt_http_perform(h, 3);
        most = performed > most ? performed : most;
    } while (left);

    tick = 0;

    tap_ok(mxt_http_result(h, &r) == 1 && r.reply.status == 200,
           "64 MB in steps of 3 ms");
    tap_ok(most > 1 && most <= 3, "of several rounds, and no longer: %u",
           most);

    performed = 0;
    (void) mxt_http_post(h, "[]", 2, 0, NULL);
    tick = 1;
    (void) mxt_http_perform(h, 0);
    tick = 0;
    tap_is_u64(performed, 1, "nor one of none");

    mxt_http_destroy(h);

    /* without a byte to move there is nothing to wait for */

    h = client("/never", 1, 60000);
    (void) mxt_http_post(h, "[]", 2, 0, NULL);

    while (seen->requests == 0 || strncmp(seen->head, "POST /never", 11)) {
        (void) mxt_http_perform(h, 0);
    }

    (void) mxt_http_perform(h, 10000);
    start = mxt_http_now();
    tap_is_u64(mxt_http_perform(h, 10000), 1, "one on its way");
    tap_ok(mxt_http_now() - start < 5000, "is not waited for");

    mxt_http_destroy(h);
    free(body);
}


static void
timeouts(void)
{
    int                  fd, rc, i, fill[8];
    unsigned             p;
    mxt_http_t          *h;
    mxt_http_conf_t      conf;
    struct sockaddr_in   sin;
    mxt_http_result_t    r;
    char                 url[64];

    h = client("/slow", 1, 300);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_OPERATION_TIMEDOUT
           && r.reply.status == 200 && r.ms >= 250,
           "a reply byte by byte: %s", text(&r));
    mxt_http_destroy(h);

    /* connected by the kernel, never accepted */

    fd = listener(64, &p);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", p);

    memset(&conf, 0, sizeof(conf));
    conf.url = url;
    conf.user_agent = "mxt";
    conf.connections = 1;
    conf.connect_timeout = 10000;
    conf.total_timeout = 200;

    h = mxt_http_create(&conf, NULL);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_OPERATION_TIMEDOUT
           && r.reply.status == 0 && r.ms >= 150 && r.ms < 10000,
           "never accepted: %s", text(&r));

    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_OPERATION_TIMEDOUT,
           "and once more with the same handle");
    mxt_http_destroy(h);
    (void) close(fd);

    /* not even connected: the kernel's queue is full */

    fd = listener(0, &p);
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) p);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    for (i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);
        (void) connect(fill[i], (struct sockaddr *) &sin, sizeof(sin));
    }

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", p);
    conf.connect_timeout = 200;
    conf.total_timeout = 20000;

    h = mxt_http_create(&conf, NULL);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_OPERATION_TIMEDOUT
           && r.reply.status == 0 && r.ms >= 150 && r.ms < 10000,
           "never connected: %s", text(&r));
    mxt_http_destroy(h);

    for (i = 0; i < 8; i++) {
        (void) close(fill[i]);
    }

    (void) close(fd);
}


static void
refused(void)
{
    int                fd, rc;
    char               url[64];
    unsigned           p;
    mxt_http_t        *h;
    mxt_http_conf_t    conf = CONF(url, 1, 5000);
    mxt_http_result_t  r;

    fd = listener(1, &p);
    (void) close(fd);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", p);

    h = mxt_http_create(&conf, NULL);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && r.reply.error == CURLE_COULDNT_CONNECT
           && r.reply.status == 0, "a refused port: %s", text(&r));
    mxt_http_destroy(h);
}


/* where a proxy is looked for that names no port; nobody is there */

static void
proxy_ports(void)
{
    int                rc;
    unsigned           i;
    mxt_http_t        *h;
    mxt_http_conf_t    conf = CONF("http://mxt.invalid/", 1, 2000);
    mxt_http_result_t  r;

    static const char *const  proxy[][2] = {
        { "http://127.250.3.7",       "port 1080" },
        { "https://127.250.3.7/",     "port 443" },
        { "https://127.250.3.7:444",  "port 444" }
    };

    for (i = 0; i < sizeof(proxy) / sizeof(proxy[0]); i++) {
        conf.proxy = proxy[i][0];
        h = mxt_http_create(&conf, NULL);
        rc = post_once(h, &r);

        tap_ok(rc == 1 && r.reply.error == CURLE_COULDNT_CONNECT
               && strstr(text(&r), proxy[i][1]), "proxy %s: %s", proxy[i][0],
               text(&r));

        mxt_http_destroy(h);
    }
}


static void
names(void)
{
    int                rc;
    mxt_http_t        *h;
    mxt_http_conf_t    conf = CONF("http://mxt.invalid/", 1, 2000);
    mxt_http_result_t  r;

    h = mxt_http_create(&conf, NULL);
    rc = post_once(h, &r);
    tap_ok(rc == 1 && (r.reply.error == CURLE_COULDNT_RESOLVE_HOST
                       || r.reply.error == CURLE_OPERATION_TIMEDOUT),
           "a name that is none: %s", text(&r));
    mxt_http_destroy(h);
}


static void
addresses_change(void)
{
    int                fd, i;
    char               url[64];
    pid_t              pid;
    mxt_http_t        *h;
    mxt_http_conf_t    conf = CONF(url, 1, 20000);
    mxt_http_result_t  r;

    fd = listener_at("127.0.0.2", 64, &port);

    if (fd == -1) {
        tap_diag("no 127.0.0.2 here: %s", strerror(errno));
        return;
    }

    pid = server(fd);
    (void) close(fd);

#define local(r)  (r.reply.error ? 0 : ntohl(seen->local) & 0xff)

    snprintf(url, sizeof(url), "http://mxt.test:%u/good", port);
    addresses[0] = "127.0.0.1";

    h = mxt_http_create(&conf, NULL);
    (void) post_once(h, &r);

    if (resolved == 0) {
        tap_diag("libcurl does not use getaddrinfo()");
        goto done;
    }

    tap_is_u64(local(r), 1, "an address");

    addresses[0] = "127.0.0.2";

    /* idle at most 40 s, in use for 280, then for 320 */

    for (i = 0; i < 7; i++) {
        skew += 40;
        (void) post_once(h, &r);
    }

    tap_is_u64(local(r), 1, "a connection that is used is used again");

    skew += 40;
    (void) post_once(h, &r);

#if (LIBCURL_VERSION_NUM >= 0x075000)
    tap_is_u64(local(r), 2, "for five minutes");
#endif

    addresses[0] = "127.0.0.1";
    skew += 51;
    (void) post_once(h, &r);
    tap_is_u64(local(r), 1, "one that is not is given up after 50 s");
    mxt_http_destroy(h);

    /* a connection for each post */

    snprintf(url, sizeof(url), "http://mxt.test:%u/keep-not", port);

    h = mxt_http_create(&conf, NULL);
    (void) post_once(h, &r);
    tap_is_u64(local(r), 1, "an address again");

    addresses[0] = "127.0.0.2";
    resolved = 0;
    skew += 3;
    (void) post_once(h, &r);
    tap_ok(local(r) == 1 && resolved == 0, "is remembered");

    skew += 4;
    (void) post_once(h, &r);
    tap_ok(local(r) == 2 && resolved == 1, "for seconds");

done:

    mxt_http_destroy(h);
    (void) kill(-pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
}


/* connections to ::1 neither succeed nor fail */

static void
black_hole(void)
{
    int                  fd, i, fill[8];
    char                 url[64];
    mxt_http_t          *h;
    mxt_http_conf_t      conf = CONF(url, 1, 40000);
    mxt_http_result_t    r;
    struct sockaddr_in6  sin6;

    fd = listener_at("::1", 0, &port);

    if (fd == -1) {
        tap_diag("no ::1 here: %s", strerror(errno));
        return;
    }

    memset(&sin6, 0, sizeof(sin6));
    sin6.sin6_family = AF_INET6;
    sin6.sin6_port = htons((uint16_t) port);
    sin6.sin6_addr = in6addr_loopback;

    for (i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET6, SOCK_STREAM|SOCK_NONBLOCK, 0);
        (void) connect(fill[i], (struct sockaddr *) &sin6, sizeof(sin6));
    }

    snprintf(url, sizeof(url), "http://mxt.test:%u/good", port);
    addresses[0] = "::1";
    addresses[1] = "127.0.0.1";
    resolved = 0;

    h = mxt_http_create(&conf, NULL);
    (void) post_once(h, &r);

    if (resolved) {
        /* a family after the other would be half of the timeout each */

        tap_ok(r.reply.error == 0 && r.reply.status == 200 && r.ms < 15000,
               "an address that is a black hole: %llu ms, %s",
               (unsigned long long) r.ms, text(&r));
    }

    mxt_http_destroy(h);

    /* it is one: alone it does not answer */

    addresses[1] = NULL;
    conf.connect_timeout = 300;

    h = mxt_http_create(&conf, NULL);
    (void) post_once(h, &r);

    if (resolved) {
        tap_ok(r.reply.error == CURLE_OPERATION_TIMEDOUT, "is one: %s",
               text(&r));
    }

    mxt_http_destroy(h);

    for (i = 0; i < 8; i++) {
        (void) close(fill[i]);
    }

    (void) close(fd);
}


static void
aborting(void)
{
    char               *body;
    unsigned            i, n;
    mxt_http_t         *h;
    mxt_http_result_t   r;

    static const char *const  path[] = {
        "/never", "/slow", "/good", "/endless", "/1m"
    };

    body = calloc(1, 4 * MB);
    n = 0;

    /* not begun, half way, finished but not taken */

    for (i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
        h = client(path[i], 4, 10000);
        (void) mxt_http_post(h, body, 4 * MB, 0, NULL);
        mxt_http_destroy(h);

        h = client(path[i], 4, 10000);
        (void) mxt_http_post(h, body, 4 * MB, 0, NULL);
        (void) mxt_http_post(h, "[]", 2, 0, NULL);
        (void) mxt_http_perform(h, 0);
        (void) mxt_http_post(h, body, MB, 0, NULL);
        (void) mxt_http_perform(h, 0);
        mxt_http_destroy(h);
        n++;
    }

    h = client("/good", 4, 10000);
    (void) mxt_http_post(h, "[]", 2, 0, NULL);
    (void) mxt_http_post(h, "[]", 2, 0, NULL);

    while (mxt_http_perform(h, 10)) { /* void */ }

    tap_ok(mxt_http_result(h, &r) == 1, "one of two is taken");
    mxt_http_destroy(h);

    h = client("/good", 0, 10000);
    tap_ok(h && mxt_http_post(h, "[]", 2, 0, NULL) == -1,
           "no connections, no posts");
    mxt_http_destroy(h);

    tap_is_u64(n, sizeof(path) / sizeof(path[0]), "aborted in all states");

    free(body);
}


/* a post leaves nothing behind, whatever its reply */

static void
memory(void)
{
    long               before, after;
    unsigned           i, n;
    mxt_http_t        *h[6];
    mxt_http_result_t  r;

    static const char *const  path[] = {
        "/good", "/retry", "/64k1", "/half", "/headers", "/close"
    };

    before = after = 0;

    for (i = 0; i < 6; i++) {
        h[i] = client(path[i], 1, 20000);
    }

    for (n = 0; n < 300; n++) {

        if (n == 100) {
            before = live;
        }

        for (i = 0; i < 6; i++) {
            (void) post_once(h[i], &r);
        }
    }

    after = live;

    tap_ok(before > 0 && after <= before + 6,
           "1200 posts later: %ld allocations, then %ld", before, after);

    for (i = 0; i < 6; i++) {
        mxt_http_destroy(h[i]);
    }
}


/* each allocation in its turn fails, until none is left to fail */

static void
chaos(void)
{
    long                n, created, posted, failed, wrong;
    char                url[64];
    mxt_http_t         *h;
    const char         *why;
    mxt_http_conf_t     conf = CONF(url, 2, 2000);
    mxt_http_result_t   r;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/64k1", port);
    conf.user = "user";
    conf.password = "password";

#if (LIBCURL_VERSION_NUM >= 0x074d00)
    /* not looked at over http */

    if (strncmp(curl_version_info(CURLVERSION_NOW)->ssl_version, "OpenSSL", 7)
        == 0)
    {
        conf.ca.data = conf.cert.data = conf.key.data = "PEM";
        conf.ca.len = conf.cert.len = conf.key.len = 3;
    }
#endif

    created = posted = failed = wrong = 0;

    for (n = 0; n < 5000; n++) {
        fail_seen = 0;
        fail_at = n;

        why = "";
        h = mxt_http_create(&conf, &why);

        if (h == NULL) {
            fail_at = -1;
            wrong += strcmp(why, "no memory") != 0 && n > 20;
            continue;
        }

        created++;

        if (mxt_http_post(h, "[]", 2, 1, NULL) == 0) {
            posted++;

            if (await(h, &r) != 1) {
                tap_ok(0, "allocation %ld: no result", n);

            } else if (r.reply.error) {
                failed++;
                wrong += r.reply.error == CURLE_WRITE_ERROR;

            } else if (r.reply.status != 200 || !r.reply.cut) {
                tap_ok(0, "allocation %ld: %ld", n, r.reply.status);
            }
        }

        mxt_http_destroy(h);

        if (fail_seen <= n) {
            fail_at = -1;
            break;
        }

        fail_at = -1;
    }

    tap_ok(n > 50 && n < 5000 && created > 10 && posted > 10 && failed > 5,
           "%ld allocations fail: %ld created, %ld posted, %ld in vain", n,
           created, posted, failed);
    tap_is_u64((uint64_t) wrong, 0, "for want of memory, not of a reader");
}


static mxt_http_t *
client(const char *path, unsigned connections, uint32_t timeout)
{
    char             url[128];
    mxt_http_conf_t  conf = CONF(url, connections, timeout);

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);

    return mxt_http_create(&conf, NULL);
}


/* the next result; 0 after a minute without one */

static int
await(mxt_http_t *h, mxt_http_result_t *r)
{
    uint64_t  end;

    end = mxt_http_now() + 60000;
    memset(r, 0, sizeof(mxt_http_result_t));

    while (mxt_http_now() < end) {
        (void) mxt_http_perform(h, 5);

        if (mxt_http_result(h, r)) {
            return 1;
        }

        (void) poll(NULL, 0, 1);
    }

    return 0;
}


static int
post_once(mxt_http_t *h, mxt_http_result_t *r)
{
    return mxt_http_post(h, "[]", 2, 0, NULL) == 0 ? await(h, r) : -1;
}


static const char *
text(const mxt_http_result_t *r)
{
    return r->text ? r->text : "none";
}


/* one post by a new client, which lives until the next one */

static int
once(const char *path, const void *body, size_t len, mxt_http_result_t *r)
{
    if (current) {
        mxt_http_destroy(current);
        current = NULL;
    }

    if (path == NULL) {
        return 0;
    }

    current = client(path, 1, 20000);

    if (mxt_http_post(current, body, len, 0, NULL) != 0) {
        return -1;
    }

    return await(current, r);
}


static uint64_t
hash_of(const void *data, size_t len)
{
    uint64_t              h;
    const unsigned char  *p;

    h = 14695981039346656037ULL;

    for (p = data; len; len--) {
        h = (h ^ *p++) * 1099511628211ULL;
    }

    return h;
}


/* a port of the kernel's choice in *p */

static int
listener(int backlog, unsigned *p)
{
    *p = 0;

    return listener_at("127.0.0.1", backlog, p);
}


static int
listener_at(const char *address, int backlog, unsigned *p)
{
    int        fd;
    socklen_t  len;

    union {
        struct sockaddr      sa;
        struct sockaddr_in   sin;
        struct sockaddr_in6  sin6;
    } u;

    memset(&u, 0, sizeof(u));

    if (strchr(address, ':')) {
        u.sin6.sin6_family = AF_INET6;
        u.sin6.sin6_port = htons((uint16_t) *p);
        (void) inet_pton(AF_INET6, address, &u.sin6.sin6_addr);
        len = sizeof(u.sin6);

    } else {
        u.sin.sin_family = AF_INET;
        u.sin.sin_port = htons((uint16_t) *p);
        (void) inet_pton(AF_INET, address, &u.sin.sin_addr);
        len = sizeof(u.sin);
    }

    fd = socket(u.sa.sa_family, SOCK_STREAM, 0);
    if (fd == -1) {
        return -1;
    }

    if (bind(fd, &u.sa, len) == -1 || listen(fd, backlog) == -1
        || getsockname(fd, &u.sa, &len) == -1)
    {
        (void) close(fd);
        return -1;
    }

    /* it lies at the same place in both */

    *p = ntohs(u.sin.sin_port);

    return fd;
}


static void *
serve_thread(void *data)
{
    serve((int) (intptr_t) data);

    return NULL;
}


static pid_t
server(int fd)
{
    int        s;
    pid_t      pid;
    pthread_t  tid;

    pid = fork();

    if (pid != 0) {
        (void) setpgid(pid, pid);
        return pid;
    }

    /* not to outlive a test that crashed, nor hold up who reads its output */

    (void) setpgid(0, 0);
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) close(STDOUT_FILENO);

    for ( ;; ) {
        s = accept(fd, NULL, NULL);

        if (s == -1) {
            _exit(1);
        }

        __atomic_add_fetch(&seen->connections, 1, __ATOMIC_SEQ_CST);

        if (pthread_create(&tid, NULL, serve_thread, (void *) (intptr_t) s)
            != 0)
        {
            _exit(1);
        }

        (void) pthread_detach(tid);
    }
}


static void
serve(int fd)
{
    int                 unsent;
    char                head[4096];
    socklen_t           len;
    struct linger       l = { 1, 0 };
    struct sockaddr_in  sin;

    len = sizeof(sin);

    if (getsockname(fd, (struct sockaddr *) &sin, &len) == 0) {
        seen->local = sin.sin_addr.s_addr;
    }

    while (answer(fd, head) == 0) { /* void */ }

    if (strncmp(head, "POST /reset", 11) == 0
        || strncmp(head, "POST /early413-close", 20) == 0
        || strncmp(head, "POST /half-reset", 16) == 0)
    {
        /* what was said arrives first */

        while (strncmp(head, "POST /half", 10) == 0
               && ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent)
        {
            (void) poll(NULL, 0, 1);
        }

        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    }

    (void) close(fd);
}


/* 0 to go on with this connection, -1 to close it */

static int
answer(int fd, char *head)
{
    int     i;
    char   *path, more[256];
    size_t  got;

    head[0] = '\0';

    if (read_head(fd, head, 4096, &got) != 0) {
        return -1;
    }

    path = head + 5;

#define is(name)  (strncmp(path, name, sizeof(name) - 1) == 0               \
                   && strchr(" ?", path[sizeof(name) - 1]))

    /* before the body is read */

    if (is("/early413")) {
        (void) say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n"
                       "Connection: close\r\n\r\n413");
        (void) shutdown(fd, SHUT_WR);
        (void) read_body(fd, head, got);
        return -1;
    }

    if (is("/early413-close")) {
        (void) say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n"
                       "Connection: close\r\n\r\n413");
        return -1;
    }

    if (is("/early200")) {
        if (say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1") != 0) {
            return -1;
        }

        return read_body(fd, head, got);
    }

    if (is("/continue")) {
        (void) say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    }

    if (read_body(fd, head, got) != 0) {
        return -1;
    }

    if (is("/good") || is("/continue")) {
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    }

    if (is("/keep-not")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
        return -1;
    }

    if (is("/503")) {
        return say(fd, "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nlater");
    }

    if (is("/302")) {
        return say(fd, "HTTP/1.1 302 There\r\nLocation: /good\r\n"
                       "Content-Length: 0\r\n\r\n");
    }

    if (is("/empty")) {
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }

    if (is("/chunked")) {
        return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\n{\"sta\r\n7\r\ntus\":1}\r\n0\r\n\r\n");
    }

    if (is("/half")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1");
        return -1;
    }

    if (is("/half-reset") || is("/half-never")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1");

        while (is("/half-never") && read(fd, head, 1) > 0) { /* void */ }

        return -1;
    }

    if (is("/half-chunk")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "c\r\n{\"status\":1}\r\n");
        return -1;
    }

    if (is("/interim-only")) {
        (void) say(fd, "HTTP/1.1 100 Continue\r\nRetry-After: 7\r\n\r\n");
        return -1;
    }

    if (is("/interim")) {
        return say(fd, "HTTP/1.1 103 Hints\r\nRetry-After: 7\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    }

    if (is("/retry")) {
        return say(fd, "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n"
                       "retry-AFTER: \tFri, 31 Dec 1999 23:59:59 GMT \r\n"
                       "\r\n");
    }

    if (is("/retry127") || is("/retry128")) {
        snprintf(more, sizeof(more),
                 "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n"
                 "Retry-After: %.*s\r\n\r\n", is("/retry127") ? 127 : 128,
                 "77777777777777777777777777777777"
                 "77777777777777777777777777777777"
                 "77777777777777777777777777777777"
                 "77777777777777777777777777777777");
        return say(fd, more);
    }

    if (is("/retry-empty")) {
        return say(fd, "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n"
                       "Retry-After: \r\n\r\n");
    }

    if (is("/retry-broken")) {
        (void) say(fd, "HTTP/1.1 503 No\r\nRetry-After: 7\r\n"
                       "Content-Length: 2\r\n\r\n1");
        return -1;
    }

    if (is("/retry-once")) {
        return say(fd, seen->turn++ ? "HTTP/1.1 503 No\r\n"
                                      "Content-Length: 0\r\n\r\n"
                                    : "HTTP/1.1 503 No\r\nRetry-After: 7\r\n"
                                      "Content-Length: 0\r\n\r\n");
    }

    if (is("/headers") || is("/headers503") || is("/interims")
        || is("/trailers"))
    {
        (void) say(fd, is("/headers") ? "HTTP/1.1 200 OK\r\n"
                       : is("/headers503") ? "HTTP/1.1 503 No\r\n"
                       : is("/interims") ? "HTTP/1.1 100 Continue\r\n\r\n"
                       : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                         "\r\n1\r\n1\r\n0\r\n");

        for (i = 0; i < MB / 24; i++) {
            if (say(fd, is("/interims") ? "HTTP/1.1 100 Continue\r\n\r\n"
                                        : "X-Header: xxxxxxxxxxxx\r\n")
                != 0)
            {
                return -1;
            }
        }

        /* until the client is tired of it */

        while (read(fd, head, 1) > 0) { /* void */ }

        return -1;
    }

    if (is("/header")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nX-Header: ");
        (void) say_n(fd, MB);

        while (read(fd, head, 1) > 0) { /* void */ }

        return -1;
    }

    if (is("/10m")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
        return say_n(fd, 10 * MB);
    }

    if (is("/http09")) {
        (void) say_n(fd, MB);
        return -1;
    }

    if (is("/length-none")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n1");
        return -1;
    }

    if (is("/excess")) {
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
                       "HTTP/1.1 503 No\r\nContent-Length: 1\r\n\r\n0");
    }

    if (is("/half503")) {
        (void) say(fd, "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n1");
        return -1;
    }

    if (is("/garbage")) {
        (void) say(fd, "hello\r\n\r\n");
        return -1;
    }

    if (is("/64k")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
        return say_n(fd, 65536);
    }

    if (is("/64k1")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n");
        return say_n(fd, 65537);
    }

    if (is("/turns")) {
        switch (seen->turn++ % 3) {

        case 0:
            (void) say(fd, "HTTP/1.1 200 OK\r\n"
                           "Content-Length: 65537\r\n\r\n");
            return say_n(fd, 65537);

        case 1:
            return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");

        default:
            return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    }

    if (is("/1m")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
        return say_n(fd, MB);
    }

    if (is("/endless")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        return say_n(fd, SIZE_MAX);
    }

    if (is("/slow")) {
        (void) say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");

        for (i = 0; i < 10000 && say(fd, "x") == 0; i++) {
            (void) poll(NULL, 0, 10);
        }

        return -1;
    }

    if (is("/never")) {

        /* until the client is tired of it */

        while (read(fd, head, 1) > 0) { /* void */ }
    }

    return -1;
}


static int
read_head(int fd, char *head, size_t size, size_t *extra)
{
    char     *end;
    size_t    n, len;
    ssize_t   got;

    /* looked at first, so that not a byte of the body is taken */

    for ( ;; ) {
        got = recv(fd, head, size - 1, MSG_PEEK);

        if (got <= 0) {
            head[0] = '\0';
            return -1;
        }

        n = (size_t) got;
        head[n] = '\0';
        end = memmem(head, n, "\r\n\r\n", 4);

        if (end) {
            break;
        }

        (void) poll(NULL, 0, 1);
    }

    len = (size_t) (end + 4 - head);

    if (recv(fd, head, len, MSG_WAITALL) != (ssize_t) len) {
        return -1;
    }

    head[len] = '\0';
    *extra = 0;

    memcpy(seen->head, head, len + 1);
    __atomic_add_fetch(&seen->requests, 1, __ATOMIC_SEQ_CST);

    return 0;
}


static int
read_body(int fd, char *head, size_t got)
{
    char      buf[65536], *p;
    size_t    len;
    ssize_t   n;
    uint64_t  h, i;

    p = strcasestr(head, "\r\nContent-Length:");
    len = p ? strtoul(p + 17, NULL, 10) : 0;
    h = 14695981039346656037ULL;

    while (got < len) {
        n = read(fd, buf, len - got < sizeof(buf) ? len - got : sizeof(buf));

        if (n <= 0) {
            return -1;
        }

        for (i = 0; len <= 10 * MB && i < (uint64_t) n; i++) {
            h = (h ^ (unsigned char) buf[i]) * 1099511628211ULL;
        }

        got += (size_t) n;
    }

    seen->len = len;
    seen->hash = h;

    return 0;
}


static int
say(int fd, const char *text)
{
    size_t  len;

    len = strlen(text);

    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t) len ? 0 : -1;
}


static int
say_n(int fd, size_t n)
{
    char     buf[8192];
    ssize_t  sent;

    memset(buf, 'x', sizeof(buf));

    while (n) {
        sent = send(fd, buf, n < sizeof(buf) ? n : sizeof(buf), MSG_NOSIGNAL);

        if (sent <= 0) {
            return -1;
        }

        n -= (size_t) sent;
    }

    return 0;
}


static int
fault(void)
{
    if (fail_at == -1) {
        return 0;
    }

    return __atomic_fetch_add(&fail_seen, 1, __ATOMIC_SEQ_CST) == fail_at;
}


static curl_version_info_data *
test_version_info(CURLversion version)
{
    return told ? told : curl_version_info(version);
}


static int
test_clock_gettime(clockid_t clock, struct timespec *ts)
{
    int  rc;

    rc = clock_gettime(clock, ts);

    if (tick) {
        ticked += tick;
        ts->tv_sec = ticked / 1000;
        ts->tv_nsec = ticked % 1000 * 1000000;
    }

    return rc;
}


static void *
test_malloc(size_t size)
{
    return fault() ? NULL : counted(malloc(size));
}


static void *
test_calloc(size_t n, size_t size)
{
    return fault() ? NULL : counted(calloc(n, size));
}


static void *
test_realloc(void *p, size_t size)
{
    if (fault()) {
        return NULL;
    }

    return p ? realloc(p, size) : counted(malloc(size));
}


static char *
test_strdup(const char *s)
{
    return fault() ? NULL : counted(strdup(s));
}


static void
test_free(void *p)
{
    if (p) {
        __atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
    }

    free(p);
}


static void *
counted(void *p)
{
    if (p) {
        __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
    }

    return p;
}


/* libcurl's clock and resolver */

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    long  rc;

    rc = syscall(SYS_clock_gettime, clock, ts);

    if (rc == 0) {
        ts->tv_sec += __atomic_load_n(&skew, __ATOMIC_SEQ_CST);
    }

    return (int) rc;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}


int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
    unsigned           i;
    uint16_t           p;
    struct in_addr     in;
    struct addrinfo   *ai;
    const char *const *address, *numeric[2];

    p = htons((uint16_t) (service ? atoi(service) : 0));
    numeric[0] = name;
    numeric[1] = NULL;
    address = numeric;

    if (strcmp(name, "mxt.test") == 0) {
        __atomic_add_fetch(&resolved, 1, __ATOMIC_SEQ_CST);
        address = addresses;

    } else if (inet_pton(AF_INET, name, &in) != 1) {
        return EAI_NONAME;
    }

    *out = NULL;

    for (i = 0; address[i]; i++) {
        ai = calloc(1, sizeof(struct addrinfo)
                       + sizeof(struct sockaddr_in6));
        if (ai == NULL) {
            abort();
        }

        ai->ai_socktype = hints ? hints->ai_socktype : SOCK_STREAM;
        ai->ai_addr = (void *) (ai + 1);

        if (strchr(address[i], ':')) {
            struct sockaddr_in6  *sin6 = (void *) (ai + 1);

            sin6->sin6_family = AF_INET6;
            sin6->sin6_port = p;
            (void) inet_pton(AF_INET6, address[i], &sin6->sin6_addr);
            ai->ai_addrlen = sizeof(struct sockaddr_in6);

        } else {
            struct sockaddr_in  *sin = (void *) (ai + 1);

            sin->sin_family = AF_INET;
            sin->sin_port = p;
            (void) inet_pton(AF_INET, address[i], &sin->sin_addr);
            ai->ai_addrlen = sizeof(struct sockaddr_in);
        }

        ai->ai_family = ai->ai_addr->sa_family;

        *out = ai;
        out = &ai->ai_next;
    }

    return 0;
}


void
freeaddrinfo(struct addrinfo *ai)
{
    struct addrinfo  *next;

    for ( /* void */ ; ai; ai = next) {
        next = ai->ai_next;
        free(ai);
    }
}
