/* One document from its bytes to its frames. */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "extract/emit.h"
#include "extract/input.h"

/* Writes everything up to FRAME_END. 0 also where the document is at fault (FRAME_ERROR says so);
 * negative where we are, and then FRAME_END is missing. */
int extract_document(const struct input *input, struct emit *emit, dq_error *error);

/* A document inside of `outer`: an attachment, a member of an archive. Its text comes under `name`,
 * which need not be UTF-8 and also is its hint. What is wrong with it alone is a problem and no
 * failure; negative where the whole document must end. */
int extract_nested(const struct input *outer, const char *name, const char *bytes, size_t length,
                   struct emit *emit, dq_error *error);

/* The same, but in place of `outer`: what a compressed file turned out to be. */
int extract_instead(const struct input *outer, const char *name, const char *bytes, size_t length,
                    struct emit *emit, dq_error *error);

#endif
