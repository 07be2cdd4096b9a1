/* docq(1), made from the same tables as `docq help`. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* Text that troff must not take for its own: backslashes, hyphens that are to be copied, and a dot
 * or quote at the start of a line. */
static void print_text(const char *text)
{
    for (bool start = true; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '`')
            fputs("\\(ga", stdout);
        else
            putchar(*text);
        start = *text == '\n';
    }
}

static void print_line(const char *text)
{
    print_text(text);
    putchar('\n');
}

static void print_term(const char *name, char letter, const char *value)
{
    fputs(".TP\n\\fB", stdout);
    if (letter)
        printf("\\-%c\\fR, \\fB", letter);
    fputs("\\-\\-", stdout);
    print_text(name);
    fputs("\\fR", stdout);
    if (value) {
        fputs(" \\fI", stdout);
        print_text(value);
        fputs("\\fR", stdout);
    }
    putchar('\n');
}

static void print_rows(const struct option_row *rows)
{
    for (; rows && rows->name; rows++) {
        print_term(rows->name, rows->letter, rows->value);
        print_text(rows->help);
        puts(".");
    }
}

static void print_verb(const struct verb *verb)
{
    fputs(".SS \"docq ", stdout);
    print_text(verb->name);
    fputs("\"\n.nh\n.B docq\n", stdout);
    print_line(verb->usage);
    fputs(".hy\n.PP\n", stdout);
    print_text(verb->summary);
    puts(".");
    if (verb->details)
        print_line(verb->details);
    print_rows(verb->options);
}

static void print_setting(const struct setting_row *row)
{
    char allowed[128], variable[64];
    print_term(row->name, 0, setting_type_name(row->type));
    print_text(row->help);
    fputs(".\n", stdout);
    settings_allowed(row, allowed, sizeof allowed);
    if (*allowed) {
        fputs("Allowed: ", stdout);
        print_text(allowed);
        puts(".");
    }
    if (*row->value) {
        fputs("Default: ", stdout);
        print_text(row->value);
        puts(".");
    }
    printf("Variable: %s.\n", settings_environment(row, variable, sizeof variable));
}

void help_manual(void)
{
    puts(".TH DOCQ 1 \"\" \"docq " DOCQ_VERSION "\" \"User Commands\"\n"
         ".SH NAME\ndocq \\- a durable queue of work on documents\n"
         ".SH SYNOPSIS\n.B docq\n.I VERB\n[options]\n.SH DESCRIPTION\n"
         "Documents are uploaded to a queue that survives crashes, and worked on one by one, each "
         "in a\nprocess of its own. The data directory is the queue; the same verbs work beside a "
         "running server\nand without one.\n.SH VERBS");
    for (const struct verb *verb = verbs; verb->name; verb++)
        print_verb(verb);
    puts(".SH OPTIONS\nEvery verb takes these.");
    print_rows(globals);
    puts(".SH SETTINGS\nA flag is stronger than an environment variable, that than\n"
         ".I docq.conf\nin the data directory, that than the default.\n.B docq config\n"
         "shows each with its value and where that comes from.");
    for (int i = 0; i < SETTINGS_MAX; i++)
        print_setting(&setting_rows[i]);
    puts(".SH EXIT STATUS\n0 ok, 1 error, 2 usage, 3 an item failed, 4 timed out, 5 not found, 69 "
         "server unreachable.");
}
