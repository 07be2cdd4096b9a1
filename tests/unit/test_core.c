/* The pure rules: transition table, retries, rank, names and numbers, filters, JSON views. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "core/filter.h"
#include "core/policy.h"
#include "core/state.h"
#include "core/view.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After the headers it needs. */
#include <cmocka.h>

/* ---- states -------------------------------------------------------------------------------- */

static void the_table_is_the_specified_one(void **state)
{
    (void)state;
    enum { NO = -1, P = DQ_PENDING, I = DQ_IN_PROGRESS, C = DQ_COMPLETED, F = DQ_FAILED };
    enum { X = DQ_CANCELLED };
    static const int expected[DQ_STATUS_MAX][EVENT_MAX] = {
        /*               claim beat compl later fail rel lose super cancel retry */
        [DQ_PENDING] = {I, NO, NO, NO, NO, NO, NO, NO, X, NO},
        [DQ_IN_PROGRESS] = {NO, I, C, P, F, P, P, X, X, NO},
        [DQ_COMPLETED] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, NO},
        [DQ_FAILED] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, P},
        [DQ_CANCELLED] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, P},
    };
    for (int from = 0; from < DQ_STATUS_MAX; from++)
        for (int event = 0; event < EVENT_MAX; event++) {
            const struct transition *row = transition_find((enum dq_status)from, (enum event)event);
            int to = row ? (int)row->to : NO;
            if (to != expected[from][event])
                fail_msg("%s + %s gave %d", dq_status_name((enum dq_status)from),
                         event_name((enum event)event), to);
        }
}

static void names_of_states_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < DQ_STATUS_MAX; i++) {
        const char *name = dq_status_name((enum dq_status)i);
        assert_int_equal(dq_status_parse(name, strlen(name)), i);
        assert_int_equal(status_is_final((enum dq_status)i),
                         i != DQ_PENDING && i != DQ_IN_PROGRESS);
    }
    assert_int_equal(dq_status_parse("pendin", 6), DQ_INVALID);
    assert_int_equal(dq_status_parse("pending ", 8), DQ_INVALID);
    assert_int_equal(dq_status_parse("", 0), DQ_INVALID);
    for (int i = 0; i < EVENT_MAX; i++)
        assert_non_null(event_name((enum event)i));
}

/* ---- retries and rank ------------------------------------------------------------------------ */

static const dq_operation policy = {
    .backoff_base = 2 * US_PER_S, .backoff_factor = 4, .backoff_cap = 3600 * US_PER_S};

static void a_retry_waits_between_zero_and_the_ceiling(void **state)
{
    (void)state;
    static const int64_t ceilings[] = {2, 8, 32, 128, 512, 2048, 3600, 3600};
    for (int failures = 1; failures <= 8; failures++) {
        int64_t ceiling = ceilings[failures - 1] * US_PER_S;
        assert_int_equal(retry_delay(&policy, failures, 0, 0), 0);
        int64_t longest = retry_delay(&policy, failures, 0, UINT64_MAX);
        assert_true(longest <= ceiling && longest > ceiling - US_PER_MS);
        int64_t half = retry_delay(&policy, failures, 0, UINT64_C(1) << 63);
        assert_int_equal(half, ceiling / 2);
    }
    assert_true(retry_delay(&policy, 1000000, 0, UINT64_MAX) <= policy.backoff_cap);
}

static void retry_after_is_honoured_up_to_the_cap(void **state)
{
    (void)state;
    assert_int_equal(retry_delay(&policy, 1, 60 * US_PER_S, 0), 60 * US_PER_S);
    assert_int_equal(retry_delay(&policy, 1, INT64_MAX, 0), policy.backoff_cap);
    assert_true(retry_delay(&policy, 5, US_PER_S, UINT64_MAX) > 500 * US_PER_S);
}

