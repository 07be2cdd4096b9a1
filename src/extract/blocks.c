/* Each block leaves at once, behind as much of a gap as its kind and the one before ask for. */
#include "extract/blocks.h"

#include "extract/markdown.h"

#include <string.h>

enum { NOTHING, SOMETHING, AN_ITEM, A_ROW };
enum { ITEM_LEVEL_MAX = 8, OWN_DIGITS_MAX = 8 };

void blocks_init(struct blocks *blocks, struct emit *emit, size_t bytes_max)
{
    *blocks = (struct blocks){.emit = emit,
                              .out = BUF(bytes_max),
                              .last = emit_open_bytes(emit) > 0 ? SOMETHING : NOTHING};
}

void blocks_free(struct blocks *blocks)
{
    buf_free(&blocks->out);
}

static void begin(struct blocks *blocks, int kind)
{
    bool follows =
        blocks->last == kind && (kind == AN_ITEM || (kind == A_ROW && blocks->columns > 0));
    buf_clear(&blocks->out);
    if (blocks->last != NOTHING && !follows)
        buf_puts(&blocks->out, "\n");
    blocks->last = kind;
}

static void leave(struct blocks *blocks)
{
    if (!blocks->out.overflow)
        emit_markdown(blocks->emit, blocks->out.bytes, blocks->out.length);
}

/* How much is left without the line ends behind it; 0 where all is blank. */
static size_t trimmed(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\n", text[i]))
            return length;
    return 0;
}

static void put_lines(struct buf *to, const char *text, size_t length, bool line_start)
{
    for (const char *at = text, *end = text + length; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        markdown_text(to, at, (size_t)(stop - at), line_start || at > text);
        if (stop < end)
            buf_puts(to, "\\\n");
        at = stop + 1;
    }
    buf_puts(to, "\n");
}

void blocks_paragraph(struct blocks *blocks, const char *text, size_t length)
{
    length = trimmed(text, length);
    if (length == 0)
        return;
    begin(blocks, SOMETHING);
    put_lines(&blocks->out, text, length, true);
    leave(blocks);
}

void blocks_heading(struct blocks *blocks, int level, const char *text, size_t length)
{
    length = trimmed(text, length);
    const char *end = length > 0 ? memchr(text, '\n', length) : NULL;
    if (length == 0)
        return;
    begin(blocks, SOMETHING);
    markdown_heading(&blocks->out, level, text, end ? (size_t)(end - text) : length);
    buf_puts(&blocks->out, "\n");
    leave(blocks);
    if (end)
        blocks_paragraph(blocks, end, length - (size_t)(end - text));
}

/* "1. " and "- " are Markdown's own; another label becomes part of the text. */
static bool is_own(const char *label, size_t length)
{
    size_t digits = 0;
    while (digits < length && label[digits] >= '0' && label[digits] <= '9')
        digits++;
    return (digits > 0 && digits <= OWN_DIGITS_MAX && length == digits + 2 &&
            label[digits] == '.') ||
           (length == 2 && label[0] == '-');
}

void blocks_item(struct blocks *blocks, int level, size_t label, const char *text, size_t length)
{
    length = trimmed(text, length);
    if (length <= label)
        return;
    size_t skip = is_own(text, label) ? label : 0;
    begin(blocks, AN_ITEM);
    for (int i = 0; i < level && i < ITEM_LEVEL_MAX; i++)
        buf_puts(&blocks->out, "    ");
    if (skip > 0)
        buf_append(&blocks->out, text, skip);
    else
        buf_puts(&blocks->out, "- ");
    put_lines(&blocks->out, text + skip, length - skip, false);
    leave(blocks);
}

void blocks_table(struct blocks *blocks)
{
    blocks->columns = 0;
}

void blocks_row(struct blocks *blocks, const char *cells, size_t length)
{
    while (length > 0 && cells[length - 1] == '\n')
        length--;
    if (length == 0)
        return;
    begin(blocks, A_ROW);
    markdown_row(&blocks->out, cells, length, &blocks->columns);
    leave(blocks);
}

void blocks_page(struct blocks *blocks)
{
    blocks->last = NOTHING;
    blocks->columns = 0;
}
