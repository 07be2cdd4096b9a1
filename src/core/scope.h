/* What an access token may allow: the names of enum dq_scope. */
#ifndef CORE_SCOPE_H
#define CORE_SCOPE_H

#include <docq.h>
#include <stddef.h>

struct scope_row {
    const char *name;
    enum dq_scope bit;
};

enum { SCOPE_ROWS = 5 };
extern const struct scope_row scope_rows[SCOPE_ROWS];

unsigned scope_find(const char *name, size_t length); /* the bit, 0 = there is none */

/* "upload, read"; returns `text`. */
char *scope_join(unsigned scopes, const char *separator, char *text, size_t size);

#endif
