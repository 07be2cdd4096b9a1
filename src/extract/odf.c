/* OpenDocument (ISO 26300): texts, spreadsheets, presentations and drawings, which share one
 * language of elements. */
#include "base/error.h"
#include "extract/budget.h"
#include "extract/odf_styles.h"
#include "extract/parsers.h"
#include "extract/properties.h"
#include "extract/xml.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 128, SPACES_MAX = 64 };

/* Which text of a part is read. */
enum scope { BODY, HEADERS, FOOTERS };

struct body {
    struct emit *emit;
    struct styles *styles;
    enum scope scope;
    int inside;                      /* depth inside of what the scope is about */
    struct buf line;                 /* the paragraph, or row of a table, so far */
    struct buf aside;                /* notes, comments and boxes anchored in it; they follow it */
    int skip, asides, tables, pages; /* depths */
    int paragraphs;                  /* depth within the innermost aside */
    int saved[LIMIT_XML_DEPTH];      /* `paragraphs` outside of each aside */
    bool sheets;                     /* the tables are sheets: a page each */
    int item;                        /* start value of the next item's label, -1: counted; */
    bool item_waits;                 /* its label is not written yet */
    long repeat_cell, repeat_row, gap; /* gap: empty cells before the next */
    size_t cell_from;                  /* where the open cell's text begins in `line` */
    char value[NAME_SIZE];             /* of the open cell, where it has no text */
};

static struct buf *current(struct body *body)
{
    return body->asides > 0 ? &body->aside : &body->line;
}

static void flush(struct body *body)
{
    if (body->line.length)
        emit_text(body->emit, body->line.bytes, body->line.length);
    if (body->aside.length)
        emit_text(body->emit, body->aside.bytes, body->aside.length);
    buf_clear(&body->line);
    buf_clear(&body->aside);
}

static void end_page(struct body *body)
{
    flush(body);
    if (emit_open_bytes(body->emit) > 0)
        emit_page(body->emit);
}

static long number_of(const struct xml_attributes *attributes, const char *name, long otherwise)
{
    char text[24];
    if (!xml_attribute(attributes, name, text, sizeof text))
        return otherwise;
    return strtol(text, NULL, 10);
}

/* ---- paragraphs ---- */

static void put_label(struct body *body)
{
    if (!body->item_waits)
        return;
    body->item_waits = false;
    styles_label_item(body->styles, body->item, current(body));
}

static void on_paragraph(struct body *body, const struct xml_attributes *attributes)
{
    char style[NAME_SIZE];
    if (body->tables == 0 && body->asides == 0 &&
        xml_attribute(attributes, "style-name", style, sizeof style) &&
        styles_break_before(body->styles, style))
        end_page(body);
    body->paragraphs++;
    put_label(body);
}

static void on_heading(struct body *body, const struct xml_attributes *attributes)
{
    on_paragraph(body, attributes);
    styles_label_heading(body->styles, (int)number_of(attributes, "outline-level", 1),
                         current(body));
}

static void on_paragraph_end(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    body->paragraphs--;
    if (body->asides > 0) {
        buf_puts(&body->aside, "\n");
    } else if (body->tables > 0) {
        buf_puts(&body->line, " "); /* cells stay on one line */
    } else {
        buf_puts(&body->line, "\n");
        flush(body);
    }
}

/* The footer of all pages of a presentation stands before the first one. */
static void on_declared(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    body->paragraphs++;
}

/* A note, comment or box: its paragraphs follow the one that it stands in. */
static void on_aside(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    body->saved[body->asides++] = body->paragraphs;
    body->paragraphs = 0;
    if (body->asides == 1 && body->aside.length == 0 && body->tables == 0 &&
        body->line.length > 0 && body->saved[0] > 0)
        buf_puts(&body->aside, "\n");
}

static void on_aside_end(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    body->paragraphs = body->saved[--body->asides];
    if (body->paragraphs == 0 && body->tables == 0 && body->asides == 0)
        flush(body);
}

static void on_spaces(struct body *body, const struct xml_attributes *attributes)
{
    long count = number_of(attributes, "c", 1);
    for (long i = 0; i < count && i < SPACES_MAX; i++)
        buf_puts(current(body), " ");
}

