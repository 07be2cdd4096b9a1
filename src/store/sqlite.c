/*
 * The SQLite engine: open, migrate, and the one writer.
 *
 * Group commit by leader and followers: a caller puts its step into the queue; who finds nobody
 * committing becomes the leader, takes all that wait, runs each under a savepoint, syncs the
 * packs and commits once. What arrives meanwhile waits for the next leader: no delay is added to
 * wait for company.
 */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/changes.h"
#include "store/latch.h"
#include "store/migrate.h"
#include "store/session.h"
#include "store/sql.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROUP_STEPS_MAX = 1024, PATH_BYTES_MAX = 3000 };

struct waiting_step {
    struct waiting_step *next;
    step_fn *run;
    void *arguments;
    int64_t now;
    int code;
    bool lead;
    dq_error error;
    sem_t wake;
};

static int begin_step(struct db *db, bool alone, dq_error *error)
{
    db->changes.count = db->changes.kept;
    db->step.count = 0;
    db->step.documents = db->step.enqueued = db->step.completed = db->step.failed = 0;
    db->step.work = db->step.recall = false;
    return alone ? 0 : db_run(db, db_bind(db, SQL_SAVEPOINT, ""), error);
}

/* Runs one step; a failed one is undone to its savepoint. False: the whole transaction is gone. */
static bool run_step(struct store *store, struct waiting_step *step, bool alone)
{
    struct db *db = &store->writer;
    step->code = begin_step(db, alone, &step->error);
    if (step->code >= 0)
        step->code = step->run(store, db, step->arguments, &step->error);
    if (sqlite3_get_autocommit(db->handle))
        return false; /* a full disk or an I/O error rolled everything back */
    if (step->code >= 0)
        db_merge_tally(db);
    else if (alone)
        return false;
    else if (db_run(db, db_bind(db, SQL_ROLLBACK_STEP, ""), NULL) < 0)
        return false;
    return alone || db_run(db, db_bind(db, SQL_RELEASE, ""), NULL) >= 0;
}

static int finish_group(struct store *store, int64_t now, dq_error *error)
{
    struct db *db = &store->writer;
    int r = pack_sync(store->packs, error);
    if (r >= 0)
        r = db_flush_tally(db, now, error);
    if (r >= 0)
        r = changes_flush(db, error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_COMMIT, ""), error);
    return r < 0 ? r : 0;
}

static void fail_all(struct waiting_step *group, int code, const dq_error *error)
{
    for (struct waiting_step *step = group; step; step = step->next)
        if (step->code >= 0) {
            step->code = code;
            step->error = *error;
        }
}

static void reset_group(struct tally *tally)
{
    tally->count = 0;
    tally->documents = tally->enqueued = tally->completed = tally->failed = 0;
    tally->work = tally->recall = false;
}

static void commit_group(struct store *store, struct waiting_step *group)
{
    struct db *db = &store->writer;
    dq_error error = {.code = DQ_STORE, .detail = "the transaction was rolled back"};
    bool alone = !group->next, whole = true;
    latch_lock(store->latch);
    reset_group(&db->group);
    db->changes.count = db->changes.kept = 0;
    int r = db_run(db, db_bind(db, SQL_BEGIN, ""), &error);
    for (struct waiting_step *step = group; r >= 0 && whole && step; step = step->next) {
        whole = run_step(store, step, alone);
        if (!whole)
            error = step->code < 0 ? step->error : error;
    }
    if (r >= 0)
        r = whole ? finish_group(store, group->now, &error) : error.code;
    if (r < 0) {
        if (!sqlite3_get_autocommit(db->handle))
            (void)db_run(db, db_bind(db, SQL_ROLLBACK, ""), NULL);
        store->session_known = false;
        fail_all(group, r, &error);
    } else {
        if (db->group.work || db->group.recall)
            latch_pulse(store->latch, db->group.work, db->group.recall);
        if (db->changes.kept > 0 || db->group.documents || db->group.work)
            latch_changed(store->latch);
    }
    latch_unlock(store->latch);
    if (r == DQ_IO)
        store->broken = 1;
}

