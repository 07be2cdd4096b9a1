/* Frames come out of a state machine of two states, header and body; each kind of frame is a row
 * with its limits and the function that checks and keeps its body. */
#include "sandbox/wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/png.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLUG_BYTES_MAX = 64 };

struct row;

struct wire {
    enum wire_state state;
    unsigned char header[FRAME_HEADER_BYTES];
    size_t header_length;
    bool text;             /* no frames: the body is everything */
    const struct row *row; /* of the frame whose body is being read */
    uint32_t body_length;
    struct buf body;
    int64_t output_bytes_max;
    wire_progress_fn *progress;
    void *context;
    struct arena *arena;
    dq_page *pages;
    size_t page_capacity;
    const char *problems[FRAME_PROBLEMS_MAX];
    struct wire_content content;
    char fault[128];
};

static void end(struct wire *wire, enum wire_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end(struct wire *wire, enum wire_state state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(wire->fault, sizeof wire->fault, format, args);
    va_end(args);
    wire->state = state;
}

static uint32_t le32(const void *bytes)
{
    const unsigned char *b = bytes;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* UTF-8 without NUL, so that it may be passed on as a C string. */
static bool is_text(const char *bytes, size_t length)
{
    return !memchr(bytes, '\0', length) && utf8_valid(bytes, length);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void take_progress(struct wire *wire, const char *body, size_t length)
{
    const char *stage = body + 8; /* the buffer ends it with a NUL */
    if (!is_text(stage, length - 8))
        end(wire, WIRE_BROKEN, "The name of a stage is not UTF-8.");
    else if (wire->progress)
        wire->progress(wire->context, stage, le32(body), le32(body + 4));
}

static void take_type(struct wire *wire, const char *body, size_t length)
{
    if (wire->content.content_type)
        end(wire, WIRE_BROKEN, "The media type came twice.");
    else if (!is_text(body, length))
        end(wire, WIRE_BROKEN, "The media type is not UTF-8.");
    else
        wire->content.content_type = arena_strndup(wire->arena, body, length);
}

static void keep_page(struct wire *wire, const char *text, size_t length)
{
    size_t count = wire->content.page_count;
    if (count == wire->page_capacity) {
        size_t capacity = count ? count * 2 : 16;
        dq_page *pages = reallocarray(wire->pages, capacity, sizeof *pages);
        if (!pages)
            bug("out of memory (%zu pages)", capacity);
        wire->pages = pages;
        wire->page_capacity = capacity;
    }
    wire->pages[count] = (dq_page){.number = (int)count + 1,
                                   .text = arena_strndup(wire->arena, text, length),
                                   .text_bytes = length};
    wire->content.pages = wire->pages;
    wire->content.page_count = count + 1;
    wire->content.text_bytes += (int64_t)length;
}

static void too_long(struct wire *wire)
{
    end(wire, WIRE_FULL, "The text is longer than %lld bytes.", (long long)wire->output_bytes_max);
}

static void take_page(struct wire *wire, const char *body, size_t length)
{
    const char *text = body + 4;
    length -= 4;
    if (wire->content.page_count >= FRAME_PAGES_MAX)
        end(wire, WIRE_FULL, "There are more than %d pages.", FRAME_PAGES_MAX);
    else if (le32(body) != wire->content.page_count + 1)
        end(wire, WIRE_BROKEN, "Page %u came where page %zu was due.", le32(body),
            wire->content.page_count + 1);
    else if (wire->content.text_bytes + (int64_t)length > wire->output_bytes_max)
        too_long(wire);
    else if (!is_text(text, length))
        end(wire, WIRE_BROKEN, "Page %u is not UTF-8 or holds a NUL.", le32(body));
    else
        keep_page(wire, text, length);
}

/* Only of the page that has just come, and once. */
static void take_markdown(struct wire *wire, const char *body, size_t length)
{
    const char *text = body + 4;
    size_t count = wire->content.page_count;
    dq_page *page = count ? &wire->pages[count - 1] : NULL;
    length -= 4;
    if (!page || le32(body) != count || page->markdown)
        end(wire, WIRE_BROKEN, "Markdown for page %u does not follow its page.", le32(body));
    else if (wire->content.markdown_bytes + (int64_t)length > FRAME_MARKDOWN_BYTES_MAX)
        end(wire, WIRE_FULL, "The Markdown is longer than %d bytes.", FRAME_MARKDOWN_BYTES_MAX);
    else if (!is_text(text, length))
        end(wire, WIRE_BROKEN, "The Markdown of page %u is not UTF-8 or holds a NUL.", le32(body));
    else {
        page->markdown = arena_strndup(wire->arena, text, length);
        page->markdown_bytes = length;
        wire->content.markdown_bytes += (int64_t)length;
    }
}

static void take_thumbnail(struct wire *wire, const char *body, size_t length)
{
    if (wire->content.thumbnail)
        end(wire, WIRE_BROKEN, "The thumbnail came twice.");
    else if (!png_valid(body, length, FRAME_THUMBNAIL_SIDE_MAX))
        end(wire, WIRE_BROKEN, "The thumbnail is not a small PNG.");
    else {
        wire->content.thumbnail = arena_strndup(wire->arena, body, length);
        wire->content.thumbnail_bytes = length;
    }
}

/* That it is a JSON object is for the one to find out who has a JSON library. */
static void take_metadata(struct wire *wire, const char *body, size_t length)
{
    if (wire->content.metadata)
        end(wire, WIRE_BROKEN, "The metadata came twice.");
    else if (!is_text(body, length) || body[0] != '{' || body[length - 1] != '}')
        end(wire, WIRE_BROKEN, "The metadata is not one JSON object.");
    else
        wire->content.metadata = arena_strndup(wire->arena, body, length);
}

static void take_problem(struct wire *wire, const char *body, size_t length)
{
    if (wire->content.problem_count >= FRAME_PROBLEMS_MAX)
        end(wire, WIRE_BROKEN, "There are more than %d problems.", FRAME_PROBLEMS_MAX);
    else if (!is_text(body, length))
        end(wire, WIRE_BROKEN, "A problem is not UTF-8.");
    else
        wire->problems[wire->content.problem_count++] = arena_strndup(wire->arena, body, length);
}

static bool is_slug(const char *text, size_t length)
{
    return length > 0 && length <= SLUG_BYTES_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static void take_error(struct wire *wire, const char *body, size_t length)
{
    const char *nul = memchr(body, '\0', length);
    size_t slug_length = nul ? (size_t)(nul - body) : 0;
    if (wire->content.error_slug)
        end(wire, WIRE_BROKEN, "The error came twice.");
    else if (!is_slug(body, slug_length))
        end(wire, WIRE_BROKEN, "The error has no code.");
    else if (!is_text(nul + 1, length - slug_length - 1))
        end(wire, WIRE_BROKEN, "The message of the error is not UTF-8.");
    else {
        wire->content.error_slug = arena_strndup(wire->arena, body, slug_length);
        wire->content.error_message = arena_strndup(wire->arena, nul + 1, length - slug_length - 1);
    }
}

static void take_end(struct wire *wire, const char *body, size_t length)
{
    (void)body;
    (void)length;
    wire->state = WIRE_WHOLE;
}

/* ---- frames -------------------------------------------------------------------------------- */

static const struct row {
    uint32_t length_min, length_max;
    void (*take)(struct wire *wire, const char *body, size_t length);
} rows[] = {
    [FRAME_PROGRESS] = {8, FRAME_SMALL_BYTES_MAX, take_progress},
    [FRAME_TYPE] = {1, FRAME_SMALL_BYTES_MAX, take_type},
    [FRAME_PAGE] = {4, FRAME_PAGE_BYTES_MAX, take_page},
    [FRAME_METADATA] = {2, FRAME_METADATA_BYTES_MAX, take_metadata},
    [FRAME_PROBLEM] = {1, FRAME_SMALL_BYTES_MAX, take_problem},
    [FRAME_ERROR] = {2, FRAME_SMALL_BYTES_MAX, take_error},
    [FRAME_END] = {0, 0, take_end},
    [FRAME_MARKDOWN] = {4, FRAME_PAGE_BYTES_MAX, take_markdown},
    [FRAME_THUMBNAIL] = {1, FRAME_THUMBNAIL_BYTES_MAX, take_thumbnail},
};

static void begin_frame(struct wire *wire)
{
    uint32_t type = le32(wire->header), length = le32(wire->header + 4);
    if (type >= sizeof rows / sizeof rows[0] || !rows[type].take)
        end(wire, WIRE_BROKEN, "A record is of the unknown type %u.", type);
    else if (length < rows[type].length_min || length > rows[type].length_max)
        end(wire, WIRE_BROKEN, "A record of type %u cannot have %u bytes.", type, length);
    else if (wire->content.error_slug && type != FRAME_END)
        end(wire, WIRE_BROKEN, "A record of type %u follows the error.", type);
    wire->row = wire->state == WIRE_OPEN ? &rows[type] : NULL;
    wire->body_length = length;
    buf_clear(&wire->body);
}

static size_t feed_header(struct wire *wire, const char *bytes, size_t length)
{
    size_t used = FRAME_HEADER_BYTES - wire->header_length;
    if (used > length)
        used = length;
    memcpy(wire->header + wire->header_length, bytes, used);
    wire->header_length += used;
    if (wire->header_length == FRAME_HEADER_BYTES)
        begin_frame(wire);
    return used;
}

/* Memory grows with what has come, not with what was announced. */
static size_t feed_body(struct wire *wire, const char *bytes, size_t length)
{
    size_t used = wire->body_length - wire->body.length;
    if (used > length)
        used = length;
    buf_append(&wire->body, bytes, used);
    return used;
}

static enum wire_state feed_text(struct wire *wire, const char *bytes, size_t length)
{
    if (wire->state == WIRE_OPEN && !buf_append(&wire->body, bytes, length))
        too_long(wire);
    return wire->state;
}

enum wire_state wire_feed(struct wire *wire, const void *bytes, size_t length)
{
    const char *at = bytes;
    if (wire->text)
        return feed_text(wire, at, length);
    while (length > 0 && wire->state == WIRE_OPEN) {
        size_t used = wire->row ? feed_body(wire, at, length) : feed_header(wire, at, length);
        at += used;
        length -= used;
        if (!wire->row || wire->body.length < wire->body_length)
            continue;
        wire->row->take(wire, wire->body.length ? wire->body.bytes : "", wire->body.length);
        wire->row = NULL;
        wire->header_length = 0;
    }
    if (length > 0 && wire->state == WIRE_WHOLE)
        end(wire, WIRE_BROKEN, "Bytes follow the end.");
    return wire->state;
}

struct wire *wire_new(int64_t output_bytes_max, wire_progress_fn *progress, void *context)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        bug("out of memory");
    wire->body = BUF(FRAME_PAGE_BYTES_MAX);
    wire->arena = arena_new();
    wire->output_bytes_max = output_bytes_max > 0 ? output_bytes_max : FRAME_OUTPUT_BYTES_MAX;
    wire->progress = progress;
    wire->context = context;
    return wire;
}

void wire_expect_text(struct wire *wire)
{
    wire->text = true;
    wire->body = BUF((size_t)wire->output_bytes_max);
}

enum wire_state wire_finish(struct wire *wire)
{
    const char *at = wire->body.length ? wire->body.bytes : "", *limit = at + wire->body.length;
    if (wire->state != WIRE_OPEN)
        return wire->state;
    wire->state = WIRE_WHOLE;
    if (!is_text(at, wire->body.length))
        end(wire, WIRE_BROKEN, "The text is not UTF-8 or holds a NUL.");
    while (wire->state == WIRE_WHOLE && at < limit) {
        const char *feed = memchr(at, '\f', (size_t)(limit - at));
        if (wire->content.page_count >= FRAME_PAGES_MAX)
            end(wire, WIRE_FULL, "There are more than %d pages.", FRAME_PAGES_MAX);
        else
            keep_page(wire, at, (size_t)((feed ? feed : limit) - at));
        at = feed ? feed + 1 : limit;
    }
    return wire->state;
}

void wire_free(struct wire *wire)
{
    if (!wire)
        return;
    buf_free(&wire->body);
    arena_free(wire->arena);
    free(wire->pages);
    free(wire);
}

enum wire_state wire_state(const struct wire *wire)
{
    return wire->state;
}

const char *wire_fault(const struct wire *wire)
{
    return wire->fault;
}

struct wire_content wire_content(const struct wire *wire)
{
    struct wire_content content = wire->content;
    content.problems = wire->problems;
    return content;
}
