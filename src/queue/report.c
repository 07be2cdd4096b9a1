/* Reports: kinds of failures, rates and times, how many match. */
#include "base/clock.h"
#include "base/error.h"
#include "queue/queue.h"

#include <string.h>

int dq_list_problems(dq_queue *queue, int64_t span, dq_problem_list **ret_list, dq_error *error)
{
    struct arena *arena;
    dq_problem_list *list = reply_new(sizeof *list, &arena);
    int64_t now = clock_now();
    int r = store_problems(queue->store, now, now - span, arena, list, error);
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
    if (step_minutes < 1 || points < 1 || points > DQ_LIST_MAX)
        return error_set(error, DQ_INVALID, "a history has 1 to %d points of a minute or more",
                         DQ_LIST_MAX);
    dq_history *history = reply_new(sizeof *history, &arena);
    int r = store_history(queue->store, clock_now(), step_minutes, points, arena, history, error);
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
    int r = filter_parse(filter_text, clock_now(), &filter, error);
    memset(below.bytes, 0xff, sizeof below.bytes);
    for (int page = 0; r >= 0 && more && page < PAGES_MAX; page++) {
        struct arena *arena = arena_new();
        size_t found = 0;
        r = store_list(queue->store, clock_now(), false, &filter, PAGE, &below, arena, &ids, &found,
                       &more, error);
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
    if (older < 0)
        return error_field(error, DQ_INVALID, "/older", "an age cannot be negative");
    return store_count_finished(queue->store, clock_now() - older, status, error);
}
