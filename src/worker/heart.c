/* The heart: renews every held lease at a third of its length, at once where the queue says that
 * one was taken away, and soon where there is progress to tell. */
#include "base/clock.h"
#include "base/error.h"
#include "worker/pool.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#define BEAT_SLICE     (250 * US_PER_MS) /* between two looks at the slots */
#define PROGRESS_EVERY (2 * US_PER_S)
#define BEAT_AGAIN     (US_PER_S / 2) /* after a heartbeat that did not get through */

/* What a heartbeat needs, copied: the slot may go on to its next lease meanwhile. */
struct beat {
    uint64_t generation;
    char token[DQ_TOKEN_SIZE];
    char stage[STAGE_BYTES_MAX + 1];
    dq_progress progress;
    bool has_progress;
};

/* Under pool->lock. */
static bool is_due(const struct slot *slot, int64_t now, bool recall)
{
    if (slot->generation % 2 == 0 || slot->lost)
        return false;
    return recall || now >= slot->beat_at || (slot->news && now - slot->told_at >= PROGRESS_EVERY);
}

static bool prepare(struct slot *slot, bool recall, struct beat *ret_beat)
{
    struct pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock);
    bool due = is_due(slot, clock_tick(), recall);
    if (due) {
        *ret_beat = (struct beat){.generation = slot->generation, .has_progress = slot->news};
        memcpy(ret_beat->token, slot->token, sizeof slot->token);
        memcpy(ret_beat->stage, slot->stage, sizeof slot->stage);
        ret_beat->progress.done = slot->done;
        ret_beat->progress.total = slot->total;
        slot->news = false;
    }
    pthread_mutex_unlock(&pool->lock);
    ret_beat->progress.stage = ret_beat->stage;
    return due;
}

/* Under pool->lock. What else a heartbeat may report (disk full, no connection) may pass; but once
 * the lease has run out by our own clock, somebody else may hold the item. */
static void note(struct slot *slot, int result, int64_t began)
{
    int64_t now = clock_tick();
    bool taken = result == DQ_LEASE_LOST || result == DQ_NOT_FOUND || result == DQ_CONFLICT;
    slot->told_at = now;
    if (result == 0) {
        slot->beat_at = began + slot->lease_time / 3;
        slot->lost_at = began + slot->lease_time;
    } else if (taken || now >= slot->lost_at) {
        slot->lost = true;
        eventfd_write(slot->stop_fd, 1);
    } else {
        slot->beat_at =
            now + (slot->lease_time / 6 < BEAT_AGAIN ? slot->lease_time / 6 : BEAT_AGAIN);
    }
}

static void beat(struct slot *slot, bool recall)
{
    struct pool *pool = slot->pool;
    struct beat beat = {0};
    if (!prepare(slot, recall, &beat))
        return;
    int64_t began = clock_tick();
    int result = dq_heartbeat(pool->queue, beat.token, beat.has_progress ? &beat.progress : NULL,
                              NULL, NULL);
    pthread_mutex_lock(&pool->lock);
    if (slot->generation == beat.generation)
        note(slot, result, began);
    pthread_mutex_unlock(&pool->lock);
}

void *heart_main(void *context)
{
    struct pool *pool = context;
    int64_t slice = pool->lease_time / 6 < BEAT_SLICE ? pool->lease_time / 6 : BEAT_SLICE;
    dq_pulse seen = {0};
    dq_wait(pool->queue, &seen, 0);
    while (!pool->gone) {
        uint32_t recall = seen.recall;
        dq_wait(pool->queue, &seen, slice);
        for (int i = 0; i < pool->slot_count; i++)
            beat(&pool->slots[i], seen.recall != recall);
    }
    return NULL;
}
