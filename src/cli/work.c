/* worker and process: items handled in this process, without end or until nothing is due. */
#include "cli/cli.h"
#include "cli/home.h"
#include "cli/out.h"

#include "base/clock.h"
#include "base/error.h"
#include "worker/worker.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What both have in common. `url` and `extractor` have room for PATH_MAX. */
static int describe(struct cli *cli, char *url, char *extractor, struct worker_options *options)
{
    int code = home_make(cli);
    if (code == 0)
        code = cli_url(cli, url, PATH_MAX);
    *options = (struct worker_options){
        .url = url,
        .extractor = home_extractor(cli, extractor, PATH_MAX),
        .concurrency = (int)settings_number(&cli->settings, SET_CONCURRENCY),
        .lease_time = settings_number(&cli->settings, SET_LEASE_TIME),
        .memory_bytes = settings_number(&cli->settings, SET_MEMORY_MAX),
        .grace = settings_number(&cli->settings, SET_GRACE),
        .signals = true,
    };
    if (options->grace == 0)
        options->grace = 1; /* zero would mean the default */
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
    char url[PATH_MAX], extractor[PATH_MAX];
    struct worker_options options;
    int64_t parent = 0;
    (void)count;
    (void)operands;
    if (!cli_number(cli, "parent", 1, INT_MAX, 0, &parent))
        return EXIT_USAGE;
    if (!follow_parent(parent))
        return EXIT_OK; /* it was over before we began */
    if (describe(cli, url, extractor, &options) < 0)
        return cli_report(cli);
    options.log = !cli->quiet;
    if (!parent)
        cli_say(cli, "docq: working on %s; Ctrl-C ends it in order", url);
    return worker_run(&options, NULL, &cli->error) < 0 ? cli_report(cli) : EXIT_OK;
}

int run_process(struct cli *cli, int count, char **operands)
{
    char url[PATH_MAX], extractor[PATH_MAX];
    struct worker_options options;
    dq_process_stats stats = {0};
    int64_t limit = 0, seconds = 0;
    (void)count;
    (void)operands;
    if (!cli_number(cli, "limit", 0, INT_MAX, 0, &limit) ||
        !cli_number(cli, "max-seconds", 0, 86400 * 365, 0, &seconds))
        return EXIT_USAGE;
    if (describe(cli, url, extractor, &options) < 0)
        return cli_report(cli);
    options.drain = true;
    options.limit = (int)limit;
    options.time_max = seconds * US_PER_S;
    int code = worker_run(&options, &stats, &cli->error);
    out_json(json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "claimed", (json_int_t)stats.claimed,
                       "completed", (json_int_t)stats.completed, "failed", (json_int_t)stats.failed,
                       "retried", (json_int_t)stats.retried, "released", (json_int_t)stats.released,
                       "duration_ms", (json_int_t)(stats.duration / US_PER_MS)));
    return code < 0 ? cli_report(cli) : EXIT_OK;
}
