/* Items: enqueue, look, change by hand. */
#include "base/clock.h"
#include "base/error.h"
#include "core/policy.h"
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

int load_items(dq_queue *queue, const struct id *ids, size_t count, struct arena *arena,
               dq_item_list *list, dq_error *error)
{
    list->items = arena_alloc(arena, (count + 1) * sizeof *list->items);
    for (size_t i = 0; i < count; i++) {
        int r = store_get_item(store_of(queue), clock_now(), &ids[i], false, arena,
                               &list->items[list->count], error);
        if (r < 0 && r != DQ_NOT_FOUND)
            return r;
        list->count += r >= 0;
    }
    return 0;
}

static int prepare_ask(const dq_ask *ask, int64_t now, struct new_item *item)
{
    *item = (struct new_item){
        .id = id_new(now),
        .operation = ask->operation ? ask->operation : "process",
        .priority = ask->priority,
        .due_at = ask->due_at,
    };
    item->code = check_ask(ask, &item->document_id, &item->error);
    return item->code;
}

/* Asks that were put in one step; `items` is to be freed. */
struct batch {
    struct new_item *items;
    size_t count;
    int64_t now;
    bool replayed; /* they were put before */
};

static int put(dq_queue *queue, const dq_ask *asks, size_t count, struct batch *ret_batch,
               dq_error *error)
{
    struct batch batch = {.items = calloc(count ? count : 1, sizeof *batch.items),
                          .count = count,
                          .now = clock_now()};
    if (!batch.items)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        (void)prepare_ask(&asks[i], batch.now, &batch.items[i]);
    const char *key = count > 0 ? asks[0].idempotency_key : NULL;
    struct once once = {0};
    int r = key ? check_idempotency_key(key, error) : 0;
    if (r >= 0 && key)
        once_of_items(key, asks, count, &once);
    if (r >= 0)
        r = store_enqueue(store_of(queue), batch.now, batch.items, count, key ? &once : NULL,
                          error);
    batch.replayed = once.replayed;
    if (r < 0)
        free(batch.items);
    else
        *ret_batch = batch;
    return r;
}

int local_enqueue(dq_queue *queue, const char *document_id, const char *operation, int priority,
                  dq_item **ret_item, dq_error *error)
{
    dq_ask ask = {.document_id = document_id, .operation = operation, .priority = priority};
    struct batch batch;
    struct arena *arena;
    int r = put(queue, &ask, 1, &batch, error);
    if (r < 0)
        return r;
    r = batch.items[0].code;
    if (r < 0 && error)
        *error = batch.items[0].error;
    if (r >= 0 && ret_item) {
        dq_item *item = reply_new(sizeof *item, &arena);
        r = store_get_item(store_of(queue), clock_now(), &batch.items[0].id, false, arena, item,
                           error);
        item->created = batch.items[0].created;
        if (r >= 0)
            *ret_item = item;
        else
            dq_free(item);
    }
    free(batch.items);
    return r;
}

/* What was just put is known without reading it back, all but why it waits: a big batch stays fast.
 */
static void describe(const struct new_item *from, int64_t now, struct arena *arena, dq_item *item)
{
    id_format(&from->id, item->id);
    id_format(&from->document_id, item->document_id);
    item->operation = arena_strdup(arena, from->operation);
    item->priority = from->priority;
    item->max_attempts = from->max_attempts;
    item->status = DQ_PENDING;
    item->created_at = now;
    item->due_at = from->due_at > now ? from->due_at : now;
    item->created = from->created;
}

/* The accepted ones, in their order. What was there already has a history of its own. */
static int list_put(dq_queue *queue, const struct batch *batch, struct arena *arena,
                    dq_item_list *list, dq_error *error)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < batch->count; i++) {
        const struct new_item *put = &batch->items[i];
        dq_item *item = &list->items[list->count];
        if (put->code < 0)
            continue;
        if (put->created && !batch->replayed)
            describe(put, batch->now, arena, item);
        else
            r = store_get_item(store_of(queue), clock_now(), &put->id, false, arena, item, error);
        if (r == DQ_NOT_FOUND) /* gone already */
            describe(put, batch->now, arena, item);
        item->created = put->created;
        r = r == DQ_NOT_FOUND ? 0 : r;
        list->count++;
    }
    return r;
}

int local_enqueue_many(dq_queue *queue, const dq_ask *asks, size_t count, int *ret_codes,
                       dq_item_list **ret_list, dq_error *error)
{
    struct batch batch;
    struct arena *arena;
    if (count > DQ_BATCH_MAX)
        return error_set(error, DQ_TOO_LARGE, "%zu items in one call; %d at most", count,
                         DQ_BATCH_MAX);
    int accepted = put(queue, asks, count, &batch, error);
    if (accepted < 0)
        return accepted;
    for (size_t i = 0; i < count; i++) {
        if (ret_codes)
            ret_codes[i] = batch.items[i].code;
        if (batch.items[i].code < 0 && error && error->code == 0)
            *error = batch.items[i].error;
    }
    if (ret_list) {
        dq_item_list *list = reply_new(sizeof *list, &arena);
        list->items = arena_alloc(arena, ((size_t)accepted + 1) * sizeof *list->items);
        int r = list_put(queue, &batch, arena, list, error);
        if (r >= 0)
            *ret_list = list;
        else
            dq_free(list);
        accepted = r < 0 ? r : accepted;
    }
    free(batch.items);
    return accepted;
}

