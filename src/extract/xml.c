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
    int depth;
    bool too_deep;
    dq_error *error;
};

bool xml_attribute(const struct xml_attributes *attributes, const char *name, char *value,
                   size_t size)
{
    value[0] = '\0';
    for (int i = 0; i < attributes->count; i++) {
        const xmlChar **row = attributes->values + 5 * i;
        if (strcmp((const char *)row[0], name) != 0)
            continue;
        size_t length = (size_t)(row[4] - row[3]);
        if (length >= size)
            length = size - 1;
        memcpy(value, row[3], length);
        value[length] = '\0';
        return true;
    }
    return false;
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
    return error_set(walk->error, DQ_CORRUPT, "The document's XML is damaged (line %d).",
                     walk->parser->input ? walk->parser->input->line : 0);
}

static int feed(void *context, const char *bytes, size_t length)
{
    struct walk *walk = context;
    int result = emit_status(walk->emit, walk->error);
    if (result < 0)
        return result;
    if (xmlParseChunk(walk->parser, bytes, (int)length, 0) != XML_ERR_OK &&
        !walk->parser->wellFormed)
        return verdict(walk);
    return emit_status(walk->emit, walk->error);
}

static void free_parser(xmlParserCtxtPtr *parser)
{
    if (*parser && (*parser)->myDoc)
        xmlFreeDoc((*parser)->myDoc);
    xmlFreeParserCtxt(*parser);
}

int xml_parse(struct archive *archive, int entry, const struct xml_handler *handler, void *context,
              struct emit *emit, dq_error *error)
{
    static const xmlSAXHandler events = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .getEntity = on_entity,
    };
    struct walk walk = {.handler = handler, .context = context, .emit = emit, .error = error};
    xmlSAXHandler copy = events;
    __attribute__((cleanup(free_parser))) xmlParserCtxtPtr parser =
        xmlCreatePushParserCtxt(&copy, &walk, NULL, 0, NULL);
    if (!parser)
        return error_set(error, DQ_NO_MEMORY, "The XML parser cannot start.");
    walk.parser = parser;
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    int result = archive_stream(archive, entry, feed, &walk, error);
    if (result == 0 && xmlParseChunk(parser, "", 0, 1) != XML_ERR_OK && !parser->wellFormed)
        result = verdict(&walk);
    return result < 0 ? result : emit_status(emit, error);
}
