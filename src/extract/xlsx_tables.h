/* What the cells of a workbook only refer to: shared strings and number formats. */
#ifndef EXTRACT_XLSX_TABLES_H
#define EXTRACT_XLSX_TABLES_H

#include "base/buf.h"
#include "extract/xml.h"

struct tables;

struct tables *tables_new(void);
void tables_free(struct tables **tables); /* NULL is fine */
#define autotables __attribute__((cleanup(tables_free))) struct tables *

int tables_read_strings(struct tables *tables, struct archive *archive, int entry,
                        struct emit *emit, dq_error *error);
int tables_read_styles(struct tables *tables, struct archive *archive, int entry, struct emit *emit,
                       dq_error *error);

/* The text of a shared string, *ret_length bytes; "" where there is none of that number. */
const char *tables_string(const struct tables *tables, long number, size_t *ret_length);

/* The format code of a cell's style. */
const char *tables_format(const struct tables *tables, long style);

#endif
