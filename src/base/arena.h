/* Arena: memory that dies together. Allocation cannot fail (it aborts when memory is out);
 * sizes that come from outside are compared with a named limit first. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is fine */
void arena_release(struct arena **arena);
#define autoarena __attribute__((cleanup(arena_release))) struct arena *

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A reply for dq_free(): `size` zeroed bytes at the head of an arena of their own. */
void *reply_new(size_t size, struct arena **ret_arena);

#endif
