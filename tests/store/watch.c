/* The log of changes: each is there, in order, once; nothing of a failed step; gaps are told. */
#include "suite.h"

#include <string.h>

static dq_change_list *changes_after(dq_queue *queue, int64_t after, int limit)
{
    dq_change_list *list = NULL;
    expect(0, dq_list_changes(queue, after, limit, &list, error));
    return list;
}

static int64_t newest(dq_queue *queue)
{
    dq_change_list *list = changes_after(queue, -1, 1);
    int64_t last = list->last;
    assert_int_equal(list->count, 0);
    dq_free(list);
    return last;
}

static void a_life_is_told_in_order(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    int64_t start = newest(queue);
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    dq_progress progress = {.stage = "reading", .done = 1, .total = 2};
    expect(0, dq_heartbeat(queue, token, &progress, NULL, error));
    expect(0, dq_heartbeat(queue, token, NULL, NULL, error)); /* tells nothing new */
    expect(0, dq_mark_completed(queue, token, NULL, error));
    assert_int_equal(newest(queue), start + 4);
    for (int i = 0; i < 4; i++) {
        dq_change_list *list = changes_after(queue, start + i, 1);
        assert_int_equal(list->count, 1);
        assert_int_equal(list->last, start + i + 1);
        assert_false(list->reset);
        assert_string_equal(list->changes[0].item_id, item);
        assert_int_equal(list->changes[0].item->status, DQ_COMPLETED); /* as it is now */
        assert_string_equal(list->changes[0].item->filename, "a.txt");
        dq_free(list);
    }
    dq_change_list *all = changes_after(queue, start, 100);
    assert_int_equal(all->count, 1); /* four changes of one item are told once */
    assert_int_equal(all->changes[0].number, start + 4);
    dq_free(all);
}

static void a_deletion_is_told(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    int64_t start = newest(queue);
    expect(0, dq_delete_document(queue, id, error) < 0);
    dq_change_list *list = changes_after(queue, start, 10);
    assert_int_equal(list->count, 1);
    assert_string_equal(list->changes[0].item_id, item);
    assert_null(list->changes[0].item);
    dq_free(list);
}

static void a_refused_step_tells_nothing(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    int64_t start = newest(queue);
    expect(DQ_CONFLICT, dq_retry(queue, item, NULL, error));
    dq_upload uploads[2] = {{.filename = "a"}, {.filename = "b", .operation = "unknown"}};
    dq_document_list *list;
    for (int i = 0; i < 2; i++)
        expect(0, dq_upload_begin(queue, 0, &uploads[i].incoming, error));
    expect(DQ_INVALID, dq_upload_commit(queue, uploads, 2, &list, error));
    assert_int_equal(newest(queue), start);
}

static void a_gap_is_told(void **state)
{
    enum { BATCH = 1000, ROUNDS = 70 };
    static dq_ask asks[BATCH];
    static char ids[BATCH][DQ_ID_SIZE];
    dq_queue *queue = *state;
    int64_t start = newest(queue);
    for (int i = 0; i < BATCH; i++) {
        upload(queue, "x", ids[i], NULL);
        asks[i] = (dq_ask){.document_id = ids[i], .operation = "translate"};
    }
    for (int i = 0; i < ROUNDS; i += 2) { /* in and out again: two changes an item */
        expect(BATCH, dq_enqueue_many(queue, asks, BATCH, NULL, NULL, error));
        expect(BATCH, (int)dq_bulk(queue, DQ_BULK_CANCEL, "operation:translate", error));
    }
    dq_change_list *list = changes_after(queue, start, 10);
    assert_true(list->reset);
    assert_int_equal(list->count, 0);
    assert_int_equal(list->last, newest(queue));
    dq_free(list);
    list = changes_after(queue, newest(queue) - 10, 100);
    assert_false(list->reset);
    assert_int_equal(list->count, 10);
    dq_free(list);
    list = changes_after(queue, newest(queue) + 1, 10); /* a number of another store */
    assert_true(list->reset);
    dq_free(list);
}

static void a_watcher_wakes(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    uint32_t seen = 0;
    (void)dq_watch(queue, &seen, 0);
    assert_int_equal(dq_watch(queue, &seen, 1000), DQ_TIMED_OUT);
    upload(queue, "x", id, NULL);
    assert_int_equal(dq_watch(queue, &seen, 1000000), 0);
    assert_int_equal(dq_watch(queue, &seen, 1000), DQ_TIMED_OUT);
}

/* What is of a store is refused by name on the handle of a server. */
static void a_server_is_asked_over_http(void **state)
{
    dq_change_list *list = NULL;
    dq_problem_list *problems = NULL;
    dq_history *history = NULL;
    uint32_t seen = 0;
    bool more = false;
    expect(DQ_UNSUPPORTED, dq_list_changes(*state, -1, 1, &list, error));
    expect(DQ_UNSUPPORTED, dq_list_problems(*state, 1, &problems, error));
    expect(DQ_UNSUPPORTED, dq_get_history(*state, 1, 1, &history, error));
    expect(DQ_UNSUPPORTED, dq_count_items(*state, "failed", &more, error));
    expect(DQ_UNSUPPORTED, dq_count_purgeable(*state, 0, -1, error));
    assert_int_equal(dq_watch(*state, &seen, 0), DQ_UNSUPPORTED);
}

/* Nothing is kept there yet, so nothing is told; work goes on. */
static void an_engine_without_a_log_says_so(void **state)
{
    char id[DQ_ID_SIZE];
    dq_change_list *list = NULL;
    upload(*state, "x", id, NULL);
    expect(DQ_UNSUPPORTED, dq_list_changes(*state, -1, 1, &list, error));
}

int watch_tests(void)
{
    const struct CMUnitTest without[] = {
        cmocka_unit_test_setup_teardown(an_engine_without_a_log_says_so, fresh, drop),
    };
    const struct CMUnitTest remote[] = {
        cmocka_unit_test_setup_teardown(a_server_is_asked_over_http, fresh, drop),
    };
    if (strcmp(STORE_KIND, "http") == 0)
        return cmocka_run_group_tests(remote, NULL, NULL);
    if (strcmp(STORE_KIND, "postgres") == 0)
        return cmocka_run_group_tests(without, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_life_is_told_in_order, fresh, drop),
        cmocka_unit_test_setup_teardown(a_deletion_is_told, fresh, drop),
        cmocka_unit_test_setup_teardown(a_refused_step_tells_nothing, fresh, drop),
        cmocka_unit_test_setup_teardown(a_gap_is_told, fresh, drop),
        cmocka_unit_test_setup_teardown(a_watcher_wakes, fresh, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
