/* THE route table: what is served, to whom, with how much of a body. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/call.h"

enum body_kind {
    BODY_NONE,   /* a small one is read and ignored */
    BODY_JSON,   /* json-bytes-max */
    BODY_RESULT, /* JSON, result-bytes-max */
    BODY_UPLOAD, /* bytes of documents, upload-bytes-max, never held whole */
};

struct route {
    const char *method, *pattern;
    unsigned scopes; /* any of these; 0 = open */
    enum body_kind body;
    call_fn *handler;
    const char *summary;
};

extern const struct route route_table[];
extern const size_t route_count;

/* Finds the row for method and path segments and fills param and number of the call; HEAD takes
 * GET's. Where the path has rows but not this method, the answer (204 for OPTIONS, else 405) is
 * filled with the Allow header and call->route stays NULL. DQ_NOT_FOUND. */
int route_find(struct call *call, int segment_count, dq_error *error);

/* Largest body of the route in bytes; *ret_name (may be NULL) is the limit's name, static. */
int64_t route_body_max(const struct route *route, const struct http_limits *limits,
                       const char **ret_name);

#endif
