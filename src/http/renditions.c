/* What was made of a document beside text: Markdown and a thumbnail. */
#include "http/handlers.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/id.h"

#include <limits.h>
#include <stdio.h>

enum { ETAG_SIZE = 2 * DIGEST_BYTES + 3 };

int documents_markdown(struct call *call, dq_error *error)
{
    autoreply dq_text *text = NULL;
    int64_t page = 0;
    int code = call_query_number(call, "page", 1, INT_MAX, &page, error);
    if (code == 0)
        code = dq_get_markdown(call->service->queue, call->param, page ? (int)page : 1, (int)page,
                               &text, error);
    if (code < 0)
        return code;
    if (page && text->page_count == 0)
        return error_set(error, DQ_NOT_FOUND, "The document has no page %d.", (int)page);
    for (size_t i = 0; i < text->page_count; i++) {
        if (i > 0)
            buf_puts(&call->answer.body, "\n\n");
        buf_append(&call->answer.body, text->pages[i].text, text->pages[i].text_bytes);
    }
    return call_text(call, "text/markdown; charset=utf-8", "", 0);
}

/* Pages full of thumbnails are looked at often: asking again costs 304 and no bytes. */
int documents_thumbnail(struct call *call, dq_error *error)
{
    autoreply dq_thumbnail *thumbnail = NULL;
    unsigned char digest[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1], etag[ETAG_SIZE];
    int code = dq_get_thumbnail(call->service->queue, call->param, &thumbnail, error);
    if (code < 0)
        return code;
    digest_of(thumbnail->bytes, thumbnail->length, digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(etag, sizeof etag, "\"%s\"", hex);
    answer_header(&call->answer, "ETag", etag);
    call->answer.cache = "private, no-cache";
    if (lists_tag(head_value(&call->head, "if-none-match"), etag))
        return call_empty(call, 304);
    return call_text(call, "image/png", thumbnail->bytes, thumbnail->length);
}
