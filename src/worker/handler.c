/* The table of handlers, and outcomes. */
#include "worker/handler.h"

#include "base/arena.h"

#include <string.h>

static const struct handler handlers[] = {
    {"builtin", handle_extract},
};

const struct handler *handler_find(const char *kind)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (strcmp(handlers[i].kind, kind) == 0)
            return &handlers[i];
    return NULL;
}

void outcome_free(struct outcome *outcome)
{
    box_result_free(&outcome->box);
    arena_free(outcome->arena);
    *outcome = (struct outcome){0};
}

void outcome_fail(struct outcome *outcome, const struct failure_row *row, const char *message)
{
    if (!outcome->arena)
        outcome->arena = arena_new();
    outcome->kind = OUTCOME_FAILED;
    outcome->failure.code = row->slug;
    outcome->failure.message = arena_strdup(outcome->arena, message ? message : row->sentence);
    outcome->failure.retryable = row->retryable;
    outcome->failure.crash = row->crash;
}
