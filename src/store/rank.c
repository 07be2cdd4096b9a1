/* BM25 over pages. */
#include "store/rank.h"

#include <math.h>
#include <stdlib.h>

/* BM25's usual constants; a word in the file's name counts as several in the text; more than
 * TERM_FREQUENCY_MAX times is not told apart. */
#define K1                 1.2
#define B                  0.75
#define NAME_WEIGHT        4.0
#define TERM_FREQUENCY_MAX 32
#define IDF_MIN            1e-6

/* Length classes: a page of class C has about SHORTEST_BYTES x 2^C bytes. The reference is a common
 * page rather than the average, so that new documents do not move the others. */
#define SHORTEST_BYTES    64
#define COMMON_PAGE_CLASS 5 /* 2 KiB */
#define LENGTH_CLASSES    (1 << ROW_LENGTH_BITS)

enum { COLUMN_NAME, COLUMN_TEXT };

static void page_row(sqlite3_context *context, int count, sqlite3_value **values)
{
    int64_t number = sqlite3_value_int64(values[0]), page = sqlite3_value_int64(values[1]);
    int length = sqlite3_value_bytes(values[2]) / SHORTEST_BYTES, size = 0;
    (void)count;
    for (; length > 0 && size < LENGTH_CLASSES - 1; length >>= 1)
        size++;
    sqlite3_result_int64(context, (number << ROW_PAGE_BITS | page) << ROW_LENGTH_BITS | size);
}

static double relative_length(int64_t row)
{
    int size = (int)(row & (LENGTH_CLASSES - 1));
    return ldexp(1.0, size - COMMON_PAGE_CLASS);
}

static int count_row(const Fts5ExtensionApi *api, Fts5Context *context, void *opaque)
{
    (void)api;
    (void)context;
    (*(int64_t *)opaque)++;
    return SQLITE_OK;
}

/* How telling each phrase is: the fewer pages it is on, the more. Alone it needs no comparison. */
static int weigh(const Fts5ExtensionApi *api, Fts5Context *context, int phrases, double *weights)
{
    sqlite3_int64 rows = 0;
    int r = api->xRowCount(context, &rows);
    weights[0] = 1;
    for (int i = 0; r == SQLITE_OK && phrases > 1 && i < phrases; i++) {
        int64_t with = 0;
        r = api->xQueryPhrase(context, i, &with, count_row);
        double idf = log(((double)(rows - with) + 0.5) / ((double)with + 0.5));
        weights[i] = idf > IDF_MIN ? idf : IDF_MIN;
    }
    return r;
}

/* The weights of the query's phrases, made once a query. */
static int weights_of(const Fts5ExtensionApi *api, Fts5Context *context, int phrases,
                      const double **ret_weights)
{
    double *weights = api->xGetAuxdata(context, 0);
    *ret_weights = weights;
    if (weights)
        return SQLITE_OK;
    weights = calloc((size_t)phrases + 1, sizeof *weights);
    if (!weights)
        return SQLITE_NOMEM;
    int r = weigh(api, context, phrases, weights);
    if (r != SQLITE_OK) {
        free(weights);
        return r;
    }
    *ret_weights = weights;
    return api->xSetAuxdata(context, weights, free); /* which frees it when it fails */
}

static int frequency_of(const Fts5ExtensionApi *api, Fts5Context *context, int phrase,
                        double *ret_frequency)
{
    Fts5PhraseIter iterator;
    int column, offset, count = 0;
    double frequency = 0;
    int r = api->xPhraseFirst(context, phrase, &iterator, &column, &offset);
    for (; r == SQLITE_OK && column >= 0 && count < TERM_FREQUENCY_MAX; count++) {
        frequency += column == COLUMN_NAME ? NAME_WEIGHT : 1;
        api->xPhraseNext(context, &iterator, &column, &offset);
    }
    *ret_frequency = frequency;
    return r;
}

static void page_rank(const Fts5ExtensionApi *api, Fts5Context *context, sqlite3_context *result,
                      int count, sqlite3_value **values)
{
    const double *weights;
    int phrases = api->xPhraseCount(context);
    double norm = K1 * (1 - B + B * relative_length(api->xRowid(context))), score = 0, frequency;
    (void)count;
    (void)values;
    int r = weights_of(api, context, phrases, &weights);
    for (int i = 0; r == SQLITE_OK && i < phrases; i++) {
        r = frequency_of(api, context, i, &frequency);
        score += weights[i] * frequency * (K1 + 1) / (frequency + norm);
    }
    if (r == SQLITE_OK)
        sqlite3_result_double(result, score);
    else
        sqlite3_result_error_code(result, r);
}

int rank_register(sqlite3 *handle, fts5_api *api)
{
    int r = sqlite3_create_function_v2(handle, "page_row", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                       NULL, page_row, NULL, NULL, NULL);
    return r == SQLITE_OK ? api->xCreateFunction(api, "page_rank", NULL, page_rank, NULL) : r;
}
