/* The worker's own thread: starts the others, is the watchman (dead workers, items that become
 * due), listens to signals, and sees everybody off. */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "worker/pool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define RECOVER_EVERY US_PER_S /* at the latest */

struct shift {
    struct pool pool;
    pthread_t heart;
    char extractor[PATH_MAX];
    int signal_fd;
    int64_t stop_by; /* clock_tick() when the boxes are killed; 0 = not told to stop */
    int64_t recover_at;
};

/* ---- set up ---------------------------------------------------------------------------------- */

static int find_extractor(struct shift *shift, dq_error *error)
{
    static const char name[] = "docq-extract";
    const char *given = shift->pool.options->extractor;
    char *path = shift->extractor;
    if (given) {
        snprintf(path, sizeof shift->extractor, "%s", given);
    } else {
        ssize_t length = readlink("/proc/self/exe", path, sizeof shift->extractor - sizeof name);
        if (length < 0)
            return error_errno(error, "/proc/self/exe");
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        memcpy(slash ? slash + 1 : path, name, sizeof name);
    }
    if (access(path, X_OK) < 0)
        return error_set(error, DQ_INVALID, "%s cannot be executed (%s); say --extractor PATH.",
                         path, strerror(errno));
    shift->pool.extractor = path;
    return 0;
}

static int concurrency_of(const struct worker_options *options)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = options->concurrency > 0 ? options->concurrency : (int)processors;
    if (options->limit > 0 && wanted > options->limit)
        wanted = options->limit;
    return wanted < 1 ? 1 : wanted > WORKER_SLOTS_MAX ? WORKER_SLOTS_MAX : wanted;
}

/* SIGHUP: take nothing new and finish what is held, however long it takes; the server that started
 * this worker is gone, or the terminal. The others set a deadline, and insist when they come again.
 */
static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

static int open_descriptors(struct shift *shift, dq_error *error)
{
    struct pool *pool = &shift->pool;
    sigset_t set = stop_signals();
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->options->signals)
        shift->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    bool good = pool->wake_fd >= 0 && (shift->signal_fd >= 0 || !pool->options->signals);
    for (int i = 0; i < pool->slot_count; i++) {
        pool->slots[i].stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        good = good && pool->slots[i].stop_fd >= 0;
    }
    return good ? 0 : error_errno(error, "eventfd");
}

static void clean_up(struct shift *shift)
{
    struct pool *pool = &shift->pool;
    for (int i = 0; pool->slots && i < pool->slot_count; i++)
        fd_close(&pool->slots[i].stop_fd);
    free(pool->slots);
    free(pool->operations);
    dq_free(pool->offered);
    fd_close(&pool->wake_fd);
    fd_close(&shift->signal_fd);
    dq_close(&pool->queue);
    pthread_mutex_destroy(&pool->turn);
    pthread_mutex_destroy(&pool->lock);
}

static int set_up(struct shift *shift, const struct worker_options *options, dq_error *error)
{
    struct pool *pool = &shift->pool;
    dq_options session = {.worker = options->name, .token = options->token};
    shift->signal_fd = -1;
    pool->wake_fd = -1;
    pool->options = options;
    pool->started = clock_tick();
    pool->lease_time = options->lease_time > 0 ? options->lease_time : WORKER_LEASE_DEFAULT;
    pool->slot_count = concurrency_of(options);
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pool->slots = calloc((size_t)pool->slot_count, sizeof *pool->slots);
    if (!pool->slots)
        return error_set(error, DQ_NO_MEMORY, "There is no memory for %d slots.", pool->slot_count);
    for (int i = 0; i < pool->slot_count; i++)
        pool->slots[i] = (struct slot){.pool = pool, .stop_fd = -1};
    int result = find_extractor(shift, error);
    if (result == 0)
        result = open_descriptors(shift, error);
    if (result == 0)
        result = dq_open(options->url, &session, &pool->queue, error);
    return result < 0 ? result : pool_offer(pool, error);
}

/* ---- the watchman ---------------------------------------------------------------------------- */

static void recover(struct shift *shift)
{
    struct pool *pool = &shift->pool;
    int64_t next_due = 0, now = clock_tick();
    dq_error error = {0};
    char quoted[600];
    int taken = dq_recover(pool->queue, &next_due, &error);
    if (taken >= 0)
        pool->due_at = next_due;
    else if (!is_passing(taken))
        pool_fail(pool, &error);
    if (taken > 0 && pool->options->log)
        log_event(LOG_WARN, "taken_back", "items=%d", taken);
    if (taken < 0 && pool->options->log)
        log_event(LOG_WARN, "recover_failed", "code=%s detail=%s", dq_code_name(taken),
                  log_quote(error.detail, quoted, sizeof quoted));
    int64_t wait = next_due > 0 ? next_due - clock_now() : RECOVER_EVERY;
    if (wait < 10 * US_PER_MS)
        wait = 10 * US_PER_MS;
    shift->recover_at = now + (wait < RECOVER_EVERY ? wait : RECOVER_EVERY);
}

