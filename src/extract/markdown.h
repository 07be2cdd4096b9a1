/* Pieces of Markdown (CommonMark, with the tables of GFM), for parsers that know the structure. */
#ifndef EXTRACT_MARKDOWN_H
#define EXTRACT_MARKDOWN_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends text of one line so that it means itself. `line_start`: nothing stands before it. */
void markdown_text(struct buf *to, const char *text, size_t length, bool line_start);

/* A table row whose cells are separated by tabs, with its line end; behind the first row of a table
 * (*columns 0; afterwards their number) comes the line that makes it one. */
void markdown_row(struct buf *to, const char *cells, size_t length, size_t *columns);

/* `level` 1.. is cut to 6. Without a line end. */
void markdown_heading(struct buf *to, int level, const char *text, size_t length);

/* A page of lines, as a PDF or a scan has them, as paragraphs. */
void markdown_paragraphs(struct buf *to, const char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif
