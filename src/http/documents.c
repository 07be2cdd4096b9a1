/* Documents: what they are, asking for their work again, waiting for it, removing them. */
#include "http/handlers.h"

#include "base/error.h"
#include "core/view.h"
#include "http/fields.h"

#include <stdio.h>
#include <string.h>

#define LOCATION_SIZE 64
#define APPLIED_SIZE  32

int documents_list(struct call *call, dq_error *error)
{
    autoreply dq_document_list *list = NULL;
    struct page_request page;
    int code = page_request_read(call, &page, error);
    if (code == 0)
        code = dq_list_documents(call->service->queue, page.filter, page.limit,
                                 page.cursor[0] ? page.cursor : NULL, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_document(&list->documents[i]));
    return page_answer(call, &page, "documents", views, list->next);
}

int documents_get(struct call *call, dq_error *error)
{
    autoreply dq_document *document = NULL;
    int code = dq_get_document(call->service->queue, call->param, &document, error);
    return code < 0 ? code : call_json(call, 200, view_document(document));
}

int documents_delete(struct call *call, dq_error *error)
{
    int code = dq_delete_document(call->service->queue, call->param, error);
    return code < 0 ? code : call_empty(call, 204);
}

static int answer_document(struct call *call, int status, const dq_document *document)
{
    char location[LOCATION_SIZE];
    snprintf(location, sizeof location, "/v1/documents/%s", document->id);
    answer_header(&call->answer, "Location", location);
    return call_json(call, status, view_document(document));
}

static bool is_terminal(enum dq_status status)
{
    return status != DQ_PENDING && status != DQ_IN_PROGRESS;
}

int document_accepted(struct call *call, const dq_document *document)
{
    memcpy(call->awaited, document->id, sizeof call->awaited);
    if (call_wait(call, WAIT_POLL, call_preferred_wait(call), document_wait))
        return 0;
    return answer_document(call, 202, document);
}

int document_wait(struct call *call, dq_error *error)
{
    autoreply dq_document *document = NULL;
    char applied[APPLIED_SIZE];
    int64_t seconds = call_preferred_wait(call);
    int code = dq_get_document(call->service->queue, call->awaited, &document, error);
    if (code < 0)
        return code;
    bool over = is_terminal(document->status);
    if (!over && call_wait(call, WAIT_POLL, seconds, document_wait))
        return 0;
    snprintf(applied, sizeof applied, "wait=%lld", (long long)seconds);
    answer_header(&call->answer, "Preference-Applied", applied);
    return answer_document(call, over ? 200 : 202, document);
}

int documents_reprocess(struct call *call, dq_error *error)
{
    autoreply dq_document *document = NULL;
    const char *operation = NULL;
    int64_t priority = 0;
    const struct field fields[] = {
        FIELD("operation", STRING, &operation, .max = DQ_OPERATION_BYTES_MAX),
        FIELD("priority", NUMBER, &priority, .min = DQ_PRIORITY_MIN, .max = DQ_PRIORITY_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    char key[IDEMPOTENCY_KEY_SIZE];
    dq_ask ask = {.document_id = call->param,
                  .operation = operation ? operation : "reprocess",
                  .priority = (int)priority};
    if (code == 0)
        code = call_idempotency_key(call, key, &ask.idempotency_key, error);
    if (code == 0 && dq_enqueue_many(call->service->queue, &ask, 1, &code, NULL, error) < 0)
        code = error->code;
    if (code == 0)
        code = dq_get_document(call->service->queue, call->param, &document, error);
    return code < 0 ? code : document_accepted(call, document);
}

int documents_resolve(struct call *call, dq_error *error)
{
    char prefix[DQ_ID_SIZE], id[DQ_ID_SIZE];
    int code = query_value(call->query, "prefix", prefix, sizeof prefix, error);
    if (code == QUERY_MISSING)
        return error_field(error, DQ_INVALID, "prefix", "`prefix` is missing.");
    if (code >= 0)
        code = dq_resolve_id(call->service->queue, prefix, id, error);
    return code < 0 ? code : call_json(call, 200, json_pack("{s:s}", "id", id));
}
