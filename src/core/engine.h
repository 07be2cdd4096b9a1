/* What stands behind a dq_queue: an engine, one slot for each verb of docq.h.
 *
 * The engine's own struct begins with the handle, so that a slot finds its engine's state where its
 * handle is. queue/docq.c is the only caller of the slots. */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <docq.h>

struct engine {
    void (*close)(dq_queue *queue); /* frees the handle */
#define VERB(type, name, parameters, arguments) type(*name) parameters;
#include "core/verbs.def"
#undef VERB
    int (*upload_write)(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error);
    void (*upload_abort)(dq_incoming *incoming); /* frees it */
};

struct dq_queue {
    const struct engine *engine;
};

struct dq_incoming {
    const struct engine *engine;
};

#endif
