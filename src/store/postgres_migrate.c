/* The schema's history on PostgreSQL: as in migrate.c, a row for each version. */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

/* Version N is the row N - 1. Rows are only ever added: a released version never changes. */
static const enum sql versions[] = {
    SQL_POSTGRES_1,
    SQL_POSTGRES_2,
};

enum { SCHEMA_VERSION = sizeof versions / sizeof versions[0], SECRET_BYTES = 32 };

static int read_version(struct db *db, int64_t *ret_version, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_POSTGRES_EXISTS, "");
    int r = db_row(db, row, error);
    db_done(row);
    *ret_version = 0;
    if (r <= 0)
        return r;
    row = db_bind(db, SQL_POSTGRES_VERSION, "");
    r = db_row(db, row, error);
    if (r > 0)
        *ret_version = db_int(row, 0);
    db_done(row);
    return r;
}

static int put_meta(struct db *db, const char *key, const char *value, dq_error *error)
{
    int r = db_run(db, db_bind(db, SQL_META_PUT, "tt", key, value), error);
    return r < 0 ? r : 0;
}

static int make_secret(struct db *db, dq_error *error)
{
    unsigned char secret[SECRET_BYTES];
    char text[2 * SECRET_BYTES + 1];
    random_bytes(secret, sizeof secret);
    hex_encode(secret, sizeof secret, text);
    return put_meta(db, "secret", text, error);
}

/* In a transaction that holds the lock. */
static int climb(struct db *db, dq_error *error)
{
    int64_t version;
    char text[24];
    int r = read_version(db, &version, error);
    bool fresh = version == 0;
    if (r < 0 || version >= SCHEMA_VERSION)
        return r;
    for (; r >= 0 && version < SCHEMA_VERSION; version++)
        r = postgres_exec(db, versions[version], error);
    snprintf(text, sizeof text, "%d", SCHEMA_VERSION);
    if (r >= 0)
        r = put_meta(db, "schema", text, error);
    return r >= 0 && fresh ? make_secret(db, error) : r;
}

static int migrate_once(struct db *db, dq_error *error)
{
    int r = postgres_exec(db, SQL_BEGIN, error);
    if (r >= 0)
        r = postgres_exec(db, SQL_POSTGRES_LOCK, error);
    if (r >= 0)
        r = climb(db, error);
    if (r >= 0)
        r = postgres_commit(db, error);
    postgres_rollback(db);
    return r;
}

/* The SQL function docq.enqueue() ranks as this node does. */
static int note_age_step(struct store *store, struct db *db, dq_error *error)
{
    char text[24];
    struct rows *row = db_bind(db, SQL_META_GET, "t", "age_step");
    int r = db_row(db, row, error);
    bool same = r > 0 && db_int(row, 0) == store->age_step;
    db_done(row);
    snprintf(text, sizeof text, "%lld", (long long)store->age_step);
    return r < 0 || same ? r : put_meta(db, "age_step", text, error);
}

int postgres_migrate(struct store *store, struct db *db, dq_error *error)
{
    int64_t version, deadline = clock_tick() + 60 * US_PER_S;
    int r = read_version(db, &version, error);
    if (r >= 0 && version < SCHEMA_VERSION && store->read_only)
        return error_set(error, DQ_INVALID,
                         "the database has no schema of this version of docq; open it once without "
                         "read-only");
    while (r >= 0 && version < SCHEMA_VERSION && clock_tick() < deadline) {
        pg_of(db)->again = false;
        r = migrate_once(db, error);
        if (r < 0 && pg_of(db)->again) /* others were before us for longer than a lock may last */
            r = 0;
        if (r >= 0)
            r = read_version(db, &version, error);
    }
    if (r < 0)
        return r;
    if (version != SCHEMA_VERSION)
        return error_set(error, DQ_VERSION,
                         "the database has schema %d and this docq knows %d; upgrade docq",
                         (int)version, SCHEMA_VERSION);
    return store->read_only ? 0 : note_age_step(store, db, error);
}
