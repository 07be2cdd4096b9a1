/* What must be escaped is escaped and no more, so that people can read the result as it is. */
#include "extract/markdown.h"

#include <string.h>

enum { LENGTHS_MAX = 1024, HEADING_LEVEL_MAX = 6 };

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Does the character at `i` mean something to Markdown where it stands? */
static bool is_special(const char *text, size_t length, size_t i)
{
    char next = i + 1 < length ? text[i + 1] : '\0';
    switch (text[i]) {
    case '\\':
    case '`':
    case '*':
    case '[':
    case ']':
    case '|':
        return true;
    case '_':
        return i == 0 || !is_word(text[i - 1]) || !is_word(next);
    case '<':
        return is_word(next) || next == '/' || next == '!' || next == '?';
    case '&':
        return is_word(next) || next == '#';
    case '~':
        return next == '~';
    default:
        return false;
    }
}

/* How many characters at the start of a line come before the one to be escaped, or -1. */
static long block_mark(const char *text, size_t length)
{
    size_t at = 0;
    if (length == 0)
        return -1;
    if (strchr("#>", text[0]))
        return 0;
    if (strchr("-+=", text[0]))
        return length == 1 || text[1] == ' ' || text[1] == text[0] ? 0 : -1;
    while (at < length && is_digit(text[at]))
        at++;
    bool ordered = at > 0 && at < 10 && at < length && (text[at] == '.' || text[at] == ')') &&
                   (at + 1 == length || text[at + 1] == ' ');
    return ordered ? (long)at : -1;
}

void markdown_text(struct buf *to, const char *text, size_t length, bool line_start)
{
    size_t blanks = 0;
    while (line_start && blanks < length && (text[blanks] == ' ' || text[blanks] == '\t'))
        blanks++;
    text += blanks;
    length -= blanks;
    long mark = line_start ? block_mark(text, length) : -1;
    size_t from = 0;
    for (size_t i = 0; i < length; i++)
        if ((long)i == mark || is_special(text, length, i)) {
            buf_append(to, text + from, i - from);
            buf_puts(to, "\\");
            from = i;
        }
    buf_append(to, text + from, length - from);
}

void markdown_row(struct buf *to, const char *cells, size_t length, size_t *columns)
{
    size_t count = 0;
    bool first = *columns == 0;
    buf_puts(to, "|");
    for (const char *at = cells; at; count++) {
        size_t left = length - (size_t)(at - cells);
        const char *end = memchr(at, '\t', left);
        buf_puts(to, " ");
        markdown_text(to, at, end ? (size_t)(end - at) : left, false);
        buf_puts(to, " |");
        at = end ? end + 1 : NULL;
    }
    for (; count < *columns; count++)
        buf_puts(to, "  |");
    buf_puts(to, "\n");
    if (!first)
        return;
    *columns = count;
    buf_puts(to, "|");
    for (size_t i = 0; i < count; i++)
        buf_puts(to, " --- |");
    buf_puts(to, "\n");
}

void markdown_heading(struct buf *to, int level, const char *text, size_t length)
{
    if (level > HEADING_LEVEL_MAX)
        level = HEADING_LEVEL_MAX;
    for (int i = 0; i < level; i++)
        buf_puts(to, "#");
    buf_puts(to, " ");
    markdown_text(to, text, length, true);
}

/* ---- lines to paragraphs ---- */

struct line {
    const char *text;
    size_t length, width; /* bytes without blanks at the ends; characters */
};

static struct line take_line(const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline ? newline : end;
    struct line line = {.text = *at};
    *at = newline ? newline + 1 : end;
    while (stop > line.text && (unsigned char)stop[-1] <= ' ')
        stop--;
    while (line.text < stop && (unsigned char)*line.text <= ' ')
        line.text++;
    line.length = (size_t)(stop - line.text);
    for (size_t i = 0; i < line.length; i++)
        line.width += ((unsigned char)line.text[i] & 0xc0) != 0x80;
    return line;
}

/* As wide as nine lines of ten are at most: where the text reaches the right margin. */
static size_t usual_width(const char *text, size_t length)
{
    size_t counts[LENGTHS_MAX] = {0}, lines = 0, seen = 0;
    for (const char *at = text, *end = text + length; at < end;) {
        struct line line = take_line(&at, end);
        lines += line.width > 0;
        if (line.width > 0)
            counts[line.width < LENGTHS_MAX ? line.width : LENGTHS_MAX - 1]++;
    }
    for (size_t width = 0; width < LENGTHS_MAX; width++) {
        seen += counts[width];
        if (lines > 0 && seen * 10 >= lines * 9)
            return width;
    }
    return 0;
}

/* "- ", a bullet, or a number with a full stop. */
static bool begins_item(struct line line)
{
    static const char *const bullets[] = {
        "- ", "* ", "\xe2\x80\xa2", "\xe2\x80\x93 ", "\xe2\x97\x8f", "\xe2\x96\xaa"};
    size_t digits = 0;
    for (size_t i = 0; i < sizeof bullets / sizeof bullets[0]; i++) {
        size_t length = strlen(bullets[i]);
        if (line.length >= length && memcmp(line.text, bullets[i], length) == 0)
            return true;
    }
    while (digits < line.length && is_digit(line.text[digits]))
        digits++;
    return digits > 0 && digits < 4 && digits + 1 < line.length &&
           (line.text[digits] == '.' || line.text[digits] == ')') && line.text[digits + 1] == ' ';
}

/* The paragraph went on to the margin, and what follows does not look like a beginning. */
static bool goes_on(struct line line, struct line next, size_t usual)
{
    char last = line.text[line.length - 1];
    bool sentence_ended = strchr(".!?:", last) && !(next.text[0] >= 'a' && next.text[0] <= 'z');
    if (begins_item(next))
        return false;
    return line.width * 4 >= usual * (sentence_ended ? 4u : 3u) ||
           (next.text[0] >= 'a' && next.text[0] <= 'z' && !sentence_ended);
}

void markdown_paragraphs(struct buf *to, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    size_t usual = usual_width(text, length);
    struct line last = {0};
    bool any = false;
    while (at < end) {
        struct line line = take_line(&at, end);
        if (line.length > 0) {
            bool joined = last.length > 0 && goes_on(last, line, usual);
            if (any)
                buf_puts(to, joined ? " " : "\n\n");
            markdown_text(to, line.text, line.length, !joined);
            any = true;
        }
        last = line;
    }
    if (any)
        buf_puts(to, "\n");
}
