/* Starting a program with nothing but three descriptors, from a process with many threads. */
#ifndef SANDBOX_SPAWN_H
#define SANDBOX_SPAWN_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct spawn {
    const char *program;
    char *const *argv;
    char *const *environment; /* beside what every child gets; NULL-terminated, NULL = nothing */
    int fds[3];               /* stay the caller's */
    int64_t memory_bytes, cpu_seconds;
};

/* Starts it in a process group of its own, which dies with the calling thread's process; the
 * caller kills the group and reaps the child. DQ_UNSUPPORTED: the program cannot be executed. */
int spawn_start(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd, dq_error *error);

#endif
