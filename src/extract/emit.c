/* Frames on a pipe, within the limits that the reader will hold us to. */
#include "extract/emit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/png.h"
#include "base/utf8.h"
#include "extract/facts.h"

#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPLACEMENT      "\xef\xbf\xbd"
#define SLICE_BYTES      ((size_t)64 * 1024) /* text between two looks at the clock */
#define PAGE_NUMBER_SIZE 4
#define PAGE_TEXT_MAX    (FRAME_PAGE_BYTES_MAX - PAGE_NUMBER_SIZE)
#define FACT_BYTES_MAX   ((size_t)8 * 1024)

enum { PARTS_DEEP_MAX = 32, TRAIL_BYTES_MAX = 400 };

struct emit {
    int fd;
    int64_t deadline;
    dq_error failure;          /* code 0: none */
    struct buf page, markdown; /* what is open */
    bool markdown_left_out, has_thumbnail;
    volatile sig_atomic_t writing; /* > 0: emit_cut_off() must not interrupt */
    volatile uint32_t pages;
    unsigned problems;
    size_t output_bytes, markdown_bytes;
    json_t *metadata;
    struct buf trail; /* "a.zip: b.eml: ", where we are */
    struct part {
        size_t trail; /* its length outside */
        bool named;
    } parts[PARTS_DEEP_MAX];
    int part_count; /* that are open */
};

static const char *const fact_names[] = {
    [FACT_TITLE] = "title",       [FACT_AUTHOR] = "author",     [FACT_SUBJECT] = "subject",
    [FACT_KEYWORDS] = "keywords", [FACT_CREATED] = "created",   [FACT_DESCRIPTION] = "description",
    [FACT_MODIFIED] = "modified", [FACT_LANGUAGE] = "language", [FACT_PRODUCER] = "producer",
    [FACT_ENCODING] = "encoding", [FACT_ROWS] = "rows",         [FACT_COLUMNS] = "columns",
};

struct emit *emit_new(int fd, int64_t deadline)
{
    struct emit *emit = calloc(1, sizeof *emit);
    json_t *metadata = json_object();
    if (!emit || !metadata)
        bug("out of memory");
    *emit = (struct emit){.fd = fd,
                          .deadline = deadline,
                          .page = BUF(PAGE_TEXT_MAX),
                          .markdown = BUF(PAGE_TEXT_MAX),
                          .metadata = metadata,
                          .trail = BUF(TRAIL_BYTES_MAX)};
    return emit;
}

void emit_free(struct emit *emit)
{
    if (!emit)
        return;
    buf_free(&emit->page);
    buf_free(&emit->markdown);
    buf_free(&emit->trail);
    json_decref(emit->metadata);
    free(emit);
}

/* ---- frames ---- */

static void put_le32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

static int write_frame(struct emit *emit, enum frame_type type, const void *head, size_t head_size,
                       const void *body, size_t body_size)
{
    unsigned char header[FRAME_HEADER_BYTES + 16];
    put_le32(header, type);
    put_le32(header + 4, (uint32_t)(head_size + body_size));
    if (head_size)
        memcpy(header + FRAME_HEADER_BYTES, head, head_size);
    emit->writing = emit->writing + 1;
    bool written = fd_write_all(emit->fd, header, FRAME_HEADER_BYTES + head_size) == 0 &&
                   fd_write_all(emit->fd, body, body_size) == 0;
    emit->writing = emit->writing - 1;
    return written ? 0 : error_errno(&emit->failure, "cannot write the result");
}

static void append_clean(struct buf *to, const char *text, size_t length);

/* A small frame whose body is a sentence: cleaned, and cut where it would be too long. */
static int write_small(struct emit *emit, enum frame_type type, const void *head, size_t head_size,
                       const char *text)
{
    autobuf clean = BUF(3 * FRAME_SMALL_BYTES_MAX);
    size_t room = FRAME_SMALL_BYTES_MAX - head_size;
    append_clean(&clean, text, strnlen(text, FRAME_SMALL_BYTES_MAX));
    size_t length = clean.length > room ? utf8_prefix(clean.bytes, room) : clean.length;
    return write_frame(emit, type, head, head_size, clean.length ? clean.bytes : "", length);
}

