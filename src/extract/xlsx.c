/* XLSX (ECMA-376, SpreadsheetML): sheets as pages in the order of their tabs, rows as lines,
 * cells as they are shown and separated by tabs. */
#include "base/error.h"
#include "extract/budget.h"
#include "extract/numfmt.h"
#include "extract/ooxml.h"
#include "extract/parsers.h"
#include "extract/properties.h"
#include "extract/xlsx_tables.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 128, VALUE_SIZE = 64, COLUMNS_MAX = 16384 };

/* ---- one sheet ---- */

struct sheet {
    struct emit *emit;
    const struct tables *tables;
    bool since_1904;
    struct buf row, value; /* value: of the open cell */
    char type[16];         /* of the open cell: "s", "inlineStr", ... */
    long style;
    int column, filled, first_column; /* from 0; filled: the first that has no text yet */
    long row_number;
    int values, texts, phonetics, header; /* depths */
};

/* "AB12": the column from 0, or -1. */
static int column_of(const char *reference)
{
    int column = 0;
    while (*reference >= 'A' && *reference <= 'Z' && column < COLUMNS_MAX)
        column = column * 26 + (*reference++ - 'A' + 1);
    return column - 1;
}

/* Inside of a cell a line end or tab is only a space. */
static void put_flat(struct buf *to, const char *text, size_t length)
{
    size_t from = to->length;
    if (!buf_append(to, text, length))
        return;
    for (size_t i = from; i < to->length; i++)
        if (strchr("\t\r\n", to->bytes[i]) && to->bytes[i])
            to->bytes[i] = ' ';
}

static void put_number(struct sheet *sheet, const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end)
        put_flat(&sheet->row, text, strlen(text));
    else
        numfmt_put(value, tables_format(sheet->tables, sheet->style), sheet->since_1904,
                   &sheet->row);
}

static void put_value(struct sheet *sheet)
{
    const char *text = sheet->value.length ? sheet->value.bytes : "";
    size_t length = 0;
    if (strcmp(sheet->type, "s") == 0) {
        const char *string = tables_string(sheet->tables, strtol(text, NULL, 10), &length);
        put_flat(&sheet->row, string, length);
    } else if (strcmp(sheet->type, "b") == 0) {
        buf_puts(&sheet->row, *text == '1' ? "TRUE" : "FALSE");
    } else if (*sheet->type == '\0' || strcmp(sheet->type, "n") == 0) {
        put_number(sheet, text);
    } else {
        put_flat(&sheet->row, text, sheet->value.length);
    }
}

static void on_cell(struct sheet *sheet, const struct xml_attributes *attributes)
{
    char text[VALUE_SIZE];
    sheet->column++;
    if (xml_attribute(attributes, "r", text, sizeof text) && column_of(text) >= 0)
        sheet->column = column_of(text);
    xml_attribute(attributes, "t", sheet->type, sizeof sheet->type);
    xml_attribute(attributes, "s", text, sizeof text);
    sheet->style = strtol(text, NULL, 10);
    buf_clear(&sheet->value);
}

/* Empty cells in between keep the columns apart, as far as that is sensible. */
static void on_cell_end(struct sheet *sheet)
{
    if (sheet->value.length == 0)
        return;
    for (int i = sheet->filled; i < sheet->column && i < sheet->filled + LIMIT_CELL_GAP; i++)
        buf_puts(&sheet->row, "\t");
    sheet->filled = sheet->column + 1;
    put_value(sheet);
    buf_puts(&sheet->row, "\t");
}

static void on_row(struct sheet *sheet, const struct xml_attributes *attributes)
{
    char text[VALUE_SIZE];
    long number = sheet->row_number + 1;
    if (xml_attribute(attributes, "r", text, sizeof text))
        number = strtol(text, NULL, 10);
    if (number > sheet->row_number + 1 && sheet->row_number > 0)
        emit_text(sheet->emit, "\n", 1);
    sheet->row_number = number;
    sheet->filled = sheet->first_column;
    sheet->column = sheet->first_column - 1;
    buf_clear(&sheet->row);
}

static void on_row_end(struct sheet *sheet)
{
    struct buf *row = &sheet->row;
    while (row->length > 0 && strchr("\t ", row->bytes[row->length - 1]))
        row->length--;
    if (row->length == 0)
        return;
    buf_puts(row, "\n");
    emit_text(sheet->emit, row->bytes, row->length);
    buf_clear(row);
}

