/* Inside the SQLite engine: how a step reaches the one writer, and how a read gets a connection. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/db.h"

#include <pthread.h>

/* One step or read. 0 or more is success; a failed step leaves no trace. */
typedef int step_fn(struct store *store, struct db *db, void *arguments, dq_error *error);

/* Runs `step` under a commit shared with whoever else waits. Returns when it is durable. */
int sqlite_write(struct store *store, int64_t now, step_fn *step, void *arguments, dq_error *error);
int sqlite_read(struct store *store, step_fn *read, void *arguments, dq_error *error);

enum { READERS_MAX = 16 };

struct waiting_step;

struct store {
    struct db writer;
    struct latch *latch;
    struct pack_store *packs;
    char *directory, *database; /* NULL, ":memory:" for a store in memory */
    bool read_only;
    unsigned char secret[32];
    char worker[128];
    struct id session;
    int64_t session_started;
    bool session_known; /* its row is there; guarded by the writer */

    pthread_mutex_t mutex; /* guards what follows */
    struct waiting_step *first, **last;
    bool leading; /* somebody commits */
    int broken;   /* an I/O error stopped the store */
    struct db *readers[READERS_MAX];
    int reader_count;
};

#endif
