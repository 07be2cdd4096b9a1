/* The handle behind docq.h, and what its files share. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/arena.h"
#include "base/id.h"
#include "store/store.h"

struct dq_queue {
    struct store *store;
    int64_t reaped_at; /* clock_tick() of the last look for orphaned bytes; guarded by luck: any
                          number of reapers is safe */
};

extern const char *const builtin_operations[];

/* `text` as an id; DQ_NOT_FOUND otherwise: what is no id names nothing. */
int parse_id(const char *text, const char *what, struct id *ret_id, dq_error *error);

/* A token is hexadecimal: item id, epoch (big-endian), the first 16 bytes of their MAC. */
void token_make(const struct store *store, const struct id *item, int64_t epoch,
                char token[DQ_TOKEN_SIZE]);
int token_read(const struct store *store, const char *token, struct held *ret_held,
               dq_error *error);

const char *sniff_content_type(const char *head, size_t length, const char *filename);

/* The item list for ids, in their order; vanished ones are left out. */
int load_items(dq_queue *queue, const struct id *ids, size_t count, struct arena *arena,
               dq_item_list *list, dq_error *error);

#endif