static bool is_header(const char *name)
{
    static const char *const names[] = {"oddHeader",  "oddFooter",   "evenHeader",
                                        "evenFooter", "firstHeader", "firstFooter"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* "&L&\"Arial\"&12Left text&RPage &P": what is no code is text. */
static void put_header(struct sheet *sheet)
{
    const char *at = sheet->value.length ? sheet->value.bytes : "";
    buf_clear(&sheet->row);
    while (*at) {
        if (*at != '&') {
            size_t length = strcspn(at, "&");
            put_flat(&sheet->row, at, length);
            at += length;
        } else if (at[1] == '"') {
            at += 2 + strcspn(at + 2, "\"");
            at += *at == '"';
        } else if (at[1] >= '0' && at[1] <= '9') {
            at += 1 + strspn(at + 1, "0123456789");
        } else if (at[1] == '&') {
            buf_puts(&sheet->row, "&");
            at += 2;
        } else {
            if (at[1] && strchr("LCR", at[1]) && sheet->row.length > 0)
                buf_puts(&sheet->row, "\t");
            at += at[1] ? 2 : 1;
        }
    }
    on_row_end(sheet);
}

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct sheet *sheet = context;
    char text[VALUE_SIZE];
    if (strcmp(name, "c") == 0) {
        on_cell(sheet, attributes);
    } else if (strcmp(name, "row") == 0) {
        on_row(sheet, attributes);
    } else if (strcmp(name, "v") == 0) {
        sheet->values++;
    } else if (strcmp(name, "t") == 0) {
        sheet->texts++;
    } else if (strcmp(name, "rPh") == 0) {
        sheet->phonetics++;
    } else if (strcmp(name, "dimension") == 0) {
        xml_attribute(attributes, "ref", text, sizeof text);
        sheet->first_column = column_of(text) > 0 ? column_of(text) : 0;
    } else if (is_header(name)) {
        sheet->header++;
        buf_clear(&sheet->value);
    }
}

static void on_end(void *context, const char *name)
{
    struct sheet *sheet = context;
    if (strcmp(name, "c") == 0) {
        on_cell_end(sheet);
    } else if (strcmp(name, "row") == 0) {
        on_row_end(sheet);
    } else if (strcmp(name, "v") == 0) {
        sheet->values--;
    } else if (strcmp(name, "t") == 0) {
        sheet->texts--;
    } else if (strcmp(name, "rPh") == 0) {
        sheet->phonetics--;
    } else if (is_header(name)) {
        put_header(sheet);
        sheet->header--;
    }
}

static void on_text(void *context, const char *text, size_t length)
{
    struct sheet *sheet = context;
    if (sheet->values > 0 || sheet->header > 0 || (sheet->texts > 0 && sheet->phonetics == 0))
        buf_append(&sheet->value, text, length);
}

static int read_rows(struct archive *archive, int entry, const struct tables *tables,
                     bool since_1904, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct sheet sheet = {.emit = emit,
                          .tables = tables,
                          .since_1904 = since_1904,
                          .row = BUF(LIMIT_PARAGRAPH_BYTES),
                          .value = BUF(LIMIT_PARAGRAPH_BYTES)};
    int result = xml_parse(archive, entry, &handler, &sheet, emit, error);
    bool overflow = sheet.row.overflow || sheet.value.overflow;
    on_row_end(&sheet);
    buf_free(&sheet.row);
    buf_free(&sheet.value);
    if (result == 0 && overflow)
        return error_set(error, DQ_TOO_LARGE, "A row of the sheet is longer than %llu MiB.",
                         LIMIT_PARAGRAPH_BYTES / 1024 / 1024);
    return result;
}

/* ---- comments ---- */

struct comments {
    struct emit *emit;
    int texts; /* depth */
    struct buf text;
    char cell[VALUE_SIZE];
};

static bool is_comment(const char *name)
{
    return strcmp(name, "comment") == 0 || strcmp(name, "threadedComment") == 0;
}

static bool is_comment_text(const char *name)
{
    return strcmp(name, "t") == 0 || strcmp(name, "text") == 0;
}

static void comment_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct comments *comments = context;
    comments->texts += is_comment_text(name);
    if (is_comment(name))
        xml_attribute(attributes, "ref", comments->cell, sizeof comments->cell);
}

static void comment_end(void *context, const char *name)
{
    struct comments *comments = context;
    comments->texts -= is_comment_text(name);
    if (!is_comment(name) || comments->text.length == 0)
        return;
    emit_puts(comments->emit, comments->cell);
    emit_puts(comments->emit, ": ");
    emit_text(comments->emit, comments->text.bytes, comments->text.length);
    emit_puts(comments->emit, "\n");
    buf_clear(&comments->text);
}

static void comment_text(void *context, const char *text, size_t length)
{
    struct comments *comments = context;
    if (comments->texts > 0)
        put_flat(&comments->text, text, length);
}

/* A thread of comments stands a second time among the plain ones, for older programs. */
static int read_comments(struct archive *archive, const struct relation *relations,
                         struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {comment_start, comment_end, comment_text};
    const struct relation *relation = relation_by_type(relations, "threadedComment");
    if (!relation)
        relation = relation_by_type(relations, "comments");
    int entry = relation ? archive_find(archive, relation->target) : -1;
    if (entry < 0)
        return 0;
    struct comments comments = {.emit = emit, .text = BUF(LIMIT_PARAGRAPH_BYTES)};
    int result = xml_parse(archive, entry, &handler, &comments, emit, error);
    buf_free(&comments.text);
    if (result != DQ_CORRUPT)
        return result;
    emit_problem(emit, "a part of the document is damaged: %s", relation->target);
    return 0;
}

