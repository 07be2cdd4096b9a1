/* Steps that put work in: upload, enqueue. */
#include "store/steps.h"

#include "base/error.h"
#include "core/policy.h"
#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void known_operations(struct db *db, char *list, size_t size)
{
    struct rows *rows = db_bind(db, SQL_OPERATION_LIST, "");
    list[0] = '\0';
    while (db_row(db, rows, NULL) > 0) {
        size_t used = strlen(list);
        snprintf(list + used, size - used, "%s%s", used ? ", " : "", db_text(rows, 0));
    }
}

int load_operation(struct db *db, const char *name, dq_operation *ret_operation, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_OPERATION_GET, "t", name);
    int r = db_row(db, row, error);
    if (r > 0)
        *ret_operation = (dq_operation){
            .name = name,
            .max_attempts = (int)db_int(row, 2),
            .backoff_base = db_int(row, 3),
            .backoff_factor = db_double(row, 4),
            .backoff_cap = db_int(row, 5),
            .crash_budget = (int)db_int(row, 6),
            .timeout = db_int(row, 7),
            .paused_at = db_int(row, 8),
        };
    db_done(row);
    if (r != 0)
        return r < 0 ? r : 0;
    char list[200];
    known_operations(db, list, sizeof list);
    return error_field(error, DQ_INVALID, "/operation",
                       "unknown operation \"%.64s\"; known are: %s", name, list);
}

int find_waiting(struct db *db, const struct id *document, const char *operation, struct id *ret_id,
                 dq_error *error)
{
    struct rows *row = db_bind(db, SQL_WAITING_FIND, "bt", document, operation);
    int r = db_row(db, row, error);
    if (r > 0)
        *ret_id = db_id(row, 0);
    db_done(row);
    return r;
}

const char *gate_for(struct db *db, const struct id *document, int64_t due_at, int64_t now,
                     dq_error *error)
{
    struct rows *row = db_bind(db, SQL_RUNNING_FIND, "b", document);
    int r = db_row(db, row, error);
    db_done(row);
    if (r < 0)
        return NULL;
    return r > 0 ? "blocked" : due_at <= now ? "ready" : "later";
}

static int insert_item(struct db *db, int64_t now, const struct new_item *item, bool fresh_document,
                       dq_error *error)
{
    int64_t due_at = item->due_at > now ? item->due_at : now;
    const char *gate = fresh_document ? (due_at <= now ? "ready" : "later")
                                      : gate_for(db, &item->document_id, due_at, now, error);
    if (!gate)
        return DQ_STORE;
    int64_t rank = rank_of(due_at, item->priority, db->age_step);
    int r = db_run(db,
                   db_bind(db, SQL_ITEM_INSERT, "bbtitiii", &item->id, &item->document_id,
                           item->operation, (int64_t)item->priority, gate, rank, now, due_at),
                   error);
    if (r >= 0)
        db_count(db, &item->id, item->operation, -1, DQ_PENDING);
    return r < 0 ? r : 0;
}

struct upload_arguments {
    int64_t now;
    struct new_document *documents;
    size_t count;
    struct once *once;
};

static int upload_one(struct store *store, struct db *db, int64_t now,
                      struct new_document *document, dq_error *error)
{
    struct pack_place place;
    dq_operation policy;
    int r = load_operation(db, document->operation, &policy, error);
    if (r >= 0)
        r = pack_place(store->packs, db, document->incoming, &place, error);
    if (r < 0)
        return r;
    r = db_run(db,
               db_bind(db, SQL_DOCUMENT_INSERT, "bttidtttii", &document->id, document->filename,
                       document->content_type, place.size, pack_digest(document->incoming),
                       document->metadata, document->owner, place.pack, place.offset, now),
               error);
    struct new_item item = {.id = document->item_id,
                            .document_id = document->id,
                            .operation = document->operation,
                            .priority = document->priority};
    if (r >= 0)
        r = insert_item(db, now, &item, true, error);
    document->max_attempts = policy.max_attempts;
    db->step.documents++;
    return r;
}

/* "ID ITEM-ID " for each document. */
static int keep_documents(struct db *db, const struct upload_arguments *arguments, dq_error *error)
{
    size_t width = 2 * ID_TEXT_SIZE; /* a blank stands where the text ends */
    char *made = calloc(arguments->count, width + 1);
    if (!made)
        bug("out of memory");
    for (size_t i = 0; i < arguments->count; i++) {
        id_format(&arguments->documents[i].id, made + i * width);
        id_format(&arguments->documents[i].item_id, made + i * width + ID_TEXT_SIZE);
        made[i * width + ID_TEXT_SIZE - 1] = made[(i + 1) * width - 1] = ' ';
    }
    int r = once_keep(db, arguments->once, arguments->now, made, error);
    free(made);
    return r;
}

