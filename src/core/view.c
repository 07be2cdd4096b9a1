/* JSON of the nouns. Seconds where a name says so, microseconds nowhere. */
#include "core/view.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "core/scope.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT_BYTES 3 /* of U+FFFD */

json_t *view_time(int64_t time)
{
    char text[CLOCK_TEXT_SIZE];
    return time ? json_string_nocheck(clock_format(time, text)) : json_null();
}

/* Text from a parser was checked long ago; a filename in an old store may not have been. */
static json_t *repaired(const char *text, size_t length)
{
    char *copy = malloc(length * REPLACEMENT_BYTES + 1);
    if (!copy)
        return json_null();
    size_t out = 0;
    for (size_t i = 0; i < length;) {
        size_t good = utf8_prefix(text + i, length - i);
        memcpy(copy + out, text + i, good);
        out += good;
        i += good;
        if (i == length)
            break;
        memcpy(copy + out, "\xEF\xBF\xBD", REPLACEMENT_BYTES);
        out += REPLACEMENT_BYTES;
        i++;
    }
    json_t *value = json_stringn_nocheck(copy, out);
    free(copy);
    return value;
}

json_t *view_bytes(const char *text, size_t length)
{
    return utf8_valid(text, length) ? json_stringn_nocheck(text, length) : repaired(text, length);
}

json_t *view_text(const char *text)
{
    return text ? view_bytes(text, strlen(text)) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text && text[0] ? view_text(text) : json_null();
}

/* Stored JSON text; what cannot be read any more is shown as the fallback. */
static json_t *stored_json(const char *text, json_t *fallback)
{
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (!value)
        return fallback;
    json_decref(fallback);
    return value;
}

static double seconds(int64_t time)
{
    return (double)time / (double)US_PER_S;
}

static json_t *lease_of(const dq_item *item)
{
    if (item->status != DQ_IN_PROGRESS)
        return json_null();
    return json_pack("{s:o, s:I, s:o}", "worker", view_text(item->worker), "epoch",
                     (json_int_t)item->epoch, "expires_at", view_time(item->lease_expires_at));
}

static json_t *progress_of(const dq_item *item)
{
    if (!item->progress_stage)
        return json_null();
    return json_pack("{s:o, s:I, s:I}", "stage", view_text(item->progress_stage), "done",
                     (json_int_t)item->progress_done, "total", (json_int_t)item->progress_total);
}

static json_t *error_of(const dq_item *item)
{
    if (!item->error_code)
        return json_null();
    return json_pack("{s:o, s:o, s:b}", "code", view_text(item->error_code), "message",
                     view_text(item->error_message), "retryable", (int)item->error_retryable);
}

static json_t *history_of(const dq_item *item)
{
    json_t *list = json_array();
    for (size_t i = 0; i < item->history_count; i++)
        json_array_append_new(list, view_attempt(&item->history[i]));
    return list;
}

json_t *view_item(const dq_item *item)
{
    if (!item)
        return json_null();
    json_t *view = json_object();
    json_object_set_new(view, "id", json_string(item->id));
    json_object_set_new(view, "document_id", json_string(item->document_id));
    json_object_set_new(view, "filename", view_text(item->filename));
    json_object_set_new(view, "operation", view_text(item->operation));
    json_object_set_new(view, "priority", json_integer(item->priority));
    json_object_set_new(view, "status", json_string(dq_status_name(item->status)));
    json_object_set_new(view, "attempts", json_integer(item->attempts));
    json_object_set_new(view, "max_attempts", json_integer(item->max_attempts));
    json_object_set_new(view, "crashes", json_integer(item->crashes));
    json_object_set_new(view, "epoch", json_integer(item->epoch));
    json_object_set_new(view, "worker", view_text(item->worker));
    json_object_set_new(view, "due_at", view_time(item->due_at));
    json_object_set_new(view, "waiting", view_text(item->waiting));
    json_object_set_new(view, "lease", lease_of(item));
    json_object_set_new(view, "progress", progress_of(item));
    json_object_set_new(view, "error", error_of(item));
    json_object_set_new(view, "created_at", view_time(item->created_at));
    json_object_set_new(view, "started_at", view_time(item->started_at));
    json_object_set_new(view, "finished_at", view_time(item->finished_at));
    json_object_set_new(view, "superseded_by", text_or_null(item->superseded_by));
    if (item->history)
        json_object_set_new(view, "history", history_of(item));
    return view;
}

