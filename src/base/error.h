/* Errors: a negative enum dq_code returned, and the caller's dq_error filled once, at the origin.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <docq.h>

struct error_row {
    int code;
    const char *slug;
    int http_status, exit_code;
    const char *title, *remedy;
};

/* The row of errors.def for a code; an unknown code gets DQ_INTERNAL's. */
const struct error_row *error_row(int code);

/* The row of a slug; NULL: there is none. */
const struct error_row *error_find(const char *slug);

/* Fills *error (NULL is fine) and returns `code`, so that `return error_set(...)` reads well. */
int error_set(dq_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the JSON pointer of the field at fault ("/priority"). */
int error_field(dq_error *error, int code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* From errno: ENOSPC and EDQUOT become DQ_NO_SPACE, ENOENT DQ_NOT_FOUND, ENOMEM DQ_NO_MEMORY, all
 * else DQ_IO. The detail is "what: strerror". */
int error_errno(dq_error *error, const char *what);

/* Prints "docq: bug: ..." and aborts: for what cannot happen. */
_Noreturn void bug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
