/* The straight path of a request: head, route, access, body, handler, answer. */
#include "http/dispatch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "http/fields.h"
#include "http/handlers.h"
#include "http/route.h"
#include "http/status.h"
#include "http/upload.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REQUEST_ID_RANDOM_BYTES 6
#define DATE_SIZE               40
#define TRACE_ID_OFFSET         3
#define SMALL_BODY_BYTES        4096

static void fail(struct call *call, int status, const dq_error *error)
{
    call_problem(call, status, error);
}

/* Ours is a random prefix for the process and a number. */
static void make_request_id(char out[REQUEST_ID_SIZE])
{
    static atomic_uint_fast64_t number;
    static char prefix[2 * REQUEST_ID_RANDOM_BYTES + 1]; /* set once, on the loop */
    if (!prefix[0]) {
        unsigned char random[REQUEST_ID_RANDOM_BYTES];
        random_bytes(random, sizeof random);
        hex_encode(random, sizeof random, prefix);
    }
    snprintf(out, REQUEST_ID_SIZE, "%s-%llu", prefix,
             (unsigned long long)atomic_fetch_add(&number, 1));
}

static void set_request_id(struct call *call)
{
    static const char sane[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *given = head_value(&call->head, "x-request-id");
    size_t length = given ? strlen(given) : 0;
    if (length > 0 && length < REQUEST_ID_SIZE && strspn(given, sane) == length)
        memcpy(call->request_id, given, length + 1);
    else
        make_request_id(call->request_id);
}

/* W3C Trace Context: "00-<trace>-<parent>-<flags>" in small hexadecimal digits. What is none is as
 * good as absent. */
static void set_trace_id(struct call *call)
{
    static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    static const char hex[] = "0123456789abcdef";
    const char *given = head_value(&call->head, "traceparent");
    size_t n = 0;
    while (given && shape[n] && given[n] &&
           (shape[n] == 'h' ? strchr(hex, given[n]) != NULL : given[n] == '-'))
        n++;
    if (!given || shape[n] || strncmp(given, "ff", 2) == 0)
        return;
    /* version 0 ends here; a later one may go on behind a hyphen */
    if (given[n] && (strncmp(given, "00", 2) == 0 || given[n] != '-'))
        return;
    memcpy(call->trace_id, given + TRACE_ID_OFFSET, TRACE_ID_SIZE - 1);
    if (strspn(call->trace_id, "0") == TRACE_ID_SIZE - 1)
        call->trace_id[0] = '\0';
}

static int find_route(struct call *call, dq_error *error)
{
    char *path;
    if (strcmp(call->head.target, "*") == 0 && call_is(call, "OPTIONS"))
        return call_empty(call, 204);
    int code = target_split(call->head.target, call->head.host, &path, &call->query, error);
    if (code < 0)
        return code;
    int count = path_segments(path, call->segments, error);
    return count < 0 ? count : route_find(call, count, error);
}

void dispatch_head(struct call *call, struct parser *parser)
{
    dq_error error = {0};
    int code = parser_head(parser, call->head_bytes, strlen(call->head_bytes), &call->head, &error);
    set_request_id(call);
    set_trace_id(call);
    if (code < 0) {
        call->answer.close = true;
        fail(call, 0, &error);
        return;
    }
    code = find_route(call, &error);
    if (code == 0 && head_value(&call->head, "expect") && !call->head.expect_continue) {
        error_set(&error, DQ_MALFORMED, "Only `Expect: 100-continue` is understood.");
        call->answer.close = true;
        fail(call, 417, &error);
        return;
    }
    if (code == DQ_MALFORMED)
        call->answer.close = true;
    if (code < 0)
        fail(call, 0, &error);
}

void dispatch_refuse(struct call *call, const dq_error *error)
{
    if (!call->request_id[0])
        make_request_id(call->request_id);
    call->answer.close = true;
    fail(call, 0, error);
}

bool dispatch_body_too_large(const struct call *call, int64_t received, dq_error *error)
{
    const char *name;
    int64_t max = route_body_max(call->route, &call->service->limits, &name);
    if (received <= max)
        return false;
    error_set(error, DQ_TOO_LARGE, "The body is larger than %s (%lld bytes).", name,
              (long long)max);
    return true;
}

bool call_is_upload(const struct call *call)
{
    return call->route->body == BODY_UPLOAD;
}

bool call_wants_body(const struct call *call)
{
    return call->route->body != BODY_NONE;
}

const char *route_pattern(const struct call *call)
{
    return call->route ? call->route->pattern : "-";
}

void dispatch_log(const struct call *call)
{
    log_event(LOG_DEBUG, "request", "request_id=%s trace_id=%s method=%s route=%s status=%d",
              call->request_id, call->trace_id[0] ? call->trace_id : "-",
              call->head.method ? call->head.method : "-", route_pattern(call),
              call->answer.status);
}

/* "application/json; charset=utf-8" is application/json. */
static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;
    return type && strncasecmp(type, json, length) == 0 &&
           (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

static int check_body(const struct call *call, dq_error *error)
{
    const struct route *route = call->route;
    bool json = route->body == BODY_JSON || route->body == BODY_RESULT;
    if (dispatch_body_too_large(call, call->head.length, error))
        return DQ_TOO_LARGE;
    if (json && (call->head.length > 0 || call->head.chunked) &&
        !is_json_type(head_value(&call->head, "content-type")))
        return error_set(error, DQ_UNSUPPORTED, "The body is to be application/json.");
    if (head_value(&call->head, "content-encoding") && route->body != BODY_NONE)
        return error_set(error, DQ_UNSUPPORTED, "Content-Encoding is not supported.");
    if (route->body == BODY_UPLOAD)
        return upload_check(call, error);
    return 0;
}

/* A body of known length is gathered without growing step by step. */
static void reserve_body(struct call *call)
{
    size_t size = (size_t)call->head.length;
    if (call->answer.status || size == 0 || size > call->service->limits.chunk_bytes)
        return;
    call->body.bytes = malloc(size + 1);
    call->body.capacity = call->body.bytes ? size + 1 : 0;
}

int dispatch_admit(struct call *call)
{
    dq_error error = {0};
    if (call->answer.status)
        return 0;
    int code = access_check(call->service->access, &call->head, call->route->scopes, &error);
    if (code == ACCESS_STALE)
        return code;
    if (code == 0)
        code = check_body(call, &error);
    if (code < 0)
        fail(call, 0, &error);
    int64_t max = route_body_max(call->route, &call->service->limits, NULL);
    call->body = BUF(call->route->body == BODY_UPLOAD ? SIZE_MAX / 2 : (size_t)max);
    reserve_body(call);
    return 0;
}

static int parse_body(struct call *call, dq_error *error)
{
    enum body_kind body = call->route->body;
    if ((body != BODY_JSON && body != BODY_RESULT) || call->body.length == 0)
        return 0;
    int code = json_read(call->body.bytes, call->body.length, &call->json, error);
    buf_free(&call->body);
    return code;
}

static int finish(struct call *call, dq_error *error)
{
    int code = parse_body(call, error);
    return code < 0 ? code : call->route->handler(call, error);
}

static int read_file(struct call *call, dq_error *error)
{
    struct answer *answer = &call->answer;
    size_t chunk = call->service->limits.chunk_bytes;
    if (answer->fd_left < (int64_t)chunk)
        chunk = (size_t)answer->fd_left;
    return answer_read(answer, chunk, error);
}

static int run(struct call *call, enum step step, dq_error *error)
{
    switch (step) {
    case STEP_ACCESS:
        return access_refresh(call->service->access, error);
    case STEP_CHUNK:
        return upload_chunk(call, error);
    case STEP_FINISH:
        return finish(call, error);
    case STEP_AGAIN:
        call->wait = WAIT_NOT;
        return call->again(call, error);
    case STEP_FILE:
        return read_file(call, error);
    }
    return 0;
}

void dispatch_run(struct call *call, enum step step)
{
    dq_error error = {0};
    int code = run(call, step, &error);
    if (code >= 0)
        return;
    if (error.code == 0)
        error_set(&error, code, "%s", "");
    if (step == STEP_FILE)
        call->answer.close = true;
    if (step == STEP_CHUNK && code == DQ_MALFORMED)
        call->answer.close = true;
    fail(call, 0, &error);
}

bool dispatch_is_small(const struct call *call)
{
    return call->route->handler == items_enqueue && call->body.length > 0 &&
           call->body.length <= SMALL_BODY_BYTES && call->body.bytes[0] == '{';
}

void dispatch_run_small(struct call *const *calls, size_t count)
{
    dq_error error = {0};
    for (size_t i = 0; i < count; i++)
        if (parse_body(calls[i], &error) < 0)
            fail(calls[i], 0, &error);
    items_enqueue_batch(calls, count);
    for (size_t i = 0; i < count; i++)
        if (!calls[i]->answer.status)
            dispatch_run(calls[i], STEP_FINISH);
}

static void append_date(struct buf *out)
{
    char text[DATE_SIZE];
    struct tm parts;
    time_t now = (time_t)(clock_now() / US_PER_S);
    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    buf_printf(out, "Date: %s\r\n", text);
}

void dispatch_answer_head(const struct call *call, bool keep_alive, struct buf *out)
{
    static const char common[] = "X-Content-Type-Options: nosniff\r\n"
                                 "Cross-Origin-Resource-Policy: same-origin\r\n"
                                 "Cross-Origin-Opener-Policy: same-origin\r\n"
                                 "Referrer-Policy: no-referrer\r\n";
    static const char *const policies[] = {
        [POLICY_DATA] = "Content-Security-Policy: default-src 'none'; sandbox\r\n"
                        "Cache-Control: no-store\r\n",
        [POLICY_PAGE] = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src "
                        "'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'\r\n",
    };
    const struct answer *answer = &call->answer;
    int64_t length = answer->length;
    if (length == -1)
        length = (int64_t)answer->body.length + answer->fd_left;
    buf_printf(out, "HTTP/1.1 %d %s\r\n", answer->status, status_phrase(answer->status));
    append_date(out);
    if (answer->status != 204 && answer->status != 304 && length != ANSWER_OPEN)
        buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
    buf_append(out, common, sizeof common - 1);
    buf_puts(out, policies[answer->policy]);
    buf_append(out, answer->header.bytes, answer->header.length);
    buf_printf(out, "X-Request-Id: %s\r\n", call->request_id);
    if (!keep_alive)
        buf_puts(out, "Connection: close\r\n");
    else if (call->head.minor == 0)
        buf_puts(out, "Connection: keep-alive\r\n");
    buf_puts(out, "\r\n");
}
