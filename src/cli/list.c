/* ls and stats: what there is, in tables or JSON lines. */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

enum { LS_LIMIT = 50 };

static void add_error(struct table *table, const dq_item *item)
{
    char note[512];
    const char *text = item && item->waiting ? item->waiting : "";
    if (item && item->error_code && item->status != DQ_COMPLETED) {
        snprintf(note, sizeof note, "%s: %.400s", item->error_code,
                 item->error_message ? item->error_message : "");
        text = note;
    }
    table_add(table, DIM, text);
}

static void add_document(struct table *table, const dq_document *document)
{
    char id[DQ_ID_SIZE], age[TEXT_SIZE], bytes[TEXT_SIZE], name[256];
    text_clean(document->filename, 40, name, sizeof name);
    table_add(table, PLAIN, out_id(document->id, id));
    table_add(table, out_status_colour(document->status), dq_status_name(document->status));
    table_add(table, PLAIN, text_of_age(document->created_at, clock_now(), age));
    table_add(table, PLAIN, text_of_bytes(document->size, bytes));
    table_add(table, BOLD, name);
    add_error(table, document->item);
}

static void add_item(struct table *table, const dq_item *item)
{
    char id[DQ_ID_SIZE], document[DQ_ID_SIZE], age[TEXT_SIZE], tries[32];
    snprintf(tries, sizeof tries, "%d/%d", item->attempts, item->max_attempts);
    table_add(table, PLAIN, out_id(item->id, id));
    table_add(table, out_status_colour(item->status), dq_status_name(item->status));
    table_add(table, PLAIN, item->operation);
    table_add(table, PLAIN, text_of_age(item->created_at, clock_now(), age));
    table_add(table, PLAIN, tries);
    table_add(table, PLAIN, out_id(item->document_id, document));
    add_error(table, item);
}

struct listing {
    const char *filter;
    int64_t left; /* rows still wanted */
    size_t shown;
    struct table table;
};

static int page_size(const struct listing *listing)
{
    return listing->left < DQ_LIST_MAX ? (int)listing->left : DQ_LIST_MAX;
}

/* One page; *cursor is set to the next one, NULL where there is none. Negative: cli->error. */
static int list_documents(struct cli *cli, struct listing *listing, char *cursor, size_t size)
{
    dq_document_list *list = NULL;
    int code = dq_list_documents(cli->queue, listing->filter, page_size(listing),
                                 *cursor ? cursor : NULL, &list, &cli->error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < list->count; i++)
        if (cli->json)
            out_json(view_document(&list->documents[i]));
        else
            add_document(&listing->table, &list->documents[i]);
    listing->shown += list->count;
    listing->left -= (int64_t)list->count;
    snprintf(cursor, size, "%s", list->next ? list->next : "");
    dq_free(list);
    return 0;
}

static int list_items(struct cli *cli, struct listing *listing, char *cursor, size_t size)
{
    dq_item_list *list = NULL;
    int code = dq_list_items(cli->queue, listing->filter, page_size(listing),
                             *cursor ? cursor : NULL, &list, &cli->error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < list->count; i++)
        if (cli->json)
            out_json(view_item(&list->items[i]));
        else
            add_item(&listing->table, &list->items[i]);
    listing->shown += list->count;
    listing->left -= (int64_t)list->count;
    snprintf(cursor, size, "%s", list->next ? list->next : "");
    dq_free(list);
    return 0;
}

