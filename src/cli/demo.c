/*
 * demo: a server of its own on a free port, fed with the samples over HTTP, compared with what
 * samples/expected.tsv says should become of them.
 */
#include "cli/demo.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/home.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_SECONDS = 20, ANSWER_BYTES_MAX = 1 << 20, POLL_MS = 40, ASK_MS = 30000 };
#define DEMO_SECONDS 300 /* for all samples together */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
}

/* The server is this process's child and ends with it; its log goes beside its data. */
static int start_server(struct demo *demo)
{
    char log[PATH_MAX], data[PATH_MAX];
    snprintf(log, sizeof log, "%.3900s/server.log", demo->data);
    snprintf(data, sizeof data, "--data=%.3900s", demo->data);
    autoclose to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    fflush(NULL);
    demo->server = fork();
    if (demo->server < 0 || to < 0)
        return error_errno(&demo->cli->error, "cannot start the server");
    if (demo->server > 0)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* Ctrl-C is the demo's to handle */
    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    if (getppid() == parent)
        execl("/proc/self/exe", "docq", "serve", "--listen=127.0.0.1:0", data, (char *)NULL);
    _exit(EXIT_ERROR);
}

static int server_ended(struct demo *demo)
{
    if (waitpid(demo->server, NULL, WNOHANG) != demo->server)
        return 0;
    demo->server = 0;
    return error_set(&demo->cli->error, DQ_UNREACHABLE,
                     "the server ended\n  fix: see why in %.300s/server.log", demo->data);
}

static int await_server(struct demo *demo)
{
    int64_t until = clock_tick() + START_SECONDS * US_PER_S;
    while (home_read_address(demo->cli, demo->address) < 0) {
        int code = server_ended(demo);
        if (code == 0 && clock_tick() > until)
            code = error_set(&demo->cli->error, DQ_TIMED_OUT,
                             "the server is not ready after %d s\n"
                             "  fix: see why in %.300s/server.log",
                             START_SECONDS, demo->data);
        if (code < 0 || interrupted)
            return code < 0 ? code : error_set(&demo->cli->error, DQ_TIMED_OUT, "interrupted");
        nap();
    }
    return 0;
}

static void stop_server(struct demo *demo)
{
    if (demo->server <= 0)
        return;
    kill(demo->server, SIGTERM);
    while (waitpid(demo->server, NULL, 0) < 0 && errno == EINTR)
        ;
    demo->server = 0;
}

static int upload(struct demo *demo, struct sample *sample)
{
    char path[PATH_MAX], name[256], target[320];
    struct stat state;
    autobuf body = BUF(ANSWER_BYTES_MAX);
    dq_error *error = &demo->cli->error;
    snprintf(path, sizeof path, "%.3500s/%.500s", demo->samples, sample->file);
    snprintf(target, sizeof target, "/v1/documents?filename=%s",
             ask_escape(sample->file, name, sizeof name));
    autoclose fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &state) < 0)
        return error_set(error, DQ_NOT_FOUND, "cannot read the sample %.300s: %s", path,
                         strerror(errno));
    const struct ask question = {.address = demo->address,
                                 .method = "POST",
                                 .target = target,
                                 .body_fd = fd,
                                 .body_bytes = state.st_size,
                                 .timeout_ms = ASK_MS};
    int status = ask(&question, &body, error);
    if (status < 0)
        return status;
    json_t *answer = json_loadb(body.bytes, body.length, 0, NULL);
    const char *id = json_string_value(json_object_get(answer, "id"));
    snprintf(sample->id, sizeof sample->id, "%s", id ? id : "");
    json_decref(answer);
    if (status != 202 || !id)
        return error_set(error, DQ_INTERNAL, "the server did not take %.100s: HTTP %d, %.200s",
                         sample->file, status, body.bytes);
    return 0;
}

static void print_state(struct demo *demo, const struct sample *sample, const char *note)
{
    enum dq_status status = sample->status;
    progress_clear(&demo->progress);
    printf("  %s%s%s %-16s %s%-11s%s %s\n", out_colour(stdout, out_status_colour(status)),
           out_status_sign(status), out_colour(stdout, PLAIN), sample->file,
           out_colour(stdout, out_status_colour(status)), dq_status_name(status),
           out_colour(stdout, PLAIN), note);
    fflush(stdout);
}

/* One look at a sample's document; prints what has changed since the last. */
static int look(struct demo *demo, struct sample *sample)
{
    dq_document *document = NULL;
    char note[FOLLOW_TEXT_SIZE], bar[PROGRESS_BAR_SIZE];
    int code = dq_get_document(demo->cli->queue, sample->id, &document, &demo->cli->error);
    if (code < 0)
        return code;
    enum dq_status before = sample->status;
    sample->status = document->status;
    sample->done = document->status >= DQ_COMPLETED;
    if (sample->done) {
        sample_judge(demo, sample, document);
        print_state(demo, sample, follow_outcome(document, document->item, note));
    } else if (!demo->progress.live && before != sample->status)
        print_state(demo, sample, "");
    else
        progress_line(&demo->progress, "  %s %-16s %s",
                      progress_bar(&demo->progress, document->item->progress_done,
                                   document->item->progress_total, bar),
                      sample->file, dq_status_name(sample->status));
    dq_free(document);
    return 0;
}

