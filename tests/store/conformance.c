/* One suite for every engine: what the DocumentQueueService promises. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void upload_then_complete(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_page page = {.number = 1, .text = "hello", .text_bytes = 5};
    dq_result result = {.pages = &page, .page_count = 1, .metadata = "{\"title\":\"T\"}"};
    dq_document *document;
    dq_text *text;
    upload(queue, "hello", id, item);
    expect(DQ_NOT_PROCESSED, dq_get_text(queue, id, 1, 0, &text, error));
    assert_true(claim_one(queue, token, claimed));
    assert_string_equal(claimed, item);
    assert_int_equal(status_of(queue, item), DQ_IN_PROGRESS);
    expect(0, dq_mark_completed(queue, token, &result, error));
    expect(0, dq_mark_completed(queue, token, &result, error)); /* the same answer */
    expect(0, dq_get_document(queue, id, &document, error));
    assert_int_equal(document->status, DQ_COMPLETED);
    assert_int_equal(document->pages, 1);
    assert_string_equal(document->sha256,
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    dq_free(document);
    expect(0, dq_get_text(queue, id, 1, 0, &text, error));
    assert_string_equal(text->pages[0].text, "hello");
    dq_free(text);
    assert_false(claim_one(queue, token, claimed));
}

static void content_is_exactly_the_document(void **state)
{
    dq_queue *queue = *state;
    char one[DQ_ID_SIZE], two[DQ_ID_SIZE], bytes[16] = {0};
    int fd = -1;
    upload(queue, "first", one, NULL);
    upload(queue, "second", two, NULL);
    expect(0, dq_open_content(queue, two, &fd, error));
    assert_int_equal(read(fd, bytes, sizeof bytes), 6);
    assert_string_equal(bytes, "second");
    assert_int_equal(lseek(fd, 0, SEEK_END), 6);
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
}

static void a_second_enqueue_returns_the_first(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_item *again;
    upload(queue, "x", id, item);
    expect(0, dq_enqueue(queue, id, "process", 7, &again, error));
    assert_string_equal(again->id, item);
    assert_false(again->created);
    assert_int_equal(again->priority, 7);
    dq_free(again);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_enqueue(queue, id, "process", 0, &again, error)); /* one more may wait */
    assert_true(again->created);
    assert_string_not_equal(again->id, item);
    dq_item *waiting = item_of(queue, again->id);
    assert_non_null(strstr(waiting->waiting, "in progress"));
    dq_free(waiting);
    dq_free(again);
    assert_false(claim_one(queue, token, claimed)); /* one in progress a document */
}

static void marking_has_one_winner(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    dq_item_list *pending;
    dq_lease *lease;
    upload(queue, "x", id, item);
    expect(0, dq_get_pending_items(queue, 10, &pending, error));
    assert_int_equal(pending->count, 1);
    assert_string_equal(pending->items[0].id, item);
    dq_free(pending);
    assert_int_equal(status_of(queue, item), DQ_PENDING); /* looking is not taking */
    expect(0, dq_mark_in_progress(queue, item, 0, &lease, error));
    dq_free(lease);
    expect(DQ_CONFLICT, dq_mark_in_progress(queue, item, 0, &lease, error));
}

static void stale_holder_changes_nothing(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], second[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_lease *first;
    dq_failure failure = {.code = "late", .retryable = true};
    upload(queue, "x", id, item);
    expect(0, dq_mark_in_progress(queue, item, S / 10, &first, error));
    nap(S / 8);
    expect(is_remote() ? 0 : 1, dq_recover(queue, NULL, error));
    for (int i = 0; is_remote() && status_of(queue, item) != DQ_PENDING && i < 500; i++)
        nap(10000); /* a server looks once a second */
    nap(1000);
    assert_true(claim_one(queue, second, claimed));
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, first->token, NULL, error));
    expect(DQ_LEASE_LOST, dq_mark_failed(queue, first->token, &failure, NULL, error));
    expect(DQ_LEASE_LOST, dq_heartbeat(queue, first->token, NULL, NULL, error));
    expect(DQ_LEASE_LOST, dq_release(queue, first->token, error));
    assert_int_equal(status_of(queue, item), DQ_IN_PROGRESS);
    expect(0, dq_mark_completed(queue, second, NULL, error));
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, first->token, NULL, error));
    dq_free(first);
    dq_item *after = item_of(queue, item);
    assert_int_equal(after->attempts, 2);
    assert_int_equal(after->history_count, 2);
    assert_string_equal(after->history[0].outcome, "lost");
    assert_string_equal(after->history[1].outcome, "completed");
    dq_free(after);
}

