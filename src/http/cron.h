/* process_document_queue() asked for over HTTP: each run has a thread of its own, so that it never
 * takes one that the queue's other callers wait for. */
#ifndef HTTP_CRON_H
#define HTTP_CRON_H

#include "http/call.h"

/* Starts a run and makes the call wait for it. DQ_BUSY: too many run already. */
int cron_start(struct call *call, const dq_process_options *options, dq_error *error);

/* The call will not ask any more. NULL is fine. */
void cron_forget(struct cron *cron);

#endif
