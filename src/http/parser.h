/* Bytes of a connection -> request heads and bodies, strictly.
 *
 * Every byte is looked at twice: first by a guard of our own that refuses whatever two readers
 * could understand differently (bare CR or LF, folded headers, control bytes, odd chunk lines),
 * then by http-parser. Where the two do not agree about the end of a message the request is
 * refused. After any error the connection must be closed: its framing is lost. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "http/http.h"

#include <sys/types.h>

struct header {
    const char *name, *value; /* NUL-terminated, inside the head's bytes */
};

struct head {
    const char *method; /* static */
    char *target;       /* inside the head's bytes */
    const char *host;   /* "" only for HTTP/1.0 */
    int minor;          /* HTTP/1.minor */
    bool keep_alive, chunked, has_length, expect_continue;
    int64_t length; /* Content-Length, 0 where there is none */
    struct header headers[HTTP_HEADERS_MAX];
    size_t header_count;
};

/* Looks for the end of a head in `bytes`. *scanned: how far earlier calls have looked; starts at 0.
 * Returns its length, 0 = more bytes are needed, or DQ_MALFORMED / DQ_HEADERS. */
ssize_t head_scan(const char *bytes, size_t length, size_t *scanned,
                  const struct http_limits *limits, dq_error *error);

/* The value of a header, NULL where it is missing; the first one where there are several. */
const char *head_value(const struct head *head, const char *name);

struct parser;

struct parser *parser_new(void);
void parser_free(struct parser *parser); /* NULL is fine */

/* Takes apart one whole head found by head_scan; writes NULs into it; *head points into it. */
int parser_head(struct parser *parser, char *bytes, size_t length, struct head *head,
                dq_error *error);

/* Is anything of this message still to come? */
bool parser_done(const struct parser *parser);

typedef void body_fn(void *context, const char *bytes, size_t length);

/* Feeds bytes behind the head. Returns how many belonged to this message, or DQ_MALFORMED. */
ssize_t parser_body(struct parser *parser, const char *bytes, size_t length, body_fn *take,
                    void *context, dq_error *error);

#endif