static void on_tab(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    buf_puts(current(body), body->tables > 0 ? " " : "\t");
}

static void on_line_break(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    buf_puts(current(body), body->tables > 0 ? " " : "\n");
}

static void on_page_break(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    if (body->tables == 0 && body->asides == 0 && body->paragraphs == 0)
        end_page(body);
}

/* ---- lists ---- */

static void on_list(struct body *body, const struct xml_attributes *attributes)
{
    char style[NAME_SIZE], continues[8], other[NAME_SIZE];
    xml_attribute(attributes, "style-name", style, sizeof style);
    xml_attribute(attributes, "continue-numbering", continues, sizeof continues);
    bool goes_on = strcmp(continues, "true") == 0 ||
                   xml_attribute(attributes, "continue-list", other, sizeof other);
    styles_list_begin(body->styles, style, goes_on);
}

static void on_list_end(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    styles_list_end(body->styles);
    body->item_waits = false;
}

static void on_item(struct body *body, const struct xml_attributes *attributes)
{
    body->item = (int)number_of(attributes, "start-value", -1);
    if (body->item < 0 || body->item > 1000000)
        body->item = -1;
    body->item_waits = true;
}

/* ---- tables ---- */

static void on_table(struct body *body, const struct xml_attributes *attributes)
{
    char name[NAME_SIZE];
    if (body->tables++ > 0 || body->asides > 0)
        return;
    if (body->sheets) {
        end_page(body);
        xml_attribute(attributes, "name", name, sizeof name);
        emit_puts(body->emit, name);
        emit_puts(body->emit, "\n");
    }
}

static void on_table_end(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    if (--body->tables == 0 && body->asides == 0 && body->sheets) {
        flush(body);
        emit_page(body->emit);
    }
}

static void on_row(struct body *body, const struct xml_attributes *attributes)
{
    if (body->tables > 1)
        return;
    body->repeat_row = number_of(attributes, "number-rows-repeated", 1);
    body->gap = 0;
}

static void on_row_end(struct body *body, const struct xml_attributes *none)
{
    struct buf *line = current(body);
    (void)none;
    if (body->tables > 1)
        return;
    while (line->length > 0 && strchr(" \t", line->bytes[line->length - 1]))
        line->length--;
    if (line->length == 0) {
        flush(body);
        return;
    }
    buf_puts(line, "\n");
    if (body->asides > 0)
        return;
    for (long i = 1; i < body->repeat_row && i < LIMIT_CELL_GAP; i++)
        emit_text(body->emit, line->bytes, line->length);
    flush(body);
}

static void on_cell(struct body *body, const struct xml_attributes *attributes)
{
    static const char *const values[] = {"string-value", "date-value", "time-value",
                                         "boolean-value", "value"};
    body->value[0] = '\0';
    for (size_t i = 0; i < sizeof values / sizeof values[0] && !body->value[0]; i++)
        xml_attribute(attributes, values[i], body->value, sizeof body->value);
    if (body->tables > 1)
        return;
    struct buf *line = current(body);
    body->repeat_cell = number_of(attributes, "number-columns-repeated", 1);
    body->cell_from = line->length;
}

static void trim(struct buf *line, size_t from)
{
    while (line->length > from && line->bytes[line->length - 1] == ' ')
        line->length--;
}

/* Empty cells in between keep the columns apart, as far as that is sensible. */
static void put_gap(struct body *body, struct buf *line)
{
    char tabs[LIMIT_CELL_GAP];
    size_t length = line->length - body->cell_from;
    size_t count = body->gap < LIMIT_CELL_GAP ? (size_t)body->gap : LIMIT_CELL_GAP;
    memset(tabs, '\t', sizeof tabs);
    body->gap = 0;
    if (count == 0 || !buf_append(line, tabs, count))
        return;
    memmove(line->bytes + body->cell_from + count, line->bytes + body->cell_from, length);
    memset(line->bytes + body->cell_from, '\t', count);
    body->cell_from += count;
}

