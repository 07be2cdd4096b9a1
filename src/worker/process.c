/* dq_process_document_queue(): a worker that ends when nothing is due. */
#include "worker/worker.h"

DQ_API int dq_process_document_queue(const char *url, const dq_process_options *options,
                                     dq_process_stats *ret_stats, dq_error *error)
{
    struct worker_options worker = {.url = url, .drain = true};
    if (options) {
        worker.token = options->token;
        worker.limit = options->limit;
        worker.time_max = options->time_max;
        worker.extractor = options->extractor;
        worker.concurrency = options->concurrency;
    }
    return worker_run(&worker, ret_stats, error);
}
