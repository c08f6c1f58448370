/* link: src/core/mxt_uri.c src/core/mxt_redact.c src/core/mxt_redact_arg.c src/core/mxt_redact_list.c src/core/mxt_redact_default.c src/core/mxt_args.c src/core/mxt_args_walk.c src/core/mxt_userinfo.c src/core/mxt_json.c */

/*
 * URLs of requests and referrers: their parts, what of them is hidden, and
 * what they tell of where a visitor came from.  Inputs lie in allocations of
 * their exact size, for the sanitizers to see a byte too far.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#include "../../src/core/mxt_args.h"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define BAD         "\xef\xbf\xbd"
#define R           MXT_REDACT_WORD


typedef struct {
    const char  *url;
    const char  *prefix;
    const char  *authority;
    const char  *host;
    const char  *port;          /* NULL: none */
    const char  *path;
    const char  *query;
    const char  *fragment;
} split_t;


typedef struct {
    const char  *in;
    const char  *out;
} pair_t;


typedef struct {
    const char  *url;
    const char  *engine;
    const char  *keyword;
} search_t;


static const split_t  splits[] = {

    { "https://example.com/plans?from=mail#top", "https://", "example.com",
      "example.com", NULL, "/plans", "from=mail", "top" },
    { "https://user:secret@example.com:8443/", "https://",
      "example.com:8443", "example.com", "8443", "/", NULL, NULL },
    { "http://a@b@c/", "http://", "c", "c", NULL, "/", NULL, NULL },
    { "http://a@b", "http://", "b", "b", NULL, "", NULL, NULL },
    { "http://h/a@b?c@d#e@f", "http://", "h", "h", NULL, "/a@b", "c@d",
      "e@f" },
    { "http://h?a@b", "http://", "h", "h", NULL, "", "a@b", NULL },
    { "http://h#a?b", "http://", "h", "h", NULL, "", NULL, "a?b" },
    { "http://h/?", "http://", "h", "h", NULL, "/", "", NULL },
    { "http://h/#", "http://", "h", "h", NULL, "/", NULL, "" },
    { "http://h/?a?b=c", "http://", "h", "h", NULL, "/", "a?b=c", NULL },
    { "http://h:/", "http://", "h:", "h", "", "/", NULL, NULL },
    { "http://h:80x/", "http://", "h:80x", "h:80x", NULL, "/", NULL, NULL },
    { "http://[::1]:8080/x", "http://", "[::1]:8080", "[::1]", "8080", "/x",
      NULL, NULL },
    { "http://[2001:db8::1]", "http://", "[2001:db8::1]", "[2001:db8::1]",
      NULL, "", NULL, NULL },
    { "http://u:p@[::1]/", "http://", "[::1]", "[::1]", NULL, "/", NULL,
      NULL },
    { "http://[::1", "http://", "[::1", "[::1", NULL, "", NULL, NULL },
    { "http://[::1]x/", "http://", "[::1]x", "[::1]x", NULL, "/", NULL,
      NULL },
    { "http://::1:80/", "http://", "::1:80", "::1:80", NULL, "/", NULL,
      NULL },
    { "android-app://com.google.android.gm/", "android-app://",
      "com.google.android.gm", "com.google.android.gm", NULL, "/", NULL,
      NULL },
    { "//h/x", "//", "h", "h", NULL, "/x", NULL, NULL },

    /* a browser would find a host in these, and user info */
    { "http:///u:p@h/", "http:///", "h", "h", NULL, "/", NULL, NULL },
    { "HTTPS:u:p@h/", "HTTPS:", "h", "h", NULL, "/", NULL, NULL },
    { "http:\\\\u:p@h/", "http:\\\\", "h", "h", NULL, "/", NULL, NULL },
    { "http://a@/b:c@h/", "http://", "h", "h", NULL, "/", NULL, NULL },
    { "http://a@?b@c", "http://", "", "", NULL, "", "b@c", NULL },
    { " http://u:p@h/", "http://", "h", "h", NULL, "/", NULL, NULL },
    { "u@http://u:p@h/", "http://", "h", "h", NULL, "/", NULL, NULL },

    /* no URLs */
    { "u:p@h/x?y", "", NULL, NULL, NULL, "h/x", "y", NULL },
    { "mailto:joe@example.com", "", NULL, NULL, NULL, "example.com", NULL,
      NULL },
    { "about:blank", "about:", NULL, NULL, NULL, "blank", NULL, NULL },
    { "/a/b?c", "", NULL, NULL, NULL, "/a/b", "c", NULL },
    { "a/b/c", "", NULL, NULL, NULL, "a/b/c", NULL, NULL },
    { "://", "", NULL, NULL, NULL, "://", NULL, NULL },
    { "http://", "http://", "", "", NULL, "", NULL, NULL },
    { "foo:///x@y", "foo://", "", "", NULL, "/x@y", NULL, NULL },
    { "http://x;a=b/c@d/", "http://", "d", "d", NULL, "/", NULL, NULL },
    { "x;a=b/c@d/", "", NULL, NULL, NULL, "d/", NULL, NULL },
    { "http://h;token=1/", "http://", "", "", NULL, "h;token=1/", NULL,
      NULL },
    { "http://h%3Btoken%3d1/", "http://", "", "", NULL, "h%3Btoken%3d1/",
      NULL, NULL },
    { "http://h%253D1/?a", "http://", "", "", NULL, "h%253D1/", "a", NULL },
    { "http://h%3D1/a@b/?c@d", "http://", "b", "b", NULL, "/", "c@d", NULL },
    { "x%26y/a@b/c", "", NULL, NULL, NULL, "b/c", NULL, NULL },
    { "x%2Fy/a@b/c", "", NULL, NULL, NULL, "x%2Fy/a@b/c", NULL, NULL },
    { "x%3D1:a@b/c", "", NULL, NULL, NULL, "b/c", NULL, NULL },
    { "http://h%3F1%/", "http://", "h%3F1%", "h%3F1%", NULL, "/", NULL,
      NULL },
    { "-", "", NULL, NULL, NULL, "-", NULL, NULL },
    { "?", "", NULL, NULL, NULL, "", "", NULL }
};


