/* A connection to SQLite. */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include "store/db.h"

#include <sqlite3.h>

/* *db is to be given to sqlite_disconnect after a failure, too. */
int sqlite_connect(const char *path, int flags, struct db *db, dq_error *error);
void sqlite_disconnect(struct db *db);
int sqlite_exec(struct db *db, const char *text, dq_error *error);

/* The number that a query without parameters gives; -1: it cannot be read. */
int64_t sqlite_pragma(struct db *db, const char *text);

/* SQLite's last error as ours: full disk, I/O error, corrupt, busy. */
int sqlite_error(struct db *db, const char *what, dq_error *error);

#endif
