/*
 * The life of a queue item: THE transition table.
 *
 *            enqueue
 *               v        claim                 complete
 *            pending ------------> in_progress ----------> completed
 *             |  ^ ^                 |  |  |
 *      cancel |  | +-----------------+  |  +--------------> failed
 *             |  |  retry_later,        | cancel,  fail       |
 *             |  |  release, lose       | supersede           |
 *             v  |                      v                     |
 *            cancelled <----------------+                     |
 *                |                retry                       |
 *                +----------------> pending <-----------------+
 *
 * `completed` is never reopened. A state exists only because it allows something different. The
 * store moves states by one guarded statement for each row; tests drive every state with every
 * event and compare with this table.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <docq.h>

enum event {
    EVENT_CLAIM,     /* attempts + 1, epoch + 1 */
    EVENT_HEARTBEAT, /* fenced by the epoch, as are all that a holder does */
    EVENT_COMPLETE,
    EVENT_RETRY_LATER, /* failed, retryable, budget left */
    EVENT_FAIL,        /* permanent, or no budget left */
    EVENT_RELEASE,     /* the attempt is not charged */
    EVENT_LOSE,        /* lease expired or worker dead: charged to the crash budget */
    EVENT_SUPERSEDE,   /* would go back to pending, but a newer one waits */
    EVENT_CANCEL,      /* epoch + 1 */
    EVENT_RETRY,       /* by hand: budgets anew, history kept */
    EVENT_MAX
};

struct transition {
    enum dq_status from;
    enum event event;
    enum dq_status to;
};

/* The row for (from, event), or NULL: not allowed, changes nothing. */
const struct transition *transition_find(enum dq_status from, enum event event);
const char *event_name(enum event event);
bool status_is_final(enum dq_status status);

#endif
