/* link: src/core/mxt_uri.c src/core/mxt_redact.c src/core/mxt_redact_arg.c src/core/mxt_redact_list.c src/core/mxt_redact_default.c src/core/mxt_args.c src/core/mxt_args_walk.c src/core/mxt_userinfo.c src/core/mxt_json.c */

/*
 * Arguments within the value of another one, whose marks are encoded: once,
 * twice, or not all alike.  What is not encoded is in uri.c.  Inputs lie in
 * allocations of their exact size, for the sanitizers to see a byte too far.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#include "../../src/core/mxt_args.h"


#define countof(a)  (sizeof(a) / sizeof((a)[0]))

#define H           "http://h/"
#define R           MXT_REDACT_WORD
#define SECRET      "S3CRET"


typedef struct {
    const char  *in;
    const char  *out;           /* NULL: as it is */
} pair_t;


static const pair_t  hidden[] = {

    { H "?next=%2Freset%3Ftoken%3DS", H "?next=%2Freset%3Ftoken%3D" R },
    { H "?return=https%3A%2F%2Fa.test%2F%3Fa%3D1%26token%3DS",
      H "?return=https%3A%2F%2Fa.test%2F%3Fa%3D1%26token%3D" R },
    { H "?utm_content=a%26token%3DS", H "?utm_content=a%26token%3D" R },

    /* each mark before it, and "=" in both cases */
    { H "?a=1%26token%3dS&b=2", H "?a=1%26token%3d" R "&b=2" },
    { H "?a=1%3Btoken%3DS", H "?a=1%3Btoken%3D" R },
    { H "?a=1%3btoken%3DS", H "?a=1%3btoken%3D" R },
    { H "?a=1%3Ftoken%3DS", H "?a=1%3Ftoken%3D" R },
    { H "?a=1%3ftoken%3DS", H "?a=1%3ftoken%3D" R },
    { H "?a=1%23token%3DS", H "?a=1%23token%3D" R },
    { H "?a=1%2Ftoken%3DS", H "?a=1%2Ftoken%3D" R },
    { H "?a=1%2ftoken%3DS", H "?a=1%2ftoken%3D" R },
    { H "?a=1%3Dtoken%3DS", H "?a=1%3Dtoken%3D" R },
    { H "?a=token%3DS", H "?a=token%3D" R },
    { H "?a/token%3DS", H "?a/token%3D" R },
    { H "?token%3DS", H "?token%3D" R },
    { H "?a&token%3DS", H "?a&token%3D" R },

    /* encoded again, or not all alike */
    { H "?a=%252Freset%253Ftoken%253DS", H "?a=%252Freset%253Ftoken%253D" R },
    { H "?a=%25253ftoken%25253dS&b=2", H "?a=%25253ftoken%25253d" R "&b=2" },
    { H "?a=1%2526token%3DS", H "?a=1%2526token%3D" R },
    { H "?a=1%26token%253DS", H "?a=1%26token%253D" R },
    { H "?a=1%26token=S", H "?a=1%26token=" R },
    { H "?a=1%2526token=S", H "?a=1%2526token=" R },
    { H "?a=1&token%252525253DS", H "?a=1&token%252525253D" R },

    /* the name */
    { H "?a=%26Acc%65ss-Token%3DS", H "?a=%26Acc%65ss-Token%3D" R },
    { H "?a=%26user%5Bpass%5D%3DS", H "?a=%26user%5Bpass%5D%3D" R },
    { H "?a=%2526user%255Bpass%255D%253DS",
      H "?a=%2526user%255Bpass%255D%253D" R },
    { H "?a=%2526api%255Fkey%253DS", H "?a=%2526api%255Fkey%253D" R },
    { H "?a=%2526%2574oken%253DS", H "?a=%2526%2574oken%253D" R },
    { H "?user%255Bpass%255D=S", H "?user%255Bpass%255D=" R },
    { H "?%25bearer=S", H "?%25bearer=" R },
    { H "?token%2Fx=S", H "?token%2Fx=" R },
    { H "?a%26co.de=S", H "?a%26co.de=" R },
    { H "?a.co.de=S", NULL },
    { H "?request_id=S&user-id=T", NULL },
    { H "?s_id=S&s-i_d=T", H "?s_id=" R "&s-i_d=" R },
    { H "?_pw=S&p__w=T&__pw__=U", H "?_pw=" R "&p__w=" R "&__pw__=" R },

    /* and who is before an "@" */
    { H "?next=http://u:p@x/&a=1", H "?next=http://x/&a=1" },
    { H "?next=http%3A%2F%2Fu:p%40x&a=1", H "?next=http%3A%2F%2Fx&a=1" },
    { H "http://u:p@x/y", H "http://x/y" },
    { H "#http://u:p@x/y", H "#http://x/y" },

    /* parts that are nothing by themselves */
    { H "?api.k.ey=S", H "?api.k.ey=" R },
    { H "?p[a][ss]=S", H "?p[a][ss]=" R },
    { H "?to%2Fken=S", H "?to%2Fken=" R },
    { H "?to%2Fk.en=S", H "?to%2Fk.en=" R },
    { H "?a=1%26api.k.ey%3DS", H "?a=1%26api.k.ey%3D" R },
    { H "?a%26api.k.ey=S", H "?a%26api.k.ey=" R },
    { H "?a%26p.ass=S", H "?a%26p.ass=" R },
    { H "?a%26p%2Fass=S", NULL },

    /* where it ends */
    { H "?a=%3Ftoken%3DS%26b%3D2&c=3", H "?a=%3Ftoken%3D" R "%26b%3D2&c=3" },
    { H "?a=%3Ftoken%3DS%26pin%3DT%26b%3D2",
      H "?a=%3Ftoken%3D" R "%26pin%3D" R "%26b%3D2" },

    /* behind one that is less deep it is in that one's value */
    { H "?a=%253Femail%253DS1%23b%3DS2%2526S3", H "?a=%253Femail%253D" R },
    { H "?a=%253Femail%253DS1%23b%3DS2%26c", H "?a=%253Femail%253D" R "%26c" },
    { H "?a=%3Ftoken%3DS;b=S%26S&c", H "?a=%3Ftoken%3D" R "&c" },

    { H "?a=%253Ftoken%253DS%26b%3D2", H "?a=%253Ftoken%253D" R "%26b%3D2" },
    { H "?a=%253Ftoken%253DS%2526b&c", H "?a=%253Ftoken%253D" R "%2526b&c" },
    { H "?a=%3Fpassword%3DS%2526T%26b", H "?a=%3Fpassword%3D" R "%26b" },
    { H "?a=%3Fpassword%3DS%3BT%3FU%23V%2FW%3DX%26b",
      H "?a=%3Fpassword%3D" R "%26b" },
    { H "?a=%3Fpassword%3DS=T?U/V;W&b", H "?a=%3Fpassword%3D" R "&b" },
    { H "?password=S%26T%3DU&b", H "?password=" R "&b" },
    { H "?password=S%26token%3DU&b", H "?password=" R "&b" },
    { H "?a=%3Ftoken%3D%3DS", H "?a=%3Ftoken%3D" R },
    { H "?a=%3Ftoken%3D=S", H "?a=%3Ftoken%3D" R },
    { H "?a=%3Ftoken%3D%2526S", H "?a=%3Ftoken%3D" R },
    { H "?token%3Db=S", H "?token%3D" R },
    { H "?token%3DS%26b=T", H "?token%3D" R "%26b=" R },
    { H "?token%3DS%26b/c=T", H "?token%3D" R "%26b/c=T" },
    { H "?token%3DS&b=T", H "?token%3D" R "&b=T" },

    /* nothing to hide */
    { H "?a=%3Ftoken%3D", NULL },
    { H "?a=%3Ftoken%3D&b=1", NULL },
    { H "?a=%3Ftoken%3D%26b%3D1", NULL },
    { H "?a=%3Ftoken%253D%26b%3D1", NULL },
    { H "?a=%3Ftoken&b=1", NULL },
    { H "?q=a%20b", NULL },
    { H "?next=%2Fhome", NULL },
    { H "?q=50%25", NULL },
    { H "?q=50%25&a=1", NULL },
    { H "?a=b%3Dc", NULL },
    { H "?a=b%3Dc%26d%3De&f=g", NULL },
    { H "?a=b%3Dtokens%26tokens%3De", NULL },
    { H "?a=%3Ftoken%26b%3D1", NULL },
    { H "?a=%3Ftoken%2526b%3D1", NULL },
    { H "?a=%2Ftoken%2Fb%3D1", NULL },
    { H "?next=%2Fx%3Fpage%3D2%26sort%3Dup%23top", NULL },
    { H "?q=caf%C3%A9%3A+%22x%22", NULL },

    /* not an escape of a mark */
    { H "?a=%26token%3", NULL },
    { H "?a=%26token%", NULL },
    { H "?a=%26token%25", NULL },
    { H "?a=%26token%253", NULL },
    { H "?a=%26token%25253", NULL },
    { H "?a=%26token%3ES", NULL },
    { H "?a=%26token%3DS%", H "?a=%26token%3D" R },
    { H "?a=%26token%3DS%2", H "?a=%26token%3D" R },
    { H "?a=%26token%3DS%25%26", H "?a=%26token%3D" R "%26" },
    { H "?a=%%26token%%3DS", H "?a=%%26token%%3D" R },
    { H "?a=%2%26token%3DS", H "?a=%2%26token%3D" R },
    { H "?a=%25%26token%3DS", H "?a=%25%26token%3D" R },

    /* the other parts of a URL */
    { H "x%3Ftoken%3DS?a=1", H "x%3Ftoken%3D" R "?a=1" },
    { H "x%3Bjsessionid%3DS%26a", H "x%3Bjsessionid%3D" R "%26a" },
    { H "#access_token%3DS%26a%3D1", H "#access_token%3D" R "%26a%3D1" },
    { H "#/r%3Ftoken%3DS", H "#/r%3Ftoken%3D" R },
    { H "a%26token?b%3D1", NULL },
    { "http://a%3Btoken%3DS/b?c", "http://a%3Btoken%3D" R "?c" },
    { "a%26token%3DS:b", "a%26token%3D" R },
    { "http%3A%2F%2Fh%2F%3Ftoken%3DS", "http%3A%2F%2Fh%2F%3Ftoken%3D" R }
};


/* page, tag[] and User Name */

/* what two letters end */

static const pair_t  tails[] = {
    { H "?userid=S&user_id=T&id=U", H "?userid=" R "&user_id=" R "&id=" R },
    { H "?user_i_d=S&user___id=T", H "?user_i_d=" R "&user___id=" R },
    { H "?ids=S&i=T&d=U", NULL }
};

static const pair_t  kept[] = {

    { H "?page=%2Fhome", NULL },
    { H "?page=a%20b", NULL },
    { H "?page=50%25", NULL },
    { H "?page=AT%26T", NULL },
    { H "?page=YQ%3D%3D", NULL },
    { H "?page=b%3Dc", NULL },
    { H "?page=%2Fa%3Db", NULL },
    { H "?page=%2Fx%3Fpage%3D2%26page%3D3", NULL },
    { H "?page=%253Ftag%255B%255D%253D2", NULL },
    { H "?page=%253Ftag%25255B%25255D%253D2", NULL },
    { H "?page=%3FUSER%2520name%3D2", NULL },

    { H "?page=%2Fx%3Fa%3DS", H "?page=%2Fx" },
    { H "?page=%2Fx%3Fa%3DS&page=2", H "?page=%2Fx&page=2" },
    { H "?page=%2Fx%3Fa%3DS%26page%3D2", H "?page=%2Fx%3Fpage%3D2" },
    { H "?page=%2Fx%3Fpage%3D2%26a%3DS", H "?page=%2Fx%3Fpage%3D2" },
    { H "?page=%2Fx%3Fa%3DS%26b%3DT%26page%3D2", H "?page=%2Fx%3Fpage%3D2" },
    { H "?page=%2Fx%3Fa%3DS%26b%3DT", H "?page=%2Fx" },
    { H "?page=%2Fx%3Fa%3DS%26word", H "?page=%2Fx%3Fword" },
    { H "?page=%2Fx%3Fpage%3D1%26a%3DS%26page%3D2%26b%3DT%26page%3D3",
      H "?page=%2Fx%3Fpage%3D1%26page%3D2%26page%3D3" },
    { H "?page=1%26a%3DS", H "?page=1" },
    { H "?page=1%26a=S", H "?page=1" },
    { H "?page=1%26a=S%26page%3D2&page=3", H "?page=1&page=3" },
    { H "?page=1%26page=2", NULL },
    { H "?page=1%3Ba%3DS", H "?page=1" },
    { H "?page=1%23a%3DS", H "?page=1" },
    { H "?page=1;a%3DS", H "?page=1" },
    { H "?page=1?a%3DS", H "?page=1" },
    { H "?page=1%2526a%253DS", H "?page=1" },
    { H "?page=1%2526a%253DS%2526page%253D2", H "?page=1%2526page%253D2" },
    { H "?page=1%26a%253DS%2526page%253D2%26page%3D3",
      H "?page=1%26page%253D2%26page%3D3" },
    { H "?page=1%26a%3DS%2526page%253D2", H "?page=1" },
    { H "?page=1%26page%3D2%2526a%253DS", H "?page=1%26page%3D2" },
    { H "?page=%3Fpages%3DS", H "?page=" },

    { H "?page%3D1", H },
    { H "?a%26page%3D1", H },
    { H "?page%26a%3D1", H },

    { H "x%3Fa%3DS?page=1", H "x?page=1" },
    { H "x%3Fa%3DS%26page%3D1", H "x%3Fpage%3D1" },
    { H "x;a%3DS", H "x" },
    { H "x%26y", NULL },
    { H "#/r%3Fa%3DS", H "#/r" },
    { H "#/r%3Fpage%3D1%26a%3DS", H "#/r%3Fpage%3D1" },
    { H "#a%3DS", H },
    { H "#page%3D1", NULL },
    { H "#page%3D1%26a%3DS", H "#page%3D1" },
    { H "#top%20x", NULL },
    { "http:%3Fa%3DS%26page%3D1", "http:%3Fpage%3D1" }
};


