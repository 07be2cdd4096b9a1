/* Ids: 16 bytes inside, text at the edges; random bytes; hexadecimal. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_BYTES     16
#define ID_TEXT_SIZE 37

struct id {
    unsigned char bytes[ID_BYTES];
};

/* UUID version 7 (RFC 9562): 48 bits of milliseconds from `now` (microseconds), the rest random
 * but never smaller than this process's previous id. Thread-safe. */
struct id id_new(int64_t now);
void id_format(const struct id *id, char text[ID_TEXT_SIZE]);
bool id_parse(const char *text, struct id *ret_id); /* false: not 36 characters of a UUID */

void random_bytes(void *bytes, size_t length);
void hex_encode(const void *bytes, size_t length, char *text); /* 2 x length + NUL */
bool hex_decode(const char *text, size_t length, void *bytes); /* length digits, even */
bool equal_in_constant_time(const void *a, const void *b, size_t length);

#endif
