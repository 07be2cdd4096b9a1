/* The tokenizer, and looking for a query's words in a text with it. */
#include "store/fts.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "core/script.h"
#include "store/rank.h"
#include "store/sql.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TOKENIZER_NAME "docq"

typedef int token_fn(void *context, int flags, const char *token, int length, int from, int to);

/* ---- the tokenizer --------------------------------------------------------------------------- */

struct tokenizer {
    fts5_tokenizer words; /* unicode61 */
    Fts5Tokenizer *instance;
};

/* FTS5's interface, by the way that its documentation gives. NULL: this SQLite has none. */
static fts5_api *find_api(sqlite3 *handle)
{
    fts5_api *api = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, sql_rows[SQL_FTS_API].text, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return api;
}

static void delete_tokenizer(Fts5Tokenizer *opaque)
{
    struct tokenizer *tokenizer = (struct tokenizer *)opaque;
    if (tokenizer && tokenizer->instance)
        tokenizer->words.xDelete(tokenizer->instance);
    free(tokenizer);
}

static int create_tokenizer(void *opaque, const char **arguments, int count,
                            Fts5Tokenizer **ret_tokenizer)
{
    static const char *options[] = {"remove_diacritics", "2"};
    fts5_api *api = opaque;
    void *context = NULL;
    struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    (void)arguments;
    (void)count;
    if (!tokenizer)
        return SQLITE_NOMEM;
    int r = api->xFindTokenizer(api, "unicode61", &context, &tokenizer->words);
    if (r == SQLITE_OK)
        r = tokenizer->words.xCreate(context, options, 2, &tokenizer->instance);
    if (r == SQLITE_OK)
        *ret_tokenizer = (Fts5Tokenizer *)tokenizer;
    else
        delete_tokenizer((Fts5Tokenizer *)tokenizer);
    return r;
}

/* A run of text without such characters goes to unicode61, which counts from the run's beginning.
 */
struct run {
    void *context;
    token_fn *token;
    int start;
};

static int shift_token(void *opaque, int flags, const char *token, int length, int from, int to)
{
    struct run *run = opaque;
    return run->token(run->context, flags, token, length, run->start + from, run->start + to);
}

static int tokenize_run(struct tokenizer *tokenizer, int flags, const char *text, int start,
                        int end, void *context, token_fn *token)
{
    struct run run = {context, token, start};
    if (start == end)
        return SQLITE_OK;
    return tokenizer->words.xTokenize(tokenizer->instance, &run, flags, text + start, end - start,
                                      shift_token);
}

static int tokenize(Fts5Tokenizer *opaque, void *context, int flags, const char *text, int length,
                    token_fn *token)
{
    struct tokenizer *tokenizer = (struct tokenizer *)opaque;
    int start = 0, r = SQLITE_OK;
    for (int at = 0, step = 1; at < length && r == SQLITE_OK; at += step) {
        uint32_t character = 0;
        step = 1;
        if ((unsigned char)text[at] < SPACELESS_FIRST_BYTE)
            continue;
        step = (int)utf8_next(text + at, (size_t)(length - at), &character);
        if (!script_is_spaceless(character))
            continue;
        r = tokenize_run(tokenizer, flags, text, start, at, context, token);
        if (r == SQLITE_OK)
            r = token(context, 0, text + at, step, at, at + step);
        start = at + step;
    }
    return r == SQLITE_OK ? tokenize_run(tokenizer, flags, text, start, length, context, token) : r;
}

int fts_register(sqlite3 *handle)
{
    fts5_tokenizer ours = {create_tokenizer, delete_tokenizer, tokenize};
    fts5_api *api = find_api(handle);
    if (!api)
        return SQLITE_ERROR;
    int r = api->xCreateTokenizer(api, TOKENIZER_NAME, api, &ours, NULL);
    return r == SQLITE_OK ? rank_register(handle, api) : r;
}

/* ---- the words of a query -------------------------------------------------------------------- */

/* A phrase is followed for so many words; a longer one counts as found with them. */
enum { PHRASE_WORDS_MAX = 64 };

struct word {
    const char *text;
    int length;
};

struct phrase {
    struct word words[PHRASE_WORDS_MAX];
    int count;
    bool prefix; /* the last word may go on */
    int term;
    uint64_t state; /* bit k: the first k + 1 words stand right before here */
};

struct fts_terms {
    sqlite3 *home; /* in memory: an engine need not be SQLite to have the same words */
    Fts5Tokenizer *tokenizer;
    struct phrase *phrases;
    int count;
};

