/*
 * What a word is. FTS5 learns it by the name `docq`: the words of unicode61 (letters and digits,
 * case and diacritics aside), but each character of a script without blanks is a word of its own.
 * Every connection has to be told before it touches the index.
 */
#ifndef STORE_FTS_H
#define STORE_FTS_H

#include "base/arena.h"
#include "core/query.h"
#include "core/snippet.h"

#include <sqlite3.h>

/* The tokenizer, and the functions of rank.h. An SQLite code. */
int fts_register(sqlite3 *handle);

/* The words of a query's terms, for finding their places in a page. */
struct fts_terms;

/* Sets `silent` on the terms that hold no word. NULL: out of memory. Lives in the arena, but has to
 * be given back all the same. */
struct fts_terms *fts_terms_new(struct query *query, struct arena *arena);
void fts_terms_free(struct fts_terms *terms); /* NULL is fine */

/* Where the wanted terms stand in a text: at most FTS_FOUND_MAX places, allocated in `arena`. Stops
 * early when clock_tick() passes `deadline`. */
#define FTS_FOUND_MAX 1000
size_t fts_find(struct fts_terms *terms, const char *text, size_t length, int64_t deadline,
                struct arena *arena, struct found **ret_found);

#endif
