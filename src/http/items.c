/* Queue items: enqueue one or many, look, retry, cancel, and the same in bulk. */
#include "http/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "core/view.h"
#include "http/fields.h"
#include "http/problem.h"

#include <stdio.h>
#include <stdlib.h>

#define POINTER_SIZE  48
#define LOCATION_SIZE 64

static int read_ask(json_t *object, const char *prefix, dq_ask *ask, dq_error *error)
{
    int64_t priority = 0;
    struct id id;
    const struct field fields[] = {
        FIELD("document_id", STRING, &ask->document_id, .max = DQ_ID_SIZE - 1, .required = true),
        FIELD("operation", STRING, &ask->operation, .max = DQ_OPERATION_BYTES_MAX),
        FIELD("priority", NUMBER, &priority, .min = DQ_PRIORITY_MIN, .max = DQ_PRIORITY_MAX),
        FIELD("due_at", TIME, &ask->due_at),
    };
    int code = fields_read(object, prefix, fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    ask->priority = (int)priority;
    if (id_parse(ask->document_id, &id))
        return 0;
    char pointer[POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "%s/document_id", prefix);
    return error_field(error, DQ_INVALID, pointer, "It is not the id of a document.");
}

static json_t *view_enqueued(const dq_item *item)
{
    json_t *view = view_item(item);
    json_object_set_new(view, "created", json_boolean(item->created));
    return view;
}

static int answer_one(struct call *call, const dq_item *item)
{
    char location[LOCATION_SIZE];
    snprintf(location, sizeof location, "/v1/items/%s", item->id);
    answer_header(&call->answer, "Location", location);
    return call_json(call, 202, view_enqueued(item));
}

static int enqueue_one(struct call *call, dq_error *error)
{
    autoreply dq_item *item = NULL;
    autoreply dq_item_list *list = NULL;
    dq_ask ask = {0};
    int why = 0, code = read_ask(call->json, "", &ask, error);
    if (code < 0)
        return code;
    char key[IDEMPOTENCY_KEY_SIZE];
    code = call_idempotency_key(call, key, &ask.idempotency_key, error);
    if (code < 0)
        return code;
    if (ask.due_at == 0 && !ask.idempotency_key) {
        code = dq_enqueue(call->service->queue, ask.document_id, ask.operation, ask.priority, &item,
                          error);
        return code < 0 ? code : answer_one(call, item);
    }
    code = dq_enqueue_many(call->service->queue, &ask, 1, &why, &list, error);
    if (code == 0)
        return why; /* *error is the refusal of the only one */
    return code < 0 ? code : answer_one(call, &list->items[0]);
}

/* {"item": ...} or {"error": ...} for each ask, in their order. */
static json_t *view_results(const dq_item_list *list, const int *codes, size_t count)
{
    json_t *results = json_array();
    size_t accepted = 0;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            results, codes[i] < 0 || accepted == list->count
                         ? json_pack("{s:o}", "error", problem_brief(codes[i]))
                         : json_pack("{s:o}", "item", view_enqueued(&list->items[accepted++])));
    return results;
}

static int enqueue_array(struct call *call, dq_ask *asks, int *codes, dq_error *error)
{
    autoreply dq_item_list *list = NULL;
    size_t count = json_array_size(call->json);
    for (size_t i = 0; i < count; i++) {
        char prefix[POINTER_SIZE - sizeof "/document_id"];
        snprintf(prefix, sizeof prefix, "/%zu", i);
        int code = read_ask(json_array_get(call->json, i), prefix, &asks[i], error);
        if (code < 0)
            return code;
    }
    char key[IDEMPOTENCY_KEY_SIZE];
    int code = call_idempotency_key(call, key, &asks[0].idempotency_key, error);
    if (code == 0)
        code = dq_enqueue_many(call->service->queue, asks, count, codes, &list, error);
    if (code < 0)
        return code;
    return call_json(call, 202, json_pack("{s:o}", "results", view_results(list, codes, count)));
}

