/* Blocks of Markdown for parsers that meet one paragraph, item or row after the other. */
#ifndef EXTRACT_BLOCKS_H
#define EXTRACT_BLOCKS_H

#include "base/buf.h"
#include "extract/emit.h"

struct blocks {
    struct emit *emit;
    struct buf out;
    int last;       /* what was written last: items and rows follow their kind without a gap */
    size_t columns; /* of the table, 0 = its first row is to come */
};

/* A block has at most `bytes_max` bytes; a longer one is left out. */
void blocks_init(struct blocks *blocks, struct emit *emit, size_t bytes_max);
void blocks_free(struct blocks *blocks);

/* Text is plain; line ends inside of it stay, those at its end do not count. Blank text is no
 * block. */
void blocks_paragraph(struct blocks *blocks, const char *text, size_t length);
void blocks_heading(struct blocks *blocks, int level, const char *text, size_t length);

/* The first `label` bytes of the text are the item's bullet or number. `level` 0.. */
void blocks_item(struct blocks *blocks, int level, size_t label, const char *text, size_t length);

void blocks_table(struct blocks *blocks); /* the next row is the first of a table */
void blocks_row(struct blocks *blocks, const char *cells, size_t length); /* tab-separated */
void blocks_page(struct blocks *blocks);                                  /* the page was closed */

#endif