static void retries_end_at_the_budget(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_failure failure = {.code = "flaky", .message = "try again", .retryable = true};
    enum dq_status status = DQ_PENDING;
    int attempts = 0;
    upload(queue, "x", id, item);
    while (status == DQ_PENDING && attempts < 10) {
        nap(100);
        assert_true(claim_one(queue, token, claimed));
        expect(0, dq_mark_failed(queue, token, &failure, &status, error));
        expect(0,
               dq_mark_failed(queue, token, &failure, NULL, error)); /* said twice, counts once */
        attempts++;
    }
    assert_int_equal(attempts, 5);
    assert_int_equal(status, DQ_FAILED);
    expect(0, dq_retry(queue, item, NULL, error));
    dq_item *again = item_of(queue, item);
    assert_int_equal(again->status, DQ_PENDING);
    assert_int_equal(again->history_count, 5); /* history kept */
    dq_free(again);
}

static void crashes_end_in_quarantine(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_failure crash = {.code = "parser_crashed",
                        .message = "killed by signal 11",
                        .retryable = true,
                        .crash = true,
                        .signal = 11,
                        .peak_memory = 4096};
    upload(queue, "x", id, item);
    for (int i = 0; i < 3; i++) {
        nap(100);
        assert_true(claim_one(queue, token, claimed));
        expect(0, dq_mark_failed(queue, token, &crash, NULL, error));
    }
    dq_item *after = item_of(queue, item);
    assert_int_equal(after->status, DQ_FAILED);
    assert_string_equal(after->error_code, "quarantined");
    assert_int_equal(after->history[2].signal, 11);
    assert_int_equal(after->history[2].peak_memory, 4096);
    dq_free(after);
}

static void release_charges_nothing(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_release(queue, token, error));
    dq_item *after = item_of(queue, item);
    assert_int_equal(after->status, DQ_PENDING);
    assert_int_equal(after->attempts, 0);
    assert_int_equal(after->history_count, 0);
    dq_free(after);
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, token, NULL, error));
}

static void an_older_item_is_superseded(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_failure failure = {.code = "flaky", .retryable = true};
    enum dq_status status;
    dq_item *newer;
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_enqueue(queue, id, "process", 0, &newer, error));
    expect(0, dq_mark_failed(queue, token, &failure, &status, error));
    assert_int_equal(status, DQ_CANCELLED);
    dq_item *after = item_of(queue, item);
    assert_string_equal(after->superseded_by, newer->id);
    dq_free(after);
    assert_true(claim_one(queue, token, claimed));
    assert_string_equal(claimed, newer->id);
    dq_free(newer);
}

static void priority_goes_first_and_age_catches_up(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], low[DQ_ID_SIZE], high[DQ_ID_SIZE], token[DQ_TOKEN_SIZE],
        claimed[DQ_ID_SIZE];
    dq_item *item;
    upload(queue, "low", id, low);
    upload(queue, "high", id, high);
    expect(0, dq_enqueue(queue, id, "process", 5, &item, error));
    dq_free(item);
    assert_true(claim_one(queue, token, claimed));
    assert_string_equal(claimed, high);
    assert_true(claim_one(queue, token, claimed));
    assert_string_equal(claimed, low);
}

static void cancel_takes_the_lease_away(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_cancel(queue, item, NULL, error));
    expect(DQ_LEASE_LOST, dq_heartbeat(queue, token, NULL, NULL, error));
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, token, NULL, error));
    expect(DQ_CONFLICT, dq_cancel(queue, item, NULL, error));
    assert_int_equal(status_of(queue, item), DQ_CANCELLED);
}

static void pause_stops_handing_out(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_lease *lease;
    upload(queue, "x", id, item);
    expect(0, dq_pause(queue, NULL, error) < 0);
    assert_false(claim_one(queue, token, claimed));
    expect(DQ_CONFLICT, dq_mark_in_progress(queue, item, 0, &lease, error));
    dq_item *waiting = item_of(queue, item);
    assert_non_null(strstr(waiting->waiting, "paused"));
    dq_free(waiting);
    expect(0, dq_resume(queue, NULL, error) < 0);
    expect(0, dq_pause(queue, "process", error) < 0);
    assert_false(claim_one(queue, token, claimed));
    expect(0, dq_resume(queue, "process", error) < 0);
    assert_true(claim_one(queue, token, claimed));
}