json_t *view_attempt(const dq_attempt *attempt)
{
    if (!attempt)
        return json_null();
    bool ended = attempt->ended_at && attempt->started_at;
    json_t *view = json_object();
    json_object_set_new(view, "number", json_integer(attempt->number));
    json_object_set_new(view, "epoch", json_integer(attempt->epoch));
    json_object_set_new(view, "worker", view_text(attempt->worker));
    json_object_set_new(view, "outcome", view_text(attempt->outcome));
    json_object_set_new(view, "started_at", view_time(attempt->started_at));
    json_object_set_new(view, "ended_at", view_time(attempt->ended_at));
    json_object_set_new(view, "duration_seconds",
                        ended ? json_real(seconds(attempt->ended_at - attempt->started_at))
                              : json_null());
    json_object_set_new(view, "error",
                        attempt->error_code
                            ? json_pack("{s:o, s:o}", "code", view_text(attempt->error_code),
                                        "message", view_text(attempt->error_message))
                            : json_null());
    json_object_set_new(view, "signal",
                        attempt->signal ? json_integer(attempt->signal) : json_null());
    json_object_set_new(view, "limit", view_text(attempt->limit));
    json_object_set_new(view, "peak_memory_bytes",
                        attempt->peak_memory ? json_integer(attempt->peak_memory) : json_null());
    return view;
}

static json_t *result_of(const dq_document *document)
{
    if (!document->has_result)
        return json_null();
    return json_pack("{s:i, s:I, s:b, s:o, s:o, s:o}", "pages", document->pages, "text_bytes",
                     (json_int_t)document->text_bytes, "partial", (int)document->partial,
                     "metadata", stored_json(document->result_metadata, json_object()), "problems",
                     stored_json(document->problems, json_array()), "processed_at",
                     view_time(document->processed_at));
}

json_t *view_document(const dq_document *document)
{
    if (!document)
        return json_null();
    json_t *view = json_object();
    json_object_set_new(view, "id", json_string(document->id));
    json_object_set_new(view, "filename", view_text(document->filename));
    json_object_set_new(view, "content_type", view_text(document->content_type));
    json_object_set_new(view, "size", json_integer(document->size));
    json_object_set_new(view, "sha256", json_string(document->sha256));
    json_object_set_new(view, "metadata", stored_json(document->metadata, json_object()));
    json_object_set_new(view, "owner", view_text(document->owner));
    json_object_set_new(view, "created_at", view_time(document->created_at));
    json_object_set_new(view, "status", json_string(dq_status_name(document->status)));
    json_object_set_new(view, "item", view_item(document->item));
    json_object_set_new(view, "result", result_of(document));
    return view;
}

json_t *view_lease(const dq_lease *lease)
{
    if (!lease)
        return json_null();
    json_t *document = view_document(&lease->document);
    json_object_del(document, "item"); /* the lease's own item stands beside it */
    return json_pack("{s:s, s:o, s:o}", "token", lease->token, "item", view_item(&lease->item),
                     "document", document);
}

static void set_counts(json_t *view, const int64_t counts[DQ_STATUS_MAX])
{
    for (int i = 0; i < DQ_STATUS_MAX; i++)
        json_object_set_new(view, dq_status_name((enum dq_status)i), json_integer(counts[i]));
}

json_t *view_operation(const dq_operation *operation)
{
    if (!operation)
        return json_null();
    json_t *view = json_object();
    json_object_set_new(view, "name", view_text(operation->name));
    json_object_set_new(view, "kind", view_text(operation->kind));
    json_object_set_new(view, "max_attempts", json_integer(operation->max_attempts));
    json_object_set_new(view, "backoff_base_seconds", json_real(seconds(operation->backoff_base)));
    json_object_set_new(view, "backoff_cap_seconds", json_real(seconds(operation->backoff_cap)));
    json_object_set_new(view, "backoff_factor", json_real(operation->backoff_factor));
    json_object_set_new(view, "crash_budget", json_integer(operation->crash_budget));
    json_object_set_new(view, "timeout_seconds", json_real(seconds(operation->timeout)));
    json_object_set_new(view, "paused_at", view_time(operation->paused_at));
    set_counts(view, operation->counts);
    return view;
}

