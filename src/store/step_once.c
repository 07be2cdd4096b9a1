/* Requests that may come twice: the key is looked for and kept in the commit of what it makes, so
 * that neither a lost answer nor a crash makes anything a second time. */
#include "store/steps.h"

#include "base/error.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

enum { FORGET_SLICE = 1000 };

int once_find(struct db *db, struct once *once, char **ret_made, dq_error *error)
{
    once->replayed = false;
    struct rows *row = db_bind(db, SQL_REQUEST_KEY_FIND, "dd", once->key, once->digest);
    int r = db_row(db, row, error);
    bool same = r > 0 && db_int(row, 1);
    char *made = same ? strdup(db_text(row, 0)) : NULL;
    db_done(row);
    if (r <= 0)
        return r;
    if (!same)
        return error_set(error, DQ_INVALID,
                         "The idempotency key belongs to a request with other contents. Use a new "
                         "key for each request.");
    if (!made)
        bug("out of memory");
    once->replayed = true;
    *ret_made = made;
    return 1;
}

int once_keep(struct db *db, const struct once *once, int64_t now, const char *made,
              dq_error *error)
{
    int r = db_run(
        db, db_bind(db, SQL_REQUEST_KEY_KEEP, "ddti", once->key, once->digest, made, now), error);
    return r < 0 ? r : 0;
}

static int forget_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const int64_t *before = opaque;
    (void)store;
    return db_run(db, db_bind(db, SQL_REQUEST_KEY_FORGET, "ii", *before, (int64_t)FORGET_SLICE),
                  error);
}

int store_forget_keys(struct store *store, int64_t now, int64_t before, dq_error *error)
{
    int forgotten = 0, r = FORGET_SLICE;
    while (r == FORGET_SLICE) {
        r = store_write(store, now, forget_step, &before, error);
        forgotten += r > 0 ? r : 0;
    }
    return r < 0 ? r : forgotten;
}
