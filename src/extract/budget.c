/* One account for a document and all that is inside of it. */
#include "extract/budget.h"

#include "base/error.h"

int budget_inflate(struct budget *budget, size_t bytes, dq_error *error)
{
    budget->inflated += bytes;
    if (budget->inflated > LIMIT_INFLATED_BYTES) {
        budget->exhausted = true;
        return error_set(error, DQ_TOO_LARGE, "The archive inflates to more than %llu MiB.",
                         LIMIT_INFLATED_BYTES / 1024 / 1024);
    }
    if (budget->inflated > LIMIT_RATIO_FROM &&
        budget->inflated / LIMIT_INFLATE_RATIO > budget->stored) {
        budget->exhausted = true;
        return error_set(error, DQ_TOO_LARGE,
                         "The archive inflates to more than %d times its size.",
                         LIMIT_INFLATE_RATIO);
    }
    return 0;
}

int budget_member(struct budget *budget, dq_error *error)
{
    if (++budget->members <= LIMIT_MEMBERS)
        return 0;
    budget->exhausted = true;
    return error_set(error, DQ_TOO_LARGE, "More than %d documents are inside of this one.",
                     LIMIT_MEMBERS);
}

int budget_enter(struct budget *budget, dq_error *error)
{
    if (++budget->depth <= LIMIT_NESTING)
        return 0;
    budget->exhausted = true;
    return error_set(error, DQ_TOO_LARGE, "Documents are inside of documents, %d levels deep.",
                     LIMIT_NESTING);
}

void budget_leave(struct budget *budget)
{
    budget->depth--;
}
