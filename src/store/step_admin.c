/* Steps by hand: cancel, retry, bulk, purge, delete, pause, operations, tokens. */
#include "store/steps.h"

#include "base/error.h"
#include "core/policy.h"
#include "core/state.h"
#include "store/index.h"
#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BULK_SLICE = 500, PURGE_SLICE = 500 };

/* ---- one item -------------------------------------------------------------------------------- */

struct item_arguments {
    int64_t now;
    const struct id *id;
};

static int refuse(const struct item_row *item, enum event event, dq_error *error)
{
    return error_set(error, DQ_CONFLICT, "the item is %s; %s is not possible then",
                     dq_status_name(item->status), event_name(event));
}

static int cancel_item(struct db *db, int64_t now, const struct id *id, dq_error *error)
{
    struct item_row item;
    int r = load_item(db, id, &item, error);
    if (r < 0)
        return r;
    if (!transition_find(item.status, EVENT_CANCEL))
        return refuse(&item, EVENT_CANCEL, error);
    r = db_run(db, db_bind(db, SQL_ITEM_CANCEL, "bi", id, now), error);
    if (r >= 0 && item.status == DQ_IN_PROGRESS) {
        r = end_attempt(db, &item, now, "cancelled", NULL, 0, error);
        if (r >= 0)
            r = free_siblings(db, &item.document_id, now, error);
    }
    if (r >= 0)
        db_count(db, id, item.operation, (int)item.status, DQ_CANCELLED);
    return r < 0 ? r : 0;
}

static int retry_item(struct db *db, int64_t now, const struct id *id, dq_error *error)
{
    struct item_row item;
    struct id waiting;
    char text[ID_TEXT_SIZE];
    int r = load_item(db, id, &item, error);
    if (r < 0)
        return r;
    if (!transition_find(item.status, EVENT_RETRY))
        return refuse(&item, EVENT_RETRY, error);
    r = find_waiting(db, &item.document_id, item.operation, &waiting, error);
    if (r > 0) {
        id_format(&waiting, text);
        return error_set(error, DQ_CONFLICT, "item %s already waits for the same work", text);
    }
    const char *gate = r < 0 ? NULL : gate_for(db, &item.document_id, now, now, error);
    if (!gate)
        return r < 0 ? r : DQ_STORE;
    r = db_run(db, db_bind(db, SQL_ITEM_RETRY, "biti", id, now, gate, db->age_step), error);
    if (r >= 0)
        db_count(db, id, item.operation, (int)item.status, DQ_PENDING);
    return r < 0 ? r : 0;
}

static int cancel_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct item_arguments *arguments = opaque;
    (void)store;
    return cancel_item(db, arguments->now, arguments->id, error);
}

static int retry_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct item_arguments *arguments = opaque;
    (void)store;
    return retry_item(db, arguments->now, arguments->id, error);
}

int store_cancel(struct store *store, int64_t now, const struct id *item, dq_error *error)
{
    struct item_arguments arguments = {now, item};
    return store_write(store, now, cancel_step, &arguments, error);
}

int store_retry(struct store *store, int64_t now, const struct id *item, dq_error *error)
{
    struct item_arguments arguments = {now, item};
    return store_write(store, now, retry_step, &arguments, error);
}

/* ---- many items ------------------------------------------------------------------------------ */

static int delete_item(struct db *db, const struct id *id, const char *operation, int status,
                       dq_error *error)
{
    int r = db_run(db, db_bind(db, SQL_ATTEMPT_DELETE, "b", id), error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_ITEM_DELETE, "b", id), error);
    if (r >= 0)
        db_count(db, id, operation, status, -1);
    return r < 0 ? r : 0;
}

static int delete_finished(struct db *db, const struct id *id, dq_error *error)
{
    struct item_row item;
    int r = load_item(db, id, &item, error);
    if (r < 0)
        return r;
    if (!status_is_final(item.status))
        return error_set(error, DQ_CONFLICT, "the item is not finished; cancel it first");
    return delete_item(db, id, item.operation, (int)item.status, error);
}

struct bulk_arguments {
    int64_t now;
    enum dq_bulk action;
    const struct id *ids;
    size_t count;
};

