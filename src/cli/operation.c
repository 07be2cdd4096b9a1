/* operation ls, operation set; and what serve and worker make known by themselves. */
#include "cli/operation.h"

#include "cli/out.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUDGET_MAX 1000
#define FACTOR_MAX 100.0

static const dq_operation *find(const dq_queue_stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->operation_count; i++)
        if (strcmp(stats->operations[i].name, name) == 0)
            return &stats->operations[i];
    return NULL;
}

int operation_make_known(struct cli *cli, const char *name)
{
    dq_queue_stats *stats = NULL;
    int code = dq_get_queue_stats(cli->queue, &stats, &cli->error);
    if (code == 0 && !find(stats, name)) {
        const dq_operation operation = {.name = name, .kind = "remote"};
        code = dq_define_operation(cli->queue, &operation, &cli->error);
    }
    dq_free(stats);
    return code;
}

/* ---- ls -------------------------------------------------------------------------------------- */

static void add_row(struct table *table, const dq_operation *operation)
{
    char number[32], base[TEXT_SIZE], cap[TEXT_SIZE], text[3 * TEXT_SIZE];
    table_add(table, BOLD, operation->name);
    table_add(table, PLAIN, operation->kind);
    snprintf(number, sizeof number, "%d", operation->max_attempts);
    table_add(table, PLAIN, number);
    snprintf(number, sizeof number, "%d", operation->crash_budget);
    table_add(table, PLAIN, number);
    table_add(table, PLAIN, text_of_duration(operation->timeout, text));
    snprintf(text, sizeof text, "%s x %g up to %s", text_of_duration(operation->backoff_base, base),
             operation->backoff_factor, text_of_duration(operation->backoff_cap, cap));
    table_add(table, PLAIN, text);
    table_add(table, operation->paused_at ? YELLOW : PLAIN, operation->paused_at ? "paused" : "");
}

static int operation_ls(struct cli *cli)
{
    static const char *const titles[] = {"operation", "kind",    ">attempts", ">crashes",
                                         "timeout",   "backoff", "",          NULL};
    autotable table = {.titles = titles};
    dq_queue_stats *stats = NULL;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_get_queue_stats(cli->queue, &stats, &cli->error) < 0)
        return cli_report(cli);
    for (size_t i = 0; i < stats->operation_count; i++)
        if (cli->json)
            out_json(view_operation(&stats->operations[i]));
        else
            add_row(&table, &stats->operations[i]);
    if (!cli->json)
        table_print(&table);
    dq_free(stats);
    return EXIT_OK;
}

/* ---- set ------------------------------------------------------------------------------------- */

static bool read_factor(const struct cli *cli, double *factor)
{
    const char *text = cli_option(cli, "backoff-factor");
    char *end = NULL;
    double value = text ? strtod(text, &end) : *factor;
    if (text && (end == text || *end || !(value >= 1 && value <= FACTOR_MAX))) {
        cli_usage(cli, "give a number from 1 to 100, such as 4 or 1.5",
                  "--backoff-factor cannot be \"%.40s\"", text);
        return false;
    }
    *factor = value;
    return true;
}

/* Zero would mean the default. */
static bool read_time(const struct cli *cli, const char *name, int64_t *time)
{
    if (!cli_duration(cli, name, *time, time))
        return false;
    if (*time > 0 || !cli_option(cli, name))
        return true;
    cli_usage(cli, "give a duration such as 90s, 5m, 2h or 30d", "--%s cannot be 0", name);
    return false;
}

/* What is not given stays as it is. */
static bool read_policy(const struct cli *cli, dq_operation *operation)
{
    int64_t attempts, crashes;
    if (!cli_number(cli, "max-attempts", 1, BUDGET_MAX, operation->max_attempts, &attempts) ||
        !cli_number(cli, "crash-budget", 1, BUDGET_MAX, operation->crash_budget, &crashes) ||
        !read_time(cli, "timeout", &operation->timeout) ||
        !read_time(cli, "backoff-base", &operation->backoff_base) ||
        !read_time(cli, "backoff-cap", &operation->backoff_cap) ||
        !read_factor(cli, &operation->backoff_factor))
        return false;
    operation->max_attempts = (int)attempts;
    operation->crash_budget = (int)crashes;
    return true;
}

static int put(struct cli *cli, const char *name, dq_queue_stats **stats)
{
    dq_operation operation = {.name = name, .kind = "remote"};
    int code = dq_get_queue_stats(cli->queue, stats, &cli->error);
    if (code < 0)
        return cli_report(cli);
    if (find(*stats, name))
        operation = *find(*stats, name);
    if (!read_policy(cli, &operation))
        return EXIT_USAGE;
    if (strcmp(operation.kind, "builtin") == 0 && cli_option(cli, "timeout"))
        return cli_usage(cli, "set document-time-max for it, see `docq config document-time-max`",
                         "the timeout of \"%s\" is a setting of the server", name);
    if (dq_define_operation(cli->queue, &operation, &cli->error) < 0)
        return cli_report(cli);
    cli_say(cli, "docq: %s %s", find(*stats, name) ? "changed" : "made", name);
    return EXIT_OK;
}

static int operation_set(struct cli *cli, const char *name)
{
    dq_queue_stats *stats = NULL;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    int code = put(cli, name, &stats);
    dq_free(stats);
    return code;
}

int run_operation(struct cli *cli, int count, char **operands)
{
    static const char *const known[] = {"ls", "set"};
    char fix[64];
    if (strcmp(operands[0], "ls") == 0 && count == 1)
        return operation_ls(cli);
    if (strcmp(operands[0], "set") == 0)
        return count == 2 ? operation_set(cli, operands[1])
                          : cli_usage(cli, "`docq operation ls` lists them", "set needs a name");
    const char *nearest = text_nearest(operands[0], known, 2, sizeof known[0]);
    snprintf(fix, sizeof fix, "%s%s", nearest ? "did you mean operation " : "say ls or set",
             nearest ? nearest : "");
    return cli_usage(cli, fix, "operation does not know \"%.40s\"", operands[count - 1]);
}
