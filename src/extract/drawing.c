/* DrawingML: what slides, text boxes, diagrams and charts have in common. */
#include "base/error.h"
#include "extract/budget.h"
#include "extract/labels.h"
#include "extract/ooxml.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 9 };

enum element {
    PARAGRAPH,
    TEXT,
    BREAK,
    TABLE,
    ROW,
    CELL,
    FIELD,
    SKIPPED,
    SERIES,
    VALUE,
    PROPERTIES,
    NUMBERED,
    BODY,
    SHAPE,
    PLACEHOLDER
};

static const struct {
    const char *name;
    enum element element;
} elements[] = {
    {"p", PARAGRAPH},
    {"t", TEXT},
    {"br", BREAK},
    {"tbl", TABLE},
    {"tr", ROW},
    {"tc", CELL},
    {"fld", FIELD},
    {"Fallback", SKIPPED},
    {"tx", SERIES},
    {"cat", SERIES},
    {"val", SERIES},
    {"xVal", SERIES},
    {"yVal", SERIES},
    {"v", VALUE},
    {"text", VALUE},
    {"pPr", PROPERTIES},
    {"buAutoNum", NUMBERED},
    {"txBody", BODY},
    {"sp", SHAPE},
    {"ph", PLACEHOLDER},
};

struct drawing {
    struct emit *emit;
    bool fixed_only; /* no text that only holds the place of a slide's own */
    bool in_place;   /* in such a shape */
    struct buf line;
    int skip, field, paragraphs, text, tables, series, value; /* depths */
    int level, counts[LEVELS];                                /* of numbered paragraphs */
    char number[32]; /* how the paragraph is numbered: "arabicPeriod"; "" once that is written */
};

static int element_of(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].name, name) == 0)
            return (int)elements[i].element;
    return -1;
}

static void end_line(struct drawing *drawing)
{
    struct buf *line = &drawing->line;
    while (line->length > 0 && strchr(" \t", line->bytes[line->length - 1]))
        line->length--;
    if (line->length == 0)
        return;
    buf_puts(line, "\n");
    emit_text(drawing->emit, line->bytes, line->length);
    buf_clear(line);
}

static void put_gap(struct drawing *drawing, const char *gap)
{
    struct buf *line = &drawing->line;
    if (line->length > 0 && !strchr(" \t\n", line->bytes[line->length - 1]))
        buf_puts(line, gap);
}

/* ---- numbered paragraphs ---- */

static void on_paragraph(struct drawing *drawing)
{
    drawing->paragraphs++;
    drawing->level = 0;
    drawing->number[0] = '\0';
}

static void on_properties(struct drawing *drawing, const struct xml_attributes *attributes)
{
    char level[8];
    xml_attribute(attributes, "lvl", level, sizeof level);
    drawing->level = *level >= '0' && *level < '0' + LEVELS ? *level - '0' : 0;
}

static void on_numbered(struct drawing *drawing, const struct xml_attributes *attributes)
{
    char start[8];
    xml_attribute(attributes, "type", drawing->number, sizeof drawing->number);
    if (xml_attribute(attributes, "startAt", start, sizeof start) &&
        drawing->counts[drawing->level] == 0)
        drawing->counts[drawing->level] = (int)strtol(start, NULL, 10) - 1;
}

/* Before the first text of a paragraph. */
static void put_number(struct drawing *drawing)
{
    static const struct {
        const char *type, *format;
    } formats[] = {{"arabic", "decimal"},
                   {"alphaLc", "lowerLetter"},
                   {"alphaUc", "upperLetter"},
                   {"romanLc", "lowerRoman"},
                   {"romanUc", "upperRoman"}};
    const char *type = drawing->number, *format = "decimal";
    for (int i = drawing->level + (*type != '\0'); i < LEVELS; i++)
        drawing->counts[i] = 0;
    if (!*type)
        return;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strncmp(type, formats[i].type, strlen(formats[i].type)) == 0)
            format = formats[i].format;
    if (strstr(type, "ParenBoth"))
        buf_puts(&drawing->line, "(");
    label_number(++drawing->counts[drawing->level], format, &drawing->line);
    buf_puts(&drawing->line, strstr(type, "Paren") ? ") " : strstr(type, "Period") ? ". " : " ");
    drawing->number[0] = '\0';
}

/* ---- elements ---- */

