/* Search on every engine: the index says what the pages say, after whatever happened to them. */
#include "base/clock.h"
#include "index_check.h"
#include "store/store.h"
#include "suite.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_file(void)
{
    return strcmp(STORE_KIND, "file") == 0;
}

static const char *database(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/docq.db", store_url() + strlen("sqlite:"));
    return path;
}

static void check_index(void)
{
    if (has_file())
        assert_int_equal(index_differences(database()), 0);
}

/* A pending document of that name and owner. */
static void put(dq_queue *queue, const char *filename, const char *owner, char ret_id[DQ_ID_SIZE])
{
    dq_upload upload = {.filename = filename, .owner = owner};
    dq_document_list *list;
    expect(0, dq_upload_begin(queue, 0, &upload.incoming, error));
    expect(0, dq_upload_write(upload.incoming, "x", 1, error));
    expect(0, dq_upload_commit(queue, &upload, 1, &list, error));
    memcpy(ret_id, list->documents[0].id, DQ_ID_SIZE);
    dq_free(list);
}

enum { PAGES_MAX = 8 };

/* Completes the one item that is due; `pages` ends with NULL. */
static int finish(dq_queue *queue, const char *const *pages, const char *type)
{
    char token[DQ_TOKEN_SIZE], item[DQ_ID_SIZE];
    dq_page list[PAGES_MAX];
    dq_result result = {.pages = list, .content_type = type};
    for (; pages[result.page_count]; result.page_count++) {
        const char *text = pages[result.page_count];
        list[result.page_count] = (dq_page){(int)result.page_count + 1, text, strlen(text)};
    }
    assert_true(claim_one(queue, token, item));
    return dq_mark_completed(queue, token, &result, NULL);
}

static void add(dq_queue *queue, const char *filename, const char *owner, const char *text,
                char ret_id[DQ_ID_SIZE])
{
    const char *pages[] = {text, NULL};
    put(queue, filename, owner, ret_id);
    assert_int_equal(finish(queue, pages, NULL), 0);
}

static dq_hit_list *search(dq_queue *queue, const char *query)
{
    dq_hit_list *list = NULL;
    expect(0, dq_search(queue, query, 100, NULL, &list, error));
    return list;
}

static size_t hits(dq_queue *queue, const char *query)
{
    dq_hit_list *list = search(queue, query);
    size_t count = list->count;
    dq_free(list);
    return count;
}

static void the_text_is_found_from_completion_on(void **state)
{
    static const char *const pages[] = {"Nothing to see", "The lighthouse, the keeper", NULL};
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    put(queue, "log book.txt", "ana", id);
    assert_int_equal(hits(queue, "keeper"), 0);
    assert_int_equal(finish(queue, pages, NULL), 0);
    dq_hit_list *list = search(queue, "KEEPER");
    assert_int_equal(list->count, 1);
    assert_string_equal(list->hits[0].document_id, id);
    assert_string_equal(list->hits[0].filename, "log book.txt");
    assert_string_equal(list->hits[0].owner, "ana");
    assert_int_equal(list->hits[0].page, 2);
    assert_true(list->hits[0].score > 0);
    assert_string_equal(list->hits[0].snippet, "The lighthouse, the keeper");
    assert_int_equal(list->hits[0].match_count, 1);
    assert_int_equal(list->hits[0].matches[0].from, 20);
    assert_int_equal(list->hits[0].matches[0].to, 26);
    assert_null(list->next);
    dq_free(list);
    check_index();
}

