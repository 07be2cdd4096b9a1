/* doctor and healthcheck: is this machine, this directory, this server fit to work? */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/home.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "sandbox/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FSYNC_TIMES = 20, FILES_WANTED = 8192, EXTRACTOR_MS = 10000, READY_MS = 5000 };

enum level { GOOD, WARN, FAIL };

struct finding {
    enum level level;
    char text[384];
    char fix[256]; /* where it is not GOOD */
};

__attribute__((format(printf, 4, 5))) static void find(struct finding *finding, enum level level,
                                                       const char *fix, const char *format, ...)
{
    va_list args;
    finding->level = level;
    snprintf(finding->fix, sizeof finding->fix, "%s", fix);
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
}

static bool data_exists(const struct cli *cli)
{
    struct stat state;
    return stat(home_path(cli), &state) == 0;
}

/* A database is there or is a fault; a directory that is not there yet is neither. */
static bool store_is_database(const struct cli *cli)
{
    return strncmp(settings_text(&cli->settings, SET_URL), "postgres", strlen("postgres")) == 0;
}

/* Where a file can be put to try the disk: the directory itself, or what it will be made in. */
static const char *trial_directory(const struct cli *cli, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s", home_path(cli));
    while (access(path, F_OK) < 0) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return ".";
        slash[slash == path] = '\0';
    }
    return path;
}

static void check_directory(struct cli *cli, struct finding *finding)
{
    char path[PATH_MAX];
    const char *directory = trial_directory(cli, path);
    if (access(directory, W_OK | X_OK) < 0)
        find(finding, FAIL, "make it writable, or choose another one with --data", "%s: %s",
             directory, strerror(errno));
    else if (!data_exists(cli))
        find(finding, GOOD, "", "%s is not there yet; the first `docq serve` makes it",
             home_path(cli));
    else
        find(finding, GOOD, "", "%s is writable", home_path(cli));
}

static void check_store(struct cli *cli, struct finding *finding)
{
    char url[PATH_MAX], token[SETTING_BYTES_MAX];
    const dq_options options = {.token = token};
    dq_queue_stats *stats = NULL;
    if (!cli_is_remote(cli) && !store_is_database(cli) && !data_exists(cli)) {
        find(finding, GOOD, "", "none yet (docq " DOCQ_VERSION ")");
        return;
    }
    if (cli_url(cli, url, sizeof url) < 0 || cli_token(cli, token) < 0 ||
        dq_open(url, &options, &cli->queue, &cli->error) < 0 ||
        dq_get_queue_stats(cli->queue, &stats, &cli->error) < 0) {
        find(finding, FAIL, error_row(cli->error.code)->remedy, "%s", cli->error.detail);
        return;
    }
    if (stats->risk)
        find(finding, WARN, "docs/postgresql.md says how", "%s", stats->risk);
    else
        find(finding, GOOD, "",
             "opens: %lld documents, %lld pending, %lld failed (docq " DOCQ_VERSION ")",
             (long long)stats->documents, (long long)stats->counts[DQ_PENDING],
             (long long)stats->counts[DQ_FAILED]);
    dq_free(stats);
}

static void check_space(struct cli *cli, struct finding *finding)
{
    char path[PATH_MAX], free_text[TEXT_SIZE], reserve_text[TEXT_SIZE];
    struct statvfs disk;
    int64_t reserve = settings_number(&cli->settings, SET_DISK_RESERVE);
    if (statvfs(trial_directory(cli, path), &disk) < 0) {
        find(finding, FAIL, "check the file system", "%s", strerror(errno));
        return;
    }
    int64_t room = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    text_of_bytes(room, free_text);
    text_of_bytes(reserve, reserve_text);
    if (room < reserve)
        find(finding, FAIL, "free some space, or lower disk-reserve; uploads are refused now",
             "%s free, disk-reserve asks for %s", free_text, reserve_text);
    else if (room < reserve * 4)
        find(finding, WARN, "free some space soon", "%s free, uploads stop at %s", free_text,
             reserve_text);
    else
        find(finding, GOOD, "", "%s free", free_text);
}

