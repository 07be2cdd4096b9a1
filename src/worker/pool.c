/* What the threads of a worker share and ask of each other. */
#include "worker/pool.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES_AGE_MAX (30 * US_PER_S)
#define TIMEOUT_DEFAULT  (120 * US_PER_S)

bool is_passing(int code)
{
    return code == DQ_BUSY || code == DQ_NO_SPACE || code == DQ_UNREACHABLE ||
           code == DQ_TIMED_OUT || code == DQ_NO_MEMORY;
}

void pool_fail(struct pool *pool, const dq_error *error)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->failure.code == 0)
        pool->failure = *error;
    pthread_mutex_unlock(&pool->lock);
    pool->stopping = true;
}

static char *const *program_of(const struct pool *pool, const char *operation)
{
    const struct worker_options *options = pool->options;
    for (size_t i = 0; i < options->program_count; i++)
        if (strcmp(options->programs[i].operation, operation) == 0)
            return options->programs[i].argv;
    return NULL;
}

static bool is_builtin(const dq_queue_stats *stats, const char *operation)
{
    for (size_t i = 0; i < stats->operation_count; i++)
        if (strcmp(stats->operations[i].name, operation) == 0)
            return strcmp(stats->operations[i].kind, "builtin") == 0;
    return false;
}

/* The built-in operations, and those that it has a program for. */
int pool_offer(struct pool *pool, dq_error *error)
{
    const struct worker_options *options = pool->options;
    dq_queue_stats *stats = NULL;
    size_t count = 0;
    if (options->program_count == 0)
        return 0;
    int result = dq_get_queue_stats(pool->queue, &stats, error);
    if (result < 0)
        return result;
    pool->offered = stats;
    pool->operations =
        calloc(stats->operation_count + options->program_count + 1, sizeof *pool->operations);
    if (!pool->operations)
        return error_set(error, DQ_NO_MEMORY, "There is no memory for the list of operations.");
    for (size_t i = 0; i < stats->operation_count; i++)
        if (strcmp(stats->operations[i].kind, "builtin") == 0)
            pool->operations[count++] = stats->operations[i].name;
    for (size_t i = 0; i < options->program_count; i++)
        if (!is_builtin(stats, options->programs[i].operation))
            pool->operations[count++] = options->programs[i].operation;
    return 0;
}

/* A path is a program, a URL a webhook; without either the queue says who does it. */
static const char *kind_of(char *const *argv, const char *kind)
{
    if (!argv)
        return kind;
    return argv[0][0] == '/' ? "program" : "webhook";
}

static const struct policy *find(const struct pool *pool, const char *operation)
{
    for (int i = 0; i < pool->policy_count; i++)
        if (strcmp(pool->policies[i].name, operation) == 0)
            return &pool->policies[i];
    return NULL;
}

static void keep(struct pool *pool, const dq_operation *operation)
{
    if (pool->policy_count == POLICIES_MAX)
        return;
    struct policy *policy = &pool->policies[pool->policy_count++];
    snprintf(policy->name, sizeof policy->name, "%s", operation->name);
    policy->argv = program_of(pool, operation->name);
    policy->handler = handler_find(kind_of(policy->argv, operation->kind));
    policy->timeout = operation->timeout > 0 ? operation->timeout : TIMEOUT_DEFAULT;
}

/* Where the queue cannot tell just now, what it told before still holds. */
static void reread(struct pool *pool)
{
    dq_queue_stats *stats = NULL;
    int result = dq_get_queue_stats(pool->queue, &stats, NULL);
    pthread_mutex_lock(&pool->lock);
    if (result == 0) {
        pool->policy_count = 0;
        for (size_t i = 0; i < stats->operation_count; i++)
            keep(pool, &stats->operations[i]);
    }
    pool->policies_read = clock_tick();
    pthread_mutex_unlock(&pool->lock);
    dq_free(stats);
}

struct policy pool_policy(struct pool *pool, const char *operation)
{
    struct policy policy = {.handler = handler_find("builtin"), .timeout = TIMEOUT_DEFAULT};
    pthread_mutex_lock(&pool->lock);
    bool fresh = pool->policies_read != 0 &&
                 clock_tick() - pool->policies_read < POLICIES_AGE_MAX && find(pool, operation);
    pthread_mutex_unlock(&pool->lock);
    if (!fresh)
        reread(pool);
    pthread_mutex_lock(&pool->lock);
    const struct policy *known = find(pool, operation);
    if (known)
        policy = *known;
    pthread_mutex_unlock(&pool->lock);
    return policy;
}