static int enqueue_many(struct call *call, dq_error *error)
{
    size_t count = json_array_size(call->json);
    if (count > DQ_BATCH_MAX)
        return error_set(error, DQ_TOO_LARGE, "The array has more than %d elements.", DQ_BATCH_MAX);
    if (count == 0)
        return call_json(call, 202, json_pack("{s:[]}", "results"));
    dq_ask *asks = calloc(count, sizeof *asks);
    int *codes = calloc(count, sizeof *codes);
    if (!asks || !codes)
        bug("out of memory");
    int code = enqueue_array(call, asks, codes, error);
    free(asks);
    free(codes);
    return code;
}

/* Asks of requests that came at the same time, in one step. `taken` says whose they are. */
static void enqueue_together(struct call *const *taken, const dq_ask *asks, int *codes,
                             size_t count)
{
    autoreply dq_item_list *list = NULL;
    size_t accepted = 0;
    if (dq_enqueue_many(taken[0]->service->queue, asks, count, codes, &list, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (codes[i] == 0 && accepted < list->count)
            answer_one(taken[i], &list->items[accepted++]);
}

void items_enqueue_batch(struct call *const *calls, size_t count)
{
    dq_ask *asks = calloc(count, sizeof *asks);
    int *codes = calloc(count, sizeof *codes);
    struct call **taken = calloc(count, sizeof(struct call *));
    size_t ready = 0;
    if (!asks || !codes || !taken)
        bug("out of memory");
    for (size_t i = 0; i < count; i++) {
        asks[ready] = (dq_ask){0};
        if (json_is_object(calls[i]->json) && !head_value(&calls[i]->head, "idempotency-key") &&
            read_ask(calls[i]->json, "", &asks[ready], NULL) == 0)
            taken[ready++] = calls[i];
    }
    if (ready > 0)
        enqueue_together(taken, asks, codes, ready);
    free(asks);
    free(codes);
    free(taken);
}

int items_enqueue(struct call *call, dq_error *error)
{
    return json_is_array(call->json) ? enqueue_many(call, error) : enqueue_one(call, error);
}

int items_list(struct call *call, dq_error *error)
{
    autoreply dq_item_list *list = NULL;
    struct page_request page;
    int code = page_request_read(call, &page, error);
    if (code == 0)
        code = dq_list_items(call->service->queue, page.filter, page.limit,
                             page.cursor[0] ? page.cursor : NULL, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_item(&list->items[i]));
    return page_answer(call, &page, "items", views, list->next);
}

int items_get(struct call *call, dq_error *error)
{
    autoreply dq_item *item = NULL;
    int code = dq_get_item(call->service->queue, call->param, &item, error);
    if (code < 0)
        return code;
    json_t *view = view_item(item);
    if (!json_object_get(view, "history")) /* always there, be it empty */
        json_object_set_new(view, "history", json_array());
    return call_json(call, 200, view);
}

int items_retry(struct call *call, dq_error *error)
{
    autoreply dq_item *item = NULL;
    int code = fields_read(call->json, "", NULL, 0, error);
    if (code == 0)
        code = dq_retry(call->service->queue, call->param, &item, error);
    return code < 0 ? code : call_json(call, 200, view_item(item));
}

int items_cancel(struct call *call, dq_error *error)
{
    autoreply dq_item *item = NULL;
    int code = fields_read(call->json, "", NULL, 0, error);
    if (code == 0)
        code = dq_cancel(call->service->queue, call->param, &item, error);
    return code < 0 ? code : call_json(call, 200, view_item(item));
}

static int bulk(struct call *call, enum dq_bulk action, dq_error *error)
{
    const char *filter = NULL;
    const struct field fields[] = {
        FIELD("filter", STRING, &filter, .max = FILTER_SIZE - 1, .required = true),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    int64_t count = dq_bulk(call->service->queue, action, filter, error);
    return count < 0 ? (int)count
                     : call_json(call, 200, json_pack("{s:I}", "count", (json_int_t)count));
}

int items_bulk_retry(struct call *call, dq_error *error)
{
    return bulk(call, DQ_BULK_RETRY, error);
}

int items_bulk_cancel(struct call *call, dq_error *error)
{
    return bulk(call, DQ_BULK_CANCEL, error);
}

int items_bulk_delete(struct call *call, dq_error *error)
{
    return bulk(call, DQ_BULK_DELETE, error);
}
