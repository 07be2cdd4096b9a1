/* Documents on their way to a server. What comes in pieces waits in a bounded buffer, and beyond it
 * in a file without a name, so that it has a length and can be sent again; a regular file is sent
 * from where it is. */
#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "client/remote.h"
#include "core/policy.h"
#include "core/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES_MAX ((size_t)256 * 1024)
#define CHUNK_BYTES      (64 * 1024)

struct spool {
    dq_incoming handle;
    struct buf buffer; /* all of it, while fd is -1 */
    int fd;
    int64_t size, size_max;
};

/* Bytes to be sent: those of a buffer or of a file from `start` on. */
struct source {
    const char *bytes; /* NULL = fd */
    int fd;
    int64_t start, size, at;
};

/* ---- in pieces ------------------------------------------------------------------------------- */

int remote_upload_begin(dq_queue *queue, int64_t size_max, dq_incoming **ret_incoming,
                        dq_error *error)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    spool->handle.engine = queue->engine;
    spool->buffer = BUF(BUFFER_BYTES_MAX);
    spool->fd = -1;
    spool->size_max = size_max;
    *ret_incoming = &spool->handle;
    return 0;
}

static int check_size(int64_t size, int64_t size_max, dq_error *error)
{
    if (size_max <= 0 || size <= size_max)
        return 0;
    return error_set(error, DQ_TOO_LARGE, "the document has more than %lld bytes",
                     (long long)size_max);
}

static int spill(struct spool *spool, dq_error *error)
{
    spool->fd = temporary_file();
    if (spool->fd < 0 || fd_write_all(spool->fd, spool->buffer.bytes, spool->buffer.length) < 0)
        return error_errno(error, "cannot keep the document in a temporary file");
    buf_free(&spool->buffer);
    return 0;
}

int remote_upload_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    struct spool *spool = (struct spool *)incoming;
    int code = check_size(spool->size + (int64_t)length, spool->size_max, error);
    if (code < 0)
        return code;
    if (spool->fd < 0 && spool->buffer.length + length > BUFFER_BYTES_MAX)
        code = spill(spool, error);
    if (code < 0)
        return code;
    if (spool->fd < 0)
        buf_append(&spool->buffer, bytes, length);
    else if (fd_write_all(spool->fd, bytes, length) < 0)
        return error_errno(error, "cannot keep the document in a temporary file");
    spool->size += (int64_t)length;
    return 0;
}

void remote_upload_abort(dq_incoming *incoming)
{
    struct spool *spool = (struct spool *)incoming;
    buf_free(&spool->buffer);
    fd_close(&spool->fd);
    free(spool);
}

static struct source source_of(const dq_incoming *incoming)
{
    const struct spool *spool = (const struct spool *)incoming;
    return (struct source){
        .bytes = spool->fd >= 0             ? NULL
                 : spool->buffer.length > 0 ? spool->buffer.bytes
                                            : "",
        .fd = spool->fd,
        .size = spool->size,
    };
}

/* ---- the form -------------------------------------------------------------------------------- */

static size_t read_source(char *bytes, size_t one, size_t length, void *context)
{
    struct source *source = context;
    int64_t left = source->size - source->at;
    size_t want = one * length < (size_t)left ? one * length : (size_t)left;
    if (source->bytes) {
        memcpy(bytes, source->bytes + source->at, want);
    } else if (want > 0) {
        ssize_t got = pread(source->fd, bytes, want, source->start + source->at);
        if (got <= 0)
            return CURL_READFUNC_ABORT; /* the file became shorter meanwhile, or cannot be read */
        want = (size_t)got;
    }
    source->at += (int64_t)want;
    return want;
}

static int seek_source(void *context, curl_off_t offset, int origin)
{
    struct source *source = context;
    if (origin != SEEK_SET || offset < 0 || offset > source->size)
        return CURL_SEEKFUNC_CANTSEEK;
    source->at = offset;
    return CURL_SEEKFUNC_OK;
}

struct form {
    const dq_upload *uploads;
    struct source *sources;
    size_t count;
};

/* The name goes as filename*, which holds any; what libcurl would write turns some into others. */
static void add_file(curl_mime *form, const dq_upload *upload, struct source *source)
{
    autobuf line = BUF(PATH_BYTES_MAX);
    curl_mimepart *part = curl_mime_addpart(form);
    const char *name = upload->filename ? upload->filename : "document";
    char *escaped = curl_easy_escape(NULL, name, (int)strlen(name));
    buf_printf(&line, "Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%s",
               escaped ? escaped : "document");
    curl_free(escaped);
    source->at = 0;
    curl_mime_headers(part, curl_slist_append(NULL, line.bytes), 1);
    curl_mime_type(part, "application/octet-stream");
    curl_mime_data_cb(part, source->size, read_source, seek_source, NULL, source);
}

static void add_field(curl_mime *form, const char *name, const char *value)
{
    if (!value)
        return;
    curl_mimepart *part = curl_mime_addpart(form);
    curl_mime_name(part, name);
    curl_mime_data(part, value, CURL_ZERO_TERMINATED);
}

static curl_mime *make_form(CURL *easy, void *context)
{
    const struct form *plan = context;
    const dq_upload *first = &plan->uploads[0];
    curl_mime *form = curl_mime_init(easy);
    char priority[16];
    snprintf(priority, sizeof priority, "%d", first->priority);
    add_field(form, "operation", first->operation);
    add_field(form, "priority", priority);
    add_field(form, "metadata", first->metadata);
    add_field(form, "owner", first->owner);
    for (size_t i = 0; i < plan->count; i++)
        add_file(form, &plan->uploads[i], &plan->sources[i]);
    return form;
}