static const pair_t  hidden[] = {

    { "http://h/p", "http://h/p" },
    { "http://h/?a=1&b=2", "http://h/?a=1&b=2" },
    { "http://h/?token=1", "http://h/?token=" R },
    { "http://h/?token=1&a=2", "http://h/?token=" R "&a=2" },
    { "http://h/?a=2&token=1", "http://h/?a=2&token=" R },
    { "http://h/?a=2&token=1#x", "http://h/?a=2&token=" R "#x" },
    { "http://u:p@h/?token=1", "http://h/?token=" R },
    { "http://h/?token", "http://h/?token" },
    { "http://h/?token=", "http://h/?token=" },
    { "http://h/?token=&a", "http://h/?token=&a" },
    { "http://h/?token=1&token=2", "http://h/?token=" R "&token=" R },

    /* the name, however it is written */
    { "http://h/?TOKEN=1", "http://h/?TOKEN=" R },
    { "http://h/?%74oken=1", "http://h/?%74oken=" R },
    { "http://h/?%54%4f%4B%45%4e=1", "http://h/?%54%4f%4B%45%4e=" R },
    { "http://h/?+token+=1", "http://h/?+token+=" R },
    { "http://h/?%20token=1", "http://h/?%20token=" R },
    { "http://h/?token%00=1", "http://h/?token%00=" R },
    { "http://h/?access_token=1", "http://h/?access_token=" R },
    { "http://h/?accessToken=1", "http://h/?accessToken=" R },
    { "http://h/?access%5ftoken=1", "http://h/?access%5ftoken=" R },
    { "http://h/?reset_password_token=1",
      "http://h/?reset_password_token=" R },
    { "http://h/?X-Amz-Signature=1", "http://h/?X-Amz-Signature=" R },
    { "http://h/?api-key=1&apikey=2&API_KEY=3",
      "http://h/?api-key=" R "&apikey=" R "&API_KEY=" R },
    { "http://h/?user[password]=1", "http://h/?user[password]=" R },
    { "http://h/?user%5Bpassword%5D=1", "http://h/?user%5Bpassword%5D=" R },
    { "http://h/?token[]=1&token[0]=2", "http://h/?token[]=" R
      "&token[0]=" R },
    { "http://h/?login.code=1", "http://h/?login.code=" R },
    { "http://h/?ctl00$Password=1", "http://h/?ctl00$Password=" R },
    { "http://h/?%zztoken%=1", "http://h/?%zztoken%=" R },

    /* these are not meant */
    { "http://h/?tokens=1&tok=2&codes=3&zipcode=4&pass_id=5",
      "http://h/?tokens=1&tok=2&codes=3&zipcode=4&pass_id=5" },
    { "http://h/?keyword=1&monkey=2&sidebar=3&design=4&passage=5",
      "http://h/?keyword=1&monkey=2&sidebar=3&design=4&passage=5" },
    { "http://h/?utm_source=1&q=2&id=3&page=4",
      "http://h/?utm_source=1&q=2&id=3&page=4" },

    /* where it begins */
    { "http://h/?a=1;token=2", "http://h/?a=1;token=" R },
    { "http://h/?a=1&amp;token=2", "http://h/?a=1&amp;token=" R },
    { "http://h/?u=http://x/?token=2", "http://h/?u=http://x/?token=" R },
    { "http://h/?a=token=2", "http://h/?a=token=" R },
    { "http://h/x&token=2?a=1", "http://h/x&token=" R "?a=1" },
    { "http://h/x;jsessionid=2?a=1", "http://h/x;jsessionid=" R "?a=1" },
    { "http://h/token=2/x", "http://h/token=" R },
    { "http://h/#access_token=2&a=1", "http://h/#access_token=" R "&a=1" },
    { "http://h/#/access_token=2", "http://h/#/access_token=" R },
    { "http://h/#!/x?token=2", "http://h/#!/x?token=" R },
    { "http://h/#/x#token=2", "http://h/#/x#token=" R },
    { "http://h/#section-2", "http://h/#section-2" },
    { "?token=1", "?token=" R },
    { "token=1:2@3", "3" },
    { "token=1:2", "token=" R },

    /* where it ends */
    { "http://h/?password=a;b=c&d=e", "http://h/?password=" R "&d=e" },
    { "http://h/?password=a?b/c=d", "http://h/?password=" R },
    { "http://h/?token=a=b==&d=e", "http://h/?token=" R "&d=e" },
    { "http://h/?token=%26&d=e", "http://h/?token=" R "&d=e" },
    { "http://h/?token=&&a==", "http://h/?token=&&a==" },

    /* the inside of a JSON string */
    { "http://h/?a=\"\\\n\xff", "http://h/?a=\\\"\\\\\\n" BAD },
    { "http://h/?token=\"\\\n\xff", "http://h/?token=" R },
    { "", "" },
    { "-", "-" }
};


