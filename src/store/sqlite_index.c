/* A store older than the index of full text: it is made when the store is opened. */
#include "store/sqlite_index.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/index.h"
#include "store/sql.h"

#include <sqlite3.h>

static int commit_slice(struct db *db, dq_error *error)
{
    int r = db_run(db, db_bind(db, SQL_BEGIN, ""), error);
    if (r < 0)
        return r;
    int count = index_slice(db, error);
    if (count >= 0) {
        r = db_run(db, db_bind(db, SQL_COMMIT, ""), error);
        if (r >= 0)
            return count;
        count = r;
    }
    if (!sqlite3_get_autocommit(db->handle))
        (void)db_run(db, db_bind(db, SQL_ROLLBACK, ""), NULL);
    return count;
}

int index_catch_up(struct db *db, struct latch *latch, dq_error *error)
{
    enum { SAY_EVERY_S = 2 };
    int64_t said = clock_tick();
    long long documents = 0;
    int count;
    while ((count = commit_slice(db, error)) > 0) {
        documents += count;
        if (clock_tick() - said > SAY_EVERY_S * US_PER_S) {
            said = clock_tick();
            log_event(LOG_INFO, "indexing", "documents=%lld", documents);
        }
        latch_unlock(latch);
        latch_lock(latch);
    }
    return count;
}
