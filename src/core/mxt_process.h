
/*
 * Who a process is: its pid and when it started, so that a pid used again
 * is not taken for the process that had it before.
 */


#ifndef MXT_PROCESS_H
#define MXT_PROCESS_H


#include <stdint.h>


/* the start time << 22 | pid; never 0 */
typedef uint64_t  mxt_process_t;

/* so a word that holds one has room for something else */
#define MXT_PROCESS_BITS  54


#pragma GCC visibility push(hidden)


/* The calling process. */
mxt_process_t mxt_process_self(void);

/*
 * Whether that process lives: 0 if there is no such pid, it is a zombie, or
 * it started at another time; 1 otherwise, and also where that cannot be
 * told (no /proc, or one that hides the others).
 */
int mxt_process_alive(mxt_process_t process);


#pragma GCC visibility pop


#endif /* MXT_PROCESS_H */
