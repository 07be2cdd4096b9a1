/* The engine over a store: opening, leases, and the verbs of the queue. */
#include "queue/queue.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "core/policy.h"
#include "store/latch.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EPOCH_BYTES = 8, MAC_BYTES = 16 };

const char *const builtin_operations[] = {"process", "reprocess", NULL};

static void local_close(dq_queue *queue)
{
    store_close(&local_of(queue)->store);
    free(queue);
}

static const struct engine local_engine = {
    .close = local_close,
#define VERB(type, name, parameters, arguments) .name = local_##name,
#include "core/verbs.def"
#undef VERB
    .upload_write = local_upload_write,
    .upload_abort = local_upload_abort,
};

bool is_local(const dq_queue *queue)
{
    return queue->engine == &local_engine;
}

int local_open(const char *url, const dq_options *options, dq_queue **ret_queue, dq_error *error)
{
    char host[64] = "localhost", worker[96];
    gethostname(host, sizeof host - 1);
    snprintf(worker, sizeof worker, "%s:%d", host, (int)getpid());
    struct store_options store = {
        .worker = options->worker ? options->worker : worker,
        .age_step = options->age_step ? options->age_step : AGE_STEP_DEFAULT,
        .disk_reserve =
            options->disk_reserve_bytes ? options->disk_reserve_bytes : DISK_RESERVE_DEFAULT,
        .read_only = options->read_only,
    };
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    local->handle.engine = &local_engine;
    int r = store_open(url, &store, &local->store, error);
    if (r < 0) {
        free(local);
        return r;
    }
    *ret_queue = &local->handle;
    return 0;
}

/* ---- lease tokens ---------------------------------------------------------------------------- */

static void sign(const struct store *store, unsigned char bytes[ID_BYTES + EPOCH_BYTES + MAC_BYTES])
{
    unsigned char mac[DIGEST_BYTES];
    digest_mac(store_secret(store), 32, bytes, ID_BYTES + EPOCH_BYTES, mac);
    memcpy(bytes + ID_BYTES + EPOCH_BYTES, mac, MAC_BYTES);
}

void token_make(const struct store *store, const struct id *item, int64_t epoch,
                char token[DQ_TOKEN_SIZE])
{
    unsigned char bytes[ID_BYTES + EPOCH_BYTES + MAC_BYTES];
    memcpy(bytes, item->bytes, ID_BYTES);
    for (int i = 0; i < EPOCH_BYTES; i++)
        bytes[ID_BYTES + i] = (unsigned char)((uint64_t)epoch >> (56 - 8 * i));
    sign(store, bytes);
    hex_encode(bytes, sizeof bytes, token);
}

int token_read(const struct store *store, const char *token, struct held *ret_held, dq_error *error)
{
    unsigned char bytes[ID_BYTES + EPOCH_BYTES + MAC_BYTES], expected[sizeof bytes];
    bool good =
        token && strlen(token) == DQ_TOKEN_SIZE - 1 && hex_decode(token, DQ_TOKEN_SIZE - 1, bytes);
    if (good) {
        memcpy(expected, bytes, sizeof bytes);
        sign(store, expected);
        good = equal_in_constant_time(bytes, expected, sizeof bytes);
    }
    if (!good)
        return error_set(error, DQ_LEASE_LOST, "this is no lease token of this store");
    uint64_t epoch = 0;
    for (int i = 0; i < EPOCH_BYTES; i++)
        epoch = epoch << 8 | bytes[ID_BYTES + i];
    memcpy(ret_held->item.bytes, bytes, ID_BYTES);
    ret_held->epoch = (int64_t)epoch;
    return 0;
}

/* ---- claim ----------------------------------------------------------------------------------- */

static int check_lease_time(int64_t lease_time, dq_error *error)
{
    if (lease_time >= LEASE_TIME_MIN && lease_time <= LEASE_TIME_MAX)
        return 0;
    return error_field(error, DQ_INVALID, "/lease_seconds",
                       "a lease lasts from 0.1 seconds to 24 hours");
}

static void sign_lease(dq_queue *queue, dq_lease *lease)
{
    struct id item;
    id_parse(lease->item.id, &item);
    token_make(store_of(queue), &item, lease->item.epoch, lease->token);
}

static int take(dq_queue *queue, const struct claim *claim, struct arena *arena,
                dq_lease_list *ret_list, dq_error *error)
{
    int r = check_lease_time(claim->lease_time, error);
    if (r >= 0)
        r = store_claim(store_of(queue), clock_now(), claim, arena, &ret_list->leases,
                        &ret_list->count, error);
    for (size_t i = 0; r >= 0 && i < ret_list->count; i++)
        sign_lease(queue, &ret_list->leases[i]);
    return r;
}

int local_mark_in_progress(dq_queue *queue, const char *item_id, int64_t lease_time,
                           dq_lease **ret_lease, dq_error *error)
{
    struct id item;
    struct arena *arena;
    dq_lease_list list;
    struct claim claim = {.item = &item,
                          .lease_time = lease_time ? lease_time : LEASE_TIME_DEFAULT};
    int r = parse_id(item_id, "item", &item, error);
    if (r < 0)
        return r;
    dq_lease *lease = reply_new(sizeof *lease, &arena);
    r = take(queue, &claim, arena, &list, error);
    if (r < 0) {
        dq_free(lease);
        return r;
    }
    *lease = list.leases[0];
    *ret_lease = lease;
    return 0;
}

