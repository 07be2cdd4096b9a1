/* Single things: an item with its history, a document with its newest item. */
#include "store/read.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/engine.h"
#include "store/sql.h"

#include <limits.h>
#include <string.h>

static int64_t meta_time(struct db *db, const char *key)
{
    struct rows *row = db_bind(db, SQL_META_GET, "t", key);
    int64_t time = db_row(db, row, NULL) > 0 ? db_int(row, 0) : 0;
    db_done(row);
    return time;
}

/* Why the item waits, in a sentence for people. */
static const char *why_waiting(struct db *db, int64_t now, const char *gate, int64_t due_at,
                               int64_t operation_paused, bool remote, const dq_item *item,
                               struct arena *arena)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t paused = meta_time(db, "paused_at");
    if (paused)
        return arena_printf(arena, "the queue was paused at %s", clock_format(paused, text));
    if (operation_paused)
        return arena_printf(arena, "the operation was paused at %s",
                            clock_format(operation_paused, text));
    if (strcmp(gate, "blocked") == 0)
        return arena_strdup(arena, "another item of the same document is in progress");
    if (strcmp(gate, "later") == 0 && due_at > now) {
        double seconds = (double)(due_at - now) / 1e6;
        if (item->attempts > 0)
            return arena_printf(arena, "attempt %d is due in %.1f s", item->attempts + 1, seconds);
        return arena_printf(arena, "it is due in %.1f s", seconds);
    }
    return arena_strdup(arena, remote ? "it is due; a remote worker that offers the operation must "
                                        "lease it"
                                      : "it is due; the next free worker takes it");
}

void fill_item(struct db *db, int64_t now, struct rows *row, struct arena *arena, dq_item *item)
{
    struct id id = db_id(row, 0), document = db_id(row, 1), newer = db_id(row, 22);
    const char *status = db_text(row, 4);
    id_format(&id, item->id);
    id_format(&document, item->document_id);
    if (!db_null(row, 22))
        id_format(&newer, item->superseded_by);
    item->operation = db_copy(arena, row, 2);
    item->priority = (int)db_int(row, 3);
    item->status = (enum dq_status)dq_status_parse(status, strlen(status));
    item->attempts = (int)db_int(row, 6);
    item->crashes = (int)db_int(row, 8);
    item->epoch = db_int(row, 9);
    item->created_at = db_int(row, 10);
    item->due_at = db_int(row, 11);
    item->started_at = db_int(row, 12);
    item->finished_at = db_int(row, 13);
    item->worker = db_copy(arena, row, 14);
    item->lease_expires_at = db_int(row, 15);
    item->progress_stage = db_copy(arena, row, 16);
    item->progress_done = db_int(row, 17);
    item->progress_total = db_int(row, 18);
    item->error_code = db_copy(arena, row, 19);
    item->error_message = db_copy(arena, row, 20);
    item->error_retryable = db_int(row, 21) != 0;
    item->max_attempts = (int)db_int(row, 24);
    item->filename = db_copy(arena, row, 27);
    item->owner = db_copy(arena, row, 28);
    const char *gate = db_copy(arena, row, 5);
    if (gate)
        item->waiting = why_waiting(db, now, gate, item->due_at, db_int(row, 25),
                                    strcmp(db_text(row, 26), "remote") == 0, item, arena);
}

static int read_history(struct db *db, const struct id *id, struct arena *arena, dq_item *item,
                        dq_error *error)
{
    dq_attempt *history = arena_alloc(arena, ((size_t)item->attempts + 1) * sizeof *history);
    size_t count = 0;
    int r;
    struct rows *rows = db_bind(db, SQL_ATTEMPT_LIST, "b", id);
    while ((r = db_row(db, rows, error)) > 0 && count <= (size_t)item->attempts)
        history[count++] = (dq_attempt){
            .number = (int)db_int(rows, 0),
            .epoch = db_int(rows, 1),
            .started_at = db_int(rows, 2),
            .ended_at = db_int(rows, 3),
            .worker = db_copy(arena, rows, 4),
            .outcome = db_copy(arena, rows, 5),
            .error_code = db_copy(arena, rows, 6),
            .error_message = db_copy(arena, rows, 7),
            .signal = (int)db_int(rows, 8),
            .limit = db_copy(arena, rows, 9),
            .peak_memory = db_int(rows, 10),
        };
    db_done(rows);
    if (item->status == DQ_IN_PROGRESS && count < (size_t)item->attempts)
        history[count++] = (dq_attempt){.number = item->attempts,
                                        .epoch = item->epoch,
                                        .started_at = item->started_at,
                                        .worker = item->worker,
                                        .outcome = "in_progress"};
    item->history = history;
    item->history_count = count;
    return r < 0 ? r : 0;
}

int read_item(struct db *db, int64_t now, const struct id *id, bool history, struct arena *arena,
              dq_item *ret_item, dq_error *error)
{
    dq_item item = {0};
    struct rows *row = db_bind(db, SQL_ITEM_GET, "b", id);
    int r = db_row(db, row, error);
    if (r > 0)
        fill_item(db, now, row, arena, &item);
    db_done(row);
    if (r <= 0)
        return r < 0 ? r : error_set(error, DQ_NOT_FOUND, "there is no item with this id");
    r = history ? read_history(db, id, arena, &item, error) : 0;
    if (r >= 0)
        *ret_item = item;
    return r;
}

static int read_result(struct db *db, const struct id *id, struct arena *arena,
                       dq_document *document, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_RESULT_GET, "b", id);
    int r = db_row(db, row, error);
    if (r > 0) {
        document->has_result = true;
        document->pages = (int)db_int(row, 0);
        document->text_bytes = db_int(row, 1);
        document->partial = db_int(row, 2) != 0;
        document->result_metadata = db_copy(arena, row, 3);
        document->problems = db_copy(arena, row, 4);
        document->processed_at = db_int(row, 5);
    }
    db_done(row);
    return r < 0 ? r : 0;
}

