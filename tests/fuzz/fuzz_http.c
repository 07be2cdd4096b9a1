/* Requests: the strict layer in front of http-parser, http-parser itself, and targets. However the
 * bytes are cut, the same requests, and a refusal at the same one. */
#include "base/buf.h"
#include "http/parser.h"
#include "http/path.h"
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES_MAX = 1 << 24, QUERY_SIZE = 64, REQUESTS_MAX = 100 };

enum verdict { OPEN, REFUSED };

struct reader {
    struct parser *parser;
    struct head head;
    char *head_bytes;
    struct buf in, body, log; /* log: of whole requests */
    size_t scanned;
    bool in_body;
    enum verdict verdict;
    int requests;
};

static struct http_limits small_limits(void)
{
    struct http_limits limits = http_limits_default();
    limits.request_line_bytes_max = 100;
    limits.header_bytes_max = 600;
    limits.headers_max = 10;
    return limits;
}

/* Nothing that two readers could understand differently may have come through. */
static void check_head(const struct head *head)
{
    int lengths = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!head->headers[i].name[0] || strpbrk(head->headers[i].name, " \t:\r\n") ||
            strpbrk(head->headers[i].value, "\r\n"))
            abort();
        lengths += strcasecmp(head->headers[i].name, "content-length") == 0 ||
                   strcasecmp(head->headers[i].name, "transfer-encoding") == 0;
    }
    if (lengths > 1 || lengths != (head->chunked || head->has_length) || head->length < 0 ||
        (head->minor != 0 && head->minor != 1) || (head->minor == 1 && !head->host[0]))
        abort();
}

static void log_target(struct reader *reader)
{
    char *path, *query, *segments[SEGMENTS_MAX], value[QUERY_SIZE];
    if (target_split(reader->head.target, reader->head.host, &path, &query, NULL) < 0)
        return;
    int count = path_segments(path, segments, NULL);
    for (int i = 0; i < count && i < SEGMENTS_MAX; i++) {
        if (strcmp(segments[i], "..") == 0 || strpbrk(segments[i], "\r\n"))
            abort();
        buf_printf(&reader->log, "/%s", segments[i]);
    }
    if (query_value(query, "q", value, sizeof value, NULL) >= 0)
        buf_printf(&reader->log, "?%s", value);
}

static void request_over(struct reader *reader)
{
    buf_append(&reader->log, reader->body.bytes, reader->body.length);
    buf_printf(&reader->log, "\n= %zu\n", reader->body.length);
    buf_clear(&reader->body);
    free(reader->head_bytes);
    reader->head_bytes = NULL;
    reader->in_body = false;
    reader->requests++;
}

static void take_body(void *context, const char *bytes, size_t length)
{
    struct reader *reader = context;
    buf_append(&reader->body, bytes, length);
}

static bool take_head(struct reader *reader)
{
    struct http_limits limits = small_limits();
    dq_error error = {0};
    ssize_t length =
        head_scan(reader->in.bytes, reader->in.length, &reader->scanned, &limits, &error);
    if (length < 0)
        reader->verdict = REFUSED;
    if (length <= 0)
        return false;
    reader->head_bytes = malloc((size_t)length + 1);
    memcpy(reader->head_bytes, reader->in.bytes, (size_t)length);
    reader->head_bytes[length] = '\0';
    buf_consume(&reader->in, (size_t)length);
    reader->scanned = 0;
    if (parser_head(reader->parser, reader->head_bytes, (size_t)length, &reader->head, &error) <
        0) {
        reader->verdict = REFUSED;
        return false;
    }
    check_head(&reader->head);
    buf_printf(&reader->log, "%s %d %d %zu ", reader->head.method, reader->head.minor,
               (int)reader->head.keep_alive, reader->head.header_count);
    for (size_t i = 0; i < reader->head.header_count; i++)
        buf_printf(&reader->log, "%s=%s;", reader->head.headers[i].name,
                   reader->head.headers[i].value);
    log_target(reader);
    reader->in_body = true;
    return true;
}

static bool take_rest(struct reader *reader)
{
    if (!parser_done(reader->parser)) {
        if (reader->in.length == 0)
            return false;
        ssize_t used = parser_body(reader->parser, reader->in.bytes, reader->in.length, take_body,
                                   reader, NULL);
        if (used < 0 || (size_t)used > reader->in.length ||
            (used == 0 && !parser_done(reader->parser))) {
            reader->verdict = REFUSED;
            return false;
        }
        buf_consume(&reader->in, (size_t)used);
        if (!parser_done(reader->parser))
            return reader->in.length > 0;
    }
    request_over(reader);
    return true;
}

static void feed(struct reader *reader, const unsigned char *bytes, size_t length)
{
    buf_append(&reader->in, bytes, length);
    while (reader->verdict == OPEN && reader->requests < REQUESTS_MAX)
        if (!(reader->in_body ? take_rest(reader) : reader->in.length > 0 && take_head(reader)))
            break;
}

static struct reader reader_new(void)
{
    return (struct reader){.parser = parser_new(),
                           .in = BUF(LOG_BYTES_MAX),
                           .body = BUF(LOG_BYTES_MAX),
                           .log = BUF(LOG_BYTES_MAX)};
}

static void reader_free(struct reader *reader)
{
    parser_free(reader->parser);
    free(reader->head_bytes);
    buf_free(&reader->in);
    buf_free(&reader->body);
    buf_free(&reader->log);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    if (length == 0)
        return 0;
    struct pieces pieces = pieces_cut(*bytes++);
    length--;
    struct reader whole = reader_new(), cut = reader_new();
    feed(&whole, bytes, length);
    for (size_t at = 0, size; at < length; at += size) {
        size = pieces_next(&pieces, length - at);
        feed(&cut, bytes + at, size);
    }
    if (whole.verdict != cut.verdict || whole.requests != cut.requests ||
        whole.in_body != cut.in_body || whole.log.length != cut.log.length ||
        (whole.log.length && memcmp(whole.log.bytes, cut.log.bytes, whole.log.length) != 0))
        abort();
    reader_free(&whole);
    reader_free(&cut);
    return 0;
}