static void refusals_name_the_field(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE];
    dq_error why = {0};
    upload(queue, "x", id, NULL);
    assert_int_equal(dq_enqueue(queue, id, "nosuch", 0, NULL, &why), DQ_INVALID);
    assert_string_equal(why.field, "/operation");
    assert_non_null(strstr(why.detail, "process"));
    assert_int_equal(dq_enqueue(queue, id, "process", 5000, NULL, &why), DQ_INVALID);
    assert_string_equal(why.field, "/priority");
    assert_int_equal(dq_enqueue(queue, "../etc", "process", 0, NULL, &why), DQ_NOT_FOUND);
    expect(DQ_NOT_FOUND,
           dq_enqueue(queue, "01890000-0000-7000-8000-000000000000", NULL, 0, NULL, error));
}

static void numbers_are_true(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_queue_stats *stats;
    for (int i = 0; i < 3; i++)
        upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_mark_completed(queue, token, NULL, error));
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_get_queue_stats(queue, &stats, error));
    assert_int_equal(stats->counts[DQ_PENDING], 1);
    assert_int_equal(stats->counts[DQ_IN_PROGRESS], 1);
    assert_int_equal(stats->counts[DQ_COMPLETED], 1);
    assert_int_equal(stats->documents, 3);
    assert_int_equal(stats->due, 1);
    dq_free(stats);
}

static void filters_page_and_act(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    dq_item_list *page;
    for (int i = 0; i < 5; i++)
        upload(queue, "x", id, item);
    expect(0, dq_list_items(queue, "pending", 2, NULL, &page, error));
    assert_int_equal(page->count, 2);
    assert_string_equal(page->items[0].id, item); /* newest first */
    assert_non_null(page->next);
    dq_free(page);
    expect(DQ_INVALID, dq_bulk(queue, DQ_BULK_CANCEL, "", error));
    expect(DQ_INVALID, dq_bulk(queue, DQ_BULK_CANCEL, "colour:red", error));
    expect(5, dq_bulk(queue, DQ_BULK_CANCEL, "pending operation:process", error));
    expect(5, dq_bulk(queue, DQ_BULK_RETRY, "cancelled", error));
    expect(5, dq_bulk(queue, DQ_BULK_CANCEL, "pending", error));
    expect(5, dq_purge(queue, 0, -1, true, error));
    expect(DQ_NOT_FOUND, dq_delete_document(queue, id, error));
}

static void delete_removes_everything(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_item *gone;
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, claimed));
    expect(0, dq_delete_document(queue, id, error) < 0);
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, token, NULL, error));
    expect(DQ_NOT_FOUND, dq_get_item(queue, item, &gone, error));
}

static void batch_refuses_one_and_takes_the_rest(void **state)
{
    dq_queue *queue = *state;
    char one[DQ_ID_SIZE], two[DQ_ID_SIZE];
    int codes[3];
    dq_item_list *list;
    upload(queue, "1", one, NULL);
    upload(queue, "2", two, NULL);
    dq_ask asks[] = {{.document_id = one, .operation = "translate"},
                     {.document_id = "nonsense"},
                     {.document_id = two, .operation = "translate"}};
    expect(2, dq_enqueue_many(queue, asks, 3, codes, &list, NULL));
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], DQ_NOT_FOUND);
    assert_int_equal(list->count, 2);
    dq_free(list);
}

static dq_document *upload_with_key(dq_queue *queue, const char *key, const char *text)
{
    dq_incoming *incoming;
    dq_document_list *list;
    expect(0, dq_upload_begin(queue, 0, &incoming, error));
    expect(0, dq_upload_write(incoming, text, strlen(text), error));
    dq_upload one = {.fd = -1, .incoming = incoming, .idempotency_key = key};
    dq_error why = {0};
    if (dq_upload_commit(queue, &one, 1, &list, &why) < 0) {
        assert_int_equal(why.code, DQ_INVALID);
        return NULL;
    }
    assert_int_equal(list->count, 1);
    dq_document *document = NULL;
    expect(0, dq_get_document(queue, list->documents[0].id, &document, error));
    dq_free(list);
    return document;
}

static void a_key_makes_an_upload_once(void **state)
{
    dq_queue *queue = *state;
    dq_queue_stats *stats;
    dq_document *first = upload_with_key(queue, "k", "text");
    dq_document *again = upload_with_key(queue, "k", "text");
    dq_document *other = upload_with_key(queue, "l", "text");
    assert_string_equal(first->id, again->id);
    assert_string_equal(first->item->id, again->item->id);
    assert_string_not_equal(first->id, other->id);
    assert_null(upload_with_key(queue, "k", "another text"));
    assert_null(upload_with_key(queue, "", "text"));
    assert_null(upload_with_key(queue, "a\nb", "text"));
    expect(0, dq_get_queue_stats(queue, &stats, error));
    assert_int_equal(stats->documents, 2);
    assert_int_equal(stats->counts[DQ_PENDING], 2);
    dq_free(first);
    dq_free(again);
    dq_free(other);
    dq_free(stats);
}

