/* The ways a verb opens the store, finds what is meant, speaks and ends. */
#include "cli/cli.h"
#include "cli/out.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_report(const struct cli *cli)
{
    const struct error_row *row = error_row(cli->error.code);
    const char *detail = cli->error.detail[0] ? cli->error.detail : row->title;
    fprintf(stderr, "%sdocq:%s %s\n", out_colour(stderr, RED), out_colour(stderr, PLAIN), detail);
    /* what is invalid carries its own remedy in the detail */
    if (row->code != DQ_INVALID && !strstr(detail, "\n  fix: "))
        fprintf(stderr, "  fix: %s\n", row->remedy);
    return row->exit_code;
}

int cli_usage(const struct cli *cli, const char *fix, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%sdocq:%s ", out_colour(stderr, RED), out_colour(stderr, PLAIN));
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (fix)
        fprintf(stderr, "\n  fix: %s\n", fix);
    else if (cli->verb)
        fprintf(stderr, "\n  fix: see `docq help %s`\n", cli->verb->name);
    else
        fputs("\n  fix: see `docq help`\n", stderr);
    return EXIT_USAGE;
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool cli_confirm(const struct cli *cli, const char *format, ...)
{
    char answer[16] = "";
    va_list args;
    if (cli_option(cli, "yes") || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs(" [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) && tolower((unsigned char)answer[0]) == 'y')
        return true;
    fputs("docq: nothing done\n", stderr);
    return false;
}

bool cli_is_remote(const struct cli *cli)
{
    const char *url = settings_text(&cli->settings, SET_URL);
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

int cli_token(struct cli *cli, char token[SETTING_BYTES_MAX])
{
    const char *given = settings_text(&cli->settings, SET_TOKEN);
    const char *path = settings_text(&cli->settings, SET_TOKEN_FILE);
    snprintf(token, SETTING_BYTES_MAX, "%s", given);
    if (*given || !*path)
        return 0;
    __attribute__((cleanup(close_file))) FILE *file = fopen(path, "re");
    if (!file || !fgets(token, SETTING_BYTES_MAX, file))
        return error_field(&cli->error, DQ_INVALID, "token-file",
                           "cannot read the token in %.200s: %s\n"
                           "  fix: write what `docq token new` printed into this file",
                           path, file ? "it is empty" : strerror(errno));
    token[strcspn(token, "\r\n")] = '\0';
    return 0;
}

int cli_url(struct cli *cli, char *url, size_t size)
{
    const char *given = settings_text(&cli->settings, SET_URL);
    const char *data = settings_text(&cli->settings, SET_DATA);
    struct stat state;
    int length = *given ? snprintf(url, size, "%s", given) : snprintf(url, size, "sqlite:%s", data);
    if (length < 0 || (size_t)length >= size)
        return error_field(&cli->error, DQ_INVALID, "url", "the store's name is too long");
    if (!*given && !cli->verb->creates && stat(data, &state) < 0 && errno == ENOENT)
        return error_field(&cli->error, DQ_NOT_FOUND, "data",
                           "there is no data directory %.300s\n"
                           "  fix: name it with --data or DOCQ_DATA, or make it with `docq serve`",
                           data);
    return 0;
}

/* The engine's own words, with the path and the mending that the command line knows. */
static void explain_open(struct cli *cli, const char *url)
{
    static const char writable[] = "choose another directory with --data, or make it writable";
    static const struct {
        int code;
        const char *fix;
    } rows[] = {
        {DQ_IO, writable},
        {DQ_INVALID, writable},
        {DQ_STORE, writable},
        {DQ_CORRUPT, "restore the directory from a backup, or choose another one with --data"},
    };
    char detail[sizeof cli->error.detail];
    if (cli_is_remote(cli))
        return;
    memcpy(detail, cli->error.detail, sizeof detail);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == cli->error.code)
            snprintf(cli->error.detail, sizeof cli->error.detail,
                     "cannot open the store %.100s: %.250s\n  fix: %s", url, detail, rows[i].fix);
}

dq_queue *cli_open(struct cli *cli)
{
    char url[PATH_MAX], token[SETTING_BYTES_MAX];
    const dq_options options = {
        .token = token,
        .age_step = settings_number(&cli->settings, SET_AGE_STEP),
        .disk_reserve_bytes = settings_number(&cli->settings, SET_DISK_RESERVE),
    };
    if (cli->queue)
        return cli->queue;
    if (cli_url(cli, url, sizeof url) < 0 || cli_token(cli, token) < 0) {
        cli_report(cli);
        return NULL;
    }
    if (dq_open(url, &options, &cli->queue, &cli->error) < 0) {
        explain_open(cli, url);
        cli_report(cli);
        return NULL;
    }
    return cli->queue;
}

void cli_close(struct cli *cli)
{
    dq_close(&cli->queue);
    settings_free(&cli->settings);
}

bool cli_looks_like_id(const char *word)
{
    size_t length = strlen(word);
    return length >= 4 && strspn(word, "0123456789abcdefABCDEF-") == length;
}

int cli_resolve(struct cli *cli, const char *prefix, char ret_id[DQ_ID_SIZE])
{
    if (!cli_looks_like_id(prefix) || strlen(prefix) >= DQ_ID_SIZE)
        return cli_usage(cli,
                         "an id is hexadecimal digits and hyphens; its first part will do, "
                         "from 4 characters on",
                         "\"%.60s\" is not an id", prefix);
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    if (dq_resolve_id(cli->queue, prefix, ret_id, &cli->error) < 0)
        return cli_report(cli);
    return EXIT_OK;
}

int cli_look_up(struct cli *cli, const char *prefix, dq_document **ret_document, dq_item **ret_item)
{
    char id[DQ_ID_SIZE];
    int code = cli_resolve(cli, prefix, id);
    if (code)
        return code;
    code = dq_get_document(cli->queue, id, ret_document, &cli->error);
    if (code == DQ_NOT_FOUND)
        code = dq_get_item(cli->queue, id, ret_item, &cli->error);
    return code < 0 ? cli_report(cli) : EXIT_OK;
}

bool cli_filter(const struct cli *cli, int count, char **words, char filter[CLI_FILTER_BYTES_MAX])
{
    size_t used = 0;
    filter[0] = '\0';
    for (int i = 0; i < count; i++) {
        int length =
            snprintf(filter + used, CLI_FILTER_BYTES_MAX - used, "%s%s", i ? " " : "", words[i]);
        used += (size_t)length;
        if (used >= CLI_FILTER_BYTES_MAX) {
            cli_usage(cli, NULL, "the filter is longer than %d bytes", CLI_FILTER_BYTES_MAX);
            return false;
        }
    }
    return true;
}
