/* dq_wait() on a server: one thread keeps one long poll, and whoever waits looks at what it found.
 * The counters that are handed out are never newer than the last answer, so nothing that happened
 * behind a claim is missed. */
#include "base/clock.h"
#include "base/error.h"
#include "client/remote.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define POLL_SECONDS 25 /* of one long poll; a server's wait-seconds-max may not be less */
#define PAUSE_MIN    (100 * US_PER_MS)
#define PAUSE_MAX    US_PER_S

struct pulse {
    struct link *link;
    CURLM *multi;
    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool running;
    dq_pulse now;
};

struct pulse *pulse_new(struct link *link)
{
    struct pulse *pulse = calloc(1, sizeof *pulse);
    pthread_condattr_t monotonic;
    if (!pulse)
        return NULL;
    pulse->link = link;
    pulse->multi = curl_multi_init();
    pthread_mutex_init(&pulse->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pulse->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pulse->multi)
        return pulse;
    pulse_free(pulse);
    return NULL;
}

void pulse_free(struct pulse *pulse)
{
    if (!pulse)
        return;
    pthread_mutex_lock(&pulse->lock);
    atomic_store(&pulse->stop, true);
    pthread_cond_broadcast(&pulse->changed);
    pthread_mutex_unlock(&pulse->lock);
    if (pulse->running) {
        curl_multi_wakeup(pulse->multi);
        pthread_join(pulse->thread, NULL);
    }
    curl_multi_cleanup(pulse->multi);
    pthread_cond_destroy(&pulse->changed);
    pthread_mutex_destroy(&pulse->lock);
    free(pulse);
}

/* Under the lock. */
static void sleep_until_changed(struct pulse *pulse, int64_t micros)
{
    struct timespec until = clock_until(micros);
    pthread_cond_timedwait(&pulse->changed, &pulse->lock, &until);
}

static int poll_once(struct pulse *pulse, bool known, dq_pulse *now)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    autojson *answer = NULL;
    int64_t work = 0, recall = 0;
    buf_puts(&path, "/v1/queue/pulse");
    if (known) { /* else the answer comes at once */
        path_add_number(&path, "work", now->work);
        path_add_number(&path, "recall", now->recall);
        path_add_number(&path, "wait", POLL_SECONDS);
    }
    const struct request request = {
        .path = path.bytes, .multi = pulse->multi, .stop = &pulse->stop};
    int code = link_ask(pulse->link, &request, &answer, NULL);
    if (code == 0)
        code = noun_number(answer, "work", &work, NULL);
    if (code == 0)
        code = noun_number(answer, "recall", &recall, NULL);
    if (code == 0)
        *now = (dq_pulse){.work = (uint32_t)work, .recall = (uint32_t)recall};
    return code;
}

static void *run(void *context)
{
    struct pulse *pulse = context;
    int64_t pause = PAUSE_MIN;
    bool known = false;
    dq_pulse now = {0};
    while (!atomic_load(&pulse->stop)) {
        int code = poll_once(pulse, known, &now);
        known = code == 0;
        pthread_mutex_lock(&pulse->lock);
        if (known) {
            pulse->now = now;
            pthread_cond_broadcast(&pulse->changed);
            pause = PAUSE_MIN;
        } else if (!atomic_load(&pulse->stop)) {
            sleep_until_changed(pulse, pause);
            pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
        }
        pthread_mutex_unlock(&pulse->lock);
    }
    return NULL;
}

static bool update(const struct pulse *pulse, dq_pulse *seen)
{
    bool differs = pulse->now.work != seen->work || pulse->now.recall != seen->recall;
    *seen = pulse->now;
    return differs;
}

int remote_wait(dq_queue *queue, dq_pulse *seen, int64_t timeout)
{
    struct pulse *pulse = remote_of(queue)->pulse;
    int64_t deadline = clock_tick() + timeout;
    pthread_mutex_lock(&pulse->lock);
    if (timeout > 0 && !pulse->running)
        pulse->running = pthread_create(&pulse->thread, NULL, run, pulse) == 0;
    bool differs = update(pulse, seen);
    for (int64_t left; !differs && (left = deadline - clock_tick()) > 0;) {
        sleep_until_changed(pulse, left);
        differs = update(pulse, seen);
    }
    pthread_mutex_unlock(&pulse->lock);
    return differs ? 0 : DQ_TIMED_OUT;
}