static void priority_is_worth_waiting_time(void **state)
{
    (void)state;
    int64_t step = AGE_STEP_DEFAULT, now = INT64_C(1800000000) * US_PER_S;
    assert_true(rank_of(now, 1, step) < rank_of(now, 0, step));
    assert_true(rank_of(now, 0, step) < rank_of(now, -1, step));
    assert_true(rank_of(now, 0, step) < rank_of(now + 1, 0, step));
    /* The lowest priority overtakes the highest that comes late enough: nothing starves. */
    int64_t later = now + (DQ_PRIORITY_MAX - DQ_PRIORITY_MIN) * step + 1;
    assert_true(rank_of(now, DQ_PRIORITY_MIN, step) < rank_of(later, DQ_PRIORITY_MAX, step));
}

/* ---- names and numbers ----------------------------------------------------------------------- */

static void priorities_have_a_range(void **state)
{
    (void)state;
    dq_error error = {0};
    assert_int_equal(check_priority(DQ_PRIORITY_MIN, &error), 0);
    assert_int_equal(check_priority(DQ_PRIORITY_MAX, &error), 0);
    assert_int_equal(check_priority(DQ_PRIORITY_MAX + 1, &error), DQ_INVALID);
    assert_string_equal(error.field, "/priority");
    assert_int_equal(check_priority(DQ_PRIORITY_MIN - 1, NULL), DQ_INVALID);
}

