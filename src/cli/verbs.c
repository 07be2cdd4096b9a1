/* The verbs: one row each; help, completion and docs/commands.md are made from these tables. */
#include "cli/cli.h"

#include <stddef.h>
#include <string.h>

static const struct option_row upload_options[] = {
    {"wait", 'w', NULL, "Wait until every document is completed or failed"},
    {"operation", 'o', "NAME", "Operation to queue (process)"},
    {"priority", 'p', "N", "-1000 to 1000, higher is sooner (0)"},
    {"metadata", 'm', "JSON", "A JSON object kept with the document"},
    {"name", 'n', "NAME", "File name to record instead of the file's own"},
    {"owner", 0, "NAME", "Tenant to whom the document belongs (default)"},
    {0},
};
static const struct option_row reprocess_options[] = {
    {"wait", 'w', NULL, "Wait until it is completed or failed"},
    {"operation", 'o', "NAME", "Operation to queue (reprocess)"},
    {"priority", 'p', "N", "-1000 to 1000, higher is sooner (0)"},
    {0},
};
static const struct option_row ls_options[] = {
    {"items", 'i', NULL, "List queue items instead of documents"},
    {"limit", 'n', "N", "At most so many (50); 0 = all"},
    {0},
};
static const struct option_row text_options[] = {
    {"page", 'p', "N", "Only this page, or a range such as 2-5"},
    {"chunks", 'c', NULL, "Cut into pieces for retrieval, along headings and paragraphs"},
    {"size", 0, "N", "Characters of a piece at most (1000)"},
    {"overlap", 0, "N", "Characters that a piece repeats of the one before (0)"},
    {0},
};
static const struct option_row search_options[] = {
    {"limit", 'n', "N", "At most so many hits (20)"},
    {0},
};
static const struct option_row get_options[] = {
    {"output", 'o', "FILE", "Write to FILE (- is stdout); else to the document's own name"},
    {0},
};
static const struct option_row yes_options[] = {
    {"yes", 'y', NULL, "Do not ask"},
    {0},
};
static const struct option_row purge_options[] = {
    {"older", 0, "AGE", "Items that ended longer ago than this, such as 30d"},
    {"status", 0, "STATUS", "Only completed, failed or cancelled ones"},
    {"with-documents", 0, NULL, "Remove documents whose last item goes"},
    {"yes", 'y', NULL, "Do not ask"},
    {0},
};
static const struct option_row wait_options[] = {
    {"timeout", 't', "TIME", "Give up after this long, such as 5m; exit code 4"},
    {0},
};
static const struct option_row process_options[] = {
    {"limit", 'n', "N", "At most so many items (0 = all that are due)"},
    {"max-seconds", 0, "S", "Start nothing new after S seconds"},
    {0},
};
static const struct option_row worker_options[] = {
    {"parent", 0, "PID", "End when this process does (set by serve)"},
    {0},
};
static const struct option_row config_options[] = {
    {"sample", 0, NULL, "Print a commented docq.conf"},
    {0},
};
static const struct option_row token_options[] = {
    {"scope", 's', "LIST", "upload, read, work, operate, admin; separated by commas"},
    {"name", 'n', "NAME", "What the token is for"},
    {"expires", 'e', "AGE", "Valid for this long, such as 90d (no end)"},
    {0},
};
static const struct option_row operation_options[] = {
    {"max-attempts", 0, "N", "Attempts before an item is failed"},
    {"timeout", 0, "TIME", "Longest run of one attempt"},
    {"backoff-base", 0, "TIME", "Pause before the second attempt, at most"},
    {"backoff-factor", 0, "X", "By which the pause grows with each attempt"},
    {"backoff-cap", 0, "TIME", "Longest pause"},
    {"crash-budget", 0, "N", "Attempts that may kill their handler before it is quarantined"},
    {0},
};
static const struct option_row demo_options[] = {
    {"samples", 0, "DIR", "Folder with the samples and their expected.tsv (samples)"},
    {"exit", 0, NULL, "End when all samples are done: 0 if all ended as expected, else 1"},
    {0},
};
static const struct option_row help_options[] = {
    {"markdown", 0, NULL, "Print the whole reference as Markdown"},
    {"man", 0, NULL, "Print the manual page docq(1)"},
    {0},
};

#define MANY CLI_OPERANDS_MAX

#define FILTER_WORDS                                                                               \
    "FILTER is words that must all hold: pending|in_progress|completed|failed|cancelled,\n"        \
    "operation:NAME, error:CODE, document:ID, owner:NAME, since:2h, before:30d."

