/* The index of full text, kept in the commit that changes the pages (sql/search.sql). */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/sqlite.h"

/* Takes the pages of the document, as they are stored now, out of the index: before they change. */
int index_forget(struct db *db, const struct id *document, dq_error *error);

/* Puts them in: when they have changed. */
int index_add(struct db *db, const struct id *document, dq_error *error);

/* Forgets the document itself: before its pages and its row go. */
int index_drop(struct db *db, const struct id *document, dq_error *error);

/* Indexes what a store older than the index holds, a slice a commit; at once where there is
 * nothing to do. The caller holds the latch, which is given to others between two slices. */
int index_catch_up(struct store *store, dq_error *error);

#endif
