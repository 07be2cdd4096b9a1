/* One slot: claim, handle, report, again. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "worker/pool.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define REPORT_AGAIN_AFTER (200 * US_PER_MS)

/* ---- the lease in hand ---------------------------------------------------------------------- */

static void hold(struct slot *slot, const dq_lease *lease)
{
    struct pool *pool = slot->pool;
    int64_t now = clock_tick();
    eventfd_t unused;
    pthread_mutex_lock(&pool->lock);
    slot->generation++;
    memcpy(slot->token, lease->token, sizeof slot->token);
    slot->lost = false;
    slot->lease_time = pool->lease_time;
    slot->beat_at = now + slot->lease_time / 3;
    slot->lost_at = now + slot->lease_time;
    slot->told_at = now;
    slot->news = false;
    eventfd_read(slot->stop_fd, &unused); /* what the previous box was told */
    if (pool->killing)
        eventfd_write(slot->stop_fd, 1);
    pool->stats.claimed++;
    pthread_mutex_unlock(&pool->lock);
}

static void let_go(struct slot *slot)
{
    struct pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    slot->generation++;
    pthread_mutex_unlock(&pool->lock);
    pool->held--;
    pool->endings++;
}

static bool is_lost(struct slot *slot)
{
    pthread_mutex_lock(&slot->pool->lock);
    bool lost = slot->lost;
    pthread_mutex_unlock(&slot->pool->lock);
    return lost;
}

static void note_progress(void *context, const char *stage, uint32_t done, uint32_t total)
{
    struct slot *slot = context;
    pthread_mutex_lock(&slot->pool->lock);
    snprintf(slot->stage, sizeof slot->stage, "%s", stage);
    slot->done = done;
    slot->total = total;
    slot->news = true;
    pthread_mutex_unlock(&slot->pool->lock);
}

/* ---- the report ------------------------------------------------------------------------------ */

static void count(struct pool *pool, int64_t *counter)
{
    pthread_mutex_lock(&pool->lock);
    ++*counter;
    pthread_mutex_unlock(&pool->lock);
}

static int report_failure(struct pool *pool, const dq_lease *lease, const struct outcome *outcome,
                          dq_error *error)
{
    enum dq_status status = DQ_FAILED;
    int result = dq_mark_failed(pool->queue, lease->token, &outcome->failure, &status, error);
    if (result == 0)
        count(pool, status == DQ_PENDING ? &pool->stats.retried : &pool->stats.failed);
    return result;
}

static int report_once(struct pool *pool, const dq_lease *lease, const struct outcome *outcome,
                       dq_error *error)
{
    int result;
    switch (outcome->kind) {
    case OUTCOME_COMPLETED:
        result = dq_mark_completed(pool->queue, lease->token,
                                   outcome->nothing ? NULL : &outcome->result, error);
        if (result == 0)
            count(pool, &pool->stats.completed);
        return result;
    case OUTCOME_FAILED:
        return report_failure(pool, lease, outcome, error);
    case OUTCOME_STOPPED:
        result = dq_release(pool->queue, lease->token, error);
        if (result == 0)
            count(pool, &pool->stats.released);
        return result;
    }
    bug("unknown outcome %d", (int)outcome->kind);
}

/* The queue does not take this result, ever: that is how the attempt ended. */
static bool is_refusal(int code)
{
    return code == DQ_INVALID || code == DQ_TOO_LARGE || code == DQ_UNSUPPORTED;
}

static bool is_somebody_elses(int code)
{
    return code == DQ_LEASE_LOST || code == DQ_NOT_FOUND || code == DQ_CONFLICT;
}

/* As long as the lease lasts: a result that took minutes is worth more than one try. */
static void report(struct slot *slot, const dq_lease *lease, struct outcome *outcome)
{
    struct pool *pool = slot->pool;
    struct timespec pause = {0, REPORT_AGAIN_AFTER * 1000};
    while (!is_lost(slot)) {
        dq_error error = {0};
        int result = report_once(pool, lease, outcome, &error);
        if (result == 0 || is_somebody_elses(result))
            return;
        if (is_refusal(result) && outcome->kind == OUTCOME_COMPLETED) {
            enum failure row =
                result == DQ_TOO_LARGE ? FAILURE_LIMIT_EXCEEDED : FAILURE_HANDLER_ERROR;
            outcome_fail(outcome, failure_row(row), error.detail);
        } else if (is_passing(result)) {
            nanosleep(&pause, NULL);
        } else {
            pool_fail(pool, &error);
            return;
        }
    }
}

static void log_outcome(struct slot *slot, const dq_lease *lease, const struct outcome *outcome)
{
    static const char *const events[] = {"item_completed", "item_failed", "item_stopped"};
    const dq_failure *failure = &outcome->failure;
    char quoted[600] = "\"\"";
    if (!slot->pool->options->log)
        return;
    if (outcome->kind == OUTCOME_FAILED && failure->message)
        log_quote(failure->message, quoted, sizeof quoted);
    log_event(outcome->kind == OUTCOME_FAILED ? LOG_WARN : LOG_INFO, events[outcome->kind],
              "item=%s document=%s operation=%s attempt=%d ms=%lld pages=%zu peak_kb=%lld "
              "lost=%d code=%s signal=%d limit=%s message=%s",
              lease->item.id, lease->document.id, lease->item.operation, lease->item.attempts,
              (long long)(outcome->box.duration / US_PER_MS), outcome->result.page_count,
              (long long)(outcome->box.peak_memory / 1024), is_lost(slot),
              failure->code ? failure->code : "-", failure->signal,
              failure->limit ? failure->limit : "-", quoted);
}

static void work_on(struct slot *slot, const dq_lease *lease)
{
    struct pool *pool = slot->pool;
    struct outcome outcome = {0};
    struct policy policy = pool_policy(pool, lease->item.operation);
    struct job job = {.queue = pool->queue,
                      .lease = lease,
                      .extractor = pool->extractor,
                      .argv = policy.argv,
                      .secret = pool->options->secret,
                      .secret_length = pool->options->secret_length,
                      .memory_bytes = pool->options->memory_bytes > 0 ? pool->options->memory_bytes
                                                                      : WORKER_MEMORY_DEFAULT,
                      .time_max = policy.timeout,
                      .stop_fd = slot->stop_fd,
                      .progress = note_progress,
                      .context = slot};
    if (policy.handler)
        policy.handler->run(&job, &outcome);
    else
        outcome_fail(&outcome, failure_row(FAILURE_HANDLER_ERROR),
                     "This worker has no handler for the operation.");
    report(slot, lease, &outcome);
    log_outcome(slot, lease, &outcome);
    outcome_free(&outcome);
}

void *slot_main(void *context)
{
    struct slot *slot = context;
    struct pool *pool = slot->pool;
    dq_lease_list *list = NULL;
    while (pool_take(pool, &list)) {
        hold(slot, &list->leases[0]);
        work_on(slot, &list->leases[0]);
        let_go(slot);
        dq_free(list);
    }
    pthread_mutex_lock(&pool->lock);
    pool->living--;
    pthread_mutex_unlock(&pool->lock);
    eventfd_write(pool->wake_fd, 1);
    return NULL;
}
