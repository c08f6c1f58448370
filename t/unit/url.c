
/*
 * The endpoint's URL: what is refused, and what is completed; where it leads;
 * and a proxy's.
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


/* the words are for a log, and a proxy's URL may have a password */

static void
proxy(const char *url, int want)
{
    int          rc;
    const char  *why;

    why = NULL;
    rc = mxt_url_proxy(url, &why);

    tap_ok(rc == want && why != NULL && strstr(why, "secret") == NULL,
           "proxy \"%s\" is %s", url, want ? "refused" : "taken");
}


/* "-" is none */

static void
userinfo(const char *url, unsigned decoded, const char *want_user,
    const char *want_password)
{
    int    rc;
    char  *user, *password;

    rc = mxt_url_user(url, decoded, &user, &password);

    tap_ok(rc == 0 && strcmp(user ? user : "-", want_user) == 0
           && strcmp(password ? password : "-", want_password) == 0,
           "%s%s is of %s, %s", url, decoded ? " decoded" : "", want_user,
           want_password);

    free(user);
    free(password);
}


static void
loopback(const char *url, int want)
{
    tap_ok(mxt_url_is_loopback(url) == want, "%s is %s", url,
           want ? "loopback" : "elsewhere");
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

    tap_ok(mxt_url_is_https("https://h/track") == 1, "https");
    tap_ok(mxt_url_is_https("http://https/track") == 0, "not https");

    loopback("http://127.0.0.1:8080/track", 1);
    loopback("http://127.255.255.254/", 1);
    loopback("http://localhost/import?strict=1", 1);
    loopback("http://LocalHost:1/", 1);
    loopback("http://[::1]:8080/import", 1);
    loopback("http://[0:0:0:0:0:0:0:1]/", 1);
    loopback("http://user:secret@127.0.0.1/", 1);
    loopback("http://128.0.0.1/", 0);
    loopback("http://10.127.0.1/", 0);
    loopback("http://127.0.0.1.example.com/", 0);
    loopback("http://127.0.0.1@example.com/", 0);
    loopback("http://localhost.example.com/", 0);
    loopback("http://notlocalhost/", 0);
    loopback("http://[::]/", 0);
    loopback("http://[::2]/", 0);
    loopback("http://[fe80::1]/", 0);
    loopback("http://0.0.0.0/", 0);
    loopback("https://api.mixpanel.com/import", 0);

    proxy("http://proxy:3128", 0);
    proxy("http://proxy:3128/", 0);
    proxy("https://proxy", 0);
    proxy("https://user:secret@proxy:3128/", 0);
    proxy("http://10.0.0.1:8080", 0);
    proxy("http://[::1]:8080", 0);
    proxy("http://user:secret@proxy:3128", 0);
    proxy("", -1);
    proxy("proxy", -1);
    proxy("proxy:3128", -1);
    proxy("http://", -1);
    proxy("http:///", -1);
    proxy("http://:3128", -1);
    proxy("http://user:secret@", -1);
    proxy("socks5://user:secret@proxy:1080", -1);
    proxy("ftp://proxy/", -1);
    proxy("http://user:secret@proxy:0", -1);
    proxy("http://user:secret@proxy:x", -1);
    proxy("http://proxy/path", -1);
    proxy("http://user:secret@proxy/secret", -1);
    proxy("http://proxy/?q=1", -1);
    proxy("http://proxy/#f", -1);

    userinfo("http://proxy:3128", 0, "-", "-");
    userinfo("http://proxy:3128", 1, "-", "-");
    userinfo("http://joe@proxy", 1, "joe", "-");
    userinfo("https://joe:pass@proxy:1/", 0, "joe", "pass");
    userinfo("http://j%6fe:pa%3Ass%40w%C3%B6rd@proxy", 0, "j%6fe",
             "pa%3Ass%40w%C3%B6rd");
    userinfo("http://j%6fe:pa%3Ass%40w%C3%B6rd@proxy", 1, "joe",
             "pa:ss@w\xc3\xb6rd");

    return tap_done();
}
