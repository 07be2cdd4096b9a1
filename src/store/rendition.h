/* Markdown, language and thumbnail of a document, beside its pages. */
#ifndef STORE_RENDITION_H
#define STORE_RENDITION_H

#include "store/db.h"

/* Instead of what was there before. Part of the step that completes an item. */
int put_renditions(struct db *db, const struct id *document, const dq_result *result,
                   dq_error *error);

/* Sets language and thumbnail_bytes of a document that has a result. */
int read_rendition(struct db *db, const struct id *id, struct arena *arena, dq_document *document,
                   dq_error *error);

#endif
