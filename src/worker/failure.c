/* The rows of core/failures.def. The enumeration repeats their order; a test compares it. */
#include "worker/failure.h"

#include <string.h>

static const struct failure_row rows[] = {
#define FAILURE(slug, retryable, crash, sentence) {slug, retryable, crash, sentence},
#include "core/failures.def"
#undef FAILURE
};

_Static_assert(sizeof rows / sizeof rows[0] == FAILURE_MAX, "failure.h misses a row");

const struct failure_row *failure_row(enum failure failure)
{
    return &rows[failure];
}

const struct failure_row *failure_find(const char *slug)
{
    for (size_t i = 0; i < FAILURE_MAX; i++)
        if (strcmp(rows[i].slug, slug) == 0)
            return &rows[i];
    return NULL;
}
