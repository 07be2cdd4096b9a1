/* Doubling growth up to the stated maximum. */
#include "base/buf.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *buf)
{
    free(buf->bytes);
    *buf = BUF(buf->max);
}

static bool reserve(struct buf *buf, size_t more)
{
    if (buf->overflow || more > buf->max - buf->length) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->length + more + 1;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity * 2 : 256;
    if (capacity < need)
        capacity = need;
    char *bytes = realloc(buf->bytes, capacity);
    if (!bytes)
        bug("out of memory (%zu bytes)", capacity);
    buf->bytes = bytes;
    buf->capacity = capacity;
    return true;
}

bool buf_append(struct buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return false;
    if (length)
        memcpy(buf->bytes + buf->length, bytes, length);
    buf->length += length;
    buf->bytes[buf->length] = '\0';
    return true;
}

bool buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    bool fits = length >= 0 && reserve(buf, (size_t)length);
    if (fits) {
        vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
    return fits;
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflow = false;
}

void buf_consume(struct buf *buf, size_t length)
{
    memmove(buf->bytes, buf->bytes + length, buf->length - length);
    buf->length -= length;
    buf->bytes[buf->length] = '\0';
}
