/* Lists, counts and prefixes: keyset paging, no scan that grows with the history. */
#include "base/error.h"
#include "core/problem.h"
#include "store/engine.h"
#include "store/latch.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

/* Rows looked at in one call: a rare match far back costs several pages, never a long transaction.
 */
enum { LOOK_ROWS_MAX = 20000, LOOK_STEP = 1000 };

struct list_arguments {
    bool documents;
    const struct filter *filter;
    int limit;
    struct id from, below;
    struct arena *arena;
    struct id *ids;
    size_t count;
    bool more;
};

static struct rows *list_rows(struct db *db, const struct list_arguments *list, struct id *document)
{
    const struct filter *filter = list->filter;
    int64_t step = LOOK_STEP;
    if (list->documents)
        return db_bind(db, SQL_DOCUMENT_PAGE, "bi", &list->below, step);
    if (filter->document[0] && id_parse(filter->document, document))
        return db_bind(db, SQL_ITEM_PAGE_DOCUMENT, "bib", &list->below, step, document);
    if (filter->status >= 0)
        return db_bind(db, SQL_ITEM_PAGE_STATUS, "bit", &list->below, step,
                       dq_status_name((enum dq_status)filter->status));
    return db_bind(db, SQL_ITEM_PAGE, "bi", &list->below, step);
}

/* Is the failure of this row of the kind that is asked for? */
static bool same_problem(const struct filter *filter, struct rows *row)
{
    char key[PROBLEM_KEY_SIZE];
    if (!filter->problem[0])
        return true;
    if (!db_text(row, 3))
        return false;
    problem_key(db_text(row, 3), db_text(row, 7), key);
    return strcmp(key, filter->problem) == 0;
}

static bool row_matches(const struct list_arguments *list, struct rows *row)
{
    char document[ID_TEXT_SIZE];
    struct id id = db_id(row, 4);
    const char *status = db_text(row, 1);
    id_format(&id, document);
    if (list->filter->document[0] && strcmp(document, list->filter->document) != 0)
        return false;
    if (!same_problem(list->filter, row))
        return false;
    return filter_matches(list->filter, status ? dq_status_parse(status, strlen(status)) : -1,
                          db_text(row, 2), db_text(row, 3), db_text(row, 6), db_int(row, 5));
}

static int list_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct list_arguments *list = opaque;
    struct id document;
    int looked = 0, r = 1;
    (void)store;
    list->below = list->from;
    list->count = 0;
    while (r > 0 && list->count < (size_t)list->limit && looked < LOOK_ROWS_MAX) {
        int rows_here = 0;
        struct rows *rows = list_rows(db, list, &document);
        while (list->count < (size_t)list->limit && (r = db_row(db, rows, error)) > 0) {
            rows_here++;
            list->below = db_id(rows, 0);
            if (row_matches(list, rows))
                list->ids[list->count++] = list->below;
        }
        db_done(rows);
        looked += rows_here;
        r = r < 0 ? r : rows_here == LOOK_STEP || list->count == (size_t)list->limit;
    }
    list->more = r > 0;
    return r < 0 ? r : 0;
}

int store_list(struct store *store, int64_t now, bool documents, const struct filter *filter,
               int limit, const struct id *below, struct arena *arena, struct id **ret_ids,
               size_t *ret_count, bool *ret_more, dq_error *error)
{
    struct list_arguments list = {
        .documents = documents, .filter = filter, .limit = limit, .arena = arena};
    (void)now;
    memset(list.from.bytes, 0xff, sizeof list.from.bytes);
    if (below)
        list.from = *below;
    list.ids = arena_alloc(arena, ((size_t)limit + 1) * sizeof *list.ids);
    int r = store_read(store, list_step, &list, error);
    if (r < 0)
        return r;
    list.ids[list.count] = list.below; /* the cursor: behind the last row looked at */
    *ret_ids = list.ids;
    *ret_count = list.count;
    *ret_more = list.more;
    return 0;
}

/* ---- in order of service --------------------------------------------------------------------- */

struct ranked {
    struct id id;
    int64_t rank;
};

struct pending_arguments {
    const char *const *operations;
    int limit;
    struct arena *arena;
    struct ranked *ranked;
    size_t count;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static int pending_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct pending_arguments *pending = opaque;
    int operations = 0, r = 0;
    (void)store;
    pending->count = 0;
    while (pending->operations[operations])
        operations++;
    pending->ranked = arena_alloc(pending->arena, (size_t)operations * (size_t)pending->limit *
                                                      sizeof *pending->ranked);
    for (int i = 0; r >= 0 && i < operations; i++) {
        struct rows *rows =
            db_bind(db, SQL_READY_LIST, "ti", pending->operations[i], (int64_t)pending->limit);
        while ((r = db_row(db, rows, error)) > 0)
            pending->ranked[pending->count++] = (struct ranked){db_id(rows, 0), db_int(rows, 1)};
    }
    qsort(pending->ranked, pending->count, sizeof *pending->ranked, by_rank);
    return r < 0 ? r : 0;
}

