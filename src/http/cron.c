/* Runs of process_document_queue(). A run and its call share a small record; whoever leaves it
 * last frees it, so that a server may stop while a run still ends. */
#include "http/cron.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_SECONDS_MAX (7 * 86400) /* the run ends by its own limit */

struct cron {
    pthread_mutex_t lock;
    bool done, forgotten;
    int code;
    dq_error error;
    dq_process_stats stats;
    dq_process_options options;
    char *url, *extractor;
};

static atomic_int runs;

static void cron_free(struct cron *cron)
{
    pthread_mutex_destroy(&cron->lock);
    free(cron->url);
    free(cron->extractor);
    free(cron);
}

void cron_forget(struct cron *cron)
{
    if (!cron)
        return;
    pthread_mutex_lock(&cron->lock);
    cron->forgotten = true;
    bool last = cron->done;
    pthread_mutex_unlock(&cron->lock);
    if (last)
        cron_free(cron);
}

static void *cron_run(void *context)
{
    struct cron *cron = context;
    dq_process_stats stats = {0};
    dq_error error = {0};
    int code = dq_process_document_queue(cron->url, &cron->options, &stats, &error);
    pthread_mutex_lock(&cron->lock);
    cron->code = code;
    cron->error = error;
    cron->stats = stats;
    cron->done = true;
    bool last = cron->forgotten;
    pthread_mutex_unlock(&cron->lock);
    if (last)
        cron_free(cron);
    atomic_fetch_sub(&runs, 1);
    return NULL;
}

static json_t *view_stats_of(const dq_process_stats *stats)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "claimed", (json_int_t)stats->claimed,
                     "completed", (json_int_t)stats->completed, "failed", (json_int_t)stats->failed,
                     "retried", (json_int_t)stats->retried, "released", (json_int_t)stats->released,
                     "duration_seconds", (double)stats->duration / (double)US_PER_S);
}

static int cron_check(struct call *call, dq_error *error)
{
    struct cron *cron = call->cron;
    pthread_mutex_lock(&cron->lock);
    bool done = cron->done;
    pthread_mutex_unlock(&cron->lock);
    if (!done && call_wait(call, WAIT_POLL, WAIT_SECONDS_MAX, cron_check))
        return 0;
    if (!done)
        return error_set(error, DQ_BUSY, "The server is stopping; the run ends by itself.");
    if (cron->code < 0) {
        *error = cron->error;
        return cron->code;
    }
    return call_json(call, 200, view_stats_of(&cron->stats));
}

static struct cron *cron_new(const struct service *service, const dq_process_options *options)
{
    struct cron *cron = calloc(1, sizeof *cron);
    if (!cron)
        bug("out of memory");
    pthread_mutex_init(&cron->lock, NULL);
    cron->url = strdup(service->url);
    cron->extractor = options->extractor ? strdup(options->extractor) : NULL;
    cron->options = *options;
    cron->options.extractor = cron->extractor;
    return cron;
}

int cron_start(struct call *call, const dq_process_options *options, dq_error *error)
{
    pthread_t thread;
    if (atomic_fetch_add(&runs, 1) >= call->service->limits.cron_runs_max) {
        atomic_fetch_sub(&runs, 1);
        return error_set(error, DQ_BUSY, "cron-runs-max (%d) runs are under way.",
                         call->service->limits.cron_runs_max);
    }
    struct cron *cron = cron_new(call->service, options);
    if (pthread_create(&thread, NULL, cron_run, cron) != 0) {
        cron_free(cron);
        atomic_fetch_sub(&runs, 1);
        return error_set(error, DQ_BUSY, "No thread can be started.");
    }
    pthread_detach(thread);
    call->cron = cron;
    return cron_check(call, error);
}
