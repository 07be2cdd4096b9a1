/* Documents' bytes on their way in, wherever they are kept. */
#include "store/pack_internal.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void pack_store_close(struct pack_store **store)
{
    if (*store)
        (*store)->engine->close(*store);
    *store = NULL;
}

int pack_begin(struct pack_store *store, int64_t size_max, dq_incoming **ret_incoming,
               dq_error *error)
{
    int r = store->engine->room(store, 0, error);
    if (r < 0)
        return r;
    dq_incoming *incoming = calloc(1, sizeof *incoming);
    if (!incoming)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    incoming->store = store;
    incoming->size_max = size_max;
    incoming->fd = -1;
    incoming->digest = digest_new();
    *ret_incoming = incoming;
    return 0;
}

static int grow(dq_incoming *incoming, size_t length, dq_error *error)
{
    size_t need = incoming->buffered + length;
    size_t have = 4096;
    while (have < incoming->buffered)
        have *= 2;
    if (incoming->buffer && need <= have)
        return 0;
    while (have < need)
        have *= 2;
    char *buffer = realloc(incoming->buffer, have);
    if (!buffer)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    incoming->buffer = buffer;
    return 0;
}

int pack_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    struct pack_store *store = incoming->store;
    int r = 0;
    if (length == 0)
        return 0;
    if (incoming->size_max > 0 && incoming->size + (int64_t)length > incoming->size_max)
        return error_set(error, DQ_TOO_LARGE,
                         "the document has more than %lld bytes; upload-bytes-max allows no more",
                         (long long)incoming->size_max);
    digest_update(incoming->digest, bytes, length);
    if (!incoming->large && incoming->buffered + length > store->buffer_max) {
        r = store->engine->spill(incoming, error);
        incoming->large = r >= 0;
    }
    if (r >= 0 && incoming->large)
        r = store->engine->write(incoming, bytes, length, error);
    else if (r >= 0 && (r = grow(incoming, length, error)) >= 0) {
        memcpy(incoming->buffer + incoming->buffered, bytes, length);
        incoming->buffered += length;
    }
    incoming->size += (int64_t)length;
    return r;
}

void pack_abort(dq_incoming **slot)
{
    dq_incoming *incoming = *slot;
    if (!incoming)
        return;
    incoming->store->engine->drop(incoming);
    digest_free(incoming->digest);
    free(incoming->buffer);
    free(incoming);
    *slot = NULL;
}

int pack_finish(dq_incoming *incoming, dq_error *error)
{
    struct pack_store *store = incoming->store;
    if (incoming->digest) {
        digest_final(incoming->digest, incoming->sum);
        digest_free(incoming->digest);
        incoming->digest = NULL;
    }
    return incoming->large ? store->engine->finish(incoming, error)
                           : store->engine->room(store, incoming->size, error);
}

const unsigned char *pack_digest(const dq_incoming *incoming)
{
    return incoming->sum;
}

int64_t pack_size(const dq_incoming *incoming)
{
    return incoming->size;
}

const char *pack_head(const dq_incoming *incoming, size_t *ret_length)
{
    *ret_length = incoming->buffered;
    return incoming->buffer;
}

int pack_place(struct pack_store *store, struct db *db, dq_incoming *incoming,
               struct pack_place *ret_place, dq_error *error)
{
    return store->engine->place(store, db, incoming, ret_place, error);
}

int pack_sync(struct pack_store *store, dq_error *error)
{
    return store->engine->sync(store, error);
}

void pack_forget(dq_incoming *incoming)
{
    incoming->committed = true;
}

int pack_open_content(struct pack_store *store, const struct pack_place *place, int *ret_fd,
                      dq_error *error)
{
    return store->engine->open_content(store, place, ret_fd, error);
}

void pack_discard(struct pack_store *store, const struct pack_place *place)
{
    store->engine->discard(store, place);
}

int64_t pack_reap(struct pack_store *store, pack_ranges_fn *ranges, void *context)
{
    return store->engine->reap(store, ranges, context);
}
