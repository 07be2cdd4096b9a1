/* Polls: the newest facts are read anew each time, so nothing can be missed. */
#include "cli/follow.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

#include "base/clock.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { POLL_MS_MIN = 30, POLL_MS_MAX = 400, LONELY_SECONDS = 3 };

void follow_init(struct followed *followed, const dq_document *document)
{
    *followed = (struct followed){.status = DQ_PENDING};
    memcpy(followed->item_id, document->item->id, DQ_ID_SIZE);
    memcpy(followed->document_id, document->id, DQ_ID_SIZE);
    snprintf(followed->name, sizeof followed->name, "%s", document->filename);
}

char *follow_outcome(const dq_document *document, const dq_item *item, char *text)
{
    char took[TEXT_SIZE], bytes[TEXT_SIZE];
    text_of_duration(item->finished_at - item->created_at, took);
    if (item->status == DQ_COMPLETED && document->has_result)
        snprintf(text, FOLLOW_TEXT_SIZE, "%d page%s, %s of text%s  %s", document->pages,
                 document->pages == 1 ? "" : "s", text_of_bytes(document->text_bytes, bytes),
                 document->partial ? " (partial)" : "", took);
    else if (item->error_code)
        snprintf(text, FOLLOW_TEXT_SIZE, "%s: %s  %s", item->error_code,
                 item->error_message ? item->error_message : "", took);
    else
        snprintf(text, FOLLOW_TEXT_SIZE, "%s", took);
    return text;
}

static void print_end(struct cli *cli, const dq_document *document, const dq_item *item)
{
    char text[FOLLOW_TEXT_SIZE], name[256], clean[FOLLOW_TEXT_SIZE];
    if (cli->json) {
        json_t *view = view_document(document);
        json_object_set_new(view, "item", view_item(item));
        out_json(view);
        return;
    }
    text_clean(document->filename, 0, name, sizeof name);
    text_clean(follow_outcome(document, item, text), 0, clean, sizeof clean);
    printf("%s  %s%s %-9s%s  %s  %s\n", document->id,
           out_colour(stdout, out_status_colour(item->status)), out_status_sign(item->status),
           dq_status_name(item->status), out_colour(stdout, PLAIN), name, clean);
    fflush(stdout);
}

static void draw(struct progress *progress, const struct followed *one, const dq_item *item)
{
    char bar[PROGRESS_BAR_SIZE];
    const char *stage = item->progress_stage ? item->progress_stage
                        : item->waiting      ? item->waiting
                                             : dq_status_name(item->status);
    progress_line(progress, "%s %s  %s",
                  progress_bar(progress, item->progress_done, item->progress_total, bar), one->name,
                  stage);
}

/* Reads one item; true while it is under way. */
static bool look(struct cli *cli, struct followed *one, struct progress *progress)
{
    dq_item *item = NULL;
    dq_document *document = NULL;
    if (dq_get_item(cli->queue, one->item_id, &item, &cli->error) < 0) {
        one->gone = one->done = true;
        cli_report(cli);
        return false;
    }
    one->status = item->status;
    if (item->superseded_by[0])
        memcpy(one->item_id, item->superseded_by, DQ_ID_SIZE);
    else if (item->status >= DQ_COMPLETED) {
        one->done = true;
        if (dq_get_document(cli->queue, one->document_id, &document, &cli->error) == 0)
            print_end(cli, document, item);
        else
            one->gone = true;
    } else
        draw(progress, one, item);
    dq_free(item);
    dq_free(document);
    return !one->done;
}

/* Nobody would ever come: say so, once. */
static void mention_loneliness(struct cli *cli, struct progress *progress)
{
    dq_queue_stats *stats = NULL;
    if (dq_get_queue_stats(cli->queue, &stats, NULL) < 0)
        return;
    progress_clear(progress);
    if (stats->paused_at)
        cli_say(cli, "docq: the queue is paused; `docq resume` goes on");
    else if (stats->workers == 0 && stats->counts[DQ_IN_PROGRESS] == 0)
        cli_say(cli, "docq: no worker is running; start `docq serve`, or run `docq process`");
    dq_free(stats);
}

static int verdict(const struct followed *list, size_t count, bool timed_out)
{
    int code = timed_out ? EXIT_TIMED_OUT : EXIT_OK;
    for (size_t i = 0; i < count; i++)
        if (list[i].gone)
            return EXIT_NOT_FOUND;
        else if (list[i].done && list[i].status != DQ_COMPLETED)
            code = EXIT_ITEM_FAILED;
    return code;
}

static void report_time_out(const struct followed *list, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        left += !list[i].done;
    fprintf(stderr,
            "docq: the time is up; %zu of %zu not done yet\n"
            "  fix: wait longer with --timeout, or see why with `docq show ID`\n",
            left, count);
}

int follow(struct cli *cli, struct followed *list, size_t count, int64_t timeout)
{
    struct progress progress;
    int64_t begin = clock_tick(), pause = POLL_MS_MIN;
    bool mentioned = false;
    progress_begin(&progress, cli->quiet);
    for (size_t open = count; open > 0;) {
        progress_clear(&progress);
        open = 0;
        for (size_t i = 0; i < count; i++)
            if (!list[i].done && look(cli, &list[i], &progress))
                open++;
        int64_t passed = clock_tick() - begin;
        if (open && timeout && passed >= timeout) {
            progress_clear(&progress);
            report_time_out(list, count);
            return verdict(list, count, true);
        }
        if (open && !mentioned && passed > LONELY_SECONDS * US_PER_S) {
            mention_loneliness(cli, &progress);
            mentioned = true;
        }
        if (open)
            nanosleep(&(struct timespec){.tv_nsec = pause * 1000000}, NULL);
        pause = pause * 5 / 4 < POLL_MS_MAX ? pause * 5 / 4 : POLL_MS_MAX;
    }
    progress_clear(&progress);
    return verdict(list, count, false);
}
