/* What is inside a document: its bytes, with ranges and conditions, and what was made of them. */
#include "http/handlers.h"

#include "base/error.h"
#include "core/view.h"
#include "http/disposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETAG_SIZE         68 /* a digest in quotes */
#define RANGE_SIZE        80
#define DISPOSITION_BYTES (4 * DQ_FILENAME_BYTES_MAX)
#define NUMBER_DIGITS_MAX 18
#define FORMAT_SIZE       16

/* What a browser may know about; all else is a stream of bytes to it. */
static const char *const harmless_types[] = {
    "application/pdf", "application/rtf", "application/zip", "application/epub+zip",
    "image/png",       "image/jpeg",      "image/tiff",      "image/webp",
    "message/rfc822",  "text/plain",      "text/csv",        "text/markdown",
};

static const char *download_type(const char *type)
{
    static const char *const office[] = {"application/vnd.openxmlformats-officedocument.",
                                         "application/vnd.oasis.opendocument."};
    for (size_t i = 0; type && i < sizeof harmless_types / sizeof harmless_types[0]; i++)
        if (strcmp(type, harmless_types[i]) == 0)
            return type;
    for (size_t i = 0; type && i < sizeof office / sizeof office[0]; i++)
        if (strncmp(type, office[i], strlen(office[i])) == 0)
            return type;
    return "application/octet-stream";
}

/* Weak ones compare like strong ones. */
bool lists_tag(const char *list, const char *etag)
{
    return list && (strcmp(list, "*") == 0 || strstr(list, etag));
}

static bool take_number(const char **at, int64_t *ret)
{
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > NUMBER_DIGITS_MAX)
        return false;
    *ret = strtoll(*at, NULL, 10);
    *at += digits;
    return true;
}

enum range { RANGE_WHOLE, RANGE_PART, RANGE_NONE };

