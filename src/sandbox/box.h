/* One hostile document in one fresh process that holds three descriptors and nothing else. */
#ifndef SANDBOX_BOX_H
#define SANDBOX_BOX_H

#include "base/error.h"
#include "sandbox/wire.h"

/* A zeroed request with program and document_fd set is valid, apart from `stop_fd`. */
struct box_request {
    const char *program; /* path, called as `program --name NAME --seconds N` */
    /* Not NULL: called with these instead, argv[0] first. It prints text, pages separated by form
     * feeds, where a parser sends frames, and ends with exit code 0. */
    char *const *argv;
    char *const *environment;   /* NULL-terminated, beside what every box gets; NULL = nothing */
    int document_fd;            /* stays the caller's; the box can only read it */
    const char *name;           /* what the document is called: a hint for the parser, or NULL */
    int64_t memory_bytes;       /* address space; 0 = 1 GiB */
    int64_t time_max;           /* microseconds; 0 = 120 s */
    int64_t output_bytes_max;   /* of all pages; 0 = FRAME_OUTPUT_BYTES_MAX */
    int stop_fd;                /* becomes readable when the box must end at once; -1 = never */
    wire_progress_fn *progress; /* called on the caller's thread; may be NULL */
    void *context;
};

enum box_verdict {
    BOX_OK,             /* the content is whole */
    BOX_DOCUMENT_ERROR, /* content.error_slug says what is wrong with the document */
    BOX_SIGNAL,         /* the parser was killed by `signal` */
    BOX_TIME,           /* it did not finish in time; the content so far is there */
    BOX_MEMORY,         /* it needed more memory than it may have */
    BOX_OUTPUT,         /* it sent more than it may */
    BOX_PROTOCOL,       /* it broke the rules of base/frame.h, or left before the end */
    BOX_SPAWN,          /* it could not be started or walled in */
    BOX_STOPPED,        /* stop_fd */
    BOX_EXIT,           /* a program called by `argv` ended with an `exit_code` but 0 */
    BOX_VERDICT_MAX,
};

const char *box_verdict_name(enum box_verdict verdict); /* "ok", ...; static */

#define BOX_STDERR_BYTES 4096

struct box_result {
    enum box_verdict verdict;
    struct wire_content content;
    int signal;                             /* that ended it, or 0 */
    int exit_code;                          /* where it exited by itself, else 0 */
    const char *limit;                      /* "time", "cpu", "memory", "output": static, or NULL */
    int64_t peak_memory;                    /* bytes resident, 0 = unknown */
    int64_t duration;                       /* microseconds */
    char message[256];                      /* one sentence about any verdict but BOX_OK */
    char diagnostics[BOX_STDERR_BYTES + 1]; /* the end of its stderr, as valid UTF-8 */
    struct wire *wire;                      /* owns the content */
};

/* Runs until the box has ended, for whatever reason; it and what it started are dead and reaped on
 * return. Any number of threads may do this at once. 0: *ret_result is set and goes back by
 * box_result_free(), whatever the verdict. Fails only where no box could be tried (DQ_NO_MEMORY,
 * DQ_IO: no descriptors). */
int box_run(const struct box_request *request, struct box_result *ret_result, dq_error *error);
void box_result_free(struct box_result *result); /* leaves it empty */

#endif
