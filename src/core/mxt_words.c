
/*
 * The server's own words, as far as a log may hold them.
 */


#include <string.h>

#include "mxt_words.h"


/* a word this long with a digit in it is rather a token or an id */
#define MXT_WORDS_ID  16


static size_t mxt_words_id(const mxt_words_t *words, const char *src);
static size_t mxt_words_secret(const mxt_words_t *words, const char *src);
static unsigned mxt_words_letter(int ch);


void
mxt_words_hide(mxt_words_t *words, const char *secret)
{
    size_t  len;

    len = secret ? strlen(secret) : 0;

    if (len < MXT_WORDS_SHORT || words->n == MXT_WORDS_SECRETS) {
        return;
    }

    words->secret[words->n] = secret;
    words->len[words->n] = len;
    words->n++;
}


size_t
mxt_words_clean(char *dst, size_t size, const char *src,
    const mxt_words_t *words)
{
    char      ch, *p, *end;
    size_t    n;
    unsigned  within;

    p = dst;
    end = dst + size - 1;
    within = 0;

    while (*src && p < end) {

        n = within ? 0 : mxt_words_id(words, src);

        if (n == 0) {
            n = mxt_words_secret(words, src);
        }

        if (n) {
            *p++ = '*';
            src += n;
            within = 0;
            continue;
        }

        /* the rest of a word that is none is none either */

        ch = *src++;
        within = mxt_words_letter(ch);
        *p++ = (ch >= 0x20 && ch < 0x7f) ? ch : '?';
    }

    *p = '\0';

    return (size_t) (p - dst);
}


/*
 * How long the word is that src begins with, if it looks like a token or an
 * id; and that is to the end of a secret that begins within it
 */

static size_t
mxt_words_id(const mxt_words_t *words, const char *src)
{
    size_t    i, n, len;
    unsigned  digit;

    digit = 0;

    for (n = 0; mxt_words_letter(src[n]); n++) {
        digit |= src[n] >= '0' && src[n] <= '9';
    }

    if (n < MXT_WORDS_ID || !digit) {
        return 0;
    }

    len = n;

    for (i = 0; i < n; i++) {

        if (i + mxt_words_secret(words, src + i) > len) {
            len = i + mxt_words_secret(words, src + i);
        }
    }

    return len;
}


/* how long the longest secret is that src begins with, 0 if there is none */

static size_t
mxt_words_secret(const mxt_words_t *words, const char *src)
{
    size_t    len;
    unsigned  i;

    len = 0;

    for (i = 0; words && i < words->n; i++) {

        if (words->len[i] > len
            && strncmp(src, words->secret[i], words->len[i]) == 0)
        {
            len = words->len[i];
        }
    }

    return len;
}


static unsigned
mxt_words_letter(int ch)
{
    return (ch >= '0' && ch <= '9')
           || (ch >= 'a' && ch <= 'z')
           || (ch >= 'A' && ch <= 'Z')
           || ch == '-' || ch == '_';
}
