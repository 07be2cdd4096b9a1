/* What people ask about many items at once: kinds of failures, rates, how many match. */
#include "base/error.h"
#include "core/problem.h"
#include "store/engine.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

enum {
    FAILURES_READ_MAX = 20000, /* newest failures that are grouped */
    PROBLEMS_MAX = 200,
    LATENCIES = 200, /* newest finished items that the percentiles speak of */
    COUNT_MAX = 100000,
};

/* ---- problems -------------------------------------------------------------------------------- */

struct problems_arguments {
    int64_t now, since;
    struct arena *arena;
    dq_problem_list *list;
};

static dq_problem *find_problem(struct problems_arguments *arguments, const char *key)
{
    dq_problem_list *list = arguments->list;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->problems[i].key, key) == 0)
            return &list->problems[i];
    if (list->count == PROBLEMS_MAX)
        return NULL;
    dq_problem *problem = &list->problems[list->count++];
    memcpy(problem->key, key, PROBLEM_KEY_SIZE);
    return problem;
}

/* Rows come newest first: the first of a kind stands for it. */
static void add_failure(struct problems_arguments *arguments, struct rows *row)
{
    enum { HOUR_S = 3600, DAY_S = 86400, US = 1000000 };
    char key[PROBLEM_KEY_SIZE];
    int64_t at = db_int(row, 4), age = arguments->now - at;
    problem_key(db_text(row, 2), db_text(row, 3), key);
    dq_problem *problem = find_problem(arguments, key);
    if (!problem)
        return;
    if (problem->count++ == 0) {
        struct id id = db_id(row, 0);
        id_format(&id, problem->item_id);
        problem->operation = db_copy(arguments->arena, row, 1);
        problem->code = db_copy(arguments->arena, row, 2);
        problem->message = db_copy(arguments->arena, row, 3);
        problem->last_at = at;
    }
    problem->first_at = at;
    problem->last_hour += age < (int64_t)HOUR_S * US;
    problem->last_day += age < (int64_t)DAY_S * US;
}

static int by_count(const void *a, const void *b)
{
    const dq_problem *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->last_at < y->last_at) - (x->last_at > y->last_at);
}

static int problems_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct problems_arguments *arguments = opaque;
    dq_problem_list *list = arguments->list;
    int looked = 0, r;
    (void)store;
    list->problems = arena_alloc(arguments->arena, PROBLEMS_MAX * sizeof *list->problems);
    memset(list->problems, 0, PROBLEMS_MAX * sizeof *list->problems);
    struct rows *rows =
        db_bind(db, SQL_FAILURE_LIST, "ii", arguments->since, (int64_t)FAILURES_READ_MAX);
    while ((r = db_row(db, rows, error)) > 0) {
        add_failure(arguments, rows);
        looked++;
    }
    list->more = looked == FAILURES_READ_MAX;
    qsort(list->problems, list->count, sizeof *list->problems, by_count);
    return r < 0 ? r : 0;
}

int store_problems(struct store *store, int64_t now, int64_t since, struct arena *arena,
                   dq_problem_list *ret_list, dq_error *error)
{
    struct problems_arguments arguments = {now, since, arena, ret_list};
    return store_read(store, problems_step, &arguments, error);
}

/* ---- rates and times ------------------------------------------------------------------------- */

struct history_arguments {
    int64_t from_minute;
    int step_minutes, points;
    dq_history *history;
};

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static dq_spread spread_of(int64_t *values, int count)
{
    dq_spread spread = {.count = count};
    qsort(values, (size_t)count, sizeof *values, by_value);
    if (count > 0) {
        spread.p50 = values[count / 2];
        spread.p95 = values[(count * 95 - 1) / 100];
    }
    return spread;
}

static int read_times(struct db *db, dq_history *history, dq_error *error)
{
    int64_t waits[LATENCIES], runs[LATENCIES];
    int count = 0, r;
    struct rows *rows = db_bind(db, SQL_FINISHED_RECENT, "i", (int64_t)LATENCIES);
    while ((r = db_row(db, rows, error)) > 0) {
        int64_t created = db_int(rows, 1), started = db_int(rows, 2), finished = db_int(rows, 3);
        if (started < created || finished < started)
            continue; /* cancelled before it began */
        waits[count] = started - created;
        runs[count++] = finished - started;
    }
    history->wait = spread_of(waits, count);
    history->run = spread_of(runs, count);
    return r;
}

static int history_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct history_arguments *arguments = opaque;
    int r;
    (void)store;
    struct rows *rows = db_bind(db, SQL_RATE_LIST, "i", arguments->from_minute);
    while ((r = db_row(db, rows, error)) > 0) {
        int64_t place = (db_int(rows, 0) - arguments->from_minute) / arguments->step_minutes;
        if (place >= arguments->points)
            continue;
        dq_history_point *point = &arguments->history->points[place];
        point->enqueued += db_int(rows, 1);
        point->completed += db_int(rows, 2);
        point->failed += db_int(rows, 3);
    }
    return r < 0 ? r : read_times(db, arguments->history, error);
}

int store_history(struct store *store, int64_t now, int step_minutes, int points,
                  struct arena *arena, dq_history *ret_history, dq_error *error)
{
    enum { MINUTE_US = 60000000 };
    int64_t step = (int64_t)step_minutes * MINUTE_US, from = (now / step - points + 1) * step;
    struct history_arguments arguments = {from / MINUTE_US, step_minutes, points, ret_history};
    ret_history->points = arena_alloc(arena, (size_t)points * sizeof *ret_history->points);
    ret_history->count = (size_t)points;
    for (int i = 0; i < points; i++)
        ret_history->points[i] = (dq_history_point){.at = from + i * step};
    int r = store_read(store, history_step, &arguments, error);
    return r < 0 ? r : 0;
}

/* ---- how many -------------------------------------------------------------------------------- */

struct finished_arguments {
    int64_t before, count;
    int status;
};

static int finished_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    static const enum dq_status finals[] = {DQ_COMPLETED, DQ_FAILED, DQ_CANCELLED};
    struct finished_arguments *arguments = opaque;
    int r = 0;
    (void)store;
    for (size_t i = 0; r >= 0 && i < sizeof finals / sizeof finals[0]; i++) {
        if (arguments->status >= 0 && arguments->status != (int)finals[i])
            continue;
        struct rows *row = db_bind(db, SQL_FINISHED_COUNT, "iti", arguments->before,
                                   dq_status_name(finals[i]), (int64_t)COUNT_MAX);
        r = db_row(db, row, error);
        if (r > 0)
            arguments->count += db_int(row, 0);
        db_done(row);
    }
    return r < 0 ? r : 0;
}

int64_t store_count_finished(struct store *store, int64_t before, int status, dq_error *error)
{
    struct finished_arguments arguments = {.before = before, .status = status};
    int r = store_read(store, finished_step, &arguments, error);
    return r < 0 ? r : arguments.count;
}
