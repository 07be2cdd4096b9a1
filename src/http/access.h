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

/* The public part of the token that the request shows, "" where it shows none. */
#define ACCESS_ID_SIZE 17
void access_id(const struct head *head, char id[ACCESS_ID_SIZE]);
/* The same by the tokens as they were last read, for a request that goes on and on. */
bool access_still(struct access *access, const struct head *head, unsigned scopes);

#define SESSION_COOKIE "docq_session"

struct visitor {
    unsigned scopes; /* 0 = nobody */
    bool local;      /* the local machine, without a token */
    bool link;       /* of a login link, which is to be exchanged for a session */
    char id[17];     /* of the token, "" = none */
    char name[32];
};

/* Who sends this request, by the tokens as they were last read. */
void access_visitor(struct access *access, const struct head *head, struct visitor *ret_visitor);

/* Whose token or login link is this? DQ_UNAUTHORIZED; DQ_BUSY: too many wrong ones of late. */
int access_login(struct access *access, const char *token, struct visitor *ret_visitor,
                 dq_error *error);

/* DQ_FORBIDDEN where a browser says that a page of somebody else sends this. */
int access_same_origin(const struct head *head, dq_error *error);

#endif
