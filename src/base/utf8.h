/* UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_valid(const char *text, size_t length);

/* Bytes of the longest valid prefix. */
size_t utf8_prefix(const char *text, size_t length);

/* The character at `text`, whose length is at least 1. Returns its bytes; a byte that begins none
 * is U+FFFD and 1 byte long. */
size_t utf8_next(const char *text, size_t length, uint32_t *ret_character);

size_t utf8_count(const char *text, size_t length); /* characters of valid text */

#endif
