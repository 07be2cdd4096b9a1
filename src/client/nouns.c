/* Each noun is a table of its members; one reader fills all of them. */
#include "client/nouns.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/scope.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    CHARS,   /* char[size] */
    TEXT,    /* const char * */
    JSON,    /* const char *: any value as JSON text */
    NUMBER,  /* int or int64_t, as its size says */
    REAL,    /* double */
    SECONDS, /* int64_t microseconds */
    TIME,    /* int64_t */
    BOOLEAN, /* bool */
    STATUS,  /* enum dq_status */
};

#define PART_SIZE 32

/* `name` may go down into objects: "lease/expires_at". */
struct member {
    const char *name;
    enum kind kind;
    size_t offset, size;
};

#define MEMBER(noun, field, name, kind)                                                            \
    {                                                                                              \
        name, kind, offsetof(noun, field), sizeof(((noun *)NULL)->field)                           \
    }
#define COUNT(members) (sizeof(members) / sizeof((members)[0]))

/* ---- one member ------------------------------------------------------------------------------ */

static int wrong(const struct member *member, dq_error *error)
{
    return error_set(error, DQ_INTERNAL,
                     "the server's answer cannot be understood at \"%s\"; are both of the same "
                     "version?",
                     member->name);
}

static const json_t *find(const json_t *json, const char *name)
{
    char part[PART_SIZE];
    for (const char *slash; json && (slash = strchr(name, '/')); name = slash + 1) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        json = json_object_get(json, part);
    }
    return json_object_get(json, name);
}

static bool read_chars(const json_t *value, size_t size, char *target)
{
    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    memcpy(target, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_number(const json_t *value, size_t size, void *target)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value))
        return false;
    if (size == sizeof(int64_t))
        *(int64_t *)target = number;
    else if (number >= INT_MIN && number <= INT_MAX)
        *(int *)target = (int)number;
    else
        return false;
    return true;
}

static bool read_seconds(const json_t *value, int64_t *target)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value) || seconds < 0 || seconds > (double)(INT64_MAX / US_PER_S / 2))
        return false;
    *target = (int64_t)(seconds * (double)US_PER_S + 0.5);
    return true;
}

static bool read_time(const json_t *value, int64_t *target)
{
    int64_t time = json_is_string(value) ? clock_parse(json_string_value(value)) : -1;
    if (time >= 0)
        *target = time;
    return time >= 0;
}

static bool read_status(const json_t *value, enum dq_status *target)
{
    const char *name = json_string_value(value);
    int status = name ? dq_status_parse(name, json_string_length(value)) : -1;
    if (status >= 0)
        *target = (enum dq_status)status;
    return status >= 0;
}

static bool read_json(const json_t *value, struct arena *arena, const char **target)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    *target = arena_strdup(arena, text);
    free(text);
    return *target != NULL;
}

static bool read_member(const struct member *member, const json_t *value, struct arena *arena,
                        void *target)
{
    switch (member->kind) {
    case CHARS:
        return read_chars(value, member->size, target);
    case TEXT:
        if (json_is_string(value))
            *(const char **)target =
                arena_strndup(arena, json_string_value(value), json_string_length(value));
        return json_is_string(value);
    case JSON:
        return read_json(value, arena, target);
    case NUMBER:
        return read_number(value, member->size, target);
    case REAL:
        *(double *)target = json_number_value(value);
        return json_is_number(value);
    case SECONDS:
        return read_seconds(value, target);
    case TIME:
        return read_time(value, target);
    case BOOLEAN:
        *(bool *)target = json_is_true(value);
        return json_is_boolean(value);
    case STATUS:
        return read_status(value, target);
    }
    return false;
}

static int read_members(const json_t *json, const struct member *members, size_t count,
                        struct arena *arena, void *noun, dq_error *error)
{
    if (!json_is_object(json))
        return wrong(&members[0], error);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = find(json, members[i].name);
        if (value && !json_is_null(value) &&
            !read_member(&members[i], value, arena, (char *)noun + members[i].offset))
            return wrong(&members[i], error);
    }
    return 0;
}

/* What no noun of its kind is without. */
static int check_given(const char *value, const char *name, dq_error *error)
{
    const struct member member = {.name = name};
    return value && value[0] ? 0 : wrong(&member, error);
}

/* ---- the nouns ------------------------------------------------------------------------------- */

