/* Failure by policy, and recovery: expired leases, dead processes, due items. */
#include "store/steps.h"

#include "base/error.h"
#include "core/policy.h"
#include "store/session.h"
#include "store/sql.h"

#include <stdio.h>

enum { RECOVER_SLICE = 1000, DUE_SLICE = 1000 };

struct verdict {
    bool again;
    const char *code, *message;
    char text[256];
};

/* Decides between another attempt and the end, by the two budgets. */
static void judge(const dq_operation *policy, const struct item_row *item,
                  const dq_failure *failure, struct verdict *ret_verdict)
{
    *ret_verdict = (struct verdict){.code = failure->code, .message = failure->message};
    if (failure->crash) {
        ret_verdict->again = item->crashes + 1 < policy->crash_budget;
        if (!ret_verdict->again) {
            ret_verdict->code = "quarantined";
            snprintf(
                ret_verdict->text, sizeof ret_verdict->text,
                "%d attempts ended in a crash, the last with %s: %.150s; retry it by hand once "
                "the cause is gone",
                item->crashes + 1, failure->code, failure->message ? failure->message : "");
            ret_verdict->message = ret_verdict->text;
        }
        return;
    }
    ret_verdict->again = failure->retryable && item->errors + 1 < policy->max_attempts;
}

static int go_back(struct db *db, int64_t now, const struct item_row *item,
                   const dq_failure *failure, const struct verdict *verdict, int64_t due_at,
                   enum dq_status *ret_status, dq_error *error)
{
    struct id newer;
    int r = find_waiting(db, &item->document_id, item->operation, &newer, error);
    if (r < 0)
        return r;
    *ret_status = r > 0 ? DQ_CANCELLED : DQ_PENDING;
    struct rows *step = r > 0 ? db_bind(db, SQL_ITEM_SUPERSEDE, "biibti", &item->id, item->epoch,
                                        now, &newer, verdict->code, (int64_t)0)
                              : db_bind(db, SQL_ITEM_RETURN, "biiittii", &item->id, item->epoch,
                                        now, due_at, verdict->code, verdict->message,
                                        (int64_t)!failure->crash, (int64_t)failure->crash);
    return db_run(db, step, error);
}

int apply_failure(struct db *db, int64_t now, const struct item_row *item,
                  const dq_failure *failure, const char *outcome_retried, uint64_t random,
                  enum dq_status *ret_status, dq_error *error)
{
    dq_operation policy;
    struct verdict verdict;
    int r = load_operation(db, item->operation, &policy, error);
    if (r < 0)
        return r;
    judge(&policy, item, failure, &verdict);
    int failures = (failure->crash ? item->crashes : item->errors) + 1;
    int64_t due_at = now + retry_delay(&policy, failures, failure->retry_after, random);
    if (verdict.again)
        r = go_back(db, now, item, failure, &verdict, due_at, ret_status, error);
    else {
        *ret_status = DQ_FAILED;
        r = db_run(db,
                   db_bind(db, SQL_ITEM_FAIL, "biittiii", &item->id, item->epoch, now, verdict.code,
                           verdict.message, (int64_t)failure->retryable, (int64_t)!failure->crash,
                           (int64_t)failure->crash),
                   error);
    }
    const char *outcome = *ret_status == DQ_PENDING     ? outcome_retried
                          : *ret_status == DQ_CANCELLED ? "superseded"
                                                        : "failed";
    if (r >= 0)
        r = end_attempt(db, item, now, outcome, failure, failure->peak_memory, error);
    if (r >= 0)
        r = free_siblings(db, &item->document_id, now, error);
    if (r >= 0)
        db_count(db, &item->id, item->operation, DQ_IN_PROGRESS, (int)*ret_status);
    return r;
}

struct recover_arguments {
    int64_t now;
    uint64_t random;
    const struct id *dead;
    size_t dead_count;
    int64_t next_due;
};

