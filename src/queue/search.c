/* Search and chunks: what is made of the text of documents. */
#include "base/clock.h"
#include "base/error.h"
#include "core/chunk.h"
#include "core/policy.h"
#include "queue/queue.h"

enum { SEARCH_S_MAX = 2 };

int local_search(dq_queue *queue, const char *text, int limit, const char *cursor,
                 dq_hit_list **ret_list, dq_error *error)
{
    struct query query;
    struct arena *arena;
    int r = query_parse(text, clock_now(), &query, error);
    if (r >= 0)
        r = check_limit(limit, DQ_LIST_MAX, error);
    if (r < 0)
        return r;
    dq_hit_list *list = reply_new(sizeof *list, &arena);
    r = store_search(store_of(queue), &query, limit, cursor, clock_tick() + SEARCH_S_MAX * US_PER_S,
                     arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r;
}

/* The same for every engine: all it takes is the text. */
int dq_get_chunks(dq_queue *queue, const char *document_id, const dq_chunk_options *options,
                  dq_chunk_list **ret_list, dq_error *error)
{
    dq_chunk_options checked;
    dq_text *text = NULL;
    struct arena *arena;
    int r = chunk_options_check(options, &checked, error);
    if (r >= 0)
        r = dq_get_text(queue, document_id, 1, 0, &text, error);
    if (r < 0)
        return r;
    dq_chunk_list *list = reply_new(sizeof *list, &arena);
    chunks_make(text->pages, text->page_count, &checked, arena, list);
    dq_free(text);
    *ret_list = list;
    return 0;
}
