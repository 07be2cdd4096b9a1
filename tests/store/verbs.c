/* The verbs and fields that conformance.c leaves out, on every engine. */
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_BYTES (3 * 1024 * 1024 + 17)

/* ---- documents ------------------------------------------------------------------------------- */

static void what_is_said_of_a_document_is_kept(void **state)
{
    static const char name[] = "a \"b\" %22 50% \xc3\xa4\xe2\x9b\xb5;.txt";
    dq_queue *queue = *state;
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, "skipped text", 12), 12);
    lseek(fd, 8, SEEK_SET);
    dq_upload upload = {.fd = fd,
                        .filename = name,
                        .operation = "translate",
                        .metadata = "{\"case\":17,\"who\":\"\xc3\xa4\"}",
                        .owner = "team a",
                        .priority = -3};
    dq_document *sent, *kept;
    expect(0, dq_upload_document(queue, &upload, &sent, error));
    expect(0, dq_get_document(queue, sent->id, &kept, error));
    assert_string_equal(kept->filename, name);
    assert_string_equal(kept->metadata, upload.metadata);
    assert_string_equal(kept->owner, "team a");
    assert_string_equal(kept->content_type, "text/plain");
    assert_int_equal(kept->size, 4);
    assert_int_equal(kept->item->priority, -3);
    assert_string_equal(kept->item->operation, "translate");
    assert_string_equal(sent->item->id, kept->item->id);
    assert_int_equal(sent->created_at, kept->created_at);
    assert_false(kept->has_result);
    dq_free(sent);
    dq_free(kept);
    close(fd);
}

static void fill(unsigned char *bytes)
{
    uint32_t x = 1;
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(x >> 24);
    }
}

static void assert_content(dq_queue *queue, const char *id, const unsigned char *bytes)
{
    unsigned char *copy = malloc(LARGE_BYTES + 1);
    size_t length = 0;
    int fd = -1;
    assert_non_null(copy);
    expect(0, dq_open_content(queue, id, &fd, error));
    for (ssize_t n; (n = read(fd, copy + length, LARGE_BYTES + 1 - length)) > 0;)
        length += (size_t)n;
    assert_int_equal(length, LARGE_BYTES);
    assert_memory_equal(copy, bytes, LARGE_BYTES);
    close(fd);
    free(copy);
}

/* By descriptor, by pipe and in pieces. */
static void large_documents_come_back_whole(void **state)
{
    dq_queue *queue = *state;
    unsigned char *bytes = malloc(LARGE_BYTES);
    dq_document *document;
    dq_document_list *list;
    dq_upload upload = {.fd = memfd_create("document", MFD_CLOEXEC), .filename = "large.bin"};
    assert_non_null(bytes);
    fill(bytes);
    for (size_t done = 0; done < LARGE_BYTES;)
        done += (size_t)write(upload.fd, bytes + done, LARGE_BYTES - done);
    lseek(upload.fd, 0, SEEK_SET);
    expect(0, dq_upload_document(queue, &upload, &document, error));
    assert_int_equal(document->size, LARGE_BYTES);
    assert_content(queue, document->id, bytes);
    dq_free(document);
    upload.size_max = LARGE_BYTES - 1;
    lseek(upload.fd, 0, SEEK_SET);
    expect(DQ_TOO_LARGE, dq_upload_document(queue, &upload, &document, error));
    close(upload.fd);
    expect(0, dq_upload_begin(queue, 0, &upload.incoming, error));
    for (size_t done = 0; done < LARGE_BYTES; done += 100003)
        expect(0,
               dq_upload_write(upload.incoming, bytes + done,
                               LARGE_BYTES - done < 100003 ? LARGE_BYTES - done : 100003, error));
    expect(0, dq_upload_commit(queue, &upload, 1, &list, error));
    assert_content(queue, list->documents[0].id, bytes);
    dq_free(list);
    free(bytes);
}

static dq_incoming *incoming_of(dq_queue *queue, const char *text)
{
    dq_incoming *incoming;
    expect(0, dq_upload_begin(queue, 0, &incoming, error));
    expect(0, dq_upload_write(incoming, text, strlen(text), error));
    return incoming;
}

