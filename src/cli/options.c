/* The command line: global options, the verb, its options and the settings it takes. */
#include "cli/cli.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

const struct option_row globals[] = {
    {"config", 0, "FILE", "Read settings from FILE instead of DATA/docq.conf"},
    {"json", 'j', NULL, "Print one JSON object a line"},
    {"quiet", 'q', NULL, "Say nothing on stderr but errors"},
    {"no-color", 0, NULL, "No colours (NO_COLOR does the same)"},
    {"help", 'h', NULL, "Explain the verb"},
    {"version", 'V', NULL, "Print the version"},
    {0},
};
enum { G_CONFIG, G_JSON, G_QUIET, G_NO_COLOR, G_HELP, G_VERSION, GLOBALS_MAX };

/* What getopt_long returns: globals, settings and the verb's own options, each from its base. */
enum { BASE_GLOBAL = 1000, BASE_SETTING = 2000, BASE_VERB = 3000 };
enum { LONG_MAX = GLOBALS_MAX + SETTINGS_MAX + CLI_OPTIONS_MAX + 1 };

struct long_options {
    struct option rows[LONG_MAX];
    size_t count;
    char letters[3 + 2 * (GLOBALS_MAX + CLI_OPTIONS_MAX)];
};

static void add_option(struct long_options *all, const char *name, bool argument, int value)
{
    if (all->count + 1 >= LONG_MAX)
        bug("too many options");
    all->rows[all->count++] =
        (struct option){name, argument ? required_argument : no_argument, NULL, value};
}

static void add_rows(struct long_options *all, const struct option_row *rows, int base)
{
    for (int i = 0; rows && rows[i].name; i++) {
        size_t used = strlen(all->letters);
        add_option(all, rows[i].name, rows[i].value, base + i);
        if (rows[i].letter)
            snprintf(all->letters + used, sizeof all->letters - used, "%c%s", rows[i].letter,
                     rows[i].value ? ":" : "");
    }
}

/* '+' stops at the first operand (the verb); ':' tells a missing argument from an unknown name. */
static void collect(struct long_options *all, const struct verb *verb)
{
    *all = (struct long_options){0};
    snprintf(all->letters, sizeof all->letters, verb ? ":" : "+:");
    if (verb)
        add_rows(all, verb->options, BASE_VERB);
    add_rows(all, globals, BASE_GLOBAL);
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (setting_rows[i].scopes & (SCOPE_ALL | (verb ? verb->scopes : SCOPE_NONE)))
            add_option(all, setting_rows[i].name, true, BASE_SETTING + i);
}

static int letter_value(const struct option_row *rows, int letter, int base)
{
    for (int i = 0; rows && rows[i].name; i++)
        if (rows[i].letter == letter)
            return base + i;
    return 0;
}

static void take_global(struct cli *cli, int which)
{
    bool *const flags[GLOBALS_MAX] = {[G_JSON] = &cli->json,
                                      [G_QUIET] = &cli->quiet,
                                      [G_NO_COLOR] = &cli->no_color,
                                      [G_HELP] = &cli->help,
                                      [G_VERSION] = &cli->version};
    if (which == G_CONFIG)
        cli->settings.config = optarg;
    else
        *flags[which] = true;
}

static int refuse(const struct cli *cli, const struct long_options *all, int found, char **argv)
{
    char name[64], fix[128];
    const char *word = argv[optind - 1];
    bool is_long = strncmp(word, "--", 2) == 0;
    if (is_long)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    else
        snprintf(name, sizeof name, "%c", optopt);
    const char *dashes = is_long ? "--" : "-";
    if (found == ':')
        return cli_usage(cli, NULL, "%s%s needs a value", dashes, name);
    for (size_t i = 0; is_long && i < all->count; i++)
        if (strcmp(all->rows[i].name, name) == 0)
            return cli_usage(cli, NULL, "--%s takes no value", name);
    const char *nearest =
        is_long ? text_nearest(name, all->rows, all->count, sizeof all->rows[0]) : NULL;
    if (nearest)
        snprintf(fix, sizeof fix, "did you mean \"--%s\"?", nearest);
    return cli_usage(cli, nearest ? fix : NULL, "unknown option \"%s%s\"", dashes, name);
}

