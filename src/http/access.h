/* Who may come in: the local machine, or whoever shows a token with the right scope. */
#ifndef HTTP_ACCESS_H
#define HTTP_ACCESS_H

#include "http/http.h"
#include "http/parser.h"

struct access;

/* `port` is the one that is listened on. */
struct access *access_new(dq_queue *queue, const struct http_access *rules, bool loopback,
                          unsigned port);
void access_free(struct access *access); /* NULL is fine */

/* Reads the tokens from the store; blocks. */
int access_refresh(struct access *access, dq_error *error);

/* Does the store hold a token that still lives? */
bool access_has_token(struct access *access);

#define ACCESS_STALE 1 /* call access_refresh() elsewhere, then ask again */

/* May this request be served? `scopes`: any one of them is enough, 0 = open to all (but Host and
 * Origin are looked at). 0, ACCESS_STALE, DQ_UNAUTHORIZED, DQ_FORBIDDEN, DQ_MISDIRECTED. Never
 * blocks. */
int access_check(struct access *access, const struct head *head, unsigned scopes, dq_error *error);

#endif
