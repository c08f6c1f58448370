
/*
 * The server's own words, as far as a log may hold them.
 */


#ifndef MXT_WORDS_H
#define MXT_WORDS_H


#include <stddef.h>


/* of the server's own words, that much goes into a log */
#define MXT_WORDS_MAX  100


#pragma GCC visibility push(hidden)


/*
 * Copies src, terminated, to dst, at most size - 1 characters (size > 0) and
 * a terminator: printable ASCII, anything else is a question mark.  The words
 * may quote the request: what looks like a token or an id (16 letters,
 * digits, - and _ with a digit among them) is one asterisk, also where dst
 * ends within it.  Returns how many characters there are.
 */
size_t mxt_words_clean(char *dst, size_t size, const char *src);


#pragma GCC visibility pop


#endif /* MXT_WORDS_H */
