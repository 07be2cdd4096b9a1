/* Dublin Core and its neighbours: the same few elements in every package format, whose meaning
 * differs a little from one to the next. */
#include "extract/properties.h"

#include "extract/xml.h"

#include <string.h>

#define VALUE_BYTES_MAX ((size_t)64 * 1024)

struct property {
    const char *name;
    enum fact fact;
};

struct properties {
    const struct property *rows;
    size_t row_count;
    struct emit *emit;
    int fact; /* < 0: none */
    struct buf value;
};

/* EPUB 3 writes <meta property="dcterms:modified">, all others name the element. */
static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct properties *properties = context;
    char property[64];
    if (strcmp(name, "meta") == 0 &&
        xml_attribute(attributes, "property", property, sizeof property))
        name = property;
    properties->fact = -1;
    buf_clear(&properties->value);
    for (size_t i = 0; i < properties->row_count; i++)
        if (strcmp(properties->rows[i].name, name) == 0)
            properties->fact = (int)properties->rows[i].fact;
}

static void on_text(void *context, const char *text, size_t length)
{
    struct properties *properties = context;
    if (properties->fact >= 0)
        buf_append(&properties->value, text, length);
}

static void on_end(void *context, const char *name)
{
    struct properties *properties = context;
    (void)name;
    if (properties->fact >= 0 && properties->value.length)
        emit_fact(properties->emit, (enum fact)properties->fact, properties->value.bytes,
                  properties->value.length);
    properties->fact = -1;
}

static void read_part(struct archive *archive, int entry, const struct property *rows, size_t count,
                      struct emit *emit)
{
    static const struct xml_handler handler = {on_start, on_end, on_text};
    struct properties properties = {
        .rows = rows, .row_count = count, .emit = emit, .fact = -1, .value = BUF(VALUE_BYTES_MAX)};
    dq_error reason = {0};
    if (entry >= 0 && xml_parse(archive, entry, &handler, &properties, emit, &reason) < 0)
        emit_problem(emit, "the document's properties are damaged");
    buf_free(&properties.value);
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void properties_read_office(struct archive *archive, struct emit *emit)
{
    static const struct property rows[] = {
        {"title", FACT_TITLE},          {"creator", FACT_AUTHOR},
        {"subject", FACT_SUBJECT},      {"keywords", FACT_KEYWORDS},
        {"created", FACT_CREATED},      {"modified", FACT_MODIFIED},
        {"language", FACT_LANGUAGE},    {"description", FACT_DESCRIPTION},
        {"Application", FACT_PRODUCER},
    };
    read_part(archive, archive_find(archive, "docProps/core.xml"), rows, COUNT(rows), emit);
    read_part(archive, archive_find(archive, "docProps/app.xml"), rows, COUNT(rows), emit);
}

void properties_read_open_document(struct archive *archive, struct emit *emit)
{
    static const struct property rows[] = {
        {"title", FACT_TITLE},           {"initial-creator", FACT_AUTHOR},
        {"subject", FACT_SUBJECT},       {"keyword", FACT_KEYWORDS},
        {"creation-date", FACT_CREATED}, {"date", FACT_MODIFIED},
        {"language", FACT_LANGUAGE},     {"description", FACT_DESCRIPTION},
        {"generator", FACT_PRODUCER},
    };
    static const struct property last_author[] = {{"creator", FACT_AUTHOR}};
    int entry = archive_find(archive, "meta.xml");
    read_part(archive, entry, rows, COUNT(rows), emit);
    read_part(archive, entry, last_author, COUNT(last_author), emit); /* where no first one is */
}

void properties_read_book(struct archive *archive, int entry, struct emit *emit)
{
    static const struct property rows[] = {
        {"title", FACT_TITLE},        {"creator", FACT_AUTHOR},
        {"subject", FACT_SUBJECT},    {"description", FACT_DESCRIPTION},
        {"language", FACT_LANGUAGE},  {"date", FACT_CREATED},
        {"publisher", FACT_PRODUCER}, {"dcterms:modified", FACT_MODIFIED},
    };
    read_part(archive, entry, rows, COUNT(rows), emit);
}
