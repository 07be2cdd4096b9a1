/* Plain text in any encoding, and Markdown, which is plain text with a title. */
#include "base/error.h"
#include "extract/charset.h"
#include "extract/parsers.h"

#include <stdbool.h>
#include <string.h>

enum { TITLE_LOOK_BYTES = 16 * 1024 };

struct text_walk {
    struct emit *emit;
    bool after_return; /* the last piece ended in \r */
};

/* Line ends become \n, a form feed ends the page. */
static int on_text(void *context, const char *text, size_t length)
{
    struct text_walk *walk = context;
    int result = 0;
    while (length > 0 && result == 0) {
        if (walk->after_return && *text == '\n') {
            text++;
            length--;
        }
        size_t run = 0;
        while (run < length && text[run] != '\r' && text[run] != '\f')
            run++;
        if (run > 0)
            result = emit_text(walk->emit, text, run);
        walk->after_return = run < length && text[run] == '\r';
        if (run < length && result == 0)
            result = text[run] == '\r' ? emit_puts(walk->emit, "\n") : emit_page(walk->emit);
        run += run < length;
        text += run;
        length -= run;
    }
    return result;
}

int read_text(const struct input *input, const char *encoding, struct emit *emit, dq_error *error)
{
    size_t skip = 0;
    struct text_walk walk = {.emit = emit};
    struct charset charset = charset_detect(input->bytes, input->length, encoding, &skip);
    emit_fact(emit, FACT_ENCODING, charset.name, strlen(charset.name));
    int result =
        charset_decode(charset, input->bytes + skip, input->length - skip, on_text, &walk, error);
    return emit_status(emit, error) < 0 ? emit_status(emit, error) : result;
}

int extract_text(const struct input *input, struct emit *emit, dq_error *error)
{
    return read_text(input, NULL, emit, error);
}

/* ---- Markdown ---- */

struct span {
    const char *text;
    size_t length;
};

static struct span next_line(struct span *rest)
{
    struct span line = *rest;
    const char *end = memchr(rest->text, '\n', rest->length);
    if (end)
        line.length = (size_t)(end - rest->text);
    size_t used = line.length + (end ? 1 : 0);
    *rest = (struct span){rest->text + used, rest->length - used};
    if (line.length > 0 && line.text[line.length - 1] == '\r')
        line.length--;
    return line;
}

static bool starts(struct span line, const char *word)
{
    return line.length >= strlen(word) && memcmp(line.text, word, strlen(word)) == 0;
}

static bool is(struct span line, const char *word)
{
    return line.length == strlen(word) && starts(line, word);
}

static void field(struct emit *emit, struct span line)
{
    static const struct {
        const char *name;
        enum fact fact;
    } fields[] = {{"title:", FACT_TITLE},       {"author:", FACT_AUTHOR},
                  {"date:", FACT_CREATED},      {"lang:", FACT_LANGUAGE},
                  {"language:", FACT_LANGUAGE}, {"description:", FACT_DESCRIPTION}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t from = strlen(fields[i].name), to = line.length;
        if (!starts(line, fields[i].name))
            continue;
        while (from < to && strchr(" \t\"'", line.text[from]))
            from++;
        while (to > from && strchr(" \t\"'", line.text[to - 1]))
            to--;
        emit_fact(emit, fields[i].fact, line.text + from, to - from);
    }
}

/* Returns where the text behind the front matter begins. */
static struct span front_matter(struct emit *emit, struct span all)
{
    struct span rest = all;
    if (!is(next_line(&rest), "---"))
        return all;
    while (rest.length > 0) {
        struct span line = next_line(&rest);
        if (is(line, "---") || is(line, "..."))
            return rest;
        field(emit, line);
    }
    return all;
}

static void first_heading(struct emit *emit, struct span rest)
{
    struct span last = {"", 0};
    while (rest.length > 0) {
        struct span line = next_line(&rest);
        if (starts(line, "# ")) {
            size_t to = line.length;
            while (to > 2 && strchr("# ", line.text[to - 1]))
                to--;
            emit_fact(emit, FACT_TITLE, line.text + 2, to - 2);
            return;
        }
        if (last.length > 0 && starts(line, "===")) {
            emit_fact(emit, FACT_TITLE, last.text, last.length);
            return;
        }
        last = line;
    }
}

int extract_markdown(const struct input *input, struct emit *emit, dq_error *error)
{
    size_t skip = 0;
    if (charset_detect(input->bytes, input->length, NULL, &skip).iconv == NULL) {
        size_t look = input->length - skip;
        struct span head = {input->bytes + skip, look < TITLE_LOOK_BYTES ? look : TITLE_LOOK_BYTES};
        first_heading(emit, front_matter(emit, head));
    }
    return extract_text(input, emit, error);
}
