/* One document from its bytes to its frames. */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "extract/emit.h"
#include "extract/input.h"

/* Writes everything up to FRAME_END. 0 also where the document is at fault (FRAME_ERROR says so);
 * negative where we are, and then FRAME_END is missing. */
int extract_document(const struct input *input, struct emit *emit, dq_error *error);

#endif
