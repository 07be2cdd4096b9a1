/*
 * One thread for all workers: it waits for a death, for the end of a pause, or to be told to stop.
 * The kernel tells the workers when this thread ends (docq worker --parent), however the server
 * dies: they finish what they hold and leave.
 */
#include "cli/supervisor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MIN   (100 * US_PER_MS)
#define PAUSE_MAX   (30 * US_PER_S)
#define HEALTHY_AGE (30 * US_PER_S) /* a worker that lived this long starts again without delay */
#define RECOVER_MAX (2 * US_PER_S)  /* the longest between two looks at leases and due items */

struct slot {
    pid_t pid; /* 0 = none */
    int pidfd;
    int64_t started_at, start_at, pause; /* boot clock, microseconds */
};

struct supervisor {
    struct supervisor_options options;
    struct slot slots[SUPERVISOR_WORKERS_MAX];
    pthread_t thread;
    int stop_fd;
    bool stopping;
    int64_t recover_at, kill_at;
};

static void postpone(struct slot *slot, int64_t now)
{
    slot->pause = slot->pause ? slot->pause * 2 : PAUSE_MIN;
    if (slot->pause > PAUSE_MAX)
        slot->pause = PAUSE_MAX;
    slot->start_at = now + slot->pause;
}

/* Its own process group, so that Ctrl-C reaches the server only and the end stays in order. */
static int spawn_worker(struct supervisor *supervisor, pid_t *ret_pid)
{
    extern char **environ;
    posix_spawnattr_t how;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    int cause =
        posix_spawn(ret_pid, "/proc/self/exe", NULL, &how, supervisor->options.argv, environ);
    posix_spawnattr_destroy(&how);
    return cause;
}

static void start(struct supervisor *supervisor, struct slot *slot, int64_t now)
{
    int cause = spawn_worker(supervisor, &slot->pid);
    if (cause) {
        slot->pid = 0;
        postpone(slot, now);
        log_event(LOG_ERROR, "worker_not_started", "cause=\"%s\"", strerror(cause));
        return;
    }
    slot->pidfd = pidfd_open(slot->pid, 0);
    slot->started_at = now;
    log_event(LOG_INFO, "worker_started", "pid=%d", (int)slot->pid);
}

static void recover(struct supervisor *supervisor, int64_t now)
{
    dq_error error = {0};
    char quoted[600];
    int64_t next = 0;
    int count = dq_recover(supervisor->options.queue, &next, &error);
    if (count < 0)
        log_event(LOG_ERROR, "recover_failed", "detail=%s",
                  log_quote(error.detail, quoted, sizeof quoted));
    else if (count > 0)
        log_event(LOG_WARN, "recovered", "items=%d", count);
    int64_t rest = next ? next - clock_now() : RECOVER_MAX;
    rest = rest < PAUSE_MIN ? PAUSE_MIN : rest > RECOVER_MAX ? RECOVER_MAX : rest;
    supervisor->recover_at = now + rest;
}

/* Collects a worker that has died; false while it lives. */
static bool reap(struct supervisor *supervisor, struct slot *slot, int64_t now)
{
    int status = 0;
    if (!slot->pid || waitpid(slot->pid, &status, WNOHANG) != slot->pid)
        return false;
    fd_close(&slot->pidfd);
    if (now - slot->started_at > HEALTHY_AGE)
        slot->pause = 0;
    postpone(slot, now);
    log_event(supervisor->stopping ? LOG_INFO : LOG_WARN, "worker_ended",
              "pid=%d exit=%d signal=%d again_in_ms=%lld", (int)slot->pid,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1,
              WIFSIGNALED(status) ? WTERMSIG(status) : 0,
              supervisor->stopping ? -1LL : (long long)(slot->pause / US_PER_MS));
    slot->pid = 0;
    return true;
}

static void signal_all(const struct supervisor *supervisor, int signal)
{
    for (int i = 0; i < supervisor->options.workers; i++)
        if (supervisor->slots[i].pid)
            kill(supervisor->slots[i].pid, signal);
}

/* One look at every slot. Returns the number of workers that live. */
static int tend(struct supervisor *supervisor, int64_t now)
{
    int alive = 0;
    for (int i = 0; i < supervisor->options.workers; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (reap(supervisor, slot, now))
            supervisor->recover_at = 0;
        if (!slot->pid && !supervisor->stopping && now >= slot->start_at)
            start(supervisor, slot, now);
        alive += slot->pid != 0;
    }
    if (now >= supervisor->recover_at)
        recover(supervisor, now);
    return alive;
}

static void wait_for_news(struct supervisor *supervisor, int64_t now)
{
    struct pollfd news[SUPERVISOR_WORKERS_MAX + 1];
    nfds_t count = 0;
    int64_t until = supervisor->recover_at;
    if (!supervisor->stopping)
        news[count++] = (struct pollfd){.fd = supervisor->stop_fd, .events = POLLIN};
    else if (supervisor->kill_at < until)
        until = supervisor->kill_at;
    for (int i = 0; i < supervisor->options.workers; i++) {
        const struct slot *slot = &supervisor->slots[i];
        if (slot->pid && slot->pidfd >= 0)
            news[count++] = (struct pollfd){.fd = slot->pidfd, .events = POLLIN};
        else if (!slot->pid && !supervisor->stopping && slot->start_at < until)
            until = slot->start_at;
    }
    int64_t rest = until > now ? (until - now) / US_PER_MS + 1 : 1;
    poll(news, count, (int)rest);
}

static void begin_to_stop(struct supervisor *supervisor, int64_t now)
{
    eventfd_t told = 0;
    if (supervisor->stopping && now >= supervisor->kill_at) {
        signal_all(supervisor, SIGKILL);
        supervisor->kill_at = now + US_PER_S;
    } else if (!supervisor->stopping && eventfd_read(supervisor->stop_fd, &told) == 0) {
        supervisor->stopping = true;
        supervisor->kill_at = now + supervisor->options.grace + 5 * US_PER_S;
        signal_all(supervisor, SIGTERM);
    }
}

static void *supervise(void *argument)
{
    struct supervisor *supervisor = argument;
    for (;;) {
        int64_t now = clock_tick();
        begin_to_stop(supervisor, now);
        if (tend(supervisor, now) == 0 && supervisor->stopping)
            return NULL;
        wait_for_news(supervisor, now);
    }
}

int supervisor_start(const struct supervisor_options *options, struct supervisor **ret_supervisor,
                     dq_error *error)
{
    sigset_t all, before;
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (!supervisor)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    supervisor->options = *options;
    supervisor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (int i = 0; i < SUPERVISOR_WORKERS_MAX; i++)
        supervisor->slots[i].pidfd = -1;
    sigfillset(&all); /* signals are the main thread's business */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int cause = supervisor->stop_fd < 0
                    ? errno
                    : pthread_create(&supervisor->thread, NULL, supervise, supervisor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (cause) {
        fd_close(&supervisor->stop_fd);
        free(supervisor);
        return error_set(error, DQ_NO_MEMORY, "cannot start a thread: %s", strerror(cause));
    }
    *ret_supervisor = supervisor;
    return 0;
}

void supervisor_stop(struct supervisor **supervisor)
{
    if (!*supervisor)
        return;
    eventfd_write((*supervisor)->stop_fd, 1);
    pthread_join((*supervisor)->thread, NULL);
    fd_close(&(*supervisor)->stop_fd);
    free(*supervisor);
    *supervisor = NULL;
}