/* One pass of getopt; after it optind is the first operand. */
static int pass(struct cli *cli, int argc, char **argv)
{
    struct long_options all;
    int found;
    collect(&all, cli->verb);
    opterr = 0;
    optind = 0; /* a new beginning, also for glibc's permutation */
    while ((found = getopt_long(argc, argv, all.letters, all.rows, NULL)) != -1) {
        if (found == '?' || found == ':')
            return refuse(cli, &all, found, argv);
        if (found < BASE_GLOBAL) {
            int letter = found;
            found = cli->verb ? letter_value(cli->verb->options, letter, BASE_VERB) : 0;
            if (!found)
                found = letter_value(globals, letter, BASE_GLOBAL);
        }
        if (found >= BASE_VERB)
            cli->given[found - BASE_VERB] = optarg ? optarg : "";
        else if (found >= BASE_SETTING)
            cli->settings.flags[found - BASE_SETTING] = optarg;
        else
            take_global(cli, found - BASE_GLOBAL);
    }
    return 0;
}

int cli_unknown_verb(const struct cli *cli, const char *name)
{
    size_t count = 0;
    char fix[128] = "`docq help` lists the verbs";
    while (verbs[count].name)
        count++;
    const char *nearest = text_nearest(name, verbs, count, sizeof verbs[0]);
    if (nearest)
        snprintf(fix, sizeof fix, "did you mean \"%s\"?", nearest);
    return cli_usage(cli, fix, "unknown verb \"%.40s\"", name);
}

int cli_parse(struct cli *cli, int argc, char **argv, int *ret_first)
{
    int code = pass(cli, argc, argv);
    int at = optind;
    if (code || at >= argc) {
        *ret_first = argc;
        return code;
    }
    cli->verb = verb_find(argv[at]);
    if (!cli->verb)
        return cli_unknown_verb(cli, argv[at]);
    code = pass(cli, argc - at, argv + at);
    *ret_first = at + optind;
    int count = argc - *ret_first;
    if (code || cli->help || cli->version)
        return code;
    if (count < cli->verb->operands_min)
        return cli_usage(cli, NULL, "`docq %s` needs more: %s", cli->verb->name, cli->verb->usage);
    if (count > cli->verb->operands_max)
        return cli_usage(cli, NULL, "`docq %s` does not expect \"%.60s\"", cli->verb->name,
                         argv[*ret_first + cli->verb->operands_max]);
    return 0;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    for (int i = 0; cli->verb->options && cli->verb->options[i].name; i++)
        if (strcmp(cli->verb->options[i].name, name) == 0)
            return cli->given[i];
    bug("verb %s has no option --%s", cli->verb->name, name);
}

bool cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t missing,
                int64_t *ret_number)
{
    const char *text = cli_option(cli, name);
    char fix[96];
    *ret_number = missing;
    if (!text || (text_number(text, ret_number) && *ret_number >= min && *ret_number <= max))
        return true;
    snprintf(fix, sizeof fix, "give a whole number from %lld to %lld", (long long)min,
             (long long)max);
    cli_usage(cli, fix, "--%s cannot be \"%.40s\"", name, text);
    return false;
}

bool cli_duration(const struct cli *cli, const char *name, int64_t missing, int64_t *ret_us)
{
    const char *text = cli_option(cli, name);
    *ret_us = text ? duration_parse(text) : missing;
    if (*ret_us >= 0)
        return true;
    cli_usage(cli, "give a duration such as 90s, 5m, 2h or 30d", "--%s cannot be \"%.40s\"", name,
              text);
    return false;
}