/* of a value: what is shown, NULL: all */

static const pair_t  shown[] = {
    { "a%26token%3DS", "a" },
    { "a%2526token%253DS", "a" },
    { "a%26b%3D1%26token%3DS", "a%26b%3D1" },
    { "%2Fx%3Ftoken%3DS", "%2Fx" },
    { "a;token%3DS", "a" },
    { "a%3Dtoken%3DS", "a" },
    { "a%3Dtoken=S", "" },
    { "token%3DS", "" },
    { "%26token%3DS", "" },
    { "//u:a;token=S@h", "//" },
    { "//u:a%3Btoken%3DS@h/", "//" },
    { "//u@h/?b=//u:a;token=S@h", "//u@h/?b=//" },
    { "//u@h/?b=//v@h/?c=//u:a;token=S/@h", "//u@h/?b=//v@h/?c=//u:a" },
    { "//u@h//i//u:a;token=S@h", "//u@h//i//u:a" },
    { "a://u@///h;token=S?@h", "a://u@///h" },
    { "//u@h/?token=S?//@h", "//u@h/" },
    { "a%3Db", NULL },
    { "a%20b", NULL },
    { "50%25", NULL },
    { "50%", NULL },
    { "AT%26T", NULL },
    { "", NULL }
};

static const pair_t  shown_kept[] = {
    { "a%26x%3DS", "a" },
    { "a%2526x%253DS", "a" },
    { "a%26page%3D1%26x%3DS", "a%26page%3D1" },
    { "a;x%3DS", "a" },
    { "a&x%3DS", "a" },
    { "a#x=S", "a" },
    { "a#x%3DS", "a" },
    { "a%26x=S", "a" },
    { "a;b%3D1;x=S", "a" },
    { "a%3Db", NULL },
    { "AT%26T", NULL },
    { "AT&T", NULL },
    { "a&page%3D1", NULL },
    { "", NULL }
};


