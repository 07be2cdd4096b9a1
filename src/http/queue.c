/* The queue as a whole: numbers, pause, purge, and the cron call. */
#include "http/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"
#include "http/cron.h"
#include "http/fields.h"

#include <string.h>

int queue_stats(struct call *call, dq_error *error)
{
    autoreply dq_queue_stats *stats = NULL;
    int code = dq_get_queue_stats(call->service->queue, &stats, error);
    return code < 0 ? code : call_json(call, 200, view_stats(stats));
}

int queue_pending(struct call *call, dq_error *error)
{
    autoreply dq_item_list *list = NULL;
    int64_t limit = LIMIT_DEFAULT;
    int code = call_query_number(call, "limit", 1, DQ_LIST_MAX, &limit, error);
    if (code == 0)
        code = dq_get_pending_items(call->service->queue, (int)limit, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_item(&list->items[i]));
    return call_json(call, 200, json_pack("{s:o}", "items", views));
}

int queue_workers(struct call *call, dq_error *error)
{
    autoreply dq_worker_list *list = NULL;
    int code = dq_list_workers(call->service->queue, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_worker(&list->workers[i]));
    return call_json(call, 200, json_pack("{s:o}", "workers", views));
}

/* dq_wait() for those who are not here: answers when the counters are not those that the caller
 * has seen. */
int queue_pulse(struct call *call, dq_error *error)
{
    int64_t work = -1, recall = -1, seconds = 0;
    dq_pulse now = {0};
    int code = call_query_number(call, "work", 0, UINT32_MAX, &work, error);
    if (code == 0)
        code = call_query_number(call, "recall", 0, UINT32_MAX, &recall, error);
    if (code == 0)
        code = call_query_number(call, "wait", 0, call->service->limits.wait_seconds_max, &seconds,
                                 error);
    if (code < 0)
        return code;
    dq_wait(call->service->queue, &now, 0);
    bool seen = now.work == work && now.recall == recall;
    if (seen && call_wait(call, WAIT_WORK, seconds, queue_pulse))
        return 0;
    return call_json(
        call, 200,
        json_pack("{s:I, s:I}", "work", (json_int_t)now.work, "recall", (json_int_t)now.recall));
}

static int pause_or_resume(struct call *call, bool pause, dq_error *error)
{
    const char *operation = NULL;
    const struct field fields[] = {
        FIELD("operation", STRING, &operation, .max = DQ_OPERATION_BYTES_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = pause ? dq_pause(call->service->queue, operation, error)
                     : dq_resume(call->service->queue, operation, error);
    if (code < 0)
        return code;
    return call_json(
        call, 200,
        json_pack("{s:b, s:o}", "paused", (int)pause, "operation", view_text(operation)));
}

int queue_pause(struct call *call, dq_error *error)
{
    return pause_or_resume(call, true, error);
}

int queue_resume(struct call *call, dq_error *error)
{
    return pause_or_resume(call, false, error);
}

int queue_purge(struct call *call, dq_error *error)
{
    const char *status_text = NULL;
    int64_t older = 0;
    bool with_documents = false, dry_run = false;
    int status = -1;
    const struct field fields[] = {
        FIELD("older", DURATION, &older, .required = true), FIELD("status", STRING, &status_text),
        FIELD("with_documents", BOOL, &with_documents),
        FIELD("dry_run", BOOL, &dry_run), /* only count */
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    if (status_text)
        status = dq_status_parse(status_text, strlen(status_text));
    if (status_text && status != DQ_COMPLETED && status != DQ_FAILED && status != DQ_CANCELLED)
        return error_field(error, DQ_INVALID, "/status",
                           "`status` is completed, failed or cancelled.");
    int64_t count = dry_run ? dq_count_purgeable(call->service->queue, older, status, error)
                            : dq_purge(call->service->queue, older, status, with_documents, error);
    return count < 0 ? (int)count
                     : call_json(call, 200, json_pack("{s:I}", "count", (json_int_t)count));
}

int queue_process(struct call *call, dq_error *error)
{
    int64_t limit = 0, seconds = call->service->limits.cron_seconds_max;
    const struct field fields[] = {
        FIELD("limit", NUMBER, &limit, .min = 0, .max = INT32_MAX),
        FIELD("max_seconds", NUMBER, &seconds, .min = 1, .max = seconds),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    dq_process_options options = {
        .limit = (int)limit,
        .time_max = seconds * US_PER_S,
        .extractor = call->service->extractor,
    };
    return cron_start(call, &options, error);
}
