/* config: every setting, its value and where it came from. */
#include "cli/cli.h"
#include "cli/out.h"

#include <stdio.h>
#include <string.h>

static int check_names(const struct cli *cli, int count, char **operands)
{
    for (int i = 0; i < count; i++) {
        char fix[96] = "`docq config` lists every setting";
        const char *nearest = settings_nearest(operands[i]);
        if (settings_find(operands[i], strlen(operands[i])) >= 0)
            continue;
        if (nearest)
            snprintf(fix, sizeof fix, "did you mean \"%s\"?", nearest);
        return cli_usage(cli, fix, "unknown setting \"%.60s\"", operands[i]);
    }
    return EXIT_OK;
}

static bool asked_for(const char *name, int count, char **operands)
{
    for (int i = 0; i < count; i++)
        if (strcmp(operands[i], name) == 0)
            return true;
    return count == 0;
}

int run_config(struct cli *cli, int count, char **operands)
{
    static const char *const titles[] = {"setting", "value", "from", NULL};
    autotable table = {.titles = titles};
    if (cli_option(cli, "sample")) {
        settings_print_sample();
        return EXIT_OK;
    }
    int code = check_names(cli, count, operands);
    if (code)
        return code;
    for (int i = 0; i < SETTINGS_MAX; i++) {
        const struct setting *value = &cli->settings.values[i];
        bool changed = strcmp(value->where, "default") != 0;
        if (!asked_for(setting_rows[i].name, count, operands))
            continue;
        if (cli->json) {
            out_json(json_pack("{s:s,s:s,s:s}", "name", setting_rows[i].name, "value",
                               settings_shown(&cli->settings, (enum setting_id)i), "from",
                               value->where));
            continue;
        }
        table_add(&table, PLAIN, setting_rows[i].name);
        table_add(&table, changed ? BOLD : PLAIN,
                  settings_shown(&cli->settings, (enum setting_id)i));
        table_add(&table, changed ? PLAIN : DIM, value->where);
    }
    if (!cli->json)
        table_print(&table);
    return EXIT_OK;
}
