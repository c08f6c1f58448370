
/*
 * System calls on files and directories, done to the end: interrupted, in
 * pieces, and with the errno of what went wrong left alone.
 */


#ifndef MXT_FILE_H
#define MXT_FILE_H


#include <dirent.h>
#include <stddef.h>


#pragma GCC visibility push(hidden)


/* Writes all of buf.  0, or -1 with errno and some of it written. */
int mxt_file_write(int fd, const void *buf, size_t len);

/* Locks the file, after whoever else has it, if that takes less than about a
 * second.  0, or -1 with errno (EWOULDBLOCK). */
int mxt_file_lock(int fd);

/* close() that leaves the errno of what went wrong before. */
void mxt_file_close(int fd);

/* Opens the directory once more, with a position of its own, to be read
 * through and closed with closedir().  NULL with errno if it cannot be. */
DIR *mxt_file_opendir(int dir);

/* fsync of a directory: names in it were made or taken away.  0, or -1 with
 * errno; a file system that has no such thing is fine. */
int mxt_file_sync_dir(int dir);

/* Gives fd, which this process has just made in the directory, to the
 * directory's owner, if the process is root.  0, or -1 with errno. */
int mxt_file_inherit(int fd, int dir);


#pragma GCC visibility pop


#endif /* MXT_FILE_H */
