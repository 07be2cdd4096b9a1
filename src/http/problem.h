/* RFC 9457: an error as application/problem+json. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/buf.h"

#include <docq.h>
#include <jansson.h>

void problem_write(struct buf *out, int status, const dq_error *error, const char *request_id);

/* {code, detail}: why one of many was refused. */
json_t *problem_brief(int code);

#endif
