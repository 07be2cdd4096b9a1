/* DOCX (ECMA-376, WordprocessingML): which parts there are, and what their elements mean. */
#include "base/error.h"
#include "extract/archive.h"
#include "extract/blocks.h"
#include "extract/budget.h"
#include "extract/docx_lists.h"
#include "extract/ooxml.h"
#include "extract/parsers.h"
#include "extract/properties.h"
#include "extract/xml.h"

#include <stdlib.h>
#include <string.h>

enum { STYLE_SIZE = 80 };

/* ---- the text of one part ---- */

struct body {
    struct emit *emit;
    struct lists *lists;
    struct buf line;  /* the paragraph, or row of a table, so far */
    struct buf boxes; /* text boxes anchored in it; they follow it */
    int skip;         /* depth inside of what is not read */
    int properties;   /* depth inside of w:pPr, w:rPr, ... */
    int text;         /* depth inside of w:t */
    int tables, box;  /* depths */
    bool labelled, breaks_page;
    char style[STYLE_SIZE];
    int list, level, outline;
    size_t label; /* bytes of the line that are its list's number or bullet */
    struct blocks blocks;
};

static struct buf *current(struct body *body)
{
    return body->box > 0 ? &body->boxes : &body->line;
}

static bool at_line_start(const struct buf *line)
{
    return line->length == 0 || line->bytes[line->length - 1] == '\n' ||
           line->bytes[line->length - 1] == '\t';
}

static int heading_of(const struct body *body)
{
    if (body->outline >= 0)
        return (body->outline + 1) % 10; /* 9 is no heading */
    return body->lists ? lists_heading(body->lists, body->style) : 0;
}

/* A row of a table is tab-separated, and its cells have no line ends. */
static void flush_markdown(struct body *body)
{
    const struct buf *line = &body->line, *boxes = &body->boxes;
    struct blocks *to = &body->blocks;
    int level = heading_of(body);
    if (line->length > 0 && body->tables > 0)
        blocks_row(to, line->bytes, line->length);
    else if (line->length > 0 && level > 0)
        blocks_heading(to, level, line->bytes, line->length);
    else if (line->length > 0 && body->label > 0)
        blocks_item(to, body->level, body->label, line->bytes, line->length);
    else if (line->length > 0)
        blocks_paragraph(to, line->bytes, line->length);
    if (boxes->length > 0)
        blocks_paragraph(to, boxes->bytes, boxes->length);
}

static void end_page(struct body *body)
{
    if (emit_open_bytes(body->emit) > 0)
        emit_page(body->emit);
    blocks_page(&body->blocks);
}

static void flush_line(struct body *body)
{
    flush_markdown(body);
    if (body->line.length)
        emit_text(body->emit, body->line.bytes, body->line.length);
    if (body->boxes.length)
        emit_text(body->emit, body->boxes.bytes, body->boxes.length);
    buf_clear(&body->line);
    buf_clear(&body->boxes);
    body->label = 0;
    if (body->breaks_page)
        end_page(body);
    body->breaks_page = false;
}

/* Numbers come just before the first text: w:pPr has told everything by then. */
static void put_list_label(struct body *body)
{
    if (body->labelled || !body->lists)
        return;
    body->labelled = true;
    size_t before = current(body)->length;
    lists_label(body->lists, body->list, body->level, body->style, current(body));
    if (body->box == 0 && before == 0)
        body->label = body->line.length;
}

static void on_paragraph(struct body *body)
{
    body->labelled = false;
    body->style[0] = '\0';
    body->list = body->level = body->outline = -1;
}

static void on_paragraph_end(struct body *body)
{
    struct buf *line = current(body);
    if (body->tables > 0 && body->box == 0) { /* cells stay on one line */
        if (!at_line_start(line))
            buf_puts(line, " ");
        return;
    }
    buf_puts(line, "\n");
    if (body->box == 0)
        flush_line(body);
    body->labelled = true;
}

static void trim_spaces(struct buf *line)
{
    while (line->length > 0 && line->bytes[line->length - 1] == ' ')
        line->length--;
}

static void on_cell_end(struct body *body)
{
    trim_spaces(current(body));
    buf_puts(current(body), body->tables == 1 ? "\t" : " ");
}

static void on_row_end(struct body *body)
{
    struct buf *line = current(body);
    if (body->tables > 1)
        return;
    while (line->length > 0 && strchr(" \t", line->bytes[line->length - 1]))
        line->length--;
    buf_puts(line, "\n");
    if (body->box == 0)
        flush_line(body);
}

static void on_page_break(struct body *body)
{
    if (body->tables > 0 || body->box > 0) {
        body->breaks_page = true;
        return;
    }
    flush_line(body);
    end_page(body);
}

static void on_break(struct body *body, const struct xml_attributes *attributes)
{
    char type[16];
    xml_attribute(attributes, "type", type, sizeof type);
    if (strcmp(type, "page") == 0)
        on_page_break(body);
    else
        buf_puts(current(body), body->tables > 0 ? " " : "\n");
}