int emit_type(struct emit *emit, const char *media_type)
{
    if (emit->failure.code < 0)
        return emit->failure.code;
    return write_small(emit, FRAME_TYPE, NULL, 0, media_type);
}

int emit_progress(struct emit *emit, uint32_t done, uint32_t total, const char *stage)
{
    unsigned char head[8];
    if (emit_status(emit, NULL) < 0)
        return emit->failure.code;
    put_le32(head, done);
    put_le32(head + 4, total);
    return write_small(emit, FRAME_PROGRESS, head, sizeof head, stage);
}

int emit_problem(struct emit *emit, const char *format, ...)
{
    char text[1024 + TRAIL_BYTES_MAX] = "";
    size_t trail = emit->trail.length;
    va_list args;
    if (emit->failure.code < 0 && emit->failure.code != DQ_TIMED_OUT)
        return emit->failure.code;
    if (++emit->problems > FRAME_PROBLEMS_MAX)
        return 0;
    va_start(args, format);
    if (trail > 0)
        memcpy(text, emit->trail.bytes, trail);
    vsnprintf(text + trail, sizeof text - trail, format, args);
    va_end(args);
    const char *last = "There are more problems; they are not listed.";
    return write_small(emit, FRAME_PROBLEM, NULL, 0,
                       emit->problems == FRAME_PROBLEMS_MAX ? last : text);
}

/* ---- pages ---- */

/* Drops what does not fit: the callers make room first. */
static void append_clean(struct buf *to, const char *text, size_t length)
{
    while (length > 0) {
        size_t good = utf8_prefix(text, length);
        for (size_t from = 0; from < good;) {
            const char *nul = memchr(text + from, 0, good - from);
            size_t run = nul ? (size_t)(nul - text) - from : good - from;
            buf_append(to, text + from, run);
            from += run + (nul ? 1 : 0);
        }
        if (good < length) {
            buf_puts(to, REPLACEMENT);
            good++;
        }
        text += good;
        length -= good;
    }
}

