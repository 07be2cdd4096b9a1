/* show: everything about a document or an item, with why it waits and what was tried. */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/buf.h"
#include "base/clock.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

static void print_time(const char *label, int64_t time)
{
    char exact[CLOCK_TEXT_SIZE], age[TEXT_SIZE], text[96];
    if (!time)
        return;
    snprintf(text, sizeof text, "%.19sZ (%s)", clock_format(time, exact),
             text_of_age(time, clock_now(), age));
    out_field(label, text);
}

static void print_status(const char *label, enum dq_status status)
{
    printf("  %s%-10s%s %s%s %s%s\n", out_colour(stdout, DIM), label, out_colour(stdout, PLAIN),
           out_colour(stdout, out_status_colour(status)), out_status_sign(status),
           dq_status_name(status), out_colour(stdout, PLAIN));
}

/* "damaged_document: no trailer (signal 11) (limit memory)", as far as there is something. */
static void explain_attempt(const dq_attempt *attempt, char *text, size_t size)
{
    autobuf line = BUF(4096);
    if (attempt->error_code)
        buf_puts(&line, attempt->error_code);
    if (attempt->error_message)
        buf_printf(&line, ": %.400s", attempt->error_message);
    if (attempt->signal)
        buf_printf(&line, " (signal %d)", attempt->signal);
    if (attempt->limit)
        buf_printf(&line, " (limit %.60s)", attempt->limit);
    snprintf(text, size, "%s", line.length ? line.bytes : "");
}

static void print_attempts(const dq_item *item)
{
    static const char *const titles[] = {">#",      "started", ">took", "outcome",
                                         ">memory", "worker",  "error", NULL};
    autotable table = {.titles = titles};
    int64_t now = clock_now();
    for (size_t i = 0; i < item->history_count; i++) {
        const dq_attempt *attempt = &item->history[i];
        char number[16], age[TEXT_SIZE], took[TEXT_SIZE] = "", peak[TEXT_SIZE] = "", error[640];
        snprintf(number, sizeof number, "%d", attempt->number);
        if (attempt->ended_at)
            text_of_duration(attempt->ended_at - attempt->started_at, took);
        if (attempt->peak_memory)
            text_of_bytes(attempt->peak_memory, peak);
        explain_attempt(attempt, error, sizeof error);
        table_add(&table, PLAIN, number);
        table_add(&table, PLAIN, text_of_age(attempt->started_at, now, age));
        table_add(&table, PLAIN, took);
        table_add(&table, PLAIN, attempt->outcome ? attempt->outcome : "under way");
        table_add(&table, PLAIN, peak);
        table_add(&table, PLAIN, attempt->worker ? attempt->worker : "");
        table_add(&table, PLAIN, error);
    }
    if (item->history_count) {
        puts("");
        table_print(&table);
    }
}

static void print_counts(const dq_item *item)
{
    char text[160];
    snprintf(text, sizeof text, "%d of %d", item->attempts, item->max_attempts);
    if (item->crashes)
        snprintf(text, sizeof text, "%d of %d, %d crash%s", item->attempts, item->max_attempts,
                 item->crashes, item->crashes == 1 ? "" : "es");
    out_field("attempts", text);
    if (item->progress_stage) {
        snprintf(text, sizeof text, "%.80s %lld/%lld", item->progress_stage,
                 (long long)item->progress_done, (long long)item->progress_total);
        out_field("progress", text);
    }
}

static void print_error(const dq_item *item)
{
    char text[1024];
    if (!item->error_code)
        return;
    snprintf(text, sizeof text, "%s: %s", item->error_code,
             item->error_message ? item->error_message : "");
    out_field("error", text);
    if (item->status == DQ_FAILED && !item->error_retryable)
        out_field("", "Trying again would not help: the document itself is at fault.");
    if (item->status == DQ_FAILED && item->error_retryable) {
        snprintf(text, sizeof text, "docq retry %s", item->id);
        out_field("try", text);
    }
}

