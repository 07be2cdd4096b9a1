/* The samples of a demo, and what should become of them. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "cli/cli.h"
#include "cli/home.h"
#include "cli/progress.h"

#include <limits.h>
#include <sys/types.h>

#define DEMO_SAMPLES_MAX 200

struct sample {
    char file[128], phrase[256], code[64]; /* "" = not compared */
    char id[DQ_ID_SIZE];
    enum dq_status expected, status;
    bool done;
    char complaint[320]; /* "" = as expected */
};

struct demo {
    struct cli *cli;
    const char *samples; /* directory */
    char data[PATH_MAX], address[HOME_ADDRESS_SIZE];
    pid_t server; /* 0 = none */
    struct sample list[DEMO_SAMPLES_MAX];
    size_t count;
    struct progress progress;
};

/* Reads DIR/expected.tsv; 0 or a negative code. */
int samples_load(struct demo *demo);

/* Compares a finished document with what was expected; fills sample->complaint. */
void sample_judge(struct demo *demo, struct sample *sample, const dq_document *document);

#endif
