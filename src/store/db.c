/* SQLite behind a few verbs. */
#include "store/db.h"

#include "base/error.h"
#include "store/sql.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int db_error(struct db *db, const char *what, dq_error *error)
{
    int code = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_CANTOPEN;
    const char *why = db->handle ? sqlite3_errmsg(db->handle) : "out of memory";
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

int db_open(const char *path, int flags, struct db *db, dq_error *error)
{
    enum { BUSY_MS = 10000 };
    *db = (struct db){0};
    db->statements = calloc(SQL_MAX, sizeof *db->statements);
    if (!db->statements)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return db_error(db, "cannot open the database", error);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    return 0;
}

void db_close(struct db *db)
{
    for (int i = 0; db->statements && i < SQL_MAX; i++)
        sqlite3_finalize(db->statements[i]);
    free(db->statements);
    free(db->changes.bytes);
    sqlite3_close(db->handle);
    *db = (struct db){0};
}

int db_exec(struct db *db, const char *text, dq_error *error)
{
    if (sqlite3_exec(db->handle, text, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(db, "cannot prepare the database", error);
    return 0;
}

static void bind_one(sqlite3_stmt *statement, int index, char kind, va_list *args)
{
    const char *text;
    const void *bytes;
    switch (kind) {
    case 'i':
        sqlite3_bind_int64(statement, index, va_arg(*args, int64_t));
        break;
    case 'f':
        sqlite3_bind_double(statement, index, va_arg(*args, double));
        break;
    case 't':
        text = va_arg(*args, const char *);
        sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
        break;
    case 'b':
        bytes = va_arg(*args, const void *);
        sqlite3_bind_blob(statement, index, bytes, ID_BYTES, SQLITE_STATIC);
        break;
    case 'd':
        bytes = va_arg(*args, const void *);
        sqlite3_bind_blob(statement, index, bytes, 32, SQLITE_STATIC);
        break;
    case 'n':
        sqlite3_bind_null(statement, index);
        break;
    default:
        bug("unknown parameter kind %c", kind);
    }
}

sqlite3_stmt *db_bind(struct db *db, enum sql name, const char *format, ...)
{
    sqlite3_stmt *statement = db->statements[name];
    if (!statement) {
        if (sqlite3_prepare_v3(db->handle, sql_rows[name].text, -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[name], NULL) != SQLITE_OK)
            bug("statement %s: %s", sql_rows[name].name, sqlite3_errmsg(db->handle));
        statement = db->statements[name];
    }
    sqlite3_reset(statement);
    va_list args;
    va_start(args, format);
    for (int i = 0; format[i]; i++)
        bind_one(statement, i + 1, format[i], &args);
    va_end(args);
    return statement;
}

int db_row(struct db *db, sqlite3_stmt *statement, dq_error *error)
{
    int r = sqlite3_step(statement);
    if (r == SQLITE_ROW)
        return 1;
    if (r != SQLITE_DONE)
        r = db_error(db, "the database refused a step", error);
    else
        r = 0;
    sqlite3_reset(statement);
    return r;
}

void db_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
}

int db_run(struct db *db, sqlite3_stmt *statement, dq_error *error)
{
    int r = db_row(db, statement, error);
    if (r < 0)
        return r;
    sqlite3_reset(statement);
    return sqlite3_changes(db->handle);
}

struct id db_id(sqlite3_stmt *statement, int column)
{
    struct id id = {0};
    if (sqlite3_column_bytes(statement, column) == ID_BYTES)
        memcpy(id.bytes, sqlite3_column_blob(statement, column), ID_BYTES);
    return id;
}

const char *db_text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

char *db_copy(struct arena *arena, sqlite3_stmt *statement, int column)
{
    const char *text = db_text(statement, column);
    return text ? arena_strndup(arena, text, (size_t)sqlite3_column_bytes(statement, column))
                : NULL;
}

int64_t db_int(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column);
}

static int tally_row(struct tally *tally, const char *operation)
{
    for (int i = 0; i < tally->count; i++)
        if (strcmp(tally->rows[i].operation, operation) == 0)
            return i;
    if (tally->count == OPERATIONS_MAX)
        bug("more than %d operations", OPERATIONS_MAX);
    memset(&tally->rows[tally->count], 0, sizeof tally->rows[0]);
    strncpy(tally->rows[tally->count].operation, operation, DQ_OPERATION_BYTES_MAX);
    return tally->count++;
}

void db_changed(struct db *db, const struct id *item, int status)
{
    enum { ROOM_MIN = 64 };
    struct change_buf *changes = &db->changes;
    if (changes->count == changes->room) {
        changes->room = changes->room ? changes->room * 2 : ROOM_MIN;
        changes->bytes = realloc(changes->bytes, changes->room * CHANGE_BYTES);
        if (!changes->bytes)
            bug("out of memory");
    }
    unsigned char *entry = changes->bytes + changes->count++ * CHANGE_BYTES;
    memcpy(entry, item->bytes, ID_BYTES);
    entry[ID_BYTES] = (unsigned char)(status < 0 ? CHANGE_GONE : status);
}

void db_count(struct db *db, const struct id *item, const char *operation, int from, int to)
{
    db_changed(db, item, to);
    int row = tally_row(&db->step, operation);
    if (from >= 0)
        db->step.rows[row].by_status[from]--;
    if (to >= 0)
        db->step.rows[row].by_status[to]++;
    db->step.enqueued += from < 0 && to == DQ_PENDING;
    db->step.completed += to == DQ_COMPLETED;
    db->step.failed += to == DQ_FAILED;
    db->step.work = db->step.work || to == DQ_PENDING || from == DQ_IN_PROGRESS;
    db->step.recall = db->step.recall || (from == DQ_IN_PROGRESS && to != DQ_COMPLETED);
}

void db_merge_tally(struct db *db)
{
    for (int i = 0; i < db->step.count; i++) {
        int row = tally_row(&db->group, db->step.rows[i].operation);
        for (int s = 0; s < DQ_STATUS_MAX; s++)
            db->group.rows[row].by_status[s] += db->step.rows[i].by_status[s];
    }
    db->group.documents += db->step.documents;
    db->group.enqueued += db->step.enqueued;
    db->group.completed += db->step.completed;
    db->group.failed += db->step.failed;
    db->group.work |= db->step.work;
    db->group.recall |= db->step.recall;
    db->changes.kept = db->changes.count;
}

static int add(struct db *db, const char *operation, const char *status, int64_t number,
               dq_error *error)
{
    if (number == 0)
        return 0;
    return db_run(db, db_bind(db, SQL_COUNTER_ADD, "tti", operation, status, number), error);
}

int db_flush_tally(struct db *db, int64_t now, dq_error *error)
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
