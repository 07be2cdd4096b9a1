/* Keeps a number of worker processes alive beside the server: started anew with growing pauses
 * when they die, stopped with SIGTERM. What a dead one held is taken back at once. */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <docq.h>
#include <stdint.h>

#define SUPERVISOR_WORKERS_MAX 64

struct supervisor_options {
    int workers;
    char *const *argv; /* of a worker; stays the caller's until supervisor_stop() */
    int64_t grace;     /* microseconds from SIGTERM to SIGKILL */
    dq_queue *queue;
};

struct supervisor;

int supervisor_start(const struct supervisor_options *options, struct supervisor **ret_supervisor,
                     dq_error *error);
void supervisor_stop(struct supervisor **supervisor); /* waits for the workers; NULL is fine */

#endif