static void the_language_means_what_it_says(void **state)
{
    static const struct {
        const char *query;
        size_t hits;
    } rows[] = {
        {"alpha", 3},
        {"alpha beta", 2},
        {"\"alpha beta\"", 1},
        {"\"beta alpha\"", 1},
        {"alp*", 3},
        {"al*", 0}, /* too short a beginning is a word */
        {"alpha -gamma", 2},
        {"alpha -\"beta alpha\"", 2},
        {"gamma OR delta", 2},
        {"gamma OR delta alpha", 1},
        {"filename:two", 1},
        {"filename:tw", 0},
        {"two", 1},
        {"alpha -filename:two", 2},
        {"cafe", 1},
        {"CAF\xc3\x89", 1},
        {"\xe6\x97\xa5\xe8\xa8\x98", 1}, /* two characters within a row of three */
        {"\xe6\x97\xa5\xe6\x97\xa5", 0},
        {"\xe6\x97\xa5*", 1},
        {"e-mail", 1},
        {"\"e mail\"", 1},
        {"mail", 1},
        {"alpha ***", 3},
        {"*** -alpha", 0},
        {"-alpha", 0},
        {"", 0},
        {"owner:ana", 0},
        {"alpha owner:ana", 2},
        {"alpha owner:bob", 1},
        {"alpha -owner:bob", 2},
        {"alpha type:text", 3},
        {"alpha type:pdf", 0},
        {"alpha since:1h", 3},
        {"alpha before:1h", 0},
        {"alpha since:2020 before:2999", 3},
        {"filename:2 OR filename:3", 2},
    };
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    add(queue, "1 one.txt", "ana", "alpha beta, e-mail", id);
    add(queue, "2 two.txt", "ana", "beta Alpha gamma caf\xc3\xa9", id);
    add(queue, "3 three.txt", "bob", "alpha alphabet \xe7\x81\xaf\xe6\x97\xa5\xe8\xa8\x98", id);
    add(queue, "4.txt", "bob", "delta", id);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t found = hits(queue, rows[i].query);
        if (found != rows[i].hits)
            fail_msg("%s: %zu hits", rows[i].query, found);
    }
    dq_hit_list *list;
    expect(DQ_INVALID, dq_search(queue, "alpha fielname:x", 1, NULL, &list, NULL));
    expect(DQ_INVALID, dq_search(queue, "alpha", 0, NULL, &list, NULL));
    expect(DQ_INVALID, dq_search(queue, "alpha", DQ_LIST_MAX + 1, NULL, &list, NULL));
}

static void the_best_documents_come_first(void **state)
{
    static const char *const many[] = {"fog",      "fog fog", "no", "fog fog fog fog fog",
                                       "fog here", NULL};
    static const char *const named[] = {"nothing", "else", NULL};
    dq_queue *queue = *state;
    char weak[DQ_ID_SIZE], strong[DQ_ID_SIZE], name[DQ_ID_SIZE];
    add(queue, "weak.txt", NULL,
        "one mention of fog among very many other words that say nothing of it at all", weak);
    put(queue, "strong.txt", NULL, strong);
    assert_int_equal(finish(queue, many, NULL), 0);
    put(queue, "fog.txt", NULL, name);
    assert_int_equal(finish(queue, named, NULL), 0);
    dq_hit_list *list = search(queue, "fog");
    assert_int_equal(list->count, 5);
    assert_string_equal(list->hits[0].document_id, strong); /* three pages of it, best first */
    assert_int_equal(list->hits[0].page, 4);
    assert_int_equal(list->hits[1].page, 2);
    assert_string_equal(list->hits[2].document_id, strong);
    assert_string_equal(list->hits[3].document_id, name); /* one page stands for it, the first */
    assert_int_equal(list->hits[3].page, 1);
    assert_int_equal(list->hits[3].match_count, 0);
    assert_string_equal(list->hits[4].document_id, weak);
    dq_free(list);
    expect(0, dq_search(queue, "fog", 2, NULL, &list, error));
    assert_int_equal(list->count, 2);
    assert_non_null(list->next);
    dq_free(list);
}

static void processing_again_replaces(void **state)
{
    static const char *const before[] = {"first words", "more of them", NULL};
    static const char *const after[] = {"second thoughts", NULL};
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    put(queue, "a.txt", NULL, id);
    assert_int_equal(finish(queue, before, NULL), 0);
    assert_int_equal(hits(queue, "them"), 1);
    expect(0, dq_reprocess_document(queue, id, NULL, 0, NULL, error));
    assert_int_equal(hits(queue, "them"), 1); /* still, until the new ones are there */
    assert_int_equal(finish(queue, after, "application/pdf"), 0);
    assert_int_equal(hits(queue, "them OR words OR first"), 0);
    assert_int_equal(hits(queue, "thoughts type:pdf"), 1);
    check_index();
}

static void what_is_deleted_is_not_found(void **state)
{
    dq_queue *queue = *state;
    char one[DQ_ID_SIZE], two[DQ_ID_SIZE], three[DQ_ID_SIZE];
    add(queue, "1.txt", NULL, "common one", one);
    add(queue, "2.txt", NULL, "common two", two);
    expect(0, dq_delete_document(queue, one, error) < 0);
    assert_int_equal(hits(queue, "common"), 1);
    assert_int_equal(hits(queue, "one OR filename:1"), 0);
    add(queue, "3.txt", NULL, "common three", three);
    assert_int_equal(hits(queue, "common"), 2);
    check_index();
    expect(2, dq_purge(queue, 0, -1, true, error));
    assert_int_equal(hits(queue, "common"), 0);
    check_index();
}

