/* The event loop: listening, the clock, the end. */
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG          1024
#define TICK_MS          100
#define SPARE_FDS        256 /* beside the connections: store, loop, documents being read */
#define LISTENERS_SHARE  75  /* percent of the connections that may listen to events */
#define ADDRESS_SIZE     80
#define POOL_THREADS_MAX 1024

/* http_stop() may come from a signal handler at any time, before and after a server runs: so the
 * descriptor, once made, is never closed. */
static atomic_int stop_fd = -1;
static atomic_bool stop_wanted;

void http_stop(void)
{
    int saved = errno, fd = atomic_load(&stop_fd);
    uint64_t one = 1;
    atomic_store(&stop_wanted, true);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        errno = saved; /* it is full: the loop will see it anyway */
    errno = saved;
}

static void close_quietly(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_each(uv_handle_t *handle, void *context)
{
    (void)context;
    close_quietly(handle);
}

void server_left(struct server *server)
{
    if (!server->stopping || server->conn_count > 0)
        return;
    close_quietly((uv_handle_t *)&server->tick);
}

static void begin_stop(struct server *server)
{
    struct conn *conn, *next;
    if (server->stopping)
        return;
    server->stopping = true;
    server->drain_until = clock_tick() + server->service.limits.drain_ms * US_PER_MS;
    close_quietly((uv_handle_t *)&server->listener);
    close_quietly((uv_handle_t *)&server->stop);
    for (conn = TAILQ_FIRST(&server->conns); conn; conn = next) {
        next = TAILQ_NEXT(conn, link);
        conn_drain(conn);
    }
    server_left(server);
}

static void on_stop(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    begin_stop(poll->data);
}

static void on_tick(uv_timer_t *timer)
{
    struct server *server = timer->data;
    int64_t now = clock_tick();
    struct conn *conn, *next;
    bool over = server->stopping && now >= server->drain_until;
    for (conn = TAILQ_FIRST(&server->conns); conn; conn = next) {
        next = TAILQ_NEXT(conn, link);
        if (over)
            conn_close(conn);
        else if (conn->state == CONN_STREAM)
            stream_tick(conn, now);
        else
            conn_tick(conn, now);
    }
}

static void on_pulse(uv_async_t *async)
{
    struct server *server = async->data;
    server->generation++;
    conn_resume_waiting(server);
}

static void send_pulse(void *context)
{
    struct server *server = context;
    uv_async_send(&server->pulse);
}

static void on_news(uv_async_t *async)
{
    stream_fan_out(async->data);
}

static void send_news(void *context)
{
    struct server *server = context;
    uv_async_send(&server->news);
}

static void on_check(uv_check_t *check)
{
    batch_start(check->data);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        conn_accept(listener->data);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

/* "127.0.0.1:8080", "[::1]:0", "localhost:80" */
static int parse_address(const char *text, union address *ret, dq_error *error)
{
    char host[ADDRESS_SIZE];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    bool sound = colon && length < sizeof host && end != colon + 1 && *end == '\0' && port >= 0 &&
                 port <= UINT16_MAX;
    if (sound) {
        bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(bracketed ? length - 2 : length),
                 text + bracketed);
        if (strcmp(host, "localhost") == 0)
            snprintf(host, sizeof host, "127.0.0.1");
        sound = bracketed ? uv_ip6_addr(host, (int)port, &ret->v6) == 0
                          : uv_ip4_addr(host, (int)port, &ret->v4) == 0;
    }
    if (sound)
        return 0;
    return error_field(error, DQ_INVALID, "listen",
                       "`%.60s` is not an address with a port, such as 127.0.0.1:8080.", text);
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static unsigned format_address(const union address *address, char out[ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = address->any.sa_family == AF_INET;
    unsigned port = ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port);
    if (v4)
        uv_ip4_name(&address->v4, host, sizeof host);
    else
        uv_ip6_name(&address->v6, host, sizeof host);
    snprintf(out, ADDRESS_SIZE, v4 ? "%s:%u" : "[%s]:%u", host, port);
    return port;
}

static int listen_failed(dq_error *error, const char *address, int why)
{
    return error_field(error, DQ_IO, "listen", "Cannot listen on %.60s: %s.", address,
                       uv_strerror(why));
}

/* Binds and listens; *address gets the port that was chosen. */
static int start_listening(struct server *server, const char *text, union address *address,
                           dq_error *error)
{
    int length = sizeof *address;
    int why = uv_tcp_bind(&server->listener, &address->any, 0);
    if (why == 0)
        why = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (why == 0)
        why = uv_tcp_getsockname(&server->listener, &address->any, &length);
    return why == 0 ? 0 : listen_failed(error, text, why);
}

/* Everybody needs a token elsewhere than on the loopback, so there must be one. */
static int check_tokens(struct server *server, bool loopback, dq_error *error)
{
    int code = access_refresh(server->service.access, error);
    if (code < 0 || loopback || access_has_token(server->service.access))
        return code;
    return error_field(error, DQ_INVALID, "listen",
                       "Only a loopback address can be served without tokens; make one first "
                       "with `docq token new`.");
}

static int make_stop_fd(void)
{
    int fd = atomic_load(&stop_fd);
    if (fd >= 0)
        return fd;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        bug("no event descriptor: %s", strerror(errno));
    atomic_store(&stop_fd, fd);
    return fd;
}

static void raise_fd_limit(int connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* The pool is made at its first use, from this variable. */
static void size_pool(int threads)
{
    char text[16];
    snprintf(text, sizeof text, "%d", threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX);
    setenv("UV_THREADPOOL_SIZE", text, 1);
}

static void server_init(struct server *server, const struct http_options *options)
{
    TAILQ_INIT(&server->conns);
    TAILQ_INIT(&server->waiting);
    TAILQ_INIT(&server->small);
    TAILQ_INIT(&server->listening);
    server->service = (struct service){
        .queue = options->queue,
        .url = options->url,
        .extractor = options->extractor,
        .limits = options->limits,
    };
    if (uv_loop_init(&server->loop) < 0)
        bug("no event loop");
    uv_tcp_init(&server->loop, &server->listener);
    uv_timer_init(&server->loop, &server->tick);
    uv_async_init(&server->loop, &server->pulse, on_pulse);
    uv_unref((uv_handle_t *)&server->pulse); /* open until the waiter has ended */
    uv_async_init(&server->loop, &server->news, on_news);
    uv_unref((uv_handle_t *)&server->news);
    uv_check_init(&server->loop, &server->check);
    uv_unref((uv_handle_t *)&server->check);
    uv_poll_init(&server->loop, &server->stop, make_stop_fd());
    server->listener.data = server->tick.data = server->pulse.data = server;
    server->stop.data = server->check.data = server->news.data = server;
}

static void server_fini(struct server *server)
{
    uint64_t count;
    waiter_free(server->waiter);
    feed_free(server->service.feed);
    uv_walk(&server->loop, close_each, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    access_free(server->service.access);
    if (read(atomic_load(&stop_fd), &count, sizeof count) > 0)
        atomic_store(&stop_wanted, false);
    free(server);
}

static int serve(struct server *server, const struct http_options *options, union address *address,
                 dq_error *error)
{
    char text[ADDRESS_SIZE];
    int code = start_listening(server, options->listen, address, error);
    if (code < 0)
        return code;
    bool loopback = is_loopback(address);
    unsigned port = format_address(address, text);
    server->service.access = access_new(options->queue, &options->access, loopback, port);
    code = check_tokens(server, loopback, error);
    if (code < 0)
        return code;
    server->waiter = waiter_new(options->queue, send_pulse, server);
    server->service.feed =
        feed_new(options->queue, server->service.access,
                 options->limits.connections_max * LISTENERS_SHARE / 100, send_news, server);
    if (!server->waiter || !server->service.feed)
        return error_set(error, DQ_NO_MEMORY, "No thread can be started.");
    uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
    uv_check_start(&server->check, on_check);
    uv_poll_start(&server->stop, UV_READABLE, on_stop);
    if (options->ready)
        options->ready(options->context, text);
    if (atomic_load(&stop_wanted))
        begin_stop(server);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    return 0;
}

int http_serve(const struct http_options *options, dq_error *error)
{
    union address address = {0};
    int code = parse_address(options->listen, &address, error);
    if (code < 0)
        return code;
    size_pool(options->limits.pool_threads);
    raise_fd_limit(options->limits.connections_max);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        bug("out of memory");
    server_init(server, options);
    code = serve(server, options, &address, error);
    server_fini(server);
    sigaction(SIGPIPE, &before, NULL);
    return code;
}