/* One range of bytes; several, or what is none, mean the whole. */
static enum range read_range(const char *value, int64_t size, int64_t *first, int64_t *last)
{
    int64_t begin = 0, number = 0;
    *first = 0;
    *last = size - 1;
    if (!value || strncmp(value, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    const char *at = value + 6;
    bool from = take_number(&at, &begin);
    if (*at++ != '-')
        return RANGE_WHOLE;
    bool to = take_number(&at, &number);
    if (*at || (!from && !to) || (from && to && number < begin))
        return RANGE_WHOLE;
    if (!from)
        begin = number < size ? size - number : 0;
    else if (to && number < *last)
        *last = number;
    *first = begin;
    return begin < size && (from || number > 0) ? RANGE_PART : RANGE_NONE;
}

static void describe(struct answer *answer, const dq_document *document, const char *etag)
{
    autobuf disposition = BUF(DISPOSITION_BYTES);
    disposition_write(&disposition, document->filename ? document->filename : "document");
    answer_header(answer, "Content-Type", download_type(document->content_type));
    answer_header(answer, "Content-Disposition", disposition.bytes);
    answer_header(answer, "ETag", etag);
    answer_header(answer, "Accept-Ranges", "bytes");
}

/* Opens the bytes and reads the first part of them, so that a small document is one write. */
static int open_part(struct call *call, int64_t first, int64_t last, dq_error *error)
{
    struct answer *answer = &call->answer;
    size_t chunk = call->service->limits.chunk_bytes;
    answer->length = last - first + 1;
    if (call_is(call, "HEAD"))
        return 0;
    int code = dq_open_content(call->service->queue, call->param, &answer->fd, error);
    if (code < 0)
        return code;
    answer->fd_offset = first;
    answer->fd_left = answer->length;
    return answer_read(answer, answer->fd_left < (int64_t)chunk ? (size_t)answer->fd_left : chunk,
                       error);
}

static int not_satisfiable(struct call *call, int64_t size, dq_error *error)
{
    char range[RANGE_SIZE];
    snprintf(range, sizeof range, "bytes */%lld", (long long)size);
    error_set(error, DQ_RANGE, "The document has %lld bytes.", (long long)size);
    call_problem(call, 0, error);
    answer_header(&call->answer, "Content-Range", range);
    return 0;
}

int documents_content(struct call *call, dq_error *error)
{
    autoreply dq_document *document = NULL;
    char etag[ETAG_SIZE], range[RANGE_SIZE];
    int64_t first, last;
    int code = dq_get_document(call->service->queue, call->param, &document, error);
    if (code < 0)
        return code;
    snprintf(etag, sizeof etag, "\"%s\"", document->sha256);
    const char *condition = head_value(&call->head, "if-range");
    const char *wanted = head_value(&call->head, "range");
    if (condition && strcmp(condition, etag) != 0)
        wanted = NULL;
    enum range kind = read_range(wanted, document->size, &first, &last);
    bool known = lists_tag(head_value(&call->head, "if-none-match"), etag);
    if (kind == RANGE_NONE && !known)
        return not_satisfiable(call, document->size, error);
    describe(&call->answer, document, etag);
    if (known)
        return call_empty(call, 304);
    if (kind == RANGE_PART) {
        snprintf(range, sizeof range, "bytes %lld-%lld/%lld", (long long)first, (long long)last,
                 (long long)document->size);
        answer_header(&call->answer, "Content-Range", range);
    }
    code = open_part(call, first, last, error);
    return code < 0 ? code : call_empty(call, kind == RANGE_PART ? 206 : 200);
}

static int answer_pages(struct call *call, const dq_text *text)
{
    for (size_t i = 0; i < text->page_count; i++) {
        if (i > 0)
            buf_puts(&call->answer.body, "\f");
        buf_append(&call->answer.body, text->pages[i].text, text->pages[i].text_bytes);
    }
    return call_text(call, "text/plain; charset=utf-8", "", 0);
}

int documents_text(struct call *call, dq_error *error)
{
    autoreply dq_text *text = NULL;
    int code = dq_get_text(call->service->queue, call->param, 1, 0, &text, error);
    return code < 0 ? code : answer_pages(call, text);
}

/* `format=markdown`, or as plain text. */
static int get_pages(struct call *call, int first, int last, dq_text **ret_text, dq_error *error)
{
    char format[FORMAT_SIZE] = "text";
    dq_queue *queue = call->service->queue;
    int code = query_value(call->query, "format", format, sizeof format, error);
    if (code < 0 && code != QUERY_MISSING)
        return code;
    if (strcmp(format, "markdown") == 0)
        return dq_get_markdown(queue, call->param, first, last, ret_text, error);
    if (strcmp(format, "text") != 0)
        return error_field(error, DQ_INVALID, "format", "`format` is text or markdown.");
    return dq_get_text(queue, call->param, first, last, ret_text, error);
}

/* The same for programs: an array, so that no page's own form feed is in the way. */
int documents_pages(struct call *call, dq_error *error)
{
    autoreply dq_text *text = NULL;
    int64_t first = 1, last = 0;
    int code = call_query_number(call, "first", 1, INT32_MAX, &first, error);
    if (code == 0)
        code = call_query_number(call, "last", 0, INT32_MAX, &last, error);
    if (code == 0)
        code = get_pages(call, (int)first, (int)last, &text, error);
    if (code < 0)
        return code;
    json_t *pages = json_array();
    for (size_t i = 0; i < text->page_count; i++)
        json_array_append_new(
            pages, json_pack("{s:i, s:o}", "number", text->pages[i].number, "text",
                             view_bytes(text->pages[i].text, text->pages[i].text_bytes)));
    return call_json(call, 200, json_pack("{s:o}", "pages", pages));
}

int documents_page(struct call *call, dq_error *error)
{
    autoreply dq_text *text = NULL;
    const char *at = call->number;
    int64_t number = 0;
    if (!take_number(&at, &number) || *at || number < 1 || number > INT32_MAX)
        return error_set(error, DQ_NOT_FOUND, "`%.20s` is not a page.", call->number);
    int code =
        dq_get_text(call->service->queue, call->param, (int)number, (int)number, &text, error);
    if (code < 0)
        return code;
    if (text->page_count == 0)
        return error_set(error, DQ_NOT_FOUND, "The document has no page %d.", (int)number);
    return answer_pages(call, text);
}

int documents_metadata(struct call *call, dq_error *error)
{
    autoreply dq_document *document = NULL;
    int code = dq_get_document(call->service->queue, call->param, &document, error);
    if (code < 0)
        return code;
    if (!document->has_result)
        return error_set(error, DQ_NOT_PROCESSED, "The document is %s.",
                         dq_status_name(document->status));
    json_t *view = view_document(document);
    json_t *result = json_incref(json_object_get(view, "result"));
    json_decref(view);
    return call_json(call, 200, result);
}
