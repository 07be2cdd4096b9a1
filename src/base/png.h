/* Whether bytes are framed as a PNG picture. Nothing is inflated. */
#ifndef BASE_PNG_H
#define BASE_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One picture of 1 to `side_max` pixels on each side: a header, known critical chunks and data,
 * with the end chunk as the last bytes. Says nothing about the pixels themselves. */
bool png_valid(const void *bytes, size_t length, uint32_t side_max);

#endif
