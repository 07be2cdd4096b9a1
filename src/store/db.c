/* What every driver shares: parameters by format, columns as our types, and the tally. */
#include "store/db.h"

#include "base/buf.h"
#include "base/error.h"
#include "store/sql.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_BYTES_BOUND = 32 };

static void take_array(struct value *value, const struct buf *array)
{
    if (array->overflow)
        bug("an array parameter is too long");
    value->bytes = array->bytes;
    value->length = array->length;
}

static struct value take_value(char kind, va_list *args)
{
    struct value value = {.kind = kind};
    switch (kind) {
    case 'i':
        value.integer = va_arg(*args, int64_t);
        break;
    case 'f':
        value.real = va_arg(*args, double);
        break;
    case 't':
        value.bytes = va_arg(*args, const char *);
        value.length = value.bytes ? strlen(value.bytes) : 0;
        break;
    case 'x':
        value.kind = 't';
        value.bytes = va_arg(*args, const char *);
        value.length = va_arg(*args, size_t);
        break;
    case 'y':
        value.bytes = va_arg(*args, const void *);
        value.length = va_arg(*args, size_t);
        break;
    case 'B':
    case 'I':
    case 'T':
        take_array(&value, va_arg(*args, const struct buf *));
        break;
    case 'b':
        value.bytes = va_arg(*args, const void *);
        value.length = ID_BYTES;
        break;
    case 'd':
        value.bytes = va_arg(*args, const void *);
        value.length = DIGEST_BYTES_BOUND;
        break;
    case 'n':
        break;
    default:
        bug("unknown parameter kind %c", kind);
    }
    if (!value.bytes && kind != 'i' && kind != 'f')
        value.kind = 'n';
    return value;
}

struct rows *db_bind(struct db *db, enum sql name, const char *format, ...)
{
    struct rows *rows = db->driver->statement(db, name);
    va_list args;
    va_start(args, format);
    for (int i = 0; format[i]; i++) {
        struct value value = take_value(format[i], &args);
        db->driver->bind(rows, i, &value);
    }
    va_end(args);
    return rows;
}

int db_row(struct db *db, struct rows *rows, dq_error *error)
{
    return db->driver->row(db, rows, error);
}

void db_done(struct rows *rows)
{
    rows->driver->done(rows);
}

int db_run(struct db *db, struct rows *rows, dq_error *error)
{
    int r = db->driver->row(db, rows, error);
    if (r < 0)
        return r;
    r = db->driver->changes(db, rows);
    db->driver->done(rows);
    return r;
}

const void *db_bytes(struct rows *rows, int column, size_t *ret_length)
{
    size_t ignored;
    return rows->driver->bytes(rows, column, ret_length ? ret_length : &ignored);
}

struct id db_id(struct rows *rows, int column)
{
    struct id id = {0};
    size_t length;
    const void *bytes = db_bytes(rows, column, &length);
    if (bytes && length == ID_BYTES)
        memcpy(id.bytes, bytes, ID_BYTES);
    return id;
}

const char *db_text(struct rows *rows, int column)
{
    return db_bytes(rows, column, NULL);
}

char *db_copy(struct arena *arena, struct rows *rows, int column)
{
    size_t length;
    const char *text = db_bytes(rows, column, &length);
    return text ? arena_strndup(arena, text, length) : NULL;
}

int64_t db_int(struct rows *rows, int column)
{
    return rows->driver->integer(rows, column);
}

double db_double(struct rows *rows, int column)
{
    return rows->driver->real(rows, column);
}

bool db_null(struct rows *rows, int column)
{
    return !db_bytes(rows, column, NULL);
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

int db_flush_tally(struct db *db, int64_t now, dq_error *error)
{
    return db->driver->flush(db, now, error);
}
