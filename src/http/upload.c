/* Uploads: multipart or raw; all files of one request are committed in one step or not at all. */
#include "http/upload.h"

#include "base/error.h"
#include "base/utf8.h"
#include "core/view.h"
#include "http/fields.h"
#include "http/handlers.h"
#include "http/multipart.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_OPERATION, FIELD_PRIORITY, FIELD_METADATA, FIELD_OWNER, FIELD_COUNT };

#define OWNER_BYTES_MAX    128
#define PRIORITY_BYTES_MAX 16

/* What may stand beside the files, as a part or as a query parameter. */
static const struct {
    const char *name, *pointer;
    size_t bytes_max;
} known_fields[FIELD_COUNT] = {
    [FIELD_OPERATION] = {"operation", "/operation", DQ_OPERATION_BYTES_MAX},
    [FIELD_PRIORITY] = {"priority", "/priority", PRIORITY_BYTES_MAX},
    [FIELD_METADATA] = {"metadata", "/metadata", DQ_METADATA_BYTES_MAX},
    [FIELD_OWNER] = {"owner", "/owner", OWNER_BYTES_MAX},
};

struct file {
    dq_incoming *incoming;
    char *filename;
};

struct upload {
    struct call *call;
    struct multipart *multipart; /* NULL = the body is the document */
    struct file *files;
    size_t file_count;
    struct buf fields[FIELD_COUNT];
    bool given[FIELD_COUNT];
    int field; /* that the current part fills, -1 = it is a file */
};

void upload_free(struct upload *upload)
{
    if (!upload)
        return;
    for (size_t i = 0; i < upload->file_count; i++) {
        dq_upload_abort(&upload->files[i].incoming);
        free(upload->files[i].filename);
    }
    for (int i = 0; i < FIELD_COUNT; i++)
        buf_free(&upload->fields[i]);
    free(upload->files);
    multipart_free(upload->multipart);
    free(upload);
}

int upload_check(const struct call *call, dq_error *error)
{
    if (!call->head.has_length && !call->head.chunked)
        return error_field(error, DQ_INVALID, "/file", "The request has no body: no document.");
    return 0;
}

static int add_file(struct upload *upload, const char *filename, dq_error *error)
{
    const char *checked = filename_check(filename, error);
    if (!checked)
        return DQ_INVALID;
    size_t size = (upload->file_count + 1) * sizeof *upload->files;
    struct file *files = realloc(upload->files, size);
    char *copy = strdup(checked);
    if (!files || !copy)
        bug("out of memory");
    upload->files = files;
    struct file *file = &files[upload->file_count++];
    *file = (struct file){.filename = copy};
    const struct service *service = upload->call->service;
    return dq_upload_begin(service->queue, service->limits.upload_bytes_max, &file->incoming,
                           error);
}

static int write_file(struct upload *upload, const char *bytes, size_t length, dq_error *error)
{
    struct file *file = &upload->files[upload->file_count - 1];
    return dq_upload_write(file->incoming, bytes, length, error);
}

static int on_begin(void *context, const struct disposition *part, dq_error *error)
{
    struct upload *upload = context;
    upload->field = -1;
    if (strcmp(part->name, "file") == 0)
        return add_file(upload, part->has_filename ? part->filename : "document", error);
    for (int i = 0; i < FIELD_COUNT; i++)
        if (strcmp(part->name, known_fields[i].name) == 0)
            upload->field = i;
    int field = upload->field;
    if (field < 0)
        return error_field(error, DQ_INVALID, part->name,
                           "The part `%.40s` is not known; documents are parts named `file`.",
                           part->name);
    if (upload->given[field])
        return error_field(error, DQ_INVALID, known_fields[field].pointer, "It is given twice.");
    upload->given[field] = true;
    return 0;
}

static int on_data(void *context, const char *bytes, size_t length, dq_error *error)
{
    struct upload *upload = context;
    if (upload->field < 0)
        return write_file(upload, bytes, length, error);
    if (buf_append(&upload->fields[upload->field], bytes, length))
        return 0;
    return error_field(error, DQ_INVALID, known_fields[upload->field].pointer,
                       "It is longer than %zu bytes.", known_fields[upload->field].bytes_max);
}

static int on_end(void *context, dq_error *error)
{
    struct upload *upload = context;
    if (upload->field < 0)
        return 0;
    const struct buf *value = &upload->fields[upload->field];
    if (value->length == 0 ||
        (!memchr(value->bytes, '\0', value->length) && utf8_valid(value->bytes, value->length)))
        return 0;
    return error_field(error, DQ_INVALID, known_fields[upload->field].pointer,
                       "It is not UTF-8 text.");
}

static const struct multipart_events events = {on_begin, on_data, on_end};

/* A raw body says everything else in its query; the name perhaps in Content-Disposition. */
static int begin_raw(struct upload *upload, dq_error *error)
{
    const char *query = upload->call->query;
    char *value = malloc(DQ_METADATA_BYTES_MAX + 1);
    if (!value)
        bug("out of memory");
    int length = 0;
    for (int i = 0; i < FIELD_COUNT && (length >= 0 || length == QUERY_MISSING); i++) {
        length =
            query_value(query, known_fields[i].name, value, known_fields[i].bytes_max + 1, error);
        upload->given[i] = length >= 0;
        if (length > 0)
            buf_append(&upload->fields[i], value, (size_t)length);
    }
    if (length >= 0 || length == QUERY_MISSING)
        length = query_value(query, "filename", value, DISPOSITION_FILE_SIZE, error);
    int code = length;
    if (length >= 0)
        code = add_file(upload, value, error);
    free(value);
    if (code != QUERY_MISSING)
        return code;
    struct disposition *given = calloc(1, sizeof *given);
    const char *header = head_value(&upload->call->head, "content-disposition");
    code = header && given ? disposition_parse(header, given, error) : 0;
    if (code == 0)
        code = add_file(upload, given && given->has_filename ? given->filename : "document", error);
    free(given);
    return code;
}