/* Detaches up to GROUP_STEPS_MAX steps. The mutex is held. */
static struct waiting_step *take_group(struct store *store)
{
    struct waiting_step *group = store->first, *tail = group;
    for (int i = 1; i < GROUP_STEPS_MAX && tail->next; i++)
        tail = tail->next;
    store->first = tail->next;
    if (!store->first)
        store->last = &store->first;
    tail->next = NULL;
    return group;
}

static void lead(struct store *store, struct waiting_step *self)
{
    struct waiting_step *group = take_group(store);
    pthread_mutex_unlock(&store->mutex);
    commit_group(store, group);
    pthread_mutex_lock(&store->mutex);
    struct waiting_step *next = store->first;
    if (next)
        next->lead = true;
    else
        store->leading = false;
    pthread_mutex_unlock(&store->mutex);
    if (next)
        sem_post(&next->wake);
    for (struct waiting_step *step = group, *after; step; step = after) {
        after = step->next;
        if (step != self)
            sem_post(&step->wake); /* its frame may be gone from here on */
    }
}

int sqlite_write(struct store *store, int64_t now, step_fn *run, void *arguments, dq_error *error)
{
    struct waiting_step step = {.run = run, .arguments = arguments, .now = now};
    if (store->broken)
        return error_set(error, DQ_IO,
                         "the disk failed earlier and the store has stopped; check the disk, then "
                         "restart");
    if (store->read_only)
        return error_set(error, DQ_INVALID, "the store was opened read-only");
    sem_init(&step.wake, 0, 0);
    pthread_mutex_lock(&store->mutex);
    *store->last = &step;
    store->last = &step.next;
    bool follow = store->leading;
    store->leading = true;
    if (follow) {
        pthread_mutex_unlock(&store->mutex);
        while (sem_wait(&step.wake) < 0 && errno == EINTR)
            ;
        if (step.lead)
            pthread_mutex_lock(&store->mutex);
    }
    if (!follow || step.lead)
        lead(store, &step);
    sem_destroy(&step.wake);
    if (step.code < 0 && error)
        *error = step.error;
    return step.code;
}

static int configure(struct db *db, bool reader, dq_error *error)
{
    return db_exec(db,
                   reader ? "PRAGMA query_only=1; PRAGMA cache_size=-8000"
                          : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                            "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-64000",
                   error);
}

static struct db *take_reader(struct store *store, dq_error *error)
{
    struct db *db = NULL;
    pthread_mutex_lock(&store->mutex);
    if (store->reader_count > 0)
        db = store->readers[--store->reader_count];
    pthread_mutex_unlock(&store->mutex);
    if (db)
        return db;
    db = calloc(1, sizeof *db);
    if (!db) {
        error_set(error, DQ_NO_MEMORY, "out of memory");
        return NULL;
    }
    if (db_open(store->database, SQLITE_OPEN_READWRITE, db, error) < 0 ||
        configure(db, true, error) < 0) {
        db_close(db);
        free(db);
        return NULL;
    }
    db->packs = store->packs;
    db->age_step = store->writer.age_step;
    return db;
}

static void give_reader(struct store *store, struct db *db)
{
    pthread_mutex_lock(&store->mutex);
    bool keep = store->reader_count < READERS_MAX;
    if (keep)
        store->readers[store->reader_count++] = db;
    pthread_mutex_unlock(&store->mutex);
    if (!keep) {
        db_close(db);
        free(db);
    }
}

int sqlite_read(struct store *store, step_fn *read, void *arguments, dq_error *error)
{
    if (!store->directory)
        return sqlite_write(store, 0, read, arguments, error);
    dq_error ignored;
    struct db *db = take_reader(store, error ? error : &ignored);
    if (!db)
        return error ? error->code : ignored.code;
    int r = db_exec(db, "BEGIN", error);
    if (r >= 0) {
        r = read(store, db, arguments, error);
        (void)db_exec(db, "COMMIT", NULL);
    }
    give_reader(store, db);
    return r;
}

