/* The pure parts of search: the query language, snippets, chunks. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "core/chunk.h"
#include "core/query.h"
#include "core/script.h"
#include "core/snippet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After the headers it needs. */
#include <cmocka.h>

#define NOW (INT64_C(1800000000) * US_PER_S)

/* ---- queries --------------------------------------------------------------------------------- */

static void queries_compile_as_the_table_says(void **state)
{
    static const struct {
        const char *query, *compiled; /* NULL = finds nothing */
    } rows[] = {
        {"", NULL},
        {"   \t ", NULL},
        {"one", "((\"one\"))"},
        {"one two", "((\"one\") AND (\"two\"))"},
        {"one AND two", "((\"one\") AND (\"two\"))"},
        {"one OR two", "((\"one\" OR \"two\"))"},
        {"one OR two three", "((\"one\" OR \"two\") AND (\"three\"))"},
        {"one or two", "((\"one\") AND (\"or\") AND (\"two\"))"},
        {"OR one OR", "((\"one\"))"},
        {"one OR OR two", "((\"one\" OR \"two\"))"},
        {"\"one two\"", "((\"one two\"))"},
        {"\"one two", "((\"one two\"))"},
        {"\"OR\"", "((\"OR\"))"},
        {"disk\"one two\"end", "((\"disk\") AND (\"one two\") AND (\"end\"))"},
        {"deliv*", "((\"deliv\" *))"},
        {"deliv***", "((\"deliv\" *))"},
        {"de*", "((\"de\"))"},
        {"\"on the del\"*", "((\"on the del\" *))"},
        {"\"on the d\"*", "((\"on the d\"))"},
        {"one -two", "((\"one\")) NOT (\"two\")"},
        {"-two one -\"three four\"", "((\"one\")) NOT (\"two\" OR \"three four\")"},
        {"-two", NULL},
        {"one - two", "((\"one\") AND (\"-\") AND (\"two\"))"},
        {"filename:letter", "((name : \"letter\"))"},
        {"filename:\"my letter\" one", "((name : \"my letter\") AND (\"one\"))"},
        {"FileName:let*", "((name : \"let\" *))"},
        {"one -filename:draft", "((\"one\")) NOT (name : \"draft\")"},
        {"filename:a OR filename:b", "((name : \"a\" OR name : \"b\"))"},
        {"owner:ana type:pdf", NULL},
        {"one owner:ana OR two", "((\"one\" OR \"two\"))"},
        {"12:30", "((\"12:30\"))"},
        {"http://example.org/a", "((\"http://example.org/a\"))"},
        {"std::vector", "((\"std::vector\"))"},
        {"c:\\tmp", "((\"c:\\tmp\"))"},
        {"key: value", "((\"key:\") AND (\"value\"))"},
        {"\"unknown:thing\"", "((\"unknown:thing\"))"},
        {"NEAR(a b) ^c {d} + e",
         "((\"NEAR(a\") AND (\"b)\") AND (\"^c\") AND (\"{d}\") AND (\"+\") "
         "AND (\"e\"))"},
        {"\xe3\x80\x80\xe7\x81\xaf\xe3\x80\x80", "((\"\xe7\x81\xaf\"))"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct query query;
        dq_error error = {0};
        autobuf out = BUF(QUERY_COMPILED_SIZE);
        if (query_parse(rows[i].query, NOW, &query, &error) < 0)
            fail_msg("\"%s\": %s", rows[i].query, error.detail);
        bool some = query_compile(&query, &out);
        if (some != (rows[i].compiled != NULL) ||
            (some && strcmp(out.bytes, rows[i].compiled) != 0))
            fail_msg("\"%s\" became %s", rows[i].query, some ? out.bytes : "nothing");
    }
}

static void silent_terms_are_left_out(void **state)
{
    struct query query;
    autobuf out = BUF(QUERY_COMPILED_SIZE);
    (void)state;
    assert_int_equal(query_parse("+ one OR ! -?", NOW, &query, NULL), 0);
    query.terms[0].silent = query.terms[2].silent = query.terms[3].silent = true;
    assert_true(query_compile(&query, &out));
    assert_string_equal(out.bytes, "((\"one\"))");
    query.terms[1].silent = true;
    buf_clear(&out);
    assert_false(query_compile(&query, &out));
}

static void wrong_queries_say_what_is_wrong(void **state)
{
    static const struct {
        const char *query, *says;
    } rows[] = {
        {"fielname:x", "\"filename:\""}, {"typ:pdf", "\"type:\""},   {"re:hello", "quotes"},
        {"since:soon", "2026-01-15"},    {"before:2026-13", "date"}, {"since:2026-02-30", "date"},
        {"since:1969", "date"},          {"one \xff", "UTF-8"},
    };
    char many[QUERY_BYTES_MAX + 2];
    struct query query;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dq_error error = {0};
        if (query_parse(rows[i].query, NOW, &query, &error) != DQ_INVALID)
            fail_msg("\"%s\" was taken", rows[i].query);
        assert_string_equal(error.field, "/q");
        if (!strstr(error.detail, rows[i].says))
            fail_msg("\"%s\": %s", rows[i].query, error.detail);
    }
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[sizeof many - 1] = '\0';
    assert_int_equal(query_parse(many, NOW, &query, NULL), DQ_INVALID); /* too long */
    many[QUERY_BYTES_MAX] = '\0';
    assert_int_equal(query_parse(many, NOW, &query, NULL), DQ_INVALID); /* too many words */
    many[2 * QUERY_TERMS_MAX] = '\0';
    assert_int_equal(query_parse(many, NOW, &query, NULL), 0);
    assert_int_equal(query_parse("type:a type:a type:a type:a type:a type:a type:a type:a type:a "
                                 "type:a type:a type:a type:a type:a type:a type:a type:a",
                                 NOW, &query, NULL),
                     DQ_INVALID);
    assert_int_equal(
        query_parse("aaa* bbb* ccc* ddd* -eee* fff* ggg* hh* filename:iii*", NOW, &query, NULL), 0);
    assert_int_equal(
        query_parse("aaa* bbb* ccc* ddd* -eee* fff* ggg* hhh* filename:iii*", NOW, &query, NULL),
        DQ_INVALID);
    assert_int_equal(query_parse(NULL, NOW, &query, NULL), 0);
}

