/* Documents of a server: look, read, remove. */
#include "base/error.h"
#include "base/fd.h"
#include "client/remote.h"
#include "core/policy.h"

#include <fcntl.h>
#include <stdio.h>

int remote_get_document(dq_queue *queue, const char *id, dq_document **ret_document,
                        dq_error *error)
{
    char path[ID_PATH_SIZE];
    struct request request = {.path = path, .repeatable = true};
    int code = path_of("document", id, "", path, error);
    if (code < 0)
        return code;
    dq_document *document =
        remote_noun(queue, &request, noun_document, sizeof *document, &code, error);
    if (document)
        *ret_document = document;
    return code;
}

int remote_list_documents(dq_queue *queue, const char *filter, int limit, const char *cursor,
                          dq_document_list **ret_list, dq_error *error)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    struct arena *arena;
    void *documents = NULL;
    int code = check_limit(limit, DQ_LIST_MAX, error);
    if (code < 0)
        return code;
    buf_puts(&path, "/v1/documents");
    path_add_number(&path, "limit", limit);
    path_add(&path, "q", filter);
    path_add(&path, "cursor", cursor);
    struct request request = {.path = path.bytes, .repeatable = true};
    dq_document_list *list = reply_new(sizeof *list, &arena);
    code = remote_list(queue, &request, "documents", noun_document, sizeof *list->documents, arena,
                       &documents, &list->count, &list->next, error);
    list->documents = documents;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}

int remote_reprocess_document(dq_queue *queue, const char *document_id, const char *operation,
                              int priority, dq_document **ret_document, dq_error *error)
{
    char path[ID_PATH_SIZE];
    int code = path_of("document", document_id, "/reprocess", path, error);
    if (code < 0)
        return code;
    autojson *body = json_pack("{s:s*, s:i}", "operation", operation, "priority", priority);
    struct request request = {.path = path, .body = body};
    dq_document *document =
        remote_noun(queue, &request, noun_document, sizeof *document, &code, error);
    if (document && ret_document)
        *ret_document = document;
    else
        dq_free(document);
    return code;
}

int remote_delete_document(dq_queue *queue, const char *document_id, dq_error *error)
{
    char path[ID_PATH_SIZE];
    struct request request = {.method = "DELETE", .path = path};
    int code = path_of("document", document_id, "", path, error);
    return code < 0 ? code : link_send(link_of(queue), &request, NULL, error);
}

/* The bytes come into a file without a name; the caller gets a second descriptor that only reads.
 */
int remote_open_content(dq_queue *queue, const char *document_id, int *ret_fd, dq_error *error)
{
    char path[ID_PATH_SIZE], self[40];
    autoclose sink = -1;
    struct request request = {
        .path = path, .sink = &sink, .time_max = LONG_TIME_MAX, .repeatable = true};
    int code = path_of("document", document_id, "/content", path, error);
    if (code < 0)
        return code;
    sink = temporary_file();
    if (sink < 0)
        return error_errno(error, "cannot make a temporary file");
    code = link_send(link_of(queue), &request, NULL, error);
    if (code < 0)
        return code;
    snprintf(self, sizeof self, "/proc/self/fd/%d", sink);
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(error, "cannot open the temporary file once more");
    *ret_fd = fd;
    return 0;
}

static int get_pages(dq_queue *queue, const char *document_id, const char *format, int first,
                     int last, dq_text **ret_text, dq_error *error)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    char start[ID_PATH_SIZE];
    struct arena *arena;
    void *pages = NULL;
    int code = path_of("document", document_id, "/pages", start, error);
    if (code < 0)
        return code;
    buf_puts(&path, start);
    path_add_number(&path, "first", first > 1 ? first : 1);
    path_add_number(&path, "last", last > 0 ? last : 0);
    path_add(&path, "format", format);
    struct request request = {.path = path.bytes, .time_max = LONG_TIME_MAX, .repeatable = true};
    dq_text *text = reply_new(sizeof *text, &arena);
    code = remote_list(queue, &request, "pages", noun_page, sizeof *text->pages, arena, &pages,
                       &text->page_count, NULL, error);
    text->pages = pages;
    if (code < 0)
        dq_free(text);
    else
        *ret_text = text;
    return code;
}

int remote_get_text(dq_queue *queue, const char *document_id, int first, int last,
                    dq_text **ret_text, dq_error *error)
{
    return get_pages(queue, document_id, NULL, first, last, ret_text, error);
}

int remote_get_markdown(dq_queue *queue, const char *document_id, int first, int last,
                        dq_text **ret_text, dq_error *error)
{
    return get_pages(queue, document_id, "markdown", first, last, ret_text, error);
}

int remote_get_thumbnail(dq_queue *queue, const char *document_id, dq_thumbnail **ret_thumbnail,
                         dq_error *error)
{
    char path[ID_PATH_SIZE];
    autobuf bytes = BUF(DQ_THUMBNAIL_BYTES_MAX);
    struct arena *arena;
    struct request request = {.path = path, .repeatable = true};
    int code = path_of("document", document_id, "/thumbnail", path, error);
    if (code == 0)
        code = link_send(link_of(queue), &request, &bytes, error);
    if (code < 0)
        return code;
    dq_thumbnail *thumbnail = reply_new(sizeof *thumbnail, &arena);
    thumbnail->bytes = arena_strndup(arena, bytes.length ? bytes.bytes : "", bytes.length);
    thumbnail->length = bytes.length;
    *ret_thumbnail = thumbnail;
    return 0;
}

int remote_resolve_id(dq_queue *queue, const char *prefix, char ret_id[DQ_ID_SIZE], dq_error *error)
{
    autobuf path = BUF(PATH_BYTES_MAX);
    autojson *answer = NULL;
    buf_puts(&path, "/v1/ids");
    path_add(&path, "prefix", prefix);
    struct request request = {.path = path.bytes, .repeatable = true};
    int code = link_ask(link_of(queue), &request, &answer, error);
    return code < 0 ? code : noun_chars(answer, "id", ret_id, DQ_ID_SIZE, error);
}
