/* What stands in front of http-parser: the shape of lines and of chunk framing. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <docq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* `METHOD SP target SP HTTP/1.x`, one space each. */
bool guard_request_line(const char *line, size_t length);
int guard_minor(const char *head, size_t length); /* the x */

/* `name: value`: a token, the colon right behind it, no control bytes. */
bool guard_header_line(const char *line, size_t length);

/* A byte that may stand in a line (bytes from 0x80 on and the tab included). */
bool guard_text_byte(unsigned char byte);
bool guard_token_byte(unsigned char byte);

bool guard_host(const char *host); /* a name, an address or [an address], with or without a port */

struct chunk_guard {
    int state;
    unsigned digits, extension_bytes, trailer_bytes;
    uint64_t left; /* of the chunk */
};

/* Returns how many of the bytes belong to the chunked body, or DQ_MALFORMED. */
ssize_t chunk_scan(struct chunk_guard *guard, const char *bytes, size_t length, dq_error *error);
bool chunk_done(const struct chunk_guard *guard);

#endif
