/* The name that was probably meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap neighbours) from `a` to `b`; names above 64 bytes are far.
 */
unsigned text_distance(const char *a, const char *b);

/* The nearest of `names` (`stride` bytes apart, count of them); NULL where none comes close. */
const char *text_nearest(const char *word, const void *names, size_t count, size_t stride);

#endif
