/* The numbers and bullets of lists, which the document only refers to. */
#ifndef EXTRACT_DOCX_LISTS_H
#define EXTRACT_DOCX_LISTS_H

#include "base/buf.h"
#include "extract/xml.h"

struct lists;

struct lists *lists_new(void);
void lists_free(struct lists **lists); /* NULL is fine */
#define autolists __attribute__((cleanup(lists_free))) struct lists *

int lists_read_numbering(struct lists *lists, struct archive *archive, int entry, struct emit *emit,
                         dq_error *error);
int lists_read_styles(struct lists *lists, struct archive *archive, int entry, struct emit *emit,
                      dq_error *error);

/* Appends the label of the next paragraph of that list ("2.1. ", "- "), counting it. `list` and
 * `level` are < 0 where the paragraph does not say; then its style does. */
void lists_label(struct lists *lists, int list, int level, const char *style, struct buf *to);

/* 1.. for the paragraphs of a style that makes headings, else 0. */
int lists_heading(const struct lists *lists, const char *style);

#endif