static void several_documents_are_one_step(void **state)
{
    dq_queue *queue = *state;
    dq_upload uploads[] = {{.filename = "1.txt"}, {.filename = "2.txt"}, {.filename = "3.txt"}};
    dq_document_list *list;
    dq_queue_stats *stats;
    char name[] = "document number x";
    for (size_t i = 0; i < 3; i++) {
        name[16] = (char)('1' + i);
        uploads[i].incoming = incoming_of(queue, name);
    }
    expect(0, dq_upload_commit(queue, uploads, 3, &list, error));
    assert_int_equal(list->count, 3);
    assert_string_equal(list->documents[2].filename, "3.txt");
    assert_int_equal(list->documents[2].size, 17);
    dq_free(list);
    for (size_t i = 0; i < 3; i++) {
        uploads[i].incoming = incoming_of(queue, "x");
        uploads[i].operation = "nosuch";
    }
    expect(DQ_INVALID, dq_upload_commit(queue, uploads, 3, &list, error));
    expect(0, dq_get_queue_stats(queue, &stats, error));
    assert_int_equal(stats->documents, 3);
    dq_free(stats);
}

static void reprocessing_is_a_new_item(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    dq_document *document;
    upload(queue, "x", id, item);
    expect(0, dq_reprocess_document(queue, id, NULL, 9, &document, error));
    assert_string_equal(document->item->operation, "reprocess");
    assert_string_not_equal(document->item->id, item);
    assert_int_equal(document->item->priority, 9);
    dq_free(document);
    expect(DQ_NOT_FOUND, dq_reprocess_document(queue, "x", NULL, 0, &document, error));
}

static void documents_are_listed_by_pages(void **state)
{
    dq_queue *queue = *state;
    char ids[5][DQ_ID_SIZE];
    dq_document_list *page;
    for (int i = 0; i < 5; i++)
        upload(queue, "x", ids[i], NULL);
    expect(0, dq_list_documents(queue, "pending owner:default", 3, NULL, &page, error));
    assert_int_equal(page->count, 3);
    assert_string_equal(page->documents[0].id, ids[4]);
    char cursor[DQ_ID_SIZE];
    snprintf(cursor, sizeof cursor, "%s", page->next);
    dq_free(page);
    expect(0, dq_list_documents(queue, "pending owner:default", 3, cursor, &page, error));
    assert_int_equal(page->count, 2);
    assert_string_equal(page->documents[1].id, ids[0]);
    assert_null(page->next);
    dq_free(page);
    expect(DQ_INVALID, dq_list_documents(queue, "", 0, NULL, &page, error));
    expect(DQ_INVALID, dq_list_documents(queue, "", 5, "elsewhere", &page, error));
    expect(DQ_INVALID, dq_list_documents(queue, "nosuch:1", 5, NULL, &page, error));
}

static void a_prefix_stands_for_an_id(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], full[DQ_ID_SIZE], prefix[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    snprintf(prefix, sizeof prefix, "%.35s", id);
    expect(0, dq_resolve_id(queue, prefix, full, error));
    assert_string_equal(full, id);
    expect(0, dq_resolve_id(queue, item, full, error));
    assert_string_equal(full, item);
    prefix[4] = '\0'; /* both begin with the time */
    expect(DQ_CONFLICT, dq_resolve_id(queue, prefix, full, error));
    expect(DQ_NOT_FOUND, dq_resolve_id(queue, "ffff", full, error));
    expect(DQ_NOT_FOUND, dq_resolve_id(queue, "0", full, error));
    expect(DQ_NOT_FOUND, dq_resolve_id(queue, "a&b=c/..", full, error));
}

/* ---- results --------------------------------------------------------------------------------- */

