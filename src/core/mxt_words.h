
/*
 * The server's own words, as far as a log may hold them.
 */


#ifndef MXT_WORDS_H
#define MXT_WORDS_H


#include <stddef.h>


/* of the server's own words, that much goes into a log */
#define MXT_WORDS_MAX      100

/* of a project; and what is shorter would hide half of every sentence */
#define MXT_WORDS_SECRETS  8
#define MXT_WORDS_SHORT    4


/* what is never told, whoever says it; begins as zeros */
typedef struct {
    unsigned     n;
    size_t       len[MXT_WORDS_SECRETS];
    const char  *secret[MXT_WORDS_SECRETS];
} mxt_words_t;


#pragma GCC visibility push(hidden)


/*
 * One secret more, terminated, which must stay where it is.  Without effect
 * if it is NULL, has less than MXT_WORDS_SHORT bytes, or is one too many.
 */
void mxt_words_hide(mxt_words_t *words, const char *secret);

/*
 * Copies src, terminated, to dst, at most size - 1 characters (size > 0) and
 * a terminator: printable ASCII, anything else is a question mark.  The words
 * may quote the request: each of words' secrets (NULL is none), wherever it
 * stands, and what looks like a token or an id (16 letters, digits, - and _
 * with a digit among them) is one asterisk, also where dst ends within it.
 * Returns how many characters there are.
 */
size_t mxt_words_clean(char *dst, size_t size, const char *src,
    const mxt_words_t *words);


#pragma GCC visibility pop


#endif /* MXT_WORDS_H */
