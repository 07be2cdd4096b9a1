/* Request targets: paths and queries, decoded strictly and in place. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <docq.h>
#include <stdbool.h>
#include <stddef.h>

/* "/v1/items?limit=3" or "http://host/v1/items" (where `host` is the Host header) -> path and
 * query, both inside `target`; *query is "" where there is none. DQ_MALFORMED. */
int target_split(char *target, const char *host, char **path, char **query, dq_error *error);

#define SEGMENTS_MAX 8

/* Splits at every '/' and decodes each segment in place. Refuses control bytes, bytes that are not
 * UTF-8, "." and "..". Returns the number of segments, SEGMENTS_MAX + 1 where there are more, or
 * DQ_MALFORMED. "/" has one segment, "". */
int path_segments(char *path, char *segments[SEGMENTS_MAX], dq_error *error);

/* The first value of a query parameter, decoded into `out`. Returns its length, -1 where it is
 * missing, or DQ_MALFORMED / DQ_INVALID with *error (bad escapes, NUL, not UTF-8, too long). */
#define QUERY_MISSING (-1000)
int query_value(const char *query, const char *name, char *out, size_t size, dq_error *error);

/* %XX -> byte. Returns the new length, or -1 for a broken escape. */
int percent_decode(const char *from, size_t length, char *to, bool plus_is_space);

struct buf;
/* Everything but unreserved characters (RFC 3986) and '/' becomes %XX. */
void percent_encode(struct buf *out, const char *text);

#endif
