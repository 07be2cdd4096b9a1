/* What the files of the PostgreSQL engine share. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/engine.h"
#include "store/postgres_db.h"

#include <stdatomic.h>

struct postgres {
    struct db writer;
    char *url;
    _Atomic int64_t down_since; /* clock_tick(), 0 = the database answers */
    _Atomic int64_t tidied_at;  /* clock_tick() */

    /* The messenger: tells other nodes, and listens to them. */
    pthread_t messenger;
    bool has_messenger;
    int wake_fd;
    _Atomic bool stop, tell_work, tell_recall;
};

static inline struct postgres *postgres_of(struct store *store)
{
    return store->own;
}

/* Makes a lost connection anew. Waits a few seconds for the database, once; while it stays away,
 * it tries once and says DQ_BUSY. */
int postgres_revive(struct store *store, struct db *db, dq_error *error);

/* The schema: made or brought up to date, one node at a time. */
int postgres_migrate(struct store *store, struct db *db, dq_error *error);

/* Takes a connection, runs `step` outside of any transaction, and gives it back. The step may run
 * twice. */
int postgres_apart(struct store *store, step_fn *step, void *arguments, dq_error *error);

/* Steps of one kind that wait in the group are run together, and marked as merged. */
int postgres_merge(struct store *store, struct waiting_step *group, dq_error *error);
int postgres_claim(struct store *store, struct db *db, void *arguments, dq_error *error);

/* Folds what the commits of all nodes left behind: counts, rates, names of commits, sessions. */
int postgres_tidy(struct store *store, int64_t now, dq_error *error);

/* Bytes as rows. */
int postgres_bytes_open(struct store *store, struct pack_store **ret_store, dq_error *error);

/* NOTIFY is never part of a step's transaction: it would take a lock of the whole cluster at its
 * commit. It follows it, at most one for a few milliseconds. */
int postgres_messenger_start(struct store *store, dq_error *error);
void postgres_messenger_stop(struct store *store);
void postgres_tell(struct store *store, bool work, bool recall);

#endif
