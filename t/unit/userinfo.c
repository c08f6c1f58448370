/* link: src/core/mxt_json.c */

/*
 * User info of URLs within other text: what is left out, and what only looks
 * like it.  Inputs lie in allocations of their exact size, and each is cut
 * anywhere, for the sanitizers to see a byte too far.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../src/core/mxt_userinfo.c"


typedef struct {
    unsigned     value;
    const char  *in;
    const char  *out;           /* NULL: as it is */
} text_t;


static const text_t  texts[] = {
    { 0, "?next=https://me:S@h/&a=1", "?next=https://h/&a=1" },
    { 0, "?next=https%3A%2F%2Fme%3AS%40h%2F", "?next=https%3A%2F%2Fh%2F" },
    { 0, "?next=https%3a%2f%2fme:S@h%2f", "?next=https%3a%2f%2fh%2f" },
    { 0, "?next=https%253A%252F%252Fme%253AS%2540h", "?next=https%253A%252F%252Fh" },
    { 0, "?next=//me:S@h/", "?next=//h/" },
    { 0, "?next%3D%2F%2Fme%40h", "?next%3D%2F%2Fh" },
    { 0, "?a=https://me@h/&b=https://you:S@g/?c", "?a=https://h/&b=https://g/?c" },
    { 0, "https://a@b@h/x@y", "https://h/x@y" },
    { 0, "https://me:S%40S@h/", "https://h/" },
    { 0, "https://me:a%26b=c;d@h/", "https://h/" },
    { 0, "https://me:a%2Fb@h/", "https://h/" },
    { 0, "https://me:a%3Fb%23@h/?c%2F@d", "https://h/?c%2F@d" },
    { 0, "https%3A%2F%2Fme%3Aa%252Fb%40h%2Fc", "https%3A%2F%2Fh%2Fc" },
    { 0, "https%3A%2F%2Fm%253Fe%3Aa%255Cb%2523%40h", "https%3A%2F%2Fh" },
    { 0, "https%253A%252F%252Fme%253Aa%25252Fb%2540h", "https%253A%252F%252Fh" },
    { 0, "https://me@h%2Fb%40c", "https://h%2Fb%40c" },
    { 0, "https://h%2Fb?c=//me%2F@h", "https://h%2Fb?c=//h" },
    { 0, "https://h%3Fc%3D%2F%2Fme%40h", "https://h%3Fc%3D%2F%2Fh" },
    { 0, "https:///me:S@h/", "https:///h/" },
    { 0, "https:\\\\me:S@h/", "https:\\\\h/" },
    { 0, "https%3A%5C%5Cme:S@h/", "https%3A%5C%5Ch/" },
    { 0, "https://me:S@", "https://" },
    { 0, "https://a@/b@h/", "https://h/" },
    { 0, "https://a@//b/@h/", "https:////b/@h/" },
    { 0, "a://b:c://me@h/", "a://b:c://h/" },
    { 0, "blob:https://me:S@h/", "blob:https://h/" },
    { 0, "/proxy/https://me:S@h/x", "/proxy/https://h/x" },
    { 1, "//me:S@h/", "//h/" },
    { 1, "%2F%2Fme%3AS%40h", "%2F%2Fh" },

    /* none */
    { 0, "//me:S@h/", NULL },
    { 0, "/a//b@c/", NULL },
    { 0, "https://h/me:S@x", NULL },
    { 0, "https://h?me:S@x", NULL },
    { 0, "https://h#me:S@x", NULL },
    { 0, "https://h%3Fme%3AS%40x", NULL },
    { 0, "?a=https://h&b=me@x", NULL },
    { 0, "?mail=me@h.test", NULL },
    { 0, "mailto:me@h.test", NULL },
    { 0, "https:/me@h", NULL },
    { 0, "a:b//me@h", NULL },
    { 0, "?n=40&a=4%", NULL },
    { 0, "%4", NULL },
    { 0, "%2540", NULL },
    { 0, "@", NULL },
    { 0, "", NULL }
};


static unsigned
same(const text_t *t, size_t len)
{
    char           *s;
    char            out[300], again[300];
    unsigned        left;
    mxt_json_t      j;

    s = malloc(len ? len : 1);
    memcpy(s, t->in, len);

    left = sizeof(out);
    mxt_json_init(&j, out, sizeof(out));
    (void) mxt_userinfo_text(&j, s, len, t->value, &left);
    *j.pos = '\0';

    free(s);

    /* what was left out once is not there a second time */

    left = sizeof(again);
    mxt_json_init(&j, again, sizeof(again));
    (void) mxt_userinfo_text(&j, out, strlen(out), t->value, &left);
    *j.pos = '\0';

    if (strchr(out, '\\') == NULL && strcmp(out, again) != 0) {
        tap_diag("%.*s: %s, %s", (int) len, t->in, out, again);
        return 0;
    }

    if (len < strlen(t->in)) {
        return 1;
    }

    s = (char *) (uintptr_t) (t->out ? t->out : t->in);

    for (len = 0, left = 0; s[len]; len++) {
        left += (s[len] == '\\');
    }

    /* JSON doubles the backslashes, which few of them have */

    if (left) {
        return strlen(out) == len + left;
    }

    if (strcmp(out, s) != 0) {
        tap_diag("%s: %s", t->in, out);
        return 0;
    }

    return 1;
}


int
main(void)
{
    size_t    i, n;
    unsigned  bad;

    bad = 0;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        tap_ok(same(&texts[i], strlen(texts[i].in)), "%s",
               texts[i].in[0] ? texts[i].in : "nothing");

        for (n = 0; n < strlen(texts[i].in); n++) {
            bad += strchr(texts[i].in, '\\') == NULL && !same(&texts[i], n);
        }
    }

    tap_is_u64(bad, 0, "cut anywhere");

    return tap_done();
}