static const struct member attempt_members[] = {
    MEMBER(dq_attempt, number, "number", NUMBER),
    MEMBER(dq_attempt, epoch, "epoch", NUMBER),
    MEMBER(dq_attempt, started_at, "started_at", TIME),
    MEMBER(dq_attempt, ended_at, "ended_at", TIME),
    MEMBER(dq_attempt, worker, "worker", TEXT),
    MEMBER(dq_attempt, outcome, "outcome", TEXT),
    MEMBER(dq_attempt, error_code, "error/code", TEXT),
    MEMBER(dq_attempt, error_message, "error/message", TEXT),
    MEMBER(dq_attempt, signal, "signal", NUMBER),
    MEMBER(dq_attempt, limit, "limit", TEXT),
    MEMBER(dq_attempt, peak_memory, "peak_memory_bytes", NUMBER),
};

static int noun_attempt(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    return read_members(json, attempt_members, COUNT(attempt_members), arena, noun, error);
}

static const struct member item_members[] = {
    MEMBER(dq_item, id, "id", CHARS),
    MEMBER(dq_item, document_id, "document_id", CHARS),
    MEMBER(dq_item, superseded_by, "superseded_by", CHARS),
    MEMBER(dq_item, operation, "operation", TEXT),
    MEMBER(dq_item, filename, "filename", TEXT),
    MEMBER(dq_item, priority, "priority", NUMBER),
    MEMBER(dq_item, status, "status", STATUS),
    MEMBER(dq_item, waiting, "waiting", TEXT),
    MEMBER(dq_item, attempts, "attempts", NUMBER),
    MEMBER(dq_item, max_attempts, "max_attempts", NUMBER),
    MEMBER(dq_item, crashes, "crashes", NUMBER),
    MEMBER(dq_item, epoch, "epoch", NUMBER),
    MEMBER(dq_item, created_at, "created_at", TIME),
    MEMBER(dq_item, due_at, "due_at", TIME),
    MEMBER(dq_item, started_at, "started_at", TIME),
    MEMBER(dq_item, finished_at, "finished_at", TIME),
    MEMBER(dq_item, worker, "worker", TEXT),
    MEMBER(dq_item, lease_expires_at, "lease/expires_at", TIME),
    MEMBER(dq_item, progress_stage, "progress/stage", TEXT),
    MEMBER(dq_item, progress_done, "progress/done", NUMBER),
    MEMBER(dq_item, progress_total, "progress/total", NUMBER),
    MEMBER(dq_item, error_code, "error/code", TEXT),
    MEMBER(dq_item, error_message, "error/message", TEXT),
    MEMBER(dq_item, error_retryable, "error/retryable", BOOLEAN),
    MEMBER(dq_item, created, "created", BOOLEAN),
};

int noun_item(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_item *item = noun;
    int code = read_members(json, item_members, COUNT(item_members), arena, item, error);
    if (code == 0)
        code = check_given(item->id, "id", error);
    if (code == 0)
        code = check_given(item->operation, "operation", error);
    if (code < 0 || !json_object_get(json, "history"))
        return code;
    item->history = noun_array(json, "history", noun_attempt, sizeof *item->history, arena,
                               &item->history_count, error);
    return item->history ? 0 : DQ_INTERNAL;
}

static const struct member document_members[] = {
    MEMBER(dq_document, id, "id", CHARS),
    MEMBER(dq_document, filename, "filename", TEXT),
    MEMBER(dq_document, content_type, "content_type", TEXT),
    MEMBER(dq_document, size, "size", NUMBER),
    MEMBER(dq_document, sha256, "sha256", CHARS),
    MEMBER(dq_document, metadata, "metadata", JSON),
    MEMBER(dq_document, owner, "owner", TEXT),
    MEMBER(dq_document, created_at, "created_at", TIME),
    MEMBER(dq_document, status, "status", STATUS),
    MEMBER(dq_document, pages, "result/pages", NUMBER),
    MEMBER(dq_document, text_bytes, "result/text_bytes", NUMBER),
    MEMBER(dq_document, partial, "result/partial", BOOLEAN),
    MEMBER(dq_document, result_metadata, "result/metadata", JSON),
    MEMBER(dq_document, problems, "result/problems", JSON),
    MEMBER(dq_document, processed_at, "result/processed_at", TIME),
};

int noun_document(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_document *document = noun;
    int code =
        read_members(json, document_members, COUNT(document_members), arena, document, error);
    const json_t *item = json_object_get(json, "item");
    document->has_result = json_is_object(json_object_get(json, "result"));
    if (code == 0)
        code = check_given(document->id, "id", error);
    if (code == 0)
        code = check_given(document->filename, "filename", error);
    if (code < 0 || !item || json_is_null(item))
        return code;
    document->item = arena_alloc(arena, sizeof *document->item);
    return noun_item(item, arena, document->item, error);
}