static int check_claim(const dq_claim_options *options, struct id *ret_item, dq_error *error)
{
    if (options->item_id)
        return parse_id(options->item_id, "item", ret_item, error);
    int r = check_limit(options->limit, DQ_BATCH_MAX, error);
    for (int i = 0; r >= 0 && options->operations && options->operations[i]; i++)
        r = check_operation_name(options->operations[i], error);
    return r;
}

/* A claim names several operations; the detail says which one is at fault. */
static int claim_refused(int code, dq_error *error)
{
    if (error && strcmp(error->field, "/operation") == 0)
        snprintf(error->field, sizeof error->field, "/operations");
    return code;
}

int local_claim(dq_queue *queue, const dq_claim_options *options, dq_lease_list **ret_list,
                dq_error *error)
{
    struct arena *arena;
    struct id item;
    struct claim claim = {
        .item = options->item_id ? &item : NULL,
        .operations = options->operations ? options->operations : builtin_operations,
        .limit = options->limit,
        .lease_time = options->lease_time ? options->lease_time : LEASE_TIME_DEFAULT,
        .worker = options->worker,
    };
    int r = check_claim(options, &item, error);
    if (r < 0)
        return claim_refused(r, error);
    dq_lease_list *list = reply_new(sizeof *list, &arena);
    r = take(queue, &claim, arena, list, error);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r < 0 ? claim_refused(r, error) : 0;
}

/* ---- what a holder does ---------------------------------------------------------------------- */

int local_heartbeat(dq_queue *queue, const char *token, const dq_progress *progress,
                    int64_t *ret_expires_at, dq_error *error)
{
    struct held held;
    int r = token_read(store_of(queue), token, &held, error);
    if (r < 0)
        return r;
    return store_heartbeat(store_of(queue), clock_now(), &held, progress, ret_expires_at, error);
}

int local_mark_completed(dq_queue *queue, const char *token, const dq_result *result,
                         dq_error *error)
{
    struct held held;
    int r = token_read(store_of(queue), token, &held, error);
    if (r >= 0 && result && result->metadata)
        r = check_metadata(result->metadata, error);
    if (r < 0)
        return r;
    return store_complete(store_of(queue), clock_now(), &held, result, error);
}

int local_mark_completed_many(dq_queue *queue, const char *const *tokens, size_t count,
                              int *ret_codes, dq_error *error)
{
    if (count > DQ_BATCH_MAX)
        return error_set(error, DQ_TOO_LARGE, "%zu leases in one call; %d at most", count,
                         DQ_BATCH_MAX);
    struct arena *arena = arena_new();
    struct held *held = arena_alloc(arena, (count + 1) * sizeof *held);
    int *codes = arena_alloc(arena, (count + 1) * sizeof *codes);
    for (size_t i = 0; i < count; i++)
        codes[i] = token_read(store_of(queue), tokens[i], &held[i], error);
    int r = store_complete_many(store_of(queue), clock_now(), held, count, codes, error);
    if (r >= 0 && ret_codes && count > 0)
        memcpy(ret_codes, codes, count * sizeof *codes);
    arena_free(arena);
    return r;
}

int local_mark_failed(dq_queue *queue, const char *token, const dq_failure *failure,
                      enum dq_status *ret_status, dq_error *error)
{
    struct held held;
    uint64_t random;
    int r = token_read(store_of(queue), token, &held, error);
    if (r >= 0)
        r = check_operation_name(failure->code ? failure->code : "", NULL) < 0
                ? error_field(error, DQ_INVALID, "/error/code",
                              "an error code has 1 to 64 of the characters a-z 0-9 _ -")
                : 0;
    if (r < 0)
        return r;
    random_bytes(&random, sizeof random);
    return store_fail(store_of(queue), clock_now(), &held, failure, random, ret_status, error);
}

int local_release(dq_queue *queue, const char *token, dq_error *error)
{
    struct held held;
    int r = token_read(store_of(queue), token, &held, error);
    return r < 0 ? r : store_release(store_of(queue), clock_now(), &held, error);
}

/* ---- waiting and recovery -------------------------------------------------------------------- */

int local_wait(dq_queue *queue, dq_pulse *seen, int64_t timeout)
{
    return latch_wait(store_latch(store_of(queue)), seen, timeout);
}

int local_recover(dq_queue *queue, int64_t *ret_next_due, dq_error *error)
{
    enum { REAP_EVERY_S = 600 };
    uint64_t random;
    int64_t tick = clock_tick();
    random_bytes(&random, sizeof random);
    if (local_of(queue)->reaped_at == 0 ||
        tick - local_of(queue)->reaped_at > REAP_EVERY_S * US_PER_S) {
        local_of(queue)->reaped_at = tick;
        store_reap_packs(store_of(queue));
        store_forget_keys(store_of(queue), clock_now(), clock_now() - DQ_IDEMPOTENCY_TIME, NULL);
    }
    return store_recover(store_of(queue), clock_now(), random, ret_next_due, error);
}
