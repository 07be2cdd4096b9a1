/*
 * How well a page answers a query: BM25, told what it needs by FTS5 and by the page's row number.
 * FTS5's own function reads the length of every page from a table; here a rough length is part of
 * the row number, which is some times faster where a word is on every page.
 *
 * SQL sees page_row(number, page, text), the row of a page in the index, and page_rank(page_text),
 * the score of the row at hand, the higher the better.
 */
#ifndef STORE_RANK_H
#define STORE_RANK_H

#include <sqlite3.h>
#include <stdint.h>

#define ROW_LENGTH_BITS 4
#define ROW_PAGE_BITS   24
#define ROW_PAGE_MAX    ((1 << ROW_PAGE_BITS) - 1)
#define ROW_NUMBER_BITS (ROW_PAGE_BITS + ROW_LENGTH_BITS) /* what is above is the document's */

static inline int64_t row_number(int64_t row)
{
    return row >> ROW_NUMBER_BITS;
}

static inline int row_page(int64_t row)
{
    return (int)(row >> ROW_LENGTH_BITS & ROW_PAGE_MAX);
}

int rank_register(sqlite3 *handle, fts5_api *api); /* an SQLite code */

#endif