static const struct member lease_members[] = {MEMBER(dq_lease, token, "token", CHARS)};

int noun_lease(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_lease *lease = noun;
    int code = read_members(json, lease_members, COUNT(lease_members), arena, lease, error);
    if (code == 0)
        code = check_given(lease->token, "token", error);
    if (code == 0)
        code = noun_item(json_object_get(json, "item"), arena, &lease->item, error);
    return code < 0
               ? code
               : noun_document(json_object_get(json, "document"), arena, &lease->document, error);
}

#define COUNTS(noun)                                                                               \
    MEMBER(noun, counts[DQ_PENDING], "pending", NUMBER),                                           \
        MEMBER(noun, counts[DQ_IN_PROGRESS], "in_progress", NUMBER),                               \
        MEMBER(noun, counts[DQ_COMPLETED], "completed", NUMBER),                                   \
        MEMBER(noun, counts[DQ_FAILED], "failed", NUMBER),                                         \
        MEMBER(noun, counts[DQ_CANCELLED], "cancelled", NUMBER)

static const struct member operation_members[] = {
    MEMBER(dq_operation, name, "name", TEXT),
    MEMBER(dq_operation, kind, "kind", TEXT),
    MEMBER(dq_operation, max_attempts, "max_attempts", NUMBER),
    MEMBER(dq_operation, backoff_base, "backoff_base_seconds", SECONDS),
    MEMBER(dq_operation, backoff_cap, "backoff_cap_seconds", SECONDS),
    MEMBER(dq_operation, backoff_factor, "backoff_factor", REAL),
    MEMBER(dq_operation, crash_budget, "crash_budget", NUMBER),
    MEMBER(dq_operation, timeout, "timeout_seconds", SECONDS),
    MEMBER(dq_operation, paused_at, "paused_at", TIME),
    COUNTS(dq_operation),
};

static int noun_operation(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_operation *operation = noun;
    int code =
        read_members(json, operation_members, COUNT(operation_members), arena, operation, error);
    if (code == 0)
        code = check_given(operation->name, "name", error);
    return code < 0 ? code : check_given(operation->kind, "kind", error);
}

static const struct member stats_members[] = {
    COUNTS(dq_queue_stats),
    MEMBER(dq_queue_stats, documents, "documents", NUMBER),
    MEMBER(dq_queue_stats, due, "due", NUMBER),
    MEMBER(dq_queue_stats, oldest_due_age, "oldest_due_age_seconds", SECONDS),
    MEMBER(dq_queue_stats, enqueued_per_minute, "enqueued_per_minute", NUMBER),
    MEMBER(dq_queue_stats, completed_per_minute, "completed_per_minute", NUMBER),
    MEMBER(dq_queue_stats, failed_per_minute, "failed_per_minute", NUMBER),
    MEMBER(dq_queue_stats, paused_at, "paused_at", TIME),
    MEMBER(dq_queue_stats, workers, "workers", NUMBER),
};

int noun_stats(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_queue_stats *stats = noun;
    int code = read_members(json, stats_members, COUNT(stats_members), arena, stats, error);
    if (code < 0)
        return code;
    stats->operations = noun_array(json, "operations", noun_operation, sizeof *stats->operations,
                                   arena, &stats->operation_count, error);
    return stats->operations ? 0 : DQ_INTERNAL;
}

static const struct member worker_members[] = {
    MEMBER(dq_worker, id, "id", CHARS),
    MEMBER(dq_worker, name, "name", TEXT),
    MEMBER(dq_worker, pid, "pid", NUMBER),
    MEMBER(dq_worker, local, "local", BOOLEAN),
    MEMBER(dq_worker, alive, "alive", BOOLEAN),
    MEMBER(dq_worker, started_at, "started_at", TIME),
    MEMBER(dq_worker, seen_at, "seen_at", TIME),
    MEMBER(dq_worker, in_progress, "in_progress", NUMBER),
};

int noun_worker(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    return read_members(json, worker_members, COUNT(worker_members), arena, noun, error);
}

static const struct member hit_members[] = {
    MEMBER(dq_hit, document_id, "document_id", CHARS),
    MEMBER(dq_hit, filename, "filename", TEXT),
    MEMBER(dq_hit, content_type, "content_type", TEXT),
    MEMBER(dq_hit, owner, "owner", TEXT),
    MEMBER(dq_hit, created_at, "created_at", TIME),
    MEMBER(dq_hit, page, "page", NUMBER),
    MEMBER(dq_hit, score, "score", REAL),
    MEMBER(dq_hit, snippet, "snippet", TEXT),
};