static void pages_keep_their_text_and_numbers(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    const dq_page pages[] = {{1, "one\f\"two\"\\", 10}, {2, "", 0}, {3, "\xe2\x9b\xb5", 3}};
    const dq_result result = {.content_type = "text/markdown",
                              .pages = pages,
                              .page_count = 3,
                              .metadata = "{\"title\":\"\xc3\xa4\"}",
                              .problems = "[\"page 2 is empty\"]",
                              .partial = true,
                              .peak_memory = 4096};
    dq_text *text;
    dq_document *document;
    upload(queue, "x", id, item);
    assert_true(claim_one(queue, token, item));
    expect(0, dq_mark_completed(queue, token, &result, error));
    expect(0, dq_get_text(queue, id, 1, 0, &text, error));
    assert_int_equal(text->page_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(text->pages[i].number, i + 1);
        assert_int_equal(text->pages[i].text_bytes, pages[i].text_bytes);
        assert_string_equal(text->pages[i].text, pages[i].text);
    }
    dq_free(text);
    expect(0, dq_get_text(queue, id, 2, 3, &text, error));
    assert_int_equal(text->page_count, 2);
    assert_int_equal(text->pages[1].number, 3);
    dq_free(text);
    expect(0, dq_get_document(queue, id, &document, error));
    assert_true(document->has_result && document->partial);
    assert_int_equal(document->text_bytes, 13);
    assert_string_equal(document->result_metadata, result.metadata);
    assert_string_equal(document->problems, result.problems);
    assert_true(document->processed_at > 0);
    dq_free(document);
    dq_item *after = item_of(queue, item);
    assert_int_equal(after->history[0].peak_memory, 4096);
    dq_free(after);
}

static void a_result_that_is_no_json_is_refused(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    const dq_result result = {.metadata = "{\"title\":"};
    upload(queue, "x", id, NULL);
    assert_true(claim_one(queue, token, item));
    expect(DQ_INVALID, dq_mark_completed(queue, token, &result, error));
    assert_int_equal(status_of(queue, item), DQ_IN_PROGRESS);
    expect(0, dq_release(queue, token, error));
}

/* ---- leases ---------------------------------------------------------------------------------- */

static void heartbeats_tell_progress(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    const dq_progress progress = {.stage = "reading", .done = 3, .total = 10}, next = {.done = 4};
    int64_t expires_at = 0;
    upload(queue, "x", id, NULL);
    assert_true(claim_one(queue, token, item));
    dq_item *before = item_of(queue, item);
    nap(5000);
    expect(0, dq_heartbeat(queue, token, &progress, &expires_at, error));
    dq_item *after = item_of(queue, item);
    assert_true(after->lease_expires_at > before->lease_expires_at);
    assert_int_equal(after->lease_expires_at, expires_at);
    assert_string_equal(after->progress_stage, "reading");
    assert_int_equal(after->progress_done, 3);
    assert_int_equal(after->progress_total, 10);
    dq_free(before);
    dq_free(after);
    expect(0, dq_heartbeat(queue, token, &next, NULL, error));
    after = item_of(queue, item);
    assert_string_equal(after->progress_stage, "reading"); /* NULL = unchanged */
    assert_int_equal(after->progress_done, 4);
    dq_free(after);
}

static void a_failure_is_told_in_full(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    char message[3000];
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    const dq_failure failure = {.code = "memory_limit",
                                .message = message,
                                .retryable = true,
                                .crash = true,
                                .signal = 9,
                                .limit = "memory",
                                .peak_memory = (int64_t)1 << 33};
    upload(queue, "x", id, NULL);
    assert_true(claim_one(queue, token, item));
    expect(0, dq_mark_failed(queue, token, &failure, NULL, error));
    dq_item *after = item_of(queue, item);
    assert_int_equal(after->crashes, 1);
    assert_string_equal(after->error_code, "memory_limit");
    assert_true(after->error_retryable);
    const dq_attempt *attempt = &after->history[0];
    assert_string_equal(attempt->error_code, "memory_limit");
    assert_string_equal(attempt->error_message, message);
    assert_string_equal(attempt->limit, "memory");
    assert_int_equal(attempt->signal, 9);
    assert_int_equal(attempt->peak_memory, failure.peak_memory);
    assert_string_equal(attempt->outcome, "retried");
    assert_true(attempt->ended_at >= attempt->started_at && attempt->started_at > 0);
    assert_int_equal(attempt->epoch, 1);
    dq_free(after);
    const dq_failure nameless = {.code = "No Slug"};
    nap(1000);
    assert_true(claim_one(queue, token, item));
    expect(DQ_INVALID, dq_mark_failed(queue, token, &nameless, NULL, error));
}

