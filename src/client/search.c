/* Search on a server. Its cursors and its language are the server's. */
#include "base/error.h"
#include "client/remote.h"
#include "core/policy.h"

int remote_search(dq_queue *queue, const char *query, int limit, const char *cursor,
                  dq_hit_list **ret_list, dq_error *error)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    struct arena *arena;
    void *hits = NULL;
    int code = check_limit(limit, DQ_LIST_MAX, error);
    if (code < 0)
        return code;
    buf_puts(&path, "/v1/search");
    path_add_number(&path, "limit", limit);
    path_add(&path, "q", query);
    path_add(&path, "cursor", cursor);
    struct request request = {.path = path.bytes, .repeatable = true};
    dq_hit_list *list = reply_new(sizeof *list, &arena);
    code = remote_list(queue, &request, "results", noun_hit, sizeof *list->hits, arena, &hits,
                       &list->count, &list->next, error);
    list->hits = hits;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}
