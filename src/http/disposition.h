/* Content-Disposition: reading names that callers send, writing names for downloads. */
#ifndef HTTP_DISPOSITION_H
#define HTTP_DISPOSITION_H

#include <docq.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

#define DISPOSITION_TYPE_SIZE 32
#define DISPOSITION_NAME_SIZE 128
#define DISPOSITION_FILE_SIZE                                                                      \
    8193 /* longer than any name that is accepted, so that it is named                             \
          */

struct disposition {
    char type[DISPOSITION_TYPE_SIZE]; /* "form-data", lower case */
    char name[DISPOSITION_NAME_SIZE];
    char filename[DISPOSITION_FILE_SIZE]; /* decoded, not yet checked */
    bool has_name, has_filename;
};

/* token, quoted-string (with \" and browsers' %22 %0D %0A) and filename*=UTF-8''... (RFC 8187,
 * wins over filename). DQ_MALFORMED. */
int disposition_parse(const char *value, struct disposition *ret, dq_error *error);

/* Fit to be stored: UTF-8, no control bytes, not too long. Returns the last path component inside
 * `filename`, or NULL with DQ_INVALID /filename. */
const char *filename_check(const char *filename, dq_error *error);

/* attachment; filename="fallback"; filename*=UTF-8''name */
void disposition_write(struct buf *out, const char *filename);

#endif