static void a_claim_may_name_operations_and_items(void **state)
{
    static const char *const translate[] = {"translate", NULL}, *const nosuch[] = {"nosuch", NULL};
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], first[DQ_ID_SIZE];
    dq_lease_list *list;
    dq_item *item;
    upload(queue, "x", id, first);
    upload(queue, "y", id, NULL);
    expect(0, dq_enqueue(queue, id, "translate", 0, &item, error));
    dq_claim_options options = {.limit = 5, .operations = translate, .worker = "somebody"};
    expect(0, dq_claim(queue, &options, &list, error));
    assert_int_equal(list->count, 1);
    assert_string_equal(list->leases[0].item.id, item->id);
    assert_string_equal(list->leases[0].item.worker, "somebody");
    assert_string_equal(list->leases[0].document.id, id);
    assert_string_equal(list->leases[0].document.filename, "a.txt");
    assert_int_equal(list->leases[0].item.attempts, 1);
    dq_free(list);
    options = (dq_claim_options){.limit = 1, .operations = nosuch};
    expect(DQ_INVALID, dq_claim(queue, &options, &list, error));
    options = (dq_claim_options){.item_id = first, .worker = "exact"};
    expect(0, dq_claim(queue, &options, &list, error));
    assert_string_equal(list->leases[0].item.id, first);
    assert_string_equal(list->leases[0].item.worker, "exact");
    dq_free(list);
    expect(DQ_CONFLICT, dq_claim(queue, &options, &list, error));
    options.item_id = "nonsense";
    expect(DQ_NOT_FOUND, dq_claim(queue, &options, &list, error));
    options = (dq_claim_options){.limit = 0};
    expect(DQ_INVALID, dq_claim(queue, &options, &list, error));
    options = (dq_claim_options){.limit = 1, .lease_time = 1};
    expect(DQ_INVALID, dq_claim(queue, &options, &list, error));
    dq_free(item);
}

static void many_completions_are_one_call(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], one[DQ_TOKEN_SIZE], two[DQ_TOKEN_SIZE], item[DQ_ID_SIZE];
    int codes[3] = {1, 1, 1};
    upload(queue, "x", id, NULL);
    upload(queue, "y", id, NULL);
    assert_true(claim_one(queue, one, item));
    assert_true(claim_one(queue, two, item));
    const char *tokens[] = {one, "nonsense", two};
    expect(2, dq_mark_completed_many(queue, tokens, 3, codes, NULL));
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], DQ_LEASE_LOST);
    assert_int_equal(codes[2], 0);
    assert_int_equal(status_of(queue, item), DQ_COMPLETED);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void *upload_later(void *queue)
{
    char id[DQ_ID_SIZE];
    nap(S / 5);
    upload(queue, "x", id, NULL);
    return NULL;
}

/* The counters once they stand still: a wait without news ends by itself. PostgreSQL's go up once a
 * second without any, for what nobody told it. */
static dq_pulse settle(dq_queue *queue)
{
    dq_pulse seen = {0};
    while (dq_wait(queue, &seen, S / 10) == 0)
        ;
    return seen;
}

static void waiting_ends_with_news(void **state)
{
    dq_queue *queue = *state;
    pthread_t thread;
    char token[DQ_TOKEN_SIZE], item[DQ_ID_SIZE];
    dq_pulse seen = settle(queue), before = seen;
    pthread_create(&thread, NULL, upload_later, queue);
    while (seen.work == before.work)
        expect(0, dq_wait(queue, &seen, 10 * S));
    pthread_join(thread, NULL);
    assert_true(claim_one(queue, token, item));
    before = seen = settle(queue);
    expect(0, dq_cancel(queue, item, NULL, error));
    while (seen.recall == before.recall)
        expect(0, dq_wait(queue, &seen, 10 * S));
}

/* ---- the queue as a whole -------------------------------------------------------------------- */

