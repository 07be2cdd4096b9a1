/* The wall: what a process gives up for good before it reads a hostile document. Called inside
 * docq-extract, single-threaded, after its libraries are initialised. */
#ifndef SANDBOX_WALL_H
#define SANDBOX_WALL_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exit codes that the parent (sandbox/box.h) understands. */
enum {
    BOX_EXIT_MEMORY = 71, /* out of memory */
    BOX_EXIT_WALL = 77,   /* the wall could not be raised; nothing was read */
};

struct wall_limits {
    int64_t memory_bytes; /* address space; 0 = as it is */
    int64_t cpu_seconds;  /* 0 = as it is */
    int64_t output_bytes; /* where fd 1 or 2 is a regular file: its size; 0 = any */
};

/* Afterwards only descriptors 0, 1 and 2 are open, and the process can read them, read what lies
 * below the paths of fence.c, and compute. It cannot open anything else or for writing, connect,
 * execute, fork, signal, trace or make executable memory; what is not on the list of filter.c
 * kills it. A limit is never raised. Fails (DQ_UNSUPPORTED, DQ_IO) where a wall without which a
 * document must not be read does not stand: no_new_privs, the limits or the system call filter. */
int wall_raise(const struct wall_limits *limits, dq_error *error);

enum wall_bit {
    WALL_NO_NEW_PRIVS = 1 << 0,
    WALL_LIMITS = 1 << 1,
    WALL_FILTER = 1 << 2,
    WALL_FENCE = 1 << 3,
    WALL_FENCE_NET = 1 << 4,
    WALL_FENCE_SCOPE = 1 << 5,
    WALL_NAMESPACES = 1 << 6,
};

struct wall_row {
    unsigned bit;
    const char *name, *meaning;
};

extern const struct wall_row wall_rows[];
extern const size_t wall_row_count;

/* Which walls this machine lets us raise: `enum wall_bit`, ored. Forks; raises none of them in the
 * caller. */
unsigned wall_probe(void);

#ifdef __cplusplus
}
#endif

#endif