static const pair_t  kept[] = {

    { "http://h/p?page=1", "http://h/p?page=1" },
    { "http://h/p?a=1&page=2", "http://h/p?page=2" },
    { "http://h/p?page=2&a=1", "http://h/p?page=2" },
    { "http://h/p?a=1&page=2&b=3&tag[]=4&tag%5B%5d=5",
      "http://h/p?page=2&tag[]=4&tag%5B%5d=5" },
    { "http://h/p?PAGE=1&%70age=2", "http://h/p?PAGE=1&%70age=2" },
    { "http://h/p?user+name=1&user%20name=2&user_name=3&username=4",
      "http://h/p?user+name=1&user%20name=2" },
    { "http://h/p?a=1", "http://h/p" },
    { "http://h/p?", "http://h/p" },
    { "http://h/p?secret", "http://h/p" },
    { "http://h/p?page", "http://h/p?page" },
    { "http://h/p?page[x]=1&tag[0]=2", "http://h/p" },
    { "http://h/p?page=1;a=2&page=3", "http://h/p?page=1&page=3" },
    { "http://h/p?a=1;page=2", "http://h/p" },
    { "http://h/p?page=1;2;3", "http://h/p?page=1;2;3" },
    { "http://h/p?page=http://x/?a=1&b=2", "http://h/p?page=http://x/" },
    { "http://h/p?page=a?b", "http://h/p?page=a?b" },
    { "http://h/p?page=YQ==", "http://h/p?page=YQ==" },
    { "http://h/a=b/c;a=1;page=2?page=3", "http://h/a=b/c?page=3" },
    { "http://h/c;page=2;d", "http://h/c;page=2;d" },
    { "http://h/x&a=1?page=3", "http://h/x?page=3" },
    { "http://h/#section-2", "http://h/#section-2" },
    { "http://h/#a=1&page=2", "http://h/#page=2" },
    { "http://h/#a=1", "http://h/" },
    { "http://h/#/route?a=1", "http://h/#/route" },
    { "http://u:p@h/?page=1", "http://h/?page=1" }
};


