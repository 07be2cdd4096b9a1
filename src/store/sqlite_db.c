/* SQLite as a driver of db.h, and what only its engine asks of a connection. */
#include "store/sqlite_db.h"

#include "base/error.h"
#include "store/fts.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

int sqlite_error(struct db *db, const char *what, dq_error *error)
{
    sqlite3 *handle = db->handle;
    int code = handle ? sqlite3_extended_errcode(handle) : SQLITE_CANTOPEN;
    const char *why = handle ? sqlite3_errmsg(handle) : "out of memory";
    switch (code & 0xff) {
    case SQLITE_FULL:
        return error_set(error, DQ_NO_SPACE, "%s: the disk is full; nothing was stored", what);
    case SQLITE_IOERR:
        return error_set(error, DQ_IO, "%s: %s (%d)", what, why, code);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(error, DQ_CORRUPT, "%s: %s", what, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(error, DQ_BUSY, "%s: another program holds the database", what);
    default:
        return error_set(error, DQ_STORE, "%s: %s (%d)", what, why, code);
    }
}

static struct rows *lite_statement(struct db *db, enum sql name)
{
    struct rows *rows = &db->prepared[name];
    if (!rows->statement) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v3(db->handle, sql_rows[name].text, -1, SQLITE_PREPARE_PERSISTENT,
                               &statement, NULL) != SQLITE_OK)
            bug("statement %s: %s", sql_rows[name].name, sqlite3_errmsg(db->handle));
        rows->statement = statement;
        rows->driver = db->driver;
    }
    sqlite3_reset(rows->statement);
    return rows;
}

static void lite_bind(struct rows *rows, int index, const struct value *value)
{
    sqlite3_stmt *statement = rows->statement;
    switch (value->kind) {
    case 'i':
        sqlite3_bind_int64(statement, index + 1, value->integer);
        break;
    case 'f':
        sqlite3_bind_double(statement, index + 1, value->real);
        break;
    case 't':
        sqlite3_bind_text(statement, index + 1, value->bytes, (int)value->length, SQLITE_STATIC);
        break;
    case 'n':
        sqlite3_bind_null(statement, index + 1);
        break;
    default:
        sqlite3_bind_blob(statement, index + 1, value->bytes, (int)value->length, SQLITE_STATIC);
    }
}

static int lite_row(struct db *db, struct rows *rows, dq_error *error)
{
    int r = sqlite3_step(rows->statement);
    if (r == SQLITE_ROW)
        return 1;
    r = r == SQLITE_DONE ? 0 : sqlite_error(db, "the database refused a step", error);
    sqlite3_reset(rows->statement);
    return r;
}

static int lite_changes(struct db *db, struct rows *rows)
{
    (void)rows;
    return sqlite3_changes(db->handle);
}

static void lite_done(struct rows *rows)
{
    sqlite3_reset(rows->statement);
}

static int64_t lite_integer(struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

static double lite_real(struct rows *rows, int column)
{
    return sqlite3_column_double(rows->statement, column);
}

static const void *lite_bytes(struct rows *rows, int column, size_t *ret_length)
{
    sqlite3_stmt *statement = rows->statement;
    const void *bytes = sqlite3_column_type(statement, column) == SQLITE_BLOB
                            ? sqlite3_column_blob(statement, column)
                            : sqlite3_column_text(statement, column);
    *ret_length = (size_t)sqlite3_column_bytes(statement, column);
    return bytes;
}

static void lite_watch(struct db *db, int (*late)(void *), void *context)
{
    enum { LOOK_EVERY_INSTRUCTIONS = 1000 };
    sqlite3_progress_handler(db->handle, LOOK_EVERY_INSTRUCTIONS, late, context);
}

static int add(struct db *db, const char *operation, const char *status, int64_t number,
               dq_error *error)
{
    if (number == 0)
        return 0;
    return db_run(db, db_bind(db, SQL_COUNTER_ADD, "tti", operation, status, number), error);
}

static int lite_flush(struct db *db, int64_t now, dq_error *error)
{
    struct tally *tally = &db->group;
    int r = add(db, "", "documents", tally->documents, error);
    for (int i = 0; r >= 0 && i < tally->count; i++)
        for (int s = 0; r >= 0 && s < DQ_STATUS_MAX; s++)
            r = add(db, tally->rows[i].operation, dq_status_name((enum dq_status)s),
                    tally->rows[i].by_status[s], error);
    if (r >= 0 && (tally->enqueued || tally->completed || tally->failed))
        r = db_run(db,
                   db_bind(db, SQL_RATE_ADD, "iiii", now / 60000000, tally->enqueued,
                           tally->completed, tally->failed),
                   error);
    return r < 0 ? r : 0;
}

static const struct db_driver lite_driver = {
    .statement = lite_statement,
    .bind = lite_bind,
    .row = lite_row,
    .changes = lite_changes,
    .done = lite_done,
    .integer = lite_integer,
    .real = lite_real,
    .bytes = lite_bytes,
    .watch = lite_watch,
    .flush = lite_flush,
};

int sqlite_connect(const char *path, int flags, struct db *db, dq_error *error)
{
    enum { BUSY_MS = 10000 };
    sqlite3 *handle = NULL;
    *db = (struct db){.driver = &lite_driver};
    db->prepared = calloc(SQL_MAX, sizeof *db->prepared);
    if (!db->prepared)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    int r = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    db->handle = handle;
    if (r != SQLITE_OK)
        return sqlite_error(db, "cannot open the database", error);
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, BUSY_MS);
    if (fts_register(handle) != SQLITE_OK)
        return error_set(error, DQ_STORE, "this SQLite has no full text search (FTS5)");
    return 0;
}

void sqlite_disconnect(struct db *db)
{
    free(db->changes.bytes);
    for (int i = 0; db->prepared && i < SQL_MAX; i++)
        sqlite3_finalize(db->prepared[i].statement);
    free(db->prepared);
    sqlite3_close(db->handle);
    *db = (struct db){0};
}

int sqlite_exec(struct db *db, const char *text, dq_error *error)
{
    if (sqlite3_exec(db->handle, text, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_error(db, "cannot prepare the database", error);
    return 0;
}

int64_t sqlite_pragma(struct db *db, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}
