/* One connection: reads requests one after the other, hands their steps to the pool, writes
 * answers. Functions called from libuv end with advance(), which takes the next request; nothing
 * else calls it, so a pipeline of any length needs no stack. */
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RESUMING_MAX      16 /* looks for work at the same time on behalf of waiting requests */
#define POLL_INTERVAL_MIN (50 * US_PER_MS)
#define POLL_INTERVAL_MAX (400 * US_PER_MS)
#define IN_KEPT_BYTES     4096 /* an idle connection keeps no larger buffer */

static void start_reading(struct conn *conn);

static const struct http_limits *limits_of(const struct conn *conn)
{
    return &conn->server->service.limits;
}

static void set_deadline(struct conn *conn, int64_t ms)
{
    conn->deadline = clock_tick() + ms * US_PER_MS;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void release(struct conn *conn)
{
    struct server *server = conn->server;
    if (!conn->closed || conn->job)
        return;
    TAILQ_REMOVE(&server->conns, conn, link);
    server->conn_count--;
    call_free(conn->call);
    parser_free(conn->parser);
    buf_free(&conn->in);
    buf_free(&conn->out);
    free(conn);
    server_left(server);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    conn->closed = true;
    release(conn);
}

static void leave_waiting(struct conn *conn)
{
    struct server *server = conn->server;
    TAILQ_REMOVE(&server->waiting, conn, wait_link);
    if (conn->call->wait == WAIT_WORK && --server->waiting_for_work == 0)
        waiter_expect(server->waiter, false);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSING)
        return;
    if (conn->state == CONN_WAITING)
        leave_waiting(conn);
    if (conn->state == CONN_STREAM)
        stream_leave(conn);
    conn->state = CONN_CLOSING;
    conn->deadline = 0;
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct conn *conn = request->data;
    if (status < 0)
        conn_close(conn);
}

/* Closing with unread bytes would make the kernel throw the answer away: so say goodbye first and
 * read on for a while. */
static void linger(struct conn *conn)
{
    conn->state = CONN_LINGER;
    buf_free(&conn->in);
    set_deadline(conn, limits_of(conn)->linger_ms);
    conn->shutdown.data = conn;
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown) < 0)
        conn_close(conn);
    else
        start_reading(conn);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* The answer is out. */
static void finish_call(struct conn *conn)
{
    bool unread = !parser_done(conn->parser) || conn->call->answer.close || conn->in.length > 0;
    call_free(conn->call);
    conn->call = NULL;
    buf_clear(&conn->out);
    if (!conn->keep || conn->server->stopping) {
        if (unread && !conn->eof)
            linger(conn);
        else
            conn_close(conn);
        return;
    }
    conn->state = CONN_HEAD;
    conn->scanned = 0;
    set_deadline(conn, conn->in.length ? limits_of(conn)->header_ms : limits_of(conn)->idle_ms);
    if (conn->in.length == 0 && conn->in.capacity > IN_KEPT_BYTES)
        buf_free(&conn->in);
    if (!conn->eof)
        start_reading(conn);
}

static void start_job(struct conn *conn, enum step step);

static void written(struct conn *conn)
{
    struct call *call = conn->call;
    buf_clear(&call->answer.body);
    if (call->listener ? !stream_join(conn) : call->answer.fd_left > 0)
        start_job(conn, call->listener ? STEP_AGAIN : STEP_FILE);
    else if (!call->listener)
        finish_call(conn);
}

static void advance(struct conn *conn);

static void on_written(uv_write_t *request, int status)
{
    struct conn *conn = request->data;
    if (conn->state == CONN_CLOSING)
        return;
    if (status < 0) {
        conn_close(conn);
        return;
    }
    written(conn);
    advance(conn);
}