/* property=value, in the order of their names */

static const pair_t  found[] = {

    { "/?utm_source=a&utm_medium=b", "utm_source=a utm_medium=b" },
    { "/?utm_campaign=1&utm_content=2&utm_term=3&utm_id=4"
      "&utm_source_platform=5&utm_campaign_id=6&utm_creative_format=7"
      "&utm_marketing_tactic=8",
      "utm_id=4 utm_term=3 utm_content=2 utm_campaign=1 utm_campaign_id=6"
      " utm_source_platform=5 utm_creative_format=7 utm_marketing_tactic=8" },
    { "/?dclid=1&fbclid=2&gclid=3&ko_click_id=4&li_fat_id=5&msclkid=6"
      "&sccid=7&ttclid=8&twclid=9&wbraid=10",
      "dclid=1 gclid=3 sccid=7 fbclid=2 ttclid=8 twclid=9 wbraid=10"
      " msclkid=6 li_fat_id=5 ko_click_id=4" },

    /* the first counts, also if it is empty */
    { "/?utm_source=a&utm_source=b", "utm_source=a" },
    { "/?utm_source=&utm_source=b", "" },

    /* the name as it stands */
    { "/?UTM_SOURCE=a&utm%5fsource=b&xutm_source=c&utm_sourc=d", "" },
    { "/?utm_sources=a&utm_source", "" },
    { "/?utm_source[]=a", "" },
    { "utm_source=a", "" },
    { "/?a;utm_source=b", "" },
    { "/?a=utm_source=b", "" },

    /* after a mark, wherever it is */
    { "/x&utm_source=a?utm_id=1", "utm_id=1 utm_source=a?utm_id=1" },
    { "/?a=/?utm_source=b", "utm_source=b" },
    { "/#?utm_source=b#c", "utm_source=b" },
    { "/?utm_source=a#b", "utm_source=a" },
    { "/?utm_source=a;b=c", "utm_source=a;b=c" },
    { "/?utm_source=a=b==", "utm_source=a=b==" },

    /* nothing that is hidden comes in by the back door */
    { "/?utm_source=a;token=1", "utm_source=a" },
    { "/?utm_source=http://x/?token=1&utm_id=2",
      "utm_id=2 utm_source=http://x/" },
    { "/?utm_source=token=1", "" },
    { "/?password=ab?utm_term=S&utm_id=1", "utm_id=1" },
    { "/?a=1;password=ab?utm_term=S?utm_source=T&utm_term=1", "utm_term=1" },
    { "/?a=1?utm_term=1", "utm_term=1" },
    { "/?a=%3Ftoken%3Dx?utm_term=S", "" },
    { "/?a=%3Ftoken%3D?utm_term=S", "" },
    { "/?a=%253Ftoken%253Dx?utm_term=S&utm_id=1", "utm_id=1" },
    { "/?a=%3Ftoken%3Dx%26b%3D?utm_term=1", "utm_term=1" },
    { "/?a=%3Ftoken%3Dx%2526b%3D?utm_term=S", "" },
    { "/?password=ab&utm_term=1", "utm_term=1" },
    { "/?utm_id=1?token=S?utm_term=T&?utm_term=2?utm_source=3&pw=?gclid=S",
      "utm_id=1 utm_term=2?utm_source=3 utm_source=3" },
    { "/?a%3Db?token=S?utm_id=T?utm_id=U&utm_id=1?utm_term=2",
      "utm_id=1?utm_term=2 utm_term=2" },
    { "/?token%253DS%3Dtoken%3DS%2526?utm_id=T", "" },
    { "/?token%253DS%3DS%2526?utm_id=T&utm_id=1", "utm_id=1" },
    { "/?token%253DS%26token%3DS%26?utm_id=1?pw%3DS?utm_term=T",
      "utm_id=1" },
    { "/?token%3DS%26?utm_id=1?token%3DS?utm_term=T", "utm_id=1" },
    { "/?utm_id=a%26token%3DS%26?utm_term=b?utm_source=c;pw=S",
      "utm_id=a utm_term=b?utm_source=c utm_source=c" },
    { "/?utm_id=a?utm_term=token=S", "utm_id=a?utm_term" },

    /* decoding */
    { "/?utm_source=a+b%20c", "utm_source=a b c" },
    { "/?utm_source=a%2Bb", "utm_source=a b" },
    { "/?utm_source=caf%C3%a9", "utm_source=caf\xc3\xa9" },
    { "/?utm_source=caf\xc3\xa9", "utm_source=caf\xc3\xa9" },
    { "/?utm_source=%F0%9F%98%80", "utm_source=\xf0\x9f\x98\x80" },
    { "/?utm_source=%26utm_id%3d1", "utm_source=&utm_id=1" },
    { "/?utm_source=%22%5c%00", "utm_source=\\\"\\\\\\u0000" },
    { "/?utm_source=%41+%", "utm_source=%41 %" },
    { "/?utm_source=%41%4", "utm_source=%41%4" },
    { "/?utm_source=%41%4g", "utm_source=%41%4g" },
    { "/?utm_source=%41%C3", "utm_source=%41%C3" },
    { "/?utm_source=%41%C3x", "utm_source=%41%C3x" },
    { "/?utm_source=%41%80", "utm_source=%41%80" },
    { "/?utm_source=%C0%80", "utm_source=%C0%80" },
    { "/?utm_source=%E0%80%80", "utm_source=%E0%80%80" },
    { "/?utm_source=%ED%A0%80", "utm_source=%ED%A0%80" },
    { "/?utm_source=%F4%90%80%80", "utm_source=%F4%90%80%80" },
    { "/?utm_source=%41\xff", "utm_source=%41" BAD },
    { "", "" }
};