static const char docx[] =
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

static void filters_let_through_what_they_say(void **state)
{
    static const struct {
        const char *query, *type, *owner;
        bool admits;
    } rows[] = {
        {"x", "text/plain", "ana", true},
        {"x owner:ana", "text/plain", "ana", true},
        {"x owner:ana", "text/plain", "anabel", false},
        {"x owner:ana owner:bob", "text/plain", "bob", true},
        {"x -owner:ana", "text/plain", "ana", false},
        {"x -owner:ana", "text/plain", "bob", true},
        {"x owner:\"ana b\"", "text/plain", "ana b", true},
        {"x type:pdf", "application/pdf", "", true},
        {"x type:PDF", "application/pdf", "", true},
        {"x type:application/pdf", "application/pdf", "", true},
        {"x type:pdf", "text/plain", "", false},
        {"x type:image", "image/png", "", true},
        {"x type:png", "image/png", "", true},
        {"x type:docx", docx, "", true},
        {"x type:docx type:pdf", "application/pdf", "", true},
        {"x type:docx", "application/pdf", "", false},
        {"x -type:docx", docx, "", false},
        {"x type:md owner:ana", "text/markdown", "bob", false},
        {"x type:", "text/plain", "", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct query query;
        assert_int_equal(query_parse(rows[i].query, NOW, &query, NULL), 0);
        if (query_admits(&query, rows[i].type, rows[i].owner, NOW) != rows[i].admits)
            fail_msg("\"%s\" and %s of %s", rows[i].query, rows[i].type, rows[i].owner);
    }
}

static void dates_are_bounds(void **state)
{
    static const struct {
        const char *query;
        int64_t since, before; /* seconds */
    } rows[] = {
        {"since:2026", 1767225600, 0},
        {"since:2026-02", 1769904000, 0},
        {"since:2026-02-03", 1770076800, 0},
        {"before:2024-02-29", 0, 1709164800},
        {"since:2h", 1800000000 - 7200, 0},
        {"before:30d", 0, 1800000000 - 2592000},
        {"-since:2026", 0, 1767225600},
        {"since:2026 since:2026-02 before:2h before:1h", 1769904000, 1800000000 - 7200},
    };
    struct query query;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(query_parse(rows[i].query, NOW, &query, NULL), 0);
        assert_int_equal(query.since, rows[i].since * US_PER_S);
        assert_int_equal(query.before, rows[i].before * US_PER_S);
    }
    assert_int_equal(query_parse("since:2026 before:2027", NOW, &query, NULL), 0);
    assert_true(query_admits(&query, "", "", 1767225600 * US_PER_S));
    assert_false(query_admits(&query, "", "", 1767225600 * US_PER_S - 1));
    assert_false(query_admits(&query, "", "", 1798761600 * US_PER_S));
}

