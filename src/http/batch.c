/* Small requests that arrive in the same turn of the loop are handled by one pool thread in one
 * step of the store: a thread for each would cost more than the work itself. While as many batches
 * run as may, the next one gathers; alone, a request waits for nobody. */
#include "http/server.h"

#include "base/error.h"

#include <stdlib.h>

#define CALLS_MAX   256
#define BATCHES_MAX 2 /* one is prepared or answered while the other is on its way to the disk */

struct batch {
    uv_work_t work;
    struct server *server;
    size_t count;
    struct conn *conns[CALLS_MAX];
    struct call *calls[CALLS_MAX];
};

void batch_add(struct conn *conn)
{
    TAILQ_INSERT_TAIL(&conn->server->small, conn, wait_link);
}

static void run_batch(uv_work_t *work)
{
    struct batch *batch = work->data;
    dispatch_run_small(batch->calls, batch->count);
}

static void batch_done(uv_work_t *work, int status)
{
    struct batch *batch = work->data;
    struct server *server = batch->server;
    (void)status; /* nothing is ever cancelled */
    server->batches--;
    for (size_t i = 0; i < batch->count; i++)
        conn_step_over(batch->conns[i]);
    free(batch);
    batch_start(server);
}

static void start_one(struct server *server)
{
    struct batch *batch = malloc(sizeof *batch);
    if (!batch)
        bug("out of memory");
    batch->server = server;
    batch->count = 0;
    batch->work.data = batch;
    for (struct conn *conn; batch->count < CALLS_MAX && (conn = TAILQ_FIRST(&server->small));) {
        TAILQ_REMOVE(&server->small, conn, wait_link);
        batch->conns[batch->count] = conn;
        batch->calls[batch->count++] = conn->call;
    }
    server->batches++;
    if (uv_queue_work(&server->loop, &batch->work, run_batch, batch_done) < 0)
        bug("the pool takes no work");
}

void batch_start(struct server *server)
{
    while (!TAILQ_EMPTY(&server->small) && server->batches < BATCHES_MAX)
        start_one(server);
}
