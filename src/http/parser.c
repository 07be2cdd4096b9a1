/* The only file that knows http-parser: heads and bodies of requests. The guards that stand in
 * front of it are guard.c (lines) and chunk.c (chunk framing). */
#include "http/parser.h"

#include "base/error.h"
#include "http/guard.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18 /* fits an int64_t, whatever the digits are */

struct parser {
    struct http_parser inner;
    struct chunk_guard chunk;
    struct head *head; /* while its head is being taken apart */
    bool chunked, complete, overflow;
    int64_t remaining; /* of a body with Content-Length */
    body_fn *take;
    void *context;
};

static int on_url(http_parser *inner, const char *at, size_t length)
{
    struct parser *parser = inner->data;
    parser->head->target = (char *)at; /* http-parser only lends the caller's own bytes back */
    parser->head->target[length] = '\0';
    return 0;
}

static int on_field(http_parser *inner, const char *at, size_t length)
{
    struct parser *parser = inner->data;
    struct head *head = parser->head;
    if (!head)
        return 0; /* a trailer: read and forgotten */
    if (head->header_count == HTTP_HEADERS_MAX)
        return -1;
    ((char *)at)[length] = '\0';
    head->headers[head->header_count++] = (struct header){.name = at, .value = ""};
    return 0;
}

static int on_value(http_parser *inner, const char *at, size_t length)
{
    struct parser *parser = inner->data;
    struct head *head = parser->head;
    if (!head || head->header_count == 0)
        return 0;
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    if (length == 0)
        return 0; /* `at` may be the next line's first byte already */
    ((char *)at)[length] = '\0';
    head->headers[head->header_count - 1].value = at;
    return 0;
}

static int on_body(http_parser *inner, const char *at, size_t length)
{
    struct parser *parser = inner->data;
    parser->take(parser->context, at, length);
    return 0;
}

static int on_complete(http_parser *inner)
{
    struct parser *parser = inner->data;
    parser->complete = true;
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

struct parser *parser_new(void)
{
    struct parser *parser = calloc(1, sizeof *parser);
    if (!parser)
        bug("out of memory");
    return parser;
}

void parser_free(struct parser *parser)
{
    free(parser);
}

bool parser_done(const struct parser *parser)
{
    return parser->complete;
}

const char *head_value(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (strcasecmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    return NULL;
}

/* *ret: the only value of that header, NULL where it is missing. */
static int single(const struct head *head, const char *name, const char **ret, dq_error *error)
{
    *ret = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (strcasecmp(head->headers[i].name, name) != 0)
            continue;
        if (*ret)
            return error_set(error, DQ_MALFORMED, "The header %s stands there twice.", name);
        *ret = head->headers[i].value;
    }
    return 0;
}

static int check_length(struct head *head, dq_error *error)
{
    const char *value;
    int code = single(head, "content-length", &value, error);
    if (code < 0 || !value)
        return code;
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || value[digits] != '\0' || digits > LENGTH_DIGITS_MAX)
        return error_set(error, DQ_MALFORMED, "Content-Length is not a number of bytes.");
    head->has_length = true;
    head->length = strtoll(value, NULL, 10);
    return 0;
}

static int check_coding(struct head *head, dq_error *error)
{
    const char *value;
    int code = single(head, "transfer-encoding", &value, error);
    if (code < 0 || !value)
        return code;
    if (strcmp(value, "chunked") != 0)
        return error_set(error, DQ_MALFORMED, "Transfer-Encoding can only be `chunked`.");
    if (head->minor == 0)
        return error_set(error, DQ_MALFORMED, "HTTP/1.0 has no Transfer-Encoding.");
    if (head->has_length)
        return error_set(error, DQ_MALFORMED,
                         "Content-Length and Transfer-Encoding exclude each other.");
    head->chunked = true;
    return 0;
}

static int check_host(struct head *head, dq_error *error)
{
    const char *value;
    int code = single(head, "host", &value, error);
    if (code < 0)
        return code;
    if (!value && head->minor >= 1)
        return error_set(error, DQ_MALFORMED, "The header Host is missing.");
    head->host = value ? value : "";
    if (value && !guard_host(value))
        return error_set(error, DQ_MALFORMED, "The header Host is not a host name.");
    return 0;
}

static int check_head(struct head *head, dq_error *error)
{
    int code = check_host(head, error);
    if (code == 0)
        code = check_length(head, error);
    if (code == 0)
        code = check_coding(head, error);
    const char *expect = head_value(head, "expect");
    head->expect_continue = expect && strcasecmp(expect, "100-continue") == 0 && head->minor >= 1;
    return code;
}

int parser_head(struct parser *parser, char *bytes, size_t length, struct head *head,
                dq_error *error)
{
    *parser = (struct parser){.head = head};
    *head = (struct head){.minor = guard_minor(bytes, length)};
    http_parser_init(&parser->inner, HTTP_REQUEST);
    parser->inner.data = parser;
    size_t used = http_parser_execute(&parser->inner, &settings, bytes, length);
    enum http_errno problem = HTTP_PARSER_ERRNO(&parser->inner);
    parser->head = NULL;
    if (problem != HPE_OK || used != length)
        return error_set(error, DQ_MALFORMED, "The request cannot be read: %s.",
                         http_errno_description(problem));
    head->method = http_method_str((enum http_method)parser->inner.method);
    head->keep_alive = http_should_keep_alive(&parser->inner) != 0;
    if (!head->target || parser->inner.http_major != 1 || parser->inner.http_minor != head->minor)
        return error_set(error, DQ_MALFORMED, "The request line cannot be read.");
    int code = check_head(head, error);
    if (code < 0)
        return code;
    parser->chunked = head->chunked;
    parser->remaining = head->length;
    if (parser->complete != (!head->chunked && head->length == 0))
        return error_set(error, DQ_MALFORMED, "The length of the request is not certain.");
    return 0;
}

ssize_t parser_body(struct parser *parser, const char *bytes, size_t length, body_fn *take,
                    void *context, dq_error *error)
{
    bool ends;
    if (parser->chunked) {
        ssize_t mine = chunk_scan(&parser->chunk, bytes, length, error);
        if (mine < 0)
            return mine;
        length = (size_t)mine;
        ends = chunk_done(&parser->chunk);
    } else {
        if ((uint64_t)parser->remaining < length)
            length = (size_t)parser->remaining;
        parser->remaining -= (int64_t)length;
        ends = parser->remaining == 0;
    }
    parser->take = take;
    parser->context = context;
    size_t used = http_parser_execute(&parser->inner, &settings, bytes, length);
    if (HTTP_PARSER_ERRNO(&parser->inner) != HPE_OK || used != length || parser->complete != ends)
        return error_set(error, DQ_MALFORMED, "The body of the request cannot be read.");
    return (ssize_t)length;
}