static int noun_span(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    static const struct member member = {.name = "matches"};
    dq_span *span = noun;
    (void)arena;
    bool good = json_array_size(json) == 2 &&
                read_number(json_array_get(json, 0), sizeof span->from, &span->from) &&
                read_number(json_array_get(json, 1), sizeof span->to, &span->to);
    return good ? 0 : wrong(&member, error);
}

int noun_hit(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_hit *hit = noun;
    int code = read_members(json, hit_members, COUNT(hit_members), arena, hit, error);
    if (code == 0)
        code = check_given(hit->document_id, "document_id", error);
    if (code < 0)
        return code;
    hit->matches = noun_array(json, "matches", noun_span, sizeof *hit->matches, arena,
                              &hit->match_count, error);
    return hit->matches ? 0 : DQ_INTERNAL;
}

static const struct member page_members[] = {
    MEMBER(dq_page, number, "number", NUMBER),
    MEMBER(dq_page, text, "text", TEXT),
};

int noun_page(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_page *page = noun;
    int code = read_members(json, page_members, COUNT(page_members), arena, page, error);
    if (code == 0 && !page->text)
        code = wrong(&page_members[1], error);
    page->text_bytes = json_string_length(json_object_get(json, "text"));
    return code;
}

static const struct member token_members[] = {
    MEMBER(dq_token, id, "id", CHARS),
    MEMBER(dq_token, name, "name", TEXT),
    MEMBER(dq_token, created_at, "created_at", TIME),
    MEMBER(dq_token, expires_at, "expires_at", TIME),
    MEMBER(dq_token, revoked_at, "revoked_at", TIME),
};

int noun_token(const json_t *json, struct arena *arena, void *noun, dq_error *error)
{
    dq_token *token = noun;
    const json_t *scopes = json_object_get(json, "scopes");
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const json_t *name = json_array_get(scopes, i);
        if (json_is_string(name))
            token->scopes |= scope_find(json_string_value(name), json_string_length(name));
    }
    return read_members(json, token_members, COUNT(token_members), arena, token, error);
}

/* ---- parts of answers ------------------------------------------------------------------------ */

void *noun_array(const json_t *answer, const char *name, noun_fn *read, size_t size,
                 struct arena *arena, size_t *ret_count, dq_error *error)
{
    const struct member member = {.name = name};
    const json_t *list = json_object_get(answer, name);
    if (!json_is_array(list)) {
        wrong(&member, error);
        return NULL;
    }
    size_t count = json_array_size(list);
    char *array = arena_alloc(arena, (count + 1) * size);
    for (size_t i = 0; i < count; i++)
        if (read(json_array_get(list, i), arena, array + i * size, error) < 0)
            return NULL;
    *ret_count = count;
    return array;
}

int noun_refusal(const json_t *result, dq_error *error)
{
    const struct member member = {.name = "error/code"};
    const json_t *why = json_object_get(result, "error");
    const char *slug = json_string_value(json_object_get(why, "code"));
    const char *title = json_string_value(json_object_get(why, "title"));
    const struct error_row *row = slug ? error_find(slug) : NULL;
    if (!row)
        return wrong(&member, error);
    if (error && error->code == 0)
        error_set(error, row->code, "%s", title ? title : row->title);
    return row->code;
}

static int read_one(const json_t *answer, struct member member, struct arena *arena, void *target,
                    dq_error *error)
{
    return read_members(answer, &member, 1, arena, target, error);
}

int noun_text(const json_t *answer, const char *name, struct arena *arena, const char **ret_text,
              dq_error *error)
{
    return read_one(answer, (struct member){name, TEXT, 0, 0}, arena, ret_text, error);
}

int noun_number(const json_t *answer, const char *name, int64_t *ret_number, dq_error *error)
{
    struct member member = {name, NUMBER, 0, sizeof *ret_number};
    return read_one(answer, member, NULL, ret_number, error);
}

int noun_time(const json_t *answer, const char *name, int64_t *ret_time, dq_error *error)
{
    return read_one(answer, (struct member){name, TIME, 0, 0}, NULL, ret_time, error);
}

int noun_status(const json_t *answer, const char *name, enum dq_status *ret_status, dq_error *error)
{
    return read_one(answer, (struct member){name, STATUS, 0, 0}, NULL, ret_status, error);
}

int noun_chars(const json_t *answer, const char *name, char *ret_chars, size_t size,
               dq_error *error)
{
    int code = read_one(answer, (struct member){name, CHARS, 0, size}, NULL, ret_chars, error);
    return code < 0 ? code : check_given(ret_chars, name, error);
}
