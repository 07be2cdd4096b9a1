/* Descriptors: closed on leaving the scope, read and written whole. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

void fd_close(int *fd); /* closes what is >= 0 and sets it to -1; errno is kept */
#define autoclose __attribute__((cleanup(fd_close))) int
int fd_take(int *fd); /* moves it out of an autoclose */

int fd_write_all(int fd, const void *bytes, size_t length);                /* 0, or -1 and errno */
int fd_pwrite_all(int fd, const void *bytes, size_t length, off_t offset); /* 0, or -1 and errno */
ssize_t fd_read_some(int fd, void *bytes, size_t length); /* retries EINTR; 0 = end, -1 = errno */

/* A sealed, read-only memory file with a copy of `length` bytes of `from` at `offset`. -1, errno.
 */
int fd_copy_range(int from, off_t offset, size_t length, const char *name);

#endif
