/* sharedStrings.xml and styles.xml. */
#include "extract/xlsx_tables.h"

#include "base/arena.h"
#include "base/error.h"
#include "extract/budget.h"
#include "extract/numfmt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 256 };

struct custom {
    struct custom *next;
    int id;
    const char *code;
};

struct tables {
    struct buf text;     /* all strings, one behind the other */
    struct buf ends;     /* uint32_t each: where the string ends */
    struct buf formats;  /* const char * each: the format code of a style */
    struct arena *arena; /* of the custom formats */
    struct custom *customs;
    int custom_count;
    int texts, phonetics; /* depths while reading */
    bool in_styles;
};

struct tables *tables_new(void)
{
    struct tables *tables = calloc(1, sizeof *tables);
    if (!tables)
        bug("out of memory");
    tables->text = BUF(LIMIT_STRINGS_BYTES);
    tables->ends = BUF(LIMIT_STRINGS * sizeof(uint32_t));
    tables->formats = BUF(LIMIT_STYLES * sizeof(char *));
    tables->arena = arena_new();
    return tables;
}

void tables_free(struct tables **tables)
{
    if (!*tables)
        return;
    buf_free(&(*tables)->text);
    buf_free(&(*tables)->ends);
    buf_free(&(*tables)->formats);
    arena_free((*tables)->arena);
    free(*tables);
    *tables = NULL;
}

/* ---- strings ---- */

static void strings_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct tables *tables = context;
    (void)attributes;
    tables->texts += strcmp(name, "t") == 0;
    tables->phonetics += strcmp(name, "rPh") == 0; /* how to read it aloud */
}

static void strings_end(void *context, const char *name)
{
    struct tables *tables = context;
    tables->texts -= strcmp(name, "t") == 0;
    tables->phonetics -= strcmp(name, "rPh") == 0;
    if (strcmp(name, "si") != 0)
        return;
    uint32_t end = (uint32_t)tables->text.length;
    buf_append(&tables->ends, &end, sizeof end);
}

static void strings_text(void *context, const char *text, size_t length)
{
    struct tables *tables = context;
    if (tables->texts > 0 && tables->phonetics == 0)
        buf_append(&tables->text, text, length);
}

int tables_read_strings(struct tables *tables, struct archive *archive, int entry,
                        struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {strings_start, strings_end, strings_text};
    int result = xml_parse(archive, entry, &handler, tables, emit, error);
    if (result == 0 && (tables->text.overflow || tables->ends.overflow))
        return error_set(error, DQ_TOO_LARGE, "The workbook has more than %d strings or %llu MiB.",
                         LIMIT_STRINGS, LIMIT_STRINGS_BYTES / 1024 / 1024);
    return result;
}

static uint32_t end_of(const struct tables *tables, size_t number)
{
    uint32_t end = 0;
    memcpy(&end, tables->ends.bytes + number * sizeof end, sizeof end);
    return end;
}

const char *tables_string(const struct tables *tables, long number, size_t *ret_length)
{
    size_t count = tables->ends.length / sizeof(uint32_t);
    *ret_length = 0;
    if (number < 0 || (size_t)number >= count || tables->text.length == 0)
        return "";
    size_t from = number == 0 ? 0 : end_of(tables, (size_t)number - 1);
    *ret_length = end_of(tables, (size_t)number) - from;
    return tables->text.bytes + from;
}

/* ---- formats ---- */

static int id_in(const struct xml_attributes *attributes)
{
    char value[16];
    xml_attribute(attributes, "numFmtId", value, sizeof value);
    return (int)strtol(value, NULL, 10);
}

static void add_custom(struct tables *tables, const struct xml_attributes *attributes)
{
    char code[CODE_SIZE];
    if (tables->custom_count++ >= LIMIT_NUMBER_FORMATS)
        return;
    struct custom *custom = arena_alloc(tables->arena, sizeof *custom);
    xml_attribute(attributes, "formatCode", code, sizeof code);
    *custom =
        (struct custom){tables->customs, id_in(attributes), arena_strdup(tables->arena, code)};
    tables->customs = custom;
}

static const char *code_of(const struct tables *tables, int id)
{
    for (const struct custom *custom = tables->customs; custom; custom = custom->next)
        if (custom->id == id)
            return custom->code;
    const char *code = numfmt_builtin(id);
    return code ? code : "General";
}

static void styles_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct tables *tables = context;
    if (strcmp(name, "cellXfs") == 0) {
        tables->in_styles = true;
    } else if (strcmp(name, "numFmt") == 0 && !tables->in_styles) {
        add_custom(tables, attributes);
    } else if (strcmp(name, "xf") == 0 && tables->in_styles) {
        const char *code = code_of(tables, id_in(attributes));
        buf_append(&tables->formats, &code, sizeof code);
    }
}

static void styles_end(void *context, const char *name)
{
    struct tables *tables = context;
    if (strcmp(name, "cellXfs") == 0)
        tables->in_styles = false;
}

int tables_read_styles(struct tables *tables, struct archive *archive, int entry, struct emit *emit,
                       dq_error *error)
{
    static const struct xml_handler handler = {styles_start, styles_end, NULL};
    return xml_parse(archive, entry, &handler, tables, emit, error);
}

const char *tables_format(const struct tables *tables, long style)
{
    const char *code = "General";
    if (style >= 0 && (size_t)style < tables->formats.length / sizeof code)
        memcpy(&code, tables->formats.bytes + (size_t)style * sizeof code, sizeof code);
    return code;
}
