/* The handlers that routes.def names, each in the file that its prefix names. */
#ifndef HTTP_HANDLERS_H
#define HTTP_HANDLERS_H

#include "http/call.h"

#define ROUTE(method, pattern, scopes, body, handler, summary)                                     \
    int handler(struct call *call, dq_error *error);
#include "http/routes.def"
#undef ROUTE

static inline void reply_drop(void *reply)
{
    dq_free(*(void **)reply);
}

/* Gives what a docq.h call returned back on leaving the scope. */
#define autoreply __attribute__((cleanup(reply_drop)))

/* limit, cursor and filter of a list request. */
#define FILTER_SIZE   1024
#define CURSOR_SIZE   512
#define LIMIT_DEFAULT 50
struct page_request {
    char filter[FILTER_SIZE], cursor[CURSOR_SIZE];
    int limit;
};
int page_request_read(struct call *call, struct page_request *ret, dq_error *error);

/* {NAME: [...], "next": ...} and a Link header where there is a next page. */
int page_answer(struct call *call, const struct page_request *page, const char *name, json_t *list,
                const char *next);

/* items_enqueue for requests that came at the same time. A call that has no answer afterwards is
 * to be handled alone: nothing was done for it. */
void items_enqueue_batch(struct call *const *calls, size_t count);

/* Does a list of entity tags (NULL: there is none) hold ours? */
bool lists_tag(const char *list, const char *etag);

/* 202 with Location, or 200 where `Prefer: wait` saw the end of the work. */
int document_accepted(struct call *call, const dq_document *document);
int document_wait(struct call *call, dq_error *error);

#endif