static void on_cell_end(struct body *body, const struct xml_attributes *none)
{
    struct buf *line = current(body);
    (void)none;
    if (body->tables > 1) {
        buf_puts(line, " ");
        return;
    }
    if (body->cell_from > line->length) /* an aside began or ended in between */
        body->cell_from = line->length;
    trim(line, body->cell_from);
    if (line->length == body->cell_from)
        buf_puts(line, body->value);
    if (line->length == body->cell_from) {
        body->gap += body->repeat_cell > 0 && body->repeat_cell < LIMIT_CELL_GAP ? body->repeat_cell
                                                                                 : LIMIT_CELL_GAP;
        return;
    }
    put_gap(body, line);
    buf_puts(line, "\t");
    size_t length = line->length - body->cell_from;
    for (long i = 1; i < body->repeat_cell && i < LIMIT_CELL_GAP && !line->overflow; i++)
        if (buf_append(line, "", 0) && length <= LIMIT_PARAGRAPH_BYTES - line->length) {
            autobuf copy = BUF(LIMIT_PARAGRAPH_BYTES); /* the line may move while it grows */
            buf_append(&copy, line->bytes + body->cell_from, length);
            buf_append(line, copy.bytes, copy.length);
        }
}

/* ---- pages ---- */

static void on_drawn_page(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    if (body->pages++ == 0)
        flush(body);
}

static void on_drawn_page_end(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    if (--body->pages > 0)
        return;
    flush(body);
    emit_page(body->emit);
}

static void on_spreadsheet(struct body *body, const struct xml_attributes *none)
{
    (void)none;
    body->sheets = true;
}

/* ---- elements ---- */

typedef void step(struct body *body, const struct xml_attributes *attributes);

static const struct element {
    const char *name;
    step *start, *end;
} elements[] = {
    {"p", on_paragraph, on_paragraph_end},
    {"h", on_heading, on_paragraph_end},
    {"header-decl", on_declared, on_paragraph_end},
    {"footer-decl", on_declared, on_paragraph_end},
    {"s", on_spaces, NULL},
    {"tab", on_tab, NULL},
    {"line-break", on_line_break, NULL},
    {"soft-page-break", on_page_break, NULL},
    {"note-body", on_aside, on_aside_end},
    {"annotation", on_aside, on_aside_end},
    {"text-box", on_aside, on_aside_end},
    {"custom-shape", on_aside, on_aside_end},
    {"list", on_list, on_list_end},
    {"list-item", on_item, NULL},
    {"table", on_table, on_table_end},
    {"table-row", on_row, on_row_end},
    {"table-cell", on_cell, on_cell_end},
    {"covered-table-cell", on_cell, on_cell_end},
    {"page", on_drawn_page, on_drawn_page_end},
    {"spreadsheet", on_spreadsheet, NULL},
};

/* Deleted text, pronunciations, numbers that only count notes and pages, what is for the eye. */
static bool is_skipped(const char *name)
{
    static const char *const names[] = {"tracked-changes",
                                        "deletion",
                                        "ruby-text",
                                        "note-citation",
                                        "page-number",
                                        "forms",
                                        "scripts",
                                        "bibliography-source",
                                        "binary-data",
                                        "shapes-hidden",
                                        "table-of-content-source"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const struct element *element_of(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].name, name) == 0)
            return &elements[i];
    return NULL;
}

static bool opens_scope(const struct body *body, const char *name)
{
    static const char *const headers[] = {"header", "header-left", "header-first"};
    static const char *const footers[] = {"footer", "footer-left", "footer-first"};
    if (body->scope == BODY)
        return strcmp(name, "body") == 0;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(name, (body->scope == HEADERS ? headers : footers)[i]) == 0)
            return true;
    return false;
}

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct body *body = context;
    if (opens_scope(body, name))
        body->inside++;
    if (body->skip > 0 || is_skipped(name)) {
        body->skip += is_skipped(name);
        return;
    }
    if (body->inside == 0) {
        styles_start_element(body->styles, name, attributes);
        return;
    }
    const struct element *element = element_of(name);
    if (element && element->start)
        element->start(body, attributes);
}

