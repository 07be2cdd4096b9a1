/* The table of handlers, and outcomes. */
#include "worker/handler.h"

#include "base/arena.h"

#include <string.h>

enum { DIAGNOSTICS_BYTES_MAX = 1000 };

static const struct handler handlers[] = {
    {"builtin", handle_extract},
    {"program", handle_program},
    {"webhook", handle_webhook},
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

const char *outcome_message(const struct outcome *outcome)
{
    const struct box_result *box = &outcome->box;
    const char *tail = box->diagnostics;
    size_t length = strlen(tail);
    if (length > DIAGNOSTICS_BYTES_MAX) {
        const char *line = strchr(tail + length - DIAGNOSTICS_BYTES_MAX, '\n');
        tail = line ? line + 1 : "";
    }
    return *tail ? arena_printf(outcome->arena, "%s\n%s", box->message, tail) : box->message;
}

void outcome_fail_content(struct outcome *outcome, const dq_error *error)
{
    bool gone = error->code == DQ_NOT_FOUND || error->code == DQ_CORRUPT;
    outcome_fail(outcome, failure_row(gone ? FAILURE_CONTENT_MISSING : FAILURE_HANDLER_ERROR),
                 error->detail);
}