int local_get_pending_items(dq_queue *queue, int limit, dq_item_list **ret_list, dq_error *error)
{
    struct arena *arena;
    struct id *ids;
    size_t count;
    dq_queue_stats stats = {0};
    int r = check_limit(limit, DQ_LIST_MAX, error);
    if (r < 0)
        return r;
    dq_item_list *list = reply_new(sizeof *list, &arena);
    r = store_stats(store_of(queue), clock_now(), arena, &stats, error);
    const char **operations = arena_alloc(arena, (stats.operation_count + 1) * sizeof *operations);
    size_t offered = 0;
    for (size_t i = 0; i < stats.operation_count && !stats.paused_at; i++)
        if (!stats.operations[i].paused_at)
            operations[offered++] = stats.operations[i].name;
    if (r >= 0)
        r = store_pending(store_of(queue), operations, limit, arena, &ids, &count, error);
    if (r >= 0)
        r = load_items(queue, ids, count, arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r;
}

int local_get_item(dq_queue *queue, const char *id_text, dq_item **ret_item, dq_error *error)
{
    struct id id;
    struct arena *arena;
    int r = parse_id(id_text, "item", &id, error);
    if (r < 0)
        return r;
    dq_item *item = reply_new(sizeof *item, &arena);
    r = store_get_item(store_of(queue), clock_now(), &id, true, arena, item, error);
    if (r < 0)
        dq_free(item);
    else
        *ret_item = item;
    return r;
}

int local_list_items(dq_queue *queue, const char *filter_text, int limit, const char *cursor,
                     dq_item_list **ret_list, dq_error *error)
{
    struct filter filter;
    struct id below, *ids;
    struct arena *arena;
    size_t count;
    bool more;
    int r = check_limit(limit, DQ_LIST_MAX, error);
    if (r >= 0)
        r = filter_parse(filter_text, clock_now(), &filter, error);
    if (r >= 0 && cursor && !id_parse(cursor, &below))
        r = error_field(error, DQ_INVALID, "/cursor", "this is no cursor of a list");
    if (r < 0)
        return r;
    dq_item_list *list = reply_new(sizeof *list, &arena);
    r = store_list(store_of(queue), clock_now(), false, &filter, limit, cursor ? &below : NULL,
                   arena, &ids, &count, &more, error);
    if (r >= 0)
        r = load_items(queue, ids, count, arena, list, error);
    if (r < 0) {
        dq_free(list);
        return r;
    }
    if (more) {
        char *next = arena_alloc(arena, ID_TEXT_SIZE);
        id_format(&ids[count], next);
        list->next = next;
    }
    *ret_list = list;
    return 0;
}

typedef int change_fn(struct store *store, int64_t now, const struct id *item, dq_error *error);

static int change(dq_queue *queue, const char *item_id, change_fn *step, dq_item **ret_item,
                  dq_error *error)
{
    struct id id;
    int r = parse_id(item_id, "item", &id, error);
    if (r >= 0)
        r = step(store_of(queue), clock_now(), &id, error);
    return r < 0 || !ret_item ? r : local_get_item(queue, item_id, ret_item, error);
}

int local_cancel(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error)
{
    return change(queue, item_id, store_cancel, ret_item, error);
}

int local_retry(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error)
{
    return change(queue, item_id, store_retry, ret_item, error);
}

int64_t local_bulk(dq_queue *queue, enum dq_bulk action, const char *filter_text, dq_error *error)
{
    struct filter filter;
    struct id cursor;
    int64_t changed = 0, now = clock_now();
    bool more = true;
    int r = filter_parse(filter_text, now, &filter, error);
    if (r >= 0 && filter.empty)
        r = error_field(error, DQ_INVALID, "/filter",
                        "an empty filter would match everything; say what to match, for example "
                        "\"failed since:2h\"");
    memset(cursor.bytes, 0xff, sizeof cursor.bytes);
    while (r >= 0 && more) {
        r = store_bulk(store_of(queue), now, action, &filter, &cursor, &more, error);
        changed += r > 0 ? r : 0;
    }
    return r < 0 ? r : changed;
}

int64_t local_purge(dq_queue *queue, int64_t older, int status, bool with_documents,
                    dq_error *error)
{
    int64_t purged = 0;
    bool more = true;
    int r = check_purge(older, status, error);
    while (r >= 0 && more) {
        r = store_purge(store_of(queue), clock_now() - older, status, with_documents, &more, error);
        purged += r > 0 ? r : 0;
    }
    return r < 0 ? r : purged;
}
