/* Indexing what was processed before there was an index. */
#ifndef STORE_SQLITE_INDEX_H
#define STORE_SQLITE_INDEX_H

#include "store/db.h"
#include "store/latch.h"

/* A slice a commit, so that an interruption costs no more than one; at once where there is nothing
 * to do. The caller holds the latch, which is given to others between two slices. */
int index_catch_up(struct db *db, struct latch *latch, dq_error *error);

#endif
