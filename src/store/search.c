/*
 * Searching: the pages that hold the query's words, by document, the best documents first.
 *
 * One pass over the hits in the order of their rows, in which the pages of a document stand
 * together; no more is kept than one answer needs. A document's own row is read only where the
 * document would be among the best. The cursor names the last document of the page before it, whose
 * rank is taken anew, and the newest document that was there at the first page: so new documents
 * and deleted ones neither repeat nor hide others.
 */
#include "store/engine.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/fts.h"
#include "store/rank.h"
#include "store/sql.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CURSOR_TEXT_SIZE 64

struct cursor {
    int64_t number; /* of the last document before this page; 0 = this is the first page */
    int64_t newest; /* number of the newest document that takes part */
    double score;   /* its rank when it was given out */
};

struct scored_page {
    double score;
    int page;
};

struct candidate {
    int64_t number;
    struct scored_page pages[DQ_HITS_A_DOCUMENT_MAX]; /* the best first */
    int count;
    int first_page; /* the first one that was found */
};

struct search {
    struct query *query;
    const char *match; /* the query as FTS5 takes it */
    int limit;
    struct cursor cursor;
    int64_t deadline;
    bool late;
    struct arena *arena;
    dq_hit_list *list;
    struct fts_terms *terms;
    struct candidate *best; /* the best so far, and others not sorted out yet */
    size_t count, room;
    size_t wanted; /* more than these are not needed */
    bool full;     /* so many are known: who ranks behind `bar` is out */
    struct candidate bar;
};

/* ---- cursors --------------------------------------------------------------------------------- */

static bool take_hex(const char **at, char end, uint64_t *ret)
{
    char *stop = NULL;
    if (!isxdigit((unsigned char)**at))
        return false;
    *ret = strtoull(*at, &stop, 16);
    bool good = stop - *at <= 16 && *stop == end;
    *at = stop + 1;
    return good;
}

static int read_cursor(const char *text, struct cursor *ret_cursor, dq_error *error)
{
    uint64_t number, newest, bits;
    double score;
    bool good = take_hex(&text, '-', &number) && take_hex(&text, '-', &newest) &&
                take_hex(&text, '\0', &bits) && number > 0 && newest >> (62 - ROW_NUMBER_BITS) == 0;
    if (good)
        memcpy(&score, &bits, sizeof score);
    if (!good || number > newest || !isfinite(score))
        return error_field(error, DQ_INVALID, "/cursor", "this is no cursor of a search");
    *ret_cursor = (struct cursor){(int64_t)number, (int64_t)newest, score};
    return 0;
}

static const char *write_cursor(const struct search *search, const struct candidate *last)
{
    uint64_t bits;
    memcpy(&bits, &last->pages[0].score, sizeof bits);
    return arena_printf(search->arena, "%llx-%llx-%llx", (unsigned long long)last->number,
                        (unsigned long long)search->cursor.newest, (unsigned long long)bits);
}

/* ---- ranking --------------------------------------------------------------------------------- */

/* By score; of equals the newer goes first. */
static int by_rank(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->pages[0].score != y->pages[0].score)
        return x->pages[0].score > y->pages[0].score ? -1 : 1;
    return (x->number < y->number) - (x->number > y->number);
}

static void sort_out(struct search *search)
{
    qsort(search->best, search->count, sizeof *search->best, by_rank);
    if (search->count < search->wanted)
        return;
    search->count = search->wanted;
    search->bar = search->best[search->wanted - 1];
    search->full = true;
}

static bool behind_cursor(const struct search *search, const struct candidate *candidate)
{
    const struct candidate last = {.number = search->cursor.number,
                                   .pages = {{.score = search->cursor.score}}};
    return search->cursor.number == 0 || by_rank(&last, candidate) < 0;
}

static bool has_filters(const struct query *query)
{
    return query->filter_count > 0 || query->since || query->before;
}

/* 1: the filters let it through. */
static int admitted(struct db *db, const struct search *search, int64_t number, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_INDEXED_DOCUMENT, "i", number);
    int r = db_row(db, row, error);
    if (r > 0)
        r = query_admits(search->query, db_text(row, 2), db_text(row, 3), db_int(row, 4));
    db_done(row);
    return r;
}