static void on_end(void *context, const char *name)
{
    struct body *body = context;
    if (body->skip > 0) {
        body->skip -= is_skipped(name);
        return;
    }
    const struct element *element = body->inside > 0 ? element_of(name) : NULL;
    if (body->inside == 0)
        styles_end_element(body->styles, name);
    if (element && element->end)
        element->end(body, NULL);
    if (opens_scope(body, name))
        body->inside--;
}

/* Line ends and runs of spaces in the source are one space. */
static void on_text(void *context, const char *text, size_t length)
{
    struct body *body = context;
    if (body->skip > 0 || body->inside == 0 || body->paragraphs == 0)
        return;
    struct buf *to = current(body);
    for (size_t at = 0; at < length;) {
        size_t run = 0;
        while (at + run < length && !strchr(" \t\r\n", text[at + run]))
            run++;
        buf_append(to, text + at, run);
        at += run;
        if (at < length && (to->length == 0 || !strchr(" \n\t", to->bytes[to->length - 1])))
            buf_puts(to, " ");
        at += at < length;
    }
}

/* ---- parts ---- */

static int read_part(struct archive *archive, const char *part, enum scope scope,
                     struct styles *styles, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct body body = {.emit = emit,
                        .styles = styles,
                        .scope = scope,
                        .line = BUF(LIMIT_PARAGRAPH_BYTES),
                        .aside = BUF(LIMIT_PARAGRAPH_BYTES)};
    int entry = archive_find(archive, part);
    int result = entry < 0 ? DQ_NOT_FOUND : xml_parse(archive, entry, &handler, &body, emit, error);
    bool overflow = body.line.overflow || body.aside.overflow;
    flush(&body);
    buf_free(&body.line);
    buf_free(&body.aside);
    if (result == 0 && overflow)
        return error_set(error, DQ_TOO_LARGE, "A paragraph is longer than %llu MiB.",
                         LIMIT_PARAGRAPH_BYTES / 1024 / 1024);
    return result;
}

static void manifest_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    (void)attributes;
    if (strcmp(name, "encryption-data") == 0)
        *(bool *)context = true;
}

static int check_encryption(struct archive *archive, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {.start = manifest_start};
    bool encrypted = false;
    dq_error ignored = {0};
    int entry = archive_find(archive, "META-INF/manifest.xml");
    int result = entry < 0 ? 0 : xml_parse(archive, entry, &handler, &encrypted, emit, &ignored);
    if (encrypted)
        return error_set(error, DQ_FORBIDDEN, "The document is encrypted; a password is needed.");
    if (result == 0 || result == DQ_CORRUPT)
        return 0;
    if (error)
        *error = ignored;
    return result;
}

/* Headers and footers stand among the styles; where those are damaged the text still counts. */
static int read_margins(struct archive *archive, enum scope scope, struct styles *styles,
                        struct emit *emit, dq_error *error)
{
    int result = read_part(archive, "styles.xml", scope, styles, emit, error);
    if (result == DQ_CORRUPT)
        emit_problem(emit, "a part of the document is damaged: styles.xml");
    return result == DQ_CORRUPT || result == DQ_NOT_FOUND ? 0 : result;
}

static int extract_odf(const struct input *input, bool margins, struct emit *emit, dq_error *error)
{
    autoarchive archive = NULL;
    autostyles styles = styles_new();
    int result = archive_open(input, &archive, error);
    if (result == 0)
        result = check_encryption(archive, emit, error);
    if (result == 0 && margins)
        result = read_margins(archive, HEADERS, styles, emit, error);
    if (result < 0)
        return result;
    properties_read_open_document(archive, emit);
    result = read_part(archive, "content.xml", BODY, styles, emit, error);
    if (result == DQ_NOT_FOUND)
        return error_set(error, DQ_CORRUPT, "The document has no content.");
    return result == 0 && margins ? read_margins(archive, FOOTERS, styles, emit, error) : result;
}

int extract_open_text(const struct input *input, struct emit *emit, dq_error *error)
{
    return extract_odf(input, true, emit, error);
}

int extract_open_pages(const struct input *input, struct emit *emit, dq_error *error)
{
    return extract_odf(input, false, emit, error);
}
