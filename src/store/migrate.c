/* The schema's history: each row is one version, and a store moves up row by row in one commit. */
#include "store/migrate.h"

#include "base/error.h"
#include "base/id.h"
#include "store/sql.h"
#include "store/sqlite_db.h"

#include <stdio.h>

/* Version N is the row N - 1. Rows are only ever added: a released version never changes. */
static const enum sql versions[] = {
    SQL_SCHEMA_1,
    SQL_SCHEMA_2,
    SQL_SCHEMA_3,
    SQL_SCHEMA_4,
};

enum { SCHEMA_VERSION = sizeof versions / sizeof versions[0], SECRET_BYTES = 32 };

int migrate_version(struct db *db, int64_t *ret_version, dq_error *error)
{
    int64_t version = sqlite_pragma(db, "PRAGMA user_version");
    if (version < 0)
        return sqlite_error(db, "cannot read the database", error);
    *ret_version = version;
    return 0;
}

static int make_secret(struct db *db, dq_error *error)
{
    unsigned char secret[SECRET_BYTES];
    random_bytes(secret, sizeof secret);
    return db_run(db, db_bind(db, SQL_META_PUT, "td", "secret", secret), error);
}

static int climb(struct db *db, int64_t version, dq_error *error)
{
    char pragma[64];
    int r = 0;
    for (int64_t next = version; r >= 0 && next < SCHEMA_VERSION; next++)
        r = sqlite_exec(db, sql_rows[versions[next]].text, error);
    if (r >= 0 && version == 0)
        r = make_secret(db, error);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", SCHEMA_VERSION);
    return r < 0 ? r : sqlite_exec(db, pragma, error);
}

int migrate(struct db *db, const char *name, dq_error *error)
{
    int64_t version = 0;
    int r = sqlite_exec(db, "BEGIN IMMEDIATE", error);
    if (r >= 0)
        r = migrate_version(db, &version, error);
    if (r >= 0 && version > SCHEMA_VERSION)
        r = error_set(error, DQ_VERSION,
                      "the store in %s has schema %d and this docq knows %d; upgrade docq", name,
                      (int)version, SCHEMA_VERSION);
    if (r >= 0 && version < SCHEMA_VERSION)
        r = climb(db, version, error);
    dq_error ignored;
    int end = sqlite_exec(db, r < 0 ? "ROLLBACK" : "COMMIT", r < 0 ? &ignored : error);
    return r < 0 ? r : end;
}
