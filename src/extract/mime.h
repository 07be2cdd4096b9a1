/* The grammar of messages: headers (RFC 5322), encoded words and parameters (RFC 2047, 2231),
 * transfer encodings (RFC 2045). All output is UTF-8 as far as the input lets it be. */
#ifndef EXTRACT_MIME_H
#define EXTRACT_MIME_H

#include "base/buf.h"

#include <stdint.h>

struct span {
    const char *at;
    size_t length;
};

struct entity {
    struct span headers, body;
};

/* A message or part, cut at its first empty line. */
struct entity mime_split(struct span whole);

/* The value of the first header of that name, unfolded, as it is; false and "" without one. */
bool mime_header(struct span headers, const char *name, struct buf *to);

/* Encoded words become what they mean. */
void mime_words(const char *value, struct buf *to);

/* A parameter ("charset", "filename") of a header's value. */
bool mime_parameter(const char *value, const char *name, struct buf *to);

/* The body without its transfer encoding, which may point into `body` or into `room`. */
struct span mime_decode(struct span body, const char *encoding, struct buf *room);

/* Seconds since 1970 of "Tue, 15 Nov 2022 15:53:41 +0100"; false where it is no date. */
bool mime_date(const char *value, int64_t *ret_seconds);

/* The next part of a multipart body whose delimiter is `boundary`; *rest begins as the body. */
bool mime_next_part(struct span *rest, const char *boundary, struct span *ret_part);

#endif