struct collect {
    struct phrase *phrase;
    struct arena *arena;
};

static int collect_word(void *opaque, int flags, const char *token, int length, int from, int to)
{
    struct collect *collect = opaque;
    struct phrase *phrase = collect->phrase;
    (void)flags;
    (void)from;
    (void)to;
    if (phrase->count == PHRASE_WORDS_MAX)
        return SQLITE_DONE;
    phrase->words[phrase->count++] =
        (struct word){arena_strndup(collect->arena, token, (size_t)length), length};
    return SQLITE_OK;
}

struct fts_terms *fts_terms_new(struct query *query, struct arena *arena)
{
    struct fts_terms *terms = arena_alloc(arena, sizeof *terms);
    terms->phrases = arena_alloc(arena, QUERY_TERMS_MAX * sizeof *terms->phrases);
    int r = sqlite3_open_v2(":memory:", &terms->home, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                            NULL);
    fts5_api *api = r == SQLITE_OK ? find_api(terms->home) : NULL;
    if (!api || create_tokenizer(api, NULL, 0, &terms->tokenizer) != SQLITE_OK) {
        fts_terms_free(terms);
        return NULL;
    }
    for (int i = 0; i < query->term_count; i++) {
        struct query_term *term = &query->terms[i];
        struct phrase *phrase = &terms->phrases[terms->count];
        struct collect collect = {phrase, arena};
        *phrase = (struct phrase){.prefix = term->prefix, .term = i};
        tokenize(terms->tokenizer, &collect, FTS5_TOKENIZE_QUERY, term->text, (int)term->length,
                 collect_word);
        term->silent = phrase->count == 0;
        if (!term->silent && !term->exclude && !term->name)
            terms->count++;
    }
    return terms;
}

void fts_terms_free(struct fts_terms *terms)
{
    if (!terms)
        return;
    delete_tokenizer(terms->tokenizer);
    sqlite3_close(terms->home);
}

struct look {
    struct fts_terms *terms;
    struct found *found;
    size_t count;
    int64_t deadline;
    int words;                    /* seen so far */
    int starts[PHRASE_WORDS_MAX]; /* of the last ones, by their number */
};

static bool same_word(const struct phrase *phrase, int index, const char *token, int length)
{
    const struct word *word = &phrase->words[index];
    bool open = phrase->prefix && index == phrase->count - 1;
    return (open ? length >= word->length : length == word->length) &&
           memcmp(word->text, token, (size_t)word->length) == 0;
}

/* One word further (Shift-And): true where the phrase ends with it. */
static bool follow(struct phrase *phrase, const char *token, int length)
{
    uint64_t next = 0;
    for (int i = 0; i < phrase->count; i++)
        if ((i == 0 || (phrase->state >> (i - 1) & 1)) && same_word(phrase, i, token, length))
            next |= UINT64_C(1) << i;
    phrase->state = next;
    return next >> (phrase->count - 1) & 1;
}

static int look_at_word(void *opaque, int flags, const char *token, int length, int from, int to)
{
    enum { CLOCK_WORDS = 4096 };
    struct look *look = opaque;
    (void)flags;
    look->starts[look->words % PHRASE_WORDS_MAX] = from;
    for (int i = 0; i < look->terms->count; i++) {
        struct phrase *phrase = &look->terms->phrases[i];
        if (!follow(phrase, token, length))
            continue;
        if (look->count == FTS_FOUND_MAX)
            return SQLITE_DONE;
        int first = look->words - (phrase->count - 1);
        look->found[look->count++] = (struct found){(size_t)look->starts[first % PHRASE_WORDS_MAX],
                                                    (size_t)to, phrase->term};
    }
    look->words++;
    return look->words % CLOCK_WORDS == 0 && clock_tick() > look->deadline ? SQLITE_DONE
                                                                           : SQLITE_OK;
}

size_t fts_find(struct fts_terms *terms, const char *text, size_t length, int64_t deadline,
                struct arena *arena, struct found **ret_found)
{
    struct look look = {.terms = terms, .deadline = deadline};
    look.found = arena_alloc(arena, FTS_FOUND_MAX * sizeof *look.found);
    for (int i = 0; i < terms->count; i++)
        terms->phrases[i].state = 0;
    if (terms->count > 0 && length <= INT_MAX)
        tokenize(terms->tokenizer, &look, FTS5_TOKENIZE_AUX, text, (int)length, look_at_word);
    *ret_found = look.found;
    return look.count;
}
