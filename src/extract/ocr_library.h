/* Tesseract and Leptonica, loaded only for documents that need them: with all that they depend on
 * they take longer to load than most documents take to be read. */
#ifndef EXTRACT_OCR_LIBRARY_H
#define EXTRACT_OCR_LIBRARY_H

#include <docq.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

struct ocr_library {
#define FUNCTION(result, name, parameters) result(*name) parameters;
#include "extract/ocr_library.def"
#undef FUNCTION
};

/* NULL: they are not installed; *error (DQ_UNSUPPORTED) says so. Loaded once. */
const struct ocr_library *ocr_library(dq_error *error);

#endif