static int read_secret(struct store *store, dq_error *error)
{
    sqlite3_stmt *statement = db_bind(&store->writer, SQL_META_GET, "t", "secret");
    int r = db_row(&store->writer, statement, error);
    if (r > 0 && sqlite3_column_bytes(statement, 0) == (int)sizeof store->secret)
        memcpy(store->secret, sqlite3_column_blob(statement, 0), sizeof store->secret);
    db_done(statement);
    return r < 0 ? r : 0;
}

static int make_directory(const char *path, dq_error *error)
{
    char part[PATH_BYTES_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part - 32)
        return error_set(error, DQ_INVALID, "the data directory's name is empty or too long");
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return error_set(error, DQ_INVALID,
                             "cannot create the data directory %s: %s; choose another with --data, "
                             "or make it writable",
                             path, strerror(errno));
    }
    if (access(path, R_OK | W_OK | X_OK) < 0)
        return error_set(error, DQ_INVALID,
                         "the data directory %s cannot be used: %s; choose another with --data, or "
                         "make it writable",
                         path, strerror(errno));
    return 0;
}

static int open_files(struct store *store, const struct store_options *options, dq_error *error)
{
    char path[PATH_BYTES_MAX + 32];
    const char *directory = store->directory;
    int r = directory ? make_directory(directory, error) : 0;
    if (r >= 0) {
        snprintf(path, sizeof path, "%s/packs", directory ? directory : "");
        r = pack_store_open(directory ? path : NULL, options->disk_reserve, &store->packs, error);
    }
    if (r >= 0) {
        snprintf(path, sizeof path, "%s/latch", directory ? directory : "");
        r = latch_open(directory ? path : NULL, &store->latch, error);
    }
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%s/docq.db", directory ? directory : "");
    store->database = strdup(directory ? path : ":memory:");
    if (!store->database)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    latch_lock(store->latch);
    r = db_open(store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &store->writer, error);
    if (r >= 0)
        r = configure(&store->writer, false, error);
    if (r >= 0)
        r = migrate(&store->writer, store->database, error);
    latch_unlock(store->latch);
    return r < 0 ? r : read_secret(store, error);
}

int store_open(const char *url, const struct store_options *options, struct store **ret_store,
               dq_error *error)
{
    if (strncmp(url, "sqlite:", 7) != 0)
        return error_set(error, DQ_INVALID,
                         "\"%.100s\" is no store this build can open; use sqlite:DIRECTORY", url);
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    pthread_mutex_init(&store->mutex, NULL);
    store->last = &store->first;
    store->session = id_new(clock_now());
    store->read_only = options->read_only;
    snprintf(store->worker, sizeof store->worker, "%s", options->worker);
    if (strcmp(url + 7, ":memory:") != 0)
        store->directory = strdup(url + 7);
    int r = open_files(store, options, error);
    store->writer.packs = store->packs;
    store->writer.age_step = options->age_step;
    if (r < 0) {
        store_close(&store);
        return r;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store **slot)
{
    struct store *store = *slot;
    if (!store)
        return;
    end_session(store);
    for (int i = 0; i < store->reader_count; i++) {
        db_close(store->readers[i]);
        free(store->readers[i]);
    }
    db_close(&store->writer);
    latch_close(&store->latch);
    pack_store_close(&store->packs);
    pthread_mutex_destroy(&store->mutex);
    free(store->directory);
    free(store->database);
    free(store);
    *slot = NULL;
}

const unsigned char *store_secret(const struct store *store)
{
    return store->secret;
}

struct pack_store *store_packs(struct store *store)
{
    return store->packs;
}

struct latch *store_latch(struct store *store)
{
    return store->latch;
}
