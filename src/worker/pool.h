/* Inside the worker: what its threads share. */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "worker/handler.h"
#include "worker/worker.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STAGE_BYTES_MAX = 64, POLICIES_MAX = 64 };

struct pool;

/* One document at a time. Everything below `generation` is under pool->lock. */
struct slot {
    struct pool *pool;
    pthread_t thread;
    bool started;
    int stop_fd;         /* eventfd: the box must end */
    uint64_t generation; /* of the lease; odd while one is held */
    char token[DQ_TOKEN_SIZE];
    bool lost;          /* the lease is gone: report nothing */
    int64_t lease_time; /* what the heartbeats renew it by, microseconds */
    int64_t beat_at;    /* clock_tick() of the next heartbeat */
    int64_t lost_at;    /* clock_tick() when it has expired unless renewed */
    int64_t told_at;    /* clock_tick() of the last heartbeat */
    bool news;          /* progress that the queue has not been told */
    char stage[STAGE_BYTES_MAX + 1];
    int64_t done, total;
};

struct policy {
    char name[DQ_OPERATION_BYTES_MAX + 1];
    const struct handler *handler; /* NULL: not ours */
    char *const *argv;             /* of the program */
    int64_t timeout;
};

struct pool {
    const struct worker_options *options;
    const char *extractor;
    dq_queue *queue;
    dq_queue_stats *offered; /* owns names in the next */
    const char **operations; /* that it claims, NULL-terminated; NULL = the built-in ones */
    int64_t started;         /* clock_tick() */
    int64_t lease_time;
    atomic_bool stopping;   /* take nothing new */
    atomic_bool killing;    /* end what runs */
    atomic_bool gone;       /* all slots have ended: the heart may stop */
    atomic_uint endings;    /* leases done with: something may have become claimable */
    atomic_int held;        /* leases in hand */
    _Atomic int64_t due_at; /* wall clock, of the next item that becomes due; 0 = none known */
    int wake_fd;            /* eventfd: a slot thread has ended */

    pthread_mutex_t turn; /* one idle slot looks for work; the others wait for their turn */
    dq_pulse seen;        /* under turn */
    int claimed;          /* under turn */

    pthread_mutex_t lock;
    struct slot *slots;
    int slot_count, living;
    struct policy policies[POLICIES_MAX];
    int policy_count;
    int64_t policies_read; /* clock_tick() */
    dq_process_stats stats;
    dq_error failure; /* the first that ended the worker */
};

/* The world may be better later: disk full, busy, unreachable. */
bool is_passing(int code);

/* Ends the worker; the first error is kept. */
void pool_fail(struct pool *pool, const dq_error *error);

/* pool.c: fills in what the pool claims. */
int pool_offer(struct pool *pool, dq_error *error);

/* pool.c: of the operation; read from the queue at most every 30 s. */
struct policy pool_policy(struct pool *pool, const char *operation);

/* slot.c: until there is no more to take. */
void *slot_main(void *slot);

/* heart.c: renews what the slots hold, stops the box of a lost lease. */
void *heart_main(void *pool);

/* lease.c: one idle slot's search for work. false: no more to take. */
bool pool_take(struct pool *pool, dq_lease_list **ret_list);

#endif