static const search_t  searches[] = {

    { "https://www.google.com/", "google", NULL },
    { "https://www.google.com/search?q=a+b", "google", "a b" },
    { "http://google.de/?x=1&q=%C3%A9", "google", "\xc3\xa9" },
    { "https://www.bing.com/search?q=x", "bing", "x" },
    { "https://search.yahoo.com/search?p=x&q=y", "yahoo", "x" },
    { "https://search.yahoo.com/search?q=y", "yahoo", NULL },
    { "https://duckduckgo.com/?q=x", "duckduckgo", "x" },
    { "https://www.bing.com/?q=google", "bing", "google" },
    { "https://www.google.com/?q=&q=x", "google", NULL },
    { "https://www.google.com/?xq=1&aq=2", "google", NULL },
    { "https://www.google.com/?q=x;token=1", "google", "x" },
    { "https://www.google.com/?password=ab?q=S", "google", NULL },
    { "https://www.google.com/?password=ab?q=S&q=x", "google", "x" },
    { "https://www.google.com/?a=b?q=x", "google", "x" },

    { "https://yahoo.com/?a=duckduckgo.com", "yahoo", NULL },
    { "https://duckduckgo.com/?q=yahoo.com", "yahoo", NULL },
    { "https://duckduckgo.com/yahoo.com/bing.com", "bing", NULL },
    { "https://bing.com/yahoo.com/google.", "google", NULL },

    /* the SDK is generous */
    { "https://example.com/google/x?q=1", "google", "1" },
    { "https://bingxcom/?q=1", "bing", "1" },
    { "https://bing.de/?bing.com", "bing", NULL },

    { "https://google", NULL, NULL },
    { "https://bing.de/?q=x", NULL, NULL },
    { "https://bing.co", NULL, NULL },
    { "HTTPS://www.google.com/", NULL, NULL },
    { "ftp://www.google.com/", NULL, NULL },
    { "www.google.com/", NULL, NULL },
    { "https:/", NULL, NULL },
    { "https://", NULL, NULL },
    { "", NULL, NULL }
};


