/* The engine over a store of this machine, and what its files share. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/arena.h"
#include "base/id.h"
#include "core/engine.h"
#include "store/store.h"

struct local {
    dq_queue handle;
    struct store *store;
    int64_t reaped_at; /* clock_tick() of the last look for orphaned bytes; guarded by luck: any
                          number of reapers is safe */
};

static inline struct local *local_of(dq_queue *queue)
{
    return (struct local *)queue;
}

static inline struct store *store_of(dq_queue *queue)
{
    return local_of(queue)->store;
}

/* Is this the handle of a store, not of a server elsewhere? */
bool is_local(const dq_queue *queue);

/* The slots of the engine. */
int local_open(const char *url, const dq_options *options, dq_queue **ret_queue, dq_error *error);
#define VERB(type, name, parameters, arguments) type local_##name parameters;
#include "core/verbs.def"
#undef VERB
int local_upload_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error);
void local_upload_abort(dq_incoming *incoming);

extern const char *const builtin_operations[];

/* A token is hexadecimal: item id, epoch (big-endian), the first 16 bytes of their MAC. */
void token_make(const struct store *store, const struct id *item, int64_t epoch,
                char token[DQ_TOKEN_SIZE]);
int token_read(const struct store *store, const char *token, struct held *ret_held,
               dq_error *error);

/* Make of a key and the contents what the store knows the request by. */
void once_of_upload(const char *key, const struct new_document *documents, size_t count,
                    struct once *ret_once);
void once_of_items(const char *key, const dq_ask *asks, size_t count, struct once *ret_once);

const char *sniff_content_type(const char *head, size_t length, const char *filename);

/* The item list for ids, in their order; vanished ones are left out. */
int load_items(dq_queue *queue, const struct id *ids, size_t count, struct arena *arena,
               dq_item_list *list, dq_error *error);

#endif