static int begin(struct call *call, dq_error *error)
{
    struct upload *upload = calloc(1, sizeof *upload);
    if (!upload)
        bug("out of memory");
    upload->call = call;
    upload->field = -1;
    for (int i = 0; i < FIELD_COUNT; i++)
        upload->fields[i] = BUF(known_fields[i].bytes_max);
    call->upload = upload;
    const char *type = head_value(&call->head, "content-type");
    if (!multipart_is(type))
        return begin_raw(upload, error);
    struct multipart_limits limits = {
        .parts_max = call->service->limits.multipart_parts_max,
        .header_bytes_max = call->service->limits.multipart_header_bytes_max,
    };
    upload->multipart = multipart_new(type, &limits, &events, upload, error);
    return upload->multipart ? 0 : DQ_MALFORMED;
}

int upload_chunk(struct call *call, dq_error *error)
{
    int code = call->upload ? 0 : begin(call, error);
    struct upload *upload = call->upload;
    const struct buf *body = &call->body;
    if (code == 0 && upload->multipart)
        code = multipart_write(upload->multipart, body->bytes, body->length, error);
    else if (code == 0 && body->length > 0)
        code = write_file(upload, body->bytes, body->length, error);
    buf_clear(&call->body);
    return code;
}

static int read_priority(const struct upload *upload, int *ret, dq_error *error)
{
    const char *text = upload->fields[FIELD_PRIORITY].bytes;
    char *end = NULL;
    if (!upload->given[FIELD_PRIORITY])
        return 0;
    long value = text && *text ? strtol(text, &end, 10) : 0;
    if (!end || *end || text[strspn(text, "-0123456789")] || value < DQ_PRIORITY_MIN ||
        value > DQ_PRIORITY_MAX)
        return error_field(error, DQ_INVALID, "/priority", "It is a whole number from %d to %d.",
                           DQ_PRIORITY_MIN, DQ_PRIORITY_MAX);
    *ret = (int)value;
    return 0;
}

static int check_metadata(const struct upload *upload, dq_error *error)
{
    const struct buf *text = &upload->fields[FIELD_METADATA];
    json_t *value = NULL;
    dq_error problem = {0};
    if (!upload->given[FIELD_METADATA])
        return 0;
    int code = json_read(text->bytes ? text->bytes : "", text->length, &value, &problem);
    bool object = json_is_object(value);
    json_decref(value);
    if (code == 0 && object)
        return 0;
    return error_field(error, DQ_INVALID, "/metadata", "It is to be a JSON object. %s",
                       problem.detail);
}

static const char *given_text(const struct upload *upload, int field)
{
    return upload->given[field] && upload->fields[field].length ? upload->fields[field].bytes
                                                                : NULL;
}

/* One upload for each file, to be freed. They share everything but the file. */
static dq_upload *list_uploads(const struct upload *upload, int priority)
{
    dq_upload *list = calloc(upload->file_count, sizeof *list);
    if (!list)
        bug("out of memory");
    for (size_t i = 0; i < upload->file_count; i++)
        list[i] = (dq_upload){.fd = -1,
                              .incoming = upload->files[i].incoming,
                              .filename = upload->files[i].filename,
                              .operation = given_text(upload, FIELD_OPERATION),
                              .metadata = given_text(upload, FIELD_METADATA),
                              .owner = given_text(upload, FIELD_OWNER),
                              .priority = priority};
    return list;
}

static int commit(struct call *call, int priority, dq_document_list **ret, dq_error *error)
{
    struct upload *upload = call->upload;
    char key[IDEMPOTENCY_KEY_SIZE];
    const char *idempotency_key;
    int code = call_idempotency_key(call, key, &idempotency_key, error);
    if (code < 0)
        return code;
    dq_upload *list = list_uploads(upload, priority);
    list[0].idempotency_key = idempotency_key;
    for (size_t i = 0; i < upload->file_count; i++)
        upload->files[i].incoming = NULL; /* the commit consumes them, whatever comes */
    code = dq_upload_commit(call->service->queue, list, upload->file_count, ret, error);
    free(list);
    return code;
}

static int answer_many(struct call *call, const dq_document_list *list)
{
    json_t *documents = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(documents, view_document(&list->documents[i]));
    return call_json(call, 202, json_pack("{s:o}", "documents", documents));
}

int documents_upload(struct call *call, dq_error *error)
{
    autoreply dq_document_list *list = NULL;
    int priority = 0, code = upload_chunk(call, error);
    if (code == 0 && call->upload->multipart)
        code = multipart_finish(call->upload->multipart, error);
    if (code == 0 && call->upload->file_count == 0)
        code = error_field(error, DQ_INVALID, "/file", "No part is named `file`: no document.");
    if (code == 0)
        code = read_priority(call->upload, &priority, error);
    if (code == 0)
        code = check_metadata(call->upload, error);
    if (code == 0)
        code = commit(call, priority, &list, error);
    if (code < 0)
        return code;
    return list->count == 1 ? document_accepted(call, &list->documents[0])
                            : answer_many(call, list);
}
