/* Leases: remote workers claim, renew and report. The token in the path is the right to it. */
#include "http/handlers.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/policy.h"
#include "core/view.h"
#include "http/fields.h"
#include "http/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS_MAX   32
#define WORKER_BYTES_MAX 128
#define STAGE_BYTES_MAX  64
#define CODE_BYTES_MAX   64
#define LIMIT_BYTES_MAX  64
#define PAGES_MAX        100000
#define PROBLEMS_MAX     100
#define TYPE_BYTES_MAX   128
#define RETRY_AFTER_MAX  (30 * 86400 * US_PER_S)
#define COUNT_MAX        ((int64_t)1 << 53)
#define SIGNAL_MAX       64
#define POINTER_SIZE     64

struct claim {
    const char *worker, *item;
    const char *operations[OPERATIONS_MAX + 1];
    bool any_operations;
    int64_t limit, lease_time, wait_seconds;
};

static int wrong_element(dq_error *error, const char *array, size_t index, const char *expected)
{
    char pointer[POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "%s/%zu", array, index);
    return error_field(error, DQ_INVALID, pointer, "%s", expected);
}

static int read_claim(struct call *call, struct claim *claim, dq_error *error)
{
    json_t *operations = NULL;
    const struct field fields[] = {
        FIELD("worker", STRING, &claim->worker, .max = WORKER_BYTES_MAX),
        FIELD("operations", ARRAY, &operations, .max = OPERATIONS_MAX),
        FIELD("item", STRING, &claim->item, .max = DQ_ID_SIZE - 1),
        FIELD("limit", NUMBER, &claim->limit, .min = 1, .max = DQ_BATCH_MAX),
        FIELD("lease_seconds", SECONDS, &claim->lease_time, .min = LEASE_TIME_MIN,
              .max = LEASE_TIME_MAX),
        FIELD("wait_seconds", NUMBER, &claim->wait_seconds, .min = 0,
              .max = call->service->limits.wait_seconds_max),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < json_array_size(operations); i++) {
        claim->operations[i] = json_string_value(json_array_get(operations, i));
        if (!claim->operations[i])
            return wrong_element(error, "/operations", i, "A name is expected.");
    }
    claim->any_operations = json_array_size(operations) > 0;
    return 0;
}

int leases_claim(struct call *call, dq_error *error)
{
    autoreply dq_lease_list *list = NULL;
    struct claim claim = {.limit = 1};
    int code = read_claim(call, &claim, error);
    if (code < 0)
        return code;
    dq_claim_options options = {
        .limit = (int)claim.limit,
        .lease_time = claim.lease_time,
        .operations = claim.any_operations ? claim.operations : NULL,
        .worker = claim.worker ? claim.worker : "remote",
        .item_id = claim.item,
    };
    code = dq_claim(call->service->queue, &options, &list, error);
    if (code < 0)
        return code;
    if (list->count == 0 && call_wait(call, WAIT_WORK, claim.wait_seconds, leases_claim))
        return 0;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_lease(&list->leases[i]));
    return call_json(call, 200, json_pack("{s:o}", "leases", views));
}

int leases_heartbeat(struct call *call, dq_error *error)
{
    json_t *object = NULL;
    dq_progress progress = {0};
    int64_t expires_at = 0;
    const struct field fields[] = {FIELD("progress", OBJECT, &object)};
    const struct field inner[] = {
        FIELD("stage", STRING, &progress.stage, .max = STAGE_BYTES_MAX),
        FIELD("done", NUMBER, &progress.done, .min = 0, .max = COUNT_MAX),
        FIELD("total", NUMBER, &progress.total, .min = 0, .max = COUNT_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = fields_read(object, "/progress", inner, FIELDS_COUNT(inner), error);
    if (code == 0)
        code = dq_heartbeat(call->service->queue, call->param, object ? &progress : NULL,
                            &expires_at, error);
    if (code < 0)
        return code;
    return call_json(call, 200, json_pack("{s:o}", "expires_at", view_time(expires_at)));
}

/* A page is its text, or an object of its text and Markdown. */
static int read_pages(json_t *list, dq_page *pages, dq_error *error)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *page = json_array_get(list, i);
        const json_t *text = json_is_object(page) ? json_object_get(page, "text") : page;
        const json_t *markdown = json_object_get(page, "markdown");
        if (!json_is_string(text) || (markdown && !json_is_string(markdown)))
            return wrong_element(error, "/result/pages", i,
                                 "A string is expected, or {\"text\", \"markdown\"}.");
        pages[i] = (dq_page){.number = (int)i + 1,
                             .text = json_string_value(text),
                             .text_bytes = json_string_length(text),
                             .markdown = json_string_value(markdown),
                             .markdown_bytes = json_string_length(markdown)};
    }
    return 0;
}