static bool is_same(const struct buf *a, const struct buf *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

/* The text of a document counts for more than its Markdown, which gives way where both are too
 * long. */
static void write_markdown(struct emit *emit, const unsigned char number[PAGE_NUMBER_SIZE])
{
    const struct buf *markdown = &emit->markdown;
    if (markdown->length == 0 || is_same(markdown, &emit->page))
        return;
    if (markdown->overflow || emit->markdown_left_out ||
        emit->markdown_bytes + markdown->length > FRAME_MARKDOWN_BYTES_MAX) {
        if (!emit->markdown_left_out)
            emit_problem(emit, "page %u: its Markdown is too long and is left out", emit->pages);
        emit->markdown_left_out = true;
        return;
    }
    emit->markdown_bytes += markdown->length;
    write_frame(emit, FRAME_MARKDOWN, number, PAGE_NUMBER_SIZE, markdown->bytes, markdown->length);
}

static int write_page(struct emit *emit)
{
    unsigned char number[PAGE_NUMBER_SIZE];
    if (emit->pages >= FRAME_PAGES_MAX)
        return error_set(&emit->failure, DQ_TOO_LARGE, "The document has more than %d pages.",
                         FRAME_PAGES_MAX);
    if (emit->output_bytes + emit->page.length > FRAME_OUTPUT_BYTES_MAX)
        return error_set(&emit->failure, DQ_TOO_LARGE,
                         "The text of the document is longer than %d MiB.",
                         FRAME_OUTPUT_BYTES_MAX / 1024 / 1024);
    put_le32(number, emit->pages + 1);
    emit->writing = emit->writing + 1;
    emit->output_bytes += emit->page.length;
    int result = write_frame(emit, FRAME_PAGE, number, sizeof number,
                             emit->page.length ? emit->page.bytes : "", emit->page.length);
    emit->pages = emit->pages + 1;
    emit->writing = emit->writing - 1;
    if (result == 0)
        write_markdown(emit, number);
    buf_clear(&emit->page);
    buf_clear(&emit->markdown);
    return emit->failure.code;
}

int emit_page(struct emit *emit)
{
    int result = emit_status(emit, NULL);
    return result < 0 ? result : write_page(emit);
}

/* The longest piece of whole characters of at most `max` bytes; at least one byte. */
static size_t piece(const char *text, size_t length, size_t max)
{
    if (length <= max)
        return length;
    size_t cut = max;
    while (cut > max - 4 && (text[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}

int emit_text(struct emit *emit, const char *text, size_t length)
{
    const size_t growth = sizeof REPLACEMENT - 1; /* a bad byte becomes three */
    while (length > 0) {
        size_t size = piece(text, length, SLICE_BYTES);
        int result = emit_status(emit, NULL);
        if (result == 0 && emit->page.length + growth * size > PAGE_TEXT_MAX)
            result = write_page(emit);
        if (result < 0)
            return result;
        append_clean(&emit->page, text, size);
        text += size;
        length -= size;
    }
    return emit->failure.code;
}

int emit_markdown(struct emit *emit, const char *text, size_t length)
{
    int result = emit_status(emit, NULL);
    if (result == 0 && !emit->markdown_left_out)
        append_clean(&emit->markdown, text, length);
    return result;
}

int emit_thumbnail(struct emit *emit, const void *png, size_t length)
{
    if (emit->failure.code < 0 || emit->part_count > 0 || emit->has_thumbnail ||
        length > FRAME_THUMBNAIL_BYTES_MAX || !png_valid(png, length, FRAME_THUMBNAIL_SIDE_MAX))
        return emit->failure.code;
    emit->has_thumbnail = true;
    return write_frame(emit, FRAME_THUMBNAIL, NULL, 0, png, length);
}

int emit_puts(struct emit *emit, const char *text)
{
    return emit_text(emit, text, strlen(text));
}

int64_t emit_time_left(const struct emit *emit)
{
    return emit->deadline == 0 ? INT64_MAX : (emit->deadline - clock_tick()) / US_PER_MS;
}

/* ---- documents inside ---- */

int emit_part_begin(struct emit *emit, const char *name)
{
    if (emit->part_count == PARTS_DEEP_MAX)
        bug("parts of a document are nested without a limit");
    emit->parts[emit->part_count++] = (struct part){emit->trail.length, name != NULL};
    if (!name)
        return emit->failure.code;
    if (emit->page.length > 0)
        emit_page(emit);
    if (emit->trail.max - emit->trail.length > strlen(name) + 2)
        buf_printf(&emit->trail, "%s: ", name);
    emit_puts(emit, name);
    return emit_puts(emit, "\n\n");
}

int emit_part_end(struct emit *emit)
{
    const struct part *part = &emit->parts[--emit->part_count];
    emit->trail.length = part->trail;
    return part->named && emit->page.length > 0 ? emit_page(emit) : emit->failure.code;
}

size_t emit_open_bytes(const struct emit *emit)
{
    return emit->page.length;
}

int emit_status(struct emit *emit, dq_error *error)
{
    if (emit->failure.code == 0 && emit->deadline != 0 && clock_tick() > emit->deadline)
        error_set(&emit->failure, DQ_TIMED_OUT, "The time is up.");
    if (emit->failure.code < 0 && error)
        *error = emit->failure;
    return emit->failure.code;
}

/* ---- metadata ---- */

void emit_fact(struct emit *emit, enum fact fact, const char *text, size_t length)
{
    const char *name = fact_names[fact];
    autobuf clean = BUF(3 * FACT_BYTES_MAX);
    append_clean(&clean, text, piece(text, length, FACT_BYTES_MAX));
    size_t from = 0, to = clean.length;
    while (from < to && (unsigned char)clean.bytes[from] <= ' ')
        from++;
    while (to > from && (unsigned char)clean.bytes[to - 1] <= ' ')
        to--;
    autobuf value = BUF(3 * FACT_BYTES_MAX);
    if (from < to)
        buf_append(&value, clean.bytes + from, to - from);
    if (emit->part_count == 0 && value.length && fact_normalize(fact, &value) &&
        !json_object_get(emit->metadata, name))
        json_object_set_new(emit->metadata, name, json_stringn(value.bytes, value.length));
}

void emit_count(struct emit *emit, enum fact fact, uint64_t count)
{
    if (emit->part_count == 0)
        json_object_set_new(emit->metadata, fact_names[fact], json_integer((json_int_t)count));
}

void emit_time(struct emit *emit, enum fact fact, int64_t seconds)
{
    char text[64];
    struct tm tm;
    time_t time = (time_t)seconds;
    if (gmtime_r(&time, &tm))
        emit_fact(emit, fact, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

/* ---- endings ---- */

static int ending(struct emit *emit, dq_error *error)
{
    if (emit->failure.code == DQ_TIMED_OUT || emit->failure.code == DQ_TOO_LARGE)
        emit->failure = (dq_error){0};
    emit->deadline = 0;
    return emit_status(emit, error);
}

int emit_metadata(struct emit *emit, int partial, dq_error *error)
{
    int result = ending(emit, error);
    if (result == 0 && (emit->page.length > 0 || emit->pages == 0))
        result = write_page(emit);
    if (result < 0)
        return emit_status(emit, error);
    json_object_set_new(emit->metadata, "pages", json_integer(emit->pages));
    if (partial)
        json_object_set_new(emit->metadata, "partial", json_true());
    char *text = json_dumps(emit->metadata, JSON_COMPACT);
    if (!text || strlen(text) > FRAME_METADATA_BYTES_MAX)
        bug("the metadata cannot be written");
    write_frame(emit, FRAME_METADATA, NULL, 0, text, strlen(text));
    free(text);
    return emit_status(emit, error);
}

int emit_error(struct emit *emit, const char *slug, const char *message, dq_error *error)
{
    autobuf body = BUF(FRAME_SMALL_BYTES_MAX);
    if (ending(emit, error) < 0)
        return emit->failure.code;
    buf_append(&body, slug, strlen(slug) + 1);
    append_clean(&body, message, strlen(message));
    write_frame(emit, FRAME_ERROR, NULL, 0, body.bytes, body.length);
    return emit_status(emit, error);
}

int emit_end(struct emit *emit, dq_error *error)
{
    if (ending(emit, error) == 0)
        write_frame(emit, FRAME_END, NULL, 0, "", 0);
    return emit_status(emit, error);
}

/* ---- a parser that hangs ---- */

static size_t put_frame(char *to, enum frame_type type, const char *body, size_t length)
{
    put_le32((unsigned char *)to, type);
    put_le32((unsigned char *)to + 4, (uint32_t)length);
    memcpy(to + FRAME_HEADER_BYTES, body, length);
    return FRAME_HEADER_BYTES + length;
}

static size_t put_digits(char *to, uint32_t value)
{
    size_t length = 1;
    for (uint32_t rest = value; rest >= 10; rest /= 10)
        length++;
    for (size_t i = length; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return length;
}

void emit_cut_off(const struct emit *emit)
{
    static const char problem[] = "the time was up before the end: the text is not complete";
    static const char head[] = "{\"partial\":true,\"pages\":";
    char frames[256], metadata[64];
    size_t length = sizeof head - 1, used = 0;
    if (!emit || emit->pages == 0 || emit->writing)
        return;
    memcpy(metadata, head, length);
    length += put_digits(metadata + length, emit->pages);
    metadata[length++] = '}';
    used += put_frame(frames + used, FRAME_PROBLEM, problem, sizeof problem - 1);
    used += put_frame(frames + used, FRAME_METADATA, metadata, length);
    used += put_frame(frames + used, FRAME_END, "", 0);
    _exit(fd_write_all(emit->fd, frames, used) == 0 ? 0 : 1);
}
