/* The index against its pages. */
#include "index_check.h"

#include "store/fts.h"

#include <stdio.h>

static const char fresh_index[] =
    "CREATE VIRTUAL TABLE temp.fresh USING fts5 (name, text, content='', tokenize='docq');"
    "INSERT INTO temp.fresh (rowid, name, text)"
    " SELECT page_row(x.number, p.number, p.text), d.filename, p.text FROM page p"
    " JOIN indexed x USING (document_id) JOIN document d ON d.id = p.document_id;"
    "CREATE VIRTUAL TABLE temp.has USING fts5vocab (main, page_text, instance);"
    "CREATE VIRTUAL TABLE temp.should USING fts5vocab (temp, fresh, instance);";

static const char differences[] =
    "SELECT (SELECT count(*) FROM (SELECT * FROM temp.has EXCEPT SELECT * FROM temp.should))"
    " + (SELECT count(*) FROM (SELECT * FROM temp.should EXCEPT SELECT * FROM temp.has))"
    " + (SELECT count(*) FROM page WHERE document_id NOT IN (SELECT document_id FROM indexed))"
    " + (SELECT count(*) FROM indexed WHERE document_id NOT IN (SELECT id FROM document))";

static int64_t number_of(sqlite3 *db, const char *text)
{
    sqlite3_stmt *row = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(db, text, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return number;
}

static int64_t look(const char *database, const char *question)
{
    sqlite3 *db = NULL;
    int64_t number = -1;
    int r = sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL);
    if (r == SQLITE_OK)
        r = fts_register(db);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db, "INSERT INTO page_text (page_text) VALUES ('integrity-check')", NULL,
                         NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db, fresh_index, NULL, NULL, NULL);
    if (r == SQLITE_OK)
        number = number_of(db, question);
    else
        fprintf(stderr, "index: %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return number;
}

int64_t index_differences(const char *database)
{
    return look(database, differences);
}

int64_t index_places(const char *database)
{
    return look(database, "SELECT count(*) FROM temp.should");
}
