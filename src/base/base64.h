/* Bytes as text (RFC 4648, the standard alphabet with padding). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Both append; false: overflow, or what is not exactly base64 (then `to` may hold a part). */
bool base64_encode(struct buf *to, const void *bytes, size_t length);
bool base64_decode(struct buf *to, const char *text, size_t length);

#endif
