/* An XML file of any kind: what stands between its tags, a line for each run of text. */
#include "extract/parsers.h"
#include "extract/xml.h"

#include <string.h>

struct lines {
    struct emit *emit;
    bool in_line, space;
};

static void end_line(struct lines *lines)
{
    if (lines->in_line)
        emit_text(lines->emit, "\n", 1);
    lines->in_line = lines->space = false;
}

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    (void)name, (void)attributes;
    end_line(context);
}

static void on_end(void *context, const char *name)
{
    (void)name;
    end_line(context);
}

static void on_text(void *context, const char *text, size_t length)
{
    static const char spaces[] = {' ', '\t', '\r', '\n'};
    struct lines *lines = context;
    for (size_t at = 0; at < length;) {
        size_t word = 0;
        while (at + word < length && !memchr(spaces, text[at + word], sizeof spaces))
            word++;
        if (word > 0) {
            if (lines->in_line && lines->space)
                emit_text(lines->emit, " ", 1);
            emit_text(lines->emit, text + at, word);
            lines->in_line = true;
        }
        lines->space = at + word < length;
        at += word + 1;
    }
}

int extract_xml(const struct input *input, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct lines lines = {.emit = emit};
    return xml_parse_bytes(input, &handler, &lines, emit, error);
}