int store_pending(struct store *store, const char *const *operations, int limit,
                  struct arena *arena, struct id **ret_ids, size_t *ret_count, dq_error *error)
{
    struct pending_arguments pending = {operations, limit, arena, NULL, 0};
    int r = store_read(store, pending_step, &pending, error);
    if (r < 0)
        return r;
    size_t count = pending.count < (size_t)limit ? pending.count : (size_t)limit;
    struct id *ids = arena_alloc(arena, (count + 1) * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = pending.ranked[i].id;
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

/* ---- statistics ------------------------------------------------------------------------------ */

struct stats_arguments {
    int64_t now;
    struct arena *arena;
    dq_queue_stats *stats;
};

static int read_operations(struct db *db, struct stats_arguments *arguments, dq_error *error)
{
    dq_queue_stats *stats = arguments->stats;
    int r;
    stats->operations = arena_alloc(arguments->arena, OPERATIONS_MAX * sizeof *stats->operations);
    struct rows *rows = db_bind(db, SQL_OPERATION_LIST, "");
    while ((r = db_row(db, rows, error)) > 0 && stats->operation_count < OPERATIONS_MAX)
        stats->operations[stats->operation_count++] = (dq_operation){
            .name = db_copy(arguments->arena, rows, 0),
            .kind = db_copy(arguments->arena, rows, 1),
            .max_attempts = (int)db_int(rows, 2),
            .backoff_base = db_int(rows, 3),
            .backoff_factor = db_double(rows, 4),
            .backoff_cap = db_int(rows, 5),
            .crash_budget = (int)db_int(rows, 6),
            .timeout = db_int(rows, 7),
            .paused_at = db_int(rows, 8),
        };
    db_done(rows);
    return r;
}

static int read_counters(struct db *db, dq_queue_stats *stats, dq_error *error)
{
    int r;
    struct rows *rows = db_bind(db, SQL_COUNTER_LIST, "");
    while ((r = db_row(db, rows, error)) > 0) {
        const char *operation = db_text(rows, 0), *name = db_text(rows, 1);
        int status = dq_status_parse(name, strlen(name));
        int64_t number = db_int(rows, 2);
        if (status < 0) {
            stats->documents = number;
            continue;
        }
        stats->counts[status] += number;
        for (size_t i = 0; i < stats->operation_count; i++)
            if (strcmp(stats->operations[i].name, operation) == 0)
                stats->operations[i].counts[status] = number;
    }
    return r;
}

/* Due: what is ready, and what is late for its promotion. Blocked items are not due. */
static int read_backlog(struct db *db, struct stats_arguments *arguments, dq_error *error)
{
    dq_queue_stats *stats = arguments->stats;
    int64_t oldest = 0;
    int r = 0;
    for (size_t i = 0; r >= 0 && i < stats->operation_count; i++) {
        struct rows *row = db_bind(db, SQL_OLDEST_READY, "t", stats->operations[i].name);
        r = db_row(db, row, error);
        if (r > 0 && (oldest == 0 || db_int(row, 0) < oldest))
            oldest = db_int(row, 0);
        db_done(row);
    }
    stats->oldest_due_age = oldest && oldest < arguments->now ? arguments->now - oldest : 0;
    struct rows *row = db_bind(db, SQL_LATER_COUNT, "i", arguments->now);
    if (r >= 0)
        r = db_row(db, row, error);
    stats->due = stats->counts[DQ_PENDING] - (r > 0 ? db_int(row, 0) : 0);
    db_done(row);
    return r;
}

static int stats_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct stats_arguments *arguments = opaque;
    dq_queue_stats *stats = arguments->stats;
    (void)store;
    *stats = (dq_queue_stats){0};
    int r = read_operations(db, arguments, error);
    if (r >= 0)
        r = read_counters(db, stats, error);
    if (r >= 0)
        r = read_backlog(db, arguments, error);
    if (r < 0)
        return r;
    struct rows *row = db_bind(db, SQL_RATE_GET, "i", arguments->now / 60000000 - 1);
    if ((r = db_row(db, row, error)) > 0) {
        stats->enqueued_per_minute = db_int(row, 0);
        stats->completed_per_minute = db_int(row, 1);
        stats->failed_per_minute = db_int(row, 2);
    }
    db_done(row);
    row = db_bind(db, SQL_STORE_RISK, "");
    if (r >= 0 && (r = db_row(db, row, error)) > 0)
        stats->risk = db_copy(arguments->arena, row, 0);
    db_done(row);
    row = db_bind(db, SQL_META_GET, "t", "paused_at");
    if (r >= 0 && (r = db_row(db, row, error)) > 0)
        stats->paused_at = db_int(row, 0);
    db_done(row);
    return r < 0 ? r : 0;
}

int store_stats(struct store *store, int64_t now, struct arena *arena, dq_queue_stats *ret_stats,
                dq_error *error)
{
    struct stats_arguments arguments = {now, arena, ret_stats};
    dq_worker_list workers;
    int r = store_read(store, stats_step, &arguments, error);
    if (r >= 0)
        r = store_workers(store, arena, &workers, error);
    for (size_t i = 0; r >= 0 && i < workers.count; i++)
        ret_stats->workers += workers.workers[i].alive;
    return r;
}

/* ---- tokens, prefixes, packs ----------------------------------------------------------------- */

struct tokens_arguments {
    struct arena *arena;
    dq_token_list *list;
};

static int tokens_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    enum { TOKENS_MAX = 1000 };
    struct tokens_arguments *arguments = opaque;
    dq_token *tokens = arena_alloc(arguments->arena, TOKENS_MAX * sizeof *tokens);
    struct rows *rows = db_bind(db, SQL_TOKEN_LIST, "");
    size_t count = 0;
    int r;
    (void)store;
    while ((r = db_row(db, rows, error)) > 0 && count < TOKENS_MAX) {
        dq_token *token = &tokens[count++];
        strncpy(token->id, db_text(rows, 0), sizeof token->id - 1);
        memcpy(token->digest, db_bytes(rows, 1, NULL), sizeof token->digest);
        token->name = db_copy(arguments->arena, rows, 2);
        token->scopes = (unsigned)db_int(rows, 3);
        token->created_at = db_int(rows, 4);
        token->expires_at = db_int(rows, 5);
        token->revoked_at = db_int(rows, 6);
    }
    db_done(rows);
    *arguments->list = (dq_token_list){tokens, count};
    return r < 0 ? r : 0;
}

