/* Sockets and the event loop: server.c holds the loop, conn.c one connection's life, batch.c the
 * small requests that share a step, stream.c those who listen to events. Nothing else knows libuv.
 *
 * Everything here runs on the loop thread. A step that may block runs in one pool thread, which
 * has the call for itself meanwhile; the loop does not touch it until the step is over. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/dispatch.h"
#include "http/feed.h"
#include "http/waiter.h"

#include <sys/queue.h>
#include <uv.h>

#define READ_BYTES 65536

enum conn_state {
    CONN_HEAD, /* between requests, or a head is on its way */
    CONN_BODY,
    CONN_BUSY,    /* a step runs in the pool */
    CONN_WAITING, /* suspended: a long poll */
    CONN_WRITING,
    CONN_STREAM, /* listening to events */
    CONN_LINGER, /* answered, reading on so that the client sees the answer */
    CONN_CLOSING,
};

struct server;

struct conn {
    uv_tcp_t tcp;
    uv_work_t work;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct server *server;
    TAILQ_ENTRY(conn) link, wait_link; /* wait_link: in `waiting`, `small` or `listening` */
    enum conn_state state;
    enum step step;          /* of the job under way */
    bool job, closed;        /* freed when neither a job nor the socket is left */
    bool reading, eof, keep; /* keep: the connection lives on behind this answer */
    bool resumed;            /* the job counts among server->resuming */
    int64_t deadline;        /* clock_tick(), 0 = none */
    int64_t body_started;    /* moved on by the time we did not read */
    int64_t body_received;
    int64_t stopped_at; /* when we stopped reading a body */
    int64_t poll_at, poll_interval;
    uint64_t generation; /* server->generation when the last look for work began */
    struct buf in, out;
    size_t scanned;
    struct parser *parser;
    struct call *call;
};

TAILQ_HEAD(conn_list, conn);

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t tick;
    uv_async_t pulse, news;
    uv_poll_t stop;
    uv_check_t check; /* after each look at the sockets */
    struct service service;
    struct waiter *waiter;
    struct conn_list conns, waiting;
    struct conn_list small; /* to be run together */
    struct conn_list listening;
    int64_t told; /* number of the last change that the listening ones know */
    int batches;
    int conn_count, waiting_for_work, resuming;
    uint64_t generation; /* grows with every pulse of the queue */
    bool stopping;
    int64_t drain_until;
    char read_bytes[READ_BYTES];
};

/* Takes the connection that waits at the listener. */
void conn_accept(struct server *server);

/* Looks at the deadlines. */
void conn_tick(struct conn *conn, int64_t now);

/* The server is stopping: idle ones close, waiting ones answer. */
void conn_drain(struct conn *conn);
void conn_close(struct conn *conn);

/* Lets those who wait for work look again. */
void conn_resume_waiting(struct server *server);

/* The step of this connection's call that ran in the pool is over. */
void conn_step_over(struct conn *conn);

/* Runs STEP_FINISH of this call together with those that come at the same time. */
void batch_add(struct conn *conn);
void batch_start(struct server *server); /* those gathered so far */

/* The answer so far is out. False: the feed is further than the listener; let it catch up first. */
bool stream_join(struct conn *conn);
void stream_leave(struct conn *conn);
void stream_tick(struct conn *conn, int64_t now);
void stream_fan_out(struct server *server);

/* A connection is gone; the last one of a stopping server ends the loop. */
void server_left(struct server *server);

#endif
