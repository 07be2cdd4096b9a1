/* A connection to PostgreSQL, as a driver of db.h. */
#ifndef STORE_POSTGRES_DB_H
#define STORE_POSTGRES_DB_H

#include "base/buf.h"
#include "store/db.h"

#include <libpq-fe.h>

/* The handle of a db. */
struct pg {
    PGconn *conn;
    bool lost;    /* the connection is gone */
    bool again;   /* the last error may pass: a deadlock, a race for a unique row, a lock */
    bool refused; /* it was a lock that somebody holds for long */
    bool wrote;   /* since it was last set to false */
};

/* *db is to be given to postgres_disconnect after a failure, too. DQ_UNREACHABLE: no server
 * answers, or none with the role that the URL asks for. */
int postgres_connect(const char *url, struct db *db, dq_error *error);
void postgres_disconnect(struct db *db);

/* Commands without parameters and rows, sent as they are. */
int postgres_exec(struct db *db, enum sql name, dq_error *error);

struct pg *pg_of(struct db *db);

/* COMMIT. 0; an error, with pg->lost where the outcome is not known. */
int postgres_commit(struct db *db, dq_error *error);
void postgres_rollback(struct db *db);

/* An array parameter of PostgreSQL is bound in db_bind as B (ids), I (int64) or T (texts), each
 * with a struct buf * that array_begin and array_add have filled. */
void array_begin(struct buf *array, char kind, size_t count);
void array_add_id(struct buf *array, const struct id *id);
void array_add_int(struct buf *array, int64_t number);
void array_add_text(struct buf *array, const char *text);
enum { ARRAY_BYTES_MAX = 64 * 1024 * 1024 };

#endif