static void on_symbol(struct body *body, const struct xml_attributes *attributes)
{
    char code[16];
    xml_attribute(attributes, "char", code, sizeof code);
    long value = strtol(code, NULL, 16);
    if (value >= 0xf000) /* a place in a symbol font: nobody knows what it looks like */
        buf_puts(current(body), "\xe2\x80\xa2");
}

static void on_box(struct body *body)
{
    body->box++;
    if (!at_line_start(&body->boxes))
        buf_puts(&body->boxes, "\n");
}

/* ---- elements ---- */

enum element {
    SKIPPED,
    PROPERTIES,
    TEXT,
    PARAGRAPH,
    TABLE,
    ROW,
    CELL,
    BOX,
    TAB,
    BREAK,
    RETURN,
    PAGE_BREAK,
    HYPHEN,
    SYMBOL,
    STYLE,
    LIST,
    LEVEL,
    OUTLINE
};

static const struct {
    const char *name;
    enum element element;
} elements[] = {
    {"t", TEXT},
    {"p", PARAGRAPH},
    {"tab", TAB},
    {"br", BREAK},
    {"cr", RETURN},
    {"pPr", PROPERTIES},
    {"rPr", PROPERTIES},
    {"tblPr", PROPERTIES},
    {"trPr", PROPERTIES},
    {"tcPr", PROPERTIES},
    {"sectPr", PROPERTIES},
    {"sdtPr", PROPERTIES},
    {"tbl", TABLE},
    {"tr", ROW},
    {"tc", CELL},
    {"txbxContent", BOX},
    {"lastRenderedPageBreak", PAGE_BREAK},
    {"noBreakHyphen", HYPHEN},
    {"sym", SYMBOL},
    {"pStyle", STYLE},
    {"numId", LIST},
    {"ilvl", LEVEL},
    {"outlineLvl", OUTLINE},
    {"Fallback", SKIPPED},
    {"moveFrom", SKIPPED},
    {"delText", SKIPPED},
    {"instrText", SKIPPED},
    {"pPrChange", SKIPPED},
};

static int element_of(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].name, name) == 0)
            return (int)elements[i].element;
    return -1;
}

static int number_in(const struct xml_attributes *attributes)
{
    char value[16];
    xml_attribute(attributes, "val", value, sizeof value);
    long number = strtol(value, NULL, 10);
    return number >= 0 && number < 1000000 ? (int)number : -1;
}

static void in_properties(struct body *body, int element, const struct xml_attributes *attributes)
{
    if (element == STYLE)
        xml_attribute(attributes, "val", body->style, sizeof body->style);
    else if (element == LIST)
        body->list = number_in(attributes);
    else if (element == LEVEL)
        body->level = number_in(attributes);
    else if (element == OUTLINE)
        body->outline = number_in(attributes);
}

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct body *body = context;
    int element = element_of(name);
    if (body->skip > 0 || element == SKIPPED) {
        body->skip += element == SKIPPED;
        return;
    }
    if (element == PROPERTIES)
        body->properties++;
    if (body->properties > 0) {
        in_properties(body, element, attributes);
        return;
    }
    switch (element) {
    case TEXT:
        body->text++;
        put_list_label(body);
        break;
    case PARAGRAPH:
        on_paragraph(body);
        break;
    case TABLE:
        if (body->tables++ == 0)
            blocks_table(&body->blocks);
        break;
    case BOX:
        on_box(body);
        break;
    case TAB:
        buf_puts(current(body), body->tables > 0 ? " " : "\t");
        break;
    case BREAK:
        on_break(body, attributes);
        break;
    case RETURN:
        buf_puts(current(body), body->tables > 0 ? " " : "\n");
        break;
    case PAGE_BREAK:
        on_page_break(body);
        break;
    case HYPHEN:
        buf_puts(current(body), "-");
        break;
    case SYMBOL:
        on_symbol(body, attributes);
        break;
    default:
        break;
    }
}

static void on_end(void *context, const char *name)
{
    struct body *body = context;
    int element = element_of(name);
    if (body->skip > 0) {
        body->skip -= element == SKIPPED;
        return;
    }
    if (body->properties > 0) {
        body->properties -= element == PROPERTIES;
        return;
    }
    switch (element) {
    case TEXT:
        body->text--;
        break;
    case PARAGRAPH:
        on_paragraph_end(body);
        break;
    case CELL:
        on_cell_end(body);
        break;
    case ROW:
        on_row_end(body);
        break;
    case TABLE:
        body->tables--;
        break;
    case BOX:
        body->box--;
        break;
    default:
        break;
    }
}

static void on_text(void *context, const char *text, size_t length)
{
    struct body *body = context;
    if (body->text > 0 && body->skip == 0)
        buf_append(current(body), text, length);
}

