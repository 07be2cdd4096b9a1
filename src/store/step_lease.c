/* Steps of a lease's life: claim, heartbeat, complete, fail, release. Every write is fenced. */
#include "store/steps.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/policy.h"
#include "store/index.h"
#include "store/rank.h"
#include "store/read.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

enum { DUE_SLICE = 1000, CLAIM_OPERATIONS_MAX = 64 };

int load_item(struct db *db, const struct id *id, struct item_row *ret_item, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_ITEM_LOCK, "b", id);
    int r = db_row(db, row, error);
    if (r > 0) {
        const char *status = db_text(row, 4), *worker = db_text(row, 14);
        *ret_item = (struct item_row){
            .id = *id,
            .document_id = db_id(row, 1),
            .priority = (int)db_int(row, 3),
            .status = (enum dq_status)dq_status_parse(status, strlen(status)),
            .attempts = (int)db_int(row, 6),
            .errors = (int)db_int(row, 7),
            .crashes = (int)db_int(row, 8),
            .epoch = db_int(row, 9),
            .due_at = db_int(row, 11),
            .started_at = db_int(row, 12),
        };
        snprintf(ret_item->operation, sizeof ret_item->operation, "%s", db_text(row, 2));
        snprintf(ret_item->worker, sizeof ret_item->worker, "%s", worker ? worker : "");
    }
    db_done(row);
    return r > 0 ? 0 : r < 0 ? r : error_set(error, DQ_NOT_FOUND, "there is no item with this id");
}

int free_siblings(struct db *db, const struct id *document, int64_t now, dq_error *error)
{
    int r = db_run(db, db_bind(db, SQL_SIBLINGS_FREE, "bi", document, now), error);
    if (r > 0)
        db->step.work = true;
    return r < 0 ? r : 0;
}

int end_attempt(struct db *db, const struct item_row *item, int64_t now, const char *outcome,
                const dq_failure *failure, int64_t peak_memory, dq_error *error)
{
    static const dq_failure none;
    const dq_failure *why = failure ? failure : &none;
    int r = db_run(db,
                   db_bind(db, SQL_ATTEMPT_INSERT,
                           "biiiitttt"
                           "iti",
                           &item->id, (int64_t)item->attempts, item->epoch, item->started_at, now,
                           item->worker, outcome, why->code, why->message, (int64_t)why->signal,
                           why->limit, peak_memory ? peak_memory : why->peak_memory),
                   error);
    return r < 0 ? r : 0;
}

/* ---- claim ----------------------------------------------------------------------------------- */

static int queue_paused(struct db *db, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_META_GET, "t", "paused_at");
    int r = db_row(db, row, error);
    db_done(row);
    return r;
}

/* 1 and *ret_id: the best head among the operations; 0: nothing is ready. */
static int best_head(struct db *db, const char *const *operations, struct id *ret_id,
                     dq_error *error)
{
    int64_t best = INT64_MAX;
    int found = 0;
    for (int i = 0; operations[i]; i++) {
        struct rows *row = db_bind(db, SQL_READY_HEAD, "t", operations[i]);
        int r = db_row(db, row, error);
        if (r < 0)
            return r;
        if (r > 0 && (!found || db_int(row, 1) < best)) {
            best = db_int(row, 1);
            *ret_id = db_id(row, 0);
            found = 1;
        }
        db_done(row);
    }
    return found;
}

/* Leaves out what is paused or unknown. */
static int offered(struct db *db, const char *const *operations, const char **ret_list,
                   dq_error *error)
{
    int count = 0;
    for (int i = 0; operations[i] && count < CLAIM_OPERATIONS_MAX; i++) {
        dq_operation policy;
        int r = load_operation(db, operations[i], &policy, error);
        if (r < 0)
            return r;
        if (!policy.paused_at)
            ret_list[count++] = operations[i];
    }
    ret_list[count] = NULL;
    return count;
}

