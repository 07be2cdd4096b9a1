/*
 * One writer and many readers in each process, whatever the engine.
 *
 * Group commit by leader and followers: a caller puts its step into the queue; who finds nobody
 * committing becomes the leader, takes all that wait, and has the engine run and commit them
 * together. What arrives meanwhile waits for the next leader: no delay is added to wait for
 * company.
 */
#include "store/engine.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

enum { GROUP_STEPS_MAX = 1024 };

void tally_reset(struct tally *tally)
{
    tally->count = 0;
    tally->documents = tally->enqueued = tally->completed = tally->failed = 0;
    tally->work = tally->recall = false;
}

void fail_group(struct waiting_step *group, int code, const dq_error *error)
{
    for (struct waiting_step *step = group; step; step = step->next)
        if (step->code >= 0) {
            step->code = code;
            step->error = *error;
        }
}

/* Detaches up to GROUP_STEPS_MAX steps. The mutex is held. */
static struct waiting_step *take_group(struct store *store)
{
    struct waiting_step *group = store->first, *tail = group;
    for (int i = 1; i < GROUP_STEPS_MAX && tail->next; i++)
        tail = tail->next;
    store->first = tail->next;
    if (!store->first)
        store->last = &store->first;
    tail->next = NULL;
    return group;
}

static void lead(struct store *store, struct waiting_step *self)
{
    struct waiting_step *group = take_group(store);
    pthread_mutex_unlock(&store->mutex);
    store->engine->commit(store, group);
    pthread_mutex_lock(&store->mutex);
    struct waiting_step *next = store->first;
    if (next)
        next->lead = true;
    else
        store->leading = false;
    pthread_mutex_unlock(&store->mutex);
    if (next)
        sem_post(&next->wake);
    for (struct waiting_step *step = group, *after; step; step = after) {
        after = step->next;
        if (step != self)
            sem_post(&step->wake); /* its frame may be gone from here on */
    }
}

int store_write(struct store *store, int64_t now, step_fn *run, void *arguments, dq_error *error)
{
    struct waiting_step step = {.run = run, .arguments = arguments, .now = now};
    if (store->broken)
        return error_set(error, DQ_IO,
                         "the disk failed earlier and the store has stopped; check the disk, then "
                         "restart");
    if (store->read_only)
        return error_set(error, DQ_INVALID, "the store was opened read-only");
    sem_init(&step.wake, 0, 0);
    pthread_mutex_lock(&store->mutex);
    *store->last = &step;
    store->last = &step.next;
    bool follow = store->leading;
    store->leading = true;
    if (follow) {
        pthread_mutex_unlock(&store->mutex);
        while (sem_wait(&step.wake) < 0 && errno == EINTR)
            ;
        if (step.lead)
            pthread_mutex_lock(&store->mutex);
    }
    if (!follow || step.lead)
        lead(store, &step);
    sem_destroy(&step.wake);
    if (step.code < 0 && error)
        *error = step.error;
    return step.code;
}

static void drop_reader(struct store *store, struct db *db)
{
    if (!db)
        return;
    store->engine->disconnect(db);
    free(db);
}

struct db *store_borrow(struct store *store, dq_error *error)
{
    struct db *db = NULL;
    pthread_mutex_lock(&store->mutex);
    if (store->reader_count > 0)
        db = store->readers[--store->reader_count];
    pthread_mutex_unlock(&store->mutex);
    if (db)
        return db;
    db = calloc(1, sizeof *db);
    if (!db) {
        error_set(error, DQ_NO_MEMORY, "out of memory");
        return NULL;
    }
    if (store->engine->connect(store, db, error) < 0) {
        drop_reader(store, db);
        return NULL;
    }
    db->packs = store->packs;
    db->age_step = store->age_step;
    return db;
}

void store_return(struct store *store, struct db *db)
{
    pthread_mutex_lock(&store->mutex);
    bool keep = store->reader_count < READERS_MAX;
    if (keep)
        store->readers[store->reader_count++] = db;
    pthread_mutex_unlock(&store->mutex);
    if (!keep)
        drop_reader(store, db);
}

int store_read(struct store *store, step_fn *read, void *arguments, dq_error *error)
{
    dq_error ignored;
    dq_error *why = error ? error : &ignored;
    if (store->one_connection)
        return store_write(store, 0, read, arguments, error);
    struct db *db = store_borrow(store, why);
    if (!db)
        return why->code;
    int r = store->engine->read(store, db, read, arguments, error);
    store_return(store, db);
    return r;
}