struct result {
    const char *text, *content_type, *markdown, *language, *thumbnail;
    json_t *pages, *metadata, *problems;
    bool partial;
    int64_t peak_memory;
};

static int read_thumbnail(const char *text, struct buf *bytes, dq_error *error)
{
    if (!text || (*text && base64_decode(bytes, text, strlen(text))))
        return 0;
    return error_field(error, DQ_INVALID, "/result/thumbnail",
                       "It is a PNG of at most %d bytes as base64.", DQ_THUMBNAIL_BYTES_MAX);
}

/* Where only Markdown is given, it is the text as well. */
static dq_page only_page(const struct result *given)
{
    const char *text = given->text ? given->text : given->markdown;
    return (dq_page){.number = 1,
                     .text = text,
                     .text_bytes = strlen(text),
                     .markdown = given->markdown,
                     .markdown_bytes = given->markdown ? strlen(given->markdown) : 0};
}

static int finish(struct call *call, const dq_result *result, dq_error *error)
{
    int code = dq_mark_completed(call->service->queue, call->param, result, error);
    if (code < 0)
        return code;
    return call_json(call, 200, json_pack("{s:s}", "status", dq_status_name(DQ_COMPLETED)));
}

static int complete(struct call *call, const struct result *given, dq_page *pages, dq_error *error)
{
    size_t page_count = json_array_size(given->pages);
    autobuf thumbnail = BUF(DQ_THUMBNAIL_BYTES_MAX);
    int code = read_pages(given->pages, pages, error);
    if (code == 0)
        code = read_thumbnail(given->thumbnail, &thumbnail, error);
    if (code < 0)
        return code;
    if ((given->text || given->markdown) && page_count == 0)
        pages[page_count++] = only_page(given);
    char *metadata = given->metadata ? json_dumps(given->metadata, JSON_COMPACT) : NULL;
    char *problems = given->problems ? json_dumps(given->problems, JSON_COMPACT) : NULL;
    dq_result result = {
        .content_type = given->content_type,
        .pages = pages,
        .page_count = page_count,
        .metadata = metadata,
        .problems = problems,
        .partial = given->partial,
        .language = given->language,
        .thumbnail = given->thumbnail ? thumbnail.bytes : NULL,
        .thumbnail_bytes = thumbnail.length,
        .peak_memory = given->peak_memory,
    };
    code = finish(call, &result, error);
    free(metadata);
    free(problems);
    return code;
}

/* What `fields` cannot say. */
static int check_result(const struct result *given, dq_error *error)
{
    json_t *problems = given->problems;
    if (given->markdown && given->pages)
        return error_field(error, DQ_INVALID, "/result/markdown",
                           "It goes with `text`; where there are pages, each has its own.");
    for (size_t i = 0; i < json_array_size(problems); i++)
        if (!json_is_string(json_array_get(problems, i)))
            return wrong_element(error, "/result/problems", i, "A string is expected.");
    return 0;
}

