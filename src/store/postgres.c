/*
 * The PostgreSQL engine: connections that come back by themselves, and the commit of a group.
 *
 * A commit whose answer was lost is settled by the row that it would have added to `batch`: adding
 * the same row waits for the old transaction, and then either finds it or makes it impossible.
 */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/latch.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_US = 5000000,     /* a database that went away is waited for, once */
    CONNECT_EVERY_US = 100000, /* between two tries */
    TRIES_MAX = 20,            /* of a step that others get in the way of */
    TRY_AGAIN_US = 2000,
};

static void nap(int64_t microseconds)
{
    struct timespec ts = {.tv_sec = microseconds / US_PER_S,
                          .tv_nsec = microseconds % US_PER_S * 1000};
    nanosleep(&ts, NULL);
}

int postgres_revive(struct store *store, struct db *db, dq_error *error)
{
    struct postgres *own = postgres_of(store);
    int64_t start = clock_tick(), down = atomic_load(&own->down_since);
    int64_t patience = down == 0 ? PATIENCE_US : down + PATIENCE_US - start;
    dq_error why = {0};
    while (!db->handle || pg_of(db)->lost) {
        postgres_disconnect(db);
        int r = postgres_connect(own->url, db, &why);
        db->packs = store->packs;
        db->age_step = store->age_step;
        if (r >= 0)
            break;
        int64_t none = 0;
        (void)atomic_compare_exchange_strong(&own->down_since, &none, start);
        if (clock_tick() - start >= patience)
            return error_set(error, DQ_BUSY, "the database is away and is tried again: %.400s",
                             why.detail);
        nap(CONNECT_EVERY_US);
    }
    atomic_store(&own->down_since, 0);
    return 0;
}

/* ---- one group ------------------------------------------------------------------------------- */

enum fate {
    FATE_DONE,  /* committed, or failed for good: each step has its code */
    FATE_LOST,  /* the connection went before the commit: nothing happened */
    FATE_DOUBT, /* it went during the commit */
    FATE_AGAIN, /* others were in the way: nothing happened */
};

static enum fate undone(struct store *store, struct db *db, struct waiting_step *group, int code,
                        const dq_error *error)
{
    store->session_known = false;
    if (pg_of(db)->lost)
        return FATE_LOST;
    postgres_rollback(db);
    if (pg_of(db)->again)
        return FATE_AGAIN;
    fail_group(group, code, error);
    return FATE_DONE;
}

/* Runs one step; one that fails is undone to its savepoint. False: the whole transaction is gone.
 */
static bool run_step(struct store *store, struct db *db, struct waiting_step *step, bool alone)
{
    struct pg *pg = pg_of(db);
    tally_reset(&db->step);
    step->code = alone ? 0 : postgres_exec(db, SQL_SAVEPOINT, &step->error);
    if (step->code >= 0)
        step->code = step->run(store, db, step->arguments, &step->error);
    if (pg->lost || pg->again || (alone && step->code < 0))
        return false;
    if (step->code >= 0)
        db_merge_tally(db);
    else if (postgres_exec(db, SQL_ROLLBACK_STEP, NULL) < 0)
        return false;
    return alone || postgres_exec(db, SQL_RELEASE, NULL) >= 0;
}

static int run_steps(struct store *store, struct db *db, struct waiting_step *group,
                     dq_error *error)
{
    bool alone = !group->next;
    int r = postgres_merge(store, group, error);
    for (struct waiting_step *step = group; r >= 0 && step; step = step->next) {
        if (step->merged || run_step(store, db, step, alone))
            continue;
        r = step->code < 0 ? step->code : DQ_STORE;
        *error = step->error;
    }
    return r;
}

static bool has_changes(const struct db *db)
{
    return ((const struct pg *)db->handle)->wrote || db->group.count > 0 || db->group.documents;
}

static enum fate attempt(struct store *store, struct db *db, struct waiting_step *group,
                         dq_error *error)
{
    struct pg *pg = pg_of(db);
    for (struct waiting_step *step = group; step; step = step->next) {
        step->code = 0;
        step->merged = false;
    }
    tally_reset(&db->group);
    db->changes.count = db->changes.kept = 0; /* noted by the steps, not kept here yet */
    db->batch = id_new(clock_now());
    pg->again = pg->refused = pg->wrote = false;
    int r = postgres_exec(db, SQL_BEGIN, error);
    if (r >= 0)
        r = run_steps(store, db, group, error);
    if (r >= 0 && has_changes(db))
        r = db_flush_tally(db, group->now ? group->now : clock_now(), error);
    if (r < 0)
        return undone(store, db, group, r, error);
    r = postgres_commit(db, error);
    if (r < 0 && pg->lost && has_changes(db))
        return FATE_DOUBT;
    return r < 0 ? undone(store, db, group, r, error) : FATE_DONE;
}

/* 1: the commit in doubt happened; 0: it did not and never will. */
static int settle(struct store *store, struct db *db, const struct id *batch, dq_error *error)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        int r = postgres_revive(store, db, error);
        if (r < 0)
            return r;
        r = db_run(db, db_bind(db, SQL_BATCH_SETTLE, "bi", batch, clock_now()), error);
        if (r >= 0)
            return r == 0;
        nap(CONNECT_EVERY_US); /* lost again, or its transaction still waits for a standby */
    }
    return DQ_BUSY;
}

static void commit_alone(struct store *store, struct waiting_step *group);