static char  out[4096];


static unsigned char *
copy(const char *s, size_t len)
{
    unsigned char  *p;

    p = malloc(len ? len : 1);
    memcpy(p, s, len);

    return p;
}


static mxt_redact_t *
list(const char *const *name, unsigned keep)
{
    size_t         i, n, bytes;
    mxt_redact_t  *r;

    bytes = 0;

    for (n = 0; name[n]; n++) {
        bytes += strlen(name[n]);
    }

    r = mxt_redact_init(malloc(mxt_redact_size(n, bytes)), n, bytes, keep);

    for (i = 0; i < n; i++) {
        if (mxt_redact_add(r, name[i], strlen(name[i])) != 0) {
            tap_ok(0, "%s is a name", name[i]);
        }
    }

    return r;
}


static void
part(const char *url, const char *what, mxt_uri_str_t got, const char *want)
{
    char  name[256];

    snprintf(name, sizeof(name), "%s of \"%s\"", what, url);

    if (want == NULL) {
        tap_ok(got.len == 0 && got.data == NULL, "no %s", name);

    } else {
        tap_is_str(got.data, got.len, want, name);
    }
}


static void
test_split(const split_t *t)
{
    size_t          len;
    mxt_uri_t       u;
    unsigned char  *s;

    len = strlen(t->url);
    s = copy(t->url, len);

    mxt_uri_split(&u, s, len);

    part(t->url, "prefix", u.prefix, t->prefix);
    part(t->url, "authority", u.authority, t->authority);
    part(t->url, "host", u.host, t->host);
    part(t->url, "port", u.port, t->port);
    part(t->url, "path", u.path, t->path);
    part(t->url, "query", u.query, t->query);
    part(t->url, "fragment", u.fragment, t->fragment);

    free(s);
}


static mxt_uri_str_t
str(const char *s)
{
    mxt_uri_str_t  v;

    v.data = (const unsigned char *) s;
    v.len = s ? strlen(s) : 0;

    return v;
}


static void
test_request(void)
{
    mxt_uri_t    u;
    mxt_json_t   j;
    unsigned     left;
    const char  *uri = "/a?token=1&b";

    mxt_uri_request(&u, str("https"), str("u:p@example.com:8443"), str(uri));

    part(uri, "scheme", u.scheme, "https");
    part(uri, "prefix", u.prefix, NULL);
    part(uri, "authority", u.authority, "example.com:8443");
    part(uri, "host", u.host, "example.com");
    part(uri, "port", u.port, "8443");
    part(uri, "path", u.path, "/a");
    part(uri, "query", u.query, "token=1&b");

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    mxt_redact_url(NULL, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start),
               "https://example.com:8443/a?token=1&b", "a URL from pieces");
    tap_is_u64(left, MXT_JSON_STRING_MAX - 36, "what is left of its limit");

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    mxt_redact_search(NULL, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), "?token=1&b", "its search");

    mxt_json_init(&j, out, sizeof(out));
    mxt_redact_path(NULL, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), "/a", "its path");

    mxt_uri_request(&u, str("https"), str(NULL), str("*"));
    part("*", "path", u.path, "*");
    part("*", "host", u.host, NULL);

    mxt_uri_request(&u, str("https"), str("u:p@/q?r:s@h:81"), str("/"));
    part("u:p@/q?r:s@h:81", "authority", u.authority, "h:81");

    mxt_uri_request(&u, str("https"), str("token=1"), str("/?"));
    part("/?", "host", u.host, "");
    part("/?", "query", u.query, "");

    mxt_json_init(&j, out, sizeof(out));
    mxt_redact_search(NULL, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), "", "a mark is no search");
}


static size_t
redact(const mxt_redact_t *r, const char *url, size_t len, unsigned *left,
    unsigned *cut)
{
    mxt_uri_t       u;
    mxt_json_t      j;
    unsigned char  *s;

    s = copy(url, len);

    mxt_json_init(&j, out, sizeof(out));
    mxt_uri_split(&u, s, len);
    *cut = mxt_redact_url(r, &j, &u, left);

    free(s);

    return (size_t) (j.pos - j.start);
}