static void scripts_without_blanks(void **state)
{
    (void)state;
    assert_true(script_is_spaceless(0x65e5)); /* a day */
    assert_true(script_is_spaceless(0x3042) && script_is_spaceless(0x30a2));
    assert_true(script_is_spaceless(0xd55c) && script_is_spaceless(0x0e01));
    assert_true(script_is_spaceless(0x20000));
    assert_false(script_is_spaceless('a') || script_is_spaceless(0xe9));
    assert_false(script_is_spaceless(0x0430) || script_is_spaceless(0x05d0)); /* Cyrillic, Hebrew */
    assert_false(script_is_spaceless(0x3001) || script_is_spaceless(0x30fb)); /* punctuation */
    assert_false(script_is_spaceless(0xff0c) || script_is_spaceless(0x0e50));
    assert_false(script_is_spaceless(0x10ffff));
}

/* ---- snippets -------------------------------------------------------------------------------- */

/* The words of the text that begin with `word`, as the index would find them. */
static size_t find(const char *text, const char *word, int term, struct found *found, size_t count)
{
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        found[count++] =
            (struct found){(size_t)(at - text), (size_t)(at - text) + strlen(word), term};
    return count;
}

static const char *part(struct arena *arena, const dq_hit *hit, size_t match)
{
    const char *at = hit->snippet, *from = at;
    for (int i = 0; i < hit->matches[match].to; i++) {
        uint32_t character;
        if (i == hit->matches[match].from)
            from = at;
        at += utf8_next(at, strlen(at), &character);
    }
    return arena_strndup(arena, from, (size_t)(at - from));
}

static void a_snippet_points_at_its_matches(void **state)
{
    struct found found[100];
    struct arena *arena = arena_new();
    dq_hit hit = {0};
    char text[4096] = "";
    (void)state;
    for (int i = 0; i < 40; i++)
        strncat(text,
                "gr\xc3\xbc\xc3\x9f"
                "e far away\n\n\t ",
                sizeof text - strlen(text) - 1);
    strncat(text, "the \xe7\x81\xaf keeper and\r\n  the \x01 lamp \xe7\x81\xaf at last ",
            sizeof text - strlen(text) - 1);
    for (int i = 0; i < 40; i++)
        strncat(text, "and so on ", sizeof text - strlen(text) - 1);
    size_t count = find(text, "\xe7\x81\xaf", 0, found, 0);
    count = find(text, "lamp", 1, found, count);
    count = find(text, "keeper", 2, found, count);
    snippet_make(text, strlen(text), found, count, arena, &hit);
    assert_int_equal(hit.match_count, 4);
    assert_string_equal(part(arena, &hit, 0), "\xe7\x81\xaf");
    assert_string_equal(part(arena, &hit, 1), "keeper");
    assert_string_equal(part(arena, &hit, 2), "lamp");
    assert_string_equal(part(arena, &hit, 3), "\xe7\x81\xaf");
    assert_non_null(strstr(hit.snippet, "keeper and the lamp \xe7\x81\xaf at last and so"));
    assert_true(strncmp(hit.snippet, "\xe2\x80\xa6", 3) == 0);
    assert_string_equal(hit.snippet + strlen(hit.snippet) - 3, "\xe2\x80\xa6");
    assert_true(utf8_valid(hit.snippet, strlen(hit.snippet)));
    assert_true(utf8_count(hit.snippet, strlen(hit.snippet)) <= SNIPPET_CHARACTERS_MAX + 2);
    arena_free(arena);
}

