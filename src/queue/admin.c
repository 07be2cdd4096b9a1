/* Statistics, switches, operations, tokens. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "core/policy.h"
#include "queue/queue.h"

#include <stdio.h>
#include <string.h>

int local_get_queue_stats(dq_queue *queue, dq_queue_stats **ret_stats, dq_error *error)
{
    struct arena *arena;
    dq_queue_stats *stats = reply_new(sizeof *stats, &arena);
    int r = store_stats(store_of(queue), clock_now(), arena, stats, error);
    if (r < 0)
        dq_free(stats);
    else
        *ret_stats = stats;
    return r;
}

int local_list_workers(dq_queue *queue, dq_worker_list **ret_list, dq_error *error)
{
    struct arena *arena;
    dq_worker_list *list = reply_new(sizeof *list, &arena);
    int r = store_workers(store_of(queue), arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r;
}

int local_pause(dq_queue *queue, const char *operation, dq_error *error)
{
    return store_pause(store_of(queue), clock_now(), operation, error);
}

int local_resume(dq_queue *queue, const char *operation, dq_error *error)
{
    return store_pause(store_of(queue), 0, operation, error);
}

int local_define_operation(dq_queue *queue, const dq_operation *operation, dq_error *error)
{
    dq_operation chosen = *operation;
    int r = check_operation_name(operation->name ? operation->name : "", error);
    if (r < 0)
        return r;
    chosen.kind = chosen.kind ? chosen.kind : "remote";
    chosen.max_attempts = chosen.max_attempts ? chosen.max_attempts : 5;
    chosen.backoff_base = chosen.backoff_base ? chosen.backoff_base : 2 * US_PER_S;
    chosen.backoff_factor = chosen.backoff_factor >= 1 ? chosen.backoff_factor : 4;
    chosen.backoff_cap = chosen.backoff_cap ? chosen.backoff_cap : 3600 * US_PER_S;
    chosen.crash_budget = chosen.crash_budget ? chosen.crash_budget : 3;
    chosen.timeout = chosen.timeout ? chosen.timeout : 600 * US_PER_S;
    r = store_define_operation(store_of(queue), &chosen, error);
    return r < 0 ? r : 0;
}

int local_token_new(dq_queue *queue, const char *name, unsigned scopes, int64_t expires_at,
                    char ret_secret[DQ_SECRET_SIZE], dq_error *error)
{
    enum { SECRET_BYTES = 32, ALL_SCOPES = 63 };
    unsigned char id[8], secret[SECRET_BYTES];
    char text[2 * SECRET_BYTES + 1];
    dq_token token = {.name = name ? name : "",
                      .scopes = scopes,
                      .created_at = clock_now(),
                      .expires_at = expires_at};
    if ((scopes & ~(unsigned)DQ_SCOPE_LOGIN) == 0 || (scopes & ~(unsigned)ALL_SCOPES))
        return error_field(error, DQ_INVALID, "/scope",
                           "a token needs one or more of the scopes upload, read, work, operate, "
                           "admin");
    random_bytes(id, sizeof id);
    random_bytes(secret, sizeof secret);
    hex_encode(id, sizeof id, token.id);
    hex_encode(secret, sizeof secret, text);
    digest_of(text, sizeof text - 1, token.digest);
    int r = store_token_add(store_of(queue), &token, error);
    if (r < 0)
        return r;
    snprintf(ret_secret, DQ_SECRET_SIZE, "dq_%s_%s", token.id, text);
    return 0;
}

int local_list_tokens(dq_queue *queue, dq_token_list **ret_list, dq_error *error)
{
    struct arena *arena;
    dq_token_list *list = reply_new(sizeof *list, &arena);
    int r = store_tokens(store_of(queue), arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r;
}

int local_token_revoke(dq_queue *queue, const char *id, dq_error *error)
{
    int r = store_token_revoke(store_of(queue), clock_now(), id, error);
    return r < 0 ? r : 0;
}
