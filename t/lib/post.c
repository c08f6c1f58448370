
/*
 * Posts with mxt_http as it is told to and says what came of it, for tests
 * whose servers are not C.  post NAME=VALUE...: url, user, password, proxy;
 * ca, cert, key (files); insecure, timeout (ms), posts (in a row).
 *
 * Lines on standard output: "why WORDS" if there is no client; else, for each
 * post, "error N", "status N", "retry_after VALUE", "body BYTES" and "text
 * WORDS", the last three if there are any.
 */


#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mxt_http.h"


static const char *arg(int argc, char **argv, const char *name);
static unsigned number(int argc, char **argv, const char *name,
    unsigned otherwise);
static void pem(const char *file, mxt_http_pem_t *p);
static void post(mxt_http_t *h);


int
main(int argc, char **argv)
{
    unsigned          n;
    mxt_http_t       *h;
    const char       *why;
    mxt_http_conf_t   conf;

    (void) signal(SIGPIPE, SIG_IGN);
    memset(&conf, 0, sizeof(conf));

    conf.url = arg(argc, argv, "url");
    conf.user_agent = "mxt";
    conf.user = arg(argc, argv, "user");
    conf.password = arg(argc, argv, "password");
    conf.proxy = arg(argc, argv, "proxy");
    conf.insecure = number(argc, argv, "insecure", 0);
    conf.connections = 1;
    conf.total_timeout = number(argc, argv, "timeout", 30000);
    conf.connect_timeout = conf.total_timeout;
    pem(arg(argc, argv, "ca"), &conf.ca);
    pem(arg(argc, argv, "cert"), &conf.cert);
    pem(arg(argc, argv, "key"), &conf.key);

    if (mxt_http_global_init() != 0) {
        return 1;
    }

    h = mxt_http_create(&conf, &why);

    /* all was copied, they say */

    free((void *) conf.ca.data);
    free((void *) conf.cert.data);
    free((void *) conf.key.data);

    if (h == NULL) {
        printf("why %s\n", why);
        return 0;
    }

    for (n = number(argc, argv, "posts", 1); n; n--) {
        post(h);
    }

    mxt_http_destroy(h);

    return 0;
}


static void
post(mxt_http_t *h)
{
    mxt_http_result_t  r;

    if (mxt_http_post(h, "[{\"event\":1}]", 13, 0, NULL) != 0) {
        printf("error -1\n");
        return;
    }

    do {
        if (mxt_http_perform(h, 20)) {
            (void) poll(NULL, 0, 1);
        }

    } while (!mxt_http_result(h, &r));

    printf("error %d\nstatus %ld\n", r.reply.error, r.reply.status);

    if (r.reply.retry_after) {
        printf("retry_after %s\n", r.reply.retry_after);
    }

    if (r.reply.body) {
        printf("body %.*s\n", (int) r.reply.len, r.reply.body);
    }

    if (r.text) {
        printf("text %s\n", r.text);
    }
}


static const char *
arg(int argc, char **argv, const char *name)
{
    int     i;
    size_t  len;

    len = strlen(name);

    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
            return argv[i] + len + 1;
        }
    }

    return NULL;
}


static unsigned
number(int argc, char **argv, const char *name, unsigned otherwise)
{
    const char  *value;

    value = arg(argc, argv, name);

    return value ? (unsigned) atoi(value) : otherwise;
}


static void
pem(const char *file, mxt_http_pem_t *p)
{
    FILE  *f;
    char  *data;

    if (file == NULL) {
        return;
    }

    f = fopen(file, "r");
    data = malloc(65536);

    if (f == NULL || data == NULL) {
        perror(file);
        exit(1);
    }

    p->len = fread(data, 1, 65536, f);
    p->data = data;
    (void) fclose(f);
}
