/* Looking for work. Of all idle slots one looks, on behalf of itself; so a new item wakes one
 * thread and makes one claim, however many are idle. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "worker/pool.h"

#define LOOK_EVERY  (5 * US_PER_S)    /* at the latest, whatever the pulse says */
#define SLICE       (250 * US_PER_MS) /* between two looks at whether to stop */
#define DRAIN_SLICE (20 * US_PER_MS)
#define PATIENCE    (30 * US_PER_S) /* of a drain with a queue that does not answer */
#define RETRY_AFTER (US_PER_S / 2)

/* Whether the worker as a whole has had enough. */
static bool is_enough(struct pool *pool)
{
    const struct worker_options *options = pool->options;
    if (options->limit > 0 && pool->claimed >= options->limit)
        return true;
    if (options->time_max > 0 && clock_tick() - pool->started >= options->time_max)
        return true;
    return pool->stopping;
}

/* Until something may have changed. */
static void wait_for_work(struct pool *pool, unsigned endings)
{
    int64_t began = clock_tick(), slice = pool->options->drain ? DRAIN_SLICE : SLICE;
    uint32_t work = pool->seen.work;
    while (!is_enough(pool) && clock_tick() - began < LOOK_EVERY) {
        int64_t due_at = pool->due_at, left = due_at - clock_now();
        if (due_at != 0 && left <= 0) {
            pool->due_at = 0; /* the watchman finds the next one */
            return;
        }
        dq_wait(pool->queue, &pool->seen, due_at != 0 && left < slice ? left : slice);
        if (pool->seen.work != work || pool->endings != endings)
            return;
    }
}

/* true: asking again may help. */
static bool survive(struct pool *pool, const dq_error *error, int64_t *since)
{
    char quoted[600];
    if (*since == 0)
        *since = clock_tick();
    if (!is_passing(error->code) || (pool->options->drain && clock_tick() - *since > PATIENCE)) {
        pool_fail(pool, error);
        return false;
    }
    if (pool->options->log)
        log_event(LOG_WARN, "claim_failed", "code=%s detail=%s", dq_code_name(error->code),
                  log_quote(error->detail, quoted, sizeof quoted));
    clock_rest(RETRY_AFTER);
    return true;
}

/* Under pool->turn. */
static bool look(struct pool *pool, dq_lease_list **ret_list)
{
    dq_claim_options claim = {
        .limit = 1, .lease_time = pool->lease_time, .operations = pool->operations};
    int64_t failing_since = 0;
    while (!is_enough(pool)) {
        dq_error error = {0};
        dq_lease_list *list = NULL;
        unsigned endings = pool->endings;
        bool alone = pool->held == 0; /* before asking: a slot may put something back meanwhile */
        dq_wait(pool->queue, &pool->seen, 0);
        if (dq_claim(pool->queue, &claim, &list, &error) < 0) {
            if (!survive(pool, &error, &failing_since))
                return false;
            continue;
        }
        failing_since = 0;
        if (list->count > 0) {
            pool->claimed++;
            pool->held++;
            *ret_list = list;
            return true;
        }
        dq_free(list);
        if (pool->options->drain && alone)
            pool->stopping = true;
        else
            wait_for_work(pool, endings);
    }
    return false;
}

bool pool_take(struct pool *pool, dq_lease_list **ret_list)
{
    pthread_mutex_lock(&pool->turn);
    bool taken = look(pool, ret_list);
    pthread_mutex_unlock(&pool->turn);
    return taken;
}
