/*
 * The latch: a small mapped file beside the database, shared by all processes that have it open.
 * It orders the writers (a robust process-shared mutex: with SQLite's busy time-out alone one side
 * starves) and carries the pulse that wakes whoever waits for work.
 */
#ifndef STORE_LATCH_H
#define STORE_LATCH_H

#include <docq.h>

struct latch;

/* path NULL: a latch of this process alone (in-memory stores). */
int latch_open(const char *path, struct latch **ret_latch, dq_error *error);
void latch_close(struct latch **latch); /* NULL inside is fine */

/* A holder that died is forgiven: SQLite undoes what it had not committed. */
void latch_lock(struct latch *latch);
void latch_unlock(struct latch *latch);

/* Counts up and wakes the waiters of every process. */
void latch_pulse(struct latch *latch, bool work, bool recall);

/* The same for those who watch what happens to items; see dq_watch(). */
void latch_changed(struct latch *latch);
int latch_watch(struct latch *latch, uint32_t *seen, int64_t timeout);

/* See dq_wait(). */
int latch_wait(struct latch *latch, dq_pulse *seen, int64_t timeout);

#endif
