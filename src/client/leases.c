/* Leases from a server: claim, renew, report. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "client/remote.h"
#include "core/policy.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

static double seconds(int64_t time)
{
    return (double)time / (double)US_PER_S;
}

/* ---- claim ----------------------------------------------------------------------------------- */

static json_t *names_of(const char *const *operations)
{
    if (!operations)
        return NULL;
    json_t *names = json_array();
    for (; *operations; operations++)
        json_array_append_new(names, view_text(*operations));
    return names;
}

static json_t *claim_body(const struct remote *remote, const dq_claim_options *options)
{
    int64_t lease_time = options->lease_time ? options->lease_time : LEASE_TIME_DEFAULT;
    return json_pack("{s:o, s:o*, s:o*, s:f, s:o*}", "worker",
                     view_text(options->worker ? options->worker : remote->worker), "operations",
                     names_of(options->operations), "limit",
                     options->item_id ? NULL : json_integer(options->limit), "lease_seconds",
                     seconds(lease_time), "item",
                     options->item_id ? view_text(options->item_id) : NULL);
}

int remote_claim(dq_queue *queue, const dq_claim_options *options, dq_lease_list **ret_list,
                 dq_error *error)
{
    struct id item;
    struct arena *arena;
    void *leases = NULL;
    int code = options->item_id ? parse_id(options->item_id, "item", &item, error) : 0;
    if (code < 0)
        return code;
    autojson *body = claim_body(remote_of(queue), options);
    struct request request = {.path = "/v1/leases", .body = body};
    dq_lease_list *list = reply_new(sizeof *list, &arena);
    code = remote_list(queue, &request, "leases", noun_lease, sizeof *list->leases, arena, &leases,
                       &list->count, NULL, error);
    list->leases = leases;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}

/* The only lease of a list. */
static int noun_only_lease(const json_t *answer, struct arena *arena, void *noun, dq_error *error)
{
    return noun_lease(json_array_get(json_object_get(answer, "leases"), 0), arena, noun, error);
}

int remote_mark_in_progress(dq_queue *queue, const char *item_id, int64_t lease_time,
                            dq_lease **ret_lease, dq_error *error)
{
    struct id item;
    int code = parse_id(item_id, "item", &item, error);
    if (code < 0)
        return code;
    const dq_claim_options options = {.item_id = item_id, .lease_time = lease_time};
    autojson *body = claim_body(remote_of(queue), &options);
    struct request request = {.path = "/v1/leases", .body = body};
    dq_lease *lease = remote_noun(queue, &request, noun_only_lease, sizeof *lease, &code, error);
    if (lease)
        *ret_lease = lease;
    return code;
}

/* ---- what a holder does ---------------------------------------------------------------------- */

/* Every report may arrive twice: the token says which attempt it belongs to. */
static int report(dq_queue *queue, const char *token, const char *what, json_t *body,
                  json_t **ret_answer, dq_error *error)
{
    autojson *owned = body;
    char path[LEASE_PATH_SIZE];
    struct request request = {.path = path, .body = owned, .repeatable = true};
    int code = lease_path_of(token, what, path, error);
    return code < 0 ? code : link_ask(link_of(queue), &request, ret_answer, error);
}

/* Not repeated here: who holds a lease beats again by itself, and must notice in time that it has
 * run out. */
int remote_heartbeat(dq_queue *queue, const char *token, const dq_progress *progress,
                     int64_t *ret_expires_at, dq_error *error)
{
    char path[LEASE_PATH_SIZE];
    autojson *body = json_object(), *answer = NULL;
    struct request request = {.path = path, .body = body, .time_max = HEARTBEAT_TIME_MAX};
    int64_t expires_at = 0;
    int code = lease_path_of(token, "/heartbeat", path, error);
    if (progress)
        json_object_set_new(body, "progress",
                            json_pack("{s:o, s:I, s:I}", "stage", view_text(progress->stage),
                                      "done", (json_int_t)progress->done, "total",
                                      (json_int_t)progress->total));
    if (code == 0)
        code = link_ask(link_of(queue), &request, &answer, error);
    if (code == 0)
        code = noun_time(answer, "expires_at", &expires_at, error);
    if (code == 0 && ret_expires_at)
        *ret_expires_at = expires_at;
    return code;
}

static json_t *page_texts(const dq_result *result)
{
    json_t *pages = json_array();
    for (size_t i = 0; i < result->page_count; i++) {
        const dq_page *page = &result->pages[i];
        json_t *text = view_bytes(page->text, page->text_bytes);
        if (page->markdown)
            text = json_pack("{s:o, s:o}", "text", text, "markdown",
                             view_bytes(page->markdown, page->markdown_bytes));
        json_array_append_new(pages, text);
    }
    return pages;
}

