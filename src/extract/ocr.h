/* Text out of pictures. */
#ifndef EXTRACT_OCR_H
#define EXTRACT_OCR_H

#include "extract/emit.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct Pix; /* of Leptonica */

/* Before the walls go up: finds the training data of `languages` ("eng+deu"; "" = all that are
 * installed, up to a limit). Without `may_open` everything is loaded here, for later it cannot
 * be. */
void ocr_prepare(const char *languages, bool may_open);

void ocr_finish(void);

const char *ocr_languages(void); /* that will be used, "" = none */

struct ocr_reading {
    char *text;     /* free() it; "" = there is none */
    int confidence; /* of its words, 0 to 100; 0 where there are none */
};

/* Upright or not, `picture` is read; it stays the caller's. The emitter lends its clock: when the
 * time is up, what is read so far comes back. DQ_UNSUPPORTED: no OCR here; DQ_NO_MEMORY. */
int ocr_read(struct Pix *picture, struct emit *emit, struct ocr_reading *ret, dq_error *error);

/* "page 3: ..." where people should know how the text came about. */
void ocr_report(struct emit *emit, int page, const struct ocr_reading *reading);

#ifdef __cplusplus
}
#endif

#endif
