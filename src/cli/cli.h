/* What every verb has in its hands: the parsed command line, the settings, the open queue and the
 * ways to end. A verb returns an exit code. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/settings.h"

#include <docq.h>
#include <stdbool.h>
#include <stdint.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_ITEM_FAILED = 3,
    EXIT_TIMED_OUT = 4,
    EXIT_NOT_FOUND = 5,
    EXIT_UNREACHABLE = 69,
};

#define CLI_OPTIONS_MAX  12 /* options of one verb */
#define CLI_OPERANDS_MAX 100000

struct option_row {
    const char *name;
    char letter;       /* 0 = none */
    const char *value; /* what its argument is called; NULL = takes none */
    const char *help;
};

struct cli;

struct verb {
    const char *name, *usage, *summary;
    const char *details; /* for `docq help VERB`; NULL = nothing more to say */
    const struct option_row *options;
    unsigned scopes;  /* enum setting_scope: which settings it takes as options */
    int operands_min; /* and at most: */
    int operands_max;
    bool creates; /* it may make a data directory that is not there */
    int (*run)(struct cli *cli, int count, char **operands);
};

extern const struct verb verbs[];         /* ends with a row without a name */
extern const struct option_row globals[]; /* options every verb takes */

struct cli {
    struct settings settings;
    const struct verb *verb;
    const char *given[CLI_OPTIONS_MAX]; /* of verb->options: argument, "" for a flag, NULL absent */
    bool json, quiet, help, version, no_color;
    dq_queue *queue; /* see cli_open() */
    dq_error error;  /* of the last failed call */
};

/* Parses globals, the verb and its options; 0, or the exit code after an explanation. *ret_first
 * is the index of the first operand in `argv`. */
int cli_parse(struct cli *cli, int argc, char **argv, int *ret_first);

const struct verb *verb_find(const char *name);                /* NULL = there is none */
int cli_unknown_verb(const struct cli *cli, const char *name); /* explains; EXIT_USAGE */

/* The argument of one of the verb's options, "" for a flag that is there, NULL where it is not. */
const char *cli_option(const struct cli *cli, const char *name);

/* The same as a number; `missing` where it is absent. False: explained, return EXIT_USAGE. */
bool cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t missing,
                int64_t *ret_number);
bool cli_duration(const struct cli *cli, const char *name, int64_t missing, int64_t *ret_us);

/* Opens the store that the settings name, once; NULL: explained, return cli->error's exit code. */
dq_queue *cli_open(struct cli *cli);
int cli_url(struct cli *cli, char *url, size_t size);          /* 0 or a negative code */
bool cli_is_remote(const struct cli *cli);                     /* the store is a server's */
int cli_token(struct cli *cli, char token[SETTING_BYTES_MAX]); /* "" = none; 0 or a negative code */

/* Prints cli->error with its remedy; returns its exit code. */
int cli_report(const struct cli *cli);

/* The same for a fault of the command line itself: "docq: ...", then the remedy on a line of its
 * own (NULL = see the verb's help). Returns EXIT_USAGE. */
int cli_usage(const struct cli *cli, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Narration on stderr; silent with --quiet. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Asks on a terminal; true without asking with --yes, or where nobody sits at a terminal. */
bool cli_confirm(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void cli_close(struct cli *cli);

/* The full id that an abbreviation stands for; 0, or the exit code after an explanation. */
int cli_resolve(struct cli *cli, const char *prefix, char ret_id[DQ_ID_SIZE]);

/* Resolves to a document, or to an item where no document has the id: exactly one of the two is
 * set. 0, or the exit code after an explanation. */
int cli_look_up(struct cli *cli, const char *prefix, dq_document **ret_document,
                dq_item **ret_item);

bool cli_looks_like_id(const char *word); /* hexadecimal digits and hyphens, 4 at least */

/* Words joined by blanks as one filter; false: too long, explained. */
#define CLI_FILTER_BYTES_MAX 4096
bool cli_filter(const struct cli *cli, int count, char **words, char filter[CLI_FILTER_BYTES_MAX]);

int run_cancel(struct cli *cli, int count, char **operands);
int run_completion(struct cli *cli, int count, char **operands);
int run_config(struct cli *cli, int count, char **operands);
int run_demo(struct cli *cli, int count, char **operands);
int run_doctor(struct cli *cli, int count, char **operands);
int run_get(struct cli *cli, int count, char **operands);
int run_healthcheck(struct cli *cli, int count, char **operands);
int run_help(struct cli *cli, int count, char **operands);
int run_ls(struct cli *cli, int count, char **operands);
int run_operation(struct cli *cli, int count, char **operands);
int run_pause(struct cli *cli, int count, char **operands);
int run_process(struct cli *cli, int count, char **operands);
int run_purge(struct cli *cli, int count, char **operands);
int run_reprocess(struct cli *cli, int count, char **operands);
int run_resume(struct cli *cli, int count, char **operands);
int run_retry(struct cli *cli, int count, char **operands);
int run_rm(struct cli *cli, int count, char **operands);
int run_search(struct cli *cli, int count, char **operands);
int run_serve(struct cli *cli, int count, char **operands);
int run_show(struct cli *cli, int count, char **operands);
int run_stats(struct cli *cli, int count, char **operands);
int run_text(struct cli *cli, int count, char **operands);
int run_token(struct cli *cli, int count, char **operands);
int run_upload(struct cli *cli, int count, char **operands);
int run_version(struct cli *cli, int count, char **operands);
int run_wait(struct cli *cli, int count, char **operands);
int run_worker(struct cli *cli, int count, char **operands);

/* `docq text --chunks` of a document; the exit code. */
int show_chunks(struct cli *cli, const char *id);

void help_verb(const struct verb *verb); /* on stdout */
void help_all(void);
void help_manual(void); /* docq(1), as troff */

#endif
