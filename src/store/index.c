/* Keeping the index of full text. */
#include "store/index.h"

#include "store/sql.h"

/* 1 and *ret_number; 0: the document is not indexed. */
static int find_number(struct db *db, const struct id *document, int64_t *ret_number,
                       dq_error *error)
{
    struct rows *row = db_bind(db, SQL_INDEXED_GET, "b", document);
    int r = db_row(db, row, error);
    if (r > 0)
        *ret_number = db_int(row, 0);
    db_done(row);
    return r;
}

int index_forget(struct db *db, const struct id *document, dq_error *error)
{
    int64_t number = 0;
    int r = find_number(db, document, &number, error);
    if (r > 0)
        r = db_run(db, db_bind(db, SQL_PAGE_TEXT_FORGET, "bi", document, number), error);
    return r < 0 ? r : 0;
}

int index_add(struct db *db, const struct id *document, dq_error *error)
{
    int64_t number = 0;
    int r = find_number(db, document, &number, error);
    if (r == 0) {
        struct rows *row = db_bind(db, SQL_INDEXED_ADD, "b", document);
        while ((r = db_row(db, row, error)) > 0) /* to the end, so that the insert is whole */
            number = db_int(row, 0);
    }
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_PAGE_TEXT_ADD, "bi", document, number), error);
    return r < 0 ? r : 0;
}

int index_drop(struct db *db, const struct id *document, dq_error *error)
{
    int r = index_forget(db, document, error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_INDEXED_DELETE, "b", document), error);
    return r < 0 ? r : 0;
}

/* ---- a store older than the index ------------------------------------------------------------ */

enum { SLICE_DOCUMENTS_MAX = 256, SLICE_TEXT_BYTES_MAX = 16 * 1024 * 1024 };

/* The documents behind *after that make one slice; *after moves on to the last of them. */
static int next_slice(struct db *db, struct id *after, struct id *ids, dq_error *error)
{
    int64_t bytes = 0;
    int count = 0, r = 0;
    struct rows *rows = db_bind(db, SQL_RESULT_AFTER, "bi", after, (int64_t)SLICE_DOCUMENTS_MAX);
    while (bytes < SLICE_TEXT_BYTES_MAX && (r = db_row(db, rows, error)) > 0) {
        ids[count++] = db_id(rows, 0);
        bytes += db_int(rows, 1);
    }
    db_done(rows);
    if (count > 0)
        *after = ids[count - 1];
    return r < 0 ? r : count;
}

/* Those that were completed meanwhile, by another process, are indexed already. */
int index_slice(struct db *db, dq_error *error)
{
    struct id ids[SLICE_DOCUMENTS_MAX], after = {0};
    int64_t number;
    struct rows *row = db_bind(db, SQL_META_GET, "t", "index_after");
    int r = db_row(db, row, error);
    if (r > 0)
        after = db_id(row, 0);
    db_done(row);
    int count = r > 0 ? next_slice(db, &after, ids, error) : r;
    for (int i = 0; i < count; i++) {
        r = find_number(db, &ids[i], &number, error);
        if (r == 0)
            r = index_add(db, &ids[i], error);
        if (r < 0)
            return r;
    }
    if (count == 0 && r > 0)
        r = db_run(db, db_bind(db, SQL_META_DELETE, "t", "index_after"), error);
    else if (count > 0)
        r = db_run(db, db_bind(db, SQL_META_PUT, "tb", "index_after", &after), error);
    return r < 0 ? r : count;
}
