/* The built-in handler: the document's text by docq-extract in a box. */
#include "base/arena.h"
#include "base/fd.h"
#include "core/policy.h"
#include "worker/handler.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_BYTES_MAX = 400 };

/* What a verdict means for the item. The others are decided by what the document said. */
static const enum failure verdict_failures[BOX_VERDICT_MAX] = {
    [BOX_SIGNAL] = FAILURE_PARSER_CRASHED,    [BOX_TIME] = FAILURE_TIME_LIMIT,
    [BOX_MEMORY] = FAILURE_MEMORY_LIMIT,      [BOX_OUTPUT] = FAILURE_LIMIT_EXCEEDED,
    [BOX_PROTOCOL] = FAILURE_PARSER_PROTOCOL, [BOX_SPAWN] = FAILURE_BOX_UNAVAILABLE,
};

static void fail_by_verdict(struct outcome *outcome, enum box_verdict verdict)
{
    const struct box_result *box = &outcome->box;
    outcome_fail(outcome, failure_row(verdict_failures[verdict]), outcome_message(outcome));
    outcome->failure.signal = box->signal;
    outcome->failure.limit = box->limit;
    outcome->failure.peak_memory = box->peak_memory;
}

/* Only what failures.def knows, with the flags that it has there: the box names, it does not
 * decide. */
static void fail_by_document(struct outcome *outcome)
{
    const struct failure_row *row = failure_find(outcome->box.content.error_slug);
    const char *message = outcome->box.content.error_message;
    if (!row || row->crash) {
        snprintf(outcome->box.message, sizeof outcome->box.message,
                 "The parser named the unknown failure \"%s\".", outcome->box.content.error_slug);
        fail_by_verdict(outcome, BOX_PROTOCOL);
        return;
    }
    outcome_fail(outcome, row, message && *message ? message : NULL);
    outcome->failure.peak_memory = outcome->box.peak_memory;
}

static char *problems_json(struct arena *arena, const struct wire_content *content,
                           const char *last)
{
    json_t *array = json_array();
    for (size_t i = 0; i < content->problem_count; i++)
        json_array_append_new(array, json_string(content->problems[i]));
    if (last)
        json_array_append_new(array, json_string(last));
    char *text = json_dumps(array, JSON_COMPACT);
    char *copy = arena_strdup(arena, text);
    json_decref(array);
    free(text);
    return copy;
}

/* false: it is no JSON object. *ret_language is allocated in the arena, or NULL. */
static bool read_metadata(struct arena *arena, const char *metadata, bool *ret_partial,
                          const char **ret_language)
{
    json_error_t error;
    json_t *object = json_loads(metadata ? metadata : "{}", JSON_REJECT_DUPLICATES, &error);
    bool good = json_is_object(object);
    if (json_is_true(json_object_get(object, "partial")))
        *ret_partial = true;
    *ret_language = arena_strdup(arena, json_string_value(json_object_get(object, "language")));
    if (!language_valid(*ret_language))
        *ret_language = NULL;
    json_decref(object);
    return good;
}

/* `cut`: why there is no more than this, or NULL. */
static void complete(struct outcome *outcome, const char *cut)
{
    const struct wire_content *content = &outcome->box.content;
    const char *language = NULL;
    bool partial = cut != NULL;
    if (!read_metadata(outcome->arena, content->metadata, &partial, &language)) {
        snprintf(outcome->box.message, sizeof outcome->box.message,
                 "The metadata is not one JSON object.");
        fail_by_verdict(outcome, BOX_PROTOCOL);
        return;
    }
    outcome->kind = OUTCOME_COMPLETED;
    outcome->result = (dq_result){
        .content_type = content->content_type,
        .pages = content->pages,
        .page_count = content->page_count,
        .metadata = content->metadata,
        .problems = problems_json(outcome->arena, content, cut),
        .partial = partial,
        .peak_memory = outcome->box.peak_memory,
        .language = language,
        .thumbnail = content->thumbnail,
        .thumbnail_bytes = content->thumbnail_bytes,
    };
}

static void make_outcome(struct outcome *outcome)
{
    const struct box_result *box = &outcome->box;
    char cut[PROBLEM_BYTES_MAX];
    snprintf(cut, sizeof cut, "%s There are %zu pages up to there.", box->message,
             box->content.page_count);
    switch (box->verdict) {
    case BOX_OK:
        complete(outcome, NULL);
        break;
    case BOX_DOCUMENT_ERROR:
        fail_by_document(outcome);
        break;
    case BOX_STOPPED:
        outcome->kind = OUTCOME_STOPPED;
        break;
    case BOX_TIME:
        if (box->content.page_count > 0)
            complete(outcome, cut);
        else
            fail_by_verdict(outcome, BOX_TIME);
        break;
    default:
        fail_by_verdict(outcome, box->verdict);
    }
}

void handle_extract(const struct job *job, struct outcome *ret_outcome)
{
    autoclose document = -1;
    dq_error error = {0};
    *ret_outcome = (struct outcome){.arena = arena_new()};
    if (dq_open_content(job->queue, job->lease->document.id, &document, &error) < 0) {
        outcome_fail_content(ret_outcome, &error);
        return;
    }
    struct box_request request = {.program = job->extractor,
                                  .document_fd = document,
                                  .name = job->lease->document.filename,
                                  .memory_bytes = job->memory_bytes,
                                  .time_max = job->time_max,
                                  .stop_fd = job->stop_fd,
                                  .progress = job->progress,
                                  .context = job->context};
    if (box_run(&request, &ret_outcome->box, &error) < 0)
        outcome_fail(ret_outcome, failure_row(FAILURE_BOX_UNAVAILABLE), error.detail);
    else
        make_outcome(ret_outcome);
}
