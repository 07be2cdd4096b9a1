/* One request on its way through the server: what came in, what goes out.
 *
 * A call belongs to the event loop, and to exactly one pool thread while a step of it runs there.
 * Handlers see nothing else: no sockets, no loop. */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "base/buf.h"
#include "http/access.h"
#include "http/parser.h"
#include "http/path.h"

#include <jansson.h>

#define REQUEST_ID_SIZE     65
#define TRACE_ID_SIZE       33
#define ANSWER_HEADER_BYTES 8192

struct call;
struct route;
struct upload;
struct cron;
struct feed;
struct listener;

/* 0: call->answer is filled or call->wait set; negative: *error becomes the answer. */
typedef int call_fn(struct call *call, dq_error *error);

/* What every call of one server shares; constant while it serves. */
struct service {
    dq_queue *queue;
    const char *url, *extractor;
    struct http_limits limits;
    struct access *access;
    struct feed *feed;
};

#define ANSWER_OPEN (-2)

/* What a browser may do with the answer, and how long it may be kept. */
enum answer_policy {
    POLICY_DATA, /* nothing at all; never kept */
    POLICY_PAGE, /* our own page: its scripts, styles and calls, from here alone; the handler says
                    how long it may be kept */
};

struct answer {
    int status;        /* 0 = none yet */
    struct buf header; /* lines beyond those that every answer has */
    struct buf body;
    int fd; /* more body behind `body`; -1 = none */
    int64_t fd_offset, fd_left;
    int64_t length; /* Content-Length where the body itself is left out; -1 = body + fd_left;
                       ANSWER_OPEN = the body ends with the connection */
    enum answer_policy policy;
    bool close; /* say so, and do */
};

enum wait_kind {
    WAIT_NOT,
    WAIT_WORK, /* run `again` when something may have become claimable */
    WAIT_POLL, /* run `again` every now and then */
};

struct call {
    const struct service *service;
    const struct route *route;
    struct head head;
    char *head_bytes;
    char *query; /* inside head_bytes */
    char *segments[SEGMENTS_MAX];
    const char *param; /* the {id} or {token} of the pattern */
    const char *number;
    char request_id[REQUEST_ID_SIZE];
    char trace_id[TRACE_ID_SIZE]; /* of `traceparent`, "" = none */
    struct buf body; /* all of it (JSON), or what has come since the last chunk (upload) */
    bool body_overflow;
    json_t *json;              /* the body as JSON, NULL = there was none */
    struct upload *upload;     /* of an upload route */
    struct cron *cron;         /* a run that goes on in a thread of its own */
    struct listener *listener; /* of a stream of events */
    enum wait_kind wait;
    int64_t wait_until; /* clock_tick(); the last run of `again` must answer */
    bool last_try;
    call_fn *again;
    char awaited[DQ_ID_SIZE]; /* document of `Prefer: wait` */
    struct answer answer;
};

struct call *call_new(const struct service *service, const char *head, size_t length);
void call_free(struct call *call); /* NULL is fine; aborts an upload that was not finished */

bool call_is(const struct call *call, const char *method);

/* Adds a header line; one with CR, LF or NUL in it is left out. */
void answer_header(struct answer *answer, const char *name, const char *value);

/* Appends the next `length` bytes of answer->fd to the body. */
int answer_read(struct answer *answer, size_t length, dq_error *error);

int call_empty(struct call *call, int status); /* always 0, so that `return` reads well */
int call_json(struct call *call, int status, json_t *value); /* takes the reference */
int call_text(struct call *call, const char *content_type, const char *text, size_t length);

/* The answer is *error as application/problem+json. `status` 0 = that of the error's row. */
void call_problem(struct call *call, int status, const dq_error *error);

/* Comes back to `again` later, at most `seconds` from the first time on. False: it is too late, or
 * nothing to wait for was asked. */
bool call_wait(struct call *call, enum wait_kind kind, int64_t seconds, call_fn *again);

/* Query parameters. A missing one leaves *value as it is. */
int call_query_number(struct call *call, const char *name, int64_t min, int64_t max, int64_t *value,
                      dq_error *error);

/* The header Idempotency-Key, with whoever asks in front, so that nobody meets another's keys.
 * *ret is `key`, or NULL where there is none. */
#define IDEMPOTENCY_KEY_SIZE (DQ_IDEMPOTENCY_KEY_BYTES_MAX + 1)
int call_idempotency_key(const struct call *call, char key[IDEMPOTENCY_KEY_SIZE], const char **ret,
                         dq_error *error);

/* `Prefer: wait=N`, bounded; 0 = not asked. */
int64_t call_preferred_wait(const struct call *call);

#endif
