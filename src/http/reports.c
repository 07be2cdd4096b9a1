/* Reports for people: kinds of failures, rates and times, how many match a filter. */
#include "http/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"

#include <string.h>

#define SPAN_SIZE   24
#define SPAN_MAX    (90 * 86400 * US_PER_S)
#define MINUTES_DAY 1440

/* A duration in the query, such as since=24h. A missing one leaves *span as it is. */
static int query_span(struct call *call, const char *name, int64_t *span, dq_error *error)
{
    char text[SPAN_SIZE];
    int length = query_value(call->query, name, text, sizeof text, error);
    if (length == QUERY_MISSING)
        return 0;
    if (length < 0)
        return length;
    int64_t micros = duration_parse(text);
    if (micros <= 0 || micros > SPAN_MAX)
        return error_field(error, DQ_INVALID, name,
                           "`%s` is a duration up to 90 days, such as 1h, 24h or 7d.", name);
    *span = micros;
    return 0;
}

static json_t *view_problem(const dq_problem *problem)
{
    json_t *view =
        json_pack("{s:s, s:o, s:o, s:o, s:s}", "problem", problem->key, "code",
                  view_text(problem->code), "message", view_text(problem->message), "operation",
                  view_text(problem->operation), "item_id", problem->item_id);
    json_object_set_new(view, "count", json_integer(problem->count));
    json_object_set_new(view, "last_hour", json_integer(problem->last_hour));
    json_object_set_new(view, "last_day", json_integer(problem->last_day));
    json_object_set_new(view, "first_at", view_time(problem->first_at));
    json_object_set_new(view, "last_at", view_time(problem->last_at));
    return view;
}

int problems_list(struct call *call, dq_error *error)
{
    autoreply dq_problem_list *list = NULL;
    int64_t span = 7 * 86400 * US_PER_S;
    int code = query_span(call, "since", &span, error);
    if (code == 0)
        code = dq_list_problems(call->service->queue, span, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_problem(&list->problems[i]));
    return call_json(call, 200,
                     json_pack("{s:o, s:b}", "problems", views, "more", (int)list->more));
}

static json_t *view_spread(const dq_spread *spread)
{
    return json_pack("{s:f, s:f, s:i}", "p50", (double)spread->p50 / (double)US_PER_S, "p95",
                     (double)spread->p95 / (double)US_PER_S, "count", spread->count);
}

/* How each span is drawn. */
static const struct {
    const char *span;
    int step_minutes, points;
} spans[] = {{"1h", 1, 60}, {"72h", 60, 72}, {"90d", MINUTES_DAY, 90}};

int queue_history(struct call *call, dq_error *error)
{
    autoreply dq_history *history = NULL;
    char span[SPAN_SIZE] = "1h";
    size_t row = 0, count = sizeof spans / sizeof spans[0];
    int code = query_value(call->query, "span", span, sizeof span, error);
    while (row < count && strcmp(spans[row].span, span) != 0)
        row++;
    if (row == count || (code < 0 && code != QUERY_MISSING))
        return error_field(error, DQ_INVALID, "span", "`span` is 1h, 72h or 90d.");
    code = dq_get_history(call->service->queue, spans[row].step_minutes, spans[row].points,
                          &history, error);
    if (code < 0)
        return code;
    json_t *points = json_array();
    for (size_t i = 0; i < history->count; i++) {
        const dq_history_point *point = &history->points[i];
        json_array_append_new(points, json_pack("{s:o, s:I, s:I, s:I}", "at", view_time(point->at),
                                                "enqueued", (json_int_t)point->enqueued,
                                                "completed", (json_int_t)point->completed, "failed",
                                                (json_int_t)point->failed));
    }
    return call_json(call, 200,
                     json_pack("{s:i, s:o, s:o, s:o}", "step_seconds", spans[row].step_minutes * 60,
                               "points", points, "wait_seconds", view_spread(&history->wait),
                               "run_seconds", view_spread(&history->run)));
}

int items_count(struct call *call, dq_error *error)
{
    char filter[FILTER_SIZE] = "";
    bool more = false;
    int code = query_value(call->query, "q", filter, sizeof filter, error);
    if (code < 0 && code != QUERY_MISSING)
        return code;
    int64_t count = dq_count_items(call->service->queue, filter, &more, error);
    if (count < 0)
        return (int)count;
    return call_json(call, 200,
                     json_pack("{s:I, s:b}", "count", (json_int_t)count, "more", (int)more));
}