static int take(struct store *store, struct db *db, struct claim_arguments *arguments,
                const struct id *id, dq_error *error)
{
    const struct claim *claim = arguments->claim;
    dq_lease *lease = &arguments->leases[arguments->count];
    struct id *session = claim->worker ? NULL : &store->session;
    struct id document;
    int r =
        db_run(db,
               db_bind(db, SQL_ITEM_CLAIM, "bitbi", id, arguments->now,
                       claim->worker ? claim->worker : store->worker, session, claim->lease_time),
               error);
    if (r == 0)
        return error_set(error, DQ_CONFLICT,
                         "the item is not waiting to be claimed: it is taken, finished, not due, "
                         "or its document has another item in progress");
    if (r > 0)
        r = read_item(db, arguments->now, id, false, arguments->arena, &lease->item, error);
    if (r < 0)
        return r;
    id_parse(lease->item.document_id, &document);
    db_count(db, id, lease->item.operation, DQ_PENDING, DQ_IN_PROGRESS);
    r = db_run(db, db_bind(db, SQL_SIBLINGS_BLOCK, "b", &document), error);
    if (r >= 0)
        r = read_document(db, &document, arguments->arena, &lease->document, error);
    arguments->count++;
    return r;
}

static int take_heads(struct store *store, struct db *db, struct claim_arguments *arguments,
                      dq_error *error)
{
    const char *list[CLAIM_OPERATIONS_MAX + 1];
    struct id id;
    int r = offered(db, arguments->claim->operations, list, error);
    while (r > 0 && arguments->count < (size_t)arguments->claim->limit) {
        r = best_head(db, list, &id, error);
        if (r > 0) {
            r = take(store, db, arguments, &id, error);
            r = r < 0 ? r : 1;
        }
    }
    return r;
}

static int take_one(struct store *store, struct db *db, struct claim_arguments *arguments,
                    dq_error *error)
{
    struct item_row item;
    dq_operation policy = {0};
    int r = load_item(db, arguments->claim->item, &item, error);
    if (r >= 0)
        r = load_operation(db, item.operation, &policy, error);
    if (r >= 0 && policy.paused_at)
        r = error_set(error, DQ_CONFLICT, "the operation \"%s\" is paused", item.operation);
    return r < 0 ? r : take(store, db, arguments, arguments->claim->item, error);
}

static int claim_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct claim_arguments *arguments = opaque;
    const struct claim *claim = arguments->claim;
    arguments->count = 0;
    int r =
        db_run(db, db_bind(db, SQL_ITEM_DUE_NOW, "ii", arguments->now, (int64_t)DUE_SLICE), error);
    if (r >= 0)
        r = queue_paused(db, error);
    if (r > 0)
        return claim->item ? error_set(error, DQ_CONFLICT, "the queue is paused") : 0;
    if (r >= 0 && claim->item)
        r = take_one(store, db, arguments, error);
    else if (r >= 0)
        r = take_heads(store, db, arguments, error);
    if (r >= 0 && arguments->count > 0 && !claim->worker)
        r = know_session(store, db, arguments->now, error);
    return r;
}

int store_claim(struct store *store, int64_t now, const struct claim *claim, struct arena *arena,
                dq_lease **ret_leases, size_t *ret_count, dq_error *error)
{
    size_t room = (size_t)(claim->item ? 1 : claim->limit);
    struct claim_arguments arguments = {now, claim, arena, NULL, 0};
    arguments.leases = arena_alloc(arena, room * sizeof *arguments.leases);
    step_fn *next = store->engine->claim && !claim->item ? store->engine->claim : claim_step;
    int r = store_write(store, now, next, &arguments, error);
    if (r < 0)
        return r;
    *ret_leases = arguments.leases;
    *ret_count = arguments.count;
    return 0;
}

/* ---- what a holder does ---------------------------------------------------------------------- */

struct held_arguments {
    int64_t now;
    const struct held *held;
    const dq_progress *progress;
    const dq_result *result;
    const dq_failure *failure;
    uint64_t random;
    int64_t expires_at;
    enum dq_status status;
};

static int lost(dq_error *error)
{
    return error_set(error, DQ_LEASE_LOST,
                     "the lease has been lost: it expired, or the item was cancelled or deleted; "
                     "stop working on it");
}

