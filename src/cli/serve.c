/* serve: lock, recover, listen, keep workers; and back again in the opposite order. */
#include "cli/cli.h"
#include "cli/home.h"
#include "cli/operation.h"
#include "cli/programs.h"
#include "cli/supervisor.h"
#include "cli/token.h"

#include "base/error.h"
#include "base/fd.h"
#include "http/http.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOSTS_MAX = 64, WORKER_ARGUMENTS_MAX = SETTINGS_MAX + 8 };

/* http_limits and the settings of the same names. */
#define LIMITS(X)                                                                                  \
    X(CONNECTIONS_MAX, connections_max)                                                            \
    X(POOL_THREADS, pool_threads)                                                                  \
    X(REQUEST_LINE_BYTES_MAX, request_line_bytes_max)                                              \
    X(HEADER_BYTES_MAX, header_bytes_max)                                                          \
    X(HEADERS_MAX, headers_max)                                                                    \
    X(UPLOAD_BYTES_MAX, upload_bytes_max)                                                          \
    X(JSON_BYTES_MAX, json_bytes_max)                                                              \
    X(RESULT_BYTES_MAX, result_bytes_max)                                                          \
    X(PIPELINE_BYTES_MAX, pipeline_bytes_max)                                                      \
    X(CHUNK_BYTES, chunk_bytes)                                                                    \
    X(MULTIPART_PARTS_MAX, multipart_parts_max)                                                    \
    X(MULTIPART_HEADER_BYTES_MAX, multipart_header_bytes_max)                                      \
    X(HEADER_MS, header_ms)                                                                        \
    X(IDLE_MS, idle_ms)                                                                            \
    X(BODY_GRACE_MS, body_grace_ms)                                                                \
    X(BODY_BYTES_PER_SECOND_MIN, body_bytes_per_second_min)                                        \
    X(BODY_MS, body_ms)                                                                            \
    X(WRITE_MS, write_ms)                                                                          \
    X(LINGER_MS, linger_ms)                                                                        \
    X(DRAIN_MS, drain_ms)                                                                          \
    X(WAIT_SECONDS_MAX, wait_seconds_max)                                                          \
    X(CRON_SECONDS_MAX, cron_seconds_max)                                                          \
    X(CRON_RUNS_MAX, cron_runs_max)

struct server {
    struct cli *cli;
    struct supervisor *supervisor;
    char *worker_argv[WORKER_ARGUMENTS_MAX + 1];
    char *hosts_text;
    const char *hosts[HOSTS_MAX + 1];
    int failed; /* what went wrong once the port was open */
};

static volatile sig_atomic_t signals_seen;