/* Runs `PROGRAM --version`; its first line in `line`, or an errno value. */
static int first_line_of(const char *program, char line[128])
{
    extern char **environ;
    char *const argv[] = {(char *)program, "--version", NULL};
    posix_spawn_file_actions_t actions;
    int pipe_fds[2], status = 0;
    pid_t pid = 0;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    int cause = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    autoclose from = pipe_fds[0];
    if (cause)
        return cause;
    struct pollfd news = {.fd = from, .events = POLLIN};
    ssize_t length = poll(&news, 1, EXTRACTOR_MS) == 1 ? fd_read_some(from, line, 127) : 0;
    kill(pid, length > 0 ? 0 : SIGKILL);
    waitpid(pid, &status, 0);
    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return length > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ENOEXEC;
}

static void check_extractor(struct cli *cli, struct finding *finding)
{
    char path[PATH_MAX], line[128] = "";
    const char *program = home_extractor(cli, path, sizeof path);
    int cause = program ? first_line_of(program, line) : ENAMETOOLONG;
    if (cause)
        find(finding, FAIL, "install docq-extract beside docq, or name it with --extractor",
             "%s: %s", program ? program : "docq-extract", strerror(cause));
    else
        find(finding, GOOD, "", "%s (%s)", line, program);
}

static void check_walls(struct cli *cli, struct finding *finding)
{
    unsigned walls = wall_probe(), needed = WALL_NO_NEW_PRIVS | WALL_LIMITS | WALL_FILTER;
    autobuf missing = BUF(200);
    (void)cli;
    for (size_t i = 0; i < wall_row_count; i++)
        if (!(walls & wall_rows[i].bit))
            buf_printf(&missing, "%s%s", missing.length ? ", " : "", wall_rows[i].name);
    if ((walls & needed) != needed)
        find(finding, FAIL,
             "documents are not parsed without it; use a kernel with seccomp filters",
             "missing: %s", missing.bytes);
    else if (!(walls & WALL_FENCE))
        find(finding, WARN, "a kernel with Landlock (5.13 or newer) adds one more wall",
             "missing: %s", missing.bytes);
    else
        find(finding, GOOD, "", "all that is needed%s%s", missing.length ? "; without " : "",
             missing.length ? missing.bytes : "");
}

static void check_clock(struct cli *cli, struct finding *finding)
{
    struct timex state = {0};
    char now[CLOCK_TEXT_SIZE];
    dq_document_list *newest = NULL;
    int64_t newest_at = 0;
    clock_format(clock_now(), now);
    if (cli->queue && dq_list_documents(cli->queue, "", 1, NULL, &newest, NULL) == 0) {
        newest_at = newest->count ? newest->documents[0].created_at : 0;
        dq_free(newest);
    }
    int kernel = adjtimex(&state);
    if (newest_at > clock_now() + 60 * US_PER_S)
        find(finding, FAIL, "set the clock; leases and retries count on it",
             "%s is before the newest document", now);
    else if (kernel == TIME_ERROR)
        find(finding, WARN, "run a time service such as systemd-timesyncd or chrony",
             "%s, not synchronised", now);
    else
        find(finding, GOOD, "", "%s", now);
}

static void check_files(struct cli *cli, struct finding *finding)
{
    struct rlimit limit = {0};
    int64_t wanted = settings_number(&cli->settings, SET_CONNECTIONS_MAX) * 2;
    if (wanted > FILES_WANTED)
        wanted = FILES_WANTED;
    getrlimit(RLIMIT_NOFILE, &limit);
    if ((int64_t)limit.rlim_max < wanted)
        find(finding, WARN, "raise it (LimitNOFILE=, ulimit -Hn), or lower connections-max",
             "at most %lld, %lld connections may need %lld", (long long)limit.rlim_max,
             (long long)settings_number(&cli->settings, SET_CONNECTIONS_MAX), (long long)wanted);
    else
        find(finding, GOOD, "", "%lld, at most %lld", (long long)limit.rlim_cur,
             (long long)limit.rlim_max);
}