static void a_key_makes_a_batch_once(void **state)
{
    dq_queue *queue = *state;
    char one[DQ_ID_SIZE], two[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    int codes[2][3];
    dq_item_list *lists[2];
    upload(queue, "1", one, NULL);
    upload(queue, "2", two, NULL);
    dq_ask asks[] = {{.document_id = one, .operation = "translate", .idempotency_key = "k"},
                     {.document_id = "00000000-0000-7000-8000-000000000000"},
                     {.document_id = two, .operation = "translate"}};
    for (int i = 0; i < 2; i++) {
        expect(2, dq_enqueue_many(queue, asks, 3, codes[i], &lists[i], NULL));
        while (claim_one(queue, token, claimed))
            expect(0, dq_mark_completed(queue, token, NULL, error));
        expect(2, dq_bulk(queue, DQ_BULK_CANCEL, "pending", error) + 2 * i);
    }
    assert_memory_equal(codes[0], codes[1], sizeof codes[0]);
    assert_int_equal(lists[1]->count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(lists[0]->items[i].id, lists[1]->items[i].id);
        assert_true(lists[0]->items[i].created && lists[1]->items[i].created);
        assert_int_equal(lists[0]->items[i].max_attempts, lists[1]->items[i].max_attempts);
        assert_int_equal(lists[1]->items[i].status, DQ_CANCELLED);
    }
    asks[2].priority = 1;
    expect(DQ_INVALID, dq_enqueue_many(queue, asks, 3, NULL, NULL, error));
    dq_free(lists[0]);
    dq_free(lists[1]);
}

static void tokens_are_not_forged(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    upload(queue, "x", id, NULL);
    assert_true(claim_one(queue, token, claimed));
    token[70] = token[70] == '0' ? '1' : '0';
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, token, NULL, error));
    expect(DQ_LEASE_LOST, dq_mark_completed(queue, "", NULL, error));
}

static void *drain(void *argument)
{
    char token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    intptr_t done = 0;
    while (claim_one(argument, token, claimed)) {
        expect(0, dq_mark_completed(argument, token, NULL, error));
        done++;
    }
    return (void *)done;
}

static void many_threads_take_each_item_once(void **state)
{
    enum { THREADS = 8, ITEMS = 200 };
    dq_queue *queue = *state;
    pthread_t threads[THREADS];
    char id[DQ_ID_SIZE];
    intptr_t sum = 0;
    for (int i = 0; i < ITEMS; i++)
        upload(queue, "x", id, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, drain, queue);
    for (int i = 0; i < THREADS; i++) {
        void *done;
        pthread_join(threads[i], &done);
        sum += (intptr_t)done;
    }
    assert_int_equal(sum, ITEMS);
}

static void an_oversize_upload_leaves_nothing(void **state)
{
    dq_queue *queue = *state;
    dq_incoming *incoming;
    dq_queue_stats *stats;
    expect(0, dq_upload_begin(queue, 10, &incoming, error));
    expect(0, dq_upload_write(incoming, "12345", 5, error));
    expect(DQ_TOO_LARGE, dq_upload_write(incoming, "678901", 6, error));
    dq_upload_abort(&incoming);
    expect(0, dq_get_queue_stats(queue, &stats, error));
    assert_int_equal(stats->documents, 0);
    dq_free(stats);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, drop)
    const struct CMUnitTest tests[] = {
        TEST(upload_then_complete),
        TEST(content_is_exactly_the_document),
        TEST(a_second_enqueue_returns_the_first),
        TEST(marking_has_one_winner),
        TEST(stale_holder_changes_nothing),
        TEST(retries_end_at_the_budget),
        TEST(crashes_end_in_quarantine),
        TEST(release_charges_nothing),
        TEST(an_older_item_is_superseded),
        TEST(priority_goes_first_and_age_catches_up),
        TEST(cancel_takes_the_lease_away),
        TEST(pause_stops_handing_out),
        TEST(refusals_name_the_field),
        TEST(numbers_are_true),
        TEST(filters_page_and_act),
        TEST(delete_removes_everything),
        TEST(batch_refuses_one_and_takes_the_rest),
        TEST(a_key_makes_an_upload_once),
        TEST(a_key_makes_a_batch_once),
        TEST(tokens_are_not_forged),
        TEST(many_threads_take_each_item_once),
        TEST(an_oversize_upload_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) + state_tests() + verb_tests() +
           search_tests() + watch_tests();
}
