/* upload, reprocess, wait: documents in, and watched until they are done. */
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024, DRAW_BYTES = 4 * 1024 * 1024 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int open_source(struct cli *cli, const char *path, int64_t *ret_size)
{
    struct stat state = {0};
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &state) == 0 && S_ISDIR(state.st_mode)) {
        fd_close(&fd);
        errno = EISDIR;
    }
    if (fd < 0) {
        int cause = errno;
        error_set(&cli->error, cause == ENOENT ? DQ_NOT_FOUND : DQ_INVALID,
                  "cannot read %.200s: %s\n  fix: name a readable file%s", path, strerror(cause),
                  cause == EISDIR ? ", such as those inside" : "");
    }
    *ret_size = S_ISREG(state.st_mode) ? state.st_size : 0;
    return fd;
}

/* Reads the file to its end into `incoming`, with a bar where it is large. */
static int pour(struct cli *cli, int fd, const char *name, int64_t size, dq_incoming *incoming)
{
    static char piece[PIECE_BYTES];
    struct progress progress;
    int64_t done = 0, drawn = 0;
    ssize_t length;
    int code = 0;
    progress_begin(&progress, cli->quiet);
    while (code == 0 && (length = fd_read_some(fd, piece, sizeof piece)) != 0) {
        if (length < 0)
            code =
                error_set(&cli->error, DQ_INVALID, "cannot read %.200s: %s", name, strerror(errno));
        else
            code = dq_upload_write(incoming, piece, (size_t)length, &cli->error);
        done += length;
        if (code == 0 && done - drawn >= DRAW_BYTES) {
            char bar[PROGRESS_BAR_SIZE], bytes[TEXT_SIZE];
            drawn = done;
            progress_clear(&progress);
            progress_line(&progress, "%s %s  %s", progress_bar(&progress, done, size, bar), name,
                          text_of_bytes(done, bytes));
        }
    }
    progress_clear(&progress);
    return code;
}

static int store_one(struct cli *cli, const char *path, dq_upload *upload,
                     dq_document_list **ret_list)
{
    int64_t size = 0;
    autoclose fd = open_source(cli, path, &size);
    const char *name = cli_option(cli, "name");
    dq_incoming *incoming = NULL;
    if (fd < 0)
        return cli->error.code;
    upload->filename = name ? name : strcmp(path, "-") == 0 ? "stdin" : base_name(path);
    int code = dq_upload_begin(cli->queue, settings_number(&cli->settings, SET_UPLOAD_BYTES_MAX),
                               &incoming, &cli->error);
    if (code < 0)
        return code;
    code = pour(cli, fd, path, size, incoming);
    if (code < 0) {
        dq_upload_abort(&incoming);
        return code;
    }
    upload->incoming = incoming;
    return dq_upload_commit(cli->queue, upload, 1, ret_list, &cli->error);
}

static void print_queued(const struct cli *cli, const dq_document *document)
{
    if (cli->json)
        out_json(view_document(document));
    else
        puts(document->id);
    fflush(stdout);
}

/* The options that describe every document of an upload. */
static bool describe(struct cli *cli, dq_upload *upload)
{
    int64_t priority = 0;
    if (!cli_number(cli, "priority", DQ_PRIORITY_MIN, DQ_PRIORITY_MAX, 0, &priority))
        return false;
    *upload = (dq_upload){.fd = -1,
                          .operation = cli_option(cli, "operation"),
                          .metadata = cli_option(cli, "metadata"),
                          .owner = cli_option(cli, "owner"),
                          .priority = (int)priority};
    json_error_t fault;
    json_t *metadata = upload->metadata ? json_loads(upload->metadata, 0, &fault) : json_object();
    bool is_object = json_is_object(metadata);
    json_decref(metadata);
    if (!is_object)
        cli_usage(cli, "give a JSON object, such as --metadata '{\"case\": 17}'",
                  "--metadata is not a JSON object");
    return is_object;
}

int run_upload(struct cli *cli, int count, char **operands)
{
    dq_upload upload;
    int failed = EXIT_OK;
    size_t stored = 0;
    bool wait = cli_option(cli, "wait");
    if (!describe(cli, &upload))
        return EXIT_USAGE;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    struct followed *list = calloc((size_t)count, sizeof *list);
    for (int i = 0; list && i < count; i++) {
        dq_document_list *documents = NULL;
        if (store_one(cli, operands[i], &upload, &documents) < 0) {
            failed = cli_report(cli);
            continue;
        }
        follow_init(&list[stored++], &documents->documents[0]);
        if (!wait)
            print_queued(cli, &documents->documents[0]);
        dq_free(documents);
    }
    if (stored && !wait)
        cli_say(cli, "docq: %zu queued; `docq show ID` shows how it goes", stored);
    int ended = wait && stored ? follow(cli, list, stored, 0) : EXIT_OK;
    free(list);
    return failed ? failed : ended;
}

int run_reprocess(struct cli *cli, int count, char **operands)
{
    int64_t priority = 0;
    int code = EXIT_OK;
    size_t queued = 0;
    if (!cli_number(cli, "priority", DQ_PRIORITY_MIN, DQ_PRIORITY_MAX, 0, &priority))
        return EXIT_USAGE;
    struct followed *list = calloc((size_t)count, sizeof *list);
    for (int i = 0; list && i < count && code == EXIT_OK; i++) {
        char id[DQ_ID_SIZE];
        dq_document *document = NULL;
        code = cli_resolve(cli, operands[i], id);
        if (code)
            break;
        if (dq_reprocess_document(cli->queue, id, cli_option(cli, "operation"), (int)priority,
                                  &document, &cli->error) < 0) {
            code = cli_report(cli);
            break;
        }
        follow_init(&list[queued++], document);
        if (!cli_option(cli, "wait"))
            print_queued(cli, document);
        dq_free(document);
    }
    int ended = cli_option(cli, "wait") && queued ? follow(cli, list, queued, 0) : EXIT_OK;
    free(list);
    return code ? code : ended;
}

/* What an operand of `wait` names, as something to follow; 0 or an exit code. */
static int pick(struct cli *cli, const char *prefix, struct followed *followed)
{
    dq_document *document = NULL;
    dq_item *item = NULL;
    int code = cli_look_up(cli, prefix, &document, &item);
    if (code)
        return code;
    if (item && dq_get_document(cli->queue, item->document_id, &document, &cli->error) < 0)
        code = cli_report(cli);
    else if (!document->item) {
        error_set(&cli->error, DQ_CONFLICT,
                  "document %s has no queue item any more\n"
                  "  fix: `docq reprocess %s --wait` makes one",
                  document->id, document->id);
        code = cli_report(cli);
    } else {
        follow_init(followed, document);
        if (item)
            memcpy(followed->item_id, item->id, DQ_ID_SIZE);
    }
    dq_free(item);
    dq_free(document);
    return code;
}

int run_wait(struct cli *cli, int count, char **operands)
{
    int64_t timeout = 0;
    int code = EXIT_OK;
    if (!cli_duration(cli, "timeout", 0, &timeout))
        return EXIT_USAGE;
    struct followed *list = calloc((size_t)count, sizeof *list);
    for (int i = 0; list && i < count && code == EXIT_OK; i++)
        code = pick(cli, operands[i], &list[i]);
    if (code == EXIT_OK && list)
        code = follow(cli, list, (size_t)count, timeout);
    free(list);
    return code;
}
