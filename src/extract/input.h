/* One document in memory. The bytes are hostile and are not NUL-terminated. */
#ifndef EXTRACT_INPUT_H
#define EXTRACT_INPUT_H

#include <stddef.h>

struct budget;

struct input {
    const char *bytes;
    size_t length;
    const char *name;      /* what the sender calls it, "" where unknown: a hint, never a path */
    struct budget *budget; /* extract_document() opens it; a document inside shares its outer's */
};

#endif