/* The first asks for an orderly end, the second one insists. */
static void on_signal(int signal)
{
    (void)signal;
    if (signals_seen++)
        _exit(EXIT_ERROR);
    http_stop();
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static struct http_limits limits_of(const struct settings *settings)
{
    struct http_limits limits = http_limits_default();
#define TAKE(id, field)                                                                            \
    limits.field = (__typeof__(limits.field))settings_number(settings, SET_##id);
    LIMITS(TAKE)
#undef TAKE
    return limits;
}

static void add_argument(struct server *server, const char *name, const char *value)
{
    size_t i = 0;
    while (server->worker_argv[i])
        i++;
    if (i == WORKER_ARGUMENTS_MAX || asprintf(&server->worker_argv[i], "%s%s", name, value) < 0)
        bug("the worker's command line does not fit");
}

/* A worker gets every setting it takes, as this server understood it. */
static void describe_worker(struct server *server)
{
    const struct settings *settings = &server->cli->settings;
    char text[64];
    add_argument(server, "docq", "");
    add_argument(server, "worker", "");
    snprintf(text, sizeof text, "%d", (int)getpid());
    add_argument(server, "--parent=", text);
    if (settings->config)
        add_argument(server, "--config=", settings->config);
    for (int i = 0; i < SETTINGS_MAX; i++) {
        if (!(setting_rows[i].scopes & (SCOPE_ALL | SCOPE_WORK)) ||
            setting_rows[i].type == SECRET || strcmp(settings->values[i].where, "default") == 0)
            continue;
        snprintf(text, sizeof text, "--%s=", setting_rows[i].name);
        add_argument(server, text, settings->values[i].text);
    }
}

/* The next of a list separated by commas; *rest moves on. NULL: there are no more. */
static char *next_word(char **rest)
{
    char *word;
    while ((word = strsep(rest, ", ")))
        if (*word)
            return word;
    return NULL;
}

static int split_hosts(struct server *server)
{
    size_t count = 0;
    server->hosts_text = strdup(settings_text(&server->cli->settings, SET_ALLOWED_HOSTS));
    if (!server->hosts_text)
        bug("out of memory");
    char *rest = server->hosts_text;
    for (char *word; (word = next_word(&rest));) {
        if (count == HOSTS_MAX)
            return error_field(&server->cli->error, DQ_TOO_LARGE, "allowed-hosts",
                               "allowed-hosts names more than %d hosts", HOSTS_MAX);
        server->hosts[count++] = word;
    }
    return 0;
}

/* What could cost acknowledged work is said before anybody relies on it. */
static void warn_of_risk(struct cli *cli)
{
    dq_queue_stats *stats = NULL;
    if (dq_get_queue_stats(cli->queue, &stats, NULL) == 0 && stats->risk)
        cli_say(cli, "docq: warning: %s", stats->risk);
    dq_free(stats);
}

static void on_ready(void *context, const char *address)
{
    struct server *server = context;
    struct cli *cli = server->cli;
    char url[HOME_ADDRESS_SIZE], link[LOGIN_LINK_SIZE];
    const struct supervisor_options options = {
        .workers = (int)settings_number(&cli->settings, SET_WORKERS),
        .argv = server->worker_argv,
        .grace = settings_number(&cli->settings, SET_GRACE),
        .queue = cli->queue,
    };
    snprintf(url, sizeof url, "%s%s", strstr(address, "://") ? "" : "http://", address);
    server->failed = supervisor_start(&options, &server->supervisor, &cli->error);
    if (server->failed == 0)
        server->failed = home_write_address(cli, url);
    if (server->failed == 0)
        server->failed = token_login_link(cli, url, DQ_SCOPE_ADMIN, link);
    if (server->failed < 0) {
        http_stop();
        return;
    }
    cli_say(cli, "listening on %s", url);
    warn_of_risk(cli);
    cli_say(cli, "  admin page %s", link);
    cli_say(cli,
            "  store %s, %d worker%s; Ctrl-C ends it\n"
            "  next: docq upload FILE --wait --data %s",
            home_path(cli), options.workers, options.workers == 1 ? "" : "s", home_path(cli));
}

static int serve(struct server *server)
{
    struct cli *cli = server->cli;
    char url[PATH_MAX], extractor[PATH_MAX];
    int code = cli_url(cli, url, sizeof url);
    if (code == 0)
        code = dq_recover(cli->queue, NULL, &cli->error);
    if (code > 0)
        cli_say(cli, "docq: took back %d item%s of processes that are gone", code,
                code == 1 ? "" : "s");
    if (code >= 0)
        code = split_hosts(server);
    if (code < 0)
        return code;
    const struct http_options options = {
        .queue = cli->queue,
        .url = url,
        .listen = settings_text(&cli->settings, SET_LISTEN),
        .extractor = home_extractor(cli, extractor, sizeof extractor),
        .limits = limits_of(&cli->settings),
        .access = {.loopback_open = true, .allowed_hosts = server->hosts},
        .ready = on_ready,
        .context = server,
    };
    describe_worker(server);
    watch_signals();
    code = http_serve(&options, &cli->error);
    home_forget_address(cli);
    supervisor_stop(&server->supervisor);
    return server->failed < 0 ? server->failed : code;
}

static void server_free(struct server *server)
{
    for (size_t i = 0; server->worker_argv[i]; i++)
        free(server->worker_argv[i]);
    free(server->hosts_text);
}

/* Makes the operations known that other programs lease over HTTP. */
static int define_remote(struct cli *cli)
{
    char names[SETTING_BYTES_MAX], *rest = names;
    snprintf(names, sizeof names, "%s", settings_text(&cli->settings, SET_REMOTE_OPERATIONS));
    for (char *name; (name = next_word(&rest));) {
        int code = operation_make_known(cli, name);
        if (code < 0)
            return code;
    }
    return 0;
}

/* Before its workers do it: a setting that is wrong is told here, once. */
static int define_programs(struct cli *cli)
{
    struct programs programs;
    int code = programs_read(cli, &programs);
    if (code == 0)
        code = programs_make_known(cli, &programs);
    programs_free(&programs);
    return code;
}

/* document-time-max is a part of the built-in operations' policy, which the store keeps. */
static int define_time(struct cli *cli)
{
    dq_queue_stats *stats = NULL;
    int64_t timeout = settings_number(&cli->settings, SET_DOCUMENT_TIME_MAX);
    int code = dq_get_queue_stats(cli->queue, &stats, &cli->error);
    for (size_t i = 0; code == 0 && i < stats->operation_count; i++) {
        dq_operation operation = stats->operations[i];
        if (strcmp(operation.kind, "builtin") != 0 || operation.timeout == timeout)
            continue;
        operation.timeout = timeout;
        code = dq_define_operation(cli->queue, &operation, &cli->error);
    }
    dq_free(stats);
    return code;
}

int run_serve(struct cli *cli, int count, char **operands)
{
    struct server server = {.cli = cli};
    autoclose lock = -1;
    (void)count;
    (void)operands;
    if (cli_is_remote(cli))
        return cli_usage(cli, "leave --url out; --data names the directory to serve",
                         "a server cannot serve another server");
    if (home_make(cli) < 0 || home_lock(cli, &lock) < 0)
        return cli_report(cli);
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    int code = define_remote(cli);
    if (code == 0)
        code = define_programs(cli);
    if (code == 0)
        code = define_time(cli);
    if (code == 0)
        code = serve(&server);
    server_free(&server);
    if (code < 0)
        return cli_report(cli);
    cli_say(cli, "docq: stopped in order");
    return EXIT_OK;
}
