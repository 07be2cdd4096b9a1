/* What only a store of this machine can be asked: changes, kinds of failures, rates, how many
 * match. A server elsewhere answers the same over HTTP, to whoever looks at it with a browser. */
#include "base/clock.h"
#include "base/error.h"
#include "queue/queue.h"
#include "store/latch.h"

#include <string.h>

/* The store, or NULL where the handle is that of a server elsewhere. */
static struct store *store_here(dq_queue *queue, dq_error *error)
{
    if (is_local(queue))
        return store_of(queue);
    error_set(error, DQ_UNSUPPORTED,
              "this works on a store only; ask the server over HTTP, at /v1/events and the like");
    return NULL;
}

int dq_watch(dq_queue *queue, uint32_t *seen, int64_t timeout)
{
    struct store *store = store_here(queue, NULL);
    return store ? latch_watch(store_latch(store), seen, timeout) : DQ_UNSUPPORTED;
}

int dq_list_changes(dq_queue *queue, int64_t after, int limit, dq_change_list **ret_list,
                    dq_error *error)
{
    struct arena *arena;
    struct store *store = store_here(queue, error);
    if (!store)
        return DQ_UNSUPPORTED;
    if (limit < 1 || limit > DQ_LIST_MAX)
        return error_field(error, DQ_INVALID, "/limit", "limit must be from 1 to %d", DQ_LIST_MAX);
    dq_change_list *list = reply_new(sizeof *list, &arena);
    int r = store_changes(store, clock_now(), after, limit, arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r < 0 ? r : 0;
}

int dq_list_problems(dq_queue *queue, int64_t span, dq_problem_list **ret_list, dq_error *error)
{
    struct arena *arena;
    struct store *store = store_here(queue, error);
    if (!store)
        return DQ_UNSUPPORTED;
    dq_problem_list *list = reply_new(sizeof *list, &arena);
    int64_t now = clock_now();
    int r = store_problems(store, now, now - span, arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r < 0 ? r : 0;
}

int dq_get_history(dq_queue *queue, int step_minutes, int points, dq_history **ret_history,
                   dq_error *error)
{
    struct arena *arena;
    struct store *store = store_here(queue, error);
    if (!store)
        return DQ_UNSUPPORTED;
    if (step_minutes < 1 || points < 1 || points > DQ_LIST_MAX)
        return error_set(error, DQ_INVALID, "a history has 1 to %d points of a minute or more",
                         DQ_LIST_MAX);
    dq_history *history = reply_new(sizeof *history, &arena);
    int r = store_history(store, clock_now(), step_minutes, points, arena, history, error);
    if (r < 0)
        dq_free(history);
    else
        *ret_history = history;
    return r < 0 ? r : 0;
}

int64_t dq_count_items(dq_queue *queue, const char *filter_text, bool *ret_more, dq_error *error)
{
    enum { PAGE = 1000, PAGES_MAX = 100 };
    struct filter filter;
    struct id below, *ids;
    int64_t count = 0;
    bool more = true;
    struct store *store = store_here(queue, error);
    if (!store)
        return DQ_UNSUPPORTED;
    int r = filter_parse(filter_text, clock_now(), &filter, error);
    memset(below.bytes, 0xff, sizeof below.bytes);
    for (int page = 0; r >= 0 && more && page < PAGES_MAX; page++) {
        struct arena *arena = arena_new();
        size_t found = 0;
        r = store_list(store, clock_now(), false, &filter, PAGE, &below, arena, &ids, &found, &more,
                       error);
        if (r >= 0)
            below = ids[found];
        count += (int64_t)found;
        arena_free(arena);
    }
    *ret_more = more;
    return r < 0 ? r : count;
}

int64_t dq_count_purgeable(dq_queue *queue, int64_t older, int status, dq_error *error)
{
    struct store *store = store_here(queue, error);
    if (!store)
        return DQ_UNSUPPORTED;
    if (older < 0)
        return error_field(error, DQ_INVALID, "/older", "an age cannot be negative");
    return store_count_finished(store, clock_now() - older, status, error);
}