json_t *view_stats(const dq_queue_stats *stats)
{
    if (!stats)
        return json_null();
    json_t *operations = json_array(), *view = json_object();
    for (size_t i = 0; i < stats->operation_count; i++)
        json_array_append_new(operations, view_operation(&stats->operations[i]));
    set_counts(view, stats->counts);
    json_object_set_new(view, "documents", json_integer(stats->documents));
    json_object_set_new(view, "due", json_integer(stats->due));
    json_object_set_new(view, "oldest_due_age_seconds", json_real(seconds(stats->oldest_due_age)));
    json_object_set_new(view, "enqueued_per_minute", json_integer(stats->enqueued_per_minute));
    json_object_set_new(view, "completed_per_minute", json_integer(stats->completed_per_minute));
    json_object_set_new(view, "failed_per_minute", json_integer(stats->failed_per_minute));
    json_object_set_new(view, "paused_at", view_time(stats->paused_at));
    json_object_set_new(view, "workers", json_integer(stats->workers));
    json_object_set_new(view, "operations", operations);
    return view;
}

json_t *view_token(const dq_token *token)
{
    if (!token)
        return json_null();
    json_t *scopes = json_array();
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (token->scopes & scope_rows[i].bit)
            json_array_append_new(scopes, json_string(scope_rows[i].name));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "id", token->id, "name",
                     view_text(token->name), "scopes", scopes, "created_at",
                     view_time(token->created_at), "expires_at", view_time(token->expires_at),
                     "revoked_at", view_time(token->revoked_at));
}

json_t *view_worker(const dq_worker *worker)
{
    if (!worker)
        return json_null();
    json_t *view = json_object();
    json_object_set_new(view, "id", json_string(worker->id));
    json_object_set_new(view, "name", view_text(worker->name));
    json_object_set_new(view, "pid", worker->pid ? json_integer(worker->pid) : json_null());
    json_object_set_new(view, "local", json_boolean(worker->local));
    json_object_set_new(view, "alive", json_boolean(worker->alive));
    json_object_set_new(view, "started_at", view_time(worker->started_at));
    json_object_set_new(view, "seen_at", view_time(worker->seen_at));
    json_object_set_new(view, "in_progress", json_integer(worker->in_progress));
    return view;
}

json_t *view_hit(const dq_hit *hit)
{
    if (!hit)
        return json_null();
    json_t *matches = json_array(), *view = json_object();
    for (size_t i = 0; i < hit->match_count; i++)
        json_array_append_new(matches,
                              json_pack("[i, i]", hit->matches[i].from, hit->matches[i].to));
    json_object_set_new(view, "document_id", json_string(hit->document_id));
    json_object_set_new(view, "filename", view_text(hit->filename));
    json_object_set_new(view, "content_type", view_text(hit->content_type));
    json_object_set_new(view, "owner", view_text(hit->owner));
    json_object_set_new(view, "created_at", view_time(hit->created_at));
    json_object_set_new(view, "page", json_integer(hit->page));
    json_object_set_new(view, "score", json_real(hit->score));
    json_object_set_new(view, "snippet", view_text(hit->snippet));
    json_object_set_new(view, "matches", matches);
    return view;
}

json_t *view_chunk(const dq_chunk *chunk)
{
    if (!chunk)
        return json_null();
    json_t *headings = json_array(), *view = json_object();
    for (size_t i = 0; i < chunk->heading_count; i++)
        json_array_append_new(headings, view_text(chunk->headings[i]));
    json_object_set_new(view, "number", json_integer(chunk->number));
    json_object_set_new(view, "page", json_integer(chunk->page));
    json_object_set_new(view, "from", json_integer(chunk->from));
    json_object_set_new(view, "to", json_integer(chunk->to));
    json_object_set_new(view, "headings", headings);
    json_object_set_new(view, "text", view_text(chunk->text));
    return view;
}
