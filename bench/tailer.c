
/*
 * What has to stand beside a JSON-shaped access_log to deliver it: follows
 * the log, makes its lines into JSON arrays, gzips and posts them.
 *
 *     tailer [-b LINES] [-l LEVEL] LOG URL
 *
 * As small and as cheap as such a program can be: the lines are not looked
 * at, but handed to zlib as they were read.  It begins at the end of the log,
 * has one post under way at a time and repeats it until it is acknowledged.
 * It ends when standard input does.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <zlib.h>


#define TAILER_READ    65536
#define TAILER_REPLY   64
#define TAILER_LOOK    50           /* ms */
#define TAILER_WAIT    1000         /* ms, for a batch to become full */
#define TAILER_AGAIN   1000         /* ms */


static void tailer_lines(char *p, char *end);
static void tailer_begin(void);
static void tailer_add(const char *p, size_t len);
static void tailer_deflate(const char *p, size_t len, int flush);
static void tailer_post(void);
static size_t tailer_write(char *p, size_t size, size_t n, void *data);
static void tailer_sleep(int ms);
static uint64_t tailer_now(void);
static void tailer_die(const char *what);


static unsigned           tailer_batch = 2000;
static unsigned           tailer_nlines;         /* of the batch, whole */
static unsigned           tailer_inside;         /* a line */
static uint64_t           tailer_since;

static z_stream           tailer_z;
static unsigned char     *tailer_out;
static size_t             tailer_size = 512 * 1024;

static CURL              *tailer_curl;
static char               tailer_reply[TAILER_REPLY];
static size_t             tailer_reply_len;


