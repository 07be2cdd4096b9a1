/* Brings a database to the schema that this program knows. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/db.h"

/* 0 = a database without a schema. */
int migrate_version(struct db *db, int64_t *ret_version, dq_error *error);

/* All missing versions in one commit, or none. DQ_VERSION where the database (called `name` in
 * errors) is newer than this program. */
int migrate(struct db *db, const char *name, dq_error *error);

#endif