const struct verb verbs[] = {
    {"serve", "serve", "Run the server and its workers",
     "Serves the HTTP interface on --listen and keeps --workers worker processes running.\n"
     "SIGTERM or Ctrl-C ends it in order. One server per data directory.",
     NULL, SCOPE_EVERY, 0, 0, true, run_serve},
    {"worker", "worker", "Run one more worker",
     "Claims and handles items until SIGTERM; then gives those in progress --grace to end.",
     worker_options, SCOPE_WORK, 0, 0, true, run_worker},
    {"process", "process [--limit N] [--max-seconds S]", "Handle what is due, then end (for cron)",
     "Prints its statistics as JSON. Works beside a running server and without one; runs that\n"
     "overlap are safe. Documents that fail do not change the exit code.",
     process_options, SCOPE_WORK, 0, 0, true, run_process},
    {"upload", "upload FILE... [--wait]", "Store documents and queue them",
     "Prints the id of each document. - is standard input. With --wait: exit code 3 where one\n"
     "failed.",
     upload_options, SCOPE_UPLOAD, 1, MANY, true, run_upload},
    {"reprocess", "reprocess ID... [--wait]", "Process a document again", NULL, reprocess_options,
     SCOPE_NONE, 1, MANY, false, run_reprocess},
    {"show", "show ID...", "Everything about a document or an item",
     "Its fields, its attempts, its error, and why it waits.", NULL, SCOPE_NONE, 1, MANY, false,
     run_show},
    {"ls", "ls [FILTER]", "List documents, newest first", FILTER_WORDS, ls_options, SCOPE_NONE, 0,
     MANY, false, run_ls},
    {"search", "search QUERY", "Find documents by their text",
     "Words must all be on one page, or in the file's name; put the whole query in quotes of the\n"
     "shell. \"a phrase\", begin*, -without, this OR that, filename:, type:, owner:, "
     "since:2026-01,\n"
     "before:30d. Exit code 0 where nothing is found, too.",
     search_options, SCOPE_NONE, 1, MANY, false, run_search},
    {"text", "text ID [--page N | --chunks]", "Print the extracted text",
     "Pages are separated by a form feed where stdout is not a terminal.", text_options, SCOPE_NONE,
     1, 1, false, run_text},
    {"get", "get ID [-o FILE]", "Write the document's bytes to a file",
     "Never overwrites the file it names by itself.", get_options, SCOPE_NONE, 1, 1, false,
     run_get},
    {"wait", "wait ID... [--timeout TIME]", "Wait until documents are done",
     "Exit code 0 where all are completed, 3 where one failed or was cancelled, 4 after the "
     "timeout.",
     wait_options, SCOPE_NONE, 1, MANY, false, run_wait},
    {"stats", "stats", "Counts, rates, workers", NULL, NULL, SCOPE_NONE, 0, 0, false, run_stats},
    {"retry", "retry ID...|FILTER", "Queue failed or cancelled items again", FILTER_WORDS,
     yes_options, SCOPE_NONE, 1, MANY, false, run_retry},
    {"cancel", "cancel ID...|FILTER", "Cancel items; those in progress are stopped", FILTER_WORDS,
     yes_options, SCOPE_NONE, 1, MANY, false, run_cancel},
    {"rm", "rm ID...|FILTER [--yes]", "Remove documents (by id) or items (by filter)",
     "An id removes the document with its items and results; a filter removes "
     "items.\n" FILTER_WORDS,
     yes_options, SCOPE_NONE, 1, MANY, false, run_rm},
    {"pause", "pause [OPERATION]", "Stop handing out work; what is in progress goes on", NULL, NULL,
     SCOPE_NONE, 0, 1, false, run_pause},
    {"resume", "resume [OPERATION]", "Hand out work again", NULL, NULL, SCOPE_NONE, 0, 1, false,
     run_resume},
    {"purge", "purge --older AGE [--status S] [--with-documents]", "Clear old finished items", NULL,
     purge_options, SCOPE_NONE, 0, 0, false, run_purge},
    {"operation", "operation ls | set NAME [--max-attempts N] ...",
     "List operations, make one known, change how it is tried again",
     "What `set` is not given stays as it is. An operation that is new is for a worker of your "
     "own.",
     operation_options, SCOPE_NONE, 1, 2, true, run_operation},
    {"token", "token new --scope LIST | ls | revoke ID | login",
     "Make, list and revoke access tokens",
     "`new` prints the secret once, on stdout; only its digest is stored. `login` prints a link "
     "that logs a browser in to the admin page, once.",
     token_options, SCOPE_NONE, 1, 2, true, run_token},
    {"config", "config [NAME...] [--sample]", "Print the settings and where each comes from",
     "A flag is stronger than a DOCQ_ variable, that than docq.conf, that than the default.",
     config_options, SCOPE_EVERY, 0, MANY, true, run_config},
    {"doctor", "doctor", "Check this machine and this data directory",
     "Every line is ok, warn or fail, with a remedy. Exit code 1 where one fails.", NULL,
     SCOPE_SERVE | SCOPE_WORK | SCOPE_UPLOAD, 0, 0, true, run_doctor},
    {"healthcheck", "healthcheck", "Ask the running server whether it is ready",
     "Exit code 0 ready, 1 not ready, 69 no server.", NULL, SCOPE_NONE, 0, 0, true,
     run_healthcheck},
    {"demo", "demo [--samples DIR] [--exit]", "Show docq at work on sample documents",
     "Starts a server on a free port with a fresh data directory.", demo_options, SCOPE_NONE, 0, 0,
     true, run_demo},
    {"completion", "completion [bash|zsh|fish]", "Print a completion script for a shell",
     "bash: put `source <(docq completion bash)` into ~/.bashrc. zsh: `docq completion zsh` goes "
     "into a\nfile _docq in a folder of $fpath. fish: into ~/.config/fish/completions/docq.fish.",
     NULL, SCOPE_NONE, 0, 1, true, run_completion},
    {"version", "version", "Print the version", NULL, NULL, SCOPE_NONE, 0, 0, true, run_version},
    {"help", "help [VERB]", "Explain docq or a verb", NULL, help_options, SCOPE_NONE, 0, 1, true,
     run_help},
    {0},
};

const struct verb *verb_find(const char *name)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}
