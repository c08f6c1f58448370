
/*
 * A resolver that hangs, loaded into nginx before the C library: the name in
 * RESOLVER_NAME is 127.0.0.1, but not before the file RESOLVER_HANGS is gone.
 * All other names are the C library's.
 */


#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


/* nginx throws most of its environment away */

static char  *resolver_name;
static char  *resolver_hangs;


__attribute__((constructor)) static void
resolver_init(void)
{
    const char  *name, *hangs;

    name = getenv("RESOLVER_NAME");
    hangs = getenv("RESOLVER_HANGS");

    if (name && hangs) {
        resolver_name = strdup(name);
        resolver_hangs = strdup(hangs);
    }
}


int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
    int            (*next)(const char *, const char *, const struct addrinfo *,
                           struct addrinfo **);
    struct timespec  ts;

    *(void **) &next = dlsym(RTLD_NEXT, "getaddrinfo");

    if (name == NULL || resolver_name == NULL || resolver_hangs == NULL
        || strcmp(name, resolver_name) != 0)
    {
        return next(name, service, hints, out);
    }

    ts.tv_sec = 0;
    ts.tv_nsec = 10000000;

    while (access(resolver_hangs, F_OK) == 0) {
        (void) nanosleep(&ts, NULL);
    }

    return next("127.0.0.1", service, hints, out);
}
