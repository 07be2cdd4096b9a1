/*
 * What the engines share: how a step reaches the one writer of this process, how a read gets a
 * connection, and the table by which an engine is chosen.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/db.h"

#include <pthread.h>
#include <semaphore.h>

/* One step or read. 0 or more is success; a failed step leaves no trace. An engine may run it
 * again from the start (a lost connection, two nodes in each other's way): it resets its answers.
 */
typedef int step_fn(struct store *store, struct db *db, void *arguments, dq_error *error);

/* Runs `step` under a commit shared with whoever else waits. Returns when it is durable. */
int store_write(struct store *store, int64_t now, step_fn *step, void *arguments, dq_error *error);

/* All that `read` sees is of one moment. */
int store_read(struct store *store, step_fn *read, void *arguments, dq_error *error);

enum { READERS_MAX = 16 };

struct waiting_step {
    struct waiting_step *next;
    step_fn *run;
    void *arguments;
    int64_t now;
    int code;
    bool lead;
    bool merged; /* the engine ran it together with others of its kind */
    dq_error error;
    sem_t wake;
};

struct store_engine {
    const char *const *schemes; /* how its URLs begin; NULL-terminated */

    /* Fills in `own`, packs, latch and secret. store_close() follows a failure, too. */
    int (*open)(struct store *store, const char *url, const struct store_options *options,
                dq_error *error);
    void (*close)(struct store *store);

    /* Runs the steps of the list and commits them together; sets code and error of each. One call
     * at a time. */
    void (*commit)(struct store *store, struct waiting_step *group);

    int (*connect)(struct store *store, struct db *ret_reader, dq_error *error);
    void (*disconnect)(struct db *reader);
    step_fn *claim; /* of the next items, many in one statement; NULL = one by one */

    /* Called with every recovery; NULL = nothing to do. */
    int (*tidy)(struct store *store, int64_t now, dq_error *error);

    int (*read)(struct store *store, struct db *reader, step_fn *read, void *arguments,
                dq_error *error);
};

struct store {
    const struct store_engine *engine;
    void *own; /* the engine's part */
    struct latch *latch;
    struct pack_store *packs;
    bool read_only;
    bool one_connection; /* in memory: reads are steps of the writer */
    unsigned char secret[32];
    char worker[128];
    int64_t age_step;
    struct id session;
    bool session_known; /* its row is there; guarded by the writer */

    pthread_mutex_t mutex; /* guards what follows */
    struct waiting_step *first, **last;
    bool leading; /* somebody commits */
    int broken;   /* an I/O error stopped the store */
    struct db *readers[READERS_MAX];
    int reader_count;
};

/* A connection of the readers' pool; NULL: an error. */
struct db *store_borrow(struct store *store, dq_error *error);
void store_return(struct store *store, struct db *db);

/* For the engines' commit: begins a step's tally anew, or the group's. */
void tally_reset(struct tally *tally);

/* Every step that has not failed by itself fails with the group. */
void fail_group(struct waiting_step *group, int code, const dq_error *error);

extern const struct store_engine sqlite_engine, postgres_engine;

#endif