int store_tokens(struct store *store, struct arena *arena, dq_token_list *ret_list, dq_error *error)
{
    struct tokens_arguments arguments = {arena, ret_list};
    return store_read(store, tokens_step, &arguments, error);
}

struct prefix_arguments {
    const struct id *low, *high;
    struct id found;
    int count;
};

static int prefix_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    static const enum sql statements[] = {SQL_DOCUMENT_PREFIX, SQL_ITEM_PREFIX};
    struct prefix_arguments *prefix = opaque;
    int r = 0;
    (void)store;
    prefix->count = 0;
    for (size_t i = 0; r >= 0 && i < sizeof statements / sizeof statements[0]; i++) {
        struct rows *rows = db_bind(db, statements[i], "bb", prefix->low, prefix->high);
        while ((r = db_row(db, rows, error)) > 0) {
            prefix->found = db_id(rows, 0);
            prefix->count++;
        }
    }
    return r;
}

int store_find_prefix(struct store *store, const struct id *low, const struct id *high,
                      struct id *ret_id, dq_error *error)
{
    struct prefix_arguments prefix = {low, high, {{0}}, 0};
    int r = store_read(store, prefix_step, &prefix, error);
    if (r < 0)
        return r;
    if (prefix.count == 0)
        return error_set(error, DQ_NOT_FOUND, "no document and no item has an id that begins so");
    if (prefix.count > 1)
        return error_set(error, DQ_CONFLICT, "several ids begin so; give more characters");
    *ret_id = prefix.found;
    return 0;
}

struct ranges_arguments {
    const char *pack;
    struct pack_range **ranges;
    size_t *count;
};

static int ranges_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct ranges_arguments *arguments = opaque;
    size_t room = 0, count = 0;
    struct pack_range *ranges = NULL;
    int r;
    (void)store;
    struct rows *rows = db_bind(db, SQL_PACK_RANGES, "t", arguments->pack);
    while ((r = db_row(db, rows, error)) > 0) {
        if (count == room) {
            room = room ? room * 2 : 64;
            struct pack_range *bigger = realloc(ranges, room * sizeof *ranges);
            if (!bigger) {
                r = error_set(error, DQ_NO_MEMORY, "out of memory");
                break;
            }
            ranges = bigger;
        }
        ranges[count++] = (struct pack_range){db_int(rows, 0), db_int(rows, 1)};
    }
    db_done(rows);
    if (r < 0) {
        free(ranges);
        return r;
    }
    *arguments->ranges = ranges;
    *arguments->count = count;
    return 0;
}

static int ranges_of(void *store, const char *pack, struct pack_range **ret_ranges,
                     size_t *ret_count)
{
    struct ranges_arguments arguments = {pack, ret_ranges, ret_count};
    return store_read(store, ranges_step, &arguments, NULL);
}

int64_t store_reap_packs(struct store *store)
{
    return pack_reap(store->packs, ranges_of, store);
}
