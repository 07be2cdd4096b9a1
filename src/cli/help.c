/* help, version and docs/commands.md: all made from the tables. */
#include "cli/cli.h"
#include "cli/out.h"

#include <stdio.h>
#include <string.h>

static void print_option(char letter, const char *name, const char *value, const char *help)
{
    char left[64], initial[8] = "    ";
    if (letter)
        snprintf(initial, sizeof initial, "-%c, ", letter);
    snprintf(left, sizeof left, "%s--%s%s%s", initial, name, value ? " " : "", value ? value : "");
    printf("  %-30s %s\n", left, help);
}

static void print_options(const char *title, const struct option_row *rows)
{
    if (!rows)
        return;
    printf("\n%s:\n", title);
    for (; rows->name; rows++)
        print_option(rows->letter, rows->name, rows->value, rows->help);
}

static void print_setting(const struct setting_row *row)
{
    char help[256];
    if (*row->value)
        snprintf(help, sizeof help, "%s (%s)", row->help, row->value);
    else
        snprintf(help, sizeof help, "%s", row->help);
    print_option(0, row->name, setting_type_name(row->type), help);
}

static void print_settings(unsigned scopes)
{
    puts("\nsettings (also DOCQ_* variables and docq.conf; see `docq config`):");
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (setting_rows[i].scopes & ((scopes & ~(unsigned)SCOPE_HTTP) | SCOPE_ALL))
            print_setting(&setting_rows[i]);
    if (scopes & SCOPE_HTTP)
        puts("  ... and the limits of the HTTP server, which `docq config` lists");
}

void help_verb(const struct verb *verb)
{
    printf("usage: docq %s\n\n%s.\n", verb->usage, verb->summary);
    if (verb->details)
        printf("%s\n", verb->details);
    print_options("options", verb->options);
    print_settings(verb->scopes);
    print_options("always", globals);
}

void help_all(void)
{
    puts("docq: a durable queue of work on documents.\n\nusage: docq VERB [options]\n\nverbs:");
    for (const struct verb *verb = verbs; verb->name; verb++)
        printf("  %s%-12s%s %s\n", out_colour(stdout, BOLD), verb->name, out_colour(stdout, PLAIN),
               verb->summary);
    print_settings(SCOPE_NONE);
    print_options("always", globals);
    puts("\nexit codes: 0 ok, 1 error, 2 usage, 3 an item failed, 4 timed out, 5 not found,\n"
         "            69 server unreachable\n\n"
         "Begin with:  docq serve      and in a second terminal:  docq upload FILE --wait");
}

static void markdown_options(const struct option_row *rows)
{
    for (; rows && rows->name; rows++) {
        printf("- `--%s%s%s`", rows->name, rows->value ? " " : "", rows->value ? rows->value : "");
        if (rows->letter)
            printf(", `-%c`", rows->letter);
        printf(": %s.\n", rows->help);
    }
}

static void markdown_settings(void)
{
    char variable[64], allowed[128];
    puts("\n## Settings\n\n| setting | variable | default | allowed | what it does |\n"
         "|---|---|---|---|---|");
    for (int i = 0; i < SETTINGS_MAX; i++) {
        const struct setting_row *row = &setting_rows[i];
        printf("| `%s` | `%s` | %s%s%s | %s | %s |\n", row->name,
               settings_environment(row, variable, sizeof variable), *row->value ? "`" : "",
               row->value, *row->value ? "`" : "", settings_allowed(row, allowed, sizeof allowed),
               row->help);
    }
}

static void print_markdown(void)
{
    puts("# Commands\n\nMade by `docq help --markdown`; a test compares.\n\n"
         "Every verb takes these options:\n");
    markdown_options(globals);
    for (const struct verb *verb = verbs; verb->name; verb++) {
        printf("\n## docq %s\n\n    docq %s\n\n%s.\n", verb->name, verb->usage, verb->summary);
        if (verb->details)
            printf("%s\n", verb->details);
        if (verb->options)
            putchar('\n');
        markdown_options(verb->options);
    }
    markdown_settings();
    puts("\n## Exit codes\n\n0 ok, 1 error, 2 usage, 3 an item failed, 4 timed out, 5 not found, "
         "69 server unreachable.");
}

int run_help(struct cli *cli, int count, char **operands)
{
    if (cli_option(cli, "markdown")) {
        print_markdown();
        return EXIT_OK;
    }
    if (cli_option(cli, "man")) {
        help_manual();
        return EXIT_OK;
    }
    if (count == 0) {
        help_all();
        return EXIT_OK;
    }
    const struct verb *verb = verb_find(operands[0]);
    if (verb) {
        help_verb(verb);
        return EXIT_OK;
    }
    return cli_unknown_verb(cli, operands[0]);
}

int run_version(struct cli *cli, int count, char **operands)
{
    (void)count;
    (void)operands;
    if (cli->json)
        out_json(json_pack("{s:s}", "version", DOCQ_VERSION));
    else
        puts("docq " DOCQ_VERSION);
    return EXIT_OK;
}
