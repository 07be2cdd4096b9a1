/*
 * The SQLite engine: open and migrate; each step under a savepoint, the packs synced, then one
 * commit for all.
 */
#include "store/engine.h"

#include "base/error.h"
#include "store/changes.h"
#include "store/latch.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "store/sqlite_db.h"
#include "store/sqlite_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 3000 };

struct lite {
    struct db writer;
    char *directory, *database; /* NULL, ":memory:" for a store in memory */
};

static struct db *writer_of(struct store *store)
{
    struct lite *lite = store->own;
    return &lite->writer;
}

static int begin_step(struct db *db, bool alone, dq_error *error)
{
    db->changes.count = db->changes.kept;
    tally_reset(&db->step);
    return alone ? 0 : db_run(db, db_bind(db, SQL_SAVEPOINT, ""), error);
}

/* Runs one step; a failed one is undone to its savepoint. False: the whole transaction is gone. */
static bool run_step(struct store *store, struct waiting_step *step, bool alone)
{
    struct db *db = writer_of(store);
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
    struct db *db = writer_of(store);
    int r = pack_sync(store->packs, error);
    if (r >= 0)
        r = db_flush_tally(db, now, error);
    if (r >= 0)
        r = changes_flush(db, error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_COMMIT, ""), error);
    return r < 0 ? r : 0;
}

static void commit_group(struct store *store, struct waiting_step *group)
{
    struct db *db = writer_of(store);
    dq_error error = {.code = DQ_STORE, .detail = "the transaction was rolled back"};
    bool alone = !group->next, whole = true;
    latch_lock(store->latch);
    tally_reset(&db->group);
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
        fail_group(group, r, &error);
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

static int configure(struct db *db, bool reader, dq_error *error)
{
    return sqlite_exec(db,
                       reader ? "PRAGMA query_only=1; PRAGMA cache_size=-8000"
                              : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-64000",
                       error);
}

static int lite_connect(struct store *store, struct db *db, dq_error *error)
{
    struct lite *lite = store->own;
    int r = sqlite_connect(lite->database, SQLITE_OPEN_READWRITE, db, error);
    return r < 0 ? r : configure(db, true, error);
}

static int lite_read(struct store *store, struct db *db, step_fn *read, void *arguments,
                     dq_error *error)
{
    int r = sqlite_exec(db, "BEGIN", error);
    if (r < 0)
        return r;
    r = read(store, db, arguments, error);
    (void)sqlite_exec(db, "COMMIT", NULL);
    return r;
}

static int read_secret(struct store *store, struct db *db, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_META_GET, "t", "secret");
    size_t length;
    int r = db_row(db, row, error);
    const void *secret = r > 0 ? db_bytes(row, 0, &length) : NULL;
    if (secret && length == sizeof store->secret)
        memcpy(store->secret, secret, length);
    db_done(row);
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
    struct lite *lite = store->own;
    struct db *db = &lite->writer;
    const char *directory = lite->directory;
    int r = directory ? make_directory(directory, error) : 0;
    if (r >= 0) {
        snprintf(path, sizeof path, "%s/packs", directory ? directory : "");
        r = pack_files_open(directory ? path : NULL, options->disk_reserve, &store->packs, error);
    }
    if (r >= 0) {
        snprintf(path, sizeof path, "%s/latch", directory ? directory : "");
        r = latch_open(directory ? path : NULL, &store->latch, error);
    }
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%s/docq.db", directory ? directory : "");
    lite->database = strdup(directory ? path : ":memory:");
    if (!lite->database)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    latch_lock(store->latch);
    r = sqlite_connect(lite->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, db, error);
    if (r >= 0)
        r = configure(db, false, error);
    if (r >= 0)
        r = migrate(db, lite->database, error);
    if (r >= 0)
        r = index_catch_up(db, store->latch, error);
    latch_unlock(store->latch);
    return r < 0 ? r : read_secret(store, db, error);
}

static int lite_open(struct store *store, const char *url, const struct store_options *options,
                     dq_error *error)
{
    const char *path = strchr(url, ':') + 1;
    struct lite *lite = calloc(1, sizeof *lite);
    if (!lite)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    store->own = lite;
    store->one_connection = strcmp(path, ":memory:") == 0;
    if (!store->one_connection)
        lite->directory = strdup(path);
    int r = open_files(store, options, error);
    lite->writer.packs = store->packs;
    lite->writer.age_step = options->age_step;
    return r;
}

static void lite_close(struct store *store)
{
    struct lite *lite = store->own;
    latch_close(&store->latch);
    pack_store_close(&store->packs);
    if (!lite)
        return;
    sqlite_disconnect(&lite->writer);
    free(lite->directory);
    free(lite->database);
    free(lite);
}

static const char *const schemes[] = {"sqlite:", NULL};

const struct store_engine sqlite_engine = {
    .schemes = schemes,
    .open = lite_open,
    .close = lite_close,
    .commit = commit_group,
    .connect = lite_connect,
    .disconnect = sqlite_disconnect,
    .read = lite_read,
};