static void snippets_of_odd_texts(void **state)
{
    struct arena *arena = arena_new();
    struct found found[4] = {{0, 3, 0}, {1, 5, 1}, {5, 7, 0}};
    dq_hit hit = {0};
    char run[2000];
    (void)state;
    snippet_make("", 0, NULL, 0, arena, &hit);
    assert_string_equal(hit.snippet, "");
    snippet_make(" \n ", 3, NULL, 0, arena, &hit);
    assert_string_equal(hit.snippet, "");
    snippet_make("abcdefgh", 8, found, 3, arena, &hit); /* overlapping ones are one */
    assert_int_equal(hit.match_count, 2);
    assert_true(hit.matches[0].from == 0 && hit.matches[0].to == 5);
    assert_true(hit.matches[1].from == 5 && hit.matches[1].to == 7);
    memset(run, 'x', sizeof run); /* no blank to cut at, and a match longer than the window */
    found[0] = (struct found){1000, 1999, 0};
    snippet_make(run, sizeof run, found, 1, arena, &hit);
    assert_int_equal(hit.match_count, 1);
    assert_int_equal(hit.matches[0].from, SNIPPET_LEAD_MAX + 1);
    assert_int_equal(hit.matches[0].to, SNIPPET_CHARACTERS_MAX + 1);
    arena_free(arena);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static dq_page page_of(const char *text, int number)
{
    return (dq_page){number, text, strlen(text)};
}

/* What must hold of every list: each chunk is its piece of the page, none is too large, they stand
 * in order, and all that is no blank is in one of them. */
static void check_chunks(const dq_page *pages, size_t page_count, const dq_chunk_options *options,
                         const dq_chunk_list *list)
{
    int page = 0, from = -1, end = 0;
    for (size_t i = 0; i < list->count; i++) {
        const dq_chunk *chunk = &list->chunks[i];
        assert_in_range(chunk->page, 1, page_count);
        const char *text = pages[chunk->page - 1].text;
        uint32_t character;
        size_t start = 0, gap = 0;
        assert_int_equal(chunk->number, options->first + (int)i);
        if (chunk->page != page) {
            page = chunk->page;
            from = -1;
            end = i == 0 && options->first > 1 ? chunk->from : 0;
        }
        assert_true(chunk->from > from && chunk->to > chunk->from);
        assert_true(chunk->to - chunk->from <= options->size);
        for (int c = 0; c < chunk->from; c++) {
            gap += c >= end && (unsigned char)text[start] > ' ';
            start += utf8_next(text + start, strlen(text + start), &character);
        }
        assert_int_equal(gap, 0);
        assert_int_equal(utf8_count(chunk->text, chunk->text_bytes), chunk->to - chunk->from);
        assert_memory_equal(chunk->text, text + start, chunk->text_bytes);
        from = chunk->from;
        end = chunk->to;
    }
}

static dq_chunk_list chunk(const dq_page *pages, size_t page_count, dq_chunk_options options,
                           struct arena *arena)
{
    dq_chunk_list list = {0};
    assert_int_equal(chunk_options_check(&options, &options, NULL), 0);
    chunks_make(pages, page_count, &options, arena, &list);
    check_chunks(pages, page_count, &options, &list);
    return list;
}

static void chunks_follow_headings(void **state)
{
    struct arena *arena = arena_new();
    const dq_page pages[] = {
        page_of("# Manual\n\nBefore all.\n\n## Setting up ##\n\n### By hand\n\nTurn it on.\n\n"
                "```\n# no heading\n```\n\n## Use\n\nPress.\n",
                1),
        page_of("Still use.\n#nor this\n# Index\nA 1", 2),
    };
    (void)state;
    dq_chunk_list list = chunk(pages, 2, (dq_chunk_options){.size = 200}, arena);
    static const struct {
        int page;
        const char *begins, *path;
    } rows[] = {{1, "# Manual\n\nBefore", "Manual"},
                {1, "## Setting up ##\n\n### By hand", "Manual/Setting up/By hand"},
                {1, "## Use", "Manual/Use"},
                {2, "Still use.\n#nor this", "Manual/Use"},
                {2, "# Index\nA 1", "Index"}};
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < list.count; i++) {
        char path[200] = "";
        for (size_t h = 0; h < list.chunks[i].heading_count; h++)
            snprintf(path + strlen(path), sizeof path - strlen(path), "%s%s", h ? "/" : "",
                     list.chunks[i].headings[h]);
        assert_int_equal(list.chunks[i].page, rows[i].page);
        assert_string_equal(path, rows[i].path);
        assert_memory_equal(list.chunks[i].text, rows[i].begins, strlen(rows[i].begins));
    }
    arena_free(arena);
}

static void chunks_prefer_the_best_joint(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    const dq_page page = page_of("One two three four five six seven. Eight nine\nten eleven.\n \n"
                                 "Twelve thirteen fourteen fifteen sixteen seventeen.\nEighteen "
                                 "nineteen twenty twenty-one twenty-two and more of it",
                                 1);
    dq_chunk_list list = chunk(&page, 1, (dq_chunk_options){.size = 70}, arena);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.chunks[0].text,
                        "One two three four five six seven. Eight nine\nten eleven.");
    assert_string_equal(list.chunks[1].text, "Twelve thirteen fourteen fifteen sixteen seventeen.");
    list = chunk(&page, 1, (dq_chunk_options){.size = 70, .overlap = 20}, arena);
    assert_string_equal(list.chunks[1].text,
                        "nine\nten eleven.\n \nTwelve thirteen fourteen fifteen sixteen");
    arena_free(arena);
}

