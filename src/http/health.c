/* Health and numbers for machines. */
#include "http/handlers.h"

#include "base/clock.h"
#include "base/error.h"

#define TEXT "text/plain; charset=utf-8"

int health_live(struct call *call, dq_error *error)
{
    (void)error;
    return call_text(call, TEXT, "ok\n", 3);
}

/* Ready means that the store answers a real read. */
int health_ready(struct call *call, dq_error *error)
{
    autoreply dq_queue_stats *stats = NULL;
    int code = dq_get_queue_stats(call->service->queue, &stats, error);
    if (code == 0)
        return call_text(call, TEXT, "ready\n", 6);
    call_problem(call, 503, error);
    return 0;
}

int health_metrics(struct call *call, dq_error *error)
{
    autoreply dq_queue_stats *stats = NULL;
    struct buf *out = &call->answer.body;
    int code = dq_get_queue_stats(call->service->queue, &stats, error);
    if (code < 0)
        return code;
    buf_puts(out, "# HELP docq_items Queue items by operation and status.\n"
                  "# TYPE docq_items gauge\n");
    for (size_t i = 0; i < stats->operation_count; i++)
        for (int status = 0; status < DQ_STATUS_MAX; status++)
            buf_printf(out, "docq_items{operation=\"%s\",status=\"%s\"} %lld\n",
                       stats->operations[i].name, dq_status_name((enum dq_status)status),
                       (long long)stats->operations[i].counts[status]);
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"docq_documents", "Documents stored.", (double)stats->documents},
        {"docq_items_due", "Items that could be claimed now.", (double)stats->due},
        {"docq_oldest_due_seconds", "How long the oldest due item has waited.",
         (double)stats->oldest_due_age / (double)US_PER_S},
        {"docq_workers", "Live sessions that have claimed.", (double)stats->workers},
        {"docq_paused", "1 while the whole queue is paused.", stats->paused_at ? 1 : 0},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", gauges[i].name, gauges[i].help,
                   gauges[i].name, gauges[i].name, gauges[i].value);
    return call_text(call, "text/plain; version=0.0.4; charset=utf-8", "", 0);
}
