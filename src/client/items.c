/* Items of a server: enqueue, look, change by hand. */
#include "base/clock.h"
#include "base/error.h"
#include "client/remote.h"
#include "core/policy.h"
#include "core/view.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- enqueue --------------------------------------------------------------------------------- */

static json_t *ask_body(const dq_ask *ask)
{
    return json_pack("{s:s, s:s*, s:i, s:o*}", "document_id", ask->document_id, "operation",
                     ask->operation, "priority", ask->priority, "due_at",
                     ask->due_at ? view_time(ask->due_at) : NULL);
}

int remote_enqueue(dq_queue *queue, const char *document_id, const char *operation, int priority,
                   dq_item **ret_item, dq_error *error)
{
    const dq_ask ask = {.document_id = document_id, .operation = operation, .priority = priority};
    struct id document;
    int code = check_ask(&ask, &document, error);
    if (code < 0)
        return code;
    autojson *body = ask_body(&ask);
    struct request request = {.path = "/v1/items", .body = body};
    dq_item *item = remote_noun(queue, &request, noun_item, sizeof *item, &code, error);
    if (item && ret_item)
        *ret_item = item;
    else
        dq_free(item);
    return code;
}

/* What is wrong already here does not travel. */
static json_t *batch_body(const dq_ask *asks, size_t count, int *codes, dq_error *error)
{
    json_t *body = json_array();
    for (size_t i = 0; i < count; i++) {
        struct id document;
        dq_error refusal = {0};
        codes[i] = check_ask(&asks[i], &document, &refusal);
        if (codes[i] == 0)
            json_array_append_new(body, ask_body(&asks[i]));
        else if (error && error->code == 0)
            *error = refusal;
    }
    return body;
}

/* Puts the results where their asks stand; returns the number accepted. */
static int read_results(const json_t *answer, size_t count, int *codes, struct arena *arena,
                        dq_item_list *list, dq_error *error)
{
    const json_t *results = json_object_get(answer, "results");
    size_t next = 0;
    list->items = arena_alloc(arena, (count + 1) * sizeof *list->items);
    for (size_t i = 0; i < count; i++) {
        if (codes[i] < 0)
            continue;
        const json_t *result = json_array_get(results, next++);
        const json_t *item = json_object_get(result, "item");
        codes[i] = item ? noun_item(item, arena, &list->items[list->count], error)
                        : noun_refusal(result, error);
        list->count += codes[i] == 0;
        if (codes[i] == DQ_INTERNAL)
            return DQ_INTERNAL;
    }
    return (int)list->count;
}

static int enqueue_batch(dq_queue *queue, const dq_ask *asks, size_t count, int *codes,
                         struct arena *arena, dq_item_list *list, dq_error *error)
{
    autojson *answer = NULL;
    autojson *body = batch_body(asks, count, codes, error);
    const char *key = count > 0 ? asks[0].idempotency_key : NULL;
    struct request request = {
        .path = "/v1/items", .body = body, .idempotency_key = key, .repeatable = key != NULL};
    int code = key ? check_idempotency_key(key, error) : 0;
    if (code == 0)
        code = link_ask(link_of(queue), &request, &answer, error);
    return code < 0 ? code : read_results(answer, count, codes, arena, list, error);
}

int remote_enqueue_many(dq_queue *queue, const dq_ask *asks, size_t count, int *ret_codes,
                        dq_item_list **ret_list, dq_error *error)
{
    struct arena *arena;
    if (count > DQ_BATCH_MAX)
        return error_set(error, DQ_TOO_LARGE, "%zu items in one call; %d at most", count,
                         DQ_BATCH_MAX);
    dq_item_list *list = reply_new(sizeof *list, &arena);
    int *codes = arena_alloc(arena, (count + 1) * sizeof *codes);
    int accepted = enqueue_batch(queue, asks, count, codes, arena, list, error);
    for (size_t i = 0; accepted >= 0 && ret_codes && i < count; i++)
        ret_codes[i] = codes[i];
    if (accepted >= 0 && ret_list)
        *ret_list = list;
    else
        dq_free(list);
    return accepted;
}

