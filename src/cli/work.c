/* worker and process: items handled in this process, without end or until nothing is due. */
#include "cli/cli.h"
#include "cli/home.h"
#include "cli/out.h"
#include "cli/programs.h"

#include "base/clock.h"
#include "base/error.h"
#include "worker/worker.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What both have in common. */
struct work {
    struct worker_options options;
    struct programs programs;
    char url[PATH_MAX], extractor[PATH_MAX], token[SETTING_BYTES_MAX];
};

static void work_free(struct work *work)
{
    programs_free(&work->programs);
}

#define autowork __attribute__((cleanup(work_free))) struct work

/* The operations of its programs are there before it asks for them. */
static int prepare(struct cli *cli, struct work *work)
{
    int code = programs_read(cli, &work->programs);
    if (code < 0 || work->programs.count == 0)
        return code;
    if (!cli_open(cli))
        return cli->error.code;
    code = programs_make_known(cli, &work->programs);
    dq_close(&cli->queue); /* the worker opens a session of its own */
    return code;
}

static int describe(struct cli *cli, struct work *work)
{
    int code = cli_is_remote(cli) ? 0 : home_make(cli);
    if (code == 0)
        code = cli_url(cli, work->url, sizeof work->url);
    if (code == 0)
        code = cli_token(cli, work->token);
    if (code == 0)
        code = prepare(cli, work);
    work->options = (struct worker_options){
        .url = work->url,
        .token = work->token,
        .extractor = home_extractor(cli, work->extractor, sizeof work->extractor),
        .programs = work->programs.rows,
        .program_count = work->programs.count,
        .secret = work->programs.secret,
        .secret_length = work->programs.secret_length,
        .concurrency = (int)settings_number(&cli->settings, SET_CONCURRENCY),
        .lease_time = settings_number(&cli->settings, SET_LEASE_TIME),
        .memory_bytes = settings_number(&cli->settings, SET_MEMORY_MAX),
        .grace = settings_number(&cli->settings, SET_GRACE),
        .signals = true,
    };
    if (work->options.grace == 0)
        work->options.grace = 1; /* zero would mean the default */
    return code;
}

/* The server's death is this worker's SIGHUP: it finishes what it holds and leaves, while the next
 * server's workers take what is new. The kernel may send it more than once, for each thread of the
 * server that dies after another. */
static bool follow_parent(int64_t parent)
{
    return parent == 0 || (prctl(PR_SET_PDEATHSIG, SIGHUP) == 0 && getppid() == (pid_t)parent);
}

int run_worker(struct cli *cli, int count, char **operands)
{
    autowork work = {0};
    int64_t parent = 0;
    (void)count;
    (void)operands;
    if (!cli_number(cli, "parent", 1, INT_MAX, 0, &parent))
        return EXIT_USAGE;
    if (!follow_parent(parent))
        return EXIT_OK; /* it was over before we began */
    if (describe(cli, &work) < 0)
        return cli_report(cli);
    work.options.log = !cli->quiet;
    if (!parent)
        cli_say(cli, "docq: working on %s; Ctrl-C ends it in order", work.url);
    return worker_run(&work.options, NULL, &cli->error) < 0 ? cli_report(cli) : EXIT_OK;
}

int run_process(struct cli *cli, int count, char **operands)
{
    autowork work = {0};
    dq_process_stats stats = {0};
    int64_t limit = 0, seconds = 0;
    (void)count;
    (void)operands;
    if (!cli_number(cli, "limit", 0, INT_MAX, 0, &limit) ||
        !cli_number(cli, "max-seconds", 0, 86400 * 365, 0, &seconds))
        return EXIT_USAGE;
    if (describe(cli, &work) < 0)
        return cli_report(cli);
    work.options.drain = true;
    work.options.limit = (int)limit;
    work.options.time_max = seconds * US_PER_S;
    int code = worker_run(&work.options, &stats, &cli->error);
    out_json(json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "claimed", (json_int_t)stats.claimed,
                       "completed", (json_int_t)stats.completed, "failed", (json_int_t)stats.failed,
                       "retried", (json_int_t)stats.retried, "released", (json_int_t)stats.released,
                       "duration_ms", (json_int_t)(stats.duration / US_PER_MS)));
    return code < 0 ? cli_report(cli) : EXIT_OK;
}
