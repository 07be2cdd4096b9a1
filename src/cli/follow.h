/* Watching items until they are done: upload --wait, reprocess --wait, wait. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli/cli.h"

struct followed {
    char item_id[DQ_ID_SIZE];
    char document_id[DQ_ID_SIZE];
    char name[128];
    enum dq_status status; /* as last seen */
    bool done, gone;
};

/* Prints a line for each as it ends, and progress on a terminal. `timeout` in microseconds, 0 = no
 * end. Returns the exit code: 0, 3 one failed, 4 timed out, 5 one was removed. */
int follow(struct cli *cli, struct followed *list, size_t count, int64_t timeout);

void follow_init(struct followed *followed, const dq_document *document);

/* "completed  3 pages, 1.2 KiB of text  0.31 s" or "failed  damaged_document: ...". */
#define FOLLOW_TEXT_SIZE 512
char *follow_outcome(const dq_document *document, const dq_item *item, char *text);

#endif