/* Items whose state does not allow the action are left alone; that is no error here. */
static int bulk_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct bulk_arguments *arguments = opaque;
    int changed = 0;
    (void)store;
    for (size_t i = 0; i < arguments->count; i++) {
        const struct id *id = &arguments->ids[i];
        int r = arguments->action == DQ_BULK_RETRY    ? retry_item(db, arguments->now, id, error)
                : arguments->action == DQ_BULK_CANCEL ? cancel_item(db, arguments->now, id, error)
                                                      : delete_finished(db, id, error);
        if (r < 0 && r != DQ_CONFLICT && r != DQ_NOT_FOUND)
            return r;
        changed += r >= 0;
    }
    return changed;
}

int store_bulk(struct store *store, int64_t now, enum dq_bulk action, const struct filter *filter,
               struct id *cursor, bool *ret_more, dq_error *error)
{
    struct bulk_arguments arguments = {.now = now, .action = action};
    struct arena *arena = arena_new();
    struct id *ids = NULL;
    int r = store_list(store, now, false, filter, BULK_SLICE, cursor, arena, &ids, &arguments.count,
                       ret_more, error);
    arguments.ids = ids;
    if (r >= 0) {
        *cursor = ids[arguments.count];
        if (arguments.count > 0)
            r = store_write(store, now, bulk_step, &arguments, error);
    }
    arena_free(arena);
    return r;
}

/* ---- retention ------------------------------------------------------------------------------- */

struct doomed {
    struct id id, document_id;
    char operation[DQ_OPERATION_BYTES_MAX + 1];
    int status;
};

struct purge_arguments {
    int64_t before;
    int status;
    bool with_documents;
    struct pack_place *places; /* of the documents that went with their last item */
    size_t place_count;
    int seen;
};

static int remove_document(struct db *db, const struct id *document, struct pack_place *ret_place,
                           dq_error *error)
{
    struct rows *row = db_bind(db, SQL_DOCUMENT_LOCATE, "b", document);
    int r = db_row(db, row, error);
    if (r > 0) {
        snprintf(ret_place->pack, sizeof ret_place->pack, "%s", db_text(row, 0));
        ret_place->offset = db_int(row, 1);
        ret_place->size = db_int(row, 2);
    }
    db_done(row);
    if (r <= 0)
        return r < 0 ? r : error_set(error, DQ_NOT_FOUND, "there is no document with this id");
    static const enum sql statements[] = {SQL_RESULT_DELETE, SQL_PAGE_DELETE, SQL_DOCUMENT_DELETE};
    r = index_drop(db, document, error);
    for (size_t i = 0; r >= 0 && i < sizeof statements / sizeof statements[0]; i++)
        r = db_run(db, db_bind(db, statements[i], "b", document), error);
    db->step.documents--;
    return r;
}

static int purge_one(struct db *db, struct purge_arguments *arguments, const struct doomed *item,
                     dq_error *error)
{
    int r = delete_item(db, &item->id, item->operation, item->status, error);
    if (r < 0 || !arguments->with_documents)
        return r;
    struct rows *row = db_bind(db, SQL_ITEM_OF_DOCUMENT_ANY, "b", &item->document_id);
    r = db_row(db, row, error);
    db_done(row);
    if (r != 0)
        return r;
    return remove_document(db, &item->document_id, &arguments->places[arguments->place_count++],
                           error);
}

static int purge_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct purge_arguments *arguments = opaque;
    struct doomed *doomed = calloc(PURGE_SLICE, sizeof *doomed);
    arguments->place_count = 0;
    int count = 0, r;
    (void)store;
    if (!doomed)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    const char *status =
        arguments->status < 0 ? NULL : dq_status_name((enum dq_status)arguments->status);
    struct rows *rows =
        db_bind(db, SQL_FINISHED_BEFORE, "iti", arguments->before, status, (int64_t)PURGE_SLICE);
    while ((r = db_row(db, rows, error)) > 0) {
        const char *name = db_text(rows, 3);
        doomed[count].id = db_id(rows, 0);
        doomed[count].document_id = db_id(rows, 1);
        doomed[count].status = dq_status_parse(name, strlen(name));
        snprintf(doomed[count++].operation, sizeof doomed->operation, "%s", db_text(rows, 2));
    }
    for (int i = 0; r >= 0 && i < count; i++)
        r = purge_one(db, arguments, &doomed[i], error);
    free(doomed);
    arguments->seen = count;
    return r < 0 ? r : count;
}

