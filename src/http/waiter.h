/* One thread for all requests that wait for work, and for the queue's clockwork: expired leases
 * and items that fall due, so that a server without workers keeps its promises too. */
#ifndef HTTP_WAITER_H
#define HTTP_WAITER_H

#include <docq.h>
#include <stdbool.h>

struct waiter;

/* `pulse` is called in that thread whenever something may have become claimable while somebody
 * waits. NULL: no thread could be started. */
struct waiter *waiter_new(dq_queue *queue, void (*pulse)(void *context), void *context);
void waiter_free(struct waiter *waiter); /* ends the thread; NULL is fine */

/* Does anybody wait? Where nobody does, the thread sleeps through every change. */
void waiter_expect(struct waiter *waiter, bool anybody);

#endif
