/* Connections that listen: a news of events is made once and written to each of them. Who reads
 * too slowly is let go; it comes back with the number of the last event it has seen. */
#include "http/route.h"
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

#define BEAT_MS          15000
#define BEHIND_BYTES_MAX ((size_t)1 << 20)
#define SELECT_BYTES_MAX ((size_t)8 << 20)

static const char beat[] = ": beat\n\n";

/* A write under way: of a news that is shared, or of bytes of its own. */
struct sending {
    uv_write_t write;
    struct conn *conn;
    struct news *news;
    struct buf own;
};

static void release_news(struct news *news)
{
    if (news && --news->refs == 0)
        news_free(news);
}

static void sending_free(struct sending *sending)
{
    release_news(sending->news);
    buf_free(&sending->own);
    free(sending);
}

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    if (status < 0)
        conn_close(sending->conn);
    sending_free(sending);
}

/* The news are kept alive until the bytes are out; NULL: they are copied. */
static void send_bytes(struct conn *conn, const char *bytes, size_t length, struct news *news)
{
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    uv_buf_t part = uv_buf_init((char *)bytes, (unsigned)length);
    int sent = 0;
    if (uv_stream_get_write_queue_size(stream) == 0)
        sent = uv_try_write(stream, &part, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    bool broken = sent < 0 && sent != UV_EAGAIN;
    if (broken || uv_stream_get_write_queue_size(stream) + length - done > BEHIND_BYTES_MAX) {
        conn_close(conn);
        return;
    }
    if (done == length)
        return;
    struct sending *sending = calloc(1, sizeof *sending);
    if (!sending)
        bug("out of memory");
    sending->conn = conn;
    sending->news = news;
    sending->own = BUF(SELECT_BYTES_MAX);
    if (news)
        news->refs++;
    else
        buf_append(&sending->own, bytes + done, length - done);
    part = news ? uv_buf_init((char *)bytes + done, (unsigned)(length - done))
                : uv_buf_init(sending->own.bytes, (unsigned)sending->own.length);
    sending->write.data = sending;
    if (uv_write(&sending->write, stream, &part, 1, on_sent) < 0) {
        sending_free(sending);
        conn_close(conn);
    }
}

static void send_batch(struct conn *conn, struct news *news)
{
    struct listener *listener = conn->call->listener;
    if (news->last < listener->after)
        return;
    listener->after = news->last;
    if (!listener->owner[0]) {
        send_bytes(conn, news->text.bytes, news->text.length, news);
        return;
    }
    autobuf own = BUF(SELECT_BYTES_MAX);
    listener_select(listener, news, &own);
    if (own.length > 0)
        send_bytes(conn, own.bytes, own.length, NULL);
}

void stream_fan_out(struct server *server)
{
    struct news *news;
    while ((news = feed_take(server->service.feed))) {
        struct conn *conn, *next;
        news->refs = 1;
        if (news->last > server->told)
            server->told = news->last;
        for (conn = TAILQ_FIRST(&server->listening); conn; conn = next) {
            next = TAILQ_NEXT(conn, wait_link);
            send_batch(conn, news);
        }
        release_news(news);
    }
}

bool stream_join(struct conn *conn)
{
    struct server *server = conn->server;
    struct listener *listener = conn->call->listener;
    if (conn->eof || server->stopping) {
        conn_close(conn);
        return true;
    }
    bool first = TAILQ_EMPTY(&server->listening);
    if (!first && listener->after < server->told)
        return false;
    if (first) {
        server->told = listener->after;
        feed_start(server->service.feed, listener->after);
    }
    conn->state = CONN_STREAM;
    conn->deadline = clock_tick() + BEAT_MS * US_PER_MS;
    TAILQ_INSERT_TAIL(&server->listening, conn, wait_link);
    return true;
}

void stream_leave(struct conn *conn)
{
    struct server *server = conn->server;
    TAILQ_REMOVE(&server->listening, conn, wait_link);
    if (TAILQ_EMPTY(&server->listening))
        feed_pause(server->service.feed);
}

void stream_tick(struct conn *conn, int64_t now)
{
    struct call *call = conn->call;
    if (now < conn->deadline)
        return;
    conn->deadline = now + BEAT_MS * US_PER_MS;
    if (!access_still(call->service->access, &call->head, call->route->scopes))
        conn_close(conn); /* its token has been revoked or has expired */
    else
        send_bytes(conn, beat, sizeof beat - 1, NULL);
}
