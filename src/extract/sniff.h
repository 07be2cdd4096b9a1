/* What kind of document some bytes are. */
#ifndef EXTRACT_SNIFF_H
#define EXTRACT_SNIFF_H

#include "extract/input.h"

struct kind {
    const char *media_type, *title; /* "a spreadsheet (XLSX)"; both static */
};

/* By the bytes; the name only decides between kinds of text, which look alike. */
struct kind sniff(const struct input *input);

#endif
