
/*
 * A server's words: what of them is never told.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../src/core/mxt_words.c"


#define TOKEN  "0123456789abcdef0123456789abcdef"

#define LARGE  65536


static mxt_words_t  words;


static void
cleans(const char *src, const char *want)
{
    char    out[MXT_WORDS_MAX + 1];
    size_t  len;

    len = mxt_words_clean(out, sizeof(out), src, &words);

    tap_is_str(out, len, want, *want ? want : "nothing");
}


/* in a sentence, wherever dst ends; no letter of a secret is one of its */

static void
ends(const char *secret)
{
    char      src[256], out[MXT_WORDS_MAX + 1];
    size_t    i, k, len;
    unsigned  told;

    told = 0;

    for (i = 1; i <= sizeof(out); i++) {

        for (k = 0; k < 100; k++) {
            memset(src, '.', k);
            snprintf(src + k, sizeof(src) - k, "%s !! %s", secret, secret);

            memset(out, 'x', sizeof(out));
            len = mxt_words_clean(out, i, src, &words);

            told += len >= i || strlen(out) != len
                    || strspn(out, ".* !") != len;
        }
    }

    tap_is_u64(told, 0, "wherever the words end, no part is left");
}


static void
large(void)
{
    char    *src, out[MXT_WORDS_MAX + 1];
    size_t   i;

    src = malloc(LARGE + 1);
    src[LARGE] = '\0';

    memset(src, 'a', LARGE);
    tap_is_u64(mxt_words_clean(out, sizeof(out), src, &words), MXT_WORDS_MAX,
               "a word without end");

    src[LARGE - 1] = '1';
    tap_is_u64(mxt_words_clean(out, sizeof(out), src, &words), 1,
               "with a digit");

    for (i = 0; i < LARGE; i++) {
        src[i] = "S3cr/et"[i % 7];
    }

    tap_is_u64(mxt_words_clean(out, sizeof(out), src, &words), MXT_WORDS_MAX,
               "nothing but secrets");
    tap_is_u64(strspn(out, "*"), MXT_WORDS_MAX, "are nothing but asterisks");

    free(src);
}


int
main(void)
{
    unsigned  i;

    cleans("S3cr/et", "S3cr/et");
    cleans("token " TOKEN " of joe", "token * of joe");

    mxt_words_hide(&words, NULL);
    mxt_words_hide(&words, "");
    mxt_words_hide(&words, "joe");
    tap_is_u64(words.n, 0, "what is none, or hardly one, is not kept");

    mxt_words_hide(&words, "S3cr/et");
    mxt_words_hide(&words, "S3cr");
    mxt_words_hide(&words, "pa:ss w\xc3\xb6rd");
    mxt_words_hide(&words, "YWxpY2U6/S3cr+A");

    cleans("", "");
    cleans("nothing of joe", "nothing of joe");
    cleans("S3cr/et", "*");
    cleans("S3cr", "*");
    cleans("S3cr/e", "*/e");
    cleans("s3CR/ET", "s3CR/ET");
    cleans("\"S3cr/et\", 'S3cr/et'", "\"*\", '*'");
    cleans("xS3cr/ety aS3crS3cr", "x*y a**");
    cleans("S3S3cr/et", "S3*");
    cleans("user pa:ss w\xc3\xb6rd!", "user *!");
    cleans("Basic YWxpY2U6/S3cr+A==", "Basic *==");
    cleans("\n\xc3\xb6S3cr\x7f", "???*?");

    /* an id ends where a secret does that begins in it */

    cleans("0123456789abcdefS3cr/et.", "*.");
    cleans("S3cr0123456789abcdef", "*");
    cleans("0123456789S3crabcdef " TOKEN, "* *");
    cleans("0123456789abcdefghS3cr/etS3cr", "**");

    ends("S3cr/et");
    ends("pa:ss w\xc3\xb6rd S3cr");
    large();

    for (i = 0; i < 2 * MXT_WORDS_SECRETS; i++) {
        mxt_words_hide(&words, "another");
    }

    tap_is_u64(words.n, MXT_WORDS_SECRETS, "no more than there is room for");
    cleans("another S3cr/et", "* *");

    return tap_done();
}