/* The item, if the lease still stands. */
static int load_held(struct db *db, const struct held *held, struct item_row *ret_item,
                     dq_error *error)
{
    int r = load_item(db, &held->item, ret_item, error);
    if (r == DQ_NOT_FOUND)
        return lost(error);
    if (r >= 0 && (ret_item->status != DQ_IN_PROGRESS || ret_item->epoch != held->epoch))
        return lost(error);
    return r;
}

/* A repeated report gets the answer of the first: true where this lease ended with `outcome`. */
bool ended_with(struct db *db, const struct held *held, const char *outcome)
{
    struct rows *row = db_bind(db, SQL_ATTEMPT_OUTCOME, "bi", &held->item, held->epoch);
    bool same = db_row(db, row, NULL) > 0 && strcmp(db_text(row, 0), outcome) == 0;
    db_done(row);
    return same;
}

static int heartbeat_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct held_arguments *arguments = opaque;
    const dq_progress *progress = arguments->progress;
    const struct held *held = arguments->held;
    struct rows *row = db_bind(db, SQL_ITEM_HEARTBEAT, progress ? "biitii" : "biinnn", &held->item,
                               held->epoch, arguments->now, progress ? progress->stage : NULL,
                               progress ? progress->done : 0, progress ? progress->total : 0);
    (void)store;
    int r = db_row(db, row, error);
    if (r > 0)
        arguments->expires_at = db_int(row, 0);
    while (r > 0)
        r = db_row(db, row, error); /* RETURNING: to the end, so that the update is whole */
    db_done(row);
    if (r < 0)
        return r;
    if (arguments->expires_at && progress)
        db_changed(db, &held->item, DQ_IN_PROGRESS);
    return arguments->expires_at ? 0 : lost(error);
}

int store_heartbeat(struct store *store, int64_t now, const struct held *held,
                    const dq_progress *progress, int64_t *ret_expires_at, dq_error *error)
{
    struct held_arguments arguments = {.now = now, .held = held, .progress = progress};
    int r = store_write(store, now, heartbeat_step, &arguments, error);
    if (r >= 0 && ret_expires_at)
        *ret_expires_at = arguments.expires_at;
    return r;
}

static int put_result(struct db *db, int64_t now, const struct item_row *item,
                      const dq_result *result, dq_error *error)
{
    int64_t text_bytes = 0;
    int r = index_forget(db, &item->document_id, error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_PAGE_DELETE, "b", &item->document_id), error);
    for (size_t i = 0; r >= 0 && i < result->page_count; i++) {
        const dq_page *page = &result->pages[i];
        if (page->number < 1 || page->number > ROW_PAGE_MAX)
            return error_field(error, DQ_INVALID, "/result/pages", "pages are counted from 1 to %d",
                               ROW_PAGE_MAX);
        r = db_run(db,
                   db_bind(db, SQL_PAGE_INSERT, "bix", &item->document_id, (int64_t)page->number,
                           page->text, page->text_bytes),
                   error);
        text_bytes += (int64_t)page->text_bytes;
    }
    if (r >= 0)
        r = index_add(db, &item->document_id, error);
    if (r >= 0)
        r = db_run(db,
                   db_bind(db, SQL_RESULT_PUT, "bbiiitti", &item->document_id, &item->id,
                           (int64_t)result->page_count, text_bytes, (int64_t)result->partial,
                           result->metadata ? result->metadata : "{}",
                           result->problems ? result->problems : "[]", now),
                   error);
    if (r >= 0 && result->content_type)
        r = db_run(
            db, db_bind(db, SQL_DOCUMENT_TYPE_SET, "bt", &item->document_id, result->content_type),
            error);
    return r;
}

