/* Inside the client: the handle, and what its verbs share. */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include "client/link.h"
#include "client/nouns.h"
#include "core/engine.h"

#define WORKER_NAME_SIZE 129

struct pulse;

struct remote {
    dq_queue handle;
    struct link *link;
    struct pulse *pulse;
    char worker[WORKER_NAME_SIZE]; /* who claims */
};

/* The slots of the engine. */
#define VERB(type, name, parameters, arguments) type remote_##name parameters;
#include "core/verbs.def"
#undef VERB
int remote_upload_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error);
void remote_upload_abort(dq_incoming *incoming);

static inline struct remote *remote_of(dq_queue *queue)
{
    return (struct remote *)queue;
}

static inline struct link *link_of(dq_queue *queue)
{
    return remote_of(queue)->link;
}

static inline void json_drop(json_t **json)
{
    json_decref(*json);
}

#define autojson __attribute__((cleanup(json_drop))) json_t

/* "/v1/items/ID" and what follows; DQ_NOT_FOUND: `id` is none. `what` is "document" or "item". */
#define ID_PATH_SIZE 96
int path_of(const char *what, const char *id, const char *rest, char path[ID_PATH_SIZE],
            dq_error *error);

/* "/v1/leases/TOKEN" and what follows; DQ_LEASE_LOST: it is no token. */
#define LEASE_PATH_SIZE 128
int lease_path_of(const char *token, const char *rest, char path[LEASE_PATH_SIZE], dq_error *error);

/* Asks, and makes one noun of the whole answer: a reply for dq_free(), NULL on failure with the
 * code in *ret_code. */
void *remote_noun(dq_queue *queue, const struct request *request, noun_fn *read, size_t size,
                  int *ret_code, dq_error *error);

/* Lists are {NAME: [...], "next": ...}: fills array, count and next of a list. */
int remote_list(dq_queue *queue, const struct request *request, const char *name, noun_fn *read,
                size_t size, struct arena *arena, void **ret_array, size_t *ret_count,
                const char **ret_next, dq_error *error);

/* A new unlinked file for bytes that are too many for memory; -1 and errno. */
int temporary_file(void);

/* pulse.c: one long poll for all who wait. */
struct pulse *pulse_new(struct link *link);
void pulse_free(struct pulse *pulse);

#endif