static int watch(struct demo *demo)
{
    int64_t until = clock_tick() + DEMO_SECONDS * US_PER_S;
    for (size_t open = 1; open > 0;) {
        open = 0;
        progress_clear(&demo->progress);
        for (size_t i = 0; i < demo->count; i++) {
            int code = demo->list[i].done ? 0 : look(demo, &demo->list[i]);
            if (code < 0)
                return code;
            open += !demo->list[i].done;
        }
        int code = server_ended(demo);
        if (code < 0)
            return code;
        if (interrupted || clock_tick() > until)
            return error_set(&demo->cli->error, DQ_TIMED_OUT, "%zu samples are not done", open);
        if (open)
            nap();
    }
    progress_clear(&demo->progress);
    return 0;
}

static int feed(struct demo *demo)
{
    int code = await_server(demo);
    if (code < 0)
        return code;
    cli_say(demo->cli, "docq: the server is at %s; uploading %zu samples", demo->address,
            demo->count);
    for (size_t i = 0; i < demo->count; i++) {
        code = upload(demo, &demo->list[i]);
        if (code < 0)
            return code;
        demo->list[i].status = DQ_PENDING;
        if (!demo->progress.live)
            print_state(demo, &demo->list[i], "");
    }
    return cli_open(demo->cli) ? watch(demo) : demo->cli->error.code;
}

/* Says how it went; the number of samples that ended otherwise than expected. */
static int conclude(const struct demo *demo)
{
    int wrong = 0;
    for (size_t i = 0; i < demo->count; i++) {
        const struct sample *sample = &demo->list[i];
        if (sample->complaint[0])
            printf("  %s%s: %s%s\n", out_colour(stdout, RED), sample->file, sample->complaint,
                   out_colour(stdout, PLAIN));
        wrong += sample->complaint[0] != '\0';
    }
    if (wrong)
        printf("%d of %zu samples did not end as expected.\n", wrong, demo->count);
    else
        printf("All %zu samples ended as expected.\n", demo->count);
    fflush(stdout);
    return wrong;
}

static void print_where_to_look(const struct demo *demo)
{
    const char *id = demo->list[0].id, *data = demo->data;
    printf("\nWhere to look:\n"
           "  curl %s/v1/documents/%s\n"
           "  curl %s/v1/queue/stats\n"
           "  docq ls --data %s\n"
           "  docq show %s --data %s\n"
           "  docq text %s --data %s\n"
           "  log: %s/server.log\n",
           demo->address, id, demo->address, data, id, data, id, data, data);
    fflush(stdout);
}

static int remove_one(const char *path, const struct stat *state, int type, struct FTW *at)
{
    (void)state;
    (void)type;
    (void)at;
    return remove(path);
}

static int run_in(struct demo *demo)
{
    struct cli *cli = demo->cli;
    bool leave = cli_option(cli, "exit");
    int code = start_server(demo);
    if (code == 0)
        code = feed(demo);
    if (code < 0) {
        progress_clear(&demo->progress);
        stop_server(demo);
        return cli_report(cli);
    }
    int wrong = conclude(demo);
    if (!leave) {
        print_where_to_look(demo);
        cli_say(cli, "\ndocq: the server keeps running; Ctrl-C ends it and removes its data");
    }
    while (!leave && !interrupted && server_ended(demo) == 0)
        nap();
    stop_server(demo);
    return wrong ? EXIT_ERROR : EXIT_OK;
}

int run_demo(struct cli *cli, int count, char **operands)
{
    struct demo demo = {.cli = cli};
    const char *folder = getenv("TMPDIR");
    const struct sigaction action = {.sa_handler = on_interrupt};
    (void)count;
    (void)operands;
    if (samples_load(&demo) < 0)
        return cli_report(cli);
    snprintf(demo.data, sizeof demo.data, "%.3000s/docq-demo-XXXXXX", folder ? folder : "/tmp");
    if (!mkdtemp(demo.data)) {
        error_errno(&cli->error, "cannot make a directory for the demo's data");
        return cli_report(cli);
    }
    /* from here on this process looks into the demo's store, as --data would make it */
    free(cli->settings.values[SET_DATA].text);
    cli->settings.values[SET_DATA].text = strdup(demo.data);
    cli->settings.values[SET_URL].text[0] = '\0';
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    progress_begin(&demo.progress, cli->quiet);
    int code = run_in(&demo);
    dq_close(&cli->queue);
    if (code == EXIT_OK)
        nftw(demo.data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    else
        cli_say(cli, "docq: the data are kept in %s", demo.data);
    return code;
}
