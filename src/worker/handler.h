/* A handler makes an outcome of a document. It does not write to the queue: the slot reports. */
#ifndef WORKER_HANDLER_H
#define WORKER_HANDLER_H

#include "sandbox/box.h"
#include "worker/failure.h"

#include <docq.h>

struct job {
    dq_queue *queue; /* for reading content only */
    const dq_lease *lease;
    const char *extractor;
    char *const *argv; /* of the program, or the webhook's URL, where the operation has one */
    const unsigned char *secret; /* that signs webhooks */
    size_t secret_length;
    int64_t memory_bytes, time_max;
    int stop_fd; /* becomes readable when the handler must end at once */
    wire_progress_fn *progress;
    void *context; /* of progress */
};

enum outcome_kind { OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_STOPPED };

struct outcome {
    enum outcome_kind kind;
    dq_result result;   /* completed */
    bool nothing;       /* completed, and the document keeps what it has */
    dq_failure failure; /* failed */
    struct arena *arena;
    struct box_result box; /* together they own the above */
};

struct handler {
    const char *kind; /* of the operation; "program", "webhook": this worker has one for it */
    void (*run)(const struct job *job, struct outcome *ret_outcome);
};

const struct handler *handler_find(const char *kind); /* NULL: nobody here does that */

void outcome_free(struct outcome *outcome);

/* OUTCOME_FAILED with the row's flags; `message` is copied, NULL = the row's sentence. */
void outcome_fail(struct outcome *outcome, const struct failure_row *row, const char *message);

/* The box's sentence, and the last lines of its stderr for whoever looks into it. */
const char *outcome_message(const struct outcome *outcome);

/* The document's bytes could not be opened. */
void outcome_fail_content(struct outcome *outcome, const dq_error *error);

/* handler_extract.c, handler_program.c, handler_webhook.c */
void handle_extract(const struct job *job, struct outcome *ret_outcome);
void handle_program(const struct job *job, struct outcome *ret_outcome);
void handle_webhook(const struct job *job, struct outcome *ret_outcome);

#endif