static int consider(struct db *db, struct search *search, const struct candidate *candidate,
                    dq_error *error)
{
    int r = 1;
    if (!behind_cursor(search, candidate) || (search->full && by_rank(&search->bar, candidate) < 0))
        return 0;
    if (has_filters(search->query))
        r = admitted(db, search, candidate->number, error);
    if (r <= 0)
        return r;
    if (search->count == search->room)
        sort_out(search);
    search->best[search->count++] = *candidate;
    return 0;
}

/* The last cursor's document may rank elsewhere by now. */
static int renew_cursor(struct db *db, struct search *search, const struct candidate *candidate,
                        dq_error *error)
{
    (void)db;
    (void)error;
    search->cursor.score = candidate->pages[0].score;
    return 0;
}

static void add_page(struct candidate *candidate, double score, int page)
{
    int place = candidate->count;
    while (place > 0 && candidate->pages[place - 1].score < score)
        place--;
    if (place == DQ_HITS_A_DOCUMENT_MAX)
        return;
    if (candidate->count < DQ_HITS_A_DOCUMENT_MAX)
        candidate->count++;
    for (int i = candidate->count - 1; i > place; i--)
        candidate->pages[i] = candidate->pages[i - 1];
    candidate->pages[place] = (struct scored_page){score, page};
}

typedef int candidate_fn(struct db *db, struct search *search, const struct candidate *candidate,
                         dq_error *error);

/* Gives the documents from `first` to `last` that match to `take`, one by one. */
static int scan(struct db *db, struct search *search, int64_t first, int64_t last,
                candidate_fn *take, dq_error *error)
{
    struct candidate candidate = {0};
    int64_t low = first << ROW_NUMBER_BITS, high = (last + 1) << ROW_NUMBER_BITS;
    struct rows *rows = db_bind(db, SQL_PAGE_TEXT_FIND, "tii", search->match, low, high);
    int r = 0, row = 0;
    while (r >= 0 && (row = db_row(db, rows, error)) > 0) {
        int64_t number = row_number(db_int(rows, 0));
        int page = row_page(db_int(rows, 0));
        if (number != candidate.number) {
            if (candidate.count > 0)
                r = take(db, search, &candidate, error);
            candidate = (struct candidate){.number = number, .first_page = page};
        }
        add_page(&candidate, db_double(rows, 1), page);
    }
    db_done(rows);
    if (r >= 0 && row < 0)
        r = row;
    return r >= 0 && candidate.count > 0 ? take(db, search, &candidate, error) : r;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* 1: the page has the words in its text; 0: they are in the name only, or the page has gone. */
static int show_page(struct db *db, struct search *search, const struct id *document,
                     const struct scored_page *page, dq_hit *hit, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_PAGE_GET, "bi", document, (int64_t)page->page);
    int r = db_row(db, row, error);
    if (r > 0) {
        struct arena *scratch = arena_new();
        struct found *found;
        size_t length;
        const char *text = db_bytes(row, 0, &length);
        size_t count = fts_find(search->terms, text, length, search->deadline, scratch, &found);
        snippet_make(text, length, found, count, search->arena, hit);
        arena_free(scratch);
        r = count > 0;
    }
    db_done(row);
    hit->page = page->page;
    hit->score = page->score;
    return r;
}

static int read_document_of(struct db *db, struct search *search, int64_t number, struct id *ret_id,
                            dq_hit *hit, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_INDEXED_DOCUMENT, "i", number);
    int r = db_row(db, row, error);
    if (r > 0) {
        *ret_id = db_id(row, 0);
        id_format(ret_id, hit->document_id);
        hit->filename = db_copy(search->arena, row, 1);
        hit->content_type = db_copy(search->arena, row, 2);
        hit->owner = db_copy(search->arena, row, 3);
        hit->created_at = db_int(row, 4);
    }
    db_done(row);
    return r;
}

