/* POST /v1/documents: the body, piece by piece, into the queue. */
#ifndef HTTP_UPLOAD_H
#define HTTP_UPLOAD_H

#include "http/call.h"

/* On the loop, before the body: may such an upload begin at all? */
int upload_check(const struct call *call, dq_error *error);

/* In a pool thread: takes what is in call->body. */
int upload_chunk(struct call *call, dq_error *error);

/* Drops what was not committed. NULL is fine. */
void upload_free(struct upload *upload);

#endif
