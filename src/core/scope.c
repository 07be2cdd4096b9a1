/* The names of scopes. */
#include "core/scope.h"

#include <stdio.h>
#include <string.h>

const struct scope_row scope_rows[SCOPE_ROWS] = {
    {"upload", DQ_SCOPE_UPLOAD},   {"read", DQ_SCOPE_READ},   {"work", DQ_SCOPE_WORK},
    {"operate", DQ_SCOPE_OPERATE}, {"admin", DQ_SCOPE_ADMIN},
};

unsigned scope_find(const char *name, size_t length)
{
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (strlen(scope_rows[i].name) == length && memcmp(scope_rows[i].name, name, length) == 0)
            return scope_rows[i].bit;
    return 0;
}

char *scope_join(unsigned scopes, const char *separator, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < SCOPE_ROWS && used < size; i++)
        if (scopes & scope_rows[i].bit)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? separator : "",
                                     scope_rows[i].name);
    return text;
}