static void print_item(const dq_item *item)
{
    char text[128];
    snprintf(text, sizeof text, "%s  (%s, priority %d)", item->id, item->operation, item->priority);
    out_field("item", text);
    print_status("status", item->status);
    out_field("waiting", item->waiting);
    print_time("queued", item->created_at);
    if (item->status == DQ_PENDING)
        print_time("due", item->due_at);
    print_time("started", item->started_at);
    print_time("finished", item->finished_at);
    out_field("worker", item->worker);
    if (item->status == DQ_IN_PROGRESS)
        print_time("lease ends", item->lease_expires_at);
    print_counts(item);
    out_field("newer item", item->superseded_by);
    print_error(item);
    print_attempts(item);
}

static void print_result(const dq_document *document)
{
    char bytes[TEXT_SIZE], text[128];
    if (!document->has_result)
        return;
    snprintf(text, sizeof text, "%d page%s, %s of text%s", document->pages,
             document->pages == 1 ? "" : "s", text_of_bytes(document->text_bytes, bytes),
             document->partial ? ", partial: cut by the time limit" : "");
    out_field("result", text);
    out_field("language", document->language);
    if (document->result_metadata && strcmp(document->result_metadata, "{}") != 0)
        out_field("found", document->result_metadata);
    if (document->problems && strcmp(document->problems, "[]") != 0)
        out_field("problems", document->problems);
}

static void print_document(const dq_document *document)
{
    char bytes[TEXT_SIZE];
    printf("%s%s%s\n", out_colour(stdout, BOLD), document->id, out_colour(stdout, PLAIN));
    out_field("file", document->filename);
    out_field("type", document->content_type);
    out_field("size", text_of_bytes(document->size, bytes));
    out_field("sha256", document->sha256);
    if (document->metadata && strcmp(document->metadata, "{}") != 0)
        out_field("metadata", document->metadata);
    if (document->owner && strcmp(document->owner, "default") != 0)
        out_field("owner", document->owner);
    print_time("uploaded", document->created_at);
    print_result(document);
}

/* A document has had other items too, when it was processed again. */
static void print_earlier(struct cli *cli, const dq_document *document)
{
    char filter[DQ_ID_SIZE + 16], line[160], age[TEXT_SIZE];
    dq_item_list *list = NULL;
    snprintf(filter, sizeof filter, "document:%s", document->id);
    if (dq_list_items(cli->queue, filter, 20, NULL, &list, &cli->error) < 0)
        return;
    for (size_t i = 0; i < list->count; i++) {
        const dq_item *item = &list->items[i];
        if (document->item && strcmp(item->id, document->item->id) == 0)
            continue;
        snprintf(line, sizeof line, "%s  (%s, %s, %s)", item->id, item->operation,
                 dq_status_name(item->status), text_of_age(item->created_at, clock_now(), age));
        out_field("earlier", line);
    }
    dq_free(list);
}

static int show_document(struct cli *cli, const dq_document *document)
{
    dq_item *item = NULL;
    if (document->item && dq_get_item(cli->queue, document->item->id, &item, &cli->error) < 0)
        return cli_report(cli);
    if (cli->json) {
        json_t *view = view_document(document);
        json_object_set_new(view, "item", view_item(item));
        out_json(view);
    } else {
        print_document(document);
        print_earlier(cli, document);
        if (item)
            print_item(item);
    }
    dq_free(item);
    return EXIT_OK;
}

int run_show(struct cli *cli, int count, char **operands)
{
    int code = EXIT_OK;
    for (int i = 0; i < count && code == EXIT_OK; i++) {
        dq_document *document = NULL;
        dq_item *item = NULL;
        code = cli_look_up(cli, operands[i], &document, &item);
        if (i && !cli->json)
            puts("");
        if (document)
            code = show_document(cli, document);
        else if (item && cli->json)
            out_json(view_item(item));
        else if (item) {
            print_item(item);
            out_field("document", item->document_id);
        }
        dq_free(document);
        dq_free(item);
    }
    return code;
}
