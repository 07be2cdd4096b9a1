/* Steps that PostgreSQL takes for many callers in one statement: enqueue, complete, claim. */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/read.h"
#include "store/sql.h"
#include "store/steps.h"

#include <stdlib.h>
#include <string.h>

static int compare_ids(const struct id *a, const struct id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* ---- enqueue --------------------------------------------------------------------------------- */

static int by_own_id(const void *a, const void *b)
{
    const struct new_item *const *x = a, *const *y = b;
    return compare_ids(&(*x)->own, &(*y)->own);
}

struct asked {
    struct buf ids, documents, operations, priorities, dues;
};

static void free_asked(struct asked *asked)
{
    buf_free(&asked->ids);
    buf_free(&asked->documents);
    buf_free(&asked->operations);
    buf_free(&asked->priorities);
    buf_free(&asked->dues);
}

static void fill_asked(struct asked *asked, struct new_item *const *items, size_t count,
                       int64_t now)
{
    array_begin(&asked->ids, 'B', count);
    array_begin(&asked->documents, 'B', count);
    array_begin(&asked->operations, 'T', count);
    array_begin(&asked->priorities, 'I', count);
    array_begin(&asked->dues, 'I', count);
    for (size_t i = 0; i < count; i++) {
        array_add_id(&asked->ids, &items[i]->own);
        array_add_id(&asked->documents, &items[i]->document_id);
        array_add_text(&asked->operations, items[i]->operation);
        array_add_int(&asked->priorities, items[i]->priority);
        array_add_int(&asked->dues, items[i]->due_at > now ? items[i]->due_at : now);
    }
}

/* Inserts what is new; those are moved behind *count, and *count counts the others. */
static int put_fresh(struct db *db, int64_t now, struct new_item **items, size_t *count,
                     dq_error *error)
{
    struct asked asked;
    size_t rest = 0;
    int r;
    qsort(items, *count, sizeof *items, by_own_id);
    fill_asked(&asked, items, *count, now);
    for (size_t i = 0; i < *count; i++)
        items[i]->created = false;
    struct rows *rows =
        db_bind(db, SQL_ENQUEUE_FRESH, "BBTIIii", &asked.ids, &asked.documents, &asked.operations,
                &asked.priorities, &asked.dues, now, db->age_step);
    while ((r = db_row(db, rows, error)) > 0) {
        struct new_item key = {.own = db_id(rows, 0)}, *wanted = &key;
        struct new_item **found = bsearch(&wanted, items, *count, sizeof *items, by_own_id);
        if (!found)
            bug("an item was put that nobody asked for");
        (*found)->id = (*found)->own;
        (*found)->created = true;
        db_count(db, &(*found)->id, (*found)->operation, -1, DQ_PENDING);
    }
    db_done(rows);
    free_asked(&asked);
    for (size_t i = 0; i < *count; i++)
        if (!items[i]->created)
            items[rest++] = items[i];
    *count = rest;
    return r;
}

/* Finds those that wait already; *count counts the others. */
static int find_present(struct db *db, int64_t now, struct new_item **items, size_t *count,
                        dq_error *error)
{
    struct asked asked;
    size_t rest = 0;
    int r;
    fill_asked(&asked, items, *count, now);
    for (size_t i = 0; i < *count; i++)
        items[i]->code = DQ_NOT_FOUND;
    struct rows *rows = db_bind(db, SQL_ENQUEUE_WAITING, "BT", &asked.documents, &asked.operations);
    while ((r = db_row(db, rows, error)) > 0) {
        struct new_item *item = items[db_int(rows, 0) - 1];
        item->id = db_id(rows, 1);
        item->code = db_int(rows, 2) < item->priority;
    }
    db_done(rows);
    for (size_t i = 0; r >= 0 && i < *count; i++) {
        if (items[i]->code <= 0)
            continue;
        items[i]->code = 0;
        r = db_run(db,
                   db_bind(db, SQL_ITEM_RAISE, "bii", &items[i]->id, (int64_t)items[i]->priority,
                           db->age_step),
                   error);
    }
    free_asked(&asked);
    for (size_t i = 0; i < *count; i++)
        if (items[i]->code < 0)
            items[rest++] = items[i];
    *count = rest;
    return r;
}

/* `items` is used up. Each item gets its code. */
static int enqueue_all(struct db *db, int64_t now, struct new_item **items, size_t count,
                       dq_error *error)
{
    int r = count > 0 ? put_fresh(db, now, items, &count, error) : 0;
    if (r >= 0 && count > 0)
        r = find_present(db, now, items, &count, error);
    for (size_t i = 0; r >= 0 && i < count; i++) { /* refused, as the one by one step says why */
        items[i]->code = enqueue_one(db, now, items[i], &items[i]->error);
        if (items[i]->code < 0 && items[i]->code != DQ_INVALID && items[i]->code != DQ_NOT_FOUND) {
            r = items[i]->code;
            if (error)
                *error = items[i]->error;
        }
    }
    return r;
}

/* A request that may come again with the same key is run by itself. */
static bool is_plain_enqueue(const struct waiting_step *step)
{
    return step->run == enqueue_step && !((struct enqueue_arguments *)step->arguments)->once;
}

static int merge_enqueues(struct db *db, struct waiting_step *group, dq_error *error)
{
    size_t count = 0, room = 0;
    for (struct waiting_step *step = group; step; step = step->next)
        if (is_plain_enqueue(step))
            room += ((struct enqueue_arguments *)step->arguments)->count;
    struct new_item **items = calloc(room + 1, sizeof *items);
    if (!items)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    int64_t now = 0;
    for (struct waiting_step *step = group; step; step = step->next) {
        struct enqueue_arguments *arguments = step->arguments;
        if (!is_plain_enqueue(step))
            continue;
        step->merged = true;
        now = arguments->now > now ? arguments->now : now;
        for (size_t i = 0; i < arguments->count; i++)
            if (arguments->items[i].code >= 0)
                items[count++] = &arguments->items[i];
    }
    int r = enqueue_all(db, now, items, count, error);
    free(items);
    for (struct waiting_step *step = group; r >= 0 && step; step = step->next) {
        struct enqueue_arguments *arguments = step->arguments;
        for (size_t i = 0; is_plain_enqueue(step) && i < arguments->count; i++)
            step->code += arguments->items[i].code >= 0;
    }
    return r;
}

/* ---- complete -------------------------------------------------------------------------------- */

struct completion {
    struct held held;
    int *code;
};

static int by_held(const void *a, const void *b)
{
    const struct completion *x = a, *y = b;
    int r = compare_ids(&x->held.item, &y->held.item);
    return r ? r : (x->held.epoch > y->held.epoch) - (x->held.epoch < y->held.epoch);
}

static int complete_held(struct db *db, int64_t now, struct completion *list, size_t count,
                         dq_error *error)
{
    autobuf ids = {0}, epochs = {0};
    int r;
    qsort(list, count, sizeof *list, by_held);
    array_begin(&ids, 'B', count);
    array_begin(&epochs, 'I', count);
    for (size_t i = 0; i < count; i++) {
        array_add_id(&ids, &list[i].held.item);
        array_add_int(&epochs, list[i].held.epoch);
        *list[i].code = DQ_LEASE_LOST;
    }
    struct rows *rows = db_bind(db, SQL_COMPLETE_BATCH, "BIi", &ids, &epochs, now);
    while ((r = db_row(db, rows, error)) > 0) {
        struct completion key = {.held = {db_id(rows, 0), db_int(rows, 1)}};
        struct completion *found = bsearch(&key, list, count, sizeof *list, by_held);
        if (!found)
            bug("an item was completed that nobody held");
        *found->code = 0;
        db_count(db, &found->held.item, db_text(rows, 2), DQ_IN_PROGRESS, DQ_COMPLETED);
    }
    db_done(rows);
    for (size_t i = 0; r >= 0 && i < count; i++)
        if (*list[i].code < 0 && ended_with(db, &list[i].held, "completed"))
            *list[i].code = 0;
    return r;
}

static int merge_completions(struct db *db, struct waiting_step *group, dq_error *error)
{
    size_t count = 0, room = 0;
    for (struct waiting_step *step = group; step; step = step->next)
        if (step->run == complete_many_step)
            room += ((struct many_arguments *)step->arguments)->count;
    struct completion *list = calloc(room + 1, sizeof *list);
    if (!list)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    int64_t now = 0;
    for (struct waiting_step *step = group; step; step = step->next) {
        struct many_arguments *many = step->arguments;
        if (step->run != complete_many_step)
            continue;
        step->merged = true;
        now = many->now > now ? many->now : now;
        for (size_t i = 0; i < many->count; i++)
            if (many->codes[i] >= 0)
                list[count++] = (struct completion){many->held[i], &many->codes[i]};
    }
    int r = count > 0 ? complete_held(db, now, list, count, error) : 0;
    free(list);
    for (struct waiting_step *step = group; r >= 0 && step; step = step->next) {
        struct many_arguments *many = step->arguments;
        for (size_t i = 0; step->run == complete_many_step && i < many->count; i++)
            step->code += many->codes[i] >= 0;
    }
    return r;
}

int postgres_merge(struct store *store, struct waiting_step *group, dq_error *error)
{
    struct db *db = &postgres_of(store)->writer;
    bool enqueues = false, completions = false;
    int r = 0;
    for (struct waiting_step *step = group; step; step = step->next) {
        enqueues = enqueues || is_plain_enqueue(step);
        completions = completions || step->run == complete_many_step;
    }
    tally_reset(&db->step);
    if (enqueues)
        r = merge_enqueues(db, group, error);
    if (r >= 0 && completions)
        r = merge_completions(db, group, error);
    if (r >= 0)
        db_merge_tally(db);
    else if (group->next) /* one of them is at fault: each by itself shows which */
        pg_of(db)->again = true;
    return r;
}

/* ---- claim ----------------------------------------------------------------------------------- */

enum { CLAIM_OPERATIONS_MAX = 64 };

struct plan {
    struct {
        char operation[DQ_OPERATION_BYTES_MAX + 1];
        int64_t number;
    } rows[CLAIM_OPERATIONS_MAX];
    int count;
    int64_t made_ready, known;
};

static int make_plan(struct db *db, const struct claim_arguments *arguments, struct plan *plan,
                     dq_error *error)
{
    const char *const *operations = arguments->claim->operations;
    autobuf names = {0};
    size_t offered = 0;
    int r;
    while (operations[offered])
        offered++;
    array_begin(&names, 'T', offered);
    for (size_t i = 0; i < offered; i++)
        array_add_text(&names, operations[i]);
    *plan = (struct plan){0};
    struct rows *rows = db_bind(db, SQL_CLAIM_PLAN, "iTii", arguments->now, &names,
                                (int64_t)arguments->claim->limit, INT64_MIN);
    while ((r = db_row(db, rows, error)) > 0) {
        plan->made_ready = db_int(rows, 0);
        plan->known = db_int(rows, 1);
        if (db_null(rows, 2) || plan->count == CLAIM_OPERATIONS_MAX)
            continue;
        snprintf(plan->rows[plan->count].operation, sizeof plan->rows[0].operation, "%s",
                 db_text(rows, 2));
        plan->rows[plan->count++].number = db_int(rows, 3);
    }
    db_done(rows);
    for (size_t i = 0; r >= 0 && plan->known < (int64_t)offered && i < offered; i++) {
        dq_operation policy;
        r = load_operation(db, operations[i], &policy, error); /* says which is unknown */
    }
    return r;
}

static int take_some(struct store *store, struct db *db, struct claim_arguments *arguments,
                     const char *operation, int64_t number, dq_error *error)
{
    enum { DOCUMENT_COLUMN = 28 };
    const struct claim *claim = arguments->claim;
    struct id *session = claim->worker ? NULL : &store->session, item;
    int r;
    struct rows *rows = db_bind(db, SQL_CLAIM_BATCH, "titbiii", operation, arguments->now,
                                claim->worker ? claim->worker : store->worker, session,
                                claim->lease_time, number, INT64_MIN);
    while ((r = db_row(db, rows, error)) > 0) {
        dq_lease *lease = &arguments->leases[arguments->count++];
        fill_item(db, arguments->now, rows, arguments->arena, &lease->item);
        fill_document(rows, DOCUMENT_COLUMN, arguments->arena, &lease->document);
        id_parse(lease->item.id, &item);
        db_count(db, &item, lease->item.operation, DQ_PENDING, DQ_IN_PROGRESS);
    }
    db_done(rows);
    return r;
}

static int take_planned(struct store *store, struct db *db, struct claim_arguments *arguments,
                        const struct plan *plan, dq_error *error)
{
    int64_t limit = arguments->claim->limit;
    int r = 0;
    for (int i = 0; r >= 0 && i < plan->count; i++)
        r = take_some(store, db, arguments, plan->rows[i].operation, plan->rows[i].number, error);
    /* Others took what was planned: whatever is left of the operations. */
    const char *const *operations = arguments->claim->operations;
    for (size_t i = 0; r >= 0 && plan->count > 0 && arguments->count == 0 && operations[i]; i++)
        r = take_some(store, db, arguments, operations[i], limit, error);
    return r;
}

int postgres_claim(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct claim_arguments *arguments = opaque;
    struct plan plan;
    arguments->count = 0;
    int r = make_plan(db, arguments, &plan, error);
    if (r >= 0 && plan.made_ready > 0)
        r = make_plan(db, arguments, &plan, error);
    if (r >= 0)
        r = take_planned(store, db, arguments, &plan, error);
    if (r >= 0 && arguments->count > 0 && !arguments->claim->worker)
        r = know_session(store, db, arguments->now, error);
    return r;
}

/* ---- tidying --------------------------------------------------------------------------------- */

static int tidy_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    enum { MINUTE = 60000000, MINUTES_KEPT = 10, RATES_KEPT = 3 };
    static const int64_t session_kept = 24 * 3600 * US_PER_S;
    int64_t now = *(const int64_t *)opaque;
    int r = db_run(db, db_bind(db, SQL_SESSION_TOUCH, "bi", &store->session, now), error);
    store->session_known = r > 0; /* else it is written with the next claim */
    if (r < 0)
        return r;
    struct rows *row = db_bind(db, SQL_FOLD_TURN, "");
    r = db_row(db, row, error);
    bool turn = r > 0 && db_int(row, 0);
    db_done(row);
    if (!turn)
        return r;
    r = db_run(db, db_bind(db, SQL_COUNTER_FOLD, ""), error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_RATE_FOLD, "i", now / MINUTE - RATES_KEPT), error);
    if (r >= 0) /* longer than any node waits for the answer to a commit */
        r = db_run(db, db_bind(db, SQL_BATCH_FOLD, "i", now - MINUTES_KEPT * MINUTE), error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_SESSION_FOLD, "i", now - session_kept), error);
    return r;
}

int postgres_tidy(struct store *store, int64_t now, dq_error *error)
{
    enum { TIDY_EVERY_US = 2000000 };
    struct postgres *own = postgres_of(store);
    int64_t tick = clock_tick(), last = atomic_load(&own->tidied_at);
    if ((last != 0 && tick - last < TIDY_EVERY_US) ||
        !atomic_compare_exchange_strong(&own->tidied_at, &last, tick))
        return 0;
    int r = store_write(store, now, tidy_step, &now, error);
    return r < 0 ? r : 0;
}
