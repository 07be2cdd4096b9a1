/* docq.h: finds the engine that a URL names, and hands every verb to the handle's engine. */
#include "client/client.h"
#include "core/engine.h"
#include "queue/queue.h"

#include <stddef.h>

int dq_open(const char *url, const dq_options *options, dq_queue **ret_queue, dq_error *error)
{
    static const dq_options none = {0};
    options = options ? options : &none;
    return client_speaks(url) ? client_open(url, options, ret_queue, error)
                              : local_open(url, options, ret_queue, error);
}

void dq_close(dq_queue **queue)
{
    if (*queue)
        (*queue)->engine->close(*queue);
    *queue = NULL;
}

int dq_upload_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    return incoming->engine->upload_write(incoming, bytes, length, error);
}

void dq_upload_abort(dq_incoming **incoming)
{
    if (*incoming)
        (*incoming)->engine->upload_abort(*incoming);
    *incoming = NULL;
}

#define VERB(type, name, parameters, arguments)                                                    \
    type dq_##name parameters                                                                      \
    {                                                                                              \
        return queue->engine->name arguments;                                                      \
    }
#include "core/verbs.def"
#undef VERB
