/* Rows as the public nouns. */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "store/db.h"

int read_item(struct db *db, int64_t now, const struct id *id, bool history, struct arena *arena,
              dq_item *ret_item, dq_error *error);

/* Without its item; status stays unset. */
int read_document(struct db *db, const struct id *id, struct arena *arena,
                  dq_document *ret_document, dq_error *error);

/* Adds what is known of its result, if it has one. */
int read_result(struct db *db, const struct id *id, struct arena *arena, dq_document *document,
                dq_error *error);

/* Columns as item_get and document_get have them, the latter from `column` on. */
void fill_item(struct db *db, int64_t now, struct rows *row, struct arena *arena, dq_item *item);
void fill_document(struct rows *row, int column, struct arena *arena, dq_document *document);

#endif