static void
test_redact(const mxt_redact_t *r, const char *url, const char *want)
{
    size_t    n, whole;
    unsigned  left, cut, wrong, limit;
    char      first[sizeof(out)];

    left = sizeof(out);
    whole = redact(r, url, strlen(url), &left, &cut);

    tap_is_str(out, whole, want, url);
    memcpy(first, out, whole);

    if (memchr(want, '\\', whole) != NULL) {
        return;
    }

    /* cut off anywhere */
    wrong = cut;

    for (limit = 0; limit <= whole; limit++) {
        left = limit;
        n = redact(r, url, strlen(url), &left, &cut);

        if (n != limit || memcmp(out, want, n) != 0
            || cut != (limit < whole) || left != 0)
        {
            wrong = 1;
        }
    }

    left = sizeof(out);
    n = redact(r, first, whole, &left, &cut);

    tap_ok(!wrong, "and cut off anywhere");
    tap_is_str(out, n, want, "and done again");
}


static void
test_found(const mxt_redact_t *r, const pair_t *t)
{
    size_t          i, len;
    unsigned        left;
    uint32_t        some;
    mxt_json_t      j;
    unsigned char  *s, *v;
    mxt_uri_str_t   value[MXT_ARGS_N];

    len = strlen(t->in);
    s = copy(t->in, len);
    some = mxt_args_find(r, s, len, value);

    mxt_json_init(&j, out, sizeof(out));

    for (i = 0; i < MXT_ARGS_N; i++) {

        if (!(some >> i & 1)) {
            continue;
        }

        if (j.pos != j.start) {
            mxt_json_raw(&j, " ", 1);
        }

        mxt_json_raw(&j, mxt_args_names[i].data, mxt_args_names[i].len);
        mxt_json_raw(&j, "=", 1);

        v = copy((const char *) value[i].data, value[i].len);
        left = MXT_JSON_STRING_MAX;
        mxt_args_text(&j, v, value[i].len, &left);
        free(v);
    }

    tap_is_str(out, (size_t) (j.pos - j.start), t->out, t->in);
    free(s);
}


static void
test_search(const mxt_redact_t *r, const search_t *t)
{
    size_t          len;
    unsigned        left;
    mxt_json_t      j;
    const char     *engine;
    mxt_uri_str_t   keyword;
    unsigned char  *s;

    len = strlen(t->url);
    s = copy(t->url, len);
    engine = mxt_args_search(r, s, len, &keyword);

    tap_ok(t->engine ? engine && strcmp(engine, t->engine) == 0
                     : engine == NULL,
           "%s is %s", t->url, t->engine ? t->engine : "no engine");

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    mxt_args_text(&j, keyword.data, keyword.len, &left);

    tap_is_str(out, (size_t) (j.pos - j.start),
               t->keyword ? t->keyword : "", "and its keyword");
    free(s);
}


/* a long value is decoded in pieces, of which none may split a character */

static void
test_long(void)
{
    char        s[4000], want[4000];
    size_t      i, n, k, wrong;
    unsigned    left, cut;
    mxt_json_t  j;

    wrong = 0;

    for (k = 0; k < 4; k++) {
        for (n = 0; n < 300; n++) {

            s[0] = '\0';
            want[0] = '\0';

            for (i = 0; i < k; i++) {
                strcat(s, "a");
                strcat(want, "a");
            }

            for (i = 0; i < n; i++) {
                strcat(s, "%E4%BD%A0");
                strcat(want, "\xe4\xbd\xa0");
            }

            left = 10000;
            mxt_json_init(&j, out, sizeof(out));
            cut = mxt_args_text(&j, s, strlen(s), &left);

            wrong += (cut || (size_t) (j.pos - j.start) != strlen(want)
                      || memcmp(out, want, strlen(want)) != 0);

            left = MXT_JSON_STRING_MAX;
            mxt_json_init(&j, out, sizeof(out));
            cut = mxt_args_text(&j, s, strlen(s), &left);

            i = k + n * 3;

            if (i > MXT_JSON_STRING_MAX) {
                i = k + (MXT_JSON_STRING_MAX - k) / 3 * 3;
                wrong += !cut;
            }

            wrong += ((size_t) (j.pos - j.start) != i
                      || memcmp(out, want, i) != 0);
        }
    }

    tap_is_u64(wrong, 0, "long values, in characters of three bytes");
}