static void replay_documents(struct upload_arguments *arguments, char *made)
{
    char *rest = made;
    for (size_t i = 0; i < arguments->count; i++)
        if (!id_parse(strsep(&rest, " "), &arguments->documents[i].id) ||
            !id_parse(strsep(&rest, " "), &arguments->documents[i].item_id))
            bug("a kept request cannot be read");
    free(made);
}

static int upload_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct upload_arguments *arguments = opaque;
    char *made;
    int r = arguments->once ? once_find(db, arguments->once, &made, error) : 0;
    if (r > 0) {
        replay_documents(arguments, made);
        return 0;
    }
    for (size_t i = 0; r >= 0 && i < arguments->count; i++)
        r = upload_one(store, db, arguments->now, &arguments->documents[i], error);
    return r >= 0 && arguments->once ? keep_documents(db, arguments, error) : r;
}

int store_upload(struct store *store, int64_t now, struct new_document *documents, size_t count,
                 struct once *once, dq_error *error)
{
    struct upload_arguments arguments = {now, documents, count, once};
    return store_write(store, now, upload_step, &arguments, error);
}

int enqueue_one(struct db *db, int64_t now, struct new_item *item, dq_error *error)
{
    dq_operation policy;
    struct id waiting;
    item->id = item->own;
    int r = load_operation(db, item->operation, &policy, error);
    if (r >= 0)
        r = find_waiting(db, &item->document_id, item->operation, &waiting, error);
    if (r > 0) {
        item->id = waiting;
        item->created = false;
        return db_run(
            db, db_bind(db, SQL_ITEM_RAISE, "bii", &waiting, (int64_t)item->priority, db->age_step),
            error);
    }
    if (r < 0)
        return r;
    struct rows *row = db_bind(db, SQL_DOCUMENT_EXISTS, "b", &item->document_id);
    r = db_row(db, row, error);
    db_done(row);
    if (r == 0)
        return error_field(error, DQ_NOT_FOUND, "/document_id",
                           "there is no document with this id");
    item->created = true;
    item->max_attempts = policy.max_attempts;
    return r < 0 ? r : insert_item(db, now, item, false, error);
}

/* "ID " for each item, with '+' in front where it was made; or the code of the refusal. */
static int keep_items(struct db *db, const struct enqueue_arguments *arguments, dq_error *error)
{
    size_t size = arguments->count * (ID_TEXT_SIZE + 1) + 1, used = 0;
    char *made = calloc(1, size), id[ID_TEXT_SIZE];
    if (!made)
        bug("out of memory");
    for (size_t i = 0; i < arguments->count; i++) {
        const struct new_item *item = &arguments->items[i];
        id_format(&item->id, id);
        used += (size_t)(item->code < 0 ? snprintf(made + used, size - used, "%d ", item->code)
                                        : snprintf(made + used, size - used, "%s%s ",
                                                   item->created ? "+" : "", id));
    }
    int r = once_keep(db, arguments->once, arguments->now, made, error);
    free(made);
    return r;
}

/* Returns how many were accepted then. */
static int replay_items(struct enqueue_arguments *arguments, char *made)
{
    char *rest = made;
    int accepted = 0;
    for (size_t i = 0; i < arguments->count; i++) {
        struct new_item *item = &arguments->items[i];
        const char *word = strsep(&rest, " ");
        item->created = word && *word == '+';
        item->code = word && *word == '-' ? (int)strtol(word, NULL, 10) : 0;
        if (!word || (item->code == 0 && !id_parse(word + item->created, &item->id)))
            bug("a kept request cannot be read");
        accepted += item->code == 0;
    }
    free(made);
    return accepted;
}

int enqueue_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct enqueue_arguments *arguments = opaque;
    char *made;
    int accepted = 0, found = arguments->once ? once_find(db, arguments->once, &made, error) : 0;
    (void)store;
    if (found != 0)
        return found < 0 ? found : replay_items(arguments, made);
    for (size_t i = 0; i < arguments->count; i++) {
        struct new_item *item = &arguments->items[i];
        int r = item->code < 0 ? item->code : enqueue_one(db, arguments->now, item, &item->error);
        item->code = r < 0 ? r : 0;
        accepted += r >= 0;
        if (r == DQ_INVALID || r == DQ_NOT_FOUND || r >= 0)
            continue;
        if (error)
            *error = item->error;
        return r;
    }
    found = arguments->once && accepted > 0 ? keep_items(db, arguments, error) : 0;
    return found < 0 ? found : accepted;
}

int store_enqueue(struct store *store, int64_t now, struct new_item *items, size_t count,
                  struct once *once, dq_error *error)
{
    struct enqueue_arguments arguments = {now, items, count, once};
    for (size_t i = 0; i < count; i++)
        items[i].own = items[i].id;
    return store_write(store, now, enqueue_step, &arguments, error);
}
