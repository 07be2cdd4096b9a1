/* One HTTP request to a docq server of this machine: what healthcheck and demo need, no more. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/buf.h"

#include <docq.h>
#include <stdint.h>

struct ask {
    const char *address; /* "http://127.0.0.1:8080" */
    const char *method, *target;
    int body_fd; /* read for `body_bytes`; -1 = no body */
    int64_t body_bytes;
    int timeout_ms; /* of each wait for the other side */
};

/* The HTTP status, the body in *body; DQ_UNREACHABLE, DQ_MALFORMED or DQ_INVALID. */
int ask(const struct ask *ask, struct buf *body, dq_error *error);

/* `text` with everything but unreserved characters percent-encoded. */
char *ask_escape(const char *text, char *out, size_t size);

#endif
