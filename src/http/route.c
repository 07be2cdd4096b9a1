/* Matching of paths against the table. */
#include "http/route.h"

#include "base/error.h"
#include "base/id.h"
#include "http/handlers.h"

#include <string.h>

#define ALLOW_BYTES_MAX  256
#define IGNORED_BODY_MAX (64 * 1024)

enum scope_column {
    NOBODY = 0,
    UPLOAD = DQ_SCOPE_UPLOAD,
    READ = DQ_SCOPE_READ,
    WORK = DQ_SCOPE_WORK,
    OPERATE = DQ_SCOPE_OPERATE,
    ADMIN = DQ_SCOPE_ADMIN,
};

const struct route route_table[] = {
#define ROUTE(method, pattern, scopes, body, handler, summary)                                     \
    {method, pattern, (unsigned)(scopes), body, handler, summary},
#include "http/routes.def"
#undef ROUTE
};
const size_t route_count = sizeof route_table / sizeof route_table[0];

int64_t route_body_max(const struct route *route, const struct http_limits *limits,
                       const char **ret_name)
{
    const struct {
        const char *name;
        int64_t bytes;
    } rows[] = {
        [BODY_NONE] = {"what is read where no body is expected", IGNORED_BODY_MAX},
        [BODY_JSON] = {"json-bytes-max", (int64_t)limits->json_bytes_max},
        [BODY_RESULT] = {"result-bytes-max", (int64_t)limits->result_bytes_max},
        [BODY_UPLOAD] = {"upload-bytes-max", limits->upload_bytes_max},
    };
    if (ret_name)
        *ret_name = rows[route->body].name;
    return rows[route->body].bytes;
}

/* Does the pattern fit? *param and *number get what stands in its braces. */
static bool fits(const char *pattern, char *const *segments, int count, const char **param,
                 const char **number)
{
    for (int i = 0; i < count; i++) {
        if (*pattern++ != '/')
            return false;
        size_t length = strcspn(pattern, "/");
        if (pattern[0] != '{') {
            if (strlen(segments[i]) != length || memcmp(segments[i], pattern, length) != 0)
                return false;
        } else if (strncmp(pattern, "{n}", length) == 0) {
            *number = segments[i];
        } else {
            *param = segments[i];
        }
        pattern += length;
    }
    return *pattern == '\0';
}

static int check_id(struct call *call, dq_error *error)
{
    struct id id;
    if (!strstr(call->route->pattern, "{id}"))
        return 0;
    if (!id_parse(call->param, &id))
        return error_set(error, DQ_NOT_FOUND, "`%.60s` is not an id.", call->param);
    return 0;
}

/* Takes the row for this method, or gathers what would be allowed: "GET, HEAD, POST". */
static bool collect(struct call *call, int count, const char *method, struct buf *allow)
{
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        const char *param = NULL, *number = NULL;
        if (!fits(route->pattern, call->segments, count, &param, &number))
            continue;
        if (strcmp(route->method, method) == 0) {
            call->route = route;
            call->param = param;
            call->number = number;
            return true;
        }
        buf_printf(allow, "%s%s%s", allow->length ? ", " : "", route->method,
                   strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return false;
}

int route_find(struct call *call, int segment_count, dq_error *error)
{
    autobuf allow = BUF(ALLOW_BYTES_MAX);
    const char *method = call_is(call, "HEAD") ? "GET" : call->head.method;
    if (segment_count <= SEGMENTS_MAX && collect(call, segment_count, method, &allow))
        return check_id(call, error);
    if (allow.length == 0)
        return error_set(error, DQ_NOT_FOUND, "Nothing is served at this path.");
    if (call_is(call, "OPTIONS")) {
        answer_header(&call->answer, "Allow", allow.bytes);
        return call_empty(call, 204);
    }
    error_set(error, DQ_METHOD, "%s is not one of %s.", call->head.method, allow.bytes);
    call_problem(call, 0, error);
    answer_header(&call->answer, "Allow", allow.bytes);
    return 0;
}