static void
test_list(void)
{
    char           name[2 * MXT_REDACT_NAME_MAX + 1];
    size_t         i, wrong;
    mxt_redact_t  *r;

    r = mxt_redact_init(malloc(mxt_redact_size(2, 70)), 2, 70, 0);

    memset(name, 'a', sizeof(name));

    tap_ok(!mxt_redact_hides(r, "a", 1), "an empty list hides nothing");
    tap_ok(!mxt_redact_hides(r, "", 0), "not even nothing");
    tap_ok(mxt_redact_add(r, "", 0) == -1, "an empty name is refused");
    tap_ok(mxt_redact_add(r, "_-[]", 4) == -1, "so is one of marks alone");
    tap_ok(mxt_redact_add(r, "*", 1) == -1, "so is an asterisk");
    tap_ok(mxt_redact_add(r, "*n", 2) == -1, "so is a tail of one letter");
    tap_ok(mxt_redact_add(r, name, MXT_REDACT_NAME_MAX + 1) == -1,
           "so is a long one");
    tap_ok(mxt_redact_add(r, name, MXT_REDACT_NAME_MAX) == 0,
           "the longest is taken");
    tap_ok(mxt_redact_add(r, name, MXT_REDACT_NAME_MAX) == 0,
           "and again, without taking room");
    tap_ok(mxt_redact_add(r, "Abcdefg", 7) == -1, "too many bytes");
    tap_ok(mxt_redact_add(r, "*xyz", 4) == 0, "another");
    tap_ok(mxt_redact_add(r, "b", 1) == -1, "too many names");

    wrong = 0;

    for (i = 1; i < sizeof(name); i++) {
        wrong += mxt_redact_hides(r, name, i) != (i == MXT_REDACT_NAME_MAX);
    }

    tap_is_u64(wrong, 0, "it is found by all of its length");

    wrong = 0;

    for (i = 3; i < sizeof(name); i++) {
        memcpy(name + i - 3, "XyZ", 3);
        wrong += mxt_redact_hides(r, name, i) != 1;
        memset(name + i - 3, 'a', 3);
    }

    tap_is_u64(wrong, 0, "a tail is found behind anything");
    tap_ok(!mxt_redact_hides(r, "yz", 2), "half a tail is not");

    free(r);

    tap_ok(!mxt_redact_hides(NULL, "token", 5), "no list hides nothing");
}


int
main(void)
{
    size_t         i;
    unsigned       wrong;
    mxt_redact_t  *hide, *keep;

    static const char *const  keeps[] = {
        "page", "tag[]", "User Name", NULL
    };

    hide = list(mxt_redact_default, 0);
    keep = list(keeps, 1);

    for (i = 0; i < countof(splits); i++) {
        test_split(&splits[i]);
    }

    test_request();

    for (i = 0; i < countof(hidden); i++) {
        test_redact(hide, hidden[i].in, hidden[i].out);
    }

    for (i = 0; i < countof(kept); i++) {
        test_redact(keep, kept[i].in, kept[i].out);
    }

    for (i = 0; i < countof(found); i++) {
        test_found(hide, &found[i]);
    }

    for (i = 0; i < countof(searches); i++) {
        test_search(hide, &searches[i]);
    }

    wrong = 0;

    for (i = 0; i < MXT_ARGS_N; i++) {
        wrong += mxt_redact_hides(hide, mxt_args_names[i].data,
                                  mxt_args_names[i].len);
    }

    tap_ok(!wrong, "the usual secrets are none of a campaign's arguments");

    tap_ok(mxt_args_find(keep, "/?utm_id=1", 10,
                         (mxt_uri_str_t [MXT_ARGS_N]) { { NULL, 0 } }) == 0,
           "what is not kept is not found either");

    test_long();
    test_list();

    free(hide);
    free(keep);

    return tap_done();
}