/* DQ_INVALID: it is no JSON of that type. */
static int take_json(json_t *object, const char *name, const char *text, json_type type,
                     dq_error *error)
{
    json_error_t why;
    if (!text)
        return 0;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    bool good = value && json_typeof(value) == type;
    if (good)
        json_object_set(object, name, value);
    json_decref(value);
    return good ? 0
                : error_field(error, DQ_INVALID, name, "%s is no JSON %s", name,
                              type == JSON_OBJECT ? "object" : "array");
}

static json_t *thumbnail_text(const dq_result *result)
{
    autobuf text = BUF(2 * (size_t)DQ_THUMBNAIL_BYTES_MAX);
    if (!result->thumbnail)
        return NULL;
    base64_encode(&text, result->thumbnail, result->thumbnail_bytes);
    return json_stringn(text.length ? text.bytes : "", text.length);
}

static int result_body(const dq_result *result, json_t *body, dq_error *error)
{
    json_t *object = json_pack(
        "{s:o, s:b, s:I, s:o*, s:o*, s:o*}", "pages", page_texts(result), "partial",
        (int)result->partial, "peak_memory_bytes", (json_int_t)result->peak_memory, "content_type",
        result->content_type ? view_text(result->content_type) : NULL, "language",
        result->language ? view_text(result->language) : NULL, "thumbnail", thumbnail_text(result));
    json_object_set_new(body, "result", object);
    int code = take_json(object, "metadata", result->metadata, JSON_OBJECT, error);
    return code < 0 ? code : take_json(object, "problems", result->problems, JSON_ARRAY, error);
}

int remote_mark_completed(dq_queue *queue, const char *token, const dq_result *result,
                          dq_error *error)
{
    autojson *body = json_object(), *answer = NULL;
    int code = result ? result_body(result, body, error) : 0;
    return code < 0 ? code : report(queue, token, "/complete", json_incref(body), &answer, error);
}

static int64_t read_completed(const json_t *answer, size_t count, int *ret_codes, dq_error *error)
{
    const json_t *results = json_object_get(answer, "results");
    int64_t completed = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *result = json_array_get(results, i);
        int code = json_object_get(result, "status") ? 0 : noun_refusal(result, error);
        if (code == DQ_INTERNAL)
            return code;
        if (ret_codes)
            ret_codes[i] = code;
        completed += code == 0;
    }
    return completed;
}

int remote_mark_completed_many(dq_queue *queue, const char *const *tokens, size_t count,
                               int *ret_codes, dq_error *error)
{
    if (count > DQ_BATCH_MAX)
        return error_set(error, DQ_TOO_LARGE, "%zu leases in one call; %d at most", count,
                         DQ_BATCH_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, view_text(tokens[i]));
    autojson *body = json_pack("{s:o}", "tokens", list), *answer = NULL;
    struct request request = {.path = "/v1/leases:complete", .body = body, .repeatable = true};
    int code = link_ask(link_of(queue), &request, &answer, error);
    return code < 0 ? code : (int)read_completed(answer, count, ret_codes, error);
}

/* As much of the message as crosses, cut between characters; hostile bytes are repaired. */
static json_t *message_of(const char *message)
{
    size_t length = message ? strlen(message) : 0;
    if (length <= FAILURE_MESSAGE_BYTES_MAX / 3)
        return view_text(message); /* repairs may make three bytes of one */
    json_t *whole = view_text(message);
    const char *text = json_string_value(whole);
    length = json_string_length(whole);
    if (length > FAILURE_MESSAGE_BYTES_MAX)
        length = utf8_prefix(text, FAILURE_MESSAGE_BYTES_MAX);
    json_t *cut = json_stringn(text, length);
    json_decref(whole);
    return cut;
}

int remote_mark_failed(dq_queue *queue, const char *token, const dq_failure *failure,
                       enum dq_status *ret_status, dq_error *error)
{
    autojson *answer = NULL;
    enum dq_status status = DQ_FAILED;
    json_t *body = json_pack(
        "{s:{s:o, s:o, s:b, s:b, s:f, s:i, s:o, s:I}}", "error", "code",
        view_text(failure->code ? failure->code : ""), "message", message_of(failure->message),
        "retryable", (int)failure->retryable, "crash", (int)failure->crash, "retry_after_seconds",
        seconds(failure->retry_after), "signal", failure->signal, "limit",
        view_text(failure->limit), "peak_memory_bytes", (json_int_t)failure->peak_memory);
    int code = report(queue, token, "/fail", body, &answer, error);
    if (code == 0)
        code = noun_status(answer, "status", &status, error);
    if (code == 0 && ret_status)
        *ret_status = status;
    return code;
}

int remote_release(dq_queue *queue, const char *token, dq_error *error)
{
    autojson *answer = NULL;
    return report(queue, token, "/release", json_object(), &answer, error);
}