/* One system call where the socket takes it all. */
static void write_parts(struct conn *conn, uv_buf_t *parts, unsigned count)
{
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    int sent = uv_try_write(stream, parts, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        conn_close(conn);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    while (count > 0 && done >= parts->len) {
        done -= parts->len;
        parts++;
        count--;
    }
    if (count == 0) {
        written(conn);
        return;
    }
    parts->base += done;
    parts->len -= done;
    conn->state = CONN_WRITING;
    set_deadline(conn, limits_of(conn)->write_ms);
    conn->write.data = conn;
    if (uv_write(&conn->write, stream, parts, count, on_written) < 0)
        conn_close(conn);
}

static void write_body_part(struct conn *conn)
{
    struct buf *body = &conn->call->answer.body;
    uv_buf_t part = uv_buf_init(body->bytes, (unsigned)body->length);
    write_parts(conn, &part, 1);
}

static void write_answer(struct conn *conn)
{
    struct call *call = conn->call;
    struct buf *body = &call->answer.body;
    bool bodiless = call->answer.status == 204 || call->answer.status == 304 ||
                    (call->head.method && call_is(call, "HEAD"));
    conn->keep = call->head.keep_alive && !call->answer.close && !conn->server->stopping &&
                 parser_done(conn->parser);
    buf_clear(&conn->out);
    dispatch_answer_head(call, conn->keep, &conn->out);
    dispatch_log(call);
    uv_buf_t parts[2] = {
        uv_buf_init(conn->out.bytes, (unsigned)conn->out.length),
        uv_buf_init(body->bytes, (unsigned)body->length),
    };
    write_parts(conn, parts, bodiless || body->length == 0 ? 1 : 2);
}

/* A request that could not even become a call. */
static void refuse(struct conn *conn, const dq_error *error)
{
    if (!conn->call)
        conn->call = call_new(&conn->server->service, "", 0);
    dispatch_refuse(conn->call, error);
    write_answer(conn);
}

/* ---- steps in the pool --------------------------------------------------------------------- */

static void run_job(uv_work_t *work)
{
    struct conn *conn = work->data;
    dispatch_run(conn->call, conn->step);
}

static void job_done(uv_work_t *work, int status);

static void become_busy(struct conn *conn, enum step step)
{
    conn->state = CONN_BUSY;
    conn->step = step;
    conn->job = true;
    conn->deadline = 0;
    conn->generation = conn->server->generation;
}

static void start_job(struct conn *conn, enum step step)
{
    become_busy(conn, step);
    conn->work.data = conn;
    if (uv_queue_work(&conn->server->loop, &conn->work, run_job, job_done) < 0)
        bug("the pool takes no work");
}

static void suspend(struct conn *conn)
{
    struct server *server = conn->server;
    struct call *call = conn->call;
    if (conn->eof) {
        conn_close(conn);
        return;
    }
    call->last_try = server->stopping;
    if (call->last_try || (call->wait == WAIT_WORK && conn->generation != server->generation)) {
        start_job(conn, STEP_AGAIN);
        return;
    }
    conn->state = CONN_WAITING;
    conn->deadline = call->wait_until;
    conn->poll_interval = conn->poll_interval ? conn->poll_interval * 2 : POLL_INTERVAL_MIN;
    if (conn->poll_interval > POLL_INTERVAL_MAX)
        conn->poll_interval = POLL_INTERVAL_MAX;
    conn->poll_at = clock_tick() + conn->poll_interval;
    TAILQ_INSERT_TAIL(&server->waiting, conn, wait_link);
    if (call->wait == WAIT_WORK && server->waiting_for_work++ == 0)
        waiter_expect(server->waiter, true);
}

static void look_again(struct conn *conn, bool last_try)
{
    leave_waiting(conn);
    conn->call->last_try = last_try;
    start_job(conn, STEP_AGAIN);
}

void conn_resume_waiting(struct server *server)
{
    struct conn *conn, *next;
    for (conn = TAILQ_FIRST(&server->waiting); conn && server->resuming < RESUMING_MAX;
         conn = next) {
        next = TAILQ_NEXT(conn, wait_link);
        if (conn->call->wait != WAIT_WORK || conn->generation == server->generation)
            continue;
        look_again(conn, false);
        conn->resumed = true;
        server->resuming++;
    }
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void take_body(void *context, const char *bytes, size_t length)
{
    struct conn *conn = context;
    struct call *call = conn->call;
    conn->body_received += (int64_t)length;
    if (call_wants_body(call))
        buf_append(&call->body, bytes, length);
}

static void finish_body(struct conn *conn)
{
    if (!dispatch_is_small(conn->call)) {
        start_job(conn, STEP_FINISH);
        return;
    }
    become_busy(conn, STEP_FINISH);
    batch_add(conn);
}

/* Bytes behind the head. Returns how many belonged to this request, -1 where it was refused. */
static ssize_t feed_body(struct conn *conn, const char *bytes, size_t length)
{
    dq_error error = {0};
    struct call *call = conn->call;
    ssize_t used = parser_body(conn->parser, bytes, length, take_body, conn, &error);
    if (used < 0 || dispatch_body_too_large(call, conn->body_received, &error)) {
        refuse(conn, &error);
        return -1;
    }
    if (parser_done(conn->parser)) {
        finish_body(conn);
    } else if (call->body.length >= limits_of(conn)->chunk_bytes && call_is_upload(call)) {
        conn->stopped_at = clock_tick();
        conn->reading = false;
        uv_read_stop((uv_stream_t *)&conn->tcp);
        start_job(conn, STEP_CHUNK);
    }
    return used;
}

/* More of the body is to come; reading may have stopped while a step ran. */
static void go_on_reading(struct conn *conn)
{
    if (conn->eof)
        conn_close(conn);
    else
        start_reading(conn);
}

static void begin_body(struct conn *conn)
{
    static char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (parser_done(conn->parser)) {
        finish_body(conn);
        return;
    }
    conn->state = CONN_BODY;
    conn->body_started = clock_tick();
    conn->body_received = 0;
    conn->deadline = 0;
    if (conn->call->head.expect_continue && conn->in.length == 0) {
        uv_buf_t part = uv_buf_init(interim, sizeof interim - 1);
        if (uv_try_write((uv_stream_t *)&conn->tcp, &part, 1) != (int)part.len)
            conn_close(conn);
    }
    if (conn->state == CONN_BODY && conn->in.length > 0) {
        ssize_t used = feed_body(conn, conn->in.bytes, conn->in.length);
        if (used >= 0)
            buf_consume(&conn->in, (size_t)used);
    }
    if (conn->state == CONN_BODY)
        go_on_reading(conn);
}

static void admit(struct conn *conn)
{
    if (dispatch_admit(conn->call) == ACCESS_STALE)
        start_job(conn, STEP_ACCESS);
    else if (conn->call->answer.status)
        write_answer(conn);
    else
        begin_body(conn);
}

static void chunk_taken(struct conn *conn)
{
    conn->state = CONN_BODY;
    conn->body_started += clock_tick() - conn->stopped_at;
    go_on_reading(conn);
}

static void continue_call(struct conn *conn)
{
    struct call *call = conn->call;
    if (conn->step == STEP_FILE || (conn->step == STEP_AGAIN && call->listener)) {
        if (call->answer.status >= 400 || (conn->step == STEP_FILE && call->answer.close))
            conn_close(conn); /* the length is promised already: break off */
        else
            write_body_part(conn);
    } else if (call->answer.status) {
        write_answer(conn);
    } else if (call->wait != WAIT_NOT) {
        suspend(conn);
    } else if (conn->step == STEP_ACCESS) {
        admit(conn);
    } else {
        chunk_taken(conn);
    }
}

void conn_step_over(struct conn *conn)
{
    struct server *server = conn->server;
    conn->job = false;
    if (conn->resumed) {
        conn->resumed = false;
        server->resuming--;
    }
    if (conn->state == CONN_CLOSING) {
        release(conn);
    } else {
        continue_call(conn);
        advance(conn);
    }
    if (!TAILQ_EMPTY(&server->waiting))
        conn_resume_waiting(server);
}

static void job_done(uv_work_t *work, int status)
{
    (void)status; /* nothing is ever cancelled */
    conn_step_over(work->data);
}

/* ---- heads --------------------------------------------------------------------------------- */

/* Takes one request from conn->in. False: more bytes are needed. */
static bool take_request(struct conn *conn)
{
    dq_error error = {0};
    ssize_t length =
        head_scan(conn->in.bytes, conn->in.length, &conn->scanned, limits_of(conn), &error);
    if (length == 0)
        return false;
    if (length < 0) {
        refuse(conn, &error);
        return true;
    }
    conn->call = call_new(&conn->server->service, conn->in.bytes, (size_t)length);
    buf_consume(&conn->in, (size_t)length);
    conn->scanned = 0;
    conn->poll_interval = 0;
    dispatch_head(conn->call, conn->parser);
    admit(conn);
    return true;
}

static void advance(struct conn *conn)
{
    while (conn->state == CONN_HEAD && conn->in.length > 0)
        if (!take_request(conn))
            break;
    if (conn->state == CONN_HEAD && conn->eof)
        conn_close(conn);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct conn *conn = handle->data;
    (void)suggested;
    *ret = uv_buf_init(conn->server->read_bytes, READ_BYTES);
}

static void on_end(struct conn *conn, bool broken)
{
    conn->eof = true;
    conn->reading = false;
    uv_read_stop((uv_stream_t *)&conn->tcp);
    bool answering = conn->state == CONN_BUSY || conn->state == CONN_WRITING;
    if (broken ? conn->state != CONN_BUSY : !answering)
        conn_close(conn);
}

/* The next request's bytes, while this one is being handled. */
static void keep_for_later(struct conn *conn, const char *bytes, size_t length)
{
    buf_append(&conn->in, bytes, length);
    if (conn->in.length < limits_of(conn)->pipeline_bytes_max)
        return;
    conn->reading = false;
    uv_read_stop((uv_stream_t *)&conn->tcp);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;
    if (length < 0) {
        on_end(conn, length != UV_EOF);
        return;
    }
    size_t count = (size_t)length;
    if (count == 0 || conn->state == CONN_LINGER || conn->state == CONN_CLOSING ||
        conn->state == CONN_STREAM)
        return;
    if (conn->state == CONN_BODY) {
        ssize_t used = feed_body(conn, buffer->base, count);
        if (used >= 0 && used < length)
            keep_for_later(conn, buffer->base + used, count - (size_t)used);
    } else if (conn->state == CONN_HEAD) {
        if (conn->in.length == 0)
            set_deadline(conn, limits_of(conn)->header_ms);
        buf_append(&conn->in, buffer->base, count);
    } else {
        keep_for_later(conn, buffer->base, count);
    }
    advance(conn);
}

static void start_reading(struct conn *conn)
{
    if (conn->reading || conn->state == CONN_CLOSING)
        return;
    conn->reading = true;
    if (uv_read_start((uv_stream_t *)&conn->tcp, lend_buffer, on_read) < 0)
        conn_close(conn);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* Which deadline a body has missed, NULL = none. */
static const char *missed_deadline(const struct conn *conn, int64_t now)
{
    const struct http_limits *limits = limits_of(conn);
    int64_t elapsed = (now - conn->body_started) / US_PER_MS;
    int64_t speed_min = limits->body_bytes_per_second_min;
    if (elapsed > limits->body_ms)
        return "The body did not come within body-ms";
    if (speed_min > 0 && elapsed > limits->body_grace_ms + conn->body_received / speed_min * 1000)
        return "The body came slower than body-bytes-per-second-min";
    return NULL;
}

static void too_slow(struct conn *conn, const char *what)
{
    dq_error error = {0};
    error_set(&error, DQ_SLOW, "%s.", what);
    refuse(conn, &error);
    advance(conn);
}

void conn_tick(struct conn *conn, int64_t now)
{
    bool passed = conn->deadline && now >= conn->deadline;
    const char *missed = conn->state == CONN_BODY ? missed_deadline(conn, now) : NULL;
    if (missed)
        too_slow(conn, missed);
    else if (conn->state == CONN_WAITING && passed)
        look_again(conn, true);
    else if (conn->state == CONN_WAITING && conn->call->wait == WAIT_POLL && now >= conn->poll_at)
        look_again(conn, false);
    else if (passed && conn->state == CONN_HEAD && conn->in.length > 0)
        too_slow(conn, "The header section did not come within header-ms");
    else if (passed && conn->state != CONN_BUSY && conn->state != CONN_WAITING)
        conn_close(conn);
}

void conn_drain(struct conn *conn)
{
    if (conn->state == CONN_STREAM || (conn->state == CONN_HEAD && conn->in.length == 0))
        conn_close(conn);
    else if (conn->state == CONN_WAITING)
        look_again(conn, true);
}

/* ---- the beginning ------------------------------------------------------------------------- */

/* Makes room by closing the connection that has idled longest. */
static void close_idlest(struct server *server)
{
    struct conn *conn, *idlest = NULL;
    TAILQ_FOREACH(conn, &server->conns, link)
    if (conn->state == CONN_HEAD && conn->in.length == 0 &&
        (!idlest || conn->deadline < idlest->deadline))
        idlest = conn;
    if (idlest)
        conn_close(idlest);
}

void conn_accept(struct server *server)
{
    const struct http_limits *limits = &server->service.limits;
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        bug("out of memory");
    bool full = server->conn_count >= limits->connections_max;
    if (full)
        close_idlest(server);
    conn->server = server;
    conn->tcp.data = conn;
    conn->parser = parser_new();
    conn->in = BUF(limits->header_bytes_max + limits->pipeline_bytes_max + 2 * READ_BYTES);
    conn->out = BUF(2 * ANSWER_HEADER_BYTES);
    TAILQ_INSERT_TAIL(&server->conns, conn, link);
    server->conn_count++;
    uv_tcp_init(&server->loop, &conn->tcp);
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&conn->tcp) < 0 ||
        server->conn_count > limits->connections_max + RESUMING_MAX || server->stopping) {
        conn_close(conn);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    set_deadline(conn, limits->header_ms);
    start_reading(conn);
}