static char  out[32768];


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
test_redact(const mxt_redact_t *r, const pair_t *t)
{
    size_t       n, whole;
    unsigned     left, cut, wrong, limit;
    const char  *want;

    want = t->out ? t->out : t->in;

    left = sizeof(out);
    whole = redact(r, t->in, strlen(t->in), &left, &cut);
    tap_is_str(out, whole, want, t->in);

    whole = strlen(want);
    wrong = cut;

    for (limit = 0; limit <= whole; limit++) {
        left = limit;
        n = redact(r, t->in, strlen(t->in), &left, &cut);

        if (n != limit || memcmp(out, want, n) != 0
            || cut != (limit < whole) || left != 0)
        {
            wrong = 1;
        }
    }

    tap_ok(!wrong, "and cut off anywhere");

    left = sizeof(out);
    n = redact(r, want, whole, &left, &cut);
    tap_is_str(out, n, want, "and done again");
}


static void
test_shown(const mxt_redact_t *r, const pair_t *t)
{
    size_t          n;
    unsigned char  *s;

    s = copy(t->in, strlen(t->in));
    n = mxt_redact_shown(r, s, strlen(t->in));
    tap_is_str(s, n, t->out ? t->out : t->in, t->in);

    free(s);
}


static void
test_properties(const mxt_redact_t *r)
{
    size_t          len;
    unsigned        left;
    mxt_json_t      j;
    unsigned char  *s;
    mxt_uri_str_t   value[MXT_ARGS_N], keyword;

    const char  *url = "https://www.google.com/?utm_id=a%2Bb%26token%3DS"
                       "&q=shoes%26token%3DS";

    len = strlen(url);
    s = copy(url, len);

    if (mxt_args_find(r, s, len, value) != 1U << 7) {
        tap_ok(0, "utm_id is found, and nothing else");
        return;
    }

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    mxt_args_text(&j, value[7].data, value[7].len, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), "a b",
               "a campaign's argument ends before what it must not show");

    (void) mxt_args_search(r, s, len, &keyword);
    tap_is_str(keyword.data, keyword.len, "shoes", "a keyword does so, too");

    free(s);
}


