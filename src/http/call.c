/* Calls: their life, their answers. */
#include "http/call.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "http/cron.h"
#include "http/feed.h"
#include "http/problem.h"
#include "http/route.h"
#include "http/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_BODY_BYTES ((size_t)1 << 31)
#define QUERY_NUMBER_SIZE 24
#define KEY_BYTES_MAX     255 /* of a caller's Idempotency-Key */

struct call *call_new(const struct service *service, const char *head, size_t length)
{
    struct call *call = calloc(1, sizeof *call);
    char *copy = malloc(length + 1);
    if (!call || !copy)
        bug("out of memory");
    memcpy(copy, head, length);
    copy[length] = '\0';
    call->service = service;
    call->head_bytes = copy;
    call->query = copy + length;
    call->answer.fd = -1;
    call->answer.length = -1;
    call->answer.header = BUF(ANSWER_HEADER_BYTES);
    call->answer.body = BUF(ANSWER_BODY_BYTES);
    return call;
}

void call_free(struct call *call)
{
    if (!call)
        return;
    upload_free(call->upload);
    cron_forget(call->cron);
    listener_free(call->listener);
    json_decref(call->json);
    buf_free(&call->body);
    buf_free(&call->answer.header);
    buf_free(&call->answer.body);
    fd_close(&call->answer.fd);
    free(call->head_bytes);
    free(call);
}

bool call_is(const struct call *call, const char *method)
{
    return strcmp(call->head.method, method) == 0;
}

void answer_header(struct answer *answer, const char *name, const char *value)
{
    if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
        return;
    buf_printf(&answer->header, "%s: %s\r\n", name, value);
}

int answer_read(struct answer *answer, size_t length, dq_error *error)
{
    char *part = malloc(length ? length : 1);
    size_t done = 0;
    while (part && done < length) {
        ssize_t n = pread(answer->fd, part + done, length - done, answer->fd_offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
        answer->fd_offset += n;
    }
    buf_append(&answer->body, part, done);
    free(part);
    answer->fd_left -= (int64_t)done;
    return done == length ? 0
                          : error_set(error, DQ_CORRUPT, "The document is shorter than stated.");
}

int call_empty(struct call *call, int status)
{
    call->answer.status = status;
    return 0;
}

static int append_json(const char *bytes, size_t length, void *out)
{
    return buf_append(out, bytes, length) ? 0 : -1;
}

int call_json(struct call *call, int status, json_t *value)
{
    buf_clear(&call->answer.body);
    int broken = json_dump_callback(value, append_json, &call->answer.body, JSON_COMPACT);
    json_decref(value);
    if (broken)
        bug("an answer cannot be written as JSON");
    answer_header(&call->answer, "Content-Type", "application/json");
    return call_empty(call, status);
}

int call_text(struct call *call, const char *content_type, const char *text, size_t length)
{
    buf_append(&call->answer.body, text, length);
    answer_header(&call->answer, "Content-Type", content_type);
    return call_empty(call, 200);
}

void call_problem(struct call *call, int status, const dq_error *error)
{
    const struct error_row *row = error_row(error->code);
    struct answer *answer = &call->answer;
    fd_close(&answer->fd);
    answer->fd_left = 0;
    answer->status = status ? status : row->http_status;
    answer->policy = POLICY_DATA;
    buf_clear(&answer->header);
    buf_clear(&answer->body);
    problem_write(&answer->body, answer->status, error, call->request_id);
    answer_header(answer, "Content-Type", "application/problem+json");
    if (answer->status == 401)
        answer_header(answer, "WWW-Authenticate", "Bearer realm=\"docq\"");
    if (answer->status == 503)
        answer_header(answer, "Retry-After", "1");
    if (answer->status >= 500) {
        char quoted[sizeof error->detail * 2];
        log_event(LOG_ERROR, "request_failed",
                  "request_id=%s trace_id=%s route=%s status=%d code=%s detail=%s",
                  call->request_id, call->trace_id[0] ? call->trace_id : "-",
                  call->route ? call->route->pattern : "-", answer->status, row->slug,
                  log_quote(error->detail, quoted, sizeof quoted));
    }
}

bool call_wait(struct call *call, enum wait_kind kind, int64_t seconds, call_fn *again)
{
    if (call->last_try || seconds <= 0)
        return false;
    if (call->wait_until == 0)
        call->wait_until = clock_tick() + seconds * US_PER_S;
    call->wait = kind;
    call->again = again;
    return true;
}

int call_query_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t *value,
                      dq_error *error)
{
    char text[QUERY_NUMBER_SIZE], *end = text;
    int length = query_value(call->query, name, text, sizeof text, error);
    if (length == QUERY_MISSING)
        return 0;
    if (length < 0)
        return length;
    long long number = strtoll(text, &end, 10);
    if (length == 0 || *end || text[strspn(text, "-0123456789")] || number < min || number > max)
        return error_field(error, DQ_INVALID, name, "`%s` is a number from %lld to %lld.", name,
                           (long long)min, (long long)max);
    *value = number;
    return 0;
}

int call_idempotency_key(const struct call *call, char key[IDEMPOTENCY_KEY_SIZE], const char **ret,
                         dq_error *error)
{
    const char *given = head_value(&call->head, "idempotency-key");
    size_t length = given ? strlen(given) : 0;
    *ret = NULL;
    if (!given)
        return 0;
    if (length >= 2 && given[0] == '"' && given[length - 1] == '"') {
        given++;
        length -= 2;
    }
    if (length == 0 || length > KEY_BYTES_MAX)
        return error_set(error, DQ_MALFORMED, "An Idempotency-Key has 1 to %d characters.",
                         KEY_BYTES_MAX);
    char who[ACCESS_ID_SIZE];
    access_id(&call->head, who);
    snprintf(key, IDEMPOTENCY_KEY_SIZE, "%s/%.*s", who, (int)length, given);
    *ret = key;
    return 0;
}

int64_t call_preferred_wait(const struct call *call)
{
    const char *prefer = head_value(&call->head, "prefer");
    int64_t max = call->service->limits.wait_seconds_max;
    while (prefer && *prefer) {
        prefer += strspn(prefer, " \t,");
        if (strncasecmp(prefer, "wait=", 5) == 0) {
            long long seconds = strtoll(prefer + 5, NULL, 10);
            return seconds < 0 ? 0 : seconds > max ? max : seconds;
        }
        prefer += strcspn(prefer, ",");
    }
    return 0;
}
