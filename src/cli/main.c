/* docq: finds the verb, loads the settings, runs it. verbs.c lists what there is. */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/error.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* A variable that is nearly a setting is most likely a slip, and one would look for it long. */
static void warn_of_slips(const struct cli *cli)
{
    for (char **at = environ; at && *at; at++) {
        char name[64], known[64];
        if (strncmp(*at, "DOCQ_", 5) != 0 || strncmp(*at, "DOCQ_CONFIG=", 12) == 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        const char *near = NULL;
        unsigned distance = 3;
        for (int i = 0; i < SETTINGS_MAX && distance; i++) {
            unsigned now =
                text_distance(name, settings_environment(&setting_rows[i], known, sizeof known));
            if (now < distance) {
                near = setting_rows[i].name;
                distance = now;
            }
        }
        if (near && distance)
            cli_say(cli, "docq: warning: %s is no setting; did you mean %s?", name,
                    settings_environment(&setting_rows[settings_find(near, strlen(near))], known,
                                         sizeof known));
    }
}

static void set_log_level(const struct cli *cli)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *wanted = settings_text(&cli->settings, SET_LOG_LEVEL);
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (strcmp(names[i], wanted) == 0)
            log_set_level((enum log_level)i);
}

static int load_settings(struct cli *cli)
{
    char fix[SETTINGS_FIX_SIZE];
    dq_error error = {0};
    if (settings_load(&cli->settings, &error, fix) == 0) {
        set_log_level(cli);
        warn_of_slips(cli);
        return 0;
    }
    return cli_usage(cli, fix, "%s", error.detail);
}

static int run(struct cli *cli, int argc, char **argv)
{
    int first = argc;
    int code = cli_parse(cli, argc, argv, &first);
    out_init(cli->no_color);
    if (code)
        return code;
    if (cli->version)
        return run_version(cli, 0, NULL);
    if (cli->help && cli->verb) {
        help_verb(cli->verb);
        return EXIT_OK;
    }
    if (cli->help) {
        help_all();
        return EXIT_OK;
    }
    if (!cli->verb)
        return cli_usage(cli, "`docq help` lists the verbs; `docq demo` shows docq at work",
                         "no verb given");
    code = load_settings(cli);
    return code ? code : cli->verb->run(cli, argc - first, argv + first);
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen as EPIPE when stdout is flushed */
    int code = run(&cli, argc, argv);
    cli_close(&cli);
    if (fflush(stdout) != 0 && code == EXIT_OK)
        code = EXIT_ERROR;
    return code;
}