static void kill_boxes(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->killing = true;
    for (int i = 0; i < pool->slot_count; i++)
        eventfd_write(pool->slots[i].stop_fd, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void hear_signals(struct shift *shift)
{
    struct pool *pool = &shift->pool;
    struct signalfd_siginfo info;
    int64_t grace = pool->options->grace > 0 ? pool->options->grace : WORKER_GRACE_DEFAULT;
    while (shift->signal_fd >= 0 && read(shift->signal_fd, &info, sizeof info) == sizeof info) {
        pool->stopping = true;
        if (info.ssi_signo != SIGHUP)
            shift->stop_by = clock_tick() + (shift->stop_by == 0 ? grace : 0);
        if (pool->options->log)
            log_event(LOG_INFO, "stopping", "signal=%u held=%d", info.ssi_signo, (int)pool->held);
    }
}

static int time_left(const struct shift *shift)
{
    int64_t next = shift->recover_at, now = clock_tick();
    if (shift->stop_by != 0 && shift->stop_by < next && !shift->pool.killing)
        next = shift->stop_by;
    return next <= now ? 0 : (int)((next - now) / US_PER_MS) + 1;
}

static bool somebody_lives(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool lives = pool->living > 0;
    pthread_mutex_unlock(&pool->lock);
    return lives;
}

static void watch(struct shift *shift)
{
    struct pool *pool = &shift->pool;
    while (somebody_lives(pool)) {
        struct pollfd polled[] = {{.fd = pool->wake_fd, .events = POLLIN},
                                  {.fd = shift->signal_fd, .events = POLLIN}};
        eventfd_t unused;
        poll(polled, 2, time_left(shift));
        eventfd_read(pool->wake_fd, &unused);
        hear_signals(shift);
        if (shift->stop_by != 0 && clock_tick() >= shift->stop_by && !pool->killing)
            kill_boxes(pool);
        if (clock_tick() >= shift->recover_at)
            recover(shift);
    }
}

/* ---- a shift --------------------------------------------------------------------------------- */

static int start_slot(struct slot *slot)
{
    struct pool *pool = slot->pool;
    pthread_mutex_lock(&pool->lock); /* it cannot end before it is counted */
    int result = pthread_create(&slot->thread, NULL, slot_main, slot);
    slot->started = result == 0;
    pool->living += slot->started;
    pthread_mutex_unlock(&pool->lock);
    return result;
}

/* Threads inherit the mask, so that a signal reaches signal_fd and nobody else. */
static int start_threads(struct shift *shift, dq_error *error)
{
    struct pool *pool = &shift->pool;
    int result = pthread_create(&shift->heart, NULL, heart_main, pool);
    if (result != 0)
        return error_set(error, DQ_NO_MEMORY, "A thread cannot be started: %s.", strerror(result));
    for (int i = 0; i < pool->slot_count && result == 0; i++)
        result = start_slot(&pool->slots[i]);
    if (pool->slots[0].started) /* fewer than wanted is fine, none is not */
        return 0;
    pool->gone = true;
    pthread_join(shift->heart, NULL);
    return error_set(error, DQ_NO_MEMORY, "A thread cannot be started: %s.", strerror(result));
}

static void join_threads(struct shift *shift)
{
    struct pool *pool = &shift->pool;
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].started)
            pthread_join(pool->slots[i].thread, NULL);
    pool->gone = true;
    pthread_join(shift->heart, NULL);
}

static int run(struct shift *shift, dq_error *error)
{
    struct pool *pool = &shift->pool;
    char quoted[PATH_MAX];
    recover(shift);
    int result = start_threads(shift, error);
    if (result < 0)
        return result;
    if (pool->options->log)
        log_event(LOG_INFO, "worker_started", "pid=%d slots=%d extractor=%s", (int)getpid(),
                  pool->slot_count, log_quote(pool->extractor, quoted, sizeof quoted));
    watch(shift);
    join_threads(shift);
    if (pool->failure.code < 0 && error)
        *error = pool->failure;
    return pool->failure.code;
}

int worker_run(const struct worker_options *options, struct dq_process_stats *ret_stats,
               dq_error *error)
{
    __attribute__((cleanup(clean_up))) struct shift shift = {0};
    sigset_t stops = stop_signals(), before;
    pthread_sigmask(SIG_BLOCK, options->signals ? &stops : NULL, &before);
    int result = set_up(&shift, options, error);
    if (result == 0)
        result = run(&shift, error);
    shift.pool.stats.duration = clock_tick() - shift.pool.started;
    if (ret_stats)
        *ret_stats = shift.pool.stats;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}
