/* From any encoding to UTF-8. */
#ifndef EXTRACT_CHARSET_H
#define EXTRACT_CHARSET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct charset {
    const char *name;  /* "UTF-8", "windows-1252", ...; static */
    const char *iconv; /* the converter's name for it; NULL for UTF-8 */
    int at;            /* its row */
};

/* The encoding of some text: by byte order mark, by `declared` (what the document says of itself;
 * NULL where it says nothing), by validity as UTF-8, by the pattern of NULs, by statistics.
 * *ret_skip gets the length of a byte order mark. */
struct charset charset_detect(const char *bytes, size_t length, const char *declared,
                              size_t *ret_skip);

/* By name or alias, in any case ("latin1", "cp932"); false where there is none. */
bool charset_named(const char *name, struct charset *ret_charset);

/* Gives the text to `sink` in pieces of whole characters; stops where the sink returns < 0.
 * Bytes that mean nothing become U+FFFD (in UTF-8 they are left to the sink). */
typedef int charset_sink(void *context, const char *text, size_t length);
int charset_decode(struct charset charset, const char *bytes, size_t length, charset_sink *sink,
                   void *context, dq_error *error);

/* Opens all converters, which are files; call it before the walls go up. */
void charset_warm_up(void);

#endif
