
/*
 * The server's own words, as far as a log may hold them.
 */


#include "mxt_words.h"


/* a word this long with a digit in it is rather a token or an id */
#define MXT_WORDS_SECRET  16


static unsigned mxt_words_letter(int ch);


size_t
mxt_words_clean(char *dst, size_t size, const char *src)
{
    char         ch, *p, *end;
    size_t       n;
    unsigned     digit;

    p = dst;
    end = dst + size - 1;

    while (*src && p < end) {

        digit = 0;

        for (n = 0; mxt_words_letter(src[n]); n++) {
            digit |= src[n] >= '0' && src[n] <= '9';
        }

        if (n >= MXT_WORDS_SECRET && digit) {
            *p++ = '*';
            src += n;
            continue;
        }

        if (n == 0) {
            n = 1;
        }

        while (n-- && p < end) {
            ch = *src++;
            *p++ = (ch >= 0x20 && ch < 0x7f) ? ch : '?';
        }
    }

    *p = '\0';

    return (size_t) (p - dst);
}


static unsigned
mxt_words_letter(int ch)
{
    return (ch >= '0' && ch <= '9')
           || (ch >= 'a' && ch <= 'z')
           || (ch >= 'A' && ch <= 'Z')
           || ch == '-' || ch == '_';
}
