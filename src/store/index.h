/* The index of full text, kept in the commit that changes the pages (sql/search.sql). */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/db.h"

/* Takes the pages of the document, as they are stored now, out of the index: before they change. */
int index_forget(struct db *db, const struct id *document, dq_error *error);

/* Puts them in: when they have changed. */
int index_add(struct db *db, const struct id *document, dq_error *error);

/* Forgets the document itself: before its pages and its row go. */
int index_drop(struct db *db, const struct id *document, dq_error *error);

/* The next documents that were processed before there was an index. Returns the number of those
 * looked at; 0: the work is done. */
int index_slice(struct db *db, dq_error *error);

#endif