int run_ls(struct cli *cli, int count, char **operands)
{
    static const char *const document_titles[] = {"document", "status", "uploaded", ">size",
                                                  "name",     "note",   NULL};
    static const char *const item_titles[] = {"item",   "status",   "operation", "queued",
                                              ">tries", "document", "note",      NULL};
    char filter[CLI_FILTER_BYTES_MAX], cursor[512] = "";
    bool items = cli_option(cli, "items");
    struct listing listing = {.filter = filter};
    int64_t limit = 0;
    int code = 0;
    if (!cli_number(cli, "limit", 0, 1000000000, LS_LIMIT, &limit) ||
        !cli_filter(cli, count, operands, filter))
        return EXIT_USAGE;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    listing.left = limit ? limit : INT64_MAX;
    listing.table.titles = items ? item_titles : document_titles;
    do
        code = items ? list_items(cli, &listing, cursor, sizeof cursor)
                     : list_documents(cli, &listing, cursor, sizeof cursor);
    while (code == 0 && listing.left > 0 && *cursor);
    if (code == 0 && !cli->json && listing.shown)
        table_print(&listing.table);
    table_free(&listing.table);
    if (code < 0)
        return cli_report(cli);
    if (!listing.shown)
        cli_say(cli,
                count ? "docq: nothing matches" : "docq: nothing here yet; `docq upload FILE`");
    else if (*cursor)
        cli_say(cli, "docq: there are more; --limit 0 shows all");
    return EXIT_OK;
}

static void print_operations(const dq_queue_stats *stats)
{
    static const char *const titles[] = {"operation", ">pending",   ">in progress", ">completed",
                                         ">failed",   ">cancelled", "state",        NULL};
    autotable table = {.titles = titles};
    for (size_t i = 0; i < stats->operation_count; i++) {
        const dq_operation *operation = &stats->operations[i];
        table_add(&table, BOLD, operation->name);
        for (int status = 0; status < DQ_STATUS_MAX; status++) {
            char number[TEXT_SIZE];
            snprintf(number, sizeof number, "%lld", (long long)operation->counts[status]);
            table_add(&table,
                      operation->counts[status] ? out_status_colour((enum dq_status)status) : DIM,
                      number);
        }
        table_add(&table, YELLOW, operation->paused_at ? "paused" : operation->kind);
    }
    table_print(&table);
}

static void print_workers(const dq_worker_list *workers)
{
    static const char *const titles[] = {"worker", "state", ">in progress", "seen", NULL};
    autotable table = {.titles = titles};
    int64_t now = clock_now();
    for (size_t i = 0; i < workers->count; i++) {
        const dq_worker *worker = &workers->workers[i];
        char number[TEXT_SIZE], age[TEXT_SIZE];
        snprintf(number, sizeof number, "%lld", (long long)worker->in_progress);
        table_add(&table, BOLD, worker->name ? worker->name : "");
        table_add(&table, worker->alive ? GREEN : DIM, worker->alive ? "alive" : "gone");
        table_add(&table, PLAIN, number);
        table_add(&table, PLAIN, text_of_age(worker->seen_at, now, age));
    }
    if (workers->count) {
        puts("");
        table_print(&table);
    }
}

static void print_stats(const dq_queue_stats *stats)
{
    char text[160], age[TEXT_SIZE];
    snprintf(text, sizeof text, "%lld", (long long)stats->documents);
    out_field("documents", text);
    snprintf(text, sizeof text, "%lld%s%s", (long long)stats->due,
             stats->due ? ", the oldest for " : "",
             stats->due ? text_of_duration(stats->oldest_due_age, age) : "");
    out_field("due", text);
    snprintf(text, sizeof text, "%lld queued, %lld completed, %lld failed",
             (long long)stats->enqueued_per_minute, (long long)stats->completed_per_minute,
             (long long)stats->failed_per_minute);
    out_field("per minute", text);
    if (stats->paused_at) {
        snprintf(text, sizeof text, "since %s; `docq resume` goes on",
                 text_of_age(stats->paused_at, clock_now(), age));
        out_field("paused", text);
    }
    puts("");
    print_operations(stats);
}

int run_stats(struct cli *cli, int count, char **operands)
{
    dq_queue_stats *stats = NULL;
    dq_worker_list *workers = NULL;
    (void)count;
    (void)operands;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_get_queue_stats(cli->queue, &stats, &cli->error) < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(view_stats(stats));
    else {
        print_stats(stats);
        if (dq_list_workers(cli->queue, &workers, &cli->error) == 0)
            print_workers(workers);
    }
    dq_free(stats);
    dq_free(workers);
    return EXIT_OK;
}