int store_purge(struct store *store, int64_t finished_before, int status, bool with_documents,
                bool *ret_more, dq_error *error)
{
    struct pack_place places[PURGE_SLICE];
    struct purge_arguments arguments = {finished_before, status, with_documents, places, 0, 0};
    int r = store_write(store, finished_before, purge_step, &arguments, error);
    for (size_t i = 0; r >= 0 && i < arguments.place_count; i++)
        pack_discard(store->packs, &places[i]);
    *ret_more = arguments.seen == PURGE_SLICE;
    return r;
}

struct delete_arguments {
    int64_t now;
    const struct id *document;
    struct pack_place place;
};

static int delete_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct delete_arguments *arguments = opaque;
    struct doomed item;
    int r = 0;
    (void)store;
    for (;;) {
        struct rows *row = db_bind(db, SQL_ITEM_OF_DOCUMENT_LIST, "b", arguments->document);
        r = db_row(db, row, error);
        if (r > 0) {
            const char *name = db_text(row, 2);
            item.id = db_id(row, 0);
            item.status = dq_status_parse(name, strlen(name));
            snprintf(item.operation, sizeof item.operation, "%s", db_text(row, 1));
        }
        db_done(row);
        if (r <= 0)
            break;
        db->step.recall |= item.status == DQ_IN_PROGRESS;
        r = delete_item(db, &item.id, item.operation, item.status, error);
        if (r < 0)
            break;
    }
    return r < 0 ? r : remove_document(db, arguments->document, &arguments->place, error);
}

int store_delete_document(struct store *store, int64_t now, const struct id *document,
                          dq_error *error)
{
    struct delete_arguments arguments = {.now = now, .document = document};
    int r = store_write(store, now, delete_step, &arguments, error);
    if (r >= 0)
        pack_discard(store->packs, &arguments.place);
    return r;
}

/* ---- switches, operations, tokens ------------------------------------------------------------ */

struct pause_arguments {
    int64_t paused_at;
    const char *operation;
};

static int pause_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct pause_arguments *arguments = opaque;
    dq_operation policy;
    char text[24];
    (void)store;
    db->step.work = true;
    if (arguments->operation) {
        int r = load_operation(db, arguments->operation, &policy, error);
        return r < 0 ? r
                     : db_run(db,
                              db_bind(db, SQL_OPERATION_PAUSE, "ti", arguments->operation,
                                      arguments->paused_at),
                              error);
    }
    snprintf(text, sizeof text, "%lld", (long long)arguments->paused_at);
    return db_run(db,
                  arguments->paused_at ? db_bind(db, SQL_META_PUT, "tt", "paused_at", text)
                                       : db_bind(db, SQL_META_DELETE, "t", "paused_at"),
                  error);
}

int store_pause(struct store *store, int64_t paused_at, const char *operation, dq_error *error)
{
    struct pause_arguments arguments = {paused_at, operation};
    return store_write(store, paused_at, pause_step, &arguments, error);
}

static int define_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const dq_operation *operation = opaque;
    (void)store;
    return db_run(db,
                  db_bind(db, SQL_OPERATION_PUT, "ttiifiii", operation->name, operation->kind,
                          (int64_t)operation->max_attempts, operation->backoff_base,
                          operation->backoff_factor, operation->backoff_cap,
                          (int64_t)operation->crash_budget, operation->timeout),
                  error);
}

int store_define_operation(struct store *store, const dq_operation *operation, dq_error *error)
{
    dq_operation copy = *operation;
    return store_write(store, 0, define_step, &copy, error);
}

static int token_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const dq_token *token = opaque;
    (void)store;
    return db_run(db,
                  db_bind(db, SQL_TOKEN_INSERT, "tdtiii", token->id, token->digest, token->name,
                          (int64_t)token->scopes, token->created_at, token->expires_at),
                  error);
}

int store_token_add(struct store *store, const dq_token *token, dq_error *error)
{
    dq_token copy = *token;
    return store_write(store, 0, token_step, &copy, error);
}

struct revoke_arguments {
    int64_t now;
    const char *id;
};

static int revoke_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct revoke_arguments *arguments = opaque;
    (void)store;
    int r = db_run(db, db_bind(db, SQL_TOKEN_REVOKE, "ti", arguments->id, arguments->now), error);
    return r != 0 ? r : error_set(error, DQ_NOT_FOUND, "there is no valid token with this id");
}

int store_token_revoke(struct store *store, int64_t now, const char *id, dq_error *error)
{
    struct revoke_arguments arguments = {now, id};
    return store_write(store, now, revoke_step, &arguments, error);
}