/* path and search alone */

static void
test_parts(const mxt_redact_t *r, const char *url, const char *path,
    const char *search)
{
    unsigned    left;
    mxt_uri_t   u;
    mxt_json_t  j;

    mxt_uri_split(&u, url, strlen(url));

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    (void) mxt_redact_path(r, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), path, url);

    left = MXT_JSON_STRING_MAX;
    mxt_json_init(&j, out, sizeof(out));
    (void) mxt_redact_search(r, &j, &u, &left);
    tap_is_str(out, (size_t) (j.pos - j.start), search, url);
}


static size_t
encode(char *d, const char *s)
{
    size_t  n;

    for (n = 0; *s; s++) {

        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')
            || (*s >= '0' && *s <= '9') || *s == '_')
        {
            d[n++] = *s;

        } else {
            n += (size_t) sprintf(d + n, "%%%02X", (unsigned char) *s);
        }
    }

    d[n] = '\0';

    return n;
}


/* as a browser makes it: what is within what is within it */

static void
test_depth(const mxt_redact_t *hide, const mxt_redact_t *keep)
{
    char      s[2][4096], url[sizeof(s[0]) + 32];
    size_t    i, n, depth, wrong;
    unsigned  left, cut, kind;

    static const char *const  inner[] = {
        "/reset?token=" SECRET, "https://a.test/?a=1&user[pwd]=" SECRET,
        "a&api-key=" SECRET, "x;sid=" SECRET "&a=1", "/#/r?code=" SECRET,
        "/#access_token=" SECRET "&state=2", "/?password=" SECRET ";" SECRET,
        "?page=1&token=" SECRET "/" SECRET "=?" SECRET "#" SECRET "&page=2"
    };

    for (i = 0; i < countof(inner); i++) {
        wrong = 0;
        strcpy(s[0], inner[i]);

        for (depth = 0; depth <= 8; depth++) {

            for (kind = 0; kind < 2; kind++) {
                n = (size_t) sprintf(url, "http://h/?page=%s", s[0]);

                left = sizeof(out);
                n = redact(kind ? keep : hide, url, n, &left, &cut);

                /* not encoded, "#" begins the whole URL's fragment */
                wrong += memmem(out, n, SECRET, 6) != NULL
                         && (depth || strchr(inner[i], '#') == NULL);
                wrong += memmem(out, n, "?page=", 6) == NULL;

                n = mxt_redact_shown(kind ? keep : hide,
                                     (unsigned char *) s[0], strlen(s[0]));
                wrong += memmem(s[0], n, SECRET, 6) != NULL;
            }

            (void) encode(s[1], s[0]);
            strcpy(s[0], s[1]);
        }

        tap_is_u64(wrong, 0, inner[i]);
    }
}


int
main(void)
{
    size_t         i;
    mxt_redact_t  *hide, *keep, *tail;

    static const char *const  keeps[] = {
        "page", "tag[]", "User Name", NULL
    };

    static const char *const  ids[] = { "*id", NULL };

    hide = list(mxt_redact_default, 0);
    keep = list(keeps, 1);
    tail = list(ids, 0);

    for (i = 0; i < countof(hidden); i++) {
        test_redact(hide, &hidden[i]);
    }

    for (i = 0; i < countof(tails); i++) {
        test_redact(tail, &tails[i]);
    }

    for (i = 0; i < countof(kept); i++) {
        test_redact(keep, &kept[i]);
    }

    for (i = 0; i < countof(shown); i++) {
        test_shown(hide, &shown[i]);
    }

    for (i = 0; i < countof(shown_kept); i++) {
        test_shown(keep, &shown_kept[i]);
    }

    test_parts(hide, H "p;a=1?b=2#c", "/p;a=1", "?b=2");
    test_parts(hide, H "p;sid=1?token=2#c", "/p;sid=" R, "?token=" R);
    test_parts(hide, H "?#", "/", "");
    test_parts(hide, "", "", "");

    test_properties(hide);
    test_depth(hide, keep);

    free(hide);
    free(keep);
    free(tail);

    return tap_done();
}
