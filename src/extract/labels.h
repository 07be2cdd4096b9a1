/* The numbers of lists as people write them. */
#ifndef EXTRACT_LABELS_H
#define EXTRACT_LABELS_H

#include "base/buf.h"

/* Appends `value` as "decimal", "decimalZero", "lowerLetter", "upperLetter", "lowerRoman",
 * "upperRoman" or "none"; any other name is decimal. */
void label_number(int value, const char *format, struct buf *to);

#endif