static enum fate commit_once(struct store *store, struct waiting_step *group, dq_error *error)
{
    struct db *db = &postgres_of(store)->writer;
    int r = postgres_revive(store, db, error);
    if (r < 0) {
        fail_group(group, r, error);
        return FATE_DONE;
    }
    enum fate fate = attempt(store, db, group, error);
    if (fate != FATE_DOUBT)
        return fate;
    struct id batch = db->batch;
    struct tally tally = db->group;
    r = settle(store, db, &batch, error);
    db->group = tally;
    if (r == 0)
        return FATE_LOST;
    if (r < 0) {
        error_set(error, DQ_STORE,
                  "the database went away during the commit, and whether it happened is not known "
                  "yet; look before you ask again");
        fail_group(group, DQ_STORE, error);
    }
    return FATE_DONE;
}

static void commit_group(struct store *store, struct waiting_step *group)
{
    dq_error error = {0};
    enum fate fate = FATE_LOST;
    for (int i = 0; i < TRIES_MAX && fate != FATE_DONE; i++) {
        fate = commit_once(store, group, &error);
        if (fate == FATE_AGAIN && group->next) {
            commit_alone(store, group);
            return;
        }
        if (fate == FATE_AGAIN && pg_of(&postgres_of(store)->writer)->refused)
            break; /* the caller may wait, the others must not */
        if (fate == FATE_AGAIN)
            nap(TRY_AGAIN_US * i);
    }
    if (fate != FATE_DONE)
        fail_group(group, error.code < 0 ? error.code : DQ_BUSY, &error);
    struct db *db = &postgres_of(store)->writer;
    bool any = false;
    for (struct waiting_step *step = group; step; step = step->next)
        any = any || step->code >= 0;
    if (any && (db->group.work || db->group.recall)) {
        latch_pulse(store->latch, db->group.work, db->group.recall);
        postgres_tell(store, db->group.work, db->group.recall);
    }
}

/* Steps that got in each other's way, or in that of another node's, hold few locks one by one. */
static void commit_alone(struct store *store, struct waiting_step *group)
{
    for (struct waiting_step *step = group, *next; step; step = next) {
        next = step->next;
        step->next = NULL;
        commit_group(store, step);
        step->next = next;
    }
}

/* ---- reads ----------------------------------------------------------------------------------- */

static int pg_read(struct store *store, struct db *db, step_fn *read, void *arguments,
                   dq_error *error)
{
    int r = 0;
    for (int i = 0; i < TRIES_MAX; i++) {
        r = postgres_revive(store, db, error);
        if (r < 0)
            return r;
        struct pg *pg = pg_of(db);
        pg->again = false;
        r = postgres_exec(db, SQL_READ_BEGIN, error);
        if (r >= 0)
            r = read(store, db, arguments, error);
        if (!pg->lost && !pg->again) {
            postgres_rollback(db);
            return r;
        }
        postgres_rollback(db);
    }
    return r;
}

int postgres_apart(struct store *store, step_fn *step, void *arguments, dq_error *error)
{
    struct db *db = store_borrow(store, error);
    int r = DQ_BUSY;
    if (!db)
        return r;
    for (int i = 0; i < TRIES_MAX; i++) {
        r = postgres_revive(store, db, error);
        if (r < 0)
            break;
        pg_of(db)->again = false;
        r = step(store, db, arguments, error);
        if (!pg_of(db)->lost && !pg_of(db)->again)
            break;
    }
    store_return(store, db);
    return r;
}

static int pg_connect(struct store *store, struct db *db, dq_error *error)
{
    return postgres_revive(store, db, error);
}

/* ---- open and close -------------------------------------------------------------------------- */

static int read_secret(struct store *store, struct db *db, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_META_GET, "t", "secret");
    size_t length;
    int r = db_row(db, row, error);
    const char *secret = r > 0 ? db_bytes(row, 0, &length) : NULL;
    bool good =
        secret && length == 2 * sizeof store->secret && hex_decode(secret, length, store->secret);
    db_done(row);
    if (r >= 0 && !good)
        r = error_set(error, DQ_CORRUPT, "the database's docq.meta has no secret");
    return r < 0 ? r : 0;
}

static int pg_open(struct store *store, const char *url, const struct store_options *options,
                   dq_error *error)
{
    struct postgres *own = calloc(1, sizeof *own);
    if (!own)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    (void)options;
    store->own = own;
    own->wake_fd = -1;
    own->url = strdup(url);
    int r = latch_open(NULL, &store->latch, error);
    if (r >= 0)
        r = postgres_bytes_open(store, &store->packs, error);
    if (r >= 0)
        r = postgres_revive(store, &own->writer, error);
    if (r == DQ_BUSY)
        r = DQ_UNREACHABLE;
    if (r == DQ_UNREACHABLE && error)
        error->code = r;
    if (r >= 0)
        r = postgres_migrate(store, &own->writer, error);
    if (r >= 0)
        r = read_secret(store, &own->writer, error);
    return r < 0 ? r : postgres_messenger_start(store, error);
}

static void pg_close(struct store *store)
{
    struct postgres *own = postgres_of(store);
    if (own)
        postgres_messenger_stop(store);
    latch_close(&store->latch);
    pack_store_close(&store->packs);
    if (!own)
        return;
    postgres_disconnect(&own->writer);
    free(own->url);
    free(own);
}

static const char *const schemes[] = {"postgresql://", "postgres://", NULL};

const struct store_engine postgres_engine = {
    .schemes = schemes,
    .open = pg_open,
    .close = pg_close,
    .commit = commit_group,
    .connect = pg_connect,
    .disconnect = postgres_disconnect,
    .read = pg_read,
    .claim = postgres_claim,
    .tidy = postgres_tidy,
};
