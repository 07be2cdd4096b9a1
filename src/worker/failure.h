/* core/failures.def as a table. */
#ifndef WORKER_FAILURE_H
#define WORKER_FAILURE_H

#include <docq.h>

enum failure {
    FAILURE_DAMAGED_DOCUMENT,
    FAILURE_NEEDS_PASSWORD,
    FAILURE_UNSUPPORTED_FORMAT,
    FAILURE_LIMIT_EXCEEDED,
    FAILURE_PARSER_CRASHED,
    FAILURE_MEMORY_LIMIT,
    FAILURE_TIME_LIMIT,
    FAILURE_PARSER_PROTOCOL,
    FAILURE_BOX_UNAVAILABLE,
    FAILURE_PROGRAM_CRASHED,
    FAILURE_PROGRAM_MISSING,
    FAILURE_OUTPUT_INVALID,
    FAILURE_WEBHOOK_REFUSED,
    FAILURE_LEASE_EXPIRED,
    FAILURE_WORKER_DIED,
    FAILURE_QUARANTINED,
    FAILURE_CONTENT_MISSING,
    FAILURE_HANDLER_ERROR,
    FAILURE_MAX
};

struct failure_row {
    const char *slug;
    bool retryable, crash;
    const char *sentence;
};

const struct failure_row *failure_row(enum failure failure);

/* NULL: no such slug. */
const struct failure_row *failure_find(const char *slug);

#endif
