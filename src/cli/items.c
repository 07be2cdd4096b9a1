/* retry, cancel, rm, pause, resume, purge: the operator's hand on the queue. */
#include "cli/cli.h"
#include "cli/out.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

/* What retry, cancel and rm have in common: ids one by one, or everything that matches. */
struct action {
    enum dq_bulk bulk;
    const char *question; /* "... 12 matching items?" */
    const char *done;
    int (*one)(struct cli *cli, const dq_document *document, const dq_item *item);
};

static int print_item(struct cli *cli, dq_item *item)
{
    if (cli->json)
        out_json(view_item(item));
    else
        printf("%s  %s\n", item->id, dq_status_name(item->status));
    dq_free(item);
    return EXIT_OK;
}

/* The item that is meant: a document stands for its newest one. */
static const char *item_id(struct cli *cli, const dq_document *document, const dq_item *item)
{
    if (item)
        return item->id;
    if (document->item)
        return document->item->id;
    error_set(&cli->error, DQ_CONFLICT,
              "document %s has no queue item any more\n  fix: `docq reprocess %s` makes one",
              document->id, document->id);
    return NULL;
}

static int retry_one(struct cli *cli, const dq_document *document, const dq_item *item)
{
    dq_item *now = NULL;
    const char *id = item_id(cli, document, item);
    if (!id || dq_retry(cli->queue, id, &now, &cli->error) < 0)
        return cli_report(cli);
    return print_item(cli, now);
}

static int cancel_one(struct cli *cli, const dq_document *document, const dq_item *item)
{
    dq_item *now = NULL;
    const char *id = item_id(cli, document, item);
    if (!id || dq_cancel(cli->queue, id, &now, &cli->error) < 0)
        return cli_report(cli);
    return print_item(cli, now);
}

static int remove_one(struct cli *cli, const dq_document *document, const dq_item *item)
{
    if (item) {
        error_set(&cli->error, DQ_INVALID,
                  "%s is a queue item; only whole documents are removed by id\n"
                  "  fix: `docq rm %s` removes its document",
                  item->id, item->document_id);
        return cli_report(cli);
    }
    if (!cli_confirm(cli, "Remove document %s with its items and results?", document->id))
        return EXIT_ERROR;
    if (dq_delete_document(cli->queue, document->id, &cli->error) < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:s,s:b}", "id", document->id, "removed", 1));
    else
        printf("%s  removed\n", document->id);
    return EXIT_OK;
}

static const struct action retry = {DQ_BULK_RETRY, "Queue again", "queued again", retry_one};
static const struct action cancel = {DQ_BULK_CANCEL, "Cancel", "cancelled", cancel_one};
static const struct action removal = {DQ_BULK_DELETE, "Remove", "removed", remove_one};

static int print_count(struct cli *cli, int64_t number, const char *done)
{
    if (number < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:I}", "count", (json_int_t)number));
    else
        printf("%lld %s\n", (long long)number, done);
    return EXIT_OK;
}

static int by_filter(struct cli *cli, const struct action *action, const char *filter)
{
    dq_item_list *list = NULL;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_list_items(cli->queue, filter, DQ_LIST_MAX, NULL, &list, &cli->error) < 0)
        return cli_report(cli);
    long long matches = (long long)list->count;
    const char *least = list->next ? "at least " : "";
    dq_free(list);
    if (matches > 0 && !cli_confirm(cli, "%s %s%lld matching item%s?", action->question, least,
                                    matches, matches == 1 ? "" : "s"))
        return EXIT_ERROR;
    return print_count(cli, dq_bulk(cli->queue, action->bulk, filter, &cli->error), action->done);
}

static int act(struct cli *cli, const struct action *action, int count, char **operands)
{
    int ids = 0, code = EXIT_OK;
    char filter[CLI_FILTER_BYTES_MAX];
    for (int i = 0; i < count; i++)
        ids += cli_looks_like_id(operands[i]);
    if (ids && ids < count)
        return cli_usage(cli, "give ids only, or words of a filter only",
                         "ids and filter words cannot be mixed");
    if (!ids)
        return cli_filter(cli, count, operands, filter) ? by_filter(cli, action, filter)
                                                        : EXIT_USAGE;
    for (int i = 0; i < count; i++) {
        dq_document *document = NULL;
        dq_item *item = NULL;
        int one = cli_look_up(cli, operands[i], &document, &item);
        if (!one)
            one = action->one(cli, document, item);
        code = one ? one : code;
        dq_free(document);
        dq_free(item);
    }
    return code;
}

int run_retry(struct cli *cli, int count, char **operands)
{
    return act(cli, &retry, count, operands);
}

int run_cancel(struct cli *cli, int count, char **operands)
{
    return act(cli, &cancel, count, operands);
}

int run_rm(struct cli *cli, int count, char **operands)
{
    return act(cli, &removal, count, operands);
}

int run_pause(struct cli *cli, int count, char **operands)
{
    const char *operation = count ? operands[0] : NULL;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_pause(cli->queue, operation, &cli->error) < 0)
        return cli_report(cli);
    cli_say(cli, "docq: %s is paused; what is in progress goes on; `docq resume%s%s` ends it",
            count ? operation : "the queue", count ? " " : "", count ? operation : "");
    return EXIT_OK;
}

int run_resume(struct cli *cli, int count, char **operands)
{
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_resume(cli->queue, count ? operands[0] : NULL, &cli->error) < 0)
        return cli_report(cli);
    cli_say(cli, "docq: work is handed out again");
    return EXIT_OK;
}

int run_purge(struct cli *cli, int count, char **operands)
{
    int64_t older = 0;
    int status = -1;
    const char *name = cli_option(cli, "status"), *age = cli_option(cli, "older");
    (void)count;
    (void)operands;
    if (!age)
        return cli_usage(cli, "say how old, such as --older 30d", "purge needs --older");
    if (!cli_duration(cli, "older", 0, &older))
        return EXIT_USAGE;
    if (name)
        status = dq_status_parse(name, strlen(name));
    if (name && status < DQ_COMPLETED)
        return cli_usage(cli, "give completed, failed or cancelled; without --status all three",
                         "--status cannot be \"%.40s\"", name);
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (!cli_confirm(cli, "Remove %s items that ended more than %s ago%s?",
                     name ? name : "finished", age,
                     cli_option(cli, "with-documents") ? ", with their documents" : ""))
        return EXIT_ERROR;
    int64_t number =
        dq_purge(cli->queue, older, status, cli_option(cli, "with-documents"), &cli->error);
    return print_count(cli, number, "removed");
}
