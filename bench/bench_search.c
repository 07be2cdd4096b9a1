/*
 * Full text through the C API: what the index adds to a completion, and how long searches take.
 * Documents of five pages with 300 words each, drawn from 50,000 by Zipf's law, so that word 1
 * stands on nearly every page. Prints one JSON object. Usage: bench_search DIRECTORY [PAGES]
 */
#include "base/buf.h"
#include "base/clock.h"

#include <docq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VOCABULARY = 50000, PAGES_A_DOCUMENT = 5, WORDS_A_PAGE = 300, CLAIM = 10, RUNS = 21 };

static double cumulated[VOCABULARY];
static uint64_t state = 88172645463325252u;

static void die(const dq_error *error)
{
    fprintf(stderr, "bench_search: %s\n", error->detail);
    exit(1);
}

static double chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void fill_vocabulary(void)
{
    double sum = 0;
    for (int i = 0; i < VOCABULARY; i++)
        cumulated[i] = sum += 1.0 / (i + 1);
}

static int draw_word(void)
{
    double at = chance() * cumulated[VOCABULARY - 1];
    int low = 0, high = VOCABULARY - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (cumulated[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Word number N as letters. Every fiftieth begins with "con", about as often as in English. */
static void write_word(struct buf *out, int number)
{
    char word[8];
    int length = 0;
    if (number % 50 == 7)
        buf_puts(out, "con");
    do {
        word[length++] = (char)('a' + number % 26);
        number /= 26;
    } while (number > 0);
    buf_append(out, word, (size_t)length);
    buf_puts(out, " ");
}

static void upload(dq_queue *queue, int count)
{
    enum { GROUP = 100 };
    static const char *const owners[] = {"ana", "bob", "default", "default"};
    dq_error error;
    for (int i = 0; i < count; i += GROUP) {
        dq_upload uploads[GROUP] = {{0}};
        char names[GROUP][32];
        dq_document_list *list;
        int n = count - i < GROUP ? count - i : GROUP;
        for (int k = 0; k < n; k++) {
            snprintf(names[k], sizeof names[k], "report-%d.txt", i + k);
            uploads[k].filename = names[k];
            uploads[k].owner = owners[(i + k) % 4];
            if (dq_upload_begin(queue, 0, &uploads[k].incoming, &error) < 0 ||
                dq_upload_write(uploads[k].incoming, "x", 1, &error) < 0)
                die(&error);
        }
        if (dq_upload_commit(queue, uploads, (size_t)n, &list, &error) < 0)
            die(&error);
        dq_free(list);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Milliseconds of the completion alone. */
static double complete(dq_queue *queue, const dq_lease *lease, struct buf *texts)
{
    dq_page pages[PAGES_A_DOCUMENT];
    dq_error error;
    for (int p = 0; p < PAGES_A_DOCUMENT; p++) {
        buf_clear(&texts[p]);
        for (int w = 0; w < WORDS_A_PAGE; w++)
            write_word(&texts[p], draw_word());
        pages[p] = (dq_page){p + 1, texts[p].bytes, texts[p].length};
    }
    const dq_result result = {.pages = pages, .page_count = PAGES_A_DOCUMENT};
    int64_t start = clock_tick();
    if (dq_mark_completed(queue, lease->token, &result, &error) < 0)
        die(&error);
    return (double)(clock_tick() - start) / 1000;
}

static void fill(dq_queue *queue, int documents)
{
    struct buf texts[PAGES_A_DOCUMENT];
    double *times = calloc((size_t)documents, sizeof *times), sum = 0;
    int done = 0;
    dq_error error;
    for (int p = 0; p < PAGES_A_DOCUMENT; p++)
        texts[p] = BUF(1 << 20);
    upload(queue, documents);
    while (done < documents) {
        const dq_claim_options options = {.limit = CLAIM, .lease_time = 3600 * US_PER_S};
        dq_lease_list *list;
        if (dq_claim(queue, &options, &list, &error) < 0)
            die(&error);
        for (size_t i = 0; i < list->count; i++)
            sum += times[done++] = complete(queue, &list->leases[i], texts);
        dq_free(list);
    }
    qsort(times, (size_t)documents, sizeof *times, by_value);
    printf("\"complete_pages_per_s\": %.0f, \"complete_p50_ms\": %.2f, \"complete_p99_ms\": %.2f, "
           "\"complete_max_ms\": %.1f",
           documents * PAGES_A_DOCUMENT / (sum / 1000), times[documents / 2],
           times[documents * 99 / 100], times[documents - 1]);
    for (int p = 0; p < PAGES_A_DOCUMENT; p++)
        buf_free(&texts[p]);
    free(times);
}

/* Milliseconds of processor time of this thread: what is left on a busy machine. */
static double processor_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void search(dq_queue *queue, const char *name, const char *query)
{
    double times[RUNS], spent[RUNS];
    dq_error error;
    size_t hits = 0;
    for (int i = 0; i < RUNS; i++) {
        dq_hit_list *list;
        int64_t start = clock_tick();
        double spent_before = processor_ms();
        if (dq_search(queue, query, 20, NULL, &list, &error) < 0) {
            printf(", \"%s\": \"%s\"", name, error.detail);
            return;
        }
        times[i] = (double)(clock_tick() - start) / 1000;
        spent[i] = processor_ms() - spent_before;
        hits = list->count;
        dq_free(list);
    }
    qsort(times, RUNS, sizeof *times, by_value);
    qsort(spent, RUNS, sizeof *spent, by_value);
    printf(", \"%s_ms\": %.2f, \"%s_cpu_ms\": %.2f", name, times[RUNS / 2], name, spent[RUNS / 2]);
    fprintf(stderr, "%-24s %8.2f ms median, %8.2f max, %8.2f of processor, %zu hits\n", query,
            times[RUNS / 2], times[RUNS - 1], spent[RUNS / 2], hits);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *query;
    } queries[] = {
        {"search_rare", "bxsb"},
        {"search_middle", "kaa"},
        {"search_most_common", "a"},
        {"search_two_words", "xd yd"},
        {"search_two_common", "a b"},
        {"search_phrase", "\"a b c\""},
        {"search_alternatives", "d OR e OR f OR g"},
        {"search_without", "a -b"},
        {"search_beginning", "con*"},
        {"search_beginnings", "con* -cond* conf* OR cone*"},
        {"search_owner", "b owner:ana"},
        {"search_no_owner", "b owner:nobody"},
        {"search_filename", "filename:report"},
    };
    char url[512];
    dq_queue *queue;
    dq_error error;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_search DIRECTORY [PAGES]\n");
        return 2;
    }
    int pages = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100000;
    snprintf(url, sizeof url, "sqlite:%s", argv[1]);
    if (dq_open(url, NULL, &queue, &error) < 0)
        die(&error);
    fill_vocabulary();
    printf("{");
    if (pages > 0)
        fill(queue, pages / PAGES_A_DOCUMENT);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        search(queue, queries[i].name, queries[i].query);
    printf("}\n");
    dq_close(&queue);
    return 0;
}