int leases_complete(struct call *call, dq_error *error)
{
    json_t *object = NULL;
    struct result given = {0};
    const struct field fields[] = {FIELD("result", OBJECT, &object)};
    const struct field inner[] = {
        FIELD("text", STRING, &given.text),
        FIELD("markdown", STRING, &given.markdown),
        FIELD("language", STRING, &given.language, .max = DQ_LANGUAGE_BYTES_MAX),
        FIELD("thumbnail", STRING, &given.thumbnail),
        FIELD("pages", ARRAY, &given.pages, .max = PAGES_MAX),
        FIELD("metadata", OBJECT, &given.metadata),
        FIELD("problems", ARRAY, &given.problems, .max = PROBLEMS_MAX),
        FIELD("content_type", STRING, &given.content_type, .max = TYPE_BYTES_MAX),
        FIELD("partial", BOOL, &given.partial),
        FIELD("peak_memory_bytes", NUMBER, &given.peak_memory, .min = 0, .max = COUNT_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = fields_read(object, "/result", inner, FIELDS_COUNT(inner), error);
    if (code == 0)
        code = check_result(&given, error);
    if (code < 0)
        return code;
    if (!object) /* nothing is handed in: what the document has stays */
        return finish(call, NULL, error);
    dq_page *pages = calloc(json_array_size(given.pages) + 1, sizeof *pages);
    if (!pages)
        bug("out of memory");
    code = complete(call, &given, pages, error);
    free(pages);
    return code;
}

int leases_fail(struct call *call, dq_error *error)
{
    json_t *object = NULL;
    dq_failure failure = {.retryable = true};
    int64_t signal = 0;
    enum dq_status status = DQ_FAILED;
    const struct field fields[] = {FIELD("error", OBJECT, &object, .required = true)};
    const struct field inner[] = {
        FIELD("code", STRING, &failure.code, .max = CODE_BYTES_MAX, .required = true),
        FIELD("message", STRING, &failure.message, .max = FAILURE_MESSAGE_BYTES_MAX),
        FIELD("retryable", BOOL, &failure.retryable),
        FIELD("retry_after_seconds", SECONDS, &failure.retry_after, .max = RETRY_AFTER_MAX),
        FIELD("crash", BOOL, &failure.crash),
        FIELD("signal", NUMBER, &signal, .min = 0, .max = SIGNAL_MAX),
        FIELD("limit", STRING, &failure.limit, .max = LIMIT_BYTES_MAX),
        FIELD("peak_memory_bytes", NUMBER, &failure.peak_memory, .min = 0, .max = COUNT_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = fields_read(object, "/error", inner, FIELDS_COUNT(inner), error);
    failure.signal = (int)signal;
    if (code == 0)
        code = dq_mark_failed(call->service->queue, call->param, &failure, &status, error);
    if (code < 0)
        return code;
    return call_json(call, 200, json_pack("{s:s}", "status", dq_status_name(status)));
}

int leases_release(struct call *call, dq_error *error)
{
    int code = fields_read(call->json, "", NULL, 0, error);
    if (code == 0)
        code = dq_release(call->service->queue, call->param, error);
    if (code < 0)
        return code;
    return call_json(call, 200, json_pack("{s:s}", "status", dq_status_name(DQ_PENDING)));
}

/* {"status": "completed"} or {"error": ...} for each token, in their order. */
static int answer_completed(struct call *call, const int *codes, size_t count)
{
    json_t *results = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            results, codes[i] < 0 ? json_pack("{s:o}", "error", problem_brief(codes[i]))
                                  : json_pack("{s:s}", "status", dq_status_name(DQ_COMPLETED)));
    return call_json(call, 200, json_pack("{s:o}", "results", results));
}

int leases_complete_many(struct call *call, dq_error *error)
{
    json_t *list = NULL;
    const struct field fields[] = {
        FIELD("tokens", ARRAY, &list, .max = DQ_BATCH_MAX, .required = true),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    size_t count = json_array_size(list);
    const char **tokens = calloc(count + 1, sizeof *tokens);
    int *codes = calloc(count + 1, sizeof *codes);
    if (!tokens || !codes)
        bug("out of memory");
    for (size_t i = 0; i < count && code >= 0; i++) {
        tokens[i] = json_string_value(json_array_get(list, i));
        if (!tokens[i])
            code = error_field(error, DQ_INVALID, "/tokens", "It is an array of strings.");
    }
    if (code >= 0)
        code = dq_mark_completed_many(call->service->queue, tokens, count, codes, error);
    if (code >= 0)
        code = answer_completed(call, codes, count);
    free(tokens);
    free(codes);
    return code;
}