static const dq_operation *operation_of(const dq_queue_stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->operation_count; i++)
        if (strcmp(stats->operations[i].name, name) == 0)
            return &stats->operations[i];
    return NULL;
}

static void operations_keep_their_policy(void **state)
{
    dq_queue *queue = *state;
    const dq_operation operation = {.name = "summarise",
                                    .max_attempts = 7,
                                    .backoff_base = 1500000,
                                    .backoff_cap = 60 * (int64_t)S,
                                    .backoff_factor = 2.5,
                                    .crash_budget = 2,
                                    .timeout = 90 * (int64_t)S};
    const dq_operation bad = {.name = "Not A Name"};
    dq_queue_stats *stats;
    expect(0, dq_define_operation(queue, &operation, error));
    expect(DQ_INVALID, dq_define_operation(queue, &bad, error));
    expect(0, dq_pause(queue, "summarise", error) < 0);
    expect(0, dq_get_queue_stats(queue, &stats, error));
    const dq_operation *kept = operation_of(stats, "summarise");
    assert_non_null(kept);
    assert_string_equal(kept->kind, "remote");
    assert_int_equal(kept->max_attempts, 7);
    assert_int_equal(kept->backoff_base, 1500000);
    assert_int_equal(kept->backoff_cap, 60 * (int64_t)S);
    assert_true(kept->backoff_factor > 2.49 && kept->backoff_factor < 2.51);
    assert_int_equal(kept->crash_budget, 2);
    assert_int_equal(kept->timeout, 90 * (int64_t)S);
    assert_true(kept->paused_at > 0);
    assert_int_equal(stats->paused_at, 0);
    assert_string_equal(operation_of(stats, "process")->kind, "builtin");
    dq_free(stats);
    expect(0, dq_pause(queue, "nosuch", error) >= 0);
}

static void purging_minds_age_and_status(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE];
    upload(queue, "x", id, item);
    expect(0, dq_cancel(queue, item, NULL, error));
    expect(0, dq_purge(queue, 3600 * (int64_t)S, -1, false, error));
    expect(0, dq_purge(queue, 0, DQ_COMPLETED, false, error));
    expect(DQ_INVALID, dq_purge(queue, 0, DQ_PENDING, false, error));
    expect(DQ_INVALID, dq_purge(queue, -1, -1, false, error));
    expect(1, dq_purge(queue, 0, DQ_CANCELLED, false, error));
    dq_document *document;
    expect(0, dq_get_document(queue, id, &document, error));
    assert_null(document->item);
    dq_free(document);
}

static void an_item_may_be_due_later(void **state)
{
    dq_queue *queue = *state;
    char id[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    dq_item_list *list;
    upload(queue, "x", id, item);
    expect(0, dq_cancel(queue, item, NULL, error));
    dq_ask ask = {.document_id = id, .due_at = 4102444800123456}; /* 2100 */
    expect(1, dq_enqueue_many(queue, &ask, 1, NULL, &list, error));
    assert_int_equal(list->items[0].due_at, ask.due_at);
    dq_item *kept = item_of(queue, list->items[0].id);
    assert_int_equal(kept->due_at, ask.due_at);
    assert_non_null(kept->waiting);
    dq_free(kept);
    dq_free(list);
    assert_false(claim_one(queue, token, item));
}

int verb_tests(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, drop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_said_of_a_document_is_kept),
        TEST(large_documents_come_back_whole),
        TEST(several_documents_are_one_step),
        TEST(reprocessing_is_a_new_item),
        TEST(documents_are_listed_by_pages),
        TEST(a_prefix_stands_for_an_id),
        TEST(pages_keep_their_text_and_numbers),
        TEST(a_result_that_is_no_json_is_refused),
        TEST(heartbeats_tell_progress),
        TEST(a_failure_is_told_in_full),
        TEST(a_claim_may_name_operations_and_items),
        TEST(many_completions_are_one_call),
        TEST(waiting_ends_with_news),
        TEST(operations_keep_their_policy),
        TEST(purging_minds_age_and_status),
        TEST(an_item_may_be_due_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