/* ---- send ------------------------------------------------------------------------------------ */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* One request describes all its files alike. */
static int check_alike(const dq_upload *uploads, size_t count, dq_error *error)
{
    for (size_t i = 1; i < count; i++)
        if (!same(uploads[i].operation, uploads[0].operation) ||
            !same(uploads[i].metadata, uploads[0].metadata) ||
            !same(uploads[i].owner, uploads[0].owner) || uploads[i].priority != uploads[0].priority)
            return error_set(error, DQ_UNSUPPORTED,
                             "documents that go to a server together have the same operation, "
                             "priority, metadata and owner; send them one by one");
    return 0;
}

/* One document is the answer itself, several are a list in it. */
static int noun_documents(const json_t *answer, struct arena *arena, void *noun, dq_error *error)
{
    dq_document_list *list = noun;
    if (json_object_get(answer, "documents")) {
        list->documents = noun_array(answer, "documents", noun_document, sizeof *list->documents,
                                     arena, &list->count, error);
        return list->documents ? 0 : DQ_INTERNAL;
    }
    list->documents = arena_alloc(arena, sizeof *list->documents);
    list->count = 1;
    return noun_document(answer, arena, list->documents, error);
}

enum { KEY_BYTES = 16 };

/* With a key a second arrival is harmless, so a lost answer is asked for again. */
static int send_form(dq_queue *queue, struct form *form, noun_fn *read, size_t size,
                     void **ret_noun, dq_error *error)
{
    unsigned char random[KEY_BYTES];
    char own_key[2 * KEY_BYTES + 1];
    const char *key = form->uploads[0].idempotency_key;
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, own_key);
    struct request request = {.path = "/v1/documents",
                              .form = make_form,
                              .form_context = form,
                              .idempotency_key = key ? key : own_key,
                              .time_max = LONG_TIME_MAX,
                              .repeatable = true};
    int code = check_alike(form->uploads, form->count, error);
    if (code == 0)
        code = check_idempotency_key(request.idempotency_key, error);
    if (code == 0)
        *ret_noun = remote_noun(queue, &request, read, size, &code, error);
    return code;
}

int remote_upload_commit(dq_queue *queue, const dq_upload *uploads, size_t count,
                         dq_document_list **ret_list, dq_error *error)
{
    struct arena *arena = arena_new(), *reply;
    struct source *sources = arena_alloc(arena, (count + 1) * sizeof *sources);
    struct form form = {.uploads = uploads, .sources = sources, .count = count};
    void *list = NULL;
    int code = 0;
    for (size_t i = 0; i < count; i++)
        sources[i] = source_of(uploads[i].incoming);
    if (count == 0)
        list = reply_new(sizeof(dq_document_list), &reply);
    else
        code = send_form(queue, &form, noun_documents, sizeof(dq_document_list), &list, error);
    for (size_t i = 0; i < count; i++)
        remote_upload_abort(uploads[i].incoming);
    arena_free(arena);
    if (list)
        *ret_list = list;
    return code;
}

/* ---- one descriptor -------------------------------------------------------------------------- */

static int pour(const dq_upload *upload, dq_incoming *incoming, dq_error *error)
{
    char chunk[CHUNK_BYTES];
    ssize_t length;
    int code = 0;
    while (code == 0 && (length = fd_read_some(upload->fd, chunk, sizeof chunk)) != 0)
        code = length < 0 ? error_errno(error, "cannot read the document")
                          : remote_upload_write(incoming, chunk, (size_t)length, error);
    return code;
}

static int send_one(dq_queue *queue, const dq_upload *upload, struct source source,
                    dq_document **ret_document, dq_error *error)
{
    struct form form = {.uploads = upload, .sources = &source, .count = 1};
    void *document = NULL;
    int code = send_form(queue, &form, noun_document, sizeof(dq_document), &document, error);
    if (document && ret_document)
        *ret_document = document;
    else
        dq_free(document);
    return code;
}

static int send_file(dq_queue *queue, const dq_upload *upload, int64_t size,
                     dq_document **ret_document, dq_error *error)
{
    int64_t start = lseek(upload->fd, 0, SEEK_CUR);
    struct source source = {.fd = upload->fd, .start = start, .size = size - start};
    if (source.size < 0)
        source.size = 0;
    int code = check_size(source.size, upload->size_max, error);
    return code < 0 ? code : send_one(queue, upload, source, ret_document, error);
}

int remote_upload_document(dq_queue *queue, const dq_upload *upload, dq_document **ret_document,
                           dq_error *error)
{
    struct stat state;
    dq_incoming *incoming = upload->incoming;
    int code = 0;
    if (!incoming && fstat(upload->fd, &state) == 0 && S_ISREG(state.st_mode))
        return send_file(queue, upload, state.st_size, ret_document, error);
    if (!incoming) {
        code = remote_upload_begin(queue, upload->size_max, &incoming, error);
        if (code == 0)
            code = pour(upload, incoming, error);
    }
    if (code == 0)
        code = send_one(queue, upload, source_of(incoming), ret_document, error);
    if (incoming)
        remote_upload_abort(incoming);
    return code;
}