void fill_document(struct rows *row, int column, struct arena *arena, dq_document *document)
{
    struct id id = db_id(row, column);
    id_format(&id, document->id);
    document->filename = db_copy(arena, row, column + 1);
    document->content_type = db_copy(arena, row, column + 2);
    document->size = db_int(row, column + 3);
    hex_encode(db_bytes(row, column + 4, NULL), 32, document->sha256);
    document->metadata = db_copy(arena, row, column + 5);
    document->owner = db_copy(arena, row, column + 6);
    document->created_at = db_int(row, column + 7);
}

int read_document(struct db *db, const struct id *id, struct arena *arena,
                  dq_document *ret_document, dq_error *error)
{
    dq_document document = {0};
    struct rows *row = db_bind(db, SQL_DOCUMENT_GET, "b", id);
    int r = db_row(db, row, error);
    if (r > 0) {
        fill_document(row, 0, arena, &document);
    }
    db_done(row);
    if (r <= 0)
        return r < 0 ? r : error_set(error, DQ_NOT_FOUND, "there is no document with this id");
    *ret_document = document;
    return 0;
}

struct get_arguments {
    int64_t now;
    const struct id *id;
    bool history;
    struct arena *arena;
    dq_item *item;
    dq_document *document;
    int first, last;
    dq_text *text;
    struct pack_place *place;
};

static int item_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct get_arguments *get = opaque;
    (void)store;
    return read_item(db, get->now, get->id, get->history, get->arena, get->item, error);
}

int store_get_item(struct store *store, int64_t now, const struct id *id, bool history,
                   struct arena *arena, dq_item *ret_item, dq_error *error)
{
    struct get_arguments get = {
        .now = now, .id = id, .history = history, .arena = arena, .item = ret_item};
    return store_read(store, item_step, &get, error);
}

static int document_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct get_arguments *get = opaque;
    (void)store;
    int r = read_document(db, get->id, get->arena, get->document, error);
    if (r >= 0)
        r = read_result(db, get->id, get->arena, get->document, error);
    if (r < 0)
        return r;
    struct rows *row = db_bind(db, SQL_NEWEST_ITEM, "b", get->id);
    r = db_row(db, row, error);
    struct id newest = r > 0 ? db_id(row, 0) : (struct id){0};
    db_done(row);
    if (r <= 0) { /* its items were purged: what they came to is in the result */
        get->document->status = get->document->has_result ? DQ_COMPLETED : DQ_CANCELLED;
        return r;
    }
    get->document->item = arena_alloc(get->arena, sizeof *get->document->item);
    r = read_item(db, get->now, &newest, false, get->arena, get->document->item, error);
    get->document->status = get->document->item->status;
    return r;
}

int store_get_document(struct store *store, int64_t now, const struct id *id, struct arena *arena,
                       dq_document *ret_document, dq_error *error)
{
    struct get_arguments get = {.now = now, .id = id, .arena = arena, .document = ret_document};
    return store_read(store, document_step, &get, error);
}

static int text_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct get_arguments *get = opaque;
    dq_document document;
    (void)store;
    int r = read_document(db, get->id, get->arena, &document, error);
    if (r >= 0)
        r = read_result(db, get->id, get->arena, &document, error);
    if (r < 0)
        return r;
    if (!document.has_result)
        return error_set(error, DQ_NOT_PROCESSED,
                         "the document has no text yet; wait until it is completed");
    dq_page *pages = arena_alloc(get->arena, ((size_t)document.pages + 1) * sizeof *pages);
    size_t count = 0;
    struct rows *rows = db_bind(db, SQL_PAGE_LIST, "bii", get->id, (int64_t)get->first,
                                (int64_t)(get->last ? get->last : INT_MAX));
    while ((r = db_row(db, rows, error)) > 0 && count < (size_t)document.pages) {
        pages[count].number = (int)db_int(rows, 0);
        pages[count].text = db_copy(get->arena, rows, 1);
        (void)db_bytes(rows, 1, &pages[count++].text_bytes);
    }
    db_done(rows);
    if (r >= 0 && count == 0 && get->first > 1)
        return error_set(error, DQ_NOT_FOUND, "the document has %d pages", document.pages);
    *get->text = (dq_text){pages, count};
    return r < 0 ? r : 0;
}

int store_text(struct store *store, const struct id *document, int first, int last,
               struct arena *arena, dq_text *ret_text, dq_error *error)
{
    struct get_arguments get = {
        .id = document, .first = first, .last = last, .arena = arena, .text = ret_text};
    return store_read(store, text_step, &get, error);
}

static int locate_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct get_arguments *get = opaque;
    struct rows *row = db_bind(db, SQL_DOCUMENT_LOCATE, "b", get->id);
    (void)store;
    int r = db_row(db, row, error);
    if (r > 0) {
        strncpy(get->place->pack, db_text(row, 0), sizeof get->place->pack - 1);
        get->place->pack[sizeof get->place->pack - 1] = '\0';
        get->place->offset = db_int(row, 1);
        get->place->size = db_int(row, 2);
    }
    db_done(row);
    return r > 0   ? 0
           : r < 0 ? r
                   : error_set(error, DQ_NOT_FOUND, "there is no document with this id");
}

int store_locate(struct store *store, const struct id *document, struct pack_place *ret_place,
                 dq_error *error)
{
    struct get_arguments get = {.id = document, .place = ret_place};
    return store_read(store, locate_step, &get, error);
}
