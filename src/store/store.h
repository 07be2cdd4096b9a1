/*
 * The store: durable facts. Each call is one whole business step and returns when the fact is on
 * disk; begin and commit are not in the interface, so an engine may put many callers' steps under
 * one commit. `now` is always a parameter: the store has no clock and no randomness of its own.
 *
 * Replies are put into the caller's arena. Zero rows of a fenced statement is DQ_LEASE_LOST or
 * DQ_CONFLICT, never an SQL error.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/id.h"
#include "core/filter.h"
#include "core/query.h"
#include "store/pack.h"

#include <docq.h>

struct store;

struct store_options {
    const char *worker; /* name of this session */
    int64_t age_step, disk_reserve;
    bool read_only;
};

/* URL as for dq_open, defaults already filled in. */
int store_open(const char *url, const struct store_options *options, struct store **ret_store,
               dq_error *error);
void store_close(struct store **store); /* NULL inside is fine */

const unsigned char *store_secret(const struct store *store); /* 32 bytes; signs lease tokens */
struct pack_store *store_packs(struct store *store);
struct latch *store_latch(struct store *store);

/* ---- writes ---------------------------------------------------------------------------------- */

/* A request that may come twice. */
struct once {
    unsigned char key[32];    /* who asks, and the key they chose */
    unsigned char digest[32]; /* of what they ask */
    bool replayed;            /* answer: it came before; nothing was done, the ids are those */
};

struct new_document {
    struct id id, item_id;
    dq_incoming *incoming; /* finished */
    const char *filename, *content_type, *metadata, *owner, *operation;
    int priority;
    int max_attempts; /* answer */
};
/* `once` may be NULL. */
int store_upload(struct store *store, int64_t now, struct new_document *documents, size_t count,
                 struct once *once, dq_error *error);

struct new_item {
    struct id id, document_id;
    const char *operation;
    int priority;
    int64_t due_at;
    /* answers */
    int max_attempts;
    int code;       /* 0 or why it was refused */
    bool created;   /* false: `id` is now that of the one that waited already */
    dq_error error; /* of the refusal */
    struct id own;  /* the store's: the id that was asked for */
};
int store_enqueue(struct store *store, int64_t now, struct new_item *items, size_t count,
                  struct once *once, dq_error *error);

/* Keys of requests from before that time may come anew. Returns their number. */
int store_forget_keys(struct store *store, int64_t now, int64_t before, dq_error *error);

struct claim {
    const struct id *item; /* exactly this one (DQ_CONFLICT where it cannot be), or NULL */
    const char *const *operations;
    int limit;
    int64_t lease_time;
    const char *worker; /* NULL = this session, which the store then ties to our process */
};
/* Leases without tokens, allocated in `arena`. */
int store_claim(struct store *store, int64_t now, const struct claim *claim, struct arena *arena,
                dq_lease **ret_leases, size_t *ret_count, dq_error *error);

/* What a lease token says. */
struct held {
    struct id item;
    int64_t epoch;
};
int store_heartbeat(struct store *store, int64_t now, const struct held *held,
                    const dq_progress *progress, int64_t *ret_expires_at, dq_error *error);
int store_complete(struct store *store, int64_t now, const struct held *held,
                   const dq_result *result, dq_error *error);
/* ret_codes[i]: 0 or DQ_LEASE_LOST; preset ones below 0 are skipped. Returns the completed. */
int store_complete_many(struct store *store, int64_t now, const struct held *held, size_t count,
                        int *codes, dq_error *error);
int store_fail(struct store *store, int64_t now, const struct held *held, const dq_failure *failure,
               uint64_t random, enum dq_status *ret_status, dq_error *error);
int store_release(struct store *store, int64_t now, const struct held *held, dq_error *error);

int store_cancel(struct store *store, int64_t now, const struct id *item, dq_error *error);
int store_retry(struct store *store, int64_t now, const struct id *item, dq_error *error);

/* One slice of a bulk action below `*cursor`, which moves on; returns the number changed, and sets
 * *ret_more while there may be more. */
int store_bulk(struct store *store, int64_t now, enum dq_bulk action, const struct filter *filter,
               struct id *cursor, bool *ret_more, dq_error *error);
int store_purge(struct store *store, int64_t finished_before, int status, bool with_documents,
                bool *ret_more, dq_error *error);
int store_delete_document(struct store *store, int64_t now, const struct id *document,
                          dq_error *error);

/* Expired leases and those of dead local processes go back; due items become claimable. */
int store_recover(struct store *store, int64_t now, uint64_t random, int64_t *ret_next_due,
                  dq_error *error);

/* Gives back the bytes that no document points at. Returns their number. */
int64_t store_reap_packs(struct store *store);

int store_pause(struct store *store, int64_t paused_at, const char *operation, dq_error *error);
int store_define_operation(struct store *store, const dq_operation *operation, dq_error *error);
int store_token_add(struct store *store, const dq_token *token, dq_error *error);
int store_token_revoke(struct store *store, int64_t now, const char *id, dq_error *error);

/* ---- reads ----------------------------------------------------------------------------------- */

int store_get_item(struct store *store, int64_t now, const struct id *id, bool history,
                   struct arena *arena, dq_item *ret_item, dq_error *error);
int store_get_document(struct store *store, int64_t now, const struct id *id, struct arena *arena,
                       dq_document *ret_document, dq_error *error);
/* Newest first, below an id (NULL = all). ids[count] is the cursor to go on with. */
int store_list(struct store *store, int64_t now, bool documents, const struct filter *filter,
               int limit, const struct id *below, struct arena *arena, struct id **ret_ids,
               size_t *ret_count, bool *ret_more, dq_error *error);
int store_pending(struct store *store, const char *const *operations, int limit,
                  struct arena *arena, struct id **ret_ids, size_t *ret_count, dq_error *error);
int store_stats(struct store *store, int64_t now, struct arena *arena, dq_queue_stats *ret_stats,
                dq_error *error);
int store_workers(struct store *store, struct arena *arena, dq_worker_list *ret_list,
                  dq_error *error);
int store_text(struct store *store, const struct id *document, int first, int last,
               struct arena *arena, dq_text *ret_text, dq_error *error);
/* Reports; see dq_list_problems, dq_get_history, dq_count_purgeable. */
int store_problems(struct store *store, int64_t now, int64_t since, struct arena *arena,
                   dq_problem_list *ret_list, dq_error *error);
int store_history(struct store *store, int64_t now, int step_minutes, int points,
                  struct arena *arena, dq_history *ret_history, dq_error *error);
int64_t store_count_finished(struct store *store, int64_t before, int status, dq_error *error);

/* See dq_list_changes. */
int store_changes(struct store *store, int64_t now, int64_t after, int limit, struct arena *arena,
                  dq_change_list *ret_list, dq_error *error);
int store_tokens(struct store *store, struct arena *arena, dq_token_list *ret_list,
                 dq_error *error);
int store_locate(struct store *store, const struct id *document, struct pack_place *ret_place,
                 dq_error *error);
/* One page of hits, in rank. Stopped with DQ_INVALID when clock_tick() passes `deadline`. */
int store_search(struct store *store, struct query *query, int limit, const char *cursor,
                 int64_t deadline, struct arena *arena, dq_hit_list *ret_list, dq_error *error);
int store_find_prefix(struct store *store, const struct id *low, const struct id *high,
                      struct id *ret_id, dq_error *error);

#endif
