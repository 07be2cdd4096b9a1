/* Inside the packs: what a place for bytes must be able to do, and a document on its way in. */
#ifndef STORE_PACK_INTERNAL_H
#define STORE_PACK_INTERNAL_H

#include "base/digest.h"
#include "store/pack.h"

/* Where bytes are kept; the calls are documented in pack.h under the names pack_*. */
struct pack_engine {
    int (*room)(struct pack_store *store, int64_t more, dq_error *error); /* DQ_NO_SPACE */
    int (*spill)(dq_incoming *incoming, dq_error *error); /* it is large: takes what is buffered */
    int (*write)(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error);
    int (*finish)(dq_incoming *incoming, dq_error *error); /* of a large one */
    void (*drop)(dq_incoming *incoming);
    int (*place)(struct pack_store *store, struct db *db, dq_incoming *incoming,
                 struct pack_place *ret_place, dq_error *error);
    int (*sync)(struct pack_store *store, dq_error *error);
    int (*open_content)(struct pack_store *store, const struct pack_place *place, int *ret_fd,
                        dq_error *error);
    void (*discard)(struct pack_store *store, const struct pack_place *place);
    int64_t (*reap)(struct pack_store *store, pack_ranges_fn *ranges, void *context);
    void (*close)(struct pack_store *store);
};

/* The first member of each engine's own. */
struct pack_store {
    const struct pack_engine *engine;
    size_t buffer_max; /* bytes; a longer document is large */
};

struct dq_incoming {
    struct pack_store *store;
    struct digest *digest;
    unsigned char sum[DIGEST_BYTES];
    char *buffer; /* the whole document while it is small, else its head */
    size_t buffered;
    int64_t size, size_max;
    bool large, committed;
    char pack[PACK_NAME_SIZE]; /* of a large one */
    int fd;                    /* files: of its own pack, else -1 */
    void *own;                 /* the engine's */
};

#endif
