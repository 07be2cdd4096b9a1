/* The waiting thread. */
#include "http/waiter.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define RECOVER_INTERVAL US_PER_S /* also how soon a dead worker is noticed */
#define RECOVER_PAUSE    (10 * US_PER_MS)
#define SLICE            (200 * US_PER_MS) /* of a wait, so that the thread can be stopped */

struct waiter {
    dq_queue *queue;
    void (*pulse)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool anybody, stopping;
};

/* Sleeps for `micros` unless told to wait or to stop. */
static void doze(struct waiter *waiter, int64_t micros)
{
    struct timespec until = clock_until(micros);
    pthread_cond_timedwait(&waiter->changed, &waiter->lock, &until);
}

/* Returns when to do it again (clock_tick). */
static int64_t recover(struct waiter *waiter)
{
    int64_t next_due = 0;
    dq_recover(waiter->queue, &next_due, NULL);
    int64_t pause = next_due ? next_due - clock_now() : RECOVER_INTERVAL;
    if (pause > RECOVER_INTERVAL)
        pause = RECOVER_INTERVAL;
    return clock_tick() + (pause < RECOVER_PAUSE ? RECOVER_PAUSE : pause);
}

static void *run(void *context)
{
    struct waiter *waiter = context;
    dq_pulse seen = {0};
    int64_t recover_at = 0;
    pthread_mutex_lock(&waiter->lock);
    while (!waiter->stopping) {
        int64_t left = recover_at - clock_tick();
        bool anybody = waiter->anybody;
        if (left > 0 && !anybody) {
            doze(waiter, left);
            continue;
        }
        pthread_mutex_unlock(&waiter->lock);
        if (left <= 0)
            recover_at = recover(waiter);
        else if (dq_wait(waiter->queue, &seen, left < SLICE ? left : SLICE) == 0)
            waiter->pulse(waiter->context);
        pthread_mutex_lock(&waiter->lock);
    }
    pthread_mutex_unlock(&waiter->lock);
    return NULL;
}

struct waiter *waiter_new(dq_queue *queue, void (*pulse)(void *context), void *context)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    pthread_condattr_t monotonic;
    if (!waiter)
        bug("out of memory");
    waiter->queue = queue;
    waiter->pulse = pulse;
    waiter->context = context;
    pthread_mutex_init(&waiter->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&waiter->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&waiter->thread, NULL, run, waiter) == 0)
        return waiter;
    pthread_cond_destroy(&waiter->changed);
    pthread_mutex_destroy(&waiter->lock);
    free(waiter);
    return NULL;
}

void waiter_expect(struct waiter *waiter, bool anybody)
{
    pthread_mutex_lock(&waiter->lock);
    if (waiter->anybody != anybody) {
        waiter->anybody = anybody;
        pthread_cond_signal(&waiter->changed);
    }
    pthread_mutex_unlock(&waiter->lock);
}

void waiter_free(struct waiter *waiter)
{
    if (!waiter)
        return;
    pthread_mutex_lock(&waiter->lock);
    waiter->stopping = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
    pthread_join(waiter->thread, NULL);
    pthread_cond_destroy(&waiter->changed);
    pthread_mutex_destroy(&waiter->lock);
    free(waiter);
}
