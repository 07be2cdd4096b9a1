/* multipart/form-data: the first line is the Content-Type, the rest the body. However the body is
 * cut, the same parts or the same refusal. */
#include "base/buf.h"
#include "http/multipart.h"
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_SIZE = 200, LOG_BYTES_MAX = 1 << 24, PARTS_MAX = 20, HEADER_BYTES_MAX = 400 };

/* What happened, in words that do not depend on the cut: data is joined, length and all. */
struct record {
    struct buf log;
    size_t data; /* bytes of the part under way */
    bool open;
};

static int on_begin(void *context, const struct disposition *part, dq_error *error)
{
    struct record *record = context;
    (void)error;
    if (record->open || strcmp(part->type, "form-data") != 0 || !part->has_name)
        abort();
    const char *name = part->has_filename ? filename_check(part->filename, NULL) : "";
    if (name && (strpbrk(name, "/\\\r\n") || strcmp(name, "..") == 0))
        abort();
    record->open = true;
    record->data = 0;
    buf_printf(&record->log, "begin %s %s\n", part->name, name ? name : "-");
    return 0;
}

static int on_data(void *context, const char *bytes, size_t length, dq_error *error)
{
    struct record *record = context;
    (void)error;
    if (!record->open || length == 0)
        abort();
    buf_append(&record->log, bytes, length);
    record->data += length;
    return 0;
}

static int on_end(void *context, dq_error *error)
{
    struct record *record = context;
    (void)error;
    if (!record->open)
        abort();
    record->open = false;
    buf_printf(&record->log, "\nend %zu\n", record->data);
    return 0;
}

/* Returns 0 or the refusal. */
static int parse(const char *type, const char *body, size_t length, struct pieces *pieces,
                 struct record *record)
{
    static const struct multipart_limits limits = {PARTS_MAX, HEADER_BYTES_MAX};
    static const struct multipart_events events = {on_begin, on_data, on_end};
    dq_error error = {0};
    struct multipart *multipart = multipart_new(type, &limits, &events, record, &error);
    if (!multipart)
        return error.code;
    int code = 0;
    for (size_t at = 0, size; at < length && code == 0; at += size) {
        size = pieces ? pieces_next(pieces, length - at) : length;
        code = multipart_write(multipart, body + at, size, &error);
    }
    if (code == 0)
        code = multipart_finish(multipart, &error);
    if (code != error.code || (code == 0 && record->open))
        abort();
    multipart_free(multipart);
    return code;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    char type[TYPE_SIZE] = "";
    const unsigned char *line = length ? memchr(bytes, '\n', length) : NULL;
    if (!line)
        return 0;
    struct pieces pieces = pieces_cut(bytes[0]);
    size_t type_length = (size_t)(line - bytes) - (line > bytes);
    if (type_length >= sizeof type)
        return 0;
    memcpy(type, bytes + (line > bytes), type_length);
    const char *body = (const char *)line + 1;
    size_t body_length = length - (size_t)(line + 1 - bytes);
    struct record whole = {.log = BUF(LOG_BYTES_MAX)}, cut = {.log = BUF(LOG_BYTES_MAX)};
    int whole_code = parse(type, body, body_length, NULL, &whole);
    int cut_code = parse(type, body, body_length, &pieces, &cut);
    if (whole_code != cut_code)
        abort();
    if (whole_code == 0 &&
        (whole.log.length != cut.log.length ||
         (whole.log.length && memcmp(whole.log.bytes, cut.log.bytes, whole.log.length) != 0)))
        abort();
    buf_free(&whole.log);
    buf_free(&cut.log);
    return 0;
}