int
main(int argc, char **argv)
{
    int                 fd, opt, level;
    ssize_t             n;
    struct curl_slist  *headers;
    static char         buf[TAILER_READ];

    level = 2;

    while ((opt = getopt(argc, argv, "b:l:")) != -1) {

        switch (opt) {

        case 'b':
            tailer_batch = (unsigned) atoi(optarg);
            break;

        case 'l':
            level = atoi(optarg);
            break;

        default:
            return 2;
        }
    }

    if (optind + 2 != argc || tailer_batch == 0) {
        fprintf(stderr, "usage: tailer [-b LINES] [-l LEVEL] LOG URL\n");
        return 2;
    }

    fd = open(argv[optind], O_RDONLY);

    if (fd == -1 || lseek(fd, 0, SEEK_END) == -1) {
        tailer_die(argv[optind]);
    }

    tailer_out = malloc(tailer_size);

    if (tailer_out == NULL
        || deflateInit2(&tailer_z, level, Z_DEFLATED, 15 + 16, 9,
                        Z_DEFAULT_STRATEGY)
           != Z_OK
        || curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
    {
        tailer_die("start");
    }

    headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Content-Encoding: gzip");
    headers = curl_slist_append(headers, "Expect:");

    tailer_curl = curl_easy_init();

    if (headers == NULL || tailer_curl == NULL) {
        tailer_die("memory");
    }

    (void) curl_easy_setopt(tailer_curl, CURLOPT_URL, argv[optind + 1]);
    (void) curl_easy_setopt(tailer_curl, CURLOPT_HTTPHEADER, headers);
    (void) curl_easy_setopt(tailer_curl, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(tailer_curl, CURLOPT_NOPROXY, "*");
    (void) curl_easy_setopt(tailer_curl, CURLOPT_TIMEOUT, 30L);
    (void) curl_easy_setopt(tailer_curl, CURLOPT_WRITEFUNCTION, tailer_write);

    tailer_begin();

    for ( ;; ) {

        n = read(fd, buf, TAILER_READ);

        if (n == -1 && errno != EINTR) {
            tailer_die("read");
        }

        if (n > 0) {
            tailer_lines(buf, buf + n);
            continue;
        }

        if (tailer_nlines && !tailer_inside
            && tailer_now() - tailer_since >= TAILER_WAIT)
        {
            tailer_post();
        }

        tailer_sleep(TAILER_LOOK);
    }
}


/*
 * A newline becomes a comma, but for the last of a batch.  As it is not known
 * yet whether there will be another line, the last newline of what was read
 * stays behind.
 */

static void
tailer_lines(char *p, char *end)
{
    char  *next, *start;

    start = p;

    while (p < end) {

        if (!tailer_inside) {

            if (tailer_nlines == 0) {
                tailer_since = tailer_now();

            } else if (p == start) {
                tailer_add(",", 1);

            } else {
                p[-1] = ',';
            }

            tailer_inside = 1;
        }

        next = memchr(p, '\n', (size_t) (end - p));

        if (next == NULL) {
            tailer_add(start, (size_t) (end - start));
            return;
        }

        p = next + 1;
        tailer_inside = 0;

        if (++tailer_nlines == tailer_batch) {
            tailer_add(start, (size_t) (next - start));
            tailer_post();
            start = p;
        }
    }

    if (p > start) {
        tailer_add(start, (size_t) (p - start) - 1);
    }
}


static void
tailer_begin(void)
{
    if (deflateReset(&tailer_z) != Z_OK) {
        tailer_die("deflateReset");
    }

    tailer_z.next_out = tailer_out;
    tailer_z.avail_out = (uInt) tailer_size;

    tailer_nlines = 0;
    tailer_add("[", 1);
}


static void
tailer_add(const char *p, size_t len)
{
    tailer_deflate(p, len, Z_NO_FLUSH);
}


static void
tailer_deflate(const char *p, size_t len, int flush)
{
    int     rc;
    size_t  have;

    tailer_z.next_in = (unsigned char *) p;
    tailer_z.avail_in = (uInt) len;

    for ( ;; ) {

        rc = deflate(&tailer_z, flush);

        if (rc == Z_STREAM_END
            || (flush == Z_NO_FLUSH && tailer_z.avail_in == 0))
        {
            return;
        }

        if (tailer_z.avail_out) {
            tailer_die("deflate");
        }

        have = tailer_size;
        tailer_size *= 2;
        tailer_out = realloc(tailer_out, tailer_size);

        if (tailer_out == NULL) {
            tailer_die("memory");
        }

        tailer_z.next_out = tailer_out + have;
        tailer_z.avail_out = (uInt) (tailer_size - have);
    }
}


static void
tailer_post(void)
{
    CURLcode  rc;

    tailer_deflate("]", 1, Z_FINISH);

    (void) curl_easy_setopt(tailer_curl, CURLOPT_POSTFIELDS, tailer_out);
    (void) curl_easy_setopt(tailer_curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) tailer_z.total_out);

    for ( ;; ) {

        tailer_reply_len = 0;
        rc = curl_easy_perform(tailer_curl);

        if (rc == CURLE_OK && tailer_reply_len == 1
            && tailer_reply[0] == '1')
        {
            break;
        }

        fprintf(stderr, "tailer: %s\n",
                rc ? curl_easy_strerror(rc) : "unexpected reply");

        tailer_sleep(TAILER_AGAIN);
    }

    tailer_begin();
}


static size_t
tailer_write(char *p, size_t size, size_t n, void *data)
{
    (void) data;

    n *= size;

    if (n > TAILER_REPLY - tailer_reply_len) {
        return 0;
    }

    memcpy(tailer_reply + tailer_reply_len, p, n);
    tailer_reply_len += n;

    return n;
}


/* the one who started us holds the other end of standard input */

static void
tailer_sleep(int ms)
{
    struct pollfd  pfd;

    pfd.fd = 0;
    pfd.events = POLLIN;

    if (poll(&pfd, 1, ms) == 1) {
        exit(0);
    }
}


static uint64_t
tailer_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
tailer_die(const char *what)
{
    fprintf(stderr, "tailer: %s: %s\n", what, strerror(errno));
    exit(1);
}
