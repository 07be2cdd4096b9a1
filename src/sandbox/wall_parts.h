/* Inside the wall: the parts that wall.c puts up in order. */
#ifndef SANDBOX_WALL_PARTS_H
#define SANDBOX_WALL_PARTS_H

#include "base/error.h"

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WALL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define WALL_SANITIZED 1
#endif
#endif
#ifndef WALL_SANITIZED
#define WALL_SANITIZED 0
#endif

int fence_abi(void); /* Landlock's version, 0 where the kernel has none */

/* Only reading, below the listed paths. false: no Landlock here. */
bool fence_raise(void);

/* The system call filter, last of all. `may_open`: openat for reading is harmless here, because
 * the fence says what can be reached. */
int filter_raise(bool may_open, dq_error *error);
bool filter_available(void);

#endif