static int complete_one(struct db *db, int64_t now, const struct held *held,
                        const dq_result *result, dq_error *error)
{
    struct item_row item;
    int r = load_held(db, held, &item, error);
    if (r == DQ_LEASE_LOST && ended_with(db, held, "completed"))
        return 0;
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_ITEM_COMPLETE, "bii", &item.id, item.epoch, now), error);
    if (r >= 0)
        r = end_attempt(db, &item, now, "completed", NULL, result ? result->peak_memory : 0, error);
    if (r >= 0 && result)
        r = put_result(db, now, &item, result, error);
    if (r >= 0)
        r = free_siblings(db, &item.document_id, now, error);
    if (r >= 0)
        db_count(db, &item.id, item.operation, DQ_IN_PROGRESS, DQ_COMPLETED);
    return r;
}

static int complete_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct held_arguments *arguments = opaque;
    (void)store;
    return complete_one(db, arguments->now, arguments->held, arguments->result, error);
}

int complete_many_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct many_arguments *many = opaque;
    int completed = 0;
    (void)store;
    for (size_t i = 0; i < many->count; i++) {
        if (many->codes[i] < 0)
            continue;
        int r = complete_one(db, many->now, &many->held[i], NULL, error);
        if (r < 0 && r != DQ_LEASE_LOST)
            return r;
        many->codes[i] = r < 0 ? r : 0;
        completed += r >= 0;
    }
    return completed;
}

int store_complete_many(struct store *store, int64_t now, const struct held *held, size_t count,
                        int *codes, dq_error *error)
{
    struct many_arguments many = {now, held, count, codes};
    return store_write(store, now, complete_many_step, &many, error);
}

int store_complete(struct store *store, int64_t now, const struct held *held,
                   const dq_result *result, dq_error *error)
{
    int code = 0;
    if (!result) {
        int r = store_complete_many(store, now, held, 1, &code, error);
        return r < 0 ? r : code < 0 ? lost(error) : 0;
    }
    struct held_arguments arguments = {.now = now, .held = held, .result = result};
    return store_write(store, now, complete_step, &arguments, error);
}

static int fail_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    static const struct {
        const char *outcome;
        enum dq_status status;
    } past[] = {{"retried", DQ_PENDING}, {"failed", DQ_FAILED}, {"superseded", DQ_CANCELLED}};
    struct held_arguments *arguments = opaque;
    struct item_row item;
    (void)store;
    int r = load_held(db, arguments->held, &item, error);
    for (size_t i = 0; r == DQ_LEASE_LOST && i < sizeof past / sizeof past[0]; i++)
        if (ended_with(db, arguments->held, past[i].outcome)) {
            arguments->status = past[i].status;
            return 0;
        }
    if (r < 0)
        return r;
    return apply_failure(db, arguments->now, &item, arguments->failure, "retried",
                         arguments->random, &arguments->status, error);
}

int store_fail(struct store *store, int64_t now, const struct held *held, const dq_failure *failure,
               uint64_t random, enum dq_status *ret_status, dq_error *error)
{
    struct held_arguments arguments = {
        .now = now, .held = held, .failure = failure, .random = random};
    int r = store_write(store, now, fail_step, &arguments, error);
    if (r >= 0 && ret_status)
        *ret_status = arguments.status;
    return r;
}

static int release_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct held_arguments *arguments = opaque;
    struct item_row item;
    struct id newer;
    (void)store;
    int r = load_held(db, arguments->held, &item, error);
    if (r >= 0)
        r = find_waiting(db, &item.document_id, item.operation, &newer, error);
    if (r < 0)
        return r;
    bool superseded = r > 0;
    r = superseded ? db_run(db,
                            db_bind(db, SQL_ITEM_SUPERSEDE, "biibti", &item.id, item.epoch,
                                    arguments->now, &newer, NULL, (int64_t)1),
                            error)
                   : db_run(db, db_bind(db, SQL_ITEM_RELEASE, "bi", &item.id, item.epoch), error);
    if (r >= 0)
        r = free_siblings(db, &item.document_id, arguments->now, error);
    if (r >= 0)
        db_count(db, &item.id, item.operation, DQ_IN_PROGRESS,
                 superseded ? DQ_CANCELLED : DQ_PENDING);
    return r;
}

int store_release(struct store *store, int64_t now, const struct held *held, dq_error *error)
{
    struct held_arguments arguments = {.now = now, .held = held};
    return store_write(store, now, release_step, &arguments, error);
}
