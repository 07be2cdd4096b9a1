/* Lists by page: what is asked for, and the way to the next page. */
#include "http/handlers.h"
#include "http/route.h"

#include "core/view.h"

#define LINK_BYTES_MAX 6000

int page_request_read(struct call *call, struct page_request *ret, dq_error *error)
{
    int64_t limit = LIMIT_DEFAULT;
    ret->filter[0] = ret->cursor[0] = '\0';
    int code = call_query_number(call, "limit", 1, DQ_LIST_MAX, &limit, error);
    if (code < 0)
        return code;
    code = query_value(call->query, "q", ret->filter, sizeof ret->filter, error);
    if (code >= 0 || code == QUERY_MISSING)
        code = query_value(call->query, "cursor", ret->cursor, sizeof ret->cursor, error);
    ret->limit = (int)limit;
    return code == QUERY_MISSING || code >= 0 ? 0 : code;
}

static void add_link(struct call *call, const struct page_request *page, const char *next)
{
    autobuf link = BUF(LINK_BYTES_MAX);
    buf_printf(&link, "<%s?limit=%d", call->route->pattern, page->limit);
    if (page->filter[0]) {
        buf_puts(&link, "&q=");
        percent_encode(&link, page->filter);
    }
    buf_puts(&link, "&cursor=");
    percent_encode(&link, next);
    if (buf_puts(&link, ">; rel=\"next\""))
        answer_header(&call->answer, "Link", link.bytes);
}

int page_answer(struct call *call, const struct page_request *page, const char *name, json_t *list,
                const char *next)
{
    if (next)
        add_link(call, page, next);
    return call_json(call, 200, json_pack("{s:o, s:o}", name, list, "next", view_text(next)));
}
