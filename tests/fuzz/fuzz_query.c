/* The query language, down to the index: no text may be an error of FTS5's syntax, and what a page
 * is found by must be found in it. Up to the first line break it is a query, behind it a page. */
#include "base/clock.h"
#include "base/utf8.h"
#include "core/query.h"
#include "core/snippet.h"
#include "store/fts.h"
#include "store/sql.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

static sqlite3 *open_index(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK || fts_register(db) != SQLITE_OK)
        abort();
    for (int i = 0; i < SQL_MAX; i++)
        if (strncmp(sql_rows[i].name, "schema_", 7) == 0 &&
            sqlite3_exec(db, sql_rows[i].text, NULL, NULL, NULL) != SQLITE_OK)
            abort();
    return db;
}

/* Puts one page in, asks, and takes it out again. Returns whether it was found. */
static bool ask(sqlite3 *db, const char *match, const char *page, size_t length)
{
    static const char *const texts[] = {
        "INSERT INTO page_text (rowid, name, text) VALUES (page_row(1, 1, ?1), 'a.txt', ?1)",
        "SELECT page_rank(page_text) FROM page_text WHERE page_text MATCH ?1",
        ("INSERT INTO page_text (page_text, rowid, name, text)"
         " VALUES ('delete', page_row(1, 1, ?1), 'a.txt', ?1)")};
    bool found = false;
    for (int i = 0; i < 3; i++) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(db, texts[i], -1, &statement, NULL) != SQLITE_OK)
            abort();
        if (i == 1)
            sqlite3_bind_text(statement, 1, match, -1, SQLITE_STATIC);
        else
            sqlite3_bind_text(statement, 1, page, (int)length, SQLITE_STATIC);
        int r = sqlite3_step(statement);
        if (r != SQLITE_DONE && r != SQLITE_ROW)
            abort();
        found = found || (i == 1 && r == SQLITE_ROW);
        sqlite3_finalize(statement);
    }
    return found;
}

static void check_hit(const dq_hit *hit, size_t found)
{
    int end = 0;
    for (size_t i = 0; i < hit->match_count; i++) {
        if (hit->matches[i].from < end || hit->matches[i].to <= hit->matches[i].from)
            abort();
        end = hit->matches[i].to;
    }
    if (found > 0 && hit->match_count == 0)
        abort();
}

/* A word that is not only in the name, and stands alone, must have a place on the page. */
static bool must_be_seen(const struct query *query)
{
    bool all = query->group_count > 0;
    for (int i = 0; i < query->term_count; i++)
        all = all && !query->terms[i].name && !query->terms[i].exclude;
    return all;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    static sqlite3 *db;
    struct query query;
    char text[QUERY_BYTES_MAX + 16] = "", page[PAGE_BYTES_MAX + 1] = "";
    const unsigned char *line = memchr(bytes, '\n', length);
    size_t cut = line ? (size_t)(line - bytes) : length;
    db = db ? db : open_index();
    memcpy(text, bytes, cut < sizeof text - 1 ? cut : sizeof text - 1);
    size_t page_length = line ? length - cut - 1 : 0;
    page_length = page_length < PAGE_BYTES_MAX ? page_length : PAGE_BYTES_MAX;
    if (line)
        memcpy(page, line + 1, page_length);
    if (query_parse(text, US_PER_S, &query, NULL) < 0)
        return 0;
    struct arena *arena = arena_new();
    struct fts_terms *terms = fts_terms_new(&query, arena);
    autobuf match = BUF(QUERY_COMPILED_SIZE);
    if (query_compile(&query, &match)) {
        struct found *found;
        dq_hit hit = {0};
        if (match.overflow)
            abort();
        bool is_found = ask(db, match.bytes, page, page_length);
        size_t places = fts_find(terms, page, page_length, INT64_MAX, arena, &found);
        if (is_found && must_be_seen(&query) && places == 0 && !ask(db, match.bytes, "", 0))
            abort();
        snippet_make(page, page_length, found, places, arena, &hit);
        check_hit(&hit, utf8_valid(page, page_length) ? places : 0);
    }
    fts_terms_free(terms);
    arena_free(arena);
    return 0;
}
