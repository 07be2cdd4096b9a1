/* Every state with every event: what THE table allows works, all else changes nothing. */
#include "core/state.h"
#include "suite.h"

#include <string.h>

struct scene {
    dq_queue *queue;
    char document[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
};

/* Brings a fresh item into the state; the token is that of its last lease. */
static void enter(struct scene *scene, enum dq_status status)
{
    dq_failure permanent = {.code = "broken"};
    dq_lease *lease;
    upload(scene->queue, "x", scene->document, scene->item);
    memset(scene->token, '0', DQ_TOKEN_SIZE - 1);
    scene->token[DQ_TOKEN_SIZE - 1] = '\0';
    if (status == DQ_PENDING)
        return;
    expect(0, dq_mark_in_progress(scene->queue, scene->item, 0, &lease, error));
    memcpy(scene->token, lease->token, DQ_TOKEN_SIZE);
    dq_free(lease);
    if (status == DQ_COMPLETED)
        expect(0, dq_mark_completed(scene->queue, scene->token, NULL, error));
    if (status == DQ_FAILED)
        expect(0, dq_mark_failed(scene->queue, scene->token, &permanent, NULL, error));
    if (status == DQ_CANCELLED)
        expect(0, dq_cancel(scene->queue, scene->item, NULL, error));
}

static int claim(struct scene *scene)
{
    dq_lease *lease;
    int r = dq_mark_in_progress(scene->queue, scene->item, 0, &lease, NULL);
    if (r >= 0)
        dq_free(lease);
    return r;
}

static int heartbeat(struct scene *scene)
{
    return dq_heartbeat(scene->queue, scene->token, NULL, NULL, NULL);
}

static int complete(struct scene *scene)
{
    return dq_mark_completed(scene->queue, scene->token, NULL, NULL);
}

static int retry_later(struct scene *scene)
{
    dq_failure failure = {.code = "flaky", .retryable = true};
    return dq_mark_failed(scene->queue, scene->token, &failure, NULL, NULL);
}

static int fail_for_good(struct scene *scene)
{
    dq_failure failure = {.code = "broken"};
    return dq_mark_failed(scene->queue, scene->token, &failure, NULL, NULL);
}

static int release(struct scene *scene)
{
    return dq_release(scene->queue, scene->token, NULL);
}

static int cancel(struct scene *scene)
{
    return dq_cancel(scene->queue, scene->item, NULL, NULL);
}

static int retry(struct scene *scene)
{
    return dq_retry(scene->queue, scene->item, NULL, NULL);
}

static const struct {
    enum event event;
    int (*act)(struct scene *scene);
} events[] = {
    {EVENT_CLAIM, claim},
    {EVENT_HEARTBEAT, heartbeat},
    {EVENT_COMPLETE, complete},
    {EVENT_FAIL, fail_for_good},
    {EVENT_RETRY_LATER, retry_later},
    {EVENT_RELEASE, release},
    {EVENT_CANCEL, cancel},
    {EVENT_RETRY, retry},
};

/* A report that repeats the one that ended the lease is answered alike and changes nothing. */
static bool repeats(enum dq_status from, enum event event)
{
    return (from == DQ_COMPLETED && event == EVENT_COMPLETE) ||
           (from == DQ_FAILED && (event == EVENT_FAIL || event == EVENT_RETRY_LATER));
}

static void check(dq_queue *queue, enum dq_status from, size_t index)
{
    struct scene scene = {.queue = queue};
    enter(&scene, from);
    dq_item *before = item_of(queue, scene.item);
    const struct transition *row = transition_find(from, events[index].event);
    int r = events[index].act(&scene);
    dq_item *after = item_of(queue, scene.item);
    if (row) {
        assert_int_equal(r, 0);
        assert_int_equal(after->status, row->to);
    } else {
        assert_true(r < 0 || repeats(from, events[index].event));
        assert_int_equal(after->status, from);
        assert_int_equal(after->epoch, before->epoch);
        assert_int_equal(after->attempts, before->attempts);
        assert_int_equal(after->finished_at, before->finished_at);
        assert_int_equal(after->history_count, before->history_count);
    }
    dq_free(before);
    dq_free(after);
    expect(0, dq_delete_document(queue, scene.document, error) < 0);
}

static void every_state_meets_every_event(void **state)
{
    for (int from = 0; from < DQ_STATUS_MAX; from++)
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
            check(*state, (enum dq_status)from, i);
}

int state_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_state_meets_every_event, fresh, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