static void a_refused_completion_leaves_no_word(void **state)
{
    static const char *const before[] = {"old words", NULL};
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], item[DQ_ID_SIZE];
    const dq_page pages[] = {{1, "new words", 9}, {0, "not a page", 10}};
    const dq_result wrong = {.pages = pages, .page_count = 2};
    const dq_result late = {.pages = pages, .page_count = 1};
    put(queue, "a.txt", NULL, id);
    assert_int_equal(finish(queue, before, NULL), 0);
    expect(0, dq_reprocess_document(queue, id, "process", 0, NULL, error));
    assert_true(claim_one(queue, token, item));
    if (!is_remote()) /* over HTTP pages have no numbers that could be wrong */
        expect(DQ_INVALID, dq_mark_completed(queue, token, &wrong, NULL));
    assert_int_equal(hits(queue, "new"), 0);
    assert_int_equal(hits(queue, "old"), 1);
    check_index();
    expect(0, dq_cancel(queue, item, NULL, error));
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, token, &late, NULL));
    assert_int_equal(hits(queue, "new"), 0);
    assert_int_equal(hits(queue, "old"), 1);
    check_index();
}

/* Pages of the list taken one by one, while documents come, go and change. */
static void paging_neither_repeats_nor_skips(void **state)
{
    enum { DOCUMENTS = 40, LIMIT = 7 };
    dq_queue *queue = *state;
    char ids[DOCUMENTS][DQ_ID_SIZE], extra[DQ_ID_SIZE], text[400], cursor[128] = "";
    int seen[DOCUMENTS] = {0}, pages = 0;
    static const char *const changed[] = {"reef", NULL};
    for (int i = 0; i < DOCUMENTS; i++) {
        text[0] = '\0';
        for (int k = 0; k < 40; k++)
            strncat(text, k % (i % 9 + 2) ? "filling " : "reef ", sizeof text - strlen(text) - 1);
        add(queue, "a.txt", NULL, text, ids[i]);
    }
    do {
        dq_hit_list *list;
        expect(0, dq_search(queue, "reef", LIMIT, *cursor ? cursor : NULL, &list, error));
        assert_in_range(list->count, 1, LIMIT);
        for (size_t h = 0; h < list->count; h++)
            for (int i = 0; i < DOCUMENTS; i++)
                seen[i] += strcmp(list->hits[h].document_id, ids[i]) == 0;
        snprintf(cursor, sizeof cursor, "%s", list->next ? list->next : "");
        for (int i = 0; pages == 1 && i < DOCUMENTS; i++) /* the anchor of the cursor goes */
            if (strcmp(list->hits[list->count - 1].document_id, ids[i]) == 0)
                expect(0, dq_delete_document(queue, ids[i], error) < 0);
        dq_free(list);
        add(queue, "new.txt", NULL, "reef reef reef", extra);
        expect(0, dq_reprocess_document(queue, extra, NULL, 0, NULL, error));
        assert_int_equal(finish(queue, changed, NULL), 0);
        pages++;
    } while (*cursor);
    assert_in_range(pages, DOCUMENTS / LIMIT, DOCUMENTS / LIMIT + 1);
    for (int i = 0; i < DOCUMENTS; i++)
        if (seen[i] != 1)
            fail_msg("document %d was seen %d times", i, seen[i]);
    dq_hit_list *list;
    static const char *const wrong[] = {"x",
                                        "1",
                                        "1-2",
                                        "2-1-0",
                                        "1-2-3-4",
                                        "-1-2-3",
                                        "1-2-fff8000000000000",
                                        "1-ffffffffffffffff-0",
                                        "0-1-0",
                                        "1-1-11111111111111111"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect(DQ_INVALID, dq_search(queue, "reef", LIMIT, wrong[i], &list, NULL));
}

/* The time is over before the search begins: it says so, and the next one is not affected. */
static void a_search_ends_with_its_time(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    struct store *store = NULL;
    const struct store_options options = {.worker = "test", .age_step = 1};
    if (!has_file())
        skip();
    for (int i = 0; i < 300; i++)
        add(queue, "a.txt", NULL, "common words", id);
    expect(0, store_open(store_url(), &options, &store, error));
    for (int round = 0; round < 2; round++) {
        struct query query;
        struct arena *arena = arena_new();
        dq_hit_list list = {0};
        dq_error why = {0};
        int64_t deadline = round ? INT64_MAX : clock_tick() - 1;
        expect(0, query_parse("common", 0, &query, error));
        int r = store_search(store, &query, 10, NULL, deadline, arena, &list, &why);
        assert_int_equal(r, round ? 0 : DQ_INVALID);
        assert_true(round || strstr(why.detail, "too long"));
        assert_int_equal(list.count, round ? 10 : 0);
        arena_free(arena);
    }
    store_close(&store);
}

/* ---- crashes --------------------------------------------------------------------------------- */

static _Noreturn void churn(unsigned seed)
{
    dq_queue *queue = NULL;
    dq_error error = {0};
    char text[200];
    if (dq_open(store_url(), NULL, &queue, &error) < 0)
        _exit(1);
    for (unsigned i = 0;; i++) {
        char id[DQ_ID_SIZE];
        snprintf(text, sizeof text, "words %u of child %u and more of them %u", i, seed, i % 7);
        add(queue, "a.txt", NULL, text, id);
        if (i % 3 == 0) {
            const char *const pages[] = {"changed", text, NULL};
            dq_reprocess_document(queue, id, "process", 0, NULL, &error);
            finish(queue, pages, NULL);
        }
        if (i % 5 == 0)
            dq_delete_document(queue, id, &error);
    }
}

static void a_killed_process_leaves_a_true_index(void **state)
{
    enum { ROUNDS = 6, FIRST_MS = 40, STEP_MS = 37 };
    if (!has_file())
        skip();
    dq_close((dq_queue **)state); /* a database must not be open across a fork */
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0)
            churn(round);
        nap((FIRST_MS + STEP_MS * round) * 1000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        dq_queue *queue = NULL;
        expect(0, dq_open(store_url(), NULL, &queue, error));
        expect(0, dq_recover(queue, NULL, error) < 0);
        char id[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], item[DQ_ID_SIZE];
        while (claim_one(queue, token, item)) /* what the child left behind */
            expect(0, dq_mark_completed(queue, token, NULL, error));
        add(queue, "a.txt", NULL, "the living go on", id);
        assert_true(hits(queue, "living") > 0);
        check_index();
        dq_close(&queue);
    }
    assert_true(index_places(database()) > 0);
    expect(0, dq_open(store_url(), NULL, (dq_queue **)state, error));
}

