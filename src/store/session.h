/* Sessions: which process holds a lease, and whether it lives. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "store/engine.h"

enum { SESSIONS_MAX = 256 };

/* Sessions of this host whose process has ended. *ret_count of at most SESSIONS_MAX. */
int find_dead_sessions(struct store *store, struct id *ids, size_t *ret_count, dq_error *error);

/* The session ends in order: its row goes. */
void end_session(struct store *store);

#endif
