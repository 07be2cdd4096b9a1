/*
 * Two sessions on one database, every pair of steps on one item, in both orders and at the same
 * moment: whatever happens, exactly what THE table allows is true afterwards.
 */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 4, SECOND_SESSION = 1 };

struct scene {
    dq_queue *sessions[2];
    char document[DQ_ID_SIZE], item[DQ_ID_SIZE], token[DQ_TOKEN_SIZE];
    pthread_barrier_t start;
};

typedef int step_of(struct scene *scene, dq_queue *session);

static int claim(struct scene *scene, dq_queue *session)
{
    dq_lease *lease;
    int r = dq_mark_in_progress(session, scene->item, 0, &lease, NULL);
    if (r >= 0)
        dq_free(lease);
    return r;
}

static int complete(struct scene *scene, dq_queue *session)
{
    return dq_mark_completed(session, scene->token, NULL, NULL);
}

static int complete_with_result(struct scene *scene, dq_queue *session)
{
    dq_page page = {.number = 1, .text = "x", .text_bytes = 1};
    dq_result result = {.pages = &page, .page_count = 1};
    return dq_mark_completed(session, scene->token, &result, NULL);
}

static int fail_step(struct scene *scene, dq_queue *session)
{
    dq_failure failure = {.code = "broken"};
    return dq_mark_failed(session, scene->token, &failure, NULL, NULL);
}

static int retry_later(struct scene *scene, dq_queue *session)
{
    dq_failure failure = {.code = "flaky", .retryable = true};
    return dq_mark_failed(session, scene->token, &failure, NULL, NULL);
}

static int release(struct scene *scene, dq_queue *session)
{
    return dq_release(session, scene->token, NULL);
}

static int heartbeat(struct scene *scene, dq_queue *session)
{
    return dq_heartbeat(session, scene->token, NULL, NULL, NULL);
}

static int cancel(struct scene *scene, dq_queue *session)
{
    return dq_cancel(session, scene->item, NULL, NULL);
}

static int enqueue(struct scene *scene, dq_queue *session)
{
    return dq_enqueue(session, scene->document, "process", 0, NULL, NULL);
}

static int delete_all(struct scene *scene, dq_queue *session)
{
    return dq_delete_document(session, scene->document, NULL);
}

static const struct {
    const char *name;
    step_of *run;
} steps[] = {
    {"claim", claim},
    {"complete", complete},
    {"complete with result", complete_with_result},
    {"fail", fail_step},
    {"retry later", retry_later},
    {"release", release},
    {"heartbeat", heartbeat},
    {"cancel", cancel},
    {"enqueue", enqueue},
    {"delete", delete_all},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

struct half {
    struct scene *scene;
    int session;
    step_of *run;
    int result;
};

static void *run_half(void *opaque)
{
    struct half *half = opaque;
    pthread_barrier_wait(&half->scene->start);
    half->result = half->run(half->scene, half->scene->sessions[half->session]);
    return NULL;
}

static void at_once(struct half halves[2])
{
    pthread_t other;
    pthread_create(&other, NULL, run_half, &halves[1]);
    run_half(&halves[0]);
    pthread_join(other, NULL);
}

static void one_by_one(struct half halves[2])
{
    for (int i = 0; i < 2; i++)
        halves[i].result = halves[i].run(halves[i].scene, halves[i].scene->sessions[i]);
}

/* What every order must leave: exact history, true counts, one item in progress and one of an
 * operation waiting at most; nothing is stuck. */
static void check(struct scene *scene, const char *first, const char *second)
{
    dq_queue *queue = scene->sessions[0];
    char filter[64], token[DQ_TOKEN_SIZE], claimed[DQ_ID_SIZE];
    dq_item_list *list;
    dq_queue_stats *stats;
    int64_t counts[DQ_STATUS_MAX] = {0};
    snprintf(filter, sizeof filter, "document:%s", scene->document);
    expect(0, dq_list_items(queue, filter, 10, NULL, &list, error));
    for (size_t i = 0; i < list->count; i++) {
        dq_item *item = item_of(queue, list->items[i].id);
        counts[item->status]++;
        assert_int_equal(item->attempts, item->history_count);
        for (size_t a = 0; a + 1 < item->history_count; a++)
            assert_string_not_equal(item->history[a].outcome, "completed");
        dq_free(item);
    }
    dq_free(list);
    if (counts[DQ_PENDING] > 1 || counts[DQ_IN_PROGRESS] > 1)
        fail_msg("%s | %s: %lld wait, %lld in progress", first, second,
                 (long long)counts[DQ_PENDING], (long long)counts[DQ_IN_PROGRESS]);
    expect(0, dq_get_queue_stats(queue, &stats, error));
    for (int s = 0; s < DQ_STATUS_MAX; s++)
        if (stats->counts[s] != counts[s])
            fail_msg("%s | %s: %lld counted as %s, %lld there", first, second,
                     (long long)stats->counts[s], dq_status_name((enum dq_status)s),
                     (long long)counts[s]);
    dq_free(stats);
    if (counts[DQ_PENDING] == 1 && counts[DQ_IN_PROGRESS] == 0) {
        nap(1000);
        if (!claim_one(queue, token, claimed))
            fail_msg("%s | %s: the waiting item is stuck", first, second);
    }
}

static void play(struct scene *scene, bool held, size_t first, size_t second, bool together)
{
    struct half halves[] = {{scene, 0, steps[first].run, 0}, {scene, 1, steps[second].run, 0}};
    dq_lease *lease;
    dq_queue *queue = scene->sessions[0];
    upload(queue, "x", scene->document, scene->item);
    memset(scene->token, '0', DQ_TOKEN_SIZE - 1);
    scene->token[DQ_TOKEN_SIZE - 1] = '\0';
    if (held) {
        expect(0, dq_mark_in_progress(queue, scene->item, 0, &lease, error));
        memcpy(scene->token, lease->token, DQ_TOKEN_SIZE);
        dq_free(lease);
    }
    (together ? at_once : one_by_one)(halves);
    bool takes_one = steps[first].run == claim && steps[second].run == claim && !held;
    if (takes_one)
        assert_int_equal((halves[0].result >= 0) + (halves[1].result >= 0), 1);
    check(scene, steps[first].name, steps[second].name);
    (void)dq_delete_document(queue, scene->document, NULL);
}

static void all_pairs(void **state)
{
    struct scene scene = {.sessions = {*state, NULL}};
    expect(0, dq_open(store_url(), NULL, &scene.sessions[SECOND_SESSION], error));
    pthread_barrier_init(&scene.start, NULL, 2);
    for (size_t first = 0; first < STEPS; first++)
        for (size_t second = 0; second < STEPS; second++)
            for (int held = 0; held < 2; held++) {
                play(&scene, held, first, second, false);
                for (int round = 0; first <= second && round < ROUNDS; round++)
                    play(&scene, held, first, second, true);
            }
    pthread_barrier_destroy(&scene.start);
    dq_close(&scene.sessions[SECOND_SESSION]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_pairs, fresh, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
