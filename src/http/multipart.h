/* multipart/form-data (RFC 7578) as a stream: pieces of any size in, parts out.
 *
 * Strict: CRLF everywhere, nothing before the first boundary, nothing behind the last, and a part
 * without a readable Content-Disposition ends it. Memory is bounded by one part's header. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http/disposition.h"

struct multipart;

struct multipart_limits {
    int parts_max;
    size_t header_bytes_max; /* of one part */
};

/* What happens, in order: for every part begin, data (as often as needed), end. Each returns 0, or
 * a negative code that ends the parsing. */
struct multipart_events {
    int (*begin)(void *context, const struct disposition *part, dq_error *error);
    int (*data)(void *context, const char *bytes, size_t length, dq_error *error);
    int (*end)(void *context, dq_error *error);
};

/* Is this Content-Type multipart/form-data at all? */
bool multipart_is(const char *content_type);

/* NULL and DQ_MALFORMED where the Content-Type has no sound boundary (1 to 70 characters). `events`
 * must live as long. */
struct multipart *multipart_new(const char *content_type, const struct multipart_limits *limits,
                                const struct multipart_events *events, void *context,
                                dq_error *error);
void multipart_free(struct multipart *multipart); /* NULL is fine */

int multipart_write(struct multipart *multipart, const char *bytes, size_t length, dq_error *error);

/* After the last byte: DQ_MALFORMED where the closing boundary has not come. */
int multipart_finish(const struct multipart *multipart, dq_error *error);

#endif