static int read_body(struct archive *archive, int entry, struct lists *lists, struct emit *emit,
                     dq_error *error)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct body body = {.emit = emit,
                        .lists = lists,
                        .line = BUF(LIMIT_PARAGRAPH_BYTES),
                        .boxes = BUF(LIMIT_PARAGRAPH_BYTES),
                        .outline = -1};
    blocks_init(&body.blocks, emit, 2 * LIMIT_PARAGRAPH_BYTES);
    int result = xml_parse(archive, entry, &handler, &body, emit, error);
    bool overflow = body.line.overflow || body.boxes.overflow;
    flush_line(&body);
    buf_free(&body.line);
    buf_free(&body.boxes);
    blocks_free(&body.blocks);
    if (result == 0 && overflow)
        return error_set(error, DQ_TOO_LARGE, "A paragraph is longer than %llu MiB.",
                         LIMIT_PARAGRAPH_BYTES / 1024 / 1024);
    return result;
}

/* ---- parts ---- */

enum role { MAIN, HEADER, FOOTER, FOOTNOTES, ENDNOTES, COMMENTS, DRAWING, NUMBERING, STYLES };

static const struct {
    const char *type_end; /* of the content type */
    enum role role;
} roles[] = {
    {".document.main+xml", MAIN},
    {".template.main+xml", MAIN},
    {".document.macroEnabled.main+xml", MAIN},
    {".template.macroEnabledTemplate.main+xml", MAIN},
    {".header+xml", HEADER},
    {".footer+xml", FOOTER},
    {".footnotes+xml", FOOTNOTES},
    {".endnotes+xml", ENDNOTES},
    {".comments+xml", COMMENTS},
    {".diagramData+xml", DRAWING},
    {".chart+xml", DRAWING},
    {".numbering+xml", NUMBERING},
    {".styles+xml", STYLES},
};

struct part {
    enum role role;
    int entry;
};

struct parts {
    struct archive *archive;
    struct part rows[LIMIT_PART_NAMES + 1];
    int count;
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static void type_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct parts *parts = context;
    char part[PART_NAME_SIZE], type[PART_NAME_SIZE];
    if (strcmp(name, "Override") != 0 || parts->count == LIMIT_PART_NAMES)
        return;
    xml_attribute(attributes, "PartName", part, sizeof part);
    xml_attribute(attributes, "ContentType", type, sizeof type);
    int entry = archive_find(parts->archive, part);
    for (size_t i = 0; entry >= 0 && i < sizeof roles / sizeof roles[0]; i++)
        if (ends_with(type, roles[i].type_end))
            parts->rows[parts->count++] = (struct part){roles[i].role, entry};
}

static bool has_main(const struct parts *parts)
{
    for (int i = 0; i < parts->count; i++)
        if (parts->rows[i].role == MAIN)
            return true;
    return false;
}

static int find_parts(struct parts *parts, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {.start = type_start};
    int entry = archive_find(parts->archive, "[Content_Types].xml");
    if (entry < 0)
        return error_set(error, DQ_CORRUPT, "The document has no list of its parts.");
    int result = xml_parse(parts->archive, entry, &handler, parts, emit, error);
    entry = archive_find(parts->archive, "word/document.xml");
    if (result == 0 && !has_main(parts) && entry >= 0) /* it stands where it always does */
        parts->rows[parts->count++] = (struct part){MAIN, entry};
    return result;
}

static int read_part(const struct parts *parts, const struct part *part, struct lists *lists,
                     struct emit *emit, dq_error *error)
{
    if (part->role == NUMBERING)
        return lists_read_numbering(lists, parts->archive, part->entry, emit, error);
    if (part->role == STYLES)
        return lists_read_styles(lists, parts->archive, part->entry, emit, error);
    if (part->role == DRAWING)
        return drawing_read(parts->archive, part->entry, emit, error);
    return read_body(parts->archive, part->entry, lists, emit, error);
}

/* Reads all parts of one role. Where another than the main one is damaged, the rest still counts.
 */
static int read_parts(const struct parts *parts, enum role role, struct lists *lists,
                      struct emit *emit, dq_error *error)
{
    for (int i = 0; i < parts->count; i++) {
        const struct part *part = &parts->rows[i];
        int result = part->role == role ? read_part(parts, part, lists, emit, error) : 0;
        if (result == DQ_CORRUPT && role != MAIN)
            emit_problem(emit, "a part of the document is damaged: %s",
                         archive_name(parts->archive, part->entry));
        else if (result < 0)
            return result;
    }
    return 0;
}

int extract_docx(const struct input *input, struct emit *emit, dq_error *error)
{
    static const enum role order[] = {STYLES, NUMBERING, HEADER,   MAIN,    DRAWING,
                                      FOOTER, FOOTNOTES, ENDNOTES, COMMENTS};
    autoarchive archive = NULL;
    autolists lists = lists_new();
    int result = archive_open(input, &archive, error);
    if (result < 0)
        return result;
    struct parts parts = {.archive = archive};
    result = find_parts(&parts, emit, error);
    if (result == 0 && !has_main(&parts))
        return error_set(error, DQ_CORRUPT, "The document has no main part.");
    for (size_t i = 0; i < sizeof order / sizeof order[0] && result == 0; i++)
        result = read_parts(&parts, order[i], lists, emit, error);
    if (result < 0)
        return result;
    properties_read_office(archive, emit);
    return emit_status(emit, error);
}
