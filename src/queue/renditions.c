/* What a result has beside text: Markdown and a thumbnail. */
#include "core/policy.h"
#include "queue/queue.h"

int local_get_markdown(dq_queue *queue, const char *document_id, int first, int last,
                       dq_text **ret_text, dq_error *error)
{
    struct id id;
    struct arena *arena;
    int r = parse_id(document_id, "document", &id, error);
    if (r < 0)
        return r;
    dq_text *text = reply_new(sizeof *text, &arena);
    r = store_markdown(store_of(queue), &id, first, last, arena, text, error);
    if (r < 0)
        dq_free(text);
    else
        *ret_text = text;
    return r;
}

int local_get_thumbnail(dq_queue *queue, const char *document_id, dq_thumbnail **ret_thumbnail,
                        dq_error *error)
{
    struct id id;
    struct arena *arena;
    int r = parse_id(document_id, "document", &id, error);
    if (r < 0)
        return r;
    dq_thumbnail *thumbnail = reply_new(sizeof *thumbnail, &arena);
    r = store_thumbnail(store_of(queue), &id, arena, thumbnail, error);
    if (r < 0)
        dq_free(thumbnail);
    else
        *ret_thumbnail = thumbnail;
    return r;
}
