/* A growing byte buffer with a stated maximum. Always NUL-terminated behind `length`. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct buf {
    char *bytes;
    size_t length, capacity;
    size_t max; /* bytes; an append beyond it sets `overflow` and changes nothing else */
    bool overflow;
};

#define BUF(limit)                                                                                 \
    (struct buf)                                                                                   \
    {                                                                                              \
        .max = (limit)                                                                             \
    }

void buf_free(struct buf *buf);                                     /* leaves it empty and usable */
bool buf_append(struct buf *buf, const void *bytes, size_t length); /* false: overflow */
bool buf_puts(struct buf *buf, const char *text);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *buf);                  /* keeps the memory */
void buf_consume(struct buf *buf, size_t length); /* drops bytes from the front */

#ifdef __cplusplus
}
#endif

#define autobuf __attribute__((cleanup(buf_free))) struct buf

#endif
