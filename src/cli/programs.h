/* The setting `programs`: "shrink=/usr/local/bin/shrink --size 80; scan=https://scan.example/". */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

#include "cli/cli.h"
#include "worker/worker.h"

#define PROGRAM_WORDS_MAX  64 /* path and arguments of one */
#define PROGRAM_SECRET_MIN 24
#define PROGRAM_SECRET_MAX 64

struct programs {
    char *text; /* holds the words */
    struct worker_program rows[WORKER_PROGRAMS_MAX];
    char *words[WORKER_PROGRAMS_MAX][PROGRAM_WORDS_MAX + 1];
    size_t count;
    unsigned char secret[PROGRAM_SECRET_MAX]; /* for webhooks */
    size_t secret_length;
};

/* 0, or DQ_INVALID and cli->error. Either way *programs goes back by programs_free(). */
int programs_read(struct cli *cli, struct programs *programs);
void programs_free(struct programs *programs);

/* Makes their operations known to the open queue. */
int programs_make_known(struct cli *cli, const struct programs *programs);

#endif