/* Random texts of joints and letters of all lengths: what must hold, holds, twice the same. */
static void chunks_of_any_text(void **state)
{
    static const char *const bits[] = {"word ",        "\n",
                                       "\n\n",         "# ",
                                       "## Heading\n", ". ",
                                       "\xc3\xa9",     "\xe3\x80\x82",
                                       "\xe6\x97\xa5", "\xf0\x9f\x98\x80",
                                       "\t",           "\r\n",
                                       "```\n",        "x",
                                       "\"",           ") "};
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct arena *arena = arena_new();
        struct buf texts[2] = {BUF(65536), BUF(65536)};
        dq_page pages[2];
        for (int p = 0; p < 2; p++) {
            int count = round % 400;
            for (int i = 0; i < count; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                buf_puts(&texts[p], bits[(seed >> 33) % (sizeof bits / sizeof bits[0])]);
            }
            pages[p] = (dq_page){p + 1, texts[p].bytes ? texts[p].bytes : "", texts[p].length};
        }
        dq_chunk_options options = {.size = 50 + (int)(seed >> 40) % 200};
        options.overlap = (int)(seed >> 50) % (options.size / 2 + 1);
        dq_chunk_list list = chunk(pages, 2, options, arena);
        assert_int_equal(list.next, 0);
        for (options.first = 1; list.count > 0 && options.first > 0;) {
            options.limit = 3; /* in parts it is the same */
            dq_chunk_list some = chunk(pages, 2, options, arena);
            for (size_t i = 0; i < some.count; i++)
                assert_string_equal(some.chunks[i].text,
                                    list.chunks[options.first - 1 + (int)i].text);
            options.first = some.next;
        }
        buf_free(&texts[0]);
        buf_free(&texts[1]);
        arena_free(arena);
    }
}

static void chunk_options_have_limits(void **state)
{
    static const dq_chunk_options wrong[] = {
        {.size = DQ_CHUNK_SIZE_MIN - 1},
        {.size = DQ_CHUNK_SIZE_MAX + 1},
        {.size = -1},
        {.size = 100, .overlap = 51},
        {.overlap = -1},
        {.first = -1},
        {.limit = -1},
    };
    dq_chunk_options checked = {.size = 42};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(chunk_options_check(&wrong[i], &checked, NULL), DQ_INVALID);
    assert_int_equal(checked.size, 42);
    assert_int_equal(chunk_options_check(NULL, &checked, NULL), 0);
    assert_int_equal(checked.size, DQ_CHUNK_SIZE_DEFAULT);
}

/* A page of blanks, quotes or one endless word must not take time beyond its length. */
static void hostile_pages_are_cut_in_time(void **state)
{
    enum { BYTES = 16 * 1024 * 1024 };
    static const char *const fillings[] = {" ", ") ", "x", "\n", "# ", ". "};
    char *text = malloc(BYTES + 1);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof fillings / sizeof fillings[0]; i++) {
        struct arena *arena = arena_new();
        dq_chunk_list list = {0};
        dq_chunk_options options = {.size = 20000, .overlap = 10000, .first = 1, .limit = 1};
        for (size_t k = 0; k < BYTES; k++)
            text[k] = fillings[i][k % strlen(fillings[i])];
        text[BYTES] = '\0';
        const dq_page page = {1, text, BYTES};
        int64_t start = clock_tick();
        chunks_make(&page, 1, &options, arena, &list);
        if (clock_tick() - start > 20 * US_PER_S)
            fail_msg("\"%s\" took %lld us", fillings[i], (long long)(clock_tick() - start));
        arena_free(arena);
    }
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_compile_as_the_table_says),
        cmocka_unit_test(silent_terms_are_left_out),
        cmocka_unit_test(wrong_queries_say_what_is_wrong),
        cmocka_unit_test(filters_let_through_what_they_say),
        cmocka_unit_test(dates_are_bounds),
        cmocka_unit_test(scripts_without_blanks),
        cmocka_unit_test(a_snippet_points_at_its_matches),
        cmocka_unit_test(snippets_of_odd_texts),
        cmocka_unit_test(chunks_follow_headings),
        cmocka_unit_test(chunks_prefer_the_best_joint),
        cmocka_unit_test(chunks_of_any_text),
        cmocka_unit_test(chunk_options_have_limits),
        cmocka_unit_test(hostile_pages_are_cut_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
