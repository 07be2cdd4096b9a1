/* Finding text, and cutting it into pieces. */
#include "http/handlers.h"

#include "base/error.h"
#include "core/view.h"

#include <stdio.h>

#define CHUNKS_MAX  DQ_LIST_MAX /* in one answer */
#define NUMBER_SIZE 16

int search_get(struct call *call, dq_error *error)
{
    autoreply dq_hit_list *list = NULL;
    struct page_request page;
    int code = page_request_read(call, &page, error);
    if (code == 0)
        code = dq_search(call->service->queue, page.filter, page.limit,
                         page.cursor[0] ? page.cursor : NULL, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_hit(&list->hits[i]));
    return page_answer(call, &page, "results", views, list->next);
}

/* `cursor` is the number of the first chunk wanted. */
int documents_chunks(struct call *call, dq_error *error)
{
    autoreply dq_chunk_list *list = NULL;
    char next[NUMBER_SIZE];
    int64_t size = DQ_CHUNK_SIZE_DEFAULT, overlap = 0, limit = CHUNKS_MAX, first = 1;
    int code = call_query_number(call, "size", DQ_CHUNK_SIZE_MIN, DQ_CHUNK_SIZE_MAX, &size, error);
    if (code == 0)
        code = call_query_number(call, "overlap", 0, size / 2, &overlap, error);
    if (code == 0)
        code = call_query_number(call, "limit", 1, CHUNKS_MAX, &limit, error);
    if (code == 0)
        code = call_query_number(call, "cursor", 1, INT32_MAX, &first, error);
    const dq_chunk_options options = {(int)size, (int)overlap, (int)first, (int)limit};
    if (code == 0)
        code = dq_get_chunks(call->service->queue, call->param, &options, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_chunk(&list->chunks[i]));
    snprintf(next, sizeof next, "%d", list->next);
    return call_json(call, 200,
                     json_pack("{s:o, s:o}", "chunks", views, "next",
                               list->next ? json_string(next) : json_null()));
}
