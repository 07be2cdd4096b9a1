/* The HTTP interface: serves /v1 over an open queue until it is told to stop.
 *
 *     struct http_options options = {.queue = queue, .url = url, .listen = "127.0.0.1:0",
 *                                    .limits = http_limits_default()};
 *     options.access.loopback_open = true;
 *     int code = http_serve(&options, &error);
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <docq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every limit of the server, its unit in its name. A request that exceeds one is refused, and the
 * answer names it. */
struct http_limits {
    int connections_max;
    int pool_threads; /* that wait for the queue; at most 1024 */
    size_t request_line_bytes_max;
    size_t header_bytes_max; /* request line and headers together */
    int headers_max;         /* at most HTTP_HEADERS_MAX */
    int64_t upload_bytes_max;
    size_t json_bytes_max;
    size_t result_bytes_max;   /* the JSON of a lease's result */
    size_t pipeline_bytes_max; /* kept while a request is being handled */
    size_t chunk_bytes;        /* of a document, held in memory on its way in or out */
    int multipart_parts_max;
    size_t multipart_header_bytes_max; /* of one part */
    int64_t header_ms;                 /* from its first byte to its last */
    int64_t idle_ms;                   /* between two requests */
    int64_t body_grace_ms;
    int64_t body_bytes_per_second_min; /* on the average, after the grace; 0 = any */
    int64_t body_ms;
    int64_t write_ms;         /* without the client taking a chunk */
    int64_t linger_ms;        /* reading on behind a refusal, so that the client sees it */
    int64_t drain_ms;         /* for requests under way when the server is to stop */
    int64_t wait_seconds_max; /* of `wait_seconds` and `Prefer: wait` */
    int64_t cron_seconds_max; /* of one process-document-queue call */
    int cron_runs_max;        /* at the same time */
};

#define HTTP_HEADERS_MAX 128

struct http_limits http_limits_default(void);

/* Who may come in. As long as the store has no live token, a loopback listener serves the local
 * machine without one if `loopback_open`; everywhere else a token is always needed. */
struct http_access {
    bool loopback_open;
    const char *const *allowed_hosts; /* further values of Host, NULL-terminated; may be NULL */
};

struct http_options {
    dq_queue *queue;
    const char *url;       /* of the same queue, for process-document-queue */
    const char *listen;    /* "127.0.0.1:8080", "[::1]:0"; port 0 = any free one */
    const char *extractor; /* path of docq-extract; NULL = beside the running program */
    struct http_limits limits;
    struct http_access access;
    void (*ready)(void *context, const char *address); /* listening now; may be NULL */
    void *context;
};

/* Serves until http_stop(); one server a process. Returns 0 after a clean drain. DQ_INVALID: the
 * address is not one, or needs a token that does not exist yet; DQ_IO: it cannot be listened on. */
int http_serve(const struct http_options *options, dq_error *error);

/* From any thread or signal handler: no new requests, finish those under way, return. */
void http_stop(void);

#endif
