/* What a result has beside text. Rows are written only where there is something to keep. */
#include "store/rendition.h"

#include "base/error.h"
#include "store/engine.h"
#include "store/read.h"
#include "store/sql.h"

#include <string.h>

int put_renditions(struct db *db, const struct id *document, const dq_result *result,
                   dq_error *error)
{
    int r = db_run(db, db_bind(db, SQL_MARKDOWN_DELETE, "b", document), error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_RENDITION_DELETE, "b", document), error);
    for (size_t i = 0; r >= 0 && i < result->page_count; i++)
        if (result->pages[i].markdown)
            r = db_run(db,
                       db_bind(db, SQL_MARKDOWN_INSERT, "bix", document,
                               (int64_t)result->pages[i].number, result->pages[i].markdown,
                               result->pages[i].markdown_bytes),
                       error);
    if (r < 0 || (!result->language && !result->thumbnail))
        return r < 0 ? r : 0;
    return db_run(db,
                  db_bind(db, SQL_RENDITION_PUT, "bty", document, result->language,
                          result->thumbnail, result->thumbnail_bytes),
                  error);
}

int read_rendition(struct db *db, const struct id *id, struct arena *arena, dq_document *document,
                   dq_error *error)
{
    struct rows *row = db_bind(db, SQL_RENDITION_GET, "b", id);
    int r = db_row(db, row, error);
    if (r > 0) {
        document->language = db_copy(arena, row, 0);
        document->thumbnail_bytes = db_int(row, 1);
    }
    db_done(row);
    return r < 0 ? r : 0;
}

struct thumbnail_arguments {
    const struct id *document;
    struct arena *arena;
    dq_thumbnail *thumbnail;
};

static int thumbnail_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct thumbnail_arguments *arguments = opaque;
    dq_document document = {0};
    (void)store;
    int r = read_document(db, arguments->document, arguments->arena, &document, error);
    if (r >= 0)
        r = read_result(db, arguments->document, arguments->arena, &document, error);
    if (r < 0)
        return r;
    if (!document.has_result)
        return error_set(error, DQ_NOT_PROCESSED,
                         "the document has no thumbnail yet; wait until it is completed");
    struct rows *row = db_bind(db, SQL_THUMBNAIL_GET, "b", arguments->document);
    r = db_row(db, row, error);
    if (r > 0) {
        size_t length = 0;
        const void *stored = db_bytes(row, 0, &length);
        void *bytes = arena_alloc(arguments->arena, length + 1);
        memcpy(bytes, stored, length);
        *arguments->thumbnail = (dq_thumbnail){bytes, length};
    }
    db_done(row);
    if (r == 0)
        return error_set(error, DQ_NOT_FOUND, "no thumbnail was made of this document");
    return r < 0 ? r : 0;
}

int store_thumbnail(struct store *store, const struct id *document, struct arena *arena,
                    dq_thumbnail *ret_thumbnail, dq_error *error)
{
    struct thumbnail_arguments arguments = {document, arena, ret_thumbnail};
    return store_read(store, thumbnail_step, &arguments, error);
}