/* ---- look ------------------------------------------------------------------------------------ */

static int list_items(dq_queue *queue, const char *path, dq_item_list **ret_list, dq_error *error)
{
    struct request request = {.path = path, .repeatable = true};
    struct arena *arena;
    void *items = NULL;
    dq_item_list *list = reply_new(sizeof *list, &arena);
    int code = remote_list(queue, &request, "items", noun_item, sizeof *list->items, arena, &items,
                           &list->count, &list->next, error);
    list->items = items;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}

int remote_get_pending_items(dq_queue *queue, int limit, dq_item_list **ret_list, dq_error *error)
{
    char path[64];
    int code = check_limit(limit, DQ_LIST_MAX, error);
    snprintf(path, sizeof path, "/v1/queue/pending?limit=%d", limit);
    return code < 0 ? code : list_items(queue, path, ret_list, error);
}

int remote_list_items(dq_queue *queue, const char *filter, int limit, const char *cursor,
                      dq_item_list **ret_list, dq_error *error)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    int code = check_limit(limit, DQ_LIST_MAX, error);
    buf_puts(&path, "/v1/items");
    path_add_number(&path, "limit", limit);
    path_add(&path, "q", filter);
    path_add(&path, "cursor", cursor);
    return code < 0 ? code : list_items(queue, path.bytes, ret_list, error);
}

int remote_get_item(dq_queue *queue, const char *id, dq_item **ret_item, dq_error *error)
{
    char path[ID_PATH_SIZE];
    struct request request = {.path = path, .repeatable = true};
    int code = path_of("item", id, "", path, error);
    if (code < 0)
        return code;
    dq_item *item = remote_noun(queue, &request, noun_item, sizeof *item, &code, error);
    if (item)
        *ret_item = item;
    return code;
}

/* ---- change ---------------------------------------------------------------------------------- */

static int change(dq_queue *queue, const char *item_id, const char *action, dq_item **ret_item,
                  dq_error *error)
{
    char path[ID_PATH_SIZE];
    autojson *body = json_object();
    struct request request = {.path = path, .body = body};
    int code = path_of("item", item_id, action, path, error);
    if (code < 0)
        return code;
    dq_item *item = remote_noun(queue, &request, noun_item, sizeof *item, &code, error);
    if (item && ret_item)
        *ret_item = item;
    else
        dq_free(item);
    return code;
}

int remote_cancel(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error)
{
    return change(queue, item_id, "/cancel", ret_item, error);
}

int remote_retry(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error)
{
    return change(queue, item_id, "/retry", ret_item, error);
}

/* The number of items that an action changed. */
static int64_t count_of(dq_queue *queue, const char *path, json_t *body, dq_error *error)
{
    autojson *owned = body, *answer = NULL;
    struct request request = {.path = path, .body = owned, .time_max = LONG_TIME_MAX};
    int64_t count = 0;
    int code = link_ask(link_of(queue), &request, &answer, error);
    if (code == 0)
        code = noun_number(answer, "count", &count, error);
    return code < 0 ? code : count;
}

int64_t remote_bulk(dq_queue *queue, enum dq_bulk action, const char *filter, dq_error *error)
{
    static const char *const paths[] = {
        [DQ_BULK_RETRY] = "/v1/items:retry",
        [DQ_BULK_CANCEL] = "/v1/items:cancel",
        [DQ_BULK_DELETE] = "/v1/items:delete",
    };
    return count_of(queue, paths[action],
                    json_pack("{s:o}", "filter", view_text(filter ? filter : "")), error);
}

int64_t remote_purge(dq_queue *queue, int64_t older, int status, bool with_documents,
                     dq_error *error)
{
    char age[32];
    int code = check_purge(older, status, error);
    if (code < 0)
        return code;
    snprintf(age, sizeof age, "%lldus", (long long)older);
    return count_of(queue, "/v1/queue/purge",
                    json_pack("{s:s, s:s*, s:b}", "older", age, "status",
                              status >= 0 ? dq_status_name((enum dq_status)status) : NULL,
                              "with_documents", (int)with_documents),
                    error);
}
