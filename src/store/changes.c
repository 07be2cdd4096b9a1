/* The log of changes. A number is given to each change of an item; a commit's changes are one row.
 * Old rows go, so whoever comes back after too long finds a gap, and starts anew. */
#include "store/changes.h"

#include "base/error.h"
#include "store/engine.h"
#include "store/read.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHANGES_KEPT = 65536, /* about 1 MiB of rows */
    TRIM_STEP = 1024,     /* trim once in so many changes */
    ROWS_READ_MAX = 1000,
};

static int last_number(struct db *db, int64_t *ret_last, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_CHANGE_LAST, "");
    int r = db_row(db, row, error);
    if (r > 0)
        *ret_last = db_int(row, 0);
    db_done(row);
    return r < 0 ? r : 0;
}

int changes_flush(struct db *db, dq_error *error)
{
    const struct change_buf *changes = &db->changes;
    size_t stored = changes->kept <= CHANGES_KEPT ? changes->kept : 0; /* 0: a gap for readers */
    int64_t before = 0;
    if (changes->kept == 0)
        return 0;
    int r = last_number(db, &before, error);
    if (r < 0)
        return r;
    int64_t last = before + (int64_t)changes->kept;
    r = db_run(db,
               db_bind(db, SQL_CHANGE_INSERT, "iy", last, changes->bytes, stored * CHANGE_BYTES),
               error);
    if (r >= 0 && before / TRIM_STEP != last / TRIM_STEP)
        r = db_run(db, db_bind(db, SQL_CHANGE_TRIM, "i", last - CHANGES_KEPT), error);
    return r < 0 ? r : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct entry {
    struct id id;
    int64_t number;
    unsigned char status;
};

struct changes_arguments {
    int64_t now, after;
    size_t limit, count;
    struct entry *entries;
    struct arena *arena;
    dq_change_list *list;
};

/* The entries of one row that come after `list->last`. */
static void take_row(struct changes_arguments *arguments, int64_t last, const unsigned char *bytes,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = last - (int64_t)(count - 1 - i);
        if (number <= arguments->list->last)
            continue;
        if (arguments->count == arguments->limit)
            return;
        struct entry *entry = &arguments->entries[arguments->count++];
        memcpy(entry->id.bytes, bytes + i * CHANGE_BYTES, ID_BYTES);
        entry->status = bytes[i * CHANGE_BYTES + ID_BYTES];
        entry->number = arguments->list->last = number;
    }
}

/* 1 where the log does not reach back to `after`. */
static int take_rows(struct db *db, struct changes_arguments *arguments, dq_error *error)
{
    struct rows *rows =
        db_bind(db, SQL_CHANGE_LIST, "ii", arguments->after, (int64_t)ROWS_READ_MAX);
    int r = 0;
    while (arguments->count < arguments->limit && (r = db_row(db, rows, error)) > 0) {
        int64_t last = db_int(rows, 0);
        size_t length = 0, count;
        const unsigned char *bytes = db_bytes(rows, 1, &length);
        count = length / CHANGE_BYTES;
        if (last - (int64_t)count > arguments->list->last) {
            db_done(rows);
            return 1;
        }
        take_row(arguments, last, bytes, count);
    }
    db_done(rows);
    return r < 0 ? r : 0;
}

static int by_item(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = memcmp(x->id.bytes, y->id.bytes, ID_BYTES);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Of several changes of an item the newest tells all. */
static void keep_newest(struct changes_arguments *arguments)
{
    struct entry *entries = arguments->entries;
    size_t kept = 0;
    qsort(entries, arguments->count, sizeof *entries, by_item);
    for (size_t i = 0; i < arguments->count; i++)
        if (i + 1 == arguments->count ||
            memcmp(entries[i].id.bytes, entries[i + 1].id.bytes, ID_BYTES) != 0)
            entries[kept++] = entries[i];
    qsort(entries, kept, sizeof *entries, by_number);
    arguments->count = kept;
}

static int describe(struct db *db, struct changes_arguments *arguments, const struct entry *entry,
                    dq_change *change, dq_error *error)
{
    dq_item *item = arena_alloc(arguments->arena, sizeof *item);
    int r = 0;
    *change = (dq_change){.number = entry->number};
    id_format(&entry->id, change->item_id);
    if (entry->status != CHANGE_GONE)
        r = read_item(db, arguments->now, &entry->id, false, arguments->arena, item, error);
    if (r == DQ_NOT_FOUND)
        return 0; /* deleted since: its own change comes later */
    if (r >= 0 && entry->status != CHANGE_GONE)
        change->item = item;
    return r;
}

static int changes_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct changes_arguments *arguments = opaque;
    dq_change_list *list = arguments->list;
    int64_t newest = 0;
    (void)store;
    int r = last_number(db, &newest, error);
    if (r < 0)
        return r;
    list->last = newest;
    list->reset = arguments->after > newest;
    if (arguments->after < 0 || arguments->after >= newest)
        return 0;
    list->last = arguments->after;
    r = take_rows(db, arguments, error);
    if (r != 0) {
        list->reset = r > 0;
        list->last = newest;
        return r < 0 ? r : 0;
    }
    keep_newest(arguments);
    list->changes = arena_alloc(arguments->arena, (arguments->count + 1) * sizeof *list->changes);
    for (size_t i = 0; r >= 0 && i < arguments->count; i++)
        r = describe(db, arguments, &arguments->entries[i], &list->changes[list->count++], error);
    return r;
}

int store_changes(struct store *store, int64_t now, int64_t after, int limit, struct arena *arena,
                  dq_change_list *ret_list, dq_error *error)
{
    struct changes_arguments arguments = {.now = now,
                                          .after = after,
                                          .limit = (size_t)limit,
                                          .entries = calloc((size_t)limit, sizeof(struct entry)),
                                          .arena = arena,
                                          .list = ret_list};
    if (!arguments.entries)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    int r = store_read(store, changes_step, &arguments, error);
    free(arguments.entries);
    return r;
}