/* The check itself: a page that changes behind the index's back is noticed. */
static void a_planted_difference_is_caught(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    sqlite3 *db;
    if (!has_file())
        skip();
    add(queue, "a.txt", NULL, "three honest words", id);
    assert_int_equal(index_differences(database()), 0);
    assert_int_equal(index_places(database()), 5);
    assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE page SET text = 'three other words'", 0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(index_differences(database()), 2);
}

/* An engine without an index takes completions all the same, and refuses to search. */
static void an_engine_without_search_says_so(void **state)
{
    static const char *const pages[] = {"some words", NULL};
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    dq_hit_list *list;
    put(queue, "a.txt", NULL, id);
    assert_int_equal(finish(queue, pages, NULL), 0);
    expect(DQ_UNSUPPORTED, dq_search(queue, "words", 10, NULL, &list, NULL));
    expect(0, dq_delete_document(queue, id, error) < 0);
}

int search_tests(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, drop)
    const struct CMUnitTest tests[] = {
        TEST(the_text_is_found_from_completion_on), TEST(the_language_means_what_it_says),
        TEST(the_best_documents_come_first),        TEST(processing_again_replaces),
        TEST(what_is_deleted_is_not_found),         TEST(a_refused_completion_leaves_no_word),
        TEST(paging_neither_repeats_nor_skips),     TEST(a_search_ends_with_its_time),
        TEST(a_killed_process_leaves_a_true_index), TEST(a_planted_difference_is_caught),
    };
    const struct CMUnitTest without[] = {TEST(an_engine_without_search_says_so)};
    return strcmp(STORE_KIND, "postgres") == 0
               ? cmocka_run_group_tests_name("search", without, NULL, NULL)
               : cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
