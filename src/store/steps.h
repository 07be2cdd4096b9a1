/* What the steps share. */
#ifndef STORE_STEPS_H
#define STORE_STEPS_H

#include "store/engine.h"

/* An item as the steps see it. */
struct item_row {
    struct id id, document_id;
    char operation[DQ_OPERATION_BYTES_MAX + 1];
    enum dq_status status;
    int priority, attempts, errors, crashes;
    int64_t epoch, started_at, due_at;
    char worker[128];
};

/* DQ_NOT_FOUND where there is none. */
int load_item(struct db *db, const struct id *id, struct item_row *ret_item, dq_error *error);

/* The policy; DQ_INVALID (field /operation) names the known ones. Strings: `name` only, static. */
int load_operation(struct db *db, const char *name, dq_operation *ret_operation, dq_error *error);

/* 1: ret_id waits for (document, operation); 0: none does. */
int find_waiting(struct db *db, const struct id *document, const char *operation, struct id *ret_id,
                 dq_error *error);

/* "ready", "later" or "blocked" for an item of the document due at `due_at`; static. NULL: error.
 */
const char *gate_for(struct db *db, const struct id *document, int64_t due_at, int64_t now,
                     dq_error *error);

/* The attempt under way ends: its row of the history. `failure` may be NULL. */
int end_attempt(struct db *db, const struct item_row *item, int64_t now, const char *outcome,
                const dq_failure *failure, int64_t peak_memory, dq_error *error);

/* The attempt failed, or crashed: retried by policy and budgets, or failed for good. */
int apply_failure(struct db *db, int64_t now, const struct item_row *item,
                  const dq_failure *failure, const char *outcome_retried, uint64_t random,
                  enum dq_status *ret_status, dq_error *error);

/* The waiting items of a document whose item left in_progress may be claimed again. */
int free_siblings(struct db *db, const struct id *document, int64_t now, dq_error *error);

/* ---- what an engine may do in its own way ---------------------------------------------------- */

struct claim_arguments {
    int64_t now;
    const struct claim *claim;
    struct arena *arena;
    dq_lease *leases;
    size_t count;
};

struct many_arguments {
    int64_t now;
    const struct held *held;
    size_t count;
    int *codes;
};

struct enqueue_arguments {
    int64_t now;
    struct new_item *items;
    size_t count;
    struct once *once; /* or NULL */
};

step_fn complete_many_step, enqueue_step;

/* One item: 0, or why it is refused; see enqueue_step. */
int enqueue_one(struct db *db, int64_t now, struct new_item *item, dq_error *error);

/* The attempt of this epoch ended so: tells a repeated report from a stale one. */
bool ended_with(struct db *db, const struct held *held, const char *outcome);

/* 1: the request came before; *ret_made, the caller's, lists what it made. 0: it is new.
 * DQ_INVALID: the key was another request's. */
int once_find(struct db *db, struct once *once, char **ret_made, dq_error *error);
int once_keep(struct db *db, const struct once *once, int64_t now, const char *made,
              dq_error *error);

/* Our session's row, written with its first claim. */
int know_session(struct store *store, struct db *db, int64_t now, dq_error *error);

#endif
