/* Opening and closing: the engine is chosen by how the URL begins. */
#include "store/engine.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct store_engine *const engines[] = {&sqlite_engine, &postgres_engine};

static const struct store_engine *find_engine(const char *url)
{
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        for (const char *const *scheme = engines[i]->schemes; *scheme; scheme++)
            if (strncmp(url, *scheme, strlen(*scheme)) == 0)
                return engines[i];
    return NULL;
}

int store_open(const char *url, const struct store_options *options, struct store **ret_store,
               dq_error *error)
{
    const struct store_engine *engine = find_engine(url);
    if (!engine)
        return error_set(error, DQ_INVALID,
                         "\"%.100s\" is no store this build can open; use sqlite:DIRECTORY or "
                         "postgresql://HOST/DATABASE",
                         url);
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    pthread_mutex_init(&store->mutex, NULL);
    store->engine = engine;
    store->last = &store->first;
    store->session = id_new(clock_now());
    store->read_only = options->read_only;
    store->age_step = options->age_step;
    snprintf(store->worker, sizeof store->worker, "%s", options->worker);
    int r = engine->open(store, url, options, error);
    if (r < 0) {
        store_close(&store);
        return r;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store **slot)
{
    struct store *store = *slot;
    if (!store)
        return;
    end_session(store);
    for (int i = 0; i < store->reader_count; i++) {
        store->engine->disconnect(store->readers[i]);
        free(store->readers[i]);
    }
    store->engine->close(store);
    pthread_mutex_destroy(&store->mutex);
    free(store);
    *slot = NULL;
}

const unsigned char *store_secret(const struct store *store)
{
    return store->secret;
}

struct pack_store *store_packs(struct store *store)
{
    return store->packs;
}

struct latch *store_latch(struct store *store)
{
    return store->latch;
}