/* Where no page has the words, because the name has them, one page stands for the document. */
static int show(struct db *db, struct search *search, const struct candidate *candidate, int pages,
                dq_error *error)
{
    dq_hit_list *list = search->list;
    struct id document;
    dq_hit hit = {0};
    size_t before = list->count;
    int r = read_document_of(db, search, candidate->number, &document, &hit, error);
    if (r <= 0)
        return r;
    for (int i = 0; i < pages && r >= 0; i++) {
        r = show_page(db, search, &document, &candidate->pages[i], &hit, error);
        if (r > 0)
            list->hits[list->count++] = hit;
    }
    if (r >= 0 && list->count == before) {
        struct scored_page first = {candidate->pages[0].score, candidate->first_page};
        r = show_page(db, search, &document, &first, &hit, error);
        if (r >= 0)
            list->hits[list->count++] = hit;
    }
    return r < 0 ? r : 0;
}

/* Whole documents as long as there is room for their hits; the first one may be cut. */
static int answer(struct db *db, struct search *search, dq_error *error)
{
    int left = search->limit, r = 0;
    size_t i = 0;
    search->list->hits =
        arena_alloc(search->arena, (size_t)search->limit * sizeof *search->list->hits);
    for (; r >= 0 && i < search->count; i++) {
        int pages = search->best[i].count;
        if (pages > left && i > 0)
            break;
        pages = pages < left ? pages : left;
        r = show(db, search, &search->best[i], pages, error);
        left -= pages;
        if (r >= 0 && clock_tick() > search->deadline) {
            search->late = true;
            return DQ_INVALID;
        }
    }
    if (r >= 0 && i < search->count)
        search->list->next = write_cursor(search, &search->best[i - 1]);
    return r;
}

/* ---- the step -------------------------------------------------------------------------------- */

static int is_late(void *opaque)
{
    struct search *search = opaque;
    search->late = search->late || clock_tick() > search->deadline;
    return search->late;
}

static void watch(struct db *db, int (*late)(void *), void *context)
{
    if (db->driver->watch)
        db->driver->watch(db, late, context);
}

static int newest_number(struct db *db, int64_t *ret_number, dq_error *error)
{
    struct rows *row = db_bind(db, SQL_INDEXED_MAX, "");
    int r = db_row(db, row, error);
    *ret_number = r > 0 ? db_int(row, 0) : 0;
    db_done(row);
    return r;
}

static int find_and_answer(struct db *db, struct search *search, dq_error *error)
{
    int r = 0;
    if (search->cursor.number == 0)
        r = newest_number(db, &search->cursor.newest, error);
    else
        r = scan(db, search, search->cursor.number, search->cursor.number, renew_cursor, error);
    if (r >= 0)
        r = scan(db, search, 0, search->cursor.newest, consider, error);
    if (r < 0)
        return r;
    sort_out(search);
    return answer(db, search, error);
}

static int search_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct search *search = opaque;
    autobuf match = BUF(QUERY_COMPILED_SIZE);
    (void)store;
    search->count = search->list->count = 0;
    search->terms = fts_terms_new(search->query, search->arena);
    if (!search->terms)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    int r = 0;
    if (query_compile(search->query, &match)) {
        search->match = match.bytes;
        watch(db, is_late, search);
        r = find_and_answer(db, search, error);
        watch(db, NULL, NULL);
    }
    fts_terms_free(search->terms);
    if (search->late)
        return error_field(error, DQ_INVALID, "/q",
                           "the search took too long and was stopped; use rarer words, or more of "
                           "them");
    return r < 0 ? r : 0;
}

int store_search(struct store *store, struct query *query, int limit, const char *cursor,
                 int64_t deadline, struct arena *arena, dq_hit_list *ret_list, dq_error *error)
{
    struct search search = {.query = query,
                            .limit = limit,
                            .deadline = deadline,
                            .arena = arena,
                            .list = ret_list,
                            .wanted = (size_t)limit + 1,
                            .room = ((size_t)limit + 1) * 2};
    int r = cursor ? read_cursor(cursor, &search.cursor, error) : 0;
    if (r < 0)
        return r;
    search.best = arena_alloc(arena, search.room * sizeof *search.best);
    return store_read(store, search_step, &search, error);
}
