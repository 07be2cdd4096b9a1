/* XML, mostly of an archive entry, as events. Nothing outside of it is ever read, entities are not
 * expanded, and the depth is limited. */
#ifndef EXTRACT_XML_H
#define EXTRACT_XML_H

#include "extract/archive.h"
#include "extract/emit.h"
#include "extract/input.h"

#include <stdbool.h>

struct xml_attributes;

/* Names come without their prefix. Any of them may be NULL. */
struct xml_handler {
    void (*start)(void *context, const char *name, const struct xml_attributes *attributes);
    void (*end)(void *context, const char *name);
    void (*text)(void *context, const char *text, size_t length);
};

/* Copies the attribute's value, cut to `size`; false and "" where there is none. */
bool xml_attribute(const struct xml_attributes *attributes, const char *name, char *value,
                   size_t size);

/* The same for the attribute whose namespace ends in `space`, where a plain one has its name. */
bool xml_attribute_of(const struct xml_attributes *attributes, const char *space, const char *name,
                      char *value, size_t size);

/* `emit` only lends its clock: its first failure stops the parser. */
int xml_parse_bytes(const struct input *input, const struct xml_handler *handler, void *context,
                    struct emit *emit, dq_error *error);
int xml_parse(struct archive *archive, int entry, const struct xml_handler *handler, void *context,
              struct emit *emit, dq_error *error);

#endif
