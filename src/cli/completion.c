/* completion: scripts for three shells, made from the tables of verbs and settings. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static bool takes(const struct verb *verb, int setting)
{
    return (setting_rows[setting].scopes & (verb->scopes | SCOPE_ALL)) != 0;
}

/* In single quotes, for any of the shells. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

/* ---- bash: names alone ----------------------------------------------------------------------- */

static void bash_words(const struct verb *verb)
{
    for (const struct option_row *row = verb->options; row && row->name; row++)
        printf(" --%s", row->name);
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (takes(verb, i))
            printf(" --%s", setting_rows[i].name);
    for (const struct option_row *row = globals; row->name; row++)
        printf(" --%s", row->name);
}

static void print_bash(void)
{
    puts("# bash completion for docq\n_docq()\n{\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} verb= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        [[ ${COMP_WORDS[i]} != -* ]] && verb=${COMP_WORDS[i]} && break\n"
         "    done\n    COMPREPLY=()\n    case $verb in");
    printf("    '') COMPREPLY=($(compgen -W '");
    for (const struct verb *verb = verbs; verb->name; verb++)
        printf("%s ", verb->name);
    puts("' -- \"$word\")) ;;");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        printf("    %s) [[ $word == -* ]] && COMPREPLY=($(compgen -W '", verb->name);
        bash_words(verb);
        puts("' -- \"$word\")) ;;");
    }
    puts("    esac\n}\ncomplete -o default -F _docq docq");
}

/* ---- zsh: names with what they do ------------------------------------------------------------ */

static void zsh_row(const char *dashes, const char *name, const char *help)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s:%s", dashes, name, help);
    fputs("            ", stdout);
    print_quoted(text);
    putchar('\n');
}

static void zsh_options(const struct verb *verb)
{
    for (const struct option_row *row = verb->options; row && row->name; row++)
        zsh_row("--", row->name, row->help);
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (takes(verb, i))
            zsh_row("--", setting_rows[i].name, setting_rows[i].help);
    for (const struct option_row *row = globals; row->name; row++)
        zsh_row("--", row->name, row->help);
}

static void print_zsh(void)
{
    puts("#compdef docq\n# zsh completion for docq\n_docq()\n{\n"
         "    local -a rows\n    local verb= word\n"
         "    for word in ${words[2,$((CURRENT - 1))]}; do\n"
         "        [[ $word != -* ]] && verb=$word && break\n"
         "    done\n    case $verb in\n    '')\n        rows=(");
    for (const struct verb *verb = verbs; verb->name; verb++)
        zsh_row("", verb->name, verb->summary);
    puts("        )\n        _describe -t verbs verb rows\n        ;;");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        printf("    %s)\n        rows=(\n", verb->name);
        zsh_options(verb);
        puts("        )\n        ;;");
    }
    puts("    esac\n    [[ -z $verb ]] && return\n"
         "    if [[ ${words[CURRENT]} == -* ]]; then\n"
         "        _describe -o -t options option rows\n    else\n        _files\n    fi\n}\n"
         "compdef _docq docq");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_row(const char *verb, const char *name, char letter, bool takes_value,
                     const char *help)
{
    printf("complete -c docq -n '__fish_seen_subcommand_from %s' -l %s", verb, name);
    if (letter)
        printf(" -s %c", letter);
    printf("%s -d ", takes_value ? " -r" : "");
    print_quoted(help);
    putchar('\n');
}

static void fish_options(const struct verb *verb)
{
    for (const struct option_row *row = verb->options; row && row->name; row++)
        fish_row(verb->name, row->name, row->letter, row->value != NULL, row->help);
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (takes(verb, i))
            fish_row(verb->name, setting_rows[i].name, 0, true, setting_rows[i].help);
    for (const struct option_row *row = globals; row->name; row++)
        fish_row(verb->name, row->name, row->letter, row->value != NULL, row->help);
}

static void print_fish(void)
{
    puts("# fish completion for docq");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        printf("complete -c docq -f -n __fish_use_subcommand -a %s -d ", verb->name);
        print_quoted(verb->summary);
        putchar('\n');
    }
    for (const struct verb *verb = verbs; verb->name; verb++)
        fish_options(verb);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct shell {
    char name[8];
    void (*print)(void);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

int run_completion(struct cli *cli, int count, char **operands)
{
    const char *wanted = count ? operands[0] : "bash";
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shells[i].name, wanted) == 0) {
            shells[i].print();
            return EXIT_OK;
        }
    return cli_usage(cli, "say bash, zsh or fish", "there is no completion for \"%.40s\"", wanted);
}