/* ---- the workbook ---- */

struct tab {
    struct tab *next;
    char name[NAME_SIZE], id[RELATION_ID_SIZE];
    bool hidden;
};

struct workbook {
    struct archive *archive;
    struct arena *arena;
    struct tab *first, **last;
    int count;
    bool since_1904;
    const struct relation *relations;
    const struct tables *tables;
};

static void workbook_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct workbook *book = context;
    char value[16];
    if (strcmp(name, "workbookPr") == 0) {
        xml_attribute(attributes, "date1904", value, sizeof value);
        book->since_1904 = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
    } else if (strcmp(name, "sheet") == 0 && book->count++ < LIMIT_PART_NAMES) {
        struct tab *tab = arena_alloc(book->arena, sizeof *tab);
        xml_attribute(attributes, "name", tab->name, sizeof tab->name);
        relation_id(attributes, tab->id);
        xml_attribute(attributes, "state", value, sizeof value);
        tab->hidden = *value && strcmp(value, "visible") != 0;
        *book->last = tab;
        book->last = &tab->next;
    }
}

static int read_tab(const struct workbook *book, const struct tab *tab, struct emit *emit,
                    dq_error *error)
{
    const struct relation *relation = relation_by_id(book->relations, tab->id);
    int entry = relation ? archive_find(book->archive, relation->target) : -1;
    struct relation *inner = NULL;
    emit_puts(emit, tab->name);
    emit_puts(emit, tab->hidden ? " (hidden)\n" : "\n");
    if (entry < 0)
        return error_set(error, DQ_CORRUPT, "A sheet is missing: %s.", tab->name);
    int result = read_rows(book->archive, entry, book->tables, book->since_1904, emit, error);
    if (result == 0)
        result = relations_read(book->archive, relation->target, book->arena, &inner, emit, error);
    if (result == 0)
        result = read_comments(book->archive, inner, emit, error);
    return result < 0 ? result : drawings_read(book->archive, inner, emit, error);
}

/* One damaged sheet is a problem; all of them are a damaged document. */
static int read_tabs(const struct workbook *book, struct emit *emit, dq_error *error)
{
    int read = 0, result = 0;
    for (const struct tab *tab = book->first; tab && result == 0; tab = tab->next) {
        dq_error fault = {0};
        result = read_tab(book, tab, emit, &fault);
        if (result == 0)
            read++;
        else if (error)
            *error = fault;
        if (result == DQ_CORRUPT && (read > 0 || tab->next)) {
            emit_problem(emit, "sheet %s: %s", tab->name, fault.detail);
            result = 0;
        }
        if (result == 0)
            result = emit_page(emit);
    }
    return result == 0 && read == 0 && book->first ? DQ_CORRUPT : result;
}

static int read_table(struct workbook *book, struct tables *tables, const char *type,
                      struct emit *emit, dq_error *error)
{
    const struct relation *relation = relation_by_type(book->relations, type);
    int entry = relation ? archive_find(book->archive, relation->target) : -1;
    if (entry < 0)
        return 0;
    int result = strcmp(type, "styles") == 0
                     ? tables_read_styles(tables, book->archive, entry, emit, error)
                     : tables_read_strings(tables, book->archive, entry, emit, error);
    if (result != DQ_CORRUPT || strcmp(type, "styles") != 0)
        return result; /* without its strings a workbook has no text */
    emit_problem(emit, "a part of the document is damaged: %s", relation->target);
    return 0;
}

int extract_xlsx(const struct input *input, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {.start = workbook_start};
    autoarchive archive = NULL;
    autoarena arena = arena_new();
    autotables tables = tables_new();
    struct main_part part;
    int result = archive_open(input, &archive, error);
    if (result == 0)
        result = main_part_find(archive, "xl/workbook.xml", arena, &part, emit, error);
    if (result < 0)
        return result;
    struct workbook book = {
        .archive = archive, .arena = arena, .tables = tables, .relations = part.relations};
    book.last = &book.first;
    result = xml_parse(archive, part.entry, &handler, &book, emit, error);
    if (result == 0)
        result = read_table(&book, tables, "styles", emit, error);
    if (result == 0)
        result = read_table(&book, tables, "sharedStrings", emit, error);
    if (book.count > LIMIT_PART_NAMES)
        emit_problem(emit, "only the first %d sheets are read", LIMIT_PART_NAMES);
    properties_read_office(archive, emit);
    return result < 0 ? result : read_tabs(&book, emit, error);
}
