/* The tree of a web page, for those who make text and Markdown of it. */
#ifndef EXTRACT_HTML_TREE_H
#define EXTRACT_HTML_TREE_H

#include "extract/emit.h"

#include <gumbo.h>
#include <stdbool.h>

enum effect { INLINE, SKIP, BLOCK, PARAGRAPH, LINE_BREAK, ITEM, TABLE, ROW, CELL, PREFORMATTED };

enum effect html_effect(const GumboNode *node); /* of an element */
bool html_is_element(const GumboNode *node);
const char *html_attribute(const GumboNode *node, const char *name); /* "" = it has none */
bool html_is_space(char c);

/* The whole tree as Markdown into the open page. */
void html_markdown(struct emit *emit, const GumboNode *root);

#endif
