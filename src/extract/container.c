/* Archives of documents and compressed documents, by libarchive: what is inside is read like a
 * document of its own. Only these formats are switched on, and no filter is guessed, so that
 * nothing is unpacked behind the budget's back. */
#include "base/buf.h"
#include "base/error.h"
#include "extract/budget.h"
#include "extract/charset.h"
#include "extract/extract.h"
#include "extract/parsers.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CHUNK_BYTES = 64 * 1024, NAME_BYTES_MAX = 1024 };

#define autoreader __attribute__((cleanup(close_reader))) struct archive *

static void close_reader(struct archive **reader)
{
    if (*reader)
        archive_read_free(*reader);
}

static int open_reader(struct archive *reader, const struct input *input, dq_error *error)
{
    if (archive_read_open_memory(reader, input->bytes, input->length) == ARCHIVE_OK)
        return 0;
    return error_set(error, DQ_CORRUPT, "The archive is damaged.");
}

/* The rest of the entry, into memory. DQ_CORRUPT and DQ_TOO_LARGE may be about this entry only. */
static int read_member(struct archive *reader, const struct input *input, struct buf *to,
                       struct emit *emit, dq_error *error)
{
    char chunk[CHUNK_BYTES];
    for (;;) {
        la_ssize_t size = archive_read_data(reader, chunk, sizeof chunk);
        if (size == 0)
            return 0;
        if (size < 0)
            return error_set(error, DQ_CORRUPT, "it is damaged");
        int result = budget_inflate(input->budget, (size_t)size, error);
        if (result == 0)
            result = emit_status(emit, error);
        if (result < 0)
            return result;
        if (!buf_append(to, chunk, (size_t)size))
            return error_set(error, DQ_TOO_LARGE, "it is longer than %llu MiB",
                             LIMIT_MEMBER_BYTES / 1024 / 1024);
    }
}

/* ---- archives ---- */

struct walk {
    const struct input *input;
    struct archive *reader;
    struct emit *emit;
    unsigned members, read, encrypted, damaged, too_long;
};

static int collect(void *context, const char *text, size_t length)
{
    return buf_append(context, text, length) ? 0 : DQ_TOO_LARGE;
}

static void put_name(struct archive_entry *entry, struct buf *to)
{
    const char *name = archive_entry_pathname_utf8(entry);
    size_t skip = 0;
    if (name) {
        buf_append(to, name, strnlen(name, NAME_BYTES_MAX));
        return;
    }
    name = archive_entry_pathname(entry); /* of a time before Unicode */
    if (!name || !*name)
        name = "?";
    size_t length = strnlen(name, NAME_BYTES_MAX);
    struct charset charset = charset_detect(name, length, NULL, &skip);
    charset_decode(charset, name + skip, length - skip, collect, to, NULL);
}

/* What systems leave beside documents. */
static bool is_litter(const char *name)
{
    static const char *const names[] = {".DS_Store", "Thumbs.db", "desktop.ini"};
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    if (strncmp(name, "__MACOSX/", 9) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(base, names[i]) == 0)
            return true;
    return false;
}

static int on_member(struct walk *walk, struct archive_entry *entry, dq_error *error)
{
    autobuf name = BUF(4 * NAME_BYTES_MAX), bytes = BUF(LIMIT_MEMBER_BYTES);
    dq_error fault = {0};
    put_name(entry, &name);
    if (archive_entry_filetype(entry) != AE_IFREG || is_litter(name.bytes))
        return 0;
    walk->members++;
    emit_progress(walk->emit, walk->members, 0, "member");
    if (archive_entry_is_encrypted(entry)) {
        walk->encrypted++;
        emit_problem(walk->emit, "%s is encrypted", name.bytes);
        return emit_status(walk->emit, error);
    }
    int result = read_member(walk->reader, walk->input, &bytes, walk->emit, &fault);
    if (result == 0) {
        walk->read++;
        return extract_nested(walk->input, name.bytes, bytes.length ? bytes.bytes : "",
                              bytes.length, walk->emit, error);
    }
    if ((result != DQ_CORRUPT && result != DQ_TOO_LARGE) || walk->input->budget->exhausted ||
        emit_status(walk->emit, NULL) < 0) {
        if (error)
            *error = fault;
        return result;
    }
    *(result == DQ_CORRUPT ? &walk->damaged : &walk->too_long) += 1;
    emit_problem(walk->emit, "%s is not read: %s", name.bytes, fault.detail);
    return emit_status(walk->emit, error);
}

