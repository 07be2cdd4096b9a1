/* What the paragraphs of an OpenDocument only refer to: how lists and headings are numbered, and
 * which paragraphs begin a page. */
#ifndef EXTRACT_ODF_STYLES_H
#define EXTRACT_ODF_STYLES_H

#include "base/buf.h"
#include "extract/xml.h"

struct styles;

struct styles *styles_new(void);
void styles_free(struct styles **styles); /* NULL is fine */
#define autostyles __attribute__((cleanup(styles_free))) struct styles *

/* Every element goes through here first; true where it is about styles. */
bool styles_start_element(struct styles *styles, const char *name,
                          const struct xml_attributes *attributes);
bool styles_end_element(struct styles *styles, const char *name);

bool styles_break_before(const struct styles *styles, const char *paragraph_style);

/* Lists, from the outermost (level 1) inwards. `style` may be "" in an inner one. */
void styles_list_begin(struct styles *styles, const char *style, bool continues);
void styles_list_end(struct styles *styles);

/* Appends the label of the next item of the open list ("2.1. ", "- "). `start` < 0: just the next
 * number. */
void styles_label_item(struct styles *styles, int start, struct buf *to);

/* The same for a heading of that level, from 1; nothing where headings have no numbers. */
void styles_label_heading(struct styles *styles, int level, struct buf *to);

#endif