/* Microseconds of the middle one of some small synced writes, or -1. */
static int64_t fsync_time(const char *directory)
{
    int64_t times[FSYNC_TIMES];
    char block[4096] = "docq";
    autoclose fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (int i = 0; i < FSYNC_TIMES; i++) {
        int64_t begin = clock_tick();
        if (fd_pwrite_all(fd, block, sizeof block, (off_t)i * 4096) < 0 || fdatasync(fd) < 0)
            return -1;
        int64_t time = clock_tick() - begin;
        int at = i;
        for (; at > 0 && times[at - 1] > time; at--)
            times[at] = times[at - 1];
        times[at] = time;
    }
    return times[FSYNC_TIMES / 2];
}

static void check_fsync(struct cli *cli, struct finding *finding)
{
    char path[PATH_MAX];
    int64_t time = fsync_time(trial_directory(cli, path));
    double ms = (double)time / (double)US_PER_MS;
    if (time < 0)
        find(finding, WARN, "see the first line", "cannot be measured: %s", strerror(errno));
    else if (time > 50 * US_PER_MS)
        find(finding, WARN, "a faster disk lets single uploads be acknowledged sooner",
             "%.1f ms a commit: slow", ms);
    else if (time < 5)
        find(finding, WARN, "choose a real disk for what must survive a restart",
             "%.3f ms a commit: this is memory, not a disk", ms);
    else
        find(finding, GOOD, "", "%.2f ms a commit", ms);
}

static const struct {
    const char *name;
    void (*run)(struct cli *cli, struct finding *finding);
} checks[] = {
    {"data directory", check_directory}, {"store", check_store},   {"disk space", check_space},
    {"extractor", check_extractor},      {"sandbox", check_walls}, {"clock", check_clock},
    {"open files", check_files},         {"fsync", check_fsync},
};

static void print_finding(const struct cli *cli, const char *name, const struct finding *finding)
{
    static const char *const words[] = {[GOOD] = "ok", [WARN] = "warn", [FAIL] = "fail"};
    static const enum colour colours[] = {[GOOD] = GREEN, [WARN] = YELLOW, [FAIL] = RED};
    if (cli->json) {
        out_json(json_pack("{s:s,s:s,s:s,s:s}", "check", name, "level", words[finding->level],
                           "detail", finding->text, "fix", finding->fix));
        return;
    }
    printf("%s%-4s%s  %-15s %s\n", out_colour(stdout, colours[finding->level]),
           words[finding->level], out_colour(stdout, PLAIN), name, finding->text);
    if (finding->level != GOOD)
        printf("      %-15s fix: %s\n", "", finding->fix);
}

int run_doctor(struct cli *cli, int count, char **operands)
{
    enum level worst = GOOD;
    (void)count;
    (void)operands;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct finding finding = {0};
        checks[i].run(cli, &finding);
        print_finding(cli, checks[i].name, &finding);
        if (finding.level > worst)
            worst = finding.level;
    }
    return worst == FAIL ? EXIT_ERROR : EXIT_OK;
}

int run_healthcheck(struct cli *cli, int count, char **operands)
{
    char address[HOME_ADDRESS_SIZE];
    autobuf body = BUF(65536);
    (void)count;
    (void)operands;
    if (cli_is_remote(cli))
        snprintf(address, sizeof address, "%s", settings_text(&cli->settings, SET_URL));
    else if (home_read_address(cli, address) < 0)
        return cli_report(cli);
    const struct ask question = {.address = address,
                                 .method = "GET",
                                 .target = "/readyz",
                                 .body_fd = -1,
                                 .timeout_ms = READY_MS};
    int status = ask(&question, &body, &cli->error);
    if (status < 0)
        return cli_report(cli);
    if (cli->json)
        out_json(json_pack("{s:s,s:b,s:i}", "address", address, "ready", status == 200, "status",
                           status));
    else
        printf("%s  %s (HTTP %d)\n", address, status == 200 ? "ready" : "not ready", status);
    return status == 200 ? EXIT_OK : EXIT_ERROR;
}
