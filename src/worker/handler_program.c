/* A program of the administrator's own: the document on its stdin, the text on its stdout. It runs
 * as the worker's user, in a process group of its own with limits, but without the wall of
 * docq-extract: what it may do is for whoever configured it to say. */
#include "base/arena.h"
#include "base/fd.h"
#include "worker/handler.h"

#include <stddef.h>
#include <string.h>

enum { VARIABLES_MAX = 6 };

/* Exit codes with a meaning of their own, as sysexits.h numbers them; others are tried again. */
static const struct {
    int code;
    enum failure failure;
} exits[] = {
    {65, FAILURE_DAMAGED_DOCUMENT},   /* EX_DATAERR */
    {69, FAILURE_UNSUPPORTED_FORMAT}, /* EX_UNAVAILABLE */
};

static const enum failure verdicts[BOX_VERDICT_MAX] = {
    [BOX_DOCUMENT_ERROR] = FAILURE_HANDLER_ERROR,
    [BOX_SIGNAL] = FAILURE_PROGRAM_CRASHED,
    [BOX_TIME] = FAILURE_TIME_LIMIT,
    [BOX_MEMORY] = FAILURE_MEMORY_LIMIT,
    [BOX_OUTPUT] = FAILURE_LIMIT_EXCEEDED,
    [BOX_PROTOCOL] = FAILURE_OUTPUT_INVALID,
    [BOX_SPAWN] = FAILURE_PROGRAM_MISSING,
    [BOX_EXIT] = FAILURE_HANDLER_ERROR,
};

static enum failure failure_of(const struct box_result *box)
{
    for (size_t i = 0; box->verdict == BOX_EXIT && i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].code == box->exit_code)
            return exits[i].failure;
    return verdicts[box->verdict];
}

/* Without pages nothing is handed in, so that a program which only looks leaves the text alone. */
static void complete(struct outcome *outcome)
{
    const struct wire_content *content = &outcome->box.content;
    outcome->kind = OUTCOME_COMPLETED;
    outcome->nothing = content->page_count == 0;
    outcome->result = (dq_result){.pages = content->pages,
                                  .page_count = content->page_count,
                                  .peak_memory = outcome->box.peak_memory};
}

static void make_outcome(struct outcome *outcome)
{
    const struct box_result *box = &outcome->box;
    if (box->verdict == BOX_OK) {
        complete(outcome);
    } else if (box->verdict == BOX_STOPPED) {
        outcome->kind = OUTCOME_STOPPED;
    } else {
        outcome_fail(outcome, failure_row(failure_of(box)), outcome_message(outcome));
        outcome->failure.signal = box->signal;
        outcome->failure.limit = box->limit;
        outcome->failure.peak_memory = box->peak_memory;
    }
}

static void describe(const struct job *job, struct arena *arena, char *variables[VARIABLES_MAX])
{
    const dq_document *document = &job->lease->document;
    size_t count = 0;
    variables[count++] = arena_printf(arena, "DOCQ_DOCUMENT_ID=%s", document->id);
    variables[count++] = arena_printf(arena, "DOCQ_FILENAME=%s", document->filename);
    variables[count++] = arena_printf(arena, "DOCQ_CONTENT_TYPE=%s", document->content_type);
    variables[count++] = arena_printf(arena, "DOCQ_OPERATION=%s", job->lease->item.operation);
    variables[count++] = arena_printf(arena, "DOCQ_ATTEMPT=%d", job->lease->item.attempts);
    variables[count] = NULL;
}

void handle_program(const struct job *job, struct outcome *ret_outcome)
{
    autoclose document = -1;
    dq_error error = {0};
    char *variables[VARIABLES_MAX];
    *ret_outcome = (struct outcome){.arena = arena_new()};
    if (dq_open_content(job->queue, job->lease->document.id, &document, &error) < 0) {
        outcome_fail_content(ret_outcome, &error);
        return;
    }
    describe(job, ret_outcome->arena, variables);
    struct box_request request = {.program = job->argv[0],
                                  .argv = job->argv,
                                  .environment = variables,
                                  .document_fd = document,
                                  .memory_bytes = job->memory_bytes,
                                  .time_max = job->time_max,
                                  .stop_fd = job->stop_fd};
    if (box_run(&request, &ret_outcome->box, &error) < 0)
        outcome_fail(ret_outcome, failure_row(FAILURE_HANDLER_ERROR), error.detail);
    else
        make_outcome(ret_outcome);
}