/* Takes back what a list of leases names. Returns their number. */
static int take_back(struct db *db, const struct recover_arguments *arguments, struct rows *rows,
                     const dq_failure *failure, dq_error *error)
{
    struct id ids[RECOVER_SLICE];
    enum dq_status status;
    int count = 0, r;
    while ((r = db_row(db, rows, error)) > 0 && count < RECOVER_SLICE)
        ids[count++] = db_id(rows, 0);
    db_done(rows);
    for (int i = 0; r >= 0 && i < count; i++) {
        struct item_row item;
        r = load_item(db, &ids[i], &item, error);
        if (r >= 0)
            r = apply_failure(db, arguments->now, &item, failure, "lost",
                              arguments->random * (2 * (uint64_t)i + 1), &status, error);
    }
    return r < 0 ? r : count;
}

static int64_t earliest(struct db *db, enum sql name, int64_t sooner)
{
    struct rows *row = db_bind(db, name, "");
    int64_t time = db_row(db, row, NULL) > 0 ? db_int(row, 0) : 0;
    db_done(row);
    return time > 0 && (sooner == 0 || time < sooner) ? time : sooner;
}

static int recover_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    static const dq_failure expired = {.code = "lease_expired",
                                       .message = "the worker did not renew its lease in time",
                                       .retryable = true,
                                       .crash = true};
    static const dq_failure died = {.code = "worker_died",
                                    .message = "the worker's process ended while it held the item",
                                    .retryable = true,
                                    .crash = true};
    struct recover_arguments *arguments = opaque;
    int taken = 0, r = 0;
    (void)store;
    for (size_t i = 0; r >= 0 && i < arguments->dead_count; i++) {
        r = take_back(
            db, arguments,
            db_bind(db, SQL_LEASE_OF_SESSION, "bi", &arguments->dead[i], (int64_t)RECOVER_SLICE),
            &died, error);
        taken += r > 0 ? r : 0;
        if (r >= 0 && r < RECOVER_SLICE)
            r = db_run(db, db_bind(db, SQL_SESSION_DELETE, "b", &arguments->dead[i]), error);
    }
    if (r >= 0)
        r = take_back(db, arguments,
                      db_bind(db, SQL_LEASE_EXPIRED, "ii", arguments->now, (int64_t)RECOVER_SLICE),
                      &expired, error);
    taken += r > 0 ? r : 0;
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_ITEM_DUE_NOW, "ii", arguments->now, (int64_t)DUE_SLICE),
                   error);
    if (r > 0)
        db->step.work = true;
    arguments->next_due = earliest(db, SQL_NEXT_DUE, earliest(db, SQL_NEXT_EXPIRY, 0));
    return r < 0 ? r : taken;
}

static int peek_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct recover_arguments *arguments = opaque;
    (void)store;
    (void)error;
    arguments->next_due = earliest(db, SQL_NEXT_DUE, earliest(db, SQL_NEXT_EXPIRY, 0));
    return 0;
}

int store_recover(struct store *store, int64_t now, uint64_t random, int64_t *ret_next_due,
                  dq_error *error)
{
    struct id dead[SESSIONS_MAX];
    struct recover_arguments arguments = {.now = now, .random = random | 1, .dead = dead};
    int r = find_dead_sessions(store, dead, &arguments.dead_count, error);
    if (r >= 0)
        r = store_read(store, peek_step, &arguments, error);
    bool nothing =
        arguments.dead_count == 0 && (arguments.next_due == 0 || arguments.next_due > now);
    if (r >= 0 && !nothing)
        r = store_write(store, now, recover_step, &arguments, error);
    if (r >= 0 && store->engine->tidy && !store->read_only) {
        int tidied = store->engine->tidy(store, now, error);
        r = tidied < 0 ? tidied : r;
    }
    if (r >= 0 && ret_next_due)
        *ret_next_due = arguments.next_due;
    return r;
}
