/* GET /v1/events: where the listener begins. stream.c goes on with it. */
#include "http/handlers.h"

#include "base/error.h"
#include "http/feed.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS    2000 /* how soon a client that lost us comes back */
#define NUMBER_SIZE 24

/* Last-Event-ID, or the parameter of that name for clients that cannot set a header; -1 = from now
 * on. */
static int read_place(struct call *call, int64_t *ret_after, dq_error *error)
{
    char text[NUMBER_SIZE] = "", *end = text;
    const char *header = head_value(&call->head, "last-event-id");
    int code = query_value(call->query, "last_event_id", text, sizeof text, error);
    if (code < 0 && code != QUERY_MISSING)
        return code;
    if (header)
        strncpy(text, header, sizeof text - 1);
    *ret_after = -1;
    if (!text[0])
        return 0;
    long long number = strtoll(text, &end, 10);
    if (*end || number < 0)
        return error_field(error, DQ_INVALID, "last_event_id",
                           "`Last-Event-ID` is the `id` of an event that came from here.");
    *ret_after = number;
    return 0;
}

static int events_again(struct call *call, dq_error *error)
{
    return listener_catch_up(call->listener, call->service->queue, &call->answer.body, error);
}

int events_get(struct call *call, dq_error *error)
{
    int64_t after = -1;
    char owner[OWNER_SIZE] = "";
    int code = read_place(call, &after, error);
    if (code == 0)
        code = query_value(call->query, "owner", owner, sizeof owner, error);
    if (code < 0 && code != QUERY_MISSING)
        return code;
    answer_header(&call->answer, "Content-Type", "text/event-stream");
    answer_header(&call->answer, "X-Accel-Buffering", "no");
    if (call_is(call, "HEAD"))
        return call_empty(call, 200);
    code = listener_new(call->service->feed, &call->listener, error);
    if (code < 0)
        return code;
    call->listener->after = after;
    memcpy(call->listener->owner, owner, sizeof owner);
    call->again = events_again;
    call->answer.close = true;
    call->answer.length = ANSWER_OPEN;
    buf_printf(&call->answer.body, "retry: %d\n\n", RETRY_MS);
    code = events_again(call, error);
    return code < 0 ? code : call_empty(call, 200);
}
