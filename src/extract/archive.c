/* libzip over a buffer; what is inflated is counted. */
#include "extract/archive.h"

#include "extract/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { CHUNK_BYTES = 32 * 1024 };

struct archive {
    zip_t *zip;
    struct budget *budget;
};

int archive_open(const struct input *input, struct archive **ret_archive, dq_error *error)
{
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(input->bytes, input->length, 0, &reason);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &reason) : NULL;
    if (!zip) {
        int code = error_set(error, DQ_CORRUPT, "The archive is damaged: %s.",
                             zip_error_strerror(&reason));
        zip_error_fini(&reason);
        zip_source_free(source);
        return code;
    }
    if (zip_get_num_entries(zip, 0) > LIMIT_ARCHIVE_ENTRIES) {
        zip_discard(zip);
        return error_set(error, DQ_TOO_LARGE, "The archive has more than %d entries.",
                         LIMIT_ARCHIVE_ENTRIES);
    }
    struct archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        bug("out of memory");
    *archive = (struct archive){.zip = zip, .budget = input->budget};
    *ret_archive = archive;
    return 0;
}

void archive_close(struct archive **archive)
{
    if (*archive)
        zip_discard((*archive)->zip);
    free(*archive);
    *archive = NULL;
}

int archive_find(const struct archive *archive, const char *name)
{
    zip_int64_t at = zip_name_locate(archive->zip, name + (*name == '/'), ZIP_FL_NOCASE);
    return at < 0 ? -1 : (int)at;
}

const char *archive_name(const struct archive *archive, int entry)
{
    const char *name = zip_get_name(archive->zip, (zip_uint64_t)entry, 0);
    return name ? name : "";
}

static void close_entry(zip_file_t **file)
{
    if (*file)
        zip_fclose(*file);
}

int archive_stream(struct archive *archive, int entry, archive_sink *sink, void *context,
                   dq_error *error)
{
    char chunk[CHUNK_BYTES];
    __attribute__((cleanup(close_entry))) zip_file_t *file =
        zip_fopen_index(archive->zip, (zip_uint64_t)entry, 0);
    if (!file) {
        zip_error_t *reason = zip_get_error(archive->zip);
        int code = zip_error_code_zip(reason);
        if (code == ZIP_ER_NOPASSWD || code == ZIP_ER_WRONGPASSWD || code == ZIP_ER_ENCRNOTSUPP)
            return error_set(error, DQ_FORBIDDEN, "The archive is encrypted.");
        return error_set(error, DQ_CORRUPT, "A part of the archive cannot be opened: %s.",
                         zip_error_strerror(reason));
    }
    for (;;) {
        zip_int64_t size = zip_fread(file, chunk, sizeof chunk);
        if (size < 0)
            return error_set(error, DQ_CORRUPT, "A part of the archive is damaged.");
        if (size == 0)
            return 0;
        int result = budget_inflate(archive->budget, (size_t)size, error);
        if (result == 0)
            result = sink(context, chunk, (size_t)size);
        if (result < 0)
            return result;
    }
}

static int append(void *context, const char *bytes, size_t length)
{
    return buf_append(context, bytes, length) ? 0 : DQ_TOO_LARGE;
}

int archive_read(struct archive *archive, int entry, struct buf *to, dq_error *error)
{
    int result = archive_stream(archive, entry, append, to, error);
    if (to->overflow)
        return error_set(error, DQ_TOO_LARGE, "A part of the archive is longer than %zu bytes.",
                         to->max);
    return result;
}

/* Where the last folder of `path` ends, behind its slash. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* "../charts/c1.xml" seen from "xl/drawings/d1.xml" is "xl/charts/c1.xml". */
void archive_resolve(const char *part, const char *target, char *to, size_t size)
{
    size_t length = *target == '/' ? 0 : folder_length(part);
    while (*target == '/')
        target++;
    while (strncmp(target, "../", 3) == 0 || strncmp(target, "./", 2) == 0) {
        if (target[1] == '.' && length > 0) /* one folder up */
            do
                length--;
            while (length > 0 && part[length - 1] != '/');
        target += target[1] == '.' ? 3 : 2;
    }
    if (snprintf(to, size, "%.*s%s", (int)length, part, target) >= (int)size)
        to[0] = '\0'; /* no part has so long a name */
}