static void hostile_names_are_refused(void **state)
{
    (void)state;
    char longest[DQ_FILENAME_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    dq_error error = {0};
    assert_int_equal(check_filename(longest, &error), DQ_INVALID);
    longest[DQ_FILENAME_BYTES_MAX] = '\0';
    assert_int_equal(check_filename(longest, &error), 0);
    assert_int_equal(check_filename("", &error), DQ_INVALID);
    assert_int_equal(check_filename("two\nlines", &error), DQ_INVALID);
    assert_int_equal(check_filename("not utf-8 \xff", &error), DQ_INVALID);
    assert_string_equal(error.field, "/filename");
    assert_int_equal(check_filename("Gr\xc3\xbc\xc3\x9f"
                                    "e.pdf",
                                    &error),
                     0);
    assert_int_equal(check_owner("default", &error), 0);
    assert_int_equal(check_owner("", &error), DQ_INVALID);
    assert_int_equal(check_operation_name("re-process_2", &error), 0);
    static const char *const wrong[] = {"", "Process", "a b", "a/b", "\xc3\xa9", "a;b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(check_operation_name(wrong[i], &error), DQ_INVALID);
    longest[DQ_OPERATION_BYTES_MAX + 1] = '\0';
    assert_int_equal(check_operation_name(longest, &error), DQ_INVALID);
}

static void metadata_is_a_json_object(void **state)
{
    (void)state;
    dq_error error = {0};
    assert_int_equal(check_metadata("{}", &error), 0);
    assert_int_equal(check_metadata("{\"a\": [1, null, {\"b\": \"c\"}]}", &error), 0);
    static const char *const wrong[] = {"",  "[]",   "1",   "null",
                                        "{", "{}{}", "{a}", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(check_metadata(wrong[i], &error), DQ_INVALID);
        assert_string_equal(error.field, "/metadata");
    }
    char *large = calloc(1, DQ_METADATA_BYTES_MAX + 2);
    assert_non_null(large);
    memset(large, ' ', DQ_METADATA_BYTES_MAX + 1);
    memcpy(large, "{}", 2);
    assert_int_equal(check_metadata(large, &error), DQ_INVALID);
    large[DQ_METADATA_BYTES_MAX] = '\0';
    assert_int_equal(check_metadata(large, &error), 0);
    free(large);
}

/* ---- filters ------------------------------------------------------------------------------- */

static void filters_take_words_and_pairs(void **state)
{
    (void)state;
    int64_t now = INT64_C(1800000000) * US_PER_S;
    struct filter filter;
    assert_int_equal(filter_parse(NULL, now, &filter, NULL), 0);
    assert_true(filter.empty && filter.status == -1);
    assert_int_equal(filter_parse("   ", now, &filter, NULL), 0);
    assert_true(filter.empty);
    assert_int_equal(filter_parse("failed  operation:process error:needs_password owner:ana "
                                  "since:2h before:30m",
                                  now, &filter, NULL),
                     0);
    assert_false(filter.empty);
    assert_int_equal(filter.status, DQ_FAILED);
    int64_t hour_ago = now - 3600 * US_PER_S;
    assert_true(filter_matches(&filter, DQ_FAILED, "process", "needs_password", "ana", hour_ago));
    assert_false(filter_matches(&filter, DQ_PENDING, "process", "needs_password", "ana", hour_ago));
    assert_false(
        filter_matches(&filter, DQ_FAILED, "reprocess", "needs_password", "ana", hour_ago));
    assert_false(filter_matches(&filter, DQ_FAILED, "process", NULL, "ana", hour_ago));
    assert_false(filter_matches(&filter, DQ_FAILED, "process", "needs_password", "bob", hour_ago));
    assert_false(filter_matches(&filter, DQ_FAILED, "process", "needs_password", "ana", now));
    assert_false(filter_matches(&filter, DQ_FAILED, "process", "needs_password", "ana", 1));
}

static void filters_that_say_nothing_are_refused(void **state)
{
    (void)state;
    struct filter filter = {.status = 42};
    char longer[FILTER_VALUE_SIZE + 20];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    const char *const wrong[] = {
        "faild",       "colour:red", "since:yesterday", "since:", "before:-1h", "document:12",
        "status:done", "operation:", "error:",          "owner:", ":failed",    longer};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        dq_error error = {0};
        if (filter_parse(wrong[i], US_PER_S, &filter, &error) != DQ_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_true(error.detail[0] != '\0');
    }
    assert_int_equal(filter.status, 42); /* untouched on failure */
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void a_view_shows_the_noun(void **state)
{
    (void)state;
    dq_item item = {.operation = "process",
                    .status = DQ_IN_PROGRESS,
                    .worker = "here:1",
                    .epoch = 3,
                    .lease_expires_at = US_PER_S,
                    .created_at = US_PER_S};
    dq_document document = {.filename = "bad \xff name",
                            .content_type = "text/plain",
                            .metadata = "{\"a\":1}",
                            .owner = "default",
                            .status = DQ_IN_PROGRESS,
                            .item = &item};
    json_t *view = view_document(&document);
    assert_string_equal(json_string_value(json_object_get(view, "status")), "in_progress");
    assert_string_equal(json_string_value(json_object_get(view, "filename")),
                        "bad \xef\xbf\xbd name");
    json_t *lease = json_object_get(json_object_get(view, "item"), "lease");
    assert_int_equal(json_integer_value(json_object_get(lease, "epoch")), 3);
    assert_string_equal(json_string_value(json_object_get(lease, "expires_at")),
                        "1970-01-01T00:00:01.000000Z");
    assert_true(json_is_null(json_object_get(view, "result")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(view, "metadata"), "a")),
                     1);
    json_decref(view);
    view = view_document(NULL);
    assert_true(json_is_null(view));
    json_decref(view);
}

static void languages_are_tags(void **state)
{
    static const char *const good[] = {"en", "pt-BR", "zh-Hant-TW", "deu"};
    static const char *const bad[] = {"", "e", "en_US", "1e", "English (US)", "en\n", "-en"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(language_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(language_valid(bad[i]));
    assert_false(language_valid(NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_are_tags),
        cmocka_unit_test(the_table_is_the_specified_one),
        cmocka_unit_test(names_of_states_go_both_ways),
        cmocka_unit_test(a_retry_waits_between_zero_and_the_ceiling),
        cmocka_unit_test(retry_after_is_honoured_up_to_the_cap),
        cmocka_unit_test(priority_is_worth_waiting_time),
        cmocka_unit_test(priorities_have_a_range),
        cmocka_unit_test(hostile_names_are_refused),
        cmocka_unit_test(metadata_is_a_json_object),
        cmocka_unit_test(filters_take_words_and_pairs),
        cmocka_unit_test(filters_that_say_nothing_are_refused),
        cmocka_unit_test(a_view_shows_the_noun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
