/*
 * One database connection with its prepared statements: bind, run, read columns. The steps are
 * written on this, once for every engine; what differs between SQLite and PostgreSQL is a driver
 * below and, where the dialect asks for it, a second text of a statement.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/arena.h"
#include "base/id.h"
#include "store/store.h"

/* A slot of this enum for each named statement; generated. */
enum sql;

enum { OPERATIONS_MAX = 64 };

/* How the counters change with the commit under way. */
struct tally {
    struct {
        char operation[DQ_OPERATION_BYTES_MAX + 1];
        int64_t by_status[DQ_STATUS_MAX];
    } rows[OPERATIONS_MAX];
    int count;
    int64_t documents, enqueued, completed, failed;
    bool work, recall; /* the pulse to give after the commit */
};

/* The items that the commit under way changes, CHANGE_BYTES each: id and new status. Those from
 * `kept` on belong to the step that runs and are dropped when it fails. */
enum { CHANGE_BYTES = ID_BYTES + 1, CHANGE_GONE = DQ_STATUS_MAX };
struct change_buf {
    unsigned char *bytes;
    size_t count, kept, room;
};

struct db {
    const struct db_driver *driver;
    void *handle;          /* the driver's connection */
    struct rows *prepared; /* one for each statement, owned by the driver */
    struct pack_store *packs;
    struct tally step; /* of the step that runs, dropped when it fails */
    struct tally group;
    struct id batch; /* PostgreSQL: names the commit under way */
    struct change_buf changes;
    int64_t age_step;
};

/* A statement of one connection, and its rows while it runs. */
struct rows {
    const struct db_driver *driver;
    void *statement;
};

/* A parameter. Bytes stay the caller's until the statement has run. */
struct value {
    char kind; /* as in db_bind */
    int64_t integer;
    double real;
    const void *bytes;
    size_t length;
};

/* What an engine must be able to do with a connection. Row and column calls are documented below
 * under the names db_*. */
struct db_driver {
    struct rows *(*statement)(struct db *db, enum sql name); /* ready for its parameters */
    void (*bind)(struct rows *rows, int index, const struct value *value); /* index 0.. */
    int (*row)(struct db *db, struct rows *rows, dq_error *error);
    int (*changes)(struct db *db, struct rows *rows); /* by the statement that just ran */
    void (*done)(struct rows *rows);
    int64_t (*integer)(struct rows *rows, int column);
    double (*real)(struct rows *rows, int column);
    const void *(*bytes)(struct rows *rows, int column, size_t *ret_length);
    /* Asks `late` now and then while statements run: a true answer ends the one that runs with an
     * error. NULL = no more. An engine may do without. */
    void (*watch)(struct db *db, int (*late)(void *context), void *context);
    int (*flush)(struct db *db, int64_t now, dq_error *error); /* writes db->group's counts */
};

/* The statement with its parameters bound by a format: i int64, t text or NULL, x text and its
 * size_t length, y bytes and their size_t length, b struct id * or NULL, d digest (32 bytes),
 * f double, n NULL; B, I and T arrays (postgres_db.h). It is reset when
 * the next one of the same name is bound, or by db_run. */
struct rows *db_bind(struct db *db, enum sql name, const char *format, ...);

/* Runs a statement that returns no rows. Returns the number of rows changed, or an error. */
int db_run(struct db *db, struct rows *rows, dq_error *error);

/* Next row: 1, none: 0 (and reset), or an error. */
int db_row(struct db *db, struct rows *rows, dq_error *error);
void db_done(struct rows *rows);

struct id db_id(struct rows *rows, int column);
const char *db_text(struct rows *rows, int column); /* NULL = SQL's; valid until the next row */
char *db_copy(struct arena *arena, struct rows *rows, int column);
int64_t db_int(struct rows *rows, int column);
double db_double(struct rows *rows, int column);
bool db_null(struct rows *rows, int column);

/* Bytes of a text or blob, NULL where it is SQL's NULL; valid until the next row. */
const void *db_bytes(struct rows *rows, int column, size_t *ret_length);

/* Counts one item of `operation` out of `from` and into `to` (-1 = nowhere), and notes the change
 * for those who watch. */
void db_count(struct db *db, const struct id *item, const char *operation, int from, int to);

/* Notes a change that moves no count. */
void db_changed(struct db *db, const struct id *item, int status);
int db_flush_tally(struct db *db, int64_t now, dq_error *error);
void db_merge_tally(struct db *db);

#endif
