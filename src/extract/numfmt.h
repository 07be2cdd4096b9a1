/* Numbers as a spreadsheet shows them. */
#ifndef EXTRACT_NUMFMT_H
#define EXTRACT_NUMFMT_H

#include "base/buf.h"

/* Appends `value` by a format code of the spreadsheet ("#,##0.00", "d-mmm-yy", "0%", "General").
 * Days count from 1904 instead of 1900 where `since_1904`. Names of months and days are English. */
void numfmt_put(double value, const char *code, bool since_1904, struct buf *to);

/* The code of a built-in format; NULL where that number has none. Those that follow the reader's
 * country are dates as of ISO 8601. */
const char *numfmt_builtin(int id);

#endif
