/* One SQLite connection with its prepared statements: bind, run, read columns. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/arena.h"
#include "base/id.h"
#include "store/store.h"

#include <sqlite3.h>

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
    sqlite3 *handle;
    struct pack_store *packs;
    sqlite3_stmt **statements;
    struct tally step; /* of the step that runs, dropped when it fails */
    struct tally group;
    struct change_buf changes;
    int64_t age_step;
};

int db_open(const char *path, int flags, struct db *db, dq_error *error);
void db_close(struct db *db);
int db_exec(struct db *db, const char *text, dq_error *error);

/* The statement with its parameters bound by a format: i int64, t text or NULL, b struct id * or
 * NULL, d digest (32 bytes), f double, n NULL. It is reset when the next one of the same name is
 * bound, or by db_run. */
sqlite3_stmt *db_bind(struct db *db, enum sql name, const char *format, ...);

/* Runs a statement that returns no rows. Returns the number of rows changed, or an error. */
int db_run(struct db *db, sqlite3_stmt *statement, dq_error *error);

/* Next row: 1, none: 0 (and reset), or an error. */
int db_row(struct db *db, sqlite3_stmt *statement, dq_error *error);
void db_done(sqlite3_stmt *statement);

/* SQLite's last error as ours: full disk, I/O error, corrupt, busy. */
int db_error(struct db *db, const char *what, dq_error *error);

struct id db_id(sqlite3_stmt *statement, int column);
const char *db_text(sqlite3_stmt *statement, int column); /* valid until the next step */
char *db_copy(struct arena *arena, sqlite3_stmt *statement, int column);
int64_t db_int(sqlite3_stmt *statement, int column);

/* Counts one item of `operation` out of `from` and into `to` (-1 = nowhere), and notes the change
 * for those who watch. */
void db_count(struct db *db, const struct id *item, const char *operation, int from, int to);

/* Notes a change that moves no count. */
void db_changed(struct db *db, const struct id *item, int status);
int db_flush_tally(struct db *db, int64_t now, dq_error *error);
void db_merge_tally(struct db *db);

#endif