/* Slide numbers count slides, which we do as well. */
static bool is_number_field(const struct xml_attributes *attributes)
{
    char type[32];
    return xml_attribute(attributes, "type", type, sizeof type) && strcmp(type, "slidenum") == 0;
}

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct drawing *drawing = context;
    int element = element_of(name);
    if (drawing->skip > 0 || element == SKIPPED) {
        drawing->skip += element == SKIPPED;
        return;
    }
    if (element == PARAGRAPH)
        on_paragraph(drawing);
    else if (element == PROPERTIES)
        on_properties(drawing, attributes);
    else if (element == NUMBERED)
        on_numbered(drawing, attributes);
    else if (element == SHAPE || element == PLACEHOLDER)
        drawing->in_place = element == PLACEHOLDER && drawing->fixed_only;
    else if (element == BODY)
        memset(drawing->counts, 0, sizeof drawing->counts);
    else if (element == TEXT)
        drawing->text++;
    else if (element == BREAK)
        buf_puts(&drawing->line, drawing->tables > 0 ? " " : "\n");
    else if (element == TABLE)
        drawing->tables++;
    else if (element == FIELD && (drawing->field > 0 || is_number_field(attributes)))
        drawing->field++;
    else if (element == SERIES)
        drawing->series++;
    else if (element == VALUE)
        drawing->value++;
}

static void on_end(void *context, const char *name)
{
    struct drawing *drawing = context;
    int element = element_of(name);
    if (drawing->skip > 0) {
        drawing->skip -= element == SKIPPED;
        return;
    }
    if (element == PARAGRAPH) {
        drawing->paragraphs--;
        if (drawing->tables > 0)
            put_gap(drawing, " ");
        else
            end_line(drawing);
    } else if (element == TEXT) {
        drawing->text--;
    } else if (element == CELL) {
        while (drawing->line.length > 0 && drawing->line.bytes[drawing->line.length - 1] == ' ')
            drawing->line.length--;
        buf_puts(&drawing->line, "\t");
    } else if (element == ROW) {
        end_line(drawing);
    } else if (element == TABLE) {
        drawing->tables--;
    } else if (element == FIELD) {
        drawing->field -= drawing->field > 0;
    } else if (element == SERIES) {
        if (--drawing->series == 0)
            end_line(drawing);
    } else if (element == VALUE) {
        drawing->value--;
        put_gap(drawing, "\t");
    }
}

static void on_text(void *context, const char *text, size_t length)
{
    struct drawing *drawing = context;
    bool in_paragraph = drawing->paragraphs > 0 && drawing->text > 0 && drawing->field == 0;
    bool in_series = drawing->series > 0 && drawing->value > 0 && drawing->paragraphs == 0;
    if (drawing->skip > 0 || drawing->in_place || !(in_paragraph || in_series))
        return;
    if (in_paragraph && (drawing->line.length == 0 || *drawing->number))
        put_number(drawing);
    buf_append(&drawing->line, text, length);
}

static int read_drawing(struct archive *archive, int entry, bool fixed_only, struct emit *emit,
                        dq_error *error)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct drawing drawing = {
        .emit = emit, .fixed_only = fixed_only, .line = BUF(LIMIT_PARAGRAPH_BYTES)};
    int result = xml_parse(archive, entry, &handler, &drawing, emit, error);
    bool overflow = drawing.line.overflow;
    end_line(&drawing);
    buf_free(&drawing.line);
    if (result == 0 && overflow)
        return error_set(error, DQ_TOO_LARGE, "A paragraph is longer than %llu MiB.",
                         LIMIT_PARAGRAPH_BYTES / 1024 / 1024);
    return result;
}

int drawing_read(struct archive *archive, int entry, struct emit *emit, dq_error *error)
{
    return read_drawing(archive, entry, false, emit, error);
}

int drawing_read_fixed(struct archive *archive, int entry, struct emit *emit, dq_error *error)
{
    return read_drawing(archive, entry, true, emit, error);
}

/* ---- what is drawn in a part ---- */

static bool is_one_of(const char *type, const char *const types[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

int drawings_read(struct archive *archive, const struct relation *first, struct emit *emit,
                  dq_error *error)
{
    static const char *const drawn[] = {"chart", "chartEx", "diagramData", "drawing",
                                        "chartUserShapes"};
    autoarena arena = arena_new();
    for (const struct relation *at = first; at; at = at->next) {
        struct relation *inner = NULL;
        int entry = archive_find(archive, at->target), result = 0;
        if (entry < 0 || !is_one_of(at->type, drawn, sizeof drawn / sizeof drawn[0]))
            continue;
        result = drawing_read(archive, entry, emit, error);
        if (result == 0 && strcmp(at->type, "drawing") == 0)
            result = relations_read(archive, at->target, arena, &inner, emit, error);
        for (; inner && result == 0; inner = inner->next) {
            entry = archive_find(archive, inner->target);
            if (entry >= 0 && strcmp(inner->type, "drawing") != 0 &&
                is_one_of(inner->type, drawn, sizeof drawn / sizeof drawn[0]))
                result = drawing_read(archive, entry, emit, error);
        }
        if (result == DQ_CORRUPT)
            emit_problem(emit, "a part of the document is damaged: %s", at->target);
        else if (result < 0)
            return result;
    }
    return 0;
}
