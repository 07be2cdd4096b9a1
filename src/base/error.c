/* The error table and its helpers. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct error_row rows[] = {
#define ERROR(code, slug, http, exit_code, title, remedy)                                          \
    {code, slug, http, exit_code, title, remedy},
#include "base/errors.def"
#undef ERROR
};

const struct error_row *error_row(int code)
{
    size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++)
        if (rows[i].code == code)
            return &rows[i];
    return &rows[count - 1];
}

const struct error_row *error_find(const char *slug)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].slug, slug) == 0)
            return &rows[i];
    return NULL;
}

const char *dq_code_name(int code)
{
    return code >= 0 ? "ok" : error_row(code)->slug;
}

static int fill(dq_error *error, int code, const char *field, const char *format, va_list args)
{
    if (!error)
        return code;
    error->code = code;
    snprintf(error->field, sizeof error->field, "%s", field);
    vsnprintf(error->detail, sizeof error->detail, format, args);
    return code;
}

int error_set(dq_error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, "", format, args);
    va_end(args);
    return code;
}

int error_field(dq_error *error, int code, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, field, format, args);
    va_end(args);
    return code;
}

int error_errno(dq_error *error, const char *what)
{
    int os_error = errno;
    int code = os_error == ENOSPC || os_error == EDQUOT ? DQ_NO_SPACE
               : os_error == ENOENT                     ? DQ_NOT_FOUND
               : os_error == ENOMEM                     ? DQ_NO_MEMORY
                                                        : DQ_IO;
    return error_set(error, code, "%s: %s", what, strerror(os_error));
}

void bug(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("docq: bug: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}
