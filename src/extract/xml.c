/* libxml2's push parser with handlers of our own only: nothing builds a tree or keeps entities. */
#include "extract/xml.h"

#include "extract/budget.h"

#include <libxml/parser.h>
#include <string.h>

struct xml_attributes {
    const xmlChar **values; /* five each: name, prefix, namespace, begin and end of the value */
    int count;
};

struct walk {
    const struct xml_handler *handler;
    void *context;
    struct emit *emit;
    xmlParserCtxtPtr parser;
    int depth, attributes; /* attributes: about, of the open tag */
    bool too_deep, too_wide;
    dq_error *error;
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

/* The library leaves the ampersand as a reference, for a tree that nobody builds here. */
static void replace_ampersands(char *value)
{
    static const char reference[] = "&#38;";
    char *to = value;
    for (const char *from = value; *from; from++) {
        *to++ = *from;
        if (strncmp(from, reference, sizeof reference - 1) == 0)
            from += sizeof reference - 2;
    }
    *to = '\0';
}

bool xml_attribute_of(const struct xml_attributes *attributes, const char *space, const char *name,
                      char *value, size_t size)
{
    value[0] = '\0';
    for (int i = 0; i < attributes->count; i++) {
        const xmlChar **row = attributes->values + 5 * i;
        const char *uri = row[2] ? (const char *)row[2] : "";
        if (strcmp((const char *)row[0], name) != 0 || (space && !ends_with(uri, space)))
            continue;
        size_t length = (size_t)(row[4] - row[3]);
        if (length >= size)
            length = size - 1;
        memcpy(value, row[3], length);
        value[length] = '\0';
        replace_ampersands(value);
        return true;
    }
    return false;
}

bool xml_attribute(const struct xml_attributes *attributes, const char *name, char *value,
                   size_t size)
{
    return xml_attribute_of(attributes, NULL, name, value, size);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces_count, const xmlChar **namespaces, int count, int defaulted,
                     const xmlChar **values)
{
    struct walk *walk = context;
    (void)prefix, (void)uri, (void)namespaces_count, (void)namespaces, (void)defaulted;
    if (++walk->depth > LIMIT_XML_DEPTH) {
        walk->too_deep = true;
        xmlStopParser(walk->parser);
    } else if (walk->handler->start) {
        struct xml_attributes attributes = {values, count};
        walk->handler->start(walk->context, (const char *)name, &attributes);
    }
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct walk *walk = context;
    (void)prefix, (void)uri;
    walk->depth--;
    if (walk->handler->end)
        walk->handler->end(walk->context, (const char *)name);
}

static void on_text(void *context, const xmlChar *text, int length)
{
    struct walk *walk = context;
    if (walk->handler->text && length > 0)
        walk->handler->text(walk->context, (const char *)text, (size_t)length);
}

static xmlEntityPtr on_entity(void *context, const xmlChar *name)
{
    (void)context;
    return xmlGetPredefinedEntity(name);
}

static int verdict(struct walk *walk)
{
    if (walk->too_deep)
        return error_set(walk->error, DQ_TOO_LARGE,
                         "The document's XML is nested deeper than %d levels.", LIMIT_XML_DEPTH);
    if (walk->too_wide)
        return error_set(walk->error, DQ_TOO_LARGE,
                         "An element of the document's XML has more than %d attributes.",
                         LIMIT_XML_ATTRIBUTES);
    return error_set(walk->error, DQ_CORRUPT, "The document's XML is damaged (line %d).",
                     walk->parser->input ? walk->parser->input->line : 0);
}

/* The library compares each attribute with each other one before it says anything. */
static bool within_width(struct walk *walk, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '<')
            walk->attributes = 0;
        else if (bytes[i] == '=' && ++walk->attributes > LIMIT_XML_ATTRIBUTES)
            walk->too_wide = true;
    }
    return !walk->too_wide;
}

static int feed(void *context, const char *bytes, size_t length)
{
    struct walk *walk = context;
    int result = emit_status(walk->emit, walk->error);
    if (result < 0)
        return result;
    if (!within_width(walk, bytes, length))
        return verdict(walk);
    bool parsed = xmlParseChunk(walk->parser, bytes, (int)length, 0) == XML_ERR_OK;
    if (walk->too_deep || (!parsed && !walk->parser->wellFormed))
        return verdict(walk);
    return emit_status(walk->emit, walk->error);
}

static const xmlSAXHandler events = {
    .initialized = XML_SAX2_MAGIC,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .cdataBlock = on_text,
    .getEntity = on_entity,
};

static int open_parser(struct walk *walk)
{
    xmlSAXHandler copy = events;
    walk->parser = xmlCreatePushParserCtxt(&copy, walk, NULL, 0, NULL);
    if (!walk->parser)
        return error_set(walk->error, DQ_NO_MEMORY, "The XML parser cannot start.");
    xmlCtxtUseOptions(walk->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return 0;
}

static int finish(struct walk *walk, int result)
{
    bool parsed = result == 0 && xmlParseChunk(walk->parser, "", 0, 1) == XML_ERR_OK;
    if (result == 0 && (walk->too_deep || (!parsed && !walk->parser->wellFormed)))
        result = verdict(walk);
    if (walk->parser->myDoc)
        xmlFreeDoc(walk->parser->myDoc);
    xmlFreeParserCtxt(walk->parser);
    return result < 0 ? result : emit_status(walk->emit, walk->error);
}

int xml_parse(struct archive *archive, int entry, const struct xml_handler *handler, void *context,
              struct emit *emit, dq_error *error)
{
    struct walk walk = {.handler = handler, .context = context, .emit = emit, .error = error};
    int result = open_parser(&walk);
    return result < 0 ? result : finish(&walk, archive_stream(archive, entry, feed, &walk, error));
}

int xml_parse_bytes(const struct input *input, const struct xml_handler *handler, void *context,
                    struct emit *emit, dq_error *error)
{
    enum { CHUNK_BYTES = 32 * 1024 };
    struct walk walk = {.handler = handler, .context = context, .emit = emit, .error = error};
    int result = open_parser(&walk);
    if (result < 0)
        return result;
    for (size_t at = 0; at < input->length && result == 0; at += CHUNK_BYTES) {
        size_t left = input->length - at;
        result = feed(&walk, input->bytes + at, left < CHUNK_BYTES ? left : CHUNK_BYTES);
    }
    return finish(&walk, result);
}
