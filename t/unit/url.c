
/*
 * The endpoint's URL: what is refused, and what is completed.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../src/core/mxt_url.c"


static const char *const  query[] = { "ip=0", "verbose=1", NULL };


static void
takes(const char *url, const char *want)
{
    char        *out;
    const char  *why;

    out = NULL;

    if (mxt_url_complete(url, "/track", query, &out, &why) != 0) {
        tap_ok(0, "%s is taken: %s", url, why);
        return;
    }

    tap_is_str(out, strlen(out), want, url);

    free(out);
}


static void
refuses(const char *url)
{
    char        *out;
    const char  *why;

    out = NULL;
    why = NULL;

    tap_ok(mxt_url_complete(url, "/track", query, &out, &why) == -1
           && out == NULL && why != NULL, "\"%s\" is refused", url);

    free(out);
}


int
main(void)
{
    takes("https://api.mixpanel.com",
          "https://api.mixpanel.com/track?ip=0&verbose=1");
    takes("https://api.mixpanel.com/",
          "https://api.mixpanel.com/track?ip=0&verbose=1");
    takes("http://127.0.0.1:8080/a/b",
          "http://127.0.0.1:8080/a/b?ip=0&verbose=1");
    takes("http://[::1]:8080", "http://[::1]:8080/track?ip=0&verbose=1");
    takes("http://h/?x=1", "http://h/track?x=1&ip=0&verbose=1");
    takes("http://h/t?ip=1", "http://h/t?ip=1&verbose=1");
    takes("http://h/t?zip=1", "http://h/t?zip=1&ip=0&verbose=1");
    takes("http://h/t?verbose=2&ip=0", "http://h/t?verbose=2&ip=0");

    refuses("");
    refuses("http://");
    refuses("http:///track");
    refuses("ftp://h/");
    refuses("//h/");
    refuses("h");
    refuses("http://u:p@h/");
    refuses("http://u@h/");
    refuses("http://h/#f");
    refuses("http://h:0/");
    refuses("http://h:65536/");
    refuses("http://h:x/");
    refuses("http://[::1/");
    refuses("http://a b/");

    return tap_done();
}