static int walk_members(struct walk *walk, dq_error *error)
{
    for (int result = 0; result == 0;) {
        struct archive_entry *entry = NULL;
        int next = archive_read_next_header(walk->reader, &entry);
        if (next == ARCHIVE_EOF)
            return 0;
        if (next == ARCHIVE_FATAL && archive_read_has_encrypted_entries(walk->reader) > 0) {
            walk->encrypted++; /* the list of members itself */
            return 0;
        }
        if (next == ARCHIVE_FATAL) {
            walk->damaged++;
            emit_problem(walk->emit, "the archive is damaged behind %u documents", walk->members);
            return 0;
        }
        result = next == ARCHIVE_OK || next == ARCHIVE_WARN
                     ? on_member(walk, entry, error)
                     : budget_member(walk->input->budget, error);
        if (result < 0)
            return result;
    }
    return 0;
}

int extract_archive(const struct input *input, struct emit *emit, dq_error *error)
{
    autoreader reader = archive_read_new();
    if (!reader)
        return error_set(error, DQ_NO_MEMORY, "The archive cannot be opened.");
    archive_read_support_format_zip(reader);
    archive_read_support_format_7zip(reader);
    archive_read_support_format_tar(reader);
    int result = open_reader(reader, input, error);
    if (result < 0)
        return result;
    struct walk walk = {.input = input, .reader = reader, .emit = emit};
    result = walk_members(&walk, error);
    if (result < 0)
        return result;
    if (walk.read == 0 && walk.encrypted > 0)
        return error_set(error, DQ_FORBIDDEN, "The archive is encrypted; a password is needed.");
    if (walk.read == 0 && walk.damaged > 0)
        return error_set(error, DQ_CORRUPT, "Nothing in the archive can be read.");
    if (walk.read == 0 && walk.too_long > 0)
        return error_set(error, DQ_TOO_LARGE, "Nothing in the archive is shorter than %llu MiB.",
                         LIMIT_MEMBER_BYTES / 1024 / 1024);
    if (walk.members == 0)
        emit_problem(emit, "the archive is empty");
    return emit_status(emit, error);
}

/* ---- compressed documents ---- */

static const struct {
    const char *magic;
    size_t length;
    int filter;
    const char *suffix;
} filters[] = {
    {"\x1f\x8b", 2, ARCHIVE_FILTER_GZIP, ".gz"},
    {"BZh", 3, ARCHIVE_FILTER_BZIP2, ".bz2"},
    {"\xfd"
     "7zXZ",
     5, ARCHIVE_FILTER_XZ, ".xz"},
    {"\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD, ".zst"},
};

/* "a.txt.gz" is "a.txt" inside. */
static void inner_name(const char *name, const char *suffix, struct buf *to)
{
    size_t length = strlen(name), cut = strlen(suffix);
    bool ends = length > cut && strcasecmp(name + length - cut, suffix) == 0;
    buf_append(to, name, strnlen(name, ends ? length - cut : length));
}

int extract_compressed(const struct input *input, struct emit *emit, dq_error *error)
{
    autoreader reader = archive_read_new();
    autobuf name = BUF(4 * NAME_BYTES_MAX), bytes = BUF(LIMIT_MEMBER_BYTES);
    struct archive_entry *entry = NULL;
    dq_error fault = {0};
    size_t row = 0, last = sizeof filters / sizeof filters[0] - 1;
    if (!reader)
        return error_set(error, DQ_NO_MEMORY, "The document cannot be unpacked.");
    while (row < last && (input->length < filters[row].length ||
                          memcmp(input->bytes, filters[row].magic, filters[row].length) != 0))
        row++;
    archive_read_append_filter(reader, filters[row].filter);
    archive_read_set_format(reader, ARCHIVE_FORMAT_RAW);
    int result = open_reader(reader, input, error);
    if (result < 0)
        return result;
    if (archive_read_next_header(reader, &entry) != ARCHIVE_OK)
        return error_set(error, DQ_CORRUPT, "The compressed document is damaged or empty.");
    result = read_member(reader, input, &bytes, emit, &fault);
    if (result == DQ_CORRUPT && bytes.length > 0) {
        emit_problem(emit, "the compressed document is damaged: its end is missing");
        result = 0;
    }
    if (result < 0)
        return error_set(error, result, "The compressed document is not read: %s", fault.detail);
    inner_name(input->name, filters[row].suffix, &name);
    return extract_instead(input, name.bytes ? name.bytes : "", bytes.bytes ? bytes.bytes : "",
                           bytes.length, emit, error);
}
